/* The decision hidden here: what is a GUID, and what is read in its name. */
#include "spool/request.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define EXTENSION ".rsy"

static bool is_hexadecimal(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static bool has_dash(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

bool request_guid(struct span client, char out[REQUEST_GUID_SIZE])
{
    static const struct span prefix = {"GUID:", 5};
    client = span_trim(client);
    if (client.len > prefix.len && span_equal_nocase((struct span){client.at, prefix.len}, prefix))
        client = span_trim((struct span){client.at + prefix.len, client.len - prefix.len});
    if (client.len != REQUEST_GUID_SIZE - 1)
        return false;
    char guid[REQUEST_GUID_SIZE] = {0};
    for (size_t i = 0; i < client.len; i++) {
        const char c = client.at[i];
        guid[i] = c >= 'a' && c <= 'f' ? (char)(c - 'a' + 'A') : c;
        if (has_dash(i) ? c != '-' : !is_hexadecimal(guid[i]))
            return false;
    }
    memcpy(out, guid, sizeof guid);
    return true;
}

void request_name(const char guid[REQUEST_GUID_SIZE], char out[REQUEST_NAME_SIZE])
{
    (void)snprintf(out, REQUEST_NAME_SIZE, "%.36s" EXTENSION, guid);
}

bool request_parse_name(const char *name, char out[REQUEST_GUID_SIZE])
{
    char expected[REQUEST_NAME_SIZE];
    char guid[REQUEST_GUID_SIZE];
    if (strlen(name) != REQUEST_NAME_SIZE - 1 || !request_guid((struct span){name, REQUEST_GUID_SIZE - 1}, guid))
        return false;
    request_name(guid, expected);
    if (strcmp(name, expected) != 0)
        return false;
    memcpy(out, guid, sizeof guid);
    return true;
}

/* A pipe that somebody put there would keep us waiting. */
static bool is_regular(int fd)
{
    struct stat status;
    return sys.fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static bool read_open(int fd, const char *name, struct buffer *out, struct error *err)
{
    const size_t before = out->len;
    char bytes[REQUEST_MOST];
    if (!is_regular(fd))
        return error_set(err, ERROR_SYSTEM, "'%s' is no regular file", name);
    for (;;) {
        const ssize_t got = sys.read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            return true;
        if (got < 0 ? !error_os(err, "cannot read '%s'", name) : !buffer_add(out, bytes, (size_t)got, err)) {
            out->len = before;
            return false;
        }
    }
}

static bool open_directory(const char *directory, int *out, struct error *err)
{
    *out = sys.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return *out >= 0 || error_os(err, "cannot open the directory '%s'", directory);
}

static bool open_file(int place, const char *name, int *out, struct error *err)
{
    *out = sys.openat(place, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (*out >= 0)
        return true;
    const bool absent = errno == ENOENT;
    (void)error_os(err, "cannot open '%s'", name);
    err->kind = absent ? ERROR_NOT_FOUND : err->kind;
    return false;
}

bool request_read(const char *directory, const char guid[REQUEST_GUID_SIZE], struct buffer *out, struct error *err)
{
    char name[REQUEST_NAME_SIZE];
    int place, fd;
    request_name(guid, name);
    if (!open_directory(directory, &place, err))
        return false;
    const bool opened = open_file(place, name, &fd, err);
    const bool read = opened && read_open(fd, name, out, err);
    if (opened)
        (void)sys.close(fd); /* only read from, */
    (void)sys.close(place);  /* both of them */
    return read;
}

bool request_remove(const char *directory, const char guid[REQUEST_GUID_SIZE], struct error *err)
{
    char name[REQUEST_NAME_SIZE];
    int place;
    request_name(guid, name);
    if (!open_directory(directory, &place, err))
        return false;
    const bool removed = sys.unlinkat(place, name, 0) == 0 || errno == ENOENT ||
                         error_os(err, "cannot remove '%s' from '%s'", name, directory);
    (void)sys.close(place); /* only removed from: a sync is not waited for, the next check looks again */
    return removed;
}
