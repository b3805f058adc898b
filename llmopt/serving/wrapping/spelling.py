"""A policy as text, the same in every process: what of it decides about answers is part of the cache's key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from llmopt.serving.routing.router import Router

_ATOMS = (str, int, float, bool, type(None))


def spelled_router(router: Router) -> Any:
    """Return what of a router decides about answers: its policy and its weights, wherever they were read from."""
    policy = replace(router.policy, source="")
    if policy.score is not None:
        policy = replace(policy, score=replace(policy.score, weights=Path()))
    return [spelled(policy), spelled({**vars(router), "policy": None})]


def spelled(value: Any) -> Any:
    """Return a value as JSON has it.

    Args:
        value: of this package, or of plain values. Anything else is spelled by its `repr`; where that holds an address,
            no other process has the same, which costs answers from a common store but gives no wrong ones.
    """
    if isinstance(value, _ATOMS):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        pairs = ([spelled(name), spelled(each)] for name, each in value.items())
        return {"pairs": sorted(pairs, key=repr)}
    if isinstance(value, (list, tuple)):
        return [spelled(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return {"set": sorted((spelled(each) for each in value), key=repr)}
    if hasattr(value, "pattern") and hasattr(value, "flags"):  # a compiled pattern, of `re` or `regex`
        return [str(value.pattern), int(value.flags)]
    names = list(_attributes(value)) if type(value).__module__.startswith("llmopt.") else []
    fields = [[name, spelled(getattr(value, name, None))] for name in names]
    return [type(value).__qualname__, fields or repr(value)]


def _attributes(value: Any) -> Iterable[str]:
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        yield from [slots] if isinstance(slots, str) else slots
    yield from sorted(getattr(value, "__dict__", ()))
