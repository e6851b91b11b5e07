"""
Clients that work until the server dies, and write down what was acknowledged to them.

Ledger:  mail delivered by LMTP or APPEND into INBOX, Archive and Work, by many clients at once: of each message one knows
         that it must be there, or that it may be there, or that it must not.
Puppet:  one client that alone changes the mailboxes Play, Copies and Moved of its account, a command at a time: all that
         may be uncertain after a kill is whether the last command was done, and it was done whole or not at all.
"""

import copy
import itertools
import re
import threading
import time

from imapraw import Closed
from letters import make
from lmtpraw import Lmtp

# The exceptions that a client gets when the server dies.
DEATH = (OSError, Closed)
COPYUID = re.compile(rb"OK \[COPYUID (\d+) ([\d,:]+) ([\d,:]+)\]")
APPENDUID = re.compile(rb"OK \[APPENDUID (\d+) (\d+)\]")


def numbers(text):
    """A UID set as a list."""
    result = []
    for piece in text.split(b","):
        first, _, last = piece.partition(b":")
        result.extend(range(int(first), int(last or first) + 1))
    return result


class Counter:
    def __init__(self):
        self.lock = threading.Lock()
        self.value = 0

    def add(self):
        with self.lock:
            self.value += 1


class Uids:
    """Every UID ever seen and its message: none may be given twice."""

    def __init__(self):
        self.lock = threading.Lock()
        self.validity = {}
        self.owner = {}
        self.high = {}

    def see(self, account, mailbox, validity, uid, number):
        with self.lock:
            box = (account, mailbox)
            assert self.validity.setdefault(box, validity) == validity, f"{box}: UIDVALIDITY is another one"
            owner = self.owner.setdefault((*box, uid), number)
            assert owner == number, f"{box}: UID {uid} was message {owner}, now it is {number}"
            self.high[box] = max(self.high.get(box, 0), uid)


class Ledger:
    """(account, message number) -> mailbox."""

    def __init__(self):
        self.lock = threading.Lock()
        self.there = {}
        self.maybe = {}
        self.gone = set()

    def promise(self, account, number, mailbox):
        """It is being sent: from now on it may be there."""
        with self.lock:
            self.maybe[account, number] = mailbox

    def acknowledge(self, account, number):
        with self.lock:
            self.there[account, number] = self.maybe.pop((account, number))

    def refuse(self, account, number):
        """It was never sent whole, or the server said no; or it has been removed."""
        with self.lock:
            self.maybe.pop((account, number), None)
            self.there.pop((account, number), None)
            self.gone.add((account, number))

    def settle(self, account, found):
        """After a restart: checks what was found, {number: mailbox}, and makes it what must be there from now on."""
        with self.lock:
            for (owner, number), mailbox in self.there.items():
                if owner == account:
                    assert found.get(number) == mailbox, (
                        f"{account}: message {number} was acknowledged into {mailbox}, is in {found.get(number)}")
            for number, mailbox in found.items():
                key = (account, number)
                assert key not in self.gone, f"{account}: message {number} must not be there, is in {mailbox}"
                assert self.there.get(key, self.maybe.get(key)) == mailbox, f"{account}: message {number} in {mailbox}"
                self.there[key] = mailbox
            for key in [key for key in self.maybe if key[0] == account]:
                del self.maybe[key]
                if key not in self.there:
                    self.gone.add(key)


