/* A directory as a whole: swept of leftovers, counted, synced. */
#ifndef SPOOL_DIRECTORY_H
#define SPOOL_DIRECTORY_H

#include "spool/spool.h"

/* Removes our own temporaries: all of them if `alone`, else those older than an hour, because another process may be
 * writing the young ones (smx.md 2). */
bool directory_sweep(const char *path, bool alone, struct error *err) MUST_CHECK;

/* The same for other temporaries: those of which `is_ours` says so, last changed before that time; INT64_MAX: all. */
bool directory_remove(const char *path, bool (*is_ours)(const char *name), int64_t before,
                      struct error *err) MUST_CHECK;
/* What was changed before is nobody's work any more. */
int64_t directory_stale(int64_t now);
/* The 16 characters of spool_name_write, and then `end`. */
bool directory_is_drawn(const char *name, const char *end);

/* False: others than owner and group may write there. The path of one that is not there (yet) is good. */
bool directory_check(int directory, const char *path, struct error *err) MUST_CHECK;
bool directory_check_path(const char *path, struct error *err) MUST_CHECK;

/* Are its entries on stable storage? On false errno is set. */
bool directory_sync(int directory) MUST_CHECK;

/* Is there a file of that name with these very bytes, in two parts? Where that cannot be told there is none. */
bool directory_holds(int directory, const char *name, const struct span content[2]);

/* Files with that extension (any case) that do not begin with a dot, added to *count. Unreadable: adds nothing. */
void directory_count(const char *path, const char *extension, uint64_t *count);

#endif
