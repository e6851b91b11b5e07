"""NOTIFY (RFC 5465): what a session is told of without asking, and what it is not told."""

import re
import time

import pytest

from coid import PASSWORD, message
from fetchtext import fetch
from meta import PREFIX, configure, wait_for

MESSAGES = "MessageNew MessageExpunge"
FLAGS = "MessageNew MessageExpunge FlagChange"
KNOWN = (b"(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange "
         b"ServerMetadataChange)")


def statuses(lines, others=False):
    """{mailbox: {item: value}} of STATUS responses; each mailbox once."""
    found = {}
    for line in lines:
        match = re.fullmatch(rb'\* STATUS "([^"]*)" \(([^)]*)\)', line)
        if not match:
            assert others, line
            continue
        words = match.group(2).decode().split()
        assert match.group(1).decode() not in found, lines
        found[match.group(1).decode()] = dict(zip(words[::2], map(int, words[1::2])))
    return found


@pytest.fixture
def bob(coid, alice):
    """Another session of alice's."""
    return coid.raw(alice)


@pytest.fixture
def watch(coid, alice):
    """A session of alice's after NOTIFY SET with these groups."""
    def make(groups, mailbox=None, enable=None):
        raw = coid.raw(alice)
        if enable:
            raw.ok(f"ENABLE {enable}")
        if mailbox:
            raw.ok(f'SELECT "{mailbox}"')
        raw.ok(f"NOTIFY SET {groups}")
        return raw
    return make


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [
    "", " ", " SET", " SET ", " SOME", " NONE x", " SET STATUS", " SET STATUS ", " SET NONE", " SET ()",
    " SET (personal)", " SET (personal )", " SET (personal ())", " SET (personal MessageNew)", " SET (personal NONE",
    " SET (personal NONE)(inboxes NONE)", " SET (nowhere NONE)", " SET (subtree NONE)",
    " SET (mailboxes () NONE)", " SET (mailboxes (a b NONE)", " SET (mailboxes a b NONE)",
    " SET STATUS STATUS (personal NONE)",
    # These events must be given together.
    " SET (personal (MessageNew))", " SET (personal (MessageExpunge))", " SET (personal (FlagChange))",
    " SET (selected (MessageNew FlagChange))", " SET (selected (MessageExpunge FlagChange))", " SET (selected (FlagChange))",
    # The selected mailbox has message events alone, and is given once.
    " SET (selected (MailboxName))", " SET (selected-delayed (MessageNew MessageExpunge SubscriptionChange))",
    " SET (selected NONE) (selected NONE)", " SET (selected NONE) (selected-delayed (MessageNew MessageExpunge))",
    # FETCH attributes: only there, only known ones, no macros.
    " SET (personal (MessageNew (UID) MessageExpunge))", " SET (selected (MessageNew () MessageExpunge))",
    " SET (selected (MessageNew (UID NOTHING) MessageExpunge))", " SET (selected (MessageNew (ALL) MessageExpunge))",
    " SET (selected (MessageNew (BODY[) MessageExpunge))", " SET (selected (MessageExpunge (UID) MessageNew))",
    " SET (selected (MessageNew UID MessageExpunge) x)"])
def test_what_is_not_notify_is_bad(coid, alice, arguments):
    raw = coid.raw(alice)
    raw.bad("NOTIFY" + arguments)
    assert raw.ok("NOOP") == []


def test_only_after_login(coid):
    raw = coid.raw()
    raw.bad("NOTIFY NONE")
    raw.bad("NOTIFY SET (personal NONE)")


@pytest.mark.parametrize("groups", [
    "(personal (AnnotationChange))", "(personal (MessageNew MessageExpunge AnnotationChange))",
    "(selected (MessageNew MessageExpunge FlagChange AnnotationChange))", "(personal (MessageNew Something))",
    "(selected (Else)) (personal NONE)"])
def test_an_event_that_is_not_supported_is_refused_with_the_list_of_those_that_are(coid, alice, bob, groups):
    raw = coid.raw(alice)
    raw.ok(f"NOTIFY SET (personal ({MESSAGES}))")
    tagged = raw.no(f"NOTIFY SET STATUS {groups}")
    assert tagged.startswith(b"NO [BADEVENT " + KNOWN + b"] ")
    # The earlier NOTIFY stays in force.
    bob.append("Sent", message())
    assert wait_for(raw, b"STATUS") == [b'* STATUS "Sent" (MESSAGES 1 UIDNEXT 2)']


def test_any_case_will_do(coid, alice, bob):
    raw = coid.raw(alice)
    raw.ok("notify SeT status (MAILBOXES sent (messagenew MESSAGEEXPUNGE)) (Selected (mEssagenew (uId flags) messageexpunge))")
    raw.ok('notify set (Mailboxes ("Sent" Drafts) (messagenew MESSAGEEXPUNGE))')
    bob.append("Sent", message())
    assert b'"Sent"' in wait_for(raw, b"STATUS")[0]
    raw.ok("notify none")


def test_too_many_groups_are_refused(coid, alice):
    raw = coid.raw(alice)
    group = f"(mailboxes Sent ({MESSAGES}))"
    raw.ok("NOTIFY SET " + " ".join([group] * 32))
    raw.no("NOTIFY SET " + " ".join([group] * 33), "NOTIFICATIONOVERFLOW")
    # Behind the limit syntax counts all the same.
    raw.bad("NOTIFY SET " + " ".join([group] * 33) + " (")


def test_too_many_mailboxes_are_refused(coid, alice, bob):
    raw = coid.raw(alice)
    names = " ".join(f"m{i}" for i in range(1023))
    raw.ok(f"NOTIFY SET (mailboxes ({names} Sent) ({MESSAGES}))")
    raw.no(f"NOTIFY SET (mailboxes ({names} Sent more) NONE)", "NOTIFICATIONOVERFLOW")
    raw.no(f"NOTIFY SET (mailboxes ({names}) NONE) (subtree (a b) NONE)", "NOTIFICATIONOVERFLOW")
    bob.append("Sent", message())
    assert b'"Sent"' in wait_for(raw, b"STATUS")[0]


def test_too_long_names_are_refused(make_coid):
    coid = make_coid(settings={"imap.line_max": "256K"})
    raw = coid.raw(coid.add_user("alice@example.org"))
    names = [f"{i:03}" + "x" * 1021 for i in range(64)]
    raw.ok(f"NOTIFY SET (mailboxes ({' '.join(names)}) NONE)")
    raw.no(f"NOTIFY SET (mailboxes ({' '.join(names)} a) NONE)", "NOTIFICATIONOVERFLOW")
    raw.no(f"NOTIFY SET (mailboxes {'x' * 5000} NONE)")


# -- STATUS of everything at the beginning ----------------------------------------------------------------------------------


