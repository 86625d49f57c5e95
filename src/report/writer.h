/*
 * Text that we write for others to read: UTF-16LE, escaped where it must be. For the files of this folder that write XML.
 * What did not fit is remembered: the first fault is in `err` and `good` is false, and all that is added behind it is
 * left out, so that a caller looks once, at the end.
 */
#ifndef REPORT_WRITER_H
#define REPORT_WRITER_H

#include "base/error.h"
#include "base/mem.h"

struct writer {
    struct buffer *out;
    struct error *err;
    bool good;
};

void writer_add_bytes(struct writer *writer, const char *bytes, size_t len);
/* ASCII, as it is. */
void writer_add(struct writer *writer, const char *text);
/* UTF-8; what no XML can hold (controls, bad UTF-8) becomes U+FFFD. */
void writer_add_escaped(struct writer *writer, struct span text);
void writer_add_element(struct writer *writer, const char *name, struct span text);
/* With a blank before it. */
void writer_add_attribute(struct writer *writer, const char *name, struct span value);

#endif
