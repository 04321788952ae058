"""A forecast on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from .. import console
from ..compare.leave_out import sentences
from ..words import listed, many
from .forecast import SAME, WORSE, Forecast, Row
from .histories import History

SHOWN = 8  # runs that are named


def show(found: Forecast, left_out: list[History]) -> None:
    """Print what a forecast is made from, the predictions, the best schedule, and what was refused."""
    _sources(found, left_out)
    for reason in found.refused:
        console.out.print(f"not to be believed: {reason}")
    console.out.print(_table(found.rows))
    for row in found.rows:
        for reason in row.refused:
            console.out.print(f"refused: {row.name} at {row.total_steps:,} steps: {reason}")
    for sentence in answers(found):
        console.out.print(sentence)
    for sentence in sentences(found.checked):
        console.out.print(sentence)
    for name, rows in found.onward.items():
        console.out.print(f"{name} goes on:")
        console.out.print(_table(rows))


def say_picture(path: Path) -> None:
    """Say where the picture is."""
    console.out.print(f"picture {console.short(path.absolute())}")


def _sources(found: Forecast, left_out: list[History]) -> None:
    first = found.histories[:SHOWN]
    for each in first:
        seeds = f", mean of {many(each.seeds, 'seed')}" if each.seeds > 1 else ""
        text = f"from    {each.log.name} ({each.log.kind}): {len(each.curve.steps):,} losses"
        console.out.print(f"{text} to step {each.seen:,}, peak {each.peak:.4g}{seeds}")
    if len(found.histories) > SHOWN:
        console.out.print(f"        and {len(found.histories) - SHOWN} more")
    if left_out:
        peaks = listed(sorted({f"{each.peak:.4g}" for each in left_out}))
        count = many(len(left_out), "run")
        console.out.print(f"        left out: {count} of other peak rates ({peaks}); --peak chooses")


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("schedule", overflow="fold")
    for title in ("steps", "loss", "band", "above best"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        length = f"{row.total_steps:,}"
        if row.refused:
            table.add_row(row.name, length, "", "", "", "refused")
            continue
        loss, band = f"{row.prediction.loss:.4f}", f"±{row.prediction.half_width:.3f}"
        gap = f"{row.gap.loss:+.4f}±{row.gap.half_width:.3f}" if row.verdict in (SAME, WORSE) else ""
        table.add_row(row.name, length, loss, band, gap, row.verdict)
    return table


def answers(found: Forecast) -> list[str]:
    """Return what the forecast comes to, in sentences."""
    said = []
    for length in dict.fromkeys(row.total_steps for row in found.rows):
        rows = [row for row in found.rows if row.total_steps == length and not row.refused]
        same = [row.name for row in rows if row.verdict == SAME]
        if same:
            names = listed([rows[0].name, *same])
            said.append(f"At {length:,} steps {names} can't be told apart: their gaps are within the band.")
        best = found.best.get(length)
        if best is not None and rows:
            said.append(
                f"The best schedule of {length:,} steps by the law is {best.settings}, {best.loss:.4f}; "
                f"one of any falling shape would end {best.lost:.4f} lower."
            )
        beside = [f"{row.name} {row.annealing:.4f}" for row in rows]
        if beside:
            said.append(f"The law with annealing says {listed(beside)}: on language models it ranked worse.")
    return said
