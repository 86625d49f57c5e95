/*
 * The schema: tables, views and indexes, their version, and the rows that are there before the first report: site
 * control data, topic types, state names.
 *
 * store_schema_open does all of it in one transaction, whoever else does the same at the same time: a database is
 * found empty, of an older version or of ours; a newer one is refused. Values that an admin may have changed stay.
 */
#ifndef STATESYS_STORE_SCHEMA_H
#define STATESYS_STORE_SCHEMA_H

#include "db/db.h"
#include "store.h"

enum { STORE_SCHEMA_VERSION = 2 };

bool store_schema_open(struct db *db, const struct store_settings *settings, struct error *err) MUST_CHECK;

/* ---- between store_schema.c, store_tables.c and store_site.c ---- */

struct store_step {
    const char *both;               /* from the version before to this one */
    const char *sqlite;             /* and what only one of them has */
    const char *postgres;
};
extern const struct store_step store_steps[STORE_SCHEMA_VERSION];

/* Topic types and state names as compiled in, the site's rows as configured, eight settings where there are none. */
bool store_site_write(struct db *db, const struct store_settings *settings, struct error *err) MUST_CHECK;

#endif
