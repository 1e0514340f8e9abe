# SPDX-License-Identifier: Apache-2.0
"""The crash campaign (tests/crash) itself: does it see what it looks for?"""
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

CRASH = pathlib.Path(os.environ["srcdir"]) / "tests/crash"
sys.path.append(str(CRASH))

import disk  # noqa: E402 (the path comes first)
import invariant  # noqa: E402


def campaign(kind, **environment):
    """A few cases of a kind with something broken: what was printed."""
    with tempfile.TemporaryDirectory(prefix="impel-crash.") as folder:
        p = subprocess.run(
            [str(CRASH / "run"), "--cases", "6", "--kinds", kind, "--seed",
             "77", "--folder", folder + "/c"], capture_output=True, text=True,
            timeout=300, env=dict(os.environ, **environment))
    if "no kind is left" in p.stderr:
        pytest.skip("this machine refuses it: " + p.stdout)
    assert p.returncode == 1, p.stdout + p.stderr
    assert f"--seed 77 --only {kind}-" in p.stdout, p.stdout
    return p.stdout


@pytest.mark.parametrize("kind", ["record", "cache"])
def test_mail_that_was_not_synced_is_missed(kind):
    """With spool_sync = none a power loss loses acknowledged mail."""
    assert "was acknowledged" in campaign(
        kind, IMPEL_CRASH_CONF="Spool_Sync = none\n")


def test_a_file_system_that_never_flushes_is_noticed():
    """Without barriers ext4 makes no flush of a sync."""
    campaign("cache", IMPEL_CRASH_EXT4="barrier=0")


# --- the invariant, on books that were made up ---

class Books:
    """One message 7.0 to two recipients; whatever is not said is well."""

    def __init__(self, folder):
        self.journal, self.sink = folder / "journal", folder / "sink"
        self.sent, self.acked = ["7.0"], ["7.0"]
        self.lines = [("r0.7.0@d0.bench.test", "ok", 10.0),
                      ("r1.7.0@d1.bench.test", "ok", 10.0)]
        self.crashes = []

    def crash(self, at, restarted, spool):
        c = invariant.Crash(at, spool)
        c.restarted = restarted
        self.crashes.append(c)

    def wrong(self):
        self.journal.write_text(
            "".join(f"sent {x}\n" for x in self.sent) +
            "".join(f"acked {x}\n" for x in self.acked))
        self.sink.write_text("".join(
            f"{a} 0123456789abcdef {what} {int(t * 1e6)}\n"
            for a, what, t in self.lines))
        return invariant.violations(
            [invariant.Journal(self.journal, 2)], invariant.Seen(self.sink),
            self.crashes)


@pytest.fixture
def books(tmp_path):
    return Books(tmp_path)


ACCEPT = ("00000001:4160 ACCEPT lsn=1 id=00/01 bytes=99 from=<s@x.test> "
          "to=<r0.7.0@d0.bench.test>,<r1.7.0@d1.bench.test> binding= size=9\n")
DONE_0 = "00000001:8192 DONE lsn=2 id=00/01 bytes=60 rcpt=0\n"
DONE = "00000001:8192 DONE lsn=2 id=00/01 bytes=60 all\n"
REPORT = ("00000001:9000 ACCEPT lsn=3 id=00/02 bytes=99 from=<> to=<s@x.test> "
          "binding= size=9\nFinal-Recipient: rfc822; x0.7.0@d0.bench.test\n")


def test_books_that_are_right(books):
    assert books.wrong() == []


def test_lost(books):
    del books.lines[1]
    assert "recipients [1] got nothing" in books.wrong()[0]


def test_half_of_what_was_not_acknowledged(books):
    books.acked = []
    assert books.wrong() == []
    del books.lines[1]
    assert "came to [0] of 2 only" in books.wrong()[0]


def test_never_handed_over(books):
    books.sent = books.acked = []
    assert len(books.wrong()) == 2
    assert "never handed over whole" in books.wrong()[0]


def test_changed(books):
    books.lines[0] = (books.lines[0][0], "bad", 10.0)
    assert "body differs" in books.wrong()[0]


