"""Every error has a next step: a hint, or a message that says itself what would do."""

from __future__ import annotations

import ast
import errno
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import llmopt.errors
from llmopt.errors import InputError, LlmoptError, next_step
from llmopt.files import expand
from tests.conftest import ROOT

PACKAGE = ROOT / "llmopt"
ERRORS = {
    name
    for name, kind in vars(llmopt.errors).items()
    if isinstance(kind, type) and issubclass(kind, LlmoptError) and name not in ("MissingExtraError", "CheckFailed")
}
"""Of the two left out, one makes its own hint, the other says what did not hold, which is what was asked."""
SAYS_IT = re.compile(r"\b(needed|needs|possible|must be|takes|at most|the most|give|from 0 to|between 0 and 1)\b")
"""What would do stands in the message: `the rate is 0; more than 0 is needed`."""
ADDED_LATER = ("cost/spec/expr.py", "cost/spec/load.py")
"""`load_spec` catches these and adds the file and the hint."""
ALLOWED = {
    ("bench/child.py", "the target is closed"),
    ("bench/plan.py", "is given"),
    ("bench/plan.py", "are the same"),
    ("bench/plan.py", "cannot be drawn from"),
    ("bench/local.py", "cannot be run"),
    ("prompts/files/requests.py", ""),  # one record of a file, told with its line; the others go on
    ("savings/daily.py", "cannot save"),
    ("savings/daily.py", "add up to"),
    ("serving/batching/toml.py", "[batcher]: "),  # what follows says it
    ("serving/budget/budget.py", "part of the budget"),
    ("serving/budget/stage.py", "is none"),
    ("serving/gateway/steps/model_edit.py", ""),  # a client's request: it is answered with 400 and this message
    ("serving/gateway/upstreams/answer_forms.py", ""),  # what a plugged function returned, told in the answer
    ("serving/model_server/service.py", "one result for each text"),
    ("serving/model_server/values.py", "are at least 1"),
    ("serving/sse.py", "has more than"),  # of a provider's stream: nothing that a reader could do
}
"""Mistakes in a program that calls the library, or in what somebody else sent."""


def bare(package: Path) -> Iterator[tuple[str, str]]:
    """Give place and message of every error that is raised without a hint."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            call = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ERRORS:
                starred = any(isinstance(argument, ast.Starred) for argument in call.args)
                if len(call.args) < 2 and not call.keywords and not starred:
                    yield path.relative_to(package).as_posix(), ast.unparse(call)


BARE = list(bare(PACKAGE))


def test_every_error_has_a_next_step() -> None:
    left = [
        (place, message)
        for place, message in BARE
        if place not in ADDED_LATER
        and not SAYS_IT.search(message)
        and not any(place == known and part in message for known, part in ALLOWED)
    ]
    assert not left, "add a hint: what can a reader do about it?"


def test_what_is_allowed_is_still_there() -> None:
    assert not {one for one in ALLOWED if not any(one[0] == place and one[1] in message for place, message in BARE)}


def test_an_error_without_a_hint_is_seen(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text('raise InputError("broken")\nraise UsageError("a", "b")\n', encoding="utf-8")
    assert list(bare(tmp_path)) == [("one.py", "InputError('broken')")]


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file"), "check the name"),
        (PermissionError(errno.EACCES, "Permission denied"), "check its permissions"),
        (OSError(errno.ENOSPC, "No space left"), "make room on the disk"),
        (OSError(errno.EBUSY, "busy"), "see whether it is there and may be read"),
        (ValueError("embedded null byte"), "see whether it is there"),
    ],
)
def test_the_system_says_what_to_do(error: Exception, step: str) -> None:
    assert next_step(error) == step


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        expand(str(tmp_path / "none.jsonl"), tmp_path, lambda folder: [])
    assert caught.value.hint == "check the name; a pattern goes in quotes"
