"""SEARCH=FUZZY (RFC 6203) and MULTISEARCH (RFC 7377)."""

import re

import pytest

from coid import message


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def fill(raw, *subjects, mailbox="INBOX"):
    for subject in subjects:
        assert raw.append(mailbox, message(subject=subject, body=f"about {subject}\r\n")).startswith(b"OK")


def esearch(raw, command):
    """What the one ESEARCH of the command says behind its correlator."""
    tag = raw.command(command)
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK"), tagged
    (line,) = [line for line in untagged if line.startswith(b"* ESEARCH")]
    head = b'* ESEARCH (TAG "%s")' % tag
    assert line.startswith(head), line
    return line[len(head):].strip().decode()


# FUZZY


def test_fuzzy_is_announced(raw):
    assert b"SEARCH=FUZZY" in raw.ok("CAPABILITY")[0].split()


def test_fuzzy_strings(raw):
    fill(raw, "IMAP break", "the break of IMAP", "IMAP breaks", "something else", "imap brake")
    raw.ok('SELECT "INBOX"')
    assert raw.ok('SEARCH SUBJECT "IMAP break"') == [b"* SEARCH 1 3"]
    assert raw.ok('SEARCH FUZZY SUBJECT "IMAP break"') == [b"* SEARCH 1 2 3"]
    assert raw.ok('SEARCH FUZZY (SUBJECT "IMAP break")') == [b"* SEARCH 1 2 3"]
    assert raw.ok('SEARCH FUZZY SUBJECT "break" SUBJECT "the"') == [b"* SEARCH 2"]
    assert raw.ok("UID SEARCH FUZZY TEXT somethign") == [b"* SEARCH 4"]
    assert raw.ok("UID SEARCH FUZZY BODY smoething") == [b"* SEARCH 4"]
    assert raw.ok('SEARCH NOT FUZZY SUBJECT "imap"') == [b"* SEARCH 4"]
    assert raw.ok('SEARCH FUZZY NOT SUBJECT "imap"') == [b"* SEARCH 4"]
    assert raw.ok('SEARCH FUZZY NOT SUBJECT "imab"') == [b"* SEARCH 1 2 3 4 5"]


def test_fuzzy_marks(raw):
    fill(raw, "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_=C5=81=C3=B3d=C5=BA?=", "nothing")
    raw.ok('SELECT "INBOX"')
    for word in ("grusse", "Gruesse", "LODZ", "Lodz Grusse"):
        assert raw.ok(f'SEARCH FUZZY SUBJECT "{word}"') == [b"* SEARCH 1"], word
    assert raw.ok("SEARCH SUBJECT lodz") == [b"* SEARCH"]
    text = "łódź".encode()
    assert raw.ok(b"SEARCH CHARSET UTF-8 FUZZY TEXT {%d+}\r\n%s" % (len(text), text)) == [b"* SEARCH 1"]


def test_relevancy(raw):
    fill(raw, "hello", "help", "hello world", "helodrama", "else")
    raw.ok('SELECT "INBOX"')
    assert esearch(raw, "SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT Helo") == "ALL 1:4 RELEVANCY (60 60 60 100)"
    assert esearch(raw, "UID SEARCH RETURN (RELEVANCY) FUZZY SUBJECT hello") == "UID RELEVANCY (100 100)"
    assert esearch(raw, "SEARCH RETURN (RELEVANCY COUNT) FUZZY BODY helodrama") == "COUNT 1 RELEVANCY (80)"
    assert esearch(raw, "SEARCH RETURN (RELEVANCY MIN MAX) FUZZY SUBJECT Helo") == "MIN 1 MAX 4 RELEVANCY (60 60 60 100)"
    assert esearch(raw, "SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT zzz") == "RELEVANCY ()"
    assert esearch(raw, "SEARCH RETURN (PARTIAL 3:9 RELEVANCY) FUZZY SUBJECT Helo") == "PARTIAL (3:9 3:4) RELEVANCY (60 100)"
    assert esearch(raw, "SEARCH RETURN (PARTIAL 1:1 RELEVANCY) FUZZY SUBJECT Helo") == "PARTIAL (1:1 1) RELEVANCY (60)"
    assert esearch(raw, "SEARCH RETURN (RELEVANCY ALL) FUZZY SEEN") == "RELEVANCY ()"
    got = esearch(raw, "SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT Helo MODSEQ 1")
    assert re.fullmatch(r"ALL 1:4 RELEVANCY \(60 60 60 100\) MODSEQ \d+", got), got


