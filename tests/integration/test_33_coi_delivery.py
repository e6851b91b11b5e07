"""COI: detection and the three filters, by LMTP."""

import time

import pytest

from meta import chat, config, configure, contents, count, eventually, mailboxes, plain, status, subscribed, wait_for


@pytest.fixture
def raw(coid, alice):
    raw = coid.raw(alice)
    configure(raw, enabled="yes", message_filter="active")
    return raw


def with_headers(number, *headers):
    """A message whose only Message-ID is the one given."""
    lines = ["From: f@example.net", f"Subject: chat {number}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\nbody\r\n").encode("latin-1")


def test_each_sign_of_a_chat_message(coid, alice, raw):
    # proves COI-40
    # proves COI-41
    # proves COI-42
    chats = [("Chat-Version: 1.0",), ("chat-VERSION:",), ("Chat-Version:\r\n 1.0",), ("Message-ID: <chat$a@b>",),
             ("Message-ID:\r\n\t<chat$a@b>",), ("message-id: < chat$a@b>",), ("References: <chat$a@b> <c@d>",),
             ("References:\r\n <chat$a@b>\r\n <c@d>",)]
    others = [("X-Chat-Version: 1.0",), ("Message-ID: <Chat$a@b>",), ("Message-ID: <xchat$a@b>",), ("In-Reply-To: <chat$a@b>",),
              ("References: <c@d> <chat$a@b>",), ("References: <c@d>\r\n <chat$a@b>",), ()]
    with coid.lmtp() as lmtp:
        for i, headers in enumerate(chats + others):
            assert lmtp.deliver([alice], with_headers(i, *headers))[alice][0] == 250
    assert set(contents(raw, "COI/Chats")) == {f"chat {i}" for i in range(len(chats))}
    assert set(contents(raw, "INBOX")) == {f"chat {i}" for i in range(len(chats), len(chats) + len(others))}


def test_only_the_top_header_counts_and_broken_ones_do_no_harm(coid, alice, raw):
    # proves COI-43
    inner = "Chat-Version: 1.0\r\nMessage-ID: <chat$a@b>\r\n\r\ntext\r\n"
    others = [
        with_headers(0) + inner.encode(),
        with_headers(1, "Content-Type: message/rfc822").replace(b"body\r\n", inner.encode()),
        with_headers(2, "Content-Type: multipart/mixed; boundary=b").replace(b"body\r\n", b"--b\r\n" + inner.encode() + b"--b--\r\n"),
        with_headers(3, "", "Chat-Version: 1.0"),
        with_headers(4, "Message-ID: <\0chat$a@b>"),
    ]
    chats = [with_headers(6, "X-Thema: \xe4\xff\x80", "Chat-Version: 1.0"), with_headers(7, "Chat-Version: \0\xff"),
             with_headers(8, "Chat-Version: 1.0", "X-Long: " + 1024 * 1024 * "x"),
             with_headers(9, "no colon here", "Chat-Version: 1.0"), with_headers(10, "X-Long: " + 1024 * 1024 * "x", "Chat-Version: 1.0")]
    began = time.monotonic()
    with coid.lmtp() as lmtp:
        for text in others + chats:
            assert lmtp.deliver([alice], text)[alice][0] == 250
    assert time.monotonic() - began < 20
    assert count(raw, "INBOX") == len(others) and count(raw, "COI/Chats") == len(chats)


@pytest.mark.parametrize("mode", ["none", "active", "seen"])
def test_every_mode_gives_the_keyword_to_chat_messages_alone(coid, alice, raw, mode):
    # proves COI-44
    configure(raw, message_filter=mode)
    coid.deliver(alice, chat(1))
    coid.deliver(alice, plain(2))
    where = contents(raw, "COI/Chats" if mode == "active" else "INBOX")
    assert where["chat 1"][0] == {"$Chat"}
    assert contents(raw, "INBOX")["chat 2"][0] == set()


def test_none_leaves_messages_where_they_are(coid, alice, raw):
    # proves COI-46
    configure(raw, message_filter="none")
    coid.deliver(alice, chat(1))
    raw.ok("SELECT INBOX")
    raw.ok("STORE 1 +FLAGS (\\Seen)")
    time.sleep(0.2)
    assert contents(raw, "INBOX")["chat 1"][0] == {"$Chat", "\\Seen"} and count(raw, "COI/Chats") == 0


def test_active_messages_were_never_in_inbox(coid, alice, raw):
    # proves COI-47
    # proves COI-51
    before = status(raw, "INBOX", "MESSAGES RECENT UIDNEXT UNSEEN UIDVALIDITY")
    selected = coid.raw(alice, mailbox="INBOX")
    idler = coid.raw(alice, mailbox="INBOX")
    in_chats = coid.raw(alice, mailbox="COI/Chats")
    idle, chats_idle = idler.idle(), in_chats.idle()
    for i in range(5):
        coid.deliver(alice, chat(i))
        wait_for(in_chats, rb"\* %d EXISTS" % (i + 1))
    assert idler.quiet() == [] and selected.ok("NOOP") == []
    assert status(raw, "INBOX", "MESSAGES RECENT UIDNEXT UNSEEN UIDVALIDITY") == before
    assert status(raw, "COI/Chats") == {"MESSAGES": 5, "UIDNEXT": 6}
    coid.deliver(alice, plain(9))
    assert wait_for(idler, rb"EXISTS")[0] == b"* 1 EXISTS"
    idler.done(idle)
    in_chats.done(chats_idle)
    selected.ok("NOOP")
    assert b"* SEARCH 1" in selected.ok("UID SEARCH ALL")


