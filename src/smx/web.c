/* The decision hidden here: libcurl's multi interface with handles of our own, one a connection. A handle is reset for
 * each request; its connection goes back to the common pool, so it makes no difference which handle takes which. */
#include "web.h"

#include "base/sys.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ANSWER = 256 * 1024 };

struct exchange {
    CURL *curl;
    struct curl_slist *headers;
    struct buffer answer;
    void *owner;
    bool busy;
    char error[CURL_ERROR_SIZE];
};

struct web {
    CURLM *multi;
    struct web_settings settings;
    struct exchange exchanges[];
};

/* ---- URLs ---- */

static bool read_part(CURLU *parts, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    const bool read = curl_url_get(parts, part, &text, 0) == CURLUE_OK && strlen(text) < size;
    if (read)
        (void)snprintf(out, size, "%s", text);
    curl_free(text);
    return read;
}

static bool read_place(CURLU *parts, struct web_place *out)
{
    return read_part(parts, CURLUPART_URL, out->url, sizeof out->url) &&
           read_part(parts, CURLUPART_HOST, out->host, sizeof out->host);
}

static bool complete(CURLU *parts, const char *url, const char *path, struct web_place *out)
{
    char scheme[8];
    char given[WEB_URL_SIZE];
    return parts != NULL && curl_url_set(parts, CURLUPART_URL, url, CURLU_GUESS_SCHEME) == CURLUE_OK &&
           read_part(parts, CURLUPART_SCHEME, scheme, sizeof scheme) &&
           (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
           read_part(parts, CURLUPART_PATH, given, sizeof given) &&
           (strcmp(given, "/") != 0 || curl_url_set(parts, CURLUPART_PATH, path, 0) == CURLUE_OK) &&
           read_place(parts, out);
}

bool web_complete(const char *url, const char *path, struct web_place *out, struct error *err)
{
    CURLU *parts = curl_url();
    const bool good = complete(parts, url, path, out);
    curl_url_cleanup(parts);
    return good || error_set(err, ERROR_MALFORMED, "'%s' is not a URL such as http://mp.example.test", url);
}

bool web_move(const struct web_place *from, const char *path, const char *query, struct web_place *out,
              struct error *err)
{
    CURLU *parts = curl_url();
    const bool good = parts != NULL && curl_url_set(parts, CURLUPART_URL, from->url, 0) == CURLUE_OK &&
                      curl_url_set(parts, CURLUPART_PATH, path, 0) == CURLUE_OK &&
                      curl_url_set(parts, CURLUPART_QUERY, query, 0) == CURLUE_OK && read_place(parts, out);
    curl_url_cleanup(parts);
    return good || error_set(err, ERROR_MALFORMED, "no URL can be made of '%s' and %s", from->url, path);
}

/* ---- one request ---- */

/* What is longer than anything that we would show is not kept; the answer stands all the same. */
static size_t take_answer(char *bytes, size_t size, size_t count, void *owner)
{
    struct error err;
    const bool kept = buffer_add(owner, bytes, size * count, &err);
    (void)kept;
    return count;
}

static void set_method(const struct exchange *exchange, const struct web_request *request)
{
    CURL *curl = exchange->curl;
    if (request->method == NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
        return;
    }
    if (request->content_type != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.at);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    }
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static bool set_headers(struct exchange *exchange, const struct web_request *request)
{
    char type[160];
    (void)snprintf(type, sizeof type, "Content-Type: %s", request->content_type);
    exchange->headers = curl_slist_append(NULL, "Expect:");     /* reports are small: no question before them */
    if (exchange->headers == NULL)
        return false;
    if (request->content_type != NULL && curl_slist_append(exchange->headers, type) == NULL)
        return false;
    (void)curl_easy_setopt(exchange->curl, CURLOPT_HTTPHEADER, exchange->headers);
    return true;
}

static void set_answer(struct exchange *exchange)
{
    exchange->error[0] = '\0';
    buffer_init(&exchange->answer, MOST_ANSWER);
    (void)curl_easy_setopt(exchange->curl, CURLOPT_WRITEFUNCTION, take_answer);
    (void)curl_easy_setopt(exchange->curl, CURLOPT_WRITEDATA, &exchange->answer);
    (void)curl_easy_setopt(exchange->curl, CURLOPT_ERRORBUFFER, exchange->error);
    (void)curl_easy_setopt(exchange->curl, CURLOPT_PRIVATE, exchange);
}

static void end_exchange(struct exchange *exchange)
{
    buffer_fini(&exchange->answer);
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
    exchange->busy = false;
}

static struct exchange *find_free(struct web *web)
{
    for (unsigned i = 0; i < web->settings.connections; i++)
        if (!web->exchanges[i].busy)
            return &web->exchanges[i];
    return NULL;
}

bool web_begin(struct web *web, const struct web_request *request, struct error *err)
{
    struct exchange *exchange = find_free(web);
    if (exchange == NULL)
        return error_set(err, ERROR_BUSY, "%u requests are under way already", web->settings.connections);
    CURL *curl = exchange->curl;
    curl_easy_reset(curl);
    exchange->busy = true;
    exchange->owner = request->owner;
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "smx/" VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)request->seconds);
    set_method(exchange, request);
    set_answer(exchange);
    if (set_headers(exchange, request) && curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK &&
        curl_multi_add_handle(web->multi, curl) == CURLM_OK)
        return true;
    end_exchange(exchange);
    return error_set(err, ERROR_NO_MEMORY, "no memory for a request to %s", request->url);
}

