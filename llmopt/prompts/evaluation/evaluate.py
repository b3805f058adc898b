"""`llmopt compress eval`: is anything lost, and how much is saved, on made-up prompts and on data of your own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmopt.prompts.api import compress
from llmopt.prompts.context import LEVELS, Level
from llmopt.prompts.evaluation.checks import faults
from llmopt.prompts.evaluation.generate import generated
from llmopt.prompts.evaluation.metrics import Evaluation, Failure, Metric, at_least, share
from llmopt.prompts.evaluation.passages import built_in, load
from llmopt.prompts.evaluation.retention import retention
from llmopt.prompts.evaluation.savings import savings
from llmopt.tokens.tokenizer import Tokenizer

_KINDS = 14
"""Every so many prompts there is one of each kind; a kind of text is judged by as many as there are of it."""


def evaluate(
    data: Path | None,
    *,
    tokenizer: Tokenizer,
    prompts: int = 1_000,
    questions: int | None = 300,
    seed: int = 0,
    timed: bool = False,
) -> Evaluation:
    """Measure what compressing keeps and saves.

    Args:
        data: paragraphs with questions for query mode; None: a small built-in set.
        tokenizer: counts the tokens.
        prompts: made-up prompts, each at every level.
        questions: most questions asked; None: all.
        seed: the same seed, the same prompts and contexts.
        timed: also measure speed; without it, the same call gives the same figures anywhere.

    Raises:
        InputError: the data cannot be read, or no row of it is good.
    """
    passages = built_in() if data is None else load(data)
    safe, failures = safety(tokenizer, prompts, seed)
    metrics = (
        *safe,
        *savings(tokenizer, seed=seed, each=max(1, prompts // _KINDS), timed=timed),
        *retention(passages.good, tokenizer, seed=seed, limit=questions, timed=timed),
    )
    name = "built-in" if data is None else str(data)
    return Evaluation(metrics, failures, name, passages.bad, tokenizer.name, seed)


def safety(tokenizer: Tokenizer, prompts: int, seed: int) -> tuple[tuple[Metric, ...], tuple[Failure, ...]]:
    """Return the share of made-up prompts that lose nothing at each level, and what the others lost."""
    failures = tuple(_failures(tokenizer, prompts, seed))
    metrics = []
    for level in LEVELS:
        unsafe = sum(failure.level == level for failure in failures)
        detail = "generated prompts: nothing lost, never longer, idempotent"
        metrics.append(at_least(f"safe at {level}", share(prompts - unsafe, prompts), 100.0, prompts, detail))
    return tuple(metrics), failures


def _failures(tokenizer: Tokenizer, prompts: int, seed: int) -> Iterator[Failure]:
    for number, prompt in enumerate(generated(prompts, seed)):
        for level in LEVELS:
            fault = next(iter(all_faults(prompt.text, level, tokenizer)), None)
            if fault is not None:
                yield Failure(level, prompt.kind, number, fault)


def all_faults(text: str, level: Level, tokenizer: Tokenizer) -> list[str]:
    """Compress a text; return what is lost, and whether it got longer or changes when compressed again."""
    found = compress(text, level=level, tokenizer=tokenizer)
    told = faults(text, found.text, level)
    if tokenizer.count(found.text).tokens > tokenizer.count(text).tokens:
        told.append("more tokens than before")
    if compress(found.text, level=level, tokenizer=tokenizer).text != found.text:
        told.append("compressed again it changes")
    return told
