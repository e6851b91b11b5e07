"""SEARCH: every key of RFC 3501, compared with Python over generated messages; charsets, slices, other sessions."""

import datetime
import email
import email.header
import email.policy
import email.utils
import random
import re
import time

import pytest

import messages
from coid import message


def numbers(untagged):
    line = [line for line in untagged if line.startswith(b"* SEARCH")]
    assert len(line) == 1, untagged
    return [int(n) for n in line[0].split()[2:]]


def search(raw, keys, uid=False):
    return numbers(raw.ok(("UID " if uid else "") + "SEARCH " + keys))


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def fill(raw, count):
    for i in range(1, count + 1):
        assert raw.append("INBOX", message(subject=f"number {i}", body=f"body {i} of {count}\r\n"),
                          f'"{i:02}-Mar-2026 12:00:00 +0000"').startswith(b"OK")
    raw.ok('SELECT "INBOX"')


def test_flags(raw):
    fill(raw, 4)
    raw.ok("STORE 1 FLAGS.SILENT (\\Seen \\Answered $Work)")
    raw.ok("STORE 2 FLAGS.SILENT (\\Flagged \\Draft)")
    raw.ok("STORE 3 FLAGS.SILENT (\\Seen \\Deleted)")
    for key, expected in {"SEEN": [1, 3], "ANSWERED": [1], "FLAGGED": [2], "DRAFT": [2], "DELETED": [3]}.items():
        assert search(raw, key) == expected
        assert search(raw, "UN" + key) == [n for n in [1, 2, 3, 4] if n not in expected]
        assert search(raw, "NOT " + key) == [n for n in [1, 2, 3, 4] if n not in expected]
    assert search(raw, "KEYWORD $work") == [1]
    assert search(raw, "UNKEYWORD $Work") == [2, 3, 4]
    assert search(raw, "KEYWORD nothing") == []
    assert search(raw, "RECENT") == [1, 2, 3, 4] and search(raw, "OLD") == []
    assert search(raw, "NEW") == [2, 4]


def test_sets_and_combinations(raw):
    fill(raw, 6)
    raw.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    assert search(raw, "ALL") == [1, 2, 3, 4, 5]
    assert search(raw, "ALL", uid=True) == [1, 3, 4, 5, 6]
    assert search(raw, "2:3", uid=True) == [3, 4]
    assert search(raw, "UID 3:4") == [2, 3]
    assert search(raw, "UID 2:3,900:*") == [2, 5]
    assert search(raw, "*") == [5] and search(raw, "4:*,1") == [1, 4, 5]
    assert search(raw, "3:900") == [3, 4, 5] and search(raw, "900") == []
    assert search(raw, "OR 1 (2:3 NOT UID 4)") == [1, 2]
    assert search(raw, "NOT (OR 1 OR 2 3)") == [4, 5]


def test_dates_and_sizes(raw):
    fill(raw, 5)
    assert search(raw, "BEFORE 3-Mar-2026") == [1, 2]
    assert search(raw, "ON 03-Mar-2026") == [3]
    assert search(raw, 'SINCE "3-Mar-2026"') == [3, 4, 5]
    assert search(raw, "SINCE 2-Mar-2026 BEFORE 4-Mar-2026") == [2, 3]
    assert search(raw, "SENTON 24-Nov-2026") == [1, 2, 3, 4, 5]
    assert search(raw, "SENTBEFORE 24-Nov-2026") == [] and search(raw, "SENTSINCE 25-Nov-2026") == []
    size = len(message(subject="number 1", body="body 1 of 5\r\n"))
    assert raw.append("INBOX", message(body="x" * 5000)).startswith(b"OK")
    raw.ok("NOOP")
    assert search(raw, "LARGER 5000") == [6] and search(raw, "SMALLER 5000") == [1, 2, 3, 4, 5]
    assert 6 in search(raw, f"LARGER {size}")


