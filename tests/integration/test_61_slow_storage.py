"""The storage of one account is slow, full or broken: the others do not notice. Uses the fault injection of sanitizer builds."""

import contextlib
import re
import statistics
import threading
import time

import pytest

from checks import wait_clean
from coid import message
from imapraw import Closed

SLOW = "slow@example.org"
BOB = "bob@example.org"
WRITE_MS = 500
# An operation may take this many times longer beside slow storage than without it. Both are measured side by side, so
# that other load on the machine weighs on both.
RATIO = 6


def account_folder(coid, user):
    """The folder of an account. `user` gets a message."""
    coid.deliver(user, message("the first"))
    owners = [path for path in coid.store.glob("users/*/*/owner") if user in path.read_text()]
    assert len(owners) == 1
    return owners[0].parent


def restart_with(coid, **env):
    """Restarts with faults injected; nothing keeps the old server from stopping well."""
    coid.stop()
    coid.env = env
    coid.start()


def make_slow(make_coid, settings=None):
    """A daemon with accounts SLOW, whose writes take their time, and BOB."""
    coid = make_coid(settings={"server.workers": 3, **(settings or {})})
    coid.add_user(SLOW)
    coid.add_user(BOB)
    folder = account_folder(coid, SLOW)
    coid.deliver(BOB, message("the first"))
    restart_with(coid, COID_IO_SLOW=f"{folder}/:{WRITE_MS}")
    return coid


def end_slow(coid):
    """An ordered stop would write every page of the slow account at its speed: the crash-proof way is quicker."""
    coid.kill()
    coid.env = {}
    coid.start()


class Deliveries:
    """Delivers to one account on several connections, without end; `answers`: (code, seconds)."""

    def __init__(self, coid, recipient, connections):
        self.coid, self.recipient, self.answers, self.pending = coid, recipient, [], 0
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self):
        serial = 0
        with contextlib.suppress(OSError, AssertionError, IndexError):
            with self.coid.lmtp() as lmtp:
                lmtp.sock.settimeout(120)
                while not self.ending.is_set():
                    begin = time.monotonic()
                    self.pending += 1
                    serial += 1
                    answer = lmtp.deliver([self.recipient], message(f"slow {serial}", "x" * 2000 + "\r\n"))
                    self.pending -= 1
                    self.answers.append((answer[self.recipient][0], time.monotonic() - begin))

    def end(self):
        """After the daemon has gone."""
        self.ending.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


def side_by_side(rounds, first, second):
    """Runs both in turns; the medians of the seconds they took."""
    took = ([], [])
    for _ in range(rounds):
        for what, times in ((first, took[0]), (second, took[1])):
            begin = time.perf_counter()
            what()
            times.append(time.perf_counter() - begin)
    return statistics.median(took[0]), statistics.median(took[1])


def wait_exists(raw):
    while not re.match(rb"\* \d+ EXISTS", raw.response()):
        pass


@pytest.mark.timeout(240)
def test_slow_storage_of_one_account_does_not_slow_the_others(make_coid):
    slow = make_slow(make_coid)
    idle = make_coid(settings={"server.workers": 3})
    idle.add_user(BOB)
    sessions = [coid.raw(BOB, mailbox="INBOX") for coid in (idle, slow)]
    idlers = [coid.raw(BOB, mailbox="INBOX") for coid in (idle, slow)]
    relays = [coid.lmtp() for coid in (idle, slow)]
    for raw in idlers:
        raw.idle()

    def noop(i):
        return lambda: sessions[i].ok("NOOP")

    def wake(i):
        def run():
            assert sessions[i].append("INBOX", message("wake up")).startswith(b"OK")
            wait_exists(idlers[i])
        return run

    def deliver(i):
        def run():
            assert relays[i].deliver([BOB], message("to the others"))[BOB][0] == 250
            wait_exists(idlers[i])
        return run

    def store(i):
        return lambda: sessions[i].ok("UID STORE 1 +FLAGS.SILENT (\\Seen)")

    # A login before the load: the password must be known, hashing has its own threads.
    load = Deliveries(slow, SLOW, 3)
    deadline = time.monotonic() + 60
    while load.pending == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    medians = {}
    for name, rounds, make in (("NOOP", 300, noop), ("IDLE", 40, wake), ("LMTP", 40, deliver), ("STORE", 100, store)):
        medians[name] = side_by_side(rounds, make(0), make(1))
        assert load.pending > 0, "the slow account had nothing to do"
    assert not load.ending.is_set()
    # An IMAP session of the slow account itself waits, and does not lose anything.
    end_slow(slow)
    load.end()
    assert all(code == 250 and seconds > WRITE_MS / 1000 for code, seconds in load.answers), load.answers
    print({name: f"{a * 1000:.2f} ms, beside slow storage {b * 1000:.2f} ms" for name, (a, b) in medians.items()})
    for name, (alone, beside) in medians.items():
        assert beside < alone * RATIO, f"{name}: {alone * 1000:.2f} ms, beside slow storage {beside * 1000:.2f} ms"
    # All messages that the slow server acknowledged are there.
    status = slow.raw(SLOW).ok("STATUS INBOX (MESSAGES)")[0]
    assert int(re.search(rb"MESSAGES (\d+)", status)[1]) >= 1 + len(load.answers)


