"""May the base install and each extra be shipped under the licences of all that they bring along?

Run as `python -m tests.release.licences` in an environment that has the extras; read from installed metadata alone.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping

from tests.release.installed import Closure, Library, applies, closure, installed, requirements
from tests.release.step import ROOT, finish

ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "MIT"),
        *("MIT-0", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib", "Apache-2.0 WITH LLVM-exception"),
    }
)
"""SPDX names of the licences that may come along: permissive ones, and MPL-2.0 for whole, unchanged files."""
STATED: Mapping[str, tuple[str, str]] = {
    "torchao": ("BSD-3-Clause", "metadata says nothing; LICENSE in the wheel is that of three clauses"),
}
"""Library -> its licence where metadata does not tell it, and how it is known."""
EXCEPTIONS: Mapping[str, str] = {}
"""Library -> why it may come along under a licence that is not allowed; none does today."""
NOT_SHIPPED = ("all", "dev", "release", "test")
"""Extras that are made of others, or that users do not install."""
_CLASSIFIERS = {
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "OSI Approved :: BSD License": "BSD-3-Clause",
    "OSI Approved :: ISC License (ISCL)": "ISC",
    "OSI Approved :: MIT License": "MIT",
    "OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "OSI Approved :: Python Software Foundation License": "PSF-2.0",
    "OSI Approved :: zlib/libpng License": "Zlib",
}
_TEXTS = (
    (r"(the )?mit( license)?", "MIT"),
    (r"apache([- ]software)?([- ]license)?,?( version)?[- ]?(2(\.0)?)?( license)?", "Apache-2.0"),
    (r"(new |modified |3-clause )?bsd([- ]3[- ]clause)?( license)?", "BSD-3-Clause"),
    (r"(bsd[- ]2[- ]clause|2-clause bsd|simplified bsd)( license)?", "BSD-2-Clause"),
    (r"isc( license)?", "ISC"),
    (r"psf|psfl|psf-2\.0|python software foundation license", "PSF-2.0"),
)
"""Free text of older metadata -> SPDX name."""
_TOKEN = re.compile(r"\(|\)|[^\s()]+")


def licence_of(library: Library) -> str:
    """Return an SPDX expression for a library; empty where nothing says."""
    if library.licence:
        return library.licence
    if library.name in STATED:
        return STATED[library.name][0]
    named = [_CLASSIFIERS.get(one, one) for one in library.licence_classifiers if one != "OSI Approved"]
    if named:
        # Older metadata does not say whether all hold or one may be chosen: all is the safe reading.
        return " AND ".join(named) if all(" " not in one for one in named) else "; ".join(named)
    text = " ".join(library.licence_text.partition("Copyright")[0].split())  # some hold the whole licence
    spdx = next((name for pattern, name in _TEXTS if re.fullmatch(pattern, text, re.IGNORECASE)), text)
    return spdx[:80]


def is_allowed(expression: str) -> bool:
    """Tell whether an SPDX expression can be met with allowed licences alone; what is no expression cannot."""
    tokens = _TOKEN.findall(expression)
    try:
        met = _any(tokens)
    except IndexError:
        return False
    return met and not tokens


def _any(tokens: list[str]) -> bool:
    """Read `A OR B`, the looser binding, off the front of the tokens."""
    met = _all(tokens)
    while tokens and tokens[0].upper() == "OR":
        del tokens[0]
        met = _all(tokens) or met
    return met


def _all(tokens: list[str]) -> bool:
    met = _one(tokens)
    while tokens and tokens[0].upper() == "AND":
        del tokens[0]
        met = _one(tokens) and met
    return met


def _one(tokens: list[str]) -> bool:
    name = tokens.pop(0)
    if name == "(":
        met = _any(tokens)
        return tokens.pop(0) == ")" and met
    if tokens and tokens[0].upper() == "WITH":
        name = f"{name} WITH {tokens[1]}"
        del tokens[:2]
    return name in ALLOWED


def licence_problems(extra: str, needed: Closure) -> Iterator[str]:
    """Yield the libraries of an extra that may not come along."""
    of = f"extra {extra}" if extra else "the base install"
    for name, library in sorted(needed.found.items()):
        licence = licence_of(library)
        if not is_allowed(licence) and name not in EXCEPTIONS:
            said = licence or "says no licence"
            yield f"{name} {library.version} of {of}: {said}: leave it out, or give the reason in EXCEPTIONS"


def main() -> None:
    """Check the base install and each extra by what is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {extra: asked for extra, asked in requirements(project).items() if extra not in NOT_SHIPPED}
    wrong: dict[str, None] = {}
    shown: list[str] = []
    everything: dict[str, Library] = {}
    missing: set[str] = set()
    for extra, asked in groups.items():
        needed = closure([one for one in asked if applies(one, extra)], installed)
        wrong |= dict.fromkeys(licence_problems(extra, needed))
        shown += [] if extra else [f"base install of {len(needed.found)} libraries"]
        everything |= needed.found
        missing |= needed.missing
    counts = Counter(licence_of(library) for library in everything.values())
    shown.append(f"{len(everything)} with all extras: " + ", ".join(f"{name} {n}" for name, n in counts.most_common(6)))
    notes = [f"not installed here, so not looked at: {', '.join(sorted(missing))}"] if missing else []
    finish(list(wrong), "; ".join(shown), notes)


if __name__ == "__main__":
    main()
