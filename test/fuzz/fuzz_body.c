/*
 * Whole requests behind their head, through all that the relay does with them but the disk: kept, and then its file is
 * whole and says the same; or refused by a rule. Either way one verdict line, no memory beyond the limits, and all of it
 * given back. An input is a byte of settings, a line with the Content-Type, one with the Content-Encoding, and the body.
 */
#include "../../src/mprelay/relay.h"

#include "base/log.h"
#include "base/sys.h"
#include "mutate_body.h"
#include "same_report.h"

#include <malloc.h>
#include <unistd.h>

enum {
    MOST_REQUEST = 64 * 1024,
    MOST_INFLATED = 256 * 1024,
    CEILING = 1024 * 1024 + 6 * MOST_INFLATED,      /* of what one report may take, as relay.c has it */
    BESIDES = 4 * 1024 * 1024,                      /* of what zlib and libxml2 take: windows, tags, names */
    LONGER_TAG = 16,                                /* a declaration that says UTF-16 now may have grown */
    LOG_ROOM = 128 * 1024,
};

/* ---- the world ---- */

/* What is held of the system, and what it wrote to the log; no log is open, so that is standard error. */
static size_t held, most_held;
static char log_bytes[LOG_ROOM];
static size_t log_len;
static struct keyring *keys;            /* of nobody */

static void *count(void *at)
{
    held += at == NULL ? 0 : malloc_usable_size(at);
    most_held = held > most_held ? held : most_held;
    return at;
}

static void *allocate(size_t size)
{
    return count(sys_kernel.allocate(size));
}

static void release(void *at)
{
    held -= at == NULL ? 0 : malloc_usable_size(at);
    sys_kernel.release(at);
}

static void *reallocate(void *old, size_t size)
{
    held -= old == NULL ? 0 : malloc_usable_size(old);
    return count(sys_kernel.reallocate(old, size));
}

static ssize_t write_log(int fd, const void *bytes, size_t len)
{
    require(fd == STDERR_FILENO && len <= LOG_ROOM - log_len);
    memcpy(log_bytes + log_len, bytes, len);
    log_len += len;
    return (ssize_t)len;
}

static void prepare(void)
{
    sys.allocate = allocate;
    sys.reallocate = reallocate;
    sys.release = release;
    sys.write = write_log;
    (void)fuzz_reader();
    struct error err;
    require(keyring_open(&keys, &err));
}

static struct settings settings_by(uint8_t choice)
{
    return (struct settings){
        .max_request = MOST_REQUEST,
        .max_inflated = MOST_INFLATED,
        .max_msg = MOST_REQUEST / 4,
        .max_attachments = 16,
        .max_properties = 64,
        .max_ratio = 100,
        .max_tag = 4096,
        .xml_depth = 16,
        .priority_high_max = 1,
        .priority_low_min = 10,
        .filetype_missing = (choice & 1) != 0 ? FILE_TYPE_REFUSE : FILE_TYPE_GUESS,
        .check_target_host = (choice & 2) != 0,
        .target_host = "mp",
        .signature_policy = (choice & 128) != 0 ? TRUST_OFF : TRUST_VERIFY,
        .trust_dir = "/",
        .log_vocabulary = (choice & 4) == 0   ? VOCABULARY_KB
                          : (choice & 8) == 0 ? VOCABULARY_2012
                                              : VOCABULARY_CURRENT,
        .outbox = (choice & 16) != 0 ? "/box" : NULL,
        .log_windows_paths = (choice & 32) != 0,
        .log_context = (choice & 64) != 0,
    };
}

/* ---- the request ---- */

struct request {
    struct span content_type;
    struct span content_encoding;
    struct span body;
};

static struct span take_line(struct span *rest)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->at, '\n', rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->at);
    const struct span line = {rest->at, len};
    rest->at += len + (end != NULL);
    rest->len -= len + (end != NULL);
    return line;
}

static struct request split_request(const uint8_t *bytes, size_t size)
{
    struct request request = {.body = {(const char *)bytes + 1, size - 1}};
    request.content_type = take_line(&request.body);
    request.content_encoding = take_line(&request.body);
    return request;
}

/* ---- what must hold ---- */

static bool starts_with(struct span text, const char *start)
{
    return text.len >= strlen(start) && memcmp(text.at, start, strlen(start)) == 0;
}

static struct span join(const struct span content[2])
{
    static char file[CEILING];
    const size_t first = content[0].len;
    memcpy(file, content[0].at, first);
    memcpy(file + first, content[1].at, content[1].len);
    return (struct span){file, first + content[1].len};
}

/* Who opens the file believes its declaration; only what was sent as UTF-16LE is kept as it was sent. */
static void check_declaration(struct span utf8)
{
    const bool declared = starts_with(utf8, "<?xml") && strchr(" \t\r\n", utf8.at[5]) != NULL;
    const char *end = declared ? memmem(utf8.at, utf8.len, "?>", 2) : NULL;
    const char *named = end == NULL ? NULL : memmem(utf8.at, (size_t)(end - utf8.at), "encoding", 8);
    const char *quote = named == NULL ? NULL : strpbrk(named, "\"'");
    require(quote == NULL || strncasecmp(quote + 1, "UTF-16", 6) == 0);
}

