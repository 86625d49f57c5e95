/*
 * The decision hidden here: one polling thread of libmicrohttpd answers everything, in the first call that it makes for
 * a request: so no request has a state, nobody is suspended, and a body that comes with it is never read. Who holds a
 * connection without end cannot keep others out: the oldest makes room for the newest.
 */
#include "base/admin.h"

#include "base/sys.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST_CONNECTIONS = 16, TIMEOUT_SECONDS = 5, MOST_PAGE = 1024 * 1024 };

struct admin {
    struct admin_pages pages;
    struct MHD_Daemon *daemon;
    int sockets[MOST_CONNECTIONS];      /* of its connections, the oldest first; its thread's alone */
    size_t count;
};

struct answer {
    unsigned status;
    const char *type;
    struct buffer body;
};

/* ---- pages ---- */

static bool add_text(struct answer *answer, const char *text, struct error *err)
{
    return buffer_add(&answer->body, text, strlen(text), err);
}

/* In ASCII: a reason may quote anything, and JSON must be UTF-8. */
static bool add_json(struct answer *answer, struct span text, struct error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        char escaped[8] = {text.at[i]};
        if (c == '"' || c == '\\' || c < 0x20 || c == 0x7F)
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", c);
        else if (c > 0x7F)
            escaped[0] = '?';
        if (!add_text(answer, escaped, err))
            return false;
    }
    return true;
}

static bool add_reasons(struct answer *answer, struct span reasons, struct error *err)
{
    const char *before = "\"";
    while (reasons.len > 0) {
        const char *end = memchr(reasons.at, '\n', reasons.len);
        const size_t len = end == NULL ? reasons.len : (size_t)(end - reasons.at);
        if (!add_text(answer, before, err) || !add_json(answer, (struct span){reasons.at, len}, err) ||
            !add_text(answer, "\"", err))
            return false;
        before = ", \"";
        reasons.at += len + (end != NULL);
        reasons.len -= len + (end != NULL);
    }
    return true;
}

static bool write_live(const struct admin *admin, struct answer *answer, struct error *err)
{
    (void)admin;
    answer->type = "text/plain";
    return add_text(answer, "ok\n", err);
}

static bool write_ready(const struct admin *admin, struct answer *answer, struct error *err)
{
    struct buffer reasons;
    buffer_init(&reasons, MOST_PAGE);
    bool written = admin->pages.reasons(admin->pages.owner, &reasons, err);
    const bool ready = reasons.len == 0;
    answer->status = ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    answer->type = "application/json";
    written = written && add_text(answer, ready ? "{\"ready\": true" : "{\"ready\": false", err) &&
              add_text(answer, ", \"reasons\": [", err) && add_reasons(answer, buffer_span(&reasons), err) &&
              add_text(answer, "]}\n", err);
    buffer_fini(&reasons);
    return written;
}

static bool write_metrics(const struct admin *admin, struct answer *answer, struct error *err)
{
    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    return admin->pages.metrics(admin->pages.owner, &answer->body, err);
}

static const struct page {
    const char *path;
    bool (*write)(const struct admin *admin, struct answer *answer, struct error *err);
} pages[] = {
    {"/livez", write_live},
    {"/readyz", write_ready},
    {"/metrics", write_metrics},
};

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (strcmp(path, pages[i].path) == 0)
            return &pages[i];
    return NULL;
}

/* ---- answers ---- */

static bool write_answer(const struct admin *admin, const char *path, const char *method, struct answer *answer,
                         struct error *err)
{
    const struct page *page = find_page(path);
    if (page == NULL)
        return error_set(err, ERROR_NOT_FOUND, "there are /livez, /readyz and /metrics");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return error_set(err, ERROR_METHOD, "only GET and HEAD");
    return page->write(admin, answer, err);
}

/* Without memory for a sentence the status alone has to do. */
static void write_failure(struct answer *answer, const struct error *failure)
{
    struct error err;
    answer->status = error_policy(failure->kind)->status;
    answer->type = "text/plain";
    answer->body.len = 0;
    if (!add_text(answer, failure->text, &err) || !add_text(answer, "\n", &err))
        answer->body.len = 0;
}

