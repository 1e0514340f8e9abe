# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for Google's push service: FCM HTTP v1 over Python's h2 with the
checks that Google publishes, the endpoint of its access tokens, and the legacy
protocol of GCM."""
import functools
import json
import re
import socket
import time
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from apple import Apple, Request, unbase64
from httpsserver import Https, answer

PROJECT = "app-1"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED",
          403: "PERMISSION_DENIED", 404: "NOT_FOUND",
          429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}
ANDROID = {"collapse_key": str, "priority": str, "ttl": str,
           "restricted_package_name": str, "data": dict, "notification": dict}


@functools.cache
def rsa_key():
    """It takes its time to make one."""
    return rsa.generate_private_key(65537, 2048)


def new_account(path, token_uri, email="sender@app-1.iam.example"):
    """A key file as Google gives out; its public half."""
    key = rsa_key()
    path.write_text(json.dumps({
        "type": "service_account", "project_id": PROJECT,
        "private_key_id": "kid-1", "client_email": email, "client_id": "1",
        "token_uri": token_uri, "private_key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode()}))
    return key.public_key()


class Tokens:
    """The token endpoint.  script(handler): True: it has answered.  life: of
    tokens, in seconds."""

    def __init__(self, context, name="oauth2.test", port=0, script=None,
                 address="127.0.0.1"):
        self.name, self.key, self.script, self.life = name, None, script, 3599
        self.asked, self.valid, self.faults, self.email = [], [], [], None
        context.set_alpn_protocols(["http/1.1"])
        self.https = Https(context, {(name, "/token"): self.page}, port,
                           address=address)
        self.port = self.https.port
        self.uri = f"https://{name}:{self.port}/token"

    def account(self, path, **how):
        self.key = new_account(path, self.uri, **how)

    def revoke(self):
        self.valid = []

    def stop(self):
        self.https.stop()

    def page(self, handler):
        self.asked.append(handler.body)
        if self.script and self.script(handler):
            return
        status, body = self.judge(handler)
        self.answer(handler, status, json.dumps(body).encode())

    @staticmethod
    def answer(handler, status, body):
        answer(handler, status, {"Content-Type": "application/json"}, body)

    def judge(self, handler):
        why = self.fault(handler)
        if why:
            self.faults.append(why)
            return 400, {"error": "invalid_grant", "error_description": why}
        self.valid.append(f"ya29.{len(self.asked)}." + "t" * 180)
        return 200, {"access_token": self.valid[-1], "expires_in": self.life,
                     "token_type": "Bearer"}

    def fault(self, handler):
        form = dict(urllib.parse.parse_qsl(handler.body.decode()))
        if handler.headers["Content-Type"] != \
                "application/x-www-form-urlencoded":
            return "the content type"
        if set(form) != {"grant_type", "assertion"} or \
                form["grant_type"] != GRANT:
            return "the grant type"
        try:
            head, claims, signature = form["assertion"].split(".")
            head_says = json.loads(unbase64(head))
            says = json.loads(unbase64(claims))
            self.key.verify(unbase64(signature), f"{head}.{claims}".encode(),
                            padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, AssertionError):
            return "the assertion is no token"
        except InvalidSignature:
            return "the signature"
        if head_says != {"alg": "RS256", "typ": "JWT", "kid": "kid-1"}:
            return "the head"
        if says.get("aud") != self.uri or says.get("scope") != SCOPE or \
                "@app-1.iam.example" not in says.get("iss", ""):
            return "the claims"
        if not time.time() - 60 < says["iat"] < time.time() + 5 or \
                says["exp"] != says["iat"] + 3600:
            return "the times"
        return None


class Call(Request):
    """A request to FCM HTTP v1."""

    @property
    def message(self):
        return self.json["message"]

    @property
    def token(self):
        try:
            return self.message["token"]
        except (ValueError, KeyError, TypeError):
            return None

    def answer(self, status=200, code=None, headers=(), details=(),
               message="words"):
        if status == 200:
            body = {"name": f"projects/{PROJECT}/messages/{self.stream}"}
        else:
            said = [{"@type": FCM_ERROR, "errorCode": code}] if code else []
            body = {"error": {"code": status, "message": message,
                              "status": STATUS.get(status, "UNKNOWN"),
                              "details": [*said, *details]}}
        self.connection.answer(
            self.stream, status, json.dumps(body).encode(),
            [("content-type", "application/json; charset=UTF-8"), *headers])


def bad(field, why):
    return 400, "INVALID_ARGUMENT", {"message": why, "details": [{
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": field, "description": why}]}]}


class Google(Apple):
    """FCM HTTP v1.  gone: tokens of devices that are gone."""
    request = Call

    def __init__(self, context, tokens, **how):
        self.valid = tokens
        super().__init__(context, **how)

    @staticmethod
    def fields():
        return []

    def judge(self, r):
        h = r.headers
        if h[":method"] != "POST" or \
                h[":path"] != f"/v1/projects/{PROJECT}/messages:send":
            return 404, None, {}
        kind, _, token = h.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.valid.valid:
            return 401, None, {}
        self.tokens.add(token)
        if not h.get("content-type", "").startswith("application/json"):
            return bad("", "the content type")
        try:
            root = r.json
        except ValueError:
            return bad("", "no JSON")
        if not isinstance(root.get("message"), dict) or \
                not set(root) <= {"message", "validate_only"}:
            return bad("message", "what is it?")
        return self.judge_message(root["message"])

    def judge_message(self, m):
        to = [k for k in ("token", "topic", "condition") if k in m]
        if len(to) != 1 or not set(m) <= {
                *to, "data", "notification", "android", "apns", "webpush",
                "fcm_options"}:
            return bad("message", f"the members {sorted(m)}")
        for k, v in m.get("data", {}).items():
            if not isinstance(v, str):
                return bad("message.data", f"{k} is no string")
        size = sum(len(str(k).encode()) + len(str(v).encode())
                   for part in ("data", "notification")
                   for k, v in m.get(part, {}).items())
        if size > (4096 if to == ["token"] else 2048):
            return bad("message", "the payload is too large")
        for k, v in m.get("android", {}).items():
            if not isinstance(v, ANDROID.get(k, ())) or \
                    (k == "ttl" and not re.fullmatch(r"\d+(\.\d{1,9})?s", v)) \
                    or (k == "priority" and
                        v.lower() not in ("high", "normal")):
                return bad("message.android", k)
        if to == ["topic"]:
            return (200, None, {}) if re.fullmatch(
                "[a-zA-Z0-9_.~%-]{1,900}", m["topic"]) else bad(
                "message.topic", "the name")
        if to == ["token"] and not re.fullmatch("[\\w:-]{20,}", m["token"]):
            return bad("message.token", "Invalid registration")
        if m.get("token") in self.gone:
            return 404, "UNREGISTERED", {}
        return 200, None, {}


class Gcm:
    """The legacy protocol.  script(handler, JSON): a (status, headers, body) to
    be answered, True: it has answered; None: the rules decide."""

    def __init__(self, context, key="AIza-server-key", path="/gcm/send",
                 name="push.test", port=0, script=None, alpn=("http/1.1",),
                 address="127.0.0.1"):
        self.key, self.script = key, script
        self.asked, self.taken, self.gone, self.moved = [], [], set(), {}
        self.connections = set()
        if alpn:
            context.set_alpn_protocols(list(alpn))
        self.https = Https(context, {(name, path): self.page}, port,
                           address=address)
        self.port = self.https.port

    def stop(self):
        self.https.stop()

    def page(self, handler):
        said = json.loads(handler.body)
        self.asked.append((dict(handler.headers), said))
        self.connections.add(handler.client_address)
        done = self.script(handler, said) if self.script else None
        if done is True:
            return
        answer(handler, *(done or self.judge(handler, said)))

    @staticmethod
    def result(**one):
        good = "message_id" in one
        return 200, {"Content-Type": "application/json"}, json.dumps({
            "multicast_id": 1, "success": int(good), "failure": int(not good),
            "canonical_ids": int("registration_id" in one),
            "results": [one]}).encode()

    def judge(self, handler, said):
        if handler.headers["Authorization"] != f"key={self.key}":
            return 401, {}, b"Unauthorized"
        if handler.command != "POST" or \
                handler.headers["Content-Type"] != "application/json":
            return 400, {}, b"what is it?"
        token = said.get("to") or said["registration_ids"][0]
        if "to" in said and not token.startswith("/topics/"):
            return self.result(error="InvalidRegistration")
        data = json.dumps(said.get("data", {}), separators=(",", ":"))
        if len(data.encode()) > 4096:
            return self.result(error="MessageTooBig")
        if not 0 <= said.get("time_to_live", 0) <= 2419200:
            return self.result(error="InvalidTtl")
        if token in self.gone:
            return self.result(error="NotRegistered")
        self.taken.append(token)
        if token in self.moved:
            return self.result(message_id="0:1",
                               registration_id=self.moved[token])
        return self.result(message_id=f"0:{len(self.taken)}")


def cut(handler):
    """The connection ends here."""
    try:
        handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    handler.close_connection = True
