"""etc/alerts.yml, etc/dashboard.json and the manual pages name the figures that the programs have, and no others."""
import json
import re

import pytest
import yaml

import admin
from relay import TOP

NAME = re.compile(r"\b(?:mprelay|statesys)_[a-z_]+")
MATCHER = re.compile(r"\b((?:mprelay|statesys)_[a-z_]+)\{(\w+)=~?\"([^\"]*)\"\}")
HEAD = re.compile(r"(?m)^# TYPE (\S+) (\S+)$")


@pytest.fixture(scope="module")
def questions():
    """Every expression of both files."""
    alarms = yaml.safe_load((TOP / "etc/alerts.yml").read_text())
    rules = [rule for group in alarms["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical") and rule["annotations"]["summary"]
    panels = json.loads((TOP / "etc/dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    return [rule["expr"] for rule in rules] + [one["expr"] for panel in panels for one in panel.get("targets", [])]


@pytest.fixture
def pages(start_watched, start_statesys):
    statesys = start_statesys()
    statesys.wait_for_heartbeat()
    return {"mprelay": admin.ask(start_watched(), "/metrics")[1], "statesys": admin.ask(statesys, "/metrics")[1]}


def names(page):
    """All that can be asked for: of a histogram, its parts."""
    found = set()
    for name, kind in HEAD.findall(page):
        found |= {name + part for part in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return found


def test_what_is_asked_for_is_there(pages, questions):
    there = names(pages["mprelay"]) | names(pages["statesys"])
    asked = {name for question in questions for name in NAME.findall(question)}
    assert len(asked) > 20 and not asked - there
    for question in questions:
        for name, label, values in MATCHER.findall(question):
            for value in values.split("|"):
                assert re.search(r'(?m)^%s\{.*%s="%s"' % (name, label, value), "\n".join(pages.values())), question


@pytest.mark.parametrize("program", ["mprelay", "statesys"])
def test_the_manual_page_has_each_figure(pages, program):
    manual = (TOP / ("man/%s.8" % program)).read_text().replace("\\", "")
    there = {name for name, _ in HEAD.findall(pages[program])}
    assert set(re.findall(r"(?m)^(%s_[a-z_]+)(?:\{[a-z,]*\})?\|" % program, manual)) == there
