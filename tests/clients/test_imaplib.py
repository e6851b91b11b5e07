"""Python's imaplib over all its methods, and curl as the quickstart prints it."""

import datetime
import imaplib
import re
import ssl
import subprocess
import time

import pytest

from coid import PASSWORD, message


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


@pytest.fixture(params=["tls", "starttls", "plain"])
def imap(request, coid, alice):
    """Logged in, each way there is."""
    context = ssl.create_default_context(cafile=coid.settings["tls.cert"])
    if request.param == "tls":
        imap = imaplib.IMAP4_SSL("localhost", coid.ports["imaps"], ssl_context=context, timeout=60)
    else:
        imap = imaplib.IMAP4("localhost", coid.ports["imap"], timeout=60)
    if request.param == "starttls":
        ok(imap.starttls(context))
    ok(imap.login(alice, PASSWORD))
    yield imap
    if imap.state != "LOGOUT":
        imap.logout()


def test_every_method_is_answered(coid, alice, imap):
    assert imap.PROTOCOL_VERSION == "IMAP4REV1" and imap.state == "AUTH"
    assert b"IMAP4rev1" in ok(imap.capability())[0]
    ok(imap.noop())
    assert ok(imap.namespace())[0] == b'(("" "/")) NIL NIL'

    # Mailboxes.
    ok(imap.create("Folder"))
    assert imap.create("Folder")[0] == "NO"
    ok(imap.create('"Folder/With space"'))
    ok(imap.subscribe("Folder"))
    assert any(line.endswith(b"Folder") or line.endswith(b'"Folder"') for line in ok(imap.lsub()))
    ok(imap.unsubscribe("Folder"))
    assert len(ok(imap.list('""', "Folder*"))) == 2
    ok(imap.rename('"Folder/With space"', "Renamed"))
    ok(imap.delete("Renamed"))
    assert imap.delete("Renamed")[0] == "NO"

    # Messages.
    when = datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    ok(imap.append("INBOX", r"(\Seen)", imaplib.Time2Internaldate(when), message(subject="one")))
    ok(imap.append("INBOX", None, None, message(subject="two", body="B\u00fccher\r\n")))
    ok(imap.append("INBOX", None, None, message(subject="three")))
    assert re.fullmatch(rb'"?INBOX"? \(MESSAGES 3 UNSEEN 2\)', ok(imap.status("INBOX", "(MESSAGES UNSEEN)"))[0])
    assert ok(imap.select("INBOX", readonly=True)) == [b"3"]
    assert imap.store("1", "+FLAGS", r"\Flagged")[0] == "NO"
    assert ok(imap.select("INBOX")) == [b"3"]
    assert imap.response("UIDVALIDITY")[1][0].isdigit()
    assert imap.recent()[0] == "OK"
    ok(imap.check())
    data = ok(imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE RFC822)"))[0]
    assert data[1] == message(subject="one")
    assert b'"03-Feb-2001 04:05:06 +0000"' in data[0]
    assert imaplib.ParseFlags(data[0])[0] == b"\\Seen"
    assert time.mktime(imaplib.Internaldate2tuple(data[0])) == when.timestamp()
    assert b"Subject: two" in ok(imap.fetch("2", "(BODY.PEEK[HEADER])"))[0][1]
    assert ok(imap.search(None, "UNSEEN")) == [b"2 3"]
    imap.literal = "B\u00fccher".encode()
    assert ok(imap.search("UTF-8", "BODY")) == [b"2"]
    assert ok(imap.uid("SEARCH", None, "SUBJECT", '"three"')) == [b"3"]
    ok(imap.store("2", "+FLAGS", r"(\Flagged keyword)"))
    assert b"keyword" in ok(imap.fetch("2", "(FLAGS)"))[0]
    ok(imap.uid("STORE", "2", "-FLAGS.SILENT", r"(\Flagged)"))
    ok(imap.copy("1:2", "Folder"))
    assert imap.copy("1", "Missing")[0] == "NO"
    ok(imap.uid("MOVE", "3", "Folder"))
    assert ok(imap.expunge()) == [b"3"]
    ok(imap.store("1", "+FLAGS", r"\Deleted"))
    assert ok(imap.expunge())[-1] == b"1"
    ok(imap.close())
    assert imap.state == "AUTH"
    assert ok(imap.select("Folder")) == [b"3"]
    ok(imap.unselect())
    ok(imap.enable("CONDSTORE"))

    # Extensions that it has methods for: right if announced, refused if not.
    for capability, method, arguments in (
            ("QUOTA", imap.getquota, ('""',)), ("QUOTA", imap.getquotaroot, ("INBOX",)),
            ("ACL", imap.getacl, ("INBOX",)), ("ACL", imap.myrights, ("INBOX",)),
            ("SORT", imap.sort, ("(DATE)", "UTF-8", "ALL")), ("THREAD=REFERENCES", imap.thread, ("REFERENCES", "UTF-8", "ALL")),
            ("ANNOTATEMORE", imap.getannotation, ("INBOX", "/comment", "value.priv"))):
        ok(imap.select("Folder"))
        if capability in imap.capabilities:
            assert method(*arguments)[0] in ("OK", "NO")
        else:
            with pytest.raises(imaplib.IMAP4.error):
                method(*arguments)
    ok(imap.xatom("ID", '("name" "imaplib")'))
    with pytest.raises(imaplib.IMAP4.error):
        ok(imap.proxyauth(alice))
    assert imap.logout()[0] == "BYE"


