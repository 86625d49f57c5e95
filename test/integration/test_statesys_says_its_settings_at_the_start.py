"""At the start the log tells what is in force, as the original does (spec/logs.md 7)."""


def test_settings_are_told(start_statesys, tmp_path):
    (tmp_path / "parent").mkdir()
    statesys = start_statesys(site_code="ps1", parent_site="cas", parent_inbox=tmp_path / "parent", loader_threads=2,
                              polling_interval="60s", chunk_size="1M", max_chunks=7, min_missing_age="10080m",
                              resync_check_interval="30m", heartbeat_interval="120m", min_resync_period="24h")
    statesys.wait_for_line("successfully initialized")
    lines = statesys.lines()
    assert lines[lines.index("Using the following configuration properties from the site control file:") + 1:][:12] == [
        "  Site code                              PS1",
        "  Parent site code                       CAS",
        "  Loader threads                         2",
        "  Inbox polling interval (secs)          60",
        "  Loader chunk size (KB)                 1024",
        "  Max chunks fetched                     7",
        "  Verbose logging                        NO",
        "  Min resync period (hours)              24",
        "  Resync check interval (min)            30",
        "  Min missing message age (min)          10080",
        "  Heartbeat message interval (min)       120",
        "=== StateSys has been successfully initialized. ==="]
