# SPDX-License-Identifier: Apache-2.0
"""A 250 means on disk, on every path that accepts: seen in system calls, not
in return values.  Between the last octet of a message and its 250 its record
is written and its segment is synced, and nothing of it is written later."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import tracing
from daemon import IMPEL, free_port, wait_for

HELD = "Suspend_Delivery = true\n"
OK = "250 2.0.0 OK"


class Client:
    """A session that says exactly what it is told to."""

    def __init__(self, d):
        self.socket = socket.create_connection(("127.0.0.1", d.port), 30)
        self.file = self.socket.makefile("rb")
        self.reply()
        self.ask("EHLO x.test")

    def say(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else
                            text.encode())

    def reply(self):
        while (line := self.file.readline())[3:4] == b"-":
            pass
        return line.decode()

    def ask(self, line):
        self.say(line + "\r\n")
        return self.reply()

    def envelope(self, *recipients):
        assert self.ask("MAIL FROM:<a@origin.test>")[0] == "2"
        for r in recipients:
            assert self.ask(f"RCPT TO:<{r}>")[0] == "2"

    def close(self):
        self.socket.close()


def body(token, size=0):
    """Its last line, which is sent apart, is end-TOKEN."""
    filler = ("x" * 76 + "\r\n") * (size // 78)
    return f"From: a@origin.test\r\nSubject: {token}\r\n\r\n{filler}"


def data(c, token, *recipients, size=0):
    c.envelope(*(recipients or (f"{token}@dest.test",)))
    assert c.ask("DATA")[0] == "3"
    c.say(body(token, size))
    time.sleep(0.02 + size / 1e6)  # so that the end is a read of its own
    c.say(f"end-{token}\r\n.\r\n")
    return c.reply()


def bdat(c, token, chunks=1, size=0):
    c.envelope(f"{token}@dest.test")
    text = body(token, size)
    step = len(text) // chunks + 1
    for i in range(0, len(text), step):
        part = text[i:i + step]
        c.say(f"BDAT {len(part)}\r\n{part}")
        assert c.reply()[0] == "2"
    end = f"end-{token}\r\n"
    c.say(f"BDAT {len(end)} LAST\r\n{end}")
    return c.reply()


def kill(d):
    """Ends at once, so that the spool stays as it is; the trace is whole."""
    os.kill(int((d.dir / "impeld.pid").read_text()), signal.SIGKILL)
    d.process.wait(30)


class Evidence:
    """The trace of a daemon that was killed, and the records of its spool."""

    def __init__(self, d, path):
        kill(d)
        self.trace = tracing.Trace(path)
        text = subprocess.run(
            [str(IMPEL), "spool", "dump", str(d.dir / "spool")],
            capture_output=True, text=True, timeout=60).stdout
        self.records = re.findall(
            r"^([0-9a-f]{8}):(\d+) ([A-Z]+) (.*)$", text, re.M)

    def record(self, kind, text):
        """The write of the only such record."""
        found = [(s, int(o)) for s, o, k, rest in self.records
                 if k == kind and text in rest]
        assert len(found) == 1, (kind, text, found, self.records)
        return self.trace.write_of(*found[0])

    def sync_after(self, write, before):
        """The sync of a file after one write to it and before another call."""
        found = [s for s in self.trace.syncs()
                 if s.file == write.file and s.result == 0 and
                 write.before(s) and s.before(before)]
        assert found, f"nothing syncs {write} before {before}"
        return found[0]

    def accepted(self, token, nth=0):
        """All that must hold of one message; its sync."""
        t = self.trace
        last = t.reads(f"end-{token}")
        assert len(last) == 1, last
        # The nth 250 of that connection after its last octet.
        answer = [s for s in t.sends(OK) if s.began > last[0].ended and
                  s.file == last[0].file][nth]
        write = self.record("ACCEPT", f"<{token}@")
        assert last[0].before(write), "written before it was whole"
        sync = self.sync_after(write, answer)
        late = [w for w in t.writes()
                if w.began > sync.began and w.says(token)]
        assert not late, f"written after its sync: {late}"
        return sync


@pytest.fixture
def traced(impeld, tmp_path):
    """traced(conf, ...) -> the daemon, and a function that ends it and gives
    the evidence."""
    def make(conf, **how):
        path = tmp_path / "trace"
        d = impeld(conf, wrap=tracing.strace(path), **how)
        return d, lambda: Evidence(d, path)
    return make


def test_data_and_bdat(traced):
    d, end = traced(HELD)
    c = Client(d)
    for i in range(3):
        assert data(c, f"data{i}").startswith("250")
        assert bdat(c, f"bdat{i}").startswith("250")
        assert bdat(c, f"chunks{i}", 5, 4000).startswith("250")
    e = end()
    syncs = [e.accepted(f"{how}{i}") for i in range(3)
             for how in ("data", "bdat", "chunks")]
    assert len({s.began for s in syncs}) == 9  # one each: nobody else was there


def test_several_recipients_and_domains(traced):
    d, end = traced(HELD)
    c = Client(d)
    rcpts = [f"many{n}@d{i}.test" for i in range(4) for n in ("", "b", "c")]
    assert data(c, "many", *rcpts).startswith("250")
    end().accepted("many")


def test_pipelined_messages(traced):
    """Whole messages in one flight: each 250 behind the sync of its own."""
    d, end = traced(HELD)
    c = Client(d)
    flight = ""
    for i in range(6):
        text = body(f"pipe{i}") + f"end-pipe{i}\r\n"
        flight += (f"MAIL FROM:<a@origin.test>\r\nRCPT TO:<pipe{i}@dest.test>"
                   f"\r\nBDAT {len(text)} LAST\r\n{text}")
    c.say(flight)
    said = [c.reply() for _ in range(18)]
    assert all(x[0] == "2" for x in said)
    e = end()
    t = e.trace
    answers = [s for s in t.sends(OK) for _ in range(s.text.count(OK))]
    assert len(answers) == 6
    for i, answer in enumerate(answers):
        write = e.record("ACCEPT", f"<pipe{i}@")
        sync = e.sync_after(write, answer)
        assert not [w for w in t.writes()
                    if w.began > sync.began and w.says(f"pipe{i}")]


@pytest.mark.parametrize("how", ["DATA", "BDAT"])
def test_a_large_body(traced, how):
    """Its file and the names of it are synced before the record that speaks of
    it is written, and that before the 250."""
    d, end = traced(HELD + "Large_Message_Threshold = 64k\n")
    c = Client(d)
    for i in range(2):
        reply = data(c, f"big{i}", size=700000) if how == "DATA" else \
            bdat(c, f"big{i}", 7, 700000)
        assert reply.startswith("250")
    e = end()
    t = e.trace
    for i in range(2):
        e.accepted(f"big{i}")
        record = e.record("ACCEPT", f"<big{i}@")
        files = {w.file for w in t.writes() if "/large/" in w.file and
                 w.says(f"big{i}")}
        assert len(files) == 1, files
        path = files.pop()
        writes = [w for w in t.writes() if w.file == path]
        assert sum(w.result for w in writes) >= 700000
        sync = e.sync_after(writes[-1], record)
        assert all(w.before(sync) for w in writes)
        made = [o for o in t.named("openat")
                if path in o.text and "O_CREAT" in o.text]
        folder = os.path.dirname(path)
        assert any(s.file == folder and s.result == 0 and made[0].before(s) and
                   s.before(record) for s in t.syncs())
        new = [m for m in t.named("mkdir") if folder in m.text and
               m.result == 0]
        assert len(new) == 1
        assert any(s.file == os.path.dirname(folder) and s.result == 0 and
                   new[0].before(s) and s.before(record) for s in t.syncs())


def test_resent_after_a_lost_connection(traced):
    d, end = traced(HELD)
    c = Client(d)
    c.envelope("again@dest.test")
    assert c.ask("DATA")[0] == "3"
    c.say(body("again") + "half of it")
    time.sleep(0.05)
    c.close()
    assert data(Client(d), "again").startswith("250")
    end().accepted("again")


def test_resent_after_a_4xx(traced, shim):
    """The sync fails: refused.  Once more: another segment, another sync."""
    d, end = traced(HELD, shim=shim)
    shim.rules("fail sync 1 1 EIO */segments/????????.seg")
    c = Client(d)
    assert data(c, "first").startswith("451")
    wait_for(lambda: c.ask("MAIL FROM:<a@origin.test>")[0] == "2", 10)
    c.ask("RSET")
    assert data(c, "second").startswith("250")
    e = end()
    e.accepted("second")
    assert not [r for r in e.records if "<first@" in r[3]]


def test_several_loops_and_listeners(traced):
    port = free_port()
    d, end = traced(
        HELD + 'EventLoop "pool" { Concurrency = 2 }\n'
        f'ESMTP_Listener "other" {{ Listen "127.0.0.1:{port}" {{ }} '
        'Relay_Hosts = ( "127.0.0.0/8" ) }\n')
    clients = [Client(d) for _ in range(8)]
    d.port, first = port, d.port
    clients += [Client(d) for _ in range(8)]
    d.port = first
    for i, c in enumerate(clients):
        c.envelope(f"loop{i}-@dest.test")
        assert c.ask("DATA")[0] == "3"
        c.say(body(f"loop{i}-") + f"end-loop{i}-\r\n.\r\n")
    assert all(c.reply().startswith("250") for c in clients)
    e = end()
    for i in range(16):
        e.accepted(f"loop{i}-")
    threads = {e.trace.reads(f"end-loop{i}-")[0].thread for i in range(16)}
    assert len(threads) == 2, threads


def test_while_the_segment_rolls_over(traced):
    """A segment's zeros, its head and its name are durable before its first
    record is written."""
    d, end = traced(HELD + "Spool_Segment_Size = 1M\n")
    c = Client(d)
    for i in range(60):
        assert data(c, f"roll{i}-", size=60000).startswith("250")
    e = end()
    used = {}
    for i in range(60):
        e.accepted(f"roll{i}-")
        w = e.record("ACCEPT", f"<roll{i}-@")
        used.setdefault(w.file, w)
    assert len(used) >= 3
    t = e.trace
    for path, first in used.items():
        renames = [r for r in t.named("rename") if path in r.text]
        assert len(renames) == 1 and renames[0].result == 0
        spare = re.findall(r'"([^"]*)"', renames[0].text)[0]
        zeros = [w for w in t.writes() if w.file == spare]
        assert any(s.file == spare and s.result == 0 and
                   zeros[-1].before(s) and s.before(renames[0])
                   for s in t.syncs())
        folder = os.path.dirname(path)
        assert any(s.file == folder and s.result == 0 and
                   renames[0].before(s) and s.before(first)
                   for s in t.syncs()), path


def test_a_bounce_made_here(traced, server):
    """The report is stored and synced before the DONE of what it reports is
    written."""
    s = server(answer=lambda stage, line: "550 5.1.1 no\r\n"
               if stage == "RCPT" and b"nobody" in line else None)
    d, end = traced(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
                    'Domain "origin.test" { Suspend_Delivery = true }\n')
    c = Client(d)
    assert data(c, "nobody").startswith("250")
    d.wait_records("P", 1)
    wait_for(lambda: d.summary()["BouncesMade"] == 1, 10)
    wait_for(lambda: d.summary()["UnwrittenResults"] == 0)  # the DONE
    e = end()
    report = e.record("ACCEPT", "from=<> ")
    original = [r[3].split("id=")[1].split()[0] for r in e.records
                if r[2] == "ACCEPT" and "<nobody@" in r[3]]
    done = e.record("DONE", original[0])
    e.sync_after(report, done)
    assert [x for x in e.trace.syncs() if x.file == done.file and
            done.before(x) and x.result == 0], "the DONE stays unsynced"


def sync_faults(e):
    """Pairs of syncs that were under way at the same time."""
    all_of_them = sorted(e.trace.syncs(), key=lambda s: s.began)
    return [(a, b) for a, b in zip(all_of_them, all_of_them[1:])
            if b.began < a.ended]


def test_syncs_never_overlap(traced):
    """Of any files: they would only make each other longer."""
    d, end = traced(HELD + "Spool_Segment_Size = 1M\n"
                    "Large_Message_Threshold = 32k\n")
    clients = [Client(d) for _ in range(6)]
    for n in range(12):
        for i, c in enumerate(clients):
            c.envelope(f"over{n}-{i}-@dest.test")
            assert c.ask("DATA")[0] == "3"
        for i, c in enumerate(clients):
            c.say(body(f"over{n}-{i}-", 60000 if i % 3 == 0 else 30000) +
                  f"end-over{n}-{i}-\r\n.\r\n")
        assert all(c.reply().startswith("250") for c in clients)
    e = end()
    assert len(e.trace.syncs()) > 20
    assert not sync_faults(e)


def waits(call):
    """Whether it may block: neither wakes another nor only looks."""
    return (re.search("futex|poll|sleep", call.name) and
            "FUTEX_WAKE" not in call.text and
            not re.search(r", 0\) +=|, 0, NULL, \d+\) +=", call.text))


def ended_by_time(wait):
    return ("sleep" in wait.name or "ETIMEDOUT" in wait.error or
            ("poll" in wait.name and wait.result == 0))


def last_wait(trace, after, before):
    """What the thread of one call waited for last until it made that call.
    A timer of something else may end an earlier wait; it delays nothing."""
    found = [c for c in trace.calls if c.thread == before.thread and
             after.ended < c.ended < before.began and waits(c)]
    return max(found, key=lambda c: c.ended, default=None)


def delay(trace, cause, step):
    """The wait behind a cause that ended because time has passed, and with
    which its step was taken.  Where a timer of something else ran out before
    the thread of the cause woke that of the step, it is none."""
    wait = last_wait(trace, cause, step)
    if wait is None or not ended_by_time(wait):
        return None
    woken = [c for c in trace.named("write") if c.thread == cause.thread and
             "eventfd" in c.file and wait.ended < c.began < step.began]
    return None if woken else wait


def test_no_sync_waits_for_a_timer(traced):
    """From the last octet of a lone message to its sync and its 250 no step
    is taken because some time has passed."""
    d, end = traced(HELD)
    c = Client(d)
    for i in range(5):
        assert data(c, f"lone{i}").startswith("250")
        time.sleep(0.1)
    e = end()
    late = []
    for i in range(5):
        sync = e.accepted(f"lone{i}")
        last = e.trace.reads(f"end-lone{i}")[0]
        answer = next(s for s in e.trace.sends(OK) if s.began > last.ended)
        for cause, step in (last, sync), (sync, answer):
            if wait := delay(e.trace, cause, step):
                late.append((step, wait))
    # a timer of something else may come in the moment in which a step becomes
    # possible, but not time after time
    assert len(late) < 3, late


@pytest.mark.parametrize("woken, found", [
    ((), True),  # nobody tells of the sync: a timer finds it
    ((2,), True),  # the one who is told still waits for time to pass
    ((3,), False),  # a timer of something else ran out before
])
def test_a_delay_is_found(tmp_path, woken, found):
    lines = ["1 1.0 epoll_wait(4<e>,  <unfinished ...>",
             "2 1.1 fdatasync(20</spool/1.seg>) = 0",
             "1 1.3 <... epoll_wait resumed>[], 64, 48) = 0",
             '1 1.5 sendto(22<s>, "250 2.0.0 OK", 12, 0) = 12']
    for at in woken:
        lines.insert(at, '2 1.2 write(5<anon_inode:[eventfd]>, "x", 8) = 8')
    (tmp_path / "trace").write_text("\n".join(lines))
    t = tracing.Trace(tmp_path / "trace")
    assert bool(delay(t, t.syncs()[0], t.sends(OK)[0])) == found


def test_the_test_can_fail(traced):
    """Without syncs the same look at the same calls finds that out."""
    d, end = traced(HELD + "Spool_Sync = none\n")
    assert data(Client(d), "loose").startswith("250")
    e = end()
    with pytest.raises(AssertionError, match="nothing syncs"):
        e.accepted("loose")