def test_status_tells_what_each_event_needs(coid, alice, bob):
    bob.append("Sent", message())
    bob.append("Sent", message(), "(\\Seen)")
    raw = coid.raw(alice)
    found = statuses(raw.ok(f"NOTIFY SET STATUS (mailboxes Sent ({FLAGS})) (mailboxes Drafts ({MESSAGES})) "
                            "(mailboxes Trash (MailboxName SubscriptionChange MailboxMetadataChange))"))
    assert set(found) == {"Sent", "Drafts"}
    assert set(found["Drafts"]) == {"MESSAGES", "UIDNEXT", "UIDVALIDITY"}
    assert set(found["Sent"]) == {"MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ"}
    assert (found["Sent"]["MESSAGES"], found["Sent"]["UIDNEXT"], found["Sent"]["UNSEEN"]) == (2, 3, 1)
    assert raw.ok(f"NOTIFY SET (mailboxes Sent ({FLAGS}))") == []


def test_status_leaves_the_selected_mailbox_out(coid, alice):
    raw = coid.raw(alice, mailbox="Sent")
    found = statuses(raw.ok(f"NOTIFY SET STATUS (selected ({MESSAGES})) (personal ({MESSAGES}))"))
    assert set(found) == {"INBOX", "Archive", "Drafts", "Junk", "Trash"}


FILTERS = [
    (f"(personal ({MESSAGES}))", "INBOX Sent Drafts Trash Archive Junk a/b a/b/c z"),
    (f"(inboxes ({MESSAGES}))", "INBOX Sent Drafts Trash Archive Junk a/b a/b/c z"),
    (f"(subscribed ({MESSAGES}))", "INBOX Sent Drafts Trash Archive Junk z"),
    (f"(subtree a ({MESSAGES}))", "a/b a/b/c"),
    (f"(subtree (a/b Sent nothing) ({MESSAGES}))", "a/b a/b/c Sent"),
    (f"(mailboxes a ({MESSAGES}))", ""),
    (f"(mailboxes (a/b inbox \"z\" no/thing) ({MESSAGES}))", "a/b INBOX z"),
    # No wildcards, no names that can't be.
    (f"(mailboxes (\"*\" \"a/%\" a//b \"\") ({MESSAGES})) (subtree (\"%\" \"\") ({MESSAGES}))", ""),
    # Groups add up, and NONE takes out, in whatever order.
    (f"(mailboxes z ({MESSAGES})) (subtree a ({MESSAGES}))", "a/b a/b/c z"),
    (f"(mailboxes z (MailboxName)) (mailboxes z ({MESSAGES}))", "z"),
    (f"(mailboxes a/b NONE) (subtree a ({MESSAGES}))", "a/b/c"),
    (f"(subtree a ({MESSAGES})) (mailboxes a/b NONE)", "a/b/c"),
    (f"(personal ({MESSAGES})) (subscribed NONE)", "a/b a/b/c"),
]


@pytest.mark.parametrize("groups,expected", FILTERS)
def test_each_filter_means_its_mailboxes(coid, alice, bob, groups, expected):
    for name in ("a/b", "a/b/c", "z"):
        bob.ok(f'CREATE "{name}"')
    bob.ok('SUBSCRIBE "z"')
    names = "INBOX Sent Drafts Trash Archive Junk a/b a/b/c z".split()
    raw = coid.raw(alice)
    assert set(statuses(raw.ok(f"NOTIFY SET STATUS {groups}"))) == set(expected.split())
    # And the events that follow are of the same ones.
    for name in names:
        bob.append(name, message())
    got = statuses(wait_until(raw, len(expected.split())))
    assert set(got) == set(expected.split())
    assert raw.quiet(0.2) == []


def wait_until(raw, count, seconds=10):
    """Reads that many responses."""
    return [raw.response() for _ in range(count)]


def test_names_are_decoded_and_encoded(coid, alice, bob):
    bob.ok('CREATE "B&APw-cher/&ZeVnLIqe-"')
    raw = coid.raw(alice)
    found = raw.ok(f'NOTIFY SET STATUS (subtree "B&APw-cher" ({MESSAGES}))')
    assert [line.split(b" (")[0] for line in found] == [b'* STATUS "B&APw-cher/&ZeVnLIqe-"']
    raw.ok(f'NOTIFY SET (mailboxes ("B&APw-cher/&ZeVnLIqe-") ({MESSAGES}))')
    bob.append("B&APw-cher/&ZeVnLIqe-", message())
    assert wait_for(raw, b"STATUS") == [b'* STATUS "B&APw-cher/&ZeVnLIqe-" (MESSAGES 1 UIDNEXT 2)']


# -- messages of other mailboxes ------------------------------------------------------------------------------------------------


def test_new_and_expunged_messages_are_told_by_status(coid, alice, bob, watch):
    raw = watch(f"(personal ({MESSAGES}))")
    coid.deliver(alice, message())
    assert raw.response() == b'* STATUS "INBOX" (MESSAGES 1 UIDNEXT 2)'
    bob.append("Sent", message())
    assert raw.response() == b'* STATUS "Sent" (MESSAGES 1 UIDNEXT 2)'
    bob.ok("SELECT Sent")
    # Flags are not asked for.
    bob.ok("STORE 1 +FLAGS (\\Deleted \\Seen)")
    bob.ok("EXPUNGE")
    assert raw.response() == b'* STATUS "Sent" (MESSAGES 0 UIDNEXT 2)'
    bob.ok("SELECT INBOX")
    bob.ok("MOVE 1 Trash")
    assert statuses(wait_until(raw, 2)) == {
        "INBOX": {"MESSAGES": 0, "UIDNEXT": 2}, "Trash": {"MESSAGES": 1, "UIDNEXT": 2}}
    assert raw.quiet(0.2) == []


def test_events_come_during_idle_and_at_the_end_of_commands(coid, alice, bob, watch):
    raw = watch(f"(personal ({MESSAGES}))")
    tag = raw.idle()
    bob.append("Sent", message())
    assert raw.response() == b'* STATUS "Sent" (MESSAGES 1 UIDNEXT 2)'
    raw.done(tag)
    # While a command is being sent nothing is said; then all that happened is one response for each mailbox.
    raw.send('x APPEND Drafts {10}\r\n')
    assert raw.response().startswith(b"+")
    for _ in range(30):
        coid.deliver(alice, message())
    assert raw.quiet(0.2) == []
    raw.send(b"From: me\r\n\r\n")
    tagged, untagged = raw.until(b"x")
    assert tagged.startswith(b"OK") and untagged == []
    assert raw.response() == b'* STATUS "INBOX" (MESSAGES 30 UIDNEXT 31)'
    assert raw.quiet(0.2) == []


