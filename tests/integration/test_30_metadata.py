"""METADATA (RFC 5464): entries of the server and of mailboxes, options, limits, what mailboxes do to them."""

import pytest

from coid import message
from meta import PREFIX, entries, get, status


@pytest.fixture
def raw(coid, alice):
    return coid.raw(alice)


def test_the_capability_is_there(coid, raw):
    # proves COI-02
    assert b" METADATA" in raw.ok("CAPABILITY")[0]


def test_entries_of_the_server_are_set_read_and_removed(raw):
    # proves COI-16
    assert raw.ok('SETMETADATA "" (/private/comment "My own comment")') == []
    assert raw.ok('GETMETADATA "" /private/comment') == [b'* METADATA "" (/private/comment "My own comment")']
    raw.ok('SETMETADATA "" (/private/comment NIL)')
    assert raw.ok('GETMETADATA "" /private/comment') == [b'* METADATA "" (/private/comment NIL)']
    raw.ok('SETMETADATA "" (/private/comment NIL)')


def test_private_and_shared_entries_of_a_mailbox(raw):
    # proves COI-16
    raw.ok('SETMETADATA INBOX (/private/comment "My new comment" /shared/comment "This one is for you!")')
    assert entries(raw.ok('GETMETADATA "INBOX" (/shared/comment /private/comment)'), "INBOX") == {
        "/shared/comment": b"This one is for you!", "/private/comment": b"My new comment"}
    # Without parentheses, as an example of the RFC has it.
    assert len(get(raw, "/private/comment /shared/comment", "INBOX")) == 2
    assert get(raw, "/private/comment") == {}
    raw.ok('SETMETADATA INBOX (/shared/comment NIL)')
    assert get(raw, "(/shared/comment /private/comment)", "inbox" and "INBOX") == {"/private/comment": b"My new comment"}


def test_each_way_to_write_a_value(raw):
    # proves COI-14
    for text, value in ((b'"a \\"quoted\\" \\\\ one"', b'a "quoted" \\ one'), (b"atom", b"atom"), (b'""', b""), (b'"NIL"', b"NIL"),
                        (b"{5+}\r\nfi\r\nv", b"fi\r\nv"), (b"~{4+}\r\n\x01\xff\r\n", b"\x01\xff\r\n"),
                        (b"{3+}\r\n\xc3\xa4!", b"\xc3\xa4!"), (b"{0+}\r\n", b"")):
        raw.ok(b'SETMETADATA "" (/private/x ' + text + b")")
        assert get(raw, "/private/x") == {"/private/x": value}, text


def test_a_literal_is_asked_for(raw):
    tag = raw.command('SETMETADATA INBOX (/private/comment {33}')
    assert raw.response().startswith(b"+")
    raw.send(b"My new comment across\r\ntwo lines.)\r\n")
    assert raw.until(tag)[0].startswith(b"OK")
    assert raw.ok('GETMETADATA INBOX /private/comment') == [
        b'* METADATA "INBOX" (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)']


def test_a_value_with_nul_comes_back_as_literal8(raw):
    raw.ok(b'SETMETADATA "" (/private/x ~{3+}\r\na\0b)')
    assert raw.ok('GETMETADATA "" /private/x') == [b'* METADATA "" (/private/x ~{3}\r\na\0b)']


def test_names_are_case_insensitive_and_told_in_lower_case(raw):
    # proves COI-14
    raw.ok('SETMETADATA "" (/PRIVATE/Vendor/Acme/Colour red)')
    assert get(raw, "/private/VENDOR/acme/colour") == {"/private/vendor/acme/colour": b"red"}
    raw.ok('SETMETADATA "" (/private/vendor/acme/COLOUR blue)')
    assert get(raw, '"/private/vendor/acme"', options="(DEPTH 1)") == {"/private/vendor/acme/colour": b"blue"}


@pytest.mark.parametrize("name", ["/private/x/", "/private//x", "/private/x*", "/private/%", "private/x", '""', "/", '"/private/a\x01b"',
                                  '"/private/b\x7f"', '"/private/\xe4"', "{12+}\r\n/private/a\0b"])
def test_bad_names_are_bad(raw, name):
    # proves COI-14
    raw.bad(f'SETMETADATA "" ({name} x)'.encode("latin-1"))
    raw.bad(f'GETMETADATA "" {name}'.encode("latin-1"))


@pytest.mark.parametrize("name", ["/private", "/shared", "/other/x", "/private/vendor", "/private/vendor/acme"])
def test_names_that_no_entry_has(raw, name):
    raw.no(f'SETMETADATA INBOX ({name} x)', "CANNOT")
    assert get(raw, name, "INBOX") == {}


