"""Chooses which call of the relay fails, and how: the test's side of failing.c. The table tells which errors each call
can have. EAGAIN is none of a connection's, nor is a short receipt: the kernel wakes who got them, nobody would here."""
import errno
import mmap
import os
import struct
import subprocess

import row  # noqa: F401, it finds the modules of the stories
from relay import BUILD

HEAD, NAMES, NAME = struct.Struct("=iiqqq"), 96, 24
WAYS = {"SHORT": -1, "KILLED": -2, "HANGS": -3}     # beside errors: half is done; the program is killed; it never returns
LIBRARY = BUILD / "test/failing.so"

WRITING = "EIO ENOSPC EDQUOT EINTR SHORT"
SYNCING = "EIO ENOSPC EDQUOT EINTR"
OPENING = "EMFILE ENFILE ENOMEM EIO"
ERRORS = {
    "malloc": "ENOMEM", "calloc": "ENOMEM", "realloc": "ENOMEM",
    "openat": OPENING + " ENOSPC EDQUOT EINTR", "opendir": OPENING, "readdir": "EIO ENOMEM",
    "close": "EIO EINTR", "read": "EIO EINTR SHORT", "pread": "EIO EINTR SHORT",
    "write": WRITING, "writev": WRITING, "pwrite": WRITING, "ftruncate": "EIO ENOSPC EINTR",
    "fsync": SYNCING, "fdatasync": SYNCING, "syncfs": SYNCING,
    "linkat": "EIO ENOSPC EDQUOT ENOMEM EEXIST", "unlinkat": "EIO ENOSPC ENOMEM", "renameat": "EIO ENOSPC EDQUOT",
    "mkdirat": "EIO ENOSPC EDQUOT ENOMEM", "fstat": "EIO ENOMEM", "fstatat": "EIO ENOMEM", "lstat": "EIO ENOMEM",
    "fstatfs": "EIO ENOSYS", "fstatvfs": "EIO EINTR ENOSYS", "readlink": "EIO ENOMEM", "flock": "EINTR ENOLCK",
    "chmod": "EIO EPERM", "getrandom": "EINTR ENOSYS", "getrlimit": "EPERM", "setrlimit": "EPERM",
    "socket": "EMFILE ENFILE ENOBUFS ENOMEM", "bind": "EADDRINUSE ENOMEM", "listen": "EADDRINUSE",
    "accept4": "EMFILE ENFILE ENOBUFS ENOMEM ECONNABORTED EPROTO EINTR EAGAIN", "connect": "ENOMEM",
    "setsockopt": "ENOBUFS ENOMEM", "getsockopt": "ENOBUFS", "getpeername": "ENOBUFS ENOTCONN",
    "getaddrinfo": "ENOMEM", "recv": "EINTR ECONNRESET ENOMEM",
    "send": "EINTR EPIPE ECONNRESET ENOBUFS ENOMEM SHORT", "sendmsg": "EINTR EPIPE ECONNRESET ENOBUFS ENOMEM SHORT",
    "poll": "EINTR ENOMEM", "__poll_chk": "EINTR ENOMEM", "epoll_create1": "EMFILE ENFILE ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC", "epoll_wait": "EINTR", "eventfd": "EMFILE ENFILE ENOMEM", "pthread_create": "EAGAIN",
    "open64": OPENING + " ENOSPC EINTR", "pread64": "EIO EINTR SHORT", "pwrite64": WRITING,
    "ftruncate64": "EIO ENOSPC EINTR", "fstat64": "EIO ENOMEM", "stat64": "EIO ENOMEM", "lstat64": "EIO ENOMEM",
    "fcntl64": "EAGAIN ENOLCK", "unlink": "EIO ENOSPC ENOMEM", "access": "EIO", "mmap64": "ENOMEM",
    "renameat2": "EIO ENOSPC EDQUOT EINVAL", "getdents64": "EIO ENOMEM", "inotify_init1": "EMFILE ENFILE ENOMEM",
    "inotify_add_watch": "ENOSPC ENOMEM", "ppoll": "EINTR ENOMEM",
}
OF_MEMORY = {"malloc", "calloc", "realloc"}
NOTHING = ("close", "EIO", 1 << 60)             # never comes so far


def preloaded():
    """The library, and before it the sanitizer's that the relay was built with: it insists on being the first."""
    needed = subprocess.run(["ldd", str(BUILD / "mprelay")], stdout=subprocess.PIPE, text=True, check=True).stdout
    sanitizers = [line.split()[2] for line in needed.splitlines() if "libasan" in line or "libtsan" in line]
    return " ".join([*sanitizers, str(LIBRARY)])


class Failing:
    """The file that test and relay share; `environment` makes a relay look there."""
    def __init__(self, path):
        path.write_bytes(bytes(HEAD.size + NAMES * (NAME + 8)))
        with open(path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 0)
        self.environment = {**os.environ, "LD_PRELOAD": preloaded(), "FAILING": str(path)}
        subprocess.run([BUILD / "mprelay", "--version"], env=self.environment, stdout=subprocess.DEVNULL, check=True)
        names = struct.unpack_from("%ds" % NAME * NAMES, self.shared, HEAD.size)
        self.names = [name.rstrip(b"\0").decode() for name in names if name.strip(b"\0")]
        assert set(self.names) == set(ERRORS), set(self.names) ^ set(ERRORS)
        self.sees_memory = "lib" not in self.environment["LD_PRELOAD"].replace(str(LIBRARY), "")

    def arm(self, call, error, nth):
        number = WAYS.get(error) or getattr(errno, error)
        struct.pack_into("=iq", self.shared, 4, number, nth)
        struct.pack_into("=q", self.shared, 16, 0)
        struct.pack_into("=i", self.shared, 0, self.names.index(call) + 1)      # the last: from now on it counts

    def disarm(self):
        """Did it fail?"""
        struct.pack_into("=i", self.shared, 0, 0)
        return struct.unpack_from("=q", self.shared, 16)[0] > 0

    def has_failed(self):
        return struct.unpack_from("=q", self.shared, 16)[0] > 0

    def blocks(self):
        return struct.unpack_from("=q", self.shared, 24)[0]

    def counts(self):
        """How often each call was made since the relay was started."""
        return dict(zip(self.names, struct.unpack_from("=%dq" % NAMES, self.shared, HEAD.size + NAMES * NAME)))
