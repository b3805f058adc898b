"""What is common to opening models with transformers: offline, no code of others, no bars and no chatter."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.exhaustion import first_line

for _talker in ("torchao", "torch.utils._pytree"):  # what cannot be loaded of torchao is told when it is imported
    logging.getLogger(_talker).setLevel(logging.ERROR + 1)
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


@contextmanager
def quiet() -> Iterator[None]:
    """Show neither bars, of any library, nor warnings of transformers below; all is as before afterwards."""
    bars: Any = tqdm
    begin = bars.__init__

    def hidden(bar: Any, *arguments: Any, **settings: Any) -> None:
        begin(bar, *arguments, **(settings | {"disable": True}))

    bars.__init__ = hidden
    shown = chatter.is_progress_bar_enabled()
    hide: Callable[[], None] = chatter.disable_progress_bar
    show: Callable[[], None] = chatter.enable_progress_bar
    hide()
    try:
        with unwarned():
            yield
    finally:
        bars.__init__ = begin
        if shown:
            show()


@contextmanager
def offline() -> Iterator[None]:
    """Let nothing below ask a hub, such as for a kernel of attention; what is in its local cache is found."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def unwarned() -> Iterator[None]:
    """Show no warnings of transformers below; cheap enough for every batch."""
    verbosity = chatter.get_verbosity()
    chatter.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        chatter.set_verbosity(verbosity)
