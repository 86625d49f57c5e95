/*
 * What a journal's two segments may hold after a crash. The input is a list of pieces: a byte that says where (bit 5 the
 * segment, bits 0 to 3 the block), whether the piece is sealed as a batch with a checksum that holds (bit 7) and whether
 * the file ends behind it (bit 6); two bytes of length; and the bytes. Whatever they are: the journal opens or says why
 * not, what it reads is in its bounds, what is appended then is read after the next start, and nothing comes twice.
 */
#include "../../src/spool/journal.h"
#include "../../src/spool/segment.h"
#include "base/sys.h"
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { BLOCKS = 16, SEGMENT = BLOCKS * SEGMENT_BLOCK, MOST_RECORDS = 4 * JOURNAL_MOST_RECORDS, MOST_READS = 64 };

static int sync_nothing(int fd)
{
    (void)fd;
    return 0;
}

static char directory[32];

static void remove_directory(void)
{
    if (chdir(directory) == 0)
        (void)!(unlink("segment-0") + unlink("segment-1"));
    (void)!(chdir("/") + rmdir(directory));
}

static void make_directory(void)
{
    if (directory[0] != '\0')
        return;
    (void)snprintf(directory, sizeof directory, "%s/fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(directory) == NULL || atexit(remove_directory) != 0)
        abort();
    sys.fsync = sys.fdatasync = sync_nothing;
}

/* As the journal would have written it; its numbers are such as it could have reached. */
static void seal(int fd, uint64_t at, const uint8_t *bytes, size_t len)
{
    static _Alignas(struct segment_batch) char room[SEGMENT];
    struct segment_batch *batch = (struct segment_batch *)(void *)room;
    memset(room, 0, sizeof room);
    memcpy(room, bytes, len);
    batch->magic = segment_stage((char[SEGMENT_BLOCK]){0}, NULL, 0)->magic;
    batch->number &= 0xffffffff;
    batch->published &= 0xffffffff;
    if (batch->length < sizeof *batch || batch->length > SEGMENT - at)
        batch->length = len < sizeof *batch ? sizeof *batch : len;
    if (!segment_write(fd, batch, at))
        abort();
}

static void write_piece(const int fds[2], uint8_t where, const uint8_t *bytes, size_t len)
{
    const int fd = fds[where >> 5 & 1];
    const uint64_t at = (uint64_t)(where & 15) * SEGMENT_BLOCK;
    const size_t most = len < SEGMENT - at ? len : SEGMENT - at;
    if ((where & 0x80) != 0)
        seal(fd, at, bytes, most);
    else if (most > 0 && pwrite(fd, bytes, most, (off_t)at) != (ssize_t)most)
        abort();
    if ((where & 0x40) != 0 && ftruncate(fd, (off_t)(at + most)) != 0)
        abort();
}

static void write_segments(const uint8_t *bytes, size_t size)
{
    int fds[2];
    for (int i = 0; i < 2; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/segment-%d", directory, i);
        fds[i] = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fds[i] < 0 || ftruncate(fds[i], SEGMENT) != 0)
            abort();
    }
    while (size >= 3) {
        const size_t len = (size_t)bytes[1] << 8 | bytes[2];
        const size_t left = size - 3;
        write_piece(fds, bytes[0], bytes + 3, len < left ? len : left);
        bytes += len < left ? len + 3 : size;
        size -= len < left ? len + 3 : size;
    }
    for (int i = 0; i < 2; i++)
        (void)close(fds[i]);
}

/* Reads each byte of the contents, for the sanitizer. */
static void check_records(const struct spool_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct spool_record *record = &records[i];
        require(record->told && memchr(record->name.text, '\0', sizeof record->name.text) != NULL);
        require(record->name.text[0] != '\0' && record->name.text[0] != '.' && strchr(record->name.text, '/') == NULL);
        require(record->content[0].len <= JOURNAL_MOST_BATCH && record->content[1].len == 0);
        size_t zeros = 0;
        for (size_t k = 0; k < record->content[0].len; k++)
            zeros += record->content[0].at[k] == '\0';
        require(zeros <= record->content[0].len);
    }
}

/* All there is, forgotten; how many records. */
static size_t read_all(struct journal *journal, struct spool_record *records)
{
    struct error err = {0};
    size_t sum = 0;
    for (int reads = 0; !journal_is_empty(journal); reads++) {
        const size_t count = journal_read(journal, records, MOST_RECORDS, &err);
        require(reads < MOST_READS && count != SIZE_MAX);
        check_records(records, count);
        journal_forget(journal);
        sum += count;
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct spool_record records[MOST_RECORDS];
    struct spool_record mine = {.content = {SPAN("mine"), SPAN("!")}, .arrived = 77, .name = {"MINE"}};
    struct spool_record *pointers[] = {&mine};
    struct journal *journal = NULL;
    struct error err = {0};
    make_directory();
    write_segments(bytes, size);
    if (!journal_open(directory, 2 * SEGMENT, &journal, &err)) {
        require(err.kind != ERROR_NONE && journal == NULL);
        return 0;
    }
    (void)read_all(journal, records);
    if (journal_append(journal, pointers, 1, &err) != JOURNAL_KEPT)
        abort();
    journal_close(journal);
    if (!journal_open(directory, 2 * SEGMENT, &journal, &err) || read_all(journal, records) != 1)
        abort();
    require(strcmp(records[0].name.text, "MINE") == 0 && span_equal(records[0].content[0], SPAN("mine!")));
    journal_close(journal);
    return 0;
}
