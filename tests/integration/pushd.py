"""The push service of tests/push as a Python object, and what a push client does on the IMAP side."""

import http.client
import json
import pathlib
import shutil
import ssl
import subprocess
import time

from coid import shared_certificate

PUSH = pathlib.Path(__file__).resolve().parents[1] / "push"
W = "/private/vendor/vendor.dovecot/webpush"
S = W + "/subscriptions"


def available():
    """The packages are installed once, from the lock file."""
    if not shutil.which("node"):
        return False
    if not (PUSH / "node_modules" / "http_ece").exists():
        subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=PUSH, check=True, capture_output=True, timeout=300)
    return True


class PushService:
    """One service on a port of its own, with the certificate that the daemons use."""

    def __init__(self, host="127.0.0.1", http1=False, program="pushd.js"):
        assert available(), "the tests of Web Push need Node"
        cert, key = shared_certificate()
        self.host = host
        self.cert = cert
        command = ["node", str(PUSH / program), str(cert), str(key)] + (["--http1"] if http1 else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("port "), line
        self.port = int(line.split()[1])
        self.origin = f"https://{host}:{self.port}"

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def call(self, method, path, body=None):
        context = ssl.create_default_context(cafile=str(self.cert))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body=json.dumps(body) if body is not None else None, headers=headers)
            text = connection.getresponse().read()
            return json.loads(text) if text[:1] in (b"{", b"[") else None
        finally:
            connection.close()

    def rules(self, name, *rules):
        """Sets the answer of the path: each rule for `times` requests, or for ever."""
        self.call("PUT", f"/control/{name}", list(rules))

    def received(self, name):
        return self.call("GET", f"/control/{name}")["received"]

    def connections(self):
        return self.call("GET", "/control/x")["connections"]

    def wait(self, name, count=1, seconds=20):
        """The pushes that have arrived, once there are that many. Each was checked and decrypted by the service."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = self.received(name)
            if len(got) >= count:
                assert not [entry["error"] for entry in got if "error" in entry]
                return got
            time.sleep(0.05)
        raise AssertionError(f"{len(got)} of {count} pushes at {name}: {got}")

    def registration(self, name, msgtype="all", **changes):
        """Makes a subscription as a client sets it, with new keys."""
        keys = self.call("PUT", f"/keys/{name}")
        value = {"client": "test client", "device": "test device", "msgtype": msgtype,
                 "resource": {"endpoint": f"{self.origin}/p/{name}", "keys": keys}}
        value.update(changes)
        return value


def literal(text):
    data = text.encode() if isinstance(text, str) else text
    return b"{%d+}\r\n%s" % (len(data), data)


def setmetadata(raw, entry, value, mailbox=""):
    """The tagged answer to SETMETADATA as text. value None: NIL."""
    shown = b"NIL" if value is None else literal(value)
    return tagged(raw, f'SETMETADATA "{mailbox}" ('.encode() + entry.encode() + b" " + shown + b")")


def tagged(raw, command):
    return raw.cmd(command)[0]


def subscribe(raw, id, registration):
    answer = setmetadata(raw, f"{S}/{id}", json.dumps(registration))
    assert answer.startswith(b"OK"), answer


def validate(raw, id, token):
    return setmetadata(raw, f"{S}/{id}/validate", token)


def subscribed(raw, service, id, msgtype="all", name=None):
    """A validated subscription."""
    name = name or id
    subscribe(raw, id, service.registration(name, msgtype))
    push = service.wait(name)[-1]
    token = json.loads(push["plain"])["validation"]
    answer = validate(raw, id, token)
    assert answer.startswith(b"OK"), answer
    return token


def push_settings(**more):
    """Settings of a daemon whose push services are at 127.0.0.1."""
    settings = {"webpush.allow_private": True, "webpush.ca_file": str(shared_certificate()[0]),
                "webpush.contact": "mailto:admin@example.org", "webpush.backoff_min": "300ms",
                "webpush.backoff_max": "2s", "webpush.timeout": "10s", "webpush.connect_timeout": "5s"}
    settings.update({f"webpush.{key}": value for key, value in more.items()})
    return settings
