# SPDX-License-Identifier: Apache-2.0
"""A transport that is built outside of the tree, with what is installed and
nothing else: tests/out-of-tree/webhook, from the compiler to its mail."""
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from certificates import Authority
from daemon import BUILD, SOURCE, Impeld, wait_for
from hooks import Hooks, message_of, said
from peers import send
from test_documents import follow

WEBHOOK = SOURCE / "tests/out-of-tree/webhook"
SOURCES = ["answer.c", "document.c", "http.c", "result.c", "session.c",
           "text.c", "webhook.c"]


def copy_webhook(folder):
    """Its sources, to be built there: those of an archive may be read only."""
    subprocess.run(["cp", "-R", "--no-preserve=mode", WEBHOOK, folder],
                   check=True)


class Installed:
    """Impel as `make install DESTDIR=...` leaves it."""

    def __init__(self, root):
        with open(BUILD / "Makefile") as lock:  # one at a time
            fcntl.flock(lock, fcntl.LOCK_EX)
            subprocess.run(
                ["make", "-s", "-C", str(BUILD), "install", f"DESTDIR={root}"],
                check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, env=self.outside())
        pc = next(root.rglob("impel-module.pc"))
        self.prefix = pc.parents[2]
        self.environ = {
            **self.outside(), "PKG_CONFIG": "pkg-config --define-prefix",
            "PKG_CONFIG_PATH": str(pc.parent),
            "ACLOCAL_PATH": str(self.prefix / "share/aclocal"),
            "PATH": f"{self.prefix}/bin:{self.prefix}/sbin:"
                    f"{os.environ['PATH']}"}
        self.modules = pathlib.Path(self.ask("--variable=moduledir"))

    @staticmethod
    def outside():
        """Without what a make above this one has said."""
        return {k: v for k, v in os.environ.items()
                if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "srcdir",
                             "builddir")}

    def ask(self, *words):
        return subprocess.run(
            ["pkg-config", "--define-prefix", *words, "impel-module"],
            check=True, capture_output=True, text=True,
            env=self.environ).stdout.strip()

    def run(self, *words, cwd, ok=True):
        p = subprocess.run([str(w) for w in words], cwd=cwd, text=True,
                           capture_output=True, env=self.environ)
        assert (p.returncode == 0) == ok, p.stdout[-4000:] + p.stderr[-4000:]
        return p.stdout + p.stderr

    def build(self, folder):
        """webhook.so by a compiler alone."""
        copy_webhook(folder)
        flags = self.ask("--cflags").split()
        self.run("cc", "-std=c11", "-D_GNU_SOURCE", "-O1", *flags, "-fPIC",
                 "-shared", "-fvisibility=hidden", "-Wl,-z,defs", "-Wl,-z,now",
                 "-o", "webhook.so", *SOURCES, "-ljansson", cwd=folder)
        return folder / "webhook.so"


class Daemon(Impeld):
    """The installed one."""

    prefix = None

    def command(self, *more):
        return [str(self.prefix / "sbin/impeld"), "-c", str(self.conf), "-M",
                self.modules, *more]


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    root = tmp_path_factory.mktemp("installed")
    yield Installed(root)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def webhook(kit, tmp_path_factory):
    """Built and installed there."""
    module = kit.build(tmp_path_factory.mktemp("source") / "webhook")
    shutil.copy(module, kit.modules)
    return kit


@pytest.fixture
def hooks():
    started = []

    def make(*what, **how):
        started.append(Hooks(*what, **how))
        return started[-1]
    yield make
    for h in started:
        h.stop()


@pytest.fixture
def daemon(kit, tmp_path):
    started = []

    def make(conf, **how):
        Daemon.prefix = kit.prefix
        started.append(Daemon(tmp_path / "impel", conf,
                              modules=str(kit.modules), **how))
        return started[-1]
    yield make
    for d in started:
        d.finish()


def conf(port, more="", host="127.0.0.1"):
    return f"""
retry_interval = 1
max_retry_interval = 60
host_failure_retry = 1
domain "hook.test" {{
  delivery_method = "WEBHOOK"
  routes = ( "webhook://{host}:{port}" )
  webhook_path = "/in?list=7"
{more}
}}
"""


