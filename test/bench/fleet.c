/* The decision hidden here: what a fleet says. No random numbers: a multiplicative hash of the report's number. */
#include "fleet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FEWEST_TOPICS = 4, STATES = 3 };

static uint64_t mix(uint64_t number)
{
    number = (number ^ (number >> 31)) * UINT64_C(0x9E3779B97F4A7C15);
    return number ^ (number >> 29);
}

void fleet_init(struct fleet *fleet, unsigned messages)
{
    const unsigned topics = messages < FEWEST_TOPICS ? FEWEST_TOPICS : messages;
    *fleet = (struct fleet){.messages = messages, .clients = FLEET_STATES / topics, .topics = topics};
}

/* Each topic of a client once in a report at most: topics follow one another, from any of them on. */
static void make_message(const struct fleet *fleet, struct fleet_report *out, unsigned number)
{
    const uint64_t round = fleet->made / fleet->clients, chance = mix(fleet->made * FLEET_MOST_MESSAGES + number);
    const unsigned topic = (unsigned)(mix(fleet->made) % fleet->topics + number) % fleet->topics;
    (void)snprintf(out->topics[number], sizeof out->topics[number], "505fda07-b4f3-45fb-83d9-%012u", topic);
    out->messages[number] = (struct state_message){
        .valid = true,
        .has_serial = true,
        .serial = 1 + round * fleet->messages + number,
        .time = FLEET_NOW + (int64_t)fleet->made * 1000 + number,
        .topic_type = 500,
        .state = 1 + (uint32_t)(chance % STATES),
        .topic_id_type = 3,
        .topic_id = span_of(out->topics[number]),
        .details_type = REPORT_NO_NUMBER,
        .params = {SPAN("200")},
        .param_count = 1,
    };
}

static struct sender sender_of(const struct fleet_report *report)
{
    return (struct sender){
        .id = span_of(report->id),
        .key = span_of(report->id + strlen("GUID:")),
        .prefixed = true,
        .name = span_of(report->name),
        .version = SPAN("5.00.9040.1015"),
        .installed = 1,
        .type = 1,
        .code_page = 437,
        .lcid = 1033,
    };
}

void fleet_next(struct fleet *fleet, struct fleet_report *out)
{
    memset(out, 0, sizeof *out);
    out->client = (unsigned)(fleet->made * 7919 % fleet->clients); /* 7919 has no divisor with their number */
    (void)snprintf(out->id, sizeof out->id, "GUID:6F3C1E52-8A0B-4D7E-9C21-%012u", out->client);
    (void)snprintf(out->name, sizeof out->name, "PC-%06u", out->client);
    (void)snprintf(out->file, sizeof out->file, "%016" PRIX64 ".smx", fleet->made);
    for (unsigned i = 0; i < sizeof out->hash / sizeof(uint64_t); i++) {
        const uint64_t part = mix(fleet->made * 4 + i + 1);
        memcpy(out->hash + i * sizeof part, &part, sizeof part);
    }
    for (unsigned i = 0; i < fleet->messages; i++)
        make_message(fleet, out, i);
    out->report = (struct report){
        .sender = sender_of(out),
        .priority = REPORT_PRIORITY_DEFAULT,
        .priority_sent = true,
        .created = FLEET_NOW + (int64_t)fleet->made * 1000 + FLEET_MOST_MESSAGES,
        .content = SPAN("State Message Data"),
        .type = SPAN("Full"),
        .messages = out->messages,
        .message_count = fleet->messages,
    };
    fleet->made++;
}
