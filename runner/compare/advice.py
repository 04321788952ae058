"""What to run next to settle what is open, as commands."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..record import keys
from ..settings.overrides import command, key_of, without
from ..words import duration, listed, many
from .choice import Contender
from .findings import Difference, Response
from .model import Collection
from .pairs import MOST_SEEDS, paired, seeds_to_settle
from .phrases import figure, label
from .stats.power import fewest_seeds

AFFORDABLE = 64
"""Seeds up to which a command is written for an open difference."""

ONE_RATE = "{} ran at one peak rate, and another may suit better"
RATE_KEYS = ("schedule.lr.peak_value", "optimizer.lr")
SPACE = re.compile(r"\s+(?=[+~]*[\w./@-]+=)")


@dataclass(frozen=True)
class Sweep:
    """Writes the commands of sweeps like one that was run.

    Args:
        collection: that sweep; its overrides are kept, but for what a command itself sets.
    """

    collection: Collection

    def command(self, arms: list[str], rates: Sequence[float | None], seeds: Sequence[int]) -> str:
        """Return the command that runs all arms at all rates under all seeds, with what it costs."""
        axes: dict[str, list[str]] = defaultdict(list)
        for arm in arms:
            schedule, *others = SPACE.split(arm)
            for key, value in [("schedule", schedule), *(other.split("=", 1) for other in others)]:
                axes[key] += [value] if value not in axes[key] else []
        tried = sorted({rate for rate in rates if rate is not None})
        if tried:
            axes[self.rate_key] = [f"{rate:g}" for rate in tried]
        jobs = math.prod(map(len, axes.values())) * len(seeds)
        own = [f"{key}={','.join(values)}" for key, values in axes.items()] + [_seeds(seeds)]
        kept = [o for o in self.overrides if key_of(o) not in {*axes, "seed"}]
        line = command([*own, *without(kept, "sweep")], multirun=True)
        return f"{line}  ({many(jobs, 'run')}{self._time(jobs)})"

    @property
    def overrides(self) -> list[str]:
        """Those of the sweep's own command line; of an older version's from the line for people."""
        if (listed := self.collection.tags.get(keys.ARGUMENTS)) is not None:
            return [str(each) for each in json.loads(listed)]
        text = self.collection.tags.get(keys.SWEEP_ARGUMENTS, "").strip()
        return [each for each in SPACE.split(text) if "=" in each]

    @property
    def searched(self) -> list[str]:
        """Settings beside the rate that it searched."""
        return [key for o in self.overrides if "interval(" in o and (key := key_of(o)) not in RATE_KEYS]

    @property
    def rate_key(self) -> str:
        """The setting that holds the peak rate."""
        given = {key_of(override) for override in self.overrides}
        return next((key for key in RATE_KEYS if key in given), RATE_KEYS[-1])

    @property
    def first_fresh_seed(self) -> int:
        """One more than the largest seed so far."""
        return max(run.seed for run in self.collection.runs) + 1

    def fresh(self, count: int) -> range:
        """Return so many seeds that no run has had: a difference that luck made is not counted twice."""
        return range(self.first_fresh_seed, self.first_fresh_seed + count)

    def _time(self, jobs: int) -> str:
        seconds = [
            run.seconds for run in self.collection.runs if run.status == "FINISHED" and run.seconds > 0
        ]
        return f", about {duration(jobs * float(np.mean(seconds)))} of training" if seconds else ""


def _seeds(seeds: Sequence[int]) -> str:
    if isinstance(seeds, range) and len(seeds) > 1:
        return f"seed=range({seeds.start},{seeds.stop})"
    return f"seed={','.join(map(str, seeds))}"


def advice(
    collection: Collection,
    contenders: list[Contender],
    found: list[Difference],
    apart: set[frozenset[str]],
    alpha: float,
) -> list[str]:
    """Return what to run next, what matters most first.

    Args:
        collection: the sweep.
        contenders: its arms, best first.
        found: their differences from the baseline.
        apart: pairs of arms that are told apart.
        alpha: rate of false alarms.
    """
    sweep = Sweep(collection)
    said = [
        *_other_rates(sweep, contenders),
        *_more_seeds(sweep, _open_to_baseline(contenders, found)),
        *_more_seeds(sweep, _open_to_best(contenders, found, apart, alpha)),
    ]
    settled = found and all(d.verdict != "not told apart" for d in found)
    if settled and not all(c.fresh for c in contenders):
        count = max(len(contenders[0].losses), fewest_seeds(alpha / len(found)))
        again = sweep.command([c.arm for c in contenders], [c.rate for c in contenders], sweep.fresh(count))
        said.append(f"To confirm the result on seeds that chose no rate: {again}")
    if said and sweep.searched:
        return [_search_on(sweep)]
    return said


def _search_on(sweep: Sweep) -> str:
    """Say how to go on with a search of more than the rate: no one command holds each arm's own values."""
    fresh = ",".join(map(str, sweep.fresh(6)))
    return (
        f"Each schedule has values of {listed(sweep.searched)} of its own. To go on from them, repeat the "
        f"sweep's command with sweep.resume={sweep.collection.run_id} and more hydra.sweeper.trials, "
        f"or with fresh seeds, such as hydra.sweeper.final_seeds=[{fresh}]."
    )


