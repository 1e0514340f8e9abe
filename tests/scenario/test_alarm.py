# SPDX-License-Identifier: Apache-2.0
"""A disk that fails while mail runs: an alarm that says so, mail refused for
now, nothing delivered whose result could not be stored, and all of it over by
itself when the disk is well."""
import json
import smtplib
import subprocess
import time

import pytest

from daemon import IMPEL, wait_for
from peers import send

SEGMENTS = "*/spool/segments/????????.seg"
ROUTES = ('Routes = ( "smtp://127.0.0.1?port=%d" )\n'
          "Retry_Interval = 1\nHost_Failure_Retry = 1\n")


def health(d):
    """(exit code, the document)"""
    p = subprocess.run([str(IMPEL), "-s", str(d.control), "--json", "health"],
                       capture_output=True, text=True, timeout=30)
    return p.returncode, json.loads(p.stdout)


def refused(d, recipient="x@dest.test", body="Hello\r\n"):
    """The 4xx that a message gets, or None if it is taken."""
    try:
        send(d.port, recipient, body=body)
        return None
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as e:
        assert 400 <= e.smtp_code < 500, e
        return e.smtp_code


def alarm(d, what):
    return next((a for a in d.summary()["SpoolAlarms"] if a["alarm"] == what),
                None)


def alarm_is_on(d, what):
    a = alarm(d, what)
    return a and a["on"] and a


@pytest.mark.parametrize("calls, error, word", [
    ("sync", "EIO", "Input/output error"),
    ("write", "ENOSPC", "No space left on device"),
    ("write,sync", "EDQUOT", "Disk quota exceeded")])
def test_a_disk_that_fails_and_gets_well(impeld, shim, server, calls, error,
                                         word):
    """What, since when, how often: in summary, health, metrics and the log;
    4xx while it lasts; over by itself."""
    s = server()
    d = impeld(ROUTES % s.port, shim=shim)
    send(d.port, "before@dest.test")
    s.wait(1)
    d.wait_read()
    assert health(d)[0] == 0
    shim.rules(f"fail {calls} 1 0 {error} {SEGMENTS}")
    assert refused(d) and refused(d)
    a = wait_for(lambda: alarm_is_on(d, "write") or alarm_is_on(d, "segment"),
                 10, "the alarm")
    assert a["count"] >= 1 and a["refuses"] and a["pauses"]
    assert word in a["reason"] and abs(a["since"] - time.time() * 1000) < 60000
    code, doc = health(d)
    assert code == 2 and doc["status"] == "ill"
    assert any(word in p["text"] and "takes no mail" in p["text"]
               for p in doc["problems"]), doc
    assert word in d.summary()["SpoolAlarm"]
    assert f"Spool Alarm On:            {a['alarm']}" in d.ask("summary")
    metrics = d.ask("metrics")
    assert f'impel_spool_alarm_on{{alarm="{a["alarm"]}"}} 1' in metrics
    assert "impel_delivery_paused 1" in metrics
    shim.clear()
    wait_for(lambda: refused(d, "after@dest.test") is None, 20, "accepting")
    wait_for(lambda: health(d)[0] < 2, 10, "health")
    assert not alarm(d, a["alarm"])["on"] and alarm(d, a["alarm"])["until"]
    assert d.summary()["SpoolAlarm"] == "none"
    d.wait_empty()
    assert [m.recipients[0] for m in s.messages] == ["before@dest.test",
                                                     "after@dest.test"]
    for event in ("spool-alarm alarm=", "spool-alarm-over", "spool-refusing",
                  "spool-accepting"):
        d.wait_log(event)


def test_one_failure_is_over_in_a_moment(impeld, shim):
    """One commit fails, the next one does not: nobody waits a second."""
    d = impeld("Suspend_Delivery = true\n", shim=shim)
    shim.rules(f"fail sync 1 1 EIO {SEGMENTS}")
    assert refused(d) == 451
    wait_for(lambda: not alarm(d, "write")["on"], 5, "well")
    assert alarm(d, "write")["count"] == 1
    assert refused(d) is None
    assert d.summary()["ReceivedMessages"] == 1


