/* The decision hidden here: the site in the list is the one that was asked for, since a relay does not know its own. */
#include "mplist.h"

#include "report/text.h"

#include <limits.h>
#include <unistd.h>

enum { HOST_SIZE = HOST_NAME_MAX + 1 };

/* ---- questions ---- */

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

static char upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static bool read_site(struct span word, char site[MPLIST_SITE_SIZE])
{
    size_t i = 0;
    if (word.len != MPLIST_SITE_SIZE - 1)
        return false;
    while (i < word.len && is_letter_or_digit(site[i] = upper(word.at[i])))
        i++;
    site[i] = '\0';
    return i == word.len;
}

enum mplist_question mplist_read(const struct span *words, size_t count, char site[MPLIST_SITE_SIZE])
{
    site[0] = '\0';
    if (count == 1 && span_equal_nocase(words[0], SPAN("MPLIST")))
        return MPLIST_LIST;
    if (count == 2 && span_equal_nocase(words[0], SPAN("MPLIST1")) && read_site(words[1], site))
        return MPLIST_LIST;
    return count == 1 && span_equal_nocase(words[0], SPAN("MPCERT")) ? MPLIST_CERTIFICATE : MPLIST_NONE;
}

/* ---- the list ---- */

struct writer {
    struct buffer *out;
    bool failed;
    struct error err;
};

static void add(struct writer *writer, struct span text)
{
    writer->failed = writer->failed || !buffer_add(writer->out, text.at, text.len, &writer->err);
}

static void add_character(struct writer *writer, uint32_t point, struct span bytes)
{
    if (point == '&')
        add(writer, SPAN("&amp;"));
    else if (point == '<')
        add(writer, SPAN("&lt;"));
    else if (point == '>')
        add(writer, SPAN("&gt;"));
    else if (point == '"')
        add(writer, SPAN("&quot;"));
    else
        add(writer, point == TEXT_REPLACEMENT ? SPAN("\xEF\xBF\xBD") : bytes);
}

/* An admin may have saved the settings in another encoding than UTF-8. */
static void add_escaped(struct writer *writer, const char *text, bool in_capitals)
{
    struct span left = span_of(text);
    while (left.len > 0) {
        size_t size;
        const uint32_t point = text_first(left, &size);
        const char capital = upper(left.at[0]);
        add_character(writer, point,
                      in_capitals && size == 1 ? (struct span){&capital, 1} : (struct span){left.at, size});
        left = (struct span){left.at + size, left.len - size};
    }
}

static const char *host_name(char out[HOST_SIZE])
{
    if (gethostname(out, HOST_SIZE) != 0 || out[0] == '\0')
        return "localhost";
    out[HOST_SIZE - 1] = '\0';
    return out;
}

bool mplist_write(const struct settings *settings, const char *site, struct buffer *out, struct error *err)
{
    struct writer writer = {.out = out};
    char host[HOST_SIZE];
    const char *fqdn = settings->mp_fqdn == NULL ? host_name(host) : settings->mp_fqdn;
    add(&writer, SPAN("<MPList><MP Name=\""));
    add_escaped(&writer, settings->mp_name == NULL ? fqdn : settings->mp_name, settings->mp_name == NULL);
    add(&writer, SPAN("\" FQDN=\""));
    add_escaped(&writer, fqdn, false);
    if (site[0] != '\0') {
        add(&writer, SPAN("\" SiteCode=\""));
        add(&writer, span_of(site));
    }
    add(&writer, SPAN("\"><Version>"));
    add_escaped(&writer, settings->mp_version, false);
    add(&writer, SPAN("</Version><Capabilities SchemaVersion=\"1.0\"><Property Name=\"SSLState\" Value=\"0\"/>"
                      "</Capabilities></MP></MPList>"));
    if (writer.failed)
        *err = writer.err;
    return !writer.failed;
}
