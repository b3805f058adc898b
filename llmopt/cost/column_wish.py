"""What is wanted of each call that is read as columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmopt.cost.call import Call


class Unfit(Exception):
    """Records belong together that only the reader of single records can put together."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of each call; the fields are arguments of `llmopt.cost.read_columns.read_columns`."""

    columns: tuple[str, ...]
    groups: tuple[str, ...]
    ends: tuple[str, ...]
    by_label: bool
    see_hashed: Callable[[Call, int], int] | None
    sizes: bool
