# SPDX-License-Identifier: Apache-2.0
"""A scripted LMTP server."""
from peers import Server


class LmtpServer(Server):
    """One that speaks LMTP: a reply for each recipient that it took.

    final(recipient) may return one, or raise ConnectionError."""

    def __init__(self, final=lambda r: None, **how):
        self.final = final
        super().__init__(**how)

    def converse(self, c, f):
        self.say(c, "banner", b"", "220 server.test LMTP\r\n")
        sender, rcpts = None, []
        while (line := f.readline(100000)):
            with self.lock:
                self.lines.append(line.rstrip(b"\r\n"))
            verb = line[:4].upper().strip().decode("latin-1")
            if verb == "LHLO":
                ext = "".join(f"250-{e}\r\n" for e in self.extensions)
                self.say(c, verb, line, f"250-server.test\r\n{ext}250 HELP\r\n")
            elif verb == "MAIL":
                sender, rcpts = line, []
                self.say(c, verb, line, "250 2.1.0 ok\r\n")
            elif verb == "RCPT":
                if self.say(c, verb, line, "250 2.1.5 ok\r\n") == b"2":
                    rcpts.append(line.split(b"<", 1)[1].split(b">")[0])
            elif verb == "DATA":
                if self.say(c, verb, line, "354 go\r\n") == b"3":
                    data = self.read_data(f)
                    for r in rcpts:
                        reply = self.final(r.decode()) or "250 2.0.0 taken"
                        if reply[0] == "2":
                            with self.lock:
                                self.messages.append((r.decode(), data))
                        c.sendall(reply.encode() + b"\r\n")
            elif verb == "QUIT":
                self.ended(c)
                self.say(c, verb, line, "221 2.0.0 bye\r\n")
                return
            elif verb in ("EHLO", "HELO"):
                self.say(c, verb, line, "500 5.5.1 this is LMTP\r\n")
            else:
                self.say(c, verb, line, "250 2.0.0 ok\r\n")
