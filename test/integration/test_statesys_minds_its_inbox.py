"""Whatever lies in the inbox and however it came there: files are loaded, nothing else is touched, nobody waits."""
import os
import socket

from reports import CLIENT, smx


def test_what_is_no_file_is_left(start_statesys, tmp_path):
    statesys = start_statesys()
    incoming = statesys.inbox / "incoming"
    (tmp_path / "secret").write_bytes(smx(9))
    (incoming / "link.smx").symlink_to(tmp_path / "secret")
    (incoming / "nowhere.smx").symlink_to(tmp_path / "nowhere")
    os.mkfifo(incoming / "pipe.smx")
    directory = os.open(incoming, os.O_RDONLY)      # the whole path is too long for a socket's
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("/proc/self/fd/%d/socket.smx" % directory)
        statesys.put("a.smx", smx(1))
        statesys.wait_for_line("Processing file: a.smx$")
        statesys.put("z.smx", smx(2))
        statesys.wait_for_line("Processing file: z.smx$")
    os.close(directory)
    statesys.stop()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(1,), (2,)]
    assert {entry.name for entry in os.scandir(incoming) if not entry.is_dir()} == {
        "link.smx", "nowhere.smx", "pipe.smx", "socket.smx"}
    assert (tmp_path / "secret").read_bytes() == smx(9)


def test_what_was_left_in_process_is_loaded_once(start_statesys):
    statesys = start_statesys()
    statesys.load(smx(1))
    statesys.stop()
    for name, serial in (("again", 1), ("new", 2)):
        (statesys.inbox / "process" / (name + ".smx")).write_bytes(smx(serial))
    statesys.start()
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "MessagesProcessed, HighSerialNumber", "SR_ClientMessageStats") == [(2, 2)]
    assert statesys.files("corrupt") == []


def test_an_inbox_that_is_exchanged(start_statesys):
    """As an admin does who moves it to another disk: the new directories are found, and what is in them."""
    statesys = start_statesys()
    statesys.load(smx(1))
    incoming = statesys.inbox / "incoming"
    incoming.rename(statesys.inbox / "old")
    for queue in (incoming, incoming / "high", incoming / "low"):
        queue.mkdir()
    for serial, queue in enumerate(("high", "normal", "low"), 2):
        statesys.put("%s.smx" % queue, smx(serial), queue)
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber", "SR_States") == [(n,) for n in range(1, 5)]


def test_a_report_of_very_many_messages(statesys):
    """One of a resync is large."""
    statesys.load(smx(*range(1, 20001)))
    assert statesys.of(CLIENT, "COUNT(*), MAX(SerialNumber)", "SR_States") == [(20000, 20000)]
    statesys.wait_for_line("Processed 20000 records with 0 invalid records.$")
