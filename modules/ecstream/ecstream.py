# SPDX-License-Identifier: Apache-2.0
"""A client of ECSTREAM, version 1, in one file: written from docs/ecstream.md,
and nothing but Python is needed.

    with Client("127.0.0.1", 1825) as c:
        c.send("a@example.com", ["b@example.net"], b"Subject: hi\\r\\n\\r\\nhi\\r\\n")
        for message in c.wait():
            print(message.results)   # [(250, (2, 0, 0), "OK ...")]

Messages go out as the window allows; send() and wait() read answers.  What has
an answer is confirmed at once: who must not lose an answer in a crash of its
own gives confirm=False and calls confirm() when it is safe.
"""
import os
import socket
import struct

HELLO, MESSAGE, BODY, END, ABANDON, CONFIRM, PING, BYE = range(1, 9)
WELCOME, RESULTS, WINDOW, GOAWAY, PONG, PARTED, ERROR = range(0x81, 0x88)
FRAME_MOST = 262144
PIECE = 65536


class EcstreamError(Exception):
    """The server said ERROR, or something that makes no sense."""

    def __init__(self, text, code=0):
        super().__init__(text)
        self.code = code


def text(value):
    octets = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(octets)) + octets


class Reader:
    """The payload of a frame, taken from the front."""

    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def take(self, form):
        size = struct.calcsize(">" + form)
        if self.at + size > len(self.octets):
            raise EcstreamError("a frame is too short")
        values = struct.unpack_from(">" + form, self.octets, self.at)
        self.at += size
        return values if len(values) > 1 else values[0]

    def text(self):
        size = self.take("H")
        if self.at + size > len(self.octets):
            raise EcstreamError("a text is too short")
        self.at += size
        return self.octets[self.at - size:self.at].decode("utf-8", "replace")

    def end(self):
        if self.at != len(self.octets):
            raise EcstreamError("a frame is too long")


class Message:
    """One that was sent; results has a (code, status, text) for each recipient
    once it is answered, else None."""

    def __init__(self, key, sender, recipients, body, numbers, flags, meta):
        self.key, self.sender, self.recipients = key, sender, recipients
        self.body, self.flags, self.meta = body, flags, meta
        self.numbers = numbers or range(len(recipients))
        self.tag = self.results = None

    def envelope(self):
        out = struct.pack(">I", self.tag) + text(self.key)
        out += struct.pack(">BBQ", self.flags, 0, len(self.body))
        out += text(self.sender) + text("")
        out += struct.pack(">H", len(self.meta))
        for key, value in self.meta.items():
            out += text(key) + text(value)
        out += struct.pack(">I", len(self.recipients))
        for number, address in zip(self.numbers, self.recipients):
            out += struct.pack(">IB", number, 0) + text(address) + text("")
        return out


