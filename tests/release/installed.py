"""What requirements bring along, by the metadata of what is installed here; nothing is imported or resolved anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OWN = "llmopt"


@dataclass(frozen=True, slots=True)
class Library:
    """An installed distribution, as far as a release asks."""

    name: str
    """Canonical."""
    version: str
    requires: tuple[Requirement, ...]
    licence: str
    """SPDX expression of the metadata; empty where it has none."""
    licence_text: str
    """The free text of older metadata."""
    licence_classifiers: tuple[str, ...]
    """What follows `License ::`."""


@dataclass(frozen=True, slots=True)
class Closure:
    """All that some requirements need."""

    found: Mapping[str, Library]
    missing: frozenset[str]
    """Canonical names of what is needed and not installed: what these need in turn is unknown."""


Find = Callable[[str], Library | None]


def closure(roots: Iterable[Requirement], find: Find) -> Closure:
    """Follow requirements as far as they are installed, extras and markers of this Python heeded."""
    found: dict[str, Library] = {}
    missing: set[str] = set()
    waiting = [(canonicalize_name(root.name), "") for root in roots]
    waiting += [(canonicalize_name(root.name), extra) for root in roots for extra in root.extras]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        library = find(name)
        if library is None:
            missing.add(name)
            continue
        found[name] = library
        for one in library.requires:
            if not applies(one, extra):
                continue
            more = {(canonicalize_name(one.name), wanted) for wanted in ("", *one.extras)} - seen
            seen |= more
            waiting += more
    return Closure(found, frozenset(missing))


def applies(requirement: Requirement, extra: str) -> bool:
    """Tell whether a library with this extra, here, needs a requirement."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def requirements(project: Mapping[str, object]) -> dict[str, list[Requirement]]:
    """Return what `[project]` asks for by extra, the base under the empty name, extras of its own put in place."""
    optional = project.get("optional-dependencies", {})
    base = project.get("dependencies", [])
    if not isinstance(optional, dict) or not isinstance(base, list):
        raise TypeError("pyproject.toml: dependencies is a list, optional-dependencies a table")
    groups = {"": [Requirement(text) for text in base]}
    groups |= {extra: [Requirement(text) for text in texts] for extra, texts in optional.items()}
    return {extra: list(_expanded(extra, groups, ())) for extra in groups}


def _expanded(extra: str, groups: Mapping[str, Sequence[Requirement]], above: tuple[str, ...]) -> Iterable[Requirement]:
    for one in groups.get(extra, ()):
        if canonicalize_name(one.name) != OWN:
            yield one
        for inner in sorted(one.extras) if canonicalize_name(one.name) == OWN else ():
            if inner not in above:
                yield from _expanded(inner, groups, (*above, extra))


def installed(name: str) -> Library | None:
    """Return what is installed here under a name."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    about = found.metadata
    texts = {name: (about.get_all(name) or [""])[0].strip() for name in ("License-Expression", "License")}
    return Library(
        canonicalize_name(name),
        found.version,
        tuple(Requirement(text) for text in found.requires or []),
        texts["License-Expression"],
        texts["License"],
        tuple(one[11:] for one in about.get_all("Classifier") or [] if one.startswith("License :: ")),
    )
