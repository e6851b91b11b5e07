"""COI's filter `seen`: what has been seen moves to Chats, and every session is told what is right for it."""

import re
import time

import pytest

from fetchtext import fetch_all
from meta import chat, configure, contents, count, eventually, plain, status, wait_for


@pytest.fixture
def raw(coid, alice):
    raw = coid.raw(alice)
    configure(raw, enabled="yes", message_filter="seen")
    return raw


def moved(raw, *numbers):
    """Waits until these are in Chats, and nowhere else."""
    want = {f"chat {n}" for n in numbers}
    got = eventually(lambda: (lambda c: c if want <= set(c) else None)(contents(raw, "COI/Chats")))
    assert got, (want, contents(raw, "COI/Chats"), contents(raw, "INBOX"))
    assert not want & set(contents(raw, "INBOX"))
    return got


def stays(raw, number, flags):
    time.sleep(0.3)
    assert contents(raw, "INBOX")[f"chat {number}"][0] == flags
    assert f"chat {number}" not in contents(raw, "COI/Chats")


def selected(coid, alice, command=None, mailbox="INBOX"):
    session = coid.raw(alice, mailbox=mailbox)
    if command:
        session.ok(command)
    return session


ROUTES = {
    "store": "STORE 1 +FLAGS (\\Seen)",
    "store silent": "STORE 1 +FLAGS.SILENT (\\Seen)",
    "store all": "STORE 1 FLAGS (\\Seen \\Flagged)",
    "uid store": "UID STORE 1 +FLAGS (\\Seen)",
    "uid store set": "UID STORE 1 FLAGS.SILENT (\\Seen)",
    "fetch": "FETCH 1 BODY[]",
    "fetch part": "FETCH 1 (UID BODY[TEXT]<0.3>)",
    "fetch rfc822": "FETCH 1 RFC822",
    "uid fetch": "UID FETCH 1 (FLAGS BODY[HEADER] BODY[1])",
}


@pytest.mark.parametrize("route", ROUTES)
def test_every_way_of_being_seen(coid, alice, raw, route):
    # proves COI-48
    coid.deliver(alice, chat(1))
    coid.deliver(alice, plain(2))
    date = contents(raw, "INBOX")["chat 1"][1]
    session = selected(coid, alice)
    answers = session.ok(ROUTES[route])
    if "fetch" in route:
        items = fetch_all(answers)[1]
        assert any(key.startswith(("BODY[", "RFC822")) and value for key, value in items.items())
    got = moved(raw, 1)
    # FLAGS without a sign takes keywords away.
    assert "\\Seen" in got["chat 1"][0] and ("$Chat" in got["chat 1"][0]) == (" FLAGS" not in ROUTES[route].replace("(FLAGS", ""))
    assert got["chat 1"][1] == date
    assert eventually(lambda: b"* 1 EXPUNGE" in session.ok("NOOP"))
    assert b"* SEARCH 2" in session.ok("UID SEARCH ALL")


def test_what_only_looks_moves_nothing(coid, alice, raw):
    # proves COI-48
    coid.deliver(alice, chat(1))
    session = selected(coid, alice)
    session.ok("FETCH 1 (FLAGS BODY.PEEK[] ENVELOPE BODYSTRUCTURE)")
    session.ok("STORE 1 +FLAGS (\\Flagged)")
    stays(raw, 1, {"$Chat", "\\Flagged"})
    examined = coid.raw(alice)
    examined.ok("EXAMINE INBOX")
    examined.ok("FETCH 1 BODY[]")
    stays(raw, 1, {"$Chat", "\\Flagged"})


def test_all_flags_keywords_and_the_date_go_along(coid, alice, raw):
    # proves COI-48
    coid.deliver(alice, chat(1))
    before = contents(raw, "INBOX")["chat 1"]
    session = selected(coid, alice, "STORE 1 +FLAGS (\\Flagged \\Answered \\Draft own other)")
    session.ok("STORE 1 +FLAGS (\\Seen)")
    flags, date = moved(raw, 1)["chat 1"]
    assert flags == {"$Chat", "\\Flagged", "\\Answered", "\\Draft", "own", "other", "\\Seen"} and date == before[1]


def test_a_session_of_another_sees_the_flag_and_then_the_expunge(coid, alice, raw):
    # proves COI-48
    for i in range(1, 4):
        coid.deliver(alice, chat(i))
    watcher, in_chats, actor = selected(coid, alice), selected(coid, alice, mailbox="COI/Chats"), selected(coid, alice)
    idle, chats_idle = watcher.idle(), in_chats.idle()
    actor.ok("UID STORE 2 +FLAGS (\\Seen)")
    got = wait_for(watcher, rb"EXPUNGE")
    fetched = [i for i, line in enumerate(got) if re.match(rb"\* 2 FETCH .*\\Seen", line)]
    assert fetched and got[-1] == b"* 2 EXPUNGE", got
    assert b"* 1 EXISTS" in wait_for(in_chats, rb"EXISTS")
    watcher.done(idle)
    in_chats.done(chats_idle)
    assert b"* SEARCH 1 3" in watcher.ok("UID SEARCH ALL")
    assert b"* SEARCH 1" in in_chats.ok("UID SEARCH ALL")


