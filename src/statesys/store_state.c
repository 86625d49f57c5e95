/*
 * The decision hidden here: which message is a state's last word (spec/statesys.md 1.10): the later MessageTime, then
 * the higher serial, any serial before none, then, among those without one, the later Date; of equal ones the first.
 *
 * The messages of a chunk are settled here, among themselves and against what is stored, which stays as it was read
 * because the client is locked. Only what changes a row is written, in the order of the primary key; and what that
 * changes in the counts is known.
 */
#include "store_count.h"

#include <stdlib.h>

/* Characters. */
enum { MOST_TOPIC_ID = 512, MOST_SID = 256, MOST_USER = 256, MOST_PARAM = 4000, PARAMS = 5 };

/* What decides between two messages about the same thing. */
struct precedence {
    int64_t time;
    int64_t serial; /* -1: none */
    int64_t date;   /* REPORT_NO_TIME: none */
};

/* A row that is there. */
struct stored {
    int64_t state;
    struct precedence precedence;
};

struct state {
    struct chunk_file *file;
    const struct state_message *message;
    struct span topic_id;
    struct span user_sid;
    struct precedence precedence;
    const struct stored *stored; /* of the first of a key; NULL: none */
};

struct states {
    struct chunk *chunk;
    struct state *all;
    size_t count;
    struct stored *found;
    size_t found_count;
};

/* ---- gathered ---- */

bool store_state_is_valid(const struct state_message *message)
{
    return message->valid && message->topic_type <= INT32_MAX &&
           (!message->has_serial || message->serial <= LEDGER_MOST_SERIAL);
}

/* An entry of PostgreSQL's index has at most 2,704 bytes. Real SIDs are ASCII, and shorter than this. */
static struct span bound_sid(struct span sid, struct span topic_id)
{
    enum { MOST_BYTES = 2560, FEW = 128 };
    sid = store_truncate(sid, MOST_SID);
    return topic_id.len + sid.len > MOST_BYTES ? store_truncate(sid, FEW) : sid;
}

/* A message without time was sent with its report. */
static struct precedence precedence_of(const struct chunk *chunk, const struct chunk_file *file,
                                       const struct state_message *message)
{
    const int64_t date = file->file->report->created;
    int64_t time = message->time;
    if (time == REPORT_NO_TIME)
        time = date == REPORT_NO_TIME ? chunk->now : date;
    return (struct precedence){time, message->has_serial ? (int64_t)message->serial : -1, date};
}

static void add_states(struct states *states, struct chunk_file *file)
{
    const struct report *report = file->file->report;
    for (size_t i = 0; i < report->message_count && file->fresh; i++) {
        const struct state_message *message = &report->messages[i];
        const struct span topic_id = store_truncate(message->topic_id, MOST_TOPIC_ID);
        if (!store_state_is_valid(message))
            continue;
        states->all[states->count++] = (struct state){
            .file = file,
            .message = message,
            .topic_id = topic_id,
            .user_sid = bound_sid(message->user_sid, topic_id),
            .precedence = precedence_of(states->chunk, file, message),
        };
    }
}

static bool gather(struct states *states, struct error *err)
{
    struct chunk *chunk = states->chunk;
    size_t most = 0;
    for (size_t i = 0; i < chunk->file_count; i++)
        most += chunk->files[i].file->report->message_count;
    states->all = arena_alloc(chunk->arena, most * sizeof *states->all);
    if (states->all == NULL)
        return arena_error(chunk->arena, "store", err);
    for (size_t i = 0; i < chunk->file_count; i++)
        add_states(states, &chunk->files[i]);
    return true;
}

/* ---- ordered ---- */

static int compare_keys(const struct state *a, const struct state *b)
{
    const int64_t left = a->file->client->machine, right = b->file->client->machine;
    if (left != right)
        return left > right ? 1 : -1;
    if (a->message->topic_type != b->message->topic_type)
        return a->message->topic_type > b->message->topic_type ? 1 : -1;
    const int order = span_compare(a->topic_id, b->topic_id);
    return order != 0 ? order : span_compare(a->user_sid, b->user_sid);
}

/* By key; those of one key as they came. */
static int compare_states(const void *left, const void *right)
{
    const struct state *a = left, *b = right;
    const int order = compare_keys(a, b);
    if (order != 0)
        return order;
    if (a->file != b->file)
        return a->file > b->file ? 1 : -1;
    return (a->message > b->message) - (a->message < b->message);
}

static size_t end_of_key(const struct states *states, size_t from)
{
    size_t end = from + 1;
    while (end < states->count && compare_keys(&states->all[from], &states->all[end]) == 0)
        end++;
    return end;
}

/* ---- what is stored already ---- */

/* A range that holds one key: equal topics could be looked for by SR_States_Topic, too, and PostgreSQL may think that
 * the better way as long as there are few states. */

