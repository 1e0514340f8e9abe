# SPDX-License-Identifier: Apache-2.0
"""`fail all`, `flush all` and `delay`: mail chosen by what it is."""
import smtplib

import pytest

from daemon import wait_for
from peers import send

WAITING = ("Retry_Interval = 600\nMax_Outbound_Connections = 2\n"
           "Binding \"b\" { }\n")


@pytest.fixture
def full(impeld, server):
    """Mail that waits: of two senders, with two campaigns, to two domains."""
    s = server(answer=lambda stage, line: "451 4.2.1 later\r\n"
               if stage == "RCPT" and s.full else None)
    s.full = True
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' + WAITING)
    for i in range(8):
        send(d.port, [f"r{i}@x.test", f"r{i}@y.test"],
             sender=f"{'news' if i % 2 else 'shop'}@origin.test",
             headers=f"X-Campaign: spring\r\n sale {i // 4}\r\n")
    d.wait_records("T", 16)
    d.server = s
    return d


def test_dry_run_shows_and_does_nothing(full):
    text = full.ask("fail", "all", "--sender", "news@*", "--dry-run")
    assert text.count("From: <news@origin.test>") == 8
    assert text.endswith("8 messages are meant; nothing was done.\n")
    found = full.ask_json("fail", "all", "--domain", "x.test", "--dry-run")
    assert found["messages"] == 8 and found["dry_run"]
    assert {r["domain"] for r in found["rows"]} == {"x.test"}
    assert full.queued() == 16 and not full.records("P")


def test_fail_by_header_and_domain(full):
    text = full.ask("fail", "all", "--header", "X-Campaign:*sale 1",
                    "--domain", "y.test", "--quiet", "--text",
                    "554", "5.7.1", "recalled")
    assert text == "4 messages failed.\n"
    records = full.wait_records("P", 4)
    assert all("554 5.7.1 recalled" in r[-1] for r in records)
    assert full.queued() == 12  # those to x.test still wait


def test_by_context(impeld, server):
    """What the listener says of the messages of a peer."""
    s = server()
    d = impeld(f"""
Routes = ( "smtp://127.0.0.1?port={s.port}" )
Suspend_Delivery = true
ESMTP_Listener {{
  Listen "127.0.0.1:@PORT@" {{
    Peer "127.0.0.2" {{ Context = [ job = "Spring 7" ] }}
  }}
  Relay_Hosts = ( "127.0.0.0/8" )
}}
""", listener=False)
    for i, who in enumerate(("a@x.test", "b@x.test"), 1):
        with smtplib.SMTP("127.0.0.1", d.port,
                          source_address=(f"127.0.0.{i}", 0)) as c:
            c.sendmail("s@origin.test", who, "Subject: x\r\n\r\nx\r\n")
    assert d.ask("fail", "all", "--meta", "job=winter*", "--quiet") == \
        "0 messages failed.\n"
    text = d.ask("flush", "all", "--meta", "job", "--dry-run")
    assert text.endswith("1 messages are meant; nothing was done.\n")
    assert d.ask("fail", "all", "--meta", "job=spring*", "--quiet") == \
        "1 messages failed.\n"
    assert d.wait_records("P", 1)[0][5:] and d.queued() == 1
    d.ask("config", "set", "suspend_delivery", "false")
    s.wait(1)
    assert s.messages[0].recipients == ["a@x.test"]


def test_fail_by_sender_and_age(full):
    assert full.ask("fail", "all", "--older", "1h") == "0 messages failed.\n"
    assert full.ask("fail", "all", "--newer", "1h", "--sender", "shop@*",
                    "--quiet") == "8 messages failed.\n"
    full.wait_records("P", 8)
    assert full.queued() == 8


def test_delay_and_flush(full):
    full.server.full = False
    assert full.ask("delay", "1h", "--domain", "x.test") == \
        "8 messages delayed.\n"
    full.terminate()
    full.start()
    wait_for(lambda: full.queued() == 16)
    assert full.ask("flush", "all", "--domain", "y.test") == \
        "8 messages requeued for delivery.\n"
    full.server.wait(8)
    assert all(r.endswith("@y.test") for m in full.server.messages
               for r in m.recipients)
    assert full.ask("flush", "all", "--group", "default") == \
        "8 messages requeued for delivery.\n"
    full.wait_empty()


def test_all_at_once_is_not_an_accident(full):
    assert "which mail?" in full.ask("fail", "all", ok=False)
    assert "which mail?" in full.ask("delay", "1h", ok=False)
    assert full.queued() == 16
