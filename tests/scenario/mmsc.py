# SPDX-License-Identifier: Apache-2.0
"""An MMSC for tests: it takes SubmitReq as TS 23.140 has it and looks at all of
it: element order, namespaces, the structure of MIME, the login."""
import base64
import email
import email.policy
import hashlib
import http.server
import re
import threading
import xml.etree.ElementTree as ET

from daemon import wait_for

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
REL6 = ("http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/"
        "REL-6-MM7-1-4")
REL5 = REL6.replace("REL-6-MM7-1-4", "REL-5-MM7-1-3")
# SubmitReq in the order of the schema, and which elements it must have
ORDER = ["MM7Version", "SenderIdentification", "Recipients", "ServiceCode",
         "LinkedID", "MessageClass", "TimeStamp", "ReplyCharging",
         "EarliestDeliveryTime", "ExpiryDate", "DeliveryReport", "ReadReply",
         "Priority", "Subject", "ChargedParty", "ChargedPartyID",
         "DistributionIndicator", "DeliveryCondition", "ApplicID",
         "ReplyApplicID", "AuxApplicInfo", "ContentClass", "DRMContent",
         "Content"]
NEEDED = {"MM7Version", "SenderIdentification", "Recipients"}


class Submit:
    """One SubmitReq; wrong says what is wrong with it, or ""."""

    def __init__(self, headers, body, schema):
        self.headers, self.raw, self.schema = headers, body, schema
        self.content = self.xml = None
        self.values, self.transaction = {}, ""
        self.wrong = self.mime() or self.soap() or self.order()

    def mime(self):
        if self.headers["SOAPAction"] != '""':
            return "SOAPAction"
        whole = email.message_from_bytes(
            b"Content-Type: " + self.headers["Content-Type"].encode() +
            b"\r\n\r\n" + self.raw, policy=email.policy.HTTP)
        if whole.get_content_type() != "multipart/related" or \
                whole.get_param("type") != "text/xml" or whole.defects:
            return f"multipart/related: {whole.defects}"
        self.parts = whole.get_payload()
        if len(self.parts) != 2:
            return f"{len(self.parts)} parts"
        root, self.content = self.parts
        if root.get_content_type() != "text/xml" or \
                root["Content-ID"] != whole.get_param("start"):
            return "the root part"
        self.xml = root.get_payload(decode=True)
        return ""

    def soap(self):
        root = ET.fromstring(self.xml)
        if root.tag != f"{{{SOAP}}}Envelope" or \
                [c.tag for c in root] != [f"{{{SOAP}}}Header",
                                          f"{{{SOAP}}}Body"]:
            return "Envelope"
        header, body = root
        t = header[0]
        if len(header) != 1 or t.tag != f"{{{self.schema}}}TransactionID" or \
                t.get(f"{{{SOAP}}}mustUnderstand") != "1" or not t.text:
            return "TransactionID"
        self.transaction = t.text
        if len(body) != 1 or body[0].tag != f"{{{self.schema}}}SubmitReq":
            return "SubmitReq"
        self.request = body[0]
        return ""

    def order(self):
        names = []
        for e in self.request.iter():
            if not e.tag.startswith(f"{{{self.schema}}}"):
                return f"the namespace of {e.tag}"
        for e in self.request:
            name = e.tag[len(self.schema) + 2:]
            names.append(name)
            self.values[name] = e.text if not len(e) else e
        known = [n for n in names if n in ORDER]
        if known != sorted(known, key=ORDER.index) or \
                len(set(known)) < len(known) or NEEDED - set(names):
            return f"order: {names}"
        if names[:len(known)] != known:
            return f"what is unknown stands before: {names}"
        if "Content" in self.values:
            href = self.request.find(f"{{{self.schema}}}Content").get("href")
            if self.content["Content-ID"] != f"<{href[4:]}>" or \
                    not href.startswith("cid:"):
                return f"Content {href}"
        return ""

    def find(self, path):
        """The text of a/b/c below SubmitReq."""
        e = self.request.find("/".join(
            f"{{{self.schema}}}{n}" for n in path.split("/")))
        return None if e is None else e.text


def answer(submit, code=1000, text="Success", message_id="mms-1", details="",
           transaction=None, kind="SubmitRsp", schema=None):
    schema = schema or submit.schema
    status = (f"<Status><StatusCode>{code}</StatusCode>"
              f"<StatusText>{text}</StatusText>"
              f"{f'<Details>{details}</Details>' if details else ''}</Status>")
    inner = (f'<{kind} xmlns="{schema}"><MM7Version>6.8.0</MM7Version>{status}'
             f"<MessageID>{message_id}</MessageID></{kind}>")
    return envelope(inner, transaction or submit.transaction, schema)