def test_nothing_is_delivered_whose_result_cannot_be_stored(impeld, shim,
                                                            server):
    """200 wait for a peer; then no result can be written.  What was begun ends
    and is kept in memory, the rest stays, with its reason; no more than that
    comes twice after kill -9, and nothing twice without."""
    s = server(delay=0.01)
    d = impeld(ROUTES % s.port + "Max_Outbound_Connections = 4\n", shim=shim)
    shim.rules(f"fail sync 4 0 EIO {SEGMENTS}")
    sent = 0
    for i in range(100):
        sent += refused(d, f"r{i}@dest.test") is None
    wait_for(lambda: alarm_is_on(d, "write"), 10, "the alarm")
    assert sent < 100
    wait_for(lambda: d.summary()["DeliveryPaused"], 10, "the pause")
    shim.clear()
    wait_for(lambda: not d.summary()["DeliveryPaused"], 20, "going on")
    d.wait_empty()
    assert len(s.messages) == sent


def load_and_break(impeld, shim, server, count=60):
    """A daemon with `count` messages for a slow peer, whose disk fails once
    some of them are delivered."""
    s = server(delay=0.02)
    d = impeld(ROUTES % s.port + "Max_Outbound_Connections = 3\n"
               "Suspend_Delivery = true\n", shim=shim)
    for i in range(count):
        send(d.port, f"r{i}@dest.test")
    d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))
    d.ask("config", "reload")
    wait_for(lambda: len(s.messages) >= 5, 20, "deliveries")
    shim.rules(f"fail write,sync 1 0 EIO {SEGMENTS}")
    wait_for(lambda: d.summary()["DeliveryPaused"], 10, "the pause")
    time.sleep(0.5)  # what is recalled is, and what was begun ends
    wait_for(lambda: sum(x.startswith(b"MAIL") for x in s.lines) ==
             len(s.messages), what="the end of what was begun")
    return d, s


def test_delivery_pauses_and_explain_says_so(impeld, shim, server):
    d, s = load_and_break(impeld, shim, server)
    before = len(s.messages)
    assert before < 60
    time.sleep(2)  # plenty for the rest, if it were not paused
    assert len(s.messages) == before
    summary = d.summary()
    assert summary["UnwrittenResults"] >= 1
    assert summary["TotalQueueSize"] == 60 - before
    text = d.ask("explain", "domain", "dest.test")
    assert "(storing)" in text and "Input/output error" in text, text
    assert any("delivery is paused" in p["text"]
               for p in health(d)[1]["problems"])
    shim.clear()
    d.wait_empty()
    assert sorted(m.recipients[0] for m in s.messages) == sorted(
        f"r{i}@dest.test" for i in range(60))
    d.wait_log("delivery-paused")
    d.wait_log("delivery-resumed")


def test_kill_9_while_it_is_paused(impeld, shim, server):
    """Duplicates are what had no result on disk, not one more."""
    d, s = load_and_break(impeld, shim, server)
    unwritten = d.summary()["UnwrittenResults"]
    d.kill()
    shim.clear()
    d.start()
    d.wait_empty()
    got = [m.recipients[0] for m in s.messages]
    assert set(got) == {f"r{i}@dest.test" for i in range(60)}
    assert len(got) - 60 <= unwritten


def test_stopping_while_the_disk_fails(impeld, shim, server):
    """SIGTERM ends it in order, and the next start has the rest."""
    d, s = load_and_break(impeld, shim, server)
    unwritten = d.summary()["UnwrittenResults"]
    d.process.terminate()
    assert d.process.wait(40) == 0
    shim.clear()
    d.start()
    d.wait_empty()
    got = [m.recipients[0] for m in s.messages]
    assert set(got) == {f"r{i}@dest.test" for i in range(60)}
    assert len(got) - 60 <= unwritten


def test_trials_are_few(impeld, shim):
    """A disk that stays ill is asked again with pauses, however much mail
    comes: each trial takes a segment."""
    d = impeld("Suspend_Delivery = true\n", shim=shim)
    shim.rules(f"fail sync 1 0 EIO {SEGMENTS}")
    for i in range(50):
        assert refused(d)
    assert 1 <= shim.counts()[0][1] <= 6
    shim.clear()
    wait_for(lambda: refused(d) is None, 20, "accepting")


