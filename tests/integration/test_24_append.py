"""APPEND: literals of both kinds, refusals before and after the bytes, limits, big messages, clients that vanish."""

import time

import pytest

from coid import message
from fetchtext import fetch


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def count(raw, mailbox="INBOX"):
    line = raw.ok(f'STATUS "{mailbox}" (MESSAGES)')[0]
    return int(line.split(b"MESSAGES ")[1].rstrip(b")"))


def body(raw, number):
    return fetch(raw.ok(f"FETCH {number} BODY.PEEK[]")[0])[1]["BODY[]"]


def test_flags_and_date_are_kept(raw):
    raw.ok('SELECT "INBOX"')
    tagged = raw.append("INBOX", message(), '(\\Seen \\Flagged $Work) " 7-Jul-2026 02:44:25 -0700"', nonsync=False)
    assert tagged.startswith(b"OK [APPENDUID ")
    got = fetch(raw.ok("FETCH 1 (FLAGS INTERNALDATE)")[0])[1]
    assert got["INTERNALDATE"] == b"07-Jul-2026 02:44:25 -0700"
    assert set(got["FLAGS"]) == {b"\\Seen", b"\\Flagged", b"$Work", b"\\Recent"}


def test_the_answer_names_the_uid(raw):
    select = raw.ok('SELECT "INBOX"')
    validity = next(line for line in select if b"UIDVALIDITY" in line).split(b"UIDVALIDITY ")[1].split(b"]")[0]
    for uid in (1, 2, 3):
        assert raw.append("INBOX", message()) == b"OK [APPENDUID %s %d] APPEND completed" % (validity, uid)


def test_without_a_date_it_is_now(raw):
    raw.append("INBOX", message())
    raw.ok('SELECT "INBOX"')
    date = fetch(raw.ok("FETCH 1 INTERNALDATE")[0])[1]["INTERNALDATE"]
    assert date[:11].strip() in (time.strftime("%d-%b-%Y", time.gmtime(time.time() - d)).encode() for d in (0, 60))


def test_exists_is_told_before_the_tagged_line(coid, alice, raw):
    """CL-06"""
    raw.ok('SELECT "INBOX"')
    with coid.raw(alice, mailbox="INBOX") as other:
        idle = other.idle()
        tag = raw.tag()
        data = message()
        raw.send(tag + b" APPEND INBOX {%d+}\r\n" % len(data) + data + b"\r\n")
        tagged, untagged = raw.until(tag)
        assert b"* 1 EXISTS" in untagged
        assert other.response() == b"* 1 EXISTS"
        assert other.done(idle)[0].startswith(b"OK")


def test_a_missing_mailbox(raw):
    """CL-12"""
    data = message()
    assert raw.append("Nowhere", data, nonsync=False).startswith(b"NO [TRYCREATE]")
    assert raw.append("Nowhere", data).startswith(b"NO [TRYCREATE]")
    # The bytes of a refused literal do not become commands.
    evil = b"x LOGOUT\r\n" * 5000
    assert raw.append("Nowhere", evil).startswith(b"NO [TRYCREATE]")
    raw.ok("NOOP")
    raw.ok('CREATE "A/B"')
    assert raw.append("A", data) .startswith(b"NO [TRYCREATE]")
    assert raw.append("A/B", data).startswith(b"OK")


def test_quota(coid):
    user = coid.add_user("bob@example.org")
    coid.ctl("user", "quota", user, "--storage", "10K")
    with coid.raw(user) as raw:
        assert raw.append("INBOX", message(body="x" * 6000)).startswith(b"OK")
        assert raw.append("INBOX", message(body="x" * 6000), nonsync=False).startswith(b"NO [OVERQUOTA]")
        assert raw.append("INBOX", message(body="x" * 6000)).startswith(b"NO [OVERQUOTA]")
        assert raw.append("INBOX", message(body="x" * 100000)).startswith(b"NO [OVERQUOTA]")
        assert raw.append("INBOX", message()).startswith(b"OK")
        assert count(raw) == 2


