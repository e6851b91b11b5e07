"""imapflow over its whole interface against coid, by TLS with a certificate of our own."""

import datetime
import email.message
import email.policy
import pathlib

import pytest

from bridge import Bridge, ClientError
from coid import PASSWORD, message

SMTP = email.policy.SMTP


class Flow:
    """One connection; its methods are those of ImapFlow."""

    serial = 0

    def __init__(self, bridge, coid, user, password=PASSWORD, connect=True, **options):
        Flow.serial += 1
        self.name = f"flow{Flow.serial}"
        self.bridge = bridge
        ca = pathlib.Path(coid.settings["tls.cert"]).read_text()
        defaults = {"host": "localhost", "port": coid.ports["imaps"], "secure": True, "disableAutoIdle": True,
                    "auth": {"user": user, "pass": password}, "tls": {"ca": ca}, "greetingTimeout": 60000}
        bridge.call("new", {**defaults, **options}, conn=self.name)
        if connect:
            self.connect()

    def __getattr__(self, method):
        return lambda *args: self.bridge.call(method, *args, conn=self.name)

    def get(self, what):
        return self.bridge.call("get", what, conn=self.name)

    def begin(self, method, *args):
        return self.bridge.begin(method, *args, conn=self.name)

    def event(self, name, match=lambda data: True):
        return self.bridge.wait_event(name, conn=self.name, match=match)


@pytest.fixture
def node():
    with Bridge("imapflow_bridge.mjs") as bridge:
        yield bridge


@pytest.fixture
def flow(node, coid, alice):
    flow = Flow(node, coid, alice)
    yield flow
    flow.logout()
    flow.event("close")


def letter(subject, sender="Anna <anna@example.net>", to="alice@example.org", body="a body\r\n", date=None, **fields):
    made = email.message.EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Date"] = date or datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.timezone.utc)
    made["Message-ID"] = f"<{subject.encode().hex()}@example.net>"
    for name, value in fields.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made


def report():
    """A message of several parts: text, HTML and an attachment with a name that is not ASCII."""
    made = letter("Zahlen für März", cc="Carol <carol@example.net>", in_reply_to="<before@example.net>")
    made.set_content("Schöne Grüße\r\nund ein langer Text. " * 40 + "\r\n", cte="quoted-printable")
    made.add_alternative("<p>Schöne <b>Grüße</b></p>\r\n", subtype="html")
    made.add_attachment(bytes(range(256)) * 600, maintype="application", subtype="octet-stream", filename="zahlen für märz.bin")
    return made


# -- connecting ---------------------------------------------------------------------------------------------------

def test_it_connects_and_learns_of_the_server(flow):
    assert flow.get("authenticated") and flow.get("usable") and flow.get("secureConnection")
    told = flow.get("capabilities")
    assert {"IMAP4rev1", "IDLE", "MOVE", "UIDPLUS", "NAMESPACE", "ENABLE"} <= set(told)
    assert flow.get("serverInfo")["name"] == "coid"
    assert flow.get("namespace")["delimiter"] == "/"
    for extension, enabled in (("CONDSTORE", "CONDSTORE"), ("UTF8=ACCEPT", "UTF8=ACCEPT")):
        assert (extension in told) == (enabled in flow.get("enabled"))
    flow.noop()
    assert flow.stats()["sent"] > 0


def test_a_wrong_password_is_understood_as_such(node, coid, alice):
    bad = Flow(node, coid, alice, password="wrong password", connect=False)
    with pytest.raises(ClientError) as error:
        bad.connect()
    assert error.value.fields["authenticationFailed"] is True
    assert error.value.fields["serverResponseCode"] == "AUTHENTICATIONFAILED"


def test_a_certificate_that_it_does_not_know_is_refused(node, coid, alice):
    bad = Flow(node, coid, alice, connect=False, tls={})
    with pytest.raises(ClientError) as error:
        bad.connect()
    assert "CERT" in error.value.fields["code"]


