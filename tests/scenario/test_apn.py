# SPDX-License-Identifier: Apache-2.0
"""Notifications to devices of Apple: the HTTP/2 provider API and the binary
protocol; faults lose nothing and tell nothing twice."""
import random
import smtplib
import ssl
import time

import pytest

from apple import HIDE, Apple, Old, new_key
from certificates import Authority
from daemon import BUILD, MODULES, wait_for
from peers import send

APN = MODULES + ":" + str(BUILD / "modules/apn/.libs")
DEVICE = "0123456789abcdef" * 4


def device(n):
    return f"{n:064x}"


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def apple(tmp_path, ca):
    made = []

    def make(what=Apple, **how):
        if what is Apple:
            how.setdefault("key", new_key(tmp_path / "key.p8"))
        made.append(what(ca.context(how.pop("name", "push.test")), **how))
        return made[-1]
    yield make
    for a in made:
        a.stop()


@pytest.fixture
def pushing(impeld, tmp_path, dns):
    """A daemon whose domain push.test is served by that stand-in."""

    def make(a, more="", token=True, inbound="", **how):
        key = f"""
  APN_Auth_Key = "file:{tmp_path}/key.p8"
  APN_Key_ID = "KEY1234567"
  APN_Team_ID = "TEAM123456"
""" if token else ""
        dns.add("push.test", "A", "127.0.0.1")
        return impeld(f"""
Domain "push.test" {{
  Delivery_Method = "apn"
  Routes = ( "apn://push.test?port={a.port}&type=a" )
{key}  APN_Topic = "com.example.app"
  Tls_Ca = "{tmp_path}/ca.crt"
  Retry_Interval = 1
  Max_Retry_Interval = 1
{more}
}}
Host_Failure_Retry = 1
Resolv_Conf = "{dns.conf(tmp_path)}"
Mcmt_Reception = "allow"
{inbound}
""", modules=APN, **how)
    return make


def container(fields, payload, ordinary="Subject: hi\r\n\r\nThe ordinary one\r\n"):
    head = "".join(f"{k}: {v}\r\n" for k, v in fields.items())
    return ("Content-Type: multipart/vnd.msys.mcmt; boundary=\"=b\"\r\n"
            "MIME-Version: 1.0\r\n",
            f"--=b\r\nContent-Type: message/rfc822\r\n\r\n{ordinary}\r\n"
            f"--=b\r\nContent-Type: message/vnd.msys.apn\r\n\r\n"
            f"{head}\r\n{payload}\r\n--=b--\r\n")


def push(d, token=DEVICE, payload='{"aps":{"alert":"hi"}}', to="a@push.test",
         fields=None):
    headers, body = container({"X-Device-Token": token, **(fields or {})},
                              payload)
    send(d.port, to, headers=headers, body=body)


def said(d, kind, token=None):
    """Records of that kind, of the messages for that device."""
    rows = [x.split("@") for x in d.log("mainlog")]
    ids = {r[1] for r in rows if r[4] == "R" and r[5] == token}
    return ["@".join(r) for r in rows
            if r[4] == kind and (token is None or r[1] in ids) and
            "Domain Lookup Failed" not in r[-1]]


def push_many(d, n, first=0):
    """One message each, to devices that the addresses name."""
    headers, body = container({}, '{"aps":{"alert":"hi"}}')
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as s:
        for i in range(first, first + n):
            s.sendmail("s@origin.test", [f"{device(i)}@push.test"],
                       headers + "\r\n" + body)


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
    d.wait_records("D")
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
    text = "\n".join(d.log("mainlog"))
    for words in ("no JSON object", "no device token", "are the most",
                  "X-APN-Priority", "no UUID", "no topic", "X-APN-Expiry",
                  "Collapse-ID"):
        assert words in text
    assert not a.asked
    d.wait_empty()


