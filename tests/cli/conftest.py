"""Running the command line inside the test's own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from llmopt.cli.main import run


@dataclass(frozen=True)
class Outcome:
    """What one run of the command line left behind."""

    code: int
    out: str
    err: str


Llmopt = Callable[..., Outcome]


@pytest.fixture
def llmopt(capsys: pytest.CaptureFixture[str]) -> Llmopt:
    """Return a function that runs `llmopt` with some arguments."""

    def call(*arguments: object) -> Outcome:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
