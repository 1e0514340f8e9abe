# SPDX-License-Identifier: Apache-2.0
"""Logins at hosts: by each mechanism, in TLS, and where they fail."""
import base64
import os
import subprocess

import pytest

from certificates import Authority
from daemon import IMPEL, wait_for
from dovecot import Submission
from peers import send

SECRET = "Tr0mbone-Zxqv"


def b64(text):
    return base64.b64encode(
        text if isinstance(text, bytes) else text.encode()).decode()


class Host:
    """answer() of a scripted server that wants a login: offers, and whom it
    takes."""

    def __init__(self, server, offer="PLAIN LOGIN", secret=SECRET, tls=None,
                 refuse="535 5.7.8 you said %s\r\n", early=False):
        self.said, self.refuse, self.asked = [], refuse, []
        self.want = b64(f"\0alice\0{secret}")
        self.user, self.secret = b64("alice"), b64(secret)
        self.step = ""
        self.server = server(extensions=("PIPELINING", "AUTH " + offer)
                             if offer else ("PIPELINING",),
                             answer=self.answer, tls=tls)

    def verdict(self, right, line):
        self.step = ""
        return "235 2.7.0 welcome\r\n" if right else \
            self.refuse.replace("%s", line)

    def answer(self, stage, line):
        line = line.strip().decode()
        if stage == "AUTH":
            self.said.append(line)
            words = line.split()
            if words[1] == "LOGIN":
                self.step = "user"
                return "334 VXNlcm5hbWU6\r\n"
            if len(words) == 2:
                self.step = "plain"
                return "334 \r\n"
            return self.verdict(words[2] == self.want, line)
        if self.step == "plain":
            return self.verdict(line == self.want, line)
        if self.step == "user":
            self.step = "secret" if line == self.user else "wrong"
            return "334 UGFzc3dvcmQ6\r\n"
        if self.step in ("secret", "wrong"):
            return self.verdict(
                self.step == "secret" and line == self.secret, line)
        return None


def login(port, more="", secret=SECRET, clear=True):
    return f"""
Routes = ( "smtp://127.0.0.1?port={port}" )
Retry_Interval = 1
Host_Failure_Retry = 1
Outbound_SMTP_Auth_User = alice
Outbound_SMTP_Auth_Pass = "{secret}"
{"Outbound_SMTP_Auth_Without_TLS = true" if clear else ""}
{more}
"""


def no_secret(d, *secrets):
    """Neither in a file of its own, nor in what the console says."""
    said = [d.stderr()]
    for words in (("config", "show"),
                  ("config", "eval", "outbound_smtp_auth_pass"),
                  ("config", "explain", "outbound_smtp_auth_pass"),
                  ("config", "eval", "domain", "dest.test",
                   "outbound_smtp_auth_pass"),
                  ("domain", "dest.test"), ("explain", "domain", "dest.test"),
                  ("show", "outbound"), ("override", "list")):
        p = subprocess.run([str(IMPEL), "-s", str(d.control), *words],
                           capture_output=True, text=True, timeout=30)
        said.append(p.stdout + p.stderr)
    for f in d.dir.rglob("*"):
        if f.is_file() and "spool" not in f.parts and f.name != "impel.conf":
            said.append(f.read_text(errors="replace"))
    for secret in secrets:
        for form in (secret, b64(secret), b64(f"\0alice\0{secret}")):
            assert not [s for s in said if form in s], form
    return said


def test_plain_and_login(impeld, server):
    for offer, first in (("PLAIN LOGIN", "AUTH PLAIN "), ("LOGIN",
                                                         "AUTH LOGIN")):
        h = Host(server, offer)
        d = impeld(login(h.server.port))
        trace = d.dir / "trace"
        d.ask("trace", "smtp", "add", "*", "*", trace)
        send(d.port, "to@dest.test")
        h.server.wait()
        assert h.said[0].startswith(first)
        wait_for(lambda: "AUTH" in trace.read_text())
        said = "\n".join(no_secret(d, SECRET))
        assert "(hidden)" in said


