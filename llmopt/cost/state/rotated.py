"""Look for a file that was rotated away beside its old name, where nobody lists it.

A folder's `app.log.1` is no log by its name, so it is not among the files of a run. But it shows that what `app.log`
held before is still the record of something that happened, and not text that somebody has replaced.
"""

from __future__ import annotations

from pathlib import Path

from llmopt.cost.sources import Source
from llmopt.cost.state.marks import Mark, continued, stat_of
from llmopt.errors import InputError
from llmopt.files import compression_of


def is_rotated_away(path: str, mark: Mark) -> bool:
    """Does a file beside this one, whose name begins alike, hold what this one held?"""
    if "://" in path:
        return False
    own = Path(path)
    try:
        beside = [other for other in own.parent.iterdir() if other != own and other.name.startswith(own.stem)]
    except OSError:
        return False
    return any(_holds(other, mark) for other in beside)


def _holds(path: Path, mark: Mark) -> bool:
    try:
        source = Source(str(path), path.name, compression_of(str(path)))
        return continued(source, stat_of(source), mark) is not None
    except (OSError, InputError):
        return False
