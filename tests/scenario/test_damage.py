# SPDX-License-Identifier: Apache-2.0
"""Damage on disk: each place where it can be, told by name, and the rest is
served; nothing that is damaged is ever delivered as if it were whole."""
import subprocess

import pytest

from daemon import IMPEL, free_port, wait_for
from peers import send

HEAD = 4096
KEEP = "Suspend_Delivery = true\n"


def routes(port, more=""):
    return (f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'
            "Retry_Interval = 1\nHost_Failure_Retry = 1\n"
            "Max_Outbound_Connections = 20\n" + more)


def stored(impeld, port, count, more=""):
    """A daemon that keeps some messages, each with a body of its own."""
    d = impeld(routes(port, KEEP + more))
    for i in range(count):
        send(d.port, f"r{i}@dest.test", body=f"unique-{i}\r\n")
    return d


def told(d):
    return d.log("paniclog") + d.stderr().splitlines()


def wait_told(d, what, name):
    wait_for(lambda: any(what in x and name in x for x in told(d)), 10,
             f"{what} of {name}")


def spoil(d, text, by):
    """Replace text wherever it stands in the spool: the file and the offset."""
    hit = []
    for f in (d.dir / "spool").rglob("*"):
        if f.is_file() and text in (data := f.read_bytes()):
            hit.append((f, data.index(text)))
            f.write_bytes(data.replace(text, by))
    assert len(hit) == 1, hit
    return hit[0]


def turn_over(f, at):
    data = bytearray(f.read_bytes())
    data[at] ^= 1
    f.write_bytes(data)


def go_on(d):
    """Start again, and deliver."""
    d.write(d.conf.read_text().replace(KEEP, ""))
    d.start()


def served(s):
    return {r for m in s.messages if m.sender for r in m.recipients}


