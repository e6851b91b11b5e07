"""Web Push over METADATA (rows WP-xx): subscriptions, validation, payloads, requests; the push service is tests/push/pushd.js."""

import base64
import json
import re
import subprocess
import time

import pytest

from coid import message
from meta import entries
from pushd import S, W, PushService, push_settings, setmetadata, subscribe, subscribed, validate

ID = "device-0001"


@pytest.fixture
def service():
    made = PushService()
    yield made
    made.close()


@pytest.fixture
def coid(make_coid):
    return make_coid(settings=push_settings())


@pytest.fixture
def raw(coid, alice):
    return coid.raw(alice)


def value_of(responses):
    return {name: value for name, value in entries(responses).items() if value is not None}


def listing(raw):
    found = value_of(raw.ok(f'GETMETADATA (DEPTH 1) "" {S}'))
    return {entry.rsplit("/", 1)[1]: json.loads(value) for entry, value in found.items()}


# WP-01
def test_wp_01_the_capability_is_listed_after_login_only(coid, alice):
    raw = coid.raw()
    assert b"WEBPUSH" not in raw.ok("CAPABILITY")[0]
    raw.ok(f'LOGIN "{alice}" "correct horse battery"')
    assert b"WEBPUSH" in raw.ok("CAPABILITY")[0].split()


# WP-02
def test_wp_02_the_vapid_key_is_pem_that_openssl_reads(raw):
    pem = value_of(raw.ok(f'GETMETADATA "" {W}/vapid'))[f"{W}/vapid"]
    assert pem.startswith(b"-----BEGIN PUBLIC KEY-----\n") and pem.rstrip().endswith(b"-----END PUBLIC KEY-----")
    shown = subprocess.run(["openssl", "pkey", "-pubin", "-text", "-noout"], input=pem, capture_output=True, check=True)
    assert b"prime256v1" in shown.stdout
    assert setmetadata(raw, f"{W}/vapid", "mine").startswith(b"NO [CANNOT]")


# WP-03
def test_wp_03_the_key_is_kept_private_and_can_be_changed(coid, alice, raw, service):
    shown = coid.ctl("vapid", "show")
    assert oct((coid.store / "server.db").stat().st_mode & 0o777) == "0o600"
    bob = coid.raw(coid.add_user("bob@example.org"))
    subscribed(raw, service, ID)
    coid.restart()
    assert coid.ctl("vapid", "show") == shown
    raw, bob = coid.raw(alice), coid.raw("bob@example.org")
    mine = value_of(raw.ok(f'GETMETADATA "" {W}/vapid'))
    assert mine == value_of(bob.ok(f'GETMETADATA "" {W}/vapid'))
    assert ID in listing(raw)
    coid.ctl("vapid", "rotate")
    assert coid.ctl("vapid", "show") != shown
    assert value_of(raw.ok(f'GETMETADATA "" {W}/vapid')) != mine
    assert listing(raw) == {}
    coid.deliver(alice, message())
    subscribed(raw, service, ID, name="again")
    coid.deliver(alice, message("after"))
    assert json.loads(service.wait("again", 2)[1]["plain"])["subject"] == "after"
    assert len(service.received(ID)) == 1


# WP-10
@pytest.mark.parametrize("id", ["abcdefghij", "a" * 36, "A-b_c0123456"])
def test_wp_10_an_id_of_10_to_36_characters_is_taken_and_keeps_its_case(raw, service, id):
    subscribe(raw, id, service.registration("x"))
    assert list(listing(raw)) == [id]


# WP-10
@pytest.mark.parametrize("id", ["short", "a" * 37, "abcdefghi.k", "abcdefghi=k"])
def test_wp_10_another_id_is_refused(raw, service, id):
    answer = setmetadata(raw, f"{S}/{id}", json.dumps(service.registration("x")))
    assert answer.startswith(b"NO [CANNOT]"), answer
    assert listing(raw) == {}


