/*
 * The state system as an operator sees it: ready or not and why, and its figures (base/admin.h).
 *
 * What it hides: a connection of its own to the database, asked at most once in 10 seconds whoever asks us how often;
 * the counting of waiting files, which stops at a bound; the names of the metrics: statesys_files_total{result},
 * statesys_messages_total{result}, statesys_batch_duration_seconds, statesys_batch_files,
 * statesys_backlog_files{queue}, statesys_backlog_oldest_timestamp_seconds{queue}, statesys_missing_messages,
 * statesys_missing_ranges, statesys_resyncs_total{what}, statesys_resyncs_pending, statesys_clients{heard},
 * statesys_heartbeat_timestamp_seconds, statesys_log_lines_lost_total, statesys_build_info{version}.
 * Not ready: the database cannot be reached, the inbox cannot be used, the heartbeat is older than three intervals, the
 * oldest waiting file is older than polling-interval and an hour, disk of the inbox or database nearly full.
 * Calling sequence: operation_open, then the pages for admin_open, operation_close after admin_close.
 */
#ifndef STATESYS_OPERATION_H
#define STATESYS_OPERATION_H

#include "base/admin.h"
#include "site.h"

struct operation;
bool operation_open(struct site *site, struct operation **out, struct error *err) MUST_CHECK;
struct admin_pages operation_pages(struct operation *operation);
void operation_close(struct operation *operation);      /* NULL is allowed */

#endif
