# SPDX-License-Identifier: Apache-2.0
"""DANE with real name servers: knot signs, unbound validates."""
import pytest

from certificates import Authority
from daemon import free_port, wait_for
from peers import send
from zones import resolv_conf

DOMAINS = """
one   MX 10 mx1.hosts.test.
two   MX 10 mx1.hosts.test.
pair  MX 10 mx1.hosts.test.
pair  MX 20 mx2.hosts.test.
_smtp._tls.one TXT "v=TLSRPTv1; rua=mailto:tls@one.dest.test"
"""
HOSTS = """
mx1 A 127.0.0.31
mx2 A 127.0.0.32
"""
SIGNED = ("dest.test", "hosts.test")


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def world(impeld, server, knot, unbound, tmp_path):
    """world(TLSA records by host, more options, hosts' TLS ...): the daemon and
    the hosts mx1 and mx2, on one port."""
    def make(records, more="", tls=None, tls2=None, zones=None, bogus=(),
             answer=None, signed=SIGNED, hosts=""):
        port = free_port()
        lines = HOSTS + hosts + "".join(f"_{port}._tcp.{host} TLSA {r}\n"
                                for host, r in records)
        k = knot({"dest.test": DOMAINS, "hosts.test": lines,
                  **{z: text.format(port=port) for z, text in
                     (zones or {}).items()}}, signed=(*signed, *bogus))
        conf = resolv_conf(tmp_path, unbound(k, bogus=bogus).port)
        d = impeld(f'Resolv_Conf = "{conf}"\nRemote_SMTP_Port = {port}\n'
                   "Retry_Interval = 1\nHost_Failure_Retry = 1\n"
                   f"use_dane = yes\n{more}")
        return (d, server(host="127.0.0.31", port=port, tls=tls, answer=answer),
                server(host="127.0.0.32", port=port, tls=tls2))
    return make


def said(d, n=1):
    """What D records say of TLS."""
    return [dict(w.split("=", 1) for w in r[12].split()) if len(r) > 12 else {}
            for r in d.wait_records("D", n)]


def why(d, domain="one.dest.test"):
    return d.ask("explain", "domain", domain)


@pytest.mark.parametrize("days", [30, -1])
def test_the_key_alone_counts(world, ca, days):
    """Usage 3: whatever name and date the certificate has, and although the
    options ask for no TLS at all."""
    tls = ca.context("other.example", days=days)
    d, mx1, _ = world([("mx1", ca.tlsa("other.example"))], tls=tls)
    send(d.port, "a@one.dest.test")
    assert mx1.wait()[0].recipients == ["a@one.dest.test"]
    s = said(d)[0]
    assert (s["verified"], s["tlsa"]) == ("dane", "311")
    assert s["peer"] == "mx1.hosts.test"
    assert [line.split()[0] for line in mx1.lines][:3] == \
        [b"EHLO", b"STARTTLS", b"EHLO"]
    assert "DANE: 1 of 1 TLSA records of mx1.hosts.test" in \
        d.ask("domain", "one.dest.test")


@pytest.mark.parametrize("name, good", [
    ("mx1.hosts.test", True), ("one.dest.test", True), ("else.test", False)])
def test_an_authority_and_names(world, ca, name, good):
    """Usage 2: the chain sent along, and the host's or the domain's name."""
    tls = ca.context("mx", name, chain=True)
    d, mx1, _ = world([("mx1", ca.tlsa("ca", usage=2, selector=0))], tls=tls)
    send(d.port, "a@one.dest.test")
    if good:
        mx1.wait()
        s = said(d)[0]
        assert (s["verified"], s["tlsa"], s["peer"]) == ("dane", "201", name)
        return
    wait_for(lambda: "is not for mx1.hosts.test" in why(d))
    assert not mx1.messages


def test_a_change_of_keys(world, ca):
    new = ca.context("new")
    ca.make("old")
    d, mx1, _ = world([("mx1", ca.tlsa("old")), ("mx1", ca.tlsa("new"))],
                      tls=new)
    send(d.port, "a@one.dest.test")
    mx1.wait()
    assert said(d)[0]["verified"] == "dane"


