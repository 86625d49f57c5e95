"""smx query finds states by filters, shows views and answers SQL, and can change nothing."""
import csv
import io

import pytest

from reports import DAY, LONG_AGO, client, message, report
from smx_command import rows, run
from wire import smx as file_of

HEARTBEAT = 701
UPDATE = "505fda07-b4f3-45fb-83d9-8642554e2773"


@pytest.fixture
def site(statesys):
    """PC-001 has two states, pc-002 a third of another topic, which it reported a day later."""
    statesys.load(
        file_of(report(message(1, UPDATE), message(2, "UPPER-1", state=3), client=client(1), name="PC-001")),
        file_of(report(message(5, "caf\u00e9 %_*", 402, 8, LONG_AGO + DAY, ("=1+1", 'a "b", c')), client=client(2),
                       name="pc-002")))
    return statesys


FOUND = [
    (["topic:500"], {1, 2}), (["topic:STATE_TOPICTYPE_SUM_UPDATE_*"], {1, 2}), (["topic:402"], {5}),
    (["topic:400"], set()), (["state:2"], {1}), (["state:*installed", "topic:500"], {2}), (["client:PC-0*"], {1, 2, 5}),
    (["client:pc-001"], {1, 2}), (["client:" + client(2)], {5}), (["client:" + client(2).lower()], {5}),
    (["client:PC_00*"], set()), (["id:505FDA07*"], {1}), (["id:upper-1"], {2}), (["id:" + UPDATE.upper()], {1}),
    (["id:*-1"], {2}), (["id:*%_*"], {5}), (["id:caf? *"], set()), (["topic:402", "id:caf*"], {5}),
    (["user:", "topic:402"], {5}), (["user:*"], set()), (["since:2020-01-02", "topic:402"], {5}),
    (["until:2020-01-02"], {1, 2}), (["since:7d", "serial:1-5"], set()), (["serial:2-5"], {2, 5}), (["serial:5-"], {5}),
    (["client:PC-0*", "state:2", "topic:500", "since:2020-01-01"], {1}),
]


def test_filters_find_the_states_that_fit_all_of_them(site):
    for filters, serials in FOUND:
        found = [row["SerialNumber"] for row in rows(site, "query", *filters) if row["TopicType"] != HEARTBEAT]
        assert (filters, set(found)) == (filters, serials)


def test_every_form_shows_the_same(site):
    shown, = rows(site, "query", "serial:5")
    assert (shown["NetBIOSName"], shown["MessageTime"]) == ("pc-002", "2020-01-02T00:00:00.000Z")
    assert (shown["P1"], shown["P2"], shown["P3"], shown["ResourceID"] > 16777215) == ("=1+1", 'a "b", c', None, True)
    table, = csv.DictReader(io.StringIO(run(site, "query", "--csv", "serial:5")))
    assert table == {**{name: str(value) for name, value in shown.items() if value is not None},
                     **{name: "" for name, value in shown.items() if value is None}, "P1": "'=1+1"}
    head, line = run(site, "query", "serial:5").splitlines()
    assert head.split()[:3] == ["MessageTime", "NetBIOSName", "TopicType"] and "caf\u00e9 %_*" in line


def test_views_are_named_and_shown(site):
    names = [row["Name"] for row in rows(site, "query")]
    assert {"v_States", "v_UpdateStatus", "v_StateNames", "SR_MissingRanges"} <= set(names)
    update = [row for row in rows(site, "query", "--view", "v_UpdateStatus") if row["UpdateID"] == UPDATE]
    assert [(row["Required"], row["LastChange"]) for row in update] == [(1, "2020-01-01T00:00:00.000Z")]
    for name in names:
        run(site, "query", "--view", name)
    assert len(rows(site, "query", "--view", "v_StateNames", "--limit", "7")) == 7
    assert len(rows(site, "query", "--view", "v_StateNames", "--limit", "0")) == 287
    run(site, "query", "--view", "v_States; DROP TABLE SR_States", status=65)


def test_sql_answers_and_changes_nothing(site):
    assert rows(site, "query", "--sql", "SELECT COUNT(*) AS n, MIN(P1) AS p FROM SR_States WHERE TopicType = 402") == [
        {"n": 1, "p": "=1+1"}]
    for statement in ("DELETE FROM SR_States", "DROP TABLE SR_States", "UPDATE SR_States SET StateID = 9", "SELECTED",
                      "SELECT 1; DELETE FROM SR_States"):
        assert run(site, "query", "--sql", statement, status=65).startswith("smx: ")
    assert site.ask("SELECT COUNT(*) FROM SR_States WHERE TopicType <> 701") == [(3,)]


WRONG = [
    (["topik:500"], 64, "no filter"), (["since:soon"], 64, "an age like 7d"), (["--view", "x", "topic:5"], 64, "one of"),
    (["--limit", "-1"], 64, "Usage"), (["--fast"], 64, "Usage"), (["--view", "v_Nothing"], 65, "v_"),
    (["state:no\x1bsuch"], 64, "smx name"),
]


def test_what_is_wrong_is_told_with_its_place(site):
    for words, status, said in WRONG:
        assert said in run(site, "query", *words, status=status)
