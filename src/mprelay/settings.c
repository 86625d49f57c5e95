/* The one table of the relay's settings. A new setting is a row here, a field in settings.h, a paragraph in the manual. */
#include "settings.h"

#include "fsp.h"

#include <stddef.h>
#include <string.h>

#define SECOND 1000000U

#define ROW(name, type, field, initial, least, most, when, help)                                                     \
    {                                                                                                                  \
        name, type, offsetof(struct settings, field), initial, least, most, when, help                                 \
    }

static const struct config_row rows[] = {
    ROW("listen", CONFIG_LIST, listen, "127.0.0.1:8080", NULL, NULL, AT_START,
        "Where reports are taken: ADDRESS:PORT, [IPV6]:PORT or unix:PATH. May be given several times."),
    ROW("trusted-proxy", CONFIG_LIST, trusted_proxy, "127.0.0.1, ::1, unix:", NULL, NULL, RENEWED,
        "Addresses of reverse proxies (ADDRESS, ADDRESS/BITS, unix:): they may say who their client is, and "
        "max-connections-per-address counts the client, not them."),
    ROW("forwarded-header", CONFIG_TEXT, forwarded_header, "X-Forwarded-For", NULL, NULL, ON_RELOAD,
        "Header in which a trusted-proxy writes the address of its client; empty: none is believed."),
    ROW("proxy-identity", CONFIG_TEXT, proxy_identity, "", NULL, NULL, ON_RELOAD,
        "Header in which a trusted-proxy writes whose certificate it has checked, and the form of what it says, as "
        "X-SSL-Client-S-DN CN={client}, or {machine}; reports must be of that one. Empty: nobody is vouched for."),
    ROW("admin-listen", CONFIG_TEXT, admin_listen, "127.0.0.1:8081", NULL, NULL, AT_START,
        "ADDRESS:PORT of /livez, /readyz and /metrics; empty or off: none."),
    ROW("root", CONFIG_TEXT, root, "/var/lib/mprelay", NULL, NULL, AT_START,
        "Directory under which the inbox tree and logs/ are made."),
    ROW("outbox", CONFIG_TEXT, outbox, "", NULL, NULL, RENEWED,
        "Directory that takes the .smx files; empty: ROOT/inboxes/auth/statesys.box/incoming."),
    ROW("log-dir", CONFIG_TEXT, log_dir, "", NULL, NULL, ON_RELOAD, "Directory of MP_Relay.log; empty: ROOT/logs."),
    ROW("journal-dir", CONFIG_TEXT, journal_dir, "", NULL, NULL, RENEWED,
        "Directory of the journal (see journal-size); empty: ROOT/journal. It may be on another disk than the inbox."),
    ROW("resync-dir", CONFIG_TEXT, resync_dir, "", NULL, NULL, ON_RELOAD,
        "Directory in which the state system asks clients for a resync (its own resync-dir): /mprelay/resync hands that "
        "out; empty: there is no such path."),

    ROW("signature-policy", CONFIG_CHOICE, signature_policy, "verify", "off|verify|require", NULL, ON_RELOAD,
        "Signatures of clients: not looked at; checked where the client's key is known, which must then sign; or every "
        "report must be signed with a key that is known."),
    ROW("trust-dir", CONFIG_TEXT, trust_dir, "", NULL, NULL, ON_RELOAD,
        "Directory of the clients' keys, GUID.pem for each: a public key or a certificate; empty: ROOT/trust. Changes "
        "in it count at once."),
    ROW("trust-first-use", CONFIG_YES_NO, trust_first_use, "no", NULL, NULL, ON_RELOAD,
        "Keep the key that an unknown client's first well signed report brings along, and hold the client to it."),
    ROW("allow-sha1", CONFIG_YES_NO, allow_sha1, "no", NULL, NULL, ON_RELOAD, "Take signatures made with SHA-1."),

    ROW("registration", CONFIG_CHOICE, registration, "off", "off|on", NULL, ON_RELOAD,
        "Take the keys that clients register (endpoint MP_ClientRegistration)."),
    ROW("registration-approve", CONFIG_CHOICE, registration_approve, "manual", "manual|auto", NULL, ON_RELOAD,
        "What becomes of a key that a client registers: it waits in trust-dir/pending/ for smx key approve, or it counts "
        "at once."),
    ROW("max-pending-keys", CONFIG_NUMBER, max_pending_keys, "1000", "1", "100000", ON_RELOAD,
        "Most registered keys that may wait for approval; then clients are told to register later."),
    ROW("max-trusted-keys", CONFIG_NUMBER, max_trusted_keys, "100000", "1", "1000000", ON_RELOAD,
        "Most keys in trust-dir for registration-approve = auto or trust-first-use to add one; then clients are told to "
        "register later, and keys stay unknown."),

    ROW("duplicate-window", CONFIG_DURATION, duplicate_window, "24h", "0", "7d", ON_RELOAD,
        "How long a kept CCM_POST is remembered, so that it is not kept twice when it comes again byte for byte; 0: not."),

    ROW("take-over", CONFIG_YES_NO, take_over, "no", NULL, NULL, AT_START,
        "Take the place of the relay that runs on the same root: its addresses are given to this one, and it ends when "
        "this one is ready. For the command line: an upgrade without one refused connection."),
    ROW("dispatch", CONFIG_YES_NO, dispatch, "no", NULL, NULL, AT_START,
        "Take no reports, but move the files of outbox to inbox, which is on another machine or disk, and end. For the "
        "command line: mprelay --dispatch."),
    ROW("inbox", CONFIG_TEXT, inbox, "", NULL, NULL, AT_START,
        "Where dispatch moves files to; empty: ROOT/inboxes/auth/statesys.box/incoming."),
    ROW("dispatch-interval", CONFIG_DURATION, dispatch_interval, "0", "0", "24h", AT_START,
        "Dispatch does not end, but looks for files again after that time; 0: once."),
    ROW("sandbox", CONFIG_YES_NO, sandbox, "yes", NULL, NULL, AT_START,
        "Give up, once started, what is not needed any more: other files (Landlock), other system calls (seccomp)."),

    ROW("max-request", CONFIG_SIZE, max_request, "8M", "1K", "256M", ON_RELOAD, "Largest HTTP body taken."),
    ROW("max-inflated", CONFIG_SIZE, max_inflated, "64M", "1K", "1G", ON_RELOAD,
        "Largest report after decompression; inflating stops there."),
    ROW("max-msg", CONFIG_SIZE, max_msg, "256K", "1K", "16M", ON_RELOAD, "Largest envelope, part 1 of a CCM_POST."),
    ROW("max-headers", CONFIG_SIZE, max_headers, "16K", "1K", "64K", RENEWED,
        "Largest head of a request, in at most 100 lines."),
    ROW("max-attachments", CONFIG_NUMBER, max_attachments, "16", "0", "1000", ON_RELOAD,
        "Most attachments that an envelope may name."),
    ROW("max-properties", CONFIG_NUMBER, max_properties, "64", "1", "1000", ON_RELOAD,
        "Most properties that an envelope may have."),
    ROW("max-ratio", CONFIG_NUMBER, max_ratio, "100", "2", "1100", ON_RELOAD,
        "Largest ratio of inflated to compressed size, counted above 1 MB inflated."),
    ROW("max-tag", CONFIG_SIZE, max_tag, "64K", "1K", "1M", ON_RELOAD, "Largest XML tag with its attributes."),
    ROW("xml-depth", CONFIG_NUMBER, xml_depth, "32", "8", "200", ON_RELOAD, "Deepest nesting of XML elements."),
    ROW("max-memory", CONFIG_SIZE, max_memory, "512M", "16M", "64G", ON_RELOAD,
        "Memory for all reports in hand together; a request that finds none left is told to come back."),
    ROW("max-connections", CONFIG_NUMBER, max_connections, "1024", "1", "100000", RENEWED,
        "Most connections at once; more are told to come back."),
    ROW("max-connections-per-address", CONFIG_NUMBER, max_connections_per_address, "64", "1", "100000", ON_RELOAD,
        "Most connections at once from one address that is no trusted-proxy, with its requests through proxies; more are "
        "told to come back."),
    ROW("header-timeout", CONFIG_DURATION, header_timeout, "30s", "100ms", "1h", ON_RELOAD,
        "Time for the head of a request; a kept connection may idle as long."),
    ROW("request-timeout", CONFIG_DURATION, request_timeout, "120s", "100ms", "24h", ON_RELOAD,
        "Time for a whole request, and for requests in hand at a stop."),
    ROW("min-rate", CONFIG_SIZE, min_rate, "256", "0", "1M", ON_RELOAD,
        "Least bytes a second of a body, averaged over 10 s; 0: no least rate."),

    ROW("max-inbox-files", CONFIG_NUMBER, max_inbox_files, "1000000", "1", "1000000000", ON_RELOAD,
        "Most files waiting in the inbox; then clients are told to come back."),
    ROW("min-free", CONFIG_SIZE, min_free, "256M", "0", "1024G", ON_RELOAD,
        "Least free space on the inbox's file system; below it reports are refused with 507."),
    ROW("journal-size", CONFIG_SIZE, journal_size, "32M", "0", "16G", RENEWED,
        "Room for reports that are on stable storage and answered, but not yet files of their own: where many wait, that "
        "is faster. 0: every answer waits for its file."),
    ROW("sync-method", CONFIG_CHOICE, sync_method, "auto", "auto|syncfs|fsync", NULL, RENEWED,
        "How a batch gets to stable storage: one syncfs, or an fsync of each file. auto: syncfs on ext4, XFS, Btrfs and "
        "F2FS with Linux 5.8 or later."),
    ROW("priority-high-max", CONFIG_NUMBER, priority_high_max, "1", "0", "1000", ON_RELOAD,
        "Reports up to this Priority go to incoming/high."),
    ROW("priority-low-min", CONFIG_NUMBER, priority_low_min, "10", "1", "1000", ON_RELOAD,
        "Reports from this Priority on go to incoming/low."),
    ROW("unverified-prefix", CONFIG_TEXT, unverified_prefix, "", NULL, NULL, RENEWED,
        "Put before the name of every .smx file, such as N_; at most 16 bytes."),

    ROW("async-reply", CONFIG_CHOICE, async_reply, "noreply", "noreply|empty|file:", NULL, ON_RELOAD,
        "Answer to a kept CCM_POST: one part NoReply, nothing, or the bytes of a file (file:PATH)."),
    ROW("refuse-style", CONFIG_CHOICE, refuse_style, "status", "status|empty200", NULL, ON_RELOAD,
        "Answer to a CCM_POST that is refused for good: its status, or an empty 200 as original management points do."),
    ROW("retry-after", CONFIG_DURATION, retry_after, "60s", "1s", "24h", ON_RELOAD,
        "What Retry-After says to a client that is told to come back."),
    ROW("filetype-missing", CONFIG_CHOICE, filetype_missing, "guess", "guess|refuse", NULL, ON_RELOAD,
        "An envelope without FileType: look whether the body is a state message report, or refuse it."),
    ROW("windowsauth", CONFIG_CHOICE, windowsauth, "refuse", "refuse|alias", NULL, ON_RELOAD,
        "/ccm_system_windowsauth/request: answer 401, or treat it as /ccm_system/request."),
    ROW("check-target-host", CONFIG_YES_NO, check_target_host, "no", NULL, NULL, ON_RELOAD,
        "Refuse envelopes whose TargetHost is not target-host."),
    ROW("target-host", CONFIG_TEXT, target_host, "", NULL, NULL, ON_RELOAD,
        "The name that clients know this management point by; needed with check-target-host = yes."),

    ROW("fsp", CONFIG_CHOICE, fsp, "off", "off|on", NULL, ON_RELOAD,
        "Be a fallback status point, at /SMS_FSP/.sms_fsp: anybody may report there, unsigned, whatever signature-policy "
        "says."),
    ROW("fsp-topics", CONFIG_LIST, fsp_topics, "800, 801, 1000-1004", NULL, NULL, ON_RELOAD,
        "Topic types that the fallback status point takes, single ones and ranges FIRST-LAST."),
    ROW("fsp-throttle", CONFIG_RATE, fsp_throttle, "10000/3600s", "1/1s", "1000000000/30d", ON_RELOAD,
        "Most messages that the fallback status point takes in any stretch of that length; clients beyond are told to come "
        "back."),
    ROW("fsp-reply", CONFIG_CHOICE, fsp_reply, "empty", "empty|noreply", NULL, ON_RELOAD,
        "Answer to a kept report of the fallback status point: nothing, or one part NoReply."),
    ROW("info-endpoints", CONFIG_CHOICE, info_endpoints, "on", "off|on", NULL, ON_RELOAD,
        "Answer /SMS_MP/.sms_aut?MPLIST, with 500 while no report can be kept: what clients ask for, and the health checks "
        "of load balancers."),
    ROW("mp-name", CONFIG_TEXT, mp_name, "", NULL, NULL, ON_RELOAD,
        "Name of this management point in MPLIST; empty: mp-fqdn in capitals."),
    ROW("mp-fqdn", CONFIG_TEXT, mp_fqdn, "", NULL, NULL, ON_RELOAD,
        "Name of its machine in MPLIST; empty: what the machine calls itself."),
    ROW("mp-version", CONFIG_TEXT, mp_version, "9128", NULL, NULL, ON_RELOAD, "Version in MPLIST."),
    ROW("mp-certificate", CONFIG_TEXT, mp_certificate, "", NULL, NULL, ON_RELOAD,
        "File with the certificate, in PEM, that MPCERT hands out; empty: MPCERT is answered with 404."),

    ROW("log-level", CONFIG_CHOICE, log_level, "default", "verbose|default|warning|error", NULL, ON_RELOAD,
        "What is logged; verbose adds the bodies where log-vocabulary has a line for them."),
    ROW("log-vocabulary", CONFIG_CHOICE, log_vocabulary, "kb", "kb|2012|current", NULL, ON_RELOAD,
        "Whose lines MP_Relay.log speaks: KB 4459394, ConfigMgr 2012, or current branch."),
    ROW("log-format", CONFIG_CHOICE, log_format, "ccm", "ccm|site", NULL, ON_RELOAD,
        "Form of the log lines: of the client logs, or of the site server logs."),
    ROW("log-time", CONFIG_CHOICE, log_time, "utc", "utc|local", NULL, ON_RELOAD, "Time in the log lines."),
    ROW("log-max-size", CONFIG_SIZE, log_max_size, "250000", "10000", "1G", ON_RELOAD,
        "Size at which MP_Relay.log is renamed to MP_Relay.lo_ and begun anew."),
    ROW("log-max-history", CONFIG_NUMBER, log_max_history, "1", "1", "1000", ON_RELOAD,
        "Old log files kept; with more than 1 the older are MP_Relay-YYYYMMDD-HHMMSS.log."),
    ROW("log-windows-paths", CONFIG_YES_NO, log_windows_paths, "no", NULL, NULL, ON_RELOAD,
        "Write directories in the log with backslashes."),
    ROW("log-context", CONFIG_YES_NO, log_context, "no", NULL, NULL, ON_RELOAD,
        "Write a number of the request into the field context of its lines; some readers expect it empty."),
    ROW("stats-interval", CONFIG_DURATION, stats_interval, "15m", "0", "24h", ON_RELOAD,
        "How often a line with the figures since the last one is written into the log, at least 1s; 0: never."),
};