def test_flags_are_told_if_they_change_a_counter(coid, alice, bob, watch):
    for _ in range(2):
        bob.append("Sent", message())
    raw = watch(f"(personal ({FLAGS}))")
    bob.ok("SELECT Sent")
    bob.ok("STORE 1 +FLAGS (\\Seen)")
    got = statuses([raw.response()])["Sent"]
    assert set(got) == {"UIDVALIDITY", "UNSEEN"} and got["UNSEEN"] == 1
    # Neither counters nor mod-sequences would show it.
    bob.ok("STORE 1 +FLAGS (\\Flagged)")
    bob.ok("STORE 2 +FLAGS (\\Seen)")
    assert statuses([raw.response()])["Sent"]["UNSEEN"] == 0
    bob.append("Sent", message())
    assert raw.response() == b'* STATUS "Sent" (MESSAGES 3 UIDNEXT 4 UNSEEN 1)'
    assert raw.quiet(0.2) == []


@pytest.mark.parametrize("enable", ["CONDSTORE", "QRESYNC"])
def test_with_condstore_the_highestmodseq_is_told(coid, alice, bob, watch, enable):
    bob.append("Sent", message())
    raw = watch(f"(personal ({FLAGS})) (mailboxes Drafts NONE)", enable=enable)
    bob.ok("SELECT Sent")
    bob.ok("STORE 1 +FLAGS (\\Flagged)")
    got = statuses([raw.response()])["Sent"]
    assert set(got) == {"UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ"}
    bob.ok("STORE 1 +FLAGS (\\Deleted)")
    more = statuses([raw.response()])["Sent"]
    assert more["HIGHESTMODSEQ"] > got["HIGHESTMODSEQ"]
    bob.ok("EXPUNGE")
    last = statuses([raw.response()])["Sent"]
    assert set(last) == {"MESSAGES", "UIDNEXT", "UNSEEN", "HIGHESTMODSEQ"}
    assert last["HIGHESTMODSEQ"] > more["HIGHESTMODSEQ"]
    coid.deliver(alice, message())
    assert "HIGHESTMODSEQ" in statuses([raw.response()])["INBOX"]


def test_another_uidvalidity_is_told(coid, alice, bob, watch):
    bob.ok("CREATE box")
    raw = watch(f"(mailboxes box ({FLAGS}))")
    before = statuses(coid.raw(alice).ok("STATUS box (UIDVALIDITY)"))["box"]["UIDVALIDITY"]
    bob.ok("DELETE box")
    bob.ok("CREATE box")
    got = statuses([raw.response()])["box"]
    assert got["UIDVALIDITY"] > before and got["UIDNEXT"] == 1
    bob.ok("DELETE box")
    bob.ok("CREATE other")
    bob.append("other", message())
    bob.ok("RENAME other box")
    last = statuses([raw.response()])["box"]
    assert last["UIDVALIDITY"] > got["UIDVALIDITY"] and last["MESSAGES"] == 1


def test_what_the_client_does_itself_it_is_not_told(coid, alice, bob, watch):
    raw = watch(f"(personal ({FLAGS} MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)) "
                f"(selected (MessageNew (FLAGS) MessageExpunge FlagChange))", mailbox="INBOX")
    assert raw.append("Sent", message()).startswith(b"OK")
    raw.ok("CREATE a/b")
    raw.ok("SUBSCRIBE a/b")
    raw.ok("RENAME a/b c")
    raw.ok("UNSUBSCRIBE a/b")
    raw.ok("DELETE c")
    raw.ok('SETMETADATA "" (/private/comment x)')
    raw.ok('SETMETADATA Sent (/private/comment x)')
    # The selected mailbox gets EXISTS as always, but no FETCH.
    tag = raw.tag()
    raw.send(tag + b" APPEND INBOX {3+}\r\nabc\r\n")
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK") and [line for line in untagged if not line.endswith(b"RECENT")] == [b"* 1 EXISTS"]
    assert [line for line in raw.quiet(0.3) if not line.endswith(b"RECENT")] == []
    coid.deliver(alice, message())
    assert re.fullmatch(rb"\* 2 FETCH \(UID 2 FLAGS \(.*\)\)", wait_for(raw, b"FETCH")[-1])


def test_the_filters_follow_names_and_subscriptions(coid, alice, bob, watch):
    bob.ok("CREATE box")
    raw = watch(f"(subscribed ({MESSAGES})) (subtree tree ({MESSAGES}))")
    bob.append("box", message())
    bob.ok("SUBSCRIBE box")
    bob.append("box", message())
    assert raw.response() == b'* STATUS "box" (MESSAGES 2 UIDNEXT 3)'
    bob.ok("UNSUBSCRIBE box")
    bob.append("box", message())
    bob.ok("RENAME box tree/of/boxes")
    bob.append("tree/of/boxes", message())
    assert raw.response() == b'* STATUS "tree/of/boxes" (MESSAGES 4 UIDNEXT 5)'
    bob.ok("RENAME tree/of other")
    bob.append("other/boxes", message())
    bob.append("Sent", message())
    assert raw.response() == b'* STATUS "Sent" (MESSAGES 1 UIDNEXT 2)'
    assert raw.quiet(0.2) == []


def test_a_second_notify_takes_the_place_of_the_first(coid, alice, bob, watch):
    raw = watch(f"(mailboxes Sent ({MESSAGES}))")
    raw.ok(f"NOTIFY SET (mailboxes Drafts ({MESSAGES}))")
    bob.append("Sent", message())
    bob.append("Drafts", message())
    assert raw.response() == b'* STATUS "Drafts" (MESSAGES 1 UIDNEXT 2)'
    raw.ok("NOTIFY NONE")
    bob.append("Drafts", message())
    assert raw.quiet(0.2) == [] and raw.ok("NOOP") == []
    raw.ok(f"NOTIFY SET STATUS (mailboxes Sent ({MESSAGES}))")
    bob.append("Sent", message())
    assert raw.response() == b'* STATUS "Sent" (MESSAGES 2 UIDNEXT 3)'


def test_the_selected_mailbox_is_none_of_the_others(coid, alice, bob, watch):
    raw = watch(f"(personal ({FLAGS})) (selected-delayed ({MESSAGES}))", mailbox="Sent")
    bob.append("Sent", message())
    assert raw.response() == b"* 1 EXISTS"
    raw.ok("SELECT Drafts")
    bob.append("Sent", message())
    bob.append("Drafts", message())
    assert sorted(wait_until(raw, 2)) == [b"* 1 EXISTS", b'* STATUS "Sent" (MESSAGES 2 UIDNEXT 3 UNSEEN 2)']
    raw.ok("CLOSE")
    bob.append("Drafts", message())
    assert raw.response() == b'* STATUS "Drafts" (MESSAGES 2 UIDNEXT 3 UNSEEN 2)'
    raw.ok("EXAMINE Drafts")
    bob.append("Drafts", message())
    assert raw.response() == b"* 3 EXISTS"


