# SPDX-License-Identifier: Apache-2.0
"""Filters beside all else that comes in: TLS, logins, XCLIENT, LMTP, ECSTREAM,
BDAT, SMTPUTF8, whole flights, and several of them in a row."""
import smtplib
import ssl
import sys

import pytest

import daemon
import milters
from certificates import Authority
from daemon import BUILD, SOURCE, free_port, wait_for
from milters import ACCEPT, CONTINUE, DISCARD, REJECT, Milter
from peers import send
from test_auth_in import SECRET, line_of
from test_extensions import BINARY
from test_listener import Client

sys.path.insert(0, str(SOURCE / "modules/ecstream"))
sys.dont_write_bytecode = True
import ecstream  # noqa: E402

MODULES = ":".join([daemon.MODULES] + [
    f"{BUILD}/modules/{m}/.libs" for m in ("milter", "lmtp", "ecstream")])


@pytest.fixture
def milter():
    started = []

    def make(*args, **how):
        started.append(Milter(*args, **how))
        return started[-1]

    yield make
    for m in started:
        m.stop()


@pytest.fixture
def behind(impeld, server):
    """(daemon, server) with these filters for all that comes in."""
    def make(*filters, conf=None, more=""):
        s = server()
        items = " ".join(
            f'"{f if isinstance(f, str) else f.name}"' for f in filters)
        return impeld(f"""
milters = ( {items} )
Routes = ( "smtp://127.0.0.1?port={s.port}" )
{more}
{conf or ""}""", listener=conf is None, modules=MODULES), s
    return make


def judge(name, data, c):
    """By the addresses: refuse a recipient, drop a message, change it."""
    if name == "rcpt" and b"refused" in data:
        return REJECT
    if name != "end":
        return None
    sender = c.all("mail")[-1]
    if b"dropped" in sender:
        return DISCARD
    if b"unwanted" in sender:
        return milters.reply("554 5.7.1 not wanted")
    return [milters.insert(1, "X-First", "one"), milters.add("X-Last", "two"),
            *milters.replace(c.all("body")[-1].upper()), CONTINUE]


def judged(message):
    assert message.header("X-First") == ["one"]
    assert message.header("X-Last") == ["two"]
    assert message.data.index(b"Received:") < message.data.index(b"X-First:")
    assert message.body == b"HELLO\r\n"
    return message


TEXT = "Subject: x\r\n\r\nHello\r\n"


def test_tls_and_login(behind, milter, tmp_path):
    """What was told in clear holds no more behind STARTTLS; who logs in is
    told with the mechanism."""
    ca = Authority(tmp_path)
    crt, _ = ca.make("mx.test")
    users = tmp_path / "users"
    users.write_text(line_of("alice"))
    users.chmod(0o600)
    m = milter(judge)
    d, s = behind(m, conf=f"""
ESMTP_Listener {{
  tls_certificate = "{crt}"
  Auth_Password_File = "{users}"
  Enable_Authentication = true
  Listen "127.0.0.1:@PORT@" {{ }}
}}""")
    context = ssl.create_default_context(cafile=ca.crt)
    context.check_hostname = False
    with smtplib.SMTP("127.0.0.1", d.port, "me.test", timeout=20) as c:
        c.ehlo()
        assert "{tls_version}" not in m.clients[-1].macros.get("helo", {})
        c.starttls(context=context)
        c.login("alice", SECRET)
        assert c.sendmail("a@origin.test", ["b@far.test", "refused@far.test"],
                          TEXT)["refused@far.test"][0] == 550
        c.sendmail("dropped@origin.test", "b@far.test", TEXT)
        with pytest.raises(smtplib.SMTPDataError) as e:
            c.sendmail("unwanted@origin.test", "b@far.test", TEXT)
        assert e.value.smtp_error == b"5.7.1 not wanted"
        told = m.clients[-1]
        helo, mail = told.macros["helo"], told.macros["mail"]
        assert helo[b"{tls_version}"] == b"TLS1.3"
        assert helo[b"{cipher_bits}"] in (b"128", b"256")
        assert helo[b"{cipher}"]
        assert mail[b"{auth_authen}"] == b"alice"
        assert mail[b"{auth_type}"] in (b"PLAIN", b"LOGIN")
    message = judged(s.wait()[0])
    assert "with ESMTPSA" in message.header("Received")[0]
    assert message.recipients == ["b@far.test"]
    d.wait_empty()
    assert len(s.messages) == 1


