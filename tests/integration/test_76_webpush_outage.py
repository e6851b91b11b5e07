"""Push services and endpoints that hang, fail or ask for pauses: whose pushes wait for it, and for how long (WP-44, WP-45)."""

import json
import signal
import time

import pytest

from coid import message
from pushd import S, W, PushService, push_settings, setmetadata, subscribe, subscribed
from test_70_webpush import ID


@pytest.fixture
def service():
    made = PushService()
    yield made
    made.close()


def subjects(service, name):
    return [json.loads(push["plain"]).get("subject") for push in service.received(name)]


def eventually(probe, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if probe():
            return True
        time.sleep(0.05)
    return False


def people(coid, service, count):
    """Accounts with one validated subscription each, and their sessions."""
    made = {}
    for number in range(count):
        user = coid.add_user(f"user{number}@example.org")
        raw = coid.raw(user)
        subscribed(raw, service, f"phone-{number:06}")
        made[user] = f"phone-{number:06}"
    return made


# WP-45
@pytest.mark.timeout(120)
def test_wp_45_a_service_that_hung_is_asked_again_soon(make_coid, service):
    """Every request of a burst times out: one event, and after the service is well again everything goes out."""
    coid = make_coid(settings=push_settings(timeout="1s", backoff_max="1h", backoff_min="200ms", origin_pause_max="2s"))
    phones = people(coid, service, 6)
    service.process.send_signal(signal.SIGSTOP)
    for number in range(6):
        for user in phones:
            coid.deliver(user, message(f"m{number}"))
    time.sleep(5)
    # A new subscription is validated as soon as the service answers: its push is a probe of its own.
    service.process.send_signal(signal.SIGCONT)
    wanted = {f"m{number}" for number in range(6)}
    for name in phones.values():
        assert eventually(lambda: wanted <= set(subjects(service, name))), subjects(service, name)


# WP-20, WP-45
@pytest.mark.timeout(120)
def test_wp_20_a_registration_is_validated_while_the_service_rests(make_coid, service):
    coid = make_coid(settings=push_settings(timeout="1s", connect_timeout="1s", backoff_min="1h", backoff_max="1h",
                                            origin_pause_max="1h"))
    phones = people(coid, service, 4)
    service.process.send_signal(signal.SIGSTOP)
    for user in phones:
        coid.deliver(user, message("waits"))
    for _ in phones:
        coid.wait_log("push failed account=")
    assert eventually(lambda: coid.log_text().count("push failed account=") >= 4)
    service.process.send_signal(signal.SIGCONT)
    # Asked by coidctl the service is tried at once, and its state is told.
    shown = coid.ctl("push", "test", "user0@example.org")
    assert "201 in " in shown and "rests for another" in shown
    # The answer has ended the rest of the service; a registration is made with other endpoints still resting.
    subscribed(coid.raw("user0@example.org"), service, "another-phone")


# WP-20
@pytest.mark.timeout(120)
def test_wp_20_a_validation_push_is_a_probe_that_ends_the_rest(make_coid, service):
    coid = make_coid(settings=push_settings(timeout="1s", connect_timeout="1s", backoff_min="3s", backoff_max="1h",
                                            origin_pause_max="1h"))
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    subscribed(raw, service, ID)
    for number in range(4):
        subscribed(raw, service, f"hangs-{number:06}")
        service.rules(f"hangs-{number:06}", {"mode": "hang"})
    coid.deliver(alice, message("one"))
    assert eventually(lambda: coid.log_text().count("push failed account=") >= 4)
    subscribed(raw, service, "fresh-000001")


# WP-45
@pytest.mark.timeout(120)
def test_wp_45_an_endpoint_that_never_answers_delays_no_other_of_its_service(make_coid, service):
    coid = make_coid(settings=push_settings(timeout="30s"))
    alice, bob = coid.add_user("alice@example.org"), coid.add_user("bob@example.org")
    subscribed(coid.raw(alice), service, "alice-phone-1")
    subscribed(coid.raw(bob), service, "bob-phone-01")
    service.rules("alice-phone-1", {"mode": "hang"})
    for number in range(60):
        coid.deliver(alice, message(f"a{number}"))
    for number in range(8):
        coid.deliver(bob, message(f"b{number}"))
    # Sooner than the first request to the other endpoint is given up.
    service.wait("bob-phone-01", 9, seconds=20)
    assert "push failed" not in coid.log_text()


# WP-44
@pytest.mark.parametrize("status", [429, 503])
def test_wp_44_a_pause_that_an_endpoint_asks_for_is_its_own(make_coid, service, status):
    coid = make_coid(settings=push_settings())
    alice, bob = coid.add_user("alice@example.org"), coid.add_user("bob@example.org")
    subscribed(coid.raw(alice), service, "alice-phone-1")
    subscribed(coid.raw(bob), service, "bob-phone-01")
    service.rules("alice-phone-1", {"status": status, "retryAfter": 3600})
    coid.deliver(alice, message("one"))
    service.wait("alice-phone-1", 2)
    coid.deliver(bob, message("two"))
    service.wait("bob-phone-01", 2)
    shown = coid.ctl("push", "test", alice, check=False)
    assert shown.returncode != 0 and f"{status} in " in shown.stdout and "its endpoint rests for another" in shown.stdout


# WP-14
@pytest.mark.timeout(120)
def test_wp_14_nothing_is_sent_for_what_was_removed_in_the_same_burst(make_coid, service):
    coid = make_coid(settings=push_settings(timeout="2s", subscriptions_max=50, registrations_max=50))
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    # These hold the places for validation pushes for a while.
    for number in range(4):
        service.rules(f"hangs-{number:06}", {"mode": "hang"})
        subscribe(raw, f"hangs-{number:06}", service.registration(f"hangs-{number:06}"))
    names = [f"burst-{number:06}" for number in range(10)]
    lines = b""
    for name in names:
        value = json.dumps(service.registration(name)).encode()
        lines += b's SETMETADATA "" (%s/%s {%d+}\r\n%s)\r\n' % (S.encode(), name.encode(), len(value), value)
    for name in names:
        lines += b's SETMETADATA "" (%s/%s NIL)\r\n' % (S.encode(), name.encode())
    raw.send(lines)
    for _ in range(20):
        assert raw.line().startswith(b"s OK")
    for number in range(4):
        service.rules(f"hangs-{number:06}")
        assert setmetadata(raw, f"{S}/hangs-{number:06}", None).startswith(b"OK")
    assert eventually(lambda: "push-waiting: 0\n" in coid.ctl("status"))
    time.sleep(3)
    assert [name for name in names if service.received(name)] == []


# WP-03
@pytest.mark.timeout(120)
def test_wp_03_what_waits_when_the_key_changes_is_void_and_sessions_are_told(make_coid, service):
    coid = make_coid(settings=push_settings())
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    subscribed(raw, service, ID)
    service.rules(ID, {"status": 503, "retryAfter": 2, "times": 1})
    coid.deliver(alice, message("one"))
    service.wait(ID, 2)
    watcher = coid.raw(alice)
    watcher.ok("NOTIFY SET (personal (ServerMetadataChange))")
    coid.ctl("vapid", "rotate")
    assert watcher.response() == b'* METADATA "" ' + f"{W}/vapid".encode()
    assert eventually(lambda: "push-waiting: 0\n" in coid.ctl("status"))
    time.sleep(3)
    assert len(service.received(ID)) == 2
    coid.restart()
    time.sleep(1)
    assert len(service.received(ID)) == 2


# WP-40
def test_wp_40_the_topic_is_the_message(make_coid, service):
    """RFC 8030 section 5.4: the push of a message that is sent once more takes the place of the first one."""
    coid = make_coid(settings=push_settings())
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    subscribed(raw, service, ID)
    subscribed(raw, service, "other-000001")
    service.rules(ID, {"status": 500, "times": 1})
    coid.deliver(alice, message("one"))
    first, again = service.wait(ID, 3)[1:]
    coid.deliver(alice, message("two"))
    other = service.wait(ID, 4)[3]
    topics = [push["headers"]["topic"] for push in (first, again, other, service.wait("other-000001", 3)[1])]
    assert topics[0] == topics[1] and len(set(topics)) == 3
    assert all(len(topic) == 32 for topic in topics)
    assert "topic" not in service.received(ID)[0]["headers"]


# WP-46
@pytest.mark.timeout(120)
def test_wp_46_what_was_taken_before_a_kill_is_not_pushed_again(make_coid, service):
    """The note that a push was owed is taken away a second later: a kill in between is no reason to send it again."""
    coid = make_coid(settings=push_settings())
    alice = coid.add_user("alice@example.org")
    subscribed(coid.raw(alice), service, ID)
    for number in range(5):
        coid.deliver(alice, message(f"m{number}"))
        service.wait(ID, 2 + number)
        assert eventually(lambda: "push-active: 0\n" in coid.ctl("status"))
        coid.ctl("status")
        coid.kill()
        coid.start()
        coid.wait_log("looking for owed pushes accounts=1")
    time.sleep(2)
    assert subjects(service, ID)[1:] == [f"m{number}" for number in range(5)]


def test_removing_an_unknown_subscription_names_what_is_missing(make_coid):
    coid = make_coid(settings=push_settings())
    alice = coid.add_user("alice@example.org")
    done = coid.ctl("push", "remove", alice, "unknown-id-1", check=False)
    assert done.returncode != 0 and "unknown-id-1: there is no such push subscription" in done.stderr + done.stdout
    done = coid.ctl("push", "remove", "nobody@example.org", "unknown-id-1", check=False)
    assert done.returncode != 0 and "nobody@example.org: there is no such user" in done.stderr + done.stdout
