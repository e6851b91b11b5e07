"""COI: what is announced, reading and setting the configuration."""

import pytest

from coid import PASSWORD
from meta import PREFIX, chat, config, configure, contents, count, get, mailboxes, status, subscribed


@pytest.fixture
def raw(coid, alice):
    return coid.raw(alice)


def words(line):
    return set(line.decode().replace("]", " ").replace("[", " ").split())


def test_coi_is_announced_after_login_only(coid, alice):
    # proves COI-01
    raw = coid.raw()
    assert "COI" not in words(raw.greeting_line)
    assert "COI" not in words(raw.ok("CAPABILITY")[0])
    tagged, _ = raw.cmd(f'LOGIN "{alice}" "{PASSWORD}"')
    assert tagged.startswith(b"OK [CAPABILITY ") and "COI" in words(tagged)
    assert "COI" in words(raw.ok("CAPABILITY")[0])


def test_the_ok_of_authenticate_announces_it(coid, alice):
    # proves COI-01
    import base64
    raw = coid.raw()
    token = base64.b64encode(f"\0{alice}\0{PASSWORD}".encode()).decode()
    tagged, _ = raw.cmd(f"AUTHENTICATE PLAIN {token}")
    assert tagged.startswith(b"OK [CAPABILITY ") and {"COI", "METADATA"} <= words(tagged)


def test_switched_off_by_the_administrator(make_coid):
    # proves COI-03
    coid = make_coid(settings={"coi.enabled": False, "webpush.enabled": False})
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    assert "COI" not in words(raw.ok("CAPABILITY")[0]) and "METADATA" in words(raw.ok("CAPABILITY")[0])
    raw.no(f'GETMETADATA (DEPTH 1) "" {PREFIX}', "CANNOT")
    raw.no(f'SETMETADATA "" ({PREFIX}/enabled yes)', "CANNOT")
    raw.no(f'SETMETADATA "" ({PREFIX}/message-filter active)', "CANNOT")
    raw.ok('SETMETADATA "" (/private/comment x)')
    assert set(get(raw, "/private", options="(DEPTH infinity)")) == {"/private/comment"}
    raw.ok("CREATE COI/Chats")
    raw.ok("RENAME COI/Chats Other")
    raw.ok("CREATE COI/Chats")
    coid.deliver(alice, chat())
    assert contents(raw, "INBOX")["chat 1"][0] == set()
    done = coid.ctl("coi", "show", alice, check=False)
    assert done.returncode == 1 and "switched off" in done.stderr


def test_switching_off_and_on_keeps_what_users_have_set(make_coid):
    # proves COI-03
    coid = make_coid()
    alice = coid.add_user("alice@example.org")
    configure(coid.raw(alice), enabled="yes", message_filter="active")
    coid.settings["coi.enabled"] = False
    coid.write_config()
    coid.restart()
    coid.deliver(alice, chat(1))
    coid.settings["coi.enabled"] = True
    coid.write_config()
    coid.restart()
    coid.deliver(alice, chat(2))
    raw = coid.raw(alice)
    assert config(raw) == {"mailbox-root": "COI", "enabled": "yes", "message-filter": "active"}
    assert set(contents(raw, "INBOX")) == {"chat 1"} and set(contents(raw, "COI/Chats")) == {"chat 2"}


def test_mailbox_root_is_always_there_and_the_rest_once_it_is_set(raw):
    # proves COI-10
    # proves COI-11
    # proves COI-12
    assert config(raw) == {"mailbox-root": "COI"}
    configure(raw, message_filter="none")
    assert config(raw) == {"mailbox-root": "COI", "message-filter": "none"}
    configure(raw, enabled="yes")
    assert config(raw) == {"mailbox-root": "COI", "enabled": "yes", "message-filter": "none"}
    configure(raw, enabled=None, message_filter=None)
    assert config(raw) == {"mailbox-root": "COI"}


