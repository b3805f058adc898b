"""The compression benchmark's figures side by side, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]


def report(figures: Figures, kinds: Sequence[str]) -> None:
    """Print every table."""
    contenders = figures["contenders"]
    for name, found in contenders.items():
        _contender(name, found)
    print("\nsaved % (texts that lost something / texts)")
    for kind in kinds:
        print(kind)
        for name, found in contenders.items():
            _kind(name, found["kinds"].get(kind) if found else None)
    for name, query in figures["query"].items():
        print(f"\n{name}: {query['questions']} questions; answers kept % / budget used % / median ms")
        for who, found in query.items():
            if isinstance(found, Mapping):
                print(f"  {who:22} " + "   ".join(_budget(budget, one) for budget, one in found.items()))
    speed = ", ".join(f"{name} {one:.1f} MB/s" for name, one in figures["json_speed"]["mb_per_s"].items())
    print(f"\nJSON, {figures['json_speed']['mb']:.1f} MB: {speed}")
    print(f"{figures['safety']['prompts']} generated prompts, unsafe: {figures['safety']['unsafe']}\n")
    for name, (value, goal, good) in figures["goals"].items():
        print(f"{name:48} {value:9.2f}   goal {goal:6.1f} {'met' if good else 'MISSED'}")


def _contender(name: str, found: Figures | None) -> None:
    if found is None:
        print(f"{name:24} could not be run")
        return
    for level, one in found.get("probes", {}).items():
        kept = f"{one['intact']}/{one['probes']} probes intact, {one['strings_kept']}/{one['strings']} strings kept"
        print(f"{name:24} {level:12} {kept}, {one['saved_percent']:5.1f}% saved on them")
    if found.get("review"):
        lost = ", ".join(found["review"]["lost"]) or "nothing"
        print(f"{name:24} review prompt {found['review']['saved_percent']:5.1f}% saved, lost: {lost}")


def _kind(name: str, one: Figures | None) -> None:
    if one:
        more = [f"failed on {one['failed']}"] if one["failed"] else []
        lines = [what for what in ("content_lines", "error_lines") if one.get(f"{what}_lost")]
        more += [f"{one[f'{what}_lost']} of {one[what]} {what.replace('_', ' ')} lost" for what in lines]
        print("  " + ", ".join([f"{name:26} {one['saved_percent']:6.1f}  ({one['lossy']}/{one['texts']})", *more]))


def _budget(budget: str, one: Figures) -> str:
    return f"{budget} {one['kept_percent']:5.1f} /{100 * one['mean_used']:4.0f} /{one['median_ms']:6.2f}"
