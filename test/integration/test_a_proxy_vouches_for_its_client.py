"""Whom a trusted-proxy names by its certificate is held to it, and need not sign: for that request alone, and from nobody
else."""
import pytest

import wire
from conftest import serve
from proxied import RULE, A, B, ask, request, said, with_lines
from relay import Connection
from test_reload_renews_the_relay import Reloading


@pytest.fixture(scope="module")
def module_relay(tmp_path_factory):
    relays, start = serve(tmp_path_factory.mktemp("shared"))
    yield start(signature_policy="require", proxy_identity=RULE)
    relays[0].stop()


@pytest.mark.parametrize("names, status, word", [
    ([], 403, "policy"),
    ([""], 403, "policy"),
    (["CN=" + A], 200, "vouched for"),
    (["O=Example,cn=" + A.lower() + ",C=DE"], 200, "vouched for"),
    (["O=M\u00fcller\\, CN=" + B + ",CN=" + A], 200, "vouched for"),
    (["CN=" + B], 403, "binding"),
    (["CN=" + A, "CN=" + A], 403, "binding"),
    (["CN=" + A, ""], 403, "binding"),
    (["CN=%s,CN=%s" % (A, A)], 403, "binding"),
    (["CN=\u00e4"], 403, "binding"),
    (["CN=" + "a" * 4000], 403, "binding"),
    (["O=Example"], 403, "binding"),
], ids=["none", "empty", "it", "it-among-others", "another-in-its-organization", "another", "twice", "once-and-empty",
        "two-names", "not-ascii", "overlong", "no-name"])
def test_a_sender_is_held_to_its_certificate(shared_relay, names, status, word):
    before = len(shared_relay.files())
    assert ask(shared_relay, request(A, names)) == ("127.0.0.1", status, word)
    envelope = with_lines(wire.ccm(wire.report(client_id=A), keep=True), names)
    assert ask(shared_relay, envelope) == ("127.0.0.1", status, word)
    assert len(shared_relay.files()) == before + (2 if status == 200 else 0)


def test_clients_on_one_connection_are_told_apart(shared_relay):
    with shared_relay.connect() as connection:
        for client, hop in ((A, "192.0.2.1"), (B, "192.0.2.2")) * 2:
            data = request(client, ["CN=" + client], [hop])
            assert said(shared_relay, connection, data) == (hop, 200, "vouched for")
        assert said(shared_relay, connection, request(A)) == ("127.0.0.1", 403, "policy")


def test_the_same_headers_from_elsewhere_are_ignored_and_that_is_said_once(shared_relay):
    for source in ("127.0.0.2", "127.0.0.3") * 2:
        assert ask(shared_relay, request(A, ["CN=" + A], ["192.0.2.7"]), source) == (source, 403, "policy")
    lines = [r.text for r in shared_relay.log() if "is no trusted-proxy" in r.text]
    assert lines == ["Relay: %s is no trusted-proxy: its %s is ignored, now and later" % (source, header)
                     for source in ("127.0.0.2", "127.0.0.3") for header in ("X-Forwarded-For", "X-SSL-Client-S-DN")]


def test_what_stands_behind_a_body_is_nobodys(shared_relay):
    data = wire.chunked(request(A))[:-2] + b"X-SSL-Client-S-DN: CN=%s\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n" % A.encode()
    assert ask(shared_relay, data) == ("127.0.0.1", 403, "policy")


def test_machines_are_known_by_name(start):
    relay = start(proxy_identity="X-Client {machine}")
    for name, ended in (("client1.example.test", (200, "vouched for")), ("client2.example.test", (403, "binding"))):
        assert ask(relay, wire.plain(wire.report(), headers=["X-Client: " + name]))[1:] == ended


def test_rules_and_proxies_change_on_reload(start, tmp_path):
    reloading = Reloading(start, tmp_path, signature_policy="require", unix=True)
    relay, data = reloading.relay, request(A, ["CN=" + A], ["192.0.2.7"])

    def over_unix():
        with Connection(relay.socket) as connection:
            return said(relay, connection, data)

    assert over_unix() == ("192.0.2.7", 403, "policy")
    reloading.reload("proxy-identity = %s\n" % RULE, "settings reloaded")
    assert over_unix() == ("192.0.2.7", 200, "vouched for")
    reloading.reload("proxy-identity = X-SSL-Client-S-DN CN=\n", "not reloaded")
    reloading.reload("proxy-identity = %s\ntrusted-proxy = 127.0.0.1/8\n" % RULE, "not reloaded")
    assert over_unix() == ("192.0.2.7", 200, "vouched for")
    reloading.reload("proxy-identity = %s\ntrusted-proxy = 127.0.0.0/8\nforwarded-header =\n" % RULE, "settings reloaded")
    assert over_unix() == ("unix", 403, "policy")
    assert ask(relay, data, "127.0.0.4") == ("127.0.0.4", 200, "vouched for")
