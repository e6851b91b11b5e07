"""scripts/quickstart for real: what it prints is so, what it starts can be stopped, what it keeps is kept."""

import imaplib
import os
import pathlib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import stat
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUICKSTART = str(ROOT / "scripts" / "quickstart")
KEYS = ["IMAP", "IMAPS", "LMTP", "control", "config", "pid", "account", "coidctl", "curl", "read", "deliver"]
BUILD_SECONDS = 900

pytestmark = pytest.mark.timeout(BUILD_SECONDS)


def free_base():
    """A port base whose three ports are free."""
    for base in range(20_000 + os.getpid() % 10_000, 60_000, 37):
        sockets = []
        try:
            for offset in (24, 143, 993):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            pass
        finally:
            for sock in sockets:
                sock.close()
    raise AssertionError("no free ports")


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.base = free_base()
        self.values = {}

    def arguments(self, *options):
        return [QUICKSTART, "--dir", str(self.folder), "--port-base", str(self.base), *options]

    def run(self, *options, check=True):
        """With --detach; reads its output to the end, which comes only if nobody holds the pipe."""
        done = subprocess.run(self.arguments("--detach", *options), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=BUILD_SECONDS)
        if not check:
            return done
        assert done.returncode == 0, done.stdout + done.stderr
        self.read(done.stdout)
        return done

    def read(self, text):
        lines = text.splitlines()
        assert [line.split(": ", 1)[0] for line in lines] == KEYS, text
        self.values = dict(line.split(": ", 1) for line in lines)
        self.pid = int(self.values["pid"])

    def shell(self, command, **options):
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, **options)

    def alive(self):
        """True if the process exists and is ours; a zombie does not count."""
        try:
            text = pathlib.Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return False
        return str(self.folder).encode() in text

    def wait_gone(self):
        end = time.monotonic() + 60
        while self.alive():
            assert time.monotonic() < end, "the server is still there"
            time.sleep(0.05)

    def stop(self):
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
            self.wait_gone()


@pytest.fixture
def demo(tmp_path):
    demo = Demo(tmp_path / "a demo")
    demo.pid = 0
    yield demo
    if demo.pid:
        demo.stop()


def deliver(demo, recipient, subject):
    host, port = demo.values["LMTP"].split(":")
    with smtplib.LMTP(host, int(port), timeout=30) as lmtp:
        assert lmtp.sendmail("sender@example.net", [recipient], f"Subject: {subject}\r\n\r\nhello\r\n") == {}


def test_detached_it_prints_what_one_needs_and_keeps_data(demo):
    options = ("--user", "Alice@example.org", "--password", "it's a $ecret", "--set", "server.reactors=1",
               "--set", "lmtp.recipients_max=100")
    demo.run(*options)
    values = demo.values
    assert values["IMAP"] == f"127.0.0.1:{demo.base + 143}"
    assert values["IMAPS"] == f"127.0.0.1:{demo.base + 993}"
    assert values["LMTP"] == f"127.0.0.1:{demo.base + 24}"
    assert values["account"] == "Alice@example.org"
    assert stat.S_ISSOCK(os.stat(values["control"]).st_mode)
    assert pathlib.Path(values["config"]).is_file()
    assert stat.S_IMODE(os.stat(demo.folder / "key.pem").st_mode) == 0o600
    assert demo.alive()
    # None of the caller's descriptors; standard input and output are not his either.
    for fd in pathlib.Path(f"/proc/{demo.pid}/fd").iterdir():
        if int(fd.name) <= 2:
            assert os.readlink(fd) in ("/dev/null", str(demo.folder / "coid.log"))
    # The lines work as pasted.
    done = demo.shell(values["coidctl"] + " user list")
    assert done.stdout == "alice@example.org\n", done.stderr
    deliver(demo, "alice@example.org", "kept")
    done = demo.shell(values["curl"] + " --silent --show-error")
    assert done.returncode == 0 and re.match(r"\* SEARCH 1\r?\n", done.stdout), done.stdout + done.stderr
    # The settings hold.
    with smtplib.LMTP("127.0.0.1", demo.base + 24, timeout=30) as lmtp:
        lmtp.ehlo_or_helo_if_needed()
        lmtp.mail("a@b.c")
        assert [lmtp.rcpt("alice@example.org")[0] for _ in range(101)] == [250] * 100 + [452]
    # A second server in the same place is refused, and the first one lives on.
    done = demo.run(*options, check=False)
    assert done.returncode == 1 and "running" in done.stderr and str(demo.pid) in done.stderr
    assert demo.alive()
    demo.stop()
    # The data are there in the second run, with another password if one is given.
    demo.run("--user", "alice@example.org", "--password", "another one")
    assert demo.shell(demo.values["curl"] + " --silent --show-error").stdout.startswith("* SEARCH 1")
    assert demo.shell(demo.values["coidctl"] + " user list").stdout == "alice@example.org\n"
    demo.stop()
    assert "coid is ready" in (demo.folder / "coid.log").read_text()


