"""``python -m runner transfer FROM --steps x4``: which peak rate, decay and betas at another scale."""

from __future__ import annotations

import argparse
import json
import math
import re
from typing import Any

from ..commands.options import Parser
from ..errors import ConfigError

_FACTOR = re.compile(r"[x×*](\d+(?:\.\d*)?(?:e\d+)?)", re.IGNORECASE)
PARAMETRIZATIONS = ("standard", "mup", "completep")


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    made = Parser(
        prog="python -m runner transfer",
        description="Every published rule for the peak rate at another scale, what your own runs say, and "
        "what must not be transferred.",
        epilog="The rules contradict each other: docs/foresight.md shows by how much.",
        allow_abbrev=False,
    )
    made.add_argument(
        "sources", nargs="+", metavar="FROM", help="a sweep, run or log whose peak rate was tuned"
    )
    for name, what in (("steps", "updates"), ("batch", "examples in an update"), ("width", "the model")):
        made.add_argument(f"--{name}", default="x1", metavar="xF or N", help=f"{what}: a factor or a number")
    made.add_argument("--depth", default="x1", metavar="xF or N", help="layers: a factor or a number")
    made.add_argument("--schedule", metavar="NAME", help="the schedule to come (default: the runs' own)")
    made.add_argument("--optimizer", metavar="NAME", help="where a log does not say (default: adamw)")
    made.add_argument("--parametrization", choices=PARAMETRIZATIONS, default="standard")
    made.add_argument("--critical-batch", type=float, metavar="N", help="examples, where it is known")
    for name, what in (("rate", "the rate"), ("loss", "the loss"), ("step", "the step")):
        made.add_argument(f"--{name}", metavar="COLUMN", help=f"what a log calls {what}")
    made.add_argument("--json", action="store_true", help="print JSON")
    made.add_argument("--uri", help="the MLflow store (default: the one in this folder)")
    made.add_argument("--experiment", help="where names are looked for (default: schedule-lab)")
    return made


def main(arguments: list[str]) -> int:
    """Say what to take at another scale; return the exit code.

    Raises:
        ConfigError: an option is wrong, or a source cannot be read.
    """
    asked = parser().parse_args(arguments)
    from .advise import Wish, advise, as_data
    from .histories import Columns, gather
    from .transfer_table import show_transfer

    histories = gather(
        asked.sources, Columns(asked.step, asked.rate, asked.loss), asked.uri, asked.experiment
    )
    settings = histories[0].log.settings
    own = {
        "steps": float(max(len(each.curve.rates) for each in histories)),
        "batch": _number(settings.get("trainer.batch_size")),
        "width": _number(settings.get("model.width")),
        "depth": _number(settings.get("model.depth")),
    }
    factors = {name: factor(name, getattr(asked, name), own[name]) for name in own}
    wish = Wish(
        **factors,
        schedule=asked.schedule,
        optimizer=asked.optimizer,
        parametrization=asked.parametrization,
        critical_batch=asked.critical_batch,
    )
    found = advise(histories, wish)
    if asked.json:
        print(json.dumps(as_data(found), indent=1))
    else:
        show_transfer(found)
    return 0


def factor(name: str, text: str, own: float | None) -> float:
    """Return the factor that an option means: ``x4``, or a number against the runs' own.

    >>> factor("steps", "x4", None), factor("steps", "2e4", 5000.0)
    (4.0, 4.0)
    """
    match = _FACTOR.fullmatch(text)
    number = _number(match.group(1) if match else text)
    if number is None or not (0 < number < math.inf):
        raise ConfigError(f"--{name} must be a factor as x4, or a number > 0, got {text!r}")
    if match:
        return number
    if own is None:
        raise ConfigError(f"--{name} must be a factor as x4: the log does not say its own, got {text!r}")
    return number / own


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
