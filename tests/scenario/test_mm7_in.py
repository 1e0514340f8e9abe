# SPDX-License-Identifier: Apache-2.0
"""What an MMSC asks of us by MM7: reports become notifications once, messages
become mail once."""
import base64
import email
import email.policy
import hashlib
import re
import socket
import ssl
import threading

import pytest

import dnsserver
from certificates import Authority
from daemon import BUILD, Impeld, MODULES, free_port, wait_for
from mmsc import REL5, Caller, Mmsc, answer
from peers import Server, send

MM7 = f"{MODULES}:{BUILD}/modules/mm7/.libs"
DSN = ("RET=HDRS", "ENVID=QQ+20314")
PICTURE = bytes(range(256)) * 8


class World:
    """A daemon, the MMSC it sends to, and the host its mail goes to."""

    def __init__(self, folder):
        self.folder = folder
        self.mmsc, self.box, self.dns = Mmsc(), Server(), dnsserver.Server()
        self.dns.add("mmsc.test", "A", "127.0.0.1")
        self.ca = Authority(folder)
        self.ca.make("me.test", "localhost")
        self.ports = [free_port() for _ in range(6)]
        names = ("open", "login", "digest", "tls", "strange", "small")
        self.port = dict(zip(names, self.ports))
        listen = "".join(
            f'  Listen "127.0.0.1:{self.port[n]}" {{ {more} }}\n'
            for n, more in (
                ("open", 'Relay_Hosts = ( "127.0.0.0/8" )'),
                ("login", 'MM7_Server_Login = "joe:pa:ss"'),
                ("digest", 'MM7_Server_Login = "joe:pa:ss" '
                           'MM7_Server_Login_Scheme = digest'),
                ("tls", 'Relay_Hosts = ( "127.0.0.0/8" ) Use_Ssl = yes '
                        f'Tls_Certificate = "{folder}/me.test.crt" '
                        f'Tls_Key = "{folder}/me.test.key"'),
                ("strange", 'MM7_Mmsc_Name = "other" '
                            'Relay_Hosts = ( "127.0.0.1" )'),
                ("small", 'MM7_Vasp_Uri_Paths = ( "/vasp/" ) '
                          'MM7_Request_Size = 8K MM7_Idle_Time = 1 '
                          'Relay_Hosts = ( "127.0.0.1" )')))
        self.d = Impeld(folder / "impel", f"""
Domain "mms.test" {{
  Delivery_Method = "mm7"
  Routes = ( "mm7://mmsc.test?port={self.mmsc.port}&type=a" )
  MM7_Delivery_Report = true
  Push_Convert = yes
}}
Domain "reads.test" {{
  Delivery_Method = "mm7"
  Routes = ( "mm7://mmsc.test?port={self.mmsc.port}&type=a" )
  MM7_Read_Reply = true
  Push_Convert = yes
}}
Domain "quiet.test" {{
  Delivery_Method = "mm7"
  Routes = ( "mm7://mmsc.test?port={self.mmsc.port}&type=a" )
  MM7_Delivery_Report = true
  Late_Reports = log
  Push_Convert = yes
}}
Domain "origin.test" {{ Gateway = "127.0.0.1:{self.box.port}" }}
Domain "vasp.test" {{ Gateway = "127.0.0.1:{self.box.port}" }}
Resolv_Conf = "{self.dns.conf(folder)}"
Relay_Domains = ( "vasp.test" )
MM7_Listener {{
{listen}
  MM7_Server_Default_Email_From_Domain = "mms.test"
  MM7_Server_Default_Email_To_Domain = "vasp.test"
}}
""", modules=MM7)

    def stop(self):
        self.d.finish()
        for x in (self.mmsc, self.box, self.dns):
            x.stop()
        assert not self.mmsc.wrong, self.mmsc.wrong

    def submit(self, sender="s@origin.test", domain="mms.test", notify=""):
        """A message that the MMSC has taken: its MessageID."""
        before, done = len(self.mmsc.submits), len(self.d.records("D"))
        send(self.d.port, f"15551234567@{domain}", sender=sender,
             mail_options=DSN, rcpt_options=[f"NOTIFY={notify}"] if notify
             else ())
        n = len(self.mmsc.wait(before + 1))
        self.d.wait_records("D", done + 1)
        return f"mms-{n}"

    def call(self, name="open", **how):
        return Caller(self.port[name], **how)

    def letters(self, to, count=1):
        """Messages that have come for that address, parsed."""
        def there():
            got = [email.message_from_bytes(m.data, policy=email.policy.SMTP)
                   for m in self.box.messages if to in m.recipients]
            return got if len(got) >= count else None
        return wait_for(there, what=f"{count} for {to}")

    def reported(self, words):
        return wait_for(lambda: [x for x in self.d.log("paniclog")
                                 if "late-report" in x and words in x],
                        what=words)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("mm7in"))
    yield w
    w.stop()


