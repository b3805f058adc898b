"""Measure what LLM traffic costs, cut it, and prove the saving.

The names below load their modules on first use, so `import llmopt` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmopt.bench.api import bench_batch
    from llmopt.bench.comparing.api import compare
    from llmopt.bench.comparing.result import BenchResult
    from llmopt.bench.report import BenchReport
    from llmopt.cost.api import price, price_logs
    from llmopt.cost.given import Query
    from llmopt.cost.result import CostReport
    from llmopt.models.distill.api import distill
    from llmopt.models.distill.config import DistillConfig
    from llmopt.models.distill.distiller import Distiller
    from llmopt.models.distill.report import DistillReport
    from llmopt.models.quantizing.api import quantize
    from llmopt.models.quantizing.config import QuantizeConfig
    from llmopt.models.quantizing.report import QuantizeReport
    from llmopt.prompts.api import compress
    from llmopt.prompts.chat import CompressedChat
    from llmopt.prompts.result import Compressed
    from llmopt.savings.project.api import project
    from llmopt.savings.project.plan import Plan
    from llmopt.savings.project.plan_file import load_plan
    from llmopt.savings.project.result import Projection
    from llmopt.serving.batching.batcher import AdaptiveBatcher
    from llmopt.serving.budget import LatencyBudget
    from llmopt.serving.cache.cache import ResponseCache
    from llmopt.serving.cache.key import request_key
    from llmopt.serving.cache.request import CacheRequest
    from llmopt.serving.cache.stores.memory import MemoryStore
    from llmopt.serving.cache.stores.redis import RedisStore
    from llmopt.serving.cache.stores.sqlite import SqliteStore
    from llmopt.serving.routing.policy import Policy, load_policy
    from llmopt.serving.routing.router import Router
    from llmopt.serving.wrapping.wrap import wrap
    from llmopt.tokens.api import count_tokens
    from llmopt.tokens.result import TokenCount

__version__ = "1.0.0"
__all__ = [
    "AdaptiveBatcher",
    "BenchReport",
    "BenchResult",
    "CacheRequest",
    "Compressed",
    "CompressedChat",
    "CostReport",
    "DistillConfig",
    "DistillReport",
    "Distiller",
    "LatencyBudget",
    "MemoryStore",
    "Plan",
    "Policy",
    "Projection",
    "QuantizeConfig",
    "QuantizeReport",
    "Query",
    "RedisStore",
    "ResponseCache",
    "Router",
    "SqliteStore",
    "TokenCount",
    "__version__",
    "bench_batch",
    "compare",
    "compress",
    "count_tokens",
    "distill",
    "load_plan",
    "load_policy",
    "price",
    "price_logs",
    "project",
    "quantize",
    "request_key",
    "wrap",
]

_HOMES = {
    "AdaptiveBatcher": "llmopt.serving.batching",
    "BenchReport": "llmopt.bench.report",
    "BenchResult": "llmopt.bench.comparing.result",
    "CacheRequest": "llmopt.serving.cache",
    "Compressed": "llmopt.prompts.result",
    "CompressedChat": "llmopt.prompts.chat",
    "CostReport": "llmopt.cost.result",
    "DistillConfig": "llmopt.models.distill.config",
    "DistillReport": "llmopt.models.distill.report",
    "Distiller": "llmopt.models.distill.distiller",
    "LatencyBudget": "llmopt.serving.budget",
    "MemoryStore": "llmopt.serving.cache",
    "Plan": "llmopt.savings.project.plan",
    "Policy": "llmopt.serving.routing",
    "Projection": "llmopt.savings.project.result",
    "QuantizeConfig": "llmopt.models.quantizing.config",
    "QuantizeReport": "llmopt.models.quantizing.report",
    "Query": "llmopt.cost.given",
    "RedisStore": "llmopt.serving.cache",
    "ResponseCache": "llmopt.serving.cache",
    "Router": "llmopt.serving.routing",
    "SqliteStore": "llmopt.serving.cache",
    "TokenCount": "llmopt.tokens.result",
    "bench_batch": "llmopt.bench.api",
    "compare": "llmopt.bench.comparing.api",
    "compress": "llmopt.prompts.api",
    "count_tokens": "llmopt.tokens.api",
    "distill": "llmopt.models.distill.api",
    "load_plan": "llmopt.savings.project.plan_file",
    "load_policy": "llmopt.serving.routing",
    "price": "llmopt.cost.api",
    "price_logs": "llmopt.cost.api",
    "project": "llmopt.savings.project.api",
    "quantize": "llmopt.models.quantizing.api",
    "request_key": "llmopt.serving.cache",
    "wrap": "llmopt.serving.wrapping.wrap",
}
"""Exported name -> the module that holds it."""


def __getattr__(name: str) -> object:
    """Load an exported name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'llmopt' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the exported names, loaded or not."""
    return sorted({*globals(), *__all__})
