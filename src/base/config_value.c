/* The decision hidden here: what a value of each type looks like, and how a wrong one is told. */
#include "config_parts.h"

#include <assert.h>
#include <stdarg.h>

struct unit {
    const char *name;
    uint64_t worth;
};

/* What a quantity may end in; the table ends with a row without a name. */
static const struct unit number_units[] = {{"", 1}, {NULL, 0}};
static const struct unit size_units[] = {
    {"", 1}, {"K", 1UL << 10}, {"M", 1UL << 20}, {"G", 1UL << 30}, {NULL, 0},
};
static const struct unit duration_units[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"m", 60 * 1000000ULL},
    {"h", 3600 * 1000000ULL},
    {"d", 86400 * 1000000ULL},
    {NULL, 0},
};

static const struct {
    const struct unit *units;
    const char *expected;
} quantities[] = {
    [CONFIG_NUMBER] = {number_units, "not a number (digits only)"},
    [CONFIG_SIZE] = {size_units, "not a size (a number with K, M or G)"},
    [CONFIG_DURATION] = {duration_units, "not a duration (a number with us, ms, s, m, h or d)"},
};

bool config_value_refuse(const struct config_input *input, struct error *err, const char *format, ...)
{
    char file[CONFIG_SHOWN_FILE + 4], text[CONFIG_SHOWN_VALUE + 4], reason[128];
    const char *name = input->row->name;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    config_show(input->row->type == CONFIG_URL ? SPAN("") : input->text, CONFIG_SHOWN_VALUE, text);
    const bool empty = text[0] == '\0';
    if (input->place == CONFIG_BY_COMMAND_LINE)
        return error_set(err, ERROR_MALFORMED, "--%s%s%s: %s", name, empty ? "" : ": ", text, reason);
    const char *equals = empty ? "" : " = ";
    if (input->place == CONFIG_BY_DEFAULT)
        return error_set(err, ERROR_MALFORMED, "default of %s%s%s: %s", name, equals, text, reason);
    config_show(span_of(input->file), CONFIG_SHOWN_FILE, file);
    return error_set(err, ERROR_MALFORMED, "%s:%u: %s%s%s: %s", file, input->line, name, equals, text, reason);
}

bool config_no_memory(struct error *err)
{
    return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the settings");
}

/* ---- quantities ---- */

static const struct unit *find_unit(const struct unit *units, struct span name)
{
    while (units->name != NULL && !span_equal(span_of(units->name), name))
        units++;
    return units->name == NULL ? NULL : units;
}

enum quantity_verdict { QUANTITY_READ, QUANTITY_WRONG, QUANTITY_HUGE };

static enum quantity_verdict parse_quantity(enum config_type type, struct span text, uint64_t *out)
{
    size_t digits = 0;
    while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    const struct span number = {text.at, digits};
    /* Nothing needs no unit. */
    const bool nothing = span_equal(text, SPAN("0"));
    const struct unit *unit = find_unit(quantities[type].units, (struct span){text.at + digits, text.len - digits});
    if (digits == 0 || (unit == NULL && !nothing))
        return QUANTITY_WRONG;
    uint64_t value;
    if (!span_to_uint64(number, &value) || __builtin_mul_overflow(value, nothing ? 0 : unit->worth, &value))
        return QUANTITY_HUGE;
    *out = value;
    return QUANTITY_READ;
}

/* Bounds stand in the program's own table: only a bug can break them. */
static uint64_t parse_bound(enum config_type type, const char *text)
{
    uint64_t bound = 0;
    const enum quantity_verdict verdict = parse_quantity(type, span_of(text), &bound);
    assert(verdict == QUANTITY_READ);
    return bound;
}

/* With its bounds as text, NULL for none. */
struct quantity {
    enum config_type type;
    struct span text;
    const char *least;
    const char *most;
};

static bool read_bounded(const struct config_input *input, const struct quantity *quantity, uint64_t *out,
                         struct error *err)
{
    const enum config_type type = quantity->type;
    uint64_t value = UINT64_MAX;
    const enum quantity_verdict verdict = parse_quantity(type, quantity->text, &value);
    if (verdict == QUANTITY_WRONG)
        return config_value_refuse(input, err, "%s", quantities[type].expected);
    if (quantity->most != NULL && value > parse_bound(type, quantity->most))
        return config_value_refuse(input, err, "above the greatest value, %s", quantity->most);
    if (verdict == QUANTITY_HUGE)
        return config_value_refuse(input, err, "more than 64 bits can hold");
    if (quantity->least != NULL && value < parse_bound(type, quantity->least))
        return config_value_refuse(input, err, "below the least value, %s", quantity->least);
    *out = value;
    return true;
}

