# SPDX-License-Identifier: Apache-2.0
"""Requests of well-known clients, as they are kept in NAME.json beside this
file, and requests of ours in the same form."""
import base64
import json
import pathlib
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
# What speaks of the client or of the connection, and not of the request.
OWN = {":scheme", "accept", "accept-encoding", "connection", "content-length",
       "te", "transfer-encoding", "user-agent", "access_token_auth", "x-firebase-client",
       "x-goog-api-client"}
TIMES = {"iat", "exp", "nbf"}


def load(name):
    """{"client": ..., "cases": [{"name", "input", "requests"}]}"""
    return json.loads((HERE / f"{name}.json").read_text())


def from_now(when):
    """To a minute, as requests take their time."""
    return "now+%d" % (60 * round((when - time.time()) / 60))


def token(text):
    """A JSON web token without what changes each time, or None; "typ" may be
    there or not (RFC 7519 5.1)."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    try:
        head, claims = (json.loads(base64.urlsafe_b64decode(p + "=="))
                        for p in parts[:2])
    except ValueError:
        return None
    if head.get("typ") == "JWT":
        del head["typ"]
    return {"head": head, "claims": {
        k: from_now(v) if k in TIMES else v for k, v in claims.items()}}


def header(name, value):
    if name == "authorization":
        kind, _, rest = value.partition(" ")
        said = token(rest)
        return {"kind": kind, **said} if said else value
    if name == "apns-expiration" and value != "0":
        return from_now(int(value))
    return value


def content(body, kind):
    if kind.startswith("application/x-www-form-urlencoded"):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        return {k: token(v) or v for k, v in form.items()}
    return json.loads(body)


def plain(headers, body):
    """A request in the form that is kept: what changes with the time of day
    says how far from now it is."""
    headers = {k.lower(): v for k, v in headers.items()}
    return {
        "method": headers.pop(":method"), "host": headers.pop(":authority"),
        "path": headers.pop(":path"),
        "headers": {k: header(k, v) for k, v in sorted(headers.items())
                    if k not in OWN},
        "json": content(body, headers.get("content-type", ""))}


def in_order(requests):
    """Clients send to several devices in whatever order."""
    return sorted(requests, key=lambda r: json.dumps(r, sort_keys=True))


def frame(f):
    """The same of the binary protocol; what Old keeps of a frame."""
    return {"token": f["token"], "priority": f["priority"],
            "expires": from_now(f["expires"]) if f["expires"] else 0,
            "json": f["json"]}


def account(key):
    """A service account of Google's; key: RSA, in PEM form."""
    return {
        "type": "service_account", "project_id": "example",
        "private_key_id": "0123456789abcdef", "private_key": key,
        "client_email": "sender@example.iam.gserviceaccount.com",
        "client_id": "1234567890",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token"}
