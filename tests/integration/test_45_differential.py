"""Clients of different kinds work on the same mailboxes at random, lose their connections and resynchronise; at each quiet
point the cache of each must equal the mailbox.

A failure names its seed. To repeat it, or for a long run:
    COID_DIFFERENTIAL_SEED=123 COID_DIFFERENTIAL_STEPS=20000 pytest -k differential --timeout 3600
"""

import os
import random
import re
import time

import pytest

from cacheclient import CacheClient
from coid import Coid, message
from contextclient import HEAD, PAIRS, Context, numbers
from fetchtext import fetch

STEPS = int(os.environ.get("COID_DIFFERENTIAL_STEPS", "1500"))
SEED = os.environ.get("COID_DIFFERENTIAL_SEED")
QUIET_EVERY = 50
BOXES = ["INBOX", "One", "Two", "Three", "Four"]
SELECTED = ["INBOX"] * 4 + ["One"] * 2 + BOXES  # most clients meet in a few
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted", "\\Deleted", "$Work", "$Chat"]
MODES = [("plain", ("UIDONLY",)), ("condstore", ("UIDONLY",)), ("qresync", ("UIDONLY",)), ("plain", ("IMAP4rev2",)),
         ("condstore", ("IMAP4rev2",)), ("qresync", ("IMAP4rev2", "UIDONLY"))]
IDLE_MODES = ["UIDONLY", "IMAP4rev2"]
NOTIFIED = [("plain", "selected"), ("plain", "selected-delayed"), ("condstore", "selected-delayed"), ("qresync", "selected")]
MESSAGES_MAX = 150  # of a mailbox; then half of it goes


class ContextCacheClient(CacheClient):
    """One that also keeps the result of a search by what it is told (RFC 5267)."""

    result = None

    def open(self, name, rng, command="SELECT"):
        self.result = None
        if not super().open(name, rng, command):
            return False
        self.run("UID SEARCH RETURN (UPDATE ALL) UNSEEN")
        return self.box is not None

    def forget_box(self):
        self.result = None
        super().forget_box()

    def untagged(self, line, text=b""):
        assert b"[NOUPDATE" not in line, line
        head = HEAD.match(line)
        if head and PAIRS.search(line):
            assert self.result and head.group(1) == self.result.tag and head.group(3), line
            for word, places in PAIRS.findall(line):
                self.result.apply(word, places)
        elif head and b"UPDATE" in text:
            assert not self.result and head.group(1) == self.outstanding[0], line
            found = re.search(rb" ALL (\S+)", line)
            self.result = Context(head.group(1), True, numbers(found.group(1)) if found else [])
        else:
            super().untagged(line, text)


