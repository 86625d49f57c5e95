/*
 * A batch: files in hand that are loaded together, from their bytes to their ends (spec/statesys.md 1.4 to 1.9).
 *
 * What it hides: the order of work on a batch (parse, one transaction, then the end of each file: removed, replicated,
 * to corrupt/, to retry/, or back), and the lines of the log that tell of it. Whatever fails, each file is in exactly
 * one place, and what the database holds is not counted again.
 *
 * Calling sequence: batch_open, batch_add for each file, then batch_load with the tools of the thread that does it, or
 * batch_return; batch_close. One thread at a time for each batch, and for each set of tools. What goes wrong ends the
 * round (loading_break), and files of the batch go back.
 */
#ifndef STATESYS_BATCH_H
#define STATESYS_BATCH_H

#include "loading.h"

struct batch_file {
    struct inbox_file file;
    size_t at; /* of its bytes in the batch's content */
    size_t len;
    struct error bad;    /* ERROR_NONE: nothing is wrong with it */
    struct arena *arena; /* of its report, and what is said of it */
    struct report report;
    const struct store_file *stored; /* NULL: it is bad, or not yet given to the store */
    bool ended;                      /* not in hand any more */
};

struct batch {
    struct batch *next; /* the owner's */
    struct buffer content;
    struct batch_file *files;
    size_t count;
    size_t room;
};

/* What a thread that loads needs, for as long as the program runs. All zero but for `loading`. */
struct batch_tools {
    struct loading *loading;
    struct store_settings settings; /* the store holds on to them */
    struct store *store;            /* NULL: not open, as the next */
    struct xml_reader *reader;
};

bool batch_open(struct batch **out, struct error *err) MUST_CHECK;
/* The content is copied. `bad` (NULL: nothing) is why there is none. False: the file is still the caller's. */
bool batch_add(struct batch *batch, const struct inbox_file *file, struct span content, const struct error *bad,
               struct error *err) MUST_CHECK;
void batch_load(struct batch *batch, struct batch_tools *tools);
void batch_return(struct batch *batch, struct loading *loading); /* all files that have no end yet */
void batch_close(struct batch *batch);                           /* NULL is allowed */

void batch_close_tools(struct batch_tools *tools);

/* ---- between batch*.c ---- */

struct span batch_content(const struct batch *batch, const struct batch_file *file);
/* batch_end.c: after the transaction. How many were bad, how many had an end at all. */
void batch_end_files(struct batch *batch, struct loading *loading, size_t *ended, size_t *bad);
/* batch_notice.c: for the store, whose owner is the loading. */
void batch_note(void *owner, const struct store_notice *notice);
/* batch_log.c */
void batch_log_file(const struct batch *batch, const struct batch_file *file, const struct loading *loading);
void batch_log_sum(const struct loading *loading, size_t files, size_t bad);

#endif
