"""Numbers and dates that overflow, lie or are none (smx.md 4, 6)."""
from .case import PRIORITY, REPORT, case, edit

NO_NUMBERS = [
    ("empty", ""), ("blank", " "), ("minus-one", "-1"), ("minus-zero", "-0"), ("plus", "+1"), ("hex", "0x10"),
    ("hex-digits", "FF"),
    ("point", "1.0"), ("exponent", "1e3"), ("comma", "1,000"), ("apostrophe", "1'000"), ("underscore", "1_0"),
    ("two", "1 2"),
    ("arabic", "\u0663"), ("full-width", "\uff12"), ("roman", "\u2167"), ("superscript", "2\u00b2"),
    ("nbsp", "2\u00a0"),
    ("zero-width", "\u200b2"), ("nan", "NaN"), ("infinity", "Infinity"), ("true", "true"), ("null", "null"),
    ("sql", "1;--"),
    ("expression", "1+1"), ("minus-2-63", "-9223372036854775808"), ("minus-2-63-and-one", "-9223372036854775809")]
TOO_LARGE = [("2-32", str(2**32)), ("2-63", str(2**63)), ("2-64-less-one", str(2**64 - 1)), ("2-64", str(2**64)),
             ("2-64-and-5", str(2**64 + 5)),
             ("2-128", str(2**128)), ("nines", "9" * 400)]
GOOD = [("zero", "0"), ("2-31", str(2**31)), ("2-32-less-one", str(2**32 - 1)), ("zeros", "0" * 300 + "7"),
        ("blanks", " \t7\r\n")]

for name, value in NO_NUMBERS + TOO_LARGE:
    for field, old in (("type", 'Type="500"'), ("state", 'State ID="2"')):
        text = edit(REPORT, old, old.split('"')[0] + '"%s"' % value)
        case("hostile-number-%s-%s" % (field, name), text, "in.xml", status=400, rule="report")
    if value.strip():
        text = edit(REPORT, 'SerialNumber="7"', 'SerialNumber="%s"' % value)
        if value.isascii() and value.isdigit() and int(value) < 2**64:
            case("hostile-number-serial-" + name, text, "in.xml", text)
        else:
            case("hostile-number-serial-" + name, text, "in.xml", status=400, rule="report")
for name, value in GOOD:
    for field, old in (("type", 'Type="500"'), ("state", 'State ID="2"'), ("serial", 'SerialNumber="7"')):
        text = edit(REPORT, old, old.split('"')[0] + '"%s"' % value)
        case("hostile-number-kept-%s-%s" % (field, name), text, "in.xml", text)

# What is no number is 5; what is above all numbers is low, and told as the largest one that we have.
for name, value in NO_NUMBERS:
    text = edit(REPORT, PRIORITY, "<Priority>%s</Priority>" % value)
    expect = {"queue": "incoming/high", "priority": 0} if name == "minus-zero" else {}
    case("hostile-number-priority-" + name, text, "in.xml", text, **expect)
for name, value in TOO_LARGE + [("2-31", str(2**31))]:
    text = edit(REPORT, PRIORITY, "<Priority>%s</Priority>" % value)
    case("hostile-number-priority-" + name, text, "in.xml", text, queue="incoming/low", priority=2**31 - 1)
for name, old, value in [("count-negative", 'Count="1"', 'Count="-1"'),
                         ("count-overflows", 'Count="1"', 'Count="%d"' % 2**64),
                         ("flags-a-word", 'Flags="0"', 'Flags="x"'),
                         ("id-type-overflows", 'IDType="3"', 'IDType="%d"' % 2**64),
                         ("criticality-negative", 'Criticality="0"', 'Criticality="-%d"' % 2**63),
                         ("code-page-a-word", "<CodePage>437<", "<CodePage>x<"), ("lcid-overflows", "1033", "9" * 50),
                         ("client-type-negative", "<ClientType>1<", "<ClientType>-1<")]:
    text = edit(REPORT, old, value)
    case("hostile-number-shrugged-off-" + name, text, "in.xml", text)

# A bad date makes no message bad.
for name, date in [("month-0", "20260002030405.000000+000"), ("month-13", "20261302030405.000000+000"),
                   ("day-0", "20260100030405.000000+000"),
                   ("31-february", "20260231030405.000000+000"), ("29-february", "20250229030405.000000+000"),
                   ("year-0", "00000102030405.000000+000"),
                   ("year-9999", "99991231235959.999999+999"), ("year-10000", "100000102030405.000000+000"),
                   ("hour-24", "20260102240000.000000+000"),
                   ("second-60", "20261231235960.000000+000"), ("offset-999", "20260102030405.000000-999"),
                   ("offset-short", "20260102030405.000000+00"),
                   ("sign-absent", "20260102030405.000000 000"), ("iso", "2026-01-02T03:04:05Z"), ("empty", ""),
                   ("stars", "**************.******+***"),
                   ("arabic", "\u0662\u0660260102030405.000000+000"), ("minus", "-0260102030405.000000+000"),
                   ("of-5000", "2" * 5000),
                   ("markup", "&lt;![CDATA[20260102]]&gt;"), ("before-1970", "19000101000000.000000+000"),
                   ("quotes", "&quot;20260102&quot;")]:
    text = REPORT.replace("20260102030405.000000+000", date).replace("20260102030401.000000+000", date)
    case("hostile-date-" + name, text, "in.xml", text)
