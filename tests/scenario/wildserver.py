# SPDX-License-Identifier: Apache-2.0
"""A name server that misbehaves: the first label of a name says how.

Every answer is made for the question that came, and then spoiled."""
import socket
import struct
import threading

import dnslib

from daemon import free_port

MX = 15


def answer(q, records=(), rcode=0, tc=0):
    """An answer to q: records are (owner, type, text)."""
    r = q.reply()
    r.header.rcode, r.header.tc = rcode, tc
    for owner, kind, value in records:
        r.add_answer(*dnslib.RR.fromZone(f"{owner}. 60 IN {kind} {value}"))
    return r


def good(q, name):
    return answer(q, [(name, "MX", "10 mx.good.test.")]).pack()


def raw(q, body, count=1):
    """A header that promises `count` records, the question, and body."""
    question = q.pack()[12:]
    question = question[:question.index(b"\0") + 5]
    return struct.pack("!6H", q.header.id, 0x8180, 1, count, 0, 0) + \
        question + body


class Wild:
    def __init__(self):
        self.port, self.asked = free_port(), {}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        self.threads = [threading.Thread(target=t, daemon=True)
                        for t in (self.by_udp, self.by_tcp)]
        for t in self.threads:
            t.start()

    def stop(self):
        for s in (self.udp, self.tcp):
            s.shutdown(socket.SHUT_RDWR) if s is self.tcp else None
            s.close()

    def by_udp(self):
        while True:
            try:
                data, peer = self.udp.recvfrom(65535)
                q = dnslib.DNSRecord.parse(data)
            except OSError:
                return
            for reply in self.replies(q, tcp=False):
                self.udp.sendto(reply, peer)

    def by_tcp(self):
        while True:
            try:
                c, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        with c, c.makefile("rb") as f:
            while len(size := f.read(2)) == 2:
                q = dnslib.DNSRecord.parse(f.read(struct.unpack("!H", size)[0]))
                replies = self.replies(q, tcp=True)
                for reply in replies:
                    c.sendall(struct.pack("!H", len(reply)) + reply)
                if not replies:
                    return

    def replies(self, q, tcp):
        """What is sent, one after the other."""
        name = str(q.q.qname).rstrip(".").lower()
        how = name.split(".")[0]
        self.asked[how] = self.asked.get(how, 0) + 1
        if q.q.qtype != MX and how in ("mx", "v6only"):
            kind, value = ("AAAA", "::1") if how == "v6only" else \
                ("A", "127.0.0.21")
            wanted = dnslib.QTYPE[q.q.qtype] == kind
            return [answer(q, [(name, kind, value)] if wanted else []).pack()]
        make = getattr(self, "make_" + how, None)
        return make(q, name, tcp) if make else [good(q, name)]

    # --- a name each ---

    def make_v6only(self, q, name, tcp):
        """No MX; its address is said to who asks for that."""
        return [answer(q).pack()]

    def make_truncated(self, q, name, tcp):
        return [good(q, name) if tcp else answer(q, tc=1).pack()]

    def make_hangup(self, q, name, tcp):
        """Too large for a datagram, and TCP is hung up on."""
        return [] if tcp else [answer(q, tc=1).pack()]

    def make_huge(self, q, name, tcp):
        if not tcp:
            return [answer(q, tc=1).pack()]
        first = answer(q, [(name, "MX", "10 mx.good.test.")]).pack()
        hosts, domain = b"", b"\x14a-long-name-of-hosts\4test\0"
        for i in range(1400):
            host = b"h%d" % i
            host = bytes([len(host)]) + host
            if not i:
                at = len(first) + 14 + len(host)
            host += domain if not i else struct.pack("!H", 0xc000 | at)
            hosts += struct.pack("!3HIHH", 0xc00c, MX, 1, 60, len(host) + 2,
                                 20) + host
        return [first[:6] + struct.pack("!H", 1401) + first[8:] + hosts]

    def make_silent(self, q, name, tcp):
        return []

    def make_lame(self, q, name, tcp):
        return [answer(q, rcode=5).pack()]

    def make_unwell(self, q, name, tcp):
        """SERVFAIL at first, then well."""
        if self.asked["unwell"] == 1:
            return [answer(q, rcode=2).pack()]
        return [good(q, name)]

    def make_otherid(self, q, name, tcp):
        """Somebody else's guess comes first."""
        forged = answer(q, [(name, "MX", "1 evil.test.")])
        forged.header.id ^= 1
        return [forged.pack(), good(q, name)]

    def make_otherquestion(self, q, name, tcp):
        other = dnslib.DNSRecord.question("other.test", "MX")
        other.header.id = q.header.id
        return [answer(other, [("other.test", "MX", "1 evil.test.")]).pack()]

    def make_otherowner(self, q, name, tcp):
        return [answer(q, [("other.test", "MX", "1 evil.test.")]).pack()]

    def make_circle(self, q, name, tcp):
        return [answer(q, [(name, "CNAME", "b.test."),
                           ("b.test", "CNAME", name + ".")]).pack()]

    def make_chain(self, q, name, tcp, length=16):
        names = [name] + [f"c{i}.test" for i in range(length)]
        return [answer(q, [(a, "CNAME", b + ".")
                           for a, b in zip(names, names[1:])] +
                       [(names[-1], "MX", "10 mx.good.test.")]).pack()]

    def make_longchain(self, q, name, tcp):
        return self.make_chain(q, name, tcp, 20)

    def make_pointers(self, q, name, tcp):
        """A name that is a pointer to itself."""
        at = len(raw(q, b""))
        return [raw(q, struct.pack("!H", 0xC000 | at) +
                    struct.pack("!HHIH", MX, 1, 60, 4) + b"\0\1\xc0\x0c")]

    def make_promises(self, q, name, tcp):
        return [raw(q, b"\xc0\x0c" + struct.pack("!HHIH", MX, 1, 60, 4) +
                    b"\0\1\xc0\x0c", count=65535)]

    def make_beyond(self, q, name, tcp):
        """RDATA that is said to end behind the message."""
        return [raw(q, b"\xc0\x0c" + struct.pack("!HHIH", MX, 1, 60, 65535) +
                    b"\0\1\xc0\x0c")]

    def make_cut(self, q, name, tcp):
        return [good(q, name)[:-7]]

    def make_garbage(self, q, name, tcp):
        return [struct.pack("!H", q.header.id) + b"\xff" * 40]
