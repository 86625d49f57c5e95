/* The decision hidden here: the scan knows just enough of XML to see where its pieces end: quotes within tags, and the
 * three sections whose content is none of its business. It judges nothing that the parser judges. */
#include "xml_scan.h"

enum {
    LONGEST_REFERENCE = 64,             /* &#x10FFFF; with some zeros */
    LONGEST_OPENING = 9,                /* <![CDATA[ */
    LONGEST_CLOSING = 3,
};

static const struct xml_section sections[] = {
    {{"<![CDATA[", 9}, {"]]>", 3}, {"<![CDATA[", 9}},
    {{"<!--", 4}, {"-->", 3}, {"<!--", 4}},
    {{"<?", 2}, {"?>", 2}, {"<?x ", 4}},
};

/* Where the scan of a text, and of a tag, has something to look at. */
enum { ENDS_TEXT = 1, ENDS_TAG = 2, QUOTES = 4 };

static const unsigned char signs[256] = {
    ['<'] = ENDS_TEXT, ['&'] = ENDS_TEXT, ['>'] = ENDS_TAG, ['"'] = QUOTES, ['\''] = QUOTES,
};

/* The first of these signs, or the end. */
static const char *skip_to(const char *at, const char *end, unsigned which)
{
    while (at < end && (signs[(unsigned char)*at] & which) == 0)
        at++;
    return at;
}

static bool starts_with(struct span text, struct span start)
{
    return text.len >= start.len && memcmp(text.at, start.at, start.len) == 0;
}

/* What may be the first part of a closing or of CR LF is left for the next piece. */
static size_t without_tail(struct span text, bool last)
{
    size_t len = text.len;
    while (!last && len > 0 && text.len - len < LONGEST_CLOSING - 1 && strchr("]-?\r", text.at[len - 1]) != NULL)
        len--;
    return len;
}

/* The length of the tag at the start of `text`; 0 if its end is not in sight. */
static size_t measure_tag(struct span text, size_t *attributes)
{
    const char *const end = text.at + text.len;
    *attributes = 0;
    for (const char *at = text.at; (at = skip_to(at, end, ENDS_TAG | QUOTES)) < end; at++) {
        if (*at == '>')
            return (size_t)(at + 1 - text.at);
        ++*attributes;
        at = memchr(at + 1, *at, (size_t)(end - at - 1));
        if (at == NULL)
            break;
    }
    return 0;
}

static size_t scan_tag(const struct xml_scan *scan, struct span text, struct xml_fault *fault)
{
    size_t attributes;
    const size_t len = measure_tag(text, &attributes);
    if ((len == 0 ? text.len : len) > scan->tag_bytes)
        *fault = (struct xml_fault){text.at, "bytes in one tag", scan->tag_bytes};
    else if (attributes > XML_MOST_ATTRIBUTES)
        *fault = (struct xml_fault){text.at, "attributes in one tag", XML_MOST_ATTRIBUTES};
    return len;
}

static size_t scan_markup(struct xml_scan *scan, struct span text, bool last, struct xml_fault *fault)
{
    if (text.len < LONGEST_OPENING && !last)
        return 0;
    if (starts_with(text, SPAN("<!")) || starts_with(text, SPAN("<?"))) {
        for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
            if (starts_with(text, sections[i].opening)) {
                scan->section = &sections[i];
                return sections[i].opening.len;
            }
        }
        *fault = (struct xml_fault){text.at, "a DTD is not allowed", 0};
    }
    return scan_tag(scan, text, fault);
}

static size_t scan_reference(struct span text, struct xml_fault *fault)
{
    const char *end = memchr(text.at, ';', text.len < LONGEST_REFERENCE ? text.len : LONGEST_REFERENCE);
    if (end == NULL && text.len >= LONGEST_REFERENCE)
        *fault = (struct xml_fault){text.at, "not well-formed: '&' begins no reference", 0};
    return end == NULL ? 0 : (size_t)(end + 1 - text.at);
}

static size_t scan_section(struct xml_scan *scan, struct span text, bool last)
{
    const struct span closing = scan->section->closing;
    const char *end = memmem(text.at, text.len, closing.at, closing.len);
    if (end == NULL)
        return without_tail(text, last);
    scan->section = NULL;
    return (size_t)(end - text.at) + closing.len;
}

static size_t scan_text(struct span text, bool last)
{
    const size_t len = (size_t)(skip_to(text.at, text.at + text.len, ENDS_TEXT) - text.at);
    return len < text.len ? len : without_tail(text, last);
}

size_t xml_scan(struct xml_scan *scan, struct span text, bool last, struct xml_fault *fault)
{
    size_t done = 0, step = 1;
    while (done < text.len && step > 0 && fault->at == NULL) {
        const struct span rest = {text.at + done, text.len - done};
        if (scan->section != NULL)
            step = scan_section(scan, rest, last);
        else if (rest.at[0] == '<')
            step = scan_markup(scan, rest, last, fault);
        else if (rest.at[0] == '&')
            step = scan_reference(rest, fault);
        else
            step = scan_text(rest, last);
        done += step;
    }
    return last ? text.len : done;
}
