"""Reports in hostile XML (smx.md 6): what no parser may follow, expand or guess, and what is odd but sound."""
from .case import BODY, CLIENT_ID, DECLARATION, MACHINE, MESSAGE, PARAM, REPORT, STATE, TOPIC, case, edit, nested


def rows(family, kept=False, status=400, rule="report"):
    """Rows of (name, old, new) of a family that share their end."""
    def write(*table):
        for name, old, new in table:
            text = edit(REPORT, old, new)
            if kept:
                case("hostile-%s-%s" % (family, name), text, "in.xml", text)
            else:
                case("hostile-%s-%s" % (family, name), text, "in.xml", status=status, rule=rule)
    return write


NAME, ROOT, END = "CLIENT1", "<Report>", "</Report>\r\n"
LAUGHS = '<!ENTITY a0 "ha">' + "".join('<!ENTITY a%d "%s">' % (n, ("&a%d;" % (n - 1)) * 10) for n in range(1, 10))

# ---- a DTD in every spelling and every place: refused before anything in it is looked at ----

DTDS = [
    ("lower-case", "<!doctype Report>"), ("mixed-case", "<!DocType Report>"), ("nameless", "<!DOCTYPE>"),
    ("blank-inside", "<! DOCTYPE Report>"), ("line-break", "<!DOCTYPE\r\nReport\r\n>"),
    ("subset-empty", "<!DOCTYPE Report []>"),
    ("of-html", "<!DOCTYPE html>"), ("public", '<!DOCTYPE Report PUBLIC "-//X//EN" "http://127.0.0.1:9/x.dtd">'),
    ("http", '<!DOCTYPE Report SYSTEM "http://127.0.0.1:9/x.dtd">'),
    ("ftp", '<!DOCTYPE Report SYSTEM "ftp://127.0.0.1/x">'),
    ("relative", '<!DOCTYPE Report SYSTEM "../../x.dtd">'), ("unc", r'<!DOCTYPE Report SYSTEM "\\127.0.0.1\c$\x.dtd">'),
    ("php", '<!DOCTYPE Report SYSTEM "php://filter/read=convert.base64-encode/resource=/etc/passwd">'),
    ("device", '<!DOCTYPE Report SYSTEM "file:///dev/random">'), ("unfinished", "<!DOCTYPE Report ["),
    ("entity-external", '<!DOCTYPE Report [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
    ("entity-unparsed", '<!DOCTYPE Report [<!NOTATION n SYSTEM "x"><!ENTITY a SYSTEM "x" NDATA n>]>'),
    ("entity-parameter", '<!DOCTYPE Report [<!ENTITY % a "<!ENTITY b \'c\'>"> %a;]>'),
    ("entity-parameter-external", '<!DOCTYPE Report [<!ENTITY % a SYSTEM "http://127.0.0.1:9/a"> %a;]>'),
    ("entity-of-itself", '<!DOCTYPE Report [<!ENTITY a "&b;"><!ENTITY b "&a;">]>'),
    ("entity-quadratic", '<!DOCTYPE Report [<!ENTITY a "%s">]>' % ("x" * 5000)),
    ("entity-redefines-lt", '<!DOCTYPE Report [<!ENTITY lt "&#38;#60;">]>'),
    ("laughs", "<!DOCTYPE Report [%s]>" % LAUGHS), ("element", "<!DOCTYPE Report [<!ELEMENT Report ANY>]>"),
    ("attribute-default", '<!DOCTYPE Report [<!ATTLIST Topic Type CDATA "500">]>'),
    ("attribute-id", "<!DOCTYPE Report [<!ATTLIST Topic ID ID #REQUIRED>]>"),
    ("notation", '<!DOCTYPE Report [<!NOTATION n SYSTEM "cmd.exe">]>'),
    ("conditional", "<!DOCTYPE Report [<![INCLUDE[<!ELEMENT Report ANY>]]>]>"),
    ("behind-comment", "<!-- --><!DOCTYPE Report>"), ("behind-instruction", "<?a b?><!DOCTYPE Report>"),
    ("twice", "<!DOCTYPE Report><!DOCTYPE Report>"), ("with-comment-inside", "<!DOCTYPE Report [<!-- ]> -->]>"),
    ("without-doctype", '<!ENTITY a "b">'), ("element-alone", "<!ELEMENT Report ANY>"),
    ("include-alone", "<![INCLUDE[x]]>")]
rows("dtd")(*((name, ROOT, dtd + ROOT) for name, dtd in DTDS))
rows("dtd")(("inside-the-root", ROOT, ROOT + "<!DOCTYPE Report>"), ("behind-the-root", END, END + "<!DOCTYPE Report>"),
            ("in-text", NAME, "<!DOCTYPE Report>"),
            ("before-the-declaration", DECLARATION, "<!DOCTYPE Report>" + DECLARATION))
for name, dtd in (("doctype", "<!DOCTYPE Report>"), ("parameter", dict(DTDS)["entity-parameter"]),
                  ("laughs", dict(DTDS)["laughs"])):
    text = edit(edit(REPORT, ROOT, dtd + ROOT), NAME, "&a9;")
    for encoding, bom in (("utf-16-be", b"\xfe\xff"), ("utf-16-be", b""), ("utf-16-le", b"\xff\xfe"),
                          ("utf-8", b"\xef\xbb\xbf")):
        case("hostile-dtd-%s-%s%s" % (name, encoding, "-bom" if bom else ""), bom + text.encode(encoding), "in.body",
             status=400, rule="report")

# ---- references, in text and in an attribute ----

BAD_REFERENCES = [
    ("undefined", "&a;"), ("alone", "&"), ("twice", "&&"), ("empty", "&;"), ("number-empty", "&#;"),
    ("hex-empty", "&#x;"),
    ("nul", "&#0;"), ("nul-hex", "&#x0;"), ("bell", "&#7;"), ("escape", "&#27;"), ("unit-separator", "&#x1F;"),
    ("low-surrogate", "&#xDFFF;"), ("surrogate-pair", "&#xD83D;&#xDDA5;"), ("fffe", "&#xFFFE;"), ("ffff", "&#65535;"),
    ("beyond-unicode", "&#x110000;"), ("32-bits", "&#4294967361;"), ("33-bits-hex", "&#x100000041;"),
    ("64-bits", "&#18446744073709551681;"), ("negative", "&#-65;"), ("signed", "&#+65;"), ("blank", "&# 65;"),
    ("unfinished", "&#65"), ("no-digits", "&#xG1;"), ("capital-x", "&#X41;"), ("decimal-letters", "&#4A;"),
    ("arabic-digits", "&#\u0666\u0665;"), ("capital-lt", "&LT;"), ("parameter", "%a;&a;"), ("html", "&copy;"),
    ("recursive", "&amp;#&lt"), ("nested", "&am&amp;p;")]
rows("reference-in-text")(*((name, NAME, text) for name, text in BAD_REFERENCES))
rows("reference-in-attribute")(*((name, "505fda07", text) for name, text in BAD_REFERENCES))
rows("reference-in-text")(("a-hundred-zeros", NAME, "&#%s65;" % ("0" * 100)))       # well-formed, and of no use
GOOD_REFERENCES = [
    ("last-character", "&#x10FFFF;"), ("private", "&#xE000;"), ("white-space", "&#9;&#10;&#13;&#32;"),
    ("noncharacters", "&#xFDD0;&#x1FFFE;"), ("zeros", "&#0000000000065;"),
    ("twice-escaped", "&amp;lt;&amp;#0;&amp;amp;"),
    ("c1-control", "&#x9B;&#x85;"), ("direction", "&#x202E;&#x2066;"), ("log-marker", "&#93;LOG&#93;!&gt;")]
rows("reference-kept-in-text", kept=True)(*((name, NAME, text) for name, text in GOOD_REFERENCES))
rows("reference-kept-in-attribute", kept=True)(*((name, "505fda07", text) for name, text in GOOD_REFERENCES))

# ---- characters that XML 1.0 does not have, raw ----

for code in [n for n in range(1, 0x20) if n not in (1, 9, 10, 13)] + [0xFFFE]:
    rows("character")(("%04x-in-text" % code, NAME, "a%cb" % code))
for where, old, new in (("attribute", "505fda07", "%s"), ("comment", TOPIC, "<!-- %s -->" + TOPIC),
                        ("tag", "<Topic ", "<Topic%s "),
                        ("cdata", NAME, "<![CDATA[%s]]>"), ("instruction", TOPIC, "<?a %s?>" + TOPIC),
                        ("name", TOPIC, "<a%sb/>" + TOPIC), ("front", DECLARATION, "%s" + DECLARATION),
                        ("end", END, END + "%s")):
    rows("character")(*(("%04x-in-%s" % (ord(c), where), old, new % c) for c in "\x01\x1b\ufffe\uffff"))
rows("character-kept", kept=True)(
    ("noncharacters", NAME, "\ufdd0\ufdef\U0001fffe\U0010ffff"), ("c1", NAME, "a\x80\x85\x9b\x9fb"),
    ("del", NAME, "a\x7fb"),
    ("bom-in-the-middle", NAME, "a\ufeffb"), ("bom-before-the-end-tag", "</Report>", "\ufeff</Report>"),
    ("separators", NAME, "a\u2028b\u2029c"), ("direction", NAME, "\u202eabc\u202c\u2066\u2069"),
    ("combining", NAME, "a" + "\u0301" * 500), ("zero-width", NAME, "\u200b\u200d\u2060"),
    ("private", NAME, "\ue000\U000f0000"))

# ---- sections: comments, CDATA, instructions, the declaration ----

rows("section")(
    ("comment-double-hyphen", TOPIC, "<!-- a -- b -->" + TOPIC),
    ("comment-ends-in-three", TOPIC, "<!-- a --->" + TOPIC),
    ("comment-of-hyphens", TOPIC, "<!------>" + TOPIC + "<!----->"), ("comment-short", TOPIC, "<!-->" + TOPIC),
    ("comment-shorter", TOPIC, "<!--->" + TOPIC), ("comment-unfinished", TOPIC, "<!-- " + TOPIC),
    ("comment-nested", TOPIC, "<!-- <!-- --> -->" + TOPIC), ("comment-one-hyphen", TOPIC, "<!- a -->" + TOPIC),
    ("comment-in-tag", "<Topic ", "<Topic <!-- --> "),
    ("comment-before-declaration", DECLARATION, "<!-- -->" + DECLARATION),
    ("comment-unfinished-behind", END, END + "<!-- "), ("comment-of-the-whole", ROOT, "<!--" + ROOT),
    ("cdata-unfinished", NAME, "<![CDATA[a"), ("cdata-lower-case", NAME, "<![cdata[a]]>"),
    ("cdata-blank", NAME, "<![CDATA [a]]>"),
    ("cdata-nested", NAME, "<![CDATA[<![CDATA[a]]>]]>"), ("cdata-before-root", ROOT, "<![CDATA[a]]>" + ROOT),
    ("cdata-behind-root", END, END + "<![CDATA[]]>"), ("cdata-in-attribute", "505fda07", "<![CDATA[a]]>"),
    ("cdata-end-in-text", NAME, "a]]>b"), ("cdata-of-the-root", ROOT, "<![CDATA[" + ROOT),
    ("cdata-half", NAME, "<![CDATA"),
    ("instruction-nameless", TOPIC, "<? a?>" + TOPIC), ("instruction-empty", TOPIC, "<??>" + TOPIC),
    ("instruction-short", TOPIC, "<?>" + TOPIC), ("instruction-unfinished", TOPIC, "<?a " + TOPIC),
    ("instruction-xml", TOPIC, "<?xml a?>" + TOPIC), ("instruction-xml-in-capitals", TOPIC, "<?XML a?>" + TOPIC),
    ("instruction-digit", TOPIC, "<?1a b?>" + TOPIC), ("instruction-in-tag", "<Topic ", "<Topic <?a?> "),
    ("declaration-late", ROOT, ROOT + DECLARATION.rstrip()), ("declaration-twice", DECLARATION, DECLARATION * 2),
    ("declaration-behind", END, END + DECLARATION), ("declaration-behind-blank", DECLARATION, " " + DECLARATION),
    ("declaration-behind-line", DECLARATION, "\r\n" + DECLARATION),
    ("declaration-unfinished", '"UTF-16"?>', '"UTF-16">'),
    ("declaration-without-version", ' version="1.0"', ""), ("declaration-version-2", '"1.0" enc', '"2.0" enc'),
    ("declaration-version-1.2", '"1.0" enc', '"1.2" enc'), ("declaration-version-empty", '"1.0" enc', '"" enc'),
    ("declaration-version-1", '"1.0" enc', '"1" enc'), ("declaration-version-blank", '"1.0" enc', '" 1.0" enc'),
    ("declaration-reversed", ' version="1.0" encoding="UTF-16"', ' encoding="UTF-16" version="1.0"'),
    ("declaration-standalone-maybe", '"UTF-16"?>', '"UTF-16" standalone="maybe"?>'),
    ("declaration-version-twice", '"1.0" enc', '"1.0" version="1.0" enc'),
    ("declaration-in-capitals", "<?xml v", "<?XML v"),
    ("declaration-unquoted", '"UTF-16"?>', "UTF-16?>"), ("declaration-more", '"UTF-16"?>', '"UTF-16" vendor="x"?>'))
rows("section-kept", kept=True)(
    ("comment-of-a-doctype", TOPIC, "<!-- <!DOCTYPE Report [<!ENTITY a 'b'>]> &a; -->" + TOPIC),
    ("comment-of-cdata", TOPIC, "<!-- ]]> <![CDATA[ -->" + TOPIC), ("comment-empty", TOPIC, "<!---->" + TOPIC),
    ("comment-arrow", TOPIC, "<!-- -> -<- > -->" + TOPIC),
    ("comment-of-a-message", MESSAGE, "<!-- %s -->" % MESSAGE + MESSAGE),
    ("comment-within-client-id", "GUID:9B2A", "GUID:<!-- no -->9B2A"),
    ("comments-everywhere", TOPIC, "<!-- -->" * 50 + TOPIC),
    ("cdata-of-a-doctype", NAME, "<![CDATA[<!DOCTYPE Report [&a;]><Report>]]>"), ("cdata-empty", NAME, "<![CDATA[]]>"),
    ("cdata-of-brackets", NAME, "<![CDATA[]]]]]]>"), ("cdata-split", NAME, "<![CDATA[]]]]><![CDATA[>]]>"),
    ("cdata-of-the-client-id", "GUID:9B2A", "<![CDATA[GUID:]]>9B2A"),
    ("cdata-of-a-message", NAME, "<![CDATA[%s]]>" % MESSAGE),
    ("instruction-of-a-doctype", TOPIC, "<?a <!DOCTYPE Report> &b; ?>" + TOPIC),
    ("instruction-php", TOPIC, "<?php x() ?>" + TOPIC),
    ("instruction-stylesheet", ROOT, '<?xml-stylesheet href="http://127.0.0.1:9/x" type="text/xsl"?>' + ROOT),
    ("instruction-of-question-marks", TOPIC, "<?a ?????>" + TOPIC), ("instruction-behind-root", END, END + "<?a?>"),
    ("attribute-of-markup", "505fda07", "a>b ]]> ?> -->"), ("attribute-of-lines", "505fda07", "a\r\nb\tc"))

# ---- tags and namespaces ----

rows("tag")(
    ("alone", NAME, "<"), ("empty", NAME, "<>"), ("blank", TOPIC, "< Topic/>"), ("end-empty", NAME, "</>"),
    ("unfinished", END, "</Report"),
    ("end-with-attribute", "</Machine>", '</Machine a="b">'), ("end-with-blank-before", "</Machine>", "</ Machine>"),
    ("slash-and-blank", TOPIC, "<X/ >" + TOPIC), ("double-slash", TOPIC, "<X//>" + TOPIC),
    ("name-of-a-digit", TOPIC, "<1/>" + TOPIC),
    ("name-of-a-hyphen", TOPIC, "<-a/>" + TOPIC), ("name-of-a-point", TOPIC, "<.a/>" + TOPIC),
    ("name-of-an-at", TOPIC, "<a@b/>" + TOPIC),
    ("name-of-an-emoji", TOPIC, "<a\u00d7/>" + TOPIC), ("end-missing", "</Machine>", ""),
    ("end-twice", "</Machine>", "</Machine></Machine>"),
    ("root-closed-early", "<ReportBody>", "</Report><ReportBody>"), ("text-before", ROOT, "x" + ROOT),
    ("end-first", ROOT, "</Report>" + ROOT),
    ("attribute-without-value", 'Type="500"', "Type"), ("attribute-open", 'Type="500"', 'Type="500'),
    ("attribute-mixed-quotes", 'Type="500"', "Type=\"500'"), ("attribute-of-lt", 'Type="500"', 'Type="<"'),
    ("attributes-touching", '" Type=', '"Type='), ("attribute-nameless", 'Type="500"', '="500"'),
    ("attribute-double-equals", "IDType=", "IDType=="),
    ("attribute-typographic-quotes", 'Type="500"', "Type=\u201c500\u201d"),
    ("attribute-twice-elsewhere", 'Criticality="0"', 'ID="2"'),
    ("attribute-twice-among-many", "<Topic ", "<Topic %s " % " ".join('a%d=""' % (n % 199) for n in range(200))))
rows("namespace")(
    ("prefix-unbound", TOPIC, TOPIC + "<a:b/>"), ("prefix-unbound-attribute", "<Topic ", '<Topic a:b="" '),
    ("prefix-undeclared-empty", TOPIC, '<a:b xmlns:a=""/>' + TOPIC),
    ("xmlns-bound", TOPIC, '<b xmlns:xmlns="urn:x"/>' + TOPIC),
    ("xml-rebound", TOPIC, '<b xmlns:xml="urn:x"/>' + TOPIC), ("xmlns-twice", ROOT, '<Report xmlns="" xmlns="">'),
    ("same-attribute", TOPIC, '<b xmlns:a="urn:x" xmlns:c="urn:x" a:d="" c:d=""/>' + TOPIC),
    ("element-of-xmlns", TOPIC, "<xmlns:b/>" + TOPIC),
    ("name-ends-in-colon", TOPIC, "<a:/>" + TOPIC), ("name-begins-with-colon", TOPIC, "<:a/>" + TOPIC),
    ("name-of-two-colons", TOPIC, '<a:b:c xmlns:a="urn:x"/>' + TOPIC),
    ("root-prefixed", ROOT, '<r:Report xmlns:r="urn:x">'),
    ("body", "<ReportBody>", '<ReportBody xmlns="urn:x">'),
    ("message", "<StateMessage ", '<StateMessage xmlns="urn:x" '),
    ("machine", "<Machine>", '<Machine xmlns="urn:x">'), ("client-id", "<ClientID>", '<ClientID xmlns="urn:x">'),
    ("type-prefixed", 'Type="500"', 'xmlns:a="urn:x" a:Type="500"'),
    ("state-id-prefixed", 'State ID="2"', 'State xmlns:a="urn:x" a:ID="2"'))
rows("namespace-kept", kept=True)(
    ("empty", ROOT, '<Report xmlns="">'), ("declared-unused", ROOT, '<Report xmlns:a="urn:x">'),
    ("reset", TOPIC, '<X xmlns="urn:x"><Y xmlns=""/></X>' + TOPIC),
    ("relative", TOPIC, '<X xmlns="../x"/>' + TOPIC), ("xml-lang", ROOT, '<Report xml:lang="xx" xml:space="preserve">'),
    ("shadow", TOPIC, '<a:Topic xmlns:a="urn:x" Type="no"/>' + TOPIC),
    ("attribute-shadow", "<Topic ", '<Topic xmlns:a="urn:x" a:Type="no" '))
deep = "".join('<x%d xmlns:n%d="urn:%d">' % (n, n,
                                             n) for n in range(20)) + "".join("</x%d>" % n for n in reversed(range(20)))
rows("namespace-kept", kept=True)(("twenty-deep", TOPIC, deep + TOPIC))
rows("namespace-too-many", status=413, rule="limit")(
    ("of-70", TOPIC, "<x %s/>" % " ".join('xmlns:n%d="urn:%d"' % (n, n) for n in range(70)) + TOPIC))
rows("limit", status=413, rule="limit")(
    ("attributes-257", "<Topic ", "<Topic %s " % " ".join('a%d=""' % n for n in range(253))),
    ("attributes-1000", "<Topic ", "<Topic %s " % " ".join('a%d=""' % n for n in range(1000))),
    ("depth-500", "<ReportBody>", nested(500) + "<ReportBody>"),
    ("depth-33-unfinished", "<ReportBody>", "<X>" * 40 + "<ReportBody>"))
rows("limit-kept", kept=True)(("attributes-256", "<Topic ", "<Topic %s " % " ".join('a%d=""' % n for n in range(251))),
                              ("name-of-5000", TOPIC, "<%s/>" % ("n" * 5000) + TOPIC),
                              ("prefix-of-5000", TOPIC, '<%s:a xmlns:%s="urn:x"/>' % ("n" * 5000, "n" * 5000) + TOPIC))

# ---- elements twice, astray, in another case ----

for word in ("ReportHeader", "Identification", "Machine", "ClientID", "ReportBody", "StateMessage", "Topic", "State"):
    for case_of in (str.lower, str.upper):
        text = REPORT
        for mark, end in (("<", ">"), ("</", ">"), ("<", " ")):
            text = text.replace(mark + word + end, mark + case_of(word) + end)
        case("hostile-element-%s-%s" % (word.lower(), "in-capitals" if case_of is str.upper else "in-lower-case"),
             text, "in.xml", status=400, rule="report")
    if word not in ("Topic", "State"):
        start = "<%s>" % word if "<%s>" % word in REPORT else REPORT[REPORT.index("<" + word):].split(">")[0] + ">"
        text = edit(edit(REPORT, start, "<Wrapper>" + start), "</%s>" % word, "</%s></Wrapper>" % word)
        case("hostile-element-%s-wrapped" % word.lower(), text, "in.xml", status=400, rule="report")
        text = edit(edit(REPORT, start, ""), "</%s>" % word, "")
        case("hostile-element-%s-unwrapped" % word.lower(), text, "in.xml", status=400, rule="report")
rows("element")(
    ("report-within-report", ROOT, ROOT + REPORT[len(DECLARATION):].rstrip() + "</Report><Report>"),
    ("client-id-of-elements", CLIENT_ID, "<ClientID><X>GUID:X</X></ClientID>"),
    ("client-id-prefix-alone", CLIENT_ID, "<ClientID>GUID:</ClientID>"),
    ("client-id-prefix-and-blanks", CLIENT_ID, "<ClientID>GUID: \t </ClientID>"),
    ("client-id-as-attribute", CLIENT_ID, '<ClientID ID="GUID:X"/>'),
    ("first-client-id-empty", CLIENT_ID, "<ClientID/>" + CLIENT_ID), ("first-body-empty", BODY, "<ReportBody/>" + BODY),
    ("first-machine-empty", MACHINE, "<Machine/>" + MACHINE), ("first-topic-bad", TOPIC, '<Topic Type="x"/>' + TOPIC),
    ("first-state-bad", STATE, "<State/>" + STATE), ("type-in-lower-case", ' Type="500"', ' type="500"'),
    ("state-id-in-lower-case", 'State ID="2"', 'State id="2"'),
    ("topic-in-state", TOPIC + STATE, '<State ID="2">%s</State>' % TOPIC),
    ("message-in-message", MESSAGE, "<StateMessage>%s</StateMessage>" % MESSAGE),
    ("messages-all-bad", MESSAGE, "<StateMessage/>" * 50),
    ("message-in-header", "</ReportHeader>" + BODY, MESSAGE + "</ReportHeader><ReportBody/>"))
rows("element-kept", kept=True)(
    ("client-id-broken-up", "GUID:9B2A", "GUID:<X>no</X>9B2A"),
    ("header-twice", "</ReportHeader>", "</ReportHeader><ReportHeader/>"),
    ("machine-twice", MACHINE, MACHINE + "<Machine><ClientID>GUID:OTHER</ClientID></Machine>"),
    ("body-twice", BODY, BODY + "<ReportBody>%s</ReportBody>" % (MESSAGE * 3)),
    ("topic-twice", TOPIC, TOPIC + '<Topic Type="x"/>'),
    ("state-twice", STATE, STATE + "<State/>"),
    ("report-below-unknown", TOPIC, "<X>%s</X>" % REPORT[len(DECLARATION):].rstrip() + TOPIC),
    ("param-of-elements", PARAM, "<Param><X>1</X>2<Y/></Param>"), ("params-hundreds", PARAM, PARAM * 300),
    ("text-between", TOPIC, "text ]] > between" + TOPIC))