def check_says(d):
    p = subprocess.run([str(IMPEL), "spool", "check", str(d.dir / "spool")],
                       capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout


def test_a_record_in_the_middle(impeld, server):
    """Before the newest commit: quarantined at the start, and named."""
    port = free_port()
    d = stored(impeld, port, 3)
    d.kill()
    f, _ = spoil(d, b"unique-1", b"UNIQUE-1")
    status, said = check_says(d)
    assert status != 0 and f.stem in said, said
    s = server(port=port)
    go_on(d)
    wait_for(lambda: len(served(s)) == 2, 30)
    d.wait_empty()
    assert served(s) == {"r0@dest.test", "r2@dest.test"}
    assert not any(b"UNIQUE-1" in m.data for m in s.messages)
    wait_told(d, "spool-damaged", f.stem)
    kept = list((d.dir / "spool/quarantine").iterdir())
    assert [k.name for k in kept if k.name.startswith(f.stem)]
    assert any(b"UNIQUE-1" in k.read_bytes() for k in kept)


def test_a_record_of_a_sealed_segment(impeld, server):
    """Found when it is read.  The message fails; who sent it stands in the
    same record, so that nobody can be told but the operator."""
    port = free_port()
    d = stored(impeld, port, 3)
    d.terminate()
    f, _ = spoil(d, b"unique-2", b"UNIQUE-2")  # the last one there is
    s = server(port=port)
    go_on(d)
    wait_for(lambda: len(served(s)) == 2, 30)
    d.wait_empty()
    assert served(s) == {"r0@dest.test", "r1@dest.test"}
    assert not any(b"UNIQUE-2" in m.data for m in s.messages)
    number = d.records("R")[2][1]
    wait_told(d, "message-unreadable", "")
    wait_for(lambda: [x for x in d.records("P") if x[1] == number], 10, "P")
    wait_told(d, "spool-damaged", f.stem)


def test_the_end_of_a_segment(impeld, server):
    """Of the newest commit: it is cut off where it is bad, which is said."""
    port = free_port()
    d = stored(impeld, port, 3)
    d.kill()
    f, _ = spoil(d, b"unique-2", b"UNIQUE-2")
    status, said = check_says(d)
    assert f"torn: segment {f.stem}" in said, said
    s = server(port=port)
    go_on(d)
    wait_for(lambda: len(served(s)) == 2, 30)
    d.wait_empty()
    assert served(s) == {"r0@dest.test", "r1@dest.test"}
    wait_told(d, "spool-torn", f.stem)


def test_the_head_of_a_segment(impeld, server):
    """The index says what was in it."""
    port = free_port()
    d = stored(impeld, port, 3)
    d.terminate()
    f, _ = next((f, 0) for f in (d.dir / "spool/segments").glob("*.seg")
                if b"unique-0" in f.read_bytes())
    turn_over(f, 20)
    s = server(port=port)
    go_on(d)
    wait_for(lambda: len(served(s)) == 3, 30)
    d.wait_empty()
    wait_told(d, "spool-damaged", f.stem)


@pytest.mark.parametrize("where", ["head", "entries", "end", "cut", "rubbish"])
def test_an_index(impeld, server, where):
    """It is made again from its segment: nothing is lost."""
    port = free_port()
    d = stored(impeld, port, 3)
    d.terminate()
    found = list((d.dir / "spool/segments").glob("*.idx"))
    assert found
    for f in found:
        size = f.stat().st_size
        if where == "cut":
            f.write_bytes(f.read_bytes()[:size // 2])
        elif where == "rubbish":
            f.write_bytes(b"rubbish")
        else:
            turn_over(f, {"head": 50, "entries": 140, "end": size - 1}[where])
    s = server(port=port)
    go_on(d)
    wait_for(lambda: len(served(s)) == 3, 30)
    d.wait_empty()
    for f in found:
        wait_told(d, "spool-index-remade", f.stem)
    assert len(s.messages) == 3, "no bounce"


def large_files(d):
    return [f for f in (d.dir / "spool/large").rglob("*") if f.is_file()]


def large_and_small(impeld, port, lines, more=""):
    d = impeld(routes(port, KEEP + more))
    send(d.port, "big@dest.test", body=("x" * 70 + "\r\n") * lines)
    send(d.port, "small@dest.test")
    files = large_files(d)
    assert len(files) == 1
    return d, files[0]


def big_is_told(d, s, name):
    """Never served, its sender told once, named in the log."""
    wait_for(lambda: "small@dest.test" in served(s), 30)
    wait_for(lambda: [m for m in s.messages if not m.sender], 30, "a bounce")
    d.wait_empty()
    assert served(s) == {"small@dest.test"}
    bounces = [m for m in s.messages if not m.sender]
    assert len(bounces) == 1 and b"big@dest.test" in bounces[0].data
    wait_told(d, "spool-damaged", name)
    return bounces[0].data


@pytest.mark.parametrize("ext", [(), ("PIPELINING", "CHUNKING")],
                         ids=["DATA", "BDAT"])
@pytest.mark.parametrize("lines", [2000, 20000])
@pytest.mark.parametrize("stop", [True, False], ids=["restart", "running"])
def test_a_large_body_that_changed(impeld, server, ext, lines, stop):
    """Its sum is compared while it is sent: the connection is cut before the
    last octet, and there is no second attempt."""
    port = free_port()
    d, f = large_and_small(impeld, port, lines,
                           "Large_Message_Threshold = 64K\n")
    if stop:
        d.terminate()
    turn_over(f, f.stat().st_size // 2)
    s = server(port=port, extensions=("8BITMIME", *ext))
    if stop:
        go_on(d)
    else:
        d.ask("config", "unset", "suspend_delivery")
    bounce = big_is_told(d, s, f.name)
    assert b"5.3.0" in bounce and b"damaged" in bounce
    assert sum(x.startswith(b"MAIL FROM:<sender@") for x in s.lines) <= 3
    with s.lock:
        bdat = [x for x in s.lines if x.startswith(b"BDAT")]
    assert bool(bdat) == ("CHUNKING" in ext)


def test_a_large_body_in_seven_bits(impeld, server):
    port = free_port()
    d = impeld(routes(port, KEEP + "Large_Message_Threshold = 64K\n"))
    send(d.port, "big@dest.test", body=("\u00e4" * 35 + "\r\n") * 2000,
         mail_options=("BODY=8BITMIME",))
    send(d.port, "small@dest.test")
    d.terminate()
    f, = large_files(d)
    turn_over(f, f.stat().st_size // 2)
    s = server(port=port, extensions=("PIPELINING",))
    go_on(d)
    big_is_told(d, s, f.name)


@pytest.mark.parametrize("how", ["gone", "cut"])
def test_a_large_body_that_is_missing_or_cut(impeld, server, how):
    port = free_port()
    d, f = large_and_small(impeld, port, 5000)
    d.kill()
    if how == "gone":
        f.unlink()
    else:
        f.write_bytes(f.read_bytes()[:1000])
    s = server(port=port)
    go_on(d)
    big_is_told(d, s, f.name)


def test_spool_check_names_a_large_body(impeld):
    d, f = large_and_small(impeld, free_port(), 5000)
    d.terminate()
    status, said = check_says(d)
    assert status == 0, said
    turn_over(f, 1000)
    status, said = check_says(d)
    assert status != 0 and f.name in said, said