def test_unauthenticate_ends_it(coid, alice, bob, watch):
    raw = watch(f"(personal ({MESSAGES} MailboxName))")
    raw.ok("UNAUTHENTICATE")
    bob.append("Sent", message())
    bob.ok("CREATE new")
    assert raw.quiet(0.2) == []
    raw.ok(f'LOGIN "{alice}" "{PASSWORD}"')
    bob.append("Sent", message())
    assert raw.quiet(0.2) == []
    raw.ok("SELECT Sent")
    bob.append("Sent", message())
    assert b"* 3 EXISTS" in raw.ok("NOOP")


# proves CL-01
def test_who_has_not_asked_sees_nothing(coid, alice, bob, watch):
    asked = watch(f"(personal ({FLAGS} MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))")
    plain, selected, idler = coid.raw(alice), coid.raw(alice, mailbox="INBOX"), coid.raw(alice)
    tag = idler.idle()
    bob.ok("CREATE new")
    bob.ok("SUBSCRIBE new")
    bob.append("new", message())
    bob.ok("RENAME new newer")
    bob.ok('SETMETADATA "" (/private/comment x)')
    bob.ok('SETMETADATA newer (/private/comment x)')
    bob.ok("DELETE newer")
    wait_for(asked, b"NonExistent")
    for raw in (plain, selected):
        assert raw.quiet(0.1) == [] and raw.ok("NOOP") == []
    assert idler.done(tag)[1] == []
    coid.deliver(alice, message())
    assert set(selected.ok("NOOP")) == {b"* 1 EXISTS", b"* 1 RECENT"}
    assert wait_for(asked, b"STATUS")


# -- names, subscriptions, METADATA ----------------------------------------------------------------------------------------------


def test_creation_and_deletion_are_told_with_the_name_above(coid, alice, bob, watch):
    raw = watch("(personal (MailboxName))")
    bob.ok("CREATE a")
    assert raw.response() == b'* LIST (\\HasNoChildren) "/" "a"'
    bob.ok("CREATE a/b")
    assert wait_until(raw, 2) == [b'* LIST (\\HasNoChildren) "/" "a/b"', b'* LIST (\\HasChildren) "/" "a"']
    bob.ok("CREATE x (USE (\\Important))")
    assert raw.response() == b'* LIST (\\HasNoChildren \\Important) "/" "x"'
    bob.ok("CREATE n/o/p")
    assert wait_until(raw, 2) == [b'* LIST (\\HasNoChildren) "/" "n/o/p"', b'* LIST (\\Noselect \\HasChildren) "/" "n/o"']
    bob.ok("SUBSCRIBE a")
    # A mailbox with others below it leaves its name behind.
    bob.ok("DELETE a")
    assert raw.response() == b'* LIST (\\Noselect \\Subscribed \\HasChildren) "/" "a"'
    bob.ok("DELETE a/b")
    assert wait_until(raw, 2) == [b'* LIST (\\NonExistent \\HasNoChildren) "/" "a/b"',
                                  b'* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" "a"']
    assert raw.quiet(0.2) == []


def test_the_name_above_is_told_to_who_watches_it(coid, alice, bob, watch):
    raw = watch("(mailboxes (a b/c) (MailboxName))")
    bob.ok("CREATE a/b")
    assert raw.response() == b'* LIST (\\Noselect \\HasChildren) "/" "a"'
    bob.ok("CREATE b/d")
    bob.ok("CREATE b/c")
    assert raw.response() == b'* LIST (\\HasNoChildren) "/" "b/c"'
    assert raw.quiet(0.2) == []


def test_a_rename_is_told_once_with_the_old_name(coid, alice, bob, watch):
    bob.ok("CREATE old/child/deep")
    bob.ok("CREATE plain")
    raw = watch("(personal (MailboxName))")
    bob.ok("RENAME old new")
    assert raw.response() == b'* LIST (\\Noselect \\HasChildren) "/" "new" ("OLDNAME" ("old"))'
    bob.ok("RENAME plain up/plain")
    assert raw.response() == b'* LIST (\\HasNoChildren) "/" "up/plain" ("OLDNAME" ("plain"))'
    bob.ok("RENAME new/child &ZeVnLIqe-")
    assert raw.response() == b'* LIST (\\Noselect \\HasChildren) "/" "&ZeVnLIqe-" ("OLDNAME" ("new/child"))'
    # A name above others goes with the last of them.
    assert raw.response() == b'* LIST (\\NonExistent \\HasNoChildren) "/" "new"'
    assert raw.quiet(0.2) == []


@pytest.mark.parametrize("filter", ["mailboxes old", "mailboxes new", "subtree (x new)"])
def test_a_rename_is_told_to_who_watches_either_name(coid, alice, bob, watch, filter):
    bob.ok("CREATE old")
    raw = watch(f"({filter} (MailboxName))")
    bob.ok("RENAME old new")
    assert raw.response() == b'* LIST (\\HasNoChildren) "/" "new" ("OLDNAME" ("old"))'


def test_renaming_inbox_makes_a_mailbox(coid, alice, bob, watch):
    coid.deliver(alice, message())
    raw = watch(f"(mailboxes (INBOX moved) (MailboxName)) (mailboxes INBOX ({MESSAGES}))")
    bob.ok("RENAME INBOX moved")
    assert wait_until(raw, 2) == [b'* LIST (\\HasNoChildren) "/" "moved" ("OLDNAME" ("INBOX"))',
                                  b'* STATUS "INBOX" (MESSAGES 0 UIDNEXT 2)']
    raw.ok("NOTIFY SET (mailboxes INBOX (MailboxName))")
    bob.ok("RENAME INBOX again")
    assert raw.quiet(0.2) == []


def test_names_that_change_while_nobody_looks_are_told_as_they_are(coid, alice, bob, watch):
    raw = watch("(personal (MailboxName SubscriptionChange))")
    raw.send('x APPEND Drafts {10}\r\n')
    assert raw.response().startswith(b"+")
    for command in ("CREATE a", "RENAME a b", "RENAME b c", "DELETE c", "CREATE s", "SUBSCRIBE s", "UNSUBSCRIBE s", "SUBSCRIBE s"):
        bob.ok(command)
    raw.send(b"From: me\r\n\r\n")
    assert raw.until(b"x")[0].startswith(b"OK")
    got = raw.quiet(0.4)
    last = {}
    for line in got:
        last[line.split(b'"/" ')[1]] = line
    assert set(last) == {b'"a"', b'"b"', b'"c"', b'"s"'}
    assert all(b"(\\NonExistent" in last[name] for name in (b'"a"', b'"b"', b'"c"'))
    assert last[b'"s"'] == b'* LIST (\\Subscribed \\HasNoChildren) "/" "s"'


