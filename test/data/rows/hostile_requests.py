"""Hostile multipart, <Msg>, offsets and compression (wire.md 1, 2)."""
import struct
import zlib

from .case import (BOUNDARY, BYTES, FILETYPE, GOOD, HOOK, MSG, NUL, RAW, REPORT, WIRE, case, edit, parts, post, sound,
                   zipped)

PACKED = zlib.compress(NUL)
MARK = b"--" + BOUNDARY.encode()


def kept(name, request, **expect):
    case("hostile-" + name, request, "in.http", WIRE, **expect)


def refused(name, request, rule, status=400, **expect):
    case("hostile-" + name, request, "in.http", status=status, rule=rule, **expect)


# ---- the boundary ----

def bounded(mark, parameter):
    return post(parts(MSG, PACKED, mark), content_type="multipart/mixed; " + parameter)


for length in (2, 69, 70):
    kept("boundary-of-%d-quoted" % length, bounded("b" * length, 'boundary="%s"' % ("b" * length)))
for length in (71, 72, 200, 1000, 8000):
    refused("boundary-of-%d-quoted" % length, bounded("b" * length, 'boundary="%s"' % ("b" * length)), "multipart")
for c in "'()+_,-./:=?":
    kept("boundary-of-%02x" % ord(c), bounded(c, 'boundary="%s"' % c))
for c in "@#$%&*;<>[]{}|~!^`\t\xfc\\":
    refused("boundary-of-%02x" % ord(c), post(GOOD, content_type='multipart/mixed; boundary="a%sb"' % c),
            "multipart")
for name, mark, parameter in [
        ("quoted-pair", "ab", r'boundary="a\b"'), ("blanks-around", "x", "boundary = x"),
        ("in-capitals", "x", "BOUNDARY=x"),
        ("behind-empty-parameters", "x", ";; ;boundary=x"),
        ("behind-a-quoted-one", "x", 'a="; boundary=evil"; boundary=x'),
        ("behind-a-similar-one", "x", "xboundary=evil; boundary=x"),
        ("before-others", "x", "boundary=x; charset=utf-16; a"),
        ("behind-rfc-2231", "x", "boundary*=utf-8''evil; boundary=x"), ("with-blank-inside", "a b", 'boundary="a b"')]:
    kept("boundary-" + name, bounded(mark, parameter))
for name, mark, parameter in [
        ("twice", "x", "boundary=x; boundary=x"), ("twice-different", "x", "boundary=y; boundary=x"),
        ("quote-unfinished", "x", 'boundary="x'),
        ("quote-escaped-end", "x", r'boundary="x\"'), ("text-behind-quote", "x", 'boundary="x"y'),
        ("without-value", "x", "boundary"),
        ("without-equals", "x", "boundary x"), ("value-empty", "x", "boundary=; a=b"),
        ("quote-inside", "x", r'boundary="x\"y"'),
        ("rfc-2231", "x", "boundary*=utf-8''x"), ("rfc-2231-pieces", "x", "boundary*0=x"),
        ("single-quoted-blank", "x", "boundary=' '"),
        ("other-case", "X", "boundary=x"), ("prefix", "xy", "boundary=x"), ("with-dashes", "x", "boundary=--x")]:
    refused("boundary-" + name, bounded(mark, parameter), "multipart")
for name, content_type in [
        ("comment", 'multipart/mixed (x); boundary="%s"'), ("without-semicolon", 'multipart/mixed boundary="%s"'),
        ("list", 'multipart/mixed, text/xml; boundary="%s"'),
        ("blank-in-type", 'multipart / mixed; boundary="%s"'), ("related", 'multipart/related; boundary="%s"'),
        ("longer", 'multipart/mixedx; boundary="%s"'),
        ("wild", '*/*; boundary="%s"'), ("type-alone", 'multipart; boundary="%s"'), ("empty", '; boundary="%s"'),
        ("quoted", '"multipart/mixed"; boundary="%s"')]:
    refused("type-" + name, post(GOOD, content_type=content_type % BOUNDARY), "http", 415)

# ---- delimiters and parts ----

ONE, TWO = b"content-type: text/plain; charset=UTF-16\r\n\r\n" + b"\xff\xfe" + MSG.encode("utf-16-le"), b"\r\n" + PACKED
assert parts(MSG, PACKED, headers=("content-type: text/plain; charset=UTF-16\r\n", "")) == b"".join(
    [MARK, b"\r\n", ONE, b"\r\n", MARK, b"\r\n", TWO, b"\r\n", MARK, b"--"])


