"""CONDSTORE (RFC 7162 section 3.1): every way to enable it, every response and error, other sessions changing the mailbox
in between."""

import re

import pytest

from coid import message
from fetchtext import fetch

HIGHEST = re.compile(rb"\[HIGHESTMODSEQ (\d+)\]")


@pytest.fixture
def filled(coid, alice):
    """The user, with five messages in INBOX."""
    with coid.raw(alice) as raw:
        for i in range(5):
            assert raw.append("INBOX", message(f"m{i}", "x" * (i + 1) * 100)).startswith(b"OK")
        raw.ok('SELECT "INBOX"')  # nothing is \Recent any more
    return alice


@pytest.fixture
def plain(coid, filled):
    with coid.raw(filled, mailbox="INBOX") as raw:
        yield raw


@pytest.fixture
def raw(coid, filled):
    with coid.raw(filled) as raw:
        raw.ok("ENABLE CONDSTORE")
        raw.ok('SELECT "INBOX"')
        yield raw


def highest(lines):
    """The values of HIGHESTMODSEQ response codes."""
    return [int(value) for line in lines for value in HIGHEST.findall(line)]


def modseqs(raw, numbers="1:*"):
    return {fetch(line)[0]: modseq(line) for line in raw.ok(f"FETCH {numbers} (MODSEQ)") if b" FETCH " in line}


def modseq(line):
    value = fetch(line)[1]["MODSEQ"]
    assert len(value) == 1
    return int(value[0])


def items(line):
    return set(fetch(line)[1])


def mailbox_modseq(coid, user, mailbox="INBOX"):
    with coid.raw(user) as fresh:
        return int(re.search(rb"HIGHESTMODSEQ (\d+)", fresh.ok(f'STATUS "{mailbox}" (HIGHESTMODSEQ)')[0]).group(1))


# -- what is announced, and who hears of it ------------------------------------------------------------------------


def test_capability(plain):
    words = plain.ok("CAPABILITY")[0].split()
    assert b"CONDSTORE" in words and b"QRESYNC" in words and b"ENABLE" in words


