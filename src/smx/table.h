/*
 * Rows, for people as columns or as records (a line for each value), for programs as JSON (one object a line) or CSV (a
 * line of names, then the rows).
 *
 * What it hides: how wide the columns are, though rows come one by one and may be millions: the first of them are
 * gathered to be measured; those behind them may stand out. Quoting; and that nothing of a value reaches a terminal as
 * a control, or a spreadsheet as a formula.
 *
 * Calling sequence: table_open, table_columns once, table_row for each, table_close, which writes what is gathered.
 * Whether it all could be written is the stream's to say. Errors: none but for memory.
 */
#ifndef SMX_TABLE_H
#define SMX_TABLE_H

#include "base/mem.h"

#include <stdio.h>

enum table_form { TABLE_COLUMNS, TABLE_RECORD, TABLE_JSON, TABLE_CSV };
enum { TABLE_MOST_COLUMNS = 256 };

struct table_cell {
    bool null;
    bool number; /* shown as one, if it looks like one */
    struct span text;
};

struct table;
/* NULL: no memory. */
struct table *table_open(FILE *out, enum table_form form);
/* Names are copied; more than TABLE_MOST_COLUMNS are left out, as are those for which there is no memory. */
void table_columns(struct table *table, const char *const *names, size_t count);
/* One for each name. False: the stream takes no more. */
bool table_row(struct table *table, const struct table_cell *cells);
uint64_t table_rows(const struct table *table); /* so far */
void table_close(struct table *table);          /* NULL is allowed */

/* JSON only: the rows are the elements of a list that the caller opened and closes, on one line. */
void table_within_list(struct table *table);

struct table_cell table_text(struct span text);  /* null where its place is NULL */
struct table_cell table_words(const char *text); /* a NULL is null */
/* Writes the digits to `room`. */
enum { TABLE_DIGITS = 24 };
struct table_cell table_number(int64_t number, char room[TABLE_DIGITS]);

#endif
