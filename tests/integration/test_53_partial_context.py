"""PARTIAL (RFC 9394) and CONTEXT (RFC 5267): windows on results, and their updates while others change the mailbox."""

import random
import re

import pytest

from coid import message
from contextclient import ContextClient, esearch


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def fill(raw, count):
    for i in range(1, count + 1):
        assert raw.append("INBOX", message(subject=f"number {i}", body=f"body {i}\r\n")).startswith(b"OK")
    raw.ok('SELECT "INBOX"')


def saved(raw):
    (line,) = [line for line in raw.ok("UID SEARCH $") if line.startswith(b"* SEARCH")]
    return [int(n) for n in line.split()[2:]]


def holes(raw, count, gone):
    """UIDs 1..count without some."""
    fill(raw, count)
    raw.ok(f"UID STORE {','.join(map(str, gone))} +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")


# PARTIAL


def test_partial_is_announced(raw):
    assert b"PARTIAL" in raw.ok("CAPABILITY")[0].split()


def test_partial_results(raw):
    holes(raw, 9, [2, 5])  # UIDs 1 3 4 6 7 8 9
    for asked, uids, seqs in (("1:3", "1,3:4", "1:3"), ("3:1", "1,3:4", "1:3"), ("2:2", "3", "2"), ("4:7", "6:9", "4:7"),
                              ("6:100", "8:9", "6:7"), ("7:7", "9", "7"), ("8:9", "NIL", "NIL"), ("-1:-2", "8:9", "6:7"),
                              ("-2:-1", "8:9", "6:7"), ("-7:-7", "1", "1"), ("-6:-100", "1,3", "1:2"),
                              ("-8:-9", "NIL", "NIL"), ("1:4294967295", "1,3:4,6:9", "1:7")):
        told = {"3:1": "1:3", "-2:-1": "-1:-2"}.get(asked, asked)
        assert esearch(raw, f"UID SEARCH RETURN (PARTIAL {asked}) ALL") == f"UID PARTIAL ({told} {uids})"
        assert esearch(raw, f"SEARCH RETURN (PARTIAL {asked}) ALL") == f"PARTIAL ({told} {seqs})"
        assert esearch(raw, f"SEARCH RETURN (PARTIAL {asked}) BODY body") == f"PARTIAL ({told} {seqs})"


def test_partial_with_other_options(raw):
    holes(raw, 9, [2, 5])
    assert esearch(raw, "UID SEARCH RETURN (PARTIAL 2:3 COUNT) ALL") == "UID PARTIAL (2:3 3:4) COUNT 7"
    assert esearch(raw, "UID SEARCH RETURN (MIN PARTIAL 2:3) ALL") == "UID MIN 1 PARTIAL (2:3 3:4)"
    assert esearch(raw, "UID SEARCH RETURN (MAX PARTIAL 2:3 MIN) UID 3:8") == "UID MIN 3 MAX 8 PARTIAL (2:3 4,6)"
    assert esearch(raw, "UID SEARCH RETURN (PARTIAL 1:5 COUNT) SUBJECT nothing") == "UID PARTIAL (1:5 NIL) COUNT 0"
    assert esearch(raw, "UID SEARCH RETURN (MIN PARTIAL 1:5) SUBJECT nothing") == "UID PARTIAL (1:5 NIL)"


def test_what_partial_saves(raw):
    holes(raw, 9, [2, 5])
    for options, uids in {"SAVE PARTIAL 2:3": [3, 4], "PARTIAL -1:-2 SAVE": [8, 9], "SAVE PARTIAL 2:3 MIN": [1, 3, 4],
                          "SAVE PARTIAL 2:3 MAX": [3, 4, 9], "SAVE PARTIAL 2:3 MIN MAX": [1, 3, 4, 9],
                          "SAVE PARTIAL 2:3 COUNT": [1, 3, 4, 6, 7, 8, 9],
                          "SAVE PARTIAL 2:3 COUNT MIN": [1, 3, 4, 6, 7, 8, 9], "SAVE PARTIAL 20:30": [],
                          "SAVE PARTIAL 20:30 MIN": [1]}.items():
        for uid in ("", "UID "):
            raw.ok("SEARCH RETURN (SAVE) 1")
            raw.ok(f"{uid}SEARCH RETURN ({options}) ALL")
            assert saved(raw) == uids, options


def test_partial_errors(raw):
    fill(raw, 2)
    for options in ("PARTIAL", "PARTIAL 1", "PARTIAL 0:1", "PARTIAL 1:0", "PARTIAL 1:*", "PARTIAL -1:1", "PARTIAL 1:-1",
                    "PARTIAL -0:-1", "PARTIAL 1:2,3", "PARTIAL (1:2)", "PARTIAL 1:2 ALL", "ALL PARTIAL 1:2",
                    "PARTIAL 1:2 PARTIAL 1:2", "PARTIAL 4294967296:1", "1:2", "PARTIAL 1:2)"):
        raw.bad(f"SEARCH RETURN ({options}) ALL")
    raw.bad("SEARCH PARTIAL 1:2 ALL")


