"""Fill a narrower student with what weighs most in its teacher.

Of the residual stream the same dimensions are kept everywhere; of each layer its own neurons and heads. A dimension
weighs what its weights weigh: the sum of their squares, each matrix with the same total. Norms of weights are the
plainest measure of what can go (Han et al. 2015, "Learning both weights and connections"); the training mends the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.models.distill.students.fresh import stacks
from llmopt.models.distill.students.heads import HeadPlaces, Heads, HeadScores, heads_kept, heads_of, most
from llmopt.models.distill.students.roles import Place, Role, Roles, place_of, roles_of

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_HEADS: tuple[Role, ...] = ("query", "key", "value", "mixed")
_POSITIONS = "position"
"""Tables of positions: the first rows are those of the first places of a text."""


@dataclass(frozen=True, slots=True)
class _Weight:
    """A parameter of the student that the teacher has too."""

    before: torch.Tensor
    """The teacher's."""
    after: torch.Tensor
    """The student's."""
    place: Place
    roles: Roles
    layer: str
    """The student's layer that it is in; empty outside of layers."""


@dataclass(slots=True)
class _Kept:
    """Which dimensions of the teacher the student keeps."""

    hidden: torch.Tensor | None = None
    neurons: dict[str, torch.Tensor] = field(default_factory=dict)
    """By layer."""
    heads: dict[str, HeadPlaces] = field(default_factory=dict)
    same_heads: bool = False
    """Whether attention is divided as in the teacher."""


def fill(teacher: Any, student: Any, places: Sequence[int]) -> float:
    """Fill a student from its teacher, and return the share of its weights that come from there, from 0 to 1.

    Args:
        teacher: of transformers.
        student: of the same class; what does not fit stays as it is.
        places: the teacher's layer for each layer of the student.
    """
    weights = _pairs(teacher, student, places)
    hidden = tuple(model.config.get_text_config().hidden_size for model in (teacher, student))
    kept = _kept(weights, hidden, heads_of(teacher.config), heads_of(student.config))
    taken = 0
    with torch.no_grad():
        for weight in weights:
            value = _cut(weight, kept)
            if value is not None:
                weight.after.copy_(value)
                taken += value.numel()
    return float(taken / max(1, sum(weight.numel() for weight in student.parameters())))


def _pairs(teacher: Any, student: Any, places: Sequence[int]) -> list[_Weight]:
    """Return the parameters that both have, in the student's order."""
    theirs, before = dict(teacher.named_parameters()), stacks(teacher)
    lists = stacks(student)
    modules = dict(student.named_modules())
    hidden = teacher.config.get_text_config().hidden_size
    found = []
    for name, after in student.named_parameters():
        path = next((path for path in lists if name.startswith(f"{path}.")), None)
        layer, other = "", name
        if path is not None:
            number, _, rest = name[len(path) + 1 :].partition(".")
            layer = number
            of_layers = lists[path] == len(places) and before.get(path, 0) > max(places)
            other = f"{path}.{places[int(number)]}.{rest}" if of_layers else name
        value = theirs.get(other)
        if value is not None and value.dim() == after.dim():
            place = place_of(name, modules, list(lists))
            found.append(_Weight(value.detach().cpu(), after, place, roles_of(place, value.shape, hidden), layer))
    return found


def _kept(weights: Sequence[_Weight], hidden: tuple[int, ...], before: Heads | None, after: Heads | None) -> _Kept:
    """Choose the dimensions that weigh most."""
    kept, scores = _Kept(), _scores(weights)
    dimensions = [(weight, at, role) for weight in weights for at, role in enumerate(weight.roles)]
    sizes = {weight.layer: weight.after.shape[at] for weight, at, role in dimensions if role == "neurons"}
    whole, part = hidden
    if ("", "hidden") in scores and part <= whole:
        kept.hidden = most(scores["", "hidden"], part)
    for layer, count in sizes.items():
        if count <= len(scores[layer, "neurons"]):
            kept.neurons[layer] = most(scores[layer, "neurons"], count)
    if before is not None and after is not None:
        kept.heads, kept.same_heads = _heads(scores, before, after), before == after
    return kept


def _scores(weights: Sequence[_Weight]) -> dict[tuple[str, Role], torch.Tensor]:
    """Return how much each dimension weighs, by layer and role; the residual stream is of no layer."""
    scores: dict[tuple[str, Role], torch.Tensor] = {}
    for weight in weights:
        squares = weight.before.float().square()
        squares = squares / squares.sum().clamp(min=torch.finfo(squares.dtype).tiny)
        for at, role in enumerate(weight.roles):
            if role is not None:
                _add(scores, weight, role, squares.movedim(at, 0).flatten(1).sum(1) if squares.dim() > 1 else squares)
    return scores


def _add(scores: dict[tuple[str, Role], torch.Tensor], weight: _Weight, role: Role, share: torch.Tensor) -> None:
    """Add what the dimensions of one weight weigh to those that they belong to."""
    if role == "query_key_value":
        parts: dict[Role, torch.Tensor] = dict(zip(_HEADS, share.chunk(3), strict=False))
    elif role == "gated":
        parts = {"neurons": sum(share.chunk(2), torch.zeros(1))}
    else:
        parts = {role: share}
    for name, part in parts.items():
        key = "" if name == "hidden" else weight.layer, name
        if key not in scores:
            scores[key] = part
        elif scores[key].shape == part.shape:
            scores[key] = scores[key] + part


def _heads(scores: Mapping[tuple[str, Role], torch.Tensor], before: Heads, after: Heads) -> dict[str, HeadPlaces]:
    """Choose heads layer by layer, where the weights are as large as the settings say."""
    sizes = {"key": before.groups, "value": before.groups}
    of_layers: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    for (layer, role), score in scores.items():
        if role in _HEADS and len(score) == sizes.get(role, before.queries) * before.size:
            of_layers[layer][role] = score
    return {
        layer: heads_kept(before, after, HeadScores(**found))
        for layer, found in of_layers.items()
        if len(found) == len(_HEADS)
    }


def _cut(weight: _Weight, kept: _Kept) -> torch.Tensor | None:
    """Return what the student takes of a weight; None where the shapes do not allow it."""
    value = weight.before
    for at, (role, size) in enumerate(zip(weight.roles, weight.after.shape, strict=True)):
        places = _places(weight, role, kept, value.shape[at], size)
        if places is None or len(places) != size or int(places.max()) >= value.shape[at]:
            return None
        value = value.index_select(at, places)
    return value


def _places(weight: _Weight, role: Role | None, kept: _Kept, whole: int, size: int) -> torch.Tensor | None:
    """Return which places of a dimension stay."""
    heads = kept.heads.get(weight.layer)
    if role == "hidden":
        return kept.hidden
    if role == "neurons":
        return kept.neurons.get(weight.layer)
    if role == "gated":
        one = kept.neurons.get(weight.layer)
        return None if one is None else torch.cat([one, one + whole // 2])
    if role == "query_key_value":
        three = [] if heads is None else [part for part in (heads.query, heads.key, heads.value) if part is not None]
        return torch.cat([one + at * (whole // 3) for at, one in enumerate(three)]) if len(three) == 3 else None
    if role is not None:
        found: torch.Tensor | None = getattr(heads, role, None)
        return torch.arange(whole) if found is None and kept.same_heads else found
    positions = _POSITIONS in weight.place.path and size <= whole
    return torch.arange(size) if size == whole or positions else None
