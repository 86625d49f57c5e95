/*
 * Any bytes as the head of a request, through libmicrohttpd as it is: what we find sound must be sound to a reader that
 * knows nothing but RFC 9112 and its own caution, and must say the same to it.
 */
#include "../../src/mprelay/http_head.h"

#include "fuzz.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_HEAD = 2048, MOST_HEADERS = 100, ROOM = 4 * MOST_HEAD, ROUNDS = 8 };

/* ---- the library ---- */

/* What came of the first request on the connection. */
struct seen {
    bool asked; /* the library found a head, and asked us */
    bool sound;
    struct request_line line;
    struct head head;
    char content_type[MOST_HEAD];
};

static struct seen seen;

static void *note_line(void *owner, const char *path, struct MHD_Connection *connection)
{
    (void)owner, (void)connection;
    if (!seen.asked)
        seen.line = (struct request_line){.path = span_of(path), .path_is_sound = head_path_is_sound(span_of(path))};
    return NULL;
}

static enum MHD_Result note_head(void *owner, struct MHD_Connection *connection, const char *path, const char *method,
                                 const char *version, const char *bytes, size_t *len, void **context)
{
    struct error err = {0};
    (void)owner, (void)path, (void)bytes, (void)len, (void)context;
    if (seen.asked)
        return MHD_NO;
    seen.asked = true;
    seen.line.method = method;
    seen.line.version = version;
    seen.sound = head_read(connection, &seen.line, MOST_HEAD, &seen.head, &err);
    require(seen.sound || ((err.kind == ERROR_MALFORMED || err.kind == ERROR_HEADERS_TOO_BIG) && err.text[0] != '\0'));
    if (seen.sound)
        (void)snprintf(seen.content_type, MOST_HEAD, "%.*s", (int)seen.head.content_type.len,
                       seen.head.content_type.at);
    return MHD_NO; /* closes the connection */
}

static size_t keep_escaped(void *owner, struct MHD_Connection *connection, char *text)
{
    (void)owner, (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *library(void)
{
    static struct MHD_Daemon *daemon;
    if (daemon == NULL)
        daemon = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, note_head, NULL,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)ROOM, MHD_OPTION_URI_LOG_CALLBACK,
                                  note_line, NULL, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL, MHD_OPTION_END);
    require(daemon != NULL);
    return daemon;
}

static void show_library(const uint8_t *bytes, size_t size)
{
    const struct sockaddr_in peer = {.sin_family = AF_INET};
    int ends[2];
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    require(write(ends[0], bytes, size) == (ssize_t)size && shutdown(ends[0], SHUT_WR) == 0);
    require(MHD_add_connection(library(), ends[1], (const struct sockaddr *)&peer, sizeof peer) == MHD_YES);
    for (int i = 0; i < ROUNDS && !seen.asked; i++)
        require(MHD_run(library()) == MHD_YES);
    (void)close(ends[0]);
    (void)MHD_run(library());
}

/* ---- the reader that knows the RFC only ---- */

struct reading {
    struct span rest;
    size_t headers;
    size_t hosts;
    size_t lengths;
    size_t codings;
    size_t types;
    struct span length;
    struct span type;
};

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_one_of(text.at[i], "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
            return false;
    return text.len > 0;
}

static bool is_visible(struct span text, bool blanks)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if (c == 0x7F || (c <= ' ' && !(blanks && (c == ' ' || c == '\t'))))
            return false;
    }
    return true;
}

/* Takes what stands before the next `end` off the text, with it; false where there is none. */
static bool take_to(struct span *text, const char *end, struct span *taken)
{
    const char *at = memmem(text->at, text->len, end, strlen(end));
    if (at == NULL)
        return false;
    *taken = (struct span){text->at, (size_t)(at - text->at)};
    *text = (struct span){at + strlen(end), text->len - taken->len - strlen(end)};
    return true;
}

static bool read_line(struct span line)
{
    struct span method, path;
    return take_to(&line, " ", &method) && take_to(&line, " ", &path) && is_token(method) && path.len > 0 &&
           is_visible(path, false) && is_visible(line, false);
}

static bool read_header(struct reading *reading, struct span line)
{
    struct span name;
    if (!take_to(&line, ":", &name) || !is_token(name) || !is_visible(line, true))
        return false;
    const struct span value = span_trim(line);
    reading->headers++;
    reading->hosts += span_equal_nocase(name, SPAN("Host"));
    if (span_equal_nocase(name, SPAN("Content-Length"))) {
        reading->lengths++;
        reading->length = value;
    } else if (span_equal_nocase(name, SPAN("Content-Type"))) {
        reading->types++;
        reading->type = value;
    } else if (span_equal_nocase(name, SPAN("Transfer-Encoding"))) {
        reading->codings += span_equal_nocase(value, SPAN("chunked")) ? 1 : 2;
    }
    return true;
}

/* What the library makes a NUL of. */
static bool is_end(char c)
{
    return c == '\0' || c == '\r' || c == '\n' || c == ':';
}

/* The head that the library saw, `size` bytes behind the lines that it skipped, without what is hidden from us
 * (http_head.c): other bytes among the four at its end, and a NUL for the CR of a line end. */
static struct span forgive(const uint8_t *bytes, size_t whole, size_t size)
{
    static char copy[MOST_HEAD];
    struct span rest = {copy, whole};
    struct span line;
    memcpy(copy, bytes, whole);
    while (rest.len > 0 && is_end(rest.at[0]) && rest.at[0] != ':' && take_to(&rest, "\n", &line))
        continue;
    char *head = copy + (whole - rest.len), *end = head + size;
    require(rest.len >= size && is_end(end[-1]) && is_end(end[-2]) && is_end(end[-3]) && is_end(end[-4]));
    memcpy(end - 4, "\r\n\r\n", 4);
    for (; head < end; head++)
        if (head[0] == '\0' && head[1] == '\n')
            head[0] = '\r';
    return (struct span){end - size, size};
}

static bool read_head(struct span bytes, bool is_1_0, struct reading *out)
{
    struct span line;
    uint64_t length;
    if (!take_to(&bytes, "\r\n", &line) || !read_line(line))
        return false;
    while (take_to(&bytes, "\r\n", &line) && line.len > 0)
        if (!read_header(out, line))
            return false;
    return bytes.len == 0 && out->headers <= MOST_HEADERS && out->types <= 1 && out->hosts <= 1 &&
           (out->hosts == 1 || is_1_0) && out->lengths + out->codings <= 1 && !(is_1_0 && out->codings > 0) &&
           (out->lengths == 0 || span_to_uint64(out->length, &length));
}

/* ---- one input ---- */

static void compare(const struct reading *reading)
{
    uint64_t length = 0;
    (void)!span_to_uint64(reading->length, &length);
    require(seen.head.has_length == (reading->lengths == 1) && seen.head.chunked == (reading->codings == 1));
    require(!seen.head.has_length || seen.head.length == length);
    require(span_equal(span_of(seen.content_type), reading->type));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct reading reading = {.length = {"", 0}, .type = {"", 0}};
    if (size > MOST_HEAD)
        return 0;
    seen = (struct seen){.asked = false};
    show_library(bytes, size);
    if (!seen.sound)
        return 0;
    const size_t head = (size_t)(seen.head.next_line + 2 - seen.line.method);
    require(read_head(forgive(bytes, size, head), seen.head.is_1_0, &reading));
    compare(&reading);
    return 0;
}
