# SPDX-License-Identifier: Apache-2.0
"""Mail whose hosts are this server itself: it goes round in no circle."""
from daemon import free_port, wait_for
from peers import listening, send

FAST = "Retry_Interval = 1\nHost_Failure_Retry = 1\nRemote_SMTP_Port = @PORT@\n"


def with_dns(impeld, dns, more="", **how):
    """A daemon that delivers to the port that it listens on itself."""
    d = impeld(FAST + more, start=False, **how)
    (d.dir / "resolv.conf").write_text(
        dns.conf(d.dir).read_text())  # the head names that file
    return d


def test_best_mx_fails_at_once(impeld, dns):
    dns.add("loop.test", "MX", "10 me.test.")
    dns.add("loop.test", "MX", "20 other.test.")
    dns.add("me.test", "A", "127.0.0.1")
    dns.add("other.test", "A", "127.0.0.2")
    d = with_dns(impeld, dns).start()
    send(d.port, "r@loop.test", sender="")
    p = d.wait_records("P")[0]
    assert "554 5.4.6 [internal] mail loops back" in p[-1], p
    assert "me.test" in p[-1]
    assert len(d.records("R")) == 1  # nothing came round
    shown = d.ask("domain", "loop.test")
    assert "left out: this server\n" in shown
    assert "left out: no better than this server\n" in shown


def test_only_better_mx_are_used(impeld, server, dns):
    for n, name in (10, "good"), (20, "me"), (20, "equal"), (30, "worse"):
        dns.add("dest.test", "MX", f"{n} {name}.test.")
    for i, name in enumerate(("me", "good", "equal", "worse"), 1):
        dns.add(f"{name}.test", "A", f"127.0.0.{i}")
    d = with_dns(impeld, dns)
    good, equal, worse = (server(host=f"127.0.0.{i}", port=d.port)
                          for i in (2, 3, 4))
    d.start()
    send(d.port, "a@dest.test")
    good.wait()
    good.stop()
    wait_for(lambda: good.open == 0)
    send(d.port, "b@dest.test")
    d.wait_records("T")
    shown = d.ask("explain", "domain", "dest.test")
    assert "left out, it is this server" in shown
    assert shown.count("left out, no better than this server") == 2
    again = server(host="127.0.0.2", port=d.port)
    again.wait()
    d.wait_empty()
    assert equal.connections == 0 and worse.connections == 0
    assert len(d.records("R")) == 2


def test_a_listener_on_every_address(impeld, dns):
    dns.add("loop.test", "A", "127.0.0.77")
    dns.add("name.test", "MX", "5 mta.here.test.")
    dns.add("mta.here.test", "A", "127.0.0.78")
    d = with_dns(impeld, dns, """
ESMTP_Listener { Listen "*:@PORT@" { } Relay_Hosts = ( "127.0.0.0/8" ) }
""", listener=False).start()
    send(d.port, ["r@loop.test", "r@name.test"], sender="")
    assert all("554 5.4.6" in p[-1] for p in d.wait_records("P", 2))
    assert len(d.records("R")) == 2


def test_a_gateway_that_is_this_server_waits(impeld, server):
    """It is a mistake of the configuration, so nothing bounces; a reload ends
    it."""
    other = free_port()
    loop = f'ESMTP_Listener {{ Listen "127.0.0.3:{other}" {{ }} }}\n'
    conf = f'Gateway = "127.0.0.3:{other}"\nRetry_Interval = 3600\n'
    d = impeld(conf + loop)
    send(d.port, "r@dest.test")
    t = d.wait_records("T")[0]
    assert "454 4.4.6 [internal] the gateway is this server itself" in t[-1], t
    assert f"127.0.0.3:{other}" in t[-1]
    assert "the gateway is this server" in \
        d.ask("explain", "domain", "127.0.0.3")
    assert d.records("P") == []
    text = d.conf.read_text()
    d.conf.write_text(text.replace(loop, ""))
    d.ask("config", "reload")
    wait_for(lambda: not listening(other, "127.0.0.3"))
    s = server(host="127.0.0.3", port=other)
    d.ask("flush", "domain", "127.0.0.3")
    s.wait()
    d.wait_empty()
    assert len(d.records("R")) == 1
