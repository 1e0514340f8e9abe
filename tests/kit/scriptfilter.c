/* SPDX-License-Identifier: Apache-2.0
 *
 * scriptfilter.c - the lines of a script that tests a filter: packets, what the
 * host tells, what must have been changed.
 */
#include "script_int.h"

#include <string.h>

#include "base/str.h"
#include "base/xmem.h"
#include "word.h"
#include "base/banned.h"

enum { PACKET_HEAD_MOST = 4 };

static const struct word word_step[] = {{"connect", IMPEL_STEP_CONNECT},
    {"greet", IMPEL_STEP_GREET}, {"sender", IMPEL_STEP_SENDER},
    {"rcpt", IMPEL_STEP_RCPT}, {"header", IMPEL_STEP_HEADER},
    {"body", IMPEL_STEP_BODY}, {"end", IMPEL_STEP_END},
    {"abandon", IMPEL_STEP_ABANDON}, {"leave", IMPEL_STEP_LEAVE}, {NULL, 0}};
static const struct word word_answer[] = {{"go-on", IMPEL_GO_ON},
    {"enough", IMPEL_ENOUGH}, {"pass", IMPEL_PASS}, {"absent", IMPEL_ABSENT},
    {"refuse", IMPEL_REFUSE}, {"hang-up", IMPEL_HANG_UP},
    {"discard", IMPEL_DISCARD}, {NULL, 0}};

/* Its length in four octets, the highest first, and TEXT. */
static int
parse_packet(struct reading *r, struct str text, enum script_step_kind kind)
{
    struct script_step *step = script_add_step(r, kind);
    int head = kind == STEP_SAY ? r->session->frame_length : 0;
    struct buf b = BUF_INIT;
    size_t size;
    int rc;

    if (!step)
        return script_bad(r, "too many lines", text);
    if (head && r->session->frame_before)
        return script_bad(r, "only the module says such packets", text);
    for (int i = 0; i < head; i++)
        buf_char(&b, 0);
    rc = script_expand(r, str_trim(text), &b);
    size = b.n - (size_t)head;
    if (head && size < (size_t)r->session->frame_more)
        return script_bad(r, "a packet without its head", text);
    size -= head ? (size_t)r->session->frame_more : 0;
    for (int i = 0; i < head; i++)
        b.p[i] = (char)(size >> (8 * (head - 1 - i)));
    step->text = script_kept(r->s, buf_get(&b));
    buf_fini(&b);
    return rc;
}

int
script_lines(struct reading *r, struct str rest)
{
    struct buf *body = &r->message->body;
    int times, rc = script_number(r, word_next(&rest), &times);

    rest = str_trim(rest);
    while (!rc && times--) {
        rc = script_expand(r, rest, body);
        buf_cstr(body, "\r\n");
    }
    return rc;
}

/* framing LENGTH MORE [BEFORE] */
static int
parse_framing(struct reading *r, struct str rest)
{
    struct script_session *t = r->session;

    if (script_number(r, word_next(&rest), &t->frame_length) ||
        script_number(r, word_next(&rest), &t->frame_more) ||
        t->frame_length < 1 || t->frame_length > PACKET_HEAD_MOST ||
        t->frame_more < 0 || t->frame_more > 100)
        return script_bad(r, "no such framing", rest);
    t->frame_before = 0;
    rest = str_trim(rest);
    if (rest.n &&
        (script_number(r, rest, &t->frame_before) || t->frame_before < 0 ||
            t->frame_before > 100))
        return script_bad(r, "no such framing", rest);
    return 0;
}

/* tell STEP [MESSAGE [N]] [-> ANSWER [WANT]] */
static int
parse_tell(struct reading *r, struct str rest)
{
    struct script_act *a = script_add_act(r, ACT_TELL);
    struct str word = word_next(&rest);
    int n = 1;

    if (!a)
        return script_bad(r, "too many lines", rest);
    a->step = word_find(word_step, word);
    if (a->step < 0)
        return script_bad(r, "unknown step", word);
    if (a->step == IMPEL_STEP_ABANDON || a->step == IMPEL_STEP_LEAVE)
        return 0;
    word = word_next(&rest);
    a->message = script_message(r->s, word);
    if (!a->message)
        return script_bad(r, "no such message above", word);
    word = word_next(&rest);
    if (word.n && !str_eq(word, STR("->"))) {
        if (script_number(r, word, &n))
            return ERR_CONF;
        word = word_next(&rest);
    }
    if (n < 1 || (size_t)n > MAX_OF(a->message->rcpt_count, (size_t)1))
        return script_bad(r, "no such recipient", rest);
    a->rcpt = (size_t)n - 1;
    if (!word.n)
        return 0;
    word = word_next(&rest);
    a->answer = word_find(word_answer, word);
    if (a->answer < 0)
        return script_bad(r, "unknown answer", word);
    rest = str_trim(rest);
    return rest.n ? script_want(r, rest, &a->want, NULL) : 0;
}

static int
parse_changed(struct reading *r, struct str rest)
{
    struct script_session *t = r->session;

    if (t->change_count == SCRIPT_MAX_ROWS)
        return script_bad(r, "too many lines", rest);
    t->change = xgrow(t->change, t->change_count + 1, sizeof(*t->change));
    t->change[t->change_count++] = script_kept(r->s, str_trim(rest));
    return 0;
}

bool
script_filter_line(struct reading *r, struct str key, struct str rest, int *rc)
{
    if (str_eq(key, STR(">[")))
        *rc = parse_packet(r, rest, STEP_SAY);
    else if (str_eq(key, STR("<[")))
        *rc = parse_packet(r, rest, STEP_PACKET);
    else if (str_eq(key, STR("framing")))
        *rc = parse_framing(r, rest);
    else if (str_eq(key, STR("tell")))
        *rc = parse_tell(r, rest);
    else if (str_eq(key, STR("changed")))
        *rc = parse_changed(r, rest);
    else
        return false;
    return true;
}

const char *
script_answer_name(int answer)
{
    for (const struct word *w = word_answer; w->name; w++)
        if (w->value == answer)
            return w->name;
    return "?";
}

/* '*' stands for any octets, all else for itself, NULs too. */
bool
script_packet_fits(struct impel_str pattern, struct impel_str p)
{
    size_t at = 0, i = 0, star = SIZE_MAX, back = 0;

    while (at < p.n) {
        if (i < pattern.n && pattern.p[i] == '*') {
            star = i++;
            back = at;
        } else if (i < pattern.n && pattern.p[i] == p.p[at]) {
            i++;
            at++;
        } else if (star != SIZE_MAX) {
            i = star + 1;
            at = ++back;
        } else {
            return false;
        }
    }
    while (i < pattern.n && pattern.p[i] == '*')
        i++;
    return i == pattern.n;
}
