# SPDX-License-Identifier: Apache-2.0
"""Multimedia messages to an MMSC by MM7; faults lose nothing, and what may have
arrived says so."""
import socket
import sys
import threading
import time

import pytest

import dnsserver
from certificates import Authority
from containers import container
from daemon import BUILD, Impeld, MODULES, SOURCE, free_port, wait_for
from mmsc import REL5, Mmsc, answer, envelope, fault
from peers import send

sys.path.insert(0, str(SOURCE / "modules/ecstream"))
sys.dont_write_bytecode = True
import ecstream  # noqa: E402

MM7 = f"{MODULES}:{BUILD}/modules/mm7/.libs:{BUILD}/modules/ecstream/.libs"
MIXED = ("Content-Type: multipart/mixed; boundary=in\r\n"
         "Content-ID: <own@content>\r\n")
PICTURE = bytes(range(256)) * 8


class Way:
    """A domain of its own in the daemon that all tests share, and its MMSC."""

    def __init__(self, shared, mmsc, name):
        self.shared, self.d, self.mmsc = shared, shared.d, mmsc
        self.domain = name
        self.number = f"15551234567@{name}"

    def send(self, *local, **how):
        to = [f"{x}@{self.domain}" for x in local or ["15551234567"]]
        send(self.d.port, to, **how)

    def records(self, kind):
        """Of this domain; all records but R have it behind the kind."""
        return [r for r in self.d.records(kind) if self.domain in r]

    def delivered(self, count=1):
        return wait_for(
            lambda: (r := self.records("D")) and len(r) >= count and r,
            what=f"{count} deliveries")

    def said(self, words, kind="T"):
        return wait_for(
            lambda: [line for line in self.d.log() if f"@{kind}@" in line and
                     self.domain in line and words in line], what=words)


class Shared:
    def __init__(self, folder):
        self.dns = dnsserver.Server()
        self.dns.add("mmsc.test", "A", "127.0.0.1")
        self.ca = Authority(folder)
        self.stream = free_port()
        self.count = 0
        self.d = Impeld(folder / "impel", f"""
Host_Failure_Retry = 1
Retry_Interval = 1
Max_Retry_Interval = 2
Resolv_Conf = "{self.dns.conf(folder)}"
Mcmt_Reception = "allow"
ec_logger "json" {{ jsonlog = "@DIR@/json" }}
ECStream_Listener {{ Listen "127.0.0.1:{self.stream}" {{ }}
  Relay_Hosts = ( "127.0.0.0/8" )
  Trusted_Peers = ( "127.0.0.0/8" ) }}
""", modules=MM7)

    def way(self, mmsc, more="", convert="yes", path="", scheme="mm7",
            verb="Delivery_Method"):
        self.count += 1
        name = f"mms{self.count}.test"
        self.d.append(f"""
Domain "{name}" {{
  {verb} = "mm7"
  Routes = ( "{scheme}://mmsc.test{path}?port={mmsc.port}&type=a" )
  MM7_VaspID = "vasp"
  Push_Convert = {convert}
{more}
}}
""")
        self.d.ask("config", "reload")
        return Way(self, mmsc, name)

    def stop(self):
        self.d.finish()
        self.dns.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    s = Shared(tmp_path_factory.mktemp("mm7"))
    yield s
    s.stop()


@pytest.fixture
def mmsc():
    made = []

    def make(*script, **how):
        made.append(Mmsc(script, **how))
        return made[-1]
    yield make
    for m in made:
        m.stop()
        assert not m.wrong, m.wrong


@pytest.fixture
def sending(shared):
    """A domain that is served by that MMSC."""
    return shared.way


