# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the scenarios: the daemon, its peers, a DNS server."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

import daemon
import dnsserver
import peers
import zones

sys.path.append(str(daemon.SOURCE / "tests/shim"))

# What smtplib says in EHLO: it would ask the name servers of the world for the
# name of this machine, and may wait for them longer than daemons keep
# connections.
socket.getfqdn = lambda name="": name or "client.test"


@pytest.fixture
def impeld(tmp_path):
    """A factory: impeld(configuration text) -> a running daemon.Impeld.

    All are stopped at the end of the test; one that died or left a sanitizer
    report fails it.
    """
    started = []

    def make(conf, **how):
        d = daemon.Impeld(tmp_path / f"impel{len(started)}", conf, **how)
        started.append(d)
        return d

    yield make
    for d in started:
        d.finish()
    for d in started:  # what is of use after a failure stays: 128 MB each
        shutil.rmtree(d.dir / "spool", ignore_errors=True)


@pytest.fixture
def sink(tmp_path):
    """A factory of verifying sinks (tests/bench/sink)."""
    started = []

    def make(*options, port=None):
        s = peers.Sink(tmp_path / f"sink{len(started)}", options, port)
        started.append(s)
        return s

    yield make
    for s in started:
        s.kill()


@pytest.fixture
def server():
    """A factory of scripted SMTP servers that keep what they got."""
    started = []

    def make(**how):
        s = peers.Server(**how)
        started.append(s)
        return s

    yield make
    for s in started:
        s.stop()


@pytest.fixture
def dns():
    """An authoritative DNS server on loopback with records from a dict."""
    s = dnsserver.Server()
    yield s
    s.stop()


@pytest.fixture
def shim(tmp_path):
    """Between a daemon (impeld(..., shim=shim)) and the file system."""
    from shim import Shim
    try:
        return Shim(tmp_path / "shim")
    except FileNotFoundError as e:
        pytest.skip(str(e))


@pytest.fixture
def knot(tmp_path):
    """A factory of real authoritative servers: knot({zone: lines}, signed=)."""
    started = []

    def make(names, **how):
        k = zones.Knot(tmp_path / f"knot{len(started)}", names, **how)
        started.append(k)
        return k

    yield make
    for k in started:
        k.stop()


@pytest.fixture
def unbound(tmp_path):
    """A factory of validating resolvers in front of a knot."""
    started = []

    def make(knot, **how):
        u = zones.Unbound(tmp_path / f"unbound{len(started)}", knot, **how)
        started.append(u)
        return u

    yield make
    for u in started:
        u.stop()


@pytest.fixture
def long_run():
    """Skip unless `make check-long` runs."""
    if not os.environ.get("IMPEL_LONG"):
        pytest.skip("make check-long runs it")
