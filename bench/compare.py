#!/usr/bin/python3
"""Measures coid and Dovecot side by side in one run and prints a table with ratios.

    cmake --preset release -DCOID_BENCH=ON && cmake --build build/release
    bench/compare.py [--rounds N] [--messages N] [--talk N] [--only NAME,...] [--build DIR] [--no-dovecot]

Dovecot is Debian's package, tuned for speed: sdbox, one shared uid, processes that are used again, fsync as by default.
Both servers get the same accounts (SHA512-CRYPT), the same certificate and the same load (bench/load.c), in turn, round by
round; the figures are medians of the rounds. CPU is that of the whole server (all its processes), per operation.
"""

import argparse
import imaplib
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PASSWORD = "bench-password"
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def run(*args, **kwargs):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True, **kwargs)


class Server:
    """A started server: ports, and the CPU and memory of its processes."""

    def __init__(self, folder, cert, key):
        self.folder, self.cert, self.key = folder, cert, key
        self.ports = {name: free_port() for name in ("imap", "imaps", "lmtp")}

    def pids(self):
        """The process and all its descendants."""
        children = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                children.setdefault(int(stat[1]), []).append(int(entry.name))
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue += children.get(pid, [])
        return found

    def cpu(self):
        """Seconds, those of ended and waited-for children included."""
        total = 0
        for pid in self.pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            total += sum(int(fields[i]) for i in (11, 12, 13, 14))
        return total / TICK

    def memory(self):
        """KiB of proportional memory."""
        total = 0
        for pid in self.pids():
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
        return total

    def wait(self):
        for port in self.ports.values():
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                raise SystemExit(f"{self.name} does not answer on {port}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Coid(Server):
    name = "coid"

    def start(self, build, users, more=""):
        store = self.folder / "store"
        store.mkdir()
        control = self.folder / "control"
        conf = self.folder / "coid.conf"
        conf.write_text(f"""
server {{ root = "{store}" hostname = "localhost" max_connections_per_ip = 0 max_connections_per_user = 0
  user = "{'root' if os.geteuid() == 0 else ''}"
  max_connections_before_login = 0 max_connections_before_login_per_ip = 0 log_level = "warn" }}
imap {{ listen = {{"127.0.0.1:{self.ports['imap']}"}} listen_tls = {{"127.0.0.1:{self.ports['imaps']}"}}
  allow_plaintext_loopback = yes }}
lmtp {{ listen = {{"127.0.0.1:{self.ports['lmtp']}"}} socket = "" }}
tls {{ cert = "{self.cert}" key = "{self.key}" }}
auth {{ password_scheme = "SHA512-CRYPT" }}
control {{ socket = "{control}" }}
{more}
""")
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([build / "coid", "-c", conf], stdout=log, stderr=log)
        self.wait()
        lines = self.folder / "users"
        hashed = run("openssl", "passwd", "-6", PASSWORD).stdout.strip()
        lines.write_text("".join(f"{user}:{{CRYPT}}{hashed}\n" for user in users))
        run(build / "coidctl", "-s", control, "user", "import", lines)


class Dovecot(Server):
    name = "Dovecot"

    def start(self, build, users):
        hashed = run("openssl", "passwd", "-6", PASSWORD).stdout.strip()
        (self.folder / "users").write_text("".join(f"{user}:{{CRYPT}}{hashed}\n" for user in users))
        for sub in ("run", "mail"):
            (self.folder / sub).mkdir()
            os.chmod(self.folder / sub, 0o777)
        os.chmod(self.folder, 0o755)
        conf = self.folder / "dovecot.conf"
        conf.write_text(f"""
base_dir = {self.folder}/run
protocols = imap lmtp
listen = 127.0.0.1
log_path = {self.folder}/log
ssl = yes
ssl_cert = <{self.cert}
ssl_key = <{self.key}
disable_plaintext_auth = no
auth_cache_size = 10M
auth_failure_delay = 0
first_valid_uid = 1
mail_location = sdbox:{self.folder}/mail/%u
mail_max_userip_connections = 100000
passdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={self.folder}/mail/%u
}}
default_process_limit = 20000
default_client_limit = 20000
default_vsz_limit = 0
mail_plugins = $mail_plugins zlib
protocol imap {{
  mail_plugins = $mail_plugins imap_zlib
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = {self.ports['imap']}
  }}
  inet_listener imaps {{
    port = {self.ports['imaps']}
    ssl = yes
  }}
}}
service imap {{
  service_count = 1000
  process_min_avail = 4
  client_limit = 1
}}
service lmtp {{
  service_count = 0
  process_min_avail = 4
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.ports['lmtp']}
  }}
}}
""")
        log = open(self.folder / "out", "wb")
        self.process = subprocess.Popen(["dovecot", "-F", "-c", conf], stdout=log, stderr=log)
        self.wait()


class Bench:
    def __init__(self, args, servers, load):
        self.args, self.servers, self.load = args, servers, load
        self.rows = []
        self.seeds = 1

    def seed(self):
        """Another order of the cold accounts for each load."""
        self.seeds += 1
        return self.seeds

    def once(self, server, what, *args, tls=False, port=None, user="u0@example.org"):
        """One load; (values printed, CPU milliseconds an operation)."""
        name = "imaps" if tls else "imap"
        if what in ("lmtp", "cold"):
            head = [what, "127.0.0.1", server.ports["lmtp"]]
        else:
            head = [what, "127.0.0.1", server.ports[name], int(tls), user, PASSWORD]
        before = server.cpu()
        out = run(self.load, *head, *args).stdout
        cpu = server.cpu() - before
        values = {key: float(value) for key, value in re.findall(r"^(\w+) ([\d.]+)$", out, re.M)}
        values["cpu_ms"] = cpu * 1000 / values["operations"]
        return values

    def row(self, name, what, *args, unit=1, figures=("rate", "cpu_ms"), **kwargs):
        """All servers in turn, round by round. `unit`: messages in an operation."""
        if self.args.only and not any(name.startswith(only) for only in self.args.only.split(",")):
            return
        got = {server.name: {figure: [] for figure in figures} for server in self.servers}
        for _ in range(self.args.rounds):
            for server in self.servers:
                values = self.once(server, what, *[a(server) if callable(a) else a for a in args], **kwargs)
                values["rate"] *= unit
                values["cpu_ms"] /= unit
                for figure in figures:
                    got[server.name][figure].append(values[figure])
        self.show(name, {s: {f: statistics.median(v) for f, v in figs.items()} for s, figs in got.items()})

    def show(self, name, medians):
        labels = {"rate": ("/s", 1), "cpu_ms": ("us CPU", 1000), "median_ms": ("ms median", 1), "p99_ms": ("ms p99", 1),
                  "kib": ("KiB", 1)}
        for figure in next(iter(medians.values())):
            label, scale = labels[figure]
            values = [medians[server.name][figure] * scale for server in self.servers]
            ratio = f"{values[0] / values[1]:.2f}" if len(values) > 1 and values[1] else "-"
            cells = " | ".join(f"{value:,.1f}" if value < 100 else f"{value:,.0f}" for value in values)
            line = f"| {name}, {label} | {cells} | {ratio} |"
            self.rows.append(line)
            print(line, flush=True)

    def idle(self, name, tls, count):
        if self.args.only and not name.startswith(tuple(self.args.only.split(","))):
            return
        medians = {}
        for server in self.servers:
            before = server.memory()
            process = subprocess.Popen(
                [self.load, "idle", "127.0.0.1", str(server.ports["imaps" if tls else "imap"]), str(int(tls)),
                 "u0@example.org", PASSWORD, str(count), "20"], stdout=subprocess.PIPE, text=True)
            for line in process.stdout:
                if line.startswith("holding"):
                    break
            time.sleep(6)
            medians[server.name] = {"kib": (server.memory() - before) / count}
            process.kill()
            process.wait()
            process.stdout.close()
            time.sleep(1)
        self.show(name, medians)


def modseq_before_ten_changes(server):
    """(UIDVALIDITY, HIGHESTMODSEQ) of the big mailbox before ten messages get a flag."""
    imap = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    imap.login("big@example.org", PASSWORD)
    text = imap.status("INBOX", "(UIDVALIDITY HIGHESTMODSEQ)")[1][0].decode()
    imap.select()
    imap.uid("STORE", "1:10", "+FLAGS", "(\\Answered)")
    imap.logout()
    return re.search(r"UIDVALIDITY (\d+)", text).group(1), re.search(r"HIGHESTMODSEQ (\d+)", text).group(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=20000, help="in the big mailbox")
    parser.add_argument("--talk", type=int, default=20000, help="messages that are sorted and threaded")
    parser.add_argument("--idle", type=int, default=200, help="idle connections")
    parser.add_argument("--cold", type=int, default=2000, help="accounts that get a message each, in random order")
    parser.add_argument("--only", help="rows whose names begin with one of these")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--no-dovecot", action="store_true")
    args = parser.parse_args()
    load = args.build / "bench" / "load"
    if not load.exists():
        raise SystemExit("build first: cmake --preset release -DCOID_BENCH=ON && cmake --build build/release")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="coid-bench-"))
    os.chmod(folder, 0o755)
    cert, key = folder / "cert.pem", folder / "key.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
        "-subj", "/CN=localhost", "-keyout", key, "-out", cert)
    users = ["u%d@example.org" % i for i in range(64)] + ["big@example.org", "talk@example.org"]
    users += ["c%d@example.org" % i for i in range(args.cold)]
    servers = []
    for kind in (Coid,) if args.no_dovecot else (Coid, Dovecot):
        (folder / kind.name).mkdir()
        server = kind(folder / kind.name, cert, key)
        server.start(args.build, users)
        servers.append(server)
    bench = Bench(args, servers, load)
    print(f"| work | {' | '.join(s.name for s in servers)} | ratio |\n|{' --- |' * (len(servers) + 2)}", flush=True)
    try:
        n = args.messages
        bench.row("login and logout over TLS, 4 connections", "login", 4, 400, tls=True)
        bench.row("APPEND 4 KiB, 1 connection", "append", 1, 300, 4096, user="u%d@example.org")
        bench.row("APPEND 4 KiB, 8 connections", "append", 8, 1600, 4096, user="u%d@example.org")
        bench.row("LMTP delivery 4 KiB, 4 senders", "lmtp", 4, 1200, 4096, "u%d@example.org")
        if not args.only or "LMTP delivery to cold" in args.only:
            for server in servers:
                bench.once(server, "cold", 8, args.cold // 8 * 8, 1024, "c%d@example.org", args.cold, 1)
        bench.row("LMTP delivery to cold accounts, 8 senders", "cold", 8, args.cold // 8 * 8, 1024, "c%d@example.org", args.cold,
                  lambda server: bench.seed())
        bench.row("250 of LMTP to EXISTS in IDLE", "exists", "127.0.0.1", lambda s: s.ports["lmtp"], 100, user="u9@example.org",
                  figures=("median_ms", "p99_ms"))
        many = {"user": "u10@example.org"}
        if not args.only or "NOTIFY" in args.only:
            for server in servers:
                bench.once(server, "boxes", 500, **many)
        bench.row("NOTIFY SET STATUS over 500 mailboxes", "command", 50,
                  "NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange))", **many)
        bench.row("NOTIFY over 500 mailboxes: 250 of LMTP to STATUS", "notify", "127.0.0.1", lambda s: s.ports["lmtp"], 100,
                  figures=("cpu_ms", "median_ms", "p99_ms"), **many)
        needs_big = not args.only or any(x in args.only for x in ("FETCH", "SELECT", "first", "UID", "SEARCH", "COPY"))
        if needs_big:
            for server in servers:
                bench.once(server, "append", 8, n // 8 * 8, 4096, user="big@example.org")
        big = {"user": "big@example.org"}
        bench.row("SELECT of the big mailbox", "select", 200, **big)
        bench.row("FETCH FLAGS", "fetch", 5, "(FLAGS)", unit=n, **big)
        bench.row("first sync: ENVELOPE, BODYSTRUCTURE, header fields", "fetch", 1,
                  "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])",
                  unit=n, **big)
        bench.row("FETCH BODY.PEEK[] plain", "fetch", 1, "(BODY.PEEK[])", unit=n, **big)
        bench.row("FETCH BODY.PEEK[] over TLS", "fetch", 1, "(BODY.PEEK[])", unit=n, tls=True, **big)
        bench.row("first sync with COMPRESS", "command", 1,
                  "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])",
                  "COMPRESS DEFLATE", unit=n, **big)
        bench.row("UID STORE one flag", "command", 500, "UID STORE %u +FLAGS (\\Flagged)", **big)
        resync = {server: modseq_before_ten_changes(server) for server in servers} if needs_big else {}
        bench.row("CHANGEDSINCE after 10 changes", "command", 50,
                  lambda s: f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {resync[s][1]})", **big)
        bench.row("SELECT with QRESYNC after 10 changes", "command", 50,
                  lambda s: f"SELECT INBOX (QRESYNC ({resync[s][0]} {resync[s][1]}))", "ENABLE QRESYNC", **big)
        bench.row("SEARCH SUBJECT", "command", 3, "SEARCH SUBJECT nowhere", **big)
        bench.row("SEARCH BODY", "command", 1, "SEARCH BODY nowhere", **big)
        bench.row("SEARCH TEXT", "command", 1, "SEARCH TEXT nowhere", **big)
        bench.row("COPY 100 messages", "command", 10, "UID COPY 1:100 INBOX", unit=100,
                  **big)
        if not args.only or any(x in args.only for x in ("SORT", "THREAD")):
            for server in servers:
                bench.once(server, "talk", 8, args.talk // 8 * 8, 2048, user="talk@example.org")
        talk = {"user": "talk@example.org"}
        bench.row("SORT by ARRIVAL", "command", 5, "UID SORT (REVERSE ARRIVAL) UTF-8 ALL", **talk)
        bench.row("SORT by DATE", "command", 5, "UID SORT (DATE) UTF-8 ALL", **talk)
        bench.row("SORT by SUBJECT", "command", 3, "UID SORT (SUBJECT) UTF-8 ALL", **talk)
        bench.row("THREAD REFERENCES", "command", 3, "UID THREAD REFERENCES UTF-8 ALL", **talk)
        bench.idle("memory of an idle connection in IDLE, plain", False, args.idle)
        bench.idle("memory of an idle connection in IDLE, TLS", True, args.idle)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
