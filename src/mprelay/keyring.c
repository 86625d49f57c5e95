/*
 * The decision hidden here: a key counts as long as its file is the very same, by device, number, size and both times
 * of change. Where the change is so young that another could have the same time, the file is read again each time.
 */
#include "keyring.h"

#include "base/daemon.h"
#include "base/sys.h"
#include "spool/deliver.h"
#include "spool/request.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000)

#define PENDING "/pending"

enum {
    SLOTS = 1024,
    NAME_SIZE = REQUEST_GUID_SIZE + 4,
    PATH_SIZE = DAEMON_PATH_SIZE + sizeof PENDING + NAME_SIZE,
    PENDING_MODE = 0750,
};

struct file {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

struct entry {
    char guid[REQUEST_GUID_SIZE];
    struct file file;
    bool settled;                       /* no later change can look like this one */
    struct signature_key *key;
};

struct keyring {
    char directory[DAEMON_PATH_SIZE];
    struct entry *slots[SLOTS];         /* by a hash of the GUID; who comes later takes the place */
};

/* ---- the directory ---- */

bool keyring_path(const struct settings *settings, char out[DAEMON_PATH_SIZE], struct error *err)
{
    return daemon_choose_path(out, settings->trust_dir, settings->root, "/trust", err);
}

/* Whoever may write there may report in everybody's name. */
static bool check_owner(int directory, const char *path, struct error *err)
{
    struct stat status;
    if (sys.fstat(directory, &status) != 0)
        return error_os(err, "cannot ask for the rights of '%s', trust-dir", path);
    return (status.st_mode & S_IWOTH) == 0 ||
           error_set(err, ERROR_SYSTEM, "trust-dir '%.150s': others may write there", path);
}

/* A disk that is full today is no reason not to start. */
static bool check_writable(const char *path, struct error *err)
{
    int64_t now;
    if (deliver_probe(path, &now, err) || err->kind == ERROR_NO_SPACE)
        return true;
    errno = err->os;
    return error_os(err, "trust-first-use and registration cannot keep keys in '%s', trust-dir", path);
}

/* Opened and written to, because what the sandbox has put out of reach shows in no other way. */
static bool check_rights(const char *path, bool written, struct error *err)
{
    const int directory = sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0)
        return error_os(err, "cannot read the keys in '%s', trust-dir", path);
    const bool ours = access(path, X_OK) == 0 ? check_owner(directory, path, err)
                                              : error_os(err, "cannot read the keys in '%s', trust-dir", path);
    (void)sys.close(directory);         /* only asked */
    return ours && (!written || check_writable(path, err));
}

bool keyring_is_used(const struct settings *settings)
{
    return settings->signature_policy != TRUST_OFF || settings->registration == REGISTRATION_ON;
}

bool keyring_is_written(const struct settings *settings)
{
    return keyring_is_used(settings) && (settings->trust_first_use || settings->registration == REGISTRATION_ON);
}

static bool prepare(const char *directory, const struct settings *settings, struct error *err)
{
    struct error ignored;
    if (!sys_make_directory(directory, err) || !check_rights(directory, keyring_is_written(settings), err))
        return false;
    (void)!deliver_sweep(directory, sys_now(), &ignored);      /* leftovers are in nobody's way */
    return true;
}

bool keyring_prepare(const struct settings *settings, struct error *err)
{
    char directory[DAEMON_PATH_SIZE], pending[DAEMON_PATH_SIZE];
    if (!keyring_path(settings, directory, err) || !daemon_path(pending, directory, PENDING, err))
        return false;
    return !keyring_is_used(settings) ||
           (prepare(directory, settings, err) &&
            (settings->registration == REGISTRATION_OFF || prepare(pending, settings, err)));
}

