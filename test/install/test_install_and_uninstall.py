"""`make install` puts all that belongs to the programs into a clean root, and `make uninstall` takes just that away."""
import os
import subprocess

import pytest

from machine import staged
from relay import BUILD, TOP


def listing(root):
    return {os.path.relpath(os.path.join(at, name), root) for at, directories, files in os.walk(root)
            for name in directories + files}


def uninstall(root, prefix="/usr/local"):
    return subprocess.run(["scripts/install", "uninstall", BUILD], cwd=TOP, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "DESTDIR": str(root), "PREFIX": prefix})


def belongings():
    """Names of all that is not built: manual pages, units, samples."""
    names = {source.name for folder in ("man", "etc") for source in (TOP / folder).iterdir()}
    return names - {"mprelay.sysusers", "mprelay.tmpfiles", "completion.bash"} | {"README.md", "SECURITY.md"}


@pytest.mark.parametrize("prefix", ["/usr/local", "/usr", "/opt/site"])
def test_all_is_there_and_then_gone(tmp_path, prefix):
    root = staged(tmp_path / "root", BUILD, prefix)
    base = root / prefix[1:]
    for program in ("sbin/mprelay", "sbin/statesys", "bin/smx"):
        assert os.access(base / program, os.X_OK)
        assert (base / "share/bash-completion/completions" / program.split("/")[1]).is_file()
    found = listing(base)
    assert {path.split("/")[-1] for path in found} >= belongings()
    assert {"lib/sysusers.d/mprelay.conf", "lib/tmpfiles.d/mprelay.conf", "share/man/man7/statesys-database.7",
            "lib/systemd/system/mprelay-admin.socket", "share/doc/mprelay/examples/nginx.conf"} <= found
    assert not (root / "etc").exists()
    assert "ExecStart=%s/sbin/mprelay\n" % prefix in (base / "lib/systemd/system/mprelay.service").read_text()
    assert uninstall(root, prefix).returncode == 0
    assert listing(root) == set()


def test_what_others_put_there_stays(tmp_path):
    root = tmp_path / "root"
    for path in ("usr/local/share/man/man8/other.8", "usr/local/share/doc/mprelay/notes", "etc/mprelay.conf"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("mine")
    (root / "usr/local/bin").mkdir()
    before = listing(root)
    subprocess.run(["scripts/install", "install", BUILD], check=True, cwd=TOP, env={**os.environ, "DESTDIR": str(root)})
    again = subprocess.run(["scripts/install", "install", BUILD], cwd=TOP, env={**os.environ, "DESTDIR": str(root)})
    assert again.returncode == 0 and listing(root) > before
    assert uninstall(root).returncode == 0
    assert listing(root) == before and (root / "etc/mprelay.conf").read_text() == "mine"


def test_files_of_an_older_version_go_too(tmp_path):
    root = staged(tmp_path / "root", BUILD)
    old = root / "usr/local/share/doc/mprelay/OLD.md"
    old.write_text("old")
    with open(root / "usr/local/share/doc/mprelay/installed", "a") as installed:
        installed.write("/usr/local/share/doc/mprelay/OLD.md\n")
    subprocess.run(["scripts/install", "install", BUILD], check=True, cwd=TOP, env={**os.environ, "DESTDIR": str(root)})
    assert uninstall(root).returncode == 0 and listing(root) == set()


def test_where_nothing_was_installed_nothing_is_touched(tmp_path):
    (tmp_path / "usr/local/sbin").mkdir(parents=True)
    (tmp_path / "usr/local/sbin/mprelay").write_text("not ours")
    refused = uninstall(tmp_path)
    assert refused.returncode == 1 and "nothing of ours is known" in refused.stderr
    assert (tmp_path / "usr/local/sbin/mprelay").exists()