# WP-10
def test_wp_10_ids_that_differ_in_case_name_the_same_subscription(raw, service):
    subscribe(raw, "ABCDEFGHIJ", service.registration("x"))
    subscribe(raw, "abcdefghij", service.registration("y"))
    assert list(listing(raw)) == ["abcdefghij"]


def change(registration, path, value):
    registration = json.loads(json.dumps(registration))
    at = registration
    *way, last = path.split(".")
    for step in way:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return json.dumps(registration)


WRONG = [
    ("client", None), ("client", 5), ("client", "x" * 129), ("device", None), ("device", ["x"]), ("device", "\u00e9" * 65),
    ("msgtype", None), ("msgtype", "Chat"), ("msgtype", "none"), ("resource", None), ("resource", "x"),
    ("resource.endpoint", None), ("resource.endpoint", 1), ("resource.endpoint", "https://push.example.org/" + "x" * 500),
    ("resource.endpoint", "http://push.example.org/x"), ("resource.keys", None), ("resource.keys.p256dh", None),
    ("resource.keys.p256dh", "A" * 257), ("resource.keys.p256dh", "!!"), ("resource.keys.p256dh", "AAAA"),
    ("resource.keys.p256dh", base64.urlsafe_b64encode(b"\4" + b"\1" * 64).decode()),
    ("resource.keys.p256dh", base64.urlsafe_b64encode(b"\2" + b"\1" * 32).decode()),
    ("resource.keys.auth", None), ("resource.keys.auth", "AAAA"), ("resource.keys.auth", "A" * 30),
]


# WP-11
def test_wp_11_each_wrong_member_is_named_and_nothing_is_stored(raw, service):
    good = service.registration("x")
    for path, value in WRONG:
        answer = setmetadata(raw, f"{S}/{ID}", change(good, path, value))
        assert answer.startswith(b"NO [CANNOT]") and path.split(".")[-1].encode() in answer, (path, value, answer)
    for text in ["", "[]", "5", "{", '{"client":"a","client":"b"}', json.dumps(good) + "x", "{'client':1}",
                 '{"a":' + "[" * 20 + "]" * 20 + "}", '{"client":"\\ud800"}']:
        answer = setmetadata(raw, f"{S}/{ID}", text)
        assert answer.startswith(b"NO [CANNOT]"), (text, answer)
    assert listing(raw) == {}


# WP-11
def test_wp_11_both_base64_alphabets_padded_or_not_are_read_and_unknown_members_ignored(raw, service):
    good = service.registration("x", colour="red")
    keys = good["resource"]["keys"]
    for name in ("p256dh", "auth"):
        octets = base64.urlsafe_b64decode(keys[name] + "==")
        keys[name] = base64.b64encode(octets).decode()
    subscribe(raw, ID, good)
    assert "colour" not in listing(raw)[ID]


# WP-12
def test_wp_12_created_and_validated_are_the_servers(raw, service):
    subscribe(raw, ID, service.registration("x", created="1970-01-01T00:00:00Z", validated=True))
    shown = listing(raw)[ID]
    assert shown["validated"] is False
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", shown["created"])


# WP-13
def test_wp_13_there_is_a_maximum_and_an_existing_id_is_replaced(make_coid, service):
    coid = make_coid(settings=push_settings(subscriptions_max=3))
    raw = coid.raw(coid.add_user("alice@example.org"))
    for number in range(3):
        subscribed(raw, service, f"device-000{number}")
    answer = setmetadata(raw, f"{S}/device-0009", json.dumps(service.registration("z")))
    assert answer.startswith(b"NO"), answer
    subscribe(raw, "device-0001", service.registration("new"))
    shown = listing(raw)
    assert len(shown) == 3 and shown["device-0001"]["validated"] is False


# WP-14
def test_wp_14_nil_unsubscribes_and_unknown_ids_are_ok(coid, alice, raw, service):
    subscribed(raw, service, ID)
    assert setmetadata(raw, f"{S}/{ID}", None).startswith(b"OK")
    assert setmetadata(raw, f"{S}/{ID}", None).startswith(b"OK")
    assert setmetadata(raw, f"{S}/never-there-1", None).startswith(b"OK")
    assert listing(raw) == {}
    coid.deliver(alice, message())
    time.sleep(0.5)
    assert len(service.received(ID)) == 1


