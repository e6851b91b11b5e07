"""The README's words, typed on a Debian 12 that has really booted: a container with systemd as its first process and Postfix as
Debian installs it. Needs root, debootstrap, systemd-nspawn, a Debian mirror, and build/release; `scripts/test --only boot`.

COID_BOOT_ROOT names a folder for the container that is kept for the next run.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
PACKAGES = ("systemd,systemd-sysv,dbus,postfix,openssl,ca-certificates,procps,libevent-core-2.1-7,libevent-extra-2.1-7,"
            "libevent-pthreads-2.1-7,libssl3,libsqlite3-0,libconfuse2,libutf8proc2,libcurl4,libjansson4,libargon2-1,libcrypt1,zlib1g")

pytestmark = pytest.mark.timeout(900)


def run(*command, check=True, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, **options)
    if check:
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def readme_commands():
    section = re.search(r"^## Installing\n(.*?)^## ", (ROOT / "README.md").read_text(), re.M | re.S)[1]
    return re.findall(r"^    (\S.*)$", section, re.M)


class Machine:
    def __init__(self, root):
        self.root = root
        with open(root.parent / f"{root.name}.console", "wb") as console:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--register=no", "--keep-unit", "-D", root, "--private-network", "-b", "--console=pipe"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": os.environ.get("COID_BOOT_UNIFIED", "0")})
        self.leader = None
        end = time.monotonic() + 120
        while self.leader is None or self.shell("systemctl is-system-running", check=False).stdout.strip() not in (
                "running", "degraded"):
            assert time.monotonic() < end and self.nspawn.poll() is None, "the container does not boot"
            time.sleep(0.5)
            children = run("pgrep", "-P", self.nspawn.pid, check=False).stdout.split()
            self.leader = children[0] if children else None

    def shell(self, line, check=True, stdin=None):
        return run("nsenter", "-t", self.leader, "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c",
                   f"cd / && {line}", check=check, input=stdin)

    def python(self, script):
        """Runs in its network, with the Python of this machine."""
        return run("nsenter", "-t", self.leader, "-n", sys.executable, "-c", script).stdout

    def journal(self):
        return self.shell("journalctl --no-pager -u coid -u coid-lmtp.socket -u postfix@- | tail -n 60").stdout

    def stop(self):
        self.shell("systemctl poweroff --no-block", check=False)
        try:
            self.nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()


@pytest.fixture(scope="module")
def machine():
    assert os.geteuid() == 0, "a container needs root"
    kept = os.environ.get("COID_BOOT_ROOT")
    root = pathlib.Path(kept or tempfile.mkdtemp(prefix="coid-boot-", dir="/var/tmp")) / "machine"
    if not (root / "usr/lib/postfix").exists():
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root, "http://deb.debian.org/debian")
    # An earlier run leaves nothing behind.
    for path in ("var/lib/coid", "etc/credstore"):
        shutil.rmtree(root / path, ignore_errors=True)
    (root / "etc/coid.conf").unlink(missing_ok=True)
    (root / "etc/postfix/main.cf").write_text(
        "compatibility_level = 3.6\nmyhostname = mail.example.org\nmyorigin = /etc/mailname\nmydestination = $myhostname, example.org\n"
        "mynetworks = 127.0.0.2/32\ninet_interfaces = all\nsmtp_dns_support_level = disabled\nnotify_classes =\n")
    (root / "etc/mailname").write_text("example.org\n")
    (root / "etc/postfix/virtual").unlink(missing_ok=True)
    install = next(line for line in readme_commands() if line.startswith("cmake --install"))
    run("sh", "-c", install, cwd=ROOT, env={**os.environ, "DESTDIR": str(root)})
    machine = Machine(root)
    yield machine
    machine.stop()
    if not kept:
        shutil.rmtree(root.parent, ignore_errors=True)


def configure(machine, extra=""):
    (machine.root / "etc/coid.conf").write_text(
        'tls {\n  cert = "/run/credentials/coid.service/coid.cert.pem"\n  key = "/run/credentials/coid.service/coid.key.pem"\n}\n'
        f'server {{\n  hostname = mail.example.org\n}}\n{extra}')


def send(machine, recipient, sender="someone@example.net"):
    """(code, text) of RCPT, or of the end of the message. From an address that is none of mynetworks."""
    return machine.python(f"""
import smtplib
with smtplib.SMTP("127.0.0.1", 25, source_address=("127.0.0.1", 0), timeout=120) as smtp:
    smtp.ehlo("client.example.net")
    smtp.mail({sender!r})
    code, text = smtp.rcpt({recipient!r})
    if code == 250:
        code, text = smtp.data(b"Subject: by the README\\r\\n\\r\\nhello\\r\\n")
    print(code, text.decode().replace(chr(10), " "))
""").strip()


def mails(machine, user):
    return int(machine.python(f"""
