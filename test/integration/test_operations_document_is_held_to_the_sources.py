"""lint sees what docs/OPERATIONS.md leaves out, and what it names that does not exist."""
import os
import subprocess

from relay import BUILD, TOP

DOCUMENT = (TOP / "docs/OPERATIONS.md").read_text()
# (what stands there, what is put in its place, what is said of it)
FAULTS = [
    ("`Relay: stopping`, `Relay: stopped`", "`Relay: stopping`", "MP_Relay.log: 'Relay: stopped' does not stand there"),
    ("| `Stopping` |", "| `Halting` |", "statesys.log: 'Halting' is nowhere in the sources"),
    ("| `the relay is starting` |", "| `x` |", "not ready: 'the relay is starting' does not stand there"),
    ("| `mprelay_ready` |", "| `mprelay_reddy` |", "no metric is called mprelay_reddy"),
    ("`statesys_gaps_total{what}`", "`x`", "'statesys_gaps_total' does not stand there"),
    ("| `binding` | 403 |", "| `bond` | 403 |", "Rules of a refusal: 'binding' does not stand there"),
    ("| `limit` | 413, 431 |", "| `limit` | 413 |", "'limit' can be answered with 431, too"),
    ("| `RelayDiskIsSlow` |", "| `RelayDiskSlow` |", "no alarm is called RelayDiskSlow"),
    ("## Why the state system", "## Why it", "there is no section 'Why the state system is not ready'"),
    ("`log-files = no`", "`log-file = no`", "no setting is called log-file"),
    ("requeue --all-corrupt", "requeue --all-bad", "'smx spool' has no option --all-bad"),
    ("`smx top`, `statesys.log`", "`smx tops`", "'smx tops' is no command"),
    ("mprelay --print-config", "mprelay --show-config", "'mprelay' has no option --show-config"),
    ("etc/haproxy.cfg", "etc/haproxy.conf", "there is no file etc/haproxy.conf"),
    ("mprelay-admin.socket", "mprelay-adm.socket", "there is no unit mprelay-adm.socket"),
    ("make && make install`", "make && make instal`", "there is no target instal"),
    ("/var/lib/mprelay/trust`", "/var/lib/mprelay/trusted`", "no program has 'trusted'"),
    ("v_ClientsByLastHeard", "v_ClientsHeard", "no table or view is called v_ClientsHeard"),
    ("(#sizes)", "(#size)", "there is no heading for #size"),
    ("(TESTING.md)", "(TESTS.md)", "there is no file TESTS.md"),
]


def test_each_fault_is_named(tmp_path):
    """All at once: one look has to name them all."""
    text = DOCUMENT
    for said, instead, _ in FAULTS:
        assert said in text, said
        text = text.replace(said, instead)
    (tmp_path / "document.md").write_text(text)
    done = subprocess.run([TOP / "scripts/check-operations", tmp_path / "document.md"], capture_output=True, text=True,
                          env={**os.environ, "BUILD": str(BUILD), "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 1 and "The first column of a table" in done.stdout, done
    assert not [words for _, _, words in FAULTS if words not in done.stdout], done.stdout
