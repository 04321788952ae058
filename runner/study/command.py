"""``python -m runner study [STUDY]``: the same schedules on several workloads, and one answer over all."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..commands.options import Parser
from ..errors import ConfigError
from .manifest import LAPTOP, keep, read


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    made = Parser(
        prog="python -m runner study",
        description="Try the same schedules on several workloads, each tuned for itself; say which to take.",
        allow_abbrev=False,
    )
    made.add_argument(
        "study", nargs="?", type=Path, default=LAPTOP, metavar="STUDY",
        help="a TOML file; by default the seven uses of schedules at laptop size",
    )  # fmt: skip
    made.add_argument("--plan", action="store_true", help="say what it would train, and for how long")
    made.add_argument("--report", action="store_true", help="train nothing: judge what is there")
    made.add_argument(
        "--out", type=Path, default=Path("outputs/study"), metavar="DIR",
        help="where its sweeps go (outputs/study); a study that is there goes on",
    )  # fmt: skip
    made.add_argument("--page", type=Path, metavar="FILE", help="where the page goes (DIR/which-schedule.md)")
    made.add_argument("--alpha", type=float, default=0.05, help="rate of false alarms (default: 0.05)")
    made.add_argument("--override", action="append", default=[], metavar="KEY=VALUE", help="for all its runs")
    return made


def main(arguments: list[str]) -> int:
    """Make the study, or go on with it, and write its page; return the exit code.

    Raises:
        ConfigError: an option or the study's file is wrong.
        JobFailed: one of its sweeps failed.
    """
    asked = parser().parse_args(arguments)
    if not 0 < asked.alpha < 1:
        raise ConfigError(f"--alpha must be a number > 0 and < 1, got {asked.alpha}")
    if asked.plan and asked.report:
        raise ConfigError("--plan and --report must not both be given")
    study, folder = read(asked.study), asked.out.absolute()
    from .conduct import carry_out, plan

    if asked.plan:
        plan(study, folder, asked.override)
        return 0
    if not asked.report:
        keep(study, folder)
        carry_out(study, folder, asked.override)
    from .report import report

    report(study, folder, asked.page or folder / "which-schedule.md", asked.alpha)
    return 0
