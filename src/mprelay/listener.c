/* The decision hidden here: one thread polls all sockets, so that workers never compete for a connection. */
#include "listener.h"

#include "base/address.h"
#include "base/log.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <time.h>

enum {
    MOST_SOCKETS = 64,
    MOST_AT_ONCE = 256,                         /* connections of one socket before the others have their turn */
};

struct listener {
    struct pollfd sockets[MOST_SOCKETS + 1];    /* the last one in use is `wake` */
    size_t count;
    char *unix_paths[MOST_SOCKETS];             /* to be removed at the end */
    int wake;
    pthread_t thread;
    bool running;
    void (*take)(void *owner, int fd, const struct sockaddr *peer, socklen_t len);
    void *owner;
};

/* ---- opening ---- */

static struct address address_of(const char *name)
{
    return (struct address){"listen", name, "ADDRESS:PORT, [IPV6]:PORT or unix:PATH"};
}

static void add_socket(struct listener *listener, int fd)
{
    listener->sockets[listener->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* A socket file that nobody answers on is left over from a relay that was killed. */
static void remove_dead_socket(const struct sockaddr_un *address, socklen_t len)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, len) != 0 && errno == ECONNREFUSED)
        (void)sys.unlinkat(AT_FDCWD, address->sun_path, 0);    /* bind says what is wrong if it stays */
    (void)sys.close(fd);                /* nothing was written */
}

static bool open_unix(struct listener *listener, const char *name, const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t len = strlen(path);
    if (len == 0 || len >= sizeof address.sun_path)
        return error_set(err, ERROR_MALFORMED, "listen = %s: the path must have 1 to %zu bytes", name,
                         sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, len + 1);
    remove_dead_socket(&address, sizeof address);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_os(err, "listen = %s: cannot make a socket", name);
    const struct address said = address_of(name);
    const size_t slot = listener->count;
    if (!address_take(&said, fd, (const struct sockaddr *)&address, sizeof address, err))
        return false;
    add_socket(listener, fd);
    listener->unix_paths[slot] = sys.allocate(len + 1);
    if (listener->unix_paths[slot] == NULL)
        return error_set(err, ERROR_NO_MEMORY, "listen = %s: no memory", name);
    memcpy(listener->unix_paths[slot], path, len + 1);
    return chmod(path, 0660) == 0 || error_os(err, "listen = %s: cannot give the group access", name);
}

static bool open_tcp(struct listener *listener, const char *name, struct error *err)
{
    const struct address address = address_of(name);
    int fd;
    if (!address_listen(&address, &fd, err))
        return false;
    add_socket(listener, fd);
    return true;
}

static bool open_sockets(struct listener *listener, const struct config_list *addresses, struct error *err)
{
    if (addresses->count > MOST_SOCKETS)
        return error_set(err, ERROR_MALFORMED, "listen: more than %d addresses", MOST_SOCKETS);
    for (size_t i = 0; i < addresses->count; i++) {
        const char *name = addresses->at[i];
        const bool is_path = strncmp(name, "unix:", 5) == 0;
        if (is_path ? !open_unix(listener, name, name + 5, err) : !open_tcp(listener, name, err))
            return false;
    }
    listener->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return listener->wake >= 0 || error_os(err, "cannot make an event descriptor");
}

bool listener_open(const struct config_list *addresses, struct listener **out, struct error *err)
{
    struct listener *listener = sys.allocate(sizeof *listener);
    if (listener == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the listener");
    *listener = (struct listener){.wake = -1};
    if (!open_sockets(listener, addresses, err)) {
        listener_close(listener);
        return false;
    }
    *out = listener;
    return true;
}

/* ---- accepting ---- */

/* Out of descriptors or memory: the waiting connection stays in the backlog; a moment later there may be room. */
static void rest(void)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000000L};
    log_warning("Relay: cannot accept a connection: %m");
    (void)nanosleep(&moment, NULL);
}

static void accept_waiting(struct listener *listener, int from)
{
    for (int taken = 0; taken < MOST_AT_ONCE; taken++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        const int fd = accept4(from, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            listener->take(listener->owner, fd, (struct sockaddr *)&peer, len);
            continue;
        }
        const int os = errno;
        if (os == EMFILE || os == ENFILE || os == ENOBUFS || os == ENOMEM)
            rest();
        if (os != EINTR && os != ECONNABORTED)
            return;
    }
}

static void *run_listener(void *argument)
{
    struct listener *listener = argument;
    for (;;) {
        if (poll(listener->sockets, listener->count + 1, -1) < 0)
            continue;                   /* interrupted */
        if (listener->sockets[listener->count].revents != 0)
            return NULL;
        for (size_t i = 0; i < listener->count; i++)
            if (listener->sockets[i].revents != 0)
                accept_waiting(listener, listener->sockets[i].fd);
    }
}

bool listener_start(struct listener *listener,
                    void (*take)(void *owner, int fd, const struct sockaddr *peer, socklen_t len), void *owner,
                    struct error *err)
{
    listener->take = take;
    listener->owner = owner;
    listener->sockets[listener->count] = (struct pollfd){.fd = listener->wake, .events = POLLIN};
    errno = pthread_create(&listener->thread, NULL, run_listener, listener);
    listener->running = errno == 0;
    return listener->running || error_os(err, "cannot start the thread that accepts connections");
}

void listener_close(struct listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->running) {
        (void)eventfd_write(listener->wake, 1);     /* cannot fail: the counter is 0 */
        (void)pthread_join(listener->thread, NULL);
    }
    for (size_t i = 0; i < listener->count; i++) {
        (void)sys.close(listener->sockets[i].fd);   /* nothing is written to these */
        if (listener->unix_paths[i] != NULL)
            (void)sys.unlinkat(AT_FDCWD, listener->unix_paths[i], 0);   /* else the next start removes it */
        sys.release(listener->unix_paths[i]);
    }
    if (listener->wake >= 0)
        (void)sys.close(listener->wake);
    sys.release(listener);
}
