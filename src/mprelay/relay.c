/* The order of things, and nothing else; then the words for what came of it (spec/logs.md 4). */
#include "relay.h"

#include "base/log.h"
#include "base/sys.h"

#include <errno.h>
#include <stdio.h>

/* ---- from bytes to a record ---- */

static struct xml_limits xml_limits(const struct settings *settings)
{
    return (struct xml_limits){.depth = (unsigned)settings->xml_depth, .tag_bytes = settings->max_tag};
}

static struct envelope_limits envelope_limits(const struct settings *settings)
{
    const char *host = settings->target_host;
    return (struct envelope_limits){
        .xml = xml_limits(settings),
        .msg = settings->max_msg,
        .inflated = settings->max_inflated,
        .attachments = settings->max_attachments,
        .properties = settings->max_properties,
        .ratio = (unsigned)settings->max_ratio,
        .guess_file_type = settings->filetype_missing == FILE_TYPE_GUESS,
        .check_target_host = settings->check_target_host,
        .target_host = host == NULL ? (struct span){"", 0} : span_of(host),
        .registration = settings->registration == REGISTRATION_ON,
    };
}

/* Inflated once, transcoded once, and the messages as plain data beside it, which are larger than their XML. */
static size_t arena_ceiling(const struct settings *settings)
{
    return 1024UL * 1024 +
           6 * (settings->max_inflated > settings->max_request ? settings->max_inflated : settings->max_request);
}

/* What is not believed is not inflated. A registration brings its own signature, inside. */
static bool open_envelope(struct xml_reader *reader, const struct trust_rules *rules, struct task *task)
{
    const struct envelope_limits limits = envelope_limits(task->settings);
    struct message *message = &task->message;
    if (task->form == ENVELOPE_PLAIN)
        return trust_check(rules, message, task->arena, &task->trust, &task->err) &&
               envelope_open_plain(task->body, task->coding, &limits, task->arena, message, &task->err);
    return envelope_begin(task->body, task->boundary, &limits, reader, task->arena, message, &task->err) &&
           (message->registers || trust_check(rules, message, task->arena, &task->trust, &task->err)) &&
           envelope_finish(&limits, task->arena, message, &task->err);
}

static struct trust_rules trust_rules(const struct task *task, struct registrar_desk *desk)
{
    const struct settings *settings = task->settings;
    const bool vouched = task->vouch != NULL && task->vouch->kind != VOUCH_NOBODY;
    return (struct trust_rules){
        .policy = (enum trust_policy)settings->signature_policy,
        .allow_sha1 = settings->allow_sha1,
        .first_use = settings->trust_first_use,
        .vouched = vouched,
        .vouched_client = vouched && task->vouch->kind == VOUCH_CLIENT ? span_of(task->vouch->name) : SPAN(""),
        .keys = {.find = registrar_find, .add = registrar_add, .owner = desk},
    };
}

static bool parse_report(struct xml_reader *reader, struct task *task)
{
    const struct report_limits limits = {xml_limits(task->settings), REPORT_MOST_MESSAGES};
    return report_parse(task->message.text, task->message.encoding, &limits, reader, task->arena, &task->report,
                        &task->err);
}

static bool prepare_record(struct task *task)
{
    const struct settings *settings = task->settings;
    if (!smx_prepare(task->message.text, task->message.encoding, task->arena, task->record.content, &task->err))
        return false;
    if (task->fallback && task->report.priority < (int)settings->priority_low_min)
        task->report.priority = (int)settings->priority_low_min;        /* whatever it says (wire.md 6) */
    task->queue = smx_queue(task->report.priority, (int)settings->priority_high_max, (int)settings->priority_low_min);
    task->record.queue = task->queue;
    task->parsed = true;
    return true;
}

/* Looked for last: what comes again is held to the same rules. Without an ID, and in the plain form, the same report may be
 * meant twice. A report is not refused because there was no memory to know it again. */
static void look_for_repeat(struct relay *relay, struct task *task)
{
    const int64_t window = (int64_t)task->settings->duplicate_window;
    struct error ignored;
    if (window == 0 || task->form == ENVELOPE_PLAIN || task->message.id.len == 0 ||
        !envelope_hash(&task->message, task->mark.bytes, &ignored))
        return;
    task->marked = true;
    task->repeated = repeats_find(relay->repeats, &task->mark, sys_ticks(), window);
}

void relay_note_kept(struct relay *relay, const struct task *task)
{
    if (task->marked)
        repeats_add(relay->repeats, &task->mark, sys_ticks());
}

