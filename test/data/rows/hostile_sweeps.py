"""Hostile rows by the hundred: cut off at every byte, a bit turned in every byte, NUL and half pairs in every place,
bombs, and what is large. Each is made of a small report, so that a sweep is short."""
import gzip
import zlib

from .case import (BYTES, GOOD, MSG, NUL, REPORT, TOPIC, case, edit, parts, post, sound, zipped)

SMALL = ('<Report><ReportHeader><Identification><Machine><ClientID>X</ClientID></Machine></Identification>'
         '</ReportHeader><ReportBody><StateMessage><Topic Type="1"/><State ID="1"/></StateMessage></ReportBody>'
         '</Report>')
WIRE = SMALL.encode("utf-16-le")
PACKED = zlib.compress(WIRE)
SMALL_MSG = ('<Msg><Body Offset="0" Length="%d"/><Hooks><Hook3 Name="zlib-compress"/></Hooks>'
             '<TargetEndpoint>MP_RelayEndpoint</TargetEndpoint></Msg>' % len(WIRE))


def refused(name, content, rule, status=400, kind="in.http", **expect):
    case("sweep-" + name, content, kind, status=status, rule=rule, **expect)


def plain(content, coding=None, content_type="application/octet-stream"):
    lines = ["Content-Encoding: " + coding] if coding else []
    return post(content, *lines, content_type=content_type, first="POST /ccm_system/request HTTP/1.1")


# ---- cut off at every byte ----

for at in range(len(PACKED)):
    refused("zlib-cut-%03d" % at, sound(SMALL_MSG, PACKED[:at]), "zlib")
for at in range(1, len(zipped(SMALL.encode()))):
    refused("gzip-cut-%03d" % at, plain(zipped(SMALL.encode())[:at], "gzip"), "zlib", form="plain")
for at in range(1, len(SMALL)):
    refused("utf-8-cut-%03d" % at, plain(SMALL.encode()[:at]), "report", form="plain")
for at in range(2, len(WIRE)):
    refused("utf-16-cut-%03d" % at, plain(WIRE[:at]), "report" if at % 2 == 0 or WIRE[at - 1] == 0 else "body",
            form="plain")
whole = parts(SMALL_MSG, PACKED)
for at in range(0, len(whole), 3):
    refused("multipart-cut-%03d" % at, post(whole[:at]), "multipart")
for at in range(2, 2 * len(SMALL_MSG), 3):
    refused("msg-cut-%03d" % at, sound(SMALL_MSG.encode("utf-16-le")[:at], PACKED), "envelope")

# ---- one bit, one character, in every place ----

for at in range(len(PACKED)):
    refused("zlib-bit-%03d" % at, sound(SMALL_MSG, PACKED[:at] + bytes([PACKED[at] ^ 1 << at % 8]) + PACKED[at + 1:]),
            "zlib")
for at in range(len(SMALL)):
    refused("nul-at-%03d" % at, b"\xff\xfe" + (SMALL[:at] + "\0" + SMALL[at:]).encode("utf-16-le"), "report",
            kind="in.body")
for at in range(len(SMALL) + 1):
    half = "\ud83d" if at % 2 else "\udda5"
    refused("half-a-pair-at-%03d" % at,
            plain(b"\xff\xfe" + (SMALL[:at] + half + SMALL[at:]).encode("utf-16-le", "surrogatepass")), "report",
            form="plain")
    refused("overlong-at-%03d" % at, plain(SMALL[:at].encode() + b"\xc0\xbc" + SMALL[at:].encode()), "report",
            form="plain")

# ---- at the borders of the pieces in which the XML is read: 16 KiB ----

for at in range(16 * 1024 - 12, 16 * 1024 + 12):
    for name, inside, sound_one in [("pair", "\U0001f5a5", True), ("high", "\ud83d", False), ("low", "\udda5", False),
                                    ("cdata", "<![CDATA[]]]]><![CDATA[>]]>", True), ("comment", "<!-- - -->", True),
                                    ("instruction", "<?a ???>", True), ("reference", "&#65;", True),
                                    ("bad-reference", "&a;", False), ("line", "\r\n", True),
                                    ("end-of-cdata", "]]>", False), ("hyphens", "<!-- -- -->", False)]:
        start = REPORT.index("CLIENT1")
        text = REPORT[:start] + "x" * (at - start) + inside + "y" * 40 + REPORT[start + 7:]
        raw = b"\xff\xfe" + text.encode("utf-16-le", "surrogatepass")
        if sound_one:
            case("sweep-border-%s-%d" % (name, at), plain(raw), "in.http", raw[2:], form="plain")
        else:
            refused("border-%s-%d" % (name, at), plain(raw), "report", form="plain")

# ---- bombs: over max-inflated, over max-ratio, of parts, of markup ----