class Load:
    """The state that all clients of a run share. `error` is the first failure other than the server's death."""

    def __init__(self, coid, accounts, seed):
        self.coid = coid
        self.accounts = accounts
        self.seed = seed
        self.uids = Uids()
        self.ledger = Ledger()
        self.puppets = {account: Puppet(self, account) for account in accounts[:2]}
        self.users = set()
        self.users_maybe = set()
        self.serial = itertools.count(1)
        self.acknowledged = Counter()
        self.errors = []
        self.killed = threading.Event()

    def run(self, targets):
        """Starts a thread for each target; returns them."""
        threads = [threading.Thread(target=self.guard, args=target, daemon=True) for target in targets]
        for thread in threads:
            thread.start()
        return threads

    def guard(self, target, *args):
        try:
            target(*args)
        except DEATH as error:
            # The end of the load; but not before the kill.
            if not self.killed.wait(5):
                self.errors.append(f"{target}: the server closed or is silent: {error!r}")
        except BaseException as error:  # noqa: BLE001: a thread's error is the test's
            self.errors.append(f"{target}: {type(error).__name__}: {error}")

    # -- clients: each runs until the server dies --------------------------------------------------------------------

    def deliver(self, rng):
        address = str(self.coid.lmtp_socket) if rng.random() < 0.5 else ("127.0.0.1", self.coid.ports["lmtp"])
        with Lmtp(address) as lmtp:
            self.expect(lmtp.reply(), 220)
            self.expect(lmtp.cmd("LHLO relay.example.org"), 250)
            while True:
                self.deliver_one(lmtp, rng)

    def expect(self, reply, code):
        if reply[0] == 0:
            raise Closed()
        assert reply[0] == code, reply
        return reply

    def deliver_one(self, lmtp, rng):
        number = next(self.serial)
        message = make(self.seed, number)
        targets = {account: rng.choice(["INBOX", "INBOX", "Archive"])
                   for account in rng.sample(self.accounts, rng.randrange(1, len(self.accounts) + 1))}
        sent = False
        try:
            lmtp.send("MAIL FROM:<sender@example.net>\r\n")
            for account, mailbox in targets.items():
                lmtp.send(f"RCPT TO:<{account.replace('@', '+Archive@') if mailbox == 'Archive' else account}>\r\n")
            lmtp.send("DATA\r\n")
            for _ in range(len(targets) + 1):
                self.expect(lmtp.reply(), 250)
            self.expect(lmtp.reply(), 354)
            for account, mailbox in targets.items():
                self.ledger.promise(account, number, mailbox)
            sent = True
            lmtp.send(Lmtp.stuff(message) + b".\r\n")
            for account in targets:
                self.expect(lmtp.reply(), 250)
                self.ledger.acknowledge(account, number)
                self.acknowledged.add()
        finally:
            if not sent:
                for account in targets:
                    self.ledger.refuse(account, number)

    def append(self, rng, account):
        with self.coid.raw(account) as raw:
            while True:
                number = next(self.serial)
                mailbox = rng.choice(["INBOX", "Work"])
                self.ledger.promise(account, number, mailbox)
                answer = raw.append(mailbox, make(self.seed, number), rng.choice(["", "(\\Seen)", "(\\Flagged $Label1)"]),
                                    nonsync=rng.random() < 0.5)
                done = APPENDUID.match(answer)
                assert done, answer
                self.ledger.acknowledge(account, number)
                self.uids.see(account, mailbox, int(done[1]), int(done[2]), number)
                self.acknowledged.add()

    def read(self, rng, account):
        """Somebody else's eyes: an ordinary client in between."""
        with self.coid.raw(account, mailbox="INBOX") as raw:
            while True:
                raw.ok(rng.choice(["NOOP", "UID FETCH 1:* (FLAGS)", "UID SEARCH UNSEEN", "STATUS Archive (MESSAGES UNSEEN)"]))
                time.sleep(rng.random() / 20)

    def add_users(self, rng):
        """coidctl user add, one after another."""
        while not self.killed.is_set():
            name = f"new{next(self.serial)}@example.org"
            self.users_maybe.add(name)
            done = self.coid.ctl("user", "add", name, "--password-stdin", stdin="a good password\n", check=False)
            if done.returncode == 0:
                self.users_maybe.discard(name)
                self.users.add(name)
            else:
                assert self.killed.wait(5), done
            time.sleep(rng.random() / 2)


