# SPDX-License-Identifier: Apache-2.0
"""Bounces that come as mail, notices of delay, and who is told."""
import email
import smtplib
import time

import pytest

from daemon import free_port, wait_for
from peers import send


def routes(port, more=""):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n{more}'


BOUNCES = """
bounce_domains = ( "bounces.test" "*.bounces.test" )
bounce_suppress_list = "nobody@dest.test, @secret.test"
domain "drop.bounces.test" { bounce_behavior = blackhole }
domain "ret.bounces.test" { bounce_pattern = "^ret-" }
"""
# peers that may send nowhere else
STRANGER = """
ESMTP_Listener { Listen "127.0.0.1:@PORT@" { } }
"""


def report(*recipients, status="5.1.1", action="failed"):
    """The text of an RFC 3464 report about those recipients."""
    groups = "".join(
        f"Original-Recipient: rfc822;{r}\r\nFinal-Recipient: rfc822;{r}\r\n"
        f"Action: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} No such user\r\n\r\n"
        for r in recipients)
    return ("From: <mailer-daemon@far.test>\r\nSubject: Undelivered\r\n"
            "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            "Message-ID: <1@far.test>\r\n"
            "Content-Type: multipart/report; report-type=delivery-status;\r\n"
            " boundary=\"=_b\"\r\n\r\n--=_b\r\n\r\nIt failed.\r\n\r\n"
            "--=_b\r\nContent-Type: message/delivery-status\r\n\r\n"
            f"Reporting-MTA: dns; far.test\r\n\r\n{groups}"
            "--=_b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
            "Subject: hello\r\n\r\n--=_b--\r\n")


def deliver(d, to, text):
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as s:
        return s.sendmail("", [to] if isinstance(to, str) else to, text)


def reported(d, count=1, kind="B"):
    rows = d.wait_records(kind, count, "bouncelog")
    return [r for r in rows if r[11] == "21"]


def test_reported_bounce_is_logged_and_passed(impeld, server):
    s = server()
    d = impeld(STRANGER + routes(s.port, BOUNCES), listener=False)
    deliver(d, "v-17@bounces.test", report("gone@dest.test"))
    b = reported(d)[0]
    assert b[5:7] == ["gone", "dest.test"]
    assert b[7:9] == ["v-17", "bounces.test"]
    assert b[11:13] == ["21", "10"]
    assert "550 5.1.1 No such user" in b[15]
    assert s.wait()[0].recipients == ["v-17@bounces.test"]
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        deliver(d, "any@else.test", report("gone@dest.test"))


def test_each_reported_recipient_and_the_suppressed(impeld, server):
    s = server()
    d = impeld(STRANGER + routes(s.port, BOUNCES), listener=False)
    deliver(d, "x@a.bounces.test", report(
        "one@dest.test", "nobody@dest.test", "two@dest.test", "c@secret.test"))
    s.wait()
    rows = reported(d, 2)
    assert [r[5] for r in rows] == ["one", "two"]


def test_reported_delay_is_transient(impeld, server):
    s = server()
    d = impeld(STRANGER + routes(s.port, BOUNCES), listener=False)
    deliver(d, "x@bounces.test",
            report("slow@dest.test", status="4.4.1", action="delayed"))
    assert reported(d, kind="T")[0][5] == "slow"
    assert not d.records("B", "bouncelog")


def test_blackholed_bounce_is_logged_and_dropped(impeld, server):
    s = server()
    d = impeld(STRANGER + routes(s.port, BOUNCES), listener=False)
    deliver(d, "v@drop.bounces.test", report("gone@dest.test"))
    assert reported(d)[0][5] == "gone"
    assert d.queued() == 0 and not d.records("R")
    # only the one that is not dropped goes on
    deliver(d, ["v@drop.bounces.test", "w@bounces.test"],
            report("other@dest.test"))
    assert s.wait()[0].recipients == ["w@bounces.test"]
    assert len(reported(d, 3)) == 3
    # what is no report is not dropped
    send(d.port, "v@drop.bounces.test", sender="", body="I am away\r\n")
    assert s.wait(2)[1].recipients == ["v@drop.bounces.test"]
    assert len(d.records("B", "bouncelog")) == 3


def test_bounce_pattern(impeld, server):
    s = server(answer=lambda stage, line: "550 5.1.1 no\r\n"
               if stage == "RCPT" and b"bad" in line else None)
    d = impeld(routes(s.port, BOUNCES +
                      'domain "in.test" { bounce_pattern = "^list-" }\n'))
    deliver(d, "x@ret.bounces.test", report("a@dest.test"))
    deliver(d, "ret-1@ret.bounces.test", report("b@dest.test"))
    assert [r[5] for r in reported(d)] == ["b"]
    # in-band: only failures of mail from such a sender are in the bouncelog
    send(d.port, "bad1@in.test", sender="me@origin.test")
    send(d.port, "bad2@in.test", sender="list-1@origin.test")
    d.wait_records("P", 2)
    rows = d.wait_records("B", 2, "bouncelog")
    assert [r[5] for r in rows if r[11] != "21"] == ["bad2"]


