"""Damaged, missing and replaced files of an account: nothing that was acknowledged is thrown away, nothing is done without a word."""

import contextlib
import shutil
import sqlite3
import threading
import time

import pytest

from coid import message
from imapraw import Closed

MESSAGES = 20
FRAME = 24 + 4096
SIZE = 26 * 1024


def big(number):
    return message(f"message {number}", ("%04d " % number + "x" * 70 + "\r\n") * (SIZE // 77))


def home(coid):
    return next(coid.store.glob("users/*/*"))


def files(coid):
    return sorted(path.name for path in home(coid).glob("msg/*/*"))


def lost(coid):
    return sorted(path.name for path in home(coid).glob("lost/*"))


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def status(raw, mailbox="INBOX", items="MESSAGES UIDNEXT UIDVALIDITY"):
    words = raw.ok(f'STATUS "{mailbox}" ({items})')[0].split(b"(")[1].rstrip(b")").split()
    return dict(zip(words[::2], map(int, words[1::2])))


def answer(coid, user, data):
    return coid.deliver([user], data)[user][0]


def wait_for(what, seconds=15):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def subjects(raw, mailbox):
    raw.ok(f'SELECT "{mailbox}"')
    lines = raw.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
    return sorted(part.split(b"\r\n")[0] for line in lines for part in line.split(b"Subject: ")[1:])


def deliver_and_kill(coid, alice):
    """Returns the UIDVALIDITY that clients know."""
    for number in range(MESSAGES):
        coid.deliver(alice, big(number))
    with coid.raw(alice) as raw:
        before = status(raw)
    assert before[b"MESSAGES"] == MESSAGES
    coid.kill()
    assert len(files(coid)) == MESSAGES
    return before[b"UIDVALIDITY"]


def mends(coid, alice, validity):
    """The account is damaged, everybody is told, nothing goes; a repair brings back all of it."""
    with coid.raw(alice) as raw:
        assert b"[CORRUPTION]" in raw.no('STATUS "INBOX" (MESSAGES)')
        assert b"[CORRUPTION]" in raw.no('SELECT "INBOX"')
    assert answer(coid, alice, message("new")) == 451
    time.sleep(3)
    assert len(files(coid)) == MESSAGES
    check = coid.ctl("check", alice, check=False)
    assert check.returncode != 0 and "acknowledged" in check.stdout
    coid.ctl("check", alice, "--repair")
    with coid.raw(alice) as raw:
        # The clock runs on; a client that knows old UIDs has to drop them.
        assert status(raw)[b"UIDVALIDITY"] != validity
        found = []
        for line in raw.ok('LIST "" "*"'):
            name = line.rsplit(b" ", 1)[1].strip(b'"').decode()
            if status(raw, name)[b"MESSAGES"]:
                found += subjects(raw, name)
        assert sorted(found) == sorted(b"message %d" % number for number in range(MESSAGES))
    assert answer(coid, alice, message("new")) == 250
    coid.ctl("check", alice)


def test_a_bit_of_the_wal_changes(coid, alice):
    validity = deliver_and_kill(coid, alice)
    flip(home(coid) / "account.db-wal", 3 * FRAME + 100)
    time.sleep(1.1)
    coid.start()
    mends(coid, alice, validity)


def test_the_wal_is_removed(coid, alice):
    validity = deliver_and_kill(coid, alice)
    (home(coid) / "account.db-wal").unlink()
    time.sleep(1.1)
    coid.start()
    mends(coid, alice, validity)


def test_the_wal_is_emptied(coid, alice):
    validity = deliver_and_kill(coid, alice)
    (home(coid) / "account.db-wal").write_bytes(b"")
    time.sleep(1.1)
    coid.start()
    mends(coid, alice, validity)


def test_a_quiet_account_has_an_empty_wal(coid, alice):
    coid.deliver(alice, message())
    wal = home(coid) / "account.db-wal"
    assert wal.stat().st_size > 0
    wait_for(lambda: wal.stat().st_size == 0)
    # And so it can be lost.
    coid.kill()
    wal.unlink()
    coid.start()
    with coid.raw(alice) as raw:
        assert status(raw)[b"MESSAGES"] == 1


def test_an_orderly_stop_empties_the_wal(coid, alice):
    for number in range(MESSAGES):
        coid.deliver(alice, big(number))
    coid.stop()
    assert (home(coid) / "account.db-wal").stat().st_size == 0
    with contextlib.closing(sqlite3.connect(home(coid) / "account.db")) as db:
        assert db.execute("SELECT count(*) FROM msg").fetchone() == (MESSAGES,)
    coid.start()
    with coid.raw(alice) as raw:
        assert status(raw)[b"MESSAGES"] == MESSAGES


def test_an_older_database_is_not_taken_for_the_newest(coid, alice):
    coid.deliver(alice, big(0))
    coid.stop()
    shutil.copy(home(coid) / "account.db", coid.folder / "old.db")
    coid.start()
    for number in range(1, MESSAGES):
        coid.deliver(alice, big(number))
    with coid.raw(alice) as raw:
        validity = status(raw)[b"UIDVALIDITY"]
    coid.stop()
    shutil.copy(coid.folder / "old.db", home(coid) / "account.db")
    coid.start()
    mends(coid, alice, validity)


def test_a_crash_leaves_nothing_to_recover(coid, alice):
    """Large messages whose delivery a kill has cut short, again and again; the sender sends them again."""
    answered = set()
    for turn in range(4):
        stop = threading.Event()

        def send(turn=turn, stop=stop):
            number = 0
            while not stop.is_set():
                number += 1
                name = f"{turn}-{number}"
                try:
                    with coid.lmtp() as lmtp:
                        text = message(name, "y" * 70 + "\r\n") + b"z" * 70 * 1000 + b"\r\n"
                        if lmtp.deliver([alice], text)[alice][0] == 250:
                            answered.add(name.encode())
                except (OSError, EOFError, ConnectionError, ValueError, LookupError, AssertionError):
                    return

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(0.7 + 0.13 * turn)
        coid.kill()
        stop.set()
        sender.join()
        coid.start()
    with coid.raw(alice) as raw:
        there = subjects(raw, "INBOX")
    assert answered <= set(there)
    wait_for(lambda: "problems: 0" in coid.ctl("check", alice, check=False).stdout)
    assert lost(coid) == []
    assert len(files(coid)) == len(there)


def test_files_removed_under_the_server(coid, alice):
    for number in range(3):
        coid.deliver(alice, big(number))
    with coid.raw(alice, mailbox="INBOX") as raw:
        validity = status(raw)[b"UIDVALIDITY"]
        (home(coid) / "account.db").unlink()
        (home(coid) / "account.db-wal").unlink()
        # No 250 into nothing, from the very first message on.
        assert answer(coid, alice, message("new")) == 451
        with pytest.raises(Closed):
            for _ in range(50):
                raw.ok("NOOP")
                time.sleep(0.1)
    assert answer(coid, alice, message("new")) == 451
    assert len(files(coid)) == 3
    coid.ctl("check", alice, "--repair")
    with coid.raw(alice) as raw:
        assert subjects(raw, "Recovered") == [b"message 0", b"message 1", b"message 2"]
        assert status(raw)[b"UIDVALIDITY"] != validity
    assert answer(coid, alice, message("new")) == 250


def test_a_folder_restored_under_the_server(coid, alice):
    coid.deliver(alice, big(0))
    wal = home(coid) / "account.db-wal"
    wait_for(lambda: wal.stat().st_size == 0)
    backup = coid.folder / "backup"
    shutil.copytree(home(coid), backup)
    coid.deliver(alice, big(1))
    folder = home(coid)
    with coid.raw(alice, mailbox="INBOX") as raw:
        before = status(raw)
        assert before[b"MESSAGES"] == 2
        folder.rename(coid.folder / "aside")
        shutil.copytree(backup, folder)
        # Sessions are told without having asked, within a second or so.
        with pytest.raises(Closed):
            for _ in range(100):
                raw.response()
    with coid.raw(alice) as raw:
        after = status(raw)
        assert after[b"MESSAGES"] == 1
        # UID 2 was given to a message that is not there any more.
        assert after[b"UIDVALIDITY"] > before[b"UIDVALIDITY"]
    coid.deliver(alice, big(2))
    coid.kill()
    coid.start()
    with coid.raw(alice) as raw:
        assert subjects(raw, "INBOX") == [b"message 0", b"message 2"]
    coid.ctl("check", alice)
