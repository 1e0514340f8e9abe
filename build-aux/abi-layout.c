/* SPDX-License-Identifier: Apache-2.0
 *
 * abi-layout.c - prints offset and size of everything in impel/module.h, for
 * comparison with tests/abi/layout.txt.  A line may be appended to a type
 * there; none may change.  Since the header has no padding, a member that is
 * missing below shows as a sum that is too small, and ends in exit code 1.
 */
#include <stdio.h>

#include <impel/module.h>

static size_t sum;
static int bad;

#define BEGIN() (sum = 0)
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
        if (sum != sizeof(struct type)) { \
            fprintf(stderr, "%s: members missing in abi-layout.c\n", #type); \
            bad = 1; \
        } \
    } while (0)

static void
layout_abi(void)
{
    BEGIN();
    FIELD(impel_abi, magic);
    FIELD(impel_abi, major);
    FIELD(impel_abi, minor);
    END(impel_abi);
}

static void
layout_str(void)
{
    BEGIN();
    FIELD(impel_str, p);
    FIELD(impel_str, n);
    END(impel_str);
}

static void
layout_pair(void)
{
    BEGIN();
    FIELD(impel_pair, key);
    FIELD(impel_pair, value);
    END(impel_pair);
}

static void
layout_error(void)
{
    BEGIN();
    FIELD(impel_error, code);
    FIELD(impel_error, text);
    END(impel_error);
}

static void
layout_option(void)
{
    BEGIN();
    FIELD(impel_option, name);
    FIELD(impel_option, type);
    FIELD(impel_option, scopes);
    FIELD(impel_option, initial);
    FIELD(impel_option, min);
    FIELD(impel_option, max);
    FIELD(impel_option, choices);
    FIELD(impel_option, brief);
    FIELD(impel_option, manual);
    FIELD(impel_option, since);
    END(impel_option);
}

static void
layout_counter(void)
{
    BEGIN();
    FIELD(impel_counter, name);
    FIELD(impel_counter, brief);
    FIELD(impel_counter, gauge);
    FIELD(impel_counter, reserved);
    END(impel_counter);
}

static void
layout_peer(void)
{
    BEGIN();
    FIELD(impel_peer, size);
    FIELD(impel_peer, port);
    FIELD(impel_peer, reserved);
    FIELD(impel_peer, method);
    FIELD(impel_peer, uri);
    FIELD(impel_peer, host);
    FIELD(impel_peer, addr);
    FIELD(impel_peer, helo);
    FIELD(impel_peer, login);
    FIELD(impel_peer, local);
    FIELD(impel_peer, local_port);
    FIELD(impel_peer, reserved2);
    END(impel_peer);
}

static void
layout_dial(void)
{
    BEGIN();
    FIELD(impel_dial, size);
    FIELD(impel_dial, port);
    FIELD(impel_dial, tls);
    FIELD(impel_dial, alpn);
    FIELD(impel_dial, addr);
    END(impel_dial);
}

static void
layout_rcpt(void)
{
    BEGIN();
    FIELD(impel_rcpt, size);
    FIELD(impel_rcpt, notify);
    FIELD(impel_rcpt, address);
    FIELD(impel_rcpt, original);
    FIELD(impel_rcpt, number);
    FIELD(impel_rcpt, reserved);
    END(impel_rcpt);
}

static void
layout_envelope(void)
{
    BEGIN();
    FIELD(impel_envelope, size);
    FIELD(impel_envelope, needs);
    FIELD(impel_envelope, id);
    FIELD(impel_envelope, sender);
    FIELD(impel_envelope, envid);
    FIELD(impel_envelope, received);
    FIELD(impel_envelope, deadline);
    FIELD(impel_envelope, ret);
    FIELD(impel_envelope, attempt);
    FIELD(impel_envelope, rcpt_count);
    FIELD(impel_envelope, rcpt);
    FIELD(impel_envelope, client_addr);
    FIELD(impel_envelope, client_name);
    FIELD(impel_envelope, client_helo);
    FIELD(impel_envelope, client_login);
    FIELD(impel_envelope, client_proto);
    FIELD(impel_envelope, client_port);
    FIELD(impel_envelope, by);
    END(impel_envelope);
}

static void
layout_result(void)
{
    BEGIN();
    FIELD(impel_result, size);
    FIELD(impel_result, verdict);
    FIELD(impel_result, blame);
    FIELD(impel_result, stage);
    FIELD(impel_result, flags);
    FIELD(impel_result, code);
    FIELD(impel_result, status);
    FIELD(impel_result, reserved);
    FIELD(impel_result, retry_after);
    FIELD(impel_result, text);
    FIELD(impel_result, info_count);
    FIELD(impel_result, info);
    END(impel_result);
}

