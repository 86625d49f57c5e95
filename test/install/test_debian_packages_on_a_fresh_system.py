"""The Debian packages on a fresh Debian 12: installed, the service runs and keeps reports; an upgrade refuses nobody; a purge
leaves the reports and nothing else. One machine, in this order."""
import os
import subprocess

import pytest

import debian
from crowd import Crowd
from machine import Machine
from relay import DATA, wait_until

REPORT = DATA / "samples/reports/A-update-detection.xml"
BOX = "/var/lib/mprelay/inboxes/auth/statesys.box"
ADMINS = "/etc/systemd/system/mprelay.socket.d"
# Of apt, dpkg and the journal, the users' files with their copies, and what starts empty.
OTHERS = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/cache", "/var/log", "/var/lib/apt", "/var/lib/dpkg", "/debs",
          "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/ld.so.cache", "/var/tmp", "/etc/.pwd.lock")


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("debs")
    for package in debian.packages():
        os.link(package, directory / package.name)
    debian.newer(next(directory.glob("mprelay_*.deb")), directory)
    return directory


@pytest.fixture(scope="module")
def system(debs, tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("system") / "said", root=debian.fresh_root(), binds=[(debs, "/debs")])
    machine.before = listing(machine)
    yield machine
    machine.stop()


def listing(machine):
    found = set()
    for at, directories, names in os.walk(machine.files):
        path = at[len(str(machine.files)):]
        directories[:] = [name for name in directories if "%s/%s" % (path, name) not in OTHERS]
        found |= {"%s/%s" % (path, name) for name in directories + names}
    return {path for path in found if not path.startswith(OTHERS)}


def apt(machine, *words):
    return machine.run("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "apt-get", "-y", *words)


def install(machine, pattern):
    """As `apt install ./mprelay*.deb` has it from the shell."""
    return apt(machine, "install", *("/debs/" + path.name for path in (machine.files / "debs").glob(pattern)))


def post(machine, report):
    """With this machine's curl, in the other's network."""
    return subprocess.run(
        ["nsenter", "--target", str(machine.init), "--net", "curl", "--silent", "--show-error", "--data-binary",
         "@%s" % report, "--header", "Content-Type: text/xml", "http://127.0.0.1:8080/ccm_system/request"],
        check=True, stdout=subprocess.PIPE, text=True).stdout


def reports(machine):
    return set((machine.files / BOX[1:] / "incoming").glob("*.smx"))


def crowd_of(machine, count):
    crowd = Crowd(str(machine.files / "run/mprelay/socket"))
    wait_until(lambda: crowd.kept() >= count or crowd.failures, "%d reports" % count)
    return crowd


def test_it_is_installed_runs_and_keeps_a_report(system):
    install(system, "mprelay_*.deb")
    for unit in ("mprelay.service", "mprelay.socket", "mprelay-admin.socket"):
        assert (system.show(unit, "ActiveState"), system.show(unit, "UnitFileState")) == ("active", "enabled")
    assert '.smx","messages":1' in post(system, REPORT)
    assert len(reports(system)) == 1
    said = system.run("stat", "--format=%U %G %a", "/var/lib/mprelay", BOX + "/incoming", "/run/mprelay")
    assert said == "mprelay mprelay 750\n" * 2 + "mprelay mprelay 755\n"


def test_a_reload_needs_nothing_that_the_smallest_system_lacks(system):
    (system.files / "etc/mprelay.conf").write_text("retry-after = 5s\n")
    system.run("systemctl", "reload", "mprelay")
    wait_until(lambda: "retry-after changed from '60s' to '5s'" in
               (system.files / "var/lib/mprelay/logs/MP_Relay.log").read_text(), "the new setting")


def test_the_mover_rests_until_the_administrator_starts_it(system):
    assert system.show("mprelay-dispatch", "ActiveState") == "inactive"
    system.run("systemctl", "start", "mprelay-dispatch")
    assert system.show("mprelay-dispatch", "UnitFileState") == "disabled"


def test_the_administrator_adds_a_socket_for_the_proxy(system):
    (system.files / ADMINS[1:]).mkdir(parents=True)
    (system.files / ADMINS[1:] / "proxy.conf").write_text("[Socket]\nListenStream=/run/mprelay/socket\n")
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "restart", "mprelay.socket")
    wait_until(lambda: system.show("mprelay", "ActiveState") == "active", "the relay, which goes with its socket")
    assert (system.files / "run/mprelay/socket").is_socket()


