# SPDX-License-Identifier: Apache-2.0
"""nodemailer as a client: what many applications send their mail with."""
import base64
import email
import email.policy
import json
import pathlib
import subprocess
import time

import nacl.signing
import pytest

from certificates import Authority
from daemon import IMPEL, free_port, wait_for

SUBMIT = pathlib.Path(__file__).parent / "submit.js"
SECRET = "Tr0mbone-Zxqv"


def submit(port, messages, **transport):
    """Send them, and say what became of each."""
    what = {"transport": {"host": "127.0.0.1", "port": port,
                          "ignoreTLS": "tls" not in transport, **transport},
            "messages": messages}
    p = subprocess.run(["node", str(SUBMIT)], input=json.dumps(what),
                       capture_output=True, text=True, timeout=120)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


def mail(to="to@dest.test", **more):
    return {"from": "from@origin.test", "to": to, "subject": "test",
            "text": "text\n.dot\n..two\n", **more}


def oauth(token):
    return {"type": "OAuth2", "user": "alice", "accessToken": token}


def took(result):
    return result.get("response", str(result)).startswith("250 ")


def read(m):
    return email.message_from_bytes(m.data, policy=email.policy.SMTP)


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def key():
    return nacl.signing.SigningKey.generate()


@pytest.fixture
def world(impeld, server, ca, key, tmp_path):
    """(daemon, server, port): port is of a listener that wants TLS and a login;
    d.port of one that wants neither."""
    s, port = server(), free_port()
    crt, _ = ca.make("mx.test")
    p = subprocess.run([str(IMPEL), "password", "alice"], input=SECRET + "\n",
                       capture_output=True, text=True, timeout=30, check=True)
    users, keys = tmp_path / "users", tmp_path / "keys"
    users.write_text(p.stdout)
    users.chmod(0o600)
    keys.write_text(json.dumps({"keys": [{
        "kty": "OKP", "crv": "Ed25519", "x": b64url(bytes(key.verify_key))}]}))
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
ESMTP_Listener {{
  Relay_Hosts = ( "127.0.0.0/8" )
  Listen "127.0.0.1:@PORT@" {{ }}
  Listen "127.0.0.1:{port}" {{
    Relay_Hosts = ( )
    tls_certificate = "{crt}"
    Enable_Authentication = true
    Auth_Required = true
    Auth_Failure_Delay = 0
    Auth_Password_File = "{users}"
    Auth_Token_Keys = "{keys}"
    Auth_Token_Issuer = "https://id.test"
    Auth_Token_Audience = "mail"
  }}
}}
""", listener=False)
    return d, s, port


def b64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def token(key, **claims):
    claims = {"iss": "https://id.test", "aud": "mail", "email": "alice",
              "exp": int(time.time()) + 600, **claims}
    words = b64url(b'{"alg":"EdDSA"}') + "." + \
        b64url(json.dumps(claims).encode())
    return words + "." + b64url(key.sign(words.encode()).signature)


def behind_tls(ca):
    return {"requireTLS": True,
            "tls": {"ca": ca.crt.read_text(), "servername": "mx.test"}}


def test_plain(world):
    d, s, _ = world
    assert took(submit(d.port, [mail()])[0])
    m = s.wait()[0]
    assert read(m).get_content() == "text\r\n.dot\r\n..two\r\n"
    assert m.sender == "from@origin.test"
    assert "with ESMTP id" in m.header("Received")[0]


def test_a_pool_and_one_that_is_refused(world):
    """Many messages by few sessions; one recipient of each is no address."""
    d, s, _ = world
    got = submit(d.port, [mail([f"a{i}@dest.test", f"b{i}@-.test-"])
                          for i in range(60)],
                 pool=True, maxConnections=3, maxMessages=10)
    assert all(took(r) for r in got), got
    assert [r["rejected"] for r in got] == [[f"b{i}@-.test-"]
                                            for i in range(60)]
    s.wait(60)
    assert sorted(r for m in s.messages for r in m.recipients) == \
        sorted(f"a{i}@dest.test" for i in range(60))


def test_large(world):
    d, s, _ = world
    size = 12 << 20
    assert took(submit(d.port, [mail(fill=size)])[0])
    part = list(read(s.wait(timeout=60)[0]).iter_attachments())[0]
    assert part.get_content() == b"\x5a" * size


def test_a_size_that_is_too_large(world):
    """It declares none, so it hears it at the end."""
    d, s, _ = world
    d.write(d.conf.read_text().replace(
        "Relay_Hosts = ( \"", "Max_Message_Size = 10000\n  Relay_Hosts = ( \""))
    d.ask("config", "reload")
    assert submit(d.port, [mail(fill=20000)])[0]["code"] == 552


def test_smtputf8(world):
    d, s, _ = world
    got = submit(d.port, [mail("j\u00f6rg@d\u00e9st.test", subject="gr\u00fc\u00df",
                               text="gr\u00fc\u00df")])
    assert took(got[0])
    m = s.wait()[0]
    assert m.recipients[0].startswith("j\u00f6rg@")
    assert any(b"SMTPUTF8" in line for line in s.lines)
    assert read(m).get_content().strip() == "gr\u00fc\u00df"
    assert "with UTF8SMTP" in str(m.header("Received")[0])


def test_dsn(world):
    d, s, _ = world
    dsn = {"id": "an id", "return": "headers", "notify": ["success", "failure"],
           "recipient": "first@else.test"}
    assert took(submit(d.port, [mail(dsn=dsn)])[0])
    s.wait()
    said = b" ".join(s.lines)
    assert b"RET=HDRS" in said and b"ENVID=an+20id" in said
    assert b"NOTIFY=SUCCESS,FAILURE" in said
    assert b"ORCPT=rfc822;first@else.test" in said


def test_tls_and_each_login(world, ca, key):
    d, s, port = world
    logins = [({"user": "alice", "pass": SECRET}, method)
              for method in ("PLAIN", "LOGIN")]
    logins += [(oauth(token(key)), "XOAUTH2")]
    for n, (auth, method) in enumerate(logins):
        got = submit(port, [mail()], auth=auth, authMethod=method,
                     **behind_tls(ca))
        assert took(got[0]), (method, got)
        m = s.wait(n + 1)[n]
        assert "with ESMTPSA" in m.header("Received")[0]
    assert [line.split("mechanism=")[1].split()[0]
            for line in d.log("paniclog") if " login " in line] == \
        ["PLAIN", "LOGIN", "XOAUTH2"]


def test_logins_that_fail(world, ca, key):
    d, s, port = world
    for auth in ({"user": "alice", "pass": "no"}, oauth(token(key, aud="web"))):
        got = submit(port, [mail()], auth=auth, **behind_tls(ca))
        assert got[0]["error"] == "EAUTH" and got[0]["code"] == 535, got
    # without a login, and with a certificate that it does not know
    assert submit(port, [mail()], **behind_tls(ca))[0]["code"] == 530
    got = submit(port, [mail()], requireTLS=True, tls={"servername": "mx.test"})
    assert got[0]["error"] in ("ESOCKET", "ETLS"), got
    assert wait_for(lambda: d.queued() == 0) and not s.messages


def test_tls_from_the_start(impeld, server, ca):
    s = server()
    crt, _ = ca.make("mx.test")
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
tls_certificate = "{crt}"
ESMTP_Listener {{
  Relay_Hosts = ( "127.0.0.0/8" )
  Listen "127.0.0.1:@PORT@" {{ use_ssl = true }}
}}
""", listener=False)
    assert took(submit(d.port, [mail()], secure=True,
                       tls=behind_tls(ca)["tls"])[0])
    assert "with ESMTPS" in s.wait()[0].header("Received")[0]
