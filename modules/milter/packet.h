/* SPDX-License-Identifier: Apache-2.0
 *
 * packet.h - the packets of the milter protocol, on the wire and taken apart.
 *
 * A packet is its length (four octets, the command counted), a command octet
 * and its data; texts in it end in a NUL.  Nothing that comes from a filter is
 * believed: lengths are bounded before anything is kept, each text must have
 * its NUL within the packet, and what is left over behind the last one makes
 * the packet a bad one.
 */
#ifndef IMPEL_MILTER_PACKET_H
#define IMPEL_MILTER_PACKET_H

#include <stdbool.h>

#include <impel/module.h>

enum { /* longest packet from a filter, and what we send at once of a body */
    PACKET_MOST = 128 * 1024,
    PACKET_BODY = 65535
};

enum { /* commands of ours: SMFIC_* */
    SEND_ABORT = 'A',
    SEND_BODY = 'B',
    SEND_CONNECT = 'C',
    SEND_MACRO = 'D',
    SEND_END = 'E',
    SEND_HELO = 'H',
    SEND_QUIT_NC = 'K',
    SEND_HEADER = 'L',
    SEND_MAIL = 'M',
    SEND_EOH = 'N',
    SEND_OPTIONS = 'O',
    SEND_QUIT = 'Q',
    SEND_RCPT = 'R',
    SEND_DATA = 'T'
};
enum { /* what a filter says: SMFIR_* */
    SAID_ADD_RCPT = '+',
    SAID_ADD_RCPT_ARGS = '2',
    SAID_REMOVE_RCPT = '-',
    SAID_SHUTDOWN = '4',
    SAID_ACCEPT = 'a',
    SAID_BODY = 'b',
    SAID_CONTINUE = 'c',
    SAID_DISCARD = 'd',
    SAID_SENDER = 'e',
    SAID_CONN_FAIL = 'f',
    SAID_ADD_HEADER = 'h',
    SAID_INSERT_HEADER = 'i',
    SAID_CHANGE_HEADER = 'm',
    SAID_OPTIONS = 'O',
    SAID_PROGRESS = 'p',
    SAID_QUARANTINE = 'q',
    SAID_REJECT = 'r',
    SAID_SKIP = 's',
    SAID_TEMPFAIL = 't',
    SAID_REPLY = 'y'
};
enum { /* actions: SMFIF_* */
    ACT_ADD_HEADERS = 0x1,
    ACT_BODY = 0x2,
    ACT_ADD_RCPT = 0x4,
    ACT_REMOVE_RCPT = 0x8,
    ACT_CHANGE_HEADERS = 0x10,
    ACT_QUARANTINE = 0x20,
    ACT_SENDER = 0x40,
    ACT_ADD_RCPT_ARGS = 0x80,
    ACT_MACROS = 0x100,
    ACT_ALL = 0x1ff,
    ACT_ALL_V2 = 0x3f
};
enum { /* steps: SMFIP_*; NO: is not to be told, NR: is not answered */
    STEP_NO_CONNECT = 0x1,
    STEP_NO_HELO = 0x2,
    STEP_NO_MAIL = 0x4,
    STEP_NO_RCPT = 0x8,
    STEP_NO_BODY = 0x10,
    STEP_NO_HEADERS = 0x20,
    STEP_NO_EOH = 0x40,
    STEP_NR_HEADER = 0x80,
    STEP_NO_UNKNOWN = 0x100,
    STEP_NO_DATA = 0x200,
    STEP_SKIP = 0x400,
    STEP_RCPT_REJECTED = 0x800,
    STEP_NR_CONNECT = 0x1000,
    STEP_NR_HELO = 0x2000,
    STEP_NR_MAIL = 0x4000,
    STEP_NR_RCPT = 0x8000,
    STEP_NR_DATA = 0x10000,
    STEP_NR_UNKNOWN = 0x20000,
    STEP_NR_EOH = 0x40000,
    STEP_NR_BODY = 0x80000,
    STEP_LEADING_SPACE = 0x100000,
    STEP_ALL = 0x1ff7ff, /* but rejected recipients: they are not shown */
    STEP_ALL_V2 = 0x7f
};
enum { MACRO_STAGES = 7 }; /* connect helo mail rcpt data eom eoh */

/* --- in --- */
struct packet_in { /* zeroed */
    unsigned char *p;
    size_t n, size;
};
enum packet_state { PACKET_MORE, PACKET_WHOLE, PACKET_BAD };
/* Take from p[0..n); *used: octets done with, of this packet only.  WHOLE: the
 * command and its data are lent until packet_next(). */
enum packet_state packet_take(struct packet_in *in, const void *p, size_t n,
    size_t *used, int *command, struct impel_str *data);
void packet_next(struct packet_in *in);
void packet_fini(struct packet_in *in);

/* What a packet says; which members are set depends on the command. */
struct packet_said {
    int command;
    uint32_t index;               /* headers; OPTIONS: version */
    uint32_t actions, steps;      /* OPTIONS */
    struct impel_str name, value; /* headers, addresses and their arguments;
                                   * BODY: value; QUARANTINE: value */
    struct impel_str macros[MACRO_STAGES]; /* OPTIONS: asked for, or absent */
    uint16_t code, status[3];              /* REPLY */
    char text[400];                        /* REPLY: its words, lines joined */
};
/* NULL, or what is wrong with it. */
const char *packet_parse(
    int command, struct impel_str data, struct packet_said *to);

/* --- out --- */
struct packet_out { /* zeroed; packets one behind the other */
    unsigned char *p;
    size_t n, size, start; /* of the packet that is being made */
    bool failed;           /* no memory, or a text with a NUL in it */
};
void packet_begin(struct packet_out *o, int command);
void packet_byte(struct packet_out *o, int byte);
void packet_u32(struct packet_out *o, uint32_t value);
void packet_u16(struct packet_out *o, uint16_t value);
void packet_bytes(struct packet_out *o, const void *p, size_t n);
void packet_text(struct packet_out *o, struct impel_str s); /* and its NUL */
void packet_word(struct packet_out *o, const char *z);
/* A header value as filters know it: lines end in LF. */
void packet_value(struct packet_out *o, struct impel_str value);
void packet_end(struct packet_out *o);
void packet_out_fini(struct packet_out *o);

#endif
