# SPDX-License-Identifier: Apache-2.0
"""The words that Impel itself has for an attempt that came to nothing, each
with its code: the table "Internal responses" of docs/smtp.md."""
import contextlib
import pathlib
import re
import socket
import threading
import types

import pytest

from certificates import Authority
from daemon import free_port, wait_for
from peers import send

WEDGED = "451 4.4.2 send BODY failed"
DOCS = pathlib.Path(__file__).parents[2] / "docs" / "smtp.md"
HEAD = """
Retry_Interval = 1
Connect_Timeout = 2
EHLO_Timeout = 1
Esmtp_Banner_Timeout = 1
Esmtp_Data_Timeout = 1
Mailfrom_Timeout = 1
Rcptto_Timeout = 1
Body_Timeout = 1
RSET_Timeout = 1
Prohibited_Hosts = ( "127.66.0.0/16" )
Skip_Hosts = ( "127.67.0.0/16" )
Host_Failure_Retry = 1
"""


def silent(*stages):
    """Says nothing at these."""
    return lambda at, line: b"" if at in stages else None


def cut(*stages):
    def answer(at, line):
        if at in stages:
            raise ConnectionError
        return None
    return answer


def refuse(stage, reply):
    return lambda at, line: reply if at == stage else None


class Deaf:
    """Takes no connection: those that wait for it fill its backlog."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(0)
        self.port = self.socket.getsockname()[1]
        self.full = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.full.append(s)

    def stop(self):
        for s in (self.socket, *self.full):
            s.close()


@pytest.fixture
def deaf():
    d = Deaf()
    yield d
    d.stop()


def documented():
    """{text: test} of the table in the docs."""
    part = DOCS.read_text().split("## Internal responses", 1)[1]
    rows = re.findall(r"^\| `([45]\d\d [^`]*)` \|.*\| ([^|]*) \|$",
                      part.split("\n## ", 1)[0], re.M)
    return dict(rows)


def with_servers(server, ca, deaf):
    """{name: (expected, stanza)} of those that need a host of their own."""
    x = "smtp://127.0.0.1?port="
    rows = {}

    def row(name, text, port, more=""):
        rows[name] = (text, f'Routes = ( "{x}{port}" ) {more}')

    def peer(answer=None, extensions=(), **how):
        return server(answer=answer, extensions=extensions, **how).port

    tls = ca.context("mx.test")
    row("refused", "451 4.4.1 Connection refused", free_port())
    row("deaf", "450 4.4.1 Connection Timed Out", deaf.port)
    row("mute", "451 4.4.2 no banner", peer(silent("banner")))
    row("gone", "451 4.4.2 no banner", peer(cut("banner")))
    row("ehlo", "451 4.4.2 no EHLO response", peer(silent("EHLO")))
    row("helo", "451 4.4.2 no HELO response", peer(silent("HELO")),
        "Delivery_Method = SMTP")
    row("xclient", "451 4.4.2 no XCLIENT response",
        peer(silent("XCLI"), ["XCLIENT NAME ADDR"]), "Xclient = ifavailable")
    row("mail", "451 4.4.2 no MAIL FROM response", peer(silent("MAIL")))
    row("rcpt", "451 4.4.2 no RCPT TO response", peer(silent("RCPT")))
    row("data", "451 4.4.2 no DATA response", peer(silent("DATA")))
    row("body", "451 4.4.2 no BODY response", peer(silent("BODY")))
    row("rset", "451 4.4.2 no RSET response", peer(
        lambda at, line: "550 5.1.1 no\r\n" if at == "RCPT" and
        b"<first@" in line else b"" if at == "RSET" else None),
        "Max_Outbound_Connections = 1")
    for stage in "EHLO", "MAIL", "RCPT", "DATA", "BODY":
        row(f"cut-{stage.lower()}",
            "451 4.4.2 connection closed by remote host", peer(cut(stage)))
    row("babble", "451 4.5.0 unintelligible reply",
        peer(refuse("MAIL", "what?\r\n")))
    row("nogo", "451 4.7.5 no tls go-ahead",
        peer(silent("STAR"), tls=tls), "TLS = required")
    row("handshake", "451 4.7.5 TLS negotiation failed",
        peer(tls="broken"), "TLS = required")
    row("unknown", "451 4.7.5 TLS negotiation failed: The certificate", peer(tls=tls),
        "TLS = required TLS_Verify = host")
    row("clear", "451 4.7.6 STARTTLS required but not advertised", peer(),
        "TLS = required")
    row("nameless", "451 4.7.6 XCLIENT required but not advertised", peer(),
        "Xclient = required")
    row("ascii", "550 5.6.7 SMTPUTF8 required but not advertised", peer())
    row("retries", "554 5.4.7 exceeded max retries without delivery",
        peer(refuse("RCPT", "451 4.2.0 later\r\n")), "Max_Retries = 1")
    row("discarded", "554 5.7.0 Blackholed", peer(), "Blackhole = internal")
    return rows


def without_servers(dns):
    """The same of those that nobody is asked for, or DNS only."""
    dns.add("null.test", "MX", "0 .")
    dns.add("empty.test", "TXT", "nothing")
    dns.broken["servfail.test"] = "SERVFAIL"
    held = "Suspend_Delivery = true"
    return {
        "private": ("551 5.4.6 Private/Loopback Address",
                    'Routes = ( "127.66.0.1" )'),
        "null": ("550 5.4.4 NULL MX domain does not accept mail", ""),
        "nowhere": ("554 5.4.4 Domain Lookup Failed", ""),
        "empty": ("454 4.4.4 no MX or A for domain", ""),
        "servfail": ("454 4.4.4 DNS lookup failed", ""),
        "synthetic": ("454 4.4.4 no routes for this synthetic domain",
                      'Gateway = "#nothing"'),
        "skipped": ("451 4.4.1 No valid hosts", 'Routes = ( "127.67.0.1" )'),
        "late": ("554 5.4.7 exceeded max time without delivery",
                 held + " Message_Expiration = 1"),
        "purged": ("554 5.7.0 Message manually purged", held)}


# where it was, as the same records say by number
STAGES = {"refused": 0, "deaf": 0, "private": 0, "mute": 12, "gone": 12,
          "ehlo": 11, "helo": 11, "cut-ehlo": 11, "nogo": 17, "handshake": 17,
          "unknown": 17, "clear": 17, "xclient": 20, "nameless": 20, "mail": 3,
          "cut-mail": 3, "rcpt": 5, "cut-rcpt": 5, "data": 7, "cut-data": 7,
          "body": 9, "cut-body": 9, "wedge": 9, "rset": 14}


def words_of(d, field=-1):
    """{domain: [texts of the T and P records of its mail]}"""
    said = {}
    for line in d.log():
        r = line.split("@")
        if r[4:5] in (["T"], ["P"]):
            said.setdefault(r[5].removesuffix(".test"), []).append(r[field])
    return said


def begins(said, text):
    code, status, words = text.split(" ", 2)
    return any(t.startswith(f"{code} {status} [internal] {words}")
               for t in said)


def test_each_response(impeld, server, dns, tmp_path, deaf):
    hosts, over = [], threading.Event()

    def host(**how):
        hosts.append(server(**how))
        return hosts[-1]
    rows = with_servers(host, Authority(tmp_path), deaf)
    rows.update(without_servers(dns))
    wedge = host(extensions=())
    wedge.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wedge.read_data = lambda f: over.wait(60)
    rows["wedge"] = (WEDGED,
                     f'Routes = ( "smtp://127.0.0.1?port={wedge.port}" )')
    more = f"""
