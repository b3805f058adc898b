"""Caps hold, for one and for many at once; what is counted is what calls cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.usage import Usage
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.spend import estimating
from llmopt.serving.gateway.spend import spending as spending_module
from llmopt.serving.gateway.spend.caps import Period, pico, usd
from llmopt.serving.gateway.spend.estimating import estimate_by
from llmopt.serving.gateway.spend.spending import Spending
from llmopt.serving.gateway.values import NO_CAPS, Api, Caller, Caps, Incoming, Metered

NOON_S = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
HALF_DAY_S = 43_200
NOTHING = Decimal(0)


class Clock:
    """Stands still unless it is moved."""

    now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


def a_call(
    number: int,
    tenant: str = "acme",
    caps: Caps = NO_CAPS,
    began_s: float = NOON_S,
    body: dict[str, object] | None = None,
) -> Call:
    incoming = Incoming("POST", "/v1/chat/completions", "", (), b"x" * 400, Api.CHAT)
    metered = Metered(f"r{number}", Api.CHAT, began_s, tenant)
    return Call(incoming, Caller(tenant, caps=caps), metered, 0.0, body=body or {}, model="gpt-4o-mini")


def ended(call: Call, cost: str | None) -> Metered:
    call.metered.cost_usd = None if cost is None else Decimal(cost)
    call.metered.status, call.metered.attempts = 200, 1
    return call.metered


def spending(estimate: str = "", total: Caps = NO_CAPS, clock: Callable[[], float] | None = None) -> Spending:
    guess = (lambda call: pico(Decimal(estimate))) if estimate else None
    return Spending(total_caps=total, estimate=guess, clock=clock or Clock())


def admitted(spent: Spending, call: Call) -> bool:
    """Whether a call is let in."""
    try:
        asyncio.run(spent.admit(call))
    except GatewayError:
        return False
    return True


DAILY = Caps(usd_per_day=Decimal("0.003"))
MONTHLY = Caps(usd_per_month=Decimal("0.003"))


@pytest.mark.parametrize(
    ("caps", "status", "retry_after", "resets"),
    [
        (DAILY, 429, b"43200", "2026-12-01T00:00:00Z"),
        (MONTHLY, 402, None, "2026-12-01T00:00:00Z"),
        (Caps(Decimal("0.003"), Decimal("0.003")), 402, None, "2026-12-01T00:00:00Z"),
    ],
    ids=["day", "month", "both"],
)
def test_above_a_cap_it_is_refused(caps: Caps, status: int, retry_after: bytes | None, resets: str) -> None:
    spent = spending()
    for number in range(3):
        call = a_call(number, caps=caps)
        assert admitted(spent, call)
        spent.note(ended(call, "0.001"))
    with pytest.raises(GatewayError) as refused:
        asyncio.run(spent.admit(a_call(9, caps=caps)))
    assert (refused.value.status, refused.value.code) == (status, "budget_exceeded")
    assert dict(refused.value.headers).get(b"retry-after") == retry_after
    assert dict(refused.value.headers)[b"x-should-retry"] == b"false"
    assert all(word in refused.value.message for word in ("tenant acme", "0.003 USD of 0.003 USD", resets))
    assert admitted(spent, a_call(10, "another", caps))


def test_a_new_day_and_a_new_month_begin_anew() -> None:
    clock = Clock()
    spent = spending(clock=clock)
    both = Caps(Decimal("0.001"), Decimal("0.0025"))

    def spend(number: int) -> bool:
        call = a_call(number, caps=both, began_s=clock.now_s)
        if not admitted(spent, call):
            return False
        spent.note(ended(call, "0.001"))
        return True

    clock.now_s -= 5 * 86_400
    assert [spend(1), spend(2)] == [True, False]
    clock.now_s += 86_400
    assert [spend(3), spend(4)] == [True, False]
    clock.now_s += 86_400
    assert [spend(5), spend(6)] == [True, False]  # now the month's is reached, too
    clock.now_s += 86_400
    assert not spend(7)
    assert spent.spent_usd("acme") == (NOTHING, Decimal("0.003"))
    clock.now_s = NOON_S + HALF_DAY_S
    assert spend(8)
    assert spent.spent_usd(None) == (Decimal("0.001"), Decimal("0.001"))


def test_a_call_counts_on_the_day_on_which_it_began() -> None:
    clock = Clock()
    spent = spending(clock=clock)
    call = a_call(1, began_s=NOON_S)
    clock.now_s = NOON_S + HALF_DAY_S + 1
    spent.note(ended(call, "0.5"))
    assert spent.spent_usd("acme") == (NOTHING, NOTHING)


def test_many_at_once_pass_a_cap_by_one_request_at_most() -> None:
    spent = spending(estimate="0.001")
    calls = [a_call(number, caps=DAILY) for number in range(50)]
    let_in = [call for call in calls if admitted(spent, call)]
    assert len(let_in) == 3
    with pytest.raises(GatewayError, match="held for requests under way") as refused:
        asyncio.run(spent.admit(a_call(99, caps=DAILY)))
    assert dict(refused.value.headers)[b"retry-after"] == b"1"
    for call in let_in:
        spent.note(ended(call, "0.0005"))
    assert spent.spent_usd("acme")[0] == Decimal("0.0015")
    assert sum(admitted(spent, a_call(100 + number, caps=DAILY)) for number in range(50)) == 2


def test_one_request_is_let_in_however_dear_it_may_be() -> None:
    spent = spending(estimate="5")
    assert admitted(spent, a_call(1, caps=DAILY))
    assert not admitted(spent, a_call(2, caps=DAILY))


def test_what_was_reserved_is_given_back_by_any_end() -> None:
    spent = spending(estimate="0.01")
    for number, cost in enumerate([None, "0", None]):
        call = a_call(number, caps=DAILY)
        assert admitted(spent, call)
        spent.note(ended(call, cost))
        spent.note(call.metered)
    assert spent.spent_usd("acme") == (NOTHING, NOTHING)
    assert spent.unpriced == 4


def test_all_tenants_together_have_a_cap() -> None:
    spent = spending(total=Caps(usd_per_day=Decimal("0.002")))
    for number, tenant in enumerate(("a", "b")):
        call = a_call(number, tenant)
        assert admitted(spent, call)
        spent.note(ended(call, "0.001"))
    with pytest.raises(GatewayError, match="all tenants together"):
        asyncio.run(spent.admit(a_call(3, "c")))


def test_a_tenant_cannot_be_named_like_all() -> None:
    spent = spending()
    spent.note(ended(a_call(1, "all"), "0.1"))
    spent.note(ended(a_call(2, "b"), "0.1"))
    assert (spent.spent_usd("all")[0], spent.spent_usd(None)[0]) == (Decimal("0.1"), Decimal("0.2"))


def test_standings_are_of_callers_and_of_all() -> None:
    spent = spending(total=Caps(usd_per_month=Decimal(9)))
    spent.note(ended(a_call(1), "0.25"))
    found = list(spent.standings([Caller("acme", "key", Caps(Decimal(1), Decimal(5))), Caller("idle", "key2", DAILY)]))
    assert found == [
        ("acme", "month", Decimal("0.25"), 5),
        ("acme", "day", Decimal("0.25"), 1),
        ("", "month", Decimal("0.25"), 9),
        ("idle", "day", 0, Decimal("0.003")),
    ]


def test_many_callers_and_models_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending_module, "_CALLERS", 2)
    monkeypatch.setattr(estimating, "_MODELS", 2)
    spent, estimate = spending(), estimate_by(Prices())
    for number in range(9):
        call = a_call(number, f"tenant{number}", DAILY)
        call.model = f"model{number}"
        assert estimate(call) == estimate(call) > 0
        assert admitted(spent, call)
    embedding = replace(a_call(9).incoming, api=Api.EMBEDDINGS)
    assert estimate(replace(a_call(9), incoming=embedding)) == pico(Decimal(100))


def test_a_cap_of_nothing_lets_nobody_in() -> None:
    assert not admitted(spending(), a_call(1, caps=Caps(usd_per_day=Decimal(0))))


@given(st.lists(st.integers(0, 10**13), max_size=20))
def test_sums_are_exact(amounts: list[int]) -> None:
    spent = spending()
    for number, amount in enumerate(amounts):
        spent.note(ended(a_call(number), str(usd(amount))))
    assert spent.spent_usd("acme")[0] == sum(map(usd, amounts))


@given(st.decimals(0, 10**6, places=15))
def test_an_amount_is_rounded_up_at_the_twelfth_place(amount: Decimal) -> None:
    assert 0 <= usd(pico(amount)) - amount < Decimal("1e-12")


@given(st.floats(946_684_800, 7_258_118_399))
def test_a_period_holds_its_time(at_s: float) -> None:
    period = Period.at(at_s)
    assert period.holds(at_s)
    assert not period.holds(period.begins_s - 1)
    assert Period.at(period.month_ends_s - 1).month == period.month
    assert Period.at(period.month_ends_s).month != period.month
    assert at_s < period.month_ends_s


class Prices:
    """A dollar a token in, ten a token out."""

    def cost_usd(
        self, model: str, usage: Usage, *, upstream: str = "", tier: str = "default", at_s: float | None = None
    ) -> Decimal | None:
        return Decimal(usage.input_tokens + 10 * usage.output_tokens) if model else None


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, 1024),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7, "max_tokens": 5}, 7),
        ({"max_output_tokens": 3, "n": 4}, 12),
        ({"max_tokens": "5", "n": True}, 1024),
        ({"max_tokens": -1}, 1024),
        ({"max_tokens": 10**30}, 10_000_000),
    ],
)
def test_an_estimate_is_of_all_the_output_that_is_asked_for(body: dict[str, object], tokens: int) -> None:
    assert estimate_by(Prices())(a_call(1, body=body)) == pico(Decimal(100 + 10 * tokens))


def test_a_model_without_a_price_is_estimated_at_nothing() -> None:
    call = a_call(1)
    call.model = ""
    assert estimate_by(Prices())(call) == 0


@pytest.mark.parametrize(
    ("method", "path", "model"),
    [
        ("POST", "/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro"),
        ("POST", "/model/us.anthropic.claude-v1%3A0/invoke", "us.anthropic.claude-v1:0"),
        ("POST", "/openai/deployments/gpt-4o/images/generations", "gpt-4o"),
        ("POST", "/v1/images/generations", ""),
        ("POST", "/v1beta/models/gemini-2.5-pro:countTokens", ""),
        ("GET", "/v1beta/models/gemini-2.5-pro", ""),
    ],
)
def test_a_model_named_in_the_path_is_estimated_too(method: str, path: str, model: str) -> None:
    call = a_call(1)
    call.model, call.incoming = "", replace(call.incoming, method=method, path=path, api=Api.OTHER)
    call.metered.api, call.metered.method, call.metered.path = Api.OTHER, method, path
    asked: list[str] = []

    class Noted(Prices):
        def cost_usd(self, model: str, usage: Usage, **more: object) -> Decimal | None:
            asked.append(model)
            return super().cost_usd(model, usage)

    assert (estimate_by(Noted())(call) > 0) == bool(model)
    assert set(asked) == ({model} if model else set())
