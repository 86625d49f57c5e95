"""smx client, gaps, resync and name: what is known of one client, and of all that miss messages."""
import json

import pytest

from reports import client, message, report, smx as numbered
from smx_command import rows, run, smx
from wire import smx as file_of


@pytest.fixture
def site(statesys):
    """Two clients of one name, the first misses 3 and 4; a third that sends nothing numbered."""
    statesys.load(numbered(1, 2, 5, client=client(1), name="PC-001"), numbered(7, client=client(2), name="PC-001"),
                  file_of(report(message(topic="x"), client="server", installed=0, name="SRV")))
    return statesys


def test_client_is_shown_with_states_and_gaps(site):
    shown = json.loads(run(site, "client", client(1), "--json"))
    assert (shown["client"]["SMSIDAsSent"], shown["client"]["NetBIOSName"]) == (client(1), "PC-001")
    assert (shown["statistics"]["HighSerialNumber"], shown["statistics"]["Missing"]) == (5, 2)
    assert [(gap["FirstMissing"], gap["LastMissing"]) for gap in shown["gaps"]] == [(3, 4)]
    assert [state["StateName"] for state in shown["states"]] == 3 * ["Update is required"]
    text = run(site, "client", client(1))
    assert "HighSerialNumber" in text and "topic 5" in text and "Missing messages" in text
    assert json.loads(run(site, "client", "SRV", "--json"))["statistics"] is None


def test_client_of_an_ambiguous_name_is_asked_for(site):
    said = run(site, "client", "pc-001", status=65)
    assert client(1) in said and client(2) in said
    assert "no client is known" in run(site, "client", "PC-9", status=66)


def test_gaps_are_told_with_their_client(site):
    gap, = rows(site, "gaps")
    assert (gap["SMSIDAsSent"], gap["FirstMissing"], gap["LastMissing"], gap["Missing"]) == (client(1), 3, 4, 2)
    assert (gap["AgeHours"], gap["Resync"]) == (0, "none")


def test_resync_asked_by_hand_is_issued_by_the_next_check(start_statesys, database):
    statesys = start_statesys(database=database, resync_check_interval="1m")
    statesys.load(numbered(1, 3, client=client(1)))
    assert rows(statesys, "resync", "--list") == []
    run(statesys, "resync", client(1))
    assert [(row["SMSIDAsSent"], row["Resync"], row["ResyncReason"], row["Missing"])
            for row in rows(statesys, "resync", "--list")] == [(client(1), "wanted", "asked", 1)]
    statesys.load(numbered(4, client=client(1)))            # what is loaded meanwhile takes nothing back
    assert [row["Resync"] for row in rows(statesys, "resync", "--list")] == ["wanted"]
    statesys.stop()                                         # the first check comes with the start
    statesys.start()
    statesys.wait_for_line("CResyncManager - Client %s: requested resync" % client(1))
    assert [row["Resync"] for row in rows(statesys, "resync", "--list")] == ["issued"]
    assert [row["Resync"] for row in rows(statesys, "gaps")] == ["issued"]


def test_resync_of_who_has_no_numbers_is_refused(site):
    assert "numbered" in run(site, "resync", "SRV", status=66)
    assert "more than one" in run(site, "resync", "PC-001", status=65)
    run(site, "resync", status=64)
    run(site, "resync", "--list", "PC-001", status=64)


@pytest.mark.parametrize("words, said", [
    (["500", "2"], "Update is required"), (["500"], "Update is installed"), (["*_UPDATE_DETECTION", "*inst*"], "       3  "),
    (["902"], "STATE_TOPICTYPE_PULL_DP_MONITORING"),
])
def test_name_says_what_a_number_means(words, said):
    done = smx("name", *words)
    assert (done.returncode, said in done.stdout.decode()) == (0, True)


@pytest.mark.parametrize("words, status", [(["500", "77"], 66), (["NOTHING"], 66), ([], 64), (["1", "2", "3"], 64)])
def test_name_of_what_has_none_is_told(words, status):
    assert smx("name", *words).returncode == status
