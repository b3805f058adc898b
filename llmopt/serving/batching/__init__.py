"""Batches of requests that come one by one: `AdaptiveBatcher`."""

from llmopt.serving.batching.batcher import AdaptiveBatcher
from llmopt.serving.batching.errors import BatchingError, Closed, DeadlinePassed, PredictFailed, QueueFull
from llmopt.serving.batching.hooks import BatchDone, Hooks, Reason
from llmopt.serving.batching.settings import BatchSettings

__all__ = [
    "AdaptiveBatcher",
    "BatchDone",
    "BatchSettings",
    "BatchingError",
    "Closed",
    "DeadlinePassed",
    "Hooks",
    "PredictFailed",
    "QueueFull",
    "Reason",
]
