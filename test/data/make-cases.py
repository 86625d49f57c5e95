#!/usr/bin/python3
"""Writes cases/<name>/: what is sent (in.xml, in.body or in.http), what is expected (expect, kept.smx).

A case is a row: a sound report, message or request with one thing changed. Rows by the section of the
specification that decides them. Run it after adding a row; a folder made by hand needs no row.
"""
import gzip
import pathlib
import re
import shutil
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
import ccmpost  # noqa: E402  (independent of the relay's code)

CASES, SAMPLES = HERE / "cases", HERE / "samples"
written = set()


def case(name, content, kind, kept=None, **expect):
    """`kept` is the text, or the bytes, that must come to lie behind FF FE; None: nothing may be kept."""
    assert name not in written, name
    written.add(name)
    folder = CASES / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / kind).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    if kept is not None:
        kept = kept.encode("utf-16-le") if isinstance(kept, str) else kept
        (folder / "kept.smx").write_bytes(b"\xff\xfe" + kept)
        expect = {"status": 200, "queue": "incoming", "messages": 1, "priority": 5, **expect}
    (folder / "expect").write_text("".join("%s = %s\n" % row for row in expect.items()))


def edit(text, old, new):
    assert text.count(old) == 1, (old, text.count(old))
    return text.replace(old, new)


# ---- samples: the documented reports, the golden requests, the end of a real one -------------------------------

for letter, name, expect in (("a", "A-update-detection", {}), ("b", "B-kb4459394", {}),
                             ("c", "C-cmpivot-result", {"queue": "incoming/high", "priority": 0}),
                             ("d", "D-pull-dp", {}),
                             ("e", "E-peer-cache", {"queue": "incoming/high", "priority": 1})):
    body = (SAMPLES / "reports" / (name + ".body")).read_bytes()
    case("sample-%s-body" % letter, body, "in.body", body[:-2], **expect)
    text = (SAMPLES / "reports" / (name + ".xml")).read_text("utf-8")
    case("sample-%s-text" % letter, text, "in.xml", text, **expect)
for name in ("B-kb4459394-as-printed.txt", "E-peer-cache-as-printed.txt", "F-metering-body.xml"):
    case("sample-" + name.split(".")[0].lower(), (SAMPLES / "reports" / name).read_bytes(), "in.xml",
         status=400, rule="report")
case("sample-f-metering-attachment", (SAMPLES / "reports/F-metering-attachment.body").read_bytes(), "in.body",
     status=400, rule="report")
for name in ("compressed", "uncompressed", "signed"):
    request = (SAMPLES / "requests" / (name + ".http")).read_bytes()
    msg, part2 = (p[1] for p in ccmpost.split_parts(*ccmpost.split_http(request)[1:]))
    payload = part2 if name == "uncompressed" else zlib.decompress(part2)
    case("golden-" + name, request, "in.http", payload[:-2], messages=3 if name == "signed" else 1,
         trust="signature not checked" if name == "signed" else "unsigned")

# ---- reports (smx.md 4, 6) -------------------------------------------------------------------------------------

REPORT = (
    '<?xml version="1.0" encoding="UTF-16"?>\r\n'
    '<Report><ReportHeader><Identification><Machine><ClientInstalled>1</ClientInstalled><ClientType>1</ClientType>'
    '<ClientID>GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77</ClientID><ClientVersion>5.00.9000.1000</ClientVersion>'
    '<NetBIOSName>CLIENT1</NetBIOSName><CodePage>437</CodePage><SystemDefaultLCID>1033</SystemDefaultLCID>'
    '<Priority>5</Priority></Machine></Identification><ReportDetails><ReportContent>State Message Data'
    '</ReportContent><ReportType>Full</ReportType><Date>20260102030405.000000+000</Date><Version>1.0</Version>'
    '<Format>1.0</Format></ReportDetails></ReportHeader><ReportBody>'
    '<StateMessage MessageTime="20260102030401.000000+000" SerialNumber="7"><Topic ID="505fda07" Type="500" '
    'IDType="3" User="" UserSID=""/><State ID="2" Criticality="0"/><UserParameters Flags="0" Count="1">'
    '<Param>200</Param></UserParameters></StateMessage></ReportBody></Report>\r\n')
MESSAGE = REPORT[REPORT.index("<StateMessage"):REPORT.index("</ReportBody>")]
BODY = REPORT[REPORT.index("<ReportBody>"):REPORT.index("</Report>")]
MACHINE = REPORT[REPORT.index("<Machine>"):REPORT.index("</Identification>")]
CLIENT_ID = "<ClientID>GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77</ClientID>"
DECLARATION = REPORT[:REPORT.index("<Report>")]
TOPIC, STATE = '<Topic ID="505fda07" Type="500" IDType="3" User="" UserSID=""/>', '<State ID="2" Criticality="0"/>'
PRIORITY, PARAM = "<Priority>5</Priority>", "<Param>200</Param>"
HIGH, LOW = {"queue": "incoming/high"}, {"queue": "incoming/low"}


def nested(levels):
    return "<X>" * levels + "</X>" * levels


