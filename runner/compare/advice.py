"""What to run next to settle what is open, as commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..record import keys
from ..settings.overrides import command, key_of, without
from ..sweep.arguments import arguments_of
from ..sweep.tags import POOLED
from ..words import duration, listed, many
from .choice import Contender
from .findings import Decision
from .model import Collection

LIKELY_SEEDS = 16
"""Seeds for each schedule by which most sweeps are decided; the cost that is told is that of so many."""

MOST = 16
"""Seeds for each schedule up to which a command adds them."""

RATE_KEYS = ("schedule.lr.peak_value", "optimizer.lr")
FINAL = "hydra.sweeper.final_seeds"


@dataclass(frozen=True)
class Sweep:
    """Writes the commands of sweeps like one that was run.

    Args:
        collection: that sweep; its overrides are kept, but for what a command itself sets.
    """

    collection: Collection

    def again(self, *settings: str, jobs: int | None = None) -> str:
        """Return the sweep's own command with further settings of the sweeper; what is trained is kept.

        Only jobs that are missing are trained: the rates that were tried need not be tried again, and the
        further seeds are judged alone.

        Args:
            settings: overrides that are added, and replace those of the same key.
            jobs: how many jobs it comes to at most, to say what it costs.
        """
        own = [*self._kept(settings), *settings]
        own += [f"sweep.resume={self.collection.run_id}"] if self.is_resumable else []
        line = command(own, multirun=True)
        cost = f"  (at most {many(jobs, 'run')}{self._time(jobs)})" if jobs else ""
        return f"{line}{cost}"

    def anew(self, *settings: str, jobs: int) -> str:
        """Return the command of a new sweep like this one, with further settings."""
        line = command([*self._kept(settings), *settings], multirun=True)
        return f"{line}  (at most {many(jobs, 'run')}{self._time(jobs)})"

    @property
    def overrides(self) -> list[str]:
        """Those of the sweep's own command line."""
        return arguments_of(self.collection.tags)

    @property
    def rate_key(self) -> str:
        """The setting that holds the peak rate."""
        given = {key_of(override) for override in self.overrides}
        return next((key for key in RATE_KEYS if key in given), RATE_KEYS[-1])

    @property
    def has_rates(self) -> bool:
        """Whether its command lists peak rates, which can be extended."""
        return any(key_of(o) in RATE_KEYS and "," in o and "interval(" not in o for o in self.overrides)

    @property
    def extended(self) -> int:
        """How many rates outward it asked for."""
        given = [o for o in self.overrides if key_of(o) == "hydra.sweeper.extend"]
        return int(given[-1].partition("=")[2]) if given else 0

    @property
    def is_resumable(self) -> bool:
        """Whether more jobs can be added to the sweep: not where another program holds them."""
        chosen = next((o for o in self.overrides if key_of(o) == "hydra/launcher"), "hydra/launcher=local")
        return chosen.partition("=")[2] in POOLED

    def _kept(self, settings: Sequence[str]) -> list[str]:
        """Return the sweep's overrides that further settings leave as they are."""
        replaced = {key_of(setting) for setting in settings}
        replaced |= {FINAL} if "hydra.sweeper.until" in replaced else set()
        return [o for o in without(self.overrides, "sweep", "hydra.mode") if key_of(o) not in replaced]

    def _time(self, jobs: int) -> str:
        seconds = [
            run.seconds for run in self.collection.runs if run.status == "FINISHED" and run.seconds > 0
        ]
        return f", about {duration(jobs * float(np.mean(seconds)))} of training" if seconds else ""


def advice(collection: Collection, contenders: list[Contender], decision: Decision) -> list[str]:
    """Return what to run next, what matters most first.

    No command asks the same question of the same runs again with some added: that would spend the error
    twice. Seeds are added by looks whose error is spent beforehand, and no run so far is among them.

    Args:
        collection: the sweep, or several.
        contenders: its arms, the one to take first.
        decision: what was decided.
    """
    if collection.joined:
        return []
    if keys.RECORDED in collection.tags:
        return _to_record(contenders, decision)
    sweep = Sweep(collection)
    return [*_other_rates(sweep, contenders), *_more_seeds(sweep, contenders, decision)]


def _to_record(contenders: list[Contender], decision: Decision) -> list[str]:
    """Return what a script should record next: its runs are not started by a command of ours."""
    said = []
    tried = [c for c in contenders if c.rate is not None]
    if tried and all(c.setups == 1 for c in contenders):
        rates = sorted({round_rate(c.rate * f) for c in tried if c.rate is not None for f in (1 / 3, 1, 3)})
        said.append(
            f"{listed([c.arm for c in tried])} ran at one peak rate, and another may suit better: record "
            f"runs with lr of {listed([f'{rate:g}' for rate in rates])} in this sweep"
        )
    if decision.members[1:]:
        said.append(
            f"To decide between {listed(decision.members)}, record runs with fresh seeds in a new sweep: to "
            "add seeds to this one until it is decided would find differences where there are none"
        )
    return said


def _other_rates(sweep: Sweep, contenders: list[Contender]) -> list[str]:
    """Ask for rates beyond a best one that is the last, and for others where only one was tried."""
    said = []
    edge = [c.arm for c in contenders if c.response and c.response.edge]
    once = [c for c in contenders if c.response and c.setups == 1]
    if edge and sweep.has_rates:
        further = sweep.extended + 2
        seeds = len({o.run.seed for c in contenders for o in c.tuning})
        more = sweep.again(f"hydra.sweeper.extend={further}", jobs=2 * seeds * len(edge))
        said.append(
            f"The best peak rate of {listed(edge)} lies at the end of those tried; go on outward: {more}"
        )
    if once and len(once) == len(contenders) and once[0].rate is not None:
        rates = sorted({round_rate(c.rate * f) for c in once if c.rate is not None for f in (1 / 3, 1, 3)})
        tried = f"{sweep.rate_key}={','.join(f'{rate:g}' for rate in rates)}"
        jobs = (len(rates) - 1) * sum(len(c.losses) for c in once)
        said.append(
            f"{listed([c.arm for c in once])} ran at one peak rate, and another may suit better: "
            f"{sweep.again(tried, jobs=jobs)}"
        )
    return said


def round_rate(rate: float) -> float:
    """Return a rate with three significant digits."""
    return float(f"{rate:.3g}")


def _more_seeds(sweep: Sweep, contenders: list[Contender], decision: Decision) -> list[str]:
    """Ask for fresh seeds while it is open which arm is the best, or where its own seeds chose its rate."""
    if len(contenders) < 2 or (decision.over in ("one", "same")):
        return []
    count = len(decision.members) if decision.members[1:] else len(contenders)
    if decision.over:
        more = 2 * (decision.most or decision.seeds)
        return [
            f"What is open would take more than {many(decision.seeds, 'seed')}, and may not be worth it. "
            f"If it is, begin anew with more, since this sweep's error is spent: "
            f"{sweep.anew(f'hydra.sweeper.max_seeds={more}', jobs=count * more)}"
        ]
    jobs = LIKELY_SEEDS * len(contenders)
    settings = ["hydra.sweeper.until=decided", f"hydra.sweeper.max_seeds={MOST}"]
    line = sweep.again(*settings, jobs=jobs)
    if decision.members[1:]:
        rivals = listed([arm for arm in decision.members if arm != decision.arm])
        return [f"To decide between {decision.arm} and {rivals}, add fresh seeds until it is known: {line}"]
    if not all(c.fresh for c in contenders):
        return [f"To confirm the result on seeds that chose nothing: {line}"]
    return []
