/* The decision hidden here: what a leftover of ours looks like. */
#include "directory.h"

#include "base/sys.h"
#include "batch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

enum { STALE_SECONDS = 3600 };

static bool ends_with(const char *name, const char *end)
{
    const size_t len = strlen(name);
    const size_t end_len = strlen(end);
    return len >= end_len && strcasecmp(name + len - end_len, end) == 0;
}

static bool is_digits_then(const char *name, const char *end)
{
    enum { DIGITS = 16 };
    return strspn(name, SPOOL_NAME_ALPHABET) == DIGITS && strcmp(name + DIGITS, end) == 0;
}

/* Exactly our own: another program's temporaries may begin with a dot and end in ".part" too. */
static bool is_leftover(const char *name)
{
    const size_t probe = sizeof STORE_PROBE - 1;
    return (name[0] == '.' && is_digits_then(name + 1, STORE_TEMPORARY)) ||
           (strncmp(name, STORE_PROBE, probe) == 0 && is_digits_then(name + probe, ""));
}

static bool is_stale(int directory, const char *name)
{
    struct stat status;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
           status.st_mtime < sys_now() / 1000000 - STALE_SECONDS;
}

bool directory_sweep(const char *path, bool alone, struct error *err)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return error_os(err, "cannot read the directory '%s'", path);
    bool swept = true;
    for (const struct dirent *entry; swept && (entry = readdir(directory)) != NULL;) {
        if (!is_leftover(entry->d_name) || !(alone || is_stale(dirfd(directory), entry->d_name)))
            continue;
        if (sys.unlinkat(dirfd(directory), entry->d_name, 0) != 0 && errno != ENOENT)
            swept = error_os(err, "cannot remove the leftover '%s' in '%s'", entry->d_name, path);
    }
    (void)closedir(directory);          /* only read from */
    return swept;
}

void directory_count(const char *path, const char *extension, uint64_t *count)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;                         /* an estimate; whatever is wrong shows when a file is to be kept */
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        *count += entry->d_name[0] != '.' && ends_with(entry->d_name, extension);
    (void)closedir(directory);          /* only read from */
}
