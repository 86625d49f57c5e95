/*
 * What a daemon takes away from itself when it has what it needs: files by Landlock, system calls by seccomp.
 *
 * What it hides: both interfaces of the kernel, raw; which rights a directory needs; which calls a daemon of the house
 * makes when it is up. A refused call fails with an error, nobody is killed: a report in hand is still answered.
 * Calling sequence: sandbox_limit_files before there are threads, because Landlock binds the one that asks and those that
 * it starts; then, when all sockets are open, sandbox_limit_calls, which binds every thread. There is no way back.
 * Where the kernel cannot do one of them the other still counts, and sandbox_describe says so: that is no error here.
 *
 * Files: of what is written only what lies below the places can be; beside that, only /etc, /usr, /lib, /lib64, /dev,
 * /proc and /sys can be read. What is open already stays so.
 * Calls: no program can be started, no memory be made executable, no socket be made but those of AF_UNIX that wait for
 * nobody, nobody connected to, traced, mounted or given other rights.
 * Sources: landlock(7), seccomp(2).
 */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

enum sandbox_use {
    SANDBOX_READ,       /* what lies there, or will: up to the first directory above that exists */
    SANDBOX_WRITE,      /* it and all below, which must be there; also when its disk is mounted anew */
    SANDBOX_UNLINK,     /* remove files from that directory */
};

struct sandbox_place {
    const char *path;   /* NULL is left out */
    enum sandbox_use use;
};

struct sandbox {
    int files;          /* the version of Landlock in force; 0: none, and files_os says why */
    int files_os;
    unsigned calls;     /* how many are allowed; 0: no limit, and calls_os says why */
    int calls_os;
};

enum { SANDBOX_TEXT_SIZE = 256 };

void sandbox_limit_files(struct sandbox *sandbox, const struct sandbox_place *places, size_t count);
void sandbox_limit_calls(struct sandbox *sandbox);
/* What is on, as one sentence without a full stop, for the log. */
void sandbox_describe(const struct sandbox *sandbox, char out[SANDBOX_TEXT_SIZE]);

#endif
