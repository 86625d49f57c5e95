/* smx name: what a number means, from the tables that are compiled in; no database is asked. */
#include "command.h"
#include "filter.h"
#include "show.h"
#include "verbs.h"

#include "report/topic.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
    "Usage: smx name TOPIC [STATE] [--json | --csv]\n"
    "Shows what a topic type is called, and its states. TOPIC is a number or a symbol, STATE a number or a name; * stands\n"
    "for what is left open.\n";

static bool is_meant(const char *word, uint32_t number, const char *name)
{
    uint64_t given;
    if (span_to_uint64(span_of(word), &given))
        return given == number;
    return filter_fits(word, name);
}

static void show_row(struct table *table, const struct topic_type *topic, const struct state_name *state)
{
    char numbers[2][TABLE_DIGITS];
    const struct table_cell none = {.null = true};
    const struct table_cell row[] = {
        table_number(topic->type, numbers[0]),
        table_words(topic->symbol),
        state == NULL ? none : table_number(state->state, numbers[1]),
        table_words(state == NULL ? topic->description : state->name),
    };
    (void)table_row(table, row); /* what cannot be written is told at the end */
}

static void show_topic(struct table *table, const struct topic_type *topic, const char *state)
{
    if (state == NULL)
        show_row(table, topic, NULL);
    for (size_t i = 0; i < topic_state_count(); i++) {
        const struct state_name *name = topic_state_at(i);
        if (name->topic_type == topic->type && (state == NULL || is_meant(state, name->state, name->name)))
            show_row(table, topic, name);
    }
}

static int show_all(const struct command *command, const char *word, const char *state)
{
    static const char *const columns[] = {"TopicType", "Symbol", "StateID", "Name"};
    struct table *table = command_table(command);
    if (table == NULL)
        return EX_OSERR;
    table_columns(table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < topic_count(); i++)
        if (is_meant(word, topic_at(i)->type, topic_at(i)->symbol))
            show_topic(table, topic_at(i), state);
    const bool known = table_rows(table) > 0;
    table_close(table);
    if (known)
        return EX_OK;
    show_error("name: nothing is known by '%s'%s%s", word, state == NULL ? "" : " and ", state == NULL ? "" : state);
    return EX_NOINPUT;
}

int verb_name(int argc, char **argv)
{
    static const struct option options[] = {COMMAND_OPTIONS};
    struct command command;
    command_init(&command, usage, 0);
    (void)command_next(&command, argc, argv, options);
    const int ended = command_end(&command);
    if (ended != COMMAND_RUN)
        return ended;
    if (optind == argc || argc - optind > 2)
        return command_misuse(&command, "name: name a topic type, and perhaps a state");
    return show_all(&command, argv[optind], argv[optind + 1]);
}
