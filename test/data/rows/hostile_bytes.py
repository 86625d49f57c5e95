"""Reports whose bytes are not what they claim (smx.md 1): encodings that lie, surrogates, foreign bytes."""
from .case import PARAM, REPORT, TOPIC, WIRE, case, edit

NAME, END = "CLIENT1", "</Report>\r\n"
MARKS = {"utf-8": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


def kept(name, body, text=REPORT):
    case("hostile-bytes-" + name, body, "in.body", text)


def refused(name, body, rule="report"):
    case("hostile-bytes-" + name, body, "in.body", status=400, rule=rule)


def put(old, raw, encoding="utf-8"):
    """The report with raw bytes in the place of a text."""
    return edit(REPORT, old, "\u263a").encode(encoding).replace("\u263a".encode(encoding), raw)


# ---- the declaration against the bytes: the bytes are right, and the file says so unless it was UTF-16LE already ----

DECLARED = ["UTF-8", "UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-7", "ISO-8859-1", "ISO-8859-15", "windows-1252",
            "US-ASCII",
            "GB18030", "Shift_JIS", "EBCDIC-CP-US", "ISO-10646-UCS-4", "nonsense"]
for declared in DECLARED:
    text = edit(REPORT, "UTF-16", declared)
    kept("utf-8-declared-" + declared.lower(), text.encode())
    kept("utf-16le-declared-" + declared.lower(), b"\xff\xfe" + text.encode("utf-16-le"), text)
for declared in ("UTF-8", "UTF-16LE", "UTF-32", "ISO-8859-1"):
    text = edit(REPORT, "UTF-16", declared)
    kept("utf-8-bom-declared-" + declared.lower(), b"\xef\xbb\xbf" + text.encode())
    kept("utf-16be-declared-" + declared.lower(), b"\xfe\xff" + text.encode("utf-16-be"))
    kept("utf-16be-without-bom-declared-" + declared.lower(), text.encode("utf-16-be"))
for name, declaration, becomes in [
        ("single-quotes", "<?xml version='1.0' encoding='UTF-8'?>", "<?xml version='1.0' encoding='UTF-16'?>"),
        ("blanks", '<?xml  version = "1.0"\tencoding\n=\n"UTF-8" ?>',
         '<?xml  version = "1.0"\tencoding\n=\n"UTF-16" ?>'),
        ("far-behind", '<?xml version="1.0"%sencoding="UTF-8"?>' % (" " * 300),
         '<?xml version="1.0"%sencoding="UTF-16"?>' % (" " * 300)),
        ("very-far-behind", '<?xml version="1.0"%sencoding="UTF-8"?>' % ("\n" * 20000),
         '<?xml version="1.0"%sencoding="UTF-16"?>' % ("\n" * 20000)),
        ("standalone", '<?xml version="1.0" encoding="x" standalone="no"?>',
         '<?xml version="1.0" encoding="UTF-16" standalone="no"?>'),
        ("without-encoding", '<?xml version="1.0"?>', '<?xml version="1.0"?>'),
        ("long-name", '<?xml version="1.0" encoding="%s"?>' % ("x" * 400), '<?xml version="1.0" encoding="UTF-16"?>'),
        ("only-in-a-comment", '<!-- <?xml version="1.0" encoding="UTF-8"?> -->',
         '<!-- <?xml version="1.0" encoding="UTF-8"?> -->')]:
    rest = REPORT[REPORT.index("?>") + 2:]
    kept("declaration-" + name, (declaration + rest).encode(), becomes + rest)
for name in ("", " ", "1", "-", "UTF_8;", "a b", "\u00fc"):
    refused("declaration-named-%s" % (name.encode().hex() or "nothing"), edit(REPORT, "UTF-16", name).encode())

# ---- the mark against the bytes ----

for mark, bom in MARKS.items():
    for actual in MARKS:
        raw = REPORT.encode(actual)
        if mark != actual:
            odd = mark != "utf-8" and len(raw) % 2 != 0 and raw[-1:] != b"\0"
            refused("mark-%s-before-%s" % (mark, actual), bom + raw, "body" if odd else "report")
    refused("mark-%s-twice" % mark, bom + bom + REPORT.encode(mark))
    refused("mark-%s-alone" % mark, bom, "body")
    refused("mark-%s-and-blanks" % mark, bom + " \r\n".encode(mark), "report")
    refused("mark-%s-and-nuls" % mark, bom + b"\0" * 8, "body")
    refused("mark-%s-behind-the-declaration" % mark, edit(REPORT, "?>\r\n", "?>\ufeff\r\n").encode(mark), "report")
    refused("mark-%s-behind-the-root" % mark, edit(REPORT, END, END + "\ufeff").encode(mark), "report")
for name, raw in (("one-nul", b"\0"), ("nuls", b"\0" * 64), ("two-nuls", b"\0\0")):
    refused(name, raw, "body")
for name, raw in (("one-lt", b"<"), ("blanks", b" \t\r\n"), ("half-a-mark", b"\xef\xbb"), ("ff", b"\xff"),
                  ("lt-nul", b"<\0")):
    refused(name, raw)

# ---- encodings that nobody may guess ----

UMLAUT = edit(REPORT, NAME, "K\u00dcCHE\u20ac\u4e2d")
for encoding in ("utf-32", "utf-32-le", "utf-32-be", "cp037", "cp500", "cp1140", "gb18030", "big5hkscs"):
    raw = UMLAUT.replace("\u20ac", "").encode(encoding, "ignore")
    refused("really-" + encoding, raw)
for encoding in ("latin-1", "iso-8859-15", "cp1252", "cp437", "cp850", "koi8-r", "cp1251", "mac-roman", "shift_jis",
                 "euc-jp", "euc-kr",
                 "gbk", "big5", "iso2022_jp", "tis-620"):
    sample = {"koi8-r": "\u041a\u0443\u0445\u043d\u044f", "cp1251": "\u041a\u0443\u0445\u043d\u044f",
              "shift_jis": "\u53f0\u6240",
              "euc-jp": "\u53f0\u6240", "euc-kr": "\ubd80\uc5cc", "gbk": "\u53a8\u623f", "big5": "\u5eda\u623f",
              "tis-620": "\u0e04\u0e23\u0e31\u0e27",
              "iso2022_jp": "\u53f0\u6240"}.get(encoding, "K\u00dcCHE")
    refused("really-" + encoding.replace("_", "-"),
            edit(edit(REPORT, "UTF-16", encoding), NAME, sample).encode(encoding))
for name, word in (("utf-7", "K+ANw-CHE"), ("utf-7-of-markup", "+ADw-Topic/+AD4-"), ("hz", "~{VPND~}"),
                   ("punycode", "xn--kche-0ra")):
    kept("ascii-that-is-%s-stays-ascii" % name, edit(edit(REPORT, "UTF-16", "UTF-8"), NAME, word).encode(),
         edit(REPORT, NAME, word))
refused("utf-7-of-the-whole", b"+ADw-Report+AD4-")
refused("utf-16-of-utf-16", bytes(b for c in WIRE for b in (c, 0)))
refused("bytes-swapped-in-the-middle", WIRE[:400] + bytes(WIRE[i ^ 1] for i in range(400, 800)) + WIRE[800:])
refused("one-byte-lost", WIRE[:401] + WIRE[402:])
refused("one-byte-lost-and-the-last", WIRE[:401] + WIRE[402:-1], "report")
refused("one-byte-more", WIRE[:401] + b"\0" + WIRE[401:] + b"\0")
refused("utf-8-within-utf-16", WIRE[:400] + REPORT.encode()[200:600] + WIRE[1200:])

# ---- UTF-8 that is none ----

SEQUENCES = {
    "overlong-nul": b"\xc0\x80", "overlong-slash": b"\xc0\xaf", "overlong-lt": b"\xc0\xbc",
    "overlong-2-last": b"\xc1\xbf",
    "overlong-nul-of-3": b"\xe0\x80\x80", "overlong-slash-of-3": b"\xe0\x80\xaf", "overlong-3-last": b"\xe0\x9f\xbf",
    "overlong-slash-of-4": b"\xf0\x80\x80\xaf", "overlong-4-last": b"\xf0\x8f\xbf\xbf",
    "overlong-slash-of-5": b"\xf8\x80\x80\x80\xaf",
    "overlong-slash-of-6": b"\xfc\x80\x80\x80\x80\xaf", "five-bytes": b"\xf8\x88\x80\x80\x80",
    "six-bytes": b"\xfc\x84\x80\x80\x80\x80",
    "fe": b"\xfe", "ff": b"\xff", "f5": b"\xf5\x80\x80\x80", "beyond-unicode": b"\xf4\x90\x80\x80",
    "continuation": b"\x80",
    "continuations": b"\xbf" * 8, "lead-alone": b"\xc3", "lead-twice": b"\xc3\xc3\xbc", "three-cut-off": b"\xe4\xb8",
    "four-cut-off": b"\xf0\x9f\x96",
    "high-surrogate": b"\xed\xa0\x80", "low-surrogate": b"\xed\xbf\xbf", "cesu-8": b"\xed\xa0\xbd\xed\xb6\xa5",
    "fffe": b"\xef\xbf\xbe",
    "ffff": b"\xef\xbf\xbf"}
for name, raw in SEQUENCES.items():
    refused("utf-8-%s-in-text" % name, put(NAME, b"a" + raw + b"b"))
    refused("utf-8-%s-in-attribute" % name, put("505fda07", raw))
    refused("utf-8-%s-at-the-end" % name, REPORT.encode() + raw)
for name, raw in (("first-of-2", b"\xc2\x80"), ("last-of-2", b"\xdf\xbf"), ("first-of-3", b"\xe0\xa0\x80"),
                  ("before-surrogates", b"\xed\x9f\xbf"),
                  ("behind-surrogates", b"\xee\x80\x80"), ("replacement", b"\xef\xbf\xbd"),
                  ("first-of-4", b"\xf0\x90\x80\x80"),
                  ("last", b"\xf4\x8f\xbf\xbf")):
    kept("utf-8-kept-" + name, put(NAME, raw), edit(REPORT, NAME, raw.decode()))

# ---- UTF-16 that is none ----

UNITS = {"high": "\ud800", "low": "\udc00", "reversed": "\udc00\ud800", "high-twice": "\ud800\ud800\udc00",
         "low-twice": "\ud83d\udda5\udda5",
         "high-before-ascii": "\udbffA"}
PLACES = {"text": (NAME, "%s"), "attribute": ("505fda07", "%s"), "comment": (TOPIC, "<!--%s-->" + TOPIC),
          "name": (PARAM, "<a%s/>"),
          "end": (END, END + "%s"), "start": ("<?xml ", "%s<?xml ")}
for unit, text in UNITS.items():
    for place, (old, new) in PLACES.items():
        body = edit(REPORT, old, new % text).encode("utf-16-le", "surrogatepass")
        refused("surrogate-%s-in-%s" % (unit, place), b"\xff\xfe" + body)
    body = edit(REPORT, NAME, text).encode("utf-16-be", "surrogatepass")
    refused("surrogate-%s-big-endian" % unit, b"\xfe\xff" + body)
refused("surrogate-high-before-the-nul", WIRE + b"\x3d\xd8\0\0")
refused("surrogate-cut-off-by-one-byte", WIRE + b"\x3d\xd8\xa5\0")
for name, text in (("first-pair", "\U00010000"), ("last-pair", "\U0010ffff"), ("pairs", "\U0001f5a5" * 100)):
    kept("surrogates-" + name, edit(REPORT, NAME, text).encode("utf-16-le"), edit(REPORT, NAME, text))
for name, old, new in (("text", NAME, "a\0b"), ("attribute", "505fda07", "\0"), ("tag", "<Topic ", "<Topic\0"),
                       ("name", PARAM, "<a\0b/>"),
                       ("comment", TOPIC, "<!--\0-->" + TOPIC), ("cdata", NAME, "<![CDATA[\0]]>"),
                       ("declaration", "UTF-16", "UTF\0-16"),
                       ("between", TOPIC, "\0" + TOPIC), ("end-tag", "</Machine>", "</Machine\0>"),
                       ("instruction", TOPIC, "<?a \0?>" + TOPIC)):
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        refused("nul-in-%s-of-%s" % (name, encoding), MARKS[encoding] + edit(REPORT, old, new).encode(encoding))
for encoding in MARKS:
    refused("nul-and-more-%s" % encoding, MARKS[encoding] + (REPORT + "\0x\0").encode(encoding))
    kept("nuls-and-blanks-%s" % encoding, MARKS[encoding] + (REPORT + "\0 \0\r\n\0\0").encode(encoding))
