/* The decision hidden here: a report that the relay could not read is not signed; nobody would know for whom. */
#include "signing.h"

#include "base/sys.h"
#include "report/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const struct report_limits limits = {{.depth = 200, .tag_bytes = 1024UL * 1024}, REPORT_MOST_MESSAGES};

bool signing_open(const char *key_file, struct signing *out, struct error *err)
{
    struct buffer pem;
    struct error why;
    buffer_init(&pem, SIGNATURE_MOST_FILE);
    *out = (struct signing){.signer = NULL};
    bool opened = signature_init(err) && sys_read_file(AT_FDCWD, key_file, &pem, err);
    if (opened && !signature_signer_open(buffer_span(&pem), &out->signer, &why))
        opened = error_set(err, why.kind, "'%.100s': %.100s", key_file, why.text);
    buffer_fini(&pem);
    if (opened && xml_open(&out->reader, err))
        return true;
    signing_close(out);
    return false;
}

void signing_close(struct signing *signing)
{
    signature_signer_close(signing->signer);
    xml_close(signing->reader);
    *signing = (struct signing){.signer = NULL};
}

bool signing_source(const struct signing *signing, struct span text, struct arena *arena, struct span *out,
                    struct error *err)
{
    static const struct span prefix = {"GUID:", 5};
    struct report report;
    if (!report_parse(text, TEXT_UTF16LE, &limits, signing->reader, arena, &report, err))
        return false;
    const struct span key = report.sender.key;
    if (key.len == 0)
        return error_set(err, ERROR_MALFORMED, "the report has no ClientID in whose name it could be signed");
    char *source = arena_alloc(arena, prefix.len + key.len);
    if (source == NULL)
        return arena_error(arena, "limit", err);
    memcpy(source, prefix.at, prefix.len);
    memcpy(source + prefix.len, key.at, key.len);
    *out = (struct span){source, prefix.len + key.len};
    return true;
}
