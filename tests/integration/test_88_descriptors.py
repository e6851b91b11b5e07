"""The limit on open files is too low for all who come: mail is delivered, accounts are opened and coidctl is answered."""

import contextlib
import os
import pathlib
import re
import socket
import threading
import time

import pytest

from coid import message

USERS = [f"user{i}@example.org" for i in range(40)]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def database_files(pid):
    count = 0
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        # One may be closed meanwhile.
        with contextlib.suppress(FileNotFoundError):
            count += "account.db" in os.readlink(path)
    return count


@pytest.mark.timeout(180)
def test_strangers_by_the_hundred_leave_descriptors_for_mail_and_users(make_coid):
    coid = make_coid(wrapper=["prlimit", "--nofile=260:260"], settings={
        "server.max_connections_per_ip": 0, "store.inline_max": "1K"})
    coid.wait_log("RLIMIT_NOFILE")
    for user in USERS:
        coid.add_user(user)
    alice = coid.raw(USERS[0], mailbox="INBOX")
    strangers = []
    try:
        for _ in range(400):
            strangers.append(socket.create_connection(("127.0.0.1", coid.ports["imap"]), 10))
        time.sleep(1)
        assert open_files(coid.process.pid) < 260
        used = cpu_seconds(coid.process.pid)
        time.sleep(2)
        assert cpu_seconds(coid.process.pid) - used < 1, "it spins"
        # Accounts that were not open, with messages that become files.
        for user in USERS:
            coid.deliver(user, message("hello", "y" * 5000 + "\r\n"))
        assert "user39" in coid.ctl("user", "list")
        alice.ok("NOOP")
        assert b"y" * 100 in b"".join(alice.ok("FETCH 1 BODY[]"))
        # All that is kept of an account is found in time: those that are idle make room for others.
        for user in USERS:
            coid.deliver(user, message("again"))
        assert "cannot accept" not in coid.log_text()
        assert "CANTOPEN" not in coid.log_text() and "code=14" not in coid.log_text()
    finally:
        for stranger in strangers:
            stranger.close()
    time.sleep(0.5)
    for user in USERS[-5:]:
        assert b"* 2 EXISTS" in coid.raw(user).ok("SELECT INBOX")


@pytest.mark.timeout(60)
def test_a_limit_that_is_high_enough_is_not_warned_of(make_coid):
    coid = make_coid(settings={"server.max_connections": 200, "lmtp.max_connections": 50, "store.open_accounts_max": 64})
    assert "RLIMIT_NOFILE" not in coid.log_text()


@pytest.mark.timeout(120)
def test_when_descriptors_run_out_idle_accounts_are_closed(make_coid, tmp_path):
    """By injection: a database that can't be opened for want of a descriptor makes the server close others."""
    gate = tmp_path / "short"
    coid = make_coid(env={"COID_IO_FAIL": "open:/account.db:EMFILE:1+", "COID_IO_FAIL_WHILE": str(gate)})
    for user in USERS[:10]:
        coid.add_user(user)
        coid.deliver(user, message("hello"))
    coid.restart()
    for user in USERS[:8]:
        coid.deliver(user, message("hello"))
    open_before = database_files(coid.process.pid)
    assert open_before == 16
    gate.touch()
    code, text = coid.deliver([USERS[9]], message("hello"))[USERS[9]]
    assert (code, text[:5]) == (451, "4.3.0"), (code, text)
    end = time.monotonic() + 30
    while database_files(coid.process.pid) > 8:
        assert time.monotonic() < end, coid.log_text()[-6000:]
        time.sleep(0.1)
    # (Some are opened again later, when it can be done, to see to their WALs.)
    gate.unlink()
    # Each that could not be opened meanwhile is out of service until its back-off has passed.
    for user in (USERS[9], *USERS[:8]):
        while coid.deliver([user], message("hello"))[user][0] != 250:
            assert time.monotonic() < end
            time.sleep(0.2)


@pytest.mark.timeout(180)
def test_no_more_accounts_are_open_than_the_setting_says(make_coid):
    """Deliveries to many accounts at once: the limit holds while they come, and descriptors with it."""
    limit, workers, senders = 16, 4, 8
    coid = make_coid(settings={"store.open_accounts_max": limit, "server.workers": workers})
    users = [f"cold{i}@example.org" for i in range(160)]
    for user in users:
        coid.add_user(user)
    seen, wrong, done = [], [], threading.Event()

    def send(own):
        for user in own:
            if coid.deliver([user], message("hello"))[user][0] != 250:
                wrong.append(user)

    def look():
        while not done.is_set():
            status = coid.ctl("status")
            seen.append((int(re.search(r"accounts-open: (\d+)", status).group(1)), database_files(coid.process.pid)))

    threads = [threading.Thread(target=send, args=(users[i::senders] * 2,)) for i in range(senders)]
    watcher = threading.Thread(target=look)
    for thread in (*threads, watcher):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watcher.join()
    assert not wrong
    assert len(seen) > 3
    most = limit + workers
    assert max(count for count, _ in seen) <= most, seen
    # Database and WAL of each, and of a moment's opening and closing.
    assert max(files for _, files in seen) <= 2 * most + 2 * workers, seen
    assert max(count for count, _ in seen) >= limit, "the test has opened too few"
    for user in (users[0], users[-1]):
        assert b"* 2 EXISTS" in coid.raw(user).ok("SELECT INBOX")