@pytest.mark.parametrize("method", ["LOGIN", "AUTH=PLAIN"])
def test_it_logs_in_by_starttls(node, coid, alice, method):
    flow = Flow(node, coid, alice, port=coid.ports["imap"], secure=False, doSTARTTLS=True,
                auth={"user": alice, "pass": PASSWORD, "loginMethod": method})
    assert flow.get("secureConnection")
    assert flow.mailboxOpen("INBOX")["exists"] == 0
    flow.logout()


def test_it_only_verifies_and_lists_at_login(node, coid, alice):
    flow = Flow(node, coid, alice, verifyOnly=True, includeMailboxes=True)
    flow.event("close")
    assert "INBOX" in [mailbox["path"] for mailbox in flow.get("mailboxList")]


# -- mailboxes ----------------------------------------------------------------------------------------------------

def test_mailboxes_are_made_renamed_listed_and_removed(flow):
    assert flow.mailboxCreate("Projekte")["created"]
    assert not flow.mailboxCreate("Projekte")["created"]
    assert flow.mailboxCreate(["Projekte", "Grün & Blau", "日本語"])["path"] == "Projekte/Grün & Blau/日本語"
    assert flow.mailboxSubscribe("Projekte/Grün & Blau")
    listed = {mailbox["path"]: mailbox for mailbox in flow.list()}
    assert {"INBOX", "Projekte", "Projekte/Grün & Blau", "Projekte/Grün & Blau/日本語", "Sent", "Trash"} <= set(listed)
    assert listed["Projekte/Grün & Blau"]["subscribed"] and listed["Projekte/Grün & Blau"]["parent"] == ["Projekte"]
    assert {path: mailbox["specialUse"] for path, mailbox in listed.items() if mailbox.get("specialUse")}.items() >= {
        "INBOX": "\\Inbox", "Sent": "\\Sent", "Trash": "\\Trash"}.items()
    assert "\\HasChildren" in listed["Projekte"]["flags"]
    tree = flow.listTree()
    top = {folder["path"]: folder for folder in tree["folders"]}
    assert [folder["name"] for folder in top["Projekte"]["folders"]] == ["Grün & Blau"]

    assert flow.mailboxRename("Projekte/Grün & Blau", ["Archiv 2026", "Farben"])["newPath"] == "Archiv 2026/Farben"
    assert flow.mailboxUnsubscribe("Projekte/Grün & Blau")
    paths = {mailbox["path"] for mailbox in flow.list()}
    assert "Archiv 2026/Farben/日本語" in paths and "Projekte/Grün & Blau" not in paths
    assert flow.mailboxDelete("Archiv 2026/Farben/日本語")["path"] == "Archiv 2026/Farben/日本語"
    with pytest.raises(ClientError) as error:
        flow.mailboxDelete("Nirgends")
    assert error.value.fields["serverResponseCode"] == "NONEXISTENT"
    with pytest.raises(ClientError):
        flow.mailboxRename("Projekte", "INBOX")


def test_status_alone_and_with_the_list(coid, alice, flow):
    for i in range(3):
        coid.deliver(alice, message(subject=f"number {i}"))
    query = {"messages": True, "uidNext": True, "uidValidity": True, "unseen": True}
    told = set(flow.get("capabilities"))
    if "STATUS=SIZE" in told:
        query["size"] = True
    if "CONDSTORE" in told:
        query["highestModseq"] = True
    status = flow.status("INBOX", query)
    assert (status["messages"], status["uidNext"], status["unseen"]) == (3, 4, 3)
    assert status["uidValidity"] > 0
    assert ("size" in query) == (status.get("size", 0) > 0)
    assert ("highestModseq" in query) == (status.get("highestModseq", 0) > 0)
    listed = {mailbox["path"]: mailbox for mailbox in flow.list({"statusQuery": query})}
    assert listed["INBOX"]["status"] == status
    assert listed["Sent"]["status"]["messages"] == 0
    # Items that IMAP4rev2 no longer has are there for clients that do not enable it.
    old = Flow(flow.bridge, coid, alice, disableIMAP4rev2=True)
    assert old.status("INBOX", {"messages": True, "recent": True}) == {"path": "INBOX", "messages": 3, "recent": 3}
    old.logout()
    # The same holds for the open mailbox.
    flow.mailboxOpen("INBOX")
    assert flow.status("INBOX", {"messages": True, "unseen": True})["messages"] == 3
    with pytest.raises(ClientError) as error:
        flow.status("Nirgends", query)
    assert error.value.fields["code"] == "NotFound"


