"""
kill -9 between a delivery's 250 and its pushes. Each is made; a process sends it once; and another process sends it again only
if the one that died had not written down that it was answered. Nothing here depends on how fast that is: what was written
down is read in push.db.
"""

import json
import random
import re
import shutil
import sqlite3
import tempfile
import threading
import time
from collections import Counter

import pytest

from coid import message
from imapraw import Closed
from pushd import PushService, push_settings, subscribed

ROUNDS = 4
# A request that times out is made again, which is another promise.
PATIENT = {"timeout": "120s", "connect_timeout": "60s"}
TOKEN_SECONDS = 12 * 3600
DEATH = (OSError, Closed, AssertionError, ValueError, LookupError)
SUBSCRIPTIONS = {"alice@example.org": ["alice-phone-1", "alice-tablet"], "bob@example.org": ["bob-phone-01"]}


@pytest.fixture
def service():
    made = PushService()
    yield made
    made.close()


def pushes(service, name):
    """(process, second of its first push, uid, subject) of each push of a message. A process is known by the token it signs."""
    for push in service.received(name):
        if push["size"] != int(push["headers"]["content-length"]):
            continue  # cut off by a kill
        assert "error" not in push, push
        plain = json.loads(push["plain"])
        if "validation" not in plain:
            vapid = push["vapid"]
            yield vapid["token"], vapid["claims"]["exp"] - TOKEN_SECONDS, plain["uid"], plain["subject"]


def subjects(service, name):
    return Counter(subject for *_, subject in pushes(service, name))


def account_numbers(coid):
    lines = coid.ctl("user", "list", "--details").splitlines()
    return {line.split()[0]: int(re.search(r" id=(\d+)", line).group(1)) for line in lines}


