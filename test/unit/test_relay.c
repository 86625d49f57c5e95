/* One report from bytes to verdict: the words for each outcome, and that a task gives back what it took. */
#include "../../src/mprelay/relay.h"

#include "log_directory.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define REQUESTS "test/data/samples/requests/"
#define BOUNDARY "aAbBcCdDv1234567890VxXyYzZ"
#define REPORT                                                                                                         \
    "<Report><ReportHeader><Identification><Machine><ClientInstalled>1</ClientInstalled><ClientID>GUID:1</ClientID>" \
    "<NetBIOSName>PC</NetBIOSName><Priority>1</Priority></Machine></Identification><ReportDetails><ReportContent>"    \
    "State Message Data</ReportContent><ReportType>Full</ReportType></ReportDetails></ReportHeader><ReportBody>"      \
    "<StateMessage MessageTime=\"20260102030405.000000+000\" SerialNumber=\"1\"><Topic ID=\"x\" Type=\"500\"/>"       \
    "<State ID=\"2\"/></StateMessage></ReportBody></Report>"

static struct xml_reader *reader;
static struct counters counters;
static struct keyring *keys;
static struct repeats *repeats;

/* ---- settings, tasks ---- */

/* The defaults, with up to three words of a command line. */
static struct config *open_settings(const char *const words[3])
{
    char *arguments[8] = {"mprelay", "--config", "/dev/null", "--trust-dir", "/"};    /* there are no keys there */
    int count = 5;
    struct config *config;
    struct error err;
    for (int i = 0; i < 3 && words[i] != NULL; i++)
        arguments[count++] = (char *)(uintptr_t)words[i];
    if (!config_open(&settings_table, count, arguments, &config, &err))
        fail_msg("%s", err.text);
    return config;
}

static struct relay usual_relay(void)
{
    static char outboxes[3][32] = {"/box/incoming", "/box/incoming/high", "/box/incoming/low"};
    return (struct relay){.memory = {.most = 64 * 1024 * 1024},
                          .outboxes = {outboxes[0], outboxes[1], outboxes[2]},
                          .counters = &counters,
                          .repeats = repeats};
}

static struct task usual_task(const struct config *config)
{
    return (struct task){.settings = config_values(config), .address = "192.0.2.7"};
}

static struct task plain_task(const struct config *config, struct span body)
{
    struct task task = usual_task(config);
    task.form = ENVELOPE_PLAIN;
    task.body = body;
    return task;
}

static struct buffer read_file(const char *name)
{
    struct buffer bytes;
    struct error err;
    buffer_init(&bytes, 1024 * 1024);
    if (!sys_read_file(AT_FDCWD, name, &bytes, &err))
        fail_msg("%s", err.text);
    return bytes;
}

static struct task golden_task(const struct config *config, const struct buffer *request)
{
    struct task task = usual_task(config);
    const char *body = memmem(request->at, request->len, "\r\n\r\n", 4);
    assert_non_null(body);
    task.boundary = SPAN(BOUNDARY);
    task.body = (struct span){body + 4, request->len - (size_t)(body + 4 - request->at)};
    return task;
}

static void name_record(struct task *task)
{
    (void)snprintf(task->record.name.text, sizeof task->record.name.text, "1K0VZ0HV2TXQQ3T5.smx");
}

/* Logs the task to a log of its own; what the records say must be `expected`, and the last be of that type. */
static void assert_log(const struct relay *relay, struct task *task, enum log_level level, const char *expected,
                       enum log_type type)
{
    struct log_settings settings = usual;
    struct log_record record = {0};
    settings.level = level;
    open_log(&settings);
    relay_log(relay, task);
    log_close();
    assert_texts("X.log", expected);
    struct buffer bytes = read_log("X.log");
    struct span rest = buffer_span(&bytes);
    while (next_record(&rest, &record))
        ;
    assert_int_equal(record.type, type);
    buffer_fini(&bytes);
    (void)list_files(true);
}

/* ---- the words ---- */

