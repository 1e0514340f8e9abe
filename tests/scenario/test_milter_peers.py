# SPDX-License-Identifier: Apache-2.0
"""Filters that others have written: opendkim, rspamd, libmilter."""
import contextlib
import os
import pathlib
import re
import smtplib
import subprocess
import sys

import dkim
import pytest

import daemon
from daemon import BUILD, free_port, wait_for
from peers import PEER_ENV, PEERS, listening, send

MODULES = daemon.MODULES + f":{BUILD}/modules/milter/.libs"
ENV = dict(PEER_ENV, LD_LIBRARY_PATH=PEER_ENV["LD_LIBRARY_PATH"] + ":" +
           ":".join(str(PEERS / d) for d in ("usr/lib", "usr/lib/rspamd")))


@pytest.fixture
def run():
    """Programs that are ended with the test."""
    started = []

    def start(*words, ready, log):
        with open(log, "wb") as out:
            started.append(subprocess.Popen(
                [str(w) for w in words], stdout=out, stderr=out, env=ENV))
        try:
            wait_for(ready, 30, words[0])
        except AssertionError as e:
            raise AssertionError(
                f"{e}: {pathlib.Path(log).read_text()[-2000:]}") from e
        return started[-1]

    yield start
    for p in started:  # some take their time to end
        p.kill()
        p.wait()


@pytest.fixture
def through(impeld, server):
    """A daemon behind these filters, and the server it delivers to."""

    def make(*names, more=""):
        s = server()
        items = " ".join(f'"{n}"' for n in names)
        d = impeld(f"""
milters = ( {items} )
gateway = "127.0.0.1:{s.port}"
rfc2822_messageid_header = ignore
{more}
""", modules=MODULES)
        return d, s

    return make


def first(s, count=1):
    wait_for(lambda: len(s.messages) >= count, what="a delivery")
    return s.messages[count - 1]


# --- opendkim ---

@pytest.fixture(scope="module")
def key(tmp_path_factory):
    f = tmp_path_factory.mktemp("key")
    subprocess.run(["openssl", "genrsa", "-out", f / "key", "2048"],
                   check=True, capture_output=True)
    der = subprocess.run(["openssl", "rsa", "-in", f / "key", "-pubout",
                          "-outform", "DER"], check=True,
                         capture_output=True).stdout
    import base64
    os.chmod(f / "key", 0o600)
    return f / "key", b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)


def opendkim(run, folder, key, mode, more="", internal="127.0.0.1"):
    port = free_port()
    conf = folder / f"opendkim-{mode}.conf"
    conf.write_text(f"""
Socket inet:{port}@127.0.0.1
Mode {mode}
Domain origin.test
Selector s
KeyFile {key[0]}
RequireSafeKeys no
Canonicalization relaxed/simple
InternalHosts {internal}
Syslog no
Background no
UMask 022
AlwaysAddARHeader yes
AuthservID checker.test
{more}
""")
    run(PEERS / "usr/sbin/opendkim", "-f", "-x", conf,
        ready=lambda: listening(port), log=folder / f"opendkim-{mode}.log")
    return f"inet:127.0.0.1:{port}"


def test_opendkim_signs(run, through, tmp_path, key):
    """What it signs is what is delivered: body, folds, spaces, long bodies."""
    name = opendkim(run, tmp_path, key, "s", "OversignHeaders From")
    d, s = through(name, more="large_message_threshold = 64K")
    send(d.port, "you@there.test", headers="X-Odd:  a \r\n\tb\r\n",
         body="Hello  there \r\n.dot\r\n\r\n")
    message = first(s)
    assert dkim.verify(message.data, dnsfunc=lambda n, timeout=5: key[1])
    assert "d=origin.test" in message.header("DKIM-Signature")[0]
    assert message.data.index(b"DKIM-Signature:") < message.data.index(b"From:")
    send(d.port, "you@there.test", body="0123456789\r\n" * 10000)
    message = first(s, 2)
    assert dkim.verify(message.data, dnsfunc=lambda n, timeout=5: key[1])


def test_opendkim_checks(run, through, tmp_path, key):
    """Behind another one that signs, it sees and judges that signature."""
    signer = opendkim(run, tmp_path, key, "s")
    zone = tmp_path / "keys"
    zone.write_text(f"s._domainkey.origin.test {key[1].decode()}\n")
    checker = opendkim(run, tmp_path, key, "v",
                       f"TestDNSData {zone}", internal="192.0.2.1")
    d, s = through(signer, checker)
    send(d.port, "you@there.test")
    message = first(s)
    results = message.header("Authentication-Results")
    assert results and "checker.test" in results[0], message.data


# --- libmilter ---

@pytest.fixture
def libmilter(run, tmp_path):
    env = str(PEERS / "usr/lib/python3/dist-packages")
    path = tmp_path / "lib.sock"
    program = pathlib.Path(__file__).with_name("filter_by_libmilter.py")
    p = run("env", f"PYTHONPATH={env}", sys.executable, program,
            f"unix:{path}", ready=path.exists, log=tmp_path / "libmilter.log")
    return f"unix:{path}", p


def order(*words):
    return "".join(f"X-Order: {w}\r\n" for w in words)