def test_a_mailbox_is_opened_to_read_or_to_write(coid, alice, flow):
    coid.deliver(alice, message())
    mailbox = flow.mailboxOpen("INBOX", {"readOnly": True})
    assert mailbox["readOnly"] and mailbox["exists"] == 1 and mailbox["uidNext"] == 2
    assert not flow.messageFlagsAdd("1", ["\\Seen"])
    assert flow.fetchOne("1", {"flags": True, "source": True})["flags"] in ([], ["\\Recent"])
    mailbox = flow.mailboxOpen("INBOX")
    assert not mailbox["readOnly"] and {"\\Seen", "\\Deleted", "\\*"} <= set(mailbox["permanentFlags"])
    assert mailbox["uidValidity"] > 0
    assert bool(mailbox.get("highestModseq")) == ("CONDSTORE" in flow.get("capabilities"))
    assert flow.messageFlagsAdd("1", ["\\Seen"])
    assert flow.lock("Sent") == {"path": "Sent", "open": "Sent"}
    assert flow.mailboxClose()
    assert flow.get("mailbox") is False
    with pytest.raises(ClientError):
        flow.mailboxOpen("Nirgends")


# -- messages -----------------------------------------------------------------------------------------------------

def test_append_keeps_bytes_flags_and_date(flow):
    text = report().as_bytes()
    made = flow.append("Sent", text, ["\\Seen", "$Forwarded"], {"$date": "2020-02-29T23:59:58.000Z"})
    assert made["destination"] == "Sent" and made["uid"] == 1 and made["uidValidity"] > 0
    flow.mailboxOpen("Sent")
    assert flow.append("Sent", "Subject: tiny\r\n\r\ntext\r\n")["seq"] == 2
    got = flow.fetchOne("1", {"source": True, "flags": True, "internalDate": True, "size": True})
    assert got["source"] == text and got["size"] == len(text)
    assert {"\\Seen", "$Forwarded"} <= set(got["flags"])
    assert got["internalDate"] == "2020-02-29T23:59:58.000Z"
    with pytest.raises(ClientError) as error:
        flow.append("Nirgends", text)
    assert error.value.fields["serverResponseCode"] == "TRYCREATE"


def test_fetch_gets_every_item(flow):
    made = report()
    text = made.as_bytes()
    head, body = text.split(b"\r\n\r\n", 1)
    flow.append("INBOX", text, ["\\Flagged"])
    flow.append("INBOX", letter("second").as_bytes())
    mailbox = flow.mailboxOpen("INBOX")
    query = {"uid": True, "flags": True, "bodyStructure": True, "envelope": True, "internalDate": True, "size": True,
             "source": True, "headers": True, "threadId": True, "emailId": True,
             "bodyParts": ["1.1", "1.2.mime", "2", "text", {"key": "text", "start": 3, "maxLength": 50}]}
    both = flow.fetch("1:*", query)
    assert [one["uid"] for one in both] == [1, 2] and [one["seq"] for one in both] == [1, 2]
    one = both[0]
    assert one["source"] == text and one["size"] == len(text)
    assert one["headers"] == head + b"\r\n\r\n"
    assert "\\Flagged" in one["flags"]
    envelope = one["envelope"]
    assert envelope["subject"] == "Zahlen für März" and envelope["messageId"] == made["Message-ID"]
    assert envelope["inReplyTo"] == "<before@example.net>"
    assert envelope["from"] == [{"name": "Anna", "address": "anna@example.net"}]
    assert envelope["cc"] == [{"name": "Carol", "address": "carol@example.net"}]
    assert envelope["date"] == "2026-11-24T10:00:00.000Z"
    structure = one["bodyStructure"]
    assert structure["type"] == "multipart/mixed"
    first, attachment = structure["childNodes"]
    assert [child["type"] for child in first["childNodes"]] == ["text/plain", "text/html"]
    assert attachment["type"] == "application/octet-stream" and attachment["disposition"] == "attachment"
    assert attachment["dispositionParameters"]["filename"] == "zahlen für märz.bin"
    parts = one["bodyParts"]
    plain = made.get_payload()[0].get_payload()[0]
    assert parts["1.1"] == plain.as_bytes().split(b"\r\n\r\n", 1)[1]
    assert b"text/html" in parts["1.2.mime"]
    assert parts["text"] in (body, body[3:53])
    if "CONDSTORE" in flow.get("enabled"):
        assert 0 < one["modseq"] <= flow.mailboxOpen("INBOX")["highestModseq"]
        assert flow.fetch("1:*", {"uid": True}, {"changedSince": mailbox["highestModseq"]}) == []

    some = flow.fetchOne("1", {"headers": ["Subject", "From", "X-Missing"], "source": {"start": 10, "maxLength": 20}})
    assert b"Subject:" in some["headers"] and b"To:" not in some["headers"]
    assert some["source"] == text[10:30]
    for fast in ("fast", "all", "full"):
        assert flow.fetchOne("*", {fast: True})["seq"] == 2
    assert [m["uid"] for m in flow.fetchAll({"subject": "second"}, {"uid": True})] == [2]
    assert [m["uid"] for m in flow.fetchAll("2:9", {"uid": True}, {"uid": True})] == [2]
    assert flow.fetchOne("77", {"uid": True}, {"uid": True}) is False
    assert flow.fetchAll([1, 2], {"flags": True}, {"uid": True})[1]["uid"] == 2


