# SPDX-License-Identifier: Apache-2.0
"""Notifications to devices of Apple: the HTTP/2 provider API and the binary
protocol; faults lose nothing and tell nothing twice."""
import collections
import email.utils
import shutil
import smtplib
import socket
import ssl
import time

import pytest

from apple import HIDE, Apple, Old, new_key
from certificates import Authority
from containers import container
from daemon import BUILD, MODULES, Impeld, free_port, wait_for
from dnsserver import Server as Names
from peers import send

APN = MODULES + ":" + str(BUILD / "modules/apn/.libs")
DEVICE = "0123456789abcdef" * 4
PARTED = ("passthru", "reject")  # mcmt_reception of two more listeners


def device(n):
    return f"{n:064x}"


class Shop:
    """One daemon, certificates and names for all tests of this file."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        self.ca = Authority(folder)
        self.public = new_key(folder / "key.p8")
        self.dns = Names()
        self.dns.add("push.test", "A", "127.0.0.1")
        self.ports = {how: free_port() for how in PARTED}
        more = "".join(f"""
ESMTP_Listener {{
  Listen "127.0.0.1:{port}" {{
    Mcmt_Reception = "{how}"
  }}
}}""" for how, port in self.ports.items())
        self.d = Impeld(folder / "impel", f"""
Host_Failure_Retry = 1
Resolv_Conf = "{self.dns.conf(folder)}"
Mcmt_Reception = "allow"
Tls_Ca = "{self.ca.crt}"
{more}
""", modules=APN)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    s = Shop(tmp_path_factory.mktemp("apn"))
    yield s
    s.d.finish()
    s.dns.stop()
    shutil.rmtree(s.d.dir / "spool", ignore_errors=True)


class Domain:
    """What a test has of the daemon: a domain, served by that stand-in."""

    def __init__(self, shop, a, more, token):
        shop.count += 1
        self.shop, self.d = shop, shop.d
        self.port, self.name = shop.d.port, f"t{shop.count:02}.test"
        key = f"""
  APN_Auth_Key = "file:{shop.folder}/key.p8"
  APN_Key_ID = "KEY1234567"
  APN_Team_ID = "TEAM123456"
