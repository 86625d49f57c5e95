/* The health of a site for people, as a block of lines, and for programs, as one JSON object. */
#ifndef SMX_HEALTH_SHOW_H
#define SMX_HEALTH_SHOW_H

#include "health.h"

#include <stdio.h>

/* `before` is an earlier look, for the rates. */
void health_show(FILE *out, const struct health *before, const struct health *now);
void health_show_json(FILE *out, const struct health *before, const struct health *now);

/* The two counters of the original's performance object "SMS State System", a minute. */
double health_messages_rate(const struct health *before, const struct health *now);
double health_files_rate(const struct health *before, const struct health *now);

#endif