# WP-15
def test_wp_15_the_listing_is_compact_json_without_secrets_and_of_the_user_alone(coid, raw, service):
    token = subscribed(raw, service, ID)
    subscribe(raw, "device-0002", service.registration("b"))
    service.wait("b")
    answers = raw.ok(f'GETMETADATA (DEPTH 1) "" {S}')
    text = b"".join(answers)
    assert token.encode() not in text and b"token" not in text and b"validation" not in text.replace(b"validated", b"")
    found = value_of(answers)
    value = found[f"{S}/{ID}"].decode()
    assert value == json.dumps(json.loads(value), separators=(",", ":"), ensure_ascii=False)
    assert list(json.loads(value)) == ["created", "validated", "client", "device", "msgtype", "resource"]
    assert json.loads(value)["resource"]["endpoint"] == f"{service.origin}/p/{ID}"
    bob = coid.raw(coid.add_user("bob@example.org"))
    assert listing(bob) == {}
    everything = b"".join(raw.ok('GETMETADATA (DEPTH infinity) "" /private'))
    assert token.encode() not in everything


# WP-20
def test_wp_20_the_validation_push_holds_a_token_and_its_header_field(raw, service):
    subscribe(raw, ID, service.registration(ID))
    push = service.wait(ID)[0]
    assert push["headers"]["webpush-validation"] == ""
    assert 1 <= int(push["headers"]["ttl"]) <= 300
    value = json.loads(push["plain"])
    assert list(value) == ["validation"] and 20 <= len(value["validation"]) <= 1000
    subscribe(raw, ID, service.registration(ID))
    assert json.loads(service.wait(ID, 2)[1]["plain"])["validation"] != value["validation"]


# WP-21
def test_wp_21_only_the_right_token_validates(raw, service):
    subscribe(raw, ID, service.registration(ID))
    subscribe(raw, "device-0002", service.registration("b"))
    token = json.loads(service.wait(ID)[0]["plain"])["validation"]
    other = json.loads(service.wait("b")[0]["plain"])["validation"]
    for id, wrong in [(ID, other), (ID, "x"), (ID, ""), ("device-0003", token), ("device-0002", token), (ID, None)]:
        answer = validate(raw, id, wrong)
        assert answer.startswith(b"NO [CANNOT] invalid validation"), (id, wrong, answer)
    assert listing(raw)[ID]["validated"] is False
    assert validate(raw, ID, token).startswith(b"OK")
    assert listing(raw)[ID]["validated"] is True
    assert b"".join(raw.ok(f'GETMETADATA "" {S}/{ID}/validate')).find(token.encode()) < 0


# WP-21, WP-22
def test_wp_21_a_late_token_is_refused_and_wp_22_the_subscription_discarded(make_coid, service):
    coid = make_coid(settings=push_settings(validation_window="1s", validation_max="30s"))
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    subscribe(raw, ID, service.registration(ID))
    push = service.wait(ID)[0]
    assert push["headers"]["ttl"] == "1"
    time.sleep(2.5)
    assert validate(raw, ID, json.loads(push["plain"])["validation"]).startswith(b"NO [CANNOT] invalid validation")
    assert listing(raw) == {}


# WP-22
def test_wp_22_no_message_is_pushed_before_validation(coid, alice, raw, service):
    subscribe(raw, ID, service.registration(ID))
    service.wait(ID)
    coid.deliver(alice, message())
    time.sleep(0.5)
    assert len(service.received(ID)) == 1


# WP-23
def test_wp_23_registrations_are_throttled(make_coid, service):
    coid = make_coid(settings=push_settings(registrations_max=4))
    raw = coid.raw(coid.add_user("alice@example.org"))
    registration = service.registration("x")
    for _ in range(4):
        subscribe(raw, ID, registration)
    answer = setmetadata(raw, f"{S}/{ID}", json.dumps(registration))
    assert answer.startswith(b"NO"), answer


