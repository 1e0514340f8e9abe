# SPDX-License-Identifier: Apache-2.0
"""What goes wrong at the other side: retries, bounces, and nothing lost."""
import email
import socket
import threading

import pytest

from daemon import free_port, wait_for
from peers import send

FAST = "Retry_Interval = 1\nHost_Failure_Retry = 1\n"


def routes(*ports, more=FAST):
    items = " ".join(f'"smtp://127.0.0.1?port={p}"' for p in ports)
    return f"Routes = ( {items} )\n{more}"


def once(stage, reply):
    """An answer function that gives reply the first time only."""
    used = []

    def answer(at, line):
        if at == stage and not used:
            used.append(1)
            if isinstance(reply, Exception):
                raise reply
            return reply
        return None
    return answer


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY"])
def test_temporary_failure_is_retried(impeld, server, stage):
    s = server(answer=once(stage, "451 4.7.1 come back\r\n"))
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test")
    s.wait()
    t = d.wait_records("T")[0]
    assert "451 4.7.1 come back" in t[-1]
    d.wait_records("D")
    assert len(s.messages) == 1


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY"])
def test_permanent_failure_bounces(impeld, server, stage):
    def answer(at, line):
        # only the message to the bad recipient; its bounce passes
        return "550 5.7.1 go away\r\n" if at == stage and len(s.messages) == 0 \
            and not bounced(s) else None

    def bounced(s):
        return any(b"MAIL FROM:<>" in line for line in s.lines)
    s = server(answer=answer)
    d = impeld(routes(s.port))
    send(d.port, "bad@dest.test")
    m = s.wait()[0]
    assert m.sender == "" and m.recipients == ["sender@origin.test"]
    report = email.message_from_bytes(m.data)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    status = report.get_payload(1).get_payload()
    assert status[1]["Final-Recipient"].replace(" ", "") == \
        "rfc822;bad@dest.test"
    assert "Action: failed" in str(status[1])
    assert "Status: 5.7.1" in str(status[1])
    assert "550 5.7.1 go away" in str(status[1])
    d.wait_records("P")
    b = d.wait_records("B", name="bouncelog")[0]
    assert b[5:7] == ["bad", "dest.test"]


def test_each_recipient_has_its_own_result(impeld, server):
    def answer(stage, line):
        if stage == "RCPT" and b"<no@" in line:
            return "550 5.1.1 unknown\r\n"
        if stage == "RCPT" and b"<later@" in line and not s.messages:
            return "452 4.2.2 full\r\n"
        return None
    s = server(answer=answer)
    d = impeld(routes(s.port))
    send(d.port, ["yes@dest.test", "no@dest.test", "later@dest.test"])

    def served():
        return sorted(r for m in s.messages if m.sender for r in m.recipients)
    wait_for(lambda: served() == ["later@dest.test", "yes@dest.test"])
    wait_for(lambda: any(m.sender == "" for m in s.messages))
    d.wait_empty()


def test_no_bounce_for_a_bounce(impeld, server):
    s = server(answer=lambda stage, line:
               "550 5.1.1 no\r\n" if stage == "RCPT" else None)
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", sender="")
    d.wait_records("P")
    d.wait_empty()
    assert not s.messages


def test_notify_never(impeld, server):
    s = server(answer=lambda stage, line:
               "550 5.1.1 no\r\n" if stage == "RCPT" else None)
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", rcpt_options=["NOTIFY=NEVER"])
    d.wait_records("P")
    d.wait_empty()
    assert not any(b"MAIL FROM:<>" in line for line in s.lines)


def test_dsn_parameters_reach_the_bounce(impeld, server):
    s = server(answer=lambda stage, line: "550 5.1.1 no\r\n"
               if stage == "RCPT" and b"<to@" in line else None)
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", mail_options=["RET=FULL", "ENVID=abc+2B1"],
         rcpt_options=["NOTIFY=FAILURE", "ORCPT=rfc822;first@else.test"],
         body="the whole text\r\n")
    report = email.message_from_bytes(s.wait()[0].data)
    status = report.get_payload(1).get_payload()
    assert "Original-Envelope-Id: abc+1" in str(status[0])
    assert "Original-Recipient: rfc822;first@else.test" in \
        str(status[1]).replace("; ", ";").replace("Recipient:rfc", "Recipient: rfc")
    assert report.get_payload(2).get_content_type() == "message/rfc822"
    assert "the whole text" in str(report.get_payload(2))