def test_a_message(webhook, daemon, hooks):
    """Enabled by configuration alone; the document has what it should."""
    h = hooks()
    d = daemon(conf(h.port, '  webhook_fields = [ X-List = "seven" ]'))
    send(d.port, ["a@hook.test", "b@hook.test"], body="Gr\u00fc\u00dfe\r\n.\r\n" * 3,
         headers="X-Fold: one\r\n two\r\nContent-Type: text/plain; charset=utf-8"
                 "\r\n")
    (path, headers, document), = h.wait() and h.requests
    assert path == "/in?list=7"
    assert headers["X-List"] == "seven"
    assert headers["Host"] == f"127.0.0.1:{h.port}"
    assert document["version"] == 1 and document["attempt"] == 0
    assert document["sender"] == "sender@origin.test"
    assert document["recipients"] == [
        {"number": 0, "address": "a@hook.test"},
        {"number": 1, "address": "b@hook.test"}]
    assert document["client"]["address"] == "127.0.0.1"
    assert ["X-Fold", "one two"] in document["headers"]
    assert document["text"] == "Gr\u00fc\u00dfe\n.\n" * 3
    assert document["text_cut"] is False
    raw = message_of(document)
    assert len(raw) == document["size"]
    assert raw.startswith(b"Received: ") and b"Subject: test\r\n" in raw
    d.wait_records("D", 2)
    d.wait_empty()
    assert {r[-1] for r in d.records("D")} and not d.records("P")
    assert re.search(r"webhook_delivered\S* 2\b", d.ask("metrics"))


def test_kept_open_and_large(webhook, daemon, hooks):
    """Messages one after the other on one connection, one of 3 MB."""
    h = hooks()
    d = daemon(conf(h.port, "  max_outbound_connections = 1"))
    large = "0123456789abcdef" * 4 + "\r\n"
    send(d.port, "a@hook.test", body=large * 48000)
    for i in range(20):
        send(d.port, f"a{i}@hook.test")
    documents = h.wait(21)
    first, = [x for x in documents if x["size"] > 1000000]
    assert message_of(first).endswith((large * 48000).encode())
    assert first["text_cut"] is True and len(first["text"]) <= 65536
    d.wait_empty()
    assert len({x["id"] for x in h.wait(21)}) == 21
    assert h.connections == 1


def test_what_answers_mean(webhook, daemon, hooks):
    """Refused, put off with a time, and each recipient by itself."""
    asked = []

    def answer(document, headers):
        to = document["recipients"][0]["address"].split("@")[0]
        asked.append(to)
        if to == "gone":
            return 410, {}, b""
        if to == "busy" and asked.count("busy") == 1:
            return 503, {"Retry-After": "2"}, b""
        if to == "each":
            return said(text="as you see", recipients=[
                {"number": 1, "result": "failed", "text": "no such list"},
                {"number": 2, "result": "retry", "text": "full"}]
                if asked.count("each") == 1 else [])
        return None
    h = hooks(answer)
    d = daemon(conf(h.port))
    send(d.port, "gone@hook.test", sender="")
    bounced = d.wait_records("P")
    assert "410" in "@".join(bounced[0])
    began = time.monotonic()
    send(d.port, "busy@hook.test", sender="")
    wait_for(lambda: asked.count("busy") == 2, what="another attempt")
    assert time.monotonic() - began > 1.9  # one second, had it not said so
    wait_for(lambda: [r for r in d.records("T")
                      if "503" in "@".join(r)])
    send(d.port, ["each@hook.test", "no@hook.test", "full@hook.test"],
         sender="")
    failed = d.wait_records("P", 2)
    assert "no such list" in "@".join(failed[1])
    d.wait_empty()
    again = [x for _, _, x in h.requests if x["attempt"] > 0]
    assert {r["address"]: r["number"] for x in again
            for r in x["recipients"]} == {"busy@hook.test": 0,
                                          "full@hook.test": 2}


def test_tls_and_token(webhook, daemon, hooks, tmp_path, dns):
    """A token needs TLS, and goes to servers that were verified."""
    ca = Authority(tmp_path)
    h = hooks(context=ca.context("hooks.test"))
    dns.add("hooks.test", "A", "127.0.0.1")
    here = f'resolv_conf = "{dns.conf(tmp_path)}"\n'
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    secret = f'  webhook_token = "file:{token}"\n'
    clear = daemon(conf(h.port, secret), start=False).check()
    assert clear.returncode != 0
    assert "webhook_token would go in clear" in clear.stderr
    d = Daemon(tmp_path / "tls", here + conf(
        h.port, secret + "  tls = required\n", "hooks.test"),
        modules=str(webhook.modules))
    try:
        send(d.port, "a@hook.test")
        wait_for(lambda: "was not verified" in
                 d.ask("explain", "domain", "hook.test"),
                 what="a server that is not trusted")
        assert not h.requests
        d.write(d.conf.read_text().replace(
            "tls = required", f'tls = required\n  tls_verify = host\n'
            f'  tls_ca = "{ca.crt}"'))
        d.ask("config", "reload")
        d.ask("flush", "domain", "hook.test")
        h.wait()
        assert h.requests[0][1]["Authorization"] == "Bearer s3cret"
        d.wait_empty()
        assert "s3cret" not in "".join(d.log("paniclog")) + d.stderr()
    finally:
        d.finish()


