"""Reports come through nginx and HAProxy, set up with the files that we ship, as they come without them."""
import json

import pytest

import wire

REPORT = wire.report()
FORMS = {
    "ccm": wire.ccm(REPORT),
    "ccm-kept": wire.ccm(REPORT, keep=True),
    "ccm-chunked": wire.chunked(wire.ccm(REPORT)),
    "plain": wire.plain(REPORT),
    "plain-chunked": wire.chunked(wire.plain(REPORT)),
}


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_reports_pass_through_the_proxies(shared_relay, proxied, name, form, tls):
    before = shared_relay.files()
    answer = proxied(name).post(FORMS[form], tls)
    assert answer.status == 200
    kept, = [(path, content) for path, content in shared_relay.files().items() if path not in before]
    assert kept[1] == wire.smx(REPORT)
    if form.startswith("plain"):
        assert kept[0].endswith(json.loads(answer.body)["file"])
    else:
        assert answer.body == wire.NOREPLY
