"""The result in a few sentences, for a reader of nothing else. It claims no more than the tests do."""

from __future__ import annotations

from ..words import duration, listed, many, p_value
from .choice import Contender
from .findings import Difference, Findings
from .pairs import attainable
from .phrases import between, every, figure, label
from .stats.power import fewest_seeds
from .stats.statistics import smallest_sign_flip_p


def answer(findings: Findings, contenders: list[Contender], apart: set[frozenset[str]]) -> list[str]:
    """Return which schedule, at which peak rate, how sure that is, and what it cost to know.

    Args:
        findings: all else that was found.
        contenders: its arms, best first.
        apart: the pairs of arms that are told apart.
    """
    if all(o.diverged for c in contenders for o in c.reported):
        return ["No schedule trained: every run at the peak rates tried diverged.", _cost(findings)]
    told = [_lowest(findings)]
    if len(contenders) > 1:
        told += [_against_baseline(findings), _rivals(findings, apart)]
    else:
        told += ["It is the only schedule of the sweep with a result, so nothing is compared."]
    return [sentence for sentence in [*told, _doubts(contenders), _cost(findings)] if sentence]


def _lowest(findings: Findings) -> str:
    best, loss = findings.standings[0], findings.standings[0].final_loss
    rate = "" if best.rate is None else f" at peak rate {best.rate:g}"
    return (
        f"Lowest mean final validation loss: {best.arm}{rate}, {figure(loss.mean)} over "
        f"{many(loss.count, 'seed')} ({between(loss, findings.question.alpha)})."
    )


def _against_baseline(findings: Findings) -> str:
    found, alpha, best = findings.differences, findings.question.alpha, findings.standings[0].arm
    baseline = found[0].baseline
    if not attainable(found, alpha):
        return (
            f"With {many(max(d.delta.count for d in found), 'paired seed')} no difference from {baseline}, "
            f"however large, can be told from chance at {100 * alpha:g} % over "
            f"{many(len(found), 'comparison')}: {fewest_seeds(alpha / len(found))} seeds could."
        )
    if best == baseline:
        worse = [d.arm for d in found if d.verdict == "worse"]
        others = "none" if not worse else listed(worse)
        return f"That is the baseline itself; ending higher than it, beyond chance: {others}."
    return _told(next(d for d in found if d.arm == best), alpha, len(found))


def _told(d: Difference, alpha: float, comparisons: int) -> str:
    sure = {"better": "better, beyond chance", "worse": "worse, beyond chance"}
    return (
        f"Its mean difference from the baseline {d.baseline} is {figure(d.delta.mean)} "
        f"({many(d.delta.count, 'paired seed')}, {between(d.delta, alpha)}; "
        f"sign-flip {p_value(d.p_holm)} corrected for "
        f"{many(comparisons, 'comparison')}): {sure.get(d.verdict, d.verdict)}."
    )


def _rivals(findings: Findings, apart: set[frozenset[str]]) -> str:
    best, *others = [each.arm for each in findings.standings]
    pairs, alpha = len(others) * (len(others) + 1) // 2, findings.question.alpha
    if pairs == 1:  # the baseline's sentence has said it
        return ""
    seeds = max(each.final_loss.count for each in findings.standings)
    if smallest_sign_flip_p(seeds) * pairs > alpha:
        return (
            f"Whether {best} is the best of all {len(others) + 1} stays open: telling all {pairs} pairs "
            f"apart takes {fewest_seeds(alpha / pairs)} seeds, and this sweep has {seeds}."
        )
    level = [arm for arm in others if frozenset((best, arm)) not in apart]
    higher = [arm for arm in others if arm not in level]
    if not level:
        return f"With all {pairs} pairs tested, {best} is told apart from every other schedule."
    beaten = [d.arm if d.verdict == "worse" else d.baseline for d in findings.differences]
    settled = [d.verdict != "not told apart" and best in (d.arm, d.baseline) for d in findings.differences]
    alone = [a for a, sure in zip(beaten, settled, strict=True) if sure and a in level]
    note = f" ({listed(alone)} only in the comparisons with the baseline, which are fewer)" if alone else ""
    end = f"; {listed(higher)} ended higher beyond chance" if higher else ""
    return f"With all {pairs} pairs tested, {best} cannot be told apart from {listed(level)}{note}{end}."


def _doubts(contenders: list[Contender]) -> str:
    best = contenders[0]
    edge = [c.arm for c in contenders if c.response and c.response.edge]
    once = [c.arm for c in contenders if c.response and len(c.response.rates) == 1]
    chances = {len(c.response.rates) for c in contenders if c.response}
    lost = [label(c.arm, c.rate) for c in contenders if any(o.diverged for o in c.reported)]
    doubts = [
        f"the best peak rate of {every(edge, contenders)} lies at the end of those tried" if edge else "",
        f"{every(once, contenders)} ran at one peak rate only" if once else "",
        "some had more peak rates to choose from than others" if len(chances) > 1 else "",
        "" if best.fresh else "the peak rates were chosen on the same seeds",
        f"runs of {listed(lost)} diverged" if lost else "",
    ]
    doubts = [doubt for doubt in doubts if doubt]
    return f"What speaks against relying on it: {'; '.join(doubts)}." if doubts else ""


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
