"""What range tests suggest: the rules of the field, computed on the losses of one ramp.

A ramp trains for a few steps while one hyper-parameter goes up. Each rule reads a value off the losses:

=============  ======================================================================================
``valley``     a third and a half of a third into the longest fall; fastai's default
``slide``      where the slope stops changing, coming back from the end
``minimum``    a tenth of where the loss is lowest
``steep``      the steepest step on the log axis
``lightning``  the steepest slope on the *linear* axis, which favours small values
``steepest``   the steepest slope on the log axis, of a line fitted around each point
``lowest``     where the fitted loss is lowest: the last value that did no harm
=============  ======================================================================================

The first four are fastai's and the fifth Lightning's, each on the losses that it sees: smoothed and cut at
both ends as that library does. The last two are fitted to the raw losses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .fitted import FEWEST, Floats, falls, fitted

BETA = 0.98
"""Weight of the past in the libraries' running mean of the losses."""


@dataclass(frozen=True)
class Ramp:
    """The losses that one ramp recorded.

    Attributes:
        values: of the hyper-parameter, shape ``(points,)``, rising.
        losses: mean loss of each batch before its update, shape ``(points,)``; the last may be infinite.
        steps: how many points were planned [>= points].
        is_exponential: whether the values were spaced evenly on the log axis.
    """

    values: Floats
    losses: Floats
    steps: int
    is_exponential: bool = True


def smooth(losses: Floats, ahead: int = 1) -> Floats:
    """Return the running mean of the losses, without its pull to 0::

        a_i = 0.98 a_{i-1} + 0.02 l_i,  s_i = a_i / (1 - 0.98^(i + ahead))

    ``ahead=1`` is exact, and fastai's. Lightning counts one step too many, ``ahead=2``: its first value is
    about half of the first loss, and even a constant loss seems to rise.
    """
    mean, out = 0.0, np.empty(len(losses))
    for i, loss in enumerate(losses.tolist()):
        mean = BETA * mean + (1.0 - BETA) * loss
        out[i] = mean / (1.0 - BETA ** (i + ahead))
    return out


def end_of(losses: Floats, factor: float) -> int:
    """Return how many points count: up to the first that diverges, or all where none does.

    A point diverges where its loss is not finite, or the smoothed loss is more than ``factor`` times the
    lowest one so far.

    Source:
        fastai's and Lightning's ``lr_find``, both with a factor of 4.
    """
    best = math.inf
    for i, (loss, smoothed) in enumerate(zip(losses.tolist(), smooth(losses).tolist(), strict=True)):
        best = min(best, smoothed)
        if not math.isfinite(loss) or smoothed > factor * best > 0.0:
            return i + 1
    return len(losses)


def suggest(ramp: Ramp) -> dict[str, float | None]:
    """Return what each rule suggests; ``None`` where a rule finds nothing, or the points are too few."""
    fastai = slice(ramp.steps // 10, -5)
    values, losses = finite(ramp.values[fastai], smooth(ramp.losses)[fastai], until_first=True)
    lightning = slice(10, -1)
    own_values, own_losses = finite(ramp.values[lightning], smooth(ramp.losses, ahead=2)[lightning])
    return {
        "valley": valley(values, losses),
        "slide": slide(values, losses),
        "minimum": minimum(values, losses),
        "steep": steep(values, losses),
        "lightning": steepest_on_linear_axis(own_values, own_losses),
        "steepest": steepest(ramp),
        "lowest": lowest(ramp),
    }


def finite(values: Floats, losses: Floats, until_first: bool = False) -> tuple[Floats, Floats]:
    """Return the points whose loss is finite; or those before the first whose loss is not."""
    good = np.isfinite(losses)
    if until_first and not good.all():
        good[int(np.argmin(good)) :] = False
    return values[good], losses[good]


def valley(values: Floats, losses: Floats) -> float | None:
    """Return the value half-way into the longest fall.

    Its length is that of the longest run of points, not necessarily neighbours, each lower than the one
    before; it is taken to lie right before the last of them. None where that is before the first point:
    fastai would then count from the end of the list.

    Source:
        ``fastai.callback.schedule.valley``.
    """
    if not len(losses):
        return None
    lengths = np.ones(len(losses), dtype=int)  # of the longest fall that ends in each point
    for i in range(1, len(losses)):
        lengths[i] += lengths[:i][losses[:i] > losses[i]].max(initial=0)
    end = int(np.argmax(lengths))
    length = int(lengths[end]) if end else 0  # a curve that never falls has its valley at its first point
    at = end - length + int(length / 3) + int(length / 6)
    return float(values[at]) if at >= 0 else None


def slide(values: Floats, losses: Floats, distance: int = 15, threshold: float = 0.005) -> float | None:
    """Return the value where the slope stops changing, coming back from the end.

    Two points, ``distance`` apart, move left together until their slopes by index differ by at most
    ``threshold``; it is the left one of the pair before.

    Source:
        ``fastai.callback.schedule.slide``.
    """
    left = len(losses) - 1 - distance
    if left < 0:
        return None
    slopes = np.gradient(losses)
    found = left
    while left >= 0 and abs(slopes[left + distance] - slopes[left]) > threshold:
        found, left = left, left - 1
    return float(values[found])


def minimum(values: Floats, losses: Floats) -> float | None:
    """Return a tenth of the value of the lowest loss. Source: ``fastai.callback.schedule.minimum``."""
    return float(values[np.argmin(losses)]) / 10.0 if len(losses) else None


def steep(values: Floats, losses: Floats) -> float | None:
    """Return the value before the steepest step, ``(l_{i+1} - l_i) / (ln v_{i+1} - ln v_i)``.

    Source:
        ``fastai.callback.schedule.steep``.
    """
    if len(losses) < 2 or values[0] <= 0.0:
        return None
    return float(values[np.argmin(np.diff(losses) / np.diff(np.log(values)))])


def steepest_on_linear_axis(values: Floats, losses: Floats) -> float | None:
    """Return the value of the steepest slope ``dl / dv``, by central differences.

    Source:
        ``lightning.pytorch.tuner.lr_finder``, which computes it in single precision, and so does this.
    """
    if len(losses) < 2:
        return None
    slopes = np.gradient(losses.astype(np.float32), values.astype(np.float32))
    return float(values[np.argmin(slopes)])


def steepest(ramp: Ramp) -> float | None:
    """Return the value where the fitted loss falls fastest along the log axis, up to its lowest point."""
    values, losses, levels, slopes = fitted_to(ramp, on_log_axis=True)
    if not falls(losses, levels):
        return None
    return float(values[np.argmin(slopes[: int(np.argmin(levels)) + 1])])


def lowest(ramp: Ramp) -> float | None:
    """Return the value where the fitted loss is lowest."""
    values, losses, levels, _ = fitted_to(ramp, on_log_axis=ramp.is_exponential)
    return float(values[np.argmin(levels)]) if falls(losses, levels) else None


def fitted_to(ramp: Ramp, on_log_axis: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """Return a ramp's values and losses, and level and slope of the line fitted at each; none of too few.

    A loss above all of the ramp's first tenth is lowered to there. That it diverged is all that it says:
    by how much would only bend the line before it.
    """
    values, losses = finite(ramp.values, ramp.losses)
    losses = np.minimum(losses, losses[: max(1, ramp.steps // 10)].max(initial=-math.inf))
    if on_log_axis:
        values, losses = values[values > 0.0], losses[values > 0.0]
    if len(losses) < FEWEST:
        empty = np.empty(0)
        return empty, empty, empty, empty
    return values, losses, *fitted(np.log10(values) if on_log_axis else values, losses)
