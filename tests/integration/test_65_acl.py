"""ACL (RFC 4314) and LIST-MYRIGHTS (RFC 8440): the owner has every right, nobody else any."""

import pytest

from coid import message

ALL = "lrswipkxteacd"


@pytest.fixture
def raw(coid, alice):
    return coid.raw(alice)


def test_the_extension_is_announced_with_the_new_rights(coid, raw):
    for line in (raw.ok("CAPABILITY")[0], coid.raw().greeting_line.replace(b"]", b" ")):
        words = line.split()
        assert {b"ACL", b"RIGHTS=kxte", b"LIST-MYRIGHTS"} <= set(words)


def test_it_needs_a_login(coid):
    raw = coid.raw()
    for command in ("MYRIGHTS INBOX", "GETACL INBOX", "LISTRIGHTS INBOX x", "SETACL INBOX x l", "DELETEACL INBOX x"):
        raw.bad(command)


def test_the_owner_has_every_right(raw, alice):
    raw.ok('CREATE "Entw&APw-rfe"')
    for name in ("INBOX", "Sent", "Entw&APw-rfe"):
        for _ in ("authenticated", "selected"):
            assert raw.ok(f'MYRIGHTS "{name}"') == [f'* MYRIGHTS "{name}" {ALL}'.encode()]
            assert raw.ok(f'GETACL "{name}"') == [f'* ACL "{name}" "{alice}" {ALL}'.encode()]
            raw.ok(f'SELECT "{name}"')
    assert raw.ok("MYRIGHTS inbox") == [f'* MYRIGHTS "INBOX" {ALL}'.encode()]
    # The rights are true: flags can be set, and the mailbox is opened read-write.
    tagged, untagged = raw.cmd("SELECT Sent")
    assert tagged.startswith(b"OK [READ-WRITE]")
    assert any(b"PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)" in line for line in untagged)


def test_listrights_says_what_is_always_granted_and_that_no_more_can_be(raw, alice):
    assert raw.ok(f"LISTRIGHTS INBOX {alice}") == [f'* LISTRIGHTS "INBOX" "{alice}" {ALL}'.encode()]
    # The identifier comes back as it was sent, whatever it is compared as.
    assert raw.ok(f'LISTRIGHTS INBOX "{alice.upper()}"') == [f'* LISTRIGHTS "INBOX" "{alice.upper()}" {ALL}'.encode()]
    soft = "ali\u00adce@example.org".encode()
    (answer,) = raw.ok(b"LISTRIGHTS INBOX {%d+}\r\n" % len(soft) + soft)
    assert answer == b'* LISTRIGHTS "INBOX" {%d}\r\n%s %s' % (len(soft), soft, ALL.encode())
    for other in ("anyone", "bob@example.org", f"-{alice}", "alice", "$team"):
        assert raw.ok(f"LISTRIGHTS INBOX {other}") == [f'* LISTRIGHTS "INBOX" "{other}" ""'.encode()]


def test_identifiers_without_a_prepared_form_are_bad(raw):
    for command, rest in (("LISTRIGHTS", b""), ("SETACL", b" lr"), ("DELETEACL", b"")):
        # Empty; nothing left of it; a control character; no UTF-8; both directions.
        for identifier in (b"", "\u00ad".encode(), b"a\x07", b"\xff\xfe", "\u0627x".encode()):
            literal = b"{%d+}\r\n" % len(identifier) + identifier
            raw.bad(command.encode() + b" INBOX " + literal + rest)
            raw.ok("NOOP")
        raw.bad(f'{command} INBOX ""' + rest.decode())
    raw.no("LISTRIGHTS INBOX {1025+}\r\n" + "x" * 1025)
    raw.ok("LISTRIGHTS INBOX {1024+}\r\n" + "x" * 1024)


def test_the_rights_of_the_owner_stay(raw, alice):
    for rights in (ALL, "lrswipkxtea", "lrswipcda", "+lr", "+", "-", '"+"', "+cd"):
        raw.ok(f"SETACL INBOX {alice} {rights}")
    for rights in ('""', "l", "-a", "-lrswipkxtea", "lrswipkxte", "-c", "-d", "lrswipcd"):
        raw.no(f"SETACL INBOX {alice} {rights}", "CANNOT")
    raw.no(f"DELETEACL INBOX {alice}", "CANNOT")
    assert raw.ok("MYRIGHTS INBOX") == [f'* MYRIGHTS "INBOX" {ALL}'.encode()]


def test_mailboxes_cannot_be_shared(coid, raw, alice):
    bob = coid.add_user("bob@example.org")
    for identifier in (bob, "anyone", f"-{alice}", "{3+}\r\nb\u00f6"):
        for rights in ("lr", "+lrs", "-l", '""'):
            raw.no(f"SETACL INBOX {identifier} {rights}".encode(), "CANNOT")
        raw.no(f"DELETEACL INBOX {identifier}".encode(), "CANNOT")
    assert raw.ok("GETACL INBOX") == [f'* ACL "INBOX" "{alice}" {ALL}'.encode()]


def test_unknown_rights_are_bad_and_never_ignored(raw, alice):
    for rights in ("lrQswicda", "lrqswicda", "L", "+lrn", "-0", "0123456789", '"l r"', "++l", '"+ l"', "l+", "{2+}\r\n\u00e4"):
        raw.bad(f"SETACL INBOX {alice} {rights}".encode())
        # Syntax comes first, wherever the mailbox may be.
        raw.bad(f"SETACL nowhere {alice} {rights}".encode())
        raw.ok("NOOP")


