# SPDX-License-Identifier: Apache-2.0
"""Each option of listeners and of what mail has to look like (MC 3.17): the
same conversation at a socket without it and at one with it."""
import itertools
import os
import re
import socket
import stat

from daemon import free_port, wait_for
from test_listener import Client

MAIL, RCPT = b"MAIL FROM:<a@origin.test>", b"RCPT TO:<b@dest.test>"
FIELDS = b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@x.test>\r\n"
COUNT = itertools.count()
LONG = b"x" * 1500 + b"\r\n"


def code(*lines, hello=True):
    """The code of the reply to the last of these."""
    def talk(at):
        with Client(at.port) as c:
            for line in (b"EHLO client.test", *lines) if hello else lines:
                got = c.do(line)
            return got
    return talk


def words_of_banner(at):
    with Client(at.port) as c:
        return c.banner[1][0].decode()


def offered(at):
    with Client(at.port) as c:
        c.say(b"EHLO client.test\r\n")
        return {line[4:].split()[0].decode() for line in c.reply()[1][1:]}


def second_session(at):
    with Client(at.port), Client(at.port) as c:
        return c.do(b"EHLO client.test")


def second_message(at):
    with Client(at.port) as c:
        c.ready()
        c.do(b"DATA")
        assert c.do(FIELDS + b"\r\ntext\r\n.") == 250
        return c.do(MAIL)


def answers(at):
    try:
        return code(b"NOOP")(at)
    except OSError:
        return None


def message(data, see=lambda m: None):
    """The code for this message, and what see() says of what arrived."""
    def talk(at):
        to = f"to{next(COUNT)}@dest.test"
        with Client(at.port) as c:
            c.ready(to.encode())
            c.do(b"DATA")
            got = c.do(data + b".")
        if got != 250:
            return got
        return see(wait_for(lambda: [m for m in at.server.messages
                                     if m.recipients == [to]])[0])
    return talk


def has(name):
    return lambda m: len(m.header(name))


def by(m):
    return re.search(r"by (\S+)", m.header("Received")[0]).group(1)


def binding(at):
    n = len(at.daemon.records("R"))
    message(FIELDS + b"\r\ntext\r\n")(at)
    return at.daemon.wait_records("R", n + 1)[n][-1]


