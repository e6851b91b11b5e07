"""FETCH: every item, sections and partials, implicit \\Seen, numbers and UIDs, slow and vanishing readers."""

import sqlite3
import threading
import time

import pytest

import imapraw
from coid import message
from fetchtext import fetch, fetch_all

SIMPLE = message()
NESTED = (
    b"From: outer@example.org\r\nSubject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ntext\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\nX-A: 1\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
    b"--c\r\n\r\nplain\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>\r\n--c--\r\n"
    b"--b--\r\nepilogue\r\n")


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        assert raw.append("INBOX", SIMPLE, '(\\Flagged) "01-Feb-2026 03:04:05 +0130"').startswith(b"OK")
        assert raw.append("INBOX", NESTED).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        yield raw


def one(raw, number, items, command="FETCH"):
    untagged = raw.ok(f"{command} {number} {items}")
    assert len(untagged) == 1, untagged
    return fetch(untagged[0])[1]


def test_the_items_of_a_message(raw):
    got = one(raw, 1, "(UID FLAGS INTERNALDATE RFC822.SIZE)")
    assert got == {"UID": 1, "FLAGS": [b"\\Flagged", b"\\Recent"],
                   "INTERNALDATE": b"01-Feb-2026 03:04:05 +0130", "RFC822.SIZE": len(SIMPLE)}


def test_macros_are_lists_of_items(raw):
    assert list(one(raw, 1, "FAST")) == ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]
    assert list(one(raw, 1, "ALL")) == ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"]
    assert list(one(raw, 1, "FULL")) == ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"]
    assert list(one(raw, 1, "FAST", "UID FETCH")) == ["UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"]


def test_sections_of_an_embedded_message(raw):
    expected = {
        "1": b"text", "1.MIME": b"Content-Type: text/plain; charset=utf-8\r\n\r\n",
        "2.HEADER": b"Subject: inner\r\nX-A: 1\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n",
        "2.HEADER.FIELDS (x-a)": b"X-A: 1\r\n\r\n", "2.HEADER.FIELDS.NOT (x-a Content-Type)": b"Subject: inner\r\n\r\n",
        "2.1": b"plain", "2.2": b"<p>", "2.2.MIME": b"Content-Type: text/html\r\n\r\n",
        "2.MIME": b"Content-Type: message/rfc822\r\n\r\n",
        "3": None, "1.1": None, "2.3": None, "1.HEADER": None, "1.TEXT": None, "2.1.1": None,
    }
    for section, content in expected.items():
        assert one(raw, 2, f"BODY.PEEK[{section}]") == {f"BODY[{section}]": content}
    inner = one(raw, 2, "BODY.PEEK[2]")["BODY[2]"]
    assert inner == expected["2.HEADER"] + one(raw, 2, "BODY.PEEK[2.TEXT]")["BODY[2.TEXT]"]


def test_partials_name_their_origin(raw):
    for start, size in [(0, 10), (5, 1), (0, 2048), (len(SIMPLE) - 2, 100), (len(SIMPLE), 1), (100000, 5)]:
        assert one(raw, 1, f"BODY.PEEK[]<{start}.{size}>") == {f"BODY[]<{start}>": SIMPLE[start:start + size]}
    text = b"a body\r\n"
    assert one(raw, 1, "BODY.PEEK[TEXT]<2.4>") == {"BODY[TEXT]<2>": text[2:6]}
    assert one(raw, 1, "BODY.PEEK[HEADER.FIELDS (Subject)]<9.5>") == {"BODY[HEADER.FIELDS (Subject)]<9>": b"hello"}


def test_reading_without_peek_sets_seen_once(raw):
    assert list(one(raw, 1, "BODY.PEEK[]")) == ["BODY[]"]
    got = one(raw, 1, "BODY[]")
    assert got["BODY[]"] == SIMPLE and b"\\Seen" in got["FLAGS"]
    assert list(one(raw, 1, "BODY[]")) == ["BODY[]"]
    assert list(one(raw, 2, "RFC822.HEADER")) == ["RFC822.HEADER"]
    assert b"\\Seen" in one(raw, 2, "RFC822.TEXT")["FLAGS"]


def test_examine_does_not_set_seen(raw):
    raw.ok('EXAMINE "INBOX"')
    assert list(one(raw, 1, "RFC822")) == ["RFC822"]
    assert raw.ok("SEARCH SEEN") == [b"* SEARCH"]


def test_uid_fetch_beyond_the_end(raw):
    """CL-09"""
    assert raw.ok("UID FETCH 3:502 (UID FLAGS)") == []
    assert raw.ok("UID FETCH 3:* (UID)") == [b"* 2 FETCH (UID 2)"]
    assert raw.bad("FETCH 3 UID")
    assert raw.bad("FETCH 1:3 UID")


