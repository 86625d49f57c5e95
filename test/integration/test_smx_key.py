"""smx key: an operator shows, takes and approves the keys that the relay checks signatures with."""
import hashlib
import json
import os

import pytest

import ccmpost
import keys
from keys import KNOWN, UNKNOWN, message, said
from smx_command import smx

GUID = KNOWN[5:]


@pytest.fixture
def site(start, pairs, tmp_path):
    """A relay that believes nobody yet, and files with keys."""
    relay = start(signature_policy="require")
    (tmp_path / "public.pem").write_bytes(keys.public(pairs[0]))
    (tmp_path / "certificate.pem").write_bytes(keys.certificate(pairs[0]))
    (tmp_path / "blob").write_text(ccmpost.public_key_blob(pairs[0]).hex().upper() + "\n")
    (tmp_path / "short.pem").write_bytes(keys.public(keys.make(tmp_path / "short", 1024)))
    return relay


def key(relay, *words, status=0):
    done = smx("key", *words, "--root", relay.root)
    assert done.returncode == status, (done.stdout, done.stderr)
    return (done.stdout if status == 0 else done.stderr).decode()


def listed(relay):
    return [json.loads(line) for line in key(relay, "list", "--json").splitlines()]


@pytest.mark.parametrize("form", ["public.pem", "certificate.pem", "blob"])
def test_an_imported_key_counts_at_once_and_is_shown(site, pairs, tmp_path, form):
    request = message(KNOWN, sign=pairs[0])
    assert listed(site) == [] and said(site, request) == (403, "policy")
    key(site, "import", KNOWN.lower(), tmp_path / form)
    assert said(site, request) == (200, "signed")
    place = site.root / "trust" / (GUID + ".pem")
    assert place.read_bytes() == keys.public(pairs[0]) and place.stat().st_mode & 0o7777 == 0o644
    print_ = hashlib.sha256(keys.openssl("pkey", "-in", pairs[0], "-pubout", "-outform", "DER")).hexdigest()
    row = {"Client": GUID, "State": "trusted", "Bits": 2048, "SHA256": print_, "Problem": None, "File": str(place)}
    assert listed(site) == [row] == [json.loads(key(site, "show", GUID, "--json"))]
    assert print_ in key(site, "show", KNOWN) and GUID in key(site, "list")


def test_a_key_is_replaced_only_where_that_is_said(site, pairs, tmp_path):
    (tmp_path / "other.pem").write_bytes(keys.public(pairs[1]))
    key(site, "import", KNOWN, tmp_path / "public.pem")
    assert "--replace" in key(site, "import", KNOWN, tmp_path / "other.pem", status=65)
    assert said(site, message(KNOWN, sign=pairs[0])) == (200, "signed")
    key(site, "import", KNOWN, tmp_path / "other.pem", "--replace")
    assert said(site, message(KNOWN, sign=pairs[1])) == (200, "signed")
    assert len(listed(site)) == 1


def test_a_key_that_waits_is_approved(site, pairs):
    pending = site.root / "trust/pending"
    pending.mkdir()
    (pending / (UNKNOWN[5:] + ".pem")).write_bytes(keys.certificate(pairs[1]))
    assert [(row["Client"], row["State"]) for row in listed(site)] == [(UNKNOWN[5:], "pending")]
    assert said(site, message(UNKNOWN, sign=pairs[1])) == (403, "policy")
    key(site, "approve", UNKNOWN)
    assert said(site, message(UNKNOWN, sign=pairs[1])) == (200, "signed")
    assert [row["State"] for row in listed(site)] == ["trusted"] and list(pending.iterdir()) == []
    key(site, "approve", UNKNOWN, status=66)


def test_a_key_that_counts_already_is_approved_and_no_other(site, pairs):
    """As after an approval that was broken off, or where the client's first report was faster."""
    waiting = site.root / "trust/pending" / (UNKNOWN[5:] + ".pem")
    waiting.parent.mkdir()
    keys.put(site, UNKNOWN, keys.certificate(pairs[1]))
    waiting.write_bytes(keys.public(pairs[0]))
    assert "another key" in key(site, "approve", UNKNOWN, status=65)
    waiting.write_bytes(keys.public(pairs[1]))
    key(site, "approve", UNKNOWN)
    assert not waiting.exists() and said(site, message(UNKNOWN, sign=pairs[1])) == (200, "signed")


def test_a_key_that_waits_is_thrown_away(site, pairs):
    pending = site.root / "trust/pending"
    pending.mkdir()
    (pending / (UNKNOWN[5:] + ".pem")).write_bytes(keys.certificate(pairs[1]))
    key(site, "import", KNOWN, site.root.parent / "public.pem")
    key(site, "reject", UNKNOWN)
    assert [row["Client"] for row in listed(site)] == [KNOWN[5:]]
    assert "waits" in key(site, "reject", KNOWN, status=66) and "GUID" in key(site, "reject", "x", status=65)
    assert len(listed(site)) == 1


def test_what_the_relay_cannot_use_is_told(site, tmp_path):
    trust = site.root / "trust"
    keys.put(site, KNOWN, b"nonsense")
    keys.put(site, UNKNOWN, (tmp_path / "short.pem").read_bytes())
    (trust / (GUID.lower() + ".pem")).write_bytes((tmp_path / "public.pem").read_bytes())
    problems = {row["Client"]: row["Problem"] for row in listed(site)}
    assert "no key can be read" in problems[GUID] and "1024 bits" in problems[UNKNOWN[5:]]
    assert "upper case" in problems[GUID.lower() + ".pem"]


def test_what_the_relay_would_not_read_is_no_key_here_either(site, pairs, tmp_path):
    place = site.root / "trust" / (GUID + ".pem")
    for put, problem in ((lambda: place.symlink_to(tmp_path / "public.pem"), "follows no links"),
                         (lambda: os.mkfifo(place), "no regular file"),
                         (lambda: place.write_bytes((tmp_path / "blob").read_bytes()), "no PEM")):
        put()
        assert site.post(message(KNOWN, sign=pairs[0])).status == 500
        assert [problem in row["Problem"] for row in listed(site)] == [True]
        place.unlink()


def test_what_is_wrong_has_its_status(site, tmp_path):
    (tmp_path / "text").write_text("\x1b[31mno key")
    for words, status in [([], 64), (["x"], 64), (["list", "x"], 64), (["show"], 64), (["import", KNOWN], 64),
                          (["list", "--fast"], 64), (["show", "../x"], 65), (["show", KNOWN], 66),
                          (["import", "PC1", tmp_path / "public.pem"], 65), (["import", KNOWN, "/no/such"], 66),
                          (["import", KNOWN, tmp_path / "text"], 65), (["import", KNOWN, tmp_path / "short"], 65),
                          (["import", KNOWN, tmp_path / "short.pem"], 65), (["approve", KNOWN], 66)]:
        told = key(site, *words, status=status)
        assert told.startswith("smx: ") and all(c.isprintable() or c == "\n" for c in told), told
    assert listed(site) == []


def test_where_it_is_comes_from_the_settings_of_the_relay(tmp_path, pairs):
    config = tmp_path / "mprelay.conf"
    config.write_text("trust-dir = %s\nlisten = 127.0.0.1:1\n" % (tmp_path / "somewhere"))
    (tmp_path / "public.pem").write_bytes(keys.public(pairs[0]))
    assert smx("key", "import", KNOWN, tmp_path / "public.pem", "--config", config).returncode == 0
    assert (tmp_path / "somewhere" / (GUID + ".pem")).exists()
    assert GUID.encode() in smx("key", "list", "--trust-dir", tmp_path / "somewhere").stdout
