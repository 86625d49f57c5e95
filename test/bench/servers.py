"""The programs that are compared: how each is started, what it is sent, where its files land."""
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import machine
import message

HERE = os.path.dirname(os.path.abspath(__file__))
START_SECONDS = 10
STOP_SECONDS = 20


class BenchError(Exception):
    """Why there is no figure; the text is for the person who started the benchmark."""


@dataclasses.dataclass
class Server:
    name: str                   # on the command line and in the results
    title: str                  # in the tables
    about: str                  # what it does, for the page
    packages: dict              # command that it needs -> Debian package
    prepare: callable           # once, before any measuring
    launch: callable            # (directory, port) -> (command, environment); makes the directories it needs
    request: callable           # (port, length of the identifier) -> message.Request
    incoming: str               # where its files land, below the directory

    @contextlib.contextmanager
    def running(self, place):
        """Started and taking connections; stopped by process id however the body ends. Yields the port and the id."""
        port = free_port()
        command, environment = self.launch(place, port)
        with open(os.path.join(place, "output"), "w+b") as output:
            # A session of its own: a Ctrl-C at the terminal is ours to handle, in our order.
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       env={**os.environ, **environment}, start_new_session=True)
            try:
                wait_for_port(self.title, process, port, output)
                yield port, process.pid
                if process.poll() is not None:
                    raise BenchError("%s ended while it was measured: %s" % (self.title, tail_of(output)))
            finally:
                stop(process)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail_of(output):
    output.seek(0)
    return output.read().decode("utf-8", "replace").strip()[-600:] or "it said nothing"


def wait_for_port(title, process, port, output):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError("%s did not start: %s" % (title, tail_of(output)))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise BenchError("%s does not listen after %d s: %s" % (title, START_SECONDS, tail_of(output)))


def stop(process):
    tree = machine.tree_of(process.pid, machine.process_table())
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        kill(tree)
        process.wait()


def kill(processes):
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def none_left():
    """Ends what an interrupt between two lines, or within a clean-up, left running: descendants of ours only."""
    try:
        yield
    finally:
        kill(machine.tree_of(os.getpid(), machine.process_table()) - {os.getpid()})


# ---- ours --------------------------------------------------------------------------------------

def mprelay(name, title, about, program, request, keys=None):
    """With its defaults: durable, log on. `keys` is a directory of clients' keys."""
    def prepare():
        if not os.access(program, os.X_OK):
            raise BenchError("%s is not there: make builds it" % program)

    def launch(place, port):
        known = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
        alone = ["--admin-listen", "off"] if "--admin-listen" in known else []     # not known to older ones
        trust = ["--trust-dir", keys] if keys else []
        return [program, "--root", place, "--listen", "127.0.0.1:%d" % port, *alone, *trust], {}
    return Server(name, title, about, {}, prepare, launch, request, "inboxes/auth/statesys.box/incoming")


def signed_mprelay(name, title, about, program, build):
    """Its client's key is known, 2048 bits, and signs."""
    keys = os.path.join(build, "bench", "keys")
    private = os.path.join(build, "bench", "client.pem")

    def sign(stream):
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", private], input=stream, stdout=subprocess.PIPE,
                              check=True)
        return done.stdout[::-1].hex().upper()

    def request(port, identifier_length):
        return message.ccm_post(port, identifier_length, sign)
    relay = mprelay(name, title, about, program, request, keys)

    def prepare():
        relay.prepare()
        os.makedirs(keys, mode=0o755, exist_ok=True)
        public = os.path.join(keys, message.CLIENT + ".pem")
        for command in (["genrsa", "-out", private, "2048"], ["pkey", "-in", private, "-pubout", "-out", public]):
            subprocess.run(["openssl", *command], stderr=subprocess.DEVNULL, check=True)
    return dataclasses.replace(relay, packages={"openssl": "openssl"}, prepare=prepare)


# ---- the peers ---------------------------------------------------------------------------------

def nginx(name, title, about, attributes=None):
    def launch(place, port):
        for directory in ("reports", "body"):
            os.mkdir(os.path.join(place, directory))
            if attributes:
                set_attributes(title, attributes, os.path.join(place, directory))
        configuration = os.path.join(place, "nginx.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(nginx_configuration(place, port))
        return ["nginx", "-p", place, "-e", os.path.join(place, "error.log"), "-c", configuration], {}
    packages = {"nginx": "nginx-light", **({"chattr": "e2fsprogs"} if attributes else {})}
    return Server(name, title, about, packages, lambda: None, launch, message.named("PUT", b".smx"), "reports")


def nginx_configuration(place, port):
    user = "user root;" if os.geteuid() == 0 else ""
    with open(os.path.join(HERE, "nginx.conf"), encoding="utf-8") as template:
        text = template.read()
    return text.replace("{user}", user).replace("{directory}", place).replace("{port}", str(port))


def set_attributes(title, attributes, directory):
    done = subprocess.run(["chattr", attributes, directory], stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise BenchError("%s cannot be measured here: %s" % (title, done.stderr.strip()))


def fastify(name, title, about, build):
    installed = os.path.join(build, "bench", "fastify")

    def launch(place, port):
        reports = os.path.join(place, "reports")
        os.mkdir(reports)
        return ["node", os.path.join(installed, "server.js"), str(port), reports], {"UV_THREADPOOL_SIZE": "16"}
    return Server(name, title, about, {"node": "nodejs", "npm": "npm"}, lambda: install_fastify(installed), launch,
                  message.named("POST", b""), "reports")


def install_fastify(installed):
    """Copies the peer to the build folder and installs what its lock file names, once for each lock file."""
    os.makedirs(installed, exist_ok=True)
    lock, done = os.path.join(HERE, "fastify", "package-lock.json"), os.path.join(installed, "installed-lock.json")
    for file in ("server.js", "package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, "fastify", file), installed)
    if not os.path.exists(done) or contents(lock) != contents(done):
        command = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        npm = subprocess.run(command, cwd=installed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if npm.returncode != 0:
            raise BenchError("npm ci could not install fastify: " + npm.stdout.strip()[-600:])
        shutil.copy(lock, done)


def fastify_version():
    with open(os.path.join(HERE, "fastify", "package-lock.json"), encoding="utf-8") as lock:
        return json.load(lock)["packages"]["node_modules/fastify"]["version"]


def contents(path):
    with open(path, "rb") as file:
        return file.read()


# ---- how it ends ------------------------------------------------------------------------------

POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(_signal, _frame):
    """Any polite signal ends the run through the same clean-up, which a second one does not disturb."""
    for number in POLITE:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def heed_signals():
    for number in POLITE:
        signal.signal(number, interrupt)


# ---- what must be there ------------------------------------------------------------------------

def need(packages):
    """packages: command -> Debian package."""
    missing = {command: package for command, package in packages.items() if not shutil.which(command)}
    if missing:
        raise BenchError("%s not there: apt-get install %s"
                         % (", ".join(sorted(missing)), " ".join(sorted(set(missing.values())))))
