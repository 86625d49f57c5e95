/* smx send: reports to a management point, in the envelope that real clients use or in the plain form. */
#include "base/sys.h"
#include "report/outgoing.h"
#include "report/smx.h"
#include "show.h"
#include "verbs.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILE = 256 * 1024 * 1024, MOST_ANSWER = 64 * 1024, SECONDS = 120 };

struct sending {
    const char *url;
    bool plain;
    unsigned long count;
    CURL *curl;
    char host[256];                 /* ours */
    char target[256];               /* of the URL */
    char error[CURL_ERROR_SIZE];
};

/* ---- one request ---- */

static void write_guid(char out[39])
{
    uint8_t made[16] = {0};
    if (sys.getrandom(made, sizeof made, 0) != (ssize_t)sizeof made)
        (void)memcpy(made, &(int64_t){sys_now()}, sizeof(int64_t));     /* unique enough for one sender */
    (void)snprintf(out, 39, "{%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X}", made[0], made[1],
                   made[2], made[3], made[4], made[5], (made[6] & 0x0F) | 0x40, made[7], (made[8] & 0x3F) | 0x80,
                   made[9], made[10], made[11], made[12], made[13], made[14], made[15]);
}

static bool write_envelope(const struct sending *sending, struct span text, struct buffer *out, struct error *err)
{
    char id[39];
    char sent[32];
    const time_t now = time(NULL);
    struct tm utc;
    write_guid(id);
    (void)strftime(sent, sizeof sent, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const struct outgoing outgoing = {
        .id = span_of(id),
        .source_id = {"", 0},
        .source_host = span_of(sending->host),
        .target_host = span_of(sending->target),
        .sent_time = span_of(sent),
    };
    return outgoing_write(&outgoing, text, out, err);
}

/* What is longer than anything that we would show is not kept; the answer stands all the same. */
static size_t take_answer(char *bytes, size_t size, size_t count, void *owner)
{
    struct error err;
    const bool kept = buffer_add(owner, bytes, size * count, &err);
    (void)kept;
    return count;
}

static long post(struct sending *sending, struct span body, struct buffer *answer)
{
    CURL *curl = sending->curl;
    long status = 0;
    struct curl_slist *headers = curl_slist_append(NULL, sending->plain ? "Content-Type: application/xml"
                                                                        : "Content-Type: " OUTGOING_CONTENT_TYPE);
    headers = curl_slist_append(headers, "Expect:");    /* reports are small: no question before them */
    (void)curl_easy_setopt(curl, CURLOPT_URL, sending->url);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "smx/" VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, sending->plain ? "POST" : "CCM_POST");
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)SECONDS);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, sending->error);
    sending->error[0] = '\0';
    const CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK && sending->error[0] == '\0')
        (void)snprintf(sending->error, sizeof sending->error, "%s", curl_easy_strerror(result));
    if (result == CURLE_OK)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return status;
}

/* What a client makes of the answer: a 2xx with a body is a delivery, an empty one a failure (spec/wire.md 4.4). */
static int judge(long status, struct span answer, const char **verdict)
{
    if (status >= 200 && status < 300) {
        *verdict = answer.len > 0 ? "kept"
                                  : "taken for a failure: the answer is empty (is it async-reply = empty, or "
                                    "refuse-style = empty200?)";
        return answer.len > 0 ? EX_OK : EX_TEMPFAIL;
    }
    if (status == 408 || status == 429 || status >= 500) {
        *verdict = "not kept, send it again later";
        return EX_TEMPFAIL;
    }
    *verdict = "refused";
    return EX_DATAERR;
}

/* Only the plain form is told why, in JSON; in the envelope the reason stands in the log of the relay alone. */
static int tell(const struct sending *sending, const char *name, long status, struct span answer)
{
    const char *verdict;
    if (status == 0) {
        show_error("%s: not sent to %s: %s", name, sending->url, sending->error);
        return EX_UNAVAILABLE;
    }
    const int code = judge(status, answer, &verdict);
    FILE *out = code == EX_OK ? stdout : stderr;
    show_text(out, span_of(name), "~");
    (void)fprintf(out, ": %ld, %s", status, verdict);
    if (answer.len > 0 && answer.at[0] == '{') {
        (void)fputs(": ", out);
        show_text(out, answer, "~");
    } else if (code == EX_DATAERR) {
        (void)fputs(": the reason stands in the relay's log (smx log), or try --plain", out);
    }
    (void)fputc('\n', out);
    return code;
}

static int send_once(struct sending *sending, const char *name, struct span file, struct span text)
{
    struct buffer envelope;
    struct buffer answer;
    struct error err;
    buffer_init(&envelope, 2 * (size_t)MOST_FILE);
    buffer_init(&answer, MOST_ANSWER);
    int status;
    if (!sending->plain && !write_envelope(sending, text, &envelope, &err)) {
        show_error("%s: %s", name, err.text);
        status = EX_SOFTWARE;
    } else {
        const long http = post(sending, sending->plain ? file : buffer_span(&envelope), &answer);
        status = tell(sending, name, http, buffer_span(&answer));
    }
    buffer_fini(&answer);
    buffer_fini(&envelope);
    return status;
}

/* ---- one file ---- */