KEPT_REPORTS = [
    ("priority-0", PRIORITY, "<Priority>0</Priority>", {**HIGH, "priority": 0}),
    ("priority-1", PRIORITY, "<Priority>1</Priority>", {**HIGH, "priority": 1}),
    ("priority-2", PRIORITY, "<Priority>2</Priority>", {"priority": 2}),
    ("priority-9", PRIORITY, "<Priority>9</Priority>", {"priority": 9}),
    ("priority-10", PRIORITY, "<Priority>10</Priority>", {**LOW, "priority": 10}),
    ("priority-16", PRIORITY, "<Priority>16</Priority>", {**LOW, "priority": 16}),
    ("priority-with-blanks", PRIORITY, "<Priority> 1 </Priority>", {**HIGH, "priority": 1}),
    ("priority-absent", PRIORITY, "", {}),
    ("priority-empty", PRIORITY, "<Priority/>", {}),
    ("priority-negative", PRIORITY, "<Priority>-1</Priority>", {}),
    ("priority-a-word", PRIORITY, "<Priority>urgent</Priority>", {}),
    ("priority-repeated-first-counts", PRIORITY, "<Priority>1</Priority><Priority>16</Priority>",
     {**HIGH, "priority": 1}),
    ("no-declaration", DECLARATION, "", {}),
    ("no-user", ' User="" UserSID=""', "", {}),
    ("no-serial-number", ' SerialNumber="7"', "", {}),
    ("no-message-time", 'MessageTime="20260102030401.000000+000" ', "", {}),
    ("no-details", REPORT[REPORT.index("<ReportDetails>"):REPORT.index("</ReportHeader>")], "", {}),
    ("bad-date", "20260102030405.000000+000", "yesterday", {}),
    ("bad-message-time", "20260102030401.000000+000", "99999999999999.000000+000", {}),
    ("local-time-offset", "20260102030405.000000+000", "20260102030405.000000+180", {}),
    ("stars-in-date", "20260102030405.000000+000", "20260102030405.******+***", {}),
    ("format-1.1", "<Format>1.0</Format>", "<Format>1.1</Format>", {}),
    ("unknown-elements", CLIENT_ID, "<Unknown>0</Unknown>" + CLIENT_ID + "<New><Deep a='1'/></New>", {}),
    ("unknown-attributes", "<Report>", '<Report Vendor="x">', {}),
    ("unknown-topic-type", 'Type="500"', 'Type="4294967295"', {}),
    ("client-id-with-attributes", "<ClientID>", '<ClientID IDType="0" IDFlag="1">', {}),
    ("client-id-bare", "GUID:9B2A", "9B2A", {"client": "9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"}),
    ("client-id-lower-case", "GUID:9B2A", "guid:9b2a", {"client": "guid:9b2a6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"}),
    ("client-id-blank-after-colon", "GUID:9B2A", "GUID: 9B2A",
     {"client": "GUID: 9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"}),
    ("client-id-of-255-characters", CLIENT_ID, "<ClientID>%s</ClientID>" % ("x" * 255), {"client": "x" * 200 + "..."}),
    ("client-id-repeated-first-counts", CLIENT_ID, CLIENT_ID + "<ClientID>GUID:OTHER</ClientID>", {}),
    ("name-not-ascii", "CLIENT1", "K\u00dcCHE-\u4e2d-\U0001f5a5", {}),
    ("topic-id-free-text", "505fda07", "Super Peer is now active", {}),
    ("topic-id-empty", "505fda07", "", {}),
    ("topic-id-of-600-characters", "505fda07", "t" * 600, {}),
    ("serial-number-of-64-bits", 'SerialNumber="7"', 'SerialNumber="18446744073709551615"', {}),
    ("param-empty", PARAM, "<Param></Param>", {}),
    ("param-quotes-and-brackets", PARAM, '<Param>["Display=\\\\PDP1\\"]MSWNET:[\'SMS_SITE=P01\']</Param>', {}),
    ("param-of-5000-characters", PARAM, "<Param>%s</Param>" % ("p" * 5000), {}),
    ("params-more-than-ten", PARAM, PARAM * 12, {}),
    ("params-count-wrong", 'Count="1"', 'Count="9"', {}),
    ("no-user-parameters", REPORT[REPORT.index("<UserP"):REPORT.index("</StateMessage>")], "", {}),
    ("details-type-1-not-xml", STATE, STATE + '<StateDetails Type="1"><![CDATA["PAA/AHg<=="]]></StateDetails>', {}),
    ("details-xml-in-cdata", STATE, STATE + '<StateDetails Type="1"><![CDATA[<a><b/></a>]]></StateDetails>', {}),
    ("state-before-topic", TOPIC + STATE, STATE + TOPIC, {}),
    ("header-after-body", BODY, "", {}),
    ("comments-and-instructions", TOPIC, "<!-- a comment --><?tool data?>" + TOPIC, {}),
    ("character-references", "CLIENT1", "&#67;&#x4C;&lt;&gt;&amp;&quot;&apos;", {}),
    ("namespaced-elements-unknown", TOPIC, TOPIC + '<x:State xmlns:x="urn:x" ID="no"/>', {}),
    ("same-serial-on-each", MESSAGE, MESSAGE * 3, {"messages": 3}),
    ("one-bad-message-of-two", MESSAGE, MESSAGE.replace('Type="500"', 'Type="x"') + MESSAGE, {"messages": 2}),
    ("a-hundred-messages", MESSAGE, MESSAGE * 100, {"messages": 100}),
    ("depth-32", "<ReportBody>", nested(31) + "<ReportBody>", {}),
    ("white-space-after-the-end", "</Report>\r\n", "</Report>\r\n \t\r\n\r\n", {}),
    ("no-final-line-break", "</Report>\r\n", "</Report>", {}),
    ("one-line-feed", DECLARATION, DECLARATION.replace("\r", ""), {}),
    ("standalone-declaration", '"UTF-16"?>', '"UTF-16" standalone="yes"?>', {}),
    ("single-quoted-declaration", '<?xml version="1.0" encoding="UTF-16"?>', "<?xml version='1.0' encoding='UTF-16'?>",
     {}),
]
for name, old, new, expect in KEPT_REPORTS:
    text = edit(REPORT, old, new)
    if name == "header-after-body":
        text = edit(text, "<Report>", "<Report>" + BODY)
    case("report-" + name, text, "in.xml", text, **expect)
