"""Answers of a push service (WP-44 to WP-46), a dead push service, and hosts that coid must not ask (WP-16)."""

import email.utils
import json
import re
import time

import pytest

from coid import message
from pushd import S, PushService, push_settings, setmetadata, subscribed
from test_70_webpush import ID, listing


@pytest.fixture
def service():
    made = PushService()
    yield made
    made.close()


@pytest.fixture
def coid(make_coid):
    return make_coid(settings=push_settings())


@pytest.fixture
def raw(coid, alice):
    return coid.raw(alice)


def subjects(service, name, count):
    return [json.loads(push["plain"])["subject"] for push in service.wait(name, count)[1:]]


# WP-44
@pytest.mark.parametrize("status", [200, 202])
def test_wp_44_200_and_202_are_as_good_as_201(coid, alice, raw, service, status):
    subscribed(raw, service, ID)
    service.rules(ID, {"status": status})
    coid.deliver(alice, message())
    service.wait(ID, 2)
    time.sleep(1)
    assert len(service.received(ID)) == 2


# WP-44
@pytest.mark.parametrize("status", [404, 410])
def test_wp_44_404_and_410_delete_the_subscription(coid, alice, raw, service, status):
    subscribed(raw, service, ID)
    subscribed(raw, service, "device-0002", name="other")
    service.rules(ID, {"status": status})
    coid.deliver(alice, message("one"))
    service.wait(ID, 2)
    coid.wait_log("the push service does not know it")
    end = time.monotonic() + 5
    while ID in listing(raw) and time.monotonic() < end:
        time.sleep(0.05)
    assert list(listing(raw)) == ["device-0002"]
    coid.deliver(alice, message("two"))
    assert subjects(service, "other", 3) == ["one", "two"]
    assert len(service.received(ID)) == 2


# WP-44
@pytest.mark.parametrize("status", [400, 401, 403])
def test_wp_44_400_401_403_are_logged_and_counted(coid, alice, raw, service, status):
    subscribed(raw, service, ID)
    service.rules(ID, {"status": status})
    coid.deliver(alice, message())
    coid.wait_log("push refused account=")
    time.sleep(1)
    assert len(service.received(ID)) == 2
    assert "push-refused: 1\n" in coid.ctl("status")
    assert ID in listing(raw)


# WP-44
def test_wp_44_413_is_tried_once_without_content(coid, alice, raw, service):
    subscribed(raw, service, ID)
    service.rules(ID, {"status": 413})
    coid.deliver(alice, message("large", "the body\r\n"))
    first, second = service.wait(ID, 3)[1:]
    assert "content" in json.loads(first["plain"])
    assert "content" not in json.loads(second["plain"]) and json.loads(second["plain"])["subject"] == "large"
    coid.wait_log("push refused account=")
    time.sleep(0.5)
    assert len(service.received(ID)) == 3


# WP-44
@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_wp_44_429_and_503_wait_for_retry_after(coid, alice, raw, service, status, form):
    subscribed(raw, service, ID)
    after = 2 if form == "seconds" else email.utils.formatdate(time.time() + 3, usegmt=True)
    service.rules(ID, {"status": status, "retryAfter": after, "times": 1})
    coid.deliver(alice, message("one"))
    service.wait(ID, 2)
    coid.deliver(alice, message("two"))
    pushes = service.wait(ID, 4)[1:]
    assert pushes[1]["time"] - pushes[0]["time"] >= 1.8
    assert sorted(json.loads(push["plain"])["subject"] for push in pushes) == ["one", "one", "two"]


# WP-44
def test_wp_44_429_without_retry_after_backs_off(coid, alice, raw, service):
    subscribed(raw, service, ID)
    service.rules(ID, {"status": 429, "times": 2})
    coid.deliver(alice, message("one"))
    times = [push["time"] for push in service.wait(ID, 4)[1:]]
    assert times[1] - times[0] >= 0.14 and times[2] - times[1] >= 0.29


# WP-44
@pytest.mark.parametrize("rule", [{"status": 500}, {"status": 502}, {"mode": "close"}])
def test_wp_44_failures_are_tried_again_with_a_limit(make_coid, service, rule):
    coid = make_coid(settings=push_settings(tries_max=3, backoff_min="100ms"))
    alice = coid.add_user("alice@example.org")
    subscribed(coid.raw(alice), service, ID)
    service.rules(ID, rule)
    coid.deliver(alice, message("one"))
    service.wait(ID, 4)
    coid.wait_log("push given up")
    time.sleep(0.5)
    assert len(service.received(ID)) == 4
    service.rules(ID)
    coid.deliver(alice, message("two"))
    assert subjects(service, ID, 5)[-1] == "two"


# WP-44
def test_wp_44_a_push_is_not_tried_beyond_its_ttl(make_coid, service):
    coid = make_coid(settings=push_settings(ttl="2s", tries_max=100))
    alice = coid.add_user("alice@example.org")
    subscribed(coid.raw(alice), service, ID)
    service.rules(ID, {"status": 500})
    coid.deliver(alice, message("one"))
    coid.wait_log("push given up")
    assert {push["headers"]["ttl"] for push in service.received(ID)[1:]} <= {"2", "1", "0"}


