/*
 * The decision hidden here: where settings come from and which of them wins.
 *
 * The command line is gone through twice: first for what it wishes and which file it names, then, after defaults and
 * file have been taken, for its settings. A place that is stronger replaces what a weaker one gave.
 */
#include "config_parts.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

enum {
    LARGEST_FILE = 1024 * 1024,
    /* Never reached: file and command line are bounded, and take less. */
    ARENA_CEILING = 512 * 1024 * 1024,
};

static size_t index_of(const struct config *config, const struct config_row *row)
{
    return (size_t)(row - config->table->rows);
}

static void *field_of(const struct config *config, const struct config_row *row)
{
    return (char *)config->values + row->field;
}

/* ---- one value ---- */

static bool set_value(struct config *config, const struct config_input *input, struct error *err)
{
    struct config_entry *entry = &config->entries[index_of(config, input->row)];
    void *field = field_of(config, input->row);
    const bool list = input->row->type == CONFIG_LIST;
    const bool again = entry->place == input->place;
    if (again && !list && input->place == CONFIG_BY_FILE)
        return config_value_refuse(input, err, "given twice, first in line %u: leave one out", entry->line);
    if (again && !list)
        return config_value_refuse(input, err, "given twice: leave one out");
    if (!again && list)
        *(struct config_list *)field = (struct config_list){NULL, 0};
    entry->place = input->place;
    entry->line = input->line;
    return config_value_read(input, config->arena, entry, field, err);
}

static bool set_defaults(struct config *config, struct error *err)
{
    const struct config_table *table = config->table;
    for (size_t i = 0; i < table->count; i++) {
        const struct config_input input = {
            .row = &table->rows[i], .place = CONFIG_BY_DEFAULT, .text = span_of(table->rows[i].initial)};
        if (!set_value(config, &input, err))
            return false;
    }
    return true;
}

/* ---- the command line ---- */

/* An option: a setting (row) or a switch, the other is NULL; its value, or NULL. */
struct option {
    const struct config_row *row;
    const struct config_switch *own;
    const char *value;
};

static bool refuse_option(struct span name, struct error *err, const char *reason)
{
    char shown[CONFIG_SHOWN_VALUE + 4];
    return error_set(err, ERROR_MALFORMED, "--%s: %s", config_show(name, CONFIG_SHOWN_VALUE, shown), reason);
}

static bool refuse_unknown_option(const struct config *config, struct span name, struct error *err)
{
    char shown[CONFIG_SHOWN_VALUE + 4];
    const char *near = config_nearest(config->table, true, name);
    if (near == NULL)
        return refuse_option(name, err, "unknown setting: --help lists them all");
    return error_set(err, ERROR_MALFORMED, "--%s: unknown setting: did you mean --%s?",
                     config_show(name, CONFIG_SHOWN_VALUE, shown), near);
}

/* The value stands behind a '=' or in the next word; one that begins with "--" is taken only behind a '='. Without one a
 * question is answered with yes. */
static bool take_option_value(const struct config *config, int *at, const char *equals, struct option *out)
{
    if (out->own != NULL && out->own->value == NULL)
        return equals == NULL;
    if (equals != NULL)
        out->value = equals + 1;
    else if (*at < config->argc && strncmp(config->argv[*at], "--", 2) != 0)
        out->value = config->argv[(*at)++];
    else if (out->row != NULL && out->row->type == CONFIG_YES_NO)
        out->value = "yes";
    return out->value != NULL;
}

static bool take_option(const struct config *config, int *at, struct option *out, struct error *err)
{
    char shown[CONFIG_SHOWN_VALUE + 4];
    const char *word = config->argv[(*at)++];
    if (strncmp(word, "--", 2) != 0)
        return error_set(err, ERROR_MALFORMED, "%s: not an option: write --name value, --help lists the names",
                         config_show(span_of(word), CONFIG_SHOWN_VALUE, shown));
    const char *equals = strchr(word, '=');
    const struct span name = {word + 2, equals == NULL ? strlen(word + 2) : (size_t)(equals - word - 2)};
    struct option option = {config_find_row(config->table, name), config_find_switch(name), NULL};
    if (option.row == NULL && option.own == NULL)
        return refuse_unknown_option(config, name, err);
    if (!take_option_value(config, at, equals, &option))
        return refuse_option(name, err, equals == NULL ? "a value is missing" : "takes no value");
    *out = option;
    return true;
}

