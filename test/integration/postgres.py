"""A real PostgreSQL: a cluster of its own, run by the user postgres, on a unix socket and on loopback."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from libpq import Connection
from relay import PATIENCE, free_port, wait_until


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
        self.home, self.port = pathlib.Path(tempfile.mkdtemp(prefix="cluster-")), free_port()
        self.count, self.names = 0, []          # of databases
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

    def ask(self, sql):
        with Connection(self.url()) as connection:
            return connection.ask(sql)

    def answers(self):
        assert self.server.poll() is None, (self.home / "log").read_text()
        try:
            return self.ask("SELECT 1")
        except OSError:
            return False

    def stop(self, how=signal.SIGINT):
        """SIGINT: as an administrator stops it; SIGQUIT: at once, without a checkpoint. Both end its processes too."""
        self.server.send_signal(how)
        self.server.wait(PATIENCE)

    @contextlib.contextmanager
    def frozen(self):
        """Its processes are there and do nothing: who is connected is never answered."""
        own = pathlib.Path("/proc/%d/task/%d/children" % (self.server.pid, self.server.pid))
        self.server.send_signal(signal.SIGSTOP)     # first, so that there will be no more
        everybody = [self.server.pid, *map(int, own.read_text().split())]
        try:
            for process in everybody:
                os.kill(process, signal.SIGSTOP)
            yield
        finally:
            for process in everybody:
                os.kill(process, signal.SIGCONT)

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
        self.names.append("fresh%d" % self.count)
        self.ask("CREATE DATABASE " + self.names[-1])
        return Database(self, self.names[-1])

    def clear(self):
        """Drops what earlier stories have made, if the server runs."""
        while self.names and self.server.poll() is None:
            self.ask("DROP DATABASE %s WITH (FORCE)" % self.names.pop())