static void
layout_fetch(void)
{
    BEGIN();
    FIELD(impel_fetch, size);
    FIELD(impel_fetch, timeout);
    FIELD(impel_fetch, method);
    FIELD(impel_fetch, url);
    FIELD(impel_fetch, body);
    FIELD(impel_fetch, header_count);
    FIELD(impel_fetch, header);
    END(impel_fetch);
    BEGIN();
    FIELD(impel_fetched, size);
    FIELD(impel_fetched, status);
    FIELD(impel_fetched, body);
    FIELD(impel_fetched, error);
    END(impel_fetched);
    BEGIN();
    FIELD(impel_sasl, size);
    FIELD(impel_sasl, end);
    FIELD(impel_sasl, mechanism);
    FIELD(impel_sasl, in);
    FIELD(impel_sasl, out);
    END(impel_sasl);
}

static void
layout_host(void)
{
    BEGIN();
    FIELD(impel_host, abi);
    FIELD(impel_host, size);
    FIELD(impel_host, loops);
    FIELD(impel_host, log);
    FIELD(impel_host, post);
    FIELD(impel_host, wake);
    FIELD(impel_host, now);
    FIELD(impel_host, opt_is_set);
    FIELD(impel_host, opt_count);
    FIELD(impel_host, opt_int);
    FIELD(impel_host, opt_str);
    FIELD(impel_host, opt_key);
    FIELD(impel_host, count);
    FIELD(impel_host, fetch);
    FIELD(impel_host, state_put);
    FIELD(impel_host, state_get);
    FIELD(impel_host, dial);
    FIELD(impel_host, start_tls);
    FIELD(impel_host, login);
    FIELD(impel_host, input);
    FIELD(impel_host, consume);
    FIELD(impel_host, write);
    FIELD(impel_host, info);
    FIELD(impel_host, token);
    FIELD(impel_host, timer);
    FIELD(impel_host, body_size);
    FIELD(impel_host, read_body);
    FIELD(impel_host, send_body);
    FIELD(impel_host, meta);
    FIELD(impel_host, batch_set);
    FIELD(impel_host, batch_get);
    FIELD(impel_host, ready);
    FIELD(impel_host, draining);
    FIELD(impel_host, rcpt_done);
    FIELD(impel_host, rest_done);
    FIELD(impel_host, closed);
    FIELD(impel_host, event);
    FIELD(impel_host, report);
    FIELD(impel_host, settle);
    FIELD(impel_host, intake);
    FIELD(impel_host, filtering);
    FIELD(impel_host, await);
    FIELD(impel_host, late);
    END(impel_host);
}

static void
layout_transport(void)
{
    BEGIN();
    FIELD(impel_transport, size);
    FIELD(impel_transport, reserved);
    FIELD(impel_transport, open);
    FIELD(impel_transport, event);
    FIELD(impel_transport, deliver);
    FIELD(impel_transport, cancel);
    FIELD(impel_transport, probe);
    FIELD(impel_transport, close);
    FIELD(impel_transport, release);
    END(impel_transport);
}

static void
layout_listener(void)
{
    BEGIN();
    FIELD(impel_listener, size);
    FIELD(impel_listener, default_port);
    FIELD(impel_listener, tls);
    FIELD(impel_listener, accepted);
    FIELD(impel_listener, event);
    FIELD(impel_listener, verdict);
    FIELD(impel_listener, close);
    FIELD(impel_listener, release);
    END(impel_listener);
}

static void
layout_sender(void)
{
    BEGIN();
    FIELD(impel_sender, size);
    FIELD(impel_sender, needs);
    FIELD(impel_sender, ret);
    FIELD(impel_sender, by);
    FIELD(impel_sender, address);
    FIELD(impel_sender, envid);
    FIELD(impel_sender, auth);
    FIELD(impel_sender, declared_size);
    FIELD(impel_sender, hold_until);
    FIELD(impel_sender, deadline);
    END(impel_sender);
}

static void
layout_intake(void)
{
    BEGIN();
    FIELD(impel_intake, size);
    FIELD(impel_intake, reserved);
    FIELD(impel_intake, greet);
    FIELD(impel_intake, mechanisms);
    FIELD(impel_intake, sasl);
    FIELD(impel_intake, set_peer);
    FIELD(impel_intake, begin);
    FIELD(impel_intake, sender);
    FIELD(impel_intake, recipient);
    FIELD(impel_intake, set_meta);
    FIELD(impel_intake, body);
    FIELD(impel_intake, keep);
    FIELD(impel_intake, commit);
    FIELD(impel_intake, abandon);
    FIELD(impel_intake, refused);
    FIELD(impel_intake, may_relay);
    END(impel_intake);
}