import imaplib, ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
imap = imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context, timeout=60)
imap.login({user!r}, {PASSWORD!r})
print(int(imap.select()[1][0]))
"""))


def wait_mails(machine, user, count):
    end = time.monotonic() + 60
    while mails(machine, user) < count:
        assert time.monotonic() < end, machine.journal()
        time.sleep(0.5)


def test_the_readme_ends_in_a_mail_server(machine):
    machine.shell("mkdir -p /etc/credstore && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 "
                  "-subj /CN=mail.example.org -keyout /etc/credstore/coid.key.pem -out /etc/credstore/coid.cert.pem && "
                  "chmod 600 /etc/credstore/*")
    configure(machine)
    commands = readme_commands()
    for line in commands[next(i for i, line in enumerate(commands) if line.startswith("systemd-sysusers")):]:
        if line == "coid -t":
            continue  # the credentials are there once the service has started
        machine.shell(line, stdin=f"{PASSWORD}\n" if "--password-stdin" in line else None)
    assert machine.shell("systemctl is-active coid coid-lmtp.socket").stdout == "active\nactive\n"
    assert "configuration is good: /etc/coid.conf" in machine.shell("coid -t").stdout
    assert send(machine, "you@example.org").startswith("250 ")
    assert send(machine, "postmaster@example.org").startswith("250 ")
    wait_mails(machine, "you@example.org", 2)
    # Nobody gets a bounce for a mail that he has not sent.
    assert send(machine, "nobody@example.org").startswith("550 ")
    assert "event=delivery id=" in machine.journal()
    assert "Warning" not in machine.shell("postfix check 2>&1").stdout


def test_restarts_and_reloads_lose_no_socket(machine):
    before = mails(machine, "you@example.org")
    socket = "/var/spool/postfix/private/coid-lmtp"
    for verb in ("restart", "reload", "restart"):
        machine.shell(f"systemctl {verb} coid")
        assert machine.shell(f"stat -c %U:%G:%a {socket}").stdout == "postfix:postfix:660\n"
        assert send(machine, "you@example.org").startswith("250 ")
    wait_mails(machine, "you@example.org", before + 3)


def test_a_reload_of_a_bad_configuration_fails_and_changes_nothing(machine):
    configure(machine, "imap {\n  frob = 1\n}\n")
    assert machine.shell("systemctl reload coid", check=False).returncode != 0
    assert "/etc/coid.conf:9:" in machine.journal()
    assert machine.shell("systemctl is-active coid").stdout == "active\n"
    mails(machine, "you@example.org")
    configure(machine)
    machine.shell("systemctl reload coid")


def test_a_bad_configuration_is_not_started_again_and_again(machine):
    configure(machine, "imap {\n  frob = 1\n}\n")
    assert machine.shell("systemctl restart coid", check=False).returncode != 0
    time.sleep(5)
    assert machine.shell("systemctl is-failed coid").stdout == "failed\n"
    assert machine.shell("systemctl show -p NRestarts --value coid").stdout == "0\n"
    configure(machine)
    machine.shell("systemctl reset-failed coid; systemctl start coid")


def test_only_named_addresses_are_served_whatever_units_hold(machine):
    configure(machine, 'imap {\n  listen = {"127.0.0.1:1143"}\n}\n')
    machine.shell("systemctl stop coid; systemctl start coid.socket coid")
    try:
        listening = machine.shell("coidctl status").stdout
        assert re.findall(r"^listen-imap: (.*)$", listening, re.M) == ["127.0.0.1:1143"]
        assert "the configuration does not name it service=imap address=0.0.0.0:143" in machine.journal()
    finally:
        machine.shell("systemctl stop coid.socket coid")
        configure(machine)
        machine.shell("systemctl start coid")
    # No unit is enabled before somebody asks for it.
    assert machine.shell("systemctl is-enabled coid.socket coid-imaps.socket", check=False).stdout == "disabled\ndisabled\n"


def test_a_log_file_in_the_folder_for_it(machine):
    configure(machine, 'metrics {\n}\nserver {\n  log_file = "/var/log/coid/coid.log"\n}\n')
    machine.shell("systemctl reload coid")
    assert "configuration reloaded" in machine.shell("cat /var/log/coid/coid.log").stdout
    machine.shell("systemctl restart coid")
    # Elsewhere it is refused with the reason, by reload and by start.
    configure(machine, 'server {\n  log_file = "/var/log/coid.log"\n}\n')
    assert machine.shell("systemctl reload coid", check=False).returncode != 0
    assert "server.log_file: /var/log/coid.log: Read-only file system" in machine.journal()
    configure(machine)
    machine.shell("systemctl reload coid")


def test_without_postfix_the_socket_unit_does_nothing(machine):
    machine.shell("systemctl stop coid coid-lmtp.socket postfix; systemctl reset-failed; mv /var/spool/postfix /var/spool/elsewhere")
    try:
        machine.shell("systemctl start coid-lmtp.socket coid")
        assert machine.shell("systemctl is-active coid coid-lmtp.socket", check=False).stdout == "active\ninactive\n"
    finally:
        machine.shell("mv /var/spool/elsewhere /var/spool/postfix; systemctl stop coid; systemctl reset-failed; "
                      "systemctl start coid-lmtp.socket coid postfix")


def test_after_a_reboot_all_is_as_it_was(machine):
    before = mails(machine, "you@example.org")
    machine.stop()
    again = Machine(machine.root)
    machine.nspawn, machine.leader = again.nspawn, again.leader
    assert machine.shell("systemctl is-active coid coid-lmtp.socket").stdout == "active\nactive\n"
    assert send(machine, "you@example.org").startswith("250 ")
    wait_mails(machine, "you@example.org", before + 1)