static void each_vocabulary_has_its_lines(void **state)
{
    static const struct {
        const char *words[3];
        const char *lines;
    } rows[] = {
        {{NULL},
         "Inv-Relay Task: Processing message body|Relay: FileType= SMX|Relay: Outbox dir: /box/incoming/high|"
         "Relay: Received 0 attachments|Relay: 0 of 0 attachments successfully processed|"
         "Inv-Relay: Task completed successfully|"},
        {{"--log-windows-paths", "yes"},
         "Inv-Relay Task: Processing message body|Relay: FileType= SMX|Relay: Outbox dir: \\box\\incoming\\high|"
         "Relay: Received 0 attachments|Relay: 0 of 0 attachments successfully processed|"
         "Inv-Relay: Task completed successfully|"},
        {{"--log-vocabulary=2012"},
         "Mp Message Handler: start message processing for Relay-----------------------|"
         "Mp Message Handler: FileType=SMX|Message Body :  " REPORT "|Relay: Outbox dir: /box/incoming/high|"
         "Priority in the message = 1|State Priority Directory = /box/incoming/high|"
         "Inv-Relay: Task completed successfully|"},
        {{"--log-vocabulary=2012", "--outbox=/box"},
         "Mp Message Handler: start message processing for Relay------------------------------|"
         "Mp Message Handler: FileType=SMX|Message Body :\n" REPORT "|Inv-Relay Task: Processing message body|"
         "Relay: Outbox dir: /box/incoming/high|Priority in the message = 1|"
         "State Priority Directory = /box/incoming/high|Inv-Relay: Task completed successfully|"},
        {{"--log-vocabulary=current"},
         "Mp Message Handler: start message processing for Relay. -----------------------|"
         "Mp Message Handler: FileType=SMX|Message Body :\n" REPORT "|Inv-Relay Task: Processing message body|"
         "Relay: Outbox dir: /box/incoming/high|Priority in the message = 1|"
         "State Priority Directory = /box/incoming/high|Inv-Relay: Task completed successfully|"},
    };
    struct relay relay = usual_relay();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *config = open_settings(rows[i].words);
        struct task task = plain_task(config, SPAN(REPORT));
        char expected[4096];
        (void)snprintf(expected, sizeof expected,
                       "%sRelay: Message - from 192.0.2.7 client GUID:1 host '-': kept as 1K0VZ0HV2TXQQ3T5.smx, "
                       "1 messages, priority 1, unsigned|",
                       rows[i].lines);
        assert_true(relay_take(&relay, reader, keys, &task));
        assert_int_equal(task.record.queue, SMX_HIGH);
        name_record(&task);
        assert_log(&relay, &task, LOG_LEVEL_VERBOSE, expected, LOG_INFO);
        task_fini(&task);
        config_close(config);
    }
}

#define FALLBACK                                                                                                       \
    "<Report><ReportHeader><Identification><Machine><ClientInstalled>0</ClientInstalled><ClientID>GUID:7</ClientID>"  \
    "<Priority>0</Priority></Machine></Identification></ReportHeader><ReportBody><StateMessage><Topic ID=\"x\" "     \
    "Type=\"800\"/><State ID=\"bad\"/></StateMessage><StateMessage><Topic ID=\"x\" Type=\"800\"/><State ID=\"321\"/>"  \
    "</StateMessage></ReportBody></Report>"

static struct relay fallback_relay(void)
{
    static struct throttle throttle;
    struct relay relay = usual_relay();
    throttle_init(&throttle);
    relay.fsp_throttle = &throttle;
    throttle_set(&throttle, 1, 3600 * (int64_t)1000000);
    return relay;
}

static void what_falls_back_goes_low_whatever_it_says_and_no_policy_asks_for_its_signature(void **state)
{
    struct relay relay = fallback_relay();
    struct config *config = open_settings((const char *const[3]){"--fsp=on", "--signature-policy=require"});
    struct task task = plain_task(config, SPAN(FALLBACK));
    (void)state;
    task.fallback = true;
    assert_true(relay_take(&relay, reader, keys, &task));
    assert_int_equal(task.record.queue, SMX_LOW);
    name_record(&task);
    assert_log(&relay, &task, LOG_LEVEL_DEFAULT,
               "Inv-Relay Task: Processing message body|Relay: FileType= SMX|Relay: Outbox dir: /box/incoming/low|"
               "Relay: Received 0 attachments|Relay: 0 of 0 attachments successfully processed|"
               "Relay: Fallback Status Point message, STATEID='321'|Inv-Relay: Task completed successfully|"
               "Relay: Message - from 192.0.2.7 client GUID:7 host '-': kept as 1K0VZ0HV2TXQQ3T5.smx, 2 messages, "
               "priority 10, unsigned|",
               LOG_INFO);
    task_fini(&task);
    config_close(config);
}

static void what_falls_back_and_is_not_kept_does_not_count_against_the_throttle(void **state)
{
    struct relay relay = fallback_relay();
    struct config *config = open_settings((const char *const[3]){"--fsp=on"});
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct task task = plain_task(config, SPAN(FALLBACK));
        task.fallback = true;
        assert_int_equal(relay_take(&relay, reader, keys, &task), i < 2);
        if (i == 0)
            (void)error_set(&task.err, ERROR_NO_SPACE, "the disk is full");
        assert_int_equal(task.err.kind, i == 0 ? ERROR_NO_SPACE : i == 1 ? ERROR_NONE : ERROR_BUSY);
        name_record(&task);
        open_log(&usual);
        relay_log(&relay, &task);
        log_close();
        (void)list_files(true);
        task_fini(&task);
    }
    config_close(config);
}

