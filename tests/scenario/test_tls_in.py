# SPDX-License-Identifier: Apache-2.0
"""TLS with those who connect: STARTTLS, from the start, by name, by
certificate, and what is forgotten and refused."""
import json
import smtplib
import socket
import ssl

import pytest

from certificates import Authority
from daemon import BUILD, MODULES, wait_for
from peers import send


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def relay(impeld, server, ca):
    """(daemon, server): a listener with a certificate; more goes into its
    listen."""
    s = server()
    crt, _ = ca.make("mx.test")

    def make(listen="", more="", relay='( "127.0.0.0/8" )'):
        return impeld(f'''
Routes = ( "smtp://127.0.0.1?port={s.port}" )
ESMTP_Listener {{
  Relay_Hosts = {relay}
  tls_certificate = "{crt}"
  Listen "127.0.0.1:@PORT@" {{ {listen} }}
}}
''' + more, listener=False), s
    return make


def context(ca, certificate=None):
    c = ssl.create_default_context(cafile=ca.crt)
    if certificate:
        c.load_cert_chain(certificate)
    return c


class Raw:
    """A connection by octets, in clear and then behind TLS."""

    def __init__(self, port, banner=True):
        self.s = socket.create_connection(("127.0.0.1", port), 10)
        if banner:
            assert self.line().startswith(b"220 ")

    def line(self):
        got = b""
        while not got.endswith(b"\n"):
            c = self.s.recv(1)
            if not c:
                return got
            got += c
        return got

    def rest(self):
        """All that comes until the connection is gone, somehow."""
        got = b""
        try:
            while c := self.s.recv(4096):
                got += c
        except ConnectionError:
            pass
        return got

    def do(self, *words):
        """The last line of each reply."""
        self.s.sendall(b"".join(w + b"\r\n" for w in words))
        return [self.reply() for _ in words]

    def reply(self):
        while True:
            line = self.line()
            if line[3:4] != b"-":
                return line

    def secure(self, c, name="mx.test", session=None):
        self.s = c.wrap_socket(self.s, server_hostname=name, session=session)
        return self

    def starttls(self, c, name="mx.test"):
        assert self.do(b"STARTTLS")[0].startswith(b"220 ")
        return self.secure(c, name)

    def names(self):
        return [v for _, v in self.s.getpeercert()["subjectAltName"]]


def received(message):
    return message.header("Received")[0]


def test_starttls(relay, ca):
    d, s = relay()
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        c.ehlo("client.test")
        assert c.has_extn("starttls")
        c.starttls(context=context(ca))  # verifies: not by localhost's name
        protocol, cipher = c.sock.version(), c.sock.cipher()[0]
        c.ehlo("client.test")
        assert not c.has_extn("starttls")
        assert c.docmd("STARTTLS")[0] == 503
        c.sendmail("a@origin.test", ["b@dest.test"], "Subject: x\r\n\r\nbody")
    assert protocol == "TLSv1.3"
    m = s.wait()[0]
    assert " with ESMTPS\r\n" in received(m)
    assert f"(using TLS1.3 with cipher {cipher})" in received(m)
    said = d.wait_records("R", 1)[0]
    assert said[11] == "esmtps" or "esmtps" in said
    assert said[-1] == f"protocol=TLS1.3 cipher={cipher} verified=none"


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """smtplib asks for the name of the certificate."""
    starttls = smtplib.SMTP.starttls

    def named(self, **more):
        self._host = "mx.test"
        return starttls(self, **more)
    monkeypatch.setattr(smtplib.SMTP, "starttls", named)


def test_no_certificate_no_starttls(impeld):
    d = impeld("")
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        c.ehlo()
        assert not c.has_extn("starttls")
        assert c.docmd("STARTTLS")[0] == 502


def test_extensions_choose(relay):
    d, _ = relay("smtp_extensions = ( SIZE )")
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        c.ehlo()
        assert not c.has_extn("starttls")
        assert c.docmd("STARTTLS")[0] == 502


