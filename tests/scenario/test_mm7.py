# SPDX-License-Identifier: Apache-2.0
"""Multimedia messages to an MMSC by MM7; faults lose nothing, and what may have
arrived says so."""
import sys
import time

import pytest

from certificates import Authority
from daemon import BUILD, MODULES, SOURCE, free_port, wait_for
from mmsc import REL5, Mmsc, answer, envelope, fault
from peers import send

sys.path.insert(0, str(SOURCE / "modules/ecstream"))
sys.dont_write_bytecode = True
import ecstream  # noqa: E402

MM7 = f"{MODULES}:{BUILD}/modules/mm7/.libs:{BUILD}/modules/ecstream/.libs"
NUMBER = "15551234567@mms.test"
MIXED = ("Content-Type: multipart/mixed; boundary=in\r\n"
         "Content-ID: <own@content>\r\n")
PICTURE = bytes(range(256)) * 8


@pytest.fixture
def mmsc():
    made = []

    def make(*script, **how):
        made.append(Mmsc(script, **how))
        return made[-1]
    yield make
    for m in made:
        m.stop()
        assert not m.wrong, m.wrong


@pytest.fixture
def sending(impeld, tmp_path, dns):
    """A daemon whose domain mms.test is served by that MMSC."""

    def make(m, more="", convert="yes", path="", inbound="", scheme="mm7",
             **how):
        dns.add("mmsc.test", "A", "127.0.0.1")
        return impeld(f"""
Domain "mms.test" {{
  Delivery_Method = "mm7"
  Routes = ( "{scheme}://mmsc.test{path}?port={m.port}&type=a" )
  MM7_VaspID = "vasp"
  Push_Convert = {convert}
  Retry_Interval = 1
  Max_Retry_Interval = 1
{more}
}}
Host_Failure_Retry = 1
Resolv_Conf = "{dns.conf(tmp_path)}"
Mcmt_Reception = "allow"
{inbound}
""", modules=MM7, **how)
    return make


def container(fields, payload):
    return ("MIME-Version: 1.0\r\nContent-Type: multipart/vnd.msys.mcmt; "
            "boundary=\"=b\"\r\n",
            "--=b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n"
            "The ordinary one\r\n\r\n"
            f"--=b\r\nContent-Type: message/vnd.msys.mm7\r\n\r\n{fields}\r\n"
            f"{payload}\r\n--=b--\r\n")


def delivered(d, count=1):
    return d.wait_records("D", count)


def said(d, words, kind="T"):
    return wait_for(lambda: [line for line in d.log()
                             if f"@{kind}@" in line and words in line],
                    what=words)


@pytest.mark.parametrize("scheme", ["mm7", "http"])
def test_ordinary_message(mmsc, sending, scheme):
    m = mmsc()
    d = sending(m, path="/mms%20send", scheme=scheme,
                inbound='ec_logger "json" { jsonlog = "@DIR@/json" }')
    send(d.port, NUMBER, body="Gr\u00fc\u00dfe <&> ]]>\r\n",
         headers="Content-Type: text/plain; charset=utf-8\r\n")
    s = m.wait()[0]
    assert m.paths == ["/mms%20send"] and m.logins == [None]
    assert s.headers["Host"] == f"mmsc.test:{m.port}"
    assert list(s.values) == ["MM7Version", "SenderIdentification",
                              "Recipients", "TimeStamp", "Subject", "Content"]
    assert s.find("SenderIdentification/VASPID") == "vasp"
    assert s.find("SenderIdentification/VASID") == "MessageSystems-VASID"
    assert s.find("Recipients/To/Number") == "15551234567"
    assert s.find("Subject") == "test" and s.find("MM7Version") == "6.8.0"
    assert s.content.get_content_type() == "text/plain"
    assert s.content.get_payload(decode=True).decode() == \
        "Gr\u00fc\u00dfe <&> ]]>\r\n"
    assert s.transaction
    delivered(d)
    line = wait_for(lambda: [x for x in d.log("json") if "mms-1" in x])[0]
    assert "1000 Success" in line and s.transaction in line


