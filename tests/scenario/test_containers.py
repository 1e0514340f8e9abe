# SPDX-License-Identifier: Apache-2.0
"""Containers (multipart/vnd.msys.mcmt): mail gets the ordinary message."""
import base64
import smtplib
import subprocess

import dkim
import pytest

from apple import Apple, new_key
from certificates import Authority
from daemon import BUILD, MODULES, free_port, wait_for
from lmtpserver import LmtpServer

ALL = MODULES + ":" + ":".join(
    str(BUILD / "modules" / m / ".libs") for m in ("apn", "ecstream", "lmtp"))
DEVICE = "0123456789abcdef" * 4
PUSH = ("Content-Type: message/vnd.msys.apn\r\n\r\n"
        f"X-Device-Token: {DEVICE}\r\n\r\n"
        '{"aps":{"alert":"caf\u00e9"}}')
ORDINARY = ("From: s@origin.test\r\nSubject: ordinary\r\n"
            "Content-Type: text/plain\r\n\r\n.a line\r\nthe end")


def container(*parts):
    return ("MIME-Version: 1.0\r\nSubject: outside\r\n"
            "Content-Type: multipart/vnd.msys.mcmt; boundary=\"=b\"\r\n\r\n" +
            "".join(f"--=b\r\n{p}\r\n" for p in parts) + "--=b--\r\n").encode()


def mail(text=ORDINARY, kind="message/rfc822", more=""):
    return f"Content-Type: {kind}\r\n{more}\r\n{text}"


@pytest.fixture
def carrier(impeld, server):
    """A daemon in front of a server."""
    def make(more="", inbound='Mcmt_Reception = "allow"', **how):
        a = server(**how)
        d = impeld(f"""
Domain "mail.test" {{ Routes = ( "smtp://127.0.0.1?port={a.port}" ) }}
{inbound}
{more}
""", modules=ALL)
        return d, a
    return make


def give(d, message, *to, **how):
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as s:
        s.sendmail("s@origin.test", to or ["a@mail.test"], message, **how)


def check(header, body):
    assert header("Subject") == ["ordinary"]
    assert header("MIME-Version") == []
    assert body == b".a line\r\nthe end\r\n"


def test_mail_gets_the_ordinary_message(carrier):
    """By DATA and by BDAT; to a host without 8BITMIME, too, as the part that has
    eight bits is not for it."""
    d, a = carrier("Max_Deliveries_Per_Connection = 1\n")
    give(d, container(PUSH, mail()), mail_options=["BODY=8BITMIME"])
    m = a.wait()[0]
    check(m.header, m.body)
    assert len(m.header("Received")) == 1  # of the container's way
    assert b"mcmt" not in m.data and b"caf" not in m.data
    assert not [x for x in a.lines if b"BODY=" in x]
    d.wait_empty()
    a.extensions = ("SIZE", "CHUNKING")
    give(d, container(mail(), PUSH), "b@mail.test",
         mail_options=["BODY=8BITMIME"])
    m = a.wait(2)[1]
    check(m.header, m.body)
    size = [x for x in a.lines if b" SIZE=" in x]
    assert len(size) == 1 and size[0].endswith(b"SIZE=%d" % len(m.data))


def test_eight_bits_of_its_own(carrier):
    text = ORDINARY.replace("the end", "the \u00e9nd")
    d, a = carrier(extensions=())
    give(d, container(PUSH, mail(text)), mail_options=["BODY=8BITMIME"])
    m = a.wait()[0]
    assert m.body == b".a line\r\nthe =C3=A9nd\r\n"
    assert m.header("Content-Transfer-Encoding") == ["quoted-printable"]


def test_local_mail_gets_it_too(carrier):
    box = LmtpServer()
    d, _ = carrier(f"""
Domain "box.test" {{
  Gateway = "127.0.0.1"  Delivery_Method = "LMTP"  LMTP_Port = {box.port}
}}""")
    give(d, container(mail(), PUSH), "a@box.test")
    wait_for(lambda: box.messages)
    data = box.messages[0][1]
    assert data.endswith(b"\r\n\r\n.a line\r\nthe end\r\n")
    assert b"mcmt" not in data
    box.stop()


