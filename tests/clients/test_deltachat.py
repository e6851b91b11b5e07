"""Delta Chat's own core against coid: two accounts set up, get to know each other, chat, see receipts, delete."""

import pathlib
import struct
import time
import zlib

import pytest

from bridge import Bridge, ClientError
from coid import PASSWORD
from relay import Relay

SECONDS = 120


def png(size=64):
    """A picture of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + b"\x20\x80\xc0" * size) * size
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Account:
    """One account of the core; `call` is a method of its RPC."""

    def __init__(self, core, coid, user):
        self.core = core
        self.coid = coid
        self.user = user
        self.id = core.call("addAccount")

    def call(self, method, *args):
        return self.core.call(method, self.id, *args, seconds=SECONDS)

    def wait(self, kind, match=lambda data: True):
        return self.core.wait_event(kind, conn=self.id, match=match, seconds=SECONDS)

    def set_up(self, relay, smtp_security="ssl", password=PASSWORD):
        self.call("setConfig", "displayname", self.user.split("@")[0])
        self.call("addOrUpdateTransport", {
            "addr": self.user, "password": password, "certificateChecks": "acceptInvalidCertificates",
            "imapServer": "localhost", "imapPort": self.coid.ports["imaps"], "imapSecurity": "ssl", "imapUser": None,
            "imapFolder": None,
            "smtpServer": "localhost", "smtpSecurity": smtp_security, "smtpUser": None, "smtpPassword": None,
            "smtpPort": relay.tls_port if smtp_security == "ssl" else relay.starttls_port})

    def incoming(self, match=lambda message: True):
        """The next incoming message that `match` accepts."""
        while True:
            event = self.wait("IncomingMsg")
            message = self.call("getMessage", event["msgId"])
            if match(message):
                return message

    def mailbox(self, name="INBOX"):
        """How many messages the server holds there."""
        imap = self.coid.login(self.user)
        status, data = imap.select(name, readonly=True)
        imap.logout()
        return int(data[0]) if status == "OK" else None

    def wait_mailbox(self, count):
        end = time.monotonic() + SECONDS
        while (found := self.mailbox()) != count:
            assert time.monotonic() < end, f"{self.user} has {found} messages on the server, not {count}"
            time.sleep(0.2)


@pytest.fixture
def core(tmp_path):
    with open(tmp_path / "core.log", "wb") as log, Bridge(
            "deltachat_bridge.mjs", tmp_path / "accounts", log=log, env={"RUST_LOG": "info"}) as core:
        yield core


@pytest.fixture
def accounts(coid, alice, bob, core):
    passwords = {alice: PASSWORD, bob: PASSWORD}
    with Relay(coid, passwords) as relay:
        pair = [Account(core, coid, user) for user in passwords]
        pair[0].set_up(relay, "ssl")
        pair[1].set_up(relay, "starttls")
        yield pair
        core.call("stopIoForAllAccounts")


def join(inviter, joiner):
    """Secure-join; (chat of the inviter, chat of the joiner)."""
    code = inviter.call("getChatSecurejoinQrCode", None)
    chat = joiner.call("secureJoin", code)
    inviter.wait("SecurejoinInviterProgress", lambda data: data["progress"] == 1000)
    joiner.wait("SecurejoinJoinerProgress", lambda data: data["progress"] == 1000)
    contact = inviter.call("lookupContactIdByAddr", joiner.user)
    return inviter.call("createChatByContactId", contact), chat


def test_two_accounts_join_and_chat(accounts, tmp_path):
    alice, bob = accounts
    alice_chat, bob_chat = join(alice, bob)

    # Text, there and back, encrypted.
    text = "grüße von Bob \N{WAVING HAND SIGN}"
    sent = bob.call("miscSendTextMessage", bob_chat, text)
    got = alice.incoming(lambda message: message["text"] == text)
    assert got["showPadlock"] and got["chatId"] == alice_chat
    answer = alice.call("miscSendTextMessage", alice_chat, "und zurück")
    assert bob.incoming(lambda message: message["text"] == "und zurück")["showPadlock"]

    # Receipts, both ways.
    alice.call("markseenMsgs", [got["id"]])
    bob.wait("MsgRead", lambda data: data["msgId"] == sent)
    bob_got = bob.call("getMessageIds", bob_chat, False, False)[-1]
    bob.call("markseenMsgs", [bob_got])
    alice.wait("MsgRead", lambda data: data["msgId"] == answer)

    # A picture.
    picture = tmp_path / "picture.png"
    picture.write_bytes(png())
    alice.call("sendMsg", alice_chat, {"viewtype": "File", "file": str(picture), "filename": "picture.png",
                                       "text": "look"})
    shown = bob.incoming(lambda message: message["text"] == "look")
    assert shown["downloadState"] == "Done" and shown["fileName"] == "picture.png"
    assert pathlib.Path(shown["file"]).read_bytes() == png()

    # Deleted for one: gone from his server, kept by the other.
    before = bob.mailbox()
    bob.call("deleteMessages", [shown["id"]])
    bob.wait_mailbox(before - 1)

    # Deleted for all: gone from the other's chat too.
    again = alice.call("miscSendTextMessage", alice_chat, "take this back")
    taken = bob.incoming(lambda message: message["text"] == "take this back")
    alice.call("deleteMessagesForAll", [again])
    bob.wait("MsgDeleted", lambda data: data["msgId"] == taken["id"])
