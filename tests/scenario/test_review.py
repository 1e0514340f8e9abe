# SPDX-License-Identifier: Apache-2.0
"""Connections that have work without end follow the hosts and the options."""
import smtplib
import time

from daemon import wait_for

FAST = ("Retry_Interval = 1\nHost_Failure_Retry = 1\n"
        "Suspend_Delivery = true\n"  # until all of it is there
        "Max_Outbound_Connections = 2\n")
LOAD = 100  # messages at 0.1 s each over two connections: 5 s of work


def slowly(stage, line):
    if stage == "BODY":
        time.sleep(0.1)


def with_dns(dns, tmp_path, port):
    return (f'Resolv_Conf = "{dns.conf(tmp_path)}"\n'
            f"Remote_SMTP_Port = {port}\n" + FAST)


def fill(d):
    with smtplib.SMTP("127.0.0.1", d.port) as c:
        for i in range(LOAD):
            c.sendmail("a@origin.test", f"r{i}@dest.test",
                       "Subject: x\r\n\r\nx\r\n")
    d.ask("config", "set", "suspend_delivery", "false")


def delivered_once(*servers):
    got = [r for s in servers for m in s.messages for r in m.recipients]
    assert sorted(got) == sorted(f"r{i}@dest.test" for i in range(LOAD))


def test_better_host_returns_under_load(impeld, server):
    worse = server(host="127.0.0.3", answer=slowly)
    best = server(host="127.0.0.2", port=worse.port)
    best.stop()
    d = impeld(f'Routes = ( "127.0.0.2" "127.0.0.3" )\n'
               f"Remote_SMTP_Port = {worse.port}\n" + FAST)
    fill(d)
    worse.wait(5)
    best = server(host="127.0.0.2", port=worse.port, answer=slowly)
    best.wait(10)
    at_worse = len(worse.messages)
    best.wait(30)
    assert len(worse.messages) - at_worse <= 2
    d.wait_empty()
    delivered_once(best, worse)


def test_refreshed_record_is_followed_under_load(impeld, server, dns, tmp_path):
    old = server(host="127.0.0.2", answer=slowly)
    new = server(host="127.0.0.3", port=old.port, answer=slowly)
    dns.add("dest.test", "MX", "10 a.mx.test.", ttl=600)
    dns.add("a.mx.test", "A", "127.0.0.2", ttl=600)
    d = impeld(with_dns(dns, tmp_path, old.port))
    fill(d)
    old.wait(5)
    dns.records[("a.mx.test", "A")] = [("127.0.0.3", 600)]
    old.wait(15)
    assert not new.messages  # the record is still good
    d.ask("refresh", "domain", "dest.test")
    new.wait(1)
    at_old = len(old.messages)
    new.wait(20)
    assert len(old.messages) - at_old <= 2
    d.wait_empty()
    delivered_once(old, new)


def test_expired_record_is_followed_under_load(impeld, server, dns, tmp_path):
    old = server(host="127.0.0.2", answer=slowly)
    new = server(host="127.0.0.3", port=old.port, answer=slowly)
    dns.add("dest.test", "MX", "10 a.mx.test.", ttl=2)
    dns.add("a.mx.test", "A", "127.0.0.2", ttl=2)
    d = impeld(with_dns(dns, tmp_path, old.port) + "Min_DNS_TTL = 1\n")
    fill(d)
    old.wait(5)
    dns.records[("a.mx.test", "A")] = [("127.0.0.3", 600)]
    new.wait(20, timeout=30)
    wait_for(lambda: old.open == 0)
    d.wait_empty()
    delivered_once(old, new)


def test_lower_limit_closes_what_is_too_many(impeld, server):
    s = server(answer=slowly)
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + FAST)
    fill(d)
    wait_for(lambda: s.open == 2)
    d.ask("config", "set", "max_outbound_connections", "1")
    wait_for(lambda: s.open == 1)
    n = len(s.messages)
    s.wait(n + 5)
    assert s.open == 1
