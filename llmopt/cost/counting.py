"""Count the tokens of records whose usage is not in the log, from the text that is.

The tokenizer is loaded with the first such record: a log with usage never waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from llmopt.core.counted import Counted
from llmopt.core.usage import Usage
from llmopt.cost.spec.row import Row

if TYPE_CHECKING:
    from llmopt.cost.pairs import Kept
    from llmopt.tokens.result import TokenCount

_WRITE_NOTHING = ("embed", "moderation")
"""Part of the name of models whose answers, such as vectors, have no tokens; a log of their requests lacks nothing."""


def counted(row: Row, deployments: Mapping[str, str] | None = None) -> Row:
    """Return a record without usage with the tokens of its text, and without the text.

    A side without text, or whose text is no tokens at all, is not in the log: nothing is said of it. Where neither
    side is there, the record comes back without a count.

    Args:
        row: the record.
        deployments: name as logged, in lower case -> model, whose tokenizer counts.
    """
    # Only the records that come here need a tokenizer, which takes a while to load.
    from llmopt.tokens.logged import count_logged_request, count_logged_response

    model = (deployments or {}).get((row.model or "").lower(), row.model)
    writes = not any(part in (model or "").lower() for part in _WRITE_NOTHING)
    prompt = count_logged_request(row.prompt, model) if row.prompt is not None else None
    response = count_logged_response(row.response, model) if row.response is not None and writes else None
    asked = prompt.count if prompt and prompt.count.tokens else None
    answered = response.count if response and response.count.tokens else None
    lacking = bool((prompt and prompt.uncounted) or (response and response.uncounted))
    row = replace(row, prompt=None, response=None)
    if asked is None and answered is None:
        return row
    usage = Usage(input_uncached=asked.tokens if asked else 0, output_text=answered.tokens if answered else 0)
    return replace(row, usage=usage, counted=_counted(asked, answered, writes=writes, lacking=lacking))


def light(kept: Kept, deployments: Mapping[str, str] | None) -> Kept:
    """Return what was kept of a record with its text counted: the text is too heavy to travel, or to be laid aside."""
    return replace(kept, row=counted(kept.row, deployments)) if kept.row.has_text else kept


def _counted(asked: TokenCount | None, answered: TokenCount | None, *, writes: bool, lacking: bool) -> Counted:
    sides = [side for side in (asked, answered) if side is not None]
    by_method = {method: sum(side.tokens for side in sides if side.method == method) for method in _METHODS}
    return Counted(
        requests=1,
        estimated_requests=int(any(side.method != "exact" for side in sides)),
        requests_without_input=int(asked is None),
        requests_without_output=int(answered is None and writes),
        input_tokens=asked.tokens if asked else 0,
        input_low_tokens=asked.low if asked else 0,
        input_high_tokens=asked.high if asked else 0,
        output_tokens=answered.tokens if answered else 0,
        output_low_tokens=answered.low if answered else 0,
        output_high_tokens=answered.high if answered else 0,
        exact_tokens=by_method["exact"],
        reconstructed_tokens=by_method["reconstructed"],
        estimated_tokens=by_method["estimated"],
        requests_with_uncounted=int(lacking),
    )


_METHODS = ("exact", "reconstructed", "estimated")
