# SPDX-License-Identifier: Apache-2.0
"""MTA-STS: policies of domains, from a real server of HTTPS, and what follows
from them."""
import json
import time

import pytest

from certificates import Authority
from daemon import wait_for
from httpsserver import Https
from peers import send

PATH = "/.well-known/mta-sts.txt"
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


def policy(mode, *mx, age=604800):
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {m}" for m in mx),
             f"max_age: {age}"]
    return 200, PLAIN, "\r\n".join(lines + [""]).encode()


class World:
    """dest.test with two MX, its policy host, and a daemon that asks for it."""

    def __init__(self, impeld, server, dns, folder, certificates):
        self.dns, self.folder = dns, folder
        self.ca, self.good, self.wrong, of_https = certificates
        self.mx1 = server(host="127.0.0.1", tls=self.good)
        self.port = self.mx1.port
        self.mx2 = server(host="127.0.0.2", port=self.port, tls=self.good)
        self.https = Https(of_https)
        for name, value in (("mx1.test", "127.0.0.1"),
                            ("mx2.test", "127.0.0.2")):
            dns.add(name, "A", value)
        self.domain("dest.test")
        self.impeld = impeld

    def domain(self, name, page=None, id="1"):
        self.dns.add(name, "MX", "10 mx1.test.")
        self.dns.add(name, "MX", "20 mx2.test.")
        self.dns.add(f"mta-sts.{name}", "A", "127.0.0.1")
        self.record(name, id)
        if page:
            self.page(name, page)

    def record(self, name, id):
        self.dns.records[f"_mta-sts.{name}", "TXT"] = [
            (f'"v=STSv1; id={id};"', 60)]

    def page(self, name, page):
        self.https.pages[f"mta-sts.{name}", PATH] = page

    def start(self, more=""):
        self.d = self.impeld(f"""
Resolv_Conf = "{self.dns.conf(self.folder)}"
Remote_SMTP_Port = {self.port}
Retry_Interval = 1
Host_Failure_Retry = 1
use_mta_sts = true
https_ca = "{self.ca.crt}"
tls_ca = "{self.ca.crt}"
mta_sts_port = {self.https.port}
{more}
""")
        return self.d

    def why(self, domain="dest.test"):
        return self.d.ask("explain", "domain", domain)

    def verified(self, n=1):
        """Of each delivery how the host was verified; "" in clear."""
        rows = [dict(w.split("=", 1) for w in r[12].split())
                if len(r) > 12 else {} for r in self.d.wait_records("D", n)]
        return [r.get("verified", "") for r in rows]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    ca = Authority(tmp_path_factory.mktemp("ca"))
    return (ca, ca.context("mx.test", "mx1.test", "mx2.test"),
            ca.context("wrong.test"), ca.context("sts.test", *(
                f"mta-sts.{d}.test" for d in ["dest", *"abcde"])))


@pytest.fixture
def world(impeld, server, dns, tmp_path, certificates):
    w = World(impeld, server, dns, tmp_path, certificates)
    yield w
    w.https.stop()


def test_enforce(world):
    world.page("dest.test", policy("enforce", "mx2.test", "*.other.test"))
    d = world.start("tls = no")  # the stricter of both holds
    send(d.port, "to@dest.test")
    world.mx2.wait()
    # mx1 is better, and not in the policy
    assert world.verified() == ["sts"] and world.mx1.connections == 0
    assert world.https.asked == [("mta-sts.dest.test", PATH)]
    assert "mx2.test" in d.ask("mta_sts", "list")
    shown = d.ask("mta_sts", "show", "dest.test")
    assert "mode: enforce" in shown and "record: 1" in shown
    assert d.ask_json("mta_sts", "show", "dest.test")["policy"]["mx"] == [
        "mx2.test", "*.other.test"]
    words = world.why()
    assert "MTA-STS: enforce, id 1, fetched" in words
    assert "mx1.test 127.0.0.1" in words and \
        "left out, not in its MTA-STS policy" in words
    assert "nothing is known" in d.ask("mta_sts", "show", "x.test", ok=False)
    # a second one asks nobody
    send(d.port, "to@dest.test")
    world.mx2.wait(2)
    assert len(world.https.asked) == 1


def test_wrong_certificate_waits(world):
    world.mx1.tls = world.wrong
    world.page("dest.test", policy("enforce", "mx1.test"))
    d = world.start("tls = ifavailable")
    send(d.port, "to@dest.test")
    wait_for(lambda: "is not for mx1.test" in world.why())
    assert not any(line.startswith(b"MAIL") for line in world.mx1.lines)
    assert world.mx2.connections == 0
    world.mx1.tls = world.good
    world.mx1.wait()
    assert world.verified() == ["sts"]


