# SPDX-License-Identifier: Apache-2.0
"""Notifications as well-known clients send them: for the same input the same
requests, which tests/golden keeps."""
import json
import smtplib
import sys

import pytest

import daemon
from apple import Apple, Old, new_key
from certificates import Authority
from containers import container
from daemon import BUILD, MODULES, wait_for

sys.path.append(str(daemon.SOURCE / "tests/golden"))
import golden  # noqa: E402
from mirror import Mirror  # noqa: E402

APN = MODULES + ":" + str(BUILD / "modules/apn/.libs")
FIELDS = {"topic": "X-APN-Topic", "push_type": "X-APN-Push-Type",
          "priority": "X-APN-Priority", "expiry": "X-APN-Expiry",
          "collapse_id": "X-APN-Collapse-ID", "id": "X-APN-ID"}
# @parse/node-apn adds what is not said of its own accord; so does its input.
ALWAYS = {"push_type": "alert"}


def message(given):
    """A container for that input, or a mail."""
    if "subject" in given:
        return ("Content-Type: text/plain; charset=utf-8\r\n"
                f"Subject: {given['subject']}\r\n\r\n{given['text']}\r\n")
    fields = {FIELDS[k]: v for k, v in {**ALWAYS, **given}.items()
              if k in FIELDS}
    if len(given["devices"]) == 1:
        fields["X-Device-Token"] = given["devices"][0]
    payload = json.dumps(given["payload"], ensure_ascii=False,
                         separators=(",", ":"))
    return "\r\n".join(container("apn", fields, payload))


def deliver(d, given):
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as s:
        s.sendmail("s@origin.test", [f"{x[:64]}@push.test"
                                     for x in given["devices"]],
                   message(given).encode())


@pytest.fixture
def pushing(impeld, tmp_path, dns):
    def make(name, port, more):
        dns.add(name, "A", "127.0.0.1")
        return impeld(f"""
Domain "push.test" {{
  Delivery_Method = "apn"
  Routes = ( "apn://{name}?port={port}&type=a" )
  Tls_Ca = "{tmp_path}/ca.crt"
  Delivery_Response_Timeout = 500
  Push_Convert = yes
{more}
}}
Resolv_Conf = "{dns.conf(tmp_path)}"
Mcmt_Reception = "allow"
""", modules=APN)
    return make


def test_apn(pushing, tmp_path):
    kept = golden.load("apn")
    key = new_key(tmp_path / "key.p8")
    a = Apple(Authority(tmp_path).context("api.push.apple.com"), key=key,
              topics=("com.example.app", "com.example.app.other",
                      "com.example.app.voip"))
    d = pushing("api.push.apple.com", a.port, f"""
  APN_Auth_Key = "file:{tmp_path}/key.p8"
  APN_Key_ID = "KEY1234567"  APN_Team_ID = "TEAM123456"
  APN_Topic = "com.example.app"  APN_Priority = 10
""")
    came = 0
    for case in kept["cases"]:
        deliver(d, case["input"])
        a.wait(came + len(case["requests"]))
        ours = [golden.plain(r.headers, r.body) for r in a.asked[came:]]
        came += len(ours)
        for r in ours:
            assert r["host"] == f"api.push.apple.com:{a.port}"
            r["host"] = "api.push.apple.com"
        assert golden.in_order(ours) == case["requests"], case["name"]
    d.wait_empty()
    a.stop()


def test_apn_binary(pushing, tmp_path):
    kept = golden.load("apn-binary")
    a = Old(Authority(tmp_path).context("gateway.push.apple.com"))
    d = pushing("gateway.push.apple.com", a.port, "  APN_Protocol = binary\n")
    for n, case in enumerate(kept["cases"]):
        deliver(d, case["input"])
        wait_for(lambda: len(a.frames) > n)
        assert [golden.frame(a.frames[n])] == case["requests"], case["name"]
    assert not a.faults
    d.wait_empty()
    a.stop()