# --- reports ---

def test_failure_becomes_a_notification_once(world):
    c, who = world.call(), "fails@origin.test"
    ident = world.submit(who)
    for _ in range(2):  # an MMSC that has not read the answer asks again
        r = c.report(ident, "Expired", "after &lt;3 days>")
        assert (r.status, r.kind, r.code) == (200, "DeliveryReportRsp", 1000)
        assert r.transaction == f"call-{c.serial}" and r.schema == c.schema
    m, = world.letters(who)
    text = m.as_string()
    assert m.get_content_type() == "multipart/report"
    for words in ("Final-Recipient: rfc822;15551234567@mms.test",
                  "Action: failed", "Status: 5.4.7",
                  "Original-Envelope-Id: QQ 314",
                  "x-impel;5.4.7 [internal] the MMSC reports: Expired (after"):
        assert words in text, text
    log = world.reported(f"mm7-message-id={ident}")
    assert ["told=dsn" in x for x in log] == [True, False]
    assert "told=before" in log[1]
    b = world.d.wait_records("B", name="bouncelog")
    assert any("15551234567" in x for x in b[-1])
    # what cannot be after it changes nothing
    assert c.report(ident, "Retrieved").code == 1000
    assert len(world.letters(who)) == 1


def test_success_is_told_when_the_report_says_so(world):
    c, who = world.call(), "asks@origin.test"
    ident = world.submit(who, notify="SUCCESS,FAILURE,DELAY")
    assert c.report(ident, "Deferred").code == 1000
    assert "Action: delayed" in world.letters(who)[0].as_string()
    assert c.report(ident, "Forwarded").code == 1000
    assert c.report(ident, "Retrieved").code == 1000
    m = world.letters(who, 2)
    assert "Action: delivered" in m[1].as_string() and len(m) == 2


def test_nobody_is_told_who_did_not_ask(world):
    c = world.call()
    one, two = world.submit("no@origin.test"), \
        world.submit("never@origin.test", notify="NEVER")
    assert c.report(one, "Retrieved").code == 1000
    assert c.report(two, "Rejected").code == 1000
    three = world.submit("log@origin.test", domain="quiet.test")
    assert c.report(three, "Rejected").code == 1000
    for ident in one, two, three:
        assert "told=log" in world.reported(f"mm7-message-id={ident}")[0]
    assert not [m for m in world.box.messages if m.recipients[0] in (
        "no@origin.test", "never@origin.test", "log@origin.test")]


def test_read_reply(world):
    c, who = world.call(), "reader@origin.test"
    ident = world.submit(who, domain="reads.test", notify="SUCCESS")
    # no report of the delivery was asked for, so success is told at once
    assert "Action: delivered" in world.letters(who)[0].as_string()
    r = c.read(ident)
    assert (r.kind, r.code) == ("ReadReplyRsp", 1000)
    line, = world.reported("of the reader: Read")
    assert "15551234567@reads.test" in line and "verdict=untried" in line


def test_reports_of_what_is_not_known(world):
    c = world.call()
    r = c.report("never-heard-of", "Expired")
    assert (r.status, r.code) == (200, 2005)
    wait_for(lambda: [x for x in world.d.log("paniclog") if
                      "mm7-strange-report" in x and "never-heard-of" in x],
             what="its event")
    # another MMSC may not speak of this one's messages
    ident = world.submit()
    assert world.call("strange").report(ident, "Expired").code == 2005
    assert c.report(ident, "Retrieved").code == 1000


def test_awaited_reports_have_a_limit(world):
    """Mail goes out all the same; nobody is left without a word."""
    c, who = world.call(), "many@origin.test"
    world.d.ask("config", "set", "module_state_limit", "1")
    ident = world.submit(who, notify="SUCCESS")
    assert c.report(ident, "Expired").code == 2005
    assert "Action: delivered" in world.letters(who)[0].as_string()
    assert [x for x in world.d.log("paniclog")
            if "state-full of=awaited" in x and "limit=1" in x]
    world.d.ask("config", "set", "module_state_limit", "512M")
    assert c.report(world.submit(who), "Expired").code == 1000
    assert len(world.letters(who, 2)) == 2


def test_a_report_that_is_here_first(world):
    """The MMSC reports before its answer to SubmitReq is read."""
    said = []

    def early(h, s):
        t = threading.Thread(target=lambda: said.append(
            world.call().report("early-1", "Expired")))
        t.start()
        assert world.call().ping().code == 4003  # as long as that takes
        h.say(answer(s, message_id="early-1"))
        t.join()
    world.mmsc.script.append(early)
    world.submit("early@origin.test")
    assert wait_for(lambda: said, what="its answer")[0].code == 1000
    assert len(world.letters("early@origin.test")) == 1


