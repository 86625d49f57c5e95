"""A directory that cannot be used ends the start at once, with a sentence that names it."""
import os
import shutil
import subprocess
import tempfile

import pytest

from relay import BUILD, free_port


def run(root, program=BUILD / "mprelay", **how):
    return subprocess.run([program, "--root", root, "--listen", "127.0.0.1:%d" % free_port(), "--admin-listen", "off"],
                          capture_output=True, text=True, timeout=60, **how)


@pytest.mark.parametrize("root", ["/proc/mprelay", "/dev/null/mprelay"])
def test_no_directory_can_be_made_there(root):
    done = run(root)
    assert done.returncode in (73, 78) and root in done.stderr and done.stderr.startswith("mprelay: ")


def test_a_file_in_place_of_a_directory(tmp_path):
    (tmp_path / "inboxes").write_text("not a directory")
    done = run(str(tmp_path))
    assert done.returncode in (73, 78) and str(tmp_path / "inboxes") in done.stderr


def test_a_directory_of_another_user():
    """As nobody where the tests run as root: root is asked for no permission."""
    how = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        os.chmod(place, 0o555)
        program = shutil.copy(BUILD / "mprelay", place) if how else BUILD / "mprelay"
        done = run(place + "/root", program, **how)
    assert done.returncode in (73, 78) and place + "/root" in done.stderr
    assert "ermission denied" in done.stderr


@pytest.mark.parametrize("directory", ["inboxes/auth/statesys.box/incoming", "inboxes/auth/statesys.box/incoming/low",
                                       "journal"])
def test_a_directory_that_others_may_write_to(tmp_path, directory):
    (tmp_path / directory).mkdir(parents=True)
    (tmp_path / directory).chmod(0o1777)
    done = run(str(tmp_path))
    assert done.returncode == 78 and "others may write" in done.stderr and str(tmp_path / directory) in done.stderr