pretty = REPORT.replace("><", ">\r\n\t <").replace(">GUID:", ">\r\n GUID:").replace("</ClientID>", "\r\n</ClientID>")
case("report-white-space-everywhere", pretty, "in.xml", pretty)

BAD_REPORTS = [
    ("cut-off", "</Report>\r\n", ""), ("tags-crossed", "</Machine></Identification>", "</Identification></Machine>"),
    ("text-behind-the-end", "</Report>\r\n", "</Report>more"), ("two-roots", "</Report>\r\n", "</Report><Report/>"),
    ("doctype", "<Report>", "<!DOCTYPE Report><Report>"),
    ("doctype-external", "<Report>", '<!DOCTYPE Report SYSTEM "file:///etc/passwd"><Report>'),
    ("doctype-entity", "<Report>", '<!DOCTYPE Report [<!ENTITY a "b">]><Report>'),
    ("entity-undefined", "CLIENT1", "&nbsp;"), ("reference-to-nul", "CLIENT1", "&#0;"),
    ("reference-to-surrogate", "CLIENT1", "&#xD800;"), ("control-character", "CLIENT1", "\x01"),
    ("not-a-character", "CLIENT1", "\uffff"), ("attribute-twice", 'Type="500"', 'Type="500" Type="500"'),
    ("attribute-unquoted", 'Type="500"', "Type=500"), ("xml-1.1", 'version="1.0"', 'version="1.1"'),
    ("prefix-undeclared", TOPIC, TOPIC + "<x:New/>"),
    ("root-wrong", None, "<Inventory/>"), ("root-in-lower-case", None, REPORT.replace("Report>", "report>")),
    ("root-in-a-namespace", "<Report>", '<Report xmlns="urn:x">'), ("root-empty", None, "<Report/>"),
    ("not-xml", None, "hello"), ("json", None, '{"Report": 1}'), ("declaration-alone", None, DECLARATION),
    ("client-id-absent", CLIENT_ID, ""), ("client-id-empty", CLIENT_ID, "<ClientID/>"),
    ("client-id-blank", CLIENT_ID, "<ClientID> \r\n</ClientID>"),
    ("client-id-of-256-characters", CLIENT_ID, "<ClientID>%s</ClientID>" % ("x" * 256)),
    ("client-id-elsewhere", MACHINE, "<ClientID>GUID:X</ClientID>"), ("machine-absent", MACHINE, ""),
    ("body-absent", BODY, ""), ("message-absent", MESSAGE, ""),
    ("message-outside-of-body", BODY, MESSAGE), ("topic-absent", TOPIC, ""), ("state-absent", STATE, ""),
    ("topic-type-absent", ' Type="500"', ""), ("topic-type-empty", 'Type="500"', 'Type=""'),
    ("topic-type-a-word", 'Type="500"', 'Type="many"'), ("topic-type-negative", 'Type="500"', 'Type="-500"'),
    ("state-id-absent", 'State ID="2"', "State"), ("state-id-a-word", 'State ID="2"', 'State ID="two"'),
    ("state-id-half-a-number", 'State ID="2"', 'State ID="2x"'),
]
for name, old, new in BAD_REPORTS:
    case("report-bad-" + name, edit(REPORT, old, new) if old else new, "in.xml", status=400, rule="report")
case("report-too-deep", edit(REPORT, "<ReportBody>", nested(32) + "<ReportBody>"), "in.xml", status=413, rule="limit")

# ---- bytes of a body (smx.md 1, wire.md 2.2) -------------------------------------------------------------------

WIRE = REPORT.encode("utf-16-le")
for name, body, kept in [
        ("utf-16le", WIRE, WIRE), ("utf-16le-bom", b"\xff\xfe" + WIRE, WIRE), ("nul", WIRE + b"\0\0", WIRE),
        ("nuls", WIRE + b"\0\0" * 5, WIRE), ("bom-and-nul", b"\xff\xfe" + WIRE + b"\0\0", WIRE),
        ("odd-last-byte-nul", WIRE + b"\0", WIRE), ("nul-and-odd-nul", WIRE + b"\0\0\0", WIRE),
        ("utf-16be-bom", b"\xfe\xff" + REPORT.encode("utf-16-be"), WIRE), ("utf-8", REPORT.encode("utf-8"), WIRE),
        ("utf-8-bom", b"\xef\xbb\xbf" + REPORT.encode("utf-8"), WIRE),
        ("declaration-says-utf-8", edit(REPORT, "UTF-16", "UTF-8").encode("utf-8"), WIRE),
        ("utf-16be-declared", b"\xfe\xff" + edit(REPORT, "UTF-16", "UTF-16BE").encode("utf-16-be"), WIRE)]:
    case("body-" + name, body, "in.body", kept)
