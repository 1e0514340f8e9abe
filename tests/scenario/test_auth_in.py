# SPDX-License-Identifier: Apache-2.0
"""Logins at a listener: with real clients, and against those that guess."""
import base64
import hashlib
import hmac
import json
import os
import re
import smtplib
import socket
import struct
import subprocess
import time

import nacl.signing
import pytest

from certificates import Authority
from daemon import IMPEL, wait_for
from peers import send
from test_listener import Client

SECRET = "Tr0mbone-Zxqv"

def line_of(name, password=SECRET):
    """What `impel password` prints."""
    p = subprocess.run([str(IMPEL), "password", name], input=password + "\n",
                       capture_output=True, text=True, timeout=30)
    assert p.returncode == 0, p.stderr
    return p.stdout


@pytest.fixture(scope="module")
def users():
    return line_of("alice") + line_of("bob@dest.test", "other")


@pytest.fixture
def submission(impeld, server, users, tmp_path):
    """(daemon, server): who has logged in may send anywhere."""
    s = server()
    path = tmp_path / "users"
    path.write_text(users)
    path.chmod(0o600)

    def make(more="", inside="Auth_Failure_Delay = 0"):
        return impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
Auth_Password_File = "{path}"
ESMTP_Listener {{
  Listen "127.0.0.1:@PORT@" {{ }}
  Enable_Authentication = true
  Auth_Without_TLS = loopback
  {inside}
}}
""" + more, listener=False), s, path
    return make


def b64(text):
    return base64.b64encode(
        text if isinstance(text, bytes) else text.encode())


def plain(user="alice", password=SECRET):
    return b64(f"\0{user}\0{password}")


def hello(d):
    c = Client(d.port)
    c.say(b"EHLO client.test\r\n")
    return c, [line[4:] for line in c.reply()[1]]


def logged(d, event, count=1):
    """The lines about that event."""
    return wait_for(lambda: (r := [x for x in d.log("paniclog")
                                   if f" {event} " in x]) and
                    len(r) >= count and r)


def no_secret(d, *secrets):
    """In none of its files, and nothing that the console says."""
    said = [d.ask("config", "show"), d.stderr()]
    for f in d.dir.rglob("*"):
        if f.is_file() and "spool" not in f.parts and f.name != "impel.conf":
            said.append(f.read_text(errors="replace"))
    for secret in secrets:
        for form in (secret, b64(secret).decode(), plain().decode()):
            assert not [s for s in said if form in s], form


def test_smtplib_logs_in_and_may_relay(submission):
    d, s, _ = submission()
    with smtplib.SMTP("127.0.0.1", d.port, "me.test") as c:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            c.sendmail("a@origin.test", "c@far.test", "Subject: x\r\n\r\nx\r\n")
        c.rset()
        c.login("alice", SECRET)
        c.sendmail("a@origin.test", "c@far.test", "Subject: x\r\n\r\nx\r\n")
    m = s.wait()[0]
    assert "with ESMTPA id" in m.header("Received")[0]
    d.wait_empty()
    assert 'user="alice"' in logged(d, "login")[0]
    no_secret(d, SECRET)


def test_what_is_offered(submission):
    d, _, path = submission()
    c, lines = hello(d)
    assert b"AUTH SCRAM-SHA-256 PLAIN LOGIN" in lines
    path.write_text(path.read_text().split(" SCRAM")[0] + "\n")
    d.ask("config", "reload")
    c, lines = hello(d)
    assert b"AUTH PLAIN LOGIN" in lines
    assert c.do(b"AUTH SCRAM-SHA-256 " + b64("n,,n=alice,r=abc")) == 504
    assert c.do(b"AUTH CRAM-MD5") == 504


def test_nothing_is_offered_in_clear(submission):
    d, _, _ = submission(inside="Auth_Without_TLS = no")
    c, lines = hello(d)
    assert not [line for line in lines if line.startswith(b"AUTH")]
    assert c.do(b"AUTH PLAIN " + plain()) == 502


def test_smtp_extensions_choose(submission):
    d, _, _ = submission(
        inside='SMTP_Extensions = ( "PIPELINING" "AUTH LOGIN" )')
    c, lines = hello(d)
    assert b"AUTH LOGIN" in lines
    assert c.do(b"AUTH PLAIN " + plain()) == 504
    assert c.do(b"AUTH LOGIN") == 334
    assert c.do(b64("alice")) == 334
    assert c.do(b64(SECRET)) == 235


def test_order_of_commands(submission):
    d, _, _ = submission(inside="Auth_Failure_Delay = 0\nAuth_Required = true\n"
                         "Auth_Max_Failures = 0")
    c, _ = hello(d)
    assert c.do(b"MAIL FROM:<a@b.test>") == 530
    assert c.do(b"AUTH") == 501
    assert c.do(b"AUTH PLAIN " + plain() + b" x") == 501
    assert c.do(b"AUTH PLAIN !!!") == 535
    assert c.do(b"AUTH PLAIN") == 334
    assert c.do(b"*") == 501
    assert c.do(b"AUTH PLAIN") == 334
    assert c.do(plain()) == 235
    assert c.do(b"AUTH PLAIN " + plain()) == 503
    assert c.do(b"MAIL FROM:<a@b.test> AUTH=<>") == 250
    assert c.do(b"AUTH PLAIN") == 503
    c, _ = hello(d)
    # a message is open: not amid it
    c.say(b"AUTH PLAIN\r\n" + plain() + b"\r\nMAIL FROM:<a@b.test>\r\n")
    assert [c.reply()[0] for _ in range(3)] == [334, 235, 250]


def test_mail_before_a_login_is_closed_to_it(submission):
    d, _, _ = submission()
    c, _ = hello(d)
    assert c.do(b"MAIL FROM:<a@b.test> AUTH=<>") == 250
    assert c.do(b"AUTH PLAIN " + plain()) == 503


def test_long_lines(submission):
    d, _, _ = submission()
    c, _ = hello(d)
    long = plain("alice", "x" * 6000)
    assert c.do(b"AUTH PLAIN " + long) == 535
    c, _ = hello(d)
    assert c.do(b"AUTH PLAIN " + b"A" * 20000) == 500
    assert c.do(b"NOOP") == 250
    assert c.do(b"AUTH PLAIN") == 334
    assert c.do(b"A" * 20000) == 500
    assert c.do(b"NOOP") == 250


def scram(c, user, password, name=b"SCRAM-SHA-256"):
    """The client's half, by RFC 5802: (code, the server proved itself)."""
    nonce = b64(os.urandom(12))
    first = b"n=" + user.encode() + b",r=" + nonce
    c.say(b"AUTH " + name + b" " + b64(b"n,," + first) + b"\r\n")
    code, lines = c.reply()
    if code != 334:
        return code, False
    answer = base64.b64decode(lines[0][4:])
    at = dict(p.split(b"=", 1) for p in answer.split(b","))
    assert at[b"r"].startswith(nonce)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(),
                                 base64.b64decode(at[b"s"]), int(at[b"i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    last = b"c=biws,r=" + at[b"r"]
    words = first + b"," + answer + b"," + last
    sign = hmac.digest(hashlib.sha256(key).digest(), words, "sha256")
    proof = bytes(a ^ b for a, b in zip(key, sign))
    c.say(b64(last + b",p=" + b64(proof)) + b"\r\n")
    code, lines = c.reply()
    if code != 334:
        return code, False
    server = hmac.digest(salted, b"Server Key", "sha256")
    want = b"v=" + b64(hmac.digest(server, words, "sha256"))
    proven = base64.b64decode(lines[0][4:]) == want
    return c.do(b""), proven


def test_scram(submission):
    d, _, _ = submission(inside="Auth_Failure_Delay = 0\nAuth_Max_Failures = 0")
    c, _ = hello(d)
    assert scram(c, "alice", SECRET + "x") == (535, False)
    assert scram(c, "nobody", SECRET) == (535, False)
    assert scram(c, "alice", SECRET) == (235, True)


def test_swaks(submission):
    d, s, _ = submission()
    for kind in ("PLAIN", "LOGIN"):
        p = subprocess.run(
            ["swaks", "--server", "127.0.0.1", "--port", str(d.port), "--to",
             "c@far.test", "--from", "a@origin.test", "--auth", kind,
             "--auth-user", "alice", "--auth-password", SECRET],
            capture_output=True, text=True, timeout=30)
        assert p.returncode == 0, p.stdout + p.stderr
    s.wait(2)


def test_curl(submission, tmp_path):
    d, s, _ = submission()
    (tmp_path / "mail").write_text("Subject: x\r\n\r\nx\r\n")
    for kind in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        p = subprocess.run(
            ["curl", "-sS", f"smtp://127.0.0.1:{d.port}", "--mail-from",
             "a@origin.test", "--mail-rcpt", "c@far.test", "-T",
             str(tmp_path / "mail"), "-u", f"alice:{SECRET}",
             "--login-options", f"AUTH={kind}"],
            capture_output=True, text=True, timeout=30)
        if kind.startswith("SCRAM") and p.returncode in (2, 4, 67):
            continue  # Debian's is built without
        assert p.returncode == 0, (kind, p.stderr)
    s.wait(2)


def test_msmtp(submission):
    d, s, _ = submission()
    for kind in ("plain", "login", "scram-sha-256"):
        p = subprocess.run(
            ["msmtp", "--file=/dev/null", "--host=127.0.0.1",
             f"--port={d.port}", f"--auth={kind}", "--user=alice",
             f"--passwordeval=echo {SECRET}", "--from=a@origin.test",
             "c@far.test"],
            input="Subject: x\n\nx\n", capture_output=True, text=True,
            timeout=30)
        assert p.returncode == 0, (kind, p.stderr)
    s.wait(3)


def test_guessing_ends_the_session_and_then_the_address(submission):
    d, _, _ = submission(inside="Auth_Failure_Delay = 0\n"
                         'Auth_Max_Failures = 2\nAuth_Failure_Rate = "4/600"')
    for _ in range(2):
        c, _ = hello(d)
        assert c.do(b"AUTH PLAIN " + plain("alice", "no")) == 535
        assert c.do(b"AUTH PLAIN " + plain("nobody", "no")) == 421
        assert c.reply()[0] == 0
    # with the right one, too: it is not looked at
    c, _ = hello(d)
    assert c.do(b"AUTH PLAIN " + plain()) == 454
    assert c.do(b"AUTH LOGIN") == 454
    said = logged(d, "login-failed", 4)
    assert len(said) == 4 and 'user="alice"' in said[0]
    assert 'user=""' in said[1]  # what is no user may be a password
    no_secret(d, SECRET)


def test_failures_take_their_time_whoever_it_was(submission):
    d, _, _ = submission(inside="Auth_Failure_Delay = 800ms\n"
                         "Auth_Max_Failures = 0")
    c, _ = hello(d)
    took = []
    for line in (plain("alice", "no"), plain("nobody", "no"), b"!!!"):
        begun = time.monotonic()
        assert c.do(b"AUTH PLAIN " + line) == 535
        took.append(time.monotonic() - begun)
    assert min(took) > 0.75 and max(took) < 5


def leave_amid(d, gone=False):
    """Three sessions that are closed, or reset, before they hear anything."""
    for words, code in ((plain("alice", "no"), None), (plain(), None),
                        (None, 334)):
        c, _ = hello(d)
        if gone:
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                           struct.pack("ii", 1, 0))
        with c:
            if words:
                c.say(b"AUTH PLAIN " + words + b"\r\n")
            else:
                assert c.do(b"AUTH LOGIN") == code


def test_a_session_that_goes_amid_a_login(submission):
    d, _, _ = submission(inside="Auth_Failure_Delay = 30")
    for _ in range(5):
        leave_amid(d, gone=True)
    wait_for(lambda: not d.ask("show", "inbound").strip())
    if os.environ.get("IMPEL_LONG"):
        leave_amid(d)  # they could hear it still: for ten seconds
        wait_for(lambda: not d.ask("show", "inbound").strip())
    # and one that is amid it when the daemon stops
    c, _ = hello(d)
    assert c.do(b"AUTH LOGIN") == 334
    late, _ = hello(d)
    late.say(b"AUTH PLAIN " + plain("alice", "no") + b"\r\n")
    wait_for(lambda: "login-failed" in "".join(d.log("paniclog")))
    begun = time.monotonic()
    d.terminate()
    assert time.monotonic() - begun < 10


def test_the_file_is_read_in_a_reload(submission):
    d, _, path = submission()
    path.write_text(line_of("carol"))
    c, _ = hello(d)
    assert c.do(b"AUTH PLAIN " + plain("carol")) == 535
    d.ask("config", "reload")
    c, _ = hello(d)
    assert c.do(b"AUTH PLAIN " + plain("carol")) == 235
    c, _ = hello(d)
    assert c.do(b"AUTH PLAIN " + plain()) == 535
    path.write_text("carol:$1$abc$xyz\n")
    said = d.ask("config", "reload", ok=False)
    assert "line 1" in said
    c, _ = hello(d)
    assert c.do(b"AUTH PLAIN " + plain("carol")) == 235


def test_xclient_forgets_a_login(submission):
    d, _, _ = submission(inside='Auth_Failure_Delay = 0\n'
                         'Trusted_Peers = ( "127.0.0.0/8" )')
    c, _ = hello(d)
    assert c.do(b"AUTH PLAIN " + plain()) == 235
    assert c.do(b"XCLIENT ADDR=127.0.0.9") == 220
    c.do(b"EHLO x.test")
    c.do(b"MAIL FROM:<a@b.test>")
    assert c.do(b"RCPT TO:<c@far.test>") == 550


def test_password_command():
    p = subprocess.run([str(IMPEL), "password", "a b"], input="x\n",
                       capture_output=True, text=True, timeout=30)
    assert p.returncode == 2 and "name" in p.stderr
    p = subprocess.run([str(IMPEL), "password", "a"], input="\n",
                       capture_output=True, text=True, timeout=30)
    assert p.returncode == 2 and "password" in p.stderr
    line = line_of("dave", SECRET)
    assert line.startswith("dave:$y$") and SECRET not in line


def test_behind_tls(impeld, server, users, tmp_path):
    """Nothing before STARTTLS; -PLUS between two of ours; then forgotten."""
    s = server()
    ca = Authority(tmp_path)
    crt, _ = ca.make("mx.test")
    path = tmp_path / "users"
    path.write_text(users)
    path.chmod(0o600)
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
ESMTP_Listener {{
  tls_certificate = "{crt}"
  Auth_Password_File = "{path}"
  Listen "127.0.0.1:@PORT@" {{ }}
  Enable_Authentication = true
  Auth_Required = true
}}
""", listener=False)
    c, lines = hello(d)
    assert not [line for line in lines if line.startswith(b"AUTH")]
    with smtplib.SMTP("127.0.0.1", d.port, "me.test") as c:
        c.starttls()
        c.login("alice", SECRET)
        c.sendmail("a@origin.test", "c@far.test", "Subject: x\r\n\r\nx\r\n")
    assert " with ESMTPSA" in s.wait()[0].header("Received")[0]
    here = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={d.port}" )
tls = required
Outbound_SMTP_Auth_User = alice
Outbound_SMTP_Auth_Pass = "{SECRET}"
""")
    send(here.port, "to@dest.test")
    s.wait(2)
    assert "mechanism=SCRAM-SHA-256-PLUS " in logged(d, "login", 2)[1]
    no_secret(d, SECRET)
    no_secret(here, SECRET)


