"""What a request asks of the gateway itself: tags, a deadline, and which upstream by the name of a model."""

from __future__ import annotations

import re

import msgspec

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


class _Named(msgspec.Struct):
    model: str = ""


_READ = msgspec.json.Decoder(_Named).decode


def model_in(body: bytes) -> str:
    """Return the model that a body names which is only passed on; empty where it names none.

    Args:
        body: of any kind.
    """
    try:
        return _READ(body).model if body[:1] == b"{" else ""
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