wrong = edit(REPORT, "UTF-16", "UTF-8").encode("utf-16-le")
case("body-utf-16le-unchanged-though-declared-utf-8", wrong, "in.body", wrong)
name_at = WIRE.index("CLIENT1".encode("utf-16-le"))
for name, body, rule in [
        ("odd", WIRE + b">", "body"),
        ("lone-high-surrogate", WIRE[:name_at] + b"\x00\xd8" + WIRE[name_at:], "report"),
        ("lone-low-surrogate", WIRE[:name_at] + b"\x00\xdc" + WIRE[name_at:], "report"),
        ("nul-inside", WIRE[:name_at] + b"\0\0" + WIRE[name_at:], "report"),
        ("utf-8-overlong", edit(REPORT, "CLIENT1", "@").encode().replace(b"@", b"\xc0\xaf"), "report"),
        ("utf-8-cut-off", edit(REPORT, "CLIENT1", "@").encode().replace(b"@", b"\xe4\xb8"), "report"),
        ("utf-8-surrogate", edit(REPORT, "CLIENT1", "@").encode().replace(b"@", b"\xed\xa0\x80"), "report"),
        ("latin-1", edit(REPORT, "CLIENT1", "K\xdcCHE").encode("latin-1"), "report"),
        ("noise", bytes(range(128, 256)) * 4, "report")]:
    case("body-bad-" + name, body, "in.body", status=400, rule=rule)

# ---- HTTP and multipart (wire.md 1) ----------------------------------------------------------------------------

BOUNDARY = ccmpost.BOUNDARY
TYPE = 'multipart/mixed; boundary="%s"' % BOUNDARY
NUL = WIRE + b"\0\0"
MSG = (
    '<Msg SchemaVersion="1.1" ReplyCompression="zlib"><ID>{0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A01}</ID><SourceID>'
    '</SourceID><SourceHost>CLIENT1</SourceHost><TargetAddress>mp:[http]MP_RelayEndpoint</TargetAddress><ReplyTo>'
    'direct:CLIENT1:StateMessage</ReplyTo><CorrelationID>{00000000-0000-0000-0000-000000000000}</CorrelationID>'
    '<Priority>0</Priority><Timeout>600</Timeout><SentTime>2026-01-02T03:04:05Z</SentTime>'
    '<Body Type="ByteRange" Offset="0" Length="%d"/><Property Name="FileType" Value="SMX"/><Hooks>'
    '<Hook3 Name="zlib-compress"/></Hooks><Payload Type="inline"/><TargetHost>mp.example.test</TargetHost>'
    '<TargetEndpoint>MP_RelayEndpoint</TargetEndpoint><ReplyMode>Async</ReplyMode><Protocol>http</Protocol></Msg>'
    % len(NUL))
BYTES = '<Body Type="ByteRange" Offset="0" Length="%d"/>' % len(NUL)
HOOK, FILETYPE = '<Hook3 Name="zlib-compress"/>', '<Property Name="FileType" Value="SMX"/>'
RAW = edit(MSG, HOOK, "")


def head(*lines, first="CCM_POST /ccm_system/request HTTP/1.1", length=None):
    lines = [first, "Host: mp.example.test", "Connection: close", *lines]
    lines += ["Content-Length: %d" % length] if length is not None else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def parts(msg, part2, mark=BOUNDARY, headers=("content-type: text/plain; charset=UTF-16\r\n",
                                            "content-type: application/octet-stream\r\n")):
    mark = b"--" + mark.encode("ascii")
    msg = msg if isinstance(msg, bytes) else b"\xff\xfe" + msg.encode("utf-16-le")
    one, two = (h.encode("ascii") for h in headers)
    return b"\r\n".join([mark, one, msg, mark, two, part2, mark + b"--"])


def post(body, *lines, content_type=TYPE, **how):
    return head(*(["Content-Type: " + content_type] if content_type else []), *lines, length=len(body), **how) + body


def sound(msg=MSG, part2=zlib.compress(NUL), **how):
    return post(parts(msg, part2), **how)


