/* What a database answers, into a table: names as the schema spells them, times in words, and no more rows than were
 * asked for. Errors are those of db_ask. */
#ifndef SMX_ANSWER_H
#define SMX_ANSWER_H

#include "table.h"

#include "db/db.h"

struct question {
    const char *sql;
    struct db_parameters parameters;
    uint64_t limit; /* 0: all */
    bool raw;       /* names and values as the database has them */
    bool names;             /* values are names of the schema themselves */
};

/* *more: there are more rows than the limit. */
bool answer_show(struct db *db, const struct question *question, struct table *table, bool *more,
                 struct error *err) MUST_CHECK;

/* The same from opening a table to closing it, for a verb with one question. The status; rows that were left out are
 * told on standard error. */
struct command;
int answer_command(const struct command *command, struct db *db, const struct question *question);

/* A whole number that the database gave; `otherwise` where it is NULL or none. */
int64_t answer_number(const struct db_cell *cell, int64_t otherwise);

#endif
