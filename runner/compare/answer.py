"""The result in a few sentences, for a reader of nothing else. It claims no more than the tests do."""

from __future__ import annotations

import math

from ..words import duration, listed, many
from .choice import Contender
from .findings import Decision, Findings
from .phrases import at_most, every, figure, label, short


def answer(findings: Findings, contenders: list[Contender]) -> list[str]:
    """Return which schedule to take, what else may be as good, what is lost at most, what it cost to know.

    Args:
        findings: all else that was found.
        contenders: its arms, the one to take first.
    """
    decision = findings.decision
    if decision is None:
        return ["No schedule trained: every run at the peak rates tried diverged.", _cost(findings)]
    told = [_which(decision, contenders, findings.question.alpha)]
    if len(contenders) > 1:
        told += [
            _risk(decision, findings),
            _seeds(decision, findings.question.alpha),
            _manner(decision, findings),
            _validation(decision, findings),
        ]
    told += [_doubts(contenders, decision), _cost(findings)]
    return [sentence for sentence in told if sentence]


def _which(decision: Decision, contenders: list[Contender], alpha: float) -> str:
    """Say which one: a name stands first only where something is ruled out."""
    rate = contenders[0].rate
    taken = decision.arm + ("" if rate is None else f", at peak rate {rate:g}")
    taken += f", {contenders[0].trial}" if contenders[0].trial else ""
    fellows = [arm for arm in decision.members if arm != decision.arm]
    worse = len(contenders) - len(decision.members)
    sure = f"({100 * (1 - alpha):g} %)"
    if len(contenders) == 1:
        return f"{taken}: the only schedule with a result, so nothing is compared."
    if not worse:
        return (
            f"No schedule stands out: {listed([decision.arm, *fellows])} may each be the best {sure}. "
            f"Lowest by a margin that may be chance: {taken}."
        )
    if not fellows:
        others = "the other is" if worse == 1 else "all the others are"
        return f"{taken}; {others} worse {sure}."
    others = f"{listed([c.arm for c in contenders if c.arm not in decision.members])} "
    others = others + "is" if worse == 1 else "the others are"
    return f"{taken}; {listed(fellows)} may be as good; {others} worse {sure}."


def _risk(decision: Decision, findings: Findings) -> str:
    """Say what is lost at most by taking the first, and how alike those are that may be the best."""
    loss = next(s for s in findings.standings if s.arm == decision.arm).final_loss.mean
    median = " in the median run" if decision.by_wins else ""
    if decision.loses_at_most is None:
        return f"So few seeds put no bound on what is lost by taking {decision.arm}."
    if decision.loses_at_most == 0:
        return (
            f"By taking {decision.arm} you lose nothing{median} (its final validation loss: {figure(loss)})."
        )
    said = (
        f"By taking {decision.arm} you lose at most {at_most(decision.loses_at_most)}{median} "
        f"(its final validation loss: {figure(loss)})."
    )
    if decision.same_within is not None and not decision.by_wins:
        said += f" {listed(decision.members)} are the same within {at_most(decision.same_within)}."
    return said


def _seeds(decision: Decision, alpha: float) -> str:
    """Say how many seeds decided; or with how few nothing could be decided."""
    if decision.most is None:
        least = math.ceil(-math.log2(alpha))
        if decision.seeds < least and len(decision.members) > 1 and not decision.blocked:
            return (
                f"With {many(decision.seeds, 'seed')} no schedule can be ruled out at "
                f"{100 * alpha:g} %, however large the difference: {least} seeds could."
            )
        return ""
    left = [f"{arm} after {seeds}" for arm, seeds in sorted(decision.left_at.items(), key=lambda e: e[1])]
    gone = f" Ruled out: {listed(left)}." if left else ""
    ends = {
        "one": f"Decided after {many(decision.seeds, 'seed')} of at most {decision.most}.",
        "same": f"After {many(decision.seeds, 'seed')} of at most {decision.most} no other can be better by "
        "more than the tolerance.",
        "most": f"All {many(decision.seeds, 'seed')} were spent.",
    }
    return ends.get(decision.over, f"Ended after {many(decision.seeds, 'seed')}, undecided.") + gone


def _manner(decision: Decision, findings: Findings) -> str:
    said = []
    if decision.by_wins:
        said.append(
            f"Against {listed(decision.by_wins)} it was judged by the seeds each won, not by mean losses, "
            "since runs diverged or the differences are lopsided: that speaks of the median run."
        )
    lost = [s for s in findings.standings if s.lost and s.arm in decision.members]
    said += [f"Of {s.arm}, {s.lost} of {many(s.lost + s.final_loss.count, 'run')} diverged." for s in lost]
    return " ".join(said)


def _validation(decision: Decision, findings: Findings) -> str:
    """Say what the validation set leaves open of the difference from the nearest rival, beside the seeds."""
    known = [s for s in findings.standings if s.validation_error is not None]
    if not known:
        return ""
    if decision.hidden:
        hidden = [s for s in known if s.arm in decision.hidden]
        apart = [f"{s.arm}, {short(abs(s.behind.mean))} behind" for s in hidden]
        errors = listed([short(s.validation_error or 0.0) for s in hidden])
        return (
            f"The seeds alone would rule out {listed(apart)}, but that is less than the standard error that "
            f"the {known[0].examples:,} validation examples leave ({errors}): a larger validation set could "
            "tell, more seeds cannot."
        )
    nearest = min(known, key=lambda s: abs(s.behind.mean))
    seeds = (
        ""
        if nearest.seed_error is None
        else f"other seeds might change that by {short(nearest.seed_error)}, "
    )
    error = short(nearest.validation_error or 0.0)
    return (
        f"{decision.arm} and {nearest.arm} are {short(abs(nearest.behind.mean))} apart; {seeds}"
        f"another validation set of {nearest.examples:,} examples by {error} (standard errors)."
    )


def _doubts(contenders: list[Contender], decision: Decision) -> str:
    edge = [c.arm for c in contenders if c.response and c.response.edge]
    once = [c.arm for c in contenders if c.response and c.setups == 1]
    doubts = [
        decision.blocked,
        f"the best peak rate of {every(edge, contenders)} lies at the end of those tried" if edge else "",
        f"{every(once, contenders)} ran at one peak rate only" if once else "",
        "" if contenders[0].fresh else "the peak rates were chosen on the same seeds",
    ]
    doubts += [f"every run of {label(c.arm, c.rate)} diverged" for c in contenders if _all_lost(c)]
    doubts = [doubt for doubt in doubts if doubt]
    return f"What speaks against relying on it: {'; '.join(doubts)}." if doubts else ""


def _all_lost(contender: Contender) -> bool:
    return all(o.diverged for o in contender.reported)


def _cost(findings: Findings) -> str:
    cost = findings.ledger
    parts = {
        "finished": cost.finished,
        "diverged": cost.diverged,
        "failed": cost.failed,
        "killed": cost.killed,
    }
    parts["not ended"] = cost.runs - sum(parts.values())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in parts.items() if count)
    spent = many(cost.steps, "step")
    if cost.seconds:  # logs of others do not say
        spent += f" and {duration(cost.seconds)} of training"
    return f"It cost {many(cost.runs, 'run')} ({kinds}), {spent}."
