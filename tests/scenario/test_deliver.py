# SPDX-License-Identifier: Apache-2.0
"""A message in by real clients, out to real servers, unchanged."""
import os
import subprocess
import textwrap

from daemon import free_port, wait_for
from peers import listening, postfix_tool, send


def routes(port, more=""):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n{more}'


def strip_received(data):
    """The message without the one Received field that Impel adds."""
    assert data.startswith(b"Received: from ")
    head, sep, rest = data.partition(b"\r\nFrom:")
    assert sep
    assert all(line[:1] in b"\t " for line in head.split(b"\r\n")[1:])
    return b"From:" + rest


def test_smtplib_to_scripted_server(impeld, server):
    s = server()
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", body="One\r\n..two\r\n.\r\nthree\r\n")
    m = s.wait()[0]
    assert m.sender == "sender@origin.test"
    assert m.recipients == ["to@dest.test"]
    assert m.body == b"One\r\n..two\r\n.\r\nthree\r\n"
    received = m.header("Received")
    assert len(received) == 1 and "for <to@dest.test>" in received[0]
    d.wait_records("D")
    r = d.wait_records("R")[0]
    assert r[5:9] == ["to", "dest.test", "sender", "origin.test"]
    assert r[9] == "127.0.0.1" and r[11] == "esmtp"


def test_bytes_pass_unchanged(impeld, server):
    s = server()
    d = impeld(routes(s.port))
    body = "".join(chr(c) for c in range(32, 127)) + "\r\n" + \
        "x" * 900 + "\r\n" + " \r\n\t\r\n.\r\n..\r\n.leading\r\n" + "end"
    send(d.port, "to@dest.test", body=body + "\r\n",
         headers="X-Odd:   spaced\t\r\n folded \r\n")
    data = strip_received(s.wait()[0].data)
    assert data.endswith(b"\r\n\r\n" + body.encode() + b"\r\n")
    assert b"X-Odd:   spaced\t\r\n folded \r\n" in data


def test_recipients_of_one_message_share_a_transaction(impeld, server):
    s = server()
    d = impeld(routes(s.port))
    send(d.port, [f"r{i}@dest.test" for i in range(5)])
    m = s.wait()[0]
    assert sorted(m.recipients) == [f"r{i}@dest.test" for i in range(5)]
    assert len(s.messages) == 1


def test_batches_obey_max_recipients_per_batch(impeld, server):
    s = server()
    d = impeld(routes(s.port, "Max_Recipients_Per_Batch = 3\n"))
    send(d.port, [f"r{i}@dest.test" for i in range(7)])
    d.wait_records("D", 7)
    assert sorted(len(m.recipients) for m in s.messages) == [1, 3, 3]


def test_chunking_where_offered(impeld, server):
    s = server(extensions=("PIPELINING", "CHUNKING", "8BITMIME"))
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", body=".dots\r\nstay\r\n")
    m = s.wait()[0]
    assert m.body == b".dots\r\nstay\r\n"
    assert any(line.startswith(b"BDAT") for line in s.lines)


def test_helo_fallback(impeld, server):
    def answer(stage, line):
        return "502 5.5.1 no\r\n" if stage == "EHLO" else None
    s = server(answer=answer)
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test")
    s.wait()
    assert any(line.startswith(b"HELO") for line in s.lines)


def test_delivery_method_smtp_says_helo_only(impeld, server):
    s = server()
    d = impeld(routes(s.port, "Delivery_Method = SMTP\n"))
    send(d.port, "to@dest.test")
    s.wait()
    assert not any(line.startswith(b"EHLO") for line in s.lines)


def test_swaks_and_curl_inject(impeld, server, tmp_path):
    s = server()
    d = impeld(routes(s.port))
    subprocess.run(
        ["swaks", "--server", f"127.0.0.1:{d.port}", "--to", "a@dest.test",
         "--from", "s@origin.test", "--body", "by swaks", "--suppress-data"],
        check=True, capture_output=True, timeout=30)
    mail = tmp_path / "mail"
    mail.write_bytes(b"From: s@origin.test\r\nTo: b@dest.test\r\n"
                     b"Subject: curl\r\n\r\nby curl\r\n")
    subprocess.run(
        ["curl", "-sS", f"smtp://127.0.0.1:{d.port}", "--mail-from",
         "s@origin.test", "--mail-rcpt", "b@dest.test", "-T", str(mail)],
        check=True, timeout=30)
    bodies = [m.body for m in s.wait(2)]
    assert any(b"by swaks" in b for b in bodies)
    assert any(b"by curl" in b for b in bodies)


