#!/usr/bin/python3
"""Writes cases/<name>/: what is sent (in.xml, in.body or in.http), what is expected (expect, kept.smx).

A case is a row of rows/reports.py or rows/requests.py: a sound report, message or request with one thing changed, by
the section of the specification that decides it. Run this after adding a row; a folder made by hand needs no row.
The hostile rows (rows/hostile_*.py) are thousands, and are sent as they are.
"""
import shutil

from rows import case, reports, requests  # noqa: F401  (each adds its rows)

for row in case.rows.values():
    folder = case.CASES / row.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / row.kind).write_bytes(row.content)
    if row.kept is not None:
        (folder / "kept.smx").write_bytes(row.kept)
    (folder / "expect").write_text("".join("%s = %s\n" % line for line in row.expect.items()), "utf-8")
print("%d cases" % len(case.rows))
