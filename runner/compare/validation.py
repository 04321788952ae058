"""What of a difference may be the validation set's chance: other examples of its kind would give another.

Seeds are drawn again for every run, the validation set is not. However many seeds there are, a difference
smaller than the standard error that the set itself leaves may have the other sign on the next set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .choice import Contender
from .findings import Decision, Difference, Sampling
from .outcomes import Outcome


def sampling(arm: Contender, other: Contender) -> Sampling | None:
    """Return what the validation set leaves of the difference between two arms.

    For each example the difference of its losses is averaged over the seeds that both arms finished; the
    error is the standard deviation of that over the examples, over the square root of their number. Examples
    count as independent: windows of one text are less than that, and the error is then too small.

    Returns:
        ``None`` where examples' losses were not kept, or the arms were not judged on one set.
    """
    of_arm, of_other = _finished(arm.reported), _finished(other.reported)
    pairs = [(of_arm[seed], of_other[seed]) for seed in of_arm if seed in of_other]
    if not pairs or len({_data(outcome) for pair in pairs for outcome in pair}) > 1:
        return None
    losses = [(a.run.example_losses, b.run.example_losses) for a, b in pairs]
    d = _differences(losses)
    if d is None:
        return None
    return Sampling(len(d), float(d.std(ddof=1)) / math.sqrt(len(d)), float(d.mean()))


def _differences(
    losses: Sequence[tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]],
) -> NDArray[np.float64] | None:
    """Return the mean over seeds of each example's difference, shape ``(examples,)``."""
    known = [(a, b) for a, b in losses if a is not None and b is not None]
    if len(known) < len(losses) or len({len(each) for pair in known for each in pair}) != 1:
        return None
    d: NDArray[np.float64] = np.mean([a - b for a, b in known], axis=0)
    return d if len(d) > 1 else None


def _finished(reported: list[Outcome]) -> dict[int, Outcome]:
    return {each.run.seed: each for each in reported if not each.diverged}


def _data(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """Return what decides which examples a run was judged on."""
    return tuple(sorted((k, v) for k, v in outcome.run.params.items() if k.startswith("dataset.")))


def without_hidden(
    decision: Decision, contenders: list[Contender], samplings: dict[str, Sampling]
) -> tuple[Decision, list[Contender]]:
    """Let arms be members again whose difference from the one to take is below the validation set's error.

    Args:
        decision: by the seeds alone.
        contenders: in its order.
        samplings: arm to what the set leaves of its difference from the one to take.
    """
    hidden = [
        c.arm
        for c in contenders
        if c.arm not in decision.members and c.arm in samplings and samplings[c.arm].hides_it
    ]
    members = [*decision.members, *hidden]
    ordered = sorted(contenders, key=lambda c: c.arm not in members)
    return replace(decision, members=members, hidden=hidden), ordered


def not_told_apart(
    differences: list[Difference], contenders: list[Contender], baseline: Contender
) -> list[Difference]:
    """Take back what was called better or worse below the validation set's error."""
    by_arm = {c.arm: c for c in contenders}
    judged = []
    for each in differences:
        left = sampling(by_arm[each.arm], baseline)
        hides = left is not None and left.hides_it
        judged.append(replace(each, verdict="not told apart") if hides else each)
    return judged