static const struct db_statement find_stored = {
    .sql = "SELECT i.Number, s.StateID, s.MessageTime, s.SerialNumber, s.ReportDate FROM @input i "
           "CROSS JOIN SR_States s WHERE s.MachineID = i.MachineID AND (s.TopicType, s.TopicID, s.UserSID) "
           "BETWEEN (i.TopicType, i.TopicID, i.UserSID) AND (i.TopicType, i.TopicID, i.UserSID)",
    .input = {{"Number", DB_INTEGER},
              {"MachineID", DB_INTEGER},
              {"TopicType", DB_INTEGER},
              {"TopicID", DB_TEXT},
              {"UserSID", DB_TEXT}},
    .input_count = 5,
    .output = {DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER, DB_INTEGER},
    .output_count = 5,
};

static void note_stored(void *owner, const struct db_value *row)
{
    struct states *states = owner;
    struct stored *stored = &states->found[states->found_count++];
    stored->state = row[1].integer;
    stored->precedence.time = row[2].null ? REPORT_NO_TIME : row[2].integer;
    stored->precedence.serial = row[3].null ? -1 : row[3].integer;
    stored->precedence.date = row[4].null ? REPORT_NO_TIME : row[4].integer;
    states->all[row[0].integer].stored = stored;
}

static size_t count_keys(const struct states *states)
{
    size_t count = 0;
    for (size_t i = 0; i < states->count; i = end_of_key(states, i))
        count++;
    return count;
}

/* Where no state was ever counted for a client none is stored; a chunk of which the database refused that is loaded file by
 * file, and a file that is alone believes nothing. */
static bool is_looked_for(const struct states *states, const struct state *state)
{
    return state->file->client->has_states || states->chunk->file_count == 1;
}

static bool read_stored(struct states *states, struct error *err)
{
    struct arena *arena = states->chunk->arena;
    const size_t keys = count_keys(states);
    struct db_value *values = arena_alloc(arena, keys * find_stored.input_count * sizeof *values), *row = values;
    states->found = arena_alloc(arena, keys * sizeof *states->found);
    if (values == NULL || states->found == NULL)
        return arena_error(arena, "store", err);
    for (size_t i = 0; i < states->count; i = end_of_key(states, i)) {
        const struct state *state = &states->all[i];
        if (!is_looked_for(states, state))
            continue;
        *row++ = store_integer((int64_t)i);
        *row++ = store_integer(state->file->client->machine);
        *row++ = store_integer(state->message->topic_type);
        *row++ = store_text(state->topic_id, MOST_TOPIC_ID);
        *row++ = store_text(state->user_sid, MOST_SID);
    }
    const size_t asked = (size_t)(row - values) / find_stored.input_count;
    return db_run(states->chunk->db, &find_stored, (struct db_rows){values, asked},
                  (struct db_reader){note_stored, states}, NULL, err);
}

/* ---- settled ---- */

static bool replaces(const struct precedence *message, const struct precedence *before)
{
    if (message->time != before->time)
        return message->time > before->time;
    if (message->serial != before->serial)
        return message->serial > before->serial;
    return message->serial < 0 && message->date > before->date;
}

/* The signature of a resync (4.4 b). What was stored before the client began to number anew has a number of before. */
static void note_raised_again(const struct state *state, const struct precedence *before)
{
    const struct precedence *message = &state->precedence;
    const bool is_later = message->serial > before->serial || before->date < state->file->client->restart_date;
    if (message->time == before->time && before->serial >= 0 && message->serial >= 0 && is_later &&
        (uint64_t)message->serial > state->file->raised_again)
        state->file->raised_again = (uint64_t)message->serial;
}

/* NULL: what is stored stands. */
static const struct state *settle_key(const struct states *states, size_t from, size_t end)
{
    const struct stored *stored = states->all[from].stored;
    const struct precedence *before = stored == NULL ? NULL : &stored->precedence;
    const struct state *last = NULL;
    for (size_t i = from; i < end; i++) {
        const struct state *state = &states->all[i];
        if (before != NULL)
            note_raised_again(state, before);
        if (before != NULL && !replaces(&state->precedence, before))
            continue;
        last = state;
        before = &state->precedence;
    }
    return last;
}

/* ---- written ---- */

/* What is found stored, and what is not, is still so: the client is locked. Should somebody else have written a new one all
 * the same, the database refuses it, and what is tried again finds it. */
#define ROW                                                                                                            \
    "INSERT INTO SR_States (MachineID, TopicType, TopicID, UserSID, TopicIDType, UserName, StateID, Criticality, "     \
    "MessageTime, ReportDate, SerialNumber, ParamFlags, ParamCount, P1, P2, P3, P4, P5, DetailsType, StateDetails, "   \
    "ProcessedTime) @rows"
