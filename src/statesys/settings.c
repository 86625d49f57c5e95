/* The one table of the state system's settings. A new setting is a row here, a field in settings.h, a paragraph in the
 * manual. */
#include "settings.h"

#include "properties.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define ROW(name, type, field, initial, least, most, when, help)                                                     \
    {                                                                                                                  \
        name, type, offsetof(struct settings, field), initial, least, most, when, help                                 \
    }

static const struct config_row rows[] = {
    ROW("root", CONFIG_TEXT, root, "/var/lib/mprelay", NULL, NULL, AT_START,
        "Directory under which the inbox tree, db/ and logs/ are: the root of the relay that fills the inbox."),
    ROW("inbox", CONFIG_TEXT, inbox, "", NULL, NULL, AT_START,
        "Directory that holds incoming/, process/, corrupt/, retry/ and outgoing/; empty: "
        "ROOT/inboxes/auth/statesys.box."),
    ROW("database", CONFIG_URL, database, "", NULL, NULL, AT_START,
        "A file of SQLite, or postgresql://USER@HOST/NAME; empty: ROOT/db/statesys.db."),
    ROW("log-dir", CONFIG_TEXT, log_dir, "", NULL, NULL, AT_START, "Directory of statesys.log; empty: ROOT/logs."),
    ROW("corrupt-dir", CONFIG_TEXT, corrupt_dir, "", NULL, NULL, AT_START,
        "Directory of files that cannot be loaded; empty: corrupt/ in the inbox. On the inbox's file system."),
    ROW("resync-dir", CONFIG_TEXT, resync_dir, "", NULL, NULL, AT_START,
        "Directory of the resync requests that the relay hands out; empty: outgoing/resync/ in the inbox."),
    ROW("admin-listen", CONFIG_TEXT, admin_listen, "127.0.0.1:8082", NULL, NULL, AT_START,
        "ADDRESS:PORT of /livez, /readyz and /metrics; empty or off: none."),

    ROW("site-code", CONFIG_TEXT, site_code, "P01", NULL, NULL, AT_START, "Code of this site, three characters."),
    ROW("site-name", CONFIG_TEXT, site_name, "", NULL, NULL, AT_START, "Name of this site; empty: its code."),
    ROW("parent-site", CONFIG_TEXT, parent_site, "", NULL, NULL, AT_START, "Code of the parent site; empty: none."),
    ROW("parent-inbox", CONFIG_TEXT, parent_inbox, "", NULL, NULL, AT_START,
        "The parent site's incoming/, to which each loaded file is delivered; needed with parent-site."),

    ROW("heartbeat-interval", CONFIG_DURATION, heartbeat_interval, "0", "0", "525600m", ON_RELOAD,
        "Heartbeat Msg Interval, whole minutes; 0: as SC_Component_Property has it (60)."),
    ROW("polling-interval", CONFIG_DURATION, polling_interval, "0", "0", "86400s", ON_RELOAD,
        "Inbox Polling Interval, whole seconds; 0: as SC_Component_Property has it (900)."),
    ROW("chunk-size", CONFIG_SIZE, chunk_size, "0", "0", "64M", ON_RELOAD,
        "Loader Chunk Size, whole KB; 0: as SC_Component_Property has it (256)."),
    ROW("loader-threads", CONFIG_NUMBER, loader_threads, "0", "0", "64", ON_RELOAD,
        "Loader Threads; 0: as SC_Component_Property has it (4)."),
    ROW("max-chunks", CONFIG_NUMBER, max_chunks, "0", "0", "10000", ON_RELOAD,
        "Max Chunks Fetched at once; 0: as SC_Component_Property has it (100)."),
    ROW("min-missing-age", CONFIG_DURATION, min_missing_age, "0", "0", "525600m", ON_RELOAD,
        "Min Missing Message Age, whole minutes, before a resync is asked for; 0: as SC_Component_Property has it "
        "(2880)."),
    ROW("resync-check-interval", CONFIG_DURATION, resync_check_interval, "0", "0", "525600m", ON_RELOAD,
        "Resync Check Interval, whole minutes; 0: as SC_Component_Property has it (15)."),
    ROW("retry-steps", CONFIG_TEXT, retry_steps, "", NULL, NULL, ON_RELOAD,
        "Retry Config: 1 to 16 numbers of seconds, separated by commas, after which a file that the database refused is "
        "tried again; empty: as SC_Component_Property has it (7200,28800,86400)."),

    ROW("notify-pause", CONFIG_DURATION, notify_pause, "10s", "0", "1h", ON_RELOAD,
        "Pause between the first notice of a new file and the loading, so that more may gather."),
    ROW("half-written-age", CONFIG_DURATION, half_written_age, "60s", "0", "24h", ON_RELOAD,
        "A file that cannot be read and is younger may be half written: it is left for the next round."),
    ROW("max-file", CONFIG_SIZE, max_file, "129M", "1K", "2049M", ON_RELOAD,
        "Largest file loaded; not less than twice the relay's max-inflated, of which UTF-16 may take as much."),
    ROW("max-tag", CONFIG_SIZE, max_tag, "64K", "1K", "1M", ON_RELOAD, "Largest XML tag with its attributes."),
    ROW("xml-depth", CONFIG_NUMBER, xml_depth, "32", "8", "200", ON_RELOAD, "Deepest nesting of XML elements."),
    ROW("max-messages", CONFIG_NUMBER, max_messages, "100000", "1", "100000", ON_RELOAD,
        "Most state messages in one file."),
    ROW("corrupt-keep", CONFIG_DURATION, corrupt_keep, "30d", "0", "3650d", ON_RELOAD,
        "How long files that cannot be loaded are kept; 0: for ever."),
    ROW("corrupt-max-files", CONFIG_NUMBER, corrupt_max_files, "10000", "1", "1000000", ON_RELOAD,
        "Most files kept that cannot be loaded, the oldest go first."),
    ROW("database-retry", CONFIG_DURATION, database_retry, "60s", "1s", "1h", ON_RELOAD,
        "Pause before a database that cannot be reached is tried again."),
    ROW("lock-timeout", CONFIG_DURATION, lock_timeout, "30s", "1s", "10m", AT_START,
        "How long a lock in the database is waited for."),
    ROW("processed-keep", CONFIG_DURATION, processed_keep, "30d", "1d", "3650d", ON_RELOAD,
        "How long a file that was loaded is remembered, so that it never counts twice."),
    ROW("state-keep", CONFIG_DURATION, state_keep, "0", "0", "36500d", ON_RELOAD,
        "Age at which SUM Delete Aged Status removes a state that nobody reported again; 0: never."),
    ROW("stop-timeout", CONFIG_DURATION, stop_timeout, "30s", "1s", "1h", ON_RELOAD,
        "Longest time from SIGTERM to the end; what is not committed by then goes back to the inbox."),

    ROW("first-serial", CONFIG_CHOICE, first_serial, "adopt", "adopt|expect-1", NULL, ON_RELOAD,
        "A client not seen before: take its first serial number as it is, or hold those below it missing."),
    ROW("max-gap", CONFIG_NUMBER, max_gap, "1000000", "1", "1000000000000", ON_RELOAD,
        "A client whose serial numbers jump further has begun anew."),
    ROW("min-resync-period", CONFIG_DURATION, min_resync_period, "72h", "1h", "8760h", ON_RELOAD,
        "Min Resync Period: least time between two resyncs of one client."),
    ROW("resync-batch", CONFIG_NUMBER, resync_batch, "1000", "1", "1000000", ON_RELOAD,
        "Most clients asked for a resync at one check."),
    ROW("resync-backlog", CONFIG_NUMBER, resync_backlog, "10000", "1", "1000000000", ON_RELOAD,
        "While more files than this wait in incoming/, no resync is asked for: what is missing may be among them."),

    ROW("log-level", CONFIG_CHOICE, log_level, "default", "verbose|default|warning|error", NULL, ON_RELOAD,
        "What is logged; verbose adds the reports themselves."),
    ROW("log-format", CONFIG_CHOICE, log_format, "site", "ccm|site", NULL, AT_START,
        "Form of the log lines: of the client logs, or of the site server logs."),
    ROW("log-time", CONFIG_CHOICE, log_time, "utc", "utc|local", NULL, AT_START, "Time in the log lines."),
    ROW("log-max-size", CONFIG_SIZE, log_max_size, "2M", "10000", "1G", ON_RELOAD,
        "Size at which statesys.log is renamed to statesys.lo_ and begun anew."),
    ROW("log-max-history", CONFIG_NUMBER, log_max_history, "1", "1", "1000", ON_RELOAD,
        "Old log files kept; with more than 1 the older are statesys-YYYYMMDD-HHMMSS.log."),
    ROW("log-files", CONFIG_YES_NO, log_files, "yes", NULL, NULL, ON_RELOAD,
        "Log the name and the records of each file."),
};

