# SPDX-License-Identifier: Apache-2.0
"""Debian's Postfix as the host that mail goes to."""
import os
import re
import sys

import pytest

from certificates import Authority
from daemon import SOURCE, free_port, wait_for
from peers import PEERS, let_pass, listening
from test_xclient import hand_in, routes

sys.path.append(str(SOURCE / "tests/bench"))
from lib.postfix import Postfix  # noqa: E402

MORE = """
smtpd_authorized_xclient_hosts = 127.0.0.1
default_transport = discard
smtpd_client_restrictions = check_client_access inline:{
  { 127.0.0.5 = REJECT go away } { 127.0.0.6 = DEFER come back } }
"""


@pytest.fixture
def postfix(tmp_path):
    """A factory: postfix(lines of main.cf) -> (port, its log)."""
    if os.geteuid() != 0:
        pytest.skip("Postfix is started by root only")
    p = Postfix(PEERS, SOURCE)
    folder = tmp_path / "postfix"
    folder.mkdir()
    let_pass(folder)

    def start(more):
        port = free_port()
        p.start(folder, port, 9, more)
        wait_for(lambda: listening(port), what="Postfix")
        return port, folder / "maillog"

    yield start
    p.stop()


def clients(log):
    """What its smtpd logs of the client of each message it took."""
    return re.findall(r"smtpd\[\d+\]: [0-9A-Za-z]+: client=(\S+)",
                      log.read_text() if log.exists() else "")


def test_postfix_is_told_each_client(impeld, postfix):
    port, log = postfix(MORE)
    d = impeld(routes(port, "required") + "Max_Outbound_Connections = 2\n"
               "Suspend_Delivery = true\nRetry_Interval = 3600\n")
    want = []
    for i in range(6):
        source = f"127.0.0.{2 + i % 3}"
        hand_in(d.port, source, f"c{i}.test", f"r{i}@dest.test")
        want.append(f"unknown[{source}]")
    d.ask("config", "set", "suspend_delivery", "false")
    d.wait_records("D", 6)
    assert sorted(clients(log)) == sorted(want)
    assert not d.records("T")


def test_a_client_that_postfix_refuses_is_put_off(impeld, postfix):
    """By its own greeting: no message fails, and the host is not to blame."""
    port, log = postfix(MORE)
    d = impeld(routes(port, "required") +
               'Domain "easy.test" { XClient = ifavailable }\n'
               "Retry_Interval = 3600\n")
    for domain in ("hard.test", "easy.test"):
        for i in (5, 6, 2):
            hand_in(d.port, f"127.0.0.{i}", "c.test", f"r{i}@{domain}")
    d.wait_records("D", 2)
    texts = ["@".join(r) for r in d.wait_records("T", 4)]
    for words in ("554 5.7.1", "go away", "450 4.7.1", "come back"):
        assert len([t for t in texts if words in t]) == 2, texts
    assert clients(log) == ["unknown[127.0.0.2]"] * 2
    assert not d.records("P") and len(d.records("T")) == 4


def tls(crt, key):
    return f"""
default_transport = discard
smtpd_tls_security_level = may
smtpd_tls_cert_file = {crt}
smtpd_tls_key_file = {key}
smtpd_tls_loglevel = 1
smtpd_tls_session_cache_database =
tls_random_source = dev:/dev/urandom
"""


def to_postfix(port, more):
    return (f'Routes = ( "smtp://localhost?port={port}" )\n'
            f"Retry_Interval = 1\nHost_Failure_Retry = 1\n{more}\n")


def test_tls_with_postfix(impeld, postfix, tmp_path):
    """Verified by its name, on each of two connections."""
    ca = Authority(tmp_path)
    crt, key = ca.make("localhost")
    port, log = postfix(tls(crt, key) + "smtpd_tls_received_header = yes\n")
    d = impeld(to_postfix(port, "tls = required\ntls_verify = host\n"
                                f'tls_ca = "{ca.crt}"\nIdle_Timeout = 0\n'))
    for i in range(2):
        hand_in(d.port, "127.0.0.2", "c.test", f"r{i}@dest.test")
        row = d.wait_records("D", i + 1)[i]
        assert row[12].startswith("protocol=TLS1.3 cipher=TLS_")
        assert "verified=host" in row[12]
    wait_for(lambda: log.read_text().count("TLS connection est") == 2)


def test_postfix_whose_handshake_fails(impeld, postfix, tmp_path):
    """It offers STARTTLS and knows only versions that we do not take."""
    crt, key = Authority(tmp_path).make("localhost")
    port, log = postfix(tls(crt, key) + "smtpd_tls_protocols = TLSv1.2\n")
    d = impeld(to_postfix(port, 'tls_protocols = "TLSv1.3"\n'
                                "tls = ifavailable\n") +
               'Domain "must.test" { tls = required }\n')
    hand_in(d.port, "127.0.0.2", "c.test", "a@may.test")
    assert len(d.wait_records("D")[0]) == 12
    hand_in(d.port, "127.0.0.2", "c.test", "a@must.test")
    wait_for(lambda: "TLS negotiation failed: the peer says: "
             in d.ask("explain", "domain", "must.test"))
    assert "SSL_accept error" in log.read_text()
    assert len(clients(log)) == 1
