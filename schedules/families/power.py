"""A power of the tokens seen: the same curve for every batch size and every length of run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

from ..elementwise import Number, at_least
from ..fields import Count, OneOrMoreSteps, PositiveRatio, PositiveValue, Rule, Value, settle
from ..registry import register

Exponent = Annotated[float, Rule("number", high=0.0, below=True)]
"""An exponent of something that falls [< 0]."""


EARLIEST = 1e-200
"""A turn before this part of a step is none, and the progress since then would not fit a float."""


@register("power")
@dataclass(frozen=True, kw_only=True)
class Power:
    """The peak, until a power law of the tokens seen falls below it.

    With batch size ``B`` in sequences, or with a timescale ``S`` in steps::

        v(t) = max(end, min(peak, B * a * (tokens_per_step * t) ^ b))
        v(t) = max(end, min(peak, peak * (t / S) ^ b))

    Both are one curve: ``S`` is the step at which the law comes down to the peak.

    Best for: language models whose length and batch size are not settled; ends with a cooldown.

    The law counts tokens from the start of the run: a warm-up in front leads up to the curve.

    Attributes:
        peak_value: the highest value [> 0].
        exponent: ``b`` [< 0].
        timescale: ``S`` [steps, >= 1]; give this, or ``batch_size`` and ``tokens_per_step``.
        batch_size: ``B``, sequences that one update sees [sequences, >= 1].
        tokens_per_step: tokens that one update sees [tokens, >= 1].
        amplitude: ``a`` [> 0].
        end_value: the floor.

    Raises:
        ValueError: a field is out of bounds, or not exactly one of the two forms is given.

    Source:
        Shen et al. 2024, arXiv:2408.13359 (a = 4.6, b = -0.51).

    >>> [Power(peak_value=1.0, timescale=100, exponent=-0.5)(t) for t in (0, 100, 400, 10_000)]
    [1.0, 1.0, 0.5, 0.1]
    """

    peak_value: PositiveValue
    exponent: Exponent = -0.51
    timescale: OneOrMoreSteps | None = None
    batch_size: Count | None = None
    tokens_per_step: Count | None = None
    amplitude: PositiveRatio = 4.6
    end_value: Value = 0.0

    on_run_clock: ClassVar[bool] = True
    warms_up_to_its_curve: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self)
        tokens = (self.batch_size, self.tokens_per_step)
        if (self.timescale is None) == (None in tokens) or (self.timescale is not None and any(tokens)):
            raise ValueError(
                "either timescale, or batch_size and tokens_per_step must be given, got "
                f"timescale={self.timescale}, batch_size={tokens[0]}, tokens_per_step={tokens[1]}"
            )
        if self.end_value > self.peak_value:
            raise ValueError(f"end_value must be <= peak_value, got {self.end_value} > {self.peak_value}")
        if not EARLIEST < self._turn < math.inf:
            raise ValueError(
                f"peak_value must be a value that the law takes at some step, got {self.peak_value} "
                f"with exponent {self.exponent}"
            )

    @cached_property
    def _turn(self) -> float:
        """The step, whole or not, at which the law comes down to the peak."""
        if self.timescale is not None:
            return float(self.timescale)
        assert self.batch_size is not None
        assert self.tokens_per_step is not None
        return self._root(self.peak_value, self.batch_size * self.amplitude) / self.tokens_per_step

    def _root(self, value: float, scale: float) -> float:
        """Return the ``x`` of ``scale * x ^ exponent = value``; infinite where a float can't hold it."""
        logarithm = (math.log(value) - math.log(scale)) / self.exponent
        return math.exp(logarithm) if logarithm < 700.0 else math.inf

    def __call__(self, step: Number) -> Number:
        past = at_least(step, self._turn) / self._turn
        return at_least(self.peak_value * past**self.exponent, self.end_value)

    def knots(self, stop: int) -> tuple[int, ...]:
        if self.end_value == 0.0:
            return (math.ceil(self._turn),)
        floor = self._turn * self._root(self.end_value, self.peak_value)
        return (math.ceil(self._turn), math.ceil(min(floor, stop + 1)))
