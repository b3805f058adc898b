"""The pictures of the README show what a terminal shows."""

from __future__ import annotations

import importlib.util
import re
import sys

import pytest

from tests.conftest import ROOT

pytest.importorskip("pty", reason="terminals are made as on Unix")
SPEC = importlib.util.spec_from_file_location("screens", ROOT / "docs" / "screens.py")
assert SPEC is not None
assert SPEC.loader is not None
screens = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(screens)


@pytest.mark.parametrize("name", screens.SCREENS)
def test_a_picture_is_not_stale_and_loads_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["screens.py"])
    written = (ROOT / "docs" / "images" / f"{name}.svg").read_text(encoding="utf-8")
    assert written == screens.svg(name, screens.SCREENS[name]), "run python docs/screens.py"
    assert not re.search(r"url\((?!#)|https?://(?!www\.w3\.org/2000/svg)", written)
