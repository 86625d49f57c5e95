"""Where the servers write: a fresh file system for each run, the same for all.

As root it is a journaled ext4 in a loop image. The image is fully written first and never discarded, so that no run
pays for blocks of the file below, and it is opened with direct I/O, so that a sync reaches the real disk.
Otherwise it is a directory, emptied after each run.
"""
import contextlib
import os
import shutil
import subprocess
import tempfile
import time

PACKAGES = {"mkfs.ext4": "e2fsprogs", "losetup": "mount", "mount": "mount"}
IMAGE_MEGABYTES = 2048
TRIES, TRY_SECONDS = 100, 0.1


def output_of(*command):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()


class Image:
    """Knows the loop device and where it is mounted."""

    def __init__(self, work, megabytes, bytes_per_inode):
        self.megabytes, self.bytes_per_inode = megabytes, bytes_per_inode
        self.mount_point = os.path.join(work, "disk")
        self.file = os.path.join(work, "ext4.image")
        self.device = None

    def open(self):
        os.mkdir(self.mount_point)
        output_of("dd", "if=/dev/zero", "of=" + self.file, "bs=1M", "count=%d" % self.megabytes, "conv=fsync",
                  "status=none")
        self.device = output_of("losetup", "--find", "--show", self.file)
        # Not every file system below can do it; conditions() says what came of it.
        subprocess.run(["losetup", "--direct-io=on", self.device], stderr=subprocess.DEVNULL)

    def conditions(self):
        direct = output_of("losetup", "--noheadings", "--output", "DIO", self.device).strip() == "1"
        return ("journaled ext4 in a loop image of %d MiB, fully written, direct I/O %s, made anew for each run; "
                "the image lies on %s"
                % (self.megabytes, "on" if direct else "refused by the file system below", file_system_of(self.file)))

    @contextlib.contextmanager
    def fresh(self):
        """A new, empty, mounted file system. Unmounting also writes out what a server left unsynced."""
        self.wait_until_free()
        output_of("mkfs.ext4", "-q", "-F", "-O", "has_journal", "-i", str(self.bytes_per_inode),
                  "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", self.device)
        output_of("mount", "-t", "ext4", "-o", "noatime", self.device, self.mount_point)
        try:
            yield self.mount_point
        finally:
            self.unmount()

    def wait_until_free(self):
        """The kernel may let go of the device a moment after umount; mkfs.ext4 gives the reason if it never does."""
        for _ in range(TRIES):
            try:
                os.close(os.open(self.device, os.O_RDONLY | os.O_EXCL))
                return
            except OSError:
                time.sleep(TRY_SECONDS)

    def unmount(self):
        for _ in range(TRIES):
            if not os.path.ismount(self.mount_point):
                return
            if subprocess.run(["umount", self.mount_point], stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(TRY_SECONDS)
        output_of("umount", "--lazy", self.mount_point)

    def close(self):
        """Asks the kernel which device has the image: an interrupt may have come before we were told."""
        self.unmount()
        for device in output_of("losetup", "--noheadings", "--output", "NAME", "--associated", self.file).split():
            output_of("losetup", "--detach", device)


class Directory:
    """Without root: a directory of the file system that is there."""

    def __init__(self, work):
        self.path = os.path.join(work, "disk")

    def open(self):
        os.mkdir(self.path)

    def conditions(self):
        return "a directory, emptied after each run (no loop image without root), on " + file_system_of(self.path)

    @contextlib.contextmanager
    def fresh(self):
        place = tempfile.mkdtemp(dir=self.path)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            os.sync()

    def close(self):
        pass


def file_system_of(path):
    """Type and mount point of the file system that holds path."""
    best = ("/", "unknown")
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, point, kind = line.split()[:3]
            inside = os.path.realpath(path).startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best[0]):
                best = (point, kind)
    return "%s (%s)" % (best[0], best[1])


@contextlib.contextmanager
def opened(parent, megabytes=IMAGE_MEGABYTES, bytes_per_inode=8192):
    """The disk of this benchmark, gone again at the end however it ends. Yields the work directory and the disk."""
    work = tempfile.mkdtemp(prefix="mprelay-bench.", dir=parent)
    is_image = os.geteuid() == 0 and os.path.exists("/dev/loop-control")
    disk = Image(work, megabytes, bytes_per_inode) if is_image else Directory(work)
    try:
        disk.open()
        yield work, disk
    finally:
        disk.close()
        shutil.rmtree(work, ignore_errors=True)
