/* The decision hidden here: each connection has a job of one client in hand until it is done, and its next request is
 * begun by the loop when it is due, never by the answer. So pace, tries and order are seen at one place. */
#include "simulation.h"

#include "base/sys.h"
#include "report/compose.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    CONNECTIONS = 32,
    SECOND = 1000000,
    MOST_TEXT = 1024 * 1024,
    ASK_SECONDS = 30,
};

enum stage { STAGE_ASK, STAGE_BROKEN, STAGE_REPORT };
enum state { JOB_FREE, JOB_DUE, JOB_UNDER_WAY };

struct job {
    struct run *run;
    enum state state;
    enum stage stage;
    int64_t due;
    uint32_t client;
    unsigned damage;
    size_t messages;
    struct buffer text;                 /* FF FE and the report */
    struct buffer broken;
    struct buffer envelope;
};

struct run {
    const struct simulation *simulation;
    struct simulation_sums *sums;
    struct web *web;
    struct fleet_client *clients;       /* where reports are sent */
    uint32_t *counts;                   /* where resyncs are answered: of reports sent before */
    uint64_t jobs;
    uint64_t begun;
    uint64_t done;
    int64_t start;
    int64_t last_taken;                 /* when the server last took something */
    int64_t last_shown;
    uint64_t shown_sent;
    struct job work[CONNECTIONS];
    struct fleet_report report;
    struct error *err;
    bool answered;                      /* by anybody, so far */
    bool failed;
};

/* ---- one job ---- */

static bool compose(struct job *job, const struct fleet_report *report)
{
    struct error *err = job->run->err;
    job->text.len = 0;
    job->damage = report->damage;
    job->messages = report->report.message_count;
    return buffer_add(&job->text, "\xFF\xFE", 2, err) && compose_report(&report->report, &job->text, err);
}

static bool break_text(struct job *job)
{
    job->broken.len = 0;
    if (!buffer_add(&job->broken, job->text.at, job->text.len, job->run->err))
        return false;
    fleet_damage(job->damage, &job->broken);
    return true;
}

static bool begin_post(struct job *job)
{
    struct run *run = job->run;
    if (job->stage == STAGE_BROKEN && !break_text(job))
        return false;
    const struct span file = buffer_span(job->stage == STAGE_BROKEN ? &job->broken : &job->text);
    const struct post_report report = {
        .file = file, .text = {file.at + 2, file.len - 2}, .envelope = &job->envelope, .owner = job};
    job->envelope.len = 0;
    return post_begin(&run->simulation->post, run->web, &report, run->err);
}

static bool begin_ask(struct job *job)
{
    struct run *run = job->run;
    struct web_place place;
    char id[48];
    char query[64];
    fleet_write_id(&run->simulation->fleet, job->client, id);
    (void)snprintf(query, sizeof query, "client=%s", id + sizeof "GUID:" - 1);
    const struct web_request request = {.method = "GET", .seconds = ASK_SECONDS, .owner = job, .url = place.url};
    return web_move(&run->simulation->post.place, "/mprelay/resync", query, &place, run->err) &&
           web_begin(run->web, &request, run->err);
}

static void come_back(struct job *job, enum stage stage, int64_t due)
{
    job->state = JOB_DUE;
    job->stage = stage;
    job->due = due;
}

static void end_job(struct job *job)
{
    job->state = JOB_FREE;
    job->run->done++;
}

static void try_again(struct job *job, const struct web_answer *answer)
{
    struct run *run = job->run;
    const int64_t now = sys_ticks();
    run->sums->again++;
    come_back(job, job->stage, now + SECOND);
    if (run->answered && now - run->last_taken < run->simulation->patience)
        return;
    const char *url = run->simulation->post.place.url;
    run->failed = true;
    if (answer->status == 0)
        (void)error_set(run->err, ERROR_BUSY, "%s: %s", url, answer->error);
    else
        (void)error_set(run->err, ERROR_BUSY, "%s takes nothing, and answers %ld", url, answer->status);
}

/* ---- answers ---- */

/* These return false for an answer after which the same is to be tried again. */
static bool take_report_answer(struct job *job, const struct web_answer *answer)
{
    struct run *run = job->run;
    const enum post_verdict verdict = post_judge(answer);
    if (verdict == POST_REFUSED) {
        run->failed = true;
        (void)error_set(run->err, ERROR_MALFORMED, "a sound report of client %" PRIu32 " is refused with %ld",
                        job->client, answer->status);
    } else if (verdict == POST_KEPT) {
        run->sums->sent++;
        run->sums->messages += job->messages;
        end_job(job);
    }
    return verdict == POST_REFUSED || verdict == POST_KEPT;
}

