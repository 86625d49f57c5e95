/* A zlib stream (RFC 1950) of a payload, as the zlib-compress hook wants it (spec/wire.md 2.4). */
#ifndef REPORT_DEFLATE_H
#define REPORT_DEFLATE_H

#include "base/error.h"
#include "base/mem.h"

bool deflate_write(const struct span *parts, size_t count, struct buffer *out, struct error *err) MUST_CHECK;

#endif