@pytest.mark.parametrize("scheme", ["mm7", "http"])
def test_ordinary_message(mmsc, sending, scheme):
    m = mmsc()
    d = sending(m, path="/mms%20send", scheme=scheme)
    d.send(body="Gr\u00fc\u00dfe <&> ]]>\r\n",
         headers="Content-Type: text/plain; charset=utf-8\r\n")
    s = m.wait()[0]
    assert m.paths == ["/mms%20send"] and m.logins == [None]
    assert s.headers["Host"] == f"mmsc.test:{m.port}"
    assert list(s.values) == ["MM7Version", "SenderIdentification",
                              "Recipients", "TimeStamp", "Subject", "Content"]
    assert s.find("SenderIdentification/VASPID") == "vasp"
    assert s.find("SenderIdentification/VASID") == "MessageSystems-VASID"
    assert s.find("Recipients/To/Number") == "15551234567"
    assert s.find("Subject") == "test" and s.find("MM7Version") == "6.8.0"
    assert s.content.get_content_type() == "text/plain"
    assert s.content.get_payload(decode=True).decode() == \
        "Gr\u00fc\u00dfe <&> ]]>\r\n"
    assert s.transaction
    d.delivered()
    line = wait_for(lambda: [x for x in d.d.log("json")
                             if "mms-1" in x and d.domain in x])[0]
    assert "1000 Success" in line and s.transaction in line


def test_container(mmsc, sending):
    m = mmsc()
    d = sending(m, convert="no", more="""
  MM7_Delivery_Report = true
  MM7_Read_Reply = yes
  MM7_Reply_Charging = true
  MM7_Reply_Charging_Size = 1000
  MM7_Reply_Deadline = "P7D"
  MM7_Message_Class = "Advertisement"
  MM7_Service_Code = "gold & silver"
  MM7_Sender_Address = "<ShortCode>28444</ShortCode>"
  MM7_VasID = "vas"
  MM7_Number_Prefix = "+"
  MM7_Request_IE_Extended = "<Extra>1</Extra>"
  Http_Uri = "/uri"
  MM7_Mmsc_Path = "/old"
  Http_Host = "front.test"
""")
    headers, body = container(
        "mm7", MIXED + "Subject: =?utf-8?q?gr=C3=BCn?=\r\n",
        "--in\r\n\r\none\r\n--in\r\n\r\ntwo\r\n--in--")
    d.send("15551234567", "+44123456", "joe", headers=headers, body=body)
    submits = m.wait(3)
    assert sorted(s.find("Recipients/To/Number") or
                  s.find("Recipients/To/RFC2822Address") for s in submits) == \
        ["+15551234567", "+44123456", f"joe@{d.domain}"]
    s = submits[0]
    assert set(m.paths) == {"/uri"} and s.headers["Host"] == "front.test"
    assert s.find("SenderIdentification/SenderAddress/ShortCode") == "28444"
    assert s.find("SenderIdentification/VASID") == "vas"
    assert s.find("ServiceCode") == "gold & silver"
    assert s.find("MessageClass") == "Advertisement"
    assert s.find("DeliveryReport") == s.find("ReadReply") == "true"
    charging = s.request.find(f"{{{s.schema}}}ReplyCharging")
    assert charging.attrib == {"replyChargingSize": "1000",
                               "replyDeadline": "P7D"}
    assert s.find("Subject") == "gr\u00fcn" and s.find("Extra") == "1"
    assert s.content["Content-ID"] == "<own@content>"
    assert [p.get_payload() for p in s.content.get_payload()] == ["one", "two"]
    assert len({x.transaction for x in submits}) == 3
    d.delivered(3)
    assert m.connections == 1  # kept alive


def test_picture(mmsc, sending):
    import base64
    m = mmsc()
    d = sending(m, convert="no", more="MM7_Soap_Attachment_Simple_Mime = no")
    headers, body = container(
        "mm7", "Content-Type: image/gif\r\n"
        "Content-Transfer-Encoding: base64\r\n",
        base64.encodebytes(PICTURE).decode().replace("\n", "\r\n"))
    d.send(headers=headers, body=body)
    s = m.wait()[0]
    assert s.content.get_content_type() == "multipart/mixed"
    inner, = s.content.get_payload()
    assert inner.get_content_type() == "image/gif"
    assert PICTURE in s.raw
    d.delivered()


