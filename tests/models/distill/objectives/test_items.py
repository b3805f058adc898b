"""Texts become token ids for both models, with classes, or with masks that depend on the seed and the text alone."""

from __future__ import annotations

import importlib
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.models.quality.data import Sample
from tests.models.distill.objectives.models import TEXTS, WORDS_ONLY, items, student_of, teacher_of
from tests.models.extras import save_bert

module: Any = importlib.import_module("llmopt.models.distill.objectives.items")
vocabularies: Any = importlib.import_module("llmopt.models.vocabulary")
MASK, CLS, SEP = 4, 2, 3


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return teacher_of(tmp_path_factory.mktemp("embed"), "embed")


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return teacher_of(tmp_path_factory.mktemp("fill"), "fill")


def test_both_read_the_same_ids_and_each_text_keeps_its_class(embedder: Any) -> None:
    found = items(embedder, student_of(embedder))
    assert [list(item.teacher_ids) for item in found] == embedder.vocabulary.encode(TEXTS)
    assert all(item.student_ids is item.teacher_ids for item in found)
    assert [item.label for item in found] == [0, 1] * 6
    assert not any(item.wanted for item in found)


def test_texts_are_cut_in_pieces_without_a_seam(embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = items(embedder, student_of(embedder))
    monkeypatch.setattr(module, "_PIECE", 5)
    assert items(embedder, student_of(embedder)) == whole


def test_a_student_that_reads_less_or_other_tokens_has_ids_of_its_own(embedder: Any, tmp_path: Path) -> None:
    path = embedder.home / "tokenizer.json"
    shorter = vocabularies.Vocabulary(path, embedder.known_tokens, max_tokens=4)
    found = items(embedder, student_of(embedder, vocabulary=shorter, max_tokens=4))
    assert [list(item.teacher_ids) for item in found] == embedder.vocabulary.encode(TEXTS)
    assert [list(item.student_ids) for item in found] == shorter.encode(TEXTS)
    other = save_bert(tmp_path / "other", words="the report team form blue")
    own = vocabularies.Vocabulary(other / "tokenizer.json", 100, max_tokens=512)
    found = items(embedder, student_of(embedder, vocabulary=own, own_tokens=True))
    assert [list(item.student_ids) for item in found] == own.encode(TEXTS)


def test_language_models_are_both_cut_to_what_the_student_reads(filler: Any) -> None:
    shorter = vocabularies.Vocabulary(filler.home / "tokenizer.json", filler.known_tokens, max_tokens=4)
    student = student_of(filler, vocabulary=shorter, max_tokens=4)
    found = items(filler, student)
    assert all(len(item.teacher_ids) == len(item.student_ids) == len(item.wanted) <= 4 for item in found)
    assert module.cut_texts(found, student) == ("12 of 12 texts have 4 tokens or more: the first count",)
    assert module.cut_texts(found, student_of(filler)) == ()


def test_labels_of_a_model_with_several_are_not_used(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "classify")
    assert [item.label for item in items(teacher, student_of(teacher))] == [0, 1] * 6
    teacher.model.config.problem_type = "multi_label_classification"
    assert {item.label for item in items(teacher, student_of(teacher))} == {None}


def test_masks_depend_on_the_seed_and_the_text_alone(filler: Any) -> None:
    student = student_of(filler)
    first, again = items(filler, student), items(filler, student, TEXTS[::-1])[::-1]
    assert [list(item.teacher_ids) for item in first] == [list(item.teacher_ids) for item in again]
    assert [list(item.wanted) for item in first] == [list(item.wanted) for item in again]
    assert [list(item.wanted) for item in items(filler, student, seed=1)] != [list(item.wanted) for item in first]


def test_a_seventh_of_the_words_is_covered_as_in_bert(filler: Any) -> None:
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS_ONLY, k=40)) for _ in range(250)]
    plain = filler.vocabulary.encode(texts)
    fates: Counter[str] = Counter()
    for item, ids in zip(items(filler, student_of(filler), texts), plain, strict=True):
        covered = [at for at, token in enumerate(item.wanted) if token != -100]
        assert len(covered) == 6
        assert 0 not in covered
        assert len(ids) - 1 not in covered
        for at, (before, after) in enumerate(zip(ids, item.teacher_ids, strict=True)):
            assert at in covered or before == after
            if at in covered:
                assert item.wanted[at] == before
                fates["masked" if after == MASK else "same" if after == before else "other"] += 1
                assert after == MASK or after not in (0, 1, CLS, SEP)
    assert fates["masked"] == pytest.approx(1_200, abs=80)
    assert fates["other"] == pytest.approx(150, abs=50)


def test_a_text_without_words_has_nothing_to_fill_in_and_a_short_one_has_one(filler: Any) -> None:
    nothing, one = items(filler, student_of(filler), ["", "report"])
    assert set(nothing.wanted) == {-100}
    assert sum(token != -100 for token in one.wanted) == 1


def test_special_tokens_are_those_of_the_settings_and_around_texts(filler: Any) -> None:
    vocabulary = filler.vocabulary
    assert vocabulary.special == {0, 1, 2, 3, 4}
    assert vocabulary.mask == MASK
    assert set(vocabulary.ordinary) == set(range(filler.known_tokens)) - vocabulary.special


@pytest.mark.parametrize("beside", ['{"mask_token": {"content": "[MASK]"}}', None])
def test_a_mask_is_found_where_the_settings_do_not_say(tmp_path: Path, beside: str | None) -> None:
    folder = save_bert(tmp_path)
    (folder / "tokenizer_config.json").unlink()
    if beside is not None:
        (folder / "special_tokens_map.json").write_text(beside, encoding="utf-8")
    vocabulary = vocabularies.Vocabulary(folder / "tokenizer.json", 100)
    assert vocabulary.mask == MASK
    assert vocabulary.special == {CLS, SEP, MASK}


def test_a_sample_needs_no_label(filler: Any) -> None:
    (item,) = module.items_of(filler, replace(student_of(filler)), [Sample("the report")], [None], seed=0)
    assert item.label is None
