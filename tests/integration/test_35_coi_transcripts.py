"""Every example of the COI Server Spec 1.0, its client lines sent as they are printed.

Server lines are compared up to the freedom that RFC 5464 gives: entries may come in one METADATA response or in several, in
any order, names quoted or not; texts behind OK are the server's own; CAPABILITY may list more. Each example begins in a state
that the words around it describe.
"""

import re

import pytest

from coid import PASSWORD
from fetchtext import Reader
from meta import configure

CAPABILITY = """
S: * OK IMAP Server
C: a CAPABILITY
S: * CAPABILITY IMAP4rev1
S: a OK
C: b LOGIN foo bar
S: b OK Authentication successful.
C: c CAPABILITY
S: * CAPABILITY IMAP4rev1 COI
S: c OK
"""

READING = """
C: a GETMETADATA (DEPTH 1) "" /private/vendor/vendor.dovecot/coi/config
S: * METADATA "" ("/private/vendor/vendor.dovecot/coi/config/mailbox-root" "COI")
S: * METADATA "" ("/private/vendor/vendor.dovecot/coi/config/enabled" "yes")
S: * METADATA "" ("/private/vendor/vendor.dovecot/coi/config/message-filter" "active")
S: a OK GETMETADATA complete
"""

ROOT_REFUSED = """
C: a SETMETADATA "" (/private/vendor/vendor.dovecot/coi/config/mailbox-root myroot)
S: a NO [CANNOT] unable to set /private/vendor/vendor.dovecot/coi/config/mailbox-root
"""

ENABLING = """
C: a SETMETADATA "" (/private/vendor/vendor.dovecot/coi/config/enabled yes)\x20
S: a OK SETMETADATA complete
"""

DISABLING = """
C: a SETMETADATA "" (/private/vendor/vendor.dovecot/coi/config/enabled NIL)\x20
S: a OK SETMETADATA complete
"""

INVALID = """
C: a SETMETADATA "" (/private/vendor/vendor.dovecot/coi/config/enabled true)\x20
S: a NO [CANNOT] invalid value for /private/vendor/vendor.dovecot/coi/config/enabled: "true"
"""

FILTERING = """
C: a SETMETADATA "" (/private/vendor/vendor.dovecot/coi/config/message-filter active)
S: a OK SETMETADATA complete
"""

INVALID_FILTER = """
C: a SETMETADATA "" (/private/vendor/vendor.dovecot/coi/config/message-filter inactive)
S: a NO [CANNOT] invalid value for /private/vendor/vendor.dovecot/coi/config/message-filter: inactive
"""


def metadata(lines):
    """All entries of METADATA responses as pairs in order of their names; the other lines."""
    found, rest = {}, []
    for line in lines:
        head = re.match(rb'\* METADATA "" ', line)
        if not head:
            rest.append(line)
            continue
        values = [bytes(value) for value in Reader(line[head.end():]).list()]
        found.update(zip(values[::2], values[1::2]))
    return sorted(found.items()), rest


def agree(expected, got):
    """One line that is no METADATA response."""
    if expected.startswith(b"* CAPABILITY"):
        return set(expected.split()) <= set(got.split())
    if re.match(rb"\S+ OK|\* OK", expected):
        return got.split()[:2] == expected.split()[:2]
    return got == expected


def run(raw, text, user):
    """Plays the whole text: a client line, then what the server says to it."""
    for step in re.findall(r"C: (.*)\n((?:S: .*\n)*)", text):
        client, server = step[0].encode(), [line[3:].encode() for line in step[1].split("\n") if line]
        tag = client.split()[0]
        raw.send(client.replace(b"LOGIN foo bar", f'LOGIN "{user}" "{PASSWORD}"'.encode()) + b"\r\n")
        got = [raw.response()]
        while not got[-1].startswith(tag + b" "):
            got.append(raw.response())
        want_entries, want = metadata(server)
        got_entries, lines = metadata(got)
        assert got_entries == want_entries, client
        assert len(lines) == len(want) and all(map(agree, want, lines)), (client, want, lines)


def test_capability(coid, alice):
    # proves COI-01
    raw = coid.raw()
    assert agree(b"* OK IMAP Server", raw.greeting_line)
    run(raw, CAPABILITY, alice)


@pytest.mark.parametrize("text", [ROOT_REFUSED, ENABLING, DISABLING, INVALID, FILTERING, INVALID_FILTER])
def test_setting(coid, alice, text):
    # proves COI-13
    # proves COI-20
    # proves COI-45
    raw = coid.raw(alice)
    run(raw, text, alice)
    configure(raw, enabled="yes", message_filter="active")
    run(raw, text, alice)


def test_reading(coid, alice):
    # proves COI-10
    run(coid.raw(alice), ENABLING + FILTERING + READING, alice)
