"""Pickles: read without running them. Attacks on the reader, on the archive, and what is allowed."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
import zipfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.errors import InputError
from llmopt.models.stored.pickle_globals import SAFE, is_hostile
from llmopt.models.stored.pickle_reading import PickleReader
from llmopt.models.stored.pickle_values import Global, Made, PickleError
from llmopt.models.stored.pickled import Pickled, check_safe, look
from tests.models.stored.makers import Attack, attack, write_zip

torch = pytest.importorskip("torch")
EMPTY = pickle.dumps({}, protocol=2)


def dtypes_of(found: Pickled) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {one.name: (one.dtype, one.shape) for one in found.tensors}


def content(found: Pickled, name: str) -> bytes:
    one = next(one for one in found.tensors if one.name == name)
    return one.path.read_bytes()[one.offset : one.offset + one.size_bytes]


def refused(path: Path, *, trusted: bool = False) -> str:
    with pytest.raises(InputError) as caught:
        check_safe([look(path)], trusted=trusted)
    return f"{caught.value.message} | {caught.value.hint}"


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_in_place(tmp_path: Path, zipped: bool) -> None:
    weight = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    state = OrderedDict(
        weight=weight,
        rows=weight[1:],
        tied=torch.nn.Parameter(weight),
        turned=weight.t(),
        half=torch.ones(2, dtype=torch.bfloat16),
        number=torch.tensor(7),
        none=torch.zeros(0, 3),
        flags=torch.tensor([True]),
        epoch=3,
    )
    path = tmp_path / "pytorch_model.bin"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    found = look(path)
    assert dtypes_of(found) == {
        "weight": ("F32", (3, 4)),
        "rows": ("F32", (2, 4)),
        "tied": ("F32", (3, 4)),
        "half": ("BF16", (2,)),
        "number": ("I64", ()),
        "none": ("F32", (0, 3)),
        "flags": ("BOOL", (1,)),
    }
    assert (found.for_torch, found.skipped, found.unsafe) == (("turned",), 1, ())
    assert content(found, "weight") == content(found, "tied") == weight.numpy().tobytes()
    assert content(found, "rows") == weight[1:].numpy().tobytes()
    assert content(found, "number") == struct.pack("<q", 7)
    assert 0 < found.pickle_bytes < found.file_bytes
    check_safe([found], trusted=False)


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "int8", "complex64", "float64"])
def test_types(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.bin"
    torch.save({"w": torch.zeros(4, dtype=getattr(torch, dtype))}, path)
    found = look(path)
    assert found.tensors[0].size_bytes == 4 * getattr(torch, dtype).itemsize
    assert not found.unsafe


def test_tensors_with_attributes(tmp_path: Path) -> None:
    tensor, parameter = torch.arange(4.0), torch.nn.Parameter(torch.arange(3.0))
    tensor.seen = parameter.seen = 3
    path = tmp_path / "a.bin"
    torch.save({"tensor": tensor, "parameter": parameter}, path)
    found = look(path)
    assert dtypes_of(found) == {"tensor": ("F32", (4,)), "parameter": ("F32", (3,))}
    assert content(found, "tensor") == tensor.numpy().tobytes()
    assert not found.unsafe


def test_tensors_of_other_kinds_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    turned = torch.complex(torch.ones(2), torch.ones(2)).conj()
    torch.save({"sparse": torch.eye(2).to_sparse(), "conjugate": turned, "wide": turned.to(torch.complex128)}, path)
    found = look(path)
    assert found.tensors == ()
    assert set(found.for_torch) == {"sparse", "conjugate", "wide"}


@pytest.mark.parametrize("key", ["state_dict", "model", "module", "model_state_dict"])
def test_what_trainers_save(tmp_path: Path, key: str) -> None:
    path = tmp_path / "a.ckpt"
    torch.save({"epoch": 1, "optimizer": {"lr": 0.1}, key: {"w": torch.zeros(2)}}, path)
    assert list(dtypes_of(look(path))) == ["w"]


def test_all_that_is_safe_here_is_safe_for_torch() -> None:
    from torch._weights_only_unpickler import _get_allowed_globals

    assert set(_get_allowed_globals()) >= SAFE


def test_an_attack_is_named_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = attack(tmp_path / "pytorch_model.bin", marker)
    for trusted in (False, True):
        assert "posix.system, which no checkpoint needs: it looks like an attack" in refused(path, trusted=trusted)
    assert not marker.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_attacks_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    path = write_zip(tmp_path / "a.bin", pickle.dumps([Attack("true")], protocol=protocol))
    assert "posix.system" in refused(path)


ATTACKS = {
    "inst": (b"(S'true'\nios\nsystem\n.", "os.system"),
    "obj": (b"(cos\nsystem\nS'true'\no.", "os.system"),
    "stack_global": (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "os.system"),
    "memoized name": (b"\x80\x04\x8c\x02os\x940\x8c\x06system\x940h\x00h\x01\x93\x8c\x04true\x85R.", "os.system"),
    "newobj": (b"\x80\x02csubprocess\nPopen\n(X\x04\0\0\0truetq\0\x81.", "subprocess.Popen"),
    "eval": (b"\x80\x02c__builtin__\neval\nX\x03\0\0\x001+1\x85R.", "__builtin__.eval"),
    "nested attribute": (b"\x80\x04\x8c\x08builtins\x8c\x0deval.__call__\x93.", "builtins.eval.__call__"),
    "build after": (b"\x80\x02ccollections\nOrderedDict\n)R}X\x01\0\0\0acos\nsystem\nsb.", "os.system"),
    "thrown away": (b"\x80\x02cos\nsystem\n0}.", "os.system"),
    "two pickles": (b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R." + EMPTY, "os.system"),
    "extension code": (b"\x80\x02\x82\x01.", "copyreg._inverted_registry[1]"),
    "a module of its own": (b"\x80\x02cmalware.payload\nrun\n)R.", "malware.payload.run"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_by_hand(tmp_path: Path, name: str) -> None:
    pickled, asked = ATTACKS[name]
    assert asked in refused(write_zip(tmp_path / "a.bin", pickled))


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (b"", "no end|pickle exhausted"),
        (b"\x80\x02}", "exhausted|no end"),
        (b"\x80\x02.", "pop from empty list"),
        (b"\xff\xff", "unknown|opcode"),
        (b"\x80\x02h\x05.", "no memo 5"),
        (b"\x80\x02t.", "pop from empty"),
        (b"\x80\x02(co\\s\nsystem\n", "exhausted|no end"),
        (b"\x80\x02\x86.", "a tuple of what is not there"),
        (b"\x80\x02K\x01K\x02a.", "into a int"),
        (b"\x80\x02}(K\x01u.", "a key without a value"),
        (b"\x80\x02(K\x01d.", "a key without a value"),
        (b"\x80\x04K\x01K\x02\x93.", "it computes the name"),
        (b"\x80\x02ccollections\nOrderedDict\n)RX\x01\0\0\0a\x93.", "it computes the name"),
        (b"\x80\x05\x97.", "it uses NEXT_BUFFER"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f.", "expected|long4"),
        (b"\x80\x02X\xff\xff\xff\xff.", "expected|unicodestring4"),
        (b"\x80\x02I" + b"9" * 10_000 + b"\n.", "integer string|digits"),
    ],
)
def test_pickles_that_are_none(tmp_path: Path, pickled: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"not a pickle that torch.save writes: .*({message})"):
        look(write_zip(tmp_path / "a.bin", pickled))


def test_a_memo_of_billions_takes_no_memory(tmp_path: Path) -> None:
    pickled = b"\x80\x02}r\xff\xff\xff\xff."  # Python's own unpickler makes an array of 4 billion entries of it
    assert look(write_zip(tmp_path / "a.bin", pickled)).tensors == ()


def test_lists_within_lists(tmp_path: Path) -> None:
    laughs = b"\x80\x02]" + b"(" * 1 + b"]" + b"2" * 50_000 + b"e."
    assert look(write_zip(tmp_path / "a.bin", laughs)).tensors == ()
    deep = b"\x80\x02" + b"(" * 50_000 + b"t" * 50_000 + b"."
    assert look(write_zip(tmp_path / "b.bin", deep)).tensors == ()
    itself = b"\x80\x02}q\0X\x01\0\0\0ah\0s."
    assert look(write_zip(tmp_path / "c.bin", itself)).tensors == ()


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_bytes(pickled: bytes) -> None:
    with contextlib.suppress(PickleError):
        PickleReader().read(io.BytesIO(b"\x80\x02" + pickled))


SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_plain_values_are_as_python_reads_them(value: Any, protocol: int) -> None:
    assert plain(PickleReader().read(io.BytesIO(pickle.dumps(value, protocol=protocol)))) == value


def plain(value: Any) -> Any:
    """Return what an inert value stands for."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, Made) and isinstance(value.callee, Global):  # bytes, in old protocols
        return str(value.arguments[0]).encode(value.arguments[1]) if value.arguments else b""
    if isinstance(value, Made):
        return [plain(one) for one in value.members] or {key: plain(one) for key, one in value.items} or AnyEmpty()
    return value


