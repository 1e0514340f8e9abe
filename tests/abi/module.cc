/* SPDX-License-Identifier: Apache-2.0
 *
 * module.cc - a module in C++: the header's macros have to be good for it.
 * Compiled only (header.test).
 */
#include <impel/module.h>

#include <cstring>

namespace {

const impel_host *host;

struct session {
    impel_session *io;
};

int
load(const impel_host *h, impel_instance *, void **, impel_error *)
{
    host = h;
    return 0;
}

int
open(void *, impel_session *io, const impel_scope *, const impel_peer *,
    void **s, impel_error *)
{
    *s = new session{io};
    host->ready(io, 1);
    return 0;
}

void
event(void *, impel_batch *, int, int64_t)
{
}

void
rest(impel_batch *b, int32_t verdict)
{
    impel_result r{};

    r.size = sizeof(r);
    r.verdict = verdict;
    r.blame = IMPEL_BLAME_RCPT;
    r.stage = IMPEL_AT_FINAL;
    r.text.p = "taken";
    r.text.n = std::strlen(r.text.p);
    host->rest_done(b, &r);
}

void
deliver(void *, impel_batch *b, const impel_envelope *e)
{
    if (IMPEL_HAS(impel_envelope, e, by))
        rest(b, IMPEL_DELIVERED);
}

void
cancel(void *, impel_batch *b)
{
    rest(b, IMPEL_UNTRIED);
}

void
probe(void *s)
{
    host->ready(static_cast<session *>(s)->io, 1);
}

void
close(void *s, int)
{
    host->closed(static_cast<session *>(s)->io, nullptr);
}

void
release(void *s)
{
    delete static_cast<session *>(s);
}

const impel_transport transport = {sizeof(impel_transport), 0, open, event,
    deliver, cancel, probe, close, release};
const char *const methods[] = {"CXX", nullptr};

} // namespace

IMPEL_MODULE(cxx) = {IMPEL_MODULE_STAMP, .name = "cxx", .version = "1",
    .brief = "A module in C++", .methods = methods, .load = load,
    .transport = &transport};
