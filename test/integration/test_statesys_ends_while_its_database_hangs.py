"""A PostgreSQL that never answers does not keep the state system from its end: it says so, and nothing is lost."""
import signal

import pytest

from relay import PATIENCE, Connection, wait_until
from reports import CLIENT, smx

WAITS = "SELECT 1 FROM pg_locks WHERE relation = '%s'::regclass AND NOT granted"


def start_again(statesys):
    statesys.stop()
    statesys.start()


def launch_again(statesys):
    statesys.stop()
    statesys.launch()


def reload(statesys):
    statesys.process.send_signal(signal.SIGHUP)


def ask_whether_it_is_ready(statesys):
    host, _, port = statesys.settings["admin_listen"].partition(":")
    with Connection((host, int(port))) as connection:
        connection.send(b"GET /readyz HTTP/1.1\r\nHost: here\r\n\r\n")


def put_a_file(statesys):
    statesys.put("1.smx", smx(1))


@pytest.mark.parametrize("provoke, table", [
    (start_again, "SR_MissingMessageRanges"), (launch_again, "SC_Component_Property"),
    (reload, "SC_Component_Property"), (ask_whether_it_is_ready, "SR_MissingMessageRanges"), (put_a_file, "SR_States"),
], ids=["manager", "start", "reload", "observer", "loader"])
def test_term_while_one_waits_for_the_database(start_statesys, cluster, provoke, table):
    statesys = start_statesys(database=cluster.create(), stop_timeout="1s", polling_interval="3600s")
    statesys.wait_for_heartbeat()
    with statesys.database.connect() as holder:
        holder.ask("BEGIN; LOCK TABLE " + table)
        provoke(statesys)
        wait_until(lambda: holder.ask(WAITS % table), "a question that is not answered")
        with cluster.frozen():
            statesys.process.terminate()
            assert statesys.process.wait(PATIENCE) == 75
    assert len(statesys.said_lines("Not stopped within 1 seconds")) == 1

    statesys.start()
    put_a_file(statesys)                # again, if that is what provoked it
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "MessagesProcessed, HighSerialNumber", "SR_ClientMessageStats") == [(1, 1)]
    assert statesys.files("corrupt", "retry", "process") == []
