/* The decision hidden here: smx asks the settings of the state system, not settings of its own, so the two cannot
 * disagree. Names and defaults are those of src/statesys/settings.c, and of src/mprelay/settings.c. */
#include "place.h"

#include "base/config.h"

#include <stddef.h>
#include <stdio.h>

struct settings {
    const char *root;
    const char *inbox;
    const char *database;
    const char *log_dir;
    const char *corrupt_dir;
    const char *admin_listen;
};

#define ROW(name, type, field, initial, help)                                                                          \
    {                                                                                                                  \
        name, type, offsetof(struct settings, field), initial, NULL, NULL, AT_START, help                              \
    }

static const struct config_row rows[] = {
    ROW("root", CONFIG_TEXT, root, "/var/lib/mprelay", "Directory under which everything is."),
    ROW("inbox", CONFIG_TEXT, inbox, "", "Directory of the inbox."),
    ROW("database", CONFIG_URL, database, "", "The database."),
    ROW("log-dir", CONFIG_TEXT, log_dir, "", "Directory of the logs."),
    ROW("corrupt-dir", CONFIG_TEXT, corrupt_dir, "", "Directory of files that cannot be loaded."),
    ROW("admin-listen", CONFIG_TEXT, admin_listen, "127.0.0.1:8082", "Address of the state system's pages."),
};

static const struct config_table table = {
    .program = "smx",
    .version = VERSION,
    .summary = "where the things of a site are",
    .file = "/etc/statesys.conf",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct settings),
    .borrowed = true,
};

struct relay_settings {
    const char *root;
    const char *journal_dir;
};

#define RELAY_ROW(name, member, fallback, help)                                                                        \
    {                                                                                                                  \
        name, CONFIG_TEXT, offsetof(struct relay_settings, member), fallback, NULL, NULL, AT_START, help               \
    }

static const struct config_row relay_rows[] = {
    RELAY_ROW("root", root, "/var/lib/mprelay", "Directory that holds the journal."),
    RELAY_ROW("journal-dir", journal_dir, "", "Directory of the journal."),
};

static const struct config_table relay_table = {
    .program = "smx",
    .version = VERSION,
    .summary = "where the journal of a relay is",
    .file = "/etc/mprelay.conf",
    .rows = relay_rows,
    .count = sizeof relay_rows / sizeof relay_rows[0],
    .values_size = sizeof(struct relay_settings),
    .borrowed = true,
};

static bool find_inbox(const struct settings *settings, struct place *out, struct error *err)
{
    char inbox[DAEMON_PATH_SIZE];
    return daemon_choose_path(inbox, settings->inbox, settings->root, "/inboxes/auth/statesys.box", err) &&
           daemon_path(out->queues[0], inbox, "/incoming/high", err) &&
           daemon_path(out->queues[1], inbox, "/incoming", err) &&
           daemon_path(out->queues[2], inbox, "/incoming/low", err) &&
           daemon_path(out->process, inbox, "/process", err) && daemon_path(out->retry, inbox, "/retry", err) &&
           daemon_choose_path(out->corrupt, settings->corrupt_dir, inbox, "/corrupt", err);
}

static bool find_all(const struct settings *settings, struct place *out, struct error *err)
{
    if (settings->root == NULL)
        return error_set(err, ERROR_MALFORMED, "root: give the directory that holds inbox, database and log");
    if (settings->admin_listen != NULL && !daemon_path(out->admin, settings->admin_listen, "", err))
        return false;
    return find_inbox(settings, out, err) &&
           daemon_choose_path(out->database, settings->database, settings->root, "/db/statesys.db", err) &&
           daemon_choose_path(out->logs, settings->log_dir, settings->root, "/logs", err);
}

/* The relay may be on another machine, or its settings not ours to read: then it is believed to be as usual. */
static bool find_journal(const struct place_options *options, const char *root, struct place *out, struct error *err)
{
    char *arguments[] = {(char *)(uintptr_t) "smx", NULL}; /* config only reads them */
    struct config *config;
    struct error ignored;
    if (options->config != NULL || options->root != NULL || !config_open(&relay_table, 1, arguments, &config, &ignored))
        return daemon_path(out->journal, root, "/journal", err);
    const struct relay_settings *relay = config_values(config);
    const bool found =
        daemon_choose_path(out->journal, relay->journal_dir, relay->root == NULL ? root : relay->root, "/journal", err);
    config_close(config);
    return found;
}

static void add_option(char **arguments, int *count, const char *name, const char *value)
{
    if (value == NULL)
        return;
    arguments[(*count)++] = (char *)(uintptr_t)name; /* config only reads them */
    arguments[(*count)++] = (char *)(uintptr_t)value;
}

bool place_find(const struct place_options *options, struct place *out, struct error *err)
{
    char *arguments[8] = {(char *)(uintptr_t) "smx"};
    int count = 1;
    struct config *config;
    out->admin[0] = '\0';
    add_option(arguments, &count, "--config", options->config);
    add_option(arguments, &count, "--root", options->root);
    add_option(arguments, &count, "--database", options->database);
    if (!config_open(&table, count, arguments, &config, err))
        return false;
    const struct settings *settings = config_values(config);
    const bool found = find_all(settings, out, err) && find_journal(options, settings->root, out, err);
    config_close(config);
    return found;
}