def test_each_depth_and_each_place_of_the_options(raw):
    # proves COI-10
    configure(raw, enabled="yes", message_filter="active")
    whole = raw.ok(f'GETMETADATA (DEPTH 1) "" {PREFIX}')
    assert raw.ok(f'GETMETADATA "" (DEPTH 1) {PREFIX}') == whole
    assert raw.ok(f'GETMETADATA (DEPTH infinity) "" ({PREFIX})') == whole
    assert get(raw, PREFIX) == {}
    assert get(raw, PREFIX + "/enabled") == {PREFIX + "/enabled": b"yes"}
    assert get(raw, PREFIX.upper() + "/Enabled", options="(DEPTH 0)") == {PREFIX + "/enabled": b"yes"}
    above = get(raw, "/private/vendor/vendor.dovecot", options="(DEPTH infinity)")
    assert {name for name in above if "/coi/" in name} == {f"{PREFIX}/{key}" for key in config(raw)}
    assert get(raw, "/private/vendor/vendor.dovecot", options="(DEPTH 1)") == {}
    tagged, untagged = raw.cmd(f'GETMETADATA (DEPTH 1 MAXSIZE 3) "" {PREFIX}')
    assert tagged.startswith(b"OK [METADATA LONGENTRIES 6] ")
    assert b"message-filter" not in untagged[0] and b"mailbox-root" in untagged[0]


def test_mailbox_root_belongs_to_the_administrator(raw):
    # proves COI-13
    for value in ("myroot", "COI", "NIL"):
        assert raw.no(f'SETMETADATA "" ({PREFIX}/mailbox-root {value})').startswith(
            f"NO [CANNOT] unable to set {PREFIX}/mailbox-root".encode())
    assert config(raw) == {"mailbox-root": "COI"}


def test_a_root_from_the_configuration(make_coid):
    # proves COI-11
    coid = make_coid(settings={"coi.mailbox_root": "INBOX/Chat \u00fc"})
    raw = coid.raw(coid.add_user("alice@example.org"))
    assert get(raw, PREFIX + "/mailbox-root") == {PREFIX + "/mailbox-root": "INBOX/Chat \u00fc".encode()}
    configure(raw, enabled="yes")
    assert "INBOX/Chat &APw-/Chats" in mailboxes(raw)


def test_a_root_of_the_users_own(make_coid):
    # proves COI-13
    coid = make_coid(settings={"coi.user_root": True})
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    configure(raw, enabled="yes", message_filter="active")
    raw.no(f'SETMETADATA "" ({PREFIX}/mailbox-root mine)', "CANNOT")
    configure(raw, enabled=None)
    for bad in ('""', '"a//b"', '"a/"', '"/a"', '"' + 30 * "deep/" + 'x"', b'{2+}\r\na\n'):
        text = bad if isinstance(bad, bytes) else bad.encode()
        raw.no(f'SETMETADATA "" ({PREFIX}/mailbox-root '.encode() + text + b")", "CANNOT")
    configure(raw, mailbox_root="mine")
    assert "COI/Chats" in mailboxes(raw) and "mine/Chats" not in mailboxes(raw)
    assert config(raw)["mailbox-root"] == "mine"
    configure(raw, enabled="yes")
    coid.deliver(alice, chat())
    assert count(raw, "mine/Chats") == 1 and count(raw, "COI/Chats") == 0
    raw.ok("RENAME COI/Chats elsewhere")
    raw.no("RENAME mine/Chats elsewhere2", "CANNOT")
    coid.restart()
    raw = coid.raw(alice)
    assert config(raw)["mailbox-root"] == "mine"
    configure(raw, enabled=None, mailbox_root=None)
    assert config(raw) == {"mailbox-root": "COI", "message-filter": "active"}


def test_settings_that_do_not_exist(raw):
    # proves COI-16
    raw.no(f'SETMETADATA "" ({PREFIX}/colour red)', "CANNOT")
    raw.no(f'SETMETADATA "" ({PREFIX}/enabled/x yes)', "CANNOT")
    raw.no(f'SETMETADATA "" ({PREFIX} yes)', "CANNOT")
    assert config(raw) == {"mailbox-root": "COI"}


