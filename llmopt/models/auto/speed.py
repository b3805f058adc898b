"""How fast variants are, in turn and in one process.

Threads of one engine must not take the processor from another: after a call, pools of OpenMP, ONNX Runtime and OpenVINO
spin for a while in wait of more work, so each call waits until they sleep. Requests are made of the user's own texts
where there are any: real lengths are not asked for, but real tokens are what a model meets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from llmopt.core.ratio import in_turn
from llmopt.core.target import Predictor, TargetFacts
from llmopt.models.asleep import wait_alone


class Timed(Protocol):
    """What is needed of a model to time it; `llmopt.models.loaded.LoadedModel` is one."""

    @property
    def facts(self) -> TargetFacts:
        """Its `max_tokens`."""
        ...

    @property
    def predictor(self) -> Predictor:
        """How to make requests."""
        ...

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, cut to what the model reads."""
        ...

    def predict(self, requests: list[list[int]]) -> list[Any]:
        """Answer requests."""
        ...


def requests_of(model: Timed, texts: Sequence[str], *, batch_size: int, seq_len: int) -> list[list[int]]:
    """Return a batch of requests of exactly so many tokens, or of as many as the model reads.

    Args:
        model: that will answer them.
        texts: whose tokens to use, one after the other; none: random tokens.
        batch_size: requests.
        seq_len: tokens of each.
    """
    length = min(seq_len, model.facts.max_tokens or seq_len)
    encoded = model.encode(texts[: batch_size * length])
    first, last, inner = _parts(encoded)
    body = max(length - len(first) - len(last), 0)
    if not body or not inner:
        return [model.predictor.item(length) for _ in range(batch_size)]
    needed = batch_size * body
    stream = (inner * (needed // len(inner) + 1))[:needed]
    return [[*first, *stream[at : at + body], *last] for at in range(0, needed, body)]


def times_in_turn(
    models: Sequence[Timed],
    requests: list[list[int]],
    *,
    rounds: int,
    max_time_s: float,
    clock: Callable[[], float] = time.perf_counter,
    settle: Callable[[], object] = wait_alone,
) -> list[list[float]]:
    """Return the seconds of each model for the same batch, `(models, rounds)`.

    Args:
        models: one or more.
        requests: the batch.
        rounds: at most.
        max_time_s: after which no round is begun.
        clock: seconds, monotonic.
        settle: waits until the threads of the last model sleep.
    """
    calls = [partial(model.predict, requests) for model in models]
    return in_turn(calls, rounds=rounds, max_time_s=max_time_s, clock=clock, settle=settle, warm_calls=1)


def _parts(encoded: Sequence[Sequence[int]]) -> tuple[list[int], list[int], list[int]]:
    """Return the token that all texts begin with, the one they all end with (each may be none), and all between."""
    filled = [list(ids) for ids in encoded if len(ids) > 2]
    if not filled:
        return [], [], []
    first = filled[0][:1] if len({ids[0] for ids in filled}) == 1 else []
    last = filled[0][-1:] if len({ids[-1] for ids in filled}) == 1 else []
    return first, last, [token for ids in filled for token in ids[len(first) : len(ids) - len(last)]]
