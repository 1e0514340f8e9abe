# SPDX-License-Identifier: Apache-2.0
"""Configuration at work: both notations, changes online, what is kept out."""
import json
import os
import re
import smtplib
import subprocess

import pytest

from daemon import IMPEL, SOURCE, free_port, wait_for
from peers import send

ABI = ".".join(re.findall(
    r"define IMPEL_ABI_(?:MAJOR|MINOR) (\d+)",
    (SOURCE / "include/impel/module.h").read_text()))
SEEDS = sorted((SOURCE / "tests/data/seeds").glob("*.conf"))


def routes(port, more=""):
    return f'Routes = ( "smtp://127.0.0.1?port={port}" )\n{more}'


def impel(d, *words):
    return subprocess.run(
        [str(IMPEL), "-M", d.modules, *map(str, words)], capture_output=True,
        text=True, timeout=60)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda p: p.stem)
def test_seed_passes_check_and_conversion(impeld, seed):
    """As it stands, its twin, and what convert makes of either."""
    d = impeld("", start=False)
    twin = seed.with_suffix(".yaml")
    to_yaml, to_conf = d.dir / "to.yaml", d.dir / "to.conf"
    to_yaml.write_text(impel(d, "config", "convert", seed).stdout)
    to_conf.write_text(impel(d, "config", "convert", to_yaml, "conf").stdout)
    for file in (seed, twin, to_yaml, to_conf):
        p = impel(d, "config", "check", file)
        assert p.returncode == 0, p.stdout + p.stderr
        assert "error" not in p.stdout
    again = impel(d, "config", "convert", seed, "conf").stdout
    assert to_conf.read_text().lower() == again.lower()


def test_daemon_runs_from_yaml(impeld, server):
    s = server()
    d = impeld(routes(s.port), start=False)
    yaml = impel(d, "config", "convert", d.conf).stdout
    d.conf = d.dir / "impel.yaml"
    d.conf.write_text(yaml)
    d.start()
    send(d.port, "a@dest.test")
    s.wait()
    d.append("retri_interval: 5\n")
    text = d.ask("config", "reload", ok=False)
    line = len(d.conf.read_text().splitlines())
    assert f"impel.yaml:{line}:1: error: unknown option" in text
    assert "did you mean retry_interval" in text


def test_changes_online(impeld):
    d = impeld('Domain "a.test" { Retry_Interval = 60 }\n')
    conf = lambda *words, **how: d.ask("config", *words, **how)
    assert "60" in conf("get", "domain", "a.test", "retry_interval")
    assert "not set" in conf("get", "retry_interval", ok=False)
    assert "1200" in conf("eval", "retry_interval")
    conf("set", "retry_interval", 90)
    assert "90" in conf("eval", "domain", "b.test", "retry_interval")
    assert "60" in conf("eval", "domain", "a.test", "retry_interval")
    place = f"domain a.test ({d.conf}:"
    assert place in conf("explain", "domain", "a.test", "retry_interval")
    conf("unset", "domain", "a.test", "retry_interval")
    assert "90" in conf("eval", "domain", "a.test", "retry_interval")
    assert "(online)" in conf("explain", "domain", "a.test", "retry_interval")
    for words, says in (
            (("set", "retry_interval", "soon"), "time in seconds"),
            (("set", "binding", "b", "routes", "x"), "#name"),
            (("set", "retri_interval", 5), "retry_interval"),
            (("set", "delivery_pool", "nope"), "eventloop"),
            (("set", "gateway", "::1"), "[::1]")):
        text = conf(*words, ok=False)
        assert "Reconfigure failed" in text and says in text, text
    assert "retry_interval = 90" in conf("show")
    conf("reload")
    assert "60" in conf("eval", "domain", "a.test", "retry_interval")
    assert "1200" in conf("eval", "retry_interval")


