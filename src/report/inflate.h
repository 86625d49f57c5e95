/*
 * zlib and gzip streams -> bytes, under limits. The only home of zlib's inflating half, and of libdeflate.
 *
 * What it hides: that there are two libraries; zlib and its traps (docs/ENGINEERING.md): the limits are known before
 * memory is spent, the stream must end with a good checksum and nothing may follow it, a preset dictionary is refused
 * (rule "zlib"), and refused memory is ERROR_NO_MEMORY, never a bad stream. Pure; any thread may call.
 */
#ifndef REPORT_INFLATE_H
#define REPORT_INFLATE_H

#include "base/error.h"
#include "base/mem.h"

enum inflate_format { INFLATE_ZLIB, INFLATE_GZIP };

struct inflate_options {
    enum inflate_format format;
    size_t most;            /* max-inflated, bytes */
    unsigned ratio;         /* max-ratio: inflated to compressed, counted above 1 MB inflated */
    size_t expected;        /* a guess at the inflated size, 0 for none: a good one saves a second pass */
};

bool inflate_whole(struct span stream, const struct inflate_options *options, struct arena *arena, struct span *out,
                   struct error *err) MUST_CHECK;

#endif
