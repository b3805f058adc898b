"""The order of files: that of the listing, with those that are gone where they stood.

Where two records of one response say as much, the one in the first file counts. So files that stay must not change
places only because others come and go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from llmopt.cost.state.changes import Known


def ordered(files: Sequence[Known], places: Mapping[int, int]) -> list[Known]:
    """Return files in order, with places by which they can be sorted so again.

    Args:
        files: with the places that they had; those of `added` ones mean nothing yet.
        places: number of each file that is there -> its place in the listing.
    """
    here = sorted((known for known in files if known.id in places), key=lambda known: places[known.id])
    behind: dict[int | None, list[Known]] = {}
    last: int | None = None
    for known in sorted(files, key=lambda known: (known.place, known.id)):
        if known.id not in places:
            behind.setdefault(last, []).append(known)
        elif known.fate != "added":
            last = known.id
    found = [*behind.get(None, [])]
    for known in here:
        found += [known, *behind.get(known.id, [])]
    return _placed(found)


def _placed(files: Sequence[Known]) -> list[Known]:
    """Give new files places between those of their neighbours, so that these need not be written again."""
    old = [known.place for known in files if known.fate != "added"]
    if any(one >= other for one, other in pairwise(old)):
        return [replace(known, place=float(place)) for place, known in enumerate(files)]
    found: list[Known] = []
    fresh: list[Known] = []
    for known in files:
        if known.fate == "added":
            fresh.append(known)
            continue
        found += _between(found[-1].place if found else known.place - 1.0, known.place, fresh)
        found.append(known)
        fresh = []
    end = found[-1].place if found else 0.0
    found += _between(end, end + len(fresh) + 1.0, fresh)
    if any(one.place >= other.place for one, other in pairwise(found)):  # too close together for numbers between
        return [replace(known, place=float(place)) for place, known in enumerate(files)]
    return found


def _between(start: float, end: float, files: Sequence[Known]) -> list[Known]:
    step = (end - start) / (len(files) + 1)
    return [replace(known, place=start + step * (index + 1)) for index, known in enumerate(files)]
