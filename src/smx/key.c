/*
 * smx key: the keys that the relay holds clients to, in its trust-dir.
 *
 * The decision hidden here: whatever comes into the directory is read first and written anew, as a bare public key,
 * whole and synced; so a file that the relay cannot read never gets there by this way.
 */
#include "command.h"
#include "key_place.h"
#include "show.h"
#include "verbs.h"

#include "base/sys.h"
#include "spool/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { MOST_NAMES = 256 * 1024 * 1024 };

static const char usage[] =
    "Usage: smx key list [--json | --csv]\n"
    "       smx key show CLIENT... [--json | --csv]\n"
    "       smx key import CLIENT FILE [--replace]\n"
    "       smx key approve CLIENT...\n"
    "       smx key reject CLIENT...\n"
    "Shows the keys that the relay checks signatures with, takes one from a file, and takes those that clients registered\n"
    "and that wait in pending/, or throws these away.\n"
    "CLIENT is a GUID. FILE holds a public key or a certificate in PEM, or the hex of a PublicKey property; - is the\n"
    "standard input.\n"
    "  --replace             also where the client has a key already\n"
    "  --json, --csv         one object a line; comma separated values\n"
    "  --trust-dir DIRECTORY the relay's setting of that name\n"
    "  --root DIRECTORY      the root of the relay\n"
    "  --config FILE         settings of the relay that say where all this is, if not /etc/mprelay.conf\n";

struct wish {
    struct key_place_options places;
    enum table_form form;
    bool formed;                /* --json or --csv was given */
    bool replace;
    bool help;
    char *const *words;         /* behind the verb of the verb */
    int count;
};

static bool write_path(char out[DAEMON_PATH_SIZE], const char *directory, const char *name, struct error *err)
{
    char below[KEY_NAME_SIZE + 1];
    (void)snprintf(below, sizeof below, "/%s", name);
    return daemon_path(out, directory, below, err);
}

static bool read_client(const char *word, char guid[REQUEST_GUID_SIZE], struct error *err)
{
    return request_guid(span_of(word), guid) || error_set(err, ERROR_MALFORMED, "'%.80s' is no GUID", word);
}

/* ---- showing ---- */

struct facts {
    char client[KEY_NAME_SIZE];
    bool readable;
    unsigned bits;
    char print[SIGNATURE_PRINT_SIZE];
    char path[DAEMON_PATH_SIZE];
    struct error problem;       /* ERROR_NONE: none */
};

/* Why the relay cannot use it. */
static void judge(struct facts *facts)
{
    struct signature_key *key;
    struct error *problem = &facts->problem;
    if (problem->kind != ERROR_NONE || !key_place_read(facts->path, &key, problem))
        return;
    facts->readable = true;
    facts->bits = signature_key_bits(key);
    if (signature_key_judge(key, problem))
        (void)!signature_key_print(key, facts->print, problem);
    signature_key_close(key);
}

static void gather(const char *directory, const char *name, struct facts *facts)
{
    char guid[REQUEST_GUID_SIZE];
    *facts = (struct facts){.readable = false};
    (void)snprintf(facts->client, sizeof facts->client, "%s", key_place_client(name, guid) ? guid : name);
    if (!write_path(facts->path, directory, name, &facts->problem))
        return;
    if (!key_place_client(name, guid))
        (void)error_set(&facts->problem, ERROR_MALFORMED,
                        "never looked at: its name must be a GUID in upper case, and "
                        ".pem");
    judge(facts);
}

static const char *const columns[] = {"Client", "State", "Bits", "SHA256", "Problem", "File"};

static void show_facts(struct table *table, const struct facts *facts, const char *state)
{
    char bits[TABLE_DIGITS];
    const struct table_cell none = {.null = true};
    const struct table_cell row[] = {
        table_words(facts->client),
        table_words(state),
        facts->readable ? table_number(facts->bits, bits) : none,
        facts->print[0] == '\0' ? none : table_words(facts->print),
        facts->problem.kind == ERROR_NONE ? none : table_words(facts->problem.text),
        table_words(facts->path),
    };
    (void)table_row(table, row); /* what cannot be written is told at the end */
}

static bool show_directory(struct table *table, const char *directory, const char *state, struct error *err)
{
    struct facts facts;
    struct buffer names;
    buffer_init(&names, MOST_NAMES);
    const bool listed = key_place_list(directory, &names, err);
    for (size_t at = 0; listed && at < names.len; at += KEY_NAME_SIZE) {
        gather(directory, names.at + at, &facts);
        show_facts(table, &facts, state);
    }
    buffer_fini(&names);
    return listed;
}

