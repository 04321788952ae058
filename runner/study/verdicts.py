"""What a study's results say in words: the schedule for all workloads, and whether what is claimed holds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..compare.phrases import at_most, figure
from ..words import listed
from .gather import Result
from .manifest import Claim

HOLDS, FAILS, OPEN = "holds", "does not hold", "can't be told"
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def counted(number: int) -> str:
    """Return a small number as a word.

    >>> counted(7), counted(12)
    ('seven', '12')
    """
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def take(results: Sequence[Result], ranks: Sequence[float]) -> str:
    """Return the schedule that may be the best on most workloads; of several, the one of the lowest rank."""
    schedules = results[0].schedules
    may = [sum(name in each.decision.members for each in results) for name in schedules]
    return schedules[min(range(len(schedules)), key=lambda i: (-may[i], ranks[i]))]


def sentence(results: Sequence[Result], schedule: str, alpha: float) -> str:
    """Say on how many workloads a schedule may be the best, and what part of the loss it loses at most."""
    where = [each.workload.name for each in results if schedule in each.decision.members]
    said = f"Of {counted(len(results))} workloads {schedule} may be the best on {counted(len(where))}"
    said += f" ({', '.join(where)})" if 0 < len(where) < len(results) else ""
    parts = {each.workload.name: relative_bound(each, schedule) for each in results}
    known = [part for part in parts.values() if math.isfinite(part)]
    unknown = [name for name, part in parts.items() if not math.isfinite(part)]
    sure = f"({100 * (1 - alpha):g} % on each)"
    if known and not unknown:
        return f"{said}; nowhere does it lose more than {percent(max(known))} of the lowest loss {sure}."
    if known:
        said += f"; it loses at most {percent(max(known))} of the lowest loss {sure}"
        return f"{said} where a bound can be given, which it cannot on {listed(unknown)}."
    return f"{said}; what it loses at most cannot be told from so few seeds."


def relative_bound(result: Result, schedule: str) -> float:
    """Return how much worse than the best a schedule is at most, in parts of the lowest mean loss."""
    return result.at_most[result.schedules.index(schedule)] / result.lowest


def percent(part: float) -> str:
    """Write a part as a percentage, rounded up.

    >>> percent(0.0312), percent(0.0), percent(1.204)
    ('3.2 %', '0 %', '121 %')
    """
    if part >= 1:
        return f"{math.ceil(100 * part)} %"
    return f"{at_most(100 * part)} %" if part > 0 else "0 %"


def on_one(result: Result, schedule: str) -> tuple[str, str]:
    """Say whether a schedule is the best choice on a workload: the verdict, and what was measured.

    It holds where the schedule may be the best and at least one other is ruled out, it does not where it is
    ruled out itself, and cannot be told where none is ruled out.
    """
    decision, at = result.decision, result.schedules.index(schedule)
    others = [name for name in decision.members if name != schedule]
    if schedule not in decision.members:
        apart = result.behind[at]
        cost = f", by {figure(apart.mean)} on average" if apart is not None else ""
        if apart is not None and apart.low is not None:
            cost += f" ({figure(apart.low)} to {figure(apart.high or 0.0)})"
        return FAILS, f"worse than {decision.arm}{cost}, {percent(_part(result, at))} of its loss"
    bound = result.at_most[at]
    cost = f"loses at most {at_most(bound)}" if math.isfinite(bound) else "no bound of what it loses"
    cost = "loses nothing" if bound == 0 else cost
    if len(decision.members) == len(result.schedules):
        return OPEN, f"no schedule is ruled out; {cost}"
    return HOLDS, f"{f'so may {listed(others)}' if others else 'all others are worse'}; {cost}"


def _part(result: Result, at: int) -> float:
    apart = result.behind[at]
    return max(0.0, apart.mean / result.lowest) if apart is not None else float(np.nan)


def on_all(claim: Claim, results: Sequence[Result]) -> tuple[str, list[str]]:
    """Say whether what is claimed of a schedule holds, and on which workloads.

    Args:
        claim: of the study.
        results: of its workloads, those that were trained.

    Returns:
        The verdict, and what was measured, one line for each workload.
    """
    tried = [each for each in results if each.workload.name in claim.workloads]
    found = [(each.workload.name, *on_one(each, claim.schedule)) for each in tried]
    lines = [f"{name}: {verdict}; {cost}" for name, verdict, cost in found]
    lines += [f"{name}: not trained" for name in claim.workloads if name not in {f[0] for f in found}]
    verdicts = [verdict for _, verdict, _ in found]
    if not verdicts:
        return "not tried", lines
    if len(set(verdicts)) == 1:
        return verdicts[0], lines
    counts = [
        f"{verdict} on {verdicts.count(verdict)}" for verdict in (HOLDS, FAILS, OPEN) if verdict in verdicts
    ]
    return f"in part: {', '.join(counts)}", lines
