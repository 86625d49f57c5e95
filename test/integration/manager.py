"""What a service manager does: it hears datagrams, and hands in sockets that it holds itself."""
import os
import socket

from relay import PATIENCE, free_port

# As systemd does it: descriptors from the third on, and the number of the process that they are for.
HAND_IN = """import os, sys
numbers = [int(word) for word in sys.argv[1].split(",")]
high = [os.dup2(fd, 200 + i) for i, fd in enumerate(numbers)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=sys.argv[2])
os.closerange(3 + len(high), 300)
os.execv(sys.argv[3], sys.argv[3:])"""


def hand_in(descriptors, names):
    """Before a command line."""
    return ["/usr/bin/python3", "-c", HAND_IN, ",".join(map(str, descriptors)), ":".join(names)]


class Manager:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.sock.settimeout(PATIENCE)
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(path)}

    def words(self):
        return dict(line.split("=", 1) for line in self.sock.recv(4096).decode().splitlines())

    def close(self):
        self.sock.close()


class Sockets:
    """Listening sockets that outlive every process which they are handed in to."""
    def __init__(self, names):
        self.names = names
        self.ports = [free_port() for _ in names]
        self.sockets = [socket.create_server(("127.0.0.1", port), backlog=4096) for port in self.ports]
        self.pass_fds = [sock.fileno() for sock in self.sockets]
        self.wrapper = hand_in(self.pass_fds, names)

    def close(self):
        for sock in self.sockets:
            sock.close()
