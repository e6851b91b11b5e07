"""Keywords of a mailbox: from the 65th on one that no message carries any more makes room for a new one, else there are more."""

import re

from coid import message
from meta import chat, configure, contents, eventually, plain

ALL = [f"k{n:02}" for n in range(64)]


def flags_of(raw, uid=1):
    line = raw.ok(f"UID FETCH {uid} (FLAGS)")[0]
    return set(re.search(rb"FLAGS \(([^)]*)\)", line).group(1).decode().split()) - {"\\Recent"}


def names_told(lines):
    """The keywords in the last FLAGS line among these; system flags are left out."""
    found = [line for line in lines if line.startswith(b"* FLAGS (")]
    return {word for word in found[-1][9:].rstrip(b")\r\n").decode().split() if not word.startswith("\\")} if found else None


def permanent(lines):
    return [re.search(rb"PERMANENTFLAGS \(([^)]*)\)", line).group(1).decode().split() for line in lines if b"PERMANENTFLAGS" in line]


def test_an_unused_keyword_makes_room_and_every_session_is_told(coid, alice):
    coid.deliver(alice, message("one"))
    coid.deliver(alice, message("two"))
    one, two = coid.raw(alice, mailbox="INBOX"), coid.raw(alice, mailbox="INBOX")
    one.ok("UID STORE 1 +FLAGS.SILENT (" + " ".join(ALL) + ")")
    assert names_told(two.ok("NOOP")) == set(ALL)
    one.ok("UID STORE 1 -FLAGS.SILENT (k07)")
    told = one.ok("UID STORE 2 +FLAGS (fresh)")
    expected = set(ALL) - {"k07"} | {"fresh"}
    assert names_told(told) == expected and "\\*" in permanent(told)[-1]
    # The other session has pending changes from before and after: told with the names of now, none wrong.
    told = two.ok("NOOP")
    assert names_told(told) == expected and "\\*" in permanent(told)[-1]
    fetched = [line for line in told if b"FETCH" in line]
    assert len(fetched) == 2 and all(b"k07" not in line for line in fetched)
    assert b"fresh" not in fetched[0] and b"fresh" in fetched[1]
    assert told.index(fetched[0]) > [line.startswith(b"* FLAGS") for line in told].index(True)
    for raw in (one, two, coid.raw(alice, mailbox="INBOX")):
        assert flags_of(raw, 1) == set(ALL) - {"k07"} and flags_of(raw, 2) == {"fresh"}
        assert raw.ok("UID SEARCH KEYWORD k07")[0].strip() == b"* SEARCH"
        assert raw.ok("UID SEARCH KEYWORD fresh")[0].strip() == b"* SEARCH 2"


def test_a_tagged_message_can_go_anywhere(coid, alice):
    """64 is no ceiling: for STORE, APPEND, COPY and MOVE, across a crash, and told to every session."""
    raw = coid.raw(alice)
    raw.ok("CREATE Full")
    tags = [f"t{n}" for n in range(70)]
    assert raw.append("Full", message("full"), "(" + " ".join(ALL) + ")").startswith(b"OK")
    assert raw.append("INBOX", message("tagged"), "(" + " ".join(tags) + " \\Seen)").startswith(b"OK")
    idler = coid.raw(alice, mailbox="Full")
    raw.ok("SELECT INBOX")
    assert flags_of(raw, 1) == set(tags) | {"\\Seen"}
    raw.ok("COPY 1 Full")
    told = idler.ok("NOOP")
    assert names_told(told) == set(ALL + tags) and "\\*" in permanent(told)[-1]
    assert flags_of(idler, 2) == set(tags) | {"\\Seen"}
    assert idler.ok("SEARCH KEYWORD T69") == [b"* SEARCH 2"] and idler.ok("SEARCH UNKEYWORD t69") == [b"* SEARCH 1"]
    raw.ok("MOVE 1 Full")
    raw.ok("SELECT Full")
    raw.ok("UID STORE 3 -FLAGS.SILENT (t69 t1)")
    raw.ok("UID STORE 1 +FLAGS (t68)")
    coid.kill()
    coid.start()
    raw = coid.raw(alice, mailbox="Full")
    assert flags_of(raw, 1) == set(ALL) | {"t68"}
    assert flags_of(raw, 2) == set(tags) | {"\\Seen"}
    assert flags_of(raw, 3) == set(tags) - {"t1", "t69"} | {"\\Seen"}
    raw.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    assert "problems: 0" in coid.ctl("check", alice)


