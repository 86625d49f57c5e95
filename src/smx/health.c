/* The decision hidden here: all are asked at once, so that one that hangs holds up nobody for longer than its own time.
 * Where it takes reports, the relay is connected to and asked nothing: a request would leave a verdict in its log. */
#include "health.h"

#include "base/log.h"
#include "base/sys.h"
#include "scrape.h"
#include "web.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { QUESTIONS = 5, SECONDS = 5, MOST_TEXT = 512 * 1024, TAIL = 128 * 1024 };

struct inquiry {
    struct health *out;
    struct error *err;
    unsigned open;                  /* questions without an answer so far */
    char relay_error[256];          /* why nobody could connect to it, or it did not answer */
    bool relay_silent;              /* it took a connection to its pages, but did not answer */
    bool failed;
};

struct question {
    struct inquiry *inquiry;
    void (*take)(struct inquiry *inquiry, const struct web_answer *answer);
    const char *url;
    const char *path;               /* NULL: connect only */
};

/* ---- reasons ---- */

static void add(struct inquiry *inquiry, struct buffer *out, struct span text)
{
    if (!inquiry->failed && !buffer_add(out, text.at, text.len, inquiry->err))
        inquiry->failed = true;
}

static void __attribute__((format(printf, 2, 3))) add_reason(struct inquiry *inquiry, const char *format, ...)
{
    char text[640];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);     /* cut off rather than lost */
    va_end(arguments);
    struct buffer *reasons = &inquiry->out->reasons;
    if (reasons->len > 0)
        add(inquiry, reasons, SPAN("\n"));
    add(inquiry, reasons, span_of(text));
}

/* The strings behind the bracket of {"ready": false, "reasons": ["..."]}. */
static void add_reasons(struct inquiry *inquiry, const char *who, struct span json)
{
    const char *at = json.len == 0 ? NULL : memchr(json.at, '[', json.len);
    const char *end = json.at + json.len;
    bool inside = false;
    size_t len = 0;
    char text[512];
    for (; at != NULL && at < end; at++) {
        if (*at == '"' && inside)
            add_reason(inquiry, "%s: %.*s", who, (int)len, text);
        if (*at == '"') {
            inside = !inside;
            len = 0;
            continue;
        }
        at += *at == '\\' && at + 1 < end;
        if (inside && len < sizeof text)
            text[len++] = *at;
    }
}

/* ---- answers ---- */

static void take_readiness(struct inquiry *inquiry, const struct web_answer *answer)
{
    struct health *out = inquiry->out;
    out->statesys_answers = answer->status != 0;
    out->statesys_ready = answer->status == 200;
    if (answer->status == 0)
        add_reason(inquiry, "statesys does not answer: %s", answer->error);
    else if (answer->status == 503)
        add_reasons(inquiry, "statesys", answer->body);
    else if (answer->status != 200)
        add_reason(inquiry, "statesys answers /readyz with %ld", answer->status);
}

/* A relay without an admin listener is asked nothing more than whether it listens. A connection alone says little: the
 * service manager holds the sockets of a relay that hangs, or was not started, and the kernel takes the connections. */
static void take_relay_readiness(struct inquiry *inquiry, const struct web_answer *answer)
{
    struct health *out = inquiry->out;
    out->relay_tells = answer->status == 200 || answer->status == 503;
    out->relay_ready = answer->status == 200;
    if (answer->status == 503)
        add_reasons(inquiry, "mprelay", answer->body);
    inquiry->relay_silent = answer->status == 0 && answer->connected;
    if (inquiry->relay_silent)
        (void)snprintf(inquiry->relay_error, sizeof inquiry->relay_error, "%s", answer->error);
}

static void take_metrics(struct inquiry *inquiry, const struct web_answer *answer)
{
    if (answer->status == 200)
        add(inquiry, &inquiry->out->metrics, answer->body);
}

static void take_connection(struct inquiry *inquiry, const struct web_answer *answer)
{
    inquiry->out->relay_answers = answer->error == NULL;
    if (answer->error != NULL && !inquiry->relay_silent)
        (void)snprintf(inquiry->relay_error, sizeof inquiry->relay_error, "%s", answer->error);
}

static void take_answer(void *owner, const struct web_answer *answer)
{
    struct question *question = owner;
    question->inquiry->open--;
    question->take(question->inquiry, answer);
}

/* When all have answered. */
static void judge_relay(struct inquiry *inquiry, bool guessed)
{
    struct health *out = inquiry->out;
    out->relay_answers = (out->relay_answers && !inquiry->relay_silent) || (guessed && out->relay_tells);
    if (!out->relay_answers)
        add_reason(inquiry, "mprelay does not answer: %s", inquiry->relay_error);
}

/* ---- asking ---- */

