"""The table of a range test on the screen."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from ..console import err, out
from ..run.report import look
from .result import RangeTestResult, Suggestion


def show(outcome: RangeTestResult, what: str, places: list[tuple[str, str]]) -> None:
    """Print what each rule suggests over the seeds, and what to begin with.

    Args:
        outcome: what came out.
        what: model and data.
        places: label and text of where it is kept; that of ``store`` also says how to look at it.
    """
    test = outcome.test
    low, high = test.limits()
    title = Text(f"range test of {test.hyperparameter}", style="bold").append(
        f"  {what}, {low:g} to {high:g} in {test.steps} steps, seeds {', '.join(map(str, test.seeds))}",
        style="not bold",
    )
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for column in ("rule", "median", "lowest seed", "highest seed", "factor"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    for each in outcome.suggestions:
        table.add_row(each.rule, *_cells(each))
    out.print(table)
    out.print(headline(outcome))
    for doubt in outcome.doubts:
        err.print(f"warning: {doubt}", soft_wrap=True)
    for label, text in places:
        out.print(f"{label:6} {text}")
        if label == "store":
            out.print(f"look   {look(text)}")


def headline(outcome: RangeTestResult) -> str:
    """Return what to begin with and why, in one line."""
    if outcome.recommended is None:
        return f"nothing to recommend: {outcome.reason}"
    return f"begin with {outcome.test.hyperparameter}={outcome.recommended:g}: {outcome.reason}"


def _cells(each: Suggestion) -> tuple[str, str, str, str]:
    if each.median is None:
        return "-", "-", "-", "-"
    spread = "-" if each.spread is None else f"{each.spread:.1f}"
    return f"{each.median:.3g}", f"{each.found[0]:.3g}", f"{each.found[-1]:.3g}", spread
