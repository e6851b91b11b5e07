"""A disk that turns read-only, or fails: what can be read is read; it is written again when it can be."""

import re
import time

import pytest

from checks import wait_clean
from coid import message
from disk import Disk

ALICE = "alice@example.org"
BOB = "bob@example.org"
CAROL = "carol@example.org"
BIG = message("big", ("y" * 70 + "\r\n") * 1000)


@pytest.fixture
def disk():
    disk = Disk("ext4", 64)
    yield disk
    disk.close()


def served(disk, make_coid, **kwargs):
    coid = make_coid(settings={"server.root": str(disk.path), **kwargs.pop("settings", {})}, **kwargs)
    for user in (ALICE, BOB, CAROL):
        coid.add_user(user)
        coid.deliver(user, message("small"))
        coid.deliver(user, BIG)
    return coid


def reads(coid, user):
    """All that needs no write, in a new session, which is returned."""
    raw = coid.raw(user)
    assert any(b"INBOX" in line for line in raw.ok('LIST "" "*"'))
    assert any(b"MESSAGES 2" in line for line in raw.ok("STATUS INBOX (MESSAGES UIDNEXT)"))
    assert b"* 2 EXISTS" in raw.ok("EXAMINE INBOX")
    assert b"* 2 EXISTS" in raw.ok("SELECT INBOX")
    assert b"y" * 70 in b"".join(raw.ok("FETCH 1:2 (FLAGS ENVELOPE BODYSTRUCTURE BODY[])"))
    assert any(b"SEARCH 2" in line for line in raw.ok("SEARCH SUBJECT big"))
    return raw


def refuses(coid, raw, user):
    assert raw.append("INBOX", message("more"), nonsync=False).startswith(b"NO [UNAVAILABLE]")
    raw.no("CREATE more")
    raw.no("STORE 1 +FLAGS (\\Flagged)")
    code, text = coid.deliver([user], message("more"))[user]
    assert code in (451, 452), (code, text)


@pytest.mark.timeout(120)
def test_what_is_on_a_disk_that_turns_read_only_is_read(disk, make_coid):
    coid = served(disk, make_coid)
    coid.restart()
    alice = coid.raw(ALICE, mailbox="INBOX")
    alice.ok("STORE 1 +FLAGS (\\Answered)")
    disk.turn_read_only()
    # A session that was there, one of the same account, and an account that was not open.
    alice.no("STORE 1 +FLAGS (\\Flagged)")
    assert b"Answered" in b"".join(alice.ok("FETCH 1 FLAGS"))
    for user in (ALICE, BOB, CAROL):
        refuses(coid, reads(coid, user), user)
        # The refused commands have shut out nobody.
        reads(coid, user)
    time.sleep(2.5)
    assert b"Answered" in b"".join(alice.ok("FETCH 1 FLAGS"))
    assert b"y" * 70 in b"".join(reads(coid, BOB).ok("FETCH 2 BODY.PEEK[]"))
    coid.stop(check=False)
    disk.mount_again()
    coid.start()
    for user in (ALICE, BOB, CAROL):
        raw = reads(coid, user)
        raw.ok("STORE 1 +FLAGS (\\Flagged)")
        coid.deliver(user, message("more"))
        wait_clean(coid, user)


@pytest.mark.timeout(120)
def test_a_server_starts_on_a_disk_that_is_read_only_and_is_read(disk, make_coid):
    coid = served(disk, make_coid)
    coid.kill()
    disk.turn_read_only()
    coid.start()
    for user in (ALICE, BOB, CAROL):
        refuses(coid, reads(coid, user), user)
        reads(coid, user)
    coid.stop(check=False)
    disk.mount_again()
    coid.start()
    for user in (ALICE, BOB, CAROL):
        reads(coid, user)
        coid.deliver(user, message("more"))
        wait_clean(coid, user)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("op", ["write", "sync"])
@pytest.mark.parametrize("error", ["EIO", "EROFS"])
def test_when_a_disk_works_again_it_is_written_again_without_a_restart(make_coid, tmp_path, op, error):
    """A login that is to be noted, \\Recent, \\Seen: none of them keeps anybody out, of server.db or of an account."""
    coid = make_coid()
    for user in (ALICE, BOB):
        coid.add_user(user)
        coid.deliver(user, message("small"))
        coid.deliver(user, BIG)
    coid.stop()
    gate = tmp_path / "fails"
    coid.env = {"COID_IO_FAIL": f"{op}:{coid.store}:{error}:1+", "COID_IO_FAIL_WHILE": str(gate)}
    coid.start()
    alice = coid.raw(ALICE, mailbox="INBOX")
    gate.touch()
    for _ in range(2):
        for user in (ALICE, BOB):
            raw = reads(coid, user)
            raw.no("CREATE more")
            code, text = coid.deliver([user], message("more"))[user]
            assert code == 451, (code, text)
            reads(coid, user)
        time.sleep(1.5)
    # Nobody was told to go.
    alice.ok("NOOP")
    assert b"y" * 70 in b"".join(alice.ok("FETCH 2 BODY.PEEK[]"))
    gate.unlink()
    end = time.monotonic() + 40
    while coid.deliver([ALICE], message("more"))[ALICE][0] != 250 or coid.deliver([BOB], message("more"))[BOB][0] != 250:
        assert time.monotonic() < end, "not written again"
        time.sleep(0.2)
    alice.ok("NOOP")
    alice.ok("STORE 1 +FLAGS (\\Flagged)")
    coid.add_user(CAROL)
    coid.restart()
    status = b"".join(coid.raw(ALICE).ok("STATUS INBOX (MESSAGES)"))
    assert int(re.search(rb"MESSAGES (\d+)", status)[1]) >= 3
    for user in (ALICE, BOB):
        wait_clean(coid, user)