#define ROW_INPUT                                                                                                      \
    {                                                                                                                  \
        {"MachineID", DB_INTEGER}, {"TopicType", DB_INTEGER}, {"TopicID", DB_TEXT}, {"UserSID", DB_TEXT},              \
            {"TopicIDType", DB_INTEGER}, {"UserName", DB_TEXT}, {"StateID", DB_INTEGER}, {"Criticality", DB_INTEGER},  \
            {"MessageTime", DB_INTEGER}, {"ReportDate", DB_INTEGER}, {"SerialNumber", DB_INTEGER},                     \
            {"ParamFlags", DB_INTEGER}, {"ParamCount", DB_INTEGER}, {"P1", DB_TEXT}, {"P2", DB_TEXT}, {"P3", DB_TEXT}, \
            {"P4", DB_TEXT}, {"P5", DB_TEXT}, {"DetailsType", DB_INTEGER}, {"StateDetails", DB_TEXT},                  \
        {                                                                                                              \
            "ProcessedTime", DB_INTEGER                                                                                \
        }                                                                                                              \
    }
enum { ROW_COLUMNS = 21 };

static const struct db_statement insert = {.sql = ROW, .input = ROW_INPUT, .input_count = ROW_COLUMNS};
static const struct db_statement replace = {
    .sql = ROW
    " ON CONFLICT (MachineID, TopicType, TopicID, UserSID) DO UPDATE SET "
    "TopicIDType = excluded.TopicIDType, UserName = excluded.UserName, StateID = excluded.StateID, "
    "Criticality = excluded.Criticality, MessageTime = excluded.MessageTime, ReportDate = excluded.ReportDate, "
    "SerialNumber = excluded.SerialNumber, ParamFlags = excluded.ParamFlags, ParamCount = excluded.ParamCount, "
    "P1 = excluded.P1, P2 = excluded.P2, P3 = excluded.P3, P4 = excluded.P4, P5 = excluded.P5, "
    "DetailsType = excluded.DetailsType, StateDetails = excluded.StateDetails, "
    "ProcessedTime = excluded.ProcessedTime",
    .input = ROW_INPUT,
    .input_count = ROW_COLUMNS,
};

static struct db_value param_of(const struct state_message *message, size_t number)
{
    return number < message->param_count ? store_text(message->params[number], MOST_PARAM) : store_null();
}

static void fill_row(struct db_value *row, const struct chunk *chunk, const struct state *state)
{
    const struct state_message *message = state->message;
    const struct precedence *precedence = &state->precedence;
    *row++ = store_integer(state->file->client->machine);
    *row++ = store_integer(message->topic_type);
    *row++ = store_text(state->topic_id, MOST_TOPIC_ID);
    *row++ = store_text(state->user_sid, MOST_SID);
    *row++ = store_int32(message->topic_id_type);
    *row++ = store_text(message->user, MOST_USER);
    *row++ = store_integer(message->state);
    *row++ = store_int32(message->criticality);
    *row++ = store_integer(precedence->time);
    *row++ = store_time(precedence->date);
    *row++ = precedence->serial < 0 ? store_null() : store_integer(precedence->serial);
    *row++ = store_int32(message->param_flags);
    *row++ = store_int32((int64_t)message->param_count);
    for (size_t i = 0; i < PARAMS; i++)
        *row++ = param_of(message, i);
    *row++ = store_int32(message->details_type);
    *row++ = store_optional(message->details, SIZE_MAX);
    *row++ = store_integer(chunk->now);
}

static void count_change(struct store_counts *counts, const struct state *first, const struct state *last)
{
    const struct state_message *message = last->message;
    const struct store_counted key = {first->file->client->machine, message->topic_type, first->topic_id};
    if (first->stored == NULL)
        store_counts_add(counts, &key, message->state);
    else
        store_counts_move(counts, &key, first->stored->state, message->state);
}

static bool write_states(const struct states *states, struct store_counts *counts, struct error *err)
{
    struct store_batch inserted, replaced;
    store_batch_init(&inserted, states->chunk->db, &insert, states->count, states->chunk->arena);
    store_batch_init(&replaced, states->chunk->db, &replace, states->count, states->chunk->arena);
    for (size_t from = 0, end; from < states->count; from = end) {
        const struct state *first = &states->all[from];
        end = end_of_key(states, from);
        const struct state *last = settle_key(states, from, end);
        if (last == NULL)
            continue;
        struct db_value *row = store_batch_row(first->stored == NULL ? &inserted : &replaced, err);
        if (row == NULL)
            return false;
        fill_row(row, states->chunk, last);
        count_change(counts, first, last);
    }
    return store_batch_flush(&inserted, err) && store_batch_flush(&replaced, err);
}

bool store_state_write(struct chunk *chunk, struct error *err)
{
    struct states states = {.chunk = chunk};
    struct store_counts counts;
    if (!gather(&states, err))
        return false;
    qsort(states.all, states.count, sizeof *states.all, compare_states);
    return store_counts_init(&counts, chunk, states.count, err) && read_stored(&states, err) &&
           write_states(&states, &counts, err) && store_counts_write(&counts, err);
}
