"""What a pickle may ask for: names that make tensors, and names that nothing but an attack asks for.

The first are a part of what torch allows under `weights_only` (`torch._weights_only_unpickler`). Here none of them is
looked up: a pickle is read and not run, whatever it asks for.
"""

from __future__ import annotations

STORAGES: dict[str, str] = {
    "FloatStorage": "F32",
    "DoubleStorage": "F64",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
    "ComplexFloatStorage": "C64",
}
"""Typed storage of torch -> type of its numbers, as safetensors calls it."""
TORCH_DTYPES: dict[str, str] = {
    "float32": "F32",
    "float64": "F64",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "bool": "BOOL",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}
"""Type of torch -> as safetensors calls it."""
REBUILD = {
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
}
"""Functions that make a tensor of a part of a storage."""
WRAP = {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"}
"""Functions that make a parameter of a tensor, their first argument."""
SUBCLASS = "torch._tensor._rebuild_from_type_v2"
"""Function that makes a tensor by another one, and gives it attributes."""
UNTYPED = "torch.storage.UntypedStorage"
_FOR_TORCH = """
    torch._utils._rebuild_device_tensor_from_cpu_tensor torch._utils._rebuild_meta_tensor_no_storage
    torch._utils._rebuild_nested_tensor torch._utils._rebuild_qtensor torch._utils._rebuild_sparse_tensor
    torch.ComplexDoubleStorage torch.QInt32Storage torch.QInt8Storage torch.QUInt8Storage torch.storage.TypedStorage
    torch.complex128 torch.complex32 torch.qint32 torch.qint8 torch.quint8
    torch.per_channel_affine torch.per_channel_affine_float_qparams torch.per_channel_symmetric
    torch.per_tensor_affine torch.per_tensor_symmetric
"""
"""Harmless too, of tensors that only torch itself can read."""
SAFE = frozenset(
    {
        *REBUILD,
        *WRAP,
        *(f"torch.{name}" for name in STORAGES),
        *(f"torch.cuda.{name}" for name in STORAGES),
        *(f"torch.{name}" for name in TORCH_DTYPES),
        *_FOR_TORCH.split(),
        SUBCLASS,
        UNTYPED,
        "_codecs.encode",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.set",
        "collections.Counter",
        "collections.OrderedDict",
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
    }
)
"""Globals that a checkpoint of tensors asks for."""
_PLAIN = """
    bool bytearray bytes complex dict float frozenset int list object range set slice str tuple
"""
_BUILTIN = ("builtins", "__builtin__")
_HOSTILE_MODULES = """
    __builtin__ _posixsubprocess _pickle bdb builtins code codeop commands ctypes dill imp importlib linecache marshal
    nt os pdb pickle pickletools pip platform posix profile pty pydoc requests runpy shelve shutil site socket ssl
    subprocess sys timeit trace urllib venv webbrowser zipimport
"""
_HOSTILE = frozenset(
    {
        "operator.attrgetter",
        "operator.methodcaller",
        "torch.hub.load",
        "torch.load",
        "types.CodeType",
        "types.FunctionType",
    }
)


def is_hostile(name: str) -> bool:
    """Return whether no checkpoint ever needs a global, and an attack does."""
    module, _, rest = name.partition(".")
    if module in _BUILTIN and rest in _PLAIN.split():
        return False
    return name in _HOSTILE or module in _HOSTILE_MODULES.split()
