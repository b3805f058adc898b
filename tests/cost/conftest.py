"""Running a test once with each of the two readers: records in Python, whole files in duckdb."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import pytest

from llmopt.cost import prepared
from llmopt.cost.read import Settings
from tests.cli.conftest import llmopt as llmopt  # the command line, for the tests of bad input

THOROUGH = bool(os.environ.get("LLMOPT_THOROUGH"))
ALWAYS_SMALL, NEVER_SMALL = 2**60, -1
Force = Callable[[str], None]


def examples(usual: int, thorough: int) -> int:
    """How many examples to try where duckdb plans a statement for each; more with LLMOPT_THOROUGH=1."""
    return thorough if THOROUGH else usual


@pytest.fixture
def force(monkeypatch: pytest.MonkeyPatch) -> Force:
    """Return a function that sends all logs, of whatever size, to `python` or to `duckdb`."""

    def choose(reader: str) -> None:
        small_bytes = {"python": ALWAYS_SMALL, "duckdb": NEVER_SMALL}[reader]
        monkeypatch.setattr(prepared, "Settings", partial(Settings, small_bytes=small_bytes))

    return choose


@pytest.fixture(params=["python", "duckdb"])
def reader(request: pytest.FixtureRequest, force: Force) -> str:
    """Run the test once with each reader."""
    force(request.param)
    return str(request.param)
