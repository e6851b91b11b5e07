"""Names of accounts: one form under which they are found, and none that hides something; passwords on a terminal."""

import os
import pty
import re
import select
import sqlite3
import time

import pytest

from coid import BUILD, PASSWORD, Coid, message


@pytest.fixture
def coid():
    with Coid() as server:
        yield server


@pytest.mark.parametrize("name", ["../x@y.org", "*@y.org", "%@y.org", "a/b@y.org", '"a b"@y.org', "a\u200bb@y.org", "a\u202eb@y.org",
                                  "a\u00adb@y.org", "a\ufb01@y.org", "a\u05d0@y.org", "a..b@y.org", "a@*.org"])
def test_what_hides_something_is_no_name(coid, name):
    done = coid.ctl("user", "add", name, "--password-stdin", stdin=PASSWORD + "\n", check=False)
    assert done.returncode == 1 and "not an address" in done.stderr
    done = coid.ctl("user", "import", "-", stdin=f"{name}:{PASSWORD}\n", check=False)
    assert done.stdout == "added: 0, failed: 1\n"
    assert coid.ctl("user", "list") == ""


def test_composed_and_decomposed_names_are_one(coid):
    coid.add_user("J\u00d6rg@example.org")
    assert coid.ctl("user", "list") == "j\u00f6rg@example.org\n"
    done = coid.ctl("user", "add", "jo\u0308rg@example.org", "--password-stdin", stdin=PASSWORD + "\n", check=False)
    assert "there already" in done.stderr
    with coid.lmtp() as lmtp:
        for recipient in ("j\u00f6rg@example.org", "JO\u0308RG@example.org"):
            assert lmtp.deliver([recipient], message(), options=" SMTPUTF8")[recipient][0] == 250
    raw = coid.raw()
    name = "jo\u0308rg@example.org".encode()
    raw.send(b"a1 LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(name), name, len(PASSWORD), PASSWORD.encode()))
    while not (line := raw.line()).startswith(b"a1 "):
        pass
    assert line.startswith(b"a1 OK")
    assert "messages: 2" in coid.ctl("user", "quota", "j\u00f6rg@example.org")


def test_names_of_earlier_days_keep_working_and_are_reported(coid):
    coid.add_user("old@example.org")
    old = "jo\u0308rg@example.org"
    coid.stop()
    # The table is changed to what an earlier version made: it has no identity, and the name is as it was typed.
    database = sqlite3.connect(coid.store / "server.db")
    database.execute("UPDATE user SET name = ?", (old,))
    database.executescript("ALTER TABLE user DROP COLUMN identity; ALTER TABLE user DROP COLUMN sum; PRAGMA user_version = 1;")
    database.close()
    coid.start()
    with coid.lmtp() as lmtp:
        for recipient in (old, "j\u00f6rg@example.org"):
            assert lmtp.deliver([recipient], message(), options=" SMTPUTF8")[recipient][0] == 250
    assert "messages: 2" in coid.ctl("user", "quota", old)
    coid.ctl("user", "passwd", old, "--password-stdin", stdin="another password\n")
    coid.stop()
    out = coid.ctl("check", "--server", "--root", str(coid.store))
    assert "could not be given to a new account" in out and "problems: 0" in out
    coid.start()


def typed(coid, lines):
    """Returns the output and the exit status of coidctl when a password is typed on a terminal."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(BUILD / "coidctl", [str(BUILD / "coidctl"), "-s", str(coid.control), "user", "add", "typed@example.org",
                                     "--password-stdin"])
    said, waiting = b"", list(lines)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
        if waiting and said.rstrip().endswith(b":"):
            # The terminal is flushed when the echo is turned off.
            time.sleep(0.2)
            os.write(fd, waiting.pop(0).encode() + b"\n")
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return said.decode(), status


def test_a_password_on_a_terminal_is_asked_for_twice(coid):
    said, status = typed(coid, ["a long password", "another password"])
    assert status == 1 and "not the same" in said
    said, status = typed(coid, ["a long password", "a long password"])
    assert status == 0 and "added" in said and "a long" not in said
    coid.login("typed@example.org", "a long password")
    assert re.search(r"last-login=\d{4}-\d\d-\d\dT", coid.ctl("user", "list", "--details"))
