"""Reads ESEARCH; a client that keeps the results of searches with UPDATE (RFC 5267) only by the updates that it gets."""

import re

HEAD = re.compile(rb'\* ESEARCH \(TAG "([^"]*)"([^)]*)\)( UID)?(.*)$')
PAIRS = re.compile(rb" (ADDTO|REMOVEFROM) \(([^)]*)\)")


def numbers(text):
    """A sequence set in the order in which it is written."""
    found = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        assert not high or int(low) < int(high), text
        found += range(int(low), int(high or low) + 1)
    return found


def esearch(raw, command):
    """The items of the command's single ESEARCH, behind its correlator."""
    tag = raw.command(command)
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK"), tagged
    (line,) = [line for line in untagged if line.startswith(b"* ESEARCH")]
    head = b'* ESEARCH (TAG "%s")' % tag
    assert line.startswith(head), line
    return line[len(head):].strip().decode()


class Context:
    def __init__(self, tag, by_uid, results):
        self.tag, self.by_uid, self.results = tag, by_uid, results
        self.updates = 0

    def apply(self, word, text):
        words = text.split()
        assert len(words) % 2 == 0 and words
        for position, what in zip(map(int, words[::2]), map(numbers, words[1::2])):
            self.updates += 1
            if word == b"ADDTO":
                self.add(position, what)
            else:
                self.remove(position, what)

    def add(self, position, what):
        assert not set(what) & set(self.results), (self.tag, "added twice", what, self.results)
        if position == 0:
            self.results = sorted(self.results + what)
        else:
            assert position <= len(self.results) + 1, (position, self.results)
            self.results[position - 1:position - 1] = what

    def remove(self, position, what):
        if position == 0:
            assert set(what) <= set(self.results), (self.tag, "removed what is not there", what, self.results)
            self.results = [number for number in self.results if number not in set(what)]
        else:
            assert self.results[position - 1:position - 1 + len(what)] == what, (position, what, self.results)
            del self.results[position - 1:position - 1 + len(what)]

    def expunged(self, number):
        if self.by_uid:
            return
        assert number not in self.results, (self.tag, "REMOVEFROM has to come before", number)
        self.results = [other - (other > number) for other in self.results]


class ContextClient:
    """Has a mailbox selected; `exists` is what it was told."""

    def __init__(self, raw, mailbox="INBOX"):
        self.raw, self.contexts, self.refused, self.exists = raw, {}, [], 0
        self.take(raw.ok(f'SELECT "{mailbox}"'))

    def open(self, command):
        """A search with RETURN (UPDATE ALL ...): its context."""
        tag = self.raw.command(command)
        tagged, untagged = self.raw.until(tag)
        assert tagged.startswith(b"OK"), tagged
        (line,) = [line for line in untagged if line.startswith(b'* ESEARCH (TAG "%s"' % tag) and not PAIRS.search(line)]
        found = re.search(rb" ALL (\S+)", line)
        context = Context(tag, command.startswith(("UID", "ESEARCH")), numbers(found.group(1)) if found else [])
        self.contexts[tag] = context
        self.take([other for other in untagged if other is not line])
        return context

    def take(self, untagged):
        for line in untagged:
            self.line(line)
        return untagged

    def line(self, line):
        number = re.match(rb"\* (\d+) (EXISTS|EXPUNGE)$", line)
        head = HEAD.match(line)
        if number and number.group(2) == b"EXISTS":
            self.exists = int(number.group(1))
        elif number:
            self.exists -= 1
            for context in self.contexts.values():
                context.expunged(int(number.group(1)))
        elif head and PAIRS.search(line):
            self.update(line, head)
        elif line.startswith(b'* NO [NOUPDATE "'):
            tag = line.split(b'"')[1]
            self.refused.append(tag)
            self.contexts.pop(tag, None)

    def update(self, line, head):
        tag, _, uid, rest = head.groups()
        assert tag in self.contexts, line
        context = self.contexts[tag]
        assert bool(uid) == context.by_uid, line
        assert PAIRS.sub(b"", rest) == b"", line
        for word, text in PAIRS.findall(rest):
            context.apply(word, text)
        if not context.by_uid:
            assert all(number <= self.exists for number in context.results), (line, self.exists)

    def run(self, command):
        """Sends; the tagged line. Everything that comes is taken in."""
        tagged, untagged = self.raw.cmd(command)
        self.take(untagged)
        return tagged

    def fresh(self, context, keys, command="SEARCH"):
        """The result of the search now."""
        uid = "UID " if context.by_uid else ""
        tagged, untagged = self.raw.cmd(f"{uid}{command} RETURN (ALL) {keys}")
        assert tagged.startswith(b"OK"), tagged
        (line,) = [line for line in untagged if line.startswith(b"* ESEARCH") and not PAIRS.search(line)]
        self.take([other for other in untagged if other is not line])
        found = re.search(rb" ALL (\S+)", line)
        return numbers(found.group(1)) if found else []
