/* A whole HTTP request in a file, as a proxy or ccmpost.py --dump writes it: head and body, a chunked one joined. Only for
 * looking at: it judges nothing that the relay judges. */
#ifndef SMX_DUMP_H
#define SMX_DUMP_H

#include "base/error.h"
#include "base/mem.h"

struct dump {
    struct span request_line;
    struct span content_type;
    struct span content_encoding;
    struct span body;
};

/* Do the bytes begin with a request line? */
bool dump_is_request(struct span bytes);
bool dump_read(struct span bytes, struct arena *arena, struct dump *out, struct error *err) MUST_CHECK;

#endif
