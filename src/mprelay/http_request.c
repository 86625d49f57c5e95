/* The decisions hidden here: the order of checks at the head, what is thrown away before a refusal so that it can be
 * read, and that a connection sleeps while its report is made durable. */
#include "http_request.h"

#include "base/sys.h"
#include "http_form.h"
#include "http_info.h"
#include "http_resync.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PARAMETERS = 64 };

enum request_state {
    REQUEST_HEAD,
    REQUEST_BODY,
    REQUEST_SWALLOW,
    REQUEST_ASKED,
    REQUEST_INQUIRED,
    REQUEST_TAKEN,
    REQUEST_DONE,
};

struct request {
    struct worker *worker;
    struct connection *connection;
    struct http_sender sender;
    struct peer *peer;          /* the sender, where a proxy carries its requests; NULL: the connection counts */
    struct MHD_Connection *library;
    const struct epoch *epoch;
    enum request_state state;
    bool plain;                 /* answered in JSON */
    bool closing;               /* the connection ends after the answer */
    bool logged;
    struct request_line line;
    struct buffer body;
    struct envelope_type type;
    size_t reserved;            /* of max-memory, for the body */
    size_t swallowed;
    struct info_question info;
    struct checkup_question inquiry;
    struct task task;
};

/* ---- a request's end ---- */

static struct connection *connection_of(struct MHD_Connection *library)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

static const struct epoch *current_epoch(const struct worker *worker)
{
    return atomic_load(&worker->service->epoch);
}

static void log_once(struct request *request)
{
    if (!request->logged)
        relay_log(request->worker->service->relay, &request->task);
    request->logged = true;
}

/* What the library found and answered by itself. */
static void explain_status(unsigned status, struct error *err)
{
    if (status == 413)
        (void)error_refuse(err, ERROR_TOO_BIG, "limit", "a Content-Length or a chunk that no number can hold");
    else if (status == 414 || status == 431)
        (void)error_refuse(err, ERROR_HEADERS_TOO_BIG, "limit", "the head does not fit into max-headers");
    else if (status == 400)
        (void)error_refuse(err, ERROR_MALFORMED, "http", "head or chunks that cannot be read");
    else
        (void)error_refuse(err, ERROR_MALFORMED, "http", "head or chunks that cannot be read (answered %u)", status);
}

/* A request that the library ended without asking us, or whose client went away. */
static void explain_end(struct request *request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->library, MHD_CONNECTION_INFO_HTTP_STATUS);
    struct error *err = &request->task.err;
    if (request->connection->state == CONNECTION_CUT)
        (void)error_refuse(err, ERROR_TOO_SLOW, "http", "the client did not deliver its request in time");
    else if (info != NULL && info->http_status >= 400)
        explain_status(info->http_status, err);
    else
        (void)error_refuse(err, ERROR_MALFORMED, "http", "the connection ended within the request");
}

static void drop_body(struct request *request)
{
    buffer_fini(&request->body);
    budget_give(&request->worker->service->relay->memory, request->reserved);
    request->reserved = 0;
}

void request_end(void *owner, struct MHD_Connection *library, void **context, enum MHD_RequestTerminationCode reason)
{
    struct request *request = *context;
    (void)owner;
    (void)library;
    (void)reason;
    if (request == NULL)
        return;
    if (request->state != REQUEST_TAKEN && request->state != REQUEST_DONE && request->task.err.kind == ERROR_NONE)
        explain_end(request);
    log_once(request);
    connection_rest(request->connection);
    task_fini(&request->task);
    drop_body(request);
    if (request->peer != NULL)
        connections_leave(&request->worker->service->connections, request->peer);
    sys.release(request);
    *context = NULL;
}

/* ---- answering ---- */

/* False if the connection is cut already: then there is nobody to answer. */
static bool begin_answer(struct request *request)
{
    if (!connection_enter(request->connection, CONNECTION_ANSWER))
        return false;
    request->state = REQUEST_DONE;
    metrics_observe(&request->worker->service->relay->counters->request_time,
                    (uint64_t)(request->connection->since - request->connection->started));
    request->task.status = answer_status(&request->epoch->answers, &request->task, request->plain);
    log_once(request);
    return true;
}