def test_to_postfix_smtp_sink(impeld, tmp_path):
    port = free_port()
    folder = tmp_path / "dumped"
    folder.mkdir()
    folder.chmod(0o777)
    tmp_path.chmod(0o755)
    # root has to give itself up; nobody else can
    become = ("-u", "nobody", "-R", folder) if os.geteuid() == 0 else ()
    p = postfix_tool("smtp-sink", *become, "-d", "m.", f"127.0.0.1:{port}",
                     100, cwd=folder)
    try:
        wait_for(lambda: listening(port))
        d = impeld(routes(port))
        send(d.port, "to@dest.test", body="for smtp-sink\r\n")
        d.wait_records("D")
        wait_for(lambda: [f for f in folder.iterdir()
                          if b"for smtp-sink" in f.read_bytes()])
    finally:
        p.kill()
        p.wait()


def test_to_aiosmtpd(impeld, tmp_path):
    port = free_port()
    script = tmp_path / "server.py"
    script.write_text(textwrap.dedent("""
        import sys, time
        from aiosmtpd.controller import Controller
        from aiosmtpd.handlers import Mailbox
        c = Controller(Mailbox(sys.argv[2]), hostname="127.0.0.1",
                       port=int(sys.argv[1]))
        c.start()
        time.sleep(600)
        """))
    box = tmp_path / "box"
    p = subprocess.Popen(
        ["/usr/bin/python3", str(script), str(port), str(box)])
    try:
        wait_for(lambda: listening(port))
        d = impeld(routes(port))
        send(d.port, "to@dest.test", body="for aiosmtpd\r\n")
        d.wait_records("D")
        found = [f for f in (box / "new").iterdir()]
        assert b"for aiosmtpd" in found[0].read_bytes()
    finally:
        p.kill()
        p.wait()


def test_utf8_addresses(impeld, server):
    s = server()
    d = impeld(routes(s.port))
    import smtplib
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as c:
        c.ehlo("client.test")
        c.command_encoding = "utf-8"
        assert c.docmd("MAIL FROM:<søren@origin.test> SMTPUTF8 BODY=8BITMIME")[0] == 250
        assert c.docmd("RCPT TO:<grå@dest.test>")[0] == 250
        assert c.data("From: søren@origin.test\r\n\r\nå\r\n".encode())[0] == 250
    m = s.wait()[0]
    assert m.recipients == ["grå@dest.test"]
    assert any(b"SMTPUTF8" in line for line in s.lines)


def test_utf8_address_fails_where_the_peer_cannot(impeld, server):
    s = server(extensions=("PIPELINING", "8BITMIME"))
    d = impeld(routes(s.port))
    import smtplib
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as c:
        c.ehlo("client.test")
        c.command_encoding = "utf-8"
        c.docmd("MAIL FROM:<s@origin.test> SMTPUTF8 BODY=8BITMIME")
        c.docmd("RCPT TO:<grå@dest.test>")
        assert c.data("From: s@origin.test\r\n\r\nå\r\n".encode())[0] == 250
    assert "5.6.7" in "@".join(d.wait_records("P")[0])


def test_eight_bit_to_seven_bit_peer(impeld, server):
    s = server(extensions=("PIPELINING",))
    d = impeld(routes(s.port))
    send(d.port, "to@dest.test", body="grå = 1\r\n", mail_options=["BODY=8BITMIME"],
         headers="MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Transfer-Encoding: 8bit\r\n")
    m = s.wait()[0]
    import email
    assert max(m.data) < 128
    parsed = email.message_from_bytes(m.data)
    assert parsed.get_payload(decode=True).decode() == "grå = 1\r\n"


def test_large_message(impeld, server):
    s = server()
    d = impeld(routes(s.port))
    body = "".join(f"line {i} of a large body\r\n" for i in range(80000))
    send(d.port, "to@dest.test", body=body)
    assert s.wait(timeout=60)[0].body == body.encode()
    d.wait_empty()


def test_connections_are_reused_and_ended(impeld, server):
    s = server()
    d = impeld(routes(s.port, "Max_Outbound_Connections = 1\n"
                              "Max_Deliveries_Per_Connection = 4\n"))
    for i in range(8):
        send(d.port, f"r{i}@dest.test")
    d.wait_records("D", 8)
    assert s.connections <= 3  # one more if a session idled out between
    assert s.most <= 2  # the server may see an end after the next beginning


def test_goal_respects_max_outbound_connections(impeld, server):
    s = server(delay=0.02)
    d = impeld(routes(s.port, "Max_Outbound_Connections = 3\n"))
    for i in range(30):
        send(d.port, f"r{i}@dest.test")
    d.wait_records("D", 30)
    assert 1 <= s.most <= 3
