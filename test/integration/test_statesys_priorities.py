"""high comes before incoming before low, and after four chunks of one the next lower has its turn (spec/smx.md 4)."""
import re

from reports import client, smx

EACH = 12


def test_turns_of_the_queues(start_statesys):
    statesys = start_statesys()
    statesys.wait_for_heartbeat()
    statesys.stop()
    for n in range(EACH):
        for number, queue in enumerate(("high", "normal", "low")):
            statesys.put("%s%02d.smx" % (queue, n), smx(n + 1, client=client(number)), queue)
    statesys = start_statesys(loader_threads=1, chunk_size="1K")          # a file is a chunk
    statesys.wait_until_loaded()
    statesys.stop()
    order = re.findall(r"Processing file: (high|normal|low)(\d\d)[.]smx", "\n".join(statesys.lines()))
    assert [queue for queue, _ in order][:5] == ["high"] * 4 + ["normal"]
    for queue in ("high", "normal", "low"):
        assert [int(number) for name, number in order if name == queue] == list(range(EACH))
    assert turns(order, "high") == [4, 4, 4]
    assert turns([name for name in order if name[0] != "high"], "normal") == [4, 4, 4]


def turns(order, first):
    """How many of a queue come one after the other before another has its turn."""
    return [len(run) for run in re.findall("x+", "".join("x" if queue == first else "." for queue, _ in order))]


def test_bytewise_order_of_upper_case_names(start_statesys):
    statesys = start_statesys()
    statesys.wait_for_heartbeat()
    statesys.stop()
    names = ["A-.smx", "a.SMX", "A1.smx", "aa.smx", "AB.smw", "b.smx", "Z.smx", "_.smx", "\u00e4.smx"]
    for n, name in enumerate(reversed(names), 1):
        statesys.put(name, smx(n))
    statesys = start_statesys(loader_threads=1)
    statesys.wait_until_loaded()
    statesys.stop()
    order = [line.rpartition(": ")[2] for line in statesys.said_lines("Processing file: ")]
    assert [name for name in order if name in names] == names