def test_too_large_a_message(make_coid):
    coid = make_coid(settings={"store.message_max": "1M"})
    user = coid.add_user("bob@example.org")
    with coid.raw(user) as raw:
        tag = raw.command("APPEND INBOX {1048577}")
        assert raw.until(tag)[0].startswith(b"NO [TOOBIG]")
        assert raw.append("INBOX", b"x" * 1048577).startswith(b"NO [TOOBIG]")
        assert raw.append("INBOX", b"x" * 1048576).startswith(b"OK")
        tag = raw.command("APPEND INBOX {99999999999999999999}")
        assert raw.until(tag)[0].startswith((b"NO", b"BAD"))
        raw.ok("NOOP")


@pytest.mark.parametrize("nonsync", [True, False])
def test_sizes(coid, alice, raw, nonsync):
    sizes = [1, 16384, 16385, 65536, 1_000_000, 20_000_000]
    whole = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * (sizes[-1] // 18 + 1)
    for size in sizes:
        assert raw.append("INBOX", whole[:size], nonsync=nonsync).startswith(b"OK")
    raw.ok('SELECT "INBOX"')
    for number, size in enumerate(sizes, 1):
        assert body(raw, number) == whole[:size]


def test_byte_by_byte(raw):
    data = message()
    tag = raw.tag()
    raw.send_slowly(tag + b" APPEND {5+}\r\nINBOX (\\Seen) {%d+}\r\n" % len(data) + data + b"\r\n")
    assert raw.until(tag)[0].startswith(b"OK [APPENDUID")
    raw.ok('SELECT "INBOX"')
    assert body(raw, 1) == data


def test_many_in_one_go(raw):
    tags = []
    for i in range(50):
        data = message(subject=f"number {i}")
        tags.append(raw.tag())
        raw.send(tags[-1] + b" APPEND INBOX {%d+}\r\n" % len(data) + data + b"\r\n")
    for i, tag in enumerate(tags, 1):
        assert raw.until(tag)[0].endswith(b" %d] APPEND completed" % i)
    assert count(raw) == 50


def test_wrong_arguments(raw):
    for text in ["APPEND", "APPEND INBOX", 'APPEND INBOX "x"', "APPEND INBOX (\\Recent) {3}", "APPEND INBOX (\\Seen {3}",
                 'APPEND INBOX "32-Jan-2026 00:00:00 +0000" {3}', "APPEND INBOX {3", "APPEND INBOX x {3}",
                 "APPEND INBOX {3+}\r\nabcd", "APPEND INBOX {3+}\r\nabc {3+"]:
        raw.bad(text)
        raw.ok("NOOP")
    raw.no("APPEND INBOX {0+}\r\n")
    assert count(raw) == 0


def test_clients_that_hang_up_leave_nothing(coid, alice):
    for sent in [b"", b"abc", b"x" * 100_000, b"x" * 5_000_000, b"x" * 9_999_999]:
        with coid.raw(alice) as raw:
            raw.send(b"a APPEND INBOX {10000000+}\r\n" + sent)
            time.sleep(0.05)
    with coid.raw(alice) as raw:
        assert count(raw) == 0
        # Whole, but without the line's end: the command was never finished.
        raw.send(b"a APPEND INBOX {3+}\r\nabc")
    with coid.raw(alice) as raw:
        assert count(raw) == 0
        assert raw.append("INBOX", b"x" * 3_000_000).startswith(b"OK")
    leftover = [path for path in coid.store.rglob("*")
                if path.is_file() and path.name != "reserve" and path.stat().st_size >= 5_000_000]
    assert not leftover


def test_before_login_it_is_not_there(coid, alice):
    with coid.raw() as raw:
        tag = raw.command("APPEND INBOX {3}")
        assert raw.until(tag)[0].startswith(b"BAD")


def test_what_was_appended_survives_a_kill(coid, alice):
    with coid.raw(alice) as raw:
        for i in range(20):
            assert raw.append("INBOX", message(subject=f"number {i}", body="x" * (i * 2000) + "\r\n")).startswith(b"OK")
    coid.kill()
    coid.start()
    with coid.raw(alice, mailbox="INBOX") as raw:
        for i in range(20):
            assert body(raw, i + 1) == message(subject=f"number {i}", body="x" * (i * 2000) + "\r\n")
