"""A storm: mixed mail comes in while one session switches the filter and another takes Chats away and makes it again."""

import collections
import random
import re
import threading
import time

import pytest

from meta import PREFIX, chat, configure, plain

MESSAGES = 2000
SENDERS = 2


def subjects(raw, mailbox):
    """Subjects of all messages, each as often as it is there; and the UIDs, in order."""
    raw.ok(f'EXAMINE "{mailbox}"')
    found, uids = [], []
    for line in raw.ok("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]"):
        match = re.match(rb"\* \d+ FETCH \(UID (\d+)", line)
        if match:
            uids.append(int(match.group(1)))
            found.append(re.search(rb"Subject: ([^\r]*)", line).group(1).decode())
    raw.ok("CLOSE")
    return found, uids


class Storm:
    def __init__(self, coid, user):
        self.coid, self.user = coid, user
        self.over = threading.Event()
        self.errors = []

    def thread(self, fn, *args):
        def run():
            try:
                fn(*args)
            except BaseException as error:  # noqa: B902 - told by the test
                self.errors.append(f"{fn.__name__}: {error!r}")
                raise
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def send(self, numbers):
        with self.coid.lmtp() as lmtp:
            for n in numbers:
                answer = lmtp.deliver([self.user], chat(n) if n % 2 else plain(n))[self.user]
                assert answer[0] == 250, answer

    def switch(self):
        raw = self.coid.raw(self.user)
        choice = random.Random(1)
        while not self.over.is_set():
            raw.ok(f'SETMETADATA "" ({PREFIX}/message-filter {choice.choice(["none", "active", "seen"])})')
            time.sleep(0.01)

    def recreate(self):
        """Moves Chats, full, into the trash, or (then emptied into a folder that counts) deletes it; and makes it again."""
        raw = self.coid.raw(self.user)
        raw.ok("CREATE Kept")
        turn = 0
        while not self.over.is_set():
            turn += 1
            if turn % 2:
                raw.ok(f"RENAME COI/Chats Trash/Chats-{turn}")
            else:
                # Messages that are in the mailbox when it is deleted would be gone with it, as the user wished.
                raw.ok("SELECT COI/Chats")
                raw.ok(f'SETMETADATA "" ({PREFIX}/enabled NIL)')
                raw.ok("NOOP")
                raw.cmd("UID MOVE 1:* Kept")
                raw.ok("UNSELECT" if self.unselect else "EXAMINE Kept")
                raw.ok("DELETE COI/Chats")
            # Switching the filter may have made it again meanwhile, which enables nothing.
            tagged, _ = raw.cmd("CREATE COI/Chats")
            assert tagged.startswith((b"OK", b"NO [ALREADYEXISTS]")), tagged
            raw.ok(f'SETMETADATA "" ({PREFIX}/enabled yes)')
            time.sleep(0.05)

    def read(self):
        """Sees whatever comes into INBOX, as a client does."""
        raw = self.coid.raw(self.user, mailbox="INBOX")
        while not self.over.is_set():
            raw.cmd("UID STORE 1:* +FLAGS.SILENT (\\Seen)")
            raw.ok("NOOP")
            time.sleep(0.05)

    def watch(self, mailbox):
        """Keeps a picture of the mailbox from what the server tells; it must never be impossible."""
        raw = self.coid.raw(self.user, mailbox=mailbox)
        count = None
        while not self.over.is_set():
            tag = raw.idle()
            lines = raw.quiet(0.2)
            _, more = raw.done(tag)
            for line in lines + more:
                match = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)", line)
                if not match:
                    continue
                number, kind = int(match.group(1)), match.group(2)
                if kind == b"EXISTS":
                    assert count is None or number >= count, (count, line)
                    count = number
                elif count is not None:
                    assert 1 <= number <= count, (count, line)
                    count -= kind == b"EXPUNGE"


@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_is_doubled(coid, alice):
    # proves COI-47
    # proves COI-48
    # proves COI-49
    raw = coid.raw(alice)
    configure(raw, enabled="yes", message_filter="active")
    storm = Storm(coid, alice)
    storm.unselect = b"UNSELECT" in raw.ok("CAPABILITY")[0]
    others = [storm.thread(storm.switch), storm.thread(storm.recreate), storm.thread(storm.read), storm.thread(storm.watch, "INBOX"),
              storm.thread(storm.watch, "Drafts")]
    senders = [storm.thread(storm.send, range(i, MESSAGES, SENDERS)) for i in range(SENDERS)]
    for thread in senders:
        thread.join(250)
    storm.over.set()
    for thread in others:
        thread.join(30)
    assert not storm.errors
    # Every move that is still to come comes before what is asked now.
    raw.ok("CREATE Last")
    names = [re.search(rb'"/" "([^"]*)"', line).group(1).decode() for line in raw.ok('LIST "" *') if b"\\Noselect" not in line]
    where = collections.defaultdict(list)
    for name in names:
        found, uids = subjects(raw, name)
        assert uids == sorted(set(uids))
        for subject in found:
            where[subject].append(name)
    assert set(where) == {f"chat {n}" for n in range(MESSAGES)}
    for n in range(MESSAGES):
        places = where[f"chat {n}"]
        assert len(places) == 1, (n, places)
        if n % 2 == 0:
            assert places == ["INBOX"], (n, places)
        else:
            assert places[0] in ("INBOX", "COI/Chats", "Kept") or places[0].startswith("Trash/Chats-"), (n, places)
    check = coid.ctl("check", alice)
    assert "problems: 0" in check