def test_charsets(raw):
    fill(raw, 1)
    assert raw.append("INBOX", "Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n\r\nKäse\r\n".encode()).startswith(b"OK")
    raw.ok("NOOP")
    word = "GRÜß".encode()
    tag = raw.command(b"SEARCH CHARSET UTF-8 SUBJECT {%d}" % len(word))
    assert raw.response().startswith(b"+")
    raw.send(word + b"\r\n")
    assert numbers(raw.until(tag)[1]) == [2]
    assert numbers(raw.ok(b"SEARCH CHARSET utf-8 SUBJECT {%d+}\r\n%s" % (len(word), word))) == [2]
    assert search(raw, "CHARSET US-ASCII SUBJECT number") == [1]
    tagged = raw.no("SEARCH CHARSET X-NONE SUBJECT x", "BADCHARSET")
    assert b"UTF-8" in tagged and b"US-ASCII" in tagged
    raw.bad(b"SEARCH CHARSET UTF-8 SUBJECT {1+}\r\n\xff")


def test_wrong_keys_are_bad(raw):
    fill(raw, 1)
    for keys in ["", " ", "FOO", "NOT", "OR SEEN", "(SEEN", "SEEN)", "UID", "UID x", "BEFORE never", "LARGER x", "SUBJECT",
                 "HEADER x", "CHARSET", "KEYWORD \\Seen", "(" * 60 + "ALL" + ")" * 60]:
        raw.bad("SEARCH " + keys)
    raw.ok("SEARCH ALL")


def test_an_empty_mailbox(raw):
    raw.ok('SELECT "INBOX"')
    assert raw.ok("SEARCH ALL") == [b"* SEARCH"]
    assert raw.ok("UID SEARCH TEXT x") == [b"* SEARCH"]


def test_what_thunderbird_asks(raw):
    fill(raw, 3)
    assert search(raw, 'UNDELETED BODY "body 2"', uid=True) == [2]
    assert search(raw, 'UNDELETED OR SUBJECT "number 3" FROM "nobody"', uid=True) == [3]


def test_messages_that_are_gone(coid, alice, raw):
    fill(raw, 3)
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    tagged, untagged = raw.cmd("SEARCH ALL")
    assert tagged.startswith(b"OK [EXPUNGEISSUED]") and numbers(untagged) == [1, 3]
    untagged = raw.ok("UID SEARCH ALL")
    assert numbers(untagged) == [1, 3] and untagged[-2:] == [b"* 2 EXPUNGE", b"* 2 RECENT"]
    assert search(raw, "ALL") == [1, 2]


def test_a_long_search_lets_others_work(coid, alice, raw):
    body = b"".join(b"line %d with many words to look through\r\n" % i for i in range(20000))
    for _ in range(8):
        assert raw.append("INBOX", b"Subject: x\r\n\r\n" + body).startswith(b"OK")
    raw.ok('SELECT "INBOX"')
    with coid.raw(alice, mailbox="INBOX") as other:
        begin = time.monotonic()
        tag = raw.command('SEARCH BODY "not in there at all"')
        other.ok("FETCH 1 RFC822.SIZE")
        other.ok("STORE 1 +FLAGS (\\Flagged)")
        other_took = time.monotonic() - begin
        assert numbers(raw.until(tag)[1]) == []
        took = time.monotonic() - begin
        assert other_took < took, (other_took, took)
    assert search(raw, 'BODY "line 19999 with"') == list(range(1, 9))


# -- compared with Python -----------------------------------------------------------------------------------------


def fold(text):
    return text.upper().casefold()


def decoded(value):
    value = re.sub(r"\r?\n", "", str(value).encode("ascii", "surrogateescape").decode("utf-8", "replace"))
    out = ""
    for piece, charset in email.header.decode_header(value):
        out += piece if isinstance(piece, str) else piece.decode(charset or "utf-8", "replace")
    return out


