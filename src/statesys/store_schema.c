/* The decision hidden here: how a schema becomes the present one. Who comes first does the work in one transaction,
 * whoever comes at the same time waits: SQLite's transactions exclude each other, PostgreSQL's take a lock of ours (two
 * CREATE TABLE IF NOT EXISTS at the same time can fail there). */
#include "store_schema.h"
#include "store_count.h"

static const char exclude_others[] = "SELECT pg_advisory_xact_lock(5913287040031)";
static const char version_table[] = "CREATE TABLE IF NOT EXISTS SR_SchemaVersion (Version INTEGER NOT NULL)";

static const struct db_statement find_version = {
    .sql = "SELECT COALESCE(MAX(Version), 0) FROM SR_SchemaVersion",
    .output = {DB_INTEGER},
    .output_count = 1,
};
static const struct db_statement delete_version = {.sql = "DELETE FROM SR_SchemaVersion"};
static const struct db_statement insert_version = {
    .sql = "INSERT INTO SR_SchemaVersion (Version) SELECT i.Version FROM @input i",
    .input = {{"Version", DB_INTEGER}},
    .input_count = 1,
};

static const struct db_rows no_rows = {NULL, 0};
static const struct db_reader nobody = {NULL, NULL};

static void note_version(void *owner, const struct db_value *row)
{
    *(int64_t *)owner = row[0].integer;
}

static bool write_version(struct db *db, struct error *err)
{
    const struct db_value version = {.integer = STORE_SCHEMA_VERSION};
    return db_run(db, &delete_version, no_rows, nobody, NULL, err) &&
           db_run(db, &insert_version, (struct db_rows){&version, 1}, nobody, NULL, err);
}

static bool migrate(struct db *db, int64_t version, struct error *err)
{
    if (version == STORE_SCHEMA_VERSION)
        return true;
    if (version > STORE_SCHEMA_VERSION || version < 0)
        return error_set(err, ERROR_SYSTEM,
                         "the database has schema version %lld and this statesys knows %d: it wants a newer statesys",
                         (long long)version, STORE_SCHEMA_VERSION);
    for (; version < STORE_SCHEMA_VERSION; version++) {
        const struct store_step *step = &store_steps[version];
        if (!db_script(db, step->both, err) || !db_script(db, db_is_sqlite(db) ? step->sqlite : step->postgres, err))
            return false;
    }
    return write_version(db, err);
}

static bool open_in_transaction(struct db *db, const struct store_settings *settings, struct error *err)
{
    int64_t version = 0;
    return (db_is_sqlite(db) || db_script(db, exclude_others, err)) && db_script(db, version_table, err) &&
           db_run(db, &find_version, no_rows, (struct db_reader){note_version, &version}, NULL, err) &&
           migrate(db, version, err) && store_site_write(db, settings, err) && store_counts_fold(db, err) &&
           db_commit(db, err);
}

bool store_schema_open(struct db *db, const struct store_settings *settings, struct error *err)
{
    if (!db_begin(db, err))
        return false;
    if (open_in_transaction(db, settings, err))
        return true;
    db_rollback(db);
    return false;
}
