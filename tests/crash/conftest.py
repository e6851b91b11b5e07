"""Options of the kill test; the daemon class comes from the integration tests."""

import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))

from coid import BUILD  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=20, help="rounds of kill -9 under load")
    parser.addoption("--seed", type=int, default=None, help="of the random numbers; printed by each run")


def pytest_configure(config):
    if not (BUILD / "coid").exists():
        raise pytest.UsageError(f"no coid in {BUILD}: build it first (scripts/test does)")
    if config.getoption("seed") is None:
        config.option.seed = random.SystemRandom().randrange(1 << 32)


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.write_line(f"crash tests: --kills {config.getoption('kills')} --seed {config.getoption('seed')}")
