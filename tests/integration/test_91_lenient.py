"""Syntax that clients send against the grammar, or that few servers take: blanks, dates, large numbers, odd names."""

import re

import pytest

from coid import message
from fetchtext import fetch
from imapraw import Raw


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        for i in range(1, 6):
            assert raw.append("INBOX", message(subject=f"number {i}")).startswith(b"OK")
        raw.ok("SELECT INBOX")
        yield raw


# -- dates ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["3", " 3", "03"])
def test_a_day_below_ten_in_append(raw, day):
    tagged = raw.append("INBOX", message(), options=f'(\\Seen) "{day}-Feb-2025 18:28:47 +0000"')
    assert tagged.startswith(b"OK")
    raw.ok("NOOP")
    # The server itself always sends two digits.
    assert b'INTERNALDATE "03-Feb-2025 18:28:47 +0000"' in raw.ok("FETCH 6 INTERNALDATE")[0]


def test_a_day_below_ten_in_every_command_that_brings_messages(raw):
    date = '"3-Feb-2025 18:28:47 +0000"'
    for text in (f"APPEND INBOX {date} CATENATE (TEXT {{1+}}\r\nx)", f"UID REPLACE 1 INBOX (\\Seen) {date} {{1+}}\r\nx",
                 f"APPEND INBOX {date} {{1+}}\r\nx {date} {{1+}}\r\nx"):
        raw.ok(text)
    assert raw.ok("SEARCH ON 3-Feb-2025") == [b"* SEARCH 5 6 7 8"]


@pytest.mark.parametrize("day", ["3", "03", '" 3', '"3', '"03'])
def test_a_day_below_ten_in_search(raw, day):
    raw.append("INBOX", message(), options='"3-Feb-2025 18:28:47 +0000"')
    raw.ok("NOOP")
    end = '"' if '"' in day else ""
    assert raw.ok(f"SEARCH ON {day}-Feb-2025{end}") == [b"* SEARCH 6"]
    assert raw.ok(f"SEARCH BEFORE {day}-Feb-2025{end}") == [b"* SEARCH"]
    raw.ok(f"SEARCH SENTSINCE {day}-Feb-2025{end}")


# -- numbers --------------------------------------------------------------------------------------------------------------


def test_every_number_that_is_one(raw):
    top = 4294967295
    assert len(raw.ok(f"UID FETCH 1:{top} (UID)")) == 5
    assert len(raw.ok(f"UID FETCH {top}:1 (UID)")) == 5
    assert raw.ok(f"UID FETCH {top} (UID)") == []
    assert raw.ok(f"UID FETCH 2,{top} (UID)") == [b"* 2 FETCH (UID 2)"]
    # "n:*" holds the last message, whatever n is; a number does not.
    assert raw.ok(f"UID FETCH {top}:* (UID)") == [b"* 5 FETCH (UID 5)"]
    assert raw.ok(f"UID SEARCH UID 4:{top}") == [b"* SEARCH 4 5"]
    assert raw.ok(f"UID SEARCH UID 6:{top}") == [b"* SEARCH"]
    assert raw.ok(f"UID SEARCH UID {top}:*") == [b"* SEARCH 5"]
    assert raw.ok(f"UID SEARCH NOT UID 2:{top}") == [b"* SEARCH 1"]
    assert raw.ok(f"UID SEARCH UIDAFTER {top}") == [b"* SEARCH"]
    assert raw.ok(f"UID SEARCH UIDBEFORE {top}") == [b"* SEARCH 1 2 3 4 5"]
    assert len(raw.ok(f"UID STORE 4:{top} +FLAGS (\\Deleted)")) == 2
    raw.ok("CREATE there")
    assert raw.cmd(f"UID COPY 3:{top} there")[0].split(b"]")[0].endswith(b" 3:5 1:3")
    assert raw.ok(f"UID EXPUNGE 5:{top}")[0] == b"* 5 EXPUNGE"
    assert b"* 3 EXPUNGE" in raw.ok(f"UID MOVE 3:{top} there")
    raw.bad("UID FETCH 4294967296 (UID)")
    raw.bad("UID FETCH 0 (UID)")