GOOD = parts(MSG, zlib.compress(NUL))
for name, request in [
        ("path-in-capitals", sound(first="CCM_POST /CCM_System/Request HTTP/1.1")),
        ("path-with-query", sound(first="CCM_POST /ccm_system/request?a=/x HTTP/1.1")),
        ("path-altauth", sound(first="CCM_POST /ccm_system_altauth/request HTTP/1.1")),
        ("post-multipart", sound(first="POST /ccm_system/request HTTP/1.1")),
        ("http-1.0", sound(first="CCM_POST /ccm_system/request HTTP/1.0")),
        ("content-type-in-capitals", sound(content_type='MULTIPART/Mixed; Charset=x; BOUNDARY="%s"' % BOUNDARY)),
        ("content-encoding-identity", post(GOOD, "Content-Encoding: identity")),
        ("cmg-headers-ignored", post(GOOD, "CCMClientID: x", "CCMClientIDSignature: y", "Range: bytes=0-1")),
        ("boundary-unquoted", sound(content_type="multipart/mixed;boundary=" + BOUNDARY)),
        ("boundary-of-one", post(parts(MSG, zlib.compress(NUL), "x"), content_type="multipart/mixed; boundary=x")),
        ("boundary-of-70", post(parts(MSG, zlib.compress(NUL), "b" * 70),
                                content_type="multipart/mixed; boundary=" + "b" * 70)),
        ("boundary-of-odd-characters", post(parts(MSG, zlib.compress(NUL), "a b'()+_,-./:=?c"),
                                            content_type='multipart/mixed; boundary="a b\'()+_,-./:=?c"')),
        ("text-before-and-behind", post(b"preamble\r\n\r\n" + GOOD + b"\r\nepilogue")),
        ("line-break-first", post(b"\r\n" + GOOD)), ("final-line-break", post(GOOD + b"\r\n")),
        ("blanks-behind-delimiter", post(GOOD.replace(BOUNDARY.encode() + b"\r\n", BOUNDARY.encode() + b" \t\r\n"))),
        ("part-without-headers", post(parts(MSG, zlib.compress(NUL), headers=(
            "Content-Disposition: form-data; name=\"Msg\"\r\nCONTENT-TYPE: text/plain\r\n", "")))),
        ("part-2-is-text", post(parts(RAW, NUL, headers=("", "content-type: text/plain; charset=UTF-16\r\n")))),
        ("longer-word-is-content", sound(
            RAW.replace('Offset="0"', 'Offset="%d"' % len(BOUNDARY + "\r\n--X\r\n")),
            b"\r\n--" + BOUNDARY.encode() + b"X\r\n" + NUL)),
        ("half-a-delimiter-is-content", sound(RAW.replace('Offset="0"', 'Offset="11"'), b"\r\n--aAbB\r\n\0" + NUL))]:
    case("http-" + name, request, "in.http", WIRE)

B = BOUNDARY.encode()
for name, status, rule, request in [
        ("type-absent", 415, "http", post(GOOD, content_type=None)),
        ("type-other", 415, "http", post(GOOD, content_type="application/json")),
        ("type-of-the-plain-form", 415, "http", post(REPORT.encode(), content_type="text/xml")),
        ("type-form-data", 415, "http", post(GOOD, content_type='multipart/form-data; boundary="%s"' % BOUNDARY)),
        ("boundary-absent", 400, "multipart", post(GOOD, content_type="multipart/mixed")),
        ("boundary-empty", 400, "multipart", post(GOOD, content_type='multipart/mixed; boundary=""')),
        ("boundary-of-71", 400, "multipart", post(GOOD, content_type="multipart/mixed; boundary=" + "b" * 71)),
        ("boundary-not-allowed", 400, "multipart", post(GOOD, content_type='multipart/mixed; boundary="a@b"')),
        ("boundary-ends-in-blank", 400, "multipart", post(GOOD, content_type='multipart/mixed; boundary="ab "')),
        ("content-encoding", 415, "http", post(GOOD, "Content-Encoding: gzip")),
        ("body-empty", 400, "multipart", post(b"")), ("body-of-noise", 400, "multipart", post(b"hello")),
        ("body-of-another-boundary", 400, "multipart", post(GOOD, content_type="multipart/mixed; boundary=x")),
        ("closing-absent", 400, "multipart", post(GOOD[:-2])), ("cut-off", 400, "multipart", post(GOOD[:-40])),
        ("no-part", 400, "multipart", post(b"--" + B + b"--")),
        ("one-part", 400, "multipart", post(GOOD[:GOOD.index(b"\r\n--" + B)] + b"\r\n--" + B + b"--")),
        ("three-parts", 400, "multipart", post(GOOD[:-2] + b"\r\n\r\nmore\r\n--" + B + b"--")),
        ("part-headers-without-end", 400, "multipart", post(b"--" + B + b"\r\ncontent-type: x\r\n--" + B + b"--"))]:
    case("http-bad-" + name, request, "in.http", status=status, rule=rule)
for name, status, method, path in [
        ("root", 404, "CCM_POST", "/"), ("directory", 404, "CCM_POST", "/ccm_system"),
        ("longer", 404, "CCM_POST", "/ccm_system/requests"), ("deeper", 404, "CCM_POST", "/ccm_system/request/x"),
        ("dotted", 404, "CCM_POST", "/x/../ccm_system/request"),
        ("tokenauth", 404, "CCM_POST", "/ccm_system_tokenauth/request"),
        ("windowsauth", 401, "CCM_POST", "/ccm_system_windowsauth/request"),
        ("bits", 404, "BITS_POST", "/CCM_Incoming/x")]:
    case("path-" + name, post(GOOD, first="%s %s HTTP/1.1" % (method, path)), "in.http", status=status, rule="http")
