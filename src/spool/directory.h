/* A queue's directory as a whole: swept of leftovers, counted. */
#ifndef SPOOL_DIRECTORY_H
#define SPOOL_DIRECTORY_H

#include "spool/spool.h"

/* Removes our own temporaries: all of them if `alone`, else those older than an hour, because another process may be
 * writing the young ones (smx.md 2). */
bool directory_sweep(const char *path, bool alone, struct error *err) MUST_CHECK;

/* Files with that extension (any case) that do not begin with a dot, added to *count. Unreadable: adds nothing. */
void directory_count(const char *path, const char *extension, uint64_t *count);

#endif
