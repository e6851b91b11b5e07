"""SEARCHRES (RFC 5182): "$" in every command that takes a set, its rules, pipelines, and other sessions in between."""

import random

import pytest

from coid import message


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def fill(raw, count):
    for i in range(1, count + 1):
        assert raw.append("INBOX", message(subject=f"number {i}")).startswith(b"OK")
    raw.ok('SELECT "INBOX"')


def saved(raw):
    """The UIDs behind "$"."""
    (line,) = [line for line in raw.ok("UID SEARCH $") if line.startswith(b"* SEARCH")]
    return [int(n) for n in line.split()[2:]]


def test_save_alone_returns_nothing(raw):
    fill(raw, 3)
    assert raw.ok("SEARCH RETURN (SAVE) 2:3") == []
    assert raw.ok("UID SEARCH RETURN (SAVE) UID 2:3") == []
    assert saved(raw) == [2, 3]


def test_every_command_takes_it(raw):
    fill(raw, 6)
    raw.ok("CREATE Other")
    raw.ok('SEARCH RETURN (SAVE) OR 2 OR 4 5')
    assert raw.ok("FETCH $ UID") == [b"* %d FETCH (UID %d)" % (n, n) for n in (2, 4, 5)]
    assert raw.ok("UID FETCH $ UID") == [b"* %d FETCH (UID %d)" % (n, n) for n in (2, 4, 5)]
    assert len(raw.ok("STORE $ +FLAGS (\\Flagged)")) == 3
    assert len(raw.ok("UID STORE $ -FLAGS (\\Flagged)")) == 3
    assert raw.ok("STORE $ +FLAGS.SILENT (\\Flagged)") == []
    assert raw.ok("SEARCH FLAGGED") == [b"* SEARCH 2 4 5"]
    assert raw.ok("SEARCH $ UID 3:4") == [b"* SEARCH 4"]
    assert raw.ok("SEARCH UID $ NOT 5") == [b"* SEARCH 2 4"]
    assert raw.ok("SEARCH NOT $") == [b"* SEARCH 1 3 6"]
    assert raw.ok("UID SEARCH CHARSET UTF-8 (OR $ 1) SUBJECT number") == [b"* SEARCH 1 2 4 5"]
    tagged, _ = raw.cmd("COPY $ Other")
    assert b" 2,4:5 1:3]" in tagged
    tagged, _ = raw.cmd("UID COPY $ Other")
    assert b" 2,4:5 4:6]" in tagged
    raw.ok("SEARCH RETURN (SAVE) 4")
    assert any(b" 4 7]" in line for line in raw.ok("MOVE $ Other"))
    assert saved(raw) == []
    raw.ok("SEARCH RETURN (SAVE) UID 5")
    assert any(b" 5 8]" in line for line in raw.ok("UID MOVE $ Other"))
    raw.ok("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
    raw.ok("SEARCH RETURN (SAVE) 1")
    assert raw.ok("UID EXPUNGE $") == [b"* 1 EXPUNGE", b"* 3 RECENT"]
    assert raw.ok("UID SEARCH ALL") == [b"* SEARCH 2 3 6"]


def test_the_empty_result_is_a_valid_set(raw):
    fill(raw, 2)
    raw.ok("CREATE Other")
    for command in ("FETCH $ FLAGS", "UID FETCH $ FLAGS", "STORE $ +FLAGS (\\Seen)", "UID STORE $ FLAGS (\\Seen)",
                    "COPY $ Other", "UID COPY $ Other", "MOVE $ Other", "UID MOVE $ Other", "UID EXPUNGE $"):
        assert raw.ok(command) == [], command
    assert raw.ok("SEARCH $") == [b"* SEARCH"]
    raw.no("COPY $ Nowhere", "TRYCREATE")


def test_an_empty_mailbox(raw):
    raw.ok('SELECT "INBOX"')
    raw.ok("SEARCH RETURN (SAVE) ALL")
    assert raw.ok("FETCH $ FLAGS") == []
    assert raw.ok("SEARCH $") == [b"* SEARCH"]


def test_it_is_a_whole_set_only(raw):
    fill(raw, 2)
    for wrong in ("FETCH $,1 UID", "FETCH 1,$ UID", "FETCH $:* UID", "FETCH $$ UID", "SEARCH $,1", "SEARCH UID 1,$",
                  "UID EXPUNGE $,1", "SEARCH $ALL"):
        raw.bad(wrong)


def test_return_options_decide_what_is_saved(raw):
    fill(raw, 5)
    for options, uids in {"SAVE": [2, 3, 4], "SAVE MIN": [2], "MAX SAVE": [4], "MIN SAVE MAX": [2, 4],
                          "SAVE COUNT": [2, 3, 4], "SAVE ALL": [2, 3, 4], "SAVE MIN COUNT": [2, 3, 4],
                          "MIN MAX ALL SAVE": [2, 3, 4]}.items():
        raw.ok("SEARCH RETURN (SAVE) 1")
        raw.ok(f"SEARCH RETURN ({options}) 2:4")
        assert saved(raw) == uids, options
        raw.ok(f"UID SEARCH RETURN ({options}) SUBJECT nothing")
        assert saved(raw) == [], options


def test_what_keeps_it_and_what_empties_it(raw):
    fill(raw, 3)
    raw.ok("CREATE Other")
    raw.ok("SEARCH RETURN (SAVE) 1:2")
    raw.ok("SEARCH 3")
    raw.ok("SEARCH RETURN () 3")
    raw.bad("SEARCH RETURN (SAVE) 3 WRONG")
    raw.no("SEARCH CHARSET X-NONE TEXT x", "BADCHARSET")
    raw.bad("FETCH 9 FLAGS")
    raw.no('STATUS "Nowhere" (MESSAGES)')
    assert saved(raw) == [1, 2]
    raw.no("SEARCH RETURN (SAVE) CHARSET X-NONE TEXT x", "BADCHARSET")
    assert saved(raw) == []
    for command in ('SELECT "INBOX"', 'EXAMINE "INBOX"', 'SELECT "Other"'):
        raw.ok('SELECT "INBOX"')
        raw.ok("SEARCH RETURN (SAVE) ALL")
        raw.ok(command)
        assert saved(raw) == []
    raw.ok('SELECT "INBOX"')
    raw.ok("SEARCH RETURN (SAVE) ALL")
    raw.no('SELECT "Nowhere"')
    raw.bad("UID SEARCH $")
    raw.ok('SELECT "INBOX"')
    assert saved(raw) == []


def test_pipelines(raw):
    """The examples of RFC 5182 section 2.3: commands run in the order in which they come."""
    fill(raw, 4)
    raw.ok("STORE 2,4 +FLAGS.SILENT ($Junk)")
    raw.send("F1 SEARCH RETURN (SAVE) KEYWORD $Junk\r\nF2 COPY $ Junk\r\nF3 STORE $ +FLAGS.Silent (\\Deleted)\r\n"
             "F4 SEARCH RETURN (SAVE) 1\r\nF5 SEARCH RETURN (SAVE) TEXT \"number 3\"\r\nF6 FETCH $ UID\r\n")
    got = []
    while not got or not got[-1].startswith(b"F6 "):
        got.append(raw.response())
    assert got[0] == b"F1 OK SEARCH completed" and got[1].startswith(b"F2 OK [COPYUID ")
    assert got[2:] == [b"F3 OK STORE completed", b"F4 OK SEARCH completed", b"F5 OK SEARCH completed",
                       b"* 3 FETCH (UID 3)", b"F6 OK FETCH completed"]
    assert raw.ok("SEARCH DELETED") == [b"* SEARCH 2 4"]


def test_pipelined_commands_run_in_order(raw):
    """RFC 3501 section 5.5: each command sees what those before it did; numbers hold until EXPUNGE is told."""
    fill(raw, 4)
    raw.send("H1 STORE 1 +FLAGS.SILENT (\\Deleted)\r\nH2 FETCH 2 UID\r\nH3 EXPUNGE\r\nH4 FETCH 2 UID\r\n"
             "H5 SEARCH UID 3\r\nH6 APPEND INBOX {1+}\r\nx\r\nH7 FETCH 4 UID\r\nH8 CLOSE\r\nH9 FETCH 1 UID\r\n")
    got = []
    while not got or not got[-1].startswith(b"H9 "):
        got.append(raw.response())
    assert [line for line in got if not line.startswith((b"* OK", b"H6"))] == [
        b"H1 OK STORE completed", b"* 2 FETCH (UID 2)", b"H2 OK FETCH completed", b"* 1 EXPUNGE", b"* 3 RECENT",
        b"H3 OK EXPUNGE completed", b"* 2 FETCH (UID 3)", b"H4 OK FETCH completed", b"* SEARCH 2",
        b"H5 OK SEARCH completed", b"* 4 EXISTS", b"* 4 RECENT", b"* 4 FETCH (UID 5)", b"H7 OK FETCH completed",
        b"H8 OK CLOSE completed", b"H9 BAD No mailbox selected"]


def test_a_pipelined_failure_leaves_nothing_to_the_next(raw):
    fill(raw, 3)
    raw.ok("SEARCH RETURN (SAVE) ALL")
    raw.send("G1 SEARCH RETURN (SAVE) CHARSET X-NONE ALL\r\nG2 STORE $ +FLAGS.SILENT (\\Deleted)\r\n")
    assert raw.response().startswith(b"G1 NO [BADCHARSET")
    assert raw.response() == b"G2 OK STORE completed"
    assert raw.ok("SEARCH DELETED") == [b"* SEARCH"]


def test_it_is_each_sessions_own(coid, alice, raw):
    fill(raw, 3)
    with coid.raw(alice, mailbox="INBOX") as other:
        raw.ok("SEARCH RETURN (SAVE) 1")
        other.ok("SEARCH RETURN (SAVE) 3")
        assert saved(raw) == [1] and saved(other) == [3]


def test_what_another_session_expunges_leaves_it(coid, alice, raw):
    fill(raw, 5)
    with coid.raw(alice, mailbox="INBOX") as other:
        raw.ok("SEARCH RETURN (SAVE) 2:4")
        other.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        other.append("INBOX", message())
        assert b"* 3 EXPUNGE" in raw.ok("NOOP")
        assert saved(raw) == [2, 4]
        assert raw.ok("FETCH $ UID") == [b"* 1 FETCH (UID 2)", b"* 2 FETCH (UID 4)"]


def test_what_is_gone_and_not_told_is_no_error(coid, alice, raw):
    fill(raw, 3)
    with coid.raw(alice, mailbox="INBOX") as other:
        raw.ok("SEARCH RETURN (SAVE) ALL")
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        tagged, untagged = raw.cmd("FETCH $ UID")
        assert not any(b"EXPUNGE" in line and line.startswith(b"*") for line in untagged)
        assert b"* 1 FETCH (UID 1)" in untagged and b"* 3 FETCH (UID 3)" in untagged
        assert tagged.startswith((b"OK", b"NO [EXPUNGEISSUED]"))
        raw.ok("NOOP")
        assert raw.ok("UID FETCH $ UID") == [b"* 1 FETCH (UID 1)", b"* 2 FETCH (UID 3)"]


@pytest.mark.parametrize("seed", range(3))
def test_random_changes_by_two_sessions(coid, alice, raw, seed):
    """ "$" is at each point what was saved, without what has gone."""
    rng = random.Random(seed)
    fill(raw, 30)
    model, expect = set(range(1, 31)), set()
    with coid.raw(alice, mailbox="INBOX") as other:
        for _ in range(40):
            step = rng.randrange(4)
            if step == 0 and model:
                low = rng.choice(sorted(model))
                raw.ok(f"{rng.choice(['', 'UID '])}SEARCH RETURN (SAVE) UID {low}:{low + 8}")
                expect = {uid for uid in model if low <= uid <= low + 8}
            elif step == 1 and len(model) > 2:
                gone = rng.sample(sorted(model), 2)
                who = rng.choice([raw, other])
                who.ok(f"UID STORE {gone[0]},{gone[1]} +FLAGS.SILENT (\\Deleted)")
                who.ok("EXPUNGE")
                model -= set(gone)
            elif step == 2:
                tagged = other.append("INBOX", message())
                model.add(int(tagged.split()[3].rstrip(b"]")))
            raw.ok("NOOP")
            expect &= model
            assert saved(raw) == sorted(expect)
