# SPDX-License-Identifier: Apache-2.0
"""ECSTREAM: from node to node, and from a client written from the document;
cuts and kills lose nothing and bring nothing twice."""
import collections
import os
import random
import smtplib
import socket
import struct
import sys
import threading

import pytest

import milters
from certificates import Authority
from daemon import BUILD, MODULES, SOURCE, free_port, wait_for
from peers import send

sys.path.insert(0, str(SOURCE / "modules/ecstream"))
sys.dont_write_bytecode = True
import ecstream  # noqa: E402

ECSTREAM = MODULES + ":" + str(BUILD / "modules/ecstream/.libs")
FILTERED = ECSTREAM + ":" + str(BUILD / "modules/milter/.libs")
LONG = bool(os.environ.get("IMPEL_LONG"))
BODY = b"Subject: one\r\n\r\nHello\r\n"


def receiver(port, sink, more=""):
    """A node that takes ECSTREAM and hands on by SMTP."""
    return f"""
ECStream_Listener {{
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( "127.0.0.0/8" )
}}
Routes = ( "smtp://127.0.0.1?port={sink}" )
Retry_Interval = 1
Host_Failure_Retry = 1
{more}
"""


def sending(port, more=""):
    return f"""
Delivery_Method = "ECSTREAM"
Gateway = "127.0.0.1"
ECStream_Port = {port}
Retry_Interval = 1
Max_Retry_Interval = 1
Host_Failure_Retry = 1
{more}
"""


class Cutter:
    """Hands octets on, and cuts each connection after some of them."""

    def __init__(self, to, cuts, seed, most):
        self.to, self.cuts, self.most = to, cuts, most
        self.random = random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        left = None
        if self.cuts > 0:
            self.cuts -= 1
            left = [self.random.randrange(1, self.most)]
        try:
            s = socket.create_connection(("127.0.0.1", self.to))
        except OSError:
            c.close()
            return
        ends = [threading.Thread(target=self.copy, args=(*pair, left),
                                 daemon=True) for pair in ((c, s), (s, c))]
        for t in ends:
            t.start()

    @staticmethod
    def copy(source, to, left):
        try:
            while octets := source.recv(65536):
                if left is not None:
                    octets = octets[:left[0]]
                    left[0] -= len(octets)
                to.sendall(octets)
                if left is not None and left[0] <= 0:
                    break
        except OSError:
            pass
        for s in (source, to):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.listener.close()


@pytest.fixture
def cutter():
    made = []

    def make(*a, **k):
        made.append(Cutter(*a, **k))
        return made[-1]

    yield make
    for c in made:
        c.stop()


def test_node_to_node(impeld, server):
    s, port = server(), free_port()
    b = impeld(receiver(port, s.port), modules=ECSTREAM)
    a = impeld(sending(port), modules=ECSTREAM)
    for i in range(20):
        send(a.port, [f"{c}@dest.test" for c in "abc"[:1 + i % 3]],
             body=f"number {i}\r\n")
    wait_for(lambda: sum(len(m.recipients) for m in s.messages) == 39)
    a.wait_empty()
    b.wait_empty()
    assert all(r[-1] for r in a.wait_records("D", 39))
    assert any("ecstream" in r for r in b.wait_records("R"))
    assert "ECSTREAM" in a.ask("module", "list")


