# SPDX-License-Identifier: Apache-2.0
"""A server of HTTPS, by HTTP/1.1 or HTTP/2 as the client likes it, that keeps
what it is asked and says what it is told to: for what clients send, not for
what a service makes of it."""
import http.client
import io
import json
import socket
import threading

import h2.config
import h2.connection
import h2.events


class Asked:
    """A request: headers has ":method", ":path" and ":authority" whatever the
    protocol; names are in small letters."""

    def __init__(self, headers, body, version):
        self.headers, self.body, self.version = headers, body, version


class Mirror:
    """answers: {path: function of an Asked that gives (status, an object)}."""

    def __init__(self, context, answers, address=("127.0.0.1", 0)):
        self.context, self.answers, self.asked = context, answers, []
        context.set_alpn_protocols(["h2", "http/1.1"])
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

    def serve(self, raw):
        raw.settimeout(20)
        try:
            with self.context.wrap_socket(raw, server_side=True) as s:
                if s.selected_alpn_protocol() == "h2":
                    self.serve_2(s)
                else:
                    self.serve_1(s)
        except OSError:
            pass  # it has gone, or does not like the certificate

    def answer(self, headers, body, version):
        asked = Asked(headers, body, version)
        self.asked.append(asked)
        give = self.answers.get(headers[":path"])
        status, said = give(asked) if give else (404, {"error": "not found"})
        return status, json.dumps(said).encode()

    def serve_2(self, s):
        c = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8"))
        c.initiate_connection()
        s.sendall(c.data_to_send())
        open_ = {}
        while data := s.recv(65536):
            for e in c.receive_data(data):
                if isinstance(e, h2.events.RequestReceived):
                    open_[e.stream_id] = [dict(e.headers), b""]
                elif isinstance(e, h2.events.DataReceived):
                    c.acknowledge_received_data(
                        e.flow_controlled_length, e.stream_id)
                    open_[e.stream_id][1] += e.data
                elif isinstance(e, h2.events.StreamEnded):
                    status, body = self.answer(*open_.pop(e.stream_id), "2")
                    c.send_headers(e.stream_id, [
                        (":status", str(status)),
                        ("content-type", "application/json; charset=UTF-8")])
                    c.send_data(e.stream_id, body, end_stream=True)
            s.sendall(c.data_to_send())

    def serve_1(self, s):
        f = s.makefile("rb")
        while line := f.readline(8192):
            method, path, version = line.decode("latin-1").split()
            said = http.client.parse_headers(f)
            headers = {k.lower(): v for k, v in said.items()}
            headers.update({":method": method, ":path": path,
                            ":authority": headers.pop("host", "")})
            body = self.body_1(f, headers)
            status, body = self.answer(headers, body, version[5:])
            s.sendall(b"HTTP/1.1 %d OK\r\nContent-Type: application/json; "
                      b"charset=UTF-8\r\nContent-Length: %d\r\n\r\n%b" %
                      (status, len(body), body))

    @staticmethod
    def body_1(f, headers):
        if headers.get("transfer-encoding") != "chunked":
            return f.read(int(headers.get("content-length", 0)))
        body = io.BytesIO()
        while n := int(f.readline(100), 16):
            body.write(f.read(n))
            f.readline(3)
        f.readline(3)
        return body.getvalue()