def test_one_container_by_two_ways(carrier, tmp_path, dns):
    """Each recipient's domain picks its part."""
    ca = Authority(tmp_path)
    dns.add("push.test", "A", "127.0.0.1")
    apple = Apple(ca.context("push.test"), key=new_key(tmp_path / "key.p8"))
    d, a = carrier(f"""
Domain "push.test" {{
  Delivery_Method = "apn"
  Routes = ( "apn://push.test?port={apple.port}&type=a" )
  APN_Auth_Key = "file:{tmp_path}/key.p8"
  APN_Key_ID = "KEY1234567"  APN_Team_ID = "TEAM123456"
  APN_Topic = "com.example.app"
  Tls_Ca = "{ca.crt}"
}}
Resolv_Conf = "{dns.conf(tmp_path)}"
""")
    give(d, container(mail(), PUSH), "a@mail.test", "a@push.test",
         mail_options=["BODY=8BITMIME"])
    assert apple.wait()[0].json == {"aps": {"alert": "caf\u00e9"}}
    m = a.wait()[0]
    check(m.header, m.body)
    d.wait_empty()
    apple.stop()


def test_no_ordinary_message(carrier):
    """It fails, once, with what is wrong; what is next to it goes."""
    d, a = carrier()
    bad = [container(PUSH), container(), container(mail("")),
           container(mail(base64.b64encode(ORDINARY.encode()).decode(),
                          more="Content-Transfer-Encoding: base64\r\n"))]
    for one in bad:
        give(d, one, mail_options=["BODY=8BITMIME"])
    give(d, container(PUSH, mail()), mail_options=["BODY=8BITMIME"])
    a.wait()
    said = wait_for(lambda: len(r := [
        "@".join(r) for r in d.records("P") if "mail.test" in r]) >= 4 and r)
    assert not [x for x in a.lines if x.startswith(b"RSET")]
    assert len(said) == len(bad) and len(a.messages) == 1
    assert all("554 5.6.0" in x for x in said)
    assert sum("no ordinary message" in x for x in said) == 3
    assert sum("is encoded" in x for x in said) == 1


def test_who_does_not_look_at_containers(carrier):
    d, a = carrier(inbound="")
    give(d, container(mail(), PUSH), mail_options=["BODY=8BITMIME"])
    m = a.wait()[0]
    assert m.header("Subject") == ["outside"]
    assert m.body == container(mail(), PUSH).split(b"\r\n\r\n", 1)[1]


def test_a_large_one(carrier):
    """In a file of its own, and found after a start."""
    d, a = carrier('Large_Message_Threshold = 256K')
    d.ask("suspend", "domain", "mail.test")
    line = "x" * 98 + "\r\n"
    give(d, container("Content-Type: message/vnd.msys.mm7\r\n\r\n" +
                      line * 20000, mail()))
    d.kill()
    d.start()
    d.ask("resume", "domain", "mail.test")
    m = a.wait()[0]
    check(m.header, m.body)
    d.wait_empty()


def test_it_is_signed_as_it_goes(carrier, tmp_path):
    def openssl(*words):
        return subprocess.run(["openssl", *map(str, words)], check=True,
                              capture_output=True).stdout
    key = tmp_path / "s.key"
    openssl("genrsa", "-out", key, "2048")
    public = base64.b64encode(openssl("rsa", "-in", key, "-pubout",
                                      "-outform", "DER"))
    d, a = carrier(f"""
opendkim "k" {{
  key = "{tmp_path}/%{{s}}.key"
  dkim_domain "origin.test" {{ selector = "s" }}
}}
""")
    give(d, container(PUSH, mail()), mail_options=["BODY=8BITMIME"])
    m = a.wait()[0]
    check(m.header, m.body)
    assert dkim.verify(m.data, dnsfunc=lambda *_, **__:
                       b"v=DKIM1; k=rsa; p=" + public)


def test_another_node_gets_all_of_it(impeld, carrier):
    """By ECSTREAM a container stays one; who comes next takes it apart."""
    port = free_port()
    _, a = carrier(f"""
ECStream_Listener {{
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( "127.0.0.0/8" )
}}
""", inbound="")
    first = impeld(f"""
Delivery_Method = "ECSTREAM"
Gateway = "127.0.0.1"
ECStream_Port = {port}
Mcmt_Reception = "allow"
""", modules=ALL)
    give(first, container(mail(), PUSH), mail_options=["BODY=8BITMIME"])
    m = a.wait()[0]
    check(m.header, m.body)
    assert len(m.header("Received")) == 2