@pytest.mark.parametrize("binary", [True, False])
def test_parts_are_downloaded_decoded(coid, alice, node, binary):
    flow = Flow(node, coid, alice, disableBinary=not binary)
    made = report()
    text = made.as_bytes()
    flow.append("INBOX", text)
    flow.mailboxOpen("INBOX")
    whole = flow.download("1")
    assert whole["content"] == text and whole["meta"]["expectedSize"] == len(text)
    plain = flow.download("1", "1.1", {"uid": True})
    assert plain["meta"]["contentType"] == "text/plain"
    assert plain["content"].decode().replace("\r\n", "\n") == made.get_payload()[0].get_payload()[0].get_content()
    attachment = flow.download("1", "2", {"chunkSize": 1000})
    assert attachment["meta"]["filename"] == "zahlen für märz.bin"
    assert attachment["content"] == bytes(range(256)) * 600
    assert len(flow.download("1", "2", {"maxBytes": 5000})["content"]) <= 5000
    many = flow.downloadMany("1", ["1.2", "2"])
    assert "Grüße" in many["1.2"]["content"].decode() and many["2"]["content"] == bytes(range(256)) * 600
    assert flow.download("9", "1", {"uid": True}) is None
    flow.logout()


def test_searches_find_what_they_should(coid, alice, flow):
    dates = [datetime.datetime(2026, 1, day, 12, tzinfo=datetime.timezone.utc) for day in range(1, 7)]
    letters = [
        letter("Grüße aus Köln", date=dates[0], cc="carol@example.net"),
        letter("invoice 17", sender="Bert <bert@example.net>", date=dates[1], body="pay within 14 days\r\n"),
        letter("invoice 18", sender="Bert <bert@example.net>", date=dates[2], body="bezahlen für März\r\n"),
        letter("lunch?", date=dates[3], bcc="secret@example.net", x_mailer="pigeon"),
        letter("big one", date=dates[4], body="x" * 60 + "\r\n" + "line of text\r\n" * 1000),
        letter("last", to="bob@example.org", date=dates[5], body="Straße, quoted \"words\" and \\ slashes\r\n"),
    ]
    flags = [["\\Seen"], ["\\Flagged"], ["\\Answered", "\\Seen"], ["\\Draft"], ["$Junk"], ["\\Deleted"]]
    for i, made in enumerate(letters):
        flow.append("INBOX", made.as_bytes(), flags[i], {"$date": f"2026-01-{10 + i}T12:00:00.000Z"})
    flow.mailboxOpen("INBOX")
    for query, found in [
        ({"all": True}, [1, 2, 3, 4, 5, 6]), ({}, [1, 2, 3, 4, 5, 6]), ({"seq": "2:3"}, [2, 3]), ({"uid": "5,6"}, [5, 6]),
        ({"seen": True}, [1, 3]), ({"seen": False}, [2, 4, 5, 6]), ({"flagged": True}, [2]), ({"answered": True}, [3]),
        ({"draft": True}, [4]), ({"deleted": True}, [6]), ({"deleted": False, "seen": False}, [2, 4, 5]),
        ({"keyword": "$Junk"}, [5]), ({"unKeyword": "$Junk", "seen": True}, [1, 3]),
        ({"from": "bert"}, [2, 3]), ({"to": "bob@"}, [6]), ({"cc": "carol"}, [1]), ({"bcc": "secret"}, [4]),
        ({"subject": "INVOICE"}, [2, 3]), ({"subject": "grüße"}, [1]), ({"subject": "köln"}, [1]),
        ({"body": "within 14"}, [2]), ({"body": "für märz"}, [3]), ({"body": "straße"}, [6]), ({"text": "pigeon"}, [4]),
        ({"body": "quoted \"words\" and \\ slash"}, [6]), ({"text": "nowhere at all"}, []),
        ({"larger": 5000}, [5]), ({"smaller": 5000, "from": "anna"}, [1, 4, 6]),
        ({"header": {"X-Mailer": True}}, [4]), ({"header": {"X-Mailer": "PIG"}}, [4]),
        ({"header": {"Message-ID": letters[1]["Message-ID"]}}, [2]),
        ({"since": "2026-01-14"}, [5, 6]), ({"before": "2026-01-12"}, [1, 2]), ({"on": "2026-01-13"}, [4]),
        ({"sentSince": "2026-01-05"}, [5, 6]), ({"sentBefore": "2026-01-02"}, [1]), ({"sentOn": "2026-01-03"}, [3]),
        ({"not": {"from": "bert"}}, [1, 4, 5, 6]), ({"or": [{"from": "bert"}, {"subject": "lunch"}]}, [2, 3, 4]),
        ({"or": [{"seen": True, "subject": "invoice"}, {"draft": True}, {"subject": "last"}]}, [3, 4, 6]),
    ]:
        assert flow.search(query, {"uid": True}) == found, query
        assert flow.search(query) == found, query
    # Keys that IMAP4rev2 has no more: for those who do not enable it.
    old = Flow(flow.bridge, coid, alice, disableIMAP4rev2=True)
    old.mailboxOpen("INBOX")
    assert old.search({"recent": True, "new": True}) == [2, 4, 5, 6]
    assert old.search({"old": True}) == []
    old.logout()
    told = set(flow.get("capabilities"))
    if "CONDSTORE" in told:
        assert flow.search({"modseq": 1}) == [1, 2, 3, 4, 5, 6]
        modseq = flow.mailboxOpen("INBOX")["highestModseq"]
        flow.messageFlagsAdd("4", ["\\Flagged"])
        assert flow.search({"modseq": modseq + 1}) == [4]
    result = flow.search({"from": "bert"}, {"uid": True, "returnOptions": ["MIN", "MAX", "COUNT", "ALL"]})
    if "ESEARCH" in told:
        assert (result["min"], result["max"], result["count"], result["all"]) == (2, 3, 2, "2:3")


