"""A real PostgreSQL: a cluster of its own, run by the user postgres, on a unix socket and on loopback.

It is asked through libpq as our programs do, because Debian's python3 has no driver of its own."""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from relay import PATIENCE, free_port, wait_until

SIGNATURES = {
    "PQconnectdb": (ctypes.c_void_p, [ctypes.c_char_p]), "PQfinish": (None, [ctypes.c_void_p]),
    "PQstatus": (ctypes.c_int, [ctypes.c_void_p]), "PQerrorMessage": (ctypes.c_char_p, [ctypes.c_void_p]),
    "PQexec": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]), "PQclear": (None, [ctypes.c_void_p]),
    "PQresultStatus": (ctypes.c_int, [ctypes.c_void_p]),
    "PQntuples": (ctypes.c_int, [ctypes.c_void_p]), "PQnfields": (ctypes.c_int, [ctypes.c_void_p]),
    "PQftype": (ctypes.c_uint, [ctypes.c_void_p, ctypes.c_int]),
    "PQgetisnull": (ctypes.c_int, [ctypes.c_void_p] + 2 * [ctypes.c_int]),
    "PQgetvalue": (ctypes.c_char_p, [ctypes.c_void_p] + 2 * [ctypes.c_int]),
}
CONNECTION_OK, COMMAND_OK, TUPLES_OK = 0, 1, 2
INTEGERS = (20, 21, 23, 1700)               # OIDs of bigint, smallint, integer; sums of bigint are numeric


def libpq():
    library = ctypes.CDLL("libpq.so.5")
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Connection:
    """One connection: a transaction lasts from `ask("BEGIN")` to `ask("COMMIT")`, or until it is closed."""
    def __init__(self, url):
        self.pq, self.link = libpq(), None
        self.link = self.pq.PQconnectdb(url.encode())
        if self.pq.PQstatus(self.link) != CONNECTION_OK:
            raise OSError(self.pq.PQerrorMessage(self.link).decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.pq.PQfinish(self.link)
        self.link = None

    __del__ = close

    def ask(self, sql):
        """The rows as tuples of int, str and None; those of the last statement if there are several."""
        result = self.pq.PQexec(self.link, sql.encode())
        try:
            if self.pq.PQresultStatus(result) not in (COMMAND_OK, TUPLES_OK):
                raise OSError(self.pq.PQerrorMessage(self.link).decode())
            rows, columns = range(self.pq.PQntuples(result)), range(self.pq.PQnfields(result))
            return [tuple(self.value(result, row, column) for column in columns) for row in rows]
        finally:
            self.pq.PQclear(result)

    execute = ask                               # as sqlite3 calls it

    def value(self, result, row, column):
        if self.pq.PQgetisnull(result, row, column):
            return None
        text = self.pq.PQgetvalue(result, row, column).decode()
        return int(text) if self.pq.PQftype(result, column) in INTEGERS else text


class Database:
    """One database of a cluster, as test/integration/statesys.py wants it."""
    kind = "postgresql"

    def __init__(self, cluster, name):
        self.cluster, self.url, self.connection, self.server = cluster, cluster.url(name), None, None

    def connect(self):
        return Connection(self.url)

    def ask(self, sql):
        """On a connection that is kept as long as the server that it is to."""
        if self.server is not self.cluster.server:
            self.connection, self.server = self.connect(), self.cluster.server
        return self.connection.ask(sql)


class Cluster:
    def __init__(self):
        self.programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))     # apt-get install postgresql
        self.home, self.port, self.count = pathlib.Path(tempfile.mkdtemp(prefix="cluster-")), free_port(), 0
        (self.home / "password").write_text("secret\n")
        if os.geteuid() == 0:                   # the server refuses to be root's
            for path in (self.home, self.home / "password"):
                shutil.chown(path, "postgres", "postgres")
        self.spawn("initdb", "-D", "data", "-U", "statesys", "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256",
                   "--pwfile=password", "--no-sync").wait(PATIENCE)
        self.start()

    def spawn(self, program, *arguments):
        """As the user postgres, and not longer than we live."""
        rights = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        with open(self.home / "log", "ab") as log:
            return subprocess.Popen(["setpriv", "--pdeathsig", "QUIT", *rights, self.programs / program, *arguments],
                                    cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self):
        """What makes a commit slow is of no use here: the power does not fail."""
        self.server = self.spawn("postgres", "-D", "data", "-k", self.home, "-p", str(self.port), "-c", "fsync=off",
                                 "-c", "listen_addresses=127.0.0.1", "-c", "deadlock_timeout=10ms")
        wait_until(self.answers, "PostgreSQL to answer; its log is " + str(self.home / "log"))

    def answers(self):
        assert self.server.poll() is None, (self.home / "log").read_text()
        try:
            return Connection(self.url()).ask("SELECT 1")
        except OSError:
            return False

    def stop(self, how=signal.SIGINT):
        """SIGINT: as an administrator stops it; SIGQUIT: at once, without a checkpoint. Both end its processes too."""
        self.server.send_signal(how)
        self.server.wait(PATIENCE)

    def remove(self):
        if self.server.poll() is None:
            self.stop()
        shutil.rmtree(self.home)

    def url(self, name="postgres", host=None):
        return "postgresql://statesys:secret@/%s?host=%s&port=%d" % (name, host or self.home, self.port)

    def create(self):
        """A fresh database; the server is started again if a story ended without."""
        if self.server.poll() is not None:
            self.start()
        self.count += 1
        with Connection(self.url()) as connection:
            connection.ask("CREATE DATABASE fresh%d" % self.count)
        return Database(self, "fresh%d" % self.count)
