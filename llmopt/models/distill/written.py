"""Write a student as an ordinary checkpoint of transformers, with the tokenizer that it reads with.

A student that embeds is laid out as sentence-transformers does it (see `llmopt.models.layout`). Only directions of
vectors are learned, never lengths, so that layout ends in a step that normalises, whatever the teacher's does.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.distill.proof.sizes import size_of
from llmopt.models.distill.values import Student, Teacher
from llmopt.models.exhaustion import first_line
from llmopt.models.loading import quiet
from llmopt.models.quantizing.destination import check_space, writing
from llmopt.models.stored.documents import read_object
from llmopt.models.stored.names import is_regular, leads_out

try:
    from safetensors import SafetensorError
    from transformers import GenerationConfig
except ImportError as error:
    raise MissingExtraError((error.name or "transformers").partition(".")[0], "models") from error

_TOKENIZER = re.compile(
    r"(tokenizer.*|special_tokens_map|added_tokens|vocab|merges|spiece|sentencepiece.*|source|target|chat_template|"
    r"preprocessor_config|tekken|bpe)\.(json|txt|model|jinja|spm|tiktoken|vocab|bpe|codes)"
)
_TEMPLATES = "additional_chat_templates"
_GENERATION = "generation_config.json"
_PROMPTS = "config_sentence_transformers.json"
_KEPT_PROMPTS = ("prompts", "default_prompt_name", "similarity_fn_name")
_STEPS = ("Transformer", "Pooling", "Normalize")
_MODES = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}


def write_student(teacher: Teacher, student: Student, folder: Path) -> None:
    """Write a student into a folder that is there.

    Args:
        teacher: that it learned from; gives names of classes and prompts.
        student: to write, in float32.
        folder: to write into.

    Raises:
        InputError: something cannot be read or written, or no space.
    """
    with writing(folder):
        check_space(folder, size_of("", student.model).size_bytes)
        _write_model(teacher, student, folder)
        _copy_tokenizer(student.home, folder)
        if teacher.task == "embed":
            _write_layout(teacher, student, folder)


def _write_model(teacher: Teacher, student: Student, folder: Path) -> None:
    model = copy.copy(student.model)  # shares all weights; only its settings of generation are others
    if teacher.labels:
        model.config.id2label = dict(enumerate(teacher.labels))
        model.config.label2id = {name: at for at, name in enumerate(teacher.labels)}
    if teacher.task == "generate":
        model.generation_config = _generation(model)
    try:
        with quiet():
            model.save_pretrained(folder)
    except SafetensorError as error:
        raise InputError(
            f"{folder}: the weights cannot be written: {first_line(error)}", "free some space, or write elsewhere"
        ) from error
    if teacher.task == "generate" and is_regular(student.home / _GENERATION):
        # as it is: transformers refuses to save some settings that it reads
        shutil.copyfile(student.home / _GENERATION, folder / _GENERATION)


def _generation(model: Any) -> Any:
    """Return settings of generation that say no more than `config.json` does."""
    made: Any = GenerationConfig
    config = model.config.get_text_config()
    tokens = ("bos_token_id", "eos_token_id", "pad_token_id")
    return made(**{name: getattr(config, name, None) for name in tokens})


def _copy_tokenizer(home: Path, folder: Path) -> None:
    """Copy the files of a tokenizer; nothing that a link brings in from elsewhere."""
    for path in sorted(home.iterdir()):
        if path.name == _TEMPLATES and path.is_dir() and not path.is_symlink():
            (folder / _TEMPLATES).mkdir(exist_ok=True)
            inner = [one for one in sorted(path.iterdir()) if one.suffix == ".jinja"]
        else:
            inner = [path] if _TOKENIZER.fullmatch(path.name) else []
        for one in inner:
            if is_regular(one) and not leads_out(home, one):
                shutil.copyfile(one, folder / one.relative_to(home))
    if not (folder / "tokenizer.json").is_file():
        raise InputError(f"{home / 'tokenizer.json'}: a link that leads out of the folder", "put the file itself there")


def _write_layout(teacher: Teacher, student: Student, folder: Path) -> None:
    """Write the files of sentence-transformers, as its versions from 2 on read them."""
    layout = student.layout
    places = ("", *(f"{at}_{name}" for at, name in enumerate(_STEPS) if at))
    steps = [
        {"idx": at, "name": str(at), "path": place, "type": f"sentence_transformers.models.{name}"}
        for at, (name, place) in enumerate(zip(_STEPS, places, strict=True))
    ]
    modes = {key: mode == layout.pooling for mode, key in _MODES.items()}
    for place in places[1:]:
        (folder / place).mkdir(exist_ok=True)
    width = student.model.config.get_text_config().hidden_size
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width} | modes)
    _write(folder / "modules.json", steps)
    texts = {"max_seq_length": student.max_tokens, "do_lower_case": layout.lower}
    _write(folder / "sentence_bert_config.json", texts)
    prompts = _prompts(teacher.folder)
    if prompts:
        _write(folder / _PROMPTS, prompts)


def _prompts(folder: Path) -> Mapping[str, object]:
    """Return the prompts of a sentence model: who calls it by their names can call the student so."""
    path = folder / _PROMPTS
    told = read_object(path) if path.is_file() else {}
    return {key: told[key] for key in _KEPT_PROMPTS if key in told}


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
