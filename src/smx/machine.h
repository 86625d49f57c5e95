/*
 * Which client is meant: by its GUID, with or without GUID: before it, or by its name, with * for what is left open.
 *
 * Errors: ERROR_NOT_FOUND: none; ERROR_MALFORMED: more than one, which machine_list then shows; those of db_ask.
 */
#ifndef SMX_MACHINE_H
#define SMX_MACHINE_H

#include "db/db.h"

enum { MACHINE_KEY_SIZE = 1024 }; /* 255 characters of UTF-8 */

struct machine {
    int64_t id;                 /* MachineID */
    char id_text[24];           /* the same for a parameter */
    char key[MACHINE_KEY_SIZE]; /* SMSID */
};

bool machine_find(struct db *db, const char *word, struct machine *out, struct error *err) MUST_CHECK;

/* Says why machine_find failed, with the clients that could be meant. The status. */
int machine_fail(struct db *db, const char *word, const struct error *why);

#endif
