# SPDX-License-Identifier: Apache-2.0
"""Debian's Exim as the host that mail goes to, and as a client."""
import subprocess
import os
import ssl

import pytest

from certificates import Authority
from daemon import wait_for
from exim import Exim
from peers import APART, send
from test_deliver import routes


@pytest.fixture
def exim(tmp_path):
    """A factory: exim(lines of its configuration, to=port, how=lines)."""
    if os.geteuid() != 0:
        pytest.skip("Exim is started by root only")
    if subprocess.run([APART, "true"],
                      stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no mount namespaces here")
    all_of_them = []

    def make(more="", **how):
        e = Exim(tmp_path / f"exim{len(all_of_them)}", more, **how)
        all_of_them.append(e)
        return e

    yield make
    for e in all_of_them:
        e.stop()


def certificate(folder):
    crt, key = Authority(folder).make("exim.test")
    key.chmod(0o644)
    return crt, key


TEXT = "Hello\r\n.\r\n..two\r\n" + "grå " * 200 + "\r\nend\r\n"


def test_mail_to_exim(impeld, exim):
    """One flight with BDAT; each recipient has its own answer; the bytes."""
    e = exim().start()
    d = impeld(routes(e.port) + "Retry_Interval = 3600\n")
    send(d.port, ["a@dest.test", "no@dest.test", "later@dest.test",
                  "b@dest.test"], body=TEXT, mail_options=["BODY=8BITMIME"])
    d.wait_records("D", 2)
    assert "550 nobody here" in "@".join(d.wait_records("P")[0])
    assert "451 not now" in "@".join(d.wait_records("T")[0])
    # the third is the report of what was refused
    got = wait_for(lambda: (m := [m for m in e.mails() if m[0]]) and
                   len(e.mails()) == 3 and len(m) == 2 and m)
    assert sorted(m[1] for m in got) == ["a@dest.test", "b@dest.test"]
    for m in got:
        assert m[2].endswith(b"\n\n" + TEXT.replace("\r", "").encode())
    assert " K " in e.log()  # by CHUNKING
    assert "protocol error" not in e.log()


def test_many_to_exim_over_one_connection(impeld, exim):
    e = exim("smtp_accept_max_per_connection = 100\n"
             "smtp_accept_queue_per_connection = 0\n").start()
    d = impeld(routes(e.port) + "Max_Outbound_Connections = 1\n")
    for i in range(20):
        send(d.port, f"r{i}@dest.test", body=f"number {i}\r\n")
    d.wait_records("D", 20)
    wait_for(lambda: len(e.mails()) == 20)
    assert not d.records("T") and "protocol error" not in e.log()


def test_tls_with_exim(impeld, exim, tmp_path):
    crt, key = certificate(tmp_path)
    e = exim(f"tls_advertise_hosts = *\ntls_certificate = {crt}\n"
             f"tls_privatekey = {key}\n").start()
    d = impeld(routes(e.port) + "TLS = required\nTLS_Verify = no\n")
    send(d.port, "a@dest.test", body=TEXT, mail_options=["BODY=8BITMIME"])
    d.wait_records("D")
    wait_for(lambda: e.mails())
    assert "X=TLS1.3" in e.log()


def test_exim_whose_handshake_fails(impeld, exim, tmp_path):
    """With what neither side shares; the mail goes in clear, as configured."""
    crt, key = certificate(tmp_path)
    e = exim(f"tls_advertise_hosts = *\ntls_certificate = {crt}\n"
             f"tls_privatekey = {key}\n"
             "tls_require_ciphers = NONE:+VERS-TLS1.2:+AES-256-GCM:+AEAD:"
             "+ECDHE-ECDSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL\n").start()
    d = impeld(routes(e.port) + 'TLS = ifavailable\nTLS_Verify = no\n'
               'TLS_Protocols = "+TLSv1.3"\n')
    send(d.port, "a@dest.test")
    d.wait_records("D")
    wait_for(lambda: e.mails())
    assert "X=TLS" not in e.log().partition("a@dest.test")[0].rpartition("<=")[2]


@pytest.mark.parametrize("how", [
    "", "hosts_try_chunking =", "hosts_avoid_pipelining = *",
    "hosts_avoid_esmtp = *"], ids=["bdat", "data", "lockstep", "helo"])
def test_mail_from_exim(impeld, exim, server, how):
    s = server()
    d = impeld(routes(s.port))
    e = exim(to=d.port, how=how)
    body = "Hello\n.\n..two\n" + "x" * 900 + "\nend\n"
    e.send(b"From: s@origin.test\nSubject: by Exim\n\n" + body.encode(),
           "a@dest.test", "b@dest.test")
    m = s.wait()[0]
    assert sorted(m.recipients) == ["a@dest.test", "b@dest.test"]
    assert m.body == body.replace("\n", "\r\n").encode()
    with_ = m.header("Received")[0]
    assert ("with SMTP " if "esmtp" in how else "with ESMTP ") in with_
    assert "=> a@dest.test" in e.log() and "Completed" in e.log()


def test_mail_from_exim_behind_tls(impeld, exim, server, tmp_path):
    crt, key = certificate(tmp_path)
    s = server()
    d = impeld("ESMTP_Listener {\n"
               '  Listen "127.0.0.1:@PORT@" { }\n'
               '  Relay_Hosts = ( "127.0.0.0/8" )\n'
               f'  TLS_Certificate = "{crt}"\n  TLS_Key = "{key}"\n'
               "}\n" + routes(s.port), listener=False)
    e = exim(to=d.port, how="hosts_require_tls = *\n  tls_verify_hosts =")
    e.send(b"From: s@origin.test\n\ntext\n", "a@dest.test")
    m = s.wait()[0]
    assert "with ESMTPS" in m.header("Received")[0]
    assert "X=TLS1.3" in e.log()
    assert ssl.HAS_TLSv1_3


def test_exim_hears_of_each_refusal(impeld, exim, server):
    s = server()
    d = impeld('ESMTP_Listener { Listen "127.0.0.1:@PORT@" { }\n'
               "Relay_Domains = ( dest.test ) }\n" + routes(s.port),
               listener=False)
    e = exim(to=d.port)
    e.send(b"From: s@origin.test\n\ntext\n", "a@dest.test", "b@else.test")
    assert s.wait()[0].recipients == ["a@dest.test"]
    wait_for(lambda: "** b@else.test" in e.log())
    assert "550 5.7.1 Relaying denied" in e.log()
