"""COPY, MOVE, EXPUNGE and their UID forms: codes, order, all or nothing, other sessions."""

import re

import pytest

from coid import message
from fetchtext import fetch, fetch_all


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        for i in range(1, 7):
            options = f'(\\Flagged k{i}) "{i:02}-Mar-2026 12:00:00 +0100"'
            assert raw.append("INBOX", message(subject=f"number {i}"), options).startswith(b"OK")
        raw.ok('CREATE "Target"')
        raw.ok('SELECT "INBOX"')
        yield raw


def uids(raw):
    return [int(n) for n in raw.ok("UID SEARCH ALL")[0].split()[2:]]


def copyuid(line):
    found = re.search(rb"\[COPYUID (\d+) ([\d:,]+) ([\d:,]+)\]", line)
    assert found, line
    return found.group(2).decode(), found.group(3).decode()


def content(raw, mailbox):
    raw.ok(f'SELECT "{mailbox}"')
    got = fetch_all(raw.ok("FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])"))
    return [(sorted(set(i["FLAGS"]) - {b"\\Recent"}), i["INTERNALDATE"], i["BODY[]"]) for i in got.values()]


def test_copy(raw):
    before = content(raw, "INBOX")
    assert copyuid(raw.cmd('COPY 2:3,6 "Target"')[0]) == ("2:3,6", "1:3")
    assert copyuid(raw.cmd('UID COPY 1 "Target"')[0]) == ("1", "4")
    assert content(raw, "INBOX") == before
    assert content(raw, "Target") == [before[1], before[2], before[5], before[0]]


def test_copy_onto_itself(raw):
    tagged, untagged = raw.cmd('COPY 1:* "INBOX"')
    assert copyuid(tagged) == ("1:6", "7:12") and b"* 12 EXISTS" in untagged


def test_move(raw):
    before = content(raw, "INBOX")
    tagged, untagged = raw.cmd('UID MOVE 2,4:5 "Target"')
    assert tagged.startswith(b"OK")
    assert copyuid(untagged[0]) == ("2,4:5", "1:3")
    assert sorted(untagged[1:]) == [b"* 2 EXPUNGE", b"* 4 EXPUNGE", b"* 5 EXPUNGE"]
    assert [int(line.split()[1]) for line in untagged[1:]] == [5, 4, 2]
    assert uids(raw) == [1, 3, 6]
    assert content(raw, "Target") == [before[1], before[3], before[4]]


def test_move_to_the_same_mailbox(raw):
    tagged, untagged = raw.cmd('MOVE 1:2 "INBOX"')
    assert tagged.startswith(b"OK") and copyuid(untagged[0]) == ("1:2", "7:8")
    assert uids(raw) == [3, 4, 5, 6, 7, 8]


def test_empty_sets_are_ok(raw):
    """CL-09"""
    for command in ['UID COPY 100:200 "Target"', 'UID MOVE 77 "Target"', "UID EXPUNGE 77"]:
        assert raw.ok(command) == []
    raw.bad('COPY 7 "Target"')
    raw.bad('MOVE 1:7 "Target"')


def test_a_missing_target(raw):
    """CL-12"""
    for command in ("COPY 1", "UID COPY 1", "MOVE 1", "UID MOVE 1"):
        raw.no(f'{command} "Nowhere"', "TRYCREATE")
    raw.ok('CREATE "Above/Below"')
    raw.no('COPY 1 "Above"', "TRYCREATE")
    assert uids(raw) == [1, 2, 3, 4, 5, 6]


def test_all_or_nothing_over_quota(coid):
    user = coid.add_user("bob@example.org")
    coid.ctl("user", "quota", user, "--storage", "20K")
    with coid.raw(user) as raw:
        for _ in range(2):
            assert raw.append("INBOX", message(body="x" * 6000)).startswith(b"OK")
        raw.ok('CREATE "Target"')
        raw.ok('SELECT "INBOX"')
        raw.no('COPY 1:2 "Target"', "OVERQUOTA")
        assert b"MESSAGES 0" in raw.ok('STATUS "Target" (MESSAGES)')[0]
        raw.ok('MOVE 1:2 "Target"')


def test_expunge(raw):
    raw.ok("STORE 2,5,6 +FLAGS.SILENT (\\Deleted)")
    assert raw.ok("EXPUNGE") == [b"* 6 EXPUNGE", b"* 5 EXPUNGE", b"* 2 EXPUNGE", b"* 3 RECENT"]
    assert raw.ok("EXPUNGE") == []
    assert uids(raw) == [1, 3, 4]


def test_uid_expunge(raw):
    raw.ok("STORE 1:4 +FLAGS.SILENT (\\Deleted)")
    assert raw.ok("UID EXPUNGE 3:6") == [b"* 4 EXPUNGE", b"* 3 EXPUNGE", b"* 4 RECENT"]
    assert uids(raw) == [1, 2, 5, 6]


