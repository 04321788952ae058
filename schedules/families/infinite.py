"""Down to a plateau that may last for ever, and a short anneal whenever a model is wanted."""

from __future__ import annotations

from dataclasses import dataclass

from ..elementwise import Number, piecewise, progress
from ..fields import (
    OneOrMoreSteps,
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


@register("infinite")
@dataclass(frozen=True, kw_only=True)
class Infinite:
    """A warm-up, a cooldown to a plateau, the plateau, an anneal to the end.

    With warm-up ``W``, cooldown ``C``, decay ``D``, total ``T`` and shapes ``r``, ``q`` and ``s``::

        v(t) = peak + (init - peak) * r(1 - t / W)                 0     <= t < W
             = plateau + (peak - plateau) * q((t - W) / C)         W     <= t < W + C
             = plateau                                             W + C <= t < T - D
             = end + (plateau - end) * s((t - T + D) / D)          T - D <= t < T
             = end                                                 T     <= t

    With the default ``s``, ``exponential``, the anneal is ``plateau * (end / plateau)^((t - T + D) / D)``.

    Best for: continual pretraining: new data goes on from the plateau, without warming up again.

    Attributes:
        total_steps: ``T``, all phases included [steps, >= 1].
        peak_value: value at step ``W``.
        warmup_steps: ``W`` [steps, >= 0]; 0 starts at the peak.
        cooldown_steps: ``C``, from the peak to the plateau [steps, >= 0].
        decay_steps: ``D``, the last phase only [steps, >= 0]; 0 stays on the plateau.
        init_value: value at step 0 when ``W > 0``; ``None`` is peak / (W + 1), so the first update moves.
        plateau_value: value of the plateau.
        end_value: value from step ``T`` on when ``D > 0``.
        warmup_shape: ``r``, a name in ``SHAPES``, run backwards, or ``logarithmic``.
        cooldown_shape: ``q``, a name in ``SHAPES``.
        decay_shape: ``s``, a name in ``SHAPES``.

    Raises:
        ValueError: a field is out of bounds, the phases exceed ``T``, or a shape needs values > 0.

    Source:
        Ibrahim et al. 2024, arXiv:2403.08763; Singh et al. 2025, arXiv:2503.02844.

    >>> s = Infinite(total_steps=100, peak_value=1.0, warmup_steps=10, cooldown_steps=40, decay_steps=20,
    ...              init_value=0.0, plateau_value=0.5, end_value=0.005)
    >>> [round(s(t), 6) for t in (0, 5, 10, 30, 50, 80, 90, 100)]
    [0.0, 0.5, 1.0, 0.75, 0.5, 0.5, 0.05, 0.005]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    warmup_steps: Steps = percent(1)
    cooldown_steps: Steps = percent(60)
    decay_steps: Steps = percent(15)
    init_value: Value | None = None
    plateau_value: Value = percent(50)
    end_value: Value = percent(10)
    warmup_shape: WarmupShape = "linear"
    cooldown_shape: ShapeName = "cosine"
    decay_shape: ShapeName = "exponential"

    def __post_init__(self) -> None:
        settle(self)
        check_at_most(self, ("warmup_steps", "cooldown_steps", "decay_steps"), "total_steps")
        if self.warmup_steps:
            check_shape_ends(self.warmup_shape, init_value=self._init, peak_value=self.peak_value)
        check_shape_ends(self.cooldown_shape, peak_value=self.peak_value, plateau_value=self.plateau_value)
        if self.decay_steps:
            check_shape_ends(self.decay_shape, plateau_value=self.plateau_value, end_value=self.end_value)

    @property
    def _init(self) -> float:
        return first_value(self.peak_value, self.warmup_steps, self.init_value)

    def __call__(self, step: Number) -> Number:
        anneal = self.total_steps - self.decay_steps
        return piecewise(step, (self.warmup_steps, anneal), (self._warm_up, self._cool_down, self._decay))

    def _warm_up(self, step: Number) -> Number:
        return warming(self._init, self.peak_value, step, self.warmup_steps, self.warmup_shape)

    def _cool_down(self, step: Number) -> Number:
        u = progress(step - self.warmup_steps, self.cooldown_steps)
        return between(self.peak_value, self.plateau_value, u, self.cooldown_shape)

    def _decay(self, step: Number) -> Number:
        end = self.end_value if self.decay_steps else self.plateau_value
        u = progress(step - (self.total_steps - self.decay_steps), self.decay_steps)
        return between(self.plateau_value, end, u, self.decay_shape)

    def knots(self, stop: int) -> tuple[int, ...]:
        cooled = self.warmup_steps + self.cooldown_steps
        return (
            *warmup_knots(self.warmup_steps, self.warmup_shape),
            cooled,
            self.total_steps - self.decay_steps,
            self.total_steps,
        )
