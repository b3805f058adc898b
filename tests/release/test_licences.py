"""Licences: SPDX expressions as they are meant, older metadata as it is found, and a refusal that names its library."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.release.installed import Closure, Library
from tests.release.licences import ALLOWED, is_allowed, licence_of, licence_problems
from tests.release.test_installed import library


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT or GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only AND LGPL-2.1-only", True),
        ("(MIT OR GPL-3.0-only) AND LGPL-2.1-only", False),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("", False),
        ("MIT AND", False),
        ("MIT WITH", False),
        ("(MIT", False),
        ("MIT)", False),
        ("MIT MIT", False),
        ("Proprietary License", False),
    ],
)
def test_an_expression_is_read_as_it_binds(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


ATOMS = st.sampled_from([*sorted(ALLOWED), "GPL-3.0-only", "LicenseRef-Mine"])
EXPRESSIONS = st.recursive(
    ATOMS, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner)
)


@given(EXPRESSIONS, EXPRESSIONS)
def test_and_or_are_those_of_logic(left: str, right: str) -> None:
    assert is_allowed(f"{left} AND {right}") == (is_allowed(left) and is_allowed(right))
    assert is_allowed(f"{left} OR {right}") == (is_allowed(left) or is_allowed(right))


@pytest.mark.parametrize(
    ("expression", "text", "classifiers", "licence"),
    [
        ("MIT", "GPL", ("OSI Approved :: BSD License",), "MIT"),
        (
            "",
            "anything",
            ("OSI Approved :: Apache Software License", "OSI Approved :: MIT License"),
            "Apache-2.0 AND MIT",
        ),
        ("", "", ("OSI Approved", "OSI Approved :: MIT License"), "MIT"),
        ("", "MIT License\n\nCopyright (c) 2022 OpenAI", (), "MIT"),
        ("", "Apache 2.0", (), "Apache-2.0"),
        ("", "Apache License, Version 2.0", (), "Apache-2.0"),
        ("", "3-Clause BSD License", (), "BSD-3-Clause"),
        ("", "BSD", (), "BSD-3-Clause"),
        ("", "MPL-2.0 AND MIT", (), "MPL-2.0 AND MIT"),
        ("", "MIT-like, see LICENSE", (), "MIT-like, see LICENSE"),
        ("", "", (), ""),
    ],
)
def test_older_metadata_is_understood(expression: str, text: str, classifiers: tuple[str, ...], licence: str) -> None:
    assert licence_of(library("one", licence=expression, text=text, classifiers=classifiers)) == licence


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (library("copyleft", licence="GPL-3.0-only"), "copyleft 1.0 of extra web: GPL-3.0-only: leave it out"),
        (library("mute", licence=""), "mute 1.0 of extra web: says no licence: leave it out"),
        (
            library("old", licence="", classifiers=("OSI Approved :: GNU General Public License v3 (GPLv3)",)),
            "old 1.0 of extra web: OSI Approved :: GNU General Public License v3 (GPLv3): leave it out",
        ),
        (
            library("own", licence="", text="Apache 2.0 with commons clause"),
            "own 1.0 of extra web: Apache 2.0 with commons",
        ),
    ],
)
def test_what_may_not_come_along_is_named(one: Library, said: str) -> None:
    needed = Closure({one.name: one, "fine": library("fine")}, frozenset())
    (found,) = licence_problems("web", needed)
    assert found.startswith(said)
