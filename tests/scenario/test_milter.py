# SPDX-License-Identifier: Apache-2.0
"""Filters by the milter protocol: what they are told, what they may say, and
what becomes of mail when they fail.  The milters are scripted; real ones are
in test_milter_peers.py."""
import smtplib
import socket
import ssl
import struct

import pytest

import daemon
import milters
from certificates import Authority
from daemon import BUILD, wait_for
from milters import Milter
from peers import send
from test_auth_in import SECRET, line_of

MODULES = daemon.MODULES + f":{BUILD}/modules/milter/.libs"


@pytest.fixture
def milter(tmp_path):
    started = []

    def make(*args, **how):
        m = Milter(*args, **how)
        started.append(m)
        return m

    yield make
    for m in started:
        m.stop()


@pytest.fixture
def chain(impeld, server):
    """A daemon behind those milters, and the server it delivers to."""

    def make(*filters, more="", listener=True):
        s = server()
        items = " ".join(f'"{f}"' for f in
                         (m if isinstance(m, str) else m.name for m in filters))
        d = impeld(f"""
milters = ( {items} )
gateway = "127.0.0.1:{s.port}"
{more}
""", modules=MODULES, listener=listener)
        return d, s

    return make


def delivered(s, count=1):
    wait_for(lambda: len(s.messages) >= count, what="a delivery")
    return s.messages


def refused(d, **how):
    """The reply that send() is given."""
    with pytest.raises(smtplib.SMTPException) as e:
        send(d.port, "you@there.test", **how)
    e = e.value
    if isinstance(e, smtplib.SMTPRecipientsRefused):
        code, text = list(e.recipients.values())[0]
    else:
        code, text = e.smtp_code, e.smtp_error
    return code, text.decode()


# --- what a filter is told ---

def test_what_it_is_told(chain, milter):
    m = milter()
    d, s = chain(m)
    send(d.port, ["you@there.test", "two@there.test"],
         headers="X-Folded: one\r\n two\r\n", body="Hello\r\n.dot\r\n")
    delivered(s)
    c = m.clients[0]
    assert c.offered == (6, 0x1ff, 0x1ff7ff)
    assert c.names()[:6] == ["connect", "helo", "mail", "rcpt", "rcpt", "data"]
    host, rest = c.all("connect")[0].split(b"\0", 1)
    assert host == b"[127.0.0.1]"
    assert rest[:1] == b"4" and rest[3:] == b"127.0.0.1\0"
    address, size = c.all("mail")[0].split(b"\0")[:2]
    assert address == b"<sender@origin.test>" and size.startswith(b"SIZE=")
    assert c.all("rcpt") == [b"<you@there.test>\0", b"<two@there.test>\0"]
    names = [n for n, _ in c.headers()]
    assert names[:2] == [b"From", b"To"] and b"Received" not in names
    assert (b"X-Folded", b"one\n two") in c.headers()
    assert c.body() == b"Hello\r\n.dot\r\n"
    assert c.macros["mail"][b"{mail_addr}"] == b"sender@origin.test"
    assert c.macros["mail"][b"{client_addr}"] == b"127.0.0.1"
    assert c.macros["rcpt"][b"{rcpt_addr}"] == b"two@there.test"
    assert c.macros["connect"][b"j"] == c.macros["connect"][b"{daemon_name}"]
    assert len(c.macros["end"][b"i"].split(b"-")) == 3
    assert c.macros["end"][b"i"] in s.messages[0].data  # of our Received


def test_only_what_it_wants(chain, milter):
    """Steps that it does not want are not told, others are not answered."""
    m = milter(steps=0x1 | 0x2 | 0x10 | 0x200 | 0x80 | 0x4000 | 0x40000)
    d, s = chain(m)
    send(d.port, "you@there.test")
    delivered(s)
    names = m.clients[0].names()
    assert "connect" not in names and "helo" not in names
    assert "body" not in names and "data" not in names
    assert names[0] == "mail" and names[-1] != "header"
    assert "end" in names


