"""CATENATE (RFC 4469) and REPLACE (RFC 8508): messages from pieces, and in the place of others."""

import re
import threading

import pytest

from coid import message
from fetchtext import fetch, fetch_all
from test_56_binary import mixed, part

INNER = mixed(part(b"inner text\r\n", "7bit", "text/plain"))
PARTS = mixed(part(b"first part\r\n", "7bit", "text/plain"), part(b"zip" * 100, "base64"), part(INNER, "7bit", "message/rfc822"))


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        raw.append("INBOX", PARTS)
        raw.append("INBOX", message(subject="second", body="second body\r\n"))
        yield raw


def text(data):
    return b"TEXT {%d+}\r\n%s" % (len(data), data)


def url(value):
    return b'URL "%s"' % value.encode()


def catenate(raw, parts, mailbox="INBOX", options=b"", command=b"APPEND"):
    """The tagged response of an APPEND of these parts."""
    return catenate_all(raw, [(options, parts)], mailbox, command)


def catenate_all(raw, messages, mailbox="INBOX", command=b"APPEND"):
    tag = raw.tag()
    data = b"".join(b" " + options + (b"CATENATE (" + b" ".join(parts) + b")" if isinstance(parts, list) else parts)
                    for options, parts in messages)
    raw.send(tag + b" " + command + b' "%s"' % mailbox.encode() + data + b"\r\n")
    return raw.until(tag)[0]


def status(raw, mailbox="INBOX"):
    words = raw.ok(f'STATUS "{mailbox}" (MESSAGES UIDNEXT)')[0].split(b"(")[1].rstrip(b")").split()
    return int(words[1]), int(words[3])


def validity(raw, mailbox="INBOX"):
    return int(re.search(rb"UIDVALIDITY (\d+)", raw.ok(f'STATUS "{mailbox}" (UIDVALIDITY)')[0]).group(1))


def body(raw, uid, mailbox="INBOX"):
    raw.ok(f'EXAMINE "{mailbox}"')
    got = fetch(raw.ok(f"UID FETCH {uid} BODY.PEEK[]")[0])[1]["BODY[]"]
    raw.ok("UNSELECT")
    return got


def section(raw, uid, name):
    raw.ok('EXAMINE "INBOX"')
    got = fetch(raw.ok(f"UID FETCH {uid} BODY.PEEK[{name}]")[0])[1]
    raw.ok("UNSELECT")
    return next(value for key, value in got.items() if key.startswith("BODY["))


# -- CATENATE -----------------------------------------------------------------------------------------------------------


def test_pieces_in_order(raw):
    assert b"CATENATE" in raw.ok("CAPABILITY")[0].split()
    one = validity(raw)
    tagged = catenate(raw, [url(f"/INBOX;UIDVALIDITY={one}/;UID=1/;SECTION=HEADER"), text(b"between "),
                            url("/INBOX/;uid=1/;section=1"), text(b""), text(b"\r\nand "), url("/inbox/;UID=2"), text(b"end")])
    assert tagged.startswith(b"OK [APPENDUID %d 3]" % one), tagged
    second = body(raw, 2)
    assert body(raw, 3) == section(raw, 1, "HEADER") + b"between first part\r\n" + b"\r\nand " + second + b"end"


@pytest.mark.parametrize("name", ["HEADER", "TEXT", "1", "2", "1.MIME", "3", "3.HEADER", "3.1", "3.TEXT", "HEADER.FIELDS (Subject)",
                                  "HEADER.FIELDS.NOT (Subject From)", "3.HEADER.FIELDS (From)", ""])
def test_sections_are_those_of_fetch(raw, name):
    encoded = name.replace(" ", "%20")
    assert catenate(raw, [text(b"x"), url("/INBOX/;UID=1" + (f"/;SECTION={encoded}" if name else ""))]).startswith(b"OK")
    assert body(raw, 3) == b"x" + section(raw, 1, name)


