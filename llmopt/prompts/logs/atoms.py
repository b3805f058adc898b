"""Take a log line apart into atoms: what a template may leave open is whole atoms only.

Numbers (dates, times, addresses and versions among them), quoted strings and URLs are atoms as a whole, so that whoever
looks for one in the shorter log finds it as it was. The first step of Drain (He et al., "Drain: an online log parsing
approach with fixed depth tree", ICWS 2017) cuts at blanks only; cutting at brackets, commas and `=` too leaves less to
repeat.
"""

from __future__ import annotations

import re

from llmopt.prompts.facts import NUMBER

_ENDS = r"(?!\w)(?![-.:/_@]\w)"
_UNIT = r"(?=[a-zµ]{1,3}(?!\w)(?![-.:/@]\w))"
_ATOM = re.compile(
    rf"""(
    "(?:[^"\\]|\\.)*+" | (?<!\w)'[^']*+'(?!\w)                                   # quoted
    | [A-Za-z][A-Za-z0-9+.\-]*+://[^\s"'<>]++                          # URL
    | (?<!\w)\d\d\d\d-\d\d-\d\d(?=T\d) | (?<=\d)T\d\d:\d\d:\d\d(?:[.,]\d++)?   # ISO 8601: date, time
    | (?<!\w)\d\d/[A-Z][a-z][a-z]/(?=\d\d\d\d:)                        # date of an access log
    | (?<!\w)(?>{NUMBER})(?:{_ENDS}|{_UNIT})
    | (?<=[A-Za-z_])\d++{_ENDS}
    | [A-Za-z_/][A-Za-z_.\-/:\#@]*+                                    # what stands before a number
      (?:(?<=[-:\#/])(?=(?>{NUMBER})(?:{_ENDS}|{_UNIT})) | (?<=[A-Za-z_])(?=\d++{_ENDS}))
    | (?!(?<="):)(?:[^\s"'=,;()\[\]{{}}<>|] | (?<=\d),(?=\d))++                   # anything else
    )""",
    re.VERBOSE,
)
_VARIES = re.compile(r"[\"']|\D*\d")


def split_line(line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what stands between the atoms of a line (one more than there are atoms), and the atoms."""
    parts = _ATOM.split(line)
    return tuple(parts[0::2]), tuple(parts[1::2])


def varies(atom: str) -> bool:
    """Return whether an atom is likely another one in the next line: it is quoted or has a digit."""
    return _VARIES.match(atom) is not None
