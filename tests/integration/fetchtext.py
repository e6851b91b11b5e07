"""IMAP response data as Python values: lists, byte strings, Atom for bare words, None for NIL."""

import re

BARE = re.compile(rb"[^\s()\"{]+(?:\[[^\]]*\])?(?:<\d+>)?")
SECTION = re.compile(rb"(?:BODY|BINARY)(?:\.PEEK)?\[[^\]]*\](?:<\d+>)?")
LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")


class Atom(bytes):
    pass


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def skip(self, byte):
        assert self.data[self.at:self.at + 1] == byte, self.data[self.at:self.at + 40]
        self.at += 1

    def peek(self):
        return self.data[self.at:self.at + 1]

    def quoted(self):
        self.skip(b'"')
        out = b""
        while self.peek() != b'"':
            if self.peek() == b"\\":
                self.at += 1
                assert self.peek() in (b'"', b"\\")
            byte = self.peek()
            assert byte not in (b"", b"\r", b"\n", b"\0") and byte < b"\x80", self.data[self.at - 40:self.at + 40]
            out += byte
            self.at += 1
        self.skip(b'"')
        return out

    def value(self):
        byte = self.peek()
        if byte == b"(":
            return self.list()
        if byte == b'"':
            return self.quoted()
        literal = LITERAL.match(self.data, self.at)
        if literal:
            self.at = literal.end()
            size = int(literal.group(1))
            out = self.data[self.at:self.at + size]
            assert len(out) == size
            assert b"\0" not in out or literal.group().startswith(b"~")
            self.at += size
            return out
        bare = SECTION.match(self.data, self.at) or BARE.match(self.data, self.at)
        assert bare, self.data[self.at:self.at + 40]
        self.at = bare.end()
        text = bare.group()
        if text.upper() == b"NIL":
            return None
        return int(text) if text.isdigit() else Atom(text)

    def list(self):
        self.skip(b"(")
        out = []
        while self.peek() != b")":
            # Bodies of a multipart stand side by side without a space.
            if out and self.peek() == b" ":
                self.at += 1
            out.append(self.value())
        self.skip(b")")
        return out


def fetch(response):
    """(sequence number, {item: value}) of one untagged FETCH response; (UID, ...) of a UIDFETCH."""
    head = re.match(rb"\* (\d+) (?:UID)?FETCH ", response)
    assert head, response[:80]
    reader = Reader(response)
    reader.at = head.end()
    items = reader.list()
    assert reader.at == len(response), response[reader.at:reader.at + 40]
    assert len(items) % 2 == 0
    return int(head.group(1)), {bytes(items[i]).decode("latin-1"): items[i + 1] for i in range(0, len(items), 2)}


def fetch_all(untagged):
    """{sequence number: items} of all FETCH responses."""
    return dict(fetch(response) for response in untagged if b" FETCH (" in response[:30])