def test_no_expunge_within_commands_by_number(coid, alice, raw):
    # proves COI-48
    for i in range(1, 4):
        coid.deliver(alice, chat(i))
    watcher, actor = selected(coid, alice), selected(coid, alice)
    actor.ok("UID STORE 1 +FLAGS (\\Seen)")
    moved(raw, 1)
    for command in ("FETCH 3 UID", "STORE 3 +FLAGS (\\Flagged)", "SEARCH ALL"):
        assert not any(b"EXPUNGE" in line for line in watcher.ok(command)), command
    assert fetch_all(watcher.ok("FETCH 3 UID"))[3]["UID"] == 3
    assert b"* 1 EXPUNGE" in watcher.ok("NOOP")
    assert fetch_all(watcher.ok("FETCH 2 UID"))[2]["UID"] == 3


def test_a_fetch_of_several_messages_and_parts_completes(coid, alice, raw):
    # proves COI-48
    body = 3000 * (98 * "y" + "\r\n")
    for i in range(1, 9):
        coid.deliver(alice, chat(i, body=body))
    other = selected(coid, alice)
    slow = selected(coid, alice)
    tag = slow.command("FETCH 1:8 (UID BODY[HEADER] BODY[TEXT] BODY[1])")
    # The first bytes are here: \Seen is set, and the rest waits for this client to read.
    slow.fill()
    other.ok("UID STORE 8 +FLAGS (\\Flagged)")
    coid.deliver(alice, chat(9))
    time.sleep(0.3)
    assert count(raw, "COI/Chats") == 0
    tagged, untagged = slow.until(tag)
    assert tagged.startswith(b"OK"), tagged
    items = fetch_all(untagged)
    for i in range(1, 9):
        assert items[i]["UID"] == i and items[i]["BODY[TEXT]"] == body.encode() == items[i]["BODY[1]"]
    moved(raw, *range(1, 9))
    assert set(contents(raw, "INBOX")) == {"chat 9"}


def test_a_client_that_vanishes_within_its_fetch_leaves_no_mark_behind(coid, alice, raw):
    # proves COI-48
    for i in range(1, 9):
        coid.deliver(alice, chat(i, body=3000 * (98 * "y" + "\r\n")))
    slow = selected(coid, alice)
    slow.command("FETCH 1:8 BODY[]")
    slow.fill()
    slow.close()
    moved(raw, *range(1, 9))


def test_seen_and_deleted_at_once_stays(coid, alice, raw):
    # proves COI-48
    coid.deliver(alice, chat(1))
    coid.deliver(alice, chat(2))
    session = selected(coid, alice, "STORE 1 +FLAGS (\\Seen \\Deleted)")
    session.ok("STORE 2 +FLAGS (\\Deleted)")
    session.ok("STORE 2 +FLAGS (\\Seen)")
    stays(raw, 1, {"$Chat", "\\Seen", "\\Deleted"})
    stays(raw, 2, {"$Chat", "\\Seen", "\\Deleted"})
    assert session.ok("EXPUNGE") == [b"* 2 EXPUNGE", b"* 1 EXPUNGE"] or count(raw, "INBOX") == 0


def test_what_the_user_moves_back_stays(coid, alice, raw):
    # proves COI-48
    coid.deliver(alice, chat(1))
    selected(coid, alice, "STORE 1 +FLAGS (\\Seen)")
    moved(raw, 1)
    session = selected(coid, alice, "UID MOVE 1 INBOX", mailbox="COI/Chats")
    session.ok("SELECT INBOX")
    session.ok("STORE 1 -FLAGS (\\Seen)")
    session.ok("STORE 1 +FLAGS (\\Seen)")
    stays(raw, 1, {"$Chat", "\\Seen"})


def test_what_was_seen_before_the_filter_was_set_stays(coid, alice, raw):
    # proves COI-48
    configure(raw, message_filter="none")
    coid.deliver(alice, chat(1))
    coid.deliver(alice, chat(2))
    session = selected(coid, alice, "STORE 1 +FLAGS (\\Seen)")
    configure(raw, message_filter="seen")
    session.ok("STORE 1 +FLAGS (\\Seen \\Flagged)")
    session.ok("UID STORE 2 +FLAGS (\\Seen)")
    moved(raw, 2)
    stays(raw, 1, {"$Chat", "\\Seen", "\\Flagged"})