static bool take_broken_answer(struct job *job, const struct web_answer *answer)
{
    struct simulation_sums *sums = job->run->sums;
    const enum post_verdict verdict = post_judge(answer);
    if (verdict == POST_AGAIN || verdict == POST_UNANSWERED)
        return false;
    *(verdict == POST_KEPT ? &sums->broken_taken : &sums->broken_refused) += 1;
    come_back(job, STAGE_REPORT, 0);
    return true;
}

/* The time of the line "issued ...", or REPORT_NO_TIME. */
static int64_t find_issued(struct span text)
{
    static const char word[] = "issued ";
    enum { LEN = sizeof word - 1 };
    while (text.len > LEN) {
        const char *end = memchr(text.at, '\n', text.len);
        const size_t len = end == NULL ? text.len : (size_t)(end - text.at);
        if (len > LEN && memcmp(text.at, word, LEN) == 0)
            return report_time(span_trim((struct span){text.at + LEN, len - LEN}));
        const size_t used = end == NULL ? len : len + 1;
        text = (struct span){text.at + used, text.len - used};
    }
    return REPORT_NO_TIME;
}

/* Dated by the request, so that who answers it again sends the same report, which does not count twice. */
static void answer_request(struct job *job, struct span request)
{
    enum { LATER = 1000 };
    struct fleet_life life;
    struct run *run = job->run;
    const struct fleet_settings *fleet = &run->simulation->fleet;
    const int64_t issued = find_issued(request);
    if (issued == REPORT_NO_TIME) {
        run->failed = true;
        (void)error_set(run->err, ERROR_MALFORMED, "a resync request without the time at which it was issued");
        return;
    }
    fleet_relive(fleet, job->client, run->counts[job->client], NULL, &life);
    fleet_resync(fleet, &life, issued + LATER, &run->report);
    if (!compose(job, &run->report))
        run->failed = true;
    come_back(job, STAGE_REPORT, 0);
}

static bool take_request(struct job *job, const struct web_answer *answer)
{
    struct run *run = job->run;
    if (answer->status != 200 && answer->status != 204 && post_judge(answer) != POST_REFUSED)
        return false;
    run->sums->asked++;
    if (answer->status == 204) {
        end_job(job);
    } else if (answer->status == 200) {
        answer_request(job, answer->body);
    } else {
        run->failed = true;
        (void)error_set(run->err, ERROR_MALFORMED, "resync requests are not to be had there (%ld): no resync-dir?",
                        answer->status);
    }
    return true;
}

static void take_answer(void *owner, const struct web_answer *answer)
{
    static bool (*const take[])(struct job *, const struct web_answer *) = {
        [STAGE_ASK] = take_request, [STAGE_BROKEN] = take_broken_answer, [STAGE_REPORT] = take_report_answer};
    struct job *job = owner;
    struct run *run = job->run;
    run->answered = run->answered || answer->status != 0;
    if (take[job->stage](job, answer))
        run->last_taken = sys_ticks();
    else
        try_again(job, answer);
}

/* ---- the loop ---- */

/* A client's reports arrive in order, because each waits for the one before. */
static bool is_at_work(const struct run *run, uint32_t client)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (run->work[i].state != JOB_FREE && run->work[i].client == client)
            return true;
    return false;
}

static struct job *find_free(struct run *run)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (run->work[i].state == JOB_FREE)
            return &run->work[i];
    return NULL;
}

/* When the next job may begin. */
static int64_t next_begin(const struct run *run)
{
    const uint64_t rate = run->simulation->rate;
    return rate == 0 ? run->start : run->start + (int64_t)((double)run->begun * SECOND / (double)rate);
}

static bool begin_job(struct run *run, struct job *job, uint32_t client)
{
    job->client = client;
    job->damage = 0;
    run->begun++;
    if (run->simulation->answers) {
        come_back(job, STAGE_ASK, 0);
        return true;
    }
    fleet_next(&run->simulation->fleet, &run->clients[client], sys_now(), &run->report);
    if (!compose(job, &run->report))
        return false;
    come_back(job, job->damage == 0 ? STAGE_REPORT : STAGE_BROKEN, 0);
    return true;
}

