# SPDX-License-Identifier: Apache-2.0
"""Notifications by Google's service: FCM HTTP v1 and the legacy protocol;
faults lose nothing and tell nothing twice."""
import itertools
import smtplib
import time

import pytest

from apple import HIDE
from certificates import Authority
from containers import container
from daemon import BUILD, MODULES, wait_for
from google import Gcm, Google, Tokens, cut
from peers import send

GCM = MODULES + ":" + str(BUILD / "modules/gcm/.libs")


def device(n):
    return f"dev{n:08d}:APA91b-" + "x" * 140


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def tokens(tmp_path, ca):
    t = Tokens(ca.context("oauth2.test"))
    t.account(tmp_path / "account.json")
    yield t
    t.stop()


@pytest.fixture
def google(ca, tokens):
    made = []

    def make(what=Google, **how):
        context = ca.context("push.test")
        made.append(what(context, tokens, **how) if what is Google
                    else what(context, **how))
        return made[-1]
    yield make
    for g in made:
        g.stop()


@pytest.fixture
def pushing(impeld, tmp_path, dns, ca):
    """A daemon whose domain push.test is served by that stand-in."""

    def domain(name, g, more="", key="account.json"):
        if key.endswith(".json"):
            key = f'GCM_Service_Account = "file:{tmp_path}/{key}"'
        return f"""
Domain "{name}" {{
  Delivery_Method = "gcm"
  Routes = ( "gcm://push.test?port={g.port}&type=a" )
  {key}
  Tls_Ca = "{ca.crt}"
  Retry_Interval = 1
  Max_Retry_Interval = 1
{more}
}}
"""

    def make(g, more="", globally="", key="account.json", **how):
        for name in ("push.test", "oauth2.test"):
            dns.add(name, "A", "127.0.0.1")
        return impeld(f"""
{domain("push.test", g, more, key)}
Host_Failure_Retry = 1
Https_Ca = "{ca.crt}"
Resolv_Conf = "{dns.conf(tmp_path)}"
Mcmt_Reception = "allow"
{globally}
""", modules=GCM, **how)
    make.domain = domain
    return make


def push(d, n=0, payload='{"text":"hi"}', fields=None, kind="gcm"):
    """To the address pN, for the device of that number."""
    headers, body = container(
        kind, {"X-Registration-ID": device(n), **(fields or {})}, payload)
    send(d.port, f"p{n}@push.test", headers=headers, body=body)


def push_many(d, numbers, domain="push.test"):
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as s:
        for n in numbers:
            headers, body = container("gcm", {"X-Registration-ID": device(n)},
                                      '{"text":"hi"}')
            s.sendmail("s@origin.test", [f"p{n}@{domain}"],
                       headers + "\r\n" + body)


def said(d, kind, n):
    """Records of that kind, of messages for pN."""
    rows = [x.split("@") for x in d.log("mainlog")]
    ids = {r[1] for r in rows if r[4] == "R" and r[5] == f"p{n}"}
    return ["@".join(r) for r in rows if r[4] == kind and r[1] in ids]


def once(g, numbers):
    """All of them have arrived, each of them once."""
    want = sorted(device(n) for n in numbers)
    wait_for(lambda: sorted(g.taken) == want, what=f"{len(want)} of them once"
             f" ({len(g.taken)} were taken)")