def test_enabled_takes_yes_and_nil(raw):
    # proves COI-20
    for value in ("true", "YES", "Yes", '"yes "', '""', "no", "1", '"NIL"', '"a\\"b"'):
        tagged = raw.no(f'SETMETADATA "" ({PREFIX}/enabled {value})', "CANNOT")
        assert f"invalid value for {PREFIX}/enabled: ".encode() in tagged
    assert config(raw) == {"mailbox-root": "COI"} and "COI/Chats" not in mailboxes(raw)
    raw.ok(f'SETMETADATA "" ({PREFIX}/enabled ' + '{3+}\r\nyes)')
    raw.no(f'SETMETADATA "" ({PREFIX}/enabled true)', "CANNOT")
    assert config(raw)["enabled"] == "yes"
    raw.no(b'SETMETADATA "" (' + PREFIX.encode() + b'/enabled ~{300+}\r\n' + 100 * b"\0\xff\n" + b")", "CANNOT")


def test_each_form_of_a_value_enables(raw):
    # proves COI-14
    for value in ("yes", '"yes"', "{3+}\r\nyes", "~{3+}\r\nyes"):
        raw.ok(f'SETMETADATA "" ({PREFIX}/enabled {value})')
        assert config(raw)["enabled"] == "yes"
        configure(raw, enabled=None)


def test_enabling_makes_and_subscribes_both_folders(coid, alice, raw):
    # proves COI-21
    other = coid.raw(alice)
    configure(raw, enabled="yes")
    assert {"COI", "COI/Chats", "COI/Contacts"} <= set(mailboxes(other))
    assert "\\Noselect" in mailboxes(other)["COI"] and "\\Noselect" not in mailboxes(other)["COI/Chats"]
    assert {"COI/Chats", "COI/Contacts"} <= subscribed(other)
    before = mailboxes(raw)
    configure(raw, enabled="yes")
    assert mailboxes(raw) == before


def test_folders_that_are_there_stay_as_they_are(raw):
    # proves COI-21
    raw.ok("CREATE COI/Contacts")
    raw.append("COI/Contacts", chat())
    configure(raw, enabled="yes")
    assert count(raw, "COI/Contacts") == 1 and "COI/Contacts" in subscribed(raw)


def test_enabling_when_there_is_no_room_for_folders_changes_nothing(make_coid):
    coid = make_coid(settings={"store.mailboxes_max": 10})
    raw = coid.raw(coid.add_user("alice@example.org"))
    for i in range(10 - len(mailboxes(raw)) - 2):
        raw.ok(f"CREATE m{i}")
    raw.no(f'SETMETADATA "" ({PREFIX}/enabled yes)', "OVERQUOTA")
    assert config(raw) == {"mailbox-root": "COI"} and "COI" not in mailboxes(raw)
    raw.no("CREATE COI/Chats", "OVERQUOTA")
    assert "COI/Chats" not in mailboxes(raw)


def test_the_filter_set_before_enabling_works_from_then_on(coid, alice, raw):
    # proves COI-22
    configure(raw, message_filter="active")
    coid.deliver(alice, chat(1))
    configure(raw, enabled="yes")
    coid.deliver(alice, chat(2))
    assert set(contents(raw, "INBOX")) == {"chat 1"} and set(contents(raw, "COI/Chats")) == {"chat 2"}


def test_without_a_filter_enabling_means_none(coid, alice, raw):
    # proves COI-22
    # proves CL-19
    configure(raw, enabled="yes")
    coid.deliver(alice, chat(1))
    assert contents(raw, "INBOX")["chat 1"][0] == {"$Chat"} and count(raw, "COI/Chats") == 0


def test_disabling_stops_filtering_and_keeps_the_rest(coid, alice, raw):
    # proves COI-23
    configure(raw, enabled="yes", message_filter="active")
    coid.deliver(alice, chat(1))
    configure(raw, enabled=None)
    assert config(raw) == {"mailbox-root": "COI", "message-filter": "active"}
    coid.deliver(alice, chat(2))
    assert contents(raw, "INBOX")["chat 2"][0] == set()
    assert set(contents(raw, "COI/Chats")) == {"chat 1"} and "COI/Chats" in subscribed(raw)
    configure(raw, enabled="yes")
    coid.deliver(alice, chat(3))
    assert set(contents(raw, "COI/Chats")) == {"chat 1", "chat 3"}


