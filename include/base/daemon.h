/*
 * What every daemon of the house does alike: its signals, paths below its root, words to and from the service manager,
 * its end.
 *
 * Calling sequence: daemon_block_signals before any thread, then sigwait for SIGTERM, SIGINT and SIGHUP by whom they
 * concern. daemon_notify from any thread. Nothing here keeps anything.
 * Source of the protocols: sd_notify(3), sd_listen_fds(3). Without NOTIFY_SOCKET in the environment nothing is told to
 * anybody.
 */
#ifndef BASE_DAEMON_H
#define BASE_DAEMON_H

#include "base/error.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum { DAEMON_PATH_SIZE = 4096 };

/* SIGTERM, SIGINT and SIGHUP wait for sigwait; broken pipes and limits on file sizes are errors of the call. */
void daemon_block_signals(sigset_t *out);

/* base followed by rest. ERROR_MALFORMED: too long for a path. */
bool daemon_path(char out[DAEMON_PATH_SIZE], const char *base, const char *rest, struct error *err) MUST_CHECK;
/* `chosen`, or else (NULL) the usual place below the root. */
bool daemon_choose_path(char out[DAEMON_PATH_SIZE], const char *chosen, const char *root, const char *usual,
                        struct error *err) MUST_CHECK;

/* As root, a root directory of another user is refused (ERROR_SYSTEM): what root made there that user, who runs the
 * daemon else, could not use. One that is not there (yet) is good. Before there are threads. */
bool daemon_check_user(const char *root, struct error *err) MUST_CHECK;

/* Lines of sd_notify(3): "READY=1\nSTATUS=...". */
void daemon_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The socket that the service manager hands in (sd_listen_fds(3), the first if there are several); -1: none. */
int daemon_take_socket(void);
/* The sockets that it hands in, one after the other, -1 behind the last; `name` is FileDescriptorName=, "" where it told
 * none. */
enum { DAEMON_SOCKET_NAME_SIZE = 256 };
int daemon_handed_socket(size_t number, char name[DAEMON_SOCKET_NAME_SIZE]);
/* How often WATCHDOG=1 is due (half of what the service manager allows), microseconds; 0: never. */
int64_t daemon_watchdog_interval(void);

/* Exit statuses. What was written to standard output and cut off by a full disk is no success. */
int daemon_end_output(void);
int daemon_fail(const char *program, const struct error *err);

#endif
