#!/usr/bin/python3
"""Measures the loader: its store against a bare loop of the same upserts, in turns, on SQLite and PostgreSQL; then the
whole state system with the relay, with many files, many clients and many states. Writes its part of docs/BENCH.md.

The programs are $BUILD/mprelay, statesys, smx and bench/loading (build/ by default). Best as root, as test/bench/run.
"""
import sys

sys.dont_write_bytecode = True                      # the modules lie in the source tree

import argparse
import contextlib
import datetime
import os
import subprocess
import time
from types import SimpleNamespace

import cluster
import crowd
import daemon
import disk
import lite
import load
import loader_page
import machine
import message
import servers
from servers import BenchError

TOP = os.path.dirname(os.path.dirname(servers.HERE))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
LOADING, STATESYS, SMX, MPRELAY = (os.path.join(BUILD, name) for name in
                                   ("bench/loading", "statesys", "smx", "mprelay"))
WHAT, MESSAGES = ("bare", "store", "parse"), (1, 20)
MEGABYTES, BYTES_PER_INODE = 8192, 4096
CONNECTIONS = 64

FULL = SimpleNamespace(rounds=7, transactions=150, drain=100_000, waiting=1_000_000, clients=1_000_000,
                       crowd=crowd.CLIENTS, seconds=600, relay=10)
QUICK = SimpleNamespace(rounds=2, transactions=30, drain=10_000, waiting=50_000, clients=50_000, crowd=5_000, seconds=5,
                        relay=3)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and less of everything; prints only")
    parser.add_argument("--only", choices=["turns", "drain", "waiting", "clients", "relay", "views"],
                        help="one part; prints only")
    parser.add_argument("--work", default="/var/tmp", help="where the disk image is made: %(default)s")
    parser.add_argument("--output", metavar="FILE", help="default docs/BENCH.md for a whole benchmark")
    options = parser.parse_args()
    options.plan = QUICK if options.quick else FULL
    is_whole = not (options.quick or options.only)
    options.output = options.output or (os.path.join(TOP, "docs", "BENCH.md") if is_whole else None)
    return options


# ---- in turns ----

def measure_once(database, what, messages, transactions):
    database.renew()
    before, stolen, begin = machine.process_table(), machine.stolen_seconds(), time.monotonic()
    done = subprocess.run([LOADING, what, database.url, str(messages), str(transactions)], check=True,
                          stdout=subprocess.PIPE, text=True)
    rows, seconds, processor = map(float, done.stdout.split())
    available = (time.monotonic() - begin) * os.cpu_count()
    others = (machine.other_seconds(machine.process_table()) - machine.other_seconds(before)) / available
    return SimpleNamespace(rate=rows / seconds, cpu_us=1e6 * processor / rows,
                           others=others if database.name == "SQLite" else 0,      # the server is no child of ours
                           stolen=(machine.stolen_seconds() - stolen) / available)


def measure_turns(databases, plan):
    """Within a round all three, beginning with another one each round."""
    cells = {}
    for turn in range(plan.rounds):
        order = WHAT[turn % 3:] + WHAT[:turn % 3]
        for database in databases:
            for messages in MESSAGES:
                for what in order:
                    cell = measure_once(database, what, messages, plan.transactions)
                    cells[turn, database.name, messages, what] = cell
                    print("round %d/%d, %s, %2d messages a file, %-5s %7.0f rows/s, own CPU %.1f us a row"
                          % (turn + 1, plan.rounds, database.name, messages, what, cell.rate, cell.cpu_us), flush=True)
    return cells


# ---- the whole state system ----

def schema(database):
    database.renew()
    subprocess.run([LOADING, "schema", database.url], check=True)


def measure_drain(place, databases, plan):
    """100,000 files of one message."""
    found = {}
    for database in databases:
        schema(database)
        daemon.write_files(LOADING, place, 1, plan.drain)
        found[database.name] = daemon.drain(STATESYS, place, database, plan.drain)
        print("%s: %s" % (database.name, loader_page.drain_text(found[database.name])), flush=True)
    return found


def measure_waiting(place, database, plan):
    schema(database)
    daemon.write_files(LOADING, place, 1, plan.waiting)
    found = daemon.drain(STATESYS, place, database, plan.waiting, plan.seconds)
    print("%d files waiting: %s" % (plan.waiting, loader_page.drain_text(found)), flush=True)
    return found


