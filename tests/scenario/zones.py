# SPDX-License-Identifier: Apache-2.0
"""Real name servers on loopback: knot with the zones of a test, and unbound,
which validates what knot has signed."""
import subprocess
import socket

import dnslib

from daemon import free_port, wait_for
from peers import PEERS, PEER_ENV

HEAD = """$ORIGIN {zone}.
$TTL {ttl}
@ SOA ns.{zone}. hostmaster.{zone}. 1 3600 600 86400 {ttl}
@ NS ns.{zone}.
ns A 127.0.0.1
"""


def ask(port, name, kind, timeout=1):
    """One question by UDP: the answer, or None."""
    question = dnslib.DNSRecord.question(name, kind)
    question.header.ad = 1  # say whether it was validated
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        try:
            s.connect(("127.0.0.1", port))  # that nobody is there is heard
            s.send(question.pack())
            return dnslib.DNSRecord.parse(s.recv(65535))
        except (OSError, dnslib.DNSError):
            return None


def resolv_conf(folder, port, timeout=5):
    """A resolv.conf that names that server; its path."""
    f = folder / "resolv.conf"
    f.write_text(f"nameserver 127.0.0.1:{port}\n"
                 f"options timeout:{timeout} attempts:2\n")
    return f


class Program:
    """A server of Debian's, unpacked, with a folder of its own."""

    def __init__(self, folder, words):
        self.out = open(folder / "output", "w")
        self.process = subprocess.Popen(words, env=PEER_ENV, stdout=self.out,
                                        stderr=self.out)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.out.close()


class Knot(Program):
    """Authoritative for `zones`: {"dest.test": lines of a zone file}, to which
    SOA and NS are added.  signed: those that are, with keys of their own."""

    def __init__(self, folder, zones, signed=(), ttl=60, port=None):
        folder.mkdir()
        self.folder, self.port, self.zones = folder, port or free_port(), zones
        conf = [f"""server:
    rundir: {folder}
    listen: 127.0.0.1@{self.port}
database:
    storage: {folder}
log:
  - target: stderr
    any: info
zone:"""]
        for zone, lines in zones.items():
            (folder / f"{zone}.zone").write_text(
                HEAD.format(zone=zone, ttl=ttl) + lines)
            conf.append(f"""  - domain: {zone}
    storage: {folder}
    file: {zone}.zone
    zonefile-sync: -1
    journal-content: none
    dnssec-signing: {"on" if zone in signed else "off"}""")
        (folder / "knot.conf").write_text("\n".join(conf) + "\n")
        super().__init__(folder, [str(PEERS / "usr/sbin/knotd"), "-c",
                                  str(folder / "knot.conf")])
        wait_for(self.serves, 30, "knot's answers")

    def serves(self):
        assert self.process.poll() is None, \
            (self.folder / "output").read_text()
        return all((a := ask(self.port, zone, "SOA")) and a.rr
                   for zone in self.zones)

    def anchors(self):
        """The DNSKEY records of the key-signing keys, as a resolver has them."""
        keys = []
        for zone in self.zones:
            answer = ask(self.port, zone, "DNSKEY")
            keys += [f"{zone}. DNSKEY {r.rdata.toZone()}" for r in answer.rr
                     if r.rdata.flags == 257]
        return keys


class Unbound(Program):
    """A validating resolver in front of a Knot.  bogus: zones whose signatures
    it is made to find false."""

    def __init__(self, folder, knot, bogus=()):
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        stubs = "".join(f"""stub-zone:
    name: "{zone}"
    stub-addr: 127.0.0.1@{knot.port}
""" for zone in knot.zones)
        keys = [k for k in knot.anchors()
                if k.split(". DNSKEY")[0] not in bogus]
        keys += [f"{zone}. " + keys[0].split(". ", 1)[1] for zone in bogus]
        anchors = "".join(f'    trust-anchor: "{k}"\n' for k in keys)
        # RFC 6761 has .test answered with NXDOMAIN
        open_zones = '    local-zone: "test" nodefault\n'
        (folder / "unbound.conf").write_text(f"""server:
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: "{folder}/pid"
    interface: 127.0.0.1
    port: {self.port}
    do-daemonize: no
    use-syslog: no
    do-not-query-localhost: no
    num-threads: 1
    module-config: "validator iterator"
{open_zones}{anchors}remote-control:
    control-enable: no
{stubs}""")
        self.first = next(iter(knot.zones))
        super().__init__(folder, [str(PEERS / "usr/sbin/unbound"), "-d", "-c",
                                  str(folder / "unbound.conf")])
        wait_for(self.answers, 30, "unbound's answers")

    def answers(self):
        assert self.process.poll() is None, \
            (self.folder / "output").read_text()
        return (a := ask(self.port, self.first, "SOA")) and a.rr
