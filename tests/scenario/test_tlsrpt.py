# SPDX-License-Identifier: Apache-2.0
"""Reports of TLS (RFC 8460): counted, kept over a restart, signed, sent by mail
and by HTTPS; what hosts lie about does not get into them."""
import base64
import email
import gzip
import http.server
import json
import ssl
import subprocess
import threading

import dkim
import pytest

from certificates import Authority
from daemon import wait_for
from peers import send

KEYS = {}


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    folder = tmp_path_factory.mktemp("key")
    subprocess.run(["openssl", "genrsa", "-out", folder / "s.key", "2048"],
                   check=True, capture_output=True)
    der = subprocess.run(
        ["openssl", "rsa", "-in", folder / "s.key", "-pubout", "-outform",
         "DER"], check=True, capture_output=True).stdout
    KEYS["s"] = b"v=DKIM1; k=rsa; s=tlsrpt; p=" + base64.b64encode(der)
    return folder / "s.key"


class Collector:
    """An HTTPS server that takes reports."""

    def __init__(self, context):
        self.requests, self.answers = [], []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, self.headers, body))
                answers = collector.answers
                self.send_response(answers.pop(0) if answers else 201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def collector():
    made = []

    def make(context):
        made.append(Collector(context))
        return made[-1]
    yield make
    for c in made:
        c.stop()


def conf(dns, folder, port, more=""):
    return f"""
Resolv_Conf = "{dns.conf(folder)}"
Remote_SMTP_Port = {port}
Retry_Interval = 1
Host_Failure_Retry = 1
tls = ifavailable
tls_reports = true
tls_report_from = "tlsrpt@me.test"
tls_report_organization = "Example Org"
{more}
"""


def host(dns, domain, *records):
    dns.add(domain, "MX", f"10 mx.{domain}.")
    dns.add(f"mx.{domain}", "A", "127.0.0.1")
    for r in records:
        dns.add(f"_smtp._tls.{domain}", "TXT", f'"{r}"')


def shown(d, domain):
    return json.loads(d.ask("tls_report", "show", domain))


def attached(message):
    """The report in a mail, and its part."""
    part = message.get_payload()[1]
    return json.loads(gzip.decompress(part.get_payload(decode=True))), part


def sums(report):
    assert len(report["policies"]) == 1
    s = report["policies"][0]["summary"]
    return (s["total-successful-session-count"],
            s["total-failure-session-count"])


def test_a_failing_host_gets_its_report_by_mail(impeld, server, ca, dns, key,
                                                 tmp_path):
    s = server(tls=ca.context("other.test"))
    host(dns, "dest.test", "v=TLSRPTv1; rua=mailto:tls@reports.test")
    host(dns, "reports.test")
    d = impeld(conf(dns, tmp_path, s.port, f"""
Domain "dest.test" {{ tls = required tls_verify = host tls_ca = "{ca.crt}" }}
opendkim "k" {{ selector = s key = "{key}" dkim_domain "me.test" {{ }} }}
"""))
    send(d.port, "a@dest.test")
    wait_for(lambda: "dest.test" in d.ask("tls_report", "list"))
    wait_for(lambda: sums(shown(d, "dest.test")[0])[1] > 0)
    d.terminate()  # what was counted is there again
    d.start()
    good, bad = sums(shown(d, "dest.test")[0])
    assert good == 0 and bad > 0
    d.ask("suspend", "domain", "dest.test")
    d.ask("tls_report", "send", "dest.test")
    m = s.wait()[0]
    assert m.recipients == ["tls@reports.test"]
    assert m.sender == "tlsrpt@me.test"
    mail = email.message_from_bytes(m.data)
    assert mail["TLS-Report-Domain"] == "dest.test"
    assert mail["TLS-Report-Submitter"] == "me.test"
    assert mail["TLS-Required"] == "No"
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "tlsrpt"
    assert dkim.DKIM(m.data, tlsrpt="strict").verify(
        dnsfunc=lambda name, timeout=5: KEYS["s"])
    report, part = attached(mail)
    assert part.get_content_type() == "application/tlsrpt+gzip"
    sender, domain, begin, end, _ = part.get_filename().split("!")
    assert (sender, domain) == ("me.test", "dest.test")
    assert int(begin) % 86400 == 0 and int(begin) < int(end)
    assert report["organization-name"] == "Example Org"
    assert report["report-id"] in mail["Subject"]
    assert sums(report)[1] >= bad
    policy = report["policies"][0]
    assert policy["policy"] == {"policy-type": "no-policy-found",
                                "policy-domain": "dest.test"}
    f = policy["failure-details"][0]
    assert f["result-type"] == "certificate-host-mismatch"
    assert f["receiving-mx-hostname"] == "mx.dest.test"
    assert f["receiving-ip"] == f["sending-mta-ip"] == "127.0.0.1"
    # the session that brought it is in no report, and nothing is sent again
    assert "reports.test" not in d.ask("tls_report", "list")
    d.terminate()
    d.start()
    assert len(s.messages) == 1


def test_by_https_once_it_answers(impeld, server, ca, dns, collector, tmp_path):
    c = collector(ca.context("in.reports.test"))
    c.answers = [503]
    s = server(tls=ca.context("mx.dest.test"))
    dns.add("in.reports.test", "A", "127.0.0.1")
    host(dns, "dest.test",
         f"v=TLSRPTv1; rua=https://in.reports.test:{c.port}/v1?x=y")
    d = impeld(conf(dns, tmp_path, s.port, f'https_ca = "{ca.crt}"\n'))
    send(d.port, "a@dest.test")
    s.wait()
    wait_for(lambda: "dest.test" in d.ask("tls_report", "list"))
    d.ask("tls_report", "send", "dest.test")
    wait_for(lambda: len(c.requests) == 1)
    wait_for(lambda: "waits to be sent" in d.ask("tls_report", "list"))
    d.kill()  # it was stored before it was sent
    d.start()
    d.ask("tls_report", "send", "dest.test")
    wait_for(lambda: len(c.requests) == 2)
    path, headers, body = c.requests[1]
    assert path == "/v1?x=y" and body == c.requests[0][2]
    assert headers["Content-Type"] == "application/tlsrpt+gzip"
    assert sums(json.loads(gzip.decompress(body))) == (1, 0)
    wait_for(lambda: "nothing was counted" in d.ask("tls_report", "list"))


def test_in_clear_and_after_a_fallback(impeld, server, dns, tmp_path):
    plain, broken = server(), server(tls="broken")
    host(dns, "plain.test", "v=TLSRPTv1; rua=mailto:r@plain.test")
    dns.add("broken.test", "MX", "10 mx.broken.test.")
    dns.add("mx.broken.test", "A", "127.0.0.1")
    dns.add("_smtp._tls.broken.test", "TXT",
            '"v=TLSRPTv1; rua=mailto:r@broken.test"')
    host(dns, "silent.test")  # wants no reports
    d = impeld(conf(dns, tmp_path, plain.port, f"""
Domain "broken.test" {{ Remote_SMTP_Port = {broken.port} }}
"""))
    for domain in ("plain.test", "broken.test", "silent.test"):
        send(d.port, f"a@{domain}")
    plain.wait(2)
    broken.wait()
    for domain, word in (("plain.test", "starttls-not-supported"),
                         ("broken.test", "validation-failure")):
        wait_for(lambda: domain in d.ask("tls_report", "list"))
        report = shown(d, domain)[0]
        assert sums(report) == (0, 1)
        details = report["policies"][0]["failure-details"]
        assert [f["result-type"] for f in details] == [word]
    assert "silent.test" not in d.ask("tls_report", "list")


def test_a_certificate_writes_no_json(impeld, server, ca, dns, tmp_path):
    """Names in certificates, and in greetings, are a stranger's words."""
    evil = 'x"},{"policy":"\\u0000\\\\'
    crt, key = tmp_path / "evil.crt", tmp_path / "evil.key"
    subject = evil.replace("\\", "\\\\").replace("/", "\\/")
    Authority.openssl("req", "-x509", "-nodes", *Authority.new, "-keyout", key,
                      "-out", crt, "-days", "2", "-subj",
                      f"/CN={subject}/O=a\\\nBcc: x@y")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    s = server(tls=context)
    host(dns, "dest.test", "v=TLSRPTv1; rua=mailto:r@dest.test")
    d = impeld(conf(dns, tmp_path, s.port, f"""
tls_verify = host
tls_ca = "{ca.crt}"
tls_ifavailable_fallback = false
"""))
    send(d.port, "a@dest.test")
    wait_for(lambda: "dest.test" in d.ask("tls_report", "list"))
    report = shown(d, "dest.test")[0]
    assert sorted(report) == ["contact-info", "date-range", "organization-name",
                              "policies", "report-id"]
    assert len(report["policies"]) == 1
    for f in report["policies"][0]["failure-details"]:
        assert f["result-type"] in ("certificate-not-trusted",
                                    "certificate-host-mismatch",
                                    "validation-failure")
        assert "\n" not in "".join(map(str, f.values()))


def test_a_policy_that_cannot_be_had(impeld, server, dns, tmp_path):
    s = server()
    host(dns, "dest.test", "v=TLSRPTv1; rua=mailto:r@dest.test")
    dns.add("_mta-sts.dest.test", "TXT", '"v=STSv1; id=1;"')
    dns.add("mta-sts.dest.test", "A", "127.0.0.9")  # nobody is there
    d = impeld(conf(dns, tmp_path, s.port, "use_mta_sts = true"))
    send(d.port, "a@dest.test")
    s.wait()

    def policies():
        if "dest.test" not in d.ask("tls_report", "list"):
            return {}
        return {p["policy"]["policy-type"]: p["failure-details"]
                for p in shown(d, "dest.test")[0]["policies"]}
    wait_for(lambda: len(policies()) == 2)
    assert policies()["sts"][0]["result-type"] == "sts-policy-fetch-error"
    assert policies()["no-policy-found"][0]["result-type"] == \
        "starttls-not-supported"
