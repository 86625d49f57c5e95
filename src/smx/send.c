/* smx send: reports to a management point, in the envelope that real clients use or in the plain form. */
#include "base/sys.h"
#include "post.h"
#include "report/smx.h"
#include "show.h"
#include "signing.h"
#include "verbs.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { MOST_FILE = 256 * 1024 * 1024, WAIT = 1000000 };

struct sending {
    const char *to;
    const char *key;                /* of --sign, or NULL */
    struct signing signing;
    bool plain;
    struct post post;
    struct web *web;
    unsigned long count;
    const char *name;               /* of the file in hand */
    bool answered;
    int status;                     /* of the last answer */
};

/* ---- one request ---- */

static int judge(const struct web_answer *answer, const char **words)
{
    switch (post_judge(answer)) {
    case POST_KEPT:
        *words = "kept";
        return EX_OK;
    case POST_REFUSED:
        *words = "refused";
        return EX_DATAERR;
    case POST_AGAIN:
    case POST_UNANSWERED:
        break;
    }
    *words = answer->status < 300 ? "taken for a failure: the answer is empty (is it async-reply = empty, or "
                                    "refuse-style = empty200?)"
                                  : "not kept, send it again later";
    return EX_TEMPFAIL;
}

/* Only the plain form is told why, in JSON; in the envelope the reason stands in the log of the relay alone. */
static void tell(void *owner, const struct web_answer *answer)
{
    struct sending *sending = owner;
    const char *words;
    sending->answered = true;
    if (answer->status == 0) {
        show_error("%s: not sent to %s: %s", sending->name, sending->post.place.url, answer->error);
        sending->status = EX_UNAVAILABLE;
        return;
    }
    sending->status = judge(answer, &words);
    FILE *out = sending->status == EX_OK ? stdout : stderr;
    show_text(out, span_of(sending->name), "~");
    (void)fprintf(out, ": %ld, %s", answer->status, words);
    if (answer->body.len > 0 && answer->body.at[0] == '{') {
        (void)fputs(": ", out);
        show_text(out, answer->body, "~");
    } else if (sending->status == EX_DATAERR) {
        (void)fputs(": the reason stands in the relay's log (smx log), or try --plain", out);
    }
    (void)fputc('\n', out);
}

static bool post(struct sending *sending, const struct post_report *report, struct error *err)
{
    sending->answered = false;
    if (!post_begin(&sending->post, sending->web, report, err))
        return false;
    while (!sending->answered)
        if (!web_wait(sending->web, WAIT, err))
            return false;
    return true;
}

static int send_once(struct sending *sending, struct post_report report)
{
    struct buffer envelope;
    struct error err;
    buffer_init(&envelope, 2 * (size_t)MOST_FILE);
    report.envelope = &envelope;
    report.owner = sending;
    if (!post(sending, &report, &err)) {
        show_error("%s: %s", sending->name, err.text);
        sending->status = EX_SOFTWARE;
    }
    buffer_fini(&envelope);
    return sending->status;
}

/* ---- one file ---- */

/* As it would be kept, without the byte order mark. */
static bool read_text(struct span file, struct arena *arena, struct span *text, struct error *err)
{
    enum { MARK = 2 };
    enum text_encoding encoding;
    struct span content[2];
    if (!smx_text(file, text, &encoding, err) || !smx_prepare(*text, encoding, arena, content, err))
        return false;
    const size_t before = content[0].len - MARK;
    char *whole = arena_alloc(arena, before + content[1].len);
    if (whole == NULL)
        return arena_error(arena, "limit", err);
    memcpy(whole, content[0].at + MARK, before);
    memcpy(whole + before, content[1].at, content[1].len);
    *text = (struct span){whole, before + content[1].len};
    return true;
}

static bool read_report(const struct sending *sending, struct span file, struct arena *arena, struct post_report *out,
                        struct error *err)
{
    *out = (struct post_report){.file = file, .source_id = {"", 0}};
    return read_text(file, arena, &out->text, err) &&
           (sending->key == NULL || signing_source(&sending->signing, out->text, arena, &out->source_id, err));
}

