"""Messages that are made anew from their number: what was sent need not be remembered."""

import random
import re

ID = re.compile(rb"^X-Id: (\d+)\r$", re.M)


def make(seed, number):
    """The bytes of message `number`: most small, some of them big enough for a file, a few of many blocks."""
    rng = random.Random(f"{seed}/{number}")
    head = (f"From: sender@example.net\r\nTo: somebody@example.org\r\nSubject: number {number}\r\n"
            f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}.{seed}@example.net>\r\nX-Id: {number}\r\n\r\n")
    kind = rng.random()
    if kind < 0.7:
        size = rng.randrange(0, 3000)
    elif kind < 0.95:
        size = rng.randrange(3000, 60_000)
    else:
        size = rng.randrange(60_000, 600_000)
    block = rng.randbytes(min(size, 3000) // 2).hex()
    lines = []
    while size > 0:
        start = rng.randrange(0, max(1, len(block) - 76))
        line = rng.choice(["", ".", "..", "Grüße "]) + block[start:start + rng.randrange(0, 76)]
        lines.append(line)
        size -= len(line) + 2
    return head.encode() + "".join(line + "\r\n" for line in lines).encode()


def number_of(message):
    found = ID.search(message)
    assert found, message[:500]
    return int(found[1])
