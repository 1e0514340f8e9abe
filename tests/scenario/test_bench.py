# SPDX-License-Identifier: Apache-2.0
"""`make bench` does not lie: lost mail ends it, tables go where they belong,
the simulation keeps to its bounds.  No time is judged."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

BENCH = pathlib.Path(os.environ["srcdir"]) / "tests/bench"
sys.path.insert(0, str(BENCH))
from lib import pipeline, report  # noqa: E402


def bench(*words):
    return subprocess.run([str(BENCH / "run"), *map(str, words)],
                          capture_output=True, text=True, timeout=120)


def test_relay_and_its_figures(tmp_path):
    kept = tmp_path / "figures.json"
    p = bench("relay", "--runs", 1, "--messages", 300, "--json", kept)
    assert p.returncode == 0, p.stderr
    run, = json.loads(kept.read_text())["relay"]["raw"]["impel"]
    assert run["connections"] <= 20 and run["messages_a_sync"] > 0
    assert 0 < run["accept_p50"] <= run["accept_p999"]
    assert 0 < run["through_p50"] <= run["through_p999"]
    assert run["threads_us"]["spool writer"] > 0


def test_filters_have_seen_all():
    """It says so itself if they have not, and verifies what they give."""
    from sections import filter as section
    run = section.through([{}, {"b": True, "q": True}], 200, 2000, 5, 20)
    assert run["packets"] > 2 * 10 and run["filter_connections"] >= 2 * 10


# Takes the mail, hands over nothing.
LOSES = f"""{sys.executable} -c '
import os, socketserver
class H(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda s: self.wfile.write(s)
        say(b"220 x\\r\\n")
        data = False
        for line in self.rfile:
            if data:
                data = line != b".\\r\\n"
                if data: continue
                say(b"250 2.0.0 taken\\r\\n")
            elif line[:4] == b"DATA":
                data = True; say(b"354 go\\r\\n")
            elif line[:4] == b"QUIT":
                say(b"221 bye\\r\\n"); return
            else: say(b"250 ok\\r\\n")
class S(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
S(("127.0.0.1", int(os.environ["PORT"])), H).serve_forever()'"""


def test_lost_mail_ends_the_bench(tmp_path):
    code = f"""
import sys
sys.path.insert(0, {str(BENCH)!r})
from lib import impel, traffic
traffic.relay(impel.Command({LOSES!r}), 20, 1000, 2, sink={{"i": 1}})
"""
    p = subprocess.run([sys.executable, "-B", "-c", code], timeout=60,
                       capture_output=True, text=True)
    assert p.returncode != 0
    assert "lost or changed" in p.stderr, p.stderr


def test_round_trips_are_counted(tmp_path):
    """Each command a round trip of its own: MAIL, RCPT, DATA, the end."""
    kept = tmp_path / "figures.json"
    p = bench("rtt", "--runs", 1, "--messages", 40, "--connections", 2,
              "--rtt-ms", 30, "--json", kept)
    assert p.returncode == 0, p.stderr
    raw = json.loads(kept.read_text())["rtt"]["raw"]
    assert raw["neither"][0]["trips"] >= 4
    assert raw["PIPELINING"][0]["trips"] >= 2
    assert raw["CHUNKING and PIPELINING"][0]["trips"] >= 1


@pytest.fixture
def page(tmp_path):
    p = tmp_path / "page.md"
    p.write_text("".join(f"text of {n}\n<!-- figures: {n} -->\n<!-- end -->\n"
                         for n in ("goals", "one", "two")))
    return p


def made(name, measured):
    r = report.Report(name)
    r.command = f"make {name}"
    r.table("", ["figure", "value"], [["speed", measured]])
    r.goal("speed", "much", measured, measured > 5)
    return r


def test_tables_go_to_their_marks(page):
    report.write_page(page, [made("one", 1), made("two", 2)])
    report.write_page(page, [made("two", 7)])
    text = page.read_text()
    goals, one, two = text.split("text of ")[1:]
    assert "| one | speed | much | 1 | **no** |" in goals
    assert "| two | speed | much | 7 | yes |" in goals and "| 2 |" not in text
    assert "| speed | 1 |" in one and "| speed | 7 |" in two
    with pytest.raises(SystemExit):
        report.write_page(page, [made("three", 3)])


def test_simulation_keeps_its_bounds():
    cost = dict(loop_us=30, scheduler_us=6, writer_us=3, commit_us=25,
                sync_us=50, messages=8000)
    one, _ = pipeline.simulate(loops=1, connections=20, **cost)
    many, busy = pipeline.simulate(loops=16, connections=320, **cost)
    assert 0.85 * 1e6 / 30 < one < 1.1 * 1e6 / 30
    assert 0.85 * 1e6 / 6 < many < 1.1 * 1e6 / 6
    assert busy["scheduler"] > 0.95 and busy["loops"] < 0.9