def test_container(mmsc, sending):
    m = mmsc()
    d = sending(m, convert="no", more="""
  MM7_Delivery_Report = true
  MM7_Read_Reply = yes
  MM7_Reply_Charging = true
  MM7_Reply_Charging_Size = 1000
  MM7_Reply_Deadline = "P7D"
  MM7_Message_Class = "Advertisement"
  MM7_Service_Code = "gold & silver"
  MM7_Sender_Address = "<ShortCode>28444</ShortCode>"
  MM7_VasID = "vas"
  MM7_Number_Prefix = "+"
  MM7_Request_IE_Extended = "<Extra>1</Extra>"
  Http_Uri = "/uri"
  MM7_Mmsc_Path = "/old"
  Http_Host = "front.test"
""")
    headers, body = container(
        MIXED + "Subject: =?utf-8?q?gr=C3=BCn?=\r\n",
        "--in\r\n\r\none\r\n--in\r\n\r\ntwo\r\n--in--")
    send(d.port, [NUMBER, "+44123456@mms.test", "joe@mms.test"],
         headers=headers, body=body)
    submits = m.wait(3)
    assert sorted(s.find("Recipients/To/Number") or
                  s.find("Recipients/To/RFC2822Address") for s in submits) == \
        ["+15551234567", "+44123456", "joe@mms.test"]
    s = submits[0]
    assert set(m.paths) == {"/uri"} and s.headers["Host"] == "front.test"
    assert s.find("SenderIdentification/SenderAddress/ShortCode") == "28444"
    assert s.find("SenderIdentification/VASID") == "vas"
    assert s.find("ServiceCode") == "gold & silver"
    assert s.find("MessageClass") == "Advertisement"
    assert s.find("DeliveryReport") == s.find("ReadReply") == "true"
    charging = s.request.find(f"{{{s.schema}}}ReplyCharging")
    assert charging.attrib == {"replyChargingSize": "1000",
                               "replyDeadline": "P7D"}
    assert s.find("Subject") == "gr\u00fcn" and s.find("Extra") == "1"
    assert s.content["Content-ID"] == "<own@content>"
    assert [p.get_payload() for p in s.content.get_payload()] == ["one", "two"]
    assert len({x.transaction for x in submits}) == 3
    delivered(d, 3)
    assert m.connections == 1  # kept alive


def test_picture(mmsc, sending):
    import base64
    m = mmsc()
    d = sending(m, convert="no", more="MM7_Soap_Attachment_Simple_Mime = no")
    headers, body = container(
        "Content-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n",
        base64.encodebytes(PICTURE).decode().replace("\n", "\r\n"))
    send(d.port, NUMBER, headers=headers, body=body)
    s = m.wait()[0]
    assert s.content.get_content_type() == "multipart/mixed"
    inner, = s.content.get_payload()
    assert inner.get_content_type() == "image/gif"
    assert PICTURE in s.raw
    delivered(d)


def test_plain_mail_is_refused(mmsc, sending):
    m = mmsc()
    d = sending(m, convert="no")
    send(d.port, NUMBER)
    assert "push_convert is off" in said(d, "vnd.msys.mm7", "P")[0]
    assert not m.submits


def test_prefixes_and_release_5(mmsc, sending):
    m = mmsc(schema=REL5)
    d = sending(m, more=f"""
  MM7_XML_Schema = "{REL5}"
  MM7_Version = "5.3.0"
  MM7_Namespace = "mm7"
  MM7_Use_Namespace_In_Body = yes
  MM7_Soap_Env = "SOAP-ENV"
  MM7_Sender_Address = "<mm7:Number>1</mm7:Number>"
""")
    send(d.port, NUMBER)
    s = m.wait()[0]
    assert b"<SOAP-ENV:Envelope" in s.xml and b"<mm7:SubmitReq" in s.xml
    assert s.find("MM7Version") == "5.3.0"
    assert s.find("SenderIdentification/SenderAddress/Number") == "1"
    delivered(d)


def test_the_message_says_otherwise(mmsc, sending):
    m = mmsc()
    port = free_port()
    d = sending(m, more='MM7_Service_Code = "option"', inbound=f"""
ECStream_Listener {{ Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( "127.0.0.0/8" )
  Trusted_Peers = ( "127.0.0.0/8" ) }}
""")
    c = ecstream.Client("127.0.0.1", port)
    text = b"Subject: one\r\n\r\nHello\r\n"
    values = {"MM7_Service_Code": "context", "MM7_Delivery_Report": "true",
              "MM7_Message_Class": "Auto", "MM7_Number_Prefix": "00",
              "MM7_Sender_Address": "<Number>7</Number>"}
    c.send("s@origin.test", [NUMBER], text, meta=values)
    c.send("s@origin.test", [NUMBER], text, meta={
        "MM7_Sender_Address": "<!DOCTYPE x><Number>7</Number>"})
    c.close()
    s = m.wait()[0]
    assert s.find("ServiceCode") == "context"
    assert s.find("DeliveryReport") == "true"
    assert s.find("MessageClass") == "Auto"
    assert s.find("Recipients/To/Number") == "0015551234567"
    assert s.find("SenderIdentification/SenderAddress/Number") == "7"
    said(d, "MM7_Sender_Address is no XML", "P")
    assert len(m.submits) == 1


def test_statuses(mmsc, sending):
    m = mmsc(lambda h, s: h.say(answer(s, 2003, "Address Not Found",
                                       details="no <b>such</b> one")),
             lambda h, s: h.say(answer(s, 3000, "later")),
             lambda h, s: h.say(fault(s, 4006, "closed"), 500))
    d = sending(m)
    send(d.port, ["1000@mms.test"])
    line = said(d, "2003 Address Not Found: no such one", "P")[0]
    assert "@P@" in line
    send(d.port, ["2000@mms.test"])
    said(d, "3000 later")
    said(d, "SOAP fault 4006 closed")
    delivered(d)
    assert len(m.submits) == 4


