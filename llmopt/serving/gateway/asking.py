"""What a request asks of the gateway itself: tags, and a deadline."""

from __future__ import annotations

import re

_TAG = re.compile(r"\s*([\w.-]{1,64})\s*=\s*([^,]{0,128}?)\s*(?:,|$)", re.ASCII)
_MOST_TAGS = 16
_NUMBER = re.compile(rb"\s*[0-9]{1,9}(?:\.[0-9]{1,9})?\s*")


def tags_of(value: bytes) -> dict[str, str]:
    """Return the labels that a caller gives a request: `team=care, feature=search`; what is none is passed over.

    Args:
        value: of the header `x-llmopt-tags`.
    """
    found = _TAG.findall(value.decode("latin-1")[:4096])
    return dict(found[:_MOST_TAGS])


def deadline_s(name: bytes, value: bytes, otherwise_s: float) -> float:
    """Return how long a client waits for the head of an answer, in seconds.

    Args:
        name: of the header: `x-llmopt-timeout-ms`, or what the clients of OpenAI and Anthropic send, in seconds.
        value: of the header.
        otherwise_s: where it is no number.
    """
    if not _NUMBER.fullmatch(value):
        return otherwise_s
    return float(value) / 1000 if name.endswith(b"-ms") else float(value)
