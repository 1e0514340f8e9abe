# SPDX-License-Identifier: Apache-2.0
"""Which binding mail goes through: by header, by peer and listener, by domain,
from a group; and what happens where nobody says one."""
import smtplib
import threading

import pytest

from daemon import free_port, wait_for
from peers import address, send

BINDINGS = """
binding "b1" { }
binding "b2" { }
binding_group "g" { binding "m1" { } binding "m2" { }
  binding "m3" { suspend_delivery = true } }
"""
TRUSTING = """
ESMTP_Listener {
  Relay_Hosts = ( "127.0.0.0/8" )
  Trusted_Peers = ( "127.0.0.1" )
  Listen "127.0.0.1:@PORT@" { }
}
"""


def routes(s, more=""):
    return f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n{more}'


def submit(port, to, headers="", source="127.0.0.1", host="127.0.0.1",
           body="Hello\r\n.dot\r\n"):
    text = ("From: s@origin.test\r\nSubject: test\r\nMessage-ID: <1@o.test>\r\n"
            "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
            f"{headers}\r\n{body}")
    with smtplib.SMTP(host, port, timeout=30, source_address=(source, 0)) as c:
        return c.sendmail("s@origin.test", [to] if isinstance(to, str) else to,
                          text.encode())


def delivered(d, count=1):
    """(domain, binding) of what was delivered."""
    return sorted((r[5], r[8]) for r in d.wait_records("D", count))


def test_header_of_a_trusted_peer(impeld, server):
    s = server()
    d = impeld(TRUSTING + BINDINGS + routes(s), listener=False)
    before = "A: 1\r\n 2\r\n"
    after = "X-Bindings: stay\r\nDKIM-Signature: v=1;\r\n\tb=abc\r\n"
    submit(d.port, "to@dest.test",
           before + "x-binding:\r\n b1\r\nX-Binding: b2\r\n" + after)
    assert delivered(d) == [("dest.test", "b1")]
    received = d.records("R")[0]
    assert received[12:14] == ["default", "b1"]
    data = s.wait()[0].data
    assert b"binding:" not in data.lower()
    assert (before + after + "\r\nHello\r\n.dot\r\n").encode() in data
    assert int(received[10]) == len(data)
    assert int(d.records("D")[0][6]) == len(data)


def test_header_of_others_is_a_field_like_any_other(impeld, server):
    s = server()
    d = impeld(TRUSTING + BINDINGS + routes(s), listener=False)
    submit(d.port, "to@dest.test", "X-Binding: b1\r\n", source="127.0.0.2")
    assert delivered(d) == [("dest.test", "default")]
    assert b"\r\nX-Binding: b1\r\n" in s.wait()[0].data


def test_header_of_a_large_message(impeld, server):
    s = server()
    d = impeld(TRUSTING + BINDINGS +
               routes(s, "large_message_threshold = 65536\n"), listener=False)
    many = "".join(f"X-{i}: {'y' * 900}\r\n" for i in range(100))
    submit(d.port, "to@dest.test", many + "X-Binding: b2\r\nZ: 1\r\n",
           body="0123456789\r\n" * 20000)
    assert delivered(d) == [("dest.test", "b2")]
    data = s.wait()[0].data
    assert data.endswith((many + "Z: 1\r\n\r\n" +
                          "0123456789\r\n" * 20000).encode())


def test_the_nearest_word_counts(impeld, server):
    s = server()
    other, plain = free_port(), free_port()
    names = "".join(f'binding "{n}" {{ }}\n' for n in
                    ("peer", "listen", "listener", "domain", "header"))
    d = impeld(f"""
ESMTP_Listener {{
  Relay_Hosts = ( "127.0.0.0/8" )
  Context = [ binding = "listener" ]
  Listen "127.0.0.1:@PORT@" {{
    Trusted_Peers = ( "127.0.0.5" )
    Context = [ binding = "listen" ]
    Peer "127.0.0.4" {{ Context = [ binding = "peer" ] }}
    Peer "127.0.0.5" {{ Context = [ binding = "peer" ] }}
  }}
  Listen "127.0.0.1:{other}" {{ }}
  Listen "127.0.0.1:{plain}" {{ Context = [ binding = "gone" ] }}
}}
{names}
domain "own.test" {{ assign_binding = "domain" }}
""" + routes(s), listener=False)
    for port, source, to, headers in (
            (d.port, "127.0.0.5", "1.test", "X-Binding: header\r\n"),
            (d.port, "127.0.0.5", "2.test", "X-Binding: gone\r\n"),
            (d.port, "127.0.0.4", "3.test", "X-Binding: header\r\n"),
            (d.port, "127.0.0.1", "4.test", ""),
            (other, "127.0.0.1", "own.test", ""),
            (plain, "127.0.0.1", "own.test", ""),
            (plain, "127.0.0.1", "5.test", "")):
        submit(port, "to@" + to, headers, source)
    assert delivered(d, 7) == [
        ("1.test", "header"), ("2.test", "peer"), ("3.test", "peer"),
        ("4.test", "listen"), ("5.test", "default"),
        ("own.test", "domain"), ("own.test", "listener")]
    assert len(d.wait_log('binding-unknown name="gone"')) == 1


