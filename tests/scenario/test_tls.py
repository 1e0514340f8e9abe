# SPDX-License-Identifier: Apache-2.0
"""TLS with hosts: STARTTLS, verification, resumption, going on without."""
import json
import ssl

import pytest

from certificates import Authority
from daemon import wait_for
from peers import send


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


def routes(port, more):
    return (f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'
            f"Retry_Interval = 1\nHost_Failure_Retry = 1\n{more}\n")


def delivered(d, n=1):
    """What D records say of TLS, behind the fields of Momentum."""
    return [dict(w.split("=", 1) for w in r[12].split()) if len(r) > 12 else {}
            for r in d.wait_records("D", n)]


def why(d, message="a@dest.test"):
    """The words of explain about the domain."""
    return d.ask("explain", "domain", message.split("@")[1])


def test_starttls_and_what_the_log_says(impeld, server, ca):
    s = server(tls=ca.context("mx.test"))
    d = impeld(routes(s.port, "tls = required"))
    body = "x" * 900 + "\r\n"
    send(d.port, "to@dest.test", body=body * 400)
    m = s.wait()[0]
    assert m.body == body.encode() * 400
    c = s.handshakes[0]
    assert c.version() == "TLSv1.3"
    said = delivered(d)[0]
    assert said["protocol"] == "TLS1.3" and said["verified"] == "none"
    assert said["cipher"] == c.cipher()[0]
    # nothing in clear behind STARTTLS, and EHLO once more
    words = [line.split()[0] for line in s.lines]
    assert words[:3] == [b"EHLO", b"STARTTLS", b"EHLO"]


def test_json_says_it_too(impeld, server, ca):
    s = server(tls=ca.context("mx.test"))
    d = impeld(routes(s.port, "tls = ifavailable") + """
ec_logger "events" { jsonlog = "@DIR@/events" }
""")
    send(d.port, "to@dest.test")
    rows = wait_for(lambda: [r for r in map(json.loads, d.log("events"))
                             if r["type"] == "delivery"])
    assert "protocol=TLS1.3" in rows[0]["tls"]


def test_required_waits_and_explain_says_why(impeld, server, ca):
    s = server()
    d = impeld(routes(s.port, "tls = required"))
    send(d.port, "a@dest.test")
    wait_for(lambda: "STARTTLS required but not advertised" in why(d))
    assert not s.messages
    s.tls = ca.context("mx.test")  # the host learns it
    s.wait(timeout=60)


@pytest.mark.parametrize("how", ["broken", "refused", "dropped"])
def test_fallback_in_clear(impeld, server, ca, how):
    def answer(stage, line):
        if stage == "STAR" and how == "refused":
            return "454 4.7.0 not now\r\n"
        if stage == "STAR" and how == "dropped":
            raise ConnectionError
        return None
    s = server(tls="broken", answer=answer)
    d = impeld(routes(s.port, "tls = ifavailable") + """
Domain "never.test" { tls_ifavailable_fallback = false }
Domain "must.test" { tls = required }
""")
    send(d.port, "a@dest.test")
    assert s.wait()[0].recipients == ["a@dest.test"]
    assert delivered(d) == [{}]
    # on the same connection, or at once on another
    assert s.connections == (1 if how == "refused" else 2)
    for domain in ("never.test", "must.test"):
        send(d.port, f"b@{domain}")
        words = {"broken": "TLS negotiation failed: the peer says",
                 "refused": "454 4.7.0 not now",
                 "dropped": "TLS negotiation failed: connection closed"}[how]
        wait_for(lambda: words in why(d, f"b@{domain}"))
    assert len(s.messages) == 1


@pytest.mark.parametrize("verify, names, good", [
    ("ca", ["other.test"], True), ("host", ["a.mx.test"], True),
    ("host", ["dest.test"], True), ("host", ["other.test"], False)])
def test_verification(impeld, server, ca, dns, tmp_path, verify, names, good):
    s = server(tls=ca.context("mx", *names))
    dns.add("dest.test", "MX", "10 a.mx.test.")
    dns.add("a.mx.test", "A", "127.0.0.1")
    d = impeld(f'Resolv_Conf = "{dns.conf(tmp_path)}"\n'
               f"Remote_SMTP_Port = {s.port}\nRetry_Interval = 1\n"
               "tls = required\n"
               f'tls_verify = {verify}\ntls_ca = "{ca.crt}"\n')
    send(d.port, "to@dest.test")
    if not good:
        wait_for(lambda: "is not for a.mx.test" in why(d, "to@dest.test"))
        assert not s.messages
        return
    s.wait()
    assert delivered(d)[0]["verified"] == verify


