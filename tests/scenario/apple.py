# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for Apple's push service: the HTTP/2 provider API over Python's h2,
with the checks that Apple publishes, and the binary protocol of port 2195."""
import base64
import json
import re
import socket
import ssl
import struct
import threading
import time
import uuid

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import \
    encode_dss_signature

from daemon import wait_for

TYPES = {"alert", "background", "voip", "complication", "fileprovider", "mdm",
         "location", "liveactivity", "pushtotalk", "widgets", "controls"}
HIDE = object()  # no answer for now


def new_key(path):
    """A key as Apple gives out (.p8); its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return key.public_key()


def unbase64(text):
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Request:
    def __init__(self, connection, stream, headers, body):
        self.connection, self.stream = connection, stream
        self.headers, self.body = headers, body
        self.at = time.monotonic()

    @property
    def token(self):
        return self.headers[":path"].rsplit("/", 1)[1]

    @property
    def json(self):
        return json.loads(self.body)

    def answer(self, status=200, reason=None, headers=(), **more):
        body = json.dumps({"reason": reason, **more}).encode() if reason else b""
        self.connection.answer(self.stream, status, body, headers)

    def break_off(self, how):
        """0: refused, 1: reset, 2: the server goes within its answer."""
        if how < 2:
            self.connection.reset(self.stream, 2 if how else 7)
        else:
            self.connection.answer(self.stream, 200, b'{"half', end=False)
            self.connection.end()
        return True


