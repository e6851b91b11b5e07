"""Items of a message besides its bytes: SAVEDATE (RFC 8514), PREVIEW (RFC 8970), OBJECTID (RFC 8474)."""

import contextlib
import datetime
import re
import sqlite3

import pytest

from coid import message
from fetchtext import fetch, fetch_all

UTC = datetime.timezone.utc


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


@contextlib.contextmanager
def database(coid):
    """The one account's database, of a daemon that does not run."""
    db = sqlite3.connect(str(next(coid.store.glob("users/*/*/account.db"))))
    yield db
    db.commit()
    db.close()


def item(raw, number, name):
    return fetch(raw.ok(f"FETCH {number} {name}")[0])[1][name.split(" ")[0]]


def found(raw, keys):
    return [int(word) for word in raw.ok(f"SEARCH {keys}")[0].split()[2:]]


def html(text):
    return (b"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + text.encode() + b"\r\n")


def plain(text):
    return (b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode() + b"\r\n")


# -- SAVEDATE -----------------------------------------------------------------------------------------------------------


def saved(raw, number):
    return datetime.datetime.strptime(item(raw, number, "SAVEDATE").decode(), "%d-%b-%Y %H:%M:%S %z")


def test_a_message_is_saved_now_whatever_its_date(raw):
    assert b"SAVEDATE" in raw.ok("CAPABILITY")[0].split()
    before = datetime.datetime.now(UTC) - datetime.timedelta(seconds=1)
    raw.append("INBOX", message(), '"17-Jul-1996 02:44:25 -0700"')
    raw.ok('SELECT "INBOX"')
    assert item(raw, 1, "INTERNALDATE") == b"17-Jul-1996 02:44:25 -0700"
    assert before <= saved(raw, 1) <= datetime.datetime.now(UTC)
    assert fetch(raw.ok("FETCH 1 (UID SAVEDATE)")[0])[1]["SAVEDATE"].endswith(b" +0000")
    raw.bad("FETCH 1 (SAVEDATE (LAZY))")


@pytest.fixture
def old(coid, alice):
    """INBOX with messages saved on 28-Dec-2014 at both ends of the day, the day before and after; received in 1996."""
    with coid.raw(alice) as raw:
        for _ in range(4):
            raw.append("INBOX", message(), '"17-Jul-1996 02:44:25 -0700"')
        raw.ok('CREATE "Trash"') if not raw.ok('LIST "" "Trash"') else None
    coid.stop()
    day = int(datetime.datetime(2014, 12, 28, tzinfo=UTC).timestamp())
    with database(coid) as db:
        for uid, at in enumerate((day - 1, day, day + 86399, day + 86400), 1):
            db.execute("UPDATE msg SET savedate = ? WHERE uid = ?", (at, uid))
    coid.start()
    with coid.raw(alice, mailbox="INBOX") as raw:
        yield raw


def test_search_by_the_day_of_saving(old):
    assert item(old, 2, "SAVEDATE") == b"28-Dec-2014 00:00:00 +0000"
    assert found(old, "SAVEDON 28-Dec-2014") == [2, 3]
    assert found(old, 'SAVEDBEFORE "28-Dec-2014"') == [1]
    assert found(old, "SAVEDSINCE 28-Dec-2014") == [2, 3, 4]
    assert found(old, "NOT SAVEDSINCE 29-Dec-2014") == [1, 2, 3]
    assert found(old, "SAVEDATESUPPORTED") == [1, 2, 3, 4]
    assert found(old, "NOT SAVEDATESUPPORTED") == []
    assert found(old, "OR SAVEDBEFORE 28-Dec-2014 (SAVEDATESUPPORTED 4)") == [1, 4]
    # The date of receipt does not count.
    assert found(old, "BEFORE 1-Jan-2000 SAVEDBEFORE 1-Jan-2000") == []
    for text in ("SAVEDON", "SAVEDON 32-Dec-2014", "SAVEDBEFORE yesterday", "SAVEDSINCE", "SAVEDATESUPPORTED 1-Jan-2020"):
        old.bad(f"SEARCH {text}")


@pytest.mark.parametrize("command", ["COPY", "MOVE"])
def test_a_copy_is_saved_anew_and_the_original_stays(coid, alice, old, command):
    before = datetime.datetime.now(UTC) - datetime.timedelta(seconds=1)
    with coid.raw(alice, mailbox="Trash") as other:
        old.ok(f'{command} 2:3 "Trash"')
        if command == "COPY":
            assert item(old, 2, "SAVEDATE") == b"28-Dec-2014 00:00:00 +0000"
        assert other.ok("NOOP")
        for number in (1, 2):
            assert saved(other, number) >= before
            assert item(other, number, "INTERNALDATE") == b"17-Jul-1996 02:44:25 -0700"
    old.ok("STORE 1 +FLAGS (\\Seen)")
    assert item(old, 1, "SAVEDATE") == b"27-Dec-2014 23:59:59 +0000"


# -- PREVIEW ------------------------------------------------------------------------------------------------------------


def preview(raw, data, name="PREVIEW"):
    raw.append("INBOX", data)
    raw.ok('SELECT "INBOX"')
    return item(raw, "*", name)


def test_plain_text(raw):
    assert b"PREVIEW" in raw.ok("CAPABILITY")[0].split()
    assert preview(raw, message(body="Preview\r\n  text!\r\n")) == b"Preview text!"
    assert preview(raw, message(body='say "hi" \\o/\r\n')) == b'say "hi" \\o/'


def test_it_has_200_characters_not_octets(raw):
    assert preview(raw, plain("x" * 500)) == b"x" * 200
    assert preview(raw, plain("ü" * 500)).decode() == "ü" * 200
    assert preview(raw, plain("🎉" * 500)).decode() == "🎉" * 200
    assert preview(raw, plain("ü" * 200)).decode() == "ü" * 200


def test_markup_is_removed(raw):
    text = preview(raw, html("<style>p { color: red }</style><p>Hello <b>w&ouml;rld</b> &lt;3</p><script>x()</script>"))
    assert text.decode() == "Hello wörld <3"


def test_it_is_decoded_to_utf_8(raw):
    data = (b"Subject: x\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            b"SvZyZw==\r\n")
    assert preview(raw, data).decode() == "Jörg"
    preview(raw, b"Subject: x\r\n\r\n\xff\xfebad").decode()


def test_without_text_it_is_empty_never_nil(raw):
    for data in (b"Subject: x\r\n\r\n", b"Subject: x\r\nContent-Type: image/png\r\n\r\nx", b"\r\n"):
        assert preview(raw, data) == b""
        assert preview(raw, data, "PREVIEW (LAZY)") == b""


def test_it_does_not_set_seen(coid, alice, raw):
    preview(raw, message())
    assert b"\\Seen" not in item(raw, 1, "FLAGS")
    assert fetch(raw.ok("FETCH 1 (PREVIEW (LAZY) UID PREVIEW)")[0])[1] == {"PREVIEW": b"a body", "UID": 1}


def test_lazy_is_nil_when_it_is_not_at_hand(coid, alice, raw):
    for i in range(3):
        raw.append("INBOX", message(body=f"text {i}\r\n"))
    coid.stop()
    with database(coid) as db:
        db.execute("DELETE FROM cache WHERE blob IN (SELECT blob FROM msg WHERE uid < 3)")
    coid.start()
    with coid.raw(alice, mailbox="INBOX") as own, coid.raw(alice, mailbox="INBOX") as other:
        got = fetch_all(own.ok("FETCH 1:* (UID PREVIEW (LAZY))"))
        assert [got[i]["PREVIEW"] for i in (1, 2, 3)] == [None, None, b"text 2"]
        # The envelope has to be computed anyway.
        assert fetch(own.ok("FETCH 2 (PREVIEW (LAZY) ENVELOPE)")[0])[1]["PREVIEW"] == b"text 1"
        assert item(other, 1, "PREVIEW") == b"text 0"
        own.ok("NOOP")
        assert [items["PREVIEW"] for items in fetch_all(other.ok("FETCH 1:* PREVIEW")).values()] == [
            b"text 0", b"text 1", b"text 2"]


def test_previews_of_saved_results(raw):
    for i in range(3):
        raw.append("INBOX", message(subject=f"s{i}", body=f"text {i}\r\n"))
    raw.ok('SELECT "INBOX"')
    raw.ok("SEARCH RETURN (SAVE) SUBJECT s1")
    assert fetch_all(raw.ok("FETCH $ (UID PREVIEW (LAZY))")) == {2: {"UID": 2, "PREVIEW": b"text 1"}}
    assert fetch_all(raw.ok("UID FETCH 1:2 PREVIEW (CHANGEDSINCE 1)"))[1]["PREVIEW"] == b"text 0"


def test_wrong_requests(raw):
    raw.append("INBOX", message())
    raw.ok('SELECT "INBOX"')
    for text in ("PREVIEW (EAGER)", "(PREVIEW (LAZY)", "(PREVIEW LAZY)", "PREVIEW()", "(PREVIEW ())", "PREVIEW (LAZY,LAZY)"):
        raw.bad(f"FETCH 1 {text}")


# -- OBJECTID -----------------------------------------------------------------------------------------------------------

OBJECTID = re.compile(rb"[A-Za-z0-9_-]{1,255}")


def mailboxid(raw, mailbox):
    line = raw.ok(f'STATUS "{mailbox}" (MAILBOXID)')[0]
    return re.search(rb"\(MAILBOXID \(([^)]+)\)\)$", line).group(1)


def selected_id(raw, mailbox, command="SELECT"):
    lines = [line for line in raw.ok(f'{command} "{mailbox}"') if b"MAILBOXID" in line]
    assert len(lines) == 1 and lines[0].startswith(b"* OK [MAILBOXID (")
    return re.search(rb"\(([^)]+)\)\]", lines[0]).group(1)


def created_id(raw, mailbox):
    tagged, untagged = raw.cmd(f'CREATE "{mailbox}"')
    assert tagged.startswith(b"OK [MAILBOXID (") and not untagged, tagged
    return re.search(rb"\(([^)]+)\)\]", tagged).group(1)


def ids(raw, numbers="1:*"):
    """{number: (email id, thread id)}"""
    got = fetch_all(raw.ok(f"FETCH {numbers} (EMAILID THREADID)"))
    for items in got.values():
        for name in ("EMAILID", "THREADID"):
            assert len(items[name]) == 1 and OBJECTID.fullmatch(items[name][0]), items
    return {number: (bytes(items["EMAILID"][0]), bytes(items["THREADID"][0])) for number, items in got.items()}


def letter(name, references=(), body="x\r\n"):
    headers = f"Subject: {name}\r\nMessage-ID: <{name}@x>\r\n"
    if references:
        headers += "References: " + " ".join(f"<{r}@x>" for r in references) + "\r\n"
    return (headers + "\r\n" + body).encode()


def test_a_mailbox_has_one_id_everywhere(coid, alice, raw):
    assert b"OBJECTID" in raw.ok("CAPABILITY")[0].split()
    name = created_id(raw, "foo")
    other = created_id(raw, "bar")
    assert name != other and OBJECTID.fullmatch(name)
    assert mailboxid(raw, "foo") == selected_id(raw, "foo") == selected_id(raw, "foo", "EXAMINE") == name
    listed = {line.split()[2].strip(b'"'): line for line in raw.ok('LIST "" "*" RETURN (STATUS (MAILBOXID MESSAGES))')
              if line.startswith(b"* STATUS")}
    assert b"(MAILBOXID (" + name + b") MESSAGES 0)" in listed[b"foo"] and other in listed[b"bar"]
    assert len({re.search(rb"\(MAILBOXID \(([^)]+)\)", line).group(1) for line in listed.values()}) == len(listed)
    # RFC 8474 4.1: a failed CREATE has none. CL-01: nor has anybody who does not ask.
    assert b"MAILBOXID" not in raw.no('CREATE "foo"')
    assert b"MAILBOXID" not in raw.ok('STATUS "foo" (MESSAGES)')[0]
    coid.restart()
    with coid.raw(alice) as again:
        assert mailboxid(again, "foo") == name


def test_the_id_survives_rename_and_dies_with_delete(coid, alice, raw):
    name = created_id(raw, "foo")
    below = created_id(raw, "foo/below")
    with coid.raw(alice) as other:
        other.ok('RENAME "foo" "renamed"')
        assert mailboxid(raw, "renamed") == name and mailboxid(raw, "renamed/below") == below
        other.ok('DELETE "renamed/below"')
        other.ok('DELETE "renamed"')
    seen = {name, below}
    for again in ("foo", "renamed", "renamed/below"):
        new = created_id(raw, again)
        assert new not in seen
        seen.add(new)


def test_a_name_above_others_gets_an_id_when_it_becomes_a_mailbox(raw):
    below = created_id(raw, "top/below")
    raw.no('STATUS "top" (MAILBOXID)')
    top = created_id(raw, "top")
    assert top not in (below, mailboxid(raw, "INBOX")) and mailboxid(raw, "top") == top
    raw.ok('DELETE "top"')
    assert created_id(raw, "top") != top


def test_rename_of_inbox_makes_a_new_mailbox_with_the_messages(raw):
    raw.append("INBOX", letter("a"))
    inbox = selected_id(raw, "INBOX")
    before = ids(raw)
    raw.ok("UNSELECT")
    raw.ok('RENAME "INBOX" "old-mail"')
    assert mailboxid(raw, "INBOX") == inbox
    assert mailboxid(raw, "old-mail") != inbox
    raw.ok('SELECT "old-mail"')
    assert ids(raw) == before


@pytest.mark.parametrize("command", ["COPY", "MOVE"])
def test_copies_have_the_email_id_of_the_original(coid, alice, raw, command):
    for name in ("a", "b", "c"):
        raw.append("INBOX", letter(name))
    raw.append("INBOX", letter("c"))
    created_id(raw, "foo")
    with coid.raw(alice, mailbox="foo") as other:
        raw.ok('SELECT "INBOX"')
        before = ids(raw)
        assert len({email for email, _ in before.values()}) == 4
        assert before[3][1] == before[4][1] and len({thread for _, thread in before.values()}) == 3
        raw.ok(f'{command} 2:3 "foo"')
        other.ok("NOOP")
        assert ids(other) == {1: before[2], 2: before[3]}
        other.ok('COPY 1 "foo"')
        other.ok("STORE 3 +FLAGS (\\Flagged $work)")
        assert ids(other)[3] == before[2]
    coid.restart()
    with coid.raw(alice, mailbox="foo") as again:
        assert ids(again) == {1: before[2], 2: before[3], 3: before[2]}


def test_an_id_is_never_used_again(raw):
    seen = set()
    raw.ok('SELECT "INBOX"')
    for _ in range(3):
        raw.append("INBOX", letter("a"))
        (email, _), = ids(raw).values()
        assert email not in seen
        seen.add(email)
        raw.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        raw.ok("EXPUNGE")


def test_threads_across_mailboxes_and_ways_in(coid, alice, raw):
    raw.append("INBOX", letter("a"))
    raw.append("INBOX", letter("reply", ["a"]))
    raw.append("INBOX", letter("other"))
    created_id(raw, "foo")
    raw.append("foo", letter("deep", ["a", "lost", "reply"]))
    coid.deliver(alice, letter("late", ["deep"]))
    # Larger than what is kept inline.
    raw.append("foo", letter("big", ["late"], "a line of a large message\r\n" * 40000))
    raw.ok('SELECT "INBOX"')
    inbox = ids(raw)
    raw.ok('SELECT "foo"')
    foo = ids(raw)
    assert {thread for _, thread in (inbox[1], inbox[2], inbox[4], foo[1], foo[2])} == {inbox[1][1]}
    assert inbox[3][1] != inbox[1][1]
    emails = {email for email, _ in [*inbox.values(), *foo.values()]}
    assert len(emails) == 6 and not emails & {thread for _, thread in [*inbox.values(), *foo.values()]}


def test_search_by_ids(coid, alice, raw):
    raw.append("INBOX", letter("a"))
    raw.append("INBOX", letter("b"))
    raw.append("INBOX", letter("reply", ["a"]))
    raw.ok('SELECT "INBOX"')
    got = ids(raw)
    email, thread = (word.decode() for word in got[1])
    assert found(raw, f"EMAILID {email}") == [1]
    assert found(raw, f"THREADID {thread}") == [1, 3]
    assert found(raw, f"NOT THREADID {thread}") == [2]
    assert found(raw, f"OR EMAILID {email} EMAILID {got[2][0].decode()}") == [1, 2]
    assert found(raw, f"EMAILID {thread}") == found(raw, f"THREADID {email}") == []
    # Ids are case-sensitive; unknown ones match nothing.
    assert found(raw, f"EMAILID {email.lower()}") == found(raw, f"THREADID {thread.lower()}") == []
    assert found(raw, "EMAILID M0000-1") == found(raw, "EMAILID NIL") == found(raw, "THREADID x_y-z") == []
    assert found(raw, "NOT EMAILID 1") == [1, 2, 3]
    raw.ok('COPY 1 "INBOX"')
    assert found(raw, f"EMAILID {email}") == [1, 4]
    with coid.raw(alice, mailbox="INBOX") as other:
        raw.ok(f"UID SEARCH RETURN (SAVE) THREADID {thread}")
        other.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        assert sorted(fetch_all(raw.ok("UID FETCH $ EMAILID"))) == [1, 4]
    for text in ("EMAILID", "THREADID", "EMAILID (a)", 'EMAILID "a"', "EMAILID a.b", "THREADID " + "x" * 256):
        raw.bad(f"SEARCH {text}")


def test_ids_do_not_set_seen_and_are_told_when_asked_for_only(raw):
    raw.append("INBOX", letter("a"))
    raw.ok('SELECT "INBOX"')
    ids(raw)
    assert b"\\Seen" not in item(raw, 1, "FLAGS")
    assert set(fetch(raw.ok("FETCH 1 FULL")[0])[1]) == {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"}
    raw.bad("FETCH 1 (EMAILID ())")


def test_an_account_of_an_earlier_version(coid, alice, raw):
    raw.append("INBOX", letter("a"))
    raw.append("INBOX", letter("b", ["a"]))
    raw.ok('SELECT "INBOX"')
    before = ids(raw)
    coid.stop()
    with database(coid) as db:
        db.executescript("DROP TABLE damage; DROP INDEX blob_unsummed; ALTER TABLE blob DROP COLUMN sum; "
                         "DROP TABLE push_owed; DROP TABLE keyword_more; DROP TABLE thread_ref; ALTER TABLE blob DROP COLUMN thread; "
                         "ALTER TABLE account DROP COLUMN file_prefix; PRAGMA user_version = 1;")
    coid.start()
    with coid.raw(alice, mailbox="INBOX") as again:
        assert ids(again) == before
