"""A disk that fills under the server: what is there is read and can be removed, mail is refused in time, and when there is room
again everything goes on, without a restart."""

import contextlib
import re
import time

import pytest

from checks import wait_clean
from coid import message
from disk import MIB, Disk

ALICE = "alice@example.org"
BOB = "bob@example.org"
CAROL = "carol@example.org"
SIZE = 48 * MIB


def big(subject, kib=500):
    return message(subject, ("y" * 70 + "\r\n") * (kib * 1024 // 72))


@pytest.fixture
def disk():
    disk = Disk("tmpfs", SIZE // MIB)
    yield disk
    disk.close()


def served(make_coid, disk, settings=None):
    coid = make_coid(settings={"server.root": str(disk.path), **(settings or {})})
    for user in (ALICE, BOB, CAROL):
        coid.add_user(user)
        coid.deliver(user, message("small"))
        for i in range(4):
            coid.deliver(user, big(f"big {i}"))
    return coid


def reads(coid, user):
    """All that needs no room, in a new session, which is returned. SELECT says how many are there."""
    raw = coid.raw(user)
    assert any(b"INBOX" in line for line in raw.ok('LIST "" "*"'))
    raw.ok("STATUS INBOX (MESSAGES UIDNEXT)")
    examined = raw.ok("EXAMINE INBOX")
    selected = raw.ok("SELECT INBOX")
    count = int(re.search(rb"\* (\d+) EXISTS", b"\r\n".join(selected))[1])
    assert b"* %d EXISTS" % count in examined
    assert b"y" * 70 in b"".join(raw.ok("FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY[])"))
    return raw, count


def refused(coid, user, raw):
    """Mail is, and the connections stay usable."""
    for letter in (message("more"), big("more")):
        answer = raw.append("INBOX", letter, nonsync=False)
        assert answer.startswith((b"NO [UNAVAILABLE]", b"NO [OVERQUOTA]")), answer
        with coid.lmtp() as relay:
            for _ in range(2):
                code, text = relay.deliver([user], letter)[user]
                assert (code, text[:5]) == (452, "4.3.1"), (code, text)
    raw.ok("NOOP")


def remove(raw, number):
    raw.ok(f"STORE {number} +FLAGS (\\Deleted)")
    assert any(b"EXPUNGE" in line for line in raw.ok("EXPUNGE"))


def wait_delivery(coid, user, subject, seconds=60):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AssertionError):
            coid.deliver(user, message(subject))
            return
        assert time.monotonic() < end, f"mail is not taken again:\n{coid.log_text()[-3000:]}"
        time.sleep(0.2)


@pytest.mark.timeout(180)
def test_mail_is_refused_while_there_is_still_some_room(disk, make_coid):
    coid = served(make_coid, disk)
    disk.fill(leave=2 * MIB)
    coid.wait_log("little room is left")
    for user in (ALICE, BOB, CAROL):
        raw, count = reads(coid, user)
        assert count == 5
        refused(coid, user, raw)
        # Clients that delete by copying to a folder can do so.
        raw.ok("COPY 2 Trash")
        raw.ok("MOVE 3 Archive")
        remove(raw, 2)
    assert disk.free() >= MIB, "more was used than a few rows need"
    disk.make_room()
    coid.wait_log("there is room again")
    for user in (ALICE, BOB, CAROL):
        coid.deliver(user, big("more"))
        wait_clean(coid, user)


@pytest.mark.timeout(240)
def test_on_a_full_disk_all_is_read_and_what_is_removed_makes_room(disk, make_coid):
    coid = served(make_coid, disk)
    coid.restart()
    alice = coid.raw(ALICE, mailbox="INBOX")
    assert (disk.path / "reserve").stat().st_blocks * 512 >= MIB
    disk.fill()
    assert disk.free() < 4096
    coid.wait_log("little room is left")
    # One that was open, and others that were not.
    for user in (ALICE, BOB, CAROL):
        raw, count = reads(coid, user)
        assert count == 5
        refused(coid, user, raw)
    alice.ok("NOOP")
    for user in (ALICE, BOB, CAROL):
        raw, count = reads(coid, user)
        for _ in range(4):
            remove(raw, count)
            count -= 1
        assert b"small" in b"".join(raw.ok("FETCH 1 BODY.PEEK[]"))
    # Removed messages are gone from the disk as well, which leaves room for new mail.
    wait_delivery(coid, BOB, "again")
    assert disk.free() > 3 * MIB
    for user in (ALICE, BOB, CAROL):
        coid.deliver(user, big("more"))
    # The reserve is made again when there is enough.
    disk.make_room()
    end = time.monotonic() + 20
    while (disk.path / "reserve").stat().st_blocks * 512 < MIB:
        assert time.monotonic() < end
        time.sleep(0.2)
    coid.restart()
    for user in (ALICE, BOB, CAROL):
        wait_clean(coid, user)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("orderly", [True, False], ids=["stopped", "killed"])
def test_a_server_starts_on_a_full_disk(disk, make_coid, orderly):
    coid = served(make_coid, disk)
    # Frames that no checkpoint has taken up.
    raw = coid.raw(ALICE, mailbox="INBOX")
    raw.ok("STORE 1:* +FLAGS (\\Flagged)")
    if orderly:
        coid.stop()
    else:
        coid.kill()
    disk.fill()
    coid.start()
    for user in (ALICE, BOB, CAROL):
        raw, count = reads(coid, user)
        assert count == 5
        refused(coid, user, raw)
        for _ in range(4):
            remove(raw, count)
            count -= 1
    wait_delivery(coid, BOB, "again")
    disk.make_room()
    for user in (ALICE, BOB, CAROL):
        wait_delivery(coid, user, "more")
        wait_clean(coid, user)


@pytest.mark.timeout(240)
def test_what_is_refused_for_want_of_room_leaves_nothing_behind(disk, make_coid):
    """Without any room kept back: each message is tried to the end."""
    coid = served(make_coid, disk, {"store.free_min": "0", "store.reserve": "0", "store.inline_max": "4K"})
    taken = dict.fromkeys((ALICE, BOB, CAROL), 5)
    disk.fill(leave=3 * MIB)
    refusals = 0
    for i in range(60):
        for user in taken:
            letter = big(f"{i}", 200) if i % 2 else message(f"{i}", "z" * 2000 + "\r\n")
            code, text = coid.deliver([user], letter)[user]
            taken[user] += code == 250
            refusals += code != 250
            assert code in (250, 451, 452), (code, text)
    assert refusals > 30
    for user, count in taken.items():
        raw = coid.raw(user)
        assert b"* %d EXISTS" % count in raw.ok("EXAMINE INBOX")
        assert b"y" * 70 in b"".join(raw.ok("FETCH 2 BODY.PEEK[]"))
    end = time.monotonic() + 20
    while list((disk.path / "spool").iterdir()):
        assert time.monotonic() < end, "spool files are left"
        time.sleep(0.1)
    for wal in disk.path.glob("users/*/*/account.db-wal"):
        assert wal.stat().st_size <= 4 * MIB, f"{wal} {wal.stat().st_size}"
    disk.make_room()
    for user in taken:
        wait_delivery(coid, user, "more")
        wait_clean(coid, user)
    files = len(list(disk.path.glob("users/*/*/msg/*/*")))
    coid.restart()
    for user, count in taken.items():
        assert b"* %d EXISTS" % (count + 1) in coid.raw(user).ok("EXAMINE INBOX")
        wait_clean(coid, user)
    assert files <= sum(taken.values()) + 3