def test_never_in_clear(world):
    world.mx1.tls = None
    world.page("dest.test", policy("enforce", "mx1.test"))
    d = world.start("tls = ifavailable")
    send(d.port, "to@dest.test")
    wait_for(lambda: d.records("T") or d.records("T", "rejectlog"))
    wait_for(lambda: "STARTTLS" in world.why() or "sts" in world.why())
    assert not any(line.startswith(b"MAIL") for line in world.mx1.lines)
    world.mx1.tls = world.good
    world.mx1.wait()


def test_no_mx_is_named(world):
    world.page("dest.test", policy("enforce", "mail.other.test"))
    d = world.start()
    send(d.port, "to@dest.test")
    wait_for(lambda: "451 4.7.5" in world.why() and
             "no usable MX is named by the domain's MTA-STS policy"
             in world.why())
    assert world.mx1.connections == world.mx2.connections == 0
    # the policy is mended, and somebody does not want to wait for it
    world.page("dest.test", policy("enforce", "*.test"))
    assert "is being asked for" in d.ask("mta_sts", "refresh", "dest.test")
    world.mx1.wait()


def test_who_goes_in_spite_of_tls_asks_no_policy(world):
    """RFC 8689 5, TLS-Required: No: neither certificates nor the choice of hosts
    are the policy's, and other mail of the domain waits all the same."""
    world.page("dest.test", policy("enforce", "mail.other.test"))
    d = world.start()
    send(d.port, "waits@dest.test")
    wait_for(lambda: "no usable MX is named" in world.why())
    send(d.port, "goes@dest.test", headers="TLS-Required: No\r\n")
    assert world.mx1.wait()[0].recipients == ["goes@dest.test"]
    assert "no usable MX is named" in world.why()
    assert d.queued() == 1 and len(world.mx1.messages) == 1


def test_testing_delivers(world):
    world.mx1.tls = world.wrong
    world.page("dest.test", policy("testing", "mx2.test"))
    d = world.start("tls = ifavailable\nidle_timeout = 0")
    send(d.port, "to@dest.test")
    world.mx1.wait()
    # the options alone decide, and what would not do is said
    assert world.verified() == ["none"]
    assert "testing, id 1" in world.why()
    assert "impel_mta_sts_testing_failures_total 1\n" in d.ask("metrics")
    said = d.wait_log("mta-sts-testing")
    assert len(said) == 1 and "host=mx1.test why=not-named" in said[0]
    # the other one is named; its certificate is what is wrong
    world.page("dest.test", policy("testing", "mx1.test"))
    d.ask("mta_sts", "refresh", "dest.test")
    wait_for(lambda: "mx: mx1.test" in d.ask("mta_sts", "list"))
    send(d.port, "to@dest.test")
    world.mx1.wait(2)
    wait_for(lambda: any("why=certificate-host-mismatch" in line
                         for line in d.log("paniclog")))


def test_rotation_and_none(world):
    world.mx1.tls = world.mx2.tls = None
    world.page("dest.test", policy("enforce", "mx1.test"))
    d = world.start()
    send(d.port, "to@dest.test")
    wait_for(lambda: "MTA-STS: enforce" in world.why())
    world.page("dest.test", policy("none", age=86400))
    world.record("dest.test", "2")
    d.ask("mta_sts", "refresh", "dest.test")
    world.mx1.wait()
    assert "MTA-STS: none, id 2" in world.why()


def test_restart_keeps_the_policy(world):
    world.page("dest.test", policy("enforce", "mx1.test"))
    d = world.start()
    send(d.port, "to@dest.test")
    world.mx1.wait()
    # all that could say so is gone
    world.https.stop()
    del world.dns.records["_mta-sts.dest.test", "TXT"]
    world.mx1.tls = None
    for how in (d.terminate, d.kill):
        how()
        d.start()
        send(d.port, "to@dest.test")
        wait_for(lambda: "MTA-STS: enforce, id 1" in world.why() and
                 "STARTTLS" in world.why())
    assert len(world.mx1.messages) == 1 and not world.mx2.connections
    world.mx1.tls = world.good
    world.mx1.wait(3)


