/* The decision hidden here: the bytes of every answer. */
#include "http_answer.h"

#include "base/log.h"
#include "base/sys.h"
#include "report/reply.h"

#include <fcntl.h>
#include <stdio.h>

enum { MOST_REPLY = 1024 * 1024 };

#define REPLY_BOUNDARY "aAbBcCdDv1234567890VxXyYzZ"

/* One part that says NoReply in UTF-16 (spec/wire.md 4.1). */
static const char noreply[] = "--" REPLY_BOUNDARY "\r\n"
                              "content-type: text/plain; charset=UTF-16\r\n\r\n"
                              "\xFF\xFEN\0o\0R\0e\0p\0l\0y\0"
                              "\r\n--" REPLY_BOUNDARY "--";

/* ---- making them ---- */

static struct MHD_Response *make(struct span body, enum MHD_ResponseMemoryMode mode)
{
    return MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.at, mode);
}

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return response != NULL && MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool read_reply(const struct settings *settings, struct buffer *reply, struct error *err)
{
    switch (settings->async_reply.word) {
    case ASYNC_REPLY_NOREPLY:
        return buffer_add(reply, noreply, sizeof noreply - 1, err);
    case ASYNC_REPLY_FILE:
        return sys_read_file(AT_FDCWD, settings->async_reply.rest, reply, err);
    default:
        return true;
    }
}

/* Also one that ends the connection. */
static bool make_both(struct span reply, struct MHD_Response **out, struct MHD_Response **closing)
{
    *out = make(reply, MHD_RESPMEM_MUST_COPY);
    *closing = make(reply, MHD_RESPMEM_MUST_COPY);
    return *out != NULL && add(*closing, "Connection", "close") &&
           (reply.len == 0 ||
            (add(*out, "Content-Type", REPLY_CONTENT_TYPE) && add(*closing, "Content-Type", REPLY_CONTENT_TYPE)));
}

static bool make_kept(const struct settings *settings, struct answers *out, struct error *err)
{
    struct buffer reply;
    buffer_init(&reply, MOST_REPLY);
    const bool made = read_reply(settings, &reply, err) &&
                      make_both(buffer_span(&reply), &out->kept, &out->kept_closing);
    buffer_fini(&reply);
    return made;
}

static bool make_fallback(const struct settings *settings, struct answers *out)
{
    const struct span reply = settings->fsp_reply == FSP_REPLY_NOREPLY ? SPAN(noreply) : SPAN("");
    out->fallback_method = make(SPAN(""), MHD_RESPMEM_PERSISTENT);
    return make_both(reply, &out->fallback, &out->fallback_closing) &&
           add(out->fallback_method, "Connection", "close") && add(out->fallback_method, "Allow", "POST");
}

static bool make_refused(struct answers *out)
{
    for (int kind = ERROR_NONE; kind < ERROR_KINDS; kind++) {
        out->refused[kind] = make((struct span){"", 0}, MHD_RESPMEM_PERSISTENT);
        if (!add(out->refused[kind], "Connection", "close"))
            return false;
        if (error_policy(kind)->status == 503 && !add(out->refused[kind], "Retry-After", out->retry_after))
            return false;
    }
    return add(out->refused[ERROR_METHOD], "Allow", "CCM_POST, POST");
}

bool answers_open(const struct settings *settings, struct answers *out, struct error *err)
{
    struct answers answers = {.hide = settings->refuse_style == REFUSE_EMPTY200};
    (void)snprintf(answers.retry_after, sizeof answers.retry_after, "%llu",
                   (unsigned long long)(settings->retry_after + 999999) / 1000000);
    *err = (struct error){0};
    if (make_kept(settings, &answers, err) && make_fallback(settings, &answers) && make_refused(&answers)) {
        *out = answers;
        return true;
    }
    answers_close(&answers);
    return err->kind != ERROR_NONE ? false : error_set(err, ERROR_NO_MEMORY, "no memory for the answers");
}

static void drop(struct MHD_Response *response)
{
    if (response != NULL)
        MHD_destroy_response(response);
}

void answers_close(struct answers *answers)
{
    drop(answers->kept);
    drop(answers->kept_closing);
    drop(answers->fallback);
    drop(answers->fallback_closing);
    drop(answers->fallback_method);
    for (int kind = ERROR_NONE; kind < ERROR_KINDS; kind++)
        drop(answers->refused[kind]);
    *answers = (struct answers){0};
}

