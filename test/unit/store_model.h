/* A slow, obvious store: one file after the other, everything in plain arrays. It knows nothing of chunks and SQL; only
 * the ledger is the real one, which has a model of its own. */
#ifndef TEST_STORE_MODEL_H
#define TEST_STORE_MODEL_H

#include "store_fixture.h"

enum { MODEL_CLIENTS = 6, MODEL_TYPES = 3, MODEL_TOPICS = 4, MODEL_SIDS = 2, MODEL_FILES = 4096 };

static const uint32_t model_types[MODEL_TYPES] = {301, 500, 902};

struct model_state {
    bool there;
    struct state_message message;
    int64_t time, date, processed;
};

static struct model_client {
    bool there, counted;
    struct span name;
    int64_t first_seen, last_seen, last_message, last_processed, messages, issued_time, completed;
    struct ledger ledger;
    struct model_state states[MODEL_TYPES][MODEL_TOPICS][MODEL_SIDS];
} model[MODEL_CLIENTS];

static bool model_loaded[MODEL_FILES];
static struct buffer model_text;

static inline void model_init(void)
{
    memset(model_loaded, 0, sizeof model_loaded);
    model_text.most = FIXTURE_DUMP;
    for (size_t i = 0; i < MODEL_CLIENTS; i++) {
        memset(&model[i], 0, offsetof(struct model_client, ledger));
        memset(model[i].states, 0, sizeof model[i].states);
        model[i].last_message = model[i].issued_time = model[i].completed = LEDGER_NO_TIME;
        ledger_init(&model[i].ledger);
    }
}

static inline struct model_state *model_find(struct model_client *client, const struct state_message *message)
{
    size_t type = 0;
    while (model_types[type] != message->topic_type)
        type++;
    return &client->states[type][message->topic_id.at[0] - '0'][message->user_sid.len];
}

/* 1.10 */
static inline bool model_replaces(const struct state_message *message, int64_t time, int64_t date,
                                  const struct model_state *state)
{
    if (!state->there || time > state->time)
        return true;
    if (time < state->time)
        return false;
    if (message->has_serial)
        return !state->message.has_serial || message->serial > state->message.serial;
    return !state->message.has_serial && date > state->date;
}

/* True: it was there with a lower serial and the same time. */
static inline bool model_take_state(struct model_client *client, const struct report *report,
                                    const struct state_message *message, int64_t now)
{
    struct model_state *state = model_find(client, message);
    const int64_t date = report->created;
    int64_t time = message->time;
    if (time == REPORT_NO_TIME)
        time = date == REPORT_NO_TIME ? now : date;
    const bool is_later = message->serial > state->message.serial || state->date < client->ledger.restart_date;
    const bool again = state->there && message->has_serial && state->message.has_serial && time == state->time &&
                       is_later && message->serial > client->ledger.issued;
    if (model_replaces(message, time, date, state))
        *state = (struct model_state){true, *message, time, date, now};
    return again;
}

static inline void model_take_serials(struct model_client *client, const struct report *report, bool again, int64_t now)
{
    const int64_t date = report->created == REPORT_NO_TIME ? now : report->created;
    uint64_t serials[FIXTURE_MESSAGES];
    size_t count = 0;
    for (size_t i = 0; i < report->message_count; i++) {
        const struct state_message *message = &report->messages[i];
        const int64_t time = message->time == REPORT_NO_TIME ? date : message->time;
        client->last_message = time > client->last_message ? time : client->last_message;
        if (message->has_serial && message->topic_type != 902)
            serials[count++] = message->serial;
    }
    client->counted = true;
    client->messages += (int64_t)report->message_count;
    client->last_processed = now;
    ledger_note(&client->ledger, &(struct ledger_report){serials, count, report->created, now}, &settings.ledger, NULL,
                NULL);
    if (again && client->ledger.issued != LEDGER_NO_SERIAL && date > client->issued_time) {
        ledger_complete(&client->ledger);
        client->completed = now;
    }
}

