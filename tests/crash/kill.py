# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon: what the kernel has stays, what the process had in
memory goes.  Proves that nothing is answered from memory alone, and that a
spool that ends anywhere is recovered; says nothing of the disk."""
import signal
import subprocess
import time

from daemon import IMPEL
from world import moves

NAME = "kill"
SHARE = 40


# The kernel keeps what was written, synced or not.
NO_SYNC = "Spool_Sync = none\n"


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
    w.reach(1)
    w.reach_compaction()
    w.kill()


def in_offline_compaction(case, w):
    """The daemon is killed, and then `impel spool compact`."""
    w.reach(case.chance.uniform(0.3, 1))
    w.kill()
    with subprocess.Popen([str(IMPEL), "spool", "compact", str(w.spool)],
                          stdout=subprocess.DEVNULL) as p:
        time.sleep(case.chance.uniform(0.001, 0.05))
        p.kill()
    w.look()


def run_long(case):
    """Minutes of a busy day in seconds: what was served more than a moment
    before a kill must be DONE on disk by then."""
    w = case.world(times=8, moving=moves(case))
    rounds = case.chance.randint(2, 6)
    w.start()
    w.load()
    for i in range(rounds):
        w.reach((i + case.chance.uniform(0.1, 0.9)) / rounds)
        w.kill()
        w.start()
    w.finish()


MOMENTS = (under_load, under_load, under_load, in_recovery, in_recovery,
           in_stop, in_compaction, in_offline_compaction)


def run(case):
    if case.chance.random() < 0.05:
        case.what = "in a long run"
        run_long(case)
        return
    moments = [case.chance.choice(MOMENTS)
               for _ in range(case.chance.choice([1, 1, 1, 2, 4]))]
    w = case.world(late=in_compaction in moments, moving=moves(case),
                   more=case.chance.choice([*4 * [""], NO_SYNC]))
    case.what = "several" if len(moments) > 1 else moments[0].__name__
    if w.mover:
        case.what += " with moves"
    case.note(" ".join(m.__name__ for m in moments))
    w.start()
    w.load()
    for m in moments:
        m(case, w)
        w.start()
    w.finish()
