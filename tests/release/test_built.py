"""What a wheel and a source archive must hold, and the metadata that an index takes."""

from __future__ import annotations

import pytest
from packaging.metadata import RawMetadata, parse_email
from packaging.version import Version

from tests.release.built import classifier_problems, metadata_problems, sdist_problems, wheel_problems

WHEEL = [
    "llmopt/__init__.py",
    "llmopt/py.typed",
    "llmopt/_pricing/providers/openai.json",
    "llmopt/_pricing/prompt-caching.json",
    "llmopt-1.0.0.data/data/share/man/man1/llmopt.1",
    "llmopt-1.0.0.dist-info/licenses/LICENSE",
    "llmopt-1.0.0.dist-info/entry_points.txt",
]
SDIST = ["CHANGELOG.md", "LICENSE", "Makefile", "README.md", ".ci/constraints.txt", "docs/llmopt.1", "pyproject.toml"]
CLASSIFIERS = [
    "Development Status :: 5 - Production/Stable",
    "Programming Language :: Python :: 3 :: Only",
    "Programming Language :: Python :: 3.11",
    "Typing :: Typed",
]
METADATA = (
    "Metadata-Version: 2.4\nName: llmopt\nVersion: 1.0.0\nSummary: Costs.\nLicense-Expression: MIT\n"
    "Requires-Python: >=3.11\nRequires-Dist: rich>=13\nDescription-Content-Type: text/markdown\n"
    + "".join(f"Classifier: {one}\n" for one in CLASSIFIERS)
    + "\n# llmopt\n"
)


def raw(text: str) -> RawMetadata:
    return parse_email(text)[0]


def test_a_whole_wheel_and_source_archive_have_no_problem() -> None:
    assert list(wheel_problems(WHEEL, 2_999_999)) == []
    assert list(sdist_problems(SDIST)) == []
    assert list(metadata_problems(raw(METADATA), "1.0.0")) == []


@pytest.mark.parametrize("missing", WHEEL[1:])
def test_a_wheel_lacks_nothing(missing: str) -> None:
    said = list(wheel_problems([name for name in WHEEL if name != missing], 1))
    assert [one.endswith("is not in the wheel: see tool.hatch.build in pyproject.toml") for one in said] == [True]


@pytest.mark.parametrize(
    "name",
    [
        "tests/conftest.py",
        "llmopt/a.pyc",
        "llmopt/__pycache__/a.cpython-311.pyc",
        "llmopt/fast.so",
        "llmopt.egg-info/x",
    ],
)
def test_what_does_not_belong_into_a_wheel_is_named(name: str) -> None:
    assert list(wheel_problems([*WHEEL, name], 1)) == [f"{name} does not belong into the wheel"]


def test_a_wheel_has_a_largest_size() -> None:
    (said,) = wheel_problems(WHEEL, 3_000_000)
    assert said.startswith("the wheel has 3,000,000 bytes, the limit is 3,000,000")


def test_a_source_archive_lacks_nothing_and_holds_no_environment() -> None:
    said = list(sdist_problems([*SDIST[1:], ".venv-wheel/bin/python"]))
    assert said == [
        "CHANGELOG.md is not in the source archive: see tool.hatch.build.targets.sdist",
        ".venv-wheel/bin/python does not belong into the source archive",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Version: 1.0.0", "Version: 1.0.1", "metadata: version 1.0.1, llmopt/__init__.py says 1.0.0"),
        ("Summary: Costs.\n", "", "metadata: summary is missing"),
        ("License-Expression: MIT\n", "", "metadata: license_expression is missing"),
        ("text/markdown", "text/plain", "metadata: the readme is not there as text/markdown"),
        ("Typing :: Typed", "Typing :: Types", "no classifier of PyPI: Typing :: Types"),
    ],
)
def test_what_metadata_says_wrongly_is_named(old: str, new: str, said: str) -> None:
    assert said in list(metadata_problems(raw(METADATA.replace(old, new)), "1.0.0"))


@pytest.mark.parametrize(("old", "new"), [("rich>=13", "rich>>13"), (">=3.11", "three"), ("Name: llmopt", "Name: -l-")])
def test_metadata_that_an_index_refuses_is_refused(old: str, new: str) -> None:
    said = list(metadata_problems(raw(METADATA.replace(old, new)), "1.0.0"))
    assert said
    assert all(one.startswith("metadata: ") for one in said)


@pytest.mark.parametrize(
    ("version", "status"), [("1.0.0", "5 - Production/Stable"), ("0.9", "4 - Beta"), ("2.0rc1", "4 - Beta")]
)
def test_the_status_fits_the_version(version: str, status: str) -> None:
    wrong = [f"{version} is 'Development Status :: {status}': put it among the classifiers"]
    assert list(classifier_problems(CLASSIFIERS, Version(version))) == (wrong if version != "1.0.0" else [])
    fitting = [f"Development Status :: {status}", *CLASSIFIERS[1:]]
    assert list(classifier_problems(fitting, Version(version))) == []


def test_a_python_must_be_named() -> None:
    without = [one for one in CLASSIFIERS if not one.endswith("3.11")]
    assert list(classifier_problems(without, Version("1.0.0"))) == ["no classifier names a version of Python"]
