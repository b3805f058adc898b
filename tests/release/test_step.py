"""How a step ends."""

from __future__ import annotations

import pytest

from tests.release.step import finish


def test_a_step_that_holds_says_what_it_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        finish([], "2 pins", ["ray: not installed"])
    assert (ended.value.code, capsys.readouterr().out) == (0, "2 pins\nray: not installed\n")


def test_a_step_that_does_not_says_all_that_is_wrong() -> None:
    with pytest.raises(SystemExit) as ended:
        finish(["one", "two"], "2 pins", ["three"])
    assert ended.value.code == "one\ntwo\nthree"
