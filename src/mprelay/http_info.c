/* The decision hidden here: a query is the words between its '&', in their order, and none of them has a value. */
#include "http_info.h"

#include "base/sys.h"

#include <fcntl.h>
#include <string.h>

enum { MOST_CERTIFICATE = 3 * SIGNATURE_MOST_FILE };

/* ---- the certificate ---- */

static bool write_certificate(struct span pem, struct buffer *out, struct error *err)
{
    return buffer_add(out, "<MPCertificate>", 15, err) && signature_certificate_write(pem, out, err) &&
           buffer_add(out, "</MPCertificate>", 16, err);
}

bool info_open(const struct settings *settings, struct span *certificate, struct error *err)
{
    const char *path = settings->mp_certificate;
    struct buffer pem, text;
    struct error why;
    *certificate = (struct span){NULL, 0};
    if (path == NULL)
        return true;
    buffer_init(&pem, SIGNATURE_MOST_FILE);
    buffer_init(&text, MOST_CERTIFICATE);
    bool done = sys_read_file(AT_FDCWD, path, &pem, err);
    if (done && !write_certificate(buffer_span(&pem), &text, &why))
        done = error_set(err, why.kind, "mp-certificate: '%.80s': %s", path, why.text);
    buffer_fini(&pem);
    if (done)
        *certificate = buffer_span(&text);
    else
        buffer_fini(&text);
    return done;
}

/* ---- the question ---- */

bool info_is_asked(const struct settings *settings, const char *path)
{
    static const char *const served[] = {"/SMS_MP/.sms_aut", "/SMS_MP_AltAuth/.sms_aut", "/SMS_MP_TokenAuth/.sms_aut"};
    for (size_t i = 0; i < sizeof served / sizeof served[0]; i++)
        if (settings->info_endpoints == SWITCH_ON && span_equal_nocase(span_of(path), span_of(served[i])))
            return true;
    return false;
}

struct words {
    struct span at[MPLIST_MOST_WORDS];
    size_t count;
};

static enum MHD_Result note_word(void *owner, enum MHD_ValueKind kind, const char *name, size_t len, const char *value,
                                 size_t value_len)
{
    struct words *words = owner;
    (void)kind, (void)value_len;
    if (value != NULL)
        words->count = MPLIST_MOST_WORDS + 1;
    else if (words->count < MPLIST_MOST_WORDS)
        words->at[words->count] = (struct span){name, len};
    words->count++;
    return MHD_YES;
}

bool info_read(struct MHD_Connection *library, struct info_question *out, struct error *err)
{
    struct words words = {.count = 0};
    (void)MHD_get_connection_values_n(library, MHD_GET_ARGUMENT_KIND, note_word, &words);
    out->asked = mplist_read(words.at, words.count, out->site);
    return out->asked != MPLIST_NONE || error_refuse(err, ERROR_NOT_FOUND, "http", "no such question");
}

bool info_wants_checkup(const struct info_question *question)
{
    return question->asked == MPLIST_LIST;
}

/* ---- the answer ---- */

static struct MHD_Response *make_response(struct span text, bool closing)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, (void *)(uintptr_t)text.at, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return NULL;
    const bool made = MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
                      (text.len == 0 || MHD_add_response_header(response, "Content-Type", "text/xml") == MHD_YES) &&
                      (!closing || MHD_add_response_header(response, "Connection", "close") == MHD_YES);
    if (made)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

static bool write_text(const struct info_question *question, struct span certificate, const struct task *task,
                       struct buffer *out, struct error *err)
{
    if (question->asked == MPLIST_LIST)
        return mplist_write(task->settings, question->site, out, err);
    return certificate.len > 0 ? buffer_add(out, certificate.at, certificate.len, err)
                               : error_refuse(err, ERROR_NOT_FOUND, "http", "no mp-certificate");
}

/* Why reports cannot be kept the log says once (checkup.h), and nobody else is told. */
struct MHD_Response *info_answer(const struct info_question *question, struct span certificate, struct task *task,
                                 bool closing, unsigned *status)
{
    struct MHD_Response *response = NULL;
    struct buffer text;
    const bool failing = task->err.kind != ERROR_NONE;
    buffer_init(&text, MOST_CERTIFICATE + MPLIST_MOST);
    *status = failing ? MHD_HTTP_INTERNAL_SERVER_ERROR : MHD_HTTP_OK;
    if (failing || write_text(question, certificate, task, &text, &task->err)) {
        response = make_response(text.len > 0 ? buffer_span(&text) : SPAN(""), closing || failing);
        if (response == NULL)
            (void)error_set(&task->err, ERROR_NO_MEMORY, "the system refused memory for an answer");
    }
    buffer_fini(&text);
    return response;
}