static bool is_site_code(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]))
        len++;
    return len == 3 && text[len] == '\0';
}

static bool is_whole(uint64_t value, uint64_t unit, const char *name, const char *units, struct error *err)
{
    return value % unit == 0 || error_set(err, ERROR_MALFORMED, "%s: give whole %s", name, units);
}

static bool check_units(const struct settings *settings, struct error *err)
{
    enum { SECOND = 1000000, MINUTE = 60 * SECOND };
    return is_whole(settings->heartbeat_interval, MINUTE, "heartbeat-interval", "minutes", err) &&
           is_whole(settings->polling_interval, SECOND, "polling-interval", "seconds", err) &&
           is_whole(settings->chunk_size, 1024, "chunk-size", "KB", err) &&
           is_whole(settings->min_missing_age, MINUTE, "min-missing-age", "minutes", err) &&
           is_whole(settings->resync_check_interval, MINUTE, "resync-check-interval", "minutes", err);
}

static bool check_steps(const struct settings *settings, struct error *err)
{
    int64_t steps[PROPERTIES_MOST_STEPS];
    size_t count;
    return settings->retry_steps == NULL || properties_read_steps(span_of(settings->retry_steps), steps, &count) ||
           error_set(err, ERROR_MALFORMED, "retry-steps: give 1 to %d numbers of seconds, separated by commas",
                     PROPERTIES_MOST_STEPS);
}

static bool check_settings(const void *values, struct error *err)
{
    const struct settings *settings = values;
    if (settings->root == NULL)
        return error_set(err, ERROR_MALFORMED, "root: give the directory that holds inbox, database and log");
    if (settings->site_code == NULL || !is_site_code(settings->site_code))
        return error_set(err, ERROR_MALFORMED, "site-code: give three letters or digits");
    if (settings->parent_site != NULL && !is_site_code(settings->parent_site))
        return error_set(err, ERROR_MALFORMED, "parent-site: give three letters or digits");
    if ((settings->parent_site == NULL) != (settings->parent_inbox == NULL))
        return error_set(err, ERROR_MALFORMED, "parent-site and parent-inbox go together: give both or none");
    return check_units(settings, err) && check_steps(settings, err);
}

const struct config_table statesys_settings_table = {
    .program = "statesys",
    .version = VERSION,
    .summary = "load state message reports from the inbox into the database and ask for what is missing",
    .file = "/etc/statesys.conf",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct settings),
    .check = check_settings,
};
