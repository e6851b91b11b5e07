"""QRESYNC (RFC 7162 section 3.2): resynchronising by SELECT and UID FETCH, VANISHED, CLOSED, HIGHESTMODSEQ in tagged lines;
also where the expunge history no longer reaches back."""

import re

import pytest

from coid import message
from fetchtext import fetch

HIGHEST = re.compile(rb"\[HIGHESTMODSEQ (\d+)\]")


def highest(lines):
    return [int(value) for line in lines for value in HIGHEST.findall(line)]


def uidset(text):
    """{1, 2, 3} of b"1:3"."""
    out = set()
    for part in text.decode().split(","):
        low, _, high = part.partition(":")
        out |= set(range(int(low), int(high or low) + 1))
    return out


def vanished(lines, earlier=True):
    """UIDs of the VANISHED lines of one form; no UID may come twice."""
    head = b"* VANISHED (EARLIER) " if earlier else b"* VANISHED "
    out = set()
    for line in lines:
        if line.startswith(head) and (earlier or b"(" not in line):
            uids = uidset(line[len(head):])
            assert not uids & out
            out |= uids
    return out


def fetched(lines):
    """{uid: flags} of FETCH lines, which carry UID, FLAGS and MODSEQ."""
    out = {}
    for line in lines:
        if b" FETCH (" in line:
            _, values = fetch(line)
            assert set(values) == {"UID", "FLAGS", "MODSEQ"}, line
            out[values["UID"]] = {bytes(flag) for flag in values["FLAGS"]} - {b"\\Recent"}
    return out


class State:
    """The state of a mailbox that a client keeps."""

    def __init__(self, lines):
        self.uidvalidity = int(re.search(rb"\[UIDVALIDITY (\d+)\]", b"\n".join(lines)).group(1))
        self.modseq = highest(lines)[-1]

    def select(self, more="", mailbox="INBOX", command="SELECT"):
        return f'{command} "{mailbox}" (QRESYNC ({self.uidvalidity} {self.modseq}{" " if more else ""}{more}))'


def enabled(coid, user, mailbox=None):
    raw = coid.raw(user)
    raw.ok("ENABLE QRESYNC")
    if mailbox:
        raw.ok(f'SELECT "{mailbox}"')
    return raw


def fill(coid, user, count, mailbox="INBOX"):
    with coid.raw(user) as raw:
        assert raw.append(mailbox, message()).startswith(b"OK")
        raw.ok(f'SELECT "{mailbox}"')
        have = 1
        while have < count:
            raw.ok(f'COPY 1:{min(have, count - have)} "{mailbox}"')
            have += min(have, count - have)


def expunge(coid, user, uids, mailbox="INBOX"):
    with coid.raw(user, mailbox=mailbox) as raw:
        raw.ok(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted)")
        raw.ok(f"UID EXPUNGE {uids}")


def state_of(coid, user, mailbox="INBOX"):
    with coid.raw(user) as raw:
        return State(raw.ok(f'EXAMINE "{mailbox}"'))


@pytest.fixture
def filled(coid, alice):
    """Twelve messages in INBOX, UIDs 1 to 12."""
    fill(coid, alice, 12)
    return alice


@pytest.fixture
def raw(coid, filled):
    with enabled(coid, filled, "INBOX") as raw:
        yield raw


# -- enabling -----------------------------------------------------------------------------------------------------


def test_it_must_be_enabled(coid, filled):
    """Sections 3.2.3, 3.2.5, 3.2.6"""
    with coid.raw(filled, mailbox="INBOX") as raw:
        raw.bad('SELECT "INBOX" (QRESYNC (1 1))')
        raw.ok("ENABLE CONDSTORE")
        raw.bad('EXAMINE "INBOX" (QRESYNC (1 1))')
        raw.bad("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)")
        raw.ok("CHECK")
        assert raw.ok("ENABLE QRESYNC") == [b"* ENABLED QRESYNC"]
        raw.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)")
        raw.ok('SELECT "INBOX" (QRESYNC (1 1))')


def test_enabled_with_a_mailbox_selected(coid, filled):
    with coid.raw(filled, mailbox="INBOX") as raw:
        expunge(coid, filled, "3")
        assert highest(raw.ok("ENABLE QRESYNC")) != []
        expunge(coid, filled, "5")
        lines = raw.ok("NOOP")
        assert not any(b"EXPUNGE" in line for line in lines) and vanished(lines, False) == {5}


