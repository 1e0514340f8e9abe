# SPDX-License-Identifier: Apache-2.0
"""impel: exit codes, JSON, the interactive console, what needs no daemon."""
import contextlib
import json
import os
import pty
import re
import select
import socket
import stat
import subprocess
import threading
import time

from daemon import IMPEL, free_port, wait_for
from peers import send

DEAD = "Gateway = \"127.0.0.1:@DEAD@\"\nRetry_Interval = 600\n"


def waiting():
    """A configuration whose mail finds nobody."""
    return DEAD.replace("@DEAD@", str(free_port()))


def impel(*words, stdin=None, **env):
    return subprocess.run(
        [str(IMPEL), *map(str, words)], input=stdin, capture_output=True,
        text=True, timeout=60, env={**os.environ, **env})


def test_exit_codes(impeld, tmp_path):
    d = impeld("")
    s = ("-s", d.control)
    wait_for(lambda: impel(*s, "health").returncode == 0)  # recovery is over
    assert impel(*s, "message", "retry", "00/00-00001-0000FFFF").returncode == 1
    assert impel(*s, "active").returncode == 2
    assert impel("--no-such-option").returncode == 2
    gone = impel("-s", tmp_path / "nothing", "health")
    assert gone.returncode == 3
    assert "no daemon answers" in gone.stderr
    assert impel("pid", IMPEL_SOCKET=str(d.control)).returncode == 0


def test_json(impeld):
    d = impeld(waiting())
    send(d.port, "to@dest.test")
    wait_for(lambda: d.queued() == 1)
    d.wait_read()
    for words in ("active 0", "delayed 0", "domains", "binding summary",
                  "mailq", "health", "listeners", "module list", "jobs",
                  "show inbound", "show outbound", "dns_cache stats",
                  "version", "pid", "help", "flush domain all",
                  "config eval retry_interval", "config describe gateway",
                  "reopen logs", "summary reset"):
        d.ask_json(*words.split())
    wrong = impel("-s", d.control, "--json", "domain", "nowhere.test")
    assert wrong.returncode == 1
    assert "error" in json.loads(wrong.stdout)


def test_summary_counts(impeld):
    d = impeld(waiting())
    send(d.port, "to@dest.test")
    wait_for(lambda: d.queued() == 1)
    assert d.summary()["ReceivedMessages"] == 1
    assert "impel_received_messages_total 1" in d.ask("metrics")
    d.ask("summary", "reset")
    assert d.summary()["ReceivedMessages"] == 0


def test_changes_are_logged(impeld):
    d = impeld("")
    d.ask("config", "set", "retry_interval", "77")
    d.ask("summary")
    line = wait_for(lambda: [r for r in d.log("paniclog") if "config set" in r])
    assert f"uid={os.getuid()} pid=" in line[0]
    assert not [r for r in d.log("paniclog") if 'words="summary"' in r]


def test_batch(impeld):
    d = impeld("")
    p = impel("-s", d.control,
              stdin="# a comment\npid\n\nhelp 'pid'\nquit\nnot run\n")
    assert p.returncode == 0, p.stderr
    assert str(d.process.pid) in p.stdout
    p = impel("-s", d.control, stdin="nonsense\npid\n")
    assert p.returncode == 1 and str(d.process.pid) in p.stdout


class Terminal:
    """impel at a terminal of its own."""

    def __init__(self, home, control):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=str(home), TERM="dumb",
                              ASAN_OPTIONS="detect_leaks=0")
            os.execv(str(IMPEL), [str(IMPEL), "-s", str(control)])
        self.text = ""

    def until(self, want):
        while want not in self.text:
            ready, _, _ = select.select([self.fd], [], [], 20)
            assert ready, self.text
            self.text += os.read(self.fd, 4096).decode(errors="replace")
        self.text = self.text.split(want, 1)[1]

    def type(self, keys):
        os.write(self.fd, keys.encode())


