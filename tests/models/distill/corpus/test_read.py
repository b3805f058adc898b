"""Texts are split without anything shared, labels are checked and told, and too little is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.models.distill.corpus import split, texts
from llmopt.models.distill.corpus.near import near_any
from llmopt.models.distill.corpus.read import read_corpus
from llmopt.models.distill.corpus.values import Corpus
from llmopt.models.distill.report import DataUse
from llmopt.models.quality.data import Sample, text_hash
from tests.models.distill.corpus.made import sentences

LABELS = ("calm", "angry")


def read(data: list[str] | list[Sample] | str | Path, apart: list[str] | list[Sample] | None = None) -> Corpus:
    return read_corpus(data, apart, labels=(), supervised=False)


def classed(data: list[Sample], apart: list[Sample] | None = None) -> Corpus:
    return read_corpus(data, apart, labels=LABELS, supervised=True)


def labelled(count: int, seed: int = 0, name: str = "") -> list[Sample]:
    return [Sample(text, LABELS[at % 2], at + 1, name) for at, text in enumerate(sentences(count, seed))]


def of(samples: tuple[Sample, ...]) -> list[str]:
    return [sample.text for sample in samples]


def test_three_parts_of_a_file(tmp_path: Path) -> None:
    made = sentences(400)
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(made))
    corpus = read(path)
    assert corpus.use == DataUse(342, 18, 40, 0, 0, 0)
    assert sorted(of(corpus.train) + of(corpus.validation) + of(corpus.held_out)) == sorted(made)
    assert of(corpus.train) == sorted(of(corpus.train), key=text_hash)
    assert corpus.train[0].path == str(path)
    assert corpus.warnings == ()
    assert corpus.classes_train == (None,) * 342
    assert read(made).use == read(str(path)).use


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_the_order_of_the_data_does_not_matter(seed: int) -> None:
    made = sentences(80)
    mixed = random.Random(seed).sample(made, len(made))
    assert read(mixed) == read(made)


def test_the_parts_are_at_least_and_at_most_so_large(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(sentences(60)).use == DataUse(30, 10, 20, 0, 0, 0)
    monkeypatch.setattr(split, "MOST_HELD_OUT", 30)
    monkeypatch.setattr(split, "MOST_VALIDATION", 15)
    assert read(sentences(500)).use == DataUse(455, 15, 30, 0, 0, 0)


def test_equal_texts_count_once() -> None:
    made = sentences(70)
    corpus = read([*made, made[0].upper(), f"  {made[1]}"])
    assert corpus.use.repeated == 2
    assert corpus.use.train + corpus.use.validation + corpus.use.held_out == 70


def test_texts_near_the_proof_or_the_validation_are_not_learned() -> None:
    made = sentences(200)
    changed = [f"By the way, {text}" for text in made]
    corpus = read([*made, *changed])
    others = of(corpus.validation) + of(corpus.held_out)
    assert not any(near_any(of(corpus.train), others))
    assert not any(near_any(of(corpus.validation), of(corpus.held_out)))
    assert corpus.use.near_duplicates > 20
    assert corpus.use.train + corpus.use.validation + corpus.use.held_out + corpus.use.near_duplicates == 400


def test_texts_of_a_proof_of_its_own_are_all_used() -> None:
    made, apart = sentences(100), sentences(25, seed=1)
    corpus = read([*made, apart[0].upper(), f"Well, {apart[1]}"], [*apart, apart[2]])
    assert sorted(of(corpus.held_out)) == sorted(apart)
    assert corpus.use == DataUse(90, 10, 25, 0, 2, 1)


def test_labels_are_classes_of_the_teacher() -> None:
    made = [*labelled(300), *map(Sample, sentences(100, seed=1))]
    corpus = classed(made)
    named = {sample.text: LABELS.index(sample.label) for sample in made if sample.label is not None}
    for samples, classes in (
        (corpus.train, corpus.classes_train),
        (corpus.validation, corpus.classes_validation),
        (corpus.held_out, corpus.classes_held_out),
    ):
        assert [named.get(sample.text) for sample in samples] == list(classes)
    assert corpus.use == DataUse(356, 14, 30, 256, 0, 0)
    assert None not in (*corpus.classes_held_out, *corpus.classes_validation)
    assert corpus.warnings == ()


def test_few_labels_are_in_all_parts_by_chance() -> None:
    corpus = classed([*labelled(40), *map(Sample, sentences(300, seed=1))])
    assert corpus.use.held_out == 34
    assert 0 < corpus.use.labelled < 40
    proved = sum(at is not None for at in corpus.classes_held_out)
    assert corpus.warnings == (f"only {proved} texts of the proof have a label: little is known of accuracy",)


def test_labels_that_the_teacher_does_not_know_are_told_and_left_out() -> None:
    made = labelled(100, name="a.jsonl")
    bad = [Sample(text, f"odd {at}", 101 + at, "a.jsonl") for at, text in enumerate(sentences(5, seed=1))]
    corpus = classed([*made, *bad], labelled(20, seed=2))
    assert corpus.use == DataUse(90, 10, 20, 90, 0, 0)
    hint = "left out; it knows calm, angry, or the numbers 0 to 1"
    assert corpus.warnings == (
        f"a.jsonl:101: the model knows no label 'odd 0': {hint}",
        f"a.jsonl:102: the model knows no label 'odd 1': {hint}",
        f"a.jsonl:103: the model knows no label 'odd 2': {hint}",
        "the data: 2 more labels that it does not know: left out",
    )
    assert classed([*made, *bad[:4]]).warnings[-1] == "the data: 1 more label that it does not know: left out"


def test_no_known_label_is_an_error() -> None:
    made = [Sample(text, "odd", at + 1, "a.csv") for at, text in enumerate(sentences(80))]
    with pytest.raises(
        InputError, match=r"a\.csv:1: the model knows no label 'odd', nor any other in the data"
    ) as told:
        classed([*made, Sample("without one")])
    assert told.value.hint == "it knows calm, angry, or the numbers 0 to 1"
    with pytest.raises(InputError, match="nor any other in the texts of the proof"):
        classed(labelled(100), made)


def test_no_label_at_all_is_told() -> None:
    assert classed(list(map(Sample, sentences(100)))).warnings == (
        "the data: no labels to learn from: the teacher's answers alone are learned",
        "no text of the proof has a label: the proof is how often both models agree, not who is right",
    )


def test_the_most_frequent_label_of_equal_texts_counts() -> None:
    made = labelled(100)
    one, two = sentences(2, seed=1)
    disputed = [
        *(Sample(one, "angry", 7, "a.csv"), Sample(one.upper(), "0"), Sample(one.title(), "calm"), Sample(one)),
        *(Sample(two, "calm"), Sample(two, "angry")),
    ]
    corpus = classed([*made, *disputed], labelled(20, seed=2))
    found = dict(
        zip(of(corpus.train + corpus.validation), corpus.classes_train + corpus.classes_validation, strict=True)
    )
    assert found[one] == 0
    assert found[two] is None
    samples = {sample.text: sample for sample in corpus.train + corpus.validation}
    assert samples[one].label == "0"
    assert samples[two].label is None
    assert corpus.use.repeated == 4
    assert corpus.warnings == (
        "the data: 2 texts have more than one label, such as a.csv:7: the most frequent one counts, "
        "and none where two are as frequent",
    )
    (told,) = classed([*made, *disputed[:4]], labelled(20, seed=2)).warnings
    assert told.startswith("the data: 1 text has more than one label")


def test_labels_of_several_classes_are_not_used() -> None:
    made = [Sample(text, '["calm", "angry"]') for text in sentences(80)]
    corpus = read_corpus(made, None, labels=LABELS, supervised=False)
    assert corpus.warnings == (
        "the data: labels are not used: the teacher may give a text several, and its answers are learned",
    )
    assert {sample.label for sample in corpus.train} == {None}
    assert read(made).warnings == ()


def test_bad_rows_are_told_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [json.dumps({"text": text}) for text in sentences(80)]
    path.write_text("\n".join([*rows, '{"text": " "}', "{"]))
    corpus = read(path)
    assert corpus.use.train == 50
    assert corpus.warnings[0] == f"{path}:81: an empty text"
    assert corpus.warnings[1].startswith(f"{path}:82: not JSON")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "the data: no text in it"),
        (["a", " "], "the data: number 2 is an empty text"),
        (["a", 7], "the data: number 2 is of type int"),
        (["a"], "the data: 1 different text"),
        (sentences(59) * 2, "the data: 59 different texts"),
    ],
)
def test_unusable_data(data: list[str], message: str) -> None:
    with pytest.raises(InputError) as told:
        read(data)
    assert told.value.message == message
    assert told.value.hint


def test_too_little_is_left_to_learn_from() -> None:
    made = sentences(100)
    same = "one and the same long sentence that is said again and again with nothing new in it but number"
    with pytest.raises(
        InputError, match=r"the data: \d+ of 86 different texts are left to learn from, after 10 to say"
    ):
        read([*made[:20], *(f"{same} {at}" for at in range(66))])
    with pytest.raises(InputError, match="the texts of the proof: 19 different texts"):
        read(made, sentences(19, seed=1))
    with pytest.raises(InputError, match="each text is in the texts of the proof too"):
        read(made[:40], made)
    with pytest.raises(InputError, match=r"0 of 100 different texts are left .* and 100 that nearly equal"):
        read([f"{text} again" for text in made], made)


def test_texts_once_with_all_their_samples() -> None:
    found = texts.read_texts(["B b", "a", "b  B"], "the data", labels=(), supervised=False, told=list[str]().append)
    assert sorted(text.sample.text for text in found.found) == ["B b", "a"]
    assert found.repeated == 1
