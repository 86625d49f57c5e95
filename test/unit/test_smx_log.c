/* smx log: what people see of a log, and that it follows the file wherever it goes. */
#include "../../src/smx/verbs.h"

#include "log_directory.h"

#include <signal.h>
#include <sys/wait.h>

#define RECORD(text, type)                                                                                             \
    "<![LOG[" text "]LOG]!><time=\"12:29:46.123+000\" date=\"03-09-2024\" component=\"C\" "                            \
    "context=\"\" type=\"" type "\" thread=\"7\" file=\"f.c:1\">\r\n"
#define SHOWN(text) "2024-03-09 12:29:46.123  C                          7  " text "\n"

static void append(const char *bytes, size_t len, int flags)
{
    const int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(close(fd), 0);
}

static void append_text(const char *text)
{
    append(text, strlen(text), O_APPEND);
}

/* The verb in a process of its own, which ends as a program does: what it ran is counted by `make coverage`. */
static pid_t fork_verb(char *const *arguments, int standard_output)
{
    int count = 0;
    while (arguments[count] != NULL)
        count++;
    (void)fflush(NULL);                 /* what is buffered is not the child's to write */
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    (void)dup2(standard_output, STDOUT_FILENO);
    (void)close_range(STDERR_FILENO, ~0U, 0);       /* the pipe's other end too: a reader that goes away is noticed */
    (void)signal(SIGPIPE, SIG_IGN);
    exit(verb_log(count, (char **)(uintptr_t)arguments));
}

/* Its standard output is *out. */
static pid_t start_verb(char *const *arguments, int *out)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork_verb(arguments, ends[1]);
    (void)close(ends[1]);
    *out = ends[0];
    return child;
}

