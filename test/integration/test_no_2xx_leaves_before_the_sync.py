"""strace of the relay: before an answer is sent, its file was written, synced, linked, and its directory synced; or, in a
crowd, its record was written to the journal and synced, and the file was synced before it got its name."""
import concurrent.futures
import os
import re

import pytest

import wire

WRITES = ("write", "writev", "pwrite64", "pwritev")
CALLS = "write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,syncfs,linkat,renameat2"
LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)")


def events(trace):
    """(call, its text, line where it began, line where it had ended) for each call that succeeded."""
    begun, found = {}, []
    for number, line in enumerate(trace.read_text("latin-1").splitlines()):
        match = LINE.match(line)
        if not match:
            continue
        thread, resumed, call, text = match.groups()
        started, before = begun.pop(thread, (number, "")) if resumed else (number, "")
        if text.endswith("<unfinished ...>"):
            begun[thread] = (started, text)
        elif not re.search(r"= -1 ", text):
            found.append((resumed or call, before + text, started, number))
    return found


def journaled(found, name, answer):
    """Was the record in the journal, synced, before the answer?"""
    return any(sync[0] == "fdatasync" and sync[1].startswith(re.match(r"\d+<[^>]*>", write[1]).group())
               and write[3] < sync[2] and sync[3] < answer
               for write in found if write[0] == "pwrite64" and "/journal/segment-" in write[1] and name in write[1]
               for sync in found)


def check(found, name):
    """Follows one report back from its answer; each step must have ended before the next began."""
    answer = min(e[2] for e in found if "HTTP/1.1 200" in e[1] and name in e[1])
    link, = [e for e in found if e[0] in ("linkat", "renameat2") and name in e[1]]
    directory = re.findall(r"<([^>]*incoming[^>]*)>", link[1])[-1]
    source = link[1].split('"')[1]          # a name, or the descriptor of a file that has none
    own = re.compile(source[14:] + "<" if source.startswith("/proc/self/fd/") else r"\d+<[^>]*/%s>" % re.escape(source))
    written = max((e for e in found if e[0] in WRITES and own.match(e[1]) and e[3] < link[2]), key=lambda e: e[3])
    synced = [e for e in found if written[3] < e[2] and e[3] < link[2]
              and (e[0] == "syncfs" or e[0] in ("fsync", "fdatasync") and own.match(e[1]))]
    published = [e for e in found if link[3] < e[2] and e[3] < answer
                 and (e[0] == "syncfs" or e[0] == "fsync" and re.match(r"\d+<%s>" % re.escape(directory), e[1]))]
    assert r"R\0e\0p\0o\0r\0t" in written[1], "the trace does not show the report's bytes"
    assert synced, name
    in_journal = not published and journaled(found, name, answer)
    assert published or in_journal, name
    return in_journal


@pytest.mark.parametrize("method", ["auto", "fsync", "syncfs"])
@pytest.mark.parametrize("clients", [1, 32])
def test_no_2xx_leaves_before_the_sync(start, tmp_path, method, clients):
    trace = tmp_path / "trace"
    relay = start(wrapper=["strace", "-D", "-f", "-y", "-s", "1000000", "-o", str(trace), "-e", "trace=" + CALLS],
                  environment={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}, sync_method=method,
                  journal_size="8M")

    def post(number):
        answer = relay.post(wire.plain(wire.report(serial=number, priority=number % 2 * 5), keep=True))
        assert answer.status == 200
        return re.search(rb"[0-9A-Z]{16}\.smx", answer.body).group().decode()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        names = list(pool.map(post, range(8 * clients)))
    relay.stop()
    found = events(trace)
    assert any([check(found, name) for name in names]) == (clients > 1)