def test_a_session_that_did_not_ask_hears_nothing(coid, filled, plain):
    """CL-01"""
    with coid.raw(filled) as other:
        other.ok("ENABLE QRESYNC")
        other.ok('SELECT "INBOX"')
        other.ok("STORE 1 +FLAGS (\\Flagged)")
        other.ok("STORE 2 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
    untagged = plain.ok("NOOP")
    assert untagged == [b"* 2 EXPUNGE", b"* 1 FETCH (FLAGS (\\Flagged))"]
    assert plain.ok("STORE 1 +FLAGS (\\Seen)") == [b"* 1 FETCH (FLAGS (\\Flagged \\Seen))"]
    assert plain.ok("STORE 1 +FLAGS.SILENT (\\Draft)") == []
    assert plain.ok("SEARCH ALL") == [b"* SEARCH 1 2 3 4"]
    plain.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    tagged, untagged = plain.cmd("EXPUNGE")
    assert tagged == b"OK EXPUNGE completed" and untagged == [b"* 1 EXPUNGE"]


ENABLING = [
    "ENABLE CONDSTORE",
    "ENABLE QRESYNC",
    "ENABLE QRESYNC CONDSTORE",
    "STATUS INBOX (HIGHESTMODSEQ)",
    'STATUS "Other" (MESSAGES HIGHESTMODSEQ)',
    'LIST "" "*" RETURN (STATUS (HIGHESTMODSEQ))',
    "FETCH 1 (MODSEQ)",
    "FETCH 1 MODSEQ",
    "UID FETCH 1 (FLAGS MODSEQ)",
    "FETCH 1 (FLAGS) (CHANGEDSINCE 1)",
    "SEARCH MODSEQ 1",
    "UID SEARCH OR MODSEQ 1 SEEN",
    "STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)",
    "UID STORE 1 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Seen)",
]


def test_every_enabling_command(coid, filled, raw):
    """The first one in a selected mailbox is answered with its HIGHESTMODSEQ; from then on unsolicited FETCHes carry UID and
    MODSEQ. Section 3.1."""
    raw.ok('CREATE "Other"')
    for command in ENABLING:
        with coid.raw(filled, mailbox="INBOX") as plain:
            before = mailbox_modseq(coid, filled)
            untagged = plain.ok(command)
            assert highest(untagged) == [before], untagged
            assert any(line.startswith(b"* OK [HIGHESTMODSEQ ") for line in untagged)
            raw.ok("STORE 3 FLAGS.SILENT (\\Flagged)")
            told, = plain.ok("NOOP")
            number, values = fetch(told)
            assert number == 3 and values["UID"] == 3 and values["FLAGS"] == [b"\\Flagged"]
            assert modseq(told) == mailbox_modseq(coid, filled) > before
            # Only the first one.
            assert highest(plain.ok("STATUS INBOX (HIGHESTMODSEQ)")) == []
            assert highest(plain.ok("FETCH 1 (MODSEQ)")) == []
            raw.ok("STORE 3 FLAGS.SILENT ()")


def test_select_with_the_parameter(coid, filled, plain):
    """Section 3.1.8"""
    for command in ("SELECT INBOX (CONDSTORE)", "EXAMINE INBOX (condstore)"):
        with coid.raw(filled) as raw:
            untagged = raw.ok(command)
            assert highest(untagged) == [mailbox_modseq(coid, filled)]
            plain.ok("STORE 3 FLAGS (\\Flagged)")
            assert items(raw.ok("NOOP")[0]) == {"UID", "FLAGS", "MODSEQ"}
            plain.ok("STORE 3 FLAGS ()")


def test_it_lasts_until_the_connection_is_closed(coid, filled, plain):
    plain.ok("UNSELECT")
    plain.ok("ENABLE CONDSTORE")
    plain.ok('SELECT "INBOX"')
    plain.ok("CLOSE")
    plain.ok('SELECT "INBOX"')
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 3 +FLAGS.SILENT (\\Flagged)")
    assert items(plain.ok("NOOP")[0]) == {"UID", "FLAGS", "MODSEQ"}


def test_an_enabling_command_without_a_mailbox(coid, filled):
    with coid.raw(filled) as raw:
        assert highest(raw.ok("STATUS INBOX (HIGHESTMODSEQ)")) == []
        assert highest(raw.ok('SELECT "INBOX"')) == [mailbox_modseq(coid, filled)]


def test_every_select_says_highestmodseq(coid, filled):
    """Sections 3.1.2, 3.1.2.1; never NOMODSEQ."""
    with coid.raw(filled) as raw:
        raw.ok('CREATE "Empty"')
        for mailbox in ("INBOX", "Empty"):
            for command in ("SELECT", "EXAMINE"):
                untagged = raw.ok(f'{command} "{mailbox}"')
                assert highest(untagged) == [mailbox_modseq(coid, filled, mailbox)]
                assert highest(untagged)[0] > 0
                assert not any(b"NOMODSEQ" in line for line in untagged)


def test_wrong_parameters_of_select(plain):
    for parameters in ("()", "(WHAT)", "(CONDSTORE", "CONDSTORE", "(CONDSTORE) x", "(CONDSTORE 1)", "(QRESYNC)"):
        plain.bad(f'SELECT "INBOX" {parameters}')
        plain.ok("CHECK")  # what was selected still is


# -- mod-sequences -----------------------------------------------------------------------------------------------


def test_they_grow(raw, coid, filled):
    first = modseqs(raw)
    assert list(first.values()) == sorted(set(first.values()))
    raw.ok("STORE 2 +FLAGS (\\Seen)")
    second = modseqs(raw)
    assert second[2] > max(first.values())
    raw.ok("STORE 1,3 +FLAGS (\\Seen)")
    third = modseqs(raw)
    assert third[1] > second[2] and third[3] > second[2]
    assert {n: third[n] for n in (2, 4, 5)} == {n: second[n] for n in (2, 4, 5)}
    assert raw.append("INBOX", message()).startswith(b"OK")
    raw.ok("NOOP")
    assert modseqs(raw)[6] > max(third.values())
    raw.ok('COPY 1 "INBOX"')
    assert modseqs(raw)[7] > modseqs(raw)[6]
    assert mailbox_modseq(coid, filled) == modseqs(raw)[7]


def test_what_changes_nothing_keeps_it(raw):
    """Section 3.1.11"""
    raw.ok("STORE 1 +FLAGS (\\Seen $x)")
    before = modseqs(raw)
    for command in ("+FLAGS (\\Seen)", "-FLAGS (\\Draft)", "FLAGS (\\Seen $x)", "+FLAGS ($X)", "+FLAGS ()"):
        raw.ok(f"STORE 1 {command}")
        assert modseqs(raw) == before
    raw.ok("FETCH 1 BODY[]")
    assert modseqs(raw) == before


def test_they_survive_a_restart(coid, filled, raw):
    raw.ok("STORE 2 +FLAGS (\\Seen)")
    before = modseqs(raw)
    coid.restart()
    with coid.raw(filled) as again:
        again.ok('SELECT "INBOX" (CONDSTORE)')
        assert modseqs(again) == before
        again.ok("STORE 3 +FLAGS (\\Seen)")
        assert modseqs(again)[3] > max(before.values())


# -- FETCH --------------------------------------------------------------------------------------------------------


def test_fetch_modseq(raw):
    """Example 13"""
    lines = raw.ok("FETCH 1:3 (MODSEQ)")
    assert [fetch(line)[0] for line in lines] == [1, 2, 3]
    assert all(items(line) == {"MODSEQ"} for line in lines)
    assert items(raw.ok("UID FETCH 1 MODSEQ")[0]) == {"UID", "MODSEQ"}
    assert items(raw.ok("FETCH 1 (FLAGS MODSEQ RFC822.SIZE)")[0]) == {"FLAGS", "MODSEQ", "RFC822.SIZE"}
    assert items(raw.ok("FETCH 1 (MODSEQ BODY.PEEK[TEXT] MODSEQ)")[0]) == {"MODSEQ", "BODY[TEXT]"}
    # A FETCH that does not ask for it is not made to show it (section 3.2.4).
    assert items(raw.ok("FETCH 1 (FLAGS)")[0]) == {"FLAGS"}
    assert items(raw.ok("UID FETCH 1 (FLAGS)")[0]) == {"UID", "FLAGS"}
    raw.bad("FETCH 1 (MODSEQ 1)")
    raw.bad("FETCH 1 MODSEQUENCE")


def test_fetch_that_sets_seen(raw):
    """Section 3.2.4: UID and MODSEQ come with the FLAGS."""
    assert items(raw.ok("FETCH 1 BODY[TEXT]")[0]) == {"UID", "FLAGS", "MODSEQ", "BODY[TEXT]"}
    assert items(raw.ok("FETCH 1 BODY[TEXT]")[0]) == {"BODY[TEXT]"}
    assert items(raw.ok("UID FETCH 2 (FLAGS BODY[TEXT])")[0]) == {"UID", "FLAGS", "MODSEQ", "BODY[TEXT]"}
    line, = raw.ok("FETCH 3 (MODSEQ UID BODY[TEXT])")
    assert line.count(b"UID ") == 1 and line.count(b"MODSEQ (") == 1
    assert modseq(line) == modseqs(raw)[3]
    assert raw.ok("NOOP") == []


def test_changedsince(coid, filled, raw):
    """Example 12: messages with a higher modseq; MODSEQ comes by itself."""
    since = mailbox_modseq(coid, filled)
    assert raw.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {since})") == []
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 2,4 +FLAGS.SILENT (\\Flagged)")
    lines = raw.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since})")
    assert [fetch(line)[0] for line in lines] == [2, 4]
    assert all(items(line) == {"UID", "FLAGS", "MODSEQ"} and modseq(line) > since for line in lines)
    assert raw.ok("NOOP") == []  # the answer has told it
    changed = modseq(lines[0])
    assert raw.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {changed})") == []
    assert [fetch(line)[0] for line in raw.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {changed - 1})")] == [2, 4]
    assert [fetch(line)[0] for line in raw.ok(f"FETCH 3:5 FLAGS (CHANGEDSINCE {since})")] == [4]
    assert len(raw.ok("FETCH 1:* FAST (CHANGEDSINCE 1)")) == 5
    assert len(raw.ok("FETCH 1:* (FLAGS) (changedsince 0)")) == 5
    assert raw.ok("FETCH 1:* (FLAGS) (CHANGEDSINCE 9223372036854775807)") == []
    assert raw.ok("UID FETCH 100:200 (FLAGS) (CHANGEDSINCE 1)") == []


