"""MESSAGELIMIT and SAVELIMIT (RFC 9738): one command works on so many messages, those with the highest UIDs."""

import re
import threading

import pytest

from coid import message

LIMIT = 1000
COUNT = 1500


def fill(raw, count=COUNT):
    """`count` messages in INBOX, by copies that are within the limit; it is selected."""
    raw.append("INBOX", message("the first"))
    raw.ok("SELECT INBOX")
    have = 1
    while have < count:
        more = min(have, count - have, LIMIT)
        raw.ok(f"COPY 1:{more} INBOX")
        have += more


def capabilities(raw):
    return raw.ok("CAPABILITY")[0].split()


def limit_code(tagged):
    """(limit, last UID or None) of a tagged or untagged response that has the code."""
    match = re.search(rb"\[MESSAGELIMIT (\d+)(?: (\d+))?\]", tagged)
    return match and (int(match[1]), match[2] and int(match[2]))


def uids(untagged):
    return [int(re.search(rb"UID (\d+)", line)[1]) for line in untagged if b" FETCH (" in line]


@pytest.fixture
def coid(make_coid):
    return make_coid(settings={"imap.message_limit": LIMIT})


@pytest.fixture
def raw(coid, alice):
    raw = coid.raw(alice)
    fill(raw)
    return raw


def test_it_is_off_unless_it_is_set(make_coid):
    coid = make_coid()
    raw = coid.raw(coid.add_user("alice@example.org"))
    assert not [word for word in capabilities(raw) if b"MESSAGELIMIT" in word or b"SAVELIMIT" in word]
    fill(raw)
    tagged, untagged = raw.cmd("UID FETCH 1:* (UID)")
    assert tagged == b"OK UID FETCH completed" and len(untagged) == COUNT
    raw.ok("COPY 1:* INBOX")


def test_only_one_limit_is_announced(coid, raw, make_coid):
    assert b"MESSAGELIMIT=1000" in capabilities(raw) and not [word for word in capabilities(raw) if b"SAVELIMIT" in word]
    both = make_coid(settings={"imap.message_limit": 2000, "imap.save_limit": 1000})
    words = capabilities(both.raw(both.add_user("bob@example.org")))
    assert b"MESSAGELIMIT=2000" in words and not [word for word in words if b"SAVELIMIT" in word]


def test_a_client_that_knows_it_sees_everything(raw):
    """Section 3.1: it goes on below the UID that it was told, until it is told no more."""
    seen, ask = [], "1:*"
    for _ in range(3):
        tagged, untagged = raw.cmd(f"UID FETCH {ask} (FLAGS)")
        assert tagged.startswith(b"OK")
        seen += uids(untagged)
        code = limit_code(tagged)
        if not code:
            break
        assert code == (LIMIT, min(uids(untagged))) and len(untagged) == LIMIT
        # From the highest down.
        assert uids(untagged) == sorted(uids(untagged), reverse=True)
        ask = f"1:{code[1] - 1}"
    assert sorted(seen) == list(range(1, COUNT + 1))


def test_search_and_what_it_saves(raw):
    tagged, untagged = raw.cmd("UID SEARCH ALL")
    assert limit_code(tagged) == (LIMIT, COUNT - LIMIT + 1) and len(untagged[0].split()) == 2 + LIMIT
    tagged, untagged = raw.cmd("UID SEARCH RETURN (SAVE COUNT) ALL")
    assert limit_code(tagged) == (LIMIT, 501) and untagged[0].endswith(b"COUNT 1000")
    assert len(raw.ok("FETCH $ (UID)")) == LIMIT
    tagged, untagged = raw.cmd("UID SEARCH UIDBEFORE 501")
    assert tagged.startswith(b"OK UID SEARCH") and len(untagged[0].split()) == 2 + 500
    assert raw.ok("UID SEARCH UIDAFTER 1499") == [b"* SEARCH 1500"]
    assert raw.ok("UID SEARCH UIDAFTER 1500") == [b"* SEARCH"]


def test_sort_needs_all_and_is_refused(raw):
    assert limit_code(raw.no("UID SORT (ARRIVAL) UTF-8 ALL", "MESSAGELIMIT")) == (LIMIT, None)
    (answer,) = raw.ok("UID SORT (ARRIVAL) UTF-8 UIDAFTER 500")
    assert len(answer.split()) == 2 + LIMIT


def test_store_is_seen_by_others_as_far_as_it_went(coid, alice, raw):
    other = coid.raw(alice, mailbox="INBOX")
    tagged, untagged = raw.cmd("UID STORE 1:* +FLAGS.SILENT (\\Flagged)")
    assert tagged.startswith(b"OK") and limit_code(tagged) == (LIMIT, 501) and untagged == []
    told = [int(line.split()[1]) for line in other.ok("NOOP") if b"FETCH (FLAGS" in line]
    assert sorted(told) == list(range(501, COUNT + 1))
    assert len(other.ok("SEARCH UIDBEFORE 501 FLAGGED")[0].split()) == 2


