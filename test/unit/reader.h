/* One XML reader for all tests of a program: for cmocka_run_group_tests(tests, open_reader, close_reader). */
#ifndef TEST_UNIT_READER_H
#define TEST_UNIT_READER_H

#include "report/xml.h"

static struct xml_reader *reader;

static int open_reader(void **state)
{
    struct error err;
    (void)state;
    xml_init();
    return xml_open(&reader, &err) ? 0 : -1;
}

static int close_reader(void **state)
{
    (void)state;
    xml_close(reader);
    xml_close(NULL);
    return 0;
}

#endif