def test_days_later_in_another_process(world):
    who = "later@origin.test"
    ident = world.submit(who)
    # what is accepted behind a result is on disk behind it; logs may be earlier
    world.d.wait_empty()
    send(world.d.port, "behind@origin.test")
    world.d.kill()
    world.d.start()
    c = world.call()
    assert c.report(ident, "Rejected").code == 1000
    assert "Action: failed" in world.letters(who)[0].as_string()
    world.d.settle()
    world.d.kill()
    world.d.start()
    assert world.call().report(ident, "Rejected").code == 1000
    assert len(world.letters(who)) == 1


# --- messages ---

def parts(message):
    return [p for p in message.walk() if not p.is_multipart()]


def test_message_becomes_mail(world):
    c = world.call(schema=REL5)
    r = c.deliver(
        b'Content-Type: multipart/related; boundary="in"\r\n\r\n'
        b"--in\r\nContent-Type: application/smil\r\nContent-ID: <smil>\r\n\r\n"
        b"<smil/>\r\n--in\r\nContent-Type: image/gif; name=a.gif\r\n"
        b"Content-Transfer-Encoding: binary\r\nContent-ID: <a>\r\n\r\n" +
        PICTURE + b"\r\n--in\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + "Gr\u00fc\u00dfe".encode() + b"\r\n--in--\r\n",
        linked="l-1", subject="gr\u00fcn &amp; gut",
        to="<ShortCode>28444</ShortCode><RFC2822Address>two@vasp.test"
           '</RFC2822Address><Number displayOnly="true">+1777</Number>')
    assert (r.status, r.kind, r.code) == (200, "DeliverRsp", 1000)
    assert r.schema == REL5
    m, = world.letters("28444@vasp.test")
    assert world.letters("two@vasp.test")
    assert not [x for x in world.box.messages if "+1777" in str(x.recipients)]
    assert m["From"].addresses[0].addr_spec == "+15550001@mms.test" and m["Subject"] == \
        "gr\u00fcn & gut"
    assert [a.addr_spec for a in m["To"].addresses] == [
        "28444@vasp.test", "two@vasp.test", "+1777@vasp.test"]
    assert m["Date"] == "Sat, 21 Nov 2026 21:15:00 +0100"
    assert m["Importance"] == "High" and m["X-MM7-Linked-ID"] == "l-1"
    smil, gif, text = parts(m)
    assert smil["Content-ID"] == "<smil>" and not m.defects
    assert gif.get_content() == PICTURE and gif.get_filename() == "a.gif"
    assert text.get_content() == "Gr\u00fc\u00dfe"
    sender = [x.sender for x in world.box.messages
              if "28444@vasp.test" in x.recipients]
    assert sender == ["+15550001@mms.test"]


def test_message_once(world):
    c, what = world.call(), dict(
        linked="once", to="<ShortCode>1</ShortCode>")
    for body in (b"\r\nsame", b"\r\nsame", b"\r\nother"):
        assert c.deliver(b"Content-Type: text/plain\r\n" + body,
                         **what).code == 1000
    world.letters("1@vasp.test", 2)
    world.d.settle()
    world.d.kill()
    world.d.start()
    r = world.call().deliver(b"Content-Type: text/plain\r\n\r\nsame", **what)
    assert (r.code, r.details) == (1000, "taken before")
    assert len(world.letters("1@vasp.test", 2)) == 2


def test_many_on_one_connection_and_without_content(world):
    c = world.call()
    for i in range(20):
        assert c.deliver(None, to=f"<ShortCode>9{i}</ShortCode>").code == 1000
    assert world.letters("919@vasp.test")[0].get_content() == "\r\n"[:0]


@pytest.mark.parametrize("code,how", [
    (2002, {"to": ""}),
    (2002, {"to": "<ShortCode>a b</ShortCode>"}),
    (2002, {"sender": "<RFC2822Address>nobody</RFC2822Address>"}),
    (2003, {"to": "<RFC2822Address>x@elsewhere.example@</RFC2822Address>"}),
])
def test_addresses_that_are_none(world, code, how):
    assert world.call().deliver(None, **how).code == code


# --- what is no request ---

BOMB = ('<!DOCTYPE x [<!ENTITY a "0123456789">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi"))
    + "]>")


