"""Which calls can wait for the provider's batch tier: those with a tag, or of certain hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmopt.cost.call_columns import NO_TIME
from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.cost.spec.values import to_text, unpacked
from llmopt.savings.project.plan import BatchLever

TAGS = ("tag", "tags", "request_tags", "metadata.tags", "metadata.tag")
"""Columns that any of the names `tag` and `tags` stands for; a record may have a list there."""
_HOUR_US = 3_600_000_000


def chosen(lever: BatchLever, label: Mapping[str, str], at_us: int) -> bool:
    """Return whether a call goes to the batch tier (if its own tier is the default one and there is a batch price)."""
    return tagged(label, lever.tags) or in_hours(at_us, lever.hours)


def tagged(label: Mapping[str, str], tags: Iterable[tuple[str, str]]) -> bool:
    """Return whether a label has one of the tags (group or column, value); False where there are none.

    A value that was logged as a list counts with each of its items.
    """
    return any(value in values_of(label, name) for name, value in tags)


def values_of(label: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return what a label has in a group or column; several where it is a list."""
    found: list[str] = []
    for column in TAGS if name in TAGS[:2] else (name,):
        text = label.get(column)
        if text is not None:
            items = unpacked(text)
            found += [to_text(item) or "" for item in items] if isinstance(items, list) else [text.strip()]
    return tuple(found)


def columns_of(tags: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the columns that have to be read for some tags; groups are always read."""
    names = (column for name, _ in tags for column in (TAGS if name in TAGS[:2] else (name,)))
    return tuple(dict.fromkeys(name for name in names if name not in GROUP_FIELDS))


def in_hours(at_us: int, hours: tuple[int, int] | None) -> bool:
    """Return whether an instant (microseconds since 1970) is in the hours of the UTC day; never without a time."""
    if hours is None or at_us == NO_TIME:
        return False
    hour, (start, end) = at_us // _HOUR_US % 24, hours
    return start <= hour < end if start < end else hour >= start or hour < end
