"""Changes of many messages: cut where that is allowed, told as one, and no burden on others. What one account sends at a time has
a limit, and a message's file is never a link to another."""

import os
import re
import threading
import time

import pytest

from coid import message

ALICE = "alice@example.org"
BOB = "bob@example.org"
# More than two slices of WRITE_SLICE.
MANY = 5000


def grow(raw, mailbox, count):
    """`count` messages in a mailbox; that is selected afterwards."""
    raw.ok(f"SELECT {mailbox}")
    letter = message("one of many")
    have = 0
    while have < min(count, 16):
        assert raw.append(mailbox, letter).startswith(b"OK")
        have += 1
    raw.ok("NOOP")
    while have < count:
        more = min(have, count - have)
        raw.ok(f"COPY 1:{more} {mailbox}")
        raw.ok("NOOP")
        have += more
    return have


def exists(raw, mailbox):
    status = b"".join(raw.ok(f"STATUS {mailbox} (MESSAGES)"))
    return int(re.search(rb"MESSAGES (\d+)", status)[1])


@pytest.fixture
def many(coid):
    coid.add_user(ALICE)
    raw = coid.raw(ALICE)
    raw.sock.settimeout(120)
    grow(raw, "INBOX", MANY)
    return raw


@pytest.mark.timeout(240)
def test_flags_of_many_are_stored_and_told(many, coid):
    other = coid.raw(ALICE, mailbox="INBOX")
    lines = many.ok("STORE 1:* +FLAGS (\\Flagged)")
    told = [line for line in lines if re.match(rb"\* \d+ FETCH \(FLAGS \([^)]*\\Flagged", line)]
    assert len(told) == MANY
    assert not [line for line in many.ok("STORE 1:* +FLAGS.SILENT (\\Answered)") if b"FETCH" in line]
    assert not [line for line in many.ok("NOOP") if b"FETCH" in line]
    assert len([line for line in other.ok("NOOP") if b"Answered" in line]) == MANY
    assert len(b"".join(many.ok("UID SEARCH FLAGGED ANSWERED")).split()) >= MANY


@pytest.mark.timeout(240)
def test_a_conditional_store_of_many_leaves_out_what_has_changed(many, coid):
    many.ok("ENABLE CONDSTORE")
    lines = b"\r\n".join(many.ok("STATUS INBOX (HIGHESTMODSEQ)"))
    modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", lines)[1])
    other = coid.raw(ALICE, mailbox="INBOX")
    changed = [7, 2100, 4999]
    for number in changed:
        other.ok(f"STORE {number} +FLAGS.SILENT (\\Draft)")
    tagged, lines = many.cmd(f"STORE 1:* (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Flagged)")
    assert tagged.startswith(b"OK [MODIFIED 7,2100,4999]"), tagged
    assert len([line for line in lines if re.match(rb"\* \d+ FETCH \(.*MODSEQ", line)]) >= MANY - len(changed)
    found = b"".join(many.ok("SEARCH UNFLAGGED"))
    assert found.split()[2:5] == [b"7", b"2100", b"4999"], found


@pytest.mark.timeout(240)
def test_many_are_moved_with_one_copyuid_and_removed(many, coid):
    other = coid.raw(ALICE, mailbox="INBOX")
    lines = many.ok("MOVE 1:* Archive")
    codes = [line for line in lines if b"COPYUID" in line]
    assert len(codes) == 1 and re.search(rb"COPYUID \d+ \S+ 1:%d\]" % MANY, codes[0]), codes
    expunged = [i for i, line in enumerate(lines) if b"EXPUNGE" in line]
    assert len(expunged) == MANY and expunged[0] > lines.index(codes[0])
    assert len([line for line in other.ok("NOOP") if b"EXPUNGE" in line]) == MANY
    assert exists(many, "INBOX") == 0 and exists(many, "Archive") == MANY

    many.ok("SELECT Archive")
    many.ok(f"STORE 1:{MANY // 2} +FLAGS.SILENT (\\Deleted)")
    lines = many.ok("EXPUNGE")
    assert len([line for line in lines if b"EXPUNGE" in line]) == MANY // 2
    many.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    assert not [line for line in many.ok("CLOSE") if b"EXPUNGE" in line]
    assert exists(many, "Archive") == 0
    assert "problems: 0" in coid.ctl("check", ALICE)