def test_other_sessions_see_a_change_at_once(coid, alice, raw):
    # proves COI-24
    other = coid.raw(alice, mailbox="INBOX")
    for value in ("yes", None, "yes"):
        configure(raw, enabled=value)
        assert config(other).get("enabled") == value
    configure(other, message_filter="seen")
    assert config(raw)["message-filter"] == "seen"


def test_filter_values(raw):
    # proves COI-45
    for value in ("inactive", "Active", "SEEN", '""', '"none "', "yes", '"NIL"'):
        tagged = raw.no(f'SETMETADATA "" ({PREFIX}/message-filter {value})', "CANNOT")
        assert f"invalid value for {PREFIX}/message-filter: ".encode() in tagged
    assert "COI/Chats" not in mailboxes(raw)
    for value in ("none", "active", "seen"):
        configure(raw, message_filter=value)
        assert config(raw) == {"mailbox-root": "COI", "message-filter": value}
    configure(raw, message_filter=None)
    assert config(raw) == {"mailbox-root": "COI"}


@pytest.mark.parametrize("value", ["active", "seen"])
def test_a_filter_makes_chats_also_while_disabled_and_enables_nothing(raw, value):
    # proves COI-45
    configure(raw, message_filter=value)
    assert "COI/Chats" in mailboxes(raw) and "COI/Chats" in subscribed(raw)
    assert "COI/Contacts" not in mailboxes(raw) and "enabled" not in config(raw)


def test_filter_none_makes_nothing(raw):
    # proves COI-45
    configure(raw, message_filter="none")
    assert "COI" not in mailboxes(raw)


def test_enabling_and_filter_in_one_command_are_one(raw):
    # proves COI-15
    raw.no(f'SETMETADATA "" ({PREFIX}/enabled yes {PREFIX}/message-filter bad)', "CANNOT")
    assert config(raw) == {"mailbox-root": "COI"} and "COI" not in mailboxes(raw)
    raw.ok(f'SETMETADATA "" ({PREFIX}/message-filter active {PREFIX}/enabled yes)')
    assert config(raw) == {"mailbox-root": "COI", "enabled": "yes", "message-filter": "active"}


def test_the_metadata_form_of_answers(raw):
    # proves CL-04
    assert raw.ok(f'GETMETADATA (DEPTH 1) "" {PREFIX}') == [f'* METADATA "" ({PREFIX}/mailbox-root "COI")'.encode()]
    assert raw.ok(f'GETMETADATA "" ({PREFIX}/enabled /private/none)') == [
        f'* METADATA "" ({PREFIX}/enabled NIL /private/none NIL)'.encode()]
    assert raw.ok('GETMETADATA (DEPTH 1) "INBOX" /private/none') == []


def test_a_full_account_can_still_choose(coid, alice, raw):
    coid.ctl("user", "quota", alice, "--storage", "1")
    raw = coid.raw(alice)
    configure(raw, enabled="yes", message_filter="active")
    raw.ok("DELETE COI/Chats")
    assert "enabled" not in config(raw)


def test_coidctl_shows_and_sets_what_clients_do(coid, alice, raw):
    shown = coid.ctl("coi", "show", alice)
    assert shown == "enabled: no\nmessage-filter: none\nmailbox-root: COI\n"
    assert coid.ctl("coi", "enable", alice).startswith("enabled: yes\n")
    assert config(raw)["enabled"] == "yes" and "COI/Contacts" in mailboxes(raw)
    configure(raw, message_filter="seen")
    assert coid.ctl("coi", "show", alice.upper()) == "enabled: yes\nmessage-filter: seen\nmailbox-root: COI\n"
    assert coid.ctl("coi", "disable", alice).startswith("enabled: no\nmessage-filter: seen\n")
    assert config(raw) == {"mailbox-root": "COI", "message-filter": "seen"} and "COI/Chats" in mailboxes(raw)
    for args, word in ((("coi", "show", "nobody@example.org"), "no such user"), (("coi", "show"), "missing"), (("coi", "show", "x y"), "")):
        done = coid.ctl(*args, check=False)
        assert done.returncode != 0 and word in done.stderr