WRONG = [
    "", "1", "(1)", "(1 )", "(0 1)", "(x 1)", "(1 x)", "(1 1 *)", "(1 1 1:*)", "(1 1 0)", "(1 1 x)", "(1 1 1", "(1 1 1))x",
    "(1 1 1 1)", "(1 1 ())", "(1 1 (1))", "(1 1 (1 *))", "(1 1 (* 1))", "(1 1 (1 1:*))", "(1 1 (1:2 1))", "(1 1 1 (1 1:2))",
    "(1 1 1 (1 1) 1)", "(4294967296 1)", "(1 9223372036854775808)", "(1 1 (1 1)(2 2))", "(1 1 1 2 (1 1))"]


def test_wrong_arguments(raw):
    """Section 3.2.5: BAD, before anything is opened or closed."""
    for arguments in WRONG:
        raw.bad(f'SELECT "INBOX" (QRESYNC {arguments})')
        raw.ok("CHECK")
    for parameters in ("QRESYNC (1 1)", "(QRESYNC (1 1) QRESYNC (1 1))", "(QRESYNC(1 1))", "(QRESYNC)"):
        raw.bad(f'SELECT "INBOX" {parameters}')
        raw.ok("CHECK")
    for modifiers in ("(VANISHED)", "(VANISHED VANISHED CHANGEDSINCE 1)", "(CHANGEDSINCE 1 VANISHED", "(CHANGEDSINCE VANISHED 1)"):
        raw.bad(f"UID FETCH 1:* (FLAGS) {modifiers}")
        raw.ok("CHECK")
    raw.bad("FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)")  # section 3.2.6: only with UID FETCH


# -- VANISHED in place of EXPUNGE ---------------------------------------------------------------------------------


def test_expunge(coid, filled, raw):
    """Sections 3.2.7 and 3.2.10.2 with their examples."""
    raw.ok("UID STORE 5,7,10,12 +FLAGS.SILENT (\\Deleted)")
    tagged, untagged = raw.cmd("EXPUNGE")
    assert untagged == [b"* VANISHED 5,7,10,12"]
    assert highest([tagged]) == [state_of(coid, filled).modseq]
    raw.ok("UID STORE 4,8 +FLAGS.SILENT (\\Deleted)")
    assert raw.ok("EXPUNGE") == [b"* VANISHED 4,8"]
    assert raw.cmd("EXPUNGE") == (b"OK EXPUNGE completed", [])
    assert fetch(raw.ok("FETCH 4 (UID)")[0])[1] == {"UID": 6}


def test_uid_expunge(coid, filled, raw):
    """Section 3.2.9"""
    raw.ok("UID STORE 1:6 +FLAGS.SILENT (\\Deleted)")
    tagged, untagged = raw.cmd("UID EXPUNGE 3:4,20:30")
    assert untagged == [b"* VANISHED 3:4"] and highest([tagged]) == [state_of(coid, filled).modseq]
    assert highest([raw.cmd("UID EXPUNGE 10")[0]]) == []


def test_move(coid, filled, raw):
    """RFC 6851 section 4.4"""
    raw.ok('CREATE "Target"')
    tagged, untagged = raw.cmd('UID MOVE 2:3,5 "Target"')
    assert untagged[0].startswith(b"* OK [COPYUID ") and untagged[1] == b"* VANISHED 2:3,5"
    assert highest([tagged]) == [state_of(coid, filled).modseq]
    tagged, untagged = raw.cmd('MOVE 1 "Target"')
    assert untagged[1] == b"* VANISHED 1" and highest([tagged]) == [state_of(coid, filled).modseq]
    assert highest([raw.cmd('UID MOVE 2 "Target"')[0]]) == []
    # Part of what was asked for by number is gone.
    expunge(coid, filled, "6")
    tagged, untagged = raw.cmd('MOVE 1:3 "Target"')
    assert tagged.startswith(b"NO [EXPUNGEISSUED]") and vanished(untagged, False) == {6}
    tagged, untagged = raw.cmd('MOVE 1:2 "Target"')
    assert vanished(untagged, False) == {4, 7} and highest([tagged]) == [state_of(coid, filled).modseq]