def test_no_segment_can_be_made(impeld, shim, server):
    """A full disk: the segment in use goes on taking results, so deliveries do
    too; mail is refused until there is room for the next one."""
    s = server()
    d = impeld(ROUTES % s.port + "Suspend_Delivery = true\n"
               "Spool_Segment_Size = 1M\n", shim=shim)
    for i in range(5):
        send(d.port, f"r{i}@dest.test", body="x" * 70 + "\r\n")
    shim.rules("fail create,allocate,write,sync 1 0 ENOSPC */segments/spare-*")
    taken = 5
    while refused(d, f"r{taken}@dest.test", body=("x" * 70 + "\r\n") * 500) \
            is None:
        taken += 1
        assert taken < 200
    a = wait_for(lambda: alarm_is_on(d, "space"), 10, "the alarm")
    assert "No space left" in a["reason"]
    assert not d.summary()["DeliveryPaused"]
    d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))
    d.ask("config", "reload")
    wait_for(lambda: len(s.messages) == taken, 20, "deliveries")
    shim.clear()
    wait_for(lambda: refused(d, "after@dest.test") is None, 20, "accepting")
    d.wait_empty()
    assert len(s.messages) == taken + 1


@pytest.fixture
def small_disk():
    """A factory: small_disk(folder) -> that folder is a disk of 12 MB."""
    mounted = []

    def make(folder):
        folder.mkdir()
        p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none",
                            str(folder)], capture_output=True, text=True)
        if p.returncode != 0:
            pytest.skip("this machine refuses mounts: " + p.stderr)
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_a_full_disk_is_drained_after_a_restart(impeld, server, small_disk,
                                                how):
    """Not an octet is free when the daemon starts: it sends what it has, since
    that is what makes room, and stores the results; nothing comes twice."""
    s = server()
    d = impeld(ROUTES % s.port + "Suspend_Delivery = true\n"
               "Spool_Segment_Size = 1M\nSpool_Min_Free = 0\n", start=False)
    disk = small_disk(d.dir / "spool")
    d.start()
    for i in range(40):
        send(d.port, f"r{i}@dest.test", body=("x" * 70 + "\r\n") * 500)
    getattr(d, how)()
    with open(disk / "somebody-else", "wb", buffering=0) as f:
        with pytest.raises(OSError, match="No space left"):
            while True:
                f.write(bytes(4096))
    d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))
    for i in range(3):
        d.start()
        wait_for(lambda: len(s.messages) == 40, 20, "deliveries")
        d.wait_empty()
        wait_for(lambda: any(
            "spool-version-in-place" in x
            for x in d.log("paniclog") + d.stderr().splitlines()))
        getattr(d, how)()
    assert len({r for m in s.messages for r in m.recipients}) == 40
    assert len(s.messages) == 40


@pytest.mark.parametrize("rule", [
    "fail create 1 0 ENOSPC */large/*", "fail write 1 0 ENOSPC */large/*",
    "fail sync 1 0 EIO */large/*", "short write 2 0 0 */large/*",
    "fail mkdir 1 0 ENOSPC */large/*", "fail sync 1 0 EIO */large"])
def test_large_bodies_that_cannot_be_stored(impeld, shim, rule):
    """They are refused for now, small mail is not, and no file is left."""
    big = ("y" * 70 + "\r\n") * 8000
    d = impeld("Suspend_Delivery = true\n", shim=shim)
    shim.rules(rule)
    assert refused(d, body=big)
    assert alarm(d, "body")["count"] == 1
    assert refused(d) is None
    if "mkdir" not in rule and not rule.endswith("/large"):
        assert health(d)[0] == 2
    shim.clear()
    wait_for(lambda: not alarm(d, "body")["on"], 10, "well")
    assert refused(d, body=big) is None
    files = [f for f in (d.dir / "spool/large").rglob("*") if f.is_file()]
    assert len(files) == 1, files


def test_a_large_body_of_a_commit_that_failed(impeld, shim):
    """It goes when it is durable that nothing speaks of it."""
    d = impeld("Suspend_Delivery = true\n", shim=shim)
    shim.rules(f"fail sync 1 1 EIO {SEGMENTS}")
    assert refused(d, body=("y" * 70 + "\r\n") * 8000) == 451

    def left():
        return [f for f in (d.dir / "spool/large").rglob("*") if f.is_file()]

    wait_for(lambda: not left(), 10, "its removal")


def test_an_index_that_cannot_be_written_refuses_nothing(impeld, shim, server):
    d = impeld("Suspend_Delivery = true\nSpool_Segment_Size = 1M\n", shim=shim)
    shim.rules("fail create,rename 1 0 ENOSPC */segments/*.idx*")
    for i in range(60):
        send(d.port, f"r{i}@dest.test", body=("x" * 70 + "\r\n") * 500)
    a = wait_for(lambda: alarm_is_on(d, "index"), 10, "the alarm")
    assert not a["refuses"] and not a["pauses"]
    code, doc = health(d)
    assert code == 1 and any("index" in p["text"] for p in doc["problems"])
    d.kill()
    shim.clear()
    d.start()
    wait_for(lambda: d.summary()["Messages"] == 60, 20, "all of it")