/* The file: FF FE, whole characters of UTF-16LE, and the report that was sent. */
static void check_kept(const struct task *task)
{
    const struct report_limits limits = {{(unsigned)task->settings->xml_depth, task->settings->max_tag + LONGER_TAG},
                                         REPORT_MOST_MESSAGES};
    const struct span file = join(task->record.content);
    struct arena *arena = arena_open(2 * CEILING, NULL);
    enum text_encoding encoding;
    struct report again;
    struct span text, utf8;
    struct error err;
    require(arena != NULL && file.len % 2 == 0 && memcmp(file.at, "\xFF\xFE", 2) == 0);
    require(smx_text(file, &text, &encoding, &err) && encoding == TEXT_UTF16LE && text.len == file.len - 2);
    require(text_copy_utf8(encoding, text, arena, &utf8, &err));
    require(report_parse(text, encoding, &limits, fuzz_reader(), arena, &again, &err));
    require_same_report(&task->report, &again);
    if (task->message.encoding != TEXT_UTF16LE)
        check_declaration(utf8);
    require(task->record.queue == task->queue);
    arena_close(arena);
}

static void check_refused(const struct error *err)
{
    require(err->kind == ERROR_MALFORMED || err->kind == ERROR_TOO_BIG || err->kind == ERROR_UNSUPPORTED ||
            err->kind == ERROR_NO_ENDPOINT || err->kind == ERROR_UNTRUSTED);
    require(err->rule != NULL && err->rule[0] != '\0' && err->text[0] != '\0');
}

static bool is_verdict(struct span text)
{
    return starts_with(text, "Relay: Message ");
}

/* Whole records, of which the last is the verdict, and no other one. */
static void check_log(bool kept)
{
    struct span rest = {log_bytes, log_len};
    struct log_record record = {.text = {"", 0}};
    size_t used, verdicts = 0;
    while (log_parse(rest, false, &record, &used) == LOG_PARSED) {
        require(record.format == LOG_CCM && record.time != INT64_MIN);
        verdicts += is_verdict(record.text);
        rest.at += used;
        rest.len -= used;
    }
    require(rest.len == 0 && verdicts == 1 && is_verdict(record.text));
    require(!kept || memmem(record.text.at, record.text.len, ": kept as ", 10) != NULL);
}

/* ---- one input ---- */

static bool take(struct relay *relay, struct task *task, const struct request *request, struct envelope_type *type)
{
    if (!envelope_type(request->content_type, type, &task->err))
        return false;
    task->form = type->form;
    task->boundary = span_of(type->boundary);
    task->body = request->body;
    return envelope_coding(request->content_encoding, type->form, &task->coding, &task->err) &&
           relay_take(relay, fuzz_reader(), keys, task);
}

/* As far as the spool, whose part is played by a name. */
static bool take_measured(struct relay *relay, struct task *task, const struct request *request)
{
    struct envelope_type type = {0};
    const size_t held_before = most_held = held;
    const bool kept = take(relay, task, request, &type);
    require(relay->memory.used <= CEILING && most_held - held_before <= CEILING + BESIDES);
    task->boundary = SPAN("");
    (void)snprintf(task->record.name.text, sizeof task->record.name.text, "1K0VZ0HV2TXQQ3T5.smx");
    return kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static char boxes[3][24] = {"/box/incoming", "/box/incoming/high", "/box/incoming/low"};
    static struct counters counters;
    if (size == 0 || size > MOST_REQUEST)
        return 0;
    if (sys.write != write_log)
        prepare();
    const struct settings settings = settings_by(bytes[0]);
    const struct request request = split_request(bytes, size);
    struct relay relay = {
        .memory = {.most = SIZE_MAX}, .outboxes = {boxes[0], boxes[1], boxes[2]}, .counters = &counters};
    struct task task = {.settings = &settings, .address = "192.0.2.7", .number = 7};
    const bool kept = take_measured(&relay, &task, &request);
    if (kept)
        check_kept(&task);
    else
        check_refused(&task.err);
    log_len = 0;
    relay_log(&relay, &task);
    check_log(kept);
    task_fini(&task);
    require(relay.memory.used == 0);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    struct envelope_type type;
    struct error err;
    if (size == 0 || draw(&seed, 8) == 0)
        return LLVMFuzzerMutate(bytes, size, most);
    const struct request request = split_request(bytes, size);
    const size_t head = size - request.body.len;
    if (head == most || !envelope_type(request.content_type, &type, &err))
        return LLVMFuzzerMutate(bytes, size, most);
    if (type.form == ENVELOPE_PLAIN)
        return head + mutate_marked_text(bytes + head, size - head, most - head, &seed);
    return head + mutate_multipart(bytes + head, size - head, most - head, span_of(type.boundary), &seed);
}
