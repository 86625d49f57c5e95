"""The same content through the proxies that we name: a proxy may refuse a head for itself, and changes nothing else."""
import pytest

import cases
import outcomes

HEADS = ("method-", "hostile-url-", "hostile-query-")      # hostile before the body, where a proxy has its own opinion


def is_as_specified(outcome):
    """As without the proxy, or a head that it refused for itself: then nothing is kept either."""
    case, status, files = outcome.case, outcome.answer.status, list(outcome.files.values())
    if status == int(case.expect["status"]):
        return files == ([] if case.kept is None else [case.kept])
    return case.name.startswith(HEADS) and 400 <= status < 500 and files == []


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_hostile_content_through_the_proxies(shared_relay, proxied, name):
    outcomes.take_files(shared_relay)
    found = [outcomes.send_one(shared_relay, case, proxied(name).connect) for case in cases.everything(shared_relay)]
    assert [o.case.name for o in found if o.answer is None or not is_as_specified(o)] == []
