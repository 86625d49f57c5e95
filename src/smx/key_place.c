/* The decision hidden here: smx asks the settings of the relay, not settings of its own, so the two cannot disagree.
 * Names and defaults are those of src/mprelay/settings.c. */
#include "key_place.h"

#include "base/config.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct settings {
    const char *root;
    const char *trust_dir;
};

static const struct config_row rows[] = {
    {"root", CONFIG_TEXT, offsetof(struct settings, root), "/var/lib/mprelay", NULL, NULL, AT_START,
     "Root of the relay."},
    {"trust-dir", CONFIG_TEXT, offsetof(struct settings, trust_dir), "", NULL, NULL, AT_START,
     "Directory of the keys."},
};

static const struct config_table table = {
    .program = "smx",
    .version = VERSION,
    .summary = "where the keys of clients are",
    .file = "/etc/mprelay.conf",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct settings),
    .borrowed = true,
};

static void add_option(char **arguments, int *count, const char *name, const char *value)
{
    if (value == NULL)
        return;
    arguments[(*count)++] = (char *)(uintptr_t)name; /* config only reads them */
    arguments[(*count)++] = (char *)(uintptr_t)value;
}

bool key_place_find(const struct key_place_options *options, struct key_place *out, struct error *err)
{
    char *arguments[8] = {(char *)(uintptr_t) "smx"};
    int count = 1;
    struct config *config;
    add_option(arguments, &count, "--config", options->config);
    add_option(arguments, &count, "--root", options->root);
    add_option(arguments, &count, "--trust-dir", options->trust_dir);
    if (!config_open(&table, count, arguments, &config, err))
        return false;
    const struct settings *settings = config_values(config);
    const bool found = daemon_choose_path(out->trusted, settings->trust_dir,
                                          settings->root == NULL ? "" : settings->root, "/trust", err) &&
                       daemon_path(out->pending, out->trusted, "/pending", err);
    config_close(config);
    return found;
}

/* ---- names ---- */

void key_place_name(const char guid[REQUEST_GUID_SIZE], char out[KEY_NAME_SIZE])
{
    (void)snprintf(out, KEY_NAME_SIZE, "%.36s.pem", guid);
}

bool key_place_client(const char *name, char guid[REQUEST_GUID_SIZE])
{
    char expected[KEY_NAME_SIZE];
    if (strlen(name) < REQUEST_GUID_SIZE || !request_guid((struct span){name, REQUEST_GUID_SIZE - 1}, guid))
        return false;
    key_place_name(guid, expected);
    return strcmp(name, expected) == 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What begins with a dot is somebody's unfinished work; a directory is no key. */
static bool add_names(DIR *directory, struct buffer *out, struct error *err)
{
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[KEY_NAME_SIZE] = "";
        (void)snprintf(name, sizeof name, "%.255s", entry->d_name);
        if (name[0] != '.' && entry->d_type != DT_DIR && !buffer_add(out, name, sizeof name, err))
            return false;
    }
    return true;
}

bool key_place_list(const char *path, struct buffer *out, struct error *err)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return errno == ENOENT || error_os(err, "cannot read the directory '%s'", path);
    const bool read = add_names(directory, out, err);
    (void)closedir(directory);          /* only read from */
    if (read && out->len > 0)
        qsort(out->at, out->len / KEY_NAME_SIZE, KEY_NAME_SIZE, compare);
    return read;
}

/* ---- a key ---- */

static bool read_any(struct span text, struct signature_key **out, struct error *err)
{
    if (memmem(text.at, text.len, "-----BEGIN", 10) != NULL)
        return signature_key_read(text, out, err);
    return signature_key_read_blob(span_trim(text), out, err);
}

static bool read_file(const char *path,
                      bool (*read_text)(struct span text, struct signature_key **out, struct error *err),
                      struct signature_key **out, struct error *err)
{
    struct buffer text;
    struct error why;
    buffer_init(&text, SIGNATURE_MOST_FILE);
    bool read = sys_read_file(AT_FDCWD, path, &text, err);
    if (!read && err->os == ENOENT)
        err->kind = ERROR_NOT_FOUND;
    if (read && !read_text(buffer_span(&text), out, &why))
        read = error_set(err, why.kind, "'%.120s': %.100s", path, why.text);
    buffer_fini(&text);
    return read;
}

bool key_place_read(const char *path, struct signature_key **out, struct error *err)
{
    struct stat status;
    if (sys.fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(status.st_mode))
        return error_set(err, ERROR_MALFORMED, "'%.120s' is no regular file, and the relay follows no links", path);
    return read_file(path, signature_key_read, out, err);
}

bool key_place_import(const char *path, struct signature_key **out, struct error *err)
{
    return read_file(path, read_any, out, err);
}