def test_module_kept_out(impeld, server):
    """Mail waits with the reason; a reload that lets the module in sends it."""
    d = impeld('null { enabled = false }\n'
               'Domain "hold.test" { Delivery_Method = null '
               'Routes = ( 127.0.0.1 ) }\n')
    send(d.port, "x@hold.test")
    why = wait_for(lambda: "enabled = false" in
                   (t := d.ask("explain", "domain", "hold.test")) and t)
    assert f"module null is kept out by enabled = false ({d.conf}:" in why
    assert d.queued() == 1
    rows = {m["name"]: m for m in d.ask_json("module", "list")}
    assert rows["null"]["state"] == "disabled"
    assert rows["esmtp"]["state"] == "loaded"
    for key, value in (("abi", ABI), ("methods", ["ESMTP", "SMTP"]),
                       ("schemes", ["smtp"]),
                       ("listeners", ["ESMTP_Listener"])):
        assert rows["esmtp"][key] == value
    assert os.path.samefile(os.path.dirname(rows["esmtp"]["file"]),
                            d.modules.split(":")[0])
    assert rows["esmtp"]["version"]
    d.write(d.conf.read_text().replace("enabled = false", "enabled = true"))
    d.ask("config", "reload")
    d.ask("flush", "domain", "hold.test")
    d.wait_empty(20)


@pytest.mark.parametrize("peer", ["::1", '"[::1]"', '"::1/128"', '"[::1]/128"'])
def test_ipv6_forms_of_peers(impeld, peer):
    d = impeld(f"""
ESMTP_Listener {{
  Listen "[::1]:@PORT@" {{ Peer {peer} {{ Max_Message_Size = 999 }} }}
  Relay_Hosts = ( {peer} )
}}
""", listener=False)
    with smtplib.SMTP("::1", d.port) as c:
        c.ehlo("client.test")
        assert c.esmtp_features["size"] == "999"
        assert c.mail("a@origin.test")[0] == 250
        assert c.rcpt("b@dest.test")[0] == 250


@pytest.mark.parametrize("address", [
    "127.0.0.66", "127.0.0.66/8", "::1", '"[::1]"', "::1/64"])
def test_forms_of_bind_address(impeld, server, address):
    host = "::1" if ":" in address else "127.0.0.1"
    s = server(host=host) if host != "::1" else None
    if s is None:
        import socket
        listener = socket.create_server((host, 0), family=socket.AF_INET6)
        port = listener.getsockname()[1]
    else:
        listener, port = s.socket, s.port
    d = impeld(f'Routes = ( "smtp://[{host}]?port={port}" )\n'
               .replace("[127.0.0.1]", "127.0.0.1") +
               f"Binding default {{ Bind_Address = {address} }}\n")
    send(d.port, "a@dest.test")
    if s:
        s.wait()
        assert json.dumps(d.ask_json("domain", "dest.test"))
    else:
        listener.settimeout(20)
        c, peer = listener.accept()
        c.close()
        listener.close()
        assert peer[0] == "::1"
    assert "no address" not in "".join(d.log("paniclog"))


def test_strict_makes_an_error_of_what_is_missing(impeld):
    d = impeld("Use_Mmap = true\nLMTP_Port = 24\n")
    p = d.check()
    assert p.returncode == 0
    assert "warning: Use_Mmap is ignored" in p.stderr
    assert "module lmtp" in p.stderr and "package impel" in p.stderr
    strict = d.check("--strict")
    assert strict.returncode == 1 and "error: Use_Mmap" in strict.stderr


def test_explain_names_the_gateway(impeld):
    """What delivery reads for such a domain stands under the gateway's."""
    d = impeld('Domain "a.test" { Gateway = "gw.test" Retry_Interval = 5 }\n'
               'Domain "gw.test" { Retry_Interval = 7 }\n')
    said = d.ask("config", "explain", "domain", "A.test", "retry_interval")
    assert "ask for domain gw.test" in said
    assert "ask for" not in d.ask("config", "explain", "domain", "gw.test",
                                  "retry_interval")
