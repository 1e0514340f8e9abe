# SPDX-License-Identifier: Apache-2.0
"""Spools that older builds have written, with 64 bits and with 32: each goes on
in this one, whichever it is.

tests/data/spool has them.  IMPEL_WRITE_SPOOL=1 makes that of this build's width
anew, which a new version of the spool's format asks for, and nothing else."""
import os
import subprocess
import tarfile

import pytest

from daemon import IMPEL, SOURCE, wait_for
from peers import send
from test_import import came, old_spool, waited

DATA = SOURCE / "tests/data/spool"
CONF = ("Large_Message_Threshold = 4096\nMessage_Expiration = 4294967295\n"
        "Spool_Segment_Size = 1M\nRetry_Interval = 600\n")


def compact(spool):
    p = subprocess.run([str(IMPEL), "spool", "compact", str(spool)],
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stdout + p.stderr


QUEUED = 5 * 2 + 1 + 20  # recipients of one domain count once
LARGE = (b"large " * 150 + b"\r\n") * 2000


def late(i):
    return f"late {i}\r\n" + "\u00e9" * int(i) + "\r\n"


def expected():
    gone = {"wait0@x.test", "wait0@y.test"}
    return sorted([r for r in waited() if r not in gone] +
                  [f"{w}{i}@z.test" for w in ("late", "more")
                   for i in range(20)])


def width():
    """Bits of a pointer, as the program's own file says."""
    libtool = IMPEL.parent / ".libs/impel"
    program = libtool if libtool.exists() else IMPEL
    return {1: 32, 2: 64}[program.read_bytes()[4]]


@pytest.mark.skipif(not os.environ.get("IMPEL_WRITE_SPOOL"),
                    reason="the data is written once for each format")
def test_write(impeld, server):
    """Packed by compaction: mail that waits, was tried, was partly delivered,
    is large, and a result; by a run that is killed: more, in a segment that
    ends anywhere."""
    spool = old_spool(impeld, server, conf=CONF)
    compact(spool)
    d = impeld("Suspend_Delivery = true\n" + CONF, start=False)
    spool.rename(d.dir / "spool")
    d.start()
    for i in range(20):
        send(d.port, [f"late{i}@z.test", f"more{i}@z.test"],
             sender=f"late{i}@origin.test", body=late(i))
    assert d.ask("fail", "all", "--sender", "s0@origin.test",
                 "--quiet") == "2 messages failed.\n"
    assert d.queued() == QUEUED
    d.kill()
    DATA.mkdir(exist_ok=True)
    with tarfile.open(DATA / f"written-{width()}.tar.xz", "w:xz") as tar:
        tar.add(d.dir / "spool", "spool")


@pytest.mark.parametrize("bits", (32, 64))
def test_an_older_builds_spool(impeld, server, bits):
    """All that waits is there, with what was known of it, and comes once and
    as it was sent; what was done is not done again."""
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + CONF +
               "Suspend_Delivery = true\n", start=False)
    with tarfile.open(DATA / f"written-{bits}.tar.xz") as tar:
        tar.extractall(d.dir)
    d.start()
    wait_for(lambda: not d.summary()["Recovering"], what="the end of recovery")
    assert d.queued() == QUEUED
    rows = d.ask_json("flush", "all", "--domain", "y.test", "--dry-run")["rows"]
    assert len(rows) == 5
    found = d.ask_json("message", "details", rows[0]["id"])
    assert found["retries"] == 1 and "451" in str(found["recipients"])
    d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))
    d.ask("config", "reload")
    d.ask("flush", "domain", "all")
    d.wait_empty()
    assert came(s) == expected()
    for m in s.messages:
        if m.recipients == ["waitlarge@x.test"]:
            assert m.body == LARGE
        elif m.sender.startswith("late"):
            assert m.body == late(m.sender[4:-12]).encode()
        else:
            i = int(m.sender[1:-12])
            assert m.body == f"number {i}\r\n{'x' * 70 * (i % 3)}\r\n".encode()
    assert [x for x in d.log("paniclog")
            if "spool-recovered messages=26 damaged=0" in x]
    assert not list((d.dir / "spool/quarantine").iterdir())
