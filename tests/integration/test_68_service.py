"""Service managers and administrators: sockets handed over, the configuration that holds, reloads, errors."""

import re
import socket
import subprocess

import pytest

from coid import BUILD, make_certificate, message
from lmtpraw import Lmtp

# Puts descriptors where LISTEN_FDS wants them and becomes the daemon.
HAND_OVER = """
import os, sys
names, fds, command = sys.argv[1], [int(fd) for fd in sys.argv[2].split(",")], sys.argv[3:]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


class Handed:
    """Sockets that outlive a daemon, as those of a socket unit do."""

    def __init__(self, monkeypatch, coid):
        self.monkeypatch, self.coid, self.sockets = monkeypatch, coid, []

    def add(self, name, sock):
        sock.listen()
        self.sockets.append((name, sock))
        return sock

    def tcp(self, name, address=("127.0.0.1", 0), family=socket.AF_INET, both=None):
        sock = socket.socket(family)
        if both is not None:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        return self.add(name, sock)

    def unix(self, name, path):
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(path))
        return self.add(name, sock)

    def prepare(self):
        fds = [sock.fileno() for _, sock in self.sockets]
        self.coid.wrapper = ["/usr/bin/python3", "-c", HAND_OVER, ":".join(name for name, _ in self.sockets),
                             ",".join(map(str, fds))]
        real = subprocess.Popen
        self.monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: real(*a, **({"pass_fds": fds} | k)))

    def start(self):
        self.prepare()
        self.coid.write_config()
        self.coid.start()

    def close(self):
        for _, sock in self.sockets:
            sock.close()


@pytest.fixture
def handed(make_coid, monkeypatch):
    handed = Handed(monkeypatch, make_coid(start=False))
    yield handed
    handed.coid.stop()
    handed.close()


def listening(coid, service):
    return re.findall(rf"listening service={service} address=(\S+)", coid.log_text())


def test_a_socket_that_the_configuration_names_is_served(handed):
    sock = handed.tcp("imap")
    address = f"127.0.0.1:{sock.getsockname()[1]}"
    handed.coid.settings["imap.listen"] = [address]
    handed.start()
    assert listening(handed.coid, "imap") == [address]
    alice = handed.coid.add_user("alice@example.org")
    handed.coid.login(alice)


def test_what_is_named_but_was_not_handed_over_is_opened(handed):
    sock = handed.tcp("imap")
    address = f"127.0.0.1:{sock.getsockname()[1]}"
    handed.coid.settings["imap.listen"] = ["127.0.0.2:0", address]
    handed.start()
    found = listening(handed.coid, "imap")
    assert len(found) == 2 and address in found and any(place.startswith("127.0.0.2:") for place in found)


def test_a_socket_that_the_configuration_does_not_name_is_refused(handed):
    sock = handed.tcp("imap", ("0.0.0.0", 0))
    port = sock.getsockname()[1]
    handed.start()
    log = handed.coid.log_text()
    assert ("a socket of the service manager is not served: the configuration does not name it service=imap "
            f"address=0.0.0.0:{port} setting=imap.listen") in log
    assert f"0.0.0.0:{port}" not in listening(handed.coid, "imap") and handed.coid.ports["imap"] != port


def test_a_port_that_is_held_for_more_than_is_named_is_an_error_that_says_so(handed):
    sock = handed.tcp("imap", ("0.0.0.0", 0))
    port = sock.getsockname()[1]
    handed.coid.settings["imap.listen"] = [f"127.0.0.1:{port}"]
    handed.prepare()
    handed.coid.write_config()
    done = subprocess.run([*handed.coid.wrapper, str(BUILD / "coid"), "-c", str(handed.coid.config)], capture_output=True,
                          text=True, timeout=60, env=handed.coid.environment(), pass_fds=[sock.fileno()])
    assert done.returncode == 78
    assert f"cannot listen on 127.0.0.1:{port}: bind: Address already in use\n" in done.stderr
    assert "imap.listen: the service manager holds that port for an address that is not named" in done.stderr


def test_one_socket_for_both_families_is_what_both_addresses_name(handed):
    sock = handed.tcp("imap", ("::", 0), socket.AF_INET6, both=True)
    port = sock.getsockname()[1]
    handed.coid.settings["imap.listen"] = [f"0.0.0.0:{port}", f"[::]:{port}"]
    handed.start()
    assert listening(handed.coid, "imap") == [f"[::]:{port}"]
    handed.coid.stop()
    # But not what one of them names.
    handed.coid.settings["imap.listen"] = [f"[::]:{port}"]
    handed.coid.write_config()
    with pytest.raises(AssertionError, match="not served"):
        handed.coid.start()
    handed.coid.process = None
    handed.coid.notify.close()


def test_a_relays_socket_stands_beside_what_is_configured_and_outlives_the_daemon(handed, tmp_path):
    path = tmp_path / "coid-lmtp"
    handed.unix("lmtp", path)
    handed.start()
    coid = handed.coid
    alice = coid.add_user("alice@example.org")
    for _ in range(2):
        assert set(listening(coid, "lmtp")) == {str(path), str(coid.lmtp_socket), f"127.0.0.1:{coid.ports['lmtp']}"}
        for address in (str(path), str(coid.lmtp_socket), ("127.0.0.1", coid.ports["lmtp"])):
            with Lmtp(address) as lmtp:
                lmtp.hello()
                assert lmtp.deliver([alice], message())[alice][0] == 250
        coid.reload()
        assert path.exists()
        coid.restart()
    # Mail that comes while nobody serves waits in the socket.
    coid.stop()
    with Lmtp(str(path)) as lmtp:
        coid.start()
        lmtp.hello()


def test_a_socket_at_the_configured_path_takes_its_place(handed, tmp_path):
    path = tmp_path / "lmtp"
    handed.coid.settings["lmtp.socket"] = str(path)
    handed.unix("lmtp", path)
    handed.start()
    assert [place for place in listening(handed.coid, "lmtp") if place.startswith("/")] == [str(path)]
    handed.coid.stop()
    assert path.exists()


# -- which configuration ---------------------------------------------------------------------------------------------


def with_etc(config, *command):
    """Runs a command where `config` is /etc/coid.conf (or nothing is, if it is None), whatever the machine has."""
    script = ('set -e; d=$(mktemp -d); mount -t tmpfs none "$d"; mkdir "$d/up" "$d/work"\n'
              'mount -t overlay none -o "lowerdir=/etc,upperdir=$d/up,workdir=$d/work" /etc\n'
              'rm -f /etc/coid.conf; if [ -n "$1" ]; then cp "$1" /etc/coid.conf; fi; shift; exec "$@"')
    return subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(config or ""), *map(str, command)],
                          capture_output=True, text=True, timeout=60)


def test_the_check_reads_the_installed_configuration(make_coid):
    coid = make_coid(start=False)
    done = with_etc(coid.config, BUILD / "coid", "-t")
    assert (done.returncode, done.stdout, done.stderr) == (0, "configuration is good: /etc/coid.conf\n", "")
    coid.config.write_text("imap {\n  frob = 1\n}\n")
    done = with_etc(coid.config, BUILD / "coid", "-t")
    assert done.returncode == 78 and "/etc/coid.conf:2:" in done.stderr, done.stderr
    done = with_etc(coid.config, BUILD / "coid")
    assert done.returncode == 78 and "/etc/coid.conf:2:" in done.stderr, done.stderr


def test_without_an_installed_configuration_the_check_says_what_holds(tmp_path):
    cert, key = make_certificate(tmp_path)
    done = with_etc(None, BUILD / "coid", "-t", "-o", f"tls.cert={cert}", "-o", f"tls.key={key}")
    assert (done.returncode, done.stdout) == (0, "configuration is good: there is no /etc/coid.conf, the defaults hold\n")


def test_coidctl_finds_the_daemon_of_the_installed_configuration(coid):
    done = with_etc(coid.config, BUILD / "coidctl", "status")
    assert done.returncode == 0 and f"listen-control: {coid.control}\n" in done.stdout, done.stderr
    assert with_etc(None, BUILD / "coidctl", "-c", coid.config, "status").returncode == 0
    done = with_etc(None, BUILD / "coidctl", "status")
    assert done.returncode == 69 and "/run/coid/control" in done.stderr


# -- reloads ---------------------------------------------------------------------------------------------------------


def test_a_reload_tells_what_waits_for_a_restart(coid):
    coid.settings["server.workers"] = 5
    coid.settings["lmtp.recipients_max"] = 200
    coid.write_config()
    done = coid.ctl("reload", check=False)
    assert (done.returncode, done.stdout) == (0, "reloaded\n")
    assert done.stderr == "settings that take effect at the next start: server.workers\n"
    assert "settings that take effect at the next start: server.workers" in coid.log_text()


def test_a_refused_reload_fails_and_says_why(coid):
    good = coid.config.read_text()
    coid.config.write_text(good + "imap {\n  line_max = 1\n}\n")
    done = coid.ctl("reload", check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert f"{coid.config}:{good.count(chr(10)) + 2}: imap.line_max" in done.stderr
    # The unit calls it like this: the broken file no longer names the control socket, but the environment does.
    done = subprocess.run([str(BUILD / "coidctl"), "-c", str(coid.config), "reload"], capture_output=True, text=True,
                          timeout=60, env=coid.environment() | {"COID_CONTROL": str(coid.control)})
    assert done.returncode == 1 and "imap.line_max" in done.stderr


def test_a_broken_configuration_is_named_when_nobody_answers(coid):
    coid.config.write_text("frob\n")
    done = subprocess.run([str(BUILD / "coidctl"), "-c", str(coid.config), "reload"], capture_output=True, text=True,
                          timeout=60, env=coid.environment())
    assert done.returncode == 69 and f"{coid.config}:1:" in done.stderr


def test_a_log_file_that_a_reload_brings_is_used(coid, tmp_path):
    log = tmp_path / "coid.log"
    coid.settings["server.log_file"] = str(log)
    coid.write_config()
    assert coid.ctl("reload") == "reloaded\n"
    assert "configuration reloaded" in log.read_text() and "configuration reloaded" not in coid.log_text()
    other = tmp_path / "other.log"
    coid.settings["server.log_file"] = str(other)
    coid.write_config()
    coid.ctl("reload")
    assert "configuration reloaded" in other.read_text()
    # And back to standard error.
    del coid.settings["server.log_file"]
    coid.write_config()
    coid.ctl("reload")
    assert "configuration reloaded" in coid.log_text()


def test_a_log_file_that_cannot_be_written_is_refused_by_check_reload_and_start(coid, tmp_path):
    path = tmp_path / "none" / "coid.log"
    coid.settings["server.log_file"] = str(path)
    coid.write_config()
    wanted = f"server.log_file: {path}: No such file or directory\n"
    done = coid.ctl("reload", check=False)
    assert (done.returncode, done.stderr) == (1, wanted)
    done = subprocess.run([str(BUILD / "coid"), "-t", "-c", str(coid.config)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (78, wanted)
    done = subprocess.run([str(BUILD / "coid"), "-c", str(coid.config)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (78, wanted)
    # The configuration that was in use stays in use.
    assert "configuration not reloaded" in coid.log_text()


# -- errors ----------------------------------------------------------------------------------------------------------


def checked(coid, user=None):
    become = ["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups"] if user else []
    done = subprocess.run([*become, str(BUILD / "coid"), "-t", "-c", str(coid.config)], capture_output=True, text=True,
                          timeout=60, env=coid.environment())
    assert done.returncode == 78 and done.stderr.endswith("\n") and done.stderr.count("\n") == 1, done
    return done.stderr


def test_an_error_about_certificates_has_the_systems_reason(make_coid):
    coid = make_coid(start=False)
    cert, key = make_certificate(coid.folder)
    coid.settings.update({"tls.cert": str(cert), "tls.key": str(key)})
    coid.write_config()
    # Another user reaches the folder but not the key.
    coid.folder.chmod(0o755)
    key.chmod(0o600)
    assert checked(coid, "nobody") == f"cannot use key file {key}: Permission denied\n"
    key_text = key.read_text()
    key.unlink()
    assert checked(coid) == f"cannot use key file {key}: No such file or directory\n"
    key.write_text(key_text)
    cert.unlink()
    assert checked(coid) == f"cannot use certificate file {cert}: No such file or directory\n"
    cert.mkdir()
    assert "Is a directory" in checked(coid)
    cert.rmdir()
    cert.write_text("nothing of use\n")
    assert "no start line" in checked(coid)


def test_every_error_of_a_start_ends_its_line(make_coid, coid):
    other = make_coid(settings={"imap.listen": [f"127.0.0.1:{coid.ports['imap']}"]}, start=False)
    done = subprocess.run([str(BUILD / "coid"), "-c", str(other.config)], capture_output=True, text=True, timeout=60,
                          env=other.environment())
    assert done.returncode == 78
    assert done.stderr.endswith(f"cannot listen on 127.0.0.1:{coid.ports['imap']}: bind: Address already in use\n")
