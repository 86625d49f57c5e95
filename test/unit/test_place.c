/* Where the things of a site are: as the state system's settings say, or the command line. */
#include "../../src/smx/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char file[] = "/tmp/place-XXXXXX";
static struct place place;
static struct error err;

static void write_settings(const char *text)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    (void)fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static bool find(const char *settings, const char *root, const char *database)
{
    const struct place_options options = {file, root, database};
    write_settings(settings);
    return place_find(&options, &place, &err);
}

static void must_find(const char *settings, const char *root, const char *database)
{
    if (!find(settings, root, database))
        fail_msg("%s", err.text);
}

static void everything_lies_below_the_root(void **state)
{
    (void)state;
    must_find("", "/site", NULL);
    assert_string_equal(place.database, "/site/db/statesys.db");
    assert_string_equal(place.queues[0], "/site/inboxes/auth/statesys.box/incoming/high");
    assert_string_equal(place.queues[1], "/site/inboxes/auth/statesys.box/incoming");
    assert_string_equal(place.queues[2], "/site/inboxes/auth/statesys.box/incoming/low");
    assert_string_equal(place.process, "/site/inboxes/auth/statesys.box/process");
    assert_string_equal(place.retry, "/site/inboxes/auth/statesys.box/retry");
    assert_string_equal(place.corrupt, "/site/inboxes/auth/statesys.box/corrupt");
    assert_string_equal(place.logs, "/site/logs");
    assert_string_equal(place.admin, "127.0.0.1:8082");
}

/* The file has many settings more, which are not our business. */
static void settings_of_the_state_system_say_where(void **state)
{
    (void)state;
    must_find("root = /r\ninbox = /i\ncorrupt-dir = /c\nlog-dir = /l\nadmin-listen =\n"
              "database = postgresql://u@h/d\nsite-code = PS1\nloader-threads = 16   # more\n# root = /no\n",
              NULL, NULL);
    assert_string_equal(place.database, "postgresql://u@h/d");
    assert_string_equal(place.queues[1], "/i/incoming");
    assert_string_equal(place.corrupt, "/c");
    assert_string_equal(place.logs, "/l");
    assert_string_equal(place.admin, "");
}

static void the_command_line_is_stronger(void **state)
{
    (void)state;
    must_find("root = /r\ndatabase = /d\n", "/site", "other.db");
    assert_string_equal(place.database, "other.db");
    assert_string_equal(place.logs, "/site/logs");
}

static void what_is_no_settings_file_is_told(void **state)
{
    static char long_root[5000] = "/";
    (void)state;
    memset(long_root + 1, 'x', sizeof long_root - 2);
    assert_false(find("no setting", NULL, NULL));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_non_null(strstr(err.text, ":1: "));
    assert_false(find("root =", NULL, NULL));
    assert_non_null(strstr(err.text, "root"));
    assert_false(find("", long_root, NULL));
    assert_int_equal(err.kind, ERROR_MALFORMED);
    assert_int_equal(unlink(file), 0);
    assert_false(place_find(&(struct place_options){.config = file}, &place, &err));
    assert_int_equal(err.kind, ERROR_SYSTEM);
}

static int make_file(void **state)
{
    (void)state;
    const int fd = mkstemp(file);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    (void)unlink(file);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_lies_below_the_root),
        cmocka_unit_test(settings_of_the_state_system_say_where),
        cmocka_unit_test(the_command_line_is_stronger),
        cmocka_unit_test(what_is_no_settings_file_is_told),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
