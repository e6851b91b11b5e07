"""Chatmail extensions (rows CM-xx): device tokens, facts, the notifier, accounts that make themselves."""

import imaplib
import time

import pytest

from coid import message
from meta import get
from pushd import PushService, push_settings, setmetadata

TOKEN = "fcm:device-token-1"
ENTRY = "/private/devicetoken"
PASSWORD = "a long enough password"


@pytest.fixture
def notifier():
    made = PushService()
    yield made
    made.close()


def chatmail_settings(notifier, **more):
    settings = push_settings()
    settings.update({"chatmail.enabled": True, "chatmail.relay": True,
                     "chatmail.notifier_url": f"{notifier.origin}/p/token"})
    settings.update({f"chatmail.{key}": value for key, value in more.items()})
    return settings


@pytest.fixture
def coid(make_coid, notifier):
    return make_coid(settings=chatmail_settings(notifier, iroh_relay="https://iroh.example.org", max_smtp_recipients="1000"))


@pytest.fixture
def raw(coid, alice):
    return coid.raw(alice)


def token_set(raw, token, mailbox="INBOX"):
    answer = setmetadata(raw, ENTRY, token, mailbox)
    assert answer.startswith(b"OK"), answer


def bodies(notifier):
    return [push["body"] for push in notifier.received("token")]


# CM-01
def test_cm_01_the_capabilities_are_listed_after_login(coid, alice, make_coid):
    raw = coid.raw()
    assert b"XDELTAPUSH" not in raw.ok("CAPABILITY")[0]
    shown = coid.raw(alice).ok("CAPABILITY")[0].split()
    assert b"XDELTAPUSH" in shown and b"XCHATMAIL" in shown
    plain = make_coid()
    shown = plain.raw(plain.add_user("bob@example.org")).ok("CAPABILITY")[0]
    assert b"XDELTAPUSH" not in shown and b"XCHATMAIL" not in shown


# CM-02
def test_cm_02_facts_are_what_the_configuration_says(raw):
    names = ("/shared/comment /shared/admin /shared/vendor/deltachat/irohrelay /shared/vendor/deltachat/turn "
             "/shared/vendor/deltachat/maxsmtprecipients /shared/vendor/deltachat/appversions")
    assert get(raw, f"({names})") == {"/shared/vendor/deltachat/irohrelay": b"https://iroh.example.org",
                                      "/shared/vendor/deltachat/maxsmtprecipients": b"1000"}
    assert setmetadata(raw, "/shared/vendor/deltachat/turn", "x").startswith(b"NO")


# CM-03, CM-04
def test_cm_03_tokens_are_added_in_every_form_of_string_and_cm_04_joined_by_a_blank(coid, alice, raw):
    watcher = coid.raw(alice)
    raw.ok(f'SETMETADATA "INBOX" ({ENTRY} "quoted-token")')
    raw.ok(f'SETMETADATA "INBOX" ({ENTRY} "quoted-token")')
    token_set(raw, "literal-token")
    tag = raw.tag()
    raw.send(tag + f' SETMETADATA "INBOX" ({ENTRY} '.encode() + b"{10}\r\n")
    assert raw.response().startswith(b"+")
    raw.send(b"sync-token)\r\n")
    assert raw.until(tag)[0].startswith(b"OK")
    token_set(raw, "x" * 4096)
    value = get(raw, ENTRY, mailbox="INBOX")[ENTRY].decode()
    assert sorted(value.split(" ")) == sorted(["quoted-token", "literal-token", "sync-token", "x" * 4096])
    assert not any(b"METADATA" in line for line in watcher.ok("NOOP"))
    assert setmetadata(raw, ENTRY, "x" * 4097, "INBOX").startswith(b"NO")
    assert setmetadata(raw, ENTRY, "two words", "INBOX").startswith(b"NO [CANNOT]")
    assert setmetadata(raw, ENTRY, TOKEN, "").startswith(b"NO [CANNOT]")
    assert b"-token" not in b"".join(raw.ok('GETMETADATA (DEPTH infinity) "" /private'))


