"""Training and evaluating a router on logs: pairs, parts that share no prompt, and what cannot be said."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.api import price_logs
from llmopt.errors import InputError
from llmopt.savings.routing import evaluate_router, train_router
from llmopt.savings.routing_log import Answer, Answers, Prompt, quality_of, read_answers
from llmopt.savings.routing_pairs import contest, is_model, place, scale_of
from llmopt.savings.routing_result import RouterAsked
from llmopt.serving.routing.score import Scorer
from tests.savings.routing_logs import CHEAP, STRONG, lone_log, paired_log


def line(model: str, text: str, score: object, at: int = 0, **body: Any) -> str:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    request = {"model": model, "messages": [{"role": "user", "content": text}], **body}
    response = {
        "id": f"r{at}",
        "object": "chat.completion",
        "created": at,
        "model": model,
        "usage": usage,
        "choices": [],
    }
    return json.dumps({"model": model, "request": request, "response": response, "score": score}) + "\n"


def answer(model: str, text: str, quality: float, usd: str | None = "0.01") -> Answer:
    prompt = Prompt(text.encode(), text, 0, 1, 0)
    return Answer(prompt, model, quality, None if usd is None else Decimal(usd))


def answers(*given: Answer) -> Answers:
    return Answers(("log",), len(given), given, (), ())


def test_the_score_beats_a_random_router_on_held_out_prompts(tmp_path: Path) -> None:
    read = read_answers([paired_log(tmp_path / "log.jsonl", 1200)], "score")
    training = train_router(read)
    evaluation = training.evaluation
    assert evaluation is not None
    assert (training.cheap, training.strong) == (CHEAP, STRONG)
    assert evaluation.curve.area is not None
    assert evaluation.curve.area.low > 0.6
    assert evaluation.curve.margin.low > 0.05
    assert evaluation.chosen.lift is not None
    assert evaluation.chosen.lift.low > 0
    assert evaluation.chosen.saved.low > 0.1
    assert evaluation.chosen.point.gap_kept is not None
    assert evaluation.chosen.point.gap_kept > 0.75
    parts = training.parts
    assert parts.fit + parts.validation + parts.held_out == 1200
    assert parts.held_out == evaluation.curve.prompts == pytest.approx(240, abs=45)


def test_dollars_are_those_of_the_bill(tmp_path: Path) -> None:
    log = paired_log(tmp_path / "log.jsonl", 60)
    rivals = contest(read_answers([log], "score"))
    total = sum((pair.cheap_usd or 0) + (pair.strong_usd or 0) for pair in rivals.pairs)
    assert total == price_logs([log]).total.cost_usd


def test_the_same_log_gives_the_same_result_in_any_order(tmp_path: Path) -> None:
    log = paired_log(tmp_path / "log.jsonl", 200)
    lines = log.read_text().splitlines(keepends=True)
    random.Random(0).shuffle(lines)
    other = tmp_path / "other.jsonl"
    other.write_text("".join(lines))
    one, two = (train_router(read_answers([path], "score")) for path in (log, other))
    assert one.weights == two.weights
    assert one.evaluation is not None
    assert two.evaluation is not None
    assert one.evaluation.curve == two.evaluation.curve


def test_stored_weights_are_evaluated_on_what_they_never_saw(tmp_path: Path) -> None:
    read = read_answers([paired_log(tmp_path / "log.jsonl", 300)], "score")
    training = train_router(read)
    assert training.evaluation is not None
    again = evaluate_router(read, weights=training.weights)
    assert again.curve == training.evaluation.curve
    assert evaluate_router(read).curve == again.curve
    assert evaluate_router(read, weights=training.weights, unseen=True).curve.prompts == 300
    with pytest.raises(InputError, match="held out"):
        evaluate_router(read, weights=replace(training.weights, held_out=0.0))


def test_a_prompt_is_never_on_both_sides() -> None:
    texts = [f"task {number}" for number in range(300)]
    doubled = [answer(model, text, 0.5 + number % 2, usd) for number, text in enumerate(texts * 3)
               for model, usd in (("a", "0.01"), ("b", "0.1"))]  # fmt: skip
    rivals = contest(answers(*doubled))
    assert len(rivals.pairs) == len(texts)
    assert len({pair.prompt.key for pair in rivals.pairs}) == len(texts)


def test_case_white_space_and_model_make_no_other_prompt(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(
        line(CHEAP, "What is TCP?", 1, 1)
        + line(STRONG, "  what is\ntcp? ", 0, 2, temperature=0.5)
        + line(STRONG, "What is UDP?", 0, 3)
        + line(CHEAP, "What is TCP?", 0, 4, tools=[{"type": "function"}])
    )
    rivals = contest(read_answers([log], "score"))
    assert len(rivals.pairs) == 1
    assert len(rivals.alone) == 1
    assert rivals.pairs[0].cheap_quality == 1


def test_repeated_answers_count_by_their_mean() -> None:
    rivals = contest(answers(answer("a", "x", 1), answer("a", "x", 0, "0.03"), answer("b", "x", 1, "0.5")))
    assert rivals.pairs[0].cheap_quality == 0.5
    assert rivals.pairs[0].cheap_usd == Decimal("0.02")


def test_the_models_are_those_with_the_most_prompts_in_common_and_the_cheap_one_is_cheaper() -> None:
    found = contest(
        answers(
            *(answer("zeta", f"{n}", 1, "0.01") for n in range(5)),
            *(answer("alpha", f"{n}", 1, "0.20") for n in range(4)),
            *(answer("beta", f"{n}", 1, "0.02") for n in range(2)),
        )
    )
    assert (found.cheap, found.strong, len(found.pairs)) == ("zeta", "alpha", 4)
    assert found.others == ("beta",)
    assert len(found.alone) == 1


def test_of_models_that_answered_as_much_the_cheapest_and_the_dearest_are_taken() -> None:
    three = answers(answer("a", "x", 1, "0.03"), answer("b", "x", 1, "0.10"), answer("c", "x", 1, "0.02"))
    assert [(one.cheap, one.strong) for one in (contest(three), contest(three, strong="a"))] == [("c", "b"), ("c", "a")]
    assert (contest(three, cheap="a").cheap, contest(three, cheap="a").strong) == ("a", "b")


def test_models_may_be_named_without_their_date() -> None:
    assert is_model("gpt-4o-2024-08-06", "gpt-4o")
    assert is_model("openai/GPT-4o", "gpt-4o")
    assert is_model("claude-3-5-haiku-20241022", "claude-3-5-haiku")
    assert not is_model("gpt-4o-mini", "gpt-4o")
    assert not is_model("gpt-4o-mini-2024-07-18", "gpt-4o")
    with pytest.raises(InputError, match="'gpt-5'"):
        contest(answers(answer("a", "x", 1)), cheap="gpt-5")


@pytest.mark.parametrize("odd", [999.0, -1000.0])
def test_a_quality_that_is_a_slip_does_not_drown_the_others(odd: float) -> None:
    given = [answer("a", f"{'prove' if n % 3 else 'define'} thing {n}", 3 + 2 * (n % 3 == 0)) for n in range(300)]
    given += [answer("b", one.prompt.text, 5, "0.1") for one in given]
    given[5] = replace(given[5], quality=odd)
    training = train_router(answers(*given))
    (warning,) = training.warnings
    assert f"from 3 to 5: {odd:g}" in warning
    assert training.evaluation is not None
    assert training.evaluation.warnings == (warning,)
    score = Scorer(training.weights).score
    assert score("prove thing 777") > 0.8 > 0.3 > score("define thing 777")


def test_rare_failures_are_no_slips() -> None:
    pairs = contest(answers(*(answer("a", f"{n}", float(n > 0)) for n in range(1000)))).alone
    scale = scale_of(pairs)
    assert (scale.low, scale.high, scale.odd) == (0, 1, ())


def test_a_prompt_without_a_price_is_counted_and_named() -> None:
    given = [answer("a", f"{n}", n % 2) for n in range(120)] + [answer("b", f"{n}", 1, "0.1") for n in range(119)]
    training = train_router(answers(*given, answer("b", "119", 1, None)))
    assert training.parts.unpriced == 1
    assert training.parts.fit + training.parts.validation + training.parts.held_out == 119


def test_with_one_model_no_saving_is_said(tmp_path: Path) -> None:
    read = read_answers([lone_log(tmp_path / "log.jsonl", 1200)], "score", pass_mark=1)
    training = train_router(read)
    assert training.evaluation is None
    assert training.strong == training.weights.strong == ""
    assert training.found is not None
    assert training.found.margin.low > 0.05
    score = Scorer(training.weights).score
    assert score("Prove that a lock-free list terminates.") > 0.6 > 0.3 > score("What is our holiday calendar?")
    with pytest.raises(InputError, match="no prompt was answered by two models"):
        evaluate_router(read)


def test_a_score_that_knows_nothing_is_said_to_be_no_better() -> None:
    rng = random.Random(6)
    given = [answer("a", f"task {n}", float(rng.random() < 0.5), "0.01") for n in range(600)]
    given += [answer("b", f"task {n}", float(rng.random() < 0.9), "0.1") for n in range(600)]
    evaluation = evaluate_router(answers(*given))
    assert evaluation.curve.margin.low <= 0
    assert evaluation.chosen.point.strong_share > 0.5


def test_a_strong_model_that_is_at_times_wrong_makes_no_score_without_bounds() -> None:
    """Easy prompts lose by it, so their mean target is below 0, where no logit is low enough."""
    rng = random.Random(7)
    given = []
    for number in range(500):
        hard = number % 3 == 0
        text = f"{'prove' if hard else 'define'} thing {number}"
        given.append(answer("a", text, float(not hard or rng.random() < 0.1), "0.01"))
        given.append(answer("b", text, float(rng.random() < 0.95), "0.1"))
    training = train_router(answers(*given))
    assert 0 < training.loss < training.base_loss
    assert 0 < training.weights.slope < 20
    assert -0.3 < training.weights.floor < 0
    assert 0.05 < training.weights.threshold < 0.999
    score = Scorer(training.weights).score
    floor = training.weights.floor
    assert floor + (1 - floor) * score("prove thing 999") == pytest.approx(0.86, abs=0.15)
    assert floor + (1 - floor) * score("define thing 999") == pytest.approx(-0.05, abs=0.06)


def test_a_strong_model_that_is_worse_gets_nothing() -> None:
    given = [answer("a", f"task {n}", 1, "0.01") for n in range(200)]
    given += [answer("b", f"task {n}", n % 2, "0.1") for n in range(200)]
    evaluation = evaluate_router(answers(*given))
    assert evaluation.threshold == math.inf
    assert evaluation.chosen.point.strong_share == 0
    assert evaluation.chosen.lost.value < 0
    assert evaluation.curve.area is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([answer("a", f"{n}", 1) for n in range(200)], "same quality"),
        ([answer("a", f"{n}", n % 2) for n in range(10)], "no prompt was answered by two"),
        ([answer(m, f"{n}", n % 2) for n in range(10) for m in "ab"], "only 10 distinct prompts"),
    ],
)
def test_too_little_is_one_clear_error(given: list[Answer], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        train_router(answers(*given))
    assert caught.value.hint


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    given = (("a", 1), ("b", "n/a"), ("c", None), ("", 1))
    log.write_text("".join(line(CHEAP, text, score, at) for at, (text, score) in enumerate(given)))
    read = read_answers([log], "score")
    reasons = {one.reason: one.calls for one in read.left_out}
    assert reasons == {"no quality": 1, "no text in the prompt": 1, "the quality is no number": 1}
    assert (read.calls, len(read.answers)) == (4, 1)
    assert all((one.first or "").startswith(str(log)) for one in read.left_out)
    with pytest.raises(InputError, match="'grade'"):
        read_answers([log], "grade")


def test_lines_that_cannot_be_read_and_repeats_are_named(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    good = line(CHEAP, "a", 1)
    log.write_text(good + good + "no json\n" + line(STRONG, "b", math.nan, 2))
    read = read_answers([log], "score")
    reasons = {one.reason: (one.calls, one.first) for one in read.left_out}
    assert reasons.pop("further record of the same call") == (1, None)
    assert sum(calls for calls, _ in reasons.values()) == 2
    assert {first for _, first in reasons.values()} <= {f"{log}:3", f"{log}:4"}
    assert read.calls == 4


def test_records_without_a_prompt_or_a_model_are_named(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
    response = {"id": "1", "object": "chat.completion", "model": CHEAP, "usage": usage}
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"model": CHEAP, "response": response, "score": 1}) + "\n" + line(CHEAP, "a", 1, 2))
    read = read_answers([log], "score")
    assert [(one.reason, one.calls) for one in read.left_out] == [("no prompt in the record", 1)]


def test_an_image_is_part_of_the_prompt(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:1"}}]
    other = [parts[0], {"type": "image_url", "image_url": {"url": "data:2"}}]
    given = ((CHEAP, parts), (STRONG, parts), (STRONG, other))
    lines = [
        line(model, "", 1, at, messages=[{"role": "user", "content": each}]) for at, (model, each) in enumerate(given)
    ]
    log.write_text("".join(lines))
    read = read_answers([log], "score")
    assert len({one.prompt.key for one in read.answers}) == 2
    assert len(contest(read).pairs) == 1


def test_prompts_that_cannot_be_parted_are_refused() -> None:
    given = [answer(m, f"{n}", n % 2 or m == "b", "0.1") for n in range(60) for m in "ab"]
    with pytest.raises(InputError, match="too few to part"):
        train_router(answers(*given), RouterAsked(held_out=1e-9))


@pytest.mark.parametrize(
    ("text", "quality"),
    [("0.8", 0.8), ("-1", -1.0), ("80%", 0.8), ("true", 1.0), (" Fail ", 0.0), ("1e2", 100.0)],
)
def test_qualities(text: str, quality: float) -> None:
    assert quality_of(text) == quality


@pytest.mark.parametrize("text", [None, "", "good", "nan", "inf", "4/5"])
def test_what_is_no_quality(text: str | None) -> None:
    assert quality_of(text) is None


def test_a_policy_under_test_has_a_row_of_its_own(tmp_path: Path) -> None:
    log = paired_log(tmp_path / "log.jsonl", 200)

    def route(body: Any) -> tuple[str, str]:
        text = body["messages"][-1]["content"]
        return ("elsewhere", "o3") if text.startswith("D") else ("x", STRONG if text.startswith("P") else CHEAP)

    evaluation = evaluate_router(read_answers([log], "score", route=route))
    assert evaluation.policy is not None
    assert 0 < evaluation.policy.elsewhere < evaluation.curve.prompts
    assert 0 < evaluation.policy.chosen.point.strong_share < 1
    with pytest.raises(InputError, match="sends no prompt"):
        evaluate_router(read_answers([log], "score", route=lambda _: ("other", "o3")))
    by_route = evaluate_router(read_answers([log], "score", route=lambda _: ("strong", "o3"))).policy
    assert by_route is not None
    assert by_route.chosen.point.strong_share == 1


@given(st.from_regex(r"\A[a-zA-Z0-9]+( [a-z]+)*\Z"), st.integers(0, 2**32))
def test_a_place_is_always_the_same(question: str, seed: int) -> None:
    assert place(question, seed) == place(f" {question.upper()} !", seed)
    assert 0 <= place(question, seed) < 1


@pytest.mark.parametrize(
    "other",
    ["what is tcp", "What is TCP ?!", "  WHAT is\n\u201ctcp\u201d", "\uff37\uff48\uff41\uff54 is TCP?"],
)
def test_a_question_is_the_same_whatever_its_punctuation(other: str) -> None:
    assert place(other, 3) == place("What is TCP?", 3)
    assert place("What is TCP 2?", 3) != place("What is TCP?", 3)
    assert place("?!", 3) != place("...", 3)


def test_turns_of_one_question_are_on_the_same_side(tmp_path: Path) -> None:
    """An agent sends its question again with each result of a tool; so training would know what is held out."""
    log = tmp_path / "log.jsonl"
    lines = []
    for number in range(300):
        asked = {"role": "user", "content": f"fix bug {number % 100}"}
        turns = [asked, *({"role": "assistant", "content": f"step {n}"} for n in range(number // 100))]
        lines += [line(model, "", number % 3 > 0, number, messages=turns) for model in (CHEAP, STRONG)]
    log.write_text("".join(lines))
    rivals = contest(read_answers([log], "score"))
    assert len(rivals.pairs) == 300
    sides = {(pair.prompt.text, place(pair.prompt.text, 0) < 0.2) for pair in rivals.pairs}
    assert len(sides) == 100


def test_the_settings_have_an_effect(tmp_path: Path) -> None:
    read = read_answers([paired_log(tmp_path / "log.jsonl", 300)], "score")
    half = train_router(read, RouterAsked(held_out=0.5, keep=0.5, seed=3))
    assert half.parts.held_out == pytest.approx(150, abs=40)
    most = train_router(read, RouterAsked(held_out=0.5, keep=1.0, seed=3))
    assert most.weights.threshold < half.weights.threshold