def test_interactive(impeld, tmp_path):
    d = impeld("")
    t = Terminal(tmp_path, d.control)
    t.until("impel> ")
    t.type("pi\t\r")
    t.until(str(d.process.pid))
    t.until("impel> ")
    t.type("mess\t\t")
    t.until("details retry fail")
    t.type("\x15\x10\r")
    t.until(str(d.process.pid))
    t.until("impel> ")
    t.type("quit\r")
    assert os.waitpid(t.pid, 0)[1] == 0
    history = tmp_path / ".impel_history"
    assert "pid" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_check_without_daemon(impeld):
    d = impeld("", start=False)
    m = ("-M", d.modules)
    good = impel(*m, "config", "check", d.conf)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "Configuration valid" in good.stdout
    d.append("Retry_Intervall = 5\n")
    bad = impel(*m, "config", "check", d.conf)
    assert bad.returncode == 1
    assert "did you mean retry_interval" in bad.stdout
    notes = json.loads(impel(*m, "-j", "config", "check", d.conf).stdout)
    twin = impel(*m, "-j", "config", "convert", d.conf).stdout
    assert "esmtp_listener:" in json.loads(twin)["text"]
    nothing = impel("-j", "help", "nonsense")
    assert nothing.returncode == 1 and json.loads(nothing.stdout)["error"]
    assert notes["valid"] is False and notes["notes"][0]["line"] > 1
    assert "retry_interval" in impel(
        *m, "-s", d.dir / "none", "config", "describe",
        "retry_interval").stdout


def test_spool_without_daemon(impeld):
    d = impeld(waiting())
    send(d.port, "to@dest.test")
    wait_for(lambda: d.queued() == 1)
    busy = impel("spool", "check", d.dir / "spool")
    assert busy.returncode == 1, "the daemon has it open"
    d.terminate()
    check = impel("spool", "check", d.dir / "spool")
    assert check.returncode == 0, check.stdout + check.stderr
    assert "to@dest.test" in impel("spool", "dump", d.dir / "spool").stdout
    for verb in ("check", "dump"):
        text = impel("--json", "spool", verb, d.dir / "spool").stdout
        assert json.loads(text)["lines"], text
    wrong = impel("--json", "spool", "check", d.dir / "nothing")
    assert wrong.returncode == 1 and json.loads(wrong.stdout)["error"]
    assert impel("spool", "compact", d.dir / "spool").returncode == 0
    d.start()
    wait_for(lambda: d.queued() == 1)


def test_socket(impeld):
    d = impeld("")
    assert stat.S_IMODE(d.control.stat().st_mode) == 0o660
    text = d.conf.read_text()
    second = impeld("", start=False)
    second.write(text.replace(f"{d.dir}/spool", "@DIR@/spool")
                 .replace(f"{d.dir}/impeld.pid", "@DIR@/impeld.pid")
                 .replace(f":{d.port}", f":{second.port}"))
    p = subprocess.run(second.command("-d"), capture_output=True, text=True,
                       timeout=60)
    assert p.returncode != 0 and "another daemon answers" in p.stderr
    assert d.ask("pid").strip() == str(d.process.pid)
    d.kill()
    assert d.control.exists()
    d.start()  # takes the stale socket's place
    assert d.ask("pid").strip() == str(d.process.pid)


def test_tcp_is_refused(impeld):
    d = impeld("", start=False)
    d.write(d.conf.read_text().replace(str(d.control), "127.0.0.1:2025"))
    p = subprocess.run(d.command("-d"), capture_output=True, text=True,
                       timeout=60)
    assert p.returncode != 0 and "Unix sockets only" in p.stderr


def all_of(terminal):
    """What was written to it, to the end: nobody has its other side open."""
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 65536):
            shown += part
    os.close(terminal)
    return shown.decode()


def test_progress_after_a_second(tmp_path):
    """At a terminal, on standard error, and gone when the answer comes."""
    path = tmp_path / "control"

    def daemon(listener):
        c, _ = listener.accept()
        c.makefile("rb").readline()
        for i in range(8):
            c.sendall(b'{"done": %d, "total": 1000}\n' % (i * 100))
            time.sleep(0.25)
        c.sendall(b'{"ok": true, "status": 0, "text": "done."}\n')
        c.close()

    def run(stderr):
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        t = threading.Thread(target=daemon, args=(listener,))
        t.start()
        p = subprocess.run(
            [str(IMPEL), "-s", str(path), "flush", "domain", "all"],
            stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=30)
        t.join()
        listener.close()
        assert p.returncode == 0 and p.stdout == "done.\n"
        return p

    ours, theirs = pty.openpty()
    run(theirs)
    os.close(theirs)
    shown = all_of(ours)
    assert re.search(r"\] [3-7]00 of 1000, [1-9] s", shown), shown
    assert "] 0 of" not in shown
    assert shown.endswith("\r\033[K")
    assert run(subprocess.PIPE).stderr == "", "no terminal, no bar"