def test_part_of_a_section(raw):
    for tail, expected in (("PARTIAL=0.5", b"first"), ("PARTIAL=6", b"part\r\n"), ("partial=6.2", b"pa"), ("PARTIAL=100.2", b"")):
        assert catenate(raw, [text(b"x"), url(f"/INBOX/;UID=1/;SECTION=1/;{tail}")]).startswith(b"OK"), tail
        assert body(raw, status(raw)[1] - 1) == b"x" + expected


def test_urls_alone_and_several_messages(raw):
    assert catenate(raw, [url("/INBOX/;UID=2")], options=b'(\\Seen $x) "17-Jul-1996 02:44:25 -0700" ').startswith(b"OK")
    tagged = catenate_all(raw, [(b"", [url("/INBOX/;UID=2"), text(b"1")]), (b"(\\Flagged) ", b"{5+}\r\nplain"),
                                (b"", [text(b"2"), url("/INBOX/;UID=2")]), (b"", [url("/INBOX/;UID=2")])])
    assert b" 4:7] " in tagged
    second = body(raw, 2)
    assert [body(raw, uid) for uid in (3, 4, 5, 6, 7)] == [second, second + b"1", b"plain", b"2" + second, second]
    raw.ok('SELECT "INBOX"')
    items = fetch(raw.ok("UID FETCH 3 (FLAGS INTERNALDATE)")[0])[1]
    assert {b"\\Seen", b"$x"} <= set(items["FLAGS"]) and items["INTERNALDATE"] == b"17-Jul-1996 02:44:25 -0700"
    # CATENATE does not set \Seen on its sources.
    assert b"\\Seen" not in fetch(raw.ok("UID FETCH 2 FLAGS")[0])[1]["FLAGS"]


def test_synchronising_literals(raw):
    tag = raw.tag()
    raw.send(tag + b' APPEND {5}\r\n')
    assert raw.response().startswith(b"+")
    raw.send(b'INBOX (\\Seen) CATENATE (URL "/INBOX/;UID=2" TEXT {5}\r\n')
    assert raw.response().startswith(b"+")
    raw.send(b"hello URL {13}\r\n")
    assert raw.response().startswith(b"+")
    raw.send(b"/INBOX/;UID=2 TEXT ~{3}\r\n")
    assert raw.response().startswith(b"+")
    raw.send(b"end)\r\n")
    assert raw.until(tag)[0].startswith(b"OK [APPENDUID ")
    second = body(raw, 2)
    assert body(raw, 3) == second + b"hello" + second + b"end"


def test_relative_to_the_selected_mailbox(coid, alice, raw):
    for name in ("a", "a/b", "a/c"):
        raw.ok(f'CREATE "{name}"')
    raw.append("a/c", message(subject="in c"))
    raw.append("a/b", message(subject="in b"))
    raw.append("a", message(subject="in a"))
    in_c = body(raw, 1, "a/c")
    assert catenate(raw, [url(";UID=1")]).startswith(b"NO [BADURL ")
    assert catenate(raw, [url("INBOX/;UID=2")]).startswith(b"OK")
    raw.ok('SELECT "a/b"')
    for value, subject in ((";UID=1", b"in b"), ("/;UID=1", b"in b"), ("c/;UID=1", b"in c"), ("/a/;UID=1", b"in a"),
                           ("/a%2Fc/;UID=1", b"in c")):
        assert catenate(raw, [url(value)], "a").startswith(b"OK"), value
    raw.ok("UNSELECT")
    assert body(raw, 4, "a") == in_c
    for uid, subject in ((2, b"in b"), (3, b"in b"), (4, b"in c"), (5, b"in a"), (6, b"in c")):
        assert subject in body(raw, uid, "a")


def test_names_in_utf_8(raw):
    raw.ok('CREATE "Entw&APw-rfe"')
    raw.append("Entw&APw-rfe", message(subject="draft"))
    assert catenate(raw, [url("/Entw%C3%BCrfe/;UID=1")]).startswith(b"OK")