def test_flags_are_set_added_and_removed(coid, alice, flow):
    for i in range(3):
        flow.append("INBOX", letter(f"number {i}").as_bytes())
    flow.mailboxOpen("INBOX")

    def flags(uid):
        return set(flow.fetchOne(str(uid), {"flags": True}, {"uid": True})["flags"]) - {"\\Recent"}

    assert flow.messageFlagsAdd("1:2", ["\\Seen", "$Label1"])
    assert flags(1) == flags(2) == {"\\Seen", "$Label1"} and flags(3) == set()
    assert flow.messageFlagsRemove({"seen": True, "uid": "2"}, ["$Label1"])
    assert flags(2) == {"\\Seen"}
    assert flow.messageFlagsSet([1, 3], ["\\Answered"], {"uid": True})
    assert flags(1) == flags(3) == {"\\Answered"}
    assert flow.messageFlagsAdd("3", ["\\Flagged"], {"silent": True})
    assert flags(3) == {"\\Answered", "\\Flagged"}
    assert flow.setFlagColor("3", "purple")
    assert flow.fetchOne("3", {"flags": True})["flagColor"] == "purple"
    if "CONDSTORE" in flow.get("enabled"):
        before = flow.fetchOne("1", {"flags": True})["modseq"]
        other = coid.login(alice, mailbox="INBOX")
        other.store("1", "+FLAGS", "\\Deleted")
        flow.messageFlagsAdd("1", ["\\Draft"], {"unchangedSince": before})
        assert flags(1) == {"\\Answered", "\\Deleted"}
        flow.messageFlagsAdd("1", ["\\Draft"], {"unchangedSince": before + 1000})
        assert flags(1) == {"\\Answered", "\\Deleted", "\\Draft"}


