"""A PostgreSQL server for the loader: a cluster of its own below the place that is measured, with all its syncs."""
import contextlib
import glob
import os
import shutil
import signal
import subprocess
import time

from servers import BenchError, START_SECONDS

NAME = "bench"


class Cluster:
    def __init__(self, place):
        self.home = os.path.join(place, "postgres")
        self.programs = max(glob.glob("/usr/lib/postgresql/*/bin"), default="")
        self.url = "postgresql://statesys@/%s?host=%s" % (NAME, self.home)

    def command(self, program, *arguments):
        """As the user postgres, for the server refuses to be root's."""
        rights = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "QUIT"]
        return [*(rights if os.geteuid() == 0 else []), os.path.join(self.programs, program), *arguments]

    @contextlib.contextmanager
    def running(self):
        if not self.programs:
            raise BenchError("PostgreSQL is not there: apt-get install postgresql")
        os.mkdir(self.home)
        if os.geteuid() == 0:
            shutil.chown(self.home, "postgres", "postgres")
        subprocess.run(self.command("initdb", "-D", "data", "-U", "statesys", "-E", "UTF8", "--locale=C.UTF-8", "-A",
                                    "trust"), cwd=self.home, check=True, stdout=subprocess.DEVNULL)
        server = subprocess.Popen(self.command("postgres", "-D", "data", "-k", self.home, "-c", "listen_addresses="),
                                  cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self.wait_until_it_answers()
            yield self
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()

    def wait_until_it_answers(self):
        deadline = time.monotonic() + START_SECONDS
        while self.psql("postgres", "SELECT 1", check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise BenchError("PostgreSQL does not answer after %d s" % START_SECONDS)
            time.sleep(0.05)

    def psql(self, database, *statements, check=True):
        commands = [word for statement in statements for word in ("-c", statement)]
        return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.home, "-U", "statesys", database,
                               *commands], check=check, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    # ---- as every database of the benchmark ----

    name = "PostgreSQL"

    def renew(self):
        self.psql("postgres", "DROP DATABASE IF EXISTS " + NAME, "CREATE DATABASE " + NAME)

    def run(self, statement):
        return self.psql(NAME, statement).stdout.strip()
