"""Requests: HTTP and multipart, the envelope, compression (wire.md 1, 2)."""
import re
import zlib

from .case import (BOUNDARY, BYTES, FILETYPE, GOOD, HOOK, MESSAGE, MSG, NUL, RAW, REPORT, SAMPLES, WIRE, case, edit,
                   head,
                   parts, post, sound, zipped)

# ---- HTTP and multipart (wire.md 1) ----------------------------------------------------------------------------

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
        ("clientauth", HOOK, HOOK + AUTH % SIGNATURE, {"trust": "unknown key"}),
        ("clientauth-first", HOOK, AUTH % SIGNATURE + HOOK, {"trust": "unknown key"}),
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
case("envelope-signed-in-another-s-name", sound(edit(edit(MSG, HOOK, HOOK + AUTH % SIGNATURE), "<SourceID></SourceID>",
     "<SourceID>GUID:00000000-0000-0000-0000-00000000000B</SourceID>"), zlib.compress(NUL)), "in.http", status=403,
     rule="binding")
case("real-tail-alone", post(tail), "in.http", status=400, rule="multipart")

# ---- zlib (wire.md 2.4) and the plain form's codings (wire.md 1.4) ---------------------------------------------



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