BAD = ["", "/", "/INBOX", "/INBOX/", "/INBOX/;UID=", "/INBOX/;UID=0", "/INBOX/;UID=x", "/INBOX/;UID=99", "/Nowhere/;UID=1",
       "/INBOX;UIDVALIDITY=1/;UID=1", "/INBOX;UIDVALIDITY=x/;UID=1", "/INBOX;FOO=1/;UID=1", "/INBOX/;UID=1/;SECTION=",
       "/INBOX/;UID=1/;SECTION=99", "/INBOX/;UID=1/;SECTION=FOO", "/INBOX/;UID=1/;SECTION=1/;PARTIAL=x",
       "/INBOX/;UID=1/;PARTIAL=1.0", "/INBOX/;UID=1/;FOO=1", "/INBOX/;UID=1/;SECTION=1/;SECTION=2", "/INBOX/;UID=1?SUBJECT",
       "imap://mail.example.org/INBOX/;UID=1", "//mail.example.org/INBOX/;UID=1", "imap:/INBOX/;UID=1", "/INBOX%2/;UID=1",
       "/%ff/;UID=1", "/INB%00OX/;UID=1", "/INBOX/;UID=1/;SECTION=1]", "/INBOX/;UID=1/;EXPIRE=2027-01-01T00:00:00Z",
       "/INBOX/;UID=1;URLAUTH=anonymous:internal:1234", "/x/../INBOX/;UID=1", "/INBOX/;UID=1/", "/*/;UID=1", "/top/;UID=1"]


@pytest.mark.parametrize("value", BAD)
def test_bad_urls(raw, value):
    raw.ok('CREATE "top/below"')
    before = status(raw)
    tagged = catenate(raw, [text(b"x"), url(value), text(b"y")])
    shown = value.replace("]", "%5D").encode()
    assert tagged.startswith(b'NO [BADURL "' + shown + b'"] '), tagged
    # The answer is the same if the URL comes last, without a literal behind it, and before a literal that waits for "+".
    assert catenate(raw, [url(value)]).startswith(b"NO [BADURL ")
    tag = raw.tag()
    raw.send(tag + b" APPEND INBOX CATENATE (" + url(value) + b" TEXT {3}\r\n")
    assert raw.until(tag)[0].startswith(b"NO [BADURL ")
    raw.ok("NOOP")
    assert status(raw) == before


def test_the_first_bad_url_is_told(raw):
    tagged = catenate(raw, [url("/INBOX/;UID=1"), url("/INBOX/;UID=77"), text(b"x"), url("/INBOX/;UID=78")])
    assert tagged.startswith(b'NO [BADURL "/INBOX/;UID=77"] ')


def test_wrong_syntax(raw):
    before = status(raw)
    for data in (b" CATENATE ()", b" CATENATE", b" CATENATE (URL)", b" CATENATE (URL x", b" CATENATE (FOO x)", b" CATENATE (TEXT x)",
                 b' CATENATE (TEXT "x")', b" CATENATE ({3+}\r\nabc)", b" CATENATE (TEXT {3+}\r\nabc", b" CATENATE (TEXT {3+}\r\nabc) x",
                 b" CATENATE (TEXT {3+}\r\nabcTEXT {3+}\r\nabc)", b" CATENATE TEXT {3+}\r\nabc", b" (\\Recent) CATENATE (TEXT {3+}\r\nabc)",
                 b' CATENATE(URL "/INBOX/;UID=1")'):
        tag = raw.tag()
        raw.send(tag + b" APPEND INBOX" + data + b"\r\n")
        assert raw.until(tag)[0].startswith(b"BAD"), data
        raw.ok("NOOP")
    assert status(raw) == before