def push_db(coid, *questions):
    """The answers of push.db, also of a running daemon; DatabaseError: it was copied in the middle of a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("push.db", "push.db-wal"):
            if (coid.store / name).exists():
                shutil.copy(coid.store / name, folder)
        db = sqlite3.connect(f"{folder}/push.db")
        try:
            return [set(db.execute(question)) for question in questions]
        finally:
            db.close()


def written_down(coid):
    """[{(account, uid)} that are done, {(account, subscription, uid)} that wait]"""
    return push_db(coid, "SELECT account, uid FROM sent", "SELECT account, subscription, uid FROM push WHERE uid != 0")


def all_done(coid, service, accounts):
    """Every push that has arrived is written down as answered, and none waits."""
    came = {(accounts[user], uid) for user, names in SUBSCRIPTIONS.items() for name in names
            for _, _, uid, _ in pushes(service, name)}
    try:
        done, waiting = written_down(coid)
    except sqlite3.DatabaseError:
        return False
    return not waiting and came <= done


def next_second():
    """A process that is started now is told by its tokens from those before."""
    time.sleep(1 - time.time() % 1)


def check_repeats(sent, account, name, deaths):
    """`sent`: the pushes of a subscription. `deaths`: when a process was dead, and what push.db said then."""
    times = Counter((process, uid) for process, _, uid, _ in sent)
    assert set(times.values()) == {1}, [key for key, count in times.items() if count > 1]
    for second, done, waiting in deaths:
        again = {uid for _, signed, uid, _ in sent if signed > second
                 and (account, uid) in done and (account, name, uid) not in waiting}
        assert not again, again
    # That is no empty promise.
    came = {uid for *_, uid, _ in sent}
    assert any((account, uid) in done for _, done, _ in deaths for uid in came)


def nobody_listed(coid):
    try:
        return push_db(coid, "SELECT account FROM subscriber") == [set()]
    except sqlite3.DatabaseError:
        return False


def eventually(probe, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if probe():
            return True
        time.sleep(0.1)
    return False


def deliver_until(coid, user, stop, acknowledged, first):
    number = first
    try:
        with coid.lmtp() as lmtp:
            while not stop.is_set():
                subject = f"{user} {number}"
                if lmtp.deliver([user], message(subject))[user][0] == 250:
                    acknowledged.add(subject)
                number += 1
    except DEATH:
        pass


@pytest.mark.timeout(600)
def test_a_kill_loses_no_push_and_repeats_none_that_is_done(make_coid, service):
    coid = make_coid(settings=push_settings(**PATIENT))
    for user, names in SUBSCRIPTIONS.items():
        raw = coid.raw(coid.add_user(user))
        for name in names:
            subscribed(raw, service, name)
    accounts = account_numbers(coid)
    acknowledged = {user: {f"{user} before"} for user in SUBSCRIPTIONS}
    for user, names in SUBSCRIPTIONS.items():
        coid.deliver(user, message(f"{user} before"))
        for name in names:
            assert eventually(lambda: subjects(service, name)[f"{user} before"] == 1)
    assert eventually(lambda: all_done(coid, service, accounts))
    choice = random.Random(75)
    deaths = []
    for number in range(ROUNDS):
        known = {user: len(acknowledged[user]) for user in SUBSCRIPTIONS}
        stop = threading.Event()
        threads = [threading.Thread(target=deliver_until, args=(coid, user, stop, acknowledged[user], number * 100000))
                   for user in SUBSCRIPTIONS]
        for thread in threads:
            thread.start()
        assert eventually(lambda: all(len(acknowledged[user]) > known[user] for user in SUBSCRIPTIONS))
        time.sleep(choice.uniform(0, 1.2))
        coid.kill()
        stop.set()
        for thread in threads:
            thread.join(30)
        deaths.append((int(time.time()), *written_down(coid)))
        next_second()
        coid.start()
    for user, names in SUBSCRIPTIONS.items():
        for name in names:
            assert eventually(lambda: acknowledged[user] <= set(subjects(service, name))), (
                acknowledged[user] - set(subjects(service, name)))
    # An orderly stop leaves nothing to look for, and nothing is pushed again.
    assert eventually(lambda: all_done(coid, service, accounts))
    coid.restart()
    for user, names in SUBSCRIPTIONS.items():
        coid.deliver(user, message(f"{user} after"))
        for name in names:
            assert eventually(lambda: subjects(service, name)[f"{user} after"] == 1)
    assert "looking for owed pushes" not in coid.log_text()
    assert "pushes that have waited" not in coid.log_text()
    for user, names in SUBSCRIPTIONS.items():
        for name in names:
            check_repeats(list(pushes(service, name)), accounts[user], name, deaths)


@pytest.mark.timeout(300)
def test_a_kill_right_behind_the_250_is_made_good_without_anybody_coming(make_coid, service):
    coid = make_coid(settings=push_settings(**PATIENT))
    user = coid.add_user("alice@example.org")
    subscribed(coid.raw(user), service, "alice-phone-1")
    for number in range(5):
        coid.deliver(user, message(f"message {number}"))
        coid.kill()
        coid.start()
        coid.wait_log("looking for owed pushes accounts=1", seconds=60)
        assert eventually(lambda: subjects(service, "alice-phone-1")[f"message {number}"] >= 1)


@pytest.mark.timeout(300)
def test_what_was_owed_to_a_subscription_that_is_gone_is_not_pushed(make_coid, service):
    coid = make_coid(settings=push_settings(**PATIENT))
    user = coid.add_user("alice@example.org")
    subscribed(coid.raw(user), service, "alice-phone-1")
    coid.deliver(user, message("first"))
    assert eventually(lambda: subjects(service, "alice-phone-1")["first"] == 1)
    coid.ctl("push", "remove", user, "alice-phone-1")
    coid.deliver(user, message("second"))
    coid.kill()
    coid.start()
    coid.wait_log("looking for owed pushes", seconds=60)
    # The account is found to have no subscriptions.
    assert eventually(lambda: nobody_listed(coid))
    coid.kill()
    coid.start()
    coid.raw(user, mailbox="INBOX")
    time.sleep(1)
    assert "looking for owed pushes" not in coid.log_text()
    assert subjects(service, "alice-phone-1")["second"] == 0
