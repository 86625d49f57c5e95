/* The bare loop on PostgreSQL: for each table a statement with an array for each column, the fastest way that there is
 * without a table in between. */
#include "bare.h"

#include "../../src/db/db_array.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE, CLIENT, STATISTICS, FILE_MARK, STATEMENTS };
enum { MOST_COLUMNS = 15, MOST_BYTES = 16 * 1024 * 1024 };

/* A letter a column: n for a number, t for a text. */
struct statement {
    const char *name;
    const char *columns;
    const char *before;
    const char *after;
};

static const struct statement statements[STATEMENTS] = {
    [STATE] = {"state", "nnttntnnnnnnntn", BARE_STATE, BARE_UPSERT_STATE},
    [CLIENT] = {"client", "nttttnnnnnn", BARE_CLIENT, BARE_UPSERT_CLIENT},
    [STATISTICS] = {"statistics", "nnnnnnnnn", BARE_STATISTICS, BARE_UPSERT_STATISTICS},
    [FILE_MARK] = {"file", "ttnnnn", BARE_FILE, BARE_ONCE},
};

struct bare_postgres {
    PGconn *connection;
    struct buffer columns[MOST_COLUMNS];
    size_t rows;
};

static struct error err;

static void check(struct bare_postgres *bare, PGresult *result)
{
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        bare_fail(PQerrorMessage(bare->connection));
    PQclear(result);
}

static enum db_type type_of(char column)
{
    return column == 'n' ? DB_INTEGER : DB_TEXT;
}

/* ---- rows ---- */

static void begin_rows(struct bare_postgres *bare, const struct statement *statement)
{
    bare->rows = 0;
    for (size_t i = 0; statement->columns[i] != '\0'; i++)
        if (!db_array_begin(&bare->columns[i], type_of(statement->columns[i]), &err))
            bare_fail(err.text);
}

static void add_row(struct bare_postgres *bare, const struct statement *statement, const struct db_value *row)
{
    for (size_t i = 0; statement->columns[i] != '\0'; i++)
        if (!db_array_add(&bare->columns[i], type_of(statement->columns[i]), &row[i], &err))
            bare_fail(err.text);
    bare->rows++;
}

static void end_rows(struct bare_postgres *bare, const struct statement *statement)
{
    const char *values[MOST_COLUMNS];
    int lengths[MOST_COLUMNS], formats[MOST_COLUMNS];
    const int count = (int)strlen(statement->columns);
    for (int i = 0; i < count; i++) {
        db_array_end(&bare->columns[i], bare->rows);
        values[i] = bare->columns[i].at;
        lengths[i] = (int)bare->columns[i].len;
        formats[i] = 1;
    }
    check(bare, PQexecPrepared(bare->connection, statement->name, count, values, lengths, formats, 0));
}

static struct db_value number(int64_t value)
{
    return (struct db_value){.integer = value};
}

static struct db_value text(struct span value)
{
    return (struct db_value){.text = value};
}

/* ---- tables ---- */

static void add_state(struct bare_postgres *bare, const struct fleet_report *report,
                      const struct state_message *message)
{
    const struct db_value row[] = {
        number(bare_machine(report)),
        number(message->topic_type),
        text(message->topic_id),
        text(message->user_sid),
        number(message->topic_id_type),
        text(message->user),
        number(message->state),
        number(message->criticality),
        number(message->time),
        number(report->report.created),
        number((int64_t)message->serial),
        number(message->param_flags),
        number((int64_t)message->param_count),
        text(message->params[0]),
        number(FLEET_NOW),
    };
    add_row(bare, &statements[STATE], row);
}

static void add_client(struct bare_postgres *bare, const struct fleet_report *report)
{
    const struct sender *sender = &report->report.sender;
    const struct db_value row[] = {
        number(bare_machine(report)), text(sender->key),    text(sender->id),          text(sender->name),
        text(sender->version),        number(sender->type), number(sender->installed), number(sender->code_page),
        number(sender->lcid),         number(FLEET_NOW),    number(FLEET_NOW),
    };
    add_row(bare, &statements[CLIENT], row);
}