class Connection:
    """One of a provider, in a thread of its own."""

    def __init__(self, apple, raw):
        self.apple, self.lock = apple, threading.RLock()
        self.open, self.most_open = {}, 0
        self.rest = {}  # of bodies: (octets, end) by stream
        self.reads = True
        raw.settimeout(20)
        self.socket = apple.context.wrap_socket(raw, server_side=True)
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        with self.lock:
            self.h2.local_settings = h2.settings.Settings(
                client=False, initial_values={
                    h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS:
                        apple.streams,
                    h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 8000,
                    h2.settings.SettingCodes.INITIAL_WINDOW_SIZE:
                        apple.window})
            self.h2.initiate_connection()
            if apple.window > 65535:
                self.h2.increment_flow_control_window(apple.window - 65535)
            self.flush()

    def flush(self):
        with self.lock:
            data = self.h2.data_to_send()
            if data:
                self.socket.sendall(data)

    def run(self):
        while True:
            if not self.reads:
                time.sleep(0.05)
                continue
            try:
                data = self.socket.recv(65536)
            except (TimeoutError, socket.timeout):
                continue
            except OSError:
                return
            if not data:
                return
            with self.lock:
                try:
                    events = self.h2.receive_data(data)
                except h2.exceptions.ProtocolError as e:
                    self.apple.faults.append(repr(e))
                    self.flush()
                    return
                done = [r for e in events for r in [self.take(e)] if r]
                self.flush()
            for r in done:
                self.apple.handle(r)

    def take(self, e):
        if isinstance(e, h2.events.RequestReceived):
            names = [n for n, _ in e.headers]
            self.open[e.stream_id] = [dict(e.headers), b"",
                                      len(names) != len(set(names))]
            self.most_open = max(self.most_open, len(self.open))
        elif isinstance(e, h2.events.DataReceived):
            self.h2.acknowledge_received_data(
                e.flow_controlled_length, e.stream_id)
            if e.stream_id in self.open:
                self.open[e.stream_id][1] += e.data
        elif isinstance(e, h2.events.StreamEnded):
            headers, body, twice = self.open[e.stream_id]
            if twice:
                headers["twice"] = "yes"
            return self.apple.request(self, e.stream_id, headers, body)
        elif isinstance(e, h2.events.StreamReset):
            self.open.pop(e.stream_id, None)
            self.rest.pop(e.stream_id, None)
            self.apple.resets += 1
        elif isinstance(e, h2.events.WindowUpdated):
            for stream in [e.stream_id] if e.stream_id else list(self.rest):
                self.go_on(stream)
        elif isinstance(e, h2.events.PingReceived):
            self.apple.pings += 1
        return None

    def answer(self, stream, status, body=b"", headers=(), end=True):
        with self.lock:
            self.open.pop(stream, None)
            self.h2.send_headers(
                stream, [(":status", str(status)), *self.apple.fields(),
                         *headers],
                end_stream=end and not body)
            if body:
                self.rest[stream] = body, end
                self.go_on(stream)
            self.flush()

    def go_on(self, stream):
        """As much of the body as the peer's window takes."""
        body, end = self.rest.pop(stream, (b"", False))
        while body:
            n = min(self.h2.local_flow_control_window(stream), 16384)
            if n <= 0:
                self.rest[stream] = body, end
                return
            try:
                self.h2.send_data(
                    stream, body[:n], end_stream=end and n >= len(body))
            except h2.exceptions.StreamClosedError:
                return  # the provider does not want it all
            body = body[n:]

    def reset(self, stream, code):
        with self.lock:
            self.open.pop(stream, None)
            self.h2.reset_stream(stream, code)
            self.flush()

    def goaway(self, last, words=b""):
        """h2 would end the connection; Apple still answers what it has."""
        frame = struct.pack(">II", last, 0) + words
        with self.lock:
            self.socket.sendall(struct.pack(">I", len(frame))[1:] + b"\7\0" +
                                bytes(4) + frame)

    def settings(self, streams):
        with self.lock:
            self.h2.update_settings({
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: streams})
            self.flush()

    def end(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Apple:
    """script(request): None: the rules decide; HIDE: no answer (the script or
    the test gives it later); else it has answered.  gone: tokens of devices
    that are gone, and since when (ms)."""
    request = Request

    @staticmethod
    def fields():
        """Those of every answer."""
        return [("apns-id", str(uuid.uuid4()).upper())]

    def __init__(self, context, key=None, key_id="KEY1234567",
                 team="TEAM123456", topics=("com.example.app",), streams=100,
                 script=None, alpn=("h2",), wants_certificate=False,
                 window=65535, address=("127.0.0.1", 0)):
        self.context, self.key, self.key_id, self.team = \
            context, key, key_id, team
        self.topics, self.streams, self.script = topics, streams, script
        self.wants_certificate, self.window = wants_certificate, window
        if alpn:
            context.set_alpn_protocols(list(alpn))
        self.gone, self.asked, self.taken = {}, [], []
        self.faults, self.refused, self.tokens = [], [], set()
        self.failed, self.pings, self.resets = 0, 0, 0
        self.connections = []
        self.listener = socket.create_server(address)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,),
                             daemon=True).start()

    def serve(self, raw):
        try:
            c = Connection(self, raw)
        except (OSError, ssl.SSLError):
            self.failed += 1
            return
        self.connections.append(c)
        c.run()

    def stop(self):
        self.listener.close()
        for c in self.connections:
            c.end()

    def handle(self, r):
        self.asked.append(r)
        try:
            if self.script:
                done = self.script(r)
                if done is not None:
                    return
            status, reason, more = self.judge(r)
            if status == 200:
                self.taken.append(r.token)
            else:
                self.refused.append((r.token, reason))
            r.answer(status, reason, **more)
        except (OSError, h2.exceptions.ProtocolError):
            pass  # the provider has gone meanwhile

    # --- what Apple publishes ---

    def who(self, r):
        """A reason for 403, or None."""
        said = r.headers.get("authorization")
        if not said:
            return None if self.wants_certificate and \
                r.connection.socket.getpeercert() else "MissingProviderToken"
        if not said.startswith("bearer "):
            return "InvalidProviderToken"
        try:
            head, claims, signature = said[7:].split(".")
            head_says = json.loads(unbase64(head))
            says = json.loads(unbase64(claims))
            raw = unbase64(signature)
        except (ValueError, AssertionError):
            return "InvalidProviderToken"
        if head_says.pop("typ", "JWT") != "JWT" or \
                head_says != {"alg": "ES256", "kid": self.key_id} or \
                says.get("iss") != self.team or len(raw) != 64:
            return "InvalidProviderToken"
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"),
                                   int.from_bytes(raw[32:], "big"))
        try:
            self.key.verify(der, f"{head}.{claims}".encode(),
                            ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return "InvalidProviderToken"
        if not time.time() - 3600 < says["iat"] < time.time() + 60:
            return "ExpiredProviderToken"
        self.tokens.add(said)
        return None

    def judge(self, r):
        h = r.headers
        if h[":method"] != "POST":
            return 405, "MethodNotAllowed", {}
        if not re.fullmatch("/3/device/[^/]*", h[":path"]):
            return 404, "BadPath", {}
        why = self.who(r)
        if why:
            return 403, why, {}
        if "twice" in h:
            return 400, "DuplicateHeaders", {}
        if not r.token:
            return 400, "MissingDeviceToken", {}
        if not re.fullmatch("[0-9a-f]{64,200}", r.token):
            return 400, "BadDeviceToken", {}
        if "apns-topic" not in h:
            return 400, "MissingTopic", {}
        if h["apns-topic"] not in self.topics:
            return 400, "TopicDisallowed", {}
        kind = h.get("apns-push-type", "alert")
        if kind not in TYPES:
            return 400, "InvalidPushType", {}
        if h.get("apns-priority", "10") not in ("10", "5", "1") or \
                (kind == "background" and h.get("apns-priority") != "5"):
            return 400, "BadPriority", {}
        if not re.fullmatch("[0-9]{1,12}", h.get("apns-expiration", "0")):
            return 400, "BadExpirationDate", {}
        if len(h.get("apns-collapse-id", "")) > 64:
            return 400, "BadCollapseId", {}
        if "apns-id" in h and not re.fullmatch(
                "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
                h["apns-id"]):
            return 400, "BadMessageId", {}
        if not r.body:
            return 400, "PayloadEmpty", {}
        if len(r.body) > (5120 if kind == "voip" else 4096):
            return 413, "PayloadTooLarge", {}
        if r.token in self.gone:
            return 410, "Unregistered", {"timestamp": self.gone[r.token]}
        assert isinstance(r.json, dict)
        return 200, None, {}

    def wait(self, n=1, timeout=20):
        wait_for(lambda: len(self.taken) >= n, timeout,
                 f"{n} notifications ({len(self.taken)} were taken, refused "
                 f"{self.refused}, faults {self.faults})")
        return self.asked


class Old:
    """The binary protocol.  script(frame): None: silence; a status: the error
    packet, and the end; "drop": the end alone."""

    def __init__(self, context, script=None, address=("127.0.0.1", 0)):
        self.context, self.script = context, script
        self.connections = 0
        self.frames, self.faults = [], []
        self.listener = socket.create_server(address)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,),
                             daemon=True).start()

    @staticmethod
    def read(s, n):
        data = b""
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self, raw):
        raw.settimeout(20)
        try:
            s = self.context.wrap_socket(raw, server_side=True)
        except (OSError, ssl.SSLError):
            return
        number = self.connections = self.connections + 1
        try:
            while True:
                command, size = struct.unpack(">BI", self.read(s, 5))
                items, data = {}, self.read(s, size)
                while data:
                    what, n = struct.unpack(">BH", data[:3])
                    items[what], data = data[3:3 + n], data[3 + n:]
                if command != 2 or not {1, 2, 3} <= set(items) <= set(range(6)):
                    self.faults.append((command, items))
                frame = {"connection": number, "token": items[1].hex(),
                         "json": json.loads(items[2]),
                         "id": struct.unpack(">I", items[3])[0],
                         "expires": struct.unpack(
                             ">I", items.get(4, bytes(4)))[0],
                         "priority": items.get(5, b"\n")[0]}
                does = self.script(frame) if self.script else None
                if does is None:
                    self.frames.append(frame)
                    continue
                if does != "drop":
                    # later ones are thrown away unread
                    time.sleep(0.2)
                    s.sendall(struct.pack(">BBI", 8, does, frame["id"]))
                try:
                    s.unwrap()
                except OSError:
                    pass
                return
        except (EOFError, OSError, ValueError):
            pass
        finally:
            s.close()
