"""A database of an older program becomes the present one at the start, with all that it knows."""
import contextlib

import pytest

from relay import DATA
from reports import CLIENT, client, smx
from statesys import Sqlite

LINES = (DATA / "databases/version-1.sql").read_text().splitlines()
VERSION_1 = " ".join(line.strip() for line in LINES if not line.startswith("--"))
SCHEMA = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1, 2",
    "postgresql":
        "SELECT table_name, column_name, data_type, character_maximum_length, column_default, is_nullable, "
        "(SELECT MAX(v.definition) FROM pg_views v WHERE v.viewname = table_name) "
        "FROM information_schema.columns WHERE table_schema = 'public' UNION ALL "
        "SELECT tablename, indexname, indexdef, NULL, NULL, NULL, NULL FROM pg_indexes WHERE schemaname = 'public' "
        "UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), NULL, NULL, NULL, NULL "
        "FROM pg_trigger ORDER BY 1, 2, 3"}


@pytest.fixture
def old(database, tmp_path):
    """Made by version 1 of the schema, on each database."""
    if database is not None:
        database.ask("CREATE SEQUENCE SR_MachineID START 16777218 MAXVALUE 2147483647;" + VERSION_1)
        return database
    path = tmp_path / "old.db"
    path.touch()
    with contextlib.closing(Sqlite(path).connect()) as connection:
        connection.executescript(VERSION_1)
    return Sqlite(path)


def test_old_database_is_brought_up_to_date(start_statesys, old):
    statesys = start_statesys(database=old)
    statesys.wait_for_line("Loader threads +7$")                    # the admin's settings stay
    assert statesys.ranges(CLIENT) == [(2, 4)]
    assert statesys.ask("SELECT UpdateID, Required, Installed FROM v_UpdateStatus ORDER BY 1") == [
        ("update 1", 2, 0), ("update 2", 0, 1)]
    statesys.load(smx(3), smx(6), smx(1, client=client(9)))
    assert statesys.ranges(CLIENT) == [(2, 2), (4, 4)]
    assert statesys.of(CLIENT, "FirstSerialNumber, HighSerialNumber, MessagesProcessed", "SR_ClientMessageStats") == [
        (1, 6, 4)]
    assert statesys.ask("SELECT MessageCount FROM v_StateMessageStatistics WHERE TopicType = 500") == [(6,)]
    assert statesys.of(client(9), "COUNT(*)", "SR_States") == [(1,)]


def test_it_is_then_as_one_made_today(start_statesys, old, tmp_path, cluster):
    statesys = start_statesys(database=old)
    today = start_statesys(root=tmp_path / "today", database=None if old.kind == "sqlite" else cluster.create())
    for sql in (SCHEMA[old.kind], "SELECT * FROM SR_SchemaVersion", "SELECT * FROM SR_StateNames ORDER BY 1, 2",
                "SELECT * FROM SR_TopicTypes ORDER BY 1", "SELECT Name FROM SC_Component_Property ORDER BY 1"):
        assert statesys.ask(sql) == today.ask(sql)