def test_changedsince_sets_seen_on_what_it_sends(coid, filled, raw):
    since = modseqs(raw)[4]
    lines = raw.ok(f"FETCH 1:* (BODY[TEXT]) (CHANGEDSINCE {since})")
    assert [fetch(line)[0] for line in lines] == [5]
    assert raw.ok("SEARCH SEEN") == [b"* SEARCH 5"]


WRONG_FETCH = [
    "()", "(CHANGEDSINCE)", "(CHANGEDSINCE )", "(CHANGEDSINCE x)", "(CHANGEDSINCE -1)", "(CHANGEDSINCE 1", "CHANGEDSINCE 1",
    "(CHANGEDSINCE 9223372036854775808)", "(CHANGEDSINCE 1 CHANGEDSINCE 2)", "(UNCHANGEDSINCE 1)", "(CHANGEDSINCE 1) x",
    "(CHANGEDSINCE 1 2)", "(CHANGEDSINCE (1))", "(VANISHED)", "(CHANGEDSINCE 1 VANISHED)"]


def test_wrong_modifiers_of_fetch(raw):
    for modifiers in WRONG_FETCH:
        raw.bad(f"FETCH 1 (FLAGS) {modifiers}")
        raw.bad(f"UID FETCH 1 (FLAGS) {modifiers}")
        raw.ok("NOOP")


