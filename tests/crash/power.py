# SPDX-License-Identifier: Apache-2.0
"""The power of a real file system goes: ext4 and xfs on a loop-mounted image,
shut down by ioctl without a flush of the log, at a random moment under load.
What the file system had not sent to its device by then is lost, as are all
writes after it (they give EIO); the journal is replayed at the next mount.

What was sent to the device stays, flushed or not: a disk with a cache of its
own that is lost with the power is what "volatile" plays (volatile.py)."""
import fcntl
import os
import subprocess
import time

from world import wait_for

NAME = "power"
SHARE = 30
IMAGE_BYTES = 320 << 20  # mkfs.xfs wants 300 MB
SHUTDOWN = 0x8004587D  # XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN: _IOR('X', 125, u32)
NO_LOG_FLUSH = 2
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


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
        run_tool(*MAKE[fs], self.file)
        case.at_end(self.drop)

    def mount(self):
        run_tool("mount", "-o", "loop", self.file, self.at)

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
        if os.path.ismount(self.at):
            try:
                self.unmount()
            except AssertionError:
                run_tool("umount", "-l", self.at)
        self.file.unlink()


def refused():
    """Mount one, or say why not."""
    return "not root" if os.geteuid() else why_not(Image)


def why_not(kind):
    import pathlib
    import tempfile
    import types
    ends = []
    with tempfile.TemporaryDirectory(prefix="impel-power.") as d:
        case = types.SimpleNamespace(dir=pathlib.Path(d), at_end=ends.append)
        try:
            for fs in MAKE:
                (case.dir / fs).mkdir()
                case.dir = case.dir / fs
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


def run(case):
    fs = case.chance.choice(list(MAKE))
    case.what = fs
    image = Image(case, fs)
    lose_power_under_load(case, image)


def lose_power_under_load(case, image):
    image.mount()
    w = case.world(spool=image.at / "spool")
    w.start()
    w.load()
    for _ in range(case.chance.choice([1, 1, 2])):
        w.reach(case.chance.uniform(0.02, 0.9))
        time.sleep(case.chance.uniform(0, 0.03))
        cut(case, w, image)
        if case.chance.random() < 0.25:
            case.note("and again in recovery")
            w.start(wait=False)
            time.sleep(case.chance.uniform(0.001, 0.08))
            cut(case, w, image)
        w.start()
    w.finish()