class Puppet:
    MAILBOXES = ("Play", "Copies", "Moved")
    KEYWORDS = ("\\Seen", "\\Flagged", "\\Answered", "$Work", "later")

    def __init__(self, load, account):
        self.load = load
        self.account = account
        # mailbox -> {uid: (message number, flags)}; a UID that nobody told us is negative.
        self.state = {mailbox: {} for mailbox in self.MAILBOXES}
        self.after = None
        self.unknown = itertools.count(-1, -1)

    def play(self, rng):
        with self.load.coid.raw(self.account, mailbox="Play") as raw:
            self.selected = "Play"
            while True:
                self.step(raw, rng)

    def step(self, raw, rng):
        size = len(self.state["Play"])
        if size < 3 or (size < 30 and rng.random() < 0.3):
            self.append(raw, rng)
            return
        mailbox = rng.choice(["Play"] * 4 + [m for m in ("Copies", "Moved") if self.state[m]])
        if mailbox != self.selected:
            raw.ok(f"SELECT {mailbox}")
            self.selected = mailbox
        uids = sorted(rng.sample(sorted(self.state[mailbox]), rng.randrange(1, min(8, len(self.state[mailbox])) + 1)))
        if mailbox != "Play":
            self.expunge(raw, uids)
            return
        rng.choice([self.copy, self.move, self.expunge, self.replace, lambda r, u: self.store(r, u, rng)])(raw, uids)

    def begin(self):
        """The state after the command that is about to be sent."""
        self.after = copy.deepcopy(self.state)
        return self.after

    def commit(self):
        self.state, self.after = self.after, None
        self.load.acknowledged.add()

    def append(self, raw, rng):
        number = next(self.load.serial)
        flags = frozenset(rng.sample(self.KEYWORDS, rng.randrange(0, 3)))
        after = self.begin()
        uid = next(self.unknown)
        after["Play"][uid] = (number, flags)
        answer = raw.append("Play", make(self.load.seed, number), "(" + " ".join(flags) + ")")
        done = APPENDUID.match(answer)
        assert done, answer
        after["Play"][int(done[2])] = after["Play"].pop(uid)
        self.load.uids.see(self.account, "Play", int(done[1]), int(done[2]), number)
        self.commit()

    def transfer(self, raw, uids, verb, target):
        after = self.begin()
        new = {}
        for uid in uids:
            new[uid] = next(self.unknown)
            after[target][new[uid]] = self.state["Play"][uid]
            if verb == "MOVE":
                del after["Play"][uid]
        tagged, untagged = raw.cmd(f"UID {verb} {','.join(map(str, uids))} {target}")
        assert tagged.startswith(b"OK"), tagged
        # MOVE says it in an untagged OK, before the EXPUNGEs (RFC 6851).
        found = [match for match in (COPYUID.search(line) for line in [tagged, *untagged]) if match]
        assert len(found) == 1, (tagged, untagged)
        source, copies = numbers(found[0][2]), numbers(found[0][3])
        assert source == uids and len(copies) == len(uids), found[0][0]
        for uid, copied in zip(source, copies):
            after[target][copied] = after[target].pop(new[uid])
            self.load.uids.see(self.account, target, int(found[0][1]), copied, after[target][copied][0])
        self.commit()

    def copy(self, raw, uids):
        self.transfer(raw, uids, "COPY", "Copies")

    def move(self, raw, uids):
        self.transfer(raw, uids, "MOVE", "Moved")

    def replace(self, raw, uids):
        uid, number, new = uids[0], next(self.load.serial), next(self.unknown)
        after = self.begin()
        del after["Play"][uid]
        after["Play"][new] = (number, frozenset(["\\Seen"]))
        data = make(self.load.seed, number)
        tag = raw.tag()
        raw.send(tag + b" UID REPLACE %d Play (\\Seen) {%d+}\r\n" % (uid, len(data)) + data + b"\r\n")
        tagged, untagged = raw.until(tag)
        assert tagged.startswith(b"OK"), tagged
        found = [match for match in (APPENDUID.search(line) for line in untagged) if match]
        assert len(found) == 1, (tagged, untagged)
        after["Play"][int(found[0][2])] = after["Play"].pop(new)
        self.load.uids.see(self.account, "Play", int(found[0][1]), int(found[0][2]), number)
        self.commit()

    def store(self, raw, uids, rng):
        sign, flags = rng.choice("+-"), frozenset(rng.sample(self.KEYWORDS, rng.randrange(1, 3)))
        after = self.begin()["Play"]
        for uid in uids:
            number, old = after[uid]
            after[uid] = (number, old | flags if sign == "+" else old - flags)
        raw.ok(f"UID STORE {','.join(map(str, uids))} {sign}FLAGS.SILENT ({' '.join(flags)})")
        self.commit()

    def expunge(self, raw, uids):
        after = self.begin()[self.selected]
        for uid in uids:
            after[uid] = (after[uid][0], after[uid][1] | {"\\Deleted"})
        raw.ok(f"UID STORE {','.join(map(str, uids))} +FLAGS (\\Deleted)")
        self.commit()
        after = self.begin()[self.selected]
        for uid in uids:
            del after[uid]
        raw.ok(f"UID EXPUNGE {','.join(map(str, uids))}")
        self.commit()

    def settle(self, found, high):
        """`found` as `state`; `high`: the highest UIDs known before. It is the last known state or the one after it."""
        candidates = [state for state in (self.state, self.after) if state is not None]
        if not any(self.same(state, found, high) for state in candidates):
            raise AssertionError(f"{self.account}: {self.difference(found)}")
        self.state, self.after = found, None

    def same(self, state, found, high):
        for mailbox in self.MAILBOXES:
            known = {uid: entry for uid, entry in state[mailbox].items() if uid > 0}
            fresh = sorted((number, sorted(flags)) for uid, (number, flags) in state[mailbox].items() if uid < 0)
            rest = {uid: entry for uid, entry in found[mailbox].items() if uid not in known}
            if {uid: entry for uid, entry in found[mailbox].items() if uid in known} != known:
                return False
            if sorted((number, sorted(flags)) for number, flags in rest.values()) != fresh:
                return False
            assert all(uid > high.get(mailbox, 0) for uid in rest), f"{mailbox}: old UIDs for new messages {rest}"
        return True

    def difference(self, found):
        lines = []
        for mailbox in self.MAILBOXES:
            for name, state in (("before", self.state), ("after", self.after or {})):
                wanted = state.get(mailbox, {})
                for uid in sorted(set(wanted) ^ set(found[mailbox])):
                    lines.append(f"{mailbox} {uid}: {name} {wanted.get(uid)}, found {found[mailbox].get(uid)}")
                for uid in sorted(set(wanted) & set(found[mailbox])):
                    if wanted[uid] != found[mailbox][uid]:
                        lines.append(f"{mailbox} {uid}: {name} {wanted[uid]}, found {found[mailbox][uid]}")
        return "neither the state before the last command nor the one after it:\n" + "\n".join(lines)