def test_empty_messages_and_missing_mailboxes(raw):
    before = status(raw)
    assert catenate(raw, [text(b"")]).startswith(b"NO ")
    assert catenate(raw, [url("/INBOX/;UID=1/;SECTION=1/;PARTIAL=1000")]).startswith(b"NO ")
    assert catenate(raw, [text(b"x")], "Nowhere").startswith(b"NO [TRYCREATE]")
    assert catenate(raw, [url("/INBOX/;UID=1")], "Nowhere").startswith(b"NO [TRYCREATE]")
    assert catenate_all(raw, [(b"", [text(b"x")]), (b"", [url("/INBOX/;UID=9")])]).startswith(b"NO [BADURL")
    assert status(raw) == before


def test_what_grows_too_large(raw):
    limit = int(next(w for w in raw.ok("CAPABILITY")[0].split() if w.startswith(b"APPENDLIMIT=")).split(b"=")[1])
    big = b"Subject: big\r\n\r\n" + b"a line of a large message\r\n" * 200000
    assert raw.append("INBOX", big).startswith(b"OK")
    count = limit // len(big) + 1
    before = status(raw)
    assert catenate(raw, [url("/INBOX/;UID=3")] * count).startswith(b"NO [TOOBIG]")
    tag = raw.tag()
    raw.send(tag + b" APPEND INBOX CATENATE (" + b" ".join([url("/INBOX/;UID=3")] * (count - 1) + [b"TEXT {%d}\r\n" % (limit // 2)]))
    assert raw.until(tag)[0].startswith(b"NO [TOOBIG]")
    assert status(raw) == before
    assert catenate(raw, [url("/INBOX/;UID=3")] * 2).startswith(b"OK")
    assert body(raw, 4) == big * 2


def test_the_message_goes_meanwhile(coid, alice, raw):
    """A message that is being read stays readable; later ones are gone."""
    big = b"Subject: big\r\n\r\n" + b"a line of a large message\r\n" * 100000
    raw.append("INBOX", big)
    with coid.raw(alice, mailbox="INBOX") as other:
        tag = raw.tag()
        raw.send(tag + b" APPEND INBOX CATENATE (" + url("/INBOX/;UID=3") + b" TEXT {1}\r\n")
        assert raw.response().startswith(b"+")
        other.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        raw.send(b"x " + url("/INBOX/;UID=3") + b")\r\n")
        assert raw.until(tag)[0].startswith(b"NO [BADURL ")
        raw.append("INBOX", big)
        tag = raw.command(b"APPEND INBOX CATENATE (" + b" ".join([url("/INBOX/;UID=4")] * 5) + b")")
        other.ok("NOOP")
        other.ok("UID STORE 4 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        tagged = raw.until(tag)[0]
        assert tagged.startswith((b"OK", b"NO [BADURL "))
        if tagged.startswith(b"OK"):
            assert body(raw, 5) == big * 5


def test_clients_that_vanish(coid, alice, raw):
    big = b"Subject: big\r\n\r\n" + b"x" * 3000000
    raw.append("INBOX", big)
    before = status(raw)
    for data in (url("/INBOX/;UID=3") + b" TEXT {100}\r\n", b" ".join([url("/INBOX/;UID=3")] * 9) + b")\r\n",
                 text(b"y") + b" " + url("/INBOX/;UID=3") + b" TEXT {200000+}\r\n" + b"z" * 100000):
        other = coid.raw(alice)
        other.send(b"a APPEND nowhere CATENATE (" + data)
        other.close()
    raw.ok("NOOP")
    assert status(raw) == before


def test_utf8_parts(raw):
    head = "Subject: Grüße\r\n\r\n".encode()
    piece = b"UTF8 (~{%d+}\r\n%s)" % (len(head), head)
    raw.ok("ENABLE UTF8=ACCEPT")
    assert catenate(raw, [piece, text(b"x"), url("/INBOX/;UID=2/;SECTION=TEXT")]).startswith(b"OK")
    assert body(raw, 3) == head + b"xsecond body\r\n"


def test_binary_parts(raw):
    data = mixed(part(b"a\0b", "binary"))
    assert catenate(raw, [b"TEXT ~{%d+}\r\n%s" % (len(data), data), url("/INBOX/;UID=2/;SECTION=TEXT")]).startswith(b"OK")
    raw.ok('SELECT "INBOX"')
    assert fetch(raw.ok("UID FETCH 3 BINARY.PEEK[1]")[0])[1]["BINARY[1]"] == b"a\0b"
    assert b"second body" in body(raw, 3)


def test_two_sessions_at_once(coid, alice, raw):
    second = body(raw, 2)
    answers = []

    def work(n):
        with coid.raw(alice, mailbox="INBOX") as own:
            for i in range(10):
                answers.append(catenate(own, [text(b"%d-%d " % (n, i)), url("/;UID=2"), text(b" end")]))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answer.startswith(b"OK [APPENDUID") for answer in answers) and len(answers) == 30
    raw.ok('SELECT "INBOX"')
    bodies = {items["BODY[]"] for items in fetch_all(raw.ok("UID FETCH 3:* BODY.PEEK[]")).values()}
    assert bodies == {b"%d-%d " % (n, i) + second + b" end" for n in range(3) for i in range(10)}


# -- REPLACE ------------------------------------------------------------------------------------------------------------


def replace(raw, number, data, mailbox="INBOX", options=b"", uid=False, nonsync=True):
    """(tagged, untagged)"""
    tag = raw.tag()
    head = tag + (b" UID REPLACE " if uid else b" REPLACE ") + str(number).encode() + b' "%s" ' % mailbox.encode() + options
    if nonsync:
        raw.send(head + b"{%d+}\r\n" % len(data) + data + b"\r\n")
        return raw.until(tag)
    raw.send(head + b"{%d}\r\n" % len(data))
    answer = raw.response()
    if not answer.startswith(b"+"):
        return answer[len(tag) + 1:], []
    raw.send(data + b"\r\n")
    return raw.until(tag)


def uids(raw):
    return [items["UID"] for _, items in sorted(fetch_all(raw.ok("FETCH 1:* UID")).items())]


@pytest.mark.parametrize("uid", [False, True])
@pytest.mark.parametrize("nonsync", [False, True])
def test_a_message_takes_the_place_of_another(coid, alice, raw, uid, nonsync):
    assert b"REPLACE" in raw.ok("CAPABILITY")[0].split()
    raw.append("INBOX", message(subject="third"))
    raw.ok('SELECT "INBOX"')
    raw.ok("STORE 2 +FLAGS.SILENT (\\Flagged old \\Deleted)")
    raw.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    with coid.raw(alice, mailbox="INBOX") as other:
        tagged, untagged = replace(raw, 2, message(subject="new"), options=b'(\\Seen \\Draft) "17-Jul-1996 02:44:25 -0700" ', uid=uid,
                                   nonsync=nonsync)
        assert tagged.startswith(b"OK") and b"REPLACE completed" in tagged
        one = validity(raw)
        assert untagged[0] == b"* OK [APPENDUID %d 4] Replacement message ready" % one
        assert untagged[1:3] == [b"* 2 EXPUNGE", b"* 3 EXISTS"]
        assert not any(b"FETCH" in line and b"Deleted" in line for line in untagged)
        assert uids(raw) == [1, 3, 4]
        items = fetch(raw.ok("FETCH 3 (FLAGS INTERNALDATE BODY.PEEK[])")[0])[1]
        # REPLACE takes neither flags nor date from the old message.
        assert set(items["FLAGS"]) - {b"\\Recent"} == {b"\\Seen", b"\\Draft"}
        assert items["INTERNALDATE"] == b"17-Jul-1996 02:44:25 -0700" and items["BODY[]"] == message(subject="new")
        told = other.ok("NOOP")
        assert b"* 2 EXPUNGE" in told and uids(other) == [1, 3, 4]


def test_into_another_mailbox(coid, alice, raw):
    raw.ok('CREATE "foo"')
    raw.ok('SELECT "INBOX"')
    with coid.raw(alice, mailbox="foo") as other:
        tagged, untagged = replace(raw, 1, message(subject="sent"), "foo", uid=True)
        assert tagged.startswith(b"OK")
        assert untagged == [b"* OK [APPENDUID %d 1] Replacement message ready" % validity(raw, "foo"), b"* 1 EXPUNGE",
                            b"* 1 RECENT"]
        assert uids(raw) == [2]
        assert b"* 1 EXISTS" in other.ok("NOOP")


def test_the_last_message(raw):
    raw.ok('SELECT "INBOX"')
    assert replace(raw, "*", message(subject="new"))[0].startswith(b"OK")
    assert uids(raw) == [1, 3]


def test_errors_leave_all_as_it_is(coid, alice, raw):
    raw.ok('SELECT "INBOX"')
    for nonsync in (True, False):
        assert replace(raw, 1, message(), "Nowhere", nonsync=nonsync)[0].startswith(b"NO [TRYCREATE]")
        assert replace(raw, 3, message(), nonsync=nonsync)[0].startswith(b"BAD")
        assert replace(raw, 3, message(), uid=True, nonsync=nonsync)[0].startswith(b"NO ")
        assert replace(raw, 1, b"", nonsync=nonsync)[0].startswith(b"NO ")
        for number in (0, "1:2", "x", "1,2", ""):
            assert replace(raw, number, message(), nonsync=nonsync)[0].startswith(b"BAD"), number
    tag = raw.tag()
    limit = int(next(w for w in raw.ok("CAPABILITY")[0].split() if w.startswith(b"APPENDLIMIT=")).split(b"=")[1])
    raw.send(tag + b" REPLACE 1 INBOX {%d}\r\n" % (limit + 1))
    assert raw.until(tag)[0].startswith(b"NO [TOOBIG]")
    # One message only.
    tag = raw.tag()
    raw.send(tag + b" REPLACE 1 INBOX {3+}\r\nabc {3+}\r\nabc\r\n")
    assert raw.until(tag)[0].startswith(b"BAD")
    for data in ("REPLACE", "REPLACE 1", "REPLACE 1 INBOX", 'REPLACE 1 INBOX "x"', "UID REPLACE 1 INBOX (\\Seen)"):
        raw.bad(data)
    assert uids(raw) == [1, 2]
    raw.ok('EXAMINE "INBOX"')
    for nonsync in (True, False):
        assert replace(raw, 1, message(), nonsync=nonsync)[0].startswith(b"NO ")
    assert uids(raw) == [1, 2]
    raw.ok("UNSELECT")
    assert replace(raw, 1, message())[0].startswith(b"BAD")


def test_a_message_that_is_gone(coid, alice, raw):
    raw.ok('SELECT "INBOX"')
    with coid.raw(alice, mailbox="INBOX") as other:
        tag = raw.tag()
        raw.send(tag + b" REPLACE 2 INBOX {%d}\r\n" % len(message()))
        assert raw.response().startswith(b"+")
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        other.append("INBOX", message(subject="another"))
        raw.send(message() + b"\r\n")
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"NO [EXPUNGEISSUED]")
        assert not any(b"APPENDUID" in line for line in untagged)
        raw.ok("NOOP")
        assert uids(raw) == [1, 3]
        assert replace(raw, 2, message(), uid=True)[0].startswith(b"NO ")


def test_catenate_with_the_old_message(raw):
    raw.ok('SELECT "INBOX"')
    old = fetch(raw.ok("FETCH 2 BODY.PEEK[]")[0])[1]["BODY[]"]
    tag = raw.tag()
    raw.send(tag + b' UID REPLACE 2 INBOX (\\Draft) CATENATE (TEXT {5+}\r\nX: y\n URL "/INBOX/;UID=2")\r\n')
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK") and b"APPENDUID" in untagged[0]
    assert fetch(raw.ok("UID FETCH 3 BODY.PEEK[]")[0])[1]["BODY[]"] == b"X: y\r\n" + old
    tag = raw.tag()
    raw.send(tag + b' REPLACE 1 INBOX CATENATE (URL "/INBOX/;UID=2")\r\n')
    assert raw.until(tag)[0].startswith(b"NO [BADURL ")
    assert uids(raw) == [1, 3]
    data = mixed(part(b"a\0b", "binary"))
    tag = raw.tag()
    raw.send(tag + b" REPLACE 1 INBOX ~{%d+}\r\n%s\r\n" % (len(data), data))
    assert raw.until(tag)[0].startswith(b"OK")
    assert fetch(raw.ok("UID FETCH 4 BINARY.PEEK[1]")[0])[1]["BINARY[1]"] == b"a\0b"


def test_condstore_and_qresync(coid, alice, raw):
    with coid.raw(alice) as other:
        for session in (raw, other):
            session.ok("ENABLE QRESYNC")
            session.ok('SELECT "INBOX"')
        before = int(re.search(rb"HIGHESTMODSEQ (\d+)", raw.ok('STATUS "INBOX" (HIGHESTMODSEQ)')[0]).group(1))
        tagged, untagged = replace(raw, 1, message(subject="new"))
        assert tagged.startswith(b"OK [HIGHESTMODSEQ ")
        modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", tagged).group(1))
        assert modseq > before
        assert b"APPENDUID" in untagged[0] and b"* VANISHED 1" in untagged
        assert not any(b"EXPUNGE" in line for line in untagged)
        assert b"* VANISHED 1" in other.ok("NOOP")
        with coid.raw(alice) as late:
            late.ok("ENABLE QRESYNC")
            lines = late.ok(f'SELECT "INBOX" (QRESYNC ({validity(raw)} {before}))')
            assert b"* VANISHED (EARLIER) 1" in lines and any(b"UID 3 " in line for line in lines)


def test_only_the_difference_counts_in_the_quota(make_coid):
    coid = make_coid(settings={"store.quota_storage": 100000, "store.quota_messages": 2})
    with coid.raw(coid.add_user("alice@example.org")) as raw:
        large = message(body="x" * 60000)
        assert raw.append("INBOX", large).startswith(b"OK")
        assert raw.append("INBOX", message()).startswith(b"OK")
        assert raw.append("INBOX", message()).startswith(b"NO [OVERQUOTA]")
        raw.ok('SELECT "INBOX"')
        for nonsync in (True, False):
            assert replace(raw, 1 if nonsync else 2, large, nonsync=nonsync)[0].startswith(b"OK")
        # More than there is.
        assert replace(raw, 1, large)[0].startswith(b"NO [OVERQUOTA]")
        assert uids(raw) == [2, 4]


def test_ids(raw):
    raw.ok('SELECT "INBOX"')
    before = fetch(raw.ok("FETCH 2 EMAILID")[0])[1]["EMAILID"]
    assert replace(raw, 2, message(subject="second", body="second body\r\n"))[0].startswith(b"OK")
    assert fetch(raw.ok("FETCH 2 EMAILID")[0])[1]["EMAILID"] != before


def test_others_never_see_both_or_neither(coid, alice, raw):
    raw.ok('SELECT "INBOX"')
    stop = threading.Event()
    failures = []

    def watch():
        with coid.raw(alice) as own:
            while not stop.is_set():
                if status(own)[0] != 2:
                    failures.append(status(own))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(30):
        assert replace(raw, "*", message())[0].startswith(b"OK")
    stop.set()
    watcher.join()
    assert not failures
    coid.kill()
    coid.start()
    with coid.raw(alice, mailbox="INBOX") as again:
        assert uids(again) == [1, 32]


def test_replace_with_uidonly(raw):
    raw.ok("ENABLE UIDONLY")
    raw.ok('SELECT "INBOX"')
    for nonsync in (True, False):
        assert replace(raw, 1, message(), nonsync=nonsync)[0].startswith(b"BAD [UIDREQUIRED]")
    tagged, untagged = replace(raw, 1, message(subject="new"), uid=True)
    assert tagged.startswith(b"OK") and b"APPENDUID" in untagged[0] and b"* VANISHED 1" in untagged