def test_a_device_that_is_gone(apple, pushing):
    a = apple()
    a.gone[DEVICE] = 1700000000000
    d = pushing(a, inbound="Debug_Flags { NOTICE = ( ALL ) INFO = ( ALL ) }")
    push(d)
    wait_for(lambda: [x for x in d.log("mainlog") if "Unregistered" in x])
    row = [x for x in d.log("paniclog") if "apn-unregistered" in x]
    assert len(row) == 1
    assert f" token={DEVICE} " in row[0] and " since=1700000000 " in row[0]
    assert " rcpt=a@push.test " in row[0]
    assert [x for x in d.log("bouncelog") if "Unregistered" in x]
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
    wait_for(lambda: late == set(a.taken))
    assert len(a.taken) == len(set(a.taken))


def test_the_provider_token_expires(apple, pushing):
    first = set()

    def script(r):
        said = r.headers["authorization"]
        first.add(said)
        if len(first) == 1:
            r.answer(403, "ExpiredProviderToken")
            return True
        return None
    a = apple(script=script)
    d = pushing(a, "Max_Outbound_Connections = 1\n")
    push_many(d, 20)
    a.wait(20)
    d.wait_empty()
    assert len(first) == 2 and len(a.connections) == 1
    assert sorted(a.taken) == [device(i) for i in range(20)]
    assert not said(d, "T")


def test_a_wrong_key_waits(apple, pushing, tmp_path):
    a = apple()
    d = pushing(a)
    new_key(tmp_path / "key.p8")  # another one
    d.ask("config", "reload")
    push(d)
    wait_for(lambda: "InvalidProviderToken" in
             d.ask("explain", "domain", "push.test"))
    assert d.queued() == 1
    assert not said(d, "P")


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
    d.wait_empty()
    assert sorted(a.taken) == [device(i) for i in range(10)]
    assert not said(d, "T")
    assert len(a.connections) == 2


def test_streams(apple, pushing):
    """As many at once as the settings say, and one when they say one."""
    a = apple(streams=1)
    d = pushing(a, "Max_Outbound_Connections = 1")
    push_many(d, 20)
    a.wait(20)
    assert a.connections[0].most_open == 1
    held = []

    def script(r):
        held.append(r)
        return HIDE
    a.script = script
    a.connections[0].settings(50)
    push_many(d, 60, first=100)
    wait_for(lambda: len(held) == 50)
    time.sleep(0.2)
    assert len(held) == 50
    a.connections[0].settings(1)
    a.script = None
    for r in held:
        a.taken.append(r.token)
        r.answer()
    a.wait(80)
    d.wait_empty()
    assert len(set(a.taken)) == 80 and len(a.taken) == 80
    assert len(a.connections) == 1 and not a.faults


