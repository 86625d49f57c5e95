/* The decision hidden here: a heartbeat is a report as any other, so it is written by who writes reports and delivered
 * by who delivers files. */
#include "heartbeat.h"

#include "base/sys.h"
#include "report/compose.h"
#include "spool/deliver.h"
#include "spool/spool.h"

#include <inttypes.h>
#include <stdio.h>

enum { TOPIC_HEARTBEAT = 701, ALIVE = 1, MOST_BYTES = 64 * 1024 };

void heartbeat_client(const char *site_code, char out[HEARTBEAT_CLIENT_SIZE])
{
    (void)snprintf(out, HEARTBEAT_CLIENT_SIZE, "SMS_STATE_SYSTEM_%.8s", site_code);
}

static struct state_message make_message(const char *site_code, const char *number, uint64_t sequence, int64_t now)
{
    return (struct state_message){
        .valid = true,
        .has_serial = true,
        .serial = sequence,
        .time = now,
        .topic_type = TOPIC_HEARTBEAT,
        .state = ALIVE,
        .topic_id = span_of(site_code),
        .details_type = REPORT_NO_NUMBER,
        .params = {span_of(site_code), span_of(number)},
        .param_count = 2,
    };
}

static bool compose(const char *site_code, uint64_t sequence, int64_t now, struct buffer *out, struct error *err)
{
    char client[HEARTBEAT_CLIENT_SIZE];
    char number[24];
    heartbeat_client(site_code, client);
    (void)snprintf(number, sizeof number, "%" PRIu64, sequence);
    struct state_message message = make_message(site_code, number, sequence, now);
    const struct report report = {
        .sender = {.id = span_of(client),
                   .version = SPAN(VERSION),
                   .type = REPORT_NO_NUMBER,
                   .code_page = REPORT_NO_NUMBER,
                   .lcid = REPORT_NO_NUMBER},
        .priority = REPORT_PRIORITY_DEFAULT,
        .priority_sent = true,
        .created = now,
        .content = SPAN("StateMessage"),
        .type = SPAN("Full"),
        .messages = &message,
        .message_count = 1,
    };
    return buffer_add(out, "\xFF\xFE", 2, err) && compose_report(&report, out, err);
}

bool heartbeat_write(const char *directory, const char *site_code, uint64_t sequence, int64_t now, struct error *err)
{
    char digits[17], name[32];
    uint32_t random;
    struct buffer file;
    if (sys.getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_os(err, "cannot draw a name for the heartbeat");
    spool_name_write(now, random, digits);
    (void)snprintf(name, sizeof name, "%s.smx", digits);
    buffer_init(&file, MOST_BYTES);
    const bool written = compose(site_code, sequence, now, &file, err) &&
                         deliver_new(directory, name, buffer_span(&file), err);
    buffer_fini(&file);
    return written;
}