static void add_statistics(struct bare_postgres *bare, const struct fleet_report *report)
{
    const struct state_message *last = &report->messages[report->report.message_count - 1];
    const int64_t date = report->report.created;
    const struct db_value row[] = {
        number(bare_machine(report)),
        number(last->time),
        number(FLEET_NOW),
        number(date),
        number((int64_t)report->messages[0].serial),
        number(date),
        number((int64_t)last->serial),
        number((int64_t)report->report.message_count),
        number(0),
    };
    add_row(bare, &statements[STATISTICS], row);
}

static void add_mark(struct bare_postgres *bare, const struct fleet_report *report)
{
    char hash[65];
    bare_write_hash(report, hash);
    const struct db_value row[] = {text((struct span){hash, 64}),
                                   text(span_of(report->file)),
                                   number(bare_machine(report)),
                                   number((int64_t)report->report.message_count),
                                   number(0),
                                   number(FLEET_NOW)};
    add_row(bare, &statements[FILE_MARK], row);
}

static void load_states(struct bare_postgres *bare, const struct fleet_report *reports, size_t count)
{
    begin_rows(bare, &statements[STATE]);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < reports[i].report.message_count; k++)
            add_state(bare, &reports[i], &reports[i].messages[k]);
    end_rows(bare, &statements[STATE]);
}

static void load(void *connection, const struct fleet_report *reports, size_t count)
{
    static void (*const add[STATEMENTS])(struct bare_postgres *, const struct fleet_report *) = {
        [CLIENT] = add_client, [STATISTICS] = add_statistics, [FILE_MARK] = add_mark};
    struct bare_postgres *bare = connection;
    check(bare, PQexec(bare->connection, "BEGIN"));
    load_states(bare, reports, count);
    for (size_t table = CLIENT; table < STATEMENTS; table++) {
        begin_rows(bare, &statements[table]);
        for (size_t i = 0; i < count; i++)
            add[table](bare, &reports[i]);
        end_rows(bare, &statements[table]);
    }
    check(bare, PQexec(bare->connection, "COMMIT"));
}

/* ---- connection ---- */

static void prepare(struct bare_postgres *bare, const struct statement *statement)
{
    char sql[4096], arrays[512] = "";
    for (size_t i = 0, len = 0; statement->columns[i] != '\0'; i++)
        len += (size_t)snprintf(arrays + len, sizeof arrays - len, "%s$%zu::%s[]", i == 0 ? "" : ", ", i + 1,
                                statement->columns[i] == 'n' ? "bigint" : "text");
    (void)snprintf(sql, sizeof sql, "%sSELECT * FROM unnest(%s) %s", statement->before, arrays, statement->after);
    check(bare, PQprepare(bare->connection, statement->name, sql, 0, NULL));
}

static void close_postgres(void *connection)
{
    struct bare_postgres *bare = connection;
    PQfinish(bare->connection);
    for (size_t i = 0; i < MOST_COLUMNS; i++)
        buffer_fini(&bare->columns[i]);
    free(bare);
}

void bare_open_postgres(const char *url, struct bare *out)
{
    struct bare_postgres *bare = calloc(1, sizeof *bare);
    if (bare == NULL)
        bare_fail("no memory");
    bare->connection = PQconnectdb(url);
    if (PQstatus(bare->connection) != CONNECTION_OK)
        bare_fail(PQerrorMessage(bare->connection));
    for (size_t i = 0; i < MOST_COLUMNS; i++)
        buffer_init(&bare->columns[i], MOST_BYTES);
    for (size_t i = 0; i < STATEMENTS; i++)
        prepare(bare, &statements[i]);
    *out = (struct bare){bare, load, close_postgres};
}
