/* The decision hidden here: every valid message must be of a topic that is taken, for a file goes to the state system
 * whole; what counts against the throttle are messages, as on the original. */
#include "fsp.h"

#include <string.h>

struct range {
    uint64_t first;
    uint64_t last;
};

bool fsp_is_asked(const struct settings *settings, const char *path)
{
    return settings->fsp == SWITCH_ON && span_equal_nocase(span_of(path), SPAN("/SMS_FSP/.sms_fsp"));
}

/* ---- topics ---- */

static bool read_range(const char *text, struct range *out)
{
    const char *dash = strchr(text, '-');
    const struct span first = {text, dash == NULL ? strlen(text) : (size_t)(dash - text)};
    if (!span_to_uint64(span_trim(first), &out->first))
        return false;
    out->last = out->first;
    return dash == NULL || (span_to_uint64(span_trim(span_of(dash + 1)), &out->last) && out->last >= out->first);
}

bool fsp_check(const struct settings *settings, struct error *err)
{
    const struct config_list *topics = &settings->fsp_topics;
    struct range range;
    for (size_t i = 0; i < topics->count; i++)
        if (!read_range(topics->at[i], &range) || range.last > UINT32_MAX)
            return error_set(err, ERROR_MALFORMED, "fsp-topics: '%.40s' is no topic type and no range FIRST-LAST",
                             topics->at[i]);
    return settings->fsp == SWITCH_OFF || topics->count > 0 ||
           error_set(err, ERROR_MALFORMED, "fsp = on needs fsp-topics, the topic types that are taken");
}

static bool is_taken(const struct config_list *topics, uint32_t type)
{
    struct range range;
    for (size_t i = 0; i < topics->count; i++)
        if (read_range(topics->at[i], &range) && type >= range.first && type <= range.last)
            return true;
    return false;
}

static bool check_messages(const struct settings *settings, const struct report *report, struct error *err)
{
    for (size_t i = 0; i < report->message_count; i++) {
        const struct state_message *message = &report->messages[i];
        if (message->valid && !is_taken(&settings->fsp_topics, message->topic_type))
            return error_refuse(err, ERROR_UNSUPPORTED, "policy", "message %zu: topic type %u is not in fsp-topics",
                                i + 1, (unsigned)message->topic_type);
    }
    return true;
}

/* ---- how many ---- */

static bool refuse_more(struct error *err)
{
    return error_set(err, ERROR_BUSY, "the fallback status point took as many messages as fsp-throttle allows");
}

bool fsp_check_room(struct throttle *throttle, int64_t now, struct error *err)
{
    return throttle_has_room(throttle, now) || refuse_more(err);
}

bool fsp_take(const struct settings *settings, const struct report *report, struct throttle *throttle, int64_t now,
              uint64_t *taken, struct error *err)
{
    if (!check_messages(settings, report, err))
        return false;
    if (!throttle_take(throttle, report->message_count, now))
        return refuse_more(err);
    *taken = report->message_count;
    return true;
}

/* ---- who sends ---- */

bool fsp_is_counted(const struct report *report)
{
    size_t i = 0;
    while (i < report->message_count && !(report->messages[i].valid && report->messages[i].has_serial))
        i++;
    return i < report->message_count && report->sender.installed != 0;
}
