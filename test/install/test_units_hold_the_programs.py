"""The installed units under a live systemd: the relay keeps a report and the state system loads it, with all their
restrictions on; restarts refuse nobody; who dies or hangs is started anew."""
import pathlib

import pytest

from crowd import Crowd
from relay import DATA, wait_until

REPORT = DATA / "samples/reports/A-update-detection.xml"
INCOMING = "var/lib/mprelay/inboxes/auth/statesys.box/incoming"
OWN = {"Type", "ExecStart", "ExecReload", "Sockets", "User", "Group", "StateDirectory", "Restart", "WatchdogSec"}
SOCKET = "run/mprelay/socket"
PROGRAMS = pytest.mark.parametrize("program", ["mprelay", "statesys"])


@pytest.fixture(scope="module")
def site(machine):
    """Both programs, with the sockets of their own, and one for a proxy on the same machine."""
    (machine.files / "etc/statesys.conf").write_text("notify-pause = 100ms\n")
    add(machine, "mprelay.socket", "[Socket]\nListenStream=/%s\n" % SOCKET)
    machine.run("systemctl", "restart", "mprelay.socket", "mprelay-admin.socket", "statesys.socket")
    machine.run("systemctl", "start", "mprelay", "statesys")
    return machine


def add(machine, unit, text):
    directory = machine.files / ("etc/systemd/system/%s.d" % unit)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "test.conf").write_text(text)
    machine.run("systemctl", "daemon-reload")


def files(machine):
    return set((machine.files / INCOMING).glob("*.smx"))


def log(machine):
    return (machine.files / "var/lib/mprelay/logs/MP_Relay.log").read_text()


def test_a_report_is_kept_and_loaded(site):
    with open(REPORT, "rb") as report:
        said = site.run("curl", "--silent", "--show-error", "--data-binary", "@-", "--header", "Content-Type: text/xml",
                        "http://127.0.0.1:8080/ccm_system/request", stdin=report)
    assert '.smx","messages":1' in said
    wait_until(lambda: "PS1WIN7X64" in site.run("smx", "query", "client:PS1WIN7X64", check=False), "the row")
    assert '"ready": true' in site.run("curl", "--silent", "http://127.0.0.1:8081/readyz")
    assert "mprelay_build_info{" in site.run("curl", "--silent", "http://127.0.0.1:8081/metrics")
    assert "statesys_build_info{" in site.run("curl", "--silent", "http://127.0.0.1:8082/metrics")


def test_the_units_are_sound(site):
    """All of them together, as they were installed; of others on this machine nothing is said here."""
    units = sorted(path.name for path in (site.files / "usr/local/lib/systemd/system").iterdir())
    assert len(units) >= 5
    said = site.run("systemd-analyze", "verify", "--man=no", *units)
    assert [line for line in said.splitlines() if any(unit in line for unit in units)] == []
    for unit in units:
        if unit.endswith(".service"):
            site.run("systemd-analyze", "security", "--threshold=12", "--no-pager", unit)


def test_the_relay_gives_up_files_and_calls_by_itself_too(site):
    assert "files outside of its directories are out of reach (Landlock" in log(site) and "(seccomp, " in log(site)


@PROGRAMS
def test_it_has_no_rights(site, program):
    pid = site.show(program, "MainPID")
    status = dict(line.split(":\t", 1) for line in site.run("cat", "/proc/%s/status" % pid).splitlines())
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    user = site.run("id", "--user", "mprelay").strip()
    assert int(user) > 0 and status["Uid"].split() == [user] * 4
    for kind in ("net", "user", "mnt", "uts"):
        assert site.run("readlink", "/proc/%s/ns/%s" % (pid, kind)) != site.run("readlink", "/proc/1/ns/" + kind)


