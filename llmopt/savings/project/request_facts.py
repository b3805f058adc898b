"""What a request says of itself: whether it samples, how large it is, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmopt.cost.call import Call
from llmopt.cost.call_columns import Kind
from llmopt.savings.candidates import SAMPLES as SAID_TO_SAMPLE
from llmopt.savings.candidates import why_unsure
from llmopt.savings.project.requests import READS_MORE, SAMPLES, UNKNOWN_SETTINGS
from llmopt.serving.cache.request import is_deterministic, reads_more

_BYTES_A_TOKEN = 4


def flags_of(body: Mapping[str, Any], endpoint: str, *, whole: bool) -> int:
    """Return the bits of `Requests.flags` for a request, by the rules of the cache.

    Args:
        body: as far as it is logged.
        endpoint: where it was sent.
        whole: whether all of it is logged.
    """
    if is_deterministic(body, endpoint):
        return 0
    if reads_more(body):
        return READS_MORE
    return SAMPLES if why_unsure(body, whole=whole) == SAID_TO_SAMPLE else UNKNOWN_SETTINGS


def label_of(call: Call) -> dict[str, str]:
    """Return the groups and columns of a call that are set."""
    return {name: value for place in (call.groups, call.columns) for name, value in place.items() if value}


def tokens_of(call: Call, body: Mapping[str, Any]) -> int:
    """Return about how many tokens a request has: as billed, else by its length."""
    billed = 0 if call.usage is None else call.usage.input_tokens
    return billed or len(str(body)) // _BYTES_A_TOKEN


def without_request(kind: Kind, label: Mapping[str, str]) -> Call:
    """Return a call of which only model, provider and label are known."""
    return Call(
        where="",
        at=None,
        model=kind.model,
        provider=kind.provider,
        request=None,
        whole=False,
        response=None,
        usage=None,
        cost_usd=None,
        groups=label,
    )


def said_of(count: int, what: str) -> tuple[str, ...]:
    """Return a note on so many distinct requests; none where there are none."""
    if not count:
        return ()
    return (f"{count:,} distinct {'request' if count == 1 else 'requests'} {what}",)
