# SPDX-License-Identifier: Apache-2.0
"""XCLIENT from one impeld to another: the second knows the first one's client."""
import re
import socket

from daemon import wait_for
from test_xclient import ATTRIBUTES, hand_in, said, taken

CLIENTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
SECOND = """
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Relay_Hosts = ( %s )
  Trusted_Peers = ( %s )
}
"""


def quoted(addresses):
    return ", ".join(f'"{a}"' for a in addresses)


def second(impeld, server, relay=CLIENTS, trusted=("127.0.0.1",), more=""):
    """One that tells a scripted host again."""
    s = server(extensions=("PIPELINING", ATTRIBUTES), answer=taken)
    return s, impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
                     "XClient = required\nRetry_Interval = 1\n" + more +
                     SECOND % (quoted(relay), quoted(trusted)),
                     listener=False)


def first(impeld, second, xclient, more=""):
    return impeld(f'Routes = ( "smtp://127.0.0.1?port={second.port}" )\n'
                  f"Retry_Interval = 1\nXClient = {xclient}\n" + more)


def senders(d, count=1):
    """The client that the reception of each recipient's message names."""
    return {r[5]: r[9] for r in d.wait_records("R", count)}


def test_all_that_is_known_arrives(impeld, server):
    """Through one connection, for clients in turn; nothing gets mixed up."""
    s, b = second(impeld, server)
    a = first(impeld, b, "required",
              "Max_Outbound_Connections = 1\nSuspend_Delivery = true\n")
    want = {}
    for i in range(12):
        ip = CLIENTS[i % 3]
        port = hand_in(a.port, ip, f"c{i}.test", f"r{i}@dest.test")
        want[f"r{i}"] = (ip, str(port), f"c{i}.test")
    a.ask("config", "set", "suspend_delivery", "false")
    s.wait(12)
    assert senders(b, 12) == {user: ip for user, (ip, _, _) in want.items()}
    # the next host is told the same by the second
    got = sorted((x["ADDR"], x["PORT"], x["HELO"], x["PROTO"])
                 for x in said(s))
    assert got == sorted((*x, "ESMTP") for x in want.values())
    for m in s.messages:
        user = m.recipients[0].split("@")[0]
        ip, _, helo = want[user]
        trace = [" ".join(x.split()) for x in m.header("Received")]
        assert [re.match(r"from (\S+) \(\[([^]]*)\]\)", x).groups()
                for x in trace] == [(helo, ip)] * 2, trace


def test_no_says_nothing(impeld, server):
    s, b = second(impeld, server, relay=("127.0.0.1",))
    a = first(impeld, b, "no")
    hand_in(a.port, "127.0.0.2", "c.test", "r@dest.test")
    s.wait(1)
    assert senders(b) == {"r": "127.0.0.1"}
    assert said(s)[0]["ADDR"] == "127.0.0.1"


def test_ifavailable_goes_without_it(impeld, server):
    """Where it is not offered."""
    s, b = second(impeld, server, relay=("127.0.0.1",), trusted=())
    a = first(impeld, b, "ifavailable")
    hand_in(a.port, "127.0.0.2", "c.test", "r@dest.test")
    s.wait(1)
    assert senders(b) == {"r": "127.0.0.1"}


def test_required_waits_for_it(impeld, server):
    s, b = second(impeld, server, trusted=())
    a = first(impeld, b, "required", "Host_Failure_Retry = 1\n")
    hand_in(a.port, "127.0.0.2", "c.test", "r@dest.test")
    t = a.wait_records("T")[0]
    assert "XCLIENT required but not advertised" in "@".join(t)
    assert not b.records("R")
    b.conf.write_text(b.conf.read_text().replace(
        "Trusted_Peers = (  )", 'Trusted_Peers = ( "127.0.0.1" )'))
    b.ask("config", "reload")
    s.wait(1, timeout=40)
    assert senders(b) == {"r": "127.0.0.2"}


def test_who_may_not_relay_may_not_by_another(impeld, server):
    """The second judges the client; the first returns the message."""
    _, b = second(impeld, server, relay=("127.0.0.1", "127.0.0.3"))
    a = first(impeld, b, "required", "Max_Outbound_Connections = 1\n")
    hand_in(a.port, "127.0.0.2", "c.test", "bad@dest.test")
    hand_in(a.port, "127.0.0.3", "c.test", "good@dest.test")
    b_record = wait_for(lambda: [r for r in a.records("B", "bouncelog")
                                 if r[5] == "bad"])
    assert "550 5.7.1 Relaying denied" in b_record[0]
    wait_for(lambda: "good" in senders(b))
    assert senders(b).get("bad") is None


def test_no_place_for_the_client_puts_its_mail_off(impeld, server):
    s, b = second(impeld, server)
    b.conf.write_text(b.conf.read_text().replace(
        "Trusted_Peers", "Peer 127.0.0.2 { Listener_Sessions = 1 }\n"
        "  Trusted_Peers"))
    b.ask("config", "reload")
    with socket.create_connection(("127.0.0.1", b.port), 20,
                                  source_address=("127.0.0.2", 0)) as c:
        assert c.recv(4) == b"220 "
        a = first(impeld, b, "required")
        hand_in(a.port, "127.0.0.2", "c.test", "r@dest.test")
        hand_in(a.port, "127.0.0.3", "c.test", "q@dest.test")
        assert "Too many sessions" in "@".join(a.wait_records("T")[0])
        s.wait(1)
        assert senders(b) == {"q": "127.0.0.3"}
    s.wait(2, timeout=40)
    assert senders(b, 2) == {"q": "127.0.0.3", "r": "127.0.0.2"}
