/*
 * Requests to clients for a resync, as files in one directory: the state system puts them there, the relay hands them
 * out (spec/statesys.md 4.3).
 *
 * What it hides: their names, <GUID>.rsy in upper case, which are made of GUIDs only: whatever a client sends as its
 * name, it cannot lead out of the directory; and that nothing but a small regular file is read.
 * Pure but for request_read and request_remove, which any thread may call.
 */
#ifndef SPOOL_REQUEST_H
#define SPOOL_REQUEST_H

#include "base/error.h"
#include "base/mem.h"

enum { REQUEST_GUID_SIZE = 37, REQUEST_NAME_SIZE = REQUEST_GUID_SIZE + 4, REQUEST_MOST = 4096 };

/* `client` with or without "GUID:" in front, in any case; upper case goes to `out`. False: it is no GUID. */
bool request_guid(struct span client, char out[REQUEST_GUID_SIZE]) MUST_CHECK;
void request_name(const char guid[REQUEST_GUID_SIZE], char out[REQUEST_NAME_SIZE]);
/* The way back. False: the file is no request. */
bool request_parse_name(const char *name, char out[REQUEST_GUID_SIZE]) MUST_CHECK;

/* Reads that client's request. ERROR_NOT_FOUND: there is none; ERROR_TOO_BIG over the buffer's maximum. */
bool request_read(const char *directory, const char guid[REQUEST_GUID_SIZE], struct buffer *out,
                  struct error *err) MUST_CHECK;
/* Takes it back, if it is there. */
bool request_remove(const char *directory, const char guid[REQUEST_GUID_SIZE], struct error *err) MUST_CHECK;

#endif
