/* The decision hidden here: a name is never enough to guess from: a computer that was installed anew has two GUIDs and
 * one name, so where two fit the caller has to say which. */
#include "machine.h"

#include "answer.h"
#include "command.h"
#include "filter.h"
#include "show.h"

#include <stdio.h>
#include <sysexits.h>

enum { MOST_TEXT = 256 * 1024, MOST_LISTED = 20 };

struct search {
    struct machine *out;
    size_t count;
};

static void ignore_columns(void *owner, const char *const *names, size_t count)
{
    (void)owner, (void)names, (void)count;
}

static bool take_client(void *owner, const struct db_cell *cells)
{
    struct search *search = owner;
    if (++search->count > 1)
        return false;
    search->out->id = answer_number(&cells[0], 0);
    (void)snprintf(search->out->id_text, sizeof search->out->id_text, "%lld", (long long)search->out->id);
    (void)snprintf(search->out->key, sizeof search->out->key, "%.*s", (int)cells[1].text.len, cells[1].text.at);
    return true;
}

/* A question with the condition for a word behind it. */
struct asking {
    struct db *db;
    struct filter_sql filter;
    struct buffer sql;
    struct arena *arena;
};

static bool open_asking(struct asking *asking, struct db *db, const char *question, const char *word, struct error *err)
{
    *asking = (struct asking){.db = db, .arena = arena_open(MOST_TEXT, NULL)};
    buffer_init(&asking->filter.where, MOST_TEXT);
    buffer_init(&asking->sql, MOST_TEXT);
    if (asking->arena == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    if (!filter_write_client(word, asking->arena, &asking->filter, err))
        return false;
    const struct span where = buffer_span(&asking->filter.where);
    return buffer_add(&asking->sql, question, strlen(question), err) &&
           buffer_add(&asking->sql, where.at, where.len, err) &&
           buffer_add(&asking->sql, " ORDER BY LastSeen DESC", sizeof " ORDER BY LastSeen DESC", err);
}

static void close_asking(struct asking *asking)
{
    buffer_fini(&asking->sql);
    buffer_fini(&asking->filter.where);
    arena_close(asking->arena);
}

static struct db_parameters parameters_of(const struct asking *asking)
{
    return (struct db_parameters){asking->filter.parameters, asking->filter.parameter_count};
}

bool machine_find(struct db *db, const char *word, struct machine *out, struct error *err)
{
    struct asking asking;
    struct search search = {out, 0};
    const struct db_listener listener = {ignore_columns, take_client, &search};
    const bool asked = open_asking(&asking, db, "SELECT MachineID, SMSID FROM SR_Clients WHERE ", word, err) &&
                       db_ask(db, asking.sql.at, parameters_of(&asking), listener, err);
    close_asking(&asking);
    if (!asked)
        return false;
    if (search.count == 0)
        return error_set(err, ERROR_NOT_FOUND, "no client is known by '%.80s'", word);
    return search.count == 1 || error_set(err, ERROR_MALFORMED, "'%.80s' means more than one client", word);
}

static bool show_all(const struct asking *asking, struct error *err)
{
    const struct question question = {.sql = asking->sql.at, .parameters = parameters_of(asking), .limit = MOST_LISTED};
    bool more = false;
    struct table *table = table_open(stderr, TABLE_COLUMNS);
    if (table == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    const bool shown = answer_show(asking->db, &question, table, &more, err);
    table_close(table);
    if (more)
        (void)fputs("and more\n", stderr);
    return shown;
}

int machine_fail(struct db *db, const char *word, const struct error *why)
{
    static const char question[] = "SELECT SMSIDAsSent, NetBIOSName, ClientVersion, LastSeen FROM SR_Clients WHERE ";
    struct asking asking;
    struct error err;
    const int status = command_fail(why);
    if (why->kind != ERROR_MALFORMED)
        return status;
    if (!open_asking(&asking, db, question, word, &err) || !show_all(&asking, &err))
        (void)command_fail(&err);
    close_asking(&asking);
    return status;
}