""" if token else ""
        self.set(f"""
  Delivery_Method = "apn"
  Routes = ( "apn://push.test?port={a.port}&type=a" )
{key}  APN_Topic = "com.example.app"
  Retry_Interval = 1
  Max_Retry_Interval = 1
{more}
""")

    def set(self, more):
        self.d.append(f'Domain "{self.name}" {{ {more} }}\n')
        self.d.ask("config", "reload")

    def explain(self):
        return self.d.ask("explain", "domain", self.name)

    def log(self, name="mainlog"):
        return [x for x in self.d.log(name) if self.name in x]

    def soon(self, condition, what="what was delayed"):
        """Nobody waits for the times of attempts."""
        wait_for(lambda: condition() or self.d.ask(
            "flush", "domain", self.name) and condition(), what=what)

    def taken(self, a, n):
        self.soon(lambda: len(a.taken) >= n, f"{n} notifications")

    def queued(self):
        return self.d.queued()

    def wait_empty(self):
        self.d.wait_empty()


@pytest.fixture
def apple(shop):
    made = []

    def make(what=Apple, name="push.test", ca=None, days=30, **how):
        if what is Apple:
            how.setdefault("key", shop.public)
        made.append(what((ca or shop.ca).context(name, days=days), **how))
        return made[-1]
    yield make
    for a in made:
        a.stop()


@pytest.fixture
def pushing(shop):
    made = []

    def make(a, more="", token=True):
        made.append(Domain(shop, a, more, token))
        return made[-1]
    yield make
    for d in made:
        shop.d.ask("fail", "domain", "quiet", d.name)


def push(d, token=DEVICE, payload='{"aps":{"alert":"hi"}}', fields=None,
         port=None):
    headers, body = container(
        "apn", {"X-Device-Token": token, **(fields or {})}, payload)
    send(port or d.port, f"a@{d.name}", headers=headers, body=body)


def said(d, kind, token=None):
    """Records of that kind, of the messages for that device."""
    rows = [x.split("@") for x in d.log()]
    ids = {r[1] for r in rows if r[4] == "R" and r[5] == token}
    return ["@".join(r) for r in rows
            if r[4] == kind and (token is None or r[1] in ids)]


def push_many(d, n, first=0, payload='{"aps":{"alert":"hi"}}'):
    """One message each, to devices that the addresses name."""
    headers, body = container("apn", {}, payload)
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as s:
        for i in range(first, first + n):
            s.sendmail("s@origin.test", [f"{device(i)}@{d.name}"],
                       headers + "\r\n" + body)


def all_once(d, a, n, late=False):
    """Devices 0 to n - 1 got theirs, each was reported once, and none got two;
    late: but those whose answer did not come in time."""
    d.wait_empty()
    wait_for(lambda: len(said(d, "D")) >= n, what=f"{n} are done")
    rows = [x.split("@") for x in d.log()]
    assert not [r for r in rows if r[4] == "P"]
    to = {r[1]: r[5] for r in rows if r[4] == "R"}
    done = [to[r[1]] for r in rows if r[4] == "D"]
    assert sorted(done) == [device(i) for i in range(n)]
    assert set(a.taken) == set(done)
    unknown = [to[r[1]] for r in rows
               if late and r[4] == "T" and "no answer in time" in r[-1]]
    again = collections.Counter(a.taken) - collections.Counter(
        done + unknown)
    assert not again


def test_a_notification(apple, pushing):
    a = apple()
    d = pushing(a)
    payload = '{"aps": {"alert": "h\\u00e9", "badge": 3}, "own": [1.50]}'
    before = time.time()
    push(d, payload=payload, token=DEVICE.upper(), fields={
        "X-APN-Collapse-ID": "game-1", "X-APN-Priority": "5",
        "X-APN-ID": "EC1BF194-B3B2-424A-89A9-5A918A6E6B5D",
        "Return-Path": "<x@origin.test>"})
    r = a.wait()[0]
    h = r.headers
    assert h[":method"] == "POST" and h[":scheme"] == "https"
    assert h[":path"] == "/3/device/" + DEVICE
    assert h[":authority"] == f"push.test:{a.port}"
    assert h["apns-topic"] == "com.example.app"
    assert h["apns-push-type"] == "alert" and h["apns-priority"] == "5"
    assert h["apns-collapse-id"] == "game-1"
    assert h["apns-id"] == "EC1BF194-B3B2-424A-89A9-5A918A6E6B5D"
    assert -5 < int(h["apns-expiration"]) - before - 604800 < 30
    assert r.body == payload.encode()  # as it was written
    wait_for(lambda: said(d, "D"))
    # the same token serves them all
    for i in range(3):
        push(d, device(i), '{"aps":{"content-available":1}}')
    a.wait(4)
    assert len(a.tokens) == 1 and not a.faults and not a.refused
    assert a.asked[1].headers["apns-push-type"] == "background"
    assert a.asked[1].headers["apns-priority"] == "5"
    assert len(a.connections) == 1
    d.wait_empty()


def test_options_and_base64(apple, pushing):
    a = apple(topics=("com.example.app.voip",))
    d = pushing(a, 'APN_Expiry = 0\nAPN_Push_Type = "voip"\n'
                   'APN_Priority = 10\nAPN_Collapse_ID = "c"\n')
    push(d, fields={"X-APN-Topic": "com.example.app.voip",
                    "Content-Transfer-Encoding": "base64"},
         payload="eyJhcHMiOnt9LA0KIngiOiLDqSJ9")
    h = a.wait()[0].headers
    assert (h["apns-push-type"], h["apns-priority"], h["apns-expiration"],
            h["apns-collapse-id"]) == ("voip", "10", "0", "c")
    assert a.asked[0].json == {"aps": {}, "x": "\u00e9"}


def test_what_cannot_be_sent(apple, pushing):
    a = apple()
    d = pushing(a)
    bad = [
        dict(payload="[1]"), dict(payload='{"a":'), dict(token="12zz"),
        dict(payload='{"aps":"' + "x" * 4096 + '"}'),
        dict(fields={"X-APN-Priority": "7"}), dict(fields={"X-APN-ID": "1"}),
        dict(fields={"X-APN-Topic": "a b"}),
        dict(fields={"X-APN-Expiry": "soon"}),
        dict(fields={"X-APN-Collapse-ID": "c" * 65})]
    for one in bad:
        push(d, **one)
    wait_for(lambda: len(said(d, "P")) == len(bad))
    text = "\n".join(d.log())
    for words in ("no JSON object", "no device token", "are the most",
                  "X-APN-Priority", "no UUID", "no topic", "X-APN-Expiry",
                  "Collapse-ID"):
        assert words in text
    assert not a.asked
    d.wait_empty()


def test_a_device_that_is_gone(apple, pushing):
    a = apple()
    a.gone[DEVICE] = 1700000000000
    d = pushing(a)
    push(d)
    wait_for(lambda: [x for x in d.log("bouncelog") if "Unregistered" in x])
    row = wait_for(lambda: [x for x in d.log("paniclog")
                            if "apn-unregistered" in x])
    assert len(row) == 1
    assert f" token={DEVICE} " in row[0] and " since=1700000000 " in row[0]
    assert f" rcpt=a@{d.name} " in row[0]
    wait_for(lambda: said(d, "P"))
    assert len(said(d, "P")) == 1 and "Unregistered" in said(d, "P")[0]
    assert len(a.asked) == 1


def test_reasons(apple, pushing):
    rows = [(400, "BadDeviceToken", "P"), (400, "DeviceTokenNotForTopic", "P"),
            (400, "TopicDisallowed", "P"), (403, "Forbidden", "P"),
            (410, "ExpiredToken", "P"), (413, "PayloadTooLarge", "P"),
            (400, "SomethingNew", "P"), (429, "TooManyRequests", "T"),
            (500, "InternalServerError", "T"), (503, "Shutdown", "T"),
            (502, None, "T"), (500, "SomethingNew", "T")]
    told = {}

    def script(r):
        n = int(r.token, 16)
        if n < len(rows) and n not in told:
            told[n] = True
            r.answer(rows[n][0], rows[n][1])
            return True
        return None
    a = apple(script=script)
    d = pushing(a)
    push_many(d, len(rows))
    wait_for(lambda: len(told) == len(rows))
    for n, (status, reason, kind) in enumerate(rows):
        wait_for(lambda: said(d, kind, device(n)), what=f"{kind} for {reason}")
        words = f"@{status} " if kind == "P" or reason else "internal"
        assert words in said(d, kind, device(n))[0]
    late = {device(n) for n, row in enumerate(rows) if row[2] == "T"}
    d.soon(lambda: late == set(a.taken))
    d.wait_empty()
    assert len(a.taken) == len(set(a.taken))
    for n in range(len(rows)):  # one end of each
        wait_for(lambda: said(d, "D", device(n)) + said(d, "P", device(n)))
        assert len(said(d, "D", device(n)) + said(d, "P", device(n))) == 1


def test_the_provider_token_expires(apple, pushing, shop, tmp_path):
    """A newer one is made at once; but not for ever, if Apple takes none."""
    public = new_key(tmp_path / "key.p8")  # no token is older than this test
    first = set()

    def script(r):
        said = r.headers["authorization"]
        first.add(said)
        if len(first) == 1:
            r.answer(403, "ExpiredProviderToken")
            return True
        return None
    a = apple(script=script, key=public)
    d = pushing(a, f"""Max_Outbound_Connections = 1
  APN_Auth_Key = "file:{tmp_path}/key.p8"
