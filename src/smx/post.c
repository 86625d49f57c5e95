/* The decision hidden here: the order of a client's doubts about an answer (spec/wire.md 4.4). */
#include "post.h"

#include "base/sys.h"
#include "report/outgoing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 120 };

bool post_init(struct post *post, const char *to, bool plain, struct error *err)
{
    memset(post, 0, sizeof *post);
    post->plain = plain;
    if (gethostname(post->host, sizeof post->host - 1) != 0)
        (void)snprintf(post->host, sizeof post->host, "localhost");
    return web_complete(to, "/ccm_system/request", &post->place, err);
}

static void write_guid(char out[39])
{
    uint8_t made[16] = {0};
    if (sys.getrandom(made, sizeof made, 0) != (ssize_t)sizeof made)
        (void)memcpy(made, &(int64_t){sys_now()}, sizeof(int64_t));     /* unique enough for one sender */
    (void)snprintf(out, 39, "{%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X}", made[0], made[1],
                   made[2], made[3], made[4], made[5], (made[6] & 0x0F) | 0x40, made[7], (made[8] & 0x3F) | 0x80,
                   made[9], made[10], made[11], made[12], made[13], made[14], made[15]);
}

static bool write_envelope(const struct post *post, const struct post_report *report, struct error *err)
{
    char id[39];
    char sent[32];
    const time_t now = time(NULL);
    struct tm utc;
    write_guid(id);
    (void)strftime(sent, sizeof sent, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const struct outgoing outgoing = {
        .id = span_of(id),
        .source_id = report->source_id,
        .source_host = span_of(post->host),
        .target_host = span_of(post->place.host),
        .sent_time = span_of(sent),
        .signer = post->signer,
    };
    return outgoing_write(&outgoing, report->text, report->envelope, err);
}

bool post_begin(const struct post *post, struct web *web, const struct post_report *report, struct error *err)
{
    if (!post->plain && !write_envelope(post, report, err))
        return false;
    const struct web_request request = {
        .url = post->place.url,
        .method = post->plain ? "POST" : "CCM_POST",
        .content_type = post->plain ? "application/xml" : OUTGOING_CONTENT_TYPE,
        .body = post->plain ? report->file : buffer_span(report->envelope),
        .seconds = SECONDS,
        .owner = report->owner,
    };
    return web_begin(web, &request, err);
}

enum post_verdict post_judge(const struct web_answer *answer)
{
    const long status = answer->status;
    if (status == 0)
        return POST_UNANSWERED;
    if (status >= 200 && status < 300)
        return answer->body.len > 0 ? POST_KEPT : POST_AGAIN;   /* an empty answer is how management points refuse */
    return status == 408 || status == 429 || status >= 500 ? POST_AGAIN : POST_REFUSED;
}
