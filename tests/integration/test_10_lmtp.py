"""LMTP: RFC 2033 and the parts of RFC 5321 that it takes over, with mail that IMAP then shows."""

import re
import socket

import pytest

from coid import message


def fetch(imap, what="BODY.PEEK[]", number="1"):
    status, data = imap.fetch(number, f"({what})")
    assert status == "OK"
    return data[0][1]


def test_lhlo_lists_the_extensions(coid):
    with coid.lmtp() as lmtp:
        code, texts = lmtp.cmd("LHLO again.example.org")
        assert code == 250
        assert texts[0] == "mail.example.org"
        assert set(texts[1:]) == {"PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 52428800"}


def test_a_message_arrives_with_its_trace_fields(coid, alice):
    body = message(subject="trace")
    coid.deliver(alice, body, sender="bounce+x@example.net")
    imap = coid.login(alice, mailbox="INBOX")
    got = fetch(imap)
    assert got.endswith(body)
    head = got[:-len(body)].decode()
    assert head.startswith("Return-Path: <bounce+x@example.net>\r\nDelivered-To: alice@example.org\r\n")
    assert re.search(r"Received: from relay\.example\.org \(127\.0\.0\.1\)\r\n\tby mail\.example\.org with LMTP id \w+\r\n"
                     r"\tfor <alice@example\.org>; \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\n$", head)


def test_the_null_sender_gives_an_empty_return_path(coid, alice):
    coid.deliver(alice, message(), sender="")
    assert fetch(coid.login(alice, mailbox="INBOX")).startswith(b"Return-Path: <>\r\n")


def test_each_recipient_is_answered_for_himself(coid, alice):
    bob = coid.add_user("bob@example.org")
    answers = coid.deliver([alice, "nobody@example.org", bob], message())
    assert [answers[user][0] for user in (alice, bob)] == [250, 250]
    assert re.fullmatch(r"2\.1\.5 <alice@example\.org> delivered, id [0-9a-f]{16}", answers[alice][1])
    assert re.fullmatch(r"2\.1\.5 <bob@example\.org> delivered, id [0-9a-f]{16}", answers[bob][1])
    assert answers["nobody@example.org"] == (550, "5.1.1 <nobody@example.org> no such user here")
    for user in (alice, bob):
        imap = coid.login(user, mailbox="INBOX")
        assert f"Delivered-To: {user}".encode() in fetch(imap)
        assert imap.search(None, "ALL")[1] == [b"1"]


def test_the_unix_socket_takes_mail_too(coid, alice):
    with coid.lmtp(unix=True) as lmtp:
        assert lmtp.deliver([alice], message())[alice][0] == 250
    assert b"Received: from relay.example.org (unix)" in fetch(coid.login(alice, mailbox="INBOX"))


def test_addresses_are_compared_in_lower_case(coid, alice):
    with coid.lmtp() as lmtp:
        assert lmtp.deliver(["Alice@EXAMPLE.org"], message())["Alice@EXAMPLE.org"][0] == 250


def test_a_subaddress_picks_an_existing_folder(coid, alice):
    imap = coid.login(alice)
    imap.create("Lists")
    imap.create("Lists/dev")
    for detail, folder in (("Lists", "Lists"), ("Lists/dev", "Lists/dev"), ("missing", "INBOX"), ("inbox", "INBOX"),
                           ("..", "INBOX"), ("", "INBOX")):
        before = int(re.search(rb"MESSAGES (\d+)", imap.status(folder, "(MESSAGES)")[1][0]).group(1))
        coid.deliver(f"alice+{detail}@example.org", message())
        after = int(re.search(rb"MESSAGES (\d+)", imap.status(folder, "(MESSAGES)")[1][0]).group(1))
        assert after == before + 1, detail


def test_an_account_whose_name_holds_the_separator_wins(coid, alice):
    coid.add_user("alice+x@example.org")
    coid.deliver("alice+x@example.org", message())
    assert coid.login("alice+x@example.org").select()[1] == [b"1"]
    assert coid.login(alice).select()[1] == [b"0"]


