"""What a sweep's command line asks to be trained: competitors, seeds, and what is tuned for each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from hydra.core.override_parser.types import IntervalSweep, Override

from ..errors import ConfigError
from .search import Range

RATES = ("optimizer.lr", "schedule.lr.peak_value")

Arm = tuple[str, ...]
"""The overrides that make a competitor: all of its job's but the seed and what is tuned."""


@dataclass
class Space:
    """What a command line asks to be trained.

    Attributes:
        fixed: overrides that every job has.
        arms: the competitors.
        seeds: overrides of the seed.
        rate: key of the peak rate where it is a list; empty where it is not.
        rates: its values, as typed.
        ranges: what is searched.
        order: place of each key on the command line.
    """

    fixed: list[str]
    arms: list[Arm]
    seeds: list[str]
    rate: str
    rates: list[str]
    ranges: dict[str, Range]
    order: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, overrides: list[Override]) -> Space:
        """Sort the overrides of a command line, each of another key."""
        fixed: list[str] = []
        lists: dict[str, list[str]] = {}
        ranges: dict[str, Range] = {}
        for each in overrides:
            key = str(each.get_key_element())
            if not each.is_sweep_override() and key == "seed":
                lists[key] = [str(each.get_value_element_as_str())]
            elif not each.is_sweep_override():
                fixed.append(f"{key}={each.get_value_element_as_str()}" if not each.is_delete() else key)
            elif each.is_discrete_sweep():
                lists[key] = [str(value) for value in each.sweep_string_iterator()]
            else:
                ranges[key] = _range(key, each)
        rate = next((key for key in RATES if key in lists), "")
        seeds = [f"seed={value}" for value in lists.pop("seed", [])]
        rates = lists.pop(rate, [])
        arms = itertools.product(*([f"{key}={value}" for value in values] for key, values in lists.items()))
        order = {str(each.get_key_element()): place for place, each in enumerate(overrides)}
        return cls(fixed, list(arms), seeds, rate, rates, ranges, order)

    def jobs(self, arms: Sequence[Arm], tuned: Sequence[str], seeds: Sequence[str]) -> list[list[str]]:
        """Return the overrides of the jobs that train these arms with these tuned values and seeds.

        They stand in the order of the command line: where two concern one value, Hydra lets the last count.
        """
        axes = (arms, tuned or [""], seeds or [""])
        return [
            sorted((o for o in (*self.fixed, *arm, *t.split(), seed) if o), key=self._place)
            for arm, t, seed in itertools.product(*axes)
        ]

    def _place(self, override: str) -> int:
        return self.order.get(override.partition("=")[0], len(self.order))


def _range(key: str, override: Override) -> Range:
    value = override.value()
    if not isinstance(value, IntervalSweep):
        raise ConfigError(f"{key} must be a list or an interval(low, high), got {override.input_line}")
    assert value.start is not None
    assert value.end is not None
    is_log = "log" in value.tags
    if not value.start < value.end or (is_log and not value.start > 0):
        bounds = "0 < low < high" if is_log else "low < high"
        raise ConfigError(f"{key} must be an interval(low, high) with {bounds}, got {override.input_line}")
    return Range(value.start, value.end, is_log, is_whole=isinstance(value.start, int))


def number(text: str) -> float:
    """Return a value as typed as a number; NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
