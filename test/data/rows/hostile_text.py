"""Ids and names that try paths, and text that tries the log and who reads it on a terminal (logs.md 1.3)."""
import zlib

from .case import HOOK, MSG, REPORT, case, edit, parts, post, sound

UNSAFE = {*range(0, 32), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)}
MARKERS = {"]LOG]!>": "]LOG] !>", "<![LOG[": "< ![LOG[", "$$<": "$ $<"}


def shown(text):
    """As the log must show it: markers broken, controls replaced, at most 200 bytes."""
    pieces, at = [], 0
    while at < len(text):
        marker = next((m for m in MARKERS if text.startswith(m, at)), None)
        if marker:
            cut = MARKERS[marker].index(" ") + 1        # the blank that breaks it; the rest comes as it is
            pieces.append(MARKERS[marker][:cut])
            at += cut - 1
            continue
        pieces.append("~" if text[at] in "\r\n" else "?" if ord(text[at]) in UNSAFE else text[at])
        at += 1
    line = ""
    for piece in pieces:
        if len((line + piece).encode()) > 200:
            return line + "..."
        line += piece
    return line


def word(text):
    """An ID in a verdict: no blank may end it there."""
    return shown(text).replace(" ", "_")


def quoted(text):
    """A host in a verdict: no quote may end it there."""
    return shown(text).replace("'", "_")


def escape(text):
    return "".join("&#%d;" % ord(c) if c in "<>&\"'\r\n\t" else c for c in text)


def request(text, msg=MSG):
    """A whole request with the text in every field of envelope and report that reaches a log or could reach a name."""
    value = escape(text)
    report = REPORT.replace("GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77", escape(text[:255])).replace("505fda07", value)
    for old in ("CLIENT1", "5.00.9000.1000", "State Message Data", ">200<"):
        report = edit(report, old, ">%s<" % value if old[0] == ">" else value)
    body = report.encode("utf-16-le") + b"\0\0"
    for old in ("<ID>{0E6D5B5C-6C0B-4A6E-9B57-2B4D1E8F7A01}<", "<SourceID><", "<SourceHost>CLIENT1<",
                "<TargetHost>mp.example.test<", ">Async<"):
        msg = edit(msg, old, old[:old.index(">") + 1] + value + "<")
    length = msg.split('Length="')[1].split('"')[0]
    msg = edit(msg, 'Length="%s"/>' % length,
               'Length="%d"/><Attachment Type="ByteRange" Name="%s" Offset="%d" Length="1"/>'
               % (len(body), value, len(body)))
    return post(parts(msg, zlib.compress(body + b"a"))), report


PATHS = [
    "../../../../etc/passwd", "..\\..\\..\\windows\\win.ini", "/etc/shadow", "/dev/null", "C:\\boot.ini",
    "\\\\127.0.0.1\\c$\\x", "\\\\?\\C:\\x", "\\\\.\\PhysicalDrive0",
    "CON", "NUL", "AUX.smx", "LPT1", "COM9:", ".", "..", "...", "./x", "~root/x", "-rf", "--help",
    "%2e%2e%2f%2e%2e%2f", "..%c0%af..%c0%af", "%00", "%252e%252e/",
    "....//....//", "..;/", "a/b", "a\\b", "a:b", "x.smx", "x.smx/../../y", ".part", "incoming/high",
    "file:///etc/passwd", "$(touch /tmp/x)", "`touch /tmp/x`", "; rm -rf /",
    "| cat /etc/passwd", "&& reboot", "$HOME", "%TEMP%", "${jndi:ldap://127.0.0.1/x}", "{{7*7}}", "*", "?", "[a-z]",
    "\u2025/\u2025/", "\uff0e\uff0e\uff0fetc", "\u2215etc\u2215passwd",
    "a" * 255, "/" * 255, "../" * 80]
