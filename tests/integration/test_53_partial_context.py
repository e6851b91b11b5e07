"""PARTIAL (RFC 9394) and CONTEXT (RFC 5267): windows on results, and their updates while others change the mailbox."""

import re

import pytest

from coid import message


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


def esearch(raw, command):
    """What the one ESEARCH of the command says behind its correlator."""
    tag = raw.command(command)
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK"), tagged
    (line,) = [line for line in untagged if line.startswith(b"* ESEARCH")]
    head = b'* ESEARCH (TAG "%s")' % tag
    assert line.startswith(head), line
    return line[len(head):].strip().decode()


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
        assert esearch(raw, f"UID SEARCH RETURN (PARTIAL {asked}) ALL") == f"UID PARTIAL ({asked} {uids})"
        assert esearch(raw, f"SEARCH RETURN (PARTIAL {asked}) ALL") == f"PARTIAL ({asked} {seqs})"
        assert esearch(raw, f"SEARCH RETURN (PARTIAL {asked}) BODY body") == f"PARTIAL ({asked} {seqs})"


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
                    "PARTIAL 1:2 PARTIAL 1:2", "PARTIAL 4294967296:1", "1:2", "PARTIAL 1:2)", "PARTIAL  1:2"):
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
        assert uids(raw.ok(f"FETCH 1:* UID (PARTIAL {asked})")) == there[cut]
    assert uids(raw.ok("UID FETCH 2:7 UID (PARTIAL -1:-2)")) == [6, 7]
    assert uids(raw.ok("UID FETCH 100:200 UID (PARTIAL 1:2)")) == []
    assert uids(raw.ok("UID FETCH 100:* UID (PARTIAL 1:2)")) == [9]
    raw.ok("SEARCH RETURN (SAVE) UID 4:8")
    assert uids(raw.ok("FETCH $ UID (PARTIAL 2:3)")) == [6, 7]
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
    raw.bad("FETCH 3 FLAGS (PARTIAL 1:1)")


def test_fetch_partial_while_another_session_expunges(coid, alice, raw):
    fill(raw, 6)
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("UID STORE 6 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        tagged, untagged = raw.cmd("FETCH 1:* UID (PARTIAL -1:-2)")
        assert tagged.startswith(b"NO [EXPUNGEISSUED]") and uids(untagged) == [5]
        assert b"* 6 EXPUNGE" in raw.ok("NOOP")
        assert uids(raw.ok("UID FETCH 1:* UID (PARTIAL -1:-2)")) == [4, 5]
