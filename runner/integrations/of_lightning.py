"""A Lightning logger that keeps the record of a run of the runner's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from .loop import Loop

ARGUMENTS = ("schedule", "lr", "seed", "total_steps")
RATE = re.compile(r"lr-[^/]*?(/pg1)?(-momentum)?")  # as the LearningRateMonitor calls them


def lightning(module: str) -> Any:
    """Import a module of Lightning, by the name under which it is installed."""
    try:
        return import_module(f"lightning.pytorch.{module}")
    except ModuleNotFoundError as error:
        if error.name != "lightning":
            raise
        return import_module(f"pytorch_lightning.{module}")


class LightningRecord:
    """``Trainer(logger=RecordLogger(schedule="cosine", lr=0.1, sweep="mine"), log_every_n_steps=1)``.

    A step's row is written when its loss is logged, with the rate and the momentum that a
    ``LearningRateMonitor("step", log_momentum=True)`` logged for it. What begins with ``val_`` is an
    evaluation. Hyper-parameters of the module are settings of the run; those called ``schedule``, ``lr``,
    ``seed`` and ``total_steps`` are the arguments of that name, where they are not given.

    Args:
        loss: what the module logs its training loss as.
        val_loss: what it logs its validation loss as.
        **arguments: those of ``runner.record``. With ``resume=True`` a run that did not finish goes on, for
            ``trainer.fit(..., ckpt_path=...)``.
    """

    def __init__(self, *, loss: str = "train_loss", val_loss: str = "val_loss", **arguments: Any) -> None:
        super().__init__()
        self._loop = Loop(arguments)
        self._losses = (loss, f"{loss}_step")
        self._val_loss = val_loss
        self._arguments = arguments
        self._known: dict[str, Any] = {}
        self._rates: dict[str, float] = {}

    @property
    def experiment(self) -> Any:
        """The record; ``None`` before the first step is logged."""
        return self._loop.run

    @property
    def name(self) -> str:
        """The sweep's name."""
        return str(self._arguments.get("sweep") or "recorded")

    @property
    def version(self) -> str:
        """The schedule and the seed: Lightning puts checkpoints into a folder of that name."""
        said = {**self._known, **self._arguments}
        return f"{said.get('schedule', 'none')}-{said.get('seed', 0)}".replace("/", "_")[:80]

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Take the module's hyper-parameters as settings, those that are texts and numbers."""
        given = params if isinstance(params, Mapping) else vars(params)
        plain = (str, int, float, bool)
        self._known |= {str(key): value for key, value in given.items() if isinstance(value, plain)}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record a step or an evaluation, where the metrics are of one."""
        if step is None or not self._is_first() or (self._loop.run is not None and not self._loop.is_open):
            return  # of the record's end: what trainer.test logs is no part of the training
        rates = {rate: value for key, value in metrics.items() if (rate := _rate(key)) is not None}
        self._rates |= rates
        loss = next((name for name in self._losses if name in metrics), None)
        if loss is not None:
            self._loop.begin(self._known)
            others = {k: v for k, v in metrics.items() if _is_kept(k) and k != loss}
            self._loop.step(step, {**self._rates, **others, "loss": metrics[loss]})
        if self._val_loss in metrics:
            judged = {k.removeprefix("val_"): v for k, v in metrics.items() if k.startswith("val_")}
            judged.pop(self._val_loss.removeprefix("val_"), None)
            updates = step + 1  # Lightning evaluates before it counts the step
            self._loop.evaluate(updates, _accuracy(judged) | {"loss": metrics[self._val_loss]})

    def finalize(self, status: str) -> None:
        """End the record: as finished, or with the exception that Lightning is handling."""
        if self._loop.run is None or not self._loop.is_open:
            return
        if status == "success":
            self._loop.run.finish()
        else:
            self._loop.run.fail(sys.exception() or status)

    def _is_first(self) -> bool:
        return int(getattr(lightning("utilities").rank_zero_only, "rank", 0) or 0) == 0


def _rate(key: str) -> str | None:
    """Return ``lr`` or ``momentum`` for what the monitor calls that of the first group."""
    found = RATE.fullmatch(key)
    return None if found is None else "momentum" if found[2] else "lr"


def _is_kept(key: str) -> bool:
    return key != "epoch" and not key.startswith("val_") and not key.endswith("_epoch") and _rate(key) is None


def _accuracy(metrics: dict[str, float]) -> dict[str, float]:
    """Return the metrics with the usual short name spelt out."""
    return {("accuracy" if key == "acc" else key): value for key, value in metrics.items()}
