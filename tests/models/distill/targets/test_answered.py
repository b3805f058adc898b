from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import InputError, OutOfMemory, UsageError
from llmopt.models.distill.targets import precision
from llmopt.models.distill.targets.answered import answered
from llmopt.models.distill.targets.answers import Answers
from llmopt.models.distill.targets.journal import JOURNAL, Journal
from llmopt.models.distill.values import Column, DistillTask, Item, Objective
from tests.models.distill.targets.fakes import Masked, Sums, items, many, teacher


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask each text once, whatever processor this is: none are asked to see what bfloat16 does."""
    monkeypatch.setattr(precision, "precision_of", lambda place: "float32")


def never() -> bool:
    return False


def asked(
    folder: Path,
    texts: Sequence[Item],
    objective: Objective | None = None,
    *,
    made: str = "of this",
    over: Callable[[], bool] = never,
) -> Answers:
    return answered(teacher(), objective or Sums(), texts, folder, made=made, over=over, progress=None)


def check(answers: Answers, texts: Sequence[Item], places: Sequence[int]) -> None:
    found = answers.rows(places)
    ids = [list(texts[place].teacher_ids) for place in places]
    assert found["vectors"].tolist() == [[sum(row), len(row), row[0]] for row in ids]
    assert found["states"].tolist() == [[token, token / 2] for row in ids for token in row]
    assert answers.counts("states", places) == [len(row) for row in ids]


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.integers(1, 90), min_size=1, max_size=8), min_size=1, max_size=40),
    st.lists(st.integers(0, 10**6), max_size=10),
)
def test_answers_are_those_of_the_texts_in_any_order(texts: list[list[int]], drawn: list[int]) -> None:
    given_items = items(*texts)
    with TemporaryDirectory() as folder:
        answers = asked(Path(folder), given_items)
        places = [number % len(texts) for number in drawn]
        assert answers.texts == len(texts)
        if places:
            check(answers, given_items, places)
        check(answers, given_items, range(len(texts)))


def test_no_places_have_no_rows(tmp_path: Path) -> None:
    found = asked(tmp_path, many(5)).rows([])
    assert {name: tuple(rows.shape) for name, rows in found.items()} == {"vectors": (0, 3), "states": (0, 2)}


@pytest.mark.parametrize("place", [-1, 5])
def test_a_text_without_an_answer_has_no_rows(tmp_path: Path, place: int) -> None:
    with pytest.raises(IndexError, match="from 0 to 4"):
        asked(tmp_path, many(5)).rows([0, place])


def test_no_texts_have_no_answers(tmp_path: Path) -> None:
    answers = asked(tmp_path, [])
    assert (answers.texts, answers.size_bytes) == (0, 0)


def test_masked_places_take_the_room_of_masked_places(tmp_path: Path) -> None:
    texts = [
        Item([5, 6, 7], [5, 6, 7], wanted=[-100, 9, -100]),
        Item([8], [8], wanted=[-100]),
        Item([1, 2], [1, 2], wanted=[3, 4]),
    ]
    answers = asked(tmp_path, texts, Masked())
    found = answers.rows([2, 1, 0])
    assert found["top_ids"].tolist() == [[3], [4], [9]]
    assert found["top_counts"].tolist() == [[2], [0], [1]]
    assert found["states"].tolist() == [[1], [2], [8], [5], [6], [7]]
    assert answers.counts("top_ids", [0, 1, 2]) == [1, 0, 2]
    assert answers.size_bytes == 3 * 4 + 3 * 4 + 6 * 4


def test_texts_without_a_masked_place(tmp_path: Path) -> None:
    texts = [Item([5, 6], [5, 6], wanted=[-100, -100])] * 2
    for found in (0, 2):
        answers = asked(tmp_path, texts, Masked())
        assert answers.found == found
        assert answers.rows([0, 1])["top_ids"].shape == (0, 1)


def test_second_run_asks_nothing(tmp_path: Path) -> None:
    texts = many(400)
    first, second = Sums(), Sums()
    assert asked(tmp_path, texts, first).found == 0
    answers = asked(tmp_path, texts, second)
    assert (first.texts, second.texts, answers.found) == (400, 0, 400)
    check(answers, texts, [399, 0, 255, 256])


def test_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    texts = many(5_000)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    asked(whole, texts)
    with pytest.raises(KeyboardInterrupt):
        asked(broken, texts, Sums(stop=30))
    objective = Sums()
    answers = asked(broken, texts, objective)
    assert answers.found in (256, 256 + 2_048)
    assert objective.texts == 5_000 - answers.found
    for name in ("vectors.bin", "states.bin", JOURNAL):
        assert (whole / name).read_bytes() == (broken / name).read_bytes()


def _cut_states(folder: Path) -> None:
    path = folder / "states.bin"
    path.write_bytes(path.read_bytes()[:-3])


def _longer(folder: Path) -> None:
    with (folder / "vectors.bin").open("ab") as file:
        file.write(b"rest of a chunk")
    with (folder / JOURNAL).open("ab") as file:
        file.write(b'{"stop":9')


def _other_byte(folder: Path) -> None:
    path = folder / "vectors.bin"
    data = bytearray(path.read_bytes())
    data[256 * 12] ^= 1
    path.write_bytes(data)


def _no_column(folder: Path) -> None:
    (folder / "states.bin").unlink()


def _no_journal(folder: Path) -> None:
    (folder / JOURNAL).write_bytes(b"\xff\x00")


def _strange_lines(folder: Path) -> None:
    head, first, second, _ = (folder / JOURNAL).read_bytes().split(b"\n")
    (folder / JOURNAL).write_bytes(b"\n".join([head, first, second.replace(b":300", b":299"), b""]))


def _negative_rows(folder: Path) -> None:
    head, first, second, _ = (folder / JOURNAL).read_bytes().split(b"\n")
    (folder / JOURNAL).write_bytes(b"\n".join([head, first, second.replace(b'"vectors":44', b'"vectors":-1'), b""]))


def _strange_bytes(folder: Path) -> None:
    head, first, *_ = (folder / JOURNAL).read_bytes().split(b"\n")
    (folder / JOURNAL).write_bytes(b"\n".join([head, first, b'{"stop": "\xff"}', b""]))


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (_cut_states, 256),
        (_longer, 300),
        (_other_byte, 256),
        (_no_column, 0),
        (_no_journal, 0),
        (_strange_lines, 256),
        (_negative_rows, 256),
        (_strange_bytes, 256),
    ],
)
def test_damage_is_cut_off_and_computed_again(tmp_path: Path, damage: Callable[[Path], None], left: int) -> None:
    texts = many(300)
    asked(tmp_path, texts)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    damage(tmp_path)
    objective = Sums()
    answers = asked(tmp_path, texts, objective)
    assert (answers.found, objective.texts) == (left, 300 - left)
    check(answers, texts, range(300))
    del answers
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_settings_and_other_texts_start_anew(tmp_path: Path) -> None:
    texts = many(20)
    asked(tmp_path, texts)
    assert asked(tmp_path, texts, made="of that").found == 0
    assert asked(tmp_path, [*texts[1:], texts[0]], made="of that").found == 0
    assert asked(tmp_path, texts[:19], made="of that").found == 0
    assert asked(tmp_path, texts[:19], made="of that").found == 19


def test_columns_of_something_else_are_removed(tmp_path: Path) -> None:
    (tmp_path / "mine.bin").write_bytes(b"not of the cache")
    asked(tmp_path, many(20))
    texts = [Item([5, 6], [5, 6], wanted=[7, -100])]
    assert asked(tmp_path, texts, Masked()).found == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        *("mine.bin", "states.bin", "top_ids.bin", "top_counts.bin", JOURNAL)
    }


def test_when_time_is_over_some_texts_have_answers_and_a_second_run_leaves_it_at_that(tmp_path: Path) -> None:
    texts, objective = many(5_000), Sums()
    assert asked(tmp_path, texts, over=lambda: True).texts == 256
    answers = asked(tmp_path, texts, objective)
    assert (answers.texts, answers.found, objective.texts) == (256, 256, 0)
    check(answers, texts, [255, 3])
    (tmp_path / JOURNAL).write_bytes(
        (tmp_path / JOURNAL).read_bytes().replace(b'"stop":256,"rows":{}', b'"stop":9,"rows":{}')
    )
    assert asked(tmp_path, texts).texts == 5_000


def test_progress_goes_from_what_is_there_to_all(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []

    def tell(done: int, total: int, what: str) -> None:
        told.append((done, total, what))

    texts = many(700)
    with pytest.raises(KeyboardInterrupt):
        asked(tmp_path, texts, Sums(stop=4))
    answered(teacher(), Sums(), texts, tmp_path, made="of this", over=never, progress=tell)
    done = [each[0] for each in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (256, 700)
    assert {each[1:] for each in told} == {(700, "asking the teacher")}


def test_answers_that_will_not_fit_on_the_disk_are_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = items(*[[1, 2, 3]] * 10_000)
    needed = 10_000 * (12 + 3 * 4)
    usage = shutil.disk_usage(tmp_path)._replace(free=needed + (16 << 20) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="0 MB are to be written and 17 MB are free") as caught:
        asked(tmp_path, texts)
    assert caught.value.hint == "free some space, or write elsewhere"
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=usage.free + 1))
    assert asked(tmp_path, texts).texts == 10_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is full")
def test_disk_that_gets_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Journal.begin

    def full(self: Journal, precision: str) -> None:
        begin(self, "float32")
        monkeypatch.setattr(Journal, "path", lambda self, column: Path("/dev/full"))

    monkeypatch.setattr(Journal, "begin", full)
    with pytest.raises(InputError, match="No space left on device") as caught:
        asked(tmp_path, many(20))
    assert caught.value.hint == "free some space, or write elsewhere"


def test_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="Not a directory"):
        asked(tmp_path / "file", many(3))


def test_answer_that_is_not_finite_names_the_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a-teacher: its answer to a text is not finite: 'abz'"):
        asked(tmp_path, items([3, 3], [1, 2, 26], [4]), Sums(flawed=26))


@pytest.mark.parametrize("room", [6, 40])
def test_batches_that_do_not_fit_are_halved(tmp_path: Path, room: int) -> None:
    texts = many(300)
    check(asked(tmp_path, texts, Sums(room=room)), texts, range(300))


def test_text_that_does_not_fit_alone_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory):
        asked(tmp_path, many(30), Sums(room=5))


def test_batches_of_a_language_model_with_many_token_ids_are_small(tmp_path: Path) -> None:
    """Logits of 4 tokens fit: two texts of two tokens, or a longer one."""
    texts = items(*[[1, 2]] * 9, [1, 2, 3], [1, 2, 3, 4, 5])
    cases: list[tuple[DistillTask, int, int]] = [("generate", 100, 1), ("generate", 2**24, 2 + 5), ("embed", 2**24, 1)]
    for task, known, calls in cases:
        objective, folder = Sums(), tmp_path / f"{task}-{known}"
        folder.mkdir()
        model = teacher(task, known_tokens=known)
        answered(model, objective, texts, folder, made="", over=never, progress=None)
        assert objective.calls == calls


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ((Column("vectors", "text", 3, "float32"),), r"answers \['states', 'vectors'\]"),
        ((Column("vectors", "text", 2, "float32"), Column("states", "token", 2, "float32")), r"\(3, 3\) for vectors"),
        ((Column("vectors", "token", 3, "float32"), Column("states", "token", 2, "float32")), "3 rows of vectors, 5"),
        ((Column("vectors", "text", 3, "int8"), Column("states", "token", 2, "float32")), "300.0 for vectors"),
    ],
)
def test_objective_that_gives_something_else_is_told(tmp_path: Path, columns: tuple[Column, ...], said: str) -> None:
    objective = Sums()
    objective.columns = columns
    with pytest.raises(UsageError, match=said):
        asked(tmp_path, items([1, 2], [300], [4, 5]), objective)


def test_counts_that_are_not_one_for_each_text_are_told(tmp_path: Path) -> None:
    class Twice(Masked):
        def answers(
            self, ids: torch.Tensor, mask: torch.Tensor, wanted: torch.Tensor | None = None
        ) -> dict[str, torch.Tensor]:
            found = super().answers(ids, mask, wanted)
            return found | {"top_counts": found["top_counts"].repeat(1, 2)}

    with pytest.raises(UsageError, match=r"\(1, 2\) for top_counts"):
        asked(tmp_path, [Item([5], [5], wanted=[6])], Twice())


def test_numbers_beyond_a_half_become_its_largest(tmp_path: Path) -> None:
    found = asked(tmp_path, items([70_000, 2])).rows([0])
    assert found["states"].tolist() == [[65_504, 35_008], [2, 1]]
    assert found["vectors"].tolist() == [[70_002, 2, 70_000]]
