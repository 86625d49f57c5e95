"""The state system's settings are shown with their values and where they come from, and its sample is a file it takes."""
import re
import subprocess

import pytest

from relay import BUILD, PATIENCE


def run(*arguments):
    done = subprocess.run([BUILD / "statesys", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_print_config_says_values_and_where_they_come_from(tmp_path):
    config = tmp_path / "my.conf"
    config.write_text("# mine\nsite-code = ABC\nloader-threads = 8\n")
    said = run("--config", config, "--max-gap", "7", "--print-config")
    lines = {line.split(" ")[0]: line for line in said.splitlines() if line and line[0] != "#"}
    assert "ABC" in lines["site-code"] and "my.conf:2" in lines["site-code"]
    assert "7" in lines["max-gap"] and "command line" in lines["max-gap"]
    assert "10s" in lines["notify-pause"] and "default" in lines["notify-pause"]


def test_the_sample_is_a_sound_file_with_every_setting_in_use(tmp_path):
    sample = re.sub(r"(?m)^#(?=[a-z-]+ =)", "", run("--example-config"))
    assert len(re.findall(r"(?m)^[a-z-]+ =", sample)) > 30
    (tmp_path / "live.conf").write_text(sample)
    run("--config", tmp_path / "live.conf", "--root", tmp_path / "root", "--admin-listen", "127.0.0.1:0",
        "--check-config")


@pytest.mark.parametrize("option", ["--print-config", "--example-config", "--help", "--version"])
def test_what_could_not_be_written_is_74(option):
    with open("/dev/full", "wb") as full:
        assert subprocess.run([BUILD / "statesys", option], stdout=full, timeout=PATIENCE).returncode == 74
