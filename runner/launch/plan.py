"""``sweep.plan=true``: what a sweep would do, before anything is spent."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

import schedules
from schedules.show.terminal import bars, columns_of, scale

from ..console import err, out, short
from ..errors import ConfigError
from ..record.files import write_atomically
from ..settings.config import import_plugins
from ..settings.overrides import given
from ..words import duration, many

if TYPE_CHECKING:
    from ..sweep.sweep import Sweep
    from .description import Wanted
    from .preflight import Checked

START_SECONDS = 0.6  # that a job takes beside its steps
SWEEP_SECONDS = 10.0  # that a sweep takes beside its jobs
WIDTH = 24


def show_plan(wanted: list[Wanted], checked: list[Checked], mine: Sweep, slots: int) -> None:
    """Print and draw the schedules of a sweep, and what it would take; mark what is trained twice."""
    import_plugins([plugin for each in wanted for plugin in each.config.plugins])
    table = Table(box=box.SIMPLE_HEAD, title=Text(f"plan of sweep {mine.title}"), title_justify="left")
    for column in ("schedule of lr", "shape", "first", "peak", "last", "steps", "jobs"):
        table.add_column(column, justify="left" if column in ("schedule of lr", "shape") else "right")
    kinds = Counter(_kind(each, look, mine) for each, look in zip(wanted, checked, strict=True))
    drawn: dict[str, Checked] = {}
    for each, look in zip(wanted, checked, strict=True):
        drawn.setdefault(_kind(each, look, mine), look)
    for kind, look in drawn.items():
        schedule = schedules.from_spec(look.plan["lr"])
        values = schedules.values(schedule, look.total_steps)
        [shape] = bars(scale(columns_of(schedule, look.total_steps, WIDTH), 0.0, values.max()))
        ends = (f"{values[0]:.4g}", f"{values.max():.4g}", f"{values[-1]:.4g}")
        table.add_row(Text(kind), shape, *ends, str(look.total_steps), str(kinds[kind]))
    out.print(table)
    seconds = sum((look.seconds or 0.0) + START_SECONDS for look in checked)
    steps = sum(look.total_steps for look in checked)
    points = sum(look.points for look in checked)
    out.print(
        f"{many(len(wanted), 'job')}, {many(steps, 'step')}, {points:,} points for MLflow; "
        f"about {duration(SWEEP_SECONDS + seconds / slots)} with {slots} at a time"
    )
    figures = {"jobs": len(wanted), "steps": steps, "seconds": seconds / slots, "beside": SWEEP_SECONDS}
    mine.directory.path.mkdir(parents=True, exist_ok=True)
    write_atomically(mine.directory.path / "plan-figures.json", json.dumps(figures).encode())
    tell_twins(wanted, checked)
    for finding in dict.fromkeys(f for look in checked for f in look.findings):
        err.print(f"warning: {finding}", soft_wrap=True)
    _draw(drawn, mine)


def _kind(wanted: Wanted, checked: Checked, mine: Sweep) -> str:
    """Return what tells a job's plan from others': all that is varied but the seed."""
    chosen = {key: value for key, value in given(wanted.overrides).items() if key in mine.varied - {"seed"}}
    words = [
        value if key == "schedule" else f"{key.rpartition('.')[2]}={value}" for key, value in chosen.items()
    ]
    return " ".join(words) or "all jobs"


def tell_twins(wanted: list[Wanted], checked: list[Checked]) -> None:
    """Name jobs whose realised curves are the same: the second tells nothing new."""
    first: dict[str, Wanted] = {}
    twins = []
    for each, look in zip(wanted, checked, strict=True):
        if look.curves in first:
            twins.append(f"{' '.join(each.overrides)}  =  {' '.join(first[look.curves].overrides)}")
        first.setdefault(look.curves, each)
    if twins:
        err.print(f"warning: {len(twins)} jobs come to the same curves as another:", soft_wrap=True)
        for line in twins[:10]:
            err.print(f"  {line}", soft_wrap=True)


def _draw(drawn: dict[str, Checked], mine: Sweep) -> None:
    from schedules.show.plot import save

    plans = {kind: {"lr": schedules.from_spec(look.plan["lr"])} for kind, look in drawn.items()}
    path = mine.directory.path / "plan.png"
    try:
        save(path, plans, max(look.total_steps for look in drawn.values()))
    except ValueError as error:
        raise ConfigError(f"the plan cannot be drawn: {error}") from error
    out.print(f"drawn in {short(path)}; leave sweep.plan=true out to run it")
