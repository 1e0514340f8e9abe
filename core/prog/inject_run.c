/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/xmem.h"
#include "prog/inject_letter.h"
#include "prog/inject_list.h"
#include "prog/inject_report.h"
#include "prog/inject_source.h"
#include "base/banned.h"

enum {
    MEMORY_MOST = 64 << 20, /* octets of texts that are kept in memory */
    FILES_MOST = 200,       /* descriptors of those that are not */
    TURN_MOST = 200,        /* messages taken between two looks at answers */
    TICK_MS = 200,
    SYNC_MS = 20, /* answers wait so long for others to be synced with */
    SYNC_MOST = 2000,
    PARTING_MS = 10000
};

struct receipt {
    size_t stream;
    uint64_t is;
};
struct inject_run {
    const struct inject_args *o;
    struct inject_sums *sums;
    struct ecstream *streams[INJECT_CONNECTIONS];
    struct inject_source *source;
    struct inject_list *list;
    struct inject_text *common;   /* of the rows that name no file */
    struct inject_text *row_text; /* of the last file that a row named */
    char *row_file;
    struct inject_journal *journal;
    struct inject_report report;
    struct inject_scratch scratch;
    struct inject_letter *next; /* made, and not taken by a stream */
    size_t last_stream;
    bool all_taken, failed;
    struct err why;
    size_t open, memory, files;
    struct receipt *receipts; /* to be confirmed when the journal is synced */
    size_t receipt_count, receipt_size;
    int64_t receipts_since;
    int64_t begun_us;
    double due_us; /* when the next may go */
    uint64_t weight, total;
    bool old_journal_told;
};

static volatile sig_atomic_t interrupted;

static void
interrupt(int signal_number)
{
    (void)signal_number;
    interrupted++;
}

/* The run ends, as soon as what is under way was answered. */
static void
run_fail(struct inject_run *r, const struct err *e)
{
    if (!r->failed)
        r->why = *e;
    r->failed = true;
}

/* A message that was not sent at all. */
static void
say_unreadable(struct inject_run *r, const struct err *e)
{
    struct ecstream_result none = {.text = e->text};
    r->sums->unreadable++;
    inject_report_failure(&r->report, "", "", &none);
}

/* --- answers --- */

/* A text that all rows have is there anyway. */
static void
charge(struct inject_run *r, struct inject_letter *l)
{
    if (l->text == r->common)
        return;
    l->memory = l->text->memory.n;
    l->files = l->text->fd >= 0;
    r->memory += l->memory;
    r->files += l->files;
}

static void
let_go(struct inject_run *r, struct inject_letter *l)
{
    r->memory -= l->memory;
    r->files -= l->files;
    inject_letter_free(&l);
}

static void
keep_receipt(struct inject_run *r, size_t stream, uint64_t is)
{
    if (r->receipt_count == r->receipt_size) {
        r->receipt_size = r->receipt_size ? 2 * r->receipt_size : 256;
        r->receipts = xgrow(r->receipts, r->receipt_size, sizeof(*r->receipts));
    }
    if (!r->receipt_count)
        r->receipts_since = clock_mono();
    r->receipts[r->receipt_count++] = (struct receipt){stream, is};
}

static void
count_results(struct inject_run *r, const struct inject_letter *l,
    const struct ecstream_answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        unsigned class = a->results[i].code / 100;
        if (class == 2)
            r->sums->accepted++;
        else if (class == 4)
            r->sums->temporary++;
        else if (class == 5)
            r->sums->permanent++;
        else
            r->sums->unanswered++;
        if (class != 2)
            inject_report_failure(
                &r->report, l->name, l->rcpts.is[i], &a->results[i]);
    }
}

static void
answered(void *arg, const struct ecstream_answer *a)
{
    struct inject_letter *l = a->message;
    struct inject_run *r = l->run;
    (void)arg;
    count_results(r, l, a);
    if (r->journal && a->results[0].code) {
        inject_journal_note(
            r->journal, l->key, a->results, l->numbers, a->count);
        keep_receipt(r, l->stream, a->receipt);
    }
    r->open--;
    r->weight += l->weight;
    let_go(r, l);
}

/* What was answered is on disk, so the server may forget it. */
static void
sync_answers(struct inject_run *r)
{
    struct err e;
    if (!r->receipt_count)
        return;
    if (inject_journal_sync(r->journal, &e) < 0) {
        run_fail(r, &e);
        return;
    }
    for (size_t i = 0; i < r->receipt_count; i++)
        ecstream_confirm(r->streams[r->receipts[i].stream], r->receipts[i].is);
    r->receipt_count = 0;
}

