/*
 * The .smx file: the body as it was sent, behind FF FE (spec/smx.md 1).
 *
 * What it hides: what of a body is text and what is not (byte order mark, trailing NULs, an odd last byte), the form
 * on disk, and which directory a priority means (smx.md 4). Pure.
 */
#ifndef REPORT_SMX_H
#define REPORT_SMX_H

#include "base/error.h"
#include "base/mem.h"
#include "report/text.h"

/* The text inside of a body or file: without byte order mark and trailing NUL units, and without blanks behind the
 * first of these. For UTF-16 an odd last byte is dropped if it is 00, else refused (wire.md 2.2, rule "body"). `text`
 * points into `bytes`. */
bool smx_text(struct span bytes, struct span *text, enum text_encoding *encoding, struct error *err) MUST_CHECK;

/* What goes into the file: FF FE and `text` itself where it is UTF-16LE, else a transcoded copy in the arena in which
 * an XML declaration that names another encoding says "UTF-16" (wire.md 1.4); content[0] then goes on behind FF FE with
 * the declaration up to there. Nothing is re-serialized. */
bool smx_prepare(struct span text, enum text_encoding encoding, struct arena *arena, struct span content[2],
                 struct error *err) MUST_CHECK;

enum smx_queue { SMX_NORMAL, SMX_HIGH, SMX_LOW };
/* priority-high-max, priority-low-min */
enum smx_queue smx_queue(int priority, int high_max, int low_min);

#endif
