# SPDX-License-Identifier: Apache-2.0
"""`spool import`: the mail of a stopped daemon's spool goes on in another's;
nothing is lost, nothing comes twice, whatever happens meanwhile."""
import os
import shutil
import smtplib
import subprocess
import time

import pytest

from daemon import IMPEL, wait_for
from peers import send

SMALL = "Large_Message_Threshold = 4096\n"


def old_spool(impeld, server, count=6, conf=SMALL):
    """A stopped daemon with mail of every kind: waiting, tried before,
    partly delivered, large.  Its spool, and what it had delivered."""
    s = server(answer=lambda stage, line: "451 4.2.1 later\r\n"
               if stage == "RCPT" and b"wait" in line else None)
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               "Retry_Interval = 600\nMax_Outbound_Connections = 2\n" + conf)
    for i in range(count):
        send(d.port, [f"wait{i}@x.test", f"done{i}@x.test",
                      f"wait{i}@y.test"], sender=f"s{i}@origin.test",
             body=f"number {i}\r\n" + "x" * 70 * (i % 3) + "\r\n")
    send(d.port, ["waitlarge@x.test"], body=("large " * 150 + "\r\n") * 2000)
    d.wait_records("D", count)
    d.wait_records("T", 2 * count + 1)
    wait_for(lambda: d.queued() == 2 * count + 1)
    d.terminate()
    return d.dir / "spool"


def a_tree(path):
    """What is in a directory, to see that nothing changes."""
    return {str(p.relative_to(path)): (p.stat().st_mtime_ns, p.stat().st_size)
            for p in path.rglob("*")}


@pytest.fixture
def old(impeld, server):
    return old_spool(impeld, server)


def waited(count=6):
    return sorted([f"wait{i}@{d}.test" for i in range(count) for d in "xy"] +
                  ["waitlarge@x.test"])


def came(s):
    return sorted(r for m in s.messages for r in m.recipients)


def test_it_goes_on_here(impeld, server, old):
    """Once, with what was known of it, and under this daemon's rules."""
    before = a_tree(old)
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + SMALL)
    send(d.port, ["own@x.test"])
    s.wait(1)
    text = d.ask("spool", "import", old, "--dry-run")
    assert "To: <waitlarge@x.test> Size: " in text
    assert text.count("From: <s") == 7 and "and others" in text
    assert text.endswith(
        "7 messages to 13 recipients are meant; nothing was done.\n")
    assert d.queued() == 0
    assert d.ask("spool", "import", old) == \
        "7 messages to 13 recipients imported.\n"
    # what was tried there waits for its time here
    assert d.queued() == 13 and len(s.messages) == 1
    rows = d.ask_json("flush", "all", "--domain", "y.test", "--dry-run")["rows"]
    more = d.ask_json("message", "details", rows[0]["id"])
    assert more["retries"] == 1
    assert more["next_attempt"] > time.time() + 400
    assert "451" in str(more["recipients"])
    d.ask("flush", "domain", "all")
    d.wait_empty()
    assert came(s) == sorted(waited() + ["own@x.test"])
    large = [m for m in s.messages if m.recipients == ["waitlarge@x.test"]]
    assert large[0].body.count(b"large") == 300000
    assert {m.sender for m in s.messages if len(m.data) < 3000} >= {
        f"s{i}@origin.test" for i in range(6)}
    assert a_tree(old) == before
    # delivered, and still known
    assert d.ask("spool", "import", old) == \
        "0 messages to 0 recipients imported.\n7 were imported before.\n"
    d.terminate()
    d.start()
    found = d.ask_json("spool", "import", old)
    assert found["before"] == 7 and found["messages"] == 0
    assert len(s.messages) == len(set((m.sender, tuple(m.recipients))
                                      for m in s.messages))


def test_what_came_later_is_imported_later(impeld, server):
    """The old daemon runs again, and has more."""
    s = server()
    d = impeld("Suspend_Delivery = true\n")
    e = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n')
    send(d.port, ["one@x.test"])
    assert "another process uses this spool" in e.ask(
        "spool", "import", d.dir / "spool", ok=False)
    d.terminate()
    assert "1 messages to 1 recipients imported" in e.ask(
        "spool", "import", d.dir / "spool")
    d.start()
    send(d.port, ["two@x.test"])
    d.kill()
    shutil.move(d.dir / "spool", d.dir / "elsewhere")
    text = e.ask("spool", "import", d.dir / "elsewhere")
    assert text == "1 messages to 1 recipients imported.\n" \
                   "1 were imported before.\n"
    e.wait_empty()
    assert came(s) == ["one@x.test", "two@x.test"]