def test_bad_syntax(raw):
    for text in ('GETMETADATA', 'GETMETADATA ""', 'GETMETADATA "" ()', 'GETMETADATA "" (/private/x', 'GETMETADATA (DEPTH 2) "" /private/x',
                 'GETMETADATA (DEPTH) "" /private/x', 'GETMETADATA (WIDTH 1) "" /private/x', 'GETMETADATA (MAXSIZE x) "" /private/x',
                 'GETMETADATA () "" /private/x', 'SETMETADATA "" /private/x y', 'SETMETADATA "" (/private/x)', 'SETMETADATA "" ()',
                 'SETMETADATA "" (/private/x y) z', 'SETMETADATA "" (/private/x y /private/z)', 'SETMETADATA (/private/x y)'):
        raw.bad(text)


def test_too_many_entries_in_one_command(raw):
    names = " ".join(f"/private/e{i}" for i in range(257))
    raw.bad(f'GETMETADATA "" ({names})')
    assert get(raw, "(" + " ".join(names.split()[:256]) + ")") == {}


def fill(raw):
    raw.ok('SETMETADATA "INBOX" (/private/filters/values "top" /private/filters/values/small "SMALLER 5000" '
           '/private/filters/values/boss "FROM boss@example.com" /private/filters/values/boss/x deep '
           '/private/filters/values2 no)')


def test_depth(raw):
    # proves COI-10
    fill(raw)
    top = "/private/filters/values"
    assert set(get(raw, top, "INBOX")) == {top}
    assert set(get(raw, top, "INBOX", "(DEPTH 0)")) == {top}
    assert set(get(raw, top, "INBOX", "(DEPTH 1)")) == {top, top + "/small", top + "/boss"}
    assert set(get(raw, top, "INBOX", "(depth INFINITY)")) == {top, top + "/small", top + "/boss", top + "/boss/x"}
    assert len(get(raw, "/private", "INBOX", "(DEPTH infinity)")) == 5
    assert get(raw, "/private", "INBOX", "(DEPTH 1)") == {}


def test_each_entry_comes_once(raw):
    fill(raw)
    assert len(get(raw, "(/private/filters/values /private/filters/VALUES/small /private/filters/values)", "INBOX",
                   "(DEPTH 1)")) == 3


def test_maxsize(raw):
    # proves COI-10
    fill(raw)
    tagged, untagged = raw.cmd('GETMETADATA "INBOX" (MAXSIZE 12) (/private/filters/values/small /private/filters/values/boss)')
    assert tagged.startswith(b"OK [METADATA LONGENTRIES 21] ")
    assert entries(untagged, "INBOX") == {"/private/filters/values/small": b"SMALLER 5000"}
    tagged, untagged = raw.cmd('GETMETADATA "INBOX" (MAXSIZE 2) /private/filters/values/boss')
    assert tagged.startswith(b"OK [METADATA LONGENTRIES 21] ") and untagged == []
    tagged, untagged = raw.cmd('GETMETADATA "INBOX" (MAXSIZE 21) /private/filters/values/boss')
    assert b"LONGENTRIES" not in tagged and len(untagged) == 1


def test_options_may_stand_before_or_behind_the_mailbox(raw):
    # proves COI-10
    fill(raw)
    want = raw.ok('GETMETADATA (DEPTH 1 MAXSIZE 15) "INBOX" /private/filters/values')
    assert len(entries(want, "INBOX")) == 2
    for text in ('"INBOX" (DEPTH 1 MAXSIZE 15) /private/filters/values', '"INBOX" (MAXSIZE 15 DEPTH 1) (/private/filters/values)',
                 '(MAXSIZE 15) "INBOX" (DEPTH 1) ("/private/filters/values")', '(DEPTH 1) INBOX (maxsize 15) /private/filters/values'):
        assert raw.ok("GETMETADATA " + text) == want


def test_all_or_none(raw):
    # proves COI-15
    raw.ok('SETMETADATA "" (/private/a 1)')
    raw.no(f'SETMETADATA "" (/private/a 2 /private/b 2 {PREFIX}/enabled perhaps /private/c 2)', "CANNOT")
    assert get(raw, "/private", options="(DEPTH 1)") == {"/private/a": b"1"}
    raw.no('SETMETADATA "" (/private/b 2 /shared/comment 2)', "NOPERM")
    raw.ok('SETMETADATA "" (/private/b 3 /private/a NIL /private/b 4)')
    assert get(raw, "/private", options="(DEPTH 1)") == {"/private/b": b"4"}


