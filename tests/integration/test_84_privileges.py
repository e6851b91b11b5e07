"""Which user the daemon is, and what it gives up. Needs root, as a service manager has it."""

import os
import pathlib
import pwd
import subprocess

import pytest

from coid import BUILD, message


@pytest.fixture(autouse=True)
def root():
    assert os.geteuid() == 0, "these tests start the daemon as root alone"


def status(coid):
    text = pathlib.Path(f"/proc/{coid.process.pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def refused(make_coid, **settings):
    """(exit status, what it said) of a daemon that does not start."""
    coid = make_coid(settings={key.replace("__", "."): value for key, value in settings.items()}, start=False)
    done = subprocess.run([str(BUILD / "coid"), "-c", str(coid.config)], capture_output=True, text=True, timeout=30,
                          env=coid.environment())
    return done.returncode, done.stderr


def test_root_is_not_kept_by_mistake(make_coid):
    code, text = refused(make_coid, server__user="")
    assert code == 78 and "server.user: started as root: name the user to become" in text


def test_an_unknown_user_is_refused(make_coid):
    code, text = refused(make_coid, server__user="no-such-user")
    assert code == 78 and "server.user: there is no user no-such-user" in text


def test_root_by_name_stays_root_and_says_so(coid):
    assert status(coid)["Uid"].split() == ["0"] * 4
    assert "server.user is root" in coid.log_text()


def as_nobody(make_coid, groups="0,1,7", settings=None):
    """A daemon that becomes nobody. It's started with groups that nobody isn't in, as a login shell of root may have them."""
    nobody = pwd.getpwnam("nobody")
    assert not set(groups.split(",")) & {str(group) for group in os.getgrouplist("nobody", nobody.pw_gid)}
    coid = make_coid(settings={"server.user": "nobody", **(settings or {})}, start=False,
                     wrapper=["setpriv", f"--groups={groups}"])
    coid.folder.chmod(0o755)
    os.chown(coid.folder, nobody.pw_uid, nobody.pw_gid)
    coid.start()
    return coid, nobody


def test_the_user_is_left_for_good_with_all_its_groups(make_coid):
    coid, nobody = as_nobody(make_coid)
    now = status(coid)
    # Real, effective, saved and of the file system.
    assert now["Uid"].split() == [str(nobody.pw_uid)] * 4
    assert now["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert {int(group) for group in now["Groups"].split()} == set(os.getgrouplist("nobody", nobody.pw_gid))
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(now[kind], 16) == 0, kind
    assert now["NoNewPrivs"] == "1"
    assert coid.store.stat().st_uid == nobody.pw_uid
    # And it is of use.
    alice = coid.add_user("alice@example.org")
    coid.deliver(alice, message(body="x" * 100000 + "\r\n"))
    with coid.raw(alice, mailbox="INBOX") as raw:
        assert b"x" * 1000 in b"".join(raw.ok("FETCH 1 BODY.PEEK[]"))


def limits(coid):
    text = pathlib.Path(f"/proc/{coid.process.pid}/limits").read_text()
    return next(line.split()[4:6] for line in text.splitlines() if line.startswith("Max core file size"))


def test_nothing_of_it_is_written_to_a_core_dump(make_coid):
    coid, _ = as_nobody(make_coid)
    assert limits(coid) == ["0", "0"]
    # The kernel gives what can't be dumped, nor traced by its own user, to root.
    assert os.stat(f"/proc/{coid.process.pid}/environ").st_uid == 0


def test_core_dumps_can_be_had_for_debugging(make_coid):
    coid, nobody = as_nobody(make_coid, settings={"server.core_dumps": True})
    assert os.stat(f"/proc/{coid.process.pid}/environ").st_uid == nobody.pw_uid


def test_who_is_not_root_can_name_nobody_else(make_coid):
    coid = make_coid(settings={"server.user": "root", "tls.cert": "", "tls.key": "", "imap.listen_tls": []}, start=False)
    coid.folder.chmod(0o777)
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", str(BUILD / "coid"), "-c",
                           str(coid.config)], capture_output=True, text=True, timeout=30, env=coid.environment())
    assert done.returncode == 78 and "server.user: only root can become root" in done.stderr, done.stderr