def test_large_numbers_in_extensions(raw):
    top = 4294967295
    raw.ok("ENABLE QRESYNC")
    validity = int(re.search(rb"UIDVALIDITY (\d+)", b" ".join(raw.ok("SELECT INBOX"))).group(1))
    raw.ok("UID STORE 5 +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    got = raw.ok(f"SELECT INBOX (QRESYNC ({validity} 1 1:{top}))")
    assert b"* VANISHED (EARLIER) 5" in b"\n".join(got)
    got = raw.ok(f"UID FETCH 1:{top} (FLAGS) (CHANGEDSINCE 1 VANISHED)")
    assert b"* VANISHED (EARLIER) 5" in b"\n".join(got)
    assert raw.ok(f"UID SEARCH RETURN (PARTIAL 1:{top}) ALL")[0].endswith(b"PARTIAL (1:4294967295 1:4)")
    assert len(raw.ok(f"UID FETCH 1:* (UID) (PARTIAL 1:{top})")) == 4
    assert raw.ok(f"UID SEARCH RETURN (SAVE COUNT) UID 1:{top}")[0].endswith(b"COUNT 4")
    raw.ok(f"UID SEARCH RETURN (CONTEXT UPDATE PARTIAL 1:{top}) UID 1:{top}")


def test_a_modseq_of_zero(raw):
    """RFC 7162 lets clients ask for all changes so; many begin with it."""
    raw.ok("ENABLE QRESYNC")
    validity = int(re.search(rb"UIDVALIDITY (\d+)", b" ".join(raw.ok("SELECT INBOX"))).group(1))
    got = raw.ok(f"SELECT INBOX (QRESYNC ({validity} 0))")
    assert sum(b" FETCH (" in line for line in got) == 5


# -- blanks ---------------------------------------------------------------------------------------------------------------


TAKEN = [
    "STORE 1  FLAGS (\\Seen)", "STORE 1 FLAGS ( \\Seen )", "STORE 1 FLAGS \\Seen ", "STORE  1 +FLAGS  \\Seen  \\Flagged ",
    "STORE 1 ( UNCHANGEDSINCE  99 )  FLAGS ()", "SEARCH ( ALL )", "SEARCH ALL ", "SEARCH  ALL  SEEN ", "SEARCH OR  SEEN  ( ALL ) ",
    "SEARCH RETURN ( ALL )  ALL", "SEARCH RETURN ( ) ALL", "SEARCH CHARSET  UTF-8  ALL", "SORT ( DATE  REVERSE  SIZE )  UTF-8  ALL ",
    "THREAD  REFERENCES  UTF-8  ALL ", "ESEARCH IN ( inboxes )  ALL", "ESEARCH IN ( mailboxes  ( INBOX ) )  RETURN ( COUNT )  ALL ",
    "STATUS INBOX (MESSAGES )", "STATUS  INBOX  ( MESSAGES  UIDNEXT ) ", 'LIST "" "%" ', 'LIST  ""  "%"',
    'LIST ( SUBSCRIBED )  "" ( "%"  "*" ) RETURN ( CHILDREN  STATUS ( MESSAGES ) ) ', 'LIST ( ) "" "%" RETURN ( )', 'LSUB  ""  "*" ',
    "SELECT INBOX ", "SELECT  INBOX  ( CONDSTORE ) ", "EXAMINE INBOX ", "SELECT INBOX", "FETCH 1 ( FLAGS )", "FETCH  1:2  FLAGS ",
    "FETCH 1 ( FLAGS  UID  BODY.PEEK[HEADER.FIELDS ( Subject  From )]  PREVIEW  ( LAZY ) )  ( CHANGEDSINCE  1 ) ",
    "UID  FETCH  1:*  ( FLAGS )  ( PARTIAL  1:2 ) ", "COPY  1  INBOX ", " NOOP", "  CHECK ", "NOOP ",
    'ID ("version" 1.2)', 'ID ( "a"  nil ) ',
    "ID ( )", "ENABLE  CONDSTORE ", "CREATE  made  ( USE ( \\Important ) ) ", "RENAME  made  other ", "SUBSCRIBE  other ", "DELETE  other ",
    "GETQUOTA  \"\" ", "GETQUOTAROOT  INBOX ", "GETACL  INBOX ", "MYRIGHTS INBOX ",
    "SETMETADATA  INBOX  ( /private/comment  \"x\" ) ", "GETMETADATA  ( DEPTH  1 )  INBOX  ( /private/comment ) ",
    "GETMETADATA INBOX ( DEPTH  1 )  /private ", "NOTIFY  SET ( selected ( MessageNew ( UID )  MessageExpunge ) ) ", "NOTIFY NONE ",
    "NAMESPACE ", "CAPABILITY ", "EXPUNGE ", "UID EXPUNGE  1 ", "IDLE",
]


@pytest.mark.parametrize("text", TAKEN)
def test_superfluous_blanks_are_taken(raw, text):
    if text == "IDLE":
        tag = raw.command("IDLE ")
        assert raw.response().startswith(b"+")
        raw.send(b"DONE \r\n")
        assert raw.until(tag)[0].startswith(b"OK")
        return
    if text.startswith("RENAME") or text.startswith("DELETE"):
        raw.ok("CREATE " + text.split()[1])
    tagged, untagged = raw.cmd(text)
    assert tagged.startswith(b"OK") or (b"EXPUNGEISSUED" in tagged and "FETCH" in text), (text, tagged, untagged)


def test_blanks_mean_nothing(raw):
    assert raw.ok("SEARCH ( 2:3 )  NOT ( 3 ) ") == raw.ok("SEARCH (2:3) NOT (3)") == [b"* SEARCH 2"]
    assert raw.ok("STORE 1 FLAGS ( \\Seen  \\Draft ) ")[-1].startswith(b"* 1 FETCH (FLAGS (")
    assert raw.ok("STATUS INBOX ( MESSAGES ) ") == [b'* STATUS "INBOX" (MESSAGES 5)']


@pytest.mark.parametrize("end", [b"", b" "])
def test_blanks_around_literals(raw, end):
    body = message()
    for options in (b"", b" ( )", b' ( \\Seen )  " 3-Feb-2025 18:28:47 +0000"'):
        tag = raw.tag()
        raw.send(tag + b"  APPEND  INBOX " + options + b"  {%d}\r\n" % len(body))
        assert raw.response().startswith(b"+")
        raw.send(body + b"  CATENATE  ( TEXT  {%d+}\r\n" % len(body) + body + b" )" + end + b"\r\n")
        assert raw.until(tag)[0].startswith(b"OK"), options
    tag = raw.tag()
    raw.send(tag + b" SELECT  {5}\r\n")
    assert raw.response().startswith(b"+")
    raw.send(b"INBOX" + end + b"\r\n")
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK") and b"* 11 EXISTS" in untagged


def test_a_login_with_blanks(coid, alice):
    with Raw("127.0.0.1", coid.ports["imap"]) as raw:
        raw.greeting()
        raw.ok(f'LOGIN  {alice}  "correct horse battery" ')


@pytest.mark.parametrize("text", ["FETCH 1(FLAGS)", "STORE 1 FLAGS(\\Seen)", "SEARCH (ALL", "SEARCH ()", "STATUS INBOX ( )", "FETCH 1 ( )",
                                  "FETCH 1 BODY[ HEADER ]", "SELECT INBOX ( )", "SEARCH ALL )", "COPY 1 ", "SEARCH UID 1 :2", "NOOP x"])
def test_what_stays_wrong(raw, text):
    raw.bad(text)


# -- names ----------------------------------------------------------------------------------------------------------------


def test_names_that_are_no_modified_utf7(raw):
    for text in ("SELECT a&b", "EXAMINE a&b", "STATUS a&b (MESSAGES)", "CREATE a&b", "DELETE a&b", "RENAME a&b c", "RENAME INBOX a&b",
                 "SUBSCRIBE a&b", "UNSUBSCRIBE a&b", "GETQUOTAROOT a&b", "GETMETADATA a&b /private/comment", "COPY 1 a&b", "MOVE 1 a&b",
                 "SETMETADATA a&b (/private/comment NIL)", "APPEND a&b {1+}\r\nx", "GETACL a&b", 'SELECT {3+}\r\na&b', "SELECT \"a&b\""):
        raw.no(text)
    tag = raw.command("APPEND a&b {1000}")
    assert raw.until(tag)[0].startswith(b"NO ")
    raw.ok("NOOP")


def test_patterns_that_are_no_modified_utf7(raw):
    assert raw.ok('LIST "" "*&*"') == raw.ok('LSUB "" "*&*"') == raw.ok('LIST "" "Entw&*"') == []
    raw.ok('CREATE "R&-D"')
    raw.ok('CREATE "Entw&APw-rfe"')
    # Such a pattern is taken as it is.
    assert [line.split()[-1] for line in raw.ok('LIST "" "*&*"')] == [b'"R&-D"']
    assert [line.split()[-1] for line in raw.ok('LIST "" "*&-*"')] == [b'"R&-D"']
    assert [line.split()[-1] for line in raw.ok('LIST "" "*&APw-*"')] == [b'"Entw&APw-rfe"']


def test_atoms_that_begin_like_a_literal8(raw):
    assert raw.ok('LIST "" ~foo') == []
    raw.no("SELECT ~foo")
    raw.no("SELECT !#$$&'+,-.0123456789:;<=>?@^_`|[}")
    raw.ok("LIST \"\" !#$$&'+,-.0123456789:;<=>?@^_`|[}%*")


# -- single ones ----------------------------------------------------------------------------------------------------------


def test_id_of_the_largest_size_before_login(coid, alice):
    with Raw("127.0.0.1", coid.ports["imap"]) as raw:
        raw.greeting()
        fields = b" ".join(b'"%s" "%s"' % (b"n%029d" % i, b"v" * 1024) for i in range(30))
        raw.ok(b"ID (" + fields + b")")
        raw.ok(b"ID (" + b" ".join(b'"n" "%s"' % (b'\\"' * 1024) for i in range(30)) + b")")
        raw.ok(b"ID (" + b" ".join(b'"n" {1024+}\r\n%s' % (b"v" * 1024) for i in range(30)) + b")")
        raw.ok(b'ID ("more" "than 1024: %s" ' % (b"v" * 2000) + fields + b")")
        raw.ok(f'LOGIN {alice} "correct horse battery"')


def test_the_empty_initial_response(coid, alice):
    with Raw("127.0.0.1", coid.ports["imap"]) as raw:
        raw.greeting()
        raw.no("AUTHENTICATE PLAIN =")
        tag = raw.command("AUTHENTICATE PLAIN")
        assert raw.response().startswith(b"+")
        raw.send(b"\r\n")
        assert raw.until(tag)[0].startswith(b"NO ")
        raw.ok(f'LOGIN {alice} "correct horse battery"')


def test_partial_begins_with_the_smaller_number(raw):
    assert raw.ok("SEARCH RETURN (PARTIAL 4:2) ALL")[0].endswith(b"PARTIAL (2:4 2:4)")
    assert raw.ok("SEARCH RETURN (PARTIAL -4:-2) ALL")[0].endswith(b"PARTIAL (-2:-4 2:4)")
    assert raw.ok("SORT RETURN (PARTIAL 4:2) (REVERSE SUBJECT) UTF-8 ALL")[0].endswith(b"PARTIAL (2:4 4,3,2)")
    assert len(raw.ok("UID FETCH 1:* UID (PARTIAL 4:2)")) == 3
    for text in ("PARTIAL 1", "PARTIAL 1:*", "PARTIAL *:1", "PARTIAL 0:1"):
        raw.bad(f"SEARCH RETURN ({text}) ALL")


def test_partial_belongs_to_uid_fetch(raw):
    raw.bad("FETCH 1:* (UID) (PARTIAL 1:2)")


def test_keywords_in_search_may_be_quoted(raw):
    raw.ok("STORE 2 +FLAGS ($Work)")
    for name in ('"$work"', "$work", "{5+}\r\n$WORK"):
        assert raw.ok(f"SEARCH KEYWORD {name}") == [b"* SEARCH 2"]
    assert raw.ok('SEARCH UNKEYWORD "nobody uses this"') == [b"* SEARCH 1 2 3 4 5"]


def test_a_keyword_that_is_too_long_is_refused(raw):
    long = "k" * 300
    for text in (f"STORE 1 +FLAGS ({long})", f"APPEND INBOX ({long}) {{1+}}\r\nx", f"UID STORE 1 FLAGS (\\Seen {long})"):
        raw.no(text)
    tag = raw.command(f"APPEND INBOX ({long}) {{1000}}")
    assert raw.until(tag)[0].startswith(b"NO ")
    assert raw.ok(f"SEARCH KEYWORD {long}") == [b"* SEARCH"]
    assert fetch(raw.ok("FETCH 1 FLAGS")[0])[1]["FLAGS"] == [b"\\Recent"]


# -- mailboxes and METADATA -----------------------------------------------------------------------------------------------


def names(lines):
    return [line.split(b'"/" ')[1].strip(b'"').decode() for line in lines]


def test_names_with_wildcards(raw):
    for name in ("50% off", "a*b", "%", "50% off/below"):
        raw.ok(f'CREATE "{name}"')
    assert names(raw.ok('LIST "" "50% off"')) == ["50% off"]
    assert names(raw.ok('LIST "" "5*"')) == ["50% off", "50% off/below"]
    assert names(raw.ok('LIST "" "a*b"')) == ["a*b"]
    assert "%" in names(raw.ok('LIST "" "%"')) and "50% off/below" not in names(raw.ok('LIST "" "%"'))
    assert raw.append("50% off", message()).startswith(b"OK")
    assert raw.ok('STATUS "50% off" (MESSAGES)') == [b'* STATUS "50% off" (MESSAGES 1)']
    raw.ok('SUBSCRIBE "a*b"')
    assert "a*b" in names(raw.ok('LSUB "" "*"'))
    raw.ok('RENAME "50% off" "40% off"')
    assert names(raw.ok('LIST "" "%0% off/%"')) == ["40% off/below"]
    raw.ok('DELETE "a*b"')


def test_names_above_others_do_not_outlive_them(coid, alice, raw):
    before = names(raw.ok('LIST "" "*"'))
    raw.ok("CREATE p/a/b")
    assert names(raw.ok('LIST "" "p*"')) == ["p", "p/a", "p/a/b"]
    with coid.raw(alice) as other:
        other.ok("NOTIFY SET (personal (MailboxName))")
        raw.ok("DELETE p/a/b")
        told = other.ok("NOOP") + other.quiet(1)
        assert sorted({line.split()[-1] for line in told if b"\\NonExistent" in line}) == [b'"p"', b'"p/a"', b'"p/a/b"']
    assert names(raw.ok('LIST "" "*"')) == before
    raw.ok("CREATE p/a/b")
    raw.ok("RENAME p/a/b q")
    assert names(raw.ok('LIST "" "*"')) == sorted(before + ["q"], key=lambda name: (name != "INBOX", name))
    raw.ok("CREATE p")
    raw.ok("CREATE p/a/b")
    raw.ok("DELETE p/a/b")
    assert names(raw.ok('LIST "" "p*"')) == ["p"]


def test_specialuse_is_tied_to_the_special_use(coid, alice, raw):
    def use(mailbox):
        line = raw.ok(f"GETMETADATA {mailbox} /private/specialuse")[0]
        value = re.search(rb"/private/specialuse (?:NIL|\{\d+\}\r\n(.*))\)$", line)
        return value.group(1)

    assert use("Sent") == b"\\Sent" and use("INBOX") is None
    raw.ok("CREATE made (USE (\\Important))")
    assert use("made") == b"\\Important"
    raw.ok("CREATE box")
    for wrong in ('"\\\\Foo"', '"\\\\Sent"', '"Sent"', '"\\\\All"', '"\\\\Important"', '"\\\\Archive x"'):
        raw.no(f"SETMETADATA box (/private/specialuse {wrong})", "USEATTR")
    raw.ok("DELETE made")
    raw.ok('SETMETADATA box (/private/specialuse "\\\\important")')
    assert use("box") == b"\\Important"
    assert raw.ok('LIST (SPECIAL-USE) "" "box"') == [b'* LIST (\\HasNoChildren \\Important) "/" "box"']
    # Two at once; the sender's new home; NIL.
    raw.ok("SETMETADATA Sent (/private/specialuse NIL)")
    raw.ok('SETMETADATA box (/private/specialuse "\\\\Sent \\\\Important")')
    assert use("box") == b"\\Sent \\Important" and use("Sent") is None
    assert b"\\Sent" not in raw.ok('LIST "" Sent')[0]
    raw.ok("SETMETADATA box (/private/specialuse NIL)")
    assert use("box") is None
    raw.no('SETMETADATA "" (/private/specialuse "\\\\Sent")', "CANNOT")
    # All or nothing.
    raw.no('SETMETADATA box (/private/specialuse "\\\\Sent" /private/specialuse "\\\\Foo")', "USEATTR")
    assert use("box") is None


def test_values_with_quotes_are_literals(raw):
    for value in ('{"a": "b"}', "back\\slash", 'x"'):
        data = value.encode()
        raw.ok(b"SETMETADATA INBOX (/private/comment {%d+}\r\n%s)" % (len(data), data))
        assert raw.ok("GETMETADATA INBOX /private/comment")[0].endswith(b" {%d}\r\n%s)" % (len(data), data))
    raw.ok('SETMETADATA INBOX (/private/comment "plain")')
    assert raw.ok("GETMETADATA INBOX /private/comment")[0].endswith(b'/private/comment "plain")')
    assert raw.ok('LIST "" INBOX RETURN (METADATA (/private/comment))')[1].endswith(b'/private/comment "plain")')


CONFIG = "/private/vendor/vendor.dovecot/coi/config"


def test_entries_of_the_server_do_not_belong_to_mailboxes(raw):
    raw.no(f"SETMETADATA INBOX ({CONFIG}/enabled yes)", "CANNOT")
    raw.no("SETMETADATA INBOX (/private/comment x /private/vendor/vendor.dovecot/webpush/subscriptions/0123456789 {2+}\r\n{})", "CANNOT")
    assert raw.ok("GETMETADATA INBOX /private/comment")[0].endswith(b"NIL)")
    raw.ok(f"SETMETADATA INBOX ({CONFIG}/enabled NIL)")
    raw.ok(f'SETMETADATA "" ({CONFIG}/enabled yes)')


def test_chats_may_go_to_the_trash_in_any_case(raw):
    raw.ok(f'SETMETADATA "" ({CONFIG}/enabled yes)')
    raw.no("RENAME COI/Chats elsewhere", "CANNOT")
    raw.ok("RENAME COI/Chats trash/Chats")


def test_a_root_that_is_not_ascii_is_created_as_it_is_told(make_coid):
    coid = make_coid(settings={"coi.mailbox_root": "Gespräche"})
    raw = coid.raw(coid.add_user("alice@example.org"))
    assert "Gespräche".encode() in raw.ok(f'GETMETADATA "" {CONFIG}/mailbox-root')[0]
    # UTF-8, whatever the mailbox names of the session are; and taken so, as well as in modified UTF-7.
    raw.ok('CREATE "Gespräche/Chats"')
    assert raw.ok(f'GETMETADATA "" {CONFIG}/enabled')[0].endswith(b'"yes")')
    assert b'"Gespr&AOQ-che/Chats"' in [line.split()[-1] for line in raw.ok('LIST "" "Gespr*"')]
    raw.ok("DELETE Gespr&AOQ-che/Chats")


def test_a_missing_mailbox_is_told_before_a_wrong_url(raw):
    for url in ("/INBOX/;UID=1/;SECTION=TEXT", "/INBOX/;UID=99", "/nowhere/;UID=1", "no url"):
        raw.no(f'APPEND nowhere CATENATE (URL "{url}")', "TRYCREATE")
        raw.no(f'APPEND nowhere CATENATE (TEXT {{5+}}\r\nhello URL "{url}")', "TRYCREATE")
        raw.no(f'APPEND nowhere CATENATE (URL "{url}" TEXT {{5+}}\r\nhello)', "TRYCREATE")
        raw.no(f'UID REPLACE 1 nowhere CATENATE (URL "{url}")', "TRYCREATE")
    raw.no('APPEND INBOX CATENATE (URL "/INBOX/;UID=99")', "BADURL")
    raw.ok('APPEND INBOX CATENATE (URL "/INBOX/;UID=1")')
