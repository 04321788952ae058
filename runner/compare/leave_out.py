"""The law held against the very runs it is fitted to: each schedule predicted from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schedules.theory import Curve, best_scale, fit

FEWEST = 3  # schedules that a check needs


@dataclass(frozen=True)
class Checked:
    """One run, as the others predict it.

    Attributes:
        name: of the run.
        seen: its last loss.
        predicted: by the law fitted to the others; ``None`` where they refuse.
        bound: its smallest convex bound over that of the best run of its length; 1 for the best.
    """

    name: str
    seen: float
    predicted: float | None
    bound: float


def check(curves: Sequence[Curve]) -> list[Checked]:
    """Return each run that was made against the law of the others, and the bound's ratio beside it.

    Empty where there are fewer than three. It is about what was measured, and never mixed into it.
    """
    if len(curves) < FEWEST:
        return []
    seen = [int(curve.steps[-1]) for curve in curves]
    bounds = [best_scale(curve.rates[:last]).bound for curve, last in zip(curves, seen, strict=True)]
    found = []
    for place, curve in enumerate(curves):
        rates = curve.rates[: seen[place]]
        law = fit([other for other in curves if other is not curve])
        predicted = None if law.refuses(rates) else law(rates)
        ratio = bounds[place] / min(b for b, last in zip(bounds, seen, strict=True) if last == seen[place])
        found.append(Checked(curve.name, float(curve.losses[-1]), predicted, ratio))
    return sorted(found, key=lambda each: each.seen)


def rank_agreement(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation of two lists without ties; ``None`` of fewer than three.

    >>> rank_agreement([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0])
    0.8
    """
    if len(one) < FEWEST:
        return None
    ranks = np.array([np.argsort(np.argsort(each)) for each in (one, other)], dtype=np.float64)
    centred = ranks - ranks.mean()
    return round(float(centred[0] @ centred[1] / (centred[0] @ centred[0])), 12)


def sentences(found: Sequence[Checked]) -> list[str]:
    """Return what the check comes to."""
    told = [each for each in found if each.predicted is not None]
    if not told:
        return []
    errors = [each.predicted - each.seen for each in told if each.predicted is not None]
    seen = [each.seen for each in told]
    said = [
        f"Checked on these {len(told)} runs, each predicted from the others: mean error "
        f"{np.mean(np.abs(errors)):.4f}, largest {np.max(np.abs(errors)):.4f}."
    ]
    agreement = rank_agreement([each.predicted or 0.0 for each in told], seen)
    if agreement is not None:
        said[0] = said[0].rstrip(".") + f", rank correlation {agreement:.2f}."
    bounds = rank_agreement([each.bound for each in found], [each.seen for each in found])
    if bounds is not None and len({each.bound for each in found}) == len(found):
        said.append(f"The convex bound alone, which sees no loss, ranks them with {bounds:+.2f}.")
    return said
