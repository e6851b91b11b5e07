"""One client of many that change a mailbox at random: it keeps a picture of the mailbox, made of what it was told, and holds every
response against it. What may not be said to it is a StressError, with the lines that led there."""

import collections
import re

from fetchtext import fetch

SYSTEM = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]
COPYUID = re.compile(rb"\[COPYUID \d+ (\S+) (\S+)\]")


class StressError(AssertionError):
    pass


class Slot:
    """A message; None: not known."""

    def __init__(self):
        self.uid = None
        self.flags = None
        self.recent = None
        self.modseq = 0


def numbers(text):
    out = []
    for part in text.decode().split(","):
        low, _, high = part.partition(":")
        out += range(int(low), int(high or low) + 1)
    return out


class StressClient:
    def __init__(self, raw, name, rng, keywords, mode):
        self.raw, self.name, self.rng, self.keywords, self.mode = raw, name, rng, keywords, mode
        self.condstore, self.qresync = mode != "plain", mode == "qresync"
        self.trace = collections.deque(maxlen=60)
        self.commands = 0
        self.box, self.slots, self.names, self.recent = None, [], None, None
        # These belong to the current command.
        self.numbered = self.running = False
        self.told, self.codes, self.found, self.found_of = set(), [], None, 0
        self.gone = set()  # slots whose EXPUNGE must be told next
        if mode != "plain":
            self.run(f"ENABLE {mode}")

    def fail(self, what):
        raise StressError(f"{self.name} ({self.mode}): {what}\n" + "\n".join(self.trace))

    def check(self, good, what):
        if not good:
            self.fail(what)

    # -- responses --------------------------------------------------------------------------------------------------

    def take(self, line):
        self.trace.append(f"S: {line[:300]!r}")
        numbered = re.match(rb"\* (\d+) (EXISTS|RECENT|EXPUNGE|FETCH)\b", line)
        if numbered:
            getattr(self, "take_" + numbered[2].decode().lower())(int(numbered[1]), line)
        elif line.startswith(b"* VANISHED "):
            self.take_vanished(line)
        elif line.startswith(b"* FLAGS ("):
            self.names = set(line[9:-1].decode().split())
        elif line.startswith(b"* SEARCH"):
            self.found = [int(word) for word in re.sub(rb"\(.*\)", b"", line).split()[2:]]
            self.found_of = len(self.slots)
        elif line.startswith(b"* OK ["):
            self.codes.append(line)
        elif not line.startswith((b"* LIST", b"* STATUS", b"* ENABLED", b"+ ", b"* OK Still", b"* OK Searched")):
            self.fail("a response that nobody expects")

    def take_exists(self, count, _):
        self.check(count >= len(self.slots), f"EXISTS below {len(self.slots)}")
        self.slots += [Slot() for _ in range(count - len(self.slots))]

    def take_recent(self, count, _):
        self.check(count <= len(self.slots), "more RECENT than EXISTS")
        self.recent = count

    def remove(self, slot):
        self.gone.discard(slot)
        self.slots.remove(slot)

    def may_lose(self):
        self.check(self.running and not self.numbered, "messages go where numbers have to hold")

    def take_expunge(self, number, _):
        self.may_lose()
        self.check(not self.qresync, "EXPUNGE with QRESYNC")
        self.check(1 <= number <= len(self.slots), f"EXPUNGE beyond {len(self.slots)}")
        self.remove(self.slots[number - 1])

    def take_vanished(self, line):
        self.may_lose()
        self.check(self.qresync, "VANISHED without QRESYNC")
        for uid in numbers(line.split()[2]):
            known = [slot for slot in self.slots if slot.uid == uid]
            # Between which known ones it was; of several unknown ones there any will do.
            unknown = [slot for i, slot in enumerate(self.slots) if slot.uid is None and self.fits(i, uid)]
            self.check(known or unknown, f"UID {uid} vanished, which was not there")
            self.remove((known or unknown)[0])

    def fits(self, at, uid):
        before = [slot.uid for slot in self.slots[:at] if slot.uid]
        after = [slot.uid for slot in self.slots[at + 1:] if slot.uid]
        return (not before or before[-1] < uid) and (not after or uid < after[0])

    def take_fetch(self, number, line):
        self.check(1 <= number <= len(self.slots), f"FETCH beyond {len(self.slots)}")
        slot, items = self.slots[number - 1], fetch(line)[1]
        uid, modseq = items.get("UID"), items.get("MODSEQ")
        if uid:
            self.check(slot.uid in (None, uid), f"number {number} was UID {slot.uid}")
            self.check(slot.uid or self.fits(number - 1, uid), f"UID {uid} is out of order")
            slot.uid = uid
        self.check(not modseq or self.condstore, "MODSEQ without CONDSTORE")
        if modseq:
            self.check(modseq[0] >= slot.modseq, f"MODSEQ was {slot.modseq}")
        if "FLAGS" in items:
            self.take_flags(slot, {flag.decode() for flag in items["FLAGS"]}, modseq)
        elif modseq and modseq[0] > slot.modseq:
            slot.flags = None  # of its own .SILENT STORE it is told the MODSEQ alone
        if modseq:
            slot.modseq = modseq[0]

    def take_flags(self, slot, flags, modseq):
        self.told.add(slot)
        recent = "\\Recent" in flags
        self.check(not recent or slot.recent is not False, "\\Recent came later")
        slot.recent = recent
        flags.discard("\\Recent")
        self.check(flags <= self.names, f"{flags - self.names} before FLAGS named it")
        if self.condstore and slot.flags is not None and flags != slot.flags:
            self.check(modseq, f"a change of flags without MODSEQ: {slot.flags} to {flags}")
            self.check(modseq[0] > slot.modseq, f"a change of flags without a higher MODSEQ than {slot.modseq}")
        slot.flags = flags

    # -- commands ---------------------------------------------------------------------------------------------------

    def run(self, text, numbered=False, good=("OK",)):
        """Returns the tagged response, without the tag."""
        data = text if isinstance(text, bytes) else text.encode()
        self.trace.append(f"C: {data[:200]!r}")
        self.numbered, self.running = numbered, True
        self.told, self.codes, self.found = set(), [], None
        tag = self.raw.command(data)
        tagged = self.finish(tag, good)
        if not numbered:
            self.check(not self.gone & set(self.slots), "an EXPUNGE is still not told")
        return tagged

    def finish(self, tag, good):
        while True:
            line = self.raw.response()
            if line.startswith(tag + b" "):
                break
            self.take(line)
        self.running = False
        self.commands += 1
        tagged = line[len(tag) + 1:]
        self.trace.append(f"S: {line[:300]!r}")
        self.check(tagged.startswith(tuple(word.encode() for word in good)), "an answer that is none of " + ", ".join(good))
        return tagged

    def select(self, mailbox):
        self.box, self.slots, self.names, self.recent, self.gone = mailbox, [], set(), None, set()
        self.run(f'SELECT "{mailbox}"')
        self.learn()

    def learn(self):
        """Asks by number for messages that are not known yet; messages that are gone show at the NOOP."""
        for _ in range(20):
            unknown = [n for n, slot in enumerate(self.slots, 1) if slot.uid is None or slot.flags is None]
            if not unknown:
                return
            self.run(f"FETCH {unknown[0]}:{unknown[-1]} (UID FLAGS)", True, ("OK FETCH", "NO [EXPUNGEISSUED]"))
            self.run("NOOP")
        self.fail("messages that can't be had and do not go")

    def some(self):
        """(set of numbers as text, their slots)"""
        count = len(self.slots)
        low = self.rng.randint(1, count)
        high = min(count, low + self.rng.choice([0, 0, 1, 3, 10]))
        return (f"{low}:{high}" if self.rng.random() < 0.8 else f"{high}:{low}"), self.slots[low - 1:high]

    def pick(self):
        """(by_uid, the set, its slots)"""
        text, slots = self.some()
        by_uid = self.rng.random() < 0.5 and all(slot.uid for slot in slots)
        return by_uid, ",".join(str(slot.uid) for slot in slots) if by_uid else text, slots

    def store(self):
        by_uid, text, slots = self.pick()
        sign, silent = self.rng.choice("+- "), self.rng.random() < 0.4
        flags = self.rng.sample(SYSTEM, self.rng.randint(0, 2)) + self.rng.sample(self.keywords, self.rng.randint(0, 2))
        if sign != "+" and "\\Deleted" in flags and self.rng.random() < 0.5:
            flags.remove("\\Deleted")
        for slot in slots if silent else []:
            slot.flags = None
        tagged = self.run(f"{'UID ' * by_uid}STORE {text} {sign.strip()}FLAGS{'.SILENT' * silent} ({' '.join(flags)})", not by_uid,
                          ("OK STORE", "OK UID STORE") if silent or by_uid else ("OK STORE", "OK [EXPUNGEISSUED]"))
        missing = set(slots) - self.told
        if silent or by_uid:
            return
        self.check(tagged.startswith(b"OK [EXPUNGEISSUED]") or not missing, "a message without an answer")
        self.gone |= missing
        for slot in set(slots) - missing:
            if sign == "+" and not tagged.startswith(b"OK [EXPUNGEISSUED]"):
                # Others may have taken a flag away since, but not before the answer was made.
                self.check(slot.flags is not None, "an answer without FLAGS")

    def look(self):
        by_uid, text, _ = self.pick()
        items = self.rng.choice(["(FLAGS)", "(UID FLAGS)", "(RFC822.SIZE)", "(FLAGS BODY.PEEK[])", "(BODY[] FLAGS)", "(ENVELOPE)",
                                 "(MODSEQ)" if self.condstore else "FLAGS"])
        self.run(f"{'UID ' * by_uid}FETCH {text} {items}", not by_uid,
                 ("OK UID FETCH",) if by_uid else ("OK FETCH", "NO [EXPUNGEISSUED]"))

    def search(self):
        by_uid = self.rng.random() < 0.5
        what = self.rng.choice(["ALL", "UNSEEN", "FLAGGED", "DELETED", "KEYWORD " + self.rng.choice(self.keywords), "UID 1:*"])
        tagged = self.run(f"{'UID ' * by_uid}SEARCH {what}", not by_uid)
        self.check(self.found == sorted(set(self.found)), "a result that is not sorted")
        if not by_uid:
            self.check(not self.found or self.found[-1] <= self.found_of, "a number beyond EXISTS was found")
            all_there = what in ("ALL", "UID 1:*") and not tagged.startswith(b"OK [EXPUNGEISSUED]")
            self.check(not all_there or len(self.found) == self.found_of, f"{len(self.found)} of {self.found_of} found")

    def copy(self):
        by_uid, text, slots = self.pick()
        move = self.rng.random() < 0.4
        uids = {slot.uid for slot in slots}
        name = f"{'UID ' * by_uid}{'MOVE' if move else 'COPY'}"
        tagged = self.run(f'{name} {text} "{self.rng.choice(["INBOX", "Other"])}"', False,
                          ("OK",) if by_uid else ("OK", "NO [EXPUNGEISSUED]"))
        told = [COPYUID.search(line) for line in self.codes + [tagged] if b"COPYUID" in line]
        if tagged.startswith(b"NO"):
            self.check(not told, "NO, but copied")
        for pair in told:
            source, target = numbers(pair[1]), numbers(pair[2])
            self.check(len(source) == len(target), "COPYUID of different lengths")
            self.check(None in uids or set(source) <= uids, "copied what was not named")
            self.check(by_uid or len(source) == len(slots), "copied a part")

    def append(self):
        flags = self.rng.sample(SYSTEM, 1) + self.rng.sample(self.keywords, 1)
        body = b"Subject: %s\r\n\r\n%s\r\n" % (self.name.encode(), b"x" * self.rng.randint(1, 3000))
        mailbox = self.rng.choice([b"INBOX", b"INBOX", b"Other"])
        self.run(b'APPEND "%s" (%s) {%d+}\r\n%s' % (mailbox, " ".join(flags).encode(), len(body), body))

    def expunge(self):
        if self.rng.random() < 0.5:
            self.run("EXPUNGE")
            return
        _, slots = self.some()
        uids = ",".join(str(slot.uid) for slot in slots if slot.uid)
        self.run(f"UID EXPUNGE {uids or '1:*'}")

    def clean(self):
        text, slots = self.some()
        self.run(f"STORE {text} +FLAGS.SILENT (\\Deleted)", True, ("OK STORE",))
        for slot in slots:
            slot.flags = None
        self.expunge()

    def idle(self):
        self.trace.append("C: IDLE")
        self.numbered, self.running = False, True
        tag = self.raw.command("IDLE")
        while True:
            line = self.raw.response()
            if line.startswith(b"+"):
                break
            self.take(line)
        for line in self.raw.quiet(0.02):
            self.take(line)
        self.raw.send(b"DONE\r\n")
        self.finish(tag, ("OK",))

    def step(self):
        kinds = ["noop", "idle", "search"]
        if self.slots:
            kinds += ["store", "store", "store", "look", "look", "search", "copy", "expunge"]
        if len(self.slots) < 100:
            kinds += ["append", "append"]
        else:
            kinds += ["clean", "clean"]
        kind = self.rng.choice(kinds)
        if self.rng.random() < 0.02:
            self.select(self.rng.choice(["INBOX", "INBOX", "Other"]))
        elif kind == "noop":
            self.run("NOOP")
        else:
            getattr(self, kind)()
        if self.rng.random() < 0.5:
            self.learn()

    def settle(self):
        """Everything is quiet: the picture must be that of the mailbox. Returns it."""
        self.run("NOOP")
        self.learn()
        recent = sum(slot.recent for slot in self.slots)
        self.check(self.recent == recent, f"RECENT was {self.recent}, {recent} have the flag")
        return {slot.uid: slot.flags for slot in self.slots}
