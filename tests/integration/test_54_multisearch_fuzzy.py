"""SEARCH=FUZZY (RFC 6203) and MULTISEARCH (RFC 7377)."""

import re

import pytest

from coid import message
from contextclient import esearch


@pytest.fixture
def raw(coid, alice):
    with coid.raw(alice) as raw:
        yield raw


def fill(raw, *subjects, mailbox="INBOX"):
    for subject in subjects:
        assert raw.append(mailbox, message(subject=subject, body=f"about {subject}\r\n")).startswith(b"OK")


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
    assert raw.ok("UID SORT (REVERSE RELEVANCY) UTF-8 FUZZY SUBJECT Helo") == [b"* SORT 1 2 3 4"]
    assert raw.ok("SORT (RELEVANCY REVERSE SUBJECT) UTF-8 FUZZY SUBJECT Helo") == [b"* SORT 4 2 3 1"]
    assert (esearch(raw, "SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT Helo")
            == "ALL 4,1:3 RELEVANCY (100 60 60 60)")
    assert (esearch(raw, "SORT RETURN (RELEVANCY ALL) (SUBJECT) UTF-8 FUZZY SUBJECT Helo")
            == "ALL 1,3:4,2 RELEVANCY (60 60 100 60)")
    assert esearch(raw, "UID SORT RETURN (PARTIAL 1:2) (RELEVANCY) UTF-8 FUZZY SUBJECT Helo") == "UID PARTIAL (1:2 4,1)"
    for wrong in ("SORT (RELEVANCY) UTF-8 SUBJECT x", "SORT RETURN (RELEVANCY) (SUBJECT) UTF-8 SUBJECT x"):
        raw.bad(wrong)


# MULTISEARCH


def multi(raw, command, code=b"OK"):
    """{mailbox: what its ESEARCH says}, and the order of the mailboxes; correlators are looked at."""
    tag = raw.command(command)
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(code), (command, tagged)
    found = {}
    for line in untagged:
        if not line.startswith(b"* ESEARCH"):
            continue
        match = re.match(rb'\* ESEARCH \(TAG "([^"]*)" MAILBOX "([^"]*)" UIDVALIDITY (\d+)\) UID(.*)$', line)
        assert match and match.group(1) == tag, line
        name = match.group(2).decode()
        assert name not in found
        assert int(match.group(3)) == raw.uidvalidity[name]
        found[name] = match.group(4).strip().decode()
    return found


@pytest.fixture
def boxes(raw):
    """Three trees and INBOX; messages "one" in all that have messages, and their own name."""
    raw.uidvalidity = {}
    for name in ("a", "a/x", "a/x/deep", "a/y", "b", "empty", "abc"):
        raw.ok(f'CREATE "{name}"')
    for name in ("INBOX", "a", "a/x", "a/x/deep", "a/y", "b", "abc"):
        fill(raw, "one", f"is {name}", mailbox=name)
    fill(raw, "one", mailbox="b")
    raw.ok('SUBSCRIBE "b"')
    raw.ok('SUBSCRIBE "a/x"')
    raw.ok('SUBSCRIBE "missing"')
    for line in raw.ok('LIST "" "*" RETURN (STATUS (UIDVALIDITY))'):
        match = re.match(rb'\* STATUS "([^"]*)" \(UIDVALIDITY (\d+)\)', line)
        if match:
            raw.uidvalidity[match.group(1).decode()] = int(match.group(2))
    return raw


def test_multisearch_is_announced(raw):
    assert b"MULTISEARCH" in raw.ok("CAPABILITY")[0].split()


def test_sources(boxes):
    everything = ["INBOX", "a", "a/x", "a/x/deep", "a/y", "abc", "b"]
    for source, names in {"personal": everything, "inboxes": everything, "subscribed": ["INBOX", "a/x", "b"],
                          "mailboxes INBOX": ["INBOX"], "mailboxes inbox": ["INBOX"], "mailboxes (a b)": ["a", "b"],
                          "mailboxes \"a/x\"": ["a/x"], "subtree a": ["a", "a/x", "a/x/deep", "a/y"],
                          "subtree (a/x b)": ["a/x", "a/x/deep", "b"], "subtree-one a": ["a", "a/x", "a/y"],
                          "subtree-one (a a/x)": ["a", "a/x", "a/x/deep", "a/y"], "mailboxes missing": [],
                          "subtree missing": [], "mailboxes empty": [], "mailboxes (a a) subtree a/y mailboxes a": ["a", "a/y"],
                          "subscribed mailboxes abc": ["INBOX", "a/x", "abc", "b"], "mailboxes (missing INBOX empty)": ["INBOX"],
                          "subtree INBOX": ["INBOX"], "personal subscribed": everything}.items():
        found = multi(boxes, f"ESEARCH IN ({source}) SUBJECT one")
        assert sorted(found) == sorted(names), source
        assert all(answer == ("ALL 1,3" if name == "b" else "ALL 1") for name, answer in found.items())


