# SPDX-License-Identifier: Apache-2.0
"""Hosts that are reached through a server of the PROXY protocol."""
import signal
import socket
import struct
import subprocess
import threading

import pytest

from daemon import free_port, wait_for
from peers import PEER_ENV, PEERS, Server, listening, send
from test_proxy import SIGNATURE, dialogue, from_address, talk


class Host(Server):
    """A mail server that notes from which addresses it is called."""

    def __init__(self, six=False, **how):
        self.callers = []
        super().__init__(**how)
        if six:
            other = socket.create_server(("::1", 0), family=socket.AF_INET6)
            self.socket, first = other, self.socket
            first.close()
            self.host, self.port = other.getsockname()[:2]
            threading.Thread(target=self.accept, daemon=True).start()

    def serve(self, c):
        self.callers.append(c.getpeername()[0])
        super().serve(c)


class Proxy:
    """Reads a header, goes on to where it says from where it says."""

    def __init__(self, port=0):
        self.heads, self.alive = [], []
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.socket.close()
        for s in self.alive:
            s.close()

    def accept(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        f = c.makefile("rb", buffering=0)
        head = b""
        while len(head) < 16:
            head += f.read(16 - len(head)) or b"?" * 16
        assert head.startswith(SIGNATURE + b"\x21"), head
        family = {0x11: socket.AF_INET, 0x21: socket.AF_INET6}[head[13]]
        size = 4 if family == socket.AF_INET else 16
        rest = b""
        left = struct.unpack("!H", head[14:])[0]
        while len(rest) < left:
            rest += f.read(left - len(rest))
        source = socket.inet_ntop(family, rest[:size])
        to = socket.inet_ntop(family, rest[size:2 * size])
        ports = struct.unpack("!HH", rest[2 * size:2 * size + 4])
        self.heads.append((source, to, ports[1], ports[0] ==
                           c.getpeername()[1]))
        try:
            out = socket.create_connection((to, ports[1]), 10,
                                           source_address=(source, 0))
        except OSError:
            c.shutdown(socket.SHUT_RDWR)
            c.close()
            return
        self.alive += [c, out]
        for a, b in ((c, out), (out, c)):
            threading.Thread(target=self.pump, args=(a, b),
                             daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while (part := a.recv(65536)):
                b.sendall(part)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def proxy():
    made = []

    def make(**how):
        made.append(Proxy(**how))
        return made[-1]
    yield make
    for p in made:
        p.stop()


@pytest.fixture
def host():
    made = []

    def make(**how):
        made.append(Host(**how))
        return made[-1]
    yield make
    for h in made:
        h.stop()


def by(port, more="", source="127.0.0.99"):
    return f"""
Retry_Interval = 1
Host_Failure_Retry = 1
Binding_Group g {{
  HA_Proxy_Server = "127.0.0.1:{port}"
  Binding b {{
    HA_Proxy_Src_Addr = "{source}"
    {more}
  }}
}}
"""


def routed(*hosts):
    return "".join(
        f'Domain "{name}" {{ Assign_Binding = b  '
        f'Routes = ( "smtp://{h.host}?port={h.port}" ) }}\n'
        for name, h in hosts)


def text_of(d, name):
    return d.ask("explain", "domain", name, "binding", "b")


def test_the_host_sees_the_source(impeld, host, proxy):
    one, two, p = host(host="127.0.0.81"), host(host="127.0.0.82"), proxy()
    d = impeld(by(p.port, 'Domain "y.test" { HA_Proxy_Bypass = true }') +
               routed(("x.test", one), ("y.test", two)) +
               "Idle_Timeout = 60\n")
    send(d.port, "a@x.test", body="xyz\r\n" * 50000)
    send(d.port, "a@y.test")
    assert len(one.wait()[0].body) > 200000
    two.wait()
    assert p.heads == [("127.0.0.99", "127.0.0.81", one.port, True)]
    assert one.callers == ["127.0.0.99"]
    assert two.callers and two.callers[0] != "127.0.0.99"
    d.wait_empty()
    # what is told is told of the host
    assert {r[5] for r in d.wait_records("D", 2)} == {"x.test", "y.test"}
    row = [x for x in d.log("mainlog") if "x.test" in x and "@D@" in x]
    assert row and "127.0.0.81" in row[0] and "127.0.0.99" not in row[0], row
    shown = [x for x in d.ask("show", "outbound").splitlines()
             if "127.0.0.81" in x]
    assert shown and f"by PROXY server 127.0.0.1:{p.port}" in shown[0], shown
    assert d.ask_json("count", "outbound", "127.0.0.81")["connections"] == 1


def test_each_family_has_its_source(impeld, host, proxy):
    """The way to the server is IPv4, whatever the host's; without a source
    of its family a host is not used."""
    six, four, p = host(six=True), host(host="127.0.0.86"), proxy()
    d = impeld(by(p.port, 'HA_Proxy_IPv6_Src_Addr = "::1"') + f"""
Domain "x.test" {{
  Assign_Binding = b
  Routes = ( "smtp://[::1]?port={six.port}" )
}}
Binding c {{
  HA_Proxy_Server = "127.0.0.1:{p.port}"
  HA_Proxy_Src_Addr = "127.0.0.97"
}}
Domain "y.test" {{
  Assign_Binding = c
  Routes = ( "smtp://[::1]?port={six.port}&pref=10"
             "smtp://127.0.0.86?port={four.port}&pref=20" )
}}
""")
    send(d.port, "a@x.test")
    six.wait()
    send(d.port, "a@y.test")
    four.wait()
    d.wait_empty()
    assert [h[:3] for h in p.heads] == [
        ("::1", "::1", six.port), ("127.0.0.97", "127.0.0.86", four.port)]
    assert six.callers == ["::1"] and four.callers == ["127.0.0.97"]


def test_a_server_that_is_down_is_no_word_about_the_host(impeld, host, proxy):
    h = host()
    port = free_port()
    d = impeld(by(port) + routed(("x.test", h)))
    send(d.port, "a@x.test")
    wait_for(lambda: f"PROXY server 127.0.0.1:{port}: Connection refused"
             in text_of(d, "x.test"))
    facts = d.ask("domain", "x.test")
    assert "since failure" not in facts and h.host in facts, facts
    proxy(port=port)
    h.wait()
    d.wait_empty()
    assert h.callers == ["127.0.0.99"]


def test_a_host_that_is_down_behind_it_is_marked(impeld, host, proxy):
    good, p = host(host="127.0.0.83"), proxy()
    dead = free_port()
    d = impeld(by(p.port).replace("Retry = 1", "Retry = 600") + f"""
Domain "x.test" {{
  Assign_Binding = b
  Routes = ( "smtp://127.0.0.84?port={dead}&pref=10"
             "smtp://127.0.0.83?port={good.port}&pref=20" )
}}
""")
    send(d.port, "a@x.test")
    good.wait()
    d.wait_empty()
    assert p.heads[0][1:3] == ("127.0.0.84", dead)
    assert good.callers == ["127.0.0.99"]
    row = [x for x in d.ask("domain", "x.test").splitlines()
           if "[127.0.0.84] IPv4" in x]
    assert row and "since failure" in row[0], row


def test_a_reload_takes_effect_on_open_connections(impeld, host, proxy):
    h, p, q = host(), proxy(), proxy()
    d = impeld(by(p.port) + routed(("x.test", h)) + "Idle_Timeout = 60\n")
    send(d.port, "a@x.test")
    h.wait(1)
    text = d.conf.read_text()
    for new, source, heads in (
            (text.replace("127.0.0.99", "127.0.0.98"), "127.0.0.98", (2, 0)),
            (text.replace(f":{p.port}", f":{q.port}"), "127.0.0.99", (2, 1))):
        d.write(new)
        d.ask("config", "reload")
        n = len(h.messages)
        send(d.port, f"a{n}@x.test")
        h.wait(n + 1)
        assert h.callers[-1] == source
        assert (len(p.heads), len(q.heads)) == heads
    d.write(text.replace("HA_Proxy_Server", "# HA_Proxy_Server"))
    d.ask("config", "reload")
    send(d.port, "last@x.test")
    h.wait(4)
    assert h.callers[-1] not in ("127.0.0.98", "127.0.0.99")
    d.write(text.replace("HA_Proxy_Src_Addr", "# HA_Proxy_Src_Addr"))
    assert "no host could be reached" in d.ask("config", "reload", ok=False)


def test_a_trace_names_the_server(impeld, host, proxy, tmp_path):
    h, p = host(), proxy()
    d = impeld(by(p.port) + routed(("x.test", h)) + "Idle_Timeout = 0\n")
    path = tmp_path / "trace"
    d.ask("trace", "smtp", "add", "b", h.host, path)
    send(d.port, "a@x.test")
    h.wait()
    wait_for(lambda: "= closed" in path.read_text())
    text = path.read_text()
    assert f"to PROXY server 127.0.0.1:{p.port}, " \
        "to be seen as 127.0.0.99" in text
    assert f"= ESMTP to {h.host} {h.host}:{h.port}, binding b" in text


# --- the real one ---

def transparent():
    """May this process use addresses that are not its own?"""
    with socket.socket() as s:
        try:
            s.setsockopt(socket.IPPROTO_IP, 19, 1)  # IP_TRANSPARENT
        except PermissionError:
            return False
    return True


@pytest.fixture
def haproxy(tmp_path):
    started = []

    def make(text, port):
        conf = tmp_path / "haproxy.cfg"
        conf.write_text("defaults\n  mode tcp\n  timeout connect 5s\n"
                        "  timeout client 60s\n  timeout server 60s\n" + text)
        p = subprocess.Popen([str(PEERS / "usr/sbin/haproxy"), "-db", "-f",
                              str(conf)], env=PEER_ENV)
        started.append(p)
        wait_for(lambda: p.poll() is not None or listening(port),
                 what="haproxy")
        assert p.poll() is None
    yield make
    for p in started:
        p.send_signal(signal.SIGUSR1)  # end once nothing is open
        try:
            p.wait(0.2)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def test_out_through_haproxy(impeld, host, haproxy):
    h, port = host(host="127.0.0.85"), free_port()
    source = "source 0.0.0.0 usesrc clientip" if transparent() else ""
    haproxy(f"""
frontend main
  bind 127.0.0.1:{port} accept-proxy
  default_backend out
backend out
  {source}
  server any 0.0.0.0
""", port)
    d = impeld(by(port) + routed(("x.test", h)))
    send(d.port, "a@x.test", body="xyz\r\n" * 50000)
    assert len(h.wait()[0].body) > 200000
    d.wait_empty()
    if source:
        assert h.callers == ["127.0.0.99"]


def test_in_through_haproxy(impeld, haproxy):
    """Both versions, as haproxy writes them."""
    one, two, listen = free_port(), free_port(), free_port()
    haproxy("".join(f"""
listen in{n}
  bind 127.0.0.1:{port}
  server impel 127.0.0.1:{listen} {how}
""" for n, (port, how) in enumerate(((one, "send-proxy"),
                                     (two, "send-proxy-v2")))), two)
    d = impeld(f"""
ESMTP_Listener {{
  Listen "127.0.0.1:{listen}" {{ }}
  Listen "127.0.0.1:@PORT@" {{ }}
  Proxy_Protocol = true
  Relay_Hosts = ( "127.0.0.64/26" )
}}
Suspend_Delivery = true
""", listener=False)
    for port, source, to in ((one, "127.0.0.66", "a@x.test"),
                             (two, "127.0.0.67", "b@x.test")):
        assert talk(port, dialogue(to), source=source).count("\r\n250") > 2
        assert wait_for(lambda: from_address(d, to)) == source
