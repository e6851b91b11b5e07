"""End to end: real Postfix, LMTP, COI, an encrypted push, and the client that follows it to the message."""

import json

import pytest

from coid import PASSWORD, message
from postfix import Postfix
from pushd import PushService, push_settings, setmetadata, subscribed

pytestmark = pytest.mark.timeout(240)

BODY = "the chat text\r\n"


@pytest.fixture
def service():
    made = PushService()
    yield made
    made.close()


@pytest.fixture
def chatter(make_coid):
    """(coid, user) with COI active."""
    coid = make_coid(settings={**push_settings(), "lmtp.socket_mode": "0666"})
    coid.folder.chmod(0o755)
    alice = coid.add_user("alice@example.org")
    coid.ctl("coi", "enable", alice)
    raw = coid.raw(alice)
    assert setmetadata(raw, "/private/vendor/vendor.dovecot/coi/config/message-filter", "active").startswith(b"OK")
    return coid, alice


def check(coid, user, push):
    """The push tells where the message is; a client that connects with what it says fetches it."""
    value = json.loads(push["plain"])
    assert value["folder"] == "COI/Chats" and value["content"] == BODY
    imap = coid.login(user, PASSWORD, mailbox=f'"{value["folder"]}"')
    assert imap.response("UIDVALIDITY")[1] == [str(value["uidvalidity"]).encode()]
    status, data = imap.uid("FETCH", str(value["uid"]), "(BODY.PEEK[TEXT])")
    assert status == "OK" and data[0][1] == BODY.encode()


# WP-30, WP-31, COI-47
def test_a_chat_message_by_postfix_wakes_the_phone(chatter, service):
    coid, alice = chatter
    subscribed(coid.raw(alice), service, "subscr-chat", "chat")
    with Postfix(f"lmtp:unix:{coid.lmtp_socket}") as postfix:
        postfix.send([alice], message("a chat", BODY, headers=["Chat-Version: 1.0"]))
        check(coid, alice, service.wait("subscr-chat", 2, seconds=90)[1])


# WP-46
def test_a_chat_message_before_a_restart_wakes_the_phone_after_it(chatter, service):
    coid, alice = chatter
    subscribed(coid.raw(alice), service, "subscr-chat", "chat")
    service.rules("subscr-chat", {"status": 503, "retryAfter": "2", "times": 1})
    coid.deliver(alice, message("a chat", BODY, headers=["Chat-Version: 1.0"]))
    service.wait("subscr-chat", 2)
    coid.restart()
    check(coid, alice, service.wait("subscr-chat", 3)[2])
