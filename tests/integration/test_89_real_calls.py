"""Every promise rests on three calls: fdatasync, fsync, syncfs. The power cuts of tests/power run on a table of operations
that records; that the real table asks the kernel is shown here. Each step must have made the syncs that it is answered
after, on the files that it is about."""

import shutil

import pytest

from coid import message
from synctrace import TracedCoid

SMALL = message("small", "x" * 500 + "\r\n")
LARGE = message("large", ("y" * 70 + "\r\n") * 3000)

WAL = ("fdatasync", r"/account\.db-wal$")
SERVER_WAL = ("fdatasync", r"/server\.db-wal$")
SPOOL = ("fdatasync", r"/spool/[^/]+$")
NAME = ("fsync", r"/msg/[0-9a-f]{2}$")
FOLDER = ("fsync", r"/users/[0-9a-f]{2}/\d+$")
ABOVE = ("fsync", r"/users/[0-9a-f]{2}$")


@pytest.fixture
def traced():
    assert shutil.which("strace"), "scripts/install-deps test installs strace"
    made = []

    def make(**settings):
        coid = TracedCoid(settings={key.replace("__", "."): value for key, value in settings.items()})
        made.append(coid)
        return coid

    yield make
    for coid in made:
        coid.close()


def demand(syncs, *wanted):
    for call, path in wanted:
        assert syncs.has(call, path), f"no {call} of {path} before the answer: {syncs}"


def append(raw, text):
    raw.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(text), text))


def warm(coid, user):
    """An account whose first commit is made."""
    coid.add_user(user)
    coid.deliver(user, message("first"))
    return user


def test_a_user_and_a_new_account_are_synced(traced):
    coid = traced()
    with coid.syncs() as syncs:
        coid.add_user("alice@example.org")
    demand(syncs, SERVER_WAL, ("fdatasync", r"/owner\.new\.tmp$"), FOLDER, ABOVE)
    with coid.syncs() as syncs:
        coid.deliver("alice@example.org", SMALL)
    demand(syncs, ("fdatasync", r"/(template|account)\.db[^/]*$"), FOLDER, WAL)


def test_delivered_mail_is_synced_before_250(traced):
    coid = traced()
    user = warm(coid, "alice@example.org")
    with coid.syncs() as syncs:
        coid.deliver(user, SMALL)
    demand(syncs, WAL)
    with coid.syncs() as syncs:
        coid.deliver(user, LARGE)
    demand(syncs, SPOOL, NAME, WAL)


def test_what_imap_changes_is_synced_before_ok(traced):
    coid = traced()
    raw = coid.raw(warm(coid, "alice@example.org"), mailbox="INBOX")
    steps = [
        (lambda: append(raw, SMALL), [WAL]),
        (lambda: append(raw, LARGE), [SPOOL, NAME, WAL]),
        (lambda: raw.ok("CREATE Work"), [WAL]),
        (lambda: raw.ok("COPY 1 Work"), [WAL]),
        (lambda: raw.ok("MOVE 1 Work"), [WAL]),
        (lambda: raw.ok("SUBSCRIBE Work"), [WAL]),
        (lambda: raw.ok('SETMETADATA INBOX (/private/comment "x")'), [WAL]),
        (lambda: raw.ok("UID STORE 2 +FLAGS.SILENT (\\Deleted)"), []),
        (lambda: raw.ok("EXPUNGE"), [WAL]),
    ]
    for run, wanted in steps:
        with coid.syncs() as syncs:
            run()
        demand(syncs, *wanted)


def test_moving_out_syncs_the_file_system_before_the_bytes_leave_the_database(traced):
    coid = traced(store__inline_age="1s")
    warm(coid, "alice@example.org")
    coid.wait_syncs("syncfs", "")


def test_an_orderly_stop_leaves_nothing_to_the_kernel(traced):
    coid = traced()
    warm(coid, "alice@example.org")
    with coid.syncs() as syncs:
        coid.stop()
    demand(syncs, WAL, ("fdatasync", r"/account\.db$"), ("fdatasync", r"/account\.ledger$"),
           ("fdatasync", r"/server\.db\.copy\.tmp$"), ("fdatasync", r"/server\.state\.tmp$"), ("fsync", r"/store$"))
