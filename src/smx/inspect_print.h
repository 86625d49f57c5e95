/* What smx inspect found, for people, as indented XML, or as JSON. */
#ifndef SMX_INSPECT_PRINT_H
#define SMX_INSPECT_PRINT_H

#include "dump.h"
#include "report/envelope.h"
#include "report/report.h"

enum inspect_form { INSPECT_TEXT, INSPECT_XML, INSPECT_JSON };

/* As far as it was found before the first fault. */
struct findings {
    const char *name;
    bool has_dump;
    struct dump dump;
    bool has_message;               /* an envelope */
    struct message message;
    bool has_xml;
    struct span xml;                /* the report's text, UTF-8 */
    bool has_report;
    struct report report;
};

/* `err` is NULL where all is good. To standard output. */
void inspect_print(const struct findings *findings, const struct error *err, enum inspect_form form);

#endif