def cut(*pieces):
    """A body of pieces; a piece that is a number stands for so many delimiters before a part."""
    return post(b"".join(pieces))


LINE, NEXT, LAST = MARK + b"\r\n", b"\r\n" + MARK + b"\r\n", b"\r\n" + MARK + b"--"
for name, request in [
        ("preamble-of-a-delimiter-within-a-line", cut(b"x" + LINE, b"\r\n", LINE, ONE, NEXT, TWO, LAST)),
        ("preamble-of-line-feeds", cut(b"\n\n\n", b"\r\n", LINE, ONE, NEXT, TWO, LAST)),
        ("preamble-of-nuls", cut(b"\0" * 999 + b"\r\n", LINE, ONE, NEXT, TWO, LAST)),
        ("preamble-of-dashes", cut(b"-" * 999 + b"\r\n", LINE, ONE, NEXT, TWO, LAST)),
        ("preamble-of-half-delimiters", cut(b"\r\n" + MARK[:9] + b"\r\n", LINE, ONE, NEXT, TWO, LAST)),
        ("epilogue-of-a-part", cut(LINE, ONE, NEXT, TWO, LAST, NEXT, TWO, LAST)),
        ("closed-twice", cut(LINE, ONE, NEXT, TWO, LAST, LAST)),
        ("epilogue-of-noise", cut(LINE, ONE, NEXT, TWO, LAST, bytes(range(256)) * 8)),
        ("closed-with-dashes", cut(LINE, ONE, NEXT, TWO, LAST, b"----")),
        ("delimiter-with-tabs", cut(LINE, ONE, b"\r\n" + MARK + b"\t \t\r\n", TWO, LAST)),
        ("part-header-folded", cut(MARK, b"\r\nA: b\r\n c\r\n", ONE, NEXT, TWO, LAST)),
        ("part-header-repeated", cut(MARK, b"\r\n", b"Content-Type: x\r\n" * 99, ONE, NEXT, TWO, LAST)),
        ("part-header-of-noise", cut(MARK, b"\r\n\xff\xfe\0:::\r\n", ONE, NEXT, TWO, LAST)),
        ("part-header-without-colon", cut(MARK, b"\r\nhello\r\n", ONE, NEXT, TWO, LAST)),
        ("part-header-of-15000", cut(MARK, b"\r\nA: ", b"x" * 15000, b"\r\n", ONE, NEXT, TWO, LAST)),
        ("part-header-encoding", cut(LINE, ONE, NEXT, b"Content-Transfer-Encoding: base64\r\n", TWO, LAST)),
        ("part-header-length", cut(LINE, ONE, NEXT, b"Content-Length: 1\r\n", TWO, LAST)),
        ("part-header-gzip", cut(LINE, ONE, NEXT, b"Content-Encoding: gzip\r\n", TWO, LAST)),
        ("part-header-file-name",
         cut(LINE, ONE, NEXT, b'Content-Disposition: attachment; filename="../../x.smx"\r\n', TWO, LAST)),
        ("part-header-multipart", cut(LINE, ONE, NEXT, b"Content-Type: multipart/mixed; boundary=x\r\n", TWO, LAST)),
        ("three-dashes-are-content",
         post(parts(RAW.replace('Offset="0"', 'Offset="%d"' % (len(MARK) + 5)), b"\r\n-" + MARK + b"\r\n" + NUL))),
        ("one-dash-behind-is-content",
         post(parts(RAW.replace('Offset="0"', 'Offset="%d"' % (len(MARK) + 5)), b"\r\n" + MARK + b"-\r\n" + NUL))),
        ("line-feed-delimiter-is-content",
         post(parts(RAW.replace('Offset="0"', 'Offset="%d"' % (len(MARK) + 3)), b"\n" + MARK + b"\r\n" + NUL)))]:
    kept("multipart-" + name, request)
