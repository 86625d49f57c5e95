/* The decision hidden here: the life of an update as a table of steps, each a message, and that messages are only ever
 * lost before one that is sent, so that nothing is pending between two reports. */
#include "fleet.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MOST_AT_ONCE = FLEET_MOST_RANGES, SECOND = 1000000 };

/* ---- what clients tell of ---- */

enum kind { SCAN, DETECTION, ENFORCEMENT, COMPLIANCE, DEPLOYMENT, RESYNC };

static const struct {
    uint32_t topic_type;
    int64_t id_type;
    unsigned updates;               /* that share one topic */
    unsigned first;                 /* of its topics, among those of a client */
} kinds[] = {
    [SCAN] = {501, 4, FLEET_UPDATES, 0},
    [DETECTION] = {500, 3, 1, 1},
    [ENFORCEMENT] = {402, 3, 1, 1 + FLEET_UPDATES},
    [COMPLIANCE] = {300, 2, FLEET_UPDATES / FLEET_DEPLOYMENTS, 1 + 2 * FLEET_UPDATES},
    [DEPLOYMENT] = {301, 2, FLEET_UPDATES / FLEET_DEPLOYMENTS, 1 + 2 * FLEET_UPDATES + FLEET_DEPLOYMENTS},
    [RESYNC] = {700, 0, FLEET_UPDATES, FLEET_TOPICS},
};

enum step {
    SCANNING,
    SCANNED,
    REQUIRED,
    NON_COMPLIANT,
    DOWNLOADING,
    DEPLOYMENT_DOWNLOADING,
    DOWNLOADED,
    DEPLOYMENT_INSTALLING,
    INSTALLING,
    PENDING_RESTART,
    DEPLOYMENT_PENDING,
    ENFORCED,
    INSTALLED,
    DEPLOYMENT_DONE,
    COMPLIANT,
    FAILED,
    DEPLOYMENT_FAILED,
    NOT_REQUIRED,
};

/* In `chance` of a hundred cases `other` follows, else the next row. Names: src/report/state.tbl. */
static const struct {
    enum kind kind;
    uint32_t state;
    unsigned chance;
    enum step other;
} steps[] = {
    [SCANNING] = {SCAN, 2, 0, SCANNED},
    [SCANNED] = {SCAN, 3, 25, NOT_REQUIRED},
    [REQUIRED] = {DETECTION, 2, 0, NON_COMPLIANT},
    [NON_COMPLIANT] = {COMPLIANCE, 2, 0, DOWNLOADING},
    [DOWNLOADING] = {ENFORCEMENT, 12, 0, DEPLOYMENT_DOWNLOADING},
    [DEPLOYMENT_DOWNLOADING] = {DEPLOYMENT, 7, 0, DOWNLOADED},
    [DOWNLOADED] = {ENFORCEMENT, 13, 0, DEPLOYMENT_INSTALLING},
    [DEPLOYMENT_INSTALLING] = {DEPLOYMENT, 1, 0, INSTALLING},
    [INSTALLING] = {ENFORCEMENT, 8, 10, FAILED},
    [PENDING_RESTART] = {ENFORCEMENT, 9, 0, DEPLOYMENT_PENDING},
    [DEPLOYMENT_PENDING] = {DEPLOYMENT, 5, 0, ENFORCED},
    [ENFORCED] = {ENFORCEMENT, 10, 0, INSTALLED},
    [INSTALLED] = {DETECTION, 3, 0, DEPLOYMENT_DONE},
    [DEPLOYMENT_DONE] = {DEPLOYMENT, 4, 0, COMPLIANT},
    [COMPLIANT] = {COMPLIANCE, 1, 100, SCANNING},
    [FAILED] = {ENFORCEMENT, 11, 0, DEPLOYMENT_FAILED},
    [DEPLOYMENT_FAILED] = {DEPLOYMENT, 6, 100, DOWNLOADING},
    [NOT_REQUIRED] = {DETECTION, 1, 100, SCANNING},
};

/* ---- random numbers ---- */

/* splitmix64 (Steele, Lea, Flood 2014): good enough to live by, and the same everywhere. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

static uint64_t draw(struct fleet_client *client)
{
    client->random += 0x9E3779B97F4A7C15u;
    return mix(client->random);
}

static bool happens(struct fleet_client *client, unsigned percent)
{
    return draw(client) % 100 < percent;
}

/* What does not change in the life of a fleet: who its clients are, and which of their reports are sent broken. */
static uint64_t fixed(const struct fleet_settings *settings, uint64_t what, uint64_t number)
{
    return mix(mix(mix(settings->seed) + what) + number);
}

enum what { CLIENT = 1, CLIENT_TAIL, TOPIC, TOPIC_TAIL, LIFE, DAMAGE };

/* ---- names ---- */

static void write_guid(char out[37], uint64_t head, uint64_t tail)
{
    (void)snprintf(out, 37, "%08X-%04X-4%03X-%04X-%012llX", (unsigned)(head >> 32), (unsigned)(head >> 16) & 0xFFFF,
                   (unsigned)head & 0xFFF, ((unsigned)(tail >> 48) & 0x3FFF) | 0x8000,
                   (unsigned long long)tail & 0xFFFFFFFFFFFF);
}