def test_the_modseq_of_a_partial(raw):
    """RFC 4731 section 3.2: the highest of the messages that are returned."""
    fill(raw, 5)
    raw.ok("ENABLE CONDSTORE")
    for uid in (4, 2, 5, 1, 3):
        raw.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Flagged)")
    modseq = {}
    for line in raw.ok("FETCH 1:5 (MODSEQ)"):
        number, value = re.match(rb"\* (\d+) FETCH \(MODSEQ \((\d+)\)", line).groups()
        modseq[int(number)] = int(value)
    for options, numbers in {"PARTIAL 1:2": [1, 2], "PARTIAL 4:5": [4, 5], "PARTIAL -1:-1": [5], "PARTIAL 4:4 MIN": [1, 4],
                             "PARTIAL 2:2 MAX": [2, 5], "PARTIAL 2:2 COUNT": [1, 2, 3, 4, 5]}.items():
        got = esearch(raw, f"SEARCH RETURN ({options}) MODSEQ 1")
        assert got.endswith(f" MODSEQ {max(modseq[n] for n in numbers)}"), (options, got)
    assert "MODSEQ" not in esearch(raw, "SEARCH RETURN (PARTIAL 9:10) MODSEQ 1")
    assert "MODSEQ" not in esearch(raw, "SEARCH RETURN (PARTIAL 1:2) ALL")


