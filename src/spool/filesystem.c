/*
 * The decision hidden here: which file systems are trusted with more than POSIX says.
 *
 * A nameless file is synced while its link count is 0; the link then raises the count, which is part of the file and
 * not of the directory. With a journal both are one transaction, so syncing the directory brings the count along.
 * Without one (ext4 -O ^has_journal, ext2) a power cut leaves a synced name for a file that counts as deleted, and
 * the check at the next mount removes the name: six of eight such files were left when we tried it.
 */
#include "filesystem.h"

#include "base/sys.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool is_known(int directory, long *type)
{
    static const long known[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC};
    struct statfs filesystem;
    if (fstatfs(directory, &filesystem) != 0)
        return false;
    *type = (long)filesystem.f_type;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (*type == known[i])
            return true;
    return false;
}

/* Since Linux 5.8. */
static bool syncfs_reports_errors(void)
{
    struct utsname kernel;
    unsigned major = 0;
    unsigned minor = 0;
    /* NOLINTNEXTLINE(cert-err34-c): three digits always fit */
    if (uname(&kernel) != 0 || sscanf(kernel.release, "%3u.%3u", &major, &minor) != 2)
        return false;
    return major > 5 || (major == 5 && minor >= 8);
}

bool filesystem_syncs_whole(int directory)
{
    long type;
    return syncfs_reports_errors() && is_known(directory, &type);
}

/* The kernel tells the process number of the journal's thread, or "<none>". */
static bool ext4_has_journal(dev_t device)
{
    char link[64];
    char target[PATH_MAX];
    char path[64 + NAME_MAX];
    (void)snprintf(link, sizeof link, "/sys/dev/block/%u:%u", major(device), minor(device));
    const ssize_t len = readlink(link, target, sizeof target - 1);
    if (len <= 0)
        return false;
    target[len] = '\0';
    const char *slash = strrchr(target, '/');
    (void)snprintf(path, sizeof path, "/sys/fs/ext4/%.*s/journal_task", NAME_MAX, slash == NULL ? target : slash + 1);
    const int fd = sys.openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    char first = '\0';
    const bool found = sys.read(fd, &first, 1) == 1 && isdigit((unsigned char)first);
    (void)sys.close(fd);                /* only read from */
    return found;
}

bool filesystem_links_nameless(int directory)
{
    long type;
    struct stat status;
    if (!is_known(directory, &type))
        return false;
    if (type != EXT4_SUPER_MAGIC)
        return true;                    /* these have no form without a journal, or log of their own */
    return sys.fstat(directory, &status) == 0 && ext4_has_journal(status.st_dev);
}