def test_messages(google, pushing, tokens):
    """What goes out, over two loops and several connections with one token."""
    g = google()
    d = pushing(g, "Max_Outbound_Connections = 4\n",
                globally='EventLoop "pool" { Concurrency = 2 }\n'
                'Delivery_Pool = "pool"\nDebug_Flags { NOTICE = ( ALL ) '
                'INFO = ( ALL ) }\n')
    push(d, 1, '{"s":"h\\u00e9","n":1.50,"o":{"x":[1]}}', {
        "X-Collapse-Key": "game 1", "X-Time-To-Live": "60",
        "X-Application-ID": "com.example", "X-Dry-Run": "yes",
        "X-Delay-While-Idle": "true", "X-GCM-Priority": "high"})
    g.wait()
    r = g.asked[0]
    assert r.headers[":authority"] == f"push.test:{g.port}"
    assert r.json == {"message": {
        "token": device(1),
        "data": {"s": "h\u00e9", "n": "1.50", "o": '{"x":[1]}'},
        "android": {"collapse_key": "game 1", "priority": "high",
                    "ttl": "60s", "restricted_package_name": "com.example"}},
        "validate_only": True}
    d.wait_records("D")
    push_many(d, range(2, 42))
    push(d, 42, '{"notification":{"title":"t"},"android":{"ttl":"3s"}}',
         kind="fcm")
    push(d, 43, "eyJhIjoiYiJ9", {"Content-Transfer-Encoding": "base64",
                                 "X-Registration-ID": "/topics/news"})
    g.wait(43)
    assert len(tokens.asked) == 1 == len(g.tokens) and not tokens.faults
    by = {r.token: r.message for r in g.asked}
    assert by[device(42)] == {
        "token": device(42), "notification": {"title": "t"},
        "android": {"ttl": "3s"}}
    assert by[None] == {"topic": "news", "data": {"a": "b"}}
    assert not g.faults and not g.refused
    # a device that is gone, in all three places
    g.gone[device(50)] = True
    push(d, 50)
    wait_for(lambda: said(d, "P", 50))
    assert "@404 5.1.1 UNREGISTERED" in said(d, "P", 50)[0]
    row = d.wait_log("gcm-unregistered")
    assert len(row) == 1 and f" token={device(50)} " in row[0]
    assert " rcpt=p50@push.test " in row[0]
    d.wait_log("UNREGISTERED", name="bouncelog")
    # what is not for Google to refuse
    asked = len(g.asked)
    bad = {60: ({}, "[1]", "no JSON object"),
           61: ({}, '{"a":"' + "x" * 4096 + '"}', "4096 are the most"),
           62: ({"X-Registration-ID": "a b"}, "{}", "neither a registration"),
           63: ({"X-Time-To-Live": "soon"}, "{}", "X-Time-To-Live")}
    for n, (fields, payload, _) in bad.items():
        push(d, n, payload, fields)
    for n, (_, _, words) in bad.items():
        wait_for(lambda: said(d, "P", n))
        assert words in said(d, "P", n)[0]
    send(d.port, "p64@push.test", body="text\r\n")
    wait_for(lambda: said(d, "P", 64))
    assert "push_convert is off" in said(d, "P", 64)[0]
    d.append(pushing.domain("mail.test", g, "  Push_Convert = yes\n"))
    d.ask("config", "reload")
    send(d.port, "p65@mail.test", body="te\u00ebxt\r\n", headers="Content-Type: "
         f"text/plain; charset=utf-8\r\nX-Registration-ID: {device(65)}\r\n")
    g.wait(44)
    assert g.asked[-1].message["notification"] == {
        "title": "test", "body": "te\u00ebxt"}
    send(d.port, "p66@mail.test", body="text\r\n")
    wait_for(lambda: said(d, "P", 66))
    assert "names a device" in said(d, "P", 66)[0]
    assert len(g.asked) == asked + 1
    d.wait_empty()


QUOTA = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
    {"subject": "device:x", "description": "Device message rate exceeded"}]}
DEEP = b'{"error":' + b'{"a":' * 700 + b"1"


