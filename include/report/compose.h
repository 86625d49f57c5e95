/*
 * The writing side of a report: plain data -> the XML that a client sends (spec/smx.md 6, 7 A; statesys.md 6.3).
 *
 * What it hides: the elements in the order of sample A, escaping, times as CIM datetime, and the lines: declaration,
 * CR LF, the report in one line, CR LF. What report_parse reads of it is the same report.
 *
 * Text that no XML can hold (controls, bad UTF-8) is written as U+FFFD. Absent numbers and times (REPORT_NO_NUMBER,
 * REPORT_NO_TIME), `has_serial` = false and `priority_sent` = false leave their attribute or element out; so does an
 * empty `name`, `version`, `content`, `type` or `details`. User and UserSID are always there. Of Params those that a
 * report keeps, REPORT_MOST_PARAMS. Pure.
 */
#ifndef REPORT_COMPOSE_H
#define REPORT_COMPOSE_H

#include "report/report.h"

/* Adds UTF-16LE without byte order mark and NUL, as outgoing_write wants it; behind FF FE it is an .smx file. Of the
 * sender `id` is written as it is; `key`, `line`, `valid` and the problems are not looked at. ERROR_TOO_BIG,
 * ERROR_NO_MEMORY of the buffer. */
bool compose_report(const struct report *report, struct buffer *out, struct error *err) MUST_CHECK;

/* yyyymmddHHMMSS.ffffff+000 and a NUL, 26 bytes in all. Years 1601 to 9999. */
enum { COMPOSE_TIME_SIZE = 26 };
void compose_time(int64_t time, char out[COMPOSE_TIME_SIZE]);

#endif
