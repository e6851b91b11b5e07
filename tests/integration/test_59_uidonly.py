"""UIDONLY (RFC 9586): no message numbers in either direction; beside sessions that go on using them."""

import re

import pytest

from coid import message


def fill(coid, user, count=5):
    for i in range(count):
        coid.deliver(user, message(f"m{i}"))


@pytest.fixture
def new(coid, alice):
    fill(coid, alice)
    with coid.raw(alice) as raw:
        assert raw.ok("ENABLE UIDONLY") == [b"* ENABLED UIDONLY"]
        raw.ok("SELECT INBOX")
        yield raw


@pytest.fixture
def old(coid, alice, new):
    with coid.raw(alice, mailbox="INBOX") as raw:
        yield raw


def required(raw, command):
    assert raw.cmd(command) == (b"BAD [UIDREQUIRED] Message numbers are not allowed once UIDONLY is enabled", [])


def test_it_is_announced(coid, alice):
    with coid.raw(alice) as raw:
        assert b" UIDONLY" in raw.ok("CAPABILITY")[0]
        assert raw.ok("ENABLE uidonly CONDSTORE X") == [b"* ENABLED CONDSTORE UIDONLY"]
        raw.ok("UNAUTHENTICATE")


def test_select_tells_no_number(coid, alice, new, old):
    old.ok("UID STORE 1 +FLAGS (\\Seen)")
    for command in ("SELECT INBOX", "EXAMINE INBOX"):
        lines = new.ok(command)
        assert b"* 5 EXISTS" in lines
        assert not any(b"[UNSEEN" in line for line in lines)
    assert any(line.startswith(b"* OK [UNSEEN 2]") for line in old.ok("EXAMINE INBOX"))


@pytest.mark.parametrize("command", [
    "FETCH 1 FLAGS", "FETCH 1:* (UID FLAGS)", "FETCH * FLAGS", "FETCH $ FLAGS", "fetch 1 flags", "STORE 1 +FLAGS (\\Seen)",
    "STORE 1 FLAGS.SILENT \\Seen", "SEARCH ALL", "SEARCH UID 1:*", "SEARCH RETURN (COUNT) ALL", "SEARCH RETURN (SAVE) ALL",
    "SEARCH 1", "COPY 1 Other", "COPY $ Other", "MOVE 1 Other", "MOVE 1:* Other",
    "UID SEARCH 1", "UID SEARCH 1:*", "UID SEARCH *", "UID SEARCH NOT 1:3", "UID SEARCH OR SEEN 2",
    "SORT (DATE) UTF-8 ALL", "SORT RETURN (COUNT) (DATE) UTF-8 ALL", "UID SORT (DATE) UTF-8 1:3",
    "THREAD REFERENCES UTF-8 ALL", "UID THREAD ORDEREDSUBJECT UTF-8 1:3",
    "THREAD REFERENCES UTF-8 ALL", "UID THREAD ORDEREDSUBJECT UTF-8 1", "REPLACE 1 INBOX {1+}\r\nx",
    "FETCH 1:* FLAGS (PARTIAL 1:2)", "SEARCH RETURN (PARTIAL 1:2) ALL", "UID SEARCH RETURN (PARTIAL 1:2) 1:3",
    "UID SEARCH (UNSEEN (1,2))", "UID SEARCH RETURN (COUNT) 1:2",
])
def test_message_numbers_are_refused(new, old, command):
    old.ok("CREATE Other")
    new.ok("UID SEARCH RETURN (SAVE) ALL")
    required(new, command)
    assert old.ok("STATUS Other (MESSAGES)") == [b'* STATUS "Other" (MESSAGES 0)']
    assert new.ok("UID SEARCH UNSEEN") == [b"* SEARCH 1 2 3 4 5"]
    # Wherever there are no numbers the session goes on as before.
    assert new.ok("UID FETCH 2 FLAGS")[0].startswith(b"* 2 UIDFETCH (FLAGS (")


def test_a_refused_command_takes_its_literal_along(new):
    tag = new.tag()
    new.send(tag + b" SEARCH SUBJECT {2+}\r\nm1\r\n")
    assert new.until(tag)[0].startswith(b"BAD [UIDREQUIRED]")
    tag = new.command("SEARCH SUBJECT {2}")
    assert new.until(tag)[0].startswith(b"BAD [UIDREQUIRED]")
    assert new.ok("UID SEARCH SUBJECT m1") == [b"* SEARCH 2"]


def test_the_state_comes_first(coid, alice):
    with coid.raw(alice) as raw:
        raw.ok("ENABLE UIDONLY")
        assert raw.bad("FETCH 1 FLAGS") == b"BAD No mailbox selected"


