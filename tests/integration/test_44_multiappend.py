"""MULTIAPPEND (RFC 3502): several messages, all or none; refused in the middle; limits; other sessions in between."""

import threading

import pytest

from coid import message
from fetchtext import fetch


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def status(raw, mailbox="INBOX"):
    words = raw.ok(f'STATUS "{mailbox}" (MESSAGES UIDNEXT)')[0].split(b"(")[1].rstrip(b")").split()
    return int(words[1]), int(words[3])


def multi(raw, messages, mailbox="INBOX", nonsync=True, options=None):
    """One APPEND of all; the tagged response. Ends with the first refusal."""
    tag = raw.tag()
    text = tag + b' APPEND "%s"' % mailbox.encode()
    for i, data in enumerate(messages):
        text += b" " + (options[i].encode() + b" " if options and options[i] else b"")
        if nonsync:
            text += b"{%d+}\r\n" % len(data) + data
            continue
        raw.send(text + b"{%d}\r\n" % len(data))
        answer = raw.response()
        while answer.startswith(b"* "):
            answer = raw.response()
        if not answer.startswith(b"+"):
            return answer[len(tag) + 1:]
        text = data
    raw.send(text + b"\r\n")
    return raw.until(tag)[0]


@pytest.mark.parametrize("nonsync", [True, False])
def test_all_come_in_order_with_their_own_options(raw, nonsync):
    bodies = [message(subject=f"number {i}", body=f"{i}\r\n" * i) for i in range(1, 6)]
    options = ["", "(\\Seen)", '" 7-Jul-2026 02:44:25 -0700"', '(\\Flagged $Work) "17-Jul-2026 02:44:25 +0100"', "()"]
    tagged = multi(raw, bodies, nonsync=nonsync, options=options)
    assert tagged.startswith(b"OK [APPENDUID ") and b" 1:5] " in tagged
    raw.ok('SELECT "INBOX"')
    for i, body in enumerate(bodies, 1):
        assert fetch(raw.ok(f"FETCH {i} BODY.PEEK[]")[0])[1]["BODY[]"] == body
    items = [fetch(line)[1] for line in raw.ok("FETCH 1:5 (FLAGS INTERNALDATE)")]
    flags = [set(item["FLAGS"]) - {b"\\Recent"} for item in items]
    assert flags == [set(), {b"\\Seen"}, set(), {b"\\Flagged", b"$Work"}, set()]
    assert items[2]["INTERNALDATE"] == b"07-Jul-2026 02:44:25 -0700"
    assert items[3]["INTERNALDATE"] == b"17-Jul-2026 02:44:25 +0100"


def test_small_and_large_ones_mixed(raw):
    bodies = [message(body="x" * 10), message(body="line of a large one\r\n" * 30000), message(body="y"),
              message(body="another\r\n" * 50000)]
    assert b" 1:4] " in multi(raw, bodies)
    raw.ok('SELECT "INBOX"')
    for i, body in enumerate(bodies, 1):
        assert fetch(raw.ok(f"FETCH {i} BODY.PEEK[]")[0])[1]["BODY[]"] == body


def test_cut_at_odd_places(raw):
    data = message(subject="cut")
    one = b" (\\Seen) {%d+}\r\n" % len(data) + data
    for step in (1, 7, 100):
        tag = raw.tag()
        raw.send_slowly(tag + b" APPEND INBOX" + one * 3 + b"\r\n", step)
        assert raw.until(tag)[0].startswith(b"OK [APPENDUID ")
    assert status(raw) == (9, 10)


@pytest.mark.parametrize("nonsync", [True, False])
def test_an_empty_message_takes_it_back(raw, nonsync):
    assert multi(raw, [message(), b"", message()], nonsync=nonsync).startswith(b"NO ")
    assert multi(raw, [message(), b""], nonsync=nonsync).startswith(b"NO ")
    assert multi(raw, [b"", message()], nonsync=nonsync).startswith(b"NO ")
    assert status(raw) == (0, 1)
    raw.ok("NOOP")


@pytest.mark.parametrize("nonsync", [True, False])
def test_a_large_one_in_the_middle_is_refused(make_coid, nonsync):
    coid = make_coid()
    with coid.raw(coid.add_user("alice@example.org")) as raw:
        limit = int(next(w for w in raw.ok("CAPABILITY")[0].split() if w.startswith(b"APPENDLIMIT=")).split(b"=")[1])
        tag = raw.tag()
        if nonsync:
            raw.send(tag + b" APPEND INBOX {3+}\r\none {%d}\r\n" % (limit + 1))
        else:
            raw.send(tag + b" APPEND INBOX {3}\r\n")
            assert raw.response().startswith(b"+")
            raw.send(b"one {%d}\r\n" % (limit + 1))
        assert raw.until(tag)[0].startswith(b"NO [TOOBIG]")
        assert status(raw) == (0, 1)
        assert multi(raw, [b"one", b"two"]).startswith(b"OK ")


