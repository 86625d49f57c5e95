/*
 * The decision hidden here: how to see what libmicrohttpd 0.9 hides. It ends each header line with NULs in place and
 * hands out C strings, so a NUL, a folded line or a bare line feed in the head is invisible in the strings. But the
 * strings lie in the buffer as the lines lay on the wire: each header must begin two bytes (CR LF) behind the end of
 * the one before, and the last must end four bytes before the end of the head. Where they do not, something is hidden.
 * So with the blanks in the request line. (Of a folded line the library moves the name away, and shortens what it shows.
 * What stays hidden: of the four bytes that end the head, and of the two that end a line, one may have been a NUL; before
 * the request line the library skips a line that begins with a NUL; and a colon alone, ended by a bare line feed, ends the
 * head. Only the last moves an end, to where there is no length yet: such a request is refused as empty, and closed.)
 */
#include "http_head.h"

#include <string.h>

enum { MOST_LINES = 100 };

static bool is_token(struct span text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return text.len > 0;
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return true;
    }
    return false;
}

static const char *read_length(struct head *head, struct span value)
{
    if (++head->lengths > 1)
        return "more than one Content-Length";
    head->has_length = true;
    return span_to_uint64(value, &head->length) ? NULL : "a Content-Length that is not a number";
}

static const char *read_coding(struct head *head, struct span value)
{
    head->chunked = span_equal_nocase(value, SPAN("chunked"));     /* a blank behind it, and the library never ends */
    if (++head->codings > 1)
        return "more than one Transfer-Encoding";
    return head->chunked ? NULL : "a Transfer-Encoding other than chunked";
}

static const char *read_header(struct head *head, struct span name, struct span value)
{
    if (!is_token(name))
        return "a header name that is not a token";
    if (has_control(value))
        return "a control character in a header";
    if (span_equal_nocase(name, SPAN("Transfer-Encoding")))
        return read_coding(head, value);
    value = span_trim(value);
    if (span_equal_nocase(name, SPAN("Content-Length")))
        return read_length(head, value);
    if (span_equal_nocase(name, SPAN("Host"))) {
        head->hosts++;
    } else if (span_equal_nocase(name, SPAN("Content-Type"))) {
        if (++head->content_types > 1)
            return "more than one Content-Type";
        head->content_type = value;
    } else if (span_equal_nocase(name, SPAN("Content-Encoding"))) {
        head->stacked |= head->content_encoding.len > 0;
        head->content_encoding = value;
    } else if (span_equal_nocase(name, SPAN("Expect"))) {
        head->expects = true;
    }
    return NULL;
}

static enum MHD_Result look_at_header(void *owner, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                      const char *value, size_t value_len)
{
    struct head *head = owner;
    (void)kind;
    if (name != head->next_line)
        head->fault = "a folded line, a bare line feed or a NUL in the head";
    else
        head->fault = read_header(head, (struct span){name, name_len}, (struct span){value, value_len});
    head->next_line = value + value_len + 2;
    return head->fault == NULL ? MHD_YES : MHD_NO;
}

bool head_path_is_sound(struct span path)
{
    return !has_control(path) && memchr(path.at, ' ', path.len) == NULL && memchr(path.at, '\t', path.len) == NULL;
}

static const char *check_line(const struct request_line *line)
{
    if (!is_token(span_of(line->method)))
        return "a method that is not a token";
    if (!line->path_is_sound)
        return "a blank or a control character in the path";
    if (line->method + strlen(line->method) + 1 != line->path.at || line->path.at + line->path.len + 1 != line->version)
        return "a NUL or a blank too many in the request line";
    return NULL;
}

static const char *check_framing(const struct head *head)
{
    if (head->codings > 0 && head->lengths > 0)
        return "both Content-Length and Transfer-Encoding";
    if (head->codings > 0 && head->is_1_0)
        return "Transfer-Encoding in HTTP/1.0";
    if (head->hosts > 1 || (head->hosts == 0 && !head->is_1_0))
        return "not exactly one Host";
    return NULL;
}

/* With an empty line: two line ends, which are NULs by now. */
static bool ends_at(const struct head *head, const char *end)
{
    return head->next_line + 2 == end && memcmp(end - 4, "\0\0\0", 4) == 0;
}

bool head_read(struct MHD_Connection *connection, const struct request_line *line, size_t most_bytes, struct head *out,
               struct error *err)
{
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct head head = {
        .next_line = line->version + strlen(line->version) + 2,
        .is_1_0 = strcmp(line->version, "HTTP/1.0") == 0,
    };
    const int seen = MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look_at_header, &head);
    if (size->header_size > most_bytes || seen > MOST_LINES)
        return error_refuse(err, ERROR_HEADERS_TOO_BIG, "limit", "the head has %zu bytes; %zu in %d lines are taken",
                            size->header_size, most_bytes, MOST_LINES);
    if (head.fault == NULL && !ends_at(&head, line->method + size->header_size))
        head.fault = "a folded line, a bare line feed or a NUL in the head";
    if (head.fault == NULL)
        head.fault = check_line(line);
    if (head.fault == NULL)
        head.fault = check_framing(&head);
    if (head.fault != NULL)
        return error_refuse(err, ERROR_MALFORMED, "http", "%s", head.fault);
    *out = head;
    return true;
}
