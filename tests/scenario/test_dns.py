# SPDX-License-Identifier: Apache-2.0
"""Routing by real name servers: knot, unbound in front of it, and none at all."""
import os
import socket
import time

import pytest

from daemon import free_port, wait_for
from peers import send
from zones import resolv_conf

FAST = "Retry_Interval = 1\nHost_Failure_Retry = 1\n"

ZONE = """
one       MX 10 mx1.hosts.test.
pair      MX 10 mx1.hosts.test.
pair      MX 20 mx2.hosts.test.
plain     A 127.0.0.21
nullmx    MX 0 .
alias     CNAME one
chain     CNAME chain1
chain1    CNAME chain2
chain2    CNAME chain3
chain3    CNAME one
loop      CNAME loop1
loop1     CNAME loop
toalias   MX 10 hostalias
hostalias CNAME mx1.hosts.test.
nohost    MX 10 nowhere.hosts.test.
mixed     MX 10 nowhere.hosts.test.
mixed     MX 20 mx2.hosts.test.
text      TXT "no mail here"
many      MX 10 mx1.hosts.test.
""" + "".join(f"many MX 20 a-rather-long-name-of-a-host-{i}.hosts.test.\n"
              for i in range(80)) + \
    "".join(f"crowd MX 10 mx1.hosts.test.\nbulk{i} MX 10 mx1.hosts.test.\n"
            for i in range(200))
HOSTS = """
mx1 A 127.0.0.21
mx2 A 127.0.0.22
""" + "".join(f"a-rather-long-name-of-a-host-{i} A 127.0.0.22\n"
              for i in range(80))


def by_dns(tmp_path, resolver, port, more="", timeout=5):
    return (f'Resolv_Conf = "{resolv_conf(tmp_path, resolver, timeout)}"\n'
            f"Remote_SMTP_Port = {port}\n" + FAST + more)


@pytest.fixture
def places(server):
    """The hosts mx1 and mx2 of the zone, on one port."""
    mx1 = server(host="127.0.0.21")
    return mx1, server(host="127.0.0.22", port=mx1.port)


@pytest.mark.parametrize("signed", [(), ("dest.test", "hosts.test")])
def test_each_kind_of_name(impeld, knot, unbound, places, tmp_path, signed):
    """Which host gets the mail of a domain, by what its zone says; answers
    that do not fit into a datagram are fetched by TCP."""
    mx1, mx2 = places
    k = knot({"dest.test": ZONE, "hosts.test": HOSTS}, signed=signed)
    d = impeld(by_dns(tmp_path, unbound(k).port, mx1.port))
    first = ("one", "pair", "plain", "alias", "chain", "toalias", "many",
             "crowd")
    for name in (*first, "mixed"):
        send(d.port, f"to@{name}.dest.test")
    d.wait_records("D", len(first) + 1)
    got = {m.recipients[0].split("@")[1].split(".")[0] for m in mx1.messages}
    assert got == set(first)
    assert [m.recipients for m in mx2.messages] == [["to@mixed.dest.test"]]


def test_names_that_take_no_mail(impeld, knot, places, tmp_path):
    """Null MX and a name that is not there fail at once and say why."""
    k = knot({"dest.test": ZONE, "hosts.test": HOSTS})
    d = impeld(by_dns(tmp_path, k.port, places[0].port))
    for name in ("nullmx", "missing"):
        send(d.port, f"to@{name}.dest.test", sender="")
    told = {r[5]: r[-1] for r in d.wait_records("P", 2)}
    assert told == {
        "nullmx.dest.test":
            "550 5.4.4 [internal] NULL MX domain does not accept mail",
        "missing.dest.test": "554 5.4.4 [internal] Domain Lookup Failed"}


def test_names_that_lead_nowhere_wait(impeld, knot, places, tmp_path):
    """A circle of aliases, hosts without an address, and a name that has
    neither MX nor address are tried again."""
    k = knot({"dest.test": ZONE, "hosts.test": HOSTS})
    d = impeld(by_dns(tmp_path, k.port, places[0].port))
    names = {"loop.dest.test", "nohost.dest.test", "text.dest.test"}
    for name in names:
        send(d.port, f"to@{name}")
    wait_for(lambda: {r[5] for r in d.records("T")} >= names)
    assert not d.records("P")


def test_one_of_two_servers_is_silent(impeld, knot, places, tmp_path):
    """Nor do lines of which nothing can be made do any harm."""
    mx1, _ = places
    k = knot({"dest.test": ZONE, "hosts.test": HOSTS})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        d = impeld(by_dns(tmp_path, k.port, mx1.port), start=False)
        (tmp_path / "resolv.conf").write_text(
            "nameserver\nnameserver 300.1.2.3\nnameserver ::::\n\0\xff\n"
            "options timeout:x attempts:-1 timeout:1\nsearch\n"
            f"nameserver 127.0.0.1:{silent.getsockname()[1]}\n"
            f"nameserver 127.0.0.1:{k.port} # the one that answers")
        d.start()
        send(d.port, [f"to@bulk{i}.dest.test" for i in range(20)])
        d.wait_records("D", 20)
    assert not d.records("T") and not d.records("P")


