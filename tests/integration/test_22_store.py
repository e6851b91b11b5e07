"""STORE: what is set, what is answered, what other sessions learn."""

import pytest

from coid import message
from fetchtext import fetch


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        for _ in range(5):
            assert raw.append("INBOX", message()).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        yield raw


def flags(raw, number):
    return set(fetch(raw.ok(f"FETCH {number} FLAGS")[0])[1]["FLAGS"]) - {b"\\Recent"}


def told(untagged):
    """{number: flags} of FETCH responses, \\Recent left out."""
    return {fetch(line)[0]: set(fetch(line)[1]["FLAGS"]) - {b"\\Recent"} for line in untagged if b" FETCH (" in line}


def test_set_add_and_remove(raw):
    assert told(raw.ok("STORE 1 FLAGS (\\Seen \\Draft)")) == {1: {b"\\Seen", b"\\Draft"}}
    assert told(raw.ok("STORE 1:2 +FLAGS (\\Flagged)")) == {1: {b"\\Seen", b"\\Draft", b"\\Flagged"}, 2: {b"\\Flagged"}}
    assert told(raw.ok("STORE 1 -FLAGS (\\Seen \\Answered)")) == {1: {b"\\Draft", b"\\Flagged"}}
    assert told(raw.ok("STORE 1 FLAGS \\Deleted")) == {1: {b"\\Deleted"}}
    assert told(raw.ok("STORE 1 FLAGS ()")) == {1: set()}
    assert told(raw.ok("STORE 1 +FLAGS \\Seen \\Flagged")) == {1: {b"\\Seen", b"\\Flagged"}}


def test_uid_store_answers_with_uids(raw):
    raw.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    untagged = raw.ok("UID STORE 2:4 +FLAGS (\\Seen)")
    assert [(fetch(line)[0], fetch(line)[1]["UID"]) for line in untagged] == [(1, 2), (2, 3), (3, 4)]


def test_silent(coid, alice, raw):
    with coid.raw(alice, mailbox="INBOX") as other:
        assert raw.ok("STORE 1 +FLAGS.SILENT (\\Seen)") == []
        assert raw.ok("NOOP") == []
        assert told(other.ok("NOOP")) == {1: {b"\\Seen"}}
        other.ok("STORE 2 +FLAGS (\\Flagged)")
        # Another's change is not hidden.
        assert told(raw.ok("STORE 1 -FLAGS.SILENT (\\Seen)")) == {2: {b"\\Flagged"}}
        # A change of both: what is there now is told.
        other.ok("STORE 3 +FLAGS (\\Answered)")
        raw.ok("STORE 3 +FLAGS.SILENT (\\Draft)")
        assert flags(raw, 3) == {b"\\Answered", b"\\Draft"}
        assert flags(other, 3) == {b"\\Answered", b"\\Draft"}


def test_everybody_ends_with_the_same_flags(coid, alice, raw):
    with coid.raw(alice, mailbox="INBOX") as other:
        for i in range(30):
            one, two = (raw, other) if i % 2 else (other, raw)
            one.command(f"STORE {i % 5 + 1} {'+-'[i % 3 == 0]}FLAGS (\\Seen k{i % 4})")
            two.command(f"STORE {(i + 1) % 5 + 1} {'+-'[i % 2]}FLAGS.SILENT (\\Flagged)")
            one.until(b"t%d" % one.serial)
            two.until(b"t%d" % two.serial)
        raw.ok("NOOP")
        other.ok("NOOP")
        assert told(raw.ok("FETCH 1:5 FLAGS")) == told(other.ok("FETCH 1:5 FLAGS"))