def test_xclient(behind, milter):
    """A client that a proxy names is another client."""
    m = milter()
    d, s = behind(m, conf="""
ESMTP_Listener {
  Relay_Hosts = ( "192.0.2.0/24" )
  Trusted_Peers = ( "127.0.0.1" )
  Listen "127.0.0.1:@PORT@" { }
}""")
    with Client(d.port) as c:
        c.do(b"EHLO proxy.test")
        assert c.do(b"XCLIENT ADDR=192.0.2.7 PORT=99 LOGIN=bob "
                    b"HELO=named.test") == 220
        assert c.do(b"EHLO proxy.test") == 250
        assert c.do(b"MAIL FROM:<a@origin.test>") == 250
        told = m.clients[-1]
        assert told.all("connect")[-1] == b"[192.0.2.7]\0004\0c192.0.2.7\0"
        assert told.all("helo")[-1] == b"named.test\0"
        assert told.macros["mail"][b"{auth_type}"] == b"XCLIENT"
        assert told.macros["mail"][b"{auth_authen}"] == b"bob"


def test_lmtp(behind, milter):
    m, port = milter(judge), free_port()
    d, s = behind(m, more=f"""
LMTP_Listener {{
  Relay_Hosts = ( "127.0.0.0/8" )
  Listen "127.0.0.1:{port}" {{ }}
}}""")

    def deliver(c, sender, *rcpts):
        assert c.do(b"MAIL FROM:<%s@origin.test>" % sender) == 250
        said = [c.do(b"RCPT TO:<%s@dest.test>" % r) for r in rcpts]
        assert c.do(b"DATA") == 354
        c.say(TEXT.encode() + b".\r\n")
        return said + [c.reply()[0] for code in said if code == 250]

    with Client(port) as c:
        c.do(b"LHLO me.test")
        assert deliver(c, b"a", b"b", b"refused", b"c") == [
            250, 550, 250, 250, 250]
        assert deliver(c, b"dropped", b"b", b"c") == [250] * 4
        assert deliver(c, b"unwanted", b"b", b"c") == [250, 250, 554, 554]
    message = judged(s.wait()[0])
    assert message.recipients == ["b@dest.test", "c@dest.test"]
    d.wait_empty()
    assert len(s.messages) == 1


def test_ecstream(behind, milter):
    m, port = milter(judge), free_port()
    d, s = behind(m, more=f"""
ECStream_Listener {{
  Relay_Hosts = ( "127.0.0.0/8" )
  Listen "127.0.0.1:{port}" {{ }}
}}""")
    with ecstream.Client("127.0.0.1", port) as c:
        for sender in ("a", "dropped", "unwanted"):
            c.send(f"{sender}@origin.test", ["b@dest.test", "refused@dest.test",
                                             "c@dest.test"], TEXT.encode())
        assert sorted([r[0] for r in sent.results] for sent in c.wait()) == [
            [250, 550, 250], [250, 550, 250], [554, 550, 554]]
    message = judged(s.wait()[0])
    assert message.recipients == ["b@dest.test", "c@dest.test"]
    d.wait_empty()
    assert len(s.messages) == 1


def test_octets(behind, milter):
    """BDAT with octets that are no lines: a filter sees them as they are, and
    a field that it adds changes none of them."""
    m = milter(lambda n, data, c: [milters.add("X-Seen", "yes"), CONTINUE]
               if n == "end" else None)
    d, s = behind(m)
    s.extensions = ("PIPELINING", "CHUNKING", "BINARYMIME")
    with Client(d.port) as c:
        c.do(b"EHLO client.test")
        assert c.do(b"MAIL FROM:<a@origin.test> BODY=BINARYMIME") == 250
        assert c.do(b"RCPT TO:<b@dest.test>") == 250
        c.say(b"BDAT 100\r\n" + BINARY[:100])
        assert c.reply()[0] == 250
        c.say(b"BDAT %d LAST\r\n" % (len(BINARY) - 100) + BINARY[100:])
        assert c.reply()[0] == 250
    message = s.wait()[0]
    assert m.clients[-1].body() == BINARY.partition(b"\r\n\r\n")[2]
    assert b"BODY=BINARYMIME\0" in m.clients[-1].all("mail")[0]
    assert message.header("X-Seen") == ["yes"]
    assert message.body == BINARY.partition(b"\r\n\r\n")[2]
    assert any(b"BODY=BINARYMIME" in line for line in s.lines)


