"""What ``python -m schedules`` prints: the list, all about one schedule, several in one picture."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..building import AROUND
from ..inspect.description import Description, describe
from ..inspect.linting import lint
from ..registry import names
from ..schedule import Schedule, knots
from ..shapes import SHAPES
from ..units import Horizon
from . import recipes, terminal
from .argument import Argument, Settings, illustrated, words
from .plot import AXIS_NAMES, save
from .sample import sample, scale_ends

_KNOTS_SHOWN = 12
_WIDEST = 80  # columns of a picture; a wider one says no more


def list_all() -> None:
    """Print every schedule, and what can be set for all of them."""
    rows = [("name", "what it is", "best for")]
    for about in map(describe, names()):
        rows.append((about.name, about.summary.split(": ")[0].rstrip("."), about.best_for))
    _print_table(rows, heading=True)
    print("\nEvery schedule also takes, where it has no such field of its own:")
    _print_table(list(AROUND.items()), indent="  ")
    if known := recipes.names():
        print("\nPublished recipes, to show and plot like a schedule:")
        print(*terminal.paragraph(", ".join(known), terminal.width(sys.stdout), "  "), sep="\n")
    print("\nShapes, for every field that takes one:")
    print(*terminal.paragraph(", ".join(SHAPES), terminal.width(sys.stdout), "  "), sep="\n")


def show(arguments: Sequence[Argument], horizon: Horizon, log: bool) -> None:
    """Print all about each schedule: its words, then what it does in this run."""
    built = [(argument, argument.build(horizon, illustrated(argument))) for argument in arguments]
    for i, (argument, schedule) in enumerate(built):
        if i:
            print("\n")
        if argument.text.startswith(recipes.PREFIX):
            for line in recipes.about(argument.text.partition(":")[0]):
                print(*terminal.paragraph(line, terminal.width(sys.stdout)), sep="\n")
            print()
        _print_words(describe(argument.name))
        _print_run(schedule, horizon.total_steps or 1, illustrated(argument), log)


def plot(
    arguments: Sequence[Argument],
    momentum: Sequence[Argument],
    horizon: Horizon,
    *,
    out: Path | None,
    log: bool,
    grid: bool,
    title: str,
) -> None:
    """Draw the schedules in one picture, in a file or here, and say what was chosen for it.

    A momentum joins the first schedule of its name; without one it stands alone.
    """
    total_steps = horizon.total_steps or 1
    plans: dict[str, dict[str, Schedule]] = {}
    chosen: dict[str, dict[str, Settings]] = {}

    def enter(label: str, hyper_parameter: str, argument: Argument) -> None:
        if hyper_parameter in plans.get(label, {}):
            raise ValueError(f"each schedule must be given once, got {argument.text!r} twice")
        added = illustrated(argument, hyper_parameter)
        plans.setdefault(label, {})[hyper_parameter] = argument.build(horizon, added)
        chosen.setdefault(hyper_parameter, {})[label] = added

    for argument in arguments:
        enter(argument.label, "lr", argument)
    for argument in momentum:
        partners = [one.label for one in arguments if one.name == argument.name]
        enter(partners[0] if partners else argument.label, "momentum", argument)
    if out is None:
        _draw_here(plans, total_steps, log)
    else:
        print(f"wrote {save(out, plans, total_steps, log=log, grid=grid, title=title)}")
    for name, added in chosen.items():
        _print_chosen(AXIS_NAMES.get(name, name), added)


def _print_words(about: Description) -> None:
    width = terminal.width(sys.stdout)
    print(terminal.bold(sys.stdout)(about.name), f"({about.class_name})")
    print(*terminal.paragraph(about.summary, width), "", sep="\n")
    if about.legend:
        print(*terminal.paragraph(about.legend + ":", width), sep="\n")
    print(*(f"  {line}" for line in about.equation), "", sep="\n")
    for note in about.notes:
        print(*terminal.paragraph(note, width), "", sep="\n")
    _print_table([fact for fact in (("Best for", about.best_for), ("Source", about.source)) if fact[1]])
    print()
    fields = [(f.name, f.default, f.limits, f.text) for f in about.fields]
    _print_table([("field", "default", "limits", "meaning"), *fields], heading=True)
    print()


def _print_run(schedule: Schedule, total_steps: int, added: Settings, log: bool) -> None:
    """Print a picture of one run, the values where the formula changes, and the code that makes it."""
    chosen = f", with {words(added)}" if added else ""
    print(f"{terminal.bold(sys.stdout)(f'In a run of {total_steps:,} steps')}{chosen}")
    columns = max(min(terminal.width(sys.stdout), _WIDEST) - 12, 8)
    low, high, log = scale_ends([sample(schedule, total_steps)[1]], log)
    parts = terminal.scale(terminal.columns_of(schedule, total_steps, columns), low, high, log)
    rows = terminal.bars(parts, height=6, levels=terminal.blocks(sys.stdout))
    for label, row in zip([f"{high:.4g}", "", "", "", "", f"{low:.4g}"], rows, strict=True):
        print(f"{label:>10}  {row}".rstrip())
    print(f"{'':12}0{total_steps:>{columns - 1},}\n")

    turns = [step for step in knots(schedule, total_steps) if step < total_steps - 1]
    shown = turns[:_KNOTS_SHOWN]
    before = [step - 1 for step in shown if abs(schedule(step) - schedule(step - 1)) > 0.1 * (high - low)]
    steps = sorted({0, *before, *shown, total_steps - 1, total_steps})
    _print_table(
        [("step", "value"), *((f"{step:,}", f"{float(schedule(step)):.6g}") for step in steps)], indent="  "
    )
    if len(turns) > _KNOTS_SHOWN:
        print(f"  and {len(turns) - _KNOTS_SHOWN:,} more steps where the formula changes")
    for finding in lint(schedule, total_steps):
        print(*terminal.paragraph(f"lint: {finding}", terminal.width(sys.stdout), "  "), sep="\n")
    print(f"\n{schedule!r}")


def _draw_here(plans: Mapping[str, Mapping[str, Schedule]], total_steps: int, log: bool) -> None:
    """Draw each hyper-parameter's schedules one below the other on one scale."""
    columns = max(min(terminal.width(sys.stdout), _WIDEST), 8)
    for name in dict.fromkeys(name for plan in plans.values() for name in plan):
        curves = {label: plan[name] for label, plan in plans.items() if name in plan}
        full = [sample(schedule, total_steps)[1] for schedule in curves.values()]
        low, high, logarithmic = scale_ends(full, log)
        scale = f"{low:.4g} to {high:.4g}{', log scale' if logarithmic else ''}"
        heading = f"{AXIS_NAMES.get(name, name)}, {scale}, in {total_steps:,} steps"
        print(terminal.bold(sys.stdout)(heading))
        for label, schedule in curves.items():
            parts = terminal.scale(
                terminal.columns_of(schedule, total_steps, columns), low, high, logarithmic
            )
            rows = terminal.bars(parts, height=2, levels=terminal.blocks(sys.stdout))
            print(label, *(row.rstrip() for row in rows), sep="\n")
        print()


def _print_chosen(name: str, chosen: Mapping[str, Settings]) -> None:
    """Say which settings nobody gave; first those that are the same for all."""
    first, *others = chosen.values()
    common = {key: first[key] for key in first if all(key in added for added in others)}
    texts = [words(common)] if common else []
    for label, added in chosen.items():
        own = {key: setting for key, setting in added.items() if key not in common}
        if own:
            texts.append(f"{label}: {words(own)}")
    if texts:
        sentence = f"Chosen for this picture's {name}: {'; '.join(texts)}"
        print(*terminal.paragraph(sentence, terminal.width(sys.stdout)), sep="\n")


def _print_table(rows: Sequence[Sequence[str]], *, heading: bool = False, indent: str = "") -> None:
    """Print the rows; with a heading, it and the first column stand out."""
    lines = terminal.table(rows, terminal.width(sys.stdout), indent)
    strong = terminal.bold(sys.stdout)
    if heading:
        size = max(len(row[0]) for row in rows)
        lines = [strong(lines[0])] + [
            line if line.startswith(" ") else strong(line[:size]) + line[size:] for line in lines[1:]
        ]
    print(*lines, sep="\n")