def test_libmilter_changes(libmilter, through):
    d, s = through(libmilter[0])
    send(d.port, ["you@there.test", "two@there.test"], headers=order(
        "add X-Added yes", "insert X-First one", "change Subject new",
        "remove Date", "sender other@origin.test", "addrcpt more@there.test",
        "delrcpt two@there.test", "progress", "body"))
    message = first(s)
    address, name, size, ident = message.header("X-Seen")[0].split()
    assert address == "127.0.0.1" and size == "7"
    assert ident.encode() in message.data.split(b"From:")[0]  # of Received
    assert message.header("X-Added") == ["yes"]
    assert message.header("X-First") == ["one"]
    assert message.header("Subject") == ["new"]
    assert not message.header("Date")
    assert message.body == b"from the filter\r\n"
    assert message.sender == "other@origin.test"
    assert sorted(message.recipients) == ["more@there.test", "you@there.test"]


def test_libmilter_refuses(libmilter, through):
    d, s = through(libmilter[0])

    def said(what):
        with pytest.raises(smtplib.SMTPDataError) as e:
            send(d.port, "you@there.test", headers=order(what))
        return e.value.smtp_code, e.value.smtp_error.decode()

    assert said("reject")[0] == 550
    assert said("tempfail")[0] == 451
    assert said("reply no mail today") == (554, "5.7.1 no mail today")
    assert said("reply one|two") == (554, "5.7.1 one two")
    send(d.port, "you@there.test", headers=order("discard"))
    send(d.port, "you@there.test")
    assert first(s).header("X-Seen")
    assert len(s.messages) == 1


def test_libmilter_dies(libmilter, through):
    """In the middle of its changes."""
    d, s = through(libmilter[0], more="milter_default_action = accept")
    send(d.port, "you@there.test", headers=order("body", "add X-Half 1", "die"))
    message = first(s)
    assert message.body == b"Hello\r\n"
    assert not message.header("X-Half") and not message.header("X-Seen")
    libmilter[1].wait(10)


def test_libmilter_reused(libmilter, through):
    """The connection is kept where libmilter can go on with it, and nowhere
    else: it would not answer the next client."""
    d, s = through(libmilter[0], more="milter_reuse = true")

    def counters():
        return {n: int(v) for n, v in re.findall(
            r"impel_module_milter_(\w+?)(?:_total)?(?:{[^}]*})? (\d+)",
            d.ask("metrics"))}

    before = counters()
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        c.ehlo("nothing.test")
    for headers in ("", order("continue"), "", order("reject"), ""):
        with contextlib.suppress(smtplib.SMTPDataError):
            send(d.port, "you@there.test", headers=headers)
    with smtplib.SMTP("127.0.0.1", d.port, timeout=20) as c:
        c.sendmail("a@origin.test", "you@there.test",
                   b"X-Order: continue\r\n\r\nx\r\n")
        c.mail("a@origin.test")
        c.rset()
    send(d.port, "you@there.test")
    first(s, 6)
    after = counters()
    assert [after[n] - before[n] for n in ("connections", "reused")] == [7, 1]
    assert after["failures"] == 0


# --- rspamd ---

GTUBE = ("XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL"
         "*C.34X\r\n")


@pytest.fixture
def rspamd(run, tmp_path):
    port, control = free_port(), free_port()
    share, etc = PEERS / "usr/share/rspamd", tmp_path / "rspamd.conf"
    (tmp_path / "tld").write_text("test\n")
    etc.write_text(f"""
options {{
  pidfile = "{tmp_path}/rspamd.pid";
  tempdir = "{tmp_path}";
  filters = "";
  url_tld = "{tmp_path}/tld";
  dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.2s; retransmits = 1; }}
  gtube_patterns = "all";
  disable_hyperscan = true;
}}
logging {{ type = "console"; level = "notice"; }}
actions {{ reject = 15; add_header = 6; }}
worker "rspamd_proxy" {{
  bind_socket = "127.0.0.1:{port}";
  milter = yes;
  timeout = 20s;
  upstream "local" {{ default = yes; self_scan = yes; }}
  count = 1;
}}
worker "controller" {{
  bind_socket = "127.0.0.1:{control}"; count = 1; password = "x";
}}
lua = "{share}/rules/rspamd.lua"
modules {{ path = "{share}/plugins/"; }}
milter_headers {{
  use = ["x-spam-status"]; skip_local = false; skip_authenticated = false;
  extended_spam_headers = true;
}}
""")
    run(PEERS / "usr/bin/rspamd", "-f", "-i", "-c", etc,
        f"--var=RULESDIR={share}/rules", f"--var=LUALIBDIR={share}/lualib",
        f"--var=SHAREDIR={share}", f"--var=PLUGINSDIR={share}/plugins",
        f"--var=DBDIR={tmp_path}", f"--var=RUNDIR={tmp_path}",
        f"--var=CONFDIR={tmp_path}", f"--var=LOGDIR={tmp_path}",
        ready=lambda: listening(port), log=tmp_path / "rspamd.log")
    return f"inet:127.0.0.1:{port}"


def test_rspamd(rspamd, through):
    d, s = through(rspamd)
    send(d.port, "you@there.test")
    first(s)
    with pytest.raises(smtplib.SMTPDataError) as e:
        send(d.port, "you@there.test", body=GTUBE)
    assert e.value.smtp_code == 554, e.value
    assert b"Gtube" in e.value.smtp_error
    # the pattern for "add header"
    send(d.port, "you@there.test",
         body="YJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL"
         "*C.34X\r\n")
    assert first(s, 2).header("X-Spam-Status"), s.messages[1].data
