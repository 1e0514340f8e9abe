# SPDX-License-Identifier: Apache-2.0
"""`trace smtp`: what is said on chosen connections, in files."""
import stat

from daemon import wait_for
from peers import send
from test_xclient import ATTRIBUTES, hand_in, taken


def lines(path):
    """What stands in it, without times: "> EHLO me"."""
    if not path.exists():
        return []
    return [x if x[0] == "#" else x.split(" ", 2)[2]
            for x in path.read_text().splitlines()]


def ended(path):
    """All of it, once the sessions are closed."""
    return wait_for(lambda: lines(path) and lines(path)[-1] == "= closed" and
                    lines(path), what="the end of a trace")


def add(d, *words):
    text = d.ask("trace", "smtp", "add", *map(str, words))
    assert text.startswith("Registered smtp tracer #"), text
    return text.strip().split("#")[1]


def tracers(d):
    return d.ask_json("trace", "smtp", "list")["tracers"]


def routed(*hosts):
    return "Idle_Timeout = 0\n" + "".join(
        f'Domain "{name}" {{ Routes = ( "smtp://{s.host}?port={s.port}" ) }}\n'
        for name, s in hosts)


def test_a_conversation(impeld, server, tmp_path):
    s = server()
    d = impeld(routed(("x.test", s)) + 'Trace_SMTP_Mode = "0600"\n')
    path = tmp_path / "trace"
    number = add(d, "*", "x.test", path)
    send(d.port, "a@x.test", body="secret words\r\n" * 100)
    got = ended(path)
    assert got[0].startswith("# impel trace ")
    assert got[0].endswith(f"#{number}: binding * x.test")
    assert got[1] == f"= ESMTP to {s.host} {s.host}:{s.port}, " \
        "binding default, domain x.test"
    assert got[2].startswith("= connected from 127.")
    said = [x for x in got if x.startswith("> ")]
    assert [x.split()[1] for x in said] == ["EHLO", "MAIL", "RCPT", "DATA",
                                            "QUIT"], got
    assert "> RCPT TO:<a@x.test>" in got
    assert [x for x in got if " octets of content of " in x]
    assert "secret words" not in path.read_text()
    assert [x for x in got if x.startswith("< 220")]
    assert [x for x in got if x.startswith("< 354")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Removed" in d.ask("trace", "smtp", "remove", "#" + number)
    assert d.ask("trace", "smtp", "list").strip() == "no smtp tracers"
    send(d.port, "b@x.test")
    s.wait(2)
    d.wait_empty()
    assert lines(path) == got


def test_only_what_is_asked_for(impeld, server, tmp_path):
    one, two = server(host="127.0.0.71"), server(host="127.0.0.72")
    d = impeld(routed(("x.test", one), ("y.test", two)) +
               "Binding other { }\n")
    wanted = {"all": ("*", "*"), "domain": ("*", "X.Test"),
              "host": ("*", "127.0.0.71"), "net": ("*", "127.0.0.72/31"),
              "binding": ("default", "*"), "none": ("other", "*"),
              "both": ("default", "y.test")}
    for name, words in wanted.items():
        add(d, *words, tmp_path / name)
    assert len(tracers(d)) == len(wanted)
    send(d.port, "a@x.test")
    send(d.port, "a@y.test")
    one.wait()
    two.wait()
    for name, hosts in (("all", 2), ("domain", 1), ("host", 1), ("net", 1),
                        ("binding", 2), ("both", 1)):
        wait_for(lambda: lines(tmp_path / name).count("= closed") == hosts,
                 what=name)
        rcpt = sorted(x for x in lines(tmp_path / name) if "> RCPT" in x)
        assert len(rcpt) == hosts
        assert "x.test" in rcpt[0] or name in ("net", "both")
    assert len(lines(tmp_path / "none")) == 1


def test_secrets_are_not_written(impeld, server, tmp_path):
    """A login is not told, and a host that repeats it is not quoted."""
    def answer(stage, line):
        if stage == "XCLI" and b"LOGIN=" in line:
            return "220 welcome jim@secret.test\r\n"
        return taken(stage, line)

    s = server(extensions=(ATTRIBUTES,), answer=answer)
    d = impeld(routed(("x.test", s)) + "XClient = required\n")
    path = tmp_path / "trace"
    add(d, "*", "*", path)
    hand_in(d.port, "127.0.0.2", "c.test", "a@x.test")
    got = ended(path)
    x = [line for line in got if line.startswith("> XCLIENT")]
    assert x and "ADDR=127.0.0.2" in x[0] and "LOGIN=(hidden)" in x[0], got
    assert "< 220 (hidden)" in got
    assert "secret" not in path.read_text()


def test_over_a_reload_and_until_it_is_full(impeld, server, tmp_path):
    s = server()
    d = impeld(routed(("x.test", s)).replace("Timeout = 0", "Timeout = 60") +
               "Trace_SMTP_Size = 4096\n")
    send(d.port, "a@x.test")  # an open connection joins
    s.wait()
    path = tmp_path / "trace"
    number = add(d, "*", "*", path)
    d.ask("config", "reload")
    sent = 1
    while not tracers(d)[0]["full"]:
        send(d.port, f"a{sent}@x.test")
        sent += 1
        s.wait(sent)
        assert sent < 60
    assert [x for x in lines(path) if x.endswith(", connected before")]
    wait_for(lambda: lines(path)[-1] == "# impel trace: the file is full")
    assert 3500 < path.stat().st_size <= 4096
    assert "full" in d.ask("trace", "smtp", "list")
    wait_for(lambda: [x for x in d.log("paniclog") + d.stderr().splitlines()
                      if "trace-full" in x])
    d.ask("trace", "smtp", "remove", number)
    assert "full" in d.ask("trace", "smtp", "add", "*", "*", str(path),
                           ok=False)
    assert "no trace" in d.ask("trace", "smtp", "add", "*", "*",
                               str(d.conf), ok=False)
    assert "no binding" in d.ask("trace", "smtp", "add", "nobody", "*",
                                 str(tmp_path / "no"), ok=False)
