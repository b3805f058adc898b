"""Are the archives of a release whole: size, contents, metadata and classifiers of the wheel, contents of the sdist?

Run as `python -m tests.release.built dist/llmopt-1.0.0.tar.gz dist/llmopt-1.0.0-py3-none-any.whl`.
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.version import Version
from trove_classifiers import classifiers as known_classifiers

from tests.release.changelog import version_of
from tests.release.pythons import offered
from tests.release.step import ROOT, finish

LARGEST_WHEEL_BYTES = 3_000_000
IN_WHEEL = {
    "the marker of types": r"llmopt/py\.typed",
    "the prices": r"llmopt/_pricing/providers/[^/]+\.json",
    "the rules of prompt caches": r"llmopt/_pricing/prompt-caching\.json",
    "the manual page": r"llmopt-[^/]+\.data/data/share/man/man1/llmopt\.1",
    "the licence": r"llmopt-[^/]+\.dist-info/licenses/LICENSE",
    "the command": r"llmopt-[^/]+\.dist-info/entry_points\.txt",
}
IN_SDIST = (
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    ".ci/constraints.txt",
    "docs/llmopt.1",
    "pyproject.toml",
)
ALLOWED_IN_WHEEL = re.compile(r"llmopt/|llmopt-[^/]+\.(data|dist-info)/")
NO_SOURCE = re.compile(r"(^|/)(__pycache__|\.venv[^/]*|\.git|\.tools|node_modules)/|\.py[cod]$|\.so$")
WANTED_CLASSIFIERS = ("Typing :: Typed", "Programming Language :: Python :: 3 :: Only")
_FIELDS_OF_TEXT = ("summary", "license_expression", "requires_python")


def wheel_problems(names: Collection[str], size_bytes: int) -> Iterator[str]:
    """Yield what a wheel of these files lacks, or has too much of."""
    if size_bytes >= LARGEST_WHEEL_BYTES:
        yield f"the wheel has {size_bytes:,} bytes, the limit is {LARGEST_WHEEL_BYTES:,}: see what grew"
    for what, pattern in IN_WHEEL.items():
        if not any(re.fullmatch(pattern, name) for name in names):
            yield f"{what} is not in the wheel: see tool.hatch.build in pyproject.toml"
    for name in sorted(names):
        if not ALLOWED_IN_WHEEL.match(name) or NO_SOURCE.search(name):
            yield f"{name} does not belong into the wheel"


def sdist_problems(names: Collection[str]) -> Iterator[str]:
    """Yield what a source archive of these files, named from its top folder on, lacks or has too much of."""
    for wanted in IN_SDIST:
        if wanted not in names:
            yield f"{wanted} is not in the source archive: see tool.hatch.build.targets.sdist"
    for name in sorted(names):
        if NO_SOURCE.search(name):
            yield f"{name} does not belong into the source archive"


def metadata_problems(raw: RawMetadata, version: str) -> Iterator[str]:
    """Yield what an index would refuse, or a reader would miss, in the metadata of a wheel."""
    try:
        valid = Metadata.from_raw(raw, validate=True)
    except ExceptionGroup as group:
        yield from (f"metadata: {error}" for error in group.exceptions)
        return
    if str(valid.version) != version:
        yield f"metadata: version {valid.version}, llmopt/__init__.py says {version}"
    yield from (f"metadata: {name} is missing" for name in _FIELDS_OF_TEXT if not raw.get(name))
    if valid.description_content_type != "text/markdown" or not valid.description:
        yield "metadata: the readme is not there as text/markdown"
    yield from classifier_problems(valid.classifiers or [], valid.version)


def classifier_problems(classifiers: Collection[str], version: Version) -> Iterator[str]:
    """Yield what the classifiers say wrongly: unknown ones, Pythons that are not tested, a status that does not fit."""
    yield from (f"no classifier of PyPI: {one}" for one in classifiers if one not in known_classifiers)
    yield from (f"classifier is missing: {one}" for one in WANTED_CLASSIFIERS if one not in classifiers)
    status = "5 - Production/Stable" if version.major and not version.is_prerelease else "4 - Beta"
    if f"Development Status :: {status}" not in classifiers:
        yield f"{version} is 'Development Status :: {status}': put it among the classifiers"
    if not offered(classifiers):
        yield "no classifier names a version of Python"


def main() -> None:
    """Check the two archives named on the command line."""
    sdist, wheel = Path(sys.argv[1]), Path(sys.argv[2])
    version = version_of((ROOT / "llmopt" / "__init__.py").read_text(encoding="utf-8"))
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        about = next(name for name in names if name.endswith(".dist-info/METADATA"))
        raw, unknown = parse_email(archive.read(about))
    with tarfile.open(sdist) as source:
        held = {member.name.partition("/")[2] for member in source.getmembers() if member.isfile()}
    wrong = [*wheel_problems(names, wheel.stat().st_size), *sdist_problems(held), *metadata_problems(raw, version)]
    wrong += [f"metadata: unknown field {name}" for name in unknown]
    sizes = f"wheel {wheel.stat().st_size / 1e6:.2f} MB, {len(names)} files; sdist {sdist.stat().st_size / 1e6:.2f} MB"
    finish(wrong, f"{sizes}, {len(held)} files; metadata valid, {len(raw.get('classifiers', []))} classifiers known")


if __name__ == "__main__":
    main()
