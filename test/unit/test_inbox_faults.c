/* Each call of a round fails in turn, and a reader dies before each: every file is in exactly one place, none is
 * lost. */
#include "inbox_home.h"
#include "inbox_steps.h"

#include <errno.h>
#include <sys/wait.h>

enum { STEPS_MOST = 1000, FILES = 7 };

/* ---- what lies where ---- */

/* Each file is known by its content, a digit; `copies` counts the places. Reasons are not counted. */
static unsigned copies[FILES];

static void count_below(const char *path)
{
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char below[PATH_SIZE];
        (void)snprintf(below, sizeof below, "%.300s/%.290s", path, entry->d_name);
        if (entry->d_name[0] == '.' || strstr(entry->d_name, ".why") != NULL)
            continue;
        if (entry->d_type == DT_DIR) {
            count_below(below);
        } else if (strcmp(entry->d_name, "lock") != 0) {
            const int digit = content_of(below + strlen(home) + 1)[0] - '0';
            assert_true(digit >= 0 && digit < FILES);
            copies[digit]++;
        }
    }
    (void)closedir(directory);
}

static void assert_places(unsigned most, bool removed_is_gone)
{
    memset(copies, 0, sizeof copies);
    count_below(home);
    for (size_t i = 0; i < FILES; i++) {
        const bool may_be_gone = i == 0 || i == 6;
        if (may_be_gone && copies[i] == 0)
            continue;
        assert_in_range(copies[i], 1, most);
    }
    if (removed_is_gone)
        assert_int_equal(copies[0], 0);
}

/* Of a file in corrupt/ there is always the reason, and it is whole. */
static void assert_reason(void)
{
    const bool rejected = is_there("corrupt/1.smx") && content_of("corrupt/1.smx")[0] == '1';
    if (rejected)
        assert_non_null(strstr(content_of("corrupt/1.smx.why"), "Z bad\n"));
}

/* ---- the story ---- */

static uint64_t corrupt_most = 1;

static void prepare(void)
{
    char below[16];
    char content[2] = "0";
    inbox_close(open_inbox());
    for (; content[0] < '4'; content[0]++) {
        (void)snprintf(below, sizeof below, "in/%s.smx", content);
        put(below, content);
    }
    put("process/1/2/4.smx", "4");              /* of a reader that is gone */
    put("retry/5.retry-1-0-100.smx", "5");      /* due */
    put("corrupt/0.smx", "6");                  /* too much, and by its name the first if times are equal */
    put("corrupt/0.smx.why", "bad\n");
}

static bool end_file(struct inbox *inbox, const struct inbox_file *file, struct error *err)
{
    struct buffer bytes;
    buffer_init(&bytes, 10);
    const bool done = inbox_read(inbox, file, &bytes, err);
    const char what = done ? bytes.at[0] : '3';
    buffer_fini(&bytes);
    switch (what) {
    case '0':
        return inbox_remove(inbox, file, err);
    case '1':
        return inbox_reject(inbox, file, "bad", err);
    case '2':
        return inbox_retry(inbox, file, 1, 1000, err);
    default:
        return inbox_return(inbox, file, err) && done;
    }
}

