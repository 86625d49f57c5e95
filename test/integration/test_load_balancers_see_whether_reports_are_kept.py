"""MPLIST tells what a management point is, and is 500 while no report can be kept: a load balancer takes the relay out
and in again by itself."""
import contextlib
import signal
import socket
import subprocess

import pytest

import admin
from relay import PATIENCE, free_port, wait_until

LIST = (b'<MPList><MP Name="MP1" FQDN="mp1.&lt;x&gt;"%s><Version>9128</Version><Capabilities SchemaVersion="1.0">'
        b'<Property Name="SSLState" Value="0"/></Capabilities></MP></MPList>')
NAMED = {"mp_name": "MP1", "mp_fqdn": "mp1.<x>"}
SLIM = {**NAMED, "min_free": 0, "journal_size": 0}
HAPROXY = """
global
    stats socket %(socket)s
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen relays
    bind 127.0.0.1:%(port)d
    option httpchk GET /SMS_MP/.sms_aut?MPLIST
    server mp1 127.0.0.1:%(relay)d check inter 100ms fall 1 rise 1
"""


def ask(relay, question, method="GET", path="/SMS_MP/.sms_aut"):
    with relay.connect() as connection:
        request = "%s %s%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (method, path, question)
        connection.send(request.encode())
        connection.sock.settimeout(PATIENCE)
        while connection.more():
            pass
        head, _, body = connection.received.partition(b"\r\n\r\n")
        return int(head.split()[1]), body, head


def test_the_list_names_this_management_point(start_watched):
    relay = start_watched(**NAMED)
    for path in "/SMS_MP/.sms_aut", "/sms_mp_altauth/.SMS_AUT", "/SMS_MP_TokenAuth/.sms_aut":
        status, body, head = ask(relay, "?mpList", path=path)
        assert (status, body) == (200, LIST % b"") and b"Content-Type: text/xml" in head
    assert ask(relay, "?MPLIST1&x0z")[:2] == (200, LIST % b' SiteCode="X0Z"')
    status, body, head = ask(relay, "?MPLIST", "HEAD")
    assert (status, body) == (200, b"") and b"Content-Length: %d" % len(LIST % b"") in head
    for question in "", "?", "?MPCERT", "?MPLIST2", "?MPLIST=1", "?MPLIST1", "?MPLIST1&XY", "?MPLIST&XYZ":
        assert ask(relay, question)[0] == 404, question
    status, _, head = ask(relay, "?MPLIST", "POST")
    assert status == 405 and b"Allow: GET, HEAD" in head
    found = admin.samples(relay)
    assert found['mprelay_requests_total{form="info",code="200"}'] == 5
    assert found['mprelay_requests_total{form="info",code="404"}'] == 8
    assert found['mprelay_reports_total{result="kept"}'] == 0 and relay.files() == {}
    relay.stop()
    assert len(relay.verdicts()) == 9               # those that were refused


def test_it_can_be_switched_off(start):
    assert ask(start(info_endpoints="off"), "?MPLIST")[0] == 404


def test_the_certificate_is_handed_out_as_it_is(start, tmp_path):
    pem, der = tmp_path / "mp.pem", tmp_path / "mp.der"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=mp", "-keyout", tmp_path / "key", "-out", pem], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-in", pem, "-outform", "DER", "-out", der], check=True)
    relay = start(mp_certificate=pem)
    expected = b"<MPCertificate>%s</MPCertificate>" % der.read_bytes().hex().upper().encode()
    assert ask(relay, "?mpcert")[:2] == (200, expected)
    pem.write_bytes((tmp_path / "key").read_bytes())        # no certificate: the settings in force stay
    relay.process.send_signal(signal.SIGHUP)
    wait_until(lambda: [r for r in relay.log() if "settings not reloaded" in r.text and str(pem) in r.text], "a complaint")
    assert ask(relay, "?MPCERT")[:2] == (200, expected)


@contextlib.contextmanager
def filled(disk):
    with open(disk / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
        for _ in range(100):
            ballast.write(bytes(1 << 16))
    yield
    (disk / "ballast").unlink()


def test_while_the_disk_is_full_it_is_500(start, small_disk):
    relay = start(outbox=small_disk / "box", **SLIM)
    assert ask(relay, "?MPLIST")[0] == 200
    with filled(small_disk):
        wait_until(lambda: ask(relay, "?MPLIST")[0] == 500, "500")
        assert ask(relay, "?MPLIST")[1] == b""              # no word of paths
    wait_until(lambda: ask(relay, "?MPLIST")[0] == 200, "200")
    relay.stop()
    said = [r.text for r in relay.log() if "MPLIST" in r.text]
    assert len(said) == 2 and "No space left" in said[0] and said[1] == "Relay: MPLIST is answered with 200 again"


@pytest.fixture
def balanced(start, small_disk, tmp_path):
    """`balanced()` is what HAProxy thinks of a relay on the small disk."""
    relay = start(outbox=small_disk / "box", **SLIM)
    place, config = tmp_path / "stats", tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY % {"socket": place, "port": free_port(), "relay": relay.port})
    proxy = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", str(config)], stderr=subprocess.DEVNULL)
    wait_until(place.exists, "HAProxy")

    def status():
        with socket.socket(socket.AF_UNIX) as stats:
            stats.connect(str(place))
            stats.sendall(b"show stat\n")
            lines = b"".join(iter(lambda: stats.recv(65536), b"")).decode().splitlines()
        names = lines[0].lstrip("# ").split(",")
        [row] = [dict(zip(names, line.split(","))) for line in lines[1:] if ",mp1," in line]
        return row["status"], row["check_code"]

    yield status
    proxy.terminate()
    proxy.wait(PATIENCE)


def test_haproxy_takes_it_out_and_in_again(balanced, small_disk):
    wait_until(lambda: balanced() == ("UP", "200"), "UP")
    with filled(small_disk):
        wait_until(lambda: balanced() == ("DOWN", "500"), "DOWN")
    wait_until(lambda: balanced() == ("UP", "200"), "UP again")
