"""A mail client with a cache, as disconnected clients keep one: what it believes about a mailbox comes from the server's
answers alone. Of three kinds: "plain" (RFC 3501), "condstore", "qresync", each also as one that only idles, and in the modes
"UIDONLY" (RFC 9586) and "IMAP4rev2" (RFC 9051). Whatever the server may not say to such a client fails an assertion."""

import collections
import re
import select

from imapraw import Closed
from fetchtext import fetch

HIGHEST = re.compile(rb"\[HIGHESTMODSEQ (\d+)\]")
SILENT = re.compile(rb"(UID )?STORE (\S+) (?:\(UNCHANGEDSINCE \d+\) )?([+-]?)FLAGS\.SILENT \((.*)\)$")
NUMBERED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|RECENT|FETCH|UIDFETCH)\b")


class Slot:
    """A message of the selected mailbox; None: not known yet."""

    def __init__(self, uid=None, flags=None):
        self.uid = uid
        self.flags = flags


def uidset(text):
    out = []
    for part in text.decode().split(","):
        low, _, high = part.partition(":")
        out += range(int(low), int(high or low) + 1)
    return out


def ranges(uids):
    """"1:3,7" of sorted numbers."""
    out = []
    for uid in uids:
        if out and out[-1][1] == uid - 1:
            out[-1][1] = uid
        else:
            out.append([uid, uid])
    return ",".join(f"{low}:{high}" if low != high else str(low) for low, high in out)


