# SPDX-License-Identifier: Apache-2.0
"""Name servers that misbehave, a name for each way: what is believed, and that
mail waits rather than fails or goes where a forger says."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon import wait_for
from peers import send
from wildserver import Wild
from zones import resolv_conf

GOOD = ("plain", "truncated", "huge", "unwell", "otherid", "chain")
# A TCP connection that is hung up on ends other questions to that server, so
# that those which wait are told of as failed or as too late.
NO_ANSWER = ("server failure", "no answer in time")
BAD = {
    "silent": NO_ANSWER,
    "lame": NO_ANSWER,
    "hangup": NO_ANSWER,
    "otherquestion": NO_ANSWER,
    "otherowner": ("no such data",),
    "longchain": ("server failure",),  # of 20; 16 are followed
    "circle": ("server failure", "no such data"),
    "pointers": NO_ANSWER,
    "promises": NO_ANSWER,
    "beyond": NO_ANSWER,
    "cut": NO_ANSWER,
    "garbage": NO_ANSWER,
}


@pytest.fixture
def wild():
    w = Wild()
    yield w
    w.stop()


def test_what_is_believed(impeld, server, wild, tmp_path):
    s = server(host="127.0.0.21")
    d = impeld(f'Resolv_Conf = "{resolv_conf(tmp_path, wild.port, 1)}"\n'
               f"Remote_SMTP_Port = {s.port}\n"
               "Retry_Interval = 600\nMX_Failures_Fallback_To_A = 1000\n")
    names = [*GOOD, *BAD, "v6only"]
    said = {n: d.ask("dig", n + ".test", "MX") for n in GOOD}
    with ThreadPoolExecutor(6) as pool:
        said.update(zip(BAD, pool.map(
            lambda n: d.ask("dig", n + ".test", "MX"), BAD)))
    for name in GOOD:
        assert f"{name}.test MX: ok" in said[name], said[name]
        assert "  10 mx.good.test\n" in said[name] and "evil" not in said[name]
    for name, words in BAD.items():
        assert any(f"MX: {w}" in said[name] for w in words), said[name]
        assert "evil" not in said[name]
    assert said["huge"].count("  20 h") == 255  # what is kept is bounded
    send(d.port, [f"to@{n}.test" for n in names])
    s.wait(len(GOOD))
    waiting = {n + ".test" for n in (*BAD, "v6only")}
    wait_for(lambda: {r[5] for r in d.records("T")} >= waiting, timeout=15)
    assert {m.recipients[0] for m in s.messages} == \
        {f"to@{n}.test" for n in GOOD}
    assert not d.records("P")
