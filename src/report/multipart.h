/*
 * multipart/mixed by RFC 2046, as wire.md 1.2 and 1.3 want it: the boundary out of a Content-Type, and a body cut
 * into the two parts of a CCM_POST. The payload is binary: nothing here looks for a NUL. Refusals are of rule
 * "multipart". Pure; no memory of its own.
 */
#ifndef REPORT_MULTIPART_H
#define REPORT_MULTIPART_H

#include "report/envelope.h"

enum { MULTIPART_PARTS = 2 };

/* `parameters` is what follows the media type in the header, from its first semicolon. The boundary is written with a
 * NUL behind it, without quotes and backslashes. */
bool multipart_boundary(struct span parameters, char out[ENVELOPE_BOUNDARY_MOST + 1], struct error *err) MUST_CHECK;

/* The content of each part, without its header lines. The parts point into `body`. */
bool multipart_split(struct span body, struct span boundary, struct span parts[MULTIPART_PARTS],
                     struct error *err) MUST_CHECK;

#endif
