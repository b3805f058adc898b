"""What a machine does, from the reports that the commands write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError
from llmopt.savings.project.levers.measured_machine import measured

GOLDEN = Path(__file__).parents[3] / "golden"


def report(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return body


def saved(folder: Path, body: object) -> Path:
    path = folder / "bench.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def test_a_sweep_is_read_at_its_recommended_rate() -> None:
    found = measured(GOLDEN / "bench" / "plain.json")
    assert found.input_token_s == pytest.approx(1 / (177.8 * 32))
    assert found.output_token_s == found.input_token_s
    assert found.call_s == 0
    assert any("writes no text" in note for note in found.notes)
    assert "177.8 requests/s of 32 tokens (batches of 16)" in found.says


def test_failed_checks_are_told() -> None:
    found = measured(GOLDEN / "bench" / "full.json")
    assert "a check of the benchmark failed: a check" in found.notes


def test_with_several_lengths_the_load_counts() -> None:
    body = report("bench/full.json")
    lengths = {point["seq_len"] for point in body["points"]}
    found = measured(GOLDEN / "bench" / "full.json")
    assert len(lengths) > 1
    middle = sorted(lengths)[len(lengths) // 2]
    point = next(p for p in body["points"] if (p["seq_len"], p["batch_size"]) == (middle, 16))
    assert found.input_token_s == pytest.approx(1 / (point["throughput_per_s"] * 0.81 * middle))


def test_a_model_that_writes_has_two_rates() -> None:
    found = measured(GOLDEN / "bench" / "generate.json")  # nothing recommended, and the machine was noisy
    points = [p for p in report("bench/generate.json")["points"] if p["throughput_per_s"]]
    most = max(p["throughput_per_s"] for p in points)
    point = next(p for p in points if p["throughput_per_s"] >= 0.95 * most)
    assert found.input_token_s == pytest.approx(point["prefill_p50_s"] / (point["batch_size"] * 64))
    assert found.output_token_s == pytest.approx(point["decode_p50_s"] / point["batch_size"])
    assert any("not quiet" in note for note in found.notes)


def test_a_server_is_parted_as_its_latencies_are() -> None:
    found = measured(GOLDEN / "bench" / "url.json")
    body = report("bench/url.json")
    read = sum(body["prompt_tokens"]) / len(body["prompt_tokens"])
    share = 0.0525 / (0.0525 + 0.012 * 63)
    assert found.input_token_s == pytest.approx(share / (16 * read))
    assert found.output_token_s == pytest.approx((1 - share) / (16 * 64))
    assert found.input_token_s * read + found.output_token_s * 64 == pytest.approx(1 / 16)


def test_a_server_without_times_of_tokens(tmp_path: Path) -> None:
    body = report("bench/url.json")
    for point in body["points"]:
        point["ttft_p50_s"] = None
    found = measured(saved(tmp_path, body))
    assert found.input_token_s == pytest.approx(found.output_token_s)
    assert any("cost the same" in note for note in found.notes)


def test_a_quantized_model() -> None:
    found = measured(GOLDEN / "quantize" / "auto.json")
    assert found.input_token_s == pytest.approx(0.0273 / (8 * 128))
    assert any("a check of the benchmark failed" in note for note in found.notes)


def without(name: str, *keys: str, **changes: Any) -> dict[str, Any]:
    body = report(name)
    for key in keys:
        del body[key]
    return body | changes


def speed(**changes: float) -> dict[str, float]:
    """Return the speed of a quantized model."""
    return {"batch_size": 8, "seq_len": 128, "latency_p50_s": 0.05} | changes


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "is no report of"),
        ({"schema": "llmopt.cost/1"}, "is no report of"),
        (without("bench/plain.json", "points"), "lacks what is needed: no 'points'"),
        (without("bench/plain.json", points=[]), "no batch could be measured"),
        (without("bench/plain.json", points=[{"status": "oom"}]), "no batch could be measured"),
        (without("bench/plain.json", points=[3]), "lacks what is needed"),
        (without("bench/plain.json", recommended={"max_batch_size": 16}), "no 'rate_per_s'"),
        (without("bench/plain.json", recommended={"max_batch_size": 16, "rate_per_s": -1}), "rate_per_s is -1"),
        (without("bench/unmet.json"), "no setting meets the bound"),
        (without("bench/url.json", recommended=None), "no rate of requests was shown to work"),
        (without("bench/url.json", prompt_tokens=[]), "lacks what is needed"),
        (without("bench/url.json", new_tokens=True), "new_tokens is True"),
        (without("quantize/auto.json", "speedup"), "the speed of the quantized model was not measured"),
        (without("quantize/auto.json", speedup={"batch_size": 8}), "seq_len is None"),
        (without("quantize/auto.json", speedup=speed(batch_size=10**400)), "not as the commands write them"),
        (without("quantize/auto.json", speedup=speed(latency_p50_s=1e308)), "reading a token takes .* s$"),
        (without("quantize/auto.json", speedup=speed(latency_p50_s=1e-12)), "reading a token takes 9.77e-16 s"),
    ],
)
def test_wrong_results_are_one_clear_error(tmp_path: Path, body: object, said: str) -> None:
    path = saved(tmp_path, body)
    with pytest.raises(InputError, match=said) as raised:
        measured(path)
    assert str(path) in raised.value.message
    assert ("without that bound" in raised.value.hint) == ("bound" in said)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00"])
def test_what_is_no_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is no JSON report"):
        measured(path)
    with pytest.raises(InputError, match=r"cannot be read: (No such file|Is a directory)"):
        measured(tmp_path)
