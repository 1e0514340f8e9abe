# SPDX-License-Identifier: Apache-2.0
"""mainlog, rejectlog, bouncelog, paniclog and the log of JSON, field by field
as Momentum's own tools read them."""
import json
import re
import smtplib
import stat
import time

from daemon import wait_for
from peers import send

ID = r"[0-9A-F]{2}/[0-9A-F]{2}-[0-9A-F]{5}-[0-9A-F]{8}"
BINDING = 'Binding_Group "g1" { Binding "b1" { } }\n'


def routes(port, more=""):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n' \
        f"Retry_Interval = 1\n{BINDING}{more}"


def bound(d):
    """Mail that comes in from now on belongs to binding b1."""
    d.write(d.conf.read_text().replace(
        "Relay_Hosts", 'Context = [ binding = "b1" ]\n  Relay_Hosts'))
    d.ask("config", "reload")


def answers(stage, line):
    if stage == "RCPT" and b"<no@" in line:
        return "550 5.1.1 nobody @ here\r\n"
    if stage == "RCPT" and b"<later@" in line:
        return "451 4.2.2 full\r\n"
    return None


def fields(row, *patterns):
    assert len(row) == len(patterns), row
    for i, (value, pattern) in enumerate(zip(row, patterns)):
        assert re.fullmatch(pattern, value), (i, pattern, value, row)
    now = time.time()
    assert abs(int(row[0]) - now) < 60


def test_mainlog(impeld, server):
    s = server(answer=answers)
    d = impeld(routes(s.port))
    bound(d)
    begin = ("[0-9]{10}", ID, ID, ID)
    send(d.port, "a.b@dest.test")
    size = len(s.wait()[0].data)
    fields(d.wait_records("R")[0], *begin, "R", "a.b", "dest.test", "sender",
           "origin.test", "127.0.0.1", str(size), "esmtp", "g1", "b1")
    fields(d.wait_records("D")[0], *begin, "D", "dest.test", str(size), "g1",
           "b1", "0", r"[0-9]+\.[0-9]{3}", r"127\.0\.0\.1")
    send(d.port, "later@dest.test", sender="")
    fields(d.wait_records("T")[0], *begin, "T", "dest.test", "0", "g1", "b1",
           "[45]", "0", r"[0-9]+\.[0-9]{3}", r"127\.0\.0\.1", "451 4.2.2 full")
    send(d.port, "no@dest.test", sender="")
    fields(d.wait_records("P")[0], *begin, "P", "dest.test", "0", "g1", "b1",
           "[45]", "0", r"[0-9]+\.[0-9]{3}", r"127\.0\.0\.1",
           r"550 5.1.1 nobody \\x40 here")
    wait_for(lambda: len(d.records("T")) > 1)
    assert d.records("T")[1][10] == "1", "retries"


def test_bouncelog(impeld, server):
    s = server(answer=answers)
    d = impeld(routes(s.port))
    bound(d)
    send(d.port, "no@dest.test")
    row = d.wait_records("B", name="bouncelog")[0]
    fields(row, "[0-9]{10}", ID, ID, ID, "B", "no", "dest.test", "sender",
           "origin.test", "g1", "b1", "[45]", "10", "[1-9][0-9]+",
           r"127\.0\.0\.1", r"550 5.1.1 nobody \\x40 here")


def test_rejectlog(impeld):
    d = impeld("Relay_Domains = ( here.test )\n"
               'ESMTP_Listener { Listen "127.0.0.1:@PORT@" { } }\n',
               listener=False)
    with smtplib.SMTP("127.0.0.1", d.port) as c:
        c.ehlo('odd"name.test')
        c.ehlo("client.test")
        c.mail("from@origin.test")
        assert c.rcpt("to@there.test")[0] == 550
        mine = c.sock.getsockname()[1]
    row = wait_for(lambda: d.log("rejectlog"))[0]
    assert re.fullmatch(
        rf'[0-9]{{10}}: R="127\.0\.0\.1:{mine}" L="127\.0\.0\.1:{d.port}" '
        rf'C="{ID}" PATH="" PATH_GRP="" P="rcptto" E=550 M=core '
        r'CTXCONN=\[can_relay=false,ehlo_string="client.test"\] '
        r'CTXMESS=\[mailfrom_string="from@origin.test",'
        r'rcptto_string="to@there.test"\] 550 5\.7\.1 .+', row), row