def test_shared_entries_of_the_server_belong_to_the_administrator(make_coid):
    # proves COI-16
    coid = make_coid(settings={"metadata.shared_comment": "Wartung \u00fc", "metadata.shared_admin": "mailto:admin@example.org"})
    raw = coid.raw(coid.add_user("alice@example.org"))
    assert get(raw, "(/shared/comment /shared/admin /shared/vendor/deltachat/x)") == {
        "/shared/comment": "Wartung \u00fc".encode(), "/shared/admin": b"mailto:admin@example.org"}
    for name in ("/shared/comment", "/shared/admin", "/shared/vendor/acme/x"):
        raw.no(f'SETMETADATA "" ({name} x)', "NOPERM")
    raw.ok('SETMETADATA "INBOX" (/shared/admin x)')
    assert set(get(raw, "/shared", options="(DEPTH infinity)")) == {"/shared/comment", "/shared/admin"}


def test_mailboxes_that_are_not_there(raw):
    raw.no('GETMETADATA "nowhere" /private/comment', "NONEXISTENT")
    raw.no('SETMETADATA "nowhere" (/private/comment x)', "NONEXISTENT")
    raw.no('SETMETADATA "a//b" (/private/comment x)', "NONEXISTENT")


def test_entries_follow_rename_and_go_with_delete(raw):
    raw.ok("CREATE a/b")
    raw.ok("SETMETADATA a (/private/comment parent)")
    raw.ok("SETMETADATA a/b (/private/comment child)")
    raw.ok("RENAME a c")
    assert get(raw, "/private/comment", "c") == {"/private/comment": b"parent"}
    assert get(raw, "/private/comment", "c/b") == {"/private/comment": b"child"}
    raw.ok("DELETE c/b")
    raw.ok("CREATE c/b")
    assert get(raw, "/private/comment", "c/b") == {}


def test_rename_of_inbox_leaves_its_entries_and_copies_them(raw):
    raw.ok("SETMETADATA INBOX (/private/comment mine)")
    raw.ok("RENAME INBOX old")
    for mailbox in ("INBOX", "old"):
        assert get(raw, "/private/comment", mailbox) == {"/private/comment": b"mine"}


def test_names_of_mailboxes_come_back_as_they_are_encoded(raw):
    raw.ok('CREATE "M&APw-ll"')
    raw.ok('SETMETADATA "M&APw-ll" (/private/comment x)')
    assert raw.ok('GETMETADATA "M&APw-ll" /private/comment') == [b'* METADATA "M&APw-ll" (/private/comment "x")']


def test_nothing_is_seen_of_other_accounts(coid, raw):
    raw.ok('SETMETADATA "" (/private/comment secret)')
    raw.ok('SETMETADATA "INBOX" (/shared/comment secret)')
    bob = coid.raw(coid.add_user("bob@example.org"))
    seen = get(bob, "(/private /shared)", options="(DEPTH infinity)")
    assert seen[f"{PREFIX}/mailbox-root"] == b"COI" and b"secret" not in seen.values()
    assert get(bob, "(/private /shared)", "INBOX", options="(DEPTH infinity)") == {}


def test_other_sessions_see_it_at_once_and_nobody_is_told_who_did_not_ask(coid, alice, raw):
    # proves COI-24
    other = coid.raw(alice, mailbox="INBOX")
    raw.ok('SETMETADATA "INBOX" (/private/comment x)')
    raw.ok('SETMETADATA "" (/private/comment y)')
    assert get(other, "/private/comment", "INBOX") == {"/private/comment": b"x"}
    assert other.ok("NOOP") == []
    idle = other.idle()
    raw.ok('SETMETADATA "INBOX" (/private/comment z)')
    assert other.quiet() == []
    other.done(idle)


def test_limits(make_coid):
    # proves COI-16
    coid = make_coid(settings={"metadata.value_max": "2K", "metadata.entries_max": 10})
    raw = coid.raw(coid.add_user("alice@example.org"))
    raw.ok(b'SETMETADATA "" (/private/a {2048+}\r\n' + 2048 * b"x" + b")")
    # Quoted, so that it is the value and not the literal that is refused.
    raw.no(b'SETMETADATA "" (/private/a "' + 2049 * b"y" + b'")', "METADATA MAXSIZE 2048]")
    raw.no(b'SETMETADATA "" (/private/a {2049+}\r\n' + 2049 * b"y" + b")", "METADATA MAXSIZE 2048]")
    tag = raw.command('SETMETADATA "" (/private/a {9999}')
    assert raw.response().startswith(tag + b" NO [METADATA MAXSIZE 2048]")
    assert get(raw, "/private/a") == {"/private/a": 2048 * b"x"}
    for i in range(9):
        raw.ok(f'SETMETADATA "INBOX" (/private/e{i} x)')
    raw.no('SETMETADATA "INBOX" (/private/one-more x)', "METADATA TOOMANY]")
    raw.no('SETMETADATA "" (/private/a NIL /private/b 1 /private/c 2)', "METADATA TOOMANY]")
    assert len(get(raw, "/private/a")) == 1
    raw.ok('SETMETADATA "INBOX" (/private/e8 other /private/e7 NIL /private/f x)')
    # COI's own settings are not among what a client fills it with.
    raw.ok(f'SETMETADATA "" ({PREFIX}/message-filter active)')