for name, rule, request in [
        ("line-feeds-only", "multipart", post(GOOD.replace(b"\r\n", b"\n"))),
        ("returns-only", "multipart", post(GOOD.replace(b"\r\n", b"\r"))),
        ("closing-without-line", "multipart", cut(LINE, ONE, NEXT, TWO, MARK + b"--")),
        ("closing-with-one-dash", "multipart", cut(LINE, ONE, NEXT, TWO, LAST[:-1])),
        ("delimiter-with-text", "multipart", cut(LINE, ONE, b"\r\n" + MARK + b" x\r\n", TWO, LAST)),
        ("delimiter-ends-in-line-feed", "multipart", cut(LINE, ONE, b"\r\n" + MARK + b"\n", TWO, LAST)),
        ("delimiter-without-dashes", "multipart", post(GOOD.replace(MARK, MARK[2:]))),
        ("delimiter-with-one-dash", "multipart", post(GOOD.replace(MARK, MARK[1:]))),
        ("delimiter-in-capitals", "multipart", post(GOOD.replace(MARK, MARK.upper()))),
        ("first-delimiter-absent", "multipart", cut(ONE, NEXT, TWO, LAST)),
        ("closing-first", "multipart", cut(MARK + b"--\r\n", LINE, ONE, NEXT, TWO, LAST)),
        ("closing-between", "multipart", cut(LINE, ONE, LAST, NEXT, TWO, LAST)),
        ("empty-part-first", "multipart", cut(LINE, b"\r\n", NEXT, ONE, NEXT, TWO, LAST)),
        ("empty-part-last", "multipart", cut(LINE, ONE, NEXT, TWO, NEXT, b"\r\n", LAST)),
        ("fifty-parts", "multipart", cut(LINE, ONE, NEXT, (TWO + NEXT) * 50, TWO, LAST)),
        ("first-part-twice", "multipart", cut(LINE, ONE, NEXT, ONE, NEXT, TWO, LAST)),
        ("parts-exchanged", "envelope", cut(LINE, TWO, NEXT, ONE, LAST)),
        ("first-part-empty", "envelope", cut(LINE, b"\r\n", NEXT, TWO, LAST)),
        ("both-parts-empty", "envelope", cut(LINE, b"\r\n", NEXT, b"\r\n", LAST)),
        ("delimiters-alone", "multipart", cut(LINE, NEXT[2:], MARK + b"--")),
        ("first-part-is-second", "envelope", cut(LINE, TWO, NEXT, TWO, LAST)),
        ("second-part-is-first", "zlib", cut(LINE, ONE, NEXT, ONE, LAST)),
        ("part-header-of-17000", "multipart", cut(MARK, b"\r\nA: ", b"x" * 17000, b"\r\n", ONE, NEXT, TWO, LAST)),
        ("part-headers-end-in-line-feeds", "multipart", cut(LINE, b"a: b\n\n" + MSG.encode(), NEXT, TWO, LAST)),
        ("nested-in-the-first", "envelope", post(parts(parts(MSG, PACKED, "inner"), PACKED))),
        ("nested-in-the-second", "zlib", post(parts(MSG, parts(MSG, PACKED, "inner")))),
        ("nested-with-the-same-boundary", "multipart", post(parts(MSG, GOOD))),
        ("boundary-within-the-payload", "multipart", post(parts(RAW, NUL[:100] + NEXT + NUL[100:]))),
        ("closing-within-the-payload", "body", post(parts(RAW, NUL[:100] + LAST + NUL[100:]))),
        ("utf-16-delimiters", "multipart", post(GOOD.decode("latin-1").encode("utf-16-le"))),
        ("gzip-of-the-whole", "multipart", post(zipped(GOOD))),
        ("chunks-within", "multipart", post(b"%x\r\n" % len(GOOD) + GOOD[2:] + b"\r\n0\r\n\r\n"))]:
    refused("multipart-" + name, request, rule)

# ---- <Msg> ----

