# SPDX-License-Identifier: Apache-2.0
"""`explain` on a running daemon: all that keeps mail from moving, who said so,
and what comes next."""
from daemon import free_port, wait_for
from peers import send

CONF = ('Routes = ( "smtp://127.0.0.61?port=%d" "smtp://127.0.0.62?port=%d" )\n'
        "Retry_Interval = 1200\n"
        "Host_Failure_Retry = 600\n"
        'Host "127.0.0.61" {\n  Max_Outbound_Connections = 4\n}\n'
        'Domain "still.test" {\n'
        "  Suspend_Delivery = true\n"
        "  Delivery_Method = LMTP\n"
        '  Routes = ( "lmtp://127.0.0.61" )\n'
        '  Outbound_Throttle_Messages = "1/60"\n'
        "}\n")


def test_all_reasons_with_their_lines(impeld):
    d = impeld(CONF % (free_port(), free_port()))
    send(d.port, "to@still.test")
    wait_for(lambda: "waits: delivery is suspended" in
             d.ask("explain", "domain", "still.test"))
    text = d.ask("explain", "domain", "still.test")
    lines = d.conf.read_text().splitlines()
    at = 1 + next(i for i, line in enumerate(lines)
                  if "Suspend_Delivery" in line)
    assert f"because: suspend_delivery of domain still.test ({d.conf}:{at})" \
        in text
    assert "also waits: nothing delivers its method (module)" in text
    assert "package impel" in text and "next: it is resumed" in text
    doc = d.ask_json("explain", "domain", "still.test")["queues"][0]
    assert doc["reason"] == "suspend_delivery" and doc["since_ms"] >= 0
    assert [r["reason"] for r in doc["also"]] == ["module"]
    d.ask("suspend", "domain", "still.test", "for", "2h", "because", "of", "me")
    wait_for(lambda: "(of me)" in d.ask("explain", "domain", "still.test"))
    shown = d.ask_json("explain", "domain", "still.test")["queues"][0]
    assert "uid=" in shown["detail"] and shown["next"] > 0


def test_hosts_and_marks(impeld):
    """Both hosts refuse: each is shown with its mark, and until when."""
    a, b = free_port(), free_port()
    d = impeld(CONF % (a, b))
    send(d.port, "to@dest.test")
    wait_for(lambda: d.ask("explain", "domain", "dest.test").count(
        "left alone for") == 2)
    text = d.ask("explain", "domain", "dest.test")
    assert f" * 127.0.0.61 127.0.0.61:{a} (1): failed" in text
    assert "2 of the 2 hosts of dest.test failed a short while ago" in text
    assert "(retry-time)" in text and "(hosts-down), for " in text
    assert "next: 20" in text


def test_a_domain_nobody_wrote_to(impeld):
    d = impeld(CONF % (free_port(), free_port()))
    text = d.ask("explain", "domain", "Still.Test")
    assert "no mail for still.test is queued" in text
    assert "would queue it as still.test (LMTP, port" in text
    assert "suspend_delivery of domain still.test (" in text
    assert "outbound_throttle_messages of domain still.test (" in text
    assert d.ask_json("explain", "domain", "a.test")["queued_as"] == "a.test"
