# SPDX-License-Identifier: Apache-2.0
"""The disk that a spool takes: given back while mail passes, packed by
compaction, and more of it than memory."""
import pathlib
import re
import signal
import subprocess
import time

import pytest

from daemon import IMPEL, SANITIZED, free_port, wait_for
from peers import source

SEGMENT = 4 << 20  # what daemon.py configures
OPTIONS = ("Max_Outbound_Connections = 20\n"
           "Host_Failure_Retry = 1\n")
KEEP = "Suspend_Delivery = true\n"


def route(port):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'


def disk(d):
    """Octets of segments and their indexes, and of spares."""
    used = spares = 0
    for f in (d.dir / "spool/segments").iterdir():
        try:
            n = f.stat().st_blocks * 512
        except FileNotFoundError:
            continue
        if f.name.startswith("spare-"):
            spares += n
        else:
            used += n
    return used, spares


def compact(d):
    p = subprocess.run([str(IMPEL), "spool", "compact", str(d.dir / "spool")],
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stdout + p.stderr


def test_what_is_delivered_is_given_back(impeld, sink):
    """A dozen segments of mail pass, and in each of them some messages stay:
    they are moved together, and the rest is used again."""
    s = sink("-x")
    d = impeld(route(s.port) + OPTIONS + "Retry_Interval = 36000\n"
               "Spool_Compact_Rate = 64M\n")
    most = most_spares = 0
    for first in range(0, 20000, 1000):
        source(d.port, "-n", 1000, "-i", first, "-s", 2048, "-b", "base64",
               "-z", 250)
        time.sleep(0.2)
        used, spares = disk(d)
        most, most_spares = max(most, used), max(most_spares, spares)
    assert 20000 * 2048 > 9 * SEGMENT
    assert most <= 10 * SEGMENT, most
    assert most_spares <= 3 * SEGMENT, "two, and one that becomes a segment"
    # one for the writer, the next one, one for compaction, and its product
    wait_for(lambda: disk(d)[0] <= 4 * SEGMENT, 40, f"{disk(d)[0]} given back")
    s.process.send_signal(signal.SIGUSR1)
    d.ask("flush", "domain", "all")
    d.wait_empty()
    assert not [x for x in d.log("paniclog")
                if "spool-compact-failed" in x or "spool-index-remade" in x]
    report = s.report()
    assert report["served"] == 20000
    assert report["twice"] == 0 and report["changed"] == 0


def stored(impeld, port, count, size, kind, more=""):
    d = impeld(route(port) + OPTIONS + KEEP + more)
    assert source(d.port, "-n", count, "-s", size, "-b", kind, "-d",
                  4)["acknowledged"] == count
    return d


def test_compaction_packs(impeld, sink):
    """At most 1.15 times what was received, indexes included, whatever the
    bodies are; a second compaction changes nothing; all of it is served."""
    port = free_port()
    for kind in ("base64", "8bit"):
        d = stored(impeld, port, 5000, 2048, kind)
        d.terminate()
        before = sum(disk(d))
        compact(d)
        used, spares = disk(d)
        assert spares == 0 and used < before
        assert used <= 1.15 * 5000 * 2048, used / (5000 * 2048)
        compact(d)
        assert disk(d)[0] <= 1.15 * 5000 * 2048
        s = sink("-n", 5000, "-i", 30, port=port)
        d.write(d.conf.read_text().replace(KEEP, ""))
        d.start()
        report = s.wait()
        assert report["served"] == 5000
        assert report["twice"] == 0 and report["changed"] == 0
        d.wait_empty()
        d.terminate()


def status_kb(d, field):
    text = pathlib.Path(f"/proc/{d.process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", text)[1])


@pytest.mark.skipif(bool(SANITIZED),
                    reason="what a sanitizer takes is no measure")
def test_a_spool_larger_than_memory(impeld, sink):
    """320 MB on disk, and a process that may have no more than 80 MB beyond
    what it has with none, stacks of threads that are begun later with them:
    all of it is known and delivered.  RLIMIT_DATA is what the kernel holds it
    to: an allocation beyond it would end the daemon.  Half of that is
    resident at most."""
    port = free_port()
    room = "Max_Resident_Bytes = 4M\n"
    d = stored(impeld, port, 10000, 32768, "base64", room)
    d.terminate()
    bare = impeld(route(port) + OPTIONS + room)
    time.sleep(1)
    limit = status_kb(bare, "VmData") + 80 * 1024
    resident = status_kb(bare, "VmHWM") + 40 * 1024
    bare.terminate()
    assert disk(d)[0] > 3 * 80 * 1024 * 1024
    d.wrap = ["prlimit", f"--data={limit * 1024}"]
    d.write(d.conf.read_text().replace(KEEP, ""))
    s = sink("-n", 10000, "-i", 20, port=port)
    d.start()
    report = s.wait()
    assert report["served"] == 10000
    assert report["twice"] == 0 and report["changed"] == 0
    assert status_kb(d, "VmHWM") <= resident, (status_kb(d, "VmHWM"), resident)
    d.wait_empty()