def test_leading_space(chain, milter):
    m = milter(steps=0x100000,
               answer=lambda n, data, c: [milters.add("X-Tight", "none"),
                                          milters.CONTINUE]
               if n == "end" else None)
    d, s = chain(m)
    send(d.port, "you@there.test", headers="X-A:\ttab\r\nX-B:none\r\n")
    data = delivered(s)[0].data
    assert (b"X-A", b"\ttab") in m.clients[0].headers()
    assert (b"X-B", b"none") in m.clients[0].headers()
    assert (b"Subject", b" test") in m.clients[0].headers()
    assert b"\r\nX-Tight:none\r\n" in data


def test_version_2(chain, milter):
    m = milter(version=2, actions=0x3f)
    d, s = chain(m, more="milter_protocol = 2")
    send(d.port, "you@there.test")
    delivered(s)
    assert m.clients[0].offered == (2, 0x3f, 0x7f)
    assert "data" not in m.clients[0].names()
    wait_for(lambda: m.clients[0].names()[-1] == "quit", what="quit")


def test_macros_that_it_asks_for(chain, milter):
    m = milter()
    m.options = (b"O", struct.pack("!III", 6, 0x100, 0) +
                 struct.pack("!I", 2) + b"{mail_host} {client_port}\0")
    d, s = chain(m)
    send(d.port, "you@there.test")
    delivered(s)
    assert sorted(m.clients[0].macros["mail"]) == [b"{client_port}",
                                                   b"{mail_host}"]


def test_logins_and_certificates(chain, milter, tmp_path):
    """How a client has proven who it is."""
    ca = Authority(tmp_path)
    ours, _ = ca.make("mx.test")
    theirs, _ = ca.make("client.test")
    users = tmp_path / "users"
    users.write_text(line_of("alice"))
    users.chmod(0o600)
    m = milter()
    d, s = chain(m, more=f"""
Auth_Password_File = "{users}"
ESMTP_Listener {{
  Listen "127.0.0.1:@PORT@" {{ }}
  Enable_Authentication = true
  tls_certificate = "{ours}"
  tls_client_ca = "{ca.crt}"
}}
""", listener=False)
    context = ssl.create_default_context(cafile=ca.crt)
    context.check_hostname = False
    context.load_cert_chain(theirs)
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        c.starttls(context=context)
        c.login("alice", SECRET)
        c.sendmail("a@origin.test", "you@there.test", b"S: x\r\n\r\nx\r\n")
    delivered(s)
    macros = m.clients[0].macros
    assert macros["mail"][b"{auth_type}"] == b"PLAIN"
    assert macros["mail"][b"{auth_authen}"] == b"alice"
    assert macros["helo"][b"{cert_subject}"] == b"CN=client.test"
    assert macros["helo"][b"{cert_issuer}"] == b"CN=ca"


def test_connection_is_used_again(chain, milter):
    m = milter()
    d, s = chain(m, more="milter_reuse = true")
    for _ in range(3):
        send(d.port, "you@there.test")
    delivered(s, 3)
    assert len(m.clients) == 1
    assert m.clients[0].names().count("connect") == 3
    assert m.clients[0].names().count("quit_nc") >= 2


def test_unix_socket(chain, milter, tmp_path):
    m = milter(path=tmp_path / "m.sock")
    d, s = chain(m)
    send(d.port, "you@there.test")
    delivered(s)


# --- what a filter may answer ---

AT = ["connect", "helo", "mail", "rcpt", "data", "header", "eoh", "body",
      "end"]


def test_refusals(chain, milter):
    """Each refusal, at each step, is what the client is told."""
    at, said = [None], [None]
    m = milter(answer=lambda n, data, c: said[0] if n == at[0] else None)
    d, s = chain(m)
    for at[0] in AT[1:]:
        for said[0], code, text in (
                (milters.REJECT, 550, "Command rejected"),
                (milters.TEMPFAIL, 451, "Service unavailable"),
                (milters.reply("450 4.2.1 come back"), 450, "4.2.1 come back"),
                (milters.reply("554-5.7.9 one\r\n554 5.7.9 100%%"), 554,
                 "5.7.9 one 100%")):
            got, words = refused(d)
            assert got == code and text in words, (at, said, got, words)
    said[0] = None
    send(d.port, "you@there.test")
    assert len(delivered(s)) == 1
    wait_for(lambda: any("filter-answer" in line and m.name in line for line in
                         d.log("paniclog") + d.stderr().splitlines()))