# CM-05
def test_cm_05_each_delivered_message_is_announced_once_per_token(coid, alice, raw, notifier):
    token_set(raw, TOKEN)
    token_set(raw, "other-token")
    coid.deliver(alice, message("one"))
    coid.deliver("alice+Archive@example.org", message("two"))
    notifier.wait("token", 4)
    assert sorted(bodies(notifier)) == sorted(2 * [TOKEN, "other-token"])
    coid.deliver(alice, message("own", sender="Alice@Example.org"))
    raw.append("INBOX", message("append"))
    raw.ok('SELECT "INBOX"')
    raw.ok('COPY 1 "Archive"')
    raw.ok('MOVE 1 "Trash"')
    time.sleep(0.7)
    assert len(bodies(notifier)) == 4


# CM-06
def test_cm_06_the_body_is_the_token_and_nothing_else(coid, alice, raw, notifier):
    token_set(raw, TOKEN)
    coid.deliver(alice, message("secret subject"))
    push = notifier.wait("token")[0]
    assert push["body"] == TOKEN and push["method"] == "POST"
    shown = str(push["headers"])
    assert "alice" not in shown and "secret" not in shown and "authorization" not in push["headers"]
    coid.deliver(alice, message("again"))
    pushes = notifier.wait("token", 2)
    assert pushes[0]["connection"] == pushes[1]["connection"]


# CM-06
def test_cm_06_410_removes_the_token(coid, alice, raw, notifier):
    token_set(raw, TOKEN)
    notifier.rules("token", {"status": 410})
    coid.deliver(alice, message())
    notifier.wait("token")
    coid.wait_log("the push service does not know it")
    end = time.monotonic() + 5
    while get(raw, ENTRY, mailbox="INBOX") and time.monotonic() < end:
        time.sleep(0.05)
    assert get(raw, ENTRY, mailbox="INBOX") == {}


# CM-06, CM-07
def test_cm_06_anything_else_is_tried_again_after_8_seconds_and_cm_07_survives_a_restart(coid, alice, raw, notifier):
    token_set(raw, TOKEN)
    notifier.rules("token", {"status": 404, "times": 1})
    coid.deliver(alice, message())
    notifier.wait("token")
    time.sleep(0.5)
    coid.restart()
    first, second = notifier.wait("token", 2)
    assert 7.5 <= second["time"] - first["time"] <= 15
    assert second["body"] == TOKEN
    time.sleep(0.5)
    assert "push-sent: 1\n" in coid.ctl("status")


# CM-08
def test_cm_08_a_first_login_makes_the_account(make_coid, notifier):
    coid = make_coid(settings=chatmail_settings(notifier, auto_create=True, auto_create_domains=["example.org"],
                                                auto_create_per_hour=3))
    coid.login("abcdefghi@example.org", PASSWORD).logout()
    assert "abcdefghi@example.org" in coid.ctl("user", "list")
    coid.login("Abcdefghi@example.org", PASSWORD).logout()
    coid.deliver("abcdefghi@example.org", message())
    for name, password in [("abcdefghi@example.org", "another password"), ("short@example.org", PASSWORD),
                           ("x" * 33 + "@example.org", PASSWORD), ("abcdefghij@other.example", PASSWORD),
                           ("abc!defghi@example.org", PASSWORD), ("abcdefghij@example.org", "short")]:
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            coid.login(name, password)
    assert coid.ctl("user", "list").split() == ["abcdefghi@example.org"]
    coid.login("bcdefghij@example.org", PASSWORD).logout()
    coid.login("cdefghijk@example.org", PASSWORD).logout()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        coid.login("defghijkl@example.org", PASSWORD)
    assert len(coid.ctl("user", "list").split()) == 3


# CM-08
def test_cm_08_it_is_off_unless_configured(coid):
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        coid.login("abcdefghi@example.org", PASSWORD)
    assert coid.ctl("user", "list") == ""