@pytest.mark.parametrize("change,code", [
    (lambda x: BOMB + x.partition("?>")[2].replace(">6.8.0<", ">&i;<"), 2007),
    (lambda x: '<!DOCTYPE x SYSTEM "file:///etc/passwd">' +
     x.partition("?>")[2], 2007),
    (lambda x: x[:-20], 2007),
    (lambda x: x.replace("DeliveryReportReq", "CancelReq"), 4003),
    (lambda x: x.replace("MessageID", "Other"), 2007),
    (lambda x: "<" * 3000, 2007),
    (lambda x: "<a>" * 1000, 2007),
])
def test_nonsense(world, change, code):
    c = world.call()
    r = c.post(change(c.soap("DeliveryReportReq",
                             "<MessageID>m</MessageID><MMStatus>Expired"
                             "</MMStatus>")))
    assert (r.status, r.kind, r.code) == (500, "VASPErrorRsp", code)
    assert c.ping().code == 4003  # on the same connection


def test_http(world):
    c = world.call("small")
    assert c.post("", method="GET").status == 405
    assert c.post("x", path="/other").status == 404
    assert c.post("x", path="/vasp/in").code == 2007
    assert c.post("x", path="/vasp?id=1").code == 2007
    assert c.post("x" * 9000, path="/vasp/").status == 413
    c = world.call("small", path="/vasp/")
    c.http.connect()
    c.http.sock.sendall(b"POST /vasp/ HTTP/1.1\r\nHost: me\r\n"
                        b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert c.http.sock.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
    c.http.sock.sendall(b"<x>")
    assert b" 500 " in c.http.sock.recv(9999)
    # half a request, and no more
    c.http.sock.sendall(b"POST /vasp/ HTTP/1.1\r\nContent-")
    assert b" 408 " in c.http.sock.recv(9999)


def test_a_client_that_says_all_and_waits(world):
    """It has closed its side, as tools do; the answer comes all the same."""
    body = Caller(1).soap("DeliveryReportReq", "<MessageID>m</MessageID>"
                          "<MMStatus>Expired</MMStatus>").encode()
    with socket.create_connection(("127.0.0.1", world.port["open"])) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: me\r\nContent-Length: %d\r\n\r\n"
                  % len(body) + body)
        s.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: s.recv(65536), b""))
    assert b"2005" in got and b"Connection: close" in got


# --- who may ---

def test_strangers(world):
    c = Caller(world.port["strange"])
    c.http.source_address = ("127.0.0.9", 0)
    assert c.ping().status == 403
    wait_for(lambda: [x for x in world.d.log("rejectlog")
                      if "MM7 is for peers in relay_hosts" in x],
             what="its record")


def basic(login):
    return "Basic " + base64.b64encode(login.encode()).decode()


def test_login_basic(world):
    c = world.call("login")
    r = c.ping()
    assert r.status == 401 and r.headers["WWW-Authenticate"].startswith("Basic")
    c.fields["Authorization"] = basic("joe:pa:ss")
    assert c.ping().code == 4003
    c.fields["Authorization"] = basic("joe:pa:s")
    assert c.ping().status == 401
    wait_for(lambda: [x for x in world.d.log("rejectlog") if "535" in x],
             what="its record")


@pytest.mark.parametrize("name", ["MD5", "SHA-256"])
def test_login_digest(world, name):
    c = world.call("digest")
    r = c.ping()
    asked = [x for x in r.headers.get_all("WWW-Authenticate") if name in x]
    said = dict(re.findall(r'(\w+)="([^"]*)"', asked[0]))

    def hashed(*words):
        f = hashlib.md5 if name == "MD5" else hashlib.sha256
        return f(":".join(words).encode()).hexdigest()

    def login(password, nonce, uri="/mms", nc="00000001"):
        response = hashed(hashed("joe", said["realm"], password), nonce, nc,
                          "cc", "auth", hashed("POST", uri))
        return (f'Digest username="joe", realm="{said["realm"]}", '
                f'nonce="{nonce}", uri="{uri}", qop=auth, nc={nc}, '
                f'cnonce="cc", algorithm={name}, response="{response}"')
    assert r.status == 401 and said["qop"] == "auth"
    c.fields["Authorization"] = login("pa:ss", said["nonce"])
    assert c.ping().code == 4003
    old = "0" * 16 + said["nonce"][16:]
    other = login("pa:ss", said["nonce"], "/other") if name == "MD5" else \
        login("other", said["nonce"])
    for wrong, stale in (login("pa:ss", old), True), (other, False):
        c.fields["Authorization"] = wrong
        r = c.ping()
        assert r.status == 401
        assert ("stale=true" in r.headers["WWW-Authenticate"]) == stale


def test_tls(world):
    c = world.call("tls", host="localhost", context=ssl.create_default_context(cafile=world.ca.crt))
    assert c.ping().code == 4003


def test_it_ends_in_order(world):
    """A stop waits for the request under way, and idle connections end."""
    c, idle = world.call(), world.call()
    assert c.ping().code == 4003
    idle.http.connect()
    world.d.terminate()
    assert idle.http.sock.recv(9) == b""
    world.d.start()
