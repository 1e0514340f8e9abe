# SPDX-License-Identifier: Apache-2.0
"""A host that takes one message from each connection, and hangs up."""
import threading

from peers import send


def test_all_arrive_at_once_and_in_order(impeld, server):
    """What waits behind a message is not put off when the connection ends."""
    last, all_wait = [], threading.Event()

    def one(stage, line):
        if stage == "banner":
            all_wait.wait(20)
        had, last[:] = last[-1:], [stage]
        if had == ["BODY"]:
            raise ConnectionError

    s = server(answer=one)
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               "Retry_Interval = 3600\nMax_Outbound_Connections = 1\n")
    for i in range(12):
        send(d.port, f"r{i}@dest.test")
    all_wait.set()
    s.wait(12)
    assert [m.recipients[0] for m in s.messages] == \
        [f"r{i}@dest.test" for i in range(12)]
    assert s.connections >= 12
    d.wait_records("D", 12)
    assert not d.records("T")