SOURCE_HOST = "<SourceHost>CLIENT1</SourceHost>"
for name, old, new in [
        ("root-in-lower-case", None, MSG.replace("Msg", "msg")), ("root-in-capitals", None, MSG.replace("Msg", "MSG")),
        ("root-in-a-namespace", "<Msg ", '<Msg xmlns="urn:x" '), ("root-prefixed", None, '<a:Msg xmlns:a="urn:x"/>'),
        ("root-twice", "</Msg>", "</Msg><Msg/>"),
        ("attribute-twice", "<Msg ", '<Msg SchemaVersion="1.1" '), ("xml-1.1", "<Msg ", '<?xml version="1.1"?><Msg '),
        ("doctype-external", "<Msg ", '<!DOCTYPE Msg SYSTEM "http://127.0.0.1:9/"><Msg '),
        ("doctype-lower-case", "<Msg ", "<!doctype Msg><Msg "),
        ("entity-parameter", "<Msg ", '<!DOCTYPE Msg [<!ENTITY % a "b"> %a;]><Msg '),
        ("entity-external", "<Msg ", '<!DOCTYPE Msg [<!ENTITY a SYSTEM "file:///etc/passwd">]><Msg '),
        ("entity-undefined-in-attribute", 'Value="SMX"', 'Value="&a;"'), ("reference-to-nul", "CLIENT1<", "&#0;<"),
        ("reference-to-escape", "CLIENT1<", "&#27;<"),
        ("reference-to-surrogate", "CLIENT1<", "&#xD800;<"), ("control-character", "CLIENT1<", "\x1b<"),
        ("not-a-character", "CLIENT1<", "\uffff<"),
        ("prefix-undeclared", SOURCE_HOST, "<a:b/>" + SOURCE_HOST), ("comment-unfinished", "</Msg>", "<!-- </Msg>"),
        ("cdata-unfinished", "CLIENT1<", "<![CDATA[<"),
        ("nul-inside", "CLIENT1<", "\0<"), ("nul-and-more", "</Msg>", "</Msg>\0x"), ("report", None, REPORT),
        ("declaration-late", "</Msg>", '</Msg><?xml version="1.0"?>')]:
    refused("msg-" + name, sound(edit(MSG, old, new) if old else new), "envelope")
UTF8 = MSG.encode()
for name, raw in [("utf-8-overlong", UTF8.replace(b"CLIENT1<", b"\xc0\xaf<", 1)),
                  ("utf-8-surrogate", UTF8.replace(b"CLIENT1<", b"\xed\xa0\x80<", 1)),
                  ("utf-8-cut-off", UTF8 + b"\xe4"), ("mark-twice", b"\xff\xfe\xff\xfe" + MSG.encode("utf-16-le")),
                  ("mark-alone", b"\xff\xfe"),
                  ("mark-lies", b"\xff\xfe" + MSG.encode("utf-16-be")), ("mark-lies-about-utf-8", b"\xff\xfe" + UTF8),
                  ("utf-32", MSG.encode("utf-32")),
                  ("ebcdic", MSG.encode("cp037")), ("low-surrogate", MSG.encode("utf-16-le") + b"\0\xdc"),
                  ("nuls", b"\0" * 99), ("blanks", b" \r\n" * 9)]:
    refused("msg-bytes-" + name, sound(raw), "envelope")
for name, raw in [("utf-16be", b"\xfe\xff" + MSG.encode("utf-16-be")), ("utf-8-mark", b"\xef\xbb\xbf" + UTF8),
                  ("utf-8-nuls", UTF8 + b"\0\0\0"),
                  ("declared-wrong", b'<?xml version="1.0" encoding="UTF-32"?>' + UTF8),
                  ("odd-nul", MSG.encode("utf-16-le") + b"\0")]:
    kept("msg-bytes-" + name, sound(raw))

NUMBERS = [("empty", ""), ("minus", "-1"), ("minus-zero", "-0"), ("plus", "+0"), ("hex", "0x0"), ("point", "0.0"),
           ("exponent", "1e1"), ("words", "0 0"), ("nan", "NaN"),
           ("2-31", str(2**31)), ("2-32", str(2**32)), ("2-63", str(2**63)), ("2-63-less-one", str(2**63 - 1)),
           ("2-64-less-one", str(2**64 - 1)), ("2-64", str(2**64)),
           ("2-64-less-length", str(2**64 - len(NUL))), ("2-128", str(2**128)), ("nines", "9" * 300),
           ("arabic", "\u0660"), ("full-width", "\uff10"), ("nbsp", "0\u00a0")]
LENGTH = 'Length="%d"' % len(NUL)
ATTACHMENT = '<Attachment Type="ByteRange" Name="a" Offset="%s" Length="%s"/>'
for name, value in NUMBERS:
    refused("body-offset-" + name, sound(edit(MSG, 'Offset="0"', 'Offset="%s"' % value)), "body")
    refused("body-length-" + name, sound(edit(MSG, LENGTH, 'Length="%s"' % value)), "body")
    refused("attachment-offset-" + name, sound(edit(MSG, BYTES, BYTES + ATTACHMENT % (value, 1))), "body")
    refused("attachment-length-" + name, sound(edit(MSG, BYTES, BYTES + ATTACHMENT % (len(NUL), value))), "body")