def test_keywords(coid, alice, raw):
    with coid.raw(alice, mailbox="INBOX") as other:
        untagged = raw.ok("STORE 1 +FLAGS ($Forwarded later)")
        assert told(untagged) == {1: {b"$Forwarded", b"later"}}
        assert any(line.startswith(b"* FLAGS (") and b"$Forwarded" in line for line in untagged)
        untagged = other.ok("NOOP")
        assert told(untagged) == {1: {b"$Forwarded", b"later"}}
        assert any(line.startswith(b"* FLAGS (") and b"later" in line for line in untagged)
        # Names compare without case; the first spelling stays.
        assert told(raw.ok("STORE 2 +FLAGS (LATER)")) == {2: {b"later"}}
        assert raw.ok("SEARCH KEYWORD Later") == [b"* SEARCH 1 2"]
    coid.restart()
    with coid.raw(alice, mailbox="INBOX") as again:
        assert flags(again, 1) == {b"$Forwarded", b"later"}


def test_the_65th_keyword(raw):
    raw.ok("STORE 1 +FLAGS.SILENT (" + " ".join(f"k{i}" for i in range(64)) + ")")
    raw.ok("STORE 1 +FLAGS (one-more)")
    raw.ok("STORE 1 -FLAGS.SILENT (unknown k1)")
    assert len(flags(raw, 1)) == 64 and b"one-more" in flags(raw, 1)
    assert raw.ok("SEARCH KEYWORD one-more") == [b"* SEARCH 1"]


def test_wrong_requests(coid, alice, raw):
    for text in ["STORE", "STORE 1", "STORE 1 FLAGS", "STORE 1 FLAGS (\\Recent)", "STORE 1 FLAGS (\\Foo)", "STORE 6 FLAGS ()",
                 "STORE 0 FLAGS ()", "STORE 1 FLAGSX ()", "STORE 1 +FLAGS.SILENT", "STORE 1 FLAGS (\\Seen", "STORE x FLAGS ()"]:
        raw.bad(text)
    raw.ok('EXAMINE "INBOX"')
    raw.no("STORE 1 FLAGS (\\Seen)")


def test_messages_that_are_gone(coid, alice, raw):
    """CL-09"""
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    tagged, untagged = raw.cmd("STORE 1:3 +FLAGS (\\Seen)")
    assert tagged.startswith(b"OK [EXPUNGEISSUED]") and set(told(untagged)) == {1, 3}
    assert not any(line.endswith(b"EXPUNGE") for line in untagged)
    assert raw.cmd("STORE 2 +FLAGS (\\Seen)")[0].startswith(b"OK [EXPUNGEISSUED]")
    # A client that uses .SILENT gets no answer (RFC 2180 section 4.2.1).
    tagged, untagged = raw.cmd("STORE 1:3 +FLAGS.SILENT (\\Flagged)")
    assert tagged == b"OK STORE completed" and untagged == []
    assert raw.ok("SEARCH FLAGGED") == [b"* SEARCH 1 3"]
    untagged = raw.ok("UID STORE 2 +FLAGS (\\Seen)")
    assert untagged == [b"* 2 EXPUNGE", b"* 4 RECENT"]
    assert raw.ok("UID STORE 1000:2000 +FLAGS (\\Seen)") == []


def test_an_idler_sees_changes_of_others_only(coid, alice, raw):
    """CL-05"""
    with coid.raw(alice, mailbox="INBOX") as other:
        tag = raw.idle()
        other.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
        assert told([raw.response()]) == {1: {b"\\Flagged"}}
        tagged, untagged = raw.done(tag)
        assert tagged.startswith(b"OK") and untagged == []
        other.ok("NOOP")


def test_many_messages_at_once(coid, alice, raw):
    for _ in range(10):
        raw.ok('COPY 1:* "INBOX"')
    count = 5 * 2 ** 10
    untagged = raw.ok("STORE 1:* FLAGS (\\Seen \\Flagged $SomeKeyword)")
    got = told(untagged)
    assert len(got) == count and all(v == {b"\\Seen", b"\\Flagged", b"$SomeKeyword"} for v in got.values())
    assert raw.ok("STORE 1:* -FLAGS.SILENT (\\Seen)") == []
    assert raw.ok("SEARCH SEEN") == [b"* SEARCH"]
