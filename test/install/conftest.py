"""Fixtures: `installed` is a directory that `make install` went into, `machine` a running systemd with that below
/usr/local."""
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from machine import Machine, staged         # noqa: E402: they are found there
from relay import BUILD                     # noqa: E402


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return staged(tmp_path_factory.mktemp("installed") / "root", BUILD)


@pytest.fixture(scope="module")
def machine(installed, tmp_path_factory):
    """The target is one that starts none of what else may be installed here."""
    machine = Machine(tmp_path_factory.mktemp("machine") / "said", target="basic.target",
                      binds=[(installed / "usr/local", "/usr/local")])
    yield machine
    machine.stop()
