"""cmake --install puts everything in its place, and the units are good."""

import os
import pathlib
import re
import stat
import subprocess

import pytest

from coid import BUILD, ROOT

pytestmark = pytest.mark.timeout(180)

EXPOSURE_MAX = 3.0
UNITS = ("coid.service", "coid.socket", "coid-imaps.socket", "coid-lmtp.socket")


def readme_commands():
    """The lines of the README's section on installing that a reader types."""
    section = re.search(r"^## Installing\n(.*?)^## ", (ROOT / "README.md").read_text(), re.M | re.S)[1]
    return re.findall(r"^    (\S.*)$", section, re.M)


def readme_line(start):
    """The one command line that begins so."""
    found = [line for line in readme_commands() if line.startswith(start)]
    assert len(found) == 1, found
    return found[0]


def run(command, tree, destination):
    done = subprocess.run(command, shell=True, cwd=tree, env={**os.environ, "DESTDIR": str(destination)}, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_tree(folder, configure=""):
    """A checkout whose build folder is its own, configured as the README says. The programs are those of the tests: a copy
    keeps the test from waiting for a second build; what is looked at is where things go."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name != "build":
            (folder / path.name).symlink_to(path)
    line = readme_line("cmake --preset release").split(" && ")
    assert line == ["cmake --preset release", "cmake --build build/release"]
    run(f"{line[0]} {configure}", folder, "")
    for name in ("coid", "coidctl"):
        (folder / "build/release" / name).write_bytes((BUILD / name).read_bytes())
        (folder / "build/release" / name).chmod(0o755)
    return folder


INSTALL = readme_line("cmake --install")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return make_tree(tmp_path_factory.mktemp("install") / "tree")


@pytest.fixture(scope="module")
def installed(tree, tmp_path_factory):
    """(tree, DESTDIR) after the README's commands."""
    root = tmp_path_factory.mktemp("root")
    run(INSTALL, tree, root)
    return tree, root


def test_everything_is_in_its_place(installed):
    _, root = installed
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    expected = {
        "usr/sbin/coid", "usr/bin/coidctl", "etc/coid.conf", "usr/lib/sysusers.d/coid.conf",
        "usr/share/man/man8/coid.8", "usr/share/man/man8/coidctl.8", "usr/share/man/man5/coid.conf.5",
        "usr/share/doc/coid/README.md", "usr/share/doc/coid/LICENSE", "usr/share/doc/coid/docs/storage.md",
        "etc/fail2ban/filter.d/coid.conf", "usr/share/doc/coid/fail2ban/coid.conf",
        *(f"usr/lib/systemd/system/{unit}" for unit in UNITS),
    }
    assert expected <= files, sorted(expected - files)
    for name in ("usr/sbin/coid", "usr/bin/coidctl"):
        assert stat.S_IMODE((root / name).stat().st_mode) == 0o755
    # All files went to the documented places.
    places = ("usr/sbin/", "usr/bin/", "usr/share/", "usr/lib/systemd/system/", "usr/lib/sysusers.d/", "etc/coid.conf",
              "etc/fail2ban/filter.d/coid.conf")
    assert all(name.startswith(places) for name in files), sorted(files)


def test_installed_text_names_no_folder_of_the_build(installed):
    build, root = installed
    build = build / "build"
    for path in [*root.glob("usr/lib/**/*"), *root.glob("usr/share/man/**/*"), root / "etc/coid.conf"]:
        if path.is_file():
            text = path.read_text()
            assert str(build) not in text and str(ROOT) not in text and "@" not in re.sub(r"\S+@\S+\.\S+|@\w", "", text), path


def test_every_link_of_an_installed_document_leads_somewhere(installed):
    _, root = installed
    folder = root / "usr/share/doc/coid"
    links = [(path, link) for path in folder.rglob("*.md") for link in re.findall(r"\]\(([^)#:\s]+)[)#]", path.read_text())]
    assert len(links) > 10
    files = {str(path) for path in folder.rglob("*") if path.is_file()}
    assert [link for path, link in links if os.path.normpath(path.parent / link) not in files] == []
    assert {path.name for path in ROOT.glob("docs/*.md")} == {path.name for path in folder.glob("docs/*.md")}


def unit_paths(text):
    """The programs and the configuration that a service names."""
    return set(re.findall(r"^Exec\w+=(\S+)", text, re.M)), set(re.findall(r" -c (\S+)", text))


@pytest.mark.parametrize("configure,install,prefix,units", [
    ("", INSTALL, "/usr", "/usr/lib/systemd/system"),
    ("-DCMAKE_INSTALL_PREFIX=/usr", "cmake --install build/release", "/usr", "/usr/lib/systemd/system"),
    ("", "cmake --install build/release", "/usr/local", "/usr/local/lib/systemd/system"),
    ("-DCMAKE_INSTALL_PREFIX=/usr", "cmake --install build/release --prefix /opt/coid", "/opt/coid", "/etc/systemd/system"),
])
def test_units_and_paths_fit_every_prefix_given_early_or_late(tmp_path, configure, install, prefix, units):
    tree, root = make_tree(tmp_path / "tree", configure), tmp_path / "root"
    run(install, tree, root)
    programs, configurations = unit_paths((root / units[1:] / "coid.service").read_text())
    assert programs == {f"{prefix}/sbin/coid", f"{prefix}/bin/coidctl"}
    assert configurations == {"/etc/coid.conf"}
    for path in (*programs, *configurations):
        assert (root / path[1:]).is_file(), path
    # Each file is at one place.
    assert len(list(root.rglob("coid.service"))) == 1 and len(list(root.rglob("sysusers.d/coid.conf"))) == 1


def test_the_unit_fails_for_good_and_reloads_with_an_answer(installed):
    _, root = installed
    text = (root / "usr/lib/systemd/system/coid.service").read_text()
    assert "ExecStart=/usr/sbin/coid -c /etc/coid.conf" in text
    # RestartPreventExitStatus= does not look at the status of a check before the start.
    assert not re.search(r"^ExecStartPre", text, re.M)
    assert "ExecReload=/usr/bin/coidctl -c /etc/coid.conf reload" in text
    assert re.search(r"^RestartPreventExitStatus=.*\b78\b", text, re.M)
    assert "Type=notify" in text and "WatchdogSec=" in text and "LogsDirectory=coid" in text
    # Nobody gets a socket unit who has not asked for it.
    assert "Also=" not in text
    for unit in UNITS[1:]:
        assert "RuntimeDirectory" not in (root / "usr/lib/systemd/system" / unit).read_text()


def test_the_readme_names_what_the_units_have(installed):
    _, root = installed
    socket_unit = (root / "usr/lib/systemd/system/coid-lmtp.socket").read_text()
    path = re.search(r"^ListenStream=/var/spool/postfix/(\S+)$", socket_unit, re.M)[1]
    assert any(f"virtual_transport = lmtp:unix:{path}'" in line for line in readme_commands())
    for wanted in ("virtual_mailbox_domains", "mydestination", "postmaster@", "reject_unverified_recipient"):
        assert any(wanted in line for line in readme_commands()), wanted
    for unit in re.findall(r"\bcoid[\w-]*\.socket\b", " ".join(readme_commands())):
        assert (root / "usr/lib/systemd/system" / unit).is_file()


def test_who_is_not_root_gets_programs_and_nothing_in_etc(tree, tmp_path):
    tmp_path.chmod(0o777)
    for folder in (tree, *tree.parents):
        if str(folder) != "/tmp" and folder.stat().st_uid == os.geteuid() and folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    # The scratch folder of the build is written to by who installs.
    script = f"cmake --install {tree}/build/release --prefix {tmp_path}/mine"
    for path in (tree / "build/release").glob("install*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-c", script],
                          capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]})
    assert "Not root: no systemd units, no /etc/coid.conf" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "mine/sbin/coid").is_file() and not (tmp_path / "mine/lib").exists()


