# SPDX-License-Identifier: Apache-2.0
"""`spool export`: a queue moves to another machine; nothing is lost and nothing
comes twice, whoever is killed and whatever is damaged on the way."""
import json
import os
import shutil
import subprocess

import pytest

from daemon import IMPEL, IMPELD
from test_import import SMALL, a_tree, came, old_spool, waited


def spool(*words, status=0, env=None):
    p = subprocess.run([str(IMPEL), *map(str, words)], capture_output=True,
                       text=True, timeout=60, env={**os.environ, **(env or {})})
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    return p.stdout + p.stderr


@pytest.fixture
def old(impeld, server):
    return old_spool(impeld, server)


def goes_on(impeld, server, export):
    """Imported into a new daemon, and delivered: once."""
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + SMALL)
    assert "7 messages to 13 recipients imported.\n" in d.ask(
        "spool", "import", export)
    assert "0 messages to 0 recipients imported.\n" in d.ask(
        "spool", "import", export)
    d.ask("flush", "domain", "all")
    d.wait_empty()
    assert came(s) == waited()
    return d


def refused(conf):
    """Why no daemon starts with that configuration."""
    p = subprocess.run([str(IMPELD), "-d", "-c", str(conf)],
                       capture_output=True, text=True, timeout=30)
    assert p.returncode == 1
    return p.stderr


def test_a_queue_moves(impeld, server, old, tmp_path):
    to = tmp_path / "queue"
    text = spool("spool", "export", f"{old}/", f"{to}/")
    assert "messages 7, segments" in text and f"octets are in {to}" in text
    assert f"to {to}\n" in (old / "exported").read_text()
    assert not (tmp_path / "queue.part").exists()
    assert spool("spool", "check", to)
    # by tar, as to another machine
    away = tmp_path / "away"
    away.mkdir()
    subprocess.run(f"tar -C {tmp_path} -cf - queue | tar -C {away} -xf -",
                   shell=True, check=True)
    shutil.rmtree(to)
    before = a_tree(away / "queue")
    goes_on(impeld, server, away / "queue")
    assert a_tree(away / "queue") == before
    # neither is a daemon's any more
    conf = old.parent / "impel.conf"
    assert f"{old}/exported: the mail of this spool was exported" in refused(
        conf)
    conf.write_text(conf.read_text().replace(str(old), str(away / "queue")))
    assert "this is an export, to be taken over by `impel spool import`" in \
        refused(conf)


def test_taken_back(impeld, server, old, tmp_path):
    """The export is not used: without the mark the spool goes on."""
    spool("spool", "export", old, tmp_path / "queue")
    (old / "exported").unlink()
    s = server()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + SMALL,
               start=False)
    old.rename(d.dir / "spool")
    d.start()
    d.wait_read()
    d.ask("flush", "domain", "all")
    d.wait_empty()
    assert came(s) == waited()


def test_keep_and_words(impeld, server, old, tmp_path):
    to = tmp_path / "copy"
    found = json.loads(spool("--json", "spool", "export", "--keep", old, to))
    assert "its mail is in both now" in found["lines"][-1]
    assert not (old / "exported").exists()
    assert "is there already" in spool("spool", "export", old, to, status=1)
    assert "is an export" in spool(
        "spool", "export", to, tmp_path / "more", status=1)
    assert "no spool here" in spool(
        "spool", "export", tmp_path, tmp_path / "more", status=1)
    for words in (("spool", "export"), ("spool", "export", old),
                  ("spool", "export", old, to, to), ("spool", "check", old, to)):
        assert "usage: impel spool" in spool(*words, status=2)
    d = impeld("Suspend_Delivery = true\n")
    assert "another process uses this spool" in spool(
        "spool", "export", d.dir / "spool", tmp_path / "more", status=1)
    assert not (tmp_path / "more").exists()


