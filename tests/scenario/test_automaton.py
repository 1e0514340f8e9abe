# SPDX-License-Identifier: Apache-2.0
"""Random walks through SMTP, each reply held against a small automaton that
knows nothing of the daemon; and at the end exactly what was acknowledged has
been delivered."""
import os
import random
import ssl
import subprocess

import pytest

from automaton import RCPT_MOST, SIZE_MOST, Walk
from certificates import Authority
from daemon import wait_for

SECRET = ("alice", "Tr0mbone-Zxqv")
CONF = """
Routes = ( "smtp://127.0.0.1?port=%d" )
Max_Outbound_Connections = 4
Relay_Domains = ( ok.test )
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Max_Recipients_Per_Message = %d
  Max_Message_Size = %d
  Max_Errors = 0
  Max_Commands = 0
%s}
"""


def told(data):
    """A message without what was put in front of it."""
    return data[data.index(b"From: a@from.test"):]


def walk(d, s, seeds, steps, context=None, secret=None):
    taken = []
    for seed in seeds:
        taken += Walk(d.port, seed, context, secret).run(steps)
    want = sorted((m.sender, tuple(sorted(m.rcpts)), m.data) for m in taken)
    wait_for(lambda: sum(len(m.recipients) for m in list(s.messages)) >=
             sum(len(m.rcpts) for m in taken), 60)
    d.wait_empty()
    got = {}
    for m in s.messages:
        key = (m.sender.encode(), told(m.data))
        got.setdefault(key, []).extend(r.encode() for r in m.recipients)
    assert sorted((k[0], tuple(sorted(v)), k[1]) for k, v in got.items()) == want
    return len(taken)


def begin(impeld, server, more=""):
    s = server(extensions=("PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME",
                           "DELIVERBY", "DSN"))
    return impeld(CONF % (s.port, RCPT_MOST, SIZE_MOST, more), listener=False), s


def test_walks(impeld, server):
    d, s = begin(impeld, server)
    assert walk(d, s, range(60), 60) > 100


def secured(impeld, server, folder):
    crt, key = Authority(folder).make("server.test")
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    d, s = begin(impeld, server, f'  TLS_Certificate = "{crt}"\n'
                                 f'  TLS_Key = "{key}"\n')
    return d, s, context


def test_walks_with_starttls(impeld, server, tmp_path):
    d, s, context = secured(impeld, server, tmp_path)
    assert walk(d, s, range(100, 130), 60, context) > 40


def with_users(impeld, server, folder):
    """A hash that takes little time: it is made some hundred times."""
    made = subprocess.run(["openssl", "passwd", "-5", "-salt", "salt",
                           SECRET[1]], capture_output=True, text=True,
                          timeout=30, check=True)
    users = folder / "users"
    users.write_text("alice:" + made.stdout)
    users.chmod(0o600)
    return begin(impeld, server, f"""
  Auth_Password_File = "{users}"
  Enable_Authentication = true
  Auth_Without_TLS = loopback
  Auth_Failure_Delay = 0
  Auth_Failure_Rate = 0
  Auth_Max_Failures = 0
""")


def test_walks_with_logins(impeld, server, tmp_path):
    d, s = with_users(impeld, server, tmp_path)
    assert walk(d, s, range(200, 240), 60, secret=SECRET) > 60
    for event in " login ", " login-failed ":
        d.wait_log(event, 11)


@pytest.mark.skipif(not os.environ.get("IMPEL_LONG"), reason="IMPEL_LONG=1")
def test_many_walks_with_logins(impeld, server, tmp_path):
    d, s = with_users(impeld, server, tmp_path)
    seeds = [random.SystemRandom().randrange(1 << 32) for _ in range(1000)]
    assert walk(d, s, seeds, 120, secret=SECRET) > 2000


@pytest.mark.skipif(not os.environ.get("IMPEL_LONG"), reason="IMPEL_LONG=1")
def test_many_walks(impeld, server):
    d, s = begin(impeld, server)
    seeds = [random.SystemRandom().randrange(1 << 32) for _ in range(1500)]
    assert walk(d, s, seeds, 120) > 3000


@pytest.mark.skipif(not os.environ.get("IMPEL_LONG"), reason="IMPEL_LONG=1")
def test_many_walks_with_starttls(impeld, server, tmp_path):
    d, s, context = secured(impeld, server, tmp_path)
    seeds = [random.SystemRandom().randrange(1 << 32) for _ in range(500)]
    assert walk(d, s, seeds, 120, context) > 1000