def test_type_and_scopes(impeld, server):
    """One mechanism where it is named, and none for another domain."""
    h = Host(server)
    d = impeld(login(h.server.port, "Outbound_SMTP_Auth_Type = LOGIN\n"
                     'Domain "free.test" { Outbound_SMTP_Auth_User = "" }\n'))
    send(d.port, "to@dest.test")
    h.server.wait()
    assert h.said == ["AUTH LOGIN"]
    send(d.port, "to@free.test")
    h.server.wait(2)
    # not over the connection that somebody has logged in on
    assert h.said == ["AUTH LOGIN"] and h.server.connections == 2


def test_secrets_by_file_and_environment(impeld, server, tmp_path,
                                         monkeypatch):
    h = Host(server)
    (tmp_path / "secret").write_text(SECRET + "\n")
    monkeypatch.setenv("HOST_SECRET", SECRET)
    for ref in (f"file:{tmp_path}/secret", "env:HOST_SECRET"):
        d = impeld(login(h.server.port, secret=ref))
        send(d.port, "to@dest.test")
        d.wait_records("D")
        no_secret(d, SECRET)
    d.conf.write_text(d.conf.read_text().replace("env:HOST", "env:NO"))
    assert "NO_SECRET" in d.ask("config", "reload", ok=False)


@pytest.mark.parametrize("refuse,code", [
    ("535 5.7.8 you said %s\r\n", "535 5.7.8"),
    ("454 4.7.0 not now, %s\r\n", "454 4.7.0"),
    ("500 what is %s?\r\n", "500"), ("421 4.3.2 bye\r\n", "421 4.3.2")])
def test_a_refusal_delays_and_nothing_bounces(impeld, server, refuse, code):
    h = Host(server, secret="another", refuse=refuse)
    d = impeld(login(h.server.port))
    send(d.port, "to@dest.test")
    wait_for(lambda: code in d.ask("explain", "domain", "dest.test"))
    wait_for(lambda: len(h.said) >= 2, 20, "a second try")
    assert not d.records("P") and not h.server.messages
    no_secret(d, SECRET)


def test_no_login_is_offered(impeld, server):
    h = Host(server, offer="")
    d = impeld(login(h.server.port))
    send(d.port, "to@dest.test")
    wait_for(lambda: "offers no mechanism" in
             d.ask("explain", "domain", "dest.test"))
    assert not h.server.messages


def test_a_user_without_a_secret(impeld, server):
    h = Host(server)
    d = impeld(login(h.server.port, secret=""))
    send(d.port, "to@dest.test")
    wait_for(lambda: "neither password nor token" in
             d.ask("explain", "domain", "dest.test"))
    assert not h.said and not h.server.messages


def test_never_in_clear(impeld, server, tmp_path):
    """Nor where TLS has failed; a host with TLS gets it inside."""
    h = Host(server)
    d = impeld(login(h.server.port, clear=False))
    send(d.port, "to@dest.test")
    wait_for(lambda: "TLS is not up" in
             d.ask("explain", "domain", "dest.test"))
    assert not h.said and not h.server.messages
    h = Host(server, tls="broken")
    d = impeld(login(h.server.port, "tls = ifavailable", clear=False))
    send(d.port, "to@dest.test")
    wait_for(lambda: "TLS is not up" in
             d.ask("explain", "domain", "dest.test"))
    assert not h.said and not h.server.messages
    h = Host(server, tls=Authority(tmp_path).context("mx.test"))
    d = impeld(login(h.server.port, "tls = required", clear=False))
    send(d.port, "to@dest.test")
    h.server.wait()
    assert h.said[0].startswith("AUTH PLAIN ")


def test_a_long_secret_waits_for_its_question(impeld, server):
    """RFC 4954 4: not with the command if that got longer than 512."""
    long = "x" * 500
    h = Host(server, secret=long)
    d = impeld(login(h.server.port, secret=long))
    send(d.port, "to@dest.test")
    h.server.wait()
    assert h.said == ["AUTH PLAIN"]


def test_tokens(impeld, server, tmp_path):
    token = tmp_path / "token"
    token.write_text("ya29.first\n")
    got, taken = [], "ya29.second"

    def answer(stage, line):
        if stage == "AUTH":
            words = line.split()
            text = base64.b64decode(words[2]).decode()
            got.append((words[1].decode(), text))
            return "235 ok\r\n" if taken in text else "334 " + b64(
                '{"status":"401"}') + "\r\n"
        if stage in ("", "AQ=="):
            return "535 5.7.8 no\r\n"
        return None

    for offer, want in (
            ("XOAUTH2 PLAIN", "user=alice\1auth=Bearer ya29.{}\1\1"),
            ("OAUTHBEARER XOAUTH2", "n,a=alice,\1host=127.0.0.1\1port={}\1"
             "auth=Bearer ya29.{}\1\1")):
        del got[:]
        token.write_text("ya29.first\n")
        s = server(extensions=("AUTH " + offer,), answer=answer)
        d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