def test_messages_are_copied_moved_and_deleted(flow):
    for i in range(6):
        flow.append("INBOX", letter(f"number {i}").as_bytes())
    flow.mailboxCreate("Ziel")
    flow.mailboxOpen("INBOX")
    copied = flow.messageCopy("2:3", "Ziel")
    assert copied["uidMap"] == {"2": 1, "3": 2} and copied["destination"] == "Ziel" and copied["uidValidity"] > 0
    moved = flow.messageMove([5, 6], "Ziel", {"uid": True})
    assert moved["uidMap"] == {"5": 3, "6": 4}
    assert flow.get("mailbox")["exists"] == 4
    assert flow.messageDelete("1", {"uid": True})
    assert flow.messageDelete({"subject": "number 3"})
    assert flow.search({"all": True}, {"uid": True}) == [2, 3]
    mailbox = flow.mailboxOpen("Ziel")
    assert mailbox["exists"] == 4 and mailbox["uidNext"] == 5
    assert [m["envelope"]["subject"] for m in flow.fetchAll("1:*", {"envelope": True})] == [
        "number 1", "number 2", "number 4", "number 5"]
    # Others that are marked stay: only the named are expunged.
    assert flow.messageFlagsAdd("1", ["\\Deleted"])
    assert flow.messageDelete("2", {"uid": True})
    assert flow.search({"all": True}, {"uid": True}) == [1, 3, 4]
    assert flow.messageCopy("1", "Nirgends") is False


# -- what others do ---------------------------------------------------------------------------------------------------

def test_an_idler_hears_of_new_mail_flags_and_removals(coid, alice, flow):
    for i in range(3):
        coid.deliver(alice, message(subject=f"number {i}"))
    flow.mailboxOpen("INBOX")
    other = coid.login(alice, mailbox="INBOX")
    idling = flow.begin("idle")
    coid.deliver(alice, message(subject="new"))
    exists = flow.event("exists")
    assert (exists["count"], exists["prevCount"], exists["path"]) == (4, 3, "INBOX")
    other.store("2", "+FLAGS", "\\Flagged")
    changed = flow.event("flags")
    assert changed["seq"] == 2 and "\\Flagged" in changed["flags"]
    other.store("1", "+FLAGS", "\\Deleted")
    assert flow.event("flags")["seq"] == 1
    other.expunge()
    gone = flow.event("expunge")
    assert gone.get("uid", 1) == 1 and gone.get("seq", 1) == 1
    # The next command ends IDLE.
    assert flow.status("INBOX", {"messages": True})["messages"] == 3
    flow.bridge.finish(idling)
    assert flow.fetchOne("1", {"uid": True})["uid"] == 2


def test_a_connection_left_alone_idles_by_itself(node, coid, alice):
    flow = Flow(node, coid, alice, disableAutoIdle=False, autoIdleDelay=100)
    flow.mailboxOpen("INBOX")
    for count in range(1, 4):
        coid.deliver(alice, message(subject=f"number {count}"))
        assert flow.event("exists")["count"] == count
        assert flow.fetchOne("*", {"envelope": True})["envelope"]["subject"] == f"number {count}"
    flow.logout()