def test_close_says_nothing(coid, filled, raw):
    """Section 3.2.8"""
    raw.ok("UID STORE 1:2 +FLAGS.SILENT (\\Deleted)")
    assert raw.cmd("CLOSE") == (b"OK CLOSE completed", [])
    state = state_of(coid, filled)
    raw.ok('SELECT "INBOX"')
    raw.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
    assert raw.cmd("CLOSE") == (b"OK CLOSE completed", [])
    assert vanished(raw.ok(state.select())) == {3}


def test_other_sessions(coid, filled, raw):
    with enabled(coid, filled, "INBOX") as idler, enabled(coid, filled, "INBOX") as quiet:
        tag = idler.idle()
        raw.ok("UID STORE 2,4 +FLAGS.SILENT (\\Deleted)")
        idler.response(), idler.response()
        raw.ok("EXPUNGE")
        assert idler.response() == b"* VANISHED 2,4"
        assert idler.done(tag)[0].startswith(b"OK")
        lines = quiet.ok("NOOP")
        assert lines == [b"* VANISHED 2,4"]


def test_when_it_may_be_said(coid, filled, raw):
    """Section 3.2.10.2: not in the answer of FETCH, STORE, SEARCH, nor of a UID SEARCH by message numbers."""
    expunge(coid, filled, "2")
    for command in ("FETCH 1 (UID)", "STORE 1 +FLAGS (\\Seen)", "SEARCH SEEN", "UID SEARCH 1", "UID SEARCH NOT (OR 1 3)"):
        assert not any(b"VANISHED" in line for line in raw.ok(command)), command
    assert vanished(raw.ok("UID SEARCH UID 1"), False) == {2}
    expunge(coid, filled, "3")
    assert vanished(raw.ok("UID FETCH 1 (FLAGS)"), False) == {3}
    expunge(coid, filled, "4")
    assert vanished(raw.ok("UID STORE 1 +FLAGS (\\Draft)"), False) == {4}


