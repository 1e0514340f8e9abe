# SPDX-License-Identifier: Apache-2.0
"""Modules that break a rule, in a running daemon: each is named, and the mail
that they had is neither lost nor counted twice.  The modules are those of
tests/abi; the kit finds the same flaws before they get this far."""
import re
import shutil
import subprocess

import pytest

from daemon import BUILD, MODULES, SANITIZED, wait_for
from peers import send

CONF = """
domain "flawed.test" {
  delivery_method = "TESTING"
  routes = ( "127.0.0.1:9" )
  retry_interval = 3600
}
"""


@pytest.fixture
def flawed(impeld, tmp_path):
    """A factory: a daemon with that module of tests/abi, and mail for it."""
    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        built = BUILD / f"tests/abi/.libs/mod-{name}.so"
        shutil.copy(built, folder / f"mod_{name}.so")
        serves = subprocess.run(
            [str(BUILD / "core/prog/impel-serves"), str(built)], check=True,
            capture_output=True, text=True).stdout
        (folder / f"mod_{name}.serves").write_text(serves)
        d = impeld(CONF, modules=f"{MODULES}:{folder}")
        send(d.port, ["a@flawed.test", "b@flawed.test"])
        return d
    return make


def listed(d, name):
    return next(m for m in d.ask_json("module", "list")
                if m["name"] == f"mod_{name}")


def told(d, event):
    """The line about that event, once it is there."""
    return wait_for(lambda: next(
        (x for x in d.log("paniclog") if f" {event} " in x), None),
        what=event)


def test_blocks(flawed):
    d = flawed("blocks")
    d.wait_empty()
    line = told(d, "slow-callback what=\"mod_blocks deliver\"")
    assert re.search(r"id=[0-9a-f]{16} us=\d{5,}", line)
    row = listed(d, "blocks")
    assert row["slow_callbacks"] >= 1 and row["slowest_us"] >= 40000
    assert row["rules_broken"] == 0
    assert re.search(r"slow callbacks \d+, slowest \d+ ms",
                     d.ask("module", "list"))


def test_reports_twice(flawed):
    d = flawed("twice")
    d.wait_empty()
    line = told(d, "module-broken module=mod_twice")
    assert "a recipient reported twice" in line
    assert re.search(r"session=[0-9a-f]{16}", line)
    assert listed(d, "twice")["rules_broken"] >= 1
    assert "rules broken" in d.ask("module", "list")
    # once each, all the same
    assert len(d.wait_log("@D@", 2, "mainlog")) == 2


def test_forgets(flawed, long_run):
    """It reports nothing, not even when it is told to give up: a daemon that
    ends waits half a minute for it, and the mail is there after a start."""
    d = flawed("forgets")
    wait_for(lambda: d.ask("show", "outbound").strip())
    d.terminate(60)
    line = told(d, "reports-missing module=mod_forgets")
    assert re.search(r"session=[0-9a-f]{16} message=\S+ count=2", line)
    d.start()
    wait_for(lambda: d.queued() == 1, what="the message in the queue")
    d.kill()


def test_crashes(flawed):
    d = flawed("crashes")
    d.process.wait(20)
    assert d.process.returncode != 0
    said = d.stderr()
    d.expect_death = True
    if not SANITIZED:  # they say more
        assert re.search(r"doing: mod_crashes deliver [0-9a-f]{16}\n", said)
        assert "mod_crashes.so" in said
