# SPDX-License-Identifier: Apache-2.0
"""A start with a long queue: all of it is known, none of it lost, nothing that
was finished is delivered again, and mail is taken meanwhile.  At full size:
make bench BENCH=restart."""
import signal
import time

import pytest

from daemon import free_port, wait_for
from peers import send, source

MESSAGES = 20000
TRIED = 3000
GRACE_S = 1.5  # within it a result need not be on disk when the end comes
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
    if how == "stop":
        d.terminate()
    else:
        d.kill()
    ended = time.monotonic()
    time.sleep(0.2)  # what is in the sink's pipe is served by then
    before = dict(s.served_at())
    assert sum(at < ended - GRACE_S for at in before.values()) > 500
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
    after = served[len(before):]
    s.report()
    assert len(set(served)) == MESSAGES
    if how == "stop":
        assert not again
    settled = {r for r, at in before.items() if at < ended - GRACE_S}
    assert not settled & set(after)


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
