# SPDX-License-Identifier: Apache-2.0
"""Where mail goes: MX sets, gateways, routes, literals, chapter 25.1."""
import pytest

from daemon import MODULES, BUILD, free_port, wait_for
from peers import send

FAST = "Retry_Interval = 1\nHost_Failure_Retry = 1\n"


def with_dns(dns, tmp_path, port, more=""):
    """Mail goes by DNS to hosts on 127.0.0.x, all on one port."""
    return (f'Resolv_Conf = "{dns.conf(tmp_path)}"\n'
            f"Remote_SMTP_Port = {port}\n" + FAST + more)


def test_mx_order_and_failover(impeld, server, dns, tmp_path):
    best = server(host="127.0.0.2")
    worse = server(host="127.0.0.3", port=best.port)
    dns.add("dest.test", "MX", "10 a.mx.test.")
    dns.add("dest.test", "MX", "20 b.mx.test.")
    dns.add("a.mx.test", "A", "127.0.0.2")
    dns.add("b.mx.test", "A", "127.0.0.3")
    d = impeld(with_dns(dns, tmp_path, best.port))
    for i in range(5):
        send(d.port, f"r{i}@dest.test")
    d.wait_records("D", 5)
    assert len(best.messages) == 5 and worse.connections == 0
    best.stop()
    wait_for(lambda: best.open == 0, 30)
    for i in range(3):
        send(d.port, f"s{i}@dest.test")
    worse.wait(3)
    assert "a.mx.test" in d.ask("domain", "dest.test")


@pytest.mark.parametrize("option, ttl, least, most", [
    ("Max_DNS_TTL = 20", 600, 10, 20), ("Min_DNS_TTL = 900", 1, 880, 900)])
def test_ttl_is_kept_within_bounds(impeld, server, dns, tmp_path, option, ttl,
                                   least, most):
    s = server(host="127.0.0.2")
    dns.add("dest.test", "MX", "10 a.mx.test.", ttl=ttl)
    dns.add("a.mx.test", "A", "127.0.0.2", ttl=ttl)
    d = impeld(with_dns(dns, tmp_path, s.port, option + "\n"))
    send(d.port, "r@dest.test")
    s.wait()
    text = d.ask("domain", "dest.test")
    left = int(text.split("a TTL of ")[1].split()[0])
    assert least <= left <= most, text


def test_no_mx_falls_back_to_a(impeld, server, dns, tmp_path):
    s = server(host="127.0.0.4")
    dns.add("plain.test", "A", "127.0.0.4")
    d = impeld(with_dns(dns, tmp_path, s.port))
    send(d.port, "to@plain.test")
    s.wait()


def test_null_mx_and_nxdomain_bounce_at_once(impeld, server, dns, tmp_path):
    s = server(host="127.0.0.5")
    dns.add("null.test", "MX", "0 .")
    dns.add("null.test", "A", "127.0.0.5")
    dns.add("origin.test", "A", "127.0.0.5")
    d = impeld(with_dns(dns, tmp_path, s.port))
    send(d.port, "to@null.test")
    p = d.wait_records("P")[0]
    assert "550 5.4.4 [internal]" in p[-1] and "NULL MX" in p[-1]
    send(d.port, "to@nowhere.test")
    assert len(d.wait_records("P", 2)) == 2
    s.wait(2)  # both bounces


def test_servfail_waits(impeld, dns, tmp_path):
    dns.broken["broken.test"] = "SERVFAIL"
    d = impeld(with_dns(dns, tmp_path, free_port()))
    send(d.port, "to@broken.test")
    d.wait_records("T", timeout=30)
    assert d.queued() == 1
    assert "DNS lookup failed" in d.ask("domain", "broken.test")
    assert d.ask("explain", "domain", "broken.test")


def test_address_literal(impeld, server, dns, tmp_path):
    s = server(host="127.0.0.6")
    d = impeld(with_dns(dns, tmp_path, s.port))
    send(d.port, "to@[127.0.0.6]")
    s.wait()


def test_prohibited_hosts(impeld, server, dns, tmp_path):
    s = server(host="127.0.0.7")
    dns.add("inner.test", "A", "127.0.0.7")
    d = impeld(with_dns(dns, tmp_path, s.port,
                        'Prohibited_Hosts = ( "127.0.0.7/32" )\n'))
    send(d.port, "to@inner.test", sender="")
    p = d.wait_records("P")[0]
    assert "551 5.4.6 [internal]" in p[-1]
    assert s.connections == 0


def test_gateway_queues_under_its_own_name(impeld, server, dns, tmp_path):
    s = server(host="127.0.0.8")
    dns.add("hub.test", "A", "127.0.0.8")
    d = impeld(with_dns(dns, tmp_path, s.port, "Gateway = hub.test\n"))
    send(d.port, ["a@one.test", "b@two.test"])
    m = s.wait()[0]
    assert sorted(m.recipients) == ["a@one.test", "b@two.test"]
    assert d.wait_records("D")[0][5] == "hub.test"


def test_global_routes_but_not_for_those_with_their_own(
        impeld, server, dns, tmp_path):
    everyone, own = server(), server()
    dns.add("mxed.test", "MX", "10 mx.mxed.test.")
    dns.add("mx.mxed.test", "A", "127.0.0.9")
    direct = server(host="127.0.0.9")
    d = impeld(with_dns(dns, tmp_path, direct.port, f"""
Routes = ( "smtp://127.0.0.1?port={everyone.port}" )
Domain "own.test" {{ Routes = ( "smtp://127.0.0.1?port={own.port}" ) }}
Domain "mxed.test" {{ Routes = ( "__mx__" ) }}
"""))
    for domain in ("own.test", "other.test", "mxed.test"):
        send(d.port, f"x@{domain}")
    assert own.wait()[0].recipients == ["x@own.test"]
    assert everyone.wait()[0].recipients == ["x@other.test"]
    assert direct.wait()[0].recipients == ["x@mxed.test"]


