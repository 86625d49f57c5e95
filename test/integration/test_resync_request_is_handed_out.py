"""With resync-dir the relay hands a client what the state system asks of it, and nothing else of the disk."""
import os

import pytest

import wire
from relay import wait_until

GUID = "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"
OTHER = "00000000-0000-0000-0000-000000000001"
TEXT = b"client GUID:%b\nissued 20261122120000.000000+000\nfirst missing 3\ncount 2\n" % GUID.encode()
NO_GUID = ["", "?client=", "?client=" + GUID[:-1], "?client=" + GUID + "0", "?client={%s}" % GUID, "?clients=" + GUID,
           "?client=../../../etc/passwd", "?client=%2e%2e%2f" + GUID, "?client=G" + GUID[1:], "?client=" + GUID + "%00"]


@pytest.fixture
def asking(start, tmp_path):
    (tmp_path / "resync").mkdir()
    (tmp_path / "resync" / (GUID + ".rsy")).write_bytes(TEXT)
    return start(resync_dir=str(tmp_path / "resync"), refuse_style="empty200")


def ask(relay, target, method="GET", more=b""):
    with relay.connect() as connection:
        connection.send(b"%b %b HTTP/1.1\r\nHost: mp\r\n%b\r\n" % (method.encode(), target.encode(), more))
        if method == "HEAD":
            wait_until(lambda: b"\r\n\r\n" in connection.received or not connection.more(), "a head")
            return int(connection.received.split()[1])
        return connection.answer()


def test_who_is_asked_gets_the_request(asking):
    for client in GUID, "GUID:" + GUID, "guid:" + GUID.lower(), "GUID%3a" + GUID, "%20" + GUID:
        answer = ask(asking, "/MPRelay/Resync?x=1&client=" + client)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, TEXT, "text/plain")
    asking.stop()
    said = [r.text for r in asking.log() if "a resync" in r.text]
    assert said == ["Relay: Client GUID:%s is asked for a resync, told to 127.0.0.1" % GUID] * 5
    assert asking.verdicts() == []


def test_who_is_not_asked_gets_204_and_may_go_on(asking):
    question = b"GET /mprelay/resync?client=%b HTTP/1.1\r\nHost: mp\r\n\r\n" % OTHER.encode()
    with asking.connect() as connection:
        connection.send(question)
        assert connection.answer()[::2] == (204, b"")
        connection.send(wire.ccm(wire.report(), keep=True) + question)
        assert [connection.answer().status for _ in range(2)] == [200, 204]
    assert ask(asking, "/mprelay/resync?client=" + GUID, "HEAD") == 200
    asking.stop()
    assert len(asking.verdicts()) == 1
    assert [OTHER in r.text for r in asking.log() if "a resync" in r.text] == [False]      # 204 is worth no line


def test_what_is_no_guid_is_400_also_where_refusals_are_hidden(asking):
    assert [ask(asking, "/mprelay/resync" + client).status for client in NO_GUID] == [400] * len(NO_GUID)
    assert [v["refused"] for v in asking.next_verdicts(len(NO_GUID))] == ["400"] * len(NO_GUID)


def test_other_methods_are_405_and_a_question_has_no_body(asking):
    for method in "POST", "CCM_POST", "PUT", "DELETE", "OPTIONS":
        answer = ask(asking, "/mprelay/resync?client=" + GUID, method, b"Content-Length: 0\r\n")
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    for more in b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n":
        assert ask(asking, "/mprelay/resync?client=" + GUID, more=more).status == 400


def test_only_a_small_regular_file_is_read(asking, tmp_path):
    request = tmp_path / "resync" / (GUID + ".rsy")
    for make in (lambda: request.write_bytes(b"x" * 4097), lambda: request.symlink_to("/etc/passwd"),
                 lambda: os.mkfifo(request), request.mkdir):
        request.unlink()
        make()
        answer = ask(asking, "/mprelay/resync?client=" + GUID)
        assert answer.status == 500 and b"root" not in answer.body
    assert ask(asking, "/mprelay/resync?client=" + OTHER).status == 204


def test_without_resync_dir_there_is_no_such_path(relay):
    assert ask(relay, "/mprelay/resync?client=" + GUID).status == 404