def test_damaged_on_the_way(impeld, server, old, tmp_path):
    """What is not whole is not imported, not even in part, and is named."""
    to = tmp_path / "queue"
    spool("spool", "export", old, to)
    d = impeld("Suspend_Delivery = true\n")
    segment = sorted((to / "segments").iterdir())[0]
    octets = segment.read_bytes()
    segment.write_bytes(octets[:-4096])
    assert f"{segment} has {len(octets) - 4096} octets" in d.ask(
        "spool", "import", to, ok=False)
    segment.unlink()
    assert "0 segments, 1 were exported" in d.ask(
        "spool", "import", to, ok=False)
    segment.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))
    assert f"{segment} is not as it was exported: copy it again" in d.ask(
        "spool", "import", to, "--dry-run", ok=False)
    segment.write_bytes(octets)
    large, = [p for p in (to / "large").rglob("*") if p.is_file()]
    large.rename(to / "away")
    assert str(large) in d.ask("spool", "import", to, ok=False)
    (to / "away").rename(large)
    whole = (to / "export").read_bytes()
    (to / "export").write_bytes(whole[:-5])
    assert "not whole, or was changed" in d.ask(
        "spool", "import", to, ok=False)
    (to / "export").write_bytes(b"impel-export 7\n" + whole[15:])
    assert "version 7, this program has version 1" in d.ask(
        "spool", "import", to, ok=False)
    (to / "export").write_bytes(whole)
    assert d.queued() == 0
    assert "7 messages to 13 recipients imported" in d.ask(
        "spool", "import", to)
    assert d.queued() == 13


def test_killed_in_the_middle(impeld, server, old, shim, tmp_path):
    """At each call that changes something: the same command does it."""
    calls = "write,sync,rename,create,unlink,mkdir"
    env = {**os.environ, **shim.environment(),
           "ASAN_OPTIONS": "verify_asan_link_order=0"}
    kept, work = tmp_path / "kept", tmp_path / "work"
    shutil.copytree(old, kept)
    d = impeld("Suspend_Delivery = true\n")

    def export(rule):
        """The process that has ended; work/to is there if it should be."""
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        shutil.copytree(kept, work / "spool")
        shim.rules(f"{rule} {work}/*")
        return subprocess.run(
            [str(IMPEL), "spool", "export", str(work / "spool"),
             str(work / "to")], capture_output=True, env=env).returncode

    assert export(f"count {calls}") == 0
    total = shim.counts()[0][0]
    points = range(1, total + 1) if os.environ.get("IMPEL_LONG") else (
        1, total // 2, total - 2, total - 1, total)
    for n in points:
        assert export(f"kill {calls} {n}") == -9
        shim.clear()
        marked = (work / "spool/exported").exists()
        assert marked or not (work / "to").exists()
        if not (work / "to").exists():
            spool("spool", "export", work / "spool", work / "to")
        assert (work / "spool/exported").exists()
        found = d.ask_json("spool", "import", work / "to")
        assert found["messages"] + found["before"] == 7  # one spool: once
        assert d.queued() == 13


def test_no_room(impeld, server, old, shim, tmp_path):
    """The disk there is full: nothing is marked, nothing is left."""
    env = {**os.environ, **shim.environment(),
           "ASAN_OPTIONS": "verify_asan_link_order=0"}
    shim.rules(f"fail write 3 0 ENOSPC {tmp_path}/queue.part/*")
    p = subprocess.run([str(IMPEL), "spool", "export", str(old),
                        str(tmp_path / "queue")], capture_output=True,
                       text=True, env=env)
    shim.clear()
    assert p.returncode == 1 and "No space left on device" in p.stderr
    assert not (old / "exported").exists()
    assert not [f for f in (tmp_path / "queue.part/segments").iterdir()
                if f.suffix == ".seg"]
    spool("spool", "export", old, tmp_path / "queue")
    goes_on(impeld, server, tmp_path / "queue")


@pytest.mark.skipif(os.getuid() != 0, reason="root gives things away")
def test_by_root(impeld, old, tmp_path):
    """What root makes belongs to whom the spool belongs to."""
    for path in [old, *old.rglob("*")]:
        os.chown(path, 65534, 65534)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        if os.stat(folder).st_uid == 0:
            os.chmod(folder, 0o755)
    try:
        spool("spool", "compact", old)
    except AssertionError as e:
        if "Permission denied" not in str(e):
            raise
        pytest.skip("a folder above is closed to others")
    spool("spool", "export", old, tmp_path / "queue")
    for path in [old, *old.rglob("*"), tmp_path / "queue",
                 *(tmp_path / "queue").rglob("*")]:
        assert path.stat().st_uid == 65534, path