def test_json_log(impeld, server):
    s = server(answer=answers)
    d = impeld(routes(s.port, "Relay_Domains = ( here.test )\n"
                      'ec_logger "events" { jsonlog = "@DIR@/events" '
                      "jsonlog_mode = 0600 }\n"
                      'ESMTP_Listener { Listen "127.0.0.2:@PORT@" { '
                      "Relay_Hosts = ( ) } }\n"))
    send(d.port, ["a@dest.test", "no@dest.test", "later@dest.test"])
    with smtplib.SMTP("127.0.0.2", d.port) as c:
        c.ehlo("client.test")
        c.mail("from@origin.test")
        assert c.rcpt("to@there.test")[0] == 550

    def seen():
        events = [json.loads(line) for line in d.log("events")]
        kinds = {e["type"]: e for e in events}
        return kinds if {"reception", "delivery", "failure", "delay",
                         "rejection"} <= set(kinds) else None
    kinds = wait_for(seen)
    assert kinds["failure"]["recipient"] == "no@dest.test"
    assert kinds["failure"]["status"] == "5.1.1"
    assert kinds["failure"]["bounce_class"] == 10
    assert kinds["delay"]["code"] == 451
    assert kinds["rejection"]["local"] == f"127.0.0.2:{d.port}"
    assert stat.S_IMODE((d.dir / "events").stat().st_mode) == 0o600


def test_what_loggers_leave_out(impeld, server):
    s = server(answer=answers)
    d = impeld(routes(s.port, """
Log_Hires_Timestamp = true
ec_logger "few" {
  mainlog = "file://@DIR@/few"
  mainlog_mode = 0640
  log_receptions = false
  log_transient_failures = false
  heartbeat = 1
}
"""))
    send(d.port, "later@dest.test")
    send(d.port, "a@dest.test")
    d.wait_records("T")
    d.wait_records("D", name="few")
    assert {r[4] for r in d.records("D", "few")} == {"D"}
    assert not d.records("R", "few") and not d.records("T", "few")
    assert re.fullmatch("[0-9]{16}", d.records("D", "few")[0][0])
    assert stat.S_IMODE((d.dir / "few").stat().st_mode) == 0o640
    wait_for(lambda: [x for x in d.log("few") if x.endswith("@@@@M")], 5)


def test_what_the_module_refuses_is_in_the_rejectlog(impeld):
    """Syntax, order and limits of the protocol, each once."""
    d = impeld("Relay_Domains = ( here.test )\n"
               'ESMTP_Listener { Listen "127.0.0.1:@PORT@" { }\n'
               "Max_Recipients_Per_Message = 1 Max_Errors = 5 "
               "Max_Message_Size = 1000 }\n", listener=False)
    with smtplib.SMTP("127.0.0.1", d.port) as c:
        c.ehlo("client.test")
        assert c.docmd("RCPT", "TO:<x@here.test>")[0] == 503
        assert c.docmd("MAIL", "FROM:s@origin.test")[0] == 501
        assert c.docmd("MAIL", "FROM:<s@origin.test> SIZE=5000")[0] == 552
        assert c.docmd("MAIL", "FROM:<s@origin.test>")[0] == 250
        assert c.docmd("RCPT", "TO:<a@here.test>")[0] == 250
        assert c.docmd("RCPT", "TO:<b@here.test>")[0] == 452
        assert c.docmd("DATA")[0] == 354
        c.send("A: b\r\n\r\n" + "x" * 2000 + "\r\n.\r\n")
        assert c.getreply()[0] == 552
        assert c.docmd("NONSENSE")[0] == 500
        assert c.docmd("NONSENSE")[0] == 500
        assert c.docmd("NONSENSE")[0] == 421
    rows = wait_for(lambda: len(d.log("rejectlog")) == 8 and d.log("rejectlog"))
    seen = [re.search(r'P="(\w+)" E=(\d+)', row).groups() for row in rows]
    assert seen == [("rcptto", "503"), ("mailfrom", "501"), ("mailfrom", "552"),
                    ("rcptto", "452"), ("data", "552"), ("ehlo", "500"),
                    ("ehlo", "500"), ("ehlo", "421")]
    assert 'rcptto_string="b@here.test"' in rows[3]
    assert 'mailfrom_string="s@origin.test"' in rows[4]
