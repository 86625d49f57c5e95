"""A signature is good over exactly the bytes of part 2, by a key and with a hash that are strong enough."""
import keys
from keys import KNOWN, message, said
from relay import DATA

GOLDEN = (DATA / "samples/requests/signed.http").read_bytes()


def test_no_changed_byte_of_the_golden_request_gets_through(start):
    relay = start(signature_policy="require")
    keys.put(relay, "6F3C1E52-8A0B-4D7E-9C21-5B9A7D3E4F10", (DATA / "samples/requests/signed.pub.pem").read_bytes())
    first = GOLDEN.index(b"octet-stream\r\n\r\n") + 16
    last = GOLDEN.rindex(b"\r\n--")
    for at in range(first, last, 37):                   # all of them: test_keyring
        changed = GOLDEN[:at] + bytes([GOLDEN[at] ^ 1]) + GOLDEN[at + 1:]
        assert said(relay, changed) == (403, "signature")
    assert said(relay, GOLDEN) == (200, "signed")


def test_sha1_only_where_it_is_allowed(start, pairs):
    requests = [message(KNOWN, sign=pairs[0], hash="sha1", **more) for more in ({}, {"no_hash_property": True})]
    for allowed, expected in (("no", (403, "signature")), ("yes", (200, "signed"))):
        relay = start(allow_sha1=allowed)
        keys.put(relay, KNOWN, keys.certificate(pairs[0]))
        assert [said(relay, request) for request in requests] == [expected] * 2


def test_a_key_that_is_too_short_signs_nothing(start, tmp_path):
    short = keys.make(tmp_path / "short.pem", 1024)
    relay = start()
    keys.put(relay, KNOWN, keys.public(short))
    assert said(relay, message(KNOWN, sign=short)) == (403, "signature")