# -- STORE --------------------------------------------------------------------------------------------------------


def test_store_answers(raw):
    line, = raw.ok("STORE 1 +FLAGS (\\Seen)")
    assert items(line) == {"UID", "FLAGS", "MODSEQ"}
    assert modseq(line) == modseqs(raw)[1]
    line, = raw.ok("UID STORE 2 +FLAGS (\\Seen)")
    assert items(line) == {"UID", "FLAGS", "MODSEQ"}


def test_silent_store_tells_the_modseq(coid, filled, raw):
    """Example 14: session 1 learns the modseq, session 2 the flags."""
    with coid.raw(filled) as other:
        other.ok('SELECT "INBOX" (CONDSTORE)')
        line, = raw.ok("STORE 4 +FLAGS.SILENT (\\Deleted)")
        assert fetch(line)[0] == 4 and items(line) == {"UID", "MODSEQ"}
        told, = other.ok("NOOP")
        assert items(told) == {"UID", "FLAGS", "MODSEQ"} and modseq(told) == modseq(line)
        line, = raw.ok("STORE 4 +FLAGS.SILENT (\\Seen)")
        assert modseq(line) > modseq(told)
        told, = other.ok("NOOP")
        assert set(fetch(told)[1]["FLAGS"]) == {b"\\Deleted", b"\\Seen"}
        line, = raw.ok("STORE 4 -FLAGS.SILENT (\\Deleted \\Seen)")
        told, = other.ok("NOOP")
        assert fetch(told)[1]["FLAGS"] == [] and modseq(told) == modseq(line)
        assert raw.ok("STORE 4 -FLAGS.SILENT (\\Deleted)") == []  # nothing has changed
        assert raw.ok("NOOP") == [] and other.ok("NOOP") == []