def test_refused_connection_goes_to_the_next_route(impeld, server):
    s = server()
    d = impeld(routes(free_port(), s.port))
    send(d.port, "to@dest.test")
    s.wait()


def test_refused_everywhere_waits_and_arrives(impeld, server):
    port = free_port()
    d = impeld(routes(port))
    send(d.port, "to@dest.test")
    d.wait_records("T")
    assert d.queued() == 1
    s = server(port=port)
    s.wait(timeout=30)
    d.wait_empty()


@pytest.mark.parametrize("banner", [
    "garbage without a code\r\n", "220-never ending\r\n" * 200, "\0\0\0\r\n",
    "554 5.3.2 no service\r\n", "2" * 70000 + "\r\n"])
def test_garbage_banner_loses_nothing(impeld, server, banner):
    s = server(answer=once("banner", banner))
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test")
    s.wait(timeout=30)
    d.wait_empty()


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_cut_before_the_body_is_tried_again(impeld, server, stage):
    s = server(answer=once(stage, ConnectionError()))
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test")
    s.wait(timeout=30)
    d.wait_empty()
    assert len(s.messages) == 1


def test_cut_after_the_body_is_uncertain_and_tried_again(impeld, server):
    s = server(answer=once("BODY", ConnectionError()))
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test")
    s.wait(timeout=30)
    d.wait_empty()


def test_421_hits_only_its_own_message(impeld, server):
    s = server(answer=once("RCPT", "421 4.3.2 closing\r\n"))
    d = impeld(routes(s.port, more=FAST + "Max_Outbound_Connections = 1\n"))
    for i in range(5):
        send(d.port, f"r{i}@dest.test")
    d.wait_records("D", 5, timeout=30)
    assert len(d.records("T")) <= 1


def test_expiry_bounces_with_the_documented_text(impeld, server):
    s = server(answer=lambda stage, line: "451 4.2.0 later\r\n"
               if stage == "RCPT" and b"<to@" in line else None)
    d = impeld(routes(s.port, more="Retry_Interval = 1\nMax_Retries = none\n"
                                   "Message_Expiration = 3\n"))
    send(d.port, "to@dest.test")
    p = d.wait_records("P", timeout=30)[0]
    assert "554 5.4.7 [internal]" in p[-1]
    assert s.wait()[0].sender == ""


def test_max_retries(impeld, server):
    s = server(answer=lambda stage, line: "451 4.2.0 later\r\n"
               if stage == "RCPT" and b"<to@" in line else None)
    d = impeld(routes(s.port, more="Retry_Interval = 1\nMax_Retry_Interval = 1\n"
                                   "Max_Retries = 2\n"))
    send(d.port, "to@dest.test")
    d.wait_records("P", timeout=30)
    tries = [line for line in s.lines if line.startswith(b"RCPT TO:<to@")]
    assert len(tries) == 3  # the first, and two retries


def test_a_peer_that_hangs_meets_the_timeout(impeld, server):
    release = threading.Event()

    def answer(stage, line):
        if stage == "MAIL" and not release.is_set():
            release.wait(20)
        return None
    s = server(answer=answer)
    d = impeld(routes(s.port, more=FAST + "Mailfrom_Timeout = 1\n"))
    send(d.port, "to@dest.test")
    t = d.wait_records("T", timeout=15)[0]
    assert "4.4." in t[-1]
    release.set()
    d.wait_records("D", timeout=30)


def test_half_a_message_is_not_taken(impeld, server):
    s = server()
    d = impeld(routes(s.port))
    with socket.create_connection(("127.0.0.1", d.port), 10) as c:
        f = c.makefile("rb")
        f.readline()
        c.sendall(b"EHLO x.test\r\nMAIL FROM:<a@b.test>\r\n"
                  b"RCPT TO:<c@dest.test>\r\nDATA\r\n")
        while not f.readline().startswith(b"354"):
            pass
        c.sendall(b"Subject: half\r\n\r\nno end")
    send(d.port, "to@dest.test")
    d.wait_records("D")
    assert [m.recipients for m in s.messages] == [["to@dest.test"]]
    assert d.queued() == 0
