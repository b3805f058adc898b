"""The changelog of a release: the version on top, days that fall, nothing left over."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.release.changelog import problems, sections, version_of

GOOD = "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2026-03-04\n\n- a\n  more\n- b\n\n## [1.0.0] - 2026-01-02\n- c\n"


def test_a_whole_changelog_has_no_problem() -> None:
    assert problems(GOOD, "1.1.0") == []
    assert [(one.name, one.day, one.line, one.entries) for one in sections(GOOD)] == [
        ("Unreleased", "", 3, ()),
        ("1.1.0", "2026-03-04", 5, ("a", "b")),
        ("1.0.0", "2026-01-02", 11, ("c",)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[Unreleased]\n", "[Unreleased]\n\n- late\n", "CHANGELOG.md: still under Unreleased: late"),
        ("## [Unreleased]\n", "", "CHANGELOG.md: no heading '## [Unreleased]': add it above the versions"),
        (
            "[1.1.0]",
            "[1.2.0]",
            "CHANGELOG.md:5: the newest version is 1.2.0, llmopt/__init__.py says 1.1.0: let both be one",
        ),
        ("- a\n  more\n- b\n", "", "CHANGELOG.md:5: nothing is said of 1.1.0"),
        ("2026-03-04", "unreleased", "CHANGELOG.md:5: 1.1.0 has no day such as 2026-11-23: 'unreleased'"),
        (" - 2026-03-04", "", "CHANGELOG.md:5: 1.1.0 has no day such as 2026-11-23: 'nothing'"),
        ("2026-03-04", "2026-02-30", "CHANGELOG.md:5: 1.1.0 has no day such as 2026-11-23: '2026-02-30'"),
        ("2026-03-04", "2025-03-04", "CHANGELOG.md:11: 1.0.0 is of 2026-01-02, later than the version above it"),
        ("2026-03-04", "never published", "CHANGELOG.md:5: 1.1.0 has no day such as 2026-11-23: 'never published'"),
    ],
)
def test_what_keeps_a_version_from_release_is_named(old: str, new: str, said: str) -> None:
    assert problems(GOOD.replace(old, new), "1.1.0") == [said]


def test_an_older_version_may_never_have_been_published() -> None:
    assert problems(GOOD.replace("2026-01-02", "never published"), "1.1.0") == []


def test_a_changelog_without_versions_is_said() -> None:
    said = problems("# Changelog\n", "1.0.0")
    assert said[-1] == "CHANGELOG.md: no version in it: add '## [1.0.0] - YYYY-MM-DD'"


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), max_size=5))
def test_each_entry_left_over_is_a_problem(entries: list[str]) -> None:
    text = GOOD.replace("[Unreleased]\n", "[Unreleased]\n" + "".join(f"- {entry}\n" for entry in entries))
    assert problems(text, "1.1.0") == [f"CHANGELOG.md: still under Unreleased: {entry}" for entry in entries]


def test_the_version_of_this_checkout_has_a_section_with_a_day() -> None:
    version = version_of((ROOT / "llmopt" / "__init__.py").read_text(encoding="utf-8"))
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [one for one in problems(text, version) if "still under Unreleased" not in one] == []
    assert version_of("version = 1") == ""


def test_the_epoch_is_the_day_of_the_newest_version() -> None:
    command = [sys.executable, "-m", "tests.release.changelog", "--epoch"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ})
    newest = sections((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))[1]
    assert datetime.fromtimestamp(int(done.stdout), UTC).isoformat() == f"{newest.day}T00:00:00+00:00"
