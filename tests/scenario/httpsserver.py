# SPDX-License-Identifier: Apache-2.0
"""A server of HTTPS on loopback that answers as a test wants it."""
import http.server
import threading


class Https:
    """pages: {(host, path): (status, headers, body)}; a callable in its place
    gets the handler, and answers itself.  asked: (host, path) of each request,
    stopped or not."""

    def __init__(self, context, pages=None, port=0):
        self.pages, self.asked, self.bodies = pages or {}, [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def do_GET(self):
                host = self.headers.get("Host", "").split(":")[0]
                outer.asked.append((host, self.path))
                page = outer.pages.get((host, self.path),
                                       (404, {"Content-Type": "text/plain"},
                                        b"none\n"))
                if callable(page):
                    page(self)
                    return
                status, headers, body = page
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass  # clients that do not like the certificate

            def finish_request(self, request, address):
                request.settimeout(30)
                secure = context.wrap_socket(request, server_side=True)
                super().finish_request(secure, address)
                try:
                    secure.unwrap()
                except OSError:
                    pass

        self.server = Threads(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True,
                         kwargs={"poll_interval": 0.05}).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