Retry_Interval = 1
Host_Failure_Retry = 1
Outbound_SMTP_Auth_User = alice
Outbound_SMTP_Auth_Key_File = "{token}"
Outbound_SMTP_Auth_Without_TLS = true
""")
        send(d.port, "to@dest.test")
        wait_for(lambda: "535" in d.ask("explain", "domain", "dest.test"))
        token.write_text("ya29.second\n")  # read at each login
        s.wait()
        name = offer.split()[0]
        if name == "XOAUTH2":
            assert got[0] == (name, want.format("first"))
            assert got[-1] == (name, want.format("second"))
        else:
            assert got[-1] == (name, want.format(s.port, "second"))
        no_secret(d, "ya29.first", "ya29.second")


def users(path, *pairs):
    path.write_text("".join(
        subprocess.run([str(IMPEL), "password", name], input=secret + "\n",
                       capture_output=True, text=True, timeout=30).stdout
        for name, secret in pairs))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("kind", ["SCRAM-SHA-256", "PLAIN", "LOGIN", "auto"])
def test_impel_to_impel(impeld, server, tmp_path, kind):
    s = server()
    there = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
Auth_Password_File = "{users(tmp_path / 'users', ('alice', SECRET))}"
ESMTP_Listener {{
  Listen "127.0.0.1:@PORT@" {{ }}
  Enable_Authentication = true
  Auth_Without_TLS = loopback
  Auth_Required = true
}}
""", listener=False)
    here = impeld(login(there.port, f"Outbound_SMTP_Auth_Type = {kind}"))
    send(here.port, "to@dest.test")
    m = s.wait()[0]
    assert "with ESMTPA id" in m.header("Received")[0]
    want = "SCRAM-SHA-256" if kind == "auto" else kind
    wait_for(lambda: [line for line in there.log("paniclog")
                      if f" mechanism={want} " in line])
    no_secret(here, SECRET)
    no_secret(there, SECRET)


def test_a_reload_changes_the_login(impeld, server):
    """Connections with the one before are not used any more."""
    h = Host(server)
    d = impeld(login(h.server.port))
    send(d.port, "to@dest.test")
    h.server.wait()
    h.want = b64("\0alice\0another")
    d.conf.write_text(d.conf.read_text().replace(SECRET, "another"))
    d.ask("config", "reload")
    send(d.port, "to@dest.test")
    h.server.wait(2)
    assert len(h.said) == 2 and h.server.connections == 2


def test_a_server_that_proves_nothing(impeld, server):
    """It says yes to SCRAM without knowing the password."""
    def answer(stage, line):
        if stage == "AUTH":
            return "235 2.7.0 of course\r\n"
        return None

    s = server(extensions=("AUTH SCRAM-SHA-256",), answer=answer)
    d = impeld(login(s.port))
    send(d.port, "to@dest.test")
    wait_for(lambda: "has not proven" in
             d.ask("explain", "domain", "dest.test"))
    assert not s.messages


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
@pytest.mark.parametrize("kind", ["plain", "login", "scram-sha-256"])
def test_dovecot_submission(impeld, server, tmp_path, kind):
    s = server()
    there = Submission(tmp_path / "dovecot", {"alice": "10M"}, SECRET, s.port,
                       kind)
    try:
        d = impeld(login(there.port).replace(
            "User = alice", "User = alice@box.test"))
        send(d.port, "to@dest.test", sender="alice@box.test")
        m = s.wait()[0]
        assert m.recipients == ["to@dest.test"]
        d.wait_records("D")
        no_secret(d, SECRET)
        d.conf.write_text(d.conf.read_text().replace(SECRET, "wrong"))
        d.ask("config", "reload")
        send(d.port, "to@dest.test", sender="alice@box.test")
        wait_for(lambda: "535 5.7.8" in
                 d.ask("explain", "domain", "dest.test"))
    finally:
        there.stop()
