"""The loader's figures as text, and its part of docs/BENCH.md, which stands behind that of the relay."""
from statistics import median

from page import bullets, spread_text, table
from summary import Spread

MARK = "# What it costs to load a report\n"
NAMES = {"bare": "bare loop", "store": "store", "parse": "store, with reading XML"}
TARGETS = {"store": 0.8, "parse": 0.5}
VIEW_MS = 200


# ---- in turns ----

def kinds(cells):
    """(database, messages), in the order of measuring."""
    return list(dict.fromkeys((database, messages) for _, database, messages, _ in cells))


def ratio(cells, database, messages, what):
    """Within each round, where the machine was the same for both."""
    rounds = sorted({turn for turn, *_ in cells})
    found = [cells[turn, database, messages, what].rate / cells[turn, database, messages, "bare"].rate
             for turn in rounds]
    return Spread(min(found), median(found), max(found))


def figures(cells):
    rows = []
    for database, messages in kinds(cells):
        for what, name in NAMES.items():
            found = [cell for (_, *key), cell in cells.items() if key == [database, messages, what]]
            rows.append([name, database, str(messages), "%.0f" % median(cell.rate for cell in found),
                         "%.1f" % median(cell.cpu_us for cell in found)])
    return table(["loads", "database", "messages a file", "rows/s", "own CPU us a row"], rows)


def ratios(cells):
    rows = [["%s, against the bare loop" % NAMES[what], database, str(messages)]
            + spread_text(ratio(cells, database, messages, what))
            for database, messages in kinds(cells) for what in TARGETS]
    return table(["rows/s", "database", "messages a file", "least", "median", "most"], rows)


def targets(cells):
    rows = []
    for database, messages in kinds(cells):
        for what, wanted in TARGETS.items():
            found = ratio(cells, database, messages, what).median
            rows.append(["%s, %s, %d messages a file" % (NAMES[what], database, messages), ">= %.2f" % wanted,
                         "%.2f" % found, "met" if found >= wanted else "**not met**"])
    return table(["target: rows/s against the bare loop", "wanted", "median", ""], rows)


def disturbance(cells):
    others = [max(cell.others, 0) for (_, database, *_), cell in cells.items() if database == "SQLite"]
    stolen = [cell.stolen for cell in cells.values()]
    return ("other programs used %.1f %% of the processors in the middle run on SQLite and %.1f %% in the worst; the "
            "hypervisor took %.1f %% in the middle run and %.1f %% in the worst"
            % (100 * median(others), 100 * max(others), 100 * median(stolen), 100 * max(stolen)))


# ---- the whole state system ----

def drain_text(found):
    return ("%d files in %.1f s; %.0f files/s in the first half of the looks, %.0f in the second; most memory %.1f MiB"
            % (found.files, found.seconds, found.first_rate, found.last_rate, found.megabytes))


def relay_text(found):
    return ("%d reports posted in %.1f s (%.0f a second), the last row committed after %.1f s: %.0f reports/s from "
            "request to row" % (found.reports, found.posting, found.posted, found.seconds, found.rate))


def views_text(database, found):
    return "%s: %s" % (database, ", ".join("%s %.0f ms" % (view, 1000 * found[view]) for view in sorted(found)))


def views(found):
    databases = list(found)
    rows = [[view] + ["%.0f" % (1000 * found[database][view]) for database in databases]
            + ["met" if all(1000 * found[database][view] < VIEW_MS for database in databases) else "**not met**"]
            for view in sorted(found[databases[0]])]
    return table(["view", *("%s, ms" % database for database in databases), "< %d ms" % VIEW_MS], rows)


def system(found, plan):
    lines = ["%s, %d files waiting: %s" % (database, plan.drain, drain_text(drain))
             for database, drain in found["drain"].items()]
    lines.append("SQLite, %d files waiting, looked at for at most %d s: %s"
                 % (plan.waiting, plan.seconds, drain_text(found["waiting"])))
    lines.append("SQLite, %d clients in the database: %s" % (plan.clients, drain_text(found["clients"])))
    lines.append("relay and loader together, SQLite, each report of a new client with two messages: "
                 + relay_text(found["relay"]))
    return bullets(lines)


# ---- the page ----

PAGE = MARK + """
Written by `make bench` ({date}, {minutes} minutes), as the part before, in a run of its own.

## Targets of the loader

{targets}

## Rows

{figures}

Transactions of 256 rows, {rounds} rounds of {transactions} transactions each, in turns, each on a fresh database.
Half of the rows are new states, half replace one. The bare loop writes the same rows into the same tables as upserts,
by statements prepared once (SQLite) or by an array a column (PostgreSQL), with the same syncs and page cache; it reads,
compares and counts nothing, knows the machines' numbers beforehand, and keeps neither ledger nor counts. "Own CPU" is
that of the client; PostgreSQL's server has its own. Reading XML includes the SHA-256 of the file.

{ratios}

## The state system

{system}

Memory is the most that the process had (VmHWM), with SQLite's page caches. Each file has one message.

## Views over {crowd} clients and {states} states

{views}

`smx query --view NAME --limit 100`, the whole call with the start of the program, the middle of 5.

## Conditions of the loader

{conditions}

```
make bench                          # the relay first, then this
test/bench/loader.py --quick        # less of everything, prints only
test/bench/loader.py --only turns   # or drain, waiting, clients, relay, views
```
"""


def whole(found, plan, conditions, date, minutes):
    cells = found["turns"]
    return PAGE.format(date=date, minutes=minutes, targets=targets(cells), figures=figures(cells), ratios=ratios(cells),
                       rounds=plan.rounds, transactions=plan.transactions, system=system(found, plan),
                       crowd=plan.crowd, states=plan.crowd * 50, views=views(found["views"]),
                       conditions=bullets(conditions + [disturbance(cells)]))


def part_of(text):
    """What of a page is the loader's."""
    begin = text.find(MARK)
    return "" if begin < 0 else text[begin:]


def write(path, part):
    """Behind what the relay's benchmark wrote."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before = text[:len(text) - len(part_of(text))].rstrip("\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + "\n\n" + part)