void fleet_write_id(const struct fleet_settings *settings, uint32_t number, char out[48])
{
    char guid[37];
    write_guid(guid, fixed(settings, CLIENT, number), fixed(settings, CLIENT_TAIL, number));
    (void)snprintf(out, 48, "GUID:%s", guid);
}

static unsigned topic_of(enum kind kind, unsigned update)
{
    return kinds[kind].first + update / kinds[kind].updates;
}

/* Updates are named alike where they are detected and installed, deployments where they are complied with and enforced. */
static unsigned subject_of(enum kind kind, unsigned update)
{
    const enum kind same = kind == ENFORCEMENT ? DETECTION : kind == DEPLOYMENT ? COMPLIANCE : kind;
    return topic_of(same, update);
}

/* Every fleet has the same updates and deployments. Updates go by a bare GUID in lower case, as in sample A. */
static struct span write_topic(enum kind kind, unsigned update, char out[40])
{
    static const struct fleet_settings all = {.seed = 0};
    const unsigned subject = subject_of(kind, update);
    const bool bare = kind == DETECTION || kind == ENFORCEMENT;
    char guid[37];
    write_guid(guid, fixed(&all, TOPIC, subject), fixed(&all, TOPIC_TAIL, subject));
    for (char *c = guid; *c != '\0' && bare; c++)
        *c = (char)tolower((unsigned char)*c);
    (void)snprintf(out, 40, bare ? "%s" : "{%s}", guid);
    return span_of(out);
}

/* ---- living ---- */

struct event {
    enum kind kind;
    unsigned update;
    uint32_t state;
    int64_t time;
};

static struct event live(struct fleet_client *client)
{
    const enum step step = client->step;
    client->serial++;
    client->time += SECOND + (int64_t)(draw(client) % SECOND);
    const struct event event = {steps[step].kind, client->update, steps[step].state, client->time};
    const bool turns = steps[step].chance > 0 && happens(client, steps[step].chance);
    client->step = turns ? steps[step].other : step + 1;
    if (client->step == SCANNING)
        client->update = (client->update + 1) % FLEET_UPDATES;
    return event;
}

static void remember(struct fleet_state *states, const struct event *event)
{
    if (states != NULL)
        states[topic_of(event->kind, event->update)] = (struct fleet_state){event->state, event->time};
}

void fleet_begin(const struct fleet_settings *settings, uint32_t number, struct fleet_client *out)
{
    *out = (struct fleet_client){.number = number, .random = fixed(settings, LIFE, number)};
    out->time = settings->start + (int64_t)(draw(out) % ((uint64_t)3600 * SECOND));
    out->update = (unsigned)(draw(out) % FLEET_UPDATES);
}

/* ---- whose turn it is ---- */

/* The others' turns are spread over FLEET_FLOOD slices, in each of which all floods have theirs, too. */
static uint64_t count_others(const struct fleet_settings *settings, uint64_t slice)
{
    const uint64_t others = settings->clients - settings->floods;
    return others > slice ? (others - slice - 1) / FLEET_FLOOD + 1 : 0;
}

uint64_t fleet_round(const struct fleet_settings *settings)
{
    return (uint64_t)settings->clients + (uint64_t)settings->floods * (FLEET_FLOOD - 1);
}

uint32_t fleet_turn(const struct fleet_settings *settings, uint64_t nth)
{
    uint64_t turn = nth % fleet_round(settings);
    for (uint64_t slice = 0;; slice++) {
        const uint64_t size = settings->floods + count_others(settings, slice);
        if (turn < settings->floods)
            return (uint32_t)turn;
        if (turn < size)
            return (uint32_t)(settings->floods + slice + (turn - settings->floods) * FLEET_FLOOD);
        turn -= size;
    }
}

/* ---- a report ---- */

static void write_sender(const struct fleet_settings *settings, const struct fleet_client *client, int64_t date,
                         struct fleet_report *out)
{
    static const char *const versions[] = {"5.00.9106.1000", "5.00.9096.1000", "5.00.9088.1007"};
    static const int priorities[] = {1, 10, 5, 5, 5, 5, 5, 5, 5, 5};
    fleet_write_id(settings, client->number, out->id);
    (void)snprintf(out->name, sizeof out->name, "PC-%05u", (unsigned)client->number);
    out->report = (struct report){
        .sender = {.id = span_of(out->id),
                   .prefixed = true,
                   .name = span_of(out->name),
                   .version = span_of(versions[client->number % 3]),
                   .installed = 1,
                   .type = 1,
                   .code_page = 437,
                   .lcid = 1033},
        .priority = priorities[client->number % 10],
        .priority_sent = true,
        .created = date,
        .content = SPAN("State Message Data"),
        .type = SPAN("Full"),
        .messages = out->messages,
    };
    out->damage = 0;
    out->left_out_count = 0;
}

