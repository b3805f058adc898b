"""Is every requirement of pyproject.toml pinned to a version that satisfies it, and every pin needed and harmless?

Run as `python -m tests.release.pins [FOLDER…]` in an environment that has all extras, for what they bring along is read
from there, and from folders such as `.venv-release/lib/python3.11/site-packages`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tests.release.installed import Closure, closure, installed, requirements
from tests.release.step import ROOT, finish

CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
REFUSED = {
    "litellm": (
        (SpecifierSet("==1.82.7"), "it was malware"),
        (SpecifierSet("==1.82.8"), "it was malware"),
        (SpecifierSet("==1.107.*"), "it was pulled by its makers"),
    )
}
"""Library -> versions that must never be pinned, each with the reason."""
WITH_PYTHON = {"pip"}
"""What each new environment holds, in the version of its Python."""
NOT_IN_ALL = {
    "llmlingua": "pins an old library for one command's option",
    "ray": "must be the version of the cluster",
    "test": "for those who work on llmopt",
    "dev": "for those who work on llmopt",
    "release": "for those who release llmopt",
    "all": "it is all",
}
"""Extra -> why `all` leaves it out."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of the constraints."""

    name: str
    """Canonical."""
    version: Version
    line: int
    reason: str
    """The comment behind it: why it is there although nothing installed asks for it."""


def read_pins(text: str) -> tuple[list[Pin], list[str]]:
    """Return the pins and what is wrong with the lines that are none."""
    pins, wrong = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        written, _, comment = line.partition("#")
        if not written.strip():
            continue
        exact = re.fullmatch(r"\s*([A-Za-z0-9._-]+)==([^\s;*]+)\s*", written)
        try:
            if exact is None:
                raise InvalidRequirement(written.strip())
            pins.append(Pin(canonicalize_name(exact[1]), Version(exact[2]), number, comment.strip()))
        except (InvalidRequirement, InvalidVersion):
            wrong.append(f"constraints.txt:{number}: {written.strip()!r} is no exact pin such as rich==15.0.0")
    return pins, wrong


def pin_problems(pins: Sequence[Pin], wanted: Mapping[str, Sequence[Requirement]]) -> Iterator[str]:
    """Yield what is pinned twice, refused, not pinned, or pinned to what a requirement does not take."""
    by_name: dict[str, Pin] = {}
    for pin in pins:
        if pin.name in by_name:
            yield f"constraints.txt:{pin.line}: {pin.name} is pinned already in line {by_name[pin.name].line}"
        by_name.setdefault(pin.name, pin)
        reasons = [
            why for versions, why in REFUSED.get(pin.name, ()) if versions.contains(pin.version, prereleases=True)
        ]
        yield from (f"constraints.txt:{pin.line}: {pin.name} {pin.version} is refused: {why}" for why in reasons)
    yield from _unmet(by_name, wanted)


def _unmet(by_name: Mapping[str, Pin], wanted: Mapping[str, Sequence[Requirement]]) -> Iterator[str]:
    """Yield the requirements that no pin satisfies."""
    for extra, asked in wanted.items():
        of = f"extra {extra}" if extra else "the base install"
        for one in asked:
            held = by_name.get(canonicalize_name(one.name))
            if held is None:
                yield f"{one} of {of} has no pin: add {one.name}==… to .ci/constraints.txt"
            elif not one.specifier.contains(held.version, prereleases=True):
                yield f"constraints.txt:{held.line}: {held.name} {held.version} does not satisfy {one} of {of}"


def unneeded(pins: Sequence[Pin], needed: Closure) -> list[Pin]:
    """Return the pins that nothing asks for and no comment explains."""
    return [pin for pin in pins if pin.name not in {*needed.found, *needed.missing} and not pin.reason]


def differing(pins: Sequence[Pin], needed: Closure) -> Iterator[str]:
    """Yield what is installed in another version than the pinned one, or not pinned at all."""
    by_name = {pin.name: pin for pin in pins}
    for name, library in sorted(needed.found.items()):
        if name in WITH_PYTHON:
            continue
        if name not in by_name:
            yield f"{name} {library.version} comes along and has no pin: add it to .ci/constraints.txt"
        elif Version(library.version).public != by_name[name].version.public:  # 2.13.0+cpu is a build of 2.13.0
            yield f"{name} {library.version} is installed, pinned is {by_name[name].version}: install anew, or pin it"


def incomplete(project: Mapping[str, object]) -> Iterator[str]:
    """Yield the extras that `all` should name, and those that it names but are none."""
    optional = project["optional-dependencies"]
    if not isinstance(optional, dict):
        raise TypeError("pyproject.toml: optional-dependencies is a table")
    named = {extra for text in optional.get("all", []) for extra in Requirement(text).extras}
    for extra in sorted({*optional} - named - {*NOT_IN_ALL}):
        yield f"pyproject.toml: extra all lacks {extra}: add it, or say in NOT_IN_ALL why not"
    for extra in sorted(named - {*optional}):
        yield f"pyproject.toml: extra all names {extra}, which is no extra"


def main() -> None:
    """Check this checkout in this environment."""
    sys.path.extend(sys.argv[1:])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins, wrong = read_pins(CONSTRAINTS.read_text(encoding="utf-8"))
    wanted = requirements(project)
    needed = closure([one for asked in wanted.values() for one in asked], installed)
    wrong += [*incomplete(project), *pin_problems(pins, wanted), *differing(pins, needed)]
    idle = unneeded(pins, needed)
    unknown = sorted(needed.missing - {pin.name for pin in pins if pin.reason})
    notes = [f"not installed here, so what it brings is unknown: {', '.join(unknown)}"] if unknown else []
    if unknown and idle:
        notes.append(f"perhaps not needed: {', '.join(pin.name for pin in idle)}")
    elif idle:
        wrong += [
            f"constraints.txt:{pin.line}: nothing needs {pin.name}: remove it, or say why behind #" for pin in idle
        ]
    asked_count = len({canonicalize_name(one.name) for asked in wanted.values() for one in asked})
    finish(wrong, f"{asked_count} requirements, {len(pins)} pins", notes if needed.missing else ())


if __name__ == "__main__":
    main()
