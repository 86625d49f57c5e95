"""Requests as a trusted-proxy hands them on, and what the log says of each: here the test is the proxy."""
import wire

A, B = wire.CLIENT, "GUID:00000000-0000-0000-0000-00000000000B"
RULE = "X-SSL-Client-S-DN CN={client}"


def with_lines(request, names=(), hops=()):
    """The request with these lines in its head."""
    lines = ["X-SSL-Client-S-DN: " + name for name in names] + ["X-Forwarded-For: " + hop for hop in hops]
    return request.replace(b"\r\n", "\r\n".join(["", *lines, ""]).encode("utf-8"), 1)


def request(client=A, names=(), hops=()):
    return with_lines(wire.plain(wire.report(client_id=client), keep=True), names, hops)


def said(relay, connection, data):
    """The address in the verdict, the status, and how it is believed, or by which rule or why it is not."""
    connection.send(data)
    answer, verdict = connection.answer(), relay.next_verdicts()[0]
    return verdict["address"], answer.status, verdict["trust"] or verdict["rule"] or verdict["failure"]


def ask(relay, data, source=None):
    with relay.connect(source) as connection:
        return said(relay, connection, data)
