/*
 * The decision hidden here: what is a delimiter and what is content. The boundary stands at the start of a line and
 * is followed by "--", or by blanks and CRLF; every other occurrence is content. All searches go forward only, so the
 * work is linear in the body whatever it holds.
 */
#include "multipart.h"

enum { MOST_HEADER_BYTES = 16 * 1024 };

static bool refuse(struct error *err, const char *why)
{
    return error_refuse(err, ERROR_MALFORMED, "multipart", "%s", why);
}

/* ---- the boundary ---- */

struct parameter {
    struct span name;
    char value[ENVELOPE_BOUNDARY_MOST + 1];
    size_t len;             /* of the whole value, which may be longer than what was kept of it */
    bool quoted;
};

static struct span skip(struct span text, size_t count)
{
    return (struct span){text.at + count, text.len - count};
}

/* Takes the front of `text` up to one of `stops` off it. */
static struct span take_until(struct span *text, const char *stops)
{
    struct span front = {text->at, 0};
    while (front.len < text->len && (front.at[front.len] == '\0' || strchr(stops, front.at[front.len]) == NULL))
        front.len++;
    *text = skip(*text, front.len);
    return front;
}

static void keep(struct parameter *parameter, char c)
{
    if (parameter->len < ENVELOPE_BOUNDARY_MOST)
        parameter->value[parameter->len] = c;
    parameter->len++;
}

/* `text` begins behind the opening quote and is left behind the closing one. */
static bool read_quoted(struct span *text, struct parameter *out, struct error *err)
{
    size_t i = 0;
    out->quoted = true;
    for (; i < text->len && text->at[i] != '"'; i++) {
        if (text->at[i] == '\\' && i + 1 < text->len)
            i++;
        keep(out, text->at[i]);
    }
    if (i == text->len)
        return refuse(err, "Content-Type: a quoted value has no closing quote");
    *text = skip(*text, i + 1);
    return span_trim(take_until(text, ";")).len == 0 || refuse(err, "Content-Type: text follows a quoted value");
}

/* One parameter off the front of `text`, which begins behind a semicolon. One without a value is nobody's. */
static bool read_parameter(struct span *text, struct parameter *out, struct error *err)
{
    *out = (struct parameter){.name = span_trim(take_until(text, "=;"))};
    if (text->len == 0 || text->at[0] == ';')
        return true;
    *text = span_trim(skip(*text, 1));
    if (text->len > 0 && text->at[0] == '"') {
        *text = skip(*text, 1);
        return read_quoted(text, out, err);
    }
    const struct span value = span_trim(take_until(text, ";"));
    for (size_t i = 0; i < value.len; i++)
        keep(out, value.at[i]);
    return true;
}

static bool is_boundary_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("'()+_,-./:=?", c) != NULL);
}

static bool check_boundary(const struct parameter *boundary, struct error *err)
{
    if (boundary->len < 1 || boundary->len > ENVELOPE_BOUNDARY_MOST)
        return error_refuse(err, ERROR_MALFORMED, "multipart",
                            "Content-Type: a boundary of %zu characters, not 1 to %d", boundary->len,
                            ENVELOPE_BOUNDARY_MOST);
    for (size_t i = 0; i < boundary->len; i++)
        if (!is_boundary_character(boundary->value[i]) && !(boundary->quoted && boundary->value[i] == ' '))
            return refuse(err, "Content-Type: a character that no boundary may have");
    return boundary->value[boundary->len - 1] != ' ' || refuse(err, "Content-Type: the boundary ends in a blank");
}

bool multipart_boundary(struct span parameters, char out[ENVELOPE_BOUNDARY_MOST + 1], struct error *err)
{
    struct parameter boundary = {0};
    bool found = false;
    while (parameters.len > 0) {
        struct parameter parameter;
        parameters = skip(parameters, 1);   /* the semicolon */
        if (!read_parameter(&parameters, &parameter, err))
            return false;
        if (!span_equal_nocase(parameter.name, SPAN("boundary")))
            continue;
        if (found)
            return refuse(err, "Content-Type: more than one boundary");
        boundary = parameter;
        found = true;
    }
    if (!found)
        return refuse(err, "Content-Type: no boundary");
    if (!check_boundary(&boundary, err))
        return false;
    memcpy(out, boundary.value, sizeof boundary.value);
    return true;
}