static inline void model_take(int number, unsigned content, const struct report *report, int64_t now)
{
    struct model_client *client = &model[number];
    bool again = false;
    if (!client->there)
        client->first_seen = client->last_seen = now;
    client->there = true;
    if (model_loaded[content])
        return;
    model_loaded[content] = true;
    client->last_seen = now;
    if ((report->created == REPORT_NO_TIME ? now : report->created) >= client->ledger.latest_date)
        client->name = report->sender.name;
    for (size_t i = 0; i < report->message_count; i++)
        again = model_take_state(client, report, &report->messages[i], now) || again;
    if (report->sender.prefixed)
        model_take_serials(client, report, again, now);
}

/* ---- as text, as the database is asked for it ---- */

static inline void model_add(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert_true(buffer_add(&model_text, text, (size_t)len, &err));
}

static inline void model_add_number(bool there, int64_t number)
{
    if (there)
        model_add("%lld|", (long long)number);
    else
        model_add("-|");
}

static inline const char *model_states(void)
{
    model_text.len = 0;
    for (size_t i = 0; i < MODEL_CLIENTS * MODEL_TYPES * MODEL_TOPICS * MODEL_SIDS; i++) {
        const size_t client = i / (MODEL_TYPES * MODEL_TOPICS * MODEL_SIDS);
        const struct model_state *state =
            (&model[client].states[0][0][0]) + i % (MODEL_TYPES * MODEL_TOPICS * MODEL_SIDS);
        if (!state->there)
            continue;
        model_add("%08zu|%u|%.*s|%.*s|", client, state->message.topic_type, (int)state->message.topic_id.len,
                  state->message.topic_id.at, (int)state->message.user_sid.len, state->message.user_sid.at);
        model_add_number(true, state->message.state);
        model_add_number(true, state->time);
        model_add_number(state->date != REPORT_NO_TIME, state->date);
        model_add_number(state->message.has_serial, (int64_t)state->message.serial);
        model_add("%lld\n", (long long)state->processed);
    }
    model_add("%c", 0);
    return model_text.at;
}

static inline const char *model_clients(void)
{
    model_text.len = 0;
    for (size_t i = 0; i < MODEL_CLIENTS; i++) {
        const struct model_client *client = &model[i];
        const struct ledger *ledger = &client->ledger;
        const bool known = ledger->known;
        if (!client->there)
            continue;
        model_add("%08zu|%.*s|", i, (int)client->name.len, client->name.len == 0 ? "" : client->name.at);
        model_add_number(true, client->first_seen);
        model_add_number(true, client->last_seen);
        model_add_number(client->last_message != LEDGER_NO_TIME, client->last_message);
        model_add_number(client->counted, client->last_processed);
        model_add_number(ledger->latest_date != LEDGER_NO_TIME, ledger->latest_date);
        model_add_number(known, (int64_t)ledger->first);
        model_add_number(known, ledger->first_date);
        model_add_number(known, (int64_t)ledger->high);
        model_add_number(ledger->restart_date != LEDGER_NO_TIME, ledger->restart_date);
        model_add_number(client->counted, client->messages);
        model_add_number(client->issued_time != LEDGER_NO_TIME, client->issued_time);
        model_add_number(client->completed != LEDGER_NO_TIME, client->completed);
        model_add_number(ledger->issued != LEDGER_NO_SERIAL, (int64_t)ledger->issued);
        model_add("%s|", ledger->restarted ? "restart" : "-");
        model_add(client->counted ? "%u\n" : "-\n", ledger->restarts);
    }
    model_add("%c", 0);
    return model_text.at;
}

static inline const char *model_ranges(void)
{
    model_text.len = 0;
    for (size_t i = 0; i < MODEL_CLIENTS; i++)
        for (size_t k = 0; k < model[i].ledger.range_count; k++) {
            const struct ledger_range *range = &model[i].ledger.ranges[k];
            model_add("%08zu|%llu|%llu|%lld\n", i, (unsigned long long)range->first, (unsigned long long)range->last,
                      (long long)range->detected);
        }
    model_add("%c", 0);
    return model_text.at;
}

#endif
