# SPDX-License-Identifier: Apache-2.0
"""What stands between the daemon and the disk in other tests does what its
rules say."""
import os
import subprocess
import time

SCRIPT = r"""
import os, sys
f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
def say(what):
    try:
        print(what())
    except OSError as e:
        print(os.strerror(e.errno))
for i in range(4):
    say(lambda: os.pwritev(f, [b"abcd", b"efgh"], 8 * i))
say(lambda: os.write(f, b"12345678"))
say(lambda: os.fsync(f))
say(lambda: os.fdatasync(f))
say(lambda: os.ftruncate(f, 8))
say(lambda: os.posix_fallocate(f, 0, 8))
say(lambda: os.pread(f, 2, 0))
say(lambda: os.mkdir(sys.argv[1] + ".d"))
say(lambda: os.rename(sys.argv[1], sys.argv[1] + ".new"))
say(lambda: os.unlink(sys.argv[1] + ".new"))
"""


def run(shim, path):
    p = subprocess.run(["/usr/bin/python3", "-c", SCRIPT, str(path)],
                       env={**os.environ, **shim.environment()},
                       capture_output=True, text=True, timeout=60)
    return p.stdout.split("\n")[:-1], p.returncode


def test_without_rules_it_changes_nothing(shim, tmp_path):
    said, _ = run(shim, tmp_path / "f")
    assert said == ["8", "8", "8", "8", "8", "None", "None", "None", "None",
                    "b'12'", "None", "None", "None"]
    assert shim.hits() == []


def test_calls_fail_are_short_and_are_counted(shim, tmp_path):
    full, bad = os.strerror(28), os.strerror(5)
    shim.rules("fail write 2 1 ENOSPC */f",
               "short write 3 2 5 */f",
               "fail sync 2 0 EIO */f",
               "fail truncate,mkdir 1 0 ENOSPC */f*",
               "fail rename 1 1 EIO */f.new",
               "count write */f",
               "fail write 1 0 EIO */another")
    said, _ = run(shim, tmp_path / "f")
    assert said[:5] == ["8", full, "5", "5", "8"]
    assert said[5:8] == ["None", bad, full]
    assert said[9:] == ["b'12'", full, bad, os.strerror(2)]
    assert shim.counts() == [(5, 1), (5, 2), (2, 1), (2, 2), (1, 1), (5, 0),
                             (0, 0)]
    assert [(call, rule) for _, call, rule, _ in shim.hits()] == [
        ("write", 0), ("write", 1), ("write", 1), ("sync", 2),
        ("truncate", 3), ("mkdir", 3), ("rename", 4)]


def test_slow_calls_take_their_time_and_one_kills(shim, tmp_path):
    shim.rules("slow sync 150 */f", "kill mkdir 1 *")
    begun = time.monotonic()
    said, code = run(shim, tmp_path / "f")
    assert time.monotonic() - begun >= 0.3
    assert code == -9 and len(said) <= 10


def test_rules_change_while_a_program_runs(impeld, shim):
    """Of the daemon: its commits are seen, slowed, and let go again."""
    import peers
    d = impeld("Suspend_Delivery = true\n", shim=shim)
    shim.rules("count sync */spool/segments/*.seg")
    peers.send(d.port, "a@dest.test")
    assert shim.counts()[0][0] >= 1
    shim.rules("slow sync 300 */spool/segments/*.seg")
    begun = time.monotonic()
    peers.send(d.port, "b@dest.test")
    assert time.monotonic() - begun >= 0.3
    shim.clear()
    peers.send(d.port, "c@dest.test")
    assert shim.counts() == []