def test_utf8(behind, milter):
    """Addresses and fields in UTF-8, as the client has them and as a filter
    makes them: then the next host has to know of it, too."""
    def answer(name, data, c):
        if name == "end":
            return [milters.add("X-Gruß", "ß"), CONTINUE] \
                if b"bad" in c.all("mail")[-1] else \
                [milters.add("X-Name", "Grüße"),
                 milters.sender("<prüfer@origin.test>"),
                 milters.add_rcpt("<zweiter@dömain.test>"), CONTINUE]
    m = milter(answer)
    d, s = behind(m)
    send(d.port, "erster@dest.test")
    send(d.port, "größe@dest.test", mail_options=["SMTPUTF8"])
    assert b"\0SMTPUTF8\0" in m.clients[-1].all("mail")[0]
    assert "<größe@dest.test>\0".encode() in m.clients[-1].all("rcpt")
    wait_for(lambda: sum(len(x.recipients) for x in s.messages) == 4)
    for message in s.messages:
        assert message.sender == "prüfer@origin.test"
        assert "X-Name: Grüße\r\n".encode() in message.data
    mail = [line for line in s.lines if line.startswith(b"MAIL")]
    assert mail and all(b"SMTPUTF8" in line for line in mail)
    with pytest.raises(smtplib.SMTPDataError):
        send(d.port, "erster@dest.test", sender="bad@origin.test")


def test_whole_flights(behind, milter):
    """Messages one behind the other, nobody waits: each is asked of, and none
    has what was meant for another."""
    def answer(name, data, c):
        if name == "end":
            text = c.all("body")[-1]
            return [milters.add("X-Of", text.decode().strip()), CONTINUE]
    m = milter(answer)
    d, s = behind(m)
    flight = b"EHLO me.test\r\n"
    for i in range(8):
        text = b"Subject: x\r\n\r\nnumber %d\r\n" % i
        flight += (b"MAIL FROM:<a%d@origin.test>\r\nRCPT TO:<b@dest.test>\r\n"
                   b"BDAT %d LAST\r\n" % (i, len(text)) + text)
    with Client(d.port) as c:
        c.say(flight + b"QUIT\r\n")
        codes = [c.reply()[0] for _ in range(26)]
    assert codes == [250] * 25 + [221]
    for message in s.wait(8):
        assert message.header("X-Of") == [message.body.decode().strip()]
        assert message.sender == f"a{message.body.decode().split()[1]}" \
            "@origin.test"


@pytest.mark.parametrize("threshold", ["64K", "1M"], ids=["file", "memory"])
def test_a_row_of_them(behind, milter, threshold):
    """One is not there, one dies at the end of its changes, one refuses some,
    each as its own setting says; the others see what is left."""
    body = (b"0123456789" * 7 + b"\r\n") * 4000
    new = (b"abcdefghij" * 7 + b"\r\n") * 4000

    def first(name, data, c):
        return [*milters.replace(new), milters.add("X-A", "1"), CONTINUE] \
            if name == "end" else None

    def dies(name, data, c):
        return [*milters.replace(body), milters.change(1, "X-A", ""),
                milters.sender("<other@origin.test>"), "close"] \
            if name == "end" else None

    def knows(name, data, c):
        return ACCEPT if name == "helo" else None

    nobody, a, b, c, last = (milter(listen=False), milter(first), milter(dies),
                             milter(knows), milter(steps=0x10))
    d, s = behind(f"{nobody.name}, default_action=accept", a,
                  f"{b.name}, default_action=accept", c, last,
                  more=f"large_message_threshold = {threshold}")
    for count in (1, 2):
        send(d.port, "b@dest.test", body=body.decode())
        message = s.wait(count)[-1]
        assert message.body == new and message.header("X-A") == ["1"]
        assert message.sender == "sender@origin.test"
    assert b.clients[0].body() == new
    assert "mail" not in c.clients[0].names()
    told = last.clients[-1]
    assert not told.all("body") and (b"X-A", b"1") in told.headers()
    d.ask("config", "set", "milters",
          f'( "{a.name}", "{b.name}, default_action=reject", "{last.name}" )')
    with pytest.raises(smtplib.SMTPDataError) as e:
        send(d.port, "b@dest.test", body=body.decode())
    assert e.value.smtp_code == 550
    d.wait_empty()
    assert len(s.messages) == 2
    wait_for(lambda: not list((d.dir / "spool").glob("large/*/*")),
             what="no body that is left")
