"""What real senders do is loaded: encodings, forms of ClientID, bad dates, too much text (spec/smx.md 1, 6.1)."""
import wire
from reports import CLIENT, LONG_AGO, cim, key, message, report, smx

TEXT = report(message(1, topic="Stra\u00dfe"))
PLAIN = TEXT.partition("\r\n")[2].rstrip()              # without declaration
FORMS = {
    "UTF-16LE": b"\xff\xfe" + TEXT.encode("utf-16-le"), "UTF-16BE": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "no mark": TEXT.encode("utf-16-le"), "UTF-8": TEXT.encode(), "UTF-8 with mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "NULs": wire.smx(TEXT) + bytes(6), "no declaration": wire.smx(PLAIN),
    "line feeds": wire.smx(TEXT.replace("\r", "")),
    "UTF-8 without declaration": PLAIN.encode(), "blanks in front": wire.smx("\r\n  " + PLAIN),
    "pretty": wire.smx(TEXT.replace("><", ">\n    <")),
    "Latin 1 declared": TEXT.replace("UTF-16", "ISO-8859-1").encode(),
}
IDS = [CLIENT, CLIENT.lower().replace("guid", "GUID"), CLIENT.replace("GUID:", "GUID: "), "  %s\r\n" % CLIENT]


def test_every_encoding(statesys):
    for name, content in FORMS.items():
        statesys.put(name + ".smx", content)
    statesys.wait_until_loaded()
    assert statesys.files("corrupt", "retry") == []
    names = {name.removesuffix(".smx") for name, in statesys.of(CLIENT, "FileName", "SR_ProcessedFiles")}
    assert names == set(FORMS)
    assert statesys.of(CLIENT, "TopicID, StateID", "SR_States") == [("Stra\u00dfe", 2)]


def test_one_client_however_it_writes_its_name(statesys):
    for serial, client in enumerate(IDS, 1):
        statesys.load(smx(serial, client=client))
    assert statesys.ask("SELECT SMSID FROM SR_Clients WHERE NetBIOSName = 'CLIENT1'") == [(key(CLIENT),)]
    assert statesys.of(CLIENT, "HighSerialNumber, MessagesProcessed", "SR_ClientMessageStats") == [(4, 4)]


def test_a_bad_date_makes_nothing_bad(statesys):
    for serial, date in enumerate(["", "never", "20261301000000.000000+000", "20140120171855.573000"], 1):
        text = report(message(serial)).replace('MessageTime="%s"' % cim(LONG_AGO), 'MessageTime="%s"' % date)
        statesys.load(wire.smx(text), wire.smx(text.replace("<Date>" + cim(LONG_AGO), "<Date>" + date)))
    assert statesys.of(CLIENT, "SerialNumber, StateID", "SR_States") == [(1, 2), (2, 2), (3, 2), (4, 2)]
    assert statesys.files("corrupt") == [] and not statesys.said_lines("record is invalid")


def test_too_long_text_is_cut_and_kept_in_the_file(statesys):
    """The same on both databases, in characters."""
    long = "\u00e4" * 5000
    statesys.load(wire.smx(report(message(1, topic=long, params=(long,) + ("x",) * 11), name=long)))
    (topic, param, count), = statesys.of(CLIENT, "TopicID, P1, ParamCount", "SR_States")
    assert (topic, param, count) == (long[:512], long[:4000], 12)
    assert statesys.of(CLIENT, "NetBIOSName", "SR_States") == [(long[:256],)]
    assert statesys.files("corrupt") == []


def test_numbers_beyond_the_columns(statesys):
    """Of what a state is, they make the record invalid; else they are not known."""
    wide = [message(1, kind=2 ** 31), message(2, state=2 ** 63), message(2 ** 63), message(5, kind=-1)]
    fit = [message(3, kind=2 ** 31 - 1), message(4, state=2 ** 32 - 1)]
    text = report(*wide, *fit).replace("<CodePage>437", "<CodePage>99999999999")
    text = text.replace('IDType="3"', 'IDType="9999999999"')
    statesys.put("wide.smx", wire.smx(text))
    statesys.wait_until_loaded()
    assert statesys.of(CLIENT, "SerialNumber, TopicType, StateID, TopicIDType, CodePage", "SR_States") == [
        (3, 2 ** 31 - 1, 2, None, None), (4, 500, 2 ** 32 - 1, None, None)]
    assert statesys.of(CLIENT, "Records, InvalidRecords", "SR_ProcessedFiles") == [(6, 4)]
    assert len(statesys.wait_for_line("WARNING: file wide.smx, message [1-4]: .*, record is invalid$", 4)) == 4
