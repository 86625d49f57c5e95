#!/usr/bin/python3
"""Any bytes into each decoder, by the million, under AddressSanitizer and UndefinedBehaviorSanitizer: none crashes,
hangs, leaks, takes memory beyond its limits, or gives a result that the targets of test/fuzz find wrong.

What libFuzzer finds lies in build/fuzz/findings afterwards. --keep takes the inputs that reach something new into
test/fuzz/corpus, and leaves out those of libFuzzer's that reach nothing of their own any more.
"""
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import row

TOP = pathlib.Path(__file__).resolve().parents[2]
CORPUS, FINDINGS = TOP / "test/fuzz/corpus", TOP / "build/fuzz/findings"
AT_ONCE = 2
Target = collections.namedtuple("Target", "share longest")      # of the runs; bytes of an input
TARGETS = {
    "report": Target(1, 8192), "msg": Target(1, 8192), "envelope": Target(1, 8192), "smx": Target(1, 1536),
    "body": Target(0.25, 16384), "head": Target(0.25, 2048), "config": Target(0.05, 2048),
    "compose": Target(0.1, 8192), "inspect": Target(0.05, 8192), "logline": Target(0.01, 9000),
    "journal": Target(0.005, 16384), "file": Target(0.25, 8192), "scrape": Target(0.05, 4096),
    "filter": Target(0.05, 1024), "key": Target(0.05, 4096), "proxy": Target(0.25, 1024),
    "registration": Target(0.1, 8192), "inflate": Target(1, 4096),
}
DONE = re.compile(r"Done (\d+) runs in (\d+) second")
STATUS = re.compile(r"cov: (\d+) ft: \d+ corp: (\d+)/")
EDGES = re.compile(r"\((\d+) inline 8-bit counters\)")
BY_LIBFUZZER = re.compile(r"[0-9a-f]{40}")


def fuzz(target, options):
    """`make fuzz` knows the flags of the compiler; what it prints."""
    command = ["nice", "-n", "19", "make", "-s", "fuzz", "T=" + target, "FUZZ=" + " ".join(map(str, options))]
    return subprocess.run(command, cwd=TOP, env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=8"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def build(targets):
    for target in targets:
        run = fuzz(target, ["-runs=0"])
        if run.returncode != 0:
            sys.exit(run.stdout)


def findings(target):
    return {path.name for path in FINDINGS.glob(target + "-*")}


def faults(target, before, run):
    """Everything that libFuzzer wrote down, and an end that it did not explain."""
    found = ["%s: %s" % (target, name) for name in sorted(findings(target) - before)]
    if run.returncode != 0 and not found:
        found = ["%s ended with status %d: %s" % (target, run.returncode, run.stdout[-200:])]
    return found


def fuzz_target(target, runs, seed, inputs):
    share, longest = TARGETS[target]
    before = findings(target)
    run = fuzz(target, ["-runs=%d" % max(runs * share, 1), "-seed=%d" % seed, "-max_len=%d" % longest,
                        "-rss_limit_mb=2048", "-artifact_prefix=%s/%s-" % (FINDINGS, target), inputs, CORPUS / target])
    done, status, edges = DONE.search(run.stdout), STATUS.findall(run.stdout), EDGES.search(run.stdout)
    found = row.Row("fuzz " + target, int(done[1]) if done else 0, seed=seed, wrong=faults(target, before, run))
    if done and status and edges:
        found.note = "%s of %s edges, %s inputs, %d runs a second" % (
            status[-1][0], edges[1], status[-1][1], found.runs // max(int(done[2]), 1))
    return found


def keep(target, inputs):
    """The least set of inputs that reaches all that the old and the new ones reach; those with a name stay anyway."""
    with tempfile.TemporaryDirectory() as merged:
        run = fuzz(target, ["-merge=1", "-max_len=%d" % TARGETS[target].longest, merged, CORPUS / target, inputs])
        if run.returncode != 0:
            return
        named = [path for path in (CORPUS / target).iterdir() if not BY_LIBFUZZER.fullmatch(path.name)]
        known = {hashlib.sha1(path.read_bytes()).hexdigest() for path in named}
        for path in set((CORPUS / target).iterdir()) - set(named):
            path.unlink()
        for path in pathlib.Path(merged).iterdir():
            if path.name not in known:
                shutil.copy(path, CORPUS / target)


def coverage():
    """Of the decoders' lines and branches, by the saved inputs alone."""
    base = ["make", "-s", "BUILD=build/fuzz-coverage", "OPTIMIZE=-O0 -g", "SANITIZE=--coverage", "check-fuzz"]
    replayed = subprocess.run(base, cwd=TOP, capture_output=True, text=True)
    measured = subprocess.run(["gcovr", "--root", ".", "--filter", "src/report/", "--object-directory",
                               "build/fuzz-coverage", "--exclude-unreachable-branches", "--json-summary", "-"],
                              cwd=TOP, capture_output=True, text=True)
    found = row.Row("fuzz corpora replayed", sum(map(int, re.findall(r"(\d+) inputs", replayed.stdout))))
    if replayed.returncode != 0 or measured.returncode != 0:
        found.wrong.append((replayed.stdout + measured.stderr)[-200:])
        return found
    figures = json.loads(measured.stdout)
    found.note = "%.1f %% of the branches of src/report, %.1f %% of the lines" % (
        figures["branch_percent"], figures["line_percent"])
    return found


def run(runs, seed, targets=tuple(TARGETS), keeping=False):
    FINDINGS.mkdir(parents=True, exist_ok=True)
    build(targets)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        inputs = {target: pathlib.Path(folder) / target for target in targets}
        for path in inputs.values():
            path.mkdir()
        futures = [pool.submit(fuzz_target, target, runs, seed, inputs[target]) for target in targets]
        rows = [future.result() for future in futures]
        for target in targets if keeping else ():
            keep(target, inputs[target])
    return rows + [coverage()]


def main():
    options = row.parser(__doc__.splitlines()[0], 20_000_000)
    options.add_argument("--target", default=",".join(TARGETS), help="which, by comma: " + " ".join(TARGETS))
    options.add_argument("--keep", action="store_true", help="take what was found into test/fuzz/corpus")
    chosen = options.parse_args()
    return row.tell(run(chosen.runs, chosen.seed, chosen.target.split(","), chosen.keep))


if __name__ == "__main__":
    sys.exit(main())
