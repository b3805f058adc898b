"""The audit of the pins: what it refuses, and that this checkout passes what can be told without all extras."""

from __future__ import annotations

import tomllib

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT
from tests.release.installed import Closure, requirements
from tests.release.pins import (
    CONSTRAINTS,
    Pin,
    differing,
    incomplete,
    pin_problems,
    read_pins,
    unneeded,
)
from tests.release.test_installed import library

WANTED = {"": [Requirement("rich>=13")], "web": [Requirement("aiohttp>=3.11; python_version >= '3.12'")]}
GOOD = "# tested\nrich==15.0.0\n\naiohttp==3.14.5  # only on 3.12\n"


def pins(text: str) -> list[Pin]:
    found, wrong = read_pins(text)
    assert not wrong
    return found


def test_pins_are_read_with_their_lines_and_reasons() -> None:
    assert [(one.name, str(one.version), one.line, one.reason) for one in pins(GOOD)] == [
        ("rich", "15.0.0", 2, ""),
        ("aiohttp", "3.14.5", 4, "only on 3.12"),
    ]
    assert list(pin_problems(pins(GOOD), WANTED)) == []


@pytest.mark.parametrize(
    "line", ["rich", "rich>=15", "rich==15.*", "rich==15; python_version < '4'", "rich == 15", "-e ."]
)
def test_a_line_that_pins_nothing_is_named(line: str) -> None:
    found, wrong = read_pins(f"a==1\n{line}\n")
    assert [one.name for one in found] == ["a"]
    assert wrong == [f"constraints.txt:2: {line!r} is no exact pin such as rich==15.0.0"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "Rich==14.0", "constraints.txt:5: rich is pinned already in line 2"),
        (GOOD.replace("15.0.0", "12.0"), "constraints.txt:2: rich 12.0 does not satisfy rich>=13 of the base install"),
        (GOOD.partition("aio")[0], "of extra web has no pin: add aiohttp==… to .ci/constraints.txt"),
        (GOOD + "litellm==1.82.7", "constraints.txt:5: litellm 1.82.7 is refused: it was malware"),
        (GOOD + "litellm==1.82.8", "constraints.txt:5: litellm 1.82.8 is refused: it was malware"),
        (GOOD + "LiteLLM==1.107.3", "constraints.txt:5: litellm 1.107.3 is refused: it was pulled by its makers"),
        (GOOD + "litellm==1.107.0rc1", "constraints.txt:5: litellm 1.107.0rc1 is refused: it was pulled by its makers"),
    ],
)
def test_a_pin_that_cannot_stay_is_named(text: str, said: str) -> None:
    (found,) = pin_problems(pins(text), WANTED)
    assert found.endswith(said)


def test_other_versions_of_a_refused_library_may_stay() -> None:
    assert list(pin_problems(pins(GOOD + "litellm==1.106.9"), WANTED)) == []


def test_a_pin_that_nothing_needs_is_found_unless_it_says_why() -> None:
    needed = Closure({"rich": library("rich")}, frozenset({"aiohttp"}))
    text = GOOD + "ghost==1\nguest==2  # for the benchmarks\n"
    assert [pin.name for pin in unneeded(pins(text), needed)] == ["ghost"]


def test_what_is_installed_otherwise_or_unpinned_is_named() -> None:
    needed = Closure({"rich": library("rich"), "extra": library("extra"), "pip": library("pip")}, frozenset())
    assert list(differing(pins("rich==2.0"), needed)) == [
        "extra 1.0 comes along and has no pin: add it to .ci/constraints.txt",
        "rich 1.0 is installed, pinned is 2.0: install anew, or pin it",
    ]


def test_a_build_of_a_version_is_that_version() -> None:
    needed = Closure({"torch": library("torch")}, frozenset())
    assert list(differing(pins("torch==1.0"), needed)) == []


def test_all_lacks_no_extra_and_names_none_that_is_gone() -> None:
    project = {"optional-dependencies": {"web": [], "test": [], "all": ["llmopt[gone]"]}}
    assert list(incomplete(project)) == [
        "pyproject.toml: extra all lacks web: add it, or say in NOT_IN_ALL why not",
        "pyproject.toml: extra all names gone, which is no extra",
    ]


def test_this_checkout_pins_all_that_it_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(pin_problems(pins(CONSTRAINTS.read_text(encoding="utf-8")), requirements(project))) == []
    assert list(incomplete(project)) == []
