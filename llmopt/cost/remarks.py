"""What must be said of tokens that were counted from text: how many, how surely, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from llmopt.core.counted import Counted

MOST_NAMES = 3
"""Models named; of more, only how many there are."""


def remarks(counted: Mapping[str, Counted]) -> Iterator[str]:
    """Yield the warnings about counts from text.

    Args:
        counted: model as logged -> what was counted of its priced requests.
    """
    found = {model: count for model, count in counted.items() if count.requests}
    total = sum(found.values(), Counted())
    if not total.requests:
        return
    sure = total.requests - total.estimated_requests
    parts = []
    if sure:
        names = _names(model for model, count in found.items() if count.requests > count.estimated_requests)
        parts.append(f"{sure:,} exactly ({names})")
    if total.estimated_requests:
        names = _names(model for model, count in found.items() if count.estimated_requests)
        parts.append(f"{total.estimated_requests:,} estimated ({names})")
    yield (
        f"{_requests(total.requests)} without usage, counted from the text: {', '.join(parts)}; "
        f"{total.input_tokens:,} input and {total.output_tokens:,} output tokens"
    )
    missing = ((total.requests_without_output, "an answer"), (total.requests_without_input, "a prompt"))
    lacking = [f"{_requests(count)} without {side}" for count, side in missing if count]
    if lacking:
        yield f"of those, {' and '.join(lacking)} in the log: only the other side is in the cost, a lower bound"
    if total.requests_with_uncounted:
        yield (
            f"of those, {_requests(total.requests_with_uncounted)} with parts that cannot be counted from text, "
            "such as hidden reasoning, audio or documents: a lower bound"
        )


def _names(models: Iterable[str]) -> str:
    names = sorted(models)
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} models"


def _requests(count: int) -> str:
    return f"{count:,} request{'' if count == 1 else 's'}"
