"""registration: a client makes its key known; it counts at once, or when an operator has approved it."""
import re
import signal

import pytest

import admin
import keys
import registering
import wire
from keys import KNOWN, UNKNOWN, message, said
from proxied import RULE, with_lines
from registering import read, request
from relay import wait_until
from smx_command import smx

GUID = KNOWN.replace("GUID:", "")


@pytest.fixture
def relay(start_watched):
    return start_watched(registration="on", signature_policy="require")


@pytest.fixture
def automatic(start):
    return start(registration="on", registration_approve="auto", signature_policy="require")


def ask(relay, private, **changes):
    """What the client is told; the log says the same, and how."""
    reply = read(relay.post(request(private, **changes)), changes.get("reply_compression") != "none")
    verdict, = relay.next_verdicts()
    assert (verdict["registered"], verdict["key"]) == (reply.smsid, registering.fingerprint(private))
    return reply, verdict["decision"]


def names(relay, where="trust"):
    return sorted(path.name for path in (relay.root / where).iterdir() if path.is_file())


def test_a_key_waits_until_it_is_approved(relay, pairs):
    name = registering.name_of(pairs[0])
    assert ask(relay, pairs[0]) == (("Registration", "1", "0", name), "waits for approval")
    assert ask(relay, pairs[0]) == (("Registration", "1", "0", name), "waits for approval still")
    confirm = dict(smsid=name.lower().replace("guid:", "GUID:"), kind="Confirmation")
    assert ask(relay, pairs[0], **confirm) == (("Confirmation", "1", "0", name), "waits for approval still")
    assert (names(relay), len(names(relay, "trust/pending"))) == ([], 1)
    assert said(relay, message(name, sign=pairs[0])) == (403, "policy")

    place = "--root", str(relay.root)
    listed = smx("key", "list", "--json", *place).stdout
    assert re.search(rb'"Client":"%s","State":"pending"' % name[5:].encode(), listed)
    smx("key", "approve", name, *place)
    assert (len(names(relay)), names(relay, "trust/pending")) == (1, [])
    assert ask(relay, pairs[0], **confirm) == (("Confirmation", "0", "1", name), "registered already")
    assert said(relay, message(name, sign=pairs[0])) == (200, "signed")
    samples = admin.samples(relay)
    assert [samples['mprelay_registrations_total{result="%s"}' % word]
            for word in ("registered", "pending", "deferred", "rejected")] == [1, 3, 0, 0]
    assert samples['mprelay_reports_total{result="kept"}'] == 1


def test_a_key_counts_at_once_where_that_is_allowed(automatic, pairs):
    name = registering.name_of(pairs[0])
    assert said(automatic, message(KNOWN, sign=pairs[0])) == (403, "policy")
    assert ask(automatic, pairs[0], smsid=KNOWN) == (("Registration", "0", "1", KNOWN), "registered")
    assert ask(automatic, pairs[0], smsid=GUID) == (("Registration", "0", "1", KNOWN), "registered already")
    assert ask(automatic, pairs[0]) == (("Registration", "0", "1", name), "registered")
    assert said(automatic, message(KNOWN, sign=pairs[0])) == (200, "signed")
    kept, = (path for path in (automatic.root / "trust").glob(GUID + ".pem"))
    assert keys.openssl("pkey", "-pubin", "-in", kept, "-pubout") == keys.public(pairs[0])


def test_who_has_a_key_gets_no_other(automatic, pairs):
    one, other = pairs
    rejected = ("Registration", "3", "2", KNOWN), "rejected: the client has another key"
    ask(automatic, one, smsid=KNOWN)
    assert ask(automatic, other, smsid=KNOWN) == rejected
    keys.put(automatic, KNOWN, keys.public(other))              # the operator may
    assert ask(automatic, one, smsid=KNOWN) == rejected
    assert ask(automatic, other, smsid=KNOWN)[1] == "registered already"


def test_nobody_takes_the_place_of_one_that_waits(relay, pairs):
    one, other = pairs
    ask(relay, one, smsid=KNOWN)
    assert ask(relay, other, smsid=KNOWN)[1] == "rejected: another key waits in its name"
    smx("key", "reject", KNOWN, "--root", str(relay.root))
    assert ask(relay, one, smsid=KNOWN, kind="Confirmation") == (
        ("Confirmation", "3", "2", KNOWN), "rejected: nothing is known of it")
    assert ask(relay, other, smsid=KNOWN)[1] == "waits for approval"


