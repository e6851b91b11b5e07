"""kill -9 at random moments under load: what was acknowledged is there exactly once, and nothing is half there."""

import random
import re
import time

import load as load_module
from checks import wait_clean
from coid import Coid
from letters import make, number_of
from load import Load

ACCOUNTS = [f"user{i}@example.org" for i in range(4)]
SHARED = ("INBOX", "Archive", "Work")
FETCHED = re.compile(
    rb"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) RFC822\.SIZE (\d+) BODY\[\] \{(\d+)\}\r\n(.*)\)$", re.S)
SETTINGS = {
    # Small enough that messages are moved out to files and commits are gathered while the load runs.
    "store.inline_max": "4K",
    "store.inline_total_max": "64K",
    "store.inline_age": "1s",
    "server.workers": 3,
    "server.log_level": "info",
    "auth.cache_ttl": "10m",
}
TRACE = re.compile(rb"Return-Path: <[^\r\n]*>\r\nDelivered-To: [^\r\n]+\r\nReceived: [^\r\n]+\r\n([\t ][^\r\n]+\r\n)*$")


def read_mailbox(raw, load, account, mailbox):
    """[(uid, flags, bytes)]; UIDs, counts and sizes fit to each other and to all that was ever seen."""
    untagged = b"\n".join(raw.ok(f'EXAMINE "{mailbox}"'))
    validity = int(re.search(rb"UIDVALIDITY (\d+)", untagged)[1])
    uidnext = int(re.search(rb"UIDNEXT (\d+)", untagged)[1])
    exists = int(re.search(rb"\* (\d+) EXISTS", untagged)[1])
    messages = []
    if exists:
        for response in raw.ok("UID FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[])"):
            match = FETCHED.match(response)
            assert match, response[:300]
            uid, size, literal, data = int(match[1]), int(match[3]), int(match[4]), match[5]
            assert size == literal == len(data), f"{account} {mailbox} {uid}: {size} {literal} {len(data)}"
            flags = frozenset(flag.decode() for flag in match[2].split()) - {"\\Recent"}
            messages.append((uid, flags, data))
    assert len(messages) == exists
    uids = [uid for uid, _, _ in messages]
    assert uids == sorted(set(uids))
    assert uidnext > max([0, load.uids.high.get((account, mailbox), 0), *uids]), f"{account} {mailbox}: UIDNEXT {uidnext}"
    for uid, _, data in messages:
        load.uids.see(account, mailbox, validity, uid, number_of(data))
    return messages


def check_bytes(load, account, mailbox, uid, data):
    number = number_of(data)
    sent = make(load.seed, number)
    prefix = data[:len(data) - len(sent)]
    assert data.endswith(sent) and (not prefix or TRACE.match(prefix)), (
        f"{account} {mailbox} UID {uid}: message {number} has {len(data)} bytes, sent were {len(sent)}: {data[:400]!r}")
    return number


def check_account(load, account):
    high = {mailbox: load.uids.high.get((account, mailbox), 0) for mailbox in (*SHARED, *load_module.Puppet.MAILBOXES)}
    with load.coid.raw(account) as raw:
        found = {}
        for mailbox in SHARED:
            for uid, _, data in read_mailbox(raw, load, account, mailbox):
                number = check_bytes(load, account, mailbox, uid, data)
                assert number not in found, f"{account}: message {number} is there twice: {found[number]}, {mailbox}"
                found[number] = mailbox
        load.ledger.settle(account, found)
        puppet = load.puppets.get(account)
        if puppet:
            state = {}
            for mailbox in puppet.MAILBOXES:
                state[mailbox] = {uid: (check_bytes(load, account, mailbox, uid, data), flags)
                                  for uid, flags, data in read_mailbox(raw, load, account, mailbox)}
            puppet.settle(state, high)
    wait_clean(load.coid, account)


