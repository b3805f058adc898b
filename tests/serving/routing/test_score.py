"""The learned score: its features, its weights file, and that it says what the formula says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.errors import ConfigError, InputError
from llmopt.serving.routing.features import DENSE, HEAD_CHARS, TAIL_CHARS, hashes_and_dense
from llmopt.serving.routing.score import Scorer, load_scorer
from llmopt.serving.routing.weights import FORMAT, Weights, is_weights_file, load_weights, rounded, save_weights

NOTHING = (0.0,) * len(DENSE)
WEIGHTS = Weights(
    hashed={crc32(b"prove"): 2.5, crc32(b"define"): -1.25, crc32(b"it", crc32(b"prove")): 0.5},
    dense=NOTHING,
    bias=-0.5,
    slope=1.0,
    offset=0.0,
    floor=0.0,
    threshold=0.25,
    cheap="small",
    strong="large",
    seed=7,
    held_out=0.2,
    trained_on=640,
)


def test_the_score_is_the_formula() -> None:
    scorer = Scorer(WEIGHTS)
    logit = -0.5 + (2.5 + 0.5) / math.sqrt(3)  # two words and one pair of words
    assert scorer.score("Prove it!") == pytest.approx(1 / (1 + math.exp(-logit)))
    logit = -0.5 - 1.25 / math.sqrt(3)
    assert scorer.score("DEFINE entropy") == pytest.approx(1 / (1 + math.exp(-logit)))


def test_undefined_is_no_define() -> None:
    scorer = Scorer(WEIGHTS)
    assert scorer.score("undefined") == scorer.score("nothing") > scorer.score("define")


def test_the_calibration_comes_last() -> None:
    scorer = Scorer(replace(WEIGHTS, slope=0.0, offset=-2.0))
    assert scorer.score("Prove it!") == scorer.score("") == pytest.approx(1 / (1 + math.exp(2.0)))


def test_the_surroundings_count() -> None:
    by_name = dict.fromkeys(DENSE, 0.0) | {"tools": 1.0, "turns": 2.0, "context chars": 0.5}
    scorer = Scorer(replace(WEIGHTS, dense=tuple(by_name.values())))
    base = scorer.score("hello", turns=0)
    assert scorer.score("hello", turns=0, tools=2) > base
    assert scorer.score("hello", turns=3) > base
    assert scorer.score("hello", turns=0, context_chars=100) > base


@given(st.text(max_size=4000), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**4))
def test_any_text_has_a_score(text: str, context_chars: int, turns: int, tools: int) -> None:
    wild = replace(WEIGHTS, dense=(400.0,) * len(DENSE), bias=-300.0)
    assert 0 <= Scorer(wild).score(text, context_chars=context_chars, turns=turns, tools=tools) <= 1


def test_lone_surrogates_and_nul_are_text() -> None:
    hashes, dense = hashes_and_dense("a \ud800 \x00 b")
    assert len(dense) == len(DENSE)
    assert crc32(b"a") in hashes
    assert crc32(b"b") in hashes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("\u0e2d\u0e30\u0e44\u0e23", "\u0e2d \u0e30 \u0e44 \u0e23"),
    ],
)
def test_spelling_and_spaces_beyond_ascii_do_not_matter(one: str, other: str) -> None:
    assert hashes_and_dense(one)[0] == hashes_and_dense(other)[0]


def test_scripts_with_spaces_keep_their_words() -> None:
    hindi = "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e"
    assert len(hashes_and_dense(hindi)[0]) == 3
    assert len(hashes_and_dense(f"{hindi} \u0e2d\u0e30")[0]) == 7
    assert len(hashes_and_dense("\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0 \u4f60")[0]) == 3


def test_case_and_punctuation_do_not_matter_to_words() -> None:
    plain, _ = hashes_and_dense("größer als straße")
    shouted, _ = hashes_and_dense("Größer, als... STRAßE!")
    assert plain == shouted


def test_chinese_goes_by_characters() -> None:
    hashes, _ = hashes_and_dense("证明Python吗")
    singles = {crc32(each.encode()) for each in ("证", "明", "python", "吗")}
    assert singles <= set(hashes)
    assert crc32("明".encode(), crc32("证".encode())) in hashes


def test_a_long_text_costs_no_more() -> None:
    middle = "word " * 200_000
    short, _ = hashes_and_dense("begin " + "word " * 600 + "end")
    long, dense = hashes_and_dense(f"begin {middle}end")
    assert len(long) <= len(short) < 2000
    assert {crc32(b"begin"), crc32(b"end")} <= set(long)
    assert dense[0] == pytest.approx(math.log1p(len(middle) + 9))
    pair = crc32(b"gamma", crc32(b"beta"))
    for text in (f"beta gamma {middle}", f"{middle}beta gamma"):
        assert pair in hashes_and_dense(text)[0]
    filled = "word " * 100
    assert pair not in hashes_and_dense(f"{filled}beta gamma {filled}")[0]
    assert crc32(b"beta") in hashes_and_dense(f"{filled}beta gamma {filled}")[0]
    chinese, _ = hashes_and_dense("证明" * (HEAD_CHARS + TAIL_CHARS))
    assert len(chinese) <= 2 * 256


def test_weights_read_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    save_weights(WEIGHTS, path)
    assert load_weights(path) == WEIGHTS
    assert is_weights_file(path)
    assert load_scorer(path).score("Prove it!") == Scorer(WEIGHTS).score("Prove it!")
    never = replace(WEIGHTS, threshold=math.inf)
    save_weights(never, path)
    assert load_weights(path) == never
    assert sorted(tmp_path.iterdir()) == [path]


@given(st.dictionaries(st.integers(0, 2**32 - 1), st.floats(-50, 50)), st.floats(-1e6, 1e6))
def test_any_weights_read_back(tmp_path_factory: pytest.TempPathFactory, raw: dict[int, float], bias: float) -> None:
    path = tmp_path_factory.mktemp("weights") / "w.json"
    hashed = {feature: value for feature, weight in raw.items() if (value := rounded(weight))}
    weights = replace(WEIGHTS, hashed=hashed, bias=bias)
    save_weights(weights, path)
    assert load_weights(path) == weights


def test_layout_of_the_file_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    save_weights(WEIGHTS, path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(document.items())), indent=1))
    assert load_weights(path) == WEIGHTS


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("format", "llmopt.route-weights/2", "another version"),
        ("format", "pickle", "no weights file"),
        ("bias", 3.0, "damaged"),
        ("weights", [1, 2], "damaged"),
        ("features", ["chars"], "damaged"),
        ("sha256", None, "damaged"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, name: str, value: object, said: str) -> None:
    path = tmp_path / "weights.json"
    save_weights(WEIGHTS, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    with pytest.raises(ConfigError, match=said) as caught:
        load_weights(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert "route train" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"features": ["chars"]},
        {"dense": [0.0]},
        {"bias": None},
        {"slope": math.nan},
        {"hashes": [1]},
        {"cheap": None, "weights": {}},
        {"seed": "many"},
        {"floor": -2.0},
        {"floor": math.nan},
        {"threshold": 1.5},
        {"threshold": math.nan},
        {"held_out": -1},
    ],
)
def test_a_file_with_a_right_checksum_and_wrong_fields_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    import hashlib

    path = tmp_path / "weights.json"
    save_weights(WEIGHTS, path)
    body = {key: value for key, value in json.loads(path.read_text()).items() if key not in ("format", "sha256")}
    body |= change
    sealed = hashlib.sha256(json.dumps(body, separators=(",", ":"), sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({"format": FORMAT, "sha256": sealed, **body}))
    with pytest.raises(ConfigError, match=r"damaged|another version"):
        load_weights(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_weights_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="no weights file"):
        load_weights(path)
    assert not is_weights_file(path)


def test_a_file_without_end_is_not_read_whole() -> None:
    with pytest.raises(ConfigError, match="more than 32 MiB"):
        load_weights("/dev/zero")


def test_a_file_that_is_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_weights(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_weights(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        save_weights(WEIGHTS, tmp_path / "no" / "folder.json")
    assert not is_weights_file(tmp_path / "none.json")
