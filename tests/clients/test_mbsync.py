"""mbsync: two-way synchronisation with a maildir, with changes on both sides, until both are the same byte for byte."""

import mailbox
import pathlib
import re
import subprocess
import time

import pytest

from coid import PASSWORD, message

# The letters of flags in the file names of a maildir.
LETTERS = {"\\Answered": "R", "\\Draft": "D", "\\Flagged": "F", "\\Seen": "S"}


class Sync:
    def __init__(self, coid, user, folder, extra=""):
        self.coid = coid
        self.user = user
        self.folder = folder
        (folder / "mail").mkdir()
        (folder / "state").mkdir()
        self.config = folder / "mbsyncrc"
        # mbsync adds X-TUID to what it uploads, and takes the date of arrival along.
        self.config.write_text(f"""\
IMAPAccount coid
Host localhost
Port {coid.ports["imaps"]}
User {user}
Pass "{PASSWORD}"
SSLType IMAPS
CertificateFile {coid.settings["tls.cert"]}
{extra}
IMAPStore far
Account coid

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState {folder}/state/
""")

    def run(self):
        done = subprocess.run(["mbsync", "-c", self.config, "-V", "-a"], capture_output=True, timeout=240)
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert done.returncode == 0, output
        assert "Warning" not in output and "rror" not in output.replace("mirror", ""), output
        return output

    def box(self, name="INBOX"):
        return mailbox.Maildir(self.folder / "mail" / name, factory=None, create=False)

    def near(self, name="INBOX"):
        """{message-id: (flags, bytes with CRLF)} of the maildir."""
        box = self.box(name)
        found = {}
        for key in box.keys():
            text = box.get_bytes(key).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            flags = "".join(sorted(box.get_message(key).get_flags()))
            found[message_id(text)] = (flags, without_tuid(text))
        return found

    def far(self, name="INBOX"):
        """The same of the server."""
        raw = self.coid.raw(self.user)
        empty = b"* 0 EXISTS" in raw.ok(f'EXAMINE "{name}"')
        found = {}
        for line in [] if empty else raw.ok("FETCH 1:* (FLAGS BODY.PEEK[])"):
            head, text = line.split(b"}\r\n", 1)
            size = int(re.search(rb"\{(\d+)$", head).group(1))
            text = text[:size]
            flags = re.search(rb"FLAGS \(([^)]*)\)", line).group(1).decode().split()
            found[message_id(text)] = ("".join(sorted(LETTERS[f] for f in flags if f in LETTERS)), without_tuid(text))
        raw.close()
        return found

    def until_equal(self, *names):
        """Runs until both sides are the same; returns how many runs it took."""
        for runs in range(1, 4):
            self.run()
            if all(self.near(name) == self.far(name) for name in names or ("INBOX",)):
                return runs
        for name in names or ("INBOX",):
            assert self.near(name) == self.far(name)


def message_id(text):
    return re.search(rb"^Message-ID: *(\S+)", text, re.M | re.I).group(1).decode()


def without_tuid(text):
    return re.sub(rb"^X-TUID: [^\r]*\r\n", b"", text, flags=re.M)


def letter(name, body="a body\r\n"):
    return re.sub(rb"Message-ID: [^\r]*", f"Message-ID: <{name}@example.net>".encode(), message(subject=name, body=body))


def store(box, name, flags="", body="a body\r\n"):
    made = mailbox.MaildirMessage(letter(name, body).replace(b"\r\n", b"\n"))
    made.set_subdir("cur" if flags else "new")
    made.set_flags(flags)
    return box.add(made)


def key_of(box, name):
    return next(key for key in box.keys() if f"<{name}@example.net>".encode() in box.get_bytes(key))


@pytest.fixture
def sync(coid, alice, tmp_path):
    return Sync(coid, alice, tmp_path)


