/* The decision hidden here: the words for what became of a file (spec/logs.md 7). The lines of one file stand together,
 * after the transaction: only then is it known what there is to say. */
#include "batch.h"

#include "base/log.h"
#include "report/smx.h"
#include "store_chunk.h"

enum { QUOTED = 208, MOST_QUOTED = 200 };

static const char *quote(struct span text, char out[QUOTED])
{
    return log_quote(text, MOST_QUOTED, out, QUOTED);
}

/* The lines that the original writes with verbose logging only. */
static bool wants_files(const struct loading *loading)
{
    return loading->force->settings->log_files || log_wants(LOG_INFO, true);
}

/* ---- one file ---- */

/* A message that the report calls invalid, and one with numbers beyond the database's columns. */
static void add_problems(struct log_block *block, const struct batch_file *file)
{
    static const struct span invalid = {REPORT_INVALID, sizeof REPORT_INVALID - 1};
    const struct report *report = &file->report;
    char text[QUOTED];
    for (size_t i = 0; i < report->problem_count; i++) {
        struct span why = report->problems[i].text;
        const bool spoils = why.len >= invalid.len && memcmp(why.at, invalid.at, invalid.len) == 0;
        if (spoils)
            why = (struct span){why.at + invalid.len, why.len - invalid.len};
        log_block_add(block, LOG_WARNING, __FILE__, __LINE__, "CMessageProcessor - WARNING: file %s, message %zu: %s%s",
                      file->file.name, report->problems[i].message, quote(why, text),
                      spoils ? ", record is invalid" : "");
    }
    if (report->problems_seen > report->problem_count)
        log_block_add(block, LOG_WARNING, __FILE__, __LINE__, "CMessageProcessor - WARNING: file %s: %zu more warnings",
                      file->file.name, report->problems_seen - report->problem_count);
}

static void add_beyond(struct log_block *block, const struct batch_file *file)
{
    enum { MOST_SAID = 100 };
    const struct report *report = &file->report;
    size_t said = 0;
    for (size_t i = 0; i < report->message_count && said < MOST_SAID; i++) {
        const struct state_message *message = &report->messages[i];
        if (!message->valid || store_state_is_valid(message))
            continue;
        said++;
        log_block_add(block, LOG_WARNING, __FILE__, __LINE__,
                      "CMessageProcessor - WARNING: file %s, message %zu: %s is beyond what can be stored, record is "
                      "invalid",
                      file->file.name, i + 1, message->topic_type > INT32_MAX ? "Topic/@Type" : "SerialNumber");
    }
}

/* What the log cuts off need not be copied; but how long it is shall be said. */
static void add_command(struct log_block *block, const struct batch *batch, const struct batch_file *file)
{
    struct span text;
    struct span utf8;
    enum text_encoding encoding;
    struct error err;
    if (!log_wants(LOG_INFO, true) || !smx_text(batch_content(batch, file), &text, &encoding, &err) ||
        !text_copy_utf8(encoding, text, file->arena, &utf8, &err))
        return;
    log_block_info(block, "CMessageProcessor - the cmdline to DB exec dbo.spProcessStateReport N'?%.*s'",
                   utf8.len < INT32_MAX ? (int)utf8.len : INT32_MAX, utf8.at);
}

static void add_report(struct log_block *block, const struct batch *batch, const struct batch_file *file,
                       const struct loading *loading)
{
    add_command(block, batch, file);
    add_problems(block, file);
    add_beyond(block, file);
    if (wants_files(loading) && file->stored->result != STORE_FAILED)
        log_block_info(block, "CMessageProcessor - Processed %zu records with %zu invalid records.",
                       file->report.message_count, file->stored->invalid);
}

void batch_log_file(const struct batch *batch, const struct batch_file *file, const struct loading *loading)
{
    struct log_block block;
    log_block_begin(&block);
    if (wants_files(loading))
        log_block_info(&block, "CMessageProcessor - Processing file: %s", file->file.name);
    if (file->stored != NULL)
        add_report(&block, batch, file, loading);
    log_block_end(&block);
}

void batch_log_sum(const struct loading *loading, size_t files, size_t bad)
{
    if (wants_files(loading))
        log_info("CMessageProcessor - Processed %zu message files in this batch, with %zu bad files.", files, bad);
}
