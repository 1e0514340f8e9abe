# SPDX-License-Identifier: Apache-2.0
"""A host at its limit: sessions that have nothing to do make room in it."""
from concurrent.futures import ThreadPoolExecutor

from peers import send

LONG = "Idle_Timeout = 600\n"  # longer than any test


def test_a_sibling_takes_over(impeld, server):
    s = server()
    d = impeld(f"""
Remote_SMTP_Port = {s.port}
Routes = ( "127.0.0.1" )
Host "127.0.0.1" {{ Max_Outbound_Connections = 2 }}
""" + LONG)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: send(d.port, f"to@d{i}.test"), range(40)))
    d.wait_records("D", 40)
    assert s.most <= 2 and s.connections <= 2
    assert len(s.messages) == 40


def test_another_binding_gets_a_place(impeld, server):
    """Its session must be another one: the idle one ends first."""
    s = server()
    d = impeld(f"""
Remote_SMTP_Port = {s.port}
Routes = ( "127.0.0.1" )
Host "127.0.0.1" {{ Max_Outbound_Connections = 1 }}
Binding "one" {{ }}
Binding "two" {{ }}
Domain "one.test" {{ Assign_Binding = one }}
Domain "two.test" {{ Assign_Binding = two }}
""" + LONG)
    for i in range(4):
        send(d.port, f"to{i}@{('one', 'two')[i % 2]}.test")
        d.wait_records("D", i + 1)
    assert s.most == 1 and s.connections == 4
