"""Tries what a unit is to forbid, and prints what went well: a word each. The directory that may be written to is the
argument."""
import ctypes
import mmap
import os
import socket
import sys

CLONE_NEWUSER, PERSONALITY, SCHED_FIFO, KEYCTL = 0x10000000, 0x0008, 1, 250
libc = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")


def write(directory, mode=0o600):
    path = directory + "/written-by-probe"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        os.chmod(path, mode)
    finally:
        os.remove(path)


def reach_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 5).close()


TRIES = {
    "write-own": lambda: write(sys.argv[1]),
    "write-etc": lambda: write("/etc"),
    "write-run": lambda: write("/run"),
    "write-var": lambda: write("/var/lib"),
    "read-home": lambda: os.listdir("/root"),
    "see-others": lambda: os.stat("/proc/1"),
    "see-kernel": lambda: os.stat("/proc/version"),
    "network": reach_network,
    "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "mount": lambda: call(libc.mount(b"none", sys.argv[1].encode(), b"tmpfs", 0, None)),
    "owner": lambda: os.chown(sys.argv[1], 1, 1),
    "host-name": lambda: socket.sethostname("probe"),
    "set-user-id": lambda: write(sys.argv[1], 0o4700),
    "personality": lambda: call(libc.personality(PERSONALITY)),
    "executable-memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC).close(),
    "trace": lambda: call(libc.ptrace(0, 0, 0, 0)),
    "more-files": lambda: call(libc.syscall(160, 7, (ctypes.c_ulong * 2)(64, 64))),
    "namespace": lambda: call(libc.unshare(CLONE_NEWUSER)),
}

for name, attempt in TRIES.items():
    try:
        attempt()
        print(name, flush=True)
    except OSError:
        pass
