/* The decision hidden here: what becomes of a message before the writer takes it. A record is written on the stack; the
 * records of a block are gathered on the stack too, and in memory only when they have grown beyond it. */
#include "base/log.h"

#include "base/sys.h"
#include "log_text.h"
#include "log_writer.h"

#include <stdio.h>

enum { TEXT_ROOM = 8192 };      /* of one message: more than a line may have */

/* ---- records ---- */

/* Without the character that the end of the room has cut in two. */
static size_t whole_characters(const char *text, size_t len)
{
    size_t lead = len;
    while (lead > 0 && len - lead < 3 && ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
        lead--;
    return lead > 0 && (unsigned char)text[lead - 1] >= 0xc0 ? lead - 1 : len;
}

static size_t write_record(const struct log_origin *origin, const char *format, va_list arguments,
                           char out[LOG_LINE_MOST])
{
    char text[TEXT_ROOM];
    const int printed = vsnprintf(text, sizeof text, format, arguments);
    const size_t total = printed < 0 ? 0 : (size_t)printed;
    const size_t len = total < sizeof text ? total : whole_characters(text, sizeof text - 1);
    return log_text_record(log_writer_style(), origin, (struct span){text, len}, total, out);
}

void log_write(enum log_type type, const char *file, int line, const char *format, ...)
{
    if (!log_wants(type, false))
        return;
    const struct log_origin origin = {type, file, line, log_writer_thread(), sys_now(), NULL};
    char record[LOG_LINE_MOST];
    va_list arguments;
    va_start(arguments, format);
    const size_t len = write_record(&origin, format, arguments, record);
    va_end(arguments);
    log_writer_take((struct span){record, len}, 1);
}

/* ---- blocks ---- */

void log_block_begin(struct log_block *block)
{
    buffer_init(&block->grown, LOG_BLOCK_MOST);
    block->len = 0;
    block->records = 0;
    block->time = sys_now();
    block->context[0] = '\0';
}

void log_block_set_context(struct log_block *block, uint32_t number)
{
    (void)snprintf(block->context, sizeof block->context, "%08X", (unsigned)number);
}

static void flush_block(struct log_block *block)
{
    const bool grown = block->grown.at != NULL;
    if (block->records > 0)
        log_writer_take((struct span){grown ? block->grown.at : block->bytes, block->len}, block->records);
    buffer_fini(&block->grown);
    block->len = 0;
    block->records = 0;
}

void log_block_end(struct log_block *block)
{
    flush_block(block);
}

/* Room for `size` more bytes, in memory once the stack has no more. NULL: there is none. */
static char *reserve(struct log_block *block, size_t size)
{
    struct error refused;
    if (block->grown.at == NULL && size <= sizeof block->bytes - block->len)
        return block->bytes + block->len;
    const bool moving = block->grown.at == NULL;
    if (!buffer_reserve(&block->grown, size + (moving ? block->len : 0), &refused))
        return NULL;
    if (moving) {
        memcpy(block->grown.at, block->bytes, block->len);
        block->grown.len = block->len;
    }
    return block->grown.at + block->len;
}

static void advance(struct log_block *block, size_t len)
{
    block->len += len;
    block->records++;
    if (block->grown.at != NULL)
        block->grown.len = block->len;
}

/* Where memory is refused the block is parted rather than lost. */
static void add_record(struct log_block *block, struct span record)
{
    char *at = reserve(block, record.len);
    if (at == NULL) {
        flush_block(block);
        at = reserve(block, record.len);
    }
    if (at == NULL) {
        log_writer_take(record, 1);
        return;
    }
    memcpy(at, record.at, record.len);
    advance(block, record.len);
}

void log_block_add(struct log_block *block, enum log_type type, const char *file, int line, const char *format, ...)
{
    if (!log_wants(type, false))
        return;
    const struct log_origin origin = {type, file, line, log_writer_thread(), block->time, block->context};
    char record[LOG_LINE_MOST];
    va_list arguments;
    va_start(arguments, format);
    const size_t len = write_record(&origin, format, arguments, record);
    va_end(arguments);
    add_record(block, (struct span){record, len});
}

/* What `text` may grow to: each byte to three (U+FFFD), a line break for each wrapped line, the frame. */
static size_t dump_room(const struct log_block *block, size_t text_len)
{
    const size_t most = LOG_BLOCK_MOST - block->len;
    if (text_len > LOG_BLOCK_MOST)
        return most;
    const size_t room = text_len * 3 + text_len / LOG_WRAP_AT * 2 + LOG_DUMP_LEAST;
    return room < most ? room : most;
}

void log_block_add_body(struct log_block *block, const char *file, int line, const char *title, struct span text)
{
    if (!log_wants(LOG_INFO, true))
        return;
    if (LOG_BLOCK_MOST - block->len < LOG_DUMP_LEAST)
        flush_block(block);
    const struct log_origin origin = {LOG_INFO, file, line, log_writer_thread(), block->time, block->context};
    const struct log_dump dump = {span_of(title), text};
    size_t room = dump_room(block, dump.title.len + text.len);
    char *at = reserve(block, room);
    if (at == NULL) {
        flush_block(block);
        at = block->bytes;
        room = sizeof block->bytes;
    }
    advance(block, log_text_dump(log_writer_style(), &origin, &dump, at, room));
}