GCM = MODULES + ":" + str(BUILD / "modules/gcm/.libs")
GCM_FIELDS = {"device": "X-Registration-ID", "collapse_key": "X-Collapse-Key",
              "ttl": "X-Time-To-Live", "package": "X-Application-ID",
              "priority": "X-GCM-Priority", "dry_run": "X-Dry-Run",
              "delay_while_idle": "X-Delay-While-Idle"}


def gcm_message(given):
    """The same for Google's service."""
    head = "".join(f"{GCM_FIELDS[k]}: {str(v).lower() if v is True else v}\r\n"
                   for k, v in given.items() if k in GCM_FIELDS)
    if "subject" in given:
        return ("Content-Type: text/plain; charset=utf-8\r\n"
                f"Subject: {given['subject']}\r\n{head}\r\n{given['text']}\r\n")
    return "\r\n".join(container(
        "gcm", head, json.dumps(given["data"], ensure_ascii=False)))


def the_same(ours, theirs, port):
    """A request of ours, sent to that port, is one of theirs."""
    ours = json.loads(json.dumps(ours).replace(f":{port}", ""))
    if "assertion" in ours["json"]:
        mine, their = (r["json"]["assertion"] for r in (ours, theirs))
        # all scopes of Firebase are more than a sender needs
        assert mine["claims"]["scope"] in their["claims"]["scope"].split()
        their["claims"]["scope"] = mine["claims"]["scope"]
        # which of the account's keys it is, as other clients of Google's say
        assert mine["head"].pop("kid") == "0123456789abcdef"
        theirs["headers"]["content-type"] = \
            theirs["headers"]["content-type"].partition(";")[0]
    return ours == theirs


@pytest.mark.parametrize("name", ["fcm", "gcm"])
def test_google(impeld, dns, tmp_path, name):
    kept = golden.load(name)
    ca = Authority(tmp_path)
    hosts = ("fcm.googleapis.com", "oauth2.googleapis.com")
    m = Mirror(ca.context("google", *hosts), {
        "/v1/projects/example/messages:send": lambda r: (200, {"name": "x"}),
        "/fcm/send": lambda r: (200, {"results": [{"message_id": "1"}]}),
        "/token": lambda r: (200, {"access_token": "ACCESS-TOKEN",
                                   "expires_in": 3599})})
    for host in hosts:
        dns.add(host, "A", "127.0.0.1")
    ca.openssl("genrsa", "-out", tmp_path / "account.key", "2048")
    account = golden.account((tmp_path / "account.key").read_text())
    account["token_uri"] = f"https://oauth2.googleapis.com:{m.port}/token"
    (tmp_path / "account.json").write_text(json.dumps(account))
    key = f'GCM_Service_Account = "file:{tmp_path}/account.json"' \
        if name == "fcm" else 'GCM_Authorization_Token_ID = "SERVER-KEY"'
    d = impeld(f"""
Domain "push.test" {{
  Delivery_Method = "gcm"
  Routes = ( "gcm://fcm.googleapis.com?port={m.port}&type=a" )
  Tls_Ca = "{tmp_path}/ca.crt"
  Push_Convert = yes
  {key}
}}
Https_Ca = "{tmp_path}/ca.crt"
Resolv_Conf = "{dns.conf(tmp_path)}"
Mcmt_Reception = "allow"
""", modules=GCM)
    came = 0
    for case in kept["cases"]:
        with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as s:
            s.sendmail("s@origin.test", ["a@push.test"],
                       gcm_message(case["input"]).encode())
        wait_for(lambda: len(m.asked) >= came + len(case["requests"]))
        ours = golden.in_order(
            golden.plain(r.headers, r.body) for r in m.asked[came:])
        came += len(ours)
        assert len(ours) == len(case["requests"])
        for mine, their in zip(ours, case["requests"]):
            assert the_same(mine, their, m.port), (case["name"], mine, their)
    d.wait_empty()
    m.stop()