def test_silent_store_on_top_of_a_change_of_another(coid, filled, raw):
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 1 +FLAGS (\\Flagged)")
    lines = raw.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
    assert set(fetch(lines[-1])[1]["FLAGS"]) == {b"\\Flagged", b"\\Seen"}
    assert modseq(lines[-1]) == modseqs(raw)[1]


def test_unchangedsince_that_holds(coid, filled, raw):
    """Examples 3 and 4"""
    since = mailbox_modseq(coid, filled)
    tagged, untagged = raw.cmd(f"UID STORE 5,3,4 (UNCHANGEDSINCE {since}) +FLAGS.SILENT (\\Deleted)")
    assert tagged.startswith(b"OK UID STORE")
    assert [fetch(line)[0] for line in untagged] == [3, 4, 5]
    assert all(items(line) == {"UID", "MODSEQ"} and modseq(line) > since for line in untagged)
    tagged, untagged = raw.cmd(f"STORE * (UNCHANGEDSINCE {modseqs(raw)[5]}) +FLAGS.SILENT ($Processed)")
    assert tagged.startswith(b"OK STORE")
    assert [fetch(line)[0] for line in untagged if b" FETCH " in line] == [5]
    line, = raw.ok(f"STORE 1 (UNCHANGEDSINCE {since}) +FLAGS (\\Seen)")
    assert items(line) == {"UID", "FLAGS", "MODSEQ"}
    assert raw.ok("NOOP") == []


def test_the_first_conditional_store(coid, filled, plain):
    """Example 5: HIGHESTMODSEQ comes first."""
    since = mailbox_modseq(coid, filled)
    untagged = plain.ok(f"STORE 5 (UNCHANGEDSINCE {since}) -FLAGS.SILENT (\\Deleted)")
    assert untagged[0].startswith(b"* OK [HIGHESTMODSEQ %d]" % since)
    assert fetch(untagged[1])[0] == 5 and items(untagged[1]) == {"UID", "MODSEQ"}
    assert len(untagged) == 2


def test_unchangedsince_that_fails(coid, filled, raw):
    """Examples 6, 9 and 10: the others are stored; the flags of those that failed are told."""
    since = mailbox_modseq(coid, filled)
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS (\\Flagged)")
        other.ok("STORE 4 +FLAGS (\\Answered)")
    tagged, untagged = raw.cmd(f"STORE 4,2,3 (UNCHANGEDSINCE {since}) +FLAGS.SILENT (\\Deleted)")
    assert tagged.startswith(b"OK [MODIFIED 2,4] ")
    told = {fetch(line)[0]: line for line in untagged}
    assert sorted(told) == [2, 3, 4] and len(untagged) == 3
    assert items(told[3]) == {"UID", "MODSEQ"}
    assert fetch(told[2])[1]["FLAGS"] == [b"\\Flagged"] and fetch(told[4])[1]["FLAGS"] == [b"\\Answered"]
    assert raw.ok("SEARCH DELETED") == [b"* SEARCH 3"]
    # The retry with what was told (example 10).
    tagged, _ = raw.cmd(f"STORE 2 (UNCHANGEDSINCE {modseq(told[2])}) +FLAGS.SILENT (\\Deleted)")
    assert tagged.startswith(b"OK STORE")
    assert raw.ok("SEARCH DELETED") == [b"* SEARCH 2 3"]


def test_modified_holds_uids_for_uid_store(coid, filled, raw):
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    raw.ok("NOOP")
    since = mailbox_modseq(coid, filled)
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("UID STORE 3,4 +FLAGS (\\Flagged)")
    tagged, untagged = raw.cmd(f"UID STORE 1:5 (UNCHANGEDSINCE {since}) +FLAGS (\\Draft)")
    assert tagged.startswith(b"OK [MODIFIED 3:4] ")
    assert {fetch(line)[1]["UID"]: set(fetch(line)[1]["FLAGS"]) for line in untagged} == {
        2: {b"\\Draft"}, 3: {b"\\Flagged"}, 4: {b"\\Flagged"}, 5: {b"\\Draft"}}


