/*
 * Reports signed as clients sign them: the key, and in whose name.
 *
 * What it hides: that the sender of a signed report must be the client that it is about (spec/wire.md 3.5), so the
 * report is read for it. Errors: ERROR_MALFORMED and those of report.h; a key file that cannot be read ERROR_SYSTEM.
 */
#ifndef SMX_SIGNING_H
#define SMX_SIGNING_H

#include "report/signature.h"
#include "report/xml.h"

struct signing {
    struct signature_signer *signer;
    struct xml_reader *reader;
};

/* Before anybody else in the program uses libcrypto. */
bool signing_open(const char *key_file, struct signing *out, struct error *err) MUST_CHECK;
void signing_close(struct signing *signing);    /* also one that was never opened, all zero */

/* SourceID, in the arena. `text` is UTF-16LE. */
bool signing_source(const struct signing *signing, struct span text, struct arena *arena, struct span *out,
                    struct error *err) MUST_CHECK;

#endif
