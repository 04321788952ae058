"""The schedule that does nothing: the baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..elementwise import Number
from ..fields import Value, settle
from ..registry import register


@register("constant")
@dataclass(frozen=True, kw_only=True)
class Constant:
    """One value at every step::

        v(t) = peak

    Best for: quick experiments, baselines, short fine-tuning.

    Attributes:
        peak_value: the value.

    Raises:
        ValueError: ``peak_value`` is not a finite number >= 0.

    >>> Constant(peak_value=0.1)(123)
    0.1
    """

    peak_value: Value

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return np.full(step.shape, self.peak_value) if isinstance(step, np.ndarray) else self.peak_value