def test_subscriptions_are_told(coid, alice, bob, watch):
    bob.ok("CREATE box/below")
    raw = watch("(subscribed (SubscriptionChange))")
    bob.ok("SUBSCRIBE box")
    assert raw.response() == b'* LIST (\\Noselect \\Subscribed \\HasChildren) "/" "box"'
    bob.ok("UNSUBSCRIBE box")
    assert raw.response() == b'* LIST (\\Noselect \\HasChildren) "/" "box"'
    # There need be no mailbox.
    bob.ok("SUBSCRIBE nothing/here")
    assert raw.response() == b'* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" "nothing/here"'
    bob.ok("UNSUBSCRIBE nothing/here")
    assert raw.response() == b'* LIST (\\NonExistent \\HasNoChildren) "/" "nothing/here"'
    bob.ok("UNSUBSCRIBE Sent")
    assert raw.response() == b'* LIST (\\HasNoChildren \\Sent) "/" "Sent"'
    raw.ok("NOTIFY SET (mailboxes Drafts (SubscriptionChange)) (personal (MailboxName))")
    bob.ok("SUBSCRIBE Sent")
    bob.ok("UNSUBSCRIBE Drafts")
    assert raw.response() == b'* LIST (\\HasNoChildren \\Drafts) "/" "Drafts"'
    assert raw.quiet(0.2) == []


def test_metadata_is_told_without_values(coid, alice, bob, watch):
    raw = watch("(subtree Sent (MailboxMetadataChange)) (personal (ServerMetadataChange))")
    bob.ok('SETMETADATA Sent (/private/comment "one" /shared/comment "two")')
    assert raw.response() == b'* METADATA "Sent" /private/comment /shared/comment'
    bob.ok('SETMETADATA Sent (/private/comment NIL)')
    assert raw.response() == b'* METADATA "Sent" /private/comment'
    bob.ok('SETMETADATA Drafts (/private/comment "one")')
    bob.ok('SETMETADATA "" (/private/vendor/x/y "one")')
    assert raw.response() == b'* METADATA "" /private/vendor/x/y'
    raw.ok("NOTIFY SET (personal (MailboxMetadataChange)) (selected NONE)")
    # The selected mailbox gets it too, since this is no message event.
    raw.ok("SELECT Drafts")
    bob.ok('SETMETADATA "" (/private/vendor/x/y "two")')
    bob.ok('SETMETADATA Drafts (/private/comment "two")')
    assert raw.response() == b'* METADATA "Drafts" /private/comment'
    raw.ok("NOTIFY SET (personal (MailboxName))")
    bob.ok('SETMETADATA Drafts (/private/comment "three")')
    assert raw.quiet(0.2) == []


def test_entries_that_are_secret_are_not_told(coid, alice, bob, watch):
    raw = watch("(personal (ServerMetadataChange MailboxMetadataChange))")
    name = "/private/vendor/vendor.dovecot/webpush/subscriptions/phone"
    tagged, _ = bob.cmd(f'SETMETADATA "" ({name} NIL)')
    assert tagged.startswith(b"OK")
    bob.ok('SETMETADATA "" (/private/comment x)')
    assert raw.response() == b'* METADATA "" /private/comment'


# proves COI-21
def test_the_mailboxes_of_coi_appear_in_every_session(coid, alice, bob, watch):
    raw = watch("(personal (MailboxName SubscriptionChange ServerMetadataChange))")
    configure(bob, enabled="yes")
    got = []
    while not any(b"* METADATA" in line for line in got):
        got.append(raw.response())
    got += raw.quiet(0.3)
    lists = [line for line in got if line.startswith(b"* LIST")]
    for name in (b'"COI/Chats"', b'"COI/Contacts"'):
        lines = [line for line in lists if line.endswith(name)]
        assert lines and all(b"\\Subscribed" in line and b"\\NonExistent" not in line for line in lines), got
    assert any(line.endswith(b'"COI"') for line in lists)
    assert b'* METADATA "" ' + f"{PREFIX}/enabled".encode() in got
    assert len(bob.ok('LIST "" "COI/*"')) == 2
    # Enabling again changes nothing, so that there is nothing to tell but, perhaps, the entry.
    configure(bob, enabled="yes")
    assert [line for line in raw.quiet(0.3) if b"METADATA" not in line] == []


# proves COI-24
def test_settings_of_coi_are_told_to_other_sessions(coid, alice, bob, watch):
    configure(bob, enabled="yes")
    raw = watch("(personal (ServerMetadataChange MailboxName))")
    configure(bob, message_filter="active")
    assert raw.response() == b'* METADATA "" ' + f"{PREFIX}/message-filter".encode()
    assert b"active" in raw.ok(f'GETMETADATA "" {PREFIX}/message-filter')[0]
    configure(bob, enabled=None)
    assert b'* METADATA "" ' + f"{PREFIX}/enabled".encode() in wait_for(raw, rb"/enabled\b")
    # Deleting the mailbox of chats disables, and that is told, too.
    configure(bob, enabled="yes")
    wait_for(raw, rb"/enabled\b")
    bob.ok("DELETE COI/Chats")
    got = wait_for(raw, rb"/enabled\b") + raw.quiet(0.3)
    assert b'* METADATA "" ' + f"{PREFIX}/enabled".encode() in got
    assert b'* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" "COI/Chats"' in got


def test_chats_go_to_their_mailbox_and_are_never_seen_in_inbox(coid, alice, bob, watch):
    configure(bob, enabled="yes", message_filter="active")
    raw = watch(f"(personal ({MESSAGES}))")
    coid.deliver(alice, message(headers=["Chat-Version: 1.0"]))
    assert raw.response() == b'* STATUS "COI/Chats" (MESSAGES 1 UIDNEXT 2)'
    assert raw.quiet(0.2) == []


# -- the selected mailbox --------------------------------------------------------------------------------------------------------


def test_selected_is_told_at_once(coid, alice, bob, watch):
    raw = watch("(selected (MessageNew (FLAGS BODY.PEEK[HEADER.FIELDS (Subject)]) MessageExpunge FlagChange))", mailbox="INBOX")
    bob.ok("SELECT INBOX")
    for number in (1, 2, 3):
        coid.deliver(alice, message(subject=f"s{number}"))
        assert wait_for(raw, b"EXISTS")[-1] == b"* %d EXISTS" % number
        line = wait_for(raw, b"FETCH")[-1]
        seq, items = fetch(line)
        assert (seq, items["UID"]) == (number, number)
        assert items["BODY[HEADER.FIELDS (Subject)]"] == b"Subject: s%d\r\n\r\n" % number
    bob.ok("NOOP")
    bob.ok("STORE 2 +FLAGS (\\Flagged)")
    assert raw.response().startswith(b"* 2 FETCH (UID 2 FLAGS (\\Flagged")
    bob.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
    wait_for(raw, b"\\* 3 FETCH")
    bob.ok("EXPUNGE")
    assert wait_until(raw, 2) == [b"* 3 EXPUNGE", b"* 1 EXPUNGE"]
    # During IDLE as without.
    tag = raw.idle()
    coid.deliver(alice, message(subject="s4"))
    got = wait_for(raw, b"FETCH")
    assert b"* 2 EXISTS" in got and b"Subject: s4" in got[-1] and b"UID 4" in got[-1]
    bob.ok("STORE 1 +FLAGS (\\Deleted)")
    bob.ok("EXPUNGE")
    assert wait_for(raw, b"EXPUNGE")[-1] == b"* 1 EXPUNGE"
    raw.done(tag)


