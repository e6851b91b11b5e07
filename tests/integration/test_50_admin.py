"""coidctl and the control socket, configuration errors, reload, signals."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

from coid import BUILD, PASSWORD, ROOT, make_certificate, message


def test_users_are_added_listed_and_removed(coid):
    assert coid.ctl("user", "list") == ""
    coid.add_user("Bob@Example.org")
    coid.add_user("alice@example.org")
    assert coid.ctl("user", "list") == "alice@example.org\nbob@example.org\n"
    details = r"^alice@example\.org id=\d+ enabled created=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} last-login=never$"
    assert re.search(details, coid.ctl("user", "list", "--details"), re.M)
    coid.deliver("bob@example.org", message())
    folders = [path.parent for path in (coid.store / "users").glob("*/*/account.db")]
    assert len(folders) == 1
    bob = coid.raw("bob@example.org", mailbox="INBOX")
    assert coid.ctl("user", "del", "bob@example.org") == "bob@example.org: removed\n"
    assert bob.expect_closed()[-1].startswith(b"* BYE")
    assert coid.ctl("user", "list") == "alice@example.org\n"
    deadline = time.monotonic() + 20
    while folders[0].exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folders[0].exists()
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        coid.login("bob@example.org")
    # A new account of that name is empty.
    coid.add_user("bob@example.org")
    assert coid.login("bob@example.org").select()[1] == [b"0"]


@pytest.mark.parametrize("args,stdin,status,error", [
    (("user", "add", "nobody", "--password-stdin"), "long enough", 1, "not an address"),
    (("user", "add", "a@b", "--password-stdin"), "short", 1, "shorter than 8"),
    (("user", "add", "a@b"), "long enough", 64, "--password-stdin"),
    (("user", "add", "--password-stdin"), "long enough", 64, "missing"),
    (("user", "add", "a@b", "c@d", "--password-stdin"), "long enough", 64, "too many"),
    (("user", "add", "a@b", "--frob", "--password-stdin"), "long enough", 64, "unknown option"),
    (("user", "passwd", "nobody@example.org", "--password-stdin"), "long enough", 1, "no such user"),
    (("user", "del", "nobody@example.org"), None, 1, "no such user"),
    (("user", "quota", "alice@example.org", "--storage", "many"), None, 64, "a limit is a number"),
    (("frobnicate",), None, 64, "unknown verb"),
    (("user",), None, 64, "unknown verb"),
    (("user", "import", "/nonexistent"), None, 1, "No such file"),
])
def test_wrong_calls_say_what_is_wrong(coid, alice, args, stdin, status, error):
    done = coid.ctl(*args, stdin=stdin, check=False)
    assert done.returncode == status, done
    assert error in done.stderr


def test_a_user_is_not_added_twice(coid, alice):
    done = coid.ctl("user", "add", alice, "--password-stdin", stdin="another password\n", check=False)
    assert (done.returncode, done.stderr) == (1, "alice@example.org: is there already\n")
    coid.login(alice)


def test_a_changed_password_holds_at_once(coid, alice):
    coid.login(alice)
    coid.ctl("user", "passwd", alice, "--password-stdin", stdin="a new password\n")
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        coid.login(alice)
    coid.login(alice, "a new password")


def test_a_disabled_user_cannot_log_in(coid, alice):
    coid.login(alice)
    coid.ctl("user", "disable", alice)
    with pytest.raises(Exception):
        coid.login(alice)
    coid.ctl("user", "enable", alice)
    coid.login(alice)


def test_thousands_of_users_are_imported(coid):
    known = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    path = coid.folder / "users"
    lines = [f"user{i}@example.org:{{SHA512-CRYPT}}{known}" for i in range(3000)]
    lines += ["# a comment", "", "plain@example.org:a:plain {password}", "user5@example.org:twice the same", "nonsense", "x@y:",
              "q@example.org:{ROT13}abc", f"r@example.org:{{BCRYPT}}{known}", "last@example.org:{CRYPT}" + known]
    path.write_text("\n".join(lines))
    done = coid.ctl("user", "import", str(path), check=False)
    assert done.returncode == 1
    assert done.stdout == "added: 3002, failed: 5\n"
    errors = dict(re.findall(r"line (\d+): (.*)", done.stderr))
    assert errors["3004"] == "the user is there already"
    assert errors["3005"] == "expected address:password"
    assert "password" in errors["3006"]
    assert errors["3007"] == errors["3008"] == "the hash does not fit its scheme, or the scheme is unknown"
    coid.login("user2999@example.org", "Hello world!")
    coid.login("plain@example.org", "a:plain {password}")
    coid.login("last@example.org", "Hello world!")
    assert len(coid.ctl("user", "list").splitlines()) == 3002


def test_quota_is_shown_and_set(coid, alice):
    coid.deliver(alice, message())
    assert re.search(r"^storage: \d+ of unlimited\nmessages: 1 of unlimited$", coid.ctl("user", "quota", alice), re.M)
    assert "messages: 1 of 10" in coid.ctl("user", "quota", alice, "--messages", "10")
    out = coid.ctl("user", "quota", alice, "--storage", "2M")
    assert re.search(r"storage: \d+ of 2097152", out) and "messages: 1 of 10" in out
    coid.restart()
    out = coid.ctl("user", "quota", alice)
    assert re.search(r"storage: \d+ of 2097152", out) and "messages: 1 of 10" in out
    assert "unlimited" in coid.ctl("user", "quota", alice, "--storage", "default", "--messages", "none")


def test_the_password_file_serves_as_a_second_source(make_coid, tmp_path):
    users = tmp_path / "users"
    users.write_text("carol@example.org:{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJues"
                     "I68u4OTLiBFdcbYEdFCoEOfaS35inz1\n")
    coid = make_coid(settings={"auth.users_file": str(users)})
    # Before the first login.
    coid.deliver("carol@example.org", message())
    coid.login("carol@example.org", "Hello world!")
    known = users.read_text()
    users.write_text(known + known.replace("carol", "dora"))
    coid.ctl("reload")
    coid.deliver("dora@example.org", message())
    assert coid.ctl("user", "list") == "carol@example.org\ndora@example.org\n"
    users.write_text("broken\n")
    done = coid.ctl("reload", check=False)
    assert done.returncode == 1 and f"{users}:1:" in done.stderr
    coid.login("carol@example.org", "Hello world!")
    users.write_text("")
    coid.ctl("reload")
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        coid.login("carol@example.org", "Hello world!")


def test_the_control_socket_is_private_and_survives_nonsense(coid):
    assert stat.S_IMODE(os.stat(coid.control).st_mode) == 0o600
    for junk in (b"\n", b"x" * 100, b"coid1 1 99999999999\n", b"coid1 99 0\n", b"coid1 1 0\n99999:", b"coid1 1 0\n4:abc\0,",
                 b"coid1 1 0\n3:abc;", b"coid1 2 0\n3:abc,"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(coid.control))
            sock.sendall(junk)
            if junk.endswith(b"c,"):
                continue  # incomplete: we hang up
            assert b"x 64" in sock.recv(1000)
    assert "version:" in coid.ctl("status")


def test_an_unreachable_server_is_told(coid):
    coid.stop()
    done = coid.ctl("status", check=False)
    assert done.returncode == 69 and str(coid.control) in done.stderr


def test_help_lists_the_verbs(coid):
    out = coid.ctl("help")
    for verb in ("user add", "user import", "user quota", "status", "check", "reload"):
        assert f"  {verb}" in out


def test_help_needs_no_server(coid):
    coid.stop()
    out = coid.ctl("help")
    for verb in ("user add ADDRESS --password-stdin", "check ADDRESS|--all [--repair]", "check --server", "account lock ADDRESS",
                 "push list", "vapid rotate", "help [VERB]"):
        assert f"  {verb}" in out
    assert coid.ctl() == out
    one = coid.ctl("help", "user", "quota")
    assert one.startswith("  user quota ADDRESS") and one.count("\n") == 1
    assert coid.ctl("help", "user").count("  user ") > 5
    nonsense = coid.ctl("help", "users", check=False)
    assert nonsense.returncode == 64 and nonsense.stdout == "" and "no such verb" in nonsense.stderr


def test_help_imap_lists_the_commands_of_the_server(coid):
    out = coid.ctl("help", "imap")
    assert "  NOOP\tdoes nothing; tells what has changed\n" in out
    assert "\n  UID FETCH sequence-set items " in out
    lines = out.splitlines()
    assert lines == sorted(lines) and len(lines) > 50
    assert "  help imap\t" in coid.ctl("help")
    coid.stop()
    assert coid.ctl("help", "imap", check=False).returncode == 69


def run_coid(*args):
    return subprocess.run([str(BUILD / "coid"), *args], capture_output=True, text=True, timeout=60)


def test_configuration_errors_have_file_and_line(make_coid):
    coid = make_coid(start=False)
    text = coid.config.read_text()
    assert run_coid("-t", "-c", str(coid.config)).returncode == 0
    coid.config.write_text(text + "imap {\n  frob = 1\n  line_max = 1\n}\n")
    done = run_coid("-t", "-c", str(coid.config))
    assert done.returncode == 78
    line = text.count("\n")
    assert f"{coid.config}:{line + 2}:" in done.stderr
    coid.config.write_text(text)
    done = run_coid("-t", "-c", str(coid.config), "-o", "imap.frob=1")
    assert done.returncode == 78 and "-o imap.frob:" in done.stderr
    done = run_coid("-t", "-c", str(coid.config), "-o", "tls.cert=/nonexistent")
    assert done.returncode == 78 and "/nonexistent" in done.stderr
    assert run_coid("-c", "/nonexistent").returncode == 78
    assert run_coid("-x").returncode == 64
    assert run_coid("-V").stdout.startswith("coid ")


def test_the_sample_configuration_is_good(tmp_path):
    cert, key = make_certificate(tmp_path)
    done = run_coid("-t", "-c", str(ROOT / "etc" / "coid.conf"), "-o", f"tls.cert={cert}", "-o", f"tls.key={key}")
    assert done.returncode == 0, done.stderr


def test_a_second_server_on_the_same_store_is_refused(coid):
    done = run_coid("-c", str(coid.config), "-o", "control.socket=/tmp/coid-second", "-o", "lmtp.socket=")
    assert done.returncode == 78 and "another server uses it" in done.stderr


def test_reload_takes_a_new_certificate_and_keeps_sessions(make_coid, tmp_path):
    cert, key = make_certificate(tmp_path)
    coid = make_coid(settings={"tls.cert": str(cert), "tls.key": str(key)})
    alice = coid.add_user("alice@example.org")
    old = coid.login(alice, tls=True)
    before = old.sock.getpeercert(binary_form=True)
    (tmp_path / "new").mkdir()
    for path in make_certificate(tmp_path / "new"):
        shutil.copy(path, tmp_path / path.name)
    coid.reload()
    new = coid.login(alice, tls=True)
    assert new.sock.getpeercert(binary_form=True) != before
    assert old.noop()[0] == "OK"
    cert.write_text("not a certificate")
    coid.process.send_signal(signal.SIGHUP)
    coid.wait_log("configuration not reloaded")
    assert old.noop()[0] == "OK"


def test_reload_reopens_the_log_file(make_coid, tmp_path):
    log = tmp_path / "coid.log"
    coid = make_coid(settings={"server.log_file": str(log), "imap.listen_tls": []})
    assert "coid is ready" in log.read_text()
    log.rename(tmp_path / "old.log")
    coid.reload()
    assert "configuration reloaded" in (log.read_text() + (tmp_path / "old.log").read_text())
    coid.ctl("reload")
    assert "configuration reloaded" in log.read_text()


def test_stopping_says_bye_to_everybody(coid, alice):
    idler = coid.raw(alice, mailbox="INBOX")
    idler.idle()
    waiting = coid.raw()
    lmtp = coid.lmtp()
    coid.process.send_signal(signal.SIGTERM)
    assert idler.expect_closed()[-1].startswith(b"* BYE")
    assert waiting.expect_closed()[-1].startswith(b"* BYE")
    assert lmtp.reply()[0] == 421
    coid.stop()


def test_metrics_and_health_are_served_on_loopback(make_coid):
    coid = make_coid(settings={"metrics.listen": "127.0.0.1:0"})
    coid.add_user("alice@example.org")
    coid.login("alice@example.org")

    def get(path):
        with socket.create_connection(("127.0.0.1", coid.ports["metrics"]), timeout=10) as sock:
            sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            data = b""
            while piece := sock.recv(65536):
                data += piece
            return data.decode()

    assert "\r\n\r\nwarning\nstore: ok\n" in get("/health")
    text = get("/metrics")
    assert "coid_imap_logins_total 1\n" in text and text.endswith("# EOF\n")
    assert get("/other").split()[1] == "404"


def test_the_watchdog_is_fed(make_coid):
    coid = make_coid(env={"WATCHDOG_USEC": "400000"})
    coid.wait_notify("WATCHDOG=1")
    coid.wait_notify("WATCHDOG=1")


def test_sockets_of_the_service_manager_are_taken(make_coid):
    """LISTEN_FDS as systemd hands them over, names telling the services apart."""
    coid = make_coid(start=False)
    imap, lmtp = socket.socket(), socket.socket()
    for sock in (imap, lmtp):
        sock.bind(("127.0.0.1", 0))
        sock.listen()
    coid.settings["imap.listen"] = [f"127.0.0.1:{imap.getsockname()[1]}"]
    coid.settings["lmtp.listen"] = [f"127.0.0.1:{lmtp.getsockname()[1]}"]
    coid.write_config()
    script = ("import os,sys\nos.dup2(int(sys.argv[1]),3)\nos.dup2(int(sys.argv[2]),4)\nos.set_inheritable(3,True)\n"
              "os.set_inheritable(4,True)\nos.environ.update(LISTEN_PID=str(os.getpid()),LISTEN_FDS='2',"
              "LISTEN_FDNAMES='imap:lmtp')\nos.execv(sys.argv[3],sys.argv[3:])\n")
    coid.wrapper = ["/usr/bin/python3", "-c", script, str(imap.fileno()), str(lmtp.fileno())]
    fds = {"pass_fds": (imap.fileno(), lmtp.fileno())}
    real = subprocess.Popen
    subprocess.Popen = lambda *a, **k: real(*a, **{**k, **fds})
    try:
        coid.start()
    finally:
        subprocess.Popen = real
    assert coid.ports["imap"] == imap.getsockname()[1]
    assert coid.ports["lmtp"] == lmtp.getsockname()[1]
    alice = coid.add_user("alice@example.org")
    coid.deliver(alice, message())
    assert coid.login(alice).select()[1] == [b"1"]
    imap.close()
    lmtp.close()


def test_guessing_passwords_costs_time_and_tells_nothing(make_coid):
    coid = make_coid(settings={"auth.delay_max": "2s", "auth.failure_grid": "250ms", "auth.cache_ttl": 0})
    alice = coid.add_user("alice@example.org")
    took = {}
    for user in (alice, "nobody@example.org"):
        raw = coid.raw()
        begin = time.monotonic()
        answers = [raw.no(f'LOGIN "{user}" "wrong{i}"') for i in range(3)]
        took[user] = time.monotonic() - begin
        assert len(set(answers)) == 1 and answers[0].startswith(b"NO [AUTHENTICATIONFAILED] Authentication failed")
    # 250 + 500 + 1000 ms at least, whether the account exists or not.
    assert min(took.values()) > 1.5
    coid.login(alice, PASSWORD)


def test_check_finds_and_repairs_what_does_not_fit(make_coid):
    coid = make_coid(settings={"store.inline_max": 0})
    alice = coid.add_user("alice@example.org")
    for i in range(3):
        coid.deliver(alice, message(subject=f"m{i}"))
    out = coid.ctl("check", alice)
    assert "messages: 3\n" in out and out.endswith("problems: 0\n")
    files = sorted((coid.store / "users").glob("*/*/msg/*/*"))
    assert len(files) == 3
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-5])
    done = coid.ctl("check", alice, check=False)
    assert done.returncode == 1 and "problems: 2\n" in done.stdout
    assert coid.login(alice).select()[1] == [b"3"]
    out = coid.ctl("check", alice, "--repair")
    assert out.endswith("left: 0\n")
    assert coid.login(alice).select()[1] == [b"2"]
    assert coid.ctl("check", alice).endswith("problems: 0\n")
    assert coid.ctl("check", "nobody@example.org", check=False).returncode == 1


def test_check_rebuilds_a_lost_database(make_coid):
    coid = make_coid(settings={"store.inline_max": 0})
    alice = coid.add_user("alice@example.org")
    bodies = [message(subject=f"m{i}", body=f"body {i}\r\n") for i in range(4)]
    for body in bodies:
        coid.deliver(alice, body)
    coid.stop()
    for path in (coid.store / "users").glob("*/*/account.db*"):
        path.unlink()
    coid.start()
    coid.ctl("check", alice, "--repair")
    imap = coid.login(alice)
    found = []
    for line in imap.list()[1]:
        name = line.split(b' "/" ')[1].decode()
        count = int(imap.select(name, readonly=True)[1][0])
        found += [imap.fetch(str(i + 1), "(BODY.PEEK[])")[1][0][1] for i in range(count)]
    assert len(found) == 4
    for body in bodies:
        assert sum(got.endswith(body) for got in found) == 1


def test_the_configuration_check_looks_at_what_web_push_needs(coid, tmp_path):
    cert = coid.settings["tls.cert"]
    junk, empty = tmp_path / "junk.pem", tmp_path / "empty.pem"
    junk.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    empty.write_text("no certificate here\n")

    def check(*options):
        return run_coid("-t", "-c", str(coid.config), *[word for option in options for word in ("-o", option)])

    assert check(f"webpush.ca_file={cert}").returncode == 0
    for path in (junk, empty, tmp_path / "missing.pem", tmp_path):
        done = check(f"webpush.ca_file={path}")
        assert done.returncode != 0 and f"webpush.ca_file: {path}: " in done.stderr, done.stderr
    for proxy in ("http://proxy.example.org:3128", "proxy.example.org:3128", "socks5h://10.0.0.1:1080", "https://u:p@proxy/"):
        assert check(f"webpush.proxy={proxy}").returncode == 0, proxy
    for proxy in ("ftp://proxy.example.org", "http://", "http://proxy:port", "http://a b/", "http://proxy:99999"):
        done = check(f"webpush.proxy={proxy}")
        assert done.returncode != 0 and f"webpush.proxy: {proxy}: " in done.stderr, (proxy, done.stderr)
    done = check("chatmail.enabled=yes", "chatmail.notifier_url=https://127.0.0.1/", f"webpush.ca_file={junk}")
    assert done.returncode != 0 and "chatmail.notifier_url: " in done.stderr and "webpush.ca_file: " in done.stderr


def test_hashes_of_other_servers_are_imported_and_log_in(coid):
    lines = {
        "plain@example.org": ("{PLAIN}Hello world!", "Hello world!"),
        "ssha@example.org": ("{SSHA}MQCu4ULhbjN/m8GjCqCeGAPRr2ZzYWx0c2FsdA==", "Hello world!"),
        "ssha256@example.org": ("{SSHA256}G7PF9TUSELczltJ7gmqKH1Da1d3gpH1nIrag42quQwRzYWx0c2FsdA==", "Hello world!"),
        "ssha512@example.org": ("{SSHA512}e5ouc7Gp84W3s3tg+qC3yU9M5JxemWe7T7F5ACNphX45E4f4CTVbkRF1/e6TIsObPZJtBwVteHPs2dAh0FET"
                                "AnNhbHRzYWx0", "Hello world!"),
        "md5@example.org": ("{MD5-CRYPT}$1$saltsalt$le8lFSqqnPaRFOlmAZpvH1", "Hello world!"),
        "blf@example.org": ("{BLF-CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        "argon@example.org": ("{ARGON2ID}$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
                              "password"),
    }
    text = "".join(f"{name}:{stored}\n" for name, (stored, _) in lines.items())
    text += "short@example.org:{PLAIN}short\nshort2@example.org:short\n"
    done = coid.ctl("user", "import", "-", stdin=text, check=False)
    assert done.stdout == f"added: {len(lines)}, failed: 2\n", done.stderr
    assert done.stderr.count("the password is too short") == 2
    for name, (_, password) in lines.items():
        coid.login(name, password)
    # No password stands there as it is.
    coid.stop()
    for path in coid.store.rglob("*"):
        if path.is_file():
            assert b"Hello world!" not in path.read_bytes()
    coid.start()
