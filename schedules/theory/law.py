"""A law fitted to runs that were made, and what it says of runs that were not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..elementwise import FloatArray
from .curve import Curve
from .forms import Annealing, Convex, Form
from .refusals import reasons
from .regression import nonnegative_least_squares

EXPONENTS = np.arange(0.1, 1.2001, 0.025)
FEWEST_POINTS = 12  # after the warm-up
MEMORIES = (0.99, 0.995, 0.999, 0.9995)  # that the law with annealing is tried with
BLOCKS = 16  # of evaluations that are left out in turn, where the curves are too few to be left out
LAW_ERROR = 0.004  # the law's own error as a part of the loss: docs/foresight.md says where it was measured


@dataclass(frozen=True)
class Prediction:
    """What a law says, and how far off it may be.

    Attributes:
        loss: the final loss, or the difference of two.
        half_width: half of a band that is to hold the true one 19 times in 20.
    """

    loss: float
    half_width: float

    @property
    def low(self) -> float:
        """The band's lower end."""
        return self.loss - self.half_width

    @property
    def high(self) -> float:
        """The band's upper end."""
        return self.loss + self.half_width


@dataclass(frozen=True)
class Coefficients:
    """The numbers of a law: ``floor + amplitude * S^-exponent + noise * N``."""

    floor: float
    amplitude: float
    exponent: float
    noise: float

    def loss(self, area: Any, noise: Any) -> Any:
        """Return the loss where ``S`` and ``N`` are these."""
        return self.floor + self.amplitude * area**-self.exponent + self.noise * noise


@dataclass(frozen=True, eq=False)
class Law:
    """How the loss follows from the rates, as fitted to some curves.

    Attributes:
        form: what ``S`` and ``N`` are.
        curves: what it was fitted to.
        coefficients: the fit.
        others: the fits with a part of the curves left out, each in turn.
        misfit: root mean square of what is left of the curves, as a part of their loss.
    """

    form: Form
    curves: tuple[Curve, ...]
    coefficients: Coefficients
    others: tuple[Coefficients, ...]
    misfit: float

    def at(self, rates: Any, steps: Any) -> FloatArray:
        """Return the loss of a run after each number of updates [1 .. T]."""
        area, noise = self.form.columns(rates, steps)
        return self.coefficients.loss(area, noise)

    def __call__(self, rates: Any) -> float:
        """Return the loss at the end of a run with these rates."""
        return float(self.at(rates, [len(rates)])[0])

    def predict(self, rates: Any) -> Prediction:
        """Return the loss at the end of a run, with its band.

        The band is twice the root of two variances: the jackknife's over the fits that leave a part of
        the curves out, and the law's own error. That is the larger of 0.4 % of the loss and the misfit, and
        as much again each time the run goes twice as far as the curves, by the sum of the rates.
        """
        area, noise = (float(column[0]) for column in self.form.columns(rates, [len(rates)]))
        loss = self.coefficients.loss(area, noise)
        beyond = max(math.log2(float(np.sum(rates)) / max(curve.area for curve in self.curves)), 0.0)
        refitted = [c.loss(area, noise) for c in self.others]
        return Prediction(loss, self._half_width(refitted, loss * (1 + beyond)))

    def difference(self, rates: Any, baseline: Any) -> Prediction:
        """Return how much higher one run ends than another, with its band.

        What both share of the law's error drops out, so the band is not that of two predictions, and does
        not widen with the length.
        """
        one, other = (
            [float(c[0]) for c in self.form.columns(each, [len(each)])] for each in (rates, baseline)
        )
        loss = self.coefficients.loss(*one)
        gaps = [c.loss(*one) - c.loss(*other) for c in self.others]
        return Prediction(loss - self.coefficients.loss(*other), self._half_width(gaps, loss))

    def _half_width(self, refitted: Sequence[float], loss: float) -> float:
        found = np.asarray(refitted)
        jackknife = (len(found) - 1) / len(found) * float(np.sum((found - found.mean()) ** 2))
        return 2 * math.sqrt(jackknife + (max(LAW_ERROR, self.misfit) * loss) ** 2)

    def refuses(self, rates: Any = None) -> tuple[str, ...]:
        """Return why the law should not be believed, of any run or of one with these rates; empty if it may.

        It refuses a history without a drop of the rate, data seen more than once, curves it does not fit,
        another peak rate than the curves', and a run far beyond them.
        """
        return reasons(self.curves, self.misfit, rates)


