# SPDX-License-Identifier: Apache-2.0
"""A small automaton of SMTP as a server has to speak it, written from RFC
5321, 1870, 2920, 3030, 3207, 3461, 4954 and 6152 and from nothing of the daemon, and
clients that walk it at random.

`Model` says for each command which codes may answer it, and what follows from
the one that did.  `Walk` makes commands, good and bad, sends them alone, in
flights and in pieces, and holds each reply against the model.  What the model
leaves open, a set of codes, the RFCs leave open.
"""
import base64
import random
import re
import socket
import ssl

RCPT_MOST = 4
SIZE_MOST = 20000


class Model:
    """What both sides must agree on."""

    def __init__(self):
        self.tls = False
        self.logged = False     # in: who is may send to any domain
        self.begin()

    def begin(self):
        self.logged = False
        self.hello = None       # None, "HELO", "EHLO"
        self.offers = {}
        self.reset()

    def reset(self):
        self.mail = None        # None, or the transaction: a dict
        self.failed = False     # a BDAT was refused: RSET is due (RFC 3030)

    @property
    def rcpts(self):
        return self.mail["rcpts"] if self.mail else []

    def offered(self, word):
        return self.hello == "EHLO" and word in self.offers


class Message:
    def __init__(self, sender, rcpts, data):
        self.sender, self.rcpts, self.data = sender, list(rcpts), data


class Failure(AssertionError):
    pass