class AnyEmpty:
    """Equal to an empty list and to an empty dictionary, which are not told apart."""

    def __eq__(self, other: object) -> bool:
        return other in ([], {})

    def __hash__(self) -> int:
        return 0


def test_other_classes_need_trust_and_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    torch.save({"args": Namespace(lr=0.1), "state_dict": {"w": torch.zeros(2)}}, path)
    said = refused(path)
    assert "its pickle asks for argparse.Namespace" in said
    assert "--trust-pickle" in said
    found = look(path)
    check_safe([found], trusted=True)
    assert list(dtypes_of(found)) == ["w"]


def test_a_whole_module_holds_no_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save(torch.nn.Linear(2, 2), path)
    found = look(path)
    assert found.tensors == ()
    assert "torch.nn.modules.linear.Linear" in found.unsafe


def test_the_names_of_many_are_cut(tmp_path: Path) -> None:
    pickled = b"\x80\x02" + b"".join(b"cmine\nC%d\n0" % at for at in range(50)) + b"}."
    assert "and 42 more" in refused(write_zip(tmp_path / "a.bin", pickled))


@pytest.mark.parametrize(("name", "hostile"), [("os.path.join", True), ("osmium.x", False), ("builtins.set", False)])
def test_what_is_hostile(name: str, hostile: bool) -> None:
    assert is_hostile(name) is hostile


