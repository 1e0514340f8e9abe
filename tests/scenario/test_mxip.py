# SPDX-License-Identifier: Apache-2.0
"""MX records that hold an address: mxip {}."""
from daemon import wait_for
from peers import send


def test_mxip(impeld, server, dns, tmp_path):
    s = server(host="127.0.0.2")
    dns.add("ip.test", "MX", "10 127.0.0.2.")
    dns.add("other.test", "MX", "10 127.0.0.2.")
    conf = (f'Resolv_Conf = "{dns.conf(tmp_path)}"\n'
            f"Remote_SMTP_Port = {s.port}\n")
    d = impeld(conf)
    send(d.port, "a@ip.test", sender="")
    assert "454 4.4.4" in d.wait_records("T")[0][-1]
    d.append("mxip { TTL = 40 }\n")
    d.ask("config", "reload")
    send(d.port, "b@other.test")
    s.wait()
    text = d.ask("domain", "other.test")
    assert "127.0.0.2 TTL:40" in text, text
    d.ask("refresh", "domain", "ip.test")
    wait_for(lambda: "127.0.0.2 TTL:40" in d.ask("domain", "ip.test"))
    d.ask("flush", "domain", "ip.test")
    s.wait(2)