def test_an_unknown_authority_is_refused(impeld, server, ca, tmp_path):
    (tmp_path / "more").mkdir()
    s = server(tls=Authority(tmp_path / "more").context("mx.test"))
    d = impeld(routes(s.port, f'tls_ca = "{ca.crt}"\ntls = required\n'
                              "tls_verify = ca\n") +
               'Domain "opt.test" { tls_verify = optional }\n')
    send(d.port, "a@dest.test")
    wait_for(lambda: "NOT trusted" in why(d))
    send(d.port, "a@opt.test")  # looked at, and taken as it is
    s.wait()
    assert delivered(d)[0]["verified"] == "none"


def test_sessions_are_resumed(impeld, server, ca):
    s = server(tls=ca.context("mx.test"))
    d = impeld(routes(s.port, "tls = required\nidle_timeout = 0\n"
                              "max_outbound_connections = 1"))
    for i in range(3):
        send(d.port, f"r{i}@dest.test")
        s.wait(i + 1)
    assert [c.session_reused for c in s.handshakes] == [False, True, True]
    assert s.connections == 3


def test_connections_are_shared_under_one_policy_only(impeld, server, ca):
    s = server(tls=ca.context("mx.test"))
    d = impeld(routes(s.port, "tls = required\nidle_timeout = 30\n") + """
Domain "clear.test" { tls = no }
Domain "old.test" { tls_protocols = "TLSv1.2" }
""")
    for n, domain in enumerate(["a.test", "b.test", "clear.test", "old.test",
                                "c.test"]):
        send(d.port, f"x@{domain}")
        s.wait(n + 1)
        d.wait_records("D", n + 1)
    assert s.connections == 3
    assert [c.version() for c in s.handshakes] == ["TLSv1.3", "TLSv1.2"]


def test_another_policy_ends_connections(impeld, server, ca):
    s = server(tls=ca.context("mx.test"))
    d = impeld(routes(s.port, "idle_timeout = 60\ntls = no\n"))
    send(d.port, "a@dest.test")
    s.wait()
    assert not s.handshakes
    d.ask("config", "set", "tls", "required")
    send(d.port, "b@dest.test")
    s.wait(2)
    assert delivered(d, 2)[1]["protocol"] == "TLS1.3"


def test_a_client_certificate_comes_with_a_reload(impeld, server, ca):
    context = ca.context("mx.test")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca.crt)
    s = server(tls=context)
    crt, _ = ca.make("first.test")
    d = impeld(routes(s.port, "tls = required\nidle_timeout = 0\n"
                              f'tls_certificate = "{crt}"\n'))
    send(d.port, "a@dest.test")
    s.wait()
    d.wait_records("D")
    second, _ = ca.make("second.test")
    crt.write_bytes(second.read_bytes())
    d.ask("config", "reload")
    send(d.port, "b@dest.test")
    s.wait(2)
    names = [dict(x[0] for x in c.getpeercert()["subject"])["commonName"]
             for c in s.handshakes]
    assert names[0] == "first.test" and names[-1] == "second.test"


def test_each_domain_has_its_own(impeld, server, ca):
    """Versions, ciphers and our certificate, as the host sees them."""
    context = ca.context("mx.test")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(ca.crt)
    s = server(tls=context)
    crt, _ = ca.make("me.test")
    d = impeld(routes(s.port, f'tls = required\ntls_certificate = "{crt}"\n') +
               """
Domain "old.test" { tls_protocols = "+ALL:-TLSv1.3" }
Domain "chosen.test" {
  tls_protocols = TLSv1.2
  tls_ciphers = "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305"
}
Domain "nameless.test" { tls_certificate = none }
""")
    seen = {}
    for n, name in enumerate(("usual", "old", "chosen", "nameless")):
        send(d.port, f"to@{name}.test")
        s.wait(n + 1)
        c = s.handshakes[n]
        cert = c.getpeercert()
        seen[name] = (c.version(), "CHACHA20" in c.cipher()[0],
                      cert["subject"][0][0][1] if cert else None)
    assert seen == {"usual": ("TLSv1.3", False, "me.test"),
                    "old": ("TLSv1.2", False, "me.test"),
                    "chosen": ("TLSv1.2", True, "me.test"),
                    "nameless": ("TLSv1.3", False, None)}


def test_files_and_words_that_cannot_be_used(impeld, ca, tmp_path):
    crt, key = ca.make("mine.test")
    other = ca.make("other.test")[1]
    for line, words in [
            ('tls_ca = "/nowhere/ca.pem"', "cannot read /nowhere/ca.pem"),
            (f'tls_ca = "{key}"', "holds no certificate"),
            (f'tls_certificate = "{key}"', "holds no certificate"),
            (f'tls_key = "{ca.crt}"', "holds no key"),
            (f'tls_certificate = "{crt}"\ntls_key = "{other}"', "no pair"),
            ('tls_ciphers = "HIGH:!aNULL"', "GnuTLS does not understand"),
            ('tls_protocols = "TLSv1.9"', "none of ALL, TLSv1.0")]:
        d = impeld(line + "\n", start=False)
        got = d.check()
        assert got.returncode and words in got.stdout + got.stderr, (line, got)
