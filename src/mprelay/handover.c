/*
 * The decision hidden here: descriptors travel in one message with their names; one byte back says that who got them is
 * ready, and the end of the connection without it that he is not. The socket over which they go has no file, which would
 * keep the disk of the root from being unmounted, but a name made of the root's own numbers; it is given away like the
 * others. Anybody may take such a name, so both sides look who the other is.
 */
#include "handover.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_TEXT = HANDOVER_MOST * HANDOVER_NAME_SIZE };

static const char own_name[] = "handover";      /* no address is called so */

struct handover {
    int socket;
    int wake;
    pthread_t thread;
    bool running;
    struct handover_sockets sockets;
    void (*given)(void *owner);
    void *owner;
};

/* ---- names and descriptors ---- */

void handover_add(struct handover_sockets *sockets, const char *name, int fd)
{
    if (sockets->count == HANDOVER_MOST)
        return;
    (void)snprintf(sockets->names[sockets->count], HANDOVER_NAME_SIZE, "%.*s", HANDOVER_NAME_SIZE - 1, name);
    sockets->fds[sockets->count++] = fd;
}

int handover_find(struct handover_sockets *sockets, const char *name)
{
    for (size_t i = 0; i < sockets->count; i++) {
        const int fd = sockets->fds[i];
        if (fd < 0 || strcmp(sockets->names[i], name) != 0)
            continue;
        sockets->fds[i] = -1;
        return fd;
    }
    return -1;
}

/* ---- the socket ---- */

/* False: there is no such directory. The length is that of the address. */
static bool write_address(const char *root, struct sockaddr_un *out, socklen_t *len)
{
    struct stat status;
    if (sys.fstatat(AT_FDCWD, root, &status, 0) != 0)
        return false;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    const int name = snprintf(out->sun_path + 1, sizeof out->sun_path - 1, "mprelay-%llx-%llx",
                              (unsigned long long)status.st_dev, (unsigned long long)status.st_ino);
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)name);
    return true;
}

static int make_socket(struct error *err)
{
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        (void)error_os(err, "cannot make a socket for the relay that follows");
    return fd;
}

static bool is_one_of_us(int connection)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

/* ---- the message ---- */

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(HANDOVER_MOST * sizeof(int))];
};

static size_t write_names(const struct handover_sockets *sockets, char text[MOST_TEXT])
{
    size_t len = 0;
    for (size_t i = 0; i < sockets->count; i++)
        len += (size_t)snprintf(text + len, MOST_TEXT - len, "%s\n", sockets->names[i]);
    return len;
}

static bool send_sockets(int connection, const struct handover_sockets *sockets)
{
    static char text[MOST_TEXT];
    const size_t size = sockets->count * sizeof(int);
    union control control = {0};
    struct iovec part = {text, write_names(sockets, text)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL)
        return false;                   /* not with so much room */
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), sockets->fds, size);
    return sendmsg(connection, &message, MSG_NOSIGNAL) >= 0;
}

static void read_names(struct handover_sockets *out, char *text, const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *end = strchr(text, '\n');
        if (end == NULL) {
            (void)sys.close(fds[i]);    /* without a name nobody finds it */
            continue;
        }
        *end = '\0';
        handover_add(out, text, fds[i]);
        text = end + 1;
    }
}

static bool refuse_silence(struct error *err)
{
    return error_set(err, ERROR_SYSTEM, "the relay that is there does not answer: end it first");
}

static bool receive_sockets(struct handover_sockets *out, struct error *err)
{
    static char text[MOST_TEXT + 1];
    int fds[HANDOVER_MOST];
    union control control;
    struct iovec part = {text, MOST_TEXT};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    const ssize_t len = recvmsg(out->connection, &message, MSG_CMSG_CLOEXEC);
    if (len < 0 && errno == EAGAIN)
        return refuse_silence(err);
    const struct cmsghdr *header = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header == NULL || header->cmsg_type != SCM_RIGHTS || header->cmsg_len > CMSG_LEN(sizeof fds))
        return error_set(err, ERROR_SYSTEM, "the relay that is there has not given its sockets");
    const size_t size = header->cmsg_len - CMSG_LEN(0);
    text[len] = '\0';
    memcpy(fds, CMSG_DATA(header), size);
    read_names(out, text, fds, size / sizeof fds[0]);
    return true;
}

/* ---- who comes ---- */

/* connect waits where another is before us. */
static void set_patience(int fd, int64_t patience)
{
    const struct timeval time = {.tv_sec = patience / 1000000, .tv_usec = patience % 1000000};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);  /* else we wait for good */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

