"""Every data case of the wire through nginx and HAProxy as we ship them, over TLS, without and with the certificate of a
client: what comes of it is what comes of it without them, or the proxy refuses a head for itself, as the table says."""
import html
import json
import re

import pytest

import cases
import outcomes
import wire
from conftest import serve
from proxies import Proxy

# A name that somebody got into another part of the certificate is none.
SUBJECT = "/C=DE/O=M\u00fcller, CN=GUID:00000000-0000-0000-0000-00000000000B/CN=" + wire.CLIENT
PATHS = dict.fromkeys(["path-bits-http", "path-deeper-http", "path-directory-http", "path-longer-http", "path-root-http",
                       "path-tokenauth-http"], 404)
OWN = {"nginx": {"method-Post-in-mixed-case-http": 400, "method-ccm_post-in-lower-case-http": 400, **PATHS},
       "haproxy": {"path-dotted-http": 404, **PATHS}}


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    relays, start = serve(tmp_path_factory.mktemp("wire"))
    yield start(log_max_size="100M", unix=True, proxy_identity="X-SSL-Client-S-DN CN={client}")
    relays[0].stop()


@pytest.fixture(scope="module")
def some(relay):
    """Under a sanitizer every tenth."""
    return cases.in_folders()[::10 if cases.is_sanitized(relay) else 1]


def send(relay, some, connect):
    """The outcomes, each with what the relay said of it or, where the proxy answered for itself, None."""
    outcomes.take_files(relay)
    relay.seen = relay.log_path.stat().st_size
    found = [outcomes.send_one(relay, case, connect) for case in some]
    ours = [o for o in found if o.answer and b"<html>" not in o.answer.body]
    verdicts = relay.next_verdicts(len(ours))
    assert len(verdicts) == len(ours)
    said = dict(zip(map(id, ours), verdicts))
    return [(o, said.get(id(o))) for o in found]


@pytest.fixture(scope="module")
def proxies(relay, tmp_path_factory):
    proxies = {name: Proxy(name, relay, tmp_path_factory.mktemp(name)) for name in OWN}
    yield proxies
    for proxy in proxies.values():
        proxy.stop()


@pytest.fixture(scope="module")
def direct(relay, some):
    return send(relay, some, relay.connect)


def client_of(case):
    """In normal form."""
    text = case.kept[2:].decode("utf-16-le") if case.kept else ""
    found = re.search(r"<ClientID[^>]*>([^<]*)</ClientID>", text)
    return re.sub(r"\s|^GUID:", "", html.unescape(found[1]).strip().upper()) if found else ""


def told(outcome, said):
    """What client and log were told, but for names of files, IDs that were made up, and who was asked."""
    answer, verdict = outcome.answer, dict(said)
    document = answer.headers.get("content-type") == "application/json" and json.loads(answer.body)
    if document and "file" in document:
        document["file"] = ""
    shown = [answer.status, answer.headers.get("content-type"), answer.headers.get("allow"), document or answer.body]
    for name in ("address", "file", *(["id"] if outcome.case.expect["id"] == "any" else [])):
        verdict.pop(name)
    return shown, verdict, list(outcome.files.values())


def wrong(own, outcome, said, before, vouched):
    case, status = outcome.case, own.get(outcome.case.name)
    if status:
        return said is not None or outcome.answer.status != status or outcome.files != {}
    if said is None or said["address"] != "127.0.0.9":
        return True
    if vouched and case.kept and client_of(case) != wire.CLIENT[5:]:
        return (said["refused"], said["rule"], outcome.files) != ("403", "binding", {})
    shown, verdict, files = told(*before)
    if vouched and case.kept:
        verdict["trust"] = "vouched for"
    return told(outcome, said) != (shown, verdict, files)


@pytest.mark.parametrize("certified", [False, True], ids=["anonymous", "certified"])
@pytest.mark.parametrize("name", OWN)
def test_wire(relay, some, direct, proxies, name, certified):
    proxy = proxies[name]
    certificate = proxy.certify("client", SUBJECT) if certified else None
    found = send(relay, some, lambda: proxy.connect(True, "127.0.0.9", certificate))
    assert [o.case.name for (o, said), before in zip(found, direct)
            if wrong(OWN[name], o, said, before, certified)] == []