def wait_no_pid_file(demo):
    end = time.monotonic() + 30
    while (demo.folder / "coid.pid").exists():
        assert time.monotonic() < end, "coid.pid is still there"
        time.sleep(0.05)


def test_it_tells_that_it_builds_and_leaves_no_pid_of_a_server_that_is_gone(demo):
    done = demo.run()
    assert f"building; the output goes to {demo.folder}/build.log\n" in done.stderr
    assert (demo.folder / "coid.pid").read_text() == f"{demo.pid}\n"
    os.kill(demo.pid, signal.SIGKILL)
    demo.wait_gone()
    wait_no_pid_file(demo)
    # Nor of one that ended with the machine.
    (demo.folder / "coid.pid").write_text("1\n")
    done = demo.run("--set", "imap.listen=203.0.113.1:143", check=False)
    assert done.returncode == 1 and "cannot listen on 203.0.113.1:143" in done.stderr
    assert not (demo.folder / "coid.pid").exists()
    assert demo.run().returncode == 0
    demo.stop()
    wait_no_pid_file(demo)


def test_a_full_disk_is_named(demo):
    """On a file system of its own, which needs root."""
    demo.folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", demo.folder], check=True, capture_output=True)
    try:
        demo.run()
        demo.stop()
        wait_no_pid_file(demo)
        with open(demo.folder / "filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        done = demo.run(check=False)
        if done.returncode == 0:
            demo.stop()  # the store may start without room
        else:
            assert f"there is no space left on the disk of {demo.folder}" in done.stderr, done.stderr
        # A first run leaves no half files behind.
        for path in ("cert.pem", "key.pem", "coid.conf"):
            (demo.folder / path).unlink()
        with open(demo.folder / "more", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 512):
                    pass
            except OSError:
                pass
        done = demo.run(check=False)
        assert done.returncode == 1 and f"there is no space left on the disk of {demo.folder}" in done.stderr, done.stderr
        # The files that exist are complete.
        made = [demo.folder / path for path in ("cert.pem", "key.pem", "coid.conf") if (demo.folder / path).exists()]
        assert all(re.search(r"(-----END .*-----|\})\s*\Z", path.read_text()) for path in made)
        (demo.folder / "filler").unlink()
        demo.run()
    finally:
        demo.stop()
        subprocess.run(["umount", "-l", demo.folder], check=True)


def test_the_readme_shows_what_is_printed(demo):
    demo.run()
    text = (ROOT / "README.md").read_text()
    # The block is what is printed: these lines, in this order, and no other.
    block = re.search(r"^    IMAP: .*\n(?:    .*\n)*", text, re.M)[0]
    assert [line.strip().split(": ", 1)[0] for line in block.splitlines()] == KEYS
    values = {key: re.search(rf"^    {key}: (.*)$", text, re.M)[1] for key in KEYS}
    for key in KEYS:
        shown = values[key].replace("/home/you/coid/demo", str(demo.folder).replace(" ", "\\ ") if key in ("coidctl", "curl", "read") else
                                    str(demo.folder)).replace("/home/you/coid", str(ROOT))
        if key != "pid":
            got = demo.values[key]
            for offset in (24, 143, 993):
                got = got.replace(f":{demo.base + offset}", f":{1000 + offset}")
            assert got == shown, key


def test_the_readme_tells_clients_settings_that_work(demo):
    demo.run()
    text = (ROOT / "README.md").read_text()
    table = dict(re.findall(r"^\| (protocol|host|port and security|user|password) \| (.*?) \|$", text, re.M))
    tls, starttls = (int(port) - 1000 + demo.base for port in re.findall(r"\d+", table["port and security"]))
    context = ssl.create_default_context(cafile=demo.folder / "cert.pem")
    with imaplib.IMAP4_SSL(table["host"], tls, ssl_context=context, timeout=30) as imap:
        imap.login(table["user"], table["password"])
    with imaplib.IMAP4(table["host"], starttls, timeout=30) as imap:
        imap.starttls(context)
        imap.login(table["user"], table["password"])
        assert imap.select() == ("OK", [b"1"])


def test_detached_it_lets_go_of_every_descriptor(demo):
    """Its output and one more pipe end with the script, although the server goes on."""
    reader, writer = os.pipe()
    done = subprocess.run(self_with_fd(demo, writer), stdin=subprocess.DEVNULL, capture_output=True, text=True, pass_fds=(writer,),
                          timeout=BUILD_SECONDS)
    os.close(writer)
    assert done.returncode == 0, done.stderr
    demo.read(done.stdout)
    os.set_blocking(reader, False)
    assert os.read(reader, 1) == b"", "somebody still holds the pipe"
    os.close(reader)
    assert demo.alive()


def self_with_fd(demo, fd):
    """The script with the descriptor also under a high number, beyond those a shell closes by name."""
    command = " ".join(["exec", f"57>&{fd};", "exec", '"$@"'])
    return ["bash", "-c", command, "bash", *demo.arguments("--detach")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_in_the_foreground_it_stops_with_a_signal(demo, number):
    # A background job inherits SIGINT ignored, which a shell can't undo: here it is as on a terminal.
    process = subprocess.Popen(demo.arguments(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("deliver: "):
            break
    demo.read("".join(lines))
    assert demo.values["account"] == "demo@localhost.localdomain"
    assert demo.alive() and process.poll() is None
    # The demo has a first message, and a line that delivers another.
    assert demo.shell(demo.values["curl"] + " --silent --show-error").stdout.startswith("* SEARCH 1\n")
    assert "Subject: Welcome to coid\n" in demo.shell(demo.values["read"] + " --silent --show-error").stdout
    done = demo.shell(demo.values["deliver"])
    assert done.returncode == 0 and done.stdout.startswith("250 2.1.5 <demo@localhost.localdomain> delivered"), done.stderr
    assert demo.shell(demo.values["curl"] + " --silent --show-error").stdout.startswith("* SEARCH 1 2\n")
    assert (demo.folder / "coid.pid").read_text() == f"{demo.pid}\n"
    process.send_signal(number)
    assert process.wait(60) == 0
    demo.wait_gone()
    assert process.stdout.read() == ""
    assert not (demo.folder / "coid.pid").exists()
    process.stdout.close()
    for offset in (24, 143, 993):
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", demo.base + offset)) != 0


@pytest.mark.parametrize("options,status,text", [
    (["--frob"], 2, "unknown option --frob"),
    (["--dir"], 2, "--dir needs a value"),
    (["--port-base", "many"], 2, "--port-base wants a number"),
    (["--port-base", "65000"], 2, "--port-base wants a number"),
    (["--set", "nonsense"], 2, "--set wants section.key=value"),
    (["--set", "imap.frob=1"], 1, "imap.frob"),
    (["--set", "store.message_max=many"], 1, "store.message_max"),
    (["--user", "nobody", "--password", "long enough"], 1, "not an address"),
    (["--user", "a@b.example", "--password", "short"], 1, "shorter than"),
])
def test_what_is_wrong_is_said_and_nothing_runs(demo, options, status, text):
    done = demo.run(*options, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert text in done.stderr, done.stderr
    assert done.stdout == ""
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", demo.base + 143)) != 0


def test_a_port_in_use_is_told(demo):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", demo.base + 143))
        sock.listen()
        done = demo.run(check=False)
    assert done.returncode == 1 and "did not start" in done.stderr and str(demo.base + 143) in done.stderr, done.stderr


def test_help_is_no_error():
    done = subprocess.run([QUICKSTART, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "--port-base" in done.stdout


def test_an_ordinary_user_needs_no_sudo_if_nothing_is_missing():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="coid-install-deps-"))
    try:
        folder.chmod(0o755)
        script = shutil.copy(ROOT / "scripts" / "install-deps", folder)
        as_nobody = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []
        done = subprocess.run([*as_nobody, script, "build"], capture_output=True, text=True, timeout=60, cwd="/")
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0 and done.stdout + done.stderr == ""
