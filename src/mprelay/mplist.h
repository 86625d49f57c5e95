/*
 * What clients ask a management point about itself (spec/wire.md 7): the list of management points, with us alone in it.
 *
 * What it hides: which questions there are, and the text of the list. Pure but for the name of the machine, which stands
 * for mp-name and mp-fqdn where they are not set.
 */
#ifndef MPRELAY_MPLIST_H
#define MPRELAY_MPLIST_H

#include "base/error.h"
#include "base/mem.h"
#include "settings.h"

enum mplist_question {
    MPLIST_NONE,            /* no question that we know */
    MPLIST_LIST,            /* MPLIST, MPLIST1&XYZ */
    MPLIST_CERTIFICATE,     /* MPCERT */
};

enum { MPLIST_SITE_SIZE = 4, MPLIST_MOST = 16 * 1024 };

/* The words of the query between the '&', as sent; one more than MPLIST_MOST_WORDS is none that we know. The site's code
 * goes to `site` in upper case, "" if none was asked for. */
enum { MPLIST_MOST_WORDS = 2 };
enum mplist_question mplist_read(const struct span *words, size_t count, char site[MPLIST_SITE_SIZE]);

/* Adds the list in UTF-8. */
bool mplist_write(const struct settings *settings, const char *site, struct buffer *out, struct error *err) MUST_CHECK;

#endif