def test_plain_mail_is_refused(mmsc, sending):
    m = mmsc()
    d = sending(m, convert="no")
    d.send()
    assert "push_convert is off" in d.said("vnd.msys.mm7", "P")[0]
    assert not m.submits


def test_prefixes_and_release_5(mmsc, sending):
    m = mmsc(schema=REL5)
    d = sending(m, more=f"""
  MM7_XML_Schema = "{REL5}"
  MM7_Version = "5.3.0"
  MM7_Namespace = "mm7"
  MM7_Use_Namespace_In_Body = yes
  MM7_Soap_Env = "SOAP-ENV"
  MM7_Sender_Address = "<mm7:Number>1</mm7:Number>"
""")
    d.send()
    s = m.wait()[0]
    assert b"<SOAP-ENV:Envelope" in s.xml and b"<mm7:SubmitReq" in s.xml
    assert s.find("MM7Version") == "5.3.0"
    assert s.find("SenderIdentification/SenderAddress/Number") == "1"
    d.delivered()


def test_the_message_says_otherwise(mmsc, sending):
    m = mmsc()
    d = sending(m, more='MM7_Service_Code = "option"')
    c = ecstream.Client("127.0.0.1", d.shared.stream)
    text = b"Subject: one\r\n\r\nHello\r\n"
    values = {"MM7_Service_Code": "context", "MM7_Delivery_Report": "true",
              "MM7_Message_Class": "Auto", "MM7_Number_Prefix": "00",
              "MM7_Sender_Address": "<Number>7</Number>"}
    c.send("s@origin.test", [d.number], text, meta=values)
    c.send("s@origin.test", [d.number], text, meta={
        "MM7_Sender_Address": "<!DOCTYPE x><Number>7</Number>"})
    c.close()
    s = m.wait()[0]
    assert s.find("ServiceCode") == "context"
    assert s.find("DeliveryReport") == "true"
    assert s.find("MessageClass") == "Auto"
    assert s.find("Recipients/To/Number") == "0015551234567"
    assert s.find("SenderIdentification/SenderAddress/Number") == "7"
    d.said("MM7_Sender_Address is no XML", "P")
    assert len(m.submits) == 1


def test_statuses(mmsc, sending):
    m = mmsc(lambda h, s: h.say(answer(s, 2003, "Address Not Found",
                                       details="no <b>such</b> one")),
             lambda h, s: h.say(answer(s, 3000, "later")),
             lambda h, s: h.say(fault(s, 4006, "closed"), 500))
    d = sending(m)
    d.send("1000")
    line = d.said("2003 Address Not Found: no such one", "P")[0]
    assert "@P@" in line
    d.send("2000")
    d.said("3000 later")
    d.said("SOAP fault 4006 closed")
    d.delivered()
    assert len(m.submits) == 4


NO_ANSWERS = [
    ("HTTP status 503", lambda h, s: h.say("", 503)),
    ("no XML", lambda h, s: h.say("<oops")),
    ("DOCTYPE", lambda h, s: h.say(
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' +
        answer(s, text="&b;")[21:])),
    ("another transaction", lambda h, s: h.say(
        answer(s, transaction="other"))),
    ("another request", lambda h, s: h.say(
        envelope("<CancelRsp/>", s.transaction, s.schema))),
    ("a bare LF", lambda h, s: h.wfile.write(b"HTTP/1.1 200 OK\n\n")),
    ("larger than is allowed", lambda h, s: h.say("x" * 300000)),
    ("closed by remote host", lambda h, s: (
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<a>"),
        h.connection.shutdown(2))),
    ("closed by remote host", lambda h, s: h.connection.shutdown(2)),
]


def test_answers_that_are_none(mmsc, sending):
    ways = [(sending(mmsc(act)), words) for words, act in NO_ANSWERS]
    for d, _ in ways:
        d.send()
    for d, words in ways:
        d.said(words)
    for d, _ in ways:
        d.delivered()
        assert len(d.mmsc.submits) == 2
        assert len(d.records("D")) == 1 and not d.records("P")


