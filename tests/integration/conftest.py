"""Fixtures: a daemon with one user, a factory for others."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from coid import BUILD, Coid  # noqa: E402


def pytest_configure(config):
    if not (BUILD / "coid").exists():
        raise pytest.UsageError(f"no coid in {BUILD}: build it first (scripts/test does)")


def pytest_addoption(parser):
    parser.addoption("--stress-seconds", type=float, default=6, help="how long each part of the stress test lasts")


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
    """The name of a user of `coid`."""
    return coid.add_user("alice@example.org")