def test_only_so_many_wait_and_only_so_many_count(start, pairs):
    relay = start(registration="on", max_pending_keys=1)
    assert [ask(relay, private) for private in pairs] == [
        (("Registration", "1", "0", registering.name_of(pairs[0])), "waits for approval"),
        (("Registration", "2", "2", registering.name_of(pairs[1])), "too many keys wait")]
    relay.stop()
    relay = start(root=str(relay.root), registration="on", registration_approve="auto", max_trusted_keys=1)
    relay.seen = relay.log_path.stat().st_size
    assert [ask(relay, private)[1] for private in pairs] == ["registered", "too many keys"]
    assert (len(names(relay)), names(relay, "trust/pending")) == (1, [])         # it waits no more


def test_it_is_not_served_unless_it_is_switched_on(start, pairs, tmp_path):
    config = tmp_path / "mprelay.conf"
    config.write_text("")
    relay = start(config=config)
    assert relay.post(request(pairs[0])).status == 404
    assert [v["rule"] for v in relay.next_verdicts()] == ["endpoint"]
    assert not (relay.root / "trust/pending").exists()
    config.write_text("registration = on\n")
    relay.process.send_signal(signal.SIGHUP)
    wait_until(lambda: b"settings reloaded" in relay.log_path.read_bytes(), "the reload")
    assert ask(relay, pairs[0])[1] == "waits for approval"


def test_who_was_seen_by_a_proxy_registers_nobody_else(start, pairs):
    relay = start(registration="on", registration_approve="auto", proxy_identity=RULE)

    def told(name, **changes):
        answer = relay.post(with_lines(request(pairs[0], **changes), [name]))
        verdict, = relay.next_verdicts()
        return answer.status, verdict["rule"] or verdict["registered"]

    seen = "CN=" + KNOWN
    assert told(seen, smsid=UNKNOWN) == (403, "binding") and names(relay) == []
    assert [told(seen, **changes) for changes in ({}, {"smsid": GUID.lower()})] == [(200, KNOWN)] * 2
    assert [told("CN=pc1", **changes) for changes in ({}, {"smsid": UNKNOWN})] == [(403, "binding")] * 2
    assert told("", smsid=UNKNOWN) == (200, UNKNOWN)


def test_answers_are_raw_where_that_is_asked_for(start, pairs, tmp_path):
    relay = start(registration="on", registration_approve="auto", trust_dir=tmp_path / "elsewhere")
    assert ask(relay, pairs[0], reply_compression="none")[0].status == "0"
    assert ask(relay, pairs[0], compress=False)[0].status == "0"
    assert len(list((tmp_path / "elsewhere").glob("*.pem"))) == 1


def test_what_is_no_registration_is_refused_and_leaves_nothing(automatic, pairs):
    one, other = pairs
    text = registering.body(one)
    forged = registering.body(one, signer=other)
    refusals = [
        (registering.envelope(forged), 403, "signature"),
        (registering.envelope(text.replace("PC1", "PC2")), 403, "signature"),
        (registering.envelope(text.replace('SMSID=""', 'SMSID="%s"' % UNKNOWN)), 403, "signature"),
        (request(one, hash="sha1"), 403, "signature"),
        (request(one, smsid="GUID:../../x"), 400, "body"),
        (request(one, kind="Other"), 415, "body"),
        (registering.envelope(text.replace("<Signature>", "<!-- --><Signature>")), 400, "body"),
        (registering.envelope(text.replace("</Data>", "</Data><Data/>")), 400, "body"),
        (registering.envelope(text.replace("Signing", "Signed")), 400, "body"),
        (registering.envelope(text.replace("<ClientRegistrationRequest>", "<Report>")), 400, "body"),
        (registering.envelope(text.encode("utf-8")), 400, "body"),
        (registering.envelope("<ClientRegistrationRequest>" + " " * 200000), 413, "limit"),
        (registering.envelope(text, reply_mode="Async"), 415, "envelope"),
        (registering.envelope(text, sign=one), 415, "hook"),
        (registering.envelope(text, message_id="{%s}" % ("1" * 2000)), 413, "limit"),
        (wire.ccm(text), 403, "policy"),
    ]
    got = []
    for bad, _, _ in refusals:
        answer = automatic.post(bad)
        verdict, = automatic.next_verdicts()
        got.append((answer.status, verdict["rule"]))
        assert answer.body == b"" and not verdict["registered"]
    assert got == [(status, rule) for _, status, rule in refusals]
    assert (names(automatic), names(automatic, "trust/pending"), automatic.files()) == ([], [], {})
