# SPDX-License-Identifier: Apache-2.0
"""Power loss by the book: a recorder writes down each write, sync and rename
of the daemon's spool (tests/shim/record.c); after a kill a spool is made that
has what was synced for certain, and of the rest what the dice say (disk.py).
Harder than real file systems, which promise more, and needs no root; but what
it knows of syncs is what POSIX says, not what a file system does."""
import os
import shutil
import time

import power
from daemon import BUILD
from disk import Disk
from world import moves

NAME = "record"
SHARE = 20
RECORDER = BUILD / "tests/shim/.libs/record.so"


def refused():
    return None if RECORDER.exists() else f"{RECORDER} is not there"


class Recorder:
    """The spool of a world, recorded from each start on."""

    def __init__(self, case, w):
        self.case, self.w = case, w
        self.number = 0

    def start(self, **how):
        self.number += 1
        self.file = self.case.dir / f"record{self.number}"
        self.disk = Disk(self.w.spool)
        self.w.start(env={"LD_PRELOAD": str(RECORDER),
                          "RECORD_ROOT": str(self.w.spool),
                          "RECORD_TO": str(self.file)}, **how)

    def cut(self, early=False):
        """The power goes now; what is left takes the place of the spool.
        early: nobody waited until the daemon was there."""
        at = time.monotonic()
        self.w.daemon.kill()
        if early and not self.file.exists():
            self.file.touch()  # it had not begun
        self.disk.replay(self.file)
        left = str(self.w.spool) + "-left"
        loose = self.disk.leave(left, self.case.chance)
        self.case.note("uncertain: %d writes, %d names" % loose)
        old = str(self.w.spool) + f"-{self.number}"
        os.rename(self.w.spool, old)
        shutil.copytree(left, str(self.case.dir / f"left{self.number}"))
        os.rename(left, self.w.spool)
        self.w.died(at)


def run(case):
    w = case.world(late=case.chance.random() < 0.1, moving=moves(case))
    w.spool.mkdir()
    r = Recorder(case, w)
    case.what = "posix, with moves" if w.mover else "posix"
    r.start()
    w.load()
    for _ in range(case.chance.choice([1, 1, 2])):
        power.reach_a_moment(case, w)
        r.cut()
        if case.chance.random() < 0.3:
            case.note("and again in recovery")
            r.start(wait=False)
            time.sleep(case.chance.uniform(0.001, 0.08))
            r.cut(early=True)
        r.start()
    w.finish()
