"""In a real bash the tab key offers all verbs, options and words to choose from that the programs know, and no others."""
import re
import subprocess

import pytest

from relay import BUILD, TOP
from terminal import Bash

OWN = {"--config", "--help", "--version", "--print-config", "--check-config", "--example-config"}
VERBS = ("inspect", "send", "log", "query", "client", "gaps", "resync", "name", "trace", "spool", "status", "top", "key",
         "simulate")


@pytest.fixture(scope="module")
def bash(installed, tmp_path_factory):
    directory = tmp_path_factory.mktemp("home")
    for name in ("report-1.smx", "report-2.smx"):
        (directory / name).touch()
    (directory / "spools").mkdir()
    bash = Bash(installed, directory)
    yield bash
    bash.close()


def said(program, *words):
    return subprocess.run([BUILD / program, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def settings(program):
    return {"--" + name for name in re.findall(r"(?m)^#?([a-z][a-z0-9-]*) =", said(program, "--example-config"))}


@pytest.mark.parametrize("program", ["mprelay", "statesys"])
def test_every_setting_is_offered(bash, program):
    assert len(settings(program)) > 25 and bash.offers(program + " --") == settings(program) | OWN


def test_every_verb_is_offered(bash):
    verbs = set(re.findall(r"(?m)^  smx ([a-z]+)", said("smx", "help")))
    assert verbs >= set(VERBS)
    assert bash.offers("smx ") == verbs | {"--help", "--version"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_is_offered(bash, verb):
    """A help may be that of two verbs. The manual page has all of them, too."""
    about = [line for line in said("smx", verb, "--help").splitlines()
             if not re.match("(Usage:|      ) smx ", line) or " smx %s " % verb in line]
    offered = bash.offers("smx %s --" % verb)
    assert offered == set(re.findall("--[a-z-]+", "\n".join(about))) | {"--help"}
    assert offered <= set(re.findall("--[a-z-]+", (TOP / "man/smx.1").read_text().replace("\\", "")))


@pytest.mark.parametrize("verb, some", [("key", {"list", "import"}), ("spool", {"ls", "requeue"})])
def test_every_part_of_a_verb_is_offered(bash, verb, some):
    parts = set(re.findall(r"smx %s ([a-z]+)" % verb, said("smx", verb, "--help")))
    assert parts >= some and bash.offers("smx %s " % verb) == parts


@pytest.mark.parametrize("line, offered", [
    ("mprelay --log-level ", {"verbose", "default", "warning", "error"}),
    ("mprelay --log-level=ver", {"verbose"}),
    ("mprelay --trust-first-use ", {"yes", "no"}),
    ("statesys --chunk", {"--chunk-size"}),
    ("smx insp", {"inspect"}),
    ("smx inspect report-", {"report-1.smx", "report-2.smx"}),
    ("smx send --sign report-", {"report-1.smx", "report-2.smx"}),
    ("smx send --plain report-", {"report-1.smx", "report-2.smx"}),
    ("mprelay --root sp", {"spools/"}),
    ("smx mend --", set()),
    ("mprelay --listen ", set()),
])
def test_the_word_behind(bash, line, offered):
    assert bash.offers(line) == offered


@pytest.mark.parametrize("word", ["a/b", "[", "nothing"])
def test_what_is_no_verb_says_nothing(bash, word):
    assert bash.offers("smx %s " % word) == set()
