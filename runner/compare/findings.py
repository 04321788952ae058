"""What a comparison finds: plain data between the analysis and the pages."""

from __future__ import annotations

from dataclasses import dataclass, field

from .model import Question


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean over ``count`` seeds with its confidence interval; no interval from a single one.

    The interval is Student's at level 1 - alpha, each on its own: not corrected for how many there are.
    """

    count: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Sampling:
    """The standard error that a validation set leaves of a difference between two arms.

    Attributes:
        examples: in the set.
        error: of the mean over the examples.
        difference: that mean: of the first arm's losses minus the second's, over the seeds of both.
    """

    examples: int
    error: float
    difference: float

    @property
    def hides_it(self) -> bool:
        """Whether the difference is smaller than the error: it is then not called one."""
        return abs(self.difference) < self.error


@dataclass(frozen=True, kw_only=True)
class Response:
    """How an arm answers to the peak rate: final validation loss for each rate that was tried.

    Attributes:
        arm: the competitor.
        rates: rising.
        means: over the runs that chose the rate; a diverged one counts as the loss before training.
        lows: smallest over seeds.
        highs: largest over seeds.
        counts: runs at each rate.
        diverged: of these, how many diverged.
        best_rate: the rate with the lowest mean.
        edge: ``low`` or ``high`` when that is the first or last rate tried; empty when it is inside, or when
            only one was tried.
        vertex: minimum of the parabola in log rate through the best and its neighbours, where there is one.
        sensitivity: mean loss above the best over all rates tried.
    """

    arm: str
    rates: list[float]
    means: list[float]
    lows: list[float]
    highs: list[float]
    counts: list[int]
    diverged: list[int]
    best_rate: float
    edge: str
    vertex: float | None
    sensitivity: float


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An arm at its best rate.

    Attributes:
        arm: the competitor.
        rate: its chosen peak rate.
        trial: the chosen values of what else was searched; empty where nothing was.
        final_loss: last evaluation of the runs that did not diverge; the loss before training where all did.
        lost: how many of the runs at the chosen rate diverged.
        best_loss: lowest evaluation; of a diverged run, the lowest before that.
        final_accuracy: last evaluation, 0 of a diverged run; ``None`` where the task has none.
        runs: how many runs, at all rates, it cost.
        diverged: how many of them diverged.
        reached: fraction of runs that reached the target.
        expected_steps: to the target: all steps spent over the number of successes; ``None`` without any.
        fresh: whether no seed here is one that chose the rate; true also where there was nothing to choose.
        behind: final loss minus that of the arm to take, over the seeds that both finished.
        seed_error: standard error of that difference over the seeds; ``None`` from fewer than two.
        validation_error: the one that the validation set leaves, whatever the seeds; ``None`` where it is
            not known.
        examples: in the validation set; ``None`` likewise.
        median_steps: to the target, by Kaplan and Meier; ``None`` where fewer than half of the runs reach it.
    """

    arm: str
    rate: float | None
    final_loss: Interval
    lost: int
    best_loss: Interval
    final_accuracy: Interval | None
    runs: int
    diverged: int
    reached: float
    expected_steps: float | None
    fresh: bool
    behind: Interval
    median_steps: float | None = None
    trial: str = ""
    seed_error: float | None = None
    validation_error: float | None = None
    examples: int | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An arm against the baseline over paired seeds: final loss of the arm minus that of the baseline.

    Attributes:
        arm: the competitor.
        baseline: what it is held against.
        delta: mean paired difference over the seeds that neither lost; negative is better.
        p: two-sided sign-flip p, corrected for all comparisons of the table by step-down max-T.
        by_wins: judged by how many seeds each won, not by the mean: a run diverged, or the differences are
            asymmetric.
        smallest_p: the smallest ``p`` that this many seeds can give.
        verdict: ``better``, ``worse`` or ``not told apart``.
        seeds_needed: seeds in all to settle it if the difference is what was seen; ``None`` when it is
            settled or hopeless.
        variance_ratio: variance of the unpaired difference over that of the paired one; ``None`` from fewer
            than two pairs, or where the paired one does not vary.
        improvement: probability that a run of the arm ends lower than one of the baseline.
    """

    arm: str
    baseline: str
    delta: Interval
    p: float
    by_wins: bool
    smallest_p: float
    verdict: str
    seeds_needed: int | None
    variance_ratio: float | None
    improvement: float | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Which arm to take, which others may be as good, and what is lost at most.

    Attributes:
        arm: the one to take.
        members: arms that may be the best, it first, then in the order of the standings. The best is missing
            with probability at most alpha.
        p: for each arm, of the hypothesis that no other is better; empty where seeds were added by looks.
        loses_at_most: how much worse than the best ``arm`` is at most; ``None`` where no bound can be given.
        same_within: by how much any two members differ at most; ``None`` likewise, or from one member.
        seeds: that were looked at.
        left_at: after how many seeds an arm was found worse, where seeds were added by looks.
        over: why no seeds were added any more: ``one``, ``same``, ``most``; empty where they were not.
        most: seeds that there might have been; ``None`` where they were not added by looks.
        by_wins: arms judged against ``arm`` by the seeds won, not by the mean.
        blocked: why no arm is called better, though one might seem so; empty where nothing is in the way.
        hidden: members that the seeds alone would rule out: their difference from ``arm`` is smaller than
            the standard error that the validation set leaves.
    """

    arm: str
    members: list[str]
    p: dict[str, float]
    loses_at_most: float | None
    same_within: float | None
    seeds: int
    left_at: dict[str, int]
    over: str
    most: int | None
    by_wins: list[str]
    blocked: str
    hidden: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What it cost to know: every run, also failed and pilot ones."""

    runs: int
    finished: int
    diverged: int
    failed: int
    killed: int
    steps: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The answer, ready to be printed, drawn and written as JSON.

    Attributes:
        question: as it was asked, with the defaults filled in.
        ledger: what it cost.
        responses: one for each arm that has rates.
        standings: best first.
        differences: one for each arm but the baseline, in the order of ``standings``.
        decision: which arm to take; ``None`` where no run trained.
        tuning: arm to the expected lowest mean loss after 1, 2, ... of its rates, tried in random order.
        anomalies: diverged, failed and unfinished runs, missing pairs, edges, in words.
        advice: what to run next, each with its command-line overrides.
        answer: the result in a few sentences.
    """

    question: Question
    ledger: Ledger
    responses: list[Response]
    standings: list[Standing]
    differences: list[Difference]
    decision: Decision | None
    tuning: dict[str, list[float]]
    anomalies: list[str]
    advice: list[str]
    answer: list[str]