def test_a_client_from_the_document(impeld, server):
    s, port = server(), free_port()
    d = impeld(receiver(port, s.port), modules=ECSTREAM)
    with ecstream.Client("127.0.0.1", port, name="client.test") as c:
        assert c.version == 1 and c.window == 10000 and c.remembers == 86400
        c.send("a@origin.test", ["b@dest.test", "no domain", "c@dest.test"],
               BODY)
        m, = c.wait()
        assert [r[0] for r in m.results] == [250, 553, 250] or \
            [r[0] // 100 for r in m.results] == [2, 5, 2]
        c.send("a@origin.test", ["d@dest.test"], b"x" * 300000 + b"\r\n")
        assert c.wait()[0].results[0][0] in (250, 550, 552, 554)
    wait_for(lambda: {r for m in s.messages for r in m.recipients} >=
             {"b@dest.test", "c@dest.test"})
    assert any("ecstream" in r for r in d.wait_records("R"))


@pytest.mark.parametrize("trusted", [True, False])
def test_what_a_message_has_with_it(impeld, server, trusted):
    """Binding and context of a peer that is trusted, and of no other."""
    s, port = server(), free_port()
    d = impeld(receiver(port, s.port, """
Binding "fast" { }
Suspend_Delivery = true
""").replace("{ }", """{ }
  Trusted_Peers = ( "%s" )""" % ("127.0.0.0/8" if trusted else "192.0.2.1"), 1),
        modules=ECSTREAM)
    with ecstream.Client("127.0.0.1", port) as c:
        for binding in "fast", "none such":
            c.send("a@origin.test", ["b@dest.test"], BODY,
                   meta={"binding": binding, "campaign": "x1"})
        assert [m.results[0][0] for m in c.wait()] == [250, 250]
    chosen = d.ask("flush", "all", "--meta", "campaign=x1", "--dry-run")
    assert ("2 messages" if trusted else "0 messages") in chosen, chosen
    d.ask("config", "set", "suspend_delivery", "false")
    d.wait_records("D", 2)
    assert sorted(r[8] for r in d.records("D")) == [
        "default", "fast" if trusted else "default"]


def test_binding_from_node_to_node(impeld, server):
    s, port = server(), free_port()
    b = impeld(receiver(port, s.port, """
Binding "fast" { }
Trusted_Peers = ( "127.0.0.0/8" )
"""), modules=ECSTREAM)
    a = impeld(sending(port, """
Binding "fast" { }
ECStream_Context = ( "binding" "campaign" )
Trusted_Peers = ( "127.0.0.0/8" )
"""), modules=ECSTREAM)
    send(a.port, "a@dest.test", headers="X-Binding: fast\r\n")
    assert b.wait_records("D")[0][8] == "fast"


def test_known_again(impeld, server):
    """Over a connection that broke, and a crash."""
    s, port = server(), free_port()
    d = impeld(receiver(port, s.port), modules=ECSTREAM)
    c = ecstream.Client("127.0.0.1", port, confirm=False)
    c.send("a@origin.test", ["b@dest.test", "c@dest.test"], BODY, key=b"k1")
    assert [r[0] for r in c.wait()[0].results] == [250, 250]
    c.socket.close()  # not confirmed
    d.kill()
    d.start()
    again = ecstream.Client("127.0.0.1", port, stream=c.stream, confirm=False)
    again.send("a@origin.test", ["c@dest.test", "e@dest.test"], BODY,
               key=b"k1", numbers=[1, 2])
    results = again.wait()[0].results
    assert [r[0] for r in results] == [250, 250]
    assert "before" in results[0][2] and "before" not in results[1][2]
    again.confirm()
    again.send("a@origin.test", ["b@dest.test", "c@dest.test"], BODY,
               key=b"k1")  # of these the second was confirmed
    results = again.wait()[0].results
    assert [r[0] for r in results] == [250, 250]
    assert "before" in results[0][2] and "before" not in results[1][2]
    again.confirm()
    again.close()
    other = ecstream.Client("127.0.0.1", port, stream=c.stream)
    other.send("a@origin.test", ["b@dest.test"], BODY, key=b"k1")
    assert "before" not in other.wait()[0].results[0][2]  # it was confirmed
    other.close()
    wait_for(lambda: collections.Counter(
        r for m in s.messages for r in m.recipients) ==
        {"b@dest.test": 2, "c@dest.test": 2, "e@dest.test": 1})


def test_only_those_who_may_relay(impeld, server):
    port = free_port()
    impeld(f"""
ECStream_Listener {{
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( "192.0.2.1" )
}}
""", modules=ECSTREAM)
    with pytest.raises(ecstream.EcstreamError) as e:
        ecstream.Client("127.0.0.1", port)
    assert e.value.code == 550


@pytest.fixture
def milter():
    made = []

    def make(answer):
        made.append(milters.Milter(answer))
        return made[-1]

    yield make
    for m in made:
        m.stop()


def test_behind_a_filter(impeld, server, milter):
    """All recipients come at once, and the filter is asked of one after the
    other: each has the verdict that is its own."""
    def answer(name, data, client):
        if name == "rcpt" and b"bad" in data:
            return milters.REJECT
        if name == "rcpt" and b"busy" in data:
            return milters.TEMPFAIL
        return None

    m, s, port = milter(answer), server(), free_port()
    d = impeld(receiver(port, s.port, f'milters = ( "{m.name}" )'),
               modules=FILTERED)
    rcpts = ["a@dest.test", "bad1@dest.test", "b@dest.test", "no domain",
             "busy@dest.test", "bad2@dest.test", "c@dest.test"]
    with ecstream.Client("127.0.0.1", port) as c:
        for _ in range(2):
            c.send("a@origin.test", rcpts, BODY)
        for sent in c.wait():
            assert [r[0] for r in sent.results] == [
                250, 550, 250, 553, 451, 550, 250]
        c.send("a@origin.test", ["bad1@dest.test", "bad2@dest.test"], BODY)
        assert [r[0] for r in c.wait()[0].results] == [550, 550]
    wait_for(lambda: collections.Counter(
        r for m in s.messages for r in m.recipients) ==
        {"a@dest.test": 2, "b@dest.test": 2, "c@dest.test": 2})
    told = [x.strip(b"<>\0").decode() for x in m.clients[0].all("rcpt")]
    assert told[:6] == [x for x in rcpts if "@" in x]
    assert d.ask("version")


@pytest.mark.parametrize("late", [False, True], ids=["greeting", "silent"])
def test_a_filter_hangs_up(impeld, milter, late):
    """As the client connects: whether it has said HELLO by then or not."""
    said = threading.Event()

    def answer(name, data, client):
        said.wait(10)
        return milters.REJECT

    m, port = milter(answer), free_port()
    impeld(receiver(port, 9, f'milters = ( "{m.name}" )'), modules=FILTERED)
    if late:
        said.set()
        with socket.create_connection(("127.0.0.1", port), 10) as c:
            got = b""
            while len(got) < 7:
                got += c.recv(65536) or b"the end"
        assert got[4] == ecstream.ERROR
        assert got[5:7] == struct.pack(">H", 421)
        return
    threading.Timer(0.2, said.set).start()
    with pytest.raises(ecstream.EcstreamError) as e:
        ecstream.Client("127.0.0.1", port)
    assert e.value.code in (421, 550)


def behind_tls(impeld, tmp_path, sink):
    """A node that takes ECSTREAM behind TLS, from those whose certificate its
    authority has signed: (its port, that authority, of its own)."""
    for name in ("clients", "servers"):
        (tmp_path / name).mkdir()
    clients = Authority(tmp_path / "clients", "clients")
    servers = Authority(tmp_path / "servers", "servers")
    crt, _ = servers.make("node.test")
    port = free_port()
    impeld(f"""
ECStream_Listener {{
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( )
  use_ssl = true
  tls_certificate = "{crt}"
  tls_client_ca = "{clients.crt}"
  tls_verify_mode = optional
  tls_verified_peer_can_relay = true
}}
Routes = ( "smtp://127.0.0.1?port={sink}" )
""", modules=ECSTREAM)
    return port, clients, servers


def test_node_to_node_by_certificate(impeld, server, tmp_path):
    s = server()
    port, clients, servers = behind_tls(impeld, tmp_path, s.port)
    mine, _ = clients.make("sender.test")
    theirs, _ = servers.make("sender.test")
    tls = f'tls = required\ntls_verify = ca\ntls_ca = "{servers.crt}"\n'
    for crt, wanted in ((mine, None), (theirs, "550 5.7.1"), (None, "550 5.7.1")):
        a = impeld(sending(port, tls + (f'tls_certificate = "{crt}"' if crt
                                        else "")), modules=ECSTREAM)
        send(a.port, "b@dest.test", body="by certificate\r\n")
        if wanted:
            wait_for(lambda: any(wanted in r[-1] for r in a.records("T")))
            assert a.queued() == 1
        else:
            a.wait_records("D")
    s.wait(1)
    assert len(s.messages) == 1


def test_what_tls_says_against_a_server(impeld, server, tmp_path):
    """Why there is no connection, in the words of TLS."""
    port, clients, _ = behind_tls(impeld, tmp_path, server().port)
    a = impeld(sending(port, "tls = required\ntls_verify = ca\n"
                             f'tls_ca = "{clients.crt}"\n'), modules=ECSTREAM)
    send(a.port, "b@dest.test")
    assert "4.7.5 [internal] TLS: " in a.wait_records("T")[0][-1]


def test_no_tls_unless_required(impeld, server, tmp_path):
    """ifavailable is no TLS: nothing says that a port has it."""
    s, clear = server(), free_port()
    port, _, _ = behind_tls(impeld, tmp_path, s.port)
    impeld(receiver(clear, s.port), modules=ECSTREAM)
    a = impeld(sending(port, "tls = ifavailable\necstream_timeout = 2"),
               modules=ECSTREAM)
    b = impeld(sending(clear, "tls = ifavailable"), modules=ECSTREAM)
    send(b.port, "b@dest.test")
    s.wait(1)
    send(a.port, "b@dest.test")
    a.wait_records("T")
    assert a.queued() == 1 and not a.records("D")
    # and clear where TLS is required is nothing, too
    c = impeld(sending(clear, "tls = required"), modules=ECSTREAM)
    send(c.port, "b@dest.test")
    c.wait_records("T")
    assert c.queued() == 1 and len(s.messages) == 1


def test_unix_sockets(impeld, server, tmp_path):
    """From node to node, and from a client of another language."""
    s, path = server(), tmp_path / "stream"
    impeld(f"""
ECStream_Listener {{
  Listen "{path}" {{ }}
  Open_Relay = true
}}
Routes = ( "smtp://127.0.0.1?port={s.port}" )
""", modules=ECSTREAM)
    a = impeld(f"""
Delivery_Method = "ECSTREAM"
Gateway = "{path}"
""", modules=ECSTREAM)
    send(a.port, ["a@dest.test", "b@dest.test"])
    assert all(str(path) in r[-1] for r in a.wait_records("D", 2))
    with ecstream.Client(str(path)) as c:
        c.send("a@origin.test", ["c@dest.test"], BODY)
        assert c.wait()[0].results[0][0] == 250
    s.wait(2)
    assert {r for m in s.messages for r in m.recipients} == {
        "a@dest.test", "b@dest.test", "c@dest.test"}


@pytest.mark.parametrize("octets", [
    b"GET / HTTP/1.1\r\n\r\n",
    struct.pack(">IB", 0, 1),
    struct.pack(">IB", 1, 2),
    struct.pack(">IB", 0xffffffff, 1) + b"x" * 100,
    struct.pack(">IB", 9, 1) + b"ECSTREAX",
], ids=["http", "empty", "order", "long", "magic"])
def test_wrong_frames(impeld, octets):
    port = free_port()
    d = impeld(receiver(port, 9), modules=ECSTREAM)
    with socket.create_connection(("127.0.0.1", port), 10) as c:
        c.sendall(octets)
        answer = b""
        while len(answer) < 4 or \
                len(answer) < 4 + struct.unpack_from(">I", answer)[0]:
            answer += c.recv(65536)
    assert answer[4] == ecstream.ERROR and answer[5:7] in (
        struct.pack(">H", 501), struct.pack(">H", 503))
    assert d.ask("version")


# steps of the filter protocol that are not asked for: all but RCPT
ONLY_RCPT = 0x1 | 0x2 | 0x4 | 0x10 | 0x20 | 0x40 | 0x200


class Moody(milters.Milter):
    """Of the receiving node: recipients f... are refused, those with t... are
    put off when they come first, and taken when they come again."""

    def __init__(self):
        self.put_off = set()
        super().__init__(self.judge, steps=ONLY_RCPT)

    def judge(self, name, data, _):
        if name != "rcpt":
            return None
        address = data.split(b"\0", 1)[0].strip(b"<>")
        if address.startswith(b"f"):
            return milters.reply("550 5.1.1 nobody of that name")
        if address.startswith(b"t") and address not in self.put_off:
            self.put_off.add(address)
            return milters.reply("451 4.2.2 later, please")
        return None


class Injector:
    """One connection of SMTP, a new one after a kill of its server."""

    def __init__(self, port):
        self.port, self.smtp = port, None

    def send(self, sender, rcpts, number):
        if not self.smtp:
            self.smtp = smtplib.SMTP("127.0.0.1", self.port, timeout=30)
        refused = self.smtp.sendmail(
            sender, rcpts, f"Subject: {number}\r\n\r\nnumber {number}\r\n")
        assert not refused

    def lost(self):
        if self.smtp:
            self.smtp.close()
        self.smtp = None


def transfer(impeld, server, cutter, messages, cuts, kills, seed):
    """One to five recipients each, of which some are taken, some put off at
    first, some refused, so that their senders get a bounce by the same way.
    The receiver hands on only when all is over: what SMTP makes of a kill
    between a delivery and its record is not what is looked at.  Nor is that a
    kill may make the sending node write a bounce twice (docs/durability.md)."""
    print(f"seed {seed}")
    pick = random.Random(seed)
    moody, s, port = Moody(), server(), free_port()
    b = impeld(receiver(port, s.port, f"""
Suspend_Delivery = true
Milters = ( "{moody.name}" )
"""), modules=FILTERED)
    cut = cutter(port, cuts, seed, most=messages * 600 // max(cuts, 1))
    a = impeld(sending(cut.port, "Max_Outbound_Connections = 3"),
               modules=FILTERED)
    wanted, injector = set(), Injector(a.port)
    when = dict(zip(pick.sample(range(messages), kills), range(kills)))
    for i in range(messages):
        kinds = pick.choices("rt", (3, 1), k=pick.randrange(1, 6))
        if pick.random() < .1:
            kinds[-1] = "f"
            wanted.add(f"s{i}@origin.test")
        rcpts = [f"{kind}{k}.{i}@dest.test" for k, kind in enumerate(kinds)]
        wanted.update(r for r in rcpts if r[0] != "f")
        injector.send(f"s{i}@origin.test", rcpts, i)
        if i in when:
            victim = (a, b)[when[i] % 2]
            if victim is a:
                injector.lost()
            victim.kill()
            victim.start()
    a.wait_empty(300)
    assert cut.cuts == 0 and len(moody.put_off) == sum(
        r[0] == "t" for r in wanted)
    b.conf.write_text(
        b.conf.read_text().replace("Suspend_Delivery = true", ""))
    b.ask("config", "reload")
    b.wait_empty(300)
    moody.stop()
    got = collections.Counter(r for m in s.messages for r in m.recipients)
    lost, strange = wanted - set(got), set(got) - wanted
    twice = {r: n for r, n in got.items()
             if n > 1 and not (kills and r[0] == "s")}
    assert not lost and not strange and not twice, (lost, strange, twice)


def test_cuts(impeld, server, cutter):
    transfer(impeld, server, cutter, 120, cuts=12, kills=0, seed=1)


def test_kills(impeld, server, cutter):
    transfer(impeld, server, cutter, 60, cuts=0, kills=4, seed=2)


@pytest.mark.skipif(not LONG, reason="IMPEL_LONG=1 runs it")
def test_many_cuts_and_kills(impeld, server, cutter):
    """IMPEL_SEED repeats a run; a failure shows it."""
    seed = os.environ.get("IMPEL_SEED") or random.randrange(1 << 32)
    transfer(impeld, server, cutter, 10000, cuts=100, kills=20,
             seed=int(seed))