@pytest.mark.parametrize("words,act", [
    ("HTTP status 503", lambda h, s: h.say("", 503)),
    ("no XML", lambda h, s: h.say("<oops")),
    ("DOCTYPE", lambda h, s: h.say(
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' +
        answer(s, text="&b;")[21:])),
    ("another transaction", lambda h, s: h.say(
        answer(s, transaction="other"))),
    ("another request", lambda h, s: h.say(
        envelope("<CancelRsp/>", s.transaction, s.schema))),
    ("a bare LF", lambda h, s: h.wfile.write(b"HTTP/1.1 200 OK\n\n")),
    ("larger than is allowed", lambda h, s: h.say("x" * 300000)),
    ("closed by remote host", lambda h, s: (
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<a>"),
        h.connection.shutdown(2))),
    ("closed by remote host", lambda h, s: h.connection.shutdown(2)),
])
def test_answers_that_are_none(mmsc, sending, words, act):
    m = mmsc(act)
    d = sending(m)
    send(d.port, NUMBER)
    said(d, words)
    delivered(d)
    assert len(m.submits) == 2
    assert len(d.records("D")) == 1 and not d.records("P")


def test_no_answer_in_time(mmsc, sending):
    m = mmsc(lambda h, s: time.sleep(2))
    d = sending(m, more="MM7_Response_Timer = 1")
    send(d.port, NUMBER)
    said(d, "no answer in time")
    delivered(d)


def test_answers_in_chunks_and_to_the_end(mmsc, sending):
    def chunks(h, s):
        h.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for c in answer(s).encode():
            h.wfile.write(b"1;x\r\n%c\r\n" % c)
        h.wfile.write(b"0\r\n\r\n")

    def end(h, s):
        h.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + answer(s).encode())
        h.close_connection = True
    m = mmsc(chunks, end)
    d = sending(m)
    for _ in range(3):
        send(d.port, NUMBER)
        delivered(d, len(d.records("D")) + 1)
    assert len(m.submits) == 3 and not d.records("T")


def test_a_server_that_parts_in_words(mmsc, sending):
    def parts(h, s):
        h.say(answer(s))
        h.wfile.write(b"HTTP/1.1 408 Bored\r\nContent-Length: 0\r\n\r\n")
    m = mmsc(parts)
    d = sending(m)
    for n in (1, 2):
        send(d.port, NUMBER)
        delivered(d, n)
    assert m.connections == 2 and not d.records("T")


def test_login_basic(mmsc, sending):
    m = mmsc(login=("basic", "joe", "pa:ss"))
    d = sending(m, more='Http_Basic_Auth = "joe:pa:ss"')
    send(d.port, NUMBER)
    delivered(d)
    assert len(m.logins) == 1


@pytest.mark.parametrize("how", [
    {}, {"algorithm": "MD5"}, {"stale": 1}, {"closes": True}])
def test_login_digest(mmsc, sending, how):
    m = mmsc(login=("digest", "joe", "secret"), **how)
    d = sending(m, more="""
  MM7_Http_Auth_User = "joe"
  MM7_Http_Auth_Password = "secret"
  MM7_Http_Auth_Scheme = "digest"
""")
    send(d.port, ["1000@mms.test", "2000@mms.test"])
    delivered(d, 2)
    assert len(m.submits) == 2
    # the second message proves itself at once
    before = len(m.logins)
    send(d.port, NUMBER)
    delivered(d, 3)
    assert len(m.logins) == before + 1
    assert not [x for x in m.logins if x and "Basic" in x]


def test_wrong_password(mmsc, sending):
    m = mmsc(login=("digest", "joe", "secret"))
    d = sending(m, more="""
  Http_Basic_Auth = "joe:wrong"
  MM7_Http_Auth_Scheme = "digest"
""")
    send(d.port, NUMBER)
    said(d, "HTTP status 401")
    assert not d.records("P") and not m.submits


def test_tls(mmsc, sending, tmp_path):
    ca = Authority(tmp_path)
    m = mmsc(context=ca.context("mmsc.test"))
    d = sending(m, more=f"""
  Tls = "required"
  Tls_Verify = "host"
  Tls_Ca = "{tmp_path}/ca.crt"
""")
    send(d.port, NUMBER)
    delivered(d)


def test_large_content(mmsc, sending):
    m = mmsc()
    d = sending(m, more="MM7_Content_Size = 600K")
    line = "x" * 76 + "\r\n"
    send(d.port, NUMBER, body=line * 7000)
    s = m.wait()[0]
    assert len(s.content.get_payload()) == 78 * 7000
    send(d.port, NUMBER, body=line * 9000)
    said(d, "552 5.3.4", "P")
    assert len(m.submits) == 1


def test_bad_configuration(mmsc, sending):
    with pytest.raises(AssertionError, match="mm7_sender_address is no XML"):
        sending(mmsc(), more='MM7_Sender_Address = "<ShortCode>1"')
