"""kill -9 between a delivery's 250 and its pushes: none is lost, and what was settled before is not pushed again."""

import json
import random
import threading
import time
from collections import Counter

import pytest

from coid import message
from imapraw import Closed
from pushd import PushService, push_settings, subscribed

ROUNDS = 4
DEATH = (OSError, Closed, AssertionError, ValueError, LookupError)
SUBSCRIPTIONS = {"alice@example.org": ["alice-phone-1", "alice-tablet"], "bob@example.org": ["bob-phone-01"]}


@pytest.fixture
def service():
    made = PushService()
    yield made
    made.close()


def subjects(service, name):
    return Counter(json.loads(push["plain"]).get("subject") for push in service.received(name) if "error" not in push)


def eventually(probe, seconds=60):
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


@pytest.mark.timeout(300)
def test_a_kill_loses_no_push(make_coid, service):
    coid = make_coid(settings=push_settings())
    for user, names in SUBSCRIPTIONS.items():
        raw = coid.raw(coid.add_user(user))
        for name in names:
            subscribed(raw, service, name)
    before = {user: f"{user} before" for user in SUBSCRIPTIONS}
    for user, subject in before.items():
        coid.deliver(user, message(subject))
        for name in SUBSCRIPTIONS[user]:
            service.wait(name, 2)
    # The notes of what is owed are cleared within a second or two.
    time.sleep(3)
    choice = random.Random(75)
    acknowledged = {user: set() for user in SUBSCRIPTIONS}
    for number in range(ROUNDS):
        stop = threading.Event()
        threads = [threading.Thread(target=deliver_until, args=(coid, user, stop, acknowledged[user], number * 100000))
                   for user in SUBSCRIPTIONS]
        for thread in threads:
            thread.start()
        time.sleep(choice.uniform(0.05, 1.2))
        coid.kill()
        stop.set()
        for thread in threads:
            thread.join(30)
        coid.start()
    for user, names in SUBSCRIPTIONS.items():
        assert acknowledged[user]
        for name in names:
            assert eventually(lambda: acknowledged[user] <= set(subjects(service, name))), (
                acknowledged[user] - set(subjects(service, name)))
            counts = subjects(service, name)
            assert counts[before[user]] == 1
            # Twice at most for each kill that came between a push and the clearing of its note.
            assert all(count <= 1 + ROUNDS for count in counts.values())
    # An orderly stop leaves nothing to look for, and nothing is pushed again.
    time.sleep(1)
    counts = {name: subjects(service, name) for names in SUBSCRIPTIONS.values() for name in names}
    coid.restart()
    for user in SUBSCRIPTIONS:
        coid.raw(user, mailbox="INBOX")
    time.sleep(1)
    assert "looking for owed pushes" not in coid.log_text()
    assert counts == {name: subjects(service, name) for names in SUBSCRIPTIONS.values() for name in names}


@pytest.mark.timeout(120)
def test_a_kill_right_behind_the_250_is_made_good_without_anybody_coming(make_coid, service):
    coid = make_coid(settings=push_settings())
    user = coid.add_user("alice@example.org")
    subscribed(coid.raw(user), service, "alice-phone-1")
    for number in range(5):
        coid.deliver(user, message(f"message {number}"))
        coid.kill()
        coid.start()
        coid.wait_log("looking for owed pushes accounts=1")
        assert eventually(lambda: subjects(service, "alice-phone-1")[f"message {number}"] >= 1)


@pytest.mark.timeout(120)
def test_what_was_owed_to_a_subscription_that_is_gone_is_not_pushed(make_coid, service):
    coid = make_coid(settings=push_settings())
    user = coid.add_user("alice@example.org")
    subscribed(coid.raw(user), service, "alice-phone-1")
    coid.deliver(user, message("first"))
    assert eventually(lambda: subjects(service, "alice-phone-1")["first"] == 1)
    coid.ctl("push", "remove", user, "alice-phone-1")
    coid.deliver(user, message("second"))
    coid.kill()
    coid.start()
    coid.wait_log("looking for owed pushes")
    time.sleep(1)
    assert subjects(service, "alice-phone-1")["second"] == 0
    coid.kill()
    coid.start()
    coid.raw(user, mailbox="INBOX")
    time.sleep(1)
    # The account was found to have no subscriptions.
    assert "looking for owed pushes" not in coid.log_text()
