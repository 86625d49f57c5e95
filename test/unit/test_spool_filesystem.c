/* Which file systems are trusted with more than POSIX says: only known ones, and an ext4 only with a journal. */
#include "../../src/spool/filesystem.h"
#include "base/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a machine that is made up ---- */

struct machine {
    long type;           /* of the file system, 0: cannot be asked */
    const char *release; /* of the kernel, NULL: cannot be asked */
    const char *device;  /* where the device's link leads, NULL: nowhere */
    const char *task;    /* what its journal_task says, NULL: it has none */
    bool no_status;      /* fstat fails */
};

static struct machine machine;
static char asked[512];

static int refuse(int error)
{
    errno = error;
    return -1;
}

int fstatfs(int fd, struct statfs *out)
{
    (void)fd;
    out->f_type = machine.type;
    return machine.type == 0 ? refuse(EIO) : 0;
}

int uname(struct utsname *out)
{
    (void)snprintf(out->release, sizeof out->release, "%s", machine.release == NULL ? "" : machine.release);
    return machine.release == NULL ? refuse(EFAULT) : 0;
}

ssize_t readlink(const char *path, char *out, size_t size)
{
    if (strncmp(path, "/sys/dev/block/", 15) != 0 || machine.device == NULL)
        return refuse(ENOENT);
    const size_t len = strlen(machine.device);
    assert_true(len <= size);
    memcpy(out, machine.device, len);
    return (ssize_t)len;
}

static int open_task(int directory, const char *path, int flags, mode_t mode)
{
    (void)directory;
    (void)flags;
    (void)mode;
    (void)snprintf(asked, sizeof asked, "%s", path);
    if (machine.task == NULL)
        return refuse(ENOENT);
    const int fd = memfd_create("journal_task", MFD_CLOEXEC);
    const ssize_t len = (ssize_t)strlen(machine.task);
    assert_true(write(fd, machine.task, (size_t)len) == len && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static int ask_status(int fd, struct stat *out)
{
    (void)fd;
    *out = (struct stat){.st_dev = 0x803};
    return machine.no_status ? refuse(EIO) : 0;
}

static int begin(void **state)
{
    (void)state;
    sys.openat = open_task;
    sys.fstat = ask_status;
    return 0;
}

static int end(void **state)
{
    (void)state;
    sys = sys_kernel;
    return 0;
}

/* ---- tests ---- */

static void nameless_files_are_linked_only_where_a_synced_directory_keeps_them(void **state)
{
    (void)state;
    static const struct {
        struct machine machine;
        bool links;
    } rows[] = {
        {{.type = XFS_SUPER_MAGIC}, true},
        {{.type = BTRFS_SUPER_MAGIC}, true},
        {{.type = F2FS_SUPER_MAGIC}, true},
        {{.type = NFS_SUPER_MAGIC}, false},
        {{.type = TMPFS_MAGIC}, false},
        {{.type = 0}, false},
        {{.type = EXT4_SUPER_MAGIC, .device = "../../devices/virtual/block/sda3", .task = "417\n"}, true},
        {{.type = EXT4_SUPER_MAGIC, .device = "sda3", .task = "417\n"}, true},
        {{.type = EXT4_SUPER_MAGIC, .device = "../../sda3", .task = "<none>\n"}, false},
        {{.type = EXT4_SUPER_MAGIC, .device = "../../sda3", .task = ""}, false},
        {{.type = EXT4_SUPER_MAGIC, .device = "../../sda3"}, false},
        {{.type = EXT4_SUPER_MAGIC, .task = "417\n"}, false},
        {{.type = EXT4_SUPER_MAGIC, .device = "", .task = "417\n"}, false},
        {{.type = EXT4_SUPER_MAGIC, .device = "../../sda3", .task = "417\n", .no_status = true}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        machine = rows[i].machine;
        assert_int_equal(filesystem_links_nameless(7), rows[i].links);
        if (machine.type == EXT4_SUPER_MAGIC && rows[i].links)
            assert_string_equal(asked, "/sys/fs/ext4/sda3/journal_task");
    }
}

static void a_whole_file_system_is_synced_only_where_the_kernel_reports_its_errors(void **state)
{
    (void)state;
    static const struct {
        long type;
        const char *release;
        bool syncs;
    } rows[] = {
        {EXT4_SUPER_MAGIC, "6.1.0-18-amd64", true},
        {XFS_SUPER_MAGIC, "5.10.0", true},
        {XFS_SUPER_MAGIC, "5.8.0", true},
        {XFS_SUPER_MAGIC, "5.7.19", false},
        {XFS_SUPER_MAGIC, "4.19.0", false},
        {XFS_SUPER_MAGIC, "of tomorrow", false},
        {XFS_SUPER_MAGIC, "6", false},
        {XFS_SUPER_MAGIC, NULL, false},
        {NFS_SUPER_MAGIC, "6.1.0", false},
        {0, "6.1.0", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        machine = (struct machine){.type = rows[i].type, .release = rows[i].release};
        assert_int_equal(filesystem_syncs_whole(7), rows[i].syncs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nameless_files_are_linked_only_where_a_synced_directory_keeps_them),
        cmocka_unit_test(a_whole_file_system_is_synced_only_where_the_kernel_reports_its_errors),
    };
    return cmocka_run_group_tests_name("spool_filesystem", tests, begin, end);
}
