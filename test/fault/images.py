"""File systems of our own on loop devices: to be cut off, filled and broken, and the machine's own stay as they are."""
import contextlib
import fcntl
import os
import pathlib
import struct
import subprocess

import row  # noqa: F401 (finds the modules of test/integration)
from relay import Relay, wait_until

# XFS_IOC_GOINGDOWN, which is EXT4_IOC_SHUTDOWN too: _IOR('X', 125, __u32). NOLOGFLUSH: what nobody synced is lost.
GOING_DOWN, NO_LOG_FLUSH = 0x8004587D, 2
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "has_journal", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q", "-f", "-K"],
    "btrfs": ["mkfs.btrfs", "-q", "-f", "-K"],
}
MEGABYTES = {"ext4": 64, "xfs": 300, "btrfs": 128}      # the least that the last two take


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise OSError("%s: %s" % (" ".join(map(str, command)), done.stdout.strip()))
    return done.stdout.strip()


def need_sysfs():
    """The kernel tells of file systems there, and is told; a bare chroot has none."""
    if not os.path.ismount("/sys"):
        run("mount", "-t", "sysfs", "sysfs", "/sys")


def fill(path):
    """A file that takes all the room there is, to the last block: most of it at once."""
    with open(path, "ab", buffering=0) as ballast:
        disk, chunk = os.statvfs(path), 1 << 16
        with contextlib.suppress(OSError):
            os.posix_fallocate(ballast.fileno(), 0, max(disk.f_bavail * disk.f_frsize - (1 << 20), 1))
        ballast.seek(0, os.SEEK_END)
        while chunk >= 1024:
            try:
                written = ballast.write(bytes(chunk))
            except OSError:
                written = 0
            chunk = chunk if written == chunk else chunk // 2


class Guest(Relay):
    """A relay of which some lies on an image; what it says at its start lies beside it."""
    program = None                                  # another build, such as a broken one

    def __init__(self, folder, root, **settings):
        self.folder = folder
        super().__init__(root, **settings)

    def launch(self):
        self.said = pathlib.Path(self.folder) / "relay.stderr"
        self.command[0] = self.program or self.command[0]
        super().launch()

class Image:
    """A file system in a file below `folder`, mounted at `path` while the block of its `with` lasts. The folder is mounted
    on itself, shared, so that also a namespace that somebody makes meanwhile (a container, a service of another story)
    lets go of the file system when it is unmounted; else it would not be mounted anew, and a cut would still be seen."""
    def __init__(self, folder, file_system="ext4", make=(), options="defaults"):
        self.folder, self.path = pathlib.Path(folder), pathlib.Path(folder) / "mount"
        self.file_system, self.options, self.make, self.device = file_system, options, make, None

    def __enter__(self):
        need_sysfs()
        self.path.mkdir(parents=True)
        run("mount", "--bind", self.folder, self.folder)
        run("mount", "--make-shared", self.folder)
        backing = self.folder / "image"
        with open(backing, "wb") as image:          # written, not only allocated: a sync then costs what a disk's does
            for _ in range(MEGABYTES[self.file_system]):
                image.write(bytes(1 << 20))
        self.device = run("losetup", "--find", "--show", backing)
        try:
            subprocess.run(["losetup", "--direct-io=on", self.device], stderr=subprocess.DEVNULL)   # not over tmpfs
            run(*MAKE[self.file_system], *self.make, self.device)
            self.mount()
        except OSError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", str(self.path)], stderr=subprocess.DEVNULL)
        run("losetup", "--detach", self.device)
        (self.folder / "image").unlink()
        run("umount", "--lazy", self.folder)

    def mount(self):
        run("mount", "-o", self.options, self.device, self.path)

    def unmount(self):
        """As soon as nobody has anything open on it."""
        wait_until(lambda: subprocess.run(["umount", str(self.path)], stderr=subprocess.DEVNULL).returncode == 0,
                   "the end of the last use of " + str(self.path))

    def wait_until_let_go(self):
        """After a lazy unmount: it ends with the last use of it, and only then a mount is a fresh one."""
        wait_until(lambda: not self.kernel_folder().exists(), "the end of the last use of " + self.device)

    def kernel_folder(self):
        return pathlib.Path("/sys/fs", self.file_system, pathlib.Path(self.device).name)

    def cut(self):
        """The power fails: from now on nothing reaches the disk."""
        mounted = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(mounted, GOING_DOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(mounted)

    def recover(self):
        """The power is back: the file system replays its log."""
        self.unmount()
        self.mount()