# WP-14
def test_wp_14_what_waits_for_a_subscription_goes_with_it(coid, alice, raw, service):
    subscribed(raw, service, ID)
    service.rules(ID, {"status": 503, "retryAfter": 2})
    coid.deliver(alice, message("one"))
    service.wait(ID, 2)
    assert setmetadata(raw, f"{S}/{ID}", None).startswith(b"OK")
    end = time.monotonic() + 10
    while "push-waiting: 0\n" not in coid.ctl("status") and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(2.5)
    assert len(service.received(ID)) == 2


# WP-16
def test_wp_16_redirects_are_not_followed(coid, alice, raw, service):
    subscribed(raw, service, ID)
    service.rules(ID, {"mode": "redirect", "location": f"{service.origin}/p/elsewhere"})
    coid.deliver(alice, message())
    coid.wait_log("push refused account=")
    assert service.received("elsewhere") == []


# WP-43
def test_wp_43_answers_that_hang_drip_or_flood_end(make_coid, service):
    coid = make_coid(settings=push_settings(timeout="1s", tries_max=2))
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    for name, rule in [("drip-000001", {"mode": "drip"}), ("flood-00001", {"mode": "flood"}), ("hang-000001", {"mode": "hang"})]:
        subscribed(raw, service, name)
        service.rules(name, rule)
    coid.deliver(alice, message())
    coid.wait_log("push given up")
    # An answer is an answer, whatever becomes of its body.
    time.sleep(0.5)
    assert len(service.received("drip-000001")) == len(service.received("flood-00001")) == 2
    assert len(service.received("hang-000001")) == 3


# WP-43
def test_wp_43_a_proxy_is_used(make_coid, service):
    import http_proxy
    with http_proxy.Proxy() as proxy:
        coid = make_coid(settings=push_settings(proxy=proxy.url))
        alice = coid.add_user("alice@example.org")
        subscribed(coid.raw(alice), service, ID)
        assert proxy.asked == [f"127.0.0.1:{service.port}"]


# WP-45
def test_wp_45_a_subscription_that_fails_for_long_is_lost(make_coid, service):
    coid = make_coid(settings=push_settings(fail_count=3, fail_age="1s", tries_max=100, backoff_max="500ms"))
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    subscribed(raw, service, ID)
    service.rules(ID, {"status": 500})
    coid.deliver(alice, message())
    coid.wait_log("it has failed for long")
    end = time.monotonic() + 5
    while ID in listing(raw) and time.monotonic() < end:
        time.sleep(0.05)
    assert listing(raw) == {}


# WP-45
def test_wp_45_a_dead_push_service_delays_nobody_else(make_coid, service):
    hanging, pausing = PushService(), PushService()
    try:
        coid = make_coid(settings=push_settings(timeout="20s", parallel_per_origin=2))
        users = [coid.add_user(f"{name}@example.org") for name in ("alice", "bob", "carol")]
        for user, to in zip(users, (hanging, pausing, service)):
            subscribed(coid.raw(user), to, ID)
        hanging.rules(ID, {"mode": "hang"})
        pausing.rules(ID, {"status": 429, "retryAfter": 60})
        began = time.monotonic()
        with coid.lmtp() as lmtp:
            for number in range(20):
                answers = lmtp.deliver(users, message(str(number)))
                assert all(code == 250 for code, _ in answers.values())
        got = subjects(service, ID, 21)
        assert sorted(got, key=int) == [str(number) for number in range(20)]
        assert time.monotonic() - began < 15
        assert coid.login("alice@example.org").noop()[0] == "OK"
        assert len(pausing.received(ID)) <= 4 and len(hanging.received(ID)) <= 3
    finally:
        hanging.close()
        pausing.close()


# WP-45
def test_wp_45_queues_are_bounded_and_the_oldest_go_first(make_coid, service):
    coid = make_coid(settings=push_settings(queue_per_origin=3, parallel_per_origin=1, timeout="3s"))
    alice = coid.add_user("alice@example.org")
    subscribed(coid.raw(alice), service, ID)
    service.rules(ID, {"mode": "hang", "times": 1})
    for number in range(8):
        coid.deliver(alice, message(str(number)))
    coid.wait_log("the queue is full")
    assert subjects(service, ID, 5) == ["0", "5", "6", "7"]
    # The first one came back when it was the oldest.
    assert "push-dropped: 5\n" in coid.ctl("status")


# WP-46
@pytest.mark.parametrize("crash", [False, True])
def test_wp_46_what_waits_survives_a_restart(coid, alice, raw, service, crash):
    coid.ctl("coi", "enable", alice)
    subscribed(raw, service, ID)
    service.rules(ID, {"status": 503, "retryAfter": 3, "times": 1})
    for subject in ("one", "two"):
        coid.deliver(alice, message(subject))
    service.wait(ID, 2)
    time.sleep(0.5)
    if crash:
        coid.kill()
        coid.start()
    else:
        coid.restart()
    assert set(subjects(service, ID, 4)[1:]) <= {"one", "two"} and "two" in subjects(service, ID, 4)
    uid = {json.loads(push["plain"])["subject"]: json.loads(push["plain"])["uid"] for push in service.received(ID)[1:]}
    assert uid == {"one": 1, "two": 2}


