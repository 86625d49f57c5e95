/*
 * The decision hidden here: libxml2's push parser with SAX2 events and a context that is used again, fed piece by
 * piece with what a scan of our own has let pass (xml_scan.h says why).
 *
 * The parser is never stopped from within an event, since that frees buffers that it still looks at: after a fault the
 * events are ignored up to the end of the piece, and the context is thrown away. Neither is the parser asked whether
 * memory was refused: it does not report every case, so its allocations go through a function that remembers.
 */
#include "report/xml.h"

#include "base/sys.h"
#include "xml_scan.h"

#include <libxml/globals.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/threads.h>
#include <libxml/xmlerror.h>

enum {
    PIECE = 16 * 1024,                  /* converted and parsed at a time */
    MOST_NAMESPACES = 64,               /* in scope: the parser looks each prefix up in all of them */
    MOST_NAMES = 1024 * 1024,           /* bytes of the parser's dictionary, which fails at 10 MB, in a document */
    MOST_NAMES_KEPT = 64 * 1024,        /* and between two: it never forgets a name */
    OPTIONS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA | XML_PARSE_IGNORE_ENC,
};

struct xml_reader {
    xmlParserCtxtPtr context;           /* NULL: to be made anew */
    char *room;                         /* text on its way to the parser, UTF-8 */
    size_t room_size;

    /* Of the document that is being read: */
    struct span source;
    enum text_encoding encoding;
    size_t taken;                       /* bytes of source that were converted */
    size_t filled;                      /* bytes in room */
    struct xml_scan scan;
    const struct xml_limits *limits;
    const struct xml_events *events;
    void *owner;
    const char *rule;
    struct error *err;
    bool failed;                        /* err is filled */
    bool rooted;                        /* the root element was seen */
    unsigned depth;
    unsigned line;                      /* where `room` begins */
};

/* Set when the system refuses memory to the parser, which does not report every case. */
static _Thread_local bool refused;

static void *note_refusal(void *at)
{
    refused = refused || at == NULL;
    return at;
}

static void *parser_allocate(size_t size)
{
    return note_refusal(sys.allocate(size));
}

static void *parser_reallocate(void *old, size_t size)
{
    return note_refusal(sys.reallocate(old, size));
}

static void parser_release(void *at)
{
    sys.release(at);
}

