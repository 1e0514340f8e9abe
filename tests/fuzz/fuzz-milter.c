/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-milter.c - packets of a filter, cut anywhere: what is found in them lies
 * within them, and how they are cut changes nothing.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

int LLVMFuzzerTestOneInput(const unsigned char *p, size_t n);

static void
within(struct impel_str s, struct impel_str all)
{
    assert(!s.p ||
        (s.p >= all.p && s.n <= all.n && (size_t)(s.p - all.p) <= all.n - s.n));
}

static unsigned long
look(int command, struct impel_str data)
{
    struct packet_said said;
    const char *bad = packet_parse(command, data, &said);
    unsigned long sum = (unsigned long)command;

    if (bad)
        return sum + strlen(bad);
    within(said.name, data);
    within(said.value, data);
    for (int i = 0; i < MACRO_STAGES; i++)
        within(said.macros[i], data);
    assert(memchr(said.text, '\0', sizeof(said.text)));
    if (command == SAID_REPLY) {
        assert(said.code >= 400 && said.code <= 559);
        assert(!said.status[0] || said.status[0] == said.code / 100);
        for (const char *z = said.text; *z; z++)
            assert((unsigned char)*z >= ' ' && (unsigned char)*z < 127);
    }
    return sum + said.index + said.name.n + 3 * said.value.n;
}

/* All packets, given in pieces of at most `most` octets. */
static unsigned long
run(const unsigned char *p, size_t n, size_t most)
{
    struct packet_in in = {0};
    unsigned long sum = 0;
    size_t at = 0, used;

    while (at < n) {
        struct impel_str data;
        int command;
        enum packet_state got = packet_take(
            &in, p + at, n - at < most ? n - at : most, &used, &command, &data);

        at += used;
        if (got == PACKET_BAD) {
            sum = sum * 31 + 7;
            break;
        }
        if (got == PACKET_MORE) {
            assert(used > 0);
            continue;
        }
        sum = sum * 31 + look(command, data);
        packet_next(&in);
    }
    packet_fini(&in);
    return sum;
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
    unsigned long whole = run(p, n, SIZE_MAX);

    assert(run(p, n, 1) == whole);
    assert(run(p, n, 7) == whole);
    return 0;
}
