"""`llmopt project` on the samples: every format, pipes, several plans, limits, and what is no log or no plan."""

from __future__ import annotations

import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmopt as library
from llmopt.report.render import FORMATS
from llmopt.savings.project import api
from llmopt.savings.project.result import Projection
from tests.cli.conftest import Llmopt
from tests.conftest import ROOT, Golden

SAMPLE = "samples/projecting"
CAREFUL, BOLD = f"{SAMPLE}/plan.toml", f"{SAMPLE}/bold.toml"
SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "How does it come?"}], "temperature": 0}


KNOWN: dict[str, tuple[Projection, ...]] = {}


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(autouse=True)
def once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay the same log under the same plans only once for all tests, but for those that are marked `anew`."""
    replay = api.project_all

    def known(logs: Any, plans: Any, **reading: Any) -> tuple[Projection, ...]:
        key = repr((logs, plans, reading))
        if key not in KNOWN:
            KNOWN[key] = replay(logs, plans, **reading)
        return KNOWN[key]

    if "anew" not in request.fixturenames:
        monkeypatch.setattr(api, "project_all", known)


@pytest.fixture
def anew() -> None:
    """Ask for a replay of its own."""


def found(outcome: Any) -> Any:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def line(at: str, hour: int, *, minute: int = 0, day: int = 2, **more: Any) -> str:
    """Return a log line with the request beside the response; 1,000 tokens in and out on gpt-4o."""
    usage = {"prompt_tokens": 1_000, "completion_tokens": 1_000, "total_tokens": 2_000}
    choice = {"index": 0, "message": {"role": "assistant", "content": "By van."}, "finish_reason": "stop"}
    body = {
        "timestamp": f"2026-03-{day:02d}T{hour:02d}:{minute:02d}:00Z",
        "request": QUESTION | more,
        "response": {
            "id": at,
            "object": "chat.completion",
            "created": 1_772_409_600 + 86_400 * (day - 2) + 3_600 * hour + 60 * minute,
            "model": "gpt-4o-2024-08-06",
            "choices": [choice],
            "usage": usage,
        },
    }
    return json.dumps(body) + "\n"


@pytest.mark.parametrize("format", FORMATS)
def test_every_format(llmopt: Llmopt, golden: Golden, format: str) -> None:
    outcome = llmopt("project", SAMPLE, "--plan", BOLD, "--format", format)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"cli/project.{SUFFIX[format]}", outcome.out)


def test_the_bill_is_that_of_llmopt_cost_and_the_levers_add_up(llmopt: Llmopt) -> None:
    replay = found(llmopt("project", SAMPLE, "--plan", BOLD, "--format", "json"))["replay"]
    bill = found(llmopt("cost", SAMPLE, "--format", "json"))
    assert replay["baseline_usd"] == bill["total"]["cost_usd"]
    saved = sum(Decimal(lever["saved_usd"]) for lever in replay["levers"])
    assert Decimal(replay["baseline_usd"]) - saved == Decimal(replay["optimized_usd"])
    names = ["cache", "routing", "swap", "compression", "prompt_cache", "batch"]
    assert [lever["name"] for lever in replay["levers"]] == names


def test_multiplying_claims_more_than_the_replay_finds(llmopt: Llmopt) -> None:
    document = found(llmopt("project", SAMPLE, "--plan", BOLD, "--format", "json"))
    replay, claim = document["replay"], document["brochure"]
    left = Decimal(1)
    for lever in replay["levers"]:
        left *= 1 - Decimal(lever["alone_usd"]) / Decimal(replay["baseline_usd"])
    assert abs(Decimal(claim["savings_ratio"]) - (1 - left)) < Decimal("0.000002")
    assert Decimal(claim["savings_ratio"]) > Decimal(replay["savings_ratio"])
    assert [(hurt["lever"], hurt["hurts"]) for hurt in replay["hurts"]] == [("compression", "prompt_cache")]


def test_a_hit_by_hand(llmopt: Llmopt, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(line("a", 8) + line("b", 9) + line("c", 10, minute=1) + line("d", 9, minute=30, temperature=1))
    document = found(llmopt("project", log, "--ttl", "2h", "--format", "json"))
    replay = document["replay"]
    # $2.50 a million in and $10 out: $0.0125 a call; b comes within two hours of a, c a minute too late.
    assert (replay["baseline_usd"], replay["optimized_usd"]) == ("0.05", "0.0375")
    assert replay["savings_ratio"] == "0.25"
    assert [lever["name"] for lever in replay["levers"]] == ["cache"]
    assert document["monthly"] is None
    assert document["monthly_note"]


def test_the_cache_is_that_of_cache_simulate(llmopt: Llmopt) -> None:
    flags = ("--ttl", "24h", "--only-deterministic", "--format", "json")
    (lever,) = found(llmopt("project", "samples/caching", *flags))["replay"]["levers"]
    (setting,) = found(llmopt("cache", "simulate", "samples/caching", "--ttl", "24h", "--format", "json"))["settings"]
    assert lever["calls"] == setting["hits"] + setting["shared"]
    assert Decimal(lever["alone_usd"]) == Decimal(setting["saved_usd"]) + Decimal(setting["shared_usd"])


def test_several_plans_side_by_side(llmopt: Llmopt) -> None:
    document = found(llmopt("project", SAMPLE, "--plan", CAREFUL, "--plan", BOLD, "--format", "json"))
    assert document["best"] == "bold"
    assert [plan["name"] for plan in document["plans"]] == ["careful", "bold"]
    alone = found(llmopt("project", SAMPLE, "--plan", CAREFUL, "--format", "json"))
    assert document["plans"][0]["replay"] == alone["replay"]
    table = llmopt("project", SAMPLE, "--plan", CAREFUL, "--plan", BOLD).out
    assert "2 plans on this log" in table
    assert "careful: From the bill to what is left of it" in table
    assert "bold: From the bill to what is left of it" in table


def test_drawings_are_for_pages_and_for_those_who_ask(llmopt: Llmopt) -> None:
    def drawn(*flags: str) -> bool:
        return "What a response cache alone saves" in llmopt("project", SAMPLE, "--plan", BOLD, *flags).out

    assert [drawn(), drawn("-q"), drawn("--format", "html", "-q")] == [False, False, False]
    assert [drawn("-v"), drawn("--format", "html"), drawn("--format", "markdown")] == [True, True, True]


def test_the_plan_comes_back_in_the_json(llmopt: Llmopt) -> None:
    echo = found(llmopt("project", SAMPLE, "--plan", BOLD, "--ttl", "7d", "--format", "json"))["plan"]
    assert echo["file"] == BOLD
    assert echo["levers"]["cache"]["ttl_s"] == 604_800
    assert echo["levers"]["batch"]["tags"] == [["tag", "offline"]]


def test_a_flag_goes_before_the_plan(llmopt: Llmopt) -> None:
    def hits(*flags: str) -> int:
        levers = found(llmopt("project", SAMPLE, "--plan", CAREFUL, *flags, "--format", "json"))["replay"]["levers"]
        count: int = next(lever["calls"] for lever in levers if lever["name"] == "cache")
        return count

    assert hits("--ttl", "1h") < hits() < hits("--ttl", "7d")


def test_without_a_lever_there_is_the_checklist(llmopt: Llmopt) -> None:
    document = found(llmopt("project", SAMPLE, "--format", "json"))
    assert document["replay"]["levers"] == []
    assert document["replay"]["optimized_usd"] == document["replay"]["baseline_usd"]
    assert not any(check["on"] for check in document["checklist"])
    assert any(Decimal(check["potential_usd"] or 0) > 0 for check in document["checklist"])
    assert "No lever is on" in llmopt("project", SAMPLE).out


def test_the_limit_fails_after_the_report(llmopt: Llmopt) -> None:
    part = ("--ttl", "24h", "--since", "2026-03-14")
    assert llmopt("project", SAMPLE, *part, "--min-savings", "1%").code == 0
    outcome = llmopt("project", SAMPLE, *part, "--min-savings", "20%", "--format", "json")
    assert outcome.code == 1
    assert outcome.err.startswith("llmopt: check failed: the plan saves ")
    assert json.loads(outcome.out)["failed_checks"] == [outcome.err.removeprefix("llmopt: check failed: ").strip()]
    both = llmopt("project", SAMPLE, "--plan", CAREFUL, "--plan", BOLD, "--since", "2026-03-14", "--min-savings", "60%")
    assert both.code == 1
    assert "the plan 'careful' saves" in both.err
    assert "bold" not in both.err


def test_a_strict_run_wants_everything_seen(llmopt: Llmopt) -> None:
    assert llmopt("project", "samples/openai-chat.jsonl", "--ttl", "24h").code == 0
    outcome = llmopt("project", "samples/openai-chat.jsonl", "--ttl", "24h", "--strict")
    assert outcome.code == 1
    assert "response cache: could not look at 10 calls (--strict)" in outcome.err


@pytest.mark.usefixtures("anew")
def test_a_log_from_a_pipe(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ROOT / SAMPLE / "agent.jsonl.gz"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.decompress(log.read_bytes()))))
    piped = found(llmopt("project", "-", "--ttl", "24h", "--format", "json"))
    assert piped["replay"] == found(llmopt("project", log, "--ttl", "24h", "--format", "json"))["replay"]


@pytest.mark.usefixtures("anew")
def test_the_same_log_plan_and_seed_give_the_same_bytes(llmopt: Llmopt) -> None:
    part = ("--since", "2026-03-14", "--seed", "7", "--format", "json")
    runs = {llmopt("project", SAMPLE, "--plan", BOLD, *part).out for _ in range(2)}
    assert len(runs) == 1


def test_a_part_of_the_log(llmopt: Llmopt) -> None:
    def calls(*options: str) -> int:
        count: int = found(llmopt("project", SAMPLE, "--ttl", "24h", *options, "--format", "json"))["replay"]["calls"]
        return count

    assert calls("--until", "2026-03-08") + calls("--since", "2026-03-09") == calls()


def test_a_log_without_times_or_prompts_still_has_its_bill(llmopt: Llmopt, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("model,input_tokens,output_tokens\n" + "gpt-4o-2024-08-06,1000,1000\n" * 4)
    flags = ("--ttl", "24h", "--compress", "safe", "--prompt-cache", "auto", "--swap", "gpt-4o-2024-08-06=gpt-4o-mini")
    document = found(llmopt("project", log, *flags, "--format", "json"))
    replay = document["replay"]
    assert replay["baseline_usd"] == "0.05"
    saved = {lever["name"]: Decimal(lever["saved_usd"]) for lever in replay["levers"]}
    assert saved["swap"] > 0
    assert saved["cache"] == saved["compression"] == saved["prompt_cache"] == 0
    assert all(lever["unseen"] == 4 for lever in replay["levers"] if lever["name"] != "swap")
    assert document["monthly"] is None


@pytest.mark.parametrize("text", ["", "garbage\n", "[1, 2\n", "\x00\x01"])
def test_what_is_no_log_is_one_line(llmopt: Llmopt, tmp_path: Path, text: str) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(text)
    outcome = llmopt("project", log, "--ttl", "24h")
    assert outcome.code == 2
    assert outcome.err.startswith("llmopt: error: ")
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[cach]\nttl = "1h"\n', "1: unknown lever 'cach'"),
        ('[cache]\nttl = "1h"\nsise = "1GB"\n', "3: "),
        ('min_savings = 20\n[cache]\nttl = "1h"\n', "1: "),
        ("[cache\n", "1: "),
    ],
)
def test_a_wrong_plan_names_file_and_line(llmopt: Llmopt, tmp_path: Path, text: str, message: str) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(text)
    outcome = llmopt("project", SAMPLE, "--plan", plan)
    assert outcome.code == 2
    assert outcome.err.startswith(f"llmopt: error: {plan}:{message}")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--swap", "gpt-4=nosuch"), "nosuch"),
        (("--route", "missing.toml"), "missing.toml"),
        (("--self-host", "missing.json", "--price-per-hour", "2"), "missing.json"),
        (("--since", "yesterday", "--ttl", "1h"), "--since 'yesterday': not a day or an instant"),
        (("--ttl", "1h", "--input-format", "nosuch"), "nosuch"),
    ],
)
def test_what_a_flag_names_has_to_be_there(llmopt: Llmopt, flags: tuple[str, ...], message: str) -> None:
    outcome = llmopt("project", SAMPLE, *flags)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_the_library_gives_the_same(llmopt: Llmopt) -> None:
    projection = library.project([SAMPLE], CAREFUL)
    document = found(llmopt("project", SAMPLE, "--plan", CAREFUL, "--format", "json"))
    assert isinstance(projection, library.Projection)
    assert str(projection.replay.savings_ratio) == document["replay"]["savings_ratio"]
    assert projection == library.project([SAMPLE], library.load_plan(Path(CAREFUL)))


def test_settings_below_the_flags(llmopt: Llmopt, workdir: Path) -> None:
    (workdir / "llmopt.toml").write_text('[project]\nttl = "1h"\nswap = ["gpt-4-0613=gpt-4o-mini"]\nseed = 3\n')
    document = found(llmopt("project", ROOT / SAMPLE, "--format", "json"))
    assert [lever["name"] for lever in document["replay"]["levers"]] == ["cache", "swap"]
    assert document["seed"] == 3