def test_uids_are_never_used_again(coid, alice, raw):
    """CL-10"""
    raw.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    coid.restart()
    with coid.raw(alice) as again:
        assert again.append("INBOX", message()).split(b"]")[0].endswith(b" 7")


def test_read_only(raw):
    raw.ok('EXAMINE "INBOX"')
    raw.no('MOVE 1 "Target"')
    raw.no("EXPUNGE")
    raw.no("UID EXPUNGE 1")
    raw.ok('COPY 1 "Target"')


def test_other_sessions_see_it(coid, alice, raw):
    with coid.raw(alice, mailbox="INBOX") as other, coid.raw(alice, mailbox="Target") as target:
        idle = other.idle()
        target_idle = target.idle()
        raw.ok('MOVE 1,3 "Target"')
        assert [other.response(), other.response()] == [b"* 3 EXPUNGE", b"* 1 EXPUNGE"]
        assert target.response() == b"* 2 EXISTS"
        assert other.done(idle)[0].startswith(b"OK")
        assert target.done(target_idle)[0].startswith(b"OK")


def test_numbers_hold_until_the_session_is_told(coid, alice, raw):
    """RFC 3501 7.4.1: no EXPUNGE in the answer of a command by number."""
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    assert fetch(raw.ok("FETCH 2 UID")[-1]) == (2, {"UID": 2})
    tagged, untagged = raw.cmd("FETCH 1:2 UID")
    assert tagged.startswith(b"NO [EXPUNGEISSUED]") and untagged == [b"* 2 FETCH (UID 2)"]
    assert b"* 1 EXPUNGE" in raw.ok("NOOP")
    assert fetch(raw.ok("FETCH 1 UID")[0]) == (1, {"UID": 2})


def test_a_copy_of_what_is_gone(coid, alice, raw):
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    # All or nothing (RFC 3501 6.4.7): who tries once more, now that it knows, has one copy of each.
    tagged, untagged = raw.cmd('COPY 1:3 "Target"')
    assert tagged.startswith(b"NO [EXPUNGEISSUED]") and b"* 2 EXPUNGE" in untagged
    assert b"MESSAGES 0" in raw.ok('STATUS "Target" (MESSAGES)')[0]
    assert copyuid(raw.cmd('COPY 1:2 "Target"')[0]) == ("1,3", "1:2")


def test_a_move_of_what_is_gone(coid, alice, raw):
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    tagged, untagged = raw.cmd('MOVE 1:3 "Target"')
    assert tagged.startswith(b"NO [EXPUNGEISSUED]") and b"* 2 EXPUNGE" in untagged
    assert uids(raw) == [1, 3, 4, 5, 6]
    assert b"MESSAGES 0" in raw.ok('STATUS "Target" (MESSAGES)')[0]
    # By UID what is gone is none of them (RFC 3501 6.4.8).
    tagged, untagged = raw.cmd('UID MOVE 1:3 "Target"')
    assert tagged.startswith(b"OK") and copyuid(untagged[0]) == ("1,3", "1:2")


def test_replace_and_catenate_of_what_is_gone(coid, alice, raw):
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    assert raw.cmd('REPLACE 2 "Target" {1+}\r\nx')[0].startswith(b"NO [EXPUNGEISSUED]")
    for uid, answer, count in ((2, b"NO [BADURL ", 0), (1, b"OK [APPENDUID ", 1)):
        append = f'APPEND "Target" CATENATE (URL "/INBOX/;UID=1" URL "/INBOX/;UID={uid}")'
        assert raw.cmd(append)[0].startswith(answer)
        assert b"MESSAGES %d" % count in raw.ok('STATUS "Target" (MESSAGES)')[-1]


def test_a_message_not_announced_is_not_expunged(coid, alice, raw):
    with coid.raw(alice) as other:
        raw.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        assert other.append("INBOX", message(), "(\\Deleted)").startswith(b"OK")
    untagged = raw.ok("EXPUNGE")
    assert untagged[0] == b"* 1 EXPUNGE" and b"* 6 EXISTS" in untagged
    assert uids(raw)[-1] == 7


def test_a_thousand_messages(raw):
    for _ in range(8):
        raw.ok('COPY 1:* "INBOX"')
    count = 6 * 2 ** 8
    tagged, untagged = raw.cmd('MOVE 1:* "Target"')
    assert tagged.startswith(b"OK") and copyuid(untagged[0]) == (f"1:{count}", f"1:{count}")
    assert len(untagged) == count + 2 and untagged[-1] == b"* 0 RECENT"
    assert uids(raw) == []