static char *parser_copy(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = parser_allocate(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

static void be_silent(void *context, const char *format, ...)
{
    (void)context;
    (void)format;
}

void xml_init(void)
{
    (void)xmlMemSetup(parser_release, parser_allocate, parser_reallocate, parser_copy);
    xmlInitParser();
    xmlSetGenericErrorFunc(NULL, be_silent);
    (void)xmlThrDefSetGenericErrorFunc(NULL, be_silent);
}

/* ---- events of the parser ---- */

static unsigned parser_line(const struct xml_reader *reader)
{
    const xmlParserInput *input = reader->context->input;
    return input != NULL ? (unsigned)input->line : 1;
}

/* The first fault counts; what the parser says after it follows from it. */
static bool may_fail(struct xml_reader *reader)
{
    const bool first = !reader->failed;
    reader->failed = true;
    return first;
}

static void refuse_limit(struct xml_reader *reader, unsigned line, const char *what, size_t limit)
{
    if (may_fail(reader))
        (void)error_refuse(reader->err, ERROR_TOO_BIG, "limit", "line %u: more than %zu %s", line, limit, what);
}

static void refuse_form(struct xml_reader *reader, unsigned line, const char *what)
{
    if (may_fail(reader))
        (void)error_refuse(reader->err, ERROR_MALFORMED, reader->rule, "line %u: %s", line, what);
}

static void on_start_document(void *context)
{
    struct xml_reader *reader = context;
    const xmlChar *version = reader->context->version;
    if (version != NULL && strcmp((const char *)version, "1.0") != 0)
        refuse_form(reader, 1, "the XML version is not 1.0");
}

static void on_internal_subset(void *context, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
    struct xml_reader *reader = context;
    (void)name, (void)public_id, (void)system_id;
    refuse_form(reader, parser_line(reader), "a DTD is not allowed");
}

static struct span span_of_xml(const xmlChar *text)
{
    return span_of((const char *)text);
}

/* The parser writes an ampersand in a value as "&#38;", for the sake of trees. Such a value is a copy of its own. */
static struct span unescape(struct span value)
{
    static const struct span escaped = {"&#38;", 5};
    char *at = (char *)(uintptr_t)value.at;
    size_t len = 0;
    if (memchr(value.at, '&', value.len) == NULL)
        return value;
    for (size_t i = 0; i < value.len; len++) {
        const bool ampersand = value.len - i >= escaped.len && memcmp(value.at + i, escaped.at, escaped.len) == 0;
        at[len] = value.at[i];
        i += ampersand ? escaped.len : 1;
    }
    return (struct span){value.at, len};
}

/* The parser gives five pointers for each attribute: name, prefix, namespace, begin and end of the value. */
static size_t collect_attributes(const xmlChar **given, int count, struct xml_attribute *out)
{
    size_t kept = 0;
    for (int i = 0; i < count && kept < XML_MOST_ATTRIBUTES; i++, given += 5) {
        if (given[1] != NULL)
            continue;
        out[kept].name = span_of_xml(given[0]);
        out[kept].value = unescape((struct span){(const char *)given[3], (size_t)(given[4] - given[3])});
        kept++;
    }
    return kept;
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces,
                     const xmlChar **declared, int attributes, int defaulted, const xmlChar **given)
{
    struct xml_reader *reader = context;
    struct xml_attribute kept[XML_MOST_ATTRIBUTES];
    (void)namespaces, (void)declared, (void)defaulted;
    if (reader->failed)
        return;
    const unsigned line = parser_line(reader);
    reader->rooted = true;
    if (reader->depth++ == reader->limits->depth)
        refuse_limit(reader, line, "elements inside each other", reader->limits->depth);
    else if (reader->context->nsNr > 2 * MOST_NAMESPACES)
        refuse_limit(reader, line, "namespaces", MOST_NAMESPACES);
    else if (!reader->events->start(reader->owner, span_of_xml(name), prefix == NULL && uri == NULL, kept,
                                    collect_attributes(given, attributes, kept), line, reader->err))
        reader->failed = true;
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct xml_reader *reader = context;
    (void)name, (void)prefix, (void)uri;
    if (reader->failed)
        return;
    reader->depth--;
    if (!reader->events->end(reader->owner, reader->err))
        reader->failed = true;
}

static void on_text(void *context, const xmlChar *text, int len)
{
    struct xml_reader *reader = context;
    const struct span piece = {(const char *)text, (size_t)len};
    if (!reader->failed && !reader->events->text(reader->owner, piece, reader->err))
        reader->failed = true;
}

/* What the parser calls "extra content" is too often none at all. */
static const char *fault_message(const struct xml_reader *reader, const xmlError *fault)
{
    const bool complete = reader->rooted && reader->depth == 0;
    return fault->code == XML_ERR_DOCUMENT_END && !complete ? "the document ends too early" : fault->message;
}

/* The message may quote the document: without its control characters, on one line. */
static void on_fault(void *context, xmlErrorPtr fault)
{
    struct xml_reader *reader = context;
    char text[160];
    size_t len = 0;
    if (fault->level < XML_ERR_ERROR)
        return;
    for (const char *at = fault_message(reader, fault); at != NULL && *at != '\0' && len < sizeof text - 1; at++)
        if ((unsigned char)*at >= ' ' && *at != 0x7F)
            text[len++] = *at;
    text[len] = '\0';
    if (may_fail(reader))
        (void)error_refuse(reader->err, ERROR_MALFORMED, reader->rule, "line %d: not well-formed: %s", fault->line,
                           text);
}

/* ---- piece by piece ---- */

static void refuse_memory(struct xml_reader *reader)
{
    reader->failed = true;
    (void)error_set(reader->err, ERROR_NO_MEMORY, "the system refused memory for an XML document");
}

static unsigned line_at(const struct xml_reader *reader, const char *at)
{
    unsigned line = reader->line;
    for (const char *from = reader->room; (from = memchr(from, '\n', (size_t)(at - from))) != NULL; from++)
        line++;
    return line;
}

/* Room for at least half a piece more: a tag may be longer than one. */
static bool make_room(struct xml_reader *reader)
{
    if (reader->room_size - reader->filled >= PIECE / 2)
        return true;
    const size_t size = reader->room_size == 0 ? PIECE : reader->room_size * 2;
    char *room = sys.reallocate(reader->room, size);
    if (room == NULL) {
        refuse_memory(reader);
        return false;
    }
    reader->room = room;
    reader->room_size = size;
    return true;
}

/* Converts what fits behind what is left of the last piece. */
static void take_piece(struct xml_reader *reader)
{
    const struct span rest = {reader->source.at + reader->taken, reader->source.len - reader->taken};
    char *const end = reader->room + reader->filled;
    size_t used, len;
    struct error why;
    const bool converted =
        text_to_utf8(reader->encoding, rest, true, &used, end, reader->room_size - reader->filled, &len, &why);
    const char *nul = memchr(end, '\0', len);
    reader->taken += used;
    reader->filled += len;
    if (nul != NULL) {
        refuse_form(reader, line_at(reader, nul), "a NUL character");
    } else if (!converted) {
        reader->failed = true;
        (void)error_refuse(reader->err, why.kind, reader->rule, "line %u: byte %zu: %s", line_at(reader, end + len),
                           reader->taken, why.text);
    }
}

static void feed(struct xml_reader *reader, struct span text, bool last)
{
    (void)xmlParseChunk(reader->context, text.at, (int)text.len, last);     /* on_fault hears of every fault */
    if (refused)
        refuse_memory(reader);
    else if (xmlDictGetUsage(reader->context->dict) > MOST_NAMES)
        refuse_limit(reader, parser_line(reader), "bytes of different names", MOST_NAMES);
}

/* How much of the room the parser may have. */
static size_t scan_piece(struct xml_reader *reader, bool last)
{
    struct xml_fault fault = {.at = NULL};
    const size_t len = xml_scan(&reader->scan, (struct span){reader->room, reader->filled}, last, &fault);
    if (fault.at != NULL && fault.most > 0)
        refuse_limit(reader, line_at(reader, fault.at), fault.what, fault.most);
    else if (fault.at != NULL)
        refuse_form(reader, line_at(reader, fault.at), fault.what);
    return len;
}

/* A section that goes on behind the piece is closed, and opened again with the next. */
static void parse_piece(struct xml_reader *reader, bool last)
{
    const struct xml_section *begun = reader->scan.section;
    const struct span text = {reader->room, scan_piece(reader, last)};
    if (reader->failed || (text.len == 0 && !last))
        return;
    if (begun != NULL)
        feed(reader, begun->again, false);
    feed(reader, text, last);
    if (reader->scan.section != NULL && !last)
        feed(reader, reader->scan.section->closing, false);
    reader->line = line_at(reader, text.at + text.len);
    reader->filled -= text.len;
    memmove(reader->room, reader->room + text.len, reader->filled);
}

/* ---- the reader ---- */

static void drop_context(struct xml_reader *reader)
{
    xmlFreeParserCtxt(reader->context);
    reader->context = NULL;
}

static xmlParserCtxtPtr make_context(struct xml_reader *reader)
{
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startDocument = on_start_document,
        .internalSubset = on_internal_subset,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .serror = on_fault,
    };
    return xmlCreatePushParserCtxt(&handler, reader, NULL, 0, NULL);
}

/* The parser makes a state for each thread, with memory that it takes past us, and falls when it gets none: it writes
 * there, or looks there for whom to complain to. So it is made here, where its absence is seen, after a try of as much,
 * which the thread has at hand then. */
static bool has_thread_state(void)
{
    static _Thread_local bool made;
    if (made)
        return true;
    void *trial = sys.allocate(sizeof(xmlGlobalState));
    const bool refusal = trial == NULL;
    sys.release(trial);
    made = !refusal && xmlGetGlobalState() != NULL;
    return made;
}

/* A reset context expects UTF-8, whatever the declaration says; a new one would guess. */
static bool prepare_context(struct xml_reader *reader)
{
    if (!has_thread_state()) {
        refuse_memory(reader);
        return false;
    }
    if (reader->context != NULL && xmlDictGetUsage(reader->context->dict) > MOST_NAMES_KEPT)
        drop_context(reader);
    if (reader->context == NULL)
        reader->context = make_context(reader);
    if (reader->context == NULL || xmlCtxtResetPush(reader->context, NULL, 0, NULL, NULL) != 0 || refused) {
        refuse_memory(reader);
        return false;
    }
    (void)xmlCtxtUseOptions(reader->context, OPTIONS);
    return true;
}

bool xml_open(struct xml_reader **out, struct error *err)
{
    struct xml_reader *reader = sys.allocate(sizeof *reader);
    if (reader == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for an XML reader");
    *reader = (struct xml_reader){.context = NULL};
    *out = reader;
    return true;
}

bool xml_read(struct xml_reader *reader, struct span bytes, enum text_encoding encoding,
              const struct xml_limits *limits, const struct xml_events *events, void *owner, const char *rule,
              struct error *err)
{
    refused = false;
    reader->source = bytes;
    reader->encoding = encoding;
    reader->taken = reader->filled = 0;
    reader->limits = limits;
    reader->events = events;
    reader->owner = owner;
    reader->rule = rule;
    reader->err = err;
    reader->failed = reader->rooted = false;
    reader->depth = 0;
    reader->line = 1;
    reader->scan = (struct xml_scan){.tag_bytes = limits->tag_bytes};
    bool last = false;
    if (prepare_context(reader)) {
        while (!last && !reader->failed && make_room(reader)) {
            take_piece(reader);
            last = reader->taken == bytes.len;
            if (!reader->failed)
                parse_piece(reader, last);
        }
    }
    if (reader->failed)
        drop_context(reader);
    return !reader->failed;
}

void xml_close(struct xml_reader *reader)
{
    if (reader == NULL)
        return;
    drop_context(reader);
    sys.release(reader->room);
    sys.release(reader);
}