def test_relevancy_is_saved_around(raw):
    fill(raw, "hello", "help", "else")
    raw.ok('SELECT "INBOX"')
    assert esearch(raw, "SEARCH RETURN (SAVE RELEVANCY) FUZZY SUBJECT helo") == "RELEVANCY (60 60)"
    assert raw.ok("SEARCH $") == [b"* SEARCH 1 2"]
    assert esearch(raw, "SEARCH RETURN (MIN RELEVANCY SAVE) FUZZY SUBJECT helo") == "MIN 1 RELEVANCY (60 60)"
    assert raw.ok("SEARCH $") == [b"* SEARCH 1"]


def test_fuzzy_errors(raw):
    fill(raw, "one")
    raw.ok('SELECT "INBOX"')
    for wrong in ("SEARCH FUZZY", "SEARCH FUZZY ", "SEARCH FUZZY(SUBJECT x)", "SEARCH SUBJECT x FUZZY",
                  "SEARCH RETURN (RELEVANCY) SUBJECT x", "SEARCH RETURN (RELEVANCY ALL) ALL",
                  "SEARCH RETURN (FUZZY) FUZZY SUBJECT x", "SEARCH FUZZY UNKNOWN x"):
        raw.bad(wrong)
    assert raw.no("SEARCH RETURN (RELEVANCY) CHARSET X-NONE FUZZY TEXT x", "BADCHARSET")


def test_a_long_word_and_many_words_cost_no_more(raw):
    fill(raw, "x" * 400, " ".join(f"word{i}" for i in range(50)))
    raw.ok('SELECT "INBOX"')
    assert raw.ok('SEARCH FUZZY SUBJECT "%s"' % ("x" * 500)) == [b"* SEARCH 1"]
    assert raw.ok('SEARCH FUZZY SUBJECT "%s"' % " ".join(f"word{i}" for i in range(200))) == [b"* SEARCH 2"]


def test_relevancy_of_sort(raw):
    """RFC 6203 section 6: the highest score first."""
    fill(raw, "hello", "help", "hello world", "helodrama", "else")
    raw.ok('SELECT "INBOX"')
    assert raw.ok("SORT (RELEVANCY) UTF-8 FUZZY SUBJECT Helo") == [b"* SORT 4 1 2 3"]
    assert raw.ok("UID SORT (REVERSE RELEVANCY) UTF-8 FUZZY SUBJECT Helo") == [b"* SORT 3 2 1 4"]
    assert raw.ok("SORT (RELEVANCY REVERSE SUBJECT) UTF-8 FUZZY SUBJECT Helo") == [b"* SORT 4 2 3 1"]
    assert (esearch(raw, "SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT Helo")
            == "ALL 4,1:3 RELEVANCY (100 60 60 60)")
    assert (esearch(raw, "SORT RETURN (RELEVANCY ALL) (SUBJECT) UTF-8 FUZZY SUBJECT Helo")
            == "ALL 1,3,4,2 RELEVANCY (60 60 100 60)")
    assert esearch(raw, "UID SORT RETURN (PARTIAL 1:2) (RELEVANCY) UTF-8 FUZZY SUBJECT Helo") == "UID PARTIAL (1:2 4,1)"
    for wrong in ("SORT (RELEVANCY) UTF-8 SUBJECT x", "SORT RETURN (RELEVANCY) (SUBJECT) UTF-8 SUBJECT x"):
        raw.bad(wrong)
