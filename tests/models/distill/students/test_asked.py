"""What `--student` may say."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import UsageError
from llmopt.models.distill.students.asked import Checkpoint, Config, Layers, Static, chosen, evenly, read_student


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ("layers=3", Layers(count=3)),
        (" layers = 3 ", Layers(count=3)),
        ("layers=half", Layers()),
        ("layers=0,2,5", Layers(places=(0, 2, 5))),
        ("layers=0, 2, 5", Layers(places=(0, 2, 5))),
        ("layers=4,", Layers(places=(4,))),
        ("static", Static()),
        ("small.json", Config(Path("small.json"))),
        ("models/small/config.json", Config(Path("models/small/config.json"))),
        ("./static", Checkpoint("./static")),
        ("prajjwal1/bert-tiny", Checkpoint("prajjwal1/bert-tiny")),
        ("distilbert-base-uncased", Checkpoint("distilbert-base-uncased")),
        ("runs/lr=3e-4", Checkpoint("runs/lr=3e-4")),
        ("out", Checkpoint("out")),
    ],
)
def test_reads_each_way_to_ask(asked: str, read: object) -> None:
    assert read_student(asked) == read


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "layers=3"),
        ("  ", "layers=3"),
        ("layers=", "such as layers=3"),
        ("layers=-1", "such as layers=3"),
        ("layers=2.5", "such as layers=3"),
        ("layers=1,,2", "such as layers=3"),
        ("layers=,", "such as layers=3"),
        ("layers=all", "such as layers=3"),
        ("layers=99999999999999999999", "such as layers=3"),
        ("layers=٣", "such as layers=3"),
        ("layers=0", "--student static"),
        ("layers=5,2,0", "such as layers=0,2,5"),
        ("layers=2,2", "such as layers=2"),
        ("layer=3", "did you mean layers=3?"),
        ("layers:3", "did you mean layers=3?"),
        ("layers3", "did you mean layers=3?"),
        ("LAYERS=half", "did you mean layers=half?"),
        ("layers 0,2", "did you mean layers=0,2?"),
        ("layer", "did you mean layers=3?"),
        ("Static", "did you mean static?"),
        ("statics", "did you mean static?"),
        ("size=3", "take layers=3"),
    ],
)
def test_tells_typos(asked: str, said: str) -> None:
    with pytest.raises(UsageError) as told:
        read_student(asked)
    assert said in told.value.hint


def test_takes_a_folder_that_looks_like_a_typo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer=3").mkdir()
    assert read_student("layer=3") == Checkpoint("layer=3")


def test_loads_no_torch() -> None:
    lines = "import sys; from llmopt.models.distill.students.asked import read_student; read_student('layers=3')"
    check = "; sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'huggingface_hub')))"
    assert subprocess.run([sys.executable, "-c", lines + check], check=False).returncode == 0


@pytest.mark.parametrize(
    ("count", "of", "places"),
    [
        (3, 6, (0, 2, 5)),
        (6, 12, (0, 2, 4, 7, 9, 11)),  # DistilBERT's
        (1, 6, (0,)),
        (2, 6, (0, 5)),
        (4, 4, (0, 1, 2, 3)),
        (2, 3, (0, 2)),
    ],
)
def test_spaces_layers_evenly(count: int, of: int, places: tuple[int, ...]) -> None:
    assert evenly(count, of) == places


@given(st.integers(1, 200).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))))
def test_evenly_spaced_layers_are_so_many_in_order_from_first_to_last(sizes: tuple[int, int]) -> None:
    count, of = sizes
    places = evenly(count, of)
    assert len(places) == count
    assert places[0] == 0
    assert all(one < other for one, other in pairwise(places))
    if count > 1:
        assert places[-1] == of - 1
        gaps = {other - one for one, other in pairwise(places)}
        assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(
    ("asked", "of", "places"),
    [
        (Layers(), 6, (0, 2, 5)),
        (Layers(), 5, (0, 2, 4)),
        (Layers(), 1, (0,)),
        (Layers(count=2), 6, (0, 5)),
        (Layers(places=(1, 3)), 6, (1, 3)),
    ],
)
def test_chooses_layers_of_a_teacher(asked: Layers, of: int, places: tuple[int, ...]) -> None:
    assert chosen(asked, of) == places


@pytest.mark.parametrize(
    ("asked", "of", "message", "hint"),
    [
        (Layers(count=7), 6, "the teacher has 6 layers", "such as layers=3"),
        (Layers(count=2), 1, "the teacher has 1 layer", "such as layers=1"),
        (Layers(places=(0, 6)), 6, "layers=0,6: the teacher has 6 layers", "0 to 5"),
    ],
)
def test_refuses_layers_that_a_teacher_lacks(asked: Layers, of: int, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as told:
        chosen(asked, of)
    assert hint in told.value.hint