bool keyring_open(struct keyring **out, struct error *err)
{
    struct keyring *keyring = sys.allocate(sizeof *keyring);
    if (keyring == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the keys of clients");
    memset(keyring, 0, sizeof *keyring);
    *out = keyring;
    return true;
}

static void drop(struct entry **slot)
{
    if (*slot == NULL)
        return;
    signature_key_close((*slot)->key);
    sys.release(*slot);
    *slot = NULL;
}

void keyring_close(struct keyring *keyring)
{
    if (keyring == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        drop(&keyring->slots[i]);
    sys.release(keyring);
}

/* Entries of another directory have files of another number. */
bool keyring_use(struct keyring *keyring, const struct settings *settings, struct error *err)
{
    return keyring_path(settings, keyring->directory, err);
}

/* ---- one file ---- */

static struct file file_of(const struct stat *status)
{
    return (struct file){status->st_dev, status->st_ino, status->st_size, status->st_mtim, status->st_ctim};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same(const struct file *a, const struct file *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           is_same_time(a->modified, b->modified) && is_same_time(a->changed, b->changed);
}

/* The clock of a file system ticks some milliseconds wide. */
static bool is_settled(const struct file *file)
{
    return file->changed.tv_sec * SECOND + file->changed.tv_nsec / 1000 < sys_now() - SECOND;
}

static bool read_bytes(int fd, const char *path, struct buffer *out, struct error *err)
{
    char bytes[4096];
    for (;;) {
        const ssize_t got = sys.read(fd, bytes, sizeof bytes);
        if (got == 0)
            return true;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(err, "cannot read '%s'", path);
        if (!buffer_add(out, bytes, (size_t)got, err))
            return false;
    }
}

static bool read_open(int fd, const char *path, struct buffer *text, struct file *file, struct error *err)
{
    struct stat status;
    if (sys.fstat(fd, &status) != 0)
        return error_os(err, "cannot look at '%s'", path);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_SYSTEM, "'%s' is no regular file", path);
    *file = file_of(&status);
    return read_bytes(fd, path, text, err);
}

/* What is wrong with a file of ours is no fault of the sender. */
static bool parse(const char *path, struct span text, struct signature_key **out, struct error *err)
{
    struct error why;
    if (signature_key_read(text, out, &why))
        return true;
    return error_set(err, why.kind == ERROR_NO_MEMORY ? ERROR_NO_MEMORY : ERROR_SYSTEM, "'%.100s': %.100s", path,
                     why.text);
}

/* *out stays NULL where the file is gone by now. */
static bool read_key(const char *path, struct file *file, struct signature_key **out, struct error *err)
{
    struct buffer text;
    const int fd = sys.openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0)
        return errno == ENOENT || error_os(err, "cannot open '%s'", path);
    buffer_init(&text, SIGNATURE_MOST_FILE);
    bool read = read_open(fd, path, &text, file, err);
    (void)sys.close(fd);                /* only read from */
    if (!read && err->kind == ERROR_TOO_BIG)
        (void)error_set(err, ERROR_SYSTEM, "'%.100s' is too long for a key", path);
    read = read && parse(path, buffer_span(&text), out, err);
    buffer_fini(&text);
    return read;
}

/* ---- finding ---- */

static struct entry **slot_of(struct keyring *keyring, const char *guid)
{
    uint32_t hash = 2166136261u;        /* FNV-1a */
    for (const char *at = guid; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return &keyring->slots[hash % SLOTS];
}

/* The normal form of one, which has nothing before it or in it any more. */
static bool is_guid(struct span client, char guid[REQUEST_GUID_SIZE])
{
    return client.len == REQUEST_GUID_SIZE - 1 && request_guid(client, guid);
}

/* No file is no key only where the directory is there. */
static bool note_absence(const char *directory, struct error *err)
{
    struct stat status;
    return sys.fstatat(AT_FDCWD, directory, &status, 0) == 0 ||
           error_os(err, "cannot find the keys of clients: trust-dir '%s'", directory);
}

/* The slot stays empty where the file is gone by now. */
static bool refresh(struct entry **slot, const char *guid, const char *path, struct error *err)
{
    struct entry fresh = {.key = NULL};
    drop(slot);
    if (!read_key(path, &fresh.file, &fresh.key, err))
        return false;
    if (fresh.key == NULL)
        return true;
    memcpy(fresh.guid, guid, sizeof fresh.guid);
    fresh.settled = is_settled(&fresh.file);
    *slot = sys.allocate(sizeof fresh);
    if (*slot == NULL) {
        signature_key_close(fresh.key);
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for a key");
    }
    **slot = fresh;
    return true;
}

static bool is_fresh(const struct entry *entry, const char *guid, const struct stat *status)
{
    const struct file file = file_of(status);
    return entry != NULL && entry->settled && strcmp(entry->guid, guid) == 0 && is_same(&entry->file, &file);
}

static void write_path(const struct keyring *keyring, const char *guid, char out[PATH_SIZE])
{
    (void)snprintf(out, PATH_SIZE, "%s/%.36s.pem", keyring->directory, guid);
}

bool keyring_find(void *owner, struct span client, const struct signature_key **out, struct error *err)
{
    struct keyring *keyring = owner;
    char guid[REQUEST_GUID_SIZE], path[PATH_SIZE];
    struct stat status;
    *out = NULL;
    if (!is_guid(client, guid))
        return note_absence(keyring->directory, err);
    write_path(keyring, guid, path);
    if (sys.fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? note_absence(keyring->directory, err) : error_os(err, "cannot look at '%s'", path);
    struct entry **slot = slot_of(keyring, guid);
    if (!is_fresh(*slot, guid, &status) && !refresh(slot, guid, path, err))
        return false;
    *out = *slot == NULL ? NULL : (*slot)->key;
    return true;
}

/* ---- adding ---- */

/* Whole and synced, or not there; never in place of another. */
bool keyring_add(void *owner, struct span client, struct span pem, struct error *err)
{
    const struct keyring *keyring = owner;
    char guid[REQUEST_GUID_SIZE], name[NAME_SIZE];
    if (!is_guid(client, guid))
        return error_set(err, ERROR_UNSUPPORTED, "no GUID: there is no name for its key");
    (void)snprintf(name, sizeof name, "%.36s.pem", guid);
    return deliver_new(keyring->directory, name, pem, err);
}

/* ---- for registrations ---- */

struct place {
    char directory[PATH_SIZE];
};

static struct place find_place(const struct keyring *keyring, enum keyring_place place)
{
    struct place found;
    (void)snprintf(found.directory, sizeof found.directory, "%s%s", keyring->directory,
                   place == KEYRING_PENDING ? PENDING : "");
    return found;
}

/* An operator may have removed it with all that waited there. Nothing above it is made: keys that are away are not none. */
static bool make_pending(const struct keyring *keyring, const struct place *pending, struct error *err)
{
    if (sys.mkdirat(AT_FDCWD, pending->directory, PENDING_MODE) != 0)
        return errno == EEXIST || error_os(err, "cannot make the directory '%s'", pending->directory);
    if (keyring_sync(keyring, KEYRING_TRUSTED, err))
        return true;
    (void)sys.unlinkat(AT_FDCWD, pending->directory, AT_REMOVEDIR);    /* a later sync would not cover it */
    return false;
}

bool keyring_read(const struct keyring *keyring, enum keyring_place place, const char *guid, struct signature_key **out,
                  struct error *err)
{
    const struct place where = find_place(keyring, place);
    char path[PATH_SIZE + NAME_SIZE];
    struct file file;
    *out = NULL;
    (void)snprintf(path, sizeof path, "%s/%.36s.pem", where.directory, guid);
    if (!read_key(path, &file, out, err))
        return false;
    return *out != NULL ||
           (place == KEYRING_PENDING ? make_pending(keyring, &where, err) : note_absence(where.directory, err));
}

bool keyring_put(const struct keyring *keyring, enum keyring_place place, const char *guid, struct span pem,
                 struct error *err)
{
    const struct place where = find_place(keyring, place);
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, "%.36s.pem", guid);
    return deliver_new(where.directory, name, pem, err);
}

void keyring_remove_pending(const struct keyring *keyring, const char *guid)
{
    const struct place where = find_place(keyring, KEYRING_PENDING);
    char path[PATH_SIZE + NAME_SIZE];
    (void)snprintf(path, sizeof path, "%s/%.36s.pem", where.directory, guid);
    (void)sys.unlinkat(AT_FDCWD, path, 0);      /* else an operator finds there what counts already */
}

bool keyring_sync(const struct keyring *keyring, enum keyring_place place, struct error *err)
{
    const struct place where = find_place(keyring, place);
    const int fd = sys.openat(AT_FDCWD, where.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    const bool synced = fd >= 0 && sys_fsync(fd) == 0;
    if (!synced)
        (void)error_os(err, "cannot sync the directory '%s'", where.directory);
    if (fd >= 0)
        (void)sys.close(fd);            /* a directory: nothing is lost */
    return synced;
}

static bool is_key(const char *name)
{
    const size_t len = strlen(name);
    return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".pem") == 0;
}

bool keyring_count(const struct keyring *keyring, enum keyring_place place, uint64_t *out, struct error *err)
{
    const struct place where = find_place(keyring, place);
    DIR *directory = opendir(where.directory);
    uint64_t count = 0;
    if (directory == NULL)
        return error_os(err, "cannot count the keys in '%s'", where.directory);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each has a stream of its own */
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += is_key(entry->d_name);
    (void)closedir(directory);          /* only read from */
    *out = count;
    return true;
}