def test_what_was_never_announced_does_not_vanish(coid, filled, raw):
    with coid.raw(filled) as other:
        assert other.append("INBOX", message()).startswith(b"OK")
        other.ok('SELECT "INBOX"')
        other.ok("UID STORE 1,13 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        assert other.append("INBOX", message()).startswith(b"OK")
    lines = raw.ok("NOOP")
    assert vanished(lines, False) == {1} and b"* 12 EXISTS" in lines
    assert fetch(raw.ok("FETCH 12 (UID)")[0])[1] == {"UID": 14}


def test_the_example_of_section_6(coid, filled, raw):
    """A VANISHED that is held back lowers HIGHESTMODSEQ; the command that tells it raises it again."""
    since = state_of(coid, filled).modseq
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("UID STORE 8 +FLAGS.SILENT (\\Deleted)")
        raw.ok("NOOP")
        other.ok("EXPUNGE")
    gone = state_of(coid, filled).modseq
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("STORE 3 +FLAGS.SILENT (\\Flagged)")
    tagged, untagged = raw.cmd(f"STORE 1:3 (UNCHANGEDSINCE {since}) +FLAGS.SILENT (\\Seen)")
    assert tagged.startswith(b"OK [MODIFIED 3] ")
    assert highest(untagged) == [gone - 1]
    untagged = raw.ok("STORE 3 +FLAGS.SILENT (\\Seen)")
    assert highest(untagged) == [gone - 1]
    untagged = raw.ok("NOOP")
    assert untagged[0] == b"* VANISHED 8" and highest(untagged) == [state_of(coid, filled).modseq]


def test_many_ranges_come_in_lines_of_bounded_length(coid, alice):
    fill(coid, alice, 3000)
    state = state_of(coid, alice)
    odd = ",".join(str(uid) for uid in range(1, 3000, 2))
    with enabled(coid, alice, "INBOX") as raw:
        raw.ok(f"UID STORE {odd} +FLAGS.SILENT (\\Deleted)")
        lines = raw.ok("EXPUNGE")
        assert len(lines) > 1 and max(map(len, lines)) < 8192
        assert vanished(lines, False) == set(range(1, 3000, 2))
        lines = raw.ok(state.select())
        assert max(map(len, lines)) < 8192 and vanished(lines) == set(range(1, 3000, 2))


# -- CLOSED -------------------------------------------------------------------------------------------------------


def test_closed(coid, filled):
    """Section 3.2.11: whether or not anything was enabled, and before all else."""
    with coid.raw(filled) as raw:
        raw.ok('CREATE "Other"')
        assert not any(b"CLOSED" in line for line in raw.ok('SELECT "INBOX"'))
        for command in ('SELECT "Other"', 'EXAMINE "INBOX"', 'SELECT "INBOX"', 'SELECT "INBOX" (CONDSTORE)'):
            lines = raw.ok(command)
            assert lines[0].startswith(b"* OK [CLOSED]"), lines
            assert sum(b"CLOSED" in line for line in lines) == 1
        tagged, untagged = raw.cmd('SELECT "None"')
        assert tagged.startswith(b"NO") and untagged[0].startswith(b"* OK [CLOSED]")
        for leave in ("CLOSE", "UNSELECT"):
            assert not any(b"CLOSED" in line for line in raw.ok('SELECT "INBOX"'))
            assert raw.ok(leave) == []


# -- SELECT (QRESYNC ...) -----------------------------------------------------------------------------------------


def test_resynchronising(coid, filled):
    """Section 3.2.5.1"""
    state = state_of(coid, filled)
    expunge(coid, filled, "2,5:7")
    with coid.raw(filled, mailbox="INBOX") as other:
        other.ok("UID STORE 3,10 +FLAGS.SILENT (\\Flagged)")
        assert other.append("INBOX", message(), "(\\Draft)").startswith(b"OK")
    with enabled(coid, filled) as raw:
        lines = raw.ok(state.select("1:12"))
        assert vanished(lines) == {2, 5, 6, 7} and fetched(lines) == {3: {b"\\Flagged"}, 10: {b"\\Flagged"}}
        # All that SELECT says, before what has changed.
        heads = [line.split(b" ")[1] if b"FETCH" not in line else b"FETCH" for line in lines]
        assert heads.index(b"VANISHED") > max(i for i, line in enumerate(lines) if line.startswith((b"* OK", b"* FLAGS")))
        assert heads.index(b"FETCH") > heads.index(b"VANISHED")
        assert b"* 9 EXISTS" in lines and [fetch(line)[0] for line in lines if b" FETCH " in line] == [2, 6]
        # Without UIDs: everything, the new message too.
        lines = raw.ok(state.select(command="EXAMINE"))
        assert vanished(lines) == {2, 5, 6, 7} and fetched(lines) == {3: {b"\\Flagged"}, 10: {b"\\Flagged"}, 13: {b"\\Draft"}}
        # Some: nothing of the others.
        lines = raw.ok(state.select("1:5,10"))
        assert vanished(lines) == {2, 5} and fetched(lines) == {3: {b"\\Flagged"}, 10: {b"\\Flagged"}}
        lines = raw.ok(state.select("8:9,400:500"))
        assert vanished(lines) == set() and fetched(lines) == {}
        # No changes have happened since.
        now = State(lines)
        lines = raw.ok(now.select())
        assert vanished(lines) == set() and fetched(lines) == {}
        assert raw.cmd(now.select("1:100"))[0].startswith(b"OK [READ-WRITE]")
        now.modseq = 2 ** 63 - 1
        lines = raw.ok(now.select())
        assert vanished(lines) == set() and fetched(lines) == {}


def test_another_uidvalidity(coid, filled):
    """Section 3.2.5: the rest is ignored."""
    state = state_of(coid, filled)
    expunge(coid, filled, "2")
    with enabled(coid, filled) as raw:
        state.uidvalidity += 1
        lines = raw.ok(state.select("1:12"))
        assert not any(b"VANISHED" in line or b" FETCH " in line for line in lines)
        assert b"* 11 EXISTS" in lines and len(highest(lines)) == 1
        assert raw.ok("NOOP") == []


def test_a_mailbox_made_anew(coid, filled):
    with enabled(coid, filled) as raw:
        raw.ok('CREATE "Box"')
        state = state_of(coid, filled, "Box")
        assert vanished(raw.ok(state.select(mailbox="Box"))) == set()  # empty, and always was
        raw.ok('DELETE "Box"')
        raw.ok('CREATE "Box"')
        assert raw.append("Box", message()).startswith(b"OK")
        lines = raw.ok(state.select(mailbox="Box"))
        assert not any(b"VANISHED" in line or b" FETCH " in line for line in lines)


def test_both_parameters(coid, filled):
    state = state_of(coid, filled)
    expunge(coid, filled, "2")
    with enabled(coid, filled) as raw:
        qresync = f"QRESYNC ({state.uidvalidity} {state.modseq})"
        for parameters in (f"CONDSTORE {qresync}", f"{qresync} CONDSTORE"):
            assert vanished(raw.ok(f'SELECT "INBOX" ({parameters})')) == {2}


def test_after_it_the_session_is_told_what_comes(coid, filled):
    state = state_of(coid, filled)
    expunge(coid, filled, "2")
    with enabled(coid, filled) as raw:
        raw.ok(state.select())
        expunge(coid, filled, "3")
        assert vanished(raw.ok("NOOP"), False) == {3}
        assert fetch(raw.ok("FETCH 2 (UID)")[0])[1] == {"UID": 4}


def test_a_mailbox_that_does_not_exist(coid, filled):
    with enabled(coid, filled, "INBOX") as raw:
        tagged, untagged = raw.cmd('SELECT "None" (QRESYNC (1 1))')
        assert tagged.startswith(b"NO [NONEXISTENT]") and untagged == [b"* OK [CLOSED] Previous mailbox closed"]
        raw.bad("CHECK")


# -- message sequence match data ----------------------------------------------------------------------------------


def test_match_data(coid, filled):
    """Section 3.2.5.2"""
    state = state_of(coid, filled)
    expunge(coid, filled, "3,9,11")
    with enabled(coid, filled) as raw:
        # 1 and 2 agree, the eighth is not 8 any more: nothing up to 2 is asked about.
        assert vanished(raw.ok(state.select("1:12 (2,8 2,8)"))) == {3, 9, 11}
        # A client that knows of 3 already: the seventh has UID 8.
        assert vanished(raw.ok(state.select("1:12 (2,7 2,8)"))) == {9, 11}
        assert vanished(raw.ok(state.select("(7 8)"))) == {9, 11}
        assert vanished(raw.ok(state.select("1:12 (9 12)"))) == set()
        assert vanished(raw.ok(state.select("1:12 (1:7 1:2,4:8)"))) == {9, 11}
        # Beyond the mailbox, or never right: as without.
        assert vanished(raw.ok(state.select("1:12 (400 12)"))) == {3, 9, 11}
        assert vanished(raw.ok(state.select("1:12 (1 2)"))) == {3, 9, 11}
        assert vanished(raw.ok(state.select("1:12 (1:4294967294 1:4294967294)"))) == {3, 9, 11}


# -- UID FETCH (CHANGEDSINCE n VANISHED) --------------------------------------------------------------------------


def test_uid_fetch_vanished(coid, filled):
    """Section 3.2.6"""
    state = state_of(coid, filled)
    expunge(coid, filled, "2:4,12")
    with enabled(coid, filled, "INBOX") as raw:
        with coid.raw(filled, mailbox="INBOX") as other:
            other.ok("UID STORE 5,6 +FLAGS.SILENT (\\Flagged)")
        lines = raw.ok(f"UID FETCH 3:5,10:* (FLAGS) (CHANGEDSINCE {state.modseq} VANISHED)")
        assert vanished(lines) == {3, 4, 12}
        assert lines[0].startswith(b"* VANISHED (EARLIER)")
        assert fetched(lines) == {5: {b"\\Flagged"}, 6: {b"\\Flagged"}}  # 6 because it was not told yet
        lines = raw.ok(f"UID FETCH 1:* (FLAGS) (VANISHED CHANGEDSINCE {state.modseq})")
        assert vanished(lines) == {2, 3, 4, 12} and sorted(fetched(lines)) == [5, 6]
        now = highest(raw.ok('SELECT "INBOX"'))[0]
        assert raw.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {now} VANISHED)") == []
        # These UIDs are gone, and those of the second set never existed.
        assert vanished(raw.ok(f"UID FETCH 2:3 (FLAGS) (CHANGEDSINCE {state.modseq} VANISHED)")) == {2, 3}
        assert raw.ok(f"UID FETCH 50:60 (FLAGS) (CHANGEDSINCE {state.modseq} VANISHED)") == []


