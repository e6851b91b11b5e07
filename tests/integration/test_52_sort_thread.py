"""SORT, ESORT and THREAD (RFC 5256, 5267, 5957, 7162 section 3.1.9) against a model of the RFCs, and with other sessions in
between."""

import base64
import datetime
import random
import re

import pytest

import sortmodel
from coid import message

SEED = 5256
PROGRAMS = [
    "ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "SIZE", "SUBJECT", "TO", "REVERSE ARRIVAL", "REVERSE CC",
    "REVERSE DATE", "REVERSE DISPLAYFROM", "REVERSE DISPLAYTO", "REVERSE FROM", "REVERSE SIZE", "REVERSE SUBJECT", "REVERSE TO",
    "SUBJECT DATE", "SUBJECT REVERSE DATE", "REVERSE SUBJECT DATE", "FROM SUBJECT SIZE", "CC TO FROM REVERSE ARRIVAL",
    "DISPLAYFROM REVERSE SUBJECT DATE", "DATE DATE", "REVERSE DATE DATE", "SUBJECT REVERSE SUBJECT SIZE",
    "CC TO DISPLAYTO FROM DISPLAYFROM SUBJECT DATE SIZE ARRIVAL",
]
WORDS = ["apple", "Banana", "cherry", "äpfel", "Ärger", "ÉTÉ", "été", "Ωmega", "ωMEGA", "привет", "ПРИВЕТ", "日本語", "한글", "straße",
         "STRASSE", "ﬁn", "fin", "z", "", "a b", "[x]", "re", "fwd", "1", "10", "9"]
BEFORE = ["", "", "", "Re: ", "RE:", "re : ", "Fwd: ", "fw:", "Re[3]: ", "re [4]: ", "[list] ", "[list][x] ", "[a] Re: ", "Re: [b] Fw: ",
          "  ", "\t", "aw: ", "Re[1][2]: ", "[fwd: "]
AFTER = ["", "", "", " (fwd)", "(FWD)", " (fwd) (fwd) ", "  ", " [y]", " (fw)", "]"]
NAMES = ["", "", "Anna", "anna", "Ärger, Özil", "Zoe \"Z\" Q", "Привет"]
MAILBOXES = ["anna", "Anna", "bob", "zoe", "a.b", "carl"]
HOSTS = ["x.org", "Y.net", "example.com"]


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def encoded(text, rng):
    """Text for a header, as one of the ways to write it."""
    way = rng.randrange(5)
    if text.isascii() and way != 0:
        return text.encode()
    if way == 1 and "?" not in text:
        data = "".join(f"={octet:02X}" for octet in text.encode())
        return f"=?utf-8?q?{data}?=".encode()
    if way == 2:
        return text.encode()
    if way == 3 and len(text) > 1:
        # Two words, the space between them being nothing.
        half = len(text) // 2
        return b" ".join(b"=?UTF-8?B?" + base64.b64encode(part.encode()) + b"?=" for part in (text[:half], text[half:]))
    for charset in ("iso-8859-1", "koi8-r", "utf-8"):
        try:
            return f"=?{charset}?b?{base64.b64encode(text.encode(charset)).decode()}?=".encode()
        except UnicodeEncodeError:
            pass
    return text.encode()


def random_subject(rng):
    """(as written, decoded: text, or octets that cannot be converted); None: no field."""
    chance = rng.random()
    if chance < 0.03:
        return None, ""
    if chance < 0.08:
        octets = rng.choice([b"\xff\xfe", b"caf\xe9", b"Re: caf\xe9", b"[x] \xe4 (fwd)"])
        if rng.random() < 0.5:
            return octets, octets
        return b"=?x-unknown?b?" + base64.b64encode(octets) + b"?=", octets
    before, word, after = rng.choice(BEFORE), rng.choice(WORDS), rng.choice(AFTER)
    if chance < 0.5 or not word:
        text = before + word + after
        # White space at the ends is not part of a field.
        return (text.encode() if text.isascii() or rng.random() < 0.5 else encoded(text.strip(), rng)), text.strip()
    return before.encode() + encoded(word, rng) + (after.encode() if after[:1] in ("", " ") else b" " + after.encode()), \
        before + word + (after if after[:1] in ("", " ") else " " + after)


