# SPDX-License-Identifier: Apache-2.0
"""What does not go together: in one stanza, and where it meets by fallback."""
from daemon import wait_for
from peers import send

MIXED = """
Retry_Interval = 1
Delivery_Method = ESMTP
Routes = ( "smtp://127.0.0.1?port={port}" )
Domain "other.test" {{ Routes = ( "{scheme}://127.0.0.1?port={port}" ) }}
"""


def test_one_stanza_is_an_error(impeld, tmp_path):
    d = impeld('Domain "x.test" { Routes = ( "apn://a.test" ) '
               "Delivery_Method = ESMTP }\n", start=False)
    p = d.check()
    assert p.returncode != 0
    assert '"apn" does not fit delivery_method ESMTP' in p.stderr
    d.write('Domain "x.test" { Routes = ( "127.0.0.1" ) '
            "Delivery_Method = ECSTREAM }\n")
    p = d.check()
    assert p.returncode != 0 and "use gateway" in p.stderr


def test_by_fallback_it_is_a_warning_and_mail_waits(impeld, server):
    s = server()
    d = impeld(MIXED.format(port=s.port, scheme="lmtp"))
    said = d.check().stderr
    assert '"lmtp" does not fit delivery_method ESMTP' in said
    assert "routes of domain other.test" in said
    assert "delivery_method of global" in said
    send(d.port, ["a@other.test", "b@fits.test"])
    s.wait()
    assert s.messages[0].recipients == ["b@fits.test"]
    text = wait_for(lambda: (t := d.ask("explain", "domain", "other.test")) and
                    "another delivery method" in t and t)
    assert '"lmtp" does not fit delivery_method ESMTP' in text
    assert d.queued() == 1 and not d.records("T")
    d.write(MIXED.format(port=s.port, scheme="smtp"))
    d.ask("config", "reload")
    s.wait(2)
    d.wait_empty()


def test_two_sources_of_one_family_are_an_error(impeld):
    d = impeld('Binding "b" { Bind_Address = "127.0.0.2" '
               'Bind_Address_Secondary = "127.0.0.3" }\n', start=False)
    p = d.check()
    assert p.returncode != 0 and "of the other family" in p.stderr
    d.write('Binding "b" { Bind_Address = "127.0.0.2" '
            'Bind_Address_Secondary = "::1" }\n')
    assert d.check().returncode == 0