def test_a_removal_not_yet_told_is_told_in_the_other_form(coid, filled, raw):
    """Section 3.2.10: what the session still counts must be taken off its numbers."""
    state = state_of(coid, filled)
    expunge(coid, filled, "2")
    raw.ok("NOOP")
    expunge(coid, filled, "5")
    lines = raw.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {state.modseq} VANISHED)")
    assert vanished(lines) == {2} and vanished(lines, earlier=False) == {5}
    assert lines[0].startswith(b"* VANISHED (EARLIER)")
    assert fetch(raw.ok("FETCH 4 (UID)")[0])[1] == {"UID": 6}


# -- a bounded history --------------------------------------------------------------------------------------------


def test_history_that_no_longer_reaches_back(make_coid):
    """Sections 3.2.6 and 5.3: all of the known UIDs that are not there."""
    coid = make_coid(settings={"store.expunge_log_max": 100})
    user = coid.add_user("alice@example.org")
    fill(coid, user, 400)
    states = [state_of(coid, user)]
    for i in range(8):
        expunge(coid, user, f"{i * 40 + 1}:{i * 40 + 30}")
        states.append(state_of(coid, user))
    gone = [set(range(i * 40 + 1, i * 40 + 31)) for i in range(8)]
    everything = set().union(*gone)
    with enabled(coid, user) as raw:
        for n, state in enumerate(states):
            since = set().union(*gone[n:]) if n < 8 else set()
            told = vanished(raw.ok(state.select()))
            # More than needed may be told, but only what is gone; and no less.
            assert since <= told <= everything, n
            assert told == (everything if n < 4 else since) or n in (4, 5)
            told = vanished(raw.ok(state.select("35:100,390:5000")))
            assert since & set(range(35, 101)) <= told <= everything & set(range(35, 101))
            told = vanished(raw.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {state.modseq} VANISHED)"))
            assert since <= told <= everything
        # Match data spare the client what it knows (section 3.2.5.2): the 20th message has UID 80.
        state = states[0]
        assert vanished(raw.ok(state.select("1:400 (20 80)"))) == {uid for uid in everything if uid > 80}
        # The answer has no UID above the highest that was ever there.
        assert vanished(raw.ok(state.select("200:4000000000"))) == {uid for uid in everything if uid >= 200}
    # The answer is the same after a restart.
    coid.restart()
    with enabled(coid, user) as raw:
        assert vanished(raw.ok(states[0].select())) == everything
        assert vanished(raw.ok(states[7].select())) == gone[7]