@pytest.mark.parametrize("spool, explained", [
    (ACCEPT, True), (ACCEPT + DONE_0, False), (ACCEPT + DONE, False),
    ("", False)])
def test_twice(books, spool, explained):
    books.lines.append((books.lines[0][0], "ok", 11.0))
    assert "twice" in books.wrong()[0]
    books.crash(10.5, 10.7, spool)
    assert bool(books.wrong()) != explained


def test_twice_after_a_crash_that_was_before_both(books):
    books.lines.append((books.lines[0][0], "ok", 11.0))
    books.crash(9.0, 9.5, ACCEPT)
    assert "twice" in books.wrong()[0]


def test_done_long_ago_and_not_on_disk(books):
    books.crash(12.0, 12.5, ACCEPT)
    assert "DONE is not on disk" in books.wrong()[0]
    books.crashes[0].at = 10.4
    assert books.wrong() == []


def test_reports(books):
    to = "x0.7.0@d0.bench.test"
    books.lines = [(to, "no", 9.0), (to, "dsn", 10.0),
                   ("x1.7.0@d1.bench.test", "no", 9.0),
                   ("x1.7.0@d1.bench.test", "dsn", 10.0)]
    assert books.wrong() == []
    books.lines.append((to, "dsn", 11.0))
    assert "reported 2 times" in books.wrong()[0]
    books.crash(10.5, 10.7, ACCEPT.replace("r0", "x0") + REPORT)
    assert books.wrong() == []
    books.lines = [x for x in books.lines if x[1] == "dsn"]
    assert "nobody refused it" in " ".join(books.wrong())


# --- the replayer, on a record that was made up ---

def entry(kind, ino=0, at=0, n=0, a="", b=b"", thread=1):
    a = a.encode()
    return disk.ENTRY.pack(kind, thread, ino, at, n, len(a), len(b)) + a + b


def left(tmp_path, record, number):
    import random
    (tmp_path / "root").mkdir(exist_ok=True)
    (tmp_path / "record").write_bytes(b"".join(record))
    d = disk.Disk(tmp_path / "root")
    d.replay(tmp_path / "record")
    to = tmp_path / f"left{number}"
    d.leave(str(to), random.Random(number))
    return {f.name: f.read_bytes() for f in to.iterdir()}


def test_what_a_power_loss_leaves(tmp_path):
    """Synced: always there.  Not synced: sometimes, whole, in part or not."""
    root = f"{tmp_path}/root"
    sync = [entry(disk.BEGIN, 1), entry(disk.SYNC, 1)]
    folder = [entry(disk.BEGIN, 9, a=root), entry(disk.SYNC, 9, a=root)]
    record = [entry(disk.CREATE, 1, a=f"{root}/f"),
              entry(disk.WRITE, 1, 0, 1024, b=b"a" * 1024), *sync, *folder,
              entry(disk.WRITE, 1, 0, 1024, b=b"b" * 1024),
              entry(disk.RENAME, a=f"{root}/f", b=f"{root}/g".encode())]
    names, contents = set(), set()
    for i in range(60):
        found = left(tmp_path, record, i)
        assert len(found) == 1
        names.update(found)
        contents.update(found.values())
    assert names == {"f", "g"}
    assert contents >= {b"a" * 1024, b"b" * 1024, b"a" * 512 + b"b" * 512}
    assert all(set(c) <= set(b"ab") and len(c) == 1024 for c in contents)


def test_a_sync_covers_only_what_was_before_it_began(tmp_path):
    root = f"{tmp_path}/root"
    record = [entry(disk.CREATE, 1, a=f"{root}/f"),
              entry(disk.BEGIN, 9, a=root), entry(disk.SYNC, 9, a=root),
              entry(disk.WRITE, 1, 0, 512, b=b"a" * 512),
              entry(disk.BEGIN, 1),
              entry(disk.WRITE, 1, 0, 512, b=b"b" * 512),
              entry(disk.SYNC, 1)]
    found = {left(tmp_path, record, i)["f"] for i in range(40)}
    assert found == {b"a" * 512, b"b" * 512}
