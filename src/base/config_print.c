/* The decision hidden here: how the table of settings is laid out for people: help, sample file, values in use. */
#include "config_parts.h"

enum { HELP_COLUMNS = 80, EXAMPLE_COLUMNS = 78, WIDEST_ALIGNED = 60 };

/* What a value is called, on the command line and in a sentence. */
static const struct {
    const char *word;
    const char *sentence;
} types[] = {
    [CONFIG_TEXT] = {"TEXT", NULL},
    [CONFIG_URL] = {"TEXT", NULL},
    [CONFIG_LIST] = {"LIST", "A list, separated by commas or given several times"},
    [CONFIG_NUMBER] = {"NUMBER", "A number"},
    [CONFIG_SIZE] = {"SIZE", "A size (bytes, or with K, M or G)"},
    [CONFIG_DURATION] = {"DURATION", "A duration (with us, ms, s, m, h or d)"},
    [CONFIG_RATE] = {"NUMBER/DURATION", "A number within a duration (with us, ms, s, m, h or d)"},
    [CONFIG_YES_NO] = {"yes|no", NULL},
    [CONFIG_CHOICE] = {"WORD", "One of"},
};

/* ---- flowing text ---- */

/* Words fill lines up to a width; each line begins with the lead. */
struct flow {
    FILE *out;
    const char *lead;
    size_t width;
    size_t column;               /* 0: the line is not begun */
};

static void flow_word(struct flow *flow, const char *word, size_t len)
{
    if (flow->column > 0 && flow->column + 1 + len > flow->width) {
        (void)fputc('\n', flow->out);
        flow->column = 0;
    }
    flow->column += (size_t)fprintf(flow->out, "%s%.*s", flow->column == 0 ? flow->lead : " ", (int)len, word);
}

static void flow_text(struct flow *flow, const char *text)
{
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        const size_t len = strcspn(text, " ");
        flow_word(flow, text, len);
        text += len;
    }
}

static void flow_end(struct flow *flow)
{
    if (flow->column > 0)
        (void)fputc('\n', flow->out);
    flow->column = 0;
}

static void flow_paragraph(FILE *out, const char *lead, size_t width, const char *text)
{
    struct flow flow = {.out = out, .lead = lead, .width = width};
    flow_text(&flow, text);
    flow_end(&flow);
}

/* ---- what a row says ---- */

static void describe_choice(struct flow *flow, const char *words)
{
    while (*words != '\0') {
        char word[CONFIG_LONGEST_NAME + 8];
        const size_t len = strcspn(words, "|");
        const bool last = words[len] == '\0';
        const bool open = len > 0 && words[len - 1] == ':';
        (void)snprintf(word, sizeof word, "%.*s%s%s", (int)len, words, open ? "TEXT" : "", last ? "." : ",");
        flow_text(flow, word);
        words += len + (last ? 0 : 1);
    }
}

static void describe_bounds(struct flow *flow, const struct config_row *row)
{
    char text[128] = ".";
    if (row->least != NULL && row->most != NULL)
        (void)snprintf(text, sizeof text, ", from %s to %s.", row->least, row->most);
    else if (row->least != NULL)
        (void)snprintf(text, sizeof text, ", at least %s.", row->least);
    else if (row->most != NULL)
        (void)snprintf(text, sizeof text, ", at most %s.", row->most);
    char sentence[192];
    (void)snprintf(sentence, sizeof sentence, "%s%s", types[row->type].sentence, text);
    flow_text(flow, sentence);
}

static void describe_row(struct flow *flow, const struct config_row *row)
{
    flow_text(flow, row->help);
    if (row->type == CONFIG_YES_NO) {
        flow_text(flow, "Either yes or no.");
    } else if (row->type == CONFIG_CHOICE) {
        flow_text(flow, types[row->type].sentence);
        describe_choice(flow, row->least);
    } else if (types[row->type].sentence != NULL) {
        describe_bounds(flow, row);
    }
    flow_text(flow, row->when == AT_START ? "Takes effect at start." : "Takes effect on reload.");
}

/* ---- --help ---- */

static void help_row(FILE *out, const struct config_row *row)
{
    struct flow flow = {.out = out, .lead = "      ", .width = HELP_COLUMNS};
    (void)fprintf(out, "  --%s %s\n", row->name, types[row->type].word);
    describe_row(&flow, row);
    flow_text(&flow, row->initial[0] == '\0' ? "No default." : "Default:");
    flow_text(&flow, row->initial);
    flow_end(&flow);
}

static void help_places(FILE *out, const char *file)
{
    struct flow flow = {.out = out, .lead = "", .width = HELP_COLUMNS};
    flow_text(&flow, "The settings. Each is an option, or a line NAME = VALUE of the file");
    flow_text(&flow, file == NULL ? "that --config names." : file);
    flow_text(&flow, file == NULL ? "" : "or of the one that --config names.");
    flow_text(&flow, "The command line wins.");
    flow_end(&flow);
}