def test_changes_on_both_sides_meet(coid, alice, sync):
    for i in range(20):
        coid.deliver(alice, letter(f"far{i}", body="line\r\n..dots\r\n" * (1 + i * i)))
    assert sync.until_equal() == 1
    assert len(sync.near()) == 20

    for turn in range(3):
        imap = coid.login(alice, mailbox="INBOX")
        box = sync.box()

        def uid(name):
            return imap.uid("SEARCH", None, "HEADER", "Message-ID", f"<{name}@example.net>")[1][0].decode()

        # New on both sides.
        coid.deliver(alice, letter(f"new-far{turn}"))
        imap.append("INBOX", "(\\Flagged \\Draft)", '"01-Feb-2003 04:05:06 +0000"', letter(f"appended{turn}"))
        store(box, f"new-near{turn}")
        store(box, f"seen-near{turn}", "FS", body="gruss\r\n" * 3000)
        # Flags here, there, and of one message on both sides.
        first = turn * 6
        imap.uid("STORE", uid(f"far{first}"), "+FLAGS", "(\\Seen \\Answered)")
        key = key_of(box, f"far{first + 1}")
        made = box.get_message(key)
        made.set_flags("FS")
        made.set_subdir("cur")
        box[key] = made
        imap.uid("STORE", uid(f"far{first + 2}"), "+FLAGS", "(\\Flagged)")
        key = key_of(box, f"far{first + 2}")
        made = box.get_message(key)
        made.set_flags("S")
        made.set_subdir("cur")
        box[key] = made
        # Removed there, marked as removed there, removed here.
        imap.uid("STORE", uid(f"far{first + 3}"), "+FLAGS", "(\\Deleted)")
        imap.expunge()
        imap.uid("STORE", uid(f"far{first + 4}"), "+FLAGS", "(\\Deleted)")
        box.remove(key_of(box, f"far{first + 5}"))
        imap.logout()
        assert sync.until_equal() <= 2
        both = sync.near()
        names = {name.strip("<>").split("@")[0] for name in both}
        assert {f"new-far{turn}", f"appended{turn}", f"new-near{turn}", f"seen-near{turn}"} <= names
        assert not names & {f"far{first + i}" for i in (3, 4, 5)}
        flags = {name.strip("<>").split("@")[0]: value[0] for name, value in both.items()}
        assert flags[f"far{first}"] == "RS" and flags[f"far{first + 1}"] == "FS" and flags[f"far{first + 2}"] == "FS"
        assert flags[f"appended{turn}"] == "DF" and flags[f"seen-near{turn}"] == "FS" and flags[f"new-near{turn}"] == ""

    # There is no more work to do.
    raw = coid.raw(alice)
    before = raw.ok("STATUS INBOX (MESSAGES UIDNEXT UNSEEN)")
    sync.run()
    assert raw.ok("STATUS INBOX (MESSAGES UIDNEXT UNSEEN)") == before
    # Dates of arrival went along.
    raw.ok("SELECT INBOX")
    number = raw.ok("SEARCH HEADER Message-ID appended0@")[0].split()[-1].decode()
    assert b'"01-Feb-2003 04:05:06 +0000"' in raw.ok(f"FETCH {number} (INTERNALDATE)")[0]
    stamps = [pathlib.Path(sync.box()._path, sync.box()._lookup(key_of(sync.box(), "appended0"))).stat().st_mtime]
    assert stamps == [1044072306]


def test_mailboxes_come_and_go_on_both_sides(coid, alice, sync):
    imap = coid.login(alice)
    for name in ("Lists", "Lists/coid", "Lists/B&APw-cher"):
        assert imap.create(f'"{name}"')[0] == "OK"
    for i in range(5):
        imap.append('"Lists/coid"', None, None, letter(f"list{i}"))
    sync.run()
    near = sync.folder / "mail"
    assert (near / "Lists" / "coid" / "cur").is_dir() and len(sync.near("Lists/coid")) == 5
    assert (near / "Lists" / "Bücher" / "cur").is_dir() or (near / "Lists" / "B&APw-cher" / "cur").is_dir()

    local = mailbox.Maildir(near / "Local", factory=None, create=True)
    for i in range(3):
        store(local, f"local{i}", "S")
    assert sync.until_equal("INBOX", "Lists/coid", "Local") == 1
    assert len(sync.far("Local")) == 3

    for key in sync.box("Lists/coid").keys():
        sync.box("Lists/coid").remove(key)
    assert sync.until_equal("Lists/coid", "Local") <= 2
    assert sync.far("Lists/coid") == {}
    imap.logout()


def test_many_messages_are_fetched_in_one_go(coid, alice, sync):
    raw = coid.raw(alice, mailbox="INBOX")
    for i in range(300):
        raw.send(raw.tag() + b" APPEND INBOX {%d+}\r\n" % len(letter(f"many{i}", body=f"{i}\r\n" * i))
                 + letter(f"many{i}", body=f"{i}\r\n" * i) + b"\r\n")
    for i in range(300):
        assert raw.until(b"t%d" % (raw.serial - 299 + i))[0].startswith(b"OK")
    begin = time.monotonic()
    assert sync.until_equal() == 1
    assert len(sync.near()) == 300
    assert time.monotonic() - begin < 120
