"""A report that the relay has taken is, a moment later, a row: both on one root, whatever its priority and form."""
import pytest

import wire
from reports import CLIENT, message, report
from relay import Relay


@pytest.fixture
def relay_of(tmp_path):
    relays = []

    def relay_of(statesys, **settings):
        relays.append(Relay(statesys.root, **settings))
        return relays[-1]

    yield relay_of
    for relay in relays:
        relay.stop()


def test_posted_report_becomes_a_row(statesys, relay_of):
    relay = relay_of(statesys)
    for serial, (form, priority) in enumerate([(wire.ccm, 0), (wire.ccm, 5), (wire.plain, 10), (wire.plain, 5)], 1):
        text = report(message(serial), priority=priority).replace("UTF-16", "UTF-8" if form is wire.plain else "UTF-16")
        assert relay.post(form(text)).status == 200
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber, StateID", "SR_States") == [(n, 2) for n in range(1, 5)]
    relay.stop()
    kept = {verdict["file"] for verdict in relay.verdicts()}
    assert kept == {name for name, in statesys.of(CLIENT, "FileName", "SR_ProcessedFiles")} and len(kept) == 4
    for name in kept:
        statesys.wait_for_line("Processing file: %s$" % name)


def test_what_the_relay_refuses_is_nowhere(statesys, relay_of):
    relay = relay_of(statesys)
    assert relay.post(wire.ccm("<Report/>")).status == 400
    assert relay.post(wire.ccm(report(message(1)))).status == 200
    statesys.wait_until_loaded()
    assert statesys.ask("SELECT COUNT(*) FROM SR_States WHERE TopicType <> 701") == [(1,)]
    assert statesys.files("corrupt") == []


def test_many_reports_are_all_there(statesys, relay_of):
    """With the loader at work all the time: what was answered with 200 is a row, and counted once."""
    relay = relay_of(statesys)
    for serial in range(1, 201):
        assert relay.post(wire.ccm(wire.report(serial=serial, client_id=CLIENT))).status == 200
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "MessagesProcessed, FirstSerialNumber, HighSerialNumber", "SR_ClientMessageStats") == [
        (200, 1, 200)]
    assert statesys.ranges(CLIENT) == []
