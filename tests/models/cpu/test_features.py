"""A processor without instructions for 8-bit products is told from one with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.models.cpu.features import Features, features, int8_warning


@pytest.mark.parametrize(
    ("line", "int8", "bfloat16"),
    [
        ("flags\t\t: fpu avx2 avx512_vnni avx512_bf16", True, True),
        ("flags\t\t: fpu avx2 avx_vnni", True, False),
        ("flags\t\t: fpu sse2 avx2 avx512f", False, False),
        ("Features\t: fp asimd asimddp", True, False),
    ],
)
def test_flags_tell_it(tmp_path: Path, line: str, int8: bool, bfloat16: bool) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(f"processor\t: 0\n{line}\n", encoding="utf-8")
    assert features(told) == Features(known=True, int8=int8, bfloat16=bfloat16)
    assert (int8_warning(told) is None) == int8


def test_a_slow_processor_is_named(tmp_path: Path) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text("flags: fpu avx2\n", encoding="utf-8")
    assert "VNNI" in str(int8_warning(told))


def test_a_system_that_does_not_tell_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert features(tmp_path / "none") == Features(known=False, int8=False, bfloat16=False)
    assert "cannot be told" in str(int8_warning(tmp_path / "none"))


def test_apples_processors_have_the_dot_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert int8_warning(tmp_path / "none") is None