# WP-16
def test_wp_16_private_literals_are_refused_at_registration_and_names_when_the_socket_is_opened(make_coid, service):
    """The table of spellings is in the unit test of endpoint; here the whole way."""
    settings = push_settings()
    settings["webpush.allow_private"] = False
    coid = make_coid(settings=settings)
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    registration = service.registration(ID)
    for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "localhost"):
        registration["resource"]["endpoint"] = f"https://{host}:{service.port}/p/{ID}"
        answer = setmetadata(raw, f"{S}/{ID}", json.dumps(registration))
        assert answer.startswith(b"NO [CANNOT]") and b"endpoint" in answer, (host, answer)
    assert listing(raw) == {}
    assert service.connections() == 1 + 1


# WP-16
def test_wp_16_a_subscription_made_before_is_dropped_when_its_address_is_not_allowed(make_coid, service):
    coid = make_coid(settings=push_settings())
    alice = coid.add_user("alice@example.org")
    subscribed(coid.raw(alice), service, ID)
    coid.stop()
    coid.settings["webpush.allow_private"] = False
    coid.write_config()
    coid.start()
    coid.deliver(alice, message())
    coid.wait_log("push dropped: its endpoint is not allowed")
    time.sleep(0.3)
    assert listing(coid.raw(alice)) == {}
    assert len(service.received(ID)) == 1


def test_coidctl_lists_tests_and_removes_subscriptions(coid, alice, raw, service):
    subscribed(raw, service, ID)
    listed = coid.ctl("push", "list", alice)
    assert listed.startswith(f"{ID} type=all validated client=") and service.origin in listed
    assert re.search(r" created=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ", listed)
    shown = coid.ctl("push", "test", alice)
    assert shown.startswith(f"{ID}: 201 in ")
    assert json.loads(service.wait(ID, 2)[1]["plain"])["subject"] == "Test push"
    service.rules(ID, {"status": 410})
    done = coid.ctl("push", "test", alice, ID, check=False)
    assert done.returncode != 0 and f"{ID}: 410" in done.stdout
    assert coid.ctl("push", "test", alice, "unknown-id-1", check=False).returncode != 0
    assert coid.ctl("push", "remove", alice, ID) == f"{ID}: removed\n"
    assert coid.ctl("push", "list", alice) == "" and listing(raw) == {}
    assert coid.ctl("push", "remove", alice, ID, check=False).returncode != 0
    assert coid.ctl("push", "list", "nobody@example.org", check=False).returncode != 0


def test_pushes_of_an_account_that_is_removed_are_dropped(coid, alice, raw, service):
    subscribed(raw, service, ID)
    service.rules(ID, {"status": 503, "retryAfter": 2, "times": 1})
    coid.deliver(alice, message())
    service.wait(ID, 2)
    coid.ctl("user", "del", alice)
    time.sleep(3)
    assert len(service.received(ID)) == 2
    assert "push-waiting: 0\n" in coid.ctl("status")


def eventually(probe, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if probe():
            return True
        time.sleep(0.05)
    return False


# WP-14
@pytest.mark.parametrize("by", ["client", "new registration", "account"])
def test_wp_14_a_request_in_the_air_is_dropped_with_its_subscription(make_coid, service, by):
    coid = make_coid(settings=push_settings(timeout="60s"))
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    subscribed(raw, service, ID)
    service.rules(ID, {"mode": "hang", "times": 1})
    coid.deliver(alice, message("one"))
    service.wait(ID, 2)
    assert eventually(lambda: service.call("GET", f"/control/{ID}")["hanging"] == 1)
    if by == "client":
        assert setmetadata(raw, f"{S}/{ID}", None).startswith(b"OK")
    elif by == "account":
        coid.ctl("user", "del", alice)
    else:
        assert setmetadata(raw, f"{S}/{ID}", json.dumps(service.registration("other"))).startswith(b"OK")
        service.wait("other")
    assert eventually(lambda: "push-active: 0" in coid.ctl("status"), 5)
    assert "push-waiting: 0" in coid.ctl("status")
    time.sleep(1.5)
    assert len(service.received(ID)) == 2


# WP-22
@pytest.mark.parametrize("end", ["in order", "killed"])
def test_wp_22_a_restart_does_not_prolong_the_time_for_validation(make_coid, service, end):
    coid = make_coid(settings=push_settings(validation_window="3s", validation_max="30s"))
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    assert setmetadata(raw, f"{S}/{ID}", json.dumps(service.registration(ID))).startswith(b"OK")
    service.wait(ID)
    begin = time.monotonic()
    assert eventually(lambda: "waiting" in coid.ctl("push", "list", alice), 2)
    if end == "killed":
        coid.kill()
        coid.start()
    else:
        coid.restart()
    # Nobody looks at the account: it is the server that discards it. (A dead one would be listed as void.)
    time.sleep(max(0, 6 - (time.monotonic() - begin)))
    assert eventually(lambda: coid.ctl("push", "list", alice) == "", 5)