static struct table *open_table(enum table_form form)
{
    struct table *table = table_open(stdout, form);
    if (table == NULL)
        show_error("no memory");
    else
        table_columns(table, columns, sizeof columns / sizeof columns[0]);
    return table;
}

static int list(const struct wish *wish, const struct key_place *place)
{
    struct error err;
    struct table *table = open_table(wish->form);
    if (table == NULL)
        return EX_OSERR;
    const bool shown = show_directory(table, place->trusted, "trusted", &err) &&
                       show_directory(table, place->pending, "pending", &err);
    table_close(table);
    return shown ? EX_OK : command_fail(&err);
}

/* In both places, where it is in both. */
static int show_client(struct table *table, const struct key_place *place, const char *word)
{
    char guid[REQUEST_GUID_SIZE], name[KEY_NAME_SIZE];
    struct facts facts;
    struct error err;
    const char *const directories[] = {place->trusted, place->pending};
    const char *const states[] = {"trusted", "pending"};
    bool found = false;
    if (!read_client(word, guid, &err))
        return command_fail(&err);
    key_place_name(guid, name);
    for (size_t i = 0; i < 2; i++) {
        gather(directories[i], name, &facts);
        if (facts.problem.kind == ERROR_NOT_FOUND)
            continue;
        show_facts(table, &facts, states[i]);
        found = true;
    }
    if (found)
        return EX_OK;
    (void)error_set(&err, ERROR_NOT_FOUND, "%s has no key in '%.150s'", guid, place->trusted);
    return command_fail(&err);
}

static int show(const struct wish *wish, const struct key_place *place)
{
    int status = EX_OK;
    struct table *table = open_table(wish->formed ? wish->form : TABLE_RECORD);
    if (table == NULL)
        return EX_OSERR;
    for (int i = 0; i < wish->count; i++) {
        const int one = show_client(table, place, wish->words[i]);
        status = status == EX_OK ? one : status;
    }
    table_close(table);
    return status;
}

/* ---- taking ---- */

static bool is_there(const struct key_place *place, const char *name, const struct signature_key *key)
{
    struct signature_key *there;
    struct error ignored;
    char path[DAEMON_PATH_SIZE];
    if (!write_path(path, place->trusted, name, &ignored) || !key_place_read(path, &there, &ignored))
        return false;
    const bool same = signature_key_equal(there, key);
    signature_key_close(there);
    return same;
}

/* The same key again, as after an approval that was broken off, is put there anew: then it is durable. */
static bool deliver(const struct key_place *place, const struct signature_key *key, const char *name, struct span pem,
                    struct error *err)
{
    if (deliver_public(place->trusted, name, false, pem, err))
        return true;
    if (err->kind != ERROR_BUSY)
        return false;
    if (is_there(place, name, key))
        return deliver_public(place->trusted, name, true, pem, err);
    return error_set(err, ERROR_UNSUPPORTED, "%.36s has another key already: see smx key show, and --replace", name);
}

/* Readable also for a relay that is not the user who runs this: it is a public key, in a directory with its own rights. */
static bool keep(const struct key_place *place, const char *guid, const struct signature_key *key, bool replace,
                 struct error *err)
{
    char name[KEY_NAME_SIZE];
    struct buffer pem;
    key_place_name(guid, name);
    buffer_init(&pem, SIGNATURE_MOST_FILE);
    const bool kept = sys_make_directory(place->trusted, err) && signature_key_write(key, &pem, err) &&
                      (replace ? deliver_public(place->trusted, name, true, buffer_span(&pem), err)
                               : deliver(place, key, name, buffer_span(&pem), err));
    buffer_fini(&pem);
    return kept;
}

/* The key is closed. */
static bool take(const struct key_place *place, const char *guid, struct signature_key *key, bool replace,
                 struct error *err)
{
    const bool kept = keep(place, guid, key, replace, err);
    if (kept)
        (void)printf("%s: the relay holds this client to a key of %u bits from now on\n", guid,
                     signature_key_bits(key));
    signature_key_close(key);
    return kept;
}

static int import(const struct wish *wish, const struct key_place *place)
{
    char guid[REQUEST_GUID_SIZE];
    struct signature_key *key;
    struct error err;
    const char *path = strcmp(wish->words[1], "-") == 0 ? "/dev/stdin" : wish->words[1];
    if (read_client(wish->words[0], guid, &err) && key_place_import(path, &key, &err) &&
        take(place, guid, key, wish->replace, &err))
        return EX_OK;
    return command_fail(&err);
}

