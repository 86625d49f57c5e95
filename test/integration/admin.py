"""Asks the admin listener of a program: `program.admin` is its address."""
import json
import urllib.error
import urllib.request

import exposition
from relay import PATIENCE


def ask(program, path, method="GET"):
    """(status, body)"""
    request = urllib.request.Request("http://%s%s" % (program.admin, path), method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def reasons(program):
    """Why it is not ready."""
    status, said = ask(program, "/readyz")
    page = json.loads(said)
    assert (status == 200) == page["ready"] == (not page["reasons"])
    return page["reasons"]


def samples(program):
    """{metric with its labels: value}"""
    status, page = ask(program, "/metrics")
    assert status == 200
    return exposition.parse(page)
