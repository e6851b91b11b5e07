"""Random damage of every kind of file of accounts, at rest and under the running server.

Whatever was done to the files of one account: the server starts, other accounts are served, nothing crashes, a repair ends with a
clean check, and every message whose bytes were not touched is there exactly once, octet for octet.

COID_DAMAGE_ROUNDS (1) and COID_DAMAGE_SEED (1) for the long form.
"""

import hashlib
import os
import random
import re
import shutil
import sqlite3

import pytest

import imapraw

ROUNDS = int(os.environ.get("COID_DAMAGE_ROUNDS", "1"))
SEED = int(os.environ.get("COID_DAMAGE_SEED", "1"))
ACCOUNTS = 8
SIZES = [300, 900, 2500, 9000, 15000, 20000, 30000, 70000, 300_000]
PER_MAILBOX = 9


def text_of(user, number):
    """A message that is like no other; the larger ones are files of their own, the smaller ones lie in the database."""
    size = SIZES[number % len(SIZES)]
    lines = []
    while sum(map(len, lines)) < size:
        seed = f"{user} {number} {len(lines)}".encode()
        lines.append(hashlib.sha256(seed).hexdigest().encode() + b"\r\n")
    return (f"From: a@example.net\r\nSubject: number {number}\r\nMessage-ID: <{number}.{user}>\r\nX-Number: {number}\r\n\r\n"
            .encode() + b"".join(lines))


def fill(coid, user):
    with coid.raw(user) as raw:
        for mailbox in ("INBOX", "Archive"):
            for i in range(PER_MAILBOX):
                number = i + (PER_MAILBOX if mailbox == "Archive" else 0)
                assert raw.append(mailbox, text_of(user, number)).startswith(b"OK")
        raw.ok("SELECT INBOX")
        raw.ok("STORE 2:4 +FLAGS (\\Seen $Label)")


def folders(coid):
    """Folder of each account, by name."""
    database = sqlite3.connect(f"file:{coid.store}/server.db?mode=ro", uri=True)
    try:
        rows = database.execute("SELECT name, id FROM users" if has_table(database, "users") else
                                "SELECT name, id FROM user").fetchall()
    finally:
        database.close()
    return {name: coid.store / "users" / f"{number & 0xff:02x}" / str(number) for name, number in rows}