static void
layout_step(void)
{
    BEGIN();
    FIELD(impel_step, size);
    FIELD(impel_step, step);
    FIELD(impel_step, client);
    FIELD(impel_step, proto);
    FIELD(impel_step, tls_version);
    FIELD(impel_step, tls_cipher);
    FIELD(impel_step, tls_peer);
    FIELD(impel_step, id);
    FIELD(impel_step, sender);
    FIELD(impel_step, rcpt);
    FIELD(impel_step, field_count);
    FIELD(impel_step, field);
    FIELD(impel_step, body);
    FIELD(impel_step, mechanism);
    FIELD(impel_step, tls_issuer);
    END(impel_step);
}

static void
layout_filter(void)
{
    BEGIN();
    FIELD(impel_filter, size);
    FIELD(impel_filter, reserved);
    FIELD(impel_filter, name);
    FIELD(impel_filter, open);
    FIELD(impel_filter, event);
    FIELD(impel_filter, step);
    FIELD(impel_filter, close);
    FIELD(impel_filter, release);
    END(impel_filter);
}

static void
layout_filtering(void)
{
    BEGIN();
    FIELD(impel_filtering, size);
    FIELD(impel_filtering, reserved);
    FIELD(impel_filtering, answer);
    FIELD(impel_filtering, add_field);
    FIELD(impel_filtering, change_field);
    FIELD(impel_filtering, replace_body);
    FIELD(impel_filtering, set_sender);
    FIELD(impel_filtering, add_rcpt);
    FIELD(impel_filtering, remove_rcpt);
    END(impel_filtering);
}

static void
layout_module(void)
{
    BEGIN();
    FIELD(impel_module, abi);
    FIELD(impel_module, size);
    FIELD(impel_module, option_size);
    FIELD(impel_module, counter_size);
    FIELD(impel_module, flags);
    FIELD(impel_module, option_count);
    FIELD(impel_module, counter_count);
    FIELD(impel_module, name);
    FIELD(impel_module, version);
    FIELD(impel_module, brief);
    FIELD(impel_module, methods);
    FIELD(impel_module, schemes);
    FIELD(impel_module, listeners);
    FIELD(impel_module, options);
    FIELD(impel_module, counters);
    FIELD(impel_module, load);
    FIELD(impel_module, check);
    FIELD(impel_module, unload);
    FIELD(impel_module, transport);
    FIELD(impel_module, listener);
    FIELD(impel_module, filter);
    END(impel_module);
}

#define VALUE(name) printf("%s %d\n", #name, (int)(name))