def test_more_devices_than_streams(apple, pushing):
    """Messages for many devices each: what has no stream waits here."""
    a = apple(streams=10)
    d = pushing(a, "Max_Outbound_Connections = 1")
    headers, body = container({}, '{"aps":{"alert":"hi"}}')
    for k in range(3):
        send(d.port, [f"{device(100 * k + i)}@push.test" for i in range(100)],
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
        if n == 0:
            r.connection.reset(r.stream, 7)
        elif n == 1:
            r.connection.reset(r.stream, 2)
        else:
            r.connection.answer(r.stream, 200, b'{"half', end=False)
            r.connection.end()
        return True
    a = apple(script=script)
    d = pushing(a)
    push_many(d, 2)
    a.wait(2)
    push_many(d, 1, first=2)
    a.wait(3)
    d.wait_empty()
    assert not said(d, "T", device(0))
    assert "reset" in said(d, "T", device(1))[0]
    assert "without an answer" in said(d, "T", device(2))[0]
    assert sorted(a.taken) == [device(i) for i in range(3)]


def test_retry_after(apple, pushing):
    tried = []

    def script(r):
        tried.append(time.monotonic())
        if len(tried) == 1:
            r.answer(503, "ServiceUnavailable", [("retry-after", "3")])
            return True
        return None
    a = apple(script=script)
    d = pushing(a, "Max_Retry_Interval = 60\n")
    push(d)
    a.wait()
    assert tried[1] - tried[0] >= 2.9


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
    a.wait(3)
    d.wait_empty()
    late = said(d, "T")
    assert late and all("no answer" in x or "connection" in x for x in late)
    assert how == "silent" or len(a.connections) > 1
    assert sorted(a.taken) == [device(i) for i in range(3)]


def test_answers_that_are_none(apple, pushing):
    bombs = [b"[" * 60000, b'{"reason":' + b'{"a":' * 700 + b"1", b"x" * 200000,
             b'{"reason":"a\\nb\\u0007"}', b"\xff\xfe", b'{"reason":5}']
    done = set()

    def script(r):
        n = int(r.token, 16)
        if n in done:
            return None
        done.add(n)
        r.connection.answer(r.stream, 429, bombs[n])
        return True
    a = apple(script=script)
    d = pushing(a)
    push_many(d, len(bombs))
    a.wait(len(bombs))
    d.wait_empty()
    assert len(set(a.taken)) == len(a.taken) == len(bombs)
    assert "\x07" not in "\n".join(d.log("mainlog"))


def test_who_is_spoken_to(apple, pushing, ca, tmp_path):
    """TLS whatever `tls` says; the name counts unless it is written out that it
    does not; without ALPN nobody speaks."""
    a = apple()
    a.context.load_cert_chain(*ca.make("other.test"))
    d = pushing(a)
    push(d)
    wait_for(lambda: a.failed or "certificate" in
             d.ask("explain", "domain", "push.test").lower())
    assert not a.asked
    d.append('Domain "push.test" { Tls = "no" Tls_Verify = "no" }\n')
    d.ask("config", "reload")
    a.wait()
    b = apple(alpn=())
    e = pushing(b)
    push(e)
    wait_for(lambda: "ALPN" in e.ask("explain", "domain", "push.test"))
    assert not b.asked


def test_a_certificate_says_who_we_are(apple, pushing, ca, tmp_path):
    a = apple(wants_certificate=True)
    a.context.verify_mode = ssl.CERT_REQUIRED
    a.context.load_verify_locations(ca.crt)
    crt, _ = ca.make("provider.test")
    d = pushing(a, token=False)
    push(d)
    wait_for(lambda: "certificate" in
             d.ask("explain", "domain", "push.test"))
    assert not a.asked
    d.append(f'Domain "push.test" {{ Tls_Certificate = "{crt}" }}\n')
    d.ask("config", "reload")
    a.wait()
    assert "authorization" not in a.asked[0].headers


def test_ordinary_messages(apple, pushing):
    a = apple()
    d = pushing(a)
    send(d.port, f"{DEVICE}@push.test", body="text\r\n")
    wait_for(lambda: [x for x in d.log("mainlog")
                      if "@P@" in x and "push_convert is off" in x])
    d = pushing(a, "Push_Convert = yes\n")
    send(d.port, [f"{device(i)}@push.test" for i in range(3)], body="t\u00e9xt\r\n",
         headers="Content-Type: text/plain; charset=utf-8\r\n")
    a.wait(3)
    assert a.asked[0].json == {
        "aps": {"alert": {"title": "test", "body": "t\u00e9xt"}}}
    send(d.port, f"{device(9)}@push.test", body='\u20ac"\\\r\n' * 3000)
    a.wait(4)
    long = a.asked[-1]
    assert 4000 < len(long.body) <= 4096
    assert long.json["aps"]["alert"]["body"].startswith('\u20ac"\\\r\n')
    send(d.port, "nobody@push.test", body="text\r\n")
    wait_for(lambda: [x for x in d.log("mainlog")
                      if "@P@" in x and "names a device" in x])
    d.wait_empty()


def test_a_long_message(apple, pushing):
    """Its part stands behind megabytes of others."""
    a = apple()
    d = pushing(a)
    line = "x" * 998 + "\r\n"
    headers, body = container({"X-Device-Token": DEVICE}, '{"aps":{}}',
                              "Subject: hi\r\n\r\n" + line * 3000)
    for to in ("a@push.test", "b@push.test"):
        send(d.port, to, headers=headers, body=body)
    a.wait(2)
    d.wait_empty()
    assert a.taken == [DEVICE] * 2


def test_reception_of_containers(apple, pushing):
    a = apple()
    d = pushing(a)
    d.append('Mcmt_Reception = "passthru"\n')
    d.ask("config", "reload")
    push(d)
    wait_for(lambda: [x for x in d.log("mainlog")
                      if "@P@" in x and "mcmt_reception" in x])
    d.append('Mcmt_Reception = "reject"\n')
    d.ask("config", "reload")
    with pytest.raises(smtplib.SMTPDataError) as e:
        push(d)
    assert e.value.smtp_code == 554
    assert not a.asked


def test_the_binary_protocol(apple, pushing):
    """Silence is a yes; what stood behind a refusal is sent again."""
    def script(f):
        if int(f["token"], 16) == 4 and f["connection"] == 1:
            return 8
        return None
    a = apple(Old, script=script)
    d = pushing(a, "APN_Protocol = \"binary\"\nDelivery_Response_Timeout = 700\n"
                   "Max_Outbound_Connections = 1\n", token=False)
    before = time.time()
    push_many(d, 10)
    wait_for(lambda: len({f["token"] for f in a.frames}) == 9)
    d.wait_empty()
    d.wait_records("D", 9)
    d.wait_records("P", 1)
    assert not a.faults
    assert len(a.frames) == 9 and a.connections == 2
    f = a.frames[0]
    assert f["json"] == {"aps": {"alert": "hi"}} and f["priority"] == 10
    assert -5 < f["expires"] - before - 604800 < 30
    assert "Invalid token (status 8)" in said(d, "P", device(4))[0]
    assert len(said(d, "D")) == 9


def test_a_binary_connection_breaks(apple, pushing):
    def script(f):
        return "drop" if f["connection"] == 1 and \
            int(f["token"], 16) == 2 else None
    a = apple(Old, script=script)
    d = pushing(a, "APN_Protocol = \"binary\"\nDelivery_Response_Timeout = 300\n"
                   "Max_Outbound_Connections = 1\n", token=False)
    push_many(d, 4)
    wait_for(lambda: {f["token"] for f in a.frames} ==
             {device(i) for i in range(4)})
    d.wait_empty()
    assert said(d, "T")


def own_address():
    """Of this machine, and of no other test."""
    return "127.{}.{}.{}".format(*(random.randrange(2, 250) for _ in "123"))


def test_the_manuals_example(apple, impeld, dns, tmp_path):
    """The stanza of Momentum's manual as it stands, in front of a stand-in by
    that name, on that port."""
    ip = own_address()
    a = apple(Old, name="gateway.push.apple.com", address=(ip, 2195))
    dns.add("gateway.push.apple.com", "A", ip)
    stanza = """
domain "apn_example.com"{
  delivery_method = "apn"
  routes = ("apn://gateway.push.apple.com?port=2195")
}
"""
    d = impeld(f"""{stanza}
Tls_Ca = "{tmp_path}/ca.crt"
Delivery_Response_Timeout = 300
Resolv_Conf = "{dns.conf(tmp_path)}"
Mcmt_Reception = "allow"
""", modules=APN)
    push(d, to="a@apn_example.com")
    wait_for(lambda: a.frames)
    d.wait_empty()
    assert a.frames[0]["token"] == DEVICE and not a.faults


def test_the_name_and_port_of_today(apple, impeld, dns, tmp_path):
    ip = own_address()
    try:
        a = apple(name="api.push.apple.com", address=(ip, 443))
    except PermissionError:
        pytest.skip("port 443 is for root")
    dns.add("api.push.apple.com", "A", ip)
    d = impeld(f"""
Domain "push.test" {{
  Delivery_Method = "apn"
  Routes = ( "apn://api.push.apple.com" )
  APN_Auth_Key = "file:{tmp_path}/key.p8"
  APN_Key_ID = "KEY1234567"
  APN_Team_ID = "TEAM123456"
  APN_Topic = "com.example.app"
}}
Tls_Ca = "{tmp_path}/ca.crt"
Resolv_Conf = "{dns.conf(tmp_path)}"
Mcmt_Reception = "allow"
""", modules=APN)
    push(d)
    assert a.wait()[0].headers[":authority"] == "api.push.apple.com"


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