def test_starttls_forgets_a_login(impeld, server, users, tmp_path):
    s = server()
    crt, _ = Authority(tmp_path).make("mx.test")
    path = tmp_path / "users"
    path.write_text(users)
    path.chmod(0o600)
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
ESMTP_Listener {{
  tls_certificate = "{crt}"
  Auth_Password_File = "{path}"
  Listen "127.0.0.1:@PORT@" {{ }}
  Enable_Authentication = true
  Auth_Without_TLS = loopback
}}
""", listener=False)
    with smtplib.SMTP("127.0.0.1", d.port, "me.test") as c:
        c.login("alice", SECRET)
        c.starttls()
        c.ehlo()
        c.mail("a@b.test")
        assert c.rcpt("c@far.test")[0] == 550


def test_tokens(submission, tmp_path):
    """Signed here with Ed25519, as an issuer would."""
    key = nacl.signing.SigningKey.generate()

    def b64url(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def token(**claims):
        claims = {"iss": "https://id.test", "aud": "mail", "email": "alice",
                  "exp": int(time.time()) + 600, **claims}
        words = b64url(b'{"alg":"EdDSA"}') + "." + \
            b64url(json.dumps(claims).encode())
        return words + "." + b64url(key.sign(words.encode()).signature)

    keys = tmp_path / "keys"
    keys.write_text(json.dumps({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "x": b64url(bytes(key.verify_key))}]}))
    d, _, _ = submission(inside=f"""
  Auth_Failure_Delay = 0
  Auth_Max_Failures = 0
  Auth_Failure_Rate = 0
  Auth_Token_Keys = "{keys}"
  Auth_Token_Issuer = "https://id.test"
  Auth_Token_Audience = "mail"
