/*
 * What went wrong: a kind and a sentence.
 *
 * The kind decides what happens next: the table in error.c gives each kind its name, its HTTP status, whether
 * the sender may try again and whose fault it is (spec/wire.md 4.3). No switch elsewhere repeats that policy.
 * The sentence says what failed, on what, and why; whoever finds the fault writes it, nobody in between adds.
 *
 * Calling sequence: a function that can fail returns bool and takes `struct error *err` last. True: done, its
 * outputs are filled. False: err is filled and nothing else was touched. Only programs log an error.
 * An error owns nothing and is never allocated, so it can be told when memory is gone. Any thread may call.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum error_kind {
    ERROR_NONE,
    ERROR_MALFORMED,        /* the sender's fault; sending the same again will not help */
    ERROR_UNAUTHENTICATED,  /* the path wants a login that we do not offer */
    ERROR_UNTRUSTED,        /* we do not believe who sent it */
    ERROR_NOT_FOUND,        /* no such path */
    ERROR_NO_ENDPOINT,      /* no such endpoint behind a path that exists */
    ERROR_METHOD,           /* the path exists, not with this method */
    ERROR_TOO_BIG,          /* over a limit of ours */
    ERROR_HEADERS_TOO_BIG,  /* the same, of the HTTP head */
    ERROR_UNSUPPORTED,      /* well formed, but not a kind that we relay */
    ERROR_TOO_SLOW,         /* the sender did not deliver in time */
    ERROR_BUSY,             /* come back later */
    ERROR_NO_MEMORY,        /* the system refused an allocation; never to be taken for a malformed report */
    ERROR_NO_SPACE,         /* the disk is full or nearly so */
    ERROR_SYSTEM,           /* the kernel said no */
    ERROR_KINDS
};

/* The rule that refused a report, as the log names it (spec/logs.md 4); NULL where the fault is ours. */
struct error {
    enum error_kind kind;
    int os;                 /* errno, or 0 */
    const char *rule;       /* a string literal, or NULL */
    char text[240];
};

/* One row of the policy. */
struct error_policy {
    const char *name;       /* one word, for metrics and tests */
    unsigned status;        /* HTTP status */
    bool again;             /* the sender should try again: such an answer is never disguised as a success */
    bool hidden;            /* refuse-style = empty200 answers this as an empty 200 */
    bool ours;              /* our failure, not the sender's: logged as an error instead of a warning */
};

const struct error_policy *error_policy(enum error_kind kind);

/* Each fills err and returns false, so that a failing function ends with `return error_set(...)`. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool error_refuse(struct error *err, enum error_kind kind, const char *rule, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* From errno: the sentence, ": " and the system's text. A full disk or quota is ERROR_NO_SPACE, refused memory
 * ERROR_NO_MEMORY, everything else ERROR_SYSTEM. */
bool error_os(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* So that a compiler knows, too, that each returns false: what a caller read from a failed call is then seen. */
#define error_set(...) (error_set(__VA_ARGS__), false)
#define error_refuse(...) (error_refuse(__VA_ARGS__), false)
#define error_os(...) (error_os(__VA_ARGS__), false)

#endif
