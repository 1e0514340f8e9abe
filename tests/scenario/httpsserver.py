# SPDX-License-Identifier: Apache-2.0
"""A server of HTTPS, or of HTTP, on loopback that answers as a test wants it."""
import http.server
import threading


def answer(handler, status, headers, body):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Https:
    """pages: {(host, path): (status, headers, body)}; a callable in its place
    gets the handler (a POST's has body), and answers itself.  asked: (host,
    path) of each request, stopped or not; connections counts them.  context:
    an ssl.SSLContext, or None: in clear."""

    def __init__(self, context, pages=None, port=0,
                 address="127.0.0.1"):
        self.pages, self.asked, self.connections = pages or {}, [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def do_POST(self):
                self.body = self.rfile.read(
                    int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def do_GET(self):
                host = self.headers.get("Host", "").split(":")[0]
                outer.asked.append((host, self.path))
                outer.serve(self, host)

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass  # clients that do not like the certificate

            def finish_request(self, request, address):
                outer.connections += 1
                request.settimeout(30)
                if not context:
                    super().finish_request(request, address)
                    return
                secure = context.wrap_socket(request, server_side=True)
                super().finish_request(secure, address)
                try:
                    secure.unwrap()
                except OSError:
                    pass

        self.server = Threads((address, port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True,
                         kwargs={"poll_interval": 0.05}).start()

    def serve(self, handler, host):
        page = self.pages.get((host, handler.path), (
            404, {"Content-Type": "text/plain"}, b"none\n"))
        if callable(page):
            page(handler)
        else:
            answer(handler, *page)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