def test_refused_as_it_connects(chain, milter):
    """For good: the session ends.  For now: each message is refused."""
    said = [milters.REJECT]
    m = milter(answer=lambda n, data, c: said[0] if n == "connect" else None)
    d, s = chain(m)
    for what, last in ((milters.REJECT, b"554 5.7.1 "),
                       (milters.reply("521 5.3.2 no"), b"521 5.3.2 no"),
                       (milters.SHUTDOWN, b"421 4.7.0 ")):
        said[:] = [what]
        with socket.create_connection(("127.0.0.1", d.port)) as c:
            c.settimeout(10)
            f = c.makefile("rb")
            assert f.readline().startswith(b"220 ")
            assert f.readline().startswith(last)
    said[:] = [milters.TEMPFAIL]
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        for _ in range(2):
            assert c.docmd("MAIL FROM:<a@b.test>")[0] == 451
    assert not s.messages


def test_discard(chain, milter):
    at = [None]
    m = milter(answer=lambda n, data, c:
               milters.DISCARD if n == at[0] and
               b"bad" in c.all("mail")[-1] else None)
    d, s = chain(m)
    steps = AT[2:]
    for count, at[0] in enumerate(steps, 1):
        send(d.port, "you@there.test", sender="bad@origin.test")
        told = m.clients[-1].names()
        assert at[0] != "mail" or "rcpt" not in told
        send(d.port, "you@there.test")
        delivered(s, count)
    d.wait_empty()
    assert [x.sender for x in s.messages] == ["sender@origin.test"] * len(steps)


def test_accept(chain, milter):
    """Nothing more is told of the message, or of the client."""
    at = [None]
    m = milter(answer=lambda n, data, c:
               milters.ACCEPT if n == at[0] else None)
    d, s = chain(m)
    for count, at[0] in enumerate(AT, 1):
        send(d.port, "you@there.test")
        delivered(s, count)
        names = [n for n in m.clients[-1].names() if n not in ("abort", "quit")]
        assert names[-1] == at[0]


def test_shutdown(chain, milter):
    m = milter(answer=lambda n, data, c:
               milters.SHUTDOWN if n == "rcpt" else None)
    d, _ = chain(m)
    with socket.create_connection(("127.0.0.1", d.port)) as c:
        f = c.makefile("rwb")
        f.write(b"EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n")
        f.flush()
        lines = f.read()  # to the end
    assert b"\r\n421 4.7.0 " in lines and lines.endswith(b"\r\n")


def test_skip(chain, milter):
    m = milter(steps=0x400, answer=lambda n, data, c:
               milters.SKIP if n == "body" else None)
    d, s = chain(m)
    send(d.port, "you@there.test", body="x" * 70 + "\r\n" + "y\r\n" * 50000)
    delivered(s)
    assert m.clients[0].names().count("body") == 1
    assert "end" in m.clients[0].names()


def test_progress(chain, milter, long_run):
    """It takes longer than its time, and says that it is at work."""
    m = milter(answer=lambda n, data, c:
               [0.4, milters.PROGRESS, 0.4, milters.PROGRESS, 0.4,
                milters.CONTINUE] if n == "end" else None)
    d, s = chain(m, more="milter_content_timeout = 1")
    send(d.port, "you@there.test")
    delivered(s)


# --- what a filter may change ---

def at_end(*changes):
    def answer(name, data, c):
        return [*changes, milters.CONTINUE] if name == "end" else None
    return answer


def names_of(message):
    head = message.data.split(b"\r\n\r\n", 1)[0]
    return [line.split(b":")[0] for line in head.split(b"\r\n")
            if line[:1] not in b" \t"]


