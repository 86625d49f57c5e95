/*
 * A file of the inbox in memory: whose it is, its fingerprint, and the report in it (spec/smx.md 1, 6).
 *
 * What it hides: libcrypto, of which this is the only home; finding the client without parsing; that messages beyond
 * the columns of the database are invalid, too. Pure; the reader is the caller's. A file that is bad is ERROR_MALFORMED,
 * ERROR_TOO_BIG or ERROR_UNSUPPORTED; ERROR_NO_MEMORY says nothing about the file.
 */
#ifndef STATESYS_FILE_H
#define STATESYS_FILE_H

#include "base/error.h"
#include "base/mem.h"
#include "report/report.h"

enum { FILE_CLIENT_SIZE = 256, FILE_HASH_SIZE = 32 };

/* The normal form of the first ClientID that is written out, as report_parse has it if it is ASCII, cut to fit. A hint:
 * comments and references are not understood. Returns its length; 0: none is found. */
size_t file_find_client(struct span bytes, char out[FILE_CLIENT_SIZE]);

/* SHA-256. */
bool file_hash(struct span bytes, unsigned char out[FILE_HASH_SIZE], struct error *err) MUST_CHECK;

bool file_parse(struct span bytes, const struct report_limits *limits, struct xml_reader *reader, struct arena *arena,
                struct report *out, struct error *err) MUST_CHECK;

#endif
