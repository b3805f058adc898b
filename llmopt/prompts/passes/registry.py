"""The passes in the order in which they run, with the level each needs and what it promises to keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from llmopt.prompts.context import LEVELS, Context, Level
from llmopt.prompts.edits import Edit
from llmopt.prompts.passes.boilerplate import boilerplate
from llmopt.prompts.passes.duplicates import duplicates
from llmopt.prompts.passes.instructions import instructions
from llmopt.prompts.passes.json_text import json_text
from llmopt.prompts.passes.logs import factored_logs
from llmopt.prompts.passes.near_duplicates import near_duplicates
from llmopt.prompts.passes.phrases import phrases
from llmopt.prompts.passes.politeness import politeness
from llmopt.prompts.passes.tables import table_padding
from llmopt.prompts.passes.whitespace import whitespace
from llmopt.prompts.spans import Segments

Keeps = Literal["values", "every", "distinct"]


@dataclass(frozen=True, slots=True)
class Pass:
    """One rule, or a few that belong together."""

    run: Callable[[Segments, Context], list[Edit]]
    level: Level
    """The gentlest level that includes it."""
    keeps: Keeps
    """Of literals, numbers, negations and quantifiers: `every` one in order, or one of each `distinct` (a pass that
    drops copies). `values`: as `every`, but JSON may be written otherwise. What is guarded stays in any case."""


PASSES: tuple[Pass, ...] = (
    Pass(json_text, "lossless", "values"),
    Pass(whitespace, "lossless", "every"),
    Pass(table_padding, "safe", "every"),
    Pass(factored_logs, "safe", "distinct"),
    Pass(duplicates, "safe", "distinct"),
    Pass(boilerplate, "safe", "distinct"),
    Pass(instructions, "aggressive", "every"),
    Pass(phrases, "aggressive", "every"),
    Pass(politeness, "aggressive", "every"),
    Pass(near_duplicates, "aggressive", "distinct"),
)


def passes_of(level: Level) -> tuple[Pass, ...]:
    """Return the passes of a level, those of the gentler ones first."""
    highest = LEVELS.index(level)
    return tuple(item for item in PASSES if LEVELS.index(item.level) <= highest)