def test_refusals(impeld, server, tmp_path):
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n')
    other = tmp_path / "other"
    (other / "00" / "1F").mkdir(parents=True)
    for where, why in ((other, "no spool of Impel"),
                       ("spool", "the whole path"),
                       (tmp_path / "none", "no spool of Impel"),
                       (d.dir / "spool", "another process uses this spool")):
        assert why in d.ask("spool", "import", where, ok=False)
    assert not (other / "lock").exists()
    assert "usage: spool import" in d.ask("spool", "import", ok=False)
    shutil.copytree(d.dir / "spool", tmp_path / "copy")
    assert "is a copy of the spool in use" in d.ask(
        "spool", "import", tmp_path / "copy", ok=False)
    (tmp_path / "copy" / "version").write_text("impel-spool 1\nstart 4\n")
    assert "start impeld on it once" in d.ask(
        "spool", "import", tmp_path / "copy", ok=False)
    (tmp_path / "copy" / "version").write_text("impel-spool 9\nstart 4\n")
    assert "version 9, this program has version 1" in d.ask(
        "spool", "import", tmp_path / "copy", ok=False)
    shutil.rmtree(tmp_path / "copy" / "segments")
    (tmp_path / "copy" / "segments").mkdir()
    os.mkfifo(tmp_path / "copy" / "segments" / "00000001.seg")
    (tmp_path / "copy" / "version").write_text(
        "impel-spool 1\nstart 4\nid 00000000000000ab\n")
    assert "00000001.seg" in d.ask("spool", "import", tmp_path / "copy",
                                   ok=False)
    send(d.port, ["alive@x.test"])
    s.wait(1)


def test_what_is_damaged_is_left_and_can_be_had_later(impeld, server, old):
    """A large body is away and comes back."""
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + SMALL)
    large = [p for p in (old / "large").rglob("*") if p.is_file()]
    assert len(large) == 1
    large[0].rename(old / "away")
    text = d.ask("spool", "import", old)
    assert "is missing" in text
    assert "6 messages to 12 recipients imported.\n" in text
    assert "1 cannot be imported and were left.\n" in text
    (old / "away").rename(large[0])
    text = d.ask("spool", "import", old)
    assert "1 messages to 1 recipients imported.\n" in text
    d.ask("flush", "domain", "all")
    d.wait_empty()
    assert came(s) == waited()


@pytest.mark.parametrize(
    "after", [1, 2, 3, 4, 5] if os.environ.get("IMPEL_LONG") else [2, 3])
def test_a_crash_doubles_nothing(impeld, server, old, shim, after):
    """Killed at one of the next commits, while what was imported would go out
    at once; and asked again."""
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               "Retry_Interval = 1\n" + SMALL, shim=shim)
    shim.rules(f"kill sync {after} */spool/segments/*.seg")
    try:
        d.ask("spool", "import", old)
    except AssertionError:
        assert d.process.wait(20) == -9
    else:  # there were not so many commits
        assert after > 2
        d.kill()
    shim.clear()
    d.start()
    wait_for(lambda: not d.summary()["Recovering"], what="recovery")
    d.ask("flush", "domain", "all")
    d.wait_empty()  # what had been imported goes its way
    found = d.ask_json("spool", "import", old)
    assert found["messages"] + found["before"] == 7
    assert found["before"] in (0, 7)  # one batch
    if after == 2:  # some of it was stored, and the mark was not
        assert found["before"] == 0
        d.wait_log("import-undone")
    d.ask("flush", "domain", "all")
    d.wait_empty()
    assert came(s) == waited()
    d.terminate()
    d.start()
    d.wait_empty()
    assert came(s) == waited()


def importing(d, path):
    """An import that has brought its first batch, as a process."""
    before = d.queued()
    p = subprocess.Popen([IMPEL, "-s", d.control, "spool", "import", path],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True)
    wait_for(lambda: d.queued() > before, what="a batch")
    return p


def test_cut_off_and_goes_on(impeld, server, shim):
    """Cancelled, then the daemon is stopped in the middle: what is here stays,
    the rest comes when it is asked for again."""
    d = impeld("Suspend_Delivery = true\n")
    with smtplib.SMTP("127.0.0.1", d.port) as c:
        for i in range(900):
            c.sendmail("a@origin.test", f"r{i}@x.test", "Subject: x\r\n\r\nx")
    d.terminate()
    s = server()
    e = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               "Suspend_Delivery = true\n", shim=shim)
    shim.rules("slow sync 1000 */spool/segments/*.seg")
    p = importing(e, d.dir / "spool")
    row = next(x for x in e.ask("jobs").splitlines() if "spool import" in x)
    e.ask("cancel", "job", row.split()[0])
    said = p.communicate(timeout=30)[0]
    assert "Cancelled before the end." in said
    first = int(said.split()[0])
    assert 0 < first < 900 and e.queued() == first
    p = importing(e, d.dir / "spool")
    e.terminate()
    p.communicate(timeout=30)
    shim.clear()
    e.start()
    found = e.ask_json("spool", "import", d.dir / "spool")
    assert found["before"] > first
    assert found["messages"] + found["before"] == 900
    e.ask("config", "set", "suspend_delivery", "false")
    e.wait_empty()
    assert came(s) == sorted(f"r{i}@x.test" for i in range(900))
