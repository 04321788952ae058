"""A transfer on the terminal."""

from __future__ import annotations

from rich.table import Table

from .. import console
from ..words import listed
from .advise import Transfer


def show_transfer(found: Transfer) -> None:
    """Print every rule with its source and factor, their spread, the runs' own answer, a grid, refusals."""
    scale = found.scale
    parts = {"steps": scale.steps, "batch": scale.batch, "width": scale.width, "depth": scale.depth}
    changes = [f"{name} x {value:g}" for name, value in parts.items() if value != 1] or ["nothing"]
    tuned = f"{found.schedule}, {found.steps:,.0f} steps, peak {found.rate:.4g}"
    console.out.print(f"from    {tuned}; changed: {listed(changes)}")
    console.out.print(_rules(found))
    for rule in found.rules:
        if rule.remark:
            console.out.print(f"{rule.name}: {rule.remark}")
    for sentence in sentences(found):
        console.out.print(sentence)
    for reason in found.refused:
        console.out.print(f"refused: {reason}")


def _rules(found: Transfer) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rule", overflow="fold")
    for title in ("factor", "peak rate", "weight decay"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("source", overflow="fold")
    for rule in found.rules:
        decay = "" if rule.weight_decay is None else f"x {rule.weight_decay:.4g}"
        if rule.weight_decay is not None and found.weight_decay:
            decay = f"{rule.weight_decay * found.weight_decay:.4g}"
        rate = f"{found.rate * rule.rate:.4g}"
        table.add_row(rule.name, f"{rule.rate:.4g}", rate, decay, rule.source)
    return table


def sentences(found: Transfer) -> list[str]:
    """Return what the rules, the runs and the grid come to."""
    factors = [rule.rate for rule in found.rules]
    said = [
        f"The rules span a factor of {max(factors) / min(factors):.2g}: from {min(factors):.3g} to "
        f"{max(factors):.3g} of the rate."
    ]
    own = found.own
    inside = [each for each in own.by_length if each.rate is not None]
    if own.rate is not None:
        at = listed([f"{each.rate:.3g} at {each.steps:,.0f} steps" for each in inside])
        slope = f" (their own exponent: {own.exponent:+.2f}, too noisy to follow)" if own.exponent else ""
        said.append(
            f"Your own runs: best {at}{slope}; along steps^-0.125 that is {own.rate:.3g} at "
            f"{found.steps * found.scale.steps:,.0f} steps."
        )
    else:
        said.append("Your own runs say nothing: no length has its best rate between two others.")
    for name, (before, after) in found.betas.items():
        said.append(f"{name} {before:g} -> {after:.6g}: the same half-life in examples.")
    if found.grid:
        said.append(f"Try {listed([f'{rate:.3g}' for rate in found.grid])}.")
    else:
        said.append("No rates to try: what is refused below comes first.")
    return said