# -- SETMETADATA --------------------------------------------------------------------------------------------------


def test_setmetadata_raises_it(coid, filled, raw):
    """Section 3.2"""
    before = state_of(coid, filled).modseq
    raw.ok('SETMETADATA "INBOX" (/private/comment "mine")')
    assert state_of(coid, filled).modseq > before


# -- against changes in between -----------------------------------------------------------------------------------


def test_select_of_a_large_mailbox_while_it_changes(coid, alice):
    """The answer of SELECT comes in slices; another session goes on meanwhile, and nothing is lost."""
    fill(coid, alice, 6000)
    state = state_of(coid, alice)
    with coid.raw(alice, mailbox="INBOX") as other, enabled(coid, alice) as raw:
        other.ok("STORE 1:* +FLAGS.SILENT (\\Flagged)")
        flags, there = {uid: set() for uid in range(1, 6001)}, set(range(1, 6001))
        select = raw.command(state.select())
        other.ok("UID STORE 5990,10 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        other.ok("UID STORE 1,6000 +FLAGS.SILENT (\\Seen)")
        tagged, lines = raw.until(select)
        assert tagged.startswith(b"OK")
        lines += raw.ok("NOOP")
        for line in lines:
            if b" FETCH (" in line:
                values = fetch(line)[1]
                flags[values["UID"]] = {bytes(flag) for flag in values["FLAGS"]} - {b"\\Recent"}
        there -= vanished(lines) | vanished(lines, False)
        assert there == set(range(1, 6001)) - {10, 5990}
        assert all(flags[uid] == ({b"\\Flagged", b"\\Seen"} if uid in (1, 6000) else {b"\\Flagged"}) for uid in there)
