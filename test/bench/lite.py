"""SQLite for the loader: a file in the place that is measured."""
import contextlib
import os
import sqlite3


class Lite:
    name = "SQLite"

    def __init__(self, place):
        self.url = os.path.join(place, "bench.db")

    def renew(self):
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.url + suffix)

    def run(self, statement):
        """One statement, or several; the first value of the first row as text."""
        with contextlib.closing(sqlite3.connect(self.url, timeout=60, isolation_level=None)) as connection:
            rows = [connection.execute(part).fetchall() for part in statement.split(";") if part.strip()]
        return str(rows[-1][0][0]) if rows[-1] else ""
