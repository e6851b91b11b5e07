"""coidctl account lock: one account is restored from a backup under a running server, and nobody writes into it meanwhile."""

import imaplib
import os
import re
import shutil
import time

import pytest

from coid import message
from imapraw import Closed

BIG = ("x" * 70 + "\r\n") * 1000


def home(coid, user="alice@example.org"):
    listed = re.search(rf"^{re.escape(user)} id=(\d+)", coid.ctl("user", "list", "--details"), re.M)
    return next(coid.store.glob(f"users/*/{listed[1]}"))


def status(raw, mailbox="INBOX"):
    words = raw.ok(f'STATUS "{mailbox}" (MESSAGES UIDNEXT UIDVALIDITY)')[0].split(b"(")[1].rstrip(b")").split()
    return dict(zip(words[::2], map(int, words[1::2])))


def answer(coid, user, data):
    return coid.deliver([user], data)[user][0]


def subjects(raw):
    raw.ok("SELECT INBOX")
    lines = raw.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
    return [part.split(b"\r\n")[0].decode() for line in lines for part in line.split(b"Subject: ")[1:]]


def lock(coid, user):
    said = dict(re.findall(r"^(\S+): (.*)$", coid.ctl("account", "lock", user), re.M))
    assert said[user] == "locked" and said["wal-empty"] == "yes"
    return said["folder"]


def snapshot(folder):
    """Everything a stray write would change."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))}


def is_out_of_service(coid, user):
    with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
        coid.login(user)
    assert answer(coid, user, message("deferred")) == 451
    check = coid.ctl("check", user, "--repair", check=False)
    assert check.returncode == 1 and "out of service" in check.stderr


def test_an_account_is_restored_while_it_is_locked(coid, alice):
    coid.add_user("bob@example.org")
    coid.deliver(alice, message("first", BIG))
    folder = home(coid)
    assert os.path.samefile(lock(coid, alice), folder)
    backup = coid.folder / "backup"
    shutil.copytree(folder, backup)
    coid.ctl("account", "unlock", alice)
    assert answer(coid, alice, message("second", BIG)) == 250
    idle = coid.raw(alice)
    with coid.raw(alice, mailbox="INBOX") as raw:
        before = status(raw)
        assert before[b"MESSAGES"] == 2
        lock(coid, alice)
        # Sessions are told without having asked.
        with pytest.raises(Closed):
            for _ in range(100):
                raw.response()
    with pytest.raises(Closed):
        idle.ok("NOOP")
    is_out_of_service(coid, alice)
    assert re.search(rf"^{alice} id=.* locked$", coid.ctl("user", "list", "--details"), re.M)
    assert not re.search(r"^bob\S+ .*locked$", coid.ctl("user", "list", "--details"), re.M)
    assert "accounts-locked: 1\n" in coid.ctl("status")
    # Nobody looks after it, and the others do not notice.
    there = snapshot(folder)
    time.sleep(3)
    assert snapshot(folder) == there
    assert answer(coid, "bob@example.org", message()) == 250
    shutil.rmtree(folder)
    assert answer(coid, alice, message("deferred")) == 451
    assert not folder.exists()
    shutil.copytree(backup, folder)
    assert coid.ctl("account", "unlock", alice) == f"{alice}: unlocked\n"
    assert "accounts-locked: 0\n" in coid.ctl("status")
    with coid.raw(alice) as raw:
        assert subjects(raw) == ["first"]
        # UID 2 was given to a message that is not there any more.
        assert status(raw)[b"UIDVALIDITY"] > before[b"UIDVALIDITY"]
    assert answer(coid, alice, message("deferred")) == 250
    coid.restart()
    with coid.raw(alice) as raw:
        assert subjects(raw) == ["first", "deferred"]
    coid.ctl("check", alice)
    idle.close()


def test_unlocked_as_it_was_it_is_what_it_was(coid, alice):
    coid.deliver(alice, message("first"))
    with coid.raw(alice) as raw:
        before = status(raw)
    for _ in range(2):
        lock(coid, alice)
        assert lock(coid, alice)
        coid.ctl("account", "unlock", alice)
    assert "is not locked" in coid.ctl("account", "unlock", alice, check=False).stderr
    with coid.raw(alice) as raw:
        assert status(raw) == before
    coid.ctl("check", alice)


def test_a_damaged_account_is_restored(coid, alice):
    coid.deliver(alice, message("first", BIG))
    folder = home(coid)
    lock(coid, alice)
    backup = coid.folder / "backup"
    shutil.copytree(folder, backup)
    (folder / "account.db").write_bytes(os.urandom(40960))
    failed = coid.ctl("account", "unlock", alice, check=False)
    assert failed.returncode == 1 and "unlocked" in failed.stdout and "damaged" in failed.stderr
    assert answer(coid, alice, message("deferred")) == 451
    coid.ctl("account", "lock", alice)
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    coid.ctl("account", "unlock", alice)
    with coid.raw(alice) as raw:
        assert subjects(raw) == ["first"]


def test_a_lock_ends_with_the_server(coid, alice):
    coid.deliver(alice, message("first"))
    lock(coid, alice)
    coid.restart()
    assert answer(coid, alice, message("second")) == 250
    with coid.raw(alice) as raw:
        assert subjects(raw) == ["first", "second"]


def test_a_locked_account_can_be_removed(coid, alice):
    coid.deliver(alice, message("first"))
    folder = home(coid)
    lock(coid, alice)
    coid.ctl("user", "del", alice)
    end = time.monotonic() + 15
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "accounts-locked: 0\n" in coid.ctl("status")
    assert coid.ctl("account", "lock", "nobody@example.org", check=False).returncode == 1
