/* The decision hidden here: clients are asked page by page, a page's files first, then its rows in one transaction: one
 * commit for many, and nobody waits long for the database. */
#include "resync.h"

#include "base/log.h"
#include "base/sys.h"
#include "report/compose.h"
#include "spool/deliver.h"
#include "spool/inbox.h"
#include "spool/request.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

enum { PAGE = 64 };

#define A_MINUTE ((int64_t)60 * 1000000)

static const char *directory_of(const struct duty *duty)
{
    return duty->site->paths.resync;
}

/* ---- files whose client is not asked any more ---- */

struct page {
    struct store_asked asked[PAGE];
    size_t count;
};

/* What completed, or was overtaken by a restart, and a file whose row a crash prevented. */
static bool take_back(const struct duty *duty, struct page *page, struct error *err)
{
    if (!store_find_asked(duty->store, page->asked, page->count, err))
        return false;
    for (size_t i = 0; i < page->count; i++)
        if (!page->asked[i].under_way && !request_remove(directory_of(duty), page->asked[i].guid, err))
            return false;
    page->count = 0;
    return true;
}

/* A young one may be that of another state system that has not written its row yet. */
static bool is_old(int directory, const char *name, int64_t now)
{
    struct stat status;
    return sys.fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           (int64_t)status.st_mtim.tv_sec * 1000000 < now - A_MINUTE;
}

static bool sweep_open(const struct duty *duty, DIR *directory, struct error *err)
{
    struct page page = {.count = 0};
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (!request_parse_name(entry->d_name, page.asked[page.count].guid) ||
            !is_old(dirfd(directory), entry->d_name, duty->now))
            continue;
        if (++page.count == PAGE && !take_back(duty, &page, err))
            return false;
    }
    return page.count == 0 || take_back(duty, &page, err);
}

static bool sweep(const struct duty *duty, struct error *err)
{
    DIR *directory = opendir(directory_of(duty));
    if (directory == NULL)
        return error_os(err, "cannot read the directory '%s'", directory_of(duty));
    const bool swept = sweep_open(duty, directory, err);
    (void)closedir(directory); /* only read from */
    return swept && deliver_sweep(directory_of(duty), duty->now, err);
}

/* ---- the backlog ---- */

static void count_in_hand(void *owner, const struct inbox_seen *seen)
{
    (void)seen;
    ++*(uint64_t *)owner;
}

/* Counted no further than the limit, however many millions wait. What a loader has in hand waits, too. */
static bool is_backlogged(const struct duty *duty, bool *out, struct error *err)
{
    const uint64_t limit = duty->force->settings->resync_backlog;
    uint64_t count = 0;
    for (size_t i = 0; i < QUEUES && count <= limit; i++) {
        struct inbox_survey survey;
        if (!inbox_survey(duty->site->paths.incoming[i], limit + 1 - count, &survey, err))
            return false;
        count += survey.count;
    }
    if (count <= limit &&
        !inbox_look_process(duty->site->paths.process, (struct inbox_looker){count_in_hand, &count}, err))
        return false;
    *out = count > limit;
    return true;
}

/* ---- asking ---- */

size_t resync_write(const struct store_resync *resync, int64_t now, char out[RESYNC_TEXT_SIZE])
{
    char issued[COMPOSE_TIME_SIZE];
    compose_time(now, issued);
    return (size_t)snprintf(out, RESYNC_TEXT_SIZE, "client GUID:%s\nissued %s\nfirst missing %llu\ncount %llu\n",
                            resync->guid, issued, (unsigned long long)resync->first_missing,
                            (unsigned long long)resync->missing);
}

static bool put_file(const struct duty *duty, const struct store_resync *resync, struct error *err)
{
    char name[REQUEST_NAME_SIZE], text[RESYNC_TEXT_SIZE];
    request_name(resync->guid, name);
    const size_t len = resync_write(resync, duty->now, text);
    return deliver_over(directory_of(duty), name, (struct span){text, len}, err);
}

static void log_request(const struct duty *duty, const struct store_resync *resync)
{
    char since[COMPOSE_TIME_SIZE];
    compose_time(resync->since > 0 ? resync->since : duty->now, since);
    log_info("CResyncManager - Client GUID:%s: requested resync, %llu messages missing since %s", resync->guid,
             (unsigned long long)resync->missing, since);
    metrics_add(&duty->site->counters.resyncs_requested, 1);
}

static bool ask_page(const struct duty *duty, const struct store_resync_rule *rule, struct store_resync *resyncs,
                     size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!put_file(duty, &resyncs[i], err))
            return false;
    if (!store_issue_resyncs(duty->store, rule, resyncs, count, duty->now, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (resyncs[i].issued)
            log_request(duty, &resyncs[i]);
        else if (!request_remove(directory_of(duty), resyncs[i].guid, err)) /* its report came meanwhile */
            return false;
    }
    return true;
}

static bool ask_all(const struct duty *duty, struct store_resync *resyncs, size_t most, struct error *err)
{
    const struct store_resync_rule rule = {
        .missing_before = duty->now - duty->force->properties.min_missing_age,
        .issued_before = duty->now - (int64_t)duty->force->settings->min_resync_period,
    };
    size_t count = 0;
    if (!store_find_resyncs(duty->store, &rule, resyncs, most, &count, err))
        return false;
    for (size_t at = 0; at < count; at += PAGE) {
        if (at > 0 && !duty->pause(duty->owner))
            return true;
        if (!ask_page(duty, &rule, resyncs + at, count - at < PAGE ? count - at : PAGE, err))
            return false;
    }
    return true;
}

bool resync_check(const struct duty *duty, struct error *err)
{
    const size_t most = duty->force->settings->resync_batch;
    bool backlogged;
    if (!sweep(duty, err) || !is_backlogged(duty, &backlogged, err))
        return false;
    if (backlogged) {
        log_info("CResyncManager - No resync is requested while more than %llu files wait in the inbox",
                 (unsigned long long)duty->force->settings->resync_backlog);
        return true;
    }
    struct store_resync *resyncs = sys.allocate(most * sizeof *resyncs);
    if (resyncs == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for %zu resyncs", most);
    const bool asked = ask_all(duty, resyncs, most, err);
    sys.release(resyncs);
    return asked;
}
