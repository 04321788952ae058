"""The settings of a range test."""

from __future__ import annotations

from dataclasses import dataclass, field

import schedules
from schedules.names import Names

from ..errors import ConfigError
from ..training.plans import BELOW_ONE

RAMPS = ("exponential", "linear")
LIMITS = {
    "lr": (1e-7, 10.0),
    "weight_decay": (1e-6, 1.0),
    "momentum": (0.5, 0.99),
    "beta1": (0.5, 0.99),
    "beta2": (0.5, 0.999),
}
"""Default limits of the ramp for each hyper-parameter."""

TASKS: Names[type] = Names("task")


@TASKS.entry("range_test")
@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """Which hyper-parameter goes up, from where to where, and how often.

    Attributes:
        hyperparameter: an entry of the optimizer's groups; ``momentum`` also means ``beta1``.
        low: its value at the first step [> 0; >= 0 for a linear ramp]; ``null`` is that of ``LIMITS``.
        high: its value at the last step [> low].
        ramp: ``exponential`` (equal factors) or ``linear`` (equal differences).
        steps: updates of one ramp [>= 10].
        seeds: one ramp for each; its initial weights and order of the data.
        divergence: a ramp ends where the smoothed loss is more than so many times its lowest [> 1].

    Raises:
        ValueError: a field is out of bounds.
    """

    hyperparameter: str = "lr"
    low: float | None = None
    high: float | None = None
    ramp: str = "exponential"
    steps: int = 100
    seeds: list[int] = field(default_factory=lambda: [1000, 1001, 1002])
    divergence: float = 4.0

    def __post_init__(self) -> None:
        if self.hyperparameter == "groups":
            raise ValueError("hyperparameter must be an entry of the optimizer's groups, got 'groups'")
        if self.ramp not in RAMPS:
            raise ValueError(f"ramp must be one of {', '.join(RAMPS)}, got {self.ramp!r}")
        if self.steps < 10:
            raise ValueError(f"steps must be a whole number >= 10, got {self.steps}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must be one or more different numbers, got {list(self.seeds)}")
        if min(self.seeds) < 0 or max(self.seeds) >= 2**63:
            raise ValueError(f"seeds must be whole numbers >= 0 and < 2^63, got {list(self.seeds)}")
        if not self.divergence > 1.0:
            raise ValueError(f"divergence must be a number > 1, got {self.divergence}")

    def limits(self) -> tuple[float, float]:
        """Return the first and the last value.

        Raises:
            ConfigError: one is missing, or they are no ramp of this hyper-parameter.
        """
        known = LIMITS.get(self.hyperparameter)
        if known is None and (self.low is None or self.high is None):
            raise ConfigError(
                f"task.low and task.high must be given for {self.hyperparameter}; "
                f"known limits: {', '.join(LIMITS)}"
            )
        low = known[0] if self.low is None and known is not None else self.low
        high = known[1] if self.high is None and known is not None else self.high
        assert low is not None
        assert high is not None
        above = low >= 0.0 if self.ramp == "linear" else low > 0.0
        if not above or low == float("inf"):
            rule = ">= 0" if self.ramp == "linear" else "> 0 for an exponential ramp"
            raise ConfigError(f"task.low must be a number {rule}, got {low:g}")
        if not low < high < float("inf"):
            raise ConfigError(f"task.high must be a number > task.low ({low:g}), got {high:g}")
        if self.hyperparameter in BELOW_ONE and high >= 1.0:
            raise ConfigError(f"task.high must be a number < 1 for {self.hyperparameter}, got {high:g}")
        return low, high

    def schedule(self) -> schedules.Schedule:
        """Return the ramp as a schedule: ``low`` at step 0, ``high`` at step ``steps - 1``."""
        low, high = self.limits()
        last = self.steps - 1
        if self.ramp == "linear":
            return schedules.build("linear", total_steps=last, peak_value=low, end_value=high)
        return schedules.build("exponential", peak_value=low, gamma=high / low, step_size=last)