def test_wrong_options_in_the_middle(raw):
    for middle in (b" (\\Recent) {3+}\r\ntwo", b" (\\Seen {3+}\r\ntwo", b' "yesterday" {3+}\r\ntwo',
                   b"{3+}\r\ntwo", b" two", b' "two"', b" (\\Seen)"):
        tag = raw.tag()
        raw.send(tag + b" APPEND INBOX {3+}\r\none" + middle + b"\r\n")
        assert raw.until(tag)[0].startswith(b"BAD "), middle
        raw.ok("NOOP")
    assert status(raw) == (0, 1)


def test_a_missing_mailbox(raw):
    assert multi(raw, [message(), message()], "Nowhere").startswith(b"NO [TRYCREATE]")
    assert multi(raw, [message(), message()], "Nowhere", nonsync=False).startswith(b"NO [TRYCREATE]")
    raw.ok('CREATE "Nowhere"')
    assert b" 1:2] " in multi(raw, [message(), message()], "Nowhere")


def test_many_messages_in_one_command(raw):
    """Bytes in flight are the bound, no number; and what is stored counts no longer for the length of the line."""
    most = 10000
    options = ['(\\Seen $Work) "3-Feb-2026 18:28:47 +0000"', "(\\Flagged)", ""]
    assert b" 1:%d] " % most in multi(raw, [b"Subject: %d\r\n\r\n" % i for i in range(most)],
                                      options=[options[i % 3] for i in range(most)])
    assert status(raw) == (most, most + 1)
    raw.ok("SELECT INBOX")
    assert raw.ok("SEARCH KEYWORD $Work SUBJECT 9999") == [b"* SEARCH 10000"]
    assert fetch(raw.ok("FETCH 5001 BODY.PEEK[]")[0])[1]["BODY[]"] == b"Subject: 5000\r\n\r\n"
    assert b" 10001:10300] " in multi(raw, [b"x"] * 300, nonsync=False, options=[options[i % 3] for i in range(300)])


def test_bytes_in_flight_have_a_limit(raw):
    """128 MiB; a message of one octet is counted with 4 KiB and twice its size."""
    tag = raw.tag()
    raw.send(tag + b" APPEND INBOX" + b" {1+}\r\nx" * 32800 + b"\r\n")
    assert raw.until(tag)[0].startswith(b"NO [LIMIT]")
    assert status(raw) == (0, 1)
    raw.ok("NOOP")


def test_catenate_of_many_pieces_among_messages(raw):
    raw.append("INBOX", message(body="piece\r\n"))
    raw.ok("SELECT INBOX")
    piece = b"TEXT {3+}\r\nabc"
    one = b" (\\Seen) CATENATE (" + b" ".join([b"TEXT {3+}\r\na:b", b"TEXT {4+}\r\n\r\n\r\n"] + [piece] * 200 + [
        b'URL "/INBOX/;UID=1/;SECTION=TEXT"']) + b")"
    tag = raw.tag()
    raw.send(tag + b" APPEND INBOX" + (one + b" {3+}\r\nxyz" + b' CATENATE (URL "/INBOX/;UID=1")') * 3 + b"\r\n")
    assert b" 2:10] " in raw.until(tag)[0]
    raw.ok("NOOP")
    assert fetch(raw.ok("FETCH 8 BODY.PEEK[]")[0])[1]["BODY[]"] == b"a:b\r\n\r\n" + b"abc" * 200 + b"piece\r\n"
    assert raw.ok("SEARCH SEEN") == [b"* SEARCH 2 5 8"]


def test_clients_that_vanish_leave_nothing(coid, alice, raw):
    for text in (b" {3+}\r\none", b" {3+}\r\none {3+}\r\nt", b" {3+}\r\none (\\Seen) {100000}\r\n",
                 b" {3+}\r\none {100000+}\r\n" + b"x" * 70000):
        other = coid.raw(alice)
        other.send(b"a APPEND INBOX" + text)
        other.close()
    raw.ok("NOOP")
    assert status(raw) == (0, 1)


def test_others_are_told_once_and_see_all_or_none(coid, alice, raw):
    with coid.raw(alice, mailbox="INBOX") as other:
        idle = other.idle()
        assert multi(raw, [message()] * 5).startswith(b"OK ")
        assert other.response() == b"* 5 EXISTS"
        assert other.done(idle)[0].startswith(b"OK")


def test_two_sessions_append_at_once(coid, alice, raw):
    """The UIDs of one command follow each other, and none is lost."""
    answers = []

    def work(n):
        with coid.raw(alice) as own:
            for _ in range(5):
                answers.append(multi(own, [message(subject=f"from {n}")] * 4))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    with coid.raw(alice, mailbox="INBOX") as reader:
        while any(thread.is_alive() for thread in threads):
            for line in reader.ok("NOOP"):
                if line.endswith(b"EXISTS"):
                    assert int(line.split()[1]) % 4 == 0, line
    for thread in threads:
        thread.join()
    uids = []
    for answer in answers:
        assert answer.startswith(b"OK [APPENDUID "), answer
        low, high = map(int, answer.split()[3].rstrip(b"]").split(b":"))
        assert high - low == 3
        uids += range(low, high + 1)
    assert sorted(uids) == list(range(1, 61))