for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "ccm_post", "Post", "BITS_POST"):
    request = head(first=method + " /ccm_system/request HTTP/1.1", length=0 if method not in ("GET", "HEAD") else None)
    case("method-" + method.replace("ccm_post", "ccm_post-in-lower-case").replace("Post", "Post-in-mixed-case"),
         request, "in.http", status=405, rule="http", allow="CCM_POST, POST")

# ---- the envelope (wire.md 2) ----------------------------------------------------------------------------------

ENDPOINT, MODE = "<TargetEndpoint>MP_RelayEndpoint</TargetEndpoint>", "<ReplyMode>Async</ReplyMode>"
ID, PAYLOAD = "<ID>{0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A01}</ID>", '<Payload Type="inline"/>'
AUTH = '<Hook2 Name="clientauth"><Property Name="AuthSenderMachine">PC1</Property>%s</Hook2>'
SIGNATURE = '<Property Name="PayloadSignature">00FF</Property>'
FIRST, LAST = "<Msg SchemaVersion", "</Msg>"
ATTACHMENT = '<Attachment Type="ByteRange" Name="a" Offset="%d" Length="3"/>'
for name, old, new, expect in [
        ("id-absent", ID, "", {"id": "any"}), ("id-empty", ID, "<ID/>", {"id": "any"}),
        ("id-bare", "{0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A01}", "0E6D5B5C", {"id": "0E6D5B5C"}),
        ("id-in-cdata", ID, "<ID> <![CDATA[{0E6D5B5C}]]>\r\n</ID>", {"id": "{0E6D5B5C}"}),
        ("host-absent", "<SourceHost>CLIENT1</SourceHost>", "", {"host": "-"}),
        ("host-repeated-first-counts", "<SourceHost>CLIENT1</SourceHost>",
         "<SourceHost>CLIENT1</SourceHost><SourceHost>B</SourceHost>", {}),
        ("host-of-300-characters", "<SourceHost>CLIENT1<", "<SourceHost>%s<" % ("h" * 300),
         {"host": "h" * 200 + "..."}),
        ("attributes-absent", ' SchemaVersion="1.1" ReplyCompression="zlib"', "", {}),
        ("reply-uncompressed", 'ReplyCompression="zlib"', 'ReplyCompression="none"', {}),
        ("attributes-single-quoted", BYTES, BYTES.replace('"', "'"), {}),
        ("unknown-elements", PAYLOAD, "<New a='1'><ID>x</ID></New><!-- -->" + PAYLOAD, {}),
        ("filetype-lower-case", FILETYPE, '<Property Name="filetype" Value="smx"/>', {}),
        ("filetype-as-text", FILETYPE, '<Property Name="FileType">SMX</Property>', {}),
        ("filetype-absent", FILETYPE, "", {}),
        ("filetype-among-others", FILETYPE, '<Property Name="A" Value="SWM"/>' + FILETYPE, {}),
        ("endpoint-in-capitals", ENDPOINT, "<TargetEndpoint>MP_RELAYENDPOINT</TargetEndpoint>", {}),
        ("mode-absent", MODE, "", {}), ("mode-sync", MODE, "<ReplyMode>Sync</ReplyMode>", {}),
        ("mode-reply", MODE, "<ReplyMode>Reply</ReplyMode>", {}),
        ("mode-direct", MODE, "<ReplyMode>DirectSync</ReplyMode>", {}),
        ("mode-in-capitals", MODE, "<ReplyMode>ASYNC</ReplyMode>", {}),
        ("mode-unknown", MODE, "<ReplyMode>Later</ReplyMode>", {}),
        ("payload-absent", PAYLOAD, "", {}), ("payload-in-capitals", PAYLOAD, '<Payload Type="INLINE"/>', {}),
        ("sent-time-cim", "2026-01-02T03:04:05Z", "20260102030405.000000+000", {}),
        ("property-with-amp", PAYLOAD, '<Property Name="x" Value="a&amp;b"/>' + PAYLOAD, {}),
        ("clientauth", HOOK, HOOK + AUTH % SIGNATURE, {"trust": "signature not checked"}),
        ("clientauth-first", HOOK, AUTH % SIGNATURE + HOOK, {"trust": "signature not checked"}),
        ("clientauth-token-is-unsigned", HOOK, HOOK + AUTH % '<Property Name="Token">x</Property>', {}),
        ("attachment-ignored", BYTES, BYTES + ATTACHMENT % len(NUL), {"attachments": 1}),
        ("attachment-nameless", BYTES, BYTES + ATTACHMENT.replace(' Name="a"', "") % len(NUL), {"attachments": 1}),
        ("no-nul", 'Length="%d"' % len(NUL), 'Length="%d"' % len(WIRE), {})]:
    case("envelope-" + name, sound(edit(MSG, old, new), zlib.compress(NUL + b"att")), "in.http", WIRE, **expect)

