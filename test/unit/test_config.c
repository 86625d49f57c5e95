/* Settings: what is taken from where, what is refused and in which words, what is shown. */
#include "base/config.h"

#include "base/sys.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_NAME "settings.conf"
#define LETTERS_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct values {
    struct config_list listen;
    struct config_list peers;
    const char *root;
    uint64_t workers;
    uint64_t max_request;
    uint64_t timeout;
    uint64_t any;
    struct config_rate rate;
    bool windows_paths;
    int level;
    struct config_choice reply;
};

#define FIELD(name) offsetof(struct values, name)

static const struct config_row rows[] = {
    {"listen", CONFIG_LIST, FIELD(listen), "127.0.0.1:8080, unix:/run/x", NULL, NULL, AT_START, "Where to listen."},
    {"peers", CONFIG_LIST, FIELD(peers), "", NULL, NULL, AT_START, "Known peers."},
    {"root", CONFIG_TEXT, FIELD(root), "", NULL, NULL, AT_START,
     "The folder that holds all the others, so that one setting is enough for a trial by someone who has no rights."},
    {"workers", CONFIG_NUMBER, FIELD(workers), "4", "1", "64", AT_START, "Threads."},
    {"max-request", CONFIG_SIZE, FIELD(max_request), "8M", "1K", "256M", ON_RELOAD, "Largest HTTP body taken."},
    {"timeout", CONFIG_DURATION, FIELD(timeout), "120s", "1s", NULL, ON_RELOAD, "Time for a request."},
    {"any", CONFIG_NUMBER, FIELD(any), "0", NULL, "18446744073709551615", ON_RELOAD, "Any number."},
    {"rate", CONFIG_RATE, FIELD(rate), "100/60s", "1/1s", "1000/24h", ON_RELOAD, "So many."},
    {"windows-paths", CONFIG_YES_NO, FIELD(windows_paths), "no", NULL, NULL, ON_RELOAD, "Paths with backslashes."},
    {"level", CONFIG_CHOICE, FIELD(level), "default", "verbose|default|error", NULL, ON_RELOAD, "What is logged."},
    {"reply", CONFIG_CHOICE, FIELD(reply), "noreply", "noreply|empty|file:", NULL, ON_RELOAD, "What is answered."},
};

static bool check_pair(const void *at, struct error *err)
{
    const struct values *values = at;
    if (values->workers == 13)
        return error_set(err, ERROR_MALFORMED, "workers = 13 contradicts luck");
    return true;
}

static const struct config_table table = {
    .program = "trial",
    .version = "1.2.3",
    .summary = "Tries the settings.",
    .file = FILE_NAME,
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct values),
    .check = check_pair,
};

/* ---- helpers: each test runs in an empty folder of its own ---- */

static char *home;

static int enter_folder(void **state)
{
    char name[] = "/tmp/test_config.XXXXXX";
    (void)state;
    home = getcwd(NULL, 0);
    return home != NULL && mkdtemp(name) != NULL && chdir(name) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    char *folder = getcwd(NULL, 0);
    (void)state;
    sys = sys_kernel;
    (void)unlink(FILE_NAME);
    (void)unlink("other.conf");
    const int failed = folder == NULL || chdir(home) != 0 || rmdir(folder) != 0;
    free(folder);
    free(home);
    return failed;
}

static void write_file(const char *name, const char *bytes, size_t len)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* The words of a command line, parted by blanks. */
struct words {
    char text[512];
    char *at[16];
    int count;
};