CLOSED = "Relay_Hosts = ( )"
# the option in a listen stanza, a conversation, what comes of it without the
# option and with it; what stands in the fifth place holds for both
ROWS = [
    ("Enable = false", answers, 250, None),
    ("Listener_Sessions = 1", second_session, 250, 421),
    ("Max_Receptions_Per_Connection = 1", second_message, 250, 421),
    ("Max_Recipients_Per_Message = 1", code(MAIL, RCPT, RCPT), 250, 452),
    ("Max_Message_Size = 1000", code(b"MAIL FROM:<a@b.test> SIZE=1001"),
     250, 552),
    ('Banner_Hostname = "its.name.test"', words_of_banner, "",
     "220 its.name.test ESMTP"),
    ('Static_Banner = "220 come in"', words_of_banner, "", "220 come in"),
    ('Received_Hostname = "by.name.test"',
     message(FIELDS + b"\r\n", by), "home.test", "by.name.test"),
    ("Context = [ binding = other ]", binding, "default", "other"),
    (CLOSED, code(MAIL, RCPT), 250, 550),
    ('Relay_Domains = ( "dest.test" )', code(MAIL, RCPT), 550, 250, CLOSED),
    ("Open_Relay = true", code(MAIL, RCPT), 550, 250, CLOSED),
    ('Relay_For_Sending_Domains = ( "origin.test" )', code(MAIL, RCPT),
     550, 250, CLOSED),
    ('SMTP_Extensions = ( "8BITMIME" "SIZE" )', offered,
     {"PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME", "SIZE", "DSN",
      "ENHANCEDSTATUSCODES", "SMTPUTF8", "DELIVERBY", "HELP"},
     {"8BITMIME", "SIZE", "HELP"}),
    ("Require_EHLO = true", code(MAIL, hello=False), 250, 503),
    ("Allow_Null_Envelope_Sender = false", code(b"MAIL FROM:<>"), 250, 550),
    ("Allow_Trailing_Whitespace_In_Commands = true", code(MAIL + b" "),
     501, 250),
    ('Domain_For_Unqualified_Recipient_Addresses = "dest.test"',
     code(MAIL, b"RCPT TO:<b>"), 553, 250),
    ('Domain_For_Unqualified_Sender_Address = "origin.test"',
     code(b"MAIL FROM:<a>"), 553, 250),
    ("RFC2821_Allow_Whitespace_In_Envelope = true",
     code(b"MAIL FROM: <a@origin.test>"), 501, 250),
    ("RFC2822_Date_Header = ignore", message(b"Subject: x\r\n\r\n", has("Date")),
     1, 0),
    ("RFC2822_Date_Header = pedantic", message(b"Subject: x\r\n\r\n", has("Date")),
     1, 550),
    ("RFC2822_MessageID_Header = ignore",
     message(b"Subject: x\r\n\r\n", has("Message-ID")), 1, 0),
    ("RFC2822_MessageID_Header = pedantic",
     message(b"Subject: x\r\n\r\n", has("Message-ID")), 1, 550),
    ("RFC2822_Missing_Headers = allow", message(b"\r\ntext\r\n"), 550, None),
    ("RFC2822_Lone_LF_In_Body = fix",
     message(FIELDS + b"\r\none\ntwo\rthree\r\n", lambda m: m.body), 550,
     b"one\r\ntwo\r\nthree\r\n"),
    ("RFC2822_Max_Line_Length = pedantic",
     message(FIELDS + b"\r\n" + LONG, lambda m: m.body), LONG, 550),
    ("RFC2822_Max_Line_Length = 1400 RFC2822_Max_Line_Length_Policy = reject",
     message(FIELDS + b"\r\n" + LONG, lambda m: m.body), LONG, 550),
    ("RFC2822_Trace_Headers = false",
     message(FIELDS + b"\r\n", lambda m: (len(m.header("Received")),
                                          len(m.header("Return-Path")))),
     (1, 0), (0, 0)),
    ("Max_Received_Headers = 1",
     message(b"Received: x\r\n" * 2 + FIELDS + b"\r\n"), None, 554),
    ("Allow_IP_Literal = false", code(MAIL, b"RCPT TO:<b@[127.0.0.2]>"),
     250, 553),
]


class At:
    def __init__(self, daemon, server, port):
        self.daemon, self.server, self.port = daemon, server, port


def test_each_option(impeld, server, tmp_path):
    s = server()
    ports = [(free_port(), free_port()) for _ in ROWS]
    listen = ""
    for row, (without, with_) in zip(ROWS, ports):
        common = row[4] if len(row) > 4 else ""
        listen += f'  Listen "127.0.0.1:{without}" {{ {common} }}\n' \
                  f'  Listen "127.0.0.1:{with_}" {{ {common} {row[0]} }}\n'
    d = impeld(f"""
Hostname = home.test
Routes = ( "smtp://127.0.0.1?port={s.port}" )
Binding "other" {{ }}
ESMTP_Listener {{
  Relay_Hosts = ( "127.0.0.0/8" )
  Listen "@DIR@/a" {{ }}
  Listen "@DIR@/b" {{ File_Mode = 0600 }}
{listen}}}
""", listener=False)
    wrong = []
    for row, pair in zip(ROWS, ports):
        got = [row[1](At(d, s, port)) for port in pair]
        if isinstance(row[2], str) and not row[2]:
            got[0] = ""  # any words
        if got != [row[2], row[3]]:
            wrong.append((row[0], got, [row[2], row[3]]))
    assert not wrong, "\n".join(map(str, wrong))
    assert [stat.S_IMODE(os.stat(d.dir / n).st_mode) for n in "ab"] == \
        [0o660, 0o600]
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(str(d.dir / "b"))
        assert c.recv(100).startswith(b"220 home.test")
