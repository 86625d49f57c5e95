/* The decision hidden here: what stands for a character that XML does not take as it is. */
#include "writer.h"

#include "report/text.h"

void writer_add_bytes(struct writer *writer, const char *bytes, size_t len)
{
    writer->good = writer->good && buffer_add(writer->out, bytes, len, writer->err);
}

void writer_add(struct writer *writer, const char *text)
{
    char wide[128];
    while (*text != '\0') {
        size_t len = 0;
        for (; len < sizeof wide && *text != '\0'; text++)
            len += text_write_utf16le((unsigned char)*text, wide + len);
        writer_add_bytes(writer, wide, len);
    }
}

static const char *reference_of(uint32_t point)
{
    switch (point) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";              /* "]]>" is not allowed in text */
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;";              /* a parser makes blanks of these in attributes, */
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";             /* and a line feed of this one everywhere */
    default:
        return NULL;
    }
}

static uint32_t fit_for_xml(uint32_t point)
{
    return point < ' ' || point == 0xFFFE || point == 0xFFFF ? TEXT_REPLACEMENT : point;
}

void writer_add_escaped(struct writer *writer, struct span text)
{
    for (size_t pos = 0, size = 0; pos < text.len; pos += size) {
        const uint32_t point = text_first((struct span){text.at + pos, text.len - pos}, &size);
        const char *reference = reference_of(point);
        char wide[4];
        if (reference != NULL)
            writer_add(writer, reference);
        else
            writer_add_bytes(writer, wide, text_write_utf16le(fit_for_xml(point), wide));
    }
}

void writer_add_element(struct writer *writer, const char *name, struct span text)
{
    writer_add(writer, "<");
    writer_add(writer, name);
    writer_add(writer, ">");
    writer_add_escaped(writer, text);
    writer_add(writer, "</");
    writer_add(writer, name);
    writer_add(writer, ">");
}

void writer_add_attribute(struct writer *writer, const char *name, struct span value)
{
    writer_add(writer, " ");
    writer_add(writer, name);
    writer_add(writer, "=\"");
    writer_add_escaped(writer, value);
    writer_add(writer, "\"");
}