def test_an_existing_configuration_is_left_alone(installed, tmp_path):
    build, _ = installed
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/coid.conf").write_text("# mine\n")
    run(INSTALL, build, tmp_path)
    assert (tmp_path / "etc/coid.conf").read_text() == "# mine\n"
    assert (tmp_path / "usr/sbin/coid").exists()
    # And twice does no harm.
    run(INSTALL, build, tmp_path)
    assert (tmp_path / "etc/coid.conf").read_text() == "# mine\n"


def unit_root(root):
    """systemd-analyze looks for the targets and commands that the units name below --root, too."""
    for name in ("sysinit", "basic", "multi-user", "sockets", "network-online", "shutdown", "network", "paths", "slices",
                 "timers", "local-fs", "swap"):
        path = root / f"usr/lib/systemd/system/{name}.target"
        if not path.exists():
            path.write_text("[Unit]\nDescription=for the test\nDefaultDependencies=no\n")
    kill = root / "bin/kill"
    kill.parent.mkdir(exist_ok=True)
    kill.write_text("#!/bin/sh\n")
    kill.chmod(0o755)
    return root


def analyze(*args):
    return subprocess.run(["systemd-analyze", *map(str, args)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "SYSTEMD_COLORS": "0", "LC_ALL": "C"})


def test_systemd_finds_no_fault_in_the_units(installed):
    _, root = installed
    unit_root(root)
    done = analyze("verify", "--man=no", f"--root={root}", *UNITS)
    assert done.returncode == 0 and done.stderr.strip() == "", done.stdout + done.stderr


def test_the_service_is_well_locked_in(installed):
    _, root = installed
    done = analyze("security", "--offline=true", "--no-pager", root / "usr/lib/systemd/system/coid.service")
    level = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level[1]) < EXPOSURE_MAX, done.stdout


def test_the_user_of_the_service_can_be_made(installed, tmp_path):
    _, root = installed
    (tmp_path / "etc").mkdir()
    conf = tmp_path / "usr/lib/sysusers.d/coid.conf"
    conf.parent.mkdir(parents=True)
    conf.write_bytes((root / "usr/lib/sysusers.d/coid.conf").read_bytes())
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", conf.name], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^coid:.*:/var/lib/coid:", (tmp_path / "etc/passwd").read_text(), re.M)


def test_the_manuals_can_be_set(installed):
    """Every line of a manual is text or a request that there is; each setting of the sample is in coid.conf(5)."""
    _, root = installed
    manual = (root / "usr/share/man/man5/coid.conf.5").read_text()
    for path in pathlib.Path(root / "usr/share/man").rglob("*.[58]"):
        text = path.read_text()
        assert re.search(r"^\.TH ", text, re.M) and ".SH NAME\n" in text and ".SH SEE ALSO" in text, path
        for line in text.splitlines():
            assert not line.startswith(".") or re.match(r"\.(TH|SH|SS|TP|PP|B|I|BR|BI|IR|IB|RB|RI|RS|RE|nf|fi|EX|EE|\\\")\b|\.\\\"",
                                                        line), (path, line)
    settings = re.findall(r"^\t#(\w+) =", (root / "etc/coid.conf").read_text(), re.M)
    assert len(settings) > 30
    assert [name for name in settings if name not in manual.replace("\\", "")] == []
