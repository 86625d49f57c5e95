/*
 * The decision hidden here: to which directory a right is given. Landlock remembers the directory itself, not its path:
 * when a disk is unmounted its rights are gone, and the same disk mounted again is a stranger. So where a place lies on
 * a disk of its own, the directory above the mount point gets the right too; unless that is the root of everything.
 */
#include "base/sandbox.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Younger than the headers of Debian 12: by the versions of Landlock that know them. */
#define ACCESS_TRUNCATE (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_CHANGE                                                                                                \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER | ACCESS_TRUNCATE)
#define ACCESS_OTHER                                                                                                 \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |                      \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | ACCESS_IOCTL_DEV)
#define ACCESS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

struct ruleset {
    int fd;
    uint64_t handled;
    int os;             /* why it cannot be had; 0: it can */
};

/* ---- rules ---- */

static uint64_t known_to(int version)
{
    uint64_t known = ACCESS_READ | ACCESS_CHANGE | ACCESS_OTHER;
    if (version < 5)
        known &= ~ACCESS_IOCTL_DEV;
    if (version < 3)
        known &= ~ACCESS_TRUNCATE;
    if (version < 2)
        known &= ~LANDLOCK_ACCESS_FS_REFER;
    return known;
}

static void add_rule(struct ruleset *rules, int fd, uint64_t access)
{
    struct stat status;
    if (sys.fstat(fd, &status) != 0) {
        rules->os = errno;
        return;
    }
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = access & rules->handled & (S_ISDIR(status.st_mode) ? ~0ULL : ACCESS_OF_FILES),
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        rules->os = errno;
}

/* False: there is no such thing. */
static bool add_path(struct ruleset *rules, const char *path, uint64_t access)
{
    const int fd = sys.openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    add_rule(rules, fd, access);
    (void)sys.close(fd);                /* only pointed at */
    return true;
}

/* Cuts the last name off; false where "/" was reached, or nothing is left. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return false;
    *slash = '\0';
    return true;
}

static void add_readable(struct ruleset *rules, const char *path)
{
    char nearest[PATH_MAX];
    (void)snprintf(nearest, sizeof nearest, "%s", path);
    while (!add_path(rules, nearest, ACCESS_READ))
        if (!go_up(nearest))
            return;
}

/* The directory above the place where the disk of `path` is mounted. */
static bool find_above_mount(const char *path, char above[PATH_MAX])
{
    struct stat here;
    struct stat higher;
    if (realpath(path, above) == NULL || sys.fstatat(AT_FDCWD, above, &here, 0) != 0)
        return false;
    while (go_up(above))
        if (sys.fstatat(AT_FDCWD, above, &higher, 0) != 0 || higher.st_dev != here.st_dev)
            return true;
    return false;
}

static void add_writable(struct ruleset *rules, const char *path)
{
    char above[PATH_MAX];
    if (!add_path(rules, path, ACCESS_READ | ACCESS_CHANGE))
        rules->os = errno;              /* it is needed: rather no limit than one that shuts us out */
    if (find_above_mount(path, above))
        (void)add_path(rules, above, ACCESS_READ | ACCESS_CHANGE);
}

static void add_place(struct ruleset *rules, const struct sandbox_place *place)
{
    if (place->path == NULL)
        return;
    switch (place->use) {
    case SANDBOX_READ:
        add_readable(rules, place->path);
        break;
    case SANDBOX_WRITE:
        add_writable(rules, place->path);
        break;
    case SANDBOX_UNLINK:
        (void)add_path(rules, place->path, LANDLOCK_ACCESS_FS_REMOVE_FILE);
        break;
    }
}

/* Names of time zones and hosts, what the kernel tells of disks and processors, the way to a descriptor. */
static void add_system(struct ruleset *rules)
{
    static const char *const paths[] = {"/etc", "/usr", "/lib", "/lib64", "/dev", "/proc", "/sys"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        (void)add_path(rules, paths[i], ACCESS_READ);
}

/* ---- limiting ---- */

static void open_rules(struct ruleset *rules, int version)
{
    rules->handled = known_to(version);
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = rules->handled};
    rules->fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    rules->os = rules->fd < 0 ? errno : 0;
}

static void enforce(struct ruleset *rules)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, rules->fd, 0) != 0)
        rules->os = errno;
}

void sandbox_limit_files(struct sandbox *sandbox, const struct sandbox_place *places, size_t count)
{
    struct ruleset rules = {.fd = -1};
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version > 0)
        open_rules(&rules, (int)version);
    else
        rules.os = errno;
    if (rules.os == 0) {
        add_system(&rules);
        for (size_t i = 0; i < count; i++)
            add_place(&rules, &places[i]);
    }
    if (rules.os == 0)
        enforce(&rules);
    if (rules.fd >= 0)
        (void)sys.close(rules.fd);      /* in force, or given up */
    sandbox->files = rules.os == 0 ? (int)version : 0;
    sandbox->files_os = rules.os;
}

void sandbox_describe(const struct sandbox *sandbox, char out[SANDBOX_TEXT_SIZE])
{
    char files[SANDBOX_TEXT_SIZE / 2 - 2];
    char calls[SANDBOX_TEXT_SIZE / 2 - 2];
    if (sandbox->files > 0)
        (void)snprintf(files, sizeof files, "files outside of its directories are out of reach (Landlock %d)",
                       sandbox->files);
    else
        (void)snprintf(files, sizeof files, "no limit on files (Landlock: %s)", strerrordesc_np(sandbox->files_os));
    if (sandbox->calls > 0)
        (void)snprintf(calls, sizeof calls, "no program can be started (seccomp, %u calls allowed)", sandbox->calls);
    else
        (void)snprintf(calls, sizeof calls, "no limit on calls (seccomp: %s)", strerrordesc_np(sandbox->calls_os));
    (void)snprintf(out, SANDBOX_TEXT_SIZE, "%s, %s", files, calls);
}
