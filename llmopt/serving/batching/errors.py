"""What a batcher raises instead of an answer.

LlmoptError
└── BatchingError           a request that got no answer
    ├── QueueFull           refused at the door: try again after `retry_after_s`
    ├── DeadlinePassed      its deadline came before its answer; also a TimeoutError
    ├── Closed              the batcher was closed, or not started
    └── PredictFailed       `predict` did not return one result a request
"""

from __future__ import annotations

from llmopt.errors import LlmoptError


class BatchingError(LlmoptError):
    """A request that got no answer."""


class QueueFull(BatchingError):
    """The queue is full.

    Args:
        queued: requests in the queue.
        retry_after_s: when there should be room for a full batch, by the measured service rate.
    """

    def __init__(self, queued: int, retry_after_s: float) -> None:
        super().__init__(f"the queue is full: {queued} requests wait", f"try again after {retry_after_s:.3g} s")
        self.queued = queued
        self.retry_after_s = retry_after_s


class DeadlinePassed(BatchingError, TimeoutError):
    """The deadline of a request came before its answer. One that still waited is not computed any more."""


class Closed(BatchingError):
    """The batcher takes no requests, or was closed before this one ran."""


class PredictFailed(BatchingError):
    """`predict` did not return one result a request, or raised what no future can carry."""
