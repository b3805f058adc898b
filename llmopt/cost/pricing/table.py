"""The price table: everything a caller needs to know about prices, behind one class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path

from llmopt.core.usage import TIERS
from llmopt.cost.pricing.load import Catalogue, Model, Provider, read_catalogue
from llmopt.cost.pricing.resolve import ResolvedModel, Resolver
from llmopt.cost.pricing.schema import minutes
from llmopt.cost.pricing.timeline import Choice, choose
from llmopt.errors import UsageError

__all__ = ["Choice", "HourCuts", "PriceTable", "ResolvedModel"]


@dataclass(frozen=True, slots=True)
class HourCuts:
    """When prices change within a day, and for whom."""

    minutes: tuple[int, ...]
    """Minutes of the UTC day at which some price changes, ascending; empty when none does."""
    names: tuple[str, ...]
    """Lower-case fragments: a logged model name that holds none of them has no time-of-day price."""


class PriceTable:
    """Effective-dated prices of every model, and the resolution of logged names to them."""

    __slots__ = ("_catalogue", "_choices", "_resolver", "date", "sha256")

    def __init__(self, catalogue: Catalogue, deployments: Mapping[str, str] | None = None) -> None:
        self._catalogue = catalogue
        self._choices: dict[tuple[str, str, str, datetime | None], Choice] = {}
        self.sha256: str = catalogue.sha256
        """Of all price files: their folders, names and contents, wherever they lie."""
        self.date: date = catalogue.checked
        """The newest day on which a price file was checked."""
        self._resolver = Resolver(catalogue, deployments or {}, self._same_price)

    @classmethod
    def load(
        cls, root: Path | None = None, extra: Sequence[Path] = (), deployments: Mapping[str, str] | None = None
    ) -> PriceTable:
        """Read prices.

        Args:
            root: a folder with `providers/` and `history/`; None: the one that ships with llmopt.
            extra: the user's own price files; each replaces the tiers of the models that it mentions.
            deployments: deployment name (as logged) -> model.

        Raises:
            PricingError: a price file is missing or wrong.
            ConfigError: a deployment stands for an unknown model.
        """
        return cls(read_catalogue(root, extra), deployments)

    def resolve(self, model: str, provider: str | None = None) -> ResolvedModel | None:
        """Return the model that a logged name means; None when that is not certain.

        Args:
            model: the name as logged, with any prefix, region or date.
            provider: the provider as the log names it, in any spelling; None when it does not.
        """
        return self._resolver.resolve(model, provider)

    def suggest(self, model: str) -> str | None:
        """Return a known model with a similar name, for a did-you-mean."""
        return self._resolver.suggest(model)

    def price_at(self, resolved: ResolvedModel, tier: str, at: datetime | None) -> Choice:
        """Return the price row of a model on a tier at an instant, and what there is to say about it.

        Args:
            resolved: what `resolve` returned.
            tier: one of `llmopt.core.usage.TIERS`.
            at: the time of the request; without a time zone it is UTC. None: the newest row.

        Raises:
            UsageError: `tier` is none of `TIERS`.
        """
        if tier not in TIERS:
            close = get_close_matches(tier, TIERS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"one of {', '.join(TIERS)}"
            raise UsageError(f"no such tier: {tier!r}", hint)
        key = (resolved.provider, resolved.model, tier, at)
        if key not in self._choices:
            if len(self._choices) > 100_000:
                self._choices.clear()
            provider = self._catalogue.providers[resolved.provider]
            self._choices[key] = choose(provider, provider.models[resolved.model], tier, at, self.date)
        return self._choices[key]

    def change_dates(self) -> tuple[date, ...]:
        """Return every UTC day on which some row or tier rule starts, ascending."""
        days = {row.effective_from for model in self._models() for row in model.rows}
        days.update(rule.effective_from for provider in self._catalogue.providers.values() for rule in provider.rules)
        return tuple(sorted(day for day in days if day is not None))

    def band_thresholds(self) -> tuple[int, ...]:
        """Return every number of input tokens at which some price changes, ascending."""
        return tuple(
            sorted({band.above_input_tokens for model in self._models() for row in model.rows for band in row.bands})
        )

    def hour_cuts(self) -> HourCuts:
        """Return the minutes of the day at which prices change, and the names of the models concerned."""
        cuts: set[int] = set()
        fragments: set[str] = set()
        for model in self._models():
            windows = [row.hours for row in model.rows if row.hours is not None]
            for window in windows:
                cuts.update((minutes(window.start) % 1440, minutes(window.end) % 1440))
            if windows:
                fragments |= self._resolver.names_of(model.provider, model.id)
        return HourCuts(tuple(sorted(cuts)), _shortest(fragments))

    def models(self, provider: str | None = None) -> Iterator[Model]:
        """Yield every model, all layers merged, by provider and then by id; of one provider where it is named."""
        for name in sorted(self._catalogue.providers):
            if provider in (None, name):
                models = self._catalogue.providers[name].models
                yield from (models[model_id] for model_id in sorted(models))

    def provider_of(self, model: Model) -> Provider:
        """Return the provider that sells `model`."""
        return self._catalogue.providers[model.provider]

    def providers(self) -> tuple[str, ...]:
        """Return the ids of all providers, in order."""
        return tuple(sorted(self._catalogue.providers))

    def name_of(self, provider: str) -> str:
        """Return the name of a provider for people, such as `AWS Bedrock`; the id itself where there is none."""
        known = self._catalogue.providers.get(provider)
        return known.name if known is not None and known.name else provider

    def model(self, resolved: ResolvedModel) -> Model:
        """Return the model that `resolve` found, with all of its rows."""
        return self._catalogue.providers[resolved.provider].models[resolved.model]

    def _models(self) -> Iterator[Model]:
        for provider in self._catalogue.providers.values():
            yield from provider.models.values()

    def _same_price(self, one: ResolvedModel, other: ResolvedModel) -> bool:
        """Return whether two models cost the same today, request fees and bands included."""
        if (one.provider, one.model) == (other.provider, other.model):
            return True
        first, second = self.price_at(one, "default", None).price, self.price_at(other, "default", None).price
        if first is None or second is None:
            return False
        return (first.rates, first.bands, first.usd_per_request) == (
            second.rates,
            second.bands,
            second.usd_per_request,
        )


def _shortest(fragments: set[str]) -> tuple[str, ...]:
    """Drop fragments that hold another; one common beginning of six letters or more stands for all."""
    first, last = min(fragments, default=""), max(fragments, default="")
    same = [index for index, (one, other) in enumerate(zip(first, last, strict=False)) if one != other]
    common = first[: same[0]] if same else first[: len(last)]
    if len(common) >= 6:
        return (common,)
    return tuple(sorted(one for one in fragments if not any(other in one for other in fragments if other != one)))