def test_answers(google, pushing):
    """Verdicts of Google's codes, and of what is none: JSON bombs, a huge
    answer, other pages.  What is to be tried again is, and arrives once."""
    rows = [(400, "INVALID_ARGUMENT", "P"), (403, "SENDER_ID_MISMATCH", "P"),
            (413, None, "P"), (500, "INTERNAL", "T"),
            (429, "QUOTA_EXCEEDED", "T"), (401, "THIRD_PARTY_AUTH_ERROR", "T"),
            (429, b"[" * 60000, "T"), (503, DEEP, "T"),
            (429, b"x" * 200000, "T"), (500, b'{"error":"a\\u0007"}', "T"),
            (502, b"\xff<html>", "T"), (200, b"{}", "T"),
            (200, b'{"name":["x"]}', "T"), (500, b"", "T")]
    told = set()

    def script(r):
        n = int(r.token[3:11])
        if n in told or n >= len(rows):
            return None
        told.add(n)
        status, what, _ = rows[n]
        if isinstance(what, bytes):
            r.connection.answer(r.stream, status, what)
        else:
            r.answer(status, what, details=[QUOTA] if status == 429 else ())
        return True
    g = google(script=script)
    d = pushing(g, "Max_Outbound_Connections = 1\n")
    push_many(d, range(len(rows)))
    wait_for(lambda: len(told) == len(rows))
    again = [n for n, row in enumerate(rows) if row[2] == "T"]
    once(g, again)
    d.wait_empty()
    for n, (status, _, kind) in enumerate(rows):
        wait_for(lambda: said(d, kind, n), what=f"{kind} for {rows[n]}")
        assert len(said(d, kind, n)) == 1, rows[n]
        if kind == "P":
            assert f"@{status} " in said(d, kind, n)[0]
    assert "\x07" not in "\n".join(d.log("mainlog"))


def test_streams_that_end(google, pushing):
    """GOAWAY in flight, resets, half an answer, streams lowered to one, and a
    server that stops reading; on one daemon, one after the other."""
    g = google()
    d = pushing(g, "Max_Outbound_Connections = 1\n")
    held, first = [], set()

    def goes_away(r):
        if len(g.connections) > 1:
            return None
        held.append(r)
        if len(held) == 10:
            fourth = held[3]
            fourth.connection.goaway(fourth.stream)
            for one in held[:4]:
                g.taken.append(one.token)
                one.answer()
        return HIDE
    g.script = goes_away
    push_many(d, range(10))
    once(g, range(10))
    assert len(g.connections) == 2
    assert not [n for n in range(10) if said(d, "T", n)]
    # of the connections to come
    d.append('Domain "push.test" { Delivery_Response_Timeout = 400 }\n')
    d.ask("config", "reload")

    def breaks(r):
        n = int(r.token[3:11])
        if n in first:
            return None
        first.add(n)
        return r.break_off(n - 10)
    g.script = breaks
    push_many(d, [10, 11])
    once(g, range(12))
    push_many(d, [12])
    once(g, range(13))
    d.wait_empty()
    assert not said(d, "T", 10)
    assert "reset" in said(d, "T", 11)[0]
    assert "without an answer" in said(d, "T", 12)[0]

    g.script = None
    g.connections[-1].settings(1)
    g.connections[-1].most_open = 0
    push_many(d, range(13, 33))
    once(g, range(33))
    assert g.connections[-1].most_open == 1 and not g.faults

    def stops(r):
        if r.connection is not stuck:
            return None
        stuck.reads = False  # PING too is not answered
        return HIDE
    d.append('Domain "push.test" { Max_Outbound_Connections = 2 }\n')
    d.ask("config", "reload")
    stuck, g.script = g.connections[-1], stops
    stuck.settings(100)
    push_many(d, range(33, 36))
    once(g, range(36))
    d.wait_empty()
    wait_for(lambda: [n for n in range(33, 36) if said(d, "T", n)])


def test_asked_to_come_back(google, pushing):
    """503 with Retry-After holds the domain for so long, a quota for a
    minute."""
    tried = []

    def script(r):
        tried.append(time.monotonic())
        if len(tried) == 1:
            r.answer(503, "UNAVAILABLE", [("retry-after", "2")])
            return True
        return None
    g = google(script=script)
    d = pushing(g, "Max_Retry_Interval = 60\n"
                "Retry_Interval = 1\n")
    push(d)
    once(g, [0])
    assert tried[1] - tried[0] >= 1.9
    g.script = lambda r: r.answer(429, "QUOTA_EXCEEDED") or True
    push(d, 1)
    wait_for(lambda: said(d, "T", 1))
    push(d, 2)
    wait_for(lambda: "QUOTA_EXCEEDED" in
             d.ask("explain", "domain", "push.test"))
    assert len(tried) == 2 and d.queued() == 2
    assert "impel_module_gcm_quota 1\n" in d.ask("metrics")


