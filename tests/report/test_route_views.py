"""What `route train` and `route eval` say in the cases that their golden files do not show."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from llmopt.report import route_eval_view, route_train_view
from llmopt.report.as_json import render
from llmopt.report.table import Report
from llmopt.savings.routing import evaluate_router, train_router
from llmopt.savings.routing_log import Answer, Answers, LeftOut, Prompt


def answers(
    cheap: list[float],
    strong: list[float],
    usd: tuple[str, str] = ("0.01", "0.10"),
    routed: tuple[str, str] | None = None,
) -> Answers:
    given = []
    for number, qualities in enumerate(zip(cheap, strong, strict=True)):
        prompt = Prompt(f"{number}".encode(), f"task {number}", 0, 1, 0, routed)
        for model, quality, cost in zip(("small", "large"), qualities, usd, strict=True):
            given.append(Answer(prompt, model, quality, Decimal(cost)))
    return Answers(("log.jsonl",), len(given), tuple(given), (LeftOut("no quality", 3, "log.jsonl:7"),), ("odd",))


def text(report: Report) -> str:
    return "\n".join([report.headline, *(note.text for note in report.notes)])


def test_a_strong_model_that_is_worse() -> None:
    result = evaluate_router(answers([1.0] * 100, [0.0, 1.0] * 50))
    said = text(route_eval_view.view(result))
    assert said.startswith("large was not better: everything to small saves 90.0%")
    assert "large is not better than small for certain" in said
    assert route_eval_view.payload(result)["threshold"] is None
    assert json.loads(render(route_eval_view.payload(result)))["chosen"]["point"]["threshold"] is None
    training = train_router(answers([1.0] * 100, [0.0, 1.0] * 50))
    assert "threshold" not in "".join(note.text for note in route_train_view.view(training, Path("w")).notes[:2])


def test_what_was_left_out_and_warned_of_is_said() -> None:
    given = answers([0.0, 1.0] * 50, [1.0] * 100)
    extra = replace(given.answers[0], prompt=replace(given.answers[0].prompt, key=b"alone"), model="small")
    unpriced = replace(given, answers=(*given.answers[:-1], replace(given.answers[-1], usd=None), extra))
    report = route_eval_view.view(evaluate_router(unpriced))
    said = text(report)
    assert "1 prompt that only small answered: not used" in said
    assert "1 prompt left out: an answer has no price" in report.warnings
    assert "odd" in report.warnings
    assert [table.name for table in report.tables] == ["curve", "left_out"]
    assert report.tables[1].rows == (("no quality", 3, "log.jsonl:7"),)


def test_models_the_wrong_way_round() -> None:
    given = answers([0.0, 1.0] * 50, [1.0] * 100, ("0.10", "0.10"))
    report = route_eval_view.view(evaluate_router(given))
    assert any("wrong way round" in warning for warning in report.warnings)


def test_a_policy_that_goes_elsewhere_too() -> None:
    given = answers([0.0, 1.0] * 50, [1.0] * 100, routed=("any", "large"))
    some = tuple(
        replace(one, prompt=replace(one.prompt, routed=("any", "o3"))) if number % 4 < 2 else one
        for number, one in enumerate(given.answers)
    )
    result = evaluate_router(replace(given, answers=some))
    assert result.policy is not None
    report = route_eval_view.view(result)
    assert "to neither model" in text(report)
    row = report.tables[0].rows[-1]
    assert row[0] == "policy"
    assert row[4] == Decimal("100")  # $0.10 a prompt, whatever the number of prompts that it routes to either
    assert len(report.plots[0].series) == 3


def test_a_file_name_is_quoted_in_the_policy() -> None:
    training = train_router(answers([0.0, 1.0] * 50, [1.0] * 100))
    notes = route_train_view.view(training, Path('we"ights.json')).notes
    assert any('weights = "we\\"ights.json"' in note.text for note in notes)
    assert route_train_view.payload(training, None)["weights"] is None
