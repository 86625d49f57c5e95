"""Reports written message by message, in the order of sample A; shares no code with what reads them."""
import datetime
from xml.sax.saxutils import escape, quoteattr

import wire

CLIENT = "GUID:9B2A6A3C-3C51-4E0B-9B7A-0D6A4F7C1E77"
MINUTE, HOUR, DAY = 60, 3600, 86400
LONG_AGO = 1577836800                           # 2020-01-01, seconds since 1970


def client(number):
    return "GUID:9B2A6A3C-3C51-4E0B-9B7A-%012X" % number


def key(client):
    """How SR_Clients.SMSID has it."""
    return client.removeprefix("GUID:").strip().upper()


def cim(seconds):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).strftime("%Y%m%d%H%M%S.%f+000")


def message(serial=None, topic=None, kind=500, state=2, time=LONG_AGO, params=("200",)):
    """`topic` is one of its own for each serial unless given."""
    topic = topic or "topic %s" % serial
    return ('<StateMessage MessageTime="%s"%s><Topic ID=%s Type="%s" IDType="3" User="" UserSID=""/>'
            '<State ID="%s" Criticality="0"/><UserParameters Flags="0" Count="%d">%s</UserParameters></StateMessage>'
            % (cim(time), "" if serial is None else ' SerialNumber="%d"' % serial, quoteattr(topic), kind, state,
               len(params), "".join("<Param>%s</Param>" % escape(param) for param in params)))


def report(*messages, client=CLIENT, date=LONG_AGO, priority=5, installed=1, name="CLIENT1"):
    return ('<?xml version="1.0" encoding="UTF-16"?>\r\n'
            "<Report><ReportHeader><Identification><Machine><ClientInstalled>%d</ClientInstalled>"
            "<ClientType>1</ClientType><ClientID>%s</ClientID><ClientVersion>5.00.9000.1000</ClientVersion>"
            "<NetBIOSName>%s</NetBIOSName><CodePage>437</CodePage><SystemDefaultLCID>1033</SystemDefaultLCID>"
            "<Priority>%d</Priority></Machine></Identification><ReportDetails><ReportContent>State Message Data"
            "</ReportContent><ReportType>Full</ReportType><Date>%s</Date><Version>1.0</Version><Format>1.0</Format>"
            "</ReportDetails></ReportHeader><ReportBody>%s</ReportBody></Report>\r\n"
            % (installed, escape(client), escape(name), priority, cim(date), "".join(messages)))


def smx(*serials, **settings):
    """The bytes of a file that holds a message for each of these serial numbers."""
    return wire.smx(report(*map(message, serials), **settings))