def test_many_names_at_once(impeld, knot, places, tmp_path):
    mx1, _ = places
    k = knot({"dest.test": ZONE, "hosts.test": HOSTS})
    d = impeld(by_dns(tmp_path, k.port, mx1.port))
    for i in range(0, 200, 20):
        send(d.port, [f"to@bulk{n}.dest.test" for n in range(i, i + 20)])
    d.wait_records("D", 200, timeout=60)
    assert len(mx1.messages) == 200


def test_a_resolver_that_comes_later(impeld, knot, places, tmp_path):
    """Nobody answers at the start: mail waits, then goes."""
    mx1, _ = places
    port = free_port()
    d = impeld(by_dns(tmp_path, port, mx1.port, "Max_Retries = 1000\n"
                      "Max_Retry_Interval = 1\n"
                      "DNS_Failures_To_Purge = 1000\n", timeout=1))
    send(d.port, "to@one.dest.test")
    assert "DNS lookup failed" in d.wait_records("T")[0][-1]
    knot({"dest.test": ZONE, "hosts.test": HOSTS}, port=port)
    if not os.environ.get("IMPEL_LONG"):  # else by itself, after 15 s
        d.ask("refresh", "domain", "one.dest.test")
    mx1.wait(1, timeout=40)


def names(d):
    """One after another: what is not there is remembered."""
    for i in range(150):
        yield f"bulk{i}.dest.test"
        time.sleep(0.1)
    raise AssertionError("resolv.conf was never read again")


@pytest.mark.parametrize("first", ["emptied", "removed"])
def test_resolv_conf_is_replaced(impeld, knot, places, tmp_path, first):
    """By rename, as tools do it: the new server is asked, without a reload.
    While there is none, those that were known are."""
    mx1, _ = places
    old = knot({"dest.test": "one A 127.0.0.22\nlate A 127.0.0.22\n"})
    new = knot({"dest.test": ZONE, "hosts.test": HOSTS})
    d = impeld(by_dns(tmp_path, old.port, mx1.port))
    send(d.port, "to@one.dest.test")
    d.wait_records("D")
    assert not mx1.messages
    if first == "removed":
        os.remove(tmp_path / "resolv.conf")
    else:
        (tmp_path / "resolv.conf").write_text("")
        for name in names(d):
            d.ask("dig", name, "A")
            if any("resolv-conf-empty" in x for x in d.log("paniclog")):
                break
    assert "127.0.0.22" in d.ask("dig", "late.dest.test", "A")
    (tmp_path / "next").mkdir()
    os.rename(resolv_conf(tmp_path / "next", new.port),
              tmp_path / "resolv.conf")
    for name in names(d):
        if "mx1.hosts.test" in d.ask("dig", name, "MX"):
            break
    send(d.port, "to@bulk199.dest.test")
    mx1.wait(1)


def test_dig_and_the_cache(impeld, knot, unbound, places, tmp_path):
    """What delivery sees is shown, and forgotten on demand."""
    mx1, _ = places
    k = knot({"dest.test": ZONE, "hosts.test": HOSTS}, signed=("dest.test",))
    d = impeld(by_dns(tmp_path, unbound(k).port, mx1.port))
    first = d.ask("dig", "pair.dest.test")
    assert "MX: ok" in first and "asked now, authenticated" in first
    assert "  10 mx1.hosts.test\n" in first
    assert "pair.dest.test A: no such data" in first
    assert "MX: ok" in (text := d.ask("dig", "Pair.Dest.test", "mx")) and \
        "from the cache" in text
    doc = d.ask_json("dig", "plain.dest.test", "A")["answers"][0]
    assert doc["records"][0]["value"] == "127.0.0.21"
    assert doc["status"] == "ok" and doc["authenticated"]
    assert "pair.dest.test MX" in d.ask("dns_cache", "list")
    assert "no such name" in d.ask("dig", "missing.dest.test")
    d.ask("dns_cache", "flush", "pair.dest.test")
    assert "asked now" in d.ask("dig", "pair.dest.test", "MX")
    assert "forgotten" in d.ask("dns_cache", "flush", "all")
    assert "nothing" in d.ask("dns_cache", "list")


def test_mx_questions_are_limited(impeld, server, dns, tmp_path):
    """No more than five in a second, and all of them in the end."""
    s = server(host="127.0.0.21")
    for i in range(13):
        dns.add(f"d{i}.test", "MX", "10 mx.test")
    dns.add("mx.test", "A", "127.0.0.21")
    d = impeld(by_dns(tmp_path, dns.port, s.port,
                      "DNS_Rate_Limit_Enabled = true\n"
                      "DNS_Rate_Limit_MX_Queries = 5\n"
                      "DNS_Rate_Limit_Period = 1\n"))
    send(d.port, [f"to@d{i}.test" for i in range(13)])
    wait_for(lambda: int(
        d.ask_json("dns_cache", "stats")["DNSLimitedQueries"]) > 0)
    s.wait(13)
    assert int(d.ask_json("dns_cache", "stats")["DNSLimitedQueries"]) == 0
    at = [t for t, (_, kind) in zip(dns.asked_at, dns.asked) if kind == "MX"]
    assert len(at) == 13
    late = 0.3  # of a thread of this test; exactly: tests/unit/test-dns
    assert all(sum(1 for t in at if a <= t < a + 1 - late) <= 5 for a in at), at
    assert at[-1] - at[0] >= 2 - late