/* ---- waiting ---- */

static bool is_connected(CURL *curl, CURLcode result)
{
    curl_off_t microseconds = 0;        /* until it stood; 0: never */
    (void)curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &microseconds);
    return result == CURLE_OK || microseconds > 0;
}

static void finish(struct web *web, struct exchange *exchange, CURLcode result)
{
    struct web_answer answer = {0};
    if (result == CURLE_OK)
        (void)curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &answer.status);
    else
        answer.error = exchange->error[0] != '\0' ? exchange->error : curl_easy_strerror(result);
    answer.connected = is_connected(exchange->curl, result);
    answer.body = buffer_span(&exchange->answer);
    (void)curl_multi_remove_handle(web->multi, exchange->curl);
    web->settings.done(exchange->owner, &answer);
    end_exchange(exchange);
}

static bool finish_ended(struct web *web)
{
    bool any = false;
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(web->multi, &left)) != NULL; any = true) {
        char *exchange = NULL;
        const CURLcode result = message->data.result;       /* the message goes with its handle */
        if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange) == CURLE_OK)
            finish(web, (struct exchange *)(void *)exchange, result);
    }
    return any;
}

bool web_wait(struct web *web, int64_t microseconds, struct error *err)
{
    int running;
    const int milliseconds = microseconds > 0 ? (int)((microseconds + 999) / 1000) : 0;
    if (curl_multi_perform(web->multi, &running) != CURLM_OK)
        return error_set(err, ERROR_NO_MEMORY, "libcurl gave up");
    if (finish_ended(web))
        return true;
    if (curl_multi_poll(web->multi, NULL, 0, milliseconds, NULL) != CURLM_OK ||
        curl_multi_perform(web->multi, &running) != CURLM_OK)
        return error_set(err, ERROR_NO_MEMORY, "libcurl gave up");
    (void)finish_ended(web);
    return true;
}

/* ---- the whole ---- */

static bool open_exchanges(struct web *web)
{
    web->multi = curl_multi_init();
    if (web->multi == NULL)
        return false;
    (void)curl_multi_setopt(web->multi, CURLMOPT_MAXCONNECTS, (long)web->settings.connections);
    for (unsigned i = 0; i < web->settings.connections; i++) {
        web->exchanges[i].curl = curl_easy_init();
        if (web->exchanges[i].curl == NULL)
            return false;
    }
    return true;
}

bool web_open(const struct web_settings *settings, struct web **out, struct error *err)
{
    const size_t size = sizeof(struct web) + settings->connections * sizeof(struct exchange);
    struct web *web = sys.allocate(size);
    if (web == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        sys.release(web);
        return error_set(err, ERROR_NO_MEMORY, "no memory for %u connections", settings->connections);
    }
    memset(web, 0, size);
    web->settings = *settings;
    if (!open_exchanges(web)) {
        web_close(web);
        return error_set(err, ERROR_NO_MEMORY, "no memory for %u connections", settings->connections);
    }
    *out = web;
    return true;
}

void web_close(struct web *web)
{
    if (web == NULL)
        return;
    for (unsigned i = 0; i < web->settings.connections; i++) {
        struct exchange *exchange = &web->exchanges[i];
        if (exchange->busy) {
            (void)curl_multi_remove_handle(web->multi, exchange->curl);
            end_exchange(exchange);
        }
        curl_easy_cleanup(exchange->curl);
    }
    (void)curl_multi_cleanup(web->multi);
    sys.release(web);
    curl_global_cleanup();
}