/* --- the next message --- */

/* The text of a row: of its file, or the one that all have. */
static struct inject_text *
text_of_row(struct inject_run *r, const struct inject_row *row, struct err *e)
{
    if (!row->file) {
        if (!r->common)
            (void)err_set(e, ERR_INVAL,
                "the row names no file, and no message "
                "was given");
        return r->common;
    }
    if (r->row_file && str_eq(str_of(r->row_file), str_of(row->file)))
        return r->row_text;
    inject_text_unref(&r->row_text);
    xfree(&r->row_file);
    if (inject_source_one(row->file, &r->row_text, e) < 0)
        return NULL;
    if (inject_text_finish(r->row_text, e) < 0) {
        inject_text_unref(&r->row_text);
        return NULL;
    }
    r->row_file = xdup(row->file);
    return r->row_text;
}

/* 1: *to, or NULL if it was answered before; 0: no more; ERR_*. */
static int
next_of_list(struct inject_run *r, struct inject_letter **to, struct err *e)
{
    struct inject_row row;
    bool done = false;
    int rc = inject_list_next(r->list, &row, e);
    if (rc <= 0) {
        if (rc == ERR_IO)
            run_fail(r, e);
        return rc;
    }
    struct inject_text *t = text_of_row(r, &row, e);
    rc = t ? inject_letter_of_row(r->o, t, &row, r->journal, to, &done, e)
           : e->code;
    if (rc < 0) {
        err_prefix(
            e, "%s, line %llu", r->o->list, (unsigned long long)row.line);
        return rc;
    }
    (*to)->name =
        xprintf("%s, line %llu", r->o->list, (unsigned long long)row.line);
    (*to)->weight = row.octets;
    if (done) {
        r->sums->before++;
        r->weight += row.octets;
        inject_letter_free(to);
    }
    return 1;
}

static int
next_of_source(struct inject_run *r, struct inject_letter **to, struct err *e)
{
    struct inject_text *t;
    bool done = false;
    int rc = inject_source_next(r->source, &t, e);
    if (rc <= 0)
        return rc;
    rc = inject_letter_new(r->o, t, r->journal, to, &done, e);
    if (rc < 0)
        return err_prefix(e, "%s", inject_source_name(r->source));
    (*to)->name = xdup(inject_source_name(r->source));
    (*to)->weight = inject_source_weight(r->source);
    if (done) {
        r->sums->before++;
        r->weight += (*to)->weight;
        inject_letter_free(to);
    }
    return 1;
}

/* The letter that is to be sent next, in r->next; NULL: none now. */
static void
run_next(struct inject_run *r)
{
    struct err e;
    int rc = r->list ? next_of_list(r, &r->next, &e)
                     : next_of_source(r, &r->next, &e);
    if (rc == 0)
        r->all_taken = true;
    else if (rc < 0 && !r->failed)
        say_unreadable(r, &e);
    if (r->next)
        r->next->run = r;
}

/* --- sending --- */

static bool
run_takes(const struct inject_run *r)
{
    return !r->all_taken && !r->failed && !interrupted &&
        r->memory < MEMORY_MOST && r->files < FILES_MOST;
}

/* The connection with room that has the least to do, in turn; SIZE_MAX: none.
 */
static size_t
choose_stream(const struct inject_run *r)
{
    size_t best = SIZE_MAX, least = SIZE_MAX;
    for (size_t n = 1; n <= r->o->connections; n++) {
        size_t i = (r->last_stream + n) % r->o->connections;
        size_t open = ecstream_open_count(r->streams[i]);
        if (ecstream_has_room(r->streams[i]) && open < least) {
            best = i;
            least = open;
        }
    }
    return best;
}

static bool
run_is_early(const struct inject_run *r)
{
    return r->o->rate > 0 && (double)clock_mono_us() < r->due_us;
}

/* Who was late does not make up for it. */
static void
run_charge(struct inject_run *r)
{
    double now = (double)clock_mono_us(), step = 1e6 / r->o->rate;
    if (r->o->rate <= 0)
        return;
    r->due_us = r->due_us + step < now - 1e6 ? now : r->due_us + step;
}

