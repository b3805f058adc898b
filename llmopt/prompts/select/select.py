"""Choose the parts of texts that a query needs, within an exact budget of tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

from llmopt.errors import InputError
from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit
from llmopt.prompts.select.choice import fill
from llmopt.prompts.select.draft import Draft
from llmopt.prompts.select.ledger import Ledger
from llmopt.prompts.select.score import scores
from llmopt.prompts.select.scorer import Scorer
from llmopt.prompts.select.units import units_of
from llmopt.prompts.spans import Segments

_LENGTH_WEIGHT = 0.5
"""Between 0, where length does not matter, and 1, where a unit of twice the tokens has to be twice as likely."""

_PARTS = 3
"""A JSON value is kept or left out whole only up to this part of the budget, in characters."""


def selected(
    documents: Sequence[Segments], query: str, budget: int, context: Context, scorer: Scorer | None = None
) -> list[list[Edit]]:
    """Return the edits of each document that leave what the query needs.

    Args:
        documents: texts that share the budget.
        query: what is asked; without any word of the texts, what is central to them is kept.
        budget: tokens that the texts may have together afterwards.
        context: counts tokens.
        scorer: another opinion on what matters, such as a sentence model's; joined in by rank.

    Raises:
        InputError: what must stay has more tokens than the budget.
    """
    whole = sum(context.tokens(segments.text) for segments in documents)
    if whole <= budget:
        return [[] for _ in documents]
    longest = budget * sum(len(segments.text) for segments in documents) // (_PARTS * whole)
    drafts: list[Draft] = []
    group = 0
    for segments in documents:
        drafts.append(Draft(segments, units_of(segments, group, longest)))
        group = max([group, *(unit.group + 1 for unit in drafts[-1].units)])
    ledger = Ledger(drafts, context, budget)
    least = ledger.keep_what_must_stay()
    if least > budget:
        raise InputError(
            f"the budget is {budget:,} tokens, and what must stay needs at least {least:,} tokens",
            f"--budget {least} or more",
        )
    texts = [draft.told(number) for draft in drafts for number in range(len(draft.units))]
    units = [unit for draft in drafts for unit in draft.units]
    values = [
        score - _LENGTH_WEIGHT * math.log(unit.end - unit.start or 1)
        for score, unit in zip(scores(texts, units, query, scorer) if texts else [], units, strict=True)
    ]
    starts = list(accumulate((len(draft.units) for draft in drafts), initial=0))
    fill(ledger, [values[start:end] for start, end in pairwise(starts)], query)
    return [draft.edits(markers=ledger.markers) for draft in drafts]
