"""What is asked of a log, in a form that travels to the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from inspect import signature
from typing import Any

from llmopt.cost.prepared import Prepared, prepare
from llmopt.cost.spark.files import packed, unpacked
from llmopt.errors import UsageError


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    data: bytes
    """`packed`."""

    def prepared(self, dedupe: str | None = None) -> Prepared:
        """Return what is asked as readers want it, with `dedupe` in the place of what was asked."""
        prepared = _prepared(self.data)
        return replace(prepared, settings=replace(prepared.settings, dedupe=dedupe)) if dedupe else prepared


def asked(options: Mapping[str, Any]) -> Asked:
    """Check the options of `llmopt.price_logs`, before any worker hears of them.

    Raises:
        UsageError: an unknown option, group or format.
        ConfigError: a wrong spec, mapping or price file.
    """
    known = sorted(signature(prepare).parameters)
    if unknown := sorted(set(options) - set(known)):
        raise UsageError(f"no such option: {unknown[0]!r}", f"one of {', '.join(known)}")
    prepare(**options)
    plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in options.items()}
    return Asked(packed({"jobs": 1} | {name: value for name, value in plain.items() if value is not None}))


@lru_cache(maxsize=4)
def _prepared(data: bytes) -> Prepared:
    """Prices and formats take a tenth of a second to load; a worker's process runs many tasks."""
    with unpacked(data) as options:
        return prepare(**options)