class Known:
    """Returns what Python's parser reads from a message."""

    def __init__(self, made, uid):
        self.uid = uid
        self.size = len(made.bytes)
        self.message = email.message_from_bytes(made.bytes, policy=email.policy.compat32)

    def header(self, name, word):
        return any(fold(word) in fold(decoded(value)) for value in self.message.get_all(name, []))

    def body(self, word):
        return any(fold(word) in fold(text) for text in self.texts())

    def text(self, word):
        return self.body(word) or any(fold(word) in fold(f"{name}: {decoded(value)}") for name, value in self.message.items())

    def texts(self):
        for part in self.message.walk():
            if part is not self.message:
                for name, value in part.items():
                    yield f"{name}: {decoded(value)}"
            if part.get_content_maintype() == "text" and not part.is_multipart():
                yield part.get_payload(decode=True).decode(part.get_content_charset("utf-8"), "replace")

    def sent(self):
        date = email.utils.parsedate_tz(self.message.get("Date", ""))
        return datetime.date(*date[:3]) if date else None


def random_key(rng):
    """(key as text, function of a Known)."""
    word = rng.choice(messages.WORDS + ["Grüße", "straße", "日本", "ПРИВЕТ", "example.org", "report"])
    literal = "{%d+}\r\n%s" % (len(word.encode()), word)
    kind = rng.randrange(9)
    if kind < 2:
        name = rng.choice(["Subject", "From", "To", "Cc"])
        return f"{name.upper()} {literal}", lambda k: k.header(name, word)
    if kind == 2:
        name = rng.choice(["X-Folded", "References", "DKIM-Signature", "Reply-To", "Message-ID"])
        return f"HEADER {name} {literal}", lambda k: k.header(name, word)
    if kind == 3:
        name = rng.choice(["X-Empty", "Sender", "Received", "Content-Type"])
        return f'HEADER {name} ""', lambda k: name in k.message
    if kind == 4:
        return f"BODY {literal}", lambda k: k.body(word)
    if kind == 5:
        return f"TEXT {literal}", lambda k: k.text(word)
    if kind == 6:
        day = datetime.date(rng.randint(1999, 2026), rng.randint(1, 12), rng.randint(1, 28))
        text = f"{day.day}-{messages.MONTHS[day.month - 1]}-{day.year}"
        return f"SENTSINCE {text}", lambda k: k.sent() is not None and k.sent() >= day
    if kind == 7:
        size = rng.randint(200, 3000)
        return f"SMALLER {size}", lambda k: k.size < size
    low = rng.randint(1, 80)
    return f"UID {low}:{low + 30}", lambda k: low <= k.uid <= low + 30


def random_search(rng, depth=0):
    kind = rng.random()
    if depth < 3 and kind < 0.2:
        a, b = random_search(rng, depth + 1), random_search(rng, depth + 1)
        return f"OR {a[0]} {b[0]}", lambda k: a[1](k) or b[1](k)
    if depth < 3 and kind < 0.35:
        a = random_search(rng, depth + 1)
        return f"NOT {a[0]}", lambda k: not a[1](k)
    if depth < 3 and kind < 0.5:
        a, b = random_search(rng, depth + 1), random_search(rng, depth + 1)
        return f"({a[0]} {b[0]})", lambda k: a[1](k) and b[1](k)
    return random_key(rng)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_generated_searches(raw, seed):
    made = [m for m in messages.make(seed, 150) if m.sound]
    known = []
    for uid, one in enumerate(made, 1):
        assert raw.append("INBOX", one.bytes).startswith(b"OK")
        known.append(Known(one, uid))
    raw.ok('SELECT "INBOX"')
    rng = random.Random(seed)
    for _ in range(150):
        keys, matches = random_search(rng)
        got = numbers(raw.ok(("UID SEARCH CHARSET UTF-8 " + keys).encode()))
        expected = [k.uid for k in known if matches(k)]
        assert got == expected, (keys, [made[uid - 1].bytes for uid in sorted(set(got) ^ set(expected))[:1]])
