/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsreason.h - why a session has not the TLS that it should have, in the
 * words of TLS reports (RFC 8460 4.3).
 */
#ifndef IMPEL_TLSREASON_H
#define IMPEL_TLSREASON_H

#define TLS_REASONS(X) \
    X(FINE, "success") \
    X(NO_STARTTLS, "starttls-not-supported") \
    X(WRONG_NAME, "certificate-host-mismatch") \
    X(EXPIRED, "certificate-expired") \
    X(NOT_TRUSTED, "certificate-not-trusted") \
    X(NOT_VALID, "validation-failure") /* whatever has no word of its own */ \
    X(TLSA_INVALID, \
        "tlsa-invalid") /* records that nothing can be done with */ \
    X(DNSSEC_INVALID, "dnssec-invalid") /* no answer that can be believed */ \
    X(DANE_REQUIRED, "dane-required")   /* there is no record at all */ \
    X(STS_FETCH, "sts-policy-fetch-error") \
    X(STS_INVALID, "sts-policy-invalid") \
    X(STS_WEBPKI, "sts-webpki-invalid")
#define TLS_REASON_ENUM(id, text) TLS_##id,
enum tls_reason { TLS_REASONS(TLS_REASON_ENUM) TLS_REASON_COUNT };

/* The word of RFC 8460. */
const char *tlsreason_name(enum tls_reason r);

#endif
