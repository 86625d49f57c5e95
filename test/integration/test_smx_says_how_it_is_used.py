"""smx alone says how it is used; what it cannot do is told by words and status."""
import os
import subprocess

import pytest

from relay import BUILD, DATA

REPORT = str(DATA / "samples/reports/A-update-detection.body")


def smx(*arguments, stdout=subprocess.PIPE):
    done = subprocess.run([BUILD / "smx", *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("word", ["help", "--help"])
def test_help_is_what_was_asked_for(word):
    status, said, errors = smx(word)
    assert (status, errors) == (0, "")
    for verb in ("inspect", "send", "log", "query", "client", "gaps", "resync", "name", "trace", "spool", "status", "top",
                 "simulate"):
        assert "smx %s " % verb in said and smx(verb, "--help")[:1] == (0,)


@pytest.mark.parametrize("arguments", [[], ["mend"], [""], ["inspect"], ["send"], ["log"], ["client"], ["gaps", "x"],
                                       ["resync"], ["name"], ["trace"], ["spool"], ["query", "--fast"], ["status", "x"],
                                       ["top", "x"], ["simulate"]])
def test_wrong_use_is_64_and_says_the_right_one(arguments):
    status, said, errors = smx(*arguments)
    assert (status, said) == (64, "") and "usage:" in errors.lower()


def test_version():
    assert smx("--version")[1].startswith("smx ")


@pytest.mark.parametrize("arguments", [["--version"], ["help"], ["inspect", "--help"], ["send", "--help"],
                                       ["log", "--help"], ["inspect", REPORT], ["inspect", "--json", REPORT],
                                       ["log", REPORT], ["query", "--help"], ["name", "500"]])
def test_an_output_that_is_full_is_74(arguments):
    with open("/dev/full", "wb") as full:
        assert smx(*arguments, stdout=full)[0] == os.EX_IOERR