class Differential:
    def __init__(self, coid, user, seed, mover=False):
        self.coid, self.user, self.seed, self.mover = coid, user, seed, mover
        self.selected = SELECTED + ["COI/Chats"] * 3 if mover else SELECTED
        kinds = ["plain", "condstore", "qresync", "qresync", "plain", "condstore"]
        self.workers = [CacheClient(coid, user, kind, f"{kind}{i}") for i, kind in enumerate(kinds)]
        self.workers += [CacheClient(coid, user, kind, f"{kind}-{'+'.join(modes)}", modes=modes) for kind, modes in MODES]
        self.workers += [CacheClient(coid, user, kind, f"{kind}-{notify}", notify=notify) for kind, notify in NOTIFIED]
        self.contexts = [ContextCacheClient(coid, user, kind, f"context-{kind}") for kind in ("plain", "qresync")]
        self.workers += self.contexts
        self.idlers = [CacheClient(coid, user, kind, f"idle-{kind}", idler=True) for kind in ("plain", "qresync")]
        self.idlers += [CacheClient(coid, user, "condstore", "idle-notify", idler=True, notify="selected")]
        self.idlers += [CacheClient(coid, user, "plain", f"idle-{mode}", idler=True, modes=(mode,)) for mode in IDLE_MODES]
        self.step = 0

    # -- operations: each is given its client and a source of chance of its own, and returns a command to be sent, or None

    def flags(self, rng):
        return " ".join(rng.sample(FLAGS, rng.randint(0, 3)))

    def uids(self, client, rng):
        """A few UIDs, most of them there."""
        known = [slot.uid for slot in client.slots if slot.uid] or [1]
        low = known[int(rng.random() * len(known))]
        return f"{low}:{low + int(rng.random() ** 3 * 12)}"

    def append(self, client, rng):
        data = message(f"s{self.step}", "x" * rng.randint(1, 300)).decode()
        return f'APPEND "{rng.choice(BOXES)}" ({self.flags(rng)}) {{{len(data)}+}}\r\n{data}'

    def deliver(self, client, rng):
        chat = ["Chat-Version: 1.0"] if self.mover and rng.random() < 0.8 else []
        for i in range(3 if self.mover else 1):
            self.coid.deliver(self.user, message(f"d{self.step}.{i}", headers=chat))

    def store(self, client, rng):
        silent = rng.choice(["", ".SILENT"])
        return f"UID STORE {self.uids(client, rng)} {rng.choice('+-+-+ ').strip()}FLAGS{silent} ({self.flags(rng)})"

    def refused(self, client, rng):
        """A client with UIDONLY forgets itself now and then."""
        return rng.choice(["FETCH 1:* (FLAGS)", "SEARCH ALL", "COPY 1 One", "STORE 1:* +FLAGS (\\Seen)"])

    def store_by_number(self, client, rng):
        if not client.slots:
            return "NOOP"
        if client.by_uid:
            return self.store(client, rng)
        low = 1 + int(rng.random() * len(client.slots))
        high = min(len(client.slots), low + rng.randint(0, 5))
        return f"STORE {low}:{high} {rng.choice('+-')}FLAGS{rng.choice(['', '.SILENT'])} ({self.flags(rng)})"

    def store_if(self, client, rng):
        if client.kind == "plain" or client.modseq == 0:
            return self.store(client, rng)
        silent = rng.choice(["", ".SILENT"])
        since = max(0, client.modseq - rng.choice([0, 0, 0, 3, 20]))
        return (f"UID STORE {self.uids(client, rng)} (UNCHANGEDSINCE {since}) {rng.choice('+-')}FLAGS{silent} "
                f"({self.flags(rng)})")

    def expunge(self, client, rng):
        if len(client.slots) > MESSAGES_MAX:
            if client.by_uid:
                client.run(f"UID STORE 1:{client.slots[len(client.slots) // 2].uid or 1} +FLAGS.SILENT (\\Deleted)")
            else:
                client.run(f"STORE 1:{len(client.slots) // 2} +FLAGS.SILENT (\\Deleted)")
            if client.box is None:
                return None
        return "EXPUNGE"

    def churn(self, client, rng):
        """More messages go at once than a short history holds."""
        if client.by_uid:
            return self.expunge(client, rng)
        for _ in range(8):
            if client.box is None or not client.slots or len(client.slots) >= 130:
                break
            client.run(f'COPY 1:* "{client.box}"')
            client.fill()
        if client.box is not None and len(client.slots) > 5:
            client.run(f"STORE 3:{len(client.slots) - 2} +FLAGS.SILENT (\\Deleted)")
        return "EXPUNGE"

    def uid_expunge(self, client, rng):
        return f"UID EXPUNGE {self.uids(client, rng)}"

    def close(self, client, rng):
        """CLOSE removes what the client believes to be \\Deleted without a word: it has to resynchronise."""
        client.run("CLOSE")
        if client.raw:
            client.forget_box()

    def unselect(self, client, rng):
        client.run("UNSELECT")
        if client.raw:
            client.forget_box()

    def copy(self, client, rng):
        return f'UID COPY {self.uids(client, rng)} "{rng.choice(BOXES)}"'

    def move(self, client, rng):
        return f'UID MOVE {self.uids(client, rng)} "{rng.choice(BOXES)}"'

    def move_by_number(self, client, rng):
        if not client.slots:
            return "NOOP"
        if client.by_uid:
            return self.refused(client, rng) if client.uidonly else "NOOP"
        low = 1 + int(rng.random() * len(client.slots))
        return f'MOVE {low}:{min(len(client.slots), low + 2)} "{rng.choice(BOXES)}"'

    def fetch_body(self, client, rng):
        return f"UID FETCH {self.uids(client, rng)} (BODY[TEXT]<0.10>)"

    def fetch_by_number(self, client, rng):
        if not client.slots:
            return "NOOP"
        if client.by_uid:
            return f"UID FETCH {self.uids(client, rng)} {rng.choice(['(FLAGS)', '(UID)', '(UID FLAGS)'])}"
        low = 1 + int(rng.random() * len(client.slots))
        items = rng.choice(["(FLAGS)", "(UID)", "(UID FLAGS)"] + ["(UID FLAGS MODSEQ)", "(MODSEQ)"] * (client.kind != "plain"))
        return f"FETCH {low}:{min(len(client.slots), low + rng.randint(0, 9))} {items}"

    def search(self, client, rng):
        keys = ["UNSEEN", "DELETED", "KEYWORD $Work", "UID 1:100", "OR SEEN FLAGGED"]
        if client.kind != "plain":
            keys.append(f"MODSEQ {client.modseq}")
        return f"{rng.choice(['', 'UID '] if not client.by_uid else ['UID '])}SEARCH {rng.choice(keys)}"

    def noop(self, client, rng):
        return rng.choice(["NOOP", "CHECK"])

    def reselect(self, client, rng):
        client.open(rng.choice(self.selected), rng, rng.choice(["SELECT", "SELECT", "SELECT", "EXAMINE"]))

    def create(self, client, rng):
        return f'CREATE "{rng.choice(BOXES[1:])}"'

    def delete(self, client, rng):
        client.run(f'DELETE "{rng.choice(BOXES[1:])}"')
        answer = client.run("CHECK") if client.raw else None
        if answer and answer.startswith(b"BAD"):  # its own: nothing is selected any more
            client.forget_box()

    def rename(self, client, rng):
        # Renaming INBOX moves its messages and leaves it.
        source = rng.choice(BOXES[1:] * 4 + ["INBOX"])
        return f'RENAME "{source}" "{rng.choice(BOXES[1:])}"'

    def status(self, client, rng):
        items = "MESSAGES UIDNEXT" + " HIGHESTMODSEQ" * (client.kind != "plain")
        return f'STATUS "{rng.choice(BOXES)}" ({items})'

    def cut(self, client, rng):
        """The connection is lost somewhere in an answer: what was read counts, but no HIGHESTMODSEQ without a tagged line."""
        client.command(rng.choice([self.store, self.store_by_number, self.fetch_by_number, self.noop, self.move,
                                   self.expunge_all])(client, rng))
        tag, text = client.outstanding
        try:
            for _ in range(rng.randint(0, 6)):
                line = client.read(0.2)
                if line is None or line.startswith(tag + b" "):
                    break
                client.untagged(line, text)
        except (OSError, EOFError):
            pass
        except Exception as error:
            if type(error).__name__ != "Closed":
                raise
        client.disconnect()

    def drop_after_numbers(self, client, rng):
        """The connection is lost behind a tagged line that had to hold an EXPUNGE back: it must not have been hidden by a
        MODSEQ."""
        command = rng.choice([self.store_by_number, self.fetch_by_number, self.search])(client, rng)
        client.run(command)
        client.disconnect()

    def expunge_all(self, client, rng):
        return "EXPUNGE"

    def leave(self, client, rng):
        client.logout()

    OPERATIONS = [
        (append, 14), (deliver, 4), (store, 18), (store_by_number, 8), (store_if, 8), (expunge, 6), (churn, 1),
        (uid_expunge, 3), (close, 3), (unselect, 2), (copy, 6), (move, 6), (move_by_number, 3), (fetch_body, 6),
        (fetch_by_number, 6), (search, 3), (noop, 5),
        (reselect, 9), (create, 3), (delete, 1), (rename, 1), (status, 2), (cut, 5), (drop_after_numbers, 6), (leave, 1)]

    # -- running ------------------------------------------------------------------------------------------------------

    def ready(self, client, rng):
        """Connected and with a mailbox selected."""
        for _ in range(10):
            if client.raw and client.box is not None:
                return
            client.open(rng.choice(self.selected), rng)
        client.open("INBOX", rng)

    def idle(self, client, rng):
        if client.raw and client.idle_tag is not None:
            client.poll()
        while client.idle_tag is None:
            if not client.open(rng.choice(BOXES), rng):
                continue
            client.start_idle()

    def burst(self):
        """Some clients get a command each, before any answer is read."""
        rng = random.Random(f"{self.seed}/{self.step}")
        clients = rng.sample(self.workers, rng.choice([1, 1, 2, 3, 5]))
        functions, weights = zip(*self.OPERATIONS)
        for client in clients:
            self.step += 1
            chance = random.Random(f"{self.seed}/{self.step}/{client.name}")
            self.ready(client, chance)
            command = chance.choices(functions, weights)[0](self, client, chance)
            if command and client.raw and client.box is not None:
                client.send(command)
        for client in clients:
            client.wait()
            client.fill()
        for client in self.idlers:
            self.idle(client, rng)

    def truth(self):
        """{uidvalidity: (name, {uid: flags}, HIGHESTMODSEQ)} as a fresh session sees it."""
        out = {}
        with self.coid.raw(self.user) as raw:
            for line in raw.ok('LIST "" "*"'):
                name = re.search(rb'"/" "([^"]*)"', line).group(1).decode()
                if b"\\Noselect" in line:
                    continue
                text = b"\n".join(raw.ok(f'EXAMINE "{name}"'))
                uidvalidity = int(re.search(rb"\[UIDVALIDITY (\d+)\]", text).group(1))
                highest = int(re.search(rb"\[HIGHESTMODSEQ (\d+)\]", text).group(1))
                count = int(re.search(rb"\* (\d+) EXISTS", text).group(1))
                messages = [fetch(line)[1] for line in raw.ok("FETCH 1:* (UID FLAGS)")] if count else []
                flags = {m["UID"]: frozenset(bytes(flag) for flag in m["FLAGS"]) - {b"\\Recent"} for m in messages}
                assert uidvalidity not in out and len(flags) == count
                out[uidvalidity] = (name, flags, highest)
        return out

    def compare(self, client, truth, what):
        name, flags, highest = truth[client.uidvalidity]
        known = client.known()
        assert list(known) == list(flags), f"{client.name} {what}: messages of {name}"
        different = {uid: (known[uid], flags[uid]) for uid in flags if known[uid] != flags[uid]}
        assert not different, f"{client.name} {what}: flags of {name} (cache, truth): {different}"
        assert client.modseq <= highest, f"{client.name} {what}: HIGHESTMODSEQ {client.modseq} of {highest}"

    def compare_results(self, client, truth):
        unseen = [uid for uid, flags in truth[client.uidvalidity][1].items() if b"\\Seen" not in flags]
        end = time.monotonic() + 20
        while client.result.results != unseen and time.monotonic() < end:
            client.run("NOOP")  # a look at many messages is not waited for
        assert client.result.results == unseen, f"{client.name}: unseen messages of {client.box}"

    def again(self, client, truth):
        """Acts as if the client had lost its connection: a second one resynchronises from its cache."""
        rng = random.Random(f"{self.seed}/{self.step}/again")
        twin = CacheClient(self.coid, self.user, client.kind, f"{client.name} (twin)", modes=client.modes)
        twin.caches, twin.names = dict(client.caches), dict(client.names)
        try:
            for uidvalidity, (name, _, _) in truth.items():
                # Every mailbox that it has ever seen, however long ago.
                if uidvalidity in twin.caches and twin.names.get(name) == uidvalidity:
                    assert twin.open(name, rng, "EXAMINE")
                    self.compare(twin, truth, "after resynchronising")
        except BaseException:
            client.trace.extend(["-- twin"] + list(twin.trace))
            raise
        finally:
            twin.disconnect()

    def quiet(self):
        if self.mover:
            # A job of its own moves messages that have been seen; a look at every mailbox comes after it.
            for client in self.workers:
                self.ready(client, random.Random(f"{self.seed}/{self.step}/ready"))
            self.truth()
        for client in self.workers:
            self.ready(client, random.Random(f"{self.seed}/{self.step}/ready"))
        for client in self.workers:
            client.run("NOOP")
            if client.box is None:
                self.ready(client, random.Random(f"{self.seed}/{self.step}/ready"))
            client.fill()
        truth = self.truth()
        for client in self.workers:
            self.compare(client, truth, "connected")
            if client in self.contexts:
                self.compare_results(client, truth)
            client.save()
            self.again(client, truth)
        for client in self.idlers:
            end = time.monotonic() + 20
            rng = random.Random(f"{self.seed}/{self.step}/idle")
            self.idle(client, rng)
            while client.known() != truth[client.uidvalidity][1] and time.monotonic() < end:
                client.poll(0.05)
                self.idle(client, rng)
            self.compare(client, truth, "idling")

    def run(self, steps):
        try:
            with self.coid.raw(self.user) as raw:
                if self.mover:
                    config = "/private/vendor/vendor.dovecot/coi/config"
                    raw.ok(f'SETMETADATA "" ({config}/enabled "yes" {config}/message-filter "seen")')
                for name in BOXES[1:]:
                    raw.ok(f'CREATE "{name}"')
            next_quiet = QUIET_EVERY
            while self.step < steps:
                self.burst()
                if self.step >= next_quiet:
                    self.quiet()
                    next_quiet += QUIET_EVERY
            self.quiet()
        except BaseException as error:
            print(f"seed {self.seed}, step {self.step}: {error}")
            for client in self.workers + self.idlers:
                print(f"== {client.name}: {client.box} modseq {client.modseq}")
                print("\n".join(client.trace))
            raise
        finally:
            for client in self.workers + self.idlers:
                client.disconnect()