def test_partial_while_another_session_expunges(coid, alice, raw):
    fill(raw, 6)
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("UID STORE 2,6 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        tagged, untagged = raw.cmd("SEARCH RETURN (PARTIAL -1:-2) ALL")
        assert tagged.startswith(b"OK [EXPUNGEISSUED]") and untagged[0].endswith(b" PARTIAL (-1:-2 4:5)")
        assert not any(b"EXPUNGE" in line for line in untagged)
        assert esearch(raw, "UID SEARCH RETURN (PARTIAL 2:3) ALL") == "UID PARTIAL (2:3 3:4)"
        assert esearch(raw, "SEARCH RETURN (PARTIAL 2:3) ALL") == "PARTIAL (2:3 2:3)"


# PARTIAL of FETCH


def uids(untagged):
    return [int(re.search(rb"UID (\d+)", line).group(1)) for line in untagged if b" FETCH " in line]


def test_fetch_partial(raw):
    holes(raw, 9, [2, 5])
    there = [1, 3, 4, 6, 7, 8, 9]
    for asked, cut in (("1:3", slice(0, 3)), ("3:1", slice(0, 3)), ("2:2", slice(1, 2)), ("6:100", slice(5, 7)),
                       ("8:9", slice(0, 0)), ("-1:-2", slice(5, 7)), ("-2:-1", slice(5, 7)), ("-6:-100", slice(0, 2)),
                       ("-8:-9", slice(0, 0))):
        assert uids(raw.ok(f"UID FETCH 1:* (UID FLAGS) (PARTIAL {asked})")) == there[cut]
    assert uids(raw.ok("UID FETCH 2:7 UID (PARTIAL -1:-2)")) == [6, 7]
    assert uids(raw.ok("UID FETCH 100:200 UID (PARTIAL 1:2)")) == []
    assert uids(raw.ok("UID FETCH 100:* UID (PARTIAL 1:2)")) == [9]
    raw.ok("SEARCH RETURN (SAVE) UID 4:8")
    assert uids(raw.ok("UID FETCH $ UID (PARTIAL 2:3)")) == [6, 7]
    assert uids(raw.ok("UID FETCH $ UID (PARTIAL -2:-2)")) == [7]


def test_fetch_partial_reads_only_its_messages(raw):
    fill(raw, 4)
    assert len(raw.ok("UID FETCH 1:* BODY[TEXT] (PARTIAL 2:3)")) == 2
    assert raw.ok("UID SEARCH SEEN") == [b"* SEARCH 2 3"]


def test_fetch_partial_says_no_modseq_by_itself(raw):
    fill(raw, 2)
    assert raw.ok("UID FETCH 1:* FLAGS (PARTIAL 1:1)") == [b"* 1 FETCH (UID 1 FLAGS (\\Recent))"]
    assert raw.ok("NOOP") == []


def test_fetch_partial_with_changedsince(raw):
    """RFC 9394 section 3.4: the part is cut before what did not change is left out; in either order."""
    fill(raw, 6)
    raw.ok("ENABLE CONDSTORE")
    (status,) = raw.ok("STATUS INBOX (HIGHESTMODSEQ)")
    since = int(re.search(rb"HIGHESTMODSEQ (\d+)", status).group(1))
    raw.ok("UID STORE 2,5 +FLAGS.SILENT (\\Flagged)")
    for modifiers in (f"PARTIAL -1:-3 CHANGEDSINCE {since}", f"CHANGEDSINCE {since} PARTIAL -1:-3"):
        got = raw.ok(f"UID FETCH 1:* (FLAGS) ({modifiers})")
        assert uids(got) == [5] and b"MODSEQ (" in got[0]
    assert uids(raw.ok(f"UID FETCH 1:* (FLAGS) (PARTIAL 3:4 CHANGEDSINCE {since})")) == []


def test_fetch_partial_does_not_cut_what_vanished(raw):
    fill(raw, 6)
    raw.ok("ENABLE QRESYNC")
    (status,) = raw.ok("STATUS INBOX (HIGHESTMODSEQ)")
    since = int(re.search(rb"HIGHESTMODSEQ (\d+)", status).group(1))
    raw.ok("UID STORE 2,5 +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    raw.ok("UID STORE 3,6 +FLAGS.SILENT (\\Flagged)")
    got = raw.ok(f"UID FETCH 1:6 (FLAGS) (PARTIAL -1:-1 CHANGEDSINCE {since} VANISHED)")
    assert b"* VANISHED (EARLIER) 2,5" in got and uids(got) == [6]


def test_fetch_partial_errors(raw):
    fill(raw, 2)
    for modifiers in ("(PARTIAL)", "(PARTIAL 1)", "(PARTIAL 0:1)", "(PARTIAL 1:*)", "(PARTIAL 1:-1)", "(PARTIAL -1:1)",
                      "(PARTIAL 1:2 PARTIAL 1:2)", "PARTIAL 1:2", "(PARTIAL 1:2 VANISHED)", "(PARTIAL (1:2))", "()"):
        raw.bad(f"UID FETCH 1:* FLAGS {modifiers}")
    raw.bad("FETCH 1 FLAGS (PARTIAL 1:1)")


def test_fetch_partial_while_another_session_expunges(coid, alice, raw):
    fill(raw, 6)
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("UID STORE 6 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        tagged, untagged = raw.cmd("UID FETCH 1:* UID (PARTIAL -1:-2)")
        assert tagged.startswith(b"OK") and uids(untagged) == [5] and b"* 6 EXPUNGE" in untagged
        assert uids(raw.ok("UID FETCH 1:* UID (PARTIAL -1:-2)")) == [4, 5]


# CONTEXT


@pytest.fixture
def other(coid, alice):
    with coid.raw(alice, mailbox="INBOX") as other:
        yield other


def updates(untagged):
    return [line for line in untagged if b" ADDTO " in line or b" REMOVEFROM " in line]


def test_context_is_announced(raw):
    assert b"CONTEXT=SEARCH" in raw.ok("CAPABILITY")[0].split()


def test_context_is_a_hint(raw):
    fill(raw, 3)
    assert esearch(raw, "SEARCH RETURN (CONTEXT COUNT) ALL") == "COUNT 3"
    assert esearch(raw, "SEARCH RETURN (CONTEXT) ALL") == ""
    assert updates(raw.ok("STORE 1 +FLAGS (\\Deleted)")) == []


def test_the_answer_itself(raw):
    fill(raw, 3)
    assert esearch(raw, "UID SEARCH RETURN (UPDATE COUNT) UNSEEN") == "UID COUNT 3"
    assert esearch(raw, "SEARCH RETURN (UPDATE) UNSEEN") == ""
    assert esearch(raw, "SEARCH RETURN (UPDATE ALL) UID 2:3") == "ALL 2:3"
    assert esearch(raw, "SEARCH RETURN (UPDATE PARTIAL 1:2) ALL") == "PARTIAL (1:2 1:2)"
    assert esearch(raw, "SEARCH RETURN (MIN UPDATE) ALL") == "MIN 1"
    assert esearch(raw, "SEARCH RETURN (UPDATE CONTEXT COUNT) SEEN") == "COUNT 0"
    assert raw.ok("SEARCH RETURN (SAVE) 1") == []
    assert esearch(raw, "SEARCH RETURN (SAVE UPDATE COUNT) 2:3") == "COUNT 2"
    assert saved(raw) == [2, 3]


def test_own_flags(raw):
    fill(raw, 4)
    raw.send('B1 UID SEARCH RETURN (UPDATE COUNT) FLAGGED\r\nB2 SEARCH RETURN (UPDATE) UNSEEN KEYWORD $x\r\n')
    while not raw.response().startswith(b"B2 OK"):
        pass
    got = raw.ok("STORE 2:3 +FLAGS (\\Flagged)")
    assert got[-1] == b'* ESEARCH (TAG "B1") UID ADDTO (0 2:3)' and got[0].startswith(b"* 2 FETCH")
    got = raw.ok("STORE 2 -FLAGS.SILENT (\\Flagged)")
    assert got == [b'* ESEARCH (TAG "B1") UID REMOVEFROM (0 2)']
    assert updates(raw.ok("STORE 4 +FLAGS ($x)")) == [b'* ESEARCH (TAG "B2") ADDTO (0 4)']
    assert updates(raw.ok("STORE 4 +FLAGS (\\Seen \\Flagged)")) == [
        b'* ESEARCH (TAG "B2") REMOVEFROM (0 4)', b'* ESEARCH (TAG "B1") UID ADDTO (0 4)']
    assert updates(raw.ok("STORE 4 +FLAGS (\\Answered)")) == []
    assert updates(raw.ok("FETCH 1:4 BODY[TEXT]")) == []


def test_changes_of_others(coid, alice, raw, other):
    fill(raw, 3)
    other.ok("NOOP")
    raw.send('B1 SEARCH RETURN (UPDATE) SUBJECT number UNDELETED\r\n')
    while not raw.response().startswith(b"B1 OK"):
        pass
    assert other.append("INBOX", message(subject="number 4")).startswith(b"OK")
    assert other.append("INBOX", message(subject="another")).startswith(b"OK")
    got = raw.ok("NOOP")
    assert got.index(b"* 5 EXISTS") < got.index(b'* ESEARCH (TAG "B1") ADDTO (0 4)')
    other.ok("NOOP")
    other.ok("STORE 1:2 +FLAGS (\\Deleted)")
    got = raw.ok("NOOP")
    assert updates(got) == [b'* ESEARCH (TAG "B1") REMOVEFROM (0 1:2)'] and len(got) == 3
    other.ok("EXPUNGE")
    assert updates(raw.ok("NOOP")) == []
    coid.deliver(alice, message(subject="number 6"))
    assert updates(raw.ok("NOOP")) == [b'* ESEARCH (TAG "B1") ADDTO (0 4)']


def test_removal_is_told_before_expunge(raw, other):
    fill(raw, 4)
    raw.send('B1 SEARCH RETURN (UPDATE) ALL\r\nB2 UID SEARCH RETURN (UPDATE) DELETED\r\n')
    while not raw.response().startswith(b"B2 OK"):
        pass
    other.ok("NOOP")
    other.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    # While numbers have to stay as they are, it is told all the same (appendix A.3).
    got = raw.ok("FETCH 4 UID")
    assert b'* ESEARCH (TAG "B1") REMOVEFROM (0 1,3)' in got and not any(line.endswith(b" EXPUNGE") for line in got)
    got = raw.ok("NOOP")
    assert updates(got) == [] and got[:2] == [b"* 3 EXPUNGE", b"* 1 EXPUNGE"]
    raw.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    got = raw.ok("EXPUNGE")
    assert set(got[:2]) == {b'* ESEARCH (TAG "B1") REMOVEFROM (0 1)', b'* ESEARCH (TAG "B2") UID REMOVEFROM (0 2)'}
    assert got[2] == b"* 1 EXPUNGE"


def test_what_came_before_is_announced_and_found(raw, other):
    fill(raw, 2)
    assert other.append("INBOX", message()).startswith(b"OK")
    tag = raw.command("UID SEARCH RETURN (UPDATE ALL) UNSEEN")
    _, got = raw.until(tag)
    got += raw.ok("NOOP")
    assert got.index(b"* 3 EXISTS") < got.index(b'* ESEARCH (TAG "%s") UID ALL 1:3' % tag)
    assert updates(got) == []


def test_what_vanishes(raw, other):
    fill(raw, 3)
    raw.ok("ENABLE QRESYNC")
    raw.send('B1 UID SEARCH RETURN (UPDATE) ALL\r\n')
    while not raw.response().startswith(b"B1 OK"):
        pass
    other.ok("NOOP")
    other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    got = raw.ok("NOOP")
    assert got.index(b'* ESEARCH (TAG "B1") UID REMOVEFROM (0 2)') < got.index(b"* VANISHED 2")


def test_what_came_and_went_is_not_told(raw, other):
    fill(raw, 2)
    raw.send('B1 UID SEARCH RETURN (UPDATE) FLAGGED\r\n')
    while not raw.response().startswith(b"B1 OK"):
        pass
    other.ok("NOOP")
    other.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
    other.ok("STORE 1 -FLAGS.SILENT (\\Flagged)")
    other.append("INBOX", message(), "(\\Flagged \\Deleted)")
    other.ok("EXPUNGE")
    assert updates(raw.ok("NOOP")) == []


def test_idle_is_told_at_once(raw, other):
    fill(raw, 2)
    raw.send('B1 UID SEARCH RETURN (UPDATE) UNDELETED BODY body\r\n')
    while not raw.response().startswith(b"B1 OK"):
        pass
    tag = raw.idle()
    other.ok("NOOP")
    assert other.append("INBOX", message(body="no body here\r\n")).startswith(b"OK")
    got = [raw.response()]
    while not updates(got):
        got.append(raw.response())
    assert got[-1] == b'* ESEARCH (TAG "B1") UID ADDTO (0 3)' and b"* 3 EXISTS" in got
    other.ok("NOOP")
    other.ok("STORE 1 +FLAGS (\\Deleted)")
    got = [raw.response()]
    while not updates(got):
        got.append(raw.response())
    assert got[-1] == b'* ESEARCH (TAG "B1") UID REMOVEFROM (0 1)'
    other.ok("EXPUNGE")
    assert raw.response() == b"* 1 EXPUNGE"
    assert raw.done(tag)[0].startswith(b"OK")


@pytest.mark.parametrize("selected", ["selected", "selected-delayed"])
def test_with_notify_updates_come_without_a_command(raw, other, selected):
    fill(raw, 2)
    raw.ok(f"NOTIFY SET ({selected} (MessageNew (UID BODY.PEEK[]) MessageExpunge FlagChange))")
    raw.send('B1 UID SEARCH RETURN (UPDATE) UNDELETED BODY body\r\n')
    while not raw.response().startswith(b"B1 OK"):
        pass
    other.ok("NOOP")
    assert other.append("INBOX", message(body="no body here\r\n" * 1000)).startswith(b"OK")
    # The order is open, since the look at the message and its FETCH are separate jobs.
    got = [raw.response()]
    while not updates(got) or not any(line.startswith(b"* 3 FETCH") for line in got):
        got.append(raw.response())
    assert updates(got) == [b'* ESEARCH (TAG "B1") UID ADDTO (0 3)'] and got[0] == b"* 3 EXISTS"
    other.ok("NOOP")
    other.ok("STORE 1 +FLAGS (\\Deleted)")
    got = [raw.response(), raw.response()]
    assert got[0].startswith(b"* 1 FETCH") and updates(got) == [b'* ESEARCH (TAG "B1") UID REMOVEFROM (0 1)']
    other.ok("STORE 2 +FLAGS (\\Deleted)")
    got = [raw.response(), raw.response()]
    assert got[0].startswith(b"* 2 FETCH") and updates(got) == [b'* ESEARCH (TAG "B1") UID REMOVEFROM (0 2)']
    other.ok("EXPUNGE")
    if selected == "selected":
        assert [raw.response(), raw.response()] == [b"* 2 EXPUNGE", b"* 1 EXPUNGE"]
    else:
        assert [line for line in raw.ok("NOOP") if b"EXPUNGE" in line] == [b"* 2 EXPUNGE", b"* 1 EXPUNGE"]
    assert updates(raw.ok("NOOP")) == []


def test_tags_are_not_used_twice(raw):
    fill(raw, 1)
    raw.send("B1 SEARCH RETURN (UPDATE) ALL\r\nB1 UID SEARCH RETURN (UPDATE COUNT) FLAGGED\r\n"
             "B1 UID SEARCH RETURN (COUNT) FLAGGED\r\n")
    got = [raw.response() for _ in range(5)]
    assert got[1].startswith(b"B1 OK") and got[2].startswith(b"B1 BAD") and got[4].startswith(b"B1 OK")
    assert updates(raw.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")) == []
    raw.ok('CANCELUPDATE "B1"')
    raw.send("B1 SEARCH RETURN (UPDATE) ALL\r\n")
    assert raw.response() == b'* ESEARCH (TAG "B1")' and raw.response().startswith(b"B1 OK")


def test_cancelupdate(raw):
    fill(raw, 2)
    raw.bad('CANCELUPDATE "B1"')
    raw.send("B1 SEARCH RETURN (UPDATE) FLAGGED\r\nB2 SEARCH RETURN (UPDATE) FLAGGED\r\nB3 SEARCH RETURN (UPDATE) FLAGGED\r\n")
    while not raw.response().startswith(b"B3 OK"):
        pass
    raw.ok('CANCELUPDATE "B1" "B3"')
    assert updates(raw.ok("STORE 1 +FLAGS (\\Flagged)")) == [b'* ESEARCH (TAG "B2") ADDTO (0 1)']
    raw.bad('CANCELUPDATE "B2" "B1"')  # none of them
    assert updates(raw.ok("STORE 2 +FLAGS (\\Flagged)")) == [b'* ESEARCH (TAG "B2") ADDTO (0 2)']
    for wrong in ("CANCELUPDATE", "CANCELUPDATE ", "CANCELUPDATE B2", 'CANCELUPDATE ("B2")', 'CANCELUPDATE "B2"  "B1"'):
        raw.bad(wrong)
    raw.ok('CANCELUPDATE "B2"')
    raw.ok("UNSELECT")
    raw.bad('CANCELUPDATE "B2"')


def test_leaving_the_mailbox_ends_them(raw):
    fill(raw, 2)
    for leave in ("UNSELECT", "CLOSE", 'EXAMINE "INBOX"', 'SELECT "INBOX"'):
        raw.ok('SELECT "INBOX"')
        raw.send("B1 SEARCH RETURN (UPDATE) FLAGGED\r\n")
        while not raw.response().startswith(b"B1 OK"):
            pass
        raw.ok(leave)
        raw.ok('SELECT "INBOX"')
        raw.bad('CANCELUPDATE "B1"')
        assert updates(raw.ok("STORE 1 +FLAGS (\\Flagged)")) == []
        raw.ok("STORE 1 -FLAGS.SILENT (\\Flagged)")


def test_too_many_are_refused(raw):
    fill(raw, 2)
    for i in range(16):
        assert esearch(raw, "SEARCH RETURN (UPDATE COUNT) FLAGGED") == "COUNT 0"
    tag = raw.command("UID SEARCH RETURN (UPDATE COUNT SAVE) ALL")
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK") and untagged[0] == b'* ESEARCH (TAG "%s") UID COUNT 2' % tag
    assert untagged[1].startswith(b'* NO [NOUPDATE "%s"] ' % tag) and saved(raw) == [1, 2]
    assert len(updates(raw.ok("STORE 1 +FLAGS (\\Flagged)"))) == 16
    raw.bad('CANCELUPDATE "%s"' % tag.decode())
    raw.ok('CANCELUPDATE "t%d"' % (raw.serial - 4))
    assert esearch(raw, "SEARCH RETURN (UPDATE COUNT) FLAGGED") == "COUNT 1"


def test_what_depends_on_the_clock_is_refused(raw):
    fill(raw, 1)
    for keys in ("OLDER 10", "OR SEEN NOT YOUNGER 10"):
        tag = raw.command(f"SEARCH RETURN (UPDATE) {keys}")
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK") and untagged[1].startswith(b'* NO [NOUPDATE "%s"] ' % tag)


def test_a_failed_search_leaves_none(raw):
    fill(raw, 1)
    raw.send("B1 SEARCH RETURN (UPDATE) CHARSET X-NONE TEXT x\r\n")
    assert raw.response().startswith(b"B1 NO [BADCHARSET")
    raw.bad('CANCELUPDATE "B1"')
    for wrong in ("SEARCH RETURN (UPDATE 1) ALL", "SEARCH RETURN (UPDATE) ", "SEARCH RETURN (UPDATE)", "SEARCH UPDATE ALL",
                  "SEARCH RETURN (CONTEXT 1) ALL", "SEARCH RETURN (ADDTO) ALL"):
        raw.bad(wrong)


def test_numbers_among_the_keys_mean_what_they_meant(raw, other):
    fill(raw, 4)
    raw.send("B1 UID SEARCH RETURN (UPDATE) 2:3 UNSEEN\r\nB2 UID SEARCH RETURN (UPDATE) UID 3:* UNSEEN\r\n"
             "B3 UID SEARCH RETURN (UPDATE) 3:* UNSEEN\r\n")
    while not raw.response().startswith(b"B3 OK"):
        pass
    other.ok("NOOP")
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    other.append("INBOX", message())
    assert updates(raw.ok("NOOP")) == [b'* ESEARCH (TAG "B2") UID ADDTO (0 5)']
    assert updates(raw.ok("UID STORE 3:5 +FLAGS.SILENT (\\Seen)")) == [
        b'* ESEARCH (TAG "B1") UID REMOVEFROM (0 3)', b'* ESEARCH (TAG "B2") UID REMOVEFROM (0 3:5)',
        b'* ESEARCH (TAG "B3") UID REMOVEFROM (0 3:4)']


def test_modseq_among_the_keys(raw, other):
    fill(raw, 3)
    raw.ok("ENABLE CONDSTORE")
    (status,) = raw.ok("STATUS INBOX (HIGHESTMODSEQ)")
    since = int(re.search(rb"HIGHESTMODSEQ (\d+)", status).group(1))
    raw.send(f"B1 UID SEARCH RETURN (UPDATE COUNT) MODSEQ {since + 1}\r\n")
    assert raw.response() == b'* ESEARCH (TAG "B1") UID COUNT 0'
    assert raw.response().startswith(b"B1 OK")
    other.ok("NOOP")
    other.ok("STORE 2 +FLAGS (\\Flagged)")
    assert updates(raw.ok("NOOP")) == [b'* ESEARCH (TAG "B1") UID ADDTO (0 2)']
    assert updates(raw.ok("UID STORE 1 +FLAGS.SILENT (\\Flagged)")) == [b'* ESEARCH (TAG "B1") UID ADDTO (0 1)']


def test_recent_among_the_keys(raw, other):
    fill(raw, 2)
    raw.send("B1 UID SEARCH RETURN (UPDATE) RECENT\r\n")
    while not raw.response().startswith(b"B1 OK"):
        pass
    for uid in (3, 4):
        assert raw.append("INBOX", message()).startswith(b"OK")
        raw.ok("NOOP")
    recent = set(map(int, raw.ok("UID SEARCH RECENT")[0].split()[2:]))
    other.ok("NOOP")
    assert recent <= {1, 2, 3, 4}
    mine = ContextClient(raw)
    context = mine.open("UID SEARCH RETURN (UPDATE ALL) RECENT")
    for uid in (5, 6, 7):
        raw.append("INBOX", message())
        mine.run("NOOP")
        assert context.results == mine.fresh(context, "RECENT")


def test_other_responses_are_as_ever_without_update(raw, other):
    fill(raw, 2)
    other.ok("NOOP")
    other.ok("STORE 1 +FLAGS (\\Flagged)")
    other.append("INBOX", message())
    assert not any(b"ESEARCH" in line for line in raw.ok("NOOP"))


KEYS = ["ALL", "UNSEEN", "FLAGGED UNDELETED", "OR DELETED KEYWORD $x", "NOT KEYWORD $y", "SUBJECT odd", "UNSEEN BODY even",
        "UID 5:*", "LARGER 700", "HEADER X-Kind odd FLAGGED", "FUZZY SUBJECT oddd UNSEEN"]


def change(rng, session, count, step):
    """Something by a session that keeps track of the number of messages as it likes."""
    flags = rng.choice(["\\Seen", "\\Flagged", "\\Deleted", "$x", "$y", "\\Seen \\Flagged", "\\Deleted $x"])
    low = rng.randint(1, count)
    kind = rng.choice(["odd", "even"])
    text = f"{kind} text {'x' * rng.randint(0, 900)}\r\n"
    data = message(subject=f"{kind} {step}", body=text, headers=[f"X-Kind: {kind}"])
    what = rng.randint(0, 9)
    if what < 5:
        return f"UID STORE {low}:{low + rng.randint(0, 4)} {rng.choice('+-')}FLAGS{rng.choice(['', '.SILENT'])} ({flags})"
    if what < 8:
        return b"APPEND INBOX (%s) {%d+}\r\n%s" % (rng.choice([b"", flags.encode()]), len(data), data)
    if what == 8:
        return "EXPUNGE"
    return f"UID COPY {low}:{low + 2} INBOX"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", range(4))
def test_random_changes_replayed(coid, alice, raw, other, seed):
    """A client that applies the updates has, after every command, the result of a new search."""
    rng = random.Random(seed)
    fill(raw, 8)
    if seed == 1:
        raw.ok("ENABLE QRESYNC")
    client = ContextClient(raw)
    other.ok("NOOP")
    keys = {}
    uidnext = 9
    for step in range(60):
        if len(keys) < 8 and rng.random() < 0.4:
            # Without QRESYNC, as VANISHED is not what this client counts numbers by.
            uid = "UID " if seed == 1 else rng.choice(["", "UID "])
            text = rng.choice(KEYS)
            keys[client.open(f"{uid}SEARCH RETURN (UPDATE ALL) {text}")] = text
        if keys and rng.random() < 0.1:
            context = rng.choice(list(keys))
            client.run('CANCELUPDATE "%s"' % context.tag.decode())
            del keys[context], client.contexts[context.tag]
        for _ in range(rng.randint(1, 4)):
            session = rng.choice([client, other, other])
            command = change(rng, session, uidnext, step)
            uidnext += 1
            tagged = client.run(command) if session is client else other.cmd(command)[0]
            assert tagged.startswith((b"OK", b"NO [EXPUNGEISSUED]")), (command, tagged)
        if rng.random() < 0.3:
            coid.deliver(alice, message(subject=f"odd {step}"))
        client.run(rng.choice(["NOOP", "FETCH 1 UID", "UID SEARCH 1", "NOOP"]) if client.exists else "NOOP")
        for context, text in keys.items():
            fresh = client.fresh(context, text)
            assert context.results == fresh, (step, text, context.by_uid)
    assert sum(context.updates for context in keys) > 20 and not client.refused


@pytest.mark.timeout(120)
def test_random_changes_while_idle(coid, alice, raw, other):
    rng = random.Random(5)
    fill(raw, 6)
    client = ContextClient(raw)
    other.ok("NOOP")
    keys = {client.open(f"{uid}SEARCH RETURN (UPDATE ALL) {text}"): text
            for uid, text in zip(["UID ", ""] * 4, KEYS[:8])}
    uidnext = 7
    for step in range(25):
        tag = raw.idle()
        for _ in range(rng.randint(1, 5)):
            other.cmd(change(rng, other, uidnext, step))
            uidnext += 1
        tagged, untagged = raw.done(tag)
        assert tagged.startswith(b"OK")
        client.take(untagged)
        client.run("NOOP")
        for context, text in keys.items():
            assert context.results == client.fresh(context, text), (step, text, context.by_uid)


# CONTEXT=SORT


def test_sorted_context_is_announced(raw):
    assert b"CONTEXT=SORT" in raw.ok("CAPABILITY")[0].split()


def test_positions_of_sorted_results(raw, other):
    for subject in ("d", "b", "f", "h"):
        raw.append("INBOX", message(subject=subject))
    client = ContextClient(raw)
    up = client.open("UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED")
    down = client.open("SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 ALL")
    assert up.results == [2, 1, 3, 4] and down.results == [4, 3, 1, 2]
    other.ok("NOOP")
    for subject in ("c", "a", "e", "z", "ee"):
        other.append("INBOX", message(subject=subject))
    got = raw.ok("NOOP")
    assert b'* ESEARCH (TAG "%s") UID ADDTO (1 6 3 5 5 7,9 9 8)' % up.tag in got
    assert b'* ESEARCH (TAG "%s") ADDTO (1 8 4 9,7 7 5 9 6)' % down.tag in got
    client.take(got)
    assert up.results == [6, 2, 5, 1, 7, 9, 3, 4, 8] and down.results == [8, 4, 3, 9, 7, 1, 5, 2, 6]
    got = raw.ok("UID STORE 6,5,1,9,8 +FLAGS.SILENT (\\Deleted)")
    assert got == [b'* ESEARCH (TAG "%s") UID REMOVEFROM (1 6 2 5,1 3 9 5 8)' % up.tag]
    client.take(got)
    got = raw.ok("EXPUNGE")
    assert got[0] == b'* ESEARCH (TAG "%s") REMOVEFROM (1 8 3 9 4 1,5 5 6)' % down.tag
    assert got[1].endswith(b" EXPUNGE")
    client.take(got)
    assert up.results == [2, 7, 3, 4] and down.results == client.fresh(down, "(REVERSE SUBJECT) UTF-8 ALL", "SORT")
    raw.ok('CANCELUPDATE "%s"' % up.tag.decode())
    assert updates(raw.ok("UID STORE 2 +FLAGS.SILENT (\\Deleted)")) == []


def test_a_sorted_context_that_begins_empty(raw):
    fill(raw, 2)
    client = ContextClient(raw)
    context = client.open("SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 FLAGGED")
    assert context.results == []
    client.run("STORE 1:2 +FLAGS (\\Flagged)")
    assert context.results == [2, 1]
    client.run("STORE 2 -FLAGS (\\Flagged)")
    assert context.results == [1]
    client.run("STORE 2 +FLAGS (\\Flagged)")
    assert context.results == [2, 1]


def test_refused_sorted_contexts(raw):
    fill(raw, 2)
    for text in ("(RELEVANCY) UTF-8 FUZZY SUBJECT number", "(SUBJECT) UTF-8 OLDER 10"):
        tag = raw.command(f"UID SORT RETURN (UPDATE COUNT) {text}")
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK") and untagged[0].startswith(b'* ESEARCH (TAG "%s") UID COUNT ' % tag)
        assert untagged[1].startswith(b'* NO [NOUPDATE "%s"] ' % tag)
    raw.send("B1 SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 ALL\r\nB1 SEARCH RETURN (UPDATE) ALL\r\n"
             "B1 SORT RETURN (UPDATE) (DATE) UTF-8 ALL\r\n")
    assert raw.response() == b'* ESEARCH (TAG "B1") COUNT 2'
    assert raw.response().startswith(b"B1 OK")
    assert raw.response().startswith(b"B1 BAD") and raw.response().startswith(b"B1 BAD")


SORTS = ["(SUBJECT)", "(REVERSE SUBJECT)", "(SIZE)", "(REVERSE SIZE SUBJECT)", "(FROM REVERSE ARRIVAL)", "(REVERSE DATE)",
         "(TO SUBJECT)"]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("seed", range(4))
def test_random_changes_of_sorted_results_replayed(coid, alice, raw, other, seed):
    """A client that applies the positions in their order has, after every command, the order of a new SORT."""
    rng = random.Random(seed)
    fill(raw, 8)
    if seed == 1:
        raw.ok("ENABLE QRESYNC")
    client = ContextClient(raw)
    other.ok("NOOP")
    keys = {}
    uidnext = 9
    for step in range(60):
        if len(keys) < 8 and rng.random() < 0.5:
            uid = "UID " if seed == 1 else rng.choice(["", "UID "])
            text = f"{rng.choice(SORTS)} UTF-8 {rng.choice(KEYS)}"
            keys[client.open(f"{uid}SORT RETURN (UPDATE ALL) {text}")] = text
        if keys and rng.random() < 0.1:
            context = rng.choice(list(keys))
            client.run('CANCELUPDATE "%s"' % context.tag.decode())
            del keys[context], client.contexts[context.tag]
        for _ in range(rng.randint(1, 5)):
            session = rng.choice([client, other, other])
            command = change(rng, session, uidnext, rng.randint(0, 12))
            uidnext += 1
            tagged = client.run(command) if session is client else other.cmd(command)[0]
            assert tagged.startswith((b"OK", b"NO [EXPUNGEISSUED]")), (command, tagged)
        if rng.random() < 0.3:
            coid.deliver(alice, message(subject=f"Re: odd {rng.randint(0, 12)}", sender=f"{rng.choice('abc')}@example.org"))
        client.run(rng.choice(["NOOP", "FETCH 1 UID", "UID SEARCH 1", "NOOP"]) if client.exists else "NOOP")
        for context, text in keys.items():
            assert context.results == client.fresh(context, text, "SORT"), (step, text, context.by_uid)
    assert sum(context.updates for context in keys) > 20 and not client.refused
