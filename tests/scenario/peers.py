# SPDX-License-Identifier: Apache-2.0
"""Peers: the sources and sinks of tests/bench, Debian's servers, and a
scripted SMTP server."""
import json
import os
import pathlib
import signal
import smtplib
import socket
import ssl
import subprocess
import threading
import time

from daemon import BUILD, SOURCE, free_port, wait_for

APART = str(SOURCE / "tests/scenario/apart")
PEERS = BUILD / "peers/root"
PEER_ENV = dict(os.environ, LD_LIBRARY_PATH=":".join(
    str(PEERS / d) for d in ["usr/lib/postfix"] + [
        f"{lib}/{cpu}-linux-gnu" for cpu in ("x86_64", "aarch64", "i386")
        for lib in ("usr/lib", "lib")]))


def let_pass(folder):
    """Servers with accounts of their own get to that folder, wherever it is."""
    for d in (folder, *folder.parents):
        if not d.stat().st_mode & 1:
            d.chmod(d.stat().st_mode | 0o11)


def listening(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


class Sink:
    """tests/bench/sink: verifies that each message came once and intact."""

    def __init__(self, folder, options=(), port=None):
        folder.mkdir()
        self.port = port or free_port()
        self.log = folder / "served"
        self.process = subprocess.Popen(
            [str(BUILD / "tests/bench/sink"), "-p", str(self.port), "-v",
             "-l", str(self.log), *map(str, options)],
            stdout=subprocess.PIPE, text=True)
        wait_for(lambda: listening(self.port), what="the sink")

    def served(self):
        """The recipients served so far, in order."""
        if not self.log.exists():
            return []
        return [line.split()[0] for line in self.log.read_text().splitlines()]

    def report(self, timeout=60):
        """End it (or wait for its end) and return its counts."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=timeout)
        return json.loads(out)

    def wait(self, timeout=120):
        out, _ = self.process.communicate(timeout=timeout)
        return json.loads(out)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def source(port, *options, timeout=600):
    """tests/bench/source: its counts when it has ended."""
    p = subprocess.run(
        [str(BUILD / "tests/bench/source"), "-p", str(port),
         *map(str, options)], stdout=subprocess.PIPE, text=True,
        timeout=timeout)
    return json.loads(p.stdout)


def start_source(port, *options):
    return subprocess.Popen(
        [str(BUILD / "tests/bench/source"), "-p", str(port),
         *map(str, options)], stdout=subprocess.PIPE, text=True)


def postfix_tool(name, *arguments, **how):
    """Run smtp-source or smtp-sink of Debian's postfix package."""
    return subprocess.Popen(
        [str(PEERS / "usr/sbin" / name), *map(str, arguments)], env=PEER_ENV,
        **how)


def send(port, recipients, sender="sender@origin.test", body="Hello\r\n",
         headers="", mail_options=(), rcpt_options=(), host="127.0.0.1"):
    """One message by smtplib; what it raises comes through."""
    if isinstance(recipients, str):
        recipients = [recipients]
    text = (f"From: {sender}\r\nTo: {recipients[0]}\r\n"
            f"Subject: test\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
            f"Message-ID: <{time.monotonic_ns()}@origin.test>\r\n{headers}"
            f"\r\n{body}")
    with smtplib.SMTP(host, port, timeout=30) as s:
        return s.sendmail(sender, recipients, text.encode("utf-8", "surrogateescape"),
                          mail_options, rcpt_options)


class Message:
    """One message that a Server took."""

    def __init__(self, sender, recipients, data):
        self.sender, self.recipients, self.data = sender, recipients, data

    def header(self, name):
        import email
        return email.message_from_bytes(self.data).get_all(name) or []

    @property
    def body(self):
        return self.data.split(b"\r\n\r\n", 1)[1]


def address(line):
    """What stands between the angle brackets of a MAIL or RCPT."""
    return line.split(b"<", 1)[1].split(b">", 1)[0]


class Server:
    """A small SMTP server in threads, to misbehave on demand.

    answer(stage, line) may return a reply to send instead of the usual one,
    b"" to say nothing, or None for the usual; it may raise ConnectionError to
    cut the connection.  Stages: banner, EHLO, HELO, STAR, MAIL, RCPT, DATA,
    BODY, RSET, QUIT.  tls: an ssl.SSLContext, and STARTTLS is offered (in clear);
    "broken": it is, and the handshake fails.
    """

    def __init__(self, host="127.0.0.1", port=0, extensions=("PIPELINING",
                 "8BITMIME", "DSN", "ENHANCEDSTATUSCODES", "SMTPUTF8"),
                 answer=None, delay=0, tls=None):
        self.tls = tls
        self.handshakes = []  # of those that came about: its socket
        self.extensions = extensions
        self.answer = answer or (lambda stage, line: None)
        self.messages, self.lines = [], []
        self.connections = self.most = 0
        self.alive = set()
        self.delay = delay
        self.lock = threading.Lock()
        self.socket = socket.create_server(
            (host, port), backlog=200, family=socket.AF_INET6 if ":" in host
            else socket.AF_INET)
        self.host, self.port = self.socket.getsockname()[:2]
        self.running = True
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.running = False
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def accept(self):
        while self.running:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.alive.add(c)
                self.most = max(self.most, self.open)
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            c.settimeout(60)
            self.converse(c, c.makefile("rb"))
        except (ConnectionError, OSError, ValueError):
            pass
        finally:
            try:
                c.shutdown(socket.SHUT_RDWR)  # a file of it may be open still
            except OSError:
                pass
            c.close()
            self.ended(c)

    def ended(self, c):
        """It counts no more; after a QUIT not even until it is closed."""
        with self.lock:
            self.alive.discard(c)

    @property
    def open(self):
        return len(self.alive)

    def reply(self, stage, line, usual):
        if self.delay:
            time.sleep(self.delay)
        reply = self.answer(stage, line)
        reply = usual if reply is None else reply
        return reply.encode() if isinstance(reply, str) else reply

    def say(self, c, stage, line, usual):
        reply = self.reply(stage, line, usual)
        if reply:
            c.sendall(reply)
        return reply[:1]

    def converse(self, c, f):
        self.say(c, "banner", b"", "220 server.test ESMTP\r\n")
        sender, rcpts, chunks = None, [], b""
        while (line := f.readline(100000)):
            with self.lock:
                self.lines.append(line.rstrip(b"\r\n"))
            verb = line[:4].upper().strip().decode("latin-1")
            if verb == "STAR" and self.tls:
                if self.say(c, verb, line, "220 2.0.0 go\r\n") == b"2":
                    c = self.secure(c)
                    f = c.makefile("rb")
                    sender, rcpts, chunks = None, [], b""
            elif verb == "EHLO":
                ext = "".join(f"250-{e}\r\n" for e in self.extensions)
                if self.tls and not isinstance(c, ssl.SSLSocket):
                    ext += "250-STARTTLS\r\n"
                self.say(c, verb, line, "250-server.test\r\n" + ext +
                         "250 HELP\r\n")
            elif verb == "MAIL":
                sender, rcpts, chunks = None, [], b""
                if self.say(c, verb, line, "250 2.1.0 ok\r\n") == b"2":
                    sender = address(line)
            elif verb == "RCPT":
                usual = "503 5.5.1 no sender\r\n" if sender is None \
                    else "250 2.1.5 ok\r\n"
                if self.say(c, verb, line, usual) == b"2":
                    rcpts.append(address(line))
            elif verb == "DATA":
                usual = "354 go\r\n" if rcpts else "554 5.5.1 no rcpt\r\n"
                if self.say(c, verb, line, usual) == b"3":
                    self.take(c, sender, rcpts, self.read_data(f))
            elif verb == "BDAT":
                words = line.split()
                part = f.read(int(words[1]))
                if len(part) < int(words[1]):
                    raise ConnectionError
                chunks += part
                if len(words) > 2:
                    self.take(c, sender, rcpts, chunks)
                    chunks = b""
                else:
                    self.say(c, "BDAT", line, "250 2.0.0 ok\r\n")
            elif verb == "QUIT":
                self.ended(c)
                self.say(c, verb, line, "221 2.0.0 bye\r\n")
                return
            else:
                self.say(c, verb, line, "250 2.0.0 ok\r\n")

    def secure(self, c):
        if self.tls == "broken":
            c.recv(100)
            c.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # handshake_failure
            raise ConnectionError
        c = self.tls.wrap_socket(c, server_side=True)
        with self.lock:
            self.handshakes.append(c)
        return c

    @staticmethod
    def read_data(f):
        data = bytearray()  # which grows in place
        while (line := f.readline()):
            if line == b".\r\n":
                return bytes(data)
            data += line[1:] if line.startswith(b".") else line
        raise ConnectionError

    def take(self, c, sender, rcpts, data):
        usual = "250 2.0.0 taken\r\n" if rcpts else "554 5.5.1 no rcpt\r\n"
        reply = self.reply("BODY", data, usual)
        if reply[:1] == b"2":  # it is there for whoever has heard so
            with self.lock:
                self.messages.append(Message(
                    sender.decode("utf-8", "replace"),
                    [r.decode("utf-8", "replace") for r in rcpts], data))
        if reply:
            c.sendall(reply)

    def wait(self, count=1, timeout=20):
        return wait_for(
            lambda: len(self.messages) >= count and self.messages, timeout,
            f"{count} messages at the server")
