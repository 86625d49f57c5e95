"""Keys of clients, made by openssl, messages signed with them, and what the relay says of these."""
import subprocess

import cmtrace
import wire

KNOWN, UNKNOWN = wire.CLIENT, "GUID:00000000-0000-0000-0000-00000000000B"


def openssl(*command):
    return subprocess.run(["openssl", *map(str, command)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def make(path, bits=2048):
    """A private key at that path, which is returned."""
    openssl("genrsa", "-out", path, bits)
    return str(path)


def public(private):
    return openssl("pkey", "-in", private, "-pubout")


def certificate(private):
    return openssl("req", "-x509", "-new", "-key", private, "-days", 1, "-subj", "/CN=ConfigMgr Client")


def put(relay, client, pem):
    """As an admin does: `client` is a GUID, with or without its prefix."""
    place = relay.root / "trust" / (client.replace("GUID:", "") + ".pem")
    place.write_bytes(pem)
    return place


def message(client, **changes):
    return wire.ccm(wire.report(client_id=changes.pop("of", client)), client_id=client, **changes)


def said(relay, request):
    """Posted and taken away again: the status, and the word of trust or the rule. A warning says that a key is unknown."""
    answer = relay.post(request)
    records = relay.next_records()
    verdict, = (v for v in map(cmtrace.verdict, records) if v)
    warned = [r for r in records if r.text.startswith("Relay: key unknown: ")]
    assert [r.type for r in warned] == ([2] if verdict["trust"] == "unknown key" else [])
    assert (answer.status == 200) == (verdict["refused"] is None) == (len(relay.files()) == 1)
    for path in relay.files():
        (relay.box / path).unlink()
    return answer.status, verdict["rule"] or verdict["trust"]
