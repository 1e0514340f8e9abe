# SPDX-License-Identifier: Apache-2.0
"""Push services by the names and ports they have in the world, with
configurations as they are used against them.  For a network of its own, where
the names lead to stand-ins: test_names.py runs this there."""
import pytest

import dnsserver
from apple import Apple, Old, new_key
from certificates import Authority
from containers import container
from daemon import BUILD, MODULES, wait_for
from google import Gcm, Google, Tokens
from peers import send

ADDRESS = {"api.push.apple.com": "127.0.1.1",
           "api.sandbox.push.apple.com": "127.0.1.2",
           "gateway.push.apple.com": "127.0.1.3",
           "fcm.googleapis.com": "127.0.1.4",
           "oauth2.googleapis.com": "127.0.1.5",
           "android.google.apis.com": "127.0.1.6"}
DEVICE = "0123456789abcdef" * 4
PUSH = container("apn", {"X-Device-Token": DEVICE}, '{"aps":{"alert":"hi"}}')
NOTICE = container("gcm", {"X-Registration-ID": DEVICE}, '{"text":"hi"}')


@pytest.fixture
def world():
    """The name server of everybody."""
    s = dnsserver.Server(port=53)
    for name, address in ADDRESS.items():
        s.add(name, "A", address)
    yield s
    s.stop()


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def running(impeld, world, tmp_path):
    def make(stanza, modules):
        d = impeld(f"""
{stanza}
Tls_Ca = "{tmp_path}/ca.crt"
Https_Ca = "{tmp_path}/ca.crt"
Delivery_Response_Timeout = 300
Resolv_Conf = "/etc/resolv.conf"
Mcmt_Reception = "allow"
""", modules=MODULES + ":" + str(BUILD / "modules" / modules / ".libs"))
        return d
    return make


@pytest.mark.parametrize("name, more", [
    ("api.push.apple.com", ""),
    ("api.sandbox.push.apple.com", "?port=2197")])
def test_apple(running, ca, tmp_path, name, more):
    port = 2197 if more else 443
    a = Apple(ca.context(name), key=new_key(tmp_path / "key.p8"),
              address=(ADDRESS[name], port))
    d = running(f"""
Domain "push.example.com" {{
  Delivery_Method = "apn"
  Routes = ( "apn://{name}{more}" )
  APN_Auth_Key = "file:{tmp_path}/key.p8"
  APN_Key_ID = "KEY1234567"
  APN_Team_ID = "TEAM123456"
  APN_Topic = "com.example.app"
}}
""", "apn")
    send(d.port, "a@push.example.com", headers=PUSH[0], body=PUSH[1])
    h = a.wait()[0].headers
    assert h[":authority"] == name + (f":{port}" if more else "")
    assert h[":path"] == "/3/device/" + DEVICE
    d.wait_empty()
    a.stop()


def test_apple_as_the_manual_has_it(running, ca):
    """The stanza of Momentum's manual as it stands."""
    name = "gateway.push.apple.com"
    a = Old(ca.context(name), address=(ADDRESS[name], 2195))
    d = running("""
domain "apn_example.com"{
  delivery_method = "apn"
  routes = ("apn://gateway.push.apple.com?port=2195")
}
""", "apn")
    send(d.port, "a@apn_example.com", headers=PUSH[0], body=PUSH[1])
    wait_for(lambda: a.frames)
    d.wait_empty()
    assert a.frames[0]["token"] == DEVICE and not a.faults
    a.stop()


def test_google(running, ca, tmp_path):
    t = Tokens(ca.context("oauth2.googleapis.com"), "oauth2.googleapis.com",
               443, address=ADDRESS["oauth2.googleapis.com"])
    t.uri = "https://oauth2.googleapis.com/token"
    t.account(tmp_path / "account.json")
    g = Google(ca.context("fcm.googleapis.com"), t,
               address=(ADDRESS["fcm.googleapis.com"], 443))
    d = running(f"""
Domain "push.example.com" {{
  Delivery_Method = "gcm"
  Routes = ( "gcm://fcm.googleapis.com" )
  GCM_Service_Account = "file:{tmp_path}/account.json"
}}
""", "gcm")
    send(d.port, "a@push.example.com", headers=NOTICE[0], body=NOTICE[1])
    r = g.wait()[0]
    assert r.headers[":authority"] == "fcm.googleapis.com"
    assert r.message == {"token": DEVICE, "data": {"text": "hi"}}
    d.wait_empty()
    g.stop()
    t.stop()


def test_google_as_the_manual_has_it(running, ca):
    """The stanza of Momentum's manual, and the key that it asks for."""
    name = "android.google.apis.com"
    g = Gcm(ca.context(name), name=name, port=443, address=ADDRESS[name])
    d = running("""
domain "gcm.example.com" {
  delivery_method = "gcm"
  routes = ("gcm://android.google.apis.com?port=443")
}
gcm_authorization_token_id = "AIza-server-key"
http_uri = "/gcm/send"
""", "gcm")
    send(d.port, "a@gcm.example.com", headers=NOTICE[0], body=NOTICE[1])
    wait_for(lambda: g.taken)
    headers, body = g.asked[0]
    assert headers["Host"] == name
    assert body == {"registration_ids": [DEVICE], "data": {"text": "hi"}}
    d.wait_empty()
    g.stop()