""")
    good = token()
    for user, words, right in (
            ("alice", good, True), ("bob@dest.test", good, False),
            ("alice", good[:-4] + "AAAA", False),
            ("alice", token(aud="web"), False),
            ("alice", token(exp=int(time.time()) - 600), False)):
        for name, first, why, then in (
                ("XOAUTH2", f"user={user}\1auth=Bearer {words}\1\1",
                 {"status": "401", "schemes": "bearer"}, b""),
                ("OAUTHBEARER", f"n,a={user},\1auth=Bearer {words}\1\1",
                 {"status": "invalid_token"}, b64("\1"))):
            c, lines = hello(d)
            assert b"AUTH SCRAM-SHA-256 OAUTHBEARER XOAUTH2 PLAIN LOGIN" \
                in lines
            c.say(b"AUTH " + name.encode() + b" " + b64(first) + b"\r\n")
            code, said = c.reply()
            if right:
                assert code == 235
                continue
            # RFC 7628 3.2.2: it is told why, and has to say that it is well
            assert code == 334 and json.loads(
                base64.b64decode(said[0][4:])) == why
            assert c.do(then) == 535
            assert c.do(b"MAIL FROM:<a@origin.test>") == 250
            assert c.do(b"RCPT TO:<c@far.test>") == 550
    no_secret(d, good)


def test_a_token_that_was_refused_is_refused_once(submission, tmp_path):
    """Whatever follows the reasons: a failure, counted, and never a login."""
    (tmp_path / "keys").write_text(
        '{"keys":[{"kty":"OKP","crv":"Ed25519",'
        '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}')
    d, _, _ = submission(inside=f"""
  Auth_Failure_Delay = 0
  Auth_Max_Failures = 3
  Auth_Token_Keys = "{tmp_path}/keys"
  Auth_Token_Issuer = "i"
  Auth_Token_Audience = "a"