def test_the_separator_is_a_setting(make_coid):
    coid = make_coid(settings={"lmtp.separator": "-"})
    coid.add_user("alice@example.org")
    coid.deliver("alice-Sent@example.org", message())
    assert coid.login("alice@example.org").select("Sent")[1] == [b"1"]
    with coid.lmtp() as lmtp:
        assert lmtp.deliver(["alice+Sent@example.org"], message())["alice+Sent@example.org"][0] == 550


def test_octets_are_kept_as_they_came(coid, alice):
    """NUL, bare CR, 8-bit headers, dots: stored as sent; a bare LF becomes CRLF, so that sizes are right."""
    raw = (b"Subject: \xff\xfe 8-bit\r\nX-Nul: a\0b\r\nX-LF: a\nb: c\r\n\r\n.dot\r\n..two\r\nbare\nlf\n.\nand\rcr\r\n.\r\nnul\0\r\n")
    coid.deliver(alice, raw)
    raw_client = coid.raw(alice, mailbox="INBOX")
    (answer,) = raw_client.ok("FETCH 1 (RFC822.SIZE BODY.PEEK[])")
    size = int(re.search(rb"RFC822\.SIZE (\d+)", answer).group(1))
    literal = re.search(rb"BODY\[\] \{(\d+)\}\r\n(.*)\)$", answer, re.S)
    assert int(literal.group(1)) == size == len(literal.group(2))
    # A literal may not hold NUL (RFC 3501): it is shown as 0x80, one octet for one.
    assert literal.group(2).endswith(raw.replace(b"\0", b"\x80").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def test_only_a_dot_between_crlf_ends_the_message(coid, alice):
    with coid.lmtp() as lmtp:
        assert lmtp.cmd("MAIL FROM:<a@b.c>")[0] == 250
        assert lmtp.cmd(f"RCPT TO:<{alice}>")[0] == 250
        assert lmtp.cmd("DATA")[0] == 354
        lmtp.send(b"Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@b.c>\r\n.\nb\r.\r\n\r\n.\r\n")
        assert lmtp.reply()[0] == 250
        assert lmtp.cmd("NOOP")[0] == 250
    assert b"MAIL FROM:<evil@b.c>\r\n\r\nb\r.\r\n" in fetch(coid.login(alice, mailbox="INBOX"))


def test_a_large_message_goes_through_byte_for_byte(coid, alice):
    body = message(body="".join(f"line {i} of a large message\r\n" for i in range(200_000)))
    assert len(body) > 5_000_000
    coid.deliver(alice, body)
    assert fetch(coid.login(alice, mailbox="INBOX")).endswith(body)


def test_a_too_large_message_is_refused_before_and_after(make_coid):
    coid = make_coid(settings={"store.message_max": "64K"})
    alice = coid.add_user("alice@example.org")
    with coid.lmtp() as lmtp:
        assert lmtp.cmd("MAIL FROM:<a@b.c> SIZE=65537")[0] == 552
        assert lmtp.cmd("MAIL FROM:<a@b.c> SIZE=65536")[0] == 250
        assert lmtp.cmd("RSET")[0] == 250
        code, text = lmtp.deliver([alice], message(body="x" * 70_000))[alice]
        assert (code, text.split()[0]) == (552, "5.3.4")
        assert lmtp.deliver([alice], message())[alice][0] == 250
    assert coid.login(alice).select()[1] == [b"1"]


@pytest.mark.parametrize("permanent,code", [(False, 452), (True, 552)])
def test_a_full_account_is_answered_for_itself(make_coid, permanent, code):
    coid = make_coid(settings={"lmtp.quota_permanent": permanent})
    alice = coid.add_user("alice@example.org")
    bob = coid.add_user("bob@example.org")
    coid.ctl("user", "quota", alice, "--messages", "1")
    coid.deliver(alice, message())
    answers = coid.deliver([alice, bob], message())
    assert answers[alice][0] == code and answers[alice][1].startswith(f"{code // 100}.2.2 <{alice}> mailbox is full, id ")
    assert answers[bob][0] == 250
    coid.ctl("user", "quota", alice, "--messages", "none")
    coid.deliver(alice, message())
    coid.ctl("user", "quota", alice, "--storage", "1K")
    assert coid.deliver([alice], message(body="y" * 2000))[alice][0] == code


def test_a_disabled_account_refuses_mail(coid, alice):
    coid.ctl("user", "disable", alice)
    assert coid.deliver([alice], message())[alice] == (550, "5.2.1 <alice@example.org> mailbox is disabled")
    coid.ctl("user", "enable", alice)
    coid.deliver(alice, message())


def test_utf8_addresses_need_smtputf8(coid):
    jorg = coid.add_user("jörg@example.org")
    with coid.lmtp() as lmtp:
        assert lmtp.cmd("MAIL FROM:<ä@example.net>")[0] == 553
        assert lmtp.cmd("MAIL FROM:<a@example.net>")[0] == 250
        assert lmtp.cmd("RCPT TO:<jörg@example.org>")[0] == 553
        assert lmtp.cmd("RSET")[0] == 250
        assert lmtp.deliver([jorg], message(), sender="ä@example.net", options=" SMTPUTF8 BODY=8BITMIME")[jorg][0] == 250


def test_commands_out_of_order_are_refused(coid, alice):
    lmtp_raw = socket.create_connection(("127.0.0.1", coid.ports["lmtp"]))
    lmtp_raw.close()
    with coid.lmtp() as lmtp:
        for line, code in (("RCPT TO:<a@b.c>", 503), ("DATA", 503), ("MAIL FROM:a@b.c", 501), ("MAIL <a@b.c>", 501),
                           ("MAIL FROM:<a@b.c> FOO=bar", 555), ("MAIL FROM:<a@b.c> BODY=BINARYMIME", 501),
                           ("MAIL FROM:<a@b.c> SIZE=x", 501), ("EHLO x", 500), ("HELO x", 500), ("XYZZY", 500),
                           ("VRFY x", 252), ("NOOP", 250), ("LHLO", 501), ("MAIL FROM:<a@b.c>", 250),
                           ("MAIL FROM:<a@b.c>", 503), ("DATA", 503), ("RCPT TO:<>", 501), ("RCPT TO:<x>", 501),
                           (f"RCPT TO:<{alice}> NOTIFY=NEVER", 555), (f"RCPT TO:<{alice}>", 250), ("DATA now", 501)):
            assert lmtp.cmd(line)[0] == code, line


def test_postmaster_is_the_one_of_the_hosts_name(coid):
    coid.add_user("postmaster@mail.example.org")
    with coid.lmtp() as lmtp:
        assert lmtp.deliver(["Postmaster"], message())["Postmaster"][0] == 250


def test_too_many_errors_end_the_session(make_coid):
    coid = make_coid(settings={"lmtp.bad_commands_max": 3})
    with coid.lmtp() as lmtp:
        assert [lmtp.cmd("XYZZY")[0] for _ in range(3)] == [500, 500, 421]
        assert lmtp.reply()[0] == 0


def test_a_line_without_end_is_refused_and_skipped(coid):
    with coid.lmtp() as lmtp:
        lmtp.send(b"x" * 100_000 + b"\r\nNOOP\r\n")
        assert lmtp.reply()[0] == 500
        assert lmtp.reply()[0] == 250
        lmtp.send(b"NO\0OP\r\n")
        assert lmtp.reply()[0] == 500


def test_too_many_recipients_are_told_so(make_coid):
    coid = make_coid(settings={"lmtp.recipients_max": 100})
    alice = coid.add_user("alice@example.org")
    with coid.lmtp() as lmtp:
        assert lmtp.cmd("MAIL FROM:<a@b.c>")[0] == 250
        codes = [lmtp.cmd(f"RCPT TO:<{alice}>")[0] for _ in range(101)]
        assert codes == [250] * 100 + [452]
        assert lmtp.cmd("DATA")[0] == 354
        lmtp.send(message() + b".\r\n")
        assert [lmtp.reply()[0] for _ in range(100)] == [250] * 100
    # All of them are one.
    assert coid.login(alice).select()[1] == [b"1"]


def test_an_idle_session_times_out(make_coid):
    coid = make_coid(settings={"lmtp.timeout": "1s"})
    with coid.lmtp() as lmtp:
        assert lmtp.reply()[0] == 421
        assert lmtp.reply()[0] == 0


def test_a_connection_lost_in_the_middle_leaves_nothing(coid, alice):
    for body in (b"Subject: half", b"Subject: half\r\n\r\n" + b"x" * 300_000):
        lmtp = coid.lmtp()
        assert lmtp.cmd("MAIL FROM:<a@b.c>")[0] == 250
        assert lmtp.cmd(f"RCPT TO:<{alice}>")[0] == 250
        assert lmtp.cmd("DATA")[0] == 354
        lmtp.send(body)
        lmtp.close()
    coid.deliver(alice, message(subject="whole"))
    imap = coid.login(alice, mailbox="INBOX")
    assert imap.search(None, "ALL")[1] == [b"1"]
    coid.stop()
    assert not list((coid.store / "spool").iterdir())


def test_bytes_may_come_one_by_one(coid, alice):
    with coid.lmtp() as lmtp:
        for byte in f"MAIL FROM:<a@b.c>\r\nRCPT TO:<{alice}>\r\nDATA\r\n".encode():
            lmtp.send(bytes([byte]))
        assert [lmtp.reply()[0] for _ in range(3)] == [250, 250, 354]
        for byte in b"Subject: slow\r\n\r\n..x\r\n.\r\n":
            lmtp.send(bytes([byte]))
        assert lmtp.reply()[0] == 250


def test_too_many_connections_are_refused(make_coid):
    coid = make_coid(settings={"lmtp.max_connections": 2})
    first, second = coid.lmtp(), coid.lmtp()
    with socket.create_connection(("127.0.0.1", coid.ports["lmtp"]), timeout=10) as third:
        assert third.recv(1000).startswith(b"421 4.3.2")
    first.close()
    second.close()


def deliveries(coid):
    """The lines of deliveries, as dictionaries."""
    lines = re.findall(r"event=delivery (.*)", coid.log_text())
    return [dict(word.split("=", 1) for word in line.split(" ")) for line in lines]


def test_a_delivery_is_one_line_with_the_id_of_its_received_field(coid, alice):
    body = message(subject="logged")
    answer = coid.deliver("Alice+Lists@example.org", body, sender="bounce@example.net")
    line, = deliveries(coid)
    assert int(line.pop("ms")) >= 0
    number = line.pop("id")
    assert line == {"from": "bounce@example.net", "to": "Alice+Lists@example.org", "account": "alice@example.org",
                    "mailbox": "INBOX", "size": str(len(body)), "result": "delivered"}
    assert answer[1].endswith(f"id {number}")
    got = fetch(coid.login(alice, mailbox="INBOX"))
    assert f" with LMTP id {number}\r\n".encode() in got


def test_each_recipient_has_a_line_of_his_own_also_who_shares_a_copy(coid, alice):
    bob = coid.add_user("bob@example.org")
    coid.ctl("user", "quota", bob, "--storage", "1K")
    answers = coid.deliver([alice, "ALICE@example.org", bob], message(body="x" * 70 + "\r\n" + "y\r\n" * 1000), sender="")
    assert [answers[user][0] for user in (alice, "ALICE@example.org", bob)] == [250, 250, 452]
    lines = deliveries(coid)
    assert len({line["id"] for line in lines}) == 1
    assert {(line["from"], line["to"], line["account"], line["mailbox"], line["result"]) for line in lines} == {
        ('""', alice, alice, "INBOX", "delivered"), ('""', "ALICE@example.org", alice, "INBOX", "delivered"),
        ('""', bob, bob, "-", "over-quota")}
    assert len(lines) == 3


def test_a_message_that_is_too_big_is_a_line_for_each_recipient(make_coid):
    coid = make_coid(settings={"store.message_max": "64K"})
    alice, bob = coid.add_user("alice@example.org"), coid.add_user("bob@example.org")
    coid.deliver([alice, bob], message(body="x\r\n" * 30_000))
    assert [(line["to"], line["result"]) for line in deliveries(coid)] == [(alice, "limit"), (bob, "limit")]


def test_a_relay_that_hangs_up_leaves_a_line_nevertheless(coid, alice):
    lmtp = coid.lmtp()
    lmtp.send(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n")
    for _ in range(3):
        lmtp.reply()
    lmtp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    lmtp.send(lmtp.stuff(message()) + b".\r\n")
    lmtp.close()
    coid.wait_log("event=delivery ")
    line, = deliveries(coid)
    assert (line["to"], line["result"]) == (alice, "delivered")
