/* smx inspect: what is in a request dump, a multipart body, a report on the wire or an .smx file. */
#include "base/sys.h"
#include "dump.h"
#include "inspect_print.h"
#include "report/smx.h"
#include "show.h"
#include "verbs.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { MOST_FILE = 256 * 1024 * 1024, MOST_MEMORY = 8 };

static const struct xml_limits xml_limits = {.depth = 200, .tag_bytes = 1024UL * 1024};

/* ---- from bytes to findings ---- */

static bool open_multipart(struct span body, const char *boundary, struct xml_reader *reader, struct arena *arena,
                           struct findings *out, struct error *err)
{
    const struct envelope_limits limits = {
        .xml = xml_limits,
        .msg = 16UL * 1024 * 1024,
        .inflated = MOST_FILE,
        .attachments = 1000,
        .properties = 1000,
        .ratio = 1100,
        .guess_file_type = true,
    };
    out->has_message = true;
    return envelope_open(body, span_of(boundary), &limits, reader, arena, &out->message, err);
}

static bool open_request(struct span bytes, struct xml_reader *reader, struct arena *arena, struct findings *out,
                         struct error *err)
{
    const struct envelope_limits limits = {.xml = xml_limits, .inflated = MOST_FILE, .ratio = 1100};
    struct envelope_type type;
    enum envelope_coding coding;
    if (!dump_read(bytes, arena, &out->dump, err))
        return false;
    out->has_dump = true;
    if (!envelope_type(out->dump.content_type, &type, err) ||
        !envelope_coding(out->dump.content_encoding, type.form, &coding, err))
        return false;
    if (type.form == ENVELOPE_MULTIPART)
        return open_multipart(out->dump.body, type.boundary, reader, arena, out, err);
    return envelope_open_plain(out->dump.body, coding, &limits, arena, &out->message, err);
}

/* A multipart body without its head: the first line is the boundary. */
static bool open_body(struct span bytes, struct xml_reader *reader, struct arena *arena, struct findings *out,
                      struct error *err)
{
    char boundary[ENVELOPE_BOUNDARY_MOST + 1];
    const char *end = memchr(bytes.at, '\r', bytes.len);
    const size_t len = end == NULL ? 0 : (size_t)(end - bytes.at) - 2;
    if (len == 0 || len > ENVELOPE_BOUNDARY_MOST)
        return error_refuse(err, ERROR_MALFORMED, "multipart", "the first line is not a boundary of 1 to %d characters",
                            ENVELOPE_BOUNDARY_MOST);
    memcpy(boundary, bytes.at + 2, len);
    boundary[len] = '\0';
    return open_multipart(bytes, boundary, reader, arena, out, err);
}

static bool open_any(struct span bytes, struct xml_reader *reader, struct arena *arena, struct findings *out,
                     struct error *err)
{
    if (dump_is_request(bytes))
        return open_request(bytes, reader, arena, out, err);
    if (bytes.len > 2 && memcmp(bytes.at, "--", 2) == 0)
        return open_body(bytes, reader, arena, out, err);
    return smx_text(bytes, &out->message.text, &out->message.encoding, err);
}

static bool find(struct span bytes, struct xml_reader *reader, struct arena *arena, struct findings *out,
                 struct error *err)
{
    const struct report_limits limits = {xml_limits, REPORT_MOST_MESSAGES};
    if (!open_any(bytes, reader, arena, out, err) ||
        !text_copy_utf8(out->message.encoding, out->message.text, arena, &out->xml, err))
        return false;
    out->has_xml = true;
    out->has_report = report_parse(out->message.text, out->message.encoding, &limits, reader, arena, &out->report, err);
    return out->has_report;
}

/* ---- one file ---- */

static bool read_input(const char *name, struct buffer *file, struct error *err)
{
    return sys_read_file(AT_FDCWD, strcmp(name, "-") == 0 ? "/dev/stdin" : name, file, err);
}

/* Refused memory is no verdict on the file: then nothing is shown of it. */
static int inspect_bytes(const char *name, struct span bytes, struct xml_reader *reader, struct arena *arena,
                         enum inspect_form form)
{
    struct findings findings = {.name = name};
    struct error err;
    const bool valid = find(bytes, reader, arena, &findings, &err);
    if (!valid && err.kind == ERROR_NO_MEMORY) {
        show_error("%s: %s", name, err.text);
        return EX_OSERR;
    }
    inspect_print(&findings, valid ? NULL : &err, form);
    return valid ? EX_OK : EX_DATAERR;
}

static int inspect_file(const char *name, struct xml_reader *reader, enum inspect_form form)
{
    struct error err;
    struct buffer file;
    int status;
    buffer_init(&file, MOST_FILE);
    struct arena *arena = arena_open((size_t)MOST_FILE * MOST_MEMORY, NULL);
    if (arena == NULL) {
        show_error("%s: no memory", name);
        status = EX_OSERR;
    } else if (!read_input(name, &file, &err)) {
        show_error("%s", err.text);
        status = EX_NOINPUT;
    } else {
        status = inspect_bytes(name, buffer_span(&file), reader, arena, form);
    }
    arena_close(arena);
    buffer_fini(&file);
    return status;
}

/* ---- the command ---- */

static int show_usage(FILE *out, int status)
{
    (void)fputs(
        "Usage: smx inspect [--xml | --json] FILE...\n"
        "Shows what is in a recorded request, a multipart body, a report or an .smx file. FILE may be - for the\n"
        "standard input.\n"
        "  --xml   the report alone, indented\n"
        "  --json  one object a line for each file\n",
        out);
    return status;
}

int verb_inspect(int argc, char **argv)
{
    static const struct option options[] = {
        {"xml", no_argument, NULL, 'x'}, {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    enum inspect_form form = INSPECT_TEXT;
    struct xml_reader *reader;
    struct error err;
    optind = 0;                         /* another verb may have used getopt before */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h')
            return show_usage(stdout, EX_OK);
        if (option != 'x' && option != 'j')
            return show_usage(stderr, EX_USAGE);
        form = option == 'x' ? INSPECT_XML : INSPECT_JSON;
    }
    if (optind == argc)
        return show_usage(stderr, EX_USAGE);
    if (!xml_open(&reader, &err)) {
        show_error("%s", err.text);
        return EX_OSERR;
    }
    int status = EX_OK;
    for (int i = optind; i < argc; i++) {
        const int one = inspect_file(argv[i], reader, form);
        status = status == EX_OK ? one : status;
    }
    xml_close(reader);
    return status;
}
