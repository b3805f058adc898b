"""Does a bill of materials (CycloneDX JSON) name just what was installed, or just what is pinned?

Run as `python -m tests.release.bills BILL VENV` or `… BILL CONSTRAINTS.txt`. The version of llmopt is written into the
bill: cyclonedx-py does not find it, for pyproject.toml has it read from the source.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tests.release.changelog import version_of
from tests.release.pins import read_pins
from tests.release.step import ROOT, finish

Versions = Mapping[str, str]


def parts(bill: object) -> dict[str, str]:
    """Return canonical name -> version of all libraries that a bill names, the program itself left out."""
    if not isinstance(bill, dict) or bill.get("bomFormat") != "CycloneDX":
        raise ValueError("no bill of CycloneDX")
    return {canonicalize_name(one["name"]): one.get("version", "") for one in bill.get("components", [])}


def bill_problems(bill: object, wanted: Versions) -> Iterator[str]:
    """Yield what a bill leaves out, adds, or names in another version, and what cannot be looked up by it."""
    named = parts(bill)
    yield from (f"not in the bill: {name} {version}" for name, version in wanted.items() if name not in named)
    yield from (f"in the bill and not there: {name} {version}" for name, version in named.items() if name not in wanted)
    for name in sorted(named.keys() & wanted.keys()):
        if named[name] != wanted[name]:
            yield f"{name} is {wanted[name]}, and {named[name] or 'without a version'} in the bill"
    for one in bill.get("components", []) if isinstance(bill, dict) else []:
        if not str(one.get("purl", "")).startswith("pkg:pypi/"):
            yield f"{one['name']} has no package URL in the bill"


def of_version(bill: dict[str, Any], version: str) -> dict[str, Any]:
    """Return a bill as that of a version of llmopt."""
    about = bill["metadata"]
    component = {**about["component"], "version": version, "purl": f"pkg:pypi/llmopt@{version}"}
    return {**bill, "metadata": {**about, "component": component}}


def schema_problems(text: str) -> list[str]:
    """Return what the schema of CycloneDX has against a bill; needs the extra `release`."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    found = JsonStrictValidator(version).validate_str(text)
    return [] if found is None else [f"the bill does not follow its schema: {found}"]


def held(where: Path) -> dict[str, str]:
    """Return what is installed in a virtual environment, or pinned in a file."""
    if where.is_file():
        pins, _ = read_pins(where.read_text(encoding="utf-8"))
        return {pin.name: str(pin.version) for pin in pins}
    folders = [str(path) for path in where.glob("lib/python3.*/site-packages")]
    found = metadata.distributions(path=folders)
    return {canonicalize_name(one.metadata["Name"]): one.version for one in found}


def main() -> None:
    """Check the bill named first against the environment or constraints named second."""
    path, where = Path(sys.argv[1]), Path(sys.argv[2])
    version = version_of((ROOT / "llmopt" / "__init__.py").read_text(encoding="utf-8"))
    bill = of_version(json.loads(path.read_text(encoding="utf-8")), version)
    text = json.dumps(bill, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    wanted = held(where)
    wanted.pop("llmopt", None)  # it is what the bill is of
    wrong = [*schema_problems(text), *bill_problems(bill, wanted)]
    finish(wrong, f"{path.name}: valid CycloneDX {bill['specVersion']}, {len(wanted)} components")


if __name__ == "__main__":
    main()
