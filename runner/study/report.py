"""The page that a study ends with: which schedule for what, by what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..compare.phrases import at_most, figure
from ..compare.stats.measures import profile_scores
from ..console import out, short
from ..record.files import write_atomically
from ..words import duration, many
from .across import RATIOS, Estimate, interquartile_means, mean_ranks, normalised, profile
from .conduct import line_of
from .gather import Result, gather
from .manifest import Study
from .verdicts import on_all, sentence, take


def report(study: Study, folder: Path, page: Path, alpha: float) -> None:
    """Judge what a study's folder holds, write its page, and print the sentence that it begins with.

    Raises:
        ConfigError: none of its sweeps has ended.
    """
    results = gather(study, folder, alpha)
    text = written(study, results, alpha)
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(page, text.encode())
    ranks = mean_ranks([each.losses for each in results]).value.tolist()
    out.print(sentence(results, take(results, ranks), alpha), soft_wrap=True)
    out.print(f"page   {short(page.absolute())}", soft_wrap=True)


def written(study: Study, results: Sequence[Result], alpha: float) -> str:
    """Return the page [markdown].

    Args:
        study: what was asked.
        results: of its workloads that have ended.
        alpha: probability that the best is missing among those that may be, on each workload.
    """
    ranks = mean_ranks([each.losses for each in results], 1 - alpha)
    first = take(results, ranks.value.tolist())
    lines = ["# Which schedule for what", "", f"**{sentence(results, first, alpha)}**", ""]
    lines += _about(study, results, alpha)
    lines += ["", "## What is said, and what was measured", "", *_claims(study, results)]
    lines += ["", "## Over all workloads", "", *_overall(results, ranks, alpha)]
    for each in results:
        lines += ["", f"## {each.workload.name}", "", *_workload(study, each, alpha)]
    return "\n".join(lines) + "\n"


def _about(study: Study, results: Sequence[Result], alpha: float) -> list[str]:
    seeds = sorted({each.losses.shape[1] for each in results})
    costs = [each.cost for each in results]
    cost = f"{many(sum(c.runs for c in costs), 'run')}, {many(sum(c.steps for c in costs), 'step')}"
    lines = [
        "```bash",
        "python -m runner study --plan     # what it trains, and for how long",
        "python -m runner study            # make study; the same command goes on where it was stopped",
        "```",
        "",
        f"{len(study.schedules)} schedules on {many(len(results), 'workload')} at laptop size. On each "
        f"workload every schedule has a peak rate of its own, the best of {len(study.workloads[0].rates)} "
        f"by one seed, and is then judged on {' or '.join(map(str, seeds))} fresh seeds, the same for "
        f"all. It took {cost} and {duration(sum(c.seconds for c in costs))} of training. *May be the "
        "best*: not worse than any other beyond chance; the truly best is missing with a probability of "
        f"at most {100 * alpha:g} % on each workload ([compare.md](compare.md)).",
        "",
        "What it does not say: these are small models, short runs and one validation set each. Where the "
        "loss still falls fast when a run ends, as after a few dozen steps of a transformer, a schedule "
        "that stays high looks better than it would in a longer run. Which schedule a large model should "
        f"take is a question for a study of that model. {_edges(results)}",
    ]
    missing = [w.name for w in study.workloads if w.name not in {each.workload.name for each in results}]
    return lines + (["", f"Not trained yet: {', '.join(missing)}."] if missing else [])


def _edges(results: Sequence[Result]) -> str:
    """Say how many peak rates might be better still beyond those tried."""
    edges = sum(sum(each.edges) for each in results)
    every = sum(len(each.edges) for each in results)
    return f"{edges} of the {every} peak rates chosen are the first or last of those tried: marked EDGE."


def _claims(study: Study, results: Sequence[Result]) -> list[str]:
    rows = [["schedule", "is said to be for", "here", "what was measured"]]
    for claim in study.claims:
        verdict, lines = on_all(claim, results)
        rows.append([claim.schedule, claim.use, f"**{verdict}**", "<br>".join(lines)])
    return [
        *_table(rows),
        "",
        "*Holds*: it may be the best, and at least one other is ruled out. *Does not hold*: it is ruled out "
        "itself. *Can't be told*: no schedule is ruled out.",
    ]


def _overall(results: Sequence[Result], ranks: Estimate, alpha: float) -> list[str]:
    level = 1 - alpha
    middle = interquartile_means([normalised(each.losses, each.untrained) for each in results], level)
    times = np.stack([each.steps for each in results], axis=1)
    reached = np.isfinite(times).any(axis=0)
    parts, scores = profile(times[:, reached]), profile_scores(times[:, reached])
    head = ["schedule", "may be best on", "mean rank", "IQM of normalised loss"]
    rows = [[*head, *(f"within {tau:g}x" for tau in RATIOS), "AlgoPerf score"]]
    for i in np.argsort(ranks.value, kind="stable"):
        name = results[0].schedules[i]
        may = sum(name in each.decision.members for each in results)
        cells = [name, f"{may} of {len(results)}", _span(ranks, i, 1), _span(middle, i, 2)]
        rows.append([*cells, *(f"{100 * part:.0f} %" for part in parts[i]), f"{scores[i]:.2f}"])
    return [
        *_table(rows),
        "",
        f"In brackets {100 * level:g} % intervals over seeds drawn again within the workloads: of other "
        "seeds, not of other workloads. The normalised loss is 0 at the lowest schedule's mean and 1 at "
        "the highest's, and IQM the mean of its middle half. *Within 2x*: on which part of the workloads "
        f"half of the runs reach the mean final loss of {results[0].schedules[0]} in at most twice the "
        "steps of the fastest schedule; the score is the area under that up to 4x.",
    ]


def _workload(study: Study, result: Result, alpha: float) -> list[str]:
    about = result.workload.about
    order = sorted(range(len(result.schedules)), key=lambda i: float(result.losses[i].mean()))
    head = [
        "schedule",
        "peak rate",
        "final validation loss",
        "behind",
        "may be best",
        "loses at most",
        "steps",
    ]
    first = " ".join(result.workload.first)
    start = [f"python -m runner {first} hydra.run.dir=outputs/study/{result.workload.name}-first"]
    return [
        f"{about[0].upper()}{about[1:]}. Behind: mean difference from {result.decision.arm} by seed, with "
        f"its {100 * (1 - alpha):g} % interval. The loss before training was {figure(result.untrained)}. "
        f"Steps: until half of the runs are at {figure(result.target)} or below. EDGE: the best rate is "
        "the first or last of those tried.",
        "",
        *_table([head, *(_row(result, i) for i in order)]),
        "",
        "```bash",
        *(start if first else []),
        line_of(study, result.workload, Path("outputs/study")),
        "```",
    ]


def _row(result: Result, i: int) -> list[str]:
    """Return what was measured of one schedule on one workload."""
    name, apart, bound, steps = result.schedules[i], result.behind[i], result.at_most[i], result.steps[i]
    has_ends = apart is not None and apart.low is not None and apart.high is not None
    behind = f"{apart.mean:+.4f}" if apart is not None and name != result.decision.arm else ""
    if behind and has_ends:
        assert apart is not None
        behind += f" ({apart.low:+.4f} to {apart.high:+.4f})"
    finished = result.losses[i][np.isfinite(result.losses[i])]
    loss = figure(float(finished.mean())) if len(finished) else "none"
    return [
        name,
        ("" if result.rates[i] is None else f"{result.rates[i]:g}") + (" EDGE" if result.edges[i] else ""),
        loss + (f", {result.lost[i]} diverged" if result.lost[i] else ""),
        behind,
        "yes" if name in result.decision.members else "no",
        "no bound" if not math.isfinite(bound) else at_most(bound) if bound else "0",
        f"{steps:.0f}" if math.isfinite(steps) else "not reached",
    ]


def _span(estimate: Estimate, i: int, digits: int) -> str:
    value, low, high = estimate.value[i], estimate.low[i], estimate.high[i]
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _table(rows: list[list[str]]) -> list[str]:
    head, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return [head, f"|{' --- |' * len(rows[0])}", *rest]
