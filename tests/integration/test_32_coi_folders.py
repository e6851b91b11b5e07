"""COI: what CREATE, DELETE and RENAME of its folders mean."""

import pytest

from meta import chat, config, configure, contents, count, mailboxes, subscribed


@pytest.fixture
def raw(coid, alice):
    return coid.raw(alice)


def enabled(raw):
    return config(raw).get("enabled") == "yes"


def test_delete_of_chats_disables(coid, alice, raw):
    # proves COI-30
    # proves COI-33
    configure(raw, enabled="yes", message_filter="active")
    other = coid.raw(alice)
    other.ok("DELETE COI/Chats")
    assert not enabled(raw) and "enabled" not in config(raw)
    assert config(raw)["message-filter"] == "active"
    coid.deliver(alice, chat())
    assert count(raw, "INBOX") == 1 and "COI/Chats" not in mailboxes(raw)
    assert "COI/Contacts" in mailboxes(raw)


def test_delete_of_chats_with_children_disables_too(raw):
    # proves COI-30
    configure(raw, enabled="yes")
    raw.ok("CREATE COI/Chats/child")
    raw.ok("DELETE COI/Chats")
    assert not enabled(raw) and "\\Noselect" in mailboxes(raw)["COI/Chats"]
    raw.ok("CREATE COI/Chats")
    assert enabled(raw)


def test_delete_of_other_folders_does_not(raw):
    # proves COI-30
    configure(raw, enabled="yes")
    raw.ok("DELETE COI/Contacts")
    raw.ok("CREATE Chats")
    raw.ok("DELETE Chats")
    assert enabled(raw)


@pytest.mark.parametrize("trash", ["Trash", "Deleted things"])
def test_rename_into_the_trash_disables(make_coid, trash):
    # proves COI-31
    # proves COI-33
    coid = make_coid(settings={"store.default_mailboxes": [f"{trash}:\\Trash"]})
    raw = coid.raw(coid.add_user("alice@example.org"))
    configure(raw, enabled="yes")
    raw.append("COI/Chats", chat())
    raw.ok(f'RENAME COI/Chats "{trash}/Chats"')
    assert not enabled(raw) and count(raw, f"{trash}/Chats") == 1


def test_rename_below_a_folder_called_trash_that_has_no_special_use(make_coid):
    # proves COI-31
    coid = make_coid(settings={"store.default_mailboxes": []})
    raw = coid.raw(coid.add_user("alice@example.org"))
    configure(raw, enabled="yes")
    raw.ok("RENAME COI/Chats Trash/x/Chats")
    assert not enabled(raw)


@pytest.mark.parametrize("to", ["Other", "COI/Other", "Other/Chats", "Trashed/Chats", "COI/Chats2", "Sent/Chats"])
def test_every_other_rename_of_chats_is_refused(raw, to):
    # proves COI-31
    configure(raw, enabled="yes")
    before = mailboxes(raw)
    raw.no(f"RENAME COI/Chats {to}", "CANNOT")
    assert mailboxes(raw) == before and enabled(raw)


def test_rename_of_the_root_follows_the_same_rule(raw):
    # proves COI-31
    configure(raw, enabled="yes")
    before = mailboxes(raw)
    raw.no("RENAME COI Other", "CANNOT")
    assert mailboxes(raw) == before and enabled(raw)
    raw.ok("RENAME COI Trash/COI")
    assert not enabled(raw) and "Trash/COI/Chats" in mailboxes(raw)


def test_rename_of_chats_while_disabled_is_free(raw):
    # proves COI-31
    configure(raw, enabled="yes")
    configure(raw, enabled=None)
    raw.ok("RENAME COI/Chats Other")
    assert not enabled(raw) and "Other" in mailboxes(raw)
    raw.ok("RENAME COI Elsewhere")


def test_renames_that_do_not_concern_chats_are_free(raw):
    # proves COI-31
    configure(raw, enabled="yes")
    raw.ok("RENAME COI/Contacts COI/People")
    raw.ok("CREATE COI/Chats/child")
    raw.ok("RENAME COI/Chats/child Elsewhere")
    raw.ok("RENAME INBOX Old")
    assert enabled(raw)


def test_create_of_chats_enables_with_all_effects(raw):
    # proves COI-32
    # proves COI-33
    raw.ok("CREATE COI/Chats")
    assert enabled(raw)
    assert "COI/Contacts" in mailboxes(raw) and {"COI/Chats", "COI/Contacts"} <= subscribed(raw)


def test_create_of_something_else_does_not(raw):
    # proves COI-32
    for name in ("COI", "COI/Contacts", "Chats", "COI/Chats/child", "coi/chats", "COI/Chats2"):
        raw.ok(f"CREATE {name}")
    assert not enabled(raw)


def test_rename_to_chats_enables(coid, alice, raw):
    # proves COI-32
    raw.ok("CREATE Talks")
    raw.append("Talks", chat())
    raw.ok("RENAME Talks COI/Chats")
    assert enabled(raw) and "COI/Contacts" in mailboxes(raw) and count(raw, "COI/Chats") == 1
    assert "COI/Chats" in subscribed(raw)


def test_rename_of_a_parent_that_brings_chats_along_enables(raw):
    # proves COI-32
    raw.ok("CREATE Old/Chats")
    raw.ok("RENAME Old COI")
    assert enabled(raw) and "COI/Contacts" in mailboxes(raw)


def test_create_of_chats_while_it_is_there_is_an_error_as_ever(raw):
    configure(raw, message_filter="active")
    raw.no("CREATE COI/Chats", "ALREADYEXISTS")
    assert not enabled(raw)


def test_what_the_server_makes_itself_does_not_enable(coid, alice, raw):
    # proves COI-32
    configure(raw, message_filter="active")
    assert "COI/Chats" in mailboxes(raw) and not enabled(raw)
    coid.deliver(alice, chat())
    assert not enabled(raw) and count(raw, "INBOX") == 1


def test_the_filter_set_long_ago_begins_to_work_with_create(coid, alice, raw):
    # proves COI-32
    # proves COI-22
    configure(raw, enabled="yes", message_filter="active")
    raw.ok("DELETE COI/Chats")
    coid.deliver(alice, chat(1))
    raw.ok("CREATE COI/Chats")
    coid.deliver(alice, chat(2))
    assert set(contents(raw, "INBOX")) == {"chat 1"} and set(contents(raw, "COI/Chats")) == {"chat 2"}


def test_the_setting_mirrors_each_way(coid, alice, raw):
    # proves COI-33
    for _ in range(3):
        raw.ok("CREATE COI/Chats")
        assert coid.ctl("coi", "show", alice).startswith("enabled: yes")
        raw.ok("RENAME COI/Chats Trash/Chats")
        assert coid.ctl("coi", "show", alice).startswith("enabled: no")
        raw.ok("RENAME Trash/Chats COI/Chats")
        assert enabled(raw)
        raw.ok("DELETE COI/Chats")
        assert not enabled(raw)