/* As it would be kept, without the byte order mark. */
static bool read_text(struct span file, struct arena *arena, struct span *text, struct error *err)
{
    enum { MARK = 2 };
    enum text_encoding encoding;
    struct span content[2];
    if (!smx_text(file, text, &encoding, err) || !smx_prepare(*text, encoding, arena, content, err))
        return false;
    const size_t before = content[0].len - MARK;
    char *whole = arena_alloc(arena, before + content[1].len);
    if (whole == NULL)
        return arena_error(arena, "limit", err);
    memcpy(whole, content[0].at + MARK, before);
    memcpy(whole + before, content[1].at, content[1].len);
    *text = (struct span){whole, before + content[1].len};
    return true;
}

static int send_file(struct sending *sending, const char *name)
{
    struct buffer file;
    struct error err;
    struct span text;
    int status = EX_OK;
    buffer_init(&file, MOST_FILE);
    struct arena *arena = arena_open(6 * (size_t)MOST_FILE, NULL);
    if (arena == NULL) {
        show_error("%s: no memory", name);
        status = EX_OSERR;
    } else if (!sys_read_file(AT_FDCWD, name, &file, &err)) {
        show_error("%s", err.text);
        status = EX_NOINPUT;
    } else if (!read_text(buffer_span(&file), arena, &text, &err)) {
        show_error("%s: %s", name, err.text);
        status = err.kind == ERROR_NO_MEMORY ? EX_OSERR : EX_DATAERR;
    } else {
        for (unsigned long i = 0; i < sending->count; i++) {
            const int once = send_once(sending, name, buffer_span(&file), text);
            status = status == EX_OK ? once : status;
        }
    }
    arena_close(arena);
    buffer_fini(&file);
    return status;
}

/* ---- the command ---- */

static int show_usage(FILE *out, int status)
{
    (void)fputs("Usage: smx send FILE... --to URL [--plain] [--count N]\n"
                "Posts reports as a client does. URL is that of the server, or a whole one with path.\n"
                "  --to URL   http://HOST[:PORT], https://...\n"
                "  --plain    POST the file as it is, without an envelope\n"
                "  --count N  send each file N times\n",
                out);
    return status;
}

static int complain(const char *why)
{
    show_error("send: %s", why);
    return show_usage(stderr, EX_USAGE);
}

/* A URL without a path means the path that clients use. False: it is none, or not of HTTP. */
static bool complete_parts(CURLU *parts, const char *to, struct sending *sending, char **url)
{
    char *path = NULL;
    char *host = NULL;
    char *scheme = NULL;
    const bool read = curl_url_set(parts, CURLUPART_URL, to, CURLU_GUESS_SCHEME) == CURLUE_OK &&
                      curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                      curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                      curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
                      (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
                      strlen(host) < sizeof sending->target;
    if (read)
        (void)snprintf(sending->target, sizeof sending->target, "%s", host);
    const bool complete =
        read && (strcmp(path, "/") != 0 || curl_url_set(parts, CURLUPART_PATH, "/ccm_system/request", 0) == CURLUE_OK);
    curl_free(path);
    curl_free(host);
    curl_free(scheme);
    return complete && curl_url_get(parts, CURLUPART_URL, url, 0) == CURLUE_OK;
}

static bool complete_url(const char *to, struct sending *sending, char **url)
{
    CURLU *parts = curl_url();
    const bool complete = parts != NULL && complete_parts(parts, to, sending, url);
    curl_url_cleanup(parts);
    return complete;
}

/* What is wrong, or NULL. */
static const char *read_options(int argc, char **argv, struct sending *sending, const char **to, bool *help)
{
    static const struct option options[] = {{"to", required_argument, NULL, 't'},
                                            {"plain", no_argument, NULL, 'p'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    uint64_t count = 1;
    optind = 0;                         /* another verb may have used getopt before */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 't')
            *to = optarg;
        else if (option == 'p')
            sending->plain = true;
        else if (option == 'h')
            *help = true;
        else if (option != 'c')
            return "unknown option, or one without its value";
        else if (!span_to_uint64(span_of(optarg), &count) || count == 0 || count > 1000000)
            return "--count is a number from 1 to 1000000";
    }
    sending->count = (unsigned long)count;
    if (*to == NULL)
        return *help ? NULL : "--to says where the reports go";
    return optind < argc || *help ? NULL : "name at least one file";
}

static int send_files(struct sending *sending, char *const *names, int count)
{
    int status = EX_OK;
    sending->curl = curl_easy_init();
    if (sending->curl == NULL) {
        show_error("no memory");
        return EX_OSERR;
    }
    for (int i = 0; i < count; i++) {
        const int one = send_file(sending, names[i]);
        status = status == EX_OK ? one : status;
    }
    curl_easy_cleanup(sending->curl);
    return status;
}

int verb_send(int argc, char **argv)
{
    struct sending sending = {0};
    const char *to = NULL;
    char *url = NULL;
    bool help = false;
    const char *wrong = read_options(argc, argv, &sending, &to, &help);
    if (wrong != NULL)
        return complain(wrong);
    if (help)
        return show_usage(stdout, EX_OK);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return EX_OSERR;
    if (!complete_url(to, &sending, &url))
        return complain("--to is not a URL such as http://mp.example.test");
    sending.url = url;
    if (gethostname(sending.host, sizeof sending.host - 1) != 0)
        (void)snprintf(sending.host, sizeof sending.host, "localhost");
    const int status = send_files(&sending, argv + optind, argc - optind);
    curl_free(url);
    curl_global_cleanup();
    return status;
}
