"""How a step of `make release-check` ends: a line that says what was found to be right, or all that is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]


def finish(problems: Sequence[str], fine: str, notes: Sequence[str] = ()) -> NoReturn:
    """Exit with 1 and a line for each problem, or with 0 and what was looked at."""
    if problems:
        sys.exit("\n".join([*problems, *notes]))
    sys.stdout.write("\n".join([fine, *notes]) + "\n")
    sys.exit(0)
