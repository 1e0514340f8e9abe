# SPDX-License-Identifier: Apache-2.0
"""A host that drops whoever speaks before the last reply has come."""
import select
import socket
import time

from daemon import wait_for
from peers import Server, send
from test_xclient import routes


class Strict(Server):
    def __init__(self):
        self.early = []
        super().__init__(extensions=("SIZE", "8BITMIME", "DSN"))

    def converse(self, c, f):
        # without a buffer, so that what is not read yet stays where it shows
        super().converse(c, c.makefile("rb", 0))

    def say(self, c, stage, line, usual):
        time.sleep(0.02)
        if select.select([c], [], [], 0)[0]:
            self.early.append(stage)
            raise ConnectionError
        return super().say(c, stage, line, usual)


def test_nothing_is_pipelined_that_was_not_offered(impeld):
    s = Strict()
    try:
        d = impeld(routes(s.port, "no") + "Max_Outbound_Connections = 1\n")
        for i in range(3):
            send(d.port, [f"r{i}@dest.test", f"q{i}@dest.test"])
        s.wait(3)
        d.wait_records("D", 6)
        assert s.early == [] and not d.records("T")
        # it does notice
        with socket.create_connection(("127.0.0.1", s.port), 20) as c:
            assert c.recv(4) == b"220 "
            c.sendall(b"EHLO x.test\r\nMAIL FROM:<a@b.test>\r\n")
        wait_for(lambda: s.early == ["EHLO"])
    finally:
        s.stop()
