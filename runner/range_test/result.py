"""The result of a range test: every rule's value over the seeds, and one to begin with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .settings import RangeTest
from .suggest import Ramp, suggest

FOR_RATES, FOR_OTHERS = "steepest", "lowest"
"""The rule that is recommended."""

FAR_APART = 10.0
"""A factor between seeds that says: this is chance."""


@dataclass(frozen=True)
class Suggestion:
    """What one rule suggests.

    Attributes:
        rule: its name in :mod:`runner.suggest`.
        by_seed: seed -> value; ``None`` where the rule finds nothing.
    """

    rule: str
    by_seed: dict[int, float | None]

    @property
    def found(self) -> list[float]:
        """The values that there are, lowest first."""
        return sorted(value for value in self.by_seed.values() if value is not None)

    @property
    def median(self) -> float | None:
        """The middle value; between two the geometric mean, as a rate's scale is logarithmic."""
        values = self.found
        if not values:
            return None
        low, high = values[(len(values) - 1) // 2], values[len(values) // 2]
        return low if low == high else math.sqrt(low * high)

    @property
    def spread(self) -> float | None:
        """The highest value over the lowest."""
        values = self.found
        return values[-1] / values[0] if values and values[0] > 0.0 else None


@dataclass(frozen=True)
class RangeTestResult:
    """The result of a range test.

    Attributes:
        test: its settings.
        ramps: seed -> its losses.
        suggestions: of every rule that is meant for this hyper-parameter.
        recommended: a value to begin with, rounded to two digits: it is not known better than that.
        reason: where the value comes from, or why there is none.
        doubts: what speaks against it.
    """

    test: RangeTest
    ramps: dict[int, Ramp]
    suggestions: list[Suggestion]
    recommended: float | None
    reason: str
    doubts: list[str]

    @property
    def has_diverged(self) -> bool:
        """Whether every ramp broke off before its end."""
        return all(len(ramp.losses) < ramp.steps for ramp in self.ramps.values())

    def figures(self) -> dict[str, float]:
        """Return the suggestions as metrics."""
        figures = {} if self.recommended is None else {"suggestion/recommended": self.recommended}
        for each in self.suggestions:
            if each.median is not None:
                figures[f"suggestion/{each.rule}"] = each.median
                figures[f"suggestion/{each.rule}/min"] = each.found[0]
                figures[f"suggestion/{each.rule}/max"] = each.found[-1]
        return figures

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain data; a loss that is not finite is ``None``."""
        low, high = self.test.limits()
        return {
            "hyperparameter": self.test.hyperparameter,
            "low": low,
            "high": high,
            "ramp": self.test.ramp,
            "steps": self.test.steps,
            "divergence": self.test.divergence,
            "recommended": self.recommended,
            "reason": self.reason,
            "doubts": self.doubts,
            "suggestions": {
                each.rule: {"median": each.median, "by_seed": {str(s): v for s, v in each.by_seed.items()}}
                for each in self.suggestions
            },
            "curves": {
                str(seed): {
                    "values": ramp.values.tolist(),
                    "losses": [loss if math.isfinite(loss) else None for loss in ramp.losses.tolist()],
                }
                for seed, ramp in self.ramps.items()
            },
        }


def judge(test: RangeTest, ramps: dict[int, Ramp]) -> RangeTestResult:
    """Return what the ramps say."""
    is_rate = test.hyperparameter == "lr"
    by_seed = {seed: suggest(ramp) for seed, ramp in ramps.items()}
    rules = list(next(iter(by_seed.values()))) if is_rate else [FOR_OTHERS]
    suggestions = [Suggestion(rule, {seed: found[rule] for seed, found in by_seed.items()}) for rule in rules]
    chosen = next(each for each in suggestions if each.rule == (FOR_RATES if is_rate else FOR_OTHERS))
    if chosen.median is None:
        return RangeTestResult(test, ramps, suggestions, None, _why_none(test, ramps), [])
    reason = _reason(chosen, is_rate, test.hyperparameter)
    return RangeTestResult(
        test, ramps, suggestions, float(f"{chosen.median:.2g}"), reason, _doubts(test, ramps, chosen)
    )


def _reason(chosen: Suggestion, is_rate: bool, name: str) -> str:
    count = len(chosen.found)
    who = f"the median of {count} seeds" if count > 1 else "one seed"
    if is_rate:
        return (
            f"'{chosen.rule}', {who}: where the loss falls fastest on the log axis. "
            "A start for a search, not its end: also try a third and three times of it"
        )
    return (
        f"'{chosen.rule}', {who}: up to there the loss still fell. "
        f"Whether {name} helps on data that is not trained on, a ramp cannot tell: sweep around it"
    )


def _why_none(test: RangeTest, ramps: dict[int, Ramp]) -> str:
    name = test.hyperparameter
    low, high = test.limits()
    longest = max(ramps.values(), key=lambda ramp: len(ramp.losses))
    count = len(longest.losses)
    if count < longest.steps:
        return (
            f"every ramp diverged before a rule could read it, the last at {name} {longest.values[-1]:.3g} "
            f"after {count} steps; task.low and task.high must be lower, got {low:g} and {high:g}"
        )
    return f"the loss never fell between {name} {low:g} and {high:g}; try other task.low and task.high"


def _doubts(test: RangeTest, ramps: dict[int, Ramp], chosen: Suggestion) -> list[str]:
    """Return what to be wary of."""
    doubts = []
    low, high = test.limits()
    if len(chosen.found) == 1:
        doubts.append("one seed says nothing of its spread; give several in task.seeds")
    if chosen.spread is not None and chosen.spread > FAR_APART:
        doubts.append(
            f"the seeds differ by a factor of {chosen.spread:.0f}: this is noise; more task.steps or a "
            "larger trainer.batch_size make it less"
        )
    early = [
        seed for seed, value in chosen.by_seed.items() if value is not None and value <= _second(ramps[seed])
    ]
    if early:
        doubts.append(f"seed {_listed(early)} has it at the beginning of the ramp: lower task.low ({low:g})")
    falling = [seed for seed, ramp in ramps.items() if _still_falls(ramp)]
    if falling:
        doubts.append(f"the loss of seed {_listed(falling)} still falls at task.high: raise it ({high:g})")
    return doubts


def _second(ramp: Ramp) -> float:
    return float(ramp.values[1])


def _still_falls(ramp: Ramp) -> bool:
    found = suggest(ramp)["lowest"]
    return len(ramp.losses) == ramp.steps and found is not None and bool(np.isclose(found, ramp.values[-1]))


def _listed(seeds: list[int]) -> str:
    return ", ".join(map(str, seeds))
