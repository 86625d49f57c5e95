"""Reports come in any order: a state gives way to a later one only (spec/statesys.md 1.10)."""
import itertools

import wire
from reports import HOUR, LONG_AGO, MINUTE, client, message, report

TOPIC = "505fda07-b4f3-45fb-83d9-8642554e2773"
# The last is what counts: by MessageTime, then serial number, then, without one, the report's Date.
STATES = [(dict(serial=30, state=1, time=LONG_AGO), LONG_AGO + HOUR),
          (dict(state=2, time=LONG_AGO + MINUTE), LONG_AGO),
          (dict(state=3, time=LONG_AGO + MINUTE), LONG_AGO + HOUR),
          (dict(serial=4, state=4, time=LONG_AGO + MINUTE), LONG_AGO),
          (dict(serial=5, state=5, time=LONG_AGO + MINUTE), LONG_AGO - HOUR)]


def test_order_does_not_matter(statesys):
    orders = list(itertools.permutations(STATES))
    for number, order in enumerate(orders):
        for place, (state, date) in enumerate(order):
            statesys.put("%d-%03d.smx" % (place, number),
                         wire.smx(report(message(topic=TOPIC, **state), client=client(number), date=date)))
    statesys.wait_until_loaded()
    assert statesys.ask("SELECT StateID, SerialNumber, COUNT(*) FROM SR_States WHERE TopicType = 500 "
                        "GROUP BY StateID, SerialNumber") == [(5, 5, len(orders))]


def test_each_user_has_a_state_of_his_own(statesys):
    text = message(1, topic=TOPIC)
    messages = [text, text.replace('UserSID=""', 'UserSID="S-1-5-21-1"').replace('"2"', '"3"'),
                text.replace('UserSID=""', 'UserSID="S-1-5-21-2"')]
    statesys.load(wire.smx(report(*messages)))
    assert statesys.ask("SELECT UserSID, StateID FROM SR_States WHERE TopicType = 500 ORDER BY 1") == [
        ("", 2), ("S-1-5-21-1", 3), ("S-1-5-21-2", 2)]


def test_names_in_all_scripts_come_through(statesys):
    """Text is text: quotes, markup and characters beyond 16 bits are in the row as they were sent."""
    params = ("Stra\u00dfe", "\u65e5\u672c", "\U0001f600", "'\"<&>\\", "  ")
    statesys.load(wire.smx(report(message(1, params=params), name="PC-\u00e4\u65e5")))
    assert statesys.ask("SELECT P1, P2, P3, P4, P5, NetBIOSName FROM v_States WHERE TopicType = 500") == [
        (*params[:4], "", "PC-\u00e4\u65e5")]
