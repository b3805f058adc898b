"""`llmopt inspect` in every format, from a checkpoint with fixed figures."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields, replace

import pytest

from llmopt.models.stored.inspection import (
    Group,
    InspectedShard,
    InspectedTensor,
    Inspection,
    SchemeSaving,
)
from llmopt.report import as_screen
from llmopt.report.inspect_view import headline, payload, view
from llmopt.report.render import FORMATS, Format, render
from tests.conftest import Golden

SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
HOSTILE = "=cmd|' /C calc'!A0\x1b[31m<script>alert(1)</script>\u202e"


def tensor(name: str, rows: int, columns: int, kind: str, shard: int) -> InspectedTensor:
    shape = (rows, columns) if columns > 1 else (rows,)
    shown = f"model-{shard:05d}-of-00002.safetensors"
    return InspectedTensor(name, "BF16", shape, rows * columns, 2 * rows * columns, shown, kind)


TENSORS = (
    tensor("model.embed_tokens.weight", 32_000, 4096, "embedding", 1),
    *(tensor(f"model.layers.{at}.mlp.up_proj.weight", 11_008, 4096, "linear", 1 + at // 6) for at in range(12)),
    *(tensor(f"model.layers.{at}.input_layernorm.weight", 4096, 1, "norm", 1 + at // 6) for at in range(12)),
    InspectedTensor("model.steps", "I64", (), 1, 8, "model-00002-of-00002.safetensors", "stored as I64"),
)
BYTES = sum(one.size_bytes for one in TENSORS)
LINEAR = 12 * 11_008 * 4096


def group(name: str, *kinds: str) -> Group:
    mine = [one for one in TENSORS if one.kind in kinds]
    return Group(name, len(mine), sum(one.parameters for one in mine), sum(one.size_bytes for one in mine))


def saving(scheme: str, format: str, saved: int) -> SchemeSaving:
    return SchemeSaving(scheme, format, 12, 14, BYTES - saved, saved, saved / BYTES, None)


FULL = Inspection(
    name="llama",
    folder="/models/llama",
    format="safetensors",
    model_type="llama",
    architectures=("LlamaForCausalLM",),
    quantized=None,
    tied=True,
    needs_code=(),
    parameters=sum(one.parameters for one in TENSORS),
    size_bytes=BYTES,
    file_bytes=BYTES + 4096,
    read_bytes=4096,
    dtypes=(group("BF16", "embedding", "linear", "norm"), group("I64", "stored as I64")),
    kinds=(
        group("linear", "linear"),
        group("embedding", "embedding"),
        group("norm", "norm"),
        group("stored as I64", "stored as I64"),
    ),
    schemes=(
        saving("w8a8", "int-quantized", LINEAR - 12 * 11_008 * 2),
        saving("w8a16", "pack-quantized", LINEAR - LINEAR // 64),
        saving("w4a16", "pack-quantized", LINEAR * 3 // 2 - LINEAR // 64),
        replace(saving("bf16", "bfloat16", 0), quantized=0, kept=26, why_none="stored as BF16"),
    ),
    shards=tuple(InspectedShard(f"model-0000{at}-of-00002.safetensors", 13, BYTES // 2 + 2048) for at in (1, 2)),
    metadata={"format": "pt"},
    globals=(),
    unsafe_globals=(),
    tensors=TENSORS,
    warnings=(),
)
PICKLED = replace(
    FULL,
    name="hostile",
    format="pickle",
    quantized="gptq",
    schemes=(),
    shards=FULL.shards[:1],
    dtypes=FULL.dtypes[:1],
    tied=None,
    needs_code=("modeling_x.X",),
    globals=("collections.OrderedDict", "posix.system"),
    unsafe_globals=("posix.system",),
    tensors=(replace(TENSORS[0], name=HOSTILE, kind=HOSTILE),),
    warnings=(
        "its pickle asks for posix.system, which no checkpoint needs: it looks like an attack",
        f"odd: {HOSTILE}",
    ),
)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("name", "found"), [("full", FULL), ("pickled", PICKLED)])
def test_formats(name: str, found: Inspection, format: Format, golden: Golden) -> None:
    golden(f"inspect/{name}.{SUFFIX[format]}", render(view(found), payload(found), format))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_terminals(width: int, golden: Golden) -> None:
    text = as_screen.render(view(FULL), width, color=False)
    assert max(map(len, text.splitlines())) <= width
    golden(f"inspect/full-{width}.txt", text)


def test_all_tensors_on_request_and_for_machines() -> None:
    assert [len(view(FULL, every=every).tables[-1].rows) for every in (False, True)] == [4, 26]
    rows = list(csv.DictReader(io.StringIO(render(view(FULL), payload(FULL), "csv"))))
    assert [row["name"] for row in rows] == [one.name for one in TENSORS]
    assert sum(int(row["size_bytes"]) for row in rows) == BYTES
    read = json.loads(render(view(FULL), payload(FULL), "json"))
    assert read["schema"] == "llmopt.inspect/1"
    assert len(read["tensors"]) == 26
    assert {field.name for field in fields(Inspection)} | {"schema", "llmopt"} == set(read)


def test_headlines() -> None:
    assert (
        headline(FULL)
        == "llama: 672M parameters, 1.34 GB in 26 tensors (BF16, I64); w4a16 makes it 541 MB, 59.7% less."
    )
    assert headline(replace(FULL, schemes=FULL.schemes[3:])).endswith("no scheme would make it smaller.")
    assert "quantized already (gptq)" in headline(PICKLED)
    assert headline(replace(FULL, parameters=12, size_bytes=24, schemes=())).startswith("llama: 12 parameters, 24 B")


def test_nothing_to_show() -> None:
    nothing = replace(PICKLED, tensors=(), dtypes=(), kinds=(), parameters=0, size_bytes=0)
    assert headline(nothing) == "hostile: no tensors that can be told."
    for format in FORMATS:
        assert "posix.system" in render(view(nothing), payload(nothing), format) or format == "csv"


def test_many_files_are_not_all_shown() -> None:
    many = replace(FULL, shards=FULL.shards * 50)
    table = next(table for table in view(many).tables if table.name == "shards")
    assert len(table.rows) == 20
    assert "80 more files" in table.notes[0].text
    assert len(json.loads(render(view(many), payload(many), "json"))["shards"]) == 100


def test_brief_leaves_background_out_and_keeps_warnings() -> None:
    assert not view(FULL, brief=True).notes
    assert len(view(PICKLED, brief=True).warnings) == 2


def test_schemes_with_nothing_to_do_share_a_line() -> None:
    idle = replace(FULL, schemes=tuple(replace(one, quantized=0, why_none="embedding") for one in FULL.schemes[:2]))
    assert [note.text for note in view(idle).tables[0].notes] == ["Nothing to do for w8a8 and w8a16: embedding."]