for offset, length in [(2**64 - 2, 4), (2**64 - 1, 1), (len(NUL), 1), (len(NUL) - 1, 2), (1, len(NUL)), (2**63, 2**63),
                       (2**32 - 1, 2**32 + 1), (2**64 - len(NUL), 2 * len(NUL))]:
    refused("body-wraps-%d-%d" % (offset, length),
            sound(edit(MSG, BYTES, '<Body Type="ByteRange" Offset="%d" Length="%d"/>' % (offset, length))), "body")
for name, old, new, status in [
        ("offset-in-lower-case", "Offset=", "offset=", 400), ("without-offset", 'Offset="0"', "", 400),
        ("as-elements", BYTES, "<Body><Offset>0</Offset></Body>", 400),
        ("first-bad", BYTES, '<Body Type="ByteRange" Offset="0" Length="0"/>' + BYTES, 400),
        ("in-lower-case", BYTES, BYTES.replace("Body", "body"), 400),
        ("in-a-namespace", BYTES, BYTES.replace("<Body", '<Body xmlns="urn:x"'), 400),
        ("inside-another", BYTES, "<X>%s</X>" % BYTES, 400),
        ("type-file", 'Body Type="ByteRange"', 'Body Type="File"', 415),
        ("type-path", 'Body Type="ByteRange"', 'Body Type="../../etc/passwd"', 415),
        ("type-url", 'Body Type="ByteRange"', 'Body Type="http://127.0.0.1:9/"', 415)]:
    refused("body-" + name, sound(edit(MSG, old, new)), "body", status)
for name, old, new in [("offset-of-zeros", 'Offset="0"', 'Offset="%s"' % ("0" * 300)),
                       ("offset-with-blanks", 'Offset="0"', 'Offset=" 0&#10;"'),
                       ("length-with-zeros", LENGTH, 'Length="000%d"' % len(NUL)),
                       ("second-bad", BYTES, BYTES + '<Body Offset="x"/>'),
                       ("type-absent", 'Body Type="ByteRange"', "Body"),
                       ("type-in-capitals", 'Body Type="ByteRange"', 'Body Type="BYTERANGE"')]:
    kept("body-" + name, sound(edit(MSG, old, new)))
for count, zero in ((16, True), (16, False)):
    many = "".join(ATTACHMENT % (len(NUL) + (0 if zero else n), 0 if zero else 1) for n in range(count))
    kept("attachments-16%s" % ("-empty" if zero else ""),
         sound(edit(MSG, BYTES, BYTES + many), zlib.compress(NUL + b"x" * 16)), attachments=16)
for count in (17, 500):
    refused("attachments-%d" % count, sound(edit(MSG, BYTES, BYTES + ATTACHMENT % (0, 0) * count)), "limit", 413)
refused("attachments-the-same",
        sound(edit(MSG, BYTES, BYTES + ATTACHMENT % (len(NUL), 1) * 2), zlib.compress(NUL + b"x")), "body")
refused("attachment-is-the-body", sound(edit(MSG, BYTES, BYTES + ATTACHMENT % (0, len(NUL)))), "body")
refused("attachment-at-2-64", sound(edit(MSG, BYTES, BYTES + ATTACHMENT % (2**64 - 1, 2))), "body")

for name, hook in [("encrypt", '<Hook2 Name="encrypt"/>'), ("zlib-as-hook2", '<Hook2 Name="zlib-compress"/>'),
                   ("zlib-as-hook", '<Hook Name="zlib-compress"/>'),
                   ("clientauth-as-hook3", '<Hook3 Name="clientauth"/>'), ("name-empty", '<Hook3 Name=""/>'),
                   ("name-longer", '<Hook3 Name="zlib-compress2"/>'),
                   ("path", '<Hook3 Name="../../lib/evil.so"/>'),
                   ("namespace", '<Hook3 xmlns="urn:x" Name="zlib-compress"/>'),
                   ("text-name", "<Hook3>zlib-compress</Hook3>"),
                   ("lower-case-element", '<hook3 Name="zlib-compress"/>'),
                   ("lower-case-attribute", '<Hook3 name="zlib-compress"/>'), ("property", FILETYPE),
                   ("hundreds", '<Hook9 Name="x"/>' * 500), ("long", '<Hook9 Name="%s"/>' % ("x" * 9000)),
                   ("markers", '<Hook9 Name="]LOG]!&gt;&lt;![LOG["/>'),
                   ("full-width", '<Hook3 Name="\uff5alib-compress"/>')]:
    refused("hook-%s-beside" % name, sound(edit(MSG, HOOK, HOOK + hook)), "hook", 415)
    if name not in ("hundreds", "long"):
        refused("hook-%s-alone" % name, sound(edit(MSG, HOOK, hook)), "hook", 415)