bool task_is_settled(const struct task *task)
{
    return task->repeated || task->enrolled;
}

static bool take_registration(struct xml_reader *reader, const struct trust_rules *rules, struct task *task)
{
    const struct registrar_desk *desk = rules->keys.owner;
    const struct enrolment_tools tools = {desk->registrar, reader, desk->keys, rules->vouched_client};
    task->enrolled = enrol(&tools, task->settings, &task->message, task->arena, &task->enrolment, &task->err);
    return task->enrolled;
}

static bool take_report(struct relay *relay, struct xml_reader *reader, const struct trust_rules *rules,
                        struct task *task)
{
    if (!parse_report(reader, task) || (rules->vouched && !vouch_bind(task->vouch, &task->report.sender, &task->err)) ||
        !trust_bind(rules, &task->message, &task->report.sender, &task->trust, &task->err) || !prepare_record(task))
        return false;
    look_for_repeat(relay, task);
    return true;
}

/* A serial number that anybody could bring in a client's name would make the state system ask that client for a resync, or
 * count no more. So as long as the key of such a client is known, they are not taken unsigned. */
static bool check_serials(struct relay *relay, struct keyring *keys, struct task *task)
{
    struct registrar_desk desk = {relay->registrar, task->settings, keys};
    struct trust_rules rules = trust_rules(task, &desk);
    if (rules.policy == TRUST_OFF || !fsp_is_counted(&task->report))
        return true;
    rules.policy = TRUST_VERIFY;
    return keyring_use(keys, task->settings, &task->err) &&
           trust_bind(&rules, &task->message, &task->report.sender, &task->trust, &task->err);
}

/* Nobody signs what comes here, so no policy asks for it; what is taken is little instead (fsp.h). */
static bool take_fallback(struct relay *relay, struct xml_reader *reader, struct keyring *keys, struct task *task)
{
    const struct envelope_limits limits = envelope_limits(task->settings);
    task->throttled_at = sys_ticks();
    return envelope_open_plain(task->body, ENVELOPE_IDENTITY, &limits, task->arena, &task->message, &task->err) &&
           parse_report(reader, task) && check_serials(relay, keys, task) &&
           fsp_take(task->settings, &task->report, relay->fsp_throttle, task->throttled_at, &task->throttled,
                    &task->err) &&
           prepare_record(task);
}

static bool take_message(struct relay *relay, struct xml_reader *reader, struct keyring *keys, struct task *task)
{
    struct registrar_desk desk = {relay->registrar, task->settings, keys};
    const struct trust_rules rules = trust_rules(task, &desk);
    return keyring_use(keys, task->settings, &task->err) && open_envelope(reader, &rules, task) &&
           (task->message.registers ? take_registration(reader, &rules, task)
                                    : take_report(relay, reader, &rules, task));
}

/* ENOENT: not one key but the directory of all is away, as where a disk was unmounted in use. */
static bool tells_of_a_lost_disk(const struct error *err)
{
    return err->os == EIO || err->os == ENOENT || err->os == ENODEV || err->os == ESTALE;
}

bool relay_take(struct relay *relay, struct xml_reader *reader, struct keyring *keys, struct task *task)
{
    task->begun = true;
    task->arena = arena_open(arena_ceiling(task->settings), &relay->memory);
    if (task->arena == NULL)
        return error_set(&task->err, ERROR_NO_MEMORY, "the system refused memory for the report");
    if (task->fallback ? take_fallback(relay, reader, keys, task) : take_message(relay, reader, keys, task)) {
        task->err.kind = ERROR_NONE;    /* a key that could not be added, say, may have left its reason */
        return true;
    }
    if (tells_of_a_lost_disk(&task->err))
        spool_doubt(relay->spool);      /* keys lie beside it, and no report will reach it to notice */
    return false;
}

void task_fini(struct task *task)
{
    arena_close(task->arena);
    task->arena = NULL;
}

/* ---- the words ---- */

enum { QUOTED = 208, MOST_QUOTED = 200 };

static const char *quote(struct span text, char out[QUOTED])
{
    return text.len == 0 ? "-" : log_quote(text, MOST_QUOTED, out, QUOTED);
}

/* A value of a verdict, without the character that ends it there: an ID "A from B: refused with 400" would make of a
 * kept report a refused one for whoever reads the line by its words. */
