"""--print-config says each value and where it comes from; --example-config is a file that the relay takes."""
import re
import subprocess

import pytest

from relay import BUILD


def run(*arguments):
    done = subprocess.run([BUILD / "mprelay", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_print_config_says_values_and_where_they_come_from(tmp_path):
    config = tmp_path / "my.conf"
    config.write_text("# mine\nmax-request = 4M\n  refuse-style=empty200   # as MPs do\n"
                      "listen = 127.0.0.1:1, unix:/x\n")
    said = run("--config", config, "--max-msg", "128K", "--header-timeout=10s", "--print-config")
    lines = {line.split(" ")[0]: line for line in said.splitlines() if line and line[0] != "#"}
    assert "4M" in lines["max-request"] and "my.conf:2" in lines["max-request"]
    assert "empty200" in lines["refuse-style"] and "my.conf:3" in lines["refuse-style"]
    assert "128K" in lines["max-msg"] and "command line" in lines["max-msg"]
    assert "10s" in lines["header-timeout"] and "command line" in lines["header-timeout"]
    assert "32" in lines["xml-depth"] and "default" in lines["xml-depth"]
    assert "unix:/x" in said


def test_example_config_is_a_valid_file_with_every_setting(tmp_path):
    example = tmp_path / "example.conf"
    example.write_text(run("--example-config"))
    printed = run("--config", example, "--print-config")
    names = {line.split(" ")[0] for line in printed.splitlines() if line and line[0] != "#"}
    assert len(names) > 30
    assert not [name for name in names if not re.search(r"(?m)^#?%s =" % name, example.read_text())]
    # Every line in use, not only as comments.
    live = tmp_path / "live.conf"
    live.write_text(re.sub(r"(?m)^#(?=[a-z-]+ =)", "", example.read_text()))
    run("--config", live, "--root", tmp_path / "root", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
        "--check-config")


def test_help_and_version():
    text = run("--help")
    assert "--max-request" in text and "--check-config" in text
    assert re.match(r"mprelay \d+\.\d+\.\d+\n", run("--version"))


@pytest.mark.parametrize("option", ["--print-config", "--example-config", "--help", "--version"])
def test_what_could_not_be_written_is_74(option):
    with open("/dev/full", "wb") as full:
        assert subprocess.run([BUILD / "mprelay", option], stdout=full, timeout=60).returncode == 74
