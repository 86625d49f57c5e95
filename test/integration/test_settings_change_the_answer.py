"""refuse-style, async-reply, filetype-missing, windowsauth, check-target-host, the thresholds and the outbox."""
import re

import pytest

import cmtrace
import wire

REPORT = wire.report()
GOOD = wire.ccm(REPORT)
BAD = {
    400: wire.ccm("<Report/>"), 404: wire.ccm(REPORT, endpoint="MP_DdrEndpoint"),
    413: wire.ccm(REPORT.replace("<ReportBody>", "<X>" * 40 + "</X>" * 40 + "<ReportBody>")),
    415: wire.ccm(REPORT, property=["FileType=SWM"]),
}
NEVER_DISGUISED = {
    404: GOOD.replace(b"/ccm_system/", b"/other/"), 405: GOOD.replace(b"CCM_POST", b"PUT"),
    401: GOOD.replace(b"/ccm_system/", b"/ccm_system_windowsauth/"),
}


def test_empty200_disguises_only_what_is_refused_for_good(start):
    relay = start(refuse_style="empty200")
    for status, request in BAD.items():
        answer = relay.post(request)
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
        verdict = cmtrace.verdict(relay.next_records()[-1])
        assert (verdict["refused"], verdict["disguised"]) == (str(status), " (as 200)") or (
            verdict["refused"] == str(status) and verdict["why"].endswith(" (as 200)"))
    for status, request in NEVER_DISGUISED.items():
        assert relay.post(request).status == status
        assert "(as 200)" not in relay.next_records()[-1].text
    assert relay.post(wire.plain("<Report/>")).status == 400
    assert relay.files() == {}


def test_async_reply_empty_and_file(start, tmp_path):
    relay = start(async_reply="empty")
    answer = relay.post(GOOD)
    assert (answer.status, answer.body) == (200, b"")
    (tmp_path / "reply").write_bytes(b"--x\r\n\r\n\0binary {ID}\r\n--x--")
    relay = start(async_reply="file:%s" % (tmp_path / "reply"))
    answer = relay.post(GOOD)
    assert answer.body == (tmp_path / "reply").read_bytes()
    assert answer.headers["content-type"] == 'multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"'


@pytest.mark.parametrize("settings, request_, status", [
    ({"filetype_missing": "refuse"}, wire.ccm(REPORT, property=[]), 415),
    ({"filetype_missing": "refuse"}, GOOD, 200),
    ({"windowsauth": "alias"}, NEVER_DISGUISED[401], 200),
    ({"check_target_host": "yes", "target_host": "MP.Example.TEST"}, GOOD, 200),
    ({"check_target_host": "yes", "target_host": "another"}, GOOD, 404),
    ({"check_target_host": "yes", "target_host": "another"}, wire.plain(REPORT), 200),
    ({"max_request": "1K"}, GOOD, 413),
])
def test_setting(start, settings, request_, status):
    relay = start(**settings)
    assert relay.post(request_).status == status
    assert len(relay.files()) == (status == 200)


def test_priority_thresholds_and_outbox(start, tmp_path):
    outbox = tmp_path / "StateMsg.box"
    relay = start(priority_high_max=3, priority_low_min=6, outbox=str(outbox))
    for priority in (3, 4, 5, 6):
        assert relay.post(wire.ccm(wire.report(priority=priority))).status == 200
    kept = {p.relative_to(outbox).parent.name: p.read_bytes() for p in outbox.rglob("*.smx")}
    assert sorted(p.relative_to(outbox).parent.name for p in outbox.rglob("*.smx")) == ["", "", "high", "low"]
    assert re.search(r"<Priority>3<", kept["high"].decode("utf-16"))
    assert re.search(r"<Priority>6<", kept["low"].decode("utf-16"))