# WP-23
def test_wp_23_registrations_that_were_never_validated_cost_a_pause(make_coid, service):
    coid = make_coid(settings=push_settings(unvalidated_max=3))
    raw = coid.raw(coid.add_user("alice@example.org"))
    registration = service.registration("x")
    for _ in range(3):
        subscribe(raw, ID, registration)
    answer = setmetadata(raw, f"{S}/{ID}", json.dumps(registration))
    assert answer.startswith(b"NO"), answer


def chat(subject="chat", body="a chat\r\n", unique="1"):
    return message(subject, body, headers=["Chat-Version: 1.0"]).replace(
        b"Message-ID: <", b"Message-ID: <chat$group.abcdefghijklmn.%s." % unique.encode())


# WP-30
def test_wp_30_mail_pushes_to_mail_and_all(coid, alice, raw, service):
    for id, msgtype in [("subscr-chat", "chat"), ("subscr-mail", "mail"), ("subscr-all1", "all")]:
        subscribed(raw, service, id, msgtype)
    coid.deliver(alice, message("one"))
    # COI is not enabled: what looks like chat is mail.
    coid.deliver(alice, chat("two"))
    for id in ("subscr-mail", "subscr-all1"):
        subjects = sorted(json.loads(push["plain"])["subject"] for push in service.wait(id, 3)[1:])
        assert subjects == ["one", "two"]
        assert {push["headers"]["urgency"] for push in service.received(id)[1:]} == {"normal"}
    assert len(service.received("subscr-chat")) == 1


# WP-30
def test_wp_30_disposition_notifications_and_appends_do_not_push(coid, alice, raw, service):
    subscribed(raw, service, ID)
    coid.deliver(alice, message("mdn", headers=[
        'Content-Type: multipart/report; boundary=x;\r\n Report-Type="disposition-notification"']))
    raw.append("INBOX", message("append"))
    raw.ok('SELECT "INBOX"')
    raw.ok('COPY 1 "Archive"')
    coid.deliver(alice, message("last"))
    assert [json.loads(push["plain"])["subject"] for push in service.wait(ID, 2)[1:]] == ["last"]
    time.sleep(0.3)
    assert len(service.received(ID)) == 2


# WP-30
def test_wp_30_coi_active_end_to_end(coid, alice, raw, service):
    coid.ctl("coi", "enable", alice)
    assert setmetadata(raw, "/private/vendor/vendor.dovecot/coi/config/message-filter", "active").startswith(b"OK")
    subscribed(raw, service, "subscr-chat", "chat")
    subscribed(raw, service, "subscr-mail", "mail")
    body = "the chat text\r\n"
    coid.deliver(alice, chat("a chat", body))
    push = service.wait("subscr-chat", 2)[1]
    value = json.loads(push["plain"])
    assert push["headers"]["urgency"] == "high"
    assert value["folder"] == "COI/Chats" and value["group-id"] == "abcdefghijklmn" and value["content"] == body
    imap = coid.login(alice, mailbox=f'"{value["folder"]}"')
    assert imap.response("UIDVALIDITY")[1] == [str(value["uidvalidity"]).encode()]
    status, data = imap.uid("FETCH", str(value["uid"]), "(BODY.PEEK[TEXT])")
    assert status == "OK" and data[0][1] == body.encode()
    assert len(service.received("subscr-mail")) == 1


