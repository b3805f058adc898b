"""A log that is read in parts projects to what it projects to when it is read at once, to the last digit."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.savings.project.api import project
from llmopt.savings.project.plan import BatchLever, CacheLever, CompressionLever, Plan, RoutingLever, SwapLever
from tests.conftest import ROOT
from tests.savings.project.cases import made_plan, write_policy, written
from tests.savings.project.made import Shape
from tests.savings.project.made_prices import write_prices
from tests.savings.project.parts.apart import Apart, without_curves

SAMPLES = ROOT / "samples"
FORMS = ("pair.jsonl", "flat.jsonl", "hashed.jsonl", "flat.csv", "flat.parquet", "hashed.parquet")
ALL = Plan(
    cache=CacheLever(),
    routing=RoutingLever(),
    swap=SwapLever((("gpt-4o", "gpt-4o-mini"),)),
    compression=CompressionLever(sample=20),
    batch=BatchLever(hours=(22, 6)),
)


def drawn_plan(seed: int, policy: Path) -> Plan:
    """Draw a plan of levers that partition."""
    rng = random.Random(seed)
    plan = made_plan(rng, policy)
    lever = replace(plan.cache or CacheLever(), size_bytes=None)
    compression = CompressionLever("safe", rng.choice([3, 2000]))
    plan = replace(plan, cache=lever, compression=compression, prompt_cache=None, self_host=None, seed=seed)
    off: dict[str, Any] = {name: None for name in plan.on if rng.random() < 0.3}
    return replace(plan, **off)


@pytest.mark.parametrize("form", FORMS)
def test_drawn_logs_and_plans(form: str, tmp_path: Path) -> None:
    prices, policy = write_prices(tmp_path), write_policy(tmp_path)
    for seed in range(3):
        plan = drawn_plan(seed, policy)
        paths = [written(seed + 100 * n, Shape(calls=25, days=6), tmp_path, form)[0] for n in range(2)]
        whole = project([str(path) for path in paths], plan, prices=prices)
        apart = Apart(4_000, 1 + seed).project(paths, plan, prices=prices)
        assert apart == without_curves(whole)


@pytest.mark.parametrize("form", ["pair.jsonl", "hashed.parquet"])
def test_drawn_logs_by_one_statement_a_part(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt.cost.read_columns.SMALL_BYTES", 0)
    prices, plan = write_prices(tmp_path), drawn_plan(7, write_policy(tmp_path))
    paths = [written(n, Shape(calls=25, days=6), tmp_path, form)[0] for n in range(2)]
    whole = project([str(path) for path in paths], plan, prices=prices)
    assert Apart(16_000, small_bytes=0).project(paths, plan, prices=prices) == without_curves(whole)


def test_no_lever_is_on(tmp_path: Path) -> None:
    path = SAMPLES / "projecting" / "agent.jsonl.gz"
    assert Apart(1).project([path], Plan()) == without_curves(project(path, Plan()))


def test_a_large_log_is_cut_into_ranges(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    path.write_bytes(gzip.decompress((SAMPLES / "projecting" / "agent.jsonl.gz").read_bytes()))
    assert Apart(path.stat().st_size // 3, 4).project([path], ALL) == without_curves(project(path, ALL))


def test_formats_that_log_a_response_several_times() -> None:
    names = ("bedrock.jsonl.gz", "generic.csv", "helicone.jsonl", "langfuse.jsonl", "openai-usage.json", "xai.jsonl")
    paths = [*(SAMPLES / name for name in names), SAMPLES / "claude-code", SAMPLES / "codex", SAMPLES / "otel-genai"]
    whole = project([str(path) for path in paths], ALL)
    assert whole.left_out
    assert Apart(3_000).project(paths, ALL) == without_curves(whole)


def test_a_log_without_calls() -> None:
    path = SAMPLES / "openai-usage.json"
    assert Apart(1_000).project([path], ALL) == without_curves(project(path, ALL))


def record(number: int, **changes: Any) -> dict[str, Any]:
    """A record with an id, that another part may have again."""
    usage = {"prompt_tokens": 400, "completion_tokens": 20 + number % 3}
    response = {"id": f"c-{number}", "object": "chat.completion", "model": "gpt-4o", "usage": usage}
    said = [{"role": "user", "content": f"Where is parcel {number % 4}?"}]
    request = {"model": "gpt-4o", "messages": said, "temperature": 0}
    at = f"2026-03-0{1 + number % 5}T{number % 24:02}:00:00Z"
    return {"timestamp": at, "team": "a", "request": request, "response": response} | changes


@pytest.mark.parametrize("small_bytes", [0, 2**30])
def test_copies_of_a_record_in_other_parts_count_once(
    small_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmopt.cost.read_columns.SMALL_BYTES", small_bytes)
    rows = [record(number) for number in range(40)]
    late = [record(number, tag="offline", latency_s=3) for number in range(0, 40, 3)]
    blind = [{**record(number), "request": None} for number in range(40, 44)]
    lines = [json.dumps(row) for row in (*rows, *late, *blind, *map(record, range(40, 44)))]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([*lines, "{", *lines[:5]]) + "\n", encoding="utf-8")
    plan = Plan(cache=CacheLever(ttl_s=3600.0), batch=BatchLever((("tag", "offline"),)))
    whole = project(path, plan)
    assert whole.replay.calls == 44
    assert whole.rejected[0].count == 1
    for target_bytes in (6_000,) if small_bytes == 0 else (300, 1_000):
        assert Apart(target_bytes, 5, small_bytes).project([path], plan) == without_curves(whole)


def test_copies_count_where_they_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(record(number % 9)) + "\n" for number in range(30)), encoding="utf-8")
    whole = project(path, ALL, dedupe="none")
    assert whole.replay.calls == 30
    assert Apart(900).project([path], ALL, dedupe="none") == without_curves(whole)


def test_a_text_whose_tokens_another_part_may_have_is_refused() -> None:
    paths = [SAMPLES / "request-only.jsonl", SAMPLES / "response-only.jsonl"]
    with pytest.raises(UsageError, match="another part of the log may have them") as caught:
        Apart(paths[0].stat().st_size).project(paths, ALL)
    assert "without --engine spark" in caught.value.hint


def test_nothing_to_read_is_said_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("{\n" * 9)
    with pytest.raises(InputError) as whole:
        project(path)
    with pytest.raises(InputError) as apart:
        Apart(4).project([path], Plan())
    assert (str(apart.value), apart.value.hint) == (str(whole.value), whole.value.hint)