def test_wrong_records_never_lead_to_clear(world, ca):
    """Neither on that connection, nor on another, nor at another host; with the
    right certificate it goes."""
    wrong, right = ca.context("wrong"), ca.context("right")
    record = ca.tlsa("right")
    d, mx1, mx2 = world([("mx1", record), ("mx2", record)], tls=wrong,
                        tls2=wrong, more="tls = ifavailable\n"
                        "tls_ifavailable_fallback = true\n")
    send(d.port, "a@pair.dest.test")
    wait_for(lambda: "not what a TLSA record says" in
             why(d, "pair.dest.test"))
    wait_for(lambda: mx1.connections > 1 and mx2.connections)
    assert not mx1.messages and not mx2.messages
    assert {line.split()[0] for line in mx1.lines + mx2.lines} <= \
        {b"EHLO", b"STARTTLS", b"QUIT"}
    mx1.tls = right
    mx1.wait(timeout=60)


def test_a_host_that_offers_no_tls_is_not_believed(world, ca):
    ca.make("mx")
    d, mx1, _ = world([("mx1", ca.tlsa("mx"))], more="tls = no\n")
    send(d.port, "a@one.dest.test")
    wait_for(lambda: "STARTTLS required but not advertised" in why(d))
    assert not mx1.messages
    mx1.tls = ca.context("mx2")  # another key
    wait_for(lambda: "not what a TLSA record says" in why(d))
    assert not mx1.messages


def test_records_of_no_use_ask_for_tls_only(world, ca):
    ca.make("mx")
    d, mx1, _ = world([("mx1", ca.tlsa("mx", usage=1)),
                       ("mx1", "3 1 7 " + "ab" * 32)])
    send(d.port, "a@one.dest.test")
    wait_for(lambda: "STARTTLS required but not advertised" in why(d))
    assert not mx1.messages
    mx1.tls = ca.context("any")
    mx1.wait(timeout=60)
    s = said(d)[0]
    assert s["protocol"] == "TLS1.3" and s["verified"] == "none"


def test_answers_that_are_false_keep_mail_waiting(world, ca):
    """The MX and the address are good, the TLSA records' signature is not."""
    record = "_{port} TLSA " + "3 1 1 " + "00" * 32 + "\n"
    d, mx1, mx2 = world(
        [], tls=ca.context("mx"), bogus=["_tcp.mx1.hosts.test"],
        zones={"_tcp.mx1.hosts.test": record}, more="tls_reports = true\n"
        'tls_report_from = "reports@me.test"\n'
        'tls_report_organization = "Example"\n')
    send(d.port, "a@one.dest.test")
    wait_for(lambda: "no answer about its TLSA records" in why(d))
    assert any("4.7.5" in field for field in d.wait_records("T")[0])
    assert mx1.connections == 0
    wait_for(lambda: "one.dest.test" in d.ask("tls_report", "list"))
    assert "dnssec-invalid" in d.ask("tls_report", "show", "one.dest.test")
    send(d.port, "a@pair.dest.test")  # the other host has nothing to hide
    mx2.wait()


@pytest.mark.parametrize("what", ["domain", "host", "records"])
def test_what_is_not_signed_is_as_the_options_say(world, ca, what):
    """The domain, the host's zone, or only the zone of the records."""
    ca.make("mx")
    record = ca.tlsa("mx")
    zones, signed = {}, {"domain": ("hosts.test",), "host": ("dest.test",),
                         "records": SIGNED}[what]
    records = [("mx1", record)]
    if what == "records":
        records = []
        zones = {"_tcp.mx1.hosts.test": "_{port} TLSA " + record + "\n"}
    d, mx1, _ = world(records, zones=zones, signed=signed,
                      hosts="_tcp.mx1 NS ns.hosts.test.\n")
    send(d.port, "a@one.dest.test")
    mx1.wait()
    assert said(d) == [{}]
    text = {"records": "its TLSA records are not signed"}.get(
        what, "DNS does not vouch for its name")
    assert f"DANE: no, {text}" in d.ask("domain", "one.dest.test")
    d.ask("config", "set", "use_dane", "required")
    send(d.port, "b@one.dest.test")
    wait_for(lambda: f"DANE: mx1.hosts.test: {text}" in why(d))
    assert len(mx1.messages) == 1


def test_connections_are_not_shared_with_who_knows_less(world, ca):
    """One domain of the host with DANE and one without."""
    d, mx1, _ = world([("mx1", ca.tlsa("ca", usage=2))],
                      tls=ca.context("mx", "mx1.hosts.test", chain=True),
                      more='idle_timeout = 30\n'
                           'Domain "two.dest.test" { use_dane = no }\n')
    for n, domain in enumerate(["two", "one", "two", "one"]):
        send(d.port, f"x@{domain}.dest.test")
        mx1.wait(n + 1)
        d.wait_records("D", n + 1)
    assert mx1.connections == 2 and len(mx1.handshakes) == 1
    assert [x.get("verified") for x in said(d, 4)] == \
        [None, "dane", None, "dane"]
