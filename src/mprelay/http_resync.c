/* The decision hidden here: the file's name is made of the GUID that was understood, never of what the client sent. */
#include "http_resync.h"

#include "base/log.h"
#include "spool/request.h"

#include <string.h>

bool resync_is_asked(const struct settings *settings, const char *path)
{
    return settings->resync_dir != NULL && span_equal_nocase(span_of(path), SPAN("/mprelay/resync"));
}

bool resync_check_head(const char *method, const struct head *head, struct error *err)
{
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return error_refuse(err, ERROR_METHOD, "http", "only GET and HEAD are served here");
    return !(head->chunked || (head->has_length && head->length > 0)) ||
           error_refuse(err, ERROR_MALFORMED, "http", "a question with a body");
}

/* The library leaves escapes as they are (http.c). */
static bool read_guid(const char *value, size_t len, char guid[REQUEST_GUID_SIZE])
{
    char text[3 * REQUEST_GUID_SIZE + 16];
    if (value == NULL || len >= sizeof text)
        return false;
    memcpy(text, value, len);
    text[len] = '\0';
    return request_guid((struct span){text, MHD_http_unescape(text)}, guid);
}

static bool find_client(struct MHD_Connection *library, char guid[REQUEST_GUID_SIZE], struct error *err)
{
    const char *value = NULL;
    size_t len = 0;
    const enum MHD_Result found =
        MHD_lookup_connection_value_n(library, MHD_GET_ARGUMENT_KIND, "client", 6, &value, &len);
    return (found == MHD_YES && read_guid(value, len, guid)) ||
           error_refuse(err, ERROR_MALFORMED, "http", "give ?client=GUID");
}

/* *asked is false if there is no request for it. What is wrong with the file is not the client's fault. */
static bool read_request(const struct task *task, const char guid[REQUEST_GUID_SIZE], struct buffer *text, bool *asked,
                         struct error *err)
{
    struct error why;
    *asked = request_read(task->settings->resync_dir, guid, text, &why);
    if (*asked || why.kind == ERROR_NOT_FOUND)
        return true;
    *err = why;
    if (!error_policy(err->kind)->ours)
        err->kind = ERROR_SYSTEM;
    return false;
}

/* 204 is what nearly all are told, once a cycle: not worth a line to who does not look for it. */
static void log_answer(const struct task *task, const char *guid, bool asked)
{
    if (asked)
        log_info("Relay: Client GUID:%s is asked for a resync, told to %s", guid, task->address);
    else if (log_wants(LOG_INFO, true))
        log_info("Relay: Client GUID:%s is not asked for a resync, told to %s", guid, task->address);
}

static struct MHD_Response *make_response(struct span text, bool asked, bool closing)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, (void *)(uintptr_t)text.at, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return NULL;
    const bool made = MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
                      (!asked || MHD_add_response_header(response, "Content-Type", "text/plain") == MHD_YES) &&
                      (!closing || MHD_add_response_header(response, "Connection", "close") == MHD_YES);
    if (made)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

struct MHD_Response *resync_answer(struct MHD_Connection *library, struct task *task, bool closing, unsigned *status)
{
    char guid[REQUEST_GUID_SIZE];
    struct MHD_Response *response = NULL;
    struct buffer text;
    bool asked;
    buffer_init(&text, REQUEST_MOST);
    if (find_client(library, guid, &task->err) && read_request(task, guid, &text, &asked, &task->err)) {
        response = make_response(text.len > 0 ? buffer_span(&text) : SPAN(""), asked, closing);
        if (response == NULL)
            (void)error_set(&task->err, ERROR_NO_MEMORY, "the system refused memory for an answer");
        else
            log_answer(task, guid, asked);
        *status = asked ? MHD_HTTP_OK : MHD_HTTP_NO_CONTENT;
    }
    buffer_fini(&text);
    return response;
}
