/* What came from anywhere, shown to a person or to a program: nothing of it reaches the terminal as a control, and JSON
 * is always valid. Times are microseconds UTC, as everywhere. */
#ifndef SMX_SHOW_H
#define SMX_SHOW_H

#include "base/mem.h"

#include <stdio.h>

/* Line breaks become `line_break`. */
void show_text(FILE *out, struct span text, const char *line_break);
/* "smx: " and the sentence, to standard error. */
void show_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* With its quotes. */
void show_json_text(FILE *out, struct span text);
/* What stands between the quotes of a CSV field, on one line. */
void show_csv_text(FILE *out, struct span text);

enum { SHOW_TIME_SIZE = 40 };
/* 2026-11-22 12:00:00.123 in local time, or 2026-11-22T12:00:00.123Z; "-" for INT64_MIN. Returns out. */
const char *show_local_time(int64_t time, char out[SHOW_TIME_SIZE]);
const char *show_utc_time(int64_t time, char out[SHOW_TIME_SIZE]);

#endif
