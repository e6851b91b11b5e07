"""A real coid daemon for a test: own folder, own ports, own certificate and users.

    with Coid() as coid:
        coid.add_user("alice@example.org")
        imap = coid.login("alice@example.org")

The programs come from the build folder named by COID_BUILD (default build/asan). A daemon that ends with a sanitizer
report, a leak or another exit status than 0 fails the test.
"""

import imaplib
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import imapraw
from lmtpraw import Lmtp

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("COID_BUILD", ROOT / "build" / "asan")).resolve()
PASSWORD = "correct horse battery"
READY_SECONDS = 30
STOP_SECONDS = 30

# Python's own limit on a line is smaller than a large untagged response.
imaplib._MAXLINE = 50_000_000

SANITIZER = re.compile(r"(ERROR: (Address|Leak|Thread|UndefinedBehavior)Sanitizer|WARNING: ThreadSanitizer|runtime error:)")


def make_certificate(folder, name="localhost"):
    """A self-signed certificate and its key as (cert, key) paths."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    return cert, key


_shared_certificate = None


def shared_certificate():
    """One certificate for the whole test process: making one costs more than starting a daemon."""
    global _shared_certificate
    if _shared_certificate is None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="coid-cert-"))
        _shared_certificate = make_certificate(folder)
    return _shared_certificate


class Coid:
    """`settings` are "section.key": value pairs for the configuration file; lists become lists."""

    def __init__(self, settings=None, folder=None, env=None, start=True, wrapper=()):
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="coid-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = self.folder / "store"
        self.store.mkdir(exist_ok=True)
        self.config = self.folder / "coid.conf"
        self.control = self.folder / "control"
        self.lmtp_socket = self.folder / "lmtp"
        self.log = self.folder / "log"
        self.env = dict(env or {})
        self.wrapper = list(wrapper)
        self.process = None
        self.ports = {}
        self.clients = []
        cert, key = shared_certificate()
        self.settings = {
            "server.root": str(self.store),
            "server.hostname": "mail.example.org",
            "server.reactors": 1,
            "server.workers": 2,
            "server.log_level": "debug",
            "imap.listen": ["127.0.0.1:0"],
            "imap.listen_tls": ["127.0.0.1:0"],
            "imap.allow_plaintext_loopback": True,
            "tls.cert": str(cert),
            "tls.key": str(key),
            "lmtp.listen": ["127.0.0.1:0"],
            "lmtp.socket": str(self.lmtp_socket),
            "auth.password_scheme": "SHA512-CRYPT",
            "auth.delay_max": "250ms",
            "auth.failure_grid": "50ms",
            "control.socket": str(self.control),
        }
        if os.geteuid() == 0:
            self.settings["server.user"] = "root"
        if os.environ.get("COID_REACTORS"):
            self.settings["server.reactors"] = int(os.environ["COID_REACTORS"])
        self.settings.update(settings or {})
        self.write_config()
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close(check=kind is None)

    # -- the daemon ---------------------------------------------------------------------------------------------

    def write_config(self):
        sections = {}
        for name, value in self.settings.items():
            section, key = name.split(".")
            sections.setdefault(section, []).append(f"  {key} = {self.quote(value)}")
        text = "".join(f"{section} {{\n" + "\n".join(lines) + "\n}\n" for section, lines in sections.items())
        self.config.write_text(text)

    def quote(self, value):
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, (list, tuple)):
            return "{" + ", ".join(self.quote(item) for item in value) + "}"
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'

    def environment(self):
        env = dict(os.environ)
        env["ASAN_OPTIONS"] = "detect_leaks=1:exitcode=99:detect_stack_use_after_return=0:" + env.get("ASAN_OPTIONS", "")
        env["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1"
        env["TSAN_OPTIONS"] = f"exitcode=99:second_deadlock_stack=1:suppressions={ROOT}/tests/support/tsan.supp"
        env["LSAN_OPTIONS"] = f"suppressions={ROOT}/tests/support/lsan.supp:print_suppressions=0"
        env.update(self.env)
        return env

    def start(self, wait=True):
        """Starts the daemon and waits for its READY=1."""
        notify_path = self.folder / "notify"
        notify_path.unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(notify_path))
        notify_path.chmod(0o777)
        env = self.environment()
        env["NOTIFY_SOCKET"] = str(notify_path)
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, str(BUILD / "coid"), "-c", str(self.config)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=env)
        if wait:
            self.wait_notify("READY=1")
            self.read_ports()

    def wait_notify(self, what, seconds=READY_SECONDS):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.notify.settimeout(0.1)
            try:
                if what in self.notify.recv(4096).decode().split("\n"):
                    return
            except (TimeoutError, socket.timeout):
                if self.process.poll() is not None:
                    raise AssertionError(f"coid ended with {self.process.returncode}:\n{self.log_text()}")
        raise AssertionError(f"coid did not say {what}:\n{self.log_text()}")

    def read_ports(self):
        """The log says which ports the daemon got: "listening service=imap address=127.0.0.1:1234"."""
        self.ports = {}
        for service, port in re.findall(r"listening service=(\S+) address=\S*?:(\d+)\b", self.log_text()):
            self.ports[service] = int(port)

    def log_text(self, whole=False):
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as log:
            log.seek(0 if whole else self.log_start)
            return log.read().decode(errors="replace")

    def wait_log(self, text, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if text in self.log_text():
                return
            time.sleep(0.02)
        raise AssertionError(f"no {text!r} in the log:\n{self.log_text()[-4000:]}")

    def stop(self, check=True):
        """SIGTERM; then the exit status and the log are looked at."""
        if not self.process:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            process.wait()
            raise AssertionError(f"coid did not stop:\n{self.log_text()[-6000:]}") from None
        finally:
            self.notify.close()
        report = SANITIZER.search(self.log_text(whole=True))
        assert not report, f"sanitizer report:\n{self.log_text(whole=True)[-12000:]}"
        if check:
            assert process.returncode == 0, f"coid ended with {process.returncode}:\n{self.log_text()[-6000:]}"

    def kill(self):
        """kill -9, as a crash would."""
        process, self.process = self.process, None
        process.kill()
        process.wait()
        self.notify.close()

    def restart(self):
        self.stop()
        self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        self.wait_notify("READY=1")

    def close(self, check=True):
        for hang_up in self.clients:
            try:
                hang_up()
            except OSError:
                pass
        try:
            self.stop(check=check)
        finally:
            if self.process:
                self.process.kill()
                self.process.wait()
            if self.own_folder and not os.environ.get("COID_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)

    # -- administration -----------------------------------------------------------------------------------------

    def ctl(self, *args, stdin=None, check=True):
        """Runs coidctl; returns its standard output, or the finished process if not `check`."""
        done = subprocess.run(
            [str(BUILD / "coidctl"), "-s", str(self.control), *args], input=stdin, capture_output=True, text=True,
            timeout=60, env=self.environment())
        if not check:
            return done
        assert done.returncode == 0, f"coidctl {args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def add_user(self, name, password=PASSWORD):
        self.ctl("user", "add", name, "--password-stdin", stdin=password + "\n")
        return name

    # -- clients ------------------------------------------------------------------------------------------------

    def imap(self, tls=False):
        if tls:
            context = ssl.create_default_context(cafile=str(self.settings["tls.cert"]))
            imap = imaplib.IMAP4_SSL("localhost", self.ports["imaps"], ssl_context=context, timeout=30)
        else:
            imap = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=30)
        self.clients.append(imap.shutdown)
        return imap

    def login(self, user, password=PASSWORD, tls=False, mailbox=None):
        imap = self.imap(tls)
        imap.login(user, password)
        if mailbox:
            status, _ = imap.select(mailbox)
            assert status == "OK"
        return imap

    def raw(self, user=None, password=PASSWORD, tls=False, mailbox=None):
        """The byte-exact client (imapraw.Raw), logged in if a user is given."""
        raw = imapraw.Raw("127.0.0.1", self.ports["imaps" if tls else "imap"], tls=tls)
        self.clients.append(raw.close)
        raw.greeting()
        if user:
            raw.ok(f'LOGIN "{user}" "{password}"')
        if mailbox:
            raw.ok(f'SELECT "{mailbox}"')
        return raw

    def lmtp(self, unix=False):
        """An LMTP client behind its LHLO."""
        lmtp = Lmtp(str(self.lmtp_socket) if unix else ("127.0.0.1", self.ports["lmtp"]))
        self.clients.append(lmtp.close)
        lmtp.hello()
        return lmtp

    def deliver(self, recipients, message, sender="sender@example.net", options=""):
        """Delivers by LMTP; {recipient: (code, text)}. With one recipient as a string: asserts 250."""
        with self.lmtp() as lmtp:
            if isinstance(recipients, str):
                answer = lmtp.deliver([recipients], message, sender, options)[recipients]
                assert answer[0] == 250, answer
                return answer
            return lmtp.deliver(recipients, message, sender, options)


def message(subject="hello", body="a body\r\n", sender="sender@example.net", to="alice@example.org", headers=()):
    """A small message as bytes with CRLF."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", "Date: Tue, 24 Nov 2026 10:00:00 +0000",
             f"Message-ID: <{abs(hash((subject, body)))}@example.net>", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