Domain "down.test" {{
  Routes = ( "smtp://127.0.0.2?port={free_port()}" )
  Host_Failure_Retry = 600
}}
"""
    d = impeld(more + f'Resolv_Conf = "{dns.conf(tmp_path)}"\n' + HEAD + "".join(
        f'Domain "{name}.test" {{ {how} }}\n'
        for name, (_, how) in rows.items()))
    send(d.port, [f"first@{name}.test" for name in rows
                  if name not in ("ascii", "wedge")], sender="")
    send(d.port, "first@down.test", sender="")
    send(d.port, "first@wedge.test", sender="",
         body=("x" * 70 + "\r\n") * 120000)
    send(d.port, "first@ascii.test", sender="", mail_options=["SMTPUTF8"],
         headers="X-Name: \u00e9\r\n")
    d.ask("fail", "domain", "purged.test")
    wait_for(lambda: "rset" in words_of(d))
    send(d.port, "second@rset.test", sender="")

    def wrong():
        said = words_of(d)
        said["synthetic"] = said.get("#nothing")  # whose routes it has
        return {name: (text, said.get(name)) for name, (text, _) in
                rows.items() if not begins(said.get(name) or [], text)}
    try:
        wait_for(lambda: not wrong(), 15)
    except AssertionError:
        raise AssertionError("\n".join(map(str, wrong().items()))) from None
    at = words_of(d, 9)
    assert {name: at[name][-1] for name in STAGES} == \
        {name: str(n) for name, n in STAGES.items()}
    assert "hosts-down" in d.ask("explain", "domain", "down.test")
    over.set()
    for s in hosts:  # whoever is silent would be waited for
        s.stop()
        for c in list(s.alive):
            with contextlib.suppress(OSError):
                c.shutdown(socket.SHUT_RDWR)


def test_the_table_is_whole():
    """What the docs say this file shows is what it shows."""
    port = types.SimpleNamespace(port=1, context=lambda name: None,
                                 add=lambda *a: None, broken={})
    rows = {**with_servers(lambda **how: port, port, port),
            **without_servers(port)}
    shown = {text for text, _ in rows.values()} | {WEDGED}
    said = {text for text, test in documented().items()
            if "test_responses.py::test_each_response" in test}
    assert {t for t in shown if not t.startswith(tuple(said))} == set()
    assert {t for t in said
            if not any(s.startswith(t) for s in shown)} == set()
