"""Values that drop at once: at regular steps, or at stated ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..elementwise import Number, at_least, floor
from ..fields import OneOrMoreSteps, Ratio, Steps, Value, settle
from ..registry import register
from ..schedule import regular


@register("step")
@dataclass(frozen=True, kw_only=True)
class Step:
    """Multiply by gamma after every ``step_size`` steps::

        v(t) = peak * gamma ^ floor(t / step_size)

    Best for: convolutional networks (ResNet, VGG).

    The drops have their dates on the run's clock: a warm-up in front moves none of them.

    Attributes:
        peak_value: value before the first drop.
        step_size: steps between drops [steps, >= 1].
        gamma: factor of each drop [>= 0].

    Raises:
        ValueError: a field is out of bounds.

    Source:
        He et al. 2015, arXiv:1512.03385; ``torch.optim.lr_scheduler.StepLR``.

    >>> s = Step(peak_value=0.1, step_size=30)
    >>> [round(s(epoch), 6) for epoch in (0, 29, 30, 60)]
    [0.1, 0.1, 0.01, 0.001]
    """

    peak_value: Value
    step_size: OneOrMoreSteps
    gamma: Ratio = 0.1

    on_run_clock: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return self.peak_value * self.gamma ** floor(at_least(step, 0.0) / self.step_size)

    def knots(self, stop: int, start: int = 0) -> range:
        return regular(self.step_size, self.step_size, start, stop)


@register("multistep")
@dataclass(frozen=True, kw_only=True)
class MultiStep:
    """Multiply by gamma at each milestone::

        v(t) = peak * gamma ^ (number of milestones <= t)

    Best for: reproducing papers that state their drops (ResNet, DenseNet, DeepSeek LLM).

    The milestones are on the run's clock: a warm-up in front moves none of them.

    Attributes:
        peak_value: value before the first milestone.
        milestones: the steps at which the value drops [steps, >= 0, not falling].
        gamma: factor of each drop [>= 0].

    Raises:
        ValueError: a field is out of bounds, or the milestones fall.

    Source:
        He et al. 2015, arXiv:1512.03385; ``torch.optim.lr_scheduler.MultiStepLR``.

    >>> s = MultiStep(peak_value=0.1, milestones=(30, 80))
    >>> [round(s(epoch), 6) for epoch in (0, 29, 30, 80)]
    [0.1, 0.1, 0.01, 0.001]
    """

    peak_value: Value
    milestones: tuple[Steps, ...]
    gamma: Ratio = 0.1

    on_run_clock: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self)
        if list(self.milestones) != sorted(self.milestones):
            raise ValueError(f"milestones must not fall, got {self.milestones}")

    def __call__(self, step: Number) -> Number:
        step = at_least(step, 0.0)
        if isinstance(step, np.ndarray):
            drops = np.searchsorted(np.asarray(self.milestones, dtype=float), step, side="right")
            return (self.peak_value * self.gamma ** np.arange(len(self.milestones) + 1.0))[drops]
        return self.peak_value * self.gamma ** float(bisect_right(self.milestones, step))

    def knots(self, stop: int) -> Iterable[int]:
        return self.milestones
