/*
 * Any bytes as a settings file, against a row of every type: either every value is inside its bounds and what
 * --print-config shows reads back as the same values, or there is an error that begins with the file's name.
 */
#include "base/config.h"

#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGEST_FILE = 1024 * 1024 };     /* that config reads */

static char config_option[] = "--config", print_option[] = "--print-config";

struct values {
    struct config_list listen;
    const char *root;
    uint64_t workers;
    uint64_t max_request;
    uint64_t timeout;
    uint64_t any;
    bool windows_paths;
    int level;
    struct config_choice reply;
};

#define FIELD(name) offsetof(struct values, name)

static const struct config_row rows[] = {
    {"listen", CONFIG_LIST, FIELD(listen), "127.0.0.1:8080", NULL, NULL, AT_START, "Where to listen."},
    {"root", CONFIG_TEXT, FIELD(root), "", NULL, NULL, AT_START, "A folder."},
    {"workers", CONFIG_NUMBER, FIELD(workers), "4", "1", "64", AT_START, "Threads."},
    {"max-request", CONFIG_SIZE, FIELD(max_request), "8M", "1K", "256M", ON_RELOAD, "Largest body."},
    {"timeout", CONFIG_DURATION, FIELD(timeout), "120s", "1s", "1h", ON_RELOAD, "Time for a request."},
    {"any", CONFIG_NUMBER, FIELD(any), "0", NULL, NULL, ON_RELOAD, "Any number."},
    {"windows-paths", CONFIG_YES_NO, FIELD(windows_paths), "no", NULL, NULL, ON_RELOAD, "Backslashes."},
    {"level", CONFIG_CHOICE, FIELD(level), "default", "verbose|default|error", NULL, ON_RELOAD, "The level."},
    {"reply", CONFIG_CHOICE, FIELD(reply), "noreply", "noreply|empty|file:", NULL, ON_RELOAD, "The answer."},
};

static const struct config_table table = {
    .program = "fuzz",
    .version = "1",
    .summary = "Tries the settings.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct values),
};

static void check_values(const struct values *values)
{
    require(values->workers >= 1 && values->workers <= 64);
    require(values->max_request >= 1024 && values->max_request <= 256 * 1024 * 1024);
    require(values->timeout >= 1000000 && values->timeout <= 3600 * 1000000ULL);
    require(values->level >= 0 && values->level <= 2);
    require(values->reply.word >= 0 && values->reply.word <= 2);
    require((values->reply.rest != NULL) == (values->reply.word == 2));
    require(values->root == NULL || values->root[0] != '\0');
    for (size_t i = 0; i < values->listen.count; i++)
        require(values->listen.at[i][0] != '\0' && strchr(values->listen.at[i], ',') == NULL);
}

static void refuse_difference(void *owner, const struct config_row *row, const char *before, const char *after)
{
    (void)owner;
    (void)fprintf(stderr, "%s: '%s' was read back as '%s'\n", row->name, before, after);
    abort();
}

/* A settings file in memory, opened by the name that Linux gives to its descriptor; a config points to these. */
struct trial {
    int fd;
    char path[40];
    char *arguments[4];
    struct config *config;
};

static void check_error(const struct error *err, const char *path)
{
    const size_t len = strlen(path);
    require(err->kind == ERROR_MALFORMED && strncmp(err->text, path, len) == 0 && err->text[len] == ':');
    for (size_t i = 0; err->text[i] != '\0'; i++)
        require((unsigned char)err->text[i] >= ' ' && err->text[i] != 0x7F);
}

static bool trial_open(struct trial *trial, struct span text)
{
    struct error err;
    *trial = (struct trial){.fd = memfd_create("config", MFD_CLOEXEC)};
    require(trial->fd >= 0 && write(trial->fd, text.at, text.len) == (ssize_t)text.len);
    (void)snprintf(trial->path, sizeof trial->path, "/proc/self/fd/%d", trial->fd);
    trial->arguments[1] = config_option;
    trial->arguments[2] = trial->path;
    trial->arguments[3] = print_option;
    if (config_open(&table, 4, trial->arguments, &trial->config, &err)) {
        check_values(config_values(trial->config));
        return true;
    }
    check_error(&err, trial->path);
    return false;
}

static void trial_close(struct trial *trial)
{
    config_close(trial->config);
    require(close(trial->fd) == 0);
}

static void read_back(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    struct trial again;
    FILE *out = open_memstream(&text, &len);
    require(out != NULL);
    config_answer(config, out);
    require(fclose(out) == 0);
    if (len <= LARGEST_FILE) {
        require(trial_open(&again, (struct span){text, len}));
        config_compare(config, again.config, refuse_difference, NULL);
        trial_close(&again);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct trial trial;
    if (trial_open(&trial, (struct span){(const char *)bytes, size}))
        read_back(trial.config);
    trial_close(&trial);
    return 0;
}
