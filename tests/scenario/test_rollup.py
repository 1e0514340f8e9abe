# SPDX-License-Identifier: Apache-2.0
"""rollup_mx: domains with the same MX share one queue and its limits."""
import signal

from daemon import wait_for
from peers import send, source

DOMAINS = [f"d{i}.test" for i in range(6)]
HOST = """
Host "/\\.hub\\.test$/" { Rollup_MX = true Rollup_MX_Name = "hub" }
"""


def hub(impeld, server, dns, tmp_path, more="", answer=None, **how):
    s = server(host="127.0.0.2", answer=answer, **how)
    for domain in DOMAINS:
        dns.add(domain, "MX", "10 mx.hub.test.", ttl=1)
    dns.add("mx.hub.test", "A", "127.0.0.2")
    d = impeld(f'Resolv_Conf = "{dns.conf(tmp_path)}"\n'
               f"Remote_SMTP_Port = {s.port}\n"
               "Retry_Interval = 1\nHost_Failure_Retry = 1\n" + HOST + more)
    return d, s


def test_one_queue_and_its_limit(impeld, server, dns, tmp_path):
    d, s = hub(impeld, server, dns, tmp_path,
               'Domain "hub" { Max_Outbound_Connections = 2 }\n', delay=0.02)
    for i in range(60):
        send(d.port, f"r{i}@{DOMAINS[i % 6]}")
    s.wait(60)
    d.wait_empty()
    assert 1 <= s.most <= 2, s.most
    # logs say whose mail it was
    assert {r[5] for r in d.wait_records("D", 60)} == set(DOMAINS)
    assert "Deliveries: 10" in d.ask("domain", "d0.test")
    assert sorted(m.recipients[0] for m in s.messages) == \
        sorted(f"r{i}@{DOMAINS[i % 6]}" for i in range(60))


def test_a_throttle_for_all(impeld, server, dns, tmp_path):
    d, s = hub(impeld, server, dns, tmp_path,
               'Domain "hub" { Outbound_Throttle_Messages = "3/3600" }\n')
    for domain in DOMAINS:
        send(d.port, f"r@{domain}")
    s.wait(3)
    wait_for(lambda: "outbound_throttle_messages" in
             d.ask("explain", "domain", "hub"))
    assert len(s.messages) == 3
    waits = [name for name in DOMAINS
             if "queue default/hub" in d.ask("explain", "domain", name)]
    assert len(waits) == 3, waits
    said = d.ask("explain", "domain", waits[0])
    assert "(rollup)" in said and "rollup_mx" in said, said


def test_mail_in_the_shared_queue_is_found(impeld, server, dns, tmp_path):
    """By its own domain, too: it is in one row of queues, and beside another."""
    d, s = hub(impeld, server, dns, tmp_path,
               'Domain "hub" { Outbound_Throttle_Messages = "1/3600" }\n')
    send(d.port, "first@d0.test")
    s.wait(1)
    for name in ("a", "b"):
        send(d.port, f"{name}@d1.test")
    row = wait_for(lambda: "and 2 in a shared queue" in
                   d.ask("mailq", "-d", "d1.test") and
                   d.ask_json("mailq", "-d", "d1.test")["queues"])
    assert row[0]["in_shared"] == 2 and row[0]["active"] == 0
    rows = d.ask_json("mailq")["queues"]
    assert {(r["domain"], r["active"], r["in_shared"]) for r in rows} == {
        ("hub", 2, 0), ("d1.test", 0, 2)}
    for domain in ("d1.test", "hub"):
        found = d.ask_json("showqueue", domain)["messages"]
        assert sorted(m["to"] for m in found) == ["a@d1.test", "b@d1.test"]
    assert sum(r["active"] + r["delayed"] for r in rows) == d.queued() == 2


def test_mx_that_change(impeld, server, dns, tmp_path):
    """What is put off looks at its own domain again, and a restart too."""
    def later(stage, line):
        return b"451 4.2.1 later\r\n" if stage == "RCPT" else None
    d, s = hub(impeld, server, dns, tmp_path, answer=later)
    other = server(host="127.0.0.3", port=s.port)
    send(d.port, "a@d0.test")
    send(d.port, "b@d1.test")
    wait_for(lambda: {r[5] for r in d.records("T")} == {"d0.test", "d1.test"})
    dns.add("mx.other.test", "A", "127.0.0.3")
    dns.records["d1.test", "MX"] = [("10 mx.other.test.", 1)]
    d.ask("refresh", "domain", "d1.test")
    other.wait()
    assert other.messages[0].recipients == ["b@d1.test"]
    d.kill()
    d.start()
    s.answer = lambda stage, line: None
    s.wait()
    assert s.messages[0].recipients == ["a@d0.test"]
    d.wait_empty()


def test_a_host_that_is_down(impeld, server, dns, tmp_path):
    d, s = hub(impeld, server, dns, tmp_path)
    s.stop()
    for domain in DOMAINS:
        send(d.port, f"r@{domain}")
    wait_for(lambda: "hosts-down" in d.ask("explain", "domain", "hub") or
             d.records("T"))
    again = server(host="127.0.0.2", port=s.port)
    again.wait(6)
    d.wait_empty()
    assert d.records("P") == []


def test_many_domains_little_memory_and_a_crash(impeld, sink, dns, tmp_path):
    """Homes wait in line for the little room there is; nothing is lost."""
    s = sink("-d", 3)  # so that there is time for a kill in the middle
    for i in range(200):
        dns.add(f"d{i}.bench.test", "MX", "10 mx.hub.test.")
    dns.add("mx.hub.test", "A", "127.0.0.1")
    d = impeld(f'Resolv_Conf = "{dns.conf(tmp_path)}"\n'
               f"Remote_SMTP_Port = {s.port}\nMax_Resident_Messages = 50\n"
               "Suspend_Delivery = true\n"
               'Domain "hub" { Max_Outbound_Connections = 4 }\n' + HOST)
    source(d.port, "-n", 4000, "-s", 512, "-c", 4, "-d", 200)
    assert not s.served()
    d.write(d.conf.read_text().replace("Suspend_Delivery = true\n", ""))
    d.ask("config", "reload")
    wait_for(lambda: len(s.served()) > 500, 60, "500 of the mails")
    d.kill()
    assert len(s.served()) < 4000
    s.process.send_signal(signal.SIGUSR1)
    d.start()
    wait_for(lambda: len(set(s.served())) == 4000, 60, "all mail")
    d.wait_empty()
    assert not d.records("T")
