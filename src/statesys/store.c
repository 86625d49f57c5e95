/* The decision hidden here: a chunk is one transaction; if the database refuses it for what is in it, each file is. */
#include "store.h"

#include "base/sys.h"
#include "store_chunk.h"
#include "store_schema.h"

#include <stdlib.h>

/* A chunk that wants more is loaded file by file. */
#define MOST_MEMORY ((size_t)512 * 1024 * 1024)

#define A_DAY ((int64_t)24 * 60 * 60 * 1000000)

struct store {
    const struct store_settings *settings;
    struct db *db;
    struct ledger ledger;
};

static bool open_database(struct store *store, struct error *err)
{
    const struct store_settings *settings = store->settings;
    return settings->was_there ? db_open_existing(settings->database, settings->lock_timeout_ms, &store->db, err)
                               : db_open(settings->database, settings->lock_timeout_ms, &store->db, err);
}

bool store_open(const struct store_settings *settings, struct store **out, struct error *err)
{
    struct store *store = sys.allocate(sizeof *store);
    if (store == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the store");
    store->settings = settings;
    store->db = NULL;
    if (!open_database(store, err) || !store_schema_open(store->db, settings, err)) {
        store_close(store);
        return false;
    }
    *out = store;
    return true;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    db_close(store->db);
    sys.release(store);
}

struct db *store_db(const struct store *store)
{
    return store->db;
}

bool store_transact(const struct store *store, bool (*work)(void *owner, struct db *db, struct error *err), void *owner,
                    struct error *err)
{
    if (!db_begin(store->db, err))
        return false;
    if (work(owner, store->db, err) && db_commit(store->db, err))
        return true;
    db_rollback(store->db);
    return false;
}

/* ---- files and clients of a chunk ---- */

/* By client; the caller's order is that of his array. */
static int compare_files(const void *left, const void *right)
{
    const struct chunk_file *a = left, *b = right;
    const int order = span_compare(a->file->report->sender.key, b->file->report->sender.key);
    return order != 0 ? order : (a->file > b->file) - (a->file < b->file);
}

static void write_hash(const unsigned char hash[32], char out[65])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 32; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
}

static size_t count_invalid(const struct report *report)
{
    size_t invalid = 0;
    for (size_t i = 0; i < report->message_count; i++)
        invalid += !store_state_is_valid(&report->messages[i]);
    return invalid;
}

static void gather_clients(struct chunk *chunk)
{
    struct chunk_client *client = NULL;
    for (size_t i = 0; i < chunk->file_count; i++) {
        struct chunk_file *file = &chunk->files[i];
        const struct span key = file->file->report->sender.key;
        if (client == NULL || !span_equal(client->key, key)) {
            client = &chunk->clients[chunk->client_count++];
            *client = (struct chunk_client){.key = key, .files = file};
        }
        file->client = client;
        client->file_count++;
    }
}

static bool gather(struct chunk *chunk, struct store_file *files, size_t count, struct error *err)
{
    chunk->files = arena_alloc(chunk->arena, count * sizeof *chunk->files);
    chunk->clients = arena_alloc(chunk->arena, count * sizeof *chunk->clients);
    if (chunk->files == NULL || chunk->clients == NULL)
        return arena_error(chunk->arena, "store", err);
    chunk->file_count = count;
    for (size_t i = 0; i < count; i++) {
        chunk->files[i].file = &files[i];
        chunk->files[i].invalid = count_invalid(files[i].report);
        write_hash(files[i].hash, chunk->files[i].hash);
    }
    qsort(chunk->files, count, sizeof *chunk->files, compare_files);
    gather_clients(chunk);
    return true;
}

int64_t store_report_date(const struct chunk *chunk, const struct report *report)
{
    const bool usable = report->created != REPORT_NO_TIME && report->created <= chunk->now + A_DAY;
    return usable ? report->created : chunk->now;
}

bool store_client_has_fresh(const struct chunk_client *client)
{
    size_t i = 0;
    while (i < client->file_count && !client->files[i].fresh)
        i++;
    return i < client->file_count;
}

/* ---- one transaction ---- */

static bool write_chunk(struct chunk *chunk, struct error *err)
{
    return store_client_reach(chunk, err) && store_file_mark(chunk, err) && store_state_write(chunk, err) &&
           store_ledger_write(chunk, err) && store_client_write(chunk, err) && db_commit(chunk->db, err);
}

static bool transact(struct chunk *chunk, struct error *err)
{
    if (!db_begin(chunk->db, err))
        return false;
    if (write_chunk(chunk, err))
        return true;
    db_rollback(chunk->db);
    return false;
}

static void tell_results(const struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->file_count; i++) {
        const struct chunk_file *file = &chunk->files[i];
        file->file->result = file->fresh ? STORE_LOADED : STORE_REPEATED;
        file->file->invalid = file->invalid;
    }
    if (chunk->settings->notice == NULL)
        return;
    for (const struct chunk_notice *at = chunk->notices; at != NULL; at = at->next)
        chunk->settings->notice(chunk->settings->owner, &at->notice);
}

static bool load_together(struct store *store, struct store_file *files, size_t count, int64_t now, struct error *err)
{
    struct chunk chunk = {.db = store->db, .settings = store->settings, .ledger = &store->ledger, .now = now};
    chunk.last_notice = &chunk.notices;
    chunk.arena = arena_open(MOST_MEMORY, NULL);
    if (chunk.arena == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for a chunk");
    const bool loaded = gather(&chunk, files, count, err) && transact(&chunk, err);
    if (loaded)
        tell_results(&chunk);
    arena_close(chunk.arena);
    return loaded;
}

/* ---- file by file ---- */

/* A table that is missing, or a right, would refuse every file there is. */
static bool is_for_later(const struct error *err)
{
    return err->kind != ERROR_MALFORMED;
}

/* False: the database went away, and nothing was done. */
static bool load_each(struct store *store, struct store_file *files, size_t count, int64_t now, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (load_together(store, &files[i], 1, now, err))
            continue;
        if (is_for_later(err))
            return i > 0;
        files[i].result = STORE_FAILED;
        files[i].err = *err;
    }
    return true;
}

bool store_load(struct store *store, struct store_file *files, size_t count, int64_t now, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        files[i].result = STORE_WAITING;
    if (count == 0 || load_together(store, files, count, now, err))
        return true;
    return !is_for_later(err) && load_each(store, files, count, now, err);
}
