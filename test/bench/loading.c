/*
 * Loads the reports of a fleet in transactions of 256 rows, as the store does, with or without reading XML, or as the
 * bare loop does; or writes them as files. Only the loading is timed. Prints rows, seconds, and seconds of our processor
 * time.
 */
#include "../../src/statesys/file.h"
#include "../../src/statesys/store.h"
#include "bare.h"
#include "report/compose.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILE = 1024 * 1024, MOST_MEMORY = 64 * 1024 * 1024 };

static struct error err;

static const char usage[] = "loading schema DATABASE\n"
                            "loading bare|store|parse DATABASE MESSAGES TRANSACTIONS\n"
                            "loading write DIRECTORY MESSAGES FILES FIRST\n";

static void fail(const char *why)
{
    (void)fprintf(stderr, "loading: %s\n", why);
    exit(1);
}

_Noreturn void bare_fail(const char *why)
{
    fail(why);
    abort();
}

void bare_write_hash(const struct fleet_report *report, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof report->hash; i++) {
        out[2 * i] = digits[report->hash[i] >> 4];
        out[2 * i + 1] = digits[report->hash[i] & 15];
    }
    out[64] = '\0';
}

static double read_clock(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct stopwatch {
    double time, processor;
};

static void start(struct stopwatch *watch)
{
    watch->time -= read_clock(CLOCK_MONOTONIC);
    watch->processor -= read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop(struct stopwatch *watch)
{
    watch->time += read_clock(CLOCK_MONOTONIC);
    watch->processor += read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* ---- the store ---- */

static struct store *open_store(const char *database)
{
    static struct store_settings settings = {
        .lock_timeout_ms = 60000,
        .site_code = "PS1",
        .site_name = "bench",
        .parent_site = "",
        .ledger = {.min_missing_age = INT64_C(2880) * 60 * 1000000, .max_gap = 1000000},
    };
    struct store *store;
    settings.database = database;
    if (!store_open(&settings, &store, &err))
        fail(err.text);
    return store;
}

static void load_stored(struct store *store, struct store_file *files, size_t count)
{
    if (!store_load(store, files, count, FLEET_NOW, &err))
        fail(err.text);
    for (size_t i = 0; i < count; i++)
        if (files[i].result != STORE_LOADED)
            fail("a report was not loaded");
}

/* ---- as files ---- */

static void write_content(const struct fleet_report *report, struct buffer *out)
{
    if (!buffer_add(out, "\xFF\xFE", 2, &err) || !compose_report(&report->report, out, &err))
        fail(err.text);
}

struct parser {
    struct xml_reader *reader;
    struct arena *arena;
    struct buffer contents; /* of all reports of a transaction, one behind the other */
    size_t ends[FLEET_ROWS];
    struct report reports[FLEET_ROWS];
};

static void parse(struct parser *parser, struct store_file *files, size_t count)
{
    static const struct report_limits limits = {.xml = {.depth = 32, .tag_bytes = 65536}, .messages = 1000};
    for (size_t i = 0, at = 0; i < count; at = parser->ends[i++]) {
        const struct span content = {parser->contents.at + at, parser->ends[i] - at};
        if (!file_hash(content, files[i].hash, &err) ||
            !file_parse(content, &limits, parser->reader, parser->arena, &parser->reports[i], &err))
            fail(err.text);
        files[i].report = &parser->reports[i];
    }
}

static void open_parser(struct parser *parser)
{
    xml_init();
    buffer_init(&parser->contents, MOST_MEMORY);
    if (!xml_open(&parser->reader, &err))
        fail(err.text);
}

/* ---- transactions ---- */

struct chunk_of_bench {
    struct fleet_report reports[FLEET_ROWS];
    struct store_file files[FLEET_ROWS];
    size_t count;
};

static void make_chunk(struct fleet *fleet, struct chunk_of_bench *chunk)
{
    chunk->count = (FLEET_ROWS + fleet->messages - 1) / fleet->messages;
    for (size_t i = 0; i < chunk->count; i++) {
        struct fleet_report *report = &chunk->reports[i];
        fleet_next(fleet, report);
        report->report.messages = report->messages;
        chunk->files[i] = (struct store_file){.name = report->file, .report = &report->report};
        memcpy(chunk->files[i].hash, report->hash, sizeof report->hash);
    }
}

static void make_contents(const struct chunk_of_bench *chunk, struct parser *parser)
{
    parser->contents.len = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        write_content(&chunk->reports[i], &parser->contents);
        parser->ends[i] = parser->contents.len;
    }
}

static void load_parsed(struct store *store, struct parser *parser, struct chunk_of_bench *chunk)
{
    parser->arena = arena_open(MOST_MEMORY, NULL);
    parse(parser, chunk->files, chunk->count);
    load_stored(store, chunk->files, chunk->count);
    arena_close(parser->arena);
}

static void print_result(const struct fleet *fleet, const struct stopwatch *watch)
{
    (void)printf("%" PRIu64 " %.6f %.6f\n", fleet->made * fleet->messages, watch->time, watch->processor);
}

static void measure_bare(const char *database, unsigned messages, unsigned long transactions)
{
    static struct chunk_of_bench chunk;
    struct fleet fleet;
    struct bare bare;
    struct stopwatch watch = {0, 0};
    store_close(open_store(database));
    if (strstr(database, "://") != NULL)
        bare_open_postgres(database, &bare);
    else
        bare_open_sqlite(database, &bare);
    fleet_init(&fleet, messages);
    for (unsigned long i = 0; i < transactions; i++) {
        make_chunk(&fleet, &chunk);
        start(&watch);
        bare.load(bare.connection, chunk.reports, chunk.count);
        stop(&watch);
    }
    bare.close(bare.connection);
    print_result(&fleet, &watch);
}

static void measure_store(const char *database, bool parsing, unsigned messages, unsigned long transactions)
{
    static struct chunk_of_bench chunk;
    static struct parser parser;
    struct fleet fleet;
    struct store *store = open_store(database);
    struct stopwatch watch = {0, 0};
    if (parsing)
        open_parser(&parser);
    fleet_init(&fleet, messages);
    for (unsigned long i = 0; i < transactions; i++) {
        make_chunk(&fleet, &chunk);
        if (parsing)
            make_contents(&chunk, &parser);
        start(&watch);
        if (parsing)
            load_parsed(store, &parser, &chunk);
        else
            load_stored(store, chunk.files, chunk.count);
        stop(&watch);
    }
    store_close(store);
    xml_close(parser.reader);
    buffer_fini(&parser.contents);
    print_result(&fleet, &watch);
}

/* ---- files ---- */

static void write_file(const struct fleet_report *report, const struct buffer *content)
{
    FILE *file = fopen(report->file, "wb");
    if (file == NULL || fwrite(content->at, 1, content->len, file) != content->len || fclose(file) != 0)
        fail(report->file);
}

static void write_files(const char *directory, unsigned messages, unsigned long files, unsigned long first)
{
    static struct fleet_report report;
    struct fleet fleet;
    struct buffer content;
    buffer_init(&content, MOST_FILE);
    fleet_init(&fleet, messages);
    fleet.made = first;
    if (chdir(directory) != 0)
        fail(directory);
    for (unsigned long i = 0; i < files; i++) {
        fleet_next(&fleet, &report);
        content.len = 0;
        write_content(&report, &content);
        write_file(&report, &content);
    }
    buffer_fini(&content);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    const unsigned messages = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    const unsigned long count = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    const bool measures = argc == 5 && messages >= 1 && messages <= FLEET_MOST_MESSAGES && count > 0;
    if (argc == 3 && strcmp(what, "schema") == 0)
        store_close(open_store(argv[2]));
    else if (measures && strcmp(what, "bare") == 0)
        measure_bare(argv[2], messages, count);
    else if (measures && (strcmp(what, "store") == 0 || strcmp(what, "parse") == 0))
        measure_store(argv[2], strcmp(what, "parse") == 0, messages, count);
    else if (argc == 6 && strcmp(what, "write") == 0)
        write_files(argv[2], messages, count, strtoul(argv[5], NULL, 10));
    else {
        (void)fputs(usage, stderr);
        return 2;
    }
    return 0;
}
