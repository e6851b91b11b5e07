"""
Many sessions, accounts and reactors at once: what the thread sanitizer is to look at. The results are checked, too: every
message once, all sessions of one mind in the end.
"""

import random
import re
import threading
import time

import pytest

from coid import PASSWORD, message
from imapraw import Closed

pytestmark = [pytest.mark.threads, pytest.mark.timeout(300)]

REACTORS = 3


@pytest.fixture
def many(make_coid):
    coid = make_coid(settings={
        "server.reactors": REACTORS, "server.workers": 3, "server.log_level": "info", "store.inline_max": "4K",
        "store.inline_total_max": "64K", "store.inline_age": "1s", "store.open_accounts_max": 10})
    for name in ACCOUNTS:
        coid.add_user(name)
    return coid


ACCOUNTS = [f"user{i}@example.org" for i in range(4)]


class Crowd:
    """Threads whose errors become the test's. A closed connection is one, unless `ending` is set."""

    def __init__(self, seed=1):
        self.rng = random.Random(seed)
        self.errors = []
        self.ending = threading.Event()
        self.threads = []

    def add(self, target, *args):
        thread = threading.Thread(target=self.guard, args=(target, random.Random(self.rng.random()), *args), daemon=True)
        self.threads.append(thread)
        thread.start()

    def guard(self, target, rng, *args):
        try:
            target(rng, *args)
        except (OSError, Closed) as error:
            if not self.ending.wait(1):
                self.errors.append(f"{target.__name__}: {error!r}")
        except BaseException as error:  # noqa: BLE001: a thread's error is the test's
            if not (self.ending.is_set() and isinstance(error, (AssertionError, IndexError))):
                self.errors.append(f"{target.__name__}: {type(error).__name__}: {error}")

    def join(self):
        for thread in self.threads:
            thread.join(240)
            assert not thread.is_alive(), "a client hangs"
        assert not self.errors, "\n".join(self.errors)


def letter(rng, subject):
    return message(subject, ("x" * rng.randrange(1, 76) + "\r\n") * rng.choice([1, 5, 20, 200]))


def view(coid, user, mailbox="INBOX"):
    """{uid: flags} as a new session sees it."""
    raw = coid.raw(user, mailbox=mailbox)
    found = {}
    for line in raw.ok("UID FETCH 1:* (UID FLAGS)"):
        match = re.match(rb"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)\)", line)
        if match:
            found[int(match[1])] = frozenset(match[2].split()) - {b"\\Recent"}
    raw.close()
    return found


class Watcher:
    """A session that keeps its own picture of a mailbox from untagged responses alone."""

    def __init__(self, coid, user):
        self.raw = coid.raw(user)
        self.uids = []
        self.flags = {}
        self.size = 0
        self.take(self.raw.ok("SELECT INBOX"))
        self.take(self.raw.ok("UID FETCH 1:* (UID FLAGS)"))

    def take(self, responses):
        for line in responses:
            if match := re.match(rb"\* (\d+) EXISTS$", line):
                assert int(match[1]) >= self.size, "EXISTS went down"
                self.size = int(match[1])
                self.uids += [None] * (self.size - len(self.uids))
            elif match := re.match(rb"\* (\d+) EXPUNGE$", line):
                assert 1 <= int(match[1]) <= self.size, (line, self.size)
                del self.uids[int(match[1]) - 1]
                self.size -= 1
            elif match := re.match(rb"\* (\d+) FETCH \(", line):
                number = int(match[1])
                assert 1 <= number <= self.size, (line, self.size)
                if uid := re.search(rb"UID (\d+)", line):
                    known = self.uids[number - 1]
                    assert known in (None, int(uid[1])), (line, known)
                    self.uids[number - 1] = int(uid[1])
                if flags := re.search(rb"FLAGS \(([^)]*)\)", line):
                    self.flags[self.uids[number - 1]] = frozenset(flags[1].split()) - {b"\\Recent"}

    def run(self, rng, rounds):
        for _ in range(rounds):
            what = rng.random()
            if what < 0.4:
                tag = self.raw.idle()
                time.sleep(rng.random() / 20)
                self.take(self.raw.done(tag)[1])
            elif what < 0.8:
                self.take(self.raw.ok("NOOP"))
            else:
                self.take(self.raw.ok("UID FETCH 1:* (UID FLAGS)"))

    def picture(self):
        self.take(self.raw.ok("NOOP"))
        self.take(self.raw.ok("UID FETCH 1:* (UID FLAGS)"))
        assert len(self.uids) == self.size and None not in self.uids
        return {uid: self.flags[uid] for uid in self.uids}