for name, hooks in [("in-capitals", '<Hook3 Name="ZLIB-COMPRESS"/>'), ("blanks", '<Hook3 Name=" zlib-compress "/>'),
                    ("twice", HOOK * 2), ("hundreds", HOOK * 300),
                    ("with-children", '<Hook3 Name="zlib-compress"><Hook9 Name="x"/><X><Hook9/></X></Hook3>'),
                    ("with-text", "text" + HOOK + "text"),
                    ("with-comments", "<!-- <Hook9/> -->" + HOOK),
                    ("clientauth-empty", HOOK + '<Hook2 Name="clientauth"/>')]:
    kept("hook-kept-" + name, sound(edit(MSG, HOOK, hooks)))
kept("hooks-repeated-first-counts", sound(edit(MSG, "</Hooks>", '</Hooks><Hooks><Hook2 Name="encrypt"/></Hooks>')))
refused("hooks-repeated-first-is-empty", sound(edit(MSG, "<Hooks>", "<Hooks/><Hooks>")), "body")

for name, new in [("first-other", '<Property Name="FileType" Value="SWM"/>' + FILETYPE),
                  ("longer", FILETYPE.replace("SMX", "SMX;SWM")), ("path", FILETYPE.replace("SMX", "../SMX")),
                  ("dot", FILETYPE.replace("SMX", ".SMX")),
                  ("full-width", FILETYPE.replace("SMX", "\uff33\uff2d\uff38")),
                  ("long-s", FILETYPE.replace("SMX", "\u017fMX")),
                  ("inner-blank", FILETYPE.replace("SMX", "SM X")), ("nbsp", FILETYPE.replace("SMX", "SMX\u00a0")),
                  ("of-5000", FILETYPE.replace("SMX", "X" * 5000)),
                  ("value-and-text", '<Property Name="FileType" Value="SWM">SMX</Property>'),
                  ("zero-width", FILETYPE.replace("SMX", "S\u200bMX"))]:
    refused("filetype-" + name, sound(edit(MSG, FILETYPE, new)), "filetype", 415)
for name, new in [("second-other", FILETYPE + '<Property Name="FileType" Value="SWM"/>'),
                  ("blanks", FILETYPE.replace("SMX", " SMX&#10;")),
                  ("text-and-value", FILETYPE.replace("/>", ">SWM</Property>")),
                  ("mixed-case", FILETYPE.replace("SMX", "sMx")),
                  ("in-cdata", '<Property Name="FileType"><![CDATA[SMX]]></Property>'),
                  ("with-elements", '<Property Name="FileType">S<X>WM</X>MX</Property>'),
                  ("properties-64", FILETYPE + '<Property Name="a" Value="b"/>' * 63)]:
    kept("filetype-kept-" + name, sound(edit(MSG, FILETYPE, new)))
for count in (65, 500):
    refused("properties-%d" % count, sound(edit(MSG, FILETYPE, FILETYPE * count)), "limit", 413)
refused("properties-in-a-hook",
        sound(edit(MSG, HOOK,
                   HOOK + '<Hook2 Name="clientauth">%s</Hook2>' % ('<Property Name="a">b</Property>' * 65))), "limit",
        413)
refused("attributes-300", sound(edit(MSG, "<Msg ", "<Msg %s " % " ".join('a%d=""' % n for n in range(300)))), "limit",
        413)
refused("depth-40", sound(edit(MSG, SOURCE_HOST, "<X>" * 40 + "</X>" * 40 + SOURCE_HOST)), "limit", 413)

