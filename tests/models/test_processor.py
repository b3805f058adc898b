"""The processor has a name on every system."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt.models import processor


def test_linux_tells_it_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fake 9000: fast\nmodel name\t: other\n")
    assert processor.processor_name(tmp_path / "cpuinfo") == "Fake 9000: fast"


def test_elsewhere_python_knows_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("CPU part\t: 0xd0c\n")
    for path in (tmp_path / "cpuinfo", tmp_path / "none"):
        assert processor.processor_name(path)
    for name in ("processor", "machine"):
        monkeypatch.setattr(f"platform.{name}", lambda: "")
    assert processor.processor_name(tmp_path / "none") == "unknown"
