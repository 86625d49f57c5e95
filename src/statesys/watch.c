/* The decision hidden here: which events mean a file. A file comes by a rename, a link, or is written in place; names
 * with a dot in front are somebody's unfinished work. */
#include "watch.h"

#include "base/sys.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdalign.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

enum { EVENTS = IN_MOVED_TO | IN_CREATE | IN_CLOSE_WRITE };

struct watch {
    int notices; /* -1: the kernel gave none */
    int wakes;
};

bool watch_open(struct watch **out, struct error *err)
{
    struct watch *watch = sys.allocate(sizeof *watch);
    if (watch == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the watch");
    watch->wakes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch->notices = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->wakes >= 0) {
        *out = watch;
        return true;
    }
    (void)error_os(err, "cannot open an event");
    watch_close(watch);
    return false;
}

void watch_close(struct watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->notices >= 0)
        (void)sys.close(watch->notices); /* neither was written to */
    if (watch->wakes >= 0)
        (void)sys.close(watch->wakes);
    sys.release(watch);
}

/* The same directory again is no second watch; another one under its name is a new one. */
bool watch_add(struct watch *watch, const char *directory, struct error *err)
{
    if (inotify_add_watch(watch->notices, directory, EVENTS | IN_ONLYDIR) >= 0)
        return true;
    return error_os(err, "cannot watch the directory '%s'", directory);
}

/* ---- notices ---- */

static bool is_notice(const struct inotify_event *event)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0)
        return true;
    return (event->mask & IN_ISDIR) == 0 && event->len > 0 && event->name[0] != '.';
}

/* Takes all that there is. Is a file among it? */
static bool read_notices(struct watch *watch)
{
    alignas(struct inotify_event) char events[16 * 1024];
    bool found = false;
    ssize_t len;
    while ((len = sys.read(watch->notices, events, sizeof events)) > 0 || (len < 0 && errno == EINTR))
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const void *)(events + at);
            found |= is_notice(event);
            at += (ssize_t)(sizeof *event + event->len);
        }
    return found;
}

void watch_drain(struct watch *watch)
{
    if (watch->notices >= 0)
        (void)read_notices(watch);
}

/* ---- waiting ---- */

static bool is_woken(struct watch *watch)
{
    eventfd_t count;
    return eventfd_read(watch->wakes, &count) == 0;
}

/* Milliseconds for poll: rounded up, and as much as it takes. */
static int milliseconds_until(int64_t ticks)
{
    const int64_t left = (ticks - sys_ticks() + 999) / 1000;
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

enum watch_reason watch_wait(struct watch *watch, int64_t ticks, bool listens)
{
    struct pollfd sources[2] = {{watch->wakes, POLLIN, 0}, {listens ? watch->notices : -1, POLLIN, 0}};
    for (;;) {
        const int ready = poll(sources, 2, milliseconds_until(ticks));
        if (ready > 0 && is_woken(watch))
            return WATCH_WOKEN;
        if (ready > 0 && sources[1].revents != 0 && read_notices(watch))
            return WATCH_NOTICE;
        if (sys_ticks() >= ticks)
            return WATCH_TIME;
    }
}

void watch_wake(struct watch *watch)
{
    (void)eventfd_write(watch->wakes, 1);       /* fails only if it was woken 2^64 times already */
}