elements = [found.group(0) for found in re.finditer(r"<(\w+)(?:[^<>]*/>|.*?</\1>)", MSG[MSG.index("<ID>"):-len(LAST)])]
for name, msg, payload in [
        ("order-reversed", "<Msg>" + "".join(reversed(elements)) + LAST, None),
        ("order-alphabetical", "<Msg>\r\n  " + "\r\n  ".join(sorted(elements)) + "\r\n" + LAST, None),
        ("no-bom", MSG.encode("utf-16-le"), None), ("utf-8", MSG.encode("utf-8"), None),
        ("nuls-behind", b"\xff\xfe" + (MSG + "\0\0\r\n\0").encode("utf-16-le"), None),
        ("white-space-behind", MSG + " \r\n", None), ("hooks-empty", RAW.replace("<Hooks></Hooks>", "<Hooks/>"), NUL),
        ("hooks-absent", RAW.replace("<Hooks></Hooks>", ""), NUL), ("uncompressed", RAW, NUL),
        ("junk-behind-the-body", RAW, NUL + b"\r\n"), ("stray-byte-behind-the-body", RAW, NUL + b"\0"),
        ("body-behind-junk", RAW.replace('Offset="0"', 'Offset="3"'), b"abc" + NUL),
        ("body-behind-attachment", RAW.replace(BYTES, ATTACHMENT % 0 + BYTES.replace('Offset="0"', 'Offset="5"')),
         b"att\r\n" + NUL)]:
    case("envelope-" + name, sound(msg, payload or zlib.compress(NUL)), "in.http", WIRE,
         **({"attachments": 1} if "attachment" in name else {}))

for name, status, rule, old, new in [
        ("doctype", 400, "envelope", FIRST, "<!DOCTYPE Msg><Msg SchemaVersion"),
        ("entity", 400, "envelope", "CLIENT1</SourceHost>", "&a;</SourceHost>"),
        ("tags-crossed", 400, "envelope", "</TargetHost>", "</Target>"), ("cut-off", 400, "envelope", LAST, ""),
        ("text-behind-the-end", 400, "envelope", LAST, LAST + "x"),
        ("body-absent", 400, "body", BYTES, ""),
        ("body-without-length", 400, "body", 'Length="%d"' % len(NUL), ""),
        ("body-length-a-word", 400, "body", 'Length="%d"' % len(NUL), 'Length="all"'),
        ("body-length-negative", 400, "body", 'Length="%d"' % len(NUL), 'Length="-1"'),
        ("body-length-0", 400, "body", 'Length="%d"' % len(NUL), 'Length="0"'),
        ("body-longer-than-payload", 400, "body", 'Length="%d"' % len(NUL), 'Length="%d"' % (len(NUL) + 4)),
        ("body-behind-payload", 400, "body", 'Offset="0"', 'Offset="99999"'),
        ("body-offset-overflows", 400, "body", 'Offset="0"', 'Offset="18446744073709551615"'),
        ("body-offset-of-65-bits", 400, "body", 'Offset="0"', 'Offset="18446744073709551616"'),
        ("body-odd", 400, "body", 'Length="%d"' % len(NUL), 'Length="%d"' % (len(WIRE) - 3)),
        ("items-overlap", 400, "body", BYTES, BYTES + ATTACHMENT % (len(NUL) - 1)),
        ("items-overlap-inside", 400, "body", BYTES, BYTES + ATTACHMENT % 10),
        ("attachment-longer-than-payload", 400, "body", BYTES, BYTES + ATTACHMENT % (len(NUL) + 1)),
        ("hook-compress", 415, "hook", HOOK, '<Hook Name="compress"/>'),
        ("hook-encrypt", 415, "hook", HOOK, HOOK + '<Hook2 Name="encrypt"/>'),
        ("hook-authenticate", 415, "hook", HOOK, HOOK + '<Hook Name="authenticate"/>'),
        ("hook-unknown", 415, "hook", HOOK, HOOK + '<Hook9 Name="quantum"/>'),
        ("hook-nameless", 415, "hook", HOOK, HOOK + "<Hook2/>"),
        ("endpoint-absent", 404, "endpoint", ENDPOINT, ""),
        ("endpoint-empty", 404, "endpoint", ENDPOINT, "<TargetEndpoint/>"),
        ("payload-bits", 415, "body", PAYLOAD, '<Payload Type="BITS"/>'),
        ("filetype-absent-and-bad-hook", 415, "hook", FILETYPE + "<Hooks>", "<Hooks><Hook1 Name='x'/>")]:
    case("envelope-bad-" + name, sound(edit(MSG, old, new)), "in.http", status=status, rule=rule)
for name in ("ClientRegistration", "LocationManager", "PolicyManager", "DdrEndpoint", "HinvEndpoint", "SinvEndpoint",
             "SinvCollFileEndpoint", "StatusManager", "ClientIdManager", "TokenManager", "Nothing"):
    case("endpoint-mp_" + name.lower(), sound(edit(MSG, ENDPOINT, "<TargetEndpoint>MP_%s</TargetEndpoint>" % name)),
         "in.http", status=404, rule="endpoint")
for name in ("SWM", "STA", "FILECOLL", "IDMIF", "SMXX"):
    case("filetype-" + name.lower(), sound(edit(MSG, '"SMX"', '"%s"' % name)), "in.http", status=415, rule="filetype")
for name, msg in [("root-wrong", "<Message/>"), ("empty", ""), ("not-xml", "hello"), ("lone-surrogate", MSG.encode(
        "utf-16-le").replace(b"C\0L\0I\0E\0N\0T\x001\0<\0", b"\0\xd8<\0", 1)), ("latin-1", b"\xe4\xf6\xfc")]:
    case("envelope-bad-" + name, sound(msg), "in.http", status=400, rule="envelope")
