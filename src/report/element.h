/*
 * The elements of a report: a table of places, and what to do where an element begins and ends there.
 *
 * Private to report.c, which walks it. The functions of a row fill the struct report inside struct parse; on false
 * parse->err is filled. The text of an element is gathered for rows that have a `finish`.
 */
#ifndef REPORT_ELEMENT_H
#define REPORT_ELEMENT_H

#include "report/report.h"

/* Parents stand before their children. */
enum element_node {
    ELEMENT_OUTSIDE,
    ELEMENT_REPORT,
    ELEMENT_HEADER,
    ELEMENT_IDENTIFICATION,
    ELEMENT_MACHINE,
    ELEMENT_CLIENT_INSTALLED,
    ELEMENT_CLIENT_TYPE,
    ELEMENT_CLIENT_ID,
    ELEMENT_CLIENT_VERSION,
    ELEMENT_NET_BIOS_NAME,
    ELEMENT_CODE_PAGE,
    ELEMENT_LCID,
    ELEMENT_PRIORITY,
    ELEMENT_DETAILS,
    ELEMENT_REPORT_CONTENT,
    ELEMENT_REPORT_TYPE,
    ELEMENT_DATE,
    ELEMENT_BODY,
    ELEMENT_MESSAGE,
    ELEMENT_TOPIC,
    ELEMENT_STATE,
    ELEMENT_STATE_DETAILS,
    ELEMENT_PARAMETERS,
    ELEMENT_PARAM,
    ELEMENT_COUNT
};

/* One reading of a report. */
struct parse {
    const struct report_limits *limits;
    struct arena *arena;
    struct error *err;
    struct report report;
    size_t room;                        /* messages that the array can hold */
    struct buffer text;                 /* of the element that is open */
    enum element_node node;
    unsigned skipped;                   /* depth inside of an element that does not matter */
    unsigned line;                      /* of the last start tag */
    uint32_t seen;                      /* a bit for each node; those inside a message since its start */
    const char *fault;                  /* why the message is invalid, or NULL */
    const char *first_fault;            /* of the first invalid message, and where */
    unsigned first_fault_line;
    bool counted;                       /* UserParameters said how many */
    uint64_t count;
};

struct attributes {
    const struct xml_attribute *at;
    size_t count;
};

/* A place in the report. */
struct element {
    const char *name;
    enum element_node parent;
    bool many;
    bool (*begin)(struct parse *parse, struct attributes attributes);
    bool (*finish)(struct parse *parse, struct span text);      /* the text is gathered only for those that have one */
    size_t field;                       /* of struct report: where finish_text and finish_number put it */
};

extern const struct element element_table[ELEMENT_COUNT];

/* ELEMENT_OUTSIDE: `parent` has no such child. */
enum element_node element_find(enum element_node parent, struct span name);
/* Puts something that was tolerated among the problems. */
bool element_note(struct parse *parse, const char *format, ...) __attribute__((format(printf, 2, 3))) MUST_CHECK;

#endif