ENDPOINT = "<TargetEndpoint>MP_RelayEndpoint<"
for name, value in [("longer", "MP_RelayEndpoint2"), ("shorter", "MP_RelayEndpoin"), ("path", "../MP_RelayEndpoint"),
                    ("path-behind", "MP_RelayEndpoint/.."), ("scheme", "mp:MP_RelayEndpoint"),
                    ("dotless-i", "MP_RelayEndpo\u0131nt"), ("full-width", "\uff2dP_RelayEndpoint"),
                    ("nbsp", "MP_RelayEndpoint\u00a0"), ("two", "MP_RelayEndpoint MP_RelayEndpoint"),
                    ("list", "MP_RelayEndpoint;MP_PolicyManager"), ("of-9000", "x" * 9000),
                    ("percent", "MP%5FRelayEndpoint"), ("wild", "MP_*"), ("sql", "' OR '1'='1"),
                    ("format", "%s%n%s%n")]:
    refused("endpoint-" + name, sound(edit(MSG, ENDPOINT, "<TargetEndpoint>%s<" % value)), "endpoint", 404)
refused("endpoint-repeated-first-counts",
        sound(edit(MSG, ENDPOINT, "<TargetEndpoint>MP_X</TargetEndpoint>" + ENDPOINT)), "endpoint", 404)
for name, value in [("blanks", " \r\n MP_RelayEndpoint\t"), ("cdata", "<![CDATA[MP_RelayEndpoint]]>"),
                    ("references", "&#77;P_RelayEndpoint"), ("comment", "MP_<!-- -->RelayEndpoint"),
                    ("elements", "MP_<X>no</X>RelayEndpoint")]:
    kept("endpoint-kept-" + name, sound(edit(MSG, ENDPOINT, "<TargetEndpoint>%s<" % value)))
for name, value in [("bits", "bits"), ("path", "../../etc/passwd"), ("url", "file:///etc/passwd"),
                    ("longer", "inlinex"), ("of-9000", "x" * 9000), ("full-width", "\uff49nline")]:
    refused("payload-" + name, sound(edit(MSG, 'Payload Type="inline"', 'Payload Type="%s"' % value)), "body", 415)

# ---- compression ----

for name, first_two in [("method-0", b"\x70\x9c"), ("method-7", b"\x77\x9c"), ("method-15", b"\x7f\x9c"),
                        ("window-64k", b"\x88\x1c"), ("window-max", b"\xf8\x9c"), ("check-wrong", b"\x78\x9d"),
                        ("check-zero", b"\x78\x00"), ("dictionary", b"\x78\xbb"), ("nuls", b"\0\0"),
                        ("ones", b"\xff\xff"), ("gzip-magic", b"\x1f\x8b")]:
    refused("zlib-header-" + name, sound(MSG, first_two + PACKED[2:]), "zlib")
ADLER = PACKED[-4:]
for name, deflated in [("block-type-3", b"\x07"), ("stored-length-wrong", b"\x01\x04\x00\xff\xffabcd"),
                       ("stored-cut-off", b"\x01\xff\xff\x00\x00abcd"), ("distance-too-far", b"\x03\x02\x00"),
                       ("tree-oversubscribed", b"\x05\xe0\x81\xff\xff\xff\xff"),
                       ("empty-blocks", b"\x00\x00\x00\xff\xff" * 2000), ("tree-empty", b"\x05\0\0\0\0"),
                       ("never-last", b"\x02\0" * 40)]:
    refused("zlib-deflate-" + name, sound(MSG, b"\x78\x9c" + deflated + ADLER), "zlib")
for name, part2, rule in [("line-break-behind", PACKED + b"\r\n", "zlib"), ("nul-behind", PACKED + b"\0", "zlib"),
                          ("junk-before", b"\r\n" + PACKED, "zlib"),
                          ("length-before", struct.pack("<I", len(PACKED)) + PACKED, "zlib"),
                          ("a-megabyte-behind", PACKED + b"\0" * 9999, "zlib"),
                          ("adler-reversed", PACKED[:-4] + ADLER[::-1], "zlib"),
                          ("adler-zero", PACKED[:-4] + b"\0" * 4, "zlib"),
                          ("adler-one", PACKED[:-4] + b"\0\0\0\1", "zlib"), ("of-zlib", zlib.compress(PACKED), "body"),
                          ("of-nothing", zlib.compress(b""), "body"),
                          ("of-one-byte", zlib.compress(b"x"), "body"), ("of-less", zlib.compress(NUL[:-2]), "body"),
                          ("in-base64", b"eJw=", "zlib"), ("lzma", b"\xfd7zXZ\0" + PACKED, "zlib"),
                          ("zstd", b"\x28\xb5\x2f\xfd" + PACKED, "zlib"), ("zip", b"PK\x03\x04" + PACKED, "zlib")]:
    refused("zlib-" + name, sound(MSG, part2), rule)
