"""coidctl check --all: every account is looked at, the server stays usable, and what is wrong is told and mended."""

import re
import sqlite3
import subprocess
import threading
import time

from coid import BUILD, Coid, message

USERS = [f"user{number:03}@example.org" for number in range(120)]


def fill(coid, users=USERS):
    lines = "".join(f"{user}:{{PLAIN}}password of {user}\n" for user in users)
    coid.ctl("user", "import", "-", stdin=lines)
    for user in users:
        coid.deliver(user, message(subject=f"for {user}"))


def folder(coid, user):
    number = re.search(rf"^{re.escape(user)} id=(\d+)", coid.ctl("user", "list", "--details"), re.M)[1]
    return next(coid.store.glob(f"users/*/{number}"))


def meddle(coid, user, sql):
    database = sqlite3.connect(folder(coid, user) / "account.db")
    database.execute(sql)
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def sums(out):
    return dict(re.findall(r"^([a-z ]+): (\d+)$", out, re.M))


def test_every_account_is_checked_and_mended():
    with Coid({"auth.password_scheme": "sha512-crypt"}) as coid:
        users = USERS[:12]
        fill(coid, users)
        coid.restart()
        out = coid.ctl("check", "--all")
        assert [line.split(":")[0] for line in out.splitlines()[: len(users)]] == users
        assert out.count(": ok mailboxes=") == len(users)
        assert sums(out)["accounts"] == sums(out)["messages"] == str(len(users))
        assert sums(out)["damaged"] == sums(out)["not checked"] == sums(out)["problems"] == "0"
        for user, sql in ((users[3], "UPDATE mailbox SET messages = 77"), (users[7], "UPDATE blob SET refs = 9")):
            coid.ctl("account", "lock", user)
            meddle(coid, user, sql)
            coid.ctl("account", "unlock", user)
        coid.ctl("account", "lock", users[5])
        done = coid.ctl("check", "--all", check=False)
        assert done.returncode == 1
        assert f"{users[3]}: problems=" in done.stdout and "its counters are not those" in done.stdout
        assert f"{users[5]}: not checked" in done.stdout
        assert sums(done.stdout)["damaged"] == "2" and sums(done.stdout)["not checked"] == "1"
        done = coid.ctl("check", "--all", "--repair", check=False)
        assert done.returncode == 1 and sums(done.stdout)["damaged"] == sums(done.stdout)["left"] == "0"
        assert re.search(rf"^{users[7]}: problems=\d+ left=0$", done.stdout, re.M)
        coid.ctl("account", "unlock", users[5])
        assert sums(coid.ctl("check", "--all"))["problems"] == "0"
        for args in (("--all", users[0]), ("--all", "--nonsense"), ()):
            assert coid.ctl("check", *args, check=False).returncode == 64


def test_the_server_goes_on_meanwhile():
    with Coid({"auth.password_scheme": "sha512-crypt", "server.workers": 2, "store.open_accounts_max": 20}) as coid:
        fill(coid)
        coid.restart()
        done = []
        thread = threading.Thread(target=lambda: done.append(coid.ctl("check", "--all")))
        thread.start()
        rounds = 0
        while thread.is_alive():
            coid.deliver(USERS[rounds % len(USERS)], message())
            rounds += 1
            time.sleep(0.02)
        thread.join()
        assert rounds > 5 and sums(done[0])["accounts"] == str(len(USERS)) and sums(done[0])["problems"] == "0"


def test_whoever_gives_up_ends_it():
    with Coid({"auth.password_scheme": "sha512-crypt"}) as coid:
        fill(coid, USERS[:40])
        client = subprocess.Popen(
            [str(BUILD / "coidctl"), "-s", str(coid.control), "check", "--all"], stdout=subprocess.PIPE, env=coid.environment())
        client.stdout.readline()
        client.kill()
        client.wait()
        client.stdout.close()
        coid.stop()