def test_headers(chain, milter):
    m = milter(answer=at_end(
        milters.add("X-Last", "1"), milters.insert(0, "X-Top", "2"),
        milters.insert(2, "X-After", "3"), milters.change(1, "Subject", "new"),
        milters.change(2, "X-Twice", "second"), milters.change(1, "To", ""),
        milters.change(1, "X-None", "made"),
        milters.add("X-Fold", "a\n b\nc")))
    d, s = chain(m)
    send(d.port, "you@there.test", headers="X-Twice: a\r\nX-Twice: b\r\n")
    message = delivered(s)[0]
    names = names_of(message)
    assert names[0] == b"X-Top" and names[1] == b"Received"
    assert names[2] == b"X-After" and names[3] == b"From"
    assert b"To" not in names
    assert message.header("X-Last") == ["1"]
    assert message.header("Subject") == ["new"]
    assert message.header("X-Twice") == ["a", "second"]
    assert message.header("X-None") == ["made"]
    # a value cannot begin a field of its own
    assert b"X-Fold: a\r\n b\r\n\tc\r\n" in message.data
    assert names[-3:] == [b"X-Last", b"X-None", b"X-Fold"]
    assert message.body == b"Hello\r\n"


def test_unchanged_is_identical(chain, milter):
    """Spaces before colons, tabs, folds, 8 bits: every octet stays."""
    odd = ("X-Space : a\r\nX-Tab:\tb\r\nX-Fold: a\r\n\tb\r\n  c\r\n"
           "X-Eight: \xe9\r\n")
    m = milter(answer=at_end(milters.add("X-Seen", "yes")))
    d, s = chain(m)
    body = ".\r\n..\r\n \r\n" + "z" * 500 + "\r\n\r\n\r\n"
    send(d.port, "you@there.test", headers=odd, body=body.replace(
        "\r\n.", "\r\n."), mail_options=["BODY=8BITMIME"])
    message = delivered(s)[0]
    assert odd.encode() in message.data
    assert message.body == body.encode()


def test_body(chain, milter):
    m = milter(answer=at_end(*milters.replace(
        b"one\nline\r\nand\ra\r\n.\r\ndot\n.\nend")))
    d, s = chain(m)
    send(d.port, "you@there.test")
    message = delivered(s)[0]
    # nothing that a next server could read otherwise: bare CR, LF are mended
    assert message.body == (b"one\r\nline\r\nand\r\na\r\n.\r\ndot\r\n.\r\n"
                            b"end\r\n")
    assert len(s.messages) == 1


def test_envelope(chain, milter):
    m = milter(answer=at_end(
        milters.sender("<other@origin.test>", "RET=HDRS ENVID=abc"),
        milters.remove_rcpt("<You@There.test>"),
        milters.add_rcpt("<third@there.test>"),
        (b"2", b"<fourth@there.test>\0NOTIFY=NEVER\0"),
        (b"2", b"<fifth@there.test>\0notify=Failure,DELAY "
               b"ORCPT=rfc822;first@else.test\0"),
        (b"2", b"<sixth@there.test>\0NOTIFY=NEVER,DELAY ORCPT=none X\0")))
    d, s = chain(m)
    send(d.port, ["you@there.test", "two@there.test"])
    messages = delivered(s)
    assert messages[0].sender == "other@origin.test"
    assert sorted(messages[0].recipients) == [
        "fifth@there.test", "fourth@there.test", "sixth@there.test",
        "third@there.test", "two@there.test"]
    lines = [x.strip() for x in s.lines if x.startswith(b"RCPT")]
    assert b"RCPT TO:<fourth@there.test> NOTIFY=NEVER" in lines
    assert (b"RCPT TO:<fifth@there.test> NOTIFY=FAILURE,DELAY "
            b"ORCPT=rfc822;first@else.test") in lines
    assert any(x.startswith(b"RCPT TO:<sixth@there.test>") and
               b"ORCPT" not in x for x in lines)


def test_no_recipient_left(chain, milter):
    m = milter(answer=at_end(milters.remove_rcpt("<you@there.test>")))
    d, s = chain(m)
    send(d.port, "you@there.test")
    d.wait_empty()
    assert not s.messages


def test_quarantine(chain, milter):
    m = milter(answer=at_end((b"q", b"looks \"odd\"\r\nforged\0")))
    d, s = chain(m)
    assert refused(d)[0] == 451
    assert not s.messages
    said = wait_for(lambda: [line for line in d.log("paniclog")
                             if "filter-quarantine" in line])
    assert r'action=tempfail reason=\"looks ?odd???forged\""' in said[0]


