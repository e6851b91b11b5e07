"""Delta Chat's own core against coid: two accounts set up, get to know each other, chat, see receipts, delete."""

import pathlib
import random
import re
import struct
import time
import zlib

import pytest

from bridge import Bridge
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

    def name(self, message):
        """Its Message-ID."""
        return self.call("getMessageInfoObject", message)["rfc724Mid"]

    def on_server(self, name):
        """The flags of the message of that Message-ID in INBOX; None if it is not there."""
        imap = self.coid.login(self.user, mailbox="INBOX")
        found = imap.search(None, "HEADER", "MESSAGE-ID", f"<{name}>")[1][0].split()
        flags = imap.fetch(found[-1], "(FLAGS)")[1][0].decode() if found else None
        imap.logout()
        return flags

    def wait_server(self, name, match):
        end = time.monotonic() + SECONDS
        while not match(flags := self.on_server(name)):
            assert time.monotonic() < end, f"{self.user}: {flags}"
            time.sleep(0.1)


@pytest.fixture
def core(tmp_path):
    with open(tmp_path / "core.log", "wb") as log, Bridge(
            "deltachat_bridge.mjs", tmp_path / "accounts", log=log, env={"RUST_LOG": "info"}) as core:
        yield core


@pytest.fixture
def make_pair(make_coid, core):
    """Makes a daemon, its relay and the accounts of Alice and Bob; Bob's keeps its mail on the server."""
    relays = []

    def make(compress):
        coid = make_coid(settings={"imap.compress": compress})
        passwords = {coid.add_user(f"{name}@example.org"): PASSWORD for name in ("alice", "bob")}
        relays.append(Relay(coid, passwords))
        alice, bob = (Account(core, coid, user) for user in passwords)
        alice.set_up(relays[0], "ssl")
        bob.set_up(relays[0], "starttls")
        bob.call("setConfig", "bcc_self", "1")
        return alice, bob

    yield make
    core.call("stopIoForAllAccounts")
    for relay in relays:
        relay.close()


def join(inviter, joiner):
    """Secure-join; (chat of the inviter, chat of the joiner)."""
    code = inviter.call("getChatSecurejoinQrCode", None)
    chat = joiner.call("secureJoin", code)
    inviter.wait("SecurejoinInviterProgress", lambda data: data["progress"] == 1000)
    joiner.wait("SecurejoinJoinerProgress", lambda data: data["progress"] == 1000)
    contact = inviter.call("lookupContactIdByAddr", joiner.user)
    return inviter.call("createChatByContactId", contact), chat


@pytest.mark.parametrize("compress", [True, False], ids=["compressed", "uncompressed"])
def test_two_accounts_join_and_chat(make_pair, tmp_path, compress):
    alice, bob = make_pair(compress)
    alice_chat, bob_chat = join(alice, bob)

    # Text, there and back, encrypted.
    text = "grüße von Bob \N{WAVING HAND SIGN}"
    sent = bob.call("miscSendTextMessage", bob_chat, text)
    got = alice.incoming(lambda message: message["text"] == text)
    assert got["showPadlock"] and got["chatId"] == alice_chat
    answer = alice.call("miscSendTextMessage", alice_chat, "und zurück")
    answered = bob.incoming(lambda message: message["text"] == "und zurück")
    assert answered["showPadlock"] and answered["chatId"] == bob_chat

    # Receipts, both ways; Bob's server knows what he has seen.
    alice.call("markseenMsgs", [got["id"]])
    bob.wait("MsgRead", lambda data: data["msgId"] == sent)
    bob.call("markseenMsgs", [answered["id"]])
    alice.wait("MsgRead", lambda data: data["msgId"] == answer)
    bob.wait_server(bob.name(answered["id"]), lambda flags: flags and "\\Seen" in flags)

    # A picture.
    picture = tmp_path / "picture.png"
    picture.write_bytes(png())
    alice.call("sendMsg", alice_chat, {"viewtype": "Image", "file": str(picture), "filename": "picture.png",
                                       "text": "look"})
    shown = bob.incoming(lambda message: message["text"] == "look")
    assert shown["viewType"] == "Image" and shown["downloadState"] == "Done"
    assert (shown["dimensionsWidth"], shown["dimensionsHeight"]) == (64, 64)
    assert pathlib.Path(shown["file"]).read_bytes() == png()

    # Something large, which the core announces first and sends after.
    large = tmp_path / "large.bin"
    large.write_bytes(random.Random(1).randbytes(1_500_000))
    bob.call("sendMsg", bob_chat, {"viewtype": "File", "file": str(large), "filename": "large.bin", "text": "much"})
    file = alice.incoming(lambda message: "much" in message["text"])
    end = time.monotonic() + SECONDS
    while file["downloadState"] != "Done":
        assert time.monotonic() < end, file
        alice.wait("MsgsChanged")
        file = alice.call("getMessage", file["id"])
    assert pathlib.Path(file["file"]).read_bytes() == large.read_bytes()

    # Deleted for one: gone from his server, kept by the other.
    name = bob.name(shown["id"])
    assert bob.on_server(name)
    bob.call("deleteMessages", [shown["id"]])
    bob.wait_server(name, lambda flags: flags is None)

    # Deleted for all: gone from the other's chat too.
    again = alice.call("miscSendTextMessage", alice_chat, "take this back")
    taken = bob.incoming(lambda message: message["text"] == "take this back")
    alice.call("deleteMessagesForAll", [again])
    bob.wait("MsgDeleted", lambda data: data["msgId"] == taken["id"])

    # A user with one device lets the server delete messages that have been fetched.
    alice.wait_server(alice.name(got["id"]), lambda flags: flags is None)

    assert ("Enabling IMAP compression" in (tmp_path / "core.log").read_text()) == compress
    log = alice.coid.log_text()
    assert not re.search(r"^\S+ (warn|error) ", log, re.M), log
