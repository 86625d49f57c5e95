/*
 * A report: what the clients' state messages say, as plain data (spec/smx.md 6).
 *
 * What it hides: the elements, where they may stand, what is tolerated (6.1) and what is bad (6.2). A file-level
 * fault is an error of rule "report". A bad message is marked invalid and does not spoil the others, but a report
 * without a valid one is refused. What was tolerated with a shrug stands in `problems`.
 *
 * Every span is UTF-8 and points into the arena; nothing points into the input. Pure; the reader is the caller's.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/error.h"
#include "base/mem.h"
#include "report/text.h"
#include "report/xml.h"

#include <stdint.h>

#define REPORT_NO_TIME INT64_MIN        /* absent or unreadable */
#define REPORT_NO_NUMBER INT64_MIN

enum {
    REPORT_MOST_MESSAGES = 100000,
    REPORT_MOST_PARAMS = 10,            /* kept; more are counted */
    REPORT_MOST_PROBLEMS = 100,         /* kept; more are counted */
    REPORT_PRIORITY_DEFAULT = 5,
};

struct report_limits {
    struct xml_limits xml;
    size_t messages;                    /* at most; REPORT_MOST_MESSAGES */
};

struct sender {
    struct span id;                     /* ClientID as sent, trimmed */
    struct span key;                    /* its normal form: no "GUID:", no blanks, upper case (6.1) */
    bool prefixed;                      /* sent with "GUID:" */
    bool flagged;                       /* has an IDFlag attribute: not counted by the ledger */
    struct span name;                   /* NetBIOSName */
    struct span version;                /* ClientVersion */
    int64_t installed;                  /* ClientInstalled; REPORT_NO_NUMBER where absent, as the next three */
    int64_t type;
    int64_t code_page;
    int64_t lcid;
};

struct state_message {
    bool valid;
    bool has_serial;
    uint64_t serial;
    unsigned line;
    int64_t time;                       /* microseconds UTC; REPORT_NO_TIME */
    uint32_t topic_type;
    uint32_t state;
    int64_t topic_id_type;              /* REPORT_NO_NUMBER where absent */
    int64_t criticality;
    struct span topic_id;
    struct span user;
    struct span user_sid;
    int64_t details_type;
    struct span details;                /* text, never parsed */
    int64_t param_flags;
    struct span params[REPORT_MOST_PARAMS];
    size_t param_count;                 /* elements seen, may be more than kept */
};

/* With this begins the text of the problem that makes a message invalid; why follows. */
#define REPORT_INVALID "the message is invalid: "

struct report_problem {
    unsigned line;
    size_t message;                     /* 1..n, or 0 for the report itself */
    struct span text;
};

struct report {
    struct sender sender;
    int priority;                       /* 5 where absent, empty, negative or not a number (smx.md 4) */
    bool priority_sent;                 /* a usable one was */
    int64_t created;                    /* Date */
    struct span content;                /* ReportContent */
    struct span type;                   /* ReportType */
    struct state_message *messages;
    size_t message_count;               /* valid and invalid */
    size_t invalid_count;
    struct report_problem *problems;
    size_t problem_count;               /* kept */
    size_t problems_seen;
};

/* `bytes` has no byte order mark and no trailing NULs (smx_text). */
bool report_parse(struct span bytes, enum text_encoding encoding, const struct report_limits *limits,
                  struct xml_reader *reader, struct arena *arena, struct report *out, struct error *err) MUST_CHECK;

/* The normal form of a client's identifier, in which clients are compared: of ClientID and SourceID alike. `key` has room
 * for all of `id`. Returns its length. */
size_t report_client_key(struct span id, char *key);

/* CIM datetime, spec/smx.md 6: offset east-positive, stars are 0. REPORT_NO_TIME where it is not one. */
int64_t report_time(struct span text);

#endif
