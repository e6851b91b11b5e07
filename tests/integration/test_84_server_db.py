"""server.db is lost, emptied, replaced or damaged: nobody reads another's mail, no mail of an existing account is
refused for good, and a repair brings every account back with its password.

COID_DAMAGE_ROUNDS=N does N rounds of random damage instead of a few.
"""

import os
import random
import re
import shutil
import sqlite3
import time

import pytest

from coid import Coid, message

USERS = {"alice@example.org": "password of alice", "bob@example.org": "password of bob", "carol@example.org": "password of carol"}
ROUNDS = int(os.environ.get("COID_DAMAGE_ROUNDS", "6"))


def fill(coid):
    for name, password in USERS.items():
        coid.add_user(name, password)
        coid.deliver(name, message(subject=f"for {name}", to=name))


def subjects(coid, name):
    imap = coid.login(name, USERS[name], mailbox="INBOX")
    data = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
    imap.logout()
    return [re.search(rb"Subject: (.*?)\r\n", part[1])[1].decode() for part in data if isinstance(part, tuple)]


def all_is_well(coid):
    for name in USERS:
        assert f"for {name}" in subjects(coid, name)


def nobody_is_refused(coid):
    """No 5xx for an existing account, and whoever can log in sees his own mail."""
    for name, password in USERS.items():
        with coid.lmtp() as lmtp:
            code = lmtp.deliver([name], message(subject=f"more for {name}"))[name][0]
        assert code in (250, 451), (name, code)
        imap = coid.imap()
        try:
            imap.login(name, password)
        except imap.error as error:
            assert "UNAVAILABLE" in str(error) or "CORRUPTION" in str(error) or code == 250, (name, error)
            continue
        status, answer = imap.select("INBOX")
        if status == "OK":
            imap.logout()
            assert all(name in subject for subject in subjects(coid, name))
        else:
            assert b"UNAVAILABLE" in answer[0] or b"CORRUPTION" in answer[0], answer


def check_server(coid, *options, status=None):
    done = coid.ctl("check", "--server", *options, "--root", str(coid.store), check=False)
    if status is not None:
        assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def repair(coid):
    out = check_server(coid, "--repair", status=0)
    assert "left: 0" in out
    assert "problems: 0" in check_server(coid, status=0)
    return out


@pytest.fixture
def coid():
    with Coid() as server:
        fill(server)
        server.stop()
        yield server


def lose(store):
    (store / "server.db").unlink()
    (store / "server.db-wal").unlink(missing_ok=True)


def empty(store):
    lose(store)
    (store / "server.db").write_bytes(b"")


def no_rows(store):
    database = sqlite3.connect(store / "server.db")
    database.execute("DELETE FROM user")
    database.commit()
    database.close()


def garbage(store):
    lose(store)
    (store / "server.db").write_bytes(os.urandom(40960))


@pytest.mark.parametrize("damage", [lose, empty, no_rows, garbage], ids=lambda damage: damage.__name__)
def test_without_its_users_the_server_defers(coid, damage):
    damage(coid.store)
    out = check_server(coid, status=1)
    assert "problems: 0" not in out
    coid.start()
    for name, password in USERS.items():
        with coid.lmtp() as lmtp:
            assert lmtp.deliver([name], message())[name][0] == 451
        with pytest.raises(Exception, match="UNAVAILABLE"):
            coid.imap().login(name, password)
    assert "coidctl check --server --repair" in coid.log_text()
    done = coid.ctl("user", "add", "alice@example.org", "--password-stdin", stdin="another password\n", check=False)
    assert done.returncode == 1
    assert coid.ctl("check", "--server", "--root", str(coid.store), check=False).stderr.count("running") == 1
    assert "the server is running" in coid.ctl("-c", str(coid.config), "check", "--server", check=False).stderr
    coid.stop()
    repair(coid)
    coid.start()
    all_is_well(coid)
    coid.add_user("dave@example.org")
    listed = dict(re.findall(r"^(\S+) id=(\d+)", coid.ctl("user", "list", "--details"), re.M))
    assert int(listed["dave@example.org"]) > max(int(listed[name]) for name in USERS)
    with coid.lmtp() as lmtp:
        assert lmtp.deliver(["nobody@example.org"], message())["nobody@example.org"][0] == 550


