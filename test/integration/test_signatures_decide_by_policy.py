"""signature-policy: each cell of the table (wire.md 3.5), whose key it is, and what the log says of it."""
import pytest

import keys
import wire
from keys import KNOWN, UNKNOWN, message, said

CELLS = {       # off, verify, require
    "unsigned, unknown": ((200, "unsigned"), (200, "unsigned"), (403, "policy")),
    "unsigned, known": ((200, "unsigned"), (403, "policy"), (403, "policy")),
    "unsigned, known by SourceID": ((200, "unsigned"), (403, "policy"), (403, "policy")),
    "plain, unknown": ((200, "unsigned"), (200, "unsigned"), (403, "policy")),
    "plain, known": ((200, "unsigned"), (403, "policy"), (403, "policy")),
    "good": ((200, "signature not checked"), (200, "signed"), (200, "signed")),
    "good, lean": ((200, "signature not checked"), (200, "signed"), (200, "signed")),
    "bad": ((200, "signature not checked"), (403, "signature"), (403, "signature")),
    "not hex": ((200, "signature not checked"), (403, "signature"), (403, "signature")),
    "unknown key": ((200, "signature not checked"), (200, "unknown key"), (403, "policy")),
    "another's report": ((200, "signature not checked"), (403, "binding"), (403, "binding")),
    "nameless, good": ((200, "signature not checked"), (200, "signed"), (200, "signed")),
    "nameless, bad": ((200, "signature not checked"), (403, "signature"), (403, "signature")),
}


def nameless(request):
    """Without the SourceID, and the length right."""
    source = "<SourceID>%s</SourceID>" % KNOWN
    fewer = request.replace(source.encode("utf-16-le"), "<SourceID/>".encode("utf-16-le"))
    head, _, body = fewer.partition(b"\r\n\r\n")
    old = b"Content-Length: %d" % len(request.partition(b"\r\n\r\n")[2])
    return head.replace(old, b"Content-Length: %d" % len(body)) + b"\r\n\r\n" + body


@pytest.fixture(scope="module")
def requests(pairs):
    known, other = pairs
    good = message(KNOWN, sign=known)
    digits = good.index("PayloadSignature\">".encode("utf-16-le")) + 36
    return {
        "unsigned, unknown": message(UNKNOWN), "unsigned, known": message(KNOWN),
        "unsigned, known by SourceID": message(KNOWN, source_id=True, of=UNKNOWN),
        "plain, unknown": wire.plain(wire.report(client_id=UNKNOWN)), "plain, known": wire.plain(wire.report()),
        "good": good, "good, lean": message(KNOWN, sign=known, lean_auth=True),
        "bad": message(KNOWN, sign=other), "not hex": good[:digits] + b"x" + good[digits + 1:],
        "unknown key": message(UNKNOWN, sign=other), "another's report": message(KNOWN, sign=known, of=UNKNOWN),
        "nameless, good": nameless(good), "nameless, bad": nameless(message(KNOWN, sign=other)),
    }


@pytest.mark.parametrize("column, policy", enumerate(("off", "verify", "require")))
def test_each_cell_of_the_table(start, pairs, requests, column, policy):
    relay = start(signature_policy="verify")            # makes the directory of keys
    keys.put(relay, KNOWN, keys.public(pairs[0]))
    relay.stop()
    relay = start(signature_policy=policy, root=str(relay.root))
    relay.seen = relay.log_path.stat().st_size
    assert {cell: said(relay, requests[cell]) for cell in CELLS} == {cell: row[column] for cell, row in CELLS.items()}


def test_a_refusal_is_disguised_and_tells_a_plain_sender_why(start, pairs):
    relay = start(signature_policy="require", refuse_style="empty200")
    answer = relay.post(message(KNOWN))
    assert (answer.status, answer.body) == (200, b"")
    answer = relay.post(wire.plain(wire.report()))
    assert answer.status == 403 and b'"rule":"policy"' in answer.body
    assert [v["refused"] for v in relay.next_verdicts(2)] == ["403", "403"]
