"""kill -9 while chat messages come, are seen and move: each acknowledged one is there once, and what was seen has moved."""

import random
import threading
import time

import pytest

from imapraw import Closed
from meta import chat, config, configure, contents, eventually, plain

ROUNDS = 4
# The exceptions that a client gets when the server dies in the middle of a line.
DEATH = (OSError, Closed, AssertionError, ValueError, LookupError)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", ["active", "seen"])
def test_a_kill_leaves_every_chat_message_once(coid, alice, mode):
    # proves COI-48
    # proves COI-49
    configure(coid.raw(alice), enabled="yes", message_filter=mode)
    choice = random.Random(mode)
    acknowledged, next_number = set(), 0
    for _ in range(ROUNDS):
        dying = threading.Event()

        def deliver(first):
            number = first
            try:
                with coid.lmtp() as lmtp:
                    while not dying.is_set():
                        if lmtp.deliver([alice], chat(number) if number % 4 else plain(number))[alice][0] == 250:
                            acknowledged.add(number)
                        number += 2
            except DEATH:
                pass

        def see():
            try:
                raw = coid.raw(alice, mailbox="INBOX")
                while not dying.is_set():
                    raw.cmd("UID STORE 1:* +FLAGS.SILENT (\\Seen)")
                    raw.ok("NOOP")
            except DEATH:
                pass

        threads = [threading.Thread(target=deliver, args=(next_number + i,)) for i in range(2)] + [threading.Thread(target=see)]
        for thread in threads:
            thread.start()
        time.sleep(choice.uniform(0.5, 1.5))
        coid.kill()
        dying.set()
        for thread in threads:
            thread.join(30)
        next_number += 100000
        coid.start()
        raw = coid.raw(alice)
        assert config(raw) == {"mailbox-root": "COI", "enabled": "yes", "message-filter": mode}
        # contents() finds what is there twice in one mailbox.
        inbox, chats = contents(raw, "INBOX"), contents(raw, "COI/Chats")
        assert not set(inbox) & set(chats)
        assert {f"chat {n}" for n in acknowledged} <= set(inbox) | set(chats)
        for subject in chats:
            assert int(subject.split()[1]) % 4, subject

        def settled():
            left = [subject for subject, (flags, _) in contents(raw, "INBOX").items()
                    if int(subject.split()[1]) % 4 and (mode == "active" or "\\Seen" in flags)]
            return not left
        assert eventually(settled)
    assert "problems: 0" in coid.ctl("check", alice)
