"""The two queries of KB 4459394 run unchanged on a fresh database, and states have their names there."""
import re

import wire
from relay import TOP
from reports import CLIENT, message, report

STATE_NAMES = "select * from v_StateNames  "
PROPERTIES = ("select * from SC_Component_Property where ComponentID in (select ID from SC_Component where "
              "ComponentName like 'SMS_STATE_SYSTEM') and sitenumber in (select SiteNumber from SC_SiteDefinition "
              "where Sitecode = (Select ThisSiteCode from SMSData))")
STATE = re.compile(r'STATE\((\d+), (\d+), "((?:[^"\\]|\\.)*)"')
AS_DOCUMENTED = [
    ("Heartbeat Msg Interval", "", "", 60), ("Inbox Polling Interval", "", "", 900), ("Loader Chunk Size", "", "", 256),
    ("Loader Threads", "", "", 4), ("Max Chunks Fetched", "", "", 100), ("Min Missing Message Age", "", "", 2880),
    ("Resync Check Interval", "", "", 15),
    ("Retry Config", "REG_SZ", '<Config><Retry PatternID="0"  RetryQueue="0">7200,28800,86400</Retry></Config>', 0)]
QUICK = ("Inbox Polling Interval", "", "", 1)       # as the harness has it


def names():
    return {(int(kind), int(state)): name.replace('\\"', '"')
            for kind, state, name in STATE.findall((TOP / "src/report/state.tbl").read_text())}


def test_state_names(statesys):
    rows = statesys.ask(STATE_NAMES)
    assert len(rows) == 287
    assert {(kind, state): name for kind, state, name, _ in rows} == names()
    assert sorted(statesys.ask("SELECT * FROM SR_StateNames")) == sorted(rows)
    assert (401, 5, "Not Applicable", "Not Applicable") in rows


def test_properties(statesys):
    rows = sorted(row[2:] for row in statesys.ask(PROPERTIES))
    assert rows == [QUICK if row[0] == QUICK[0] else row for row in AS_DOCUMENTED]


def test_properties_of_a_site_in_lower_case(start_statesys, database):
    statesys = start_statesys(database=database, site_code="abc", polling_interval="900s")
    assert sorted(row[2:] for row in statesys.ask(PROPERTIES)) == AS_DOCUMENTED
    assert statesys.ask("SELECT ThisSiteCode FROM SMSData") == [("ABC",)]


def test_each_state_has_its_name_and_an_unknown_one_its_numbers(statesys):
    pairs = sorted(names())
    messages = [message(serial, kind=kind, state=state) for serial, (kind, state) in enumerate(pairs, 1)]
    statesys.load(wire.smx(report(*messages, message(288, kind=65000, state=7), message(289, kind=500, state=4711))))
    shown = statesys.ask("SELECT TopicType, StateID, StateName FROM v_States WHERE SMSID = '%s'"
                         % CLIENT.removeprefix("GUID:"))
    assert len(shown) == 289
    assert {row[:2]: row[2] for row in shown} == {**names(), (65000, 7): "65000/7", (500, 4711): "500/4711"}
