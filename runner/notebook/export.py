"""``python -m runner export [SWEEP]``: a sweep's runs, evaluations and steps as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..commands.options import Parser
from ..settings.environment import default_tracking


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    defaults = default_tracking()
    made = Parser(
        prog="python -m runner export",
        description="Write a sweep as tables: runs, evaluations, and every step.",
        allow_abbrev=False,
    )
    made.add_argument(
        "sweep", nargs="?", metavar="SWEEP", help="run id, name or directory; by default the newest"
    )
    made.add_argument("--to", choices=("csv", "parquet"), default="csv", help="the files' form (csv)")
    made.add_argument("--out", type=Path, metavar="DIR", help="where they go (outputs/export/<sweep id>)")
    made.add_argument("--uri", help=f"the MLflow store (default: the directory's, else {defaults.uri})")
    made.add_argument("--experiment", help=f"where to look for it (default: {defaults.experiment})")
    return made


def main(arguments: list[str]) -> int:
    """Export; return the exit code.

    Raises:
        ConfigError: an option is wrong, or there is no such store or sweep.
    """
    asked = parser().parse_args(arguments)
    from .. import console  # and pandas and mlflow: only where the options are right
    from .start import find_sweep

    sweep = find_sweep(asked.sweep, asked.uri, asked.experiment)
    folder = asked.out or Path("outputs/export", sweep.id)
    tables = {"runs": sweep.frame(), "evaluations": sweep.evaluations(), "steps": sweep.curves()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        file = folder / f"{name}.{asked.to}"
        if asked.to == "csv":
            table.to_csv(file, index=False)
        else:
            table.to_parquet(file, index=False)
        console.out.print(f"{name:12} {len(table):8} rows  {console.short(file.absolute())}")
    return 0