static const char *quote_until(char end, struct span text, char out[QUOTED])
{
    if (text.len == 0)
        return "-";
    (void)quote(text, out);
    for (char *at = out; *at != '\0'; at++)
        if (*at == end)
            *at = '_';
    return out;
}

/* Directories are ours, but an admin of Windows may want to see them his way. */
static const char *outbox(const struct relay *relay, const struct task *task, char *out, size_t room)
{
    (void)snprintf(out, room, "%s", relay->outboxes[task->queue]);
    if (task->settings->log_windows_paths)
        for (char *at = out; *at != '\0'; at++)
            if (*at == '/')
                *at = '\\';
    return out;
}

static void add_body(struct log_block *block, const struct task *task, const char *title)
{
    struct span text;
    struct error err;
    if (task->parsed && log_wants(LOG_INFO, true) &&
        text_copy_utf8(task->message.encoding, task->message.text, task->arena, &text, &err))
        log_block_add_body(block, __FILE__, __LINE__, title, text);
}

static void add_kb_lines(struct log_block *block, const struct relay *relay, const struct task *task)
{
    char type[QUOTED];
    char dir[4096];
    log_block_info(block, "Inv-Relay Task: Processing message body");
    if (task->message.file_type.len > 0)
        log_block_info(block, "Relay: FileType= %s", quote(task->message.file_type, type));
    if (!task->parsed)
        return;
    log_block_info(block, "Relay: Outbox dir: %s", outbox(relay, task, dir, sizeof dir));
    log_block_info(block, "Relay: Received %zu attachments", task->message.attachments);
    log_block_info(block, "Relay: 0 of %zu attachments successfully processed", task->message.attachments);
}

/* The lines of 2012 and of the current branch; in 2012 a management point on another machine than the inbox, which has
 * an outbox of its own, wrote a few of them otherwise. */
static void add_handler_lines(struct log_block *block, const struct relay *relay, const struct task *task)
{
    const bool current = task->settings->log_vocabulary == VOCABULARY_CURRENT;
    const bool remote = !current && task->settings->outbox != NULL;
    char type[QUOTED];
    char dir[4096];
    log_block_info(block, "Mp Message Handler: start message processing for Relay%s-----------------------",
                   current  ? ". "
                   : remote ? "-------"
                            : "");
    if (task->message.file_type.len > 0)
        log_block_info(block, "Mp Message Handler: FileType=%s", quote(task->message.file_type, type));
    add_body(block, task, current || remote ? "Message Body :\n" : "Message Body :  ");
    if (current || remote)
        log_block_info(block, "Inv-Relay Task: Processing message body");
    if (!task->parsed)
        return;
    log_block_info(block, "Relay: Outbox dir: %s", outbox(relay, task, dir, sizeof dir));
    log_block_info(block, "Priority in the message = %d", task->report.priority);
    log_block_info(block, "State Priority Directory = %s", outbox(relay, task, dir, sizeof dir));
}

static void add_warnings(struct log_block *block, const struct task *task)
{
    char text[QUOTED];
    for (size_t i = 0; i < task->message.warning_count; i++)
        log_block_add(block, LOG_WARNING, __FILE__, __LINE__, "Relay: %s", quote(task->message.warnings[i], text));
    if (task->trust.verdict == TRUST_UNKNOWN_KEY)
        log_block_add(block, LOG_WARNING, __FILE__, __LINE__,
                      "Relay: key unknown: the signature of '%s' is not checked",
                      quote_until('\'', task->message.source_id, text));
}

/* As logs.md 4 has them, but for two: it has no word for what nobody looked at, nor for what a proxy answers for. */
static const char *const believed[] = {
    [TRUST_UNSIGNED] = "unsigned",   [TRUST_NOT_CHECKED] = "signature not checked",
    [TRUST_SIGNED] = "signed",       [TRUST_UNKNOWN_KEY] = "unknown key",
    [TRUST_VOUCHED] = "vouched for",
};

/* An envelope without an ID gets one made up, so that its lines in the log can be named. */
static const char *message_id(const struct task *task, char out[QUOTED])
{
    uint16_t made[8];
    if (task->message.id.len > 0 || task->form == ENVELOPE_PLAIN || !task->parsed ||
        sys.getrandom(made, sizeof made, 0) != (ssize_t)sizeof made)
        return quote_until(' ', task->message.id, out);
    (void)snprintf(out, QUOTED, "{%04X%04X-%04X-%04X-%04X-%04X%04X%04X}", made[0], made[1], made[2], made[3], made[4],
                   made[5], made[6], made[7]);
    return out;
}

