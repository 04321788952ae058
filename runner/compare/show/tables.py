"""What the terminal shows of a comparison: the answer, then a table of at most 100 columns."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...words import probability
from ..findings import Findings, Standing
from ..model import Collection
from . import cells

WIDTH = 100


def show(collection: Collection, findings: Findings) -> None:
    """Print the comparison. Sentences and commands are left to the terminal to wrap, to be copied whole."""
    console = Console(highlight=False, markup=False, soft_wrap=True)  # names may hold any character
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    console.print(Text(collection.name, style="bold"))
    console.print(Text(cells.cost(findings), style="dim"))
    console.print()
    for sentence in findings.answer:
        console.print(Text(sentence))
    for table in (_standings(findings), _worth(findings)):
        console.print()
        console.print(table, soft_wrap=False)
    for title, lines in (("beware", findings.anomalies), ("next", findings.advice)):
        if lines:
            console.print()
        for place, line in enumerate(lines):
            console.print(f"{'' if place else title:7} {line}")
    console.print()


def _standings(findings: Findings) -> Table:
    question = findings.question
    table = _table(
        "", "schedule", ">peak lr", ">final loss", f"{cells.confidence(findings)} interval",
        ">accuracy", "may be best", f">vs {question.baseline}", ">p",
    )  # fmt: skip
    for place, standing in enumerate(findings.standings, start=1):
        accuracy = standing.final_accuracy
        table.add_row(
            str(place),
            Text(standing.arm),
            Text(_rate(findings, standing)),
            cells.number(standing.final_loss.mean),
            Text(cells.span(standing.final_loss)),
            cells.percent(accuracy.mean) if accuracy is not None else cells.NOTHING,
            cells.membership(findings, standing.arm),
            *_against(findings, standing.arm),
        )
    return table


def _rate(findings: Findings, standing: Standing) -> str:
    return " ".join(filter(None, [cells.rate(standing.rate), cells.edge(findings, standing)]))


def _against(findings: Findings, arm: str) -> tuple[str, str]:
    found = cells.difference_of(findings, arm)
    if found is None:
        return "", ""
    return cells.signed(found.delta.mean), probability(found.p)


def _worth(findings: Findings) -> Table:
    """Return what each arm cost and how much hangs on its rate."""
    target = cells.number(findings.question.target)
    table = _table(
        "", "schedule", ">seeds", ">runs", ">diverged", ">best loss", ">lost by a wrong lr",
        f">reached {target}", ">after steps",
    )  # fmt: skip
    for place, standing in enumerate(findings.standings, start=1):
        response = cells.response_of(findings, standing.arm)
        table.add_row(
            str(place),
            Text(standing.arm),
            cells.count(standing.final_loss.count),
            cells.count(standing.runs),
            cells.count(standing.diverged),
            cells.number(standing.best_loss.mean),
            cells.number(response.sensitivity, 3) if response is not None else cells.NOTHING,
            f"{100 * standing.reached:.0f} %",
            cells.count(standing.expected_steps),
        )
    return table


def _table(*columns: str) -> Table:
    """Return an empty table; a column that begins with ``>`` is set to the right."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(
            Text(column.removeprefix(">")), justify="right" if column.startswith(">") else "left"
        )
    return table
