"""Every kind of made-up prompt, by name; the same seed gives the same prompts on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from llmopt.prompts.evaluation import hostile, layouts, logs, prompts, rag

Make = Callable[[Random], str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One made-up prompt."""

    kind: str
    """Name of its generator."""
    text: str


KINDS: dict[str, Make] = {
    "system": prompts.system,
    "few-shot": layouts.few_shot,
    "rag": partial(rag.context, boilerplate=False),
    "rag-boilerplate": rag.context,
    "log": logs.log,
    "json": layouts.pretty_json,
    "template": prompts.template,
    "table": layouts.table,
    "code": layouts.code,
    "xml": layouts.xml,
    "wordy-en": prompts.wordy,
    "wordy-vi": prompts.wordy_vi,
    "mixed": prompts.mixed,
    "hostile": hostile.hostile,
}
"""Generators of single prompts."""


def generated(count: int, seed: int = 0, kinds: tuple[str, ...] = tuple(KINDS)) -> Iterator[Prompt]:
    """Yield that many prompts, the kinds in turn; prompt number N of a seed does not depend on how many there are."""
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield Prompt(kind, KINDS[kind](Random(f"{seed} {kind} {number}")))