static void begin_jobs(struct run *run)
{
    while (!run->failed && run->begun < run->jobs && next_begin(run) <= sys_ticks()) {
        const bool answers = run->simulation->answers;
        const uint32_t client = answers ? (uint32_t)run->begun : fleet_turn(&run->simulation->fleet, run->begun);
        struct job *job = find_free(run);
        if (job == NULL || is_at_work(run, client))
            return;
        run->failed = !begin_job(run, job, client);
    }
}

static void begin_requests(struct run *run)
{
    const int64_t now = sys_ticks();
    for (int i = 0; i < CONNECTIONS && !run->failed; i++) {
        struct job *job = &run->work[i];
        if (job->state != JOB_DUE || job->due > now)
            continue;
        job->state = JOB_UNDER_WAY;
        run->failed = job->stage == STAGE_ASK ? !begin_ask(job) : !begin_post(job);
    }
}

/* How long nothing will be due. */
static int64_t find_pause(const struct run *run)
{
    const int64_t now = sys_ticks();
    int64_t until = now + SECOND;
    if (run->begun < run->jobs && next_begin(run) > now && next_begin(run) < until)
        until = next_begin(run);
    for (int i = 0; i < CONNECTIONS; i++)
        if (run->work[i].state == JOB_DUE && run->work[i].due < until)
            until = run->work[i].due;
    return until > now ? until - now : 0;
}

static void show_progress(struct run *run)
{
    const struct simulation_sums *sums = run->sums;
    const int64_t now = sys_ticks();
    if (!run->simulation->progress || now - run->last_shown < SECOND)
        return;
    const double rate = (double)(sums->sent - run->shown_sent) * SECOND / (double)(now - run->last_shown);
    (void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " %s, %.0f reports/s, %" PRIu64 " tried again\033[K", run->done,
                  run->jobs, run->simulation->answers ? "clients asked" : "reports sent", rate, sums->again);
    run->last_shown = now;
    run->shown_sent = sums->sent;
}

static void loop(struct run *run)
{
    while (!run->failed && run->done < run->jobs) {
        begin_jobs(run);
        begin_requests(run);
        if (!run->failed && !web_wait(run->web, find_pause(run), run->err))
            run->failed = true;
        show_progress(run);
    }
    if (run->simulation->progress)
        (void)fputs("\r\033[K", stderr);
}

/* ---- the whole ---- */

void simulation_count(const struct fleet_settings *fleet, uint64_t reports, uint32_t *counts)
{
    memset(counts, 0, fleet->clients * sizeof *counts);
    for (uint64_t i = 0; i < reports; i++)
        counts[fleet_turn(fleet, i)]++;
}

static bool open_clients(struct run *run)
{
    const struct simulation *simulation = run->simulation;
    const uint32_t count = simulation->fleet.clients;
    if (simulation->answers)
        run->counts = sys.allocate(count * sizeof *run->counts);
    else
        run->clients = sys.allocate(count * sizeof *run->clients);
    if (run->counts == NULL && run->clients == NULL)
        return error_set(run->err, ERROR_NO_MEMORY, "no memory for %" PRIu32 " clients", count);
    if (simulation->answers)
        simulation_count(&simulation->fleet, simulation->reports, run->counts);
    for (uint32_t i = 0; i < count && !simulation->answers; i++)
        fleet_begin(&simulation->fleet, i, &run->clients[i]);
    run->jobs = simulation->answers ? count : simulation->reports;
    return true;
}

static void open_jobs(struct run *run)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        struct job *job = &run->work[i];
        job->run = run;
        buffer_init(&job->text, MOST_TEXT);
        buffer_init(&job->broken, MOST_TEXT);
        buffer_init(&job->envelope, 2 * (size_t)MOST_TEXT);
    }
}

static void close_run(struct run *run)
{
    web_close(run->web);
    for (int i = 0; i < CONNECTIONS; i++) {
        buffer_fini(&run->work[i].text);
        buffer_fini(&run->work[i].broken);
        buffer_fini(&run->work[i].envelope);
    }
    sys.release(run->clients);
    sys.release(run->counts);
}

bool simulation_run(const struct simulation *simulation, struct simulation_sums *out, struct error *err)
{
    struct run run = {.simulation = simulation, .sums = out, .err = err};
    const struct web_settings settings = {.connections = CONNECTIONS, .done = take_answer};
    memset(out, 0, sizeof *out);
    open_jobs(&run);
    run.failed = !open_clients(&run) || !web_open(&settings, &run.web, err);
    run.start = run.last_taken = run.last_shown = sys_ticks();
    loop(&run);
    out->time = sys_ticks() - run.start;
    close_run(&run);
    return !run.failed;
}
