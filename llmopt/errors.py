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

import errno

_STEPS = {
    errno.ENOENT: "check the name",
    errno.ENOTDIR: "check the path: a part of it is a file, not a folder",
    errno.EISDIR: "name a file: this is a folder",
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EROFS: "write to another place: this one is read-only",
    errno.ENOSPC: "make room on the disk",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ELOOP: "mend the link: it leads to itself",
    errno.ENAMETOOLONG: "shorten the name",
    errno.EIO: "check the disk or the network: reading failed half-way",
}


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


def next_step(error: BaseException) -> str:
    """Return what to do about a file that cannot be read, written or listed, by the number of the system's error."""
    number = getattr(error, "errno", None)
    return _STEPS.get(number, "see whether it is there and may be read") if number else "see whether it is there"
