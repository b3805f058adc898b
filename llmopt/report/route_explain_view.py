"""Why a request goes where it goes, for people and for machines."""

from __future__ import annotations

from llmopt.report.as_json import Json, document, plain
from llmopt.report.table import Column, Note, Report, Table
from llmopt.serving.routing.router import HEADER, Explanation, Step


def view(result: Explanation, models: dict[str, str], source: str) -> Report:
    """Return a decision: the answer in one sentence, and what each rule made of the request.

    Args:
        result: the decision and its steps.
        models: route -> model.
        source: of the policy.
    """
    decision = result.decision
    headline = f"{decision.route} ({decision.model}): {_by(decision.rule)}{decision.why}"
    language = f", in the language {result.language}" if result.language else ""
    notes = [
        Note(f"{HEADER}: {decision.header}", "code"),
        Note(
            f"The question has about {result.question_tokens:,} {_tokens(result.question_tokens)}{language}; the whole"
            f" request about {result.tokens:,}, as estimated."
        ),
        Note(f"Policy: {source}"),
    ]
    if result.fallbacks:
        notes.append(Note(f"When {decision.route} fails: {_named(result.fallbacks, models)}."))
    if result.cascade:
        notes.append(Note(f"Cascade: {_named(result.cascade, models)}."))
    return Report("Route", headline, (_steps(result),), tuple(notes))


def payload(result: Explanation, source: str) -> dict[str, Json]:
    """Return a decision as the document of `llmopt.route.explain/1`."""
    body = plain(result)
    assert isinstance(body, dict)  # noqa: S101 - a dataclass becomes a dict
    return document("route.explain", {**body, "header": result.decision.header, "policy": source})


def _steps(result: Explanation) -> Table:
    columns = (
        Column("step", "Step", "int"),
        Column("rule", "Rule"),
        Column("route", "Route"),
        Column("outcome", "Outcome"),
        Column("why", "Why", priority=1),
    )
    rows = tuple(
        (position, step.name, step.route, _outcome(step), step.why) for position, step in enumerate(result.steps, 1)
    )
    return Table("steps", "", columns, rows)


def _outcome(step: Step) -> str:
    if step.holds:
        return "decides" if step.reached else "would decide"
    return "no"


def _tokens(count: int) -> str:
    return "token" if count == 1 else "tokens"


def _by(rule: str) -> str:
    """Return what stands before the reason; a score says itself what it is."""
    return "" if rule == "score" else "default: " if rule == "default" else f"rule {rule!r}: "


def _named(routes: tuple[str, ...], models: dict[str, str]) -> str:
    return ", then ".join(f"{route} ({models[route]})" for route in routes)