static struct state_message *add_message(const struct event *event, struct fleet_report *out)
{
    const size_t at = out->report.message_count++;
    struct state_message *message = &out->messages[at];
    *message = (struct state_message){
        .valid = true,
        .time = event->time,
        .topic_type = kinds[event->kind].topic_type,
        .state = event->state,
        .topic_id_type = kinds[event->kind].id_type,
        .criticality = 0,
        .topic_id = write_topic(event->kind, event->update, out->topics[at]),
        .user = {"", 0},
        .user_sid = {"", 0},
        .details_type = REPORT_NO_NUMBER,
        .param_flags = REPORT_NO_NUMBER,
    };
    if (event->kind == DETECTION) {
        message->param_flags = 0;
        message->params[message->param_count++] = SPAN("200");     /* the update's revision */
    }
    return message;
}

static void number_message(struct state_message *message, uint64_t serial)
{
    message->has_serial = true;
    message->serial = serial;
}

/* Messages that are raised, and lost. */
static void lose_some(const struct fleet_settings *settings, struct fleet_client *client, struct fleet_state *states,
                      struct fleet_report *out)
{
    const uint64_t before = client->serial;
    while (before > 0 && happens(client, settings->gaps)) {
        const struct event event = live(client);
        remember(states, &event);
    }
    if (client->serial > before)
        out->left_out[out->left_out_count++] = (struct fleet_range){before + 1, client->serial};
}

static void make_report(const struct fleet_settings *settings, struct fleet_client *client, struct fleet_state *states,
                        struct fleet_report *out)
{
    const uint64_t count = 1 + draw(client) % MOST_AT_ONCE;
    for (uint64_t i = 0; i < count; i++) {
        lose_some(settings, client, states, out);
        const struct event event = live(client);
        remember(states, &event);
        number_message(add_message(&event, out), client->serial);
    }
}

void fleet_next(const struct fleet_settings *settings, struct fleet_client *client, int64_t date,
                struct fleet_report *out)
{
    const uint64_t luck = fixed(settings, DAMAGE, ((uint64_t)client->number << 32) + client->reports);
    write_sender(settings, client, date, out);
    make_report(settings, client, NULL, out);
    out->damage = luck % 100 < settings->bad ? 1 + (unsigned)(luck >> 33) : 0;
    client->reports++;
}

/* ---- broken ones ---- */

/* The same length, so that nothing moves. The last row is cut off in the middle instead. */
static const struct {
    const char *from;
    const char *to;
} damages[] = {
    {"Report>", "Rapper>"},                     /* another root */
    {"ClientID", "ClientIQ"},                   /* from nobody */
    {"StateMessage", "StateMassage"},           /* without messages */
    {" Type=", " Tape="},                       /* all messages invalid */
    {"</Machine>", "</machine>"},               /* not well-formed */
    {"<?xml version=\"1.0\"", "<!DOCTYPE Report > "},
    {"", ""},
};

enum { DAMAGES = sizeof damages / sizeof damages[0] };

static bool is_at(const char *wide, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (wide[2 * i] != text[i] || wide[2 * i + 1] != '\0')
            return false;
    return true;
}

static void replace(struct buffer *text, const char *from, const char *to)
{
    const size_t len = strlen(from);
    assert(strlen(to) == len);
    for (size_t at = 0; at + 2 * len <= text->len; at += 2)
        if (is_at(text->at + at, from, len))
            for (size_t i = 0; i < len; i++)
                text->at[at + 2 * i] = to[i];
}

void fleet_damage(unsigned damage, struct buffer *text)
{
    const unsigned row = (damage - 1) % DAMAGES;
    if (row == DAMAGES - 1)
        text->len = text->len / 4 * 2;
    else
        replace(text, damages[row].from, damages[row].to);
}

/* ---- again ---- */

void fleet_relive(const struct fleet_settings *settings, uint32_t number, uint64_t reports,
                  const struct fleet_listener *listener, struct fleet_life *out)
{
    struct fleet_report report;
    memset(out, 0, sizeof *out);
    fleet_begin(settings, number, &out->client);
    for (; out->client.reports < reports; out->client.reports++) {
        write_sender(settings, &out->client, 0, &report);
        make_report(settings, &out->client, out->states, &report);
        for (size_t i = 0; i < report.left_out_count && listener != NULL; i++)
            listener->left_out(listener->owner, &report.left_out[i]);
    }
}

static void add_again(struct fleet_life *life, enum kind kind, unsigned update, struct fleet_report *out)
{
    const struct fleet_state *state = &life->states[topic_of(kind, update)];
    const struct event event = {kind, update, state->state, state->time};
    if (update % kinds[kind].updates == 0 && state->state != 0)
        number_message(add_message(&event, out), ++life->client.serial);
}

void fleet_resync(const struct fleet_settings *settings, struct fleet_life *life, int64_t date,
                  struct fleet_report *out)
{
    const struct event done = {RESYNC, 0, 1, date};
    write_sender(settings, &life->client, date, out);
    for (enum kind kind = SCAN; kind < RESYNC; kind++)
        for (unsigned update = 0; update < FLEET_UPDATES; update++)
            add_again(life, kind, update, out);
    (void)add_message(&done, out);
}
