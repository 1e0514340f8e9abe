# SPDX-License-Identifier: Apache-2.0
"""The listener's TLS as others see it: gnutls-cli-debug, swaks, curl, openssl,
and Postfix as a client."""
import re
import shutil
import subprocess

import pytest

from daemon import wait_for
from peers import send
from test_postfix import postfix  # noqa: F401  (a fixture)
from test_tls_in import ca, relay  # noqa: F401  (fixtures)


def run(*words, **more):
    return subprocess.run([str(w) for w in words], capture_output=True,
                          text=True, timeout=60, **more)


# What gnutls-cli-debug finds, and docs/smtp.md explains: label, answer.
FINDINGS = [
    ("%NO_EXTENSIONS is required", "no"), ("%COMPAT is required", "no"),
    ("%ALLOW_SMALL_RECORDS is required", "no"),
    ("TLS 1.0 (RFC2246) support", "yes"), ("TLS 1.1 (RFC4346) support", "yes"),
    ("TLS 1.2 (RFC5246) support", "yes"), ("TLS 1.3 (RFC8446) support", "yes"),
    ("inappropriate fallback (RFC7507) support", "yes"),
    ("certificate chain order", "sorted"),
    ("safe renegotiation (RFC5746) support", "yes"),
    ("encrypt-then-MAC (RFC7366) support", "yes"),
    ("ext master secret (RFC7627) support", "yes"),
    ("heartbeat (RFC6520) support", "no"),
    ("version rollback bug in Client Hello", "no"),
    ("understands TLS closure alerts", "yes"),
    ("supports session resumption", "yes"),
    ("anonymous authentication support", "no"),
    ("RSA key exchange support", "no"),
    ("ephemeral EC Diffie-Hellman support", "yes"),
    ("curve X25519 (RFC8422)", "yes"), ("AES-GCM cipher", "yes"),
    ("AES-CCM-8 cipher", "no"), ("3DES-CBC cipher", "no"),
    ("ARCFOUR 128 cipher", "no"), ("CHACHA20-POLY1305 cipher", "yes"),
    ("MD5 MAC support", "no")]


def scan(port):
    if not shutil.which("gnutls-cli-debug"):
        pytest.skip("gnutls-cli-debug (gnutls-bin) is not installed")
    r = run("gnutls-cli-debug", "--starttls-proto=smtp", "--port", port,
            "127.0.0.1")
    assert r.returncode == 0, r.stdout + r.stderr
    return dict(re.findall(r"^\s*(?:for |whether |whether the server )?"
                           r"(.*?)\.\.\. (\S+)$", r.stdout, re.M))


def answer(found, label):
    return [v for k, v in found.items() if label in k]


def test_what_gnutls_cli_debug_finds(relay):  # noqa: F811
    d, _ = relay()
    found = scan(d.port)
    for label, want in FINDINGS:
        assert answer(found, label) == [want], (label, found)
    # and it is there for the next one
    send(d.port, "a@dest.test")


def test_old_versions_go_by_option(relay):  # noqa: F811
    d, _ = relay('tls_protocols = "+ALL:-TLSv1.0:-TLSv1.1"')
    found = scan(d.port)
    for version, want in (("1.0", "no"), ("1.1", "no"), ("1.2", "yes"),
                          ("1.3", "yes")):
        assert [v for k, v in found.items()
                if re.search(rf"TLS {version} \(RFC\d+\) support", k)] == [want]


def test_swaks_and_curl(relay, ca, tmp_path):  # noqa: F811
    d, s = relay()
    r = run("swaks", "--server", f"127.0.0.1:{d.port}", "--to", "a@dest.test",
            "--from", "s@origin.test", "--tls", "--tls-verify",
            "--tls-ca-path", ca.crt, "--tls-sni", "mx.test", "--body", "swaks")
    assert r.returncode == 0, r.stdout
    assert "TLSv1.3" in r.stdout
    body = tmp_path / "body"
    body.write_bytes(b"Subject: curl\r\n\r\nby curl\r\n")
    r = run("curl", "-sS", "--ssl-reqd", "--cacert", ca.crt, "--connect-to",
            f"mx.test:25:127.0.0.1:{d.port}", "smtp://mx.test:25",
            "--mail-from", "s@origin.test", "--mail-rcpt", "b@dest.test",
            "--upload-file", body)
    assert r.returncode == 0, r.stderr
    assert len(s.wait(2)) == 2
    assert [r[11] for r in d.wait_records("R", 2)] == ["esmtps"] * 2


def test_curl_and_openssl_from_the_start(relay, ca, tmp_path):  # noqa: F811
    d, s = relay("use_ssl = true")
    body = tmp_path / "body"
    body.write_bytes(b"Subject: curl\r\n\r\nby curl\r\n")
    r = run("curl", "-sS", "--cacert", ca.crt, "--connect-to",
            f"mx.test:465:127.0.0.1:{d.port}", "smtps://mx.test:465",
            "--mail-from", "s@origin.test", "--mail-rcpt", "b@dest.test",
            "--upload-file", body)
    assert r.returncode == 0, r.stderr
    s.wait()
    for version in ("-tls1_2", "-tls1_3"):
        r = run("openssl", "s_client", "-connect", f"127.0.0.1:{d.port}",
                version, "-CAfile", ca.crt, "-verify_hostname", "mx.test",
                "-verify_return_error", "-servername", "mx.test", "-quiet",
                input="QUIT\r\n")
        assert "220 " in r.stdout and "221 " in r.stdout, r.stderr


def test_postfix_hands_in(relay, ca, postfix, tmp_path):  # noqa: F811
    """It verifies us, shows a certificate that may relay, and resumes."""
    mine, _ = ca.make("postfix.test")
    d, s = relay(f'tls_client_ca = "{ca.crt}" '
                 "tls_verified_peer_can_relay = true", relay="( )")
    folder = tmp_path / "postfix"
    shutil.copy(ca.crt, folder / "ca.pem")
    shutil.copy(mine, folder / "mine.pem")
    port, log = postfix(f"""
relayhost = [127.0.0.1]:{d.port}
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = mx.test
smtp_tls_CAfile = {folder}/ca.pem
smtp_tls_cert_file = {folder}/mine.pem
smtp_tls_key_file = {folder}/mine.pem
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
""")
    for n in range(4):
        send(port, f"b{n}@dest.test")
        s.wait(n + 1)
    said = log.read_text()
    assert "Verified TLS connection established to 127.0.0.1" in said
    assert " with ESMTPS\r\n" in s.messages[0].header("Received")[0] or \
        "ESMTPS" in s.messages[0].header("Received")[0]
    rows = d.wait_records("R", 4)
    assert all("verified=ca peer=CN=postfix.test" in r[-1] for r in rows), rows
    assert "inbound_tls_verified_total 4" in d.ask("metrics")
    wait_for(lambda: "inbound_tls_failed_total 0" in d.ask("metrics"))
