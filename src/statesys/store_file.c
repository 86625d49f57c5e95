/* The decision hidden here: how a file that was loaded before is known: by its content, which the database takes once. */
#include "report/text.h"
#include "store_chunk.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NAME = 255, HASH_DIGITS = 64 };

static const struct db_statement insert_file = {
    .sql = "INSERT INTO SR_ProcessedFiles (ContentHash, FileName, MachineID, Records, InvalidRecords, ProcessedTime) "
           "@rows ON CONFLICT DO NOTHING RETURNING ContentHash",
    .input = {{"ContentHash", DB_TEXT},
              {"FileName", DB_TEXT},
              {"MachineID", DB_INTEGER},
              {"Records", DB_INTEGER},
              {"InvalidRecords", DB_INTEGER},
              {"ProcessedTime", DB_INTEGER}},
    .input_count = 6,
    .output = {DB_TEXT},
    .output_count = 1,
};

/* Sorted by content; of the same content the caller's first comes first. */
struct content {
    struct chunk_file *file;
};

struct contents {
    struct content *all;
    size_t count;
};

static int compare_contents(const void *left, const void *right)
{
    const struct chunk_file *a = ((const struct content *)left)->file, *b = ((const struct content *)right)->file;
    const int order = memcmp(a->hash, b->hash, sizeof a->hash);
    return order != 0 ? order : (a->file > b->file) - (a->file < b->file);
}

static int find_content(const void *key, const void *content)
{
    const struct span *hash = key;
    return memcmp(hash->at, ((const struct content *)content)->file->hash, HASH_DIGITS);
}

/* ---- marked as loaded ---- */

static struct db_value hash_of(const struct chunk_file *file)
{
    return store_text((struct span){file->hash, HASH_DIGITS}, HASH_DIGITS);
}

/* Names are bytes from anybody: what is no UTF-8 shows as '?'. */
static bool name_of(const struct chunk *chunk, const struct store_file *file, struct span *out)
{
    const struct span name = span_of(file->name);
    char text[MOST_NAME + 1];
    size_t used, len;
    struct error ignored;
    const struct span shown = {name.at, name.len < MOST_NAME ? name.len : MOST_NAME};
    if (!arena_copy(chunk->arena, shown, out))
        return false;
    if (text_to_utf8(TEXT_UTF8, shown, true, &used, text, sizeof text, &len, &ignored))
        return true;
    char *at = (char *)(uintptr_t)out->at;
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)at[i] >= 0x80)
            at[i] = '?';
    return true;
}

static bool fill_row(const struct chunk *chunk, const struct chunk_file *file, struct db_value *row)
{
    struct span name;
    if (!name_of(chunk, file->file, &name))
        return false;
    row[0] = hash_of(file);
    row[1] = store_text(name, MOST_NAME);
    row[2] = store_integer(file->client->machine);
    row[3] = store_integer((int64_t)file->file->report->message_count);
    row[4] = store_integer((int64_t)file->invalid);
    row[5] = store_integer(chunk->now);
    return true;
}

/* What the database has taken. */
static void note_fresh(void *owner, const struct db_value *row)
{
    const struct contents *contents = owner;
    const struct content *found = bsearch(&row[0].text, contents->all, contents->count, sizeof *found, find_content);
    if (found != NULL)
        found->file->fresh = true;
}

static bool insert_files(struct chunk *chunk, struct contents *contents, struct error *err)
{
    struct db_value *values = arena_alloc(chunk->arena, contents->count * insert_file.input_count * sizeof *values);
    if (values == NULL)
        return arena_error(chunk->arena, "store", err);
    for (size_t i = 0; i < contents->count; i++)
        if (!fill_row(chunk, contents->all[i].file, values + i * insert_file.input_count))
            return arena_error(chunk->arena, "store", err);
    return db_run(chunk->db, &insert_file, (struct db_rows){values, contents->count},
                  (struct db_reader){note_fresh, contents}, NULL, err);
}

bool store_file_mark(struct chunk *chunk, struct error *err)
{
    struct contents contents = {arena_alloc(chunk->arena, chunk->file_count * sizeof *contents.all), 0};
    struct content *all = contents.all;
    if (all == NULL)
        return arena_error(chunk->arena, "store", err);
    for (size_t i = 0; i < chunk->file_count; i++)
        all[i].file = &chunk->files[i];
    qsort(all, chunk->file_count, sizeof *all, compare_contents);
    for (size_t i = 0; i < chunk->file_count; i++)
        if (contents.count == 0 || strcmp(all[contents.count - 1].file->hash, all[i].file->hash) != 0)
            all[contents.count++] = all[i];
    return insert_files(chunk, &contents, err);
}
