"""Half a cosine over the run, or one for each cycle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..cycles import Starts
from ..elementwise import Number, at_least, at_most, floor, progress
from ..fields import Count, OneOrMoreSteps, PositiveRatio, Ratio, Value, settle
from ..registry import register
from ..shapes import between, cosine


@register("cosine")
@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Half a cosine from the peak to the end::

        v(t) = end + (peak - end) * ((1 + cos(pi * (t / T) ^ k)) / 2) ^ power

    Best for: vision and language models; with a warm-up the standard of both.

    Attributes:
        total_steps: ``T``, where it ends [steps, >= 1].
        peak_value: value at step 0.
        end_value: value from step ``T`` on.
        power: exponent of the cosine [> 0].
        k_decay: ``k``, exponent of the progress [> 0]; above 1 stays high for longer.

    Raises:
        ValueError: a field is out of bounds.

    Source:
        Loshchilov & Hutter 2016, arXiv:1608.03983; k-decay: Zhang & Li 2020, arXiv:2004.05909.

    >>> [round(Cosine(total_steps=4, peak_value=1.0)(t), 6) for t in (0, 1, 2, 4, 9)]
    [1.0, 0.853553, 0.5, 0.0, 0.0]
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
        return between(self.peak_value, self.end_value, u, "cosine", self.power)

    def knots(self, stop: int) -> tuple[int, ...]:
        return (self.total_steps,)


@register("cosine_restarts")
@dataclass(frozen=True, kw_only=True)
class CosineRestarts:
    """A cosine that starts again: cycle ``i`` begins at ``S_i``, has ``T_i`` steps and its own peak::

        T_i = max(1, floor(cycle_steps * cycle_mult ^ i))
        v(t) = end + (peak_i - end) * (1 + cos(pi * ((t - S_i) / T_i) ^ k)) / 2
        peak_i = peak * cycle_decay ^ i

    Best for: snapshot ensembles, runs whose end is not planned.

    Attributes:
        peak_value: value at the first step of the first cycle.
        cycle_steps: length of the first cycle [steps, >= 1].
        end_value: value that each cycle approaches.
        cycle_mult: factor of each cycle's length [> 0]; below 1, restarts come ever faster.
        cycle_decay: factor of each cycle's peak [>= 0].
        cycles: how many cycles there are [>= 1]; then ``end_value`` holds. ``None`` goes on for ever.
        k_decay: ``k``, exponent of the progress inside a cycle [> 0].

    Raises:
        ValueError: a field is out of bounds.

    Source:
        SGDR: Loshchilov & Hutter 2016, arXiv:1608.03983.

    >>> s = CosineRestarts(peak_value=1.0, cycle_steps=10, cycle_mult=2)
    >>> [round(s(t), 6) for t in (0, 5, 9, 10, 20, 29, 30)]
    [1.0, 0.5, 0.024472, 1.0, 0.5, 0.006156, 1.0]
    """

    peak_value: Value
    cycle_steps: OneOrMoreSteps
    end_value: Value = 0.0
    cycle_mult: PositiveRatio = 1.0
    cycle_decay: Ratio = 1.0
    cycles: Count | None = None
    k_decay: PositiveRatio = 1.0

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        step = at_least(step, 0.0)
        if self.cycle_mult == 1.0:
            return self._equal_cycles(step)
        cycle, start, length = self._starts.cycle(step)
        done = (step - start) / length
        return self._inside(cycle, at_least(at_most(done, 1.0), 0.0))

    def _equal_cycles(self, step: Number) -> Number:
        cycle = floor(step / self.cycle_steps)
        if self.cycles is not None:
            cycle = at_most(cycle, self.cycles - 1.0)
        return self._inside(cycle, progress(step - cycle * self.cycle_steps, self.cycle_steps))

    def _inside(self, cycle: Number, u: Number) -> Number:
        """Return the value in a cycle, by its number, at its progress ``u``."""
        left = cosine(u if self.k_decay == 1.0 else u**self.k_decay)
        peak = self.peak_value if self.cycle_decay == 1.0 else self.peak_value * self.cycle_decay**cycle
        return self.end_value * (1.0 - left) + peak * left

    @cached_property
    def _starts(self) -> Starts:
        return Starts(self.cycle_steps, self.cycle_mult, self.cycles)

    def __getstate__(self) -> dict[str, object]:
        return {key: state for key, state in vars(self).items() if key != "_starts"}

    def knots(self, stop: int, start: int = 0) -> Iterable[int]:
        end = 0
        for begin, length in self._starts.spans(start, stop):
            yield begin
            end = begin + length
        yield end

    def planned_steps(self) -> int | None:
        return self._starts.end()