static void print_help(const struct config_table *table, FILE *out)
{
    char usage[256];
    (void)snprintf(usage, sizeof usage, "Usage: %s [--config FILE] [--NAME VALUE]...", table->program);
    flow_paragraph(out, "", HELP_COLUMNS, usage);
    flow_paragraph(out, "", HELP_COLUMNS, table->summary);
    (void)fputc('\n', out);
    for (size_t i = 0; i < config_switch_count; i++) {
        const struct config_switch *own = &config_switches[i];
        (void)fprintf(out, "  --%s%s%s\n", own->name, own->value == NULL ? "" : " ",
                      own->value == NULL ? "" : own->value);
        flow_paragraph(out, "      ", HELP_COLUMNS, own->help);
    }
    (void)fputc('\n', out);
    help_places(out, table->file);
    for (size_t i = 0; i < table->count; i++) {
        (void)fputc('\n', out);
        help_row(out, &table->rows[i]);
    }
}

/* ---- --example-config ---- */

static void print_assignment(FILE *out, const char *lead, const char *name, const char *value)
{
    (void)fprintf(out, "%s%s =%s%s\n", lead, name, value[0] == '\0' ? "" : " ", value);
}

static void print_example(const struct config_table *table, FILE *out)
{
    (void)fprintf(out, "# Settings of %s.\n#\n", table->program);
    flow_paragraph(out, "# ", EXAMPLE_COLUMNS,
                   "Each line is NAME = VALUE; a # begins a comment. What is commented out below is the default. "
                   "The names are also options of the command line, which wins: --NAME VALUE.");
    for (size_t i = 0; i < table->count; i++) {
        struct flow flow = {.out = out, .lead = "# ", .width = EXAMPLE_COLUMNS};
        (void)fputc('\n', out);
        describe_row(&flow, &table->rows[i]);
        flow_end(&flow);
        print_assignment(out, "#", table->rows[i].name, table->rows[i].initial);
    }
}

/* ---- --print-config ---- */

/* A row has one line, a list one for each item. */
static const struct config_list *list_of(const struct config *config, size_t row)
{
    const struct config_row *at = &config->table->rows[row];
    return at->type != CONFIG_LIST ? NULL : (const void *)((const char *)config->values + at->field);
}

static size_t count_lines(const struct config *config, size_t row)
{
    const struct config_list *list = list_of(config, row);
    return list == NULL || list->count == 0 ? 1 : list->count;
}

static const char *value_of(const struct config *config, size_t row, size_t line)
{
    const struct config_list *list = list_of(config, row);
    return list == NULL || list->count == 0 ? config->entries[row].shown : list->at[line];
}

static size_t width_of(const char *name, const char *value)
{
    return strlen(name) + strlen(" =") + (value[0] == '\0' ? 0 : strlen(value) + 1);
}

static size_t aligned_width(const struct config *config)
{
    size_t widest = 0;
    for (size_t i = 0; i < config->table->count; i++)
        for (size_t k = 0; k < count_lines(config, i); k++) {
            const size_t width = width_of(config->table->rows[i].name, value_of(config, i, k));
            widest = width > widest && width <= WIDEST_ALIGNED ? width : widest;
        }
    return widest;
}

static void print_origin(const struct config *config, size_t row, size_t line, FILE *out)
{
    const struct config_entry *entry = &config->entries[row];
    const struct config_list *list = list_of(config, row);
    char file[CONFIG_SHOWN_FILE + 4];
    if (entry->place == CONFIG_BY_DEFAULT)
        (void)fprintf(out, "# default\n");
    else if (entry->place == CONFIG_BY_COMMAND_LINE)
        (void)fprintf(out, "# command line\n");
    else
        (void)fprintf(out, "# %s:%u\n", config_show(span_of(config->file), CONFIG_SHOWN_FILE, file),
                      list == NULL || list->count == 0 ? entry->line : entry->lines[line]);
}

static void print_row(const struct config *config, size_t row, size_t width, FILE *out)
{
    const char *name = config->table->rows[row].name;
    for (size_t k = 0; k < count_lines(config, row); k++) {
        const char *value = value_of(config, row, k);
        const size_t used = width_of(name, value);
        (void)fprintf(out, "%s =%s%s%*s", name, value[0] == '\0' ? "" : " ", value,
                      (int)(used < width ? width - used : 0) + 2, "");
        print_origin(config, row, k, out);
    }
}

static void print_values(const struct config *config, FILE *out)
{
    const size_t width = aligned_width(config);
    for (size_t i = 0; i < config->table->count; i++)
        print_row(config, i, width, out);
}

/* Whether all of it could be written is for the caller to ask of the stream. */
void config_answer(const struct config *config, FILE *out)
{
    switch (config->wish) {
    case CONFIG_HELP:
        print_help(config->table, out);
        break;
    case CONFIG_VERSION:
        (void)fprintf(out, "%s %s\n", config->table->program, config->table->version);
        break;
    case CONFIG_PRINT:
        print_values(config, out);
        break;
    case CONFIG_EXAMPLE:
        print_example(config->table, out);
        break;
    case CONFIG_RUN:
    case CONFIG_CHECK:
        break;                           /* the program's own affair */
    }
}