def test_results_of_each_mailbox(boxes):
    source = "ESEARCH IN (mailboxes (a b empty))"
    assert multi(boxes, f"{source} RETURN (COUNT) ALL") == {"a": "COUNT 2", "b": "COUNT 3"}
    assert multi(boxes, f"{source} RETURN (MIN MAX) SUBJECT one") == {"a": "MIN 1 MAX 1", "b": "MIN 1 MAX 3"}
    assert multi(boxes, f"{source} RETURN () SUBJECT one") == {"a": "ALL 1", "b": "ALL 1,3"}
    assert multi(boxes, f"{source} RETURN (PARTIAL 2:5) ALL") == {"a": "PARTIAL (2:5 2)", "b": "PARTIAL (2:5 2:3)"}
    assert multi(boxes, f"{source} RETURN (PARTIAL 3:5) ALL") == {"a": "PARTIAL (3:5 NIL)", "b": "PARTIAL (3:5 3)"}
    assert multi(boxes, f"{source} RETURN (CONTEXT ALL) BODY is") == {"a": "ALL 2", "b": "ALL 2"}
    assert multi(boxes, f"{source} RETURN (COUNT) SUBJECT nowhere") == {}
    assert multi(boxes, f"{source} RETURN (RELEVANCY ALL) FUZZY SUBJECT onnne") == {}
    assert multi(boxes, f"{source} RETURN (RELEVANCY ALL) FUZZY BODY abuot") == {
        "a": "ALL 1:2 RELEVANCY (48 48)", "b": "ALL 1:3 RELEVANCY (48 48 48)"}
    got = multi(boxes, f"{source} RETURN (MIN) MODSEQ 1")
    assert all(re.fullmatch(r"MIN 1 MODSEQ \d+", answer) for answer in got.values()) and len(got) == 2


def test_numbers_are_those_of_each_mailbox(boxes):
    boxes.ok('SELECT "b"')
    boxes.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    boxes.ok("CLOSE")
    source = "ESEARCH IN (mailboxes (a b empty))"
    assert multi(boxes, f"{source} 1") == {"a": "ALL 1", "b": "ALL 2"}
    assert multi(boxes, f"{source} *") == {"a": "ALL 2", "b": "ALL 3"}
    assert multi(boxes, f"{source} 2:*") == {"a": "ALL 2", "b": "ALL 3"}
    assert multi(boxes, f"{source} 3:100") == {}
    assert multi(boxes, f"{source} NOT 1") == {"a": "ALL 2", "b": "ALL 3"}
    assert multi(boxes, f"{source} UID *") == {"a": "ALL 2", "b": "ALL 3"}
    assert multi(boxes, f"{source} UID 3:*") == {"a": "ALL 2", "b": "ALL 3"}
    assert multi(boxes, f"{source} UID 3:9") == {"b": "ALL 3"}
    assert multi(boxes, f"{source} RECENT") == {}


def test_the_selected_mailbox(boxes):
    boxes.ok('SELECT "a"')
    assert multi(boxes, "ESEARCH ALL") == {"a": "ALL 1:2"}
    assert multi(boxes, "ESEARCH SUBJECT is") == {"a": "ALL 2"}
    assert multi(boxes, "ESEARCH RETURN (COUNT) ALL") == {"a": "COUNT 2"}
    assert multi(boxes, "ESEARCH IN (selected) RETURN (MIN) ALL") == {"a": "MIN 1"}
    assert multi(boxes, "ESEARCH SUBJECT nothing") == {}
    assert multi(boxes, "ESEARCH IN (selected mailboxes b) ALL") == {"a": "ALL 1:2", "b": "ALL 1:3"}
    assert multi(boxes, "ESEARCH IN (mailboxes a selected subtree a/y) 2") == {"a": "ALL 2", "a/y": "ALL 2"}
    assert multi(boxes, "ESEARCH IN (mailboxes a) ALL") == {"a": "ALL 1:2"}
    # It stays selected.
    assert boxes.ok("SEARCH ALL") == [b"* SEARCH 1 2"]