def test_authenticate_in_steps_and_refusals(coid, alice):
    imap = coid.imap(tls=True)
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.login(alice, "wrong password")
    with pytest.raises(imaplib.IMAP4.error):
        imap.authenticate("PLAIN", lambda _: f"\0{alice}\0wrong".encode())
    with pytest.raises(imaplib.IMAP4.error):
        imap.authenticate("NONSENSE", lambda _: b"")
    ok(imap.authenticate("PLAIN", lambda _: f"\0{alice}\0{PASSWORD}".encode()))
    ok(imap.select())
    imap.logout()


def test_deleting_the_mailbox_that_is_open_and_reading_on(coid, alice):
    imap = coid.login(alice)
    ok(imap.create("Gone"))
    ok(imap.select("Gone"))
    ok(imap.delete("Gone"))
    ok(imap.noop())
    ok(imap.select("INBOX"))


def curl(coid, path, *options):
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--cacert", coid.settings["tls.cert"], "--user", f"alice@example.org:{PASSWORD}",
         *options, f"imaps://localhost:{coid.ports['imaps']}/{path}"],
        capture_output=True, timeout=60)


def test_curl_lists_reads_searches_and_appends(coid, alice, tmp_path):
    coid.deliver(alice, message(subject="for curl"))
    listed = curl(coid, "")
    assert listed.returncode == 0 and b"INBOX" in listed.stdout, listed
    read = curl(coid, "INBOX;UID=1")
    assert read.returncode == 0 and read.stdout.endswith(message(subject="for curl")), read
    assert b"Subject: for curl" in curl(coid, "INBOX;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)").stdout
    assert curl(coid, "INBOX?ALL").stdout == b"* SEARCH 1\r\n"
    assert curl(coid, "INBOX?SUBJECT%20nothing").stdout.strip() == b"* SEARCH"
    letter = tmp_path / "letter"
    letter.write_bytes(message(subject="from curl"))
    assert curl(coid, "INBOX", "--upload-file", str(letter)).returncode == 0
    assert curl(coid, "INBOX;MAILINDEX=2").stdout == message(subject="from curl")
    assert b"EXISTS" in curl(coid, "", "--request", "EXAMINE INBOX").stdout
    assert curl(coid, "INBOX", "--request", "STORE 1 +Flags \\Deleted").returncode == 0
    assert curl(coid, "INBOX", "--request", "EXPUNGE").returncode == 0
    assert curl(coid, "INBOX;UID=1").returncode != 0
    assert curl(coid, "", "--user", "alice@example.org:wrong").returncode == 67
    plain = subprocess.run(
        ["curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", coid.settings["tls.cert"],
         "--user", f"{alice}:{PASSWORD}", f"imap://localhost:{coid.ports['imap']}/INBOX?ALL"], capture_output=True, timeout=60)
    assert plain.stdout == b"* SEARCH 2\r\n" or plain.stdout == b"* SEARCH 1\r\n"