static void
layout_values(void)
{
    VALUE(IMPEL_E_INVAL);
    VALUE(IMPEL_E_NOMEM);
    VALUE(IMPEL_E_AGAIN);
    VALUE(IMPEL_E_FULL);
    VALUE(IMPEL_E_CLOSED);
    VALUE(IMPEL_E_UNSUP);
    VALUE(IMPEL_LOG_DEBUG);
    VALUE(IMPEL_LOG_INFO);
    VALUE(IMPEL_LOG_NOTICE);
    VALUE(IMPEL_LOG_WARNING);
    VALUE(IMPEL_LOG_ERROR);
    VALUE(IMPEL_LOG_CRITICAL);
    VALUE(IMPEL_OPT_BOOL);
    VALUE(IMPEL_OPT_INT);
    VALUE(IMPEL_OPT_SIZE);
    VALUE(IMPEL_OPT_DURATION);
    VALUE(IMPEL_OPT_PORT);
    VALUE(IMPEL_OPT_CHOICE);
    VALUE(IMPEL_OPT_STRING);
    VALUE(IMPEL_OPT_SECRET);
    VALUE(IMPEL_OPT_LIST);
    VALUE(IMPEL_OPT_DICT);
    VALUE(IMPEL_OPT_IMPORT);
    VALUE(IMPEL_SCOPE_GLOBAL);
    VALUE(IMPEL_SCOPE_GROUP);
    VALUE(IMPEL_SCOPE_BINDING);
    VALUE(IMPEL_SCOPE_DOMAIN);
    VALUE(IMPEL_SCOPE_OUTBOUND);
    VALUE(IMPEL_SCOPE_LISTENER);
    VALUE(IMPEL_SCOPE_LISTEN);
    VALUE(IMPEL_SCOPE_PEER);
    VALUE(IMPEL_SCOPE_HOST);
    VALUE(IMPEL_TLS_NONE);
    VALUE(IMPEL_TLS_NOW);
    VALUE(IMPEL_TLS_LATER);
    VALUE(IMPEL_INFO_ALPN);
    VALUE(IMPEL_INFO_TLS_VERSION);
    VALUE(IMPEL_INFO_TLS_CIPHER);
    VALUE(IMPEL_INFO_TLS_PEER);
    VALUE(IMPEL_INFO_TLS_HOW);
    VALUE(IMPEL_INFO_TLS_BINDING);
    VALUE(IMPEL_INFO_LOCAL_ADDR);
    VALUE(IMPEL_INFO_PEER_ADDR);
    VALUE(IMPEL_INFO_EHLO_NAME);
    VALUE(IMPEL_INFO_TLS_ERROR);
    VALUE(IMPEL_INFO_TLS_MAY);
    VALUE(IMPEL_INFO_TLS_NEED);
    VALUE(IMPEL_NEED_8BIT);
    VALUE(IMPEL_NEED_UTF8);
    VALUE(IMPEL_NEED_TLS);
    VALUE(IMPEL_NEED_BINARY);
    VALUE(IMPEL_BY_NOTIFY);
    VALUE(IMPEL_BY_RETURN);
    VALUE(IMPEL_BY_TRACE);
    VALUE(IMPEL_NOTIFY_NEVER);
    VALUE(IMPEL_NOTIFY_SUCCESS);
    VALUE(IMPEL_NOTIFY_FAILURE);
    VALUE(IMPEL_NOTIFY_DELAY);
    VALUE(IMPEL_RET_HDRS);
    VALUE(IMPEL_RET_FULL);
    VALUE(IMPEL_DELIVERED);
    VALUE(IMPEL_RETRY);
    VALUE(IMPEL_FAILED);
    VALUE(IMPEL_UNTRIED);
    VALUE(IMPEL_BLAME_RCPT);
    VALUE(IMPEL_BLAME_MESSAGE);
    VALUE(IMPEL_BLAME_SESSION);
    VALUE(IMPEL_BLAME_HOST);
    VALUE(IMPEL_BLAME_ROUTE);
    VALUE(IMPEL_AT_CONNECT);
    VALUE(IMPEL_AT_TLS);
    VALUE(IMPEL_AT_LOGIN);
    VALUE(IMPEL_AT_SENDER);
    VALUE(IMPEL_AT_RCPT);
    VALUE(IMPEL_AT_BODY);
    VALUE(IMPEL_AT_FINAL);
    VALUE(IMPEL_AT_BANNER);
    VALUE(IMPEL_AT_HELLO);
    VALUE(IMPEL_AT_CLIENT);
    VALUE(IMPEL_AT_RESET);
    VALUE(IMPEL_AT_DATA);
    VALUE(IMPEL_UNCERTAIN);
    VALUE(IMPEL_EV_CONNECTED);
    VALUE(IMPEL_EV_TLS);
    VALUE(IMPEL_EV_INPUT);
    VALUE(IMPEL_EV_DRAINED);
    VALUE(IMPEL_EV_BODY);
    VALUE(IMPEL_EV_TIMER);
    VALUE(IMPEL_EV_WAKE);
    VALUE(IMPEL_EV_LOST);
    VALUE(IMPEL_EV_CREDIT);
    VALUE(IMPEL_EV_LOGIN);
    VALUE(IMPEL_BODY_RAW);
    VALUE(IMPEL_BODY_DOTTED);
    VALUE(IMPEL_BODY_SEVENBIT);
    VALUE(IMPEL_STEP_CONNECT);
    VALUE(IMPEL_STEP_GREET);
    VALUE(IMPEL_STEP_SENDER);
    VALUE(IMPEL_STEP_RCPT);
    VALUE(IMPEL_STEP_HEADER);
    VALUE(IMPEL_STEP_BODY);
    VALUE(IMPEL_STEP_END);
    VALUE(IMPEL_STEP_ABANDON);
    VALUE(IMPEL_STEP_LEAVE);
    VALUE(IMPEL_GO_ON);
    VALUE(IMPEL_ENOUGH);
    VALUE(IMPEL_PASS);
    VALUE(IMPEL_ABSENT);
    VALUE(IMPEL_REFUSE);
    VALUE(IMPEL_HANG_UP);
    VALUE(IMPEL_DISCARD);
    VALUE(IMPEL_LAST_FIELD);
    VALUE(IMPEL_MODULE_TLS);
    VALUE(IMPEL_MODULE_CONTAINER);
    VALUE(IMPEL_AWAIT_LOG);
}

int
main(void)
{
    printf("abi %x %d.%d pointer %zu\n", IMPEL_ABI_MAGIC, IMPEL_ABI_MAJOR,
        IMPEL_ABI_MINOR, sizeof(void *));
    layout_abi();
    layout_str();
    layout_pair();
    layout_error();
    layout_option();
    layout_counter();
    layout_peer();
    layout_dial();
    layout_rcpt();
    layout_envelope();
    layout_result();
    layout_fetch();
    layout_host();
    layout_transport();
    layout_listener();
    layout_sender();
    layout_intake();
    layout_step();
    layout_filter();
    layout_filtering();
    layout_module();
    layout_values();
    return bad;
}
