/*
 * Any bytes as a file of smx inspect, in each of its forms: nothing of them reaches the terminal as a control, and JSON
 * is JSON, and it is not much longer than the file. The first byte of an input chooses the form.
 */
#include "../../src/smx/verbs.h"

#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

enum { FORM_TEXT, FORM_XML, FORM_JSON, FORMS };
enum { MOST_TIMES = 100, SHORTEST = 40 };

/* ---- the verb ---- */

/* What it prints and complains of, in memory of its own. */
static struct span inspect(struct span file, unsigned form)
{
    static char verb[] = "inspect", xml[] = "--xml", json[] = "--json";
    char path[40];
    char *arguments[] = {verb, form == FORM_XML ? xml : form == FORM_JSON ? json : path, path, NULL};
    FILE *const out = stdout, *const complaints = stderr;
    struct span printed;
    char *text = NULL;
    const int fd = memfd_create("file", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, file.at, file.len) == (ssize_t)file.len);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    stdout = stderr = open_memstream(&text, &printed.len);
    require(stdout != NULL);
    const int status = verb_inspect(form == FORM_TEXT ? 2 : 3, arguments);
    require((status == EX_OK || status == EX_DATAERR) && fclose(stdout) == 0 && close(fd) == 0);
    stdout = out;
    stderr = complaints;
    printed.at = text;
    return printed;
}

/* ---- what must hold ---- */

static void check_terminal(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        require((c >= ' ' || c == '\n' || c == '\t') && c != 0x7F);
        require(c != 0xC2 || (unsigned char)text.at[i + 1] >= 0xA0);     /* C1 */
    }
}

static char next_char(struct span *json)
{
    require(json->len > 0);
    json->len--;
    return *json->at++;
}

static void read_string(struct span *json)
{
    for (char c; (c = next_char(json)) != '"';) {
        require((unsigned char)c >= ' ');
        require(c != '\\' || strchr("\"\\nt", next_char(json)) != NULL);
    }
}

/* Objects and lists that end as they began, and strings. What stands between are numbers and words of ours. */
static void check_json(struct span json)
{
    char open[16];
    size_t depth = 0;
    do {
        const char c = next_char(&json);
        if (c == '{' || c == '[') {
            require(depth < sizeof open);
            open[depth++] = c;
        } else if (c == '}' || c == ']') {
            require(depth > 0 && open[--depth] == (c == '}' ? '{' : '['));
        } else if (c == '"') {
            read_string(&json);
        } else {
            require(strchr(",:-.0123456789truefalsn", c) != NULL);
        }
    } while (depth > 0);
    require(json.len == 1 && json.at[0] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0 || bytes[0] >= FORMS)
        return 0;
    (void)fuzz_reader();                /* prepares libxml2 */
    const struct span printed = inspect((struct span){(const char *)bytes + 1, size - 1}, bytes[0]);
    require(printed.len <= MOST_TIMES * (size + SHORTEST));
    check_terminal(printed);
    if (bytes[0] == FORM_JSON)
        check_json(printed);
    free((void *)(uintptr_t)printed.at);
    return 0;
}