def test_chapter_25_1(impeld, server):
    """The seeds' example, its addresses moved to loopback: ESMTP to the smart
    host for all, LMTP to another for one domain (null.so plays LMTP)."""
    hub = server(host="127.0.0.50", port=free_port())
    lmtp = server(host="127.0.0.20", port=free_port())
    standin = str(BUILD / "tests/kit/standin/.libs")
    d = impeld(f"""
# route all mail to a "smart host"
Gateway = 127.0.0.50
Remote_SMTP_Port = {hub.port}
LMTP_Port = {lmtp.port}

# Except for mail for local.example.com
Domain local.example.com {{
  # which is routed to this address
  Gateway = 127.0.0.20
  # using LMTP
  Delivery_Method = LMTP
}}
""", modules=MODULES + ":" + standin)
    send(d.port, "a@elsewhere.test")
    send(d.port, "b@local.example.com")
    assert hub.wait()[0].recipients == ["a@elsewhere.test"]
    wait_for(lambda: lmtp.connections)
    d.wait_records("D", 2)
    assert len(hub.messages) == 1
    by_domain = {r[5]: r for r in d.records("D")}
    assert set(by_domain) == {"127.0.0.50", "127.0.0.20"} or \
        set(by_domain) == {"[127.0.0.50]", "[127.0.0.20]"}


def test_equal_preferences_share_connections(impeld, server, dns, tmp_path):
    port = free_port()
    hosts = [server(host=f"127.0.1.{i}", port=port, delay=0.01)
             for i in range(1, 6)]
    routes = " ".join(f'"smtp://127.0.1.{i}?pref=10"' for i in range(1, 6))
    d = impeld(with_dns(dns, tmp_path, port,
                        f"Routes = ( {routes} )\nMax_Outbound_Connections = 10\n"))
    for i in range(120):
        send(d.port, f"r{i}@dest.test")
    d.wait_records("D", 120, timeout=60)
    assert all(h.connections for h in hosts)
    assert max(h.most for h in hosts) - min(h.most for h in hosts) <= 1


def test_unlike_hosts_share_connections_evenly(impeld, server, dns, tmp_path):
    """Equals differ by one at most, whatever their latency; one at its limit
    gets no more, while the rest go on."""
    port = free_port()
    delays = (0.001, 0.005, 0.02, 0.05, 0.1)
    hosts = [server(host=f"127.0.1.{i}", port=port, delay=delay)
             for i, delay in enumerate(delays, 1)]
    routes = " ".join(f'"smtp://127.0.1.{i}?pref=10"' for i in range(1, 6))
    d = impeld(with_dns(dns, tmp_path, port,
                        f"Routes = ( {routes} )\nMax_Outbound_Connections = 13\n"
                        'Host "127.0.1.3" { Max_Outbound_Connections = 1 }\n'
                        "Suspend_Delivery = true\n"))
    for i in range(200):
        send(d.port, f"r{i}@dest.test")
    d.ask("config", "set", "suspend_delivery", "false")
    rest = hosts[:2] + hosts[3:]
    wait_for(lambda: sum(h.open for h in hosts) == 13)
    assert sorted(h.open for h in rest) == [3, 3, 3, 3]
    d.wait_records("D", 200, timeout=60)
    assert hosts[2].most == 1 and hosts[2].messages
    assert {h.most for h in rest} == {3}
    d.wait_empty()


@pytest.mark.parametrize("limit, most, spills", [
    ("Server_Max_Outbound_Connections = 2\n"
     "Server_Reserve_Outbound_Connections = 0\n", 2, False),
    ('Binding "default" { Server_Max_Outbound_Connections = 2 }\n', 2, False),
    ('Domain "dest.test" { Max_Outbound_Connections = 2 }\n', 2, False),
    ('Domain "dest.test" { Max_Outbound_Connections = 4 }\n'
     'Host "a.mx.test" { Max_Outbound_Connections = 1 }\n', 1, True)])
def test_only_a_host_limit_moves_mail_to_a_worse_mx(
        impeld, server, dns, tmp_path, limit, most, spills):
    best = server(host="127.0.0.2", delay=0.01)
    worse = server(host="127.0.0.3", port=best.port)
    dns.add("dest.test", "MX", "10 a.mx.test.")
    dns.add("dest.test", "MX", "20 b.mx.test.")
    dns.add("a.mx.test", "A", "127.0.0.2")
    dns.add("b.mx.test", "A", "127.0.0.3")
    d = impeld(with_dns(dns, tmp_path, best.port,
                        limit + "Suspend_Delivery = true\n"))
    for i in range(30):
        send(d.port, f"r{i}@dest.test")
    d.ask("config", "set", "suspend_delivery", "false")
    d.wait_records("D", 30)
    assert best.most == most
    assert bool(worse.connections) == spills


def test_source_address_of_a_binding(impeld, server):
    seen = []
    s = server()
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
Binding "default" {{ Bind_Address = "127.0.0.77" EHLO_Hostname = "out.origin.test" }}
""")
    send(d.port, "to@dest.test")
    s.wait()
    assert any(b"EHLO out.origin.test" in line for line in s.lines)
