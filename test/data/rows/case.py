"""How a case is said, and the sound report, message and request that a row changes in one thing."""
import gzip
import pathlib
import sys
import zlib
from collections import namedtuple

DATA = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(DATA.parent / "integration"))
import ccmpost  # noqa: E402  (independent of the relay's code)

CASES, SAMPLES = DATA / "cases", DATA / "samples"
Row = namedtuple("Row", "name kind content kept expect")    # kind: in.xml, in.body, in.http, as README.md says
rows = {}


def case(name, content, kind, kept=None, **expect):
    """`kept` is the text, or the bytes, that must come to lie behind FF FE; None: nothing may be kept."""
    assert name not in rows, name
    content = content if isinstance(content, bytes) else content.encode("utf-8")
    if kept is not None:
        kept = b"\xff\xfe" + (kept.encode("utf-16-le") if isinstance(kept, str) else kept)
        expect = {"status": 200, "queue": "incoming", "messages": 1, "priority": 5, **expect}
    rows[name] = Row(name, kind, content, kept, {key: str(value) for key, value in expect.items()})


def edit(text, old, new):
    assert text.count(old) == 1, (old, text.count(old))
    return text.replace(old, new)


def nested(levels):
    return "<X>" * levels + "</X>" * levels


# ---- a report (smx.md 6) ----------------------------------------------------------------------------------------

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
WIRE = REPORT.encode("utf-16-le")


# ---- a request (wire.md 1, 2) -----------------------------------------------------------------------------------

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


def zipped(content):
    return gzip.compress(content, mtime=0)


GOOD = parts(MSG, zlib.compress(NUL))