static bool read_quantity(const struct config_input *input, uint64_t *out, struct error *err)
{
    const struct config_row *row = input->row;
    return read_bounded(input, &(struct quantity){row->type, input->text, row->least, row->most}, out, err);
}

/* Bounds of a rate are rates: the text up to the slash goes to `count`, which has room for it. */
enum { RATE_PART = 24 };
static const char *split_bound(const char *bound, char count[RATE_PART])
{
    const size_t len = strcspn(bound, "/");
    assert(len < RATE_PART && bound[len] == '/');
    memcpy(count, bound, len);
    count[len] = '\0';
    return bound + len + 1;
}

static bool read_rate(const struct config_input *input, struct config_rate *out, struct error *err)
{
    const struct span text = input->text;
    char least[RATE_PART], most[RATE_PART];
    struct config_rate rate;
    const char *slash = memchr(text.at, '/', text.len);
    if (slash == NULL)
        return config_value_refuse(input, err, "not a number, '/' and a duration");
    const size_t len = (size_t)(slash - text.at);
    struct quantity count = {CONFIG_NUMBER, span_trim((struct span){text.at, len}), least, most};
    struct quantity time = {CONFIG_DURATION, span_trim((struct span){slash + 1, text.len - len - 1}), NULL, NULL};
    time.least = split_bound(input->row->least, least);
    time.most = split_bound(input->row->most, most);
    if (!read_bounded(input, &count, &rate.count, err) || !read_bounded(input, &time, &rate.time, err))
        return false;
    *out = rate;
    return true;
}

/* ---- words ---- */

static bool read_yes_no(const struct config_input *input, bool *out, struct error *err)
{
    const bool yes = span_equal(input->text, SPAN("yes"));
    if (!yes && !span_equal(input->text, SPAN("no")))
        return config_value_refuse(input, err, "neither yes nor no");
    *out = yes;
    return true;
}

/* Whether `text` is this word; of a word that ends in ':', *rest is then what follows it. */
static bool matches_word(struct span text, struct span word, const char **rest)
{
    const bool open = word.len > 0 && word.at[word.len - 1] == ':';
    if (!open)
        return span_equal(text, word);
    if (text.len <= word.len || memcmp(text.at, word.at, word.len) != 0)
        return false;
    *rest = text.at + word.len;
    return true;
}

/* The text ends in a NUL, so that what follows a word can be pointed to. */
static bool read_choice(const struct config_input *input, void *field, struct error *err)
{
    const char *words = input->row->least;
    struct config_choice choice = {0, NULL};
    for (const char *word = words;; choice.word++) {
        const struct span here = {word, strcspn(word, "|")};
        if (matches_word(input->text, here, &choice.rest))
            break;
        if (here.at[here.len] == '\0')
            return config_value_refuse(input, err, "not one of %s", words);
        word += here.len + 1;
    }
    if (strchr(words, ':') != NULL)
        *(struct config_choice *)field = choice;
    else
        *(int *)field = choice.word;
    return true;
}

/* ---- texts and lists ---- */

static const char *copy_text(struct arena *arena, struct span text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    return copy == NULL || text.len == 0 ? copy : memcpy(copy, text.at, text.len);
}

/* Makes room for one more item: the room is the next power of two, so it is full when the count is one. */
static bool grow_list(struct arena *arena, struct config_list *list, struct config_entry *entry)
{
    if ((list->count & (list->count - 1)) != 0)
        return true;
    const size_t room = list->count == 0 ? 1 : list->count * 2;
    const char **at = arena_alloc(arena, room * sizeof *at);
    unsigned *lines = arena_alloc(arena, room * sizeof *lines);
    if (at == NULL || lines == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        at[i] = list->at[i];
        lines[i] = entry->lines[i];
    }
    list->at = at;
    entry->lines = lines;
    return true;
}

static bool add_item(struct arena *arena, struct config_list *list, struct config_entry *entry, struct span item)
{
    const char *copy = copy_text(arena, item);
    if (copy == NULL || !grow_list(arena, list, entry))
        return false;
    ((const char **)(uintptr_t)list->at)[list->count] = copy;
    entry->lines[list->count] = entry->line;
    list->count++;
    return true;
}

static bool add_items(const struct config_input *input, struct arena *arena, struct config_entry *entry,
                      struct config_list *list, struct error *err)
{
    struct span left = input->text;
    while (left.len > 0) {
        const char *comma = memchr(left.at, ',', left.len);
        const size_t len = comma == NULL ? left.len : (size_t)(comma - left.at);
        const struct span item = span_trim((struct span){left.at, len});
        if (item.len == 0 || len + 1 == left.len)
            return config_value_refuse(input, err, "nothing stands before or behind a comma");
        if (item.at[0] == '#')           /* it would when the item stands alone, as --print-config writes it */
            return config_value_refuse(input, err, "a '#' here would begin a comment");
        if (!add_item(arena, list, entry, item))
            return config_no_memory(err);
        left = comma == NULL ? (struct span){NULL, 0} : (struct span){comma + 1, left.len - len - 1};
    }
    return true;
}