def test_values_count_in_the_quota(coid, alice, raw):
    coid.ctl("user", "quota", alice, "--storage", "4K")
    raw = coid.raw(alice)
    raw.ok(b'SETMETADATA "" (/private/a {3000+}\r\n' + 3000 * b"x" + b")")
    raw.no(b'SETMETADATA "" (/private/b {3000+}\r\n' + 3000 * b"x" + b")", "OVERQUOTA")
    assert raw.append("INBOX", message(body=1500 * "x")).startswith(b"NO [OVERQUOTA]")
    raw.ok('SETMETADATA "" (/private/a small)')
    assert raw.append("INBOX", message(body=1500 * "x")).startswith(b"OK")
    raw.ok(b'SETMETADATA INBOX (/private/b {1500+}\r\n' + 1500 * b"x" + b")")
    raw.no(b'SETMETADATA "" (/private/c {1500+}\r\n' + 1500 * b"x" + b")", "OVERQUOTA")
    raw.ok("CREATE x")
    raw.ok("SETMETADATA INBOX (/private/b NIL)")
    raw.ok(b'SETMETADATA x (/private/b {1500+}\r\n' + 1500 * b"x" + b")")
    raw.ok("DELETE x")
    raw.ok(b'SETMETADATA INBOX (/private/b {1500+}\r\n' + 1500 * b"x" + b")")


def test_entries_survive_a_restart_and_a_kill(coid, alice, raw):
    raw.ok('SETMETADATA "" (/private/comment x)')
    coid.restart()
    raw = coid.raw(alice)
    assert get(raw, "/private/comment") == {"/private/comment": b"x"}
    raw.ok('SETMETADATA "INBOX" (/private/comment y)')
    coid.kill()
    coid.start()
    assert get(coid.raw(alice), "/private/comment", "INBOX") == {"/private/comment": b"y"}


def test_list_returns_entries(raw):
    assert b" LIST-METADATA" in raw.ok("CAPABILITY")[0]
    raw.ok("CREATE a/b")
    raw.ok("SETMETADATA a/b (/shared/comment red /private/comment blue)")
    raw.ok('SETMETADATA INBOX (/shared/comment {3+}\r\n1\r\n)')
    got = raw.ok('LIST "" (INBOX a*) RETURN (METADATA (/Shared/comment "/private/comment") CHILDREN)')
    assert got == [b'* LIST (\\HasNoChildren) "/" "INBOX"',
                   b'* METADATA "INBOX" (/shared/comment {3}\r\n1\r\n /private/comment NIL)',
                   b'* LIST (\\Noselect \\HasChildren) "/" "a"',
                   b'* METADATA "a" (/shared/comment NIL /private/comment NIL)',
                   b'* LIST (\\HasNoChildren) "/" "a/b"',
                   b'* METADATA "a/b" (/shared/comment "red" /private/comment "blue")']
    assert not any(b"METADATA" in line for line in raw.ok('LIST "" *'))
    for text in ("METADATA", "METADATA ()", "METADATA /private/x", "METADATA (x)", "METADATA (/private/x"):
        raw.bad(f'LIST "" * RETURN ({text})')


def test_setting_an_entry_of_a_mailbox_raises_its_modseq(coid, alice, raw):
    def modseq(mailbox):
        return status(raw, mailbox, "HIGHESTMODSEQ")["HIGHESTMODSEQ"]
    inbox, sent = modseq("INBOX"), modseq("Sent")
    selected = coid.raw(alice)
    selected.ok("SELECT INBOX (CONDSTORE)")
    raw.ok("SETMETADATA INBOX (/private/comment x)")
    first = modseq("INBOX")
    assert first > inbox and modseq("Sent") == sent
    raw.ok("SETMETADATA INBOX (/private/comment NIL)")
    assert modseq("INBOX") > first
    raw.ok('SETMETADATA "" (/private/comment x)')
    raw.no("SETMETADATA INBOX (/private/vendor/x y)", "CANNOT")
    assert modseq("Sent") == sent
    # The session goes on as if nothing had been.
    assert selected.append("INBOX", message()).startswith(b"OK")
    assert b" UID 1 " in selected.ok("FETCH 1 (UID MODSEQ)")[0].replace(b"(", b" ").replace(b")", b" ")