def measure_clients(place, database, plan):
    schema(database)
    for statement in crowd.client_statements(plan.clients):
        database.run(statement)
    daemon.write_files(LOADING, place, 1, plan.drain // 2)
    found = daemon.drain(STATESYS, place, database, plan.drain // 2)
    print("%d clients known: %s" % (plan.clients, loader_page.drain_text(found)), flush=True)
    return found


def measure_relay(place, work, database, plan):
    """wrk posts to the relay while the state system loads what it keeps."""
    schema(database)
    relay = servers.mprelay("mprelay", "mprelay", "", MPRELAY, message.plain_post_of_many)
    with daemon.running(STATESYS, place, database), relay.running(place) as (port, _):
        request = relay.request(port, load.IDENTIFIER_LENGTH)
        begin = time.monotonic()
        files = load.write_request(work, request)
        answered = load.run_wrk(files, request.encoding, "EE", port, CONNECTIONS, plan.relay)
        good = answered.responses - answered.refused
        daemon.watch(database, 0, good, daemon.PATIENCE)
        seconds = time.monotonic() - begin
    found = SimpleNamespace(reports=good, seconds=seconds, rate=good / seconds, posting=answered.seconds,
                            posted=good / answered.seconds)
    print("relay and loader together: %s" % loader_page.relay_text(found), flush=True)
    return found


def measure_views(databases, plan):
    found = {}
    for database in databases:
        schema(database)
        for statement in crowd.client_statements(plan.crowd) + crowd.state_statements():
            database.run(statement)
        database.run("ANALYZE")
        found[database.name] = {view: crowd.seconds_of(SMX, database.url, view)
                                for view in crowd.views(SMX, database.url)}
        print(loader_page.views_text(database.name, found[database.name]), flush=True)
    return found


# ---- all of it ----

@contextlib.contextmanager
def databases_of(place):
    with cluster.Cluster(place).running() as postgres:
        yield [lite.Lite(place), postgres]


def measure_part(options, part, disk_of_bench, work):
    """Each part has a fresh file system."""
    plan = options.plan
    with disk_of_bench.fresh() as place, databases_of(place) as databases:
        return {
            "turns": lambda: measure_turns(databases, plan),
            "drain": lambda: measure_drain(place, databases, plan),
            "waiting": lambda: measure_waiting(place, databases[0], plan),
            "clients": lambda: measure_clients(place, databases[0], plan),
            "relay": lambda: measure_relay(place, work, databases[0], plan),
            "views": lambda: measure_views(databases, plan),
        }[part]()


def conditions(place, load_before):
    return [
        machine.system(),
        machine.processor(),
        "disk: " + place.conditions(),
        "statesys of commit %s; %s; %s" % (machine.first_line("git", "-C", TOP, "describe", "--always", "--dirty"),
                                           machine.first_line("psql", "--version"),
                                           "SQLite " + machine.first_line("pkg-config", "--modversion", "sqlite3")),
        "load average %s before, %s after" % (load_before, machine.load_average()),
    ]


def benchmark(options):
    servers.need({"wrk": "wrk", "psql": "postgresql", **(disk.PACKAGES if os.geteuid() == 0 else {})})
    for program in (LOADING, STATESYS, SMX, MPRELAY):
        if not os.access(program, os.X_OK):
            raise BenchError("%s is not there: make bench builds it" % program)
    parts = [options.only] if options.only else ["turns", "drain", "waiting", "clients", "relay", "views"]
    started, load_before, found = time.monotonic(), machine.load_average(), {}
    with disk.opened(options.work, MEGABYTES, BYTES_PER_INODE) as (work, place), servers.none_left():
        os.chmod(work, 0o711)                       # the user postgres goes through it
        for part in parts:
            found[part] = measure_part(options, part, place, work)
        facts = conditions(place, load_before)
    if "turns" in found:
        print("\n%s\n\n%s" % (loader_page.ratios(found["turns"]), loader_page.targets(found["turns"])))
    if options.output:
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        minutes = round((time.monotonic() - started) / 60)
        loader_page.write(options.output, loader_page.whole(found, options.plan, facts, date, minutes))
        print("\nwritten: " + options.output)


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    servers.heed_signals()
    try:
        benchmark(arguments())
    except BenchError as error:
        sys.exit("bench: %s" % error)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit("bench: %s" % error)
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")


main()