def fault(submit, code, text):
    return envelope(
        "<soap:Fault><faultcode>soap:Server</faultcode><faultstring>bad"
        f'</faultstring><detail><RSErrorRsp xmlns="{submit.schema}">'
        "<MM7Version>6.8.0</MM7Version><Status>"
        f"<StatusCode>{code}</StatusCode><StatusText>{text}</StatusText>"
        "</Status></RSErrorRsp></detail></soap:Fault>", submit.transaction,
        submit.schema)


def envelope(inner, transaction, schema):
    return (f'<?xml version="1.0"?><soap:Envelope xmlns:soap="{SOAP}">'
            f'<soap:Header><m:TransactionID xmlns:m="{schema}" '
            f'soap:mustUnderstand="1">{transaction}</m:TransactionID>'
            f"</soap:Header><soap:Body>{inner}</soap:Body></soap:Envelope>")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def setup(self):
        self.server.mmsc.connections += 1
        super().setup()

    def log_message(self, *_):
        pass

    def say(self, body, status=200, kind="text/xml", **fields):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
            if name == "Connection" and value == "close":
                self.close_connection = True
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        m = self.server.mmsc
        body = self.rfile.read(int(self.headers["Content-Length"]))
        m.paths.append(self.path)
        m.logins.append(self.headers.get("Authorization"))
        if m.login and not m.may(self):
            return
        s = Submit(self.headers, body, m.schema)
        with m.lock:
            m.submits.append(s)
            act = m.script.pop(0) if m.script else None
        if s.wrong:
            m.wrong.append(s.wrong)
            self.say(answer(s, 2007, s.wrong))
        elif act is None:
            self.say(answer(s, message_id=f"mms-{len(m.submits)}"))
        elif isinstance(act, str):
            self.say(act)
        else:
            act(self, s)


class Mmsc:
    """script: what to do with the first requests, one each: a function of
    handler and Submit.  login: ("basic" or "digest", name, password)."""

    def __init__(self, script=(), login=None, schema=REL6, context=None,
                 stale=0, algorithm="SHA-256", closes=False):
        self.script, self.login, self.schema = list(script), login, schema
        self.stale, self.algorithm, self.closes = stale, algorithm, closes
        self.submits, self.paths, self.logins, self.wrong = [], [], [], []
        self.connections, self.nonces, self.counts = 0, 0, set()
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.mmsc = self
        if context:
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count=1):
        return wait_for(lambda: len(self.submits) >= count and self.submits,
                        what=f"{count} requests")

    def may(self, h):
        kind, name, password = self.login
        said = h.headers.get("Authorization", "")
        if kind == "basic":
            good = said == "Basic " + base64.b64encode(
                f"{name}:{password}".encode()).decode()
            challenge = 'Basic realm="mms"'
        else:
            good = self.digest(h, said, name, password)
            self.nonces += 0 if good else 1
            challenge = (f'Digest realm="m, \\"ms", qop="auth-int, auth", '
                         f'nonce="n{self.nonces}", opaque="o,1", '
                         f"algorithm={self.algorithm}")
            challenge = challenge.replace('\\"', "")
        if not good:
            more = {"Connection": "close"} if self.closes else {}
            h.say("", 401, WWW_Authenticate=challenge, **more)
        return good

    def digest(self, h, said, name, password):
        """As RFC 7616 computes it; a nonce holds, and counts are used once."""
        p = {k: v.strip('"') for k, v in re.findall(
            r'(\w+)=("[^"]*"|[^\s,]+)', said[7:])}
        if not said.startswith("Digest ") or p["nonce"] != f"n{self.nonces}":
            return False
        if self.stale:
            self.stale -= 1
            return False

        def hashed(*words):
            f = hashlib.sha256 if self.algorithm == "SHA-256" else hashlib.md5
            return f(":".join(words).encode()).hexdigest()
        wanted = hashed(hashed(name, p["realm"], password), p["nonce"],
                        p["nc"], p["cnonce"], "auth",
                        hashed("POST", h.path))
        fresh = (p["nonce"], p["nc"]) not in self.counts
        self.counts.add((p["nonce"], p["nc"]))
        return fresh and p["response"] == wanted and p["username"] == name \
            and p["uri"] == h.path and p["opaque"] == "o,1" and \
            p["algorithm"] == self.algorithm and len(p["cnonce"]) >= 16
