/*
 * Where the relay looks for the keys of clients, and what lies there under which name.
 *
 * What it hides: the relay's own settings, which are read for the two that say where; names GUID.pem, and what else may
 * lie beside them; keys that wait for an operator, in pending/ below.
 */
#ifndef SMX_KEY_PLACE_H
#define SMX_KEY_PLACE_H

#include "base/daemon.h"
#include "base/mem.h"
#include "report/signature.h"
#include "spool/request.h"

/* As given on the command line; NULL: not. */
struct key_place_options {
    const char *config; /* of the relay; else /etc/mprelay.conf, if it is there */
    const char *root;
    const char *trust_dir;
};

struct key_place {
    char trusted[DAEMON_PATH_SIZE];
    char pending[DAEMON_PATH_SIZE];
};

/* Errors as config_open has them. */
bool key_place_find(const struct key_place_options *options, struct key_place *out, struct error *err) MUST_CHECK;

enum { KEY_NAME_SIZE = 256 };

/* The names of all that could be meant for a key in that directory, sorted, each in KEY_NAME_SIZE bytes of `out`. A
 * directory that nobody has made yet is empty. */
bool key_place_list(const char *directory, struct buffer *out, struct error *err) MUST_CHECK;
/* The client of a name. False: the relay never looks at a file of that name. */
bool key_place_client(const char *name, char guid[REQUEST_GUID_SIZE]) MUST_CHECK;
void key_place_name(const char guid[REQUEST_GUID_SIZE], char out[KEY_NAME_SIZE]);

/* A file of these directories, as the relay reads it: PEM, and no link. ERROR_NOT_FOUND: it is not there. */
bool key_place_read(const char *path, struct signature_key **out, struct error *err) MUST_CHECK;
/* Any other file with a key: PEM, or a PUBLICKEYBLOB in hex. */
bool key_place_import(const char *path, struct signature_key **out, struct error *err) MUST_CHECK;

#endif
