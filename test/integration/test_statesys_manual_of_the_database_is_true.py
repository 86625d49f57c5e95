"""statesys-database(7) names every table, view and column that there is, and its examples run on both databases."""
import re

import pytest

from relay import TOP

MANUAL = (TOP / "man/statesys-database.7").read_text().replace("\\-", "-")
COLUMNS = {
    "sqlite": "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
              "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'",
}
MARK = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def examples(kind):
    """The queries of the sections that have some; those behind a mark are for that database only."""
    for section in ("The queries of the article", "EXAMPLES"):
        text = re.split(r"(?m)^\.S[HS] ", MANUAL.partition(section + "\n")[2])[0]
        for block in re.findall(r"(?s)\.nf\n(.*?)\.fi", text):
            for mark, body in re.findall(r"(?s)(?:-- (\w+)\n)?(.+?)(?=-- \w+\n|\Z)", block):
                if mark in ("", MARK[kind]):
                    yield from filter(None, map(str.strip, re.split(r";|\n\n", body)))


@pytest.fixture
def names(statesys):
    return {name.lower() for row in statesys.ask(COLUMNS[statesys.database.kind]) for name in row}


def test_every_table_view_and_column_is_named(names):
    named = set(re.findall(r"\w+", MANUAL.lower())) | {"p2", "p3", "p4"}       # P1 to P5
    assert len(names) > 60 and not names - named


def test_its_examples_run(statesys):
    queries = list(examples(statesys.database.kind))
    assert len(queries) >= 8
    for query in queries:
        assert re.match(r"(?i)select ", query), query
        statesys.ask(query)
