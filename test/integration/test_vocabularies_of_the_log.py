"""log-vocabulary and log-level: the lines of 2012 and of the current branch, and bodies only where it is verbose."""
import pytest

import cmtrace
import wire

REPORT = wire.report(priority=1)
DUMP = {"2012": "Message Body :  ", "current": "Message Body :\r\n"}


def lines_of(vocabulary, directory):
    yield {"2012": "Mp Message Handler: start message processing for Relay-----------------------",
           "current": "Mp Message Handler: start message processing for Relay. -----------------------"}[vocabulary]
    yield "Mp Message Handler: FileType=SMX"
    yield "body"
    if vocabulary == "current":             # 2012 has it only where the outbox is on another machine
        yield "Inv-Relay Task: Processing message body"
    yield "Relay: Outbox dir: %s" % directory
    yield "Priority in the message = 1"
    yield "State Priority Directory = %s" % directory
    yield "Inv-Relay: Task completed successfully"


@pytest.mark.parametrize("level", ["verbose", "default"])
@pytest.mark.parametrize("vocabulary", ["2012", "current"])
def test_vocabulary(start, vocabulary, level):
    relay = start(log_vocabulary=vocabulary, log_level=level)
    assert relay.post(wire.ccm(REPORT)).status == 200
    *records, last = relay.next_records()
    texts = [r.text for r in records]
    assert cmtrace.verdict(last)["priority"] == "1"
    if level == "verbose":
        dump, = [t for t in texts if t.startswith("Message Body :")]
        assert dump.replace("\r\n", "\n").startswith(DUMP[vocabulary].replace("\r\n", "\n") + "<?xml version")
        assert dump.replace("\r\n", "\n").rstrip() == (DUMP[vocabulary] + REPORT).replace("\r\n", "\n").rstrip()
        texts[texts.index(dump)] = "body"
    wanted = [t for t in lines_of(vocabulary, relay.box / "high") if t != "body" or level == "verbose"]
    assert texts == wanted


def test_a_long_body_is_wrapped_in_the_dump_only(start):
    relay = start(log_vocabulary="current", log_level="verbose", log_max_size="10M")
    report = wire.report(messages=100)
    assert relay.post(wire.ccm(report)).status == 200
    dump, = [r.text for r in relay.next_records() if r.text.startswith("Message Body :")]
    assert all(len(line) <= cmtrace.LONGEST_LINE and line[-1] in ":>" for line in dump.splitlines())
    assert "".join(dump.split()) == "".join((DUMP["current"] + report).split())
    assert list(relay.files().values()) == [wire.smx(report)]