def test_what_needs_no_number_goes_on(new):
    new.ok("CREATE Other")
    assert new.ok("UID SEARCH ALL") == [b"* SEARCH 1 2 3 4 5"]
    assert new.ok("UID SEARCH UID 2:*") == [b"* SEARCH 2 3 4 5"]
    assert new.ok("UID SEARCH RETURN (SAVE MIN MAX) UID 2:4")[0].endswith(b"UID MIN 2 MAX 4")
    assert new.ok("UID SEARCH $") == [b"* SEARCH 2 4"]
    assert new.ok("UID SEARCH RETURN (SAVE) UID 2:4") == []
    assert new.ok("UID SEARCH NOT $") == [b"* SEARCH 1 5"]
    assert len(new.ok("UID FETCH $ FLAGS")) == 3
    tagged, _ = new.cmd("UID COPY $ Other")
    assert re.match(rb"OK \[COPYUID \d+ 2:4 1:3\]", tagged)
    assert len(new.ok("UID FETCH * FLAGS")) == 1
    assert new.ok("UID SORT (REVERSE SUBJECT) UTF-8 UID 2:4") == [b"* SORT 4 3 2"]


def test_fetch_tells_the_uid_once_unless_it_is_asked_for(new, old):
    old.ok("UID STORE 1:2 +FLAGS.SILENT (\\Deleted)")
    old.ok("EXPUNGE")
    assert new.ok("NOOP") == [b"* VANISHED 1:2", b"* 3 RECENT"]
    flags = rb"FLAGS \((\\Recent)?\)"
    assert re.fullmatch(rb"\* 3 UIDFETCH \(" + flags + rb"\)", new.ok("UID FETCH 3 FLAGS")[0])
    assert re.fullmatch(rb"\* 3 UIDFETCH \(UID 3 " + flags + rb"\)", new.ok("UID FETCH 3 (UID FLAGS)")[0])
    assert re.fullmatch(rb"\* 3 UIDFETCH \(" + flags + rb" UID 3\)", new.ok("UID FETCH 3 (FLAGS UID)")[0])
    assert [line.split()[1] for line in new.ok("UID FETCH 1:* RFC822.SIZE")] == [b"3", b"4", b"5"]
    line = new.ok("UID FETCH 4 (BODY[TEXT])")[0]
    assert re.match(rb"\* 4 UIDFETCH \(FLAGS \([^)]*\\Seen[^)]*\) BODY\[TEXT\] \{8\}\r\na body\r\n\)", line)
    assert new.ok("UID FETCH 1:2 FLAGS") == []


def test_store_answers_uidfetch(new, old):
    assert re.fullmatch(rb"\* 2 UIDFETCH \(FLAGS \(\\Flagged( \\Recent)?\)\)", new.ok("UID STORE 2 +FLAGS (\\Flagged)")[0])
    assert new.ok("UID STORE 2 +FLAGS.SILENT (\\Seen)") == []
    # The other session is told by number.
    assert re.fullmatch(rb"\* 2 FETCH \(FLAGS \(\\Flagged \\Seen( \\Recent)?\)\)", old.ok("NOOP")[0])


def test_changes_of_others_are_told_by_uid(new, old):
    old.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    old.ok("EXPUNGE")
    old.ok("STORE 1 +FLAGS.SILENT ($x)")
    old.append("INBOX", message("new"))
    lines = new.ok("NOOP")
    assert lines[:2] == [b"* VANISHED 1", b"* 5 EXISTS"]
    assert any(re.fullmatch(rb"\* 2 UIDFETCH \(FLAGS \(.*\$x\)\)", line) for line in lines)
    assert not any(b" FETCH " in line or b" EXPUNGE" in line for line in lines)
    # While idling, too.
    tag = new.idle()
    old.ok("STORE 5 +FLAGS.SILENT (\\Flagged)")
    assert re.match(rb"\* 6 UIDFETCH \(FLAGS \(\\Flagged", new.response())
    old.ok("UID MOVE 4 INBOX")
    got = [new.response(), new.response()]
    assert b"* VANISHED 4" in got and b"* 5 EXISTS" in got
    new.done(tag)


def test_expunge_and_move_answer_vanished(new, old):
    new.ok("UID STORE 1,3:4 +FLAGS.SILENT (\\Deleted)")
    tagged, lines = new.cmd("UID EXPUNGE 3:*")
    assert lines == [b"* VANISHED 3:4", b"* 3 RECENT"] and tagged.startswith(b"OK")
    assert new.ok("EXPUNGE") == [b"* VANISHED 1", b"* 2 RECENT"]
    new.ok("CREATE Other")
    tagged, lines = new.cmd("UID MOVE 5 Other")
    assert re.match(rb"\* OK \[COPYUID \d+ 5 1\]", lines[0]) and lines[1:] == [b"* VANISHED 5", b"* 1 RECENT"] and tagged.startswith(b"OK")
    assert [line for line in old.ok("NOOP") if b"EXPUNGE" in line] == [
        b"* 5 EXPUNGE", b"* 4 EXPUNGE", b"* 3 EXPUNGE", b"* 1 EXPUNGE"]
    assert old.ok("FETCH 1 UID") == [b"* 1 FETCH (UID 2)"]


def test_expunges_are_not_held_back_by_uid_commands(new, old):
    old.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    old.ok("EXPUNGE")
    assert new.ok("UID FETCH 2 RFC822.SIZE")[-2:] == [b"* VANISHED 1", b"* 4 RECENT"]