def test_copy_copies_nothing_and_move_moves_a_part(coid, alice, raw):
    raw.ok("CREATE to")
    assert limit_code(raw.no("COPY 1:* to", "MESSAGELIMIT")) == (LIMIT, 501)
    assert raw.ok("STATUS to (MESSAGES)") == [b'* STATUS "to" (MESSAGES 0)']
    other = coid.raw(alice, mailbox="INBOX")
    tagged, untagged = raw.cmd("UID MOVE 1:* to")
    assert limit_code(tagged) == (LIMIT, 501)
    assert untagged[0].startswith(b"* OK [COPYUID ") and b" 501:1500 1:1000]" in untagged[0]
    assert sum(line.endswith(b" EXPUNGE") for line in untagged) == LIMIT
    assert sum(line.endswith(b" EXPUNGE") for line in other.ok("NOOP")) == LIMIT
    tagged, _ = raw.cmd("UID MOVE 1:500 to")
    assert tagged.startswith(b"OK UID MOVE")
    assert raw.ok("STATUS to (MESSAGES)") == [b'* STATUS "to" (MESSAGES 1500)']


def test_uid_expunge_is_limited_and_expunge_is_not(raw):
    raw.ok("UID STORE 501:* +FLAGS.SILENT (\\Deleted)")
    raw.ok("UID STORE 1:500 +FLAGS.SILENT (\\Deleted)")
    raw.ok("ENABLE QRESYNC")
    tagged, untagged = raw.cmd("UID EXPUNGE 1:*")
    assert b"* VANISHED 501:1500" in untagged
    # One code has the place in the tagged line.
    assert limit_code(tagged) == (LIMIT, 501) and any(b"[HIGHESTMODSEQ " in line for line in untagged)
    raw.ok("UID STORE 1:* -FLAGS.SILENT (\\Deleted)")
    raw.ok("COPY 1:* INBOX")
    raw.ok("COPY 1:* INBOX")
    for some in ("1:1000", "1001:2000"):
        raw.ok(f"STORE {some} +FLAGS.SILENT (\\Deleted)")
    tagged, untagged = raw.cmd("EXPUNGE")
    assert tagged.startswith(b"OK") and not any(limit_code(line) for line in [*untagged, tagged])
    assert raw.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 0)']


def test_partial_is_limited_by_its_range(raw):
    assert limit_code(raw.no("UID FETCH 1:* (UID) (PARTIAL -1:-1001)", "MESSAGELIMIT")) == (LIMIT, None)
    tagged, untagged = raw.cmd("UID FETCH 1:* (UID) (PARTIAL 1:1000)")
    assert tagged == b"OK UID FETCH completed" and uids(untagged) == list(range(1, LIMIT + 1))


def test_uidonly_sessions_are_limited_alike(raw):
    raw.ok("ENABLE UIDONLY")
    tagged, untagged = raw.cmd("UID FETCH 1:* (FLAGS)")
    assert limit_code(tagged) == (LIMIT, 501) and len(untagged) == LIMIT
    assert untagged[0].startswith(b"* 1500 UIDFETCH (") and untagged[-1].startswith(b"* 501 UIDFETCH (")
    raw.ok("UID STORE 501:* +FLAGS.SILENT (\\Deleted)")
    raw.ok("UID STORE 1:500 +FLAGS.SILENT (\\Deleted)")
    tagged, untagged = raw.cmd("UID EXPUNGE 1:*")
    assert limit_code(tagged) == (LIMIT, 501) and b"* VANISHED 501:1500" in untagged


def test_another_session_removes_messages_meanwhile(coid, alice, raw):
    other = coid.raw(alice, mailbox="INBOX")

    def remove():
        for uid in range(COUNT, COUNT - 60, -1):
            other.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
            other.ok(f"UID EXPUNGE {uid}")

    thread = threading.Thread(target=remove)
    thread.start()
    try:
        for _ in range(5):
            tagged, untagged = raw.cmd("FETCH 1:* (UID FLAGS)")
            told = [limit_code(line) for line in [*untagged, tagged] if limit_code(line)]
            assert len(told) == 1 and told[0][0] == LIMIT
            assert tagged.startswith((b"OK [MESSAGELIMIT", b"NO [EXPUNGEISSUED]"))
            assert min(uids(untagged)) >= told[0][1] and len(uids(untagged)) <= LIMIT
            raw.ok("NOOP")
    finally:
        thread.join(60)
    assert raw.ok("STATUS INBOX (MESSAGES)")[0] == b'* STATUS "INBOX" (MESSAGES %d)' % (COUNT - 60)


def test_saves_alone_can_be_limited(make_coid):
    coid = make_coid(settings={"imap.save_limit": LIMIT})
    raw = coid.raw(coid.add_user("alice@example.org"))
    assert b"SAVELIMIT=1000" in capabilities(raw) and not [word for word in capabilities(raw) if b"MESSAGELIMIT" in word]
    fill(raw)
    assert limit_code(raw.no("COPY 1:* INBOX", "MESSAGELIMIT")) == (LIMIT, 501)
    for whole in ("FETCH 1:* (UID)", "UID SEARCH ALL", "STORE 1:* +FLAGS.SILENT (\\Seen)", "MOVE 1:* Trash"):
        tagged, _ = raw.cmd(whole)
        assert tagged.startswith(b"OK") and not limit_code(tagged)
