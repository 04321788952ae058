"""A callback of the Transformers' ``Trainer`` that keeps the record of a run of the runner's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .loop import Loop

TIMES = ("runtime", "samples_per_second", "steps_per_second", "loss", "model_preparation_time")


class TransformersRecord:
    """``Trainer(..., callbacks=[RecordCallback(sweep="mine")])``, with ``logging_steps=1`` for every step.

    Schedule, peak rate, seed and length are those of the ``TrainingArguments``, unless they are given. A
    step's row has the rate that its update was made with, its loss and, where it is clipped, the norm of its
    gradient; what ``evaluate`` returns is an evaluation. Training that goes on from a checkpoint goes on with
    the record, too.

    Args:
        **arguments: those of ``runner.record``.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self._given = arguments
        self._loop = Loop(arguments)
        self._rate: float | None = None

    @property
    def run(self) -> Any:
        """The record; ``None`` before the training begins, and in processes that record nothing."""
        return self._loop.run

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the record, in the first process."""
        if self._loop.is_open:  # a training before this one that an exception ended
            self._loop.run.fail("the training was begun anew")  # type: ignore[union-attr]
        self._loop = Loop(self._given)
        if state.is_world_process_zero:
            known = {
                "schedule": str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)),
                "lr": args.learning_rate,
                "seed": args.seed,
                "total_steps": state.max_steps,
                "resume": state.global_step > 0,
            }
            self._loop.begin(known)

    def on_step_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Note the rate that the update will be made with: the one that is logged is the next update's."""
        optimizer = given.get("optimizer")
        self._rate = float(optimizer.param_groups[0]["lr"]) if optimizer is not None else None

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        """Record a step, where its loss is logged."""
        if not self._loop.is_open or not logs or "loss" not in logs:
            return
        rate = self._rate if self._rate is not None else logs.get("learning_rate")
        values = {"lr": rate, "grad_norm": logs.get("grad_norm"), "loss": float(logs["loss"])}
        self._loop.step(state.global_step - 1, {k: float(v) for k, v in values.items() if v is not None})

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        """Record an evaluation."""
        if not self._loop.is_open or not metrics or "eval_loss" not in metrics:
            return
        others = {k.removeprefix("eval_"): v for k, v in metrics.items() if k.startswith("eval_")}
        kept = {k: float(v) for k, v in others.items() if k not in TIMES and isinstance(v, (int, float))}
        self._loop.evaluate(state.global_step, kept | {"loss": float(metrics["eval_loss"])})

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End the record."""
        if self._loop.is_open:
            self._loop.run.finish()  # type: ignore[union-attr]