def slowly(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain")
    handler.end_headers()
    try:
        for _ in range(300):
            handler.wfile.write(b"x-slow: 1\r\n")
            handler.wfile.flush()
            time.sleep(0.5)
    except OSError:
        pass


def endless(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain")
    handler.end_headers()
    line = b"x-long: " + b"x" * 1000 + b"\r\n"
    try:
        for _ in range(10000):
            handler.wfile.write(line)
    except OSError:
        pass
    handler.close_connection = True


def test_policies_that_cannot_be_had(world):
    """Mail goes as if there was none, and the log says why."""
    good = policy("enforce", "mx2.test")
    moved = (301, {"Location": f"https://mta-sts.dest.test:"
                   f"{world.https.port}{PATH}", **PLAIN}, b"")
    world.page("dest.test", good)
    world.domain("a.test", moved)
    world.domain("b.test", endless)
    world.domain("c.test", (200, {"Content-Type": "text/html"}, good[2]))
    world.domain("d.test", (200, PLAIN, b"\0\xff" * 1000))
    world.domain("e.test", (503, PLAIN, good[2]))
    world.domain("f.test", good)  # not in the certificate
    world.domain("g.test")
    world.dns.records["mta-sts.g.test", "A"] = []
    world.domain("h.test")
    world.dns.records["_mta-sts.h.test", "TXT"].append(
        ('"v=STSv1; id=2;"', 60))
    d = world.start()
    names = [f"{c}.test" for c in "abcdefgh"]
    for n in names:
        send(d.port, f"to@{n}")
    world.mx1.wait(len(names))
    assert not world.mx2.connections

    def failed():
        found = {}
        for line in d.log("paniclog"):
            if "mta-sts-failed" in line:
                words = dict(w.split("=", 1) for w in line.split() if "=" in w)
                found[words["domain"]] = words["why"]
        return found
    wait_for(lambda: len(failed()) == 7, what="a line for each")
    assert failed() == {
        "a.test": "sts-policy-fetch-error", "b.test": "sts-policy-fetch-error",
        "c.test": "sts-policy-invalid", "d.test": "sts-policy-invalid",
        "e.test": "sts-policy-fetch-error", "f.test": "sts-webpki-invalid",
        "g.test": "sts-policy-fetch-error"}
    assert ("mta-sts.dest.test", PATH) not in world.https.asked
    assert "several records" in world.why("h.test")


def test_a_slow_server_holds_up_its_own_domain_only(world):
    world.page("dest.test", slowly)
    world.domain("a.test", policy("enforce", "mx2.test"))
    d = world.start()
    send(d.port, "to@dest.test")
    wait_for(lambda: world.https.asked)
    wait_for(lambda: "the MTA-STS policy of dest.test is being asked for"
             in world.why())
    send(d.port, ["to@a.test"])
    world.mx2.wait()
    send(d.port, "to@dest.test")
    assert len(world.https.asked) == 2 and not world.mx1.messages


def test_what_operators_wrote_is_not_subject(world):
    world.mx1.tls = None
    world.page("dest.test", policy("enforce", "nobody.test"))
    d = world.start("""
Domain "dest.test" { routes = ( "mx1.test" ) }
Domain "gate.test" { gateway = "dest.test" }
Domain "off.test" { use_mta_sts = false }
""")
    world.domain("off.test", policy("enforce", "nobody.test"))
    for n in ("dest.test", "gate.test", "off.test"):
        send(d.port, f"to@{n}")
    world.mx1.wait(3)
    assert not world.https.asked


def test_domains_that_share_hosts(world):
    """The policy of one is not that of another, whatever queue they share."""
    world.page("dest.test", policy("enforce", "mx1.test"))
    world.domain("a.test")
    del world.dns.records["_mta-sts.a.test", "TXT"]
    world.mx1.tls = None
    d = world.start("""
Host "mx1.test" { rollup_mx = true rollup_mx_name = "both.test" }
Host "mx2.test" { rollup_mx = true rollup_mx_name = "both.test" }
""")
    send(d.port, "to@dest.test")
    send(d.port, "to@a.test")
    world.mx1.wait()
    assert world.mx1.messages[0].recipients == ["to@a.test"]
    wait_for(lambda: "MTA-STS: enforce" in world.why())
    world.mx1.tls = world.good
    world.mx1.wait(2)
    assert sorted(world.verified(2)) == ["", "sts"]


def test_what_reports_say(world):
    """Of a policy that cannot be had, and of a host that one does not name."""
    world.page("dest.test", (404, PLAIN, b"no\n"))
    world.domain("a.test", policy("testing", "mx2.test"))
    for name in ("dest.test", "a.test"):
        world.dns.add(f"_smtp._tls.{name}", "TXT",
                      '"v=TLSRPTv1; rua=mailto:to@rua.test"')
    d = world.start("""
tls_reports = true
tls_report_from = "tlsrpt@me.test"
Max_Deliveries_Per_Connection = 1
""")  # sessions are counted: each domain has one of its own
    for name in ("dest.test", "a.test"):
        send(d.port, f"to@{name}")
    world.mx1.wait(2)

    def details(name):
        if name not in d.ask("tls_report", "list"):
            return []
        return [(p["policy"]["policy-type"], f["result-type"])
                for r in json.loads(d.ask("tls_report", "show", name))
                for p in r["policies"] for f in p.get("failure-details", [])]

    wait_for(lambda: ("sts", "sts-policy-fetch-error")
             in details("dest.test"))
    wait_for(lambda: details("a.test") == [("sts", "validation-failure")])