def test_recipients_in_several_bindings_over_a_crash(impeld, server):
    s = server()
    d = impeld(BINDINGS + routes(s, """suspend_delivery = true
domain "one.test" { assign_binding = "b1" }
domain "two.test" { assign_binding = "b2" }
domain "many.test" { assign_binding = "g" }
"""))
    to = ["a@one.test", "b@one.test", "c@two.test", "d@many.test", "e@x.test"]
    send(d.port, to)
    rows = [(r[6], r[13]) for r in d.wait_records("R", 5)]
    assert rows[0] == rows[1] == ("one.test", "b1")
    assert rows[2] == ("two.test", "b2") and rows[4] == ("x.test", "default")
    d.kill()
    d.write(d.conf.read_text().replace("suspend_delivery = true\ndomain",
                                       "domain"))
    d.start()
    d.wait_empty()
    assert len(s.messages) == 4 # a and b of one.test together
    got = delivered(d, 5)
    assert [g for g in got if g[0] != "many.test"] == sorted(
        [("one.test", "b1")] * 2 + [("two.test", "b2"), ("x.test", "default")])
    assert [b for dom, b in got if dom == "many.test"][0] in ("m1", "m2")


def test_group_avoids_a_suspended_member(impeld, server):
    s = server()
    d = impeld(TRUSTING + BINDINGS + routes(s), listener=False)
    for i in range(20):
        submit(d.port, f"r@{i}.test", "X-Binding: g\r\n")
    used = {b for _, b in delivered(d, 20)}
    assert used == {"m1", "m2"}
    assert {r[12] for r in d.records("R")} == {"g"}
    d.ask("suspend", "binding", "m1")
    for i in range(5):
        submit(d.port, f"r@late{i}.test", "X-Binding: g\r\n")
    late = [b for dom, b in delivered(d, 25) if dom.startswith("late")]
    assert late == ["m2"] * 5


def test_no_default_binding(impeld, server):
    s = server()
    d = impeld(TRUSTING + BINDINGS + routes(s, "default_binding = none\n"
               'domain "one.test" { assign_binding = "b1" }\n'),
               listener=False)
    submit(d.port, "to@one.test")
    submit(d.port, "to@x.test", "X-Binding: g\r\n")
    for to in ("to@x.test", ["to@one.test", "to@x.test"]):
        with pytest.raises(smtplib.SMTPDataError) as e:
            submit(d.port, to)
        assert e.value.smtp_code == 451
        assert b"No binding" in e.value.smtp_error
    assert len(d.wait_records("D", 2)) == 2 and d.queued() == 0


def test_default_binding_waits(impeld, server):
    s = server()
    d = impeld(TRUSTING + BINDINGS + routes(s, "default_binding = suspended\n"),
               listener=False)
    submit(d.port, "to@x.test")
    submit(d.port, "to@y.test", "X-Binding: b1\r\n")
    assert delivered(d) == [("y.test", "b1")]
    assert "suspended" in d.ask("explain", "domain", "x.test")
    d.ask("config", "set", "default_binding", "normal")
    wait_for(lambda: len(s.messages) == 2)


def test_both_spellings_are_one_domain(impeld, server):
    """Stanza, queue and console: U-labels and A-labels."""
    s = server(extensions=("PIPELINING", "8BITMIME", "SMTPUTF8"))
    d = impeld(TRUSTING + BINDINGS + routes(s, """
domain "B\u00dcCHER.test" { assign_binding = "b1" suspend_delivery = true }
domain "xn--fr-xka.test" { assign_binding = "b2" }
"""), listener=False)
    send(d.port, "a@xn--bcher-kva.test")
    for to in ("b@b\u00fccher.test", "c@F\u00fcr.test"):
        send(d.port, to, mail_options=["SMTPUTF8"])
    assert delivered(d) == [("xn--fr-xka.test", "b2")]
    assert s.messages[0].recipients == ["c@F\u00fcr.test"]
    for name in ("xn--bcher-kva.test", "b\u00fccher.test", "B\u00dccher.test"):
        assert "xn--bcher-kva.test" in d.ask("domain", name)
        assert "suspended" in d.ask("explain", "domain", name)
        assert d.ask("config", "eval", "domain", name,
                     "assign_binding").strip().endswith("b1")
    assert {r[8] for r in d.records("D")} == {"b2"}
    d.ask("config", "reload")
    assert d.queued() == 2
    d.ask("binding", "fail", "domain", "quiet", "b1", "B\u00fccher.test")
    wait_for(lambda: d.queued() == 0)


def test_greeting_of_the_sender(impeld, server):
    """ehlo_hostname = __message__: a session is for one sender's domain."""
    here, pairs = threading.local(), []

    def answer(stage, line):
        if stage == "EHLO":
            here.name = line.split()[1].decode()
        if stage == "MAIL":
            pairs.append((here.name, address(line).decode()))

    s = server(answer=answer)
    d = impeld(TRUSTING + routes(s, "ehlo_hostname = __message__\n"
               "hostname = mta.test\nmax_outbound_connections = 2\n"
               "suspend_delivery = true\n"), listener=False)
    name = {"a@one.test": "one.test", "b@two.test": "two.test",
            "c@B\u00fccher.test": "xn--bcher-kva.test", "": "mta.test",
            "d@ONE.test": "one.test"}
    senders = [list(name)[i % 5] for i in range(60)] + ["a@one.test"] * 40
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as c:
        c.ehlo("x.test")
        c.command_encoding = "utf-8"
        for i, sender in enumerate(senders):
            c.mail(sender, ["SMTPUTF8"] if not sender.isascii() else [])
            c.rcpt(f"r{i}@dest.test")
            c.data(b"Subject: x\r\n\r\ny\r\n")
    assert d.queued() == len(senders)
    d.ask("config", "set", "suspend_delivery", "false")
    d.wait_empty()
    assert sorted(p[1] for p in pairs) == sorted(senders)
    assert [p for p in pairs if name[p[1]] != p[0]] == []
    assert s.connections <= 30  # a session is used again and again