/* ---- passwords ---- */

#define HIDDEN "***"

static char *add_bytes(char *end, const char *at, size_t len)
{
    return (char *)memcpy(end, at, len) + len;
}

/* libpq has "password" and "sslpassword", and takes a name that is written with %xx. */
static bool is_password(struct span name)
{
    static const struct span last = {"password", 8};
    return memchr(name.at, '%', name.len) != NULL ||
           (name.len >= last.len && memcmp(name.at + name.len - last.len, last.at, last.len) == 0);
}

/* From the '?', or from the end if there is none. */
static void add_parameters(char *end, const char *at)
{
    while (*at != '\0') {
        const size_t len = 1 + strcspn(at + 1, "&");
        const char *equals = memchr(at, '=', len);
        const size_t name = equals == NULL ? len : (size_t)(equals - at) + 1;
        const bool hidden = equals != NULL && is_password((struct span){at + 1, name - 2});
        end = add_bytes(end, at, hidden ? name : len);
        if (hidden)
            end = add_bytes(end, HIDDEN, strlen(HIDDEN));
        at += len;
    }
    *end = '\0';
}

/* Where '/', '?' or a second '@' stands before the last '@', any part of the URL may be one of a password (and libpq
 * reads it otherwise than it was meant; db_postgres.c refuses it). */
static bool is_ambiguous(const char *login, const char *at)
{
    return at != NULL && strcspn(login, "@/?") != (size_t)(at - login);
}

/* NULL: no memory. */
static const char *hide_passwords(struct arena *arena, const char *text)
{
    const char *scheme = strstr(text, "://"), *rest = text;
    if (scheme == NULL)                 /* a path; or libpq's other form, which is taken for one */
        return text[0] != '/' && strstr(text, "password") != NULL ? HIDDEN : text;
    char *hidden = arena_alloc(arena, 2 * strlen(text) + sizeof HIDDEN), *end = hidden;
    if (hidden == NULL)
        return NULL;
    const char *login = scheme + 3, *at = strrchr(login, '@');
    const bool ambiguous = is_ambiguous(login, at);
    const char *colon = at == NULL || ambiguous ? NULL : memchr(login, ':', (size_t)(at - login));
    if (ambiguous || colon != NULL) {
        end = add_bytes(end, text, (size_t)((ambiguous ? login : colon + 1) - text));
        end = add_bytes(end, HIDDEN, strlen(HIDDEN));
        rest = ambiguous ? "" : at;
    }
    const size_t len = strcspn(rest, "?");
    add_parameters(add_bytes(end, rest, len), rest + len);
    return hidden;
}

/* ---- any value ---- */

static bool may_be_empty(enum config_type type)
{
    return type == CONFIG_TEXT || type == CONFIG_URL || type == CONFIG_LIST;
}

/* What a settings file could not give back is not taken from the command line either. */
static bool check_text(const struct config_input *input, struct error *err)
{
    const struct span text = input->text;
    if (text.len > CONFIG_LONGEST_VALUE)
        return config_value_refuse(input, err, "longer than %d bytes", CONFIG_LONGEST_VALUE);
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7F)
            return config_value_refuse(input, err, "has a control character");
        if (c == '#' && (i == 0 || text.at[i - 1] == ' ' || text.at[i - 1] == '\t'))
            return config_value_refuse(input, err, "a '#' here would begin a comment");
    }
    if (text.len == 0 && !may_be_empty(input->row->type))
        return config_value_refuse(input, err, "a value is missing");
    return true;
}

bool config_value_read(const struct config_input *input, struct arena *arena, struct config_entry *entry, void *field,
                       struct error *err)
{
    if (!check_text(input, err))
        return false;
    if (input->row->type == CONFIG_LIST)
        return add_items(input, arena, entry, field, err);
    const char *text = copy_text(arena, input->text);
    if (text == NULL)
        return config_no_memory(err);
    entry->text = text;
    entry->shown = input->row->type == CONFIG_URL ? hide_passwords(arena, text) : text;
    if (entry->shown == NULL)
        return config_no_memory(err);
    struct config_input copy = *input;
    copy.text.at = text;
    switch (input->row->type) {
    case CONFIG_RATE:
        return read_rate(&copy, field, err);
    case CONFIG_YES_NO:
        return read_yes_no(&copy, field, err);
    case CONFIG_CHOICE:
        return read_choice(&copy, field, err);
    case CONFIG_TEXT:
    case CONFIG_URL:
        *(const char **)field = text[0] == '\0' ? NULL : text;
        return true;
    default:
        return read_quantity(&copy, field, err);
    }
}
