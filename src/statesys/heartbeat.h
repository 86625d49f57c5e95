/*
 * The state system's own sign of life: a report of topic type 701 about itself, put into its own inbox, so that it
 * passes through all that reports pass through (spec/statesys.md 4.5).
 *
 * What it hides: what the report says, and its name. Topic ID is the site code; Params are site code and sequence number,
 * which is the SerialNumber too. The ledger does not count it: ClientInstalled is 0 and there is no "GUID:".
 */
#ifndef STATESYS_HEARTBEAT_H
#define STATESYS_HEARTBEAT_H

#include "base/error.h"

#include <stdint.h>

/* ClientID, in its normal form too. */
enum { HEARTBEAT_CLIENT_SIZE = 32 };
void heartbeat_client(const char *site_code, char out[HEARTBEAT_CLIENT_SIZE]);

/* Errors as those of deliver_new. */
bool heartbeat_write(const char *directory, const char *site_code, uint64_t sequence, int64_t now,
                     struct error *err) MUST_CHECK;

#endif