static void
run_send(struct inject_run *r, size_t stream)
{
    struct inject_letter *l = r->next;
    struct ecstream_message m;
    struct err e;
    r->next = NULL;
    r->last_stream = stream;
    inject_letter_message(l, r->o->utf8, &r->scratch, &m);
    l->stream = stream;
    charge(r, l);
    if (ecstream_send(r->streams[stream], &m) == 0) {
        r->open++;
        r->sums->messages++;
        run_charge(r);
        return;
    }
    (void)err_set(
        &e, ERR_INVAL, "%s: %s", l->name, ecstream_error(r->streams[stream]));
    say_unreadable(r, &e);
    let_go(r, l);
}

static bool
run_fill(struct inject_run *r)
{
    for (int i = 0; i < TURN_MOST; i++) {
        size_t stream;
        if (!run_takes(r) || run_is_early(r))
            return false;
        stream = choose_stream(r);
        if (stream == SIZE_MAX)
            return false;
        if (!r->next)
            run_next(r);
        if (r->next)
            run_send(r, stream);
    }
    return true;
}

/* --- the loop --- */

static int
sooner(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

/* Milliseconds that nothing has to be done for. */
static int
run_pause(const struct inject_run *r, bool more)
{
    int ms = TICK_MS;
    if (more)
        return 0;
    for (size_t i = 0; i < r->o->connections; i++)
        ms = sooner(ms, ecstream_timeout(r->streams[i]));
    if (r->receipt_count)
        ms = sooner(ms, SYNC_MS);
    if (run_takes(r) && run_is_early(r))
        ms =
            sooner(ms, (int)((r->due_us - (double)clock_mono_us()) / 1000) + 1);
    return ms;
}

static void
run_wait(struct inject_run *r, bool more)
{
    struct pollfd fds[INJECT_CONNECTIONS];
    int ms = run_pause(r, more);
    for (size_t i = 0; i < r->o->connections; i++)
        fds[i] = (struct pollfd){.fd = ecstream_fd(r->streams[i]),
            .events = (short)ecstream_events(r->streams[i])};
    (void)poll(fds, r->o->connections, ms);
}

static void
tell_old_journal(struct inject_run *r, const struct ecstream *s)
{
    struct ecstream_server is = {.size = sizeof(is)};
    if (!r->journal || r->old_journal_told || !ecstream_server(s, &is))
        return;
    r->old_journal_told = true;
    if (inject_journal_age(r->journal) < (int64_t)is.remembers_s)
        return;
    char *line = xprintf("%s was last written %lld s ago, and the server "
                         "remembers for %u s: what was sent then and not "
                         "answered may come twice",
        r->o->journal, (long long)inject_journal_age(r->journal),
        is.remembers_s);
    inject_report_say(&r->report, line);
    free(line);
}

static void
run_streams(struct inject_run *r)
{
    for (size_t i = 0; i < r->o->connections; i++) {
        int rc = ecstream_run(r->streams[i]);
        struct err e;
        tell_old_journal(r, r->streams[i]);
        if (rc == 0 || rc == ECSTREAM_E_CLOSED)
            continue;
        (void)err_set(&e, rc == ECSTREAM_E_GONE ? ERR_CLOSED : ERR_DENIED, "%s",
            ecstream_error(r->streams[i]));
        run_fail(r, &e);
    }
}

static void
run_draw(struct inject_run *r)
{
    double s = (double)(clock_mono_us() - r->begun_us) / 1e6;
    char note[100];
    snprintf(note, sizeof(note), "%llu messages, %.0f/s",
        (unsigned long long)(r->sums->messages - r->open),
        s > 0 ? (double)(r->sums->messages - r->open) / s : 0);
    impel_bar_move(&r->report.bar, r->weight, r->total);
    impel_bar_note(&r->report.bar, note);
    impel_bar_draw(&r->report.bar);
}

static void
run_all(struct inject_run *r)
{
    int64_t drawn = 0;
    bool more = true;
    do {
        run_wait(r, more);
        run_streams(r);
        if (r->receipt_count >= SYNC_MOST ||
            (r->receipt_count && clock_mono() - r->receipts_since >= SYNC_MS))
            sync_answers(r);
        more = run_fill(r);
        if (clock_mono() - drawn >= TICK_MS) {
            run_draw(r);
            drawn = clock_mono();
        }
    } while (interrupted < 2 &&
        (r->open > 0 || (!r->all_taken && !r->failed && !interrupted)));
}

/* BYE, on all connections at once. */
static void
run_part(struct inject_run *r)
{
    int64_t until = clock_mono() + PARTING_MS;
    bool parting = true;
    sync_answers(r);
    for (size_t i = 0; i < r->o->connections; i++)
        ecstream_close(r->streams[i]);
    while (parting && interrupted < 2 && clock_mono() < until) {
        parting = false;
        for (size_t i = 0; i < r->o->connections; i++)
            parting = ecstream_run(r->streams[i]) == 0 || parting;
        if (parting)
            run_wait(r, false);
    }
}

/* --- beginning and end --- */

static void
say_line(void *arg, const char *line)
{
    struct inject_run *r = arg;
    if (r->o->quiet || str_starts(str_of(line), STR("connected")))
        return;
    inject_report_say(&r->report, line);
}

static int
open_streams(struct inject_run *r, struct err *e)
{
    struct ecstream_options so = {.size = sizeof(so),
        .host = r->o->host,
        .port = r->o->port,
        .software = "impel inject",
        .give_up_ms = r->o->give_up_ms,
        .tls = r->o->tls,
        .tls_ca = r->o->tls_ca,
        .tls_name = r->o->tls_name,
        .tls_certificate = r->o->tls_certificate,
        .tls_key = r->o->tls_key,
        .confirm_later = r->journal != NULL,
        .answered = answered,
        .log = say_line,
        .arg = r};
    char why[ECSTREAM_ERROR_SIZE];
    if (r->journal)
        memcpy(so.stream, inject_journal_stream(r->journal), sizeof(so.stream));
    for (size_t i = 0; i < r->o->connections; i++) {
        if (ecstream_open(&so, &r->streams[i], why) < 0)
            return err_set(e, ERR_INVAL, "%s", why);
        memcpy(so.stream, ecstream_stream(r->streams[i]), sizeof(so.stream));
    }
    return 0;
}

static int
open_list(struct inject_run *r, struct err *e)
{
    if (!r->o->list)
        return 0;
    if (r->o->path_count &&
        (inject_source_one(r->o->paths[0], &r->common, e) < 0 ||
            inject_text_finish(r->common, e) < 0))
        return e->code;
    return inject_list_open(r->o->list, &r->list, e);
}

static int
run_open(struct inject_run *r, struct err *e)
{
    const struct inject_args *o = r->o;
    if (o->journal && inject_journal_open(o->journal, &r->journal, e) < 0)
        return e->code;
    if (inject_report_open(&r->report, o->failures, e) < 0)
        return e->code;
    if (open_list(r, e) < 0)
        return e->code;
    r->source = inject_source_new(o);
    impel_bar_start(&r->report.bar, !o->quiet);
    if (r->report.bar.wanted)
        r->total = inject_source_total(o);
    return open_streams(r, e);
}

static void
run_close(struct inject_run *r)
{
    struct err e;
    for (size_t i = 0; i < r->o->connections; i++)
        ecstream_free(&r->streams[i]); /* what is open is answered: 0 */
    if (inject_report_close(&r->report, &e) < 0)
        run_fail(r, &e);
    inject_letter_free(&r->next);
    inject_text_unref(&r->common);
    inject_text_unref(&r->row_text);
    free(r->row_file);
    inject_list_close(&r->list);
    if (r->source)
        inject_source_free(&r->source);
    inject_journal_close(&r->journal);
    free(r->scratch.rcpts);
    free(r->receipts);
}

static void
catch_signals(bool on, struct sigaction was[2])
{
    struct sigaction catch = {.sa_handler = interrupt};
    interrupted = 0;
    (void)sigaction(SIGINT, on ? &catch : &was[0], on ? &was[0] : NULL);
    (void)sigaction(SIGTERM, on ? &catch : &was[1], on ? &was[1] : NULL);
}

int
inject_run(const struct inject_args *o, struct inject_sums *sums, struct err *e)
{
    struct inject_run r = {.o = o, .sums = sums, .begun_us = clock_mono_us()};
    struct sigaction was[2];
    *sums = (struct inject_sums){0};
    r.due_us = (double)r.begun_us;
    int rc = run_open(&r, e);
    if (rc == 0) {
        catch_signals(true, was);
        run_all(&r);
        sums->seconds = (double)(clock_mono_us() - r.begun_us) / 1e6;
        sums->interrupted = interrupted > 0;
        run_part(&r);
        catch_signals(false, was);
    }
    run_close(&r);
    if (rc == 0 && r.failed) {
        *e = r.why;
        rc = e->code;
    }
    return rc;
}