def test_the_keyword_decides_nothing(coid, alice, raw):
    # proves COI-48
    coid.deliver(alice, chat(1))
    coid.deliver(alice, plain(2))
    raw.append("INBOX", chat(3))
    session = selected(coid, alice, "STORE 1 -FLAGS ($Chat)")
    session.ok("STORE 2:3 +FLAGS ($Chat)")
    session.ok("UID STORE 1:3 +FLAGS (\\Seen)")
    assert moved(raw, 1)["chat 1"][0] == {"\\Seen"}
    stays(raw, 2, {"$Chat", "\\Seen"})
    stays(raw, 3, {"$Chat", "\\Seen"})


@pytest.mark.parametrize("change", [{"enabled": None}, {"message_filter": "none"}, {"message_filter": "active"}])
def test_with_another_setting_nothing_moves(coid, alice, raw, change):
    # proves COI-48
    coid.deliver(alice, chat(1))
    configure(raw, **change)
    selected(coid, alice, "STORE 1 +FLAGS (\\Seen)")
    stays(raw, 1, {"$Chat", "\\Seen"})


def test_messages_that_came_while_coi_was_off_get_their_keyword_when_it_is_enabled(coid, alice):
    # proves COI-44
    raw = coid.raw(alice)
    coid.deliver(alice, chat(1))
    coid.deliver(alice, plain(2))
    coid.deliver(alice, chat(3))
    watcher = selected(coid, alice)
    configure(raw, message_filter="seen", enabled="yes")
    told = watcher.ok("NOOP")
    assert [line.split()[1] for line in told if b"FETCH" in line and b"$Chat" in line] == [b"1", b"3"]
    assert {name: flags for name, (flags, _) in contents(raw, "INBOX").items()} == {
        "chat 1": {"$Chat"}, "chat 2": set(), "chat 3": {"$Chat"}}
    selected(coid, alice, "STORE 1 +FLAGS (\\Seen)")
    assert moved(raw, 1)["chat 1"][0] == {"$Chat", "\\Seen"}


def test_messages_elsewhere_do_not_move(coid, alice, raw):
    # proves COI-48
    raw.ok("CREATE lists")
    coid.deliver(["alice+lists@example.org"], chat(1))
    coid.deliver(alice, chat(2))
    selected(coid, alice, "MOVE 1 Archive")
    selected(coid, alice, "STORE 1 +FLAGS (\\Seen)", mailbox="Archive")
    selected(coid, alice, "FETCH 1 BODY[]", mailbox="lists")
    time.sleep(0.3)
    assert count(raw, "COI/Chats") == 0 and set(contents(raw, "lists")) == {"chat 1"} and set(contents(raw, "Archive")) == {"chat 2"}


@pytest.mark.parametrize("by_uid", [True, False])
def test_a_message_that_moved_while_it_is_read_in_chunks_is_read_to_its_end(coid, alice, raw, by_uid):
    """RFC 2180 4.1.1: what the session has not been told to be gone is there."""
    coid.deliver(alice, chat(1, body="0123456789" * 30 + "\r\n"))
    coid.deliver(alice, plain(2))
    session = selected(coid, alice)
    fetch = "UID FETCH" if by_uid else "FETCH"
    first = fetch_all(session.ok(f"{fetch} 1 (RFC822.SIZE BODY[]<0.100>)"))[1]
    moved(raw, 1)
    lines = session.ok(f"{fetch} 1 (BODY[]<100.10000> ENVELOPE BODYSTRUCTURE)")
    rest = fetch_all(lines)[1]
    whole = first["BODY[]<0>"] + rest["BODY[]<100>"]
    assert whole.endswith(b"0123456789" * 30 + b"\r\n") and len(whole) == first["RFC822.SIZE"]
    # Then it goes: told by the first command that may.
    assert (b"* 1 EXPUNGE" in lines) == by_uid
    assert by_uid or b"* 1 EXPUNGE" in session.ok("NOOP")
    assert session.ok("UID FETCH 1 BODY.PEEK[]") == []
    # A session that selects the mailbox later does not see the message at all.
    assert coid.raw(alice, mailbox="INBOX").ok("UID FETCH 1 BODY.PEEK[]") == []


def test_a_mailbox_without_room_for_keywords_takes_what_moves(coid, alice, raw):
    # proves COI-48
    # All keywords of Chats are in use, and this message has one of its own.
    for start in range(0, 1024, 128):
        raw.append("COI/Chats", plain(start), "(" + " ".join(f"k{i}" for i in range(start, start + 128)) + ")")
    coid.deliver(alice, chat(1))
    session = selected(coid, alice, "STORE 1 +FLAGS (own k1000)")
    session.ok("STORE 1 +FLAGS (\\Seen)")
    assert eventually(lambda: "chat 1" in contents(coid.raw(alice), "COI/Chats"))
    assert {"k1000", "\\Seen"} <= contents(coid.raw(alice), "COI/Chats")["chat 1"][0]


