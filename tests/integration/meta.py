"""METADATA and COI for tests: reading entries, chat messages, waiting for what comes by itself."""

import re
import time

from fetchtext import Reader

PREFIX = "/private/vendor/vendor.dovecot/coi/config"


def entries(untagged, mailbox="", strict=True):
    """All METADATA responses for that mailbox, together: {name: value}; value None for NIL."""
    found = {}
    for line in untagged:
        head = re.match(rb'\* METADATA ("[^"]*") ', line)
        if not head:
            assert not strict, line
            continue
        assert head.group(1) == f'"{mailbox}"'.encode(), line
        values = Reader(line[head.end():]).list()
        assert values and len(values) % 2 == 0, line
        for name, value in zip(values[::2], values[1::2]):
            assert name.decode() not in found, line
            found[name.decode()] = value
    return found


def get(raw, names, mailbox="", options=""):
    """GETMETADATA; `names` as written behind the mailbox."""
    text = f'GETMETADATA {options + " " if options else ""}"{mailbox}" {names}'
    return {name: value for name, value in entries(raw.ok(text), mailbox).items() if value is not None}


def config(raw):
    """COI's settings, by the last component of their names."""
    got = get(raw, PREFIX, options="(DEPTH 1)")
    return {name[len(PREFIX) + 1:]: value.decode() for name, value in got.items()}


def configure(raw, **settings):
    """configure(raw, enabled="yes", message_filter="active"); None is NIL."""
    for name, value in settings.items():
        raw.ok(f'SETMETADATA "" ({PREFIX}/{name.replace("_", "-")} {"NIL" if value is None else value})')


def chat(number=1, headers=("Chat-Version: 1.0",), body="hi\r\n", sender="friend@example.net"):
    lines = [f"From: {sender}", "To: alice@example.org", f"Subject: chat {number}",
             "Date: Tue, 24 Nov 2026 10:00:00 +0000", f"Message-ID: <m{number}@example.net>", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def plain(number=1, body="hello\r\n"):
    return chat(number, headers=(), body=body)


def status(raw, mailbox, items="MESSAGES UIDNEXT"):
    line = raw.ok(f'STATUS "{mailbox}" ({items})')[0]
    words = line[line.rindex(b"(") + 1:-1].split()
    return {key.decode(): int(value) for key, value in zip(words[::2], words[1::2])}


def count(raw, mailbox):
    return status(raw, mailbox, "MESSAGES")["MESSAGES"]


def mailboxes(raw):
    """{name: set of attributes}"""
    found = {}
    for line in raw.ok('LIST "" "*"'):
        match = re.match(rb'\* LIST \(([^)]*)\) "/" "([^"]*)"', line)
        found[match.group(2).decode()] = set(match.group(1).decode().split())
    return found


def subscribed(raw):
    return {re.search(rb'"/" "([^"]*)"', line).group(1).decode() for line in raw.ok('LSUB "" "*"')}


def contents(raw, mailbox):
    """{subject: (flags and keywords but \\Recent, INTERNALDATE)} of a mailbox, by EXAMINE."""
    raw.ok(f'EXAMINE "{mailbox}"')
    lines = raw.ok("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    found = {}
    for line in lines:
        if b" FETCH (" not in line:
            continue
        flags = set(re.search(rb"FLAGS \(([^)]*)\)", line).group(1).decode().split()) - {"\\Recent"}
        date = re.search(rb'INTERNALDATE ("[^"]*")', line).group(1)
        subject = re.search(rb"Subject: ([^\r]*)", line).group(1).decode()
        assert subject not in found, f"{subject} is there twice"
        found[subject] = (flags, date)
    # Selected read-only: nothing is expunged.
    raw.ok("CLOSE")
    return found


def eventually(what, seconds=10):
    """Calls what() until it is true; returns its last answer."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.02)


def wait_for(raw, pattern, seconds=10):
    """Reads untagged responses until one matches; returns all that came."""
    got = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got.append(raw.response())
        if re.search(pattern, got[-1]):
            return got
    raise AssertionError((pattern, got))
