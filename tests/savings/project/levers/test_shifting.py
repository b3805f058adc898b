"""Ratios of tokenizers on texts of the log."""

from __future__ import annotations

import json

from llmopt.savings.project.levers.shifting import measured_shifts
from llmopt.savings.project.levers.swap import Shifts
from llmopt.savings.project.sample import Sampled
from llmopt.tokens.api import tokenizer_for

ENGLISH = "The order was sent yesterday afternoon and should be with you within three working days. Number {}."
VIETNAMESE = "Đơn hàng đã được gửi đi vào chiều hôm qua và sẽ đến trong vòng ba ngày làm việc. Mã số {}."


def sample(text: str, count: int = 40, model: str | None = "gpt-4o") -> list[Sampled]:
    bodies = [{"messages": [{"role": "user", "content": text.format(n) * 3}]} for n in range(count)]
    return [Sampled(n, n, model, json.dumps(body).encode()) for n, body in enumerate(bodies)]


def test_the_ratio_is_that_of_the_language() -> None:
    english, vietnamese = (
        measured_shifts(sample(text), ["claude-sonnet-4-5"]).between("gpt-4o", "claude-sonnet-4-5")
        for text in (ENGLISH, VIETNAMESE)
    )
    typical = Shifts().between("gpt-4o", "claude-sonnet-4-5")
    assert english.num < 1250 < 1500 < vietnamese.num
    for shift in (english, vietnamese):
        assert shift.low <= shift.num <= shift.high
        assert shift.high - shift.low < typical.high - typical.low


def test_between_public_vocabularies_only_chance_is_left() -> None:
    shift = measured_shifts(sample(ENGLISH), ["gpt-4"]).between("gpt-4o", "gpt-4")
    text = ENGLISH.format(7) * 3
    expected = tokenizer_for("gpt-4").count(text).tokens / tokenizer_for("gpt-4o").count(text).tokens
    assert abs(shift.num / shift.den - expected) < 0.02
    assert shift.high - shift.low < 20


def test_what_cannot_be_measured_is_typical() -> None:
    few = measured_shifts(sample(ENGLISH, 4), ["claude-sonnet-4-5"])
    assert few.measured == {}
    unknown = measured_shifts(sample(ENGLISH, model="mine"), ["claude-sonnet-4-5"])
    assert unknown.measured == {}
    to_unknown = measured_shifts(sample(ENGLISH), ["mine", "gpt-4o-mini"])
    assert to_unknown.measured == {}
    assert to_unknown.between("gpt-4o", "mine") == Shifts().between("gpt-4o", "mine")
    nothing = [Sampled(0, 0, "gpt-4o", b'{"prompt": [1, 2]}')] * 9
    assert measured_shifts(nothing, ["claude-sonnet-4-5"]).measured == {}