def test_the_session_s_own_change_fails_an_old_condition(coid, filled, raw):
    """Section 3.1.3, and the mod-sequence that a .SILENT STORE told is the one that holds."""
    since = mailbox_modseq(coid, filled)
    line, = raw.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
    assert raw.cmd(f"STORE 1 (UNCHANGEDSINCE {since}) +FLAGS (\\Draft)")[0].startswith(b"OK [MODIFIED 1]")
    assert raw.cmd(f"STORE 1 (UNCHANGEDSINCE {modseq(line)}) +FLAGS (\\Draft)")[0].startswith(b"OK STORE")


def test_unchangedsince_zero_fails(raw):
    """Examples 7 and 8"""
    tagged, untagged = raw.cmd("STORE 2 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)")
    assert tagged.startswith(b"OK [MODIFIED 2] ")
    assert items(untagged[-1]) == {"UID", "FLAGS", "MODSEQ"}
    assert raw.ok("SEARCH KEYWORD $MDNSent") == [b"* SEARCH"]


def test_unchangedsince_where_nothing_changes(coid, filled, raw):
    """The condition holds, the flag is set already: the message is answered all the same."""
    raw.ok("STORE 1 +FLAGS (\\Seen)")
    since = mailbox_modseq(coid, filled)
    line, = raw.ok(f"STORE 1 (UNCHANGEDSINCE {since}) +FLAGS.SILENT (\\Seen)")
    assert modseq(line) == since


def test_a_message_named_twice_does_not_fail(coid, filled, raw):
    """Section 3.1.3, the note at its end."""
    since = mailbox_modseq(coid, filled)
    tagged, untagged = raw.cmd(f"STORE 4,2:5 (UNCHANGEDSINCE {since}) +FLAGS.SILENT (\\Deleted)")
    assert tagged.startswith(b"OK STORE") and len(untagged) == 4


