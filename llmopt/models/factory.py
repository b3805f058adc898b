"""How to open a checkpoint, as a value that can be sent to another process; importing this loads no heavy library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from llmopt.core.target import LocalModel
from llmopt.errors import LlmoptError
from llmopt.models.cpu.record import ENGINE_MODULES, read_saved


@dataclass(frozen=True, slots=True)
class ModelFactory:
    """The arguments of `llmopt.models.checkpoint.open_model`."""

    path: str
    """Folder, or name in the hub's local cache."""
    device: str = "auto"
    dtype: str | None = None
    attention: str | None = None
    compile: bool = False
    task: str | None = None
    new_tokens: int | None = None
    trust_remote_code: bool = False

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.path

    def open(self) -> LocalModel:
        """Load the checkpoint in this process.

        Raises:
            LlmoptError: it cannot be opened; see `open_model`.
        """
        from llmopt.models.checkpoint import open_model

        return open_model(
            self.path,
            device=self.device,
            dtype=self.dtype,
            attention=self.attention,
            compile=self.compile,
            task=self.task,
            new_tokens=self.new_tokens,
            trust_remote_code=self.trust_remote_code,
        )

    def import_libraries(self) -> None:
        """Import what `open` will need, without opening anything; a folder that is no model says so when it is opened.

        Raises:
            MissingExtraError: a library is missing.
        """
        import_module("llmopt.models.checkpoint")
        try:
            saved = read_saved(Path(self.path))
        except (LlmoptError, ValueError):
            return
        for module in ENGINE_MODULES.get(saved.recipe.engine, ()) if saved is not None else ():
            import_module(module)

    def on(self, device: str) -> ModelFactory:
        """Return the same on another device."""
        return replace(self, device=device)
