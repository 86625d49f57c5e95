/* The decision hidden here: the first 64 KB of rows say how wide a column is. Each value is made safe when it is
 * gathered, so what is measured is what is shown. */
#include "table.h"

#include "base/log.h"
#include "base/sys.h"
#include "show.h"

#include <ctype.h>

enum {
    ROOM = 64 * 1024,
    MOST_NAMES = 256 * 1024,    /* bytes of all names */
    MOST_SHOWN = 100,           /* bytes of a value in a column; longer ones are cut and end in "..." */
    CELL_SIZE = MOST_SHOWN + 8, /* with its mark, "..." and a NUL */
};

/* What stands before a gathered value. */
enum { MARK_LEFT = 'l', MARK_RIGHT = 'r' };

struct table {
    FILE *out;
    enum table_form form;
    bool listed;
    uint64_t rows;
    struct arena *memory; /* of the names */
    const char *names[TABLE_MOST_COLUMNS];
    size_t count;
    bool measured;
    size_t widths[TABLE_MOST_COLUMNS];
    size_t len; /* of what is gathered: marked values with their NULs, row behind row */
    char gathered[ROOM];
};

struct table *table_open(FILE *out, enum table_form form)
{
    struct table *table = sys.allocate(sizeof *table);
    if (table == NULL)
        return NULL;
    *table = (struct table){.out = out, .form = form, .memory = arena_open(MOST_NAMES, NULL)};
    if (table->memory != NULL)
        return table;
    sys.release(table);
    return NULL;
}

void table_within_list(struct table *table)
{
    table->listed = true;
}

/* ---- columns ---- */

/* Where the next row goes, or its end if there is no room for one more. */
static bool has_room(const struct table *table)
{
    return table->len + table->count * CELL_SIZE <= ROOM;
}

