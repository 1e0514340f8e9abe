# SPDX-License-Identifier: Apache-2.0
"""A restart under a service manager that keeps the listening sockets: nobody
who connects is refused, no mail is lost, and what is no more in the
configuration is let go."""
import smtplib
import socket
import threading

import pytest

from daemon import free_port, wait_for
from servicemanager import ServiceManager

LOOPS = 'EventLoop "main" {{ concurrency = {} }}\n'
RESTARTS = 3


@pytest.fixture
def managed(impeld):
    """A factory: a daemon that is not started, and its service manager."""
    made = []

    def make(conf, **how):
        made.append(ServiceManager(impeld(conf, start=False), **how))
        return made[-1]

    yield make
    for m in made:
        m.finish()


class Client(threading.Thread):
    """Connects, is greeted, sends a message, again and again."""

    def __init__(self, port, name, host="127.0.0.1"):
        super().__init__()
        self.at, self.name = (host, port), name
        self.stopped = threading.Event()
        self.refused, self.acknowledged, self.greeted = [], [], 0

    def run(self):
        while not self.stopped.is_set():
            try:
                s = smtplib.SMTP(*self.at, timeout=30)
            except (OSError, smtplib.SMTPException) as e:
                self.refused.append(repr(e))
                continue
            self.greeted += 1
            to = f"{self.name}-{self.greeted}@dest.test"
            try:
                s.sendmail("s@src.test", [to], "Subject: x\r\n\r\nx\r\n")
                self.acknowledged.append(to)
                s.quit()
            except (OSError, smtplib.SMTPException):
                s.close()  # 421, between two messages: it comes again

    def stop(self):
        self.stopped.set()
        self.join(60)
        assert not self.is_alive()


def routes(port):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'


def kept_name(d):
    return f"127.0.0.1_{d.port}"


def greeting(port):
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.settimeout(20)
        return s.recv(200)


def test_nobody_is_refused_while_it_restarts(managed, sink):
    s = sink()
    m = managed(LOOPS.format(2) + routes(s.port))
    d = m.start()
    wait_for(lambda: len(m.store) == 2, what="a socket of each loop")
    clients = [Client(d.port, f"c{i}") for i in range(3)]
    for c in clients:
        c.start()
    for i in range(RESTARTS):
        before = [c.greeted for c in clients]
        m.restart()
        wait_for(lambda: all(c.greeted > n + 3 for c, n in
                             zip(clients, before)), what="clients")
    for c in clients:
        c.stop()
    assert [c.refused for c in clients] == [[], [], []]
    sent = sorted(to for c in clients for to in c.acknowledged)
    assert len(sent) > 3 * RESTARTS
    d.wait_empty()
    wait_for(lambda: set(sent) <= set(s.served()), what="all that was sent")
    assert len(m.store) == 2
    assert m.count("STOPPING") == RESTARTS


def test_who_comes_while_nobody_runs_waits(managed):
    m = managed("")
    d = m.start()
    wait_for(lambda: m.store, what="the socket")
    d.terminate()
    with socket.create_connection(("127.0.0.1", d.port), 10) as s:
        m.start()
        s.settimeout(20)
        assert s.recv(200).startswith(b"220 ")
    assert "listener-not-taken-over" not in "\n".join(d.log("paniclog"))


def greeted(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.settimeout(20)
        return s.recv(200).startswith(b"220 ")


def test_a_path_outlives_it_too(managed):
    m = managed('ESMTP_Listener { Listen "@DIR@/submit" { file_mode = 0666 } }')
    d = m.start()
    wait_for(lambda: len(m.store) == 2, what="the sockets")
    d.terminate()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(d.dir / "submit"))
        m.start()
        s.settimeout(20)
        assert s.recv(200).startswith(b"220 ")
    d.terminate()
    (d.dir / "submit").unlink()  # nobody could come to that socket any more
    m.start()
    assert greeted(d.dir / "submit")
    wait_for(lambda: len(m.store) == 2, what="the new socket in its place")


def test_without_a_store_the_port_is_free(managed):
    m = managed("", room=0)
    d = m.start()
    assert greeting(d.port).startswith(b"220 ")
    d.terminate()
    assert m.store == []
    with pytest.raises(ConnectionRefusedError):
        greeting(d.port)
    m.start()
    assert greeting(d.port).startswith(b"220 ")


@pytest.mark.parametrize("before, after", [(3, 1), (1, 3)])
def test_another_number_of_loops(managed, before, after):
    """No socket is without a loop that accepts from it."""
    m = managed(LOOPS.format(before))
    d = m.start()
    wait_for(lambda: len(m.store) == before, what="sockets")
    d.terminate()
    d.write(d.conf.read_text().replace(
        LOOPS.format(before), LOOPS.format(after)))
    m.start()
    for _ in range(24):
        assert greeting(d.port).startswith(b"220 ")
    wait_for(lambda: len(m.store) == 3, what="sockets")


def test_an_address_that_is_gone_is_let_go(managed):
    other = free_port()
    more = f'ESMTP_Listener {{ Listen "127.0.0.1:{other}" {{ }} }}\n'
    m = managed(more)
    d = m.start()
    wait_for(lambda: len(m.names()) == 2, what="both sockets")
    d.terminate()
    d.write(d.conf.read_text().replace(d.fill(more), ""))
    m.start()
    wait_for(lambda: m.names() == [kept_name(d)], what="one to be forgotten")
    wait_for(lambda: f"listener-not-taken-over addr=127.0.0.1:{other}" in
             "\n".join(d.log("paniclog")), what="the line about it")
    with pytest.raises(ConnectionRefusedError):
        greeting(other)
    assert greeting(d.port).startswith(b"220 ")


def test_a_reload_changes_what_is_kept(managed):
    other = free_port()
    more = f'ESMTP_Listener {{ Listen "127.0.0.1:{other}" {{ }} }}\n'
    m = managed("")
    d = m.start()
    d.append(more)
    d.ask("config", "reload")
    wait_for(lambda: len(m.names()) == 2, what="the new one")
    d.write(d.conf.read_text().replace(d.fill(more), ""))
    d.ask("config", "reload")
    wait_for(lambda: m.names() == [kept_name(d)], what="it to be forgotten")
    with pytest.raises(ConnectionRefusedError):
        greeting(other)


def test_a_start_that_fails_loses_no_socket(managed):
    m = managed("")
    d = m.start()
    good = d.conf.read_text()
    wait_for(lambda: m.store, what="the socket")
    d.terminate()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        d.append(f'ESMTP_Listener {{ Listen "127.0.0.1:'
                 f'{taken.getsockname()[1]}" {{ }} }}\n')
        with pytest.raises(AssertionError, match="cannot bind"):
            m.start()
        assert m.names() == [kept_name(d)]
    d.write(good)
    m.start()
    assert greeting(d.port).startswith(b"220 ")


def test_watchdog_is_fed(managed):
    m = managed(LOOPS.format(2), watchdog_s=2)
    m.start()
    fed = m.count("WATCHDOG")
    wait_for(lambda: m.count("WATCHDOG") >= fed + 2, what="food")
