# SPDX-License-Identifier: Apache-2.0
"""impel inject: from files, maildirs, mbox, lists and stdin into impeld; nothing
is lost and nothing comes twice, whoever is killed."""
import collections
import json
import mailbox
import os
import pty
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from certificates import Authority
from daemon import BUILD, IMPEL, SANITIZED, SOURCE, free_port, wait_for
from test_ecstream import ECSTREAM, Cutter, receiver

sys.path.insert(0, str(SOURCE / "modules/ecstream"))
sys.dont_write_bytecode = True
import ecstream  # noqa: E402


def inject(*words, status=0, text=None, **how):
    """Run it; what it printed, or its JSON."""
    p = subprocess.run([str(IMPEL), "inject", *map(str, words)], input=text,
                       capture_output=True, timeout=60, **how)
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    return json.loads(p.stdout) if "--json" in words else p.stderr.decode()


def mail(number, to="a@dest.test", more="", body="Hello"):
    return (f"From: Me <me@origin.test>\nTo: {to}\nSubject: x\n"
            f"X-Number: {number}\n{more}\n{body}\n").encode()


def received(s):
    """How often each recipient got each message: by its number."""
    return collections.Counter(
        (m.header("X-Number")[0], r) for m in s.messages for r in m.recipients)


class Ecserver:
    """The other end of ECSTREAM, scripted: answer(address, number) gives
    (code, status, text) for each recipient.  It keeps what it took by key and
    number as long as it is not confirmed, and everything in `taken`."""

    def __init__(self, answer=None, path=None, remembers=86400):
        self.answer = answer or (lambda address, number: (250, b"\2\0\0", "ok"))
        self.taken, self.keys, self.streams = [], {}, []
        self.confirmed, self.remembers = [], remembers
        self.listener = socket.socket(
            socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(str(path) if path else ("127.0.0.1", 0))
        self.listener.listen()
        self.port = None if path else self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    @staticmethod
    def frame(kind, payload):
        return struct.pack(">IB", len(payload) + 1, kind) + payload

    def serve(self, c):
        f, open_, answered = c.makefile("rb"), {}, {}
        try:
            while head := f.read(5):
                length, kind = struct.unpack(">IB", head)
                r = ecstream.Reader(f.read(length - 1))
                if kind == ecstream.HELLO:
                    self.streams.append(r.octets[14:30])
                    c.sendall(self.frame(ecstream.WELCOME, struct.pack(
                        ">BIIQQIII", 1, 0, 100, 1 << 20, 0, 1000,
                        self.remembers, 300) + ecstream.text("fake")))
                elif kind == ecstream.MESSAGE:
                    tag = r.take("I")
                    open_[tag] = [self.envelope(r), b""]
                elif kind == ecstream.BODY:
                    open_[r.take("I")][1] += r.octets[4:]
                elif kind == ecstream.END:
                    tag = r.take("I")
                    answered[tag] = open_[tag][0][0]
                    c.sendall(self.results(tag, *open_.pop(tag)))
                elif kind == ecstream.CONFIRM:
                    for _ in range(r.take("H")):
                        first, count = r.take("II")
                        for tag in range(first, first + count):
                            self.confirmed.append(answered[tag])
                elif kind == ecstream.BYE:
                    c.sendall(self.frame(ecstream.PARTED, b""))
        except (OSError, ecstream.EcstreamError):
            pass
        c.close()

    @staticmethod
    def envelope(r):
        key, (flags, _, size), sender = r.text(), r.take("BBQ"), r.text()
        r.text()
        meta = dict((r.text(), r.text()) for _ in range(r.take("H")))
        rcpts = []
        for _ in range(r.take("I")):
            number, _ = r.take("IB")
            rcpts.append((number, r.text()))
            r.text()
        r.end()
        return key, flags, size, sender, meta, rcpts

    def results(self, tag, envelope, body):
        key, _, size, _, _, rcpts = envelope
        assert size == len(body)
        out, groups = b"", 0
        for place, (number, address) in enumerate(rcpts):
            code, status, text = self.answer(address, number)
            if code == 250 and number in self.keys.setdefault(key, set()):
                text = "taken before"
            elif code == 250:
                self.keys[key].add(number)
                self.taken.append((address, envelope, body))
            out += struct.pack(">H", code) + status + ecstream.text(text)
            out += struct.pack(">HII", 1, place, 1)
            groups += 1
        return self.frame(ecstream.RESULTS, struct.pack(
            ">HIH", 1, tag, groups) + out)

    def stop(self):
        self.listener.close()


@pytest.fixture
def ecserver():
    made = []

    def make(*a, **k):
        made.append(Ecserver(*a, **k))
        return made[-1]

    yield make
    for s in made:
        s.stop()


@pytest.fixture
def node(impeld, server):
    """A node that takes ECSTREAM, and the SMTP server behind it."""
    def make(more="", **how):
        s, port = server(), free_port()
        return impeld(receiver(port, s.port, more), modules=ECSTREAM,
                      **how), s, port
    return make


# --- what is sent ---

def test_files_and_stdin(node, tmp_path):
    d, s, port = node()
    for i in range(3):
        (tmp_path / f"{i}.eml").write_bytes(mail(i))
    sums = inject("--to", f"127.0.0.1:{port}", "--recipient", "a@dest.test",
                  "--recipient", "b@dest.test", "--json",
                  *sorted(tmp_path.glob("*.eml")))
    assert (sums["messages"], sums["accepted"]) == (3, 6)
    assert sums["temporary"] == sums["permanent"] == sums["unanswered"] == 0
    out = inject("--to", f"127.0.0.1:{port}", "--sender", "<>", "--recipient",
                 "c@dest.test", "-", text=mail(3))
    assert out == ""
    d.wait_empty()
    assert received(s) == {(str(i), f"{c}@dest.test"): 1 for i, c in [
        (0, "a"), (0, "b"), (1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")]}
    assert {m.sender for m in s.messages} == {"me@origin.test", ""}
    assert all(m.body == b"Hello\r\n" for m in s.messages)


def test_maildir_and_headers(ecserver, tmp_path):
    """Recipients from the header, Bcc taken out; a folder that is no maildir."""
    s = ecserver()
    box = mailbox.Maildir(tmp_path / "box")
    box.add(mail(1, '"Doe, J." <j@dest.test>, (x) k@dest.test',
                 "Cc: friends: l@dest.test, m@dest.test;,\n n@dest.test\n"
                 "Bcc: secret@dest.test,\n\thidden@dest.test\nX-Last: yes\n"))
    m = mailbox.MaildirMessage(mail(2, "j@dest.test, J@ dest . test"))
    m.set_subdir("cur")
    m.set_flags("S")
    box.add(m)
    (tmp_path / "box/.ignored").write_bytes(b"no mail")
    other = tmp_path / "other"
    other.mkdir()
    (other / "one").write_bytes(mail(3))
    (other / ".dot").write_bytes(b"no mail")
    inject("--to", f"127.0.0.1:{s.port}", "--read-recipients",
           tmp_path / "box", other)
    got = collections.defaultdict(list)
    for address, (_, _, _, sender, _, _), body in s.taken:
        assert sender == "me@origin.test"
        assert b"cret" not in body and b"hidden" not in body
        assert b"Bcc" not in body and b"\n" not in body.replace(b"\r\n", b"")
        number = re.search(rb"X-Number: (\d)", body)[1]
        got[number].append(address)
    assert got == {b"1": [f"{c}@dest.test" for c in "jklmn"] +
                   ["secret@dest.test", "hidden@dest.test"],
                   b"2": ["j@dest.test", "J@dest.test"],
                   b"3": ["a@dest.test"]}
    assert any(b"X-Last: yes\r\n\r\nHello" in b for _, _, b in s.taken)


@pytest.mark.parametrize("kind,quoted", [
    ("mboxrd", [b"From here", b">From there", b">>From far"]),
    ("mboxo", [b"From here", b">>From there", b">>>From far"]),
])
def test_mbox(ecserver, tmp_path, kind, quoted):
    s = ecserver()
    line = "From me@origin.test Sat Nov 21 12:00:00 2026\n"
    text = ">From here\n>>From there\n>>>From far\n\nFrom nowhere at all"
    (tmp_path / "m").write_bytes(b"".join([
        line.encode(), mail(1, more="Content-Length: 5\n", body=text),
        b"\n", line.encode(), mail(2, body="x" * 200000 + "\n>From y"), b"\n",
        line.encode(), mail(3).replace(b"\n", b"\r\n")]))
    inject("--to", f"127.0.0.1:{s.port}", "--recipient", "a@dest.test",
           "--mbox", kind, tmp_path / "m")
    bodies = [b.split(b"\r\n\r\n", 1)[1] for _, _, b in s.taken]
    assert bodies[0] == b"\r\n".join(
        [*quoted, b"", b"From nowhere at all", b""])
    assert bodies[1] == b"x" * 200000 + b"\r\nFrom y\r\n"
    assert bodies[2] == b"Hello\r\n"
    whole = inject("--to", f"127.0.0.1:{s.port}", "--recipient", "a@dest.test",
                   "--mbox", "no", "--json", tmp_path / "m")
    assert whole["messages"] == 1


def test_list(ecserver, tmp_path):
    s = ecserver()
    (tmp_path / "m").write_bytes(mail(1))
    (tmp_path / "other").write_bytes(mail(2))
    (tmp_path / "l").write_text(
        "\ufeffrecipient,sender,binding,campaign,file\r\n"
        "a@dest.test,,,,\r\n"
        '"b@dest.test",s@origin.test,news,"one, two ""x""",\r\n'
        f"c@dest.test,,,,{tmp_path / 'other'}\r\n"
        "\r\nno address,,,,\n")
    failures = tmp_path / "failures"
    sums = inject("--to", f"127.0.0.1:{s.port}", "--list", tmp_path / "l",
                  "--meta", "kind=bulk", "--failures", failures, "--json",
                  tmp_path / "m", status=1)
    assert (sums["messages"], sums["accepted"], sums["not_sent"]) == (3, 3, 1)
    by = {a: (e[3], e[4], re.search(rb"X-Number: (\d)", b)[1])
          for a, e, b in s.taken}
    assert by == {
        "a@dest.test": ("me@origin.test", {"kind": "bulk"}, b"1"),
        "b@dest.test": ("s@origin.test", {
            "kind": "bulk", "binding": "news", "campaign": 'one, two "x"'},
            b"1"),
        "c@dest.test": ("me@origin.test", {"kind": "bulk"}, b"2")}
    assert "line 6" in failures.read_text()


def test_plain_list(ecserver, tmp_path):
    s = ecserver()
    (tmp_path / "m").write_bytes(mail(1, body="y" * 300000))
    (tmp_path / "l").write_text(
        "".join(f"r{i}@dest.test\n" for i in range(50)))
    inject("--to", f"127.0.0.1:{s.port}", "--list", tmp_path / "l",
           "--binding", "news", tmp_path / "m")
    assert sorted(a for a, _, _ in s.taken) == sorted(
        f"r{i}@dest.test" for i in range(50))
    assert all(e[4] == {"binding": "news"} and len(e[5]) == 1 and
               b.endswith(b"y\r\n") for _, e, b in s.taken)


def test_eight_bit(ecserver, tmp_path):
    s = ecserver()
    (tmp_path / "8").write_bytes(mail(1, body="grün"))
    (tmp_path / "u").write_bytes(mail(2))
    inject("--to", f"127.0.0.1:{s.port}", "--recipient", "a@dest.test",
           tmp_path / "8")
    inject("--to", f"127.0.0.1:{s.port}", "--recipient", "grün@dest.test",
           tmp_path / "u")
    assert [e[1] for _, e, _ in s.taken] == [1, 2]


# --- what becomes of it ---

def test_refused(ecserver, tmp_path):
    def answer(address, number):
        if address.startswith("full"):
            return 452, b"\4\2\2", "full"
        if address.startswith("gone"):
            return 550, b"\5\1\1", "no such user"
        return 250, b"\2\0\0", "ok"
    s = ecserver(answer)
    (tmp_path / "m").write_bytes(mail(1))
    words = ["--to", f"127.0.0.1:{s.port}", "--recipient", "a@dest.test",
             "--recipient", "full@dest.test", "--recipient", "gone@dest.test",
             "--failures", tmp_path / "f", tmp_path / "m"]
    sums = inject("--json", *words, status=1)
    assert [sums[k] for k in ("accepted", "temporary", "permanent")] == [1] * 3
    assert (tmp_path / "f").read_text() == (
        f"{tmp_path / 'm'}\tfull@dest.test\t452\t4.2.2\tfull\n"
        f"{tmp_path / 'm'}\tgone@dest.test\t550\t5.1.1\tno such user\n")
    assert "550 5.1.1 no such user" in inject(*words, status=1)


def test_used_wrongly(tmp_path):
    (tmp_path / "m").write_bytes(mail(1))
    m = tmp_path / "m"
    for words in ([], [m], ["--recipient", "a@b.test"],
                  ["--recipient", "no address", m],
                  ["--to", "h:99999", "--recipient", "a@b.test", m],
                  ["--rate", "x", "--recipient", "a@b.test", m],
                  ["--connections", "0", "--recipient", "a@b.test", m],
                  ["--nothing", m], ["--meta", "x", "--recipient", "a@b", m],
                  ["--mbox", "mmdf", "--recipient", "a@b.test", m],
                  ["--list", "-", "-"]):
        assert "usage" in inject(*words, status=2)
    for words in ["inject", "--help"], ["help", "inject"]:
        assert "--journal FILE" in subprocess.run(
            [str(IMPEL), *words], capture_output=True, text=True,
            check=True).stdout


def test_not_sent(ecserver, tmp_path):
    s = ecserver()
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "nobody").write_bytes(b"From: a@b.test\nTo: x y z\n\nx\n")
    sums = inject("--to", f"127.0.0.1:{s.port}", "--read-recipients", "--json",
                  tmp_path / "empty", tmp_path / "nobody", tmp_path / "none",
                  status=1)
    assert (sums["messages"], sums["not_sent"]) == (0, 3)


def test_no_server(tmp_path):
    (tmp_path / "m").write_bytes(mail(1))
    began = time.monotonic()
    out = inject("--to", f"127.0.0.1:{free_port()}", "--recipient",
                 "a@dest.test", tmp_path / "m", status=3)
    assert "refused" in out and time.monotonic() - began < 5


def test_not_wanted(impeld, tmp_path):
    port = free_port()
    impeld(f"""
ECStream_Listener {{
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( "192.0.2.1" )
}}
""", modules=ECSTREAM)
    (tmp_path / "m").write_bytes(mail(1))
    assert "550 5.7.1" in inject("--to", f"127.0.0.1:{port}", "--recipient",
                                 "a@dest.test", tmp_path / "m", status=1)


# --- how it gets there ---

def test_tls_and_unix_sockets(impeld, server, tmp_path):
    s, port = server(), free_port()
    ca = Authority(tmp_path)
    crt, _ = ca.make("mta.test")
    client, key = ca.make("client.test")
    d = impeld(f"""
ECStream_Listener {{
  tls_certificate = "{crt}"
  tls_client_ca = "{ca.crt}"
  tls_verify_mode = optional
  tls_verified_peer_can_relay = true
  Listen "127.0.0.1:{port}" {{ use_ssl = true Relay_Hosts = ( "192.0.2.1" ) }}
  Listen "@DIR@/ecstream" {{ Open_Relay = true }}
  Relay_Hosts = ( "127.0.0.0/8" )
}}
Routes = ( "smtp://127.0.0.1?port={s.port}" )
""", modules=ECSTREAM)
    m = tmp_path / "m"
    m.write_bytes(mail(1))
    words = ["--to", f"127.0.0.1:{port}", "--recipient", "a@dest.test", m]
    mine = ["--tls-certificate", client, "--tls-key", key]
    inject("--tls-ca", ca.crt, "--tls-name", "mta.test", *mine, *words)
    inject("--tls-unverified", *mine, *words)
    (tmp_path / "l").write_text(
        "".join(f"r{i}@dest.test\n" for i in range(300)))
    (tmp_path / "large").write_bytes(mail(2, body=30000 * "x"))
    sums = inject("--tls-ca", ca.crt, "--tls-name", "mta.test", *mine, "--to",
                  f"127.0.0.1:{port}", "--list", tmp_path / "l", "--json",
                  tmp_path / "large")
    assert sums["accepted"] == 300
    out = inject("--tls-ca", ca.crt, *mine, *words, status=1)  # another name
    assert "TLS" in out
    assert "TLS" in inject("--tls", "--tls-name", "mta.test", *mine, *words,
                           status=1)  # another authority
    assert "550" in inject("--tls-ca", ca.crt, "--tls-name", "mta.test",
                           *words, status=1)  # nobody's certificate
    inject("--to", f"unix:{d.dir}/ecstream", "--recipient", "a@dest.test", m)
    d.wait_empty()
    assert len(s.messages) == 303
    assert all(m.body.rstrip() in (b"Hello", 30000 * b"x") for m in s.messages)


def test_connections_and_rate(ecserver, tmp_path):
    s = ecserver()
    folder = tmp_path / "f"
    folder.mkdir()
    for i in range(40):
        (folder / str(i)).write_bytes(mail(i))
    began = time.monotonic()
    inject("--to", f"127.0.0.1:{s.port}", "--recipient", "a@dest.test",
           "--connections", "3", "--rate", "50", folder)
    assert 0.7 < time.monotonic() - began < 5
    assert len(s.taken) == 40
    assert len(s.streams) == 3 and len(set(s.streams)) == 1


def test_progress(ecserver, tmp_path):
    """On a terminal, and nowhere else; gone before the summary."""
    s = ecserver()
    folder = tmp_path / "f"
    folder.mkdir()
    for i in range(30):
        (folder / str(i)).write_bytes(mail(i))
    master, slave = pty.openpty()
    p = subprocess.Popen(
        [str(IMPEL), "inject", "--to", f"127.0.0.1:{s.port}", "--recipient",
         "a@dest.test", "--rate", "20", str(folder)], stderr=slave,
        stdout=subprocess.PIPE)
    out, _ = p.communicate(timeout=30)
    os.close(slave)
    shown = b""
    try:
        while more := os.read(master, 65536):
            shown += more
    except OSError:  # the end of a terminal
        pass
    os.close(master)
    assert re.search(rb"\r\[#+ *\] \d+ messages, \d+/s, 1 s", shown)
    assert shown.endswith(b"\r\x1b[K")
    assert out.startswith(b"30 messages, 30 recipients: 30 accepted")


# --- over kills ---

def test_journal(ecserver, tmp_path):
    """Only who was put off is tried again, under the same number."""
    later = {"full@dest.test"}

    def answer(address, number):
        return (452, b"\4\2\2", "full") if address in later else \
            (250, b"\2\0\0", "ok")
    s = ecserver(answer)
    folder = tmp_path / "f"
    folder.mkdir()
    for i in range(5):
        (folder / str(i)).write_bytes(mail(i))
    shutil.copy(folder / "0", folder / "same")  # is two messages
    words = ["--to", f"127.0.0.1:{s.port}", "--recipient", "a@dest.test",
             "--recipient", "full@dest.test", "--recipient", "b@dest.test",
             "--journal", tmp_path / "j", "--json", folder]
    first = inject(*words, status=1)
    assert (first["accepted"], first["temporary"]) == (12, 6)
    assert len(s.confirmed) == len(set(s.confirmed)) == 6
    assert len(set(s.keys)) == 6
    later.clear()
    second = inject(*words)
    assert (second["messages"], second["accepted"], second["before"]) == \
        (6, 6, 0)
    assert all(e[5] == [(1, "full@dest.test")] for _, e, _ in s.taken[12:])
    third = inject(*words)
    assert (third["messages"], third["before"]) == (0, 6)
    (folder / "new").write_bytes(mail(9))
    with open(tmp_path / "j", "a") as j:
        j.write("0123 torn")  # as after a crash
    assert inject(*words)["messages"] == 1
    assert len(set(s.streams)) == 1
    (tmp_path / "j").write_text("something else\n")
    inject(*words, status=1)


def test_journal_in_use_and_old(ecserver, tmp_path):
    s = ecserver(remembers=100)
    (tmp_path / "m").write_bytes(mail(1))
    words = ["--to", f"127.0.0.1:{s.port}", "--recipient", "a@dest.test",
             "--journal", tmp_path / "j"]
    assert inject(*words, tmp_path / "m") == ""
    os.utime(tmp_path / "j", (1, 1))
    (tmp_path / "m").write_bytes(mail(2))
    assert "may come twice" in inject(*words, tmp_path / "m")
    import fcntl
    with open(tmp_path / "j") as j:
        fcntl.flock(j, fcntl.LOCK_EX)
        assert "in use" in inject(*words, tmp_path / "m", status=1)


def start(port, tmp_path, rate):
    return subprocess.Popen(
        [str(IMPEL), "inject", "--to", f"127.0.0.1:{port}", "--read-recipients",
         "--journal", str(tmp_path / "j"), "--rate", str(rate),
         "--connections", "2", "--quiet", str(tmp_path / "box")])


def write_box(tmp_path, count):
    box = mailbox.mbox(tmp_path / "box")
    wanted = collections.Counter()
    for i in range(count):
        rcpts = [f"r{k}@dest.test" for k in range(1 + i % 3)]
        box.add(mail(i, ", ".join(rcpts)))
        wanted.update((str(i), r) for r in rcpts)
    box.close()
    return wanted


def deliver_all(d, s, wanted):
    d.conf.write_text(
        d.conf.read_text().replace("Suspend_Delivery = true", ""))
    d.ask("config", "reload")
    d.wait_empty(60)
    assert received(s) == wanted


def test_killed_inject(node, tmp_path):
    """kill -9 of it at any time: the same command goes on."""
    d, s, port = node("Suspend_Delivery = true")
    wanted = write_box(tmp_path, 300)
    pick = random.Random(11)
    for _ in range(5):
        p = start(port, tmp_path, 400)
        time.sleep(pick.uniform(0.02, 0.25))
        p.kill()
        p.wait()
    assert start(port, tmp_path, 4000).wait(60) == 0
    deliver_all(d, s, wanted)


def test_killed_impeld(node, tmp_path):
    """kill -9 of the daemon: it waits, and goes on by itself."""
    d, s, port = node("Suspend_Delivery = true")
    wanted = write_box(tmp_path, 300)
    p = start(port, tmp_path, 300)
    wait_for(lambda: (tmp_path / "j").exists() and
             (tmp_path / "j").read_bytes().count(b"\n") > 1)
    for _ in range(3):
        time.sleep(0.15)
        d.kill()
        d.start()
    assert p.wait(60) == 0
    deliver_all(d, s, wanted)


@pytest.mark.parametrize("count,cuts", [
    (300, 15),
    pytest.param(10000, 100, marks=pytest.mark.skipif(
        not os.environ.get("IMPEL_LONG"), reason="IMPEL_LONG=1 runs it"))])
def test_cut_connections(node, tmp_path, count, cuts):
    """At any octet, both ways, without a journal: it connects again."""
    d, s, port = node("Suspend_Delivery = true")
    wanted = write_box(tmp_path, count)
    cut = Cutter(port, cuts, seed=int(os.environ.get("IMPEL_SEED", "5")),
                 most=count * 400 // cuts)
    inject("--to", f"127.0.0.1:{cut.port}", "--read-recipients", "--timeout",
           "30s", "--connections", "2", tmp_path / "box")
    cut.stop()
    assert cut.cuts == 0
    deliver_all(d, s, wanted)


@pytest.mark.skipif(not os.environ.get("IMPEL_LONG"),
                    reason="IMPEL_LONG=1 runs it")
def test_many_kills(node, tmp_path):
    """10,000 messages; 20 kills of the one, 10 of the other."""
    d, s, port = node("Suspend_Delivery = true")
    wanted = write_box(tmp_path, 10000)
    seed = int(os.environ.get("IMPEL_SEED", "20261121"))
    pick, p = random.Random(seed), None
    for i in range(30):
        p = p or start(port, tmp_path, 1500)
        time.sleep(pick.uniform(0.05, 0.3))
        if i % 3 == 2:
            d.kill()
            d.start()
        else:
            p.kill()
        if p.poll() is not None or i % 3 != 2:
            p.wait()
            p = None
    if p:
        p.wait(120)
    assert start(port, tmp_path, 100000).wait(120) == 0
    lines = (tmp_path / "j").read_text().splitlines()
    assert len(lines) >= 10001
    deliver_all(d, s, wanted)


def test_interrupted(ecserver, tmp_path):
    """^C: what is under way is answered, and the summary says so."""
    s = ecserver()
    write_box(tmp_path, 300)
    p = subprocess.Popen(
        [str(IMPEL), "inject", "--to", f"127.0.0.1:{s.port}",
         "--read-recipients", "--rate", "100", str(tmp_path / "box")],
        stdout=subprocess.PIPE, text=True)
    wait_for(lambda: len(s.taken) > 10)
    p.send_signal(signal.SIGINT)
    out, _ = p.communicate(timeout=20)
    assert p.returncode == 1 and "(interrupted)" in out
    messages = int(out.split()[0])
    assert 5 < messages < 300
    assert len({e[0] for _, e, _ in s.taken}) == messages


# --- somebody else's program ---

def install(to):
    """The library where `make install` puts it, in a folder of its own."""
    subprocess.run(
        ["make", "-s", "-C", str(BUILD), f"DESTDIR={to}",
         "install-libLTLIBRARIES", "install-libLIBRARIES",
         "install-impelincludeHEADERS", "install-pkgconfigDATA"], check=True,
        capture_output=True, timeout=120, env={
            k: v for k, v in os.environ.items() if "MAKE" not in k})


def compile_program(root, program, static):
    pc, = root.rglob("libimpel-ecstream.pc")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libimpel-ecstream",
         *["gnutls"] * static], check=True, capture_output=True, text=True,
        env={**os.environ, "PKG_CONFIG_PATH": str(pc.parent),
             "PKG_CONFIG_SYSROOT_DIR": str(root)}).stdout.split()
    if static:
        flags = [str(pc.parent.parent / "libimpel-ecstream.a")
                 if f == "-limpel-ecstream" else f for f in flags]
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic",
         str(SOURCE / "tests/scenario/ecstream_program.c"), "-o", str(program),
         *flags, *" ".join(SANITIZED).split()], check=True, timeout=60)
    return pc.parent.parent