def test_the_first_fetch_of_delta_chat(raw):
    items = ("(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE X-MICROSOFT-ORIGINAL-MESSAGE-ID FROM CONTENT-TYPE "
             "SECURE-JOIN CHAT-VERSION CHAT-IS-POST-MESSAGE AUTOCRYPT-SETUP-MESSAGE)])")
    untagged = raw.ok("UID FETCH 1:500 " + items)
    assert [list(fetch(line)[1])[:2] for line in untagged] == [["UID", "RFC822.SIZE"]] * 2
    label = items[items.index("BODY"):-1].replace(".PEEK", "")
    header = fetch(untagged[0])[1][label]
    assert header.startswith(b"From: sender@example.net\r\nDate: ") and header.endswith(b"\r\n\r\n")
    assert b"Subject" not in header


def test_a_message_expunged_by_another_session(coid, alice, raw):
    other = coid.raw(alice, mailbox="INBOX")
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    tagged, untagged = raw.cmd("FETCH 1:2 UID")
    assert tagged.startswith(b"NO [EXPUNGEISSUED]") and b"* 2 FETCH (UID 2)" in untagged
    assert not any(b"EXPUNGE" in line for line in untagged)
    assert raw.ok("UID FETCH 1:2 UID") == [b"* 2 FETCH (UID 2)", b"* 1 EXPUNGE", b"* 1 RECENT"]
    other.close()


def test_pipelined_fetches_are_answered_in_order(raw):
    """CL-17"""
    tags = [raw.command(f"UID FETCH {1 + i % 2} (UID BODY.PEEK[])") for i in range(60)]
    for i, tag in enumerate(tags):
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK")
        assert fetch(untagged[0])[1]["BODY[]"] == (SIMPLE, NESTED)[i % 2]