class Walk:
    """secret: (name, password) of a user; without, nobody can log in."""

    def __init__(self, port, seed, context=None, secret=None, name="walk"):
        self.seed, self.r = seed, random.Random(seed)
        self.context, self.secret = context, secret
        self.model = Model()
        self.taken = []         # messages that were acknowledged
        self.log = []
        self.number = 0
        self.name = f"{name}-{seed}"
        self.over = False
        self.connect(port)

    # --- the wire ---

    def connect(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 20)
        self.s.settimeout(20)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.f = self.s.makefile("rb")
        self.expect(b"(greeting)", {220})

    def close(self):
        self.f.close()
        self.s.close()

    def fail(self, what):
        tail = "\n".join(self.log[-30:])
        raise Failure(f"seed {self.seed}: {what}\n{tail}")

    def send(self, data):
        """All at once, or in pieces."""
        self.log.append(f"> {data[:150]!r} ({len(data)})")
        if self.r.random() < 0.7:
            self.s.sendall(data)
            return
        while data:
            n = self.r.choice((1, 1, 2, 5, 30, 1000))
            self.s.sendall(data[:n])
            data = data[n:]

    def reply(self):
        lines, code = [], None
        while True:
            line = self.f.readline(2000)
            if not line:
                return 0, lines
            if not re.fullmatch(rb"[2345][0-9][0-9](?:[ -][^\r\n\0]*)?\r\n", line):
                self.fail(f"no reply line: {line!r}")
            if code not in (None, line[:3]):
                self.fail(f"lines of two codes: {lines} {line!r}")
            code = line[:3]
            lines.append(line[4:-2])
            if line[3:4] != b"-":
                return int(code), lines

    def expect(self, what, codes):
        """One reply; its code."""
        code, lines = self.reply()
        self.log.append(f"< {code} {lines[:2]}")
        if code not in codes:
            self.fail(f"{what[:100]!r} was answered {code} {lines}, "
                      f"not one of {sorted(codes)}")
        status = re.match(rb"([245])\.[0-9]{1,3}\.[0-9]{1,3} ", lines[0]) \
            if lines else None
        if status and int(status[1]) != code // 100:
            self.fail(f"{code} with status {lines[0]!r}")
        if code >= 400 and not status:
            self.fail(f"{code} has no status: {lines}")
        self.lines = lines
        return code

    # --- commands: (octets, codes that may answer, what follows) ---

    def nothing(self, code):
        pass

    def hello(self):
        verb = self.r.choice(("EHLO", "EHLO", "EHLO", "HELO"))
        if self.r.random() < 0.1:
            return self.case(verb), {501}, self.nothing

        def follows(code):
            self.model.reset()
            self.model.hello = verb
            self.model.offers = {
                line.split()[0].decode().upper(): line.decode().split()[1:]
                for line in self.lines[1:]} if verb == "EHLO" else {}
            if self.model.tls and "STARTTLS" in self.model.offers:
                self.fail("STARTTLS is offered behind TLS")
            if verb == "HELO" and len(self.lines) > 1:
                self.fail("HELO was answered with several lines")
        return self.case(verb) + b" client.test", {250}, follows

    def case(self, word):
        return self.r.choice((word, word.lower(), word.title())).encode()

    def simple(self):
        text, codes, resets = self.r.choice((
            (b"NOOP", {250}, False), (b"NOOP with words", {250}, False),
            (b"RSET", {250}, True), (b"RSET now", {501}, False),
            (b"HELP", {211, 214}, False),
            (b"VRFY <x@ok.test>", {250, 251, 252, 502, 550}, False),
            (b"EXPN list", {250, 252, 502, 550}, False),
            (b"", {500}, False), (b"WHAT", {500}, False),
            (b"MAILFROM:<a@b.test>", {500}, False),
            (b"\xff\xfe", {500}, False), (b"RCPT", {501, 503}, False),
            (b"QUIT now", {501}, False), (b"NO\x01OP", {500, 501}, False),
            (b"NOOP " + b"x" * 5000, {500}, False),
            (b"DATA now", {501, 503, 554}, False)))

        def follows(code):
            if resets:
                self.model.reset()
        return text, codes, follows

    # RFC 4954 4: once, not within a transaction, and each exchange ends with a
    # code of its own, whatever is said in it
    def auth(self):
        m = self.model
        if self.secret is None or self.r.random() < 0.2:
            return self.r.choice((
                (b"AUTH NO-SUCH-MECHANISM",
                 {500, 501, 502, 503, 504, 534, 538}, self.nothing),
                (b"AUTH", {500, 501, 502, 503, 504}, self.nothing)))
        if m.logged or m.mail is not None:
            return b"AUTH PLAIN " + self.plain(True), {503}, self.nothing
        if not m.offered("AUTH"):
            return b"AUTH PLAIN " + self.plain(True), \
                {500, 502, 503, 504}, self.nothing
        right = self.r.random() < 0.5
        first = self.r.random()
        if first < 0.3:
            return b"AUTH PLAIN " + self.plain(right), \
                {235 if right else 535}, self.logs_in
        if first < 0.4:
            bad = self.r.choice((b"!", b"=", b"YQ=", b"YWJj ZA==", b"A" * 12000))
            return b"AUTH PLAIN " + bad, {500, 501, 535}, self.nothing
        if first < 0.7:
            return self.case("AUTH PLAIN"), {334}, \
                lambda code: self.answer([self.plain(right)], right)
        name, password = self.secret
        words = [base64.b64encode(name.encode()), base64.b64encode(
            (password if right else "no").encode())]
        return self.case("AUTH LOGIN"), {334}, \
            lambda code: self.answer(words, right)

    def plain(self, right):
        name, password = self.secret
        return base64.b64encode(
            f"\0{name}\0{password if right else 'no'}".encode())

    def logs_in(self, code):
        self.model.logged = code == 235

    def answer(self, words, right):
        """The rest of an exchange; no command is one within it."""
        for n, word in enumerate(words):
            odd = self.r.random()
            if odd < 0.15:
                self.send(b"*\r\n")
                self.expect(b"*", {501})
                return
            if odd < 0.3:
                self.send(self.r.choice((
                    b"!", b"QUIT ", b"\xff", b"MAIL FROM:<a@from.test>")) +
                    b"\r\n")
                self.expect(b"(no base64)", {501, 535})
                return
            self.send(word + b"\r\n")
            last = n == len(words) - 1
            self.logs_in(self.expect(
                word, {235 if right else 535} if last else {334}))

    def mail(self):
        m, params, codes = self.model, [], None
        sender = self.r.choice((b"a@from.test", b"", b"\"b c\"@from.test",
                                b"@x.test:a@from.test"))
        text = b"MAIL FROM:<" + sender + b">"
        binary = False
        odd = self.r.random()
        if odd < 0.08:
            text = self.r.choice((
                b"MAIL FROM:a@from.test", b"MAIL FROM <a@from.test>",
                b"MAIL", b"MAIL TO:<a@from.test>", b"MAIL FROM:<a@from.test",
                b"MAIL FROM:<a@@from.test>", b"MAIL FROM:<a b@from.test>",
                b"MAIL FROM:<a@from.test>x", b"MAIL FROM:<a@from.test> "
                b"=1", b"MAIL FROM:<a@from.test> SIZE"))
            codes = {501, 553, 555}
        elif odd < 0.16:
            params, codes = [self.r.choice((
                b"NOSUCH=1", b"SIZE=x", b"BODY=NONE", b"RET=SOME",
                b"SIZE=1 SIZE=1", b"BODY=7BIT BODY=7BIT", b"BY=0;R",
                b"BY=x", b"HOLDFOR=99999999999",
                b"ENVID=+0A", b"SMTPUTF8=1"))], {501, 504, 555}
        elif odd < 0.2:
            params, codes = [b"SIZE=%d" % (SIZE_MOST + 1)], \
                {552} if m.offered("SIZE") else {555}
        else:
            for word, ext in ((b"SIZE=10", "SIZE"), (b"BODY=8BITMIME", "8BITMIME"),
                              (b"RET=HDRS", "DSN"), (b"ENVID=x+2B", "DSN"),
                              (b"BY=3600;N", "DELIVERBY"),
                              (b"BODY=BINARYMIME", "BINARYMIME")):
                if self.r.random() < 0.15 and not \
                        (b"BODY" in word and any(b"BODY" in p for p in params)):
                    params.append(word)
                    if not m.offered(ext):
                        codes = {501, 504, 555}
                    elif b"BINARY" in word:
                        binary = True
        text += b"".join(b" " + p for p in params)
        good = codes is None
        if m.mail is not None:
            codes = {503} | (codes or set())
        elif m.failed:  # no RSET after a BDAT that failed
            codes = {503} | (codes or {250})
        else:
            codes = codes or {250}

        def follows(code):
            if code == 250:
                if not good:
                    self.fail("a bad MAIL was taken")
                m.reset()
                m.mail = {"sender": sender.rpartition(b":")[2],
                          "rcpts": [], "body": None, "binary": binary}
        return text, codes, follows

    def rcpt(self):
        m = self.model
        name = b"r%d@ok.test" % self.r.randrange(1000)
        text, codes, good = b"RCPT TO:<" + name + b">", {250}, True
        odd = self.r.random()
        if odd < 0.1:
            name, text = b"x@denied.test", b"RCPT TO:<x@denied.test>"
            if not m.logged:
                codes, good = {550}, False
        elif odd < 0.2:
            text, good = self.r.choice((
                b"RCPT TO:x@ok.test", b"RCPT TO:<>", b"RCPT TO:<x>",
                b"RCPT TO:<x@ok.test> NOSUCH=1", b"RCPT TO:<x@ok.test> NOTIFY",
                b"RCPT FROM:<x@ok.test>", b"RCPT TO:<x@ok..test>",
                b"RCPT TO:<x@ok.test> NOTIFY=NEVER,DELAY",
                b"RCPT TO:<x@ok.test> ORCPT=rfc822;+0D+0A")), False
            codes = {501, 504, 553, 555, 550}
        elif odd < 0.3:
            text += b" NOTIFY=NEVER"
            if not m.offered("DSN"):
                codes, good = {501, 504, 555}, False
        if m.mail is None or m.mail["body"] is not None:
            codes, good = {503} | (codes if not good else set()), False
        elif good and len(m.rcpts) >= RCPT_MOST:
            codes, good = {452}, False
        elif not good and len(m.rcpts) >= RCPT_MOST:
            codes = codes | {452}

        def follows(code):
            if code == 250:
                if not good:
                    self.fail("a bad RCPT was taken")
                m.rcpts.append(name)
        return text, codes, follows

    def content(self, crlf=True):
        """Octets of a message; each is one of a kind."""
        self.number += 1
        head = b"From: a@from.test\r\nX-Walk: %s-%d\r\n" % \
            (self.name.encode(), self.number)
        lines = [self.r.choice((b"", b".", b"..", b".x", b"text", b"MAIL FROM:<s@x.test>",
                                b"QUIT", b"RSET", b"BDAT 5 LAST", b"x" * 900,
                                b"\xc3\xa5", b"354 go", b"DATA"))
                 for _ in range(self.r.randrange(8))]
        return head + b"\r\n" + b"".join(x + b"\r\n" for x in lines)

    def data(self):
        m = self.model
        if m.mail is None or m.mail["body"] is not None:
            return b"DATA", {503}, self.nothing
        if m.mail["binary"]:
            return b"DATA", {503} | (set() if m.rcpts else {554}), self.nothing
        if not m.rcpts:
            return b"DATA", {503, 554}, self.nothing
        return b"DATA", {354}, self.data_body

    def data_body(self, code):
        m = self.model
        content, codes, ends = self.content(), {250}, False
        odd = self.r.random()
        if odd < 0.08:
            content, codes = content + b"y" * 998 + b"\r\n", {250}
        elif odd < 0.14:
            content, codes = content + (b"z" * 70 + b"\r\n") * 400, {552}
        elif odd < 0.18:
            content, codes = b"no header\r\n\r\ntext\r\n", {550, 554}
        elif odd < 0.22:
            bad = self.r.choice((b"a\nb\r\n", b"a\rb\r\n", b"x\n.\nMAIL FROM:<s@x.t>\r\n",
                                 b"x\r\n.\nQUIT\r\n", b"x\n.\r\n\r\n"))
            codes, ends = {550, 554}, True
        self.send(self.stuffed(content) + (bad if ends else b"") + b".\r\n")
        got = self.expect(b"(the end of the body)", codes)
        if got == 250:
            self.taken.append(Message(m.mail["sender"], m.rcpts, content))
        m.reset()
        if ends:  # whoever sends bare newlines may be turned away
            self.maybe_over()

    @staticmethod
    def stuffed(data):
        return b"\r\n".join(b"." + x if x[:1] == b"." else x
                            for x in data.split(b"\r\n"))

    def maybe_over(self):
        """The server may have ended the session, or not: ask."""
        try:
            self.s.sendall(b"NOOP\r\n")
            code, _ = self.reply()
        except OSError:
            code = 0
        if code != 250:
            self.over = True

    def bdat(self):
        m = self.model
        if self.r.random() < 0.03:
            text = self.r.choice((b"BDAT", b"BDAT x", b"BDAT -1", b"BDAT 5 LST",
                                  b"BDAT 99999999999999999999 LAST"))

            def gone(code):
                self.maybe_over()
                self.model.reset() if self.over else None
            return text, {500, 501, 503, 521, 554, 552}, gone
        last = self.r.random() < 0.5
        started = m.mail is not None and m.mail["body"] is not None
        if started and self.r.random() < 0.7:
            octets = self.r.choice((b"", b"more\r\n", b".\r\n", b"\r\n", b"a\r\nb"))
        else:
            octets = self.content()
            if self.r.random() < 0.2:
                octets = octets[:-1]
        if m.mail and m.mail["binary"] and self.r.random() < 0.5:
            octets += b"\0\n.\r\n\xff\r"
        if self.r.random() < 0.05:
            octets += b"w" * SIZE_MOST
        text = b"BDAT %d" % len(octets) + (b" LAST" if last else b"")
        if not m.offered("CHUNKING"):
            # nobody knows where the octets end for a server without BDAT; ours
            # knows it whatever was offered
            pass
        if m.mail is None or not m.rcpts:
            return (text, octets), {503, 554}, self.nothing
        whole = (m.mail["body"] or b"") + octets
        bare = not m.mail["binary"] and self.is_bare(whole, last)
        long = len(whole) > SIZE_MOST
        header = whole.partition(b"\r\n\r\n")[0] + b"\r\n" \
            if b"\r\n\r\n" in whole else whole
        headless = last and (not re.match(rb"[!-9;-~]+[ \t]*:", whole) or
                             self.is_bare(header, True) or b"\0" in header)
        codes = {250} if not (bare or long or headless) else set()
        if bare:
            codes |= {550, 554}
        if long:
            codes |= {552}
        if headless:
            codes |= {550, 554}
        if bare and not last:
            codes |= {250}  # it may be said at the end of the message

        def follows(code):
            if code != 250:
                m.reset()
                m.failed = True
                if bare:
                    self.maybe_over()
                return
            if last and (long or headless or bare):
                self.fail("a message that is none was taken")
            m.mail["body"] = whole
            if last:
                if not m.mail["binary"] and not whole.endswith(b"\r\n"):
                    whole_ = whole + b"\r\n"
                else:
                    whole_ = whole
                self.taken.append(Message(m.mail["sender"], m.rcpts, whole_))
                m.reset()
        return (text, octets), codes, follows

    @staticmethod
    def is_bare(data, last):
        """A CR at the end of a chunk may be half of a CRLF."""
        if not last and data.endswith(b"\r"):
            data = data[:-1]
        return bool(re.search(rb"\r(?!\n)|(?<!\r)\n", data))

    def starttls(self):
        m = self.model
        if m.tls:
            return b"STARTTLS", {500, 502, 503, 554}, self.nothing
        if self.context is None or not m.offered("STARTTLS"):
            return b"STARTTLS", {500, 502, 503, 454, 554} if not self.context \
                else {220, 500, 502, 503, 454, 554}, self.secure
        if self.r.random() < 0.2:
            return b"STARTTLS now", {501}, self.nothing
        return b"STARTTLS", {220, 503}, self.secure

    def secure(self, code):
        if code != 220:
            return
        self.f.close()
        self.s = self.context.wrap_socket(self.s, server_hostname="server.test")
        self.f = self.s.makefile("rb")
        self.model.tls = True
        self.model.begin()
        self.log.append("= TLS")

    # --- the walk ---

    def choose(self):
        if self.secret and self.r.random() < 0.15:
            return self.auth()
        m, r = self.model, self.r.random()
        if m.hello is None and r < 0.7:
            return self.hello()
        if m.mail is None and r < 0.45:
            return self.mail()
        if m.mail is not None and not m.rcpts and r < 0.6:
            return self.rcpt()
        if m.rcpts and r < 0.5:
            return self.r.choice((self.data, self.bdat, self.bdat))()
        if m.failed and r < 0.4:
            return b"RSET", {250}, lambda code: m.reset()
        return self.r.choice((self.hello, self.simple, self.mail, self.rcpt,
                              self.rcpt, self.data, self.bdat, self.starttls,
                              self.auth))()

    @staticmethod
    def octets(command):
        if isinstance(command, tuple):
            return command[0] + b"\r\n" + command[1]
        return command + b"\r\n"

    def step(self):
        command, codes, follows = self.choose()
        self.send(self.octets(command))
        follows(self.expect(self.octets(command), codes))

    # Whose reply decides what may be said next, so that nothing may be sent
    # behind it (RFC 2920 3.1), or whose outcome the model leaves open.
    def ends_flight(self, command, codes, follows):
        word = self.octets(command)[:4].upper()
        return word in (b"EHLO", b"HELO", b"DATA", b"STAR", b"AUTH", b"QUIT") or \
            len({c == 250 for c in codes}) > 1 or follows == self.data_body or \
            (word == b"BDAT" and codes != {250} and codes != {503, 554})

    def flight(self):
        """Several commands before any reply is read.  What they do to the model
        follows at once, as far as the model is sure."""
        sent, out = [], b""
        for _ in range(self.r.randrange(2, 9)):
            command, codes, follows = self.choose()
            out += self.octets(command)
            last = self.ends_flight(command, codes, follows)
            sent.append((command, codes, follows if last else None))
            if last:
                break
            follows(250 if codes == {250} else 500)
        self.send(out)
        for command, codes, follows in sent:
            code = self.expect(self.octets(command), codes)
            if follows:
                follows(code)

    def run(self, steps):
        for _ in range(steps):
            if self.over:
                break
            if self.model.offered("PIPELINING") and self.r.random() < 0.3:
                self.flight()
            else:
                self.step()
        if not self.over:
            self.send(b"QUIT\r\n")
            self.expect(b"QUIT", {221})
            if self.f.read(1):
                self.fail("it talks on after 221")
        self.close()
        return self.taken
