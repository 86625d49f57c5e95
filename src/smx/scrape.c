/* The decision hidden here: a line is taken apart from its end, because a label may hold anything but the number is the
 * last word of our pages, which have no time stamps. */
#include "scrape.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_NUMBER = 64 };

static struct span take_line(struct span *page)
{
    const char *end = memchr(page->at, '\n', page->len);
    const size_t len = end == NULL ? page->len : (size_t)(end - page->at);
    const struct span line = {page->at, len};
    const size_t used = end == NULL ? len : len + 1;
    page->at += used;
    page->len -= used;
    return span_trim(line);
}

static bool read_number(struct span text, double *out)
{
    char number[MOST_NUMBER];
    char *end;
    if (text.len == 0 || text.len >= sizeof number)
        return false;
    memcpy(number, text.at, text.len);
    number[text.len] = '\0';
    *out = strtod(number, &end);
    return *end == '\0' && isfinite(*out);
}

/* Of {name="value",...}: what stands between the first quote and the next that is not escaped. */
static struct span read_label(struct span labels)
{
    const char *quote = labels.len == 0 ? NULL : memchr(labels.at, '"', labels.len);
    if (quote == NULL)
        return (struct span){"", 0};
    const struct span rest = {quote + 1, labels.len - (size_t)(quote + 1 - labels.at)};
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.at[i] == '\\')
            i++;
        else if (rest.at[i] == '"')
            return (struct span){rest.at, i};
    }
    return (struct span){"", 0};
}

static bool read_sample(struct span line, struct scrape_sample *out)
{
    size_t number = line.len;
    while (number > 0 && line.at[number - 1] != ' ' && line.at[number - 1] != '}')
        number--;
    size_t name = 0;
    while (name < number && line.at[name] != '{' && line.at[name] != ' ')
        name++;
    out->name = (struct span){line.at, name};
    out->label = read_label((struct span){line.at + name, number - name});
    return name > 0 && line.at[0] != '#' &&
           read_number((struct span){line.at + number, line.len - number}, &out->value);
}

bool scrape_next(struct span *page, struct scrape_sample *out)
{
    while (page->len > 0) {
        const struct span line = take_line(page);
        if (line.len > 0 && read_sample(line, out))
            return true;
    }
    return false;
}

bool scrape_find(struct span page, const char *name, const char *label, double *out)
{
    for (struct scrape_sample sample; scrape_next(&page, &sample);) {
        if (!span_equal(sample.name, span_of(name)) || (label != NULL && !span_equal(sample.label, span_of(label))))
            continue;
        *out = sample.value;
        return true;
    }
    return false;
}

double scrape_sum(struct span page, const char *name)
{
    double sum = 0;
    for (struct scrape_sample sample; scrape_next(&page, &sample);)
        if (span_equal(sample.name, span_of(name)))
            sum += sample.value;
    return sum;
}
