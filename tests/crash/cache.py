# SPDX-License-Identifier: Apache-2.0
"""Power loss with a disk that has a volatile cache (cache.c): ext4 and xfs on
a loop device whose file is served by a process of ours.  Only what the file
system flushed is on its image for certain; of all other writes to the device,
its journal's among them, the dice say what is there, torn at 512 or 4096
octets and in any order.  What the spool needs then is that the daemon asks for
a sync, that the file system makes a flush of it, and that both wait."""
import subprocess

import power
from world import BUILD

NAME = "cache"
SHARE = 30
SERVER = BUILD / "tests/crash/cache"


class CachedImage(power.Image):
    def __init__(self, case, fs):
        super().__init__(case, fs)
        self.case, self.server = case, None
        self.below = case.dir / "cache"
        self.below.mkdir()
        self.grain = case.chance.choice([512, 4096])

    def mount(self):
        self.server = subprocess.Popen(
            [str(SERVER), str(self.file), str(self.below), str(self.grain)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.server.stdout.readline() != "ready\n":
            raise OSError("no FUSE here")
        self.mount_file(self.below / "disk")

    def lose_power(self):
        keep = self.case.chance.choice([0, 10, 50, 90, 100])
        self.server.stdin.write(
            f"{self.case.chance.getrandbits(60)} {keep}\n")
        self.server.stdin.flush()
        writes, lost = self.server.stdout.readline().split()
        self.case.note(f"{writes} writes to the device were not flushed, "
                       f"{lost} parts of them are lost")

    def unmount(self):
        if self.is_mounted():
            super().unmount()
        self.end_server()

    def end_server(self):
        if not self.server:
            return
        subprocess.run(["umount", str(self.below)], capture_output=True)
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            subprocess.run(["umount", "-l", str(self.below)])
            self.server.kill()
            self.server.wait()
        self.server.stdin.close()
        self.server.stdout.close()
        self.server = None

    def drop(self):
        self.unmount()
        super().drop()


def refused():
    return power.refused(CachedImage)


def run(case):
    power.run(case, CachedImage)