def names_of(file, *how):
    out = subprocess.run(["nm", *how, "--defined-only", str(file)],
                         capture_output=True, text=True, check=True).stdout
    return [w[2].split("@")[0] for line in out.splitlines()
            if len(w := line.split()) == 3 and w[1] in "TDBRV" and
            not w[2].startswith("__x86.")]  # the compiler's own for i386


def test_a_program_of_others(node, tmp_path):
    """By pkg-config against what is installed, shared and with the archive;
    nothing but ecstream_* is anybody's there."""
    root = tmp_path / "root"
    install(root)
    d, s, port = node()
    for static in False, True:
        program = tmp_path / f"program{static:d}"
        library = compile_program(root, program, static)
        for how in ([], ["loop"]):
            p = subprocess.run(
                [str(program), "127.0.0.1", str(port), "100", *how],
                capture_output=True, text=True, timeout=60,
                env={**os.environ, "LD_LIBRARY_PATH": str(library)})
            assert (p.returncode, p.stdout) == (0, "200 accepted\n"), p.stderr
    d.wait_empty()
    assert sum(len(m.recipients) for m in s.messages) == 800
    shared = names_of(library / "libimpel-ecstream.so.0", "-D")
    archive = names_of(library / "libimpel-ecstream.a", "-g")
    assert len(shared) == 18
    assert all(n.startswith("ecstream_") for n in shared)
    assert set(shared) < set(archive)
    assert all(n.startswith(("ecstream_", "impel_ecs_")) for n in archive)