def test_no_answer_in_time(mmsc, sending):
    m = mmsc(lambda h, s: h.rfile.read(1))  # until the client goes away
    d = sending(m, more="MM7_Response_Timer = 1")
    d.send()
    d.said("no answer in time")
    d.delivered()


def test_answers_in_chunks_and_to_the_end(mmsc, sending):
    def chunks(h, s):
        h.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for c in answer(s).encode():
            h.wfile.write(b"1;x\r\n%c\r\n" % c)
        h.wfile.write(b"0\r\n\r\n")

    def end(h, s):
        h.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + answer(s).encode())
        h.close_connection = True
    m = mmsc(chunks, end)
    d = sending(m)
    for n in 1, 2, 3:
        d.send()
        d.delivered(n)
    assert len(m.submits) == 3 and not d.records("T")


def test_a_server_that_parts_in_words(mmsc, sending):
    def parts(h, s):
        h.say(answer(s))
        h.wfile.write(b"HTTP/1.1 408 Bored\r\nContent-Length: 0\r\n\r\n")
    m = mmsc(parts)
    d = sending(m)
    for n in (1, 2):
        d.send()
        d.delivered(n)
    assert m.connections == 2 and not d.records("T")


def test_login_basic(mmsc, sending):
    m = mmsc(login=("basic", "joe", "pa:ss"))
    d = sending(m, more='Http_Basic_Auth = "joe:pa:ss"')
    d.send()
    d.delivered()
    assert len(m.logins) == 1


HOWS = [{}, {"algorithm": "MD5"}, {"stale": 1}, {"closes": True}]


def test_login_digest(mmsc, sending):
    ways = [sending(mmsc(login=("digest", "joe", "secret"), **how), more="""
  MM7_Http_Auth_User = "joe"
  MM7_Http_Auth_Password = "secret"
  MM7_Http_Auth_Scheme = "digest"
""") for how in HOWS]
    for d in ways:
        d.send("1000", "2000")
    for d in ways:
        m = d.mmsc
        d.delivered(2)
        assert len(m.submits) == 2
        # the second message proves itself at once
        before = len(m.logins)
        d.send()
        d.delivered(3)
        assert len(m.logins) == before + 1
        assert not [x for x in m.logins if x and "Basic" in x]


def test_login_digest_in_the_midst(mmsc, sending):
    """Whoever asks for a login before a large request is there, and closes,
    has taken nothing of it: it is sent again at once, with the login."""
    m = mmsc(login=("digest", "joe", "secret"), early=True)
    d = sending(m, more="""
  Http_Basic_Auth = "joe:secret"
  MM7_Http_Auth_Scheme = "digest"
  MM7_Content_Size = 16M
""")
    d.send(body=("x" * 76 + "\r\n") * 100000)
    d.delivered()
    assert len(m.logins) == 2 and not d.records("T")


def test_wrong_password(mmsc, sending):
    m = mmsc(login=("digest", "joe", "secret"))
    d = sending(m, more="""
  Http_Basic_Auth = "joe:wrong"
  MM7_Http_Auth_Scheme = "digest"
""")
    d.send()
    d.said("HTTP status 401")
    assert not d.records("P") and not m.submits


def tls(ca, how="host"):
    return f"""
  Tls = "required"
  Tls_Verify = "{how}"
  Tls_Ca = "{ca.crt}"
"""


def test_tls(mmsc, sending, shared):
    """By tls = required, or by a route of https; kept alive."""
    context = shared.ca.context("mmsc.test")
    m = mmsc(context=context)
    d = sending(m, more=tls(shared.ca))
    for n in 1, 2:
        d.send()
        d.delivered(n)
    assert m.connections == 1
    m = mmsc(context=context)
    d = sending(m, scheme="https", path="/in",
                more=tls(shared.ca).replace("Tls =", "#"))
    d.send()
    d.delivered()
    assert m.paths == ["/in"]


