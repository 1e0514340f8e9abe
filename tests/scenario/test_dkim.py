# SPDX-License-Identifier: Apache-2.0
"""DKIM: what leaves is signed, and another implementation accepts it."""
import base64
import smtplib
import subprocess

import dkim
import pytest

from daemon import free_port, wait_for
from peers import send

RECORDS = {}  # names in DNS: what the verifier is told


def openssl(*words, stdin=None):
    return subprocess.run(["openssl", *map(str, words)], input=stdin,
                          check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """One of each kind, and a second RSA key; their records."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("rsa", "other"):
        openssl("genrsa", "-out", folder / f"{name}.key", "2048")
        RECORDS[name] = b"v=DKIM1; k=rsa; p=" + base64.b64encode(openssl(
            "rsa", "-in", folder / f"{name}.key", "-pubout", "-outform",
            "DER"))
    openssl("genpkey", "-algorithm", "ed25519", "-out", folder / "ed.key")
    der = openssl("pkey", "-in", folder / "ed.key", "-pubout", "-outform",
                  "DER")
    RECORDS["ed"] = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(der[-32:])
    return folder


def record(name, timeout=5):
    """SELECTOR._domainkey.DOMAIN.; selectors are named as the keys."""
    return RECORDS.get(name.decode().split(".")[0])


def verdicts(message):
    """Of each signature, the topmost first."""
    v = dkim.DKIM(message.data)
    return [v.verify(idx=i, dnsfunc=record)
            for i in range(len(message.header("DKIM-Signature")))]


def tags(field):
    pairs = (t.split("=", 1) for t in field.replace("\r\n", "").split(";")
             if "=" in t)
    return {k.strip(): "".join(v.split()) for k, v in pairs}


def signers(message):
    return [tags(f) for f in message.header("DKIM-Signature")]


def conf(s, keys, stanza, more=""):
    return f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
Retry_Interval = 600
Host_Failure_Retry = 1
{more}
opendkim "k" {{
  key = "{keys}/%{{s}}.key"
  {stanza}
}}
"""


ODD = ("A line with trailing space  \r\n\r\n..two dots\r\n.\r\n \t\r\ntext\t\t"
       "more\r\nlast without an end")


@pytest.mark.parametrize("form", ["simple", "relaxed"])
@pytest.mark.parametrize("kind", ["rsa", "ed"])
def test_signatures_are_accepted(impeld, server, keys, form, kind):
    s = server()
    digest = "ed25519-sha256" if kind == "ed" else "rsa-sha256"
    d = impeld(conf(s, keys, f"""
      header_canon = {form}
      body_canon = {form}
      digest = "{digest}"
      dkim_domain "origin.test" {{ selector = "{kind}" }}"""))
    bodies = ["Hello\r\n", "", "\r\n\r\n", "\r\n", ODD, "x" * 900 + "\r\n",
              ("many lines\r\n" * 30000)]  # a body in a file of its own
    for b in bodies:
        send(d.port, "a@dest.test", body=b,
             headers="X-Folded: one\r\n\ttwo   three \r\n")
    s.wait(len(bodies))
    for m in s.messages:
        assert verdicts(m) == [True]
        t = signers(m)[0]
        assert (t["d"], t["s"], t["a"], t["c"]) == \
            ("origin.test", kind, digest, f"{form}/{form}")
        assert m.header("Received") and m.data.startswith(b"DKIM-Signature:")
        assert t["h"].startswith("from:from:")
    assert f"impel_dkim_signatures_total {len(bodies)}\n" in d.ask("metrics")


def test_who_signs(impeld, server, keys):
    """By the domain in From; parents; a default key; scopes; conditions."""
    s = server()
    d = impeld(conf(s, keys, """
      body_canon = relaxed
      header_canon = relaxed
      selector = "rsa"
      key = "%s/%%{d}-%%{s}.key"
      dkim_domain "sub.origin.test" { base_domain = "origin.test"
                                      selector = "other"
                                      key = "%s/other.key" }
      dkim_domain "login.test" { key = "%s/rsa.key"
                                 sign_condition = auth_user }
""" % (keys, keys, keys), """
domain "plain.test" { opendkim_sign = no }
opendkim "second" {
  digest = "ed25519-sha256"
  key = "%s/ed.key"
  dkim_domain "Both.test" { selector = "ed" }
}
""" % keys))
    for name in ("default.test", "both.test"):
        (keys / f"{name}-rsa.key").write_bytes(
            (keys / "rsa.key").read_bytes())
    expected = {
        "a@default.test": ("b@dest.test", [("default.test", "rsa")]),
        "a@sub.origin.test": ("b@dest.test", [("origin.test", "other")]),
        "a@nobody.test": ("b@dest.test", []),
        "a@login.test": ("b@dest.test", []),
        "a@both.test": ("b@dest.test", [("both.test", "ed"),
                                        ("both.test", "rsa")]),
        "b@default.test": ("b@plain.test", []),
    }
    for sender, (to, _) in expected.items():
        send(d.port, to, sender=sender)
    s.wait(len(expected))
    for m in s.messages:
        want = expected[m.header("From")[0]][1]
        assert [(t["d"], t["s"]) for t in signers(m)] == want
        assert verdicts(m) == [True] * len(want)


def test_a_key_that_is_missing(impeld, server, keys, tmp_path):
    """Mail of a domain that is to be signed waits for its key, and says so."""
    s = server()
    key = tmp_path / "late.key"
    d = impeld(conf(s, keys, f"""
      key = "{key}"
      dkim_domain "origin.test" {{ selector = "rsa" }}"""))
    assert f"{key}: No such file" in d.stderr() or \
        any(f"{key}: No such" in line for line in d.log("paniclog"))
    send(d.port, "a@dest.test")
    row = d.wait_records("T")[0]
    assert "451 4.7.5 [internal] cannot sign: " + str(key) in "@".join(row)
    assert not s.messages
    key.write_bytes((keys / "rsa.key").read_bytes())
    d.ask("config", "reload")
    d.ask("flush", "domain", "dest.test")
    s.wait(1)
    assert verdicts(s.messages[0]) == [True]


def test_bad_keys_and_stanzas_are_told(impeld, server, keys, tmp_path):
    s = server()
    bad = tmp_path / "bad.key"
    bad.write_text("no key")
    d = impeld(conf(s, keys, f"""
      digest = "rsa-sha1"
      key = "{bad}"
      dkim_domain "origin.test" {{ selector = "rsa" }}"""), start=False)
    said = d.check()
    assert said.returncode == 0
    assert "mail from origin.test would wait" in said.stdout + said.stderr
    assert "rsa-sha1" in said.stdout + said.stderr
    d.write(d.conf.read_text().replace('{ selector = "rsa" }', "{ }"))
    said = d.check()
    assert said.returncode != 0
    assert "needs a selector and a key" in said.stdout + said.stderr


def test_after_a_restart_and_in_seven_bits(impeld, server, keys):
    """Sums made while mail came in outlive a restart; what is re-encoded for
    a host without 8BITMIME is signed as it is sent."""
    port = free_port()
    c = conf(type("S", (), {"port": port}), keys, """
      body_canon = relaxed
      dkim_domain "origin.test" { selector = "rsa" }""")
    d = impeld(c)
    text = "From: a@origin.test\r\nTo: b@dest.test\r\nSubject: x\r\n" \
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
        "Content-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe\r\n"
    for to in ("b@dest.test", "b@seven.test"):
        with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as peer:
            peer.sendmail("a@origin.test", [to], text.encode(),
                          ["BODY=8BITMIME"])
    d.terminate()
    plain = server(port=port, extensions=())
    d.start()
    d.wait_read()
    d.ask("flush", "domain", "all")
    plain.wait(2)
    for m in plain.messages:
        assert max(m.data) < 128
        assert verdicts(m) == [True]


def test_relay_goes_on_while_keys_change(impeld, server, keys, tmp_path):
    """A key that is replaced is used without a reload."""
    s = server()
    key = tmp_path / "turn.key"
    key.write_bytes((keys / "rsa.key").read_bytes())
    d = impeld(conf(s, keys, f"""
      key = "{key}"
      pos_keycache_ttl = 0
      dkim_domain "origin.test" {{ selector = "rsa" }}"""))
    send(d.port, "a@dest.test")
    s.wait(1)
    key.write_bytes((keys / "other.key").read_bytes())
    send(d.port, "a@dest.test")
    s.wait(2)
    assert verdicts(s.messages[0]) == [True]
    assert verdicts(s.messages[1]) == [False]
    RECORDS["rsa"], kept = RECORDS["other"], RECORDS["rsa"]
    try:
        assert verdicts(s.messages[1]) == [True]
    finally:
        RECORDS["rsa"] = kept
