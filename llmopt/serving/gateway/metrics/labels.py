"""Labels that cannot grow without end: clients choose model names, and every new value is a new series for ever."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmopt.cost.pricing.table import PriceTable

OTHER = "other"
"""Stands for all values that are not told apart."""
NONE = "none"
"""Stands for a value that is not there."""
MOST_MODELS = 100
"""Models that are told apart at most, besides those that the configuration names."""
_LONGEST = 200
"""Characters of a name that is worth looking up."""
_MOST_REMEMBERED = 4096


class ModelLabels:
    """Names of models for metrics: those that have a price or are named in the configuration, else `other`.

    Args:
        table: knows the models that have a price; None: no model is known by its price.
        further: names that are told apart though they have no price.
    """

    def __init__(self, table: PriceTable | None, further: Iterable[str] = ()) -> None:
        self._table = table
        self._further = frozenset(further)
        self._names = _names(table) if table else frozenset()
        self._shown: set[str] = set()
        self._remembered: dict[tuple[str, str], tuple[str, str]] = {}

    def of(self, *names: str) -> tuple[str, str]:
        """Return the label and the provider (empty where it is not known) of the first of `names` that is known."""
        told = [name for name in names if name]
        found = next((known for known in map(self._known, told) if known), None)
        return found or ((OTHER if told else NONE), "")

    def _known(self, name: str) -> tuple[str, str] | None:
        found = self._remembered.get((name, ""))
        if found is None:
            if len(name) > _LONGEST and name not in self._further:
                return None  # too long to be kept, since a body may be one name
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            found = self._remembered[name, ""] = self._look_up(name)
        return found if found[0] else None

    def _look_up(self, name: str) -> tuple[str, str]:
        resolved = self._table.resolve(name) if self._table and len(name) <= _LONGEST else None
        provider = resolved.provider if resolved else ""
        if name in self._further:
            return name, provider
        label = name if name in self._names else resolved.model if resolved else ""
        if label and label not in self._shown:
            if len(self._shown) >= MOST_MODELS:
                return "", ""
            self._shown.add(label)
        return label, provider


class Bounded:
    """Passes on the first values that it sees, and `other` in the place of any further one.

    Args:
        most: values that are passed on.
        pattern: what a value must match in full.
        known: values that are passed on in any case.
    """

    def __init__(
        self, most: int, pattern: str = r"[^\x00-\x1f\x7f\ud800-\udfff]{1,100}", known: Iterable[str] = ()
    ) -> None:
        self._most = most
        self._pattern = re.compile(pattern)
        self._passed = set(known)

    def of(self, value: str) -> str:
        """Return the label of `value`; `none` where it is empty."""
        if value in self._passed:
            return value
        if not value:
            return NONE
        if len(self._passed) >= self._most or not self._pattern.fullmatch(value):
            return OTHER
        self._passed.add(value)
        return value


def _names(table: PriceTable) -> frozenset[str]:
    """Return every name that is spelled out in the price files."""
    return frozenset(name for model in table.models() for data in model.data for name in (model.id, *data.aliases))
