"""Reports, and the bytes that they come in: smx.md 1, 4, 6, wire.md 2.2."""
import zlib

from .case import (BODY, CLIENT_ID, DECLARATION, HIGH, LOW, MACHINE, MESSAGE, PARAM, PRIORITY, REPORT, SAMPLES, STATE,
                   TOPIC, WIRE, case, ccmpost, edit, nested)

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
         trust="unknown key" if name == "signed" else "unsigned")

# ---- reports (smx.md 4, 6) -------------------------------------------------------------------------------------

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
     {"client": "GUID:_9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"}),
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
