# SPDX-License-Identifier: Apache-2.0
"""`count outbound`: connections by network and binding."""
import threading

from daemon import wait_for
from peers import send


def count(d, *words):
    got = d.ask_json("count", *words)
    return got["connections"], got["busy"]


def test_count_outbound(impeld, server):
    go_on = threading.Event()

    def answer(stage, line):
        if stage == "BODY":  # until then its connection is busy
            go_on.wait(30)

    stuck = server(host="127.0.0.61", answer=answer)
    fast = server(host="127.0.0.62", port=stuck.port)
    d = impeld(f"""
Remote_SMTP_Port = {stuck.port}
Idle_Timeout = 60
Domain stuck.test {{ Gateway = 127.0.0.61 }}
Domain fast.test {{ Gateway = 127.0.0.62 }}
""")
    assert count(d, "outbound") == (0, 0)
    send(d.port, "a@fast.test")
    fast.wait()
    wait_for(lambda: count(d, "outbound") == (1, 0))
    send(d.port, "a@stuck.test")
    wait_for(lambda: count(d, "outbound") == (2, 1))
    assert count(d, "outbound", "127.0.0.61") == (1, 1)
    assert count(d, "outbound", "127.0.0.62/32") == (1, 0)
    assert count(d, "outbound", "127.0.0.0/8") == (2, 1)
    assert count(d, "outbound/default", "127.0.0.60/31") == (1, 1)
    assert count(d, "outbound/nobody") == (0, 0)
    assert count(d, "outbound", "::/0") == (0, 0)
    assert d.ask("count", "outbound", "127.0.0.62").strip() == \
        "1 connection, 0 with mail"
    assert "usage" in d.ask("count", "inbound", ok=False)
    assert d.ask("count", "outbound", "127.0.0.1/33", ok=False)
    go_on.set()
    stuck.wait()
    wait_for(lambda: count(d, "outbound") == (2, 0))
