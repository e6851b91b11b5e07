"""A private Postfix: own configuration, queue and log in a folder of its own, SMTP on one loopback port. Needs root."""

import json
import os
import pathlib
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time

MASTER = "/usr/lib/postfix/sbin/master"
READY_SECONDS = 60
STARTS = 3
QUEUES = {
    "active": 0o700, "bounce": 0o700, "corrupt": 0o700, "defer": 0o700, "deferred": 0o700, "flush": 0o700, "hold": 0o700,
    "incoming": 0o700, "private": 0o700, "saved": 0o700, "trace": 0o700, "maildrop": 0o730, "public": 0o710, "pid": 0o755,
}

MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
lmtp      unix  - - n -     - lmtp
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """`transport` is what Postfix calls one: lmtp:unix:/path or lmtp:inet:[127.0.0.1]:port."""

    def __init__(self, transport, domain="example.org", settings=None):
        assert os.access("/usr/sbin/postfix", os.X_OK), "Postfix is missing: run scripts/install-deps test"
        assert os.getuid() == 0, "Postfix starts as root alone"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coid-postfix-"))
        self.folder.chmod(0o755)
        self.config = self.folder / "etc"
        self.queue = self.folder / "queue"
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        for folder in (self.config, self.queue, self.data):
            folder.mkdir(mode=0o755)
        shutil.chown(self.data, "postfix")
        # This makes the folders that `postfix check` would make, in a hundredth of its time.
        for name, mode in QUEUES.items():
            (self.queue / name).mkdir()
            (self.queue / name).chmod(mode)
            if name != "pid":
                shutil.chown(self.queue / name, "postfix", "postdrop" if name in ("public", "maildrop") else None)
        self.settings = {
            "compatibility_level": "3.6",
            "myhostname": "relay.example.net",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_protocols": "ipv4",
            "inet_interfaces": "127.0.0.1",
            "queue_directory": self.queue,
            "data_directory": self.data,
            "maillog_file": self.log,
            "maillog_file_prefixes": "/",
            "alias_maps": "",
            "alias_database": "",
            "default_database_type": "texthash",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "virtual_mailbox_domains": domain,
            "virtual_transport": transport,
            "default_transport": "error:no way out",
            "lmtp_host_lookup": "native",
            "smtputf8_enable": "yes",
            "notify_classes": "",
            "message_size_limit": 30_000_000,
            "mailbox_size_limit": 0,
            "virtual_mailbox_limit": 0,
            "disable_dns_lookups": "yes",
            "smtp_dns_support_level": "disabled",
            **(settings or {}),
        }
        self.process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        for _ in range(STARTS):
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                self.port = sock.getsockname()[1]
            (self.config / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in self.settings.items()))
            (self.config / "master.cf").write_text(MASTER_CF.format(port=self.port))
            # -d: in the foreground; a session of its own, because it signals its whole process group when it ends.
            with open(self.folder / "output", "ab") as output:
                self.process = subprocess.Popen(
                    [MASTER, "-c", self.config, "-d"], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    env=self.environment(), start_new_session=True)
            if self.wait_ready():
                return
            self.stop(remove=False)
        raise AssertionError(f"Postfix did not start:\n{self.log_text()}")

    def wait_ready(self):
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as smtp:
                    smtp.noop()
                return True
            except OSError:
                time.sleep(0.1)
        return False

    def stop(self, remove=True):
        process, self.process = self.process, None
        if process and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
        if remove and not os.environ.get("COID_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": str(self.config), "LANG": "C"}

    def run(self, program, *args):
        done = subprocess.run(
            [f"/usr/sbin/{program}", "-c", self.config, *args], capture_output=True, text=True, timeout=60,
            env=self.environment())
        assert done.returncode == 0, f"{program} {args}: {done.stdout}{done.stderr}\n{self.log_text()}"
        return done.stdout

    def log_text(self):
        return "".join(path.read_text(errors="replace") for path in (self.folder / "output", self.log) if path.exists())

    def send(self, recipients, message, sender="sender@example.net", options=()):
        """By SMTP; every recipient must be taken."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as smtp:
            smtp.ehlo("client.example.net")
            refused = smtp.sendmail(sender, recipients, message, mail_options=options)
            assert refused == {}

    def queued(self):
        """{recipient: why it is late} of all that is in the queue."""
        late = {}
        for line in self.run("postqueue", "-j").splitlines():
            for recipient in json.loads(line)["recipients"]:
                late[recipient["address"]] = recipient.get("delay_reason", "")
        return late

    def wait_queued(self, predicate, seconds=60):
        end = time.monotonic() + seconds
        while True:
            queued = self.queued()
            if predicate(queued):
                return queued
            assert time.monotonic() < end, f"{queued}\n{self.log_text()[-6000:]}"
            time.sleep(0.1)

    def flush(self):
        self.run("postqueue", "-f")