def work(rng, coid, user, rounds):
    """A client that changes INBOX."""
    with coid.raw(user, mailbox="INBOX") as raw:
        for i in range(rounds):
            what = rng.random()
            if what < 0.3:
                assert raw.append("INBOX", letter(rng, f"append {i}"), "(\\Flagged)").startswith(b"OK")
            elif what < 0.6:
                raw.ok(f"UID STORE {rng.randrange(1, 30)}:{rng.randrange(1, 60)} {rng.choice('+-')}FLAGS "
                       f"({rng.choice(['Seen', 'Answered', 'Deleted']).join([chr(92), ''])} $k{rng.randrange(4)})")
            elif what < 0.7:
                raw.ok(f"UID COPY {rng.randrange(1, 60)}:* Archive")
            elif what < 0.75:
                raw.ok(f"UID MOVE {rng.randrange(1, 60)} Trash")
            elif what < 0.85:
                raw.ok("EXPUNGE")
            elif what < 0.95:
                raw.ok(rng.choice(["UID SEARCH UNSEEN SUBJECT append", "STATUS Archive (MESSAGES UNSEEN UIDNEXT)",
                                   'LIST "" "*"', "UID FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "UID FETCH 1:9 BODY[]"]))
            else:
                raw.ok("CLOSE")
                raw.ok("SELECT INBOX")


def deliver(rng, coid, rounds, delivered):
    with coid.lmtp(unix=rng.random() < 0.5) as relay:
        for i in range(rounds):
            targets = rng.sample(ACCOUNTS, rng.randrange(1, len(ACCOUNTS) + 1))
            answers = relay.deliver(targets, letter(rng, f"lmtp {i}"))
            assert {code for code, _ in answers.values()} == {250}, answers
            delivered.extend(targets)


def come_and_go(rng, coid, rounds, changing=None):
    """
    Logins, also with the wrong password and over TLS, and sudden ends. The server itself ends sessions of the account
    `changing`, because its password changes meanwhile.
    """
    for _ in range(rounds):
        raw = coid.raw(tls=rng.random() < 0.3)
        if rng.random() < 0.2:
            raw.no(f'LOGIN "{rng.choice(ACCOUNTS)}" "wrong"')
        user = rng.choice(ACCOUNTS)
        try:
            raw.ok(f'LOGIN "{user}" "{PASSWORD}"')
            if rng.random() < 0.5:
                raw.ok("SELECT INBOX")
                raw.command("UID FETCH 1:* BODY[]")
        except (OSError, Closed):
            if user != changing:
                raise
        raw.close()


def test_sessions_of_many_accounts_on_many_reactors(many):
    coid = many
    crowd = Crowd()
    watchers = {user: [Watcher(coid, user) for _ in range(2)] for user in ACCOUNTS[:2]}
    delivered = []
    for user in ACCOUNTS:
        for _ in range(2):
            crowd.add(work, coid, user, 25)
    for pair in watchers.values():
        for watcher in pair:
            crowd.add(watcher.run, 20)
    for _ in range(2):
        crowd.add(deliver, coid, 15, delivered)
    crowd.add(come_and_go, coid, 10)
    crowd.join()
    # At the end all sessions see the same state, which is that of the store.
    for user, pair in watchers.items():
        there = view(coid, user)
        for watcher in pair:
            assert watcher.picture() == there
    assert len(delivered) > 0
    for user in ACCOUNTS:
        done = coid.ctl("check", user, check=False)
        assert "problems: 0" in done.stdout, done.stdout


def test_nothing_is_lost_or_doubled_among_reactors(many):
    coid = many
    user = ACCOUNTS[0]
    crowd = Crowd(2)
    appended = []

    def append(rng, name):
        with coid.raw(user) as raw:
            for i in range(20):
                assert raw.append("INBOX", letter(rng, f"{name} {i}")).startswith(b"OK")
                appended.append(f"{name} {i}")

    idler = coid.raw(user, mailbox="INBOX")
    tag = idler.idle()
    for name in "abcd":
        crowd.add(append, name)
    delivered = []
    crowd.add(lambda rng: deliver(rng, coid, 20, delivered))
    crowd.join()
    wanted = len(appended) + delivered.count(user)
    idler.sock.settimeout(60)
    while not re.match(rb"\* %d EXISTS" % wanted, idler.response()):
        pass
    idler.done(tag)
    imap = coid.login(user, mailbox="INBOX")
    subjects = [part[1].decode().strip().removeprefix("Subject: ") for part in
                imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (Subject)])")[1] if isinstance(part, tuple)]
    assert sorted(s for s in subjects if not s.startswith("lmtp ")) == sorted(appended)
    assert len(subjects) == wanted


def test_reloads_while_people_log_in(many):
    coid = many
    crowd = Crowd(3)
    for _ in range(3):
        crowd.add(come_and_go, coid, 12, ACCOUNTS[3])
    crowd.add(work, coid, ACCOUNTS[0], 25)

    def passwords(rng):
        for i in range(4):
            coid.ctl("user", "passwd", ACCOUNTS[3], "--password-stdin", stdin=PASSWORD + "\n")
            coid.add_user(f"new{i}@example.org")
            coid.deliver(f"new{i}@example.org", letter(rng, "welcome"))
            coid.ctl("user", "del", f"new{i}@example.org")
            coid.ctl("status")

    crowd.add(passwords)
    for _ in range(5):
        coid.reload()
        time.sleep(0.2)
    crowd.join()


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_stopping_under_load(many, seconds):
    coid = many
    crowd = Crowd(4)
    delivered = []
    for user in ACCOUNTS:
        crowd.add(work, coid, user, 10_000)
        watcher = Watcher(coid, user)
        crowd.add(watcher.run, 10_000)
    crowd.add(deliver, coid, 10_000, delivered)
    crowd.add(come_and_go, coid, 10_000)
    time.sleep(seconds)
    crowd.ending.set()
    coid.stop()
    crowd.join()
    coid.start()
    for user in ACCOUNTS:
        assert len(view(coid, user)) >= 0
        done = coid.ctl("check", user, check=False)
        assert "problems: 0" in done.stdout, done.stdout
