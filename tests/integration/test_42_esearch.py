"""ESEARCH (RFC 4731) with CONDSTORE, WITHIN (RFC 5032): every combination of return options, other sessions in between."""

import itertools
import re
import time

import pytest

from coid import message

ITEMS = ("MIN", "MAX", "ALL", "COUNT")


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def fill(raw, count, options=""):
    for i in range(1, count + 1):
        assert raw.append("INBOX", message(subject=f"number {i}", body=f"body {i}\r\n"), options).startswith(b"OK")


def numbers(text):
    found = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        found += range(int(low), int(high or low) + 1)
    return found


def esearch(raw, keys, options, uid=False):
    """The one ESEARCH as a dict; its correlator and UID indicator are looked at."""
    tag = raw.command(f"{'UID ' if uid else ''}SEARCH RETURN ({options}) {keys}")
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK"), tagged
    assert not any(line.startswith(b"* SEARCH") for line in untagged)
    (line,) = [line for line in untagged if line.startswith(b"* ESEARCH")]
    head = b'* ESEARCH (TAG "%s")%s' % (tag, b" UID" if uid else b"")
    assert line.startswith(head), line
    words = line[len(head):].split()
    assert len(words) % 2 == 0, line
    got = dict(zip(words[::2], words[1::2]))
    assert len(got) == len(words) // 2
    return {name.decode(): numbers(value) if name == b"ALL" else int(value) for name, value in got.items()}


def expected(found, options):
    options = options or ["ALL"]
    want = {}
    if found and "MIN" in options:
        want["MIN"] = min(found)
    if found and "MAX" in options:
        want["MAX"] = max(found)
    if found and "ALL" in options:
        want["ALL"] = sorted(found)
    if "COUNT" in options:
        want["COUNT"] = len(found)
    return want


def test_it_is_announced(raw):
    line = raw.ok("CAPABILITY")[0].split()
    for name in (b"ESEARCH", b"SEARCHRES", b"WITHIN", b"MULTIAPPEND"):
        assert name in line


def test_every_combination_of_options(raw):
    fill(raw, 6)
    raw.ok('SELECT "INBOX"')
    raw.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
    raw.ok("EXPUNGE")
    cases = {"ALL": [2, 4, 5, 6], "NOT UID 5": [2, 4, 6], "SUBJECT number": [2, 4, 5, 6], "BODY \"body 4\"": [4],
             "SEEN": [], "UID 1": []}
    seq = {2: 1, 4: 2, 5: 3, 6: 4}
    for size in range(len(ITEMS) + 1):
        for options in itertools.combinations(ITEMS, size):
            for keys, uids in cases.items():
                assert esearch(raw, keys, " ".join(options), uid=True) == expected(uids, options)
                assert esearch(raw, keys, " ".join(options)) == expected([seq[uid] for uid in uids], options)


def test_options_in_any_case_and_order_and_repeated(raw):
    fill(raw, 3)
    raw.ok('SELECT "INBOX"')
    assert esearch(raw, "ALL", "count mIn COUNT") == {"COUNT": 3, "MIN": 1}
    assert esearch(raw, "CHARSET UTF-8 SUBJECT number", "MAX") == {"MAX": 3}


def test_wrong_options(raw):
    raw.ok('SELECT "INBOX"')
    for text in ("RETURN", "RETURN ALL", "RETURN ()", "RETURN (ALL)", "RETURN (FOO) ALL", "RETURN (ALL) (ALL",
                 "RETURN (ALL) RETURN (MIN) ALL", "CHARSET UTF-8 RETURN (ALL) ALL"):
        raw.bad("SEARCH " + text)
    raw.no("SEARCH RETURN (ALL) CHARSET X-NONE ALL", "BADCHARSET (US-ASCII UTF-8)")


def test_an_empty_mailbox(raw):
    raw.ok('SELECT "INBOX"')
    for keys in ("ALL", "*", "1:*", "UID *", "NOT *", "OR 1 2", "SINCE 1-Jan-2000", "TEXT x"):
        assert esearch(raw, keys, "MIN MAX ALL COUNT") == {"COUNT": 0}
        assert esearch(raw, keys, "", uid=True) == {}


