/*
 * XML from anyone, read under limits. The only home of libxml2.
 *
 * What it hides: the parser and its traps (docs/ENGINEERING.md "libxml2"): own transcoding, bounds that are checked before
 * the parser sees a byte (length of a tag, NUL), depth that it does not count itself, any DOCTYPE refused, no
 * entities but the five and character references, XML 1.0 only, namespaces told apart, and above all refused memory
 * told apart from bad XML (ERROR_NO_MEMORY, never ERROR_MALFORMED). Besides the limits that the caller gives, a tag
 * may have 256 attributes, 64 namespaces may be in scope and a document may use 1 MB of different names
 * (ERROR_TOO_BIG, rule "limit", as the others). Text and sections may be as long as the document.
 *
 * Calling sequence: xml_init once before threads; a reader for each thread; xml_read for each document. A reader is
 * used by one thread at a time and is fit for use again after every result. The events' spans (UTF-8) are valid only
 * during the call. An event that returns false ends the reading; it must have filled its own error, which xml_read
 * then returns unchanged: so events get the error to fill.
 */
#ifndef REPORT_XML_H
#define REPORT_XML_H

#include "base/error.h"
#include "base/mem.h"
#include "report/text.h"

struct xml_limits {
    unsigned depth;             /* xml-depth */
    size_t tag_bytes;           /* max-tag: one tag with its attributes, in bytes of UTF-8 */
};

struct xml_attribute {
    struct span name;           /* attributes in a namespace are left out */
    struct span value;
};

/* `known` is false for an element in a namespace: spec/smx.md 6.2 makes it an unknown element. */
struct xml_events {
    bool (*start)(void *owner, struct span name, bool known, const struct xml_attribute *attributes, size_t count,
                  unsigned line, struct error *err);
    bool (*text)(void *owner, struct span text, struct error *err);   /* in pieces; CDATA comes here too */
    bool (*end)(void *owner, struct error *err);
};

struct xml_reader;

void xml_init(void);
bool xml_open(struct xml_reader **out, struct error *err) MUST_CHECK;
/* `bytes` without byte order mark and without what follows the document (NULs). `rule` is the word of a refusal
 * ("report", "envelope"). Refusals name the line. */
bool xml_read(struct xml_reader *reader, struct span bytes, enum text_encoding encoding,
              const struct xml_limits *limits, const struct xml_events *events, void *owner, const char *rule,
              struct error *err) MUST_CHECK;
void xml_close(struct xml_reader *reader);      /* NULL is allowed */

#endif
