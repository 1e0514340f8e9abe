# SPDX-License-Identifier: Apache-2.0
"""After a reload: which domains keep older routes, until when, and how to end
it."""
from daemon import wait_for
from peers import send
from zones import Knot, resolv_conf


def routes(name):
    return f'Routes = ( "smtp://{name}?type=mx" )\n'


def test_reload_says_how_many_keep_older_routes(impeld, server, tmp_path):
    old = server(host="127.0.0.2")
    new = server(host="127.0.0.3", port=old.port)
    knot = Knot(tmp_path / "knot", {"relay.test": """
a MX 10 a.host
a.host A 127.0.0.2
b MX 10 b.host
b.host A 127.0.0.3
"""}, ttl=600)
    try:
        conf = resolv_conf(tmp_path, knot.port)
        d = impeld(f'Resolv_Conf = "{conf}"\nRemote_SMTP_Port = {old.port}\n'
                   'Domain "own.test" { ' + routes("a.relay.test") + "}\n"
                   + routes("a.relay.test"))
        domains = ("one.test", "two.test", "own.test")
        for domain in domains:
            send(d.port, f"first@{domain}")
        old.wait(3)
        assert "No domain keeps routes" in d.ask("config", "reload")
        text = d.conf.read_text()
        at = text.rindex("a.relay.test")  # that of the global stanza only
        d.write(text[:at] + text[at:].replace("a.relay", "b.relay"))
        said = d.ask("config", "reload")
        assert "2 domains keep older routes until their TTL ends" in said
        assert "refresh domain all" in said
        for domain in domains:
            send(d.port, f"second@{domain}")
        old.wait(6)
        assert not new.messages
        for words in (("explain", "domain", "one.test"),
                      ("domain", "one.test")):
            said = d.ask(*words)
            left = said.split("older configuration hold for ")[1].split()[0]
            assert 500 < int(left) <= 600, said
        assert "older configuration" not in d.ask("domain", "own.test")
        d.ask("refresh", "domain", "all")
        wait_for(lambda: "older configuration" not in
                 d.ask("domain", "one.test"))
        assert "No domain keeps routes" in d.ask("config", "reload")
        for domain in domains:
            send(d.port, f"third@{domain}")
        new.wait(2)
        old.wait(7)
        d.wait_empty()
        assert sorted(r for m in new.messages for r in m.recipients) == [
            "third@one.test", "third@two.test"]
    finally:
        knot.stop()
