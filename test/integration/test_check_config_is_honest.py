"""--check-config says 0 only if the relay would start; else 78 and where the fault is."""
import socket
import subprocess

import pytest

from relay import BUILD, free_port


def run(*arguments):
    done = subprocess.run([BUILD / "mprelay", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "mprelay.conf"
    path.write_text("root = %s\nlisten = 127.0.0.1:%d\n" % (tmp_path / "root", free_port()))
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
    assert "%s:%d" % (config, 4 + line.count("\n")) in said
    assert not [word for word in words if word not in said]
    assert run("--config", config) == (status, said)


@pytest.mark.parametrize("change", [
    {"priority-high-max": 10, "priority-low-min": 5}, {"listen": "nowhere"}, {"listen": "127.0.0.1:99999"},
    {"listen": "unix:/proc/no/such/mp.sock"}, {"root": "/proc/nowhere"}, {"outbox": "/dev/null/box"},
    {"async-reply": "file:/no/such/file"}, {"check-target-host": "yes"}, {"unverified-prefix": "../"},
    {"nonsense": "1"},
])
def test_what_would_not_start_is_78(config, change):
    arguments = [word for name, value in change.items() for word in ("--" + name, value)]
    status, said = run("--config", config, *arguments, "--check-config")
    assert status == 78 and len(said.strip()) > 20
    status, said_at_start = run("--config", config, *arguments)
    assert status != 0 and said_at_start == said


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
