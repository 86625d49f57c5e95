#!/usr/bin/python3
"""Power cuts by the strictest reading of POSIX: random histories of the spool, each cut after every event, every state
that the cut could have left looked at (test/unit/test_spool_cuts.c and faults_states.h say how)."""
import os
import re
import subprocess
import sys

import row

STORY = "in_every_state_of_every_random_history_all_that_was_kept_is_there_and_nothing_is_half"


def run(runs, seed, build=os.environ.get("BUILD", "build")):
    environment = {**os.environ, "ONLY": STORY, "RUNS": str(runs), "SEED": str(seed)}
    done = subprocess.run([f"{build}/test/test_spool_cuts"], env=environment, capture_output=True, text=True)
    told = re.search(r"^# strict cuts: (.*)$", done.stdout, re.MULTILINE)
    if told is None:
        return [row.Row("power cut, strict model", 0, seed=seed, wrong=[done.stdout + done.stderr])]
    words = told[1].split()
    found = dict(zip(words[::2], words[1::2]))
    return [row.Row(
        "power cut, strict model", int(found["runs"]), acknowledged=int(found["acknowledged"]), lost=int(found["lost"]),
        half=int(found["half"]), extra=int(found["copies"]), litter=int(found["litter"]), seed=seed,
        note=f"{found['cuts']} cuts, {found['states']} states looked at, {found['built']} of them different",
        wrong=[] if done.returncode == 0 else [done.stderr])]


if __name__ == "__main__":
    options = row.parser(__doc__, runs=500).parse_args()
    sys.exit(row.tell(run(options.runs, options.seed)))
