"""A part of a text that is kept or left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["body", "header", "columns", "label", "open", "close"]


@dataclass(slots=True)
class Unit:
    """A part of a text without the white space around it."""

    start: int
    end: int
    group: int
    """Number of the paragraph it belongs to, over all texts."""
    role: Role = "body"
    """`header`: says what follows it is about; `columns`: of a table; `label`: a question or a name before
    what is said; `open`, `close`: a tag, or a bracket of JSON, around other units."""
    prose: bool = False
    """Whether it may be cut into clauses and words where only a part of it fits."""
    must: bool = False
    """Whether it stays in any case."""
    joins: bool = False
    """Whether it goes with the line before it."""
    block: int = -1
    """Number of the block it was made of."""
    host: int = -1
    """What has to be kept with it: a number in the hosts of its text; -1: nothing."""
    within: str = ""
    """The bracket of the JSON array or object that it is an element of; a line break: it is one of JSON lines."""
    level: int = 0
    """How far in it stands: of headings, items and indented lines; 0: it has none."""
    scope: int = -1
    """Where columns or a label before it are in force; -1: in its block."""
