"""The settings of STATE_MESSAGE_SYSTEM live in SC_Component_Property: bounded, and overridden by our own file, which
then writes the row (spec/statesys.md 2)."""

FIND = "SELECT Value1, Value2, Value3 FROM SC_Component_Property WHERE Name = '%s'"
ROWS = [                    # name, as --option, the override, what the row then holds
    ("Heartbeat Msg Interval", "heartbeat_interval", "90m", 90),
    ("Inbox Polling Interval", "polling_interval", "7s", 7),
    ("Loader Chunk Size", "chunk_size", "1M", 1024), ("Loader Threads", "loader_threads", "9", 9),
    ("Max Chunks Fetched", "max_chunks", "5", 5), ("Min Missing Message Age", "min_missing_age", "7d", 10080),
    ("Resync Check Interval", "resync_check_interval", "1h", 60)]
RETRY = '<Config><Retry PatternID="0"  RetryQueue="0">%s</Retry></Config>'
UNUSABLE = [                # name, value out of bounds, line of the start block with the default
    ("Heartbeat Msg Interval", 525601, "Heartbeat message interval [(]min[)] +60"),
    ("Inbox Polling Interval", 86401, "Inbox polling interval [(]secs[)] +900"),
    ("Loader Chunk Size", 65537, "Loader chunk size [(]KB[)] +256"), ("Loader Threads", 65, "Loader threads +4"),
    ("Max Chunks Fetched", -1, "Max chunks fetched +100"),
    ("Min Missing Message Age", 0, "Min missing message age [(]min[)] +2880"),
    ("Resync Check Interval", 0, "Resync check interval [(]min[)] +15")]
NO_RETRY_CONFIG = [
    "", "7200,28800,86400", "<Config/>", RETRY % "", RETRY % "0", RETRY % "1,x", RETRY % ",".join(["1"] * 17),
    RETRY.replace('"0"  ', '"1"  ') % "1", "<!DOCTYPE a>" + RETRY % "1"]


def test_our_settings_win_and_write_the_row(start_statesys, database):
    statesys = start_statesys(database=database, retry_steps="60,120", **{row[1]: row[2] for row in ROWS})
    for name, _, _, value in ROWS:
        assert statesys.ask(FIND % name) == [("", "", value)]
    assert statesys.ask(FIND % "Retry Config") == [("REG_SZ", RETRY % "60,120", 0)]
    assert statesys.ask("SELECT COUNT(*) FROM SC_Component_Property") == [(8,)]
    statesys.stop()
    again = start_statesys(database=database, polling_interval="0")      # without them the rows stand
    again.wait_for_line("Loader threads +9$")
    again.wait_for_line("Inbox polling interval [(]secs[)] +7$")
    assert again.ask(FIND % "Retry Config") == [("REG_SZ", RETRY % "60,120", 0)]


def test_rows_that_cannot_be_used_count_as_the_default(start_statesys, database):
    """They stay as they are: they are the admin's."""
    statesys = start_statesys(database=database, polling_interval="0")
    statesys.stop()
    for name, value, _ in UNUSABLE:
        statesys.ask("UPDATE SC_Component_Property SET Value3 = %d WHERE Name = '%s'" % (value, name))
    statesys.log_path.unlink()
    statesys.start()
    for name, value, line in UNUSABLE:
        statesys.wait_for_line("^  %s$" % line)
        statesys.wait_for_line("WARNING: .*" + name)
        assert statesys.ask(FIND % name) == [("", "", value)]


def test_a_retry_config_that_cannot_be_used(start_statesys):
    statesys = start_statesys()
    for count, value in enumerate(NO_RETRY_CONFIG, 1):
        statesys.ask("UPDATE SC_Component_Property SET Value2 = '%s' WHERE Name = 'Retry Config'" % value)
        assert statesys.reload() == "Settings reloaded"
        statesys.wait_for_line("WARNING: .*Retry Config", count)
