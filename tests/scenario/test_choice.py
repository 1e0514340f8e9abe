# SPDX-License-Identifier: Apache-2.0
"""Which of a domain's hosts is used, by what routes and options say of them."""
import pytest

from daemon import wait_for
from peers import send

FAST = ("Retry_Interval = 1\nMax_Retry_Interval = 1\nHost_Failure_Retry = 1\n"
        "Max_Retries = 1000\nIdle_Timeout = 0\n")


def with_dns(dns, tmp_path, port, more=""):
    return (f'Resolv_Conf = "{dns.conf(tmp_path)}"\n'
            f"Remote_SMTP_Port = {port}\n" + FAST + more)


def stop(server):
    server.stop()
    wait_for(lambda: server.open == 0)


def send_until(d, rcpt, server, count=1):
    """Mail after mail, until that server got some."""
    for i in range(200):
        if len(server.messages) >= count:
            return
        n = len(d.records("D"))
        send(d.port, rcpt)
        d.wait_records("D", n + 1)
    raise AssertionError("mail went elsewhere")


def test_the_first_route_alone(impeld, server):
    """Without pref and type: no connection to the second while the first is
    up, the second on failure, the first again after host_failure_retry."""
    first = server(host="127.0.0.2")
    second = server(host="127.0.0.3", port=first.port)
    d = impeld('Routes = ( "127.0.0.2" "127.0.0.3" )\n'
               f"Remote_SMTP_Port = {first.port}\n" + FAST)
    for i in range(10):
        send(d.port, f"r{i}@d{i % 3}.test")
    d.wait_records("D", 10)
    assert len(first.messages) == 10 and second.connections == 0
    stop(first)
    send(d.port, "r@d0.test")
    second.wait(1)
    assert not d.records("T"), "it is the same attempt"
    first = server(host="127.0.0.2", port=second.port)
    send_until(d, "r@d0.test", first)
    n = second.connections
    for i in range(5):
        send(d.port, f"r{i}@d{i % 3}.test")
    first.wait(6)
    assert second.connections == n


@pytest.mark.parametrize("answer", ["NXDOMAIN", "SERVFAIL", "null MX"])
def test_a_gateway_that_is_not_there_delays(impeld, server, dns, tmp_path,
                                            answer):
    """Never a bounce for what an operator wrote; and it may come back."""
    s = server(host="127.0.0.2")
    if answer == "SERVFAIL":
        dns.broken["hub.test"] = answer
    elif answer == "null MX":
        dns.add("hub.test", "MX", "0 .")
    d = impeld(with_dns(dns, tmp_path, s.port,
                        "Gateway = hub.test\nDNS_Failures_To_Purge = 1\n"))
    send(d.port, "to@dest.test")
    for i in range(3):
        d.wait_records("T", i + 1)
        d.ask("dns_cache", "flush", "all")
        d.ask("refresh", "domain", "hub.test")
    assert not d.records("P")
    dns.broken.clear()
    dns.records[("hub.test", "MX")] = [("10 mx.test.", 60)]
    dns.records[("mx.test", "A")] = [("127.0.0.2", 60)]
    d.ask("dns_cache", "flush", "all")
    d.ask("refresh", "domain", "hub.test")
    s.wait()