@pytest.mark.timeout(180)
def test_a_full_strand_refuses_that_recipient_alone(make_coid):
    coid = make_slow(make_coid, {"store.queue_max": 10})
    # A batch may take ten out of the queue and ten more wait in it: only beyond these is the strand full, and stays so.
    load = Deliveries(coid, SLOW, 30)
    relay = coid.lmtp()
    relay.sock.settimeout(120)
    refused = None
    deadline = time.monotonic() + 90
    serial = 0
    while time.monotonic() < deadline and not refused:
        serial += 1
        answers = relay.deliver([BOB, SLOW, "nobody@example.org"], message(f"both {serial}"))
        assert answers[BOB][0] == 250 and answers["nobody@example.org"][0] == 550
        if answers[SLOW][0] != 250:
            refused = answers[SLOW]
    assert refused and refused[0] == 451 and refused[1].startswith("4.3.2 "), refused
    # Bob's own strand is as free as ever.
    bob = coid.raw(BOB, mailbox="INBOX")
    assert bob.append("INBOX", message("his own")).startswith(b"OK")
    status = bob.ok("STATUS Archive (MESSAGES)")
    assert b"MESSAGES 0" in status[0]
    end_slow(coid)
    load.end()
    assert {code for code, _ in load.answers} <= {250, 451}
    imap = coid.login(BOB, mailbox="INBOX")
    assert imap.search(None, "SUBJECT", '"both "')[1][0].split() == [b"%d" % i for i in range(2, serial + 2)]


@pytest.mark.timeout(180)
def test_a_session_of_a_slow_account_ends_at_once_when_asked(make_coid):
    coid = make_slow(make_coid)
    raw, other = (coid.raw(SLOW, mailbox="INBOX") for _ in range(2))
    tag = raw.idle()
    load = Deliveries(coid, SLOW, 2)
    deadline = time.monotonic() + 60
    while load.pending == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    # Its own command waits behind the writes ...
    other.command("UID STORE 1 +FLAGS (\\Seen)")
    # ... but DONE and LOGOUT need no storage: done with before the delivery that was begun before them.
    answers = len(load.answers)
    assert raw.done(tag)[0].startswith(b"OK")
    raw.command("LOGOUT")
    assert any(line.startswith(b"* BYE") for line in raw.expect_closed())
    assert len(load.answers) <= answers + 2
    end_slow(coid)
    load.end()


def broken(make_coid, fault, settings=None):
    """A daemon with SLOW and BOB; `fault`: COID_IO_FAIL with {} for SLOW's folder."""
    coid = make_coid(settings={"store.inline_max": "4K", **(settings or {})})
    coid.add_user(SLOW)
    coid.add_user(BOB)
    folder = account_folder(coid, SLOW)
    coid.deliver(BOB, message("the first"))
    restart_with(coid, COID_IO_FAIL=fault.format(folder))
    return coid


def heal(coid):
    """A restart without the fault. An account whose storage fails may keep the old server from ending with 0."""
    coid.stop(check=False)
    coid.env = {}
    coid.start()