@pytest.mark.parametrize("arguments", [
    "MYRIGHTS", "MYRIGHTS INBOX x", "MYRIGHTS ", "GETACL", "GETACL INBOX x", "LISTRIGHTS", "LISTRIGHTS INBOX", "LISTRIGHTS INBOX a b",
    "SETACL", "SETACL INBOX", "SETACL INBOX a", "SETACL INBOX a l x", "SETACL INBOX a (l)", "DELETEACL", "DELETEACL INBOX",
    "DELETEACL INBOX a b", "GETACL *", "MYRIGHTS (INBOX)"])
def test_broken_arguments_are_bad(raw, arguments):
    raw.bad(arguments)
    raw.ok("NOOP")


def test_only_mailboxes_have_rights(raw, alice):
    raw.ok("CREATE up/down")
    commands = ("MYRIGHTS {}", "GETACL {}", "LISTRIGHTS {} anyone", f"SETACL {{}} {alice} +l", f"DELETEACL {{}} {alice}")
    for command in commands:
        raw.no(command.format("nowhere"), "NONEXISTENT")
        raw.no(command.format('"a//b"'), "NONEXISTENT")
        raw.no(command.format("up"), "CANNOT")
        tagged = raw.cmd(command.format("up/down"))[0]
        assert tagged.startswith(b"OK") or (command.startswith("DELETEACL") and tagged.startswith(b"NO [CANNOT] The rights"))


def test_other_sessions_change_mailboxes_meanwhile(coid, raw, alice):
    other = coid.raw(alice)
    raw.ok("CREATE box")
    raw.ok("SELECT INBOX")
    other.ok("RENAME box moved")
    raw.no("MYRIGHTS box", "NONEXISTENT")
    assert raw.ok("MYRIGHTS moved") == [f'* MYRIGHTS "moved" {ALL}'.encode()]
    other.ok("DELETE moved")
    raw.no("GETACL moved", "NONEXISTENT")
    other.ok("CREATE box/below")
    raw.no("MYRIGHTS box", "CANNOT")
    other.ok("CREATE box")
    raw.ok("MYRIGHTS box")


def test_pipelined_with_select(raw):
    first, second = raw.command("SELECT INBOX"), raw.command("MYRIGHTS INBOX")
    assert raw.until(first)[0].startswith(b"OK")
    tagged, untagged = raw.until(second)
    assert tagged.startswith(b"OK") and untagged == [f'* MYRIGHTS "INBOX" {ALL}'.encode()]


# -- LIST-MYRIGHTS ------------------------------------------------------------------------------------------------


def test_list_returns_rights_behind_each_mailbox(coid, alice, raw):
    coid.deliver(alice, message())
    raw.ok("CREATE up/down")
    lines = raw.ok('LIST "" ("INBOX" "up*") RETURN (MYRIGHTS)')
    assert [line.split(b'"')[0] for line in lines] == [
        b"* LIST (\\HasNoChildren) ", b"* MYRIGHTS ", b"* LIST (\\Noselect \\HasChildren) ", b"* LIST (\\HasNoChildren) ",
        b"* MYRIGHTS "]
    assert lines[1] == f'* MYRIGHTS "INBOX" {ALL}'.encode() and lines[4] == f'* MYRIGHTS "up/down" {ALL}'.encode()
    # With everything else.
    lines = raw.ok('LIST "" "*" RETURN (STATUS (MESSAGES) MYRIGHTS SPECIAL-USE CHILDREN SUBSCRIBED)')
    assert sum(line.startswith(b"* MYRIGHTS") for line in lines) == sum(line.startswith(b"* STATUS") for line in lines) == 7
    assert lines.index(b'* MYRIGHTS "Sent" ' + ALL.encode()) > lines.index(
        b'* LIST (\\Subscribed \\HasNoChildren \\Sent) "/" "Sent"')
    lines = raw.ok('LIST (SPECIAL-USE) "" "S*" RETURN (MYRIGHTS)')
    assert lines == [b'* LIST (\\HasNoChildren \\Sent) "/" "Sent"', b'* MYRIGHTS "Sent" ' + ALL.encode()]
    assert not any(b"MYRIGHTS" in line for line in raw.ok('LIST "" "*" RETURN (STATUS (MESSAGES))'))
    raw.bad('LIST "" "*" RETURN (MYRIGHTS ())')


def test_names_without_a_mailbox_have_no_rights_in_the_list(raw):
    raw.ok("SUBSCRIBE bar")
    assert raw.ok('LIST (SUBSCRIBED) "" "b%" RETURN (MYRIGHTS)') == [
        b'* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" "bar"']


def test_names_listed_for_those_below_have_only_their_line(raw):
    """The second examples of RFC 8440 and RFC 5819: it does not match the selection itself."""
    raw.ok("CREATE foo")
    raw.ok("CREATE foo/bar")
    raw.ok("SUBSCRIBE foo/bar")
    command = 'LIST (SUBSCRIBED RECURSIVEMATCH) "" "f%" RETURN (MYRIGHTS STATUS (MESSAGES))'
    assert raw.ok(command) == [b'* LIST (\\HasChildren) "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))']
    raw.ok("SUBSCRIBE foo")
    assert raw.ok(command) == [
        b'* LIST (\\Subscribed \\HasChildren) "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))', b'* MYRIGHTS "foo" ' + ALL.encode(),
        b'* STATUS "foo" (MESSAGES 0)']