static bool add_headers(struct MHD_Response *response, const struct answer *answer)
{
    return MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type) == MHD_YES &&
           MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
           (answer->status != MHD_HTTP_METHOD_NOT_ALLOWED ||
            MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES);
}

/* MHD_NO closes the connection: the library has no memory for an answer. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, const struct answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, answer->body.at, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    const enum MHD_Result result =
        add_headers(response, answer) ? MHD_queue_response(connection, answer->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *owner, struct MHD_Connection *connection, const char *path, const char *method,
                              /* NOLINTNEXTLINE(readability-non-const-parameter): the library's type */
                              const char *version, const char *body, size_t *body_len, void **context)
{
    struct answer answer = {.status = MHD_HTTP_OK};
    struct error err;
    (void)version, (void)body, (void)body_len, (void)context;
    buffer_init(&answer.body, MOST_PAGE);
    if (!write_answer(owner, path, method, &answer, &err))
        write_failure(&answer, &err);
    const enum MHD_Result result = send_answer(connection, &answer);
    buffer_fini(&answer.body);
    return result;
}

/* ---- connections ---- */

static void note_begin(struct admin *admin, int socket)
{
    if (admin->count == MOST_CONNECTIONS)
        return;                         /* the library has let in more than it was allowed */
    admin->sockets[admin->count++] = socket;
    if (admin->count == MOST_CONNECTIONS)
        (void)shutdown(admin->sockets[0], SHUT_RDWR);   /* its end is seen before anybody else comes */
}

static void note_end(struct admin *admin, int socket)
{
    for (size_t i = 0; i < admin->count; i++)
        if (admin->sockets[i] == socket) {
            admin->count--;
            memmove(&admin->sockets[i], &admin->sockets[i + 1], (admin->count - i) * sizeof admin->sockets[0]);
            return;
        }
}

static void note_connection(void *owner, struct MHD_Connection *connection, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    const int socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    (void)context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        note_begin(owner, socket);
    else
        note_end(owner, socket);
}

/* ---- reasons ---- */

void admin_add_reason(struct admin_reasons *reasons, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* cut off rather than lost */
    va_end(arguments);
    reasons->failed = reasons->failed || !buffer_add(reasons->out, text, strlen(text), &reasons->err) ||
                      !buffer_add(reasons->out, "\n", 1, &reasons->err);
}

/* ---- opening ---- */

static bool start(struct admin *admin, int socket, struct error *err)
{
    const unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC;
    admin->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, admin, MHD_OPTION_LISTEN_SOCKET, socket,
                                     MHD_OPTION_CONNECTION_LIMIT, (unsigned)MOST_CONNECTIONS,
                                     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS,
                                     MHD_OPTION_NOTIFY_CONNECTION, note_connection, admin, MHD_OPTION_END);
    return admin->daemon != NULL || error_set(err, ERROR_SYSTEM, "cannot start the thread of the admin listener");
}

bool admin_open(int socket, const struct admin_pages *callbacks, struct admin **out, struct error *err)
{
    struct admin *admin = sys.allocate(sizeof *admin);
    if (admin == NULL) {
        (void)sys.close(socket);        /* nothing was written */
        return error_set(err, ERROR_NO_MEMORY, "no memory for the admin listener");
    }
    *admin = (struct admin){.pages = *callbacks};
    if (!start(admin, socket, err)) {   /* whether the library has closed the socket only it knows: left to the end */
        sys.release(admin);
        return false;
    }
    *out = admin;
    return true;
}

/* The socket is taken back first: the library would shut it down, and with it that of the service manager, who may have
 * handed it in and goes on listening there. */
void admin_close(struct admin *admin)
{
    if (admin == NULL)
        return;
    const int socket = MHD_quiesce_daemon(admin->daemon);
    MHD_stop_daemon(admin->daemon);
    (void)sys.close(socket);
    sys.release(admin);
}
