"""A relay and a state system on one root, and `smx simulate` before them."""
import re
import subprocess

from relay import BUILD

RESYNC = "inboxes/auth/statesys.box/outgoing/resync"
SENT = re.compile(r"(\d+) reports sent, (\d+) messages; broken ones: (\d+) refused, (\d+) taken; (\d+) tried again")
ANSWERED = re.compile(r"(\d+) clients asked, (\d+) answered with (\d+) messages; (\d+) tried again")


def simulate(port, *options):
    """The command's status and what it said."""
    done = subprocess.run([BUILD / "smx", "simulate", "--to", "http://127.0.0.1:%d" % port, *map(str, options)],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def sums(pattern, outcome):
    """The numbers of the last line of a run that went well."""
    status, said = outcome
    assert status == 0, said
    return tuple(map(int, pattern.match(said).groups()))


def left_out(path):
    """{(client, first, last)} as --left-out wrote it."""
    return {(client, int(first), int(last)) for client, first, last in map(str.split, path.read_text().splitlines())}


def missing(statesys):
    """The same as the database has it."""
    return set(statesys.ask("SELECT c.SMSID, r.FirstMissing, r.LastMissing FROM SR_MissingMessageRanges r "
                            "JOIN SR_Clients c ON c.MachineID = r.MachineID"))
