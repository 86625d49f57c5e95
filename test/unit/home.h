/*
 * A directory of a test's own. In memory where there is such a place, for thousands of files are made and removed;
 * TMPDIR names another.
 */
#ifndef TEST_HOME_H
#define TEST_HOME_H

#include <assert.h>
#include <dirent.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { HOME_SIZE = 256 };

/* What is in memory counts as one of the file systems that keep nameless files (src/spool/filesystem.c), so that no
 * test depends on where it runs. */
int fstatfs(int fd, struct statfs *out)
{
    const int result = (int)syscall(SYS_fstatfs, fd, out);
    out->f_type = XFS_SUPER_MAGIC;
    return result;
}

static inline void home_make(char path[HOME_SIZE])
{
    const char *place = getenv("TMPDIR");
    if (place == NULL)
        place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(path, HOME_SIZE, "%.200s/spool-XXXXXX", place);
    if (mkdtemp(path) == NULL)
        abort();
}

static inline void home_empty(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        abort();
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char below[512];
        (void)snprintf(below, sizeof below, "%.200s/%.300s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || unlink(below) == 0)
            continue;
        home_empty(below);
        if (rmdir(below) != 0)
            abort();
    }
    (void)closedir(directory);
}

static inline void home_remove(const char *path)
{
    home_empty(path);
    if (rmdir(path) != 0)
        abort();
}

static inline unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        abort();
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

#endif