def test_marks_that_a_kill_has_left_are_taken_up(coid, alice, raw):
    # proves COI-48
    import sqlite3
    coid.deliver(alice, chat(1))
    coid.deliver(alice, chat(2))
    coid.stop()
    database = next(coid.store.glob("users/*/*/account.db"))
    db = sqlite3.connect(database)
    with db:
        # Seen and marked, as after a kill between the two commits.
        db.execute("UPDATE msg SET flags = flags | 1 | 512 WHERE uid = 1")
        db.execute("UPDATE mailbox SET unseen = unseen - 1 WHERE name = 'INBOX'")
    db.close()
    coid.start()
    raw = coid.raw(alice)
    raw.ok("LIST \"\" *")
    assert moved(raw, 1)["chat 1"][0] == {"$Chat", "\\Seen"}
    assert set(contents(raw, "INBOX")) == {"chat 2"}


def test_sequence_numbers_and_uids_stay_right_for_several_watchers(coid, alice, raw):
    # proves COI-48
    total = 30
    for i in range(1, total + 1):
        coid.deliver(alice, chat(i) if i % 3 else plain(i))
    idlers = [selected(coid, alice) for _ in range(3)]
    chats = [selected(coid, alice, mailbox="COI/Chats") for _ in range(2)]
    tags = [s.idle() for s in idlers + chats]
    actor, stepper = selected(coid, alice), selected(coid, alice)
    views = [list(range(1, total + 1)) for _ in idlers]
    expected = []
    for uid in (4, 5, 29, 1, 13, 3, 14, 2):
        (actor if uid % 2 else stepper).ok(f"UID STORE {uid} +FLAGS.SILENT (\\Seen)")
        if uid % 3:
            expected.append(uid)
    want = [uid for uid in range(1, total + 1) if uid not in expected]
    for session, view in zip(idlers, views):
        while len(view) > len(want):
            line = session.response()
            number = re.match(rb"\* (\d+) EXPUNGE", line)
            if number:
                del view[int(number.group(1)) - 1]
            elif b" FETCH (" in line:
                # A flag change names a message by a number that is right at this moment.
                seq = int(line.split()[1])
                assert 1 <= seq <= len(view)
        assert view == want
    for session in chats:
        wait_for(session, rb"\* %d EXISTS" % len(expected))
    for session, tag in zip(idlers + chats, tags):
        assert session.done(tag)[0].startswith(b"OK")
    for session in idlers:
        assert b"* SEARCH " + " ".join(map(str, want)).encode() in session.ok("UID SEARCH ALL")
    assert set(contents(raw, "COI/Chats")) == {f"chat {uid}" for uid in expected}


def test_unset_again_at_once(coid, alice, raw):
    # proves COI-48
    coid.deliver(alice, chat(1))
    session = selected(coid, alice)
    first, second = session.command("STORE 1 +FLAGS (\\Seen)"), session.command("STORE 1 -FLAGS (\\Seen)")
    assert session.until(first)[0].startswith(b"OK")
    session.until(second)
    # Either order is right: it moved first, or it was unseen before it could. It is in one place, once.
    assert eventually(lambda: count(raw, "INBOX") + count(raw, "COI/Chats") == 1)


def modseq(raw, mailbox):
    return status(raw, mailbox, "HIGHESTMODSEQ")["HIGHESTMODSEQ"]


def test_vanished_and_modseq_stay_right(coid, alice, raw):
    # proves COI-48
    for i in range(1, 5):
        coid.deliver(alice, chat(i))
    before = modseq(raw, "INBOX")
    validity = status(raw, "INBOX", "UIDVALIDITY")["UIDVALIDITY"]
    watcher = coid.raw(alice)
    watcher.ok("ENABLE QRESYNC")
    watcher.ok("SELECT INBOX")
    idle = watcher.idle()
    selected(coid, alice, "UID STORE 2 +FLAGS (\\Seen)")
    got = wait_for(watcher, rb"VANISHED")
    seen = [int(number) for line in got for number in re.findall(rb"FETCH \(.*MODSEQ \((\d+)\)", line)]
    assert got[-1] == b"* VANISHED 2" and seen and all(number > before for number in seen)
    watcher.done(idle)
    moved(raw, 2)
    after = modseq(raw, "INBOX")
    assert after > seen[-1]
    # A client that was away hears of it, too, and once.
    late = coid.raw(alice)
    late.ok("ENABLE QRESYNC")
    assert b"* VANISHED (EARLIER) 2" in late.ok(f"SELECT INBOX (QRESYNC ({validity} {before}))")
    again = coid.raw(alice)
    again.ok("ENABLE QRESYNC")
    assert not any(b"VANISHED" in line for line in again.ok(f"SELECT INBOX (QRESYNC ({validity} {after}))"))