def test_large(chain, milter):
    """A body in a file of its own, with its header changed, then replaced."""
    line = b"0123456789" * 7 + b"\r\n"
    body = line * 6000  # 430 KB, above the threshold
    new = b"abcdefghij" * 7 + b"\r\n"
    seen = []

    def first(name, data, c):
        if name == "end":
            seen.append(c.body() == body)
            return [milters.add("X-First", "1"), milters.CONTINUE]

    def second(name, data, c):
        if name == "end":
            seen.append(c.body() == body)
            return [*milters.replace(new * 6000), milters.CONTINUE]

    def third(name, data, c):
        if name == "end":
            seen.append(c.body() == new * 6000)

    filters = [milter(answer=a) for a in (first, second, third)]
    d, s = chain(*filters, more="large_message_threshold = 64K")
    send(d.port, "you@there.test", body=body.decode())
    message = delivered(s)[0]
    assert seen == [True, True, True]
    assert message.header("X-First") == ["1"]
    assert message.body == new * 6000
    d.wait_empty()
    wait_for(lambda: not [f for f in (d.dir / "spool").glob("large/*/*")],
             what="no body that is left")


def test_large_as_it_came(chain, milter):
    body = (b"0123456789" * 7 + b"\r\n") * 6000
    m = milter()
    d, s = chain(m, more="large_message_threshold = 64K")
    send(d.port, "you@there.test", body=body.decode())
    assert delivered(s)[0].body == body
    assert m.clients[0].body() == body


def test_order(chain, milter):
    """Each sees what those before have left; one that refuses is the last."""
    a = milter(answer=at_end(milters.add("X-A", "1")))
    b = milter(answer=lambda n, data, c:
               milters.REJECT if n == "end" and
               (b"X-A", b"1") in c.headers() else None)
    c = milter()
    d, s = chain(a, b, c)
    assert refused(d)[0] == 550
    assert "end" not in (c.clients[0].names() if c.clients else [])


def test_scopes(chain, milter):
    """A peer has a list of its own, and an empty one."""
    m = milter()
    d, s = chain(m, listener=False, more="""
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" {
    Peer "127.0.0.1" { milters = ( "none" ) }
  }
  Relay_Hosts = ( "127.0.0.0/8" )
}
""")
    send(d.port, "you@there.test")
    delivered(s)
    assert not m.clients
    assert m.name in d.ask("listeners")  # of those without a stanza
    assert d.ask_json("listeners")[0]["filters"] == m.name


# --- when a filter fails ---

WRONG = {"close": "close", "silent": b"", "garbage": b"\0\0\0\5zzzzz",
         "huge": b"\xff\xff\xff\xffc", "zero": b"\0\0\0\0",
         "wrong": milters.packet(b"c", b"more")}
SHORT = [("options", "zero"), ("connect", "close"), ("rcpt", "garbage"),
         ("header", "close"), ("end", "close"), ("end", "wrong")]


def failures(chain, milter, cases):
    """Lost or wrong at a step: closed by default, open by option; and nothing
    of what it had changed is kept."""
    now = [None, None]

    def answer(name, data, c):
        if name != now[0]:
            return None
        if name == "end":
            return [milters.add("X-Half", "1"), *milters.replace(b"half"),
                    milters.sender("<half@origin.test>"), WRONG[now[1]]]
        return WRONG[now[1]]

    m = milter(answer=answer)
    d, s = chain(m, more="milter_command_timeout = 1\n"
                         "milter_content_timeout = 1\n"
                         "milter_default_action = tempfail")
    done = 0
    for action, code in (("tempfail", 451), ("accept", 250), ("reject", 550)):
        d.ask("config", "set", "milter_default_action", action)
        for case in cases:
            now[:] = case
            m.options = [WRONG[case[1]]] if case[0] == "options" else None
            if code != 250:
                assert refused(d)[0] == code, case
                continue
            send(d.port, "you@there.test")
            done += 1
            message = delivered(s, done)[-1]
            assert message.body == b"Hello\r\n" and \
                not message.header("X-Half"), case
            assert message.sender == "sender@origin.test", case
    now[:], m.options = [None, None], None
    send(d.port, "you@there.test")
    delivered(s, done + 1)


def test_failures(chain, milter):
    failures(chain, milter, SHORT)


@pytest.mark.parametrize("how", WRONG)
def test_all_failures(chain, milter, how, long_run):
    failures(chain, milter, [(at, how) for at in ["options"] + AT])


