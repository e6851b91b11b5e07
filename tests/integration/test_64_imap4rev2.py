"""
IMAP4rev2 (RFC 9051), enabled beside IMAP4rev1: what its Appendix E says has changed, item by item, for a session that has
enabled it, and that nothing changes for a session beside it that has not. docs/modes.md tells which test proves what.
"""

import re

import pytest

from coid import PASSWORD, message
from fetchtext import fetch

KEYWORDS = ["$MDNSent", "$Forwarded", "$Junk", "$NotJunk", "$Phishing"]


@pytest.fixture
def new(coid, alice):
    with coid.raw(alice) as raw:
        assert raw.ok("ENABLE IMAP4rev2") == [b"* ENABLED IMAP4rev2"]
        yield raw


@pytest.fixture
def old(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def codes(lines):
    """The response codes of untagged OKs, by name."""
    found = [re.match(rb"\* OK \[(\S+?)(?: (.*))?\] ", line) for line in lines]
    return {match.group(1): match.group(2) for match in found if match}


def starting(lines, what):
    return [line for line in lines if line.startswith(what)]


def esearch(raw, command):
    """The items of the one ESEARCH response that the command gets, and its tag."""
    tagged, lines = raw.cmd(command)
    assert tagged.startswith(b"OK"), tagged
    lines = [line for line in lines if b"SEARCH" in line]
    assert len(lines) == 1, lines
    match = re.fullmatch(rb'\* ESEARCH \(TAG "t%d"\)(.*)' % raw.serial, lines[0])
    assert match, lines
    return match.group(1)


# -- E.2, E.3: extensions that became part of it ------------------------------------------------------------------------


def test_what_was_folded_in_is_there(coid, alice, new):
    text = new.ok("CAPABILITY")[0].split()
    for name in ("NAMESPACE UNSELECT UIDPLUS ESEARCH SEARCHRES ENABLE IDLE LIST-EXTENDED LIST-STATUS MOVE LITERAL+ "
                 "SPECIAL-USE STATUS=SIZE BINARY IMAP4rev1 IMAP4rev2").split():
        assert name.encode() in text, name
    greeting = coid.raw().greeting_line
    for name in (b"SASL-IR", b"LITERAL-", b"AUTH=PLAIN", b"IMAP4rev1", b"IMAP4rev2"):
        assert name in greeting
    assert new.ok("NAMESPACE") == [b'* NAMESPACE (("" "/")) NIL NIL']


def test_parts_are_fetched_decoded(new):
    data = message(headers=["MIME-Version: 1.0", "Content-Type: application/octet-stream",
                            "Content-Transfer-Encoding: base64"], body="AAECAw==\r\n")
    odd = message(headers=["MIME-Version: 1.0", "Content-Transfer-Encoding: x-odd"])
    assert new.append("INBOX", data).startswith(b"OK") and new.append("INBOX", odd).startswith(b"OK")
    new.ok("SELECT INBOX")
    assert new.ok("FETCH 1 BINARY.SIZE[1]") == [b"* 1 FETCH (BINARY.SIZE[1] 4)"]
    assert new.ok("FETCH 1 BINARY.PEEK[1]") == [b"* 1 FETCH (BINARY[1] ~{4}\r\n\0\1\2\3)"]
    assert b"BINARY[1]<1> {2}\r\n\1\2)" in new.ok("FETCH 1 BINARY[1]<1.2>")[0].replace(b"~{", b"{")
    new.no("FETCH 2 BINARY.PEEK[1]", "UNKNOWN-CTE")


def test_status_has_size_and_deleted_and_no_need_of_recent(new):
    new.append("INBOX", message(), "(\\Deleted)")
    new.append("INBOX", message())
    size = 2 * len(message())
    assert new.ok("STATUS INBOX (MESSAGES DELETED SIZE UNSEEN UIDNEXT UIDVALIDITY)")[0].startswith(
        b'* STATUS "INBOX" (MESSAGES 2 DELETED 1 SIZE %d UNSEEN 2 UIDNEXT 3 UIDVALIDITY ' % size)
    lines = new.ok('LIST "" INBOX RETURN (STATUS (MESSAGES DELETED))')
    assert starting(lines, b"* STATUS") == [b'* STATUS "INBOX" (MESSAGES 2 DELETED 1)']


# -- E.4: ESEARCH ----------------------------------------------------------------------------------------------------------


def test_search_answers_esearch(new, old):
    for i in range(5):
        new.append("INBOX", message(f"m{i}"), "(\\Seen)" if i in (1, 2) else "")
    for raw in (new, old):
        raw.ok("SELECT INBOX")
    assert esearch(new, "SEARCH ALL") == b" ALL 1:5"
    assert esearch(new, "SEARCH SEEN") == b" ALL 2:3"
    assert esearch(new, "UID SEARCH UNSEEN") == b" UID ALL 1,4:5"
    assert esearch(new, "SEARCH RETURN () SEEN") == b" ALL 2:3"
    assert esearch(new, "SEARCH RETURN (MIN COUNT) SEEN") == b" MIN 2 COUNT 2"
    assert esearch(new, "UID SEARCH RETURN (MAX) SEEN") == b" UID MAX 3"
    assert esearch(new, "SEARCH FLAGGED") == b""
    assert esearch(new, "SEARCH RETURN (MIN MAX ALL COUNT) FLAGGED") == b" COUNT 0"
    assert new.ok("SEARCH RETURN (SAVE) SEEN") == []
    assert esearch(new, "SEARCH $") == b" ALL 2:3"
    assert esearch(new, "SEARCH CHARSET UTF-8 SUBJECT m4") == b" ALL 5"
    new.no("SEARCH CHARSET X-NONE ALL", "BADCHARSET")
    new.bad("SEARCH RETURN (FOO) ALL")
    # RFC 3501 for the other.
    assert old.ok("SEARCH SEEN") == [b"* SEARCH 2 3"]
    assert old.ok("SEARCH FLAGGED") == [b"* SEARCH"]


def test_sizes_are_63_bits_wide(new):
    new.append("INBOX", message())
    new.ok("SELECT INBOX")
    assert esearch(new, "SEARCH SMALLER 9223372036854775807") == b" ALL 1"
    assert esearch(new, "SEARCH LARGER 9223372036854775807") == b""
    assert esearch(new, "SEARCH LARGER 4294967296") == b""
    new.bad("SEARCH LARGER 9223372036854775808")


def test_partials_are_63_bits_wide(new):
    data = message()
    new.append("INBOX", data)
    new.ok("SELECT INBOX")
    for partial, part in (("<0.9223372036854775807>", data), ("<5.9223372036854775807>", data[5:]), ("<4294967296.1>", b"")):
        items = fetch(new.ok(f"FETCH 1 BODY.PEEK[]{partial}")[0])[1]
        assert list(items.values()) == [part]
        assert list(items)[0] == f"BODY[]{partial.split('.')[0]}>"
    new.bad("FETCH 1 BODY.PEEK[]<0.0>")
    new.bad("FETCH 1 BODY.PEEK[]<0.9223372036854775808>")
    new.bad("FETCH 1 BODY.PEEK[]<9223372036854775808.1>")


# -- E.7, E.8: COPY and MOVE -----------------------------------------------------------------------------------------------


def test_copy_and_move_tell_copyuid_and_make_no_mailbox(new):
    new.append("INBOX", message())
    new.append("INBOX", message())
    new.ok("SELECT INBOX")
    for command in ("COPY 1 Nowhere", "MOVE 1 Nowhere", "UID COPY 1 Nowhere", "UID MOVE 1 Nowhere"):
        new.no(command, "TRYCREATE")
    assert new.ok('LIST "" Nowhere') == []
    assert new.append("Nowhere", message()).startswith(b"NO [TRYCREATE]")
    new.ok("CREATE Box")
    assert re.match(rb"OK \[COPYUID \d+ 1 1\]", new.cmd("COPY 1 Box")[0])
    tagged, lines = new.cmd("MOVE 1 Box")
    assert re.match(rb"\* OK \[COPYUID \d+ 1 2\]", lines[0]) and lines[1:] == [b"* 1 EXPUNGE"]
    tagged, lines = new.cmd("UID MOVE 2 Box")
    assert re.match(rb"\* OK \[COPYUID \d+ 2 3\]", lines[0]) and lines[1:] == [b"* 1 EXPUNGE"]


# -- E.9 to E.12: SELECT ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
def test_select_answers_list_and_nothing_about_recent_or_unseen(coid, alice, new, old, command):
    coid.deliver(alice, message())
    new.ok("CREATE INBOX/Below")
    lines = new.ok(f"{command} INBOX")
    assert starting(lines, b"* LIST") == [b'* LIST (\\HasChildren) "/" "INBOX"'] or starting(lines, b"* LIST") == [
        b'* LIST (\\Subscribed \\HasChildren) "/" "INBOX"']
    assert b"* 1 EXISTS" in lines and starting(lines, b"* FLAGS (")
    assert not any(b"RECENT" in line.upper() for line in lines)
    assert {b"PERMANENTFLAGS", b"UIDNEXT", b"UIDVALIDITY"} <= set(codes(lines)) and b"UNSEEN" not in codes(lines)
    # The session beside it is answered as ever, and may have what is \Recent.
    lines = old.ok("SELECT INBOX")
    assert b"* 1 RECENT" in lines and b"UNSEEN" in codes(lines) and not starting(lines, b"* LIST")


def test_attributes_of_the_selected_mailbox_are_those_of_list(new):
    new.ok('CREATE Post (USE (\\Important))')
    new.ok("SUBSCRIBE Post")
    lines = new.ok("SELECT Post")
    assert starting(lines, b"* LIST") == [b'* LIST (\\Subscribed \\HasNoChildren \\Important) "/" "Post"']
    assert starting(lines, b"* LIST") == new.ok('LIST "" Post RETURN (SUBSCRIBED)')


def test_closed_comes_between_two_mailboxes(new):
    new.ok("CREATE Other")
    new.ok("SELECT INBOX")
    lines = new.ok("SELECT Other")
    assert lines[0].startswith(b"* OK [CLOSED]") and len(starting(lines, b"* OK [CLOSED]")) == 1
    assert new.cmd("SELECT Nowhere")[1][0].startswith(b"* OK [CLOSED]")
    assert new.bad("FETCH 1 FLAGS") == b"BAD No mailbox selected"
    new.ok("SELECT INBOX")
    assert new.ok("UNSELECT") == [] and new.ok("EXAMINE INBOX")[0].startswith(b"* FLAGS")
    assert new.ok("CLOSE") == []


def test_recent_does_not_exist(coid, alice, new, old):
    coid.deliver(alice, message())
    new.ok("SELECT INBOX")
    coid.deliver(alice, message())
    lines = new.ok("NOOP")
    assert lines == [b"* 2 EXISTS"]
    assert [set(fetch(line)[1]["FLAGS"]) for line in new.ok("FETCH 1:* FLAGS")] == [set(), set()]
    assert esearch(new, "SEARCH RECENT") == b"" and esearch(new, "SEARCH NEW") == b"" and esearch(new, "SEARCH OLD") == b" ALL 1:2"
    # None of it was taken from those who know it.
    assert b"* 2 RECENT" in old.ok("SELECT INBOX")
    # Told to both of them while they idle.
    new_tag, old_tag = new.idle(), old.idle()
    coid.deliver(alice, message())
    assert new.response() == b"* 3 EXISTS" and old.response() == b"* 3 EXISTS"
    assert new.done(new_tag)[1] == []
    lines = old.done(old_tag)[1] + old.ok("FETCH 3 FLAGS")
    assert b"* 3 RECENT" in lines and any(b"\\Recent" in line for line in lines)
    assert new.ok("FETCH 3 FLAGS") == [b"* 3 FETCH (FLAGS ())"]


def test_recent_goes_when_it_is_enabled_with_a_mailbox_selected(coid, alice, old):
    coid.deliver(alice, message())
    old.ok("SELECT INBOX")
    assert b"\\Recent" in old.ok("FETCH 1 FLAGS")[0]
    old.ok("ENABLE IMAP4rev2")
    assert b"\\Recent" not in old.ok("FETCH 1 FLAGS")[0]
    coid.deliver(alice, message())
    assert old.ok("NOOP") == [b"* 2 EXISTS"]


# -- E.15: keywords --------------------------------------------------------------------------------------------------------


def test_the_keywords_of_the_rfc_are_kept_by_append_copy_and_move(new):
    new.ok("CREATE Box")
    new.ok("CREATE Last")
    assert new.append("INBOX", message(), f"({' '.join(KEYWORDS)})").startswith(b"OK")
    new.ok("SELECT INBOX")
    for keyword in KEYWORDS:
        assert esearch(new, f"SEARCH KEYWORD {keyword}") == b" ALL 1"
        assert esearch(new, f"SEARCH UNKEYWORD {keyword}") == b""
    new.ok("COPY 1 Box")
    new.ok("SELECT Box")
    new.ok("MOVE 1 Last")
    new.ok("EXAMINE Last")
    assert set(fetch(new.ok("FETCH 1 FLAGS")[0])[1]["FLAGS"]) == {keyword.encode() for keyword in KEYWORDS}


def test_every_new_keyword_is_told_and_one_too_many_refused(new):
    """E.13. The star says whether a new name will be taken."""
    new.append("INBOX", message())
    new.ok("SELECT INBOX")
    lines = []
    for i in range(66):
        lines = new.ok(f"STORE 1 +FLAGS.SILENT (k{i})")
        assert b" k%d \\*)" % i in codes(lines)[b"PERMANENTFLAGS"]
    for start in range(66, 1023, 99):
        names = [f"k{i}" for i in range(start, min(start + 99, 1023))]
        lines = new.ok(f"STORE 1 +FLAGS.SILENT ({' '.join(names)})")
        assert names[-1].encode() + b" \\*)" in codes(lines)[b"PERMANENTFLAGS"]
    assert b" k1023)" in codes(new.ok("STORE 1 +FLAGS.SILENT (k1023)"))[b"PERMANENTFLAGS"]
    new.no("STORE 1 +FLAGS (k1024)", "LIMIT")
    new.ok("STORE 1 -FLAGS.SILENT (k7)")
    new.ok("STORE 1 +FLAGS (k1024)")


# -- E.16: UTF-8 -----------------------------------------------------------------------------------------------------------


def test_names_are_utf8(new, old):
    new.ok('CREATE "Entwürfe & mehr"')
    assert new.ok('LIST "" "Entw*"') == ['* LIST (\\HasNoChildren) "/" "Entwürfe & mehr"'.encode()]
    assert old.ok('LIST "" "Entw*"') == [b'* LIST (\\HasNoChildren) "/" "Entw&APw-rfe &- mehr"']
    assert new.ok('STATUS "Entwürfe & mehr" (MESSAGES)') == ['* STATUS "Entwürfe & mehr" (MESSAGES 0)'.encode()]
    for bad in ("\u0001", "\u0085", "\u2028"):
        new.no(f'CREATE "a{bad}"', "CANNOT")
    new.bad(b'CREATE "a\xff"')


def test_headers_may_be_utf8(new, old):
    data = message("Grüße", sender="jörg@bücher.example")
    assert new.append("INBOX", data).startswith(b"OK")
    new.ok("SELECT INBOX")
    assert fetch(new.ok("FETCH 1 BODY.PEEK[]")[0])[1]["BODY[]"] == data
    assert esearch(new, 'SEARCH SUBJECT "grüße" FROM "jörg"') == b" ALL 1"
    assert old.append("INBOX", data).startswith(b"OK")


# -- OLDNAME ---------------------------------------------------------------------------------------------------------------

SENT, KEPT = "Cafe\u0301", "Café"


def oldname(lines):
    """[(attributes, name, old name)] of LIST responses."""
    found = [re.fullmatch(r'\* LIST \((.*)\) "/" "(.*?)"(?: \("OLDNAME" \("(.*)"\)\))?', line.decode()) for line in
             starting(lines, b"* LIST")]
    return [(match.group(1), match.group(2), match.group(3)) for match in found]


def test_oldname_tells_what_a_name_became(new, old):
    assert oldname(new.ok(f'CREATE "{SENT}"')) == [("\\HasNoChildren", KEPT, SENT)]
    assert oldname(new.ok(f'SELECT "{SENT}"')) == [("\\HasNoChildren", KEPT, SENT)]
    assert oldname(new.ok(f'EXAMINE "{KEPT}"')) == [("\\HasNoChildren", KEPT, None)]
    assert oldname(new.ok("SELECT inbox"))[0][1:] == ("INBOX", "inbox")
    assert oldname(new.ok(f'RENAME "{SENT}" "{SENT}2"')) == [("\\HasNoChildren", f"{KEPT}2", SENT)]
    assert oldname(new.ok(f'RENAME "{KEPT}2" "Plain"')) == [("\\HasNoChildren", "Plain", f"{KEPT}2")]
    assert oldname(new.ok(f'RENAME "Plain" "{SENT}"')) == [("\\HasNoChildren", KEPT, "Plain")]
    assert oldname(new.ok(f'DELETE "{SENT}"')) == [("\\NonExistent \\HasNoChildren", KEPT, SENT)]
    # A name that is as it was sent, or only had a separator behind it, has no other.
    assert new.ok('CREATE "Plain/"') == []
    assert new.ok('DELETE "Plain"') == []
    # INBOX stays where it is.
    assert new.ok('RENAME INBOX "Moved"') == []
    assert oldname(new.ok(f'RENAME INBOX "{SENT}"')) == [("\\HasNoChildren", KEPT, SENT)]
    assert new.append(SENT, message()).startswith(b"OK")
    tag = new.tag()
    new.send(tag + b" APPEND " + f'"{SENT}"'.encode() + b" {1+}\r\nx\r\n")
    assert oldname(new.until(tag)[1]) == [("\\HasNoChildren", KEPT, SENT)]
    tag = new.tag()
    new.send(tag + b" APPEND " + f'"{KEPT}"'.encode() + b" {1+}\r\nx\r\n")
    assert oldname(new.until(tag)[1]) == []
    # Errors tell nothing.
    tagged, lines = new.cmd(f'CREATE "{SENT}"')
    assert tagged.startswith(b"NO [ALREADYEXISTS]") and lines == []
    tagged, lines = new.cmd(f'RENAME "Nowhere{SENT}" "x"')
    assert tagged.startswith(b"NO [NONEXISTENT]") and lines == []
    # Others are told nothing at all.
    assert old.ok('CREATE "Cafe2&AwE-"') == [] and old.ok('RENAME "Cafe2&AwE-" "Z"') == [] and old.ok('DELETE "Z"') == []


def test_a_deleted_name_above_others(new):
    new.ok('CREATE "A/B"')
    new.no('DELETE "A"', "HASCHILDREN")
    new.ok('CREATE "A"')
    assert new.ok('DELETE "A"') == []
    assert oldname(new.ok('LIST "" "A"')) == [("\\Noselect \\HasChildren", "A", None)]
    new.no('DELETE "A"', "HASCHILDREN")
    new.no('SELECT "A"', "CANNOT")
    new.ok('DELETE "A/B"')


# -- E.17 to E.19: what is deprecated still works where both versions are offered ------------------------------------------


def test_deprecated_commands_and_items_still_answer(new):
    new.append("INBOX", message())
    new.ok("SELECT INBOX")
    new.ok("CHECK")
    assert new.ok('LSUB "" ""') == []
    items = fetch(new.ok("FETCH 1 (RFC822.SIZE RFC822.HEADER RFC822.TEXT)")[0])[1]
    assert items["RFC822.TEXT"] == b"a body\r\n"
    assert b"RECENT" in new.ok("STATUS INBOX (RECENT)")[0]


# -- E.21: unsolicited FETCH ----------------------------------------------------------------------------------------------


def test_unsolicited_fetch_holds_the_uid(new, old):
    new.append("INBOX", message())
    new.append("INBOX", message())
    for raw in (new, old):
        raw.ok("SELECT INBOX")
    old.ok("STORE 2 +FLAGS (\\Flagged)")
    assert new.ok("NOOP") == [b"* 2 FETCH (UID 2 FLAGS (\\Flagged))"]
    new.ok("STORE 1 +FLAGS (\\Seen)")
    assert re.fullmatch(rb"\* 1 FETCH \(FLAGS \(\\Seen \\Recent\)\)", old.ok("NOOP")[0])
    tag = new.idle()
    old.ok("STORE 1 -FLAGS (\\Seen)")
    assert new.response() == b"* 1 FETCH (UID 1 FLAGS ())"
    new.done(tag)


# -- BODYSTRUCTURE ---------------------------------------------------------------------------------------------------------


def test_message_global_is_shown_as_a_message(new, old):
    """media-message of the formal syntax; RFC 3501 knows message/rfc822 only."""
    inner = message("Grüße", body="Grüße\r\n")
    data = (b"Subject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\n\r\ntext\r\n--b\r\nContent-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
            inner + b"\r\n--b--\r\n")
    assert new.append("INBOX", data).startswith(b"OK")
    for raw in (new, old):
        raw.ok("SELECT INBOX")
    for item in ("BODY", "BODYSTRUCTURE"):
        part = fetch(new.ok(f"FETCH 1 ({item})")[0])[1][item][1]
        assert part[:2] == [b"message", b"global"] and part[7][1] == "Grüße".encode()
        assert part[8][:2] == [b"text", b"plain"] and part[9] == inner.count(b"\r\n")
        part = fetch(old.ok(f"FETCH 1 ({item})")[0])[1][item][1]
        assert part[:2] == [b"message", b"global"] and (len(part) < 8 or not isinstance(part[7], list))
    assert fetch(new.ok("FETCH 1 BODY.PEEK[2.HEADER.FIELDS (Subject)]")[0])[1]["BODY[2.HEADER.FIELDS (Subject)]"] == (
        "Subject: Grüße\r\n\r\n".encode())


# -- response codes --------------------------------------------------------------------------------------------------------


def test_response_codes(coid, new, old):
    new.append("INBOX", message())
    new.ok("SELECT INBOX")
    old.ok("SELECT INBOX")
    assert new.cmd("STATUS INBOX (MESSAGES)")[0].startswith(b"OK [CLIENTBUG] ")
    assert old.cmd("STATUS INBOX (MESSAGES)")[0].startswith(b"OK STATUS")
    new.ok("CREATE Other")
    assert new.cmd("STATUS Other (MESSAGES)")[0].startswith(b"OK STATUS")
    new.no("CREATE Other", "ALREADYEXISTS")
    new.no("DELETE Nowhere", "NONEXISTENT")
    new.no("DELETE INBOX", "CANNOT")
    old.ok("STORE 1 +FLAGS (\\Deleted)")
    old.ok("EXPUNGE")
    assert new.cmd("FETCH 1 BODY.PEEK[]")[0].startswith(b"NO [EXPUNGEISSUED]")
    assert coid.raw().no('LOGIN "nobody" "x"', "AUTHENTICATIONFAILED")


def test_a_search_says_that_messages_went(coid, alice, new, old):
    """The answer of a search by number holds back EXPUNGE and says so (RFC 9051, EXPUNGEISSUED)."""
    for i in range(3):
        coid.deliver(alice, message(f"m{i}"))
    new.ok("SELECT INBOX")
    old.ok("SELECT INBOX")
    old.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    old.ok("EXPUNGE")
    tagged, lines = new.cmd("SEARCH ALL")
    assert tagged.startswith(b"OK [EXPUNGEISSUED]") and lines[0].endswith(b" ALL 1,3")
    assert new.ok("NOOP") == [b"* 2 EXPUNGE"]
    assert esearch(new, "SEARCH ALL") == b" ALL 1:2"


def test_replace_and_sorting_in_this_mode(new):
    for i in range(3):
        new.append("INBOX", message(f"m{i}"))
    new.ok("SELECT INBOX")
    data = message("replaced")
    tag = new.tag()
    new.send(tag + b" REPLACE 1 INBOX {%d+}\r\n" % len(data) + data + b"\r\n")
    tagged, lines = new.until(tag)
    assert tagged.startswith(b"OK") and b"* 1 EXPUNGE" in lines and not any(b"RECENT" in line for line in lines)
    assert new.ok("SORT (REVERSE SUBJECT) UTF-8 ALL") == [b"* SORT 3 2 1"]
    assert new.ok("SORT RETURN (COUNT) (SUBJECT) UTF-8 ALL")[0].endswith(b" COUNT 3")
    assert b"\\Recent" not in b"".join(new.ok("FETCH 1:* FLAGS"))


# -- modes together --------------------------------------------------------------------------------------------------------


def test_all_modes_at_once(coid, alice, old):
    with coid.raw(alice) as raw:
        assert raw.ok("ENABLE IMAP4rev2 UIDONLY QRESYNC UTF8=ACCEPT") == [
            b"* ENABLED QRESYNC UTF8=ACCEPT UIDONLY IMAP4rev2"]
        raw.append("INBOX", message())
        raw.append("INBOX", message())
        old.ok("SELECT INBOX")
        lines = raw.ok("SELECT INBOX")
        assert starting(lines, b"* LIST") and not any(b"RECENT" in line or b"UNSEEN" in line for line in lines)
        assert esearch(raw, "UID SEARCH CHARSET UTF-8 ALL") == b" UID ALL 1:2"
        assert raw.bad("SEARCH ALL").startswith(b"BAD [UIDREQUIRED]")
        old.ok("STORE 1 +FLAGS (\\Deleted)")
        old.ok("STORE 2 +FLAGS (\\Seen)")
        old.ok("EXPUNGE")
        lines = raw.ok("NOOP")
        assert lines[0] == b"* VANISHED 1" and re.fullmatch(
            rb"\* 2 UIDFETCH \(FLAGS \(\\Seen\) MODSEQ \(\d+\)\)", lines[1]) and len(lines) == 2


def test_the_mode_ends_with_unauthenticate(coid, alice, new):

    coid.deliver(alice, message())
    new.ok("UNAUTHENTICATE")
    new.ok(f'LOGIN "{alice}" "{PASSWORD}"')
    assert b"* 1 RECENT" in new.ok("SELECT INBOX")
    assert new.ok("SEARCH ALL") == [b"* SEARCH 1"]
