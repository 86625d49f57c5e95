/* The decision hidden here: one thread polls all sockets, so that workers never compete for a connection. */
#include "listener.h"

#include "base/address.h"
#include "base/daemon.h"
#include "base/log.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <time.h>

enum {
    MOST_SOCKETS = 64,
    MOST_AT_ONCE = 256,                         /* connections of one socket before the others have their turn */
    LOOK_MILLISECONDS = 1000,                   /* so often at least, to show that the thread lives */
};

/* Of a socket, and so whose a unix socket's name is, to be removed at the end. */
enum origin { ORIGIN_OURS, ORIGIN_GIVEN, ORIGIN_MANAGER };

struct listener {
    struct pollfd sockets[MOST_SOCKETS + 1];    /* the last one in use is `wake` */
    char names[MOST_SOCKETS][HANDOVER_NAME_SIZE];
    enum origin origins[MOST_SOCKETS];
    size_t count;
    int wake;
    pthread_t thread;
    bool running;
    _Atomic int64_t looked;
    void (*take)(void *owner, int fd, const struct sockaddr *peer, socklen_t len);
    pthread_mutex_t lock;                       /* held while `take` is called; guards what follows */
    void *owner;
};

/* ---- opening ---- */

static struct address address_of(const char *name)
{
    return (struct address){"listen", name, "ADDRESS:PORT, [IPV6]:PORT or unix:PATH"};
}

static const char *path_of(const char *name)
{
    return strncmp(name, "unix:", 5) == 0 ? name + 5 : NULL;
}

/* False: there are too many, or the name is too long; the socket is closed. */
static bool add_socket(struct listener *listener, const char *name, int fd, enum origin origin, struct error *err)
{
    const size_t slot = listener->count;
    if (slot == MOST_SOCKETS || strlen(name) >= HANDOVER_NAME_SIZE) {
        (void)sys.close(fd);            /* never used */
        return error_set(err, ERROR_MALFORMED, "listen: more than %d addresses, or one longer than %d bytes",
                         MOST_SOCKETS, HANDOVER_NAME_SIZE - 1);
    }
    (void)snprintf(listener->names[slot], HANDOVER_NAME_SIZE, "%s", name);
    listener->sockets[slot] = (struct pollfd){.fd = fd, .events = POLLIN};
    listener->origins[slot] = origin;
    listener->count++;
    return true;
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
    return address_take(&said, fd, (const struct sockaddr *)&address, sizeof address, err) &&
           add_socket(listener, name, fd, ORIGIN_OURS, err) &&
           (chmod(path, 0660) == 0 || error_os(err, "listen = %s: cannot give the group access", name));
}

static bool open_tcp(struct listener *listener, const char *name, struct error *err)
{
    const struct address address = address_of(name);
    int fd;
    return address_listen(&address, &fd, err) && add_socket(listener, name, fd, ORIGIN_OURS, err);
}

static bool open_one(struct listener *listener, const char *name, struct handover_sockets *given, struct error *err)
{
    const int fd = handover_find(given, name);
    if (fd >= 0)
        return add_socket(listener, name, fd, ORIGIN_GIVEN, err);
    const char *path = path_of(name);
    return path != NULL ? open_unix(listener, name, path, err) : open_tcp(listener, name, err);
}

/* ---- from the service manager ---- */