LINES = {
    "ccm-end": "]LOG]!>", "ccm-begin": "<![LOG[",
    "site": "$$<MP_RelayEndpoint><01-01-2026 00:00:00.000+000><thread=1 (0x1)>", "markers-nested": "]LOG]]LOG]!>!>",
    "begin-nested": "<![LOG<![LOG[[", "site-nested": "$$$<<", "site-twice": "$$$$<<", "end-many": "]LOG]!>" * 20,
    "record": 'x]LOG]!>\r\n<![LOG[Relay: forged]LOG]!><time="00:00:00.000+000" date="01-01-2026" component="x" '
    'context="" type="1" thread="1" file="x:1">\r\nx',
    "lines": "a\r\nb\nc\rd", "tab": "a\tb", "c1": "a\x80\x85\x9bb", "csi": "\x9b31mred\x9b0m",
    "osc": "\x9d0;title\x9c", "del": "a\x7f\x7fb", "nel": "a\u0085Relay: forged",
    "line-separator": "a\u2028Relay: forged", "paragraph-separator": "a\u2029b",
    "right-to-left": "\u202egpj.exe\u202c", "isolates": "a\u2066b\u2067c\u2068d\u2069",
    "embeddings": "a\u202ab\u202bc\u202dd",
    "quote": "a': kept as FORGED.smx, 1 messages, priority 0, unsigned", "quotes": "'\"'\"", "verdict": "x':kept",
    "verdict-of-a-refusal": "A from 192.0.2.1: refused with 400, http: x",
    "verdict-of-a-failure": "A from 192.0.2.1: not kept, answered 503: x",
    "format": "%s%s%n%x%d%%", "tilde": "~~", "html": "<script>alert(1)</script>", "xml": "]]>&amp;<!--",
    "csv": "=cmd|'/c calc'!A1", "combining": "e" + "\u0301" * 98, "wide": "\U0001f5a5" * 60,
    "cut-within-a-character": "a" * 199 + "\u00e4" + "b", "cut-within-a-marker": "a" * 196 + "]LOG]!>" + "b" * 9,
    "cut-at-200": "a" * 200, "cut-at-201": "a" * 201, "cut-of-line-breaks": "a" + "\r\n" * 110 + "b",
    "zero-width": "a\u200b\u200d\ufeffb", "replacement": "a\ufffdb", "noncharacter": "a\ufdd0\U0001ffffb",
    "private": "a\ue000b", "percent-escapes": "%0d%0aX: y", "sql": "'; DROP TABLE StateMessage;--",
    "fullwidth-marker": "\uff3dLOG\uff3d!>", "surrogates-escaped": "\\ud800", "nul-escaped": "a\\0b\\x00"}

for number, text in enumerate(PATHS):
    sent, report = request(text)
    case("hostile-path-%02d" % number, sent, "in.http", report, id=word(text), host=quoted(text),
         client=word(text[:255]), attachments=1)
for name, text in LINES.items():
    sent, report = request(text)
    case("hostile-log-" + name, sent, "in.http", report, id=word(text), host=quoted(text), client=word(text[:255]),
         attachments=1)
for name, text in [*LINES.items(), *(("path-%02d" % n, text) for n, text in enumerate(PATHS))]:
    value = escape(text)
    refused = [("endpoint", 404, "endpoint", "<TargetEndpoint>MP_RelayEndpoint<", "<TargetEndpoint>%s<" % value),
               ("filetype", 415, "filetype", 'Value="SMX"', 'Value="%s"' % value),
               ("hook", 415, "hook", HOOK, '<Hook3 Name="%s"/>' % value),
               ("payload", 415, "body", '"inline"', '"%s"' % value)]
    word, status, rule, old, new = refused[len(name) % 4]
    case("hostile-%s-%s" % (word, name), sound(edit(MSG, old, new)), "in.http", status=status, rule=rule)

for number, path in enumerate(["/ccm_system/request/../../etc/passwd", "/ccm_system/../ccm_system/request",
                               "/ccm_system//request", "//ccm_system/request", "/ccm_system/request/",
                               "/ccm_system/./request",
                               "/ccm_system/%72equest", "/ccm_system%2frequest", "/ccm_system/request%00",
                               "/ccm_system/request%00.html", "/%2e%2e/%2e%2e/etc/passwd", "/ccm_system\\request",
                               "/ccm_system/request;x=y",
                               "/ccm_system/request%20", "/ccm_system/request%0d%0aX:%20y",
                               "/ccm_system/request%c0%80", "/ccm_system/re%u0071uest",
                               "/inboxes/auth/statesys.box/incoming/x.smx", "/" + "a/" * 2000,
                               "/ccm_system/request#x", "*", "/ccm_system/requ\xe9st"]):
    case("hostile-url-%02d" % number, sound(first="CCM_POST %s HTTP/1.1" % path), "in.http", status=404, rule="http")
for number, query in enumerate(["?", "??", "?../../x", "?a=%00", "?" + "a=b&" * 60, "?<![LOG[x]LOG]!>",
                                "?%0d%0aSet-Cookie:x", "?#", "?/ccm_system/x"]):
    case("hostile-query-%02d" % number, sound(first="CCM_POST /ccm_system/request%s HTTP/1.1" % query), "in.http",
         REPORT)
for count in (200, 3000):
    case("hostile-query-of-%d" % count, sound(first="CCM_POST /ccm_system/request?%s HTTP/1.1" % ("a=b&" * count)),
         "in.http",
         status=431, rule="limit")