def big(size):
    lines = b"".join(b"line %d of a large message\r\n" % i for i in range(size // 27 + 1))
    return b"Subject: large\r\n\r\n" + lines[:size]


@pytest.mark.parametrize("tls", [False, True])
def test_large_messages_come_whole(coid, alice, tls):
    with coid.raw(alice, tls=tls) as raw:
        sizes = [100_000, 3_000_000, 262_144 - 18, 65_536 - 18]
        for size in sizes:
            assert raw.append("INBOX", big(size)).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        got = fetch_all(raw.ok("FETCH 1:* (UID BODY.PEEK[] RFC822.SIZE BODY.PEEK[TEXT]<10.70000>)"))
        for i, size in enumerate(sizes, 1):
            assert got[i]["BODY[]"] == big(size)
            assert got[i]["RFC822.SIZE"] == len(big(size))
            assert got[i]["BODY[TEXT]<10>"] == big(size)[28:70028]


def test_a_slow_reader_gets_everything(coid, alice):
    with coid.raw(alice) as raw:
        for _ in range(10):
            assert raw.append("INBOX", big(1_000_000)).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        tag = raw.command("FETCH 1:* BODY.PEEK[]")
        time.sleep(0.5)
        # Others are served meanwhile.
        with coid.raw(alice, mailbox="INBOX") as other:
            assert other.ok("FETCH 1 RFC822.SIZE")
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK") and len(untagged) == 10
        assert all(fetch(line)[1]["BODY[]"] == big(1_000_000) for line in untagged)


def test_readers_that_hang_up_do_no_harm(coid, alice):
    with coid.raw(alice) as raw:
        for _ in range(4):
            assert raw.append("INBOX", big(2_000_000)).startswith(b"OK")
    for pause in (0, 0.01, 0.05, 0.2):
        with coid.raw(alice, mailbox="INBOX") as raw:
            raw.command("FETCH 1:* BODY[]")
            raw.command("SEARCH BODY nowhere")
            time.sleep(pause)
    with coid.raw(alice, mailbox="INBOX") as raw:
        assert len(raw.ok("FETCH 1:* RFC822.SIZE")) == 4


def test_a_message_expunged_while_it_is_being_read(coid, alice):
    with coid.raw(alice) as raw, coid.raw(alice) as other:
        assert raw.append("INBOX", big(8_000_000)).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        other.ok('SELECT "INBOX"')
        tag = raw.command("FETCH 1 BODY.PEEK[]")
        raw.fill()
        other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        tagged, untagged = raw.until(tag)
        assert fetch(untagged[0])[1]["BODY[]"] == big(8_000_000)
        assert tagged.startswith((b"OK", b"NO [EXPUNGEISSUED]"))


def test_new_messages_are_not_fetched_before_they_are_announced(coid, alice):
    with coid.raw(alice) as raw, coid.raw(alice) as other:
        raw.ok('SELECT "INBOX"')
        stop = threading.Event()

        def append():
            while not stop.is_set():
                other.append("INBOX", SIMPLE)

        thread = threading.Thread(target=append)
        thread.start()
        try:
            exists = 0
            for _ in range(60):
                for line in raw.ok("UID FETCH 1:* (UID)"):
                    if line.endswith(b"EXISTS"):
                        exists = int(line.split()[1])
                    elif b" FETCH " in line:
                        assert fetch(line)[0] <= exists
        finally:
            stop.set()
            thread.join()


def test_nul_octets_are_never_sent(coid, alice):
    with coid.raw(alice) as raw:
        data = b"Subject: a\0b\r\n\r\nx\0y\r\n"
        assert raw.append("INBOX", data).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        got = one(raw, 1, "(BODY.PEEK[] BODY.PEEK[HEADER.FIELDS (Subject)] ENVELOPE RFC822.SIZE)")
        assert got["BODY[]"] == data.replace(b"\0", b"\x80")
        assert got["RFC822.SIZE"] == len(data)
        assert got["BODY[HEADER.FIELDS (Subject)]"] == b"Subject: a\x80b\r\n\r\n"


def test_wrong_requests_are_bad(raw):
    for text in ["FETCH", "FETCH 1", "FETCH 1 ()", "FETCH 0 UID", "FETCH 1 FLAG", "FETCH 1 (FLAGS", "FETCH 1 BODY[MIME]",
                 "FETCH 1 BODY[]<1>", "FETCH 1 BODY[0]", "FETCH a UID", "UID FETCH 1", "FETCH 1 (ALL)",
                 "FETCH 1 BODY[HEADER.FIELDS ()]"]:
        raw.bad(text)
        raw.ok("NOOP")


def message_files(coid):
    return sorted((path for path in coid.store.glob("users/**/msg/*/*") if path.is_file()), key=lambda p: p.stat().st_size)


def damage_notes(raw):
    tagged, untagged = raw.cmd('UID SEARCH SUBJECT "Damaged messages in your account"')
    assert tagged.startswith(b"OK"), tagged
    return [int(word) for line in untagged if line.startswith(b"* SEARCH") for word in line.split()[2:]]


def wait_for_note(raw, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        raw.ok("NOOP")
        uids = damage_notes(raw)
        if uids:
            return uids
        time.sleep(0.3)
    raise AssertionError("no note")


def test_a_damaged_message_is_nil_and_others_are_sent(coid, alice, raw):
    assert raw.append("INBOX", big(500_000)).startswith(b"OK")
    assert raw.append("INBOX", SIMPLE).startswith(b"OK")
    raw.ok("NOOP")
    file = message_files(coid)[-1]
    file.write_bytes(file.read_bytes()[:400_000])
    for _ in range(3):
        tagged, untagged = raw.cmd("FETCH 1:4 (UID ENVELOPE BODYSTRUCTURE BODY.PEEK[] BODY.PEEK[HEADER.FIELDS (Subject)])")
        assert tagged.startswith(b"OK"), tagged
        assert sum(line.startswith(b"* NO [CORRUPTION] 1 ") for line in untagged) == 1
        got = fetch_all([line for line in untagged if not line.startswith(b"* NO")])
        assert sorted(got) == [1, 2, 3, 4] and got[4]["BODY[]"] == SIMPLE
        # The index and the cache still know the other items of the message.
        assert got[3]["BODY[]"] is None
        assert got[3]["ENVELOPE"] and got[3]["BODYSTRUCTURE"] and got[3]["BODY[HEADER.FIELDS (Subject)]"]
    assert one(raw, 3, "(UID RFC822.SIZE)") == {"UID": 3, "RFC822.SIZE": len(big(500_000))}
    for item, answer in [("BINARY.PEEK[1]", b"BINARY[1] NIL"), ("BINARY.SIZE[1]", b"BINARY.SIZE[1] 0"),
                         ("RFC822", b"RFC822 NIL"), ("BODY.PEEK[1]<0.10>", b"BODY[1]<0> NIL")]:
        tagged, untagged = raw.cmd(f"FETCH 3 ({item})")
        assert tagged.startswith(b"OK"), tagged
        assert any(line.rstrip().endswith(answer + b")") for line in untagged), untagged
    # The keys that need its bytes do not fit, nor do their opposites; others do.
    for keys, found in [("BODY large", []), ("NOT BODY nowhere", [1, 2, 4]), ("OR BODY nowhere LARGER 400000", [3])]:
        tagged, untagged = raw.cmd("SEARCH 1:4 " + keys)
        assert tagged.startswith(b"OK"), tagged
        answer = [line for line in untagged if line.startswith(b"* SEARCH")][0]
        assert [int(word) for word in answer.split()[2:]] == found, keys
    # The owner is told once, and finds out which one it is.
    uids = wait_for_note(raw)
    assert len(uids) == 1
    note = one(raw, 5, "(UID BODY.PEEK[])")
    assert b"mailbox INBOX, UID 3, %d octets" % len(big(500_000)) in note["BODY[]"]
    raw.cmd("FETCH 3 BODY.PEEK[]")
    time.sleep(7)
    raw.ok("NOOP")
    assert damage_notes(raw) == uids
    log = coid.log_text()
    assert len([line for line in log.splitlines() if "message cannot be read" in line and "uid=3" in line]) == 1


def test_a_message_without_file_and_cache_is_still_listed(make_coid):
    coid = make_coid()
    user = coid.add_user("bob@example.org")
    with coid.raw(user) as raw:
        assert raw.append("INBOX", big(500_000)).startswith(b"OK")
        assert raw.append("INBOX", SIMPLE).startswith(b"OK")
    coid.stop()
    message_files(coid)[-1].unlink()
    database = next(coid.store.glob("users/*/*/account.db"))
    with sqlite3.connect(database) as db:
        db.execute("DELETE FROM cache")
    db.close()
    coid.start()
    with coid.raw(user) as raw:
        raw.ok('SELECT "INBOX"')
        tagged, untagged = raw.cmd("FETCH 1:2 (UID ENVELOPE PREVIEW)")
        assert tagged.startswith(b"OK"), tagged
        assert b"* 1 FETCH (UID 1 PREVIEW NIL)" in untagged
        tagged, untagged = raw.cmd("FETCH 1:2 ENVELOPE")
        assert tagged.startswith(b"OK"), tagged
        # The first message can't be read, so it has no FETCH response.
        assert not any(line.startswith(b"* 1 FETCH") for line in untagged)
        assert any(line.startswith(b"* 2 FETCH (ENVELOPE (") for line in untagged)
        tagged, untagged = raw.cmd("SORT (SUBJECT) UTF-8 ALL")
        assert tagged.startswith(b"OK") and b"* SORT 1 2" in untagged, untagged
        for algorithm in ("REFERENCES", "ORDEREDSUBJECT"):
            tagged, untagged = raw.cmd(f"THREAD {algorithm} UTF-8 ALL")
            assert tagged.startswith(b"OK"), tagged
            assert any(b"(1)" in line and b"(2)" in line for line in untagged), untagged
        raw.ok("COPY 1:2 Archive")
        raw.ok("STORE 1:2 +FLAGS (\\Flagged)")


def flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x40
    path.write_bytes(data)


@pytest.mark.parametrize("verify", ["no", "yes"])
def test_a_flipped_bit_in_a_file_is_noticed_if_that_is_asked_for(make_coid, verify):
    coid = make_coid(settings={"store.verify_reads": verify})
    user = coid.add_user("bob@example.org")
    with coid.raw(user) as raw:
        assert raw.append("INBOX", big(500_000)).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        flip(message_files(coid)[-1], 300_000)
        tagged, untagged = raw.cmd("FETCH 1 (UID BODY.PEEK[]<0.100>)")
        assert tagged.startswith(b"OK"), tagged
        assert any(b"NIL" in line for line in untagged) == (verify == "yes")
    # The check sees it anyway, and the repair gives the message a new UID: these are not the bytes that the old one had.
    done = coid.ctl("check", "bob@example.org", check=False)
    assert done.returncode != 0 and "do not have their checksum" in done.stdout, done.stdout
    coid.ctl("check", "bob@example.org", "--repair")
    coid.ctl("check", "bob@example.org")
    with coid.raw(user) as raw:
        raw.ok('SELECT "INBOX"')
        got = one(raw, 1, "(UID BODY.PEEK[])")
        assert got["UID"] == 2 and len(got["BODY[]"]) == len(big(500_000))


def test_a_literal_that_cannot_be_completed_ends_the_connection(make_coid):
    coid = make_coid(env={"COID_IO_FAIL": "read:/msg/:EIO:8"})
    user = coid.add_user("bob@example.org")
    with coid.raw(user) as raw:
        assert raw.append("INBOX", big(3_000_000)).startswith(b"OK")
        raw.ok('SELECT "INBOX"')
        raw.command("FETCH 1 BODY.PEEK[]")
        assert raw.line() == b"* 1 FETCH (BODY[] {%d}\r\n" % len(big(3_000_000))
        with pytest.raises((imapraw.Closed, ConnectionResetError)):
            raw.take(len(big(3_000_000)))
        assert big(3_000_000).startswith(raw.buffer)
    with coid.raw(user, mailbox="INBOX") as raw:
        assert one(raw, 1, "BODY.PEEK[]")["BODY[]"] == big(3_000_000)
