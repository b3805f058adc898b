"""What is common to opening models with transformers: offline, no code of others, no bars and no chatter.

What is switched off belongs to the whole process. So it is switched by the first of several threads that need it and
put back by the last; bars of other threads are shown all the while.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.exhaustion import first_line

try:
    import torch
    from huggingface_hub import constants
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from tqdm import tqdm  # type: ignore[import-untyped]
    from transformers.utils import logging as chatter
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

OFFLINE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
"""Arguments of `from_pretrained`: nothing is downloaded, no Python file of a checkpoint runs, no pickle is loaded."""
UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    ImportError,
    StrictDataclassError,
    SafetensorError,
)
"""What transformers raises for damaged and foreign checkpoints."""
_AGAIN = "fetch it again, or save it there with save_pretrained()"


def unreadable(folder: Path, error: BaseException) -> InputError:
    """Return what to say of a checkpoint for which transformers raised an error."""
    hints = ((SafetensorError, _AGAIN), (ImportError, "install what it needs"), (OSError, _AGAIN))
    hint = next((hint for kind, hint in hints if isinstance(error, kind)), "pip install -U transformers")
    return InputError(f"{folder}: not a model that transformers can load: {first_line(error)}", hint)


def usable_device(name: str) -> torch.device:
    """Return a device of torch after it has computed something: a GPU too old or too new for torch can hold numbers.

    Raises:
        UsageError: there is none of that name, or it does not work.
    """
    try:
        device = torch.device(name)
        (torch.ones(1, device=device) + 1).item()
    except (RuntimeError, AssertionError, NotImplementedError, torch.cuda.DeferredCudaCallError) as error:
        raise UsageError(
            f"the device {name!r} cannot be used: {first_line(error)}", "name another one, such as cpu"
        ) from error
    return device


@dataclass(slots=True)
class Switch:
    """A setting of the whole process that several threads may want to be otherwise for a while."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    wanted: Any
    """What it is to be meanwhile."""
    _users: int = 0
    _before: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have it as wanted below; when the last user leaves it is as it was."""
        with self._lock:
            if not self._users:
                self._before = self.read()
                self.write(self.wanted)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self.write(self._before)


def _talk_at_most(name: str) -> Switch:
    logger = logging.getLogger(name)
    return Switch(lambda: logger.level, logger.setLevel, logging.CRITICAL)


def _show_bars(shown: bool) -> None:
    show: Callable[[], None] = chatter.enable_progress_bar if shown else chatter.disable_progress_bar
    show()


_BARS: Any = tqdm
_BEGIN = _BARS.__init__
_HERE = threading.local()


def _begun(bar: Any, *arguments: Any, **settings: Any) -> None:
    """Begin a bar of tqdm; one that is not shown where this thread asked for quiet."""
    _BEGIN(bar, *arguments, **(settings | {"disable": True} if getattr(_HERE, "quiet", 0) else settings))


_QUIET = (
    Switch(lambda: _BARS.__init__, lambda begin: setattr(_BARS, "__init__", begin), _begun),
    Switch(chatter.is_progress_bar_enabled, _show_bars, wanted=False),
    _talk_at_most("torchao"),  # when it is imported it tells what it cannot load
    _talk_at_most("torch.utils._pytree"),
)
_UNWARNED = Switch(chatter.get_verbosity, chatter.set_verbosity, logging.ERROR)
_OFFLINE = Switch(
    lambda: constants.HF_HUB_OFFLINE, lambda value: setattr(constants, "HF_HUB_OFFLINE", value), wanted=True
)


@contextmanager
def quiet() -> Iterator[None]:
    """Show neither bars, of any library, nor warnings of transformers and torchao below."""
    _HERE.quiet = getattr(_HERE, "quiet", 0) + 1
    try:
        with ExitStack() as stack:
            for switch in (*_QUIET, _UNWARNED):
                stack.enter_context(switch.held())
            yield
    finally:
        _HERE.quiet -= 1


@contextmanager
def offline() -> Iterator[None]:
    """Let nothing below ask a hub, such as for a kernel of attention; what is in its local cache is found."""
    with _OFFLINE.held():
        yield


@contextmanager
def unwarned() -> Iterator[None]:
    """Show no warnings of transformers below; cheap enough for every batch."""
    with _UNWARNED.held():
        yield
