"""64 clients in one thread, each of which posts over and over on a kept connection, as fast as it is answered. A
connection that was closed before anything was asked on it is opened anew, as every client does; everything else that
goes wrong is a failure."""
import select
import socket
import threading

import wire
from relay import PATIENCE


def connect(address):
    """To a host and port, or to the path of a unix socket."""
    if not isinstance(address, str):
        return socket.create_connection(address, PATIENCE)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(address)
    return sock


class Client:
    def __init__(self, crowd):
        self.crowd, self.sock, self.received = crowd, None, b""

    def ask(self):
        if self.sock is None or self.has_ended():
            self.connect()
        self.request = self.crowd.next_request()
        self.received = b""
        self.sock.sendall(self.request)

    def has_ended(self):
        try:
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def connect(self):
        self.close()
        self.sock = connect(self.crowd.address)
        self.sock.settimeout(None)      # else a look without waiting would wait

    def close(self):
        if self.sock is not None:
            self.sock.close()
        self.sock = None

    def hear(self):
        """True: it has its answer."""
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("closed without an answer")
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        lower = head.lower()
        if not blank or len(body) < int(lower.partition(b"content-length:")[2].split()[0]):
            return False
        self.crowd.answered(int(head[9:12]))
        if b"connection: close" in lower:
            self.close()
        return True


class Crowd:
    def __init__(self, address, clients=64):
        self.address, self.statuses, self.failures, self.posted = address, {}, [], 0
        self.clients = [Client(self) for _ in range(clients)]
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def next_request(self):
        self.posted += 1
        return wire.ccm(wire.report(serial=self.posted), keep=True)

    def answered(self, status):
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def step(self, client):
        """False: it is done."""
        try:
            if client.hear():
                if self.stopping:
                    client.close()
                    return False
                client.ask()
            return True
        except OSError as error:
            self.failures.append(repr(error))
            client.close()
            return False

    def run(self):
        poll, by_number = select.poll(), {}

        def watch(client):
            by_number[client.sock.fileno()] = client
            poll.register(client.sock, select.POLLIN)

        for client in self.clients:
            client.ask()
            watch(client)
        while by_number:
            for number, _ in poll.poll():
                client = by_number.pop(number)
                poll.unregister(number)
                if self.step(client):
                    watch(client)

    def kept(self):
        return self.statuses.get(200, 0)

    def stop(self):
        self.stopping = True
        self.thread.join()
        return self.statuses, self.failures
