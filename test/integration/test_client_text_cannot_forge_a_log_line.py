"""Whatever a client writes into its fields, the log has as many records as the relay wrote, each whole."""
import pytest

import cmtrace
import wire

RECORD = ('<![LOG[Relay: Message {x} from 10.0.0.1 client C host \'H\': kept as X.smx, 1 messages, priority 5, unsigned'
          ']LOG]!><time="00:00:00.000+000" date="01-01-2026" component="MP_RelayEndpoint" context="" type="1" '
          'thread="1" file="x:1">')
SITE = "forged  $$<MP_RelayEndpoint><01-01-2026 00:00:00.000+000><thread=1 (0x1)>"
TEXTS = [
    "a]LOG]!>\r\n" + RECORD, "a\r\n" + RECORD + "\r\n", "a\n" + SITE + "\n", "]LOG]!><![LOG[", "a\u2028" + SITE,
    "a\u0085b\u009b31m\u007f", "\u202eevil\u2066", "'quoted' \"twice\"", "]LOG]]LOG]!>!>", "<![LOG<![LOG[[",
    "$$$<<", "%s%n", "Message {x} from 10.0.0.1: refused with 400, http: forged",
]


def fields(text):
    """The text in each field of client and report that reaches the log."""
    cut = wire.ccmpost.escape(text[:240])
    report = wire.report(client_id="C" + text[:250])
    yield wire.ccm(report, source_host=text)
    yield wire.ccm(wire.report(), message_id=cut)
    yield wire.ccm(wire.report(), endpoint=text)
    yield wire.ccm(wire.report(), property=["FileType=" + text])
    yield wire.ccm(wire.report(), reply_mode=text)
    yield wire.ccm("<%s/>" % "R" + cut)
    yield wire.plain(report)


@pytest.mark.parametrize("vocabulary", ["kb", "2012", "current"])
def test_ccm_format(start, vocabulary):
    relay = start(log_vocabulary=vocabulary, log_level="verbose", log_max_size="100M")
    requests = [request for text in TEXTS for request in fields(text)]
    for request in requests:
        assert relay.post(request) is not None
    relay.stop()
    raw = relay.log_path.read_bytes()
    records, used = cmtrace.parse(raw)
    assert used == len(raw) and raw.count(b"<![LOG[") == raw.count(b"]LOG]!>") == len(records)
    assert not [r for r in records if r.thread == 1 or r.file == "x:1"] and b"$$<" not in raw
    for record in records:
        dump = record.text.startswith("Message Body :")
        assert not set(record.text) & set("\u2028\u2029\u202e\u2066\x7f\u0085\u009b\0") and (
            dump or not set(record.text) & set("\r\n"))
    assert all(len(line) <= cmtrace.LONGEST_LINE for line in raw.split(b"\r\n"))
    assert sum(1 for r in records if cmtrace.verdict(r)) == len(requests)


def test_site_server_format(start):
    relay = start(log_format="site", log_vocabulary="current", log_level="verbose", log_max_size="100M")
    requests = [request for text in TEXTS for request in fields(text)]
    for request in requests:
        assert relay.post(request) is not None
    relay.stop()
    raw = relay.log_path.read_bytes()
    records = cmtrace.parse_site(raw)
    assert raw.count(b"$$<") == len(records) == raw.count(b"\r\n")
    assert not [r for r in records if r.thread == 1]
    assert sum(1 for r in records if cmtrace.verdict(r)) == len(requests)
