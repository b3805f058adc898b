"""Which libraries llmopt finds, by what its own metadata asks for; nothing of them is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from llmopt.core.diagnosis import Finding

_FOR: Mapping[str, str] = {
    "models": "quantize, distill, bench, bench-batch and serve with models",
    "distill": "distill on several devices",
    "onnx": "quantize and bench with ONNX Runtime",
    "openvino": "quantize and bench with OpenVINO",
    "torchao": "quantize --backend torchao",
    "semantic": "semantic cache, neural scores of compress",
    "llmlingua": "compress with LLMLingua-2",
    "fast": "faster counting of tokens",
    "claude": "closer counts for Claude",
    "bench": "bench-batch, its GPU readings and --url",
    "serve": "serve and gateway",
    "pandas": "DataFrames, .to_pandas()",
    "redis": "a cache in Redis or Valkey",
    "cloud": "logs in object stores",
    "spark": "cost and project on Spark",
    "lakes": "Delta and Iceberg tables",
    "postgres": "--sql over PostgreSQL",
    "ray": "bench-batch --ray",
    "charts": "-o chart.png",
}
"""Extra -> what needs it."""
_OTHERS = ("all", "dev", "release", "test")
_INSTALL = "pip install '{}'"


def libraries() -> Iterator[Finding]:
    """Yield what the base install needs."""
    for requirement in _required(""):
        yield _library(requirement)


def extras() -> Iterator[Finding]:
    """Yield each extra: whether its libraries are there, and recent enough."""
    for extra in sorted(metadata.metadata("llmopt").get_all("Provides-Extra") or []):
        if extra not in _OTHERS:
            yield _extra(extra, [_library(one) for one in _required(extra)])


def _extra(extra: str, found: list[Finding]) -> Finding:
    missing = [one.name for one in found if not one.value]
    old = [f"{one.name} {one.value}" for one in found if one.value and one.state == "problem"]
    hint = _INSTALL.format(f"llmopt[{extra}]")
    purpose = _FOR.get(extra, "")
    if old:
        return Finding("extra", extra, f"too old: {', '.join(old)}", "problem", hint)
    if len(missing) == len(found) and found:
        return Finding("extra", extra, f"not installed; for {purpose}", "note", hint)
    if missing:
        return Finding("extra", extra, f"in part, without {', '.join(missing)}; for {purpose}", "note", hint)
    if not found:
        return Finding("extra", extra, "nothing of it is for this Python", "note")
    return Finding("extra", extra, ", ".join(f"{one.name} {one.value}" for one in found))


def _library(requirement: Requirement) -> Finding:
    """Return what is installed of one library; an empty value where nothing is."""
    hint = _INSTALL.format(f"{requirement.name}{requirement.specifier}")
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding("library", requirement.name, "", "problem", hint)
    fits = requirement.specifier.contains(version, prereleases=True)
    return Finding("library", requirement.name, version, "ok" if fits else "problem", "" if fits else hint)


def _required(extra: str) -> list[Requirement]:
    """Return what llmopt needs here: for an extra what it adds, for the empty one the base."""
    found: dict[str, Requirement] = {}
    for text in metadata.requires("llmopt") or []:
        one = Requirement(text)
        wanted = one.marker is None or one.marker.evaluate({"extra": extra})
        base = one.marker is None or one.marker.evaluate({"extra": ""})
        if wanted and base == (not extra) and canonicalize_name(one.name) != "llmopt":
            found[canonicalize_name(one.name)] = one
    return list(found.values())
