"""``python -m runner compare [SWEEP]``: which schedule, at which peak rate, how sure, at what cost."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..commands.options import Parser
from ..errors import ConfigError
from ..settings.environment import default_tracking


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    defaults = default_tracking()
    made = Parser(
        prog="python -m runner compare",
        description="Compare the schedules of a sweep, or of several: a table, an HTML report, JSON.",
        allow_abbrev=False,
    )
    made.add_argument(
        "sweep", nargs="*", metavar="SWEEP",
        help="the sweep's run id or its beginning, its name, or its directory; by default the newest; "
        "the runs of several are joined",
    )  # fmt: skip
    made.add_argument("--uri", help=f"the MLflow store (default: the directory's, else {defaults.uri})")
    made.add_argument("--experiment", help=f"where to look for it (default: {defaults.experiment})")
    made.add_argument("--baseline", metavar="ARM", help="hold the others against this one")
    made.add_argument("--target", type=float, metavar="LOSS", help="validation loss to reach")
    made.add_argument("--alpha", type=float, default=0.05, help="rate of false alarms (default: 0.05)")
    made.add_argument(
        "--out", type=Path, metavar="DIR", help="where the files go (outputs/compare/<sweep id>)"
    )
    made.add_argument(
        "--no-log", action="store_true", help="leave the sweep's artifacts in MLflow as they are"
    )
    logs = made.add_argument_group("runs trained elsewhere, from their logs")
    logs.add_argument("--logs", nargs="+", metavar="LOG", help="files or folders; MLflow is left alone")
    logs.add_argument("--group", metavar="REGEX", help="what of a log's name is the schedule")
    logs.add_argument("--seed", metavar="REGEX", help="what of a log's name is the seed")
    for name, what in (("rate", "the rate"), ("loss", "the loss"), ("step", "the step")):
        logs.add_argument(f"--{name}", metavar="COLUMN", help=f"what a log calls {what}")
    return made


def main(arguments: list[str]) -> int:
    """Compare; return the exit code.

    Raises:
        ConfigError: an option is wrong, or there is no such store, sweep or arm.
    """
    asked = parser().parse_args(arguments)
    if asked.logs:
        return _of_logs(asked)
    for name in ("group", "seed", "rate", "loss", "step"):
        if getattr(asked, name) is not None:
            raise ConfigError(f"--{name} is of --logs, and there are none")
    from .. import console  # and mlflow, matplotlib: only where the options are right
    from ..settings.address import absolute
    from ..tracking.moved import warning
    from . import reader, report
    from .archive import Archive
    from .model import Question
    from .show import page, tables

    which = list(dict.fromkeys(asked.sweep)) or [None]
    directory = reader.directory_of(which[0])
    defaults = directory.order if directory is not None else default_tracking()
    archive = Archive(absolute(asked.uri or defaults.uri))
    if (note := warning(archive.uri)) is not None:
        console.err.print(f"note   {note}", soft_wrap=True)
    where = asked.experiment or defaults.experiment
    parent, *further = [reader.find(archive, where, each) for each in which]
    question = Question(baseline=asked.baseline, target=asked.target, alpha=asked.alpha)
    folder = asked.out or Path("outputs/compare", parent.info.run_id)
    collection, findings, files = report.compare(archive, parent, question, folder, further)
    tables.show(collection, findings)
    console.out.print(f"report  {console.short((folder / page.PAGE).absolute())}")
    if not asked.no_log:
        archive.add_files(collection.run_id, files, report.PLACE)
        console.out.print(
            f"        and as artifacts {report.PLACE}/ of the run {collection.run_id} in MLflow"
        )
    return 0


def _of_logs(asked: argparse.Namespace) -> int:
    """Compare runs that were trained elsewhere."""
    if asked.sweep:
        raise ConfigError(f"give a SWEEP or --logs, not both, got {asked.sweep!r}")
    from .. import console
    from .analysis import analyse
    from .from_logs import NAME, Patterns, collect, judged
    from .model import Question
    from .show import page, tables

    patterns = Patterns(asked.group, asked.seed, asked.step, asked.rate, asked.loss)
    collection, seeded = collect(asked.logs, patterns)
    question = Question(baseline=asked.baseline, target=asked.target, alpha=asked.alpha)
    findings = judged(analyse(collection, question), seeded)
    folder = asked.out or Path("outputs/compare", NAME)
    page.write(collection, findings, folder)
    tables.show(collection, findings)
    console.out.print(f"report  {console.short((folder / page.PAGE).absolute())}")
    return 0