/* ---- the parts ---- */

struct delimiter {
    const char *begin;      /* of its CRLF */
    struct span rest;       /* of the body behind it */
    bool closing;
};

/* What follows a boundary; false if it makes it part of a longer word. */
static bool read_delimiter_end(struct span rest, struct delimiter *out)
{
    if (rest.len >= 2 && memcmp(rest.at, "--", 2) == 0) {
        out->closing = true;
        out->rest = skip(rest, 2);
        return true;
    }
    while (rest.len > 0 && (rest.at[0] == ' ' || rest.at[0] == '\t'))
        rest = skip(rest, 1);
    if (rest.len < 2 || memcmp(rest.at, "\r\n", 2) != 0)
        return false;
    out->closing = false;
    out->rest = skip(rest, 2);
    return true;
}

static bool find_delimiter(struct span body, struct span line, struct delimiter *out)
{
    while (body.len > 0 && (out->begin = memmem(body.at, body.len, line.at, line.len)) != NULL) {
        body = skip(body, (size_t)(out->begin - body.at) + line.len);
        if (read_delimiter_end(body, out))
            return true;
    }
    return false;
}

/* The first one may stand at the very start, without the CRLF. */
static bool find_first_delimiter(struct span body, struct span line, struct delimiter *out)
{
    const struct span word = skip(line, 2);
    if (body.len >= word.len && memcmp(body.at, word.at, word.len) == 0 &&
        read_delimiter_end(skip(body, word.len), out))
        return true;
    return find_delimiter(body, line, out);
}

/* Which header lines a part has does not matter: its position says what it is. */
static bool skip_headers(struct span part, unsigned number, struct span *content, struct error *err)
{
    if (part.len == 0 || (part.len >= 2 && memcmp(part.at, "\r\n", 2) == 0)) {
        *content = skip(part, part.len == 0 ? 0 : 2);
        return true;
    }
    const size_t most = part.len < MOST_HEADER_BYTES ? part.len : MOST_HEADER_BYTES;
    const char *end = memmem(part.at, most, "\r\n\r\n", 4);
    if (end == NULL)
        return error_refuse(err, ERROR_MALFORMED, "multipart",
                            "part %u: no empty line within %d bytes ends its header lines", number, MOST_HEADER_BYTES);
    *content = skip(part, (size_t)(end - part.at) + 4);
    return true;
}

static bool count_parts(unsigned count, struct error *err)
{
    return count == MULTIPART_PARTS || error_refuse(err, ERROR_MALFORMED, "multipart", "%s parts, not %d",
                                                    count == 0                ? "no"
                                                    : count < MULTIPART_PARTS ? "too few"
                                                                              : "too many",
                                                    MULTIPART_PARTS);
}

bool multipart_split(struct span body, struct span boundary, struct span parts[MULTIPART_PARTS], struct error *err)
{
    char bytes[4 + ENVELOPE_BOUNDARY_MOST] = "\r\n--";
    if (boundary.len < 1 || boundary.len > ENVELOPE_BOUNDARY_MOST)
        return refuse(err, "the boundary is empty or too long");
    memcpy(bytes + 4, boundary.at, boundary.len);
    const struct span line = {bytes, 4 + boundary.len};

    struct span found[MULTIPART_PARTS];
    struct delimiter delimiter;
    unsigned count = 0;
    if (!find_first_delimiter(body, line, &delimiter))
        return refuse(err, "the boundary does not occur in the body");
    while (!delimiter.closing) {
        struct span part = delimiter.rest;
        if (!find_delimiter(part, line, &delimiter))
            return refuse(err, "the closing delimiter is missing");
        part.len = (size_t)(delimiter.begin - part.at);
        if (++count > MULTIPART_PARTS)
            return count_parts(count, err);
        if (!skip_headers(part, count, &found[count - 1], err))
            return false;
    }
    if (!count_parts(count, err))
        return false;
    memcpy(parts, found, sizeof found);
    return true;
}