static void part_words(const char *line, struct words *out)
{
    assert_in_range(snprintf(out->text, sizeof out->text, "trial %s", line), 1, sizeof out->text - 1);
    out->count = 0;
    for (char *at = out->text; *at != '\0';) {
        assert_in_range(out->count, 0, 15);
        out->at[out->count++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = '\0';
    }
}

static struct words words;       /* a config keeps pointing to its command line */

static bool open_with(const char *line, struct config **out, struct error *err)
{
    part_words(line, &words);
    return config_open(&table, words.count, words.at, out, err);
}

static struct config *open_well(const char *line)
{
    struct config *config = NULL;
    struct error err = {.text = ""};
    if (!open_with(line, &config, &err))
        fail_msg("'%s': %s", line, err.text);
    return config;
}

static void assert_refused(const char *line, const char *expected)
{
    struct config *config = NULL;
    struct error err = {.text = ""};
    assert_false(open_with(line, &config, &err));
    assert_string_equal(err.text, expected);
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_null(config);
}

static void assert_file_refused(struct span text, const char *expected)
{
    write_file(FILE_NAME, text.at, text.len);
    assert_refused("", expected);
}

static char *answer_of(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_answer(config, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *answer_to(const char *line)
{
    struct config *config = open_well(line);
    char *text = answer_of(config);
    config_close(config);
    return text;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void assert_list(const struct config_list *list, const char *const *expected)
{
    size_t i = 0;
    for (; expected[i] != NULL; i++) {
        assert_in_range(i + 1, 1, list->count);
        assert_string_equal(list->at[i], expected[i]);
    }
    assert_int_equal(list->count, i);
}

/* ---- values ---- */

static void defaults_fill_every_field(void **state)
{
    struct config *config = open_well("");
    const struct values *values = config_values(config);
    (void)state;
    assert_list(&values->listen, (const char *const[]){"127.0.0.1:8080", "unix:/run/x", NULL});
    assert_int_equal(values->peers.count, 0);
    assert_null(values->root);
    assert_int_equal(values->workers, 4);
    assert_int_equal(values->max_request, 8 * 1024 * 1024);
    assert_int_equal(values->timeout, 120 * 1000000);
    assert_false(values->windows_paths);
    assert_int_equal(values->level, 1);
    assert_int_equal(values->reply.word, 0);
    assert_null(values->reply.rest);
    assert_int_equal(config_wish(config), CONFIG_RUN);
    config_close(config);
}

static void quantities_have_the_worth_of_their_units(void **state)
{
    static const struct {
        const char *line;
        size_t field;
        uint64_t expected;
    } cases[] = {
        {"--workers 1", FIELD(workers), 1},
        {"--workers 064", FIELD(workers), 64},
        {"--max-request 4096", FIELD(max_request), 4096},
        {"--max-request 1K", FIELD(max_request), 1024},
        {"--max-request 256M", FIELD(max_request), 256u << 20},
        {"--timeout 1000000us", FIELD(timeout), 1000000},
        {"--timeout 1500ms", FIELD(timeout), 1500000},
        {"--timeout 30s", FIELD(timeout), 30000000},
        {"--timeout 15m", FIELD(timeout), 900000000},
        {"--timeout 24h", FIELD(timeout), 86400000000},
        {"--timeout 7d", FIELD(timeout), 604800000000},
        {"--any 18446744073709551615", FIELD(any), UINT64_MAX},
        {"--any 0", FIELD(any), 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *config = open_well(cases[i].line);
        const char *values = config_values(config);
        assert_int_equal(*(const uint64_t *)(const void *)(values + cases[i].field), cases[i].expected);
        config_close(config);
    }
}

static void a_rate_is_a_number_within_a_duration(void **state)
{
    struct config *config = open_well("");
    const struct values *values = config_values(config);
    (void)state;
    assert_int_equal(values->rate.count, 100);
    assert_int_equal(values->rate.time, 60 * 1000000);
    config_close(config);
    write_file(FILE_NAME, "rate = 1000 / 24h\n", 18);
    config = open_well("");
    values = config_values(config);
    assert_int_equal(values->rate.count, 1000);
    assert_int_equal(values->rate.time, 86400000000);
    config_close(config);
}

static void a_question_alone_is_answered_with_yes(void **state)
{
    static const char *const lines[] = {"--windows-paths", "--windows-paths --workers 5", "--windows-paths yes",
                                        "--windows-paths no", "--windows-paths=no"};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct config *config = open_well(lines[i]);
        const struct values *values = config_values(config);
        assert_int_equal(values->windows_paths, i < 3);
        config_close(config);
    }
}

static void wrong_values_are_refused_with_what_is_expected(void **state)
{
    static const struct {
        const char *value;
        const char *expected;
    } cases[] = {
        {"max-request = 12Q", "max-request = 12Q: not a size (a number with K, M or G)"},
        {"max-request = 8 M", "max-request = 8 M: not a size (a number with K, M or G)"},
        {"max-request = 8m", "max-request = 8m: not a size (a number with K, M or G)"},
        {"max-request = K", "max-request = K: not a size (a number with K, M or G)"},
        {"max-request = -1", "max-request = -1: not a size (a number with K, M or G)"},
        {"max-request = 1023", "max-request = 1023: below the least value, 1K"},
        {"max-request = 0", "max-request = 0: below the least value, 1K"},
        {"max-request = 257M", "max-request = 257M: above the greatest value, 256M"},
        {"max-request = 99999999999999999999G", "max-request = 99999999999999999999G: above the greatest value, 256M"},
        {"max-request =", "max-request: a value is missing"},
        {"workers = 0", "workers = 0: below the least value, 1"},
        {"workers = 65", "workers = 65: above the greatest value, 64"},
        {"workers = 4x", "workers = 4x: not a number (digits only)"},
        {"workers = 4 5", "workers = 4 5: not a number (digits only)"},
        {"workers = 0x4", "workers = 0x4: not a number (digits only)"},
        {"workers = 1K", "workers = 1K: not a number (digits only)"},
        {"any = 18446744073709551616", "any = 18446744073709551616: more than 64 bits can hold"},
        {"timeout = 30", "timeout = 30: not a duration (a number with us, ms, s, m, h or d)"},
        {"timeout = 0", "timeout = 0: below the least value, 1s"},
        {"timeout = 999ms", "timeout = 999ms: below the least value, 1s"},
        {"timeout = 300000000000000d", "timeout = 300000000000000d: more than 64 bits can hold"},
        {"rate = 100", "rate = 100: not a number, '/' and a duration"},
        {"rate = /60s", "rate = /60s: not a number (digits only)"},
        {"rate = 100/", "rate = 100/: not a duration (a number with us, ms, s, m, h or d)"},
        {"rate = 100/60", "rate = 100/60: not a duration (a number with us, ms, s, m, h or d)"},
        {"rate = 100/60s/1s", "rate = 100/60s/1s: not a duration (a number with us, ms, s, m, h or d)"},
        {"rate = 10K/60s", "rate = 10K/60s: not a number (digits only)"},
        {"rate = 0/60s", "rate = 0/60s: below the least value, 1"},
        {"rate = 1001/60s", "rate = 1001/60s: above the greatest value, 1000"},
        {"rate = 100/0", "rate = 100/0: below the least value, 1s"},
        {"rate = 100/25h", "rate = 100/25h: above the greatest value, 24h"},
        {"rate =", "rate: a value is missing"},
        {"windows-paths = true", "windows-paths = true: neither yes nor no"},
        {"windows-paths = YES", "windows-paths = YES: neither yes nor no"},
        {"level = loud", "level = loud: not one of verbose|default|error"},
        {"level = verbose|default", "level = verbose|default: not one of verbose|default|error"},
        {"level = verb", "level = verb: not one of verbose|default|error"},
        {"reply = file:", "reply = file:: not one of noreply|empty|file:"},
        {"reply = emptyx", "reply = emptyx: not one of noreply|empty|file:"},
        {"listen = a,,b", "listen = a,,b: nothing stands before or behind a comma"},
        {"listen = a,", "listen = a,: nothing stands before or behind a comma"},
        {"listen = ,a", "listen = ,a: nothing stands before or behind a comma"},
        {"listen = ,", "listen = ,: nothing stands before or behind a comma"},
        {"listen = a,#b", "listen = a,#b: a '#' here would begin a comment"},
        {"root =#x", "root = #x: a '#' here would begin a comment"},
        {"root = 0123456789012345678901234567890123456789012345678901234567890", NULL},
        {"workers = 0123456789012345678901234567890123456789012345678x",
         "workers = 012345678901234567890123456789012345678901234567...: not a number (digits only)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[256], line[256];
        (void)snprintf(line, sizeof line, "# first\n\n%s\n", cases[i].value);
        (void)snprintf(expected, sizeof expected, FILE_NAME ":3: %s", cases[i].expected);
        write_file(FILE_NAME, line, strlen(line));
        if (cases[i].expected == NULL)
            config_close(open_well(""));
        else
            assert_refused("", expected);
    }
}

static void a_choice_with_a_colon_keeps_the_rest(void **state)
{
    struct config *config = open_well("--reply file:/etc/a:b --level=error");
    const struct values *values = config_values(config);
    (void)state;
    assert_int_equal(values->reply.word, 2);
    assert_string_equal(values->reply.rest, "/etc/a:b");
    assert_int_equal(values->level, 2);
    config_close(config);
}

static void an_empty_value_takes_texts_and_lists_away(void **state)
{
    const struct span text = SPAN("listen =\nroot = /srv\n");
    (void)state;
    write_file(FILE_NAME, text.at, text.len);
    struct config *config = open_well("--root=");
    const struct values *values = config_values(config);
    assert_int_equal(values->listen.count, 0);
    assert_null(values->root);
    config_close(config);
}

/* ---- places ---- */

static void the_command_line_wins_over_the_file_and_the_file_over_defaults(void **state)
{
    const struct span text = SPAN("workers = 7\nmax-request = 1M\nroot = /file\n");
    (void)state;
    write_file(FILE_NAME, text.at, text.len);
    struct config *config = open_well("--workers 9 --root=/line=x");
    const struct values *values = config_values(config);
    assert_int_equal(values->workers, 9);
    assert_int_equal(values->max_request, 1024 * 1024);
    assert_int_equal(values->timeout, 120000000);
    assert_string_equal(values->root, "/line=x");
    config_close(config);
}

static void a_list_adds_within_a_place_and_replaces_a_weaker_one(void **state)
{
    const struct span text = SPAN("listen = a\npeers = x\nlisten = b,c\nlisten = d , e\n");
    (void)state;
    write_file(FILE_NAME, text.at, text.len);
    struct config *config = open_well("--peers=1 --peers 2,3");
    const struct values *values = config_values(config);
    assert_list(&values->listen, (const char *const[]){"a", "b", "c", "d", "e", NULL});
    assert_list(&values->peers, (const char *const[]){"1", "2", "3", NULL});
    config_close(config);
}

static void the_file_may_have_comments_blanks_crlf_and_a_byte_order_mark(void **state)
{
    const struct span text = SPAN("\xEF\xBB\xBFworkers=5\r\n  # comment = 1\r\n\t\r\n#\n root\t=\t/a#b c # comment\r\n"
                                  "reply = file:/x\t#y\n   timeout = 2s");
    (void)state;
    write_file(FILE_NAME, text.at, text.len);
    struct config *config = open_well("");
    const struct values *values = config_values(config);
    assert_int_equal(values->workers, 5);
    assert_string_equal(values->root, "/a#b c");
    assert_string_equal(values->reply.rest, "/x");
    assert_int_equal(values->timeout, 2000000);
    config_close(config);
}

static void a_broken_file_is_refused_with_file_and_line(void **state)
{
    static const struct {
        struct span text;
        const char *expected;
    } cases[] = {
        {{"lsten = x\n", 10}, "1: unknown setting 'lsten': did you mean 'listen'?"},
        {{"\nmax_request = 1M", 17}, "2: unknown setting 'max_request': did you mean 'max-request'?"},
        {{"quite-another = 1", 17}, "1: unknown setting 'quite-another': --help lists them all"},
        {{"help = 1", 8}, "1: unknown setting 'help': --help lists them all"},
        {{"x = 1", 5}, "1: unknown setting 'x': --help lists them all"},
        {{"workers 4\n", 10}, "1: not a setting: write name = value"},
        {{"= 4\n", 4}, "1: not a setting: write name = value"},
        {{"workers = 4\nworkers = 5\n", 24}, "2: workers = 5: given twice, first in line 1: leave one out"},
        {{"workers = 4\nworkers = 4\n", 24}, "2: workers = 4: given twice, first in line 1: leave one out"},
        {{"root = a\0b\n", 11}, "1: has a control character: save the file as UTF-8 text"},
        {{"root = a\rb\n", 11}, "1: has a control character: save the file as UTF-8 text"},
        {{"root = \x7f\n", 9}, "1: has a control character: save the file as UTF-8 text"},
        {{"\xFF\xFEr\0o\0", 6}, "1: has a control character: save the file as UTF-8 text"},
        {{LETTERS_64 "b = 1", 69},
         "1: unknown setting 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...': --help lists them all"},
        {{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xC3\xA4 = 1", 53},
         "1: unknown setting 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...': --help lists them all"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[256];
        (void)snprintf(expected, sizeof expected, FILE_NAME ":%s", cases[i].expected);
        assert_file_refused(cases[i].text, expected);
    }
}

static void lengths_are_bounded(void **state)
{
    enum { TOO_LARGE = 1024 * 1024 + 1 };
    char *text = malloc(TOO_LARGE);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', TOO_LARGE);
    memcpy(text, "root = ", 7);
    assert_file_refused((struct span){text, TOO_LARGE}, FILE_NAME ": not a settings file: larger than 1 MiB");
    assert_file_refused((struct span){text, TOO_LARGE - 1}, FILE_NAME ":1: longer than 8192 bytes");
    assert_file_refused((struct span){text, 8193}, FILE_NAME ":1: longer than 8192 bytes");
    assert_file_refused((struct span){text, 7 + 4097},
                        FILE_NAME ":1: root = xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...: longer than 4096 "
                                  "bytes");
    write_file(FILE_NAME, text, 7 + 4096);
    struct config *config = open_well("");
    const struct values *values = config_values(config);
    assert_int_equal(strlen(values->root), 4096);
    config_close(config);
    free(text);
}

static void a_file_that_is_named_must_exist(void **state)
{
    struct config *config = NULL;
    struct error err;
    (void)state;
    assert_false(open_with("--config other.conf", &config, &err));
    assert_string_equal(err.text, "cannot open 'other.conf': No such file or directory");
    assert_false(open_with("--config=.", &config, &err));
    assert_string_equal(err.text, "cannot read '.': Is a directory");
    assert_int_equal(err.kind, ERROR_SYSTEM);
    write_file(FILE_NAME, "workers = 5", 11);
    write_file("other.conf", "workers = 6", 11);
    config = open_well("--config other.conf");
    assert_int_equal(((const struct values *)config_values(config))->workers, 6);
    config_close(config);
}

static void a_program_may_have_no_file_and_no_check(void **state)
{
    struct config_table bare = table;
    struct config *config = NULL;
    struct error err;
    (void)state;
    bare.file = NULL;
    bare.check = NULL;
    write_file(FILE_NAME, "nonsense", 8);
    part_words("--workers 13", &words);
    assert_true(config_open(&bare, words.count, words.at, &config, &err));
    config_close(config);
}

static void a_wrong_default_is_told(void **state)
{
    const struct config_row wrong = {"workers", CONFIG_NUMBER, FIELD(workers), "65", "1", "64", AT_START, "Threads."};
    struct config_table one = table;
    struct config *config = NULL;
    struct error err;
    (void)state;
    one.rows = &wrong;
    one.count = 1;
    assert_false(config_open(&one, 0, NULL, &config, &err));
    assert_string_equal(err.text, "default of workers = 65: above the greatest value, 64");
}

static void a_wrong_command_line_is_refused(void **state)
{
    static const struct {
        const char *line;
        const char *expected;
    } cases[] = {
        {"--lsten x", "--lsten: unknown setting: did you mean --listen?"},
        {"--confg=x", "--confg: unknown setting: did you mean --config?"},
        {"--check-confgi", "--check-confgi: unknown setting: did you mean --check-config?"},
        {"--quite-another x", "--quite-another: unknown setting: --help lists them all"},
        {"--", "--: unknown setting: --help lists them all"},
        {"--=x", "--: unknown setting: --help lists them all"},
        {"--" LETTERS_64 "a",
         "--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...: unknown setting: --help lists them "
         "all"},
        {"file.conf", "file.conf: not an option: write --name value, --help lists the names"},
        {"-h", "-h: not an option: write --name value, --help lists the names"},
        {"--workers", "--workers: a value is missing"},
        {"--workers=", "--workers: a value is missing"},
        {"--workers --help", "--workers: a value is missing"},
        {"--config", "--config: a value is missing"},
        {"--config=", "--config: a value is missing"},
        {"--config=a --config=b", "--config: given twice: leave one out"},
        {"--help=yes", "--help: takes no value"},
        {"--workers 4 --workers 4", "--workers: 4: given twice: leave one out"},
        {"--workers 65", "--workers: 65: above the greatest value, 64"},
        {"--windows-paths=", "--windows-paths: a value is missing"},
        {"--root a\nb", "--root: a?b: has a control character"},
        {"--root a\t#b", "--root: a?#b: a '#' here would begin a comment"},
        {"--workers 13", "workers = 13 contradicts luck"},
        {"--check-config --workers 13", "workers = 13 contradicts luck"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].line, cases[i].expected);
}

static void a_long_file_name_does_not_push_the_reason_out(void **state)
{
    char line[300], long_name[201];
    struct config *config = NULL;
    struct error err;
    (void)state;
    memset(long_name, 'n', 200);
    long_name[200] = '\0';
    (void)snprintf(line, sizeof line, "--config %s", long_name);
    write_file(long_name, "timeout = 0123456789012345678901234567890123456789012345678901234567890", 71);
    const bool opened = open_with(line, &config, &err);
    assert_int_equal(unlink(long_name), 0);
    assert_false(opened);
    assert_non_null(strstr(err.text, "not a duration (a number with us, ms, s, m, h or d)"));
}

/* ---- wishes ---- */

static void the_first_wish_counts(void **state)
{
    static const struct {
        const char *line;
        enum config_wish expected;
    } cases[] = {
        {"", CONFIG_RUN},
        {"--help", CONFIG_HELP},
        {"--version", CONFIG_VERSION},
        {"--print-config", CONFIG_PRINT},
        {"--check-config", CONFIG_CHECK},
        {"--example-config", CONFIG_EXAMPLE},
        {"--workers 4 --version --help", CONFIG_VERSION},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *config = open_well(cases[i].line);
        assert_int_equal(config_wish(config), cases[i].expected);
        config_close(config);
    }
}

static void help_is_given_with_a_broken_file(void **state)
{
    static const char *const lines[] = {"--help", "--version", "--example-config", "--workers 999 --help"};
    (void)state;
    write_file(FILE_NAME, "nonsense", 8);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        free(answer_to(lines[i]));
    assert_refused("--print-config", FILE_NAME ":1: not a setting: write name = value");
}

static void assert_columns(const char *text, size_t most)
{
    while (*text != '\0') {
        const size_t len = strcspn(text, "\n");
        if (len > most)
            fail_msg("longer than %zu: %.*s", most, (int)len, text);
        text += len + (text[len] == '\n' ? 1 : 0);
    }
}

static void help_shows_every_row_within_80_columns(void **state)
{
    char *help = answer_to("--help");
    (void)state;
    assert_columns(help, 80);
    assert_contains(help, "Usage: trial [--config FILE] [--NAME VALUE]...\nTries the settings.\n");
    assert_contains(help, "\n  --config FILE\n");
    assert_contains(help, "Each is an option, or a line NAME = VALUE of the file\n" FILE_NAME " or of the one");
    assert_contains(help, "\n  --max-request SIZE\n"
                          "      Largest HTTP body taken. A size (bytes, or with K, M or G), from 1K to\n"
                          "      256M. Takes effect on reload. Default: 8M\n");
    assert_contains(help, "\n  --reply WORD\n"
                          "      What is answered. One of noreply, empty, file:TEXT. Takes effect on\n"
                          "      reload. Default: noreply\n");
    assert_contains(help, "\n  --peers LIST\n");
    assert_contains(help, " Takes\n      effect at start. No default.\n");
    for (size_t i = 0; i < table.count; i++)
        assert_contains(help, rows[i].name);
    free(help);
}

static void a_version_is_one_line(void **state)
{
    char *text = answer_to("--version");
    (void)state;
    assert_string_equal(text, "trial 1.2.3\n");
    free(text);
}

static void running_and_checking_have_no_answer(void **state)
{
    char *run = answer_to(""), *check = answer_to("--check-config");
    (void)state;
    assert_string_equal(run, "");
    assert_string_equal(check, "");
    free(run);
    free(check);
}

static void the_example_is_a_file_of_defaults_commented_out(void **state)
{
    char *text = answer_to("--example-config");
    (void)state;
    assert_columns(text, 78);
    assert_contains(text, "\n# Largest HTTP body taken. A size (bytes, or with K, M or G), from 1K to 256M.\n"
                          "# Takes effect on reload.\n#max-request = 8M\n");
    assert_contains(text,
                    "\n# Any number. A number, at most 18446744073709551615. Takes effect on reload.\n#any = 0\n");
    assert_contains(text, ", at least 1s.\n# Takes effect on reload.\n#timeout = 120s\n");
    assert_contains(text, "\n#peers =\n");
    assert_contains(text,
                    "\n# Paths with backslashes. Either yes or no. Takes effect on reload.\n#windows-paths = no\n");

    for (size_t i = 0; i < table.count; i++) {           /* uncomment every default */
        char line[80];
        (void)snprintf(line, sizeof line, "\n#%s =", rows[i].name);
        char *at = strstr(text, line);
        assert_non_null(at);
        at[1] = ' ';
    }
    write_file(FILE_NAME, text, strlen(text));
    struct config *defaults = open_well("--config=/dev/null"), *example = open_well("");
    config_compare(defaults, example, NULL, NULL);       /* calls nobody: nothing differs */
    config_close(defaults);
    config_close(example);
    free(text);
}

static void printed_values_say_where_they_come_from(void **state)
{
    const struct span text = SPAN("# mine\nlisten = a\nlisten = b\nmax-request = 64K\nreply = file:/x y\n");
    (void)state;
    write_file(FILE_NAME, text.at, text.len);
    char *printed = answer_to("--workers 9 --peers=1,2 --print-config");
    assert_string_equal(printed, "listen = a          # settings.conf:2\n"
                                 "listen = b          # settings.conf:3\n"
                                 "peers = 1           # command line\n"
                                 "peers = 2           # command line\n"
                                 "root =              # default\n"
                                 "workers = 9         # command line\n"
                                 "max-request = 64K   # settings.conf:4\n"
                                 "timeout = 120s      # default\n"
                                 "any = 0             # default\n"
                                 "rate = 100/60s      # default\n"
                                 "windows-paths = no  # default\n"
                                 "level = default     # default\n"
                                 "reply = file:/x y   # settings.conf:5\n");
    free(printed);
}

static void printed_values_can_be_read_back(void **state)
{
    char *text = malloc(16 + 4096);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', 16 + 4096);
    memcpy(text, "listen =\nroot = ", 16);
    write_file(FILE_NAME, text, 16 + 4096);
    char *printed = answer_to("--print-config --peers a,b --timeout=3m");
    write_file("other.conf", printed, strlen(printed));
    char *again = answer_to("--config other.conf --print-config");
    struct config *before = open_well("--peers a,b --timeout=3m");
    struct config *after = open_well("--config other.conf");
    config_compare(before, after, NULL, NULL);           /* calls nobody: nothing differs */
    assert_contains(again, "# other.conf:1\n");
    config_close(before);
    config_close(after);
    free(printed);
    free(again);
    free(text);
}

/* ---- passwords ---- */

static void note_change(void *owner, const struct config_row *row, const char *before, const char *after)
{
    char *notes = owner;
    const size_t used = strlen(notes);
    (void)snprintf(notes + used, 256 - used, "%s %s>%s\n", row->name, before, after);
}

static const struct config_row store_row = {"store", CONFIG_URL, FIELD(root), "", NULL, NULL, AT_START, "A URL."};

static struct config *open_store(const char *url, const char *more, struct error *err)
{
    static struct config_table one; /* a config keeps pointing to its table */
    struct config *config = NULL;
    char line[480];
    one = table;
    one.rows = &store_row;
    one.count = 1;
    one.check = NULL;
    (void)snprintf(line, sizeof line, "--store=%s%s", url, more);
    part_words(line, &words);
    return config_open(&one, words.count, words.at, &config, err) ? config : NULL;
}

/* By --print-config, and at a reload; the program has it as it was given. */
static void assert_shown(const char *url, const char *shown)
{
    char expected[128];
    char notes[256] = "";
    char *said = NULL;
    size_t len = 0;
    struct error err;
    struct config *config = open_store(url, " --print-config", &err);
    assert_non_null(config);
    FILE *out = open_memstream(&said, &len);
    config_answer(config, out);
    assert_int_equal(fclose(out), 0);
    (void)snprintf(expected, sizeof expected, "store = %s  # command line\n", shown);
    assert_string_equal(said, expected);
    free(said);

    struct config *after = open_store("/other", "", &err);
    assert_non_null(after);
    config_compare(config, after, note_change, notes);
    (void)snprintf(expected, sizeof expected, "store %s>/other\n", shown);
    assert_string_equal(notes, expected);
    assert_string_equal(((const struct values *)config_values(config))->root, url);
    config_close(after);
    config_close(config);
}

static void a_password_in_a_url_is_shown_to_nobody(void **state)
{
    static const struct {
        const char *url;
        const char *shown;
    } cases[] = {
        {"postgresql://me:pw@host:5432/name", "postgresql://me:***@host:5432/name"},
        {"postgres://me:p:w@[::1]/name?a=b", "postgres://me:***@[::1]/name?a=b"},
        {"postgresql://me:@host/name", "postgresql://me:***@host/name"},
        {"postgresql://:pw@/name", "postgresql://:***@/name"},
        {"postgresql://me:p@w@host/name", "postgresql://***"},
        {"postgresql://me:p/w@host/name", "postgresql://***"},
        {"postgresql://me:p?w@host/name", "postgresql://***"},
        {"postgresql://host:5432/name?password=p@w", "postgresql://***"},
        {"postgresql://me@host:5432/name", "postgresql://me@host:5432/name"},
        {"postgresql://host:5432/name", "postgresql://host:5432/name"},
        {"postgresql://a:5432,b:5433/name", "postgresql://a:5432,b:5433/name"},
        {"postgresql:///name?password=pw", "postgresql:///name?password=***"},
        {"postgresql://me:pw@h/n?a=b&sslpassword=pw&c=d", "postgresql://me:***@h/n?a=b&sslpassword=***&c=d"},
        {"postgresql:///name?p%61ssword=pw&host=/run", "postgresql:///name?p%61ssword=***&host=/run"},
        {"postgresql:///name?%=&password=&%=&", "postgresql:///name?%=***&password=***&%=***&"},
        {"postgresql:///name?passwords=no&password", "postgresql:///name?passwords=no&password"},
        {"other://me:pw@host", "other://me:***@host"},
        {"postgresql://", "postgresql://"},
        {"/a/path:with@signs?password=pw", "/a/path:with@signs?password=pw"},
        {"password=pw", "***"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_shown(cases[i].url, cases[i].shown);
}

static void a_url_that_is_refused_is_not_shown(void **state)
{
    struct error err;
    (void)state;
    assert_null(open_store("postgresql://me:pw@host/name", " --store=x", &err));
    assert_string_equal(err.text, "--store: given twice: leave one out");
    assert_null(open_store("postgresql://me:p\aw@host/name", "", &err));
    assert_string_equal(err.text, "--store: has a control character");
}

/* ---- reload ---- */

static void a_reload_tells_what_changed_and_leaves_the_old_as_it_was(void **state)
{
    const struct span first = SPAN("listen = a\nmax-request = 64K\nworkers = 8\nroot = /a");
    const struct span second =
        SPAN("listen = a\nlisten = b\nmax-request = 65536\ntimeout = 1h\nrate = 9/1m\nworkers = 5\nlevel = error");
    char notes[256] = "";
    struct config *after = NULL;
    struct error err;
    (void)state;
    write_file(FILE_NAME, first.at, first.len);
    struct config *before = open_well("--workers 9");
    write_file(FILE_NAME, second.at, second.len);
    assert_true(config_reload(before, &after, &err));
    config_compare(before, after, note_change, notes);
    assert_string_equal(notes, "listen a>a, b\nroot /a>\ntimeout 120s>1h\nrate 100/60s>9/1m\nlevel default>error\n");
    assert_string_equal(((const struct values *)config_values(before))->root, "/a");
    config_close(after);

    after = NULL;
    write_file(FILE_NAME, "workers", 7);
    assert_false(config_reload(before, &after, &err));
    assert_null(after);
    config_close(before);
    config_close(NULL);
}

/* ---- refused memory ---- */

static int allowed;

static void *allocate_some(size_t size)
{
    return allowed-- > 0 ? malloc(size) : NULL;
}

static void *reallocate_some(void *old, size_t size)
{
    return allowed-- > 0 ? realloc(old, size) : NULL;
}

static void assert_each_allocation_is_needed(int least)
{
    struct config *config = NULL;
    struct error err;
    int needed = 0;
    sys.allocate = allocate_some;
    sys.reallocate = reallocate_some;
    for (allowed = 0; !open_with("--workers 5", &config, &err); allowed = ++needed) {
        assert_int_equal(err.kind, ERROR_NO_MEMORY);
        assert_null(config);
        assert_in_range(needed, 0, 100);
    }
    assert_in_range(needed, least, 100);
    config_close(config);
}

static void each_refused_allocation_is_no_memory(void **state)
{
    char *text = malloc(4 * 4097 + 1);
    size_t len = 0;
    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 4; i++) {                        /* values that fill block after block of the arena */
        static const char *const names[] = {"root =", "reply = file:", "listen =", "peers ="};
        memset(text + len, 'x', 4096);
        memcpy(text + len, names[i], strlen(names[i]));
        len += 4096;
        text[len++] = '\n';
    }
    write_file(FILE_NAME, text, len);
    assert_each_allocation_is_needed(5);

    memset(text, 'a', 4097);                             /* and a list of 2,000 items */
    memcpy(text, "listen=", 7);
    for (size_t i = 8; i < 4096; i += 2)
        text[i] = ',';
    text[4095] = 'a';
    write_file(FILE_NAME, text, 4096);
    assert_each_allocation_is_needed(5);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_fill_every_field),
        TEST(quantities_have_the_worth_of_their_units),
        TEST(a_rate_is_a_number_within_a_duration),
        TEST(a_question_alone_is_answered_with_yes),
        TEST(wrong_values_are_refused_with_what_is_expected),
        TEST(a_choice_with_a_colon_keeps_the_rest),
        TEST(an_empty_value_takes_texts_and_lists_away),
        TEST(the_command_line_wins_over_the_file_and_the_file_over_defaults),
        TEST(a_list_adds_within_a_place_and_replaces_a_weaker_one),
        TEST(the_file_may_have_comments_blanks_crlf_and_a_byte_order_mark),
        TEST(a_broken_file_is_refused_with_file_and_line),
        TEST(lengths_are_bounded),
        TEST(a_file_that_is_named_must_exist),
        TEST(a_program_may_have_no_file_and_no_check),
        TEST(a_wrong_default_is_told),
        TEST(a_wrong_command_line_is_refused),
        TEST(a_long_file_name_does_not_push_the_reason_out),
        TEST(the_first_wish_counts),
        TEST(help_is_given_with_a_broken_file),
        TEST(help_shows_every_row_within_80_columns),
        TEST(a_version_is_one_line),
        TEST(running_and_checking_have_no_answer),
        TEST(the_example_is_a_file_of_defaults_commented_out),
        TEST(printed_values_say_where_they_come_from),
        TEST(printed_values_can_be_read_back),
        TEST(a_password_in_a_url_is_shown_to_nobody),
        TEST(a_url_that_is_refused_is_not_shown),
        TEST(a_reload_tells_what_changed_and_leaves_the_old_as_it_was),
        TEST(each_refused_allocation_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
