"""--check-config says 0 only if the relay would start; else 78 and where the fault is."""
import os
import pwd
import re
import socket
import subprocess

import pytest

import wire
from relay import BUILD, free_port, wait_until


def run(*arguments):
    done = subprocess.run([BUILD / "mprelay", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "mprelay.conf"
    path.write_text("root = %s\nlisten = 127.0.0.1:%d\nadmin-listen = off\n" % (tmp_path / "root", free_port()))
    return path


def test_a_sound_file_is_0_and_starts_nothing(config):
    assert run("--config", config, "--check-config")[0] == 0


@pytest.mark.parametrize("line, words", [
    ("max-requets = 1M", ["max-requets", "did you mean", "max-request"]),
    ("max-request = 1T", ["max-request"]), ("max-request = many", ["max-request"]), ("max-request", ["name = value"]),
    ("max-request = 1", ["max-request"]), ("xml-depth = -1", ["xml-depth"]), ("header-timeout = x", ["header-timeout"]),
    ("refuse-style = polite", ["refuse-style", "empty200"]), ("check-target-host = maybe", ["check-target-host"]),
    ("= 1", []), ("max-request = 1M\nmax-request = 2M", ["max-request"]),
])
def test_a_fault_is_78_with_file_and_line(config, line, words):
    config.write_text(config.read_text() + "# a comment\n" + line + "\n")
    status, said = run("--config", config, "--check-config")
    assert status == 78
    assert "%s:%d" % (config, 5 + line.count("\n")) in said
    assert not [word for word in words if word not in said]
    assert run("--config", config) == (status, said)


@pytest.mark.parametrize("change", [
    {"priority-high-max": 10, "priority-low-min": 5}, {"listen": "nowhere"}, {"listen": "127.0.0.1:99999"},
    {"listen": "unix:/proc/no/such/mp.sock"}, {"root": "/proc/nowhere"}, {"outbox": "/dev/null/box"},
    {"async-reply": "file:/no/such/file"}, {"check-target-host": "yes"}, {"unverified-prefix": "../"},
    {"nonsense": "1"}, {"root": "/" + "x" * 4096}, {"unverified-prefix": ".x"}, {"unverified-prefix": "x" * 17},
    {"listen": "unix:"}, {"listen": "unix:/" + "x" * 108}, {"listen": "unix:/dev/null"}, {"listen": "127.0.0.1:"},
    {"listen": "::1:8080"}, {"listen": "[::1]"}, {"listen": "127.0.0.1:0x50"}, {"listen": "x" * 256 + ":8080"},
    {"listen": "192.0.2.1:8080"}, {"admin-listen": "nowhere"}, {"admin-listen": "192.0.2.1:8081"},
    {"stats-interval": "500ms"}, {"trusted-proxy": "10.0.0.1/8"}, {"forwarded-header": "X-Forwarded-For:"},
    {"proxy-identity": "X-SSL-Client-S-DN CN={name}"},
])
def test_what_would_not_start_is_78(config, change):
    arguments = [word for name, value in change.items() for word in ("--" + name, value)]
    status, said = run("--config", config, *arguments, "--check-config")
    assert status == 78 and len(said.strip()) > 20
    status, said_at_start = run("--config", config, *arguments)
    assert status != 0 and said_at_start == said


def test_what_it_tries_leaves_no_line_in_the_log_of_a_relay_at_work(start, tmp_path):
    """Nor does it rename that log by its own log-max-size. It has no journal, because the relay at work has it."""
    relay = start(root=str(tmp_path / "root"))
    relay.post(wire.plain(wire.report()))
    wait_until(lambda: "kept as" in relay.log_path.read_text(), "the verdict")
    before = relay.log_path.read_text()
    status, said = run("--root", relay.root, "--listen", "127.0.0.1:0", "--admin-listen", "off", "--log-max-size", "10000",
                       "--check-config")
    assert status == 0 and "another process uses the journal" in said
    assert relay.log_path.read_text() == before
    assert [path.name for path in relay.log_path.parent.iterdir()] == ["MP_Relay.log"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused")
@pytest.mark.parametrize("program, options", [
    ("mprelay", ["--listen", "127.0.0.1:0", "--admin-listen", "off"]), ("statesys", ["--admin-listen", "off"]),
    ("mprelay", ["--dispatch", "--outbox", "outbox", "--inbox", "inbox"])])
def test_root_makes_nothing_in_the_root_of_another_user(tmp_path, program, options):
    os.chown(tmp_path, pwd.getpwnam("nobody").pw_uid, -1)
    for more in ([], ["--check-config"]):
        done = subprocess.run([BUILD / program, "--root", tmp_path, *options, *more], capture_output=True, text=True,
                              timeout=60, cwd=tmp_path)
        assert done.returncode == 78 and "belongs to nobody: run this as that user, not as root" in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused")
@pytest.mark.parametrize("uid", [pwd.getpwnam("nobody").pw_uid, 4242424])
def test_the_way_that_it_names_leads_to_that_user(tmp_path, uid):
    """Also to one without a name, as whom a container gives its disk to."""
    os.chown(tmp_path, uid, 4242424)
    status, said = run("--root", tmp_path, "--check-config")
    way = re.search(r"not as root \((.*) \.\.\.\)", said)
    assert status == 78 and way, said
    assert subprocess.run([*way.group(1).split(), "id", "-u"], capture_output=True, text=True).stdout == "%d\n" % uid


def test_65_addresses_are_one_too_many(config):
    root = "admin-listen = off\n" + config.read_text().partition("\n")[0]
    for count, expected in ((64, 0), (65, 78)):
        config.write_text(root + "\n" + "listen = 127.0.0.1:0\n" * count)
        assert run("--config", config, "--check-config")[0] == expected


@pytest.mark.parametrize("soft, hard, expected", [(100, 10000, 0), (100, 100, 78), (2100, 2100, 78)])
def test_open_files_are_raised_as_far_as_it_is_allowed(config, soft, hard, expected):
    limited = ["prlimit", "--nofile=%d:%d" % (soft, hard), BUILD / "mprelay", "--config", config, "--check-config"]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    assert done.returncode == expected and (expected == 0 or "open files" in done.stderr), done.stderr


def test_a_taken_port_is_78_and_names_the_address(config):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = "127.0.0.1:%d" % other.getsockname()[1]
        status, said = run("--config", config, "--listen", address, "--check-config")
        assert status == 78 and address in said
        status, said = run("--config", config, "--listen", address)
        assert status != 0 and address in said


def test_a_missing_file_is_78(tmp_path):
    status, said = run("--config", tmp_path / "none.conf", "--check-config")
    assert status == 78 and "none.conf" in said