def check_users(load):
    users = set(load.coid.ctl("user", "list").split()) - set(ACCOUNTS)
    assert load.users <= users, f"users are missing: {load.users - users}"
    assert users <= load.users | load.users_maybe, f"users nobody added: {users - load.users - load.users_maybe}"
    load.users, load.users_maybe = users, set()


def tidy(load, rng, account):
    """Removes most of the mail, so that a long run does not grow; what was removed may not come back."""
    with load.coid.raw(account) as raw:
        for mailbox in SHARED:
            untagged = raw.ok(f'SELECT "{mailbox}"')
            if b"* 0 EXISTS" in untagged:
                continue
            numbers = {}
            for response in raw.ok("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (X-Id)])"):
                numbers[int(re.search(rb"UID (\d+)", response)[1])] = int(re.search(rb"X-Id: (\d+)", response)[1])
            victims = rng.sample(sorted(numbers), len(numbers) * 2 // 3)
            if victims:
                raw.ok(f"UID STORE {','.join(map(str, sorted(victims)))} +FLAGS.SILENT (\\Deleted)")
                raw.ok("EXPUNGE")
            for uid in victims:
                load.ledger.refuse(account, numbers[uid])


def run_load(load, rng):
    """Starts all clients, kills the server under them at a random moment, returns how much was acknowledged."""
    load.killed.clear()
    begin = load.acknowledged.value
    targets = [(load.deliver, random.Random(rng.random())) for _ in range(3)]
    targets += [(load.append, random.Random(rng.random()), account) for account in rng.sample(ACCOUNTS, 2)]
    targets += [(puppet.play, random.Random(rng.random())) for puppet in load.puppets.values()]
    targets += [(load.read, random.Random(rng.random()), rng.choice(ACCOUNTS))]
    targets += [(load.add_users, random.Random(rng.random()))]
    threads = load.run(targets)
    # The moment is counted in acknowledgements rather than in seconds, so that a slow machine tests the same.
    goal, limit = begin + rng.choice([0, 50, 150, 500]) * rng.random(), time.monotonic() + 30
    while load.acknowledged.value < goal and time.monotonic() < limit and not load.errors:
        time.sleep(0.002)
    time.sleep(rng.random() / 50)
    load.coid.kill()
    load.killed.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a client did not notice the server's death"
    assert not load.errors, "\n".join(load.errors)
    return load.acknowledged.value - begin


def test_acknowledged_mail_survives_kills(request):
    kills, seed = request.config.getoption("kills"), request.config.getoption("seed")
    rng = random.Random(seed)
    with Coid(settings=SETTINGS) as coid:
        for account in ACCOUNTS:
            coid.add_user(account)
            with coid.raw(account) as raw:
                for mailbox in ("Work", "Play", "Copies", "Moved"):
                    raw.ok(f"CREATE {mailbox}")
        load = Load(coid, ACCOUNTS, seed)
        for kill in range(kills):
            try:
                acknowledged = run_load(load, rng)
                coid.settings["server.reactors"] = rng.choice([2, 3]) if kill % 2 == 0 else 1
                coid.write_config()
                again = 0
                while rng.random() < 0.25:
                    # Death in the middle of recovery.
                    coid.start(wait=False)
                    time.sleep(rng.random())
                    coid.kill()
                    again += 1
                coid.start()
                for account in ACCOUNTS:
                    check_account(load, account)
                check_users(load)
                for account in ACCOUNTS:
                    if rng.random() < 0.7:
                        tidy(load, rng, account)
                print(f"kill {kill + 1}: {acknowledged} acknowledged, {again} more kills at start, "
                      f"{len(load.ledger.there)} messages, reactors {coid.settings['server.reactors']}", flush=True)
            except BaseException as error:
                error.add_note(f"kill {kill + 1} of --seed {seed}\nlog:\n{coid.log_text()[-3000:]}")
                raise
        total = load.acknowledged.value
    assert total > 0 or kills == 0