static void what_was_not_reached_is_not_said(void **state)
{
    static const struct {
        struct span body;
        const char *words[3];
        const char *lines;
        enum log_type type;
    } rows[] = {
        {SPAN("<Report/>"),
         {NULL},
         "Inv-Relay Task: Processing message body|Relay: FileType= SMX|Inv-Relay: Task failed|",
         LOG_WARNING},
        {SPAN("<Report/>"),
         {"--log-vocabulary=2012"},
         "Mp Message Handler: start message processing for Relay-----------------------|"
         "Mp Message Handler: FileType=SMX|Inv-Relay: Task failed|",
         LOG_WARNING},
        {SPAN("<Report/>"),
         {"--log-vocabulary=current"},
         "Mp Message Handler: start message processing for Relay. -----------------------|"
         "Mp Message Handler: FileType=SMX|Inv-Relay Task: Processing message body|Inv-Relay: Task failed|",
         LOG_WARNING},
    };
    struct relay relay = usual_relay();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *config = open_settings(rows[i].words);
        struct task task = plain_task(config, rows[i].body);
        char expected[2048];
        assert_false(relay_take(&relay, reader, keys, &task));
        (void)snprintf(expected, sizeof expected, "%sRelay: Message - from 192.0.2.7: refused with 400, report: %s|",
                       rows[i].lines, task.err.text);
        assert_log(&relay, &task, LOG_LEVEL_VERBOSE, expected, rows[i].type);
        task_fini(&task);
        config_close(config);
    }
}

/* Refused at the head: only the verdict is left. */
static void each_refusal_has_its_verdict(void **state)
{
    static const struct {
        enum error_kind kind;
        const char *rule;
        unsigned status;
        const char *verdict;
        enum log_type type;
    } rows[] = {
        {ERROR_MALFORMED, "http", 400, "refused with 400, http: why|", LOG_WARNING},
        {ERROR_MALFORMED, "http", 0, "refused with 400, http: why|", LOG_WARNING},
        {ERROR_MALFORMED, "zlib", 200, "refused with 400, zlib: why (as 200)|", LOG_WARNING},
        {ERROR_NOT_FOUND, "http", 404, "refused with 404, http: why|", LOG_WARNING},
        {ERROR_NO_ENDPOINT, "endpoint", 200, "refused with 404, endpoint: why (as 200)|", LOG_WARNING},
        {ERROR_TOO_BIG, "limit", 413, "refused with 413, limit: why|", LOG_WARNING},
        {ERROR_HEADERS_TOO_BIG, "limit", 431, "refused with 431, limit: why|", LOG_WARNING},
        {ERROR_UNSUPPORTED, NULL, 415, "refused with 415, http: why|", LOG_WARNING},
        {ERROR_TOO_SLOW, "http", 408, "not kept, answered 408: why|", LOG_WARNING},
        {ERROR_BUSY, NULL, 503, "not kept, answered 503: why|", LOG_ERROR},
        {ERROR_NO_MEMORY, NULL, 503, "not kept, answered 503: why|", LOG_ERROR},
        {ERROR_NO_SPACE, NULL, 507, "not kept, answered 507: why|", LOG_ERROR},
        {ERROR_SYSTEM, NULL, 500, "not kept, answered 500: why|", LOG_ERROR},
    };
    struct relay relay = usual_relay();
    struct config *config = open_settings((const char *const[3]){NULL});
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct task task = usual_task(config);
        char expected[128];
        task.status = rows[i].status;
        (void)error_refuse(&task.err, rows[i].kind, rows[i].rule, "why");
        (void)snprintf(expected, sizeof expected, "Relay: Message - from 192.0.2.7: %s", rows[i].verdict);
        assert_log(&relay, &task, LOG_LEVEL_DEFAULT, expected, rows[i].type);
    }
    config_close(config);
}

