/* The decision hidden here: what each kind of failure means for the sender (spec/wire.md 4.3). */
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef error_set
#undef error_refuse
#undef error_os

static const struct error_policy policies[ERROR_KINDS] = {
    /*                           name             status  again  hidden ours */
    [ERROR_NONE] =             {"none",              200, false, false, false},
    [ERROR_MALFORMED] =        {"malformed",         400, false, true,  false},
    [ERROR_UNAUTHENTICATED] =  {"unauthenticated",   401, false, false, false},
    [ERROR_UNTRUSTED] =        {"untrusted",         403, false, true,  false},
    [ERROR_NOT_FOUND] =        {"not-found",         404, false, false, false},
    [ERROR_NO_ENDPOINT] =      {"no-endpoint",       404, false, true,  false},
    [ERROR_METHOD] =           {"method",            405, false, false, false},
    [ERROR_TOO_BIG] =          {"too-big",           413, false, true,  false},
    [ERROR_HEADERS_TOO_BIG] =  {"headers-too-big",   431, false, false, false},
    [ERROR_UNSUPPORTED] =      {"unsupported",       415, false, true,  false},
    [ERROR_TOO_SLOW] =         {"too-slow",          408, true,  false, false},
    [ERROR_BUSY] =             {"busy",              503, true,  false, true},
    [ERROR_NO_MEMORY] =        {"no-memory",         503, true,  false, true},
    [ERROR_NO_SPACE] =         {"no-space",          507, true,  false, true},
    [ERROR_SYSTEM] =           {"system",            500, true,  false, true},
};

const struct error_policy *error_policy(enum error_kind kind)
{
    assert(kind < ERROR_KINDS);
    return &policies[kind];
}

static void write_error(struct error *err, enum error_kind kind, const char *rule, int os, const char *format,
                        va_list arguments) __attribute__((format(printf, 5, 0)));

static void write_error(struct error *err, enum error_kind kind, const char *rule, int os, const char *format,
                        va_list arguments)
{
    err->kind = kind;
    err->os = os;
    err->rule = rule;
    (void)vsnprintf(err->text, sizeof err->text, format, arguments);   /* cut off rather than lost */
}

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_error(err, kind, NULL, 0, format, arguments);
    va_end(arguments);
    return false;
}

bool error_refuse(struct error *err, enum error_kind kind, const char *rule, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_error(err, kind, rule, 0, format, arguments);
    va_end(arguments);
    return false;
}

static enum error_kind kind_of_errno(int os)
{
    switch (os) {
    case ENOSPC:
    case EDQUOT:
        return ERROR_NO_SPACE;
    case ENOMEM:
        return ERROR_NO_MEMORY;
    default:
        return ERROR_SYSTEM;
    }
}

bool error_os(struct error *err, const char *format, ...)
{
    const int os = errno;
    va_list arguments;
    va_start(arguments, format);
    write_error(err, kind_of_errno(os), NULL, os, format, arguments);
    va_end(arguments);

    /* Why matters more than on what: a long path is cut, the reason is not. */
    char room[80], reason[96];
    const int len = snprintf(reason, sizeof reason, ": %s", strerror_r(os, room, sizeof room));
    const size_t most = sizeof err->text - 1 - (size_t)len;
    size_t used = strlen(err->text);
    if (used > most) {
        used = most;
        memcpy(err->text + used - 3, "...", 3);
    }
    memcpy(err->text + used, reason, (size_t)len + 1);
    return false;
}
