/* The relay's settings: one table, one struct. Names are those of the specification (spec/wire.md 8 and 10, smx.md 4 and
 * 8, logs.md 3); the table in settings.c is the only other place that knows them. */
#ifndef MPRELAY_SETTINGS_H
#define MPRELAY_SETTINGS_H

#include "base/config.h"

enum { ASYNC_REPLY_NOREPLY, ASYNC_REPLY_EMPTY, ASYNC_REPLY_FILE };
enum { SWITCH_OFF, SWITCH_ON };
enum { FSP_REPLY_EMPTY, FSP_REPLY_NOREPLY };
enum { REFUSE_STATUS, REFUSE_EMPTY200 };
enum { FILE_TYPE_GUESS, FILE_TYPE_REFUSE };
enum { WINDOWSAUTH_REFUSE, WINDOWSAUTH_ALIAS };
enum { REGISTRATION_OFF, REGISTRATION_ON };
enum { APPROVE_MANUAL, APPROVE_AUTO };
enum { LOG_TIME_UTC, LOG_TIME_LOCAL };
enum { VOCABULARY_KB, VOCABULARY_2012, VOCABULARY_CURRENT };

/* Words of a choice are in the order of these, or of the enum of that name in base/log.h and spool/spool.h. */
struct settings {
    struct config_list listen;
    struct config_list trusted_proxy;
    const char *forwarded_header;       /* NULL: none is believed */
    const char *proxy_identity;         /* NULL: nobody is vouched for */
    const char *admin_listen;           /* address_is_off: none */
    const char *root;
    const char *outbox;
    const char *log_dir;
    const char *journal_dir;
    const char *resync_dir;             /* NULL: none */

    int fsp;
    struct config_list fsp_topics;
    int fsp_reply;
    struct config_rate fsp_throttle;
    int info_endpoints;
    const char *mp_name;                /* NULL: mp-fqdn in capitals */
    const char *mp_fqdn;                /* NULL: the machine's name */
    const char *mp_version;
    const char *mp_certificate;         /* NULL: none */

    bool take_over;
    bool dispatch;
    const char *inbox;                  /* NULL: below root */
    uint64_t dispatch_interval;         /* 0: once */
    bool sandbox;

    int signature_policy;               /* enum trust_policy */
    const char *trust_dir;              /* NULL: below root */
    bool trust_first_use;
    bool allow_sha1;
    int registration;
    int registration_approve;
    uint64_t max_pending_keys;
    uint64_t max_trusted_keys;
    uint64_t duplicate_window;

    uint64_t max_request;
    uint64_t max_inflated;
    uint64_t max_msg;
    uint64_t max_headers;
    uint64_t max_attachments;
    uint64_t max_properties;
    uint64_t max_ratio;
    uint64_t max_tag;
    uint64_t xml_depth;
    uint64_t max_memory;
    uint64_t max_connections;
    uint64_t max_connections_per_address;
    uint64_t header_timeout;
    uint64_t request_timeout;
    uint64_t min_rate;

    uint64_t max_inbox_files;
    uint64_t min_free;
    uint64_t journal_size;
    int sync_method;
    uint64_t priority_high_max;
    uint64_t priority_low_min;
    const char *unverified_prefix;

    struct config_choice async_reply;
    int refuse_style;
    uint64_t retry_after;
    int filetype_missing;
    int windowsauth;
    bool check_target_host;
    const char *target_host;

    int log_level;
    int log_vocabulary;
    int log_format;
    int log_time;
    uint64_t log_max_size;
    uint64_t log_max_history;
    bool log_windows_paths;
    bool log_context;
    uint64_t stats_interval;            /* 0: never */
};

extern const struct config_table settings_table;

#endif
