"""The schedule that a law would have: free but falling, and the registered one that comes nearest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..building import build
from ..elementwise import FloatArray
from ..schedule import Schedule, values
from .forms import Convex
from .last_iterate import gradient, moving
from .law import Law

FRACTIONS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
COOLDOWNS: tuple[dict[str, Any], ...] = (
    {"decay_shape": "one_minus_sqrt"},
    *({"decay_shape": "linear", "power": power} for power in (1.0, 1.25, 1.5, 2.0)),
)
POINTS = 80  # of the free schedule, between which it is straight
UPDATES = 300  # of the search for it


@dataclass(frozen=True, eq=False)
class Optimum:
    """The best schedule under a law.

    Attributes:
        schedule: the best of the registered ones that were tried.
        settings: what it was built with, in the words of the command line.
        loss: what the law says of it.
        free_rates: the best falling schedule of any shape.
        free_loss: what the law says of that.
    """

    schedule: Schedule
    settings: str
    loss: float
    free_rates: FloatArray
    free_loss: float

    @property
    def lost(self) -> float:
        """What the simpler form costs by the law."""
        return self.loss - self.free_loss


def optimise(law: Law, total_steps: int, peak: float | None = None, warmup_steps: int = 0) -> Optimum:
    """Return the schedule that a law says ends lowest, among those that fall after the warm-up.

    Of the registered schedules, ``wsd`` is tried with cooldowns of 5 % to all of the run and five shapes,
    and ``cosine``. The free one is found by gradient descent from the best of these.

    Args:
        law: of the convex form.
        total_steps: updates in the run [steps, >= 2].
        peak: the peak rate; by default the curves'.
        warmup_steps: updates of the warm-up, which is kept as it is [steps, >= 0].

    Raises:
        ValueError: the law has another form, or the warm-up takes the whole run.
    """
    if not isinstance(law.form, Convex):
        raise ValueError(f"law must be of the convex form, got {law.form.name}")
    if not 0 <= warmup_steps < total_steps - 1:
        raise ValueError(f"warmup_steps must be < total_steps - 1, got {warmup_steps} of {total_steps}")
    top = law.curves[0].peak if peak is None else peak
    found: tuple[float, str, Schedule] | None = None
    for text, schedule in _candidates(total_steps, top, warmup_steps):
        loss = law(values(schedule, total_steps))
        if found is None or loss < found[0]:
            found = loss, text, schedule
    assert found is not None
    loss, text, schedule = found
    free, free_loss = _descend(law, values(schedule, total_steps), warmup_steps)
    return Optimum(schedule, text, loss, free, free_loss)


def _candidates(total_steps: int, peak: float, warmup_steps: int) -> Iterator[tuple[str, Schedule]]:
    common: dict[str, Any] = {"total_steps": total_steps, "peak_value": peak, "warmup_steps": warmup_steps}
    yield "cosine", build("cosine", **common)
    for fraction in FRACTIONS:
        decay = max(round(fraction * (total_steps - warmup_steps)), 1)
        for cooldown in COOLDOWNS:
            said = {"decay_steps": decay, **cooldown}
            words = ",".join(f"{key}={held}" for key, held in said.items() if held not in (1.0, "linear"))
            yield f"wsd:{words}", build("wsd", **common, **said)


def _descend(law: Law, rates: FloatArray, warmup_steps: int) -> tuple[FloatArray, float]:
    """Return the best falling rates near these, and their loss: Adam on the log of each fall."""
    total_steps = len(rates)
    spread = 1 - (1 - np.linspace(0, 1, POINTS)) ** 2  # points closer together towards the end
    places = np.unique(np.round(warmup_steps + spread * (total_steps - 1 - warmup_steps)).astype(int))
    heights = np.maximum(rates[places] / rates.max(), 1e-4)
    logits = np.log(np.clip(-np.diff(np.log(heights)), 1e-4, None))
    steps = np.arange(warmup_steps, total_steps)
    right = np.clip(np.searchsorted(places, steps, side="right"), 1, len(places) - 1)
    share = (steps - places[right - 1]) / (places[right] - places[right - 1])
    best, least = rates, law(rates)
    first, second = np.zeros_like(logits), np.zeros_like(logits)
    for count in range(1, UPDATES + 1):
        levels = rates.max() * np.exp(-np.concatenate(([0.0], np.cumsum(np.exp(logits)))))
        tried = rates.copy()
        tried[steps] = levels[right - 1] * (1 - share) + levels[right] * share
        loss, slope = _loss_and_slope(law, tried)
        if loss < least:
            best, least = tried, loss
        by_level = np.bincount(right - 1, slope[steps] * (1 - share), len(levels))
        by_level += np.bincount(right, slope[steps] * share, len(levels))
        by_fall = -np.cumsum((by_level * levels)[:0:-1])[::-1] * np.exp(logits)
        first = 0.9 * first + 0.1 * by_fall
        second = 0.99 * second + 0.01 * by_fall**2
        step = (first / (1 - 0.9**count)) / (np.sqrt(second / (1 - 0.99**count)) + 1e-12)
        logits = np.clip(logits - 0.1 * (1 - count / UPDATES) * step, -20.0, 2.0)
    return best, least


def _loss_and_slope(law: Law, rates: FloatArray) -> tuple[float, FloatArray]:
    """Return the law's final loss and its derivative by each rate; the noise term is twice the bound's."""
    held = law.coefficients
    area = float(rates.sum())
    slope = 2 * held.noise * gradient(rates, distance=0.0)
    slope[moving(rates)] -= held.exponent * held.amplitude * area ** (-held.exponent - 1)
    return law(rates), slope