def test_access_tokens(google, pushing, tokens):
    """Many wait for one; a revoked one is replaced, an expired one before it
    expires; without one the domain waits, and says why."""
    go = []

    def slow(handler):
        wait_for(lambda: go)
        return False
    tokens.script = slow
    g = google(streams=5)
    d = pushing(g, "Max_Outbound_Connections = 4\n",
                globally='EventLoop "pool" { Concurrency = 2 }\n'
                'Delivery_Pool = "pool"\n')
    push_many(d, range(20))
    wait_for(lambda: len(g.connections) >= 2 and tokens.asked)
    assert not g.asked
    go.append(True)
    once(g, range(20))
    assert len(tokens.asked) == 1
    tokens.revoke()
    tokens.life = 2
    push_many(d, range(20, 40))
    once(g, range(40))
    d.wait_empty()
    had = len(tokens.asked)  # more than two, if all of that took so long
    assert had >= 2 and len(g.tokens) >= 2
    assert not [n for n in range(40) if said(d, "T", n)]
    assert "impel_module_gcm_tokens_refused 1\n" in d.ask("metrics")
    # of two seconds the last quarter is for renewing
    more = itertools.count(100)
    wait_for(lambda: push(d, next(more)) or len(tokens.asked) > had)
    d.wait_empty()
    # and now there is none
    tokens.script = lambda h: tokens.answer(
        h, 400, b'{"error":"invalid_grant","error_description":"gone"}') or True
    tokens.revoke()
    push(d, 50)
    wait_for(lambda: "invalid_grant: gone" in
             d.ask("explain", "domain", "push.test"))
    assert d.queued() == 1 and not said(d, "P", 50)
    tokens.script, tokens.life = None, 3599
    wait_for(lambda: device(50) in g.taken)
    d.wait_empty()
    assert len(set(g.taken)) == len(g.taken)


def test_who_is_spoken_to(google, pushing, ca, tmp_path, tokens):
    """TLS whatever `tls` says; the name counts, here and at the token endpoint,
    unless it is written out that it does not; without ALPN nobody speaks."""
    g = google()
    g.context.load_cert_chain(*ca.make("other.test"))
    d = pushing(g)
    push(d)
    wait_for(lambda: "certificate" in
             d.ask("explain", "domain", "push.test").lower())
    assert not g.asked
    d.append('Domain "push.test" { Tls = "no" Tls_Verify = "no" }\n')
    d.ask("config", "reload")
    once(g, [0])
    h = google(alpn=())
    stranger = Tokens(ca.context("stranger.test"))
    stranger.uri = f"https://oauth2.test:{stranger.port}/token"
    stranger.account(tmp_path / "stranger.json")
    d.append(pushing.domain("other.test", g, "  Tls_Verify = no\n",
                            "stranger.json") +
             pushing.domain("alpn.test", h) + pushing.domain(
                 "nobody.test", g, key="") + pushing.domain(
                 "named.test", g, "  GCM_Project_ID = proj", key=""))
    d.ask("config", "reload")
    headers, body = container("gcm", {"X-Registration-ID": device(2)}, "{}")
    for to, words in (("other.test", "no access token"), ("alpn.test", "ALPN"),
                      ("nobody.test", "gcm_service_account is not set"),
                      ("named.test", "gcm_service_account is not set")):
        send(d.port, "a@" + to, headers=headers, body=body)
        wait_for(lambda: words in d.ask("explain", "domain", to))
    assert not stranger.asked and not h.asked and len(g.taken) == 1
    stranger.stop()


def test_an_answer_too_many(google, pushing):
    """It is not taken for that to the next request."""
    def twice(handler, asked):
        if asked["registration_ids"] != ["a" * 30]:
            return None
        body = g.result(message_id="0:1")[2]
        handler.wfile.write((b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                             % len(body) + body) * 2)
        return True
    g = google(Gcm, path="/fcm/send", script=twice)
    g.gone.add("b" * 30)
    d = pushing(g, "Push_Convert = yes\n",
                key='GCM_Authorization_Token_ID = "AIza-server-key"')
    send(d.port, [x * 30 + "@push.test" for x in "ab"])
    d.wait_log("gcm-unregistered")
    d.wait_empty()
    assert len(g.asked) == len(g.connections) == 2