def fit(curves: Sequence[Curve], form: Form | None = None) -> Law:
    """Fit a law to the losses of one run or more, all of one peak rate.

    ``L = L0 + A S^-a + b N`` with ``L0, A, b >= 0``: for each exponent on a grid the three others are the
    solution of one non-negative least squares on the relative errors, so there is no start value and no
    local minimum. The convex form is the default: on language models it ranked unseen runs better than the
    law with annealing in 12 of 18 comparisons, and worse in 2.

    Args:
        curves: what was seen; two of different shape, as cosine and wsd, say more than one.
        form: :class:`Convex`, by default, or :class:`Annealing`.

    Raises:
        ValueError: too few losses are left after the warm-up, or the curves' peaks differ.

    >>> rates = np.where(np.arange(400) < 300, 1.0, 1 - np.arange(-300, 100) / 100)
    >>> steps = np.arange(20, 401, 10)
    >>> area, noise = Convex().columns(rates, steps)
    >>> law = fit([Curve(rates, steps, 2.0 + 3.0 * area**-0.5 + 0.1 * noise)])
    >>> round(law.coefficients.exponent, 3), round(law.coefficients.floor, 6), law.refuses()
    (0.5, 2.0, ())
    """
    used = form if form is not None else Convex()
    tables = _tables(curves, used)
    whole = np.concatenate(tables)
    found = _fitted(whole)
    others = tuple(_fitted(rest) for rest in _left_out(tables))
    return Law(used, tuple(curves), found, others, _misfit(found, whole))


def fit_annealing(curves: Sequence[Curve]) -> Law:
    """Fit the law with annealing, its memory chosen from four by the misfit.

    It fits the curves' middle better than the convex law and ranks their ends worse, so it stands beside it.

    Raises:
        ValueError: as :func:`fit`.
    """

    def misfit(form: Annealing) -> float:
        whole = np.concatenate(_tables(curves, form))
        return _misfit(_fitted(whole), whole)

    return fit(curves, min((Annealing(memory) for memory in MEMORIES), key=misfit))


def _tables(curves: Sequence[Curve], form: Form) -> list[FloatArray]:
    """Return for each curve rows of ``S``, ``N`` and the loss, without the warm-up."""
    settled = [curve.settled() for curve in curves]
    count = sum(len(curve.steps) for curve in settled)
    if count < FEWEST_POINTS:
        raise ValueError(f"curves must hold {FEWEST_POINTS} losses after the warm-up, or more, got {count}")
    peaks = [curve.peak for curve in settled]
    if max(peaks) > 1.05 * min(peaks):
        raise ValueError(f"curves must share one peak rate, got {min(peaks):g} to {max(peaks):g}")
    return [np.column_stack((*form.columns(c.rates, c.steps), c.losses)) for c in settled]


def _misfit(found: Coefficients, whole: FloatArray) -> float:
    left = found.loss(whole[:, 0], whole[:, 1]) / whole[:, 2] - 1
    return float(np.sqrt(np.mean(left**2)))


def _fitted(table: FloatArray) -> Coefficients:
    """Return the best coefficients for rows of ``S``, ``N`` and the loss."""
    area, noise, losses = table.T
    target = np.ones(len(losses))
    scale = float(np.exp(np.mean(np.log(area))))
    best, least = Coefficients(0.0, 0.0, 1.0, 0.0), math.inf
    for exponent in EXPONENTS:
        columns = np.column_stack((np.ones_like(area), (area / scale) ** -exponent, noise))
        (floor, amplitude, drop), distance = nonnegative_least_squares(columns / losses[:, None], target)
        if distance < least:
            least = distance
            best = Coefficients(
                float(floor), float(amplitude * scale**exponent), float(exponent), float(drop)
            )
    return best


def _left_out(tables: list[FloatArray]) -> list[FloatArray]:
    """Return the rows without each curve in turn, or without each block where there are one or two."""
    if len(tables) >= 3:
        return [np.concatenate(tables[:i] + tables[i + 1 :]) for i in range(len(tables))]
    rests = []
    for i, table in enumerate(tables):
        others = tables[:i] + tables[i + 1 :]
        for block in np.array_split(np.arange(len(table)), BLOCKS // len(tables)):
            rests.append(np.concatenate([np.delete(table, block, axis=0), *others]))
    return rests