@pytest.mark.parametrize("rule", [
    "fail unlink 1 0 EIO */large/??/*",
    "fail rename 1 0 EIO */segments/spare-*"])
def test_what_cannot_be_removed(impeld, shim, server, rule):
    """Told, tried again, and then it is gone; nothing else suffers."""
    s = server()
    d = impeld(ROUTES % s.port + "Spool_Segment_Size = 1M\n", shim=shim)
    shim.rules(rule)
    for i in range(50):
        send(d.port, f"r{i}@dest.test",
             body=("z" * 70 + "\r\n") * (3000 if i < 5 else 500))
    d.wait_empty()
    a = wait_for(lambda: alarm_is_on(d, "removal"), 10, "the alarm")
    assert not a["refuses"] and health(d)[0] == 1
    shim.clear()
    wait_for(lambda: not alarm(d, "removal")["on"], 10, "well")
    assert not [f for f in (d.dir / "spool/large").rglob("*") if f.is_file()]
    assert len(s.messages) == 50


def test_a_log_that_cannot_be_written_loses_no_mail(impeld, shim, server):
    s = server()
    d = impeld(ROUTES % s.port, shim=shim)
    shim.rules("fail write 1 0 ENOSPC */mainlog")
    for i in range(20):
        send(d.port, f"r{i}@dest.test")
    s.wait(20)
    wait_for(lambda: "logfile-write-failed" in d.stderr() +
             "\n".join(d.log("paniclog")), 10, "a word of it")
    shim.clear()
    d.wait_records("D", 20)
    d.wait_empty()
    assert len(s.messages) == 20


def test_what_was_refused_is_not_in_the_spool(impeld, shim, server):
    """A commit that failed is void, though its bytes are in the file: for a
    reader, and after kill -9 while the disk still fails."""
    s = server()
    d = impeld(ROUTES % s.port + "Suspend_Delivery = true\n", shim=shim)
    send(d.port, "kept@dest.test")
    shim.rules(f"fail sync 1 0 EIO {SEGMENTS}")
    assert refused(d, "refused@dest.test")
    wait_for(lambda: list((d.dir / "spool/segments").glob("00000001.idx")), 10,
             "the end of its segment")
    d.kill()
    shim.clear()
    text = subprocess.run(
        [str(IMPEL), "spool", "dump", str(d.dir / "spool")],
        capture_output=True, text=True, timeout=60).stdout
    assert "kept@dest.test" in text and "refused@dest.test" not in text, text
    p = subprocess.run([str(IMPEL), "spool", "check", str(d.dir / "spool")],
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stdout
    d.write(d.conf.read_text().replace("Suspend_Delivery = true", ""))
    d.start()
    s.wait()
    d.wait_empty()
    assert [m.recipients[0] for m in s.messages] == ["kept@dest.test"]


def test_damage_in_front_of_a_commit_that_failed(impeld, shim):
    """The first commit in a segment fails.  The end of the segment before it
    was synced nevertheless, so bad bytes there are damage to `spool check`, not a
    torn end."""
    d = impeld("Suspend_Delivery = true\nSpool_Segment_Size = 1M\n", shim=shim)
    shim.rules("fail sync 1 1 EIO */00000002.seg")
    for i in range(60):
        refused(d, f"r{i}@dest.test", body=("x" * 70 + "\r\n") * 500)
        if shim.counts()[0][1]:
            break
    assert shim.counts()[0][1] == 1
    wait_for(lambda: refused(d, "after@dest.test") is None, 20, "accepting")
    d.kill()
    for f in (d.dir / "spool/segments").glob("*.idx"):
        f.unlink()

    def spool(verb):
        p = subprocess.run([str(IMPEL), "spool", verb, str(d.dir / "spool")],
                           capture_output=True, text=True, timeout=60)
        return p.returncode, p.stdout

    ends = [line for line in spool("dump")[1].splitlines()
            if line.startswith("00000001:")]
    at = int(ends[-1].split(":")[1].split()[0])
    with open(d.dir / "spool/segments/00000001.seg", "r+b") as f:
        f.seek(at + 200)
        f.write(b"#" * 50)
    code, text = spool("check")
    assert code == 1 and "WRONG" in text, text
