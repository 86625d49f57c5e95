/*
 * The decision hidden here: how far a journal can be believed that somebody else writes meanwhile. Each batch is checked
 * as after a crash, so one that is half written ends the look; what is published shows in the headers and the mark,
 * which may be behind: then a record counts as held that has become a file just now.
 */
#include "journal_files.h"
#include "segment.h"

#include "base/sys.h"
#include "journal.h"

#include <string.h>

struct look {
    struct journal_files files;
    uint64_t sizes[JOURNAL_FILES];
    struct segment_contents found[JOURNAL_FILES];
    struct span stem;
    bool held;
    struct spool_record records[JOURNAL_MOST_RECORDS];
    _Alignas(struct segment_batch) char bytes[JOURNAL_MOST_BATCH];
};

static bool scan(struct look *look, uint64_t published, struct error *err)
{
    for (unsigned i = 0; i < JOURNAL_FILES; i++)
        if (!segment_scan(look->files.fds[i], look->sizes[i], published, look->bytes, &look->found[i], err))
            return false;
    return true;
}

/* What is published shows only when all headers were seen: journal.c. */
static bool scan_all(struct look *look, struct error *err)
{
    if (!journal_files_find_sizes(&look->files, look->sizes, err) || !scan(look, 0, err))
        return false;
    const uint64_t first = look->found[0].published;
    const uint64_t second = look->found[1].published;
    return scan(look, first > second ? first : second, err);
}

static bool is_named(const struct spool_name *name, struct span stem)
{
    return span_equal_nocase((struct span){name->text, strcspn(name->text, ".")}, stem);
}

static void look_into_batch(struct look *look)
{
    const struct segment_batch *batch = (const struct segment_batch *)(const void *)look->bytes;
    segment_read_records(batch, look->records);
    for (size_t i = 0; i < batch->count; i++)
        look->held = look->held || is_named(&look->records[i].name, look->stem);
}

static bool look_into_segment(struct look *look, unsigned segment, struct error *err)
{
    const struct segment_contents *found = &look->found[segment];
    uint64_t at = found->fresh;
    *err = (struct error){0};
    while (!look->held && segment_read(look->files.fds[segment], found->end, at, look->bytes, err)) {
        look_into_batch(look);
        at += segment_batch_size((const struct segment_batch *)(const void *)look->bytes);
    }
    return err->kind == ERROR_NONE;
}

static bool look_into(struct look *look, struct error *err)
{
    bool looked = scan_all(look, err);
    for (unsigned i = 0; looked && i < JOURNAL_FILES; i++)
        looked = look_into_segment(look, i, err);
    return looked;
}

bool spool_journal_holds(const char *directory, struct span stem, bool *out, struct error *err)
{
    struct journal_files files;
    *out = false;
    journal_files_init(&files, directory);
    if (stem.len == 0 || stem.len >= SPOOL_NAME_SIZE)
        return true;
    if (!journal_files_open_to_read(&files, err))
        return err->kind == ERROR_NOT_FOUND;
    struct look *look = sys.allocate(sizeof *look);
    bool looked = look != NULL || error_set(err, ERROR_NO_MEMORY, "no memory to read the journal");
    if (look != NULL) {
        look->files = files;
        look->stem = stem;
        look->held = false;
        looked = look_into(look, err);
        *out = look->held;
    }
    sys.release(look);
    journal_files_close(&files);
    return looked;
}
