"""Read the levers of a plan, each from its own table: `docs/project.md` describes the keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from llmopt.prompts.context import LEVELS
from llmopt.savings.project import parsed
from llmopt.savings.project.plan import (
    BatchLever,
    CacheLever,
    CompressionLever,
    OwnCost,
    PromptCacheLever,
    RoutingLever,
    SelfHostLever,
    SwapLever,
)
from llmopt.savings.project.plan_entries import Entries

Lever = CacheLever | RoutingLever | SwapLever | CompressionLever | PromptCacheLever | BatchLever | SelfHostLever
NO_TENANT = "none"
AUTO = "auto"
SHIPPED = "default"
"""Of routing: the policy that llmopt brings along."""
COMMON = ("on", "usd_per_month", "usd_per_call")
"""Keys that each lever has."""
ALSO = {
    "cache": {"max_size": "size", "size_bytes": "size"},
    "routing": {"rules": "policy"},
    "batch": {"hours": "night"},
    "self_host": {"price_per_hour": "usd_per_hour", "bench": "result"},
}
"""Lever -> other name of a key -> its name."""
SHORT = {
    "cache": "ttl",
    "routing": "policy",
    "swap": "models",
    "compression": "level",
    "prompt_cache": "ttl",
    "batch": "tags",
    "self_host": "result",
}
"""Lever -> the key that is meant where a text stands in the place of its table."""


def _cache(table: Entries) -> CacheLever:
    table.only((*COMMON, "ttl", "ttl_s", "size", "tenant", "only_deterministic"))
    usual = CacheLever()
    tenant = table.get("tenant")
    return CacheLever(
        ttl_s=_ttl_s(table) or usual.ttl_s,
        size_bytes=table.parsed("size", parsed.room),
        tenant=usual.tenant if tenant is None else "" if tenant in ("", NO_TENANT) else table.text("tenant") or "",
        only_deterministic=table.flag("only_deterministic", usual.only_deterministic),
        own=_own(table),
    )


def _routing(table: Entries) -> RoutingLever:
    table.only((*COMMON, "policy", "models"))
    policy = None if table.get("policy") == SHIPPED else table.file("policy")
    return RoutingLever(policy, table.texts("models"), _own(table))


def _swap(table: Entries) -> SwapLever:
    pairs: list[tuple[str, str]] = []
    for key in table.keys:
        if key in COMMON:
            continue
        value = table.get(key)
        if key in ("models", "swaps") and not isinstance(value, Mapping):
            pairs += table.typed(key, partial(parsed.swaps, ",".join(table.texts(key))))
        else:
            prefix = () if key in ("models", "swaps") else (table.written(key),)
            pairs += [(".".join((*prefix, *name)), instead) for name, instead in _leaves(table, key, value)]
    if not pairs:
        raise table.fault(f"{table.title}: no model is swapped", hint='such as "gpt-4" = "gpt-4o-mini"')
    return SwapLever(table.typed("", partial(parsed.one_target_each, pairs)), _own(table))


def _compression(table: Entries) -> CompressionLever:
    table.only((*COMMON, "level", "sample"))
    usual = CompressionLever()
    level, sample = table.one_of("level", LEVELS), table.whole("sample", 1)
    return CompressionLever(level or usual.level, sample or usual.sample, _own(table))


def _prompt_cache(table: Entries) -> PromptCacheLever:
    table.only((*COMMON, "ttl", "ttl_s"))
    return PromptCacheLever(None if table.get("ttl") == AUTO else _ttl_s(table), _own(table))


def _batch(table: Entries) -> BatchLever:
    table.only((*COMMON, "tags", "tag", "night"))
    tags, night = _tags(table, nights=True)
    if table.get("night") is not None:
        night = _night(table)
    if not tags and night is None:
        message = f"{table.title}: which calls can wait is not said"
        raise table.fault(message, hint='such as tags = ["tag=offline"], or night = "22-6" (UTC)')
    return BatchLever(tags, night, _own(table))


def _self_host(table: Entries) -> SelfHostLever:
    table.only((*COMMON, "result", "usd_per_hour", "utilization", "models", "tags", "tag"))
    result, usd_per_hour = table.file("result"), table.parsed("usd_per_hour", parsed.money)
    if result is None:
        raise table.fault("self_host: no `result`", hint='result = "bench.json", of llmopt bench-batch or quantize')
    if usd_per_hour is None:
        message = "self_host: no `usd_per_hour`, what a machine costs"
        raise table.fault(message, "result", "a table [self_host] with the lines result and usd_per_hour = 2.5")
    utilization = table.parsed("utilization", parsed.share)
    if utilization == 0:
        raise table.fault("utilization = 0: more than 0 is needed", "utilization", "such as utilization = 0.6")
    load = SelfHostLever().utilization if utilization is None else utilization
    return SelfHostLever(result, usd_per_hour, load, table.texts("models"), _tags(table)[0], _own(table))


READERS: Mapping[str, Callable[[Entries], Lever]] = {
    "cache": _cache,
    "routing": _routing,
    "swap": _swap,
    "compression": _compression,
    "prompt_cache": _prompt_cache,
    "batch": _batch,
    "self_host": _self_host,
}
"""Lever -> what reads its table."""


def _own(table: Entries) -> OwnCost:
    month, call = (table.parsed(key, parsed.money) for key in ("usd_per_month", "usd_per_call"))
    return OwnCost(month or Decimal(0), call or Decimal(0))


def _ttl_s(table: Entries) -> float | None:
    if table.get("ttl") is not None and table.get("ttl_s") is not None:
        raise table.fault("both ttl and ttl_s", "ttl_s", "one of them is enough")
    return table.parsed("ttl", parsed.ttl_s) or table.parsed("ttl_s", parsed.seconds)


def _night(table: Entries) -> tuple[int, int] | None:
    value = table.get("night")
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(hour) is int for hour in value):
        return table.typed("night", partial(parsed.hours, f"{value[0]}-{value[1]}"))
    return table.parsed("night", parsed.hours)


def _tags(table: Entries, *, nights: bool = False) -> tuple[parsed.Pairs, tuple[int, int] | None]:
    """Return the tags, and the hours where they may stand among them."""
    found: parsed.Pairs = ()
    night = None
    value = table.get("tags")
    if isinstance(value, Mapping):
        found = tuple((".".join(name), text) for name, text in _leaves(table, "tags", value))
    elif value is not None:
        listed = ",".join(table.texts("tags"))
        if nights:
            found, night = table.typed("tags", partial(parsed.batch, listed))
        else:
            found = table.typed("tags", partial(parsed.tags, listed))
    tag = table.text("tag")
    return (*found, *([("tag", tag)] if tag else [])), night


def _leaves(table: Entries, key: str, value: object) -> list[tuple[tuple[str, ...], str]]:
    """Return the texts below an entry with the keys that lead there: a bare key with a dot is a table in TOML."""
    if isinstance(value, Mapping):
        return [
            ((str(name), *rest), text) for name, under in value.items() for rest, text in _leaves(table, key, under)
        ]
    if not isinstance(value, str) or not value.strip():
        message = f"{table.written(key)} in {table.title} is {value!r}; a text is needed"
        raise table.fault(message, key, 'such as "gpt-4" = "gpt-4o-mini"')
    return [((), value.strip())]
