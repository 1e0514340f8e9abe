# SPDX-License-Identifier: Apache-2.0
"""A server that takes messages by tests/out-of-tree/webhook."""
import base64
import json

import httpsserver
from daemon import wait_for


class Hooks(httpsserver.Https):
    """answer(document, headers) -> (status, headers, body), or None: 200.

    requests has (path, headers, document) of each."""

    def __init__(self, answer=lambda document, headers: None, context=None,
                 port=0):
        self.answer, self.requests = answer, []
        super().__init__(context, port=port)

    def serve(self, handler, host):
        document = json.loads(handler.body)
        self.requests.append((handler.path, handler.headers, document))
        said = self.answer(document, handler.headers) or (200, {}, b"")
        httpsserver.answer(handler, *said)

    def wait(self, count=1, timeout=20):
        wait_for(lambda: len(self.requests) >= count, timeout,
                 f"{count} requests")
        return [document for _, _, document in self.requests]


def said(**what):
    """An answer in JSON."""
    return 200, {"Content-Type": "application/json"}, json.dumps(what).encode()


def message_of(document):
    return base64.b64decode(document["message"], validate=True)
