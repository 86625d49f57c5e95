/*
 * Text of a report in the encodings in which it comes: UTF-16LE, UTF-16BE, UTF-8 (spec/smx.md 1).
 *
 * What it hides: how an encoding is recognized, and strict conversion: a lone surrogate, an overlong or truncated
 * UTF-8 sequence and a code point beyond U+10FFFF are errors (ERROR_MALFORMED, the caller adds the rule), never
 * replaced but by text_first. The conversions of a whole text name the byte. Pure, no memory of its own; any thread may
 * call.
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>

enum text_encoding { TEXT_UTF16LE, TEXT_UTF16BE, TEXT_UTF8 };

/* By the byte order mark, whose length goes to *mark, else by a NUL beside the first character, else UTF-8. */
enum text_encoding text_detect(struct span bytes, size_t *mark);

/* Converts as much of `in` as fits into `room` bytes and says how much of both was used. Whole characters only: with
 * `last` a character cut off at the end of `in` is an error, without it is left for the next call. A conversion that
 * uses nothing although `in` has a whole character means that `room` is too small (4 bytes always suffice).
 * On failure *used and *len tell what was converted before the bad character: only the caller knows how many bytes
 * came before `in`, so only it can name the place. */
bool text_to_utf8(enum text_encoding encoding, struct span in, bool last, size_t *used, char *out, size_t room,
                  size_t *len, struct error *err) MUST_CHECK;

/* The whole of `in` as UTF-16LE without byte order mark, in the arena. For UTF-16LE it is checked and *out is `in`. */
bool text_to_utf16le(enum text_encoding encoding, struct span in, struct arena *arena, struct span *out,
                     struct error *err) MUST_CHECK;

/* `in` as UTF-8 in the arena. */
bool text_copy_utf8(enum text_encoding encoding, struct span in, struct arena *arena, struct span *out,
                    struct error *err) MUST_CHECK;

/* One code point as UTF-16LE; its length, 2 or 4. */
size_t text_write_utf16le(uint32_t point, char out[4]);

/* The first character of UTF-8 that is not empty, and its length; where it is none, U+FFFD and 1. */
#define TEXT_REPLACEMENT 0xFFFDu
uint32_t text_first(struct span utf8, size_t *size);

#endif
