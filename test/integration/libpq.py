"""Asks PostgreSQL through libpq, as our programs do: Debian's python3 has no driver of its own."""
import ctypes

SIGNATURES = {
    "PQconnectdb": (ctypes.c_void_p, [ctypes.c_char_p]), "PQfinish": (None, [ctypes.c_void_p]),
    "PQstatus": (ctypes.c_int, [ctypes.c_void_p]), "PQerrorMessage": (ctypes.c_char_p, [ctypes.c_void_p]),
    "PQexec": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]), "PQclear": (None, [ctypes.c_void_p]),
    "PQresultStatus": (ctypes.c_int, [ctypes.c_void_p]),
    "PQntuples": (ctypes.c_int, [ctypes.c_void_p]), "PQnfields": (ctypes.c_int, [ctypes.c_void_p]),
    "PQftype": (ctypes.c_uint, [ctypes.c_void_p, ctypes.c_int]),
    "PQgetisnull": (ctypes.c_int, [ctypes.c_void_p] + 2 * [ctypes.c_int]),
    "PQgetvalue": (ctypes.c_char_p, [ctypes.c_void_p] + 2 * [ctypes.c_int]),
}
CONNECTION_OK, COMMAND_OK, TUPLES_OK = 0, 1, 2
INTEGERS = (20, 21, 23, 1700)               # OIDs of bigint, smallint, integer; sums of bigint are numeric


def libpq():
    library = ctypes.CDLL("libpq.so.5")
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Connection:
    """One connection: a transaction lasts from `ask("BEGIN")` to `ask("COMMIT")`, or until it is closed."""
    def __init__(self, url):
        self.pq, self.link = libpq(), None
        self.link = self.pq.PQconnectdb(url.encode())
        if self.pq.PQstatus(self.link) != CONNECTION_OK:
            raise OSError(self.pq.PQerrorMessage(self.link).decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.pq.PQfinish(self.link)
        self.link = None

    __del__ = close

    def ask(self, sql):
        """The rows as tuples of int, str and None; those of the last statement if there are several."""
        result = self.pq.PQexec(self.link, sql.encode())
        try:
            if self.pq.PQresultStatus(result) not in (COMMAND_OK, TUPLES_OK):
                raise OSError(self.pq.PQerrorMessage(self.link).decode())
            rows, columns = range(self.pq.PQntuples(result)), range(self.pq.PQnfields(result))
            return [tuple(self.value(result, row, column) for column in columns) for row in rows]
        finally:
            self.pq.PQclear(result)

    execute = ask                               # as sqlite3 calls it

    def value(self, result, row, column):
        if self.pq.PQgetisnull(result, row, column):
            return None
        text = self.pq.PQgetvalue(result, row, column).decode()
        return int(text) if self.pq.PQftype(result, column) in INTEGERS else text