static int wait_for(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Reads until as much came as is expected; a verb that says less is waited for until the test program is stopped. */
static void assert_output(int out, const char *expected)
{
    char got[4096] = "";
    size_t len = 0;
    while (len < strlen(expected)) {
        const ssize_t step = read(out, got + len, strlen(expected) - len);
        if (step <= 0)
            break;
        len += (size_t)step;
    }
    assert_string_equal(got, expected);
}

static int run_verb(char *const *arguments, const char *expected)
{
    int out;
    const pid_t child = start_verb(arguments, &out);
    char rest;
    assert_output(out, expected);
    assert_int_equal(read(out, &rest, 1), 0);
    (void)close(out);
    return wait_for(child);
}

static void each_record_is_one_readable_line(void **state)
{
    char *arguments[] = {"log", path, NULL};
    (void)state;
    append_text(RECORD("first", "1")
                    RECORD("second", "3") "a failure  $$<C><03-09-2024 12:29:46.123+000><thread=7 (0x7)>\r\n"
                                          "unframed\r\n<![LOG[cut");
    assert_int_equal(run_verb(arguments,
                              SHOWN("first") SHOWN("second")
                                  SHOWN("a failure") "-                                                   0  unframed\n"
                                                     "-                                                   0  cut\n"),
                     0);
}

static void a_record_of_several_lines_is_shown_whole_and_forges_none(void **state)
{
    char *arguments[] = {"log", path, NULL};
    (void)state;
    append_text(RECORD("Body: <a>\r\n\t<b/>\n"
                       "2024-03-09 12:29:46.123  C",
                       "1"));
    assert_int_equal(run_verb(arguments, SHOWN("Body: <a>\n    \t<b/>\n    2024-03-09 12:29:46.123  C")), 0);
}

static void no_control_reaches_the_terminal(void **state)
{
    char *arguments[] = {"log", path, NULL};
    (void)state;
    append_text(RECORD("\x1b[31m\x07\xc2\x9b\xe2\x80\xae\xff\r", "1") "<![LOG[x]LOG]!><component=\"\x1b\">\n");
    assert_int_equal(
        run_verb(arguments,
                 SHOWN("?[31m???\xef\xbf\xbd~") "-                        ?                          0  x\n"),
        0);
}

static void json_is_one_object_a_line(void **state)
{
    char *arguments[] = {"log", "--json", path, NULL};
    (void)state;
    append_text(RECORD("a \"quote\" \\ \x1b\r\n\tb", "2") "plain\n");
    assert_int_equal(
        run_verb(arguments,
                 "{\"time\":\"2024-03-09T12:29:46.123Z\",\"type\":\"warning\",\"thread\":7,\"component\":\"C\","
                 "\"context\":\"\",\"file\":\"f.c:1\",\"text\":\"a \\\"quote\\\" \\\\ ?\\n\\tb\"}\n"
                 "{\"time\":null,\"type\":\"plain\",\"thread\":0,\"component\":\"\",\"context\":\"\",\"file\":\"\","
                 "\"text\":\"plain\"}\n"),
        0);
}

static void a_long_text_is_shown_whole_with_its_characters(void **state)
{
    static char record[20000];
    static char expected[20000];
    char *arguments[] = {"log", path, NULL};
    size_t len = strlen("<![LOG[");
    (void)state;
    memcpy(record, "<![LOG[", len);
    for (int i = 0; i < 1000; i++, len += 3)
        memcpy(record + len, "\xe2\x82\xac", 3);
    (void)snprintf(expected, sizeof expected, "-                                                   0  %.*s\n", 3000,
                   record + strlen("<![LOG["));
    append(record, len, 0);
    int out;
    const pid_t child = start_verb(arguments, &out);
    char got[4096] = "";
    size_t read_so_far = 0;
    for (ssize_t step; (step = read(out, got + read_so_far, sizeof got - 1 - read_so_far)) > 0;)
        read_so_far += (size_t)step;
    (void)close(out);
    assert_int_equal(wait_for(child), 0);
    assert_string_equal(got, expected);
}

static void wrong_use_and_no_input_have_their_status(void **state)
{
    static char missing[] = "/nonexistent/X.log";
    static const struct {
        char *arguments[5];
        int status;
    } rows[] = {
        {{"log", NULL}, 64},          {{"log", "a", "b", NULL}, 64},  {{"log", "--nonsense", "a", NULL}, 64},
        {{"log", missing, NULL}, 66}, {{"log", directory, NULL}, 66}, {{"log", "-f", directory, NULL}, 66},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(run_verb(rows[i].arguments, ""), rows[i].status);
}

static void an_output_that_fails_is_an_error(void **state)
{
    char *arguments[] = {"log", path, NULL};
    (void)state;
    append_text(RECORD("text", "1"));
    const int full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0);
    const pid_t child = fork_verb(arguments, full);
    (void)close(full);
    assert_int_equal(wait_for(child), 74);
}

static void following_goes_over_rename_and_truncation(void **state)
{
    char *arguments[] = {"log", "-f", path, NULL};
    char old[320];
    int out;
    (void)state;
    (void)snprintf(old, sizeof old, "%s", name_of("X.lo_"));
    const pid_t child = start_verb(arguments, &out);        /* the file is not there yet */
    append_text(RECORD("one", "1") "<![LOG[tw");
    assert_output(out, SHOWN("one"));
    append_text("o]LOG]!><time=\"12:29:46.123+000\" date=\"03-09-2024\" component=\"C\" thread=\"7\">\r\n");
    assert_output(out, SHOWN("two"));
    append_text(RECORD("three", "1"));                      /* the old file's last words */
    assert_int_equal(rename(path, old), 0);
    append_text(RECORD("four", "1"));
    assert_output(out, SHOWN("three") SHOWN("four"));
    append(RECORD("5", "1"), strlen(RECORD("5", "1")), O_TRUNC);
    assert_output(out, SHOWN("5"));
    (void)close(out);
    append_text(RECORD("6", "1"));                          /* for nobody */
    assert_int_equal(wait_for(child), 74);
}

static void what_follows_is_shown_with_the_bytes_that_were_cut_off(void **state)
{
    char *arguments[] = {"log", "-f", path, NULL};
    int out;
    (void)state;
    append_text(RECORD("1", "1") "<![LOG[half");
    const pid_t child = start_verb(arguments, &out);
    assert_output(out, SHOWN("1"));
    append("", 0, O_TRUNC);
    assert_output(out, "-                                                   0  half\n");
    (void)close(out);
    append_text(RECORD("2", "1"));
    assert_int_equal(wait_for(child), 74);
}

static void a_record_larger_than_the_memory_for_it_is_shown_in_parts(void **state)
{
    enum { LEN = 3 * 1024 * 1024 };
    static char record[LEN];
    char *arguments[] = {"log", path, NULL};
    char piece[4096];
    int out;
    size_t seen = 0;
    (void)state;
    memset(record, 'x', sizeof record);
    memcpy(record, "<![LOG[", strlen("<![LOG["));
    append(record, sizeof record, 0);
    const pid_t child = start_verb(arguments, &out);
    for (ssize_t got; (got = read(out, piece, sizeof piece)) > 0;)
        for (ssize_t i = 0; i < got; i++)
            seen += piece[i] == 'x';
    (void)close(out);
    assert_int_equal(wait_for(child), 0);
    assert_int_equal(seen, LEN - strlen("<![LOG["));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_record_is_one_readable_line),
        TEST(a_record_of_several_lines_is_shown_whole_and_forges_none),
        TEST(no_control_reaches_the_terminal),
        TEST(json_is_one_object_a_line),
        TEST(a_long_text_is_shown_whole_with_its_characters),
        TEST(wrong_use_and_no_input_have_their_status),
        TEST(an_output_that_fails_is_an_error),
        TEST(following_goes_over_rename_and_truncation),
        TEST(what_follows_is_shown_with_the_bytes_that_were_cut_off),
        TEST(a_record_larger_than_the_memory_for_it_is_shown_in_parts),
    };
    if (setenv("TZ", "UTC0", 1) != 0)
        return 1;
    tzset();
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