def test_disabling_drops_push_subscriptions_for_chat_alone(make_coid):
    # proves COI-23
    from pushd import S, PushService, push_settings, subscribe
    coid = make_coid(settings=push_settings())
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    service = PushService()
    try:
        ways = {"NIL": lambda: configure(raw, enabled=None), "DELETE": lambda: raw.ok("DELETE COI/Chats"),
                "coidctl": lambda: coid.ctl("coi", "disable", alice)}
        for way, off in ways.items():
            configure(raw, enabled="yes")
            for msgtype in ("chat", "mail", "all"):
                subscribe(raw, f"device-{msgtype:-<6}", service.registration(f"device-{msgtype:-<6}", msgtype))
            off()
            left = {name[len(S) + 1:].rstrip("-") for name in get(raw, S, options="(DEPTH 1)")}
            assert left == {"device-mail", "device-all"}, way
    finally:
        service.close()


def test_several_entries_are_set_together_or_not_at_all(coid, raw):
    """RFC 5464 4.3; the settings in memory follow."""
    config = "/private/vendor/vendor.dovecot/coi/config"
    before = raw.ok('LIST "" "*"')
    for bad in (f"{config}/message-filter sometimes", "/shared/vendor/x y", f"{config}/nonsense x"):
        tagged, _ = raw.cmd(f'SETMETADATA "" (/private/comment new {config}/enabled yes {bad})')
        assert tagged.startswith(b"NO"), bad
        assert raw.ok('GETMETADATA "" /private/comment') == [b'* METADATA "" (/private/comment NIL)']
        assert b"yes" not in raw.ok(f'GETMETADATA "" {config}/enabled')[0]
        assert raw.ok('LIST "" "*"') == before


@pytest.mark.parametrize("filter", ["none", "active", "seen"])
def test_the_administrator_can_turn_it_on_for_new_accounts(make_coid, filter):
    # proves COI-20
    coid = make_coid()
    old = coid.add_user("old@example.org")
    assert config(coid.raw(old)) == {"mailbox-root": "COI"}
    coid.settings.update({"coi.default_enabled": True, "coi.default_filter": filter})
    coid.write_config()
    coid.restart()
    new = coid.add_user("new@example.org")
    # The first thing that happens to the account.
    coid.deliver(new, chat(1))
    raw = coid.raw(new)
    want = {"mailbox-root": "COI", "enabled": "yes"}
    assert config(raw) == (want if filter == "none" else {**want, "message-filter": filter})
    assert status(raw, "COI/Chats")["MESSAGES"] == (1 if filter == "active" else 0)
    assert {b'* LSUB () "/" "COI/Chats"', b'* LSUB () "/" "COI/Contacts"'} <= set(raw.ok('LSUB "" "COI/*"'))
    # The owner's decision stays.
    configure(raw, enabled=None)
    coid.restart()
    assert "enabled" not in config(coid.raw(new))
    assert config(coid.raw(old)) == {"mailbox-root": "COI"}


def test_coidctl_sets_the_filter(coid, alice, raw):
    # proves COI-14
    assert "message-filter: active\n" in coid.ctl("coi", "filter", alice, "active")
    assert config(raw)["message-filter"] == "active" and status(raw, "COI/Chats")["MESSAGES"] == 0
    assert "message-filter: none\n" in coid.ctl("coi", "filter", alice, "none")
    for wrong in ("ACTIVE", "", "all"):
        done = coid.ctl("coi", "filter", alice, wrong, check=False)
        assert done.returncode != 0 and "none, active or seen" in done.stderr + done.stdout
    assert coid.ctl("coi", "filter", "nobody@example.org", "seen", check=False).returncode != 0