def test_a_move_to_a_mailbox_without_room_loses_keywords_but_no_message(coid, alice):
    raw = coid.raw(alice)
    raw.ok("CREATE Full")
    for start in range(0, 1024, 128):
        names = " ".join(f"name{n}" for n in range(start, start + 128))
        assert raw.append("Full", message("full"), f"({names})").startswith(b"OK")
    assert raw.append("Full", message("one more"), "(another)").startswith(b"NO [LIMIT]")
    assert raw.append("INBOX", message("tagged"), "(mine name1000 \\Flagged)").startswith(b"OK")
    told = raw.ok("SELECT Full")
    assert len(names_told(told)) == 1024 and "\\*" not in permanent(told)[-1]
    raw.ok("SELECT INBOX")
    raw.ok("MOVE 1 Full")
    raw.ok("SELECT Full")
    assert flags_of(raw, 9) == {"name1000", "\\Flagged"}


def test_a_message_that_is_gone_but_not_told_keeps_no_keyword(coid, alice):
    for name in ("one", "two", "three"):
        coid.deliver(alice, message(name))
    one, two = coid.raw(alice, mailbox="INBOX"), coid.raw(alice, mailbox="INBOX")
    one.ok("UID STORE 1 +FLAGS.SILENT (" + " ".join(ALL[:-1]) + ")")
    one.ok("UID STORE 2 +FLAGS.SILENT (k63)")
    two.ok("NOOP")
    # Pending for the other session: a change of message 2, its end, and a new meaning of its bit.
    one.ok("UID STORE 2 +FLAGS.SILENT (\\Deleted)")
    one.ok("EXPUNGE")
    one.ok("UID STORE 3 +FLAGS.SILENT (other)")
    # FETCH by number: the EXPUNGE has to wait, the flags of what is there are right.
    lines = two.ok("FETCH 1 (UID)")
    assert not [line for line in lines if b"EXPUNGE" in line]
    assert not [line for line in lines if line.startswith(b"* 2 FETCH") and b"other" in line]
    lines += two.ok("NOOP")
    assert b"* 2 EXPUNGE" in b"\r\n".join(lines)
    assert flags_of(two, 3) == {"other"}


def test_a_bit_that_was_given_away_survives_a_crash(coid, alice):
    coid.deliver(alice, message("one"))
    raw = coid.raw(alice, mailbox="INBOX")
    raw.ok("UID STORE 1 FLAGS.SILENT (" + " ".join(ALL) + ")")
    raw.ok("UID STORE 1 FLAGS.SILENT (k10 k11)")
    raw.ok("UID STORE 1 +FLAGS.SILENT (a b c)")
    coid.kill()
    coid.start()
    assert flags_of(coid.raw(alice, mailbox="INBOX")) == {"k10", "k11", "a", "b", "c"}
    assert "problems: 0" in coid.ctl("check", alice)


def test_chats_takes_chat_messages_although_its_keywords_were_all_used_once(coid, alice):
    raw = coid.raw(alice)
    configure(raw, enabled="yes", message_filter="seen")
    raw.ok(b'APPEND "COI/Chats" {%d+}\r\n%s' % (len(plain(9)), plain(9)))
    raw.ok('SELECT "COI/Chats"')
    raw.ok("UID STORE 1 FLAGS.SILENT (" + " ".join(ALL) + ")")
    raw.ok("UID STORE 1 FLAGS.SILENT ()")
    coid.deliver(alice, chat(1))
    raw.ok("SELECT INBOX")
    raw.ok("UID STORE 1 +FLAGS.SILENT (\\Seen $Forwarded mine)")
    assert eventually(lambda: "chat 1" in contents(coid.raw(alice), "COI/Chats"))
    flags, _ = contents(coid.raw(alice), "COI/Chats")["chat 1"]
    assert {"$Chat", "$Forwarded", "mine"} <= set(flags)
