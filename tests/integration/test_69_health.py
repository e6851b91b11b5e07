"""/health looks at what the server needs: storage, room, certificate, pushes."""

import contextlib
import re
import socket
import subprocess
import time


from coid import Coid, make_certificate
from disk import MIB, Disk


def health(coid):
    """(status of HTTP, first line, the others as a dictionary)."""
    with socket.create_connection(("127.0.0.1", coid.ports["metrics"]), timeout=10) as sock:
        sock.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        data = b""
        while piece := sock.recv(65536):
            data += piece
    head, _, body = data.decode().partition("\r\n\r\n")
    first, *lines = body.splitlines()
    return int(head.split()[1]), first, dict(line.split(": ", 1) for line in lines)


def wait_health(coid, predicate, seconds=40):
    end = time.monotonic() + seconds
    while True:
        found = health(coid)
        if predicate(found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.2)


def long_certificate(folder, start=None, end=None, days=90):
    cert, key = folder / "cert.pem", folder / "key.pem"
    make_certificate(folder)
    subprocess.run(["openssl", "req", "-x509", "-key", key, "-subj", "/CN=localhost", "-days", str(days), "-out", cert],
                   check=True, capture_output=True)
    return {"tls.cert": str(cert), "tls.key": str(key)}


SETTINGS = {"metrics.listen": "127.0.0.1:0", "store.message_max": "1M"}


@contextlib.contextmanager
def on_disk(kind, mib, tmp_path):
    disk = Disk(kind, mib)
    try:
        with Coid(settings={**SETTINGS, "server.root": str(disk.path), **long_certificate(tmp_path)}) as coid:
            yield coid, disk
    finally:
        disk.close()


def test_a_server_in_order_is_ok_and_says_of_what(make_coid, tmp_path):
    coid = make_coid(settings={**SETTINGS, **long_certificate(tmp_path)})
    status, word, lines = wait_health(coid, lambda found: "disk" in found[2])
    assert status == 200 and word in ("ok", "warning")  # the disk of the machine may be rather full
    assert lines["store"] == "ok" and lines["push"] == "0 waiting"
    assert re.fullmatch(r"\d+ MiB free, \d+%", lines["disk"])
    assert re.fullmatch(r"valid until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines["certificate"])
    # The file that the health check wrote is gone.
    assert not (coid.store / "health").exists()


def test_a_full_disk_fails_and_recovers(tmp_path):
    with on_disk("tmpfs", 32, tmp_path) as (coid, disk):
        assert wait_health(coid, lambda found: "disk" in found[2])[:2] == (200, "ok")
        disk.fill(leave=MIB // 2)
        found = wait_health(coid, lambda found: found[1] != "ok")
        assert found[:2] == (200, "warning") and found[2]["store"] == "ok"
        disk.fill()
        found = wait_health(coid, lambda found: found[1] == "failing")
        assert found[0] == 503 and found[2]["store"] == "can't be written: No space left on device"
        disk.make_room()
        assert wait_health(coid, lambda found: found[1] == "ok")[0] == 200


def test_a_certificate_that_ends_soon_warns_and_one_that_has_ended_fails(make_coid, tmp_path):
    coid = make_coid(settings={**SETTINGS, **long_certificate(tmp_path, days=3)})
    status, word, lines = health(coid)
    assert (status, word) == (200, "warning") and lines["certificate"].startswith("valid until ")
    subprocess.run(["openssl", "x509", "-in", tmp_path / "cert.pem", "-signkey", tmp_path / "key.pem", "-days", "-1", "-out",
                    tmp_path / "old.pem"], check=True, capture_output=True)
    (tmp_path / "old.pem").replace(tmp_path / "cert.pem")
    coid.ctl("reload")
    status, word, lines = health(coid)
    assert (status, word) == (503, "failing") and lines["certificate"].startswith("expired since ")


def test_without_certificate_and_pushes_nothing_is_said_of_them(make_coid):
    coid = make_coid(settings={**SETTINGS, "tls.cert": "", "tls.key": "", "imap.listen_tls": [], "webpush.enabled": False})
    lines = wait_health(coid, lambda found: "disk" in found[2])[2]
    assert set(lines) == {"store", "disk"}
