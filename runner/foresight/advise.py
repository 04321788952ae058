"""A tuned rate at another scale: the rules that apply, one's own runs, a grid, and what is refused."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from .histories import SAME, History
from .own import Estimate, Point, estimate
from .rules import Advice, Scale, beta, rules

BATCH_UNKNOWN = 4.0  # a larger factor of the batch is refused where the critical batch is not known
PLAIN = ("sgd",)
BETAS = ("optimizer.momentum", "optimizer.beta1", "optimizer.beta2")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The scale asked for: factors, and what goes with it."""

    steps: float = 1.0
    batch: float = 1.0
    width: float = 1.0
    depth: float = 1.0
    schedule: str | None = None
    optimizer: str | None = None
    parametrization: str = "standard"
    critical_batch: float | None = None


@dataclass(frozen=True)
class Transfer:
    """What to take at another scale.

    Attributes:
        scale: what changes.
        rate: the rate that was tuned: the best by the runs.
        schedule: the family that it was tuned for.
        steps: the length it was tuned for.
        weight_decay: the runs' own, where they say it.
        rules: what each rule says.
        own: what the runs themselves say.
        betas: name -> (before, after).
        grid: three rates to try; none where the rate was tuned for another family, or lies at an EDGE.
        refused: what is not transferred, and why.
    """

    scale: Scale
    rate: float
    schedule: str
    steps: float
    weight_decay: float | None
    rules: list[Advice]
    own: Estimate
    betas: dict[str, tuple[float, float]]
    grid: tuple[float, ...]
    refused: list[str]


def advise(histories: list[History], wish: Wish) -> Transfer:
    """Return what rules and runs say, for the family of schedules that most of the runs have."""
    family = wish.schedule or Counter(_family(each) for each in histories).most_common(1)[0][0]
    mine = [each for each in histories if _family(each) == family]
    source = mine or histories
    longest = max(len(each.curve.rates) for each in source)
    points = [Point(len(e.curve.rates), e.peak, float(e.curve.losses[-1])) for e in source if _ended(e)]
    at_longest = [each for each in points if each.steps > longest / (1 + SAME)] or points
    tuned = min(at_longest, key=lambda each: each.loss).rate if at_longest else source[0].peak
    scale = Scale(wish.steps, wish.batch, wish.width, wish.depth)
    own = estimate(points, longest * wish.steps)
    settings = source[0].log.settings
    kind = (wish.optimizer or settings.get("optimizer.name") or "adamw").lower()
    mup = wish.parametrization != "standard"
    applied = rules(scale, kind not in PLAIN, mup)
    refused = _refused(wish, mine, histories, own)
    edge = own.rate is None and any(each.edge and len(each.tried) > 1 for each in own.by_length)
    grid = _grid(tuned, applied, own, wish) if mine and not edge else ()
    betas = {
        key.removeprefix("optimizer."): (value, beta(value, wish.batch))
        for key in BETAS
        if (value := _number(settings.get(key))) is not None and 0 < value < 1 and wish.batch != 1
    }
    return Transfer(
        scale, tuned, family, longest, _number(settings.get("optimizer.weight_decay")), applied, own, betas,
        grid, refused,
    )  # fmt: skip


def _family(history: History) -> str:
    return history.log.settings.get("schedule") or "as logged"


def _ended(history: History) -> bool:
    return history.seen >= len(history.curve.rates) / (1 + SAME)


def _grid(tuned: float, applied: list[Advice], own: Estimate, wish: Wish) -> tuple[float, ...]:
    """Return three rates around the runs' own estimate, or around the middle of the rules.

    They lie a factor of two apart, or of its root where the rules differ by less than two.
    """
    factors = [each.rate for each in applied if each.batch is None]
    middle = math.exp(sum(map(math.log, factors)) / len(factors))
    centre = tuned * middle
    if own.rate is not None and wish.batch == wish.width == wish.depth == 1:
        centre = own.rate
    apart = 2.0 if max(factors) / min(factors) >= 2 else math.sqrt(2)
    return centre / apart, centre, centre * apart


def _refused(wish: Wish, mine: list[History], histories: list[History], own: Estimate) -> list[str]:
    said = []
    if not mine:
        there = ", ".join(sorted({_family(each) for each in histories}))
        said.append(
            f"another schedule family: the rate was tuned for {there}, and the best peak moves with the "
            f"shape; run a sweep of {wish.schedule} at a short length"
        )
    for each in own.by_length:
        if each.edge and len(each.tried) > 1:
            said.append(
                f"a rate at the EDGE: of the {len(each.tried)} tried at {each.steps:,.0f} steps the best is "
                f"the {'lowest' if each.edge == 'low' else 'highest'}, so the best one is not known"
            )
    if wish.width != 1 and wish.parametrization == "standard":
        said.append(
            "width under the standard parametrization: its best rate does not carry over; with "
            "--parametrization mup or completep it does"
        )
    said += _of_data(wish, mine or histories)
    return said


def _of_data(wish: Wish, source: list[History]) -> list[str]:
    said = []
    batch = _number(source[0].log.settings.get("trainer.batch_size"))
    target = batch * wish.batch if batch is not None else None
    if wish.batch > 1:
        if wish.critical_batch is not None and target is not None and target > wish.critical_batch:
            said.append(
                f"past the critical batch: {target:g} examples, and {wish.critical_batch:g} are critical; "
                "beyond it a larger rate no longer makes up for fewer updates"
            )
        elif wish.critical_batch is None and wish.batch > BATCH_UNKNOWN:
            said.append(
                f"{wish.batch:g} times the batch without knowing the critical one: --critical-batch, or a "
                "run at each of two batches"
            )
    epochs = max((e.curve.epochs for e in source if e.curve.epochs is not None), default=None)
    if epochs is not None and epochs * wish.steps * wish.batch > 1:
        said.append(
            f"several epochs: the data would be seen {epochs * wish.steps * wish.batch:.3g} times, and every "
            "rule is of data seen once"
        )
    return said


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def as_data(found: Transfer) -> dict[str, Any]:
    """Return it as plain data, for programs."""
    held = dataclasses.asdict(found)
    factors = [each.rate for each in found.rules]
    return held | {"spread": [min(factors), max(factors)]}