def test_kinds_of_routes(impeld, server, dns, tmp_path):
    """MX, and without MX the address; type=mx and type=a only that; an address
    as it is; a synthetic domain of a binding; port= before the option's."""
    hosts = [server(host="127.0.0.2")]
    hosts += [server(host=f"127.0.0.{i}", port=hosts[0].port)
              for i in range(3, 7)]
    odd = server(host="127.0.0.2")
    dns.add("both.test", "MX", "10 mx.test.")
    dns.add("both.test", "A", "127.0.0.3")
    dns.add("mx.test", "A", "127.0.0.2")
    dns.add("plain.test", "A", "127.0.0.4")
    names = {"usual": "both.test", "a": "both.test?type=a",
             "mx": "both.test?type=mx", "plain": "plain.test",
             "plainmx": "plain.test?type=mx", "ip": "127.0.0.5?type=mx",
             "port": f"both.test?port={odd.port}"}
    d = impeld(with_dns(
        dns, tmp_path, hosts[0].port, "".join(
            f'Domain "{k}.test" {{ Routes = ( "smtp://{v}" ) }}\n'
            for k, v in names.items()) + """
Domain "#hub" { Routes = ( "127.0.0.6" ) }
Binding "one" { Gateway = "#hub" }
Domain "bound.test" { Assign_Binding = one }
"""))
    for name in (*names, "bound"):
        send(d.port, f"{name}@{name}.test")
    d.wait_records("D", 7)
    assert d.wait_records("T")[0][5] == "plainmx.test"
    got = [sorted(r.split("@")[0] for m in h.messages for r in m.recipients)
           for h in (*hosts, odd)]
    assert got == [["mx", "usual"], ["a"], ["plain"], ["ip"], ["bound"],
                   ["port"]]
    assert ("a.test", "MX") not in dns.asked


def test_only_the_best_mx_of_relay_domains(impeld, server, dns, tmp_path):
    best = server(host="127.0.0.2")
    worse = server(host="127.0.0.3", port=best.port)
    for name in "relayed", "reported", "other":
        dns.add(f"{name}.test", "MX", "10 a.mx.test.")
        dns.add(f"{name}.test", "MX", "20 b.mx.test.")
    dns.add("a.mx.test", "A", "127.0.0.2")
    dns.add("b.mx.test", "A", "127.0.0.3")
    stop(best)
    d = impeld(with_dns(dns, tmp_path, best.port,
                        'Relay_Domains = ( "relayed.test" )\n'
                        'Bounce_Domains = ( "reported.test" )\n'))
    for name in "relayed", "reported", "other":
        send(d.port, f"x@{name}.test")
    worse.wait(1)
    d.wait_records("T", 2)
    assert [m.recipients for m in worse.messages] == [["x@other.test"]]
    d.ask("config", "set", "only_use_best_mx_for_relay_domains", "false")
    for name in "relayed", "reported":
        d.ask("refresh", "domain", f"{name}.test")
    worse.wait(3)


def test_ipv6_only(impeld, server, dns, tmp_path):
    """Mail for a domain that has AAAA records only waits without use_ipv6, and
    arrives with it; a literal needs no option."""
    s = server(host="::1")
    dns.add("six.test", "MX", "10 mx.six.test.")
    dns.add("mx.six.test", "AAAA", "::1")
    dns.add("bare.test", "AAAA", "::1")
    d = impeld(with_dns(dns, tmp_path, s.port,
                        'Domain "written.test" { Routes = ( "[::1]" ) }\n'))
    send(d.port, "x@written.test")
    send(d.port, "x@[IPv6:::1]")
    s.wait(2)
    for name in "six", "bare":
        send(d.port, f"x@{name}.test")
    wait_for(lambda: {r[5] for r in d.records("T")} ==
             {"six.test", "bare.test"})
    assert ("mx.six.test", "AAAA") not in dns.asked
    d.ask("config", "set", "use_ipv6", "true")
    for name in "six", "bare":
        d.ask("refresh", "domain", f"{name}.test")
    s.wait(4)
    assert "[::1]" in d.ask("domain", "six.test")


def test_ipv6_first(impeld, server, dns, tmp_path):
    """prefer_ipv6_mxs: among equals; the other family when that is down."""
    six = server(host="::1")
    four = server(host="127.0.0.2", port=six.port)
    dns.add("dest.test", "MX", "10 a.mx.test.")
    dns.add("dest.test", "MX", "10 b.mx.test.")
    dns.add("a.mx.test", "A", "127.0.0.2")
    dns.add("b.mx.test", "AAAA", "::1")
    d = impeld(with_dns(dns, tmp_path, six.port,
                        "Use_IPv6 = true\nPrefer_IPv6_MXs = true\n"))
    for i in range(6):
        send(d.port, f"r{i}@dest.test")
        six.wait(i + 1)
    assert four.connections == 0
    stop(six)
    send(d.port, "r@dest.test")
    four.wait(1)
    assert not d.records("T")
    six = server(host="::1", port=four.port)
    send_until(d, "r@dest.test", six)


