"""What docs/OPERATIONS.md tells an admin to ask is answered as it says there: its blocks `console` are run, line by line."""
import os
import re
import subprocess

import keys
import wire
from relay import BUILD, PATIENCE, TOP, wait_until
from smx_command import smx

SAMPLES = TOP / "test/data/samples/reports"
CLIENT = "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E05"         # of sample E
BLOCKS = re.findall(r"^```console\n(.*?)^```", (TOP / "docs/OPERATIONS.md").read_text(), re.M | re.S)
COMMANDS = [re.split("\n", text, maxsplit=1) for block in BLOCKS for text in block.split("$ ")[1:]]
VARIES = [(r".*Figures of.*", lambda m: re.sub(r"\d+", "N", m[0])), (r"\d+-\d+-\d+[T ][\d:.]+Z?", "TIME"),
          (r"(?<=MP_RelayEndpoint) +\d+", " N"), (r"\d+ s ago", "N s ago"), (r"\{[0-9A-F-]{36}\}", "{ID}"),
          (r"\b[0-9A-HJKMNP-TV-Z]{16}\.smx", "NAME.smx"), (r"\b[0-9a-f]{64}\b", "HASH"), (r"host '[^']*'", "host"),
          (r"/var/lib/mprelay/trust/\S+", "FILE"),     # cut where the root is a long path
          (r"(?m) +$", ""), (r" +", " ")]


def same(text):
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return text.strip()


def write_wrappers(place, relay, statesys):
    """smx and mprelay, as they are where everything is in its usual place."""
    where = "--root '%s'" % relay.root
    asked = "%s --url %s --relay 127.0.0.1:%d --relay-admin %s" % (where, statesys.admin, relay.port, relay.admin)
    place.mkdir()
    (place / "mprelay").write_text("#!/bin/sh\nexec %s \"$@\"\n" % " ".join(relay.command))
    (place / "smx").write_text("#!/bin/sh\ncase $1 in\nstatus|top) set -- \"$@\" %s ;;\nlog|inspect|send) ;;\n"
                               "*) set -- \"$@\" %s ;;\nesac\nexec %s/smx \"$@\"\n" % (asked, where, BUILD))
    for name in "mprelay", "smx":
        (place / name).chmod(0o755)


def test_every_documented_answer_is_the_programs_own(start_watched, start_statesys, pairs, tmp_path):
    relay = start_watched(root=str(tmp_path / "site"), stats_interval="1s")
    statesys = start_statesys(root=relay.root)
    statesys.wait_for_heartbeat()
    url = "http://127.0.0.1:%d" % relay.port
    for name in "A-update-detection", "E-peer-cache", "D-pull-dp":
        assert smx("send", SAMPLES / (name + ".body"), "--to", url).returncode == 0
    assert relay.post(wire.plain(b"<Report>")).status == 400
    keys.put(relay, CLIENT, keys.public(pairs[0]))
    assert smx("send", SAMPLES / "E-peer-cache.body", "--to", url).returncode == 65
    relay.next_verdicts(5)
    statesys.wait_for_line("Processing file", 4)
    statesys.wait_until_loaded()
    wait_until(lambda: b"Relay: Figures of" in relay.log_path.read_bytes(), "a line of figures")
    write_wrappers(tmp_path / "bin", relay, statesys)
    usual = {"/var/lib/mprelay": str(relay.root), "/var/backups": str(tmp_path), "127.0.0.1:8081": relay.admin,
             "127.0.0.1:8082": statesys.admin}
    environment = {**os.environ, "PATH": "%s:%s" % (tmp_path / "bin", os.environ["PATH"]), "no_proxy": "*"}
    assert len(COMMANDS) > 10
    for command, expected in COMMANDS:
        for name, here in usual.items():
            command = command.replace(name, here)
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=PATIENCE, env=environment)
        said = (done.stdout + done.stderr).replace(str(relay.root), "/var/lib/mprelay")
        assert same(said) == same(expected), command