def test_from_the_start(relay, ca):
    d, s = relay("use_ssl = true")
    c = Raw(d.port, banner=False).secure(context(ca))
    assert c.reply().startswith(b"220 ")
    assert b"STARTTLS" not in b"".join(c.do(b"EHLO me.test"))
    assert c.do(b"STARTTLS")[0].startswith(b"503 ")
    c.do(b"MAIL FROM:<a@origin.test>", b"RCPT TO:<b@dest.test>", b"DATA")
    assert c.do(b"Subject: x\r\n\r\nhello\r\n.")[0].startswith(b"250 ")
    assert " with ESMTPS\r\n" in received(s.wait()[0])
    assert "TLS: protocol=TLS1.3" in d.ask("show", "inbound")
    # who speaks in clear there is not answered in clear
    plain = Raw(d.port, banner=False)
    plain.s.sendall(b"EHLO me.test\r\n")
    assert not plain.rest().startswith(b"220")


def test_lmtp(impeld, server, ca):
    s = server()
    crt, _ = ca.make("mx.test")
    d = impeld(f'''
Routes = ( "smtp://127.0.0.1?port={s.port}" )
LMTP_Listener {{ Relay_Hosts = ( "127.0.0.0/8" ) tls_certificate = "{crt}"
  Listen "127.0.0.1:@PORT@" {{ }} }}
''', listener=False, modules=f"{MODULES}:{BUILD}/modules/lmtp/.libs")
    with smtplib.LMTP("127.0.0.1", d.port, timeout=20) as c:
        c.ehlo()
        c.starttls(context=context(ca))
        c.sendmail("a@origin.test", ["b@dest.test"], "Subject: x\r\n\r\nbody")
    assert " with LMTPS\r\n" in received(s.wait()[0])


def test_no_mail_in_clear(relay, ca):
    d, s = relay("require_starttls = true")
    c = Raw(d.port)
    c.do(b"EHLO me.test")
    assert c.do(b"MAIL FROM:<a@origin.test>")[0].startswith(b"530 5.7.0 ")
    c.starttls(context(ca)).do(b"EHLO me.test")
    assert c.do(b"MAIL FROM:<a@origin.test>")[0].startswith(b"250 ")