CASES = [
    pytest.param({"server.reactors": 1}, id="one-reactor"),
    pytest.param({"server.reactors": 3, "server.workers": 4}, id="three-reactors", marks=pytest.mark.threads),
    pytest.param({"server.reactors": 1, "store.expunge_log_max": 100}, id="short-history"),
]


@pytest.mark.timeout(max(180, STEPS))
@pytest.mark.parametrize("settings", CASES)
def test_differential(settings, request):
    seed = SEED or f"{request.node.callspec.id}-{random.randrange(1 << 32)}"
    print(f"COID_DIFFERENTIAL_SEED={seed}")
    with Coid(settings=settings) as coid:
        Differential(coid, coid.add_user("alice@example.org"), seed).run(STEPS)


# proves COI-48 (QRESYNC and CONDSTORE stay right while the server moves what is seen)
@pytest.mark.timeout(max(180, STEPS))
@pytest.mark.parametrize("settings", CASES[:2])
def test_differential_with_the_seen_mover(settings, request):
    seed = SEED or f"mover-{request.node.callspec.id}-{random.randrange(1 << 32)}"
    print(f"COID_DIFFERENTIAL_SEED={seed}")
    with Coid(settings=settings) as coid:
        Differential(coid, coid.add_user("alice@example.org"), seed, mover=True).run(STEPS)
        # It did move some.
        assert b"UIDNEXT 1)" not in coid.raw("alice@example.org").ok('STATUS "COI/Chats" (UIDNEXT)')[0]
