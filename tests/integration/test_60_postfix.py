"""End to end: a real Postfix takes mail by SMTP and hands it over by LMTP; clients in IDLE see it arrive."""

import email
import email.policy
import random
import re

import pytest

from coid import message
from postfix import Postfix

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(params=["unix", "tcp"])
def mail(request, make_coid):
    """(coid, postfix) joined by one kind of socket."""
    coid = make_coid(settings={"lmtp.socket_mode": "0666"})
    # The relay is another user: he must reach the socket.
    coid.folder.chmod(0o755)
    if request.param == "unix":
        transport = f"lmtp:unix:{coid.lmtp_socket}"
    else:
        transport = f"lmtp:inet:[127.0.0.1]:{coid.ports['lmtp']}"
    with Postfix(transport) as postfix:
        yield coid, postfix


def wait_exists(raw, count):
    """Reads untagged responses in IDLE until so many messages exist."""
    raw.sock.settimeout(90)
    while True:
        match = re.match(rb"\* (\d+) EXISTS", raw.response())
        if match and int(match[1]) >= count:
            return


def fetch(coid, user, mailbox="INBOX"):
    """The bytes of all messages of a mailbox."""
    imap = coid.login(user, mailbox=mailbox)
    status, data = imap.fetch("1:*", "(BODY.PEEK[])")
    assert status == "OK"
    return [part[1] for part in data if isinstance(part, tuple)]


def without_trace(got, sent):
    """The end of the received message is the message that was sent; only trace fields come before it."""
    assert got.endswith(sent), (got[:2000], sent[:2000])
    names = re.findall(rb"^([A-Za-z-]+):", got[:len(got) - len(sent)], re.M)
    assert set(names) <= {b"Return-Path", b"Delivered-To", b"Received"}, names
    assert names.count(b"Received") == 2
    return names


def test_mail_by_smtp_wakes_a_client_in_idle(mail):
    coid, postfix = mail
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice, mailbox="INBOX")
    tag = raw.idle()
    sent = message("through the relay", "one\r\n.\r\n..two\r\n")
    postfix.send([alice], sent)
    wait_exists(raw, 1)
    raw.done(tag)
    got = fetch(coid, alice)
    assert len(got) == 1
    without_trace(got[0], sent)
    assert got[0].startswith(b"Return-Path: <sender@example.net>\r\nDelivered-To: alice@example.org\r\n")
    # A second one comes over the connection that may still be open.
    tag = raw.idle()
    postfix.send([alice], message("again"))
    wait_exists(raw, 2)
    raw.done(tag)


def test_several_recipients_get_their_copy_each(mail):
    coid, postfix = mail
    users = [coid.add_user(f"user{i}@example.org") for i in range(5)]
    idlers = [coid.raw(user, mailbox="INBOX") for user in users]
    tags = [raw.idle() for raw in idlers]
    sent = message("for all of you")
    # The folder of a subaddress is another place of the same account.
    postfix.send([*users, "user0+Archive@example.org"], sent)
    for raw, tag in zip(idlers, tags):
        wait_exists(raw, 1)
        raw.done(tag)
    postfix.wait_queued(lambda queued: queued == {})
    for user in users:
        got = fetch(coid, user)
        assert len(got) == 1
        without_trace(got[0], sent)
        assert b"\r\nDelivered-To: " + user.encode() + b"\r\n" in got[0]
    assert len(fetch(coid, users[0], "Archive")) == 1


def test_mail_for_a_full_account_waits_in_the_queue_and_comes_when_there_is_room(mail):
    coid, postfix = mail
    alice, bob = coid.add_user("alice@example.org"), coid.add_user("bob@example.org")
    coid.ctl("user", "quota", bob, "--storage", "1K")
    raw = coid.raw(bob, mailbox="INBOX")
    sent = message("too big for bob", "x" * 70 + "\r\n" + "y" * 3000 + "\r\n")
    sent = sent.replace(b"y" * 3000, b"\r\n".join([b"y" * 70] * 40))
    postfix.send([alice, bob], sent)
    queued = postfix.wait_queued(lambda queued: bob in queued and queued[bob])
    assert set(queued) == {bob}
    assert "452" in queued[bob] and "4.2.2" in queued[bob], queued
    without_trace(fetch(coid, alice)[0], sent)
    assert raw.ok("NOOP") == []
    coid.ctl("user", "quota", bob, "--storage", "1M")
    tag = raw.idle()
    postfix.flush()
    wait_exists(raw, 1)
    raw.done(tag)
    postfix.wait_queued(lambda queued: queued == {})
    assert len(fetch(coid, bob)) == 1
    assert len(fetch(coid, alice)) == 1