def test_nobody_there(chain, milter):
    m = milter(listen=False)
    d, s = chain(m.name + ", default_action=accept")
    send(d.port, "you@there.test")
    delivered(s)


def test_no_socket(chain, tmp_path):
    """What fails at once is a failure like any other."""
    d, s = chain(f"unix:{tmp_path}/none, default_action=accept")
    send(d.port, "you@there.test")
    delivered(s)
    d.ask("config", "set", "milters", f"( \"unix:{tmp_path}/none\" )")
    assert refused(d)[0] == 451


def test_lost_between_steps(chain, milter):
    """It says yes and goes: what it is told next must not be the middle of a
    message."""
    def answer(name, data, c):
        if name == "mail" and len(m.clients) == 1:
            return [milters.CONTINUE, "close"]
    m = milter(answer=answer)
    d, s = chain(m.name + ", default_action=accept")
    send(d.port, "you@there.test")
    send(d.port, "you@there.test")
    delivered(s, 2)
    for c in m.clients[1:]:
        assert c.names()[:3] == ["connect", "helo", "mail"]


def test_comes_back(chain, milter):
    """In one session: refused while the filter is away, taken afterwards."""
    m = milter(listen=False)
    d, s = chain(m)
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        with pytest.raises(smtplib.SMTPSenderRefused):
            c.sendmail("a@origin.test", "you@there.test", b"S: x\r\n\r\nx\r\n")
        m.listen()
        c.sendmail("a@origin.test", "you@there.test", b"S: x\r\n\r\nx\r\n")
    delivered(s)


def test_changes_that_were_not_agreed_upon(chain, milter):
    m = milter(actions=0, answer=at_end(milters.add("X-No", "1")))
    d, s = chain(m)
    assert refused(d)[0] == 451


def test_changes_that_cannot_be(chain, milter):
    said = []
    m = milter(answer=lambda n, data, c:
               [said[0], milters.CONTINUE] if n == "end" else None)
    d, s = chain(m)
    for bad in (milters.add("X bad", "1"), milters.add("", "1"),
                milters.add_rcpt("<nobody"), milters.add_rcpt("<>"),
                milters.sender("<a b@c>"), milters.insert(1, "A:B", "x")):
        said[:] = [bad]
        assert refused(d)[0] == 451, bad
    assert not s.messages


def test_client_goes_away(chain, milter):
    """In the middle of a message, while the filter thinks: nothing is stored,
    and the filter's connection ends."""
    m = milter(answer=lambda n, data, c: b"" if n == "end" else None)
    d, s = chain(m)
    c = socket.create_connection(("127.0.0.1", d.port))
    c.sendall(b"EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
              b"DATA\r\n")
    wait_for(lambda: m.clients and m.clients[0].all("rcpt"), what="RCPT")
    c.sendall(b"S: x\r\n\r\nx\r\n.\r\n")
    wait_for(lambda: m.clients[0].all("end"), what="the end")
    c.close()
    wait_for(lambda: not d.ask("show", "inbound").strip(), what="no session")
    d.wait_empty()
    assert not s.messages


def test_reset_between(chain, milter):
    m = milter()
    d, s = chain(m)
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        c.ehlo("me")
        c.mail("a@b.test")
        c.rcpt("c@d.test")
        c.rset()
        c.sendmail("a@origin.test", "you@there.test", b"S: x\r\n\r\nx\r\n")
    delivered(s)
    names = m.clients[0].names()
    assert names.count("connect") == 1 and names.count("abort") == 1
    assert names.count("mail") == 2 and names.count("end") == 1


def test_configuration(impeld, tmp_path):
    d = impeld('milters = ( "inet:filter.test:8891" )', modules=MODULES,
               start=False)
    p = d.check()
    assert p.returncode != 0
    assert "names are not resolved" in p.stdout + p.stderr
    d = impeld('milters = ( "unix:/x, default_action=maybe" )',
               modules=MODULES, start=False)
    assert "default_action=" in d.check().stdout + d.check().stderr
    d = impeld('milters = ( "unix:/x, default_action=accept" )',
               modules=MODULES)
    assert "milter" in d.ask("module", "list")
    assert "filter" in d.ask("module", "list")
