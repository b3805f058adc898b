"""The exception tree is what its docstring draws, and carries what `cli.main` shows."""

import inspect
import re

import pytest

from llmopt import errors
from llmopt.errors import CheckFailed, LlmoptError, MissingExtraError

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass)]


def test_the_docstring_draws_every_class_once_under_its_parent() -> None:
    drawn: list[str] = []
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│ ├└─]*)(\w+) {2,}", line)
        if match:
            depth = len(match.group(1)) // 4
            path[depth:] = [match.group(2)]
            drawn.append(path[-1])
            if depth:
                assert getattr(errors, path[-1]).__mro__[1].__name__ == path[-2]
    assert sorted(drawn) == sorted(cls.__name__ for cls in CLASSES)


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls is not MissingExtraError])
def test_every_error_has_a_message_a_hint_and_an_exit_code(cls: type[LlmoptError]) -> None:
    error = cls("a.jsonl:3: broken", "mend it")
    assert (str(error), error.message, error.hint) == ("a.jsonl:3: broken", "a.jsonl:3: broken", "mend it")
    assert error.exit_code == (1 if cls is CheckFailed else 2)
    assert cls("broken").hint == ""


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtraError("pandas", "pandas")
    assert error.message == "pandas is not installed"
    assert error.hint == "pip install 'llmopt[pandas]'"
