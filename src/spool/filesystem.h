/* What the file system below a directory promises beyond POSIX. Where we do not know, it promises nothing. */
#ifndef SPOOL_FILESYSTEM_H
#define SPOOL_FILESYSTEM_H

#include <stdbool.h>

/* syncfs does for all files what fsync does for one, and reports the errors of a write-back. */
bool filesystem_syncs_whole(int directory);

/* A nameless file that was synced and then linked survives a power cut once its directory is synced. */
bool filesystem_links_nameless(int directory);

#endif
