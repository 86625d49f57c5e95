"""A fresh Debian 12 (debootstrap's smallest, and systemd) in build/, and in its archive what our packages depend on, so that
they can be installed there without a network. It is made once, and for other dependencies anew."""
import hashlib
import pathlib
import shutil
import subprocess

from relay import TOP

PACKAGES = TOP / "build/deb"
ROOT = TOP / "build/debian"


def packages():
    return sorted(PACKAGES.glob("*.deb"))


def field(package, name):
    return subprocess.run(["dpkg-deb", "--field", package, name], check=True, stdout=subprocess.PIPE, text=True).stdout


def make_root(root, said):
    def run(*command):
        with open(said, "ab") as out:
            assert subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode == 0, \
                said.read_text()[-4000:]

    run("debootstrap", "--variant=minbase", "--include=systemd-sysv", "bookworm", root)
    for package in packages():
        shutil.copy(package, root / "tmp")
    run("chroot", root, "sh", "-c", "apt-get update && apt-get -y --download-only install /tmp/*.deb && rm /tmp/*.deb")


def fresh_root():
    needs = "".join(field(package, "Depends") for package in packages())
    root = ROOT.with_name("debian-" + hashlib.sha256(needs.encode()).hexdigest()[:16])
    if not root.exists():
        for old in TOP.glob("build/debian-*"):
            shutil.rmtree(old)
        making = pathlib.Path(str(ROOT) + ".new")
        shutil.rmtree(making, ignore_errors=True)
        make_root(making, pathlib.Path(str(ROOT) + ".log"))
        making.rename(root)
    return root


def newer(package, directory):
    """The same with a later version."""
    tree = directory / "newer"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 9:"))
    subprocess.run(["dpkg-deb", "--build", tree, directory / "newer.deb"], check=True, stdout=subprocess.DEVNULL)
    return directory / "newer.deb"