static bool check_settings(const void *values, struct error *err)
{
    const struct settings *settings = values;
    if (settings->listen.count == 0)
        return error_set(err, ERROR_MALFORMED, "listen: give at least one address to take reports on");
    if (settings->root == NULL)
        return error_set(err, ERROR_MALFORMED, "root: give the directory that is to hold inbox and log");
    if (settings->priority_high_max >= settings->priority_low_min)
        return error_set(err, ERROR_MALFORMED, "priority-high-max must be less than priority-low-min");
    if (settings->check_target_host && settings->target_host == NULL)
        return error_set(err, ERROR_MALFORMED, "check-target-host = yes needs target-host, the name to compare with");
    if (settings->mp_version == NULL)
        return error_set(err, ERROR_MALFORMED, "mp-version: give the version that MPLIST is to name");
    if (settings->stats_interval > 0 && settings->stats_interval < SECOND)
        return error_set(err, ERROR_MALFORMED, "stats-interval: 0, or at least 1s");
    const char *prefix = settings->unverified_prefix;
    if (prefix != NULL && (strlen(prefix) > 16 || prefix[0] == '.' || strchr(prefix, '/') != NULL))
        return error_set(err, ERROR_MALFORMED,
                         "unverified-prefix: at most 16 bytes, no slash, and no dot at its beginning");
    return fsp_check(settings, err);
}

const struct config_table settings_table = {
    .program = "mprelay",
    .version = VERSION,
    .summary = "take Configuration Manager state message reports over HTTP and keep them as .smx files",
    .file = "/etc/mprelay.conf",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct settings),
    .check = check_settings,
};
