"""What a killed run did is told by its journal, up to a line that was cut off."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from llmopt.models.quantizing.journal import JOURNAL, Done, Journal


def interrupted(folder: Path, made: str, *done: Done) -> None:
    with suppress(KeyboardInterrupt), Journal(folder, made) as journal:
        for entry in done:
            journal.add(entry)
        raise KeyboardInterrupt


def test_a_run_goes_on_where_another_stopped(tmp_path: Path) -> None:
    interrupted(tmp_path, "x", Done("a", 2.0, 1.0), Done("b\nc"))
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"name": "d", "sig')
    interrupted(tmp_path, "x", Done("e"))
    with Journal(tmp_path, "x") as journal:
        assert journal.done == {"a": Done("a", 2.0, 1.0), "b\nc": Done("b\nc"), "e": Done("e")}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "[]\n", '{"made": "y"}\n{"name": "a"}\n', "\xff", '{"made": "x"'])
def test_a_journal_of_something_else_counts_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / JOURNAL).write_text(text, encoding="latin-1")
    with Journal(tmp_path, "x") as journal:
        assert journal.done == {}