static void what_a_client_says_is_cut_and_made_safe(void **state)
{
    struct relay relay = usual_relay();
    struct config *config = open_settings((const char *const[3]){NULL});
    struct task task = usual_task(config);
    char long_name[1000], expected[2048], ours[256];
    (void)state;
    memset(long_name, 'x', sizeof long_name);
    memset(ours, 'x', 200);
    (void)snprintf(ours + 200, sizeof ours - 200, "...");
    task.message.id = SPAN("a\r\n]LOG]!>\033[0m");
    task.message.source_host = (struct span){long_name, sizeof long_name};
    task.report.sender.id = (struct span){long_name, sizeof long_name};
    task.report.message_count = 2;
    task.trust.verdict = TRUST_NOT_CHECKED;
    name_record(&task);
    (void)snprintf(expected, sizeof expected,
                   "Relay: Message a~~]LOG]_!>?[0m from 192.0.2.7 client %s host '%s': kept as 1K0VZ0HV2TXQQ3T5.smx, "
                   "2 messages, priority 0, signature not checked|",
                   ours, ours);
    assert_log(&relay, &task, LOG_LEVEL_DEFAULT, expected, LOG_INFO);
    config_close(config);
}

static void what_a_client_says_does_not_end_its_field(void **state)
{
    struct relay relay = usual_relay();
    struct config *config = open_settings((const char *const[3]){NULL});
    struct task task = usual_task(config);
    (void)state;
    task.message.id = SPAN("A from 192.0.2.1: refused with 400, http: x");
    task.message.source_host = SPAN("H': kept as X.smx");
    task.report.sender.id = SPAN("GUID: 1");
    task.report.message_count = 2;
    name_record(&task);
    assert_log(&relay, &task, LOG_LEVEL_DEFAULT,
               "Relay: Message A_from_192.0.2.1:_refused_with_400,_http:_x from 192.0.2.7 client GUID:_1 "
               "host 'H_: kept as X.smx': kept as 1K0VZ0HV2TXQQ3T5.smx, 2 messages, priority 0, unsigned|",
               LOG_INFO);
    config_close(config);
}

static ssize_t give_sevens(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    memset(bytes, 0x77, len);
    return (ssize_t)len;
}

static void an_envelope_without_an_id_gets_one_for_the_log(void **state)
{
    struct relay relay = usual_relay();
    struct config *config = open_settings((const char *const[3]){NULL});
    struct task task = usual_task(config);
    (void)state;
    task.parsed = true;
    name_record(&task);
    sys.getrandom = give_sevens;
    assert_log(&relay, &task, LOG_LEVEL_DEFAULT,
               "Relay: Message {77777777-7777-7777-7777-777777777777} from 192.0.2.7 client - host '-': kept as "
               "1K0VZ0HV2TXQQ3T5.smx, 0 messages, priority 0, unsigned|",
               LOG_INFO);
    config_close(config);
}

static void the_golden_requests_are_taken(void **state)
{
    static const struct {
        const char *name;
        const char *trust;
    } rows[] = {
        {"uncompressed.http", ", unsigned]"}, {"compressed.http", ", unsigned]"}, {"signed.http", ", unknown key]"}};
    struct config *config = open_settings((const char *const[3]){NULL});
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[128];
        (void)snprintf(name, sizeof name, REQUESTS "%s", rows[i].name);
        struct buffer request = read_file(name);
        struct relay relay = usual_relay();
        struct task task = golden_task(config, &request);
        assert_true(relay_take(&relay, reader, keys, &task));
        assert_true(relay.memory.used > 0);
        assert_memory_equal(task.record.content[0].at, "\xFF\xFE", 2);
        assert_memory_equal(task.record.content[1].at, "<\0", 2);
        name_record(&task);
        open_log(&usual);
        relay_log(&relay, &task);
        log_close();
        assert_true(log_contains(rows[i].trust));
        (void)list_files(true);
        task_fini(&task);
        assert_int_equal(relay.memory.used, 0);
        buffer_fini(&request);
    }
    config_close(config);
}

/* ---- what comes again ---- */

/* The second is on its way before the first is durable: it must wait for its own file. */
static void what_comes_again_is_known_once_the_first_is_durable(void **state)
{
    static const bool settled[] = {false, false, true};
    struct config *config = open_settings((const char *const[3]){NULL});
    struct buffer request = read_file(REQUESTS "compressed.http");
    struct relay relay = usual_relay();
    struct task tasks[COUNT(settled)];
    (void)state;
    for (size_t i = 0; i < COUNT(tasks); i++) {
        tasks[i] = golden_task(config, &request);
        assert_true(relay_take(&relay, reader, keys, &tasks[i]));
        assert_int_equal(task_is_settled(&tasks[i]), settled[i]);
        if (i == 1)
            relay_note_kept(&relay, &tasks[0]);
    }
    assert_log(&relay, &tasks[2], LOG_LEVEL_DEFAULT,
               "Inv-Relay Task: Processing message body|Relay: FileType= SMX|Relay: Outbox dir: /box/incoming|"
               "Relay: Received 0 attachments|Relay: 0 of 0 attachments successfully processed|"
               "Inv-Relay: Task completed successfully|"
               "Relay: Message {0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A01} from 192.0.2.7 client "
               "GUID:A1006D0E-CF56-41D1-A006-6330EFC39381 host 'CLIENT1': already kept, not stored again|",
               LOG_INFO);
    for (size_t i = 0; i < COUNT(tasks); i++)
        task_fini(&tasks[i]);
    buffer_fini(&request);
    config_close(config);
}

