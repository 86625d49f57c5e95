/*
 * A PostgreSQL server for a test: a cluster of its own in a temporary directory, a unix socket there, a password, fsync
 * on. It runs as the user postgres if the test is root's, and dies with the test.
 */
#ifndef TEST_DB_SERVER_H
#define TEST_DB_SERVER_H

#include <assert.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DB_SERVER_PATIENCE = 60 }; /* seconds: says only that something hangs */

static struct {
    char home[32];
    char programs[64]; /* Debian does not have them in PATH */
    pid_t pid;
    char url[128];
} db_server;

static inline void db_server_find_programs(void)
{
    glob_t found;
    const int failed = glob("/usr/lib/postgresql/*/bin", 0, NULL, &found);
    assert(failed == 0); /* apt-get install postgresql */
    (void)failed;
    (void)snprintf(db_server.programs, sizeof db_server.programs, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}

/* The server refuses to run as root. */
static inline void db_server_become_user(void)
{
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0 && (user == NULL || initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
                           setuid(user->pw_uid) != 0))
        _exit(126);
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

/* The first of the arguments is the program's name; it finds its companions by the path that takes its place. */
static inline pid_t db_server_spawn(const char **arguments)
{
    const pid_t parent = getpid(), pid = fork();
    char path[128];
    assert(pid >= 0);
    if (pid > 0)
        return pid;
    db_server_become_user();
    (void)snprintf(path, sizeof path, "%s/%s", db_server.programs, arguments[0]);
    arguments[0] = path;
    const int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (getppid() == parent && log >= 0 && dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        (void)execv(path, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static inline void db_server_start(void)
{
    const char *arguments[] = {"postgres",
                               "-D",
                               "data",
                               "-k",
                               db_server.home,
                               "-c",
                               "listen_addresses=",
                               "-c",
                               "max_connections=10",
                               "-c",
                               "superuser_reserved_connections=0",
                               "-c",
                               "deadlock_timeout=10ms",
                               NULL};
    db_server.pid = db_server_spawn(arguments);
    for (int i = 0; PQping(db_server.url) != PQPING_OK; i++) {
        assert(i < DB_SERVER_PATIENCE * 100);
        (void)usleep(10 * 1000);
    }
}

/* SIGINT: as an administrator stops it; SIGQUIT: at once, without a checkpoint. Both end its processes too. */
static inline void db_server_stop(int signal)
{
    (void)kill(db_server.pid, signal);
    (void)waitpid(db_server.pid, NULL, 0);
}

static inline void db_server_write_password(void)
{
    FILE *file = fopen("password", "w");
    assert(file != NULL);
    (void)fputs("secret\n", file);
    (void)fchmod(fileno(file), 0644);
    (void)fclose(file);
}

/* Afterwards the working directory is the server's home. */
static inline void db_server_init(void)
{
    const char *arguments[] = {"initdb",
                               "-D",
                               "data",
                               "-U",
                               "statesys",
                               "-E",
                               "UTF8",
                               "--locale=C.UTF-8",
                               "-A",
                               "scram-sha-256",
                               "--pwfile=password",
                               "--no-sync",
                               NULL};
    const struct passwd *user = getpwnam("postgres");
    int status = -1;
    db_server_find_programs();
    (void)strcpy(db_server.home, "/tmp/db-XXXXXX");
    assert(mkdtemp(db_server.home) != NULL && chdir(db_server.home) == 0);
    db_server_write_password();
    assert(geteuid() != 0 || (user != NULL && chown(".", user->pw_uid, user->pw_gid) == 0));
    (void)waitpid(db_server_spawn(arguments), &status, 0);
    assert(status == 0);
    (void)snprintf(db_server.url, sizeof db_server.url, "postgresql://statesys:secret@/postgres?host=%s",
                   db_server.home);
    db_server_start();
}

static inline void db_server_fini(void)
{
    char command[64];
    db_server_stop(SIGINT);
    (void)snprintf(command, sizeof command, "rm -r %s", db_server.home);
    assert(chdir("/") == 0 && system(command) == 0);
}

#endif
