"""A trained score, for people and for machines: how well it does on prompts it never saw, and how to use it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from llmopt.report import route_eval_view as evaluated
from llmopt.report.as_json import Json, document, plain
from llmopt.report.figures import cell, plural, share
from llmopt.report.table import Cell, Column, Note, Report, Table
from llmopt.savings.routing_ranking import Found, FoundPoint
from llmopt.savings.routing_result import Training

_FOUND = (
    Column("way", "Routed by"),
    Column("threshold", "Threshold", "number"),
    Column("share", "To a strong model", "percent"),
    Column("found", "Shortfall found", "percent"),
    Column("random_found", "Found at random", "percent"),
)


def view(result: Training, weights: Path | None) -> Report:
    """Return what the score is worth, and the lines of a policy that use it.

    Args:
        result: of the training.
        weights: where the score was written; None: nowhere.
    """
    if result.evaluation is not None:
        told = evaluated.view(result.evaluation)
        notes = (*_written(result, weights), *_learned(result), *told.notes)
        return Report(
            f"Score for {told.title[0].lower()}{told.title[1:]}", told.headline, told.tables, notes, told.plots
        )
    found = result.found
    tables = () if found is None else (_found_table(found), *evaluated.left_out_table(result.left_out))
    warnings = tuple(Note(text, "warning") for text in (*_unknown(result), *result.warnings))
    return Report(
        f"Score for answers of {result.cheap} that fall short",
        "" if found is None else _headline(found),
        tables,
        (*_written(result, weights), *_learned(result), *warnings),
    )


def payload(result: Training, weights: Path | None, *, failed_checks: Sequence[str] = ()) -> dict[str, Json]:
    """Return the training as the document of `llmopt.route.train/1`; the weights themselves are in their file."""
    of = result.weights
    body: dict[str, Json] = {
        "weights": None if weights is None else str(weights),
        "cheap": result.cheap,
        "strong": result.strong,
        "threshold": of.threshold,
        "seed": of.seed,
        "held_out": of.held_out,
        "features": len(of.hashed),
        "parts": plain(result.parts),
        "rounds": result.rounds,
        "loss": result.loss,
        "base_loss": result.base_loss,
        "evaluation": plain(result.evaluation),
        "found": plain(result.found),
        "files": list(result.files),
        "calls": result.calls,
        "left_out": plain(result.left_out),
        "warnings": list(result.warnings),
        "failed_checks": list(failed_checks),
    }
    whole = evaluated.finite(body)
    return document("route.train", whole if isinstance(whole, dict) else {})


def missed(result: Training) -> tuple[str, ...]:
    """Return why the score is not to be trusted; nothing where it is better than a random router for certain."""
    if result.evaluation is not None:
        return evaluated.missed(result.evaluation)
    margin = None if result.found is None else result.found.margin
    if margin is None or margin.low > 0:
        return ()
    between = f"{margin.value:+.3g} ({margin.low:+.3g} to {margin.high:+.3g})"
    return (f"the score finds no more than a random router for certain: {between}",)


def _written(result: Training, weights: Path | None) -> tuple[Note, ...]:
    if weights is None:
        return (Note("The score was not kept; --weights FILE writes it."),)
    threshold = "" if math.isinf(result.weights.threshold) else f"\nthreshold = {result.weights.threshold:g}"
    file = json.dumps(str(weights), ensure_ascii=False)
    policy = f'[score]\nweights = {file}{threshold}\nbelow = "cheap"\nabove = "strong"'
    return (Note(f"Written to {weights}; in a policy:"), Note(policy, "code"))


def _learned(result: Training) -> Iterable[Note]:
    yield Note(
        f"{plural(len(result.weights.hashed), 'feature')}, {plural(result.rounds, 'round')}; "
        f"loss on the validation part {result.loss:.4g}, with the same score for every prompt {result.base_loss:.4g}."
    )
    if result.evaluation is None:
        parts = result.parts
        yield Note(
            f"Distinct prompts: {parts.fit:,} for the weights, {parts.validation:,} for calibration and threshold, "
            f"{parts.held_out:,} held out."
        )


def _unknown(result: Training) -> Iterable[str]:
    yield (
        "too few prompts were answered by two models: what a strong model would answer, gain and cost is not in the "
        "log, so no saving can be said"
    )
    yield from missed(result)


def _headline(found: Found) -> str:
    return (
        f"{share(found.chosen.found)} of what falls short is among the {share(found.chosen.share)} of the prompts "
        "that score highest"
    )


def _found_table(found: Found) -> Table:
    rows: list[tuple[Cell, ...]] = [_row("score", point) for point in found.points]
    rows.append(_row("recommended", found.chosen))
    return Table("found", f"{plural(found.prompts, 'held-out prompt')}", _FOUND, tuple(rows))


def _row(way: str, point: FoundPoint) -> tuple[Cell, ...]:
    threshold = None if math.isinf(point.threshold) else cell(round(point.threshold, 4))
    return (way, threshold, cell(point.share), cell(point.found), cell(point.share))
