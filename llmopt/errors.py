"""The one exception tree of llmopt.

    LlmoptError                 exit 2: what happened, where, and what to do next
    ├── UsageError              a flag or an argument that makes no sense
    ├── InputError              a log, file or stream that cannot be read
    ├── ConfigError             a settings, mapping, spec or price file that is wrong
    │   ├── SpecError           a log-format spec or an expression in one
    │   └── PricingError        a price file (schema, dates, overlap)
    ├── MissingExtraError       an optional dependency is not installed
    ├── OutOfMemory             a batch does not fit in the memory of its device
    └── CheckFailed             exit 1: a check that the user asked for did not hold

The library raises these; only ``llmopt.cli.main`` turns them into an exit code and a line on stderr.
"""

from __future__ import annotations


class LlmoptError(Exception):
    """Say what happened (`message`) and the next step (`hint`, may be empty).

    Args:
        message: one line; names the file and line (`file:line`) when there is one.
        hint: one line; what the user can do about it.
    """

    exit_code: int = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LlmoptError):
    """A flag or an argument that makes no sense."""


class InputError(LlmoptError):
    """A log, file or stream that cannot be read at all."""


class ConfigError(LlmoptError):
    """A settings, mapping, spec or price file that is wrong."""


class SpecError(ConfigError):
    """A log-format spec, or an expression in one, that is wrong."""


class PricingError(ConfigError):
    """A price file that is wrong: schema, dates, an overlap."""


class MissingExtraError(LlmoptError):
    """An optional dependency is not installed; the hint names the extra."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed", f"pip install 'llmopt[{extra}]'")


class OutOfMemory(LlmoptError):
    """A batch does not fit in the memory of its device, or its process was killed for it."""


class CheckFailed(LlmoptError):
    """A check that the user asked for (budget, regression, strictness) did not hold."""

    exit_code = 1