def _other_rates(sweep: Sweep, contenders: list[Contender]) -> list[str]:
    """Ask for rates beyond a best one that is the last, and for others where only one was tried."""
    together = defaultdict(list)
    for c in contenders:
        if c.response and (c.response.edge or len(c.response.rates) == 1):
            seeds = tuple(sorted({o.run.seed for o in c.tuning}))
            together[c.response.edge != "", _further(c.response), seeds].append(c.arm)
    said = []
    for (edge, rates, seeds), arms in together.items():
        why = "The best peak rate of {} lies at the end of those tried; go on outward" if edge else ONE_RATE
        said.append(f"{why.format(listed(arms))}: {sweep.command(arms, rates, seeds)}")
    return said


def _further(response: Response) -> tuple[float, ...]:
    """Return two more rates: outward at the grid's own ratio, or around the only one."""
    rates = response.rates
    if len(rates) == 1:
        new = (rates[0] / 3, rates[0] * 3)
    else:
        last, inner = (rates[-1], rates[-2]) if response.edge == "high" else (rates[0], rates[1])
        new = (last * (last / inner), last * (last / inner) ** 2)
    return tuple(sorted(float(f"{rate:.3g}") for rate in new))


@dataclass(frozen=True)
class Open:
    """An arm that is not told apart from another, and the seeds that would do it."""

    arm: Contender
    against: Contender
    seeds: int | None
    difference: float


def _open_to_baseline(contenders: list[Contender], found: list[Difference]) -> list[Open]:
    by_arm = {c.arm: c for c in contenders}
    return [
        Open(by_arm[d.arm], by_arm[d.baseline], d.seeds_needed, d.delta.mean)
        for d in found
        if d.verdict == "not told apart"
    ]


def _open_to_best(
    contenders: list[Contender], found: list[Difference], apart: set[frozenset[str]], alpha: float
) -> list[Open]:
    """Return the rivals of the best arm, once the best is told apart from the baseline."""
    best, *others = contenders
    if any(d.arm == best.arm and d.verdict == "not told apart" for d in found):
        return []
    known = apart | {frozenset((d.arm, d.baseline)) for d in found}
    rivals = [(c, paired(c, best)) for c in others if frozenset((best.arm, c.arm)) not in known]
    return [
        Open(c, best, seeds_to_settle(d, alpha / len(rivals)), float(d.mean()) if len(d) else 0.0)
        for c, d in rivals
    ]


def _more_seeds(sweep: Sweep, open_: list[Open]) -> list[str]:
    """Ask for the seeds that open differences need, in one sweep on fresh seeds; say which need too many."""
    worth = [o for o in open_ if o.seeds is not None and o.seeds <= AFFORDABLE]
    said = []
    if worth:
        count = max(o.seeds or 0 for o in worth)
        arms = [worth[0].against, *(o.arm for o in worth)]
        rates = [c.rate for c in arms]
        line = sweep.command([c.arm for c in arms], rates, sweep.fresh(count))
        where = f" ({listed([label(c.arm, c.rate) for c in arms])})" if len(set(rates)) > 1 else ""
        said.append(
            f"To tell {listed([c.arm for c in arms[1:]])} from {arms[0].arm}, if the differences are what "
            f"they seem, about {many(count, 'seed')} are needed{where}: {line}"
        )
    for o in open_:
        if o not in worth and o.difference != 0:
            seeds = f"about {o.seeds} seeds" if o.seeds else f"more than {MOST_SEEDS} seeds"
            said.append(
                f"{o.arm.arm} against {o.against.arm}: the difference seen, {figure(abs(o.difference))}, "
                f"would take {seeds}; it may not be worth it."
            )
    return said
