"""The figures as text: tables for the terminal, and docs/BENCH.md around the same tables."""
from statistics import median

import summary

PEER_NAMES = {
    summary.STORES: "nginx DAV PUT (not durable)",
    summary.BETTER_DURABLE: "the better durable peer",
    "before": "mprelay before",
}
MEASURE_NAMES = {"rate": "requests/s", "cpu_us": "CPU a request"}


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "\n".join("| %s |" % " | ".join(line) for line in lines)


def figures(results, connections, servers):
    """One row for each server at each number of connections: medians over the rounds, sums of what went wrong."""
    rows = []
    for count in connections:
        for server in servers:
            found = summary.cells(results, count, server.name).values()
            rows.append([server.title, str(count)]
                        + ["%.0f" % summary.middle(results, count, server.name, "rate")]
                        + ["%.2f" % summary.middle(results, count, server.name, measure)
                           for measure in ("p50_ms", "p99_ms")]
                        + ["%.0f" % summary.middle(results, count, server.name, "cpu_us")]
                        + [str(sum(cell.refused for cell in found)), str(sum(cell.broken for cell in found))])
    return table(["server", "connections", "requests/s", "p50 ms", "p99 ms", "CPU us a request", "not 2xx",
                  "socket errors"], rows)


def spread_text(spread):
    return ["%.2f" % value for value in (spread.least, spread.median, spread.most)]


def ratios(results, connections):
    rows = []
    for peer in (summary.STORES, summary.BETTER_DURABLE, "before"):
        for measure in ("rate", "cpu_us") if peer != summary.BETTER_DURABLE else ("rate",):
            for count in connections:
                spread = summary.ratio(results, count, peer, measure)
                if spread:
                    rows.append(["%s, against %s" % (MEASURE_NAMES[measure], PEER_NAMES[peer]), str(count)]
                                + spread_text(spread))
    return table(["mprelay", "connections", "least", "median", "most"], rows) if rows else ""


def targets(results):
    rows = []
    for target, spread, met in summary.judged(results):
        bound = ">= %.2f" % target.at_least if target.at_least else "<= %.2f" % target.at_most
        rows.append(["%s at %d connections, against %s" % (MEASURE_NAMES[target.measure], target.connections,
                                                           PEER_NAMES[target.peer]),
                     bound, "%.2f" % spread.median, "met" if met else "**not met**"])
    cost = summary.signature_cost(results, 64)
    if cost:
        rows.append(["CPU us of checking a signature, 2048 bits, at 64 connections", "<= %d" % summary.MOST_FOR_SIGNATURE_US,
                     "%.0f" % cost.median, "met" if cost.median <= summary.MOST_FOR_SIGNATURE_US else "**not met**"])
    return table(["target", "wanted", "median", ""], rows) if rows else ""


def disturbance(results):
    others = [max(cell.others, 0) for cell in results.values()]
    stolen = [cell.stolen for cell in results.values()]
    busy = sum(share > 0.05 for share in others)
    return ("other programs used %.1f %% of the processors in the middle run and %.1f %% in the worst (%d of %d runs "
            "above 5 %%); the hypervisor took %.1f %% in the middle run and %.1f %% in the worst"
            % (100 * median(others), 100 * max(others), busy, len(others), 100 * median(stolen), 100 * max(stolen)))


PAGE = """# What it costs to keep a report

Written by `make bench` ({date}); every figure was measured in that run. Compare the ratios, not the requests a second:
those of a virtual machine move by 3 to 4 times from hour to hour, the ratios of runs in turns far less.

## Targets

{targets}

## Figures

{figures}

Each figure is the median of {rounds} rounds of {seconds} s. The servers run in turns within a round, each on a fresh
file system, a fresh process and after {warm_up} s of warm-up; the first in turn changes from round to round.
"CPU" is user and system time of the server's processes. After every run the files were counted and compared byte for
byte, with the server still running: every 2xx had its whole file ({kept} files compared).

## Ratios

Taken within each round; "least" and "most" are the extremes over the rounds. "The better durable peer" is chosen anew
in each round.

{ratios}

## The servers

{server_list}

## Conditions

{conditions}

## How to repeat

```
make bench                                                    # as here: about {minutes} minutes, best as root
test/bench/run --quick                                        # 1 s a run, two rounds, prints only
test/bench/run --only mprelay --connections 64 --profile      # where the time goes (needs perf)
test/bench/run --before OLD/mprelay                           # a second mprelay in the same turns
```

## What is not claimed

- Nothing about absolute speed on other machines, about a network, TLS or a proxy: all is loopback, and `wrk` shares the
  processors with the server it drives.
- nginx and fastify do not look at the content: they neither unpack the envelope nor check the XML, and nginx DAV PUT
  also has lost its files if the power fails. The comparison says what checking and keeping cost, not that they do the
  same.
- Work of kernel threads (journal, write-back, loop device) is in no server's CPU figure.
- That a synced file survives depends on the disk below; this benchmark cuts no power.
- All reports are equal but for the identifier of the message; reports of thousands of messages cost more.
"""


def bullets(lines):
    return "\n".join("- " + line for line in lines)


def whole(results, plan, servers, conditions):
    """docs/BENCH.md. plan has date, rounds, seconds, warm_up, connections and minutes."""
    return PAGE.format(
        date=plan.date, rounds=plan.rounds, seconds=plan.seconds, warm_up=plan.warm_up, minutes=plan.minutes,
        kept=sum(cell.kept for cell in results.values()),
        targets=targets(results), figures=figures(results, plan.connections, servers),
        ratios=ratios(results, plan.connections),
        server_list=bullets("**%s**: %s" % (server.title, server.about) for server in servers),
        conditions=bullets(conditions + [disturbance(results)]))