def test_without_attributes_exists_is_all(coid, alice, watch):
    raw = watch(f"(selected ({MESSAGES}))", mailbox="INBOX")
    coid.deliver(alice, message())
    assert raw.response() == b"* 1 EXISTS"
    assert [line for line in raw.quiet(0.2) if not line.endswith(b"RECENT")] == []


def test_selected_holds_expunges_back_only_within_a_command(coid, alice, bob, watch):
    for _ in range(3):
        coid.deliver(alice, message())
    raw = watch(f"(selected ({FLAGS}))", mailbox="INBOX")
    bob.ok("SELECT INBOX")
    bob.ok("STORE 1 +FLAGS (\\Deleted)")
    assert raw.response().startswith(b"* 1 FETCH (UID 1 FLAGS (\\Deleted")
    # A literal is awaited: nothing may be said; then at once.
    raw.send("x SEARCH SUBJECT {1}\r\n")
    assert raw.response().startswith(b"+")
    bob.ok("EXPUNGE")
    assert raw.quiet(0.2) == []
    raw.send("h\r\n")
    tagged, untagged = raw.until(b"x")
    assert tagged.startswith(b"OK") and untagged == [b"* SEARCH 2 3"]
    assert raw.response() == b"* 1 EXPUNGE"


def test_selected_delayed_keeps_numbers_until_a_command_allows_it(coid, alice, bob, watch):
    for _ in range(4):
        coid.deliver(alice, message())
    raw = watch("(selected-delayed (MessageNew (UID) MessageExpunge FlagChange))", mailbox="INBOX")
    bob.ok("SELECT INBOX")
    bob.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)")
    wait_for(raw, b"\\* 3 FETCH")
    bob.ok("EXPUNGE")
    coid.deliver(alice, message())
    # New messages and flags are told at once, by the numbers that hold.
    assert raw.response() == b"* 5 EXISTS"
    assert wait_for(raw, b"FETCH")[-1] == b"* 5 FETCH (UID 5)"
    bob.ok("STORE 1 +FLAGS (\\Seen)")
    assert raw.response().startswith(b"* 2 FETCH (UID 2 FLAGS (\\Seen")
    assert [line for line in raw.ok("FETCH 4 (UID)") if b"RECENT" not in line] == [b"* 4 FETCH (UID 4)"]
    assert raw.quiet(0.2) == []
    assert [line for line in raw.ok("NOOP") if b"RECENT" not in line] == [b"* 3 EXPUNGE", b"* 1 EXPUNGE"]
    bob.ok("STORE 1 +FLAGS (\\Deleted)")
    wait_for(raw, b"FETCH")
    bob.ok("EXPUNGE")
    assert raw.quiet(0.2) == []
    tag = raw.command("IDLE")
    assert raw.response().startswith(b"+")
    assert raw.response() == b"* 1 EXPUNGE"
    bob.ok("STORE 1 +FLAGS (\\Deleted)")
    wait_for(raw, b"FETCH")
    bob.ok("EXPUNGE")
    assert raw.response() == b"* 1 EXPUNGE"
    raw.done(tag)


@pytest.mark.parametrize("groups", ["(selected NONE)", f"(personal ({FLAGS}))", "(selected-delayed NONE) (personal NONE)"])
def test_without_selected_the_mailbox_stands_still(coid, alice, bob, watch, groups):
    for _ in range(3):
        coid.deliver(alice, message())
    raw = watch(groups, mailbox="INBOX")
    bob.ok("SELECT INBOX")
    bob.ok("STORE 2 +FLAGS ($New \\Flagged)")
    bob.ok("STORE 1 +FLAGS (\\Deleted)")
    bob.ok("EXPUNGE")
    coid.deliver(alice, message())
    assert raw.quiet(0.2) == []
    # Commands do not tell them at their end either, except for those that their answers need.
    assert [line for line in raw.ok("NOOP") if b"FLAGS" not in line] == []
    tag = raw.idle()
    coid.deliver(alice, message())
    assert raw.quiet(0.2) == [] and raw.done(tag)[1] == []
    tagged, untagged = raw.cmd("FETCH 1:* (UID)")
    assert tagged.startswith(b"NO [EXPUNGEISSUED]") and untagged == [b"* 2 FETCH (UID 2)", b"* 3 FETCH (UID 3)"]
    # A client that removes messages gets EXPUNGE as the answer to its own command.
    raw.ok("STORE 3 +FLAGS (\\Deleted)")
    assert raw.ok("EXPUNGE") == [b"* 3 EXPUNGE", b"* 2 RECENT"]
    assert raw.ok("UID FETCH 1:* (FLAGS)") != []
    # NOTIFY SET tells all that has gathered, whatever it sets.
    got = raw.ok("NOTIFY SET (selected NONE)")
    assert got[0] == b"* 1 EXPUNGE" and b"* 3 EXISTS" in got
    coid.deliver(alice, message())
    assert raw.ok("NOOP") == []


def test_notify_none_is_no_event_at_all(coid, alice, bob):
    raw = coid.raw(alice, mailbox="INBOX")
    coid.deliver(alice, message())
    # The changes before NOTIFY NONE are told.
    assert b"* 1 EXISTS" in raw.ok("NOTIFY NONE")
    coid.deliver(alice, message())
    bob.ok("CREATE new")
    assert raw.quiet(0.2) == [] and raw.ok("NOOP") == []
    # A mailbox that is selected now is shown as it is.
    assert b"* 2 EXISTS" in raw.ok("SELECT INBOX")


def test_flags_can_be_left_out(coid, alice, bob, watch):
    coid.deliver(alice, message())
    raw = watch(f"(selected ({MESSAGES}))", mailbox="INBOX")
    bob.ok("SELECT INBOX")
    bob.ok("STORE 1 +FLAGS (\\Seen)")
    coid.deliver(alice, message())
    assert raw.response() == b"* 2 EXISTS"
    assert [line for line in raw.ok("NOOP") if b"RECENT" not in line] == []
    assert b"\\Seen" in raw.ok("FETCH 1 (FLAGS)")[0]
    got = raw.ok(f"NOTIFY SET (selected ({FLAGS}))")
    assert [line for line in got if b"RECENT" not in line] == []
    bob.ok("STORE 1 -FLAGS (\\Seen)")
    assert b"Seen" not in wait_for(raw, b"FETCH")[-1]


