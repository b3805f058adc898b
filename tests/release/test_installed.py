"""What requirements bring along, by a small world of libraries."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from tests.release.installed import Library, applies, closure, installed, requirements


def library(
    name: str, *requires: str, licence: str = "MIT", text: str = "", classifiers: tuple[str, ...] = ()
) -> Library:
    return Library(name, "1.0", tuple(Requirement(one) for one in requires), licence, text, classifiers)


WORLD = {
    one.name: one
    for one in (
        library("web", "http>=1", "colour; extra == 'pretty'", "old; python_version < '3'"),
        library("http", "web", "gone"),
        library("colour", "palette"),
        library("palette"),
        library("old"),
    )
}


def names(*roots: str) -> tuple[set[str], set[str]]:
    found = closure([Requirement(root) for root in roots], WORLD.get)
    return set(found.found), set(found.missing)


def test_circles_markers_and_what_is_not_there() -> None:
    assert names("web") == ({"web", "http"}, {"gone"})


def test_an_extra_brings_more() -> None:
    assert names("Web[pretty]") == ({"web", "http", "colour", "palette"}, {"gone"})


def test_an_extra_that_comes_later_counts_too() -> None:
    assert names("web", "web[pretty]", "web") == names("web[pretty]")


def test_a_group_of_groups_is_put_in_place() -> None:
    project = {
        "dependencies": ["rich>=13"],
        "optional-dependencies": {
            "a": ["x>=1"],
            "b": ["llmopt[a]", "y"],
            "all": ["llmopt[a,b]"],
            "round": ["llmopt[round]"],
        },
    }
    found = {extra: [str(one) for one in asked] for extra, asked in requirements(project).items()}
    assert found == {"": ["rich>=13"], "a": ["x>=1"], "b": ["x>=1", "y"], "all": ["x>=1", "x>=1", "y"], "round": []}


def test_lists_and_tables_are_not_mixed_up() -> None:
    with pytest.raises(TypeError, match="dependencies is a list"):
        requirements({"dependencies": {"rich": "13"}})


def test_a_marker_of_an_extra_needs_it() -> None:
    assert applies(Requirement("x; extra == 'a'"), "a")
    assert not applies(Requirement("x; extra == 'a'"), "")
    assert applies(Requirement("x"), "")


def test_what_is_installed_is_read_from_its_metadata() -> None:
    rich = installed("rich")
    assert rich is not None
    assert {one.name for one in rich.requires} >= {"pygments", "markdown-it-py"}
    assert rich.licence_classifiers or rich.licence
    assert installed("no-such-library-as-this") is None
