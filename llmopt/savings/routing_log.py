"""The answers of a log that carry a quality, each with what its prompt shows to a router.

A prompt is what was asked, whatever its letter case and white space and whichever model it went to.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmopt.cost.calls import Call, Calls, read_calls
from llmopt.errors import InputError
from llmopt.serving.routing.asked import Asked

_WORDS = {"true": 1.0, "yes": 1.0, "pass": 1.0, "passed": 1.0, "false": 0.0, "no": 0.0, "fail": 0.0, "failed": 0.0}
_PROMPT_KEYS = ("system", "messages", "contents", "input", "prompt")

Route = Callable[[Mapping[str, Any]], tuple[str, str]]
"""Body of a request -> the route that a policy picks, and its model."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the score may look at."""

    key: bytes
    """Hash of what was asked."""
    text: str
    context_chars: int
    turns: int
    tools: int
    routed: tuple[str, str] | None = None
    """The route that a policy under test picks, and its model; None where there is no such policy."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One call with a quality."""

    prompt: Prompt
    model: str
    quality: float
    usd: Decimal | None
    """What the call cost; None where it has no price."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Records of the log that nothing could be learned from."""

    reason: str
    calls: int
    first: str | None
    """`file:line` of the first one; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is of use in a log."""

    files: tuple[str, ...]
    calls: int
    """All records that were read, those left out counted."""
    answers: tuple[Answer, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]


def read_answers(
    paths: Sequence[Path | str],
    quality_col: str,
    *,
    pass_mark: float | None = None,
    route: Route | None = None,
    input_format: str = "auto",
    prices: Sequence[Path] = (),
    as_of: datetime | None = None,
) -> Answers:
    """Read the answers of a log that carry a quality.

    Args:
        paths: files, directories, globs or `-`, as `llmopt.cost.calls.read_calls` takes them.
        quality_col: where the quality stands, a column or a path with dots; numbers, or true and false.
        pass_mark: what counts is whether the quality reaches it; None: the quality itself.
        route: a policy to test.
        input_format: name of a format, or `auto`.
        prices: more price files.
        as_of: price calls without a time as of then.

    Raises:
        InputError: no call has a quality; or as `read_calls`.
    """
    prompts: dict[Prompt, Prompt] = {}

    def take(call: Call) -> Answer | tuple[str, str]:
        found = _answer(call, quality_col, pass_mark, route)
        if isinstance(found, Answer):  # a text is kept once, however many models answered it
            return replace(found, prompt=prompts.setdefault(found.prompt, found.prompt))
        return found

    calls: Calls[Answer | tuple[str, str]] = read_calls(
        paths, take, columns=(quality_col,), input_format=input_format, prices=prices, as_of=as_of
    )
    answers = tuple(one for one in calls.taken if isinstance(one, Answer))
    left_out = _left_out(calls)
    if not answers:
        said = "; ".join(
            f"{one.calls:,}: {one.reason}" + (f", first {one.first}" if one.first else "") for one in left_out
        )
        raise InputError(
            f"no call has a prompt, a model and a quality in {quality_col!r}" + (f" ({said})" if said else ""),
            "name the column with --quality-col, such as score or metadata.scores.helpful",
        )
    return Answers(calls.files, len(answers) + sum(one.calls for one in left_out), answers, left_out, calls.warnings)


def quality_of(text: str | None) -> float | None:
    """Return a quality as a number: `0.8`, `80%`, `true`, `fail`; None where it is none."""
    plain = (text or "").strip().lower()
    if plain in _WORDS:
        return _WORDS[plain]
    try:
        number = float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _answer(call: Call, column: str, pass_mark: float | None, route: Route | None) -> Answer | tuple[str, str]:
    """Return a call as an answer, or the reason why it is none and where it stands."""
    logged = call.columns.get(column)
    quality = quality_of(logged)
    if quality is None:
        reason = "no quality" if logged is None or not logged.strip() else "the quality is no number"
        return reason, call.where
    if call.request is None:
        return "no prompt in the record", call.where
    if call.model is None:
        return "no model in the record", call.where
    asked = Asked.of(call.request)
    if not asked.text.strip():
        return "no text in the prompt", call.where
    if pass_mark is not None:
        quality = float(quality >= pass_mark)
    routed = route(call.request) if route is not None else None
    prompt = Prompt(_key(asked, call.request), asked.text, asked.context_chars, asked.turns, asked.tools, routed)
    return Answer(prompt, call.model, quality, call.cost_usd)


def _key(asked: Asked, body: Mapping[str, Any]) -> bytes:
    """Return a hash of what was asked; images count as they stand."""
    texts = [" ".join(text.split()).casefold() for text in (asked.system, *asked.others, asked.text)]
    images = {name: body[name] for name in _PROMPT_KEYS if name in body} if asked.images else None
    plain = json.dumps([texts, asked.turns, asked.tools, images], sort_keys=True, default=str)
    return hashlib.sha256(plain.encode()).digest()[:16]


def _left_out(calls: Calls[Answer | tuple[str, str]]) -> tuple[LeftOut, ...]:
    """Return everything that is no answer with a quality, by reason; nothing of the log goes without a word."""
    counts = {
        reason: LeftOut(reason, count, None)
        for reason, count in (
            ("sum of many requests", calls.aggregated),
            ("failed, or answered by the cache of a gateway", calls.free),
            ("further record of the same call", calls.duplicates),
            ("no record of a call", calls.skipped),
        )
        if count
    }
    counts |= {one.reason: LeftOut(one.reason, one.count, one.first) for one in calls.rejected}
    for one in calls.taken:
        if not isinstance(one, Answer):
            reason, where = one
            seen = counts.get(reason)
            counts[reason] = LeftOut(reason, seen.calls + 1 if seen else 1, seen.first if seen else where)
    return tuple(sorted(counts.values(), key=lambda one: (-one.calls, one.reason)))
