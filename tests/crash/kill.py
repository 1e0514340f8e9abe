# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon: what the kernel has stays, what the process had in
memory goes.  Proves that nothing is answered from memory alone, and that a
spool that ends anywhere is recovered; says nothing of the disk."""
import signal
import time

NAME = "kill"
SHARE = 40


def refused():
    """Nothing can refuse it."""
    return None


def under_load(case, w):
    w.reach(case.chance.uniform(0.02, 0.9))
    time.sleep(case.chance.uniform(0, 0.03))
    w.kill()


def in_recovery(case, w):
    """Killed, then killed again up to several times as it starts."""
    w.reach(case.chance.uniform(0.1, 0.9))
    w.kill()
    for _ in range(case.chance.randint(1, 3)):
        w.start(wait=False)
        time.sleep(case.chance.uniform(0.001, 0.08))
        w.kill()


def in_stop(case, w):
    """SIGTERM, and it is not given the time."""
    w.reach(case.chance.uniform(0.1, 0.9))
    w.daemon.process.send_signal(signal.SIGTERM)
    time.sleep(case.chance.uniform(0, 0.15))
    w.kill()


def in_compaction(case, w):
    """Killed when there is a compaction to interrupt: one was begun, or half a
    second has passed."""
    w.reach(case.chance.uniform(0.3, 0.9))
    end = time.monotonic() + 0.5
    while time.monotonic() < end and \
            not any("compact" in x for x in w.daemon.log("mainlog")):
        time.sleep(0.002)
    time.sleep(case.chance.uniform(0, 0.02))
    w.kill()


MOMENTS = (under_load, under_load, under_load, in_recovery, in_recovery,
           in_stop, in_compaction)


def run(case):
    w = case.world()
    moments = [case.chance.choice(MOMENTS)
               for _ in range(case.chance.choice([1, 1, 1, 2, 4]))]
    case.what = "several" if len(moments) > 1 else moments[0].__name__
    case.note(" ".join(m.__name__ for m in moments))
    w.start()
    w.load()
    for m in moments:
        m(case, w)
        w.start()
    w.finish()