def probe(machine, program, user):
    """What the unit lets others than its program do, with all of its words but those that say what runs as whom."""
    unit = (machine.files / ("usr/local/lib/systemd/system/%s.service" % program)).read_text()
    words = [line for line in unit.partition("[Service]\n")[2].partition("[Install]")[0].splitlines()
             if line.partition("=")[0] not in OWN]
    (machine.files / "run/probe.py").write_text((pathlib.Path(__file__).parent / "probe.py").read_text())
    (machine.files / "run/systemd/system/probe.service").write_text("\n".join(
        ["[Service]", "Type=oneshot", "User=" + user, "StateDirectory=probe", "StandardOutput=truncate:/run/probed",
         "ExecStart=/usr/bin/python3 -B /run/probe.py /var/lib/probe", *words]))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "probe")
    return set((machine.files / "run/probed").read_text().split())


@PROGRAMS
def test_nothing_is_allowed_but_its_directory(site, program):
    assert probe(site, program, "mprelay") == {"write-own"}


@PROGRAMS
def test_root_could_not_do_much_more(site, program):
    """So it is not the user alone that keeps it. With ProtectHome and others, systemd 252 leaves /run writable."""
    assert probe(site, program, "root") == {"write-own", "write-run", "see-others"}


def test_the_probe_can_do_what_the_units_forbid(site):
    site.run("mkdir", "/var/lib/free")
    (site.files / "run/probe.py").write_text((pathlib.Path(__file__).parent / "probe.py").read_text())
    tried = (pathlib.Path(__file__).parent / "probe.py").read_text().count(": lambda: ") + 1
    assert len(site.run("python3", "-B", "/run/probe.py", "/var/lib/free").split()) == tried


def test_restarts_refuse_nobody(site):
    site.run("systemctl", "stop", "statesys")
    before = files(site)
    crowd = Crowd(str(site.files / SOCKET))
    for _ in range(3):
        kept = crowd.kept()
        wait_until(lambda: crowd.kept() >= kept + 300 or crowd.failures, "reports")
        site.run("systemctl", "restart", "mprelay")
    statuses, failures = crowd.stop()
    site.run("systemctl", "stop", "mprelay")        # so that nothing is in the journal alone
    assert failures == [] and set(statuses) == {200}
    assert len(files(site) - before) == statuses[200]
    site.run("systemctl", "start", "mprelay", "statesys")


def test_reload_takes_new_settings_and_refuses_bad_ones(site):
    settings = site.files / "etc/mprelay.conf"
    for text, said in (("retry-after = 7s", "setting retry-after changed from '60s' to '7s'"),
                       ("retry-aftr = 8s", "settings not reloaded")):
        settings.write_text(text + "\n")
        site.run("systemctl", "reload", "mprelay")
        wait_until(lambda: said in log(site), said)
        assert site.show("mprelay", "ActiveState") == "active"
    wait_until(lambda: "settings of before" in site.show("mprelay", "StatusText"), "the sentence in systemctl status")


@PROGRAMS
def test_who_is_killed_comes_back(site, program):
    settings = site.files / "etc/mprelay.conf"
    settings.unlink(missing_ok=True)
    add(site, program + ".service", "[Service]\nRestartSec=10ms\n")
    before = site.show(program, "MainPID")
    site.run("kill", "-KILL", before)
    wait_until(lambda: site.show(program, "MainPID") not in ("0", before), "another process")
    wait_until(lambda: site.show(program, "ActiveState") == "active", "it to be ready")


@PROGRAMS
def test_who_hangs_is_started_anew(site, program):
    add(site, program + ".service", "[Service]\nRestartSec=10ms\nWatchdogSec=1s\nTimeoutAbortSec=100ms\n")
    site.run("systemctl", "restart", program)
    site.run("kill", "-STOP", site.show(program, "MainPID"))
    wait_until(lambda: "Watchdog timeout" in site.journal(program), "the watchdog")
    wait_until(lambda: site.show(program, "ActiveState") == "active", "it to be ready")


@PROGRAMS
def test_stop_is_a_success(site, program):
    add(site, program + ".service", "")
    site.run("systemctl", "restart", program)
    site.run("systemctl", "stop", program)
    assert (site.show(program, "ActiveState"), site.show(program, "Result")) == ("inactive", "success")