""")
    push_many(d, 20)
    a.wait(20)
    assert len(first) == 2 and len(a.connections) == 1
    assert not said(d, "T")
    all_once(d, a, 20)

    def never(r):
        r.answer(403, "ExpiredProviderToken")
        return True
    a.script, asked = never, len(a.asked)
    push_many(d, 1, first=20)
    wait_for(lambda: said(d, "T", device(20)))
    assert len(a.asked) - asked <= 2
    assert "ExpiredProviderToken" in d.explain()
    a.script = None
    d.taken(a, 21)
    all_once(d, a, 21)


def test_a_key_is_revoked(apple, pushing, tmp_path):
    """What was sent is sent; the rest waits for another key."""
    a = apple(key=new_key(tmp_path / "key.p8"))
    d = pushing(a, f'APN_Auth_Key = "file:{tmp_path}/key.p8"\n')
    push_many(d, 2)
    a.wait(2)
    a.key = new_key(tmp_path / "new.p8")
    push_many(d, 3, first=2)
    wait_for(lambda: "InvalidProviderToken" in d.explain())
    assert d.queued() == 3 and len(a.taken) == 2
    d.set(f'APN_Auth_Key = "file:{tmp_path}/new.p8"')
    d.taken(a, 5)
    all_once(d, a, 5)


def test_goaway_in_flight(apple, pushing):
    """What Apple has begun is answered, the rest goes elsewhere, each once."""
    held = []

    def script(r):
        if len(a.connections) > 1:
            return None
        held.append(r)
        if len(held) == 10:
            fourth = held[3]
            fourth.connection.goaway(fourth.stream, b'{"reason":"Shutdown"}')
            for one in held[:4]:
                a.taken.append(one.token)
                one.answer()
        return HIDE
    a = apple(script=script)
    d = pushing(a, "Max_Outbound_Connections = 1")
    push_many(d, 10)
    a.wait(10)
    all_once(d, a, 10)
    assert not said(d, "T")
    assert len(a.connections) == 2


def test_streams(apple, pushing):
    """As many at once as the settings say, and one when they say one."""
    a = apple(streams=1)
    d = pushing(a, "Max_Outbound_Connections = 1")
    push_many(d, 20)
    a.wait(20)
    c = a.connections[0]
    assert c.most_open == 1
    held = []

    def script(r):
        held.append(r)
        return HIDE
    a.script = script
    c.settings(50)
    push_many(d, 60, first=20)
    wait_for(lambda: len(held) == 50)
    time.sleep(0.1)
    assert len(held) == 50
    c.settings(1)  # 50 are open, and 10 wait
    a.script = None
    for r in held[:49]:
        a.taken.append(r.token)
        r.answer()
    time.sleep(0.1)
    assert len(a.asked) == 70  # the 50th is open still
    c.most_open = 1
    a.taken.append(held[49].token)
    held[49].answer()
    a.wait(80)
    push_many(d, 10, first=80)
    a.wait(90)
    all_once(d, a, 90)
    assert c.most_open == 1
    assert len(a.connections) == 1 and not a.faults


def test_more_devices_than_streams(apple, pushing):
    """Messages for many devices each: what has no stream waits here."""
    a = apple(streams=10)
    d = pushing(a, "Max_Outbound_Connections = 1")
    headers, body = container("apn", {}, '{"aps":{"alert":"hi"}}')
    for k in range(3):
        send(d.port, [f"{device(100 * k + i)}@{d.name}" for i in range(100)],
             headers=headers, body=body)
    a.wait(300)
    d.wait_empty()
    assert len(set(a.taken)) == 300 == len(a.taken)
    assert a.connections[0].most_open == 10 and len(a.connections) == 1


def test_resets(apple, pushing):
    """A refused stream costs nothing; of one that was reset nobody knows."""
    first = set()

    def script(r):
        n = int(r.token, 16)
        if n in first or n > 2:
            return None
        first.add(n)
        return r.break_off(n)
    a = apple(script=script)
    d = pushing(a)
    push_many(d, 2)
    d.taken(a, 2)
    push_many(d, 1, first=2)
    d.taken(a, 3)
    all_once(d, a, 3)
    assert not said(d, "T", device(0))
    assert "reset" in said(d, "T", device(1))[0]
    assert "without an answer" in said(d, "T", device(2))[0]


def test_half_an_answer(apple, pushing):
    """Its fields only, and the server falls silent, or resets."""
    first = set()

    def script(r):
        n = int(r.token, 16)
        if n in first:
            return None
        first.add(n)
        r.connection.answer(r.stream, 200, b'{"half', end=False)
        if n == 1:
            r.connection.reset(r.stream, 8)
        return True
    a = apple(script=script)
    d = pushing(a, "Delivery_Response_Timeout = 400\n")
    push_many(d, 2)
    wait_for(lambda: len(said(d, "T")) == 2)
    d.taken(a, 2)
    all_once(d, a, 2, late=True)
    assert "no answer in time" in said(d, "T", device(0))[0]
    assert "reset" in said(d, "T", device(1))[0]
    assert a.resets == 1  # ours, of the one that was not waited for


def test_retry_after(apple, pushing):
    """A service as a whole is left alone so long; of one device only its
    message waits; nothing longer than max_retry_interval."""
    def after(status, value):
        def script(r):
            if int(r.token, 16) or len(a.asked) > 1:
                return None
            r.answer(status, "Whatever", headers=[("retry-after", value())])
            return True
        a = apple(script=script)
        return a

    def date():
        return email.utils.formatdate(time.time() + 3, usegmt=True)
    # (stand-in, max_retry_interval, what is waited at least)
    rows = [(after(429, lambda: "2"), 60, 1.9),
            (after(503, lambda: "2"), 60, 1.9), (after(503, date), 60, 1.9),
            (after(503, lambda: "86400"), 1, 0.9),
            (after(429, lambda: "9" * 20), 1, 0.9)]
    domains = [pushing(a, f"Max_Retry_Interval = {most}\n")
               for a, most, _ in rows]
    for d in domains:
        push_many(d, 1)
    for d in domains:
        wait_for(lambda: said(d, "T"))
        push_many(d, 1, first=1)
    for n, ((a, _, least), d) in enumerate(zip(rows, domains)):
        a.wait(2)
        waited = {r.token: r.at - a.asked[0].at for r in a.asked}
        assert least <= waited[device(0)] < 15, n
        if n == 0:
            assert a.taken[0] == device(1)
        elif n < 4:
            assert waited[device(1)] >= least, n
        all_once(d, a, 2)


@pytest.mark.parametrize("how", ["silent", "stops"])
def test_no_answers(apple, pushing, how):
    """Another connection is made, and all arrives."""
    def script(r):
        c = r.connection
        if c is not a.connections[0]:
            return None
        if how == "stops":
            c.reads = False  # PING too is not answered
        return HIDE
    a = apple(script=script)
    d = pushing(a, "Delivery_Response_Timeout = 400\n")
    push_many(d, 3)
    if how == "silent":  # but PING is answered: the connection stays
        wait_for(lambda: a.pings)
        a.script = None
    d.taken(a, 3)
    all_once(d, a, 3, late=True)
    late = said(d, "T")
    assert late and all("no answer" in x or "connection" in x for x in late)
    assert how == "silent" or len(a.connections) > 1


def test_a_server_that_stops_reading(apple, pushing):
    """With more on the way than sockets hold."""
    def script(r):
        if r.connection is a.connections[0]:
            r.connection.reads = False
            return HIDE
        return None
    a = apple(script=script, streams=1000, window=1 << 24)
    a.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    d = pushing(a, "Delivery_Response_Timeout = 1200\n"
                   "Max_Outbound_Connections = 2\n")
    push_many(d, 1)
    wait_for(lambda: a.asked)
    a.streams = 50
    headers, body = container(
        "apn", {}, '{"aps":{"alert":"%s"}}' % ("x" * 4000))
    for k in range(1, 900, 100):
        send(d.port, [f"{device(k + i)}@{d.name}" for i in range(100)],
             headers=headers, body=body)
    d.taken(a, 901)
    all_once(d, a, 901, late=True)
    assert said(d, "T")


def test_answers_that_are_none(apple, pushing):
    bombs = [b"[" * 60000, b'{"reason":' + b'{"a":' * 700 + b"1", b"x" * 200000,
             b'{"reason":"a\\nb\\u0007"}', b"\xff\xfe", b'{"reason":5}',
             [("x", "y" * 4000)] * 10, [(f"x{i}", "y") for i in range(100)]]
    done = set()

    def script(r):
        n = int(r.token, 16)
        if n in done:
            return None
        done.add(n)
        if isinstance(bombs[n], list):
            r.answer(429, "TooManyRequests", headers=bombs[n])
        else:
            r.connection.answer(r.stream, 429, bombs[n])
        return True
    a = apple(script=script)
    d = pushing(a, "Max_Outbound_Connections = 1")
    push_many(d, len(bombs))
    wait_for(lambda: len(said(d, "T")) == len(bombs))
    d.taken(a, len(bombs))
    all_once(d, a, len(bombs))
    assert len(a.connections) == 1
    assert "\x07" not in "\n".join(d.log())
    # refused by what they are, without waiting for delivery_response_timeout
    assert len(said(d, "T")) == len(bombs)
    assert not [x for x in said(d, "T") if "in time" in x]


def test_who_is_spoken_to(apple, pushing, tmp_path):
    """TLS whatever `tls` says; the name counts unless it is written out that it
    does not; without ALPN nobody speaks."""
    bad = [apple(name="other.test"), apple(ca=Authority(tmp_path, "other")),
           apple(days=-1), apple(alpn=())]
    waiting = [pushing(a) for a in bad]
    for d in waiting:
        push(d)
    for d, word in zip(waiting, ("not for push.test", "issuer", "expired", "ALPN")):
        wait_for(lambda: word in d.explain(), what=word)
    assert not any(a.asked for a in bad)
    waiting[0].set('Tls = "no" Tls_Verify = "no"')
    waiting[0].taken(bad[0], 1)


def test_a_certificate_says_who_we_are(apple, pushing, shop):
    def script(r):
        if len(a.asked) > 1:
            return None
        r.answer(403, "BadCertificateEnvironment")
        return True
    a = apple(wants_certificate=True, script=script)
    a.context.verify_mode = ssl.CERT_REQUIRED
    a.context.load_verify_locations(shop.ca.crt)
    crt, _ = shop.ca.make("provider.test")
    d = pushing(a, token=False)
    push(d)
    wait_for(lambda: "certificate" in d.explain())
    assert not a.asked
    d.set(f'Tls_Certificate = "{crt}"')
    d.taken(a, 1)
    assert "authorization" not in a.asked[0].headers
    d.wait_empty()
    assert [x for x in said(d, "T") if "BadCertificateEnvironment" in x]
    wait_for(lambda: said(d, "D"))


def test_ordinary_messages(apple, pushing):
    a = apple()
    d = pushing(a)
    send(d.port, f"{DEVICE}@{d.name}", body="text\r\n")
    wait_for(lambda: [x for x in said(d, "P") if "push_convert is off" in x])
    d = pushing(a, "Push_Convert = yes\n")
    send(d.port, [f"{device(i)}@{d.name}" for i in range(3)],
         body="t\u00e9xt\r\n",
         headers="Content-Type: text/plain; charset=utf-8\r\n")
    a.wait(3)
    assert a.asked[0].json == {
        "aps": {"alert": {"title": "test", "body": "t\u00e9xt"}}}
    send(d.port, f"{device(9)}@{d.name}", body='\u20ac"\\\r\n' * 3000)
    a.wait(4)
    long = a.asked[-1]
    assert 4000 < len(long.body) <= 4096
    assert long.json["aps"]["alert"]["body"].startswith('\u20ac"\\\r\n')
    send(d.port, f"nobody@{d.name}", body="text\r\n")
    wait_for(lambda: [x for x in said(d, "P") if "names a device" in x])
    d.wait_empty()


def test_a_long_message(apple, pushing):
    """Its part stands behind megabytes of others."""
    a = apple()
    d = pushing(a)
    line = "x" * 998 + "\r\n"
    headers, body = container("apn", {"X-Device-Token": DEVICE}, '{"aps":{}}',
                              "Subject: hi\r\n\r\n" + line * 3000)
    for to in (f"a@{d.name}", f"b@{d.name}"):
        send(d.port, to, headers=headers, body=body)
    a.wait(2)
    d.wait_empty()
    assert a.taken == [DEVICE] * 2


def test_reception_of_containers(apple, pushing, shop):
    a = apple()
    d = pushing(a)
    push(d, port=shop.ports["passthru"])
    wait_for(lambda: [x for x in said(d, "P") if "mcmt_reception" in x])
    with pytest.raises(smtplib.SMTPDataError) as e:
        push(d, port=shop.ports["reject"])
    assert e.value.smtp_code == 554
    assert not a.asked


def test_the_binary_protocol(apple, pushing):
    """Silence is a yes; what stood behind a refusal is sent again."""
    def script(f):
        if int(f["token"], 16) == 4 and f["connection"] == 1:
            return 8
        return None
    a = apple(Old, script=script)
    # within it the stand-in's threads must get their turn
    d = pushing(a, "APN_Protocol = \"binary\"\nDelivery_Response_Timeout = 2000\n"
                   "Max_Outbound_Connections = 1\n", token=False)
    before = time.time()
    push_many(d, 10)
    wait_for(lambda: len({f["token"] for f in a.frames}) == 9)
    d.wait_empty()
    wait_for(lambda: len(said(d, "D")) >= 9)
    assert not a.faults
    assert len(a.frames) == 9 and a.connections == 2
    f = a.frames[0]
    assert f["json"] == {"aps": {"alert": "hi"}} and f["priority"] == 10
    assert -5 < f["expires"] - before - 604800 < 30
    assert "Invalid token (status 8)" in said(d, "P", device(4))[0]
    assert len(said(d, "D")) == 9 and len(said(d, "P")) == 1


def test_a_binary_connection_breaks(apple, pushing):
    def script(f):
        return "drop" if f["connection"] == 1 and \
            int(f["token"], 16) == 2 else None
    a = apple(Old, script=script)
    d = pushing(a, "APN_Protocol = \"binary\"\nDelivery_Response_Timeout = 300\n"
                   "Max_Outbound_Connections = 1\n", token=False)
    push_many(d, 4)
    d.soon(lambda: {f["token"] for f in a.frames} ==
             {device(i) for i in range(4)})
    d.wait_empty()
    wait_for(lambda: len(said(d, "D")) >= 4)
    assert said(d, "T") and len(said(d, "D")) == 4


def test_options_are_checked(impeld, tmp_path):
    new_key(tmp_path / "key.p8")
    for more, words in [
            (f'APN_Auth_Key = "file:{tmp_path}/key.p8"', "apn_key_id"),
            ('APN_Auth_Key = "nonsense" APN_Key_ID = "A" APN_Team_ID = "B"',
             "PEM"),
            ('APN_Topic = "a b"', "apn_topic")]:
        d = impeld(f"""
Domain "push.test" {{
  Delivery_Method = "apn"
  Routes = ( "apn://127.0.0.1" )
  {more}
}}
""", modules=APN, start=False)
        said = d.check()
        assert said.returncode and words in said.stdout + said.stderr