def has_table(database, name):
    return database.execute("SELECT count(*) FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0] > 0


def files_of_messages(folder):
    """X-Number of each message file."""
    found = {}
    for path in folder.glob("msg/*/*"):
        if path.is_file():
            found[path] = int(re.search(rb"X-Number: (\d+)", path.read_bytes()).group(1))
    return found


def harm(rng, path):
    """One damage; says what was done."""
    data = bytearray(path.read_bytes())
    kind = rng.choice(["bit", "bit", "octets", "page", "cut", "grow", "gone", "empty"])
    if not data and kind not in ("gone", "grow"):
        kind = "grow"
    at = rng.randrange(len(data)) if data else 0
    if kind == "gone":
        path.unlink()
        return f"{path.name} gone"
    if kind == "bit":
        data[at] ^= 1 << rng.randrange(8)
    elif kind == "octets":
        n = rng.randrange(1, 200)
        data[at:at + n] = rng.randbytes(len(data[at:at + n]))
    elif kind == "page":
        at -= at % 4096
        data[at:at + 4096] = rng.choice([bytes, rng.randbytes])(len(data[at:at + 4096]))
    elif kind == "cut":
        del data[at:]
    elif kind == "grow":
        data += rng.randbytes(rng.randrange(1, 5000))
    elif kind == "empty":
        data.clear()
    path.write_bytes(data)
    return f"{path.name} {kind} at {at}"


def damage(rng, folder, running):
    """Damages one to three files; returns what was done, which messages may have been hit, and whether the database was."""
    messages = files_of_messages(folder)
    # Rows are in the database itself, or still in its WAL.
    if not running and rng.random() < 0.5:
        database = sqlite3.connect(folder / "account.db")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
    index = [path for path in folder.iterdir() if path.is_file() and path.name != "owner"]
    done, hit, index_hit = [], set(), False
    for _ in range(rng.randrange(1, 4)):
        path = rng.choice(index) if rng.random() < 0.6 else rng.choice(sorted(messages))
        if not path.exists():
            continue
        done.append(harm(rng, path))
        if path in messages:
            hit.add(messages[path])
        else:
            index_hit = True
    return ", ".join(done), hit, index_hit, set(messages.values())


def use(coid, user):
    """Runs the commands of a client; it may be told NO, but nothing else may happen."""
    try:
        with coid.raw(user) as raw:
            for command in ("SELECT INBOX", "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)", "FETCH 1:* BODY.PEEK[]",
                            "SEARCH TEXT number", "SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"):
                raw.cmd(command)
    except (imapraw.Closed, ConnectionError):
        pass


def messages_of(coid, user):
    """All messages of an account: [(mailbox, octets)]."""
    found = []
    with coid.raw(user) as raw:
        names = [line.split(b'"/" ')[-1].strip(b'"').decode() for line in raw.ok('LIST "" "*"') if b"\\Noselect" not in line]
        for name in names:
            raw.ok(f'SELECT "{name}"')
            tagged, untagged = raw.cmd("UID FETCH 1:* BODY.PEEK[]")
            assert tagged.startswith(b"OK"), tagged
            found += [(name, line.split(b"}\r\n", 1)[1][:-1]) for line in untagged if b"}\r\n" in line]
    return found


def numbered(found):
    numbers = {}
    for mailbox, octets in found:
        match = re.search(rb"X-Number: (\d+)\r\n", octets)
        if match:
            numbers.setdefault(int(match.group(1)), []).append((mailbox, octets))
    return numbers


@pytest.mark.timeout(120 + 120 * ROUNDS)
@pytest.mark.parametrize("running", [False, True], ids=["at rest", "under the running server"])
def test_random_damage(make_coid, tmp_path, running):
    coid = make_coid()
    users = [coid.add_user(f"user{i}@example.org") for i in range(ACCOUNTS)]
    well = coid.add_user("well@example.org")
    for user in [*users, well]:
        fill(coid, user)
    coid.stop()
    shutil.copytree(coid.store, tmp_path / "good")
    homes = folders(coid)
    for number in range(ROUNDS):
        rng = random.Random(SEED * 1000 + number)
        if number > 0:
            shutil.rmtree(coid.store)
            shutil.copytree(tmp_path / "good", coid.store)
        if running:
            coid.start()
            for user in users:
                use(coid, user)
        what = {user: damage(rng, homes[user], running) for user in users}
        if not running:
            coid.start()
        for user in users:
            use(coid, user)
        found = numbered(messages_of(coid, well))
        assert {n: [text for _, text in found[n]] for n in found} == {n: [text_of(well, n)] for n in range(2 * PER_MAILBOX)}
        for user in users:
            done, hit, index_hit, in_files = what[user]
            told = f"round {number}, {user}: {done}"
            repaired = coid.ctl("check", user, "--repair", check=False)
            assert repaired.returncode == 0, f"{told}\n{repaired.stdout}{repaired.stderr}"
            again = coid.ctl("check", user, check=False)
            assert again.returncode == 0, f"{told}\n{repaired.stdout}\n{again.stdout}{again.stderr}"
            found = numbered(messages_of(coid, user))
            # The messages in a damaged database may be lost with it.
            sure = (in_files if index_hit else set(range(2 * PER_MAILBOX))) - hit
            for n in sure:
                copies = [text for _, text in found.get(n, [])]
                assert copies == [text_of(user, n)], f"{told}: {len(copies)} of message {n}\n{repaired.stdout}"
            for n, copies in found.items():
                assert len(copies) == 1, f"{told}: {len(copies)} of message {n}\n{repaired.stdout}"
            # The account lives.
            with coid.raw(user) as raw:
                assert raw.append("INBOX", text_of(user, 99)).startswith(b"OK")
        coid.stop()
