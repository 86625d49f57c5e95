"""The fallback status point takes a few topics from anybody, in any encoding, and so many; its files are low."""
import signal
import uuid

import admin
import keys
import wire
from relay import Relay, wait_until

PATH = "/SMS_FSP/.sms_fsp"
TEXT = wire.report(topic_type=800, state_id=321, priority=0)
BARE = TEXT.replace(' encoding="UTF-16"', "")


def fallback(text=TEXT, content_type=None, **changes):
    return wire.plain(text.encode("utf-16-le") if isinstance(text, str) else text, content_type, path=PATH, **changes)


def test_every_encoding_and_type_is_kept_in_low(start):
    relay = start(fsp="on", signature_policy="require")
    bodies = [(TEXT.encode("utf-16"), TEXT), (TEXT.encode("utf-16-le"), TEXT),
              (TEXT.encode("utf-16-le") + b"\0\0", TEXT), (b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT), (BARE.encode(), BARE), (BARE.encode("utf-8-sig"), BARE)]
    for body, expected in bodies:
        answer = relay.post(fallback(body))
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
        [verdict] = relay.next_verdicts()
        assert (verdict["priority"], verdict["trust"]) == ("10", "unsigned")
        assert relay.files()["low/" + verdict["file"]] == wire.smx(expected)
    for content_type in ("text/xml", "multipart/mixed", "x/y; z", "nonsense", "application/octet-stream"):
        assert relay.post(fallback(content_type=content_type)).status == 200
    assert relay.post(wire.chunked(fallback())).status == 200
    assert relay.post(fallback().replace(b"/SMS_FSP/.sms_fsp", b"/sms_fsp/.SMS_FSP?x=1")).status == 200
    assert {path.split("/")[0] for path in relay.files()} == {"low"} and len(relay.files()) == 13
    assert "Relay: Fallback Status Point message, STATEID='321'" in [record.text for record in relay.next_records(7)]


def test_other_topics_and_methods_are_refused_whatever_the_style(start):
    relay = start(fsp="on", refuse_style="empty200")
    for request, status, rule in [
            (fallback(wire.report(topic_type=500)), 415, "policy"), (fallback("<Report/>"), 400, "report"),
            (fallback(headers=["Content-Encoding: gzip"]), 415, "http"),
            (fallback(wire.report(messages=2, topic_type=1005)), 415, "policy"),
            (fallback().replace(b"POST", b"CCM_POST", 1), 405, "http"),
            (fallback().replace(b"POST", b"GET", 1), 405, "http")]:
        answer = relay.post(request)
        assert (answer.status, answer.body) == (status, b"")
        assert answer.headers.get("allow") == ("POST" if status == 405 else None)
        [verdict] = relay.next_verdicts()
        assert (verdict["refused"], verdict["rule"], verdict["disguised"]) == (str(status), rule, None)
    assert relay.files() == {}


def test_serial_numbers_of_a_client_whose_key_is_known_are_not_taken_from_anybody(start, pairs):
    relay = start(fsp="on", signature_policy="verify")
    keys.put(relay, keys.KNOWN, keys.public(pairs[0]))
    uncounted = TEXT.replace("<ClientInstalled>1", "<ClientInstalled>0")
    for text, status in ((TEXT, 403), (uncounted, 200), (wire.report(topic_type=800, no_serial=True), 200),
                         (wire.report(topic_type=800, client_id=keys.UNKNOWN), 200)):
        assert relay.post(fallback(text)).status == status
    [verdict] = [verdict for verdict in relay.next_verdicts(4) if verdict["refused"]]
    assert (verdict["refused"], verdict["rule"]) == ("403", "policy")


def test_it_is_off_unless_it_is_switched_on(relay):
    assert relay.post(fallback()).status == 404


def test_more_than_the_throttle_is_told_to_come_again(start_watched):
    relay = start_watched(fsp="on", fsp_throttle="3/24h", retry_after="77s", fsp_topics="500")
    report = wire.report(messages=2)
    assert [relay.post(fallback(report)).status for _ in range(2)] == [200, 200]
    with relay.connect() as connection:                     # its body is not even taken
        connection.send(fallback(report).replace(b"Content-Length: ", b"Expect: 100-continue\r\nContent-Length: "))
        answer = connection.answer()
    assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "77", b"")
    assert "fsp-throttle" in relay.next_verdicts(3)[-1]["failure"]
    assert relay.post(wire.ccm(report)).status == 200       # nobody else is throttled
    found = admin.samples(relay)
    assert found['mprelay_requests_total{form="fsp",code="200"}'] == 2
    assert found['mprelay_requests_total{form="fsp",code="503"}'] == 1


def test_a_reload_that_opens_the_spool_anew_does_not_empty_the_throttle(start, tmp_path):
    config = tmp_path / "my.conf"
    config.write_text("fsp = on\nfsp-throttle = 2/24h\n")
    relay = start(config=config)
    assert relay.post(fallback()).status == 200
    config.write_text("fsp = on\nfsp-throttle = 3/24h\nunverified-prefix = N_\n")
    relay.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("settings reloaded" in record.text for record in relay.log()), "the settings")
    assert [relay.post(fallback()).status for _ in range(3)] == [200, 200, 503]


def test_what_is_not_kept_does_not_use_up_the_throttle(start, small_disk):
    relay = start(fsp="on", fsp_throttle="1/24h", outbox=small_disk / "box", min_free="3M", journal_size=0)
    (small_disk / "ballast").write_bytes(bytes(2 << 20))
    assert [relay.post(fallback()).status for _ in range(2)] == [507, 507]
    (small_disk / "ballast").unlink()
    assert [relay.post(fallback()).status for _ in range(2)] == [200, 503]


def test_its_reply_can_be_that_of_a_management_point(start):
    answer = start(fsp="on", fsp_reply="noreply").post(fallback())
    assert (answer.status, answer.body) == (200, wire.NOREPLY)
    assert answer.headers["content-type"].startswith("multipart/mixed")


def test_the_state_system_loads_what_setups_report(statesys):
    relay = Relay(statesys.root, fsp="on")
    clients = ["GUID:" + str(uuid.uuid4()).upper() for _ in range(3)]
    for client in clients:
        text = wire.report(topic_type=800, state_id=100, client_id=client, no_serial=True)
        text = text.replace("<ClientInstalled>1", "<ClientInstalled>0")
        assert relay.post(fallback(text)).status == 200
    statesys.wait_until_loaded()
    for client in clients:
        assert statesys.of(client, "TopicType, StateID", "SR_States") == [(800, 100)]
    relay.stop()