def random_address(rng):
    """(as written, (name, mailbox, host)) or (None, None)."""
    chance = rng.random()
    if chance < 0.1:
        return None, None
    if chance < 0.15:
        return b"Undisclosed: ;", ("", "Undisclosed", None)
    name, mailbox, host = rng.choice(NAMES), rng.choice(MAILBOXES), rng.choice(HOSTS)
    written = f"{mailbox}@{host}".encode()
    if name:
        quoted = '"' + name.replace('"', '\\"') + '"'
        phrase = encoded(name, rng)
        if not phrase.startswith(b"=?"):
            phrase = quoted.encode()
        written = phrase + b" <" + written + b">"
    if rng.random() < 0.3:
        written += b", other@example.org"
    return written, (name, mailbox, host)


def random_date(rng, base):
    """(as written, UTC seconds or None for a date that cannot be read)."""
    chance = rng.random()
    if chance < 0.1:
        return None, None
    if chance < 0.15:
        return rng.choice([b"yesterday", b"", b"31 Feb 2020 10:00:00 +0000"]), None
    seconds = base + rng.randrange(40) * 1800
    zone = rng.choice([0, 60, -300, 330, 840])
    if chance < 0.2:
        zone, text = 0, "%s +2599"  # an invalid zone: UTC
    elif chance < 0.25:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(hour=0, minute=0, second=0)
        return moment.strftime("%d %b %Y 25:61:00 +0100").encode(), int(moment.timestamp())
    else:
        text = f"%s {'-' if zone < 0 else '+'}{abs(zone) // 60:02d}{abs(zone) % 60:02d}"
    moment = datetime.datetime.fromtimestamp(seconds + zone * 60, datetime.timezone.utc)
    return (text % moment.strftime("%d %b %Y %H:%M:%S")).encode(), seconds


def field(name, value):
    return b"" if value is None else name + b": " + value + b"\r\n"


def append_all(raw, pieces):
    """Appends [(arrival, message)] in one go; UIDs go from 1 on. Headers may have octets beyond ASCII."""
    raw.ok("ENABLE UTF8=ACCEPT")
    for start in range(0, len(pieces), 50):
        part = pieces[start:start + 50]
        tag = raw.tag()
        data = tag + b' APPEND "INBOX"'
        for arrival, text in part:
            moment = datetime.datetime.fromtimestamp(arrival, datetime.timezone.utc)
            data += b' "%s" {%d+}\r\n' % (moment.strftime("%d-%b-%Y %H:%M:%S +0000").encode(), len(text)) + text
        raw.send(data + b"\r\n")
        assert raw.until(tag)[0].startswith(b"OK")


def fill(raw, rng, count):
    """Random messages; what the model must know of them."""
    known, pieces = [], []
    for uid in range(1, count + 1):
        arrival = 1_600_000_000 + rng.randrange(30) * 3600
        subject, decoded = random_subject(rng)
        date, sent = random_date(rng, 1_600_000_000)
        sender, to, cc = (random_address(rng) for _ in range(3))
        text = field(b"Subject", subject) + field(b"Date", date) + field(b"From", sender[0]) + field(b"To", to[0]) + \
            field(b"Cc", cc[0]) + b"\r\n" + b"x" * rng.randrange(5) + b"\r\n"
        pieces.append((arrival, text))
        known.append(sortmodel.Message(uid, decoded, sent, arrival, len(text), sender[1], to[1], cc[1]))
    append_all(raw, pieces)
    return known


def answer(raw, command, name):
    """The numbers of the one untagged response of that name."""
    (line,) = [line for line in raw.ok(command) if line.startswith(b"* " + name)]
    return [int(number) for number in line.split()[2:]]


def thread(raw, command):
    (line,) = [line for line in raw.ok(command) if line.startswith(b"* THREAD")]
    return line[len(b"* THREAD"):].strip().decode()


def expanded(text):
    found = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        assert not high or int(low) < int(high)
        found += range(int(low), int(high or low) + 1)
    return found


def test_it_is_announced(coid, raw):
    words = raw.ok("CAPABILITY")[0].split()
    for name in (b"SORT", b"SORT=DISPLAY", b"ESORT", b"THREAD=ORDEREDSUBJECT", b"THREAD=REFERENCES", b"I18NLEVEL=1"):
        assert name in words


