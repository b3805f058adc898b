"""A check that the user asked for: what was to hold, what was found, and in which sentences it does not hold.

Whoever runs a command in CI wants to see the checks that held as well: a report of checks with nothing in it looks like
one that was never made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its outcome."""

    name: str
    """As the user asked for it, such as `--max-cost`; the same in every run."""
    limit: str = ""
    """What was to hold, for people; empty where the name says it all."""
    actual: str = ""
    """What was found, for people; empty where the sentences say it."""
    of: str = ""
    """What it was held against, where one check has several: a file, a model, a plan."""
    path: str = ""
    """The file that it is about; empty for none, or for more than one."""
    failures: tuple[str, ...] = ()
    """A sentence for everything that does not hold; empty where the check holds."""

    @property
    def ok(self) -> bool:
        """Whether it holds."""
        return not self.failures

    @property
    def label(self) -> str:
        """The name, with what it was held against."""
        return f"{self.name}: {self.of}" if self.of else self.name


def failures(checks: Iterable[Check]) -> tuple[str, ...]:
    """Return the sentences of all that does not hold, in order."""
    return tuple(line for check in checks for line in check.failures)


def with_others(checks: Iterable[Check], said: Iterable[str], name: str) -> tuple[Check, ...]:
    """Return checks with those of their sentences that a result has, and one more for its other sentences.

    Args:
        checks: that are known.
        said: all sentences of the result on what does not hold.
        name: of the check that gets the others.
    """
    lines = tuple(said)
    known = tuple(replace(check, failures=tuple(one for one in check.failures if one in lines)) for check in checks)
    told = failures(known)
    others = tuple(line for line in lines if line not in told)
    return (*known, Check(name, failures=others)) if others else known