def test_log_outofband_bounces_off(impeld, server):
    s = server()
    d = impeld(STRANGER + routes(s.port, BOUNCES) + """
bounce_logger "bounces" { log_outofband_bounces = false }
""", listener=False)
    deliver(d, "v@bounces.test", report("gone@dest.test"))
    s.wait()
    assert not d.records("B", "bouncelog")


def test_blackhole_inline(impeld, server):
    s = server()
    d = impeld(routes(s.port, 'domain "hole.test" { blackhole = inline }\n'))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(d.port, "to@hole.test")
    assert refused.value.recipients["to@hole.test"][0] == 551
    send(d.port, "to@dest.test")
    s.wait()


def test_mdn_failures_notify(impeld, server):
    s = server(answer=lambda stage, line: "550 5.1.1 no\r\n"
               if stage == "RCPT" and b"bad" in line else None)
    d = impeld(routes(s.port, 'mdn_failures_notify = "op@home.test"\n'))
    send(d.port, "bad@dest.test", sender="")
    m = s.wait()[0]
    assert m.sender == "" and m.recipients == ["op@home.test"]
    d.wait_empty()
    # a report of a lost report would be lost as well
    send(d.port, "bad-op@home.test", sender="")
    d.wait_records("P", 2)


def test_context_goes_with_the_message(impeld, server):
    s = server()
    d = impeld("""
binding "news" { }
ESMTP_Listener {
  Relay_Hosts = ( "127.0.0.0/8" )
  Listen "127.0.0.1:@PORT@" { Context = [ binding = "news" ] }
}
""" + routes(s.port), listener=False)
    send(d.port, "to@dest.test")
    s.wait()
    assert d.wait_records("R")[0][13] == "news"
    assert "news" in d.wait_records("D")[0]


DELAY = """
Retry_Interval = 3600
generate_delay_dsn = true
delay_dsn_retry_interval = 2
delay_dsn_max_retry_interval = 3600
"""


def refuses_for_now(stage, line):
    return ("451 4.3.2 not now\r\n"
            if stage == "RCPT" and b"slow" in line else None)


def test_notice_of_delay(impeld, server):
    s = server(answer=refuses_for_now)
    d = impeld(routes(s.port, DELAY))
    send(d.port, ["slow@dest.test", "fine@dest.test"], mail_options=["RET=FULL"],
         body="the text of it\r\n")
    notice = wait_for(lambda: [m for m in s.messages if m.sender == ""])[0]
    assert notice.recipients == ["sender@origin.test"]
    m = email.message_from_bytes(notice.data)
    assert m.get_content_type() == "multipart/report"
    assert m["Auto-Submitted"] == "auto-replied"
    status = m.get_payload(1).get_payload()
    assert len(status) == 2
    assert status[1]["Final-Recipient"] == "rfc822;slow@dest.test"
    assert status[1]["Action"] == "delayed"
    assert status[1]["Status"] == "4.3.2"
    assert "451 4.3.2 not now" in status[1]["Diagnostic-Code"]
    assert status[1]["Will-Retry-Until"]
    assert b"the text of it" not in notice.data
    # the message itself still waits, and was told of once
    d.wait_records("D", 2)
    time.sleep(1)
    assert len([m for m in s.messages if m.sender == ""]) == 1
    assert d.queued() == 1


@pytest.mark.parametrize("notify", ["NEVER", "FAILURE"])
def test_no_notice_for_those_who_do_not_want_it(impeld, server, notify):
    s = server(answer=refuses_for_now)
    d = impeld(routes(s.port, DELAY))
    send(d.port, "slow@dest.test", rcpt_options=["NOTIFY=" + notify])
    send(d.port, "slow@dest.test", sender="")
    send(d.port, "slow2@dest.test", rcpt_options=["NOTIFY=DELAY"])
    notice = wait_for(lambda: [m for m in s.messages if m.sender == ""])[0]
    assert b"slow2@dest.test" in notice.data
    time.sleep(2)
    assert len(s.messages) == 1


def test_notice_of_delay_over_a_restart(impeld, server):
    s = server(answer=refuses_for_now)
    d = impeld(routes(s.port, DELAY.replace("= 2", "= 5")))
    send(d.port, "slow@dest.test")
    d.wait_records("T")
    d.terminate()
    d.start()
    notice = s.wait()[0]
    assert b"Action: delayed" in notice.data
    d.terminate()
    d.start()
    time.sleep(2)
    assert len(s.messages) == 1