""")
    first = b"AUTH XOAUTH2 " + b64("user=alice\1auth=Bearer x.y.z\1\1")
    c, _ = hello(d)
    assert c.do(first) == 334
    assert c.do(b"*") == 501  # RFC 4954 4
    assert c.do(first) == 334
    assert c.do(plain()) == 535  # no second try in the same exchange
    assert c.do(first) == 334
    assert c.do(b64("user=alice\1auth=Bearer x.y.z\1\1")) == 421
    assert len(logged(d, "login-failed", 3)) == 3
    c, _ = hello(d)
    assert c.do(first) == 334
    c.s.close()  # who leaves has failed all the same
    assert len(logged(d, "login-failed", 4)) == 4


def test_failures_are_in_the_rejectlog(submission):
    """As other refusals are, each once; without what was typed."""
    d, _, _ = submission(inside="Auth_Failure_Delay = 0 Auth_Max_Failures = 2")
    c, _ = hello(d)
    assert c.do(b"AUTH PLAIN " + plain(password="guessed")) == 535
    assert c.do(b"AUTH NONE") == 504
    assert c.do(b"AUTH PLAIN " + plain(password="guessed")) == 421
    rows = wait_for(lambda: len(d.log("rejectlog")) == 3 and d.log("rejectlog"))
    assert [re.search(r'P="(\w+)" E=(\d+)', r).groups() for r in rows] == \
        [("auth", "535"), ("auth", "504"), ("auth", "421")]
    assert int(d.summary()["RejectedMessages"]) == 3
    no_secret(d, "guessed")


def test_curl_brings_a_token_that_is_none(submission, tmp_path):
    (tmp_path / "keys").write_text(
        '{"keys":[{"kty":"OKP","crv":"Ed25519",'
        '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}')
    (tmp_path / "mail").write_text("Subject: x\r\n\r\nx\r\n")
    d, _, _ = submission(inside=f"""
  Auth_Failure_Delay = 0
  Auth_Token_Keys = "{tmp_path}/keys"
  Auth_Token_Issuer = "i"
  Auth_Token_Audience = "a"
""")
    p = subprocess.run(
        ["curl", "-sS", f"smtp://127.0.0.1:{d.port}", "--mail-from",
         "a@origin.test", "--mail-rcpt", "c@far.test", "-T",
         str(tmp_path / "mail"), "-u", "alice:", "--oauth2-bearer", "abc"],
        capture_output=True, text=True, timeout=30)
    assert p.returncode == 67, p.stderr
