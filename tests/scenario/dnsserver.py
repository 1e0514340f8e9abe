# SPDX-License-Identifier: Apache-2.0
"""An authoritative DNS server on loopback whose records a test sets."""
import threading
import time

import dnslib
import dnslib.server

from daemon import free_port


class Server:
    """records: {("x.test", "MX"): [("10 mx.x.test", ttl)], ...}.

    Names without records are NXDOMAIN; broken[name], or broken[name, kind], =
    "SERVFAIL" or "SILENT".
    """

    def __init__(self, port=None):
        self.records, self.broken, self.asked = {}, {}, []
        self.asked_at = []  # monotonic, of each
        self.port = port or free_port()
        self.servers = [
            dnslib.server.DNSServer(self, address="127.0.0.1", port=self.port,
                                    tcp=tcp, logger=self)
            for tcp in (False, True)]
        for s in self.servers:
            s.start_thread()

    def stop(self):
        for s in self.servers:
            s.stop()
            s.server.server_close()

    def __getattr__(self, name):
        if name.startswith("log_"):
            return lambda *a, **k: None
        raise AttributeError(name)

    def add(self, name, kind, value, ttl=60):
        self.records.setdefault((name.lower(), kind), []).append((value, ttl))

    def conf(self, folder):
        """A resolv.conf that names this server; returns its path."""
        f = folder / "resolv.conf"
        f.write_text(f"nameserver 127.0.0.1:{self.port}\n"
                     "options timeout:5 attempts:2\n")
        return f

    def resolve(self, request, handler):
        name = str(request.q.qname).rstrip(".").lower()
        kind = dnslib.QTYPE[request.q.qtype]
        self.asked.append((name, kind))
        self.asked_at.append(time.monotonic())
        reply = request.reply()
        how = self.broken.get((name, kind), self.broken.get(name))
        if how == "SILENT":
            threading.Event().wait(3)
        if how:
            reply.header.rcode = dnslib.RCODE.SERVFAIL
            return reply
        found = self.records.get((name, kind), [])
        for value, ttl in found:
            reply.add_answer(*dnslib.RR.fromZone(
                f"{name}. {ttl} IN {kind} {value}"))
        if not found and not any(n == name for n, _ in self.records):
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        return reply
