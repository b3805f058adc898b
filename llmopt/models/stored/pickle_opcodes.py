"""What each opcode of a pickle does to the stack, with nothing imported and nothing called.

Source: the table of opcodes in Python's `pickletools`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from llmopt.models.stored.pickle_values import Global, Made, Persistent, PickleError


@dataclass(slots=True)
class State:
    """Where the reading of a pickle is."""

    globals: dict[str, None]
    """Names asked for so far, in their order."""
    persistent: list[Persistent]
    """What the pickle said that its file holds, in its order."""
    stack: list[Any] = field(default_factory=list)
    """Of values."""
    marks: list[int] = field(default_factory=list)
    """Heights of the stack."""
    memo: dict[int, Any] = field(default_factory=dict)
    """Values that the pickle comes back to."""


def follow(state: State, name: str, argument: Any) -> None:
    """Do what one opcode does.

    Raises:
        PickleError: it is damaged, or does what a checkpoint does not need.
    """
    if name in _LITERALS:
        state.stack.append(argument)
    elif name in _OPCODES:
        _OPCODES[name](state, argument)
    elif name not in _IGNORED:
        raise PickleError(f"it uses {name}")


def _since_mark(state: State) -> list[Any]:
    at = state.marks.pop()
    taken = state.stack[at:]
    del state.stack[at:]
    return taken


def _mark(state: State, _: Any) -> None:
    state.marks.append(len(state.stack))


def _pop(state: State, _: Any) -> None:
    if state.marks and state.marks[-1] == len(state.stack):
        state.marks.pop()
    else:
        state.stack.pop()


def _pop_mark(state: State, _: Any) -> None:
    _since_mark(state)


def _dup(state: State, _: Any) -> None:
    state.stack.append(state.stack[-1])


def _put(state: State, at: Any) -> None:
    state.memo[int(at)] = state.stack[-1]


def _memoize(state: State, _: Any) -> None:
    state.memo[len(state.memo)] = state.stack[-1]


def _get(state: State, at: Any) -> None:
    try:
        state.stack.append(state.memo[int(at)])
    except KeyError as error:
        raise PickleError(f"no memo {at}") from error


def _tuple(state: State, _: Any) -> None:
    state.stack.append(tuple(_since_mark(state)))


def _list(state: State, _: Any) -> None:
    state.stack.append(Made(None, (), members=_since_mark(state)))


def _dict(state: State, _: Any) -> None:
    state.stack.append(Made(None, (), items=_pairs(_since_mark(state))))


def _append(state: State, _: Any) -> None:
    member = state.stack.pop()
    _made(state.stack[-1]).members.append(member)


def _appends(state: State, _: Any) -> None:
    members = _since_mark(state)
    _made(state.stack[-1]).members.extend(members)


def _set_item(state: State, _: Any) -> None:
    value, key = state.stack.pop(), state.stack.pop()
    _made(state.stack[-1]).items.append((key, value))


def _set_items(state: State, _: Any) -> None:
    pairs = _pairs(_since_mark(state))
    _made(state.stack[-1]).items.extend(pairs)


def _ask(state: State, module: Any, name: Any) -> Global:
    if not isinstance(module, str) or not isinstance(name, str):
        raise PickleError("it computes the name of what it asks for")
    asked = Global(f"{module}.{name}")
    state.globals[asked.name] = None
    return asked


def _global(state: State, argument: Any) -> None:
    module, _, name = argument.partition(" ")
    state.stack.append(_ask(state, module, name))


def _stack_global(state: State, _: Any) -> None:
    name, module = state.stack.pop(), state.stack.pop()
    state.stack.append(_ask(state, module, name))


def _instance(state: State, argument: Any) -> None:
    module, _, name = argument.partition(" ")
    callee = _ask(state, module, name)
    state.stack.append(Made(callee, tuple(_since_mark(state))))


def _object(state: State, _: Any) -> None:
    callee, *arguments = _since_mark(state)
    state.stack.append(Made(callee, tuple(arguments)))


def _call(state: State, _: Any) -> None:
    arguments, callee = state.stack.pop(), state.stack.pop()
    state.stack.append(Made(callee, arguments))


def _call_named(state: State, _: Any) -> None:
    named, arguments, callee = state.stack.pop(), state.stack.pop(), state.stack.pop()
    state.stack.append(Made(callee, (arguments, named)))


def _build(state: State, _: Any) -> None:
    given = state.stack.pop()
    if isinstance(state.stack[-1], Made):
        state.stack[-1].state = given


def _persistent(state: State, argument: Any) -> None:
    named = Persistent(state.stack.pop() if argument is None else argument)
    state.persistent.append(named)
    state.stack.append(named)


def _extension(state: State, code: Any) -> None:
    state.stack.append(_ask(state, "copyreg", f"_inverted_registry[{code}]"))


def _empty(state: State, _: Any) -> None:
    state.stack.append(Made(None, ()))


def _constant(value: Any) -> Callable[[State, Any], None]:
    return lambda state, _: state.stack.append(value)


def _last(count: int) -> Callable[[State, Any], None]:
    def make(state: State, _: Any) -> None:
        if len(state.stack) < count:
            raise PickleError("a tuple of what is not there")
        taken = tuple(state.stack[-count:])
        del state.stack[-count:]
        state.stack.append(taken)

    return make


def _made(value: Any) -> Made:
    if not isinstance(value, Made):
        raise PickleError(f"it puts entries into a {type(value).__name__}")
    return value


def _pairs(flat: list[Any]) -> list[tuple[Any, Any]]:
    if len(flat) % 2:
        raise PickleError("a key without a value")
    return list(zip(flat[::2], flat[1::2], strict=True))


_IGNORED = {"PROTO", "FRAME"}
_LITERAL_NAMES = """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES
    BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
"""
_LITERALS = frozenset(_LITERAL_NAMES.split())
_OPCODES: dict[str, Callable[[State, Any], None]] = {
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"), _empty),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("APPENDS", "ADDITEMS"), _appends),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _call),
    **dict.fromkeys(("LIST", "FROZENSET"), _list),
    **dict.fromkeys(("PERSID", "BINPERSID"), _persistent),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    "APPEND": _append,
    "BUILD": _build,
    "DICT": _dict,
    "DUP": _dup,
    "EMPTY_TUPLE": _constant(()),
    "GLOBAL": _global,
    "INST": _instance,
    "MARK": _mark,
    "MEMOIZE": _memoize,
    "NEWFALSE": _constant(False),
    "NEWOBJ_EX": _call_named,
    "NEWTRUE": _constant(True),
    "NONE": _constant(None),
    "OBJ": _object,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "STACK_GLOBAL": _stack_global,
    "TUPLE": _tuple,
    "TUPLE1": _last(1),
    "TUPLE2": _last(2),
    "TUPLE3": _last(3),
}
"""What each does; one that is not here is refused."""