def test_the_database_of_another_server_gives_nobody_anothers_mail(coid):
    with Coid() as other:
        other.add_user("bob@example.org", USERS["bob@example.org"])
        other.add_user("mallory@example.org", "password of mallory")
        other.deliver("mallory@example.org", message())
        other.stop()
        lose(coid.store)
        for path in other.store.glob("server.db*"):
            shutil.copy(path, coid.store / path.name)
    coid.start()
    nobody_is_refused(coid)
    mallory = coid.login("mallory@example.org", "password of mallory")
    assert mallory.select("INBOX")[0] == "NO"
    coid.stop()
    out = repair(coid)
    assert "is that of another server" in out
    coid.start()
    all_is_well(coid)


def test_an_older_copy_of_the_database_refuses_nobody(coid):
    saved = {path.name: path.read_bytes() for path in coid.store.glob("server.db*")}
    coid.start()
    coid.add_user("late@example.org")
    coid.ctl("user", "passwd", "alice@example.org", "--password-stdin", stdin="changed meanwhile\n")
    coid.stop()
    lose(coid.store)
    for name, content in saved.items():
        (coid.store / name).write_bytes(content)
    coid.start()
    with coid.lmtp() as lmtp:
        assert lmtp.deliver(["late@example.org"], message())["late@example.org"][0] == 451
    with pytest.raises(Exception, match="UNAVAILABLE"):
        coid.imap().login("late@example.org", "correct horse battery")
    coid.stop()
    repair(coid)
    coid.start()
    coid.login("late@example.org")
    all_is_well(coid)


def test_quotas_state_settings_and_changed_passwords_survive_the_loss(coid):
    coid.start()
    coid.ctl("user", "passwd", "alice@example.org", "--password-stdin", stdin="changed meanwhile\n")
    coid.ctl("user", "quota", "bob@example.org", "--storage", "7M")
    coid.ctl("user", "disable", "carol@example.org")
    key = coid.ctl("vapid", "show")
    coid.stop()
    assert (coid.store / "server.db.copy").stat().st_mode & 0o777 == 0o600
    for owner in coid.store.glob("users/*/*/owner"):
        assert owner.stat().st_mode & 0o777 == 0o600
    lose(coid.store)
    repair(coid)
    coid.start()
    coid.login("alice@example.org", "changed meanwhile")
    assert f"of {7 << 20}" in coid.ctl("user", "quota", "bob@example.org")
    assert re.search(r"^carol@example.org id=\d+ disabled", coid.ctl("user", "list", "--details"), re.M)
    assert coid.ctl("vapid", "show") == key


def test_folders_that_have_changed_places_are_not_opened(coid):
    coid.start()
    listed = dict(re.findall(r"^(\S+) id=(\d+)", coid.ctl("user", "list", "--details"), re.M))
    coid.stop()
    folders = {name: coid.store / "users" / f"{int(number) & 255:02x}" / number for name, number in listed.items()}
    alice, bob = folders["alice@example.org"], folders["bob@example.org"]
    alice.rename(alice.with_name("x"))
    bob.rename(alice)
    (alice.parent / "x").rename(bob)
    assert "belongs to" in check_server(coid, status=1) or "owner file" in check_server(coid, status=1)
    coid.start()
    nobody_is_refused(coid)
    for name in ("alice@example.org", "bob@example.org"):
        assert coid.login(name, USERS[name]).select("INBOX")[0] == "NO"
    assert "for carol@example.org" in subjects(coid, "carol@example.org")


def test_an_owner_file_that_is_gone_or_damaged_is_written_again(coid):
    owners = sorted(coid.store.glob("users/*/*/owner"))
    owners[0].unlink()
    owners[1].write_bytes(owners[1].read_bytes().replace(b"bob", b"eve"))
    coid.start()
    nobody_is_refused(coid)
    assert coid.login("alice@example.org", USERS["alice@example.org"]).select("INBOX")[0] == "NO"
    coid.stop()
    out = repair(coid)
    assert out.count("owner file is missing or damaged") == 2
    coid.start()
    all_is_well(coid)


