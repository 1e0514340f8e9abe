# SPDX-License-Identifier: Apache-2.0
"""REQUIRETLS (RFC 8689) from a client to a host, and what becomes of mail that
no host may have."""
import smtplib
import ssl

import pytest

from certificates import Authority
from daemon import wait_for


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


def submit(d, ca, to, options=("REQUIRETLS",), header=""):
    context = ssl.create_default_context(cafile=ca.crt)
    context.check_hostname = False
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as s:
        s.ehlo()
        assert not s.has_extn("requiretls")
        s.starttls(context=context)
        s.ehlo()
        assert s.has_extn("requiretls")
        s.sendmail("from@origin.test", [to],
                   f"From: from@origin.test\r\n{header}\r\ntext\r\n",
                   mail_options=options)


def conf(crt, ca, good, other):
    return f"""
Retry_Interval = 1
Host_Failure_Retry = 1
tls_certificate = "{crt[0]}"
tls_key = "{crt[1]}"
tls_ca = "{ca.crt}"
tls = ifavailable
Domain "good.test" {{ Routes = ( "smtp://127.0.0.1?port={good}" ) }}
Domain "origin.test" {{ Routes = ( "smtp://127.0.0.1?port={good}" ) }}
Domain "other.test" {{ Routes = ( "smtp://127.0.0.1?port={other}" ) }}
"""


@pytest.fixture
def world(impeld, server, ca):
    """A host that keeps to it, and one that has TLS and does not."""
    extensions = ("PIPELINING", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES")
    crt = ca.make("me.test")
    names = ("good.test", "origin.test", "other.test")
    good = server(tls=ca.context("good", *names),
                  extensions=(*extensions, "REQUIRETLS"))
    other = server(tls=ca.context("other", *names), extensions=extensions)
    return impeld(conf(crt, ca, good.port, other.port)), good, other


def mail_lines(s):
    return [line for line in s.lines if line.startswith(b"MAIL")]


def test_it_is_passed_on_and_kept_over_a_restart(world, ca):
    d, good, other = world
    d.ask("suspend", "domain", "good.test")
    submit(d, ca, "a@good.test")
    d.terminate()
    d.start()
    d.ask("resume", "domain", "good.test")
    good.wait()
    assert b" REQUIRETLS" in mail_lines(good)[0]
    # mail that does not ask for it does not get it
    submit(d, ca, "b@good.test", options=())
    good.wait(2)
    assert b"REQUIRETLS" not in mail_lines(good)[1]


def test_a_host_that_does_not_offer_it(world, ca):
    d, good, other = world
    submit(d, ca, "a@other.test")
    report = good.wait()[0]  # to the sender, by a host that keeps to it
    assert report.recipients == ["from@origin.test"]
    assert b"Status: 5.7.30" in report.data
    assert b"\r\ntext\r\n" not in report.data  # no body of it is returned
    assert b" REQUIRETLS" in mail_lines(good)[0]
    assert not other.messages and not mail_lines(other)
    # it is none the worse for other mail
    submit(d, ca, "b@other.test", options=())
    other.wait()


def test_tls_required_no(world, ca):
    d, good, other = world
    submit(d, ca, "a@other.test", options=(), header="TLS-Required: No\r\n")
    other.wait()
    submit(d, ca, "b@other.test", header="TLS-Required: No\r\n")
    wait_for(lambda: good.messages)  # REQUIRETLS counts: it has failed
    assert len(other.messages) == 1
