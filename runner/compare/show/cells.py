"""Figures as a table's cells hold them: the same in the terminal, on the page and in MLflow's description."""

from __future__ import annotations

from datetime import UTC, datetime

from ...words import duration, many
from ..findings import Difference, Findings, Interval, Response, Standing

NOTHING = "–"
ROUNDING = 4  # significant digits of a loss


def number(value: float | None, digits: int = ROUNDING) -> str:
    """Return so many significant digits, small enough numbers without an exponent.

    >>> [number(x) for x in (0.081234, 2.3, 0.0, None)]
    ['0.08123', '2.300', '0', '–']
    """
    if value is None:
        return NOTHING
    return "0" if value == 0 else f"{value:#.{digits}g}".rstrip(".")


def rate(value: float | None) -> str:
    """Return a peak rate as it is typed."""
    return NOTHING if value is None else f"{value:g}"


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{'−' if value < 0 else '+'}{number(abs(value), 3)}"


def span(interval: Interval) -> str:
    """Return an interval's ends; one seed has none."""
    if interval.low is None or interval.high is None:
        return NOTHING
    return f"[{number(interval.low, 3)}, {number(interval.high, 3)}]".replace("-", "−")


def percent(value: float) -> str:
    """Return a fraction in percent."""
    return f"{100 * value:.2f} %"


def count(value: float | None) -> str:
    """Return a number of steps or runs with its thousands set apart."""
    return NOTHING if value is None else f"{value:,.0f}"


def moment(milliseconds: int) -> str:
    """Return a date and time, universal: a report is read elsewhere."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def confidence(findings: Findings) -> str:
    """Return the level of the intervals, such as ``95 %``."""
    return f"{100 * (1 - findings.question.alpha):g} %"


def edge(findings: Findings, standing: Standing) -> str:
    """Return ``EDGE`` where the best rate is the first or last tried: a better one may lie beyond."""
    response = response_of(findings, standing.arm)
    return "EDGE" if response is not None and response.edge else ""


def response_of(findings: Findings, arm: str) -> Response | None:
    """Return how an arm answers to the peak rate."""
    return next((each for each in findings.responses if each.arm == arm), None)


def difference_of(findings: Findings, arm: str) -> Difference | None:
    """Return an arm's difference from the baseline; the baseline itself has none."""
    return next((each for each in findings.differences if each.arm == arm), None)


def membership(findings: Findings, arm: str) -> str:
    """Return whether an arm may be the best: the one to take, another that may, or when it was ruled out."""
    decision = findings.decision
    if decision is None:
        return NOTHING
    if arm in decision.members:
        is_found = arm == decision.arm and len(decision.members) < len(findings.standings)
        return "take it" if is_found else "may be"
    return f"no, after {decision.left_at[arm]} seeds" if arm in decision.left_at else "no"


def errors(standing: Standing) -> str:
    """Return the standard errors of the difference from the first: over seeds, and of the validation set."""
    known = [
        None if each is None else number(each, 2) for each in (standing.seed_error, standing.validation_error)
    ]
    return NOTHING if known == [None, None] else " / ".join(each or NOTHING for each in known)


def cost(findings: Findings) -> str:
    """Return what it cost to know, in one line."""
    ledger = findings.ledger
    said = f"{many(ledger.runs, 'run')}, {many(ledger.steps, 'step')}"
    if ledger.seconds:  # logs of others do not say
        said += f", {duration(ledger.seconds)} of training"
    lost = [
        f"{each} {word}"
        for each, word in (
            (ledger.diverged, "diverged"),
            (ledger.failed, "failed"),
            (ledger.killed, "killed"),
        )
        if each
    ]
    return f"{said}; {', '.join(lost)}" if lost else said
