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


def install(build, destination):
    done = subprocess.run(["cmake", "--install", build, "--prefix", "/usr"], env={**os.environ, "DESTDIR": str(destination)},
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """(build, DESTDIR). Configured as the README says but for the compiler's work: the programs are those of the tests."""
    folder = tmp_path_factory.mktemp("install")
    build, root = folder / "build", folder / "root"
    subprocess.run(["cmake", "--preset", "release", "-B", build, "-DCMAKE_INSTALL_PREFIX=/usr"], cwd=ROOT, check=True,
                   capture_output=True, timeout=120)
    for name in ("coid", "coidctl"):
        # A copy keeps the test from waiting for a second build; what is looked at is where it goes.
        (build / name).write_bytes((BUILD / name).read_bytes())
        (build / name).chmod(0o755)
    install(build, root)
    return build, root


def test_everything_is_in_its_place(installed):
    _, root = installed
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    expected = {
        "usr/sbin/coid", "usr/bin/coidctl", "etc/coid.conf", "usr/lib/sysusers.d/coid.conf",
        "usr/share/man/man8/coid.8", "usr/share/man/man8/coidctl.8", "usr/share/man/man5/coid.conf.5",
        "usr/share/doc/coid/README.md", "usr/share/doc/coid/LICENSE", "usr/share/doc/coid/storage.md",
        "etc/fail2ban/filter.d/coid.conf", "usr/share/doc/coid/fail2ban/coid.conf",
        *(f"usr/lib/systemd/system/{unit}" for unit in UNITS),
    }
    assert expected <= files, sorted(expected - files)
    for name in ("usr/sbin/coid", "usr/bin/coidctl"):
        assert stat.S_IMODE((root / name).stat().st_mode) == 0o755
    # Nothing went to places that nobody named.
    places = ("usr/sbin/", "usr/bin/", "usr/share/", "usr/lib/systemd/system/", "usr/lib/sysusers.d/", "etc/coid.conf",
              "etc/fail2ban/filter.d/coid.conf")
    assert all(name.startswith(places) for name in files), sorted(files)


def test_installed_text_names_no_folder_of_the_build(installed):
    build, root = installed
    for path in [*root.glob("usr/lib/**/*"), *root.glob("usr/share/man/**/*"), root / "etc/coid.conf"]:
        if path.is_file():
            text = path.read_text()
            assert str(build) not in text and str(ROOT) not in text and "@" not in re.sub(r"\S+@\S+\.\S+|@\w", "", text), path


def test_units_name_absolute_paths_of_what_is_installed(installed):
    _, root = installed
    text = (root / "usr/lib/systemd/system/coid.service").read_text()
    commands = re.findall(r"^Exec\w+=(\S+)", text, re.M)
    assert "/usr/sbin/coid" in commands
    assert all(command.startswith("/") for command in commands)
    assert "-c /etc/coid.conf" in text
    assert "Type=notify" in text and "WatchdogSec=" in text


def test_an_existing_configuration_is_left_alone(installed, tmp_path):
    build, _ = installed
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/coid.conf").write_text("# mine\n")
    install(build, tmp_path)
    assert (tmp_path / "etc/coid.conf").read_text() == "# mine\n"
    assert (tmp_path / "usr/sbin/coid").exists()
    # And twice does no harm.
    install(build, tmp_path)
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