/* True and no connection: nobody is there. */
static bool connect_to(const char *root, int64_t patience, struct handover_sockets *out, struct error *err)
{
    struct sockaddr_un address;
    socklen_t len;
    if (!write_address(root, &address, &len))
        return true;
    const int fd = make_socket(err);
    if (fd < 0)
        return false;
    set_patience(fd, patience);
    if (connect(fd, (const struct sockaddr *)&address, len) == 0) {
        out->connection = fd;
        return is_one_of_us(fd) || error_set(err, ERROR_SYSTEM, "who is there is no relay of this user");
    }
    const bool nobody = errno == ECONNREFUSED ||
                        (errno == EAGAIN ? refuse_silence(err) : error_os(err, "cannot reach the relay that is there"));
    (void)sys.close(fd);                /* nothing went over it */
    return nobody;
}

bool handover_take(const char *root, int64_t patience, struct handover_sockets *out, struct error *err)
{
    *out = (struct handover_sockets){.connection = -1};
    if (connect_to(root, patience, out, err) && (out->connection < 0 || receive_sockets(out, err)))
        return true;
    handover_finish(out, false);
    return false;
}

void handover_finish(struct handover_sockets *sockets, bool ready)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->fds[i] >= 0)
            (void)sys.close(sockets->fds[i]);   /* nothing is written to these */
    sockets->count = 0;
    if (sockets->connection < 0)
        return;
    if (ready)
        (void)send(sockets->connection, "R", 1, MSG_NOSIGNAL);  /* he may be gone */
    (void)sys.close(sockets->connection);
    sockets->connection = -1;
}

/* ---- who is there ---- */

/* The socket of who was there before us, or one of our own. */
static bool open_socket(const char *root, struct handover_sockets *given, int *out, struct error *err)
{
    struct sockaddr_un address;
    socklen_t len;
    *out = handover_find(given, own_name);
    if (*out >= 0)
        return true;
    *out = make_socket(err);
    if (*out < 0)
        return false;
    return (write_address(root, &address, &len) && bind(*out, (const struct sockaddr *)&address, len) == 0 &&
            listen(*out, 1) == 0) ||
           error_os(err, "another relay on this root%s", errno == EADDRINUSE ? "" : ", perhaps");
}

bool handover_open(const char *root, struct handover_sockets *given, struct handover **out, struct error *err)
{
    struct handover *handover = sys.allocate(sizeof *handover);
    if (handover == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory to be followed by another relay");
    *handover = (struct handover){.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .socket = -1};
    if (handover->wake < 0)
        (void)error_os(err, "cannot make an event descriptor");
    if (handover->wake < 0 || !open_socket(root, given, &handover->socket, err)) {
        handover_close(handover);
        return false;
    }
    *out = handover;
    return true;
}

/* False: we are woken, to end. */
static bool wait_for(const struct handover *handover, int fd)
{
    struct pollfd both[] = {{.fd = fd, .events = POLLIN}, {.fd = handover->wake, .events = POLLIN}};
    while (poll(both, 2, -1) < 0)
        continue;                       /* interrupted */
    return both[1].revents == 0;
}

/* True: he is ready, or we end while he has our sockets, and we are done. In both cases they are his. */
static bool serve(const struct handover *handover, int connection)
{
    char byte;
    if (!is_one_of_us(connection) || !send_sockets(connection, &handover->sockets))
        return false;
    return !wait_for(handover, connection) || recv(connection, &byte, 1, 0) == 1;
}

static void *run(void *argument)
{
    struct handover *handover = argument;
    bool given = false;
    while (!given && wait_for(handover, handover->socket)) {
        const int connection = accept4(handover->socket, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
            continue;
        given = serve(handover, connection);
        (void)sys.close(connection);    /* all was said */
    }
    if (given)
        handover->given(handover->owner);
    return NULL;
}

bool handover_start(struct handover *handover, const struct handover_sockets *sockets, void (*given)(void *owner),
                    void *owner, struct error *err)
{
    handover->sockets = *sockets;
    handover_add(&handover->sockets, own_name, handover->socket);
    handover->given = given;
    handover->owner = owner;
    errno = pthread_create(&handover->thread, NULL, run, handover);
    handover->running = errno == 0;
    return handover->running || error_os(err, "cannot start the thread for the relay that follows");
}

void handover_close(struct handover *handover)
{
    if (handover == NULL)
        return;
    if (handover->running) {
        (void)eventfd_write(handover->wake, 1);     /* cannot fail: the counter is 0 */
        (void)pthread_join(handover->thread, NULL);
    }
    if (handover->socket >= 0)
        (void)sys.close(handover->socket);
    if (handover->wake >= 0)
        (void)sys.close(handover->wake);
    sys.release(handover);
}