static void write_name(int fd, char out[HANDOVER_NAME_SIZE])
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    char host[64];
    char port[8];
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        at.ss_family = AF_UNSPEC;
    if (at.ss_family == AF_UNIX)
        (void)snprintf(out, HANDOVER_NAME_SIZE, "unix:%s", ((const struct sockaddr_un *)&at)->sun_path);
    else if (getnameinfo((const struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
                         NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        (void)snprintf(out, HANDOVER_NAME_SIZE, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host, port);
    else
        (void)snprintf(out, HANDOVER_NAME_SIZE, "a socket that was handed in");
}

/* It may block, as the service manager has it; others who have it do not mind. */
static bool adopt(struct listener *listener, int fd, struct error *err)
{
    char name[HANDOVER_NAME_SIZE];
    int listens = 0;
    socklen_t len = sizeof listens;
    const int flags = fcntl(fd, F_GETFL);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || !listens || flags < 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return error_set(err, ERROR_SYSTEM,
                         "descriptor %d, handed in by the service manager, is no socket that listens", fd);
    write_name(fd, name);
    return add_socket(listener, name, fd, ORIGIN_MANAGER, err);
}

/* All that are not called as the admin listener's. */
static bool adopt_handed(struct listener *listener, struct error *err)
{
    char name[DAEMON_SOCKET_NAME_SIZE];
    int fd;
    for (size_t i = 0; (fd = daemon_handed_socket(i, name)) >= 0; i++)
        if (strcmp(name, "admin") != 0 && !adopt(listener, fd, err))
            return false;
    return true;
}

static bool open_sockets(struct listener *listener, const struct config_list *addresses, struct handover_sockets *given,
                         struct error *err)
{
    if (!adopt_handed(listener, err))
        return false;
    const size_t wanted = listener->count > 0 ? 0 : addresses->count;
    for (size_t i = 0; i < wanted; i++)
        if (!open_one(listener, addresses->at[i], given, err))
            return false;
    listener->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return listener->wake >= 0 || error_os(err, "cannot make an event descriptor");
}

bool listener_open(const struct config_list *addresses, struct handover_sockets *given, struct listener **out,
                   struct error *err)
{
    struct listener *listener = sys.allocate(sizeof *listener);
    if (listener == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the listener");
    *listener = (struct listener){.wake = -1};
    (void)pthread_mutex_init(&listener->lock, NULL);    /* cannot fail on Linux */
    if (!open_sockets(listener, addresses, given, err)) {
        listener_close(listener);
        return false;
    }
    *out = listener;
    return true;
}

const char *listener_name(const struct listener *listener, size_t number)
{
    return number < listener->count ? listener->names[number] : NULL;
}

void listener_write_sockets(const struct listener *listener, struct handover_sockets *out)
{
    for (size_t i = 0; i < listener->count; i++)
        handover_add(out, listener->names[i], listener->sockets[i].fd);
}

void listener_give_up(struct listener *listener)
{
    for (size_t i = 0; i < listener->count; i++)
        listener->origins[i] = ORIGIN_GIVEN;
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
            (void)pthread_mutex_lock(&listener->lock);
            listener->take(listener->owner, fd, (struct sockaddr *)&peer, len);
            (void)pthread_mutex_unlock(&listener->lock);
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
        listener->looked = sys_ticks();
        if (poll(listener->sockets, listener->count + 1, LOOK_MILLISECONDS) < 0)
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
    listener->looked = sys_ticks();
    listener->sockets[listener->count] = (struct pollfd){.fd = listener->wake, .events = POLLIN};
    errno = pthread_create(&listener->thread, NULL, run_listener, listener);
    listener->running = errno == 0;
    if (!listener->running)
        return error_os(err, "cannot start the thread that accepts connections");
    for (size_t i = 0; i < listener->count; i++)
        if (listener->origins[i] == ORIGIN_GIVEN)
            listener->origins[i] = ORIGIN_OURS;         /* we take the place of who gave it */
    return true;
}

void listener_turn(struct listener *listener, void *owner)
{
    (void)pthread_mutex_lock(&listener->lock);
    listener->owner = owner;
    (void)pthread_mutex_unlock(&listener->lock);
}

int64_t listener_looked(const struct listener *listener)
{
    return listener->looked;
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
        if (listener->origins[i] == ORIGIN_OURS && path_of(listener->names[i]) != NULL)
            (void)sys.unlinkat(AT_FDCWD, path_of(listener->names[i]), 0);   /* else the next start removes it */
    }
    if (listener->wake >= 0)
        (void)sys.close(listener->wake);
    (void)pthread_mutex_destroy(&listener->lock);
    sys.release(listener);
}