def test_five_hosts_of_the_seeds(impeld, server):
    """The seeds' list with one preference: equals share, and one that is down
    is left out until it is back."""
    hosts = [server(host="127.0.1.1")]
    hosts += [server(host=f"127.0.1.{i}", port=hosts[0].port)
              for i in range(2, 6)]
    stop(hosts[4])
    d = impeld("Routes = ( " + " ".join(
        f'"smtp://127.0.1.{i}?pref=10"' for i in range(1, 6)) + " )\n"
        f"Remote_SMTP_Port = {hosts[0].port}\n" + FAST)
    for i in range(40):
        send(d.port, f"r{i}@dest.test")
        d.wait_records("D", i + 1)
    got = [len(h.messages) for h in hosts[:4]]
    assert sum(got) == 40 and max(got) - min(got) <= 2, got
    assert not d.records("T")
    hosts[4] = server(host="127.0.1.5", port=hosts[0].port)
    send_until(d, "r@dest.test", hosts[4])


GATEWAY, ROUTES = 'Gateway = "127.0.0.2"', 'Routes = ( "127.0.0.3" )'
BY_GATEWAY, BY_ROUTES = "queue it as 127.0.0.2", "queue it as d.test"


@pytest.mark.parametrize("gateway, routes, what", [
    ("global", "global", "exclude each other"),
    ("global", "domain", BY_ROUTES),
    ("global", "binding", "routes is not valid"),
    ("domain", "global", BY_GATEWAY),
    ("domain", "domain", "exclude each other"),
    ("domain", "binding", "routes is not valid"),
    ("binding", "global", BY_GATEWAY),
    ("binding", "domain", BY_GATEWAY),
    ("binding", "binding", "routes is not valid")])
def test_gateway_and_routes(impeld, gateway, routes, what):
    """All nine: a domain's own word is nearer than the global one, a binding's
    gateway nearer than both; both in one stanza, or routes in a binding, do
    not load.  What `explain` says is what delivery does."""
    places = {"global": "", "domain": "", "binding": ""}
    places[gateway] += GATEWAY + "\n"
    places[routes] += ROUTES + "\n"
    d = impeld(places["global"] +
               f'Domain "d.test" {{\n{places["domain"]}}}\n'
               f'Binding "b" {{\n{places["binding"]}}}\n', start=False)
    if not what.startswith("queue"):
        check = d.check()
        assert check.returncode != 0
        assert what in check.stdout + check.stderr
        return
    d.start()
    text = d.ask("explain", "domain", "d.test", "binding", "b")
    assert what in text, text


def test_skipped_and_prohibited(impeld, server, dns, tmp_path):
    """An address that is skipped leaves the others; a prohibited one fails the
    mail, also if it is from a gateway or from routes."""
    good = server(host="127.0.0.2")
    bad = server(host="127.0.0.3", port=good.port)
    for host in "127.0.0.3", "127.0.0.2":
        dns.add("two.test", "A", host)
    dns.add("hub.test", "A", "127.0.0.4")
    d = impeld(with_dns(dns, tmp_path, good.port, """
Skip_Hosts = ( "127.0.0.3" )
Prohibited_Hosts = ( "127.0.0.4/31" )
Domain "by-gateway.test" { Gateway = "hub.test" }
Domain "by-routes.test" { Routes = ( "smtp://127.0.0.5" ) }
"""))
    for i in range(4):
        send(d.port, f"r{i}@two.test")
    for name in "by-gateway", "by-routes":
        send(d.port, f"x@{name}.test", sender="")
    d.wait_records("D", 4)
    assert len(good.messages) == 4 and bad.connections == 0
    for p in d.wait_records("P", 2):
        assert "551 5.4.6 [internal]" in p[-1]


