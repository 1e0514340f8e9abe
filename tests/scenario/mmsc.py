# SPDX-License-Identifier: Apache-2.0
"""An MMSC for tests: it takes SubmitReq as TS 23.140 has it and looks at all of
it: element order, namespaces, the structure of MIME, the login."""
import base64
import email
import email.policy
import hashlib
import http.client
import http.server
import re
import socket
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
        if m.early and not self.headers.get("Authorization"):
            m.logins.append(None)
            m.may(self)
            while self.rfile.read(65536):
                pass  # so that the answer is not lost by a reset
            return
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
    handler and Submit.  login: ("basic" or "digest", name, password).  early:
    it asks for that before it reads on, and closes."""

    def __init__(self, script=(), login=None, schema=REL6, context=None,
                 stale=0, algorithm="SHA-256", closes=False, early=False,
                 port=0):
        self.script, self.login, self.schema = list(script), login, schema
        self.stale, self.algorithm = stale, algorithm
        self.closes, self.early = closes or early, early
        self.submits, self.paths, self.logins, self.wrong = [], [], [], []
        self.connections, self.nonces, self.counts = 0, 0, set()
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", port), Handler)
        if early:
            self.server.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # peers may be gone
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


class Reply:
    """What the provider answered: status of HTTP, fields, SOAP."""

    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.raw = response.read()
        self.kind = self.code = self.details = self.transaction = None
        if not self.raw:
            return
        header, body = ET.fromstring(self.raw)
        if len(header):
            self.transaction = header[0].text
        what = body[0]
        if what.tag == f"{{{SOAP}}}Fault":
            assert self.status == 500
            what = what.find("detail")[0]
        self.schema, _, self.kind = what.tag[1:].partition("}")
        names = [e.tag.partition("}")[2] for e in what]
        assert names == ["MM7Version", "Status"], names
        status = {e.tag.partition("}")[2]: e.text for e in what[1]}
        assert list(status)[:2] == ["StatusCode", "StatusText"]
        self.code, self.details = int(status["StatusCode"]), \
            status.get("Details")


class Caller:
    """An MMSC that asks a provider; a connection that is kept."""

    def __init__(self, port, host="127.0.0.1", path="/mms", schema=REL6,
                 context=None, **fields):
        make = http.client.HTTPSConnection if context else \
            http.client.HTTPConnection
        more = {"context": context} if context else {}
        self.http = make(host, port, timeout=20, **more)
        self.path, self.schema, self.fields = path, schema, fields
        self.serial = 0

    def close(self):
        self.http.close()

    def post(self, body, kind="text/xml; charset=utf-8", method="POST",
             path=None, **fields):
        body = body.encode() if isinstance(body, str) else body
        self.http.request(method, path or self.path, body, {
            "Content-Type": kind, "SOAPAction": '""',
            **{k.replace("_", "-"): v
               for k, v in {**self.fields, **fields}.items()}})
        return Reply(self.http.getresponse())

    def soap(self, kind, inner, transaction=None):
        self.serial += 1
        return envelope(
            f'<{kind} xmlns="{self.schema}"><MM7Version>6.8.0</MM7Version>'
            f"<MMSRelayServerID>mmsc.test</MMSRelayServerID>{inner}</{kind}>",
            transaction or f"call-{self.serial}", self.schema)

    def report(self, message_id, status, words="", **how):
        return self.post(self.soap("DeliveryReportReq", (
            f"<MessageID>{message_id}</MessageID><Recipient><Number>1</Number>"
            "</Recipient><Sender><Number>2</Number></Sender>"
            f"<Date>2026-11-21T20:00:00Z</Date><MMStatus>{status}</MMStatus>"
            f"{f'<StatusText>{words}</StatusText>' if words else ''}"), **how))

    def ping(self):
        """What is answered at once, and does nothing."""
        return self.post(self.soap("CancelReq", ""))

    def read(self, message_id, status="Read"):
        return self.post(self.soap("ReadReplyReq", (
            f"<MessageID>{message_id}</MessageID><Recipient><Number>1</Number>"
            "</Recipient><Sender><Number>2</Number></Sender>"
            "<TimeStamp>2026-11-21T20:00:00Z</TimeStamp>"
            f"<MMStatus>{status}</MMStatus>")))

    def deliver(self, content, sender="<Number>+15550001</Number>",
                to="<ShortCode>28444</ShortCode>", linked="", subject="hello",
                more="", href="cid:it", **how):
        """content: a MIME part with its fields, as bytes; None: none."""
        soap = self.soap("DeliverReq", (
            f"{f'<LinkedID>{linked}</LinkedID>' if linked else ''}"
            f"<Sender>{sender}</Sender>"
            f"{f'<Recipients><To>{to}</To></Recipients>' if to else ''}"
            "<TimeStamp>2026-11-21T21:15:00+01:00</TimeStamp>"
            f"<Priority>High</Priority><Subject>{subject}</Subject>{more}"
            + (f'<Content href="{href}"/>' if content else "")), **how)
        if content is None:
            return self.post(soap)
        body = (b"--=x\r\nContent-Type: text/xml; charset=utf-8\r\n"
                b"Content-ID: <soap>\r\n\r\n" + soap.encode() +
                b"\r\n--=x\r\nContent-ID: <it>\r\n" + content +
                b"\r\n--=x--\r\n")
        return self.post(body, 'multipart/related; boundary="=x"; '
                         'type="text/xml"; start="<soap>"')
