# SPDX-License-Identifier: Apache-2.0
"""Which stanza an option is taken from: `config eval` says it, and delivery
does it."""
from daemon import wait_for
from peers import send

CONF = """
Routes = ( "127.0.0.1" )
Remote_SMTP_Port = {0}
Retry_Interval = 600
Domain "/^r/" {{ Remote_SMTP_Port = {1} }}
Domain "/x.test$/" {{
  Remote_SMTP_Port = {2}
  Max_Deliveries_Per_Connection = 1
}}
Domain "CaSe.Test" {{ Remote_SMTP_Port = {3} }}
Binding_Group "g" {{
  Remote_SMTP_Port = {4}
  Domain "grouped.test" {{ Remote_SMTP_Port = {5} }}
  Binding "one" {{
    Domain "bound.test" {{ Remote_SMTP_Port = {6} }}
  }}
  Binding "two" {{ Remote_SMTP_Port = {7} }}
}}
Domain "/[.]one$/" {{ Assign_Binding = one }}
Domain "/[.]two$/" {{ Assign_Binding = two }}
Trusted_Peers = ( "127.0.0.0/8" )
"""
# binding, domain, the server that gets it
PLACES = [
    ("default", "plain.test", 0),
    ("default", "rx.test", 1),       # the first pattern that says it
    ("default", "qx.test", 2),
    ("default", "cASE.tEST", 3),
    ("default", "r.case.test", 1),
    ("default", "bound.test", 0),    # of another binding
    ("one", "plain.test", 4),        # from its group
    ("one", "grouped.test", 5),
    ("one", "BOUND.test", 6),        # nearest of all
    ("one", "qx.test", None),        # whatever `config eval` says
    ("two", "plain.test", 7),
    ("two", "grouped.test", None),
]


def test_eval_agrees_with_delivery(impeld, server):
    servers = [server() for _ in range(8)]
    ports = [s.port for s in servers]
    d = impeld(CONF.format(*ports))
    expected = [set() for _ in servers]
    for i, (binding, domain, at) in enumerate(PLACES):
        said = d.ask("config", "eval", "binding", binding, "domain", domain,
                     "remote_smtp_port")
        port = next(p for p in ports if str(p) in said)
        if at is not None:
            assert port == ports[at], (binding, domain, said)
        expected[ports.index(port)].add(f"r{i}@{domain.lower()}")
        send(d.port, f"r{i}@{domain}", headers=f"X-Binding: {binding}\r\n")
    d.wait_records("D", len(PLACES))
    got = [{m.recipients[0].lower() for m in s.messages} for s in servers]
    assert got == expected
    # another option of the same domain is from another stanza
    said = d.ask("config", "eval", "domain", "rx.test",
                 "max_deliveries_per_connection")
    assert "1" in said
    for i in range(3):
        send(d.port, f"again{i}@rx.test")
    servers[1].wait(5)
    assert servers[1].connections >= 4


def test_a_throttle_is_shared_by_its_stanza(impeld, server):
    """Domains that fall back to one stanza share its tokens; one with a stanza
    of its own has its own; a host stanza falls back to nothing."""
    s = server()
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
Outbound_Throttle_Messages = "3/3600"
Max_Outbound_Connections = 1
Domain "own.test" {{ Outbound_Throttle_Messages = "2/3600" }}
Host "127.0.0.1" {{ Max_Outbound_Connections = 9 }}
""")
    for i in range(3):
        for domain in "a.test", "b.test", "own.test":
            send(d.port, f"r{i}@{domain}")
    d.wait_records("D", 5)
    for names in ("a.test", "b.test"), ("own.test",):
        wait_for(lambda: any("(outbound_throttle_messages)" in
                             d.ask("explain", "domain", n) for n in names),
                 what="a throttle for " + " or ".join(names))
    got = [m.recipients[0].split("@")[1] for m in s.messages]
    assert got.count("own.test") == 2 and len(got) == 5


LIMITS = """
Routes = ( "127.0.0.2" )
Remote_SMTP_Port = {port}
Server_Max_Outbound_Connections = 7
Server_Reserve_Outbound_Connections = 0
Host "127.0.0.2" {{ Max_Outbound_Connections = 6 }}
Binding_Group "g" {{
  Server_Max_Outbound_Connections = 5
  Binding "one" {{
    Server_Max_Outbound_Connections = 4
    Domain "/^s/" {{ Scope_Max_Outbound_Connections = 3 }}
    Domain "/^t/" {{ Max_Outbound_Connections = 1 }}
  }}
  Binding "two" {{ }}
}}
Suspend_Delivery = true
"""


def test_all_limits_at_once(impeld, server):
    """None is ever exceeded, each is used up, and all mail goes."""
    s = server(host="127.0.0.2", delay=0.01)
    d = impeld(LIMITS.format(port=s.port) +
               "Trusted_Peers = ( \"127.0.0.0/8\" )\n")
    to = [("one", "s1.test"), ("one", "s2.test"), ("one", "t1.test"),
          ("two", "u.test"), ("default", "v.test")]
    for binding, domain in to:
        for i in range(30):
            send(d.port, f"r{i}@{domain}",
                 headers=f"X-Binding: {binding}\r\n")
    d.ask("config", "set", "suspend_delivery", "false")
    wait_for(lambda: s.open == 6, what="as many as the host may have")
    d.wait_records("D", 150, timeout=60)
    assert s.most == 6
    assert len({m.recipients[0] for m in s.messages}) == 150
    assert not d.records("T")


def test_patterns_of_hosts(impeld, server):
    """Each option from the first pattern in the file that says it."""
    s = server(host="127.0.0.2", delay=0.005)
    d = impeld(f"""
Routes = ( "127.0.0.2" )
Remote_SMTP_Port = {s.port}
Host "/[.]2$/" {{ Max_Outbound_Connections = 3 }}
Host "/^127/" {{
  Max_Outbound_Connections = 1
  Outbound_Throttle_Messages = "20/3600"
}}
Suspend_Delivery = true
""")
    for i in range(30):
        send(d.port, f"r{i}@dest.test")
    d.ask("config", "set", "suspend_delivery", "false")
    d.wait_records("D", 20)
    wait_for(lambda: "(host-throttle)" in
             d.ask("explain", "domain", "dest.test"))
    assert s.most == 3 and len(s.messages) == 20
