"""Import what a user names as `package.module:name` or `path/file.py:name`, and tell what goes wrong in one line."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

from llmopt.errors import InputError, LlmoptError, UsageError

_FORM = "package.module:name, or path/file.py:name"
_OURS = (str(Path(__file__).parent), str(Path(importlib.__file__).parent))
"""Frames from here say nothing about the user's code."""
_PREFIX = "llmopt_user_"
"""Of the names of modules that come from a file, so that `json.py` is not taken for Python's own."""
_LONGEST = 300
"""Characters of what an error says: some hold the whole request."""


def is_callable(name: str) -> bool:
    """Whether a name is one of a function and not of a model: `module:name`, unless there is such a folder."""
    return ":" in name and not Path(name).exists()


def imported(spec: str) -> Any:
    """Return what a user names.

    Raises:
        UsageError: not a name of this form.
        InputError: no such module, file or name, or importing it fails.
    """
    where, _, name = spec.rpartition(":")
    if not where or not name or not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{spec!r} names no callable", _FORM)
    try:
        with redirect_stdout(sys.stderr):
            found: Any = _from_file(Path(where)) if where.endswith(".py") else _module(where)
    except LlmoptError:
        raise
    except (Exception, SystemExit) as error:  # the user's code raises what it likes
        relative = where.endswith(".py") and "relative import" in str(error)
        hint = "name it with its package: package.module:name" if relative else "import it by itself to see more"
        raise InputError(f"importing {where} raised {told(error)}", hint) from error
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise InputError(f"{where} has no {name}", _known(found, part)) from None
    return found


def told(error: BaseException) -> str:
    """Return the type, the first line and the place of what the user's code raised."""
    said = str(error).strip().partition("\n")[0][:_LONGEST]
    frames = [] if isinstance(error, SyntaxError) else traceback.extract_tb(error.__traceback__)  # it says where
    theirs = [frame for frame in frames if not frame.filename.startswith((*_OURS, "<"))]
    place = f" ({theirs[-1].filename}:{theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}{': ' if said else ''}{said}{place}"


def _module(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{name!r} is no name of a module", _FORM)
    _importable(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise
        raise InputError(
            f"{name}: no such module", "run this where it can be imported, or name its file: path/file.py:name"
        ) from None


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"{path}: no such file", _FORM)
    _importable(path.parent.resolve())
    name = _PREFIX + path.stem
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: not a Python file", _FORM)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _known(found: Any, wanted: str) -> str:
    listed = vars(found) if isinstance(found, ModuleType) else dir(found)  # a module's in the order of the file
    names = [name for name in listed if not name.startswith("_") and callable(getattr(found, name, None))]
    near = difflib.get_close_matches(wanted, names, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    home = getattr(found, "__name__", "")
    own = [name for name in names if getattr(getattr(found, name), "__module__", None) == home]
    return f"it has {', '.join((own or names)[:8])}" if names else "look at its spelling"