static int send_file(struct sending *sending, const char *name)
{
    sending->name = name;
    struct buffer file;
    struct error err;
    struct post_report report;
    int status = EX_OK;
    buffer_init(&file, MOST_FILE);
    struct arena *arena = arena_open(6 * (size_t)MOST_FILE, NULL);
    if (arena == NULL) {
        show_error("%s: no memory", name);
        status = EX_OSERR;
    } else if (!sys_read_file(AT_FDCWD, name, &file, &err)) {
        show_error("%s", err.text);
        status = EX_NOINPUT;
    } else if (!read_report(sending, buffer_span(&file), arena, &report, &err)) {
        show_error("%s: %s", name, err.text);
        status = err.kind == ERROR_NO_MEMORY ? EX_OSERR : EX_DATAERR;
    } else {
        for (unsigned long i = 0; i < sending->count; i++) {
            const int once = send_once(sending, report);
            status = status == EX_OK ? once : status;
        }
    }
    arena_close(arena);
    buffer_fini(&file);
    return status;
}

/* ---- the command ---- */

static int show_usage(FILE *out, int status)
{
    (void)fputs("Usage: smx send FILE... --to URL [--sign KEY | --plain] [--count N]\n"
                "Posts reports as a client does. URL is that of the server, or a whole one with path.\n"
                "  --to URL   http://HOST[:PORT], https://...\n"
                "  --sign KEY sign as the client in the report, with a private RSA key in PEM\n"
                "  --plain    POST the file as it is, without an envelope\n"
                "  --count N  send each file N times\n",
                out);
    return status;
}

static int complain(const char *why)
{
    show_error("send: %s", why);
    return show_usage(stderr, EX_USAGE);
}

/* What is wrong, or NULL. */
static const char *read_options(int argc, char **argv, struct sending *sending, bool *help)
{
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'}, {"sign", required_argument, NULL, 's'},
        {"plain", no_argument, NULL, 'p'},    {"count", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},     {0}};
    uint64_t count = 1;
    optind = 0;                         /* another verb may have used getopt before */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 't')
            sending->to = optarg;
        else if (option == 'p')
            sending->plain = true;
        else if (option == 's')
            sending->key = optarg;
        else if (option == 'h')
            *help = true;
        else if (option != 'c')
            return "unknown option, or one without its value";
        else if (!span_to_uint64(span_of(optarg), &count) || count == 0 || count > 1000000)
            return "--count is a number from 1 to 1000000";
    }
    sending->count = (unsigned long)count;
    if (sending->plain && sending->key != NULL)
        return "--plain has no envelope that could be signed";
    if (sending->to == NULL)
        return *help ? NULL : "--to says where the reports go";
    return optind < argc || *help ? NULL : "name at least one file";
}

static int send_files(struct sending *sending, char *const *names, int count)
{
    const struct web_settings settings = {.connections = 1, .done = tell};
    struct error err;
    int status = EX_OK;
    if (!web_open(&settings, &sending->web, &err)) {
        show_error("%s", err.text);
        return EX_OSERR;
    }
    for (int i = 0; i < count; i++) {
        const int one = send_file(sending, names[i]);
        status = status == EX_OK ? one : status;
    }
    web_close(sending->web);
    return status;
}

int verb_send(int argc, char **argv)
{
    struct sending sending = {0};
    struct error err;
    bool help = false;
    const char *wrong = read_options(argc, argv, &sending, &help);
    if (wrong != NULL)
        return complain(wrong);
    if (help)
        return show_usage(stdout, EX_OK);
    if (!post_init(&sending.post, sending.to, sending.plain, &err))
        return complain("--to is not a URL such as http://mp.example.test");
    if (sending.key != NULL && !signing_open(sending.key, &sending.signing, &err)) {
        show_error("%s", err.text);
        return err.kind == ERROR_NO_MEMORY ? EX_OSERR : EX_NOINPUT;
    }
    sending.post.signer = sending.signing.signer;
    const int status = send_files(&sending, argv + optind, argc - optind);
    signing_close(&sending.signing);
    return status;
}