BIG = message("big", ("y" * 70 + "\r\n") * 1000)
FAULTS = [
    ("write:{}/:ENOSPC:1+", 452, "4.3.1", True, True),
    ("write:{}/:EDQUOT:1+", 452, "4.3.1", True, True),
    ("write:{}/:EROFS:1+", 451, "4.2.0", True, True),
    ("write:{}/:EIO:1+", 451, "4.3.0", True, True),
    ("sync:{}/:EIO:1+", 451, "4.3.0", True, True),
    ("sync:{}/:ENOSPC:1+", 451, "4.3.0", True, True),
    ("open:{}/account.db:EMFILE:1+", 451, "4.3.0", True, True),
    ("open:{}/account.db:EIO:1+", 451, "4.3.0", True, True),
    # Files of large messages alone.
    ("open:{}/msg/:ENOSPC:1+", 452, "4.3.1", False, True),
    ("link:{}/msg/:ENOSPC:1+", 452, "4.3.1", False, True),
    ("link:{}/msg/:EIO:1+", 451, "4.3.0", False, True),
    ("sync:{}/msg/:EIO:1+", 451, "4.3.0", False, True),
]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault,code,status,small_fails,big_fails", FAULTS, ids=[fault[0] for fault in FAULTS])
def test_failing_storage_of_one_account_is_its_own_trouble(make_coid, fault, code, status, small_fails, big_fails):
    coid = broken(make_coid, fault)
    relay = coid.lmtp()
    expected = {"the first": 1}
    for letter, subject, fails in ((message("small"), "small", small_fails), (BIG, "big", big_fails)):
        answers = relay.deliver([BOB, SLOW], letter)
        assert answers[BOB][0] == 250
        if fails:
            # The answer may also say that an account whose sync failed is not used for now.
            assert answers[SLOW][0] in (code, 451), answers
            assert answers[SLOW][1].startswith((status, "4.3.0")), answers
        else:
            assert answers[SLOW][0] == 250, answers
            expected[subject] = 1
    # By IMAP: NO, whether the account can be opened or not; BYE at most. Never silence, never OK.
    raw = coid.raw(SLOW)
    with contextlib.suppress(Closed, ConnectionError):
        for mailbox, letter, fails in (("INBOX", message("small by APPEND"), small_fails), ("INBOX", BIG, big_fails)):
            answer = raw.append(mailbox, letter, nonsync=False)
            if fails:
                assert answer.startswith(b"NO ["), answer
            else:
                assert answer.startswith(b"OK"), answer
                expected["small by APPEND"] = 1
    raw.close()
    # Bob has no trouble at all.
    bob = coid.raw(BOB, mailbox="INBOX")
    assert bob.append("INBOX", message("bob's own")).startswith(b"OK")
    bob.ok("UID STORE 1 +FLAGS (\\Seen)")
    assert b"* 4 EXISTS" in coid.raw(BOB).ok("SELECT INBOX")
    heal(coid)
    imap = coid.login(SLOW, mailbox="INBOX")
    assert subjects(imap) == expected
    for subject in ("small again", "big again"):
        coid.deliver(SLOW, BIG.replace(b"Subject: big", b"Subject: " + subject.encode()))
        expected[subject] = 1
    imap.noop()
    assert subjects(imap) == expected
    wait_clean(coid, SLOW)


def subjects(imap):
    """{subject: how many} of the selected mailbox."""
    found = {}
    status, data = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (Subject)])")
    assert status == "OK"
    for part in data:
        if isinstance(part, tuple):
            subject = part[1].decode().strip().removeprefix("Subject: ")
            found[subject] = found.get(subject, 0) + 1
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("op,error", [("write", "ENOSPC"), ("sync", "EIO"), ("sync", "ENOSPC")])
def test_one_failure_costs_what_it_refuses_and_no_more(make_coid, op, error):
    """The nth write or sync fails, once: the server goes on by itself, what it took is there, what it refused is not."""
    coid = broken(make_coid, "")
    folder = next(path for path in coid.store.glob("users/*/*") if path.name == sorted(
        other.name for other in coid.store.glob("users/*/*"))[0])
    expected = {"the first": 1}
    refusals = 0
    for nth in range(1, 8):
        restart_with(coid, COID_IO_FAIL=f"{op}:{folder}/:{error}:{nth}")
        for i in range(4):
            subject = f"{nth} {i}"
            letter = message(subject, "y" * 70 + "\r\n" + ("z" * 70 + "\r\n") * (200 if i % 2 else 0))
            with coid.lmtp() as relay:
                code, text = relay.deliver([SLOW], letter)[SLOW]
            if code == 250:
                expected[subject] = 1
            else:
                assert code in (451, 452), (code, text)
                refusals += 1
        # At most one write failed: the next delivery works, in the same process.
        coid.deliver(SLOW, message(f"{nth} last"))
        expected[f"{nth} last"] = 1
        assert subjects(coid.login(SLOW, mailbox="INBOX")) == expected
    assert refusals > 0, "nothing failed"
    restart_with(coid)
    assert subjects(coid.login(SLOW, mailbox="INBOX")) == expected
    wait_clean(coid, SLOW)


@pytest.mark.timeout(120)
def test_a_message_that_cannot_be_read_is_told_and_the_session_goes_on(make_coid):
    coid = broken(make_coid, "")
    coid.deliver(SLOW, BIG)
    restart_with(coid, COID_IO_FAIL="read:/msg/:EIO:1+")
    raw = coid.raw(SLOW, mailbox="INBOX")
    told = raw.ok("FETCH 1:2 BODY.PEEK[]")
    assert b"first" in told[0] and told[1] == b"* 2 FETCH (BODY[] NIL)" and told[2].startswith(b"* NO [CORRUPTION]")
    assert b"first" in raw.ok("FETCH 1 BODY.PEEK[]")[0]
    raw.ok("FETCH 1:2 (FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
    restart_with(coid)
    assert b"y" * 70 in coid.raw(SLOW, mailbox="INBOX").ok("FETCH 2 BODY.PEEK[]")[0]