def test_every_program_sorts_as_the_model(raw):
    rng = random.Random(SEED)
    known = fill(raw, rng, 300)
    raw.ok('SELECT "INBOX"')
    for program in PROGRAMS:
        want = sortmodel.sort(known, program)
        assert answer(raw, f"UID SORT ({program}) UTF-8 ALL", b"SORT") == want, program
        assert answer(raw, f"SORT ({program}) UTF-8 ALL", b"SORT") == want, program
    # Numbers that differ from UIDs.
    raw.ok("UID STORE 1:300 -FLAGS.SILENT (\\Deleted)")
    gone = set(rng.sample(range(1, 301), 60))
    raw.ok("UID STORE %s +FLAGS.SILENT (\\Deleted)" % ",".join(map(str, sorted(gone))))
    raw.ok("EXPUNGE")
    known = [m for m in known if m.uid not in gone]
    seq = {m.uid: i for i, m in enumerate(known, 1)}
    for program in PROGRAMS:
        want = sortmodel.sort(known, program)
        assert answer(raw, f"UID SORT ({program}) UTF-8 ALL", b"SORT") == want, program
        assert answer(raw, f"SORT ({program}) UTF-8 ALL", b"SORT") == [seq[uid] for uid in want], program
        (line,) = raw.ok(f"UID SORT RETURN (MIN MAX ALL COUNT) ({program}) UTF-8 ALL")
        got = re.fullmatch(rb'\* ESEARCH \(TAG "t\d+"\) UID MIN (\d+) MAX (\d+) ALL (\S+) COUNT (\d+)', line).groups()
        assert (int(got[0]), int(got[1]), int(got[3])) == (want[0], want[-1], len(want))
        assert expanded(got[2].decode()) == want
    some = [m for m in known if m.uid % 3 == 0]
    assert answer(raw, "UID SORT (SUBJECT) UTF-8 UID %s" % ",".join(str(m.uid) for m in some), b"SORT") == \
        sortmodel.sort(some, "SUBJECT")


def random_id(rng, name):
    """A msg-id in one of its forms."""
    left, _, right = name.partition("@")
    return rng.choice([f"<{name}>", f"<{name}>", f'<"{left}"@{right}>', f"< {left} @ {right} >", f'<"\\{left[0]}{left[1:]}"@{right}>'])


