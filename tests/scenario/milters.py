# SPDX-License-Identifier: Apache-2.0
"""A scripted milter that speaks the protocol octet by octet, to misbehave on
demand; the numbers are the protocol's own, not those of the module."""
import os
import socket
import struct
import threading
import time

CONTINUE, ACCEPT, REJECT, TEMPFAIL, DISCARD = b"c", b"a", b"r", b"t", b"d"
PROGRESS, SKIP, SHUTDOWN, CONN_FAIL = b"p", b"s", b"4", b"f"
NAMES = {b"C": "connect", b"H": "helo", b"M": "mail", b"R": "rcpt",
         b"T": "data", b"L": "header", b"N": "eoh", b"B": "body", b"E": "end",
         b"A": "abort", b"Q": "quit", b"K": "quit_nc", b"D": "macro",
         b"O": "options"}
NR = {"header": 0x80, "connect": 0x1000, "helo": 0x2000, "mail": 0x4000,
      "rcpt": 0x8000, "data": 0x10000, "eoh": 0x40000, "body": 0x80000}


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def reply(text):
    return (b"y", text.encode() + b"\0")


def add(name, value):
    return (b"h", name.encode() + b"\0" + value.encode() + b"\0")


def insert(index, name, value):
    return (b"i", struct.pack("!I", index) + name.encode() + b"\0" +
            value.encode() + b"\0")


def change(index, name, value):
    return (b"m", struct.pack("!I", index) + name.encode() + b"\0" +
            value.encode() + b"\0")


def replace(data):
    return [(b"b", data[i:i + 60000]) for i in range(0, len(data), 60000)]


def sender(address, args=None):
    return (b"e", address.encode() + b"\0" +
            (args.encode() + b"\0" if args else b""))


def add_rcpt(address):
    return (b"+", address.encode() + b"\0")


def remove_rcpt(address):
    return (b"-", address.encode() + b"\0")


class Client:
    """What a milter was told on one connection."""

    def __init__(self):
        self.told = []      # (name, data) of each command but macros
        self.macros = {}    # by the command they came before
        self.offered = None

    def names(self):
        return [n for n, _ in self.told]

    def all(self, name):
        return [d for n, d in self.told if n == name]

    def headers(self):
        return [tuple(d.split(b"\0")[:2]) for d in self.all("header")]

    def body(self):
        return b"".join(self.all("body"))


class Milter:
    """answer(name, data, client) gives what is said to a command: None for
    CONTINUE, a command octet, a (command, data) pair, a list of these, bytes
    with more than one octet to be sent as they are, or "close"."""

    def __init__(self, answer=None, steps=0, actions=0x1ff, version=6,
                 path=None, listen=True, options=None):
        self.answer = answer or (lambda name, data, client: None)
        self.steps, self.actions, self.version = steps, actions, version
        self.options = options
        self.clients = []
        self.open = []
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))
            self.name = f"unix:{path}"
        else:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(("127.0.0.1", 0))
            self.name = f"inet:127.0.0.1:{self.socket.getsockname()[1]}"
        if listen:
            self.listen()

    def listen(self):
        self.socket.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            c = Client()
            self.clients.append(c)
            self.open.append(s)
            threading.Thread(
                target=self.serve, args=(s, c), daemon=True).start()

    def read(self, s, n):
        data = b""
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def say(self, s, what):
        if what is None:
            what = CONTINUE
        if isinstance(what, list):
            for w in what:
                self.say(s, w)
        elif isinstance(what, tuple):
            s.sendall(packet(*what))
        elif what == "close":
            raise ConnectionError
        elif isinstance(what, float):
            time.sleep(what)
        elif len(what) == 1:
            s.sendall(packet(what))
        elif what:
            s.sendall(what)

    def serve(self, s, c):
        try:
            while True:
                n, = struct.unpack("!I", self.read(s, 4))
                data = self.read(s, n)
                name, data = NAMES[data[:1]], data[1:]
                if name == "macro":
                    words = data[1:].split(b"\0")[:-1]
                    c.macros.setdefault(NAMES[data[:1]], {}).update(
                        zip(words[::2], words[1::2]))
                    continue
                if name == "options":
                    c.offered = struct.unpack("!III", data)
                    self.say(s, self.options or (b"O", struct.pack(
                        "!III", self.version, self.actions & c.offered[1],
                        self.steps)))
                    continue
                c.told.append((name, data))
                if name == "quit":
                    raise ConnectionError
                if name in ("abort", "quit_nc"):
                    continue
                said = self.answer(name, data, c)
                if not self.steps & NR.get(name, 0) or said is not None:
                    self.say(s, said)
        except (OSError, ConnectionError):
            pass
        finally:
            s.close()

    def stop(self):
        # a thread in accept() holds the socket open: wake it
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