def test_the_legacy_protocol(google, pushing):
    """One after the other on a connection that is kept; answers, canonical ids
    and dead devices; faults."""
    g = google(Gcm, path="/fcm/send")
    g.gone.add(device(1))
    g.moved[device(2)] = device(999)
    key = 'GCM_Authorization_Token_ID = "AIza-server-key"'
    d = pushing(g, "Max_Outbound_Connections = 1\n"
                "Delivery_Response_Timeout = 500\n",
                key=key, globally='Debug_Flags { NOTICE = ( ALL ) '
                'INFO = ( ALL ) }\n' + pushing.domain(
                    "many.test", g, "Max_Outbound_Connections = 10\n"
                    "Delivery_Response_Timeout = 500\n", key))
    push(d, 0, '{ "n": 1.50 }', {"X-Time-To-Live": "0", "X-Dry-Run": "true",
                                 "X-Delay-While-Idle": "true"})
    push_many(d, range(1, 10))
    once(g, [0, *range(2, 10)])
    d.wait_empty()
    assert len(g.connections) == 1
    headers, body = g.asked[0]
    assert headers["Host"] == f"push.test:{g.port}"
    assert body == {"registration_ids": [device(0)], "data": {"n": 1.5},
                    "time_to_live": 0, "dry_run": True,
                    "delay_while_idle": True}
    assert "NotRegistered" in wait_for(lambda: said(d, "P", 1))[0]
    d.wait_log("gcm-unregistered")
    d.wait_log(f"canonical={device(999)}")
    assert not said(d, "T", 2)

    first = set()

    def faults(handler, asked):
        n = int(asked["registration_ids"][0][3:11])
        if n in first or n < 20:
            return None
        first.add(n)
        if n == 20:
            cut(handler)
        elif n == 21:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n"
                                b"\r\n{\"multi")
            cut(handler)
        elif n == 22:
            handler.rfile.read(1)  # nothing, until the client goes away
            cut(handler)
        elif n == 23:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999"
                                b"\r\n\r\n" + b"x" * 100000)
            cut(handler)
        elif n == 24:
            handler.wfile.write(b"SSH-2.0-x\r\n")
            cut(handler)
        return {25: (503, {"Retry-After": "1"}, b""), 26: (200, {}, b"[[["),
                27: (200, {}, b'{"results":[{"error":"Unavailable"}]}'),
                28: (404, {}, b"<html>"),
                29: (400, {}, b"JSON_PARSING_ERROR")}.get(n, True)
    g.script = faults
    push_many(d, range(20, 30), "many.test")
    once(g, [0, *range(2, 10), *range(20, 29)])
    d.wait_empty()
    wait_for(lambda: all(said(d, "T", n) for n in range(20, 29)))
    assert "JSON_PARSING_ERROR" in wait_for(lambda: said(d, "P", 29))[0]
    # a key that is no more holds the domain, until there is another
    g.script, g.key = None, "AIza-other"
    push(d, 40)
    wait_for(lambda: "Unauthorized" in
             d.ask("explain", "domain", "push.test"))
    d.append('Domain "push.test" { GCM_Authorization_Token_ID = "AIza-other" '
             '}\n')
    d.ask("config", "reload")
    wait_for(lambda: device(40) in g.taken)
    d.wait_empty()
    assert len(set(g.taken)) == len(g.taken)


def test_options_are_checked(impeld, tmp_path):
    account = tmp_path / "account.json"
    account.write_text('{"type":"user"}')
    for more, words in [
            (f'GCM_Service_Account = "file:{account}"', "service_account"),
            ('GCM_Service_Account = "nonsense"', "no JSON object"),
            ('GCM_Project_ID = "a/b"', "gcm_project_id"),
            ('GCM_TTL = 3000000', "gcm_ttl"),
            ('GCM_Application_ID = "a b"', "gcm_application_id")]:
        d = impeld(f"""
Domain "push.test" {{
  Delivery_Method = "gcm"
  Routes = ( "gcm://127.0.0.1" )
  {more}
}}
""", modules=GCM, start=False)
        checked = d.check()
        text = (checked.stdout + checked.stderr).lower()
        assert checked.returncode and words.lower() in text
