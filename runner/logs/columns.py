"""Which figures of a log are the rate and the loss, and the curve that they make."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from schedules import from_spec, values
from schedules.names import nearest
from schedules.theory import Curve

from ..errors import ConfigError
from .log import Floats, Log, Series

RATES = ("lr", "learning_rate", "train/lr", "train/learning_rate", "learning-rate", "lr_0", "lr/group0")
LOSSES = (
    *("val/loss", "val_loss", "eval_loss", "eval/loss", "validation/loss", "validation_loss", "valid_loss"),
    *("valid/loss", "loss/val", "test/loss"),
)
TRAINING = ("loss", "train_loss", "train/loss", "training_loss", "loss/train", "train/train_loss")
_RATE, _LOSS = re.compile(r"(^|[/_-])(lr|learning_rate)([/_-]|$)"), re.compile(r"loss")
FEWEST = 12  # evaluations that a curve needs: with fewer of them, the training loss is taken


def rate_of(log: Log, asked: str | None = None) -> Series:
    """Return the rate that a log holds.

    Raises:
        ConfigError: it holds none, or none of that name; the message names what there is.
    """
    name = _chosen(log, "rate", asked, RATES, _RATE)
    return log.series[name]


def loss_of(log: Log, asked: str | None = None) -> tuple[str, Series]:
    """Return the name of a log's loss and the loss: of evaluations, where there are enough of them.

    Raises:
        ConfigError: as :func:`rate_of`.
    """
    if asked is None:
        for name in (*LOSSES, *TRAINING):
            if name in log.series and len(log.series[name].steps) >= FEWEST:
                return name, log.series[name]
    name = _chosen(log, "loss", asked, (*LOSSES, *TRAINING), _LOSS)
    return name, log.series[name]


def _chosen(log: Log, what: str, asked: str | None, usual: Sequence[str], pattern: re.Pattern[str]) -> str:
    if asked is not None:
        if asked in log.series:
            return asked
        raise ConfigError(f"{log.name} has no figure {asked!r}; {nearest(asked, list(log.series))}")
    for name in usual:
        if name in log.series:
            return name
    fitting = [name for name in log.series if pattern.search(name.lower())]
    if len(fitting) == 1:
        return fitting[0]
    which = f"several that could be: {_some(fitting)}" if fitting else f"it has {_some(log.series)}"
    raise ConfigError(f"{log.name} ({log.kind}) must hold a {what}; {which}. Name it with --{what}")


def _some(names: Iterable[str]) -> str:
    held = list(names)
    return ", ".join(held[:10]) + (", ..." if len(held) > 10 else "") if held else "no figures"


def curve_of(log: Log, rate: str | None = None, loss: str | None = None) -> Curve:
    """Return the rate of every update and the losses seen; between rates that were logged, a straight line.

    A log of ours has its plan, and the rate of every update from it, to the planned end.

    Raises:
        ConfigError: as :func:`rate_of`; or nothing was seen.
    """
    _, seen = loss_of(log, loss)
    if not len(seen.steps):
        raise ConfigError(f"{log.name} holds no loss")
    last = int(seen.steps[-1])
    if log.plan and rate is None:
        total = max(log.total_steps, last)
        rates = values(from_spec(dict(log.plan)), total)
    else:
        end = max(int(series.steps[-1]) for series in log.series.values() if len(series.steps))
        rates = rates_of(rate_of(log, rate), end)
    try:
        return Curve(rates, seen.steps, seen.values, log.name, log.epochs)
    except ValueError as error:
        raise ConfigError(f"{log.name}: {error}") from None


def rates_of(series: Series, last: int) -> Floats:
    """Return the rate of each update up to the last step of the log.

    What is logged at step ``s`` is the rate of update ``s``, counted from 0.
    """
    kept = np.isfinite(series.values)
    steps, held = series.steps[kept], series.values[kept]
    if not len(steps):
        return np.zeros(max(last, 1))
    return np.interp(np.arange(max(last, 1)), steps, held)
