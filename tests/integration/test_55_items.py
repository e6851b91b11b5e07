"""What is told of a message besides its bytes: SAVEDATE (RFC 8514) and PREVIEW (RFC 8970)."""

import contextlib
import datetime
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
    # Not the date of receipt.
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