static enum MHD_Result answer(struct request *request)
{
    const struct service *service = request->worker->service;
    if (!begin_answer(request))
        return MHD_NO;
    return answer_send(&request->epoch->answers, request->library, &request->task, request->plain,
                       request->closing || service->connections.draining);
}

/* Refuses at the head. Where the framing is sound and the body not too large, it is taken in and thrown away first: a
 * connection closed with unread data would be reset, and the client might never see why. */
static enum MHD_Result refuse(struct request *request, const struct head *head)
{
    const size_t bound = 2 * request->task.settings->max_request;
    drop_body(request);
    if (head == NULL || head->expects || (head->has_length && head->length > bound))
        return answer(request);
    request->state = REQUEST_SWALLOW;
    return connection_enter(request->connection, CONNECTION_BODY) ? MHD_YES : MHD_NO;
}

/* Where the library takes no answer, as in the middle of a body: it is written past it, and the connection ends. */
static enum MHD_Result drop(struct request *request)
{
    char text[96];
    if (!begin_answer(request))
        return MHD_NO;
    const int len = snprintf(text, sizeof text, "HTTP/1.1 %u \r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                             request->task.status);
    (void)send(request->connection->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);   /* if he still reads */
    return MHD_NO;
}

/* ---- its beginning ---- */

static size_t count_parameters(const char *path)
{
    size_t count = 0;
    for (const char *at = strchr(path, '?'); at != NULL; at = strchr(at + 1, '&'))
        count++;
    return count;
}

/* We ignore them, but the library keeps each, and where it has no room left it neither answers nor ends. */
static void refuse_parameters(struct request *request)
{
    (void)error_refuse(&request->task.err, ERROR_HEADERS_TOO_BIG, "limit", "more than %d parameters behind the path",
                       MOST_PARAMETERS);
    (void)drop(request);
    (void)shutdown(request->connection->fd, SHUT_RDWR);
}

/* The library has read the request line: from here on there is a request that must end in a verdict. */
void *request_begin(void *owner, const char *path, struct MHD_Connection *library)
{
    struct worker *worker = owner;
    struct connection *connection = connection_of(library);
    if (connection == NULL || !connection_enter(connection, CONNECTION_HEAD))
        return NULL;
    struct request *request = sys.allocate(sizeof *request);
    if (request == NULL)
        return NULL;
    *request = (struct request){.worker = worker, .connection = connection, .library = library};
    request->epoch = current_epoch(worker);
    request->line.path = span_of(path);
    request->line.path_is_sound = head_path_is_sound(request->line.path);
    request->task.settings = request->epoch->settings;
    request->task.address = connection->address;
    request->task.number = ++worker->service->requests;
    buffer_init(&request->body, request->task.settings->max_request);
    if (count_parameters(path) > MOST_PARAMETERS)
        refuse_parameters(request);
    return request;
}

/* ---- the head ---- */

/* From here on the log has the client's address. */
static bool take_sender(struct request *request)
{
    struct task *task = &request->task;
    struct http_sender *sender = &request->sender;
    bool over = false;
    const bool believed =
        http_sender_read(request->library, request->connection, &request->epoch->senders, sender, &task->err);
    task->address = sender->address;
    task->vouch = &sender->vouch;
    if (sender->forwarded) {
        request->peer = connections_join(&request->worker->service->connections, sender->address, &over);
        if (request->peer == NULL)
            return error_set(&task->err, ERROR_NO_MEMORY, "the system refused memory for a request");
    }
    return over ? error_set(&task->err, ERROR_BUSY, "too many requests under way from this address") : believed;
}

static bool reserve(struct request *request, size_t size)
{
    if (!budget_take(&request->worker->service->relay->memory, size))
        return error_set(&request->task.err, ERROR_BUSY, "the reports in hand use up max-memory");
    request->reserved += size;
    return true;
}

static bool check_length(struct request *request, const struct head *head)
{
    const uint64_t most = request->task.settings->max_request;
    if (!head->has_length)
        return true;
    if (head->length > most)
        return error_refuse(&request->task.err, ERROR_TOO_BIG, "limit", "the body has %llu bytes, max-request is %llu",
                            (unsigned long long)head->length, (unsigned long long)most);
    return reserve(request, head->length) && buffer_reserve(&request->body, head->length, &request->task.err);
}

static bool check_load(struct request *request)
{
    return !request->connection->refused ||
           error_set(&request->task.err, ERROR_BUSY, "too many connections, in all or from this address");
}

/* The fallback status point takes little, and less than that when it took much (fsp.h). */
static bool check_room(const struct request *request, struct error *err)
{
    return !request->task.fallback || fsp_check_room(request->worker->service->relay->fsp_throttle, sys_ticks(), err);
}

static bool check_report(struct request *request, const char *path, const char *method, const struct head *head)
{
    return check_load(request) && form_check(&request->task, path, method, head, &request->type) &&
           check_room(request, &request->task.err) && check_length(request, head);
}

/* ---- what is no report ---- */

static bool is_question(struct request *request, const char *path)
{
    const struct settings *settings = request->task.settings;
    const bool info = info_is_asked(settings, path), resync = resync_is_asked(settings, path);
    request->task.counted_as = info ? FORM_INFO : resync ? FORM_RESYNC : request->task.counted_as;
    return info || resync;
}

/* It is answered as the plain form is: by what its statuses mean everywhere. */
static enum MHD_Result take_question(struct request *request, const char *method, const struct head *head)
{
    request->plain = request->task.question = true;
    request->task.form = ENVELOPE_PLAIN;
    if (!resync_check_head(method, head, &request->task.err))
        return refuse(request, head);
    request->state = REQUEST_ASKED;
    return connection_enter(request->connection, CONNECTION_BODY) ? MHD_YES : MHD_NO;
}

/* NULL: it is refused. */
static enum MHD_Result send_answer(struct request *request, unsigned status, struct MHD_Response *response)
{
    if (response == NULL)
        return answer(request);
    request->logged = true; /* it was told what was handed out; there is no report to give a verdict on */
    counters_note_request(request->worker->service->relay->counters, request->task.counted_as, status);
    const enum MHD_Result result = begin_answer(request) ? MHD_queue_response(request->library, status, response)
                                                         : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

static bool is_closing(const struct request *request)
{
    return request->closing || request->worker->service->connections.draining;
}

/* On the thread of checkup.c; as note_done. */
static void note_inquired(struct checkup_question *inquiry, const struct error *err)
{
    struct request *request = (struct request *)(void *)((char *)inquiry - offsetof(struct request, inquiry));
    if (err != NULL)
        request->task.err = *err;
    MHD_resume_connection(request->library);
}

static enum MHD_Result answer_info(struct request *request)
{
    unsigned status;
    struct MHD_Response *response =
        info_answer(&request->info, request->epoch->certificate, &request->task, is_closing(request), &status);
    return send_answer(request, status, response);
}

static enum MHD_Result take_info(struct request *request)
{
    if (!info_read(request->library, &request->info, &request->task.err))
        return answer(request);
    if (!info_wants_checkup(&request->info))
        return answer_info(request);
    if (!connection_enter(request->connection, CONNECTION_OURS))
        return MHD_NO;
    request->inquiry.done = note_inquired;
    request->state = REQUEST_INQUIRED;
    MHD_suspend_connection(request->library);
    checkup_ask(request->worker->service->checkup, &request->inquiry);
    return MHD_YES;
}

static enum MHD_Result answer_question(struct request *request)
{
    unsigned status;
    if (request->task.counted_as == FORM_INFO)
        return take_info(request);
    struct MHD_Response *response = resync_answer(request->library, &request->task, is_closing(request), &status);
    return send_answer(request, status, response);
}

/* ---- the head as a whole ---- */

/* The cheapest test first, and all of them before a byte of the body is taken. */
static enum MHD_Result take_head(struct request *request, const char *path, const char *method, const char *version)
{
    struct head head;
    request->line.method = method;
    request->line.version = version;
    if (!head_read(request->library, &request->line, request->worker->service->max_headers, &head, &request->task.err))
        return refuse(request, NULL);
    request->closing = head.is_1_0 || head.chunked;     /* the library takes line feeds in chunks that others do not */
    form_note(&request->task, path, method, &head);
    request->plain = request->task.counted_as == FORM_PLAIN;
    if (!take_sender(request))
        return refuse(request, &head);
    if (is_question(request, path) && check_load(request))
        return take_question(request, method, &head);
    if (!check_report(request, path, method, &head))
        return refuse(request, &head);
    request->state = REQUEST_BODY;
    return connection_enter(request->connection, CONNECTION_BODY) ? MHD_YES : MHD_NO;
}

/* ---- the body ---- */

static bool add_piece(struct request *request, const char *bytes, size_t len)
{
    struct buffer *body = &request->body;
    struct error *err = &request->task.err;
    if (body->len + len > request->reserved) {          /* chunked: its length shows as it comes */
        const size_t more = body->len + len < 4096 ? 4096 : body->len + len;
        if (body->len + len <= body->most && !reserve(request, more))
            return false;
    }
    if (buffer_add(body, bytes, len, err))
        return true;
    if (err->kind == ERROR_TOO_BIG)
        return error_refuse(err, ERROR_TOO_BIG, "limit", "the body has more than %zu bytes, max-request", body->most);
    return false;
}

static enum MHD_Result take_piece(struct request *request, const char *bytes, size_t *len)
{
    request->connection->received += *len;
    if (request->connection->state == CONNECTION_CUT)
        return MHD_NO;
    if (request->state == REQUEST_BODY && !add_piece(request, bytes, *len)) {
        request->state = REQUEST_SWALLOW;
        drop_body(request);
    }
    if (request->state == REQUEST_SWALLOW) {
        request->swallowed += *len;
        if (request->swallowed > 2 * request->task.settings->max_request)
            return drop(request);
    }
    *len = 0;
    return MHD_YES;
}

/* On the spool's thread. The worker may go on with the connection as soon as it is resumed: nothing after that. */
static void note_done(struct spool_record *record, const struct spool_name *name, const struct error *err)
{
    struct request *request = record->owner;
    (void)name;                         /* stays in the record */
    if (err != NULL)
        request->task.err = *err;
    else
        relay_note_kept(request->worker->service->relay, &request->task);
    MHD_resume_connection(request->library);
}

static enum MHD_Result take_whole(struct request *request)
{
    struct relay *relay = request->worker->service->relay;
    struct task *task = &request->task;
    if (!connection_enter(request->connection, CONNECTION_OURS))
        return MHD_NO;
    task->body = buffer_span(&request->body);
    if (!relay_take(relay, request->worker->reader, request->worker->keys, task))
        return answer(request);
    if (task_is_settled(task))
        return answer(request);
    task->record.owner = request;
    task->record.done = note_done;
    request->state = REQUEST_TAKEN;
    MHD_suspend_connection(request->library);
    spool_submit(relay->spool, &task->record);          /* from here on the request is the spool's */
    return MHD_YES;
}

/* ---- what is no request at all ---- */

void request_note_garbage(const struct worker *worker, const struct connection *connection)
{
    if (!connection_sent_garbage(connection))
        return;
    struct task task = {.settings = current_epoch(worker)->settings, .address = connection->address};
    (void)error_refuse(&task.err, ERROR_MALFORMED, "http", "no request line that can be read");
    relay_log(worker->service->relay, &task);
}

/* There was no memory for one, or the connection is cut and about to end. */
static enum MHD_Result refuse_without_request(struct worker *worker, struct MHD_Connection *library)
{
    const struct epoch *epoch = current_epoch(worker);
    const struct connection *connection = connection_of(library);
    if (connection != NULL && connection->state == CONNECTION_CUT)
        return MHD_NO;
    struct task task = {.settings = epoch->settings, .address = connection == NULL ? "-" : connection->address};
    (void)error_set(&task.err, ERROR_NO_MEMORY, "the system refused memory for a request");
    relay_log(worker->service->relay, &task);
    return answer_send(&epoch->answers, library, &task, false, true);
}

enum MHD_Result request_handle(void *owner, struct MHD_Connection *library, const char *path, const char *method,
                               const char *version, const char *bytes, size_t *len, void **context)
{
    struct request *request = *context;
    if (request == NULL)
        return refuse_without_request(owner, library);
    switch (request->state) {
    case REQUEST_HEAD:
        return take_head(request, path, method, version);
    case REQUEST_BODY:
        return *len > 0 ? take_piece(request, bytes, len) : take_whole(request);
    case REQUEST_ASKED:
        return answer_question(request);
    case REQUEST_INQUIRED:
        return answer_info(request);
    case REQUEST_SWALLOW:
        return *len > 0 ? take_piece(request, bytes, len) : answer(request);
    case REQUEST_TAKEN:
        return answer(request);
    case REQUEST_DONE:
        break;
    }
    return MHD_NO;
}