def test_mail_of_which_nobody_knows_whose_it_is_gets_a_user(coid):
    lose(coid.store)
    for path in coid.store.glob("server.db.copy*"):
        path.unlink()
    owner = sorted(coid.store.glob("users/*/*/owner"))[0]
    number = owner.parent.name
    owner.unlink()
    out = repair(coid)
    assert f"lost-{number}@lost.invalid" in out and "Web Push key" in out
    coid.start()
    lost = f"lost-{number}@lost.invalid"
    coid.ctl("user", "passwd", lost, "--password-stdin", stdin="a new password\n")
    coid.ctl("user", "enable", lost)
    imap = coid.login(lost, "a new password", mailbox="INBOX")
    assert b"for alice" in imap.fetch("1", "(BODY.PEEK[HEADER])")[1][0][1]


def test_an_account_made_again_has_other_ids_and_never_a_known_uidvalidity():
    with Coid() as coid:
        seen, validities, numbers = set(), [], []
        for round_number in range(4):
            name = coid.add_user("again@example.org")
            imap = coid.login(name)
            for mailbox in ("INBOX", "Sent"):
                imap.create(mailbox)
                status = imap.status(mailbox, "(UIDVALIDITY MAILBOXID)")[1][0].decode()
                validity = int(re.search(r"UIDVALIDITY (\d+)", status)[1])
                mailboxid = re.search(r"MAILBOXID \((\S+)\)", status)[1]
                assert mailboxid not in seen and (not validities or validity > max(validities))
                seen.add(mailboxid)
                validities.append(validity)
            imap.logout()
            numbers.append(int(re.search(r"id=(\d+)", coid.ctl("user", "list", "--details"))[1]))
            assert len(set(numbers)) == len(numbers)
            coid.ctl("user", "del", name)
            if round_number == 1:
                coid.restart()
            elif round_number == 2:
                coid.kill()
                coid.start()


def test_rows_of_the_older_form_get_an_identity_at_the_first_start(coid):
    database = sqlite3.connect(coid.store / "server.db")
    database.executescript("ALTER TABLE user DROP COLUMN identity; ALTER TABLE user DROP COLUMN sum;"
                           "DELETE FROM setting WHERE key = 'server.identity'; PRAGMA user_version = 1;")
    database.close()
    (coid.store / "server.state").unlink()
    for path in coid.store.glob("users/*/*/owner"):
        path.unlink()
    assert "older form" in check_server(coid, status=0)
    coid.start()
    all_is_well(coid)
    coid.stop()
    assert "problems: 0" in check_server(coid, status=0)
    lose(coid.store)
    repair(coid)
    coid.start()
    all_is_well(coid)


def test_the_copy_follows_while_the_server_runs():
    with Coid() as coid:
        coid.add_user("early@example.org")
        copy = coid.store / "server.db.copy"
        end = time.monotonic() + 25
        while time.monotonic() < end and not copy.exists():
            time.sleep(0.2)
        database = sqlite3.connect(f"file:{copy}?immutable=1", uri=True)
        assert database.execute("SELECT name FROM user").fetchall() == [("early@example.org",)]
        database.close()