def test_wrong_certificates(mmsc, sending, shared, tmp_path):
    """Nothing is said to a host that is not who it should be, and nothing is
    lost when it is again."""
    other = Authority(tmp_path, "other")
    ways = [sending(mmsc(context=context), scheme="https", more=tls(shared.ca))
            for context in (shared.ca.context("elsewhere.test"),
                            other.context("mmsc.test"),
                            shared.ca.context("mmsc.test", days=-1))]
    for d in ways:
        d.send()
    for d in ways:
        assert "certificate" in d.said("4.7.5")[0]
        assert not d.mmsc.submits and not d.records("P")
    d.mmsc.stop()
    m = mmsc(context=shared.ca.context("mmsc.test"), port=d.mmsc.port)
    d.delivered()
    assert len(m.submits) == 1


def test_clear_where_tls_is_wanted(mmsc, sending, shared):
    m = mmsc()
    d = sending(m, scheme="https", more=tls(shared.ca))
    d.send()
    d.said("4.7.5")
    assert not m.submits


def test_retry_after(mmsc, sending):
    m = mmsc(lambda h, s: h.say("", 503, Retry_After="2"))
    d = sending(m, more="Max_Retry_Interval = 10")
    begun = time.monotonic()
    d.send()
    d.delivered()
    assert 1.9 < time.monotonic() - begun < 10 and len(m.submits) == 2


def test_a_server_that_stops_reading(mmsc, sending):
    """The rest of the request does not fit anywhere; it is sent again whole."""
    held = threading.Event()

    class Deaf:
        def __init__(self):
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.port = self.socket.getsockname()[1]
            threading.Thread(target=self.serve, daemon=True).start()

        def serve(self):
            self.heard = self.socket.accept()[0]
            self.heard.recv(1000)
            held.wait(20)
            self.heard.close()
            self.socket.close()
    deaf = Deaf()
    d = sending(deaf, more="MM7_Response_Timer = 2\nMM7_Content_Size = 4M")
    d.send(body=("x" * 76 + "\r\n") * 20000)
    d.said("no answer in time")
    held.set()
    wait_for(lambda: deaf.socket.fileno() < 0, what="its end")
    m = mmsc(port=deaf.port)
    d.delivered()
    assert len(m.submits) == 1 and len(d.records("D")) == 1


def test_an_answer_in_a_part(mmsc, sending):
    m = mmsc(lambda h, s: h.say(
        "--b\r\nContent-Type: text/xml\r\n\r\n" + answer(s) +
        "\r\n--b--\r\n", kind="multipart/related; boundary=b"))
    d = sending(m)
    d.send()
    d.delivered()
    assert len(m.submits) == 1


def test_an_answer_too_many(mmsc, sending):
    """It is not taken for that to the next request."""
    def twice(h, s):
        body = answer(s).encode()
        h.wfile.write((b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body) + body) * 2)
    m = mmsc(twice)
    d = sending(m)
    d.send("1000", "2000")
    d.delivered(2)
    assert len(m.submits) == m.connections == 2 and not d.records("T")


def test_large_content(mmsc, sending):
    m = mmsc()
    d = sending(m, more="MM7_Content_Size = 600K")
    line = "x" * 76 + "\r\n"
    d.send(body=line * 7000)
    s = m.wait()[0]
    assert len(s.content.get_payload()) == 78 * 7000
    d.send(body=line * 9000)
    d.said("552 5.3.4", "P")
    assert len(m.submits) == 1


BAD = [("MM7_Sender_Address = \"<ShortCode>1\"",
        "mm7_sender_address is no XML"),
       (f'MM7_VaspID = v  Http_Basic_Auth = "joe:{"x" * 256}"',
        "http_basic_auth is not user:password, of 255 octets each"),
       ('MM7_Server_Login = "joe"',
        "mm7_server_login is not name:password")]


def test_bad_configuration(tmp_path):
    for i, (line, words) in enumerate(BAD):
        where = "MM7_Listener" if "Server" in line else 'Domain "mms.test"'
        d = Impeld(tmp_path / str(i), f"""
{where} {{ {line} }}
Domain "mms2.test" {{ Delivery_Method = "mm7" }}
""", modules=MM7, start=False)
        assert words in d.check().stderr