MEGA = 1024 * 1024
MOST = 400 * 1000         # characters whose ratio does not count
for name, payload in [("zeros-of-70m", zlib.compress(bytes(70 * MEGA), 9)),
                      ("zeros-of-2m", zlib.compress(bytes(2 * MEGA), 9)),
                      ("blanks-of-20m", zlib.compress(b" \0" * 10 * MEGA, 9)),
                      ("report-of-20m", zlib.compress(edit(REPORT, "CLIENT1", "x" * 10 * MEGA).encode("utf-16-le"),
                                                      9))]:
    refused("bomb-zlib-" + name, sound(MSG, payload), "limit", 413)
    refused("bomb-deflate-" + name, plain(payload, "deflate"), "limit", 413, form="plain")
refused("bomb-gzip", plain(gzip.compress(bytes(70 * MEGA), 9, mtime=0), "gzip"), "limit", 413, form="plain")
refused("bomb-within-a-bomb", sound(MSG, zlib.compress(zlib.compress(bytes(70 * MEGA), 9), 9)), "report")
refused("bomb-claims-2-63",
        sound(edit(MSG, 'Length="%d"' % len(NUL), 'Length="%d"' % 2**63), zlib.compress(bytes(70 * MEGA), 9)), "limit",
        413)
refused("bomb-cut-off", sound(MSG, zlib.compress(bytes(70 * MEGA), 9)[:-5]), "limit", 413)
mark = b"\r\n--aAbBcCdDv1234567890VxXyYzZ"
refused("parts-5000", post(GOOD[:-2] + (b"\r\n\r\nx" + mark) * 5000 + b"--"), "multipart")
refused("parts-empty-20000", post((mark + b"\r\n") * 20000 + mark + b"--"), "multipart")
refused("delimiters-without-end-50000", post(mark * 50000), "multipart")
refused("almost-delimiters-50000", post(mark[:-1] * 50000), "multipart")
refused("msg-over-max-msg", sound(edit(MSG, BYTES, "<X>%s</X>" % ("x" * 140000) + BYTES)), "limit", 413)
refused("request-over-max-request", post(bytes(8 * MEGA + 1)), "limit", 413)
refused("request-of-zeros", post(bytes(8 * MEGA)), "multipart")
case("sweep-epilogue-of-4m", post(GOOD + bytes(4 * MEGA)), "in.http", REPORT)
case("sweep-preamble-of-4m", post(b"x" * 4 * MEGA + b"\r\n" + GOOD), "in.http", REPORT)
for name, old, new, status in [
        ("depth-100000", TOPIC, "<a>" * 100000, 413),
        ("attributes-16000", "<Topic ", "<Topic %s " % " ".join('a%d=""' % n for n in range(16000)), 413),
        ("name-of-70000", TOPIC, "<%s/>" % ("n" * 70000) + TOPIC, 413),
        ("attribute-of-70000", "505fda07", "v" * 70000, 413),
        ("names-100000", TOPIC, "".join("<n%d/>" % (n * 7919) for n in range(100000)) + TOPIC, 413),
        ("tag-unfinished-1m", TOPIC, "<Topic " + "a" * MEGA, 413),
        ("quote-unfinished-1m", TOPIC, '<Topic a="' + ">" * MEGA, 413),
        ("references-100000", "CLIENT1", "&a;" * 100000, 400),
        ("doctype", "<Report>", "<!DOCTYPE Report [%s]><Report>" % ('<!ENTITY a "b">' * (MOST // 16)), 400),
        ("comment-unfinished", TOPIC, "<!--" + "-" * MOST, 400),
        ("cdata-unfinished", TOPIC, "<![CDATA[" + "]" * MOST, 400),
        ("messages-bad-9000", TOPIC, "<Topic/>", 400), ("ampersands", "CLIENT1", "&" * MOST, 400),
        ("brackets-1m", "CLIENT1", "<" * MEGA, 413)]:
    case("sweep-large-" + name, edit(REPORT, old, new), "in.xml", status=status,
         rule="limit" if status == 413 else "report")
for name, old, new in [("comment-of-1m", TOPIC, "<!--%s-->" % (" - " * (MEGA // 3)) + TOPIC),
                       ("instruction-of-1m", TOPIC, "<?a %s?>" % ("? " * (MEGA // 2)) + TOPIC),
                       ("cdata-of-1m", "CLIENT1", "<![CDATA[%s]]>" % ("] " * (MEGA // 2))),
                       ("text-of-1m", "CLIENT1", "x" * MEGA), ("references-of-1m", "CLIENT1", "&#65;" * (MEGA // 5)),
                       ("elements-40000", TOPIC, "<a/>" * 40000 + TOPIC),
                       ("params-20000", "<Param>200</Param>", "<Param/>" * 20000),
                       ("lines-of-1m", TOPIC, "\r\n" * (MEGA // 2) + TOPIC),
                       ("prolog-of-1m", "<Report>", "<?a?>" * (MEGA // 5) + "<Report>")]:
    text = edit(REPORT, old, new)
    case("sweep-large-" + name, plain(text.encode()), "in.http", text, form="plain")