/* Taken first, then taken away: in between it lies in both places, which does no harm. */
static int approve_one(const struct key_place *place, const char *word, bool replace)
{
    char guid[REQUEST_GUID_SIZE], name[KEY_NAME_SIZE], path[DAEMON_PATH_SIZE];
    struct signature_key *key;
    struct error err;
    if (!read_client(word, guid, &err))
        return command_fail(&err);
    key_place_name(guid, name);
    if (!write_path(path, place->pending, name, &err) || !key_place_read(path, &key, &err) ||
        !take(place, guid, key, replace, &err))
        return command_fail(&err);
    if (sys.unlinkat(AT_FDCWD, path, 0) == 0 || errno == ENOENT)
        return EX_OK;
    (void)error_os(&err, "cannot remove '%s'", path);
    return command_fail(&err);
}

static int approve(const struct wish *wish, const struct key_place *place)
{
    int status = EX_OK;
    for (int i = 0; i < wish->count; i++) {
        const int one = approve_one(place, wish->words[i], wish->replace);
        status = status == EX_OK ? one : status;
    }
    return status;
}

static bool remove_waiting(const struct key_place *place, const char *word, struct error *err)
{
    char guid[REQUEST_GUID_SIZE], name[KEY_NAME_SIZE], path[DAEMON_PATH_SIZE];
    if (!read_client(word, guid, err))
        return false;
    key_place_name(guid, name);
    if (!write_path(path, place->pending, name, err))
        return false;
    if (sys.unlinkat(AT_FDCWD, path, 0) == 0)
        return true;
    return errno == ENOENT ? error_set(err, ERROR_NOT_FOUND, "no key of %s waits in '%.150s'", guid, place->pending)
                           : error_os(err, "cannot remove '%s'", path);
}

static int reject(const struct wish *wish, const struct key_place *place)
{
    int status = EX_OK;
    struct error err;
    for (int i = 0; i < wish->count; i++) {
        const int one = remove_waiting(place, wish->words[i], &err) ? EX_OK : command_fail(&err);
        status = status == EX_OK ? one : status;
    }
    return status;
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int least, most;            /* words behind it */
    int (*run)(const struct wish *wish, const struct key_place *place);
} verbs[] = {
    {"list", 0, 0, list},           {"show", 1, 1000000, show},
    {"import", 2, 2, import},       {"approve", 1, 1000000, approve},
    {"reject", 1, 1000000, reject},
};

static int misuse(const char *why)
{
    show_error("key: %s", why);
    (void)fputs(usage, stderr);
    return EX_USAGE;
}

static int run(const char *name, const struct wish *wish)
{
    struct key_place place;
    struct error err;
    size_t i = 0;
    while (i < sizeof verbs / sizeof verbs[0] && strcmp(verbs[i].name, name) != 0)
        i++;
    if (i == sizeof verbs / sizeof verbs[0])
        return misuse("list, show, import, approve or reject");
    if (wish->count < verbs[i].least || wish->count > verbs[i].most)
        return misuse("too few words, or too many");
    if (!signature_init(&err) || !key_place_find(&wish->places, &place, &err)) {
        show_error("%s", err.text);
        return err.kind == ERROR_NO_MEMORY ? EX_OSERR : EX_CONFIG;
    }
    return verbs[i].run(wish, &place);
}

/* False: an option that there is not. */
static bool take_option(struct wish *wish, int option)
{
    switch (option) {
    case 't':
        wish->places.trust_dir = optarg;
        return true;
    case 'r':
        wish->places.root = optarg;
        return true;
    case 'c':
        wish->places.config = optarg;
        return true;
    case 'j':
    case 'v':
        wish->form = option == 'j' ? TABLE_JSON : TABLE_CSV;
        wish->formed = true;
        return true;
    case 'o':
        wish->replace = true;
        return true;
    case 'h':
        wish->help = true;
        return true;
    default:
        return false;
    }
}

int verb_key(int argc, char **argv)
{
    static const struct option options[] = {{"trust-dir", required_argument, NULL, 't'},
                                            {"root", required_argument, NULL, 'r'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"csv", no_argument, NULL, 'v'},
                                            {"replace", no_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct wish wish = {.form = TABLE_COLUMNS};
    optind = 0;                         /* another verb may have used getopt before */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        if (!take_option(&wish, option))
            return misuse("unknown option, or one without its value");
    if (wish.help) {
        (void)fputs(usage, stdout);
        return EX_OK;
    }
    if (optind == argc)
        return misuse("list, show, import, approve or reject");
    wish.words = argv + optind + 1;
    wish.count = argc - optind - 1;
    return run(argv[optind], &wish);
}