static bool take_switch(struct config *config, const struct option *option, struct error *err)
{
    if (option->own->value == NULL) {
        if (config->wish == CONFIG_RUN)
            config->wish = option->own->wish;
        return true;
    }
    if (option->value[0] == '\0')
        return refuse_option(span_of(option->own->name), err, "a value is missing");
    if (config->file_must_exist)
        return refuse_option(span_of(option->own->name), err, "given twice: leave one out");
    config->file = option->value;
    config->file_must_exist = true;
    return true;
}

static bool read_switches(struct config *config, struct error *err)
{
    for (int at = 1; at < config->argc;) {
        struct option option;
        if (!take_option(config, &at, &option, err))
            return false;
        if (option.own != NULL && !take_switch(config, &option, err))
            return false;
    }
    return true;
}

static bool read_options(struct config *config, struct error *err)
{
    for (int at = 1; at < config->argc;) {
        struct option option;
        if (!take_option(config, &at, &option, err))
            return false;
        if (option.row == NULL)
            continue;
        const struct config_input input = {
            .row = option.row, .place = CONFIG_BY_COMMAND_LINE, .text = span_trim(span_of(option.value))};
        if (!set_value(config, &input, err))
            return false;
    }
    return true;
}

/* ---- the file ---- */

static bool refuse_line(const struct config *config, unsigned line, struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool refuse_line(const struct config *config, unsigned line, struct error *err, const char *format, ...)
{
    char file[CONFIG_SHOWN_FILE + 4], reason[136];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    config_show(span_of(config->file), CONFIG_SHOWN_FILE, file);
    return error_set(err, ERROR_MALFORMED, "%s:%u: %s", file, line, reason);
}

static bool refuse_unknown_name(const struct config *config, unsigned line, struct span name, struct error *err)
{
    char shown[CONFIG_SHOWN_VALUE + 4];
    const char *near = config_nearest(config->table, false, name);
    config_show(name, CONFIG_SHOWN_VALUE, shown);
    if (near == NULL)
        return refuse_line(config, line, err, "unknown setting '%s': --help lists them all", shown);
    return refuse_line(config, line, err, "unknown setting '%s': did you mean '%s'?", shown, near);
}

/* So that a file in UTF-16, or one that is no text at all, is not read as something else. */
static bool is_text(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.at[i] < ' ' && text.at[i] != '\t') || text.at[i] == 0x7F)
            return false;
    return true;
}

static struct span without_comment(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '#' && (i == 0 || text.at[i - 1] == ' ' || text.at[i - 1] == '\t'))
            return (struct span){text.at, i};
    return text;
}

static bool read_line(struct config *config, unsigned line, struct span text, struct error *err)
{
    if (text.len > CONFIG_LONGEST_LINE)
        return refuse_line(config, line, err, "longer than %d bytes", CONFIG_LONGEST_LINE);
    if (!is_text(text))
        return refuse_line(config, line, err, "has a control character: save the file as UTF-8 text");
    text = span_trim(without_comment(text));
    if (text.len == 0)
        return true;
    const char *equals = memchr(text.at, '=', text.len);
    const struct span name = span_trim((struct span){text.at, equals == NULL ? 0 : (size_t)(equals - text.at)});
    if (name.len == 0)
        return refuse_line(config, line, err, "not a setting: write name = value");
    const struct config_row *row = config_find_row(config->table, name);
    if (row == NULL)
        return config->table->borrowed || refuse_unknown_name(config, line, name, err);
    const size_t behind = (size_t)(equals - text.at) + 1;
    const struct config_input input = {.row = row,
                                       .place = CONFIG_BY_FILE,
                                       .file = config->file,
                                       .line = line,
                                       .text = span_trim((struct span){equals + 1, text.len - behind})};
    return set_value(config, &input, err);
}

