"""Two decays of other libraries: the inverse square root, and the hyperbolic tangent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..elementwise import Number, at_least, exp, piecewise, progress, sqrt
from ..fields import Count, Offset, OneOrMoreSteps, Value, settle
from ..registry import register_combinator


@register_combinator("inverse_root")
@dataclass(frozen=True, kw_only=True)
class InverseRoot:
    """The inverse square root of time: ``v(t) = peak / sqrt(1 + t / timescale)``.

    Attributes:
        peak_value: value at step 0.
        timescale: steps after which half the square is left [steps, >= 1].

    Source:
        Vaswani et al. 2017, arXiv:1706.03762; ``transformers`` ``inverse_sqrt``.

    >>> InverseRoot(peak_value=1.0, timescale=10)(30)
    0.5
    """

    peak_value: Value
    timescale: OneOrMoreSteps

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return self.peak_value / sqrt(1.0 + at_least(step, 0.0) / self.timescale)


@register_combinator("unstretched_tanh")
@dataclass(frozen=True, kw_only=True)
class UnstretchedTanh:
    """A hyperbolic tangent from its lower bound to its upper, then the end::

        v(t) = end + (peak - end) * (1 - tanh(L + (U - L) * t / T)) / 2    0 <= t < T
             = end                                                         T <= t

    Attributes:
        total_steps: ``T`` [steps, >= 1].
        peak_value: value that a bound of minus infinity would start from.
        end_value: value from step ``T`` on.
        lower: ``L``.
        upper: ``U``.

    Source:
        Hsueh, Li & Wu 2018, arXiv:1806.01593.

    >>> round(UnstretchedTanh(total_steps=10, peak_value=1.0)(7), 6)
    0.5
    """

    total_steps: Count
    peak_value: Value
    end_value: Value = 0.0
    lower: Offset = -7.0
    upper: Offset = 3.0

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, step: Number) -> Number:
        return piecewise(step, (self.total_steps,), (self._falling, self._over))

    def _falling(self, step: Number) -> Number:
        x = self.lower + (self.upper - self.lower) * progress(step, self.total_steps)
        return self.end_value + (self.peak_value - self.end_value) / (1.0 + exp(2.0 * x))

    def _over(self, step: Number) -> Number:
        return self.end_value + 0.0 * step

    def knots(self, stop: int) -> Iterable[int]:
        return (self.total_steps,)
