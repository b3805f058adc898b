"""Prompt compression: what is kept, what is saved and how fast, beside other compressors in the same run.

Prints a table; the last line is one JSON object with every figure and the goals. The exit code is 1 when llmopt loses
anything: a string of a probe, a fact of a generated prompt, a value of JSON, or a token above a budget.

    python benchmarks/compress.py [--venvs DIR] [--review FILE] [--data FILE...] [--real FILE...] [--prompts 2000]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from os import cpu_count, getloadavg
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import compress_run as run
from benchmarks.compress_data import PROBES, large_json
from benchmarks.compress_peers import PEERS, Peer, answered
from benchmarks.compress_report import report
from llmopt import __version__
from llmopt.prompts.api import compress
from llmopt.prompts.context import LEVELS

Figures = dict[str, Any]
QUERY_GOALS = {"25%": 99.0, "10%": 97.0, "50% single": 90.0}
SPEED_GOAL, REVIEW_GOAL, TIME_GOAL_MS = 15.0, 44.0, 5.0


def main() -> None:
    """Measure everything, print the figures."""
    options = _options()
    if options.venvs:
        options.venvs.mkdir(parents=True, exist_ok=True)
        good = measure(options, options.venvs.resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as folder:
            good = measure(options, Path(folder).resolve())
    sys.exit(0 if good else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure prompt compression beside other compressors.")
    parser.add_argument("--venvs", type=Path, help="folder of the peers' venvs; they stay there (default: temporary)")
    parser.add_argument("--peers", nargs="*", help="packages to run; none named: no peers (default: all)")
    parser.add_argument("--review", type=Path, help="the tutorial's review prompt")
    parser.add_argument(
        "--data", type=Path, nargs="*", default=[], help="paragraphs with questions, as `compress eval`"
    )
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="real prompts, one a file")
    parser.add_argument("--prompts", type=int, default=2_000, help="generated prompts of the safety check")
    parser.add_argument("--each", type=int, default=60, help="generated texts of a kind")
    parser.add_argument("--questions", type=int, help="most questions a data file (default: all)")
    parser.add_argument("--peer-questions", type=int, default=100, help="most questions for a peer in a venv")
    parser.add_argument("--json-size", type=int, default=1_000_000, help="characters of each large JSON text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def measure(options: argparse.Namespace, venvs: Path) -> bool:
    """Run the benchmark; return whether llmopt lost nothing."""
    figures: Figures = {"benchmark": "compress", "tokenizer": "o200k_base", "seed": options.seed}
    real = [path.read_text(encoding="utf-8") for path in options.real]
    kinds = run.kinds(options.each, options.seed, real)
    review = options.review.read_text(encoding="utf-8") if options.review else None
    figures["contenders"] = {"llmopt": _llmopt(kinds, review)}
    wanted = [peer for peer in PEERS if options.peers is None or peer.package in options.peers]
    for peer in wanted:
        if peer.text != "None":
            figures["contenders"][peer.name] = _peer(peer, venvs, kinds, review)
    figures["json_speed"] = run.json_speed(large_json(options.json_size, options.seed), options.rounds)
    figures["safety"] = run.safety(options.prompts, options.seed)
    figures["query"] = {path.name: _query(path, options, wanted, venvs) for path in options.data}
    figures["goals"] = _goals(figures, kinds)
    report(figures, [kind.name for kind in kinds])
    figures["environment"] = {
        "python": platform.python_version(),
        "llmopt": __version__,
        "processor": platform.processor(),
        "cores": cpu_count(),
        "load_average": getloadavg(),
        "peers": {peer.package: peer.version for peer in wanted},
    }
    print(json.dumps(figures))
    return bool(figures["goals"]["nothing lost"][2])


def _llmopt(kinds: Sequence[run.Kind], review: str | None) -> Figures:
    levels = {level: [compress(probe.text, level=level).text for probe in PROBES] for level in LEVELS}
    return {
        "probes": {level: run.probed(texts) for level, texts in levels.items()},
        "kinds": {kind.name: run.judged(kind, run.llmopt(kind)) for kind in kinds},
        "review": review and run.reviewed(review, compress(review, level="aggressive").text),
    }


def _peer(peer: Peer, venvs: Path, kinds: Sequence[run.Kind], review: str | None) -> Figures | None:
    """Return the figures of a peer; None where it cannot be run. A converter of JSON gets nothing else."""
    only_json = peer.package == "toon-format"
    chosen = [kind for kind in kinds if not only_json or kind.name.startswith("JSON")]
    texts = [] if only_json else [probe.text for probe in PROBES] + ([review] if review else [])
    start = len(texts)
    done = answered(peer, venvs, texts + [text for kind in chosen for text in kind.texts])
    if done is None:
        return None
    found: Figures = {"kinds": {}, "took_s": done.took_s}
    if not only_json:
        found["probes"] = {"": run.probed(done.texts[: len(PROBES)])}
        found["review"] = review and run.reviewed(review, done.texts[len(PROBES)])
    for kind in chosen:
        found["kinds"][kind.name] = run.judged(kind, done.texts[start : start + len(kind.texts)])
        start += len(kind.texts)
    return found


def _query(path: Path, options: argparse.Namespace, peers: Sequence[Peer], venvs: Path) -> Figures:
    """Return what each way of choosing keeps of the answers in one file of paragraphs."""
    asked = run.asked_of(path, options.seed, options.questions)
    found: Figures = {"questions": len(asked), "llmopt": run.queried(asked, run.by_llmopt)}
    found["llmopt"] |= run.queried(asked, run.by_llmopt, single=True)
    few = asked[: options.peer_questions]
    found["lead"] = run.queried(few, run.by_lead) | run.queried(few, run.by_lead, single=True)
    for peer in peers:
        if peer.package == "rank-bm25":
            work = [(one.question.question, context, 0) for one in few for context in (one.context, one.own)]
            done = answered(peer, venvs, [], work)
            if done is not None:
                answers: Any = {(work[n][0], work[n][1]): answer for n, answer in enumerate(done.queries)}
                for unit in ("paragraphs", "sentences"):
                    found[f"rank-bm25 {unit}"] = run.queried(few, run.by_rank(answers, unit))
        elif peer.query != "None":
            found[peer.package] = _queried_there(peer, venvs, few)
    return found


def _queried_there(peer: Peer, venvs: Path, asked: Sequence[Any]) -> Figures | None:
    """Return the figures of a peer that chooses in its own venv."""
    contexts = {
        (one.context, budget): int(run.tokens([one.context]) * budget) for one in asked for budget in run.BUDGETS
    }
    work = [
        (one.question.question, one.context, contexts[one.context, share]) for one in asked for share in run.BUDGETS
    ]
    done = answered(peer, venvs, [], work)
    if done is None:
        return None
    texts = {work[number]: str(text or "") for number, text in enumerate(done.queries)}
    found = run.queried(asked, lambda *one: texts[one])
    for position, figures in enumerate(found.values()):
        times = done.ms[position :: len(run.BUDGETS)]
        figures |= {"mean_ms": mean(times), "median_ms": median(times)}
    return found


def _goals(figures: Figures, kinds: Sequence[run.Kind]) -> dict[str, tuple[float | None, float, bool | None]]:
    """Return each figure of llmopt with its goal, and whether it is met."""
    own = figures["contenders"]["llmopt"]
    found = {
        f"{kind.name}, saved %": (own["kinds"][kind.name]["saved_percent"], kind.goal) for kind in kinds if kind.goal
    }
    found["JSON MB/s"] = figures["json_speed"]["mb_per_s"]["llmopt"], SPEED_GOAL
    if own["review"]:
        found["review prompt, saved %"] = own["review"]["saved_percent"], REVIEW_GOAL
    for name, query in figures["query"].items():
        for budget, goal in QUERY_GOALS.items():
            found[f"{name} at {budget}, kept %"] = query["llmopt"][budget]["kept_percent"], goal
    goals: dict[str, tuple[float | None, float, bool | None]] = {
        name: (value, goal, value >= goal) for name, (value, goal) in found.items()
    }
    for name, query in figures["query"].items():
        ms = max(one["median_ms"] for budget, one in query["llmopt"].items() if "single" not in budget)
        goals[f"{name}, ms a context at most"] = ms, TIME_GOAL_MS, ms < TIME_GOAL_MS
    lost = _lost(figures)
    return goals | {"nothing lost": (float(lost), 0.0, lost == 0)}


def _lost(figures: Figures) -> int:
    """Return how often llmopt lost anything, or passed a budget."""
    own = figures["contenders"]["llmopt"]
    lost = sum(probe["strings"] - probe["strings_kept"] for probe in own["probes"].values())
    counted = ("lossy", "values_changed", "content_lines_lost", "error_lines_lost")
    lost += sum(kind.get(name, 0) for kind in own["kinds"].values() for name in counted)
    lost += len(own["review"]["lost"]) if own["review"] else 0
    lost += sum(figures["safety"]["unsafe"].values())
    return int(
        lost + sum(one["over_budget"] for query in figures["query"].values() for one in query["llmopt"].values())
    )


if __name__ == "__main__":
    main()
