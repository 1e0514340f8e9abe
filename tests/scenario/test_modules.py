# SPDX-License-Identifier: Apache-2.0
"""Modules that the core has never heard of: they come, go and come back while
the daemon runs, and while it does not."""
import os
import subprocess

import pytest

from daemon import BUILD, IMPEL, MODULES, SOURCE, wait_for
from lmtpserver import LmtpServer
from peers import send

CONF = """
domain "pigeon.test" {
  delivery_method = "PIGEON"
  routes = ( "pigeon://127.0.0.1:%d" )
  pigeon_timeout = 20
}
"""
SMTP = 'domain "smtp.test" { routes = ( "smtp://127.0.0.1:%d" ) }\n'
WAITS = "needs module pigeon, which is not installed"


@pytest.fixture(scope="module")
def pigeon(tmp_path_factory):
    """`impel module new pigeon --plain`, compiled: the file pigeon.so."""
    folder = tmp_path_factory.mktemp("pigeon") / "source"
    environ = {**os.environ, "IMPEL_MODULES": MODULES}
    subprocess.run(
        [str(IMPEL), "module", "new", "pigeon", "--plain", "--dir", str(folder),
         "--template", str(SOURCE / "lib/module/example")], check=True,
        env=environ, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["cc", "-std=c11", "-D_GNU_SOURCE", "-O1", f"-I{SOURCE / 'include'}",
         "-fPIC", "-shared", "-fvisibility=hidden", "-o", "pigeon.so",
         "pigeon.c"], check=True, cwd=folder)
    return folder / "pigeon.so"


class Folder:
    """A folder of modules that packages are installed to."""

    def __init__(self, folder, module):
        self.folder, self.module = folder, module
        folder.mkdir()
        self.path = f"{MODULES}:{folder}"

    def install(self):
        new = self.folder / ".new"
        new.write_bytes(self.module.read_bytes())
        new.rename(self.folder / self.module.name)

    def remove(self):
        (self.folder / self.module.name).unlink()


@pytest.fixture
def folder(tmp_path, pigeon):
    return Folder(tmp_path / "modules", pigeon)


@pytest.fixture
def loft():
    server = LmtpServer()
    yield server
    server.stop()


def waiting(d, domain="pigeon.test"):
    """Why the mail of a domain waits, once something does."""
    wait_for(lambda: d.queued() == 1, what="one message in the queue")
    return d.ask("explain", "domain", domain)


def listed(d):
    """The line of `module list` about it."""
    return next(m for m in d.ask_json("module", "list")
                if m["name"] == "pigeon")


def test_unknown_until_installed(impeld, folder, loft, server):
    """A method nobody serves is an error; with the package it is none, while
    the daemon runs, and mail of others never notices."""
    other = server()
    d = impeld(SMTP % other.port, modules=folder.path)
    d.append(CONF % loft.port)
    assert "unknown delivery_method 'PIGEON'" in d.ask(
        "config", "reload", ok=False)
    folder.install()
    d.ask("config", "reload")
    assert listed(d)["state"] == "loaded"
    send(d.port, ["a@pigeon.test"])
    assert loft.wait()[0][0] == "a@pigeon.test"
    send(d.port, ["a@smtp.test"])
    other.wait()
    d.wait_empty()
    assert "pigeon_delivered" in d.ask("metrics")


def test_removed_and_installed_again(impeld, folder, loft):
    folder.install()
    d = impeld(CONF % loft.port, modules=folder.path)
    send(d.port, ["one@pigeon.test"])
    loft.wait(1)
    d.wait_empty()

    folder.remove()
    said = d.ask("config", "reload")
    assert "PIGEON " + WAITS in said
    assert listed(d)["state"] == "removed"
    send(d.port, ["two@pigeon.test"])
    assert WAITS in waiting(d)
    assert [m[0] for m in loft.messages] == ["one@pigeon.test"]

    folder.install()
    d.ask("config", "reload")
    loft.wait(2)
    d.wait_empty()
    assert [m[0] for m in loft.messages] == \
        ["one@pigeon.test", "two@pigeon.test"]
    assert listed(d)["state"] == "loaded"
    assert "the next start takes" in listed(d)["why"]


def test_restart_without_it(impeld, folder, loft, server):
    """Gone before the start: the daemon starts, and the rest of the mail goes
    its way."""
    other = server()
    folder.install()
    d = impeld(CONF % loft.port + SMTP % other.port +
               "pigeon { enabled = true }\n", modules=folder.path)
    folder.remove()
    d.ask("config", "reload")
    send(d.port, ["kept@pigeon.test"])
    assert WAITS in waiting(d)
    d.terminate()

    d.start()
    assert "PIGEON " + WAITS in d.stderr()
    assert WAITS in waiting(d)
    send(d.port, ["a@smtp.test"])
    other.wait()
    check = subprocess.run(
        [str(IMPEL), "-M", folder.path, "config", "check", str(d.conf)],
        capture_output=True, text=True)
    assert check.returncode == 0 and WAITS in check.stdout

    d.kill()  # and once more, without a goodbye
    d.start()
    assert WAITS in waiting(d)
    assert not loft.messages

    folder.install()
    d.ask("config", "reload")
    assert loft.wait()[0][0] == "kept@pigeon.test"
    d.wait_empty()
    assert len(loft.messages) == 1


def test_never_known(impeld, tmp_path):
    """What no spool has heard of stays an error."""
    d = impeld('delivery_method = "RAVEN"\n', start=False)
    checked = d.check()
    assert checked.returncode != 0
    assert "unknown delivery_method 'RAVEN'" in checked.stderr