def test_failed_lookups_purge(impeld, dns, tmp_path):
    """After dns_failures_to_purge lookups that failed, while others did not,
    the mail fails too."""
    dns.broken["broken.test"] = "SERVFAIL"
    d = impeld(with_dns(dns, tmp_path, 9, "DNS_Failures_To_Purge = 3\n"))
    send(d.port, "to@broken.test", sender="")

    def failed():
        d.ask("dns_cache", "flush", "all")
        d.ask("dig", "other.test", "A")
        d.ask("refresh", "domain", "broken.test")
        return d.records("P")
    p = wait_for(failed)[0]
    assert "DNS" in p[-1] or "Lookup" in p[-1], p
    assert d.records("T")


def test_failures_delay_a_domain(impeld, server):
    """mx_failures_to_delay: when its hosts have failed so often all of its mail
    is put off, not a message for each failure."""
    def hangs_up(stage, line):
        raise ConnectionError
    s = server(host="127.0.0.2", answer=hangs_up)
    d = impeld(f'Routes = ( "127.0.0.2" )\nRemote_SMTP_Port = {s.port}\n' +
               FAST.replace("Retry_Interval = 1\n", "Retry_Interval = 600\n")
               + "MX_Failures_To_Delay = 3\nMax_Outbound_Connections = 1\n"
               "Suspend_Delivery = true\n")
    for i in range(20):
        send(d.port, f"r{i}@dest.test")
    d.ask("config", "set", "suspend_delivery", "false")
    d.wait_records("T", 20)
    assert 3 <= s.connections <= 4


def test_mx_that_cannot_be_asked(impeld, server, dns, tmp_path):
    """mx_failures_fallback_to_a: after so many failed lookups of the MX the
    address of the name is asked, and does."""
    s = server(host="127.0.0.2")
    dns.add("dest.test", "A", "127.0.0.2")
    dns.broken[("dest.test", "MX")] = "SERVFAIL"
    d = impeld(with_dns(dns, tmp_path, s.port,
                        "MX_Failures_Fallback_To_A = 2\n"))
    send(d.port, "to@dest.test")
    d.wait_records("T")
    for i in range(2, 20):
        if s.messages:
            break
        d.ask("dns_cache", "flush", "all")
        d.ask("refresh", "domain", "dest.test")
        wait_for(lambda: s.messages or len(d.records("T")) >= i)
    s.wait()
    assert ("dest.test", "A") in dns.asked


def test_a_domain_that_is_not_reached_for_long(impeld, server):
    """connect_timeout_to_delay: all of its mail is put off then, as one."""
    down = server(host="127.0.0.2")
    stop(down)
    d = impeld(f'Routes = ( "127.0.0.2" )\nRemote_SMTP_Port = {down.port}\n'
               "Host_Failure_Retry = 1\nRetry_Interval = 600\n"
               "Connect_Timeout_To_Delay = 2\nMax_Outbound_Connections = 1\n"
               "Suspend_Delivery = true\n")
    for i in range(20):
        send(d.port, f"r{i}@dest.test")
    d.ask("config", "set", "suspend_delivery", "false")
    d.wait_records("T", 20)
    # one attempt in each second at most, and only one message in each
    times = [int(r[0]) for r in d.records("T")]
    # (what is put off as one may be told of in two)
    assert sum(t >= max(times) - 1 for t in times) >= 15


def test_a_reserve_for_those_without(impeld, server):
    """server_reserve_outbound_connections: a queue without a connection gets
    one though the server is full."""
    busy, idle = server(host="127.0.0.2", delay=3), server(host="127.0.0.3")
    d = impeld(f"""
Remote_SMTP_Port = {busy.port}
Server_Max_Outbound_Connections = 1
Server_Reserve_Outbound_Connections = 1
Reserve_Maintenance_Interval = 1
Domain "busy.test" {{ Routes = ( "127.0.0.2" ) }}
Domain "idle.test" {{ Routes = ( "127.0.0.3:{idle.port}" ) }}
""")
    send(d.port, "a@busy.test")
    wait_for(lambda: busy.open == 1)
    send(d.port, "b@idle.test")
    idle.wait(1)
    assert busy.open == 1 and not busy.messages
