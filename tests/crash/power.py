# SPDX-License-Identifier: Apache-2.0
"""The power of a real file system goes: ext4 and xfs on a loop-mounted image,
shut down by ioctl without a flush of the log, at a random moment under load.
What the file system had not sent to its device by then is lost, as are all
writes after it (they give EIO); the journal is replayed at the next mount.

What was sent to the device stays, flushed or not: a disk with a cache of its
own that is lost with the power is what cache.py adds."""
import errno
import fcntl
import os
import pathlib
import random
import subprocess
import tempfile
import time
import types

from world import wait_for

NAME = "power"
SHARE = 30
IMAGE_BYTES = 320 << 20  # mkfs.xfs wants 300 MB
SHUTDOWN = 0x8004587D  # XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN: _IOR('X', 125, u32)
NO_LOG_FLUSH = 2
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
OPTIONS = {"ext4": ["data=ordered", "data=ordered", "data=writeback",
                    "data=journal"], "xfs": ["noatime"]}
if "IMPEL_CRASH_EXT4" in os.environ:  # how a test of these tests breaks them
    OPTIONS["ext4"] = [os.environ["IMPEL_CRASH_EXT4"]]
    MAKE.pop("xfs")


def run_tool(*words):
    p = subprocess.run(list(map(str, words)), capture_output=True, text=True,
                       timeout=60)
    if p.returncode != 0:
        raise OSError(f"{' '.join(map(str, words))}: {p.stderr.strip()}")


class Image:
    """A file system in a file, mounted by a loop device."""

    def __init__(self, case, fs):
        self.file, self.at = case.dir / "image", case.dir / "mount"
        self.at.mkdir()
        with open(self.file, "wb") as f:
            f.truncate(IMAGE_BYTES)
        self.options = case.chance.choice(OPTIONS[fs])
        case.note(f"{fs} {self.options}")
        case.at_end(self.drop)
        run_tool(*MAKE[fs], self.file)

    def mount(self):
        self.mount_file(self.file)

    def mount_file(self, file):
        run_tool("mount", "-o", f"loop,{self.options}", file, self.at)

    def is_mounted(self):
        # to ask the file system itself is no use when its disk is gone
        return f" {self.at} " in pathlib.Path("/proc/self/mountinfo").read_text()

    def lose_power(self):
        fd = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, NO_LOG_FLUSH.to_bytes(4, "little"))
        finally:
            os.close(fd)

    def power_on(self):
        """What the machine finds when it starts again, mounted."""
        self.unmount()
        self.mount()

    def unmount(self):
        # who was killed a moment ago may still have it
        wait_for(lambda: subprocess.run(
            ["umount", str(self.at)], capture_output=True).returncode == 0,
            10, "umount")

    def drop(self):
        """It is of no use any more, whatever state it is in."""
        if self.is_mounted():
            try:
                self.unmount()
            except AssertionError:
                run_tool("umount", "-l", self.at)
        self.file.unlink()


def refused(kind=Image):
    """Mount one of each, or say why not."""
    if os.geteuid():
        return "not root"
    for fs in MAKE:
        ends = []
        with tempfile.TemporaryDirectory(prefix="impel-power.") as d:
            case = types.SimpleNamespace(
                dir=pathlib.Path(d), at_end=ends.append, note=str,
                chance=random.Random(1))
            try:
                kind(case, fs).mount()
            except OSError as e:
                return str(e)
            finally:
                for f in ends:
                    f()
    return None


def cut(case, w, image):
    """The power goes; the daemon lives on without a disk for a moment."""
    at = time.monotonic()
    image.lose_power()
    time.sleep(case.chance.choice([0, case.chance.uniform(0, 0.2)]))
    w.daemon.kill()
    image.power_on()
    w.died(at)


def fill(case, w, image):
    """Hardly anything is free; mail is refused when it is gone."""
    room = case.chance.randint(0, 5_000_000)
    case.note(f"the file system was filled, but for {room} octets")
    with open(image.at / "filler", "wb") as f:
        for more in range(5):  # the daemon takes some of it meanwhile
            s = os.statvfs(image.at)
            n = s.f_bavail * s.f_frsize - room - more * (1 << 20)
            try:
                os.posix_fallocate(f.fileno(), 0, max(1, n))
                break
            except OSError as e:
                if e.errno != errno.ENOSPC:
                    raise
    time.sleep(case.chance.uniform(0, 0.7))


def reach_a_moment(case, w):
    """Under load, or when segments are copied."""
    if w.late:
        case.what += ", compaction"
        w.reach(1)
        w.reach_compaction()
        w.late = False
    else:
        w.reach(case.chance.uniform(0.02, 0.9))
        time.sleep(case.chance.uniform(0, 0.03))


def run(case, kind=Image):
    fs = case.chance.choice(list(MAKE))
    case.what = fs
    image = kind(case, fs)
    image.mount()
    w = case.world(spool=image.at / "spool", late=case.chance.random() < 0.1)
    w.start()
    w.load()
    for _ in range(case.chance.choice([1, 1, 2])):
        reach_a_moment(case, w)
        if case.chance.random() < 0.15:
            case.what += ", full"
            fill(case, w, image)
        cut(case, w, image)
        (image.at / "filler").unlink(missing_ok=True)
        if case.chance.random() < 0.25:
            case.note("and again in recovery")
            w.start(wait=False)
            time.sleep(case.chance.uniform(0.001, 0.08))
            cut(case, w, image)
        w.start()
    w.finish()