def test_condstore(new, old):
    new.ok("ENABLE CONDSTORE")
    line = new.ok("UID FETCH 5 MODSEQ")[0]
    modseq = int(re.fullmatch(rb"\* 5 UIDFETCH \(MODSEQ \((\d+)\)\)", line).group(1))
    old.ok("STORE 2 +FLAGS.SILENT (\\Flagged)")
    line = new.ok("NOOP")[0]
    assert re.fullmatch(rb"\* 2 UIDFETCH \(FLAGS \(\\Flagged( \\Recent)?\) MODSEQ \(\d+\)\)", line)
    tagged, lines = new.cmd(f"UID STORE 1:3 (UNCHANGEDSINCE {modseq}) +FLAGS (\\Seen)")
    assert tagged.startswith(b"OK [MODIFIED 2]")
    assert [re.match(rb"\* (\d) UIDFETCH \(FLAGS .*MODSEQ", line).group(1) for line in lines if b"FETCH" in line] == [
        b"1", b"2", b"3"]
    line = new.ok("UID FETCH 4 BODY[TEXT]")[0]
    assert line.startswith(b"* 4 UIDFETCH (FLAGS (") and b"UID 4" not in line and b"MODSEQ (" in line
    assert [line.split()[1] for line in new.ok(f"UID FETCH 1:* FLAGS (CHANGEDSINCE {modseq})")] == [b"1", b"2", b"3", b"4"]


def test_qresync(coid, alice, new, old):
    lines = new.ok("SELECT INBOX")
    validity = re.search(rb"UIDVALIDITY (\d+)", b"".join(lines)).group(1).decode()
    modseq = re.search(rb"HIGHESTMODSEQ (\d+)", b"".join(lines)).group(1).decode()
    old.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    old.ok("EXPUNGE")
    old.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
    new.ok("ENABLE QRESYNC")
    lines = new.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq} 1:5))")
    assert b"* VANISHED (EARLIER) 1" in lines
    changed = [line for line in lines if b"FETCH" in line]
    assert len(changed) == 1 and re.fullmatch(rb"\* 2 UIDFETCH \(FLAGS \(.*\) MODSEQ \(\d+\)\)", changed[0])
    for match in ("(1:2 1:2)", "1:5 (1 1)", "1:5 (1,3 2,4)"):
        required(new, f"SELECT INBOX (QRESYNC ({validity} {modseq} {match}))")
    assert b"* VANISHED (EARLIER) 1" in new.ok(f"UID FETCH 1:* FLAGS (CHANGEDSINCE {modseq} VANISHED)")


def test_it_can_be_enabled_while_a_mailbox_is_selected(coid, alice, new, old):
    """Changes that are pending at ENABLE are told in the new form."""
    with coid.raw(alice, mailbox="INBOX") as raw:
        old.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
        old.ok("EXPUNGE")
        old.ok("STORE 3 +FLAGS.SILENT (\\Flagged)")
        tagged, lines = raw.cmd("ENABLE UIDONLY")
        assert tagged.startswith(b"OK") and b"* VANISHED 3" in lines
        assert any(re.match(rb"\* 4 UIDFETCH \(FLAGS \(\\Flagged", line) for line in lines)
        required(raw, "FETCH 1 FLAGS")


def test_other_extensions_tell_uids(new, old):
    """Features that were built for sessions with numbers work without them."""
    old.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    old.ok("EXPUNGE")
    assert new.ok("NOOP") == [b"* VANISHED 1", b"* 4 RECENT"]
    assert [line.split()[1:3] for line in new.ok("UID FETCH 1:* RFC822.SIZE (PARTIAL -1:-2)")] == [
        [b"4", b"UIDFETCH"], [b"5", b"UIDFETCH"]]
    assert new.ok("UID SEARCH RETURN (PARTIAL 1:2) ALL")[0].endswith(b" UID PARTIAL (1:2 2:3)")
    assert new.ok("UID THREAD ORDEREDSUBJECT UTF-8 ALL") == [b"* THREAD (2)(3)(4)(5)"]
    assert new.ok("UID SORT RETURN (ALL) (SUBJECT) UTF-8 ALL")[0].endswith(b" UID ALL 2:5")
    assert re.fullmatch(rb"\* 2 UIDFETCH \(EMAILID \(\S+\)\)", new.ok("UID FETCH 2 EMAILID")[0])
    assert new.ok("UID FETCH 2 BINARY.SIZE[1]") == [b"* 2 UIDFETCH (BINARY.SIZE[1] 8)"]
    data = message("replaced")
    tag = new.tag()
    new.send(tag + b" UID REPLACE 3 INBOX {%d+}\r\n" % len(data) + data + b"\r\n")
    tagged, lines = new.until(tag)
    assert tagged.startswith(b"OK") and b"* VANISHED 3" in lines and b"* 4 EXISTS" in lines
    assert not any(b" EXPUNGE" in line or b" FETCH " in line for line in lines)
