"""Routing: is the learned score better than a random router, how fast is it trained, how long does a decision take?

The prompts are made up by `benchmarks/routing_data.py`, whose labels are known; so is the best router.
Prints a table; the last line is one JSON object with every figure and the goals. The exit code is 1 when one is missed.

    python benchmarks/routing.py [--rows 100000] [--pairs 4000] [--decisions 2000] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.routing_data import FILLER, best_area, prompts, write_log
from llmopt import __version__
from llmopt.savings.routing import train_router
from llmopt.savings.routing_log import read_answers
from llmopt.savings.routing_result import Training
from llmopt.serving.routing.policy import DEFAULT_POLICY, load_policy
from llmopt.serving.routing.router import Router
from llmopt.serving.routing.score import Scorer
from llmopt.serving.routing.training import Example, trained
from llmopt.serving.routing.weights import save_weights

Figures = dict[str, Any]
MODELS = ("gpt-4o-mini", "gpt-4o")
GOALS = {"area_low": 0.65, "training_s": 30.0, "decision_us": 100.0, "score_us": 70.0}
SCORE = """
[score]
weights = "weights.json"
below = "cheap"
above = "strong"
"""


def main() -> None:
    """Measure everything, print the figures."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        training, best = _router(Path(folder), options.pairs, options.seed)
        figures: Figures = {"benchmark": "routing", "seed": options.seed, "quality": _quality(training, best)}
        figures["decision"] = _decisions(Path(folder), training, options.decisions, options.seed)
    figures["training"] = _training(options.rows, options.seed)
    figures["goals"] = _goals(figures)
    for name, (reached, goal, met) in figures["goals"].items():
        print(f"{name:55} {reached:10.3f}  goal {goal:g}  {'met' if met else 'MISSED'}")
    figures["environment"] = {
        "python": platform.python_version(),
        "llmopt": __version__,
        "processor": platform.processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
    }
    print(json.dumps(figures))
    sys.exit(0 if all(met for _, _, met in figures["goals"].values()) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the learned score of the router.")
    parser.add_argument("--rows", type=int, default=100_000, help="prompts of the timed training")
    parser.add_argument("--pairs", type=int, default=4_000, help="prompts that both models answered")
    parser.add_argument("--decisions", type=int, default=2_000, help="timed decisions")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _router(folder: Path, pairs: int, seed: int) -> tuple[Training, float]:
    """Return a score trained on a log, and the area of the best possible one."""
    labelled = prompts(pairs, seed)
    write_log(folder / "log.jsonl", labelled, seed, MODELS)
    return train_router(read_answers([folder / "log.jsonl"], "score")), best_area(labelled)


def _quality(training: Training, best: float) -> Figures:
    evaluation = training.evaluation
    if evaluation is None or evaluation.curve.area is None:
        sys.exit("no prompt was answered by both models")
    area, chosen, margin = evaluation.curve.area, evaluation.chosen, evaluation.curve.margin
    lift = chosen.lift
    print(f"held-out prompts {evaluation.curve.prompts:,}; area of the best possible router {best:.3f}, random 0.5")
    print(f"area of the score {area.value:.3f} ({area.low:.3f} to {area.high:.3f})")
    print(f"mean quality above a random router {margin.value:.3f} ({margin.low:.3f} to {margin.high:.3f})")
    print(f"at the threshold: {chosen.saved.value:.1%} saved, {chosen.point.strong_share:.1%} to the strong model")
    return {
        "held_out": evaluation.curve.prompts,
        "area": [area.value, area.low, area.high],
        "best_area": best,
        "margin": [margin.value, margin.low, margin.high],
        "saved": [chosen.saved.value, chosen.saved.low, chosen.saved.high],
        "lift": None if lift is None else [lift.value, lift.low, lift.high],
        "gap_kept": chosen.point.gap_kept,
    }


def _decisions(folder: Path, training: Training, times: int, seed: int) -> Figures:
    """Time the score, and decisions that try every rule of the shipped policy first, on prompts of 2 KB."""
    save_weights(training.weights, folder / "weights.json")
    (folder / "policy.toml").write_text(DEFAULT_POLICY.read_text(encoding="utf-8") + SCORE, encoding="utf-8")
    router, scorer = Router(load_policy(folder / "policy.toml")), Scorer(training.weights)
    rules = Router(load_policy(None))
    texts = [_long(seed + number) for number in range(200)]
    bodies = [{"model": "auto", "messages": [{"role": "user", "content": text}]} for text in texts]
    scored = sum(router.decide(body).rule == "score" for body in bodies)
    raw_ns: dict[str, list[int]] = {"score": [], "rules": [], "rules and score": []}
    for number in range(times + 200):
        body, text = bodies[number % 200], texts[number % 200]
        for name, call in (("score", scorer.score), ("rules", rules.decide), ("rules and score", router.decide)):
            began = perf_counter_ns()
            call(text if name == "score" else body)  # type: ignore[arg-type]
            if number >= 200:
                raw_ns[name].append(perf_counter_ns() - began)
    medians = {name: statistics.median(times_ns) / 1000 for name, times_ns in raw_ns.items()}
    p95 = {name: statistics.quantiles(times_ns, n=20)[-1] / 1000 for name, times_ns in raw_ns.items()}
    for name in medians:
        print(f"{name}: median {medians[name]:.1f} us, p95 {p95[name]:.1f} us for 2 KB")
    return {"median_us": medians, "p95_us": p95, "times": times, "scored": scored / len(bodies)}


def _long(seed: int) -> str:
    """Return a prompt of 2 KB that no rule of the shipped policy decides, so that all of them are tried."""
    rng = random.Random(seed)
    return " ".join(rng.choices(FILLER, k=400))[:2048]


def _training(rows: int, seed: int) -> Figures:
    """Time the training alone, features and calibration included."""
    examples = [Example(one.text, float(one.cheap_fails > 0.5)) for one in prompts(rows, seed)]
    cut = rows * 4 // 5
    began = perf_counter()
    learned = trained(examples[:cut], examples[cut:], seed=seed)
    took_s = perf_counter() - began
    print(f"training on {rows:,} prompts: {took_s:.1f} s, {len(learned.hashed):,} features, round {learned.rounds}")
    return {"rows": rows, "took_s": took_s, "features": len(learned.hashed), "rows_per_s": rows / took_s}


def _goals(figures: Figures) -> dict[str, tuple[float, float, bool]]:
    low = figures["quality"]["area"][1]
    took_s = figures["training"]["took_s"] * 100_000 / figures["training"]["rows"]
    decision, score = figures["decision"]["median_us"]["rules and score"], figures["decision"]["median_us"]["score"]
    return {
        "area on held-out prompts, lower end of its interval": (low, GOALS["area_low"], low >= GOALS["area_low"]),
        "training on 100,000 prompts, s": (took_s, GOALS["training_s"], took_s <= GOALS["training_s"]),
        "a decision, rules and score, median, us": (decision, GOALS["decision_us"], decision <= GOALS["decision_us"]),
        "the score alone, median, us": (score, GOALS["score_us"], score <= GOALS["score_us"]),
    }


if __name__ == "__main__":
    main()
