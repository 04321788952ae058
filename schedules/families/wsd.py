"""Warm-up, a flat stretch, a cooldown: the schedule of runs that may go on."""

from __future__ import annotations

from dataclasses import dataclass

from ..elementwise import Number, piecewise, progress
from ..fields import (
    OneOrMoreSteps,
    PositiveRatio,
    ShapeName,
    Steps,
    Value,
    WarmupShape,
    check_at_most,
    check_shape_ends,
    percent,
    settle,
)
from ..registry import register
from ..shapes import between, first_value, warming, warmup_knots


@register("wsd")
@dataclass(frozen=True, kw_only=True)
class WarmupStableDecay:
    """A warm-up, a flat stretch at the peak, one decay to the end.

    With warm-up ``W``, decay ``D``, total ``T`` and shapes ``r`` and ``s``::

        v(t) = peak + (init - peak) * r(1 - t / W)                0     <= t < W
             = peak                                               W     <= t < T - D
             = end + (peak - end) * s((t - T + D) / D) ^ power    T - D <= t < T
             = end                                                T     <= t

    Of the published cooldowns, ``1 - sqrt`` is ``one_minus_sqrt``, ``(1 - x)^p`` is ``linear`` with
    ``power=p``, and MiniCPM's ``0.5^((t - T + D) / H)``, halving every ``H`` steps, is ``exponential``
    with ``end_value = peak * 0.5^(D / H)``.

    Best for: language models, runs that may be extended, comparing cooldowns on one trunk.

    Attributes:
        total_steps: ``T``, warm-up and decay included [steps, >= 1].
        peak_value: value of the flat stretch.
        warmup_steps: ``W`` [steps, >= 0]; 0 starts at the peak.
        decay_steps: ``D``, the last phase only [steps, >= 0]; 0 never decays.
        init_value: value at step 0 when ``W > 0``; ``None`` is peak / (W + 1), so the first update moves.
        end_value: value from step ``T`` on when ``D > 0``.
        warmup_shape: ``r``, a name in ``SHAPES``, run backwards, or ``logarithmic``.
        decay_shape: ``s``, a name in ``SHAPES``.
        power: exponent of the fraction left in the decay [> 0].

    Raises:
        ValueError: a field is out of bounds, the phases exceed ``T``, or a shape needs values > 0.

    Source:
        Hu et al. 2024, arXiv:2404.06395; shapes: Hägele et al. 2024, arXiv:2405.18392.

    >>> s = WarmupStableDecay(peak_value=1.0, total_steps=10, warmup_steps=2, decay_steps=4, init_value=0.0)
    >>> [s(t) for t in (0, 1, 2, 6, 8, 10)]
    [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    warmup_steps: Steps = 0
    decay_steps: Steps = percent(20)
    init_value: Value | None = None
    end_value: Value = 0.0
    warmup_shape: WarmupShape = "linear"
    decay_shape: ShapeName = "linear"
    power: PositiveRatio = 1.0

    def __post_init__(self) -> None:
        settle(self)
        check_at_most(self, ("warmup_steps", "decay_steps"), "total_steps")
        if self.warmup_steps:
            check_shape_ends(self.warmup_shape, init_value=self._init, peak_value=self.peak_value)
        if self.decay_steps:
            check_shape_ends(self.decay_shape, peak_value=self.peak_value, end_value=self.end_value)

    @property
    def _init(self) -> float:
        return first_value(self.peak_value, self.warmup_steps, self.init_value)

    def __call__(self, step: Number) -> Number:
        return piecewise(step, (self.warmup_steps,), (self._warm_up, self._decay))

    def _warm_up(self, step: Number) -> Number:
        return warming(self._init, self.peak_value, step, self.warmup_steps, self.warmup_shape)

    def _decay(self, step: Number) -> Number:
        end = self.end_value if self.decay_steps else self.peak_value
        u = progress(step - (self.total_steps - self.decay_steps), self.decay_steps)
        return between(self.peak_value, end, u, self.decay_shape, self.power)

    def knots(self, stop: int) -> tuple[int, ...]:
        return (
            *warmup_knots(self.warmup_steps, self.warmup_shape),
            self.total_steps - self.decay_steps,
            self.total_steps,
        )
