"""Reads log lines as CMTrace does, independent of log.c: the CCM format and the site server format."""
import re
from collections import namedtuple

Record = namedtuple("Record", "text time date component context type thread file")

CCM = re.compile(
    r'<!\[LOG\[(.*?)\]LOG\]!>'
    r'<time="(\d\d:\d\d:\d\d\.\d{3}(?:\+\d{3,}|-\d+))" date="(\d\d-\d\d-\d{4})" component="([^"]{1,100})" '
    r'context="([^"]*)" type="([0-3])" thread="(\d+)" file="([^"]{0,100})">\r\n', re.S)
SITE = re.compile(
    r'([^\r\n]*)  \$\$<([^>]{1,100})><(\d\d-\d\d-\d{4}) (\d\d:\d\d:\d\d\.\d{3}(?:\+\d{3,}|-\d+))>'
    r'<thread=(\d+) \(0x([0-9A-F]+)\)>\r\n')

LONGEST_LINE = 7900


def parse(data):
    """(records, bytes used). What is not yet a whole record stays unused; a byte between records is an error."""
    text = data.decode("utf-8")
    records, at = [], 0
    while at < len(text):
        found = CCM.match(text, at)
        if not found:
            if not text.startswith("<![LOG["[:len(text) - at], at):
                raise ValueError("no record at %r" % text[at:at + 200])
            break
        value, time, date, component, context, kind, thread, file = found.groups()
        records.append(Record(value, time, date, component, context, int(kind), int(thread), file))
        at = found.end()
    return records, len(text[:at].encode("utf-8"))


def parse_site(data):
    records, at = [], 0
    text = data.decode("utf-8")
    while at < len(text):
        found = SITE.match(text, at)
        if not found:
            raise ValueError("no record at %r" % text[at:at + 200])
        value, component, date, time, thread, hexadecimal = found.groups()
        if int(thread) != int(hexadecimal, 16):
            raise ValueError("two thread numbers: %s, 0x%s" % (thread, hexadecimal))
        records.append(Record(value, time, date, component, "", None, int(thread), ""))
        at = found.end()
    return records


VERDICT = re.compile(
    r"Relay: Message (?P<id>[^ ]+) from (?P<address>\S+)"
    r"(?:: refused with (?P<refused>\d+)(?P<disguised> \(as 200\))?, (?P<rule>[a-z]+): (?P<why>.+)"
    r"|: not kept, answered (?P<failed>\d+): (?P<failure>.+)"
    r"| host '(?P<agent>[^']*)': registration of (?P<registered>GUID:[0-9A-F-]{36}): (?P<decision>[^,]+), "
    r"key (?P<key>[0-9a-f]{64})"
    r"| client (?P<client>[^ ]+) host '(?P<host>[^']*)': (?:kept as (?P<file>\S+), (?P<messages>\d+) messages, "
    r"priority (?P<priority>-?\d+), (?P<trust>unsigned|signed|unknown key|vouched for|signature not checked)"
    r"|(?P<repeated>already kept, not stored again)))", re.S)


def verdict(record):
    """The parts of a verdict line as a dictionary, or None where the record is another line."""
    found = VERDICT.fullmatch(record.text)
    return found and found.groupdict()
