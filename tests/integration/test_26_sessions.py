"""Several sessions change one mailbox at random; what each has been told must be what is there.

COID_STEPS and COID_SEED make it longer or repeat a failure.
"""

import os
import random
import re

import pytest

from coid import message
from fetchtext import fetch

STEPS = int(os.environ.get("COID_STEPS", "250"))
SEEDS = [int(seed) for seed in os.environ.get("COID_SEED", "1,2").split(",")]
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$One", "$Two"]


class Entry:
    """A message as a client knows it."""

    def __init__(self):
        self.uid = None
        self.flags = None


class Client:
    def __init__(self, raw, mailbox):
        self.raw = raw
        self.entries = []
        self.idle_tag = None
        self.take(raw.ok(f'SELECT "{mailbox}"'), True)

    def take(self, untagged, expunge_allowed):
        for line in untagged:
            found = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)", line)
            if not found:
                continue
            number, what = int(found.group(1)), found.group(2)
            if what == b"EXISTS":
                assert number >= len(self.entries)
                self.entries += [Entry() for _ in range(number - len(self.entries))]
            elif what == b"EXPUNGE":
                assert expunge_allowed, untagged
                del self.entries[number - 1]
            else:
                self.take_fetch(number, fetch(line)[1])

    def take_fetch(self, number, items):
        entry = self.entries[number - 1]
        if "UID" in items:
            assert entry.uid in (None, items["UID"])
            entry.uid = items["UID"]
        if "FLAGS" in items:
            entry.flags = sorted(set(items["FLAGS"]) - {b"\\Recent"})

    def run(self, command):
        """A command; numbers must not change while one of these runs by number."""
        self.stop_idle()
        by_number = command.split()[0] in ("FETCH", "STORE", "SEARCH")
        tagged, untagged = self.raw.cmd(command)
        assert tagged.startswith((b"OK", b"NO [EXPUNGEISSUED]")), (command, tagged)
        self.take(untagged, not by_number)
        return tagged, untagged

    def idle(self):
        if not self.idle_tag:
            self.idle_tag = self.raw.command("IDLE")
            response = self.raw.response()
            while not response.startswith(b"+"):
                self.take([response], True)
                response = self.raw.response()

    def stop_idle(self):
        if self.idle_tag:
            tagged, untagged = self.raw.done(self.idle_tag)
            assert tagged.startswith(b"OK")
            self.idle_tag = None
            self.take(untagged, True)

    def state(self):
        return [(entry.uid, entry.flags) for entry in self.entries]

    def check(self):
        """The untagged responses agree with the mailbox."""
        self.run("NOOP")
        before = self.state()
        untagged = self.run("FETCH 1:* (UID FLAGS)")[1] if self.entries else []
        told = [line for line in untagged if not line.endswith(b" RECENT")]
        assert len(told) == len(self.entries), (len(self.entries), told)
        for (uid, flags), (now_uid, now_flags) in zip(before, self.state()):
            assert uid in (None, now_uid)
            assert flags is None or flags == now_flags, (now_uid, flags, now_flags)
        return self.state()


def random_set(rng, client):
    """(set, "UID " or "") of some of the messages; by number only if there are any."""
    count = len(client.entries)
    numbers = sorted(rng.sample(range(1, count + 1), rng.randint(1, min(3, count)))) if count else []
    if rng.random() < 0.5 or not numbers:
        uids = [client.entries[n - 1].uid or 1 for n in numbers] or [1]
        if rng.random() < 0.2:
            return f"{uids[0]}:{uids[0] + rng.randint(0, 20)}", "UID "
        return ",".join(map(str, uids)), "UID "
    return ",".join(map(str, numbers)), ""


def step(rng, client, mailbox):
    kind = rng.random()
    # Numbers may change until the end of IDLE.
    client.stop_idle()
    chosen, uid = random_set(rng, client)
    flags = " ".join(rng.sample(FLAGS, rng.randint(0, 3)))
    if kind < 0.12:
        data = message(subject=str(rng.random()))
        tag = client.raw.tag()
        client.raw.send(tag + f" APPEND {mailbox} ({flags}) {{{len(data)}+}}\r\n".encode() + data + b"\r\n")
        tagged, untagged = client.raw.until(tag)
        assert tagged.startswith(b"OK [APPENDUID")
        client.take(untagged, True)
    elif kind < 0.40:
        silent = rng.choice(["", ".SILENT"])
        what = rng.choice(["FLAGS", "+FLAGS", "-FLAGS"])
        client.run(f"{uid}STORE {chosen} {what}{silent} ({flags})")
        if silent:
            forget(client, chosen, uid)
    elif kind < 0.48:
        client.run(f"{uid}STORE {chosen} +FLAGS (\\Deleted)")
    elif kind < 0.53:
        client.run("EXPUNGE")
    elif kind < 0.57:
        client.run(f"UID EXPUNGE {rng.randint(1, 200)}:{rng.randint(1, 200)}")
    elif kind < 0.62:
        if len(client.entries) < 60:
            client.run(f'{uid}COPY {chosen} "{mailbox}"')
    elif kind < 0.65:
        client.run(f'{uid}MOVE {chosen} "{rng.choice([mailbox, "Other"])}"')
    elif kind < 0.75:
        client.run(f"{uid}FETCH {chosen} (UID FLAGS BODY.PEEK[HEADER.FIELDS (Subject)])")
    elif kind < 0.80:
        client.run(f"{uid}FETCH {chosen} (UID BODY[TEXT])")
    elif kind < 0.86:
        client.run(f"{uid}SEARCH UNDELETED SUBJECT 0.1")
    elif kind < 0.94:
        client.idle()
    else:
        client.run("NOOP")


def forget(client, chosen, uid):
    """After .SILENT the client is taken to know the flags; this one does not."""
    wanted = set()
    for part in chosen.split(","):
        low, _, high = part.partition(":")
        wanted |= set(range(int(low), int(high or low) + 1))
    for number, entry in enumerate(client.entries, 1):
        if (entry.uid if uid else number) in wanted or entry.uid is None:
            entry.flags = None


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_session_knows_what_is_there(coid, alice, seed):
    rng = random.Random(seed)
    with coid.raw(alice) as first:
        first.ok('CREATE "Other"')
        for i in range(8):
            assert first.append("INBOX", message(subject=str(i))).startswith(b"OK")
    raws = [coid.raw(alice) for _ in range(4)]
    clients = [Client(raw, "INBOX") for raw in raws]
    for i in range(STEPS):
        step(rng, rng.choice(clients), "INBOX")
        if i % 25 == 24:
            for client in clients:
                client.stop_idle()
            states = [client.check() for client in clients]
            # The first to look may have told others nothing new: all see the same.
            assert all(state == states[0] for state in states), (i, states)
    for raw in raws:
        raw.close()
