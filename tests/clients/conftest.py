"""Fixtures: a daemon with two users, and what a client program needs. The daemon class is that of the integration tests."""

import pathlib
import shutil
import sys

import pytest

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER))
sys.path.insert(0, str(FOLDER.parent / "integration"))

from coid import BUILD, Coid  # noqa: E402


def pytest_configure(config):
    if not (BUILD / "coid").exists():
        raise pytest.UsageError(f"no coid in {BUILD}: build it first (scripts/test does)")
    # A client that is missing must not look like a client that is content.
    for program, cure in (("node", "scripts/install-deps test"), ("mbsync", "scripts/install-deps test"),
                          ("curl", "scripts/install-deps test")):
        if not shutil.which(program):
            raise pytest.UsageError(f"no {program}: run {cure}")
    if not (FOLDER / "node_modules").is_dir():
        raise pytest.UsageError(f"no clients in {FOLDER}/node_modules: run npm ci there (scripts/test does)")


@pytest.fixture
def make_coid():
    """Makes daemons that are stopped, and checked for sanitizer reports, when the test ends."""
    made = []

    def make(**kwargs):
        coid = Coid(**kwargs)
        made.append(coid)
        return coid

    yield make
    for coid in made:
        coid.close()


@pytest.fixture
def coid(make_coid):
    return make_coid()


@pytest.fixture
def alice(coid):
    return coid.add_user("alice@example.org")


@pytest.fixture
def bob(coid):
    return coid.add_user("bob@example.org")