def test_a_detail_folder_is_for_other_mail(coid, alice, raw):
    # proves COI-47
    # proves COI-50
    raw.ok("CREATE lists")
    for user, number in (("alice+lists@example.org", 1), ("alice+nowhere@example.org", 2)):
        with coid.lmtp() as lmtp:
            assert lmtp.deliver([user], chat(number))[user][0] == 250
    assert contents(raw, "lists")["chat 1"][0] == {"$Chat"}
    assert contents(raw, "COI/Chats")["chat 2"][0] == {"$Chat"}
    assert count(raw, "INBOX") == 0


def lose_chats(coid, alice):
    """Takes ROOT/Chats away behind the server's back, as a restored backup might."""
    import sqlite3
    coid.stop()
    found = list(coid.store.glob("users/*/*/account.db"))
    assert len(found) == 1
    with sqlite3.connect(found[0]) as db:
        db.execute("DELETE FROM mailbox WHERE name = 'COI/Chats'")
        db.execute("DELETE FROM subscription WHERE name = 'COI/Chats'")
    db.close()
    coid.start()


@pytest.mark.parametrize("mode", ["active", "seen"])
def test_chats_that_got_lost_is_made_again(coid, alice, raw, mode):
    # proves COI-49
    configure(raw, message_filter=mode)
    lose_chats(coid, alice)
    raw = coid.raw(alice)
    assert "COI/Chats" not in mailboxes(raw)
    coid.deliver(alice, chat(1))
    if mode == "seen":
        raw.ok("SELECT INBOX")
        raw.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
        raw.ok("CLOSE")
        assert eventually(lambda: "COI/Chats" in mailboxes(raw))
    assert count(raw, "COI/Chats") == 1 and count(raw, "INBOX") == 0
    assert "COI/Chats" in subscribed(raw) and config(raw)["enabled"] == "yes"


def test_filtering_never_costs_a_message(make_coid):
    # proves COI-49
    coid = make_coid(settings={"store.mailboxes_max": 10})
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    configure(raw, enabled="yes", message_filter="active")
    # All keywords of Chats are in use: the message comes without ours.
    for start in range(0, 1024, 128):
        raw.append("COI/Chats", plain(100 + start), "(" + " ".join(f"k{i}" for i in range(start, start + 128)) + ")")
    coid.deliver(alice, chat(1))
    assert contents(raw, "COI/Chats")["chat 1"][0] == set()
    # No room for the mailbox: the message stays in INBOX.
    lose_chats(coid, alice)
    raw = coid.raw(alice)
    for i in range(10 - len(mailboxes(raw))):
        raw.ok(f"CREATE m{i}")
    coid.deliver(alice, chat(2))
    assert contents(raw, "INBOX")["chat 2"][0] == {"$Chat"}


def test_each_recipient_is_filtered_by_his_own_settings(coid, alice, raw):
    # proves COI-52
    modes = {"bob@example.org": "none", "carol@example.org": "seen", "dave@example.org": None}
    clients = {}
    for user, mode in modes.items():
        clients[user] = coid.raw(coid.add_user(user))
        if mode:
            configure(clients[user], enabled="yes", message_filter=mode)
    users = [alice, *modes]
    assert all(answer[0] == 250 for answer in coid.deliver(users, chat(1)).values())
    assert contents(raw, "COI/Chats")["chat 1"][0] == {"$Chat"} and count(raw, "INBOX") == 0
    for user, mode in modes.items():
        assert contents(clients[user], "INBOX")["chat 1"][0] == ({"$Chat"} if mode else set())


def test_what_clients_append_and_copy_is_not_filtered(coid, alice, raw):
    # proves COI-44
    raw.append("INBOX", chat(1))
    raw.append("COI/Chats", chat(2), "(\\Seen mine)")
    raw.append("COI/Chats", plain(3))
    raw.append("COI/Chats", chat(4), "($chat)")
    assert contents(raw, "INBOX")["chat 1"][0] == set()
    got = contents(raw, "COI/Chats")
    assert got["chat 2"][0] == {"\\Seen", "mine", "$Chat"} and got["chat 3"][0] == set()
    assert {flag.lower() for flag in got["chat 4"][0]} == {"$chat"}
    raw.ok("SELECT INBOX")
    raw.ok("COPY 1 COI/Chats")
    assert contents(raw, "COI/Chats")["chat 1"][0] == set()
    configure(raw, enabled=None)
    raw.append("COI/Chats", chat(5))
    assert contents(raw, "COI/Chats")["chat 5"][0] == set()


def test_a_large_chat_message_goes_the_same_way(coid, alice, raw):
    # proves COI-51
    coid.deliver(alice, chat(1, body=2000 * (98 * "x" + "\r\n")))
    assert contents(raw, "COI/Chats")["chat 1"][0] == {"$Chat"} and count(raw, "INBOX") == 0
    assert status(raw, "INBOX", "UIDNEXT") == {"UIDNEXT": 1}


def test_over_quota_is_said_as_for_other_mail(coid, alice, raw):
    coid.ctl("user", "quota", alice, "--messages", "1")
    coid.deliver(alice, chat(1))
    with coid.lmtp() as lmtp:
        assert lmtp.deliver([alice], chat(2))[alice][0] == 452
    assert count(raw, "COI/Chats") == 1