/* Cuts the first line off `left`, without its LF or CR LF. */
static struct span cut_line(struct span *left)
{
    const char *end = memchr(left->at, '\n', left->len);
    struct span line = {left->at, end == NULL ? left->len : (size_t)(end - left->at)};
    const size_t used = line.len + (end == NULL ? 0 : 1);
    *left = (struct span){left->at + used, left->len - used};
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool read_lines(struct config *config, struct span left, struct error *err)
{
    const struct span mark = SPAN("\xEF\xBB\xBF");
    if (left.len >= mark.len && memcmp(left.at, mark.at, mark.len) == 0)
        left = (struct span){left.at + mark.len, left.len - mark.len};
    for (unsigned line = 1; left.len > 0; line++) {
        const struct span text = cut_line(&left);
        if (!read_line(config, line, text, err))
            return false;
    }
    return true;
}

static bool read_file(struct config *config, struct error *err)
{
    if (config->file == NULL)
        return true;
    struct buffer bytes;
    buffer_init(&bytes, LARGEST_FILE);
    bool done = sys_read_file(AT_FDCWD, config->file, &bytes, err);
    if (done) {
        done = read_lines(config, buffer_span(&bytes), err);
    } else if (err->kind == ERROR_TOO_BIG) {
        char file[CONFIG_SHOWN_FILE + 4];
        (void)error_set(err, ERROR_MALFORMED, "%s: not a settings file: larger than 1 MiB",
                        config_show(span_of(config->file), CONFIG_SHOWN_FILE, file));
    } else if (err->os == ENOENT && !config->file_must_exist) {
        config->file = NULL;
        done = true;
    }
    buffer_fini(&bytes);
    return done;
}

/* ---- all of it ---- */

/* The text of a list: its items, joined. */
static bool join_lists(struct config *config, struct error *err)
{
    for (size_t i = 0; i < config->table->count; i++) {
        const struct config_row *row = &config->table->rows[i];
        if (row->type != CONFIG_LIST)
            continue;
        const struct config_list *list = field_of(config, row);
        size_t len = 1;
        for (size_t k = 0; k < list->count; k++)
            len += strlen(list->at[k]) + 2;
        char *end = arena_alloc(config->arena, len);
        if (end == NULL)
            return config_no_memory(err);
        config->entries[i].text = config->entries[i].shown = end;
        for (size_t k = 0; k < list->count; k++)
            end = stpcpy(stpcpy(end, k == 0 ? "" : ", "), list->at[k]);
    }
    return true;
}

/* Help must be had with a broken file, too. */
static bool wants_values(enum config_wish wish)
{
    return wish == CONFIG_RUN || wish == CONFIG_PRINT || wish == CONFIG_CHECK;
}

static bool read_all(struct config *config, struct error *err)
{
    if (!read_switches(config, err) || !set_defaults(config, err))
        return false;
    if (wants_values(config->wish) && (!read_file(config, err) || !read_options(config, err)))
        return false;
    if (!join_lists(config, err))
        return false;
    return !wants_values(config->wish) || config->table->check == NULL || config->table->check(config->values, err);
}

/* NULL: no memory. */
static struct config *new_config(const struct config_table *table, int argc, char **argv)
{
    struct arena *arena = arena_open(ARENA_CEILING, NULL);
    if (arena == NULL)
        return NULL;
    struct config *config = arena_alloc(arena, sizeof *config);
    struct config_entry *entries = arena_alloc(arena, table->count * sizeof *entries);
    void *values = arena_alloc(arena, table->values_size);
    if (config == NULL || entries == NULL || values == NULL) {
        arena_close(arena);
        return NULL;
    }
    *config = (struct config){.table = table,
                              .argc = argc,
                              .argv = argv,
                              .arena = arena,
                              .file = table->file,
                              .entries = entries,
                              .values = values};
    return config;
}

bool config_open(const struct config_table *table, int argc, char **argv, struct config **out, struct error *err)
{
    struct config *config = new_config(table, argc, argv);
    if (config == NULL)
        return config_no_memory(err);
    if (!read_all(config, err)) {
        config_close(config);
        return false;
    }
    *out = config;
    return true;
}

bool config_reload(const struct config *config, struct config **out, struct error *err)
{
    return config_open(config->table, config->argc, config->argv, out, err);
}

const char *config_file(const struct config *config)
{
    return config->file;
}

const void *config_values(const struct config *config)
{
    return config->values;
}

enum config_wish config_wish(const struct config *config)
{
    return config->wish;
}

/* Of quantities the worth counts, 64K is 65536; the others are the same when they are written the same. */
static bool differs(const struct config *before, const struct config *after, const struct config_row *row)
{
    const size_t i = index_of(before, row);
    if (row->type == CONFIG_RATE)
        return memcmp(field_of(before, row), field_of(after, row), sizeof(struct config_rate)) != 0;
    if (row->type == CONFIG_NUMBER || row->type == CONFIG_SIZE || row->type == CONFIG_DURATION)
        return *(const uint64_t *)field_of(before, row) != *(const uint64_t *)field_of(after, row);
    return strcmp(before->entries[i].text, after->entries[i].text) != 0;
}

void config_compare(const struct config *before, const struct config *after,
                    void (*each)(void *owner, const struct config_row *row, const char *before, const char *after),
                    void *owner)
{
    for (size_t i = 0; i < before->table->count; i++) {
        const struct config_row *row = &before->table->rows[i];
        if (differs(before, after, row))
            each(owner, row, before->entries[i].shown, after->entries[i].shown);
    }
}

void config_close(struct config *config)
{
    if (config != NULL)
        arena_close(config->arena);
}