def test_noop_brings_news(coid, alice, flow):
    flow.mailboxOpen("INBOX")
    coid.deliver(alice, message())
    flow.noop()
    assert flow.event("exists")["count"] == 1
    assert flow.get("mailbox")["exists"] == 1


def test_a_reopened_mailbox_tells_only_what_changed(node, coid, alice):
    flow = Flow(node, coid, alice, qresync=True)
    if "QRESYNC" not in flow.get("capabilities"):
        assert "QRESYNC" not in flow.get("enabled")
        return
    assert "QRESYNC" in flow.get("enabled")
    for i in range(10):
        flow.append("INBOX", letter(f"number {i}").as_bytes())
    known = flow.mailboxOpen("INBOX")
    assert known["highestModseq"] > 0
    flow.mailboxClose()
    other = coid.login(alice, mailbox="INBOX")
    other.uid("STORE", "4", "+FLAGS", "(\\Flagged)")
    other.uid("STORE", "2,7", "+FLAGS", "(\\Deleted)")
    other.expunge()
    node.drop_events()
    again = flow.mailboxOpen("INBOX", {"changedSince": str(known["highestModseq"]), "uidValidity": str(known["uidValidity"])})
    assert again["exists"] == 8 and again["highestModseq"] > known["highestModseq"]
    gone = [flow.event("expunge") for _ in range(2)]
    assert sorted(event["uid"] for event in gone) == [2, 7] and all(event["vanished"] for event in gone)
    changed = flow.event("flags")
    assert changed["uid"] == 4 and "\\Flagged" in changed["flags"] and changed["modseq"] > known["highestModseq"]
    # And while it is open.
    idling = flow.begin("idle")
    other.uid("STORE", "9", "+FLAGS", "(\\Deleted)")
    other.expunge()
    event = flow.event("expunge")
    assert event["uid"] == 9 and event["vanished"]
    flow.noop()
    flow.bridge.finish(idling)
    assert [m["uid"] for m in flow.fetchAll("1:*", {"uid": True}, {"changedSince": known["highestModseq"]})] == [4]
    flow.logout()


# -- quota, compression -----------------------------------------------------------------------------------------------

def test_the_quota_is_known(make_coid, node):
    coid = make_coid(settings={"store.quota_storage": "10M", "store.quota_messages": 100})
    flow = Flow(node, coid, coid.add_user("alice@example.org"))
    text = letter("counted", body="x" * 70 + "\r\n" + "a line of text\r\n" * 1000).as_bytes()
    flow.append("INBOX", text)
    quota = flow.getQuota("INBOX")
    if "QUOTA" in flow.get("capabilities"):
        assert quota["path"] == "INBOX"
        assert quota["storage"]["limit"] == 10 * 1024 * 1024
        assert len(text) - 1024 < quota["storage"]["usage"] < len(text) + 1024
        assert (quota["message"]["usage"], quota["message"]["limit"]) == (1, 100)
    else:
        assert quota is False
    flow.logout()


@pytest.mark.parametrize("compress", [True, False], ids=["compressed", "uncompressed"])
def test_much_passes_with_and_without_compression(node, coid, alice, compress):
    flow = Flow(node, coid, alice, disableCompression=not compress)
    assert flow.compressed() == (compress and "COMPRESS=DEFLATE" in flow.get("capabilities"))
    big = letter("big", body="every work and no play\r\n" * 200_000).as_bytes()
    flow.append("INBOX", big)
    flow.mailboxOpen("INBOX")
    assert flow.fetchOne("1", {"source": True})["source"] == big
    assert flow.download("1")["content"] == big
    for i in range(50):
        flow.append("INBOX", letter(f"number {i}", body=f"{i} {'abc' * i}\r\n").as_bytes())
    got = flow.fetchAll("2:*", {"envelope": True, "source": True})
    assert [m["envelope"]["subject"] for m in got] == [f"number {i}" for i in range(50)]
    idling = flow.begin("idle")
    coid.deliver(alice, message(subject="wake up"))
    assert flow.event("exists", lambda data: data["count"] == 52)
    flow.noop()
    flow.bridge.finish(idling)
    flow.logout()