# WP-31
def test_wp_31_the_payload_tells_of_the_message(coid, alice, raw, service):
    subscribed(raw, service, ID)
    text = ("From: =?utf-8?q?J=C3=B6rg?= <Joerg@Example.NET>\r\nTo: alice@example.org\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n"
            "Date: Tue, 24 Nov 2026 10:00:00 +0100\r\nMessage-ID: <chat$group.abcdefghijkl.xyz@example.net>\r\n"
            "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Hall=C3=B6</p>\r\n")
    coid.deliver(alice, text.encode())
    value = json.loads(service.wait(ID, 2)[1]["plain"])
    uidvalidity, uid = value.pop("uidvalidity"), value.pop("uid")
    assert value == {
        "from-email": "joerg@example.net", "from-name": "J\u00f6rg", "subject": "Gr\u00fc\u00dfe",
        "date": "2026-11-24T10:00:00+01:00", "msg-id": "chat$group.abcdefghijkl.xyz@example.net", "folder": "INBOX",
        "content": "<p>Hall=C3=B6</p>\r\n", "content-type": "text/html; charset=utf-8",
        "content-encoding": "quoted-printable", "group-id": "abcdefghijkl"}
    imap = coid.login(alice, mailbox="INBOX")
    assert imap.response("UIDVALIDITY")[1] == [str(uidvalidity).encode()] and uid == 1


# WP-31
@pytest.mark.parametrize("content,members", [
    ("headers", {"from-email", "subject", "date", "msg-id", "uid", "uidvalidity", "folder"}),
    ("minimal", {"uid", "uidvalidity", "folder"})])
def test_wp_31_the_configuration_can_keep_content_private(make_coid, service, content, members):
    coid = make_coid(settings=push_settings(content=content))
    alice = coid.add_user("alice@example.org")
    subscribed(coid.raw(alice), service, ID)
    coid.deliver(alice, message("secret"))
    assert set(json.loads(service.wait(ID, 2)[1]["plain"])) == members


# WP-33
def test_wp_33_a_body_that_does_not_fit_is_left_out(coid, alice, raw, service):
    subscribed(raw, service, ID)
    coid.deliver(alice, message("large", "x" * 5000))
    coid.deliver(alice, message("nul", "a\0b\r\n"))
    coid.deliver(alice, message("latin", "a body\r\n").replace(b"a body", b"\xe9"))
    for push in service.wait(ID, 4)[1:]:
        assert "content" not in json.loads(push["plain"])


# WP-40, WP-42
def test_wp_40_the_request_has_its_fields_and_wp_42_a_signed_token(coid, alice, raw, service):
    subscribed(raw, service, ID)
    coid.deliver(alice, message())
    first, push = service.wait(ID, 2)
    headers = push["headers"]
    assert push["method"] == "POST" and push["http"] == "2.0"
    assert headers["content-encoding"] == "aes128gcm" and headers["content-type"] == "application/octet-stream"
    assert 0 < int(headers["ttl"]) <= 86400 and headers["urgency"] == "normal"
    assert push["vapid"]["k"] == coid.ctl("vapid", "show").split()[-1]
    claims = push["vapid"]["claims"]
    assert claims["aud"] == service.origin and claims["sub"] == "mailto:admin@example.org"
    assert time.time() < claims["exp"] <= time.time() + 86400
    # WP-42: cached per origin; WP-41: new keys and salt each time, which the sizes alone do not show.
    assert push["vapid"]["token"] == first["vapid"]["token"]


# WP-43
def test_wp_43_an_unknown_certificate_is_refused(make_coid, service):
    coid = make_coid(settings=push_settings(ca_file=""))
    raw = coid.raw(coid.add_user("alice@example.org"))
    subscribe(raw, ID, service.registration(ID))
    coid.wait_log("push failed")
    assert service.received(ID) == []


# WP-43
def test_wp_43_connections_are_kept_and_http_1_is_spoken_where_needed(coid, alice, raw, service):
    old = PushService(http1=True)
    try:
        subscribed(raw, service, ID)
        subscribed(raw, old, "device-0002", name="old")
        for number in range(5):
            coid.deliver(alice, message(str(number)))
            service.wait(ID, 2 + number)
        assert old.wait("old", 6)[5]["http"] == "1.1"
        assert len({push["connection"] for push in service.received(ID)}) == 1
        assert len({push["connection"] for push in old.received("old")}) <= 2
    finally:
        old.close()