static void gather(struct table *table, char mark, struct span text)
{
    char *at = table->gathered + table->len;
    *at = mark;
    (void)log_quote(text, MOST_SHOWN, at + 1, CELL_SIZE - 1);
    table->len += strlen(at) + 1;
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void measure(struct table *table)
{
    const char *const end = table->gathered + table->len;
    size_t column = 0;
    for (const char *at = table->gathered; at < end; at += strlen(at) + 1) {
        const size_t width = width_of(at + 1);
        if (width > table->widths[column])
            table->widths[column] = width;
        column = (column + 1) % table->count;
    }
    table->measured = true;
}

static void write_blanks(FILE *out, size_t count)
{
    (void)fprintf(out, "%*s", (int)count, "");
}

/* The last column has no blanks behind it. */
static void write_value(const struct table *table, size_t column, const char *marked)
{
    const size_t width = width_of(marked + 1);
    const size_t blanks = width < table->widths[column] ? table->widths[column] - width : 0;
    if (*marked == MARK_RIGHT)
        write_blanks(table->out, blanks);
    (void)fputs(marked + 1, table->out);
    if (column + 1 == table->count) {
        (void)fputc('\n', table->out);
        return;
    }
    write_blanks(table->out, *marked == MARK_RIGHT ? 2 : blanks + 2);
}

static void write_gathered(struct table *table)
{
    const char *const end = table->gathered + table->len;
    size_t column = 0;
    if (!table->measured)
        measure(table);
    for (const char *at = table->gathered; at < end; at += strlen(at) + 1) {
        write_value(table, column, at);
        column = (column + 1) % table->count;
    }
    table->len = 0;
}

static void gather_row(struct table *table, const struct table_cell *cells)
{
    for (size_t i = 0; i < table->count; i++)
        gather(table, cells[i].number ? MARK_RIGHT : MARK_LEFT, cells[i].null ? SPAN("-") : cells[i].text);
    if (table->measured || !has_room(table))
        write_gathered(table);
}

/* ---- records ---- */

static void write_record(const struct table *table, const struct table_cell *cells)
{
    size_t widest = 0;
    for (size_t i = 0; i < table->count; i++)
        if (width_of(table->names[i]) > widest)
            widest = width_of(table->names[i]);
    if (table->rows > 0)
        (void)fputc('\n', table->out);
    for (size_t i = 0; i < table->count; i++) {
        show_text(table->out, span_of(table->names[i]), "~");
        write_blanks(table->out, widest - width_of(table->names[i]) + 2);
        show_text(table->out, cells[i].null ? SPAN("-") : cells[i].text, "~");
        (void)fputc('\n', table->out);
    }
}

/* ---- JSON ---- */

static size_t digits(struct span text, size_t from)
{
    size_t at = from;
    while (at < text.len && isdigit((unsigned char)text.at[at]))
        at++;
    return at - from;
}

/* A number of JSON's grammar; a database's may be NaN. */
static bool is_json_number(struct span text)
{
    size_t at = text.len > 0 && text.at[0] == '-';
    const size_t whole = digits(text, at);
    if (whole == 0 || (whole > 1 && text.at[at] == '0'))
        return false;
    at += whole;
    if (at < text.len && text.at[at] == '.') {
        const size_t part = digits(text, at + 1);
        if (part == 0)
            return false;
        at += part + 1;
    }
    if (at < text.len && (text.at[at] == 'e' || text.at[at] == 'E')) {
        at++;
        at += at < text.len && (text.at[at] == '+' || text.at[at] == '-');
        const size_t power = digits(text, at);
        if (power == 0)
            return false;
        at += power;
    }
    return at == text.len;
}

static void write_json(const struct table *table, const struct table_cell *cells)
{
    if (table->listed && table->rows > 0)
        (void)fputc(',', table->out);
    for (size_t i = 0; i < table->count; i++) {
        (void)fputc(i == 0 ? '{' : ',', table->out);
        show_json_text(table->out, span_of(table->names[i]));
        (void)fputc(':', table->out);
        if (cells[i].null)
            (void)fputs("null", table->out);
        else if (cells[i].number && is_json_number(cells[i].text))
            (void)fwrite(cells[i].text.at, 1, cells[i].text.len, table->out);
        else
            show_json_text(table->out, cells[i].text);
    }
    (void)fputs(table->listed ? "}" : "}\n", table->out);
}

/* ---- CSV ---- */

static void write_csv_text(FILE *out, struct span text)
{
    const bool formula = text.len > 0 && text.at[0] != '\0' && strchr("=+-@", text.at[0]) != NULL;
    (void)fputc('"', out);
    if (formula)
        (void)fputc('\'', out); /* as a spreadsheet marks text that is none */
    show_csv_text(out, text);
    (void)fputc('"', out);
}

static void write_csv(const struct table *table, const struct table_cell *cells)
{
    for (size_t i = 0; i < table->count; i++) {
        if (i > 0)
            (void)fputc(',', table->out);
        if (cells[i].null)
            continue;
        if (cells[i].number && is_json_number(cells[i].text))
            (void)fwrite(cells[i].text.at, 1, cells[i].text.len, table->out);
        else
            write_csv_text(table->out, cells[i].text);
    }
    (void)fputc('\n', table->out);
}

/* ---- all forms ---- */

void table_columns(struct table *table, const char *const *names, size_t count)
{
    struct table_cell head[TABLE_MOST_COLUMNS];
    struct span copy;
    for (size_t i = 0; i < count && i < TABLE_MOST_COLUMNS; i++) {
        if (!arena_copy(table->memory, (struct span){names[i], strlen(names[i]) + 1}, &copy))
            break;
        table->names[table->count++] = copy.at;
    }
    if (table->form == TABLE_JSON || table->form == TABLE_RECORD || table->count == 0)
        return;
    for (size_t i = 0; i < table->count; i++)
        head[i] = (struct table_cell){.text = span_of(table->names[i])};
    if (table->form == TABLE_COLUMNS)
        gather_row(table, head);
    else
        write_csv(table, head);
}

bool table_row(struct table *table, const struct table_cell *cells)
{
    if (table->form == TABLE_COLUMNS)
        gather_row(table, cells);
    else if (table->form == TABLE_RECORD)
        write_record(table, cells);
    else if (table->form == TABLE_JSON)
        write_json(table, cells);
    else
        write_csv(table, cells);
    table->rows++;
    return !ferror(table->out);
}

uint64_t table_rows(const struct table *table)
{
    return table->rows;
}

void table_close(struct table *table)
{
    if (table == NULL)
        return;
    if (table->len > 0)
        write_gathered(table);
    arena_close(table->memory);
    sys.release(table);
}

/* ---- cells ---- */

struct table_cell table_text(struct span text)
{
    return (struct table_cell){.null = text.at == NULL, .text = text};
}

struct table_cell table_words(const char *text)
{
    if (text == NULL)
        return (struct table_cell){.null = true};
    return (struct table_cell){.text = span_of(text)};
}

struct table_cell table_number(int64_t number, char room[TABLE_DIGITS])
{
    const int len = snprintf(room, TABLE_DIGITS, "%lld", (long long)number);
    return (struct table_cell){.number = true, .text = {room, (size_t)len}};
}
