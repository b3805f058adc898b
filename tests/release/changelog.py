"""Is the version that llmopt says the newest of the changelog, and is nothing left that no version has?

Run as `python -m tests.release.changelog`; with `--epoch` it prints the day of the release in seconds, by which
archives are built byte for byte alike.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tests.release.step import ROOT, finish

NEVER = "never published"
"""What stands in place of the day of a version that nobody could install."""
_HEADING = re.compile(r"^## +\[?([^\]\s]+)\]?(?: +- +(.+?))? *$")
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """What the changelog says of one version."""

    name: str
    """The version, or `Unreleased`."""
    day: str
    """As written after the dash; empty where there is none."""
    line: int
    """Of the heading, from 1."""
    entries: tuple[str, ...]
    """The first line of each entry."""


def sections(text: str) -> list[Section]:
    """Return the sections in the order of the file."""
    found: list[Section] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := _HEADING.match(line):
            found.append(Section(heading[1], heading[2] or "", number, ()))
        elif found and line.startswith("- "):
            last = found.pop()
            found.append(Section(last.name, last.day, last.line, (*last.entries, line[2:])))
    return found


def problems(text: str, version: str) -> list[str]:
    """Return what keeps this changelog from being that of a release of `version`."""
    found = sections(text)
    unreleased = [one for one in found if one.name == "Unreleased"]
    versions = [one for one in found if one.name != "Unreleased"]
    wrong = [] if unreleased else ["CHANGELOG.md: no heading '## [Unreleased]': add it above the versions"]
    wrong += [f"CHANGELOG.md: still under Unreleased: {entry}" for one in unreleased for entry in one.entries]
    if not versions:
        return [*wrong, f"CHANGELOG.md: no version in it: add '## [{version}] - YYYY-MM-DD'"]
    newest = versions[0]
    if newest.name != version:
        where = f"CHANGELOG.md:{newest.line}"
        wrong.append(
            f"{where}: the newest version is {newest.name}, llmopt/__init__.py says {version}: let both be one"
        )
    if not newest.entries:
        wrong.append(f"CHANGELOG.md:{newest.line}: nothing is said of {newest.name}")
    return [*wrong, *_bad_days(versions)]


def _bad_days(versions: list[Section]) -> list[str]:
    """Versions without a day, or older than the one below."""
    wrong, above = [], date.max
    for one in versions:
        if one.day == NEVER and one is not versions[0]:
            continue
        day = _day(one.day)
        if day is None:
            wrong.append(f"CHANGELOG.md:{one.line}: {one.name} has no day such as 2026-11-23: {one.day or 'nothing'!r}")
        elif day > above:
            wrong.append(f"CHANGELOG.md:{one.line}: {one.name} is of {one.day}, later than the version above it")
        else:
            above = day
    return wrong


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def version_of(source: str) -> str:
    """Return the version that the source of `llmopt/__init__.py` assigns."""
    found = _VERSION.search(source)
    return found[1] if found else ""


def main() -> None:
    """Check this checkout."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = version_of((ROOT / "llmopt" / "__init__.py").read_text(encoding="utf-8"))
    newest = next((one for one in sections(text) if one.name != "Unreleased"), None)
    day = _day(newest.day) if newest else None
    if "--epoch" in sys.argv[1:]:
        if day is None:
            sys.exit("CHANGELOG.md: the newest version has no day")
        finish([], str(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())))
    finish(
        problems(text, version), f"{version} of {day}, {len(newest.entries) if newest else 0} entries, none left over"
    )


if __name__ == "__main__":
    main()
