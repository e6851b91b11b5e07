"""LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819), SPECIAL-USE (RFC 6154), STATUS=SIZE (RFC 8438), APPENDLIMIT (RFC 7889)."""

import re

import pytest

from coid import message

DEFAULTS = {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}


def listed(lines):
    """{name: (attributes, rest)} of LIST lines, in order."""
    found = {}
    for line in lines:
        match = re.fullmatch(rb'\* LIST \(([^)]*)\) "/" "([^"]*)"(.*)', line)
        if match:
            assert match.group(2).decode() not in found
            found[match.group(2).decode()] = (set(match.group(1).decode().split()), match.group(3).decode())
    return found


@pytest.fixture
def raw(coid, alice):
    raw = coid.raw(alice)
    for name in DEFAULTS:
        raw.ok(f'UNSUBSCRIBE "{name}"')
    return raw


def test_the_capabilities_are_announced(coid, alice):
    text = coid.raw(alice).ok("CAPABILITY")[0]
    for atom in (b"LIST-EXTENDED", b"LIST-STATUS", b"SPECIAL-USE", b"CHILDREN", b"STATUS=SIZE", b"APPENDLIMIT=52428800"):
        assert b" " + atom in text


def test_the_examples_of_rfc_5258(raw):
    for name in ("Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable/Broccoli", "Vegetable/Corn"):
        raw.ok(f'CREATE "{name}"')
    for name in ("inbox", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"):
        raw.ok(f'SUBSCRIBE "{name}"')
    # 2: subscribed, existing or not
    got = listed(raw.ok('LIST (SUBSCRIBED) "" "*"'))
    assert set(got) == {"INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"}
    assert all("\\Subscribed" in attributes for attributes, _ in got.values())
    assert "\\NonExistent" in got["Fruit/Peach"][0]
    assert not any("\\NonExistent" in got[name][0] for name in ("INBOX", "Fruit/Banana", "Vegetable"))
    # 3: children
    got = listed(raw.ok('LIST () "" "%" RETURN (CHILDREN)'))
    assert set(got) == DEFAULTS | {"Fruit", "Tofu", "Vegetable"}
    assert "\\HasChildren" in got["Fruit"][0] and "\\HasNoChildren" in got["Tofu"][0]
    assert not any("\\Subscribed" in attributes for attributes, _ in got.values())
    # 5 and 6: REMOTE adds nothing; RETURN (SUBSCRIBED) tells, but does not select
    assert set(listed(raw.ok('LIST (REMOTE SUBSCRIBED) "" "*"'))) == {
        "INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"}
    got = listed(raw.ok('LIST (REMOTE) "" "*" RETURN (SUBSCRIBED)'))
    assert "Fruit/Peach" not in got and "Fruit" in got
    assert {name for name, (attributes, _) in got.items() if "\\Subscribed" in attributes} == {
        "INBOX", "Fruit/Banana", "Vegetable", "Vegetable/Broccoli"}
    # 7: several patterns, each name once
    got = listed(raw.ok('LIST "" ("INBOX" "Drafts" "Fruit/%" "Fruit/A*")'))
    assert set(got) == {"INBOX", "Drafts", "Fruit/Apple", "Fruit/Banana"}


def test_recursivematch_tells_of_children_that_would_be_missed(raw):
    for name in ("foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2/mamba"):
        raw.ok(f'CREATE "{name}"')
        raw.ok(f'SUBSCRIBE "{name}"')
    raw.ok('SUBSCRIBE "eps2"')
    raw.ok('SUBSCRIBE "qux2/bar2"')
    got = listed(raw.ok('LIST (RECURSIVEMATCH SUBSCRIBED) "" "*2"'))
    info = ' ("CHILDINFO" ("SUBSCRIBED"))'
    assert {name: rest for name, (_, rest) in got.items()} == {
        "foo2": info, "foo2/bar2": "", "baz2/bar2": "", "baz2/bar22": "", "baz2/bar222": "", "eps2": info, "qux2/bar2": ""}
    assert "\\Subscribed" not in got["foo2"][0] and "\\Subscribed" in got["eps2"][0]
    got = listed(raw.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"'))
    assert {name: rest for name, (_, rest) in got.items()} == {"foo2": info, "baz2": info, "eps2": info, "qux2": info}
    assert "\\NonExistent" in got["qux2"][0]
    raw.ok('UNSUBSCRIBE "eps2/mamba"')
    assert listed(raw.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" "eps%"'))["eps2"][1] == ""


def test_special_uses_are_selected_and_told(raw):
    got = listed(raw.ok('LIST (SPECIAL-USE) "" "*"'))
    assert {name: attributes - {"\\HasNoChildren"} for name, (attributes, _) in got.items()} == {
        name: {"\\" + name} for name in DEFAULTS - {"INBOX"}}
    assert "\\Sent" in listed(raw.ok('LIST "" "*" RETURN (SPECIAL-USE)'))["Sent"][0]
    got = listed(raw.ok('LIST (SPECIAL-USE SUBSCRIBED) "" "*"'))
    assert got == {}
    raw.ok("SUBSCRIBE Sent")
    assert set(listed(raw.ok('LIST (SPECIAL-USE SUBSCRIBED) "" "*"'))) == {"Sent"}


def test_status_comes_with_the_list(coid, alice, raw):
    coid.deliver(alice, message())
    raw.ok('CREATE "up/down"')
    lines = raw.ok('LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT SIZE) SPECIAL-USE CHILDREN SUBSCRIBED)')
    names = list(listed(lines))
    statuses = dict(re.fullmatch(rb'\* STATUS "([^"]*)" \((.*)\)', line).groups() for line in lines if b"STATUS" in line)
    assert set(statuses) == {name.encode() for name in names} - {b"up"}
    assert re.fullmatch(rb"MESSAGES 1 UIDNEXT 2 SIZE \d{3}", statuses[b"INBOX"])
    assert statuses[b"up/down"] == b"MESSAGES 0 UIDNEXT 1 SIZE 0"
    # Each STATUS follows its LIST.
    for i, line in enumerate(lines):
        if b"STATUS" in line:
            assert lines[i - 1].startswith(b"* LIST") and line.split(b'"')[1] == lines[i - 1].split(b'"')[3]


def test_an_empty_pattern_is_special_only_in_the_old_syntax(raw):
    assert raw.ok('LIST "" ""') == [b'* LIST (\\Noselect) "/" ""']
    assert raw.ok('LIST () "" ""') == []
    assert raw.ok('LIST "" "" RETURN ()') == []


def test_the_reference_goes_before_every_pattern(raw):
    raw.ok('CREATE "a/b/c"')
    assert set(listed(raw.ok('LIST "a/" ("%" "b/*")'))) == {"a/b", "a/b/c"}


@pytest.mark.parametrize("arguments", [
    '(RECURSIVEMATCH) "" "*"', '(REMOTE RECURSIVEMATCH) "" "*"', '(FROB) "" "*"', '"" "*" RETURN', '"" "*" RETURN (FROB)',
    '"" "*" RETURN (STATUS)', '"" "*" RETURN (STATUS ())', '"" "*" FROB ()', '"" ()', '(SUBSCRIBED "" "*"',
    '"" "*" RETURN (STATUS (FROB))', '() ""', '"" (' + " ".join("a" for _ in range(101)) + ")"])
def test_broken_arguments_are_refused(raw, arguments):
    raw.bad("LIST " + arguments)
    raw.ok("NOOP")


def test_status_tells_size_and_appendlimit(coid, alice, raw):
    raw.append("INBOX", message())
    raw.append("INBOX", message(body="x" * 100))
    sizes = [int(re.search(rb"SIZE (\d+)", line).group(1)) for line in
             coid.raw(alice, mailbox="INBOX").ok("FETCH 1:* (RFC822.SIZE)")]
    assert raw.ok("STATUS INBOX (SIZE APPENDLIMIT)") == [
        b'* STATUS "INBOX" (SIZE %d APPENDLIMIT 52428800)' % sum(sizes)]


def test_mailboxes_are_created_with_a_use(raw):
    raw.ok('CREATE "Important stuff" (USE (\\Important))')
    assert "\\Important" in listed(raw.ok('LIST (SPECIAL-USE) "" "I*"'))["Important stuff"][0]
    raw.no('CREATE "Second" (USE (\\Important))', "USEATTR")
    raw.no('CREATE "Other" (USE (\\Frob))', "USEATTR")
    assert "Other" not in listed(raw.ok('LIST "" "*"'))
    raw.no('CREATE "Every" (USE (\\All))', "USEATTR")
    raw.no('CREATE "Sent" (USE (\\Sent))', "ALREADYEXISTS")
    raw.ok('CREATE "Plain" (USE ())')
    for broken in ('CREATE "x" (USE)', 'CREATE "x" (FROB (\\Sent))', 'CREATE "x" (USE (Sent))', 'CREATE "x" ('):
        raw.bad(broken)
    # A use whose mailbox is gone is free again.
    raw.ok('DELETE "Important stuff"')
    raw.ok('CREATE "Second" (USE (\\Important))')
