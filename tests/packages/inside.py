# SPDX-License-Identifier: Apache-2.0
"""Impel's packages in a root of their own that systemd runs: installed, used,
upgraded, removed, purged.  Run by cleanroot; each step says what it found, the
first that fails ends it."""
import glob
import http.server
import json
import os
import pathlib
import re
import smtplib
import socket
import socketserver
import subprocess
import threading
import time

CONF = pathlib.Path("/etc/impel/impel.yaml")
SPOOL = pathlib.Path("/var/spool/impel")
SUBMIT = "/run/impel/submit"
SINK = 2600
HOOKS = 2601
TOOLS = ("gcc libc6-dev make autoconf automake libtool pkg-config "
         "libjansson-dev").split()
SECOND = 1825  # a second impeld, which takes ECSTREAM on its usual port
GATEWAY = "127.0.0.1"  # whose queue has its mail
WAITING = 20
steps = []


def step(f):
    steps.append(f)
    return f


def run(*words, ok=True, text=None):
    p = subprocess.run(words, input=text, capture_output=True, text=True,
                       timeout=300)
    if ok and p.returncode != 0:
        raise AssertionError(f"{words}: {p.returncode}\n{p.stdout}{p.stderr}")
    return p.stdout + p.stderr


def apt(*words):
    return run("apt-get", "-q", "-y", "--no-install-recommends",
               "--allow-downgrades", *words)


def debs(folder, *names):
    return [f for n in names for f in glob.glob(f"/check/{folder}/{n}_*.deb")]


def impel(*words, ok=True):
    return run("impel", "--socket", "/run/impel/control", *words, ok=ok)


def wait_for(condition, what, timeout=40):
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"{what}: not within {timeout} s"
        time.sleep(0.05)
    return value


def active(unit="impeld"):
    return run("systemctl", "is-active", unit, ok=False).strip() == "active"


def show(name, unit="impeld"):
    return run("systemctl", "show", "-p", name, "--value", unit).strip()


def answers():
    return active() and "uptime" in impel("summary", ok=False).lower()


def listening():
    """Addresses that somebody listens on by TCP."""
    return {line.split()[3] for line in
            run("ss", "-Hltn").splitlines() if line.strip()}


def queued():
    text = impel("--json", "summary")
    return int(re.search(r'"TotalQueueSize": *(\d+)', text)[1])


def recovered():
    return answers() and '"Recovering": false' in impel("--json", "summary")


def edit(*pairs):
    text = CONF.read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    CONF.write_text(text)


class Sink(socketserver.ThreadingTCPServer):
    """Takes whatever comes by SMTP, and remembers the recipients."""
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.served = []
        super().__init__(("127.0.0.1", SINK), Talk)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


