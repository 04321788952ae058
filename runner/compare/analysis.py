"""From the runs of a sweep to what they say."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np

from schedules.names import nearest

from ..errors import ConfigError
from .advice import advice
from .answer import answer
from .choice import Contender, choose, stand
from .decide import decide, looks_of
from .findings import Findings, Sampling
from .lengths import of_one_length
from .model import Collection, Question, Trained
from .outcomes import Outcome, ledger, loss_before_training, outcomes
from .pairs import differences
from .remarks import remarks
from .stats.measures import expected_best
from .validation import not_told_apart, sampling, without_hidden

PLAIN = "constant"
"""The schedule that is the baseline where there is one."""


def analyse(collection: Collection, question: Question) -> Findings:
    """Say which schedule is better, at which peak rate, and how sure that is.

    Each arm's peak rate is the one with the lowest mean final loss over its runs of stage ``tune``, or over
    all where the sweep has no stages; its runs of stage ``final`` are reported, or else the same ones. While
    a rate is chosen, a diverged run counts as the loss before training; afterwards as worse than any finished
    one. Runs that failed, were killed or have not ended count for the cost alone, and are named.

    Args:
        collection: the runs of the sweep.
        question: what is asked of it.

    Raises:
        ConfigError: no run of the sweep has a result; the baseline is not one of its arms, or has no result;
            alpha or the target is out of bounds.
    """
    everything = collection.runs
    collection, lengths = of_one_length(collection)
    runs = collection.runs
    _check(question)
    contenders = _contenders(collection)
    if not contenders:
        raise ConfigError(_nothing(collection))
    arms = [c.arm for c in contenders]
    decision, contenders = decide(contenders, question.alpha, looks_of(collection))
    left = _samplings(contenders)
    decision, contenders = without_hidden(decision, contenders, left)
    trained = any(not o.diverged for c in contenders for o in c.reported)
    name = _baseline(question.baseline, runs, arms)
    baseline = next(c for c in contenders if c.arm == name)
    target = _target(contenders) if question.target is None else question.target
    alpha, chosen = question.alpha, question.baseline is not None
    found = differences(contenders, baseline, alpha, chosen_by_data=chosen, blocked=decision.blocked)
    findings = Findings(
        question=replace(question, baseline=name, target=target),
        ledger=ledger(everything),
        responses=[c.response for c in contenders if c.response],
        standings=[
            stand(c, contenders[0], [r for r in runs if r.arm == c.arm], target, 1 - alpha, left.get(c.arm))
            for c in contenders
        ],
        differences=not_told_apart(found, contenders, baseline),
        decision=decision if trained else None,
        tuning={c.arm: expected_best(c.response.means).tolist() for c in contenders if c.response},
        anomalies=[*lengths, *remarks(collection, contenders, baseline, question)],
        advice=advice(collection, contenders, decision),
        answer=[],
    )
    return replace(findings, answer=answer(findings, contenders))


def judged_runs(collection: Collection) -> list[str]:
    """Return the ids of the runs whose final losses decide: those of each arm at its chosen rate."""
    collection, _ = of_one_length(collection)
    return [outcome.run.run_id for each in _contenders(collection) for outcome in each.reported]


def _contenders(collection: Collection) -> list[Contender]:
    """Return each arm at its best rate, in the order that they were begun; none where no run has a result."""
    initial = loss_before_training(collection.runs)
    by_arm: dict[str, list[Outcome]] = defaultdict(list)
    looks = looks_of(collection)
    for outcome in outcomes(collection.runs) if math.isfinite(initial) else []:
        if not (looks and outcome.run.stage == "final" and outcome.run.seed < looks.first_seed):
            by_arm[outcome.run.arm].append(outcome)
    return [choose(arm, results, initial) for arm, results in by_arm.items()]


def _samplings(contenders: list[Contender]) -> dict[str, Sampling]:
    """Return what the validation set leaves of each arm's difference from the first, where that is known."""
    first, *others = contenders
    return {c.arm: each for c in others if (each := sampling(c, first)) is not None}


def _check(question: Question) -> None:
    if not 0 < question.alpha < 1:
        raise ConfigError(f"alpha must be a number > 0 and < 1, got {question.alpha}")
    if question.target is not None and not math.isfinite(question.target):
        raise ConfigError(f"target must be a finite validation loss, got {question.target}")


def _baseline(asked: str | None, runs: list[Trained], arms: list[str]) -> str:
    """Return the arm asked for; else the first by name of the constant ones, else the first of the sweep."""
    if asked is None:
        return min((arm for arm in arms if arm.partition(" ")[0] == PLAIN), default=arms[0])
    if asked in arms:
        return asked
    if any(run.arm == asked for run in runs):
        raise ConfigError(f"baseline must be a schedule with a finished run, got {asked!r}, which has none")
    raise ConfigError(f"baseline must be a schedule of the sweep, got {asked!r}; {nearest(asked, arms)}")


def _target(contenders: list[Contender]) -> float:
    """Return the worst mean final loss: every arm that trained comes to it, on average."""
    trained = [c for c in contenders if not any(o.diverged for o in c.reported)]
    return max(float(np.mean(c.finished_losses)) for c in trained or contenders)


def _nothing(collection: Collection) -> str:
    cost = ledger(collection.runs)
    reason = next((f"; the first reason: {run.reason}" for run in collection.runs if run.reason), "")
    return (
        f"the sweep must have a finished run, got {collection.name!r} with {cost.runs} runs: "
        f"{cost.failed} failed, {cost.killed} killed, {cost.diverged} diverged{reason}"
    )