def saved(path: Path) -> Path:
    torch.save({"w": torch.arange(8)}, path)
    return path


def test_a_bomb(tmp_path: Path) -> None:
    bomb = pickle.dumps({"a": "x" * 30_000_000}, protocol=2)
    path = write_zip(tmp_path / "a.bin", bomb, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"is compressed, which torch.save never does"):
        look(path)


def test_members_that_share_bytes(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.bin", EMPTY, members={"data/0": b"1" * 100, "data/1": b"1" * 100})
    raw = bytearray(path.read_bytes())
    entries = [at for at in range(len(raw)) if raw[at : at + 4] == b"PK\x01\x02"]
    raw[entries[2] + 42 : entries[2] + 46] = raw[entries[1] + 42 : entries[1] + 46]
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"overlaps another member|is not where the archive says"):
        look(path)


@pytest.mark.parametrize("name", ["../data.pkl", "/archive/x", "archive/../../x", "a/../data.pkl"])
def test_members_that_lead_out(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", EMPTY)
        archive.writestr(name, b"x")
    with pytest.raises(InputError, match="leads out of the archive"):
        look(path)


def test_members_named_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", EMPTY)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("archive/data.pkl", pickle.dumps(Attack("true")))
    with pytest.raises(InputError, match="is in the archive twice"):
        look(path)


def test_other_archives(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", b"x")
    with pytest.raises(InputError, match=r"not of torch.save \(no data.pkl\)"):
        look(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a/data.pkl", EMPTY)
        archive.writestr("b/data.pkl", EMPTY)
    with pytest.raises(InputError, match=r"not of torch.save"):
        look(path)


@pytest.mark.parametrize("at", [6, 8])
def test_flags_of_a_member_that_the_directory_denies(tmp_path: Path, at: int) -> None:
    path = saved(tmp_path / "a.bin")
    raw = bytearray(path.read_bytes())
    raw[at] |= 1  # encrypted; another method
    path.write_bytes(raw)
    with pytest.raises(InputError, match="is not where the archive says"):
        look(path)


def test_numbers_the_other_way_round(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="big-endian"):
        look(write_zip(tmp_path / "a.bin", EMPTY, members={"byteorder": b"big"}))


@pytest.mark.parametrize("zipped", [True, False])
def test_cut_short(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "a.bin"
    torch.save({"w": torch.arange(8)}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for length in (0, 1, 3, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"damaged|not a pickle|cut short|not of torch"):
            look(path)


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_damage_is_told_and_never_worse(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("d") / "a.bin"
    torch.save({"w": torch.arange(8)}, path, _use_new_zipfile_serialization=data.draw(st.booleans()))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, 10**6)) % len(raw)] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        found = look(path)
    except InputError:
        return
    assert all(one.offset >= 0 and one.offset + one.size_bytes <= len(raw) for one in found.tensors)


def tensor(storage: bytes, first: bytes, shape: bytes, strides: bytes) -> bytes:
    """Return the pickle of a state dict with one tensor, its parts by hand."""
    named = b"(X\x07\0\0\0storagectorch\nFloatStorage\n" + storage + b"X\x03\0\0\0cpuK\x04tQ"
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n(" + named + first + shape + strides + b"\x89}tR"
    return b"\x80\x02}X\x01\0\0\0w" + rebuilt + b"s."


KEY, ZERO, TWO, ONE = b"X\x01\0\0\x000", b"K\0", b"K\x02\x85", b"K\x01\x85"


def test_a_tensor_by_hand(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.bin", tensor(KEY, ZERO, TWO, ONE), members={"data/0": b"12345678"})
    assert content(look(path), "w") == b"12345678"


@pytest.mark.parametrize(
    "pickled",
    [
        tensor(KEY, b"K\x01", TWO, ONE),
        tensor(KEY, b"\x8a\x08" + b"\xff" * 7 + b"\x7f", TWO, ONE),
        tensor(KEY, ZERO, b"K\x03\x85", ONE),
        tensor(KEY, ZERO, b"\x8a\x08" + b"\0" * 7 + b"\x40\x85", ONE),
        tensor(b"X\x01\0\0\x001", ZERO, TWO, ONE),
        tensor(b"X\x0c\0\0\0../../secret", ZERO, TWO, ONE),
    ],
)
def test_tensors_beyond_their_storage(tmp_path: Path, pickled: bytes) -> None:
    path = write_zip(tmp_path / "a.bin", pickled, members={"data/0": b"12345678"})
    with pytest.raises(InputError, match="'w' has numbers that are not in the file"):
        look(path)


@pytest.mark.parametrize(
    "pickled",
    [
        tensor(KEY, b"J\xff\xff\xff\xff", TWO, ONE),
        tensor(KEY, ZERO, b"J\xff\xff\xff\xff\x85", ONE),
        tensor(KEY, ZERO, b"\x88\x85", ONE),
        tensor(KEY, ZERO, TWO, b")"),
        tensor(KEY, ZERO, b"K\x02", ONE),
        tensor(b"K\0", ZERO, TWO, ONE),
        tensor(KEY, b"N", TWO, ONE),
    ],
)
def test_tensors_that_are_none(tmp_path: Path, pickled: bytes) -> None:
    found = look(write_zip(tmp_path / "a.bin", pickled, members={"data/0": b"12345678"}))
    assert (found.tensors, found.for_torch, found.skipped) == ((), ("w",), 0)


def test_bytes_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for claim in (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f", b"\x80\x04\x8d" + b"\0" * 6 + b"\x10\0"):
        path.write_bytes(claim)
        with pytest.raises(InputError, match=r"not a pickle that torch\.save writes"):
            look(path)


def test_not_of_torch(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(InputError, match=r"a pickle, and not of torch.save"):
        look(path)
    os.mkfifo(tmp_path / "pipe.bin")
    with pytest.raises(InputError, match="not a regular file"):
        look(tmp_path / "pipe.bin")


def test_the_old_format_of_another_machine(tmp_path: Path) -> None:
    facts = {"little_endian": False}
    parts: Any = (0x1950A86A20F9469CFC6C, 1001, facts, {}, [])
    (tmp_path / "a.bin").write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts))
    with pytest.raises(InputError, match="big-endian"):
        look(tmp_path / "a.bin")


def test_the_old_format_with_keys_that_are_none(tmp_path: Path) -> None:
    for keys, message in (([3], "cut short"), (["0"], "of a type that is not known"), (7, None)):
        parts: Any = (0x1950A86A20F9469CFC6C, 1001, {}, {}, keys)
        (tmp_path / "a.bin").write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts) + bytes(8))
        if message is None:
            assert look(tmp_path / "a.bin").tensors == ()
            continue
        with pytest.raises(InputError, match=message):
            look(tmp_path / "a.bin")


def test_a_pickle_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt.models.stored.pickle_reading._MOST_OPCODES", 10)
    with pytest.raises(InputError, match="it is too long"):
        look(write_zip(tmp_path / "a.bin", b"\x80\x02" + b"N0" * 20 + b"N."))
    monkeypatch.setattr("llmopt.models.stored.archives._LARGEST_PICKLE_BYTES", 10)
    with pytest.raises(InputError, match="a pickle of 43 bytes"):
        look(write_zip(tmp_path / "a.bin", b"\x80\x02" + b"N0" * 20 + b"N"))
