/* A loader in a place of the test's own: a round or more, the files for it, and what the database and the log then
 * hold. */
#ifndef TEST_LOADER_HOME_H
#define TEST_LOADER_HOME_H

#include "base/log.h"
#include "db/db.h"
#include "loader_place.h"

#include <time.h>

enum { ANSWER_SIZE = 65536, OLD = 1700000000 };

/* ---- rounds ---- */

static inline void wait_for(const _Atomic int64_t *time)
{
    for (unsigned patience = 120000; atomic_load(time) == 0; patience--) {
        assert_true(patience > 0);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* More rounds of a loader that has had its first; the end of one that had begun before may be told among them. */
static inline void wake(struct loader *loader)
{
    for (unsigned i = 0; i < 3; i++) {
        atomic_store(&place.site.last_round, 0);
        loader_wake(loader);
        wait_for(&place.site.last_round);
    }
}

static inline struct loader *start_loader(void)
{
    struct loader *loader;
    atomic_store(&place.site.last_round, 0);
    atomic_store(&place.site.last_load, 0);
    must(loader_open(&place.site, &loader, &err) && loader_start(loader, &err));
    return loader;
}

/* A loader from its start to its stop, with one round at least. */
static inline void load_once(void)
{
    struct loader *loader = start_loader();
    wait_for(&place.site.last_round);
    loader_stop(loader);
}

/* The same, and the texts of its log, line by line, without time and thread. */
static inline const char *load_and_read_log(enum log_level level)
{
    static char lines[ANSWER_SIZE];
    const struct log_settings log = {.path = place.site.paths.log,
                                     .component = "SMS_STATE_SYSTEM",
                                     .format = LOG_SITE,
                                     .level = level,
                                     .max_size = 1024UL * 1024 * 1024,
                                     .max_history = 1};
    struct buffer bytes;
    struct log_record record;
    size_t used = 0;
    size_t len = 0;
    must(log_open(&log, &err));
    load_once();
    log_close();
    buffer_init(&bytes, 1024UL * 1024 * 1024);
    must(sys_read_file(AT_FDCWD, place.site.paths.log, &bytes, &err));
    for (size_t at = 0; at < bytes.len; at += used) {
        const struct span rest = {bytes.at + at, bytes.len - at};
        assert_int_equal(log_parse(rest, true, &record, &used), LOG_PARSED);
        len += (size_t)snprintf(lines + len, sizeof lines - len, "%.*s\n", (int)record.text.len, record.text.at);
        assert_true(len < sizeof lines);
    }
    buffer_fini(&bytes);
    (void)unlink(place.site.paths.log);
    return lines;
}

/* ---- files ---- */

static inline void make_old(const char *below)
{
    const struct timespec times[2] = {{.tv_sec = OLD}, {.tv_sec = OLD}};
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", home, below);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Messages with these serial numbers ("1 2 5"), in a report of this minute. */
static inline void put_report(const char *below, const char *client, unsigned minute, const char *serials)
{
    static char text[ANSWER_SIZE];
    int len = snprintf(text, sizeof text,
                       "<Report><ReportHeader><Identification><Machine><ClientInstalled>1</ClientInstalled><ClientID>%s"
                       "</ClientID></Machine></Identification><ReportDetails><Date>20260102%02u%02u00.000000+000</Date>"
                       "</ReportDetails></ReportHeader><ReportBody>",
                       client, minute / 60, minute % 60);
    for (const char *at = serials; *at != '\0'; at += strspn(at, " ")) {
        const int digits = (int)strcspn(at, " ");
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "<StateMessage SerialNumber=\"%.*s\"><Topic ID=\"%.*s\" Type=\"500\"/><State ID=\"2\"/>"
                        "</StateMessage>",
                        digits, at, digits, at);
        at += digits;
    }
    (void)snprintf(text + len, sizeof text - (size_t)len, "</ReportBody></Report>");
    put(below, text);
}

/* ---- the database ---- */

static inline void note_row(void *owner, const struct db_value *row)
{
    char *answer = owner;
    const size_t len = strlen(answer);
    (void)snprintf(answer + len, ANSWER_SIZE - len, "%.*s\n", (int)row[0].text.len, row[0].text.at);
}

/* The rows of a query with one column, as text; each line ends with a line feed. */
static inline const char *ask(const char *query)
{
    static char answer[ANSWER_SIZE];
    const struct db_statement statement = {.sql = query, .output = {DB_TEXT}, .output_count = 1};
    struct db *db;
    must(db_open(place.site.paths.database, 60000, &db, &err));
    answer[0] = '\0';
    must(db_run(db, &statement, (struct db_rows){NULL, 0}, (struct db_reader){note_row, answer}, NULL, &err));
    db_close(db);
    return answer;
}

static inline void change(const char *sql)
{
    struct db *db;
    must(db_open(place.site.paths.database, 60000, &db, &err) && db_begin(db, &err) && db_script(db, sql, &err) &&
         db_commit(db, &err));
    db_close(db);
}

#endif
