"""What was not as it should be in a sweep, in words: nothing is dropped in silence."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

from ..words import listed, many
from .choice import Contender
from .model import Collection, Question, Trained
from .outcomes import Outcome, counts
from .phrases import every, figure, label


def remarks(
    collection: Collection, contenders: list[Contender], baseline: Contender, question: Question
) -> list[str]:
    """Return what to know before believing the figures.

    Args:
        collection: the sweep.
        contenders: its arms with runs that count, best first.
        baseline: one of them.
        question: as it was asked.
    """
    runs = collection.runs
    told = [
        *(_diverged(c.arm, [*c.tuning, *c.reported]) for c in contenders),
        [_not_counted(*key, each) for key, each in _grouped([r for r in runs if not counts(r)]).items()],
        _without_any(runs, contenders),
        [_edge(c) for c in contenders if c.response and c.response.edge],
        _optimism(contenders),
        [_other_rate(c) for c in contenders if c.response and c.rate != c.response.best_rate],
        [_missing(c, baseline) for c in contenders if c.losses.keys() != baseline.losses.keys()],
        [_repeated(c) for c in contenders if len(c.reported) > len(c.losses)],
        _unequal(contenders),
        _same(contenders),
        _asked(collection, question),
    ]
    return [remark for each in told for remark in each]


def _diverged(arm: str, results: list[Outcome]) -> list[str]:
    by_rate: dict[float | None, dict[str, Outcome]] = defaultdict(dict)
    for outcome in results:
        by_rate[outcome.run.rate][outcome.run.run_id] = outcome
    said = []
    for rate, of_rate in by_rate.items():
        lost = [o for o in of_rate.values() if o.diverged]
        if lost:
            steps = [o.run.diverged_at for o in lost if o.run.diverged_at is not None]
            first = f", the first at step {min(steps)}" if steps else ""
            said.append(
                f"{label(arm, rate)}: {len(lost)} of {many(len(of_rate), 'run')} diverged{first}; counted as "
                f"the loss before training, {figure(max(o.final for o in lost))}, while the rate was chosen, "
                "and then as worse than any run that finished."
            )
    return said


def _grouped(runs: list[Trained]) -> dict[tuple[str, float | None, str], list[Trained]]:
    by_kind = defaultdict(list)
    for run in runs:
        by_kind[run.arm, run.rate, run.status].append(run)
    return by_kind


def _not_counted(arm: str, rate: float | None, status: str, runs: list[Trained]) -> str:
    what = {"FINISHED": "finished without an evaluation", "RUNNING": "not ended", "KILLED": "killed"}
    seeds = listed(sorted({run.seed for run in runs}))
    reason = next((f": {run.reason.rstrip('.')}" for run in runs if run.reason), "")
    return (
        f"{label(arm, rate)}: {many(len(runs), 'run')} {what.get(status, 'failed')} (seed {seeds}){reason}. "
        "Not counted."
    )


def _without_any(runs: list[Trained], contenders: list[Contender]) -> list[str]:
    known = {c.arm for c in contenders}
    lost = [arm for arm in dict.fromkeys(run.arm for run in runs) if arm not in known]
    return [f"{arm}: no run finished, so nothing can be said of it." for arm in lost]


def _edge(contender: Contender) -> str:
    response = contender.response
    assert response is not None
    which = "lowest" if response.edge == "low" else "highest"
    return (
        f"{contender.arm}: EDGE, the best peak rate, {response.best_rate:g}, is the {which} of the "
        f"{len(response.rates)} tried; a better one may lie beyond."
    )


def _optimism(contenders: list[Contender]) -> list[str]:
    chosen = [c.arm for c in contenders if not c.fresh]
    if not chosen:
        return []
    return [
        f"The figures of {every(chosen, contenders)} come from the seeds that also chose the peak rate, "
        "which flatters them: fresh seeds would end a little higher."
    ]


def _other_rate(contender: Contender) -> str:
    assert contender.response is not None
    best = contender.response.best_rate
    return (
        f"{contender.arm}: its tuning runs were lowest at lr={best:g}, but its final runs are at "
        f"{label('', contender.rate).strip()}; these are reported."
    )


def _missing(contender: Contender, baseline: Contender) -> str:
    mine, theirs = contender.losses.keys(), baseline.losses.keys()
    lacks = [
        f"{label(c.arm, c.rate)} has no run that counts with seed {listed(sorted(seeds))}"
        for c, seeds in ((contender, theirs - mine), (baseline, mine - theirs))
        if seeds
    ]
    return f"Missing pairs: {' and '.join(lacks)}; {many(len(mine & theirs), 'pair')} left."


def _repeated(contender: Contender) -> str:
    twice = len(contender.reported) - len(contender.losses)
    return (
        f"{label(contender.arm, contender.rate)}: {many(twice, 'run')} more than seeds; of the runs of one "
        "seed the mean counts."
    )


def _unequal(contenders: list[Contender]) -> list[str]:
    said = []
    setups = {c.arm: c.setups for c in contenders}
    if len(set(setups.values())) > 1 and not all(c.fresh for c in contenders):
        tried = listed([f"{arm} {count}" for arm, count in setups.items()])
        said.append(f"Unequal tuning, which favours who had more: settings tried by {tried}.")
    steps = {c.arm: sorted({o.run.total_steps for o in c.reported}) for c in contenders}
    if len({tuple(each) for each in steps.values()}) > 1:
        lengths = listed([f"{arm} {listed(each)}" for arm, each in steps.items()])
        said.append(f"Unequal length: steps of {lengths}.")
    return said


def _asked(collection: Collection, question: Question) -> list[str]:
    """Say what was asked in a way that costs something."""
    said = []
    if question.baseline is not None:
        said.append(
            "The baseline was named after the sweep, perhaps for how it came out: the comparisons with it "
            "are corrected for all pairs of schedules."
        )
    if collection.joined:
        said.append(
            "The runs of several sweeps are joined and judged as one. If further ones are added because this "
            "answer is open, and it is asked again, false alarms become more frequent than stated: "
            "hydra.sweeper.until=decided adds seeds without that."
        )
    return said


def _same(contenders: list[Contender]) -> list[str]:
    said, known = [], set()
    for a, b in combinations(contenders, 2):
        common = a.losses.keys() & b.losses.keys()
        trained = not any(o.diverged for c in (a, b) for o in c.reported)
        alike = bool(common) and all(a.losses[seed] == b.losses[seed] for seed in common)
        if b.arm not in known and trained and alike:
            known.add(b.arm)
            said.append(
                f"{b.arm} ended exactly as {a.arm} under every seed: were their schedules the same curve?"
            )
    return said
