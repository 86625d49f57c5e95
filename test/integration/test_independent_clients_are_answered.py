"""ccmpost.py and curl, as anybody runs them; xmllint reads what was kept."""
import pathlib
import subprocess
import sys

import pytest

import wire
from relay import DATA

CCMPOST = pathlib.Path(__file__).with_name("ccmpost.py")
REPORTS = DATA / "samples" / "reports"
SAMPLES = ["A-update-detection", "B-kb4459394", "C-cmpivot-result", "D-pull-dp", "E-peer-cache"]
OPTIONS = [
    ["--boundary", "x"], ["--no-bom"], ["--crlf-junk"], ["--final-crlf"], ["--chunked"], ["--no-nul"],
    ["--no-compress"], ["--body-bom"], ["--property", "filetype=smx"], ["--property", "FileType="],
    ["--reply-mode", "ASync"], ["--reply-compression", "none"], ["--method", "POST"], ["--source-id"],
    ["--attachment", str(REPORTS / "F-metering-attachment.body")], ["--repeat", "3", "--same-id"],
    ["--user-agent", "curl"], ["--endpoint", "mp_relayendpoint"], ["--msg-priority", "3"],
]


def run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("sample, options", [(sample, []) for sample in SAMPLES] + [(SAMPLES[0], o) for o in OPTIONS],
                         ids=lambda value: value if isinstance(value, str) else " ".join(value[:1]) or "as it is")
def test_ccmpost_is_answered(shared_relay, sample, options):
    before = shared_relay.files()
    done = run(sys.executable, CCMPOST, "--url", "http://127.0.0.1:%d" % shared_relay.port, *options,
               REPORTS / (sample + ".body"))
    assert done.returncode == 0, done.stdout + done.stderr
    new = {p: c for p, c in shared_relay.files().items() if p not in before}
    shared_relay.posted += len(new)
    assert len(new) == (3 if "--repeat" in options else 1)
    assert set(new.values()) == {b"\xff\xfe" + (REPORTS / (sample + ".body")).read_bytes()[:-2]}


def test_ccmpost_is_refused_when_it_lies_about_the_length(shared_relay):
    shared_relay.posted += 1
    assert run(sys.executable, CCMPOST, "--url", "http://127.0.0.1:%d" % shared_relay.port, "--body-length", 99999,
               REPORTS / "A-update-detection.body").returncode == 1


def test_curl_posts_a_report_and_xmllint_reads_each_kept_file(relay, tmp_path):
    url = "http://127.0.0.1:%d/ccm_system/request" % relay.port
    for sample in SAMPLES:
        done = run("curl", "-sS", "-w", "\n%{http_code}", "--data-binary", "@%s" % (REPORTS / (sample + ".xml")),
                   "-H", "Content-Type: text/xml", url)
        assert done.stdout.endswith("}\n200"), done.stdout + done.stderr
    assert relay.post(wire.ccm(wire.report())).status == 200
    assert len(relay.files()) == 6
    for number, content in enumerate(relay.files().values()):
        copy = tmp_path / ("%d.xml" % number)
        copy.write_bytes(content)
        done = run("xmllint", "--noout", copy)
        assert done.returncode == 0 and not done.stderr, done.stderr
