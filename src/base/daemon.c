/* The decision hidden here: how the service manager is told, without a library for forty bytes to a socket. */
#include "base/daemon.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

void daemon_block_signals(sigset_t *out)
{
    (void)sigemptyset(out);
    (void)sigaddset(out, SIGTERM);
    (void)sigaddset(out, SIGINT);
    (void)sigaddset(out, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, out, NULL);    /* before any thread: all of them inherit it */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);     /* a limit on file sizes is an error of the write, not our end */
}

bool daemon_path(char out[DAEMON_PATH_SIZE], const char *base, const char *rest, struct error *err)
{
    const int len = snprintf(out, DAEMON_PATH_SIZE, "%s%s", base, rest);
    return (len > 0 && len < DAEMON_PATH_SIZE) ||
           error_set(err, ERROR_MALFORMED, "'%.100s...' is too long for a path", base);
}

bool daemon_choose_path(char out[DAEMON_PATH_SIZE], const char *chosen, const char *root, const char *usual,
                        struct error *err)
{
    return chosen != NULL ? daemon_path(out, chosen, "", err) : daemon_path(out, root, usual, err);
}

bool daemon_check_user(const char *root, struct error *err)
{
    struct stat status;
    if (geteuid() != 0 || stat(root, &status) != 0 || status.st_uid == 0)
        return true;
    const unsigned uid = status.st_uid, gid = status.st_gid;
    const struct passwd *user = getpwuid(uid);          /* NOLINT(concurrency-mt-unsafe): no threads yet */
    if (user == NULL)                   /* as in a container; runuser takes names only */
        return error_set(
            err, ERROR_SYSTEM,
            "'%.100s' belongs to user %u: run this as that user, not as root (setpriv --reuid %u --regid %u "
            "--clear-groups -- ...)",
            root, uid, uid, gid);
    return error_set(err, ERROR_SYSTEM,
                     "'%.100s' belongs to %.32s: run this as that user, not as root (runuser -u %.32s -- ...)", root,
                     user->pw_name, user->pw_name);
}

/* ---- the service manager ---- */

/* A name that begins with '@' is an abstract one. */
static socklen_t write_address(const char *name, struct sockaddr_un *out)
{
    const size_t len = strlen(name);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len == 0 || len >= sizeof out->sun_path)
        return 0;
    memcpy(out->sun_path, name, len);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void send_text(const char *name, const char *text, size_t len)
{
    struct sockaddr_un address;
    const socklen_t size = write_address(name, &address);
    const int fd = size == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address, size);  /* or not */
    (void)close(fd);
}

void daemon_notify(const char *format, ...)
{
    char text[512];
    const char *name = getenv("NOTIFY_SOCKET");     /* NOLINT(concurrency-mt-unsafe): nobody sets the environment */
    va_list arguments;
    if (name == NULL)
        return;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len > 0)
        send_text(name, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static long long number_of(const char *variable)
{
    const char *text = getenv(variable);            /* NOLINT(concurrency-mt-unsafe): nobody sets the environment */
    return text == NULL ? 0 : strtoll(text, NULL, 10);
}

/* Names are separated by colons, and have none. */
static void copy_name(size_t number, char out[DAEMON_SOCKET_NAME_SIZE])
{
    const char *names = getenv("LISTEN_FDNAMES");   /* NOLINT(concurrency-mt-unsafe): nobody sets the environment */
    for (; names != NULL && number > 0; number--) {
        names = strchr(names, ':');
        names += names != NULL;
    }
    const size_t len = names == NULL ? 0 : strcspn(names, ":");
    (void)snprintf(out, DAEMON_SOCKET_NAME_SIZE, "%.*s", (int)(len < DAEMON_SOCKET_NAME_SIZE ? len : 0),
                   names == NULL ? "" : names);
}

int daemon_handed_socket(size_t number, char name[DAEMON_SOCKET_NAME_SIZE])
{
    enum { FIRST = 3 };                 /* the protocol says so */
    if (number_of("LISTEN_PID") != getpid() || number_of("LISTEN_FDS") <= (long long)number)
        return -1;
    const int fd = FIRST + (int)number;
    copy_name(number, name);
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
}

int daemon_take_socket(void)
{
    char name[DAEMON_SOCKET_NAME_SIZE];
    return daemon_handed_socket(0, name);
}

int64_t daemon_watchdog_interval(void)
{
    const long long process = number_of("WATCHDOG_PID");
    const long long usec = number_of("WATCHDOG_USEC");
    return usec > 0 && (process == 0 || process == getpid()) ? usec / 2 : 0;
}

/* ---- the end ---- */

int daemon_end_output(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EX_IOERR;
}

int daemon_fail(const char *program, const struct error *err)
{
    (void)fprintf(stderr, "%s: %s\n", program, err->text);
    return EX_CONFIG;
}