class Talk(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        to = []
        self.say("220 sink")
        for line in self.rfile:
            word = line.strip().upper()
            if word.startswith(b"RCPT"):
                to.append(line.decode().split("<")[1].split(">")[0])
            if word == b"DATA":
                self.say("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.server.served += to
                to = []
            self.say("221 bye" if word == b"QUIT" else "250 yes")
            if word == b"QUIT":
                return


class Client(threading.Thread):
    """Connects all the time; each is to be greeted."""

    def __init__(self, family, at):
        super().__init__(daemon=True)
        self.family, self.at = family, at
        self.greeted, self.refused = 0, []
        self.end = threading.Event()
        self.start()

    def run(self):
        while not self.end.is_set():
            try:
                with socket.socket(self.family) as s:
                    s.settimeout(60)
                    s.connect(self.at)
                    text = s.recv(100)
                assert text.startswith(b"220 "), text
                self.greeted += 1
            except (OSError, AssertionError) as e:
                self.refused.append(repr(e))

    def finish(self):
        self.end.set()
        self.join(70)
        return self.greeted, self.refused


def sendmail(to):
    run("runuser", "-u", "nobody", "--", "/usr/sbin/sendmail", to,
        text=f"Subject: to {to}\n\nHello\n")


def smtp(to):
    with smtplib.SMTP("127.0.0.1", 2525, timeout=30) as s:
        s.sendmail("me@example.com", [to], f"Subject: to {to}\r\n\r\nHello\r\n")


def delivered(sink, *to):
    try:
        wait_for(lambda: set(to) <= set(sink.served), f"delivery to {to[0]}")
    except AssertionError:
        print(impel("explain", "domain", GATEWAY),
              impel("explain", "domain", "dest.test"), impel("mailq"))
        raise


@step
def installs_and_runs():
    assert not os.path.exists("/usr/sbin/sendmail")
    apt("install", *debs("debs", "impel"))
    wait_for(answers, "the daemon")
    assert run("systemctl", "is-enabled", "impeld").strip() == "enabled"
    assert listening() == {"127.0.0.1:2525"}, listening()
    assert SPOOL.owner() == "impel" and SPOOL.stat().st_mode & 0o777 == 0o750
    assert os.path.realpath("/usr/sbin/sendmail") == "/usr/bin/impel-sendmail"
    assert os.path.realpath("/usr/bin/mailq") == "/usr/bin/impel-sendmail"
    status = pathlib.Path(f"/proc/{show('MainPID')}/status").read_text()
    assert re.search(r"^Uid:\s+(\d+)", status, re.M)[1] != "0"
    assert run("impeld", "--check", "--strict") == "Configuration valid\n"
    assert run("dpkg", "--verify", "impel") == ""
    return run("impel", "version").strip()


@step
def pages_lead_to_each_other():
    """What is not installed with them is the source's."""
    pages = list(pathlib.Path("/usr/share/doc/impel").rglob("*.md"))
    assert len(pages) > 60, pages
    for page in pages:
        for to in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert (page.parent / to).exists() or "://" in to or \
                "include/impel" in to, (page, to)


@step
def sends_a_message_through():
    edit(("prohibited_hosts: [127.0.0.0/8, \"::1\"]", "prohibited_hosts: []"),
         ("#   routes: [\"smtp://relay1.example.com?pref=10\", \"__mx__\"]",
          f"routes: [\"smtp://127.0.0.1?port={SINK}\"]\nretry_interval: 1"),
         ("\nretry_interval: 20m\n", "\n"),
         ("example.org: {max", "ec.test: {delivery_method: ECSTREAM, "
          f'gateway: "{GATEWAY}"}}\n  '
          "example.org: {max"))
    text = impel("config", "reload")
    assert "package impel-module-ecstream" in text, text
    sink = Sink()
    sendmail("one@dest.test")
    smtp("two@dest.test")
    delivered(sink, "one@dest.test", "two@dest.test")
    sink.stop()
    assert "dest.test" not in run("mailq")


def second_daemon():
    folder = pathlib.Path("/root/second")
    folder.mkdir()
    (folder / "second.yaml").write_text(f"""
spoolbase: {folder}/spool
control_listener: {{listen: {{{folder}/control: {{}}}}}}
relay_hosts: [127.0.0.0/8]
prohibited_hosts: []
routes: ["smtp://127.0.0.1?port={SINK}"]
ecstream_listener: {{listen: {{"127.0.0.1:{SECOND}": {{}}}}}}
""")
    return subprocess.Popen(["impeld", "-d", "-c", f"{folder}/second.yaml"])


def waits_for_package():
    wait_for(lambda: "package impel-module-ecstream" in
             impel("explain", "domain", GATEWAY), "the reason")


@step
def a_module_brings_its_method():
    smtp("first@ec.test")
    waits_for_package()
    apt("install", *debs("debs", "impel-module-ecstream"))
    sink, second = Sink(), second_daemon()
    wait_for(lambda: f"127.0.0.1:{SECOND}" in listening(), "the second one")
    impel("config", "reload")
    delivered(sink, "first@ec.test")
    impel("suspend", "domain", GATEWAY)
    smtp("second@ec.test")
    apt("remove", "impel-module-ecstream")
    impel("config", "reload")
    impel("resume", "domain", GATEWAY)
    waits_for_package()
    run("systemctl", "restart", "impeld")
    wait_for(recovered, "the daemon")
    waits_for_package()
    assert "second@ec.test" not in sink.served
    apt("install", *debs("debs", "impel-module-ecstream"))
    impel("config", "reload")
    delivered(sink, "second@ec.test")
    second.terminate()
    second.wait(60)
    sink.stop()


@step
def an_upgrade_refuses_nobody_and_keeps_all():
    to = [f"kept-{i}@dest.test" for i in range(WAITING)]
    impel("suspend", "domain", "dest.test")
    for t in to:
        smtp(t)
    edit(("# impel.yaml - ", "# mine - "))
    before, pid = CONF.read_text(), show("MainPID")
    clients = [Client(socket.AF_INET, ("127.0.0.1", 2525)),
               Client(socket.AF_INET, ("127.0.0.1", 2525)),
               Client(socket.AF_UNIX, SUBMIT)]
    time.sleep(1)
    apt("install", *debs("newer", "impel", "impel-module-ecstream"))
    wait_for(recovered, "the daemon")
    counts = [c.greeted for c in clients]
    wait_for(lambda: all(c.greeted > n + 10 for c, n in zip(clients, counts)),
             "clients of the new daemon")
    ends = [c.finish() for c in clients]
    assert all(not refused for _, refused in ends), ends
    assert show("MainPID") != pid
    assert "0impel2" in run("dpkg-query", "-W", "impel")
    assert CONF.read_text() == before
    assert queued() == WAITING, queued()
    sink = Sink()
    impel("resume", "domain", "dest.test")
    delivered(sink, *to)
    sink.stop()
    assert len(sink.served) == WAITING, sink.served
    return f"{sum(n for n, _ in ends)} connections, none refused"


@step
def systemd_ends_one_that_is_stuck():
    drop = pathlib.Path("/etc/systemd/system/impeld.service.d/quick.conf")
    drop.parent.mkdir()
    drop.write_text("[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n"
                    "RestartSec=0\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "impeld")
    wait_for(answers, "the daemon")
    time.sleep(5)  # more than two intervals: it is fed
    assert show("NRestarts") == "0" and active()
    pid = show("MainPID")
    os.kill(int(pid), 19)
    wait_for(lambda: show("NRestarts") == "1" and answers(), "another", 60)
    assert show("MainPID") != pid
    drop.unlink()
    run("systemctl", "daemon-reload")


@step
def removal_keeps_the_mail():
    impel("suspend", "domain", "dest.test")
    smtp("kept@dest.test")
    wait_for(lambda: queued() == 1, "it in the queue")
    apt("remove", "impel")
    assert not active() and SPOOL.is_dir() and CONF.exists()
    assert not os.path.lexists("/usr/sbin/sendmail")
    apt("install", *debs("newer", "impel"))
    wait_for(recovered, "the daemon")
    assert queued() == 1
    sink = Sink()
    impel("resume", "domain", "dest.test")
    delivered(sink, "kept@dest.test")
    sink.stop()


@step
def a_spool_of_another_version_is_refused_by_name():
    version = SPOOL / "version"
    run("systemctl", "stop", "impeld")
    text = version.read_text()
    for other in "0", "2":
        version.write_text(text.replace("impel-spool 1", f"impel-spool {other}"))
        run("systemctl", "start", "impeld", ok=False)
        words = f"version {other}, this program has version 1"
        wait_for(lambda: words in run("journalctl", "-u", "impeld", "-n", "50"),
                 words)
        run("systemctl", "stop", "impeld")
        assert f"impel-spool {other}" in version.read_text()
    version.write_text(text)
    run("systemctl", "reset-failed", "impeld")
    run("systemctl", "start", "impeld")
    wait_for(recovered, "the daemon")


@step
def another_mail_transfer_agent_stays_as_it_is():
    apt("install", "dma")
    assert answers()
    theirs = os.path.realpath("/usr/sbin/sendmail")
    assert "impel" not in theirs and os.path.exists(theirs), theirs
    apt("remove", "impel")
    assert os.path.realpath("/usr/sbin/sendmail") == theirs
    apt("install", *debs("newer", "impel"))
    assert os.path.realpath("/usr/sbin/sendmail") == theirs
    assert run("dpkg", "--verify", "dma") == ""
    wait_for(answers, "the daemon")
    return theirs


@step
def purge_asks():
    apt("purge", "impel")
    assert SPOOL.is_dir()  # nobody could be asked
    assert not CONF.exists() and not os.path.exists("/var/log/impel")
    apt("install", *debs("newer", "impel"))
    run("debconf-set-selections",
        text="impel impel/purge_spool boolean true\n")
    apt("purge", "impel")
    assert not SPOOL.exists()
    assert "impel/" not in run("debconf-show", "impel")


class Hooks(http.server.BaseHTTPRequestHandler):
    """A server that takes what the webhook module sends."""
    protocol_version = "HTTP/1.1"
    taken = []

    def do_POST(self):
        n = int(self.headers["Content-Length"])
        self.taken.append(json.loads(self.rfile.read(n)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words):
        pass


@step
def a_module_of_somebody_else_is_built_and_delivers():
    apt("install", *debs("debs", "impel", "impel-dev"), *TOOLS)
    edit(("prohibited_hosts: [127.0.0.0/8, \"::1\"]", "prohibited_hosts: []"),
         ("example.org: {max", "hook.test: {delivery_method: WEBHOOK, routes: "
          f"[\"webhook://127.0.0.1:{HOOKS}\"]}}\n  example.org: {{max"))
    folder = run("pkg-config", "--variable=moduledir", "impel-module").strip()
    os.chdir("/check/webhook")
    run("autoreconf", "-fi")
    run("./configure", f"--with-impel-moduledir={folder}")
    run("make")
    points = re.search(r"^1\.\.(\d+)$", run("make", "check"), re.M)[1]
    run("make", "install")
    impel("config", "reload")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", HOOKS), Hooks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    smtp("one@hook.test")
    wait_for(lambda: Hooks.taken, "the message")
    assert Hooks.taken[0]["recipients"][0]["address"] == "one@hook.test"
    assert Hooks.taken[0]["text"] == "Hello\n"
    run("make", "uninstall")
    impel("config", "reload")
    smtp("two@hook.test")
    wait_for(lambda: "needs module webhook" in
             impel("explain", "domain", "hook.test"), "the reason")
    run("make", "install")
    impel("config", "reload")
    wait_for(lambda: len(Hooks.taken) == 2, "the message that waited")
    server.shutdown()
    os.chdir("/check")
    apt("purge", "impel", "impel-dev")
    return f"{points} points of the kit"


@step
def all_of_them_together():
    packages = sorted(glob.glob("/check/debs/*.deb"))
    apt("install", *packages)
    wait_for(answers, "the daemon")
    listed = impel("module", "list")
    for f in packages:
        name = f.split("/")[-1].split("_")[0]
        if name.startswith("impel-module-"):
            assert name.removeprefix("impel-module-") in listed, (name, listed)
    apt("purge", *(f.split("/")[-1].split("_")[0] for f in packages))
    left = run("dpkg-query", "-W", "-f", "${Package} ${Status}\\n")
    assert not re.search(r"^(lib)?impel", left, re.M), left


for f in steps:
    began = time.monotonic()
    said = f()
    print(f"ok - {f.__name__.replace('_', ' ')}, "
          f"{time.monotonic() - began:.1f} s" + (f" ({said})" if said else ""),
          flush=True)
