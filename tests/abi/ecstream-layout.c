/* SPDX-License-Identifier: Apache-2.0
 *
 * ecstream-layout.c - prints offset and size of everything in impel/ecstream.h,
 * for comparison with tests/abi/ecstream-layout.txt: programs that were
 * compiled against the library go on working.  A line may be appended to a type
 * there; none may change.  A member that is missing below shows as a sum that
 * is too small, and ends in exit code 1.
 */
#include <stdio.h>

#include <impel/ecstream.h>

static size_t sum;
static int bad;

#define FIELD(type, f) \
    do { \
        size_t at = offsetof(struct type, f); \
        size_t n = sizeof(((struct type *)0)->f); \
        printf("%s.%s %zu %zu\n", #type, #f, at, n); \
        sum += n; \
    } while (0)
#define END(type) \
    do { \
        printf("%s %zu\n", #type, sizeof(struct type)); \
        bad = bad || sum != sizeof(struct type); \
        sum = 0; \
    } while (0)

static void
layout_options(void)
{
    FIELD(ecstream_options, size);
    FIELD(ecstream_options, host);
    FIELD(ecstream_options, name);
    FIELD(ecstream_options, software);
    FIELD(ecstream_options, stream);
    FIELD(ecstream_options, port);
    FIELD(ecstream_options, family);
    FIELD(ecstream_options, tls);
    FIELD(ecstream_options, confirm_later);
    FIELD(ecstream_options, tls_ca);
    FIELD(ecstream_options, tls_name);
    FIELD(ecstream_options, tls_certificate);
    FIELD(ecstream_options, tls_key);
    FIELD(ecstream_options, connect_ms);
    FIELD(ecstream_options, answer_ms);
    FIELD(ecstream_options, give_up_ms);
    FIELD(ecstream_options, most_open);
    FIELD(ecstream_options, answered);
    FIELD(ecstream_options, log);
    FIELD(ecstream_options, arg);
    FIELD(ecstream_options, dial);
    END(ecstream_options);
}

static void
layout_message(void)
{
    FIELD(ecstream_message, size);
    FIELD(ecstream_message, sender);
    FIELD(ecstream_message, recipients);
    FIELD(ecstream_message, recipient_count);
    FIELD(ecstream_message, pairs);
    FIELD(ecstream_message, pair_count);
    FIELD(ecstream_message, key);
    FIELD(ecstream_message, key_size);
    FIELD(ecstream_message, flags);
    FIELD(ecstream_message, ret);
    FIELD(ecstream_message, envid);
    FIELD(ecstream_message, body);
    FIELD(ecstream_message, body_size);
    FIELD(ecstream_message, read);
    FIELD(ecstream_message, arg);
    END(ecstream_message);
}

static void
layout_lists(void)
{
    FIELD(ecstream_recipient, address);
    FIELD(ecstream_recipient, number);
    FIELD(ecstream_recipient, notify);
    FIELD(ecstream_recipient, original);
    END(ecstream_recipient);
    FIELD(ecstream_pair, key);
    FIELD(ecstream_pair, value);
    END(ecstream_pair);
}

static void
layout_answer(void)
{
    FIELD(ecstream_result, code);
    FIELD(ecstream_result, status);
    FIELD(ecstream_result, text);
    END(ecstream_result);
    FIELD(ecstream_answer, message);
    FIELD(ecstream_answer, key);
    FIELD(ecstream_answer, key_size);
    FIELD(ecstream_answer, count);
    FIELD(ecstream_answer, results);
    FIELD(ecstream_answer, receipt);
    END(ecstream_answer);
}

static void
layout_server(void)
{
    FIELD(ecstream_server, size);
    FIELD(ecstream_server, window);
    FIELD(ecstream_server, most_recipients);
    FIELD(ecstream_server, octets_window);
    FIELD(ecstream_server, most_octets);
    FIELD(ecstream_server, remembers_s);
    FIELD(ecstream_server, idle_s);
    FIELD(ecstream_server, name);
    END(ecstream_server);
}

int
main(void)
{
    printf("ecstream 1 pointer %zu\n", sizeof(void *));
    layout_options();
    layout_message();
    layout_lists();
    layout_answer();
    layout_server();
    return bad;
}
