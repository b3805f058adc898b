"""What a sample of compressed prompts says of all."""

from __future__ import annotations

import json
import random
from array import array

import pytest

from llmopt.errors import UsageError
from llmopt.prompts.api import compress
from llmopt.savings.project.levers.compression import Compressing, Pair, Strata, counting, fill
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.sample import Sampled

ROWS = json.dumps([{"id": number, "name": f"row {number}"} for number in range(40)], indent=4)


def sampled(body: object, model: str | None = "gpt-4o") -> Sampled:
    return Sampled(0, 0, model, json.dumps(body).encode())


def ask(text: str, **more: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}], **more}


def test_a_request_is_compressed_as_the_compressor_would() -> None:
    body = ask(f"Summarise this.\n\n{ROWS}")
    counted, saved = Compressing("safe").measure(sampled(body))
    done = compress(body, level="safe", model="gpt-4o")
    assert saved == done.tokens_saved > 300
    assert counted >= done.tokens_before


@pytest.mark.parametrize("level", ["lossless", "safe", "aggressive"])
def test_whole_conversations_too(level: str) -> None:
    wordy = "Could you please kindly make sure that you in order to help   me   do this?\n\n\n\n"
    body = {
        "system": wordy * 3,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": wordy + ROWS}]},
            {"role": "assistant", "content": wordy + ROWS},
            {"role": "user", "content": wordy * 3},
        ],
    }
    compressing = Compressing(level)
    for model in ("gpt-4o", "claude-sonnet-4-5", "gpt-4o"):
        tokenizer = counting(model)[0]
        assert (
            compressing.measure(sampled(body, model))[1]
            == compress(body, level=level, tokenizer=tokenizer).tokens_saved
        )


def test_what_is_not_compressed_counts_too() -> None:
    tools = [{"type": "function", "function": {"name": f"tool_{n}", "description": "word " * 50}} for n in range(5)]
    plain, with_tools = (Compressing("safe").measure(sampled(ask(ROWS, tools=some))) for some in ([], tools))
    assert plain[1] == with_tools[1]
    assert with_tools[0] > plain[0] + 200


@pytest.mark.parametrize("body", [{}, {"prompt": [1, 2, 3]}, {"messages": []}, {"messages": [{"role": "user"}]}])
def test_without_text_there_is_nothing(body: object) -> None:
    assert Compressing("safe").measure(sampled(body))[1] == 0


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-5", "text-davinci-003", "my-model", None])
def test_any_model_can_be_counted_for(model: str | None) -> None:
    counted, saved = Compressing("lossless").measure(sampled(ask(ROWS), model))
    assert 0 < saved < counted
    assert counting(model)[0] is counting(model)[0]


def test_an_unknown_level_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="extreme"):
        Compressing("extreme")


def columns(sizes: list[tuple[str, int]]) -> tuple[Requests, Strata]:
    strata = Strata.empty()
    for model, tokens in sizes:
        strata.add(model, tokens)
    return Requests(canonical=array("i", range(len(sizes)))), strata


def test_what_was_measured_is_taken_as_it_is() -> None:
    requests, strata = columns([("a", 100), ("a", 110)])
    strata.add_nothing()
    requests.canonical.append(2)
    fill(requests, strata, {0: (100, 7), 1: (110, 0)}, seed=0)
    assert list(requests.counted) == [100, 110, 0]
    assert list(requests.saved) == list(requests.saved_least) == list(requests.saved_most) == [7, 0, 0]
    assert list(requests.measured) == [1, 1, 1]


def test_requests_with_one_key_share_what_was_measured() -> None:
    requests, strata = columns([("a", 100), ("a", 100)])
    requests.canonical = array("i", [5, 5])
    fill(requests, strata, {5: (100, 7)}, seed=0)
    assert list(requests.saved) == [7, 7]


def test_others_are_as_the_sample_of_their_model_and_size() -> None:
    sizes = [("a", 100)] * 10 + [("a", 10_000)] * 10 + [("b", 100)] * 10 + [("c", 100), ("c", 500_000)]
    requests, strata = columns(sizes)
    found = dict.fromkeys(range(6), (100, 10)) | dict.fromkeys(range(10, 16), (10000, 5000))
    found |= dict.fromkeys(range(20, 26), (100, 40))
    fill(requests, strata, found, seed=0)
    ratios = [saved / counted for saved, counted in zip(requests.saved, requests.counted, strict=True)]
    assert ratios[9] == pytest.approx(0.1)
    assert ratios[19] == pytest.approx(0.5)
    assert ratios[29] == pytest.approx(0.4)
    assert ratios[30] == pytest.approx((60 + 240) / 1_200)  # no other of the model: all of the size
    assert ratios[31] == pytest.approx((60 + 240 + 30_000) / 61_200)  # none of the size either: all
    assert list(requests.measured[:7]) == [1] * 6 + [0]


def test_requests_with_one_key_count_once_in_the_sample() -> None:
    requests, strata = columns([("a", 100)] * 8)
    requests.canonical = array("i", [0, 0, 0, 0, 1, 2, 3, 4])
    fill(requests, strata, {0: (100, 50), 1: (100, 0), 2: (100, 0), 3: (100, 0)}, seed=0)
    assert requests.saved[7] / requests.counted[7] == pytest.approx(50 / 400)


def test_two_or_three_say_little() -> None:
    requests, strata = columns([("a", 100)] * 5)
    fill(requests, strata, {0: (100, 10), 1: (100, 20)}, seed=0)
    assert requests.saved[4] / requests.counted[4] == pytest.approx(0.15)
    assert requests.saved_least[4] == 0
    assert requests.saved_most[4] == requests.counted[4]


def test_nothing_measured_saves_nothing() -> None:
    requests, strata = columns([("a", 100)] * 3)
    fill(requests, strata, {}, seed=0)
    assert list(requests.counted) == list(requests.saved) == list(requests.saved_most) == [0, 0, 0]
    assert list(requests.measured) == [0, 0, 0]


def test_nothing_saved_in_the_sample_is_nothing_saved() -> None:
    requests, strata = columns([("a", 100)] * 20)
    fill(requests, strata, dict.fromkeys(range(10), (100, 0)), seed=0)
    assert set(requests.saved) == set(requests.saved_most) == {0}


def test_the_range_holds_the_truth_nearly_always() -> None:
    held = 0
    for seed in range(100):
        rng = random.Random(seed)
        truth: list[Pair] = [
            (size, int(size * rng.choice((0, 0, 0.1, 0.3, 0.6)))) for size in (rng.randint(60, 250) for _ in range(600))
        ]
        requests, strata = columns([("a", counted) for counted, _ in truth])
        fill(requests, strata, {n: truth[n] for n in range(60)}, seed)
        rest = range(60, 600)
        low, high = (
            sum(truth[n][0] * column[n] / requests.counted[n] for n in rest)
            for column in (requests.saved_least, requests.saved_most)
        )
        held += low <= sum(truth[n][1] for n in rest) <= high
    assert held >= 88


def test_the_range_is_that_of_the_seed() -> None:
    def ends(seed: int) -> tuple[list[int], list[int]]:
        requests, strata = columns([("a", 100)] * 50)
        fill(requests, strata, {n: (100, n) for n in range(10)}, seed)
        return list(requests.saved_least), list(requests.saved_most)

    assert ends(1) == ends(1)
    assert ends(1) != ends(2)
