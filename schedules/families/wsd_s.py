"""Warm-up, flat, decay, and again: a finished model at every milestone of one run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import pairwise

import numpy as np

from ..elementwise import Number, piecewise, progress
from ..fields import (
    OneOrMoreSteps,
    Part,
    PositiveRatio,
    ShapeName,
    Steps,
    Value,
    WarmupShape,
    check_shape_ends,
    settle,
)
from ..registry import register
from ..shapes import between, first_value, warming, warmup_knots


@register("wsd_s")
@dataclass(frozen=True, kw_only=True)
class WarmupStableDecaySimplified:
    """A flat stretch and a decay for each milestone, all in one run.

    The run goes on from the decayed state, at the peak again. Cycle ``i`` is from ``S_i`` (0, or the
    milestone before) to ``E_i`` (a milestone, or ``T``); its decay has ``D_i = floor(fraction (E_i - S_i))``
    steps. With warm-up ``W`` in the first cycle, a rise ``R`` in the later ones and shapes ``r``, ``s``::

        v(t) = peak + (init - peak) * r(1 - t / W)                    0         <= t < W
             = peak + (end - peak) * r(1 - (t - S_i) / R)             S_i       <= t < S_i + R,  i > 0
             = peak                                                   up to     t < E_i - D_i
             = end + (peak - end) * s((t - E_i + D_i) / D_i)^power    E_i - D_i <= t < E_i
             = end                                                    T         <= t

    Best for: several compute budgets from one run, without a second decay of any of them.

    Attributes:
        total_steps: ``T``, the last cycle's end [steps, >= 1].
        peak_value: value of the flat stretches.
        milestones: ends of the cycles before the last [steps, >= 1, rising, < T].
        warmup_steps: ``W`` [steps, >= 0]; 0 starts at the peak.
        rewarmup_steps: ``R``, from the end value back to the peak [steps, >= 0]; 0 is at the peak at once.
        decay_fraction: the part of each cycle that decays [>= 0, <= 1].
        init_value: value at step 0 when ``W > 0``; ``None`` is peak / (W + 1), so the first update moves.
        end_value: value approached by each decay.
        warmup_shape: ``r``, a name in ``SHAPES``, run backwards, or ``logarithmic``.
        decay_shape: ``s``, a name in ``SHAPES``; the paper's is ``inverse``, with an end value > 0.
        power: exponent of the fraction left in a decay [> 0].

    Raises:
        ValueError: a field is out of bounds, a cycle is shorter than its phases, or a shape needs values > 0.

    Source:
        Wen et al. 2024, arXiv:2410.05192 (WSD-S).

    >>> s = WarmupStableDecaySimplified(total_steps=20, peak_value=1.0, milestones=(10,), decay_fraction=0.4)
    >>> [s(t) for t in (0, 6, 8, 9, 10, 15, 16, 18, 20)]
    [1.0, 1.0, 0.5, 0.25, 1.0, 1.0, 1.0, 0.5, 0.0]
    """

    total_steps: OneOrMoreSteps
    peak_value: Value
    milestones: tuple[OneOrMoreSteps, ...] = ()
    warmup_steps: Steps = 0
    rewarmup_steps: Steps = 0
    decay_fraction: Part = 0.1
    init_value: Value | None = None
    end_value: Value = 0.0
    warmup_shape: WarmupShape = "linear"
    decay_shape: ShapeName = "linear"
    power: PositiveRatio = 1.0

    def __post_init__(self) -> None:
        settle(self)
        edges = (0, *self.milestones, self.total_steps)
        if any(later <= earlier for earlier, later in pairwise(edges)):
            raise ValueError(f"milestones must rise and be < total_steps, got {self.milestones}")
        for start, top, turn, end in self._cycles:
            if top > turn:
                rise = "rewarmup_steps" if start else "warmup_steps"
                raise ValueError(
                    f"{rise} and the decay must fit into every cycle, "
                    f"got {top - start} + {end - turn} > {end - start}"
                )
        if self.warmup_steps:
            check_shape_ends(self.warmup_shape, init_value=self._init, peak_value=self.peak_value)
        if self.rewarmup_steps and self.milestones:
            check_shape_ends(self.warmup_shape, end_value=self.end_value, peak_value=self.peak_value)
        if self.decay_fraction:
            check_shape_ends(self.decay_shape, peak_value=self.peak_value, end_value=self.end_value)

    @property
    def _init(self) -> float:
        return first_value(self.peak_value, self.warmup_steps, self.init_value)

    @cached_property
    def _cycles(self) -> tuple[tuple[int, int, int, int], ...]:
        """Each cycle's first step, first step at the peak, first step of its decay, and end."""
        part = Fraction(str(self.decay_fraction))  # exact: 29 % of 100 steps is 29, in floats 28
        cycles = []
        for start, end in pairwise((0, *self.milestones, self.total_steps)):
            rise = self.rewarmup_steps if start else self.warmup_steps
            cycles.append((start, start + rise, end - int(part * (end - start)), end))
        return tuple(cycles)

    def __call__(self, step: Number) -> Number:
        if isinstance(step, np.ndarray):
            return piecewise(
                step, self.milestones, [partial(self._cycle, i) for i in range(len(self._cycles))]
            )
        return self._cycle(bisect_right(self.milestones, step), step)

    def _cycle(self, i: int, step: Number) -> Number:
        start, top, turn, end = self._cycles[i]
        low = self.end_value if i else self._init

        def up(step: Number) -> Number:
            return warming(low, self.peak_value, step - start, top - start, self.warmup_shape)

        def down(step: Number) -> Number:
            bottom = self.end_value if turn < end else self.peak_value
            u = progress(step - turn, end - turn)
            return between(self.peak_value, bottom, u, self.decay_shape, self.power)

        return piecewise(step, (top,), (up, down))

    def knots(self, stop: int) -> Iterable[int]:
        for start, top, turn, end in self._cycles:
            rise = warmup_knots(top - start, self.warmup_shape)
            yield from (start, *(start + step for step in rise), turn, end)