def test_mail_for_an_unknown_user_comes_back(mail):
    coid, postfix = mail
    alice, bob = coid.add_user("alice@example.org"), coid.add_user("bob@example.org")
    raw = coid.raw(alice, mailbox="INBOX")
    tag = raw.idle()
    postfix.send(["nobody@example.org", bob], message("to nobody and bob"), sender=alice)
    wait_exists(raw, 1)
    raw.done(tag)
    bounce = email.message_from_bytes(fetch(coid, alice)[0], policy=email.policy.default)
    assert bounce["Return-Path"] == "<>"
    assert bounce.get_content_type() == "multipart/report"
    report = next(part for part in bounce.walk() if part.get_content_type() == "message/delivery-status").as_string()
    assert "nobody@example.org" in report and "Status: 5.1.1" in report and "550" in report
    assert "bob@example.org" not in report
    postfix.wait_queued(lambda queued: queued == {})
    assert len(fetch(coid, bob)) == 1


def test_a_large_message_arrives_whole(mail):
    coid, postfix = mail
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice, mailbox="INBOX")
    tag = raw.idle()
    rng = random.Random(1)
    lines = [rng.randbytes(36).hex().encode() for _ in range(160_000)]
    sent = message("large") + b"\r\n".join(lines) + b"\r\n"
    assert len(sent) > 10_000_000
    postfix.send([alice], sent)
    wait_exists(raw, 1)
    raw.done(tag)
    got = fetch(coid, alice)
    assert len(got) == 1
    without_trace(got[0], sent)


def test_a_message_larger_than_the_server_takes_bounces(mail):
    coid, postfix = mail
    alice = coid.add_user("alice@example.org")
    coid.settings["store.message_max"] = "1M"
    coid.settings["lmtp.listen"] = [f"127.0.0.1:{coid.ports['lmtp']}"]
    coid.write_config()
    coid.restart()
    raw = coid.raw(alice, mailbox="INBOX")
    tag = raw.idle()
    postfix.send([alice], message("large") + b"x\r\n" * 400_000, sender=alice)
    wait_exists(raw, 1)
    raw.done(tag)
    got = fetch(coid, alice)
    assert len(got) == 1 and b"multipart/report" in got[0]
    assert len(got[0]) < 500_000


def test_8bit_and_internationalised_mail_arrives_unchanged(mail):
    coid, postfix = mail
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice, mailbox="INBOX")
    tag = raw.idle()
    body = "Grüße aus Köln, 日本語, 🙂\r\n"
    mime = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    eight_bit = message("8 bit", body, headers=mime)
    postfix.send([alice], eight_bit, options=["BODY=8BITMIME"])
    wait_exists(raw, 1)
    raw.done(tag)
    tag = raw.idle()
    utf8 = message("Überraschung", body, sender="jürgen@exämple.net", headers=mime)
    postfix.send([alice], utf8, sender="jürgen@example.net", options=["BODY=8BITMIME", "SMTPUTF8"])
    wait_exists(raw, 2)
    raw.done(tag)
    first, second = fetch(coid, alice)
    without_trace(first, eight_bit)
    without_trace(second, utf8)
    assert second.startswith("Return-Path: <jürgen@example.net>\r\n".encode())


def test_mail_that_finds_no_server_is_delivered_when_it_is_back(mail):
    coid, postfix = mail
    alice = coid.add_user("alice@example.org")
    port = coid.ports["lmtp"]
    coid.stop()
    postfix.send([alice], message("while you were away"))
    postfix.wait_queued(lambda queued: queued.get(alice))
    coid.settings["lmtp.listen"] = [f"127.0.0.1:{port}"]
    coid.write_config()
    coid.start()
    raw = coid.raw(alice, mailbox="INBOX")
    tag = raw.idle()
    postfix.flush()
    wait_exists(raw, 1)
    raw.done(tag)
    postfix.wait_queued(lambda queued: queued == {})
    assert len(fetch(coid, alice)) == 1
