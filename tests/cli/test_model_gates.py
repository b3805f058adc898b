"""What may follow the gates that `quantize` and `bench` share."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.cli.model_gates import check_data, quality_drop, times_faster
from llmopt.errors import InputError, UsageError


@pytest.mark.parametrize(("text", "share"), [(None, None), ("2%", 0.02), ("0%", 0.0), ("0.5 %", 0.005), ("100%", 1.0)])
def test_drops(text: str | None, share: float | None) -> None:
    assert quality_drop(text) == share


@pytest.mark.parametrize("text", ["0.02", "2", "-1%", "200%", "nan%", "%", ""])
def test_no_drops(text: str) -> None:
    with pytest.raises(UsageError, match="--max-quality-drop"):
        quality_drop(text)


@pytest.mark.parametrize(("text", "ratio"), [(None, None), ("1.5", 1.5), ("2x", 2.0), (" 1.2 X", 1.2), (".5", 0.5)])
def test_ratios(text: str | None, ratio: float | None) -> None:
    assert times_faster(text) == ratio


@pytest.mark.parametrize("text", ["0", "-1", "50%", "x", "", "1e3", "nan", "9" * 400])
def test_no_ratios(text: str) -> None:
    with pytest.raises(UsageError, match="--min-speedup"):
        times_faster(text)


def test_data(workdir: Path) -> None:
    (workdir / "texts.txt").touch()
    check_data(None, None)
    check_data("-", "2%")
    check_data("texts.txt", "2%")
    with pytest.raises(UsageError, match="measured on real inputs"):
        check_data(None, "2%")
    with pytest.raises(InputError, match="no such file"):
        check_data("texts\0.txt", None)
    with pytest.raises(InputError, match="a folder"):
        check_data(".", None)
