"""What a user may type after `llmopt bench-batch`, and what cannot go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.cli.bench_batch_asked import Typed, check, numbers, settled
from llmopt.errors import UsageError
from tests.cli.conftest import Llmopt


def test_the_defaults_are_fine() -> None:
    typed = Typed(target="model")
    check(typed)
    read = numbers(typed)
    assert (read.batch_sizes, read.seq_lens, read.min_samples, read.max_time_s, read.ci) == ("auto", (), 30, 60.0, 0.02)
    assert numbers(Typed(target="model", batch_sizes="Auto")).batch_sizes == "auto"
    assert (read.slo_p99_s, read.rate_per_s, read.price_per_hour, read.threshold) == (None, None, None, None)


def test_a_colon_makes_a_callable_unless_there_is_such_a_folder(workdir: Path) -> None:
    assert Typed(target="package.module:function").kind == "callable"
    assert Typed(target="file.py:function").kind == "callable"
    (workdir / "my:model").mkdir()
    assert Typed(target="my:model").kind == "model"
    assert Typed(target="org/name").kind == "model"
    assert Typed(url="http://localhost/v1").kind == "url"


def test_several_rates_are_for_servers() -> None:
    assert numbers(Typed(url="http://h/v1", rate="4/s,120/min, 1/s")).rates_per_s == (1.0, 2.0, 4.0)
    assert numbers(Typed(url="http://h/v1", rate="4/s,1/s")).rate_per_s is None
    one = numbers(Typed(target="m", rate="6,000/min"))
    assert (one.rates_per_s, one.rate_per_s) == ((100.0,), 100.0)
    assert numbers(Typed(target="m")).rates_per_s == ()
    with pytest.raises(UsageError, match="one rate is needed"):
        numbers(Typed(target="m", rate="1/s,2/s"))


def test_a_flag_goes_before_a_setting_that_excludes_it() -> None:
    typed = Typed(target="m", seq_len="32", lengths=Path("log"), rate="1/s", arrivals=Path("log"))
    fits = settled(typed, {"seq_len", "arrivals"})
    assert (fits.seq_len, fits.lengths, fits.rate, fits.arrivals) == (None, Path("log"), "1/s", None)
    assert settled(typed, {"seq_len", "lengths"}).seq_len == "32"
    assert settled(typed, ()) == typed


def test_a_model_that_is_typed_goes_before_a_url_of_the_settings() -> None:
    typed = Typed(target="m", url="http://h/v1", model="gpt-4o", verify=True)
    fits = settled(typed, {"url", "model"})
    assert (fits.url, fits.model, fits.verify) == (None, None, True)
    check(fits)


REFUSED = [
    (("",), "one of MODEL, MODULE:CALLABLE and --url is needed"),
    (("m", "--min-samples", "2001"), "--min-samples '2001': more than 2000"),
    ((), "one of MODEL, MODULE:CALLABLE and --url is needed"),
    (("m", "--url", "http://h/v1"), "one of MODEL, MODULE:CALLABLE and --url is needed"),
    (("m", "--seq-len", "8", "--lengths", "log"), "--seq-len and --lengths exclude each other"),
    (("m", "--rate", "1/s", "--arrivals", "log"), "--rate and --arrivals exclude each other"),
    (("m:f", "--inputs", "x", "--seq-len", "8"), "--inputs and --seq-len exclude each other"),
    (("m:f", "--inputs", "x", "--lengths", "log"), "--inputs and --lengths exclude each other"),
    (("m", "--inputs", "x"), "--inputs is for functions"),
    (("m", "--fail-on-regression", "5%"), "--fail-on-regression compares with a baseline"),
    (("m", "--fail-on-regression", "5", "--baseline", "b"), "--fail-on-regression '5': a percentage ends in %"),
    (("m", "--model", "x"), "--model is for --url"),
    (("m:f", "--dtype", "float16"), "--dtype is for models, and m:f is a function"),
    (("m:f", "--device", "cpu"), "--device is for models, and m:f is a function"),
    (("m:f", "--compile"), "--compile is for models"),
    (("--url", "http://h/v1", "--verify"), "--verify is not for --url: the server batches by itself"),
    (("--url", "http://h/v1", "--batch-sizes", "1,2"), "--batch-sizes is not for --url"),
    (("--url", "http://h/v1", "--device", "cpu"), "--device is not for --url"),
    (("--url", "http://h/v1", "--ray", "auto"), "--ray is not for --url"),
    (("m", "--task", "sing"), "--task 'sing': not one of embed, classify, generate"),
    (("m", "--batch-sizes", "1,0"), "--batch-sizes '1,0': not whole numbers of 1 or more"),
    (("m", "--seq-len", "x"), "--seq-len 'x': not whole numbers"),
    (("m", "--new-tokens", "0"), "--new-tokens '0': not a whole number of 1 or more"),
    (("m", "--slo-p99", "250"), "--slo-p99 '250': a duration ends in its unit"),
    (("m", "--slo-p99", "soon"), "--slo-p99 'soon': not a duration"),
    (("m", "--rate", "0/s"), "--rate '0/s': more than 0 is needed"),
    (("m", "--price-per-hour", "free"), "--price-per-hour 'free': not an amount"),
    (("m", "--min-samples", "0"), "--min-samples '0': not a whole number of 1 or more"),
    (("m", "--max-time", "-1s"), "--max-time '-1s': not a duration"),
    (("m", "--ci", "2"), "--ci '2': not between 0 and 1"),
    (("m", "--format", "yaml"), "there is no output format 'yaml'"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_makes_no_sense_is_one_clear_line(arguments: tuple[str, ...], message: str, llmopt: Llmopt) -> None:
    outcome = llmopt("bench-batch", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"llmopt: error: {message}")
    assert len(outcome.err.splitlines()) <= 2
