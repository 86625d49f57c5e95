/* Two reports say the same: what was sent, and what was read back from its file. */
#ifndef SAME_REPORT_H
#define SAME_REPORT_H

#include "fuzz.h"
#include "report/report.h"

static inline void require_same_message(const struct state_message *one, const struct state_message *other)
{
    require(one->valid == other->valid && one->line == other->line && one->time == other->time);
    require(one->has_serial == other->has_serial && one->serial == other->serial);
    require(one->topic_type == other->topic_type && one->state == other->state);
    require(one->criticality == other->criticality && one->details_type == other->details_type);
    require(span_equal(one->topic_id, other->topic_id) && span_equal(one->details, other->details));
    require(span_equal(one->user, other->user) && span_equal(one->user_sid, other->user_sid));
    require(one->param_count == other->param_count);
    for (size_t i = 0; i < one->param_count && i < REPORT_MOST_PARAMS; i++)
        require(span_equal(one->params[i], other->params[i]));
}

static inline void require_same_report(const struct report *one, const struct report *other)
{
    require(span_equal(one->sender.key, other->sender.key) && span_equal(one->sender.id, other->sender.id));
    require(span_equal(one->sender.name, other->sender.name) && one->sender.type == other->sender.type);
    require(span_equal(one->content, other->content) && span_equal(one->type, other->type));
    require(one->priority == other->priority && one->created == other->created);
    require(one->message_count == other->message_count && one->invalid_count == other->invalid_count);
    require(one->problems_seen == other->problems_seen);
    for (size_t i = 0; i < one->message_count; i++)
        require_same_message(&one->messages[i], &other->messages[i]);
}

#endif