def test_saving(boxes):
    boxes.ok('SELECT "a"')
    assert multi(boxes, "ESEARCH RETURN (SAVE) SUBJECT is") == {}
    assert boxes.ok("SEARCH $") == [b"* SEARCH 2"]
    assert multi(boxes, "ESEARCH IN (selected) RETURN (SAVE COUNT) ALL") == {"a": "COUNT 2"}
    assert multi(boxes, "ESEARCH $") == {"a": "ALL 1:2"}
    for sources in ("(personal)", "(mailboxes a)", "(selected mailboxes b)"):
        boxes.bad(f"ESEARCH IN {sources} RETURN (SAVE) ALL")
    boxes.bad("ESEARCH IN (mailboxes b) $")


def test_updates(coid, alice, boxes):
    boxes.ok('SELECT "a"')
    tag = boxes.command("ESEARCH IN (selected mailboxes b) RETURN (UPDATE COUNT) UNSEEN")
    tagged, untagged = boxes.until(tag)
    assert tagged.startswith(b"OK") and len(untagged) == 2
    (line,) = boxes.ok("STORE 2 +FLAGS.SILENT (\\Seen)")
    assert line == b'* ESEARCH (TAG "%s" MAILBOX "a" UIDVALIDITY %d) UID REMOVEFROM (0 2)' % (tag, boxes.uidvalidity["a"])
    with coid.raw(alice, mailbox="b") as other:
        other.ok("STORE 1 +FLAGS (\\Seen)")
    assert boxes.ok("NOOP") == []
    boxes.ok('CANCELUPDATE "%s"' % tag.decode())
    boxes.bad("ESEARCH IN (mailboxes b) RETURN (UPDATE) ALL")
    boxes.ok("UNSELECT")
    boxes.bad("ESEARCH RETURN (UPDATE) ALL")
    boxes.bad("ESEARCH IN (selected) RETURN (UPDATE) ALL")


def test_wrong_arguments(boxes):
    for wrong in ("ESEARCH", "ESEARCH ", "ESEARCH ALL", "ESEARCH IN (selected) ALL", "ESEARCH IN (selected personal) ALL",
                  "ESEARCH IN () ALL", "ESEARCH IN personal ALL", "ESEARCH IN (selected-delayed) ALL", "ESEARCH IN (everything) ALL",
                  "ESEARCH IN (mailboxes) ALL", "ESEARCH IN (mailboxes ()) ALL", "ESEARCH IN (subtree) ALL",
                  "ESEARCH IN (personal (scope)) ALL", "ESEARCH IN (personal) RETURN (WRONG) ALL", "ESEARCH IN (personal)",
                  "ESEARCH IN (personal) WRONG",
                  "ESEARCH IN (personal) RETURN (PARTIAL 1:2 ALL) ALL", "ESEARCH IN (personal) RETURN (RELEVANCY) ALL",
                  "ESEARCH IN (mailboxes (%s)) ALL" % " ".join(["x"] * 1025), "ESEARCH RETURN (ALL) IN (personal) ALL"):
        boxes.bad(wrong)
        boxes.ok("NOOP")
    boxes.no("ESEARCH IN (personal) CHARSET X-NONE TEXT x", "BADCHARSET")
    boxes.ok("ESEARCH IN (mailboxes (%s)) ALL" % " ".join(["x"] * 1024))


def test_it_needs_a_login(coid, alice):
    with coid.raw() as raw:
        raw.bad("ESEARCH IN (personal) ALL")


def test_names_in_every_form(boxes):
    boxes.ok('CREATE "M&APw-ll"')
    boxes.append("M&APw-ll", message(subject="one"))
    (line,) = boxes.ok('ESEARCH IN (mailboxes "M&APw-ll") ALL')
    assert b' MAILBOX "M&APw-ll" ' in line


def test_pipelined(boxes):
    boxes.send('P1 ESEARCH IN (subtree a) RETURN (COUNT) ALL\r\nP2 ESEARCH IN (mailboxes b) BODY is\r\nP3 NOOP\r\n')
    got = []
    while not got or not got[-1].startswith(b"P3 "):
        got.append(boxes.response())
    assert sum(line.startswith(b'* ESEARCH (TAG "P1"') for line in got) == 4
    assert [line[:2] for line in got if line.startswith(b"P")] == [b"P1", b"P2", b"P3"]


def test_while_others_change_mailboxes(coid, alice, boxes):
    with coid.raw(alice) as other:
        tag = boxes.command("ESEARCH IN (personal) RETURN (COUNT) BODY is")
        other.ok('DELETE "a/y"')
        other.ok('RENAME "b" "c"')
        other.append("abc", message(body="what is new\r\n"))
        tagged, untagged = boxes.until(tag)
        assert tagged.startswith(b"OK"), tagged
        names = {re.search(rb'MAILBOX "([^"]*)"', line).group(1) for line in untagged if b"ESEARCH" in line}
        assert {b"INBOX", b"a", b"a/x"} <= names
