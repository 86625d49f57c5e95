/*
 * The scan of XML text before the parser sees it.
 *
 * What it hides: where a piece of the text may end, and which text would cost the parser too much. libxml2 2.9.14
 * - takes time that grows with the square of the attributes of a tag: their number and the tag's length are bounded;
 * - takes the first '>' that it sees for the end of a tag, even inside an attribute value: it gets whole tags only;
 * - keeps a comment, a CDATA section or a processing instruction whole, looks for its end anew with each piece, and
 *   gives up at 10 MB, while the details of a message may be longer: so a section that goes on behind a piece is to be
 *   closed there and opened again with the next. That changes nothing but how many comments there are.
 * Any declaration but these sections is refused as a DTD. Pure.
 */
#ifndef REPORT_XML_SCAN_H
#define REPORT_XML_SCAN_H

#include "report/xml.h"

enum { XML_MOST_ATTRIBUTES = 256 };

struct xml_section {
    struct span opening;
    struct span closing;
    struct span again;                  /* opens the rest of one that was closed early */
};

struct xml_scan {
    size_t tag_bytes;                   /* at most */
    const struct xml_section *section;  /* in which the text seen so far ends, or NULL */
};

struct xml_fault {
    const char *at;                     /* NULL: none */
    const char *what;
    size_t most;                        /* 0: not a limit but a fault of form */
};

/* How much of `text` the parser may have now; the rest belongs in front of what comes next. With `last` nothing comes,
 * and the parser gets all of it, to say what is missing. */
size_t xml_scan(struct xml_scan *scan, struct span text, bool last, struct xml_fault *fault);

#endif