def test_an_rsa_key_beside(relay, ca, monkeypatch):
    monkeypatch.setattr(ca, "new", ("-newkey", "rsa:2048"))
    rsa, _ = ca.make("rsa.test", "mx.test")
    d, _ = relay(f'tls_sni_certificates = ( "{rsa}" )')
    for ciphers, kind in (("ECDHE-RSA-AES128-GCM-SHA256", "RSA"),
                          ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA")):
        c = context(ca)
        c.maximum_version = ssl.TLSVersion.TLSv1_2
        c.set_ciphers(ciphers)
        raw = Raw(d.port).starttls(c)
        assert raw.s.cipher()[0] == ciphers, kind


def test_big_bodies_both_ways(relay, ca):
    d, s = relay()
    body = ("x" * 900 + "\r\n") * 3000
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as c:
        c.ehlo()
        c.starttls(context=context(ca))
        for n in range(3):
            c.sendmail("a@origin.test", [f"b{n}@dest.test"],
                       "Subject: x\r\n\r\n" + body)
    for m in s.wait(3):
        assert m.body == body.encode()


def test_names(relay, ca):
    a, _ = ca.make("a.test", "a.test", "*.wild.test")
    b, key = ca.make("b.test")
    alone = b.with_suffix(".alone")
    alone.write_text(b.read_text().split("-----BEGIN PRIVATE")[0]
                     .split("-----BEGIN EC PRIVATE")[0])
    d, _ = relay(f'tls_sni_certificates = ( "{a}" "{alone} {key}" )')
    for name, want in (("a.test", "a.test"), ("x.wild.test", "a.test"),
                       ("b.test", "b.test"), ("mx.test", "mx.test")):
        assert want in Raw(d.port).starttls(context(ca), name).names()
    c = context(ca)
    c.check_hostname = False
    for name in ("other.test", None):
        assert Raw(d.port).starttls(c, name).names() == ["mx.test"]


def test_certificates_are_reloaded(relay, ca, tmp_path):
    d, _ = relay()
    before = Raw(d.port).starttls(context(ca))
    (tmp_path / "new").mkdir()
    other = Authority(tmp_path / "new", "other")
    crt, _ = other.make("mx.test")
    (tmp_path / "mx.test.crt").write_text(crt.read_text())
    Raw(d.port).starttls(context(ca))  # what is in memory counts
    d.ask("config", "reload")
    Raw(d.port).starttls(context(other))
    with pytest.raises(ssl.SSLError):
        Raw(d.port).starttls(context(ca))
    assert before.do(b"EHLO me.test")[0].startswith(b"250 ")
    # one that cannot be used changes nothing
    (tmp_path / "mx.test.crt").write_text("rubbish")
    assert "no certificate" in d.ask("config", "reload", ok=False)
    Raw(d.port).starttls(context(other))


@pytest.mark.parametrize("behind", [b"EHLO x\r\n", b"\r\n", b"x"])
def test_more_in_clear_ends_it(relay, behind):
    d, _ = relay()
    c = Raw(d.port)
    c.do(b"EHLO me.test")
    c.s.sendall(b"STARTTLS\r\n" + behind)
    assert c.line().startswith(b"554 5.7.0 ")
    assert c.line() == b""


@pytest.mark.parametrize("policy", ["ignore", "allow"])
def test_more_in_clear_is_dropped(relay, ca, policy):
    d, s = relay(f"starttls_injection_policy = {policy}")
    c = Raw(d.port)
    c.do(b"EHLO me.test")
    c.s.sendall(b"STARTTLS\r\nEHLO x\r\nMAIL FROM:<evil@origin.test>\r\n")
    assert c.line().startswith(b"220 ")
    c.secure(context(ca))
    # nothing of it was heard
    assert c.do(b"RCPT TO:<b@dest.test>")[0].startswith(b"503 ")
    assert c.do(b"MAIL FROM:<a@origin.test>")[0].startswith(b"250 ")
    assert "starttls_injections 1" in d.ask("metrics")


def test_clear_text_for_a_handshake(relay):
    d, _ = relay()
    c = Raw(d.port)
    c.do(b"EHLO me.test", b"STARTTLS")
    c.s.sendall(b"MAIL FROM:<a@origin.test>\r\n" * 3)
    assert b"250" not in c.rest()  # an alert at most
    wait_for(lambda: "inbound_tls_failed_total 1" in d.ask("metrics"))
    wait_for(lambda: any("client-tls-failed" in line
                         for line in d.log("paniclog")))


def test_state_is_forgotten(relay, ca):
    d, s = relay('Trusted_Peers = ( "127.0.0.1" ) require_ehlo = true')
    c = Raw(d.port)
    c.do(b"EHLO clear.test")
    assert c.do(b"MAIL FROM:<a@origin.test>")[0].startswith(b"250 ")
    assert c.do(b"STARTTLS")[0].startswith(b"503 ")  # within a message
    c.do(b"RSET")
    assert c.do(b"XCLIENT ADDR=192.0.2.7 HELO=evil.test LOGIN=boss "
                b"PROTO=SMTP")[0].startswith(b"220 ")
    assert c.do(b"MAIL FROM:<a@origin.test>")[0].startswith(b"503 ")
    c.do(b"EHLO clear.test")
    c.starttls(context(ca))
    assert c.do(b"MAIL FROM:<a@origin.test>")[0].startswith(b"503 ")
    c.do(b"EHLO secret.test")
    c.do(b"MAIL FROM:<a@origin.test>", b"RCPT TO:<b@dest.test>", b"DATA")
    assert c.do(b"Subject: x\r\n\r\nhello\r\n.")[0].startswith(b"250 ")
    said = received(s.wait()[0])
    assert "from secret.test ([127.0.0.1])" in said and "ESMTPS" in said
    # and behind TLS a client may be named
    assert c.do(b"XCLIENT ADDR=192.0.2.7 HELO=far.test")[0].startswith(b"220 ")
    assert "192.0.2.7" in d.ask("show", "inbound")


def relays(port, c, name="mx.test"):
    """The reply to RCPT behind TLS, or why there is none."""
    try:
        raw = Raw(port).starttls(c, name)
        raw.do(b"EHLO me.test")
        raw.do(b"MAIL FROM:<a@origin.test>")
        return raw.do(b"RCPT TO:<b@dest.test>")[0][:3]
    except (ssl.SSLError, ConnectionError):
        return b"TLS"


@pytest.mark.parametrize("mode, none, wrong, right", [
    ("optional", b"550", b"550", b"250"), ("require", b"TLS", b"TLS", b"250"),
    ("none", b"550", b"550", b"550")])
def test_client_certificates(relay, ca, tmp_path, mode, none, wrong, right):
    for name in ("clients", "others"):
        (tmp_path / name).mkdir()
    clients = Authority(tmp_path / "clients", "clients")
    others = Authority(tmp_path / "others", "others")
    mine, _ = clients.make("host.test")
    theirs, _ = others.make("host.test")
    d, _ = relay(f'tls_client_ca = "{clients.crt}" tls_verify_mode = {mode} '
                 "tls_verified_peer_can_relay = true", relay="( )")
    c = Raw(d.port)
    c.do(b"EHLO me.test", b"MAIL FROM:<a@origin.test>")
    assert c.do(b"RCPT TO:<b@dest.test>")[0].startswith(b"550 ")
    assert relays(d.port, context(ca)) == none
    assert relays(d.port, context(ca, theirs)) == wrong
    assert relays(d.port, context(ca, mine)) == right
    if mode != "none":
        assert "inbound_tls_verified_total 1" in d.ask("metrics")


def test_a_verified_peer_may_not_relay_by_itself(relay, ca, tmp_path):
    crt, _ = ca.make("host.test")
    d, _ = relay(f'tls_client_ca = "{ca.crt}"', relay="( )")
    assert relays(d.port, context(ca, crt)) == b"550"


def test_a_named_client_has_no_certificate(relay, ca):
    crt, _ = ca.make("proxy.test")
    d, _ = relay(f'tls_client_ca = "{ca.crt}" Trusted_Peers = ( "127.0.0.1" ) '
                 "tls_verified_peer_can_relay = true", relay="( )")
    c = Raw(d.port).starttls(context(ca, crt))
    c.do(b"EHLO proxy.test", b"XCLIENT ADDR=192.0.2.7", b"EHLO far.test")
    c.do(b"MAIL FROM:<a@origin.test>")
    assert c.do(b"RCPT TO:<b@dest.test>")[0].startswith(b"550 ")


def test_peers_have_options_of_their_own(relay, ca):
    d, _ = relay('Peer "127.0.0.2/32" { tls_certificate = none } '
                 'Peer "127.0.0.3/32" { use_ssl = true }')
    for source, want in (("127.0.0.1", True), ("127.0.0.2", False)):
        with smtplib.SMTP("127.0.0.1", d.port, timeout=20,
                          source_address=(source, 0)) as c:
            c.ehlo()
            assert c.has_extn("starttls") == want
    s = socket.create_connection(("127.0.0.1", d.port), 10, ("127.0.0.3", 0))
    with context(ca).wrap_socket(s, server_hostname="mx.test") as s:
        assert s.recv(4).startswith(b"220")


def test_behind_a_balancer(relay, ca):
    d, s = relay("proxy_protocol = true use_ssl = true")
    c = Raw(d.port, banner=False)
    c.s.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 465\r\n")
    c.secure(context(ca))
    assert c.reply().startswith(b"220 ")
    assert "192.0.2.7" in d.ask("show", "inbound")


@pytest.mark.parametrize("ssl_first", [True, False])
def test_a_silent_peer(relay, ssl_first):
    d, _ = relay("tls_handshake_timeout = 1" +
                 (" use_ssl = true" if ssl_first else ""))
    c = Raw(d.port, banner=not ssl_first)
    if not ssl_first:
        assert c.do(b"STARTTLS")[0].startswith(b"220 ")
    else:
        c.s.sendall(b"\x16\x03\x01")  # and no more
        wait_for(lambda: "TLS: handshake" in d.ask("show", "inbound"))
    c.rest()
    wait_for(lambda: not d.ask("show", "inbound").strip())
    wait_for(lambda: any("took too long" in line for line in d.log("paniclog")))


def test_a_peer_that_leaves(relay):
    d, _ = relay("use_ssl = true listener_sessions = 1")
    for _ in range(5):  # its place is free again
        c = Raw(d.port, banner=False)
        wait_for(lambda: "TLS: handshake" in d.ask("show", "inbound"))
        c.s.close()
        wait_for(lambda: not d.ask("show", "inbound").strip())


def test_stop_with_peers_in_the_handshake(relay):
    d, _ = relay("use_ssl = true")
    held = [Raw(d.port, banner=False) for _ in range(3)]
    wait_for(lambda: d.ask("show", "inbound").count("TLS: handshake") == 3)
    d.terminate()
    assert len(held) == 3


def test_sessions_are_resumed(relay, ca):
    d, _ = relay(more="eventloop \"mail\" { concurrency = 2 }\n")
    c = context(ca)
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    first = Raw(d.port).starttls(c)
    for _ in range(4):  # on whatever loop
        again = Raw(d.port)
        assert again.do(b"STARTTLS")[0].startswith(b"220 ")
        again.secure(c, session=first.s.session)
        assert again.s.session_reused
    assert "inbound_tls_resumed_total 4" in d.ask("metrics")


def test_versions_and_ciphers(relay, ca):
    d, _ = relay('tls_protocols = "+ALL:-TLSv1.3" tls_ciphers = '
                 '"NORMAL:-CIPHER-ALL:+AES-256-GCM"')
    c = Raw(d.port).starttls(context(ca))
    assert c.s.version() == "TLSv1.2"
    assert "AES256-GCM" in c.s.cipher()[0] or "AES_256_GCM" in c.s.cipher()[0]


@pytest.mark.parametrize("listen, words", [
    ("use_ssl = true tls_certificate = none", "use_ssl: there is no tls_cert"),
    ("tls_verify_mode = require", "tls_verify_mode: no tls_client_ca"),
    ("require_starttls = true tls_certificate = none", "require_starttls: "),
    ('tls_client_ca = "@DIR@/none.pem"', "tls_client_ca: cannot read"),
    ('tls_sni_certificates = ( "@DIR@/none.pem" )', "cannot read"),
    ('tls_sni_certificates = ( "relative.pem" )', "expected"),
    ('tls_key = "@OTHER@"', "make no pair"),
    ("tls_ciphers = HIGH:!aNULL", "tls_ciphers")])
def test_what_cannot_be_is_an_error(impeld, ca, listen, words):
    crt, _ = ca.make("mx.test")
    other, key = ca.make("other.test")
    d = impeld(f'''
ESMTP_Listener {{
  tls_certificate = "{crt}"
  Listen "127.0.0.1:@PORT@" {{ {listen.replace("@OTHER@", str(key))} }}
}}
''', listener=False, start=False)
    r = d.check()
    assert r.returncode != 0 and words in r.stderr + r.stdout


def test_a_certificate_that_ends(impeld, ca):
    crt, key = ca.make("mx.test")
    ca.openssl("req", "-x509", "-new", "-key", key, "-out", crt, "-days", "2",
               "-subj", "/CN=mx.test")
    d = impeld(f'''
ESMTP_Listener {{ tls_certificate = "{crt}" tls_key = "{key}"
  Listen "127.0.0.1:@PORT@" {{ }} }}
''', listener=False, start=False)
    r = d.check()
    assert r.returncode == 0
    assert f"warning: tls_certificate: {crt} ends at 20" in r.stderr + r.stdout


def test_one_impel_to_another(relay, impeld, ca):
    d, s = relay()
    first = impeld(f'''
Routes = ( "smtp://127.0.0.1?port={d.port}" )
tls = required  tls_verify = host  tls_ca = "{ca.crt}"
Domain "mx.test" {{ }}
''')
    for n in range(3):
        send(first.port, f"b{n}@mx.test")
    s.wait(3)
    assert "verified=host" in " ".join(first.wait_records("D", 3)[0])
    assert all("esmtps" in r for r in d.wait_records("R", 3))


def test_json_and_details_say_it(relay, ca):
    d, _ = relay(more='ec_logger "events" { jsonlog = "@DIR@/events" }\n'
                 "suspend_delivery = true\n")
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        c.starttls(context=context(ca))
        c.sendmail("a@origin.test", ["b@dest.test"], "Subject: x\r\n\r\nbody")
    row = wait_for(lambda: [r for r in map(json.loads, d.log("events"))
                            if r["type"] == "reception"])[0]
    assert row["tls"].startswith("protocol=TLS1.3 cipher=")
    assert row["protocol"] == "esmtps"
    said = d.ask("message", "details", row["message"])
    assert "esmtps protocol=TLS1.3" in said
