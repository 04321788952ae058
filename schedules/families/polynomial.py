"""Decays over a planned length along a power of what is left."""

from __future__ import annotations

from dataclasses import dataclass

from ..elementwise import Number, progress
from ..fields import OneOrMoreSteps, PositiveRatio, Value, settle
from ..registry import register
from ..shapes import between


@register("polynomial")
@dataclass(frozen=True, kw_only=True)
class Polynomial:
    """A power of the part of the run that is left::

        v(t) = end + (peak - end) * (1 - (t / T) ^ k) ^ power

    Best for: fine-tuning and segmentation; 1 is a straight line, 2 a parabola.

    Attributes:
        total_steps: ``T``, where it ends [steps, >= 1].
        peak_value: value at step 0.
        end_value: value from step ``T`` on.
        power: exponent of what is left [> 0].
        k_decay: ``k``, exponent of the progress [> 0]; above 1 stays high for longer.

    Raises:
        ValueError: a field is out of bounds.

    Source:
        ``torch.optim.lr_scheduler.PolynomialLR``; k-decay: Zhang & Li 2020, arXiv:2004.05909.

    >>> [Polynomial(total_steps=4, peak_value=1.0, power=2.0)(t) for t in (0, 2, 4, 9)]
    [1.0, 0.25, 0.0, 0.0]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    end_value: Value = 0.0
    power: PositiveRatio = 1.0
    k_decay: PositiveRatio = 1.0

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        u = progress(step, self.total_steps)
        u = u if self.k_decay == 1.0 else u**self.k_decay
        return between(self.peak_value, self.end_value, u, "linear", self.power)

    def knots(self, stop: int) -> tuple[int, ...]:
        return (self.total_steps,)


@register("linear")
@dataclass(frozen=True, kw_only=True)
class Linear:
    """A straight line::

        v(t) = peak + (end - peak) * t / T

    Best for: language models, to zero; the best polynomial in convex theory.

    Attributes:
        total_steps: ``T``, where it ends [steps, >= 1].
        peak_value: value at step 0.
        end_value: value from step ``T`` on.

    Raises:
        ValueError: a field is out of bounds.

    Source:
        Bergsma et al. 2025, arXiv:2502.15938 (linear to zero); ``optax.linear_schedule``.

    >>> [Linear(total_steps=4, peak_value=1.0)(t) for t in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    end_value: Value = 0.0

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return between(self.peak_value, self.end_value, progress(step, self.total_steps), "linear")

    def knots(self, stop: int) -> tuple[int, ...]:
        return (self.total_steps,)