/* ---- the plain form ---- */

/* Text of ours, which may quote a client, into a JSON string. Made safe first, as for the log: it may be cut off in the
 * middle of a character. */
static void write_json_text(const char *from, char *out, size_t room)
{
    char safe[2 * sizeof((struct error *)0)->text];
    size_t len = 0;
    const char *text = log_quote(span_of(from), sizeof safe - 4, safe, sizeof safe);
    for (; *text != '\0' && len + 8 < room; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\' || c < 0x20 || c == 0x7F)
            len += (size_t)snprintf(out + len, room - len, "\\u%04x", c);
        else
            out[len++] = (char)c;
    }
    out[len] = '\0';
}

/* Senders of the plain form are developers and want to read why, but of our own failures they learn no paths. */
static void write_refusal(const struct task *task, char *out, size_t room)
{
    const struct error *err = &task->err;
    const struct error_policy *policy = error_policy(err->kind);
    const char *later = task->question ? "no answer now; ask again later"
                                       : "the report was not kept; send it again later";
    char text[sizeof err->text * 2];
    write_json_text(policy->ours ? later : err->text, text, sizeof text);
    (void)snprintf(out, room, "{\"status\":%u,\"rule\":\"%s\",\"message\":\"%s\"}", policy->status,
                   err->rule == NULL ? policy->name : err->rule, text);
}

static enum MHD_Result send_plain(const struct answers *answers, struct MHD_Connection *connection,
                                  const struct task *task, bool closing)
{
    const struct error_policy *policy = error_policy(task->err.kind);
    const bool kept = task->err.kind == ERROR_NONE;
    char text[1024];
    if (kept)
        (void)snprintf(text, sizeof text, "{\"file\":\"%s\",\"messages\":%zu,\"priority\":%d}", task->record.name.text,
                       task->report.message_count, task->report.priority);
    else
        write_refusal(task, text, sizeof text);
    struct MHD_Response *response = make(span_of(text), MHD_RESPMEM_MUST_COPY);
    bool made = add(response, "Content-Type", "application/json");
    if (!kept || closing)
        made = made && add(response, "Connection", "close");
    if (policy->status == 503)
        made = made && add(response, "Retry-After", answers->retry_after);
    if (policy->status == 405)
        made = made && add(response, "Allow", task->question ? "GET, HEAD" : "CCM_POST, POST");
    const enum MHD_Result result = made ? MHD_queue_response(connection, policy->status, response) : MHD_NO;
    drop(response);
    return result;
}

/* ---- registrations ---- */

static enum MHD_Result send_enrolment(struct MHD_Connection *connection, const struct task *task, bool closing)
{
    struct MHD_Response *response = make(task->enrolment.answer, MHD_RESPMEM_MUST_COPY);
    const bool made = add(response, "Content-Type", REPLY_CONTENT_TYPE) &&
                      (!closing || add(response, "Connection", "close"));
    const enum MHD_Result result = made ? MHD_queue_response(connection, 200, response) : MHD_NO;
    drop(response);
    return result;
}

/* ---- sending them ---- */

unsigned answer_status(const struct answers *answers, const struct task *task, bool plain)
{
    const struct error_policy *policy = error_policy(task->err.kind);
    return answers->hide && policy->hidden && !plain && !task->fallback ? 200 : policy->status;
}

static struct MHD_Response *choose(const struct answers *answers, const struct task *task, bool closing)
{
    if (task->err.kind == ERROR_METHOD && task->fallback)
        return answers->fallback_method;
    if (task->err.kind != ERROR_NONE)
        return answers->refused[task->err.kind];
    if (task->fallback)
        return closing ? answers->fallback_closing : answers->fallback;
    return closing ? answers->kept_closing : answers->kept;
}

enum MHD_Result answer_send(const struct answers *answers, struct MHD_Connection *connection, const struct task *task,
                            bool plain, bool closing)
{
    if (task->enrolled && task->err.kind == ERROR_NONE)
        return send_enrolment(connection, task, closing);
    if (plain)
        return send_plain(answers, connection, task, closing);
    return MHD_queue_response(connection, answer_status(answers, task, plain), choose(answers, task, closing));
}