static bool load_queue(struct inbox *inbox, unsigned queue, struct error *err)
{
    struct inbox_entry *entries;
    size_t count;
    bool done = true;
    if (!inbox_list(inbox, queue, 4, &entries, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct inbox_file file;
        done &= inbox_claim(inbox, &entries[i], NULL, &file, err) && end_file(inbox, &file, err);
    }
    sys.release(entries);
    return done;
}

static bool run_reader(struct error *err)
{
    struct inbox_settings settings = *settings_of_home();
    struct inbox *inbox;
    uint64_t count;
    settings.corrupt_most = corrupt_most;
    if (!inbox_open(&settings, &inbox, err))
        return false;
    bool done = inbox_recover(inbox, &count, err);
    if (done) {
        done &= inbox_bring_due(inbox, 500, &count, err);
        for (unsigned queue = 0; queue < 3; queue++)
            done &= load_queue(inbox, queue, err);
        done &= inbox_sync(inbox, err);
        done &= inbox_trim(inbox, 0, &count, err);
    }
    inbox_close(inbox);
    return done;
}

/* What was left behind is brought to its end by the next reader, with nothing in its way. */
static void assert_next_reader_ends_it(unsigned most)
{
    struct error err;
    assert_true(run_reader(&err));
    assert_places(most, most == 1);
    assert_true(is_there("corrupt/1.smx") || is_there("corrupt/1.1.smx"));
    assert_true(is_there("retry/2.retry-1-1-1000.smx") || is_there("retry/2.1.retry-1-1-1000.smx"));
    struct inbox *inbox = open_inbox();
    for (unsigned queue = 0; queue < 3; queue++) {
        const char *names = names_of(inbox, queue, 10);
        assert_int_equal(names[0], "534"[queue]);
        assert_true(most > 1 || strchr(names, ' ') == NULL);
        assert_true(queue > 0 || strstr(names, ".retry-1.smx") != NULL);
    }
    inbox_close(inbox);
}

/* ---- failures ---- */

static void fail_each_step(int error)
{
    void *unused = NULL;
    bool hit = true;
    for (unsigned at = 1; hit; at++) {
        struct error err = {0};
        assert_true(at < STEPS_MOST);
        (void)make_home(&unused);
        prepare();
        const unsigned descriptors = count_descriptors();
        steps_begin(at, error);
        const bool done = run_reader(&err);
        hit = steps.hit;
        steps_end();
        assert_int_equal(count_descriptors(), descriptors);
        assert_true(done || (hit && err.kind != ERROR_NONE && err.text[0] != '\0'));
        assert_places(1, done && error != ENOENT);      /* what is said to be gone waits for the next reader */
        assert_reason();
        assert_next_reader_ends_it(1);
        (void)remove_home(&unused);
    }
}

static void whatever_fails_each_file_is_in_one_place(void **state)
{
    (void)state;
    steps.poor = false;
    fail_each_step(EIO);
    fail_each_step(ENOSPC);
}

static void also_where_the_file_system_knows_less(void **state)
{
    (void)state;
    steps.poor = true;
    fail_each_step(EIO);
}

/* It takes a file, or a name. Trimming is left out: it may remove a file of which it is told that it is gone. */
static void what_another_reader_does_costs_no_file(void **state)
{
    (void)state;
    steps.poor = false;
    corrupt_most = 1000;
    fail_each_step(ENOENT);
    fail_each_step(EEXIST);
    corrupt_most = 1;
}

/* ---- deaths ---- */

/* Before step `at` of a reader in a process of its own; false if it had fewer. */
static bool die_at(unsigned at)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        struct error err;
        steps_begin(at, STEPS_DEATH);
        _exit(run_reader(&err) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == STEPS_EXIT));
    return WEXITSTATUS(status) == STEPS_EXIT;
}

static void die_at_each_step(unsigned most)
{
    void *unused = NULL;
    bool died = true;
    for (unsigned at = 1; died; at++) {
        assert_true(at < STEPS_MOST);
        (void)make_home(&unused);
        prepare();
        died = die_at(at);
        assert_places(most, false);
        assert_reason();
        assert_next_reader_ends_it(most);
        (void)remove_home(&unused);
    }
}

static void a_reader_may_die_at_any_step(void **state)
{
    (void)state;
    steps.poor = false;
    die_at_each_step(1);
}

/* Between link and unlink a file has two names: it is loaded twice then, never lost. */
static void where_the_file_system_knows_less_a_death_may_leave_two(void **state)
{
    (void)state;
    steps.poor = true;
    die_at_each_step(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_each_file_is_in_one_place),
        cmocka_unit_test(also_where_the_file_system_knows_less),
        cmocka_unit_test(what_another_reader_does_costs_no_file),
        cmocka_unit_test(a_reader_may_die_at_any_step),
        cmocka_unit_test(where_the_file_system_knows_less_a_death_may_leave_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
