/* smx query: states that fit filters, a view, or whatever SQL asks. */
#include "answer.h"
#include "base/sys.h"
#include "command.h"
#include "filter.h"
#include "show.h"
#include "verbs.h"

#include <ctype.h>
#include <string.h>
#include <sysexits.h>

enum { USUAL_ROWS = 100, MOST_SQL = 1024 * 1024 };

static const char usage[] =
    "Usage: smx query [FILTER...] [--view NAME] [--sql TEXT] [--limit N] [--json | --csv]\n"
    "Shows the states that fit all filters; a view; or the answer to one statement of SQL, which can change nothing.\n"
    "With none of these: the views that there are.\n";

struct wish {
    const char *view;
    const char *sql;
    struct filter filters[FILTER_MOST];
    size_t filter_count;
};

static bool print(struct buffer *out, const char *text, struct error *err)
{
    return buffer_add(out, text, strlen(text), err);
}

/* The limit and a NUL. */
static bool print_end(struct buffer *out, const struct command *command, struct error *err)
{
    char limit[COMMAND_LIMIT_SIZE];
    return print(out, command_limit(command, limit), err) && buffer_add(out, "", 1, err);
}

/* ---- filters ---- */

/* What fits a screen; programs get all columns. */
static const char *columns_of(enum table_form form)
{
    return form == TABLE_COLUMNS
               ? "MessageTime, NetBIOSName, TopicType, TopicID, StateName, UserName, SerialNumber, SMSID"
               : "*";
}

static bool parse_words(struct wish *wish, char *const *words, int count, struct error *err)
{
    const int64_t now = sys_now();
    if (count > FILTER_MOST)
        return error_set(err, ERROR_MALFORMED, "there are at most %d filters", FILTER_MOST);
    for (; count > 0; count--, wish->filter_count++)
        if (!filter_parse(words[wish->filter_count], now, &wish->filters[wish->filter_count], err))
            return false;
    return true;
}

static bool write_sql(const struct command *command, const struct filter_sql *filter, struct buffer *sql,
                      struct error *err)
{
    const struct span where = buffer_span(&filter->where);
    return print(sql, "SELECT ", err) && print(sql, columns_of(command->form), err) &&
           print(sql, " FROM v_States WHERE ", err) && buffer_add(sql, where.at, where.len, err) &&
           print_end(sql, command, err);
}

static int ask_filtered(const struct command *command, struct db *db, const struct wish *wish, struct arena *arena)
{
    struct filter_sql filter = {.parameter_count = 0};
    struct buffer sql;
    struct error err;
    int status;
    buffer_init(&filter.where, MOST_SQL);
    buffer_init(&sql, MOST_SQL);
    if (filter_write(wish->filters, wish->filter_count, db_is_sqlite(db), arena, &filter, &err) &&
        write_sql(command, &filter, &sql, &err)) {
        const struct question question = {
            .sql = sql.at, .parameters = {filter.parameters, filter.parameter_count}, .limit = command->limit};
        status = answer_command(command, db, &question);
    } else {
        status = command_fail(&err);
    }
    buffer_fini(&sql);
    buffer_fini(&filter.where);
    return status;
}

static int query_states(const struct command *command, struct db *db, const struct wish *wish)
{
    struct arena *arena = arena_open(MOST_SQL, NULL);
    if (arena == NULL) {
        show_error("no memory");
        return EX_OSERR;
    }
    const int status = ask_filtered(command, db, wish, arena);
    arena_close(arena);
    return status;
}

/* ---- views and SQL ---- */

static int query_views(const struct command *command, struct db *db)
{
    const struct question question = {
        .sql = db_is_sqlite(db)
                   ? "SELECT name AS \"Name\" FROM sqlite_master WHERE type = 'view' ORDER BY name"
                   : "SELECT viewname AS \"Name\" FROM pg_views WHERE schemaname = current_schema() ORDER BY viewname",
        .names = true};
    return answer_command(command, db, &question);
}

static bool is_name(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len > 0 && text[len] == '\0';
}

static int query_view(const struct command *command, struct db *db, const char *view)
{
    struct buffer sql;
    struct error err;
    int status;
    if (!is_name(view)) {
        show_error("'%s' is no name of a view: smx query shows them", view);
        return EX_DATAERR;
    }
    buffer_init(&sql, MOST_SQL);
    if (print(&sql, "SELECT * FROM ", &err) && print(&sql, view, &err) && print_end(&sql, command, &err)) {
        const struct question question = {.sql = sql.at, .limit = command->limit};
        status = answer_command(command, db, &question);
    } else {
        status = command_fail(&err);
    }
    buffer_fini(&sql);
    return status;
}

/* What is asked in SQL says by itself how much it wants. */
static int query_sql(const struct command *command, struct db *db, const char *sql)
{
    const struct question question = {.sql = sql, .limit = command->limited ? command->limit : 0, .raw = true};
    return answer_command(command, db, &question);
}

/* ---- the command ---- */

static int query(const struct command *command, struct db *db, const struct wish *wish)
{
    if (wish->sql != NULL)
        return query_sql(command, db, wish->sql);
    if (wish->view != NULL)
        return query_view(command, db, wish->view);
    return wish->filter_count > 0 ? query_states(command, db, wish) : query_views(command, db);
}

static int show_help(void)
{
    (void)fputs(usage, stdout);
    (void)fputs(filter_help, stdout);
    (void)fputs("  --view NAME          a view as a whole\n"
                "  --sql TEXT           one statement; the database refuses it if it would write\n",
                stdout);
    (void)fputs(command_help, stdout);
    return EX_OK;
}

int verb_query(int argc, char **argv)
{
    static const struct option options[] = {
        {"view", required_argument, NULL, 'v'}, {"sql", required_argument, NULL, 's'}, COMMAND_OPTIONS};
    struct command command;
    struct wish wish = {.filter_count = 0};
    struct error err;
    struct db *db;
    command_init(&command, usage, USUAL_ROWS);
    for (int option; (option = command_next(&command, argc, argv, options)) != -1;)
        *(option == 'v' ? &wish.view : &wish.sql) = optarg;
    if (command.help)
        return show_help();
    const int ended = command_end(&command);
    if (ended != COMMAND_RUN)
        return ended;
    if ((wish.view != NULL) + (wish.sql != NULL) + (optind < argc) > 1)
        return command_misuse(&command, "query: filters, --view or --sql: one of them");
    if (!parse_words(&wish, argv + optind, argc - optind, &err)) {
        show_error("query: %s", err.text);
        return EX_USAGE;
    }
    const int opened = command_open(&command, &db);
    if (opened != EX_OK)
        return opened;
    const int status = query(&command, db, &wish);
    db_close(db);
    return status;
}