static bool begin_question(struct web *web, struct question *question, struct error *err)
{
    struct web_place place;
    struct web_request request = {.seconds = SECONDS, .owner = question, .url = place.url};
    if (!web_complete(question->url, "/", &place, err))
        return false;
    if (question->path != NULL) {
        const struct web_place server = place;
        request.method = "GET";
        if (!web_move(&server, question->path, NULL, &place, err))
            return false;
    }
    question->inquiry->open++;
    return web_begin(web, &request, err);
}

static bool ask(struct inquiry *inquiry, struct web *web, struct question questions[QUESTIONS])
{
    enum { SECOND = 1000000 };
    for (int i = 0; i < QUESTIONS; i++)
        if (questions[i].url[0] != '\0' && !begin_question(web, &questions[i], inquiry->err))
            return false;
    while (inquiry->open > 0 && !inquiry->failed)
        if (!web_wait(web, SECOND, inquiry->err))
            return false;
    return !inquiry->failed;
}

/* ---- the relay's log ---- */

static bool read_tail(const char *path, struct buffer *out, struct error *err)
{
    struct stat status;
    const int file = sys.openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0)
        return error_os(err, "cannot open '%s'", path);
    bool read = sys.fstat(file, &status) == 0 && buffer_reserve(out, TAIL, err);
    const off_t from = read && status.st_size > TAIL ? status.st_size - TAIL : 0;
    const ssize_t got = read ? sys.pread(file, out->at, TAIL, from) : -1;
    out->len = got > 0 ? (size_t)got : 0;
    read = got >= 0;
    (void)sys.close(file);
    return read || error_os(err, "cannot read '%s'", path);
}

static bool is_verdict(struct span text)
{
    static const char begin[] = "Relay: Message ";
    return text.len >= sizeof begin - 1 && memcmp(text.at, begin, sizeof begin - 1) == 0;
}

/* What a relay that is ready now could not keep long ago, because a disk was full then or a client slow, is over. */
static void find_verdict(struct inquiry *inquiry, struct span bytes)
{
    enum { RECENT = 60 * 1000000 };
    struct health *out = inquiry->out;
    struct log_record record;
    struct log_record last = {.time = INT64_MIN};
    for (size_t used; log_parse(bytes, true, &record, &used) == LOG_PARSED;) {
        if (is_verdict(record.text))
            last = record;
        bytes = (struct span){bytes.at + used, bytes.len - used};
    }
    if (last.text.len == 0)
        return;
    out->verdict_time = last.time;
    add(inquiry, &out->verdict, last.text);
    if (last.type == LOG_ERROR && (!out->relay_ready || out->time - last.time < RECENT))
        add_reason(inquiry, "the last report was not kept: %.*s", (int)last.text.len, last.text.at);
}

/* Without a log, or one that we may not read, there is no verdict to show. */
static void look_into_log(struct inquiry *inquiry, const char *path)
{
    struct buffer tail;
    struct error err;
    buffer_init(&tail, TAIL);
    if (read_tail(path, &tail, &err))
        find_verdict(inquiry, buffer_span(&tail));
    buffer_fini(&tail);
}

/* ---- the whole ---- */

bool health_read(const struct health_sources *sources, struct health *out, struct error *err)
{
    const struct web_settings settings = {.connections = QUESTIONS, .done = take_answer};
    struct inquiry inquiry = {.out = out, .err = err};
    struct question questions[QUESTIONS] = {{&inquiry, take_readiness, sources->statesys, "/readyz"},
                                            {&inquiry, take_metrics, sources->statesys, "/metrics"},
                                            {&inquiry, take_connection, sources->relay, NULL},
                                            {&inquiry, take_relay_readiness, sources->relay_pages, "/readyz"},
                                            {&inquiry, take_metrics, sources->relay_pages, "/metrics"}};
    struct web *web = NULL;
    *out = (struct health){.time = sys_now(), .verdict_time = INT64_MIN};
    buffer_init(&out->metrics, MOST_TEXT);
    buffer_init(&out->reasons, MOST_TEXT);
    buffer_init(&out->verdict, MOST_TEXT);
    bool read = web_open(&settings, &web, err);
    if (read && sources->statesys[0] == '\0')
        add_reason(&inquiry, "statesys has no address to be asked at (admin-listen)");
    read = read && ask(&inquiry, web, questions);
    web_close(web);
    if (read)
        judge_relay(&inquiry, sources->relay_guessed);
    if (read)
        look_into_log(&inquiry, sources->relay_log);
    if (read && !inquiry.failed)
        return true;
    health_fini(out);
    return false;
}

void health_fini(struct health *health)
{
    buffer_fini(&health->metrics);
    buffer_fini(&health->reasons);
    buffer_fini(&health->verdict);
}

double health_rate(const struct health *before, const struct health *now, const char *metric)
{
    enum { MINUTE = 60 * 1000000 };
    const double more =
        scrape_sum(buffer_span(&now->metrics), metric) - scrape_sum(buffer_span(&before->metrics), metric);
    const double minutes = (double)(now->time - before->time) / MINUTE;
    return more > 0 && minutes > 0 ? more / minutes : 0;
}
