"""The requests that are measured: one report of 2.7 KB, in the form that each server takes.

A request is cut in two where its identifier goes, so that load.lua can make each one different.
"""
import zlib
from collections import namedtuple

BOUNDARY = "aAbBcCdDv1234567890VxXyYzZ"
BODY_BYTES = 2700
CLIENT = "6F3C1E52-8A0B-4D7E-9C21-5B9A7D3E4F10"

Request = namedtuple("Request", "before after encoding")


def report_text(details=""):
    """Two state messages as a Windows client writes them."""
    message = (
        '<StateMessage MessageTime="20240120171855.573000+000" SerialNumber="%d">'
        '<Topic ID="505fda07-b4f3-45fb-83d9-8642554e2773" Type="500" IDType="3" User="" UserSID=""/>'
        '<State ID="2" Criticality="0"/>%s'
        '<UserParameters Flags="0" Count="1"><Param>200</Param></UserParameters></StateMessage>')
    return (
        '<?xml version="1.0" encoding="UTF-16"?>\r\n'
        "<Report><ReportHeader><Identification><Machine><ClientInstalled>1</ClientInstalled>"
        "<ClientType>1</ClientType><ClientID>GUID:6F3C1E52-8A0B-4D7E-9C21-5B9A7D3E4F10</ClientID>"
        "<ClientVersion>5.00.9040.1015</ClientVersion><NetBIOSName>PC1</NetBIOSName><CodePage>437</CodePage>"
        "<SystemDefaultLCID>1033</SystemDefaultLCID><Priority>5</Priority></Machine></Identification>"
        "<ReportDetails><ReportContent>State Message Data</ReportContent><ReportType>Full</ReportType>"
        "<Date>20240120194656.903000+000</Date><Version>1.0</Version><Format>1.0</Format></ReportDetails>"
        "</ReportHeader><ReportBody>%s%s</ReportBody></Report>\r\n"
        % (message % (101, details), message % (102, "")))


def report_bytes():
    """The report in UTF-16LE without a byte order mark, filled up to BODY_BYTES."""
    frame = '<StateDetails Type="2"><![CDATA[%s]]></StateDetails>'
    missing = BODY_BYTES // 2 - len(report_text(frame % ""))
    words = "The update was found to be required and waits for its maintenance window. "
    text = report_text(frame % (words * (missing // len(words) + 1))[:missing])
    return text.encode("utf-16-le")


def kept_bytes():
    """What every server must have on its disk afterwards."""
    return b"\xff\xfe" + report_bytes()


def head(method, path, port, content_type, length):
    return ("%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: ccmhttp\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
            % (method, path, port, content_type, length)).encode("ascii")


def clientauth(signature):
    return ('<Hook2 Name="clientauth"><Property Name="AuthSenderMachine">PC1</Property>'
            '<Property Name="PayloadSignature">%s</Property><Property Name="ClientCapabilities">NonSSL</Property>'
            '<Property Name="HashAlgorithm">1.2.840.113549.1.1.11</Property></Hook2>' % signature)


def envelope_text(body_length, identifier, hook):
    return (
        '<Msg SchemaVersion="1.1"><ID>{%s}</ID><SourceID>GUID:6F3C1E52-8A0B-4D7E-9C21-5B9A7D3E4F10</SourceID>'
        "<SourceHost>PC1</SourceHost><TargetAddress>mp:[http]MP_RelayEndpoint</TargetAddress>"
        "<ReplyTo>direct:PC1:StateMessage</ReplyTo><CorrelationID>{00000000-0000-0000-0000-000000000000}"
        "</CorrelationID><Priority>0</Priority><Timeout>600</Timeout><SentTime>2024-01-20T19:46:57Z</SentTime>"
        '<Body Type="ByteRange" Offset="0" Length="%d"/><Property Name="FileType" Value="SMX"/>'
        '<Hooks><Hook3 Name="zlib-compress"/>%s</Hooks><Payload Type="inline"/><TargetHost>127.0.0.1</TargetHost>'
        "<TargetEndpoint>MP_RelayEndpoint</TargetEndpoint><ReplyMode>Async</ReplyMode><Protocol>http</Protocol></Msg>"
        % (identifier, body_length, hook))


def ccm_post(port, identifier_length, sign=None):
    """The native client's form: the envelope, then the report as one zlib stream. The identifier ends the Msg ID.
    sign(stream) gives the digits of a signature."""
    body = report_bytes() + b"\0\0"
    stream = zlib.compress(body, 6)
    mark = "0E6D5B5C-6C0B-4A6E-9B57-"
    first, second = envelope_text(len(body), mark, clientauth(sign(stream)) if sign else "").split(mark)
    before = (b"--%s\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n\xff\xfe" % BOUNDARY.encode("ascii")
              + (first + mark).encode("utf-16-le"))
    after = (second.encode("utf-16-le")
             + b"\r\n--%s\r\ncontent-type: application/octet-stream\r\n\r\n" % BOUNDARY.encode("ascii")
             + stream + b"\r\n--%s--" % BOUNDARY.encode("ascii"))
    content_type = 'multipart/mixed; boundary="%s"' % BOUNDARY
    length = len(before) + 2 * identifier_length + len(after)
    start = head("CCM_POST", "/ccm_system/request", port, content_type, length)
    return Request(start + b"\r\n" + before, after, "utf16")


def plain_post(port, _identifier_length):
    body = kept_bytes()
    start = head("POST", "/ccm_system/request", port, "text/xml; charset=utf-16", len(body))
    return Request(start + b"X-Request-Id: ", b"\r\n\r\n" + body, "ascii")


def plain_post_of_many(port, identifier_length):
    """Each report of a client of its own: the identifier ends its GUID."""
    text = report_bytes().decode("utf-16-le").replace(CLIENT, CLIENT[:-identifier_length] + "@")
    first, second = (part.encode("utf-16-le") for part in text.split("@"))
    body_length = 2 + len(first) + 2 * identifier_length + len(second)
    start = head("POST", "/ccm_system/request", port, "text/xml; charset=utf-16", body_length)
    return Request(start + b"\r\n\xff\xfe" + first, second, "utf16")


def named(method, suffix):
    """For the peers, which take the file name from the path."""
    def request(port, _identifier_length):
        body = kept_bytes()
        start = head(method, "/reports/@", port, "application/octet-stream", len(body))
        before, after = start.split(b"@", 1)
        return Request(before, suffix + after + b"\r\n" + body, "ascii")
    return request