def test_with_condstore_every_fetch_has_uid_and_modseq(coid, alice, bob, watch):
    raw = watch("(selected (MessageNew (FLAGS) MessageExpunge FlagChange))", mailbox="INBOX", enable="CONDSTORE")
    coid.deliver(alice, message())
    assert re.fullmatch(rb"\* 1 FETCH \(UID 1 FLAGS \(.*\) MODSEQ \(\d+\)\)", wait_for(raw, b"FETCH")[-1])
    bob.ok("SELECT INBOX")
    bob.ok("STORE 1 +FLAGS (\\Seen)")
    assert re.fullmatch(rb"\* 1 FETCH \(UID 1 FLAGS \(.*\) MODSEQ \(\d+\)\)", wait_for(raw, b"FETCH")[-1])
    # MODSEQ among the attributes enables it.
    other = watch("(selected (MessageNew (MODSEQ) MessageExpunge FlagChange))", mailbox="INBOX")
    coid.deliver(alice, message())
    assert re.fullmatch(rb"\* 2 FETCH \(UID 2 MODSEQ \(\d+\)\)", wait_for(other, b"FETCH")[-1])
    bob.ok("STORE 1 +FLAGS (\\Answered)")
    assert b"MODSEQ" in wait_for(other, rb"\* 1 FETCH")[-1]


def test_with_qresync_the_selected_mailbox_tells_vanished(coid, alice, bob, watch):
    for _ in range(3):
        coid.deliver(alice, message())
    raw = watch(f"(selected ({MESSAGES}))", mailbox="INBOX", enable="QRESYNC")
    delayed = watch("(selected-delayed (MessageNew (FLAGS) MessageExpunge FlagChange))", mailbox="INBOX", enable="QRESYNC")
    bob.ok("SELECT INBOX")
    bob.ok("STORE 1,3 +FLAGS (\\Deleted)")
    bob.ok("EXPUNGE")
    assert wait_for(raw, b"VANISHED")[-1] == b"* VANISHED 1,3"
    # A later message that the session is told about must not hide the expunge that it has not been told yet.
    coid.deliver(alice, message())
    got = wait_for(delayed, rb"\* 4 FETCH")
    got += wait_for(delayed, b"HIGHESTMODSEQ")
    modseq = int(re.search(rb"MODSEQ \((\d+)\)", [line for line in got if line.startswith(b"* 4 FETCH")][0]).group(1))
    highest = int(re.search(rb"\[HIGHESTMODSEQ (\d+)\]", got[-1]).group(1))
    assert highest < modseq
    assert b"* VANISHED 1,3" in delayed.ok("NOOP")


def test_with_uidonly_there_are_no_numbers(coid, alice, bob, watch):
    raw = watch("(selected (MessageNew (FLAGS) MessageExpunge FlagChange))", mailbox="INBOX", enable="UIDONLY")
    coid.deliver(alice, message())
    got = wait_for(raw, b"UIDFETCH")
    assert b"* 1 EXISTS" in got and re.fullmatch(rb"\* 1 UIDFETCH \(FLAGS \(.*\)\)", got[-1])
    bob.ok("SELECT INBOX")
    bob.ok("STORE 1 +FLAGS (\\Deleted)")
    assert b"\\Deleted" in wait_for(raw, rb"\* 1 UIDFETCH \(FLAGS")[-1]
    bob.ok("EXPUNGE")
    assert raw.response() == b"* VANISHED 1"


def test_attributes_can_be_anything(coid, alice, watch):
    raw = watch("(selected (MessageNew (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY MODSEQ BODY.PEEK[] "
                "BODY.PEEK[TEXT]<0.5> BODY.PEEK[HEADER.FIELDS (From To)] BODY.PEEK[1.MIME]) MessageExpunge))", mailbox="INBOX")
    coid.deliver(alice, message(body="hello world\r\n"))
    line = wait_for(raw, b"FETCH")[-1]
    _, items = fetch(line)
    assert items["BODY[TEXT]<0>"] == b"hello" and items["BODY[]"].endswith(b"hello world\r\n")
    assert raw.ok("NOOP") is not None


def test_attributes_that_set_seen_do_so(coid, alice, bob, watch):
    raw = watch("(selected (MessageNew (BODY[TEXT]) MessageExpunge FlagChange))", mailbox="INBOX")
    bob.ok("SELECT INBOX")
    coid.deliver(alice, message(body="text\r\n"))
    line = wait_for(raw, b"FETCH")[-1]
    assert b"\\Seen" in line and b"text\r\n" in line
    bob.ok("NOOP")
    assert b"\\Seen" in bob.ok("FETCH 1 (FLAGS)")[0]
    # Read-only: nothing is set.
    raw.ok("EXAMINE INBOX")
    coid.deliver(alice, message(body="more\r\n"))
    line = wait_for(raw, b"FETCH")[-1]
    assert b"more\r\n" in line and b"Seen" not in line
    bob.ok("NOOP")
    assert b"\\Seen" not in bob.ok("FETCH 2 (FLAGS)")[0]


def test_large_messages_are_sent_in_pieces_and_commands_wait(coid, alice, bob, watch):
    raw = watch(f"(selected (MessageNew (BODY.PEEK[]) MessageExpunge)) (personal ({MESSAGES}))", mailbox="INBOX")
    body = "".join(f"{i:070}\r\n" for i in range(60000))
    coid.deliver(alice, message(body=body))
    # The literal has begun, and the client does not read on.
    wait_for(raw, b"EXISTS")
    head = raw.line()
    while not head.startswith(b"* 1 FETCH"):
        head = raw.line()
    raw.send("x NOOP\r\ny FETCH 1 (UID)\r\n")
    bob.append("Sent", message())
    bob.append("Drafts", message())
    coid.deliver(alice, message())
    time.sleep(0.3)
    size = int(re.search(rb"\{(\d+)\}\r\n$", head).group(1))
    assert raw.take(size).endswith(body.encode())
    assert raw.line() == b")\r\n"
    got = []
    while not (got and got[-1].startswith(b"y ")):
        got.append(raw.response())
    got += raw.quiet(0.5)
    assert got.index(b"x OK NOOP completed") < got.index(b"y OK FETCH completed") and b"* 1 FETCH (UID 1)" in got
    assert statuses([line for line in got if b"STATUS" in line]) == {
        "Sent": {"MESSAGES": 1, "UIDNEXT": 2}, "Drafts": {"MESSAGES": 1, "UIDNEXT": 2}}
    assert b"* 2 EXISTS" in got and any(line.startswith(b"* 2 FETCH (UID 2 BODY[] {") for line in got)