class Client:
    def __init__(self, host, port=1825, stream=None, name="client.local",
                 confirm=True, tls=None, timeout=300):
        """host: a name, an address, or the path of a Unix socket.  stream: 16
        octets, those of before when messages are sent again.  tls: an
        ssl.SSLContext."""
        self.stream = stream or os.urandom(16)
        self.confirms, self.open, self.answered = confirm, {}, []
        self.unconfirmed, self.octets, self.last_tag = set(), 0, 0
        self.going = None
        if host.startswith("/"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(host)
        else:
            self.socket = socket.create_connection((host, port), timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.input = self.socket.makefile("rb", 1 << 16)
        self.out = bytearray()
        self.frame(HELLO, b"ECSTREAM" + struct.pack(">BBI", 1, 1, 0) +
                   self.stream + text(name) + text("ecstream.py 1"))
        self.welcome()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.socket.close()

    # frames

    def frame(self, kind, payload):
        self.out += struct.pack(">IB", len(payload) + 1, kind) + payload
        if len(self.out) >= PIECE:
            self.flush()

    def flush(self):
        octets, self.out = self.out, bytearray()
        self.socket.sendall(octets)

    def exactly(self, size):
        octets = self.input.read(size)
        if octets is None or len(octets) < size:
            raise EcstreamError("the connection has ended")
        return octets

    def read(self):
        """The next frame: (type, Reader)."""
        self.flush()
        while True:
            length, kind = struct.unpack(">IB", self.exactly(5))
            if not 1 <= length <= FRAME_MOST:
                raise EcstreamError("the length of a frame is wrong")
            payload = Reader(self.exactly(length - 1))
            if kind == ERROR:
                code, *_ = payload.take("HBBB")
                raise EcstreamError(payload.text(), code)
            if kind < 0xc0:
                return kind, payload

    def welcome(self):
        kind, r = self.read()
        if kind != WELCOME:
            raise EcstreamError("no WELCOME")
        (self.version, self.features, self.window, self.octets_window,
         self.most, self.most_recipients, self.remembers,
         self.idle) = r.take("BIIQQIII")
        self.server = r.text()
        r.end()

    # messages

    def send(self, sender, recipients, body, key=None, numbers=None, flags=0,
             meta=None):
        """Returns the Message; its answer comes with wait()."""
        m = Message(key or os.urandom(16).hex().encode(), sender,
                    list(recipients), body, numbers, flags, meta or {})
        while not self.has_room(len(body)):
            self.take()
        self.last_tag += 1
        m.tag = self.last_tag
        self.open[m.tag] = m
        self.octets += len(body)
        self.frame(MESSAGE, m.envelope())
        tag = struct.pack(">I", m.tag)
        for at in range(0, len(body), PIECE):
            self.frame(BODY, tag + body[at:at + PIECE])
        self.frame(END, tag)
        return m

    def has_room(self, size):
        if self.going:
            raise EcstreamError(self.going)
        return len(self.open) + len(self.unconfirmed) < self.window and (
            not self.octets or self.octets + size <= self.octets_window)

    def wait(self, open_at_most=0):
        """Until no more than that are without an answer: those that have got
        one since the last call."""
        while len(self.open) > open_at_most:
            self.take()
        answered, self.answered = self.answered, []
        return answered

    def take(self):
        kind, r = self.read()
        if kind == RESULTS:
            tags = [self.result(r) for _ in range(r.take("H"))]
            r.end()
            if self.confirms:
                self.confirm(t for t in tags if t in self.unconfirmed)
        elif kind == WINDOW:
            self.window, self.octets_window = r.take("IQ")
        elif kind == GOAWAY:
            r.take("HBBB")
            self.going = r.text() or "the server goes away"
        elif kind not in (PONG, PARTED):
            raise EcstreamError(f"a frame of type {kind:#x}")

    def result(self, r):
        tag, groups = r.take("IH")
        m = self.open.pop(tag, None)
        if m is None:
            raise EcstreamError("an answer for no message")
        m.results = [None] * len(m.recipients)
        for _ in range(groups):
            code, a, b, c = r.take("HBBB")
            words = r.text()
            for _ in range(r.take("H")):
                first, count = r.take("II")
                for i in range(first, first + count):
                    if i >= len(m.results) or m.results[i]:
                        raise EcstreamError("answers that do not fit")
                    m.results[i] = code, (a, b, c), words
        if not all(m.results):
            raise EcstreamError("a recipient without an answer")
        self.octets -= len(m.body)
        if any(code // 100 == 2 for code, _, _ in m.results):
            self.unconfirmed.add(tag)
        self.answered.append(m)
        return tag

    def confirm(self, tags=None):
        """These, or all that were answered, will not be sent again."""
        runs = []
        for tag in sorted(self.unconfirmed if tags is None else tags):
            self.unconfirmed.discard(tag)
            if runs and sum(runs[-1]) == tag:
                runs[-1][1] += 1
            else:
                runs.append([tag, 1])
        for at in range(0, len(runs), 30000):
            some = runs[at:at + 30000]
            self.frame(CONFIRM, struct.pack(">H", len(some)) + b"".join(
                struct.pack(">II", *run) for run in some))

    def close(self):
        """Wait for all answers, and part."""
        while self.open:
            self.take()
        if self.confirms:
            self.confirm()
        self.frame(BYE, b"")
        while self.read()[0] != PARTED:
            pass
        self.socket.close()