static void add_kept(struct log_block *block, const struct task *task, const char *id)
{
    char client[QUOTED];
    char host[QUOTED];
    log_block_info(block, "Relay: Message %s from %s client %s host '%s': kept as %s, %zu messages, priority %d, %s",
                   id, task->address, quote_until(' ', task->report.sender.id, client),
                   quote_until('\'', task->message.source_host, host), task->record.name.text,
                   task->report.message_count, task->report.priority, believed[task->trust.verdict]);
}

static void add_repeated(struct log_block *block, const struct task *task, const char *id)
{
    char client[QUOTED];
    char host[QUOTED];
    log_block_info(block, "Relay: Message %s from %s client %s host '%s': already kept, not stored again", id,
                   task->address, quote_until(' ', task->report.sender.id, client),
                   quote_until('\'', task->message.source_host, host));
}

static void add_enrolled(struct log_block *block, const struct task *task, const char *id)
{
    const struct registrar_decision *decision = &task->enrolment.decision;
    const bool good = decision->status == REGISTRATION_DONE || decision->status == REGISTRATION_PENDING;
    char host[QUOTED];
    log_block_add(block, good ? LOG_INFO : LOG_WARNING, __FILE__, __LINE__,
                  "Relay: Message %s from %s host '%s': registration of %s: %s, key %s", id, task->address,
                  quote_until('\'', task->message.source_host, host), decision->smsid, decision->why, decision->print);
}

static void add_not_kept(struct log_block *block, const struct task *task, const char *id)
{
    const struct error_policy *policy = error_policy(task->err.kind);
    if (policy->again || policy->ours)
        log_block_add(block, policy->ours ? LOG_ERROR : LOG_WARNING, __FILE__, __LINE__,
                      "Relay: Message %s from %s: not kept, answered %u: %s", id, task->address, policy->status,
                      task->err.text);
    else
        log_block_add(block, LOG_WARNING, __FILE__, __LINE__, "Relay: Message %s from %s: refused with %u, %s: %s%s",
                      id, task->address, policy->status, task->err.rule == NULL ? "http" : task->err.rule,
                      task->err.text, task->status == 200 ? " (as 200)" : "");
}

static void count(const struct relay *relay, const struct task *task)
{
    if (task->enrolled)
        counters_note_registration(relay->counters, task->enrolment.decision.status);
    else if (task->repeated)
        counters_note_repeated(relay->counters);
    else
        counters_note_report(relay->counters, &task->err);
    counters_note_request(relay->counters, task->counted_as,
                          task->status != 0 ? task->status : error_policy(task->err.kind)->status);
}

/* In the words of the client's own line about it. */
static void add_fallback(struct log_block *block, const struct task *task)
{
    const struct report *report = &task->report;
    size_t i = 0;
    if (!task->fallback || !task->parsed)
        return;
    while (i < report->message_count - 1 && !report->messages[i].valid)
        i++;
    log_block_info(block, "Relay: Fallback Status Point message, STATEID='%u'", (unsigned)report->messages[i].state);
}

/* Of a registration the vocabularies say nothing. */
static void add_lines(struct log_block *block, const struct relay *relay, const struct task *task)
{
    if (task->message.registers) {
        add_warnings(block, task);
        return;
    }
    if (task->settings->log_vocabulary == VOCABULARY_KB)
        add_kb_lines(block, relay, task);
    else
        add_handler_lines(block, relay, task);
    add_fallback(block, task);
    add_warnings(block, task);
    log_block_info(block,
                   task->err.kind == ERROR_NONE ? "Inv-Relay: Task completed successfully" : "Inv-Relay: Task failed");
}

static void add_verdict(struct log_block *block, const struct task *task)
{
    char room[QUOTED];
    const char *id = message_id(task, room);
    if (task->err.kind != ERROR_NONE)
        add_not_kept(block, task, id);
    else if (task->enrolled)
        add_enrolled(block, task, id);
    else if (task->repeated)
        add_repeated(block, task, id);
    else
        add_kept(block, task, id);
}

void relay_log(const struct relay *relay, struct task *task)
{
    struct log_block block;
    count(relay, task);
    if (task->err.kind != ERROR_NONE && task->throttled > 0)
        throttle_give(relay->fsp_throttle, task->throttled, task->throttled_at);
    log_block_begin(&block);
    if (task->settings->log_context)
        log_block_set_context(&block, task->number);
    if (task->begun)
        add_lines(&block, relay, task);
    add_verdict(&block, task);
    log_block_end(&block);
}