case("filetype-absent-and-no-state-message", sound(edit(MSG, FILETYPE, ""), zlib.compress(
    edit(REPORT, MESSAGE, "").encode("utf-16-le").ljust(len(NUL), b"\0"))), "in.http", status=415, rule="filetype")

# The end of the one real request that is public: its second part, behind an envelope of ours.
tail = (SAMPLES / "relay-tail/relay-tail-masked.bin").read_bytes()
stream = tail[514:514 + 823]
assert len(zlib.decompress(stream)) == 1156 + 2656
REAL = edit(edit(MSG, BYTES, '<Body Type="ByteRange" Offset="0" Length="1156"/><Attachment Type="ByteRange" '
                 'Name="m" Offset="1156" Length="2656"/>'), HOOK, HOOK + AUTH % SIGNATURE)
case("real-tail-as-metering", sound(edit(REAL, '"SMX"', '"SWM"'), stream), "in.http", status=415, rule="filetype")
case("real-tail-without-filetype", sound(edit(REAL, FILETYPE, ""), stream), "in.http", status=415, rule="filetype")
case("real-tail-as-state-message", sound(REAL, stream), "in.http", status=400, rule="report")
case("real-tail-alone", post(tail), "in.http", status=400, rule="multipart")

# ---- zlib (wire.md 2.4) and the plain form's codings (wire.md 1.4) ---------------------------------------------

def zipped(content):
    return gzip.compress(content, mtime=0)


whole = zlib.compress(NUL)
preset = zlib.compressobj(zdict=b"<Report>")
for name, part2 in [("checksum-wrong", whole[:-1] + bytes([whole[-1] ^ 1])), ("cut-off", whole[:-9]),
                    ("checksum-cut-off", whole[:-1]),
                    ("byte-flipped", whole[:50] + bytes([whole[50] ^ 16]) + whole[51:]),
                    ("bytes-behind", whole + b"\0"), ("two-streams", whole + whole), ("empty", b""),
                    ("not-compressed", NUL), ("gzip", zipped(NUL)), ("deflate-without-header", whole[2:-4]),
                    ("preset-dictionary", preset.compress(NUL) + preset.flush())]:
    case("zlib-bad-" + name, sound(MSG, part2), "in.http", status=400, rule="zlib")
for name, level in (("stored", 0), ("fastest", 1), ("best", 9)):
    case("zlib-" + name, sound(MSG, zlib.compress(NUL, level)), "in.http", WIRE)

POST, UTF8 = "POST /ccm_system/request HTTP/1.1", REPORT.encode("utf-8")
for name, content, content_type, lines in [
        ("text-xml", UTF8, "text/xml", ()), ("application-xml", UTF8, "Application/XML; charset=utf-8", ()),
        ("octet-stream", UTF8, "application/octet-stream", ()),
        ("charset-wrong", UTF8, 'text/xml; charset="utf-16"', ()),
        ("utf-16", b"\xff\xfe" + WIRE, "text/xml; charset=utf-16", ()),
        ("gzip", zipped(UTF8), "text/xml", ("Content-Encoding: gzip",)),
        ("gzip-in-capitals", zipped(UTF8), "text/xml", ("Content-Encoding: GZIP",)),
        ("deflate", zlib.compress(UTF8), "text/xml", ("Content-Encoding: deflate",)),
        ("identity", UTF8, "text/xml", ("Content-Encoding: identity",))]:
    case("plain-" + name, post(content, *lines, content_type=content_type, first=POST), "in.http", WIRE, form="plain")
for name, status, rule, content, content_type, lines in [
        ("type-absent", 415, "http", UTF8, None, ()), ("type-text", 415, "http", UTF8, "text/plain", ()),
        ("type-json", 415, "http", UTF8, "application/json", ()),
        ("coding-unknown", 415, "http", UTF8, "text/xml", ("Content-Encoding: br",)),
        ("codings-stacked", 415, "http", zipped(zipped(UTF8)), "text/xml", ("Content-Encoding: gzip, gzip",)),
        ("codings-in-two-lines", 415, "http", zipped(UTF8), "text/xml",
         ("Content-Encoding: gzip", "Content-Encoding: gzip")),
        ("gzip-cut-off", 400, "zlib", zipped(UTF8)[:-9], "text/xml", ("Content-Encoding: gzip",)),
        ("gzip-checksum", 400, "zlib", zipped(UTF8)[:-8] + b"\0" * 8, "text/xml", ("Content-Encoding: gzip",)),
        ("gzip-and-more", 400, "zlib", zipped(UTF8) + b"x", "text/xml", ("Content-Encoding: gzip",)),
        ("gzip-is-none", 400, "zlib", UTF8, "text/xml", ("Content-Encoding: gzip",)),
        ("empty", 400, "body", b"", "text/xml", ()),
        ("envelope-without-multipart", 400, "report", MSG.encode(), "text/xml", ())]:
    case("plain-bad-" + name, post(content, *lines, content_type=content_type, first=POST), "in.http",
         status=status, rule=rule, form="plain")
print("%d cases" % len(written))
