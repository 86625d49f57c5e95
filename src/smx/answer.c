/* The decision hidden here: rows are counted as they come, one more than is shown, so that it is known whether there are
 * more. What was left out is told beside the answer, not in it. */
#include "answer.h"

#include "column.h"
#include "command.h"
#include "show.h"

#include <stdio.h>
#include <sysexits.h>

struct answer {
    const struct question *question;
    struct table *table;
    const struct column *columns[DB_MOST_ASKED]; /* NULL: as it stands */
    size_t count;
    uint64_t rows;
    bool more;
};

int64_t answer_number(const struct db_cell *cell, int64_t otherwise)
{
    uint64_t value;
    const bool negative = !cell->null && cell->text.len > 0 && cell->text.at[0] == '-';
    const struct span digits = {cell->text.at + negative, cell->text.len - negative};
    if (cell->null || !span_to_uint64(digits, &value) || value > INT64_MAX)
        return otherwise;
    return negative ? -(int64_t)value : (int64_t)value;
}

static void take_columns(void *owner, const char *const *names, size_t count)
{
    struct answer *answer = owner;
    const char *shown[DB_MOST_ASKED];
    answer->count = count;
    for (size_t i = 0; i < count; i++) {
        answer->columns[i] = answer->question->raw ? NULL : column_find(names[i]);
        shown[i] = answer->columns[i] == NULL ? names[i] : answer->columns[i]->name;
    }
    table_columns(answer->table, shown, count);
}

static struct table_cell cell_of(const struct db_cell *cell, const struct column *column, char time[SHOW_TIME_SIZE])
{
    const struct table_cell plain = {.null = cell->null, .number = cell->number, .text = cell->text};
    if (cell->null || column == NULL || !column->time)
        return plain;
    const int64_t when = answer_number(cell, INT64_MIN);
    return when == INT64_MIN ? plain : table_words(show_utc_time(when, time));
}

static struct table_cell name_of(const struct db_cell *cell)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%.*s", (int)cell->text.len, cell->text.at);
    const struct column *known = column_find(text);
    return known == NULL ? table_text(cell->text) : table_words(known->name);
}

static bool take_row(void *owner, const struct db_cell *cells)
{
    struct answer *answer = owner;
    const bool names = answer->question->names;
    struct table_cell shown[DB_MOST_ASKED];
    static char times[DB_MOST_ASKED][SHOW_TIME_SIZE];
    if (answer->question->limit > 0 && answer->rows == answer->question->limit) {
        answer->more = true;
        return false;
    }
    for (size_t i = 0; i < answer->count; i++)
        shown[i] = names ? name_of(&cells[i]) : cell_of(&cells[i], answer->columns[i], times[i]);
    answer->rows++;
    return table_row(answer->table, shown);
}

bool answer_show(struct db *db, const struct question *question, struct table *table, bool *more, struct error *err)
{
    struct answer answer = {.question = question, .table = table};
    const struct db_listener listener = {take_columns, take_row, &answer};
    if (!db_ask(db, question->sql, question->parameters, listener, err))
        return false;
    *more = answer.more;
    return true;
}

int answer_command(const struct command *command, struct db *db, const struct question *question)
{
    struct error err;
    bool more = false;
    struct table *table = command_table(command);
    if (table == NULL)
        return EX_OSERR;
    const bool shown = answer_show(db, question, table, &more, &err);
    table_close(table);
    if (!shown)
        return command_fail(&err);
    if (more)
        show_error("there are more than these %llu: --limit says how many are shown, 0 all",
                   (unsigned long long)question->limit);
    return EX_OK;
}