class CacheClient:
    def __init__(self, coid, user, kind, name, idler=False, modes=(), notify=None):
        self.coid, self.user, self.kind, self.name, self.idler, self.modes = coid, user, kind, name, idler, modes
        # "selected" or "selected-delayed": told without asking (RFC 5465), and by the former numbers change at any time.
        self.notify = notify
        self.uidonly, self.rev2 = "UIDONLY" in modes, "IMAP4rev2" in modes
        self.by_uid = self.uidonly or notify == "selected"
        self.vanishes = kind == "qresync" or self.uidonly
        self.raw = None
        self.box = None
        self.uidvalidity = 0
        self.slots = []
        self.modseq = 0  # the client's HIGHESTMODSEQ of the selected mailbox
        self.target = None  # the same while it resynchronises: counts when that is done
        self.caches = {}  # uidvalidity: ({uid: flags}, modseq)
        self.names = {}  # mailbox: the uidvalidity it had
        self.code, self.highest = None, 0  # heard since the last tagged line
        self.outstanding = None
        self.undo = []  # (slot, flags) before a .SILENT STORE that has not been answered
        self.idle_tag = None
        self.trace = collections.deque(maxlen=80)

    # -- the connection ---------------------------------------------------------------------------------------------

    def connect(self):
        if self.raw:
            return
        self.raw = self.coid.raw(self.user)
        self.trace.append("connected")
        enable = [self.kind] * (self.kind != "plain") + list(self.modes)
        if enable:
            self.command(f"ENABLE {' '.join(enable)}")
            self.wait()
        if self.notify:
            events = "MessageExpunge FlagChange"
            self.command(f"NOTIFY SET ({self.notify} (MessageNew (FLAGS) {events})) (personal (MessageNew {events}))")
            self.wait()

    def save(self):
        """The part of the selected mailbox that is kept: nothing behind the first message that is not known."""
        if self.box is None:
            return
        cache = {}
        for slot in self.slots:
            if slot.uid is None or slot.flags is None:
                break
            cache[slot.uid] = slot.flags
        self.caches[self.uidvalidity] = (cache, self.modseq)

    def forget_box(self):
        self.save()
        self.box, self.slots, self.target = None, [], None

    def disconnect(self):
        self.undo_store()
        self.forget_box()
        if self.raw:
            self.raw.close()
            self.coid.clients.remove(self.raw.close)
        self.raw = self.outstanding = self.idle_tag = None
        self.code, self.highest = None, 0
        self.trace.append("disconnected")

    def logout(self):
        if self.raw:
            self.command("LOGOUT")
            try:
                self.raw.expect_closed()
            finally:
                self.disconnect()

    def command(self, text):
        assert self.outstanding is None
        data = text if isinstance(text, bytes) else text.encode()
        self.trace.append(f"C: {data[:200]!r}")
        self.outstanding = (None, data)
        try:
            self.outstanding = (self.raw.command(data), data)
        except OSError:
            pass  # the next read shows it

    def assume(self, text):
        """A .SILENT STORE is about to be sent: nobody will say what it does. What the server says meanwhile is later."""
        match = SILENT.match(text)
        if not match:
            return
        by_uid, numbers, sign, names = match.groups()
        numbers, flags = set(uidset(numbers)), frozenset(names.split())
        for number, slot in enumerate(self.slots, 1):
            if (slot.uid if by_uid else number) not in numbers or slot.flags is None:
                continue
            self.undo.append((slot, slot.flags))
            if sign == b"+":
                slot.flags |= flags
            elif sign == b"-":
                slot.flags -= flags
            else:
                slot.flags = flags

    def undo_store(self):
        for slot, flags in self.undo:
            slot.flags = flags
        self.undo = []

    def read(self, timeout=30):
        """One response, or None when nothing comes. Closed: the server has closed."""
        while b"\r\n" not in self.raw.buffer:
            if not select.select([self.raw.sock], [], [], timeout)[0]:
                return None
            self.raw.fill()
        line = self.raw.response()
        self.trace.append(f"S: {line[:300]!r}")
        return line

    def wait(self):
        """Until the tagged line of the command that is outstanding: that line, or None when the connection has ended."""
        if not self.outstanding:
            return None
        tag, text = self.outstanding
        try:
            while True:
                line = self.read()
                assert line is not None, f"no answer to {text!r}"
                if tag and line.startswith(tag + b" "):
                    self.outstanding = None
                    return self.tagged(line[len(tag) + 1:], text)
                self.untagged(line, text)
        except (Closed, ConnectionResetError, BrokenPipeError):
            self.disconnect()
            return None

    def send(self, text):
        if self.notify:
            # Flags from before and from after such a STORE can't be told apart.
            text = text.replace(".SILENT", "") if isinstance(text, str) else text
        self.assume(text if isinstance(text, bytes) else text.encode())
        self.command(text)

    def run(self, text):
        self.send(text)
        return self.wait()

    # -- understanding ----------------------------------------------------------------------------------------------

    def tagged(self, line, text):
        """RFC 7162 section 6: what counts as HIGHESTMODSEQ is decided at the tagged line."""
        if self.uidonly and line.startswith(b"BAD [UIDREQUIRED]"):
            assert not text.startswith(b"UID"), (line, text)
        else:
            assert not line.startswith(b"BAD") or text.startswith(b"CHECK"), (line, text)
        if line.startswith(b"NO") and b"[EXPUNGEISSUED]" not in line and b"[MODIFIED " not in line:
            self.undo_store()
        self.undo = []
        codes = HIGHEST.findall(line)
        if codes:
            assert self.kind != "plain" and not text.startswith(b"CLOSE"), line
            self.code = int(codes[-1])
        if self.kind != "plain" and self.box is not None:
            before = self.modseq if self.target is None else self.target
            after = self.code if self.code is not None else max(before, self.highest)
            if self.target is None:
                self.modseq = after
            else:
                self.target = after
        self.code, self.highest = None, 0
        return line

    def untagged(self, line, text=b""):
        if self.kind == "plain":
            assert b"MODSEQ (" not in line and (self.vanishes or b"VANISHED" not in line), line
        for value in HIGHEST.findall(line):
            self.code = int(value)
        match = NUMBERED.match(line)
        if line.startswith(b"* VANISHED "):
            self.vanished(line)
        elif match and match.group(2) == b"EXISTS":
            self.exists(int(match.group(1)))
        elif match and match.group(2) == b"EXPUNGE":
            assert not self.vanishes, line
            assert 1 <= int(match.group(1)) <= len(self.slots), (line, len(self.slots))
            del self.slots[int(match.group(1)) - 1]
        elif match and match.group(2) in (b"FETCH", b"UIDFETCH"):
            self.fetched(line, text)
        elif match and match.group(2) == b"RECENT":
            assert not self.rev2, line
        elif line.startswith(b"* BYE"):
            raise Closed()

    def exists(self, count):
        assert count >= len(self.slots), (count, len(self.slots))
        self.slots += [Slot() for _ in range(count - len(self.slots))]

    def vanished(self, line):
        assert self.vanishes, line
        assert b"(EARLIER)" not in line, line  # that form is asked for, and read by select
        known = {slot.uid: i for i, slot in enumerate(self.slots)}
        gone, unknown = set(), 0
        for uid in uidset(line.split(b" ")[2]):
            if uid in known:
                gone.add(known[uid])
            else:
                unknown += 1
        left = [slot for i, slot in enumerate(self.slots) if i not in gone]
        for i in range(len(left) - 1, -1, -1):
            if unknown and left[i].uid is None:
                del left[i]
                unknown -= 1
        assert unknown == 0, (line, "unknown UIDs vanish")
        self.slots = left

    def slot_of(self, uid, asked):
        """
        That of a UID. One that is not known yet is one of the messages told by EXISTS: but which one is clear only where all
        from the first unknown one on were asked for. Else its flags are fetched with the others'.
        """
        for slot in self.slots:
            if slot.uid == uid:
                return slot
        if not asked:
            return Slot()
        slot = next(slot for slot in self.slots if slot.uid is None)
        slot.uid = uid
        self.slots.sort(key=lambda slot: (slot.uid is None, slot.uid))
        return slot

    def fetched(self, line, text):
        number, items = fetch(line)
        assert (b" UIDFETCH (" in line[:24]) == self.uidonly, line
        if self.uidonly:
            assert items.get("UID", number) == number, line
            slot = self.slot_of(number, "UID" in items)
        else:
            assert 1 <= number <= len(self.slots), (line, len(self.slots))
            slot = self.slots[number - 1]
        if self.kind != "plain" and b"FETCH" not in text[:10]:
            assert (self.uidonly or "UID" in items) and "MODSEQ" in items, (line, text)
        if self.rev2:
            assert b"\\Recent" not in items.get("FLAGS", []), line
            assert self.uidonly or "UID" in items or text.startswith((b"FETCH", b"STORE")), (line, text)
        if "UID" in items:
            assert slot.uid in (None, items["UID"]), (line, slot.uid)
            slot.uid = items["UID"]
        if "FLAGS" in items:
            self.undo = [(other, flags) for other, flags in self.undo if other is not slot]
            slot.flags = frozenset(bytes(flag) for flag in items["FLAGS"]) - {b"\\Recent"}
        if "MODSEQ" in items:
            self.highest = max(self.highest, int(items["MODSEQ"][0]))

    # -- mailboxes --------------------------------------------------------------------------------------------------

    def known(self):
        """{uid: flags} as the client believes."""
        return {slot.uid: slot.flags for slot in self.slots}

    def fill(self):
        """Fetches what is new."""
        items = "(UID FLAGS)" if self.kind == "plain" else "(UID FLAGS MODSEQ)"
        for _ in range(20):
            if self.raw is None or self.box is None:
                return
            done = [slot for slot in self.slots if slot.uid is not None and slot.flags is not None]
            if len(done) == len(self.slots):
                return
            first = next(i for i, slot in enumerate(self.slots) if slot.uid is None or slot.flags is None)
            last = self.slots[first - 1].uid if first > 0 else 0
            self.run(f"UID FETCH {last + 1}:* {items}")
        raise AssertionError("new messages can't be fetched")

    def open(self, name, rng, command="SELECT"):
        """Selects and resynchronises; False: it can't be selected, or the connection has ended."""
        self.connect()
        self.forget_box()
        cache, modseq = self.caches.get(self.names.get(name), ({}, 0))
        cache = dict(cache)
        parameters = ""
        if self.kind == "qresync" and modseq > 0:
            parameters = f" (QRESYNC ({self.names[name]} {modseq}{self.knowledge(sorted(cache), rng)}))"
        elif self.kind == "condstore" and rng.random() < 0.5:
            parameters = " (CONDSTORE)"
        self.command(f'{command} "{name}"{parameters}')
        lines = []
        tag, _ = self.outstanding
        try:
            while not (lines and tag and lines[-1].startswith(tag + b" ")):
                line = self.read()
                assert line is not None, "no answer to SELECT"
                if line.startswith(b"* BYE"):
                    raise Closed()
                lines.append(line)
        except (Closed, ConnectionResetError, BrokenPipeError):
            self.disconnect()
            return False
        self.outstanding = None
        if not lines.pop().startswith(tag + b" OK"):
            return False
        closed = [i for i, line in enumerate(lines) if line.startswith(b"* OK [CLOSED]")]
        lines = lines[closed[0] + 1 if closed else 0:]
        return self.resync(name, lines, cache, modseq, bool(parameters))

    def knowledge(self, uids, rng):
        """The optional arguments of QRESYNC: UIDs, and pairs of numbers and UIDs."""
        text = f" {ranges(uids)}" if uids and rng.random() < 0.6 else ""
        if uids and not self.uidonly and rng.random() < 0.5:
            places = sorted(rng.sample(range(len(uids)), min(len(uids), rng.randint(1, 5))))
            text += f" ({ranges([place + 1 for place in places])} {ranges([uids[place] for place in places])})"
        return text

    def resync(self, name, lines, cache, modseq, asked):
        text = b"\n".join(lines)
        self.uidvalidity = int(re.search(rb"\[UIDVALIDITY (\d+)\]", text).group(1))
        same = self.names.get(name) == self.uidvalidity
        self.names[name] = self.uidvalidity
        highest = int(HIGHEST.findall(text)[-1])
        count = int(re.search(rb"\* (\d+) EXISTS", text).group(1))
        if not same:
            cache, modseq = {}, 0
        self.box, self.modseq, self.target = name, modseq, highest
        self.code, self.highest = None, 0
        resyncs = self.kind == "qresync" and asked and same
        if self.rev2:
            assert b" RECENT" not in text and b"[UNSEEN" not in text, lines
            assert sum(line.startswith(b"* LIST (") for line in lines) == 1, lines
        if self.uidonly:
            assert b"[UNSEEN" not in text, lines
        if resyncs:
            for line in lines:
                if line.startswith(b"* VANISHED "):
                    assert line.startswith(b"* VANISHED (EARLIER) "), line
                    for uid in uidset(line.split(b" ")[3]):
                        cache.pop(uid, None)
            self.slots = [Slot(uid, cache[uid]) for uid in sorted(cache)]
            assert len(self.slots) <= count, (sorted(cache), count)
            self.exists(count)
            for line in lines:
                if b"FETCH (" in line:
                    self.fetched(line, b"SELECT")
        else:
            assert not any(b"VANISHED" in line or b"FETCH (" in line for line in lines), lines
            self.slots = [Slot() for _ in range(count)]
        self.code, self.highest = None, 0
        if self.kind == "condstore" and modseq > 0:
            self.resync_condstore(cache, modseq)
        self.fill()
        if self.box is None:
            return False
        self.modseq, self.target = self.target, None
        return True

    def resync_condstore(self, cache, modseq):
        """Asks which messages are still there, and which of them have changed."""
        self.search_numbers()
        if self.box is None:
            return
        for slot in self.slots:
            if slot.uid is not None:
                slot.flags = cache.get(slot.uid)
        self.run(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})")

    def search_numbers(self):
        """The UIDs of all messages: a search by numbers, so that none goes meanwhile; without numbers some may."""
        for _ in range(20):
            if not self.slots:
                return
            self.command("UID SEARCH ALL" if self.by_uid else f"UID SEARCH 1:{len(self.slots)}")
            tag, text = self.outstanding
            before = list(self.slots)
            found, gone = None, []
            try:
                while True:
                    line = self.read()
                    if line.startswith(tag + b" "):
                        break
                    if line.startswith(b"* SEARCH"):
                        assert not self.rev2, line
                        found = [int(uid) for uid in line.split()[2:]]
                    elif line.startswith(b"* ESEARCH"):
                        assert self.rev2, line
                        found = [uid for part in re.findall(rb" ALL (\S+)", line) for uid in uidset(part)]
                    else:
                        gone += uidset(line.split()[2]) if line.startswith(b"* VANISHED") else []
                        self.untagged(line, text)
            except (Closed, ConnectionResetError, BrokenPipeError):
                self.disconnect()
                return
            self.outstanding = None
            self.tagged(line[len(tag) + 1:], text)
            if self.by_uid and found is not None:
                before = [slot for slot in before if slot in self.slots]
                found = [uid for uid in found if uid not in gone]
            if found is not None and len(found) == len(before):
                for slot, uid in zip(before, found):
                    assert slot.uid in (None, uid)
                    slot.uid = uid
                return
            self.run("NOOP")  # some are gone: their EXPUNGE comes now
            if self.box is None:
                return
        raise AssertionError("the numbers don't come to rest")

    # -- idling -----------------------------------------------------------------------------------------------------

    def start_idle(self):
        self.command("IDLE")
        try:
            while True:
                line = self.read()
                assert line is not None, "IDLE is not answered"
                if line.startswith(b"+"):
                    break
                self.untagged(line, b"IDLE")
        except (Closed, ConnectionResetError, BrokenPipeError):
            self.disconnect()
            return
        self.idle_tag = self.outstanding[0]

    def stop_idle(self):
        if self.idle_tag is None:
            return
        self.idle_tag = None
        try:
            self.raw.send(b"DONE\r\n")
        except OSError:
            pass
        self.wait()

    def poll(self, timeout=0):
        """Takes in what came while idling; new messages are fetched."""
        try:
            while self.idle_tag is not None:
                line = self.read(timeout)
                if line is None:
                    break
                self.untagged(line, b"IDLE")
        except (Closed, ConnectionResetError, BrokenPipeError):
            self.disconnect()
            return
        if any(slot.uid is None for slot in self.slots):
            self.stop_idle()
            self.fill()
            if self.raw:
                self.start_idle()
