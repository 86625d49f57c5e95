"""A machine with a live systemd: a container of systemd-nspawn with a network of its own. It sees a root directory of this
machine, and what it writes is gone with it."""
import os
import pathlib
import shutil
import subprocess
import time

from relay import PATIENCE, wait_until

WAYS = {"/": "yes"}                     # of the machine that we are on only /usr is seen; else all of the root


def groups():
    """Directories of the hierarchies of control groups that systemd uses, where it is not the one who has them."""
    mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    found = {"": [m[1] for m in mounts if m[2] == "cgroup2"],
             "name=systemd": [m[1] for m in mounts if m[2] == "cgroup" and "name=systemd" in m[3].split(",")]}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in found.get(controllers, [])[:1]:
            yield pathlib.Path(mount + path)


class Machine:
    def __init__(self, said, root="/", target="multi-user.target", binds=(), extra=()):
        self.said = said
        self.name = "test%d-%s" % (os.getpid(), said.name)
        options = ["--quiet", "--boot", "--private-network", "--console=pipe", "--machine=" + self.name,
                   "--directory=%s" % root, "--volatile=" + WAYS.get(str(root), "overlay"),
                   *["--bind-ro=%s:%s" % bind for bind in binds], *extra]
        self.groups = []
        if not os.path.isdir("/run/systemd/system"):
            options += ["--register=no", "--keep-unit"]
            self.groups = [group / self.name for group in groups()]
        for group in self.groups:
            group.mkdir()
        with open(said, "wb") as out:
            self.process = subprocess.Popen(
                ["systemd-nspawn", *options, "systemd.unit=" + target, "systemd.firstboot=no"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=self.enter,
                env={**os.environ, "SYSTEMD_SECCOMP": "0"})     # its own list of calls lacks those of Landlock
        self.init = wait_until(self.find_init, "systemd: " + said.read_text())
        self.files = pathlib.Path("/proc/%d/root" % self.init)
        wait_until((self.files / "run/systemd/private").exists, "systemd's socket")
        self.run("systemctl", "is-system-running", "--wait", check=False)

    def enter(self):
        for group in self.groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def find_init(self):
        assert self.process.poll() is None, self.said.read_text()
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if name == "systemd" and int(rest.split()[1]) == self.process.pid:
                return int(stat.parent.name)
        return None

    def run(self, *command, check=True, **options):
        """In the machine, as root; what it said."""
        done = subprocess.run(["nsenter", "--target", str(self.init), "--all", "--", *map(str, command)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
        assert not check or done.returncode == 0, "%s: %s" % (command, done.stdout)
        return done.stdout

    def show(self, unit, name):
        return self.run("systemctl", "show", "--property=" + name, "--value", unit).strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "--unit=" + unit)

    def stop(self):
        """By SIGTERM nspawn lets the machine halt; what is left of it then is gone."""
        self.run("systemctl", "--force", "poweroff", check=False)
        try:
            self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for group in self.groups:
                for directory, _, _ in os.walk(group, topdown=False):
                    wait_until(lambda at=directory: remove(at), "the end of all in " + directory)


def remove(directory):
    try:
        os.rmdir(directory)
    except OSError:
        time.sleep(0.01)
        return False
    return True


def staged(directory, build, prefix="/usr/local"):
    """`make install` into a directory."""
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(["scripts/install", "install", build], check=True, cwd=pathlib.Path(__file__).resolve().parents[2],
                   env={**os.environ, "DESTDIR": str(directory), "PREFIX": prefix})
    return directory