@pytest.fixture
def root(tmp_path):
    """For scratchroot: Impel installed where it was configured for."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    prefix = pathlib.Path("/", Installed(tmp_path / "put").prefix.relative_to(
        tmp_path / "put"))
    for name in ("bin/impel", "bin/impel-modtest", "bin/impel-sendmail",
                 "sbin/impeld"):
        (tmp_path / name.replace("sbin", "bin")).symlink_to(prefix / name)
    if str(prefix) not in ("/usr", "/usr/local"):
        os.environ["PKG_CONFIG_PATH"] = f"{prefix}/lib/pkgconfig"
    yield tmp_path
    os.environ.pop("PKG_CONFIG_PATH", None)
    shutil.rmtree(tmp_path / "put")


@pytest.mark.parametrize("autotools", (False, True))
def test_guide(root, autotools, request):
    """docs/writing-a-module.md, done as it stands there."""
    skips = ("export", "impel", "cd", "autoreconf", "./configure", "make")
    if autotools:
        request.getfixturevalue("long_run")
        skips = ()
    assert follow(root, "docs/writing-a-module.md", *skips,
                  timeout=600) > 30


def test_guide_shows_what_is_there():
    """Each line of C that the guide shows is one of the template."""
    guide = (SOURCE / "docs/writing-a-module.md").read_text()
    there = (SOURCE / "lib/module/example/mymodule.c").read_text().split("\n")
    shown = re.findall(r"^```c\n(.*?)^```", guide, re.M | re.S)
    assert len(shown) > 3
    for line in "".join(shown).split("\n"):
        assert line in there, line


def test_from_nothing(kit, daemon, hooks, tmp_path, long_run):
    """By autotools: configured, built, its own check, installed, used, removed
    while mail waits, and installed again; `make distcheck` as well."""
    source = tmp_path / "source"
    copy_webhook(source)
    kit.run("autoreconf", "-fi", cwd=source)
    kit.run("./configure", "-q", f"--prefix={kit.prefix}", cwd=source)
    kit.run("make", "-s", cwd=source)
    points = kit.run("make", "-s", "check", cwd=source)
    assert re.search(r"^1\.\.[1-9]\d\d$", points, re.M) and \
        "not ok" not in points
    kit.run("make", "-s", "distcheck", cwd=source)
    file = kit.modules / "webhook.so"
    file.unlink(missing_ok=True)
    kit.run("make", "-s", "install", cwd=source)
    assert file.exists() and not file.with_suffix(".la").exists()

    h = hooks()
    d = daemon(conf(h.port))
    send(d.port, "one@hook.test")
    h.wait()
    d.wait_empty()
    kit.run("make", "-s", "uninstall", cwd=source)
    assert not file.exists()
    d.ask("config", "reload")
    why = "needs module webhook, which is not installed"
    send(d.port, "two@hook.test")
    for start in (False, True):
        if start:
            d.terminate()
            d.start()
        wait_for(lambda: d.queued() == 1, what="mail that waits")
        assert why in d.ask("explain", "domain", "hook.test")
    assert len(h.requests) == 1
    kit.run("make", "-s", "install", cwd=source)
    d.ask("config", "reload")
    assert h.wait(2)[1]["recipients"][0]["address"] == "two@hook.test"
    d.wait_empty()


def test_abi_that_does_not_fit(kit, tmp_path, long_run):
    """impel.m4 says so, with both numbers."""
    source = tmp_path / "source"
    copy_webhook(source)
    configure = (source / "configure.ac").read_text()
    kit.run("autoreconf", "-fi", cwd=source)
    for wanted, text in ((("1", "99"), "which is older than 1.99"),
                         (("2", "0"), "this module wants 2.0")):
        (source / "configure.ac").write_text(
            configure.replace("[1], [0]", "[%s], [%s]" % wanted))
        kit.run("autoconf", "-f", cwd=source)
        assert text in kit.run("./configure", "-q", cwd=source, ok=False)


def test_template_both_ways(kit, tmp_path, long_run):
    """`impel module new`, built, checked and installed by autotools and by the
    Makefile alone."""
    for way in ("autotools", "plain"):
        kit.run("impel", "module", "new", f"raven{way}", f"--{way}",
                "--template", kit.ask("--variable=template"), cwd=tmp_path)
        source = tmp_path / f"raven{way}"
        if way == "autotools":
            kit.run("autoreconf", "-fi", cwd=source)
            kit.run("./configure", "-q", f"--prefix={kit.prefix}", cwd=source)
        points = kit.run("make", "check", cwd=source)
        assert re.search(r"^1\.\.[1-9]\d\d$", points, re.M) and \
            "not ok" not in points
        there = f"DESTDIR={tmp_path}/{way}"
        kit.run("make", "install", there, cwd=source)
        installed = list((tmp_path / way).rglob("raven*"))
        assert [f.name for f in installed] == [f"raven{way}.so"]
        kit.run("make", "uninstall", there, cwd=source)
        assert not list((tmp_path / way).rglob("raven*"))
