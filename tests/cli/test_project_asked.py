"""What the flags of `llmopt project` make of a plan, and what they refuse."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from llmopt.cli.project_asked import Flags, plans_of, with_flags
from llmopt.errors import UsageError
from llmopt.savings.project.plan import (
    BatchLever,
    CacheLever,
    CompressionLever,
    OwnCost,
    Plan,
    PromptCacheLever,
    RoutingLever,
    SelfHostLever,
    SwapLever,
)
from tests.cli.conftest import Llmopt

NOTHING = Flags()
FULL = Plan(
    name="full",
    cache=CacheLever(3_600.0, 10**6, "user", own=OwnCost(Decimal(5))),
    routing=RoutingLever(Path("rules.toml"), ("gpt-4o",)),
    swap=SwapLever((("gpt-4", "gpt-4o"),)),
    compression=CompressionLever("aggressive", 50),
    prompt_cache=PromptCacheLever(60.0),
    batch=BatchLever((("tag", "slow"),), (1, 4)),
    self_host=SelfHostLever(Path("bench.json"), Decimal(2), Decimal("0.5"), ("llama",)),
    growth_per_month=Decimal("0.1"),
    seed=3,
    min_savings=Decimal("0.2"),
)
STEPS = ("--baseline", "1000000", "--step", "compression=0.5", "--step", "caching=70%", "--step", "routing=0.68")


def test_a_time_to_live_alone_turns_on_the_cache_only() -> None:
    plan = with_flags(Plan(), Flags(ttl="24h"))
    assert plan.on == ("cache",)
    assert plan.cache == CacheLever()
    assert with_flags(Plan(), NOTHING) == Plan()
    assert with_flags(FULL, NOTHING) == FULL


def test_flags_turn_levers_on() -> None:
    flags = Flags(
        ttl="7d",
        size="1GB",
        tenant_by="none",
        only_deterministic=True,
        self_host=Path("bench.json"),
        price_per_hour="$2.50",
        utilization="60%",
        route="default",
        swap=("gpt-4=gpt-4o-mini,o1=o3-mini", "a=b"),
        compress="safe",
        prompt_cache="auto",
        batch=("tag=offline", "night=22-6"),
        growth="5%",
        seed="7",
        min_savings="20%",
    )
    assert with_flags(Plan(), flags) == Plan(
        cache=CacheLever(604_800.0, 10**9, "", only_deterministic=True),
        routing=RoutingLever(),
        swap=SwapLever((("gpt-4", "gpt-4o-mini"), ("o1", "o3-mini"), ("a", "b"))),
        compression=CompressionLever("safe"),
        prompt_cache=PromptCacheLever(),
        batch=BatchLever((("tag", "offline"),), (22, 6)),
        self_host=SelfHostLever(Path("bench.json"), Decimal("2.5"), Decimal("0.6")),
        growth_per_month=Decimal("0.05"),
        seed=7,
        min_savings=Decimal("0.2"),
    )


def test_a_flag_goes_before_the_plan_and_leaves_the_rest_of_the_lever() -> None:
    plan = with_flags(FULL, Flags(ttl="24h"))
    assert plan.cache == CacheLever(86_400.0, 10**6, "user", own=OwnCost(Decimal(5)))
    assert with_flags(FULL, Flags(size="unbounded")).cache == CacheLever(3_600.0, None, "user", own=OwnCost(Decimal(5)))
    assert with_flags(FULL, Flags(route="default")).routing == RoutingLever(None, ("gpt-4o",))
    assert with_flags(FULL, Flags(route="other.toml")).routing == RoutingLever(Path("other.toml"), ("gpt-4o",))
    assert with_flags(FULL, Flags(compress="lossless")).compression == CompressionLever("lossless", 50)
    assert with_flags(FULL, Flags(prompt_cache="10min")).prompt_cache == PromptCacheLever(600.0)
    assert with_flags(FULL, Flags(prompt_cache="auto")).prompt_cache == PromptCacheLever()
    machine = with_flags(FULL, Flags(price_per_hour="3", utilization="0.9")).self_host
    assert machine == SelfHostLever(Path("bench.json"), Decimal(3), Decimal("0.9"), ("llama",))
    assert with_flags(FULL, Flags(self_host=Path("b.json"))).self_host == SelfHostLever(
        Path("b.json"), Decimal(2), Decimal("0.5"), ("llama",)
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (Flags(ttl="24"), "--ttl '24': a duration ends in its unit"),
        (Flags(ttl="0h"), "--ttl '0h': more than 0 is needed"),
        (Flags(size="1GB"), "--size, --tenant-by and --only-deterministic are of the response cache"),
        (Flags(ttl="1h", size="0MB"), "--size '0MB': more than 0 bytes are needed"),
        (Flags(ttl="1h", size="much"), "--size 'much': not a size"),
        (Flags(route=" "), "--route '': no file is named"),
        (Flags(swap=("gpt-4",)), "--swap 'gpt-4': no = in it"),
        (Flags(compress="hard"), "--compress 'hard': not one of lossless, safe, aggressive"),
        (Flags(prompt_cache="always"), "--prompt-cache 'always': not a duration"),
        (Flags(batch=("offline",)), "--batch 'offline': no = in it"),
        (Flags(batch=("night=25-6",)), "--batch "),
        (Flags(price_per_hour="2"), "--price-per-hour and --utilization are of own machines"),
        (Flags(self_host=Path("b.json")), "--self-host: what does a machine cost?"),
        (Flags(self_host=Path("b.json"), price_per_hour="free"), "--price-per-hour 'free': not an amount"),
        (
            Flags(self_host=Path("b.json"), price_per_hour="2", utilization="0"),
            "--utilization '0': a machine that does nothing",
        ),
        (
            Flags(self_host=Path("b.json"), price_per_hour="2", utilization="6"),
            "--utilization '6': not a share from 0 to 1",
        ),
        (Flags(growth="fast"), "--growth "),
        (Flags(seed="-1"), "--seed '-1': not a whole number"),
        (Flags(min_savings="20"), "--min-savings '20': not a share from 0 to 1"),
    ],
)
def test_what_makes_no_sense_names_its_flag(flags: Flags, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_flags(Plan(), flags)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_plans_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "plan.toml" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text('[cache]\nttl = "1h"\n')
    assert [plan.name for plan in plans_of(paths, NOTHING, ())] == [f"plan ({path})" for path in paths]
    assert [plan.name for plan in plans_of(paths[:1], NOTHING, ())] == ["plan"]
    assert plans_of((), NOTHING, ()) == (Plan(),)
    assert [plan.cache for plan in plans_of(paths, Flags(ttl="2h"), ("ttl",))] == [CacheLever(7_200.0)] * 2


def test_a_plan_goes_before_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('[cache]\nttl = "1h"\n')
    settings = Flags(ttl="2h", compress="safe", min_savings="20%")
    assert plans_of([path], settings, ())[0].on == ("cache",)
    assert plans_of([path], settings, ())[0].cache == CacheLever(3_600.0)
    assert plans_of([path], settings, ("compress",))[0].on == ("cache", "compression")
    assert plans_of([path], settings, ())[0].min_savings == Decimal("0.2")
    assert plans_of((), settings, ())[0].on == ("cache", "compression")
    path.write_text('min_savings = 0.1\n[cache]\nttl = "1h"\n')
    assert plans_of([path], settings, ())[0].min_savings == Decimal("0.1")
    assert plans_of([path], settings, ("min_savings",))[0].min_savings == Decimal("0.2")


def test_settings_of_levers_do_not_disturb_the_arithmetic(llmopt: Llmopt, workdir: Path) -> None:
    (workdir / "llmopt.toml").write_text('[project]\nttl = "24h"\nmin-savings = "96%"\n')
    outcome = llmopt("project", *STEPS)
    assert outcome.code == 1
    assert "the steps save 95.2% of the bill, under --min-savings 96%" in outcome.err


def test_the_arithmetic_of_the_brochure(llmopt: Llmopt) -> None:
    outcome = llmopt("project", *STEPS, "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert (found["optimized_usd"], found["savings_usd"], found["savings_ratio"]) == ("48000", "952000", "0.952")
    assert "$1,000,000.00 becomes $48,000.00: $952,000.00 saved (95.2%)" in llmopt("project", *STEPS).out


def test_the_limit_holds_for_the_arithmetic_form(llmopt: Llmopt) -> None:
    assert llmopt("project", *STEPS, "--min-savings", "95.2%").code == 0
    outcome = llmopt("project", *STEPS, "--min-savings", "96%", "--format", "json")
    assert outcome.code == 1
    assert outcome.err == "llmopt: check failed: the steps save 95.2% of the bill, under --min-savings 96%\n"
    assert len(json.loads(outcome.out)["failed_checks"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no LOGS are named"),
        (("--ttl", "24h"), "no LOGS are named"),
        (("--baseline", "1000"), "--step: what saves what?"),
        (("--step", "a=0.5"), "--baseline: what is the bill?"),
        ((*STEPS, "--ttl", "24h"), "--ttl has no place beside --baseline and --step"),
        (("logs", *STEPS), "LOGS has no place beside --baseline and --step"),
        ((*STEPS, "--plan", "p.toml"), "--plan has no place beside --baseline and --step"),
        (("--baseline", "lots", "--step", "a=0.5"), "--baseline 'lots': not an amount"),
        (("--baseline", "10", "--step", "a"), "--step 'a': no = in it"),
        (("--baseline", "10", "--step", "a=30"), "--step a = '30': not a share from 0 to 1"),
        (("--baseline", "10", "--step", "a=-0.1"), "--step a = '-0.1': not an amount"),
        (("logs", "--plan", "missing.toml"), "missing.toml: "),
        (("missing", "--ttl", "24h"), "missing: no such file"),
    ],
)
def test_one_clear_line(llmopt: Llmopt, workdir: Path, arguments: tuple[str, ...], message: str) -> None:
    outcome = llmopt("project", *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    lines = outcome.err.splitlines()
    assert lines[0].startswith(f"llmopt: error: {message}")
    assert len(lines) <= 2
