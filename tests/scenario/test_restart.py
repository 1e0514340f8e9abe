# SPDX-License-Identifier: Apache-2.0
"""A start with a long queue: all of it is known, none of it lost, nothing that
was finished is delivered again, and mail is taken meanwhile.  At full size:
make bench BENCH=restart."""
import signal

import pytest

from daemon import free_port, wait_for
from peers import send, source

MESSAGES = 20000
TRIED = 3000
AHEAD = 200  # results that come before one of the 20 connections is heard
CONF = """
Spool_Segment_Size = 1M
Server_Max_Outbound_Connections = 20
Retry_Interval = 2
"""


def routes(port):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'


def filled(impeld, port):
    """A daemon that has taken all and delivered nothing."""
    d = impeld(CONF + routes(port) + "Suspend_Delivery = true\n")
    sent = source(d.port, "-n", MESSAGES, "-s", 1024, "-d", 50, "-c", 20)
    assert sent["acknowledged"] == MESSAGES
    return d


def deliver(d):
    d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))


def settled(d, s):
    """How many the sink has served until now, once that is on disk: a result
    that is logged is handed over by who then says the summary, and what is
    accepted behind it is on disk behind it."""
    count = len(s.served())
    d.wait_records("D", count + AHEAD, timeout=60)
    d.summary()
    send(d.port, "behind@dest.test")
    return count


def known(d):
    wait_for(lambda: not d.summary()["Recovering"], what="recovery's end")


@pytest.mark.parametrize("how", ["stop", "kill", "kill, no index"])
def test_nothing_finished_comes_again(impeld, sink, how):
    """A part is delivered, a part put off, and then the end comes: DONEs and
    ATTEMPTs are spread over the segments, and whatever of the indexes is
    there."""
    s = sink("-t", 25, "-d", 3)
    d = filled(impeld, s.port)
    d.terminate()
    deliver(d)
    d.start()
    wait_for(lambda: len(s.served()) >= TRIED, 120, "a part")
    once = settled(d, s)
    if how == "stop":
        d.terminate()
    else:
        d.kill()
    if how == "kill, no index":
        found = list((d.dir / "spool").rglob("*.idx"))
        assert len(found) > 5
        for f in found:
            f.unlink()
    s.process.send_signal(signal.SIGUSR1)  # from now on it takes all
    d.start()
    known(d)
    d.wait_empty(120)
    served = s.served()
    again = len(served) - len(set(served))
    s.report()
    assert len(set(served)) == MESSAGES + 1
    if how == "stop":
        assert not again
    assert not set(served[:once]) & set(served[once:])


def test_mail_is_taken_and_sent_while_the_queue_is_read(impeld, sink, shim):
    """Reads of the spool are slow, so that recovery takes seconds: a new
    message has its 250 and is delivered long before its end, and so is what
    was found first."""
    s = sink()
    d = filled(impeld, s.port)
    d.terminate()
    deliver(d)
    d.shim = shim
    shim.rules("slow read 100 */spool/*.idx")
    d.start()
    send(d.port, "new@dest.test")
    assert d.summary()["Recovering"]
    wait_for(lambda: len(s.served()) > 100 and
             "new@dest.test" in s.served(), 10, "first deliveries")
    assert d.summary()["Recovering"]
    shim.clear()
    known(d)
    wait_for(lambda: len(s.served()) == MESSAGES + 1, 120, "all")
    d.wait_empty()
    assert not s.report()["twice"]
