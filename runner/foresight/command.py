"""``python -m runner predict FROM... --schedule cosine,wsd --steps 20000``: runs that were not made."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from ..commands.options import Parser
from ..errors import ConfigError

_NEXT_SCHEDULE = re.compile(r",(?=\s*[a-z_]+\s*(?::|,|$))")
PICTURE = "predict.png"


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    made = Parser(
        prog="python -m runner predict",
        description="From runs that were made, predict how other schedules and lengths would end.",
        epilog="FROM may be any mix; nothing is trained. docs/foresight.md says how far to believe it.",
        allow_abbrev=False,
    )
    made.add_argument(
        "sources", nargs="+", metavar="FROM",
        help="a log or a folder of logs (CSV, Parquet, trainer_state.json, TensorBoard events, *.wandb, run "
        "folders), or the id or name of a run or sweep in MLflow",
    )  # fmt: skip
    made.add_argument(
        "--schedule", action="append", metavar="NAME[:key=value,...]",
        help="schedules to predict, separated by commas (default: cosine,wsd,linear)",
    )  # fmt: skip
    made.add_argument("--steps", metavar="N[,N...]", help="lengths to predict (default: the longest run's)")
    made.add_argument("--peak", type=float, metavar="RATE", help="which runs, by their peak rate")
    for name, what in (("rate", "the rate"), ("loss", "the loss"), ("step", "the step")):
        made.add_argument(f"--{name}", metavar="COLUMN", help=f"what a log calls {what}")
    made.add_argument(
        "--out", type=Path, default=Path("outputs/predict"), metavar="DIR", help="the picture's"
    )
    made.add_argument("--json", action="store_true", help="print JSON, and draw nothing")
    made.add_argument("--anyway", action="store_true", help="predict what would be refused, with the reason")
    made.add_argument("--uri", help="the MLflow store (default: the one in this folder)")
    made.add_argument("--experiment", help="where names are looked for (default: schedule-lab)")
    return made


def main(arguments: list[str]) -> int:
    """Predict; return the exit code.

    Raises:
        ConfigError: an option is wrong, a log cannot be read, or there is no honest answer.
    """
    asked = parser().parse_args(arguments)
    names = [name for text in asked.schedule or ["cosine,wsd,linear"] for name in _NEXT_SCHEDULE.split(text)]
    from schedules.show.argument import read

    try:
        wanted = [read(name.strip()) for name in names]
    except ValueError as error:
        raise ConfigError(f"--schedule: {error}") from None
    from . import table
    from .forecast import as_data, forecast
    from .histories import Columns, gather, of_one_peak

    histories = gather(
        asked.sources, Columns(asked.step, asked.rate, asked.loss), asked.uri, asked.experiment
    )
    chosen, others = of_one_peak(histories, asked.peak)
    lengths = steps_of(asked.steps) if asked.steps else [max(len(each.curve.rates) for each in chosen)]
    found = forecast(chosen, wanted, lengths)
    if found.refused and not asked.anyway:
        raise ConfigError(
            "nothing can be predicted from " + ", ".join(asked.sources) + ":\n- " + "\n- ".join(found.refused)
            + "\n--anyway shows what the law would say"
        )  # fmt: skip
    if asked.json:
        print(json.dumps(as_data(found) | {"left_out": [each.log.name for each in others]}, indent=1))
        return 0
    table.show(found, others)
    if any(not row.refused for row in found.rows):
        from .picture import draw

        asked.out.mkdir(parents=True, exist_ok=True)
        draw(found, asked.out / PICTURE)
        table.say_picture(asked.out / PICTURE)
    return 0


def steps_of(text: str) -> list[int]:
    """Return the lengths that an option names.

    >>> steps_of("20000,5e4")
    [20000, 50000]
    """
    found = []
    for part in text.split(","):
        try:
            length = float(part)
        except ValueError:
            length = 0.0
        if length < 2 or not length.is_integer():
            raise ConfigError(f"--steps must be whole numbers >= 2, got {part!r}")
        found.append(int(length))
    return found