def test_an_upgrade_refuses_nobody_and_keeps_the_settings(system):
    (system.files / "etc/mprelay.conf").write_text("retry-after = 7s\n")
    before, process = reports(system), system.show("mprelay", "MainPID")
    mover = system.show("mprelay-dispatch", "MainPID")
    crowd = crowd_of(system, 300)
    install(system, "newer.deb")
    kept = crowd.kept()
    wait_until(lambda: crowd.kept() >= kept + 300 or crowd.failures, "reports after it")
    statuses, failures = crowd.stop()
    assert failures == [] and set(statuses) == {200}
    assert system.show("mprelay", "MainPID") not in ("0", process)
    assert system.show("mprelay-dispatch", "MainPID") not in ("0", mover)
    assert "9:" in system.run("dpkg-query", "--show", "--showformat=${Version}", "mprelay")
    assert (system.files / "etc/mprelay.conf").read_text() == "retry-after = 7s\n"
    system.run("systemctl", "stop", "mprelay")
    assert len(reports(system) - before) == statuses[200]
    system.run("systemctl", "start", "mprelay")


def test_a_purge_after_a_crash_leaves_the_reports_and_nothing_else(system):
    before = reports(system)
    crowd = crowd_of(system, 1000)
    system.run("systemctl", "kill", "--signal=KILL", "mprelay")
    system.run("systemctl", "stop", "mprelay.socket", "mprelay-admin.socket", "mprelay")
    statuses, _ = crowd.stop()
    apt(system, "purge", "--autoremove", "mprelay")
    kept = reports(system)
    assert len(kept - before) >= statuses[200]
    left = listing(system) - system.before
    spool = {str(path)[len(str(system.files)):] for path in kept}
    parents = {BOX + "/incoming"}
    while min(parents) != "/var/lib/mprelay":
        parents.add(os.path.dirname(min(parents)))
    assert left - {ADMINS, ADMINS + "/proxy.conf"} == spool | parents
    assert "mprelay" in system.run("stat", "--format=%U", BOX)
    assert system.show("mprelay-dispatch", "ActiveState") == "inactive"


def test_a_purge_leaves_disks_that_are_mounted_there(system):
    install(system, "mprelay_*.deb")
    for name in ("trust", "logs", "journal"):
        system.run("systemctl", "stop", "mprelay.socket", "mprelay")
        system.run("mount", "-t", "tmpfs", "-o", "mode=750,uid=mprelay,gid=mprelay", "none", "/var/lib/mprelay/" + name)
        system.run("mkdir", "/var/lib/mprelay/%s/lost+found" % name)
    system.run("systemctl", "start", "mprelay")
    (system.files / "var/lib/mprelay/trust/key.pem").touch()
    apt(system, "purge", "--autoremove", "mprelay")
    assert not (system.files / "var/lib/mprelay/trust/key.pem").exists()
    assert (system.files / "var/lib/mprelay/logs/lost+found").is_dir()
    for name in ("trust", "logs", "journal"):
        system.run("umount", "/var/lib/mprelay/" + name)


def test_all_three_together_load_what_was_left(system):
    install(system, "*_*.deb")
    wait_until(lambda: "PS1WIN7X64" in system.run("smx", "query", "client:PS1WIN7X64", check=False), "the row")
    assert system.run("smx", "status")
    system.run("systemctl", "stop", "statesys")
    apt(system, "purge", "--autoremove", "mprelay", "smx", "statesys")
    left = {path for path in listing(system) - system.before if path.startswith("/var/lib")}
    assert "/var/lib/mprelay/db/statesys.db" in left
    assert {path for path in left if "/inboxes" not in path} == {"/var/lib/mprelay", "/var/lib/mprelay/db",
                                                                "/var/lib/mprelay/db/statesys.db"}