def test_random_damage_never_bounces_and_is_repaired(coid):
    seed = int(os.environ.get("COID_DAMAGE_SEED", str(random.randrange(1 << 30))))
    rng = random.Random(seed)
    whole = {path.name: path.read_bytes() for path in coid.store.glob("server.*") if path.is_file()}
    for round_number in range(ROUNDS):
        where = f"seed {seed} round {round_number}"
        for path in coid.store.glob("server.*"):
            path.unlink()
        for name, content in whole.items():
            (coid.store / name).write_bytes(content)
        target = coid.store / "server.db"
        wal = coid.store / "server.db-wal"
        if wal.stat().st_size and rng.random() < 0.4:
            target = wal
        content = bytearray(target.read_bytes())
        kind = rng.choice(["bit", "bytes", "sector", "cut"])
        at = rng.randrange(len(content))
        if kind == "bit":
            content[at] ^= 1 << rng.randrange(8)
        elif kind == "bytes":
            for _ in range(20):
                content[rng.randrange(len(content))] = rng.randrange(256)
        elif kind == "sector":
            at &= ~511
            content[at:at + 512] = os.urandom(512)
        else:
            del content[at:]
        target.write_bytes(content)
        where += f" {target.name} {kind} at {at}"
        try:
            coid.start()
            nobody_is_refused(coid)
            coid.stop()
            done = coid.ctl("check", "--server", "--repair", "--root", str(coid.store), check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            coid.start()
            all_is_well(coid)
            coid.stop()
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from error


def deferred(coid, name):
    with coid.lmtp() as lmtp:
        assert lmtp.deliver([name], message())[name][0] == 451
    with pytest.raises(Exception, match="UNAVAILABLE"):
        coid.imap().login(name, USERS.get(name, "password"))
    done = coid.ctl("user", "add", "erin@example.org", "--password-stdin", stdin="password of erin\n", check=False)
    assert done.returncode == 1 and "out of service" in done.stderr


def soon(coid, what, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            return what(coid)
        except Exception:
            if time.monotonic() > end:
                raise
        time.sleep(0.2)


def erin_is_made(coid):
    coid.add_user("erin@example.org", "password of erin")


def test_a_database_that_is_taken_away_under_the_server_defers_until_it_is_back(coid):
    coid.start()
    (coid.store / "server.db").rename(coid.folder / "taken")
    # From the first job on, nothing is written into nowhere.
    deferred(coid, "alice@example.org")
    deferred(coid, "nobody@example.org")
    assert not (coid.store / "server.db").exists()
    coid.wait_log("server.db was removed or replaced")
    (coid.folder / "taken").rename(coid.store / "server.db")
    soon(coid, erin_is_made)
    soon(coid, all_is_well)
    coid.deliver("erin@example.org", message())
    with coid.lmtp() as lmtp:
        assert lmtp.deliver(["nobody@example.org"], message())["nobody@example.org"][0] == 550
    coid.restart()
    all_is_well(coid)
    coid.login("erin@example.org", "password of erin", mailbox="INBOX")


def test_a_quiet_server_notices_within_seconds(coid):
    coid.start()
    (coid.store / "server.db").unlink()
    coid.wait_log("server.db was removed or replaced", seconds=10)


def test_an_older_database_that_is_put_into_place_under_the_server_is_checked(coid):
    shutil.copy(coid.store / "server.db", coid.folder / "older")
    if (coid.store / "server.db-wal").stat().st_size:
        shutil.copy(coid.store / "server.db-wal", coid.folder / "older-wal")
        database = sqlite3.connect(coid.folder / "older")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
    coid.start()
    coid.add_user("dave@example.org", "password of dave")
    coid.deliver("dave@example.org", message())
    coid.ctl("user", "passwd", "carol@example.org", "--password-stdin", stdin="another password\n")
    # The WAL stays: it must not be taken for that of the older file.
    os.replace(coid.folder / "older", coid.store / "server.db")
    soon(coid, all_is_well)
    assert list(coid.store.glob("server.db-wal.left-*"))
    with coid.lmtp() as lmtp:
        assert lmtp.deliver(["dave@example.org"], message())["dave@example.org"][0] == 451
        assert lmtp.deliver(["nobody@example.org"], message())["nobody@example.org"][0] == 550
    coid.add_user("erin@example.org")
    ids = dict(re.findall(r"^(\S+) id=(\d+)", coid.ctl("user", "list", "--details"), re.M))
    assert "dave@example.org" not in ids and int(ids["erin@example.org"]) > max(int(ids[name]) for name in USERS) + 1


@pytest.mark.parametrize("content", [b"", os.urandom(40960)], ids=["empty", "garbage"])
def test_a_useless_database_that_is_put_into_place_under_the_server_serves_nobody(coid, content):
    coid.start()
    (coid.folder / "new").write_bytes(content)
    os.replace(coid.folder / "new", coid.store / "server.db")
    deferred(coid, "alice@example.org")
    soon(coid, lambda coid: coid.wait_log("coidctl check --server --repair"))
    deferred(coid, "alice@example.org")
    coid.stop()
    repair(coid)
    coid.start()
    all_is_well(coid)