def test_a_client_that_goes_away_in_the_middle_harms_nobody(coid, alice, watch):
    body = "x" * 70 + "\r\n"
    raws = [watch("(selected (MessageNew (BODY.PEEK[]) MessageExpunge))", mailbox="INBOX") for _ in range(3)]
    coid.deliver(alice, message(body=body * 60000))
    for raw in raws:
        wait_for(raw, b"EXISTS")
        raw.line()
        raw.close()
    assert b"* 1 EXISTS" in coid.raw(alice).ok("SELECT INBOX")


def test_a_message_that_is_gone_already_is_not_sent(coid, alice, bob, watch):
    raw = watch("(selected (MessageNew (FLAGS) MessageExpunge FlagChange))", mailbox="INBOX")
    raw.send('x APPEND Drafts {10}\r\n')
    assert raw.response().startswith(b"+")
    bob.ok("SELECT INBOX")
    for _ in range(3):
        coid.deliver(alice, message())
    bob.ok("NOOP")
    bob.ok("STORE 1:2 +FLAGS (\\Deleted)")
    bob.ok("EXPUNGE")
    raw.send(b"From: me\r\n\r\n")
    got = raw.until(b"x")[1] + wait_for(raw, b"FETCH")
    assert [line for line in got if b"RECENT" not in line][0] == b"* 1 EXISTS"
    assert got[-1].startswith(b"* 1 FETCH (UID 3 FLAGS (")


def test_many_messages_and_expunges_end_in_the_same_state(coid, alice, bob, watch):
    raw = watch("(selected (MessageNew (FLAGS) MessageExpunge FlagChange))", mailbox="INBOX")
    bob.ok("SELECT INBOX")
    slots = []

    def take(line):
        match = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)", line)
        if not match:
            return
        number, what = int(match.group(1)), match.group(2)
        if what == b"EXISTS":
            slots.extend([None] * (number - len(slots)))
        elif what == b"EXPUNGE":
            del slots[number - 1]
        else:
            uid = fetch(line)[1]["UID"]
            assert slots[number - 1] in (None, uid)
            slots[number - 1] = uid

    for turn in range(30):
        coid.deliver(alice, message(subject=str(turn)))
        bob.ok("NOOP")
        if turn % 3 == 2:
            bob.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
            bob.ok("EXPUNGE")
    end = time.monotonic() + 20
    expected = list(range(11, 31))
    while slots != expected and time.monotonic() < end:
        for line in raw.quiet(0.1):
            take(line)
    assert slots == expected


# -- too much ----------------------------------------------------------------------------------------------------------------------


def test_who_does_not_read_is_told_of_an_overflow(coid, alice, bob, watch):
    bob.append("INBOX", message(body=("x" * 70 + "\r\n") * 200000))
    raw = watch(f"(personal ({MESSAGES} MailboxName SubscriptionChange)) (selected ({MESSAGES}))", mailbox="INBOX")
    tag = raw.command("FETCH 1 (BODY.PEEK[])")
    assert raw.line().startswith(b"* 1 FETCH")
    commands = b"".join(b"s%d SUBSCRIBE name%d\r\n" % (i, i) for i in range(1025))
    bob.send(commands)
    assert bob.until(b"s1024")[0].startswith(b"OK")
    while raw.line() != b")\r\n":
        pass
    tagged, untagged = raw.until(tag)
    assert tagged.startswith(b"OK")
    assert [line for line in untagged if b"NOTIFICATIONOVERFLOW" in line and line.startswith(b"* OK [")]
    # From now on as after NOTIFY NONE.
    bob.append("Sent", message())
    coid.deliver(alice, message())
    assert raw.quiet(0.2) == [] and raw.ok("NOOP") == []
    assert b"* 2 EXISTS" in raw.ok(f"NOTIFY SET (personal ({MESSAGES})) (selected ({MESSAGES}))")
    bob.append("Sent", message())
    assert b'"Sent"' in wait_for(raw, b"STATUS")[-1]


def test_the_same_name_again_and_again_is_no_overflow(coid, alice, bob, watch):
    raw = watch("(personal (SubscriptionChange))")
    raw.send('x APPEND Drafts {10}\r\n')
    assert raw.response().startswith(b"+")
    bob.send(b"".join(b"s%d %sSUBSCRIBE name\r\n" % (i, b"UN" * (i % 2)) for i in range(1201)))
    assert bob.until(b"s1200")[0].startswith(b"OK")
    raw.send(b"From: me\r\n\r\n")
    assert raw.until(b"x")[0].startswith(b"OK")
    assert raw.quiet(0.3) == [b'* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" "name"']


def test_hundreds_of_mailboxes(coid, alice, bob, watch):
    names = [f"many/box{i}" for i in range(600)]
    bob.send("".join(f"c{i} CREATE {name}\r\n" for i, name in enumerate(names)))
    assert bob.until(b"c599")[0].startswith(b"OK")
    raw = coid.raw(alice)
    assert set(statuses(raw.ok(f"NOTIFY SET STATUS (mailboxes ({' '.join(names)}) ({MESSAGES}))"))) == set(names)
    raw.send('x APPEND Drafts {10}\r\n')
    assert raw.response().startswith(b"+")
    data = message()
    for name in names:
        bob.send(f"a APPEND {name} {{{len(data)}+}}\r\n".encode() + data + b"\r\n")
    for _ in names:
        assert bob.until(b"a")[0].startswith(b"OK")
    raw.send(b"From: me\r\n\r\n")
    assert raw.until(b"x")[0].startswith(b"OK")
    assert set(statuses(wait_until(raw, 600))) == set(names)


def test_with_several_reactors(make_coid):
    coid = make_coid(settings={"server.reactors": 3, "server.workers": 4})
    alice = coid.add_user("alice@example.org")
    raws = [coid.raw(alice, mailbox="INBOX") for _ in range(6)]
    for raw in raws:
        raw.ok(f"NOTIFY SET (selected (MessageNew (UID) MessageExpunge)) (personal ({MESSAGES} MailboxName))")
    bob = coid.raw(alice)
    for number in range(1, 11):
        coid.deliver(alice, message(subject=str(number)))
        bob.append("Sent", message(subject=str(number)))
    bob.ok("CREATE last")
    for raw in raws:
        got = []
        while not (b'* LIST (\\HasNoChildren) "/" "last"' in got and any(b"MESSAGES 10" in line for line in got) and
                   any(line.startswith(b"* 10 FETCH") for line in got)):
            got.append(raw.response())
        uids = [int(re.search(rb"UID (\d+)", line).group(1)) for line in got if b"FETCH" in line]
        assert uids == list(range(1, 11))