refused("zlib-without-the-hook", sound(RAW, PACKED), "body")
kept("zlib-of-more-than-is-used", sound(MSG, zlib.compress(NUL + b"\0" * 200000)))
kept("zlib-window-256", sound(MSG, (lambda z: z.compress(NUL) + z.flush())(zlib.compressobj(9, zlib.DEFLATED, 9))))
kept("zlib-flushed-often",
     sound(MSG,
           (lambda z: b"".join(z.compress(NUL[i:i + 7]) + z.flush(zlib.Z_SYNC_FLUSH) for i in range(0, len(NUL),
               7)) + z.flush())(zlib.compressobj())))

PLAIN = REPORT.encode()
DEFLATED, TRAILER = zlib.compress(PLAIN)[2:-4], struct.pack("<II", zlib.crc32(PLAIN), len(PLAIN))


def plain(content, coding, content_type="text/xml"):
    return post(content, *(["Content-Encoding: " + coding] if coding is not None else []), content_type=content_type,
                first="POST /ccm_system/request HTTP/1.1")


def gzip_of(flags=0, extra=b"", magic=b"\x1f\x8b", method=8, trailer=TRAILER):
    return magic + bytes([method, flags]) + b"\0" * 4 + b"\x00\x03" + extra + DEFLATED + trailer


for name, content in [("file-name", gzip_of(8, b"../../../etc/cron.d/x\0")),
                      ("comment", gzip_of(16, b"]LOG]!><![LOG[\r\n\0")),
                      ("extra", gzip_of(4, struct.pack("<H", 9999) + b"x" * 9999)),
                      ("extra-and-name", gzip_of(12, b"\0\0" + b"n\0")), ("text", gzip_of(1))]:
    kept("gzip-kept-" + name, plain(content, "gzip"), form="plain")
for name, content in [("reserved-flags", gzip_of(0xE0)), ("magic", gzip_of(magic=b"\x1f\x8c")),
                      ("old-magic", gzip_of(magic=b"\x1f\x9d")), ("method", gzip_of(method=7)),
                      ("length-wrong", gzip_of(trailer=TRAILER[:4] + b"\0" * 4)),
                      ("name-unfinished", gzip_of(8, b"x" * 99).replace(b"\0", b"\1")),
                      ("two-members", zipped(PLAIN) * 2), ("header-checksum-wrong", gzip_of(2, b"\0\0")),
                      ("extra-too-long", gzip_of(4, b"\xff\xff")),
                      ("nuls-behind", zipped(PLAIN) + b"\0" * 8), ("header-alone", gzip_of()[:10]),
                      ("zlib", zlib.compress(PLAIN)), ("of-gzip-empty", b"\x1f\x8b")]:
    refused("gzip-" + name, plain(content, "gzip"), "zlib", form="plain")
refused("gzip-of-gzip", plain(zipped(zipped(PLAIN)), "gzip"), "report", form="plain")
refused("gzip-of-nothing", plain(zipped(b""), "gzip"), "body", form="plain")
for name, content in [("raw", DEFLATED), ("gzip", zipped(PLAIN)),
                      ("dictionary", (lambda z: z.compress(PLAIN) + z.flush())(zlib.compressobj(zdict=b"<Report>")))]:
    refused("deflate-" + name, plain(content, "deflate"), "zlib", form="plain")
for coding in ("compress", "br", "zstd", "gzip;q=1", "gzip,", ",gzip", '"gzip"', "aes128gcm", "gzip, identity",
               "identity, gzip", "gz\u00efp", "*", "GZIP2"):
    refused("coding-" + coding.encode("latin-1").hex(), plain(zipped(PLAIN), coding), "http", 415, form="plain")
for content_type in ("text/html", "text/xml-external", "application/soap+xml", "text", "text/", "text /xml", "xml",
                     "application/x-www-form-urlencoded", "*/*", "text/xml/x"):
    refused("plain-type-" + content_type.replace("/", "-").replace("*", "any").replace(" ", "_"),
            plain(PLAIN, None, content_type), "http", 415, form="plain")