def test_modseq_is_of_what_is_returned(raw):
    fill(raw, 4)
    raw.ok('SELECT "INBOX" (CONDSTORE)')
    raw.ok("STORE 4 +FLAGS.SILENT (\\Seen)")
    raw.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
    raw.ok("STORE 2 +FLAGS.SILENT (\\Seen)")
    modseq = [int(re.search(rb"MODSEQ \((\d+)\)", line).group(1)) for line in raw.ok("FETCH 1:4 MODSEQ")]
    assert sorted(modseq) == [modseq[2], modseq[3], modseq[0], modseq[1]]
    for keys in ("MODSEQ 1", 'MODSEQ "/flags/\\\\Seen" all 1'):
        assert esearch(raw, keys, "MIN")["MODSEQ"] == modseq[0]
        assert esearch(raw, keys, "MAX")["MODSEQ"] == modseq[3]
        assert esearch(raw, keys, "MIN MAX")["MODSEQ"] == modseq[0]
        assert esearch(raw, keys, "MIN MAX", uid=True)["MODSEQ"] == modseq[0]
        for options in ("ALL", "COUNT", "MIN COUNT", "MAX ALL", "MIN MAX ALL COUNT", ""):
            assert esearch(raw, keys, options)["MODSEQ"] == modseq[1]
    assert esearch(raw, f"MODSEQ {modseq[1] + 1}", "MIN MAX ALL COUNT") == {"COUNT": 0}
    assert "MODSEQ" not in esearch(raw, "ALL", "ALL")


def test_another_session_expunges_and_appends(coid, alice, raw):
    fill(raw, 5)
    raw.ok('SELECT "INBOX"')
    with coid.raw(alice, mailbox="INBOX") as other:
        other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        other.ok("EXPUNGE")
        other.append("INBOX", message())
        tag = raw.command("SEARCH RETURN (ALL COUNT) ALL")
        tagged, untagged = raw.until(tag)
        # Numbers stay what they were; nothing is told as expunged.
        assert tagged.startswith(b"OK [EXPUNGEISSUED]")
        assert not any(b"EXPUNGE" in line for line in untagged)
        answer = untagged[0]
        assert answer in (b'* ESEARCH (TAG "%s") ALL 1,3:5 COUNT 4' % tag,
                          b'* ESEARCH (TAG "%s") ALL 1,3:6 COUNT 5' % tag) or untagged[0].endswith(b"EXISTS")
        raw.ok("NOOP")
        assert esearch(raw, "ALL", "ALL COUNT") == {"ALL": [1, 2, 3, 4, 5], "COUNT": 5}
        assert esearch(raw, "ALL", "ALL", uid=True) == {"ALL": [1, 3, 4, 5, 6]}


def test_min_of_many_ends_early_and_is_right(raw):
    fill(raw, 40)
    raw.ok('SELECT "INBOX"')
    assert esearch(raw, 'BODY "body 7"', "MIN") == {"MIN": 7}
    assert esearch(raw, 'NOT SUBJECT "number 1"', "MIN") == {"MIN": 2}
    assert esearch(raw, 'BODY "body 7"', "MAX") == {"MAX": 7}


def test_within(raw):
    now = time.time()
    for age in (0, 3600, 90000):
        date = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(now - age))
        fill(raw, 1, f'"{date}"')
    raw.ok('SELECT "INBOX"')
    assert esearch(raw, "YOUNGER 1800", "") == {"ALL": [1]}
    assert esearch(raw, "YOUNGER 7200", "") == {"ALL": [1, 2]}
    assert esearch(raw, "OLDER 1800", "") == {"ALL": [2, 3]}
    assert esearch(raw, "OLDER 1800 YOUNGER 7200", "") == {"ALL": [2]}
    assert esearch(raw, "OR OLDER 86400 YOUNGER 60", "") == {"ALL": [1, 3]}
    assert esearch(raw, "NOT YOUNGER 4294967295", "COUNT") == {"COUNT": 0}
    assert raw.ok("SEARCH OLDER 4294967295") == [b"* SEARCH"]
    for wrong in ("OLDER", "OLDER 0", "YOUNGER x", "YOUNGER -1", "OLDER 4294967296"):
        raw.bad("SEARCH " + wrong)


def test_a_zone_does_not_change_the_age(raw):
    moment = time.time() - 1000
    for zone in (-720, 0, 330, 840):
        sign = "-" if zone < 0 else "+"
        date = time.strftime("%d-%b-%Y %H:%M:%S ", time.gmtime(moment + zone * 60))
        fill(raw, 1, f'"{date}{sign}{abs(zone) // 60:02}{abs(zone) % 60:02}"')
    raw.ok('SELECT "INBOX"')
    assert esearch(raw, "OLDER 900 YOUNGER 1300", "COUNT") == {"COUNT": 4}