static void what_comes_again_is_not_known_where_it_is_not_looked_for(void **state)
{
    static const char *const never[3] = {"--duplicate-window=0"}, *const usually[3] = {NULL};
    struct buffer request = read_file(REQUESTS "compressed.http");
    struct relay relay = usual_relay();
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct config *config = open_settings(i < 2 ? never : usually);
        struct task task = i < 2 ? golden_task(config, &request) : plain_task(config, SPAN(REPORT));
        assert_true(relay_take(&relay, reader, keys, &task));
        assert_false(task_is_settled(&task));
        relay_note_kept(&relay, &task);
        task_fini(&task);
        config_close(config);
    }
    buffer_fini(&request);
}

/* ---- memory ---- */

static void a_used_up_budget_is_busy_and_is_given_back(void **state)
{
    struct config *config = open_settings((const char *const[3]){NULL});
    struct buffer request = read_file(REQUESTS "compressed.http");
    struct relay relay = usual_relay();
    size_t refusals = 0;
    bool taken = false;
    (void)state;
    for (relay.memory.most = 0; !taken; relay.memory.most += 1024) {
        struct task task = golden_task(config, &request);
        taken = relay_take(&relay, reader, keys, &task);
        assert_true(taken || task.err.kind == ERROR_BUSY);
        task_fini(&task);
        assert_int_equal(relay.memory.used, 0);
        refusals += !taken;
    }
    assert_true(refusals > 0);
    buffer_fini(&request);
    config_close(config);
}

static size_t allocations_left;

static bool is_refused(void)
{
    return allocations_left == 0 || allocations_left-- == 0;
}

static void *allocate_some(size_t size)
{
    return is_refused() ? NULL : sys_kernel.allocate(size);
}

static void *reallocate_some(void *old, size_t size)
{
    return is_refused() ? NULL : sys_kernel.reallocate(old, size);
}

/* The last one is for a hash by which it would be known again: that is no reason to refuse it. */
static void each_refused_allocation_is_no_memory_and_loses_none(void **state)
{
    struct config *config = open_settings((const char *const[3]){NULL});
    struct buffer request = read_file(REQUESTS "compressed.http");
    struct relay relay = usual_relay();
    size_t refusals = 0;
    bool taken = false;
    (void)state;
    for (; !taken; refusals++) {
        struct task task = golden_task(config, &request);
        allocations_left = refusals;
        sys.allocate = allocate_some;
        sys.reallocate = reallocate_some;
        taken = relay_take(&relay, reader, keys, &task);
        sys = sys_kernel;
        assert_true(taken ? !task.marked : task.err.kind == ERROR_NO_MEMORY);
        task_fini(&task);
        assert_int_equal(relay.memory.used, 0);
    }
    assert_true(refusals > 3);
    buffer_fini(&request);
    config_close(config);
}

static int begin(void **state)
{
    struct error err;
    xml_init();
    return signature_init(&err) && xml_open(&reader, &err) && keyring_open(&keys, &err) &&
                   repeats_open(16, &repeats, &err)
               ? make_directory(state)
               : -1;
}

static int end(void **state)
{
    xml_close(reader);
    keyring_close(keys);
    repeats_close(repeats);
    return remove_directory(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_vocabulary_has_its_lines),
        TEST(what_falls_back_goes_low_whatever_it_says_and_no_policy_asks_for_its_signature),
        TEST(what_falls_back_and_is_not_kept_does_not_count_against_the_throttle),
        TEST(what_was_not_reached_is_not_said),
        TEST(each_refusal_has_its_verdict),
        TEST(what_a_client_says_is_cut_and_made_safe),
        TEST(what_a_client_says_does_not_end_its_field),
        TEST(an_envelope_without_an_id_gets_one_for_the_log),
        TEST(the_golden_requests_are_taken),
        TEST(what_comes_again_is_known_once_the_first_is_durable),
        TEST(what_comes_again_is_not_known_where_it_is_not_looked_for),
        TEST(a_used_up_budget_is_busy_and_is_given_back),
        TEST(each_refused_allocation_is_no_memory_and_loses_none),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