def random_threads(raw, rng, count):
    """Messages that refer to each other in every wrong way, too."""
    names = [f"id{i}@host" for i in range(count + count // 5)]
    known, pieces = [], []
    for uid in range(1, count + 1):
        own = rng.choice(names) if rng.random() < 0.2 else names[uid - 1]
        arrival = 1_600_000_000 + rng.randrange(50) * 3600
        date, sent = random_date(rng, 1_600_000_000)
        text = field(b"Date", date)
        subject = rng.choice(["", "Re: ", "Fwd: ", "[l] "]) + rng.choice(WORDS[:8] + ["", f"topic {rng.randrange(count)}", "q", "q"])
        if rng.random() < 0.95:
            text += field(b"Subject", subject.encode())
        else:
            subject = ""
        if rng.random() < 0.05:
            own = None
            text += rng.choice([b"", b"Message-ID: none\r\n", b"Message-ID: <broken>\r\n"])
        else:
            text += field(b"Message-ID", random_id(rng, own).encode())
        refs, reply_to = [], None
        if rng.random() < 0.7:
            near = names[max(0, uid - 8):uid + 3] if rng.random() < 0.8 else names
            refs = [rng.choice(near) for _ in range(rng.choice([1, 1, 2, 3, 5]))]
            text += field(b"References", b"\r\n ".join(random_id(rng, ref).encode() for ref in refs))
        elif rng.random() < 0.1:
            text += b"References: <nothing> here\r\n"
        if rng.random() < 0.3:
            reply_to = rng.choice(names)
            text += field(b"In-Reply-To", b"Your note of today " + random_id(rng, reply_to).encode() + b" <x@ignored>")
        text += b"\r\n\r\n"
        pieces.append((arrival, text))
        known.append(sortmodel.Message(uid, subject.strip(), sent, arrival, len(text), message_id=own, references=refs,
                                       in_reply_to=reply_to))
    append_all(raw, pieces)
    return known


@pytest.mark.parametrize("seed", range(6))
def test_threads_are_those_of_the_model(raw, seed):
    rng = random.Random(seed)
    known = random_threads(raw, rng, rng.choice([30, 100, 300]))
    raw.ok('SELECT "INBOX"')
    for some, keys in ((known, "ALL"), ([m for m in known if m.uid % 3], "UID " + ",".join(
            str(m.uid) for m in known if m.uid % 3)), (known[:10], "1:10"), (known[-1:], "*")):
        want = sortmodel.printed(sortmodel.references(some))
        assert thread(raw, f"UID THREAD REFERENCES UTF-8 {keys}") == want
        assert thread(raw, f"THREAD REFERENCES UTF-8 {keys}") == want
        want = sortmodel.printed(sortmodel.ordered_subject(some))
        assert thread(raw, f"THREAD ORDEREDSUBJECT UTF-8 {keys}") == want


def test_thread_by_number_after_an_expunge(raw):
    rng = random.Random(99)
    known = random_threads(raw, rng, 60)
    raw.ok('SELECT "INBOX"')
    raw.ok("STORE 3:9,20,41:44 +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    known = [m for m in known if m.uid not in (*range(3, 10), 20, *range(41, 45))]
    assert thread(raw, "UID THREAD REFERENCES UTF-8 ALL") == sortmodel.printed(sortmodel.references(known))
    seq = {str(m.uid): str(i) for i, m in enumerate(known, 1)}
    want = re.sub(r"\d+", lambda uid: seq[uid.group()], sortmodel.printed(sortmodel.references(known)))
    assert thread(raw, "THREAD REFERENCES UTF-8 ALL") == want


def small(raw):
    """Four messages: two threads."""
    for subject, name, refs in (("one", "a", ""), ("two", "b", ""), ("Re: one", "c", "<a@h>"), ("Re: one", "d", "<a@h> <c@h>")):
        head = f"Subject: {subject}\r\nMessage-ID: <{name}@h>\r\n" + (f"References: {refs}\r\n" if refs else "")
        raw.append("INBOX", head.encode() + b"\r\n" + name.encode() + b"\r\n")


def test_threads_print_as_the_rfc_shows(raw):
    small(raw)
    raw.ok('SELECT "INBOX"')
    assert thread(raw, "THREAD REFERENCES UTF-8 ALL") == "(1 3 4)(2)"
    assert thread(raw, "thread orderedsubject utf-8 all") == "(1 (3)(4))(2)"
    assert thread(raw, "THREAD REFERENCES UTF-8 3:4") == "(3 4)"
    assert thread(raw, "THREAD REFERENCES UTF-8 2,4") == "(2)(4)"
    assert thread(raw, 'THREAD REFERENCES US-ASCII TEXT "gewp"') == ""
    assert raw.ok("UID THREAD ORDEREDSUBJECT UTF-8 TEXT nothing") == [b"* THREAD"]


def test_siblings_of_a_missing_parent(raw):
    for i in range(2):
        raw.append("INBOX", b"Subject: s%d\r\nMessage-ID: <%d@h>\r\nReferences: <lost@h>\r\n\r\n" % (i, i))
    raw.ok('SELECT "INBOX"')
    assert thread(raw, "THREAD REFERENCES UTF-8 ALL") == "((1)(2))"
    assert thread(raw, "THREAD REFERENCES UTF-8 2") == "(2)"


def test_wrong_thread_commands(raw):
    raw.ok('SELECT "INBOX"')
    for text in ("THREAD", "THREAD REFERENCES", "THREAD REFERENCES UTF-8", "THREAD REFS UTF-8 ALL", "THREAD REFERENCES UTF-8 FOO",
                 "THREAD (REFERENCES) UTF-8 ALL", "UID THREAD REFERENCES ALL",
                 "THREAD RETURN (ALL) REFERENCES UTF-8 ALL"):
        raw.bad(text)
        raw.ok("NOOP")
    raw.no("THREAD REFERENCES X-NONE ALL", "BADCHARSET (US-ASCII UTF-8)")
    raw.no("UID SORT (DATE) X-NONE ALL", "BADCHARSET (US-ASCII UTF-8)")


def test_they_need_a_selected_mailbox(raw):
    for text in ("SORT (DATE) UTF-8 ALL", "UID SORT (DATE) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL",
                 "UID THREAD REFERENCES UTF-8 ALL"):
        raw.bad(text)


@pytest.mark.parametrize("command", ["SORT (SUBJECT) UTF-8 %s", "THREAD REFERENCES UTF-8 %s", "THREAD ORDEREDSUBJECT UTF-8 %s",
                                     "SORT RETURN (ALL) (DATE) UTF-8 %s", "SORT (ARRIVAL) UTF-8 %s"])
def test_another_session_expunges_and_appends(coid, alice, raw, command):
    small(raw)
    raw.ok('SELECT "INBOX"')
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        other.append("INBOX", message())
    tagged, untagged = raw.cmd(command % "1:4")
    # Numbers stay what they were; nothing is told as expunged. The new message is told first, but was not asked for.
    assert untagged[0] == b"* 5 EXISTS"
    assert tagged.startswith(b"OK [EXPUNGEISSUED]")
    assert not any(b"EXPUNGE" in line for line in untagged)
    result = next(line for line in untagged if line.startswith((b"* SORT", b"* THREAD", b"* ESEARCH")))
    numbers = re.findall(rb"\b[1-9]\b", re.sub(rb'\(TAG "t\d+"\)', b"", result).replace(b"3:4", b"3,4"))
    assert sorted(numbers) == [b"1", b"3", b"4"]
    # By UIDs and without numbers EXPUNGE may be told.
    tagged, untagged = raw.cmd("UID " + command % "UID 1:9")
    assert tagged.startswith(b"OK UID") and b"* 2 EXPUNGE" in untagged
    raw.ok("NOOP")
    tagged, untagged = raw.cmd(command % "ALL")
    assert tagged.startswith(b"OK ") and b"EXPUNGEISSUED" not in tagged


def test_a_uid_sort_by_numbers_tells_no_expunge(coid, alice, raw):
    small(raw)
    raw.ok('SELECT "INBOX"')
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
    for command in ("UID SORT (SUBJECT) UTF-8 1:4", "UID THREAD REFERENCES UTF-8 1:4"):
        tagged, untagged = raw.cmd(command)
        assert tagged.startswith(b"OK UID") and not any(b"EXPUNGE" in line for line in untagged)


def test_changes_while_it_runs(coid, alice, raw):
    """Pipelined with expunges and deliveries of another session: no answer names what never was, all end well."""
    rng = random.Random(1)
    known = random_threads(raw, rng, 200)
    raw.ok('SELECT "INBOX"')
    with coid.raw(alice, mailbox="INBOX") as other:
        pending = []
        for i in range(20):
            other.send(b"x%d UID STORE %d +FLAGS.SILENT (\\Deleted)\r\ny%d EXPUNGE\r\n" % (i, 10 * i + 1, i))
            for text in ("UID SORT (SUBJECT DATE) UTF-8 ALL", "SORT (DATE) UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL"):
                pending.append(raw.command(text))
        for i in range(20):
            assert other.until(b"y%d" % i)[0].startswith(b"OK")
        for tag in pending:
            assert raw.until(tag)[0].startswith(b"OK")
    raw.ok("NOOP")
    known = [m for m in known if (m.uid - 1) % 10 or m.uid > 200]
    assert answer(raw, "UID SORT (SUBJECT DATE) UTF-8 ALL", b"SORT") == sortmodel.sort(known, "SUBJECT DATE")
    assert thread(raw, "UID THREAD REFERENCES UTF-8 ALL") == sortmodel.printed(sortmodel.references(known))


def test_modseq(raw):
    for size in (30, 10, 20):
        raw.append("INBOX", b"Subject: x\r\n\r\n" + b"x" * size)
    raw.ok('SELECT "INBOX"')
    # The client has not used MODSEQ so far, so no response has one.
    assert raw.ok("SORT (SIZE) UTF-8 ALL") == [b"* SORT 2 3 1"]
    raw.ok("STORE 3 +FLAGS.SILENT (\\Seen)")
    raw.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
    lines = raw.ok("FETCH 1:3 MODSEQ")
    modseq = [int(re.search(rb"MODSEQ \((\d+)\)", line).group(1)) for line in lines if b"FETCH" in line]
    one, two, three = modseq
    assert two < three < one
    assert raw.ok("SORT (SIZE) UTF-8 MODSEQ 1") == [b"* SORT 2 3 1 (MODSEQ %d)" % one]
    assert raw.ok("UID SORT (SIZE) UTF-8 MODSEQ 1 NOT 1") == [b"* SORT 2 3 (MODSEQ %d)" % three]
    assert raw.ok(f"SORT (SIZE) UTF-8 MODSEQ {one + 1}") == [b"* SORT"]
    cases = {"MIN": (b" MIN 2", two), "MAX": (b" MAX 1", one), "MIN MAX": (b" MIN 2 MAX 1", one), "ALL": (b" ALL 2:3,1", one),
             "COUNT": (b" COUNT 3", one), "MIN COUNT": (b" MIN 2 COUNT 3", one), "PARTIAL 1:1": (b" PARTIAL (1:1 2)", two),
             "PARTIAL -1:-1": (b" PARTIAL (-1:-1 1)", one), "PARTIAL 1:2": (b" PARTIAL (1:2 2:3)", three),
             "PARTIAL 8:9 MIN": (b" MIN 2 PARTIAL (8:9 NIL)", two)}
    for options, (items, highest) in cases.items():
        (line,) = raw.ok(f"SORT RETURN ({options}) (SIZE) UTF-8 MODSEQ 1")
        assert re.sub(rb' \(TAG "t\d+"\)', b"", line) == b"* ESEARCH" + items + b" MODSEQ %d" % highest
    # RFC 7162 section 3.1.9: THREAD stays as it is.
    assert raw.ok("THREAD REFERENCES UTF-8 MODSEQ 1") == [b"* THREAD ((1)(2)(3))"]


def test_a_modseq_criterion_enables_condstore(coid, alice):
    for command in ("SORT (DATE) UTF-8 MODSEQ 1", "THREAD REFERENCES UTF-8 MODSEQ 1"):
        with coid.raw(alice, mailbox="INBOX") as raw:
            raw.append("INBOX", message())
            raw.ok("NOOP")
            assert any(b"HIGHESTMODSEQ" in line for line in raw.ok(command))
            raw.ok("STORE 1 FLAGS.SILENT (\\Seen)")
            with coid.raw(alice, mailbox="INBOX") as other:
                other.ok("STORE 1 FLAGS (\\Flagged)")
            assert any(b"MODSEQ" in line for line in raw.ok("NOOP"))


def test_what_sort_saves(raw):
    for size in (30, 10, 20, 40):
        raw.append("INBOX", b"Subject: x\r\n\r\n" + b"x" * size)
    raw.ok('SELECT "INBOX"')
    for options, saved in (("SAVE", "1:4"), ("SAVE ALL", "1:4"), ("SAVE COUNT", "1:4"), ("SAVE MIN", "2"), ("SAVE MAX", "4"),
                           ("SAVE MIN MAX", "2,4"), ("SAVE MIN MAX COUNT", "1:4")):
        lines = raw.ok(f"SORT RETURN ({options}) (SIZE) UTF-8 ALL")
        assert (options == "SAVE") == (lines == [])
        assert raw.ok("SEARCH RETURN (ALL) $")[0].split()[-1] == saved.encode()
        assert sorted(answer(raw, "SORT (REVERSE SIZE) UTF-8 $", b"SORT")) == expanded(saved)
    raw.ok("SORT RETURN (SAVE) (SIZE) UTF-8 SUBJECT nothing")
    assert raw.ok("THREAD REFERENCES UTF-8 $") == [b"* THREAD"]


def test_long_and_many_headers(raw):
    """Headers that are too long for the cache are sorted and threaded just as well."""
    filler = b"".join(b"X-%d: %s\r\n" % (i, b"y" * 900) for i in range(40))
    long = b"z" * 5000
    for subject, name, refs in ((long + b"b", b"a", b""), (long + b"a", b"b", b"References: <a@h>\r\n"), (long + b"b", b"c", b"")):
        raw.append("INBOX", filler + b"Subject: " + subject + b"\r\nMessage-ID: <" + name + b"@h>\r\n" + refs + b"\r\n")
    many = b" ".join(b"<%d@many>" % i for i in range(3000))
    raw.append("INBOX", b"Message-ID: <m@h>\r\nReferences: " + many + b" <b@h>\r\n\r\n")
    raw.ok('SELECT "INBOX"')
    # Equal to the last octet: in the order of the mailbox; and nothing is lost.
    found = answer(raw, "SORT (SUBJECT) UTF-8 ALL", b"SORT")
    assert found.index(1) + 1 == found.index(3) and sorted(found) == [1, 2, 3, 4] and found[0] == 4
    assert thread(raw, "THREAD REFERENCES UTF-8 ALL") == "((1 2 4)(3))"


def test_a_chain_of_many_replies(raw):
    """Neither the depth of a thread nor the order of its messages matters."""
    count = 3000
    order = list(range(count))
    random.Random(3).shuffle(order)
    pieces = []
    for place in order:
        head = b"Subject: Re: chain\r\nMessage-ID: <%d@h>\r\nDate: 1 Jan 2020 00:00:00 +0000\r\n" % place
        if place:
            head += b"References: <%d@h>\r\n" % (place - 1)
        pieces.append((1_600_000_000, head + b"\r\n"))
    append_all(raw, pieces)
    raw.ok('SELECT "INBOX"')
    uid = {place: i for i, place in enumerate(order, 1)}
    assert thread(raw, "UID THREAD REFERENCES UTF-8 ALL") == "(" + " ".join(str(uid[i]) for i in range(count)) + ")"
