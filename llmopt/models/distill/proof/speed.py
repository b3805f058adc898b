"""How much faster a student answers than its teacher: both in turn, in one process, on batches of real tokens.

A student that cuts texts into other tokens gets requests of as much text, not of as many tokens: that is what a user
would send it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from llmopt.core.ratio import in_turn, speedup
from llmopt.core.stats import median
from llmopt.errors import MissingExtraError
from llmopt.models.asleep import wait_alone
from llmopt.models.auto.speed import requests_of
from llmopt.models.distill.proof.opened import Filler, answering, timed
from llmopt.models.distill.report import LatencyRatio
from llmopt.models.distill.values import Student, Teacher
from llmopt.models.loaded import LoadedModel

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

BATCH_SIZE, SEQ_LEN = 8, 128
NEW_TOKENS = 32
ROUNDS, TIME_S = 15, 20.0
"""Of the comparison, at most."""
_COUNTED = 256
"""Texts that tell how many tokens each model cuts them into."""


def latency(
    teacher: Teacher,
    student: Student,
    texts: Sequence[str],
    *,
    clock: Callable[[], float] = time.perf_counter,
    settle: Callable[[], object] = wait_alone,
) -> LatencyRatio:
    """Return how many times faster a student answers, with the interval of its rounds.

    Args:
        teacher: to compare with.
        student: as it is now.
        texts: whose tokens to ask with.
        clock: seconds, monotonic.
        settle: waits until the threads of the last model sleep.

    Raises:
        OutOfMemory: a batch does not fit.
    """
    new_tokens = _new_tokens(teacher, student)
    with answering(student.model):
        models = [timed(one, teacher, new_tokens=new_tokens) for one in (teacher, student)]
        lengths = _lengths(models, student, texts)
        calls = [
            partial(model.predict, requests_of(model, texts, batch_size=BATCH_SIZE, seq_len=length))
            for model, length in zip(models, lengths, strict=True)
        ]
        before_s, after_s = in_turn(calls, rounds=ROUNDS, max_time_s=TIME_S, clock=clock, settle=settle, warm_calls=1)
    return LatencyRatio(
        ratio=speedup(before_s, after_s),
        teacher_p50_s=median(before_s),
        student_p50_s=median(after_s),
        batch_size=BATCH_SIZE,
        seq_len=lengths[0],
        threads=torch.get_num_threads(),
        rounds=len(before_s),
    )


def _new_tokens(teacher: Teacher, student: Student) -> int:
    """Return how many tokens to generate: fewer where a model reads hardly more than these."""
    if teacher.task != "generate":
        return 0
    return max(1, min(NEW_TOKENS, teacher.max_tokens // 2, student.max_tokens // 2))


def _lengths(models: Sequence[LoadedModel | Filler], student: Student, texts: Sequence[str]) -> tuple[int, int]:
    """Return the tokens of a request of each, such that both hold as much text and neither is cut."""
    limits = [min(SEQ_LEN, model.facts.max_tokens or SEQ_LEN) for model in models]
    if not student.own_tokens:
        return (min(limits),) * 2
    few = texts[:_COUNTED]
    mine, others = (sum(map(len, model.encode(few))) for model in models)
    share = others / mine if mine and others else 1.0
    first = max(1, min(limits[0], int((models[1].facts.max_tokens or SEQ_LEN * share) / share)))
    return first, max(1, round(first * share))