@pytest.mark.timeout(300)
def test_large_writes_of_some_hold_up_nobody_else(make_coid):
    coid = make_coid(settings={"server.workers": 3})
    users = [f"user{i}@example.org" for i in range(3)]
    for user in (*users, BOB):
        coid.add_user(user)
    raws = [coid.raw(user) for user in users]
    for raw in raws:
        raw.sock.settimeout(240)
        grow(raw, "INBOX", 8000)
    bob = coid.raw(BOB, mailbox="INBOX")
    assert bob.append("INBOX", message("his")).startswith(b"OK")
    took = []

    def work(raw):
        begin = time.monotonic()
        raw.ok("COPY 1:* Archive")
        raw.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        raw.ok("EXPUNGE")
        took.append(time.monotonic() - begin)

    threads = [threading.Thread(target=work, args=(raw,)) for raw in raws]
    for thread in threads:
        thread.start()
    waits = []
    while any(thread.is_alive() for thread in threads):
        begin = time.monotonic()
        bob.ok("STORE 1 +FLAGS (\\Seen)")
        bob.ok("STORE 1 -FLAGS (\\Seen)")
        waits.append(time.monotonic() - begin)
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert len(took) == len(raws)
    waits.sort()
    # While all of it went on: his commands took none of its time.
    assert waits[len(waits) * 9 // 10] < max(took) / 8, (waits[-10:], took)


@pytest.mark.timeout(120)
def test_what_one_account_sends_at_a_time_has_a_limit(make_coid):
    coid = make_coid(settings={"store.spool_account_max": "8M", "store.message_max": "3M"})
    for user in (ALICE, BOB):
        coid.add_user(user)
    size = 2_500_000
    body = message("big", ("y" * 70 + "\r\n") * (size // 72))
    sessions = [coid.raw(ALICE) for _ in range(8)]
    let_in = []
    for raw in sessions:
        raw.send(b"a APPEND INBOX {%d}\r\n" % len(body))
        line = raw.line()
        if line.startswith(b"+"):
            raw.send(body[:-10])
            let_in.append(raw)
        else:
            assert line.startswith(b"a NO [LIMIT]"), line
        # Those that have been let in: their bytes count when they have come.
        time.sleep(0.3)
    assert len(let_in) == 3
    # Others are not concerned, nor is mail that comes in.
    assert coid.raw(BOB).append("INBOX", body).startswith(b"OK")
    coid.deliver(ALICE, body)
    # A literal that does not wait for "+" is read to its end, and the connection stays usable.
    refused = next(raw for raw in sessions if raw not in let_in)
    assert refused.append("INBOX", body, nonsync=True).startswith(b"NO [LIMIT]")
    refused.ok("NOOP")
    for raw in let_in:
        raw.send(body[-10:] + b"\r\n")
        assert raw.line().startswith(b"a OK")
    assert refused.append("INBOX", body).startswith(b"OK")


@pytest.mark.timeout(60)
def test_a_link_in_place_of_a_message_is_damage(make_coid):
    coid = make_coid(settings={"store.inline_max": "1K"})
    coid.add_user(ALICE)
    letters = [message(f"letter {i}", ("y" * 70 + "\r\n") * 100) for i in range(2)]
    for letter in letters:
        coid.deliver(ALICE, letter)
    files = sorted(coid.store.glob("users/*/*/msg/*/*"))
    assert len(files) == 2
    secret = coid.folder / "secret"
    secret.write_bytes(b"s" * files[0].stat().st_size)
    raw = coid.raw(ALICE, mailbox="INBOX")
    victim = 1 if b"letter 0" in files[0].read_bytes() else 2
    for make in (lambda path: os.symlink(secret, path), os.mkfifo):
        os.unlink(files[0])
        make(files[0])
        tagged, lines = raw.cmd(f"FETCH {victim} BODY.PEEK[]")
        assert b"ssss" not in b"".join(lines)
        assert tagged.startswith((b"OK", b"NO")), tagged
        assert b"letter" in b"".join(raw.ok(f"FETCH {3 - victim} BODY.PEEK[]"))
