/* The decision hidden here: a path says whom a report is for, a method and a type its form, and the cheapest of them is
 * looked at first. */
#include "http_form.h"

#include <string.h>

/* Whatever the type says of it further. */
static bool is_plain(const char *method, struct span content_type)
{
    const struct span multipart = SPAN("multipart/mixed");
    return strcmp(method, "POST") == 0 &&
           !(content_type.len >= multipart.len &&
             span_equal_nocase((struct span){content_type.at, multipart.len}, multipart));
}

static enum counters_form form_of(const struct task *task, const char *method, const struct head *head)
{
    if (task->fallback)
        return FORM_FSP;
    if (is_plain(method, head->content_type))
        return FORM_PLAIN;
    return strcmp(method, "CCM_POST") == 0 || strcmp(method, "POST") == 0 ? FORM_CCM : FORM_OTHER;
}

void form_note(struct task *task, const char *path, const char *method, const struct head *head)
{
    task->fallback = fsp_is_asked(task->settings, path);
    task->counted_as = form_of(task, method, head);
    if (task->counted_as == FORM_PLAIN || task->counted_as == FORM_FSP)
        task->form = ENVELOPE_PLAIN;
}

static bool check_path(const struct settings *settings, const char *path, struct error *err)
{
    static const char *const served[] = {"/ccm_system/request", "/ccm_system_altauth/request"};
    for (size_t i = 0; i < sizeof served / sizeof served[0]; i++)
        if (span_equal_nocase(span_of(path), span_of(served[i])))
            return true;
    if (!span_equal_nocase(span_of(path), SPAN("/ccm_system_windowsauth/request")))
        return error_refuse(err, ERROR_NOT_FOUND, "http", "no such path");
    return settings->windowsauth == WINDOWSAUTH_ALIAS ||
           error_refuse(err, ERROR_UNAUTHENTICATED, "http", "Windows authentication is not offered");
}

static bool check_method(const char *method, struct error *err)
{
    return strcmp(method, "CCM_POST") == 0 || strcmp(method, "POST") == 0 ||
           error_refuse(err, ERROR_METHOD, "http", "only CCM_POST and POST are served");
}

static bool check_coding(struct task *task, const struct head *head, enum envelope_form form)
{
    if (head->stacked)
        return error_refuse(&task->err, ERROR_UNSUPPORTED, "http", "more than one Content-Encoding");
    return envelope_coding(head->content_encoding, form, &task->coding, &task->err);
}

static bool check_type(struct task *task, const char *method, const struct head *head, struct envelope_type *type)
{
    if (!envelope_type(head->content_type, type, &task->err))
        return false;
    if (type->form == ENVELOPE_PLAIN && strcmp(method, "POST") != 0)
        return error_refuse(&task->err, ERROR_UNSUPPORTED, "http", "CCM_POST takes multipart/mixed only");
    task->form = type->form;
    task->boundary = span_of(type->boundary);
    return check_coding(task, head, type->form);
}

/* Whatever its Content-Type is: none is known (wire.md 6). */
static bool check_fallback(struct task *task, const char *method, const struct head *head)
{
    if (strcmp(method, "POST") != 0)
        return error_refuse(&task->err, ERROR_METHOD, "http", "only POST is served here");
    return check_coding(task, head, ENVELOPE_MULTIPART);
}

bool form_check(struct task *task, const char *path, const char *method, const struct head *head,
                struct envelope_type *type)
{
    return task->fallback ? check_fallback(task, method, head)
                          : check_path(task->settings, path, &task->err) && check_method(method, &task->err) &&
                                check_type(task, method, head, type);
}
