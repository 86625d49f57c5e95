/*
 * What the service manager hears of the relay, in sentences for people, and the last end of a stop.
 *
 * What it hides: the words, and that trouble is said until it is over. Any thread may call. Without a service manager
 * nothing is said (base/daemon.h).
 */
#ifndef MPRELAY_LIFE_H
#define MPRELAY_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `first` is the first of `count` addresses. */
void life_say_ready(const char *first, size_t count, const char *outbox);
void life_say_reloading(void);
/* `why` the settings in the file are not those in force; NULL: they are. */
void life_say_reloaded(const char *why);
/* Why reports cannot be made files now; NULL: they can. */
void life_say_trouble(const char *why);
void life_say_alive(void);
void life_say_stopping(size_t connections);

/* From now on the process ends by itself after that time, microseconds, whatever its threads wait for; the log says so.
 * Without a thread for it there is no such end. The first call counts. */
void life_bound_stop(int64_t time);
/* Between these two, in which a disk may hold the caller up, SIGTERM and SIGINT bound the stop by themselves; the
 * caller, who has them blocked, still gets them afterwards. */
void life_begin_watch(int64_t time);
void life_end_watch(void);
/* The caller ends the process. False: it has taken too long, and is being ended. */
bool life_may_end(void);

#endif