def test_conditional_store_of_messages_that_are_gone(coid, filled, raw):
    """Example 11: NO with MODIFIED; the EXPUNGEs come later."""
    since = mailbox_modseq(coid, filled)
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS (\\Answered)")
        other.ok("STORE 4:5 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    tagged, untagged = raw.cmd(f"STORE 1:5 (UNCHANGEDSINCE {since}) +FLAGS (\\Seen)")
    assert tagged.startswith(b"NO [MODIFIED 2] ")
    assert {fetch(line)[0] for line in untagged if b" FETCH " in line} == {1, 2, 3}
    assert not any(b"EXPUNGE" in line for line in untagged)
    untagged = raw.ok("NOOP")
    assert untagged[:2] == [b"* 5 EXPUNGE", b"* 4 EXPUNGE"]
    tagged, _ = raw.cmd(f"STORE 2 (UNCHANGEDSINCE {modseqs(raw)[2]}) +FLAGS (\\Seen)")
    assert tagged.startswith(b"OK STORE")
    # By UID what is gone is skipped.
    tagged, _ = raw.cmd(f"UID STORE 1:5 (UNCHANGEDSINCE {since}) +FLAGS (\\Draft)")
    assert tagged.startswith(b"OK [MODIFIED 1:3] ")


WRONG_STORE = [
    "()", "(UNCHANGEDSINCE)", "(UNCHANGEDSINCE x)", "(UNCHANGEDSINCE 1", "UNCHANGEDSINCE 1", "(CHANGEDSINCE 1)",
    "(UNCHANGEDSINCE 1 UNCHANGEDSINCE 2)", "(UNCHANGEDSINCE 9223372036854775808)", "(UNCHANGEDSINCE 1)FLAGS"]


def test_wrong_modifiers_of_store(raw):
    for modifiers in WRONG_STORE:
        raw.bad(f"STORE 1 {modifiers} +FLAGS (\\Seen)")
        raw.bad(f"UID STORE 1 {modifiers} +FLAGS (\\Seen)")
        raw.ok("NOOP")
    assert raw.ok("SEARCH SEEN") == [b"* SEARCH"]


def test_conditional_store_read_only(coid, filled, raw):
    raw.ok('EXAMINE "INBOX"')
    raw.no("STORE 1 (UNCHANGEDSINCE 10000000) +FLAGS (\\Seen)")


# -- SEARCH -------------------------------------------------------------------------------------------------------


def test_search_modseq(raw):
    """Examples 15 and 16: equal or greater; the highest modseq of what was found comes last."""
    raw.ok("STORE 2 +FLAGS (\\Draft)")
    values = modseqs(raw)
    assert raw.ok(f"SEARCH MODSEQ {values[4]}") == [b"* SEARCH 2 4 5 (MODSEQ %d)" % values[2]]
    assert raw.ok(f"UID SEARCH MODSEQ {values[4]}") == [b"* SEARCH 2 4 5 (MODSEQ %d)" % values[2]]
    assert raw.ok(f"SEARCH NOT MODSEQ {values[4]}") == [b"* SEARCH 1 3 (MODSEQ %d)" % values[3]]
    assert raw.ok(f"SEARCH OR NOT MODSEQ {values[4]} LARGER 50000") == [b"* SEARCH 1 3 (MODSEQ %d)" % values[3]]
    assert raw.ok(f"SEARCH 4:5 (MODSEQ {values[1]} UNSEEN)") == [b"* SEARCH 4 5 (MODSEQ %d)" % values[5]]
    assert raw.ok(f"SEARCH MODSEQ {values[2] + 1}") == [b"* SEARCH"]
    assert len(raw.ok("SEARCH MODSEQ 0")[0].split()) == 2 + 5 + 2
    assert raw.ok("SEARCH ALL") == [b"* SEARCH 1 2 3 4 5"]


def test_search_modseq_of_a_flag(raw):
    """There is one modseq a message: entry and type are read and ignored."""
    values = modseqs(raw)
    for entry in ('"/flags/\\\\draft" all', '"/flags/\\\\Seen" priv', '"/flags/$mdnsent" shared', '"/FLAGS/x" ALL'):
        assert raw.ok(f"SEARCH MODSEQ {entry} {values[4]}") == [b"* SEARCH 4 5 (MODSEQ %d)" % values[5]]


WRONG_KEYS = [
    "MODSEQ", "MODSEQ x", "MODSEQ -1", "MODSEQ 9223372036854775808", 'MODSEQ "/flags/x"', 'MODSEQ "/flags/x" 1',
    'MODSEQ "/flags/x" none 1', 'MODSEQ "/other/x" all 1', 'MODSEQ /flags/x all 1', "MODSEQ 1 2 x"]


def test_wrong_modseq_keys(raw):
    for key in WRONG_KEYS:
        raw.bad(f"SEARCH {key}")
        raw.ok("NOOP")


# -- STATUS -------------------------------------------------------------------------------------------------------


def test_status(coid, filled, raw):
    """Example 17; the value is that of SELECT."""
    raw.ok('CREATE "Other"')
    line, = raw.ok('STATUS "Other" (UIDNEXT MESSAGES HIGHESTMODSEQ)')
    value = int(re.search(rb"HIGHESTMODSEQ (\d+)\)", line).group(1))
    assert value > 0
    with coid.raw(filled) as other:
        assert highest(other.ok('EXAMINE "Other"')) == [value]
        assert other.append("Other", message()).startswith(b"OK")
    line, = raw.ok('STATUS "Other" (HIGHESTMODSEQ)')
    assert int(re.search(rb"HIGHESTMODSEQ (\d+)\)", line).group(1)) > value


def test_status_of_the_selected_mailbox(coid, filled, raw):
    """The value is not higher than the session has been told."""
    told = mailbox_modseq(coid, filled)
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 1 +FLAGS (\\Seen)")
    untagged = raw.ok("STATUS INBOX (HIGHESTMODSEQ)")
    assert b"HIGHESTMODSEQ %d)" % told in untagged[0]
    assert modseq(untagged[1]) == mailbox_modseq(coid, filled) > told
    assert b"HIGHESTMODSEQ %d)" % modseq(untagged[1]) in raw.ok("STATUS INBOX (HIGHESTMODSEQ)")[0]


# -- other sessions -----------------------------------------------------------------------------------------------


def test_idle(coid, filled, raw):
    tag = raw.idle()
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 3 +FLAGS (\\Flagged)")
        line = raw.response()
        assert items(line) == {"UID", "FLAGS", "MODSEQ"} and modseq(line) == mailbox_modseq(coid, filled)
        other.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
        raw.response()
        other.ok("EXPUNGE")
        assert raw.response() == b"* 3 EXPUNGE"
    tagged, untagged = raw.done(tag)
    assert tagged.startswith(b"OK") and untagged == []


def test_a_held_back_expunge_holds_highestmodseq_back(coid, filled, raw):
    """Section 3.2: a MODSEQ above that of an EXPUNGE that is held back."""
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        raw.ok("NOOP")
        before = mailbox_modseq(coid, filled)
        other.ok("EXPUNGE")
        gone = mailbox_modseq(coid, filled)
    untagged = raw.ok("STORE 3 +FLAGS.SILENT (\\Flagged)")
    assert modseq(untagged[0]) > gone and highest(untagged) == [gone - 1] and gone - 1 >= before
    # Still: another one, and a FETCH that shows it.
    assert highest(raw.ok("STORE 4 +FLAGS (\\Flagged)")) == [gone - 1]
    assert highest(raw.ok("FETCH 4 (MODSEQ)")) == [gone - 1]
    assert highest(raw.ok("SEARCH MODSEQ 1")) == [gone - 1]
    # No MODSEQ above it was said: nothing to take back.
    assert highest(raw.ok("FETCH 2 (MODSEQ)")) == []
    assert highest(raw.ok("FETCH 4 (FLAGS)")) == []
    untagged = raw.ok("NOOP")
    assert untagged[0] == b"* 1 EXPUNGE" and highest(untagged) == [mailbox_modseq(coid, filled)]
    assert highest(raw.ok("NOOP")) == []


def test_enabling_while_something_is_held_back(coid, filled, plain):
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        plain.ok("NOOP")
        other.ok("EXPUNGE")
        gone = mailbox_modseq(coid, filled)
        other.ok("STORE 1 +FLAGS (\\Seen)")
    untagged = plain.ok("FETCH 3 (MODSEQ)")
    assert highest(untagged) == [gone - 1, gone - 1]  # at once, and after the FETCH of message 2
    assert highest(plain.ok("NOOP")) == [mailbox_modseq(coid, filled)]


def test_expunge_tells_it(coid, filled, raw):
    """Section 3.2.7: optional here, and useful."""
    raw.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
    tagged, untagged = raw.cmd("EXPUNGE")
    assert untagged == [b"* 3 EXPUNGE", b"* 1 EXPUNGE"]
    assert highest([tagged]) == [mailbox_modseq(coid, filled)]
    assert highest([raw.cmd("EXPUNGE")[0]]) == []


def test_a_large_mailbox(coid, filled, raw):
    """CHANGEDSINCE in slices, while another session changes what is still to come."""
    for _ in range(9):
        raw.ok('COPY 1:* "INBOX"')
    since = mailbox_modseq(coid, filled)
    count = 5 * 2 ** 9
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok(f"STORE 7,900,{count} +FLAGS.SILENT (\\Flagged)")
        lines = raw.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since})")
        assert [fetch(line)[0] for line in lines] == [7, 900, count]
        other.ok("STORE 1:* +FLAGS.SILENT (\\Seen)")
        lines = raw.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since})")
        # That many changes are told without waiting for a command, and then once more because they were asked for.
        assert {fetch(line)[0] for line in lines if b" FETCH " in line} == set(range(1, count + 1))
    assert raw.ok("NOOP") == []
