"""Query mode: is the answer to the question still there verbatim, and is the budget kept and used?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from time import perf_counter_ns

from llmopt.prompts.api import compress
from llmopt.prompts.evaluation.metrics import Metric, at_least, at_most, mean, share
from llmopt.prompts.evaluation.passages import Drawn, Passage, drawn
from llmopt.tokens.tokenizer import Tokenizer

BUDGETS = ((0.5, None), (0.33, None), (0.25, 99.0), (0.1, 97.0))
"""Share of the context that may stay, and the share of answers in per cent that should be left."""
SINGLE_GOAL = 90.0
"""Of single paragraphs at half their tokens."""
TIME_GOAL_MS = 5.0


def retention(
    passages: Sequence[Passage], tokenizer: Tokenizer, *, seed: int, limit: int | None, timed: bool
) -> Iterator[Metric]:
    """Yield the figures of query mode.

    Args:
        passages: with questions.
        tokenizer: counts the budgets.
        seed: of the contexts.
        limit: most questions; None: all.
        timed: also measure the time, which is another one each run.
    """
    asked = drawn(passages, seed=seed, limit=limit)
    contexts = [one.context for one in asked]
    shares: list[float] = []
    times: list[float] = []
    over = 0
    for budget, goal in BUDGETS:
        kept, used, ms = _measured(asked, contexts, budget, tokenizer)
        shares += used
        times += ms
        over += sum(one > 100 for one in used)
        yield at_least(f"answers kept at {budget:.0%}", share(kept, len(asked)), goal, len(asked), "10 paragraphs")
    kept, used, _ = _measured(asked, [one.own for one in asked], 0.5, tokenizer)
    over += sum(one > 100 for one in used)
    detail = "one paragraph"
    yield at_least("answers kept at 50%, single", share(kept, len(asked)), SINGLE_GOAL, len(asked), detail)
    yield at_least("budget used", mean(shares), None, len(shares), "mean over the contexts of 10 paragraphs")
    yield at_most("over budget", share(over, len(shares) + len(used)), 0.0, len(shares) + len(used), "must never be")
    if timed:
        yield at_most("time a context", median(times or [0.0]), TIME_GOAL_MS, len(times), "query mode, median", "ms")


def _measured(
    asked: Sequence[Drawn], contexts: Sequence[str], budget: float, tokenizer: Tokenizer
) -> tuple[int, list[float], list[float]]:
    """Return the answers kept, the per cents of each budget used, and the milliseconds of each context."""
    kept, used, ms = 0, [], []
    for one, context in zip(asked, contexts, strict=True):
        began = perf_counter_ns()
        found = compress(context, query=one.question.question, budget=budget, tokenizer=tokenizer)
        ms.append((perf_counter_ns() - began) / 1e6)
        kept += any(answer in found.text for answer in one.question.answers)
        allowed = int(tokenizer.count(context).tokens * budget)
        used.append(100 * tokenizer.count(found.text).tokens / max(1, allowed))
    return kept, used, ms
